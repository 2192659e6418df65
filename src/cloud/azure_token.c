/* SPDX-License-Identifier: Apache-2.0 */
/* The order of Azure's own library (DefaultAzureCredential). A credential that is there but refused ends the search, as
 * going on would hide a wrong secret behind "az is not installed"; only the developers' tools never end it. */
#include "cloud/azure_token.h"

#include <strings.h>

static const char owner;

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

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
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

bool sops_azure_token(struct sops_world *w, const struct sops_azure_challenge *c, const struct sops_azure_token **out,
                      struct sops_err *e)
{
    struct sops_azure_challenge copy = *c;
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok = sops_buf_addf(&name, e, "%.*s %.*s", SOPS_ARG(c->tenant), SOPS_ARG(c->scope)) &&
              sops_world_once(w, &owner, sops_buf_view(&name), make, &copy, &made, e);

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
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= ' ' || token.ptr[i] == 0x7f) {
            (void)sops_fail(e, SOPS_E_GENERIC, "the token of the answer holds a blank");
            return SOPS_AZURE_REFUSED;
        }
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
