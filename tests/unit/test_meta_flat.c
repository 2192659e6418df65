/* SPDX-License-Identifier: Apache-2.0 */
/* The flat form of metadata, both ways, and the two layouts that use it
 * (docs/spec/30-metadata.md#flattening-dotenv-and-ini). */
#include "testing.h"

#include "core/meta.h"

#define NONE ((struct sops_slice){0})

/* `names` is a NULL-terminated list; each value is the name itself. */
static bool unflatten(struct sops_doc *d, const char *const *names, struct sops_node **nested, struct sops_err *e)
{
    struct sops_node *flat = sops_node_add(d, NULL, SOPS_MAP, NONE, NONE, e);
    for (; *names != NULL; names++) {
        assert_non_null(sops_node_add(d, flat, SOPS_STR, sops_str(*names), sops_str(*names), e));
    }
    return sops_meta_unflatten(d, flat, nested, e);
}

static void trees(void **state)
{
    (void)state;
    static const char *const names[] = {"l__list_10",        "l__list_2",        "l__list_0__map_b",
                                        "l__list_0__map_a",  "l__list_x__map_c", "l__list_1",
                                        "l__list_+3",        "l__list_4",        "l__list_5",
                                        "l__list_06",        "l__list_7",        "l__list_8",
                                        "l__list_9__list_0", "m__map___map_k",   "",
                                        "a___map_b",         "c__mapx",          NULL};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_node *root;
    assert_ok(unflatten(&d, names, &root, &e), &e);
    struct sops_node *n = sops_node_find(root, SOPS_LIT("l"))->child;
    assert_int_equal(n->kind, SOPS_MAP);
    assert_slice(sops_node_find(n, SOPS_LIT("c"))->text, "l__list_x__map_c");
    size_t count = 0;
    for (; n != NULL; n = n->next, count++) {
        assert_true(count != 2 || sops_slice_eq(n->text, SOPS_LIT("l__list_2")));
        assert_true(count != 9 || n->kind == SOPS_LIST);
        assert_true(count != 10 || sops_slice_eq(n->text, SOPS_LIT("l__list_10")));
    }
    assert_int_equal(count, 11);
    n = sops_node_find(root, SOPS_LIT("m"));
    assert_slice(sops_node_find(sops_node_find(n, SOPS_LIT("")), SOPS_LIT("k"))->text, "m__map___map_k");
    assert_non_null(sops_node_find(root, SOPS_LIT("")));
    assert_non_null(sops_node_find(sops_node_find(root, SOPS_LIT("a_")), SOPS_LIT("b")));
    assert_non_null(sops_node_find(root, SOPS_LIT("c__mapx")));
    sops_doc_free(&d);
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a", "a"},
        {"a", "a__map_b"},
        {"a", "a__list_0"},
        {"a__list_0", "a__map_b"},
        {"a__list_0", "a__list_2"},
        {"a__list_1"},
        {"a__list_-1"},
        {"a__list_0", "a__list_00"},
        {"a__list_99999999999999999999", "a__list_1"},
        {"a__list_4294967296"},
        {"x__map_y__list_1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_node *root;
        assert_fails(unflatten(&d, rows[i], &root, &e), &e, SOPS_E_GENERIC);
        sops_doc_free(&d);
    }
}

/* What is flattened is ours and has few levels; more are refused, not walked. */
static void deep(void **state)
{
    (void)state;
    for (int levels = 16; levels <= 17; levels++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_node *to = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
        struct sops_node *nested = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e), *at = nested;
        for (int i = 1; i < levels; i++) {
            at = sops_node_add(&d, at, SOPS_MAP, SOPS_LIT("k"), NONE, &e);
        }
        assert_non_null(sops_node_add(&d, at, SOPS_STR, SOPS_LIT("k"), SOPS_LIT("v"), &e));
        if (levels == 16) {
            assert_ok(sops_meta_flatten(&d, nested, to, "", &e), &e);
            assert_slice(to->child->text, "v");
        } else {
            assert_fails(sops_meta_flatten(&d, nested, to, "", &e), &e, SOPS_E_GENERIC);
        }
        sops_doc_free(&d);
    }
}

/* A long name with many steps, and many names, take no more time than they must. */
static void linear(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_buf name = {0};
    struct sops_node *root;
    for (int i = 0; i < 50000; i++) {
        assert_true(sops_buf_adds(&name, "__list_0", &e));
    }
    const char *names[] = {sops_buf_cstr(&name, &e), NULL};
    assert_ok(unflatten(&d, names, &root, &e), &e);
    sops_buf_free(&name);
    sops_doc_free(&d);
}

static void fill(struct sops_meta *m)
{
    struct sops_err e = {0};
    m->groups = sops_arena_alloc(&m->arena, sizeof *m->groups, &e);
    struct sops_key **end = &m->groups->keys;
    for (int i = 0; i < 11; i++) {
        *end = sops_arena_alloc(&m->arena, sizeof **end, &e);
        (*end)->source = sops_keysource_named(SOPS_LIT("age"));
        (*end)->enc = SOPS_LIT("line\nnext\n");
        assert_true(sops_arena_printf(&m->arena, &(*end)->field[0], &e, "age%d", i));
        end = &(*end)->next;
    }
    m->threshold = 2;
    m->rules.mac_only_encrypted = true;
    m->rules.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT("_u");
    m->mac = SOPS_LIT("M");
    m->last_modified = SOPS_LIT("2026-04-01T10:00:00Z");
    m->version = SOPS_LIT("3.13.2");
}

static void both_layouts(void **state)
{
    (void)state;
    struct sops_err e = {0};
    for (int l = SOPS_META_SECTION; l <= SOPS_META_PREFIX; l++) {
        enum sops_layout layout = (enum sops_layout)l;
        struct sops_meta m = {0}, again = {0};
        struct sops_doc d = {0};
        struct sops_node *part = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
        assert_non_null(sops_node_add(&d, part, SOPS_STR, SOPS_LIT("sops_not"), SOPS_LIT("x"), &e));
        part->child->key = layout == SOPS_META_PREFIX ? SOPS_LIT("sopsnot") : part->child->key;
        fill(&m);
        assert_ok(sops_meta_attach(&d, layout, &m, &e), &e);
        struct sops_node *first = layout == SOPS_META_SECTION ? part->last->child : part->child->next;
        assert_slice(first->key, layout == SOPS_META_SECTION ? "age__list_0__map_enc" : "sops_age__list_0__map_enc");
        assert_slice(first->text, layout == SOPS_META_SECTION ? "line\\nnext\\n" : "line\nnext\n");
        for (int i = 0; i < 4; i++) {
            first = first->next;
        }
        assert_true(
            sops_slice_ends(first->key, SOPS_LIT("age__list_2__map_enc"))); /* before list_10: order of the walk */
        assert_true(sops_meta_present(&d, layout));
        assert_ok(sops_meta_detach(&d, layout, &again, &e), &e);
        assert_non_null(part->child);
        assert_null(part->child->next);
        assert_slice(again.groups->keys->enc, "line\nnext\n");
        assert_slice(again.groups->keys->next->next->field[0], "age2");
        assert_int_equal(again.threshold, 2);
        assert_true(again.rules.mac_only_encrypted);
        assert_slice(again.rules.text[SOPS_UNENCRYPTED_SUFFIX], "_u");
        sops_meta_free(&m);
        sops_meta_free(&again);
        sops_doc_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),  cmocka_unit_test(refused),      cmocka_unit_test(deep),
        cmocka_unit_test(linear), cmocka_unit_test(both_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
