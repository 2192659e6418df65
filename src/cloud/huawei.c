/* SPDX-License-Identifier: Apache-2.0 */
/* No request goes through a proxy, as in the reference (docs/spec/60-keysources.md#huawei-endpoint-and-request), and
 * nothing is tried again. Credentials come from three places, the first that can be built: the environment, the
 * credentials file, the metadata of an ECS instance. */
#include "cloud/huawei.h"

#include "cloud/profile.h"
#include "cloud/sign.h"

#define METADATA "http://169.254.169.254"
#define ALGORITHM "SDK-HMAC-SHA256"

static const char owner_of_creds, owner_of_project;

/* ---- regions --------------------------------------------------------------------------------------------------- */

static const char *const regions[] = {
    "ae-ad-1",        "af-north-1",     "af-south-1",       "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ap-southeast-5", "cn-east-2",        "cn-east-3",      "cn-east-4",      "cn-east-5",
    "cn-north-1",     "cn-north-2",     "cn-north-4",       "cn-north-9",     "cn-north-11",    "cn-north-12",
    "cn-south-1",     "cn-south-2",     "cn-south-4",       "cn-southwest-2", "cn-southwest-3", "la-north-2",
    "la-south-2",     "me-east-1",      "my-kualalumpur-1", "na-mexico-1",    "ru-moscow-1",    "sa-brazil-1",
    "tr-west-1",
};
#define EUROPE "eu-west-101"

bool sops_huawei_known(struct sops_slice region, const char **domain)
{
    const char *found = NULL;
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        if (sops_slice_eq(region, sops_str(regions[i]))) {
            found = "myhuaweicloud.com";
        }
    }
    if (sops_slice_eq(region, SOPS_LIT(EUROPE))) {
        found = "myhuaweicloud.eu";
    }
    if (domain != NULL) {
        *domain = found;
    }
    return found != NULL;
}

bool sops_huawei_regions(struct sops_buf *out, struct sops_err *e)
{
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        if (!sops_buf_addf(out, e, "%s, ", regions[i])) {
            return false;
        }
    }
    return sops_buf_adds(out, EUROPE, e);
}

/* Appends IAM's URL for the region: `own` (of the credentials file), the environment's, or the known host. */
static bool add_iam_url(struct sops_world *w, struct sops_slice region, struct sops_slice own, struct sops_buf *url,
                        struct sops_err *e)
{
    struct sops_slice given = own.len > 0 ? own : sops_str(sops_world_env_set(w, "HUAWEICLOUD_SDK_IAM_ENDPOINT"));
    const char *domain;
    given = sops_slice_trim_end(given, '/');
    if (given.len > 0) {
        return (sops_slice_starts(given, SOPS_LIT("https://")) || sops_buf_adds(url, "https://", e)) &&
               sops_buf_add(url, given, e);
    }
    if (sops_huawei_known(region, &domain)) {
        return sops_buf_addf(url, e, "https://iam.%.*s.%s", SOPS_ARG(region), domain);
    }
    return sops_buf_adds(url, "https://iam.myhuaweicloud.com", e);
}

/* ---- signature ------------------------------------------------------------------------------------------------- */

/* Much like AWS's, but the secret key is the HMAC key itself, the path gets a slash at its end, and Content-Type and
 * Host are not signed. */
bool sops_huawei_sign(struct sops_arena *a, const struct sops_huawei_request *r, const struct sops_huawei_creds *creds,
                      int64_t now, const char *const **lines, struct sops_err *e)
{
    struct sops_signing s = {.method = r->method, .path = SOPS_PATH_SLASH};
    struct sops_slice who;
    const char **made;
    bool ok = sops_signing_open(&s, r->url, r->body, now, e) && sops_signing_add(&s, "x-project-id", r->project, e) &&
              sops_signing_add(&s, "x-sdk-date", sops_str(s.date), e) &&
              sops_signing_add(&s, "x-security-token", creds->token, e) &&
              sops_arena_printf(a, &who, e, "Authorization: " ALGORITHM " Access=%.*s", SOPS_ARG(creds->id)) &&
              sops_signing_lines(&s, a, ALGORITHM, (struct sops_slice){0}, creds->secret, who, &made, e);
    if (ok && r->body.len != 0) {
        made[s.count + 1] = "Content-Type: application/json;charset=UTF-8";
    }
    *lines = ok ? (const char *const *)made : NULL;
    sops_signing_free(&s);
    return ok;
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

/* An answer that is not 2xx: code, message, request id, and (401, 403) where the credentials came `from`. */
static bool refused(const struct sops_http_res *res, const char *from, struct sops_err *e)
{
    bool who = from != NULL && (res->status == 401 || res->status == 403);
    json_t *answer = sops_json_try(sops_buf_view(&res->body));
    const json_t *error = json_object_get(answer, "error");
    const json_t *body = json_is_object(error) ? error : answer;
    struct sops_slice code = sops_json_text(body, "error_code"), words = sops_json_text(body, "error_msg");
    struct sops_slice id = sops_http_header(res, "x-request-id");
    code = code.len > 0 ? code : sops_json_text(body, "code");
    words = words.len > 0 ? words : sops_json_text(body, "message");
    (void)sops_fail(e, SOPS_E_GENERIC, "status %d, %.*s: %.*s (request id %.*s)%s%s", res->status,
                    SOPS_ARG(sops_slice_first(code, 100)), SOPS_ARG(sops_slice_first(words, 400)),
                    SOPS_ARG(sops_slice_first(id, 100)), who ? ", credentials used: " : "", who ? from : "");
    json_decref(answer);
    return false;
}

bool sops_huawei_call(struct sops_world *w, const struct sops_huawei_creds *creds, const struct sops_huawei_request *r,
                      json_t **answer, bool *reached, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_http_req req = {.method = r->method, .url = r->url, .body = r->body, .no_proxy = true};
    struct sops_http_res res = {0};
    bool ok = sops_huawei_sign(&a, r, creds, w->now(w), &req.headers, e) && w->http(w, &req, &res, e);
    if (reached != NULL) {
        *reached = ok;
    }
    if (ok && (res.status < 200 || res.status > 299)) {
        ok = refused(&res, creds->from, e);
    }
    ok = ok && sops_json_load(sops_buf_view(&res.body), answer, e);
    sops_http_res_free(&res);
    sops_arena_free(&a);
    return ok;
}

/* ---- credentials ----------------------------------------------------------------------------------------------- */

struct finding {
    struct sops_world *w;
    struct sops_arena *a;
    struct sops_slice region;
    struct sops_huawei_creds *out;
};

static bool take(struct finding *s, const json_t *credential, struct sops_err *e)
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
static bool post(struct finding *s, const char *path, const char *line, const struct sops_buf *body,
                 struct sops_http_res *res, struct sops_err *e)
{
    const char *const headers[] = {"Content-Type: application/json;charset=UTF-8", line, NULL};
    struct sops_buf url = {0};
    bool ok = add_iam_url(s->w, s->region, s->out->iam, &url, e) && sops_buf_adds(&url, path, e) &&
              sops_buf_cstr(&url, e) != NULL;
    if (ok) {
        struct sops_http_req req = {.method = "POST",
                                    .url = (const char *)url.ptr,
                                    .headers = headers,
                                    .body = sops_buf_view(body),
                                    .no_proxy = true};
        ok = s->w->http(s->w, &req, res, e) &&
             ((res->status >= 200 && res->status <= 299) || refused(res, s->out->from, e));
    }
    sops_buf_free(&url);
    return ok;
}

/* An id token becomes a token of IAM, and that one temporary keys. */
static bool by_id_token(struct finding *s, struct sops_slice provider, const char *path, struct sops_err *e)
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

static bool from_environment(struct finding *s, struct sops_err *e)
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

static bool read_file(struct finding *s, struct sops_ini *ini, struct sops_err *e)
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

static bool from_file(struct finding *s, struct sops_err *e)
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
static bool metadata_token(struct finding *s, const char **line, struct sops_err *e)
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

static bool from_instance(struct finding *s, struct sops_err *e)
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

static bool make_creds(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    static const struct {
        const char *name;
        bool (*ask)(struct finding *s, struct sops_err *e);
    } places[] = {{"environment", from_environment}, {"file", from_file}, {"ECS metadata", from_instance}};
    struct finding s = {.w = w, .a = a, .region = *(struct sops_slice *)arg};
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
    bool ok = sops_world_once(w, &owner_of_creds, region, make_creds, &region, &made, e);
    *out = made;
    return ok || sops_within(e, "failed to get HuaweiCloud credentials");
}

/* ---- projects -------------------------------------------------------------------------------------------------- */

struct asking {
    struct sops_slice region;
    const struct sops_huawei_creds *creds;
};

static bool pick_project(struct sops_arena *a, const json_t *answer, struct sops_slice region, struct sops_slice *out,
                         struct sops_err *e)
{
    const json_t *projects = json_object_get(answer, "projects");
    struct sops_slice id = sops_json_text(json_array_get(projects, 0), "id");
    if (json_array_size(projects) > 1) {
        sops_fail(e, SOPS_E_GENERIC, "several projects were found for the region '%.*s'", SOPS_ARG(region));
        return sops_hint(e, "HUAWEICLOUD_SDK_PROJECT_ID says which one");
    }
    if (id.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "no project was found for the region '%.*s'", SOPS_ARG(region));
    }
    return sops_arena_copy(a, id, out, e);
}

static bool make_project(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct asking *ask = arg;
    struct sops_slice *project = sops_arena_alloc(a, sizeof *project, e);
    struct sops_buf url = {0};
    json_t *answer = NULL;
    bool ok = project != NULL && add_iam_url(w, ask->region, ask->creds->iam, &url, e) &&
              sops_buf_adds(&url, "/v3/projects?name=", e) && sops_percent_add(&url, ask->region, "", e) &&
              sops_buf_cstr(&url, e) != NULL;
    if (ok) {
        struct sops_huawei_request r = {.method = "GET", .url = (const char *)url.ptr};
        ok = (sops_huawei_call(w, ask->creds, &r, &answer, NULL, e) ||
              sops_within(e, "cannot ask IAM for the project of the region '%.*s'", SOPS_ARG(ask->region))) &&
             pick_project(a, answer, ask->region, project, e);
    }
    json_decref(answer);
    sops_buf_free(&url);
    *made = project;
    return ok;
}

bool sops_huawei_project(struct sops_world *w, struct sops_slice region, const struct sops_huawei_creds *creds,
                         struct sops_slice *out, struct sops_err *e)
{
    struct asking ask = {.region = region, .creds = creds};
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok = true;
    *out = creds->project;
    if (creds->project.len > 0) {
        return true;
    }
    ok = sops_buf_addf(&name, e, "%.*s %.*s", SOPS_ARG(region), SOPS_ARG(creds->id)) &&
         sops_world_once(w, &owner_of_project, sops_buf_view(&name), make_project, &ask, &made, e);
    if (ok) {
        *out = *(struct sops_slice *)made;
    }
    sops_buf_free(&name);
    return ok;
}
