/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a form stand in the order of their names, as the reference sends them. */
#include "cloud/aws_cred.h"

static const struct sops_aws_operation assume_role = {.service = "STS", .name = "AssumeRole"};
static const struct sops_aws_operation assume_web = {.service = "STS", .name = "AssumeRoleWithWebIdentity"};

static bool add_number(struct sops_buf *form, const char *name, int64_t n, struct sops_err *e)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    return n == 0 || sops_form_add(form, name, sops_str(text), e);
}

static bool take_creds(struct sops_arena *a, const struct sops_http_res *res, struct sops_aws_creds *out,
                       struct sops_err *e)
{
    struct sops_slice xml = sops_buf_view(&res->body);
    if (!sops_xml_text(a, xml, "AccessKeyId", &out->id, e) ||
        !sops_xml_text(a, xml, "SecretAccessKey", &out->secret, e) ||
        !sops_xml_text(a, xml, "SessionToken", &out->token, e)) {
        return false;
    }
    if (out->id.len == 0 || out->secret.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "the answer of STS holds no credentials");
    }
    return true;
}

/* `from` NULL: nothing is signed. */
static bool ask(struct sops_world *w, struct sops_arena *a, const struct sops_aws *aws, struct sops_slice region,
                const struct sops_buf *form, const struct sops_aws_creds *from, const struct sops_aws_operation *op,
                struct sops_aws_creds *out, struct sops_err *e)
{
    static const struct sops_header headers[] = {
        {"content-type", {(const uint8_t *)"application/x-www-form-urlencoded", 33}}, {NULL, {NULL, 0}}};
    struct sops_buf url = {0};
    struct sops_http_res res = {0};
    bool ok = sops_aws_service_url(w, aws, "sts", region, &url, e);
    if (ok) {
        struct sops_aws_request r = {.method = "POST",
                                     .url = (const char *)url.ptr,
                                     .service = "sts",
                                     .region = region,
                                     .headers = headers,
                                     .body = sops_buf_view(form)};
        ok = sops_aws_call(w, aws, from, &r, op, &res, e) && take_creds(a, &res, out, e);
    }
    sops_http_res_free(&res);
    sops_buf_free(&url);
    return ok;
}

bool sops_aws_assume(struct sops_world *w, struct sops_arena *a, const struct sops_aws *aws, struct sops_slice region,
                     const struct sops_aws_role *role, const struct sops_aws_creds *from, struct sops_aws_creds *out,
                     struct sops_err *e)
{
    struct sops_buf form = {0};
    bool ok = sops_form_add(&form, "Action", SOPS_LIT("AssumeRole"), e) &&
              add_number(&form, "DurationSeconds", role->seconds, e) &&
              (role->external_id.len == 0 || sops_form_add(&form, "ExternalId", role->external_id, e)) &&
              sops_form_add(&form, "RoleArn", role->arn, e) &&
              sops_form_add(&form, "RoleSessionName", role->session, e) &&
              sops_form_add(&form, "Version", SOPS_LIT("2011-06-15"), e);
    if (ok && !ask(w, a, aws, region, &form, from, &assume_role, out, e)) {
        ok = sops_within(e, "failed to assume role '%.*s'", SOPS_ARG(role->arn));
    }
    sops_buf_free(&form);
    out->from = ok ? sops_arena_text(a, e, "role '%.*s', assumed with %s", SOPS_ARG(role->arn), from->from) : NULL;
    return out->from != NULL;
}

bool sops_aws_assume_web(struct sops_world *w, struct sops_arena *a, const struct sops_aws *aws,
                         struct sops_slice region, const struct sops_aws_role *role, struct sops_slice token,
                         struct sops_aws_creds *out, struct sops_err *e)
{
    struct sops_buf form = {0};
    bool ok = sops_form_add(&form, "Action", SOPS_LIT("AssumeRoleWithWebIdentity"), e) &&
              sops_form_add(&form, "RoleArn", role->arn, e) &&
              sops_form_add(&form, "RoleSessionName", role->session, e) &&
              sops_form_add(&form, "Version", SOPS_LIT("2011-06-15"), e) &&
              sops_form_add(&form, "WebIdentityToken", token, e);
    if (ok && !ask(w, a, aws, region, &form, NULL, &assume_web, out, e)) {
        ok = sops_within(e, "failed to assume role '%.*s' with a web identity token", SOPS_ARG(role->arn));
    }
    sops_buf_free(&form);
    out->from =
        ok ? sops_arena_text(a, e, "role '%.*s', assumed with a web identity token", SOPS_ARG(role->arn)) : NULL;
    return out->from != NULL;
}
