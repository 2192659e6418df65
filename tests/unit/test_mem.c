/* SPDX-License-Identifier: Apache-2.0 */
/* The heap: what is freed is wiped. This program replaces free, and looks at what is handed back. */
#include "testing.h"

#include <malloc.h>

#ifndef __SANITIZE_ADDRESS__ /* which has a free of its own */
static bool watching;
static size_t dirty;

/* The C library's own free, after a look at what is handed back. */
extern void __libc_free(void *p);
void free(void *p)
{
    if (watching && p != NULL) {
        const uint8_t *b = p;
        size_t n = malloc_usable_size(p);
        for (size_t i = 0; i + 6 <= n; i++) {
            dirty += memcmp(b + i, "canary", 6) == 0;
        }
    }
    __libc_free(p);
}

static void freed_memory_is_wiped(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf b = {0};
    struct sops_arena a = {0};
    struct sops_slice s;
    watching = true;
    for (int i = 0; i < 200; i++) {
        assert_ok(sops_buf_adds(&b, "canary", &e), &e); /* growing copies and wipes, too */
        assert_ok(sops_arena_copy(&a, SOPS_LIT("canary in an arena"), &s, &e), &e);
    }
    char *copy = sops_strdup(SOPS_LIT("canary"), &e);
    char *moved = sops_mem_realloc(copy, 100000);
    assert_non_null(moved);
    sops_free(moved);
    sops_buf_free(&b);
    sops_arena_free(&a);
    watching = false;
    assert_int_equal(dirty, 0);
}
#else
static void freed_memory_is_wiped(void **state)
{
    (void)state;
    skip();
}
#endif

static void counts(void **state)
{
    (void)state;
    struct sops_err e = {0};
    size_t live = sops_mem_live();
    void *p = sops_alloc(10, &e);
    assert_int_equal(sops_mem_live(), live + 1);
    sops_mem_fail_at(2);
    void *q = sops_alloc(1, &e);
    assert_non_null(q);
    assert_null(sops_alloc(1, &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    void *r = sops_alloc(1, NULL);
    assert_non_null(r);
    sops_mem_fail_at(0);
    sops_free(p);
    sops_free(q);
    sops_free(r);
    assert_null(sops_mem_calloc(SIZE_MAX, 2));
    assert_int_equal(sops_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(freed_memory_is_wiped), cmocka_unit_test(counts)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
