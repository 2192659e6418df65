/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that others wrote: what is taken, what is refused, the bytes that stay, and the one form of a value. */
#include "testing.h"

#include "base/json.h"
#include "base/json_tree.h"

static struct sops_err err;

static bool reads(const char *text)
{
    struct sops_arena a = {0};
    struct sops_json_value *root;
    struct sops_err e = {0};
    bool ok = sops_json_read(&a, sops_str(text), &root, &e);
    assert_true(ok == (root != NULL));
    assert_true(ok || (e.code == SOPS_E_GENERIC && strstr(e.msg, "not JSON") != NULL));
    sops_err_clear(&e);
    sops_arena_free(&a);
    return ok;
}

static void grammar(void **state)
{
    static const char *const good[] = {"{}",
                                       "[]",
                                       " null ",
                                       "\"\"",
                                       "-0",
                                       "0.5e+10",
                                       "[1,[2,{\"a\":[]}]]",
                                       "{\"a\":1,\"a\":2}",
                                       "\"\\ud83d\\ude00\\u0000\""};
    static const char *const bad[] = {"",    "{",      "[1,]",     "{\"a\"}",   "{\"a\":}",  "{,}",
                                      "01",  "1.",     "1e",       "-",         "+1",        "nul",
                                      "\"a", "\"\t\"", "\"\\x\"",  "\"\\u12\"", "1 2",       "{a:1}",
                                      "'a'", "[1 2]",  "\"\xff\"", "]",         "{\"a\":1]", "[\"a\":1]"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!reads(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (reads(bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void limits(void **state)
{
    struct sops_buf text = {0};
    (void)state;
    assert_ok(sops_buf_addn(&text, '[', SOPS_JSON_DEPTH_MAX, &err) &&
                  sops_buf_addn(&text, ']', SOPS_JSON_DEPTH_MAX, &err) && sops_buf_cstr(&text, &err) != NULL,
              &err);
    assert_true(reads((const char *)text.ptr));
    sops_buf_cut(&text, 0);
    assert_ok(sops_buf_addn(&text, '[', SOPS_JSON_DEPTH_MAX + 1, &err) &&
                  sops_buf_addn(&text, ']', SOPS_JSON_DEPTH_MAX + 1, &err) && sops_buf_cstr(&text, &err) != NULL,
              &err);
    assert_false(reads((const char *)text.ptr));
    sops_buf_cut(&text, 0);
    assert_ok(sops_buf_addc(&text, '[', &err), &err);
    for (size_t i = 0; i < SOPS_JSON_VALUES_MAX; i++) {
        assert_ok(sops_buf_adds(&text, i == 0 ? "1" : ",1", &err), &err);
    }
    assert_ok(sops_buf_addc(&text, ']', &err) && sops_buf_cstr(&text, &err) != NULL, &err);
    assert_false(reads((const char *)text.ptr));
    sops_buf_free(&text);
}

static void bytes_stay(void **state)
{
    static const char text[] =
        "{ \"n\": 1.50, \"o\" : { \"x\" :\t[ 1 ] }, \"s\":\"a\\u0041\\n\", \"k\\u0065y\": null }";
    struct sops_arena a = {0};
    struct sops_json_value *root;
    static const char *const way[] = {"o", "x", NULL};
    (void)state;
    assert_ok(sops_json_read(&a, sops_str(text), &root, &err), &err);
    assert_slice(sops_json_member(root, SOPS_LIT("n"))->raw, "1.50");
    assert_slice(sops_json_member(root, SOPS_LIT("o"))->raw, "{ \"x\" :\t[ 1 ] }");
    assert_slice(sops_json_path(root, way)->raw, "[ 1 ]");
    assert_slice(sops_json_member_text(root, "s"), "aA\n");
    assert_int_equal(sops_json_member(root, SOPS_LIT("key"))->kind, SOPS_JSON_NULL);
    assert_null(sops_json_member(root, SOPS_LIT("nope")));
    assert_null(sops_json_member(NULL, SOPS_LIT("n")));
    assert_null(sops_json_member_text(root, "n").ptr);
    sops_arena_free(&a);
}

static void repeated(void **state)
{
    struct sops_arena a = {0};
    struct sops_json_value *root;
    struct sops_buf out = {0};
    bool twice = false;
    (void)state;
    assert_ok(sops_json_read(&a, SOPS_LIT("{\"b\":1,\"a\":{\"z\":1,\"y\":2},\"b\":3}"), &root, &err), &err);
    assert_slice(sops_json_member(root, SOPS_LIT("b"))->raw, "1");
    assert_slice(sops_json_last_member(root, SOPS_LIT("b"))->raw, "3");
    assert_ok(sops_json_sort(root, &twice, &err) && sops_json_print(&out, root, SOPS_JSON_GO, &err), &err);
    assert_true(twice);
    assert_slice(sops_buf_view(&out), "{\"a\":{\"y\":2,\"z\":1},\"b\":3}");
    sops_buf_free(&out);
    sops_arena_free(&a);
}

static void written(void **state)
{
    static const struct {
        const char *in;
        enum sops_json_style style;
        const char *out;
    } rows[] = {
        {"[ 1.0 , \"<&>\\u2028\" ]", SOPS_JSON_GO, "[1.0,\"\\u003c\\u0026\\u003e\\u2028\"]"},
        {"[\"<&>\\u007f\\b\\f\\u0001\"]", SOPS_JSON_GO_PLAIN, "[\"<&>\x7f\\b\\f\\u0001\"]"},
        {"[1.0,10e-1,100,0.0,-0,-1.50E2,9007199254740993]", SOPS_JSON_CANON,
         "[1e0,1e0,1e2,0,0,-15e1,9007199254740993e0]"},
        {"{\"a\":[],\"b\":{},\"c\":[[],{}]}", SOPS_JSON_CANON, "{\"a\":[],\"b\":{},\"c\":[[],{}]}"},
        {"1e99999999999999999999", SOPS_JSON_CANON, "1e99999999999999999999"},
        {"\"x\"", SOPS_JSON_CANON, "\"x\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_arena a = {0};
        struct sops_json_value *root;
        struct sops_buf out = {0};
        assert_ok(sops_json_read(&a, sops_str(rows[i].in), &root, &err) &&
                      sops_json_print(&out, root, rows[i].style, &err),
                  &err);
        assert_slice(sops_buf_view(&out), rows[i].out);
        sops_buf_free(&out);
        sops_arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar),  cmocka_unit_test(limits),  cmocka_unit_test(bytes_stay),
        cmocka_unit_test(repeated), cmocka_unit_test(written),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
