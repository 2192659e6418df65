/* SPDX-License-Identifier: Apache-2.0 */
/* Three versions to one: tables of base, ours, theirs and what becomes of them, in YAML (and INI). */
#include "testing.h"

#include "core/conflict.h"
#include "core/format.h"
#include "core/merge.h"

static const struct sops_style style = {0};

/* "" is no base. */
static void parse_into(struct sops_doc *d, const struct sops_format *f, const char *text)
{
    struct sops_err e = {0};
    assert_ok(sops_doc_parse(d, f, sops_str(text), &e), &e);
}

static void emit_picked(const struct sops_merge *m, const struct sops_merge_in *in, const struct sops_format *f,
                        sops_pick_fn *pick, struct sops_buf *out)
{
    struct sops_err e = {0};
    struct sops_doc d = {0};
    assert_ok(sops_merge_pick(m, in, pick, NULL, false, &d, &e), &e);
    assert_ok(sops_doc_emit(&d, f, &style, out, &e), &e);
    sops_doc_free(&d);
}

/* `conflicts`: their paths and kinds, "PATH kind\n"; NULL: the documents do not merge. `theirs_way`: the text when each
 * goes to theirs; NULL: the same as the other. */
struct row {
    const char *base, *ours, *theirs, *want, *conflicts, *theirs_way;
};

static void assert_row(const struct row *r, const struct sops_format *f)
{
    struct sops_doc o = {0}, a = {0}, b = {0};
    struct sops_merge m = {0};
    struct sops_err e = {0};
    struct sops_buf got = {0}, other = {0}, told = {0};
    parse_into(&o, f, r->base);
    parse_into(&a, f, r->ours);
    parse_into(&b, f, r->theirs);
    const struct sops_merge_in in = {.base = r->base[0] != '\0' ? &o : NULL,
                                     .ours = &a,
                                     .theirs = &b,
                                     .comments_behind = (f->flags & SOPS_FMT_BEHIND) != 0};
    assert_ok(sops_merge_values(&in, &m, &e), &e);
    assert_int_equal(m.documents, r->conflicts == NULL);
    if (!m.documents) {
        for (size_t i = 0; i < m.conflicts; i++) {
            assert_ok(sops_buf_addf(&told, &e, "%.*s %s\n", SOPS_ARG(m.conflict[i].path),
                                    sops_conflict_words[m.conflict[i].kind]),
                      &e);
        }
        emit_picked(&m, &in, f, sops_pick_ours, &got);
        emit_picked(&m, &in, f, sops_pick_theirs, &other);
        const char *theirs_way = r->theirs_way != NULL ? r->theirs_way : r->want;
        if (!sops_slice_eq(sops_buf_view(&got), sops_str(r->want)) ||
            !sops_slice_eq(sops_buf_view(&other), sops_str(theirs_way)) ||
            !sops_slice_eq(sops_buf_view(&told), sops_str(r->conflicts))) {
            fail_msg("base:\n%sours:\n%stheirs:\n%sgave:\n%.*sand:\n%.*sconflicts:\n%.*s", r->base, r->ours, r->theirs,
                     SOPS_ARG(got), SOPS_ARG(other), SOPS_ARG(told));
        }
    }
    sops_merge_free(&m);
    sops_doc_free(&o);
    sops_doc_free(&a);
    sops_doc_free(&b);
    sops_buf_free(&got);
    sops_buf_free(&other);
    sops_buf_free(&told);
}

static void test_maps(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a: 1\nb: 2\n", "a: 3\nb: 2\n", "a: 1\nb: 4\n", "a: 3\nb: 4\n", "", NULL},
        {"a: 1\nb: 2\n", "b: 2\n", "a: 1\nb: 2\n", "b: 2\n", "", NULL},
        {"a: 1\nb: 2\n", "a: 1\nb: 2\nx: 1\n", "a: 1\nb: 2\nq: 1\n", "a: 1\nb: 2\nx: 1\nq: 1\n", "", NULL},
        {"p: 1\n", "x: 1\np: 1\n", "q: 1\np: 1\n", "x: 1\nq: 1\np: 1\n", "", NULL},
        {"a: 1\nb: 1\nc: 1\n", "a: 1\nb: 2\nc: 1\n", "c: 1\nb: 1\na: 1\n", "c: 1\nb: 2\na: 1\n", "", NULL},
        {"a: 1\n", "a: 2\n", "a: 3\n", "a: 2\n", "[\"a\"] changed on both sides\n", "a: 3\n"},
        {"a: 1\n", "a: 2\n", "a: \"2\"\n", "a: 2\n", "[\"a\"] changed on both sides\n", "a: \"2\"\n"},
        {"a: 1\nb: 1\n", "b: 1\n", "a: 2\nb: 1\n", "b: 1\n", "[\"a\"] deleted by ours, changed by theirs\n",
         "a: 2\nb: 1\n"},
        {"a: 1\nb: 1\n", "a: 2\nb: 1\n", "b: 1\n", "a: 2\nb: 1\n", "[\"a\"] changed by ours, deleted by theirs\n",
         "b: 1\n"},
        {"b: 1\n", "b: 1\nnew: 1\n", "b: 1\nnew: 2\n", "b: 1\nnew: 1\n", "[\"new\"] added on both sides\n",
         "b: 1\nnew: 2\n"},
        {"m:\n    k: 1\n", "m:\n    k: 2\n", "m:\n    k: 1\n    l: 1\n", "m:\n    k: 2\n    l: 1\n", "", NULL},
        {"m:\n    k: 1\n", "m: {}\n", "m:\n    k: 1\nx: 1\n", "m: {}\nx: 1\n", "", NULL},
        {"m: 1\n", "m:\n    k: 2\n", "m:\n    k: 3\n", "m:\n    k: 2\n", "[\"m\"][\"k\"] added on both sides\n",
         "m:\n    k: 3\n"},
        {"", "a: 1\nb: 1\n", "b: 1\nc: 1\n", "a: 1\nb: 1\nc: 1\n", "", NULL},
        {"", "a: 1\n", "a: 2\n", "a: 1\n", "[\"a\"] added on both sides\n", "a: 2\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_row(&rows[i], &sops_format_yaml);
    }
}

static void test_lists(void **state)
{
    (void)state;
#define L(...) "l:\n" __VA_ARGS__
#define I(x) "    - " x "\n"
#define N(n, v) "    - name: " n "\n      v: " v "\n"
    static const struct row rows[] = {
        {L(I("1") I("2") I("3")), L(I("0") I("1") I("2") I("3")), L(I("1") I("2")), L(I("0") I("1") I("2")), "", NULL},
        {L(I("1") I("2")), L(I("1") I("x")), L(I("1") I("q")), L(I("1") I("x")), "[\"l\"] changed on both sides\n",
         L(I("1") I("q"))},
        {L(I("1")), "l: []\n", L(I("1")), "l: []\n", "", NULL},
        {L(N("a", "1") N("b", "1")), L(N("a", "2") N("b", "1")), L(N("a", "1") N("b", "3")), L(N("a", "2") N("b", "3")),
         "", NULL},
        {L(N("a", "1")), L(N("a", "1") N("o", "1")), L(N("a", "1") N("t", "1")), L(N("a", "1") N("o", "1") N("t", "1")),
         "", NULL},
        {L(N("a", "1") N("b", "1")), L(N("a", "1") N("b", "2")), L(N("a", "1") N("b", "3")), L(N("a", "1") N("b", "2")),
         "[\"l\"][1][\"v\"] changed on both sides\n", L(N("a", "1") N("b", "3"))},
        {L(N("a", "1") N("b", "1")), L(N("a", "1")), L(N("a", "1") N("b", "2")), L(N("a", "1")),
         "[\"l\"] changed on both sides\n", L(N("a", "1") N("b", "2"))},
        {L(N("s", "1") N("s", "2") N("o", "3")), L(N("s", "9") N("s", "2") N("o", "3")),
         L(N("s", "1") N("s", "2") N("o", "8")), L(N("s", "9") N("s", "2") N("o", "8")), "", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_row(&rows[i], &sops_format_yaml);
    }
}

static void test_texts_and_comments(void **state)
{
    (void)state;
#define T(a, b, c) "t: |\n    " a "\n    " b "\n    " c "\n"
    static const struct row rows[] = {
        {T("1", "2", "3"), T("x", "2", "3"), T("1", "2", "q"), T("x", "2", "q"), "", NULL},
        {T("1", "2", "3"), T("1", "x", "3"), T("1", "y", "3"), T("1", "x", "3"), "[\"t\"] changed on both sides\n",
         T("1", "y", "3")},
        {"# c\na: 1\nb: 1\n", "# x\na: 1\nb: 1\n", "# c\na: 1\nb: 2\n", "# x\na: 1\nb: 2\n", "", NULL},
        {"# c\na: 1\nb: 1\n", "# x\na: 1\nb: 1\n", "# q\na: 1\nb: 1\n", "# x\n# q\na: 1\nb: 1\n", "", NULL},
        {"# c\na: 1\nb: 1\n", "b: 1\n", "# c\na: 1\nb: 2\n", "b: 2\n", "", NULL},
        {"a: 1\n", "a: 1\n# end\n", "a: 2\n", "a: 2\n# end\n", "", NULL},
        {"a: 1\nb: 1\n", "b: 1\n", "# c\na: 2\nb: 1\n", "b: 1\n", "[\"a\"] deleted by ours, changed by theirs\n",
         "# c\na: 2\nb: 1\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_row(&rows[i], &sops_format_yaml);
    }
    static const struct row ini[] = {
        {"[s]\n; a\na = 1\n; b\nb = 1\n", "[s]\n; x\na = 1\n; b\nb = 1\n", "[s]\n; a\na = 1\n; b\nb = 2\n",
         "[s]\n; x\na = 1\n; b\nb = 2\n", "", NULL},
        /* a key has one comment, whose lines are those of both sides */
        {"[s]\n; a\na = 1\n", "[s]\n; a\n; x\na = 1\n", "[s]\n; a\n; y\na = 1\n", "[s]\n; a\n; x\n; y\na = 1\n", "",
         NULL},
        {"[s]\na = 1\n", "; x\n[s]\na = 1\n", "; y\n[s]\na = 1\n", "; x\n; y\n[s]\na = 1\n", "", NULL},
    };
    for (size_t i = 0; i < sizeof ini / sizeof ini[0]; i++) {
        assert_row(&ini[i], &sops_format_ini);
    }
}

static void test_documents(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a: 1\n---\nb: 1\n", "a: 2\n---\nb: 1\n", "a: 1\n---\nb: 2\n", "a: 2\n---\nb: 2\n", "", NULL},
        {"a: 1\n---\nb: 1\n", "a: 2\n---\nb: 1\n", "a: 1\n---\nb: 1\n---\nc: 1\n", "a: 2\n---\nb: 1\n---\nc: 1\n", "",
         NULL},
        {"a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n", "a: 1\n---\nb: 1\n---\nc: 1\n", "", NULL, NULL},
        {"", "a: 1\n", "a: 1\n---\nb: 1\n", "", NULL, NULL},
        {"a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n", "a: 1\n---\nb: 3\n", "a: 1\n---\nb: 2\n",
         "[\"b\"] changed on both sides\n", "a: 1\n---\nb: 3\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_row(&rows[i], &sops_format_yaml);
    }
}

/* ---- edits on places of their own merge, whichever side made which --------------------------------------------------
 */

enum { PLACES = 24 };

static void write_document(const int value[PLACES], struct sops_buf *out)
{
    struct sops_err e = {0};
    for (int i = 0; i < PLACES; i++) {
        bool nested = i % 4 != 0;
        assert_ok(sops_buf_addf(out, &e, nested ? "    k%d: v%d\n" : "m%d:\n    x: w\n    k%d: v%d\n", i,
                                nested ? value[i] : i, value[i]),
                  &e);
    }
}

static void test_disjoint_edits(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int round = 0; round < 200; round++) {
        int value[4][PLACES];
        struct sops_buf text[4] = {{0}};
        struct sops_err e = {0};
        for (int i = 0; i < PLACES; i++) {
            seed = seed * 1664525U + 1013904223U;
            int who = (int)(seed >> 16) % 3;
            for (int v = 0; v < 4; v++) {
                value[v][i] = 0;
            }
            if (who != 0) {
                value[who][i] = value[3][i] = who;
            }
        }
        for (int v = 0; v < 4; v++) {
            write_document(value[v], &text[v]);
            assert_non_null(sops_buf_cstr(&text[v], &e));
        }
        struct row r = {(char *)text[0].ptr, (char *)text[1].ptr, (char *)text[2].ptr, (char *)text[3].ptr, "", NULL};
        assert_row(&r, &sops_format_yaml);
        const char *ours = r.ours;
        r.ours = r.theirs;
        r.theirs = ours;
        assert_row(&r, &sops_format_yaml);
        for (int v = 0; v < 4; v++) {
            sops_buf_free(&text[v]);
        }
    }
}

/* ---- the text of a conflict
 * -------------------------------------------------------------------------------------------- */

static void assert_text(const char *base, const char *ours, const char *theirs, const struct sops_format *f,
                        const char *want)
{
    struct sops_doc o = {0}, a = {0}, b = {0};
    struct sops_merge m = {0};
    struct sops_err e = {0};
    struct sops_buf left = {0}, right = {0}, got = {0};
    const struct sops_marker_style marks = {.size = 7, .ours = "A", .theirs = "B"};
    parse_into(&o, f, base);
    parse_into(&a, f, ours);
    parse_into(&b, f, theirs);
    const struct sops_merge_in in = {.base = &o, .ours = &a, .theirs = &b};
    assert_ok(sops_merge_values(&in, &m, &e), &e);
    emit_picked(&m, &in, f, sops_pick_ours, &left);
    emit_picked(&m, &in, f, sops_pick_theirs, &right);
    assert_ok(sops_conflict_text(&m, f, sops_buf_view(&left), sops_buf_view(&right), &marks, &got, &e), &e);
    if (!sops_slice_eq(sops_buf_view(&got), sops_str(want))) {
        fail_msg("got:\n%.*swanted:\n%s", SOPS_ARG(got), want);
    }
    sops_merge_free(&m);
    sops_doc_free(&o);
    sops_doc_free(&a);
    sops_doc_free(&b);
    sops_buf_free(&left);
    sops_buf_free(&right);
    sops_buf_free(&got);
}

#define LT "<<<<<<< A\n"
#define EQ "=======\n"
#define GT ">>>>>>> B\n"

static void test_conflict_text(void **state)
{
    (void)state;
    const struct sops_format *yaml = &sops_format_yaml, *json = &sops_format_json;
    assert_text("a: 1\nb: 1\n", "a: 2\nb: 1\n", "a: 3\nb: 1\n", yaml, LT "a: 2\n" EQ "a: 3\n" GT "b: 1\n");
    assert_text("a: 1\nb: 1\n", "a: 2\nb: 2\n", "a: 3\nb: 3\n", yaml,
                LT "a: 2\n" EQ "a: 3\n" GT LT "b: 2\n" EQ "b: 3\n" GT);
    assert_text("m:\n    k: 1\nx: 1\n", "m: {}\nx: 1\n", "m:\n    k: 2\nx: 1\n", yaml,
                LT "m: {}\n" EQ "m:\n    k: 2\n" GT "x: 1\n");
    assert_text("a: 1\nl:\n    - 1\n    - 2\n", "a: 1\nl:\n    - 1\n    - x\n", "a: 1\nl:\n    - 1\n    - q\n", yaml,
                "a: 1\n" LT "l:\n    - 1\n    - x\n" EQ "l:\n    - 1\n    - q\n" GT);
    assert_text("{\"a\": 1, \"b\": 2}", "{\"a\": 1}", "{\"a\": 1, \"b\": 3}", json,
                "{\n" LT "\t\"a\": 1\n" EQ "\t\"a\": 1,\n\t\"b\": 3\n" GT "}\n");
    /* the comma of what neither changed, behind conflicts that touch each other */
    assert_text("{\"a\": 1, \"b\": 1, \"c\": 1, \"s\": 1, \"d\": 1}",
                "{\"a\": 2, \"b\": 2, \"c\": 2, \"s\": 1, \"d\": 2}", "{\"a\": 3, \"b\": 3, \"s\": 1}", json,
                "{\n" LT "\t\"a\": 2,\n\t\"b\": 2,\n\t\"c\": 2,\n\t\"s\": 1,\n\t\"d\": 2\n" EQ
                "\t\"a\": 3,\n\t\"b\": 3,\n\t\"s\": 1\n" GT "}\n");
    assert_text("a: 1\nb: 1\nc: 1\n", "b: 1\nc: 1\n", "# why\na: 2\nb: 1\nc: 1\n", yaml,
                LT EQ "# why\na: 2\n" GT "b: 1\nc: 1\n");
    /* a value against a table, which begins at its header */
    assert_text("a = 1\n\n[t]\nx = 1\nh = 1\n", "a = 2\n\n[t]\nx = 1\nh = 2\n", "a = 3\n\n[t]\nx = 1\n\n[t.h]\ny = 1\n",
                &sops_format_toml, LT "a = 2\n" EQ "a = 3\n" GT "\n[t]\nx = 1\n" LT "h = 2\n" EQ "\n[t.h]\ny = 1\n" GT);
    assert_text("[t]\nx = 1\nh = 1\n", "[t]\nx = 2\nh = 2\n", "[t]\nx = 3\n\n[t.h]\ny = 1\n", &sops_format_toml,
                "[t]\n" LT "x = 2\n" EQ "x = 3\n\n" GT LT "h = 2\n" EQ "[t.h]\ny = 1\n" GT);
    /* the padding of all lines is that of the longest name, so they are chosen together */
    assert_text("[s]\na = 1\nb = 1\nlonger = 1\nc = 1\nd = 1\n", "[s]\na = 2\nb = 1\nc = 1\nd = 2\n",
                "[s]\na = 3\nb = 1\nlonger = 3\nc = 1\nd = 3\n", &sops_format_ini,
                "[s]\n" LT "a = 2\nb = 1\nc = 1\nd = 2\n" EQ
                "a      = 3\nb      = 1\nlonger = 3\nc      = 1\nd      = 3\n" GT);
}

/* At a conflict a text that merges by lines stands there as ours has it, as nothing may be new there. */
static void test_text_of_ours(void **state)
{
    (void)state;
    struct sops_doc o = {0}, a = {0}, b = {0}, d = {0};
    struct sops_merge m = {0};
    struct sops_err e = {0};
    struct sops_buf got = {0};
    const char *ours = "t: |\n    x\n    2\n    3\nu: 1\n";
    parse_into(&o, &sops_format_yaml, "t: |\n    1\n    2\n    3\nu: 1\n");
    parse_into(&a, &sops_format_yaml, ours);
    parse_into(&b, &sops_format_yaml, "t: |\n    1\n    2\n    y\nu: 1\n");
    const struct sops_merge_in in = {.base = &o, .ours = &a, .theirs = &b};
    assert_ok(sops_merge_values(&in, &m, &e), &e);
    assert_ok(sops_merge_pick(&m, &in, sops_pick_theirs, NULL, true, &d, &e), &e);
    assert_ok(sops_doc_emit(&d, &sops_format_yaml, &style, &got, &e), &e);
    assert_slice(sops_buf_view(&got), ours);
    sops_buf_free(&got);
    emit_picked(&m, &in, &sops_format_yaml, sops_pick_ours, &got);
    assert_slice(sops_buf_view(&got), "t: |\n    x\n    2\n    y\nu: 1\n");
    sops_buf_free(&got);
    sops_merge_free(&m);
    sops_doc_free(&o);
    sops_doc_free(&a);
    sops_doc_free(&b);
    sops_doc_free(&d);
}

static void test_markers(void **state)
{
    (void)state;
    assert_true(sops_holds_markers(SOPS_LIT("<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n")));
    assert_true(sops_holds_markers(SOPS_LIT("a\n<<<<<<<<< a\n>>>>>>>>> b")));
    assert_false(sops_holds_markers(SOPS_LIT("<<<<<<<a\n>>>>>>> b\n")));
    assert_false(sops_holds_markers(SOPS_LIT(" <<<<<<< a\n>>>>>>> b\n")));
    assert_false(sops_holds_markers(SOPS_LIT("<<<<<<< a\n")));
    assert_false(sops_holds_markers(SOPS_LIT("")));
    static const struct {
        const char *given, *want;
    } labels[] = {{"HEAD", "HEAD"}, {"", "ours"}, {"%S", "ours"}, {"a\nb\x1b[31m", "a?b?[31m"}, {"\xff", "?"}};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_ok(sops_marker_label(labels[i].given, "ours", &out, &e), &e);
        assert_true(sops_slice_eq(sops_buf_view(&out), sops_str(labels[i].want)));
        sops_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_texts_and_comments),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_disjoint_edits),
        cmocka_unit_test(test_conflict_text),
        cmocka_unit_test(test_text_of_ours),
        cmocka_unit_test(test_markers),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
