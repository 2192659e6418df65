/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS: keys' texts, and everything that the service may answer. */
#include "cloud_world.h"

#define ARN "arn:aws:kms:us-east-1:111122223333:alias/sops"
#define ENC "Y2lwaGVydGV4dCBvZiBrbXM="

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *arn, *role;
    } cases[] = {
        {" arn:aws:kms:us-west-2 :1:key/6 12 ", "arn:aws:kms:us-west-2:1:key/612", ""},
        {"arn:aws:kms:r:1:key/a+arn:aws:iam::9:role/sops-dev-xyz", "arn:aws:kms:r:1:key/a",
         "arn:aws:iam::9:role/sops-dev-xyz"},
        {"arn:aws-foobar:kms:bazbam:1:key/a+arn:aws-foobar:iam::9:role/x", "arn:aws-foobar:kms:bazbam:1:key/a",
         "arn:aws-foobar:iam::9:role/x"},
        {"+arn:aws:iam::9:role/x", "+arn:aws:iam::9:role/x", ""},
        {"", "", ""},
    };
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_arena a = {0};
        struct sops_key k = {.source = &sops_keysource_kms};
        assert_ok(k.source->parse(NULL, &a, sops_str(cases[i].text), &k, &e), &e);
        assert_slice(k.field[0], cases[i].arn);
        assert_slice(k.field[1], cases[i].role);
        sops_arena_free(&a);
    }
}

static void shown(void **state)
{
    (void)state;
    const struct sops_pair foo = {SOPS_LIT("foo"), SOPS_LIT("bar"), NULL},
                           baz = {SOPS_LIT("baz"), SOPS_LIT("bam"), &foo};
    const struct {
        const char *role, *profile;
        const struct sops_pair *map;
        const char *want;
    } cases[] = {
        {"", "", NULL, "ARN"},
        {"role", "", NULL, "ARN+role"},
        {"", "profile", NULL, "ARN||profile"},
        {"", "", &baz, "ARN|baz:bam,foo:bar"},
        {"role", "profile", &baz, "ARN+role|baz:bam,foo:bar|profile"},
    };
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf out = {0};
        struct sops_key k = {.source = &sops_keysource_kms, .map = cases[i].map};
        k.field[0] = SOPS_LIT("ARN");
        k.field[1] = sops_str(cases[i].role);
        k.field[3] = sops_str(cases[i].profile);
        assert_ok(k.source->show(&k, &out, &e), &e);
        assert_slice(sops_buf_view(&out), cases[i].want);
        sops_buf_free(&out);
    }
}

static void answers(void **state)
{
    (void)state;
    static const struct cloud_case cases[] = {
        {"encrypt", false, ENC, NULL},
        {"decrypt", true, CLOUD_PLAIN, NULL},
        {"denied", false, NULL, "api error AccessDeniedException: words of the service (credentials used: AWS_ACCESS"},
        {"no-key", false, NULL, "StatusCode: 400, RequestID: id-1, NotFoundException: words of the service"},
        {"disabled", false, NULL, " DisabledException:"},
        {"wrong-context", false, NULL, " InvalidCiphertextException:"},
        {"wrong-version", true, NULL, "failed to decrypt sops data key with AWS KMS: operation error KMS: Decrypt"},
        {"bad-signature", false, NULL, "InvalidSignatureException"},
        {"unknown-key-id", false, NULL, "UnrecognizedClientException"},
        {"expired", false, NULL, "ExpiredTokenException"},
        {"throttled", false, ENC, NULL},
        {"error-500", false, NULL, "exceeded maximum number of attempts, 3, https response error StatusCode: 500"},
        {"error-502", false, ENC, NULL},
        {"not-json", false, NULL, "failed to decode response body"},
        {"cut", false, NULL, "failed to decode response body"},
        {"no-body", false, NULL, "unexpected end of JSON input"},
        {"empty", false, NULL, "holds no CiphertextBlob"},
        {"list", false, NULL, "holds no CiphertextBlob"},
        {"wrong-type", false, NULL, "holds no CiphertextBlob"},
        {"not-base64", true, NULL, "base64"},
        {"no-answer", false, NULL, "StatusCode: 0, RequestID: , request send failed, connection refused"},
        {"time-out", false, ENC, NULL},
        {"too-long", false, NULL, "request send failed, the answer is too long"},
        {"certificate", false, NULL, "SSL certificate problem"},
        {"error-is-not-json", false, NULL, "deserialization failed"},
    };
    struct cloud_world c;
    struct sops_key k = {.source = &sops_keysource_kms, .field = {SOPS_LIT(ARN)}, .enc = SOPS_LIT(ENC)};
    cloud_new(&c);
    cloud_set(&c, "AWS_ACCESS_KEY_ID", "AKIDALICE");
    cloud_set(&c, "AWS_SECRET_ACCESS_KEY", "canary-secret");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cloud_run_case(&c, "aws", &cases[i], &k);
    }
    cloud_free(&c);
}

static void variants(void **state)
{
    (void)state;
    static const struct cloud_case context = {"context", false, ENC, NULL}, temporary = {"temporary", false, ENC, NULL};
    static const struct cloud_case endpoint = {"endpoint", false, ENC, NULL};
    const struct sops_pair env = {SOPS_LIT("env"), SOPS_LIT("a\"b"), NULL},
                           app = {SOPS_LIT("app"), SOPS_LIT("shop"), &env};
    struct cloud_world c;
    struct sops_key k = {.source = &sops_keysource_kms, .field = {SOPS_LIT(ARN)}, .map = &app};
    cloud_new(&c);
    cloud_set(&c, "AWS_ACCESS_KEY_ID", "AKIDALICE");
    cloud_set(&c, "AWS_SECRET_ACCESS_KEY", "canary-secret");
    cloud_run_case(&c, "aws", &context, &k);
    k.map = NULL;
    cloud_set(&c, "AWS_SESSION_TOKEN", "canary-token");
    cloud_run_case(&c, "aws", &temporary, &k);
    cloud_set(&c, "AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
    cloud_run_case(&c, "aws", &endpoint, &k);
    cloud_free(&c);
}

/* Nothing is sent for an ARN that is none, or an enc that is none. */
static void unsent(void **state)
{
    (void)state;
    static const char *const arns[] = {
        "",
        "1234abcd",
        "arn:gcp:kms:a::key/x",
        "arn:aws:kms::1:key/x",
        "arn:aws:kms:r:1:key/",
        "arn:aws:kms:r::key/x",
        "arn:aws:s3:r:1:key/x",
        "arn:aws:kms:r:1:key/a b",
        "arn:aws:kms:r\r\nx: y:1:key/a",
    };
    struct cloud_world c;
    struct sops_err e = {0};
    struct sops_buf out = {0};
    cloud_new(&c);
    for (size_t i = 0; i < sizeof arns / sizeof arns[0]; i++) {
        struct sops_key k = {.source = &sops_keysource_kms, .field = {sops_str(arns[i])}};
        assert_false(k.source->wrap(&c.world, &k, SOPS_LIT(CLOUD_PLAIN), &out, &e));
        assert_non_null(strstr(e.msg, "no valid ARN found in '"));
        sops_err_clear(&e);
    }
    struct sops_key k = {.source = &sops_keysource_kms, .field = {SOPS_LIT(ARN)}, .enc = SOPS_LIT("inv?lid")};
    assert_false(k.source->unwrap(&c.world, &k, &out, &e));
    assert_non_null(strstr(e.msg, "error base64-decoding encrypted data key"));
    sops_err_clear(&e);
    assert_int_equal(c.asked, 0);
    sops_buf_free(&out);
    cloud_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),    cmocka_unit_test(shown),  cmocka_unit_test(answers),
        cmocka_unit_test(variants), cmocka_unit_test(unsent),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
