/* SPDX-License-Identifier: Apache-2.0 */
/* Growing bytes; grown by copy and wipe, so that no old copy of a secret stays behind. Slices, too. */
#include "base/ascii.h"

#include <stdarg.h>
#include <stdio.h>

static void drop(struct sops_buf *b)
{
    if (b->locked) {
        sops_free_locked(b->ptr);
    } else {
        sops_free(b->ptr);
    }
}

bool sops_buf_reserve(struct sops_buf *b, size_t extra, struct sops_err *e)
{
    size_t need;
    if (b->cap - b->len >= extra && b->ptr != NULL) {
        return true;
    }
    if (__builtin_add_overflow(b->len, extra, &need)) {
        return sops_fail_memory(e);
    }
    size_t cap = b->cap + b->cap / 2;
    if (cap < need) {
        cap = need;
    }
    if (cap < 64) {
        cap = 64;
    }
    uint8_t *grown = b->locked ? sops_alloc_locked(cap, e) : sops_alloc(cap, e);
    if (grown == NULL) {
        return false;
    }
    if (b->len != 0) {
        memcpy(grown, b->ptr, b->len);
    }
    drop(b);
    b->ptr = grown;
    b->cap = cap;
    return true;
}

bool sops_buf_add(struct sops_buf *b, struct sops_slice s, struct sops_err *e)
{
    if (s.len == 0) {
        return true;
    }
    if (!sops_buf_reserve(b, s.len, e)) {
        return false;
    }
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return true;
}

bool sops_buf_addc(struct sops_buf *b, uint8_t c, struct sops_err *e)
{
    if (b->len == b->cap && !sops_buf_reserve(b, 1, e)) {
        return false;
    }
    b->ptr[b->len++] = c;
    return true;
}

bool sops_buf_adds(struct sops_buf *b, const char *s, struct sops_err *e) { return sops_buf_add(b, sops_str(s), e); }

bool sops_buf_addn(struct sops_buf *b, uint8_t c, size_t times, struct sops_err *e)
{
    if (!sops_buf_reserve(b, times, e)) {
        return false;
    }
    memset(b->ptr + b->len, c, times);
    b->len += times;
    return true;
}

bool sops_buf_addf(struct sops_buf *b, struct sops_err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !sops_buf_reserve(b, (size_t)n + 1, e)) {
        return n < 0 ? sops_fail(e, SOPS_E_GENERIC, "a text cannot be formatted") : false;
    }
    va_start(args, fmt);
    (void)vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
    return true;
}

const char *sops_buf_cstr(struct sops_buf *b, struct sops_err *e)
{
    if (!sops_buf_reserve(b, 1, e)) {
        return NULL;
    }
    b->ptr[b->len] = '\0';
    return (const char *)b->ptr;
}

void sops_buf_cut(struct sops_buf *b, size_t len)
{
    if (len < b->len) {
        sops_wipe(b->ptr + len, b->len - len);
        b->len = len;
    }
}

void sops_buf_free(struct sops_buf *b)
{
    drop(b);
    *b = (struct sops_buf){0};
}

size_t sops_slice_find(struct sops_slice s, uint8_t c)
{
    const uint8_t *at = s.len != 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

int sops_slice_cmp(struct sops_slice a, struct sops_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n != 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

struct sops_slice sops_slice_trim(struct sops_slice s)
{
    while (s.len != 0 && sops_is_white(s.ptr[0])) {
        s = sops_slice_skip(s, 1);
    }
    while (s.len != 0 && sops_is_white(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct sops_slice sops_slice_trim_end(struct sops_slice s, uint8_t c)
{
    while (s.len != 0 && s.ptr[s.len - 1] == c) {
        s.len--;
    }
    return s;
}

bool sops_slice_next(struct sops_slice *rest, uint8_t sep, struct sops_slice *piece)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t n = sops_slice_find(*rest, sep);
    *piece = sops_slice_first(*rest, n);
    *rest = n < rest->len ? sops_slice_skip(*rest, n + 1) : (struct sops_slice){NULL, 0};
    return true;
}
