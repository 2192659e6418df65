/* SPDX-License-Identifier: Apache-2.0 */
/* The only malloc. Each block carries its size in front, so that freeing can wipe it. Large blocks come from the kernel
 * directly, with all their pages at once: a fault for each page costs more than what is then done with it. */
#include "base/base.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#define FRONT 16 /* keeps malloc's alignment */
#ifndef __has_feature
#define __has_feature(name) 0 /* clang's way to tell */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define LARGE SIZE_MAX /* the sanitizer must see every block */
#else
#define LARGE ((size_t)64 << 10)
#endif

static atomic_size_t live;
static atomic_uint_fast64_t count;
static atomic_uint_fast64_t fail_at;

static void *get(size_t size)
{
    uint64_t n = atomic_fetch_add(&count, 1) + 1;
    if (n == atomic_load(&fail_at) || size > PTRDIFF_MAX - FRONT) {
        errno = ENOMEM;
        return NULL;
    }
    uint8_t *block;
    if (size >= LARGE) {
        block = mmap(NULL, size + FRONT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        block = block != MAP_FAILED ? block : NULL;
    } else {
        block = calloc(1, size + FRONT);
    }
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    atomic_fetch_add(&live, 1);
    return block + FRONT;
}

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

void sops_free(void *p)
{
    if (p == NULL) {
        return;
    }
    uint8_t *block = (uint8_t *)p - FRONT;
    size_t size = size_of(p);
    explicit_bzero(block, size + FRONT);
    if (size >= LARGE) {
        (void)munmap(block, size + FRONT);
    } else {
        free(block);
    }
    atomic_fetch_sub(&live, 1);
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
