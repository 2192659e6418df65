/* SPDX-License-Identifier: Apache-2.0 */
/* Google Secret Manager. Owner and manager are labels, which a list can be filtered by; the other marks are
 * annotations, as labels hold no slash. Every value carries a CRC32C both ways. */
#include "cloud/google.h"
#include "core/conf.h"
#include "stores/common.h"

struct gcp_site {
    struct sops_slice project, location;
    struct sops_slice *replica;
    size_t replicas;
    bool newest_enabled;     /* LatestOrFetch */
    struct sops_slice given; /* a credentials file from the input; or empty */
};

/* ---- places ----------------------------------------------------------------------------------------------------- */

static bool take_place(struct sops_store_site *s, struct sops_arena *a, const struct sops_node *map, const char *name,
                       struct sops_err *e)
{
    struct gcp_site *own = s->own;
    struct sops_slice location = {0};
    return sops_store_need(map, name, &own->project, e) && sops_store_host_part(map, name, own->project, ":.", e) &&
           sops_conf_text(map, "location", &location, e) && sops_store_host_part(map, "location", location, "", e) &&
           sops_arena_copy(a, own->project, &own->project, e) && sops_arena_copy(a, location, &own->location, e) &&
           sops_arena_printf(a, &s->place, e, "projects/%.*s%s%.*s", SOPS_ARG(own->project),
                             location.len != 0 ? "/locations/" : "", SOPS_ARG(own->location));
}

static bool site_of_rule(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                         const struct sops_node *map, struct sops_err *e)
{
    struct gcp_site *own = s->own = sops_arena_alloc(a, sizeof *own, e);
    const struct sops_node *list;
    size_t count = 0;
    (void)w;
    if (own == NULL || !take_place(s, a, map, "project", e) || !sops_conf_list(map, "locations", &list, e)) {
        return false;
    }
    if (list != NULL && own->location.len != 0) {
        return sops_store_bad(map, "locations", "do not go with 'location': a regional secret has no replicas", e);
    }
    for (const struct sops_node *n = list != NULL ? list->child : NULL; n != NULL; n = n->next) {
        count++;
    }
    own->replica = sops_arena_alloc(a, (count + 1) * sizeof *own->replica, e);
    bool ok = own->replica != NULL;
    for (const struct sops_node *n = list != NULL ? list->child : NULL; ok && n != NULL; n = n->next) {
        ok = ((n->kind == SOPS_STR && n->text.len != 0) ||
              sops_store_bad(map, "locations", "must be a list of names", e)) &&
             sops_store_host_part(map, "locations", n->text, "", e) &&
             sops_arena_copy(a, n->text, &own->replica[own->replicas++], e);
    }
    return ok;
}

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    static const struct sops_store_want want[] = {{"secretAccessKeySecretRef", true}};
    struct gcp_site *own = s->own = sops_arena_alloc(a, sizeof *own, e);
    const struct sops_node *auth, *refs = NULL;
    struct sops_slice policy = {0}, value = {0};
    bool all = false;
    (void)w;
    if (own == NULL || !take_place(s, a, map, "projectID", e) ||
        !sops_conf_text(map, "secretVersionSelectionPolicy", &policy, e) || !sops_conf_map(map, "auth", &auth, e) ||
        (auth != NULL && !sops_conf_map(auth, "secretRef", &refs, e))) {
        return false;
    }
    own->newest_enabled = sops_slice_eq(policy, SOPS_LIT("LatestOrFetch"));
    if (policy.len != 0 && !own->newest_enabled && !sops_slice_eq(policy, SOPS_LIT("LatestOrFail"))) {
        return sops_store_bad(map, "secretVersionSelectionPolicy", "must be LatestOrFail or LatestOrFetch", e);
    }
    if (!sops_store_lookup(in, refs, want, 1, &value, &all, e)) {
        return sops_within(e, "auth.secretRef");
    }
    own->given = all ? value : own->given;
    if (!all) {
        sops_store_note_auth(in, auth, "auth");
    }
    return true;
}

static bool check_name(struct sops_slice name, struct sops_err *e)
{
    return (name.len >= 1 && name.len <= 255 && sops_only_alnum(name, "_-")) ||
           sops_fail(e, SOPS_E_READ, "a name has 1 to 255 of A-Z a-z 0-9 _ -");
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static bool make_token(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    static const struct sops_google_want want = {
        .scopes = "https://www.googleapis.com/auth/cloud-platform", .sops_variables = true, .self_signed = true};
    const struct gcp_site *own = arg;
    struct sops_google_token *token = sops_arena_alloc(a, sizeof *token, e);
    const struct sops_google_token *found;
    *made = token;
    if (token == NULL) {
        return false;
    }
    if (own->given.len != 0) {
        return sops_google_token_of(w, a, &want, own->given, "the Secret of auth.secretRef", token, e);
    }
    bool ok = sops_google_token(w, &want, &found, e);
    *token = ok ? *found : *token;
    return ok;
}

struct gcp_call {
    const char *method;
    struct sops_buf path; /* behind PARENT: "/secrets/NAME", encoded */
    struct sops_slice body;
    bool write;
};

static bool add_url(const struct gcp_site *own, const struct gcp_call *c, struct sops_buf *url, struct sops_err *e)
{
    bool regional = own->location.len != 0;
    return sops_buf_addf(url, e, "https://secretmanager%s%.*s%s.googleapis.com/v1/projects/%.*s", regional ? "." : "",
                         SOPS_ARG(own->location), regional ? ".rep" : "", SOPS_ARG(own->project)) &&
           (!regional || sops_buf_addf(url, e, "/locations/%.*s", SOPS_ARG(own->location))) &&
           sops_buf_add(url, sops_buf_view(&c->path), e) && sops_buf_cstr(url, e) != NULL;
}

/* What an answer that is none of success means. */
static enum sops_store_result result_of(const struct sops_http_res *res)
{
    json_t *answer = sops_json_try(sops_buf_view(&res->body));
    bool disabled =
        sops_slice_eq(sops_json_text(json_object_get(answer, "error"), "status"), SOPS_LIT("FAILED_PRECONDITION"));
    json_decref(answer);
    return res->status == 404   ? SOPS_STORE_ABSENT
           : res->status == 403 ? SOPS_STORE_DENIED
           : disabled           ? SOPS_STORE_DISABLED
                                : SOPS_STORE_FAILED;
}

static enum sops_store_result call(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct gcp_call *c, const struct sops_json_value **answer, struct sops_err *e)
{
    const struct sops_retry retry = {.tries = 5,
                                     .base_ms = 200,
                                     .cap_ms = 10000,
                                     .spread = 100,
                                     .again = c->write ? sops_again_undone : sops_google_again};
    struct sops_arena scratch = {0};
    struct sops_buf url = {0};
    struct sops_http_res res = {0};
    const char *lines[5] = {"Content-Type: application/json"};
    void *token = NULL;
    enum sops_store_result result = SOPS_STORE_FAILED;
    bool ok = sops_world_once(w, s->own, SOPS_LIT("token"), make_token, s->own, &token, e) &&
              add_url(s->own, c, &url, e) && sops_google_lines(&scratch, token, lines + 1, e);
    if (ok) {
        struct sops_http_req req = {.method = c->method,
                                    .url = (const char *)url.ptr,
                                    .headers = lines,
                                    .body = c->body,
                                    .once = c->write,
                                    .limit = SOPS_STORE_ANSWER_MAX};
        ok = sops_call(w, &req, &retry, &res, e);
    }
    if (ok && res.status != 200) {
        result = result_of(&res);
        (void)sops_google_refused(&res, token, e);
        (void)sops_within(e, "%s %.*s", c->method, SOPS_ARG(sops_buf_view(&url)));
    } else if (ok) {
        result = sops_store_object(a, &res, answer, e) ? SOPS_STORE_OK : SOPS_STORE_FAILED;
    }
    sops_http_res_free(&res);
    sops_buf_free(&url);
    sops_arena_free(&scratch);
    return result;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* Castagnoli's polynomial, as the service wants it. */
static uint32_t crc32c(struct sops_slice bytes)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82f63b78 & (0U - (crc & 1)));
        }
    }
    return crc ^ 0xffffffff;
}

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    (void)s;
    if (!check_name(ref->key, e)) {
        return sops_within(e, "the key '%.*s'", SOPS_ARG(sops_slice_first(ref->key, 200)));
    }
    if (!sops_only_alnum(ref->version, "_-")) {
        return sops_fail(e, SOPS_E_READ, "a version is a number, 'latest' or an alias");
    }
    out->key = ref->key;
    return sops_arena_copy(a, ref->version.len != 0 ? ref->version : SOPS_LIT("latest"), &out->version, e);
}

static bool take_payload(struct sops_arena *a, const struct sops_json_value *answer, struct sops_slice *value,
                         struct sops_err *e)
{
    const struct sops_json_value *payload = sops_json_member(answer, SOPS_LIT("payload"));
    const struct sops_json_value *sum = sops_json_member(payload, SOPS_LIT("dataCrc32c"));
    struct sops_slice data = sops_json_member_text(payload, "data");
    struct sops_buf bytes = {0};
    char expected[16];
    if (data.ptr == NULL) {
        return sops_store_no_field("payload.data", e);
    }
    bool ok = (sops_base64_take(&bytes, SOPS_B64_STD, data, e) || sops_within(e, "'payload.data'")) &&
              sops_arena_copy(a, sops_buf_view(&bytes), value, e);
    sops_buf_free(&bytes);
    (void)snprintf(expected, sizeof expected, "%lu", (unsigned long)crc32c(*value));
    if (ok && sum != NULL && sum->kind != SOPS_JSON_NULL &&
        !sops_slice_eq(sum->kind == SOPS_JSON_STRING ? sum->text : sum->raw, sops_str(expected))) {
        ok = sops_fail(e, SOPS_E_READ, "the checksum of the answer does not fit its data");
    }
    return ok;
}

static enum sops_store_result access_version(const struct sops_store_site *s, struct sops_world *w,
                                             struct sops_arena *a, struct sops_slice name, struct sops_slice version,
                                             struct sops_slice *value, struct sops_err *e)
{
    struct gcp_call c = {.method = "GET"};
    const struct sops_json_value *answer;
    enum sops_store_result result = SOPS_STORE_FAILED;
    if (sops_buf_addf(&c.path, e, "/secrets/%.*s/versions/%.*s:access", SOPS_ARG(name), SOPS_ARG(version))) {
        result = call(s, w, a, &c, &answer, e);
    }
    if (result == SOPS_STORE_OK && !take_payload(a, answer, value, e)) {
        result = SOPS_STORE_FAILED;
    }
    sops_buf_free(&c.path);
    return result;
}

/* The versions that are enabled, newest first as far as one page goes, as a list of an answer. */
static bool enabled_versions(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             struct sops_slice name, const struct sops_json_value **list, struct sops_err *e)
{
    struct gcp_call c = {.method = "GET"};
    const struct sops_json_value *answer;
    bool ok = sops_buf_addf(&c.path, e, "/secrets/%.*s/versions?filter=state:ENABLED", SOPS_ARG(name)) &&
              call(s, w, a, &c, &answer, e) == SOPS_STORE_OK;
    sops_buf_free(&c.path);
    *list = ok ? sops_json_member(answer, SOPS_LIT("versions")) : NULL;
    *list = *list != NULL && (*list)->kind == SOPS_JSON_LIST ? (*list)->child : NULL;
    return ok;
}

/* What stands behind the last slash of "projects/…/versions/3". */
static struct sops_slice last_part(struct sops_slice name)
{
    size_t at = name.len;
    while (at > 0 && name.ptr[at - 1] != '/') {
        at--;
    }
    return sops_slice_skip(name, at);
}

static bool newest_version(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                           struct sops_slice name, struct sops_slice *version, struct sops_err *e)
{
    const struct sops_json_value *list;
    struct sops_slice newest = {0};
    if (!enabled_versions(s, w, a, name, &list, e)) {
        return false;
    }
    *version = (struct sops_slice){0};
    for (; list != NULL; list = list->next) {
        struct sops_slice made = sops_json_member_text(list, "createTime");
        if (version->len == 0 || sops_slice_cmp(made, newest) > 0) {
            *version = last_part(sops_json_member_text(list, "name"));
            newest = made;
        }
    }
    return version->len != 0 && sops_only_alnum(*version, "_-");
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    const struct gcp_site *own = s->own;
    struct sops_slice version = ref->version.len != 0 ? ref->version : SOPS_LIT("latest");
    struct sops_err why = {0};
    enum sops_store_result result = access_version(s, w, a, ref->key, version, value, &why);
    if (result == SOPS_STORE_DISABLED && own->newest_enabled && sops_slice_eq(version, SOPS_LIT("latest")) &&
        newest_version(s, w, a, ref->key, &version, e)) {
        sops_err_clear(&why);
        return access_version(s, w, a, ref->key, version, value, e);
    }
    if (result != SOPS_STORE_OK && e->code == SOPS_OK) {
        *e = why;
        if (result == SOPS_STORE_DENIED) {
            (void)sops_hint(e, "the right secretmanager.versions.access is missing");
        }
        return result;
    }
    sops_err_clear(&why);
    return result;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

static bool describe(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     struct sops_slice name, struct sops_store_item *out, struct sops_err *e)
{
    struct gcp_call c = {.method = "GET"};
    const struct sops_json_value *answer;
    struct sops_err why = {0};
    *out = (struct sops_store_item){.name = name};
    bool ok = sops_buf_addf(&c.path, e, "/secrets/%.*s", SOPS_ARG(name));
    enum sops_store_result result = ok ? call(s, w, a, &c, &answer, &why) : SOPS_STORE_FAILED;
    sops_buf_free(&c.path);
    if (!ok || (result != SOPS_STORE_OK && result != SOPS_STORE_ABSENT)) {
        if (ok) {
            *e = why;
        }
        return result == SOPS_STORE_DENIED ? sops_hint(e, "the right secretmanager.secrets.get is missing") : false;
    }
    sops_err_clear(&why);
    if (result == SOPS_STORE_ABSENT) {
        return true;
    }
    out->state = SOPS_ITEM_LIVE;
    out->version = sops_json_member_text(answer, "etag");
    return sops_store_take_tags(a, sops_json_member(answer, SOPS_LIT("labels")), false, out, e) &&
           sops_store_take_tags(a, sops_json_member(answer, SOPS_LIT("annotations")), true, out, e);
}

static bool add_marks(struct sops_buf *body, const struct sops_store_write *what, struct sops_err *e)
{
    return sops_json_begin(body, "labels", '{', e) && sops_store_add_tags(body, what, false, e) &&
           sops_buf_addc(body, '}', e) && sops_json_begin(body, "annotations", '{', e) &&
           sops_store_add_tags(body, what, true, e) && sops_buf_addc(body, '}', e);
}

/* Sends a body to "/secrets…"; the answer is not looked at. */
static bool post(const struct sops_store_site *s, struct sops_world *w, struct gcp_call *c, struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_json_value *answer;
    c->write = true;
    bool ok = call(s, w, &a, c, &answer, e) == SOPS_STORE_OK;
    sops_arena_free(&a);
    return ok;
}

static bool add_replication(const struct gcp_site *own, struct sops_buf *body, struct sops_err *e)
{
    if (own->location.len != 0) {
        return true;
    }
    bool ok = sops_json_begin(body, "replication", '{', e);
    if (own->replicas == 0) {
        return ok && sops_json_begin(body, "automatic", '{', e) && sops_buf_adds(body, "}}", e);
    }
    ok = ok && sops_json_begin(body, "userManaged", '{', e) && sops_json_begin(body, "replicas", '[', e);
    for (size_t i = 0; ok && i < own->replicas; i++) {
        ok = sops_json_begin(body, NULL, '{', e) && sops_json_add(body, "location", own->replica[i], e) &&
             sops_buf_addc(body, '}', e);
    }
    return ok && sops_buf_adds(body, "]}}", e);
}

static bool create_secret(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                          struct sops_err *e)
{
    struct gcp_call c = {.method = "POST"};
    struct sops_buf body = {0};
    bool ok = sops_buf_addf(&c.path, e, "/secrets?secretId=%.*s", SOPS_ARG(what->old->name)) &&
              sops_buf_addc(&body, '{', e) && add_replication(s->own, &body, e) && add_marks(&body, what, e) &&
              sops_buf_addc(&body, '}', e);
    c.body = sops_buf_view(&body);
    ok = ok && post(s, w, &c, e);
    sops_buf_free(&body);
    sops_buf_free(&c.path);
    return ok;
}

static bool add_version(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                        struct sops_err *e)
{
    struct gcp_call c = {.method = "POST"};
    struct sops_buf body = {0};
    char sum[16];
    (void)snprintf(sum, sizeof sum, "%lu", (unsigned long)crc32c(what->value));
    bool ok = sops_buf_addf(&c.path, e, "/secrets/%.*s:addVersion", SOPS_ARG(what->old->name)) &&
              sops_buf_addc(&body, '{', e) && sops_json_begin(&body, "payload", '{', e) &&
              sops_json_add_base64(&body, "data", SOPS_B64_STD, what->value, e) &&
              sops_json_add(&body, "dataCrc32c", sops_str(sum), e) && sops_buf_adds(&body, "}}", e);
    c.body = sops_buf_view(&body);
    ok = ok && post(s, w, &c, e);
    sops_buf_free(&body);
    sops_buf_free(&c.path);
    return ok;
}

static bool write_tags(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    struct gcp_call c = {.method = "PATCH"};
    struct sops_buf body = {0};
    bool ok = sops_buf_addf(&c.path, e, "/secrets/%.*s?updateMask=labels,annotations", SOPS_ARG(what->old->name)) &&
              sops_buf_addc(&body, '{', e) && add_marks(&body, what, e) &&
              (what->old->version.len == 0 || sops_json_add(&body, "etag", what->old->version, e)) &&
              sops_buf_addc(&body, '}', e);
    c.body = sops_buf_view(&body);
    ok = ok && post(s, w, &c, e);
    sops_buf_free(&body);
    sops_buf_free(&c.path);
    return ok;
}

static bool write_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    if (what->old->state == SOPS_ITEM_NONE) {
        return create_secret(s, w, what, e) && add_version(s, w, what, e);
    }
    return add_version(s, w, what, e) && write_tags(s, w, what, e);
}

static bool disable_version(const struct sops_store_site *s, struct sops_world *w, struct sops_slice name,
                            struct sops_slice version, struct sops_err *e)
{
    struct gcp_call c = {.method = "POST", .body = SOPS_LIT("{}")};
    bool ok = (sops_only_alnum(version, "_-") || sops_store_no_field("versions[].name", e)) &&
              sops_buf_addf(&c.path, e, "/secrets/%.*s/versions/%.*s:disable", SOPS_ARG(name), SOPS_ARG(version)) &&
              post(s, w, &c, e);
    sops_buf_free(&c.path);
    return ok;
}

static bool remove_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                        struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_json_value *list;
    bool ok = enabled_versions(s, w, &a, old->name, &list, e);
    for (; ok && list != NULL; list = list->next) {
        ok = disable_version(s, w, old->name, last_part(sops_json_member_text(list, "name")), e);
    }
    sops_arena_free(&a);
    return ok;
}

static bool has_value(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *item,
                      bool *yes, struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_json_value *list = NULL;
    bool ok = enabled_versions(s, w, &a, item->name, &list, e);
    *yes = list != NULL;
    sops_arena_free(&a);
    return ok;
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

struct gcp_listing {
    struct sops_slice prefix, owner;
    const struct sops_store_find *find;
    struct sops_store_list *out;
};

static bool take_page(const struct gcp_listing *l, struct sops_arena *page, struct sops_arena *a,
                      const struct sops_json_value *list, size_t *count, struct sops_err *e)
{
    for (const struct sops_json_value *v = list != NULL && list->kind == SOPS_JSON_LIST ? list->child : NULL; v != NULL;
         v = v->next) {
        struct sops_slice name = last_part(sops_json_member_text(v, "name"));
        struct sops_store_item item = {.name = name};
        (*count)++;
        if (name.len == 0 || !sops_only_alnum(name, "_-") || !sops_slice_starts(name, l->prefix) ||
            (l->find->wanted != NULL && !l->find->wanted(l->find->ctx, name))) {
            continue;
        }
        if (!sops_store_take_tags(page, sops_json_member(v, SOPS_LIT("labels")), false, &item, e)) {
            return false;
        }
        if (sops_store_tags_fit(&item, l->find) && sops_store_add(l->out, a, name, name, e) == NULL) {
            return false;
        }
    }
    return true;
}

static bool page_path(const struct gcp_listing *l, struct sops_slice token, struct sops_buf *path, struct sops_err *e)
{
    bool ok = sops_buf_adds(path, "/secrets", e);
    if (ok && l->owner.len != 0) {
        ok = sops_buf_addf(path, e, "?filter=labels.sops-owner=%.*s", SOPS_ARG(l->owner));
    }
    if (ok && token.len != 0) {
        ok = sops_buf_adds(path, l->owner.len != 0 ? "&pageToken=" : "?pageToken=", e) &&
             sops_percent_add(path, token, "", e);
    }
    return ok;
}

static bool read_pages(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       const struct gcp_listing *l, struct sops_err *e)
{
    struct sops_store_pages pages = {0};
    struct sops_slice token = {0};
    bool ok, more;
    do {
        struct gcp_call c = {.method = "GET"};
        struct sops_arena page = {0};
        const struct sops_json_value *answer = NULL;
        size_t count = 0;
        ok = page_path(l, token, &c.path, e) && call(s, w, &page, &c, &answer, e) == SOPS_STORE_OK &&
             take_page(l, &page, a, sops_json_member(answer, SOPS_LIT("secrets")), &count, e);
        struct sops_slice next = ok ? sops_json_member_text(answer, "nextPageToken") : (struct sops_slice){0};
        ok = ok && sops_store_page(&pages, count, next, e);
        more = ok && next.len != 0;
        token = more ? pages.seen[pages.pages - 1] : token;
        sops_buf_free(&c.path);
        sops_arena_free(&page);
    } while (more);
    sops_store_pages_free(&pages);
    return ok;
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    const struct gcp_listing l = {.prefix = f->path, .find = f, .out = out};
    bool ok = read_pages(s, w, a, &l, e);
    for (struct sops_store_found *found = out->first; found != NULL; found = found->next) {
        found->ref.version = SOPS_LIT("latest");
    }
    return ok ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

static bool list_items(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       struct sops_slice prefix, struct sops_slice owner, struct sops_store_list *out,
                       struct sops_err *e)
{
    const struct sops_store_tag tag = {.key = SOPS_LIT("sops-owner"), .value = owner};
    const struct sops_store_find f = {.tag = &tag, .tags = 1};
    const struct gcp_listing l = {.prefix = prefix, .owner = owner, .find = &f, .out = out};
    return read_pages(s, w, a, &l, e);
}

static const char *const fields[] = {"project", "location", "locations", NULL};

const struct sops_store sops_store_gcp_secretmanager = {
    .rule = "gcp_secretmanager",
    .provider = "gcpsm",
    .is_choice = true,
    .rule_fields = fields,
    .pattern = "{path:-}",
    .join = "-",
    .notes_marks = true,
    .value_min = 1,
    .value_max = 65536,
    .property = SOPS_PROPERTY_DOT_LATER_FIRST,
    .check_name = check_name,
    .from_rule = site_of_rule,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .find = find,
    .describe = describe,
    .write = write_item,
    .tag = write_tags,
    .remove = remove_item,
    .list = list_items,
    .has_value = has_value,
};
