/* SPDX-License-Identifier: Apache-2.0 */
/* Two documents and what differs, as tables in YAML. */
#include "testing.h"

#include "core/diff.h"
#include "core/format.h"
#include "core/shape.h"

static void parse_into(struct sops_doc *d, const char *text)
{
    struct sops_err e = {0};
    assert_ok(sops_doc_parse(d, &sops_format_yaml, sops_str(text), &e), &e);
}

/* "~ PATH" with the path of the new one, "+ PATH", "- PATH"; a comment has the path of what it is in. */
static void add_line(const struct sops_change *c, struct sops_buf *out)
{
    struct sops_err e = {0};
    const struct sops_node *n = c->b != NULL ? c->b : c->a;
    const char *sign = c->op == SOPS_CHANGE ? "~" : c->op == SOPS_ADD ? "+" : "-";
    assert_ok(sops_buf_addf(out, &e, "%u%s ", c->document, sign), &e);
    if (n->kind == SOPS_COMMENT) {
        assert_ok(sops_buf_addf(out, &e, "#%.*s", SOPS_ARG(n->text)), &e);
    } else {
        assert_ok(sops_node_path(n, out, &e), &e);
    }
    assert_ok(sops_buf_addc(out, '\n', &e), &e);
}

static void assert_diff(const char *before, const char *after, const char *want)
{
    struct sops_doc a = {0}, b = {0};
    struct sops_changes changes = {0};
    struct sops_err e = {0};
    struct sops_buf got = {0};
    parse_into(&a, before);
    parse_into(&b, after);
    assert_ok(sops_diff(&a, &b, SOPS_SHAPE_OPEN, &changes, &e), &e);
    for (size_t i = 0; i < changes.count; i++) {
        add_line(&changes.change[i], &got);
    }
    if (!sops_slice_eq(sops_buf_view(&got), sops_str(want))) {
        fail_msg("%s against\n%s gave:\n%.*swanted:\n%s", before, after, SOPS_ARG(got), want);
    }
    sops_changes_free(&changes);
    sops_doc_free(&a);
    sops_doc_free(&b);
    sops_buf_free(&got);
}

static void maps(void **state)
{
    (void)state;
    assert_diff("a: 1\nb: 2\n", "b: 2\na: 1\n", "");
    assert_diff("a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n", "1~ [\"b\"]\n1+ [\"c\"]\n");
    assert_diff("a: 1\nb: 2\n", "b: 2\n", "1- [\"a\"]\n");
    assert_diff("a: 1\n", "a: '1'\n", "1~ [\"a\"]\n");
    assert_diff("a: {x: 1, y: 2}\n", "a: {x: 1, y: 3}\n", "1~ [\"a\"][\"y\"]\n");
    assert_diff("a: 1\n", "a: {x: 1, y: 3}\n", "1- [\"a\"]\n1+ [\"a\"][\"x\"]\n1+ [\"a\"][\"y\"]\n");
    assert_diff("a: {x: 1}\n", "a: {}\n", "1- [\"a\"][\"x\"]\n");
    assert_diff("b: 1\n", "b: 1\na: {x: [1, 2]}\n", "1+ [\"a\"][\"x\"][0]\n1+ [\"a\"][\"x\"][1]\n");
}

static void lists(void **state)
{
    (void)state;
    assert_diff("l: [a, b, c]\n", "l: [a, x, b, c]\n", "1+ [\"l\"][1]\n");
    assert_diff("l: [a, b, c]\n", "l: [a, c]\n", "1- [\"l\"][1]\n");
    assert_diff("l: [a, b, c]\n", "l: [a, x, c]\n", "1~ [\"l\"][1]\n");
    assert_diff("l: [a, b, c]\n", "l: [x, y, c]\n", "1~ [\"l\"][0]\n1~ [\"l\"][1]\n");
    assert_diff("l: [a]\n", "l: []\n", "1- [\"l\"][0]\n");
    assert_diff("l: [{n: a, v: 1}, {n: b, v: 1}]\n", "l: [{n: b, v: 1}]\n",
                "1- [\"l\"][0][\"n\"]\n1- [\"l\"][0][\"v\"]\n");
    assert_diff("l: [{n: a, v: 1}]\n", "l: [{n: a, v: 2}]\n", "1~ [\"l\"][0][\"v\"]\n");
}

static void comments_and_documents(void **state)
{
    (void)state;
    assert_diff("# c\na: 1\n", "# d\na: 1\n", "1- # c\n1+ # d\n");
    assert_diff("a: 1\n", "# d\na: 2\n", "1~ [\"a\"]\n1+ # d\n");
    assert_diff("a: 1\n---\nb: 1\n", "a: 1\n---\nb: 2\n", "2~ [\"b\"]\n");
    assert_diff("a: 1\n", "a: 1\n---\nb: 2\n", "2+ [\"b\"]\n");
    assert_diff("a: 1\n---\nb: 2\n", "a: 2\n", "1~ [\"a\"]\n2- [\"b\"]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps),
        cmocka_unit_test(lists),
        cmocka_unit_test(comments_and_documents),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, test_no_leaks);
}
