/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that grow with the arena, up to a size at which the unused rest of the last one does not matter. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_CHUNK 1024
#define LAST_CHUNK (((size_t)2 << 20) - 16 - sizeof(struct sops_chunk)) /* with mem.c's 16 bytes, a huge page */

struct sops_chunk {
    struct sops_chunk *next;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

static uint8_t *take(struct sops_arena *a, size_t size, size_t align, struct sops_err *e)
{
    size_t pad = a->at != NULL ? (size_t)(-(uintptr_t)a->at) & (align - 1) : 0;
    if (a->at != NULL && a->left >= pad && a->left - pad >= size) {
        uint8_t *p = a->at + pad;
        a->at = p + size;
        a->left -= pad + size;
        return p;
    }
    size_t want = a->head == NULL ? FIRST_CHUNK : a->head->size * 2;
    want = want > LAST_CHUNK ? LAST_CHUNK : want;
    /* A big text gets a chunk of its own behind the head, so that the rest of the head stays in use. */
    bool own = size > want / 4;
    want = own ? size : want;
    if (want > SIZE_MAX - sizeof(struct sops_chunk)) {
        sops_fail_memory(e);
        return NULL;
    }
    struct sops_chunk *c = sops_alloc(sizeof *c + want, e);
    if (c == NULL) {
        return NULL;
    }
    if (own && a->head != NULL) {
        c->next = a->head->next;
        a->head->next = c;
        return c->bytes;
    }
    c->size = own ? FIRST_CHUNK : want;
    c->next = a->head;
    a->head = c;
    a->at = c->bytes + size;
    a->left = want - size;
    return c->bytes;
}

void *sops_arena_alloc(struct sops_arena *a, size_t size, struct sops_err *e) { return take(a, size, 8, e); }

uint8_t *sops_arena_bytes(struct sops_arena *a, size_t size, struct sops_err *e) { return take(a, size, 1, e); }

bool sops_arena_copy(struct sops_arena *a, struct sops_slice from, struct sops_slice *to, struct sops_err *e)
{
    uint8_t *p = sops_arena_bytes(a, from.len + 1, e);
    if (p == NULL) {
        return false;
    }
    if (from.len != 0) {
        memcpy(p, from.ptr, from.len);
    }
    p[from.len] = '\0';
    *to = (struct sops_slice){p, from.len};
    return true;
}

void *sops_arena_grow(struct sops_arena *a, void *list, size_t used, size_t *room, size_t size, struct sops_err *e)
{
    if (used < *room) {
        return list;
    }
    size_t more = *room != 0 ? 2 * *room : SOPS_FIRST_ROOM;
    void *grown = sops_arena_alloc(a, more * size, e);
    if (grown != NULL) {
        if (used != 0) {
            memcpy(grown, list, used * size);
        }
        *room = more;
    }
    return grown;
}

bool sops_arena_copy_without(struct sops_arena *a, struct sops_slice from, uint8_t c, struct sops_slice *to,
                             struct sops_err *e)
{
    uint8_t *p = sops_arena_bytes(a, from.len + 1, e);
    size_t n = 0;
    if (p == NULL) {
        return false;
    }
    for (size_t i = 0; i < from.len; i++) {
        if (from.ptr[i] != c) {
            p[n++] = from.ptr[i];
        }
    }
    p[n] = '\0';
    *to = (struct sops_slice){p, n};
    return true;
}

SOPS_PRINTF(4, 0)
static bool add_text(struct sops_arena *a, struct sops_slice *to, struct sops_err *e, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    uint8_t *p = n >= 0 ? sops_arena_bytes(a, (size_t)n + 1, e) : NULL;
    if (p != NULL) {
        (void)vsnprintf((char *)p, (size_t)n + 1, fmt, again);
        *to = (struct sops_slice){p, (size_t)n};
    }
    va_end(again);
    return p != NULL || (n < 0 && sops_fail(e, SOPS_E_GENERIC, "a text cannot be formatted"));
}

bool sops_arena_printf(struct sops_arena *a, struct sops_slice *to, struct sops_err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bool ok = add_text(a, to, e, fmt, args);
    va_end(args);
    return ok;
}

const char *sops_arena_text(struct sops_arena *a, struct sops_err *e, const char *fmt, ...)
{
    struct sops_slice text = {0};
    va_list args;
    va_start(args, fmt);
    bool ok = add_text(a, &text, e, fmt, args);
    va_end(args);
    return ok ? (const char *)text.ptr : NULL;
}

void sops_arena_join(struct sops_arena *to, struct sops_arena *from)
{
    if (from->left > to->left || to->head == NULL) { /* the head is what is filled on: the one with more room */
        struct sops_arena other = *to;
        *to = *from;
        *from = other;
    }
    if (from->head != NULL) {
        struct sops_chunk *last = from->head;
        while (last->next != NULL) {
            last = last->next;
        }
        last->next = to->head->next;
        to->head->next = from->head;
    }
    *from = (struct sops_arena){0};
}

struct sops_slice sops_arena_drop(struct sops_arena *a, const void *at,
                                  bool (*needed)(void *arg, struct sops_slice piece), void *arg)
{
    struct sops_chunk *c = a->head;
    while (c != NULL && !((const uint8_t *)at >= c->bytes && (const uint8_t *)at < c->bytes + c->size)) {
        c = c->next;
    }
    struct sops_chunk **older = c != NULL ? &c->next : NULL;
    while (older != NULL && *older != NULL) {
        struct sops_chunk *o = *older;
        if (needed(arg, sops_slice_of(o->bytes, o->size))) {
            older = &o->next;
        } else {
            *older = o->next;
            sops_free(o);
        }
    }
    return c != NULL ? sops_slice_of(c->bytes, c->size) : (struct sops_slice){0};
}

void sops_arena_free(struct sops_arena *a)
{
    struct sops_chunk *c = a->head;
    while (c != NULL) {
        struct sops_chunk *next = c->next;
        sops_free(c);
        c = next;
    }
    *a = (struct sops_arena){0};
}
