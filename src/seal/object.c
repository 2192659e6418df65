/* SPDX-License-Identifier: Apache-2.0 */
/* A tree is made in Kubernetes' order of fields; the layout of YAML sorts it afterwards. */
#include "seal/object.h"

#include <stdlib.h>

/* ---- scope ------------------------------------------------------------------------------------------------------ */

const char *const sops_scope_names[SOPS_SEAL_SCOPES] = {"strict", "namespace-wide", "cluster-wide"};

bool sops_scope_named(struct sops_slice word, enum sops_seal_scope *scope)
{
    for (int i = 0; i < SOPS_SEAL_SCOPES; i++) {
        if (sops_slice_eq(word, sops_str(sops_scope_names[i]))) {
            *scope = (enum sops_seal_scope)i;
            return true;
        }
    }
    return false;
}

const char *sops_scope_annotation(enum sops_seal_scope scope)
{
    static const char *const names[SOPS_SEAL_SCOPES] = {NULL, "sealedsecrets.bitnami.com/namespace-wide",
                                                        "sealedsecrets.bitnami.com/cluster-wide"};
    return names[scope];
}

bool sops_scope_label(enum sops_seal_scope scope, struct sops_slice space, struct sops_slice name, struct sops_buf *out,
                      struct sops_err *e)
{
    if (scope == SOPS_SCOPE_CLUSTER) {
        return true;
    }
    return sops_buf_add(out, space, e) &&
           (scope == SOPS_SCOPE_NAMESPACE || (sops_buf_addc(out, '/', e) && sops_buf_add(out, name, e)));
}

static bool is_scope_annotation(struct sops_slice key)
{
    return sops_slice_eq(key, sops_str(sops_scope_annotation(SOPS_SCOPE_NAMESPACE))) ||
           sops_slice_eq(key, sops_str(sops_scope_annotation(SOPS_SCOPE_CLUSTER)));
}

static bool is_last_applied(struct sops_slice key)
{
    static const char *const names[] = {"kubectl.kubernetes.io/last-applied-configuration",
                                        "kubecfg.ksonnet.io/last-applied-configuration", NULL};
    return sops_slice_is_any(key, names);
}

enum sops_seal_scope sops_scope_of(const struct sops_node *annotations)
{
    for (int i = SOPS_SCOPE_CLUSTER; i > SOPS_SCOPE_STRICT; i--) {
        if (sops_slice_eq(sops_map_text(annotations, sops_scope_annotation((enum sops_seal_scope)i)),
                          SOPS_LIT("true"))) {
            return (enum sops_seal_scope)i;
        }
    }
    return SOPS_SCOPE_STRICT;
}

/* ---- looking at a tree ------------------------------------------------------------------------------------------ */

bool sops_map_is_empty(const struct sops_node *map)
{
    const struct sops_node *n = map->kind == SOPS_MAP ? map->child : NULL;
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n == NULL && (map->kind == SOPS_MAP || map->kind == SOPS_NULL || map->kind == SOPS_COMMENT);
}

const struct sops_node *sops_map_map(const struct sops_node *map, const char *key)
{
    const struct sops_node *n = map != NULL && map->kind == SOPS_MAP ? sops_node_find(map, sops_str(key)) : NULL;
    return n != NULL && n->kind == SOPS_MAP ? n : NULL;
}

struct sops_slice sops_map_text(const struct sops_node *map, const char *key)
{
    const struct sops_node *n = map != NULL && map->kind == SOPS_MAP ? sops_node_find(map, sops_str(key)) : NULL;
    return n != NULL && n->kind == SOPS_STR ? n->text : (struct sops_slice){0};
}

bool sops_is_sealed_object(const struct sops_node *n)
{
    return n->kind == SOPS_MAP && sops_slice_eq(sops_map_text(n, "kind"), SOPS_LIT("SealedSecret")) &&
           sops_slice_starts(sops_map_text(n, "apiVersion"), SOPS_LIT("bitnami.com/"));
}

void sops_sealed_read(const struct sops_node *n, struct sops_sealed_object *out)
{
    *out = (struct sops_sealed_object){.root = n, .document = out->document};
    out->meta = sops_map_map(n, "metadata");
    out->annotations = sops_map_map(out->meta, "annotations");
    out->spec = sops_map_map(n, "spec");
    out->items = sops_map_map(out->spec, "encryptedData");
    out->pattern = sops_map_map(out->spec, "template");
    out->old_data = out->spec != NULL ? sops_node_find(out->spec, SOPS_LIT("data")) : NULL;
    out->old_data = out->old_data != NULL && out->old_data->kind != SOPS_NULL ? out->old_data : NULL;
    out->name = sops_map_text(out->meta, "name");
    out->space = sops_map_text(out->meta, "namespace");
    out->scope = sops_scope_of(out->annotations);
}

static bool is_sealed_list(const struct sops_node *n)
{
    static const char *const kinds[] = {"List", "SealedSecretList", NULL};
    return sops_slice_is_any(sops_map_text(n, "kind"), kinds);
}

static size_t count_objects(const struct sops_doc *d)
{
    size_t count = 0;
    for (const struct sops_node *n = d->parts; n != NULL; n = n->next) {
        const struct sops_node *items = is_sealed_list(n) ? sops_node_find(n, SOPS_LIT("items")) : NULL;
        count++;
        for (const struct sops_node *i = items != NULL ? items->child : NULL; i != NULL; i = i->next) {
            count++;
        }
    }
    return count;
}

bool sops_sealed_all(const struct sops_doc *d, struct sops_arena *a, struct sops_sealed_object **out, size_t *count,
                     size_t *others, struct sops_err *e)
{
    unsigned number = 0;
    struct sops_sealed_object *all = sops_arena_alloc(a, (count_objects(d) + 1) * sizeof *all, e);
    *out = all;
    *count = *others = 0;
    for (const struct sops_node *part = all != NULL ? d->parts : NULL; part != NULL; part = part->next) {
        bool list = is_sealed_list(part);
        const struct sops_node *items = list ? sops_node_find(part, SOPS_LIT("items")) : NULL;
        const struct sops_node *n = list ? (items != NULL && items->kind == SOPS_LIST ? items->child : NULL) : part;
        number++;
        for (; n != NULL; n = list ? n->next : NULL) {
            if (sops_is_sealed_object(n)) {
                all[*count].document = number;
                sops_sealed_read(n, &all[(*count)++]);
            } else {
                *others += !sops_map_is_empty(n);
            }
        }
    }
    return all != NULL;
}

/* ---- making a tree ---------------------------------------------------------------------------------------------- */

struct sops_node *sops_put_map(struct sops_doc *d, struct sops_node *to, const char *key, struct sops_err *e)
{
    return sops_node_add(d, to, SOPS_MAP, sops_str(key), SOPS_LIT(""), e);
}

bool sops_put_text(struct sops_doc *d, struct sops_node *to, struct sops_slice key, struct sops_slice text,
                   struct sops_err *e)
{
    return text.len == 0 || sops_node_add(d, to, SOPS_STR, key, text, e) != NULL;
}

/* Copies a member of another map, sorted when it is a map. */
static bool put_copy(struct sops_doc *d, struct sops_node *to, const struct sops_node *n, struct sops_err *e)
{
    struct sops_node *copy = sops_node_copy(d, n, e);
    if (copy == NULL || (copy->kind == SOPS_MAP && !sops_map_sort(copy, e))) {
        return false;
    }
    sops_node_link(to, to->last, copy);
    return true;
}

bool sops_part_copy(struct sops_doc *d, const struct sops_node *n, struct sops_node **part, struct sops_err *e)
{
    *part = sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    for (const struct sops_node *m = n->child; *part != NULL && m != NULL; m = m->next) {
        struct sops_node *copy = m->kind != SOPS_COMMENT ? sops_node_copy(d, m, e) : NULL;
        if (m->kind != SOPS_COMMENT && copy == NULL) {
            return false;
        }
        if (copy != NULL) {
            sops_node_link(*part, (*part)->last, copy);
        }
    }
    return *part != NULL;
}

/* Texts of a map, when there are any. */
static bool put_pairs(struct sops_doc *d, struct sops_node *to, const char *name, const struct sops_seal_pair *pair,
                      size_t count, struct sops_err *e)
{
    struct sops_node *map = count != 0 ? sops_put_map(d, to, name, e) : NULL;
    for (size_t i = 0; map != NULL && i < count; i++) {
        if (sops_node_add(d, map, SOPS_STR, pair[i].key, pair[i].value, e) == NULL) {
            return false;
        }
    }
    return count == 0 || map != NULL;
}

/* The template's annotations: those of the Secret without what holds values, the scope's as they are to be. */
static bool put_annotations(struct sops_doc *d, struct sops_node *meta, const struct sops_sealed_recipe *r,
                            struct sops_err *e)
{
    const struct sops_secret_object *s = r->secret;
    const char *own = r->scope_given ? sops_scope_annotation(r->scope) : NULL;
    struct sops_node *map = NULL;
    for (size_t i = 0; i < s->annotation_count + 1; i++) {
        bool last = i == s->annotation_count;
        struct sops_slice key = last ? sops_str(own) : s->annotations[i].key;
        struct sops_slice value = last ? SOPS_LIT("true") : s->annotations[i].value;
        if (last ? own == NULL : is_last_applied(key) || (r->scope_given && is_scope_annotation(key))) {
            continue;
        }
        map = map != NULL ? map : sops_put_map(d, meta, "annotations", e);
        if (map == NULL || sops_node_add(d, map, SOPS_STR, key, value, e) == NULL) {
            return false;
        }
    }
    return map == NULL || sops_map_sort(map, e);
}

static bool put_finalizers(struct sops_doc *d, struct sops_node *meta, const struct sops_secret_object *s,
                           struct sops_err *e)
{
    if (s->finalizer_count == 0) {
        return true;
    }
    struct sops_node *list = sops_node_add(d, meta, SOPS_LIST, SOPS_LIT("finalizers"), SOPS_LIT(""), e);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < s->finalizer_count; i++) {
        ok = sops_node_add(d, list, SOPS_STR, SOPS_LIT(""), s->finalizers[i].value, e) != NULL;
    }
    return ok;
}

static bool put_template(struct sops_doc *d, struct sops_node *spec, const struct sops_sealed_recipe *r,
                         struct sops_err *e)
{
    const struct sops_secret_object *s = r->secret;
    struct sops_node *pattern = sops_put_map(d, spec, "template", e);
    struct sops_node *meta = pattern != NULL ? sops_put_map(d, pattern, "metadata", e) : NULL;
    const struct sops_node *old =
        r->old != NULL && r->old->pattern != NULL ? sops_node_find(r->old->pattern, SOPS_LIT("data")) : NULL;
    return meta != NULL && sops_put_text(d, meta, SOPS_LIT("name"), r->name, e) &&
           sops_put_text(d, meta, SOPS_LIT("generateName"), s->generate_name, e) &&
           sops_put_text(d, meta, SOPS_LIT("namespace"), r->space, e) &&
           put_pairs(d, meta, "labels", s->labels, s->label_count, e) && put_annotations(d, meta, r, e) &&
           put_finalizers(d, meta, s, e) && (!s->has_type || sops_put_text(d, pattern, SOPS_LIT("type"), s->type, e)) &&
           (s->immutable == SOPS_IMMUTABLE_UNSAID ||
            sops_node_add(d, pattern, SOPS_BOOL, SOPS_LIT("immutable"),
                          s->immutable == SOPS_IMMUTABLE_TRUE ? SOPS_LIT("True") : SOPS_LIT("False"), e) != NULL) &&
           (old == NULL || old->kind == SOPS_NULL || put_copy(d, pattern, old, e));
}

/* The outer metadata: what the source cannot say stays as it was. */
static bool put_outer(struct sops_doc *d, struct sops_node *root, const struct sops_sealed_recipe *r,
                      struct sops_err *e)
{
    const char *scope = sops_scope_annotation(r->scope);
    struct sops_node *meta = sops_put_map(d, root, "metadata", e);
    const struct sops_node *labels = r->old != NULL ? sops_map_map(r->old->meta, "labels") : NULL;
    if (meta == NULL || !sops_put_text(d, meta, SOPS_LIT("name"), r->name, e) ||
        !sops_put_text(d, meta, SOPS_LIT("namespace"), r->space, e) ||
        (labels != NULL && !sops_map_is_empty(labels) && !put_copy(d, meta, labels, e))) {
        return false;
    }
    struct sops_node *map = sops_put_map(d, meta, "annotations", e);
    const struct sops_node *old = r->old != NULL && r->old->annotations != NULL ? r->old->annotations->child : NULL;
    bool ok = map != NULL;
    for (; ok && old != NULL; old = old->next) {
        if (old->kind != SOPS_COMMENT && !is_scope_annotation(old->key) &&
            !sops_slice_eq(old->key, SOPS_LIT(SOPS_SEAL_TAGS))) {
            ok = put_copy(d, map, old, e);
        }
    }
    ok = ok && (scope == NULL || sops_put_text(d, map, sops_str(scope), SOPS_LIT("true"), e)) &&
         sops_put_text(d, map, SOPS_LIT(SOPS_SEAL_TAGS), r->tags, e) && sops_map_sort(map, e);
    if (ok && map->child == NULL) {
        sops_node_unlink(d, map);
    }
    return ok;
}

bool sops_sealed_build(struct sops_doc *d, const struct sops_sealed_recipe *r, struct sops_err *e)
{
    struct sops_node *root = sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    if (root == NULL || !sops_put_text(d, root, SOPS_LIT("kind"), SOPS_LIT("SealedSecret"), e) ||
        !sops_put_text(d, root, SOPS_LIT("apiVersion"), SOPS_LIT("bitnami.com/v1alpha1"), e) ||
        !put_outer(d, root, r, e)) {
        return false;
    }
    struct sops_node *spec = sops_put_map(d, root, "spec", e);
    bool ok = spec != NULL && put_template(d, spec, r, e);
    struct sops_node *items = ok ? sops_put_map(d, spec, "encryptedData", e) : NULL;
    ok = items != NULL;
    for (size_t i = 0; ok && i < r->items; i++) {
        ok = sops_node_add(d, items, SOPS_STR, r->item[i].key, r->item[i].sealed, e) != NULL;
    }
    return ok;
}
