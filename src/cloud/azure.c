/* SPDX-License-Identifier: Apache-2.0 */
/* The first request goes out without token and body: only the vault's answer tells which tenant to ask, and for what.
 * An answer other than 401 is taken as the answer. */
#include "cloud/azure.h"

#include "cloud/azure_token.h"

static bool again(const struct sops_http_res *res)
{
    return res->status == 408 || res->status == 429 || res->status == 500 || (res->status >= 502 && res->status <= 504);
}

static bool send(struct sops_world *w, const char *method, const char *url, struct sops_slice body, const char *bearer,
                 struct sops_http_res *res, struct sops_err *e)
{
    const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", bearer, NULL};
    const struct sops_retry retry = {.tries = 4, .base_ms = 800, .cap_ms = 60000, .spread = 20, .again = again};
    struct sops_http_req req = {.method = method, .url = url, .headers = headers, .body = body};

    return sops_call(w, &req, &retry, res, e);
}

static bool refused(const char *method, const char *url, const struct sops_http_res *res,
                    const struct sops_azure_token *token, struct sops_err *e)
{
    struct sops_slice where = sops_slice_first(sops_str(url), sops_slice_find(sops_str(url), '?'));
    json_t *answer = sops_json_try(sops_buf_view(&res->body));
    const json_t *error = json_object_get(answer, "error");
    bool who = token != NULL && (res->status == 401 || res->status == 403);

    (void)sops_fail(e, SOPS_E_GENERIC, "%s %.*s RESPONSE %d, ERROR CODE: %.*s: %.*s%s%s", method, SOPS_ARG(where),
                    res->status, SOPS_ARG(sops_slice_first(sops_json_text(error, "code"), 100)),
                    SOPS_ARG(sops_slice_first(sops_json_text(error, "message"), 400)),
                    who ? ", credentials used: " : "", who ? token->from : "");
    json_decref(answer);
    return false;
}

static bool with_token(struct sops_world *w, const char *method, const char *url, struct sops_slice body,
                       struct sops_http_res *res, const struct sops_azure_token **token, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_azure_challenge c;
    struct sops_buf line = {0};
    bool ok = sops_azure_challenge_read(&a, res, url, &c, e) && sops_azure_token(w, &c, token, e) &&
              sops_buf_adds(&line, "Authorization: Bearer ", e) && sops_buf_add(&line, (*token)->bearer, e) &&
              sops_buf_cstr(&line, e) != NULL;

    sops_http_res_free(res);
    ok = ok && send(w, method, url, body, (const char *)line.ptr, res, e);
    sops_buf_free(&line);
    sops_arena_free(&a);
    return ok;
}

bool sops_azure_call(struct sops_world *w, const char *url, struct sops_slice body, json_t **answer, struct sops_err *e)
{
    const char *method = body.len > 0 ? "POST" : "GET";
    const struct sops_azure_token *token = NULL;
    struct sops_http_res res = {0};
    struct sops_url u;
    bool ok = (sops_url_parse(sops_str(url), &u) && u.tls) ||
              sops_fail(e, SOPS_E_GENERIC, "the vault's URL does not begin with https:// and a host");

    ok = ok && send(w, method, url, (struct sops_slice){0}, NULL, &res, e);
    if (ok && res.status == 401) {
        ok = with_token(w, method, url, body, &res, &token, e);
    }
    if (ok && (res.status < 200 || res.status > 299)) {
        ok = refused(method, url, &res, token, e);
    }
    ok = ok && sops_json_load(sops_buf_view(&res.body), answer, e);
    sops_http_res_free(&res);
    return ok;
}
