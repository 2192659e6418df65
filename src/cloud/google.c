/* SPDX-License-Identifier: Apache-2.0 */
/* Where Google's credentials are, in the order of docs/spec/60-keysources.md#google-the-key,
 * #google-application-default-credentials. A file that is named but cannot be read ends the search; one that merely may
 * be there does not. */
#include "cloud/google.h"

#include "cloud/google_token.h"

#include <unistd.h>

static const char owner;

struct search {
    struct sops_world *w;
    struct sops_arena *a;
    const struct sops_google_want *want;
    struct sops_google_token *out;
};

static bool keep_bearer(struct search *s, struct sops_slice bearer, struct sops_err *e)
{
    if (sops_has_unseen(bearer)) {
        return sops_fail(e, SOPS_E_GENERIC, "the access token (%s) holds a blank or a line break", s->out->from);
    }
    return sops_arena_copy(s->a, bearer, &s->out->bearer, e);
}

static bool check_universe(const struct search *s, struct sops_slice found, struct sops_err *e)
{
    const char *wanted = s->want->universe;
    found = found.len > 0 ? found : SOPS_LIT(SOPS_GOOGLE_UNIVERSE);
    if (wanted == NULL || sops_slice_eq(found, sops_str(wanted))) {
        return true;
    }
    return sops_fail(e, SOPS_E_GENERIC,
                     "the configured universe domain (\"%s\") does not match the universe domain found in "
                     "the credentials (\"%.*s\") of %s",
                     wanted, SOPS_ARG(sops_slice_first(found, 200)), s->out->from);
}

static bool use_json(struct search *s, struct sops_slice text, struct sops_err *e)
{
    const char *quota = sops_world_env_set(s->w, "GOOGLE_CLOUD_QUOTA_PROJECT");
    struct sops_buf bearer = {0};
    json_t *file = NULL;
    bool ok = sops_json_load(text, &file, e) &&
              (json_is_object(file) || sops_fail(e, SOPS_E_GENERIC, "the credentials are not a JSON object")) &&
              check_universe(s, sops_json_text(file, "universe_domain"), e) &&
              sops_google_exchange(s->w, s->want, file, &bearer, e) && keep_bearer(s, sops_buf_view(&bearer), e) &&
              sops_arena_copy(s->a, quota != NULL ? sops_str(quota) : sops_json_text(file, "quota_project_id"),
                              &s->out->quota_project, e);
    json_decref(file);
    sops_buf_free(&bearer);
    return ok || sops_within(e, "%s", s->out->from);
}

static bool use_file(struct search *s, const char *path, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok =
        (sops_small_file(path, &text, e) || sops_within(e, "%s", s->out->from)) && use_json(s, sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}

/* ---- the metadata server --------------------------------------------------------------------------------------- */

#define FLAVOR "Metadata-Flavor: Google"

static bool on_google(struct search *s, const char *host)
{
    struct sops_http_res res = {0};
    struct sops_err ignored = {0};
    const char *url = sops_arena_text(s->a, &ignored, "http://%s/", host);
    bool yes = url != NULL && sops_machine_ask(s->w, "GET", url, FLAVOR, 500, 1000, &res, &ignored) &&
               sops_slice_eq(sops_http_header(&res, "metadata-flavor"), SOPS_LIT("Google"));
    sops_http_res_free(&res);
    sops_err_clear(&ignored);
    return yes;
}

static bool use_metadata(struct search *s, const char *host, struct sops_err *e)
{
    struct sops_buf scopes = {0}, query = {0};
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    bool ok = sops_buf_adds(&scopes, s->want->scopes, e);
    for (size_t i = 0; i < scopes.len; i++) {
        scopes.ptr[i] = scopes.ptr[i] == ' ' ? ',' : scopes.ptr[i];
    }
    ok = ok && sops_percent_add(&query, sops_buf_view(&scopes), "", e);
    const char *url =
        sops_arena_text(s->a, e, "http://%s/computeMetadata/v1/instance/service-accounts/default/token?scopes=%.*s",
                        host, SOPS_ARG(sops_buf_view(&query)));
    ok = ok && url != NULL && check_universe(s, (struct sops_slice){0}, e) &&
         sops_machine_ask(s->w, "GET", url, FLAVOR, 5000, 10000, &res, e) &&
         (res.status == 200 || sops_fail(e, SOPS_E_GENERIC, "auth: cannot fetch token: %d", res.status)) &&
         sops_json_load(sops_buf_view(&res.body), &answer, e) &&
         (sops_json_text(answer, "access_token").len > 0 ||
          sops_fail(e, SOPS_E_GENERIC, "auth: the answer holds no access_token")) &&
         keep_bearer(s, sops_json_text(answer, "access_token"), e) &&
         sops_arena_copy(s->a, sops_str(sops_world_env_set(s->w, "GOOGLE_CLOUD_QUOTA_PROJECT")), &s->out->quota_project,
                         e);
    json_decref(answer);
    sops_http_res_free(&res);
    sops_buf_free(&query);
    sops_buf_free(&scopes);
    return ok || sops_within(e, "%s", s->out->from);
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

static bool use_default(struct search *s, struct sops_err *e)
{
    const char *named = sops_world_env_set(s->w, "GOOGLE_APPLICATION_CREDENTIALS");
    const char *folder = sops_world_env_set(s->w, "CLOUDSDK_CONFIG");
    const char *host = sops_world_env_set(s->w, "GCE_METADATA_HOST");
    const char *path;
    if (named != NULL) {
        s->out->from = "the file of GOOGLE_APPLICATION_CREDENTIALS";
        return use_file(s, named, e);
    }
    path = sops_arena_text(s->a, e, "%s%s/application_default_credentials.json",
                           folder != NULL ? folder : sops_home(s->w), folder != NULL ? "" : "/.config/gcloud");
    if (path == NULL) {
        return false;
    }
    if (access(path, F_OK) == 0) {
        s->out->from = "gcloud's application default credentials";
        return use_file(s, path, e);
    }
    s->out->from = "the metadata server";
    if (host != NULL || on_google(s, "169.254.169.254")) {
        return use_metadata(s, host != NULL ? host : "169.254.169.254", e);
    }
    (void)sops_fail(e, SOPS_E_GENERIC, "credentials: could not find default credentials");
    return sops_hint(e, "run: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS");
}

static bool find(struct search *s, struct sops_err *e)
{
    const char *given = s->want->sops_variables ? sops_world_env_set(s->w, "GOOGLE_CREDENTIALS") : NULL;
    const char *token = s->want->sops_variables ? sops_world_env_set(s->w, "GOOGLE_OAUTH_ACCESS_TOKEN") : NULL;
    if (given != NULL) {
        s->out->from = "GOOGLE_CREDENTIALS";
        return access(given, F_OK) == 0 ? use_file(s, given, e) : use_json(s, sops_str(given), e);
    }
    if (token != NULL) {
        s->out->from = "GOOGLE_OAUTH_ACCESS_TOKEN";
        return check_universe(s, (struct sops_slice){0}, e) && keep_bearer(s, sops_str(token), e);
    }
    return use_default(s, e);
}

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    struct search s = {.w = w, .a = a, .want = arg};
    s.out = sops_arena_alloc(a, sizeof *s.out, e);
    *made = s.out;
    return s.out != NULL && find(&s, e);
}

bool sops_google_token(struct sops_world *w, const struct sops_google_want *want, const struct sops_google_token **out,
                       struct sops_err *e)
{
    struct sops_google_want copy = *want;
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok = sops_buf_addf(&name, e, "%d%d %s %s", want->sops_variables, want->self_signed,
                            want->universe != NULL ? want->universe : "", want->scopes) &&
              sops_world_once(w, &owner, sops_buf_view(&name), make, &copy, &made, e);
    sops_buf_free(&name);
    *out = made;
    return ok;
}

static bool check_type(struct sops_slice file, const char *from, struct sops_err *e)
{
    static const char *const harmless[] = {"service_account", "authorized_user", NULL};
    json_t *object = sops_json_try(file);
    struct sops_slice type = sops_json_text(object, "type");
    bool ok = true;
    if (object == NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "%s: the credentials are not JSON", from);
    } else if (!sops_slice_is_any(type, harmless)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "%s: credentials of the type '%.*s' are not taken from there", from,
                       SOPS_ARG(sops_slice_first(sops_only_alnum(type, "_") ? type : SOPS_LIT("?"), 60)));
        (void)sops_hint(e, "only service_account and authorized_user name no file, program or address");
    }
    json_decref(object);
    return ok;
}

bool sops_google_token_of(struct sops_world *w, struct sops_arena *a, const struct sops_google_want *want,
                          struct sops_slice file, const char *from, struct sops_google_token *out, struct sops_err *e)
{
    struct search s = {.w = w, .a = a, .want = want, .out = out};
    *out = (struct sops_google_token){.from = from};
    return check_type(file, from, e) && use_json(&s, file, e);
}

/* ---- requests and answers ---- */

bool sops_google_lines(struct sops_arena *a, const struct sops_google_token *token, const char *lines[3],
                       struct sops_err *e)
{
    size_t n = 0;
    bool ok = true;
    if (token->bearer.len != 0) {
        lines[n] = sops_arena_text(a, e, "Authorization: Bearer %.*s", SOPS_ARG(token->bearer));
        ok = lines[n++] != NULL;
    }
    if (ok && token->quota_project.len != 0) {
        lines[n] = sops_arena_text(a, e, "X-Goog-User-Project: %.*s", SOPS_ARG(token->quota_project));
        ok = lines[n++] != NULL;
    }
    lines[n] = NULL;
    return ok;
}

bool sops_google_again(const struct sops_http_res *res)
{
    return res->status == 429 || res->status == 503 || res->status == 504;
}

bool sops_google_refused(const struct sops_http_res *res, const struct sops_google_token *token, struct sops_err *e)
{
    json_t *answer = sops_json_try(sops_buf_view(&res->body));
    const json_t *error = json_object_get(answer, "error");
    struct sops_slice message = sops_json_text(error, "message"), status = sops_json_text(error, "status");
    bool who = token != NULL && (res->status == 401 || res->status == 403);
    if (message.len == 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "googleapi: got HTTP response code %d%s%s", res->status,
                        who ? ", credentials used: " : "", who ? token->from : "");
    } else {
        (void)sops_fail(e, SOPS_E_GENERIC, "googleapi: Error %d: %.*s, %.*s%s%s", res->status,
                        SOPS_ARG(sops_slice_first(message, 500)), SOPS_ARG(sops_slice_first(status, 60)),
                        who ? ", credentials used: " : "", who ? token->from : "");
    }
    json_decref(answer);
    return false;
}
