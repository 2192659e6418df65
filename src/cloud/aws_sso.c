/* SPDX-License-Identifier: Apache-2.0 */
/* The token of `aws sso login` lies in a file named after the SHA-1 of the session's name or start URL; AWS chose that
 * hash. A token that was refreshed is written back, as the refresh token may be good for one use only. */
#include "cloud/aws_find.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/text.h"

#include <openssl/sha.h>

struct sso {
    struct sops_slice session, start_url, region, account, role;
};

static struct sops_slice session_setting(const struct sops_aws *aws, struct sops_slice session, const char *name)
{
    char section[256];
    (void)snprintf(section, sizeof section, "sso-session %.*s", SOPS_ARG(sops_slice_first(session, 200)));
    return sops_aws_setting(aws, sops_str(section), name);
}

bool sops_aws_sso_given(const struct sops_aws *aws, struct sops_slice profile)
{
    return sops_aws_setting(aws, profile, "sso_session").len > 0 ||
           sops_aws_setting(aws, profile, "sso_start_url").len > 0;
}

/* What the session says; a profile that says it, too, must say the same. */
static bool take_session(const struct sops_aws *aws, struct sops_slice session, const char *name,
                         struct sops_slice *value, struct sops_err *e)
{
    struct sops_slice own = *value;
    *value = session_setting(aws, session, name);
    return own.len == 0 || sops_slice_eq(own, *value) ||
           sops_fail(e, SOPS_E_GENERIC, "its %s is another than that of the sso-session '%.*s'", name,
                     SOPS_ARG(session));
}

static bool read_settings(const struct sops_aws *aws, struct sops_slice profile, struct sso *o, struct sops_err *e)
{
    o->session = sops_aws_setting(aws, profile, "sso_session");
    o->start_url = sops_aws_setting(aws, profile, "sso_start_url");
    o->region = sops_aws_setting(aws, profile, "sso_region");
    if (o->session.len > 0 && (!take_session(aws, o->session, "sso_start_url", &o->start_url, e) ||
                               !take_session(aws, o->session, "sso_region", &o->region, e))) {
        return false;
    }
    o->account = sops_aws_setting(aws, profile, "sso_account_id");
    o->role = sops_aws_setting(aws, profile, "sso_role_name");
    if (o->start_url.len == 0 || o->region.len == 0 || o->account.len == 0 || o->role.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "sso_start_url, sso_region, sso_account_id or sso_role_name is missing");
    }
    return sops_only_alnum(o->region, "-") ||
           sops_fail(e, SOPS_E_GENERIC, "invalid sso_region '%.*s'", SOPS_ARG(o->region));
}

static bool token_path(struct sops_world *w, const struct sso *o, struct sops_buf *path, struct sops_err *e)
{
    struct sops_slice name = o->session.len > 0 ? o->session : o->start_url;
    uint8_t hash[SHA_DIGEST_LENGTH];
    (void)SHA1(name.ptr, name.len, hash);
    return sops_buf_addf(path, e, "%s/.aws/sso/cache/", sops_home(w)) &&
           sops_hex_add(path, sops_slice_of(hash, sizeof hash), false, e) && sops_buf_adds(path, ".json", e) &&
           sops_buf_cstr(path, e) != NULL;
}

static bool expired(struct sops_world *w, const json_t *token)
{
    struct sops_time until;
    return !sops_time_parse(sops_json_text(token, "expiresAt"), &until) || until.seconds <= w->now(w);
}

static bool write_back(const char *path, const json_t *token, struct sops_err *e)
{
    char *text = json_dumps(token, JSON_COMPACT);
    bool ok = text != NULL ? sops_file_replace(path, sops_str(text), 0600, NULL, e) : sops_fail_memory(e);
    sops_mem_free(text);
    return ok;
}

static bool set_text(json_t *object, const char *name, struct sops_slice value)
{
    return json_object_set_new(object, name, json_stringn((const char *)value.ptr, value.len)) == 0;
}

/* What the answer of the token service changes in the token. */
static bool update_token(struct sops_world *w, json_t *token, const json_t *answer, struct sops_err *e)
{
    struct sops_slice fresh = sops_json_text(answer, "accessToken"), more = sops_json_text(answer, "refreshToken");
    struct sops_buf until = {0};
    bool ok = fresh.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the answer holds no access token");
    ok = ok && sops_time_utc(&until, w->now(w) + sops_json_number(answer, "expiresIn"), e);
    if (ok && (!set_text(token, "accessToken", fresh) || !set_text(token, "expiresAt", sops_buf_view(&until)) ||
               (more.len > 0 && !set_text(token, "refreshToken", more)))) {
        ok = sops_fail_memory(e);
    }
    sops_buf_free(&until);
    return ok;
}

static bool refresh(struct sops_world *w, const struct sso *o, const char *path, json_t *token, struct sops_err *e)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    static const char *const names[] = {"clientId", "clientSecret", "refreshToken"};
    struct sops_buf url = {0}, body = {0};
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    bool ok = sops_buf_addf(&url, e, "https://oidc.%.*s.amazonaws.com/token", SOPS_ARG(o->region)) &&
              sops_buf_cstr(&url, e) != NULL && sops_buf_addc(&body, '{', e) &&
              sops_json_add(&body, "grantType", SOPS_LIT("refresh_token"), e);
    for (size_t i = 0; ok && i < 3; i++) {
        ok = sops_json_add(&body, names[i], sops_json_text(token, names[i]), e);
    }
    ok = ok && sops_buf_addc(&body, '}', e);
    if (ok) {
        struct sops_http_req req = {
            .method = "POST", .url = (const char *)url.ptr, .headers = headers, .body = sops_buf_view(&body)};
        struct sops_retry retry = {.tries = 3, .base_ms = 1000, .cap_ms = 5000, .spread = 100};
        ok = sops_call(w, &req, &retry, &res, e) &&
             (res.status == 200 || sops_fail(e, SOPS_E_GENERIC, "status %d", res.status)) &&
             sops_json_load(sops_buf_view(&res.body), &answer, e) && update_token(w, token, answer, e) &&
             write_back(path, token, e);
    }
    json_decref(answer);
    sops_http_res_free(&res);
    sops_buf_free(&body);
    sops_buf_free(&url);
    return ok || sops_within(e, "the SSO session has expired and cannot be refreshed");
}

static bool load_token(struct sops_world *w, const struct sso *o, json_t **token, struct sops_err *e)
{
    struct sops_buf path = {0}, text = {0};
    bool ok = token_path(w, o, &path, e) && sops_small_file((const char *)path.ptr, &text, e) &&
              sops_json_load(sops_buf_view(&text), token, e);
    if (ok && expired(w, *token)) {
        ok = o->session.len > 0 && sops_json_text(*token, "refreshToken").len > 0
                 ? refresh(w, o, (const char *)path.ptr, *token, e)
                 : sops_fail(e, SOPS_E_GENERIC, "the SSO session has expired or is invalid");
    }
    sops_buf_free(&path);
    sops_buf_free(&text);
    return ok || sops_hint(e, "run: aws sso login");
}

static bool ask_portal(struct sops_aws_search *s, const struct sso *o, const json_t *token, json_t **answer,
                       struct sops_err *e)
{
    struct sops_buf url = {0}, query = {0}, line = {0};
    struct sops_http_res res = {0};
    bool ok =
        sops_form_add(&query, "account_id", o->account, e) && sops_form_add(&query, "role_name", o->role, e) &&
        sops_buf_addf(&url, e, "https://portal.sso.%.*s.amazonaws.com/federation/credentials?", SOPS_ARG(o->region)) &&
        sops_buf_add(&url, sops_buf_view(&query), e) && sops_buf_cstr(&url, e) != NULL &&
        sops_buf_adds(&line, "x-amz-sso_bearer_token: ", e) &&
        sops_buf_add(&line, sops_json_text(token, "accessToken"), e) && sops_buf_cstr(&line, e) != NULL;
    if (ok) {
        const char *const headers[] = {(const char *)line.ptr, NULL};
        struct sops_http_req req = {
            .method = "GET", .url = (const char *)url.ptr, .headers = headers, .ca_file = s->aws->ca_file};
        struct sops_retry retry = {.tries = s->aws->tries, .base_ms = 1000, .cap_ms = 20000, .spread = 100};
        ok = sops_call(s->w, &req, &retry, &res, e);
    }
    if (ok && res.status != 200) {
        json_t *why = sops_json_try(sops_buf_view(&res.body));
        ok = sops_fail(e, SOPS_E_GENERIC, "status %d: %.*s", res.status,
                       SOPS_ARG(sops_slice_first(sops_json_text(why, "message"), 300)));
        json_decref(why);
        if (res.status == 401) {
            (void)sops_hint(e, "run: aws sso login");
        }
    }
    ok = ok && sops_json_load(sops_buf_view(&res.body), answer, e);
    sops_http_res_free(&res);
    sops_buf_free(&line);
    sops_buf_free(&query);
    sops_buf_free(&url);
    return ok;
}

bool sops_aws_sso(struct sops_aws_search *s, struct sops_slice profile, struct sops_aws_creds *out, struct sops_err *e)
{
    static const char *const names[3] = {"accessKeyId", "secretAccessKey", "sessionToken"};
    struct sso o;
    json_t *token = NULL, *answer = NULL;
    bool ok = read_settings(s->aws, profile, &o, e) && load_token(s->w, &o, &token, e) &&
              ask_portal(s, &o, token, &answer, e) &&
              sops_aws_creds_from(s->a, json_object_get(answer, "roleCredentials"), names, out, e);
    json_decref(token);
    json_decref(answer);
    if (!ok) {
        return sops_within(e, "failed to get credentials by SSO for the profile '%.*s'", SOPS_ARG(profile));
    }
    out->from = sops_arena_text(s->a, e, "SSO for the profile '%.*s'", SOPS_ARG(profile));
    return out->from != NULL;
}
