/* SPDX-License-Identifier: Apache-2.0 */
/* Vault transit: URIs, allow-list, variables, answers. */
#include "cloud_world.h"

#include "cloud/vault.h"

#define ENC "vault:v1:abc"
#define VAULT_KEY(address, engine)                                                                                     \
    {                                                                                                                  \
        .source = &sops_keysource_hc_vault, .field = {SOPS_LIT(address), SOPS_LIT(engine), SOPS_LIT("k")},             \
        .enc = SOPS_LIT(ENC)                                                                                           \
    }

static void uris(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *part[3]; /* part[0] NULL: refused */
        const char *words;
    } cases[] = {
        {"https://vault.example.com:8200/v1/transit/keys/keyName",
         {"https://vault.example.com:8200", "transit", "keyName"},
         NULL},
        {"https://vault.me.com/v1/super42/bestmarket/keys/slig",
         {"https://vault.me.com", "super42/bestmarket", "slig"},
         NULL},
        {"HTTP://H.example:80/v1/t/keys/k", {"http://H.example:80", "t", "k"}, NULL},
        {"http://h/v1/t/keys/k?x=1", {"http://h?x=1", "t", "k?x=1"}, NULL},
        {"http://h/v1/a/b/?x", {"http://h?x", "a", "?x"}, NULL},
        {"http://h/v1/t/keys/k#f", {"http://h#f", "t", "k"}, NULL},
        {"http://h//v1/t/keys/k", {"http://h", "t", "k"}, NULL},
        {"http://h/v1/t x/keys/k", {"http://h", "t%20x", "k"}, NULL},
        {"http://h/v1/t%20x/keys/k%2Fz", {"http://h", "t%20x", "k%2Fz"}, NULL},
        {"http://[::1]:80/v1/a/b/c//", {"http://[::1]:80", "a", "c"}, NULL},
        {"http:/v1/t/keys/k", {"http:", "t", "k"}, NULL},
        {"vault.me/keys/dev/mykey", {NULL}, "missing scheme in Vault URL"},
        {"/nested/v1/transit/keys/bar", {NULL}, "missing scheme in Vault URL"},
        {"", {NULL}, "missing scheme in Vault URL"},
        {"127.0.0.1:21017/v1/sops/keys/first", {NULL}, "first path segment in URL cannot contain colon"},
        {" http://h/v1/t/keys/k", {NULL}, "first path segment"},
        {":/v1/a/b/c", {NULL}, "missing protocol scheme"},
        {"http://127.0.0.1:12121/v1/keys/dev", {NULL}, "does not seem to be formatted correctly"},
        {"http://h/v1//keys/k", {NULL}, "does not seem to be formatted correctly"},
        {"http://h/V1/a/b/c", {NULL}, "does not seem to be formatted correctly"},
        {"ftp:v1/a/b/c", {NULL}, "does not seem to be formatted correctly"},
        {"http://h/nested/v1/t/keys/k", {NULL}, "running Vault with a prefixed URL is not supported"},
        {"http://h/v1/t/v2/a/b/c", {NULL}, "running Vault with a prefixed URL is not supported"},
        {"http://h?y/v1/a/b/c", {NULL}, "running Vault with a prefixed URL is not supported"},
        {"http://h/v1/%zz/b/c", {NULL}, "invalid URL escape"},
        {"http://h:abc/v1/a/b/c", {NULL}, "invalid port"},
        {"http://h x/v1/a/b/c", {NULL}, "invalid character in host"},
        {"http://[::1/v1/a/b/c", {NULL}, "bad brackets"},
        {"http://h\n/v1/a/b/c", {NULL}, "control character"},
        {"http://u:canary@h:x/v1/a/b/c", {NULL}, "invalid port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_key k = {.source = &sops_keysource_hc_vault};
        bool ok = k.source->parse(NULL, &a, sops_str(cases[i].uri), &k, &e);
        if (ok != (cases[i].part[0] != NULL) || (!ok && strstr(e.msg, cases[i].words) == NULL)) {
            print_error("%s: %s\n", cases[i].uri, e.msg);
            fail();
        }
        for (int n = 0; ok && n < 3; n++) {
            assert_slice(k.field[n], cases[i].part[n]);
        }
        assert_null(strstr(e.msg, "canary"));
        sops_err_clear(&e);
        sops_arena_free(&a);
    }
}

static void answers(void **state)
{
    (void)state;
    static const struct cloud_case cases[] = {
        {"encrypt", false, ENC, NULL},
        {"decrypt", true, CLOUD_PLAIN, NULL},
        {"denied", false, NULL,
         "failed to encrypt sops data key to Vault transit backend 'transit/encrypt/k': Error making API request. URL: "
         "PUT "
         "https://vault.example:8200/v1/transit/encrypt/k Code: 403. Errors: * permission denied (token used: "
         "VAULT_TOKEN)"},
        {"no-route", false, NULL, "Code: 404. Errors: * no handler for route"},
        {"no-key", true, NULL, "'transit/decrypt/k': Error making API request."},
        {"wrong-version", true, NULL, "version is too new"},
        {"two-errors", true, NULL, "Errors: * first  one * second *"},
        {"error-500", false, NULL, "Code: 500"},
        {"throttled", false, ENC, NULL},
        {"standby", false, ENC, NULL},
        {"not-implemented", false, NULL, "Code: 501"},
        {"error-is-not-json", false, NULL, "Code: 400"},
        {"not-json", false, NULL, "not JSON"},
        {"cut", false, NULL, "not JSON"},
        {"no-data", false, NULL, "transit backend is empty"},
        {"no-body", false, NULL, "transit backend is empty"},
        {"missing-field", false, NULL, "no encrypted data"},
        {"number", false, NULL, "encrypted ciphertext cannot be cast to string"},
        {"not-base64", true, NULL, "cannot decode base64 plaintext into data key bytes"},
        {"warning-404", false, ENC, NULL},
        {"time-out", false, ENC, NULL},
        {"too-long", false, NULL, "the answer is too long"},
        {"disabled", true, NULL, "disallowed by policy"},
        {"no-answer", false, NULL, "connection refused"},
        {"certificate", false, NULL, "SSL certificate problem"},
    };
    struct cloud_world c;
    const struct sops_key k = VAULT_KEY("https://vault.example:8200", "transit");
    cloud_new(&c);
    cloud_set(&c, "VAULT_TOKEN", "canary-token");
    cloud_set(&c, "VAULT_ADDR", "http://elsewhere");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cloud_run_case(&c, "vault", &cases[i], &k);
    }
    cloud_free(&c);
}

static void variables(void **state)
{
    (void)state;
    static const struct {
        struct cloud_case t;
        const char *env[6];
    } cases[] = {
        {{"encrypt", false, ENC, NULL}, {"VAULT_TOKEN", "canary-token"}},
        {{"encrypt", false, ENC, NULL}, {"VAULT_TOKEN", ""}}, /* the file's */
        {{"namespace", false, ENC, NULL},
         {"VAULT_TOKEN", "canary-token", "VAULT_NAMESPACE", "team/a", "VAULT_HEADERS", "{\"X-Extra\":\"one\"}"}},
        {{"agent", false, ENC, NULL}, {"VAULT_TOKEN", "canary-token", "VAULT_AGENT_ADDR", "http://127.0.0.1:8100/"}},
        {{"one-try", false, NULL, "timed out"}, {"VAULT_TOKEN", "canary-token", "VAULT_MAX_RETRIES", "0"}},
        {{"encrypt", false, ENC, NULL}, {"VAULT_CLIENT_TIMEOUT", "1m30.5s", "VAULT_SKIP_VERIFY", "F"}},
        {{"encrypt", false, ENC, NULL}, {"VAULT_RATE_LIMIT", "2.5", "VAULT_SRV_LOOKUP", "true"}},
        {{"encrypt", false, ENC, NULL}, {"VAULT_RATE_LIMIT", "10:20", "VAULT_SRV_LOOKUP", "false"}},
    };
    const struct sops_key k = VAULT_KEY("https://vault.example:8200", "transit");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        cloud_new(&c);
        (void)cloud_write(&c, ".vault-token", " canary-token \n\n");
        for (size_t n = 0; n < 6 && cases[i].env[n] != NULL; n += 2) {
            cloud_set(&c, cases[i].env[n], cases[i].env[n + 1]);
        }
        cloud_run_case(&c, "vault", &cases[i].t, &k);
        cloud_free(&c);
    }
    static const struct cloud_case no_token = {"no-token", false, NULL, "(token used: none)"};
    static const struct cloud_case odd = {"odd-path", false, ENC, NULL};
    const struct sops_key odd_key = VAULT_KEY("https://vault.example:8200/", "x/../a%20b//./c?d");
    struct cloud_world c;
    cloud_new(&c);
    cloud_run_case(&c, "vault", &no_token, &k);
    cloud_set(&c, "VAULT_TOKEN", "canary-token");
    cloud_run_case(&c, "vault", &odd, &odd_key);
    cloud_free(&c);
}

static void time_limits(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned ms;
    } cases[] = {
        {"", 60000},    {"90", 90000},        {"1m30.5s", 90500},    {"1d", 86400000},   {"1h1m1s1ms", 3661001},
        {"300ms", 300}, {"5000\xc2\xb5s", 5}, {"9000\xce\xbcs", 9},  {"-5", 60000},      {"-5s", 60000},
        {"+2s", 2000},  {"0", 60000},         {"2000000us2s", 4000}, {"999h", 86400000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_arena a = {0};
        struct sops_err e = {0};
        struct sops_vault v;
        cloud_new(&c);
        cloud_set(&c, "VAULT_CLIENT_TIMEOUT", cases[i].value);
        assert_ok(sops_vault_setup(&c.world, &a, SOPS_LIT("https://v"), 0, &v, &e), &e);
        assert_int_equal(v.usual.total_ms, cases[i].ms);
        sops_arena_free(&a);
        cloud_free(&c);
    }
}

static unsigned warnings;

static void count_warnings(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    warnings += level == SOPS_SAY_WARN && strstr(text, "VAULT_SRV_LOOKUP is not supported") != NULL;
}

/* Only an address without a port would be looked up. */
static void lookups(void **state)
{
    (void)state;
    static const struct {
        const char *address, *wanted;
        unsigned warnings;
    } cases[] = {
        {"https://vault.example", "1", 1},
        {"https://vault.example/", "1", 1},
        {"https://vault.example", "0", 0},
        {"https://vault.example:8200", "1", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_arena a = {0};
        struct sops_err e = {0};
        struct sops_vault v;
        cloud_new(&c);
        c.world.say = count_warnings;
        cloud_set(&c, "VAULT_SRV_LOOKUP", cases[i].wanted);
        warnings = 0;
        assert_ok(sops_vault_setup(&c.world, &a, sops_str(cases[i].address), 0, &v, &e), &e);
        assert_int_equal(warnings, cases[i].warnings);
        sops_arena_free(&a);
        cloud_free(&c);
    }
}

/* Nothing is sent. */
static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *words;
    } cases[] = {
        {"VAULT_TOKEN", "canary\not", "non-printable characters"},
        {"VAULT_TOKEN", "canary\xff", "non-printable characters"},
        {"VAULT_SKIP_VERIFY", "yes", "error encountered setting up default configuration: VAULT_SKIP_VERIFY"},
        {"VAULT_DISABLE_REDIRECTS", "2", "VAULT_DISABLE_REDIRECTS: not a boolean"},
        {"VAULT_CLIENT_TIMEOUT", "5 minutes", "VAULT_CLIENT_TIMEOUT"},
        {"VAULT_CLIENT_TIMEOUT", "1x", "not a duration"},
        {"VAULT_CLIENT_TIMEOUT", "-", "not a duration"},
        {"VAULT_MAX_RETRIES", "+1", "VAULT_MAX_RETRIES"},
        {"VAULT_MAX_RETRIES", "4294967296", "VAULT_MAX_RETRIES"},
        {"VAULT_MAX_RETRIES", "-1", "VAULT_MAX_RETRIES"},
        {"VAULT_RATE_LIMIT", "often", "VAULT_RATE_LIMIT: was provided but incorrectly formatted"},
        {"VAULT_RATE_LIMIT", "1:", "VAULT_RATE_LIMIT: was provided but incorrectly formatted"},
        {"VAULT_RATE_LIMIT", "1:2:3", "VAULT_RATE_LIMIT: was provided but incorrectly formatted"},
        {"VAULT_SRV_LOOKUP", "maybe", "VAULT_SRV_LOOKUP: not a boolean"},
        {"VAULT_CLIENT_CERT", "/x", "both client cert and client key must be provided"},
        {"VAULT_HEADERS", "canary", "not a JSON object"},
        {"VAULT_HEADERS", "{\"x-vault-token\":\"canary\"}", "must not start with X-Vault-"},
        {"VAULT_HEADERS", "{\"a b\":\"canary\"}", "VAULT_HEADERS"},
        {"VAULT_HEADERS", "{\"a\":\"canary\\r\\nb: c\"}", "control character"},
        {"SOPS_HC_VAULT_ALLOWLIST", "none", "Allowlist does not allow https://vault.example:8200"},
        {"SOPS_HC_VAULT_ALLOWLIST", "https://vault.example", "Allowlist does not allow https://vault.example:8200"},
    };
    const struct sops_key k = VAULT_KEY("https://vault.example:8200", "transit");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_buf out = {0};
        cloud_new(&c);
        cloud_set(&c, cases[i].name, cases[i].value);
        assert_false(k.source->wrap(&c.world, &k, SOPS_LIT(CLOUD_PLAIN), &out, &e));
        if (strstr(e.msg, cases[i].words) == NULL || strstr(e.msg, "canary") != NULL) {
            print_error("%s: %s\n", cases[i].name, e.msg);
            fail();
        }
        assert_int_equal(c.asked, 0);
        sops_err_clear(&e);
        sops_buf_free(&out);
        cloud_free(&c);
    }
}

static void allow_list(void **state)
{
    (void)state;
    static const char one[] = "http://example.com",
                      three[] = "http://example.com, https://example.org/bar/,http://foo:80";
    static const struct {
        const char *list, *address;
        bool allowed;
    } cases[] = {
        {"", "http://a", true},
        {"all", "http://a", true},
        {"none", "http://a", false},
        {one, "http://example.com", true},
        {one, "http://example.com/", true},
        {one, "http://example.com/foo", true},
        {one, "http://example.co", false},
        {one, "http://example.comm", false},
        {one, "http://example.com:80", false},
        {one, "http://fiz@example.com/", false},
        {one, "https://example.com", false},
        {one, "", false},
        {three, "https://example.org/bar", true},
        {three, "https://example.org/bar/baz", true},
        {three, "http://foo:80/", true},
        {three, "https://example.org/", false},
        {three, "https://example.org/barr", false},
        {three, "http://foo", false},
        {three, "http://foo:8080", false},
        {" foo/ ,  bar,   baz    ", "bar/", true},
        {"non", "non", true},
        {",", "a", false},
        {"a,", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_buf out = {0};
        struct sops_key k = VAULT_KEY("", "transit");
        k.field[0] = sops_str(cases[i].address);
        cloud_new(&c);
        cloud_set(&c, "VAULT_TOKEN", "not\nprintable"); /* is looked at after the list */
        cloud_set(&c, "SOPS_HC_VAULT_ALLOWLIST", cases[i].list);
        assert_false(k.source->unwrap(&c.world, &k, &out, &e));
        bool refused = strstr(e.msg, "Allowlist does not allow") != NULL || strstr(e.msg, " is empty") != NULL;
        if (refused == cases[i].allowed) {
            print_error("'%s' in '%s': %s\n", cases[i].address, cases[i].list, e.msg);
            fail();
        }
        sops_err_clear(&e);
        cloud_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uris),       cmocka_unit_test(answers), cmocka_unit_test(variables),
        cmocka_unit_test(refusals),   cmocka_unit_test(lookups), cmocka_unit_test(time_limits),
        cmocka_unit_test(allow_list),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
