/* SPDX-License-Identifier: Apache-2.0 */
/* What is read is shown as JSON-like lines of section, key and value, so that one table covers the reader's rules. */
#include "core/format.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct sops_style usual;

/* "[name]" for a section, "key|value|" for a key, "#text|" for a comment. */
static void show(const struct sops_doc *d, struct sops_buf *out, struct sops_err *e)
{
    for (const struct sops_node *s = d->parts->child; s != NULL; s = s->next) {
        assert_true(sops_buf_addf(out, e, "[%.*s]", SOPS_ARG(s->key)));
        for (const struct sops_node *n = s->child; n != NULL; n = n->next) {
            if (n->kind == SOPS_COMMENT) {
                assert_true(sops_buf_addf(out, e, "#%.*s|", SOPS_ARG(n->text)));
            } else {
                assert_true(sops_buf_addf(out, e, "%.*s|%.*s|", SOPS_ARG(n->key), SOPS_ARG(n->text)));
            }
        }
    }
}

static void check(const struct sops_buf *out, const char *want)
{
    if (!sops_slice_eq(sops_buf_view(out), sops_str(want))) {
        fail_msg("got\n%.*s\nwanted\n%s", (int)out->len, (const char *)out->ptr, want);
    }
}

static void what_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", "[DEFAULT]"},
        {"a=1\n[s]\nb : 2\n", "[DEFAULT]a|1|[s]b|2|"},
        {"\xEF\xBB\xBF[s]\n", "[DEFAULT][s]"},
        {"\xFE\xFF"
         "a=1",
         "[DEFAULT]a|1|"},
        {" \xC2\xA0 a\xE3\x80\x80=\xE2\x80\x83 1 \n", "[DEFAULT]a|1|"},
        {"[x] ; see [y]\na=1", "[DEFAULT][x] ; see [y]a|1|"},
        {"[x] rest # note\na=1", "[DEFAULT][x]#note|a|1|"},
        {"[ x ]\n[x]\n[x]", "[DEFAULT][ x ][x][x]"},
        {"[DEFAULT]\na=1", "[DEFAULT][DEFAULT]a|1|"},
        /* keys */
        {"\"a=b\" = 1", "[DEFAULT]a=b|1|"},
        {"`a\"b`:1", "[DEFAULT]a\"b|1|"},
        {"\"\"\" a:b \"\"\" x = 1", "[DEFAULT]a:b|1|"},
        {"a\"b = 1", "[DEFAULT]a\"b|1|"},
        {"-=x\n-=y\n[s]\n-=z", "[DEFAULT]#1|x|#2|y|[s]#1|z|"},
        {"; c\na=1\nb=2\na=3", "[DEFAULT]a|3|b|2|"},
        {"a=1\n; c\na=3", "[DEFAULT]a|3|#c|"},
        /* comments */
        {"# one\n; two\na = 1", "[DEFAULT]a|1|#one\n; two|"},
        {";; #x\na=1", "[DEFAULT]a|1|##x|"},
        {"#\na=1", "[DEFAULT]a|1|#|"},
        {"; head\n\n[s]\na=1 ; in\n; lost", "[DEFAULT][s]#head|a|1|#in|"},
        {"; one\na = 1 # two\n", "[DEFAULT]a|1|#one\n# two|"},
        /* values */
        {"a=\nb=2", "[DEFAULT]a||b|2|"},
        {"a = x#y", "[DEFAULT]a|x|#y|"},
        {"a = \"x # y\"", "[DEFAULT]a|\"x|#y\"|"},
        {"a = \"x y \"", "[DEFAULT]a|x y |"},
        {"a = 'x'", "[DEFAULT]a|x|"},
        {"a = \"\"", "[DEFAULT]a||"},
        {"a = \"", "[DEFAULT]a|\"|"},
        {"a = \"x\"y\"", "[DEFAULT]a|\"x\"y\"|"},
        {"a = \"\"x\"\"", "[DEFAULT]a|\"\"x\"\"|"},
        {"a = `x#y` z ; w", "[DEFAULT]a|x#y|"},
        {"a = `a`b`", "[DEFAULT]a|a`b|"},
        {"a = \"\"\"\"\"\"\"\n", "[DEFAULT]a|\"|"},
        {"a = \"\"\"", "[DEFAULT]a|\"\"\"|"},
        {"a = \"\"\"x\n ; y\n\"\"\" ; z\nb=1", "[DEFAULT]a|x\n ; y\n|#z|b|1|"},
        {"a = `x\ny`\\\nz`\nb=1", "[DEFAULT]a|x\ny`\\\nz|b|1|"},
        {"a = x \\\n  y \\\n z ; w\nb=1", "[DEFAULT]a|x y z ; w|b|1|"},
        {"a = x\\\n\nb=1", "[DEFAULT]a|x|b|1|"},
        {"a = x\\", "[DEFAULT]a|x|"},
        {"a = %(b)s $c \\n \\\"", "[DEFAULT]a|%(b)s $c \\n \\\"|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_format_ini.parse(&d, sops_str(cases[i].in), &e));
        show(&d, &out, &e);
        check(&out, cases[i].want);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

/* Text that is lost, or taken for something else than it looks like, is noted; the notes name line and key. */
static void what_is_noted(void **state)
{
    (void)state;
    static const struct {
        const char *in, *note; /* NULL: there is none */
    } cases[] = {
        {"a = p@ss#word;1", "line 1: [\"DEFAULT\"][\"a\"]: what stands behind # is a comment"},
        {"[s]\nb = x;y", "line 2: [\"s\"][\"b\"]: what stands behind ; is a comment"},
        {"a = #fff", "behind #"},
        {"a = x #y", "behind #"},
        {"a = \"x # y\"", "behind #"},
        {"a = 'x ; y'", "behind ;"},
        {"a = x # y", NULL},
        {"a = x ; y", NULL},
        {"a = x ;; y", NULL},
        {"a = x #", NULL},
        {"a = \"x\" ; y", NULL},
        {"a = `x#y;z`", NULL},
        {"a = \"\"\"x#y\"\"\"", NULL},
        {"a = `x` y", "behind the closing quote"},
        {"a = `x` # y", "behind the closing quote"},
        {"a = `x\ny` z # c\nb = 1", "line 2: [\"DEFAULT\"][\"a\"]: what stands behind the closing quote"},
        {"a = `x\ny` # c\nb = 1", NULL},
        {"a = C:\\\nb = 1", "line 2: [\"DEFAULT\"][\"a\"]: a backslash at the end of the line before"},
        {"a = x \\\n y", NULL},
        {"a = 1\nb = 2\na = 1", "line 3: [\"DEFAULT\"][\"a\"]: the key stands twice"},
        {"[s]\na = 1\n[t]\na = 1\n[s]\na = 2", NULL},
        {"[s] x", "[\"s\"]: what stands behind the name"},
        {"[s] ; x\na = 1", NULL},
        {"a = 1\n; x", "line 2: a comment at the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_true(sops_format_ini.parse(&d, sops_str(cases[i].in), &e));
        assert_true(sops_buf_cstr(&d.notes, &e) != NULL);
        const char *notes = (const char *)d.notes.ptr;
        if (cases[i].note == NULL ? notes[0] != '\0' : strstr(notes, cases[i].note) == NULL) {
            fail_msg("%s: got %s", cases[i].in, notes);
        }
        sops_doc_free(&d);
    }
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned line;
    } cases[] = {
        {"secret", 1},   {"a=1\n<<<<<<<\n", 2}, {"[x\n", 1},  {"\n[]\n", 2},      {"= 1", 1},
        {"\"\" = 1", 1}, {"\"secret = 1", 1},   {"`a` b", 1}, {"a = `x\ny\n", 1}, {"a = \"\"\"\nx", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_false(sops_format_ini.parse(&d, sops_str(cases[i].in), &e));
        assert_int_equal(e.code, SOPS_E_READ);
        assert_int_equal(e.line, cases[i].line);
        assert_null(strstr(e.msg, "secret"));
        sops_doc_free(&d);
    }
}

static void what_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},
        {"# head\na=1\n\"b:c\" : \" x \"\n[s] ; note\nk = v ; w\n",
         "; head\na     = 1\n`b:c` = \" x \"\n\n; note\n[s]\n; w\nk = v\n"},
        {"[s]\n", "[s]\n"},
        {"[s]\na=\n[t]", "[s]\na = \n\n[t]\n"},
        {"a=1\n[DEFAULT]\nb=2", "a = 1\n\n[DEFAULT]\nb = 2\n"},
        {"a = `x#y`\nb = \"\"\"x\ny\"\"\"\nc = \"\"\"`\"\"\"\n",
         "a = `x#y`\nb = \"\"\"x\ny\"\"\"\nc = \"\"\"`\"\"\"\n"},
        {"\"a`\"=1\nb=2", "\"\"\"a`\"\"\" = 1\nb        = 2\n"},
        {"#\n; x\na=1", "; \n; x\na = 1\n"},
        {"; x\n  ;  y  \n#z\n[s]\n", "; x\n; y\n# z\n[s]\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_format_ini.parse(&d, sops_str(cases[i].in), &e));
        assert_true(sops_doc_emit(&d, &sops_format_ini, &usual, &out, &e));
        check(&out, cases[i].want);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

static void documents_of_other_formats(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want; /* want NULL: code 4 */
    } cases[] = {
        {"{}", ""},
        {"{\"s\":{\"n\":null,\"b\":true,\"f\":1.0,\"a\":1,\"a\":2}}", "[s]\nn = <nil>\nb = true\nf = 1.0\na = 2\n"},
        {"{\"Default\":{},\"default\":{}}", "[default]\n"},
        {"{\"s\":{},\"s\":{}}", "[s]\n\n[s]\n"},
        {"{\"a\":1}", NULL},
        {"{\"a\":[]}", NULL},
        {"{\"\":{}}", NULL},
        {"{\"s\":{\"\":1}}", NULL},
        {"{\"s\":{\"l\":[1]}}", NULL},
        {"{\"s\":{\"m\":{}}}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_format_json.parse(&d, sops_str(cases[i].json), &e));
        assert_int_equal(sops_doc_emit(&d, &sops_format_ini, &usual, &out, &e), cases[i].want != NULL);
        check(&out, cases[i].want != NULL ? cases[i].want : "");
        assert_int_equal(e.code, cases[i].want != NULL ? SOPS_OK : SOPS_E_DUMP);
        sops_err_clear(&e);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

static void values_are_extracted_as_json(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_format_json.parse(&d, SOPS_LIT("{\"s\":\"a\\nb\",\"l\":[1,\"x\"]}"), &e));
    assert_true(sops_format_ini.emit_value(&d, d.parts->child, &usual, &out, &e));
    assert_true(sops_format_ini.emit_value(&d, d.parts->last, &usual, &out, &e));
    check(&out, "a\nb[1,\"x\"]");
    sops_buf_free(&out);
    sops_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(what_is_noted),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(what_is_written),
        cmocka_unit_test(documents_of_other_formats),
        cmocka_unit_test(values_are_extracted_as_json),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
