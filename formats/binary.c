/* SPDX-License-Identifier: Apache-2.0 */
/* A file of any bytes is one string under the key "data"; what is stored is JSON. */
#include "core/format.h"

#define KEY SOPS_LIT("data")

static bool parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct sops_node *root = sops_node_add_ref(out, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    const struct sops_span all = {0, (uint32_t)in.len};
    struct sops_node *n = root != NULL && sops_arena_copy(&out->arena, in, &in, e)
                              ? sops_node_add_ref(out, root, SOPS_STR, KEY, in, e)
                              : NULL;
    if (n == NULL) {
        return false;
    }
    root->line = n->line = 1;
    root->span = n->span = all;
    return true;
}

static bool refuse(struct sops_err *e, const char *why)
{
    sops_fail(e, SOPS_E_DUMP, "%s", why);
    return sops_hint(e, "this is likely not an encrypted binary file; --output-type selects another type");
}

static bool emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    (void)s;
    const struct sops_node *n = d->parts != NULL ? sops_node_find(d->parts, KEY) : NULL;
    if (n == NULL) {
        return refuse(e, "a binary file needs an entry 'data', and there is none");
    }
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e) : refuse(e, "the entry 'data' is not a string");
}

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    (void)s;
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e) : refuse(e, "only a string can be written as binary");
}

const struct sops_format sops_format_binary = {
    .name = "binary",
    .store = "json_binary",
    .example = "Welcome to SOPS! Edit this file as you please!",
    .meta = SOPS_META_NESTED,
    .flags = SOPS_FMT_WHOLE,
    .sealed = &sops_format_json,
    .parse = parse,
    .emit = emit,
    .emit_value = emit_value,
};
