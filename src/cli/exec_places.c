/* SPDX-License-Identifier: Apache-2.0 */
/* Where the paths of exec-file go in the words of the command. Braces that are no place of a file stay as they are, as
 * they may be JSON. */
#include "cli/exec.h"

#include "base/ascii.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Does `text` begin with the word and a closing brace? The length of both, or 0. */
static size_t closes(const char *text, const char *word, size_t len)
{
    return strncmp(text, word, len) == 0 && text[len] == '}' ? len + 1 : 0;
}

/* The file whose number, from 1 and without zeros in front, stands at `text`; or `count`. */
static size_t numbered(const char *text, size_t count, size_t *len)
{
    size_t digits = sops_digits(sops_str(text)), number = 0;
    if (digits == 0 || digits > 5 || text[0] == '0' || text[digits] != '}') {
        return count;
    }
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + (size_t)(text[i] - '0');
    }
    *len = digits + 1;
    return number <= count ? number - 1 : count;
}

/* A name that two files have says neither. */
static bool is_unique(const struct sops_exec *x, size_t which, struct sops_err *e)
{
    const char *name = base_name(x->files[which]);
    for (size_t i = which + 1; i < x->count; i++) {
        if (strcmp(base_name(x->files[i]), name) == 0) {
            sops_fail(e, SOPS_E_GENERIC, "{%s} is the name of two files, '%s' and '%s'", name, x->files[which],
                      x->files[i]);
            return sops_hint(e, "say which by its number: {%zu} or {%zu}", which + 1, i + 1);
        }
    }
    return true;
}

/* What stands behind a '{': the number of the file that it means, and the length up to its '}'; `count` for none. */
static bool find_place(const struct sops_exec *x, const char *text, size_t *next, size_t *which, size_t *len,
                       struct sops_err *e)
{
    *which = x->count;
    if (text[0] == '}') {
        *which = x->count == 1 ? 0 : *next < x->count ? *next : x->count;
        *next += 1;
        *len = 1;
        return true;
    }
    if (x->count == 1) {
        return true;
    }
    *which = numbered(text, x->count, len);
    for (size_t i = 0; *which == x->count && i < x->count; i++) {
        const char *name = base_name(x->files[i]);
        size_t n = name[0] != '\0' ? closes(text, name, strlen(name)) : 0;
        if (n != 0) {
            *which = i;
            *len = n;
            return is_unique(x, i, e);
        }
    }
    return true;
}

/* `next` counts the "{}" over all words. */
static bool fill_in(const struct sops_exec *x, const char *text, const char *const *paths, size_t *next,
                    struct sops_buf *out, struct sops_err *e)
{
    const char *brace;
    bool ok = true;
    while (ok && (brace = strchr(text, '{')) != NULL) {
        size_t which, len = 0;
        ok = sops_buf_add(out, sops_slice_of(text, (size_t)(brace - text)), e) &&
             find_place(x, brace + 1, next, &which, &len, e);
        if (ok && which < x->count) {
            ok = paths == NULL || sops_buf_adds(out, paths[which], e);
            text = brace + 1 + len;
        } else if (ok) {
            ok = sops_buf_addc(out, '{', e);
            text = brace + 1;
        }
    }
    return ok && sops_buf_adds(out, text, e);
}

bool sops_exec_places(struct sops_exec *x, const char *const *paths, const char *const **words, struct sops_err *e)
{
    size_t n = 0, next = 0;
    while (x->words[n] != NULL) {
        n++;
    }
    const char **made = sops_arena_alloc(&x->arena, (n + 1) * sizeof *made, e);
    bool ok = made != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        struct sops_buf text = {0};
        struct sops_slice copy = {0};
        ok = fill_in(x, x->words[i], paths, &next, &text, e) &&
             sops_arena_copy(&x->arena, sops_buf_view(&text), &copy, e);
        made[i] = (const char *)copy.ptr;
        sops_buf_free(&text);
    }
    if (ok && x->count > 1 && next != 0 && next != x->count) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the command has {} %zu times, and there are %zu files", next, x->count);
        return sops_hint(e, "write it once for each file, or {1}, {2}, … or {NAME} for the files that are wanted");
    }
    *words = made;
    return ok;
}
