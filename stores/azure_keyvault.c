/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of Azure Key Vault. Looking at an item gives its value as well, and it has no guard against a write in
 * between. A name that was deleted must be recovered before it can be written. */
#include "cloud/azure.h"
#include "core/conf.h"
#include "stores/common.h"

#define API "api-version=7.4"
#define PAGE "maxresults=25"
#define RECOVER_TRIES 60
#define RECOVER_PAUSE_MS 500

struct azure_site {
    struct sops_slice url; /* https://HOST */
    struct sops_azure_app app;
    bool given; /* `app` is from the input */
};

/* ---- places ----------------------------------------------------------------------------------------------------- */

/* Only a scheme and a host: anything else could send a token elsewhere than one reads. */
static bool take_url(struct sops_store_site *s, struct sops_arena *a, const struct sops_node *map, const char *name,
                     struct sops_err *e)
{
    struct azure_site *own = s->own = sops_arena_alloc(a, sizeof *own, e);
    struct sops_slice text;
    struct sops_url u;
    if (own == NULL || !sops_store_need(map, name, &text, e)) {
        return false;
    }
    bool good = sops_url_parse(text, &u) && u.tls && u.authority.ptr == text.ptr + strlen("https://") &&
                sops_only_alnum(u.authority, "-.:") && (u.rest.len == 0 || sops_slice_eq(u.rest, SOPS_LIT("/")));
    if (!good) {
        return sops_store_bad(map, name, "must be https:// and a host, and nothing else", e);
    }
    bool ok = sops_arena_printf(a, &own->url, e, "https://%.*s", SOPS_ARG(u.authority));
    s->place = own->url;
    return ok;
}

static bool site_of_rule(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                         const struct sops_node *map, struct sops_err *e)
{
    (void)w;
    return take_url(s, a, map, "vault_url", e);
}

static bool take_cloud(struct azure_site *own, const struct sops_node *map, struct sops_err *e)
{
    static const struct {
        const char *name, *authority;
    } clouds[] = {{"PublicCloud", "https://login.microsoftonline.com"},
                  {"USGovernmentCloud", "https://login.microsoftonline.us"},
                  {"ChinaCloud", "https://login.chinacloudapi.cn"}};
    struct sops_slice name = SOPS_LIT("PublicCloud");
    const struct sops_node *custom;
    if (!sops_conf_text(map, "environmentType", &name, e) || !sops_conf_any(map, "customCloudConfig", &custom, e)) {
        return false;
    }
    if (custom != NULL) {
        return sops_store_bad(map, "customCloudConfig", "is not supported", e);
    }
    for (size_t i = 0; i < sizeof clouds / sizeof clouds[0]; i++) {
        if (sops_slice_eq(name, sops_str(clouds[i].name))) {
            own->app.authority = clouds[i].authority;
            return true;
        }
    }
    return sops_store_bad(map, "environmentType", "must be PublicCloud, USGovernmentCloud or ChinaCloud", e);
}

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    static const struct sops_store_want want[] = {{"clientId", true}, {"clientSecret", true}, {"tenantId", false}};
    const struct sops_node *refs;
    struct sops_slice value[3] = {{0}}, tenant = {0}, type = {0};
    bool all = false;
    (void)w;
    if (!take_url(s, a, map, "vaultUrl", e) || !take_cloud(s->own, map, e) ||
        !sops_conf_map(map, "authSecretRef", &refs, e) || !sops_conf_text(map, "tenantId", &tenant, e) ||
        !sops_conf_text(map, "authType", &type, e)) {
        return false;
    }
    if (!sops_store_lookup(in, refs, want, 3, value, &all, e)) {
        return sops_within(e, "authSecretRef");
    }
    struct azure_site *own = s->own;
    own->given = all;
    own->app.id = value[0];
    own->app.secret = value[1];
    own->app.from = "the Secret of authSecretRef";
    if (all) {
        tenant = value[2].len != 0 ? value[2] : tenant;
        return (tenant.len != 0 && tenant.ptr[0] != '-' && sops_only_alnum(tenant, "-."))
                   ? sops_arena_copy(a, tenant, &own->app.tenant, e)
                   : sops_store_bad(map, "tenantId", "is missing, or is no tenant", e);
    }
    if (refs != NULL) {
        in->note(in->ctx, "authSecretRef needs a cluster; using the credentials of this machine");
    } else if (type.len != 0 && !sops_slice_eq(type, SOPS_LIT("ServicePrincipal"))) {
        in->note(in->ctx, "authType needs a cluster; using the credentials of this machine");
    }
    return true;
}

static bool check_name(struct sops_slice name, struct sops_err *e)
{
    return (name.len >= 1 && name.len <= 127 && sops_only_alnum(name, "-")) ||
           sops_fail(e, SOPS_E_READ, "a name has 1 to 127 of 0-9 A-Z a-z -");
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

struct azure_call {
    const char *method;
    struct sops_slice path; /* behind the host, without the version of the API */
    struct sops_slice body;
    bool write;
    int status; /* of the answer */
};

/* False for an answer that is none of success, too; its status is then in `c`. */
static bool call_url(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a, struct azure_call *c,
                     struct sops_buf *url, const struct sops_json_value **answer, struct sops_err *e)
{
    const struct azure_site *own = s->own;
    struct sops_azure_request r = {
        .method = c->method, .body = c->body, .write = c->write, .limit = SOPS_STORE_ANSWER_MAX};
    struct sops_http_res res = {0};
    const char *from = NULL;
    r.url = sops_buf_cstr(url, e);
    c->status = 0;
    bool ok = r.url != NULL && sops_azure_send(w, own->given ? &own->app : NULL, &r, &res, &from, e);
    if (ok) {
        c->status = res.status;
        ok = (res.status >= 200 && res.status < 300) || sops_azure_refused(&r, &res, from, e);
    }
    ok = ok && sops_store_object(a, &res, answer, e);
    sops_http_res_free(&res);
    return ok;
}

static bool call(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a, struct azure_call *c,
                 const struct sops_json_value **answer, struct sops_err *e)
{
    const struct azure_site *own = s->own;
    struct sops_buf url = {0};
    bool ok = sops_buf_addf(&url, e, "%.*s/%.*s?" API, SOPS_ARG(own->url), SOPS_ARG(c->path)) &&
              call_url(s, w, a, c, &url, answer, e);
    sops_buf_free(&url);
    return ok;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    struct sops_slice key = ref->key;
    (void)s;
    (void)a;
    if (sops_slice_starts(key, SOPS_LIT("secret/"))) {
        key = sops_slice_skip(key, strlen("secret/"));
    } else if (sops_slice_starts(key, SOPS_LIT("key/")) || sops_slice_starts(key, SOPS_LIT("cert/"))) {
        return sops_fail(e, SOPS_E_READ, "'%.*s': keys and certificates (cert/…, key/…) are not supported here",
                         SOPS_ARG(sops_slice_first(key, 140)));
    }
    if (!check_name(key, e)) {
        return sops_within(e, "the key '%.*s'", SOPS_ARG(sops_slice_first(key, 140)));
    }
    if (!sops_only_alnum(ref->version, "-")) {
        return sops_fail(e, SOPS_E_READ, "a version is an id of letters and digits");
    }
    *out = (struct sops_store_ref){key, ref->version};
    return true;
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    struct azure_call c = {.method = "GET"};
    const struct sops_json_value *answer, *found;
    struct sops_slice path;
    bool ok = sops_arena_printf(a, &path, e, "secrets/%.*s%s%.*s", SOPS_ARG(ref->key), ref->version.len != 0 ? "/" : "",
                                SOPS_ARG(ref->version));
    c.path = path;
    if (!ok || !call(s, w, a, &c, &answer, e)) {
        return c.status == 404 ? SOPS_STORE_ABSENT : SOPS_STORE_FAILED;
    }
    found = sops_json_member(answer, SOPS_LIT("value"));
    if (found == NULL || found->kind != SOPS_JSON_STRING) {
        (void)sops_store_no_field("value", e);
        return SOPS_STORE_FAILED;
    }
    *value = found->text;
    return SOPS_STORE_OK;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

/* What stands behind the last slash of "https://…/secrets/NAME/VERSION". */
static struct sops_slice last_part(struct sops_slice id)
{
    size_t at = id.len;
    while (at > 0 && id.ptr[at - 1] != '/') {
        at--;
    }
    return sops_slice_skip(id, at);
}

/* `*there`: the path exists. */
static bool look(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a, const char *folder,
                 struct sops_slice name, const struct sops_json_value **answer, bool *there, struct sops_err *e)
{
    struct azure_call c = {.method = "GET"};
    struct sops_err why = {0};
    struct sops_slice path;
    bool ok = sops_arena_printf(a, &path, e, "%s/%.*s", folder, SOPS_ARG(name));
    c.path = path;
    *there = ok && call(s, w, a, &c, answer, &why);
    if (ok && !*there && c.status != 404) {
        *e = why;
        return false;
    }
    sops_err_clear(&why);
    return ok;
}

static bool describe(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     struct sops_slice name, struct sops_store_item *out, struct sops_err *e)
{
    const struct sops_json_value *answer = NULL, *value;
    bool there = false;
    *out = (struct sops_store_item){.name = name};
    if (!look(s, w, a, "secrets", name, &answer, &there, e)) {
        return false;
    }
    if (there) {
        value = sops_json_member(answer, SOPS_LIT("value"));
        out->state = SOPS_ITEM_LIVE;
        out->version = last_part(sops_json_member_text(answer, "id"));
        out->has_value = value != NULL && value->kind == SOPS_JSON_STRING;
        if (!out->has_value) {
            return sops_store_no_field("value", e);
        }
        out->value = value->text;
    } else {
        if (!look(s, w, a, "deletedsecrets", name, &answer, &there, e)) {
            return false;
        }
        out->state = there ? SOPS_ITEM_DELETED : SOPS_ITEM_NONE;
    }
    return !there || sops_store_take_tags(a, sops_json_member(answer, SOPS_LIT("tags")), false, out, e);
}

static bool send_item(const struct sops_store_site *s, struct sops_world *w, struct azure_call *c, const char *pattern,
                      struct sops_slice name, struct sops_slice version, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_slice path;
    const struct sops_json_value *answer; /* read so that an answer of something else is no success */
    c->write = true;
    bool ok = sops_arena_printf(&a, &path, e, "%s/%.*s%s%.*s", pattern, SOPS_ARG(name), version.len != 0 ? "/" : "",
                                SOPS_ARG(version));
    c->path = path;
    ok = ok && call(s, w, &a, c, &answer, e);
    sops_arena_free(&a);
    return ok;
}

static bool write_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    struct azure_call c = {.method = "PUT"};
    struct sops_buf body = {0};
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add(&body, "value", what->value, e) &&
              sops_json_add(&body, "contentType", sops_str(what->document ? "application/json" : "text/plain"), e) &&
              sops_json_begin(&body, "tags", '{', e) && sops_store_add_tags(&body, what, false, e) &&
              sops_buf_adds(&body, "}}", e);
    c.body = sops_buf_view(&body);
    ok = ok && send_item(s, w, &c, "secrets", what->old->name, SOPS_LIT(""), e);
    sops_buf_free(&body);
    return ok;
}

static bool write_tags(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    struct azure_call c = {.method = "PATCH"};
    struct sops_buf body = {0};
    bool ok = sops_only_alnum(what->old->version, "-") || sops_store_no_field("id", e);
    ok = ok && sops_buf_addc(&body, '{', e) && sops_json_begin(&body, "tags", '{', e) &&
         sops_store_add_tags(&body, what, false, e) && sops_buf_adds(&body, "}}", e);
    c.body = sops_buf_view(&body);
    ok = ok && send_item(s, w, &c, "secrets", what->old->name, what->old->version, e);
    sops_buf_free(&body);
    return ok;
}

/* Recovering goes on behind the answer, so it is waited for. */
static bool restore_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                         struct sops_err *e)
{
    struct azure_call c = {.method = "POST"};
    bool there = false;
    if (old->state != SOPS_ITEM_DELETED) {
        return true;
    }
    bool ok = send_item(s, w, &c, "deletedsecrets", old->name, SOPS_LIT("recover"), e);
    for (int i = 0; ok && !there && i < RECOVER_TRIES; i++) {
        struct sops_arena a = {0};
        const struct sops_json_value *answer;
        if (i != 0) {
            w->pause(w, RECOVER_PAUSE_MS);
        }
        ok = look(s, w, &a, "secrets", old->name, &answer, &there, e);
        sops_arena_free(&a);
    }
    return ok && (there || sops_fail(e, SOPS_E_READ, "it was recovered, but is not there after %d seconds",
                                     RECOVER_TRIES * RECOVER_PAUSE_MS / 1000));
}

static bool remove_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                        struct sops_err *e)
{
    struct azure_call c = {.method = "DELETE"};
    return send_item(s, w, &c, "secrets", old->name, SOPS_LIT(""), e);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

struct azure_listing {
    struct sops_slice prefix;
    const struct sops_store_find *find;
    struct sops_store_list *out;
};

static bool take_page(const struct azure_listing *l, struct sops_arena *page, struct sops_arena *a,
                      const struct sops_json_value *list, size_t *count, struct sops_err *e)
{
    static const char *const enabled[] = {"attributes", "enabled", NULL};
    for (const struct sops_json_value *v = list != NULL && list->kind == SOPS_JSON_LIST ? list->child : NULL; v != NULL;
         v = v->next) {
        struct sops_slice name = last_part(sops_json_member_text(v, "id"));
        const struct sops_json_value *on = sops_json_path(v, enabled);
        struct sops_store_item item = {.name = name};
        (*count)++;
        if (name.len == 0 || !sops_only_alnum(name, "-") || !sops_slice_starts(name, l->prefix) ||
            (on != NULL && on->kind == SOPS_JSON_FALSE) ||
            (l->find->wanted != NULL && !l->find->wanted(l->find->ctx, name))) {
            continue;
        }
        if (!sops_store_take_tags(page, sops_json_member(v, SOPS_LIT("tags")), false, &item, e)) {
            return false;
        }
        if (sops_store_tags_fit(&item, l->find) && sops_store_add(l->out, a, name, name, e) == NULL) {
            return false;
        }
    }
    return true;
}

/* The next page must be of the same vault: a token goes with the request. */
static bool check_next(const struct azure_site *own, struct sops_slice next, struct sops_err *e)
{
    struct sops_url here, there;
    if (next.len == 0) {
        return true;
    }
    return (sops_url_parse(own->url, &here) && sops_url_parse(next, &there) && there.tls &&
            sops_same_word(here.host, there.host) && sops_slice_eq(here.port, there.port) && !sops_has_unseen(next)) ||
           sops_fail(e, SOPS_E_READ, "the next page of the list is on another host, where no token must go");
}

static bool one_page(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     const struct azure_listing *l, struct sops_store_pages *pages, struct sops_buf *url,
                     struct sops_err *e)
{
    struct azure_call c = {.method = "GET"};
    struct sops_arena page = {0};
    const struct sops_json_value *answer;
    size_t count = 0;
    struct sops_slice next = {0};
    bool ok = call_url(s, w, &page, &c, url, &answer, e) &&
              take_page(l, &page, a, sops_json_member(answer, SOPS_LIT("value")), &count, e);
    if (ok) {
        next = sops_json_member_text(answer, "nextLink");
        ok = check_next(s->own, next, e) && sops_store_page(pages, count, next, e);
    }
    sops_buf_cut(url, 0);
    ok = ok && sops_buf_add(url, next, e);
    sops_arena_free(&page);
    return ok;
}

static bool read_pages(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       const struct azure_listing *l, struct sops_err *e)
{
    const struct azure_site *own = s->own;
    struct sops_store_pages pages = {0};
    struct sops_buf url = {0};
    bool ok = sops_buf_addf(&url, e, "%.*s/secrets?" PAGE "&" API, SOPS_ARG(own->url));
    while (ok && url.len != 0) {
        ok = one_page(s, w, a, l, &pages, &url, e);
    }
    sops_buf_free(&url);
    sops_store_pages_free(&pages);
    return ok;
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    const struct azure_listing l = {.find = f, .out = out};
    return read_pages(s, w, a, &l, e) ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

static bool list_items(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       struct sops_slice prefix, struct sops_slice owner, struct sops_store_list *out,
                       struct sops_err *e)
{
    const struct sops_store_tag tag = {.key = SOPS_LIT("sops-owner"), .value = owner};
    const struct sops_store_find f = {.tag = &tag, .tags = 1};
    const struct azure_listing l = {prefix, &f, out};
    return read_pages(s, w, a, &l, e);
}

static const char *const fields[] = {"vault_url", NULL};

const struct sops_store sops_store_azure_keyvault = {
    .rule = "azure_keyvault_secrets",
    .provider = "azurekv",
    .is_choice = true,
    .rule_fields = fields,
    .pattern = "{path:-}",
    .join = "-",
    .text_only = true,
    .value_max = 25600,
    .tags_max = 15,
    .property = SOPS_PROPERTY_PATH_FIRST,
    .find_without_conditions = true,
    .find_ignores_path = true,
    .check_name = check_name,
    .from_rule = site_of_rule,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .find = find,
    .describe = describe,
    .write = write_item,
    .tag = write_tags,
    .restore = restore_item,
    .remove = remove_item,
    .list = list_items,
};
