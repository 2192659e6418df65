/* SPDX-License-Identifier: Apache-2.0 */
/* When two values are equal, where they differ, and what the digest tells. */
#include "testing.h"

#include "sync/value.h"

static void changes(void **state)
{
    static const struct {
        const char *ours, *theirs, *shown; /* paths for people, with + and -; "" for equal ones */
    } rows[] = {
        {"{\"a\":1,\"b\":\"x\"}", "{ \"b\":\"x\",\n\"a\":10e-1 }", ""},
        {"{\"a\":1}", "{\"a\":1.0}", ""},
        {"{\"a\":0}", "{\"a\":-0.00}", ""},
        {"{\"n\":9007199254740993}", "{\"n\":9007199254740992}", "n"},
        {"{\"n\":9007199254740993}", "{\"n\":9.007199254740993e15}", ""},
        {"{\"a\":1}", "{\"a\":1,\"a\":1}", "(the value)"},
        {"{\"a\":1}", "{\"a\":2,\"a\":1}", "(the value)"},
        {"{\"a\":{\"b\":[1,2,{\"c\":\"x\"}],\"k.l\":1,\"gone\":1},\"t\":{\"m\":1}}",
         "{\"a\":{\"b\":[1,3,{\"c\":\"y\"},4],\"k.l\":2},\"t\":\"text\",\"z\":0}",
         "a.b[1] a.b[2].c -a.b[3] +a.gone a[\"k.l\"] t -z"},
        {"{\"a\":null}", "{}", "+a"},
        {"{\"a\":true}", "{\"a\":false}", "a"},
        {"{\"a\":[]}", "{\"a\":{}}", "a"},
        {"{\"a\":\"1\"}", "{\"a\":1}", "a"},
        {"{\"\":1}", "{\"\":2}", "[\"\"]"},
        {"text", "text", ""},
        {"text", "texT", "(the value)"},
        {"[1]", "[1.0]", "(the value)"}, /* no objects: bytes count */
        {"{}", "", "(the value)"},
        {"{}", "{} x", "(the value)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_changes c;
        struct sops_buf shown = {0};
        static const char *const signs[] = {"", "+", "-"};
        assert_ok(sops_value_compare(&a, sops_str(rows[i].ours), sops_str(rows[i].theirs), &c, &e), &e);
        for (const struct sops_change *one = c.first; one != NULL; one = one->next) {
            assert_ok(sops_buf_adds(&shown, shown.len != 0 ? " " : "", &e) &&
                          sops_buf_adds(&shown, signs[one->kind], &e) && sops_change_path(one->path, &shown, &e),
                      &e);
        }
        assert_slice(sops_buf_view(&shown), rows[i].shown);
        sops_buf_free(&shown);
        sops_arena_free(&a);
    }
}

static void as_json(void **state)
{
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_changes c;
    struct sops_buf out = {0};
    (void)state;
    assert_ok(sops_buf_addc(&out, '{', &e) &&
                  sops_value_compare(&a, SOPS_LIT("{\"a\":[1]}"), SOPS_LIT("{\"a\":[2],\"b\":0}"), &c, &e) &&
                  sops_changes_json(&c, &out, &e),
              &e);
    assert_slice(sops_buf_view(&out), "{\"changes\":[{\"change\":\"changed\",\"path\":[\"a\",0]},"
                                      "{\"change\":\"removed\",\"path\":[\"b\"]}]");
    sops_buf_free(&out);
    assert_ok(sops_change_json(NULL, &out, &e), &e);
    assert_slice(sops_buf_view(&out), "[]");
    sops_buf_free(&out);
    sops_arena_free(&a);
}

static void digest(const char *key_text, const char *name, const char *value, char out[SOPS_DIGEST_TEXT])
{
    struct sops_err e = {0};
    uint8_t key[32];
    sops_digest_key(sops_str(key_text), key);
    assert_ok(
        sops_digest_text(key, "aws_secretsmanager", SOPS_LIT("eu-west-1"), sops_str(name), sops_str(value), out, &e),
        &e);
    assert_int_equal(strlen(out), 22);
}

static void digests(void **state)
{
    char one[SOPS_DIGEST_TEXT], two[SOPS_DIGEST_TEXT];
    (void)state;
    digest("k", "n", "{\"a\":1.50,\"b\":2}", one);
    digest("k", "n", "{ \"b\":2.0, \"a\":15e-1 }", two);
    assert_string_equal(one, two); /* equal objects, however they are written */
    digest("k", "other", "{\"a\":1.50,\"b\":2}", two);
    assert_string_not_equal(one, two); /* equal values of two items do not show */
    digest("other", "n", "{\"a\":1.50,\"b\":2}", two);
    assert_string_not_equal(one, two);
    digest("k", "n", "1.50", one);
    digest("k", "n", "1.5", two);
    assert_string_not_equal(one, two); /* what is no object counts by its bytes */
}

static void tokens(void **state)
{
    char one[37], two[37];
    (void)state;
    sops_token_text(SOPS_LIT(""), "digest", one);
    assert_int_equal(strlen(one), 36);
    assert_true(one[8] == '-' && one[13] == '-' && one[18] == '-' && one[23] == '-');
    sops_token_text(SOPS_LIT(""), "digest", two);
    assert_string_equal(one, two);
    sops_token_text(SOPS_LIT("version"), "digest", two); /* going back to a value needs another token */
    assert_string_not_equal(one, two);
}

static void rounded(void **state)
{
    static const char *const rows[][2] = {
        {"{\"a\":{\"n\":[1,9007199254740993]}}", "a.n[1]"},
        {"{\"n\":9007199254740992,\"f\":0.1234567890123456789,\"g\":-2.5e-7}", ""},
        {"{\"n\":-9007199254740993}", "n"},
        {"{\"n\":100000000000000000000000}", ""},
        {"{\"n\":100000000000000000000001}", "n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf path = {0};
        assert_ok(sops_value_rounded(sops_str(rows[i][0]), &path, &e), &e);
        assert_slice(sops_buf_view(&path), rows[i][1]);
        sops_buf_free(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes), cmocka_unit_test(as_json), cmocka_unit_test(digests),
        cmocka_unit_test(tokens),  cmocka_unit_test(rounded),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
