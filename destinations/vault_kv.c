/* SPDX-License-Identifier: Apache-2.0 */
/* The token is VAULT_TOKEN alone: what a person's login left in the home folder is not used to publish
 * (docs/spec/60-keysources.md#publish-vault-kv). */
#include "cloud/vault.h"
#include "core/destination.h"
#include "core/tree_json.h"

enum { PATH, ADDRESS, MOUNT, VERSION };

static bool is_version_1(const struct sops_slice value[]) { return sops_slice_eq(value[VERSION], SOPS_LIT("1")); }

static bool set_up(struct sops_world *w, struct sops_arena *a, const struct sops_slice value[], struct sops_vault *v,
                   struct sops_err *e)
{
    struct sops_slice address = value[ADDRESS];
    if (address.len != 0) {
        return sops_vault_setup(w, a, address, 0, v, e);
    }
    const char *set = sops_world_env_set(w, "VAULT_ADDR");
    return sops_vault_setup(w, a, sops_str(set != NULL ? set : "https://127.0.0.1:8200"), SOPS_VAULT_AGENT, v, e);
}

static bool add_folder(struct sops_buf *out, struct sops_slice folder, struct sops_err *e)
{
    return sops_buf_add(out, folder, e) && (sops_slice_ends(folder, SOPS_LIT("/")) || sops_buf_addc(out, '/', e));
}

static bool make_path(const struct sops_slice value[], struct sops_slice name, struct sops_buf *path,
                      struct sops_err *e)
{
    return add_folder(path, value[MOUNT].len != 0 ? value[MOUNT] : SOPS_LIT("secret"), e) &&
           (is_version_1(value) || sops_buf_adds(path, "data/", e)) && add_folder(path, value[PATH], e) &&
           sops_buf_add(path, name, e);
}

static bool where(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_buf *shown,
                  struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_vault v;
    bool ok = set_up(w, &a, value, &v, e) && sops_buf_addf(shown, e, "%.*s/v1/", SOPS_ARG(v.address)) &&
              make_path(value, name, shown, e);
    sops_arena_free(&a);
    return ok;
}

/* Does the place hold the same values already? Only version 2 would keep a second copy. Not to know is no failure. */
static bool is_there(struct sops_world *w, const struct sops_vault *v, struct sops_slice path, struct sops_slice object)
{
    struct sops_err why = {0};
    json_t *answer = NULL, *wanted = sops_json_try(object);
    bool same = false;
    if (sops_vault_call(w, v, "GET", path, (struct sops_slice){0}, &answer, &why)) {
        const json_t *held = json_object_get(json_object_get(answer, "data"), "data");
        same = held != NULL && wanted != NULL && json_equal(held, wanted) == 1;
    } else if (strstr(why.msg, "Code: 404.") == NULL) { /* nothing is there yet */
        sops_world_warn(w,
                        "cannot check if the secret is in %.*s already, so there may be a new version without a "
                        "change: %s",
                        SOPS_ARG(path), why.msg);
    }
    json_decref(answer);
    json_decref(wanted);
    sops_err_clear(&why);
    return same;
}

static bool put(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_slice bytes,
                const struct sops_doc *tree, bool *unchanged, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_vault v;
    struct sops_buf path = {0}, object = {0}, body = {0};
    json_t *answer = NULL;
    (void)bytes;
    *unchanged = false;
    bool ok = set_up(w, &a, value, &v, e) && make_path(value, name, &path, e) && sops_tree_json(tree, &object, e);
    /* Version 1 keeps a number's digits; version 2 makes a double of it and so would store another number. */
    ok = ok && (is_version_1(value) || sops_tree_fits_doubles(tree, e));
    if (ok && !is_version_1(value)) {
        *unchanged = is_there(w, &v, sops_buf_view(&path), sops_buf_view(&object));
        ok = sops_buf_addc(&body, '{', e) && sops_json_add_value(&body, "data", sops_buf_view(&object), e) &&
             sops_buf_addc(&body, '}', e);
    }
    if (ok && !*unchanged) {
        ok = sops_vault_call(w, &v, "PUT", sops_buf_view(&path), sops_buf_view(is_version_1(value) ? &object : &body),
                             &answer, e);
    }
    json_decref(answer);
    sops_buf_free(&body);
    sops_buf_free(&object);
    sops_buf_free(&path);
    sops_arena_free(&a);
    return ok;
}

static const char *const other_keys[] = {"vault_address", "vault_kv_mount_name", "vault_kv_version", NULL};

const struct sops_destination sops_destination_vault_kv = {
    .name = "vault",
    .rule_key = "vault_path",
    .other_keys = other_keys,
    .number_key = "vault_kv_version",
    .wants_tree = true,
    .where = where,
    .put = put,
};
