/* SPDX-License-Identifier: Apache-2.0 */
/* Vault's key-value engine, version 2. The metadata of a new item are written before its value, so that none of ours is
 * ever without an owner; and a mount is asked for its version before anything else, as on one of version 1 a write of
 * metadata would become a secret of that name. */
#include "base/text.h"
#include "core/conf.h"
#include "stores/vault.h"

/* ---- places ----------------------------------------------------------------------------------------------------- */

static bool site_of_rule(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                         const struct sops_node *map, struct sops_err *e)
{
    struct sops_vault_site *own = s->own = sops_arena_alloc(a, sizeof *own, e);
    const char *set = sops_world_env_set(w, "VAULT_ADDR");
    struct sops_slice address = sops_str(set != NULL ? set : "https://127.0.0.1:8200"), mount = SOPS_LIT("secret"),
                      space = sops_str(sops_world_env_set(w, "VAULT_NAMESPACE"));
    struct sops_url u;
    if (own == NULL || !sops_conf_text(map, "address", &address, e) || !sops_conf_text(map, "namespace", &space, e) ||
        !sops_conf_text(map, "mount", &mount, e)) {
        return false;
    }
    if (!sops_url_parse(address, &u) && !sops_slice_starts(address, SOPS_LIT("unix://"))) {
        return sops_store_bad(map, "address", "must be an http or https URL", e);
    }
    own->version = 2;
    own->from_rule = true;
    while (mount.len != 0 && mount.ptr[0] == '/') {
        mount = sops_slice_skip(mount, 1);
    }
    mount = sops_slice_trim_end(mount, '/');
    if (!sops_vault_check_path(mount, e)) {
        return sops_within(e, "'mount'");
    }
    return sops_vault_allowed(w, address, e) &&
           sops_arena_copy(a, sops_slice_trim_end(address, '/'), &own->address, e) &&
           sops_arena_copy(a, sops_slice_trim_end(space, '/'), &own->name_space, e) &&
           sops_arena_copy(a, mount, &own->mount, e) &&
           sops_arena_printf(a, &s->place, e, "%.*s/%.*s%s%.*s", SOPS_ARG(own->address), SOPS_ARG(own->name_space),
                             own->name_space.len != 0 ? "/" : "", SOPS_ARG(own->mount));
}

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    return sops_vault_site_of_manifest(s, w, a, map, in, 2, e);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool is_number(struct sops_slice s) { return s.len <= 18 && sops_digits(s) == s.len; }

/* A key without a mount: "data" is put behind its first part, unless it is there. */
static bool resolve_without_mount(struct sops_arena *a, struct sops_slice key, struct sops_slice *out,
                                  struct sops_err *e)
{
    size_t slash = sops_slice_find(key, '/');
    if (memmem(key.ptr, key.len, "/data/", 6) != NULL) {
        *out = key;
        return true;
    }
    return sops_arena_printf(a, out, e, "%.*s/data/%.*s", SOPS_ARG(sops_slice_first(key, slash)),
                             SOPS_ARG(sops_slice_skip(key, slash + 1)));
}

static struct sops_slice without_start(struct sops_slice key, struct sops_slice start)
{
    bool has = sops_slice_starts(key, start) && key.len > start.len && key.ptr[start.len] == '/';
    return has ? sops_slice_skip(key, start.len + 1) : key;
}

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    struct sops_slice key = ref->key, rest;
    if (!sops_vault_check_path(key, e)) {
        return sops_within(e, "the key '%.*s'", SOPS_ARG(sops_slice_first(key, 200)));
    }
    if (!is_number(ref->version)) {
        return sops_fail(e, SOPS_E_READ, "a version is a number");
    }
    out->version = ref->version;
    if (own->mount.len == 0) {
        return resolve_without_mount(a, key, &out->key, e);
    }
    rest = own->from_rule ? key : without_start(key, own->mount);
    rest = rest.ptr != key.ptr ? without_start(rest, SOPS_LIT("data")) : rest;
    return sops_arena_printf(a, &out->key, e, "%.*s/data/%.*s", SOPS_ARG(own->mount), SOPS_ARG(rest));
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    static const char *const way[] = {"data", "data", NULL};
    char query[40];
    struct sops_vault_call_of c = {.method = "GET", .path = ref->key};
    (void)snprintf(query, sizeof query, "version=%.*s", SOPS_ARG(ref->version));
    c.query = ref->version.len != 0 ? query : NULL;
    if (!sops_vault_store_call(s, w, a, &c, e)) {
        if (c.status == 403) {
            (void)sops_hint(e, "the right 'read' for %.*s is missing", SOPS_ARG(sops_slice_first(ref->key, 150)));
        }
        return sops_vault_result(&c);
    }
    const struct sops_json_value *data = sops_json_path(c.answer, way);
    if (data == NULL || data->kind != SOPS_JSON_OBJECT) {
        (void)sops_store_no_field("data.data", e);
        return SOPS_STORE_FAILED;
    }
    return sops_vault_text(a, data, value, e) ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

static bool check_mount(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    static const char *const way[] = {"data", "options", NULL};
    const struct sops_store_site *s = arg;
    const struct sops_vault_site *own = s->own;
    struct sops_vault_call_of c = {.method = "GET"};
    *made = NULL;
    if (!sops_arena_printf(a, &c.path, e, "sys/internal/ui/mounts/%.*s", SOPS_ARG(own->mount)) ||
        !sops_vault_store_call(s, w, a, &c, e)) {
        return false;
    }
    return sops_slice_eq(sops_json_member_text(sops_json_path(c.answer, way), "version"), SOPS_LIT("2")) ||
           sops_fail(e, SOPS_E_READ, "the mount '%.*s' is no key-value engine of version 2", SOPS_ARG(own->mount));
}

static bool mount_is_good(const struct sops_store_site *s, struct sops_world *w, struct sops_err *e)
{
    void *nothing;
    return sops_world_once(w, s->own, SOPS_LIT("mount"), check_mount, (void *)(uintptr_t)s, &nothing, e);
}

/* A version is deleted when its time has come: one that will be deleted later is still there. */
static bool is_deleted(struct sops_world *w, const struct sops_json_value *version)
{
    const struct sops_json_value *destroyed = sops_json_member(version, SOPS_LIT("destroyed"));
    struct sops_slice text = sops_json_member_text(version, "deletion_time");
    struct sops_time time;
    return (destroyed != NULL && destroyed->kind == SOPS_JSON_TRUE) ||
           (text.len != 0 && (!sops_time_parse(text, &time) || time.seconds <= w->now(w)));
}

static bool describe(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     struct sops_slice name, struct sops_store_item *out, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    struct sops_vault_call_of c = {.method = "GET"};
    struct sops_err why = {0};
    *out = (struct sops_store_item){.name = name};
    if (!mount_is_good(s, w, e) ||
        !sops_arena_printf(a, &c.path, e, "%.*s/metadata/%.*s", SOPS_ARG(own->mount), SOPS_ARG(name))) {
        return false;
    }
    if (!sops_vault_store_call(s, w, a, &c, &why)) {
        if (c.status != 404) {
            *e = why;
            return c.status == 403 ? sops_hint(e, "the right 'read' for the metadata is missing") : false;
        }
        sops_err_clear(&why);
        return true;
    }
    const struct sops_json_value *data = sops_json_member(c.answer, SOPS_LIT("data"));
    const struct sops_json_value *current = sops_json_member(data, SOPS_LIT("current_version"));
    const struct sops_json_value *versions = sops_json_member(data, SOPS_LIT("versions"));
    if (current == NULL || current->kind != SOPS_JSON_NUMBER || !is_number(current->raw)) {
        return sops_store_no_field("data.current_version", e);
    }
    const struct sops_json_value *version = sops_json_member(versions, current->raw);
    out->version = current->raw;
    out->state = version == NULL || is_deleted(w, version) ? SOPS_ITEM_DELETED : SOPS_ITEM_LIVE;
    return sops_store_take_tags(a, sops_json_member(data, SOPS_LIT("custom_metadata")), false, out, e);
}

static bool send_to(const struct sops_store_site *s, struct sops_world *w, const char *method, const char *engine,
                    struct sops_slice name, struct sops_slice body, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    struct sops_arena a = {0};
    struct sops_vault_call_of c = {.method = method, .body = body, .write = true};
    bool ok = sops_arena_printf(&a, &c.path, e, "%.*s/%s/%.*s", SOPS_ARG(own->mount), engine, SOPS_ARG(name)) &&
              sops_vault_store_call(s, w, &a, &c, e);
    sops_arena_free(&a);
    return ok;
}

static bool write_tags(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    struct sops_buf body = {0};
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_begin(&body, "custom_metadata", '{', e) &&
              sops_store_add_tags(&body, what, false, e) && sops_buf_adds(&body, "}}", e) &&
              send_to(s, w, "PUT", "metadata", what->old->name, sops_buf_view(&body), e);
    sops_buf_free(&body);
    return ok;
}

static bool write_value(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                        struct sops_err *e)
{
    struct sops_slice version = what->old->version.len != 0 ? what->old->version : SOPS_LIT("0");
    struct sops_buf body = {0};
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add_value(&body, "data", what->value, e) &&
              sops_json_begin(&body, "options", '{', e) && sops_json_add_value(&body, "cas", version, e) &&
              sops_buf_adds(&body, "}}", e) && send_to(s, w, "PUT", "data", what->old->name, sops_buf_view(&body), e);
    sops_buf_free(&body);
    return ok;
}

static bool write_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    return what->old->state == SOPS_ITEM_NONE ? write_tags(s, w, what, e) && write_value(s, w, what, e)
                                              : write_value(s, w, what, e) && write_tags(s, w, what, e);
}

static bool remove_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                        struct sops_err *e)
{
    return send_to(s, w, "DELETE", "data", old->name, (struct sops_slice){0}, e);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static bool list_items(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       struct sops_slice prefix, struct sops_slice owner, struct sops_store_list *out,
                       struct sops_err *e)
{
    struct sops_vault_walk walk = {.engine = "metadata/", .prefix = prefix};
    bool there;
    (void)owner; /* who owns an item is known when it is described */
    size_t folder = prefix.len;
    while (folder > 0 && prefix.ptr[folder - 1] != '/') {
        folder--;
    }
    walk.folder = sops_slice_first(prefix, folder);
    return mount_is_good(s, w, e) && sops_vault_list(s, w, a, &walk, out, &there, e);
}

/* Takes out those whose metadata have not all tags, and resolves the others. */
static bool keep_fitting(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                         const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    struct sops_store_found *all = out->first;
    *out = (struct sops_store_list){0};
    for (struct sops_store_found *next; all != NULL; all = next) {
        static const char *const way[] = {"data", "custom_metadata", NULL};
        struct sops_arena scratch = {0};
        struct sops_store_item item = {.name = all->key};
        struct sops_vault_call_of c = {.method = "GET"};
        bool ok = true;
        next = all->next;
        if (f->tags != 0) {
            ok = sops_arena_printf(&scratch, &c.path, e, "%.*s/metadata/%.*s", SOPS_ARG(own->mount),
                                   SOPS_ARG(all->key)) &&
                 sops_vault_store_call(s, w, &scratch, &c, e) &&
                 sops_store_take_tags(&scratch, sops_json_path(c.answer, way), false, &item, e);
        }
        if (ok && sops_store_tags_fit(&item, f)) {
            struct sops_store_found *kept = sops_store_add(out, a, all->key, all->key, e);
            ok = kept != NULL &&
                 sops_arena_printf(a, &kept->ref.key, e, "%.*s/data/%.*s", SOPS_ARG(own->mount), SOPS_ARG(all->key));
        }
        sops_arena_free(&scratch);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool check_find(const struct sops_store_site *s, const struct sops_store_find *f, struct sops_err *e)
{
    const struct sops_vault_site *own = s->own;
    if (own->mount.len == 0) {
        return sops_fail(e, SOPS_E_READ, "find needs the field 'path' of the store");
    }
    return f->path.len == 0 || sops_vault_check_path(sops_slice_trim_end(f->path, '/'), e) || sops_within(e, "'path'");
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    struct sops_vault_walk walk = {.engine = "metadata/", .wanted = f->wanted, .ctx = f->ctx};
    bool there = true;
    if (f->path.len != 0 &&
        !sops_arena_printf(a, &walk.folder, e, "%.*s/", SOPS_ARG(sops_slice_trim_end(f->path, '/')))) {
        return SOPS_STORE_FAILED;
    }
    if (!sops_vault_list(s, w, a, &walk, out, &there, e) || !keep_fitting(s, w, a, f, out, e)) {
        return SOPS_STORE_FAILED;
    }
    if (!there) {
        (void)sops_fail(e, SOPS_E_READ, "there is no folder '%.*s'", SOPS_ARG(sops_slice_first(f->path, 200)));
    }
    return there ? SOPS_STORE_OK : SOPS_STORE_ABSENT;
}

static const char *const fields[] = {"address", "namespace", "mount", NULL};

const struct sops_store sops_store_vault_kv2 = {
    .rule = "vault_kv",
    .provider = "vault",
    .choose = "version",
    .choice = "v2",
    .is_choice = true,
    .rule_fields = fields,
    .pattern = "{path}",
    .join = "/",
    .no_keys = true,
    .objects_only = true,
    .doubles = true,
    .value_max = (size_t)1 << 20,
    .property = SOPS_PROPERTY_KEY_FIRST,
    .find_without_conditions = true,
    .check_name = sops_vault_check_path,
    .from_rule = site_of_rule,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .check_find = check_find,
    .find = find,
    .describe = describe,
    .write = write_item,
    .tag = write_tags,
    .remove = remove_item,
    .list = list_items,
};
