/* SPDX-License-Identifier: Apache-2.0 */
/* What the servers of the clouds may answer. The first byte chooses key source and direction, the second and third an
 * allocation that fails; the rest is cut at "----" lines into answers: a status byte, head lines, a blank line, a body.
 * A failure has words and leaves nothing behind. */
#include "core/keysource.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replies {
    struct sops_slice rest, last;
};

static const char *env(struct sops_world *w, const char *name)
{
    static const char *const table[][2] = {
        {"HOME", "/none/such"},        {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"},
        {"GCE_METADATA_HOST", "meta"}, {"AZURE_TENANT_ID", "t"},      {"AZURE_CLIENT_ID", "c"},
        {"AZURE_CLIENT_SECRET", "s"},  {"VAULT_TOKEN", "token"},      {"HUAWEICLOUD_SDK_AK", "a"},
        {"HUAWEICLOUD_SDK_SK", "s"},
    };
    (void)w;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i][0], name) == 0) {
            return table[i][1];
        }
    }
    return NULL;
}

static bool http(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res, struct sops_err *e)
{
    struct replies *r = w->ctx;
    struct sops_slice one = r->last;
    (void)req;
    if (r->rest.len > 0) {
        const uint8_t *mark = memmem(r->rest.ptr, r->rest.len, "\n----\n", 6);
        size_t n = mark != NULL ? (size_t)(mark - r->rest.ptr) : r->rest.len;
        one = r->last = sops_slice_first(r->rest, n);
        r->rest = sops_slice_skip(r->rest, n + 6);
    }
    if (one.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "no answer");
    }
    static const int statuses[] = {200, 200, 200, 401, 403, 404, 400, 429, 500, 503, 204, 307};
    res->status = statuses[one.ptr[0] % (sizeof statuses / sizeof statuses[0])];
    one = sops_slice_skip(one, 1);
    const uint8_t *blank = one.len > 0 ? memmem(one.ptr, one.len, "\n\n", 2) : NULL;
    size_t n = blank != NULL ? (size_t)(blank - one.ptr) : 0;
    return sops_buf_add(&res->head, sops_slice_first(one, n), e) &&
           sops_buf_add(&res->body, sops_slice_skip(one, blank != NULL ? n + 2 : 0), e);
}

static bool run(struct sops_world *w, const struct sops_command *c, struct sops_outcome *o, struct sops_err *e)
{
    (void)w, (void)c, (void)o;
    return sops_fail(e, SOPS_E_GENERIC, "not found");
}

static bool chance(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w, (void)e;
    memset(out, 7, n);
    return true;
}

static int64_t now(struct sops_world *w)
{
    (void)w;
    return 1440938160;
}

static void wait(struct sops_world *w, unsigned ms) { (void)w, (void)ms; }

static struct sops_key keys[] = {
    {.source = &sops_keysource_kms,
     .field = {SOPS_LIT("arn:aws:kms:us-east-1:1:key/k"), SOPS_LIT("arn:aws:iam::1:role/r")},
     .enc = SOPS_LIT("YWJj")},
    {.source = &sops_keysource_gcp_kms,
     .field = {SOPS_LIT("projects/p/locations/l/keyRings/r/cryptoKeys/k")},
     .enc = SOPS_LIT("YWJj")},
    {.source = &sops_keysource_hckms, .field = {SOPS_LIT("tr-west-1:1")}, .enc = SOPS_LIT("abc")},
    {.source = &sops_keysource_azure_kv,
     .field = {SOPS_LIT("https://v.vault.azure.net"), SOPS_LIT("k"), SOPS_LIT("1")},
     .enc = SOPS_LIT("YWJj")},
    {.source = &sops_keysource_hc_vault,
     .field = {SOPS_LIT("https://v"), SOPS_LIT("transit"), SOPS_LIT("k")},
     .enc = SOPS_LIT("vault:v1:abc")},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    struct replies r = {.rest = sops_slice_of(data + 3, size - 3)};
    struct sops_world w = {
        .env = env, .http = http, .run = run, .random = chance, .now = now, .pause = wait, .ctx = &r};
    const struct sops_key *k = &keys[(data[0] >> 1) % (sizeof keys / sizeof keys[0])];
    struct sops_err e = {0};
    struct sops_buf out = {0};
    sops_mem_fail_at((uint64_t)data[1] << 8 | data[2]);
    bool ok = (data[0] & 1) != 0 ? k->source->wrap(&w, k, SOPS_LIT("0123456789abcdef"), &out, &e)
                                 : k->source->unwrap(&w, k, &out, &e);
    sops_mem_fail_at(0);
    if (ok != (e.code == SOPS_OK) || (!ok && e.msg[0] == '\0')) {
        abort();
    }
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_world_forget(&w);
    if (sops_mem_live() != 0) {
        abort();
    }
    return 0;
}
