/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf cipher and the MAC: round trips, what the pattern takes and refuses, what stays of a ciphertext,
 * and every refusal to emit.
 */
#include "testing.h"

#include "core/crypt.h"
#include "core/format.h"

#define NONE ((struct sops_slice){0})

static const uint8_t key[32] = "0123456789abcdef0123456789abcdef";
static struct sops_world world = TEST_WORLD;
static const struct sops_doc *const nothing_old[] = {NULL};

static struct sops_crypt crypt_with(const struct sops_rules *rules)
{
    return (struct sops_crypt){.world = &world, .rules = rules, .data_key = {key, 32}};
}

static void round_trip(void **state)
{
    (void)state;
    static const struct {
        enum sops_kind kind;
        const char *text;
    } cases[] = {{SOPS_STR, "hunter2"},
                 {SOPS_STR, "x"},
                 {SOPS_INT, "-12"},
                 {SOPS_FLOAT, "1.5"},
                 {SOPS_BOOL, "True"},
                 {SOPS_COMMENT, " note"},
                 {SOPS_TIME, "2024-05-06T07:08:09Z"}};
    struct sops_rules rules = {0};
    struct sops_crypt c = crypt_with(&rules);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf enc = {0}, text = {0};
        enum sops_kind kind;
        assert_ok(sops_text_seal(&c, cases[i].kind, sops_str(cases[i].text), SOPS_LIT("a:b:"), &enc, &e), &e);
        assert_ok(sops_text_open(&c, sops_buf_view(&enc), SOPS_LIT("a:b:"), &kind, &text, &e), &e);
        assert_int_equal(kind, cases[i].kind);
        assert_slice(sops_buf_view(&text), cases[i].text);
        sops_buf_cut(&text, 0);
        assert_fails(sops_text_open(&c, sops_buf_view(&enc), SOPS_LIT("a:c:"), &kind, &text, &e), &e, SOPS_E_DECRYPT);
        assert_int_equal(text.len, 0);
        sops_buf_free(&enc);
        sops_buf_free(&text);
    }
    sops_crypt_free(&c);
}

static void long_text(void **state)
{
    (void)state;
    struct sops_rules rules = {0};
    struct sops_crypt c = crypt_with(&rules);
    struct sops_err e = {0};
    struct sops_buf clear = {0}, enc = {0}, text = {0};
    enum sops_kind kind;
    for (size_t i = 0; i < 3000001; i++) {
        assert_true(sops_buf_addc(&clear, (uint8_t)(i * 31 >> 3), &e));
    }
    assert_ok(sops_text_seal(&c, SOPS_STR, sops_buf_view(&clear), SOPS_LIT("data:"), &enc, &e), &e);
    assert_ok(sops_text_open(&c, sops_buf_view(&enc), SOPS_LIT("data:"), &kind, &text, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&clear), sops_buf_view(&text)));
    sops_buf_free(&clear);
    sops_buf_free(&enc);
    sops_buf_free(&text);
    sops_crypt_free(&c);
}

static void pattern(void **state)
{
    (void)state;
    struct sops_rules rules = {0};
    struct sops_crypt c = crypt_with(&rules);
    struct sops_err e = {0};
    struct sops_buf enc = {0}, text = {0}, changed = {0};
    enum sops_kind kind;
    assert_ok(sops_text_seal(&c, SOPS_STR, SOPS_LIT("value"), SOPS_LIT("a:"), &enc, &e), &e);
    assert_ok(sops_buf_add(&changed, sops_buf_view(&enc), &e) && sops_buf_adds(&changed, " and more\n", &e), &e);
    assert_ok(sops_text_open(&c, sops_buf_view(&changed), SOPS_LIT("a:"), &kind, &text, &e), &e);
    const char *bad[] = {"",
                         "x",
                         "ENC[AES256_GCM,data:,iv:,tag:,type:str]",
                         " ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]",
                         "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str",
                         "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:STR]",
                         "ENC[AES256_GCM,data:Y!==,iv:YQ==,tag:YQ==,type:str]",
                         "ENC[AES256_GCM,iv:YQ==,data:YQ==,tag:YQ==,type:str]",
                         "ENC[AES256_GCM,data:YQ\n==,iv:YQ==,tag:YQ==,type:str]",
                         "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(sops_text_open(&c, sops_str(bad[i]), SOPS_LIT("a:"), &kind, &text, &e), &e, SOPS_E_DECRYPT);
    }
    const char *told[][2] = {{"ENC[AES256_GCM,data:Y!==,iv:YQ==,tag:YQ==,type:str]", "no base64"},
                             {"ENC[AES256_GCM,data:YQ\n==,iv:YQ==,tag:YQ==,type:str]", "data format"}};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        assert_false(sops_text_open(&c, sops_str(told[i][0]), SOPS_LIT("a:"), &kind, &text, &e));
        assert_non_null(strstr(e.msg, told[i][1]));
        sops_err_clear(&e);
    }
    for (size_t i = 0; i < enc.len; i++) {
        /* A bit flipped anywhere is noticed; but the last digit before a '=' has bits that do not count. */
        if (enc.ptr[i] != '=' && i + 1 < enc.len && enc.ptr[i + 1] != '=') {
            sops_buf_cut(&changed, 0);
            assert_ok(sops_buf_add(&changed, sops_buf_view(&enc), &e), &e);
            changed.ptr[i] ^= 0x40;
            assert_fails(sops_text_open(&c, sops_buf_view(&changed), SOPS_LIT("a:"), &kind, &text, &e), &e,
                         SOPS_E_DECRYPT);
        }
    }
    sops_buf_free(&enc);
    sops_buf_free(&text);
    sops_buf_free(&changed);
    sops_crypt_free(&c);
}

static struct sops_node *sample(struct sops_doc *d)
{
    struct sops_err e = {0};
    struct sops_node *root = sops_node_add(d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *n = sops_node_add(d, root, SOPS_STR, SOPS_LIT("a"), SOPS_LIT("one"), &e);
    assert_non_null(n);
    assert_non_null(sops_node_add(d, root, SOPS_INT, SOPS_LIT("n"), SOPS_LIT("7"), &e));
    assert_non_null(sops_node_add(d, root, SOPS_STR, SOPS_LIT("c_unencrypted"), SOPS_LIT("clear"), &e));
    struct sops_node *list = sops_node_add(d, root, SOPS_LIST, SOPS_LIT("l"), NONE, &e);
    assert_non_null(sops_node_add(d, list, SOPS_COMMENT, NONE, SOPS_LIT(" in list"), &e));
    assert_non_null(sops_node_add(d, list, SOPS_STR, NONE, SOPS_LIT(""), &e));
    assert_non_null(sops_node_add(d, root, SOPS_NULL, SOPS_LIT("z"), NONE, &e));
    return root;
}

static void documents(void **state)
{
    (void)state;
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    struct sops_err e = {0};
    struct sops_doc d = {0}, want = {0};
    struct sops_node *root = sample(&d), *same = sample(&want);
    struct sops_crypt c = crypt_with(&rules);
    struct sops_buf mac = {0}, again = {0}, stored = {0}, out = {0};
    assert_ok(sops_rules_mark(&rules, &d, &e) && sops_doc_seal(&d, &c, nothing_old, SOPS_REUSE_LAST, &mac, &e), &e);
    assert_int_equal(mac.len, 128);
    assert_int_equal(d.state, SOPS_DOC_SEALED);
    assert_true(sops_slice_starts(root->child->text, SOPS_LIT("ENC[")));
    assert_slice(sops_node_find(root, SOPS_LIT("c_unencrypted"))->text, "clear");
    assert_int_equal(sops_node_find(root, SOPS_LIT("l"))->child->kind, SOPS_STR);
    assert_ok(sops_text_seal(&c, SOPS_STR, sops_buf_view(&mac), SOPS_LIT("t"), &stored, &e), &e);
    assert_ok(sops_doc_open(&d, &c, NULL, NULL, &again, &e), &e);
    assert_int_equal(d.state, SOPS_DOC_UNVERIFIED);
    assert_fails(sops_doc_emit(&d, sops_formats[0], &(struct sops_style){0}, &out, &e), &e, SOPS_E_MAC);
    assert_int_equal(out.len, 0);
    assert_fails(sops_doc_verify(&d, &c, SOPS_LIT("0"), sops_buf_view(&stored), SOPS_LIT("t"), &e), &e, SOPS_E_MAC);
    assert_fails(sops_doc_verify(&d, &c, sops_buf_view(&again), NONE, SOPS_LIT("t"), &e), &e, SOPS_E_MAC);
    assert_fails(sops_doc_verify(&d, &c, sops_buf_view(&again), sops_buf_view(&stored), SOPS_LIT("u"), &e), &e,
                 SOPS_E_MAC);
    assert_int_equal(d.state, SOPS_DOC_UNVERIFIED);
    assert_ok(sops_doc_verify(&d, &c, sops_buf_view(&again), sops_buf_view(&stored), SOPS_LIT("t"), &e), &e);
    assert_int_equal(d.state, SOPS_DOC_PLAIN);
    assert_true(sops_node_same(root, same));
    sops_buf_free(&mac);
    sops_buf_free(&again);
    sops_buf_free(&stored);
    sops_crypt_free(&c);
    sops_doc_free(&d);
    sops_doc_free(&want);
}

/* Two nodes may have one text, as a YAML alias gives them: both open, and each keeps its ciphertext. */
static void ciphertexts_stay(void **state)
{
    (void)state;
    struct sops_rules rules = {0};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_crypt c = crypt_with(&rules);
    struct sops_buf enc = {0}, mac = {0};
    assert_ok(sops_text_seal(&c, SOPS_INT, SOPS_LIT("7"), SOPS_LIT("l:"), &enc, &e), &e);
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *list = sops_node_add(&d, root, SOPS_LIST, SOPS_LIT("l"), NONE, &e);
    struct sops_node *a = sops_node_add(&d, list, SOPS_STR, NONE, sops_buf_view(&enc), &e);
    struct sops_node *b = sops_node_add_ref(&d, list, SOPS_STR, NONE, a->text, &e);
    assert_non_null(b);
    assert_ok(sops_rules_mark(&rules, &d, &e) && sops_doc_open(&d, &c, NULL, NULL, &mac, &e), &e);
    for (struct sops_node *n = a; n != NULL; n = n->next) {
        assert_int_equal(n->kind, SOPS_INT);
        assert_slice(n->text, "7");
        assert_true(sops_slice_eq(n->sealed->enc, sops_buf_view(&enc)));
        assert_slice(n->sealed->aad, "l:");
    }
    assert_int_equal(d.opening->count, 2);
    sops_buf_free(&enc);
    sops_buf_free(&mac);
    sops_crypt_free(&c);
    sops_doc_free(&d);
}

/* Leaves enough for all threads. */
static void many_leaves(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct sops_rules rules = {0};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_crypt c = crypt_with(&rules);
    struct sops_buf sealed_mac = {0}, mac = {0}, text = {0};
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *list = sops_node_add(&d, root, SOPS_LIST, SOPS_LIT("l"), NONE, &e);
    for (int i = 0; i < MANY; i++) {
        sops_buf_cut(&text, 0);
        assert_ok(sops_buf_addf(&text, &e, "value %d", i), &e);
        assert_non_null(sops_node_add(&d, list, SOPS_STR, NONE, sops_buf_view(&text), &e));
    }
    assert_ok(sops_rules_mark(&rules, &d, &e), &e);
    assert_ok(sops_doc_seal(&d, &c, nothing_old, SOPS_REUSE_LAST, &sealed_mac, &e), &e);
    assert_ok(sops_doc_open(&d, &c, NULL, NULL, &mac, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&mac), sops_buf_view(&sealed_mac)));
    int i = 0;
    for (const struct sops_node *n = list->child; n != NULL; n = n->next, i++) {
        sops_buf_cut(&text, 0);
        assert_ok(sops_buf_addf(&text, &e, "value %d", i), &e);
        assert_true(sops_slice_eq(n->text, sops_buf_view(&text)));
    }
    assert_int_equal(i, MANY);
    sops_buf_free(&sealed_mac);
    sops_buf_free(&mac);
    sops_buf_free(&text);
    sops_crypt_free(&c);
    sops_doc_free(&d);
}

struct told {
    size_t count;
    const struct sops_node *leaf[4];
};

static void tell(void *ctx, const struct sops_node *leaf, const char *why)
{
    struct told *t = ctx;
    assert_true(t->count < 4 && why[0] != '\0');
    t->leaf[t->count++] = leaf;
}

/* Whoever wants to know of every leaf is told of each that does not open, and of no other. */
static void every_fault(void **state)
{
    (void)state;
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_crypt c = crypt_with(&rules);
    struct sops_buf enc = {0}, mac = {0};
    struct told told = {0};
    assert_ok(sops_text_seal(&c, SOPS_STR, SOPS_LIT("good"), SOPS_LIT("b:"), &enc, &e), &e);
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *a = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("a"), sops_buf_view(&enc), &e);
    struct sops_node *b = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("b"), sops_buf_view(&enc), &e);
    struct sops_node *clear = sops_node_add(&d, root, SOPS_INT, SOPS_LIT("c"), SOPS_LIT("1"), &e);
    assert_non_null(clear);
    assert_ok(sops_rules_mark(&rules, &d, &e), &e);
    assert_ok(sops_doc_open(&d, &c, tell, &told, &mac, &e), &e);
    assert_int_equal(told.count, 2);
    assert_ptr_equal(told.leaf[0], a);
    assert_ptr_equal(told.leaf[1], clear);
    assert_true(sops_slice_eq(a->text, sops_buf_view(&enc)));
    assert_null(a->sealed);
    assert_slice(b->text, "good");
    assert_int_equal(d.state, SOPS_DOC_UNVERIFIED);
    sops_buf_free(&enc);
    sops_buf_free(&mac);
    sops_crypt_free(&c);
    sops_doc_free(&d);
}

static void clear_value_where_cipher_belongs(void **state)
{
    (void)state;
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    sample(&d);
    struct sops_crypt c = crypt_with(&rules);
    struct sops_buf mac = {0};
    assert_ok(sops_rules_mark(&rules, &d, &e), &e);
    assert_false(sops_doc_open(&d, &c, NULL, NULL, &mac, &e));
    assert_int_equal(e.code, SOPS_E_DECRYPT);
    assert_non_null(strstr(e.msg, "[\"a\"]"));
    assert_null(strstr(e.msg, "one"));
    sops_err_clear(&e);
    c.data_key.len = 31;
    struct sops_crypt short_key = crypt_with(&rules);
    short_key.data_key.len = 31;
    assert_false(sops_doc_open(&d, &short_key, NULL, NULL, &mac, &e));
    assert_non_null(strstr(e.msg, "31 bytes"));
    sops_err_clear(&e);
    sops_buf_free(&mac);
    sops_crypt_free(&c);
    sops_doc_free(&d);
}

/* Numbers, bools and times never are a ciphertext. */
static void clear_number_where_cipher_belongs(void **state)
{
    (void)state;
    static const struct {
        enum sops_kind kind;
        const char *text;
        bool opens;
    } cases[] = {{SOPS_INT, "4711", false},  {SOPS_FLOAT, "1.5", false},
                 {SOPS_BOOL, "True", false}, {SOPS_TIME, "2024-05-06T07:08:09Z", false},
                 {SOPS_NULL, "", true},      {SOPS_STR, "", true}};
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_crypt c = crypt_with(&rules);
        struct sops_buf mac = {0};
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
        assert_non_null(sops_node_add(&d, root, cases[i].kind, SOPS_LIT("k"), sops_str(cases[i].text), &e));
        assert_ok(sops_rules_mark(&rules, &d, &e), &e);
        assert_int_equal(sops_doc_open(&d, &c, NULL, NULL, &mac, &e), cases[i].opens);
        if (!cases[i].opens) {
            assert_int_equal(e.code, SOPS_E_DECRYPT);
            assert_non_null(strstr(e.msg, "[\"k\"]"));
            assert_null(strstr(e.msg, cases[i].text));
            sops_err_clear(&e);
        }
        sops_buf_free(&mac);
        sops_crypt_free(&c);
        sops_doc_free(&d);
    }
}

/* A comment whose type was changed to int: one that reads as such is an error, another stays as it stands in the file.
 */
static void comment_of_another_type(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool opens;
    } cases[] = {{"12", false}, {" 12", true}, {"word", true}};
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_crypt c = crypt_with(&rules);
        struct sops_buf enc = {0}, mac = {0};
        assert_ok(sops_text_seal(&c, SOPS_INT, sops_str(cases[i].text), SOPS_LIT(":"), &enc, &e), &e);
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
        struct sops_node *n = sops_node_add(&d, root, SOPS_COMMENT, NONE, sops_buf_view(&enc), &e);
        assert_ok(sops_rules_mark(&rules, &d, &e), &e);
        if (cases[i].opens) {
            assert_ok(sops_doc_open(&d, &c, NULL, NULL, &mac, &e), &e);
            assert_true(sops_slice_eq(n->text, sops_buf_view(&enc)));
            assert_true(d.notes.len != 0);
        } else {
            assert_fails(sops_doc_open(&d, &c, NULL, NULL, &mac, &e), &e, SOPS_E_DECRYPT);
        }
        sops_buf_free(&enc);
        sops_buf_free(&mac);
        sops_crypt_free(&c);
        sops_doc_free(&d);
    }
}

/* Comments that are read below the mapping that they were sealed for go back to it, in their order; what was sealed for
 * another key stays, and so does a clear one. */
static void comments_out_of_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sealed_for, *home;
    } cases[] = {{" one", "a:", "a"},
                 {" two", "a:", "a"},
                 {" three", ":", NULL},
                 {" four", "a:b:l:", "l"},
                 {" five", "x:", "l"}};
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_crypt c = crypt_with(&rules);
    struct sops_buf enc = {0}, mac = {0};
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e);
    struct sops_node *a = sops_node_add(&d, root, SOPS_MAP, SOPS_LIT("a"), NONE, &e);
    struct sops_node *b = sops_node_add(&d, a, SOPS_MAP, SOPS_LIT("b"), NONE, &e);
    struct sops_node *l = sops_node_add(&d, b, SOPS_LIST, SOPS_LIT("l"), NONE, &e), *n[5];
    assert_non_null(sops_node_add(&d, a, SOPS_NULL, SOPS_LIT("after"), NONE, &e));
    for (size_t i = 0; i < 5; i++) {
        sops_buf_cut(&enc, 0);
        assert_ok(sops_text_seal(&c, SOPS_COMMENT, sops_str(cases[i].text), sops_str(cases[i].sealed_for), &enc, &e),
                  &e);
        n[i] = sops_node_add(&d, l, SOPS_COMMENT, NONE, sops_buf_view(&enc), &e);
        assert_non_null(n[i]);
    }
    assert_ok(sops_rules_mark(&rules, &d, &e) && sops_doc_open(&d, &c, NULL, NULL, &mac, &e), &e);
    assert_ptr_equal(b->next, n[0]);
    assert_ptr_equal(n[0]->next, n[1]);
    assert_slice(n[1]->next->key, "after");
    assert_ptr_equal(a->next, n[2]);
    assert_ptr_equal(root->last, n[2]);
    assert_true(l->child == n[3] && n[3]->next == n[4] && l->last == n[4]);
    for (size_t i = 0; i < 4; i++) {
        assert_true(sops_slice_eq(n[i]->text, sops_str(cases[i].text)));
        assert_true(cases[i].home == NULL ? n[i]->up == root : sops_slice_eq(n[i]->up->key, sops_str(cases[i].home)));
    }
    assert_true(sops_slice_eq(n[4]->text, sops_buf_view(&enc)));
    assert_true(sops_slice_starts(sops_buf_view(&d.notes), SOPS_LIT("1 comment(s)")));
    sops_buf_free(&enc);
    sops_buf_free(&mac);
    sops_crypt_free(&c);
    sops_doc_free(&d);
}

/* Deeper than anybody nests, a comment is left alone: each level costs a decryption. */
static void comment_far_below(void **state)
{
    (void)state;
    struct sops_rules rules = {.text = {[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)}};
    for (unsigned depth = 64; depth <= 65; depth++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_crypt c = crypt_with(&rules);
        struct sops_buf enc = {0}, mac = {0};
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e), *at = root;
        for (unsigned i = 0; i < depth; i++) {
            at = sops_node_add(&d, at, SOPS_MAP, SOPS_LIT("k"), NONE, &e);
        }
        assert_ok(sops_text_seal(&c, SOPS_COMMENT, SOPS_LIT(" far"), SOPS_LIT(":"), &enc, &e), &e);
        struct sops_node *n = sops_node_add(&d, at, SOPS_COMMENT, NONE, sops_buf_view(&enc), &e);
        assert_ok(sops_rules_mark(&rules, &d, &e) && sops_doc_open(&d, &c, NULL, NULL, &mac, &e), &e);
        assert_ptr_equal(n->up, depth == 64 ? root : at);
        sops_buf_free(&enc);
        sops_buf_free(&mac);
        sops_crypt_free(&c);
        sops_doc_free(&d);
    }
}

/* Where a CR has to be skipped, that needs memory: to have none is no fault of the text. */
static void no_memory_is_not_bad_base64(void **state)
{
    (void)state;
    static const char text[] =
        "ENC[AES256_GCM,data:AA\r==,iv:AAAAAAAA\rAAAAAAAA,tag:AAAAAAAA\rAAAAAAAAAAAAAA==,type:str]";
    const char *why = NULL;
    size_t lacks = 0;
    for (uint64_t k = 1; k < 20; k++) {
        enum sops_kind kind;
        sops_mem_fail_at(k);
        why = sops_cipher_look(sops_str(text), &kind);
        sops_mem_fail_at(0);
        if (why == NULL) {
            break;
        }
        assert_ptr_equal(why, sops_no_memory);
        lacks++;
    }
    assert_null(why);
    assert_true(lacks >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_is_not_bad_base64),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(long_text),
        cmocka_unit_test(pattern),
        cmocka_unit_test(documents),
        cmocka_unit_test(ciphertexts_stay),
        cmocka_unit_test(many_leaves),
        cmocka_unit_test(every_fault),
        cmocka_unit_test(clear_value_where_cipher_belongs),
        cmocka_unit_test(clear_number_where_cipher_belongs),
        cmocka_unit_test(comment_of_another_type),
        cmocka_unit_test(comments_out_of_place),
        cmocka_unit_test(comment_far_below),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
