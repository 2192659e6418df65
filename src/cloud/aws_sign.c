/* SPDX-License-Identifier: Apache-2.0 */
/* All headers that the caller names are signed, and the host is sent as a line of its own, so that what is signed
 * cannot differ from what libcurl would make of the URL. */
#include "cloud/aws_sign.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"
#include "cloud/http.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_HEADERS 16

struct signing {
    const struct sops_aws_request *r;
    const struct sops_aws_creds *creds;
    struct sops_url url;
    struct sops_aws_header header[MAX_HEADERS];
    size_t count;
    char date[17]; /* 20150830T123600Z */
    char body_hash[65];
    struct sops_buf names, scope, canonical, to_sign;
};

static void hex(const uint8_t *from, size_t n, char *to)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        to[2 * i] = digit[from[i] >> 4];
        to[2 * i + 1] = digit[from[i] & 15];
    }
    to[2 * n] = '\0';
}

static void hash_text(struct sops_slice in, char out[65])
{
    uint8_t hash[32];

    sops_sha256(in, hash);
    hex(hash, sizeof hash, out);
}

static bool add(struct signing *s, const char *name, struct sops_slice value, struct sops_err *e)
{
    if (s->count == MAX_HEADERS) {
        return sops_fail(e, SOPS_E_GENERIC, "too many headers to sign");
    }
    s->header[s->count++] = (struct sops_aws_header){name, value};
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct sops_aws_header *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static bool gather(struct signing *s, struct sops_err *e)
{
    for (const struct sops_aws_header *h = s->r->headers; h != NULL && h->name != NULL; h++) {
        if (!add(s, h->name, h->value, e)) {
            return false;
        }
    }
    if (!add(s, "host", sops_url_host_line(&s->url), e) || !add(s, "x-amz-date", sops_str(s->date), e) ||
        (s->creds->token.len > 0 && !add(s, "x-amz-security-token", s->creds->token, e)) ||
        (s->r->content_hash && !add(s, "x-amz-content-sha256", sops_str(s->body_hash), e))) {
        return false;
    }
    qsort(s->header, s->count, sizeof s->header[0], by_name);
    for (size_t i = 0; i < s->count; i++) {
        if ((i > 0 && !sops_buf_addc(&s->names, ';', e)) || !sops_buf_adds(&s->names, s->header[i].name, e)) {
            return false;
        }
    }
    return true;
}

/* Trimmed, runs of blanks as one. */
static bool add_value(struct sops_buf *out, struct sops_slice value, struct sops_err *e)
{
    value = sops_slice_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (!(value.ptr[i] == ' ' && value.ptr[i - 1] == ' ') && !sops_buf_addc(out, value.ptr[i], e)) {
            return false;
        }
    }
    return true;
}

static bool make_canonical(struct signing *s, struct sops_err *e)
{
    struct sops_buf *c = &s->canonical;
    bool ok = sops_buf_addf(c, e, "%s\n", s->r->method) && (s->url.path.len > 0 || sops_buf_addc(c, '/', e)) &&
              (s->r->content_hash ? sops_buf_add(c, s->url.path, e) : sops_percent_add(c, s->url.path, "/", e)) &&
              sops_buf_addc(c, '\n', e) && sops_query_sorted(c, s->url.query, e) && sops_buf_addc(c, '\n', e);

    for (size_t i = 0; ok && i < s->count; i++) {
        ok = sops_buf_addf(c, e, "%s:", s->header[i].name) && add_value(c, s->header[i].value, e) &&
             sops_buf_addc(c, '\n', e);
    }
    return ok && sops_buf_addf(c, e, "\n%.*s\n%s", SOPS_ARG(sops_buf_view(&s->names)), s->body_hash);
}

static bool signature(struct signing *s, char out[65], struct sops_err *e)
{
    char canonical_hash[65];
    uint8_t key[32];
    struct sops_buf secret = {0};
    const struct sops_slice steps[] = {sops_slice_of(s->date, 8), s->r->region, sops_str(s->r->service),
                                       SOPS_LIT("aws4_request")};

    hash_text(sops_buf_view(&s->canonical), canonical_hash);
    if (!sops_buf_addf(&s->to_sign, e, "AWS4-HMAC-SHA256\n%s\n%.*s\n%s", s->date, SOPS_ARG(sops_buf_view(&s->scope)),
                       canonical_hash) ||
        !sops_buf_adds(&secret, "AWS4", e) || !sops_buf_add(&secret, s->creds->secret, e)) {
        sops_buf_free(&secret);
        return false;
    }
    sops_hmac_sha256(sops_buf_view(&secret), steps[0], key);
    for (size_t i = 1; i < sizeof steps / sizeof steps[0]; i++) {
        sops_hmac_sha256(sops_slice_of(key, sizeof key), steps[i], key);
    }
    sops_hmac_sha256(sops_slice_of(key, sizeof key), sops_buf_view(&s->to_sign), key);
    hex(key, sizeof key, out);
    sops_wipe(key, sizeof key);
    sops_buf_free(&secret);
    return true;
}

static bool write_lines(struct sops_arena *a, struct signing *s, const char *const **lines, struct sops_err *e)
{
    const char **line = sops_arena_alloc(a, (s->count + 2) * sizeof *line, e);
    char sum[65];
    struct sops_slice text;

    if (line == NULL || !signature(s, sum, e)) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (!sops_arena_printf(a, &text, e, "%s: %.*s", s->header[i].name, SOPS_ARG(s->header[i].value))) {
            return false;
        }
        line[i] = (const char *)text.ptr;
    }
    if (!sops_arena_printf(a, &text, e,
                           "authorization: AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, "
                           "Signature=%s",
                           SOPS_ARG(s->creds->id), SOPS_ARG(sops_buf_view(&s->scope)),
                           SOPS_ARG(sops_buf_view(&s->names)), sum)) {
        return false;
    }
    line[s->count] = (const char *)text.ptr;
    *lines = line;
    return true;
}

static void write_date(int64_t now, char out[17])
{
    int64_t days = now / 86400, rest = now % 86400, year;
    unsigned month, day;

    if (rest < 0) {
        rest += 86400;
        days--;
    }
    sops_civil_from_days(days, &year, &month, &day);
    (void)snprintf(out, 17, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)year % 10000, month % 100, day % 100,
                   (unsigned)(rest / 3600) % 100, (unsigned)(rest / 60) % 60, (unsigned)rest % 60);
}

bool sops_aws_sign(struct sops_arena *a, const struct sops_aws_request *r, const struct sops_aws_creds *creds,
                   int64_t now, const char *const **lines, struct sops_err *e)
{
    struct signing s = {.r = r, .creds = creds};
    bool ok;

    write_date(now, s.date);
    hash_text(r->body, s.body_hash);
    ok = (sops_url_parse(sops_str(r->url), &s.url) ||
          sops_fail(e, SOPS_E_GENERIC, "the endpoint is not an http or https URL with a host")) &&
         gather(&s, e) && make_canonical(&s, e) &&
         sops_buf_addf(&s.scope, e, "%.8s/%.*s/%s/aws4_request", s.date, SOPS_ARG(r->region), r->service) &&
         write_lines(a, &s, lines, e);
    sops_buf_free(&s.names);
    sops_buf_free(&s.scope);
    sops_buf_free(&s.canonical);
    sops_buf_free(&s.to_sign);
    return ok;
}
