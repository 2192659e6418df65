/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic versions 2.0. Numbers are compared as texts, by length first, as they have no leading zeros. */
#include "core/meta.h"

#include "base/ascii.h"

struct version {
    struct sops_slice number[3], pre;
};

static bool all_digits(struct sops_slice s) { return s.len != 0 && sops_digits(s) == s.len; }

static int compare_numbers(struct sops_slice a, struct sops_slice b)
{
    return a.len != b.len ? (a.len > b.len) - (a.len < b.len) : sops_slice_cmp(a, b);
}

/* In the unsigned 64-bit range, as the reference has it. */
static bool is_number(struct sops_slice s)
{
    return all_digits(s) && (s.len == 1 || s.ptr[0] != '0') &&
           compare_numbers(s, SOPS_LIT("18446744073709551615")) <= 0;
}

/* Identifiers between points; `numbers`: those of digits only have no leading zeros. */
static bool are_identifiers(struct sops_slice s, bool numbers)
{
    struct sops_slice piece;
    while (sops_slice_next(&s, '.', &piece)) {
        if (piece.len == 0 || (numbers && all_digits(piece) && !is_number(piece)) || !sops_only_alnum(piece, "-")) {
            return false;
        }
    }
    return true;
}

static bool parse(struct sops_slice s, struct version *v)
{
    *v = (struct version){0};
    size_t plus = sops_slice_find(s, '+');
    if (plus < s.len && !are_identifiers(sops_slice_skip(s, plus + 1), false)) {
        return false;
    }
    s = sops_slice_first(s, plus);
    size_t minus = sops_slice_find(s, '-');
    if (minus < s.len) {
        v->pre = sops_slice_skip(s, minus + 1);
        if (!are_identifiers(v->pre, true)) {
            return false;
        }
    }
    s = sops_slice_first(s, minus);
    if (s.len == 0 || s.ptr[s.len - 1] == '.') {
        return false;
    }
    size_t n = 0;
    struct sops_slice piece;
    while (s.len != 0 && sops_slice_next(&s, '.', &piece)) {
        if (n == 3 || !is_number(piece)) {
            return false;
        }
        v->number[n++] = piece;
    }
    return n == 3;
}

static int compare_identifiers(struct sops_slice a, struct sops_slice b)
{
    bool x = all_digits(a), y = all_digits(b);
    return x && y ? compare_numbers(a, b) : x != y ? (x ? -1 : 1) : sops_slice_cmp(a, b);
}

static int compare_pre(struct sops_slice a, struct sops_slice b)
{
    if (a.len == 0 || b.len == 0) {
        return (a.len == 0) - (b.len == 0);
    }
    struct sops_slice x, y;
    for (;;) {
        bool more_a = sops_slice_next(&a, '.', &x), more_b = sops_slice_next(&b, '.', &y);
        if (!more_a || !more_b) {
            return more_a - more_b;
        }
        int order = compare_identifiers(x, y);
        if (order != 0) {
            return order;
        }
    }
}

bool sops_version_compare(struct sops_slice a, struct sops_slice b, int *order)
{
    struct version x, y;
    if (!parse(a, &x) || !parse(b, &y)) {
        return false;
    }
    *order = 0;
    for (size_t i = 0; i < 3 && *order == 0; i++) {
        *order = compare_numbers(x.number[i], y.number[i]);
    }
    *order = *order != 0 ? *order : compare_pre(x.pre, y.pre);
    return true;
}

bool sops_meta_check_version(const struct sops_meta *m, struct sops_err *e)
{
    struct version v;
    struct sops_slice s = m->version;
    if (sops_slice_starts(s, SOPS_LIT("1."))) {
        return true;
    }
    s = sops_slice_starts(s, SOPS_LIT("v")) ? sops_slice_skip(s, 1) : s;
    if (parse(s, &v)) {
        return true;
    }
    return sops_fail(e, SOPS_E_GENERIC, "metadata: 'version' is %s",
                     m->version.len == 0 ? "missing or empty" : "no version like " SOPS_VERSION);
}
