/* SPDX-License-Identifier: Apache-2.0 */
/* No request goes through a proxy, as in the reference (spec 60 section 8.3), and nothing is tried again. */
#include "cloud/huawei.h"

#include "cloud/huawei_iam.h"

static const char owner;

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

bool sops_huawei_iam(struct sops_world *w, struct sops_slice region, struct sops_slice own, struct sops_buf *url,
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

/* ---- calls ----------------------------------------------------------------------------------------------------- */

bool sops_huawei_refused(const struct sops_http_res *res, const char *from, struct sops_err *e)
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
        ok = sops_huawei_refused(&res, creds->from, e);
    }
    ok = ok && sops_json_load(sops_buf_view(&res.body), answer, e);
    sops_http_res_free(&res);
    sops_arena_free(&a);
    return ok;
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
    bool ok = project != NULL && sops_huawei_iam(w, ask->region, ask->creds->iam, &url, e) &&
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
         sops_world_once(w, &owner, sops_buf_view(&name), make_project, &ask, &made, e);
    if (ok) {
        *out = *(struct sops_slice *)made;
    }
    sops_buf_free(&name);
    return ok;
}
