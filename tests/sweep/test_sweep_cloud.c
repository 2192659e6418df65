/* SPDX-License-Identifier: Apache-2.0 */
/* The clouds with memory that runs out: allocation k fails for k = 1…last. A result is right or there is none, a
 * failure has words, and nothing is left behind. */
#include "tests/unit/cloud_world.h"

struct work {
    const char *exchanges; /* folder below testdata/http */
    struct sops_key key;
    bool unwrap;
    const char *result;
    const char *env[8];
};

/* True when the work got done without the k-th allocation having been asked for. */
static bool try_once(const struct work *t, uint64_t k)
{
    struct cloud_world c;
    struct sops_err e = {0};
    struct sops_buf out = {0};
    cloud_new(&c);
    for (size_t i = 0; i < 8 && t->env[i] != NULL; i += 2) {
        cloud_set(&c, t->env[i], t->env[i + 1]);
    }
    cloud_load(&c, t->exchanges);
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
    assert_true(ok || !whole);
    assert_false(c.wrong);
    sops_buf_free(&out);
    sops_err_clear(&e);
    sops_world_forget(&c.world);
    assert_int_equal(sops_mem_live(), before);
    cloud_free(&c);
    return whole;
}

static void sweep(void **state)
{
    (void)state;
    const struct work works[] = {
        {"aws/encrypt",
         {.source = &sops_keysource_kms, .field = {SOPS_LIT("arn:aws:kms:us-east-1:111122223333:alias/sops")}},
         false,
         "Y2lwaGVydGV4dCBvZiBrbXM=",
         {"AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s"}},
        {"gcp/user",
         {.source = &sops_keysource_gcp_kms,
          .field = {SOPS_LIT("projects/test/locations/global/keyRings/ring/cryptoKeys/sops")}},
         false,
         "Y2lwaGVydGV4dCBvZiBnY3A=",
         {"GOOGLE_CREDENTIALS", "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"client_secret\":\"cs\","
                                "\"refresh_token\":\"rt\"}"}},
        {"azure/encrypt",
         {.source = &sops_keysource_azure_kv,
          .field = {SOPS_LIT("https://v.vault.azure.net"), SOPS_LIT("sops"),
                    SOPS_LIT("a2a690a4fcc04166b739da342a912c90")}},
         false,
         "Y2lwaGVydGV4dCBvZiBhenVyZQ",
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary"}},
        {"vault/namespace",
         {.source = &sops_keysource_hc_vault,
          .field = {SOPS_LIT("https://vault.example:8200"), SOPS_LIT("transit"), SOPS_LIT("k")}},
         false,
         "vault:v1:abc",
         {"VAULT_TOKEN", "canary-token", "VAULT_NAMESPACE", "team/a", "VAULT_HEADERS", "{\"X-Extra\":\"one\"}"}},
        {"hckms/project",
         {.source = &sops_keysource_hckms, .field = {SOPS_LIT("tr-west-1:12345678-1234-1234-1234-123456789abc")}},
         false,
         "enc-text",
         {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "s"}},
        {"hckms/decrypt",
         {.source = &sops_keysource_hckms,
          .field = {SOPS_LIT("tr-west-1:12345678-1234-1234-1234-123456789abc")},
          .enc = SOPS_LIT("enc-text")},
         true,
         CLOUD_PLAIN,
         {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "s", "HUAWEICLOUD_SDK_PROJECT_ID", "project-1"}},
    };
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        uint64_t k = 1;
        while (!try_once(&works[i], k)) {
            k++;
            assert_true(k < 5000);
        }
        assert_true(k > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sweep)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
