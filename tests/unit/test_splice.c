/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces at the start, at the end, side by side, put in and taken out; and what no caller may ask for. */
#include "core/splice.h"

#include "testing.h"

#define EDIT(from, to, text) ((struct sops_splice){{(from), (to)}, SOPS_LIT(text)})

static void check_splice(const char *text, const struct sops_splice *edits, size_t count, const char *want)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(sops_buf_adds(&out, ">", &e), &e);
    assert_ok(sops_splice(sops_str(text), edits, count, &out, &e), &e);
    assert_int_equal(out.ptr[0], '>');
    assert_slice(sops_slice_skip(sops_buf_view(&out), 1), want);
    sops_buf_free(&out);
}

#define CHECK(text, want, ...)                                                                                         \
    do {                                                                                                               \
        const struct sops_splice edits_[] = {__VA_ARGS__};                                                             \
        check_splice((text), edits_, sizeof edits_ / sizeof edits_[0], (want));                                        \
    } while (0)

static void pieces_are_replaced(void **state)
{
    (void)state;
    check_splice("abc", NULL, 0, "abc");
    check_splice("", NULL, 0, "");
    CHECK("abcdef", "Xcdef", EDIT(0, 2, "X"));
    CHECK("abcdef", "abcdLONGER", EDIT(4, 6, "LONGER"));
    CHECK("abcdef", "a12def", EDIT(1, 2, "1"), EDIT(2, 3, "2"));
    CHECK("abcdef", "", EDIT(0, 6, ""));
    CHECK("abcdef", "af", EDIT(1, 3, ""), EDIT(3, 5, ""));
    CHECK("", "new", EDIT(0, 0, "new"));
}

static void pieces_are_put_in(void **state)
{
    (void)state;
    CHECK("abc", "XabcY", EDIT(0, 0, "X"), EDIT(3, 3, "Y"));
    CHECK("abc", "a12bc", EDIT(1, 1, "1"), EDIT(1, 1, "2"));
    CHECK("abc", "a1Xc", EDIT(1, 1, "1"), EDIT(1, 2, "X"));
    CHECK("abc", "aX1c", EDIT(1, 2, "X"), EDIT(2, 2, "1"));
}

static void refuse_splice(const struct sops_splice *edits, size_t count, const char *why)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(sops_buf_adds(&out, ">", &e), &e);
    assert_false(sops_splice(SOPS_LIT("abcdef"), edits, count, &out, &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    assert_non_null(strstr(e.msg, why));
    assert_slice(sops_buf_view(&out), ">");
    sops_err_clear(&e);
    sops_buf_free(&out);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    refuse_splice((const struct sops_splice[]){EDIT(0, 3, ""), EDIT(2, 4, "")}, 2, "piece 2");
    refuse_splice((const struct sops_splice[]){EDIT(3, 4, ""), EDIT(0, 1, "")}, 2, "not behind the one before");
    refuse_splice((const struct sops_splice[]){EDIT(1, 2, ""), EDIT(1, 1, "")}, 2, "not behind the one before");
    refuse_splice((const struct sops_splice[]){EDIT(3, 2, "")}, 1, "not behind the one before");
    refuse_splice((const struct sops_splice[]){EDIT(5, 7, "")}, 1, "lies outside of it");
    refuse_splice((const struct sops_splice[]){EDIT(7, 7, "")}, 1, "lies outside of it");
    refuse_splice((const struct sops_splice[]){{{0, 1}, {(const uint8_t *)"", SIZE_MAX}}}, 1, "memory");
}

/* Without memory the buffer stays as it was. */
static void no_memory(void **state)
{
    (void)state;
    const struct sops_splice edit = EDIT(1, 2, "a longer text, for which there is no room");
    struct sops_buf out = {0};
    struct sops_err e = {0};
    sops_mem_fail_at(1);
    assert_fails(sops_splice(SOPS_LIT("abc"), &edit, 1, &out, &e), &e, SOPS_E_GENERIC);
    sops_mem_fail_at(0);
    assert_int_equal(out.len, 0);
    sops_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_replaced),
        cmocka_unit_test(pieces_are_put_in),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(no_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
