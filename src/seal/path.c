/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that are made from patterns (docs/spec/72-sealed-secrets.md#seal). */
#include "seal/sealing.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct sops_slice *value_of(const struct sops_path_values *v, struct sops_slice name)
{
    const struct {
        const char *name;
        const struct sops_slice *value;
    } known[] = {
        {"cluster", &v->cluster}, {"namespace", &v->space}, {"name", &v->name}, {"dir", &v->dir}, {"stem", &v->stem}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (sops_slice_eq(name, sops_str(known[i].name))) {
            return known[i].value;
        }
    }
    return NULL;
}

bool sops_path_fill(const char *pattern, const struct sops_path_values *v, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice rest = sops_str(pattern);
    while (rest.len != 0) {
        size_t open = sops_slice_find(rest, '{');
        if (!sops_buf_add(out, sops_slice_first(rest, open), e)) {
            return false;
        }
        rest = sops_slice_skip(rest, open);
        if (rest.len == 0) {
            break;
        }
        size_t close = sops_slice_find(rest, '}');
        struct sops_slice name = sops_slice_skip(sops_slice_first(rest, close), 1);
        const struct sops_slice *value = close < rest.len ? value_of(v, name) : NULL;
        if (value == NULL) {
            sops_fail(e, SOPS_E_CONFLICT, "unknown braces in the output '%s'", pattern);
            return sops_hint(e, "{cluster}, {namespace}, {name}, {dir} and {stem} are known");
        }
        if (value->len == 0) {
            return sops_fail(e, SOPS_E_CONFLICT, "'{%.*s}' in the output '%s' has no value here", SOPS_ARG(name),
                             pattern);
        }
        if (!sops_buf_add(out, *value, e)) {
            return false;
        }
        rest = sops_slice_skip(rest, close + 1);
    }
    return true;
}

void sops_path_parts(const char *file, struct sops_slice *dir, struct sops_slice *stem)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash != NULL ? slash + 1 : file;
    const char *dot = base[0] != '\0' ? strchr(base + 1, '.') : NULL;
    *dir = slash == NULL ? SOPS_LIT(".") : slash == file ? SOPS_LIT("/") : sops_slice_of(file, (size_t)(slash - file));
    *stem = dot != NULL ? sops_slice_of(base, (size_t)(dot - base)) : sops_str(base);
}

bool sops_path_relative(const char *path, const char *from, struct sops_buf *out, struct sops_err *e)
{
    size_t same = 0, i = 0;
    for (; path[i] != '\0' && path[i] == from[i]; i++) {
        same = path[i] == '/' ? i + 1 : same;
    }
    if (from[i] == '\0' && (path[i] == '/' || path[i] == '\0')) {
        same = path[i] == '/' ? i + 1 : i;
    }
    sops_buf_cut(out, 0);
    for (const char *p = from + (same < strlen(from) ? same : strlen(from)); *p != '\0';) {
        if (!sops_buf_adds(out, "../", e)) {
            return false;
        }
        const char *next = strchr(p, '/');
        p = next != NULL ? next + 1 : p + strlen(p);
    }
    return sops_buf_adds(out, path[same] != '\0' || out->len != 0 ? path + same : ".", e) &&
           sops_buf_cstr(out, e) != NULL;
}

bool sops_path_stays(const char *path, const char *folder, struct sops_err *e)
{
    char real[PATH_MAX], home[PATH_MAX];
    struct sops_buf part = {0};
    bool inside = sops_slice_starts(sops_str(path), sops_str(folder)) && realpath(folder, home) != NULL;
    bool ok = sops_buf_adds(&part, path, e);
    /* The deepest folder or file of it that is there: what links make of that. */
    while (ok && inside) {
        const char *text = sops_buf_cstr(&part, e);
        struct stat st;
        if (text == NULL || lstat(text, &st) == 0 || part.len <= 1) {
            size_t n = strlen(home);
            inside = text != NULL && realpath(text, real) != NULL && strncmp(real, home, n) == 0 &&
                     (real[n] == '/' || real[n] == '\0' || n == 1);
            break;
        }
        while (part.len > 1 && part.ptr[part.len - 1] != '/') {
            part.len--;
        }
        part.len -= part.len > 1;
    }
    sops_buf_free(&part);
    return ok &&
           (inside || sops_fail(e, SOPS_E_GENERIC, "the output '%s' of a rule leaves the folder of .sops.yaml", path));
}
