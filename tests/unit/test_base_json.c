/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that we write. */
#include "testing.h"

#include "base/json.h"

static void quoted(void **state)
{
    (void)state;
    const struct {
        struct sops_slice text;
        const char *json;
    } cases[] = {
        {SOPS_LIT(""), "\"\""},
        {SOPS_LIT("a\"b\\c\n\x01</"), "\"a\\\"b\\\\c\\u000a\\u0001</\""},
        {SOPS_LIT("\xc3\xa4\xf0\x9f\x94\x91\x7f"), "\"\xc3\xa4\xf0\x9f\x94\x91\x7f\""},
        {SOPS_LIT("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {SOPS_LIT("x\0y"), "\"x\\u0000y\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        assert_ok(sops_json_quote(&out, cases[i].text, &e), &e);
        assert_slice(sops_buf_view(&out), cases[i].json);
        sops_buf_free(&out);
    }
}

static void members(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf out = {0};
    assert_ok(sops_buf_adds(&out, "front {", &e) && sops_json_add(&out, "a\"", SOPS_LIT("{"), &e) &&
                  sops_json_add_base64(&out, "b", SOPS_B64_STD, SOPS_LIT("f"), &e) &&
                  sops_json_begin(&out, "c", '[', &e) && sops_json_add(&out, NULL, SOPS_LIT("["), &e) &&
                  sops_json_add_int(&out, NULL, -7, &e) && sops_json_begin(&out, NULL, '{', &e) &&
                  sops_buf_addc(&out, '}', &e) && sops_json_begin(&out, NULL, '{', &e) &&
                  sops_json_add_value(&out, "d", SOPS_LIT("true"), &e) && sops_buf_adds(&out, "}]", &e) &&
                  sops_json_add_base64(&out, "e", SOPS_B64_URL, SOPS_LIT("\xff"), &e) && sops_buf_addc(&out, '}', &e),
              &e);
    assert_slice(sops_buf_view(&out),
                 "front {\"a\\\"\":\"{\",\"b\":\"Zg==\",\"c\":[\"[\",-7,{},{\"d\":true}],\"e\":\"_w\"}");
    sops_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quoted), cmocka_unit_test(members)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
