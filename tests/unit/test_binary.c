/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are one string, and come back as they were. */
#include "core/format.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct sops_style usual;

static void bytes_come_back(void **state)
{
    (void)state;
    static const struct sops_slice cases[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\0\xFF\n", 3},
        {(const uint8_t *)"{\"a\": 1}", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_format_binary.parse(&d, cases[i], &e));
        assert_true(sops_slice_eq(d.parts->child->key, SOPS_LIT("data")));
        assert_true(sops_doc_emit(&d, &sops_format_binary, &usual, &out, &e));
        assert_true(sops_slice_eq(sops_buf_view(&out), cases[i]));
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

static void other_documents_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"{}", "{\"a\":\"x\"}", "{\"data\":1}", "{\"data\":{}}", "{\"data\":null}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_format_json.parse(&d, sops_str(cases[i]), &e));
        assert_false(sops_doc_emit(&d, &sops_format_binary, &usual, &out, &e));
        assert_int_equal(e.code, SOPS_E_DUMP);
        assert_non_null(strstr(e.hint, "--output-type"));
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
}

static void the_first_string_counts(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_format_json.parse(&d, SOPS_LIT("{\"a\":1,\"data\":\"x\",\"data\":\"y\"}"), &e));
    assert_true(sops_doc_emit(&d, &sops_format_binary, &usual, &out, &e));
    assert_true(sops_slice_eq(sops_buf_view(&out), SOPS_LIT("x")));
    sops_buf_cut(&out, 0);
    assert_true(sops_format_binary.emit_value(&d, d.parts->last, &usual, &out, &e));
    assert_true(sops_slice_eq(sops_buf_view(&out), SOPS_LIT("y")));
    assert_false(sops_format_binary.emit_value(&d, d.parts->child, &usual, &out, &e));
    assert_int_equal(e.code, SOPS_E_DUMP);
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

static void names_select(void **state)
{
    (void)state;
    assert_ptr_equal(sops_format_named(SOPS_LIT("json")), &sops_format_json);
    assert_ptr_equal(sops_format_named(SOPS_LIT("binary")), &sops_format_binary);
    assert_null(sops_format_named(SOPS_LIT("JSON")));
    assert_null(sops_format_named(SOPS_LIT("")));
    assert_ptr_equal(sops_format_for(SOPS_LIT("a.env.json")), &sops_format_json);
    assert_ptr_equal(sops_format_for(SOPS_LIT(".json")), &sops_format_json);
    assert_ptr_equal(sops_format_for(SOPS_LIT("a.jsonl")), &sops_format_binary);
    assert_ptr_equal(sops_format_for(SOPS_LIT("A.JSON")), &sops_format_binary);
    assert_ptr_equal(sops_format_for(SOPS_LIT("")), &sops_format_binary);
    assert_ptr_equal(sops_format_binary.sealed, &sops_format_json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(other_documents_are_refused),
        cmocka_unit_test(the_first_string_counts),
        cmocka_unit_test(names_select),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
