/* SPDX-License-Identifier: Apache-2.0 */
/* The heap: what is freed is wiped. This program replaces free, and looks at what is handed back. */
#include "testing.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

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

extern void __asan_init(void) __attribute__((weak)); /* the sanitizer keeps what was freed for a while */

/* The program's address space, in pages. */
static long mapped_pages(void)
{
    if (__asan_init != NULL) {
        return 0;
    }
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pages), 1);
    (void)fclose(f);
    return pages;
}

/* Large blocks are mapped, from 2 MiB on as huge pages: zeros, writable to the last byte, and nothing stays mapped. */
static void large_blocks_are_whole_and_go(void **state)
{
    (void)state;
    static const size_t sizes[] = {(size_t)64 << 10,       ((size_t)2 << 20) - 17, ((size_t)2 << 20) - 16,
                                   ((size_t)2 << 20) + 77, ((size_t)5 << 20) + 1,  (size_t)64 << 20};
    struct sops_err e = {0};
    long before = mapped_pages();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            uint8_t *p = sops_alloc(sizes[i], &e);
            assert_non_null(p);
            assert_int_equal(p[0] | p[sizes[i] / 2] | p[sizes[i] - 1], 0);
            memset(p, 0xA5, 100);
            p[sizes[i] - 1] = 1;
            sops_free(p);
        }
    }
    assert_in_range(mapped_pages() - before, 0, 1024); /* of the 200 MiB that came and went */
    assert_null(sops_alloc(SIZE_MAX - 100, NULL));
    assert_null(sops_alloc((size_t)PTRDIFF_MAX, NULL));
}

/* What the kernel says is locked of this program, in KiB. */
static long locked_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (kib < 0 && fgets(line, sizeof line, f) != NULL) {
        (void)sscanf(line, "VmLck: %ld", &kib);
    }
    (void)fclose(f);
    return kib;
}

static void locked_blocks(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf b = {.locked = true};
    size_t live = sops_mem_live();
    char *page = NULL;
    long page_size = sysconf(_SC_PAGESIZE), before = locked_kib();
    bool may_lock = __asan_init == NULL && posix_memalign((void **)&page, (size_t)page_size, (size_t)page_size) == 0 &&
                    mlock(page, (size_t)page_size) == 0 && munlock(page, (size_t)page_size) == 0;
    free(page);
    for (int i = 0; i < 3000; i++) { /* grows through several blocks */
        assert_ok(sops_buf_adds(&b, "canary", &e), &e);
    }
    assert_int_equal(b.len, 18000);
    assert_memory_equal(b.ptr + 17994, "canary", 6);
    assert_int_equal(sops_mem_live(), live + 1);
    if (may_lock) {
        assert_true(locked_kib() >= before + 18);
    }
    sops_buf_free(&b);
    assert_false(b.locked);
    assert_int_equal(sops_mem_live(), live);
    assert_int_equal(locked_kib(), before);
    sops_mem_fail_at(1);
    b.locked = true;
    assert_false(sops_buf_addc(&b, 'x', &e));
    sops_err_clear(&e);
    sops_mem_fail_at(0);
    sops_buf_free(&b);
    sops_free_locked(NULL);
    assert_null(sops_alloc_locked(SIZE_MAX - 100, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(freed_memory_is_wiped), cmocka_unit_test(counts),
                                       cmocka_unit_test(locked_blocks),
                                       cmocka_unit_test(large_blocks_are_whole_and_go)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
