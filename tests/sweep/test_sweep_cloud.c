/* SPDX-License-Identifier: Apache-2.0 */
/* The clouds with memory that runs out: allocation k fails for k = 1…last. A result is right or there is none, a
 * failure has words, and nothing is left behind. */
#include "tests/unit/cloud_world.h"

#include "cloud/aws_cred.h"

/* What programs print. */
#define PRINTED "{\"version\":1,\"success\":true,\"id_token\":\"printed\"}"

struct work {
    const char *exchanges; /* folder below testdata/http */
    struct sops_key key;
    bool unwrap;
    const char *result; /* NULL: it fails in any case */
    const char *env[8]; /* the value "@" is the path of `file` */
    const char *file, *text;
};

static void furnish(struct cloud_world *c, const char *const env[8], const char *file, const char *text)
{
    cloud_new(c);
    c->quiet = true;
    const char *path = file != NULL ? cloud_write(c, file, text) : NULL;
    for (size_t i = 0; i < 8 && env[i] != NULL; i += 2) {
        cloud_set(c, env[i], strcmp(env[i + 1], "@") == 0 ? path : env[i + 1]);
    }
}

/* True when the work got done without the k-th allocation having been asked for. */
static bool try_once(const struct work *t, uint64_t k)
{
    struct cloud_world c;
    struct sops_err e = {0};
    struct sops_buf out = {0};
    furnish(&c, t->env, t->file, t->text);
    cloud_load(&c, t->exchanges);
    c.output = PRINTED;
    size_t before = sops_mem_live();
    uint64_t count = sops_mem_count();
    sops_mem_fail_at(k);
    bool ok = t->unwrap ? t->key.source->unwrap(&c.world, &t->key, &out, &e)
                        : t->key.source->wrap(&c.world, &t->key, SOPS_LIT(CLOUD_PLAIN), &out, &e);
    sops_mem_fail_at(0);
    bool whole = sops_mem_count() - count < k;
    assert_int_equal(ok, e.code == SOPS_OK);
    assert_true(ok || e.msg[0] != '\0');
    assert_true(ok || out.len == 0);
    if (ok) {
        assert_slice(sops_buf_view(&out), t->result);
    }
    assert_true(whole ? ok == (t->result != NULL) : !ok || t->result != NULL);
    assert_false(c.wrong && (ok || whole)); /* a place that could not be read sends the search on to the next one */
    sops_buf_free(&out);
    sops_err_clear(&e);
    sops_world_forget(&c.world);
    assert_int_equal(sops_mem_live(), before);
    cloud_free(&c);
    return whole;
}

#define AWS_KEY                                                                                                        \
    {                                                                                                                  \
        .source = &sops_keysource_kms, .field = { SOPS_LIT("arn:aws:kms:us-east-1:111122223333:alias/sops") }          \
    }
#define GCP_KEY                                                                                                        \
    {                                                                                                                  \
        .source = &sops_keysource_gcp_kms, .field = {                                                                  \
            SOPS_LIT("projects/test/locations/global/keyRings/ring/cryptoKeys/sops")                                   \
        }                                                                                                              \
    }
#define AZURE_KEY                                                                                                      \
    {                                                                                                                  \
        .source = &sops_keysource_azure_kv, .field = {                                                                 \
            SOPS_LIT("https://v.vault.azure.net"),                                                                     \
            SOPS_LIT("sops"),                                                                                          \
            SOPS_LIT("a2a690a4fcc04166b739da342a912c90")                                                               \
        }                                                                                                              \
    }
#define VAULT_KEY                                                                                                      \
    {                                                                                                                  \
        .source = &sops_keysource_hc_vault, .field = {                                                                 \
            SOPS_LIT("https://vault.example:8200"),                                                                    \
            SOPS_LIT("transit"),                                                                                       \
            SOPS_LIT("k")                                                                                              \
        }                                                                                                              \
    }
#define HUAWEI_KEY                                                                                                     \
    {                                                                                                                  \
        .source = &sops_keysource_hckms, .field = { SOPS_LIT("tr-west-1:12345678-1234-1234-1234-123456789abc") }       \
    }
#define FEDERATED(type, source)                                                                                        \
    "{\"type\":\"external_account\",\"audience\":\"aud\",\"subject_token_type\":\"urn:ietf:params:" type "\","         \
    "\"token_url\":\"https://sts.example/token\",\"credential_source\":" source "}"
#define GCP_ENC "Y2lwaGVydGV4dCBvZiBnY3A="
#define AZURE_ENC "Y2lwaGVydGV4dCBvZiBhenVyZQ"

static void sweep_works(const struct work *works, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t k = 1;
        while (!try_once(&works[i], k)) {
            k++;
            assert_true(k < 5000);
        }
        assert_true(k > 20);
    }
}

/* Refusals, and credentials out of files. */
static void sweep_more(void **state)
{
    (void)state;
    const struct work works[] = {
        {"aws/denied", AWS_KEY, false, NULL, {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s"}, NULL, NULL},
        {"gcp/denied", GCP_KEY, false, NULL, {"GOOGLE_OAUTH_ACCESS_TOKEN", "token-1"}, NULL, NULL},
        {"azure/denied",
         AZURE_KEY,
         false,
         NULL,
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary"},
         NULL,
         NULL},
        {"azure/wrong-secret",
         AZURE_KEY,
         false,
         NULL,
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary"},
         NULL,
         NULL},
        {"vault/denied", VAULT_KEY, false, NULL, {"VAULT_TOKEN", "canary-token"}, NULL, NULL},
        {"hckms/denied",
         HUAWEI_KEY,
         false,
         NULL,
         {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "s", "HUAWEICLOUD_SDK_PROJECT_ID", "project-1"},
         NULL,
         NULL},
        {"vault/encrypt", VAULT_KEY, false, "vault:v1:abc", {NULL}, ".vault-token", "canary-token\n"},
        {"hckms/encrypt",
         HUAWEI_KEY,
         false,
         "enc-text",
         {NULL},
         ".huaweicloud/credentials",
         "[basic]\nak = a\nsk = canary\nproject_id = project-1\n"},
        {"hckms/id-token",
         HUAWEI_KEY,
         false,
         "enc-text",
         {"HUAWEICLOUD_SDK_IDP_ID", "idp", "HUAWEICLOUD_SDK_ID_TOKEN_FILE", "@"},
         "token",
         "idt\n"},
        {"azure/federated",
         AZURE_KEY,
         false,
         AZURE_ENC,
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_FEDERATED_TOKEN_FILE", "@"},
         "token",
         "federated\n"},
        {"azure/machine-learning",
         AZURE_KEY,
         false,
         AZURE_ENC,
         {"MSI_ENDPOINT", "http://127.0.0.1:1/msi", "MSI_SECRET", "canary"},
         NULL,
         NULL},
        {"azure/cloud-shell", AZURE_KEY, false, AZURE_ENC, {"MSI_ENDPOINT", "http://127.0.0.1:1/msi"}, NULL, NULL},
        {"gcp/external-user",
         GCP_KEY,
         false,
         GCP_ENC,
         {"GOOGLE_APPLICATION_CREDENTIALS", "@"},
         "user.json",
         "{\"type\":\"external_account_authorized_user\",\"token_url\":\"https://sts.example/token\",\"client_id\":"
         "\"ci\",\"client_secret\":\"cs\",\"refresh_token\":\"rt/1\"}"},
        {"gcp/external-aws-instance",
         GCP_KEY,
         false,
         GCP_ENC,
         {"GOOGLE_APPLICATION_CREDENTIALS", "@"},
         "aws.json",
         FEDERATED("aws:token-type:aws4_request",
                   "{\"environment_id\":\"aws1\",\"region_url\":\"http://imds/zone\",\"url\":\"http://imds/roles\","
                   "\"imdsv2_session_token_url\":\"http://imds/token\"}")},
        {"gcp/external-program",
         GCP_KEY,
         false,
         GCP_ENC,
         {"GOOGLE_APPLICATION_CREDENTIALS", "@", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"},
         "program.json",
         FEDERATED("oauth:token-type:jwt", "{\"executable\":{\"command\":\"prog one\"}}")},
    };
    sweep_works(works, sizeof works / sizeof works[0]);
}

/* A search for AWS credentials. */
struct search {
    const char *exchanges, *file, *text, *id;
    const char *env[8];
};

static bool search_once(const struct search *t, uint64_t k)
{
    struct cloud_world c;
    struct sops_err e = {0};
    const struct sops_aws *aws;
    const struct sops_aws_creds *creds = NULL;
    furnish(&c, t->env, t->file, t->text);
    cloud_load(&c, t->exchanges);
    size_t before = sops_mem_live();
    uint64_t count = sops_mem_count();
    sops_mem_fail_at(k);
    bool ok = sops_aws_setup(&c.world, SOPS_LIT(""), &aws, &e) &&
              sops_aws_find(&c.world, aws, SOPS_LIT("us-east-1"), &creds, &e);
    sops_mem_fail_at(0);
    bool whole = sops_mem_count() - count < k;
    assert_int_equal(ok, e.code == SOPS_OK);
    if (ok) {
        assert_slice(creds->id, t->id);
    }
    assert_true(whole ? ok == (t->id != NULL) : !ok || t->id != NULL);
    assert_false(c.wrong && (ok || whole)); /* a place that could not be read sends the search on to the next one */
    sops_err_clear(&e);
    sops_world_forget(&c.world);
    assert_int_equal(sops_mem_live(), before);
    cloud_free(&c);
    return whole;
}

static void sweep_searches(void **state)
{
    (void)state;
    static const struct search searches[] = {
        {"aws/role-of-profile",
         ".aws/config",
         "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = default\naws_access_key_id = a\n"
         "aws_secret_access_key = canary\n",
         "AKID1",
         {NULL}},
        {"aws/role-denied",
         ".aws/config",
         "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = default\naws_access_key_id = a\n"
         "aws_secret_access_key = canary\n",
         NULL,
         {NULL}},
        {"aws/web-identity",
         "token",
         "web-token",
         "AKID3",
         {"AWS_WEB_IDENTITY_TOKEN_FILE", "@", "AWS_ROLE_ARN", "arn:aws:iam::1:role/w"}},
        {"aws/container-token",
         "token",
         "Bearer abc\n",
         "AKIDM",
         {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "@"}},
        {"aws/container-refused", NULL, NULL, NULL, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds"}},
    };
    for (size_t i = 0; i < sizeof searches / sizeof searches[0]; i++) {
        uint64_t k = 1;
        while (!search_once(&searches[i], k)) {
            k++;
            assert_true(k < 5000);
        }
        assert_true(k > 5);
    }
}

static void sweep(void **state)
{
    (void)state;
    const struct work works[] = {
        {"aws/encrypt",
         AWS_KEY,
         false,
         "Y2lwaGVydGV4dCBvZiBrbXM=",
         {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s"},
         NULL,
         NULL},
        {"gcp/user",
         {.source = &sops_keysource_gcp_kms,
          .field = {SOPS_LIT("projects/test/locations/global/keyRings/ring/cryptoKeys/sops")}},
         false,
         "Y2lwaGVydGV4dCBvZiBnY3A=",
         {"GOOGLE_CREDENTIALS", "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"client_secret\":\"cs\","
                                "\"refresh_token\":\"rt\"}"},
         NULL,
         NULL},
        {"azure/encrypt",
         {.source = &sops_keysource_azure_kv,
          .field = {SOPS_LIT("https://v.vault.azure.net"), SOPS_LIT("sops"),
                    SOPS_LIT("a2a690a4fcc04166b739da342a912c90")}},
         false,
         "Y2lwaGVydGV4dCBvZiBhenVyZQ",
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary"},
         NULL,
         NULL},
        {"vault/namespace",
         {.source = &sops_keysource_hc_vault,
          .field = {SOPS_LIT("https://vault.example:8200"), SOPS_LIT("transit"), SOPS_LIT("k")}},
         false,
         "vault:v1:abc",
         {"VAULT_TOKEN", "canary-token", "VAULT_NAMESPACE", "team/a", "VAULT_HEADERS", "{\"X-Extra\":\"one\"}"},
         NULL,
         NULL},
        {"hckms/project",
         {.source = &sops_keysource_hckms, .field = {SOPS_LIT("tr-west-1:12345678-1234-1234-1234-123456789abc")}},
         false,
         "enc-text",
         {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "s"},
         NULL,
         NULL},
        {"hckms/decrypt",
         {.source = &sops_keysource_hckms,
          .field = {SOPS_LIT("tr-west-1:12345678-1234-1234-1234-123456789abc")},
          .enc = SOPS_LIT("enc-text")},
         true,
         CLOUD_PLAIN,
         {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "s", "HUAWEICLOUD_SDK_PROJECT_ID", "project-1"},
         NULL,
         NULL},
    };
    sweep_works(works, sizeof works / sizeof works[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sweep), cmocka_unit_test(sweep_more),
                                       cmocka_unit_test(sweep_searches)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
