/* SPDX-License-Identifier: Apache-2.0 */
/* A service account gets its token in one of two ways, and the reference uses both
 * (docs/spec/60-keysources.md#google-application-default-credentials): by itself, with a statement whose audience is
 * empty, or from the token service, with one whose audience is that service. */
#include "cloud/google_token.h"

#include "cloud/jwt.h"

#define CLOUD_PLATFORM "https://www.googleapis.com/auth/cloud-platform"
#define TOKEN_URL "https://oauth2.googleapis.com/token"

/* ---- token services -------------------------------------------------------------------------------------------- */

static bool refused(const struct sops_http_res *res, struct sops_err *e)
{
    json_t *why = sops_json_try(sops_buf_view(&res->body));
    struct sops_slice code = sops_json_text(why, "error"), words = sops_json_text(why, "error_description");
    (void)sops_fail(e, SOPS_E_GENERIC, "auth: cannot fetch token: %d %.*s%s%.*s", res->status,
                    SOPS_ARG(sops_slice_first(code, 100)), words.len > 0 ? ": " : "",
                    SOPS_ARG(sops_slice_first(words, 300)));
    json_decref(why);
    return false;
}

static bool send(struct sops_world *w, struct sops_http_req *req, struct sops_slice url, json_t **answer,
                 struct sops_err *e)
{
    struct sops_retry retry = {.tries = 3, .base_ms = 1000, .cap_ms = 5000, .spread = 100};
    struct sops_http_res res = {0};
    char *text = sops_strdup(url, e);
    bool ok = text != NULL;
    req->url = text;
    ok = ok && sops_call(w, req, &retry, &res, e);
    ok = ok && (res.status == 200 || refused(&res, e)) &&
         (sops_json_load(sops_buf_view(&res.body), answer, e) ||
          sops_within(e, "auth: cannot read the answer of the token service"));
    sops_http_res_free(&res);
    sops_free(text);
    return ok;
}

bool sops_google_post(struct sops_world *w, struct sops_slice url, const struct sops_buf *form, const char *basic,
                      json_t **answer, struct sops_err *e)
{
    const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", basic, NULL};
    struct sops_http_req req = {.method = "POST", .headers = headers, .body = sops_buf_view(form)};
    return send(w, &req, url, answer, e);
}

static bool take_bearer(const json_t *answer, const char *name, struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_slice token = sops_json_text(answer, name);
    return (token.len > 0 || sops_fail(e, SOPS_E_GENERIC, "auth: the answer of the token service holds no %s", name)) &&
           sops_buf_add(bearer, token, e);
}

static bool need(const json_t *file, const char *name, struct sops_slice *value, struct sops_err *e)
{
    *value = sops_json_text(file, name);
    return value->len > 0 || sops_fail(e, SOPS_E_GENERIC, "credentials: the field '%s' is missing", name);
}

/* ---- service accounts ------------------------------------------------------------------------------------------ */

/* `aud` empty: the statement is the token itself; it then names its subject, too. */
static bool statement(struct sops_world *w, const json_t *file, const char *scopes, struct sops_slice aud,
                      struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf header = {0}, claims = {0};
    struct sops_slice mail, pem;
    EVP_PKEY *key = NULL;
    int64_t iat = w->now(w) - (aud.len > 0 ? 10 : 0);
    bool ok = need(file, "client_email", &mail, e) && need(file, "private_key", &pem, e) &&
              sops_buf_adds(&header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"", e) &&
              sops_json_add(&header, "kid", sops_json_text(file, "private_key_id"), e) &&
              sops_buf_addc(&header, '}', e) && sops_buf_addc(&claims, '{', e) &&
              sops_json_add(&claims, "iss", mail, e) && (aud.len > 0 || sops_json_add(&claims, "sub", mail, e)) &&
              sops_json_add(&claims, "scope", sops_str(scopes), e) && sops_json_add(&claims, "aud", aud, e) &&
              sops_json_add_int(&claims, "iat", iat, e) && sops_json_add_int(&claims, "exp", iat + 3600, e) &&
              sops_buf_addc(&claims, '}', e);
    if (ok) {
        key = sops_pem_key(pem, e);
        ok = key != NULL ? sops_jwt_add(out, sops_buf_view(&header), sops_buf_view(&claims), key, e)
                         : sops_within(e, "credentials: service account '%.*s'", SOPS_ARG(mail));
    }
    EVP_PKEY_free(key);
    sops_buf_free(&header);
    sops_buf_free(&claims);
    return ok;
}

static bool service_account(struct sops_world *w, const struct sops_google_want *want, const json_t *file,
                            struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_slice universe = sops_json_text(file, "universe_domain"), url = sops_json_text(file, "token_uri");
    bool usual = universe.len == 0 || sops_slice_eq(universe, SOPS_LIT(SOPS_GOOGLE_UNIVERSE));
    struct sops_buf signed_text = {0}, form = {0};
    json_t *answer = NULL;
    if (want->self_signed || !usual) {
        return statement(w, file, want->scopes, (struct sops_slice){0}, bearer, e);
    }
    url = url.len > 0 ? url : SOPS_LIT(TOKEN_URL);
    bool ok = statement(w, file, want->scopes, url, &signed_text, e) &&
              sops_form_add(&form, "assertion", sops_buf_view(&signed_text), e) &&
              sops_form_add(&form, "grant_type", SOPS_LIT("urn:ietf:params:oauth:grant-type:jwt-bearer"), e) &&
              sops_google_post(w, url, &form, NULL, &answer, e) && take_bearer(answer, "access_token", bearer, e);
    json_decref(answer);
    sops_buf_free(&form);
    sops_buf_free(&signed_text);
    return ok;
}

/* ---- users ----------------------------------------------------------------------------------------------------- */

static bool authorized_user(struct sops_world *w, const json_t *file, struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_buf form = {0};
    struct sops_slice id, secret, token;
    json_t *answer = NULL;
    bool ok = need(file, "client_id", &id, e) && need(file, "client_secret", &secret, e) &&
              need(file, "refresh_token", &token, e) && sops_form_add(&form, "client_id", id, e) &&
              sops_form_add(&form, "client_secret", secret, e) &&
              sops_form_add(&form, "grant_type", SOPS_LIT("refresh_token"), e) &&
              sops_form_add(&form, "refresh_token", token, e) &&
              sops_google_post(w, SOPS_LIT(TOKEN_URL), &form, NULL, &answer, e) &&
              take_bearer(answer, "access_token", bearer, e);
    json_decref(answer);
    sops_buf_free(&form);
    return ok;
}

/* ---- impersonation --------------------------------------------------------------------------------------------- */

static bool impersonate(struct sops_world *w, struct sops_slice url, const json_t *file, const char *scopes,
                        struct sops_slice source, struct sops_buf *bearer, struct sops_err *e)
{
    const json_t *more = json_object_get(file, "service_account_impersonation");
    int64_t seconds = sops_json_number(more, "token_lifetime_seconds");
    struct sops_buf body = {0}, line = {0};
    struct sops_slice rest = sops_str(scopes), scope;
    json_t *answer = NULL;
    size_t i;
    const json_t *item;
    bool ok = sops_buf_adds(&body, "{\"delegates\":[", e);
    json_array_foreach(json_object_get(file, "delegates"), i, item)
    {
        ok = ok && sops_json_add(&body, NULL, sops_slice_of(json_string_value(item), json_string_length(item)), e);
    }
    ok = ok && sops_buf_addf(&body, e, "],\"lifetime\":\"%llds\"", (long long)(seconds > 0 ? seconds : 3600)) &&
         sops_json_begin(&body, "scope", '[', e);
    while (ok && rest.ptr != NULL && sops_slice_next(&rest, ' ', &scope)) {
        ok = sops_json_add(&body, NULL, scope, e);
    }
    ok = ok && sops_buf_adds(&body, "]}", e) && sops_buf_adds(&line, "Authorization: Bearer ", e) &&
         sops_buf_add(&line, source, e) && sops_buf_cstr(&line, e) != NULL;
    if (ok) {
        const char *const headers[] = {"Content-Type: application/json", (const char *)line.ptr, NULL};
        struct sops_http_req req = {.method = "POST", .headers = headers, .body = sops_buf_view(&body)};
        ok = (send(w, &req, url, &answer, e) || sops_within(e, "impersonation")) &&
             take_bearer(answer, "accessToken", bearer, e);
    }
    json_decref(answer);
    sops_buf_free(&line);
    sops_buf_free(&body);
    return ok;
}

/* ---- by type --------------------------------------------------------------------------------------------------- */

/* All types but those that impersonate. */
static bool direct(struct sops_world *w, const struct sops_google_want *want, const json_t *file,
                   struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_slice type = sops_json_text(file, "type");
    if (sops_slice_eq(type, SOPS_LIT("service_account"))) {
        return service_account(w, want, file, bearer, e);
    }
    if (sops_slice_eq(type, SOPS_LIT("authorized_user"))) {
        return authorized_user(w, file, bearer, e);
    }
    if (sops_slice_eq(type, SOPS_LIT("external_account"))) {
        return sops_google_external(w, file, want->scopes, bearer, e);
    }
    if (sops_slice_eq(type, SOPS_LIT("external_account_authorized_user"))) {
        return sops_google_external_user(w, file, bearer, e);
    }
    if (type.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "credentials: unsupported unidentified file type");
    }
    return sops_fail(e, SOPS_E_GENERIC, "credentials: unsupported filetype \"%.*s\"",
                     SOPS_ARG(sops_slice_first(type, 100)));
}

/* Impersonation needs a first token, with a scope of its own, then a second exchange. */
bool sops_google_exchange(struct sops_world *w, const struct sops_google_want *want, const json_t *file,
                          struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_google_want first = {.scopes = CLOUD_PLATFORM};
    struct sops_slice type = sops_json_text(file, "type"),
                      url = sops_json_text(file, "service_account_impersonation_url");
    bool impersonated = sops_slice_eq(type, SOPS_LIT("impersonated_service_account"));
    const json_t *source = impersonated ? json_object_get(file, "source_credentials") : file;
    struct sops_buf token = {0};
    if (!impersonated && !(sops_slice_eq(type, SOPS_LIT("external_account")) && url.len > 0)) {
        return direct(w, want, file, bearer, e);
    }
    if (url.len == 0 || !json_is_object(source)) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "missing 'source_credentials' field or 'service_account_impersonation_url' in "
                         "credentials");
    }
    bool ok = direct(w, &first, source, &token, e) &&
              impersonate(w, url, file, want->scopes, sops_buf_view(&token), bearer, e);
    sops_buf_free(&token);
    return ok;
}
