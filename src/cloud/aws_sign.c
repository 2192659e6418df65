/* SPDX-License-Identifier: Apache-2.0 */
/* The key of the day, region and service is derived from the secret; the rest is sign.c's. */
#include "cloud/aws_sign.h"

#include "base/digest.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

static bool derive_key(const struct sops_signing *s, const struct sops_aws_request *r,
                       const struct sops_aws_creds *creds, uint8_t key[32], struct sops_err *e)
{
    const struct sops_slice steps[] = {r->region, sops_str(r->service), SOPS_LIT("aws4_request")};
    struct sops_buf secret = {0};
    bool ok = sops_buf_adds(&secret, "AWS4", e) && sops_buf_add(&secret, creds->secret, e);
    sops_hmac_sha256(sops_buf_view(&secret), sops_slice_of(s->date, 8), key);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sops_hmac_sha256(sops_slice_of(key, 32), steps[i], key);
    }
    sops_buf_free(&secret);
    return ok;
}

static bool add_headers(struct sops_signing *s, const struct sops_aws_request *r, const struct sops_aws_creds *creds,
                        struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_header *h = r->headers; ok && h != NULL && h->name != NULL; h++) {
        ok = sops_signing_add(s, h->name, h->value, e);
    }
    return ok && sops_signing_add(s, "host", sops_url_host_line(&s->url), e) &&
           sops_signing_add(s, "x-amz-date", sops_str(s->date), e) &&
           sops_signing_add(s, "x-amz-security-token", creds->token, e) &&
           (!r->content_hash || sops_signing_add(s, "x-amz-content-sha256", sops_str(s->body_hash), e));
}

bool sops_aws_sign(struct sops_arena *a, const struct sops_aws_request *r, const struct sops_aws_creds *creds,
                   int64_t now, const char *const **lines, struct sops_err *e)
{
    struct sops_signing s = {.method = r->method, .path = r->content_hash ? SOPS_PATH_PLAIN : SOPS_PATH_ENCODED};
    struct sops_slice scope, who;
    uint8_t key[32] = {0};
    const char **made;
    bool ok = sops_signing_open(&s, r->url, r->body, now, e) && add_headers(&s, r, creds, e) &&
              derive_key(&s, r, creds, key, e) &&
              sops_arena_printf(a, &scope, e, "%.8s/%.*s/%s/aws4_request", s.date, SOPS_ARG(r->region), r->service) &&
              sops_arena_printf(a, &who, e, "authorization: " ALGORITHM " Credential=%.*s/%.*s", SOPS_ARG(creds->id),
                                SOPS_ARG(scope)) &&
              sops_signing_lines(&s, a, ALGORITHM, scope, sops_slice_of(key, sizeof key), who, &made, e);
    *lines = ok ? (const char *const *)made : NULL;
    sops_wipe(key, sizeof key);
    sops_signing_free(&s);
    return ok;
}
