/* SPDX-License-Identifier: Apache-2.0 */
/* Before 3.3.0, sops wrapped for a KMS key with several context values as if all of them were the same one (which one
 * was chance), but recorded what it had been given. Such a file opens only when its contexts are bent the same way
 * (docs/spec/60-keysources.md#metadata-storage). */
#include "core/datakey.h"

#define MOST_TRIES 100 /* each asks all keys of the file */

static bool is_old(struct sops_slice version)
{
    int order = 0;
    return sops_slice_starts(version, SOPS_LIT("1.")) ||
           (sops_version_compare(version, SOPS_LIT("3.3.0"), &order) && order < 0);
}

/* Two values that are not the same. */
static bool is_suspect(const struct sops_key *k)
{
    for (const struct sops_pair *p = k->map; p != NULL; p = p->next) {
        if (!sops_slice_eq(p->value, k->map->value)) {
            return true;
        }
    }
    return false;
}

static bool any_suspect(const struct sops_meta *m)
{
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (is_suspect(k)) {
                return true;
            }
        }
    }
    return false;
}

/* The same names, each with `value`. */
static bool bend(struct sops_arena *a, const struct sops_pair *map, struct sops_slice value,
                 const struct sops_pair **bent, struct sops_err *e)
{
    struct sops_pair *last = NULL;
    *bent = NULL;
    for (; map != NULL; map = map->next) {
        struct sops_pair *pair = sops_arena_alloc(a, sizeof *pair, e);
        if (pair == NULL) {
            return false;
        }
        *pair = (struct sops_pair){.key = map->key, .value = value};
        if (last == NULL) {
            *bent = pair;
        } else {
            last->next = pair;
        }
        last = pair;
    }
    return true;
}

/* A file whose data key cannot be had, and what it needs. */
struct repair {
    struct sops_world *world;
    struct sops_service *services;
    struct sops_meta *meta;
    struct sops_slice order;
    const char *name;
    struct sops_secret *key;
};

/* The file opened with the context of `k` bent. Wrapped anew for the context as recorded, if that can be done: then
 * what is written opens without this; else the context that works is recorded. */
static void mend(const struct repair *r, struct sops_key *k, const struct sops_pair *recorded)
{
    struct sops_err why = {0};
    const struct sops_pair *working = k->map;
    k->map = recorded;
    if (!sops_datakey_wrap(r->world, r->services, r->meta, r->key, NULL, &why)) {
        k->map = working;
        sops_world_warn(r->world, "'%s': the data key could not be wrapped with the context as recorded: %s", r->name,
                        why.msg);
    }
    sops_err_clear(&why);
}

/* Tries each value of the context of `k` for all of its names; `*tries` counts them. */
static bool try_key(const struct repair *r, struct sops_key *k, unsigned *tries, struct sops_err *e)
{
    const struct sops_pair *recorded = k->map;
    for (const struct sops_pair *p = recorded; p != NULL && e->code == SOPS_OK && (*tries)++ < MOST_TRIES;
         p = p->next) {
        struct sops_err why = {0};
        if (!bend(&r->meta->arena, recorded, p->value, &k->map, e)) {
            break;
        }
        bool ok = sops_datakey_unwrap(r->world, r->services, r->meta, r->order, r->key, &why);
        sops_err_clear(&why);
        if (ok) {
            mend(r, k, recorded);
            return true;
        }
    }
    k->map = recorded;
    return false;
}

bool sops_datakey_is_repairable(const struct sops_meta *m) { return is_old(m->version) && any_suspect(m); }

bool sops_datakey_repair(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                         struct sops_slice order, const char *name, struct sops_secret *out, struct sops_err *e)
{
    const struct repair r = {w, services, m, order, name, out};
    if (e->code != SOPS_E_NO_KEY || !sops_datakey_is_repairable(m)) {
        return false;
    }
    sops_world_warn(w,
                    "'%s' was written by a sops before 3.3.0, which could mix up the values of a KMS encryption "
                    "context: trying each of them",
                    name);
    struct sops_err own = {0};
    bool ok = false;
    unsigned tries = 0;
    for (struct sops_group *g = m->groups; g != NULL; g = g->next) {
        for (struct sops_key *k = g->keys; k != NULL && !ok && own.code == SOPS_OK && tries < MOST_TRIES; k = k->next) {
            ok = is_suspect(k) && try_key(&r, k, &tries, &own);
        }
    }
    sops_err_clear(&own);
    if (ok) {
        sops_err_clear(e);
    }
    return ok;
}
