/* SPDX-License-Identifier: Apache-2.0 */
/* Google Cloud KMS (docs/spec/60-keysources.md#gcp-kms). The reference speaks gRPC unless told otherwise; both ways
 * make the same `enc`, so REST serves for both. */
#include "cloud/google.h"
#include "core/keysource.h"

#include <strings.h>

#define SCOPES "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/cloudkms"

enum { RESOURCE_ID };

static const struct sops_keyfield fields[] = {
    [RESOURCE_ID] = {.meta = "resource_id"},
    {.meta = NULL},
};

/* Blanks go; anything is taken until it is used (docs/spec/60-keysources.md#parsing-of-each-value). */
static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    return sops_arena_copy_without(a, piece, ' ', &out->field[RESOURCE_ID], e);
}

/* projects/P/locations/L/keyRings/R/cryptoKeys/K, no part empty. */
static bool check_id(struct sops_slice id, struct sops_err *e)
{
    static const char *const words[] = {"projects", NULL, "locations", NULL, "keyRings", NULL, "cryptoKeys", NULL};
    struct sops_slice rest = id, part;
    size_t n = 0;
    bool ok = id.len > 0;

    while (ok && rest.ptr != NULL && sops_slice_next(&rest, '/', &part)) {
        ok = n < 8 && part.len > 0 && (words[n] == NULL || sops_slice_eq(part, sops_str(words[n])));
        n++;
    }
    return (ok && n == 8) || sops_fail(e, SOPS_E_GENERIC, "no valid resource ID found in \"%.*s\"", SOPS_ARG(id));
}

/* Where the service is: a host, a host with port, or a whole URL. */
static bool add_endpoint(struct sops_buf *url, const char *given, const char *universe, struct sops_err *e)
{
    return given != NULL ? sops_url_base(url, "https://", sops_str(given), e)
                         : sops_buf_addf(url, e, "https://cloudkms.%s", universe != NULL ? universe : "googleapis.com");
}

struct asking {
    const struct sops_google_token *token;
    struct sops_buf url; /* without the action */
};

static bool set_up(struct sops_world *w, const struct sops_key *k, struct asking *who, struct sops_err *e)
{
    const char *type = sops_world_env_set(w, "SOPS_GCP_KMS_CLIENT_TYPE");
    const char *endpoint = sops_world_env_set(w, "SOPS_GCP_KMS_ENDPOINT");
    const char *universe = sops_world_env_set(w, "SOPS_GCP_KMS_UNIVERSE_DOMAIN");
    struct sops_google_want want = {.scopes = SCOPES, .sops_variables = true};

    if (universe == NULL) {
        universe = sops_world_env_set(w, "GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    }
    want.self_signed = type == NULL || strcasecmp(type, "rest") != 0;
    want.universe = endpoint == NULL ? universe : NULL;
    if (!check_id(k->field[RESOURCE_ID], e) || !sops_google_token(w, &want, &who->token, e)) {
        return sops_within(e, "cannot create GCP KMS service");
    }
    return add_endpoint(&who->url, endpoint, universe, e) && sops_buf_adds(&who->url, "/v1/", e) &&
           sops_percent_add(&who->url, k->field[RESOURCE_ID], "/", e);
}

static bool add_lines(struct sops_arena *a, const struct sops_key *k, const struct sops_google_token *token,
                      const char *lines[5], struct sops_err *e)
{
    struct sops_buf name = {0};
    bool ok = sops_percent_add(&name, k->field[RESOURCE_ID], "", e);
    lines[0] = "Content-Type: application/json";
    lines[1] = sops_arena_text(a, e, "x-goog-request-params: name=%.*s", SOPS_ARG(sops_buf_view(&name)));
    ok = ok && lines[1] != NULL && sops_google_lines(a, token, lines + 2, e);
    sops_buf_free(&name);
    return ok;
}

/* Sends `bytes` as base64 in the field `in` and appends the bytes of the field `out`. */
static bool call(struct sops_world *w, const struct sops_key *k, struct asking *who, const char *action, const char *in,
                 struct sops_slice bytes, const char *out, struct sops_buf *result, struct sops_err *e)
{
    const struct sops_retry retry = {
        .tries = 5, .base_ms = 200, .cap_ms = 10000, .spread = 100, .again = sops_google_again};
    struct sops_arena a = {0};
    struct sops_buf body = {0};
    struct sops_http_res res = {0};
    const char *lines[5];
    json_t *answer = NULL;
    bool ok = sops_buf_addf(&who->url, e, ":%s?%%24alt=json%%3Benum-encoding%%3Dint", action) &&
              sops_buf_cstr(&who->url, e) != NULL && add_lines(&a, k, who->token, lines, e) &&
              sops_buf_addc(&body, '{', e) && sops_json_add(&body, "name", k->field[RESOURCE_ID], e) &&
              sops_json_add_base64(&body, in, SOPS_B64_STD, bytes, e) && sops_buf_addc(&body, '}', e);

    if (ok) {
        struct sops_http_req req = {
            .method = "POST", .url = (const char *)who->url.ptr, .headers = lines, .body = sops_buf_view(&body)};
        ok = sops_call(w, &req, &retry, &res, e) && (res.status == 200 || sops_google_refused(&res, who->token, e)) &&
             sops_json_load(sops_buf_view(&res.body), &answer, e);
    }
    if (ok) {
        struct sops_slice text = sops_json_text(answer, out);
        ok = (text.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the answer holds no %s", out)) &&
             sops_base64_text(result, SOPS_B64_CR, text, e);
    }
    json_decref(answer);
    sops_http_res_free(&res);
    sops_buf_free(&body);
    sops_arena_free(&a);
    return ok;
}

static bool wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e)
{
    struct asking who = {0};
    struct sops_buf bytes = {0};
    bool ok = set_up(w, k, &who, e);

    if (ok && !call(w, k, &who, "encrypt", "plaintext", plain, "ciphertext", &bytes, e)) {
        ok = sops_within(e, "failed to encrypt sops data key with GCP KMS key");
    }
    ok = ok && sops_base64_add(enc, SOPS_B64_STD, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    sops_buf_free(&who.url);
    return ok;
}

static bool unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    struct asking who = {0};
    struct sops_buf bytes = {0};
    bool ok = set_up(w, k, &who, e) && sops_base64_text(&bytes, SOPS_B64_CR, k->enc, e);

    if (ok && !call(w, k, &who, "decrypt", "ciphertext", sops_buf_view(&bytes), "plaintext", plain, e)) {
        ok = sops_within(e, "failed to decrypt sops data key with GCP KMS key");
    }
    sops_buf_free(&bytes);
    sops_buf_free(&who.url);
    return ok;
}

const struct sops_keysource sops_keysource_gcp_kms = {
    .id = "gcp_kms",
    .title = "GCP KMS key with resource ID",
    .flag = "gcp-kms",
    .env = "SOPS_GCP_KMS_IDS",
    .rule_key = "gcp_kms",
    .group_key = "gcp_kms",
    .fields = fields,
    .wire = 3,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE,
    .rank = {[SOPS_BY_FLAGS] = 1, [SOPS_BY_RULE] = 3, [SOPS_BY_META] = 1, [SOPS_BY_ROTATE] = 2, [SOPS_BY_GROUPS] = 2},
    .log_name = "GCPKMS",
    .log_field = "resourceID",
    .parse = parse,
    .wrap = wrap,
    .unwrap = unwrap,
};
