/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/manifest.h"

#include "core/conf.h"
#include "core/regex.h"
#include "sync/property.h"
#include "sync/rules.h"

#include <stdio.h>

#define GROUP "external-secrets.io/"

static const char *const kind_names[SOPS_OBJECT_KINDS] = {"ExternalSecret", "SecretStore", "ClusterSecretStore",
                                                          "Secret", "ConfigMap"};

/* ---- names ------------------------------------------------------------------------------------------------------ */

const char *sops_object_shown(const struct sops_object *o, char out[600])
{
    (void)snprintf(out, 600, "%s %.*s%s%.*s", kind_names[o->kind], SOPS_ARG(sops_slice_first(o->space, 64)),
                   o->space.len != 0 ? "/" : "", SOPS_ARG(sops_slice_first(o->name, 260)));
    return out;
}

bool sops_object_blame(const struct sops_object *o, struct sops_err *e)
{
    char shown[600];
    return sops_within(e, "'%s', document %u: %s", o->file, o->document, sops_object_shown(o, shown));
}

const char *sops_entry_shown(const struct sops_external_entry *entry, char out[32])
{
    (void)snprintf(out, 32, "%s[%zu]", entry->is_data ? "data" : "dataFrom", entry->number);
    return out;
}

static bool make_id(struct sops_buf *out, enum sops_object_kind kind, struct sops_slice space, struct sops_slice name,
                    struct sops_err *e)
{
    return sops_buf_addf(out, e, "%d/%.*s/", kind, SOPS_ARG(space)) && sops_buf_add(out, name, e);
}

const struct sops_object *sops_objects_find(const struct sops_objects *m, enum sops_object_kind kind,
                                            struct sops_slice space, struct sops_slice name)
{
    struct sops_buf id = {0};
    struct sops_err ignored = {0};
    const struct sops_object *found = NULL;
    if (make_id(&id, kind, space.ptr != NULL ? space : SOPS_LIT(""), name, &ignored)) {
        found = sops_table_get(&m->by_id, sops_buf_view(&id));
    }
    sops_err_clear(&ignored);
    sops_buf_free(&id);
    return found;
}

void sops_objects_free(struct sops_objects *m)
{
    sops_table_free(&m->by_id);
    sops_arena_free(&m->arena);
    *m = (struct sops_objects){0};
}

/* ---- taking objects --------------------------------------------------------------------------------------------- */

/* What a list gives to items that do not say it themselves. */
struct reading {
    struct sops_objects *m;
    const char *file;
    unsigned document;
};

static struct sops_slice text_of(const struct sops_node *map, const char *name)
{
    const struct sops_node *n = map->kind == SOPS_MAP ? sops_node_find(map, sops_str(name)) : NULL;
    return n != NULL && n->kind == SOPS_STR ? n->text : (struct sops_slice){0};
}

static void note_passed(const struct reading *r, struct sops_slice kind)
{
    char text[300];
    (void)snprintf(text, sizeof text, "note: '%s': %.*s is passed over", r->file, SOPS_ARG(sops_slice_first(kind, 80)));
    r->m->world->say(r->m->world, SOPS_SAY_NOTE, text);
}

static bool take_names(const struct reading *r, struct sops_object *o, struct sops_err *e)
{
    const struct sops_node *meta;
    if (!sops_conf_map(o->node, "metadata", &meta, e) ||
        (meta != NULL &&
         (!sops_conf_text(meta, "name", &o->name, e) || !sops_conf_text(meta, "namespace", &o->space, e)))) {
        sops_recode(e, SOPS_E_READ);
        return sops_within(e, "metadata");
    }
    bool has_space = o->kind != SOPS_CLUSTER_STORE;
    o->space = !has_space ? (struct sops_slice){0} : o->space.len != 0 ? o->space : r->m->space;
    if (!sops_is_object_name(o->name)) {
        return sops_fail(e, SOPS_E_READ, "metadata.name is no name of Kubernetes");
    }
    return o->space.len == 0 || sops_is_name_space(o->space) ||
           sops_fail(e, SOPS_E_READ, "metadata.namespace is no name of Kubernetes");
}

static bool link_object(const struct reading *r, struct sops_object *o, struct sops_err *e)
{
    struct sops_objects *m = r->m;
    struct sops_buf text = {0};
    struct sops_slice id;
    bool is_new = false;
    bool ok = make_id(&text, o->kind, o->space, o->name, e) && sops_arena_copy(&m->arena, sops_buf_view(&text), &id, e);
    sops_buf_free(&text);
    void **place = ok ? sops_table_put(&m->by_id, id, &is_new, e) : NULL;
    if (place == NULL) {
        return false;
    }
    if (!is_new) {
        const struct sops_object *other = *place;
        return sops_fail(e, SOPS_E_READ, "it is there twice: also in '%s', document %u", other->file, other->document);
    }
    *place = o;
    if (m->last[o->kind] != NULL) {
        m->last[o->kind]->next = o;
    } else {
        m->first[o->kind] = o;
    }
    m->last[o->kind] = o;
    return true;
}

static bool take_object(const struct reading *r, const struct sops_node *node, enum sops_object_kind kind,
                        struct sops_err *e)
{
    struct sops_object *o = sops_arena_alloc(&r->m->arena, sizeof *o, e);
    if (o == NULL) {
        return false;
    }
    *o = (struct sops_object){.node = node, .file = r->file, .document = r->document, .kind = kind};
    return (take_names(r, o, e) && link_object(r, o, e)) || sops_object_blame(o, e);
}

/* `api` and `kind` are the object's own, or those that its list gives it. */
static bool take_one(const struct reading *r, const struct sops_node *node, struct sops_slice api,
                     struct sops_slice kind, struct sops_err *e)
{
    static const char *const passed[] = {"PushSecret", "ClusterPushSecret", NULL};
    bool core = sops_slice_eq(api, SOPS_LIT("v1")), ours = sops_slice_starts(api, SOPS_LIT(GROUP));
    struct sops_slice version = sops_slice_skip(api, strlen(GROUP));
    for (int k = SOPS_SECRET; core && k < SOPS_OBJECT_KINDS; k++) {
        if (sops_slice_eq(kind, sops_str(kind_names[k]))) {
            return take_object(r, node, (enum sops_object_kind)k, e);
        }
    }
    if (sops_slice_starts(api, SOPS_LIT("generators." GROUP)) || (ours && sops_slice_is_any(kind, passed))) {
        note_passed(r, kind);
        return true;
    }
    if (!ours) {
        return true;
    }
    if (sops_slice_eq(kind, SOPS_LIT("ClusterExternalSecret"))) {
        return sops_fail(e, SOPS_E_READ,
                         "'%s', document %u: ClusterExternalSecret: it needs the namespaces of a cluster", r->file,
                         r->document);
    }
    for (int k = 0; k < SOPS_SECRET; k++) {
        if (!sops_slice_eq(kind, sops_str(kind_names[k]))) {
            continue;
        }
        if (!sops_slice_eq(version, SOPS_LIT("v1")) && !sops_slice_eq(version, SOPS_LIT("v1beta1"))) {
            (void)sops_fail(e, SOPS_E_READ, "'%s', document %u: %s: the version '%.*s' is not read", r->file,
                            r->document, kind_names[k], SOPS_ARG(sops_slice_first(version, 40)));
            return sops_hint(e, "use v1");
        }
        return take_object(r, node, (enum sops_object_kind)k, e);
    }
    return true;
}

/* A list within a list is passed over. */
static bool take_items(const struct reading *r, const struct sops_node *items, struct sops_slice api,
                       struct sops_slice kind, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_node *n = items->child; ok && n != NULL; n = n->next) {
        struct sops_slice own_api = text_of(n, "apiVersion"), own_kind = text_of(n, "kind");
        if (n->kind == SOPS_MAP) {
            ok = take_one(r, n, own_api.len != 0 ? own_api : api, own_kind.len != 0 ? own_kind : kind, e);
        }
    }
    return ok;
}

bool sops_objects_add(struct sops_objects *m, const struct sops_node *part, const char *file, unsigned document,
                      struct sops_err *e)
{
    const struct reading r = {m, file, document};
    struct sops_slice api = text_of(part, "apiVersion"), kind = text_of(part, "kind");
    const struct sops_node *items = part->kind == SOPS_MAP ? sops_node_find(part, SOPS_LIT("items")) : NULL;
    if (api.len == 0 || kind.len == 0) {
        return true;
    }
    if (!sops_slice_ends(kind, SOPS_LIT("List"))) {
        return take_one(&r, part, api, kind, e);
    }
    kind = sops_slice_first(kind, kind.len - strlen("List"));
    return items == NULL || items->kind != SOPS_LIST || take_items(&r, items, kind.len != 0 ? api : kind, kind, e);
}

/* ---- ExternalSecrets -------------------------------------------------------------------------------------------- */

static const char *const store_kinds[] = {"SecretStore", "ClusterSecretStore", NULL};
static const char *const decodings[] = {"None", "Base64", "Base64URL", "Auto", NULL};
static const char *const conversions[] = {"Default", "Unicode", NULL};
static const char *const null_policies[] = {"Ignore", "Fail", NULL};
static const char *const metadata_policies[] = {"None", "Fetch", NULL};
static const char *const creations[] = {"Owner", "Orphan", "Merge", "None", "CreateOrMerge", NULL};
static const char *const deletions[] = {"Retain", "Delete", "Merge", NULL};
static const char *const merge_policies[] = {"Replace", "Merge", NULL};
static const char *const engines[] = {"v2", NULL};

/* `map`.`name` as a mapping; NULL when it is not there. Failures name it. */
static bool take_map(const struct sops_node *map, const char *name, const struct sops_node **out, struct sops_err *e)
{
    return sops_conf_map(map, name, out, e);
}

static bool need_text(const struct sops_node *map, const char *name, struct sops_slice *out, struct sops_err *e)
{
    return sops_conf_text(map, name, out, e) && (out->len != 0 || sops_fail(e, SOPS_E_READ, "'%s' is missing", name));
}

/* All values are texts. */
static bool check_texts(const struct sops_node *map, const char *name, struct sops_err *e)
{
    for (const struct sops_node *n = map != NULL ? map->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && n->kind != SOPS_STR) {
            return sops_fail(e, SOPS_E_READ, "'%s' must hold texts only", name);
        }
    }
    return true;
}

static bool read_store_ref(const struct sops_node *ref, struct sops_err *e)
{
    static const char *const known[] = {"name", "kind", NULL};
    struct sops_slice name = {0}, kind;
    return sops_fields_known(ref, known, e) && need_text(ref, "name", &name, e) &&
           sops_field_word(ref, "kind", store_kinds, "SecretStore", &kind, e);
}

/* sourceRef of an entry. */
static bool read_source(const struct sops_node *map, struct sops_external_entry *entry, struct sops_err *e)
{
    static const char *const known[] = {"storeRef", "generatorRef", NULL};
    const struct sops_node *source, *store, *generator;
    if (!take_map(map, "sourceRef", &source, e) || source == NULL) {
        return source == NULL && e->code == SOPS_OK;
    }
    if (!sops_fields_known(source, known, e) || !take_map(source, "storeRef", &store, e) ||
        !sops_conf_any(source, "generatorRef", &generator, e)) {
        return false;
    }
    if (generator != NULL) {
        return sops_fail(e, SOPS_E_READ, "sourceRef.generatorRef is not supported");
    }
    entry->store = store != NULL ? store : entry->store;
    return store == NULL || read_store_ref(store, e) || sops_within(e, "sourceRef.storeRef");
}

static bool read_strategies(const struct sops_node *map, struct sops_external_entry *entry, struct sops_err *e)
{
    struct sops_slice policy;
    bool ok = sops_field_word(map, "decodingStrategy", decodings, "None", &entry->decoding, e) &&
              sops_field_word(map, "conversionStrategy", conversions, "Default", &entry->conversion, e) &&
              sops_field_word(map, "nullBytePolicy", null_policies, "Ignore", &policy, e);
    entry->null_fails = ok && sops_slice_eq(policy, SOPS_LIT("Fail"));
    return ok;
}

static bool read_remote(const struct sops_node *ref, struct sops_external_entry *entry, struct sops_err *e)
{
    static const char *const known[] = {
        "key", "version", "property", "metadataPolicy", "conversionStrategy", "decodingStrategy", "nullBytePolicy",
        NULL};
    struct sops_slice policy;
    if (!sops_fields_known(ref, known, e) || !need_text(ref, "key", &entry->key, e) ||
        !sops_conf_text(ref, "version", &entry->version, e) || !sops_conf_text(ref, "property", &entry->property, e) ||
        !sops_field_word(ref, "metadataPolicy", metadata_policies, "None", &policy, e)) {
        return false;
    }
    if (sops_slice_eq(policy, SOPS_LIT("Fetch"))) {
        return sops_fail(e, SOPS_E_READ, "metadataPolicy: Fetch is not supported");
    }
    return read_strategies(ref, entry, e);
}

static bool read_find_tags(const struct sops_node *tags, struct sops_arena *a, struct sops_external_entry *entry,
                           struct sops_err *e)
{
    size_t n = 0;
    if (!check_texts(tags, "tags", e)) {
        return false;
    }
    for (const struct sops_node *t = tags->child; t != NULL; t = t->next) {
        n++;
    }
    entry->tag = sops_arena_alloc(a, (n + 1) * sizeof *entry->tag, e);
    for (const struct sops_node *t = tags->child; entry->tag != NULL && t != NULL; t = t->next) {
        if (t->kind == SOPS_STR) {
            entry->tag[entry->tags++] = (struct sops_store_tag){.key = t->key, .value = t->text};
        }
    }
    entry->has_tags = entry->tags != 0;
    return entry->tag != NULL;
}

static bool read_find(const struct sops_node *map, struct sops_arena *a, struct sops_external_entry *entry,
                      struct sops_err *e)
{
    static const char *const known[] = {"name",           "path", "tags", "conversionStrategy", "decodingStrategy",
                                        "nullBytePolicy", NULL};
    static const char *const of_name[] = {"regexp", NULL};
    const struct sops_node *name, *tags;
    entry->is_find = true;
    if (!sops_fields_known(map, known, e) || !take_map(map, "name", &name, e) || !take_map(map, "tags", &tags, e) ||
        !sops_conf_text(map, "path", &entry->find_path, e) || !read_strategies(map, entry, e)) {
        return false;
    }
    entry->has_path = entry->find_path.len != 0;
    if (name != NULL) {
        if (!sops_fields_known(name, of_name, e) || !need_text(name, "regexp", &entry->find_name, e)) {
            return sops_within(e, "name");
        }
        struct sops_regex *r = sops_regex_new(entry->find_name, e);
        sops_regex_free(r);
        entry->has_name = true;
        if (r == NULL) {
            return sops_within(e, "name.regexp");
        }
    }
    return tags == NULL || read_find_tags(tags, a, entry, e);
}

static bool read_data_from(const struct sops_node *n, struct sops_arena *a, struct sops_external_entry *entry,
                           struct sops_err *e)
{
    static const char *const known[] = {"extract", "find", "rewrite", "sourceRef", NULL};
    const struct sops_node *extract, *find;
    if (!sops_fields_known(n, known, e) || !take_map(n, "extract", &extract, e) || !take_map(n, "find", &find, e) ||
        !sops_conf_list(n, "rewrite", &entry->rewrite, e) || !read_source(n, entry, e)) {
        return false;
    }
    if ((extract != NULL) == (find != NULL)) {
        return sops_fail(e, SOPS_E_READ, "it must have exactly one of extract and find");
    }
    bool ok = extract != NULL ? read_remote(extract, entry, e) || sops_within(e, "extract")
                              : read_find(find, a, entry, e) || sops_within(e, "find");
    return ok && sops_rewrite_check(entry->rewrite, e);
}

static bool read_data(const struct sops_node *n, struct sops_external_entry *entry, struct sops_err *e)
{
    static const char *const known[] = {"secretKey", "remoteRef", "sourceRef", NULL};
    const struct sops_node *ref;
    if (!sops_fields_known(n, known, e) || !need_text(n, "secretKey", &entry->secret_key, e) ||
        !take_map(n, "remoteRef", &ref, e) || !read_source(n, entry, e)) {
        return false;
    }
    if (!sops_is_secret_key(entry->secret_key)) {
        return sops_fail(e, SOPS_E_READ, "secretKey: a Secret cannot have the key '%.*s'",
                         SOPS_ARG(sops_slice_first(entry->secret_key, 260)));
    }
    return ref != NULL ? read_remote(ref, entry, e) || sops_within(e, "remoteRef")
                       : sops_fail(e, SOPS_E_READ, "'remoteRef' is missing");
}

static size_t length_of(const struct sops_node *list)
{
    size_t n = 0;
    for (const struct sops_node *c = list != NULL ? list->child : NULL; c != NULL; c = c->next) {
        n += c->kind != SOPS_COMMENT;
    }
    return n;
}

static bool read_list(const struct sops_node *list, bool is_data, const struct sops_node *store, struct sops_arena *a,
                      struct sops_external_secret *out, struct sops_err *e)
{
    size_t number = 0;
    for (const struct sops_node *n = list != NULL ? list->child : NULL; n != NULL; n = n->next) {
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        struct sops_external_entry *entry = &out->entry[out->entries++];
        *entry = (struct sops_external_entry){.is_data = is_data, .number = number++, .store = store};
        bool ok = n->kind == SOPS_MAP || sops_fail(e, SOPS_E_READ, "it is no mapping");
        ok = ok && (is_data ? read_data(n, entry, e) : read_data_from(n, a, entry, e));
        ok =
            ok && (entry->store != NULL || sops_fail(e, SOPS_E_READ, "no store is named: 'secretStoreRef' is missing"));
        if (!ok) {
            char shown[32];
            return sops_within(e, "%s", sops_entry_shown(entry, shown));
        }
    }
    return true;
}

static bool check_twice(const struct sops_external_secret *x, struct sops_err *e)
{
    struct sops_table seen = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < x->entries; i++) {
        bool is_new = true;
        ok = !x->entry[i].is_data || sops_table_put(&seen, x->entry[i].secret_key, &is_new, e) != NULL;
        if (ok && !is_new) {
            ok = sops_fail(e, SOPS_E_READ, "data: the secretKey '%.*s' is there twice",
                           SOPS_ARG(sops_slice_first(x->entry[i].secret_key, 260)));
        }
    }
    sops_table_free(&seen);
    return ok;
}

static bool check_type(const struct sops_external_secret *x, struct sops_err *e)
{
    bool token = sops_slice_eq(x->type, SOPS_LIT("kubernetes.io/service-account-token")) && x->annotations != NULL &&
                 sops_node_find(x->annotations, SOPS_LIT("kubernetes.io/service-account.name")) != NULL;
    return (!token && !sops_slice_eq(x->type, SOPS_LIT("bootstrap.kubernetes.io/token"))) ||
           sops_fail(e, SOPS_E_READ, "a Secret of this 'type' is none that may be made so");
}

static bool read_template(const struct sops_node *map, struct sops_external_secret *out, struct sops_err *e)
{
    static const char *const known[] = {"type",        "engineVersion", "metadata", "data",
                                        "mergePolicy", "templateFrom",  NULL};
    static const char *const of_meta[] = {"labels", "annotations", "finalizers", NULL};
    const struct sops_node *meta, *from;
    struct sops_slice engine, policy;
    out->has_template = true;
    if (!sops_fields_known(map, known, e) || !sops_conf_any(map, "templateFrom", &from, e) ||
        !sops_conf_text(map, "type", &out->type, e) ||
        !sops_field_word(map, "engineVersion", engines, "v2", &engine, e) ||
        !sops_field_word(map, "mergePolicy", merge_policies, "Replace", &policy, e) ||
        !take_map(map, "metadata", &meta, e) || !take_map(map, "data", &out->data, e)) {
        return false;
    }
    if (from != NULL) {
        return sops_fail(e, SOPS_E_READ, "templateFrom is not supported");
    }
    out->merges = sops_slice_eq(policy, SOPS_LIT("Merge"));
    if (meta != NULL &&
        (!sops_fields_known(meta, of_meta, e) || !take_map(meta, "labels", &out->labels, e) ||
         !take_map(meta, "annotations", &out->annotations, e) ||
         !sops_conf_list(meta, "finalizers", &out->finalizers, e) || !check_texts(out->labels, "labels", e) ||
         !check_texts(out->annotations, "annotations", e) || !check_texts(out->finalizers, "finalizers", e))) {
        return sops_within(e, "metadata");
    }
    return check_texts(out->data, "data", e) && check_type(out, e);
}

static bool read_target(const struct sops_node *spec, struct sops_external_secret *out, struct sops_err *e)
{
    static const char *const known[] = {"name", "creationPolicy", "deletionPolicy", "template", "manifest", "immutable",
                                        NULL};
    const struct sops_node *target, *template, *manifest, *immutable;
    static const struct sops_slice usual[] = {{(const uint8_t *)"Owner", 5}, {(const uint8_t *)"Retain", 6}};
    out->creation = usual[0];
    out->deletion = usual[1];
    out->target = out->object->name;
    if (!take_map(spec, "target", &target, e) || target == NULL) {
        return target == NULL && e->code == SOPS_OK;
    }
    if (!sops_fields_known(target, known, e) || !sops_conf_text(target, "name", &out->target, e) ||
        !sops_field_word(target, "creationPolicy", creations, "Owner", &out->creation, e) ||
        !sops_field_word(target, "deletionPolicy", deletions, "Retain", &out->deletion, e) ||
        !sops_conf_any(target, "manifest", &manifest, e) || !sops_conf_any(target, "immutable", &immutable, e) ||
        !take_map(target, "template", &template, e)) {
        return sops_within(e, "target");
    }
    if (manifest != NULL) {
        return sops_fail(e, SOPS_E_READ, "target.manifest is not supported");
    }
    if (out->target.len == 0) {
        out->target = out->object->name;
    }
    if (!sops_is_object_name(out->target)) {
        return sops_fail(e, SOPS_E_READ, "target.name is no name of Kubernetes");
    }
    if (immutable != NULL && immutable->kind != SOPS_BOOL) {
        return sops_fail(e, SOPS_E_READ, "target: 'immutable' must be true or false");
    }
    out->immutable = immutable != NULL && sops_slice_eq(immutable->text, SOPS_LIT("True"));
    return template == NULL || read_template(template, out, e) || sops_within(e, "target.template");
}

/* Labels and annotations of the ExternalSecret itself are the Secret's, when there is no template. */
static bool read_metadata(const struct sops_object *o, struct sops_external_secret *out, struct sops_err *e)
{
    const struct sops_node *meta, *labels, *annotations;
    if (!take_map(o->node, "metadata", &meta, e) || !take_map(meta, "labels", &labels, e) ||
        !take_map(meta, "annotations", &annotations, e) || !check_texts(labels, "labels", e) ||
        !check_texts(annotations, "annotations", e)) {
        return sops_within(e, "metadata");
    }
    if (!out->has_template) {
        out->labels = labels;
        out->annotations = annotations;
    }
    return true;
}

static bool read_spec(const struct sops_node *spec, struct sops_arena *a, struct sops_external_secret *out,
                      struct sops_err *e)
{
    static const char *const known[] = {
        "secretStoreRef", "target",     "refreshPolicy", "refreshInterval", "syncWindows",
        "retrySettings",  "controller", "data",          "dataFrom",        NULL};
    const struct sops_node *store, *data, *from;
    if (!sops_fields_known(spec, known, e) || !take_map(spec, "secretStoreRef", &store, e) ||
        !sops_conf_list(spec, "data", &data, e) || !sops_conf_list(spec, "dataFrom", &from, e)) {
        return false;
    }
    struct sops_slice name = {0};
    if (store != NULL && !(sops_conf_text(store, "name", &name, e) && name.len == 0) && !read_store_ref(store, e)) {
        return sops_within(e, "secretStoreRef");
    }
    store = name.len != 0 ? store : NULL;
    size_t count = length_of(data) + length_of(from);
    if (count == 0) {
        return sops_fail(e, SOPS_E_READ, "'data' and 'dataFrom' are both empty");
    }
    out->entry = sops_arena_alloc(a, count * sizeof *out->entry, e);
    return out->entry != NULL && read_list(from, false, store, a, out, e) && read_list(data, true, store, a, out, e) &&
           check_twice(out, e);
}

bool sops_external_read(const struct sops_object *o, struct sops_arena *a, struct sops_external_secret *out,
                        struct sops_err *e)
{
    const struct sops_node *spec;
    *out = (struct sops_external_secret){.object = o};
    bool ok = take_map(o->node, "spec", &spec, e) && (spec != NULL || sops_fail(e, SOPS_E_READ, "'spec' is missing"));
    if (ok && !(read_spec(spec, a, out, e) && read_target(spec, out, e))) {
        ok = sops_within(e, "spec");
    }
    ok = ok && read_metadata(o, out, e);
    if (!ok) {
        sops_recode(e, SOPS_E_READ);
        return sops_object_blame(o, e);
    }
    return true;
}
