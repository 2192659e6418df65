/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's provider for tests: the values stand in the store itself. */
#include "core/conf.h"
#include "stores/common.h"

#include <stdlib.h>

struct fake_entry {
    struct sops_slice key, value, version;
    size_t place; /* of several equal ones the last counts */
};
struct fake_site {
    struct fake_entry *entry; /* sorted by key, version and place */
    size_t count;
};

static int by_key_and_version(const struct fake_entry *x, const struct fake_entry *y)
{
    int order = sops_slice_cmp(x->key, y->key);
    return order != 0 ? order : sops_slice_cmp(x->version, y->version);
}

static int by_all(const void *a, const void *b)
{
    const struct fake_entry *x = a, *y = b;
    int order = by_key_and_version(x, y);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    struct fake_site *own = s->own = sops_arena_alloc(a, sizeof *own, e);
    const struct sops_node *data;
    size_t count = 0;
    (void)w;
    (void)in;
    s->place = SOPS_LIT("fake");
    if (own == NULL || !sops_conf_list(map, "data", &data, e)) {
        return false;
    }
    for (const struct sops_node *n = data != NULL ? data->child : NULL; n != NULL; n = n->next) {
        count++;
    }
    own->entry = sops_arena_alloc(a, (count + 1) * sizeof *own->entry, e);
    bool ok = own->entry != NULL;
    for (const struct sops_node *n = data != NULL ? data->child : NULL; ok && n != NULL; n = n->next) {
        struct fake_entry *entry = &own->entry[own->count];
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        ok = (n->kind == SOPS_MAP || sops_store_bad(map, "data", "must be a list of mappings", e)) &&
             sops_store_need(n, "key", &entry->key, e) && sops_conf_text(n, "value", &entry->value, e) &&
             sops_conf_text(n, "version", &entry->version, e);
        entry->place = own->count++;
    }
    if (ok) {
        qsort(own->entry, own->count, sizeof *own->entry, by_all);
    }
    return ok;
}

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    (void)s;
    (void)a;
    (void)e;
    *out = *ref;
    return true;
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    const struct fake_site *own = s->own;
    const struct fake_entry wanted = {.key = ref->key, .version = ref->version};
    size_t low = 0, high = own->count;
    (void)w;
    (void)a;
    while (low < high) { /* the first entry behind those that are wanted */
        size_t middle = low + (high - low) / 2;
        if (by_key_and_version(&own->entry[middle], &wanted) > 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low > 0 && by_key_and_version(&own->entry[low - 1], &wanted) == 0) {
        *value = own->entry[low - 1].value;
        return SOPS_STORE_OK;
    }
    (void)sops_fail(e, SOPS_E_READ, "the store has no such key and version");
    return SOPS_STORE_ABSENT;
}

static bool check_find(const struct sops_store_site *s, const struct sops_store_find *f, struct sops_err *e)
{
    (void)s;
    return !f->has_tags || sops_fail(e, SOPS_E_READ, "find by 'tags': this store has none");
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    const struct fake_site *own = s->own;
    (void)w;
    for (size_t i = 0; i < own->count; i++) {
        const struct fake_entry *entry = &own->entry[i];
        bool outdone = i + 1 < own->count && sops_slice_eq(entry[1].key, entry->key); /* by a higher version */
        if (outdone || (f->wanted != NULL && !f->wanted(f->ctx, entry->key))) {
            continue;
        }
        struct sops_store_found *found = sops_store_add(out, a, entry->key, entry->key, e);
        if (found == NULL) {
            return SOPS_STORE_FAILED;
        }
        found->ref.version = entry->version;
        found->value = entry->value;
        found->has_value = true;
    }
    return SOPS_STORE_OK;
}

const struct sops_store sops_store_fake = {
    .provider = "fake",
    .is_choice = true,
    .property = SOPS_PROPERTY_PATH,
    .find_converts = true,
    .asks_nobody = true,
    .find_ignores_path = true,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .check_find = check_find,
    .find = find,
};
