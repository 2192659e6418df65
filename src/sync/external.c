/* SPDX-License-Identifier: Apache-2.0 */
/* A document of single values is taken as a whole, any other one leaf by leaf: so that pulling gives the same values
 * again. */
#include "sync/external.h"

#include "base/table.h"
#include "core/tree_json.h"

struct writing {
    const struct sops_external *x;
    struct sops_doc doc;
    struct sops_node *data;
    struct sops_table keys; /* of the Secret */
};

static struct sops_node *add_map(struct writing *w, struct sops_node *to, const char *key, struct sops_err *e)
{
    return sops_node_add(&w->doc, to, SOPS_MAP, sops_str(key), (struct sops_slice){0}, e);
}

static bool add_text(struct writing *w, struct sops_node *to, const char *key, struct sops_slice text,
                     struct sops_err *e)
{
    return to != NULL && sops_node_add(&w->doc, to, SOPS_STR, sops_str(key), text, e) != NULL;
}

static bool check_key(struct writing *w, struct sops_slice key, struct sops_err *e)
{
    struct sops_slice copy;
    bool is_new = false;
    if (!sops_is_secret_key(key)) {
        (void)sops_fail(e, SOPS_E_READ, "a Secret cannot have the key '%.*s'", SOPS_ARG(sops_slice_first(key, 200)));
        return sops_hint(e, "it has 1 to 253 of A-Z a-z 0-9 - . _");
    }
    if (!sops_arena_copy(&w->doc.arena, key, &copy, e) || sops_table_put(&w->keys, copy, &is_new, e) == NULL) {
        return false;
    }
    return is_new ||
           sops_fail(e, SOPS_E_READ, "two values would have the key '%.*s'", SOPS_ARG(sops_slice_first(key, 200)));
}

/* An entry of `data`; `property` empty: the whole item. */
static bool add_entry(struct writing *w, struct sops_slice secret_key, struct sops_slice key,
                      struct sops_slice property, struct sops_err *e)
{
    if (!check_key(w, secret_key, e)) {
        return false;
    }
    struct sops_node *entry = add_map(w, w->data, "", e);
    bool ok = add_text(w, entry, "secretKey", secret_key, e);
    struct sops_node *ref = ok ? add_map(w, entry, "remoteRef", e) : NULL;
    return ok && add_text(w, ref, "key", key, e) && (property.len == 0 || add_text(w, ref, "property", property, e));
}

/* The keys from the top to `n`, joined by dots; with `escape` a dot within a key has a backslash. */
static bool join_path(const struct sops_node *n, bool escape, struct sops_buf *out, struct sops_err *e)
{
    size_t depth = 0;
    for (const struct sops_node *at = n; at->up != NULL; at = at->up) {
        depth++;
    }
    const struct sops_node **step = sops_alloc((depth + 1) * sizeof *step, e);
    size_t level = depth;
    bool ok = step != NULL;
    for (const struct sops_node *at = n; ok && at->up != NULL; at = at->up) {
        step[--level] = at;
    }
    for (; ok && level < depth; level++) {
        struct sops_slice key = step[level]->key;
        ok = level == 0 || sops_buf_addc(out, '.', e);
        for (size_t i = 0; ok && i < key.len; i++) {
            ok = (!escape || key.ptr[i] != '.' || sops_buf_addc(out, '\\', e)) && sops_buf_addc(out, key.ptr[i], e);
        }
    }
    sops_free(step);
    return ok;
}

static bool has_entries(const struct sops_node *map)
{
    const struct sops_node *n = map->child;
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n != NULL;
}

static bool add_leaf(struct writing *w, const struct sops_node *n, struct sops_err *e)
{
    struct sops_buf key = {0}, property = {0};
    bool ok = join_path(n, false, &key, e) && join_path(n, true, &property, e) &&
              add_entry(w, sops_buf_view(&key), w->x->item, sops_buf_view(&property), e);
    sops_buf_free(&key);
    sops_buf_free(&property);
    return ok;
}

/* All leaves of one entry of the document; lists and empty mappings are leaves here. */
static bool add_leaves(struct writing *w, const struct sops_node *top, struct sops_err *e)
{
    const struct sops_node *n = top;
    for (;;) {
        bool inner = n->kind == SOPS_MAP && has_entries(n);
        if (!inner && n->kind != SOPS_COMMENT && !add_leaf(w, n, e)) {
            return false;
        }
        if (inner) {
            n = n->child;
            continue;
        }
        while (n != top && n->next == NULL) {
            n = n->up;
        }
        if (n == top) {
            return true;
        }
        n = n->next;
    }
}

static bool add_items(struct writing *w, const struct sops_node *const *entry, size_t count, struct sops_err *e)
{
    const struct sops_external *x = w->x;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct sops_buf key = {0};
        if (!x->rule->per_key) {
            ok = add_leaves(w, entry[i], e);
            continue;
        }
        ok = sops_buf_add(&key, x->item, e) && sops_buf_add(&key, x->rule->join, e) &&
             sops_buf_add(&key, entry[i]->key, e) &&
             add_entry(w, entry[i]->key, sops_buf_view(&key), (struct sops_slice){0}, e);
        sops_buf_free(&key);
    }
    return ok;
}

static bool add_extract(struct writing *w, struct sops_node *spec, const struct sops_node *const *entry, size_t count,
                        struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = check_key(w, entry[i]->key, e);
    }
    struct sops_node *list =
        ok ? sops_node_add(&w->doc, spec, SOPS_LIST, SOPS_LIT("dataFrom"), (struct sops_slice){0}, e) : NULL;
    struct sops_node *item = list != NULL ? add_map(w, list, "", e) : NULL;
    struct sops_node *extract = item != NULL ? add_map(w, item, "extract", e) : NULL;
    return add_text(w, extract, "key", w->x->item, e);
}

static bool add_content(struct writing *w, struct sops_node *spec, struct sops_err *e)
{
    const struct sops_external *x = w->x;
    const struct sops_node *const *entry;
    struct sops_buf stem = {0};
    size_t count;
    bool flat = !x->whole && !x->rule->per_key;
    if (!sops_tree_top(x->doc, &w->doc.arena, &entry, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        flat = flat && sops_node_is_leaf(entry[i]);
    }
    if (flat) {
        return add_extract(w, spec, entry, count, e);
    }
    w->data = sops_node_add(&w->doc, spec, SOPS_LIST, SOPS_LIT("data"), (struct sops_slice){0}, e);
    if (w->data == NULL || !x->whole) {
        return w->data != NULL && add_items(w, entry, count, e);
    }
    bool ok = sops_store_name(SOPS_LIT("{stem}"), x->source, &stem, e) &&
              add_entry(w, sops_buf_view(&stem), x->item, (struct sops_slice){0}, e);
    sops_buf_free(&stem);
    return ok;
}

static bool add_head(struct writing *w, struct sops_slice name, struct sops_node **spec, struct sops_err *e)
{
    const struct sops_manifest_rule *m = &w->x->rule->manifest;
    struct sops_node *top = add_map(w, NULL, "", e);
    bool ok = add_text(w, top, "apiVersion", SOPS_LIT("external-secrets.io/v1"), e) &&
              add_text(w, top, "kind", SOPS_LIT("ExternalSecret"), e);
    struct sops_node *meta = ok ? add_map(w, top, "metadata", e) : NULL;
    ok = add_text(w, meta, "name", name, e) && (m->space.len == 0 || add_text(w, meta, "namespace", m->space, e));
    *spec = ok ? add_map(w, top, "spec", e) : NULL;
    ok = add_text(w, *spec, "refreshInterval", m->refresh, e);
    struct sops_node *store = ok ? add_map(w, *spec, "secretStoreRef", e) : NULL;
    ok = add_text(w, store, "name", m->store, e) && add_text(w, store, "kind", m->kind, e);
    struct sops_node *target = ok ? add_map(w, *spec, "target", e) : NULL;
    return add_text(w, target, "name", name, e) && add_text(w, target, "creationPolicy", SOPS_LIT("Owner"), e);
}

bool sops_external_make(const struct sops_external *x, struct sops_arena *a, struct sops_slice *name,
                        struct sops_buf *out, struct sops_err *e)
{
    static const struct sops_style style = {.indent = 2, .indent_set = true};
    struct writing w = {.x = x};
    struct sops_buf filled = {0};
    struct sops_node *spec;
    bool ok = sops_store_name(x->rule->manifest.name, x->source, &filled, e) &&
              sops_arena_copy(a, sops_buf_view(&filled), name, e);
    if (ok && !sops_is_object_name(*name)) {
        ok = sops_fail(e, SOPS_E_READ, "the manifest's name '%.*s' is none that Kubernetes takes",
                       SOPS_ARG(sops_slice_first(*name, 200)));
        (void)sops_hint(e, "it has small letters, digits, '-' and '.': set `name` under `manifest` in the rule");
    }
    ok = ok && add_head(&w, *name, &spec, e) && add_content(&w, spec, e) &&
         sops_doc_emit(&w.doc, sops_format_named(SOPS_LIT("yaml")), &style, out, e);
    sops_recode(e, e->code != SOPS_OK ? SOPS_E_READ : SOPS_OK);
    sops_buf_free(&filled);
    sops_table_free(&w.keys);
    sops_doc_free(&w.doc);
    return ok;
}
