/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to the upload counts: a bucket that is not there must not look like a success
 * (docs/spec/60-keysources.md#publish-google-cloud-storage). */
#include "cloud/google.h"
#include "core/destination.h"

enum { BUCKET, PREFIX };

#define SCOPES "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/devstorage.full_control"

static bool where(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_buf *shown,
                  struct sops_err *e)
{
    (void)w;
    return sops_buf_addf(shown, e, "gcs://%.*s/%.*s%.*s", SOPS_ARG(value[BUCKET]), SOPS_ARG(value[PREFIX]),
                         SOPS_ARG(name));
}

static bool make_url(const char *emulator, const struct sops_slice value[], struct sops_slice name,
                     struct sops_buf *url, struct sops_err *e)
{
    struct sops_slice base = sops_str(emulator != NULL ? emulator : "https://storage.googleapis.com");
    return sops_url_base(url, "http://", base, e) && sops_buf_adds(url, "/upload/storage/v1/b/", e) &&
           sops_percent_add(url, value[BUCKET], "", e) && sops_buf_adds(url, "/o?alt=json&name=", e) &&
           sops_percent_add(url, value[PREFIX], "", e) && sops_percent_add(url, name, "", e) &&
           sops_buf_adds(url, "&prettyPrint=false&projection=full&uploadType=multipart", e) &&
           sops_buf_cstr(url, e) != NULL;
}

/* A line that does not stand in the file: 160 random bits. */
static bool make_boundary(struct sops_world *w, struct sops_buf *boundary, struct sops_err *e)
{
    uint8_t bytes[20];
    return w->random(w, bytes, sizeof bytes, e) && sops_hex_add(boundary, sops_slice_of(bytes, sizeof bytes), false, e);
}

static bool make_body(struct sops_slice boundary, const struct sops_slice value[], struct sops_slice name,
                      struct sops_slice bytes, struct sops_buf *body, struct sops_err *e)
{
    struct sops_buf object = {0};
    bool ok = sops_buf_add(&object, value[PREFIX], e) && sops_buf_add(&object, name, e) &&
              sops_buf_addf(body, e, "--%.*s\r\nContent-Type: application/json\r\n\r\n{", SOPS_ARG(boundary)) &&
              sops_json_add(body, "bucket", value[BUCKET], e) &&
              sops_json_add(body, "name", sops_buf_view(&object), e) &&
              sops_buf_addf(body, e, "}\n\r\n--%.*s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
                            SOPS_ARG(boundary)) &&
              sops_buf_add(body, bytes, e) && sops_buf_addf(body, e, "\r\n--%.*s--\r\n", SOPS_ARG(boundary));
    sops_buf_free(&object);
    return ok;
}

static bool add_lines(struct sops_arena *a, struct sops_slice boundary, const struct sops_google_token *token,
                      const char *lines[4], struct sops_err *e)
{
    lines[0] = sops_arena_text(a, e, "Content-Type: multipart/related; boundary=%.*s", SOPS_ARG(boundary));
    return lines[0] != NULL && sops_google_lines(a, token, lines + 1, e);
}

static bool put(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_slice bytes,
                const struct sops_doc *tree, bool *unchanged, struct sops_err *e)
{
    static const struct sops_google_want want = {.scopes = SCOPES};
    static const struct sops_google_token none = {.from = ""};
    const struct sops_retry retry = {
        .tries = 5, .base_ms = 200, .cap_ms = 10000, .spread = 100, .again = sops_google_again};
    const char *emulator = sops_world_env_set(w, "STORAGE_EMULATOR_HOST"), *lines[4];
    const struct sops_google_token *token = &none;
    struct sops_arena a = {0};
    struct sops_buf url = {0}, boundary = {0}, body = {0};
    struct sops_http_res res = {0};
    (void)tree;
    *unchanged = false;
    bool ok = (emulator != NULL || sops_google_token(w, &want, &token, e)) &&
              make_url(emulator, value, name, &url, e) && make_boundary(w, &boundary, e) &&
              make_body(sops_buf_view(&boundary), value, name, bytes, &body, e) &&
              add_lines(&a, sops_buf_view(&boundary), token, lines, e);
    if (ok) {
        const struct sops_http_req req = {
            .method = "POST", .url = (const char *)url.ptr, .headers = lines, .body = sops_buf_view(&body)};
        ok = sops_call(w, &req, &retry, &res, e) && (res.status == 200 || sops_google_refused(&res, token, e));
    }
    sops_http_res_free(&res);
    sops_buf_free(&body);
    sops_buf_free(&boundary);
    sops_buf_free(&url);
    sops_arena_free(&a);
    return ok;
}

static const char *const other_keys[] = {"gcs_prefix", NULL};

const struct sops_destination sops_destination_gcs = {
    .name = "gcs",
    .rule_key = "gcs_bucket",
    .other_keys = other_keys,
    .where = where,
    .put = put,
};
