/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, entries out: nothing but `\n` is interpreted. */
#include "core/format.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct sops_style usual;

static void lines_become_entries(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum sops_kind kind;
        const char *key, *text;
        unsigned line;
    } cases[] = {
        {"a=b", SOPS_STR, "a", "b", 1},
        {"\n\na=b\n", SOPS_STR, "a", "b", 3},
        {"a==b=", SOPS_STR, "a", "=b=", 1},
        {"=b", SOPS_STR, "", "b", 1},
        {"a=", SOPS_STR, "a", "", 1},
        {" a = b ", SOPS_STR, " a ", " b ", 1},
        {"export A=\"x\"", SOPS_STR, "export A", "\"x\"", 1},
        {"a=1\\n2\\n", SOPS_STR, "a", "1\n2\n", 1},
        {"a=\\\\n\\t\\", SOPS_STR, "a", "\\\n\\t\\", 1},
        {"a=b\r\n", SOPS_STR, "a", "b\r", 1},
        {"\xEF\xBB\xBF"
         "a=b",
         SOPS_STR, "a", "b", 1},
        {"\xEF\xBB\xBF# c", SOPS_COMMENT, "", " c", 1},
        {"# a=b", SOPS_COMMENT, "", " a=b", 1},
        {"#", SOPS_COMMENT, "", "", 1},
        {" #=b", SOPS_STR, " #", "b", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_true(sops_format_dotenv.parse(&d, sops_str(cases[i].in), &e));
        const struct sops_node *n = d.parts->child;
        assert_non_null(n);
        assert_null(n->next);
        assert_int_equal(n->kind, cases[i].kind);
        assert_int_equal(n->line, cases[i].line);
        assert_true(sops_slice_eq(n->key, sops_str(cases[i].key)));
        assert_true(sops_slice_eq(n->text, sops_str(cases[i].text)));
        sops_doc_free(&d);
    }
}

static void a_line_without_equals_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned line;
        const char *what;
    } cases[] = {
        {"secret", 1, "has no '='"},
        {"a=b\n \n", 2, "nothing but blanks"},
        {"a=\"x\nsecret\"\n", 2, "a quote that does not end"},
        {"a='x'\nsecret\n", 2, "has no '='"},
        {"a=b\r\n\r\n", 2, "carriage return"},
        {"a=b\r\n \r\n", 2, "carriage return"},
        {"\t# secret", 1, "indented"},
        {"export secret", 1, "without a value"},
        {"secret: 1", 1, "looks like YAML"},
        {"secret:\n", 1, "looks like YAML"},
        {"se cret: x\n", 1, "has no '='"},
        {"{\"a\": \"secret\"}", 1, "looks like YAML or JSON"},
        {"\xFF\xFE"
         "a=secret",
         0, "UTF-16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_false(sops_format_dotenv.parse(&d, sops_str(cases[i].in), &e));
        assert_int_equal(e.code, SOPS_E_READ);
        assert_int_equal(e.line, cases[i].line);
        assert_non_null(strstr(e.msg, cases[i].what));
        assert_true(e.hint[0] != '\0');
        assert_null(strstr(e.msg, "secret"));
        sops_doc_free(&d);
    }
}

/* Line ends that became CR LF and a byte order mark: in an encrypted file (there is a line of the MAC) neither is a
 * part of a value, but the mark may be one of the first key. */
static void what_programs_did_to_the_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *key, *text;
        bool noted;
    } cases[] = {
        {"a=1\r\nsops_mac=ENC[\r\n", "a", "1", false},
        {"a=1\r\nsops_mac=ENC[\n", "a", "1\r", false},
        {"sops_mac=ENC[\r\na=1\r\n", "sops_mac", "ENC[", false},
        {"a=1\r\nb=sops_mac=\r\n", "a", "1\r", true},
        {"a=1\r\nb=2\n", "a", "1\r", false},
        {"\xEF\xBB\xBF"
         "a=1\nsops_mac=ENC[\n",
         "\xEF\xBB\xBF"
         "a",
         "1", false},
        {"\xEF\xBB\xBFsops_mac=ENC[\n", "sops_mac", "ENC[", false},
        {"\xEF\xBB\xBF#ENC[=\nsops_mac=ENC[\n", "", "ENC[=", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_true(sops_format_dotenv.parse(&d, sops_str(cases[i].in), &e));
        assert_true(sops_slice_eq(d.parts->child->key, sops_str(cases[i].key)));
        assert_true(sops_slice_eq(d.parts->child->text, sops_str(cases[i].text)));
        assert_int_equal(d.notes.len != 0, cases[i].noted);
        sops_doc_free(&d);
    }
    struct sops_doc d = {0};
    struct sops_err e = {0};
    /* Each value a Go string, as a proposal to the original writes them; other quotes are refused. */
    assert_true(sops_format_dotenv.parse(&d, SOPS_LIT("a=\"x\\ny\"\nsops_mac=\"ENC[\"\n"), &e));
    assert_true(sops_slice_eq(d.parts->child->text, SOPS_LIT("x\ny")));
    sops_doc_free(&d);
    assert_false(sops_format_dotenv.parse(&d, SOPS_LIT("a='x'\nsops_mac='ENC['\n"), &e));
    assert_non_null(strstr(e.msg, "in quotes"));
    sops_doc_free(&d);
}

static void nothing_is_a_document(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_format_dotenv.parse(&d, (struct sops_slice){NULL, 0}, &e));
    assert_non_null(d.parts);
    assert_true(sops_doc_emit(&d, &sops_format_dotenv, &usual, &out, &e));
    assert_int_equal(out.len, 0);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

static void scalars_are_written_plain(void **state)
{
    (void)state;
    static const struct {
        enum sops_kind kind;
        const char *text, *want;
    } cases[] = {
        {SOPS_STR, "a\nb\\n", "k=a\\nb\\n\n"},
        {SOPS_STR, "", "k=\n"},
        {SOPS_INT, "-5", "k=-5\n"},
        {SOPS_BOOL, "True", "k=true\n"},
        {SOPS_BOOL, "False", "k=false\n"},
        {SOPS_FLOAT, "1", "k=1.0\n"},
        {SOPS_FLOAT, "1000000", "k=1E+06\n"},
        {SOPS_FLOAT, "-Inf", "k=-Inf\n"},
        {SOPS_NULL, "", "k=<nil>\n"},
        {SOPS_TIME, "2024-02-29T12:30:00.25+02:00", "k=2024-02-29T12:30:00+02:00\n"},
        {SOPS_COMMENT, " c", "# c\n"},
        {SOPS_MAP, "", NULL},
        {SOPS_LIST, "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e);
        assert_non_null(sops_node_add(&d, root, cases[i].kind, SOPS_LIT("k"), sops_str(cases[i].text), &e));
        assert_int_equal(sops_doc_emit(&d, &sops_format_dotenv, &usual, &out, &e), cases[i].want != NULL);
        if (cases[i].want != NULL) {
            assert_true(sops_slice_eq(sops_buf_view(&out), sops_str(cases[i].want)));
        } else {
            assert_int_equal(e.code, SOPS_E_DUMP);
            assert_non_null(strstr(e.msg, "[\"k\"]"));
            assert_int_equal(out.len, 0);
        }
        sops_buf_cut(&out, 0);
        struct sops_err none = {0};
        assert_int_equal(sops_format_dotenv.emit_value(&d, root->child, &usual, &out, &none),
                         cases[i].kind == SOPS_STR);
        assert_int_equal(none.code, cases[i].kind == SOPS_STR ? SOPS_OK : SOPS_E_DUMP);
        sops_err_clear(&none);
        sops_err_clear(&e);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_entries),          cmocka_unit_test(a_line_without_equals_is_named),
        cmocka_unit_test(what_programs_did_to_the_text), cmocka_unit_test(nothing_is_a_document),
        cmocka_unit_test(scalars_are_written_plain),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
