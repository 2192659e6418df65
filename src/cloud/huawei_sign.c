/* SPDX-License-Identifier: Apache-2.0 */
/* Much like AWS's signature, but the secret key is the HMAC key itself, the path gets a slash at its end, and
 * Content-Type and Host are not signed. */
#include "cloud/huawei.h"
#include "cloud/sign.h"

#define ALGORITHM "SDK-HMAC-SHA256"

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
