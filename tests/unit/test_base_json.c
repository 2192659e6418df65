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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quoted)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
