/* SPDX-License-Identifier: Apache-2.0 */
/* Google's external accounts: subject tokens of URLs, programs and AWS, and what is refused before anything is sent. */
#include "cloud_world.h"

#define ID "projects/test/locations/global/keyRings/ring/cryptoKeys/sops"
#define ENC "Y2lwaGVydGV4dCBvZiBnY3A="
#define ACCOUNT(type, source)                                                                                          \
    "{\"type\":\"external_account\",\"audience\":\"aud\",\"subject_token_type\":\"urn:ietf:params:" type "\","         \
    "\"token_url\":\"https://sts.example/token\",\"credential_source\":" source "}"
#define JWT "oauth:token-type:jwt"
#define AWS1(more) ACCOUNT("aws:token-type:aws4_request", "{\"environment_id\":\"aws1\"" more "}")
#define MACHINE                                                                                                        \
    ",\"region_url\":\"http://imds/zone\",\"url\":\"http://imds/roles\",\"imdsv2_session_token_url\":"                 \
    "\"http://imds/token\""
#define PROGRAM(more) ACCOUNT(JWT, "{\"executable\":{\"command\":\" prog  one two \"" more "}}")
#define ALLOW "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"
#define PRINTED                                                                                                        \
    "{\"version\":1,\"success\":true,\"token_type\":\"urn:ietf:params:oauth:token-type:id_token\",\"id_token\":"       \
    "\"printed\""
#define NOW "1440938160"

struct federated {
    struct cloud_case t;
    const char *account, *output; /* the credentials; what programs print */
    const char *env[8];
    int status; /* of programs */
};

static void run(const struct federated *f)
{
    struct cloud_world c;
    const struct sops_key k = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT(ID)}};
    cloud_new(&c);
    cloud_set(&c, "GOOGLE_CREDENTIALS", f->account);
    for (size_t i = 0; i < 8 && f->env[i] != NULL; i += 2) {
        cloud_set(&c, f->env[i], f->env[i + 1]);
    }
    c.output = f->output;
    c.status = f->status;
    cloud_run_case(&c, "gcp", &f->t, &k);
    if (f->output != NULL && f->t.result != NULL) {
        assert_string_equal(c.ran, "prog one two");
    }
    cloud_free(&c);
}

static void of_aws(void **state)
{
    (void)state;
    static const struct federated cases[] = {
        {{"external-aws", false, ENC, NULL},
         AWS1(""),
         NULL,
         {"AWS_REGION", "us-east-2", "AWS_DEFAULT_REGION", "other", "AWS_ACCESS_KEY_ID", "AKIDALICE",
          "AWS_SECRET_ACCESS_KEY", "canary"},
         0},
        {{"external-aws", false, ENC, NULL},
         AWS1(",\"regional_cred_verification_url\":"
              "\"https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15\""),
         NULL,
         {"AWS_DEFAULT_REGION", "us-east-2", "AWS_ACCESS_KEY_ID", "AKIDALICE", "AWS_SECRET_ACCESS_KEY", "canary"},
         0},
        {{"external-aws-instance", false, ENC, NULL}, AWS1(MACHINE), NULL, {NULL}, 0},
        {{"external-aws-instance", false, ENC, NULL}, AWS1(MACHINE), NULL, {"AWS_ACCESS_KEY_ID", "canary"}, 0},
        {{"external-aws-no-role", false, NULL, "status 404 of the metadata service"}, AWS1(MACHINE), NULL, {NULL}, 0},
        {{"external-aws-no-keys", false, NULL, "gave no keys for the role 'the-role'"}, AWS1(MACHINE), NULL, {NULL}, 0},
        {{"unsent", false, NULL, "credential_source has no 'region_url'"}, AWS1(""), NULL, {NULL}, 0},
        {{"unsent", false, NULL, "credential_source has no 'url'"}, AWS1(""), NULL, {"AWS_REGION", "x"}, 0},
        {{"unsent", false, NULL, "the environment_id 'aws2' is not known"},
         ACCOUNT("x", "{\"environment_id\":\"aws2\"}"),
         NULL,
         {NULL},
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&cases[i]);
    }
}

static void of_a_program(void **state)
{
    (void)state;
    static const struct federated cases[] = {
        {{"external-program", false, ENC, NULL}, PROGRAM(""), PRINTED "}", {ALLOW}, 0},
        {{"external-program", false, ENC, NULL},
         PROGRAM(",\"timeout_millis\":5000"),
         PRINTED ",\"expiration_time\":1440938161}",
         {ALLOW},
         0},
        {{"external-program", false, ENC, NULL},
         PROGRAM(""),
         "{\"version\":1,\"success\":true,\"token_type\":\"urn:ietf:params:oauth:token-type:saml2\","
         "\"saml_response\":\"printed\",\"id_token\":\"canary\"}",
         {ALLOW},
         0},
        {{"external-refused", false, NULL, "auth: cannot fetch token: 400 invalid_grant: not valid"},
         PROGRAM(""),
         PRINTED "}",
         {ALLOW},
         0},
        {{"unsent", false, NULL, "which the environment does not allow"}, PROGRAM(""), PRINTED "}", {NULL}, 0},
        {{"unsent", false, NULL, "which the environment does not allow"},
         PROGRAM(""),
         PRINTED "}",
         {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "true"},
         0},
        {{"unsent", false, NULL, "has expired"}, PROGRAM(""), PRINTED ",\"expiration_time\":" NOW "}", {ALLOW}, 0},
        {{"unsent", false, NULL, "the program 'prog' ended with status 3"}, PROGRAM(""), "canary", {ALLOW}, 3},
        {{"unsent", false, NULL, "not JSON"}, PROGRAM(""), "canary", {ALLOW}, 0},
        {{"unsent", false, NULL, "not version 1"}, PROGRAM(""), "{\"version\":2,\"success\":true}", {ALLOW}, 0},
        {{"unsent", false, NULL, "reports a failure, 401: logged out"},
         PROGRAM(""),
         "{\"version\":1,\"success\":false,\"code\":\"401\",\"message\":\"logged out\",\"id_token\":\"canary\"}",
         {ALLOW},
         0},
        {{"unsent", false, NULL, "holds no token"}, PROGRAM(""), "{\"version\":1,\"success\":true}", {ALLOW}, 0},
        {{"unsent", false, NULL, "'command' of the executable is empty"},
         ACCOUNT(JWT, "{\"executable\":{\"command\":\"  \"}}"),
         PRINTED "}",
         {ALLOW},
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&cases[i]);
    }
}

/* What an earlier run of the program left counts as long as it is good. */
static void of_a_file_left(void **state)
{
    (void)state;
    static const struct cloud_case good = {"external-program", false, ENC, NULL};
    static const struct {
        const char *left;
        bool used;
    } cases[] = {
        {PRINTED ",\"expiration_time\":1440938161}", true},
        {PRINTED ",\"expiration_time\":" NOW "}", false},
        {"{\"version\":1,\"success\":false,\"id_token\":\"printed\"}", false},
        {"canary", false},
        {NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        const struct sops_key k = {.source = &sops_keysource_gcp_kms, .field = {SOPS_LIT(ID)}};
        char account[1024];
        cloud_new(&c);
        c.output = PRINTED "}";
        const char *path = cloud_write(&c, "left", cases[i].left != NULL ? cases[i].left : "");
        (void)snprintf(account, sizeof account, PROGRAM(",\"output_file\":\"%s\""), path);
        if (cases[i].left == NULL) {
            assert_int_equal(unlink(path), 0);
        }
        cloud_set(&c, "GOOGLE_CREDENTIALS", account);
        cloud_set(&c, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
        cloud_run_case(&c, "gcp", &good, &k);
        assert_string_equal(c.ran, cases[i].used ? "" : "prog one two");
        cloud_free(&c);
    }
}

static void others(void **state)
{
    (void)state;
    static const struct federated cases[] = {
        {{"external-url", false, ENC, NULL},
         ACCOUNT(JWT,
                 "{\"url\":\"http://127.0.0.1:1/t\",\"headers\":{\"X-Mine\":\"yes\"},\"format\":{\"type\":\"json\","
                 "\"subject_token_field_name\":\"t\"}}"),
         NULL,
         {NULL},
         0},
        {{"unsent", false, NULL, "bad 'headers'"},
         ACCOUNT(JWT, "{\"url\":\"http://127.0.0.1:1/t\",\"headers\":{\"X-Mine\":1}}"),
         NULL,
         {NULL},
         0},
        {{"external-user", false, ENC, NULL},
         "{\"type\":\"external_account_authorized_user\",\"token_url\":\"https://sts.example/token\",\"client_id\":"
         "\"ci\",\"client_secret\":\"cs\",\"refresh_token\":\"rt/1\"}",
         NULL,
         {NULL},
         0},
        {{"unsent", false, NULL, "'token_url' or 'refresh_token' is missing"},
         "{\"type\":\"external_account_authorized_user\",\"token_url\":\"https://sts.example/token\"}",
         NULL,
         {NULL},
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_aws),
        cmocka_unit_test(of_a_program),
        cmocka_unit_test(of_a_file_left),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
