/* SPDX-License-Identifier: Apache-2.0 */
/* Three places, the first that can be built: the environment, the credentials file, the metadata of an ECS instance. */
#include "cloud/huawei.h"

#include "cloud/huawei_iam.h"
#include "cloud/profile.h"

#define METADATA "http://169.254.169.254"

static const char owner;

struct search {
    struct sops_world *w;
    struct sops_arena *a;
    struct sops_slice region;
    struct sops_huawei_creds *out;
};

static bool take(struct search *s, const json_t *credential, struct sops_err *e)
{
    struct sops_slice id = sops_json_text(credential, "access"), secret = sops_json_text(credential, "secret");

    if (id.len == 0 || secret.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "the answer holds no credentials");
    }
    return sops_arena_copy(s->a, id, &s->out->id, e) && sops_arena_copy(s->a, secret, &s->out->secret, e) &&
           sops_arena_copy(s->a, sops_json_text(credential, "securitytoken"), &s->out->token, e);
}

/* ---- id tokens ------------------------------------------------------------------------------------------------- */

/* POST to IAM; the answer's head and body. */
static bool post(struct search *s, const char *path, const char *line, const struct sops_buf *body,
                 struct sops_http_res *res, struct sops_err *e)
{
    const char *const headers[] = {"Content-Type: application/json;charset=UTF-8", line, NULL};
    struct sops_buf url = {0};
    bool ok = sops_huawei_iam(s->w, s->region, s->out->iam, &url, e) && sops_buf_adds(&url, path, e) &&
              sops_buf_cstr(&url, e) != NULL;

    if (ok) {
        struct sops_http_req req = {.method = "POST",
                                    .url = (const char *)url.ptr,
                                    .headers = headers,
                                    .body = sops_buf_view(body),
                                    .no_proxy = true};
        ok = s->w->http(s->w, &req, res, e) &&
             ((res->status >= 200 && res->status <= 299) || sops_huawei_refused(res, s->out->from, e));
    }
    sops_buf_free(&url);
    return ok;
}

/* An id token becomes a token of IAM, and that one temporary keys. */
static bool by_id_token(struct search *s, struct sops_slice provider, const char *path, struct sops_err *e)
{
    struct sops_buf token = {0}, body = {0};
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    const char *line = sops_arena_text(s->a, e, "X-Idp-Id: %.*s", SOPS_ARG(provider));
    bool ok = line != NULL && sops_small_file(path, &token, e) &&
              sops_buf_adds(&body, "{\"auth\":{\"id_token\":{", e) &&
              sops_json_add(&body, "id", sops_slice_trim(sops_buf_view(&token)), e) && sops_buf_adds(&body, "}}}", e) &&
              post(s, "/v3.0/OS-AUTH/id-token/tokens", line, &body, &res, e);

    sops_buf_cut(&body, 0);
    ok = ok && sops_buf_adds(&body, "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{", e) &&
         sops_json_add(&body, "id", sops_http_header(&res, "x-subject-token"), e) &&
         sops_json_add_int(&body, "duration_seconds", 21600, e) && sops_buf_adds(&body, "}}}}", e);
    sops_http_res_free(&res);
    ok = ok && post(s, "/v3.0/OS-CREDENTIAL/securitytokens", NULL, &body, &res, e) &&
         sops_json_load(sops_buf_view(&res.body), &answer, e) && take(s, json_object_get(answer, "credential"), e);
    json_decref(answer);
    sops_http_res_free(&res);
    sops_buf_free(&body);
    sops_buf_free(&token);
    return ok;
}

/* ---- the three places ------------------------------------------------------------------------------------------ */

static bool from_environment(struct search *s, struct sops_err *e)
{
    const char *idp = sops_world_env_set(s->w, "HUAWEICLOUD_SDK_IDP_ID");
    const char *file = sops_world_env_set(s->w, "HUAWEICLOUD_SDK_ID_TOKEN_FILE");
    const char *ak = sops_world_env_set(s->w, "HUAWEICLOUD_SDK_AK"),
               *sk = sops_world_env_set(s->w, "HUAWEICLOUD_SDK_SK");
    struct sops_slice project = sops_str(sops_world_env_set(s->w, "HUAWEICLOUD_SDK_PROJECT_ID"));

    if (!sops_arena_copy(s->a, project, &s->out->project, e)) {
        return false;
    }
    if (idp != NULL && file != NULL) {
        s->out->from = "HUAWEICLOUD_SDK_ID_TOKEN_FILE";
        return by_id_token(s, sops_str(idp), file, e);
    }
    if (ak == NULL || sk == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "AK&SK or IdpId&IdTokenFile does not exist");
    }
    s->out->from = "HUAWEICLOUD_SDK_AK";
    return sops_arena_copy(s->a, sops_str(ak), &s->out->id, e) &&
           sops_arena_copy(s->a, sops_str(sk), &s->out->secret, e) &&
           sops_arena_copy(s->a, sops_str(sops_world_env_set(s->w, "HUAWEICLOUD_SDK_SECURITY_TOKEN")), &s->out->token,
                           e);
}

static struct sops_slice setting(const struct sops_ini *ini, const char *name)
{
    const struct sops_setting *found = sops_ini_find(ini, SOPS_LIT("basic"), sops_str(name));

    return found != NULL ? found->value : (struct sops_slice){0};
}

static bool read_file(struct search *s, struct sops_ini *ini, struct sops_err *e)
{
    const char *named = sops_world_env_set(s->w, "HUAWEICLOUD_SDK_CREDENTIALS_FILE");
    struct sops_buf text = {0};
    const char *path = sops_arena_text(s->a, e, "%s%s", named != NULL ? named : sops_home(s->w),
                                       named != NULL ? "" : "/.huaweicloud/credentials");
    bool ok =
        path != NULL && sops_small_file(path, &text, e) && sops_ini_read(ini, s->a, sops_buf_view(&text), NULL, e);

    if (ok) {
        s->out->from = path;
    }
    sops_buf_free(&text);
    return ok;
}

static bool from_file(struct search *s, struct sops_err *e)
{
    struct sops_ini ini = {0};

    if (!read_file(s, &ini, e)) {
        return false;
    }
    struct sops_slice idp = setting(&ini, "idp_id"), token = setting(&ini, "id_token_file");
    s->out->project = setting(&ini, "project_id");
    s->out->iam = setting(&ini, "iam_endpoint");
    if (idp.len > 0 && token.len > 0) {
        return by_id_token(s, idp, (const char *)token.ptr, e);
    }
    s->out->id = setting(&ini, "ak");
    s->out->secret = setting(&ini, "sk");
    s->out->token = setting(&ini, "security_token");
    return (s->out->id.len > 0 && s->out->secret.len > 0) ||
           sops_fail(e, SOPS_E_GENERIC, "the credentials file has no ak and sk in the section [basic]");
}

/* The line with the session's token; none when the service does not know such tokens. */
static bool metadata_token(struct search *s, const char **line, struct sops_err *e)
{
    struct sops_http_res res = {0};
    bool ok = sops_machine_ask(s->w, "PUT", METADATA "/meta-data/latest/api/token",
                               "X-Metadata-Token-Ttl-Seconds: 21600", 1000, 3000, &res, e);

    *line = NULL;
    if (ok && res.status == 200) {
        *line = sops_arena_text(s->a, e, "X-Metadata-Token: %.*s", SOPS_ARG(sops_slice_trim(sops_buf_view(&res.body))));
        ok = *line != NULL;
    } else if (ok && res.status != 404 && res.status != 405 && res.status != 503) {
        ok = sops_fail(e, SOPS_E_GENERIC, "status %d of the metadata service", res.status);
    }
    sops_http_res_free(&res);
    return ok;
}

static bool from_instance(struct search *s, struct sops_err *e)
{
    const char *line;
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    bool ok = true;

    s->out->from = "the agency of the ECS instance";
    for (int tried = 0; ok && (tried == 0 || (tried == 1 && res.status == 401)); tried++) {
        sops_http_res_free(&res);
        ok = metadata_token(s, &line, e) &&
             sops_machine_ask(s->w, "GET", METADATA "/openstack/latest/securitykey", line, 1000, 3000, &res, e);
    }
    ok = ok && (res.status == 200 || sops_fail(e, SOPS_E_GENERIC, "status %d of the metadata service", res.status)) &&
         sops_json_load(sops_buf_view(&res.body), &answer, e) && take(s, json_object_get(answer, "credential"), e);
    json_decref(answer);
    sops_http_res_free(&res);
    return ok;
}

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    static const struct {
        const char *name;
        bool (*ask)(struct search *s, struct sops_err *e);
    } places[] = {{"environment", from_environment}, {"file", from_file}, {"ECS metadata", from_instance}};
    struct search s = {.w = w, .a = a, .region = *(struct sops_slice *)arg};
    struct sops_buf report = {0};
    bool ok = true, found = false;

    s.out = sops_arena_alloc(a, sizeof *s.out, e);
    ok = s.out != NULL;
    for (size_t i = 0; ok && !found && i < sizeof places / sizeof places[0]; i++) {
        struct sops_err why = {0};
        *s.out = (struct sops_huawei_creds){0};
        found = places[i].ask(&s, &why);
        ok = found || sops_buf_addf(&report, e, "%s%s: %.300s", i > 0 ? "; " : "", places[i].name, why.msg);
        sops_err_clear(&why);
    }
    if (ok && !found) {
        ok = sops_fail(e, SOPS_E_GENERIC, "unable to get credential in providers: %.*s",
                       SOPS_ARG(sops_buf_view(&report)));
    }
    sops_buf_free(&report);
    *made = s.out;
    return ok;
}

bool sops_huawei_find(struct sops_world *w, struct sops_slice region, const struct sops_huawei_creds **out,
                      struct sops_err *e)
{
    void *made = NULL;
    bool ok = sops_world_once(w, &owner, region, make, &region, &made, e);

    *out = made;
    return ok || sops_within(e, "failed to get HuaweiCloud credentials");
}
