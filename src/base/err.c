/* SPDX-License-Identifier: Apache-2.0 */
/* The first failure stays: later calls of sops_fail on the same err change nothing, so that cleaning up may fail too.
 */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define LONG 8192 /* a path, which may have 4096 bytes, and words around it */

/* Takes the middle out of what is too long: what failed stands at the start, why at the end. */
static void shorten(char *to, size_t size, const char *from)
{
    size_t len = strlen(from);
    if (len < size) {
        memcpy(to, from, len + 1);
        return;
    }
    size_t head = size / 2, tail = len - (size - head - 4);
    while (head > 0 && ((unsigned char)from[head] & 0xC0) == 0x80) {
        head--; /* no half characters */
    }
    while (((unsigned char)from[tail] & 0xC0) == 0x80) {
        tail++;
    }
    memcpy(to, from, head);
    memcpy(to + head, "…", 3);
    memcpy(to + head + 3, from + tail, len - tail + 1);
}

static SOPS_PRINTF(5, 0) bool fail(struct sops_err *e, int code, unsigned line, unsigned column, const char *fmt,
                                   va_list args)
{
    if (e != NULL && e->code == SOPS_OK) {
        e->code = code;
        e->line = line;
        e->column = column;
        char text[LONG];
        (void)vsnprintf(text, sizeof text, fmt, args);
        shorten(e->msg, sizeof e->msg, text);
    }
    return false;
}

bool sops_fail(struct sops_err *e, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(e, code, 0, 0, fmt, args);
    va_end(args);
    return false;
}

bool sops_fail_at(struct sops_err *e, unsigned line, unsigned column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(e, SOPS_E_GENERIC, line, column, fmt, args);
    va_end(args);
    return false;
}

bool sops_fail_memory(struct sops_err *e)
{
    if (e != NULL) {
        e->memory = e->memory || e->code == SOPS_OK;
    }
    return sops_fail(e, SOPS_E_GENERIC, "out of memory");
}

bool sops_fail_like(struct sops_err *e, const struct sops_err *why)
{
    return why->memory ? sops_fail_memory(e) : sops_fail(e, why->code, "%s", why->msg);
}

bool sops_within(struct sops_err *e, const char *fmt, ...)
{
    if (e == NULL) {
        return false;
    }
    char context[LONG], joined[LONG + sizeof e->msg + 2];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    if (n > 0) {
        (void)snprintf(joined, sizeof joined, "%s: %s", context, e->msg);
        shorten(e->msg, sizeof e->msg, joined);
    }
    return false;
}

bool sops_recode(struct sops_err *e, int code)
{
    if (e != NULL && e->code != SOPS_OK) {
        e->code = code;
    }
    return false;
}

bool sops_hint(struct sops_err *e, const char *fmt, ...)
{
    if (e != NULL && e->hint[0] == '\0') {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(e->hint, sizeof e->hint, fmt, args);
        va_end(args);
    }
    return false;
}

void sops_err_clear(struct sops_err *e)
{
    sops_buf_free(&e->detail);
    memset(e, 0, sizeof *e);
}

bool sops_may_fail(struct sops_err *tried, struct sops_err *e)
{
    bool memory = tried->memory;
    sops_err_clear(tried);
    return !memory || sops_fail_memory(e);
}

const char *sops_os_error(int number)
{
    static const struct {
        int number;
        const char *words;
    } frequent[] = {
        {ENOENT, "no such file or directory"},
        {EACCES, "permission denied"},
        {EPERM, "operation not permitted"},
        {EISDIR, "is a directory"},
        {ENOTDIR, "not a directory"},
        {EEXIST, "file exists"},
        {ENOSPC, "no space left on device"},
        {EDQUOT, "disk quota exceeded"},
        {EFBIG, "file too large"},
        {EROFS, "read-only file system"},
        {EIO, "input/output error"},
        {EPIPE, "broken pipe"},
        {EBADF, "bad file descriptor"},
        {ELOOP, "too many levels of symbolic links"},
        {ENAMETOOLONG, "file name too long"},
        {EMFILE, "too many open files"},
        {ENOMEM, "out of memory"},
        {ECONNREFUSED, "connection refused"},
        {ECONNRESET, "connection reset by peer"},
        {ETIMEDOUT, "connection timed out"},
        {EADDRINUSE, "address already in use"},
        {EADDRNOTAVAIL, "cannot assign requested address"},
        {EHOSTUNREACH, "no route to host"},
        {ENETUNREACH, "network is unreachable"},
    };
    for (size_t i = 0; i < sizeof frequent / sizeof frequent[0]; i++) {
        if (frequent[i].number == number) {
            return frequent[i].words;
        }
    }
    return strerror(number);
}
