/* SPDX-License-Identifier: Apache-2.0 */
/* The files, variables and outputs of programs that hold credentials of the clouds. The first byte chooses which, the
 * second and third an allocation that fails; the rest is the text. Servers always answer, with what anybody wants. */
#include "core/keysource.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KMS, GCP, AZURE, VAULT, HUAWEI };
enum { VALUE, FILE_PATH, OUTPUT };

static const struct place {
    int source, how;
    const char *name;    /* of the variable that holds the text, or the path of a file with it */
    const char *more[6]; /* further variables */
} places[] = {
    {GCP, VALUE, "GOOGLE_CREDENTIALS", {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"}},
    {GCP, FILE_PATH, "GOOGLE_APPLICATION_CREDENTIALS", {"AWS_REGION", "r", "AWS_ACCESS_KEY_ID", "a"}},
    {KMS, FILE_PATH, "AWS_CONFIG_FILE", {NULL}},
    {KMS, FILE_PATH, "AWS_SHARED_CREDENTIALS_FILE", {NULL}},
    {KMS, FILE_PATH, "AWS_WEB_IDENTITY_TOKEN_FILE", {"AWS_ROLE_ARN", "r"}},
    {KMS, FILE_PATH, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"}},
    {AZURE, FILE_PATH, "AZURE_CLIENT_CERTIFICATE_PATH", {"AZURE_TENANT_ID", "t", "AZURE_CLIENT_ID", "c"}},
    {AZURE, FILE_PATH, "AZURE_FEDERATED_TOKEN_FILE", {"AZURE_TENANT_ID", "t", "AZURE_CLIENT_ID", "c"}},
    {AZURE, OUTPUT, "-", {"AZURE_TOKEN_CREDENTIALS", "dev"}},
    {VAULT, VALUE, "VAULT_TOKEN", {NULL}},
    {VAULT, VALUE, "VAULT_HEADERS", {NULL}},
    {VAULT, VALUE, "VAULT_CLIENT_TIMEOUT", {NULL}},
    {VAULT, VALUE, "SOPS_HC_VAULT_ALLOWLIST", {NULL}},
    {HUAWEI, FILE_PATH, "HUAWEICLOUD_SDK_CREDENTIALS_FILE", {NULL}},
    {HUAWEI, FILE_PATH, "HUAWEICLOUD_SDK_ID_TOKEN_FILE", {"HUAWEICLOUD_SDK_IDP_ID", "i"}},
    {HUAWEI, FILE_PATH, "HUAWEICLOUD_SDK_REGIONS_FILE", {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "s"}},
    {GCP,
     OUTPUT,
     "-",
     {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", "GOOGLE_CREDENTIALS",
      "{\"type\":\"external_account\",\"token_url\":\"https://t\",\"credential_source\":{\"executable\":{\"command\":"
      "\"c\"}}}"}},
};

struct surroundings {
    const struct place *place;
    const char *text; /* NUL-terminated */
    char path[64];
};

static const char *env(struct sops_world *w, const char *name)
{
    const struct surroundings *s = w->ctx;
    if (strcmp(name, s->place->name) == 0) {
        return s->place->how == VALUE ? s->text : s->path;
    }
    for (size_t i = 0; i < 6 && s->place->more[i] != NULL; i += 2) {
        if (strcmp(name, s->place->more[i]) == 0) {
            return s->place->more[i + 1];
        }
    }
    return strcmp(name, "HOME") == 0 ? "/none/such" : NULL;
}

static bool http(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res, struct sops_err *e)
{
    (void)w;
    bool xml = strstr(req->url, "sts.") != NULL;
    bool challenge = strstr(req->url, ".vault.azure.net") != NULL && req->body.len == 0;
    res->status = challenge ? 401 : 200;
    return sops_buf_adds(&res->head,
                         "X-Subject-Token: t\nWWW-Authenticate: Bearer authorization=\"https://login/t\", "
                         "resource=\"https://vault.azure.net\"\n",
                         e) &&
           sops_buf_adds(
               &res->body,
               xml ? "<AccessKeyId>a</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
                     "</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
                   : "{\"access_token\":\"t\",\"accessToken\":\"t\",\"CiphertextBlob\":\"YWJj\",\"ciphertext\":"
                     "\"YWJj\",\"cipher_text\":\"x\",\"value\":\"YWJj\",\"data\":{\"ciphertext\":\"x\"},"
                     "\"projects\":[{\"id\":\"p\"}],\"credential\":{\"access\":\"a\",\"secret\":\"s\","
                     "\"securitytoken\":\"t\"},\"Code\":\"Success\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":"
                     "\"s\",\"Token\":\"t\",\"roleCredentials\":{\"accessKeyId\":\"a\",\"secretAccessKey\":"
                     "\"s\",\"sessionToken\":\"t\"}}",
               e);
}

static bool run(struct sops_world *w, const struct sops_command *c, struct sops_outcome *o, struct sops_err *e)
{
    const struct surroundings *s = w->ctx;
    (void)c;
    return sops_buf_adds(&o->out, s->text, e);
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

static void say(struct sops_world *w, enum sops_say level, const char *text) { (void)w, (void)level, (void)text; }

static const struct sops_key keys[] = {
    [KMS] = {.source = &sops_keysource_kms, .field = {SOPS_LIT("arn:aws:kms:us-east-1:1:key/k")}},
    [GCP] = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT("projects/p/locations/l/keyRings/r/cryptoKeys/k")}},
    [AZURE] = {.source = &sops_keysource_azure_kv,
               .field = {SOPS_LIT("https://v.vault.azure.net"), SOPS_LIT("k"), SOPS_LIT("1")}},
    [VAULT] = {.source = &sops_keysource_hc_vault,
               .field = {SOPS_LIT("https://v"), SOPS_LIT("transit"), SOPS_LIT("k")}},
    [HUAWEI] = {.source = &sops_keysource_hckms, .field = {SOPS_LIT("tr-west-1:1")}},
};

static void use(struct surroundings *s, uint64_t fail_at)
{
    struct sops_world w = {
        .env = env, .http = http, .run = run, .random = chance, .now = now, .pause = wait, .say = say, .ctx = s};
    const struct sops_key *k = &keys[s->place->source];
    struct sops_err e = {0};
    struct sops_buf out = {0};
    sops_mem_fail_at(fail_at);
    bool ok = k->source->wrap(&w, k, SOPS_LIT("0123456789abcdef"), &out, &e);
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 60000) {
        return 0;
    }
    static char text[60001];
    struct surroundings s = {.place = &places[data[0] % (sizeof places / sizeof places[0])], .text = text};
    memcpy(text, data + 3, size - 3);
    text[size - 3] = '\0';
    int fd = -1;
    if (s.place->how == FILE_PATH) {
        fd = memfd_create("credentials", MFD_CLOEXEC);
        if (fd < 0 || write(fd, data + 3, size - 3) != (ssize_t)(size - 3)) {
            abort();
        }
        (void)snprintf(s.path, sizeof s.path, "/proc/self/fd/%d", fd);
    }
    use(&s, (uint64_t)data[1] << 8 | data[2]);
    if (fd >= 0) {
        (void)close(fd);
    }
    return 0;
}
