/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is to be asked is known before anything is asked; then finds go out, then all keys, up to eight at a
 * time; then the Secrets are made, one after the other, from what has come. */
#include "sync/pull.h"

#include "base/encode.h"
#include "base/text.h"
#include "base/thread.h"
#include "core/conf.h"
#include "core/regex.h"
#include "sync/plan.h"
#include "sync/property.h"
#include "sync/rules.h"
#include "sync/template.h"

#include <stdio.h>

#include <stdlib.h>

/* A value that is asked for. */
struct sops_pull_fetch {
    const struct sops_store_site *site;
    const struct sops_object *store; /* for messages */
    struct sops_store_ref ref;       /* resolved */
    struct sops_arena arena;
    struct sops_slice value;
    enum sops_store_result result;
    struct sops_err why;
    struct sops_pull_fetch *next;
};
/* A list that is asked for. */
struct sops_pull_find {
    const struct sops_store_site *site;
    const struct sops_object *store; /* for messages */
    const struct sops_external_entry *entry;
    struct sops_regex *name;
    struct sops_arena arena;
    struct sops_store_list list;
    struct sops_pull_fetch **fetch; /* of each that was found */
    enum sops_store_result result;
    struct sops_err why;
    struct sops_pull_find *next;
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool is_chosen(const struct sops_object *o, const char *word)
{
    struct sops_slice text = sops_str(word);
    size_t slash = sops_slice_find(text, '/');
    return slash == text.len ? sops_slice_eq(o->name, text)
                             : sops_slice_eq(o->space, sops_slice_first(text, slash)) &&
                                   sops_slice_eq(o->name, sops_slice_skip(text, slash + 1));
}

static bool choose(struct sops_pull *p, const char *const *only, struct sops_err *e)
{
    for (size_t i = 0; i < p->secrets; i++) {
        p->secret[i].chosen = only == NULL;
    }
    for (; only != NULL && *only != NULL; only++) {
        bool any = false;
        for (size_t i = 0; i < p->secrets; i++) {
            bool is = is_chosen(p->secret[i].read.object, *only);
            p->secret[i].chosen = p->secret[i].chosen || is;
            any = any || is;
        }
        if (!any) {
            return sops_fail(e, SOPS_E_READ, "--only: there is no ExternalSecret '%s'", *only);
        }
    }
    return true;
}

/* No two may make one Secret. */
static bool check_targets(const struct sops_pull *p, struct sops_err *e)
{
    struct sops_table seen = {0};
    struct sops_arena a = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < p->secrets; i++) {
        struct sops_pull_secret *s = &p->secret[i];
        const struct sops_external_secret *x = &s->read;
        struct sops_slice id;
        bool is_new = false;
        if (s->failed) {
            continue;
        }
        ok = sops_arena_printf(&a, &id, e, "%.*s/%.*s",
                               SOPS_ARG(x->object->space.len != 0 ? x->object->space : SOPS_LIT("")),
                               SOPS_ARG(x->target));
        void **place = ok ? sops_table_put(&seen, id, &is_new, e) : NULL;
        ok = place != NULL;
        if (ok && !is_new) {
            const struct sops_external_secret *other = *place;
            char shown[600];
            (void)sops_fail(&s->why, SOPS_E_READ, "its target is that of %s ('%s', document %u), too",
                            sops_object_shown(other->object, shown), other->object->file, other->object->document);
            s->failed = true;
            (void)sops_object_blame(x->object, &s->why);
        } else if (ok) {
            *place = (void *)(uintptr_t)x;
        }
    }
    sops_table_free(&seen);
    sops_arena_free(&a);
    return ok;
}

bool sops_pull_read(struct sops_pull *p, const char *const *only, struct sops_err *e)
{
    size_t n = 0;
    for (const struct sops_object *o = p->manifests->first[SOPS_EXTERNAL_SECRET]; o != NULL; o = o->next) {
        n++;
    }
    p->secret = sops_arena_alloc(&p->arena, (n + 1) * sizeof *p->secret, e);
    if (p->secret == NULL) {
        return false;
    }
    for (const struct sops_object *o = p->manifests->first[SOPS_EXTERNAL_SECRET]; o != NULL; o = o->next) {
        struct sops_pull_secret *s = &p->secret[p->secrets++];
        s->failed = !sops_external_read(o, &p->arena, &s->read, &s->why);
    }
    return check_targets(p, e) && choose(p, only, e);
}

void sops_pull_free(struct sops_pull *p)
{
    for (size_t i = 0; i < p->secrets; i++) {
        sops_keys_free(&p->secret[i].data);
        sops_keys_free(&p->secret[i].labels);
        sops_keys_free(&p->secret[i].annotations);
        sops_err_clear(&p->secret[i].why);
    }
    for (struct sops_pull_fetch *f = p->first_fetch; f != NULL; f = f->next) {
        sops_arena_free(&f->arena);
        sops_err_clear(&f->why);
    }
    for (struct sops_pull_find *f = p->first_find; f != NULL; f = f->next) {
        sops_regex_free(f->name);
        sops_arena_free(&f->arena);
        sops_err_clear(&f->why);
    }
    sops_table_free(&p->sites);
    sops_table_free(&p->fetches);
    sops_table_free(&p->noted);
    sops_arena_free(&p->arena);
    *p = (struct sops_pull){0};
}

/* ---- stores ----------------------------------------------------------------------------------------------------- */

/* What a store's references are looked up for. */
struct looking {
    struct sops_pull *p;
    const struct sops_object *store;
    struct sops_slice space; /* of the ExternalSecret */
    bool used_space;         /* a reference was looked up there */
};

static void say_note(struct sops_pull *p, const struct sops_object *o, const char *text)
{
    char line[1100], shown[600];
    (void)snprintf(line, sizeof line, "note: %s: %s", sops_object_shown(o, shown), text);
    p->world->say(p->world, SOPS_SAY_NOTE, line);
}

/* Once, however many namespaces use a ClusterSecretStore. */
static void note_of_store(void *ctx, const char *text)
{
    const struct looking *l = ctx;
    struct sops_err e = {0};
    struct sops_slice line;
    bool fresh = true;
    char shown[600];
    bool ok = sops_arena_printf(&l->p->arena, &line, &e, "%s %s", sops_object_shown(l->store, shown), text) &&
              sops_table_put(&l->p->noted, line, &fresh, &e) != NULL;
    sops_err_clear(&e);
    if (!ok || fresh) {
        say_note(l->p, l->store, text);
    }
}

/* A Secret's value: a text of stringData, else base64 of data. */
static bool secret_value(struct sops_pull *p, const struct sops_object *o, struct sops_slice key,
                         struct sops_slice *value, bool *found, struct sops_err *e)
{
    const struct sops_node *plain, *data;
    struct sops_slice text = {0};
    char name[257];
    (void)snprintf(name, sizeof name, "%.*s", SOPS_ARG(sops_slice_first(key, 256)));
    if (!sops_conf_map(o->node, "stringData", &plain, e) || !sops_conf_map(o->node, "data", &data, e)) {
        return false;
    }
    *found = plain != NULL && sops_node_find(plain, key) != NULL;
    if (*found) {
        return sops_conf_text(plain, name, value, e);
    }
    *found = data != NULL && sops_node_find(data, key) != NULL;
    if (!*found || !sops_conf_text(data, name, &text, e)) {
        return e->code == SOPS_OK;
    }
    return o->kind == SOPS_CONFIG_MAP ? sops_arena_copy(&p->arena, text, value, e)
                                      : sops_decode_value(&p->arena, SOPS_LIT("Base64"), text, value, e);
}

static bool look_up(void *ctx, const struct sops_node *ref, bool config_map, struct sops_slice *value, bool *found,
                    struct sops_err *e)
{
    struct looking *l = ctx;
    struct sops_slice name = {0}, key = {0}, space = {0};
    *found = false;
    if (!sops_conf_text(ref, "name", &name, e) || !sops_conf_text(ref, "key", &key, e) ||
        !sops_conf_text(ref, "namespace", &space, e)) {
        return false;
    }
    if (name.len == 0 || key.len == 0) {
        return sops_fail(e, SOPS_E_READ, "a reference needs 'name' and 'key'");
    }
    if (l->store->kind == SOPS_SECRET_STORE) {
        space = l->store->space;
    } else if (space.len == 0) {
        space = l->space;
        l->used_space = true;
    }
    const struct sops_object *o =
        sops_objects_find(l->p->manifests, config_map ? SOPS_CONFIG_MAP : SOPS_SECRET, space, name);
    if (o == NULL) {
        return true;
    }
    if (!secret_value(l->p, o, key, value, found, e)) {
        return sops_object_blame(o, e);
    }
    return *found || sops_fail(e, SOPS_E_READ, "the %s '%.*s' has no key '%.*s'", config_map ? "ConfigMap" : "Secret",
                               SOPS_ARG(name), SOPS_ARG(sops_slice_first(key, 200)));
}

/* The provider's mapping, and its place in the table of stores. */
static bool choose_provider(const struct sops_object *o, const struct sops_node **map, const struct sops_store **store,
                            struct sops_err *e)
{
    const struct sops_node *spec, *provider, *only = NULL;
    struct sops_slice word = {0};
    const char *choose = NULL;
    if (!sops_conf_map(o->node, "spec", &spec, e) || (spec != NULL && !sops_conf_map(spec, "provider", &provider, e))) {
        return false;
    }
    size_t count = 0;
    for (const struct sops_node *n = spec != NULL && provider != NULL ? provider->child : NULL; n != NULL;
         n = n->next) {
        if (n->kind != SOPS_COMMENT && n->kind != SOPS_NULL) {
            only = n;
            count++;
        }
    }
    if (count != 1) {
        return sops_fail(e, SOPS_E_READ, "spec.provider must name exactly one provider");
    }
    for (size_t i = 0; sops_stores[i] != NULL; i++) {
        if (sops_slice_eq(only->key, sops_str(sops_stores[i]->provider))) {
            choose = sops_stores[i]->choose;
            *store = sops_stores[i];
        }
    }
    if (*store == NULL || only->kind != SOPS_MAP) {
        return sops_fail(e, SOPS_E_READ, "the provider '%.*s' is not supported",
                         SOPS_ARG(sops_slice_first(only->key, 60)));
    }
    *map = only;
    if (choose == NULL) {
        return true;
    }
    if (!sops_conf_text(only, choose, &word, e)) {
        return false;
    }
    for (size_t i = 0; sops_stores[i] != NULL; i++) {
        const struct sops_store *s = sops_stores[i];
        if (sops_slice_eq(only->key, sops_str(s->provider)) &&
            (sops_slice_eq(word, sops_str(s->choice)) || (word.len == 0 && s->is_choice))) {
            *store = s;
            return true;
        }
    }
    return sops_fail(e, SOPS_E_READ, "'%s' is missing, or '%.*s' is not supported", choose,
                     SOPS_ARG(sops_slice_first(word, 60)));
}

/* May a cluster's store be used from this namespace? */
static bool check_condition(const struct sops_node *n, struct sops_slice space, bool *fits, bool *unknown,
                            struct sops_err *e)
{
    const struct sops_node *names, *regexes, *selector;
    if (n->kind != SOPS_MAP || !sops_conf_list(n, "namespaces", &names, e) ||
        !sops_conf_list(n, "namespaceRegexes", &regexes, e) || !sops_conf_any(n, "namespaceSelector", &selector, e)) {
        return n->kind == SOPS_MAP ? false : sops_fail(e, SOPS_E_READ, "conditions: must be a list of mappings");
    }
    *unknown = *unknown || selector != NULL;
    for (const struct sops_node *c = names != NULL ? names->child : NULL; c != NULL; c = c->next) {
        *fits = *fits || (c->kind == SOPS_STR && sops_slice_eq(c->text, space));
    }
    for (const struct sops_node *c = regexes != NULL ? regexes->child : NULL; c != NULL; c = c->next) {
        struct sops_regex *r = c->kind == SOPS_STR ? sops_regex_new(c->text, e) : NULL;
        if (r == NULL && c->kind != SOPS_COMMENT) {
            return e->code != SOPS_OK ? false : sops_fail(e, SOPS_E_READ, "conditions: namespaceRegexes must be texts");
        }
        *fits = *fits || (r != NULL && sops_regex_match(r, space));
        sops_regex_free(r);
    }
    return true;
}

static bool check_conditions(const struct sops_object *o, struct sops_slice space, struct sops_err *e)
{
    const struct sops_node *spec, *list = NULL;
    bool fits = false, unknown = false, any = false;
    if (o->kind != SOPS_CLUSTER_STORE) {
        return true;
    }
    if (!sops_conf_map(o->node, "spec", &spec, e) || (spec != NULL && !sops_conf_list(spec, "conditions", &list, e))) {
        return false;
    }
    for (const struct sops_node *n = list != NULL ? list->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && !check_condition(n, space, &fits, &unknown, e)) {
            return false;
        }
        any = any || n->kind != SOPS_COMMENT;
    }
    if (any && !fits && unknown) {
        return sops_fail(e, SOPS_E_READ, "conditions: a namespaceSelector cannot be judged without a cluster");
    }
    return !any || fits ||
           sops_fail(e, SOPS_E_READ, "conditions: the namespace '%.*s' may not use it", SOPS_ARG(space));
}

static const struct sops_store_site *make_site(struct sops_pull *p, struct looking *l, struct sops_err *e)
{
    struct sops_store_site *site = sops_arena_alloc(&p->arena, sizeof *site, e);
    const struct sops_store_input in = {l, look_up, note_of_store};
    const struct sops_node *map = NULL;
    if (site == NULL || !choose_provider(l->store, &map, &site->store, e) ||
        !site->store->from_manifest(site, p->world, &p->arena, map, &in, e)) {
        sops_recode(e, SOPS_E_READ);
        (void)sops_object_blame(l->store, e);
        return NULL;
    }
    return site;
}

/* The site of a store for a namespace: one for all, unless its references depend on the namespace. */
static const struct sops_store_site *site_of(struct sops_pull *p, const struct sops_object *store,
                                             struct sops_slice space, struct sops_err *e)
{
    struct sops_slice common, own;
    char shown[600];
    (void)sops_object_shown(store, shown);
    if (!sops_arena_printf(&p->arena, &common, e, "%s", shown) ||
        !sops_arena_printf(&p->arena, &own, e, "%s %.*s", shown, SOPS_ARG(space.len != 0 ? space : SOPS_LIT("")))) {
        return NULL;
    }
    const struct sops_store_site *site = sops_table_get(&p->sites, common);
    site = site != NULL ? site : sops_table_get(&p->sites, own);
    if (site != NULL) {
        return site;
    }
    struct looking l = {p, store, space, false};
    site = make_site(p, &l, e);
    void **place = site != NULL ? sops_table_put(&p->sites, l.used_space ? own : common, NULL, e) : NULL;
    if (place == NULL) {
        return NULL;
    }
    *place = (void *)(uintptr_t)site;
    return site;
}

static const struct sops_object *find_store(struct sops_pull *p, const struct sops_object *o,
                                            const struct sops_node *ref, struct sops_err *e)
{
    const struct sops_node *kind = sops_node_find(ref, SOPS_LIT("kind"));
    struct sops_slice name = sops_node_find(ref, SOPS_LIT("name"))->text;
    bool cluster = kind != NULL && kind->kind == SOPS_STR && sops_slice_eq(kind->text, SOPS_LIT("ClusterSecretStore"));
    const struct sops_object *found = sops_objects_find(p->manifests, cluster ? SOPS_CLUSTER_STORE : SOPS_SECRET_STORE,
                                                        cluster ? (struct sops_slice){0} : o->space, name);
    if (found != NULL) {
        return found;
    }
    (void)sops_fail(e, SOPS_E_READ, "there is no %s %.*s%s%.*s in the input",
                    cluster ? "ClusterSecretStore" : "SecretStore",
                    SOPS_ARG(cluster || o->space.len == 0 ? SOPS_LIT("") : o->space),
                    cluster || o->space.len == 0 ? "" : "/", SOPS_ARG(name));
    for (const struct sops_object *other = cluster ? NULL : p->manifests->first[SOPS_SECRET_STORE]; other != NULL;
         other = other->next) {
        if (sops_slice_eq(other->name, name)) {
            (void)sops_hint(e, "one of that name is in %s%.*s: write the namespace, or give --namespace",
                            other->space.len != 0 ? "the namespace " : "no namespace",
                            SOPS_ARG(other->space.len != 0 ? other->space : SOPS_LIT("")));
        }
    }
    return NULL;
}

/* ---- what is to be asked ---------------------------------------------------------------------------------------- */

static struct sops_pull_fetch *add_fetch(struct sops_pull *p, const struct sops_store_site *site,
                                         const struct sops_object *store, const struct sops_store_ref *ref,
                                         struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice id = {0};
    bool ok = sops_buf_addf(&text, e, "%p", (const void *)site) && sops_buf_addc(&text, 0, e) &&
              sops_buf_add(&text, ref->key, e) && sops_buf_addc(&text, 0, e) && sops_buf_add(&text, ref->version, e) &&
              sops_arena_copy(&p->arena, sops_buf_view(&text), &id, e);
    sops_buf_free(&text);
    void **place = ok ? sops_table_put(&p->fetches, id, NULL, e) : NULL;
    if (place == NULL || *place != NULL) {
        return place != NULL ? *place : NULL;
    }
    struct sops_pull_fetch *f = sops_arena_alloc(&p->arena, sizeof *f, e);
    if (f == NULL) {
        return NULL;
    }
    *f = (struct sops_pull_fetch){.site = site, .store = store, .ref = *ref, .result = SOPS_STORE_FAILED};
    *place = f;
    if (p->last_fetch != NULL) {
        p->last_fetch->next = f;
    } else {
        p->first_fetch = f;
    }
    p->last_fetch = f;
    return f;
}

static bool is_wanted_name(void *ctx, struct sops_slice key)
{
    const struct sops_pull_find *f = ctx;
    return f->name == NULL || sops_regex_match(f->name, key);
}

static struct sops_store_find find_of(const struct sops_pull_find *f)
{
    const struct sops_external_entry *entry = f->entry;
    return (struct sops_store_find){.path =
                                        f->site->store->find_ignores_path ? (struct sops_slice){0} : entry->find_path,
                                    .tag = entry->tag,
                                    .tags = entry->tags,
                                    .has_name = entry->has_name,
                                    .has_tags = entry->has_tags,
                                    .has_path = entry->has_path,
                                    .wanted = is_wanted_name,
                                    .ctx = (void *)(uintptr_t)f};
}

static bool add_find(struct sops_pull *p, struct sops_pull_secret *s, size_t i, const struct sops_object *from,
                     struct sops_err *e)
{
    const struct sops_external_entry *entry = &s->read.entry[i];
    const struct sops_store *store = s->site[i]->store;
    struct sops_pull_find *f = sops_arena_alloc(&p->arena, sizeof *f, e);
    if (f == NULL) {
        return false;
    }
    *f = (struct sops_pull_find){.site = s->site[i], .store = from, .entry = entry, .result = SOPS_STORE_FAILED};
    s->find[i] = f;
    if (p->last_find != NULL) {
        p->last_find->next = f;
    } else {
        p->first_find = f;
    }
    p->last_find = f;
    if (entry->has_name) {
        f->name = sops_regex_new(entry->find_name, e);
        if (f->name == NULL) {
            return false;
        }
    }
    if (!entry->has_name && !entry->has_tags && !store->find_without_conditions) {
        return sops_fail(e, SOPS_E_READ, "find: it has neither name nor tags");
    }
    if (entry->has_path && store->find_ignores_path) {
        sops_world_warn(p->world, "find: this store has no paths: 'path' is ignored");
    }
    const struct sops_store_find what = find_of(f);
    return store->check_find == NULL || store->check_find(f->site, &what, e);
}

static bool plan_entry(struct sops_pull *p, struct sops_pull_secret *s, size_t i, struct sops_err *e)
{
    const struct sops_object *o = s->read.object;
    const struct sops_external_entry *entry = &s->read.entry[i];
    const struct sops_object *store = find_store(p, o, entry->store, e);
    if (store == NULL) {
        return false;
    }
    if (!check_conditions(store, o->space.ptr != NULL ? o->space : SOPS_LIT(""), e)) {
        sops_recode(e, SOPS_E_READ);
        return sops_object_blame(store, e);
    }
    s->site[i] = site_of(p, store, o->space, e);
    if (s->site[i] == NULL) {
        return false;
    }
    if (entry->is_find) {
        return add_find(p, s, i, store, e);
    }
    const struct sops_store_ref ref = {entry->key, entry->version};
    struct sops_store_ref resolved = {{0}, {0}};
    if (!s->site[i]->store->resolve(s->site[i], &p->arena, &ref, &resolved, e)) {
        return false;
    }
    s->fetch[i] = add_fetch(p, s->site[i], store, &resolved, e);
    return s->fetch[i] != NULL;
}

static bool plan_secret(struct sops_pull *p, struct sops_pull_secret *s, struct sops_err *e)
{
    size_t n = s->read.entries;
    s->site = sops_arena_alloc(&p->arena, (n + 1) * sizeof *s->site, e);
    s->fetch = sops_arena_alloc(&p->arena, (n + 1) * sizeof *s->fetch, e);
    s->find = sops_arena_alloc(&p->arena, (n + 1) * sizeof *s->find, e);
    bool ok = s->site != NULL && s->fetch != NULL && s->find != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        char shown[32];
        ok = plan_entry(p, s, i, e) || sops_within(e, "%s", sops_entry_shown(&s->read.entry[i], shown));
    }
    return ok;
}

static void fail_secret(struct sops_pull_secret *s)
{
    s->failed = true;
    sops_recode(&s->why, SOPS_E_READ);
    (void)sops_object_blame(s->read.object, &s->why);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

struct asking {
    struct sops_pull *p;
    struct sops_pull_fetch **fetch;
    struct sops_pull_find **find;
};

static void find_job(void *ctx, size_t i)
{
    const struct asking *a = ctx;
    struct sops_pull_find *f = a->find[i];
    const struct sops_store_find what = find_of(f);
    f->result = f->site->store->find(f->site, a->p->world, &f->arena, &what, &f->list, &f->why);
}

static void fetch_job(void *ctx, size_t i)
{
    const struct asking *a = ctx;
    struct sops_pull_fetch *f = a->fetch[i];
    f->result = f->site->store->read(f->site, a->p->world, &f->arena, &f->ref, &f->value, &f->why);
}

static bool ask_finds(struct sops_pull *p, struct sops_err *e)
{
    size_t n = 0;
    for (struct sops_pull_find *f = p->first_find; f != NULL; f = f->next) {
        n++;
    }
    struct asking a = {p, NULL, sops_alloc((n + 1) * sizeof(void *), e)};
    n = 0;
    for (struct sops_pull_find *f = p->first_find; a.find != NULL && f != NULL; f = f->next) {
        a.find[n++] = f;
    }
    bool ok = a.find != NULL;
    if (ok) {
        sops_together(n, SOPS_STORE_TOGETHER, find_job, &a);
    }
    for (struct sops_pull_find *f = p->first_find; ok && f != NULL; f = f->next) {
        size_t count = 0;
        for (const struct sops_store_found *found = f->list.first; found != NULL; found = found->next) {
            count++;
        }
        f->fetch = sops_arena_alloc(&f->arena, (count + 1) * sizeof *f->fetch, e);
        ok = f->fetch != NULL;
        count = 0;
        for (const struct sops_store_found *found = f->list.first; ok && found != NULL; found = found->next, count++) {
            f->fetch[count] = found->has_value ? NULL : add_fetch(p, f->site, f->store, &found->ref, e);
            ok = found->has_value || f->fetch[count] != NULL;
        }
    }
    sops_free(a.find);
    return ok;
}

static bool ask_keys(struct sops_pull *p, struct sops_err *e)
{
    size_t n = 0;
    for (struct sops_pull_fetch *f = p->first_fetch; f != NULL; f = f->next) {
        n++;
    }
    struct asking a = {p, sops_alloc((n + 1) * sizeof(void *), e), NULL};
    n = 0;
    for (struct sops_pull_fetch *f = p->first_fetch; a.fetch != NULL && f != NULL; f = f->next) {
        a.fetch[n] = f;
        if (f->site->store->asks_nobody) {
            fetch_job(&a, n);
        } else {
            n++;
        }
    }
    if (a.fetch != NULL) {
        sops_together(n, SOPS_STORE_TOGETHER, fetch_job, &a);
    }
    sops_free(a.fetch);
    return a.fetch != NULL;
}

/* ---- from values to a Secret ------------------------------------------------------------------------------------ */

/* What a store said, and which one it was. */
static bool copy_error(struct sops_err *e, const struct sops_object *store, const struct sops_err *from)
{
    char shown[600];
    if (from->memory) {
        return sops_fail_memory(e);
    }
    (void)sops_fail(e, SOPS_E_READ, "%s: %s", sops_object_shown(store, shown), from->msg);
    return from->hint[0] != '\0' ? sops_hint(e, "%s", from->hint) : false;
}

/* Something is not there: left out with a note, or a failure. */
static bool leave_out(struct sops_pull *p, const struct sops_pull_secret *s, const char *what,
                      const struct sops_object *store, const struct sops_err *why, struct sops_err *e)
{
    char text[500];
    if (sops_slice_eq(s->read.deletion, SOPS_LIT("Retain"))) {
        return copy_error(e, store, why);
    }
    (void)snprintf(text, sizeof text, "%s is not there and is left out", what);
    say_note(p, s->read.object, text);
    return true;
}

static bool check_null(const struct sops_external_entry *entry, struct sops_slice value, struct sops_err *e)
{
    return !entry->null_fails || sops_slice_find(value, 0) == value.len ||
           sops_fail(e, SOPS_E_READ, "the value holds a NUL byte");
}

static bool put_value(const struct sops_external_entry *entry, struct sops_slice key, struct sops_slice value,
                      struct sops_keys *out, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_slice decoded;
    bool ok = sops_decode_value(&a, entry->decoding, value, &decoded, e) && check_null(entry, decoded, e) &&
              sops_keys_set(out, key, decoded, e);
    sops_arena_free(&a);
    return ok;
}

/* What the entry's property is of the value; the value itself without one. */
static bool take_property(const struct sops_external_entry *entry, const struct sops_store *store, struct sops_arena *a,
                          struct sops_slice value, struct sops_slice *out, struct sops_err *e)
{
    bool found = false;
    *out = value;
    return entry->property.len == 0 ||
           (sops_property_find(a, value, store->property, entry->property, out, &found, e) &&
            (found || sops_fail(e, SOPS_E_READ, "the property '%.*s' is not there",
                                SOPS_ARG(sops_slice_first(entry->property, 200)))));
}

/* The keys of a dataFrom on their way: rewritten or converted, and checked. */
static bool finish_keys(const struct sops_external_entry *entry, struct sops_keys *keys, struct sops_err *e)
{
    bool unicode = sops_slice_eq(entry->conversion, SOPS_LIT("Unicode"));
    bool ok =
        entry->rewrite != NULL ? sops_rewrite_apply(entry->rewrite, keys, e) : sops_keys_convert(keys, unicode, e);
    return ok && sops_keys_check(keys, e);
}

static bool merge_keys(struct sops_keys *to, const struct sops_keys *from, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_key_value *kv = from->first; ok && kv != NULL; kv = kv->next) {
        ok = kv->key.len == 0 || sops_keys_set(to, kv->key, kv->value, e);
    }
    return ok;
}

static bool take_extract(const struct sops_external_entry *entry, const struct sops_store *store,
                         struct sops_slice value, struct sops_keys *out, struct sops_err *e)
{
    struct sops_keys raw = {0}, keys = {0};
    bool ok = sops_property_extract(value, store->property, &raw, e);
    for (const struct sops_key_value *kv = raw.first; ok && kv != NULL; kv = kv->next) {
        ok = put_value(entry, kv->key, kv->value, &keys, e);
    }
    ok = ok && finish_keys(entry, &keys, e) && merge_keys(out, &keys, e);
    sops_keys_free(&keys);
    sops_keys_free(&raw);
    return ok;
}

static bool make_keyed(struct sops_pull *p, struct sops_pull_secret *s, size_t i, struct sops_keys *out, bool *left_out,
                       struct sops_err *e)
{
    const struct sops_external_entry *entry = &s->read.entry[i];
    const struct sops_pull_fetch *f = s->fetch[i];
    struct sops_arena a = {0};
    struct sops_slice value;
    char shown[32], what[300];
    bool ok;
    if (f->result == SOPS_STORE_ABSENT) {
        *left_out = true;
        (void)snprintf(what, sizeof what, "%s: '%.*s'", sops_entry_shown(entry, shown),
                       SOPS_ARG(sops_slice_first(entry->key, 200)));
        ok = leave_out(p, s, what, f->store, &f->why, e);
    } else if (f->result != SOPS_STORE_OK) {
        ok = copy_error(e, f->store, &f->why);
    } else {
        ok = take_property(entry, f->site->store, &a, f->value, &value, e) &&
             (entry->is_data ? put_value(entry, entry->secret_key, value, out, e)
                             : take_extract(entry, f->site->store, value, out, e));
    }
    sops_arena_free(&a);
    return ok || sops_within(e, "'%.*s'", SOPS_ARG(sops_slice_first(entry->key, 200)));
}

static bool make_found(struct sops_pull *p, struct sops_pull_secret *s, size_t i, struct sops_keys *out, bool *left_out,
                       struct sops_err *e)
{
    const struct sops_external_entry *entry = &s->read.entry[i];
    const struct sops_pull_find *f = s->find[i];
    struct sops_keys keys = {0};
    char shown[32];
    size_t n = 0, total = 0;
    if (f->result == SOPS_STORE_ABSENT) {
        *left_out = true;
        return leave_out(p, s, sops_entry_shown(entry, shown), f->store, &f->why, e);
    }
    bool ok = f->result == SOPS_STORE_OK || copy_error(e, f->store, &f->why);
    for (const struct sops_store_found *found = f->list.first; ok && found != NULL; found = found->next, n++) {
        const struct sops_pull_fetch *fetch = f->fetch[n];
        if (fetch != NULL && fetch->result == SOPS_STORE_ABSENT) {
            continue; /* deleted, though its name is still in the list */
        }
        ok = fetch == NULL || fetch->result == SOPS_STORE_OK || copy_error(e, fetch->store, &fetch->why);
        struct sops_slice value = fetch != NULL ? fetch->value : found->value;
        total += value.len;
        ok = ok &&
             (total <= 16 * SOPS_SECRET_MAX || sops_fail(e, SOPS_E_READ, "what was found is too much for a Secret"));
        ok = ok && put_value(entry, found->key, value, &keys, e);
        if (!ok) {
            (void)sops_within(e, "'%.*s'", SOPS_ARG(sops_slice_first(found->key, 200)));
        }
    }
    bool unicode = sops_slice_eq(entry->conversion, SOPS_LIT("Unicode"));
    ok = ok && (!f->site->store->find_converts || sops_keys_convert(&keys, unicode, e)) &&
         finish_keys(entry, &keys, e) && merge_keys(out, &keys, e);
    sops_keys_free(&keys);
    return ok;
}

/* ---- templates -------------------------------------------------------------------------------------------------- */

static bool run_templates(const struct sops_node *map, const char *field, const struct sops_keys *over, bool is_text,
                          struct sops_keys *out, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_node *n = map != NULL ? map->child : NULL; ok && n != NULL; n = n->next) {
        struct sops_buf text = {0};
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        ok = sops_template_run(n->text, over, &text, e) &&
             (!is_text || sops_utf8_valid(sops_buf_view(&text)) ||
              sops_fail(e, SOPS_E_READ, "it comes out as no UTF-8")) &&
             sops_keys_set(out, n->key, sops_buf_view(&text), e);
        sops_buf_free(&text);
        if (!ok) {
            (void)sops_within(e, "target.template.%s[\"%.*s\"]", field, SOPS_ARG(sops_slice_first(n->key, 200)));
        }
    }
    return ok;
}

static bool copy_texts(const struct sops_node *map, const char *without, struct sops_keys *out, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_node *n = map != NULL ? map->child : NULL; ok && n != NULL; n = n->next) {
        ok = n->kind == SOPS_COMMENT || sops_slice_eq(n->key, sops_str(without)) ||
             sops_keys_set(out, n->key, n->text, e);
    }
    return ok;
}

static bool check_size(const struct sops_keys *data, struct sops_err *e)
{
    size_t total = 0;
    for (const struct sops_key_value *kv = data->first; kv != NULL; kv = kv->next) {
        total += kv->value.len;
    }
    return total <= SOPS_SECRET_MAX ||
           sops_fail(e, SOPS_E_READ, "the Secret would have %zu bytes, of at most %zu", total, SOPS_SECRET_MAX);
}

static bool apply_template(struct sops_pull_secret *s, struct sops_keys *keys, struct sops_err *e)
{
    const struct sops_external_secret *x = &s->read;
    if (!x->has_template) {
        return merge_keys(&s->data, keys, e) && copy_texts(x->labels, "", &s->labels, e) &&
               copy_texts(x->annotations, "kubectl.kubernetes.io/last-applied-configuration", &s->annotations, e);
    }
    bool keeps = x->data == NULL || x->merges;
    return (!keeps || merge_keys(&s->data, keys, e)) && run_templates(x->data, "data", keys, false, &s->data, e) &&
           run_templates(x->labels, "metadata.labels", keys, true, &s->labels, e) &&
           run_templates(x->annotations, "metadata.annotations", keys, true, &s->annotations, e) &&
           sops_keys_check(&s->data, e);
}

struct sops_slice sops_pull_type(const struct sops_pull_secret *s)
{
    return s->read.type.len != 0 ? s->read.type : SOPS_LIT("Opaque");
}

bool sops_pull_is_text(struct sops_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            return false;
        }
    }
    return sops_utf8_valid(value);
}

static void note_policies(struct sops_pull *p, struct sops_pull_secret *s)
{
    if (sops_slice_eq(s->read.creation, SOPS_LIT("None"))) {
        s->none = true;
        say_note(p, s->read.object, "creationPolicy None: no Secret");
    } else if (sops_slice_eq(s->read.creation, SOPS_LIT("Merge"))) {
        say_note(p, s->read.object, "creationPolicy Merge: applying creates the Secret when there is none");
    }
}

static bool make_secret(struct sops_pull *p, struct sops_pull_secret *s, struct sops_err *e)
{
    struct sops_keys keys = {0};
    size_t left_out = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < s->read.entries; i++) {
        bool skipped = false;
        char shown[32];
        ok = s->read.entry[i].is_find ? make_found(p, s, i, &keys, &skipped, e)
                                      : make_keyed(p, s, i, &keys, &skipped, e);
        if (!ok) {
            (void)sops_within(e, "%s", sops_entry_shown(&s->read.entry[i], shown));
        }
        left_out += skipped;
    }
    if (ok && left_out == s->read.entries && sops_slice_eq(s->read.deletion, SOPS_LIT("Delete"))) {
        s->none = true;
        say_note(p, s->read.object, "nothing of it is there: no Secret");
    } else if (ok) {
        ok = check_size(&keys, e) && apply_template(s, &keys, e) && check_size(&s->data, e);
        if (ok) {
            note_policies(p, s);
        }
    }
    sops_keys_free(&keys);
    return ok;
}

void sops_pull_plan(struct sops_pull *p)
{
    for (size_t i = 0; i < p->secrets; i++) {
        struct sops_pull_secret *s = &p->secret[i];
        if (s->chosen && !s->failed && !plan_secret(p, s, &s->why)) {
            fail_secret(s);
        }
    }
}

void sops_pull_resolve(struct sops_pull *p)
{
    struct sops_err e = {0};
    bool ok = ask_finds(p, &e) && ask_keys(p, &e);
    for (size_t i = 0; i < p->secrets; i++) {
        struct sops_pull_secret *s = &p->secret[i];
        if (s->chosen && !s->failed && !(ok ? make_secret(p, s, &s->why) : sops_fail_memory(&s->why))) {
            fail_secret(s);
        }
    }
    sops_err_clear(&e);
}
