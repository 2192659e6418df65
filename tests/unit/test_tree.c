/* SPDX-License-Identifier: Apache-2.0 */
/* The tree, the walk with its additional data, and paths through it. */
#include "testing.h"

#include "core/route.h"

#define NONE ((struct sops_slice){0})

/* a: 1, db: {password: p, #c, list: [x, #d, y]}, e: null */
static struct sops_node *sample(struct sops_doc *d)
{
    struct sops_err e = {0};
    struct sops_node *root = sops_node_add(d, NULL, SOPS_MAP, NONE, NONE, &e);
    assert_non_null(sops_node_add(d, root, SOPS_INT, SOPS_LIT("a"), SOPS_LIT("1"), &e));
    assert_non_null(sops_node_add(d, root, SOPS_COMMENT, NONE, SOPS_LIT(" top"), &e));
    struct sops_node *db = sops_node_add(d, root, SOPS_MAP, SOPS_LIT("db"), NONE, &e);
    assert_non_null(sops_node_add(d, db, SOPS_STR, SOPS_LIT("password"), SOPS_LIT("p"), &e));
    assert_non_null(sops_node_add(d, db, SOPS_COMMENT, NONE, SOPS_LIT("c"), &e));
    struct sops_node *list = sops_node_add(d, db, SOPS_LIST, SOPS_LIT("list"), NONE, &e);
    assert_non_null(sops_node_add(d, list, SOPS_STR, NONE, SOPS_LIT("x"), &e));
    assert_non_null(sops_node_add(d, list, SOPS_COMMENT, NONE, SOPS_LIT("d"), &e));
    assert_non_null(sops_node_add(d, list, SOPS_STR, NONE, SOPS_LIT("y"), &e));
    assert_non_null(sops_node_add(d, root, SOPS_MAP, SOPS_LIT("empty"), NONE, &e));
    assert_non_null(sops_node_add(d, root, SOPS_NULL, SOPS_LIT("e"), NONE, &e));
    return root;
}

static void walk_gives_additional_data(void **state)
{
    (void)state;
    const char *want[][2] = {{"1", "a:"},       {" top", ":"},     {"p", "db:password:"}, {"c", "db:"},
                             {"x", "db:list:"}, {"d", "db:list:"}, {"y", "db:list:"},     {"", "e:"}};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    sample(&d);
    sample(&d);
    struct sops_walk w = {.doc = &d};
    size_t n = 0;
    while (sops_walk_next(&w, &e)) {
        assert_true(n < 16);
        assert_slice(w.at->text, want[n % 8][0]);
        assert_slice(sops_buf_view(&w.aad), want[n % 8][1]);
        n++;
    }
    assert_int_equal(e.code, SOPS_OK);
    assert_int_equal(n, 16);
    sops_walk_free(&w);
    sops_doc_free(&d);
}

static void odd_nodes_fail_when_walked(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_node *root = sample(&d);
    struct sops_node *odd = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("5"), SOPS_LIT("v"), &e);
    odd->key_kind = SOPS_INT;
    struct sops_walk w = {.doc = &d};
    while (sops_walk_next(&w, &e)) {
    }
    assert_int_equal(e.code, SOPS_E_ENCRYPT);
    assert_non_null(strstr(e.msg, "int"));
    sops_walk_free(&w);
    sops_err_clear(&e);
    sops_doc_free(&d);
}

static void copies_are_the_same(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_node *root = sample(&d), *copy = sops_node_copy(&d, root, &e);
    assert_non_null(copy);
    assert_true(sops_node_same(root, copy));
    struct sops_node *p = copy->child;
    sops_node_unlink(&d, p);
    assert_false(sops_node_same(root, copy));
    sops_node_link(copy, NULL, p);
    assert_true(sops_node_same(root, copy));
    assert_true(sops_node_add(&d, copy, SOPS_STR, SOPS_LIT("z"), SOPS_LIT(""), &e) != NULL);
    assert_false(sops_node_same(root, copy));
    sops_doc_free(&d);
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int code; /* 0: found with `text` */
        const char *text;
    } cases[] = {
        {"[\"db\"][\"list\"][2]", 0, "y"},
        {"'a']", 0, "1"},
        {"[['a']", 0, "1"},
        {"[\"db\"]['list'][+0]", 0, "x"},
        {"[\"db\"]['list'][1]", 1, NULL},
        {"[\"db\"]['list'][-1]", 1, NULL},
        {"[\"nope\"]", 1, NULL},
        {"[\"a\"][0]", 1, NULL},
        {"[0]", 1, NULL},
        {"[\"a\"", 91, NULL},
        {"[]", 91, NULL},
        {"[\"]", 91, NULL},
        {"[\"a\"]x", 91, NULL},
        {"[1x]", 91, NULL},
        {"[+-1]", 91, NULL},
    };
    struct sops_doc d = {0};
    struct sops_node *root = sample(&d);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_route r = {0};
        struct sops_node *found = NULL;
        bool ok = sops_route_parse(&r, sops_str(cases[i].path), SOPS_E_EXTRACT_PATH, &e) &&
                  sops_route_find(&r, root, &found, &e);
        assert_int_equal(e.code, cases[i].code);
        assert_true(ok == (cases[i].code == 0));
        if (ok) {
            assert_slice(found->text, cases[i].text);
        }
        sops_route_free(&r);
        sops_err_clear(&e);
    }
    sops_doc_free(&d);
}

/* Twenty notes, then one that says that there are more. */
static void notes(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e);
    struct sops_node *n = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("k"), SOPS_LIT("secret"), &e);
    assert_true(sops_doc_note(&d, NULL, 0, "all", &e));
    for (unsigned i = 2; i < 40; i++) {
        assert_true(sops_doc_note(&d, n, i, "this", &e));
    }
    struct sops_slice rest = sops_buf_view(&d.notes), line;
    unsigned count = 0;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        count++;
        assert_true(count != 1 || sops_slice_eq(line, SOPS_LIT("all")));
        assert_true(count != 20 || sops_slice_eq(line, SOPS_LIT("line 20: [\"k\"]: this")));
    }
    assert_int_equal(count, SOPS_NOTES_MAX + 1);
    assert_true(sops_slice_starts(line, SOPS_LIT("there is more")));
    sops_doc_free(&d);
}

static void set_path(struct sops_doc *d, const char *path, const char *text)
{
    struct sops_err e = {0};
    struct sops_route r = {0};
    struct sops_doc other = {0};
    struct sops_node *holder = sops_node_add(d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *value = sops_node_add(d, holder, SOPS_STR, NONE, sops_str(text), &e);
    sops_node_unlink(d, value);
    sops_node_unlink(d, holder);
    assert_ok(sops_route_parse(&r, sops_str(path), SOPS_E_PATH, &e), &e);
    assert_ok(sops_route_set(&r, d, d->parts, value, &e), &e);
    sops_route_free(&r);
    sops_doc_free(&other);
}

static void set_and_unset(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_node *root = sample(&d), *found = NULL;
    const char *at[] = {"['db']['list'][9]", "['new'][7]['deep']", "['a']['now a map']", "['db']['password']"};
    for (size_t i = 0; i < 4; i++) {
        set_path(&d, at[i], "set");
    }
    const char *there[] = {"['db']['list'][3]", "['new'][0]['deep']", "['a']['now a map']", "['db']['password']"};
    for (size_t i = 0; i < 4; i++) {
        struct sops_route r = {0};
        bool was = false;
        assert_ok(sops_route_parse(&r, sops_str(there[i]), SOPS_E_PATH, &e), &e);
        assert_ok(sops_route_find(&r, root, &found, &e), &e);
        assert_slice(found->text, "set");
        assert_ok(sops_route_unset(&r, &d, root, &was, &e) && was, &e);
        assert_false(sops_route_find(&r, root, &found, &e));
        sops_err_clear(&e);
        assert_ok(sops_route_unset(&r, &d, root, &was, &e) && !was, &e);
        sops_route_free(&r);
    }
    sops_doc_free(&d);
}

static void path_texts(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_buf b = {0};
    struct sops_node *root = sample(&d);
    assert_ok(sops_node_path(sops_node_find(root, SOPS_LIT("db"))->last->last, &b, &e), &e);
    assert_slice(sops_buf_view(&b), "[\"db\"][\"list\"][2]");
    sops_buf_free(&b);
    sops_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_gives_additional_data),
        cmocka_unit_test(odd_nodes_fail_when_walked),
        cmocka_unit_test(copies_are_the_same),
        cmocka_unit_test(paths),
        cmocka_unit_test(notes),
        cmocka_unit_test(set_and_unset),
        cmocka_unit_test(path_texts),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
