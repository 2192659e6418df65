/* SPDX-License-Identifier: Apache-2.0 */
/* The secret stores: what is sent, and what becomes of each way in which an answer can go wrong. */
#include "stores_world.h"

static void reading(void **state)
{
    static const struct {
        const char *name;
        enum sops_store_result want;
    } cases[] = {{"read", SOPS_STORE_OK},         {"denied", SOPS_STORE_DENIED},   {"not-there", SOPS_STORE_ABSENT},
                 {"throttled", SOPS_STORE_OK},    {"time-out", SOPS_STORE_OK},     {"cut", SOPS_STORE_FAILED},
                 {"not-json", SOPS_STORE_FAILED}, {"too-long", SOPS_STORE_FAILED}, {"no-field", SOPS_STORE_FAILED},
                 {"error-500", SOPS_STORE_OK}};
    (void)state;
    for (size_t i = 0; i < BENCHES; i++) {
        for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
            const struct store_bench *b = &benches[i];
            struct cloud_world c;
            struct sops_err e = {0};
            struct sops_arena a = {0};
            struct sops_slice value = {0};
            char path[128];
            enum sops_store_result want = cases[k].want;
            bool azure = b->store == &sops_store_azure_keyvault, google = b->store == &sops_store_gcp_secretmanager;
            want = azure && want == SOPS_STORE_DENIED ? SOPS_STORE_FAILED : want; /* it has no such right */
            want = google && strcmp(cases[k].name, "error-500") == 0 ? SOPS_STORE_FAILED : want;
            (void)snprintf(path, sizeof path, "%s/%s", b->folder, cases[k].name);
            stores_furnish(&c);
            cloud_load(&c, path);
            enum sops_store_result got = stores_read(b, &c, &a, &value, &e);
            if (got != want || (got == SOPS_STORE_OK) != (e.code == SOPS_OK)) {
                fail_msg("%s: %d, %s", path, (int)got, e.msg);
            }
            assert_null(strstr(e.msg, "canary"));
            if (got == SOPS_STORE_OK) {
                assert_slice(value,
                             b->store == &sops_store_vault_kv2 ? "{\"n\":1.50,\"v\":\"the value\"}" : "the value");
            }
            cloud_done(&c);
            sops_err_clear(&e);
            sops_arena_free(&a);
            cloud_free(&c);
        }
    }
}

static void writing(void **state)
{
    static const struct {
        size_t bench;
        const char *name;
        char how;
        bool ok;
        const char *words; /* of the failure, or the names of a list */
    } cases[] = {
        {0, "create", 'w', true, ""},
        {0, "create-lost", 'w', true, ""}, /* its token makes a second one harmless */
        {0, "update", 'w', true, ""},
        {0, "restore", 'w', true, ""},
        {0, "remove", 'x', true, ""},
        {0, "list", 'l', true, "app/one app/two "},
        {0, "endless", 'l', false, "never end"},
        {2, "create", 'w', true, ""},
        {2, "create-lost", 'w', false, "timed out"},
        {2, "update", 'w', true, ""},
        {2, "remove", 'x', true, ""},
        {3, "create", 'w', true, ""},
        {3, "create-lost", 'w', false, "timed out"},
        {3, "create-else", 'w', false, "not JSON"}, /* what stands in the way is not the store, so nothing is done */
        {3, "restore", 'w', true, ""},
        {3, "list", 'l', true, "app-one app-two "},
        {3, "other-host", 'l', false, "another host"},
        {4, "create", 'w', true, ""},
        {4, "create-lost", 'w', false, "timed out"},
        {4, "create-else", 'w', false, "the answer is empty"},
        {4, "create-busy", 'w', true, ""},
        {4, "update", 'w', true, ""},
        {4, "remove", 'x', true, ""},
        {4, "version-1", 'w', false, "'secret' is no key-value engine of version 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        char path[128], names[256];
        (void)snprintf(path, sizeof path, "%s/%s", benches[cases[i].bench].folder, cases[i].name);
        stores_furnish(&c);
        cloud_load(&c, path);
        bool ok = stores_publish(&benches[cases[i].bench], &c, cases[i].how, names, &e);
        if (ok != cases[i].ok || (ok ? strcmp(names, cases[i].words) != 0 : strstr(e.msg, cases[i].words) == NULL)) {
            fail_msg("%s: %s%s", path, names, e.msg);
        }
        assert_null(strstr(e.msg, "canary"));
        cloud_done(&c);
        sops_err_clear(&e);
        cloud_free(&c);
    }
}

static void odd_answers(void **state)
{
    static const struct {
        size_t bench;
        const char *name, *words;
        enum sops_store_result want;
    } cases[] = {
        {2, "disabled", "FAILED_PRECONDITION", SOPS_STORE_DISABLED},
        {2, "wrong-checksum", "checksum", SOPS_STORE_FAILED},
        {4, "redirect", "leads elsewhere", SOPS_STORE_FAILED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_slice value;
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", benches[cases[i].bench].folder, cases[i].name);
        stores_furnish(&c);
        cloud_load(&c, path);
        assert_int_equal(stores_read(&benches[cases[i].bench], &c, &a, &value, &e), cases[i].want);
        assert_non_null(strstr(e.msg, cases[i].words));
        cloud_done(&c);
        sops_err_clear(&e);
        sops_arena_free(&a);
        cloud_free(&c);
    }
}

/* What a rule or a SecretStore says is checked before anybody is asked. */
static void places(void **state)
{
    static const struct store_bench bad[] = {
        {"", &sops_store_aws_secretsmanager, false, "region: x.evil.test/\n", "", "", ""},
        {"", &sops_store_aws_secretsmanager, true, "{}\n", "", "", ""},
        {"", &sops_store_gcp_secretmanager, false, "project: p/../q\n", "", "", ""},
        {"", &sops_store_gcp_secretmanager, false, "{project: p, location: x.evil.test}\n", "", "", ""},
        {"", &sops_store_gcp_secretmanager, false, "{project: p, location: a, locations: [b]}\n", "", "", ""},
        {"", &sops_store_azure_keyvault, false, "vault_url: http://v.vault.azure.net\n", "", "", ""},
        {"", &sops_store_azure_keyvault, true, "vaultUrl: https://a@v.vault.azure.net\n", "", "", ""},
        {"", &sops_store_azure_keyvault, true, "vaultUrl: https://v.vault.azure.net/x\n", "", "", ""},
        {"", &sops_store_azure_keyvault, true, "{vaultUrl: 'https://v.vault.azure.net', environmentType: Mars}\n", "",
         "", ""},
        {"", &sops_store_vault_kv2, false, "address: unix\n", "", "", ""},
        {"", &sops_store_vault_kv2, false, "mount: ../sys\n", "", "", ""},
        {"", &sops_store_vault_kv2, true, "server: unix:///run/vault\n", "", "", ""},
        {"", &sops_store_vault_kv2, true, "server: https://elsewhere.example\n", "", "", ""}, /* our token stays here */
        {"", &sops_store_vault_kv2, true, "{server: 'https://v', tls: {a: b}}\n", "", "", ""},
        {"", &sops_store_vault_kv1, true, "{server: 'https://v', caBundle: '***'}\n", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_doc d = {0};
        struct sops_store_site s;
        stores_furnish(&c);
        if (stores_site(&bad[i], &c, &a, &d, &s, &e) || e.msg[0] == '\0') {
            fail_msg("taken: %s", bad[i].site);
        }
        assert_int_equal(c.asked, 0);
        sops_err_clear(&e);
        sops_doc_free(&d);
        sops_arena_free(&a);
        cloud_free(&c);
    }
}

static void vault_keys(void **state)
{
    static const char *const rows[][3] = {
        /* path of the store, key, what is read; NULL: refused */
        {"secret", "app/db", "secret/data/app/db"},
        {"secret", "secret/app/db", "secret/data/app/db"},
        {"secret", "secret/data/app/db", "secret/data/app/db"},
        {"secret", "data/app/db", "secret/data/data/app/db"},
        {"", "secret/app/db", "secret/data/app/db"},
        {"", "secret/data/app/db", "secret/data/app/db"},
        {"", "a/b/data/c", "a/b/data/c"},
        {"secret", "a/../../sys/seal", NULL},
        {"secret", "a//b", NULL},
        {"secret", "", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_doc d = {0};
        struct sops_store_site s;
        struct sops_store_ref out = {{0}, {0}};
        const struct sops_store_ref ref = {.key = sops_str(rows[i][1])};
        char site[128];
        (void)snprintf(site, sizeof site, "{server: 'https://v.example', path: '%s'}\n", rows[i][0]);
        const struct store_bench b = {"", &sops_store_vault_kv2, true, site, "", "", ""};
        stores_furnish(&c);
        cloud_set(&c, "VAULT_ADDR", "https://v.example/");
        assert_ok(stores_site(&b, &c, &a, &d, &s, &e), &e);
        bool ok = b.store->resolve(&s, &a, &ref, &out, &e);
        assert_int_equal(ok, rows[i][2] != NULL);
        if (ok) {
            assert_slice(out.key, rows[i][2]);
        }
        sops_err_clear(&e);
        sops_doc_free(&d);
        sops_arena_free(&a);
        cloud_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading), cmocka_unit_test(writing),
                                       cmocka_unit_test(odd_answers), cmocka_unit_test(places),
                                       cmocka_unit_test(vault_keys)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
