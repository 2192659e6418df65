/* SPDX-License-Identifier: Apache-2.0 */
/* The first request goes out without token and body: only the vault's answer, the challenge, tells which tenant to ask,
 * and for what. An answer other than 401 is taken as the answer. */
#include "cloud/azure_token.h"

#include <strings.h>

static const char owner;

/* ---- the challenge --------------------------------------------------------------------------------------------- */

/* The resource that a server names must be its own domain: otherwise any host could have a token for the real vaults
 * sent to it. */

/* The parts are separated by blanks; each is name="value" with a comma behind it or not. */
static struct sops_slice parameter(struct sops_slice header, const char *name)
{
    struct sops_slice rest = header, part, want = sops_str(name);
    while (rest.ptr != NULL && sops_slice_next(&rest, ' ', &part)) {
        size_t equals = sops_slice_find(part, '=');
        if (!sops_slice_eq(sops_slice_first(part, equals), want)) {
            continue;
        }
        part = sops_slice_skip(part, equals + 1);
        if (part.len > 0 && part.ptr[part.len - 1] == ',') {
            part.len--;
        }
        if (part.len >= 2 && part.ptr[0] == '"' && part.ptr[part.len - 1] == '"') {
            part = sops_slice_of(part.ptr + 1, part.len - 2);
        }
        return part;
    }
    return (struct sops_slice){0};
}

/* Host and port of an https URL; empty for any other. */
static struct sops_slice host_of(struct sops_slice url)
{
    struct sops_url u;
    return sops_url_parse(url, &u) && u.tls ? u.authority : (struct sops_slice){0};
}

static bool is_below(struct sops_slice host, struct sops_slice domain)
{
    return domain.len > 0 && host.len > domain.len && host.ptr[host.len - domain.len - 1] == '.' &&
           sops_ends_word(host, domain);
}

/* The first part of the path of the authorization URL; the second behind "dstsv2". */
static struct sops_slice tenant_of(struct sops_slice authorization)
{
    struct sops_slice rest, part;
    struct sops_url u;
    if (!sops_url_parse(authorization, &u) || !u.tls) {
        return (struct sops_slice){0};
    }
    rest = sops_slice_skip(u.rest, 1);
    part = sops_slice_first(rest, sops_slice_find(rest, '/'));
    if (sops_same_word(part, SOPS_LIT("dstsv2"))) {
        rest = sops_slice_skip(rest, part.len + 1);
        part = sops_slice_first(rest, sops_slice_find(rest, '/'));
    }
    return part;
}

/* Tenant and scope go into URLs and to other programs. */
static bool is_plain(struct sops_slice s, const char *more)
{
    return s.len > 0 && s.ptr[0] != '-' && sops_only_alnum(s, more);
}

bool sops_azure_challenge_read(struct sops_arena *a, const struct sops_http_res *res, const char *url,
                               struct sops_azure_challenge *out, struct sops_err *e)
{
    struct sops_slice header = sops_http_header(res, "www-authenticate");
    struct sops_slice scope = parameter(header, "scope"), tenant = tenant_of(parameter(header, "authorization"));
    if (header.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "response has no WWW-Authenticate header for challenge authentication");
    }
    scope = scope.len > 0 ? scope : parameter(header, "resource");
    if (!is_plain(tenant, "-.") || !is_plain(scope, "-.:/_")) {
        return sops_fail(e, SOPS_E_GENERIC, "the challenge of the vault names no tenant or no resource");
    }
    if (!is_below(host_of(sops_str(url)), host_of(scope))) {
        return sops_fail(e, SOPS_E_GENERIC, "the challenge resource '%.*s' doesn't match the requested domain of %s",
                         SOPS_ARG(sops_slice_first(scope, 200)), url);
    }
    return sops_arena_copy(a, tenant, &out->tenant, e) &&
           sops_arena_printf(a, &out->scope, e, "%.*s%s", SOPS_ARG(scope),
                             sops_slice_ends(scope, SOPS_LIT("/.default")) ? "" : "/.default");
}

/* ---- the search for a token ------------------------------------------------------------------------------------ */

/* The order of Azure's own library (DefaultAzureCredential). A credential that is there but refused ends the search, as
 * going on would hide a wrong secret behind "az is not installed"; only the developers' tools never end it. */

struct credential {
    const char *name;
    enum sops_azure_try (*ask)(struct sops_azure_search *s, struct sops_err *e);
    bool tool; /* of a developer */
};

static const struct credential chain[] = {
    {"EnvironmentCredential", sops_azure_environment, false},
    {"WorkloadIdentityCredential", sops_azure_workload, false},
    {"ManagedIdentityCredential", sops_azure_managed, false},
    {"AzureCLICredential", sops_azure_cli, true},
    {"AzureDeveloperCLICredential", sops_azure_developer_cli, true},
};

/* AZURE_TOKEN_CREDENTIALS: "prod", "dev", or the name of one credential. */
static bool is_wanted(const struct credential *c, const char *choice)
{
    if (choice == NULL || strcasecmp(choice, c->name) == 0) {
        return true;
    }
    return (strcasecmp(choice, "prod") == 0 && !c->tool) || (strcasecmp(choice, "dev") == 0 && c->tool);
}

static bool note(struct sops_buf *report, const char *name, const struct sops_err *why, struct sops_err *e)
{
    return sops_buf_addf(report, e, "%s%s: %.*s", report->len > 0 ? "; " : "", name, 300, why->msg);
}

static bool search(struct sops_azure_search *s, struct sops_err *e)
{
    const char *choice = sops_world_env_set(s->w, "AZURE_TOKEN_CREDENTIALS");
    struct sops_buf report = {0};
    bool ok = true, got = false, ended = false, any = false;
    for (size_t i = 0; ok && !ended && i < sizeof chain / sizeof chain[0]; i++) {
        struct sops_err why = {0};
        if (!is_wanted(&chain[i], choice)) {
            continue;
        }
        any = true;
        enum sops_azure_try result = chain[i].ask(s, &why);
        got = result == SOPS_AZURE_GOT;
        ended = got || (result == SOPS_AZURE_REFUSED && !chain[i].tool);
        ok = got || note(&report, chain[i].name, &why, e);
        if (ended && !got) {
            (void)sops_hint(e, "%s", why.hint);
        }
        sops_err_clear(&why);
    }
    if (ok && !any) {
        ok = sops_fail(e, SOPS_E_GENERIC, "AZURE_TOKEN_CREDENTIALS names no known credential");
    } else if (ok && !got) {
        ok = sops_fail(e, SOPS_E_GENERIC,
                       "DefaultAzureCredential: failed to acquire a token. Attempted credentials: %.*s",
                       SOPS_ARG(sops_buf_view(&report)));
    }
    sops_buf_free(&report);
    return ok;
}

static bool make_token(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct sops_azure_challenge *c = arg;
    const struct sops_slice suffix = SOPS_LIT("/.default");
    struct sops_azure_search s = {.w = w, .a = a, .tenant = c->tenant, .scope = c->scope};
    struct sops_azure_token *token = sops_arena_alloc(a, sizeof *token, e);
    s.resource = sops_slice_first(c->scope, c->scope.len - suffix.len);
    if (token == NULL || !search(&s, e)) {
        return false;
    }
    *token = (struct sops_azure_token){.bearer = s.bearer, .from = s.from};
    *made = token;
    return true;
}

static bool find_token(struct sops_world *w, const struct sops_azure_challenge *c, const struct sops_azure_token **out,
                       struct sops_err *e)
{
    struct sops_azure_challenge copy = *c;
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok = sops_buf_addf(&name, e, "%.*s %.*s", SOPS_ARG(c->tenant), SOPS_ARG(c->scope)) &&
              sops_world_once(w, &owner, sops_buf_view(&name), make_token, &copy, &made, e);
    sops_buf_free(&name);
    *out = made;
    return ok;
}

/* ---- for all credentials --------------------------------------------------------------------------------------- */

enum sops_azure_try sops_azure_unavailable(const char *why, struct sops_err *e)
{
    (void)sops_fail(e, SOPS_E_GENERIC, "%s", why);
    return SOPS_AZURE_UNAVAILABLE;
}

enum sops_azure_try sops_azure_keep(struct sops_azure_search *s, const json_t *answer, const char *name,
                                    struct sops_err *e)
{
    struct sops_slice token = sops_json_text(answer, name);
    if (token.len == 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the answer holds no %s", name);
        return SOPS_AZURE_REFUSED;
    }
    if (sops_has_unseen(token)) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the token of the answer holds a blank");
        return SOPS_AZURE_REFUSED;
    }
    return sops_arena_copy(s->a, token, &s->bearer, e) ? SOPS_AZURE_GOT : SOPS_AZURE_REFUSED;
}

enum sops_azure_try sops_azure_ask(struct sops_azure_search *s, const struct sops_http_req *req, struct sops_err *e)
{
    const struct sops_retry retry = {.tries = 3, .base_ms = 800, .cap_ms = 5000, .spread = 20};
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    enum sops_azure_try result = SOPS_AZURE_REFUSED;
    if (!sops_call(s->w, req, &retry, &res, e)) {
        return SOPS_AZURE_REFUSED;
    }
    if (res.status == 200) {
        if (sops_json_load(sops_buf_view(&res.body), &answer, e)) {
            result = sops_azure_keep(s, answer, "access_token", e);
        }
    } else {
        answer = sops_json_try(sops_buf_view(&res.body));
        struct sops_slice words = sops_json_text(answer, "error_description");
        words = words.len > 0 ? words : sops_json_text(answer, "message");
        words = sops_slice_first(words, sops_slice_find(words, '\r'));
        (void)sops_fail(e, SOPS_E_GENERIC, "authentication failed (%s): status %d %.*s: %.*s", s->from, res.status,
                        SOPS_ARG(sops_slice_first(sops_json_text(answer, "error"), 100)),
                        SOPS_ARG(sops_slice_first(words, 300)));
    }
    json_decref(answer);
    sops_http_res_free(&res);
    return result;
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

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
    bool ok = sops_azure_challenge_read(&a, res, url, &c, e) && find_token(w, &c, token, e) &&
              sops_buf_adds(&line, "Authorization: Bearer ", e) && sops_buf_add(&line, (*token)->bearer, e) &&
              sops_buf_cstr(&line, e) != NULL;
    sops_http_res_free(res);
    ok = ok && send(w, method, url, body, (const char *)line.ptr, res, e);
    sops_buf_free(&line);
    sops_arena_free(&a);
    return ok;
}

/* ---- one token for a vault and a run ---------------------------------------------------------------------------- */

/* Whose token, and which request is sent without one to hear the challenge. */
struct session {
    const struct sops_azure_app *app;
    const char *url;
};

/* An answer that is no challenge means that no token is wanted: then it stays empty. */
static bool make_session(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct session *session = arg;
    struct sops_http_res res = {0};
    struct sops_azure_challenge c = {0};
    struct sops_azure_token *token = sops_arena_alloc(a, sizeof *token, e);
    struct sops_azure_search s = {.w = w, .a = a, .app = session->app};
    const struct sops_azure_token *found = NULL;
    *made = token;
    bool ok = token != NULL && send(w, "GET", session->url, (struct sops_slice){0}, NULL, &res, e);
    if (ok && res.status == 401) {
        ok = sops_azure_challenge_read(a, &res, session->url, &c, e);
        s.tenant = c.tenant;
        s.scope = c.scope;
        if (ok && session->app != NULL) {
            ok = sops_azure_application(&s, e) == SOPS_AZURE_GOT;
            *token = (struct sops_azure_token){.bearer = s.bearer, .from = s.from};
        } else if (ok) {
            ok = find_token(w, &c, &found, e);
            *token = ok ? *found : *token;
        }
    }
    sops_http_res_free(&res);
    return ok;
}

static bool find_session(struct sops_world *w, const struct sops_azure_app *app, const struct sops_azure_request *r,
                         const struct sops_azure_token **out, struct sops_err *e)
{
    static const char session_owner;
    struct session session = {app, r->url};
    struct sops_buf name = {0};
    struct sops_url u;
    void *made = NULL;
    bool ok = (sops_url_parse(sops_str(r->url), &u) && u.tls) ||
              sops_fail(e, SOPS_E_GENERIC, "the vault's URL does not begin with https:// and a host");
    ok =
        ok && sops_buf_addf(&name, e, "%.*s ", SOPS_ARG(u.authority)) &&
        (app == NULL || sops_buf_addf(&name, e, "%.*s %.*s %s", SOPS_ARG(app->tenant), SOPS_ARG(app->id), app->from)) &&
        sops_world_once(w, &session_owner, sops_buf_view(&name), make_session, &session, &made, e);
    sops_buf_free(&name);
    *out = made;
    return ok;
}

bool sops_azure_send(struct sops_world *w, const struct sops_azure_app *app, const struct sops_azure_request *r,
                     struct sops_http_res *res, const char **from, struct sops_err *e)
{
    const struct sops_azure_token *token;
    struct sops_buf line = {0};
    *from = NULL;
    bool ok = find_session(w, app, r, &token, e);
    if (ok && token->bearer.len != 0) {
        *from = token->from;
        ok = sops_buf_adds(&line, "Authorization: Bearer ", e) && sops_buf_add(&line, token->bearer, e) &&
             sops_buf_cstr(&line, e) != NULL;
    }
    if (ok) {
        const char *const headers[] = {"Content-Type: application/json", "Accept: application/json",
                                       (const char *)line.ptr, NULL};
        const struct sops_retry retry = {
            .tries = 4, .base_ms = 800, .cap_ms = 60000, .spread = 20, .again = r->write ? sops_again_undone : again};
        struct sops_http_req req = {.method = r->method,
                                    .url = r->url,
                                    .headers = headers,
                                    .body = r->body,
                                    .once = r->write,
                                    .limit = r->limit};
        ok = sops_call(w, &req, &retry, res, e);
    }
    sops_buf_free(&line);
    return ok;
}

bool sops_azure_refused(const struct sops_azure_request *r, const struct sops_http_res *res, const char *from,
                        struct sops_err *e)
{
    const struct sops_azure_token token = {.from = from};
    return refused(r->method, r->url, res, from != NULL ? &token : NULL, e);
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
