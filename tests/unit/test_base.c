/* SPDX-License-Identifier: Apache-2.0 */
/* Slices, buffers, arenas, errors, tables, and the counters of the heap. */
#include "testing.h"

#include "base/secret.h"
#include "base/table.h"

static void slices(void **state)
{
    (void)state;
    struct sops_slice rest = SOPS_LIT("a,,b"), piece;
    const char *want[] = {"a", "", "b"};
    size_t n = 0;
    while (sops_slice_next(&rest, ',', &piece)) {
        assert_true(n < 3);
        assert_slice(piece, want[n]);
        n++;
    }
    assert_int_equal(n, 3);
    assert_slice(sops_slice_trim(SOPS_LIT(" \t x y\r\n")), "x y");
    assert_int_equal(sops_slice_find(SOPS_LIT("abc"), 'c'), 2);
    assert_int_equal(sops_slice_find(SOPS_LIT("abc"), 'x'), 3);
    assert_true(sops_slice_cmp(SOPS_LIT("a"), SOPS_LIT("ab")) < 0);
    assert_true(sops_slice_cmp(SOPS_LIT("b"), SOPS_LIT("ab")) > 0);
    assert_true(sops_slice_ends(SOPS_LIT("x.yaml"), SOPS_LIT(".yaml")));
    assert_false(sops_slice_ends(SOPS_LIT("aml"), SOPS_LIT(".yaml")));
}

static void buffers(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf b = {0};
    assert_ok(sops_buf_adds(&b, "one", &e) && sops_buf_addc(&b, ' ', &e) && sops_buf_addf(&b, &e, "%d", 2), &e);
    assert_slice(sops_buf_view(&b), "one 2");
    assert_ok(sops_buf_addn(&b, '-', 300, &e), &e);
    assert_int_equal(b.len, 305);
    sops_buf_cut(&b, 3);
    assert_string_equal(sops_buf_cstr(&b, &e), "one");
    sops_mem_fail_at(1);
    assert_fails(sops_buf_addn(&b, 'x', 100000, &e), &e, SOPS_E_GENERIC);
    sops_mem_fail_at(0);
    assert_slice(sops_buf_view(&b), "one");
    sops_buf_free(&b);
}

static bool holds_kept(void *arg, struct sops_slice piece)
{
    const uint8_t *kept = *(const uint8_t **)arg;
    return kept >= piece.ptr && kept < piece.ptr + piece.len;
}

/* What was filled before is gone, but for what is kept and what stands beside the thing at hand. */
static void arena_drop(void **state)
{
    (void)state;
    enum { THINGS = 20000 };
    struct sops_arena a = {0};
    struct sops_err e = {0};
    static uint64_t *thing[THINGS];
    for (size_t i = 0; i < THINGS; i++) {
        thing[i] = sops_arena_alloc(&a, 100, &e);
        assert_non_null(thing[i]);
        *thing[i] = i;
    }
    const void *kept = thing[3];
    size_t before = sops_mem_live();
    struct sops_slice piece = sops_arena_drop(&a, thing[THINGS - 1], holds_kept, &kept);
    assert_true((uint8_t *)thing[THINGS - 1] >= piece.ptr && (uint8_t *)thing[THINGS - 1] < piece.ptr + piece.len);
    assert_true(sops_mem_live() + 5 < before);
    assert_int_equal(*thing[3], 3);
    assert_int_equal(*thing[THINGS - 1], THINGS - 1);
    before = sops_mem_live();
    assert_slice(sops_arena_drop(&a, &e, holds_kept, &kept), ""); /* not of this arena: nothing is done */
    assert_int_equal(sops_mem_live(), before);
    sops_arena_free(&a);
}

static void arenas(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_slice text[2000];
    for (size_t i = 0; i < 2000; i++) {
        assert_ok(sops_arena_printf(&a, &text[i], &e, "text %zu", i), &e);
        uint64_t *aligned = sops_arena_alloc(&a, sizeof *aligned, &e);
        assert_non_null(aligned);
        assert_int_equal((uintptr_t)aligned % 8, 0);
        assert_int_equal(*aligned, 0);
    }
    uint8_t *big = sops_arena_bytes(&a, 1 << 20, &e);
    assert_non_null(big);
    memset(big, 'x', 1 << 20);
    for (size_t i = 0; i < 2000; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "text %zu", i);
        assert_slice(text[i], want);
    }
    sops_arena_free(&a);
}

static void errors(void **state)
{
    (void)state;
    struct sops_err e = {0};
    assert_false(sops_fail(&e, SOPS_E_READ, "no %s", "file"));
    assert_false(sops_fail(&e, SOPS_E_MAC, "later"));
    assert_int_equal(e.code, SOPS_E_READ);
    sops_within(&e, "cannot open '%s'", "x");
    assert_string_equal(e.msg, "cannot open 'x': no file");
    char filler[3000];
    memset(filler, 'y', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    sops_within(&e, "%s", filler);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_ptr_equal(strstr(e.msg, "y: cannot open 'x': no file") + 27, e.msg + sizeof e.msg - 1);
    sops_hint(&e, "first");
    sops_hint(&e, "second");
    assert_string_equal(e.hint, "first");
    sops_err_clear(&e);
    assert_int_equal(e.code, SOPS_OK);
}

/* What is too long loses its middle, in whole characters: the start says what failed, the end why. */
static void long_errors(void **state)
{
    (void)state;
    char name[4000];
    for (size_t shift = 0; shift < 3; shift++) {
        struct sops_err e = {0};
        size_t at = shift;
        memset(name, 'a', shift);
        for (; at + 3 < sizeof name; at += 2) {
            memcpy(name + at, "ä", 2);
        }
        name[at] = '\0';
        sops_fail(&e, SOPS_E_READ, "cannot read '%s': is a directory", name);
        assert_true(strlen(e.msg) < sizeof e.msg && strlen(e.msg) > sizeof e.msg - 4);
        assert_memory_equal(e.msg, "cannot read '", 13);
        assert_non_null(strstr(e.msg, "ä…ä"));
        assert_non_null(strstr(e.msg, "ä': is a directory"));
    }
}

static void tables(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_table t = {0};
    static char names[1000][8];
    bool fresh;
    assert_null(sops_table_get(&t, SOPS_LIT("x")));
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        void **place = sops_table_put(&t, sops_str(names[i]), &fresh, &e);
        assert_non_null(place);
        assert_true(fresh);
        *place = names[i];
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_ptr_equal(sops_table_get(&t, sops_str(names[i])), names[i]);
    }
    assert_non_null(sops_table_put(&t, SOPS_LIT("7"), &fresh, &e));
    assert_false(fresh);
    assert_null(sops_table_get(&t, SOPS_LIT("1000")));
    sops_table_free(&t);
}

static void secrets(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_secret s = {0};
    assert_ok(sops_secret_copy(&s, SOPS_LIT("key"), &e), &e);
    assert_slice(sops_secret_view(&s), "key");
    sops_secret_free(&s);
    assert_null(s.ptr);
}

/* What two arenas gave lives on in one, whichever was filled, or empty. */
static void arenas_join(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0}, b = {0};
        struct sops_slice x = {0}, y = {0}, z = {0};
        for (size_t n = 0; (i & 1) != 0 && n < 400; n++) {
            assert_ok(sops_arena_copy(&a, SOPS_LIT("from a"), &x, &e), &e);
        }
        for (size_t n = 0; (i & 2) != 0 && n < 300; n++) {
            assert_ok(sops_arena_copy(&b, SOPS_LIT("from b"), &y, &e), &e);
        }
        sops_arena_join(&a, &b);
        assert_null(b.head);
        assert_int_equal(b.left, 0);
        assert_ok(sops_arena_copy(&a, SOPS_LIT("behind both"), &z, &e), &e);
        assert_slice(x, (i & 1) != 0 ? "from a" : "");
        assert_slice(y, (i & 2) != 0 ? "from b" : "");
        assert_slice(z, "behind both");
        sops_arena_free(&a);
    }
}

/* Room is made where there is none, the content stays, and a list that cannot grow is as it was. */
static void lists_grow(void **state)
{
    (void)state;
    struct sops_arena a = {0};
    struct sops_err e = {0};
    uint32_t *list = NULL, *in_arena = NULL;
    size_t room = 0, arena_room = 0;
    for (uint32_t i = 0; i < 100; i++) {
        list = sops_grow(list, i, &room, sizeof *list, &e);
        in_arena = sops_arena_grow(&a, in_arena, i, &arena_room, sizeof *in_arena, &e);
        assert_true(list != NULL && in_arena != NULL && room > i && arena_room == room);
        list[i] = in_arena[i] = i;
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(list[i] == i && in_arena[i] == i);
    }
    assert_ptr_equal(sops_grow(list, 100, &room, sizeof *list, &e), list);
    sops_mem_fail_at(1);
    assert_null(sops_grow(list, room, &room, sizeof *list, &e));
    sops_mem_fail_at(0);
    assert_true(e.memory && room == 128 && list[99] == 99);
    sops_err_clear(&e);
    sops_free(list);
    sops_arena_free(&a);
}

/* Memory that was out is passed on, every other failure is an answer. */
static void failures_that_are_answers(void **state)
{
    (void)state;
    struct sops_err tried = {0}, e = {0};
    assert_ok(sops_may_fail(&tried, &e), &e);
    (void)sops_fail(&tried, SOPS_E_GENERIC, "x");
    assert_ok(sops_may_fail(&tried, &e), &e);
    assert_int_equal(tried.code, SOPS_OK);
    (void)sops_fail_memory(&tried);
    assert_false(sops_may_fail(&tried, &e));
    assert_true(e.memory);
    sops_err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arenas_join), cmocka_unit_test(slices),     cmocka_unit_test(buffers),
        cmocka_unit_test(arenas),      cmocka_unit_test(arena_drop), cmocka_unit_test(errors),
        cmocka_unit_test(long_errors), cmocka_unit_test(lists_grow), cmocka_unit_test(failures_that_are_answers),
        cmocka_unit_test(tables),      cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
