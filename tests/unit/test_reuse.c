/* SPDX-License-Identifier: Apache-2.0 */
/* Which ciphertexts are written again; above all that no nonce ever stands for two texts. */
#include "testing.h"

#include "base/table.h"
#include "core/crypt.h"

#define NONE ((struct sops_slice){0})

static const uint8_t key[32] = "0123456789abcdef0123456789abcdef";
static const uint8_t other_key[32] = "0123456789abcdef0123456789abcdeX";
static struct sops_world world = TEST_WORLD;
static const struct sops_rules rules = {0};

static struct sops_crypt crypt_with(const uint8_t *data_key)
{
    return (struct sops_crypt){.world = &world, .rules = &rules, .data_key = {data_key, 32}};
}

static void seal(struct sops_doc *d, struct sops_crypt *c, const struct sops_doc *old, enum sops_reuse_which which)
{
    struct sops_err e = {0};
    struct sops_buf mac = {0};
    const struct sops_doc *const docs[] = {d, old, NULL};
    assert_ok(sops_rules_mark(&rules, d, &e) && sops_doc_seal(d, c, docs, which, &mac, &e), &e);
    sops_buf_free(&mac);
}

static void open_again(struct sops_doc *d, struct sops_crypt *c)
{
    struct sops_err e = {0};
    struct sops_buf mac = {0};
    assert_ok(sops_rules_mark(&rules, d, &e) && sops_doc_open(d, c, NULL, NULL, &mac, &e), &e);
    sops_doc_trust(d);
    sops_buf_free(&mac);
}

/* {"l": [texts…]}; returns the list. */
static struct sops_node *list_of(struct sops_doc *d, const char *const *texts)
{
    struct sops_err e = {0};
    struct sops_node *root = sops_node_add(d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *list = sops_node_add(d, root, SOPS_LIST, SOPS_LIT("l"), NONE, &e);
    for (; *texts != NULL; texts++) {
        assert_non_null(sops_node_add(d, list, SOPS_STR, NONE, sops_str(*texts), &e));
    }
    return list;
}

/* Which of `old`'s ciphertexts each item of `list` has: "0", "1", …; "n": a new one. */
static void assert_taken(const struct sops_node *list, const struct sops_doc *old, const char *want)
{
    char got[32] = {0};
    size_t at = 0;
    for (const struct sops_node *n = list->child; n != NULL; n = n->next) {
        got[at] = 'n';
        for (size_t i = 0; i < old->opening->count; i++) {
            if (sops_slice_eq(n->text, old->opening->leaf[i].enc)) {
                got[at] = (char)('0' + i);
            }
        }
        at++;
    }
    assert_string_equal(got, want);
}

static void of_several_equal_ones(void **state)
{
    (void)state;
    static const struct {
        const char *was[6], *is[6], *in_order, *last;
    } cases[] = {
        {{"x", "x", "y"}, {"x", "x", "y"}, "012", "112"},
        {{"x", "y", "x"}, {"y", "x", "x", "x"}, "102n", "1222"},
        {{"x"}, {"x", "x"}, "0n", "00"},
        {{"x", "y"}, {"z", "Y"}, "nn", "nn"},
        {{"x", "x", "x"}, {"x"}, "0", "2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (enum sops_reuse_which which = SOPS_REUSE_IN_ORDER; which <= SOPS_REUSE_LAST; which++) {
            struct sops_crypt c = crypt_with(key);
            struct sops_doc old = {0}, d = {0};
            list_of(&old, cases[i].was);
            seal(&old, &c, NULL, which);
            open_again(&old, &c);
            struct sops_node *list = list_of(&d, cases[i].is);
            seal(&d, &c, &old, which);
            assert_taken(list, &old, which == SOPS_REUSE_LAST ? cases[i].last : cases[i].in_order);
            sops_crypt_free(&c);
            sops_doc_free(&old);
            sops_doc_free(&d);
        }
    }
}

/* A leaf that did not change keeps its own, also where an equal one comes first or its node was copied elsewhere. */
static void its_own(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_crypt c = crypt_with(key);
    struct sops_doc old = {0}, d = {0};
    struct sops_node *list = list_of(&old, (const char *const[]){"x", "x", "y", NULL});
    seal(&old, &c, NULL, SOPS_REUSE_IN_ORDER);
    open_again(&old, &c);
    struct sops_node *copy = list_of(&d, (const char *const[]){"x", NULL});
    struct sops_node *second = sops_node_copy(&d, list->child->next, &e);
    struct sops_node *first = sops_node_copy(&d, list->child, &e);
    assert_true(second != NULL && first != NULL);
    sops_node_link(copy, NULL, second);
    sops_node_link(copy, second, first);
    seal(&d, &c, &old, SOPS_REUSE_IN_ORDER);
    assert_taken(copy, &old, "10n");
    sops_crypt_free(&c);
    sops_doc_free(&old);
    sops_doc_free(&d);
}

/* Text, kind, additional data or key is another one: each alone is enough for a fresh nonce. */
static void not_the_same(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        struct sops_err e = {0};
        struct sops_crypt c = crypt_with(key), other = crypt_with(other_key);
        struct sops_doc d = {0};
        struct sops_node *n = list_of(&d, (const char *const[]){"7", NULL})->child;
        seal(&d, &c, NULL, SOPS_REUSE_LAST);
        open_again(&d, &c);
        struct sops_slice before = n->sealed->enc;
        if (what == 1) {
            n->text = SOPS_LIT("8");
        } else if (what == 2) {
            n->kind = SOPS_INT;
        } else if (what == 3) {
            n->up->key = SOPS_LIT("m");
        } else if (what == 4) {
            n->kind = SOPS_COMMENT;
        }
        seal(&d, what == 5 ? &other : &c, NULL, SOPS_REUSE_LAST);
        assert_int_equal(sops_slice_eq(n->text, before), what == 0);
        /* the nonce is not the old one either: the two texts have it behind ",iv:" */
        assert_int_equal(memmem(n->text.ptr, n->text.len, memmem(before.ptr, before.len, ",iv:", 4), 40) != NULL,
                         what == 0);
        sops_err_clear(&e);
        sops_crypt_free(&c);
        sops_crypt_free(&other);
        sops_doc_free(&d);
    }
}

/* {"k": ENC[…]} with what another program made of the spelling: is it written again as it is? */
static void spellings(void **state)
{
    (void)state;
    static const struct {
        enum sops_kind kind;
        const char *text, *find, *put;
        bool again;
    } cases[] = {
        {SOPS_STR, "text", "", "", true},
        {SOPS_INT, "12", "", "", true},
        {SOPS_INT, "+12", "", "", false},   /* what it stands for has another text */
        {SOPS_BOOL, "TRUE", "", "", false}, /* so here */
        {SOPS_FLOAT, "NaN", "", "", false}, /* equals nothing */
        {SOPS_STR, "text", "type:str", "type:bytes", false},
        {SOPS_STR, "text", ",iv:", "\r,iv:", false}, /* a break within base64 */
        {SOPS_STR, "four", "==,iv", "==,iv", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_crypt c = crypt_with(key);
        struct sops_doc d = {0};
        struct sops_buf enc = {0}, file = {0};
        assert_ok(sops_text_seal(&c, cases[i].kind, sops_str(cases[i].text), SOPS_LIT("k:"), &enc, &e), &e);
        const char *text = sops_buf_cstr(&enc, &e), *at = strstr(text, cases[i].find);
        assert_non_null(at);
        assert_ok(sops_buf_add(&file, sops_slice_of(text, (size_t)(at - text)), &e) &&
                      sops_buf_adds(&file, cases[i].put, &e) && sops_buf_adds(&file, at + strlen(cases[i].find), &e),
                  &e);
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
        struct sops_node *n = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("k"), sops_buf_view(&file), &e);
        open_again(&d, &c);
        seal(&d, &c, NULL, SOPS_REUSE_LAST);
        assert_int_equal(sops_slice_eq(n->text, sops_buf_view(&file)), cases[i].again);
        sops_buf_free(&enc);
        sops_buf_free(&file);
        sops_crypt_free(&c);
        sops_doc_free(&d);
    }
}

/* Text behind the last ']' does not count, and is not written again. */
static void text_behind(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_crypt c = crypt_with(key);
    struct sops_doc d = {0};
    struct sops_buf enc = {0}, file = {0};
    assert_ok(sops_text_seal(&c, SOPS_STR, SOPS_LIT("text"), SOPS_LIT("k:"), &enc, &e), &e);
    assert_ok(sops_buf_add(&file, sops_buf_view(&enc), &e) && sops_buf_adds(&file, " and more", &e), &e);
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *n = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("k"), sops_buf_view(&file), &e);
    open_again(&d, &c);
    seal(&d, &c, NULL, SOPS_REUSE_LAST);
    assert_true(sops_slice_eq(n->text, sops_buf_view(&enc)));
    /* In order it is made anew: nobody knows who put the text there. */
    n->text = sops_buf_view(&file);
    open_again(&d, &c);
    seal(&d, &c, NULL, SOPS_REUSE_IN_ORDER);
    assert_false(sops_slice_eq(n->text, sops_buf_view(&enc)));
    sops_buf_free(&enc);
    sops_buf_free(&file);
    sops_crypt_free(&c);
    sops_doc_free(&d);
}

/* ---- no nonce twice ------------------------------------------------------------------------------------------------
 */

/* Everything that was ever sealed: what each nonce stands for. */
struct history {
    struct sops_arena arena;
    struct sops_table table;
};

static void remember(struct history *h, const struct sops_sealed *s)
{
    struct sops_err e = {0};
    const uint8_t *iv = memmem(s->enc.ptr, s->enc.len, ",iv:", 4);
    struct sops_slice nonce, all;
    bool fresh;
    assert_non_null(iv);
    assert_ok(sops_arena_copy(&h->arena, sops_slice_of(iv, 44), &nonce, &e), &e);
    assert_ok(sops_arena_printf(&h->arena, &all, &e, "%d %.*s %.*s", s->kind, SOPS_ARG(s->aad), SOPS_ARG(s->text)), &e);
    void **place = sops_table_put(&h->table, nonce, &fresh, &e);
    assert_non_null(place);
    if (!fresh && strcmp(*place, (const char *)all.ptr) != 0) {
        print_error("one nonce for '%s' and '%s'\n", (const char *)*place, (const char *)all.ptr);
        fail();
    }
    *place = (void *)(uintptr_t)all.ptr;
}

/* Changes some leaves: few texts, so that they repeat; kinds; places. */
static void disturb(struct sops_doc *d, struct sops_node *lists[3])
{
    static const enum sops_kind kinds[] = {SOPS_STR, SOPS_STR, SOPS_COMMENT};
    struct sops_err e = {0};
    for (int i = 0; i < 6; i++) {
        struct sops_node *list = lists[randombytes_uniform(3)];
        struct sops_node *n = list->child;
        for (uint32_t skip = randombytes_uniform(4); n != NULL && skip > 0; skip--) {
            n = n->next;
        }
        uint32_t what = n != NULL ? randombytes_uniform(5) : 4;
        struct sops_slice text;
        assert_ok(sops_arena_printf(&d->arena, &text, &e, "%u", randombytes_uniform(40)), &e);
        if (what == 0) {
            n->text = text;
        } else if (what == 1) {
            n->kind = (uint8_t)kinds[randombytes_uniform(3)];
        } else if (what == 2) {
            sops_node_unlink(d, n);
            sops_node_link(lists[randombytes_uniform(3)], NULL, n);
        } else if (what == 3) {
            sops_node_unlink(d, n);
        } else {
            assert_non_null(sops_node_add(d, list, SOPS_STR, NONE, text, &e));
        }
    }
}

static void no_nonce_for_two_texts(void **state)
{
    (void)state;
    for (enum sops_reuse_which which = SOPS_REUSE_IN_ORDER; which <= SOPS_REUSE_LAST; which++) {
        struct sops_err e = {0};
        struct history h = {0};
        struct sops_crypt c = crypt_with(key);
        struct sops_doc d = {0};
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
        struct sops_node *lists[3];
        for (size_t i = 0; i < 3; i++) {
            lists[i] = sops_node_add(&d, root, SOPS_LIST, i < 2 ? SOPS_LIT("a") : SOPS_LIT("b"), NONE, &e);
            assert_non_null(lists[i]);
        }
        for (int round = 0; round < 300; round++) {
            disturb(&d, lists);
            seal(&d, &c, NULL, which);
            open_again(&d, &c);
            for (size_t i = 0; i < d.opening->count; i++) {
                remember(&h, &d.opening->leaf[i]);
            }
        }
        assert_true(h.table.count > 100);
        sops_table_free(&h.table);
        sops_arena_free(&h.arena);
        sops_crypt_free(&c);
        sops_doc_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_equal_ones), cmocka_unit_test(its_own),
        cmocka_unit_test(not_the_same),          cmocka_unit_test(spellings),
        cmocka_unit_test(text_behind),           cmocka_unit_test(no_nonce_for_two_texts),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
