/* SPDX-License-Identifier: Apache-2.0 */
/* Workload identity federation: another provider's token, from a file, a URL, a program or AWS, is exchanged for
 * Google's (docs/spec/60-keysources.md#google-application-default-credentials). */
#include "cloud/google_token.h"

static bool pick(const json_t *source, struct sops_slice text, struct sops_buf *token, struct sops_err *e)
{
    const json_t *format = json_object_get(source, "format");
    struct sops_slice name = sops_json_text(format, "subject_token_field_name");
    json_t *object = NULL;
    if (!sops_slice_eq(sops_json_text(format, "type"), SOPS_LIT("json"))) {
        return sops_buf_add(token, sops_slice_trim(text), e);
    }
    bool ok = sops_json_load(text, &object, e);
    if (ok) {
        struct sops_slice found = sops_json_text(object, name.len > 0 ? (const char *)name.ptr : "");
        ok = (found.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the subject token's field '%.*s' is missing",
                                         SOPS_ARG(sops_slice_first(name, 100)))) &&
             sops_buf_add(token, found, e);
    }
    json_decref(object);
    return ok;
}

static bool from_url(struct sops_world *w, const json_t *source, struct sops_buf *text, struct sops_err *e)
{
    struct sops_arena a = {0};
    const char *lines[17] = {NULL};
    const char *name;
    const json_t *value;
    struct sops_slice line;
    size_t n = 0;
    struct sops_http_res res = {0};
    struct sops_retry retry = {.tries = 3, .base_ms = 1000, .cap_ms = 5000, .spread = 100};
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(source, "headers"), name, value)
    {
        ok = ok && n < 16 && json_is_string(value) &&
             sops_arena_printf(&a, &line, e, "%s: %s", name, json_string_value(value));
        if (ok) {
            lines[n++] = (const char *)line.ptr;
        }
    }
    ok = ok || sops_fail(e, SOPS_E_GENERIC, "bad 'headers' of credential_source");
    if (ok) {
        struct sops_http_req req = {
            .method = "GET", .url = json_string_value(json_object_get(source, "url")), .headers = lines};
        ok = sops_call(w, &req, &retry, &res, e) &&
             (res.status == 200 || sops_fail(e, SOPS_E_GENERIC, "status %d", res.status)) &&
             sops_buf_add(text, sops_buf_view(&res.body), e);
    }
    sops_http_res_free(&res);
    sops_arena_free(&a);
    return ok;
}

static bool subject_token(struct sops_world *w, const json_t *file, struct sops_buf *token, struct sops_err *e)
{
    const json_t *source = json_object_get(file, "credential_source");
    const char *path = json_string_value(json_object_get(source, "file"));
    struct sops_buf text = {0};
    bool ok;
    if (json_is_string(json_object_get(source, "environment_id"))) {
        ok = sops_google_aws(w, file, token, e);
    } else if (json_is_object(json_object_get(source, "executable"))) {
        ok = sops_google_program(w, file, token, e);
    } else if (path != NULL) {
        ok = sops_small_file(path, &text, e) && pick(source, sops_buf_view(&text), token, e);
    } else if (json_is_string(json_object_get(source, "url"))) {
        ok = from_url(w, source, &text, e) && pick(source, sops_buf_view(&text), token, e);
    } else {
        ok = sops_fail(e, SOPS_E_GENERIC, "credential_source names no file, URL, executable or environment_id");
    }
    sops_buf_free(&text);
    return ok || sops_within(e, "credentials: subject token of the external account");
}

/* "Authorization: Basic …" when the file has a client. */
static bool basic_line(const json_t *file, struct sops_buf *line, struct sops_err *e)
{
    struct sops_slice id = sops_json_text(file, "client_id");
    struct sops_buf pair = {0};
    if (id.len == 0) {
        return true;
    }
    bool ok = sops_buf_add(&pair, id, e) && sops_buf_addc(&pair, ':', e) &&
              sops_buf_add(&pair, sops_json_text(file, "client_secret"), e) &&
              sops_buf_adds(line, "Authorization: Basic ", e) &&
              sops_base64_add(line, SOPS_B64_STD, sops_buf_view(&pair), e) && sops_buf_cstr(line, e) != NULL;
    sops_buf_free(&pair);
    return ok;
}

static bool take_token(const json_t *answer, struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_slice found = sops_json_text(answer, "access_token");
    return (found.len > 0 ||
            sops_fail(e, SOPS_E_GENERIC, "auth: the answer of the token service holds no access_token")) &&
           sops_buf_add(bearer, found, e);
}

bool sops_google_external(struct sops_world *w, const json_t *file, const char *scopes, struct sops_buf *bearer,
                          struct sops_err *e)
{
    struct sops_slice project = sops_json_text(file, "workforce_pool_user_project");
    struct sops_buf token = {0}, form = {0}, options = {0}, line = {0};
    json_t *answer = NULL;
    bool ok =
        subject_token(w, file, &token, e) && sops_form_add(&form, "audience", sops_json_text(file, "audience"), e) &&
        sops_form_add(&form, "grant_type", SOPS_LIT("urn:ietf:params:oauth:grant-type:token-exchange"), e) &&
        sops_form_add(&form, "requested_token_type", SOPS_LIT("urn:ietf:params:oauth:token-type:access_token"), e) &&
        sops_form_add(&form, "scope", sops_str(scopes), e) &&
        sops_form_add(&form, "subject_token", sops_buf_view(&token), e) &&
        sops_form_add(&form, "subject_token_type", sops_json_text(file, "subject_token_type"), e);
    /* The project is for users of a workforce pool, who have no client of their own. */
    if (ok && project.len > 0 && sops_json_text(file, "client_id").len == 0) {
        ok = sops_buf_addc(&options, '{', e) && sops_json_add(&options, "userProject", project, e) &&
             sops_buf_addc(&options, '}', e) && sops_form_add(&form, "options", sops_buf_view(&options), e);
    }
    ok = ok && basic_line(file, &line, e) &&
         sops_google_post(w, sops_json_text(file, "token_url"), &form, line.len > 0 ? (const char *)line.ptr : NULL,
                          &answer, e);
    ok = ok && take_token(answer, bearer, e);
    json_decref(answer);
    sops_buf_free(&line);
    sops_buf_free(&options);
    sops_buf_free(&form);
    sops_buf_free(&token);
    return ok;
}

/* What gcloud keeps of somebody who came in by a workforce pool. */
bool sops_google_external_user(struct sops_world *w, const json_t *file, struct sops_buf *bearer, struct sops_err *e)
{
    struct sops_slice url = sops_json_text(file, "token_url"), refresh = sops_json_text(file, "refresh_token");
    struct sops_buf form = {0}, line = {0};
    json_t *answer = NULL;
    bool ok = ((url.len > 0 && refresh.len > 0) ||
               sops_fail(e, SOPS_E_GENERIC, "credentials: the field 'token_url' or 'refresh_token' is missing")) &&
              sops_form_add(&form, "grant_type", SOPS_LIT("refresh_token"), e) &&
              sops_form_add(&form, "refresh_token", refresh, e) && basic_line(file, &line, e) &&
              sops_google_post(w, url, &form, line.len > 0 ? (const char *)line.ptr : NULL, &answer, e) &&
              take_token(answer, bearer, e);
    json_decref(answer);
    sops_buf_free(&line);
    sops_buf_free(&form);
    return ok;
}
