/* SPDX-License-Identifier: Apache-2.0 */
/* The search for AWS credentials: each place, their order, what is refused; and where the services are. */
#include "cloud_world.h"

#include "cloud/aws_cred.h"

#define ROLE(name) "role_arn = arn:aws:iam::1:role/" name "\n"
#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = canary\n"

struct search {
    const char *name;             /* folder of exchanges; NULL: nothing may be sent */
    const char *config, *secrets; /* ~/.aws/config, ~/.aws/credentials */
    const char *profile;          /* the key's */
    const char *env[8];
    const char *id, *from; /* found: its access key, and a part of what it is called */
    const char *words;     /* not found: part of the message */
};

static void run_search(const struct search *t)
{
    struct cloud_world c;
    struct sops_err e = {0};
    const struct sops_aws *aws;
    const struct sops_aws_creds *creds;
    char path[64];
    cloud_new(&c);
    (void)cloud_write(&c, ".aws/config", t->config != NULL ? t->config : "");
    (void)cloud_write(&c, ".aws/credentials", t->secrets != NULL ? t->secrets : "");
    for (size_t i = 0; i < 8 && t->env[i] != NULL; i += 2) {
        cloud_set(&c, t->env[i], t->env[i + 1]);
    }
    if (t->name != NULL) {
        (void)snprintf(path, sizeof path, "aws/%s", t->name);
        cloud_load(&c, path);
    }
    bool ok = sops_aws_setup(&c.world, sops_str(t->profile), &aws, &e) &&
              sops_aws_find(&c.world, aws, SOPS_LIT("us-east-1"), &creds, &e);
    if (ok != (t->id != NULL) || (!ok && strstr(e.msg, t->words) == NULL)) {
        print_error("%s: '%s'\n", t->name != NULL ? t->name : t->config, e.msg);
        fail();
    }
    if (ok) {
        assert_slice(creds->id, t->id);
        assert_non_null(strstr(creds->from, t->from));
    }
    assert_null(strstr(e.msg, "canary"));
    sops_err_clear(&e);
    cloud_done(&c);
    cloud_free(&c);
}

static void files(void **state)
{
    (void)state;
    static const struct search cases[] = {
        {.config = "[default]\n" KEYS("AKIDC"),
         .secrets = "[default]\n" KEYS("AKIDS"),
         .id = "AKIDS",
         .from = "'default'"},
        {.config = "[profile default]\n" KEYS("AKIDP") "[default]\n" KEYS("AKIDC"), .id = "AKIDP", .from = "default"},
        {.config = "[default]\n" KEYS("AKIDC"),
         .env = {"AWS_ACCESS_KEY_ID", "AKIDE", "AWS_SECRET_ACCESS_KEY", "canary"},
         .id = "AKIDE",
         .from = "AWS_ACCESS_KEY_ID"},
        {.config = "[default]\n" KEYS("AKIDC"),
         .env = {"AWS_ACCESS_KEY_ID", "AKIDE"},
         .id = "AKIDC",
         .from = "default"},
        {.config = "[profile p]\n" KEYS("AKIDP"),
         .env = {"AWS_ACCESS_KEY_ID", "AKIDE", "AWS_SECRET_ACCESS_KEY", "canary"},
         .profile = "p",
         .id = "AKIDP",
         .from = "'p'"},
        {.config = "[profile p]\n" KEYS("AKIDP"), .env = {"AWS_PROFILE", "p"}, .id = "AKIDP", .from = "'p'"},
        {.config = "[profile\tp]\n" KEYS("AKIDP"), .env = {"AWS_PROFILE", "p"}, .id = "AKIDP", .from = "'p'"},
        {.config = "[profile p]\n" KEYS("AKIDP"), .env = {"AWS_DEFAULT_PROFILE", "p"}, .id = "AKIDP", .from = "'p'"},
        {.secrets = "[profile p]\n" KEYS("AKIDP"), .profile = "p", .words = "failed to get shared config profile, p"},
        {.config = "[p]\n" KEYS("AKIDP"), .profile = "p", .words = "failed to get shared config profile, p"},
        {.config = "", .env = {"AWS_PROFILE", "nobody"}, .words = "failed to get shared config profile, nobody"},
        {.config = "[default]\nsource_profile = x\n", .words = "has source_profile but no role_arn"},
        {.config = "[default]\n" ROLE("a") "source_profile = x\ncredential_source = Environment\n",
         .words = "more than one"},
        {.config = "[default]\n" ROLE("a") "source_profile = gone\n", .words = "shared config profile, gone"},
        {.config = "[default]\n" ROLE("a") "source_profile = b\n[profile b]\n" ROLE("b") "source_profile = default\n",
         .words = "go round"},
        {.config = "[default]\n" ROLE("a") "source_profile = default\n", .words = "names itself"},
        {.config = "[default]\n" ROLE("a") "mfa_serial = x\nsource_profile = x\n", .words = "mfa_serial"},
        {.config = "[default]\n" ROLE("a") "credential_source = Nowhere\n", .words = "invalid credential_source"},
        {.config = "[default]\n" ROLE("a") "credential_source = Environment\n", .words = "AWS_ACCESS_KEY_ID"},
        {.config = "[default]\n" ROLE("a") "credential_source = EcsContainer\n", .words = "AWS_CONTAINER_CRED"},
        {.config = "[default]\nmax_attempts = many\n", .words = "AWS_MAX_ATTEMPTS"},
        {.env = {"AWS_USE_FIPS_ENDPOINT", "yes"}, .words = "invalid value of AWS_USE_FIPS_ENDPOINT"},
        {.env = {"AWS_USE_DUALSTACK_ENDPOINT", "1"}, .words = "it may be true or false"},
        {.env = {"AWS_RETRY_MODE", "Standard"}, .words = "invalid value of AWS_RETRY_MODE"},
        {.config = "[default]\nretry_mode = legacy\n", .words = "it may be standard or adaptive"},
        {.config = "[default]\nretry_mode = legacy\nuse_fips_endpoint = maybe\n" KEYS("AKIDC"),
         .env = {"AWS_RETRY_MODE", "adaptive", "AWS_USE_FIPS_ENDPOINT", "FALSE"},
         .id = "AKIDC",
         .from = "default"},
        {.env = {"AWS_WEB_IDENTITY_TOKEN_FILE", "/none/such"}, .words = "no role"},
        {.env = {"AWS_WEB_IDENTITY_TOKEN_FILE", "/none/such", "AWS_ROLE_ARN", "r"}, .words = "/none/such"},
        {.env = {"AWS_EC2_METADATA_DISABLED", "true"}, .words = "no EC2 IMDS role found"},
        {.env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x"}, .words = "plain http"},
        {.env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1.example.com/x"}, .words = "plain http"},
        {.env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                 "a\r\nb: c"},
         .words = "line break"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_search(&cases[i]);
    }
}

static void servers(void **state)
{
    (void)state;
    static const struct search cases[] = {
        {.name = "role-of-profile",
         .config = "[default]\n" ROLE("a") "source_profile = default\n" KEYS("AKIDC"),
         .id = "AKID1",
         .from = "role 'arn:aws:iam::1:role/a', assumed with aws_access_key_id of the profile 'default'"},
        {.name = "role-of-profile",
         .config = "[default]\n" ROLE("a") "credential_source = Environment\n",
         .env = {"AWS_ACCESS_KEY", "AKIDE", "AWS_SECRET_KEY", "canary"},
         .profile = "default",
         .id = "AKID1",
         .from = "role"},
        {.name = "chain",
         .profile = "c",
         .config = "[profile c]\n" ROLE("c") "source_profile = b\n[profile b]\n" ROLE(
             "b") "role_session_name = named\nexternal_id = ex id\nduration_seconds = 1800\nsource_profile = a\n"
                  "[profile a]\n" KEYS("AKIDA"),
         .id = "AKID2",
         .from = "role/c', assumed with role 'arn:aws:iam::1:role/b'"},
        {.name = "role-denied",
         .config = "[default]\n" ROLE("a") "source_profile = default\n" KEYS("AKIDC"),
         .words =
             "failed to assume role 'arn:aws:iam::1:role/a': operation error STS: AssumeRole, https response error "
             "StatusCode: 403, RequestID: , api error AccessDenied: not <you>"},
        {.name = "role-no-credentials",
         .config = "[default]\n" ROLE("a") "source_profile = default\n" KEYS("AKIDC"),
         .words = "holds no credentials"},
        {.name = "container",
         .env = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds"},
         .id = "AKIDM",
         .from = "container"},
        {.name = "container-token",
         .env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                 "Bearer abc"},
         .id = "AKIDM",
         .from = "container"},
        {.name = "container-refused",
         .env = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds"},
         .words = "credential service: status 401, Unauthorized: wrong token"},
        {.name = "instance", .id = "AKIDM", .from = "EC2 instance"},
        {.name = "instance-v1", .id = "AKIDM", .from = "EC2 instance"},
        {.name = "instance-v1-disabled",
         .env = {"AWS_EC2_METADATA_V1_DISABLED", "true"},
         .words = "no EC2 IMDS role found"},
        {.name = "instance-without-role", .words = "no EC2 IMDS role found: status 404"},
        {.name = "instance-failed", .words = "AssumeRoleUnauthorizedAccess"},
        {.name = "no-instance", .words = "no EC2 IMDS role found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_search(&cases[i]);
    }
}

static void web_identity(void **state)
{
    (void)state;
    static const char *const names[] = {"aws/web-identity", "aws/web-identity-later"};
    for (size_t i = 0; i < 2; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        const struct sops_aws *aws;
        const struct sops_aws_creds *creds;
        cloud_new(&c);
        cloud_set(&c, "AWS_WEB_IDENTITY_TOKEN_FILE", cloud_write(&c, "token", "web-token"));
        cloud_set(&c, "AWS_ROLE_ARN", "arn:aws:iam::1:role/w");
        cloud_load(&c, names[i]);
        assert_ok(sops_aws_setup(&c.world, SOPS_LIT(""), &aws, &e), &e);
        assert_ok(sops_aws_find(&c.world, aws, SOPS_LIT("us-east-1"), &creds, &e), &e);
        assert_slice(creds->token, "tok&en3");
        cloud_done(&c);
        cloud_free(&c);
    }
}

/* The token of a session lies in a file named by a hash of the session's name. */
static void sso(void **state)
{
    (void)state;
    static const char config[] = "[profile s]\nsso_session = corp\nsso_account_id = 123\nsso_role_name = dev\n"
                                 "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x/start\n";
    static const struct {
        const char *name, *token, *words;
    } cases[] = {
        {"sso", "{\"accessToken\":\"fresh\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}", NULL},
        {"sso-refresh",
         "{\"accessToken\":\"old\",\"expiresAt\":\"2015-08-30T12:00:00Z\",\"refreshToken\":\"rt\",\"clientId\":\"ci\","
         "\"clientSecret\":\"cs\"}",
         NULL},
        {"sso-refused", "{\"accessToken\":\"fresh\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
         "status 401: Session token"},
        {NULL, "{\"accessToken\":\"old\",\"expiresAt\":\"2015-08-30T12:00:00Z\"}", "expired or is invalid"},
        {NULL, "canary", "not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        const struct sops_aws *aws;
        const struct sops_aws_creds *creds = NULL;
        char path[64];
        cloud_new(&c);
        (void)cloud_write(&c, ".aws/config", config);
        (void)cloud_write(&c, ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json", cases[i].token);
        if (cases[i].name != NULL) {
            (void)snprintf(path, sizeof path, "aws/%s", cases[i].name);
            cloud_load(&c, path);
        }
        assert_ok(sops_aws_setup(&c.world, SOPS_LIT("s"), &aws, &e), &e);
        bool ok = sops_aws_find(&c.world, aws, SOPS_LIT("us-east-1"), &creds, &e);
        if (ok != (cases[i].words == NULL) || (!ok && strstr(e.msg, cases[i].words) == NULL)) {
            print_error("%zu: %s\n", i, e.msg);
            fail();
        }
        assert_true(!ok || sops_slice_eq(creds->id, SOPS_LIT("AKIDS")));
        assert_true(ok || e.msg[0] != '\0');
        sops_err_clear(&e);
        cloud_done(&c);
        cloud_free(&c);
    }
}

static void process(void **state)
{
    (void)state;
    static const struct {
        const char *output;
        int status;
        const char *words;
    } cases[] = {
        {"{\"Version\":1,\"AccessKeyId\":\"AKIDP\",\"SecretAccessKey\":\"canary\"}", 0, NULL},
        {"{\"Version\":2,\"AccessKeyId\":\"AKIDP\",\"SecretAccessKey\":\"canary\"}", 0, "Version 1"},
        {"{\"Version\":1,\"AccessKeyId\":\"AKIDP\"}", 0, "SecretAccessKey"},
        {"canary", 0, "not JSON"},
        {"", 3, "credential_process: exit status 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        const struct sops_aws *aws;
        const struct sops_aws_creds *creds = NULL;
        cloud_new(&c);
        (void)cloud_write(&c, ".aws/config", "[default]\ncredential_process = give me --keys\n");
        c.output = cases[i].output;
        c.status = cases[i].status;
        assert_ok(sops_aws_setup(&c.world, SOPS_LIT(""), &aws, &e), &e);
        bool ok = sops_aws_find(&c.world, aws, SOPS_LIT("us-east-1"), &creds, &e);
        assert_int_equal(ok, cases[i].words == NULL);
        assert_true(ok || strstr(e.msg, cases[i].words) != NULL);
        assert_null(strstr(e.msg, "canary"));
        assert_string_equal(c.ran, "/bin/sh -c give me --keys");
        assert_true(!ok || sops_slice_eq(creds->id, SOPS_LIT("AKIDP")));
        sops_err_clear(&e);
        cloud_free(&c);
    }
}

static void endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *config, *region;
        const char *env[6];
        const char *url; /* NULL: refused */
    } cases[] = {
        {"", "us-east-1", {NULL}, "https://kms.us-east-1.amazonaws.com"},
        {"", "cn-north-1", {NULL}, "https://kms.cn-north-1.amazonaws.com.cn"},
        {"", "us-isob-east-1", {NULL}, "https://kms.us-isob-east-1.sc2s.sgov.gov"},
        {"", "us-iso-east-1", {NULL}, "https://kms.us-iso-east-1.c2s.ic.gov"},
        {"", "eusc-de-east-1", {NULL}, "https://kms.eusc-de-east-1.amazonaws.eu"},
        {"", "us-east-1", {"AWS_USE_FIPS_ENDPOINT", "true"}, "https://kms-fips.us-east-1.amazonaws.com"},
        {"", "us-east-1", {"AWS_USE_FIPS_ENDPOINT", "tRUE"}, "https://kms-fips.us-east-1.amazonaws.com"},
        {"", "us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT", "true"}, "https://kms.us-east-1.api.aws"},
        {"[default]\nuse_fips_endpoint = true\n", "us-east-1", {NULL}, "https://kms-fips.us-east-1.amazonaws.com"},
        {"", "r", {"AWS_ENDPOINT_URL", "http://a", "AWS_ENDPOINT_URL_KMS", "http://b/p/"}, "http://b/p"},
        {"", "r", {"AWS_ENDPOINT_URL", "http://a/", "AWS_ENDPOINT_URL_STS", "http://b"}, "http://a"},
        {"[default]\nendpoint_url = http://c\n", "r", {NULL}, "http://c"},
        {"[default]\nservices = dev\nendpoint_url = http://c\n[services dev]\ns3 =\n  endpoint_url = http://s\nkms =\n"
         "  endpoint_url = http://k\n",
         "r",
         {NULL},
         "http://k"},
        {"[default]\nendpoint_url = http://c\n",
         "r",
         {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"},
         "https://kms.r.amazonaws.com"},
        {"", "evil.example/", {NULL}, NULL},
        {"", "a@b", {NULL}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        struct sops_err e = {0};
        struct sops_buf url = {0};
        const struct sops_aws *aws;
        bool custom;
        cloud_new(&c);
        (void)cloud_write(&c, ".aws/config", cases[i].config);
        for (size_t n = 0; cases[i].env[n] != NULL; n += 2) {
            cloud_set(&c, cases[i].env[n], cases[i].env[n + 1]);
        }
        assert_ok(sops_aws_setup(&c.world, SOPS_LIT(""), &aws, &e), &e);
        bool ok = sops_aws_endpoint(&c.world, aws, "kms", sops_str(cases[i].region), &url, &custom, &e);
        assert_int_equal(ok, cases[i].url != NULL);
        if (ok) {
            assert_slice(sops_buf_view(&url), cases[i].url);
            assert_int_equal(custom, strstr(cases[i].url, "https") == NULL);
            size_t n = url.len;
            sops_buf_cut(&url, 0);
            assert_ok(sops_aws_service_url(&c.world, aws, "kms", sops_str(cases[i].region), &url, &e), &e);
            assert_int_equal(url.len, n + (strchr(cases[i].url + 8, '/') == NULL));
            assert_true(strchr(cases[i].url + 8, '/') != NULL || url.ptr[n] == '/');
        }
        sops_err_clear(&e);
        sops_buf_free(&url);
        cloud_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files), cmocka_unit_test(servers), cmocka_unit_test(web_identity),
        cmocka_unit_test(sso),   cmocka_unit_test(process), cmocka_unit_test(endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
