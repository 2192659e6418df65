/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in, texts out, as the reference writes them; comments in odd places; and documents that no person writes. */
#include "core/format.h"

#include <stdio.h>

#include "testing.h"

static const struct sops_style usual;

/* What comes out for `in`, or what became of it: a failure is kept in `e`. */
static bool through(struct sops_slice in, const struct sops_style *style, struct sops_buf *out, struct sops_err *e)
{
    struct sops_doc d = {0};
    bool fine = sops_format_yaml.parse(&d, in, e) && sops_doc_emit(&d, &sops_format_yaml, style, out, e);
    sops_doc_free(&d);
    return fine;
}

static void check(const char *in, const struct sops_style *style, const char *want)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(through(sops_str(in), style, &out, &e), &e);
    assert_slice(sops_buf_view(&out), want);
    sops_buf_free(&out);
    assert_int_equal(sops_mem_live(), 0);
}

struct pair {
    const char *in, *want;
};

static void check_all(const struct pair *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(cases[i].in, &usual, cases[i].want);
    }
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof(cases)[0])

static void layout(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {"a: {b: [1, [2, {c: 3, d: []}]], e: {}}",
         "a:\n    b:\n        - 1\n        - - 2\n          - c: 3\n            d: []\n    e: {}\n"},
        {"--- ~\n---\na: 1\n...\n---\n", "{}\n---\na: 1\n---\n{}\n"},
        {"a:\n- b\n- c: 1\n  d:\n  - e\n", "a:\n    - b\n    - c: 1\n      d:\n        - e\n"},
        {"a: &x {k: 1}\nb: *x\n---\nc: *x\n", "a:\n    k: 1\nb:\n    k: 1\n---\nc:\n    k: 1\n"},
        {"? |\n  two\n  lines\n: [1]\n", "? |\n    two\n    lines\n:   - 1\n"},
        {"<<: {a: 1}\n", "!!merge <<:\n    a: 1\n"},
        {"'<<': 1\nb: <<\n", "\"<<\": 1\nb: !!merge <<\n"},
        {"a: [b: 1, c, d: ]", "a:\n    - b: 1\n    - c\n    - d: null\n"},
        /* A byte order mark inside the text is a character; one at the start of it, behind its own, is none. */
        {"a: 1\n\xEF\xBB\xBF"
         "b: \xEE\x80\x80\n",
         "a: 1\n\"\\uFEFF\\x62\": \xEE\x80\x80\n"},
        {"a:\n\xEF\xBB\xBF  b: 2\n", "a: null\n\"\\uFEFF\\x20\\x20\\x62\": 2\n"},
        {"\xEF\xBB\xBF"
         "a: 1\n",
         "a: 1\n"},
        /* \' is ' in double quotes, and two characters everywhere else. */
        {"a: \"it\\'s \\\\\"\nb: it\\'s\nc: 'x\\'\nd: \"\\\\'\\\\\\'\" # \\'\n",
         "a: it's \\\nb: it\\'s\nc: x\\\nd: \\'\\' # \\'\n"},
        {"a: {b, c: , ? d}", "a:\n    b: null\n    c: null\n    d: null\n"},
    };
    CHECK_ALL(cases);
}

static void indentation(void **state)
{
    (void)state;
    static const char in[] = "a:\n - b: {c: '|2 x'}\n";
    static const struct {
        int64_t indent;
        const char *want;
    } cases[] = {
        {2, "a:\n  - b:\n      c: '|2 x'\n"},
        {3, "a:\n   - b:\n      c: '|2 x'\n"},
        {1, "a:\n  - b:\n      c: '|2 x'\n"},
        {0, "a:\n    - b:\n        c: '|2 x'\n"},
        {9, "a:\n         - b:\n                  c: '|2 x'\n"},
        {10, "a:\n  - b:\n      c: '|2 x'\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check(in, &(struct sops_style){.indent = cases[i].indent, .indent_set = true}, cases[i].want);
    }
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_fails(through(SOPS_LIT("a: 1"), &(struct sops_style){.indent = -1, .indent_set = true}, &out, &e), &e,
                 SOPS_E_DUMP);
    sops_buf_free(&out);
}

static void types(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {"a: [0x1F, 0777, 0o17, 0b11, -0x10, 1_000, +5, 0b-1]",
         "a:\n    - 31\n    - 511\n    - 15\n    - 3\n    - -16\n    - 1000\n    - 5\n    - -1\n"},
        {"a: [08, 12e03, 1.10, .5, .1_5, 1., 1e6, 0.00001, -0.0, 99999999999999999999]",
         "a:\n    - 8\n    - 12000\n    - 1.1\n    - 0.5\n    - 0.15\n    - 1\n    - 1e+06\n    - 1e-05\n    - -0.0\n"
         "    - 1e+20\n"},
        {"a: [.inf, -.INF, +.Inf, .NaN, -.nan, 1e309, 0x, 1:30, 1.2.3, _1]",
         "a:\n    - .inf\n    - -.inf\n    - .inf\n    - .nan\n    - -.nan\n    - 1e309\n    - 0x\n    - \"1:30\"\n"
         "    - 1.2.3\n    - _1\n"},
        {"a: [~, Null, True, FALSE, yes, 'null', ! 12, ! '12', !!str 12, !Ref 3, !!float 3, !!int '7']",
         "a:\n    - null\n    - null\n    - true\n    - false\n    - \"yes\"\n    - \"null\"\n    - 12\n    - \"12\"\n"
         "    - \"12\"\n    - \"3\"\n    - 3\n    - 7\n"},
        {"a: [2024-02-29, 2001-12-14t21:59:43.10-05:00, 2001-1-2 3:4:5.678, 2023-02-29, 2001-12-14T21:59:43]",
         "a:\n    - 2024-02-29T00:00:00Z\n    - 2001-12-14T21:59:43.1-05:00\n    - 2001-01-02T03:04:05.678Z\n"
         "    - 2023-02-29\n    - 2001-12-14T21:59:43\n"},
        {"a: !!binary aGk=\nb: !!binary /w==\n", "a: hi\nb: !!binary /w==\n"},
        {"%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1\nb: !<tag:yaml.org,2002:int> '2'\n", "a: \"1\"\nb: 2\n"},
    };
    CHECK_ALL(cases);
}

static void strings(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {"a: [\"\", ' x', 'x ', '- x', -x, '?', 'a: b', 'a:', 'a #b', a#b, '@a', 'it''s', 'y', 'On', '---', '...x']",
         "a:\n    - \"\"\n    - ' x'\n    - 'x '\n    - '- x'\n    - -x\n    - '?'\n    - 'a: b'\n    - 'a:'\n"
         "    - 'a #b'\n    - a#b\n    - '@a'\n    - it's\n    - \"y\"\n    - \"On\"\n    - '---'\n    - '...x'\n"},
        {"a: [\"a\\tb\", \"\\e\\0\\x7F\", \"\\U0001F600\", \"\\uFEFFa b\", \"a\\Lb\", \"a \\Pb\", \"\\N\", \"\\xA0\"]",
         "a:\n    - \"a\\tb\"\n    - \"\\e\\0\\x7F\"\n    - \"\\U0001F600\"\n    - \"\\uFEFF\\x61\\x20\\x62\"\n"
         "    - 'a\xE2\x80\xA8      b'\n    - \"a \\Pb\"\n    - \"\\N\"\n    - \xC2\xA0\n"},
        {"a: [\"a\\nb\", \"a\\n\", \"a\\n\\n\", \"\\n\", \" a\\n\", \"a \\nb\", \"\\ta\\n\", \"a\\rb\\n\", \"a\\n b\"]",
         "a:\n    - |-\n      a\n      b\n    - |\n      a\n    - |+\n      a\n\n    - |2+\n\n    - |2\n       a\n"
         "    - \"a \\nb\"\n    - \"\\ta\\n\"\n    - \"a\\rb\\n\"\n    - |-\n      a\n       b\n"},
        {"a: |\n  x\n  # y\n\nb: >-\n  one\n  two\n\n  three\n",
         "a: |\n    x\n    # y\nb: |-\n    one two\n    three\n"},
        {"'1': 1\n'': 2\n'a: b': 3\n", "\"1\": 1\n\"\": 2\n'a: b': 3\n"},
    };
    CHECK_ALL(cases);
}

static void comments(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {"# top\n\na: 1 # one\nb:\n  # in b\n  - x\n  # end\n\nc: 2\n# last\n",
         "# top\na: 1 # one\nb:\n    # in b\n    - x\n    # end\nc: 2\n# last\n"},
        {"a:\n  b: 1\n  # foot of b\n# of c\nc: 1\n", "a:\n    b: 1\n    # foot of b\n# of c\nc: 1\n"},
        {"a: # to b\n  b: 1\n", "# to b\na:\n    b: 1\n"},
        {"l:\n  # lost\n  - # kept\n    a: 1\n", "l:\n    # kept\n    - a: 1\n"},
        {"f: [6, 7] # x\ng: {} # y\n# z\n", "f:\n    # x\n    - 6\n    - 7\ng: {\n    # y\n}\n# z\n"},
        {"a: | # x\n  t\nb: 1 # y\n", "a: | # x\n    t\nb: 1 # y\n"},
        {"a: 1\n# x\n---\n# y\n\nb: 2\n", "a: 1\n# y\n---\nb: 2\n"},
        {"# one\n# two\n\n# three\n~ # four\n# five\n", "# one\n# two\n# three\n# four\n{}\n"},
        {"a: 1\r\n# x\r\nb: 2 # y\r\n", "a: 1\n# x\nb: 2 # y\n"},
        {"a: 1 #\n#\nb: 2\n", "a: 1 #\n#\nb: 2\n"},
        {"a:\n    - b: {c: 1}\n    # x\n    - d\n", "a:\n    - b:\n        c: 1\n    # x\n    - d\n"},
    };
    CHECK_ALL(cases);
}

static void what_cannot_be_read_has_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned line;
    } cases[] = {
        {"a: 1\na: 2\n", 2},
        {"a: 1\nb: [hunter2\n", 3},
        {"a:\n\tb: 1\n", 2},
        {"- a\n", 1},
        {"hunter2\n", 1},
        {"a: 1\nb: *nope\n", 2},
        {"a: &x\n  b: *x\n", 2},
        {"a: 1\n---\nb: !!int hunter2\n", 3},
        {"a: !!binary '***'\n", 1},
        {"a: !e!x 1\n", 1},
        {"<<: 1\n", 1},
        {"%YAML 1.2\n---\na: 1\n", 1},
        {"a: 1\n...\nb: 2\n", 3},
        {"# only\n", 2},
        {"a: \x01\n", 1},
        {"{a: 1, a: 2}", 1},
        {"a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\ni: 2\n", 11},
        {"a: [1, 2\n", 2},
        {"a: 'hunter2\n", 2},
        {"? [a]\n: 1\n", 1},
        {"? a\n? |\n  x\n: [1]\n{x: y}: 1\n", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        if (sops_format_yaml.parse(&d, sops_str(cases[i].in), &e)) {
            fail_msg("accepted: %s", cases[i].in);
        }
        assert_int_equal(e.code, SOPS_E_READ);
        if (e.line != cases[i].line) {
            fail_msg("line %u: %s", e.line, cases[i].in);
        }
        assert_null(strstr(e.msg, "hunter2"));
        sops_err_clear(&e);
        sops_doc_free(&d);
        assert_int_equal(sops_mem_live(), 0);
    }
}

static void repeat(struct sops_buf *b, const char *text, size_t times)
{
    struct sops_err e = {0};
    for (size_t i = 0; i < times; i++) {
        assert_true(sops_buf_adds(b, text, &e));
    }
}

/* `open` n times, "x", `close` n times, as the value of a key. */
static bool nested(const char *open, const char *close, size_t n, struct sops_err *e)
{
    struct sops_buf in = {0}, out = {0};
    repeat(&in, "a:\n ", 1);
    repeat(&in, open, n);
    repeat(&in, "x", 1);
    repeat(&in, close, n);
    bool fine = through(sops_buf_view(&in), &usual, &out, e);
    sops_buf_free(&in);
    sops_buf_free(&out);
    return fine;
}

static void depth(void **state)
{
    (void)state;
    struct sops_err e = {0};
    assert_ok(nested("[", "]", 10000, &e), &e);
    assert_ok(nested("- ", "", 9999, &e), &e);
    assert_fails(nested("[", "]", 10001, &e), &e, SOPS_E_READ);
    assert_fails(nested("[", "]", 200000, &e), &e, SOPS_E_READ);
    assert_fails(nested("- ", "", 200000, &e), &e, SOPS_E_READ);
    assert_fails(nested("{a: ", "}", 200000, &e), &e, SOPS_E_READ);
    assert_int_equal(sops_mem_live(), 0);
}

/* `open` n times, `[`, an item m times, and all brackets closed again. */
static bool crowd(const char *open, size_t n, const char *item, size_t m, const char *close, struct sops_err *e)
{
    struct sops_buf in = {0}, out = {0};
    repeat(&in, "a:\n ", 1);
    repeat(&in, open, n);
    repeat(&in, "[", 1);
    repeat(&in, item, m);
    repeat(&in, "]", 1);
    repeat(&in, close, n);
    bool fine = through(sops_buf_view(&in), &usual, &out, e);
    sops_buf_free(&in);
    sops_buf_free(&out);
    return fine;
}

/* Small texts that would take minutes to read, or gigabytes to write. */
static void small_texts_that_grow(void **state)
{
    (void)state;
    struct sops_err e = {0};
    assert_ok(crowd("[", 100, "x,", 20000, "]", &e), &e);
    assert_fails(crowd("[", 9000, "x,", 200000, "]", &e), &e, SOPS_E_READ);
    assert_ok(crowd("- ", 100, "x,", 20000, "", &e), &e);
    assert_fails(crowd("- ", 9000, "x,", 20000, "", &e), &e, SOPS_E_DUMP);
    assert_int_equal(sops_mem_live(), 0);
}

static void alias_bombs(void **state)
{
    (void)state;
    struct sops_buf in = {0}, out = {0};
    struct sops_err e = {0};
    repeat(&in, "a: 1\n---\nl0: &l0 [x,x,x,x,x,x,x,x,x]\n", 1);
    for (unsigned i = 1; i < 12; i++) {
        assert_true(sops_buf_addf(&in, &e, "l%u: &l%u [", i, i));
        for (unsigned k = 0; k < 9; k++) {
            assert_true(sops_buf_addf(&in, &e, "*l%u,", i - 1));
        }
        assert_true(sops_buf_adds(&in, "]\n", &e));
    }
    assert_fails(through(sops_buf_view(&in), &usual, &out, &e), &e, SOPS_E_READ);
    sops_buf_free(&in);
    sops_buf_free(&out);
    assert_int_equal(sops_mem_live(), 0);
}

/* It is told as what it is, and not as a document that became too large. */
static void what_contains_itself(void **state)
{
    (void)state;
    static const char *const cases[] = {"a: &x\n  b: *x\n", "a: &x [1, *x]\n", "a: &x\n  - b:\n      - *x\n"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_false(sops_format_yaml.parse(&d, sops_str(cases[i]), &e));
        assert_int_equal(e.code, SOPS_E_READ);
        assert_non_null(strstr(e.msg, "contains itself"));
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
    assert_int_equal(sops_mem_live(), 0);
}

static void encodings(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len;
        const char *want; /* NULL: refused */
    } cases[] = {
        {"\xEF\xBB\xBF"
         "a: 1",
         7, "a: 1\n"},
        {"\xFF\xFE"
         "a\0:\0 \0\xE9\0",
         10, "a: \xC3\xA9\n"},
        {"\xFE\xFF"
         "\0a\0:\0 \xD8\x3D\xDE\x00",
         12, "a: \"\\U0001F600\"\n"},
        {"\xFE\xFF"
         "\0a\0:\0 \xD8\x3D",
         10, NULL},
        {"\xFF\xFE"
         "a\0:\0 \0x",
         9, NULL},
        {"a: \xFF", 4, NULL},
        {"a: b\0c", 6, NULL},
        {"# \xC2\x80\na: 1", 9, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        struct sops_slice in = sops_slice_of(cases[i].in, cases[i].len);
        if (cases[i].want == NULL) {
            assert_fails(through(in, &usual, &out, &e), &e, SOPS_E_READ);
        } else {
            assert_ok(through(in, &usual, &out, &e), &e);
            assert_slice(sops_buf_view(&out), cases[i].want);
        }
        sops_buf_free(&out);
        assert_int_equal(sops_mem_live(), 0);
    }
}

/* What only fails when the document is walked: keys that are no text, integers that nothing can hold. */
static void odd_ones_fail_when_walked(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "1: x", "true: x", "null: x", "1.5: x", "a: {~: 1}", "2024-05-06: x", "a: 9223372036854775808"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        struct sops_walk w = {.doc = &d};
        assert_ok(sops_format_yaml.parse(&d, sops_str(cases[i]), &e), &e);
        while (sops_walk_next(&w, &e)) {
        }
        assert_int_equal(e.code, SOPS_E_ENCRYPT);
        sops_walk_free(&w);
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
}

/* What was read of `in`, in words; where it fails, how. */
static void tell_tree(struct sops_slice in, struct sops_buf *out)
{
    struct sops_doc d = {.reading = {.marks = true}};
    struct sops_err e = {0}, no = {0};
    if (!sops_format_yaml.parse(&d, in, &e)) {
        assert_ok(sops_buf_addf(out, &no, "line %u: %s\n", e.line, e.msg), &no);
    }
    for (const struct sops_node *part = d.parts; e.code == SOPS_OK && part != NULL; part = part->next) {
        for (struct sops_node *n = (struct sops_node *)(uintptr_t)part; n != NULL; n = sops_node_after(part, n)) {
            assert_ok(sops_buf_addf(out, &no, "%u %u %u %u-%u %u-%u %.*s=%.*s\n", n->kind, n->flags, n->line,
                                    n->span.begin, n->span.end, n->key_span.begin, n->key_span.end, SOPS_ARG(n->key),
                                    SOPS_ARG(n->text)),
                      &no);
        }
    }
    for (size_t i = 0; i < d.marks; i++) {
        assert_ok(sops_buf_addf(out, &no, "mark %u %u-%u\n", d.mark[i].kind, d.mark[i].span.begin, d.mark[i].span.end),
                  &no);
    }
    sops_err_clear(&e);
    sops_doc_free(&d);
}

/* libyaml gets one character for a ciphertext: what is read is what it reads of a text that only looks like one, which
 * it gets whole. */
static void ciphertexts_are_cut_out(void **state)
{
    (void)state;
    static const char frame[] = "ENC[AES256_GCM,data:aGVsbG8=,iv:AA%02u,tag:BBBB==,type:str]"; /* each is another */
    static const char *const cases[] = {
        "a: %\nb:\n    - %\n    - c: %\n      d: 1\n# end\n",
        "a: % #%\nb: %  # clear\nc: % #x: y\n",
        "#%\na:\n    #%\n    b: %\n    #%\nc: 1\n",
        "a: |\n    one %\n    #%\nb: >-\n    %\n    %\nc: two\n  %\n  % three\n",
        "a: | #%\n    %\n    #%\nb: >- # %\n    one %\n#%\nc: |+ #x\n    %\n\n#%\nd: % #%\n",
        "a: | #%\n    x\n  #%\nb: % #%\n\xC3\xA4: >2- #% #%\n    % \xC3\xA4 %\n",
        "a: \"one %\n  two\"\nb: 'one %\n  two' # %\n",
        "a: &x %\nb: *x\nc: !!str %\n? %\n: %\n",
        "a: {b: %\n  }\n",
        "a: [%\n  ]\n",
        "a: !%\nb: %\n",
        "%TAG ! %\n--- !a\nb: %\n",
        "a: \"\\uE000\"\nb: %\n",
        "a: \xEE\x80\x80\nb: %\n",
        "\xC3\xA4: % #\xC3\xB6\n\xC3\xBC:   % # %\nx: y\n",
        "---\na: %\n---\n% \n---\nb: %\n  c: %\n",
        "% : a\n% #: b\n", /* a text alone is no mapping */
        "a: %: b\n",
        "a: % b\n",
        "a: x%\nb: %\n%\n",
        "a: %\r\nb: %\r\n",
        "a: %",
        "a: '%\n",
        "  %\n c: %\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf in = {0}, like = {0}, got = {0}, want = {0};
        struct sops_err e = {0};
        unsigned frames = 0;
        for (const char *c = cases[i]; *c != '\0'; c++) {
            bool sign = *c == '%' && strncmp(c, "%TAG", 4) != 0;
            assert_ok(sign ? sops_buf_addf(&in, &e, frame, frames++) : sops_buf_addc(&in, (uint8_t)*c, &e), &e);
        }
        assert_ok(sops_buf_add(&like, sops_buf_view(&in), &e), &e);
        for (uint8_t *at = like.ptr; (at = memmem(at, (size_t)(like.ptr + like.len - at), "GCM", 3)) != NULL;) {
            at[2] = 'X';
        }
        tell_tree(sops_buf_view(&in), &got);
        tell_tree(sops_buf_view(&like), &want);
        for (uint8_t *at = want.ptr; (at = memmem(at, (size_t)(want.ptr + want.len - at), "GCX", 3)) != NULL;) {
            at[2] = 'M';
        }
        assert_slice(sops_buf_view(&got), sops_buf_cstr(&want, &e));
        sops_buf_free(&in);
        sops_buf_free(&like);
        sops_buf_free(&got);
        sops_buf_free(&want);
    }
    assert_int_equal(sops_mem_live(), 0);
}

/* A key may have 1,024 characters, and a ciphertext counts with all of its own. */
static void long_keys_with_ciphertexts(void **state)
{
    (void)state;
    for (size_t len = 900; len < 1200; len += 7) {
        struct sops_buf in = {0};
        struct sops_err e = {0};
        struct sops_doc d = {0};
        assert_ok(sops_buf_adds(&in, "\"a ENC[AES256_GCM,", &e) && sops_buf_addn(&in, 'A', len, &e) &&
                      sops_buf_adds(&in, "] # \": b\n", &e),
                  &e);
        bool fine = sops_format_yaml.parse(&d, sops_buf_view(&in), &e);
        assert_int_equal(fine, len + sizeof "\"a ENC[AES256_GCM,] # \"" - 1 <= 1024);
        sops_err_clear(&e);
        sops_doc_free(&d);
        sops_buf_free(&in);
    }
}

static void values_alone(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {"v: a b", "a b"},
        {"v: 1.50", "1.5\n"},
        {"v: ~", "null\n"},
        {"v: true", "true\n"},
        {"v: [a, {b: 1}]", "- a\n- b: 1\n"},
        {"v: []", "[]\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_ok(sops_format_yaml.parse(&d, sops_str(cases[i].in), &e), &e);
        const struct sops_node *v = sops_node_find(d.parts, SOPS_LIT("v"));
        assert_non_null(v);
        assert_ok(sops_format_yaml.emit_value(&d, v, &usual, &out, &e), &e);
        assert_slice(sops_buf_view(&out), cases[i].want);
        sops_buf_free(&out);
        sops_doc_free(&d);
        assert_int_equal(sops_mem_live(), 0);
    }
}

static void nothing_is_no_document(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    assert_ok(sops_format_yaml.parse(&d, SOPS_LIT(""), &e), &e);
    assert_null(d.parts);
    sops_doc_free(&d);
}

/* Comments of other formats: several lines each get their sign; what is not UTF-8 no YAML file can hold. */
static void comments_from_elsewhere(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {" one\n; two\n#three", "# one\n# ; two\n#three\na: 1\n"},
        {" latin \xE9", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        struct sops_slice none = {0};
        struct sops_node *map = sops_node_add(&d, NULL, SOPS_MAP, none, none, &e);
        assert_non_null(map);
        assert_non_null(sops_node_add(&d, map, SOPS_COMMENT, none, sops_str(cases[i].in), &e));
        assert_non_null(sops_node_add(&d, map, SOPS_INT, SOPS_LIT("a"), SOPS_LIT("1"), &e));
        if (cases[i].want != NULL) {
            assert_ok(sops_doc_emit(&d, &sops_format_yaml, &usual, &out, &e), &e);
            assert_slice(sops_buf_view(&out), cases[i].want);
        } else {
            assert_fails(sops_doc_emit(&d, &sops_format_yaml, &usual, &out, &e), &e, SOPS_E_DUMP);
        }
        sops_buf_free(&out);
        sops_doc_free(&d);
        assert_int_equal(sops_mem_live(), 0);
    }
}

/* The comment at the end of a line whose entry is taken out waits for the next value, also in the next document. */
static void comments_of_what_is_gone(void **state)
{
    (void)state;
    static const struct pair cases[] = {
        {"b: 2 #x\nc: 3\n", "c: 3 #x\n"},
        {"b: 2 #x\nc:\n  - 1\nd: 4\n", "c:\n    - 1\nd: 4 #x\n"},
        {"b: 2 #x\nsops:\n  a: 1\n", "sops:\n    a: 1\n"},
        {"b: 2 #x\nsops:\n  a: 1\n---\n# h\nc: 3\n", "sops:\n    a: 1\n---\n# h\n#x\nc: 3\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_ok(sops_format_yaml.parse(&d, sops_str(cases[i].in), &e), &e);
        struct sops_node *gone = d.parts->child;
        while (gone->kind == SOPS_COMMENT) {
            gone = gone->next;
        }
        sops_node_unlink(&d, gone);
        assert_ok(sops_doc_emit(&d, &sops_format_yaml, &usual, &out, &e), &e);
        assert_slice(sops_buf_view(&out), cases[i].want);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(comments_of_what_is_gone),
        cmocka_unit_test(indentation),
        cmocka_unit_test(types),
        cmocka_unit_test(strings),
        cmocka_unit_test(comments),
        cmocka_unit_test(what_cannot_be_read_has_a_line),
        cmocka_unit_test(depth),
        cmocka_unit_test(small_texts_that_grow),
        cmocka_unit_test(alias_bombs),
        cmocka_unit_test(what_contains_itself),
        cmocka_unit_test(encodings),
        cmocka_unit_test(odd_ones_fail_when_walked),
        cmocka_unit_test(ciphertexts_are_cut_out),
        cmocka_unit_test(long_keys_with_ciphertexts),
        cmocka_unit_test(values_alone),
        cmocka_unit_test(nothing_is_no_document),
        cmocka_unit_test(comments_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
