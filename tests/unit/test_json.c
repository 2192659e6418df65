/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in, texts out; and documents that no person writes: deep ones, long ones, cut ones. */
#include "formats/json.h"

#include "testing.h"

static const struct sops_style usual;

static void check(const struct sops_buf *out, const char *want)
{
    if (out->len != strlen(want) || memcmp(out->ptr, want, out->len) != 0) {
        fail_msg("got\n%.*s\nwanted\n%s", (int)out->len, (const char *)out->ptr, want);
    }
}

static void what_is_read_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"{}", "{}\n"},
        {" \t\r\n{\"a\":[],\"b\":{}}", "{\n\t\"a\": [],\n\t\"b\": {}\n}\n"},
        {"{\"a\":[1,[2,{\"b\":null}],true,false]}", "{\n\t\"a\": [\n\t\t1,\n\t\t[\n\t\t\t2,\n\t\t\t{\n\t\t\t\t\"b\": "
                                                    "null\n\t\t\t}\n\t\t],\n\t\ttrue,\n\t\tfalse\n\t]\n}\n"},
        {"{\"z\":1,\"a\":2,\"z\":3}", "{\n\t\"z\": 1,\n\t\"a\": 2,\n\t\"z\": 3\n}\n"},
        {"{\"n\":[-0,-0.0,1.0,1e3,1E-7,12345678901234567890,9223372036854775807,-9223372036854775808,1e-400]}",
         "{\n\t\"n\": "
         "[\n\t\t0,\n\t\t-0.0,\n\t\t1,\n\t\t1000,\n\t\t1e-7,\n\t\t12345678901234567000,\n\t\t9223372036854775807,\n"
         "\t\t-9223372036854775808,\n\t\t0\n\t]\n}\n"},
        {"{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9\\u20AC<>&\x7f\"}",
         "{\n\t\"s\": \"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\xC3\xA9\xE2\x82\xAC\\u003c\\u003e\\u0026\x7f\"\n}\n"},
        {"{\"s\":\"\\ud83d\\ude00 \\ud83d \\ud83d\\ud83d\\ude00 \\ude00 \\ud83d\\u0041\"}",
         "{\n\t\"s\": \"\xF0\x9F\x98\x80 \xEF\xBF\xBD \xEF\xBF\xBD\xF0\x9F\x98\x80 \xEF\xBF\xBD \xEF\xBF\xBD"
         "A\"\n}\n"},
        {"\xEF\xBB\xBF{}\n", "{}\n"},
        {"{\"\":\"\xE2\x80\xA8\xE2\x80\xA9\xEF\xBB\xBF\xEF\xBF\xBF\"}",
         "{\n\t\"\": \"\\u2028\\u2029\xEF\xBB\xBF\xEF\xBF\xBF\"\n}\n"},
        {"{\"eight and more plain bytes < then\":\"12345678>1234567&\"}",
         "{\n\t\"eight and more plain bytes \\u003c then\": \"12345678\\u003e1234567\\u0026\"\n}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_json_parse(&d, sops_str(cases[i].in), &e));
        assert_int_equal(d.notes.len != 0, strstr(cases[i].in, "-0,-0.0") != NULL); /* numbers of other texts */
        assert_true(sops_doc_emit(&d, &sops_format_json, &usual, &out, &e));
        check(&out, cases[i].want);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

static void what_cannot_be_read_has_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned line, column;
    } cases[] = {
        {"", 1, 1},
        {" \n\n", 3, 1},
        {"\xEF\xBB\xBF\n{\"a\":}", 2, 6},
        {"\xEF\xBB\xBF\xEF\xBB\xBF{}", 1, 1},
        {"\xFF\xFE{", 1, 1},
        {"{\"\xED\xA0\x80\":1}", 1, 3},
        {"{\"a\":\"\xFF\\n\"}", 1, 7},
        {"{\"a\":\"\\n caf\xC3\"}", 1, 13},
        {"{}\n  hunter2", 2, 3},
        {"{} {}", 1, 4},
        {"{\"a\":1,}", 1, 8},
        {"{\"a\":[1,]}", 1, 9},
        {"{\"a\":[,1]}", 1, 7},
        {"{\"a\":[1 2]}", 1, 9},
        {"{\"a\":1 \"b\":2}", 1, 8},
        {"{\"a\" 1}", 1, 6},
        {"{\"a\":}", 1, 6},
        {"{a:1}", 1, 2},
        {"{'a':1}", 1, 2},
        {"{\"a\":tru}", 1, 6},
        {"{\"a\":[1}}", 1, 8},
        {"{\"a\":01}", 1, 7},
        {"{\"a\":+1}", 1, 6},
        {"{\"a\":.5}", 1, 6},
        {"{\"a\":1.}", 1, 6},
        {"{\"a\":-}", 1, 6},
        {"{\"a\":1e}", 1, 6},
        {"{\"a\":0x1}", 1, 7},
        {"{\"a\":NaN}", 1, 6},
        {"{\"a\":1e400}", 1, 6},
        {"{\n\"a\":\n \"tab\there\"}", 3, 6},
        {"{\"a\":\"\\x41\"}", 1, 8},
        {"{\"a\":\"\\u12G4\"}", 1, 9},
        {"{\"a\":\"\\u123\"}", 1, 9},
        {"{\"a\":\"b}", 1, 9},
        {"{\"a\":\"b\\", 1, 9},
        {"{\"a\":", 1, 6},
        {"{\"a\":[2", 1, 8},
        {"{\"a\":[2,", 1, 9},
        {"{\"a\"", 1, 5},
        {"{", 1, 2},
        {"nope", 1, 0},
        {"\n[1]", 2, 0},
        {"\"hunter2\"", 1, 0},
        {"-1", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_false(sops_json_parse(&d, sops_str(cases[i].in), &e));
        assert_int_equal(e.code, SOPS_E_READ);
        assert_int_equal(e.line, cases[i].line);
        assert_int_equal(e.column, cases[i].column);
        assert_null(strstr(e.msg, "hunter2"));
        sops_doc_free(&d);
    }
}

static void messages_tell_what_to_do(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    assert_false(sops_json_parse(&d, SOPS_LIT("[1]"), &e));
    assert_non_null(strstr(e.msg, "top-level object"));
    assert_non_null(strstr(e.hint, "{\"data\": [...]}"));
    sops_doc_free(&d);
    sops_err_clear(&e);
    assert_false(sops_json_parse(&d, SOPS_LIT("{\"a\": 1e999}"), &e));
    assert_non_null(strstr(e.msg, "out of range"));
    sops_doc_free(&d);
}

static void two_files_in_one(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool metadata;
    } cases[] = {{"{}{\"a\":1}", false}, {"{}\n{\"a\":1,\"sops\":{\"mac\":\"\"}}", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_false(sops_json_parse(&d, sops_str(cases[i].in), &e));
        assert_int_equal(strstr(e.msg, "metadata of its own") != NULL, cases[i].metadata);
        sops_doc_free(&d);
    }
}

static void indentation(void **state)
{
    (void)state;
    static const struct {
        int64_t indent;
        const char *want; /* NULL: code 4 */
    } cases[] = {
        {2, "{\n  \"a\": [\n    1\n  ]\n}\n"},
        {0, "{\n\"a\": [\n1\n]\n}\n"},
        {-1, "{\n\t\"a\": [\n\t\t1\n\t]\n}\n"},
        {-2, NULL},
    };
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_json_parse(&d, SOPS_LIT("{\"a\":[1]}"), &e));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_style s = {.indent = cases[i].indent, .indent_set = true};
        assert_int_equal(sops_doc_emit(&d, &sops_format_json, &s, &out, &e), cases[i].want != NULL);
        check(&out, cases[i].want != NULL ? cases[i].want : "");
        sops_buf_cut(&out, 0);
    }
    assert_int_equal(e.code, SOPS_E_DUMP);
    sops_err_clear(&e);
    /* An indentation beyond all memory, or of more than 256 MiB in all, is an error, not a crash. */
    static const int64_t too_much[] = {INT64_MAX, (int64_t)1 << 40, (int64_t)256 << 20};
    for (size_t i = 0; i < sizeof too_much / sizeof too_much[0]; i++) {
        struct sops_style s = {.indent = too_much[i], .indent_set = true};
        assert_fails(sops_doc_emit(&d, &sops_format_json, &s, &out, &e), &e, SOPS_E_DUMP);
    }
    struct sops_style much = {.indent = (int64_t)1 << 20, .indent_set = true};
    assert_ok(sops_doc_emit(&d, &sops_format_json, &much, &out, &e), &e);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

static void comments_are_dropped(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    struct sops_slice none = SOPS_LIT("");
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, none, none, &e);
    struct sops_node *list = sops_node_add(&d, root, SOPS_LIST, SOPS_LIT("l"), none, &e);
    assert_non_null(sops_node_add(&d, list, SOPS_COMMENT, none, SOPS_LIT("c"), &e));
    assert_non_null(sops_node_add(&d, list, SOPS_INT, none, SOPS_LIT("1"), &e));
    assert_non_null(sops_node_add(&d, list, SOPS_COMMENT, none, SOPS_LIT("c"), &e));
    struct sops_node *map = sops_node_add(&d, root, SOPS_MAP, SOPS_LIT("m"), none, &e);
    assert_non_null(sops_node_add(&d, map, SOPS_COMMENT, none, SOPS_LIT("c"), &e));
    assert_non_null(sops_node_add(&d, root, SOPS_COMMENT, none, SOPS_LIT("c"), &e));
    assert_true(sops_doc_emit(&d, &sops_format_json, &usual, &out, &e));
    check(&out, "{\n\t\"l\": [\n\t\t1\n\t],\n\t\"m\": {}\n}\n");
    sops_buf_free(&out);
    sops_doc_free(&d);
}

static void bytes_that_are_no_text(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e);
    struct sops_node *n = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("\xC3"), SOPS_LIT("\xFF\xED\xA0\x80"), &e);
    assert_non_null(n);
    assert_true(sops_doc_emit(&d, &sops_format_json, &usual, &out, &e));
    check(&out, "{\n\t\"\\ufffd\": \"\\ufffd\\ufffd\\ufffd\\ufffd\"\n}\n");
    sops_buf_cut(&out, 0);
    /* Extracted it is raw; infinity has no JSON. */
    assert_true(sops_format_json.emit_value(&d, n, &usual, &out, &e));
    check(&out, "\xFF\xED\xA0\x80");
    n = sops_node_add(&d, root, SOPS_FLOAT, SOPS_LIT("f"), SOPS_LIT("+Inf"), &e);
    assert_non_null(n);
    assert_false(sops_doc_emit(&d, &sops_format_json, &usual, &out, &e));
    assert_int_equal(e.code, SOPS_E_DUMP);
    assert_non_null(strstr(e.msg, "[\"f\"]"));
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

static void values_are_extracted(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_json_parse(&d, SOPS_LIT("{\"l\":[1,\"x\",{\"a\":null}],\"f\":1.50,\"s\":\"a\\nb\"}"), &e));
    struct sops_node *list = sops_node_find(d.parts, SOPS_LIT("l"));
    assert_true(sops_format_json.emit_value(&d, list, &usual, &out, &e));
    check(&out, "[\n\t1,\n\t\"x\",\n\t{\n\t\t\"a\": null\n\t}\n]");
    sops_buf_cut(&out, 0);
    assert_true(sops_json_write_compact(list, &out, &e));
    check(&out, "[1,\"x\",{\"a\":null}]");
    sops_buf_cut(&out, 0);
    assert_true(sops_format_json.emit_value(&d, sops_node_find(d.parts, SOPS_LIT("f")), &usual, &out, &e));
    check(&out, "1.5");
    sops_buf_cut(&out, 0);
    assert_true(sops_format_json.emit_value(&d, sops_node_find(d.parts, SOPS_LIT("s")), &usual, &out, &e));
    check(&out, "a\nb");
    sops_buf_free(&out);
    sops_doc_free(&d);
}

/* `depth` lists in one mapping. */
static bool nested(size_t depth, struct sops_doc *d, struct sops_err *e)
{
    struct sops_buf in = {0};
    bool good = sops_buf_adds(&in, "{\"a\":", e) && sops_buf_addn(&in, '[', depth, e) &&
                sops_buf_addn(&in, ']', depth, e) && sops_buf_adds(&in, "}", e) &&
                sops_json_parse(d, sops_buf_view(&in), e);
    sops_buf_free(&in);
    return good;
}

static void depth_is_limited_when_written(void **state)
{
    (void)state;
    static const struct {
        size_t depth;
        bool good;
    } cases[] = {{9999, true}, {10000, false}, {200000, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        struct sops_style flat = {.indent = 0, .indent_set = true};
        assert_true(nested(cases[i].depth, &d, &e));
        assert_int_equal(sops_doc_emit(&d, &sops_format_json, &flat, &out, &e), cases[i].good);
        assert_int_equal(e.code, cases[i].good ? SOPS_OK : SOPS_E_DUMP);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

static void unverified_is_not_written(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_json_parse(&d, SOPS_LIT("{\"a\":1}"), &e));
    d.state = SOPS_DOC_UNVERIFIED;
    assert_false(sops_doc_emit(&d, &sops_format_json, &usual, &out, &e));
    assert_int_equal(e.code, SOPS_E_MAC);
    assert_int_equal(out.len, 0);
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written),
        cmocka_unit_test(what_cannot_be_read_has_a_place),
        cmocka_unit_test(messages_tell_what_to_do),
        cmocka_unit_test(two_files_in_one),
        cmocka_unit_test(indentation),
        cmocka_unit_test(comments_are_dropped),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(values_are_extracted),
        cmocka_unit_test(depth_is_limited_when_written),
        cmocka_unit_test(unverified_is_not_written),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
