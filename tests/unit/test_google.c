/* SPDX-License-Identifier: Apache-2.0 */
/* Google Cloud KMS and Google's credentials. */
#include "cloud_world.h"

#include "cloud/google.h"

#define ID "projects/test/locations/global/keyRings/ring/cryptoKeys/sops"
#define ENC "Y2lwaGVydGV4dCBvZiBnY3A="

static void answers(void **state)
{
    (void)state;
    static const struct cloud_case cases[] = {
        {"encrypt", false, ENC, NULL},
        {"decrypt", true, CLOUD_PLAIN, NULL},
        {"denied", false, NULL,
         "failed to encrypt sops data key with GCP KMS key: googleapi: Error 403: no permission, PERMISSION_DENIED, "
         "credentials used: GOOGLE_OAUTH_ACCESS_TOKEN"},
        {"no-key", false, NULL, "googleapi: Error 404: key not found, NOT_FOUND"},
        {"disabled", false, NULL, "state is DISABLED"},
        {"wrong-version", true, NULL, "failed to decrypt sops data key with GCP KMS key: googleapi: Error 400"},
        {"wrong-token", false, NULL, "Error 401: invalid credentials, UNAUTHENTICATED, credentials used: GOOGLE_OAUTH"},
        {"throttled", false, ENC, NULL},
        {"unavailable", false, ENC, NULL},
        {"error-500", false, NULL, "Error 500: Internal error"},
        {"not-json", false, NULL, "not JSON"},
        {"cut", false, NULL, "not JSON"},
        {"empty", false, NULL, "holds no ciphertext"},
        {"not-base64", true, NULL, "base64"},
        {"error-is-not-json", false, NULL, "got HTTP response code 400"},
        {"time-out", false, ENC, NULL},
        {"too-long", false, NULL, "the answer is too long"},
        {"no-answer", false, NULL, "connection refused"},
        {"certificate", false, NULL, "SSL certificate problem"},
    };
    struct cloud_world c;
    struct sops_key k = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT(ID)}, .enc = SOPS_LIT(ENC)};
    cloud_new(&c);
    cloud_set(&c, "GOOGLE_OAUTH_ACCESS_TOKEN", "token-1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cloud_run_case(&c, "gcp", &cases[i], &k);
    }
    cloud_free(&c);
}

static void endpoints(void **state)
{
    (void)state;
    static const struct cloud_case host = {"endpoint", false, ENC, NULL}, url = {"endpoint-url", false, ENC, NULL};
    struct cloud_world c;
    struct sops_key k = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT(ID)}};
    cloud_new(&c);
    cloud_set(&c, "GOOGLE_OAUTH_ACCESS_TOKEN", "token-1");
    cloud_set(&c, "SOPS_GCP_KMS_ENDPOINT", "kms.example.com:444");
    cloud_run_case(&c, "gcp", &host, &k);
    cloud_set(&c, "SOPS_GCP_KMS_ENDPOINT", "http://127.0.0.1:1/");
    cloud_run_case(&c, "gcp", &url, &k);
    cloud_free(&c);
}

static void unsent(void **state)
{
    (void)state;
    static const struct {
        const char *id, *enc, *words;
        const char *env[4];
    } cases[] = {
        {"/projects", "", "no valid resource ID found in \"/projects\"", {NULL}},
        {"", "", "no valid resource ID found in \"\"", {NULL}},
        {ID "/cryptoKeyVersions/1", "", "cannot create GCP KMS service: no valid resource ID", {NULL}},
        {"projects//locations/global/keyRings/ring/cryptoKeys/sops", "", "no valid resource ID", {NULL}},
        {ID, "canary!", "bad base64", {NULL}},
        {ID,
         "",
         "configured universe domain (\"example.test\") does not match",
         {"SOPS_GCP_KMS_UNIVERSE_DOMAIN", "example.test"}},
        {ID, "", "could not find default", {"GOOGLE_OAUTH_ACCESS_TOKEN", "", "GCE_METADATA_HOST", ""}},
        {ID, "", "GOOGLE_CREDENTIALS: not JSON", {"GOOGLE_CREDENTIALS", "canary"}},
        {ID, "", "not a JSON object", {"GOOGLE_CREDENTIALS", "[]"}},
        {ID, "", "unsupported filetype \"something\"", {"GOOGLE_CREDENTIALS", "{\"type\":\"something\"}"}},
        {ID, "", "unsupported unidentified file type", {"GOOGLE_CREDENTIALS", "{}"}},
        {ID,
         "",
         "the field 'refresh_token' is missing",
         {"GOOGLE_CREDENTIALS", "{\"type\":\"authorized_user\",\"client_id\":\"a\",\"client_secret\":\"canary\"}"}},
        {ID,
         "",
         "missing 'source_credentials' field",
         {"GOOGLE_CREDENTIALS", "{\"type\":\"impersonated_service_account\"}"}},
        {ID,
         "",
         "not an RSA key",
         {"GOOGLE_CREDENTIALS", "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"canary\"}"}},
        {ID, "", "names no file, URL, executable", {"GOOGLE_CREDENTIALS", "{\"type\":\"external_account\"}"}},
        {ID, "", "/none/such", {"GOOGLE_OAUTH_ACCESS_TOKEN", "", "GOOGLE_APPLICATION_CREDENTIALS", "/none/such"}},
        {ID, "", "holds a blank", {"GOOGLE_OAUTH_ACCESS_TOKEN", "canary\r\nX: y"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_buf out = {0};
        struct sops_key k = {
            .source = &sops_keysource_gcp_kms, .field = {sops_str(cases[i].id)}, .enc = sops_str(cases[i].enc)};
        cloud_new(&c);
        cloud_load(&c, "gcp/nowhere");
        cloud_set(&c, "GOOGLE_OAUTH_ACCESS_TOKEN", "token-1");
        for (size_t n = 0; n < 4 && cases[i].env[n] != NULL; n += 2) {
            cloud_set(&c, cases[i].env[n], cases[i].env[n + 1]);
        }
        assert_false(k.source->unwrap(&c.world, &k, &out, &e));
        if (strstr(e.msg, cases[i].words) == NULL || strstr(e.msg, "canary") != NULL) {
            print_error("%zu: %s\n", i, e.msg);
            fail();
        }
        sops_err_clear(&e);
        sops_buf_free(&out);
        cloud_free(&c);
    }
}

#define USER "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"client_secret\":\"cs\",\"refresh_token\":\"rt\""

/* The file's text with the test key in it. */
static void account(struct sops_buf *out)
{
    struct sops_err e = {0};
    struct sops_buf pem = {0};
    assert_ok(sops_file_read(SOPS_TESTDATA "/../tests/emulators/lib/keys/gcp-service-account.pem", 1 << 16, &pem, &e),
              &e);
    assert_ok(
        sops_buf_adds(out, "{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key_id\":\"k\",", &e), &e);
    assert_ok(sops_buf_adds(out, "\"private_key\":", &e), &e);
    assert_ok(sops_json_quote(out, sops_buf_view(&pem), &e), &e);
    assert_ok(sops_buf_addc(out, '}', &e), &e);
    assert_non_null(sops_buf_cstr(out, &e));
    sops_buf_free(&pem);
}

static void credentials(void **state)
{
    (void)state;
    static const struct {
        const char *json; /* NULL: the service account */
        struct cloud_case t;
        const char *env[4];
    } cases[] = {
        {USER "}", {"user", false, ENC, NULL}, {NULL}},
        {USER ",\"quota_project_id\":\"payer\"}", {"quota-project", false, ENC, NULL}, {NULL}},
        {USER "}", {"quota-project", false, ENC, NULL}, {"GOOGLE_CLOUD_QUOTA_PROJECT", "payer"}},
        {USER "}",
         {"user-revoked", false, NULL, "auth: cannot fetch token: 400 invalid_grant: Token has been revoked."},
         {NULL}},
        {USER "}", {"user-no-token", false, NULL, "holds no access_token"}, {NULL}},
        {"{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"https://iam.example/v1/"
         "x:generateAccessToken\",\"delegates\":[\"d1\"],\"source_credentials\":" USER "}}",
         {"impersonated", false, ENC, NULL},
         {NULL}},
        {NULL, {"service-account", false, ENC, NULL}, {"SOPS_GCP_KMS_CLIENT_TYPE", "REST"}},
        {NULL, {"self-signed", false, ENC, NULL}, {NULL}},
    };
    struct sops_buf json = {0};
    account(&json);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_key k = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT(ID)}};
        const char *text = cases[i].json != NULL ? cases[i].json : (const char *)json.ptr;
        cloud_new(&c);
        for (size_t n = 0; n < 4 && cases[i].env[n] != NULL; n += 2) {
            cloud_set(&c, cases[i].env[n], cases[i].env[n + 1]);
        }
        /* As a text, as the path of a file, and in the three places of the application's default credentials. */
        cloud_set(&c, "GOOGLE_CREDENTIALS", text);
        cloud_run_case(&c, "gcp", &cases[i].t, &k);
        cloud_set(&c, "GOOGLE_CREDENTIALS", cloud_write(&c, "a file.json", text));
        cloud_run_case(&c, "gcp", &cases[i].t, &k);
        cloud_set(&c, "GOOGLE_APPLICATION_CREDENTIALS", cloud_env(&c.world, "GOOGLE_CREDENTIALS"));
        cloud_set(&c, "GOOGLE_CREDENTIALS", NULL);
        cloud_run_case(&c, "gcp", &cases[i].t, &k);
        cloud_set(&c, "GOOGLE_APPLICATION_CREDENTIALS", NULL);
        (void)cloud_write(&c, ".config/gcloud/application_default_credentials.json", text);
        cloud_run_case(&c, "gcp", &cases[i].t, &k);
        cloud_free(&c);
    }
    sops_buf_free(&json);
}

static void elsewhere(void **state)
{
    (void)state;
    static const struct cloud_case external = {"external", false, ENC, NULL}, metadata = {"metadata", false, ENC, NULL};
    struct cloud_world c;
    char text[1024];
    struct sops_key k = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT(ID)}};
    cloud_new(&c);
    (void)snprintf(text, sizeof text,
                   "{\"type\":\"external_account\",\"audience\":\"aud\",\"subject_token_type\":\"jwt\",\"token_url\":"
                   "\"https://sts.example/token\",\"credential_source\":{\"file\":\"%s\",\"format\":{\"type\":\"json\","
                   "\"subject_token_field_name\":\"t\"}}}",
                   cloud_write(&c, "subject", "{\"t\":\"subject\"}"));
    cloud_set(&c, "GOOGLE_CREDENTIALS", text);
    cloud_run_case(&c, "gcp", &external, &k);
    cloud_set(&c, "GOOGLE_CREDENTIALS", NULL);
    cloud_set(&c, "GCE_METADATA_HOST", "meta:1");
    cloud_run_case(&c, "gcp", &metadata, &k);
    cloud_free(&c);
    struct sops_google_token token = {.bearer = SOPS_LIT("t"), .from = "x"};
    struct sops_err e = {0};
    struct sops_http_res res = {.status = 403};
    assert_false(sops_google_refused(&res, &token, &e));
    assert_string_equal(e.msg, "googleapi: got HTTP response code 403, credentials used: x");
    sops_err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),     cmocka_unit_test(endpoints), cmocka_unit_test(unsent),
        cmocka_unit_test(credentials), cmocka_unit_test(elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
