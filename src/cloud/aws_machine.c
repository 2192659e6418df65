/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of the machine that we run on. Neither service is asked through a proxy: both are at addresses of the
 * machine itself. */
#include "cloud/aws_find.h"

#include <strings.h>

static const char *const names[3] = {"AccessKeyId", "SecretAccessKey", "Token"};

/* ---- containers ------------------------------------------------------------------------------------------------ */

bool sops_aws_container_given(struct sops_world *w)
{
    return sops_world_env_set(w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
           sops_world_env_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
}

/* Over plain http only the machine itself and the addresses of ECS and EKS are asked
 * (docs/spec/60-keysources.md#aws-credential-search-order). */
static bool may_be_asked(struct sops_slice url)
{
    static const char *const hosts[] = {"localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", NULL};
    struct sops_url u;
    if (!sops_url_parse(url, &u)) {
        return false;
    }
    if (u.tls || sops_slice_is_any(u.host, hosts)) {
        return true;
    }
    bool number = sops_slice_starts(u.host, SOPS_LIT("127."));
    for (size_t i = 0; i < u.host.len; i++) {
        number = number && (u.host.ptr[i] == '.' || sops_is_digit(u.host.ptr[i]));
    }
    return number;
}

/* "Authorization: …" from the file or the variable; nothing when neither is given. */
static bool authorization(struct sops_world *w, struct sops_buf *line, struct sops_err *e)
{
    const char *path = sops_world_env_set(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = sops_world_env_set(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (path == NULL && token == NULL) {
        return true;
    }
    if (!sops_buf_adds(line, "Authorization: ", e) ||
        !(path != NULL ? sops_small_file(path, line, e) : sops_buf_adds(line, token, e))) {
        return false;
    }
    sops_buf_cut(line, sops_slice_trim(sops_buf_view(line)).len);
    return !sops_has_control(sops_buf_view(line)) ||
           sops_fail(e, SOPS_E_GENERIC, "the container's authorization token holds a line break");
}

static bool ask_container(struct sops_aws_search *s, const char *url, const char *line, struct sops_aws_creds *out,
                          struct sops_err *e)
{
    const char *const headers[] = {"Accept: application/json", line, NULL};
    struct sops_http_req req = {.method = "GET", .url = url, .headers = headers, .no_proxy = true, .total_ms = 5000};
    struct sops_retry retry = {.tries = 3, .base_ms = 500, .cap_ms = 2000, .spread = 100};
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    bool ok = sops_call(s->w, &req, &retry, &res, e);
    if (ok && res.status != 200) {
        answer = sops_json_try(sops_buf_view(&res.body));
        ok = sops_fail(e, SOPS_E_GENERIC, "status %d, %.*s: %.*s", res.status, SOPS_ARG(sops_json_text(answer, "code")),
                       SOPS_ARG(sops_slice_first(sops_json_text(answer, "message"), 300)));
    }
    ok = ok && sops_json_load(sops_buf_view(&res.body), &answer, e) && sops_aws_creds_from(s->a, answer, names, out, e);
    json_decref(answer);
    sops_http_res_free(&res);
    return ok;
}

bool sops_aws_container(struct sops_aws_search *s, struct sops_aws_creds *out, struct sops_err *e)
{
    const char *relative = sops_world_env_set(s->w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = sops_world_env_set(s->w, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct sops_buf line = {0};
    const char *url = sops_arena_text(s->a, e, "%s%s", relative != NULL ? "http://169.254.170.2" : "",
                                      relative != NULL ? relative
                                      : full != NULL   ? full
                                                       : "");
    bool ok = url != NULL;
    if (ok && !may_be_asked(sops_str(url))) {
        ok = sops_fail(e, SOPS_E_GENERIC,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI is plain http to a host that is neither this "
                       "machine nor one of the container services'");
    }
    ok = ok && authorization(s->w, &line, e) && sops_buf_cstr(&line, e) != NULL &&
         ask_container(s, url, line.len > 0 ? (const char *)line.ptr : NULL, out, e);
    if (!ok) {
        (void)sops_within(e, "failed to get credentials from the container's credential service");
    }
    out->from = "the container's credential service";
    sops_buf_free(&line);
    return ok;
}

/* ---- EC2 ------------------------------------------------------------------------------------------------------- */

static bool get(struct sops_aws_search *s, const char *base, const char *path, const char *line,
                struct sops_http_res *res, struct sops_err *e)
{
    const char *url = sops_arena_text(s->a, e, "%s/latest/%s", base, path);
    return url != NULL &&
           sops_machine_ask(s->w, strcmp(path, "api/token") == 0 ? "PUT" : "GET", url, line, 250, 1000, res, e);
}

/* Version 2 wants a token first; a service that knows none (403, 404, 405, no answer) is asked as version 1. */
static bool instance_token(struct sops_aws_search *s, const char *base, const char **line, struct sops_err *e)
{
    struct sops_http_res res = {0};
    struct sops_err failure = {0};
    bool answered = get(s, base, "api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 300", &res, &failure), ok = true;
    *line = NULL;
    if (answered && res.status == 200) {
        *line = sops_arena_text(s->a, e, "x-aws-ec2-metadata-token: %.*s",
                                SOPS_ARG(sops_slice_trim(sops_buf_view(&res.body))));
        ok = *line != NULL;
    } else if (answered && res.status != 403 && res.status != 404 && res.status != 405) {
        ok = sops_fail(e, SOPS_E_GENERIC, "status %d for the session token", res.status);
    } else if (sops_env_true(s->w, "AWS_EC2_METADATA_V1_DISABLED")) {
        ok = sops_fail(e, SOPS_E_GENERIC, "no session token, and AWS_EC2_METADATA_V1_DISABLED is set");
    }
    sops_http_res_free(&res);
    sops_err_clear(&failure);
    return ok;
}

static bool instance_role(struct sops_aws_search *s, const char *base, const char *line, struct sops_buf *path,
                          struct sops_err *e)
{
    struct sops_http_res res = {0};
    bool ok = get(s, base, "meta-data/iam/security-credentials/", line, &res, e);
    if (ok && res.status != 200) {
        ok = sops_fail(e, SOPS_E_GENERIC, "status %d for the name of the role", res.status);
    }
    if (ok) {
        struct sops_slice role = sops_buf_view(&res.body);
        role = sops_slice_trim(sops_slice_first(role, sops_slice_find(role, '\n')));
        ok = role.len > 0 ? sops_buf_adds(path, "meta-data/iam/security-credentials/", e) &&
                                sops_percent_add(path, role, "", e) && sops_buf_cstr(path, e) != NULL
                          : sops_fail(e, SOPS_E_GENERIC, "the instance has no role");
    }
    sops_http_res_free(&res);
    return ok;
}

static bool ask_instance(struct sops_aws_search *s, const char *base, struct sops_aws_creds *out, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    const char *token;
    bool ok = instance_token(s, base, &token, e) && instance_role(s, base, token, &path, e) &&
              get(s, base, (const char *)path.ptr, token, &res, e) &&
              sops_json_load(sops_buf_view(&res.body), &answer, e);
    if (ok && !sops_slice_eq(sops_json_text(answer, "Code"), SOPS_LIT("Success"))) {
        ok = sops_fail(e, SOPS_E_GENERIC, "status %d, code '%.*s'", res.status,
                       SOPS_ARG(sops_slice_first(sops_json_text(answer, "Code"), 100)));
    }
    ok = ok && sops_aws_creds_from(s->a, answer, names, out, e);
    json_decref(answer);
    sops_http_res_free(&res);
    sops_buf_free(&path);
    return ok;
}

bool sops_aws_instance(struct sops_aws_search *s, struct sops_aws_creds *out, struct sops_err *e)
{
    const char *base = sops_world_env_set(s->w, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = sops_world_env_set(s->w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    out->from = "the role of the EC2 instance";
    if (sops_env_true(s->w, "AWS_EC2_METADATA_DISABLED")) {
        return sops_fail(
            e, SOPS_E_GENERIC,
            "no EC2 IMDS role found, the instance's metadata are disabled by AWS_EC2_METADATA_DISABLED, and no "
            "other AWS credentials were found in the environment or for the profile '%.*s'",
            SOPS_ARG(s->aws->profile));
    }
    if (base == NULL) {
        base = mode != NULL && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    }
    base = sops_arena_text(s->a, e, "%.*s", SOPS_ARG(sops_slice_trim_end(sops_str(base), '/')));
    return (base != NULL && ask_instance(s, base, out, e)) || sops_within(e, "no EC2 IMDS role found");
}
