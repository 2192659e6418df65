/* SPDX-License-Identifier: Apache-2.0 */
/* The only malloc. Each block carries its size in front, so that freeing can wipe it. Large blocks come from the kernel
 * directly, with all their pages at once: a fault for each page costs more than what is then done with it. */
#include "base/base.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FRONT 16 /* keeps malloc's alignment */
#ifndef __has_feature
#define __has_feature(name) 0 /* clang's way to tell */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define LARGE SIZE_MAX /* the sanitizer must see every block */
#else
#define LARGE ((size_t)64 << 10)
#endif

#define HUGE_PAGE ((size_t)2 << 20)
#define SLOW_NS 1000000 /* for one; clearing it takes a tenth of that */

static atomic_size_t live;
static atomic_uint_fast64_t count;
static atomic_uint_fast64_t fail_at;

/* How much is mapped for a block of `size` bytes: whole pages; and whole huge ones where the last is more than half
 * used, as clearing it costs less than half as many small ones. */
static size_t mapped(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > HUGE_PAGE && size % HUGE_PAGE > HUGE_PAGE / 2) {
        page = HUGE_PAGE;
    }
    return (size + page - 1) & ~(page - 1);
}

/* What this thread has had of the processor: a busy machine does not make a kernel slow. */
static int64_t own_time(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Brings the pages in, as huge ones for as long as the kernel has them at hand: where memory is in pieces, or a virtual
 * machine has not got it from its host yet, each takes milliseconds. Then small ones do, for this block and all that
 * follow. */
static void fill(uint8_t *p, size_t size)
{
    static atomic_bool slow;
    size_t done = 0;
    if (!atomic_load(&slow)) {
        (void)madvise(p, size, MADV_HUGEPAGE);
    }
    while (!atomic_load(&slow) && size - done >= HUGE_PAGE) {
        int64_t begin = own_time();
        (void)madvise(p + done, HUGE_PAGE, MADV_POPULATE_WRITE);
        done += HUGE_PAGE;
        if (own_time() - begin >= SLOW_NS) {
            atomic_store(&slow, true);
            (void)madvise(p + done, size - done, MADV_NOHUGEPAGE);
        }
    }
    if (done != size) {
        (void)madvise(p + done, size - done, MADV_POPULATE_WRITE);
    }
}

/* `size` bytes of zeros from the kernel. From a huge page's size on they begin where one can lie and are asked for as
 * such: 512 faults become one. Where the kernel has none to give, small pages do. */
static void *map(size_t size)
{
    if (size < HUGE_PAGE) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        return p != MAP_FAILED ? p : NULL;
    }
    size_t used = mapped(size);
    uint8_t *p = mmap(NULL, used + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    size_t before = -(uintptr_t)p & (HUGE_PAGE - 1);
    if (before != 0) {
        (void)munmap(p, before);
    }
    (void)munmap(p + before + used, HUGE_PAGE - before); /* before < HUGE_PAGE */
    fill(p + before, used);
    return p + before;
}

/* Pages that other blocks do not share, as unlocking one would unlock all on its page. */
static void *map_locked(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    (void)mlock(p, size);
    return p;
}

static void *get_from(size_t size, bool locked)
{
    uint64_t n = atomic_fetch_add(&count, 1) + 1;
    if (n == atomic_load(&fail_at) || size > PTRDIFF_MAX - FRONT - HUGE_PAGE) {
        errno = ENOMEM;
        return NULL;
    }
    uint8_t *block = locked ? map_locked(size + FRONT) : size >= LARGE ? map(size + FRONT) : calloc(1, size + FRONT);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    atomic_fetch_add(&live, 1);
    return block + FRONT;
}

static void *get(size_t size) { return get_from(size, false); }

static size_t size_of(const void *p)
{
    size_t size;
    memcpy(&size, (const uint8_t *)p - FRONT, sizeof size);
    return size;
}

void *sops_alloc(size_t size, struct sops_err *e)
{
    void *p = get(size != 0 ? size : 1);
    if (p == NULL) {
        sops_fail_memory(e);
    }
    return p;
}

void *sops_grow(void *list, size_t used, size_t *room, size_t size, struct sops_err *e)
{
    if (used < *room) {
        return list;
    }
    size_t more = *room != 0 ? 2 * *room : SOPS_FIRST_ROOM;
    void *grown = sops_alloc(more * size, e);
    if (grown != NULL) {
        if (used != 0) {
            memcpy(grown, list, used * size);
        }
        sops_free(list);
        *room = more;
    }
    return grown;
}

void sops_free(void *p)
{
    if (p == NULL) {
        return;
    }
    uint8_t *block = (uint8_t *)p - FRONT;
    size_t size = size_of(p);
    explicit_bzero(block, size + FRONT);
    if (size >= LARGE) {
        (void)munmap(block, mapped(size + FRONT));
    } else {
        free(block);
    }
    atomic_fetch_sub(&live, 1);
}

void *sops_alloc_locked(size_t size, struct sops_err *e)
{
    void *p = get_from(size != 0 ? size : 1, true);
    if (p == NULL) {
        sops_fail_memory(e);
    }
    return p;
}

void sops_free_locked(void *p)
{
    if (p != NULL) {
        uint8_t *block = (uint8_t *)p - FRONT;
        size_t size = size_of(p) + FRONT;
        explicit_bzero(block, size);
        (void)munmap(block, size); /* unlocks, too */
        atomic_fetch_sub(&live, 1);
    }
}

void sops_wipe(void *p, size_t n)
{
    if (n != 0) {
        explicit_bzero(p, n);
    }
}

char *sops_strdup(struct sops_slice s, struct sops_err *e)
{
    char *copy = sops_alloc(s.len + 1, e);
    if (copy != NULL && s.len != 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

size_t sops_mem_live(void) { return atomic_load(&live); }

uint64_t sops_mem_count(void) { return atomic_load(&count); }

void sops_mem_fail_at(uint64_t k) { atomic_store(&fail_at, k != 0 ? atomic_load(&count) + k : 0); }

void *sops_mem_malloc(size_t n) { return get(n != 0 ? n : 1); }

void *sops_mem_calloc(size_t n, size_t m)
{
    size_t size;
    return __builtin_mul_overflow(n, m, &size) ? NULL : sops_mem_malloc(size);
}

void *sops_mem_realloc(void *p, size_t n)
{
    void *q = sops_mem_malloc(n);
    if (p != NULL && q != NULL) {
        size_t old = size_of(p);
        memcpy(q, p, old < n ? old : n);
        sops_free(p);
    }
    return q;
}

char *sops_mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = sops_mem_malloc(n);
    if (copy != NULL) {
        memcpy(copy, s, n);
    }
    return copy;
}

void sops_mem_free(void *p) { sops_free(p); }
