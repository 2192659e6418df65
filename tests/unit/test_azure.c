/* SPDX-License-Identifier: Apache-2.0 */
/* Azure Key Vault: challenges, credentials, answers. */
#include "cloud_world.h"

#include "cloud/azure.h"

#define VERSION "a2a690a4fcc04166b739da342a912c90"
#define ENC "Y2lwaGVydGV4dCBvZiBhenVyZQ"
#define AZURE_KEY                                                                                                      \
    {                                                                                                                  \
        .source = &sops_keysource_azure_kv,                                                                            \
        .field = {SOPS_LIT("https://v.vault.azure.net"), SOPS_LIT("sops"), SOPS_LIT(VERSION)}, .enc = SOPS_LIT(ENC)    \
    }

#define IDENTITY "http://127.0.0.1:1/"
#define ARC                                                                                                            \
    {                                                                                                                  \
        "IDENTITY_ENDPOINT", IDENTITY "arc", "IMDS_ENDPOINT", IDENTITY                                                 \
    }

static void with_secret(struct cloud_world *c)
{
    cloud_new(c);
    cloud_set(c, "AZURE_TENANT_ID", "tenant-1");
    cloud_set(c, "AZURE_CLIENT_ID", "client-1");
    cloud_set(c, "AZURE_CLIENT_SECRET", "canary");
}

static void answers(void **state)
{
    (void)state;
    static const struct cloud_case cases[] = {
        {"encrypt", false, ENC, NULL},
        {"decrypt", true, CLOUD_PLAIN, NULL},
        {"denied", false, NULL,
         "failed to encrypt sops data key with Azure Key Vault key 'https://v.vault.azure.net/keys/sops/" VERSION
         "': POST https://v.vault.azure.net/keys/sops/" VERSION "/encrypt RESPONSE 403, ERROR CODE: Forbidden: words, "
         "credentials used: AZURE_CLIENT_SECRET"},
        {"no-key", false, NULL, "ERROR CODE: KeyNotFound"},
        {"disabled", false, NULL, "Forbidden"},
        {"wrong-version", true, NULL, "BadParameter"},
        {"throttled", false, ENC, NULL},
        {"error-500", false, NULL, "RESPONSE 500"},
        {"not-json", false, NULL, "not JSON"},
        {"cut", false, NULL, "not JSON"},
        {"empty", false, NULL, "holds no value"},
        {"not-base64", true, NULL, "base64"},
        {"no-challenge", false, NULL, "no WWW-Authenticate header"},
        {"foreign-challenge", false, NULL, "doesn't match the requested domain"},
        {"near-challenge", false, NULL, "doesn't match the requested domain"},
        {"odd-challenge", false, NULL, "names no tenant or no resource"},
        {"time-out", false, ENC, NULL},
        {"too-long", false, NULL, "the answer is too long"},
        {"error-is-not-json", false, NULL, "RESPONSE 400"},
        {"no-answer", false, NULL, "connection refused"},
        {"certificate-not-trusted", false, NULL, "SSL certificate problem"},
        {"wrong-secret", false, NULL,
         "DefaultAzureCredential: failed to acquire a token. Attempted credentials: EnvironmentCredential: "
         "authentication "
         "failed (AZURE_CLIENT_SECRET): status 401 invalid_client: AADSTS7000215: Invalid client secret provided."},
        {"token-not-json", false, NULL, "EnvironmentCredential: not JSON"},
        {"other-tenant", false, NULL, "not configured to acquire tokens for the vault's tenant 'tenant-2'"},
    };
    struct cloud_world c;
    const struct sops_key k = AZURE_KEY;
    with_secret(&c);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cloud_run_case(&c, "azure", &cases[i], &k);
    }
    cloud_free(&c);
}

/* A token is for the host that is asked, whatever its URL holds besides: the vault's URL stands in the file. */
static void whose_challenge(void **state)
{
    (void)state;
    static const char head[] = "www-authenticate: Bearer authorization=\"https://login.windows.net/tenant-1\", "
                               "resource=\"https://vault.azure.net\"\n";
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"https://a.vault.azure.net/keys/k", true},
        {"https://A.Vault.Azure.NET/keys/k", true},
        {"https://evil.example/.vault.azure.net/keys/k", false},
        {"https://evil.example#.vault.azure.net/keys/k", false},
        {"https://evil.example?.vault.azure.net/keys/k", false},
        {"https://evil.example\\.vault.azure.net/keys/k", false},
        {"https://a.vault.azure.net@evil.example/keys/k", false},
        {"https://evilvault.azure.net/keys/k", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_arena a = {0};
        struct sops_err e = {0};
        struct sops_azure_challenge out;
        struct sops_http_res res = {0};
        assert_ok(sops_buf_adds(&res.head, head, &e), &e);
        assert_int_equal(sops_azure_challenge_read(&a, &res, cases[i].url, &out, &e), cases[i].good);
        sops_err_clear(&e);
        sops_http_res_free(&res);
        sops_arena_free(&a);
    }
}

static void credentials(void **state)
{
    (void)state;
    static const struct {
        struct cloud_case t;
        const char *env[8];
        const char *output;
        int status;
    } cases[] = {
        {{"sovereign", false, ENC, NULL},
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary",
          "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"},
         NULL,
         0},
        {{"encrypt", false, ENC, NULL},
         {"AZURE_TENANT_ID", "tenant-9", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary",
          "AZURE_ADDITIONALLY_ALLOWED_TENANTS", "other; tenant-1"},
         NULL,
         0},
        {{"other-tenant", false, NULL, "not configured to acquire tokens for the vault's tenant 'tenant-2'"},
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_CLIENT_SECRET", "canary",
          "AZURE_ADDITIONALLY_ALLOWED_TENANTS", "other; tenant-9"},
         NULL,
         0},
        {{"app-service", false, ENC, NULL},
         {"IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi", "IDENTITY_HEADER", "canary"},
         NULL,
         0},
        {{"virtual-machine", false, ENC, NULL}, {NULL}, NULL, 0},
        {{"machine-learning", false, ENC, NULL}, {"MSI_ENDPOINT", IDENTITY "msi", "MSI_SECRET", "canary"}, NULL, 0},
        {{"machine-learning-identity", false, ENC, NULL},
         {"MSI_ENDPOINT", IDENTITY "msi", "MSI_SECRET", "canary", "DEFAULT_IDENTITY_CLIENT_ID", "client-2"},
         NULL,
         0},
        {{"machine-learning-identity", false, ENC, NULL},
         {"MSI_ENDPOINT", IDENTITY "msi", "MSI_SECRET", "canary", "AZURE_CLIENT_ID", "client-2",
          "DEFAULT_IDENTITY_CLIENT_ID", "client-3"},
         NULL,
         0},
        {{"identity-refused", false, NULL,
          "authentication failed (the managed identity of Azure ML): status 401 : wrong secret"},
         {"MSI_ENDPOINT", IDENTITY "msi", "MSI_SECRET", "canary"},
         NULL,
         0},
        {{"cloud-shell", false, ENC, NULL}, {"MSI_ENDPOINT", IDENTITY "msi"}, NULL, 0},
        {{"challenge-only", false, NULL, "the identity service of Service Fabric is not supported"},
         {"IDENTITY_ENDPOINT", IDENTITY "msi", "IDENTITY_HEADER", "canary", "IDENTITY_SERVER_THUMBPRINT", "00",
          "AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential"},
         NULL,
         0},
        {{"arc-foreign-file", false, NULL, "is not where such files are"}, ARC, NULL, 0},
        {{"arc-file-above", false, NULL, "is not where such files are"}, ARC, NULL, 0},
        {{"arc-no-file", false, NULL, "sops-test-none.key"}, ARC, NULL, 0},
        {{"arc-no-realm", false, NULL, "status 200 without the realm of a key file"}, ARC, NULL, 0},
        {{"password", false, ENC, NULL},
         {"AZURE_TENANT_ID", "tenant-1", "AZURE_CLIENT_ID", "client-1", "AZURE_USERNAME", "user", "AZURE_PASSWORD",
          "canary"},
         NULL,
         0},
        {{"nothing", false, NULL,
          "ManagedIdentityCredential: no route; AzureCLICredential: the program az was not found"},
         {NULL},
         NULL,
         127},
        {{"cli", false, ENC, NULL},
         {"AZURE_TOKEN_CREDENTIALS", "AzureCLICredential"},
         "{\"accessToken\":\"token-1\"}",
         0},
        {{"cli", false, ENC, NULL},
         {"AZURE_TOKEN_CREDENTIALS", "azuredeveloperclicredential"},
         "{\"token\":\"token-1\"}",
         0},
        {{"cli-missing", false, NULL, "the program az failed with status 1; is it logged in?"},
         {"AZURE_TOKEN_CREDENTIALS", "dev"},
         NULL,
         1},
        {{"cli-missing", false, NULL, "AZURE_TOKEN_CREDENTIALS names no known"},
         {"AZURE_TOKEN_CREDENTIALS", "none"},
         NULL,
         0},
        {{"cli-missing", false, NULL, "not JSON"}, {"AZURE_TOKEN_CREDENTIALS", "dev"}, "canary", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        const struct sops_key k = AZURE_KEY;
        cloud_new(&c);
        c.output = cases[i].output;
        c.status = cases[i].status;
        for (size_t n = 0; n < 8 && cases[i].env[n] != NULL; n += 2) {
            cloud_set(&c, cases[i].env[n], cases[i].env[n + 1]);
        }
        cloud_run_case(&c, "azure", &cases[i].t, &k);
        if (strcmp(cases[i].t.name, "cli") == 0 && strstr(cases[i].output, "accessToken") != NULL) {
            assert_string_equal(c.ran,
                                "/bin/sh -c cd /bin && exec \"$@\" sh az account get-access-token -o json --resource "
                                "https://vault.azure.net --tenant tenant-1");
        }
        cloud_free(&c);
    }
}

static void files(void **state)
{
    (void)state;
    static const struct cloud_case federated = {"federated", false, ENC, NULL},
                                   certificate = {"certificate", false, ENC, NULL};
    static const struct cloud_case broken = {"cli-missing", false, NULL, "AZURE_CLIENT_CERTIFICATE_PATH"};
    struct cloud_world c;
    const struct sops_key k = AZURE_KEY;
    with_secret(&c);
    cloud_set(&c, "AZURE_CLIENT_SECRET", NULL);
    cloud_set(&c, "AZURE_FEDERATED_TOKEN_FILE", cloud_write(&c, "token", "federated\n"));
    cloud_run_case(&c, "azure", &federated, &k);
    cloud_set(&c, "AZURE_CLIENT_CERTIFICATE_PATH", SOPS_TESTDATA "/http/azure/client.pem");
    cloud_run_case(&c, "azure", &certificate, &k);
    cloud_set(&c, "AZURE_CLIENT_CERTIFICATE_PATH", SOPS_TESTDATA "/http/azure/client.p12");
    cloud_set(&c, "AZURE_CLIENT_CERTIFICATE_PASSWORD", "pass");
    cloud_run_case(&c, "azure", &certificate, &k);
    cloud_set(&c, "AZURE_CLIENT_CERTIFICATE_PASSWORD", "canary");
    cloud_run_case(&c, "azure", &broken, &k);
    cloud_set(&c, "AZURE_CLIENT_CERTIFICATE_PATH", cloud_write(&c, "bad", "-----BEGIN canary"));
    cloud_run_case(&c, "azure", &broken, &k);
    cloud_free(&c);
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *part[3]; /* part[0] NULL: refused */
    } cases[] = {
        {"https://test.vault.azure.net/keys/k/v1", {"https://test.vault.azure.net", "k", "v1"}},
        {" \thttps://h:8/keys/k/v1\n", {"https://h:8", "k", "v1"}},
        {"https://h/keys/k", {"https://h", "k", ""}},
        {"https://h/keys/k/", {"https://h", "k", ""}},
        {"http://h/keys/k/v", {NULL}},
        {"https://h/no-keys-here/k/v", {NULL}},
        {"https://h/keys/k/v/more", {NULL}},
        {"https://h/keys/", {NULL}},
        {"https:///keys/k/v", {NULL}},
        {"https://h/a/keys/k/v", {NULL}},
        {"sops", {NULL}},
        {"", {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_key k = {.source = &sops_keysource_azure_kv};
        bool ok = k.source->parse(NULL, &a, sops_str(cases[i].url), &k, &e);
        assert_int_equal(ok, cases[i].part[0] != NULL);
        for (int n = 0; ok && n < 3; n++) {
            assert_slice(k.field[n], cases[i].part[n]);
        }
        assert_true(ok || strstr(e.msg, "into a valid Azure Key Vault MasterKey") != NULL);
        sops_err_clear(&e);
        sops_arena_free(&a);
    }
}

static void newest_version(void **state)
{
    (void)state;
    struct cloud_world c;
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_key k = AZURE_KEY;
    with_secret(&c);
    assert_ok(k.source->complete(&c.world, &a, &k, &e), &e);
    assert_slice(k.field[2], VERSION);
    k.field[2] = SOPS_LIT("");
    cloud_load(&c, "azure/newest");
    assert_ok(k.source->complete(&c.world, &a, &k, &e), &e);
    assert_slice(k.field[2], "newest0");
    cloud_done(&c);
    k.field[2] = SOPS_LIT("");
    cloud_load(&c, "azure/newest-odd");
    assert_false(k.source->complete(&c.world, &a, &k, &e));
    assert_non_null(strstr(e.msg, "failed to fetch Azure Key to retrieve key version"));
    sops_err_clear(&e);
    sops_arena_free(&a);
    cloud_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers), cmocka_unit_test(credentials), cmocka_unit_test(whose_challenge),
        cmocka_unit_test(files),   cmocka_unit_test(urls),        cmocka_unit_test(newest_version),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
