/* SPDX-License-Identifier: Apache-2.0 */
/* Much like AWS's signature, but the secret key is the HMAC key itself, the path gets a slash at its end, and
 * Content-Type and Host are not signed. */
#include "cloud/huawei.h"

#include "base/digest.h"
#include "base/text.h"

struct header {
    const char *name;
    struct sops_slice value;
};

static bool add_headers(struct sops_buf *canonical, struct sops_buf *names, const struct header *h, struct sops_err *e)
{
    for (size_t i = 0; h[i].name != NULL; i++) {
        if (h[i].value.len == 0) {
            continue;
        }
        if (!sops_buf_addf(canonical, e, "%s:%.*s\n", h[i].name, SOPS_ARG(sops_slice_trim(h[i].value))) ||
            (names->len > 0 && !sops_buf_addc(names, ';', e)) || !sops_buf_adds(names, h[i].name, e)) {
            return false;
        }
    }
    return true;
}

static bool add_hash(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    uint8_t hash[32];

    sops_sha256(text, hash);
    return sops_hex_add(out, sops_slice_of(hash, sizeof hash), false, e);
}

/* Appends the hex signature. */
static bool signature(struct sops_buf *out, const struct sops_huawei_request *r, const struct sops_huawei_creds *creds,
                      const struct header *headers, struct sops_slice date, struct sops_buf *names, struct sops_err *e)
{
    struct sops_buf canonical = {0}, text = {0};
    struct sops_url url;
    uint8_t sum[32];
    bool ok = (sops_url_parse(sops_str(r->url), &url) ||
               sops_fail(e, SOPS_E_GENERIC, "the endpoint is not an http or https URL with a host")) &&
              sops_buf_addf(&canonical, e, "%s\n", r->method) && sops_buf_add(&canonical, url.path, e) &&
              (sops_slice_ends(url.path, SOPS_LIT("/")) || sops_buf_addc(&canonical, '/', e)) &&
              sops_buf_addc(&canonical, '\n', e) && sops_query_sorted(&canonical, url.query, e) &&
              sops_buf_addc(&canonical, '\n', e) && add_headers(&canonical, names, headers, e) &&
              sops_buf_addc(&canonical, '\n', e) && sops_buf_add(&canonical, sops_buf_view(names), e) &&
              sops_buf_addc(&canonical, '\n', e) && add_hash(&canonical, r->body, e) &&
              sops_buf_addf(&text, e, "SDK-HMAC-SHA256\n%.*s\n", SOPS_ARG(date)) &&
              add_hash(&text, sops_buf_view(&canonical), e);

    if (ok) {
        sops_hmac_sha256(creds->secret, sops_buf_view(&text), sum);
        ok = sops_hex_add(out, sops_slice_of(sum, sizeof sum), false, e);
    }
    sops_buf_free(&text);
    sops_buf_free(&canonical);
    return ok;
}

static bool write_lines(struct sops_arena *a, const struct header *headers, struct sops_slice body,
                        struct sops_slice authorization, const char *const **lines, struct sops_err *e)
{
    const char **line = sops_arena_alloc(a, 6 * sizeof *line, e);
    struct sops_slice text;
    size_t n = 0;

    if (line == NULL) {
        return false;
    }
    for (size_t i = 0; headers[i].name != NULL; i++) {
        if (headers[i].value.len == 0) {
            continue;
        }
        if (!sops_arena_printf(a, &text, e, "%s: %.*s", headers[i].name, SOPS_ARG(headers[i].value))) {
            return false;
        }
        line[n++] = (const char *)text.ptr;
    }
    if (!sops_arena_copy(a, authorization, &text, e)) {
        return false;
    }
    line[n++] = (const char *)text.ptr;
    line[n++] = body.len > 0 ? "Content-Type: application/json;charset=UTF-8" : NULL;
    *lines = line;
    return true;
}

static bool write_date(struct sops_buf *out, int64_t now, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_time_utc(&text, now, e);

    for (size_t i = 0; ok && i < text.len; i++) {
        if (text.ptr[i] != '-' && text.ptr[i] != ':') {
            ok = sops_buf_addc(out, text.ptr[i], e);
        }
    }
    sops_buf_free(&text);
    return ok;
}

bool sops_huawei_sign(struct sops_arena *a, const struct sops_huawei_request *r, const struct sops_huawei_creds *creds,
                      int64_t now, const char *const **lines, struct sops_err *e)
{
    struct sops_buf date = {0}, names = {0}, sum = {0}, line = {0};
    bool ok = write_date(&date, now, e);
    const struct header headers[] = {
        {"x-project-id", r->project},
        {"x-sdk-date", sops_buf_view(&date)},
        {"x-security-token", creds->token},
        {NULL, {NULL, 0}},
    };

    ok = ok && signature(&sum, r, creds, headers, sops_buf_view(&date), &names, e) &&
         sops_buf_addf(&line, e, "Authorization: SDK-HMAC-SHA256 Access=%.*s, SignedHeaders=%.*s, Signature=%.*s",
                       SOPS_ARG(creds->id), SOPS_ARG(sops_buf_view(&names)), SOPS_ARG(sops_buf_view(&sum))) &&
         write_lines(a, headers, r->body, sops_buf_view(&line), lines, e);
    sops_buf_free(&line);
    sops_buf_free(&sum);
    sops_buf_free(&names);
    sops_buf_free(&date);
    return ok;
}
