/* SPDX-License-Identifier: Apache-2.0 */
/* Documents are given as JSON, sealed by hand: a text that begins with ENC[ is one that the rules mark. */
#include "core/readback.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct sops_style usual;

static void mark_all(struct sops_node *root)
{
    for (struct sops_node *n = root; n != NULL; n = sops_node_after(root, n)) {
        if (sops_slice_starts(n->text, SOPS_LIT("ENC["))) {
            n->flags |= SOPS_MARKED;
        }
    }
}

/* The code of writing `json` as `f` and reading it back. */
static int code_of(const char *json, const struct sops_format *f, const struct sops_rules *rules, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    assert_true(sops_format_json.parse(&d, sops_str(json), e));
    mark_all(d.parts);
    assert_true(sops_doc_emit(&d, f, &usual, &out, e));
    bool good = sops_readback(&d, f, rules, sops_buf_view(&out), e);
    assert_int_equal(good, e->code == SOPS_OK);
    sops_buf_free(&out);
    sops_doc_free(&d);
    return e->code;
}

static void lossy_formats(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const struct sops_format *format;
        int code;
        const char *key;
    } cases[] = {
        {"{\"a\":\"ENC[x]\",\"b\":\"clear\",\"i\":5,\"f\":1.5,\"sops_mac\":\"y\"}", &sops_format_dotenv, 0, NULL},
        {"{\"a\":\"x\\ny\",\"e\":\"\"}", &sops_format_dotenv, 0, NULL},
        {"{\"a\":1,\"a\":2}", &sops_format_dotenv, 0, NULL},
        {"{\"a\":\"x\",\"n\":null}", &sops_format_dotenv, 4, "[\"n\"]"},
        {"{\"b\":true}", &sops_format_dotenv, 4, "[\"b\"]"},
        {"{\"f\":1.0}", &sops_format_dotenv, 4, "[\"f\"]"},
        {"{\"a=b\":\"x\"}", &sops_format_dotenv, 4, "[\"a=b\"]"},
        {"{\"#a\":\"x\"}", &sops_format_dotenv, 4, "[\"#a\"]"},
        {"{\"x\":\"y\",\"a\\nb\":\"ENC[x]\"}", &sops_format_dotenv, 4, "b\"]"},
        {"{\"a\":\"x\\\\ny\"}", &sops_format_dotenv, 4, "[\"a\"]"},
        {"{\"s\":{\"a\":\"ENC[x]\",\"b\":\"c;d\",\"i\":5},\"t\":{}}", &sops_format_ini, 0, NULL},
        {"{\"DEFAULT\":{\"a\":\"b\"},\"s\":{},\"s\":{}}", &sops_format_ini, 0, NULL},
        {"{\"s\":{\"n\":null}}", &sops_format_ini, 4, "[\"s\"][\"n\"]"},
        {"{\"s\":{\"a\":1,\"a\":2}}", &sops_format_ini, 4, "[\"s\"][\"a\"]"},
        {"{\"s\":{\"a\":\"\\\"x\\\"\"}}", &sops_format_ini, 4, "[\"s\"][\"a\"]"},
        {"{\"s\":{\"a\":\"x\\\\\"}}", &sops_format_ini, 4, "[\"s\"][\"a\"]"},
        {"{\"s\":{\"-\":\"x\"}}", &sops_format_ini, 4, "[\"s\"][\"-\"]"},
        {"{\"s\":{\"b\":\"x\",\"[a\":\"ENC[x]\"}}", &sops_format_ini, 4, "[\"s\"][\"[a\"]"},
        {"{\"Default\":{\"a\":\"x\"}}", &sops_format_ini, 4, "[\"Default\"]"},
        {"{\"b\":true,\"f\":1.0,\"n\":null}", &sops_format_json, 0, NULL},
    };
    struct sops_rules rules = {.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        assert_int_equal(code_of(cases[i].json, cases[i].format, &rules, &e), cases[i].code);
        assert_true(cases[i].key == NULL || strstr(e.msg, cases[i].key) != NULL);
        sops_err_clear(&e);
    }
}

/* When the MAC does not count clear texts, only keys are in the way, and a null where a ciphertext belongs. */
static void clear_texts_that_do_not_count(void **state)
{
    (void)state;
    struct sops_rules rules = {.text[SOPS_ENCRYPTED_SUFFIX] = SOPS_LIT("_enc"), .mac_only_encrypted = true};
    struct sops_err e = {0};
    assert_int_equal(code_of("{\"b\":true,\"f\":1.0}", &sops_format_dotenv, &rules, &e), SOPS_OK);
    assert_int_equal(code_of("{\"n\":null}", &sops_format_dotenv, &rules, &e), SOPS_OK);
    assert_int_equal(code_of("{\"n_enc\":null}", &sops_format_dotenv, &rules, &e), SOPS_E_DUMP);
    sops_err_clear(&e);
}

/* INI puts a comment behind the key that it stood above in another format, where it covers the next one. */
static void comment_rules(void **state)
{
    (void)state;
    struct sops_rules rules = {.text[SOPS_ENCRYPTED_COMMENT_REGEX] = SOPS_LIT("hide")};
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    struct sops_slice none = SOPS_LIT("");
    assert_true(sops_rules_compile(&rules, &e));
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, none, none, &e);
    struct sops_node *section = sops_node_add(&d, root, SOPS_MAP, SOPS_LIT("s"), none, &e);
    struct sops_node *a = sops_node_add(&d, section, SOPS_STR, SOPS_LIT("a"), SOPS_LIT("x"), &e);
    assert_non_null(sops_node_add(&d, section, SOPS_COMMENT, none, SOPS_LIT("hide"), &e));
    struct sops_node *b = sops_node_add(&d, section, SOPS_STR, SOPS_LIT("b"), SOPS_LIT("ENC[x]"), &e);
    b->flags |= SOPS_MARKED;
    assert_true(sops_doc_emit(&d, &sops_format_ini, &usual, &out, &e));
    assert_true(sops_readback(&d, &sops_format_ini, &rules, sops_buf_view(&out), &e));
    a->flags |= SOPS_MARKED;
    assert_false(sops_readback(&d, &sops_format_ini, &rules, sops_buf_view(&out), &e));
    assert_int_equal(e.code, SOPS_E_ENCRYPT);
    assert_non_null(strstr(e.msg, "[\"s\"][\"a\"]"));
    sops_err_clear(&e);
    sops_rules_free(&rules);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

/* A ciphertext of a comment that no comment covers when it is read again would be taken for a clear one. */
static void encrypted_comments(void **state)
{
    (void)state;
    struct sops_rules rules = {.text[SOPS_ENCRYPTED_COMMENT_REGEX] = SOPS_LIT("hide")};
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    struct sops_slice none = SOPS_LIT("");
    assert_true(sops_rules_compile(&rules, &e));
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, none, none, &e);
    struct sops_node *comment = sops_node_add(&d, root, SOPS_COMMENT, none, SOPS_LIT("ENC[x]"), &e);
    assert_non_null(sops_node_add(&d, root, SOPS_STR, SOPS_LIT("a"), SOPS_LIT("x"), &e));
    assert_true(sops_doc_emit(&d, &sops_format_yaml, &usual, &out, &e));
    assert_true(sops_readback(&d, &sops_format_yaml, &rules, sops_buf_view(&out), &e));
    comment->flags |= SOPS_MARKED;
    assert_false(sops_readback(&d, &sops_format_yaml, &rules, sops_buf_view(&out), &e));
    assert_int_equal(e.code, SOPS_E_ENCRYPT);
    sops_err_clear(&e);
    sops_rules_free(&rules);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

/* A line break in a comment ends it in dotenv: what follows would be one entry more. */
static void more_than_was_written(void **state)
{
    (void)state;
    struct sops_rules rules = {.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX)};
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    struct sops_slice none = SOPS_LIT("");
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, none, none, &e);
    assert_non_null(sops_node_add(&d, root, SOPS_STR, SOPS_LIT("a"), SOPS_LIT("x"), &e));
    assert_non_null(sops_node_add(&d, root, SOPS_COMMENT, none, SOPS_LIT("note\nb=y"), &e));
    assert_true(sops_doc_emit(&d, &sops_format_dotenv, &usual, &out, &e));
    assert_false(sops_readback(&d, &sops_format_dotenv, &rules, sops_buf_view(&out), &e));
    assert_int_equal(e.code, SOPS_E_DUMP);
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

/* JSON keeps a key that stands twice, YAML cannot be read with one. */
static void unreadable(void **state)
{
    (void)state;
    struct sops_rules rules = {.text[SOPS_ENCRYPTED_COMMENT_REGEX] = SOPS_LIT("hide")};
    struct sops_err e = {0};
    assert_int_equal(code_of("{\"a\":1,\"a\":2}", &sops_format_yaml, &rules, &e), SOPS_E_ENCRYPT);
    assert_non_null(strstr(e.msg, "read again"));
    sops_err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossy_formats),         cmocka_unit_test(clear_texts_that_do_not_count),
        cmocka_unit_test(comment_rules),         cmocka_unit_test(encrypted_comments),
        cmocka_unit_test(more_than_was_written), cmocka_unit_test(unreadable),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
