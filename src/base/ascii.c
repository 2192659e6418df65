/* SPDX-License-Identifier: Apache-2.0 */
/* No function of <ctype.h>: those take the locale's word for what a letter is. */
#include "base/ascii.h"

static bool has_below(struct sops_slice s, uint8_t least)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < least || s.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

bool sops_has_control(struct sops_slice s) { return has_below(s, ' '); }

bool sops_has_unseen(struct sops_slice s) { return has_below(s, '!'); }

size_t sops_digits(struct sops_slice s)
{
    size_t n = 0;
    while (n < s.len && sops_is_digit(s.ptr[n])) {
        n++;
    }
    return n;
}

bool sops_only_alnum(struct sops_slice s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!sops_is_alnum(c) && (c == '\0' || strchr(more, c) == NULL)) {
            return false;
        }
    }
    return true;
}

bool sops_same_word(struct sops_slice s, struct sops_slice word)
{
    return s.len == word.len && sops_ends_word(s, word);
}

bool sops_ends_word(struct sops_slice s, struct sops_slice end)
{
    if (s.len < end.len) {
        return false;
    }
    s = sops_slice_skip(s, s.len - end.len);
    for (size_t i = 0; i < end.len; i++) {
        if (sops_to_lower(s.ptr[i]) != sops_to_lower(end.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool sops_bool_word(struct sops_slice s, bool *value)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True", NULL};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False", NULL};
    bool is_yes = sops_slice_is_any(s, yes);
    if (!is_yes && !sops_slice_is_any(s, no)) {
        return false;
    }
    *value = is_yes;
    return true;
}
