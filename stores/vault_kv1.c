/* SPDX-License-Identifier: Apache-2.0 */
/* Vault's key-value engine, version 1, to read only: it has neither versions nor metadata. */
#include "core/conf.h"
#include "stores/vault.h"

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    return sops_vault_site_of_manifest(s, w, a, map, in, 1, e);
}

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    struct sops_slice key = ref->key;
    if (!sops_vault_check_path(key, e)) {
        return sops_within(e, "the key '%.*s'", SOPS_ARG(sops_slice_first(key, 200)));
    }
    bool named = own->mount.len != 0 && sops_slice_starts(key, own->mount) && key.len > own->mount.len &&
                 key.ptr[own->mount.len] == '/';
    *out = (struct sops_store_ref){.key = key};
    return own->mount.len == 0 || named ||
           sops_arena_printf(a, &out->key, e, "%.*s/%.*s", SOPS_ARG(own->mount), SOPS_ARG(key));
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    struct sops_vault_call_of c = {.method = "GET", .path = ref->key};
    if (!sops_vault_store_call(s, w, a, &c, e)) {
        return sops_vault_result(&c);
    }
    const struct sops_json_value *data = sops_json_member(c.answer, SOPS_LIT("data"));
    if (data == NULL || data->kind != SOPS_JSON_OBJECT) {
        (void)sops_store_no_field("data", e);
        return SOPS_STORE_FAILED;
    }
    return sops_vault_text(a, data, value, e) ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

static bool check_find(const struct sops_store_site *s, const struct sops_store_find *f, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    if (f->has_tags) {
        return sops_fail(e, SOPS_E_READ, "find by 'tags': an engine of version 1 has none");
    }
    if (own->mount.len == 0) {
        return sops_fail(e, SOPS_E_READ, "find needs the field 'path' of the store");
    }
    return f->path.len == 0 || sops_vault_check_path(sops_slice_trim_end(f->path, '/'), e) || sops_within(e, "'path'");
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    struct sops_vault_walk walk = {.engine = "", .wanted = f->wanted, .ctx = f->ctx};
    bool there = true, ok = f->path.len == 0 ||
                            sops_arena_printf(a, &walk.folder, e, "%.*s/", SOPS_ARG(sops_slice_trim_end(f->path, '/')));
    ok = ok && sops_vault_list(s, w, a, &walk, out, &there, e);
    for (struct sops_store_found *found = out->first; ok && found != NULL; found = found->next) {
        ok = sops_arena_printf(a, &found->ref.key, e, "%.*s/%.*s", SOPS_ARG(own->mount), SOPS_ARG(found->key));
    }
    if (ok && !there) {
        (void)sops_fail(e, SOPS_E_READ, "there is no folder '%.*s'", SOPS_ARG(sops_slice_first(f->path, 200)));
        return SOPS_STORE_ABSENT;
    }
    return ok ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

const struct sops_store sops_store_vault_kv1 = {
    .provider = "vault",
    .choose = "version",
    .choice = "v1",
    .property = SOPS_PROPERTY_KEY_FIRST,
    .find_without_conditions = true,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .check_find = check_find,
    .find = find,
};
