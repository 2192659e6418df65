/* SPDX-License-Identifier: Apache-2.0 */
/* The part `stores` of the configuration: which format a file has by its name, and how it is laid out. */
#include "core/config_internal.h"

const char *sops_config_store(const struct sops_format *f) { return f->store != NULL ? f->store : f->name; }

/* What `stores` says of a format, or NULL. Types were checked when the file was read. */
static const struct sops_node *store_of(const struct sops_config *c, const struct sops_format *f)
{
    const struct sops_node *stores = NULL, *store = NULL;
    struct sops_err ignored = {0};
    bool ok = c != NULL && c->doc.parts != NULL && sops_conf_map(c->doc.parts, "stores", &stores, &ignored) &&
              stores != NULL && sops_conf_map(stores, sops_config_store(f), &store, &ignored);
    sops_err_clear(&ignored);
    return ok ? store : NULL;
}

struct sops_style sops_config_style(const struct sops_config *c, const struct sops_format *f)
{
    struct sops_style style = {0};
    struct sops_err ignored = {0};
    const struct sops_node *store = f->store != NULL ? store_of(c, f) : NULL;
    if (store != NULL && !sops_conf_int(store, "indent", &style.indent, &style.indent_set, &ignored)) {
        style = (struct sops_style){0};
    }
    sops_err_clear(&ignored);
    return style;
}

/* `*` is any text, `?` any one byte, all else itself. A `*` that was passed need never be gone back to, so the time is
 * the product of both lengths at most. */
static bool matches(struct sops_slice pattern, struct sops_slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static bool names_match(const struct sops_node *store, struct sops_slice base)
{
    const struct sops_node *names = NULL;
    struct sops_err ignored = {0};
    bool found = false, ok = sops_conf_list(store, "names", &names, &ignored);
    for (const struct sops_node *n = NULL; ok && !found && names != NULL && (n = sops_config_item(names, n)) != NULL;) {
        found = matches(n->text, base);
    }
    sops_err_clear(&ignored);
    return found;
}

const struct sops_format *sops_config_format(const struct sops_config *c, struct sops_slice file_name)
{
    struct sops_slice base = file_name;
    while (sops_slice_find(base, '/') != base.len) {
        base = sops_slice_skip(base, sops_slice_find(base, '/') + 1);
    }
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        const struct sops_node *store = store_of(c, sops_formats[i]);
        if (store != NULL && names_match(store, base)) {
            return sops_formats[i];
        }
    }
    return sops_format_for(file_name);
}
