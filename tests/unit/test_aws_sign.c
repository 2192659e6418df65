/* SPDX-License-Identifier: Apache-2.0 */
/* Signature Version 4: the vectors of Amazon's test suite that our requests can look like, and those of
 * docs/spec/60-keysources.md#aws-sigv4. */
#include "testing.h"

#include "cloud/aws_sign.h"

#include <stdio.h>

#define BODY                                                                                                           \
    "{\"EncryptionContext\":{\"foo\":\"bar\"},\"KeyId\":\"arn:aws:kms:us-west-2:107501996527:key/"                     \
    "612d5f0p-p1l3-45e6-aca6-a5b005693a48\",\"Plaintext\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}"

static const struct sops_aws_creds creds = {
    .id = {(const uint8_t *)"AKIDEXAMPLE", 11},
    .secret = {(const uint8_t *)"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40},
};

/* The value of the authorization line, and whether `line` is among the others. */
static struct sops_slice sign(struct sops_arena *a, const struct sops_aws_request *r, const struct sops_aws_creds *who,
                              const char *line)
{
    struct sops_err e = {0};
    const char *const *lines;
    struct sops_slice found = {0};
    bool seen = line == NULL;
    assert_ok(sops_aws_sign(a, r, who, 1440938160, &lines, &e), &e);
    for (; *lines != NULL; lines++) {
        struct sops_slice text = sops_str(*lines);
        if (sops_slice_starts(text, SOPS_LIT("authorization: "))) {
            found = sops_slice_skip(text, 15);
        }
        seen = seen || sops_slice_eq(text, sops_str(line));
    }
    assert_true(seen);
    return found;
}

static void suite(void **state)
{
    (void)state;
    static const struct {
        const char *method, *url, *signature;
    } cases[] = {
        {"GET", "https://example.amazonaws.com/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"GET", "https://example.amazonaws.com", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"GET", "https://example.amazonaws.com:443/",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"POST", "https://example.amazonaws.com/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_arena a = {0};
        char want[256];
        struct sops_aws_request r = {
            .method = cases[i].method, .url = cases[i].url, .service = "service", .region = SOPS_LIT("us-east-1")};
        (void)snprintf(want, sizeof want,
                       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                       "SignedHeaders=host;x-amz-date, Signature=%s",
                       cases[i].signature);
        assert_slice(sign(&a, &r, &creds, "x-amz-date: 20150830T123600Z"), want);
        sops_arena_free(&a);
    }
}

#define SCOPE "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/kms/aws4_request, SignedHeaders="

static void kms(void **state)
{
    (void)state;
    const struct sops_header headers[] = {
        {"x-amz-target", SOPS_LIT("TrentService.Encrypt")},
        {"content-type", SOPS_LIT("application/x-amz-json-1.1")},
        {NULL, {NULL, 0}},
    };
    const struct sops_header longer[] = {headers[0], headers[1], {"content-length", SOPS_LIT("180")}, headers[2]};
    struct sops_aws_creds temporary = creds;
    struct sops_arena a = {0};
    struct sops_aws_request r = {.method = "POST",
                                 .url = "https://kms.us-west-2.amazonaws.com/",
                                 .service = "kms",
                                 .region = SOPS_LIT("us-west-2"),
                                 .headers = headers,
                                 .body = SOPS_LIT(BODY)};
    assert_int_equal(r.body.len, 180);
    assert_slice(sign(&a, &r, &creds, "host: kms.us-west-2.amazonaws.com"),
                 SCOPE "content-type;host;x-amz-date;x-amz-target, "
                       "Signature=d836ea0ac788ab12285c0ae2762d0c47dc349fcfa017d5a2df1d96da8b262c3f");
    r.url = "https://user:canary@kms.us-west-2.amazonaws.com/"; /* a user is no part of the host */
    assert_slice(sign(&a, &r, &creds, "host: kms.us-west-2.amazonaws.com"),
                 SCOPE "content-type;host;x-amz-date;x-amz-target, "
                       "Signature=d836ea0ac788ab12285c0ae2762d0c47dc349fcfa017d5a2df1d96da8b262c3f");
    temporary.token = SOPS_LIT("TOKEN");
    assert_slice(sign(&a, &r, &temporary, "x-amz-security-token: TOKEN"),
                 SCOPE "content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                       "Signature=373675e5e5a2b10ad3ff72b6f4a81b3f410f57721cc6c704c3cd58577b29f571");
    r.headers = longer;
    assert_slice(sign(&a, &r, &creds, "content-length: 180"),
                 SCOPE "content-length;content-type;host;x-amz-date;x-amz-target, "
                       "Signature=874bd6c09a88952cf9431a418a819e285b7277a23b3260de6efc64bb8039a94c");
    sops_arena_free(&a);
}

/* S3 wants the body's hash as a header, and its path is encoded once. */
static void content_hash(void **state)
{
    (void)state;
    struct sops_arena a = {0};
    struct sops_aws_request r = {.method = "PUT",
                                 .url = "https://b.s3.us-east-1.amazonaws.com/a%20b",
                                 .service = "s3",
                                 .region = SOPS_LIT("us-east-1"),
                                 .content_hash = true};
    struct sops_slice once =
        sign(&a, &r, &creds, "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_true(
        sops_slice_starts(once, SOPS_LIT("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/s3/"
                                         "aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, ")));
    sops_arena_free(&a);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const urls[] = {"ftp://host/", "host", "https://", "https:///path"};
    struct sops_header many[20] = {{NULL, {NULL, 0}}};
    struct sops_err e = {0};
    const char *const *lines;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct sops_arena a = {0};
        struct sops_aws_request r = {.method = "GET", .url = urls[i], .service = "s", .region = SOPS_LIT("r")};
        assert_fails(sops_aws_sign(&a, &r, &creds, 0, &lines, &e), &e, SOPS_E_GENERIC);
        sops_arena_free(&a);
    }
    for (size_t i = 0; i < 19; i++) {
        many[i] = (struct sops_header){"x-a", SOPS_LIT("1")};
    }
    struct sops_arena a = {0};
    struct sops_aws_request r = {
        .method = "GET", .url = "https://h/", .service = "s", .region = SOPS_LIT("r"), .headers = many};
    assert_fails(sops_aws_sign(&a, &r, &creds, 0, &lines, &e), &e, SOPS_E_GENERIC);
    sops_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite),
        cmocka_unit_test(kms),
        cmocka_unit_test(content_hash),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
