/* SPDX-License-Identifier: Apache-2.0 */
/* Items that are not ours to change are never written anew: their bytes are copied, moved to another indentation. So a
 * number, a date or an unusual way of quoting comes out as it went in. */
#include "manifest/list.h"

#include "base/json.h"
#include "base/text.h"

#define GROUP "config.kubernetes.io/"

/* ---- indentation ------------------------------------------------------------------------------------------------- */

/* The text of `n`, its further lines moved to the left by the column that it begins at. */
static bool take_text(struct sops_resource_list *l, struct sops_slice all, const struct sops_node *n,
                      struct sops_slice *out, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_of(all.ptr + n->span.begin, n->span.end - n->span.begin), line;
    size_t column = 0;
    while (column < n->span.begin && all.ptr[n->span.begin - column - 1] != '\n') {
        column++;
    }
    uint8_t *to = sops_arena_bytes(&l->arena, rest.len + 1, e);
    uint8_t *begin = to;
    if (to == NULL) {
        return false;
    }
    for (bool first = true; rest.len != 0 && sops_slice_next(&rest, '\n', &line); first = false) {
        size_t strip = 0;
        while (!first && strip < column && strip < line.len && line.ptr[strip] == ' ') {
            strip++;
        }
        if (!first) {
            *to++ = '\n';
        }
        line = sops_slice_skip(line, strip);
        if (line.len != 0) {
            memcpy(to, line.ptr, line.len);
            to += line.len;
        }
    }
    *out = sops_slice_of(begin, (size_t)(to - begin));
    return true;
}

/* In [a: b] an item is a mapping without braces, which means something else in a list of lines: it gets them. */
static bool add_braces(struct sops_resource_list *l, struct sops_slice *item, struct sops_err *e)
{
    uint8_t first = item->len != 0 ? item->ptr[0] : '{', last = item->len != 0 ? item->ptr[item->len - 1] : '}';
    bool has = first == '{' || ((first == '&' || first == '!') && last == '}');
    return has || sops_arena_printf(&l->arena, item, e, "{%.*s}", SOPS_ARG(*item));
}

/* Appends it, its further lines moved to the right by two blanks, and a line end. */
static bool add_indented(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice rest =
        text.len != 0 && text.ptr[text.len - 1] == '\n' ? sops_slice_first(text, text.len - 1) : text;
    struct sops_slice line;
    bool ok = true, first = true;
    while (ok && rest.ptr != NULL && sops_slice_next(&rest, '\n', &line)) {
        ok = (first || line.len == 0 || sops_buf_adds(out, "  ", e)) && sops_buf_add(out, line, e) &&
             sops_buf_addc(out, '\n', e);
        first = false;
    }
    return ok;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool no_list(struct sops_err *e)
{
    sops_fail(e, SOPS_E_GENERIC, "stdin is no ResourceList of " GROUP "v1, v1beta1 or v1alpha1");
    return sops_hint(e, "a manifest stream is opened with --stream");
}

static bool is_list(const struct sops_node *root, struct sops_slice *api)
{
    static const char *const versions[] = {GROUP "v1", GROUP "v1beta1", GROUP "v1alpha1", NULL};
    struct sops_object_name name = sops_object_name_of(root);
    *api = name.api;
    return sops_slice_eq(name.kind, SOPS_LIT("ResourceList")) && sops_slice_is_any(name.api, versions);
}

static bool take_items(struct sops_resource_list *l, struct sops_slice text, const struct sops_node *list,
                       struct sops_err *e)
{
    size_t count = 0;
    for (const struct sops_node *n = list->child; n != NULL; n = n->next) {
        count += n->kind != SOPS_COMMENT;
    }
    l->nodes = sops_arena_alloc(&l->arena, (count + 1) * sizeof *l->nodes, e);
    bool ok = l->nodes != NULL, flow = list->span.begin < text.len && text.ptr[list->span.begin] == '[';
    for (const struct sops_node *n = list->child; ok && n != NULL; n = n->next) {
        struct sops_slice item;
        if (n->kind != SOPS_COMMENT) {
            l->nodes[l->items.count] = n;
            ok = take_text(l, text, n, &item, e) && (!flow || n->kind != SOPS_MAP || add_braces(l, &item, e)) &&
                 sops_manifests_add(&l->items, item, n, e);
        }
    }
    return ok;
}

bool sops_list_read(struct sops_resource_list *l, struct sops_slice text, struct sops_err *e)
{
    if (!sops_doc_parse(&l->doc, sops_manifest_format(), text, e)) {
        if (l->doc.odd_top || l->doc.no_document) {
            sops_err_clear(e);
            return no_list(e);
        }
        return sops_recode(e, e->memory ? SOPS_E_GENERIC : SOPS_E_READ) || sops_within(e, "cannot parse stdin as yaml");
    }
    const struct sops_node *root = l->doc.parts;
    if (root == NULL || root->next != NULL || !is_list(root, &l->api)) {
        return no_list(e);
    }
    if (root->span.begin == root->span.end) {
        return sops_fail(e, SOPS_E_READ, "the list is in UTF-16") || sops_hint(e, SOPS_UTF16_HINT);
    }
    const struct sops_node *items = sops_node_find(root, SOPS_LIT("items"));
    if (items != NULL && items->kind != SOPS_LIST && items->kind != SOPS_NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "'items' is no list");
    }
    l->config_node = sops_node_find(root, SOPS_LIT("functionConfig"));
    if (l->config_node != NULL && l->config_node->kind == SOPS_NULL) {
        l->config_node = NULL;
    }
    return (items == NULL || items->kind == SOPS_NULL || take_items(l, text, items, e)) &&
           (l->config_node == NULL || take_text(l, text, l->config_node, &l->config, e));
}

void sops_list_free(struct sops_resource_list *l)
{
    sops_manifests_free(&l->items);
    sops_doc_free(&l->doc);
    sops_arena_free(&l->arena);
    *l = (struct sops_resource_list){0};
}

static bool same_name(const struct sops_object_name *a, const struct sops_object_name *b)
{
    return sops_slice_eq(a->api, b->api) && sops_slice_eq(a->kind, b->kind) && sops_slice_eq(a->name, b->name) &&
           sops_slice_eq(a->space, b->space);
}

bool sops_list_config_is_apart(const struct sops_resource_list *l)
{
    if (l->config_node == NULL || l->config_node->kind != SOPS_MAP) {
        return false;
    }
    struct sops_object_name config = sops_object_name_of(l->config_node);
    for (size_t i = 0; i < l->items.count; i++) {
        if (l->nodes[i]->kind == SOPS_MAP) {
            struct sops_object_name item = sops_object_name_of(l->nodes[i]);
            if (same_name(&item, &config)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

bool sops_list_begin(struct sops_buf *out, struct sops_slice api, bool empty, struct sops_err *e)
{
    return sops_buf_adds(out, "apiVersion: ", e) && sops_buf_add(out, api, e) &&
           sops_buf_adds(out, "\nkind: ResourceList\nitems:", e) && sops_buf_adds(out, empty ? " []\n" : "\n", e);
}

bool sops_list_item(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    return sops_buf_adds(out, "- ", e) && add_indented(out, text, e);
}

bool sops_list_config(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    return sops_buf_adds(out, "functionConfig:\n  ", e) && add_indented(out, text, e);
}

/* May what is copied mean something else at another place? */
static bool may_change(struct sops_slice in)
{
    bool aliases = sops_slice_find(in, '&') != in.len && sops_slice_find(in, '*') != in.len;
    for (size_t at; !aliases && (at = sops_slice_find(in, '\r')) != in.len; in = sops_slice_skip(in, at + 2)) {
        if (at + 1 == in.len || in.ptr[at + 1] != '\n') {
            return true;
        }
    }
    return aliases;
}

bool sops_list_check(struct sops_slice out, struct sops_slice in, size_t count, struct sops_err *e)
{
    struct sops_resource_list l = {0};
    bool ok = !may_change(in) || (sops_list_read(&l, out, e) && l.items.count == count);
    if (!ok && !e->memory) {
        sops_err_clear(e);
        sops_fail(e, SOPS_E_READ, "the items of the list cannot be copied");
        sops_hint(e, "write out aliases (*) of what stands outside of the items, and end lines with LF");
    }
    sops_list_free(&l);
    return ok;
}

/* A text in double quotes, which YAML reads as JSON has it; tamed, as whoever reads the list may print it. */
static bool add_quoted(struct sops_buf *out, const char *before, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf tame = {0};
    bool ok = sops_buf_add(&tame, text, e);
    sops_text_tame(&tame, 0);
    ok = ok && sops_buf_adds(out, before, e) && sops_buf_addc(out, '"', e) &&
         sops_json_escape(out, sops_buf_view(&tame), SOPS_JSON_SHORTEST, e) && sops_buf_adds(out, "\"\n", e);
    sops_buf_free(&tame);
    return ok;
}

static bool add_object(struct sops_buf *out, const struct sops_object_name *object, struct sops_err *e)
{
    return sops_buf_adds(out, "    resourceRef:\n", e) && add_quoted(out, "      apiVersion: ", object->api, e) &&
           add_quoted(out, "      kind: ", object->kind, e) && add_quoted(out, "      name: ", object->name, e) &&
           (object->space.len == 0 || add_quoted(out, "      namespace: ", object->space, e));
}

bool sops_list_failure(struct sops_buf *out, struct sops_slice api, const struct sops_err *why, const char *file,
                       const struct sops_object_name *object, struct sops_err *e)
{
    bool ok = sops_list_begin(out, api, true, e) && sops_buf_adds(out, "results:\n", e) &&
              add_quoted(out, "  - message: ", sops_str(why->msg), e) && sops_buf_adds(out, "    severity: error\n", e);
    if (file != NULL) {
        ok = ok && sops_buf_adds(out, "    file:\n", e) && add_quoted(out, "      path: ", sops_str(file), e);
    } else if (object != NULL) {
        ok = ok && add_object(out, object, e);
    }
    return ok;
}
