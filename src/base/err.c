/* SPDX-License-Identifier: Apache-2.0 */
/* The first failure stays: later calls of sops_fail on the same err change nothing, so that cleaning up may fail too.
 */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static SOPS_PRINTF(5, 0) bool fail(struct sops_err *e, int code, unsigned line, unsigned column, const char *fmt,
                                   va_list args)
{
    if (e != NULL && e->code == SOPS_OK) {
        e->code = code;
        e->line = line;
        e->column = column;
        (void)vsnprintf(e->msg, sizeof e->msg, fmt, args);
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

bool sops_fail_memory(struct sops_err *e) { return sops_fail(e, SOPS_E_GENERIC, "out of memory"); }

bool sops_within(struct sops_err *e, const char *fmt, ...)
{
    if (e == NULL) {
        return false;
    }
    char context[sizeof e->msg];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    if (n <= 0) {
        return false;
    }
    size_t front = (size_t)n < sizeof context ? (size_t)n : sizeof context - 1;
    char joined[sizeof e->msg + sizeof context + 3];
    (void)snprintf(joined, sizeof joined, "%.*s: %s", (int)front, context, e->msg);
    joined[sizeof e->msg - 1] = '\0';
    memcpy(e->msg, joined, strlen(joined) + 1);
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
