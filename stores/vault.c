/* SPDX-License-Identifier: Apache-2.0 */
/* A token of this machine is given to the server of a manifest only when VAULT_ADDR or the allow-list names it: a
 * manifest must not choose where it is sent (docs/spec/73-stores.md#credentials). */
#include "stores/vault.h"

#include "core/conf.h"

#define NAME_MAX_BYTES 512

/* ---- places ----------------------------------------------------------------------------------------------------- */

bool sops_vault_check_path(struct sops_slice path, struct sops_err *e)
{
    struct sops_slice rest = path, part;
    if (path.len > NAME_MAX_BYTES) {
        return sops_fail(e, SOPS_E_READ, "a name has at most %d bytes", NAME_MAX_BYTES);
    }
    if (path.len == 0 || sops_has_control(path)) {
        return sops_fail(e, SOPS_E_READ, "a name is not empty and holds no control character");
    }
    while (rest.ptr != NULL && sops_slice_next(&rest, '/', &part)) {
        if (part.len == 0 || sops_slice_eq(part, SOPS_LIT(".")) || sops_slice_eq(part, SOPS_LIT(".."))) {
            return sops_fail(e, SOPS_E_READ, "a name has no empty part, and none that is '.' or '..'");
        }
    }
    return true;
}

static struct sops_slice trim_slashes(struct sops_slice s)
{
    while (s.len != 0 && s.ptr[0] == '/') {
        s = sops_slice_skip(s, 1);
    }
    return sops_slice_trim_end(s, '/');
}

/* An http or https URL without a user's name, a query or a fragment. */
static bool check_server(const struct sops_node *map, const char *name, struct sops_slice address, struct sops_err *e)
{
    struct sops_url u;
    bool good = sops_url_parse(address, &u) && u.authority.ptr == address.ptr + u.scheme.len + 3 &&
                u.rest.len == u.path.len && !sops_has_unseen(address);
    return good || sops_store_bad(map, name, "must be an http or https URL", e);
}

static bool take_ca(struct sops_vault_site *own, struct sops_arena *a, const struct sops_node *map,
                    const struct sops_store_input *in, struct sops_err *e)
{
    struct sops_slice bundle = {0}, type = {0}, value = {0};
    const struct sops_node *provider;
    struct sops_buf pem = {0};
    bool found = false;
    if (!sops_conf_text(map, "caBundle", &bundle, e) || !sops_conf_map(map, "caProvider", &provider, e)) {
        return false;
    }
    if (bundle.len != 0) {
        bool ok =
            sops_base64_text(&pem, SOPS_B64_CR, bundle, e) && sops_arena_copy(a, sops_buf_view(&pem), &own->ca_pem, e);
        sops_buf_free(&pem);
        return ok || sops_within(e, "'caBundle'");
    }
    if (provider == NULL) {
        return true;
    }
    if (!sops_store_need(provider, "type", &type, e) ||
        !in->lookup(in->ctx, provider, sops_slice_eq(type, SOPS_LIT("ConfigMap")), &value, &found, e)) {
        return sops_within(e, "caProvider");
    }
    own->ca_pem = value;
    if (!found) {
        in->note(in->ctx, "caProvider is not in the input; using the certificate authorities of this machine");
    }
    return true;
}

static bool take_role(struct sops_vault_site *own, const struct sops_node *role, const struct sops_store_input *in,
                      bool *all, struct sops_err *e)
{
    static const struct sops_store_want want[] = {{"secretRef", true}, {"roleRef", false}};
    struct sops_slice value[2] = {{0}}, id = {0}, path = SOPS_LIT("approle");
    if (!sops_store_lookup(in, role, want, 2, value, all, e) || !sops_conf_text(role, "roleId", &id, e) ||
        !sops_conf_text(role, "path", &path, e)) {
        return sops_within(e, "auth.appRole");
    }
    path = trim_slashes(path);
    if (!sops_vault_check_path(path, e)) {
        return sops_within(e, "auth.appRole.path");
    }
    id = id.len != 0 ? id : value[1];
    *all = *all && id.len != 0;
    if (*all) {
        own->role_path = path;
        own->role_id = id;
        own->secret_id = value[0];
    }
    return true;
}

/* May the token of this machine go there? */
static bool check_own_token(struct sops_world *w, const struct sops_vault_site *own, struct sops_err *e)
{
    const char *named = sops_world_env_set(w, "VAULT_ADDR");
    const char *list = sops_world_env_set(w, "SOPS_HC_VAULT_ALLOWLIST");
    if (list != NULL || (named != NULL && sops_slice_eq(sops_slice_trim_end(sops_str(named), '/'), own->address))) {
        return true; /* the list itself was asked before */
    }
    (void)sops_fail(e, SOPS_E_READ, "the token of this machine is not sent to '%.*s', which only a manifest names",
                    SOPS_ARG(own->address));
    return sops_hint(e, "set VAULT_ADDR to this address, or name it in SOPS_HC_VAULT_ALLOWLIST");
}

static bool take_auth(struct sops_vault_site *own, struct sops_world *w, const struct sops_node *map,
                      const struct sops_store_input *in, struct sops_err *e)
{
    static const struct sops_store_want want[] = {{"tokenSecretRef", true}};
    const struct sops_node *auth, *role = NULL;
    struct sops_slice token = {0};
    bool all = false;
    if (!sops_conf_map(map, "auth", &auth, e) || (auth != NULL && !sops_conf_map(auth, "appRole", &role, e))) {
        return false;
    }
    if (auth != NULL && !sops_store_lookup(in, auth, want, 1, &token, &all, e)) {
        return sops_within(e, "auth");
    }
    own->token = all ? token : own->token;
    if (!all && role != NULL && !take_role(own, role, in, &all, e)) {
        return false;
    }
    if (!all) {
        sops_store_note_auth(in, auth, "auth");
        return check_own_token(w, own, e);
    }
    return true;
}

bool sops_vault_site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                 const struct sops_node *map, const struct sops_store_input *in, int version,
                                 struct sops_err *e)
{
    static const char *const unsupported[] = {"tls", "headers"};
    struct sops_vault_site *own = s->own = sops_arena_alloc(a, sizeof *own, e);
    struct sops_slice server;
    const struct sops_node *found;
    for (size_t i = 0; own != NULL && i < sizeof unsupported / sizeof unsupported[0]; i++) {
        if (!sops_conf_any(map, unsupported[i], &found, e)) {
            return false;
        }
        if (found != NULL) {
            return sops_store_bad(map, unsupported[i], "is not supported", e);
        }
    }
    if (own == NULL || !sops_store_need(map, "server", &server, e) || !check_server(map, "server", server, e) ||
        !sops_conf_text(map, "path", &own->mount, e) || !sops_conf_text(map, "namespace", &own->name_space, e)) {
        return false;
    }
    own->version = version;
    own->address = sops_slice_trim_end(server, '/');
    own->mount = trim_slashes(own->mount);
    if (own->mount.len != 0 && !sops_vault_check_path(own->mount, e)) {
        return sops_within(e, "path");
    }
    return sops_vault_allowed(w, own->address, e) && take_ca(own, a, map, in, e) && take_auth(own, w, map, in, e) &&
           sops_arena_printf(a, &s->place, e, "%.*s", SOPS_ARG(own->address));
}

/* ---- signing in ------------------------------------------------------------------------------------------------- */

/* POST auth/PATH/login with the two ids; the token that it gives. */
static bool log_in(const struct sops_vault_site *own, struct sops_world *w, struct sops_arena *a,
                   struct sops_vault_who *who, struct sops_err *e)
{
    static const char *const way[] = {"auth", "client_token", NULL};
    struct sops_vault v;
    struct sops_buf body = {0};
    struct sops_http_res res = {0};
    struct sops_vault_request r = {.method = "POST", .limit = SOPS_STORE_ANSWER_MAX};
    const struct sops_json_value *answer;
    who->token = (struct sops_slice){0};
    bool ok = sops_vault_setup_as(w, a, own->address, who, &v, e) &&
              sops_arena_printf(a, &r.path, e, "auth/%.*s/login", SOPS_ARG(own->role_path)) &&
              sops_buf_addc(&body, '{', e) && sops_json_add(&body, "role_id", own->role_id, e) &&
              sops_json_add(&body, "secret_id", own->secret_id, e) && sops_buf_addc(&body, '}', e);
    r.body = sops_buf_view(&body);
    ok = ok && sops_vault_send(w, &v, &r, &res, e) && (res.status == 200 || sops_vault_refused(&v, &r, &res, e)) &&
         sops_store_object(a, &res, &answer, e);
    if (ok) {
        const struct sops_json_value *token = sops_json_path(answer, way);
        ok = (token != NULL && token->kind == SOPS_JSON_STRING) || sops_store_no_field("auth.client_token", e);
        who->token = ok ? token->text : who->token;
    }
    sops_http_res_free(&res);
    sops_buf_free(&body);
    return ok || sops_within(e, "AppRole");
}

static bool make_client(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct sops_vault_site *own = arg;
    struct sops_vault *v = sops_arena_alloc(a, sizeof *v, e);
    struct sops_vault_who who = {
        .token = own->token, .from = "the Secret of auth", .name_space = own->name_space, .ca_pem = own->ca_pem};
    *made = v;
    bool ok = v != NULL;
    if (ok && own->role_id.len != 0) {
        ok = log_in(own, w, a, &who, e);
    } else if (ok && own->token.len == 0) {
        ok = sops_vault_own_token(w, a, &who, e);
    }
    return ok && sops_vault_setup_as(w, a, own->address, &who, v, e);
}

bool sops_vault_client(const struct sops_store_site *s, struct sops_world *w, const struct sops_vault **out,
                       struct sops_err *e)
{
    void *made = NULL;
    bool ok = sops_world_once(w, s->own, SOPS_LIT("client"), make_client, s->own, &made, e);
    *out = made;
    return ok;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

bool sops_vault_store_call(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                           struct sops_vault_call_of *c, struct sops_err *e)
{
    const struct sops_vault *v;
    const struct sops_vault_request r = {.method = c->method,
                                         .path = c->path,
                                         .query = c->query,
                                         .body = c->body,
                                         .write = c->write,
                                         .limit = SOPS_STORE_ANSWER_MAX};
    struct sops_http_res res = {0};
    struct sops_err ignored = {0};
    c->status = 0;
    c->answer = NULL;
    bool ok = sops_vault_client(s, w, &v, e) && sops_vault_send(w, v, &r, &res, e);
    if (ok) {
        c->status = res.status;
        ok = (res.status >= 200 && res.status < 300) || sops_vault_refused(v, &r, &res, e);
    }
    if (ok && res.body.len != 0) {
        ok = sops_store_object(a, &res, &c->answer, e);
    } else if (ok && (res.status != 204 || strcmp(c->method, "GET") == 0)) {
        ok = sops_fail(e, SOPS_E_READ, "the answer is empty");
    } else if (c->status == 404 && !sops_store_object(a, &res, &c->answer, &ignored)) {
        c->answer = NULL;
    }
    sops_err_clear(&ignored);
    sops_http_res_free(&res);
    return ok;
}

enum sops_store_result sops_vault_result(const struct sops_vault_call_of *c)
{
    return c->status == 404 ? SOPS_STORE_ABSENT : c->status == 403 ? SOPS_STORE_DENIED : SOPS_STORE_FAILED;
}

bool sops_vault_text(struct sops_arena *a, const struct sops_json_value *v, struct sops_slice *out, struct sops_err *e)
{
    struct sops_arena own = {0};
    struct sops_json_value *copy = NULL;
    struct sops_buf text = {0};
    bool ok = sops_json_read(&own, v->raw, &copy, e) && sops_json_sort(copy, NULL, e) &&
              sops_json_print(&text, copy, SOPS_JSON_GO, e) && sops_arena_copy(a, sops_buf_view(&text), out, e);
    sops_buf_free(&text);
    sops_arena_free(&own);
    return ok;
}

/* ---- listing ---------------------------------------------------------------------------------------------------- */

struct folder {
    struct sops_slice path; /* below the mount, with a slash at its end; or empty */
    struct folder *below;
};
struct listing {
    const struct sops_store_site *s;
    struct sops_world *w;
    struct sops_arena *a, folders;
    const struct sops_vault_walk *walk;
    struct sops_store_list *out;
    struct sops_store_pages pages;
    struct folder *top;
};

static bool push_folder(struct listing *l, struct sops_slice path, struct sops_err *e)
{
    struct folder *f = sops_arena_alloc(&l->folders, sizeof *f, e);
    if (f == NULL || !sops_arena_copy(&l->folders, path, &f->path, e)) {
        return false;
    }
    f->below = l->top;
    l->top = f;
    return true;
}

static bool take_name(struct listing *l, struct sops_slice folder, struct sops_slice name, struct sops_err *e)
{
    struct sops_buf path = {0};
    const struct sops_vault_walk *walk = l->walk;
    bool ok = sops_buf_add(&path, folder, e) && sops_buf_add(&path, name, e);
    struct sops_slice whole = sops_buf_view(&path);
    bool is_folder = sops_slice_ends(whole, SOPS_LIT("/"));
    ok = ok && (sops_vault_check_path(is_folder ? sops_slice_first(whole, whole.len - 1) : whole, e) ||
                sops_within(e, "the list holds a name that cannot be one"));
    if (ok && is_folder) {
        /* Of a prefix that ends within a name only folders that go on with it are of use. */
        size_t common = whole.len < walk->prefix.len ? whole.len : walk->prefix.len;
        bool on_way = memcmp(whole.ptr, walk->prefix.ptr != NULL ? walk->prefix.ptr : whole.ptr, common) == 0;
        ok = !on_way || push_folder(l, whole, e);
    } else if (ok && sops_slice_starts(whole, walk->prefix) &&
               (walk->wanted == NULL || walk->wanted(walk->ctx, whole))) {
        ok = sops_store_add(l->out, l->a, whole, whole, e) != NULL;
    }
    sops_buf_free(&path);
    return ok;
}

/* `*there` is false when there is no such folder. */
static bool list_folder(struct listing *l, struct sops_slice folder, bool *there, struct sops_err *e)
{
    static const char *const way[] = {"data", "keys", NULL};
    const struct sops_vault_site *own = l->s->own;
    struct sops_arena page = {0};
    struct sops_vault_call_of c = {.method = "LIST"};
    struct sops_err why = {0};
    size_t count = 0;
    bool ok = sops_arena_printf(&page, &c.path, e, "%.*s/%s%.*s", SOPS_ARG(own->mount), l->walk->engine,
                                SOPS_ARG(sops_slice_trim_end(folder, '/')));
    c.path = sops_slice_trim_end(c.path, '/');
    *there = ok && sops_vault_store_call(l->s, l->w, &page, &c, &why);
    if (ok && !*there && c.status != 404) {
        *e = why;
        sops_arena_free(&page);
        return false;
    }
    sops_err_clear(&why);
    const struct sops_json_value *keys = *there ? sops_json_path(c.answer, way) : NULL;
    if (ok && *there && (keys == NULL || keys->kind != SOPS_JSON_LIST)) {
        ok = sops_store_no_field("data.keys", e);
    }
    for (const struct sops_json_value *k = ok && keys != NULL ? keys->child : NULL; ok && k != NULL; k = k->next) {
        count++;
        ok = k->kind == SOPS_JSON_STRING ? take_name(l, folder, k->text, e) : sops_store_no_field("data.keys", e);
    }
    ok = ok && sops_store_page(&l->pages, count, (struct sops_slice){0}, e);
    sops_arena_free(&page);
    return ok;
}

bool sops_vault_list(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     const struct sops_vault_walk *walk, struct sops_store_list *out, bool *there, struct sops_err *e)
{
    struct listing l = {.s = s, .w = w, .a = a, .walk = walk, .out = out};
    size_t folders = 0;
    bool found;
    bool ok = list_folder(&l, walk->folder, there, e);
    while (ok && l.top != NULL) {
        struct sops_slice folder = l.top->path;
        l.top = l.top->below;
        ok = ++folders < SOPS_STORE_PAGES_MAX
                 ? list_folder(&l, folder, &found, e)
                 : sops_fail(e, SOPS_E_READ, "there are more than %d folders", SOPS_STORE_PAGES_MAX);
    }
    sops_store_pages_free(&l.pages);
    sops_arena_free(&l.folders);
    return ok;
}
