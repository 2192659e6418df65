/* SPDX-License-Identifier: Apache-2.0 */
/* Huawei Cloud KMS: signature, key ids, credentials, projects, answers. */
#include "cloud_world.h"

#include "cloud/huawei.h"

#define UUID "12345678-1234-1234-1234-123456789abc"
#define HW_KEY(id)                                                                                                     \
    {                                                                                                                  \
        .source = &sops_keysource_hckms, .field = {SOPS_LIT(id)}, .enc = SOPS_LIT("enc-text")                          \
    }

/* Vectors of docs/spec/60-keysources.md#huawei-signature-sdk-hmac-sha256; 20060102T150405Z. */
static void signature(void **state)
{
    (void)state;
    static const struct {
        const char *method, *url, *body, *sum;
    } cases[] = {
        {"GET", "https://h/path?limit=1", "", "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624"},
        {"POST", "https://h/path?key=value", "{\"Name\":\"test\",\"Id\":1}\n",
         "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59"},
    };
    const struct sops_huawei_creds creds = {.id = SOPS_LIT("AccessKey"), .secret = SOPS_LIT("SecretKey")};
    for (size_t i = 0; i < 2; i++) {
        struct sops_arena a = {0};
        struct sops_err e = {0};
        const char *const *lines;
        char want[256];
        struct sops_huawei_request r = {
            .method = cases[i].method, .url = cases[i].url, .body = sops_str(cases[i].body)};
        assert_ok(sops_huawei_sign(&a, &r, &creds, 1136214245, &lines, &e), &e);
        (void)snprintf(want, sizeof want,
                       "Authorization: SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=x-sdk-date, Signature=%s",
                       cases[i].sum);
        assert_string_equal(lines[0], "x-sdk-date: 20060102T150405Z");
        assert_string_equal(lines[1], want);
        r.url = "ftp://h/";
        assert_fails(sops_huawei_sign(&a, &r, &creds, 0, &lines, &e), &e, SOPS_E_GENERIC);
        sops_arena_free(&a);
    }
}

static void ids(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id, *words;
    } cases[] = {
        {"tr-west-1:" UUID, "tr-west-1:" UUID, NULL},
        {"  tr-west-1:" UUID "\t", "tr-west-1:" UUID, NULL},
        {UUID, NULL, "invalid key ID format: expected 'region:key-uuid', got \"" UUID "\""},
        {":" UUID, NULL, "region cannot be empty in key ID: \":" UUID "\""},
        {"tr-west-1:", NULL, "key UUID cannot be empty in key ID: \"tr-west-1:\""},
        {"tr-west-1: ", NULL, "key UUID cannot be empty"},
        {"", NULL, "got \"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_arena a = {0};
        struct sops_err e = {0};
        struct sops_key k = {.source = &sops_keysource_hckms};
        bool ok = k.source->parse(NULL, &a, sops_str(cases[i].text), &k, &e);
        assert_int_equal(ok, cases[i].id != NULL);
        if (ok) {
            assert_slice(k.field[0], cases[i].id);
            assert_ok(k.source->check(&k, &e), &e);
        } else {
            assert_non_null(strstr(e.msg, cases[i].words));
        }
        sops_err_clear(&e);
        sops_arena_free(&a);
    }
}

static void with_project(struct cloud_world *c)
{
    cloud_new(c);
    cloud_set(c, "HUAWEICLOUD_SDK_AK", "HWALICE");
    cloud_set(c, "HUAWEICLOUD_SDK_SK", "canary");
    cloud_set(c, "HUAWEICLOUD_SDK_PROJECT_ID", "project-1");
}

static void answers(void **state)
{
    (void)state;
    static const struct cloud_case cases[] = {
        {"encrypt", false, "enc-text", NULL},
        {"decrypt", true, CLOUD_PLAIN, NULL},
        {"denied", false, NULL,
         "failed to encrypt sops data key with HuaweiCloud KMS: status 403, KMS.1105: words (request id rid), "
         "credentials used: HUAWEICLOUD_SDK_AK"},
        {"no-key", false, NULL, "KMS.1101"},
        {"disabled", false, NULL, "KMS.1102"},
        {"wrong-version", true, NULL, "failed to decrypt sops data key with HuaweiCloud KMS: status 400, KMS.2602"},
        {"throttled", false, NULL, "status 429"},
        {"error-500", false, NULL, "status 500"},
        {"flat-error", false, NULL, "KMS.9: flat"},
        {"other-error", false, NULL, "KMS.8: other"},
        {"not-json", false, NULL, "not JSON"},
        {"cut", false, NULL, "not JSON"},
        {"no-ciphertext", false, NULL, "encryption response missing ciphertext"},
        {"no-plaintext", true, NULL, "decryption response missing plaintext"},
        {"not-base64", true, NULL, "failed to base64 decode decrypted data key"},
        {"time-out", false, NULL, "timed out"},
        {"too-long", false, NULL, "the answer is too long"},
        {"no-answer", false, NULL, "connection refused"},
    };
    struct cloud_world c;
    const struct sops_key k = HW_KEY("tr-west-1:" UUID);
    with_project(&c);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cloud_run_case(&c, "hckms", &cases[i], &k);
    }
    cloud_free(&c);
}

static void places(void **state)
{
    (void)state;
    static const struct {
        struct cloud_case t;
        const char *file; /* ~/.huaweicloud/credentials */
        const char *env[8];
    } cases[] = {
        {{"encrypt", false, "enc-text", NULL}, "[basic]\nak = a\nsk = canary\nproject_id = project-1\n", {NULL}},
        {{"temporary", false, "enc-text", NULL},
         "[basic]\nak=a\nsk=canary\nproject_id=project-1\nsecurity_token=sts-token\n",
         {NULL}},
        {{"temporary", false, "enc-text", NULL},
         NULL,
         {"HUAWEICLOUD_SDK_AK", "a", "HUAWEICLOUD_SDK_SK", "canary", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "sts-token",
          "HUAWEICLOUD_SDK_PROJECT_ID", "project-1"}},
        {{"project", false, "enc-text", NULL}, "[basic]\nak = a\nsk = canary\n", {NULL}},
        {{"no-project", false, NULL,
          "failed to create HuaweiCloud KMS client: no project was found for the region 'tr-west-1'"},
         "[basic]\nak = a\nsk = canary\n",
         {NULL}},
        {{"two-projects", false, NULL, "several projects were found for the region 'tr-west-1'"},
         "[basic]\nak = a\nsk = canary\n",
         {NULL}},
        {{"iam-refuses", false, NULL, "the region 'tr-west-1': status 401, APIGW.0301"},
         "[basic]\nak = a\nsk = canary\niam_endpoint = iam.example\n",
         {NULL}},
        {{"iam-silent", false, NULL, "connection refused"},
         "[basic]\nak = a\nsk = canary\n",
         {"HUAWEICLOUD_SDK_IAM_ENDPOINT", "https://iam.example/"}},
        {{"instance", false, "enc-text", NULL}, NULL, {NULL}},
        {{"nothing", false, NULL,
          "unable to get credential in providers: environment: AK&SK or IdpId&IdTokenFile does not exist"},
         "[basic]\nak = a\n",
         {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_world c;
        const struct sops_key k = HW_KEY("tr-west-1:" UUID);
        cloud_new(&c);
        if (cases[i].file != NULL) {
            (void)cloud_write(&c, ".huaweicloud/credentials", cases[i].file);
        }
        for (size_t n = 0; n < 8 && cases[i].env[n] != NULL; n += 2) {
            cloud_set(&c, cases[i].env[n], cases[i].env[n + 1]);
        }
        cloud_run_case(&c, "hckms", &cases[i].t, &k);
        cloud_free(&c);
    }
}

static void id_token(void **state)
{
    (void)state;
    static const struct cloud_case t = {"id-token", false, "enc-text", NULL};
    struct cloud_world c;
    const struct sops_key k = HW_KEY("tr-west-1:" UUID);
    cloud_new(&c);
    cloud_set(&c, "HUAWEICLOUD_SDK_IDP_ID", "idp");
    cloud_set(&c, "HUAWEICLOUD_SDK_ID_TOKEN_FILE", cloud_write(&c, "token", "idt\n"));
    cloud_run_case(&c, "hckms", &t, &k);
    cloud_free(&c);
}

static void endpoints(void **state)
{
    (void)state;
    static const struct cloud_case second = {"second-endpoint", false, "enc-text", NULL};
    static const struct cloud_case file = {"regions-file", false, "enc-text", NULL};
    struct cloud_world c;
    const struct sops_key k = HW_KEY("tr-west-1:" UUID), unknown = HW_KEY("mars-north-1:" UUID);
    struct sops_err e = {0};
    struct sops_buf out = {0};
    with_project(&c);
    (void)cloud_write(
        &c, ".huaweicloud/regions.yaml",
        "KMS:\n  - {id: other, endpoint: https://other}\n  - id: tr-west-1\n    endpoints: [from.file/]\n");
    cloud_run_case(&c, "hckms", &file, &k);
    cloud_set(&c, "HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1", "one.example, http://two.example/");
    cloud_run_case(&c, "hckms", &second, &k);
    assert_false(k.source->wrap(&c.world, &unknown, SOPS_LIT(CLOUD_PLAIN), &out, &e));
    assert_non_null(strstr(e.msg, "invalid region \"mars-north-1\": it is none of ae-ad-1, "));
    sops_err_clear(&e);
    cloud_set(&c, "HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1", NULL);
    cloud_set(&c, "HUAWEICLOUD_SDK_REGIONS_FILE", "/none/such");
    assert_false(k.source->wrap(&c.world, &k, SOPS_LIT(CLOUD_PLAIN), &out, &e));
    assert_non_null(strstr(e.msg, "/none/such"));
    sops_err_clear(&e);
    cloud_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature), cmocka_unit_test(ids),      cmocka_unit_test(answers),
        cmocka_unit_test(places),    cmocka_unit_test(id_token), cmocka_unit_test(endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
