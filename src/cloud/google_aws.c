/* SPDX-License-Identifier: Apache-2.0 */
/* A workload on AWS shows Google who it is with a request for its own identity that it signs but never sends: Google
 * sends it, and AWS tells Google who signed (docs/spec/60-keysources.md#google-application-default-credentials,
 * environment_id aws1). */
#include "cloud/aws_sign.h"
#include "cloud/google_token.h"

#define USUAL_CHECK "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"

struct workload {
    struct sops_world *w;
    struct sops_arena a;
    const json_t *source; /* credential_source */
    const char *session;  /* the line with the metadata service's session token; NULL: none is used, or none yet */
    struct sops_slice region;
    struct sops_aws_creds creds;
};

/* ---- the metadata service -------------------------------------------------------------------------------------- */

static bool ask(struct workload *k, const char *method, const char *url, const char *line, struct sops_slice *text,
                struct sops_err *e)
{
    struct sops_http_res res = {0};
    bool ok = sops_machine_ask(k->w, method, url, line, 1000, 5000, &res, e) &&
              (res.status == 200 || sops_fail(e, SOPS_E_GENERIC, "status %d of the metadata service", res.status)) &&
              sops_arena_copy(&k->a, sops_slice_trim(sops_buf_view(&res.body)), text, e);
    sops_http_res_free(&res);
    return ok;
}

/* Asks the URL that stands in credential_source as `name`, with `more` behind it. */
static bool ask_named(struct workload *k, const char *name, struct sops_slice more, struct sops_slice *text,
                      struct sops_err *e)
{
    const char *token_url = json_string_value(json_object_get(k->source, "imdsv2_session_token_url"));
    struct sops_slice url = sops_json_text(k->source, name), token;
    if (url.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "credential_source has no '%s', and the environment no AWS_REGION or keys",
                         name);
    }
    if (k->session == NULL && token_url != NULL) {
        if (!ask(k, "PUT", token_url, "X-aws-ec2-metadata-token-ttl-seconds: 300", &token, e)) {
            return false;
        }
        k->session = sops_arena_text(&k->a, e, "X-aws-ec2-metadata-token: %.*s", SOPS_ARG(token));
        if (k->session == NULL) {
            return false;
        }
    }
    return sops_arena_printf(&k->a, &url, e, "%.*s%s%.*s", SOPS_ARG(url), more.len > 0 ? "/" : "", SOPS_ARG(more)) &&
           ask(k, "GET", (const char *)url.ptr, k->session, text, e);
}

/* ---- region and keys ------------------------------------------------------------------------------------------- */

static bool find_region(struct workload *k, struct sops_err *e)
{
    const char *region = sops_world_env_set(k->w, "AWS_REGION");
    const char *usual = sops_world_env_set(k->w, "AWS_DEFAULT_REGION");
    if (region != NULL || usual != NULL) {
        k->region = sops_str(region != NULL ? region : usual);
        return true;
    }
    /* The answer is a zone, the region with a letter behind it. */
    if (!ask_named(k, "region_url", (struct sops_slice){0}, &k->region, e)) {
        return false;
    }
    k->region.len -= k->region.len > 0;
    return true;
}

static bool find_keys(struct workload *k, struct sops_err *e)
{
    struct sops_aws_creds *c = &k->creds;
    const char *token = sops_world_env_set(k->w, "AWS_SESSION_TOKEN");
    struct sops_slice role, text;
    json_t *answer = NULL;
    c->id = sops_str(sops_world_env_set(k->w, "AWS_ACCESS_KEY_ID"));
    c->secret = sops_str(sops_world_env_set(k->w, "AWS_SECRET_ACCESS_KEY"));
    c->token = sops_str(token);
    if (c->id.len > 0 && c->secret.len > 0) {
        return true;
    }
    if (!ask_named(k, "url", (struct sops_slice){0}, &role, e) || !ask_named(k, "url", role, &text, e) ||
        !sops_json_load(text, &answer, e)) {
        return false;
    }
    bool ok = sops_arena_copy(&k->a, sops_json_text(answer, "AccessKeyId"), &c->id, e) &&
              sops_arena_copy(&k->a, sops_json_text(answer, "SecretAccessKey"), &c->secret, e) &&
              sops_arena_copy(&k->a, sops_json_text(answer, "Token"), &c->token, e) &&
              ((c->id.len > 0 && c->secret.len > 0) ||
               sops_fail(e, SOPS_E_GENERIC, "the metadata service gave no keys for the role '%.*s'",
                         SOPS_ARG(sops_slice_first(role, 100))));
    json_decref(answer);
    return ok;
}

/* ---- the statement --------------------------------------------------------------------------------------------- */

/* regional_cred_verification_url with the region in its place */
static bool check_url(struct workload *k, struct sops_slice *url, struct sops_err *e)
{
    const struct sops_slice place = SOPS_LIT("{region}");
    struct sops_slice form = sops_json_text(k->source, "regional_cred_verification_url");
    form = form.len > 0 ? form : SOPS_LIT(USUAL_CHECK);
    const uint8_t *at = memmem(form.ptr, form.len, place.ptr, place.len);
    if (at == NULL) {
        return sops_arena_copy(&k->a, form, url, e);
    }
    size_t before = (size_t)(at - form.ptr);
    return sops_arena_printf(&k->a, url, e, "%.*s%.*s%.*s", SOPS_ARG(sops_slice_first(form, before)),
                             SOPS_ARG(k->region), SOPS_ARG(sops_slice_skip(form, before + place.len)));
}

/* {"url":"…","method":"POST","headers":[{"key":"…","value":"…"},…]} */
static bool write_request(struct sops_slice url, const char *const *lines, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '{', e) && sops_json_add(out, "url", url, e) &&
              sops_json_add(out, "method", SOPS_LIT("POST"), e) && sops_json_begin(out, "headers", '[', e);
    for (size_t i = 0; ok && lines[i] != NULL; i++) {
        struct sops_slice line = sops_str(lines[i]), name = sops_slice_first(line, sops_slice_find(line, ':'));
        struct sops_slice shown = sops_slice_eq(name, SOPS_LIT("authorization")) ? SOPS_LIT("Authorization") : name;
        ok = sops_json_begin(out, NULL, '{', e) && sops_json_add(out, "key", shown, e) &&
             sops_json_add(out, "value", sops_slice_trim(sops_slice_skip(line, name.len + 1)), e) &&
             sops_buf_addc(out, '}', e);
    }
    return ok && sops_buf_adds(out, "]}", e);
}

static bool state(struct workload *k, struct sops_slice audience, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_header headers[] = {{"x-goog-cloud-target-resource", audience}, {NULL, {0}}};
    const char *const *lines = NULL;
    struct sops_slice url;
    if (!find_region(k, e) || !find_keys(k, e) || !check_url(k, &url, e)) {
        return false;
    }
    struct sops_aws_request r = {
        .method = "POST", .url = (const char *)url.ptr, .service = "sts", .region = k->region, .headers = headers};
    return sops_aws_sign(&k->a, &r, &k->creds, k->w->now(k->w), &lines, e) && write_request(url, lines, out, e);
}

bool sops_google_aws(struct sops_world *w, const json_t *file, struct sops_buf *token, struct sops_err *e)
{
    struct workload k = {.w = w, .source = json_object_get(file, "credential_source")};
    struct sops_slice environment = sops_json_text(k.source, "environment_id");
    struct sops_buf request = {0};
    bool ok = (sops_slice_eq(environment, SOPS_LIT("aws1")) ||
               sops_fail(e, SOPS_E_GENERIC, "the environment_id '%.*s' is not known, only aws1",
                         SOPS_ARG(sops_slice_first(environment, 100)))) &&
              state(&k, sops_json_text(file, "audience"), &request, e) &&
              sops_percent_add(token, sops_buf_view(&request), "", e);
    sops_buf_free(&request);
    sops_arena_free(&k.a);
    return ok;
}
