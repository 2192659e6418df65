/* SPDX-License-Identifier: Apache-2.0 */
/* All headers that the caller names are signed, and the host is sent as a line of its own where it is, so that what is
 * signed cannot differ from what libcurl would make of the URL. */
#include "cloud/sign.h"

#include "base/digest.h"
#include "base/text.h"
#include "cloud/http.h"

#include <stdlib.h>

static void hex_text(const uint8_t bytes[32], char to[65])
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        to[2 * i] = digit[bytes[i] >> 4];
        to[2 * i + 1] = digit[bytes[i] & 15];
    }
    to[64] = '\0';
}

static void hash_text(struct sops_slice in, char out[65])
{
    uint8_t hash[32];
    sops_sha256(in, hash);
    hex_text(hash, out);
}

/* The date of RFC 3339 without its marks. */
static bool write_date(int64_t now, char out[17], struct sops_err *e)
{
    struct sops_buf text = {0};
    size_t n = 0;
    bool ok = sops_time_utc(&text, now, e);
    for (size_t i = 0; ok && i < text.len && n < 16; i++) {
        if (text.ptr[i] != '-' && text.ptr[i] != ':') {
            out[n++] = (char)text.ptr[i];
        }
    }
    out[n] = '\0';
    sops_buf_free(&text);
    return ok;
}

bool sops_signing_open(struct sops_signing *s, const char *url, struct sops_slice body, int64_t now, struct sops_err *e)
{
    hash_text(body, s->body_hash);
    return write_date(now, s->date, e) &&
           (sops_url_parse(sops_str(url), &s->url) ||
            sops_fail(e, SOPS_E_GENERIC, "the endpoint is not an http or https URL with a host"));
}

bool sops_signing_add(struct sops_signing *s, const char *name, struct sops_slice value, struct sops_err *e)
{
    if (value.len == 0) {
        return true;
    }
    if (s->count == SOPS_SIGN_HEADERS) {
        return sops_fail(e, SOPS_E_GENERIC, "too many headers to sign");
    }
    s->header[s->count++] = (struct sops_header){name, value};
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sops_header *)a)->name, ((const struct sops_header *)b)->name);
}

static bool add_path(const struct sops_signing *s, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice path = s->url.path.len != 0 ? s->url.path : SOPS_LIT("/");
    if (s->path == SOPS_PATH_ENCODED) {
        return sops_percent_add(out, path, "/", e);
    }
    bool slash = s->path == SOPS_PATH_SLASH && !sops_slice_ends(path, SOPS_LIT("/"));
    return sops_buf_add(out, path, e) && (!slash || sops_buf_addc(out, '/', e));
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

/* METHOD, path, query, a line for each header, an empty line, the headers' names, the body's hash. */
static bool add_canonical(struct sops_signing *s, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_addf(out, e, "%s\n", s->method) && add_path(s, out, e) && sops_buf_addc(out, '\n', e) &&
              sops_query_sorted(out, s->url.query, e) && sops_buf_addc(out, '\n', e);
    qsort(s->header, s->count, sizeof s->header[0], by_name);
    for (size_t i = 0; ok && i < s->count; i++) {
        ok = (i == 0 || sops_buf_addc(&s->names, ';', e)) && sops_buf_adds(&s->names, s->header[i].name, e) &&
             sops_buf_addf(out, e, "%s:", s->header[i].name) && add_value(out, s->header[i].value, e) &&
             sops_buf_addc(out, '\n', e);
    }
    return ok && sops_buf_addf(out, e, "\n%.*s\n%s", SOPS_ARG(sops_buf_view(&s->names)), s->body_hash);
}

static bool make_signature(struct sops_signing *s, const char *algorithm, struct sops_slice scope,
                           struct sops_slice key, char sum[65], struct sops_err *e)
{
    struct sops_buf text = {0};
    char hash[65];
    uint8_t mac[32];
    bool ok = add_canonical(s, &text, e);
    hash_text(sops_buf_view(&text), hash);
    sops_buf_cut(&text, 0);
    ok = ok &&
         sops_buf_addf(&text, e, "%s\n%s\n%.*s%s%s", algorithm, s->date, SOPS_ARG(scope), scope.len ? "\n" : "", hash);
    sops_hmac_sha256(key, sops_buf_view(&text), mac);
    hex_text(mac, sum);
    sops_buf_free(&text);
    return ok;
}

bool sops_signing_lines(struct sops_signing *s, struct sops_arena *a, const char *algorithm, struct sops_slice scope,
                        struct sops_slice key, struct sops_slice who, const char ***lines, struct sops_err *e)
{
    const char **line = sops_arena_alloc(a, (s->count + 3) * sizeof *line, e);
    char sum[65];
    bool ok = line != NULL && make_signature(s, algorithm, scope, key, sum, e);
    for (size_t i = 0; ok && i < s->count; i++) {
        line[i] = sops_arena_text(a, e, "%s: %.*s", s->header[i].name, SOPS_ARG(s->header[i].value));
        ok = line[i] != NULL;
    }
    if (ok) {
        line[s->count] = sops_arena_text(a, e, "%.*s, SignedHeaders=%.*s, Signature=%s", SOPS_ARG(who),
                                         SOPS_ARG(sops_buf_view(&s->names)), sum);
        ok = line[s->count] != NULL;
    }
    *lines = line;
    return ok;
}

void sops_signing_free(struct sops_signing *s)
{
    sops_buf_free(&s->names);
    *s = (struct sops_signing){0};
}
