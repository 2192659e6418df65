/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket is a part of the host's name unless TLS or the kind of endpoint rules that out: a certificate for
 * *.s3.REGION.amazonaws.com does not cover names with dots, and an address has no names below it. */
#include "cloud/aws_cred.h"
#include "core/destination.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { BUCKET, PREFIX };

static bool where(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_buf *shown,
                  struct sops_err *e)
{
    (void)w;
    return sops_buf_addf(shown, e, "s3://%.*s/%.*s%.*s", SOPS_ARG(value[BUCKET]), SOPS_ARG(value[PREFIX]),
                         SOPS_ARG(name));
}

/* May the name be a label of a host? (Lower case letters, digits, dashes and, without TLS, dots; 3 to 63 of them.) */
static bool fits_host(struct sops_slice bucket, bool tls)
{
    bool ok = bucket.len >= 3 && bucket.len <= 63;
    for (size_t i = 0; ok && i < bucket.len; i++) {
        uint8_t c = bucket.ptr[i];
        ok = sops_is_lower(c) || sops_is_digit(c) || (c == '-' && i != 0) || (c == '.' && !tls && i != 0);
    }
    return ok;
}

static bool is_address(const struct sops_url *u)
{
    char text[64];
    struct in_addr in;
    (void)snprintf(text, sizeof text, "%.*s", SOPS_ARG(u->host));
    return sops_slice_starts(u->authority, SOPS_LIT("[")) || inet_pton(AF_INET, text, &in) == 1;
}

static bool make_url(struct sops_world *w, const struct sops_aws *aws, const struct sops_slice value[],
                     struct sops_slice name, struct sops_buf *url, struct sops_err *e)
{
    struct sops_buf base = {0};
    bool ok = sops_aws_endpoint(w, aws, "s3", aws->region, &base, NULL, e);
    struct sops_slice whole = sops_buf_view(&base);
    struct sops_url u;
    if (ok && sops_url_parse(whole, &u) && fits_host(value[BUCKET], u.tls) && !is_address(&u)) {
        ok = sops_buf_addf(url, e, "%.*s://%.*s.%.*s%.*s/", SOPS_ARG(u.scheme), SOPS_ARG(value[BUCKET]),
                           SOPS_ARG(u.authority), SOPS_ARG(u.rest));
    } else {
        ok = ok && sops_buf_addf(url, e, "%.*s/", SOPS_ARG(whole)) && sops_percent_add(url, value[BUCKET], "", e) &&
             sops_buf_addc(url, '/', e);
    }
    ok = ok && sops_percent_add(url, value[PREFIX], "/", e) && sops_percent_add(url, name, "/", e) &&
         sops_buf_adds(url, "?x-id=PutObject", e) && sops_buf_cstr(url, e) != NULL;
    sops_buf_free(&base);
    return ok;
}

static bool put(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_slice bytes,
                const struct sops_doc *tree, bool *unchanged, struct sops_err *e)
{
    static const struct sops_aws_operation operation = {"S3", "PutObject", NULL};
    const struct sops_header headers[] = {{"content-type", SOPS_LIT("application/octet-stream")}, {NULL, {0}}};
    const struct sops_aws *aws = NULL;
    const struct sops_aws_creds *creds = NULL;
    struct sops_buf url = {0};
    struct sops_http_res res = {0};
    (void)tree;
    *unchanged = false;
    if (!sops_aws_setup(w, (struct sops_slice){0}, &aws, e)) {
        return sops_within(e, "unable to load SDK config");
    }
    if (aws->region.len == 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "Invalid region: region was not a valid DNS name.");
        return sops_hint(e, "set AWS_REGION, or the region of the profile");
    }
    bool ok = sops_aws_find(w, aws, aws->region, &creds, e) && make_url(w, aws, value, name, &url, e);
    if (ok) {
        const struct sops_aws_request request = {
            .method = "PUT",
            .url = (const char *)url.ptr,
            .service = "s3",
            .region = aws->region,
            .headers = headers,
            .body = bytes,
            .content_hash = true,
        };
        ok = sops_aws_call(w, aws, creds, &request, &operation, &res, e);
    }
    sops_http_res_free(&res);
    sops_buf_free(&url);
    return ok;
}

static const char *const other_keys[] = {"s3_prefix", NULL};

const struct sops_destination sops_destination_s3 = {
    .name = "s3",
    .rule_key = "s3_bucket",
    .other_keys = other_keys,
    .where = where,
    .put = put,
};
