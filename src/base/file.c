/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing whole files. A file is read into a block of its size, so that no half-grown copies of clear text
 * are made and large files need no more than themselves. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define STEP ((size_t)64 << 10) /* for what has no size: pipes, devices */
#define WRITER_MS 2000          /* in which somebody must open the other end of a pipe */

static bool too_long(const char *name, size_t limit, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_READ, "cannot read '%s': it is longer than %zu bytes", name, limit);
}

bool sops_fd_read(int fd, const char *name, size_t limit, struct sops_buf *out, struct sops_err *e)
{
    struct stat st;
    size_t start = out->len, expected = STEP;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        if ((uintmax_t)st.st_size > limit) {
            return too_long(name, limit, e);
        }
        expected = (size_t)st.st_size + 1; /* one more, so that the end is seen without growing */
    }
    if (!sops_buf_reserve(out, expected, e)) {
        return false;
    }
    for (;;) {
        if (out->len == out->cap && !sops_buf_reserve(out, STEP, e)) {
            return false;
        }
        ssize_t n = read(fd, out->ptr + out->len, out->cap - out->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", name, sops_os_error(errno));
        }
        if (n == 0) {
            return true;
        }
        out->len += (size_t)n;
        if (out->len - start > limit) {
            return too_long(name, limit, e);
        }
    }
}

/* A pipe with a name is a place in a folder like any other: who gives it by mistake must not wait for ever. One that
 * was made for this run (`<(…)`) is of the kernel's own file system, and has a writer. False when nobody writes. */
static bool has_writer(int fd, struct sops_buf *out, struct sops_err *e)
{
    struct statfs where;
    struct pollfd data = {.fd = fd, .events = POLLIN};
    if ((fstatfs(fd, &where) == 0 && where.f_type == PIPEFS_MAGIC) || poll(&data, 1, WRITER_MS) != 0) {
        return true;
    }
    uint8_t first;
    ssize_t n = read(fd, &first, 1); /* 0: the other end is not open; EAGAIN: it is, and nothing came yet */
    return n < 0 || (n == 1 && sops_buf_addc(out, first, e));
}

bool sops_file_read(const char *path, size_t limit, struct sops_buf *out, struct sops_err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", path, sops_os_error(errno));
    }
    bool ok = true;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        if (S_ISFIFO(st.st_mode) && !has_writer(fd, out, e)) {
            ok = e->memory ? false : sops_fail(e, SOPS_E_READ, "cannot read '%s': nobody writes to this pipe", path);
        }
        (void)fcntl(fd, F_SETFL, O_RDONLY); /* from here on it is waited for */
    }
    ok = ok && sops_fd_read(fd, path, limit, out, e);
    (void)close(fd);
    return ok;
}

/* Whoever has the other end of ours may have told it not to wait. */
static bool wait_writable(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    return poll(&room, 1, -1) > 0 || errno == EINTR;
}

bool sops_fd_write(int fd, const char *name, struct sops_slice bytes, struct sops_err *e)
{
    while (bytes.len != 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_writable(fd)))) {
            continue;
        }
        if (n <= 0) {
            return sops_fail(e, SOPS_E_GENERIC, "cannot write '%s': %s", name, sops_os_error(n < 0 ? errno : EIO));
        }
        bytes = sops_slice_skip(bytes, (size_t)n);
    }
    return true;
}

bool sops_file_create(const char *path, struct sops_slice bytes, mode_t mode, struct sops_err *e)
{
    int fd = sops_temp_open(path, mode & 0600, e);
    if (fd < 0) {
        return sops_fail(e, SOPS_E_WRITE, "cannot make '%s': %s", path, sops_os_error(errno));
    }
    bool ok = sops_fd_write(fd, path, bytes, e);
    if (ok && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "cannot write '%s': %s", path, sops_os_error(errno));
    }
    if (close(fd) != 0 && ok) {
        ok = sops_fail(e, SOPS_E_GENERIC, "cannot write '%s': %s", path, sops_os_error(errno));
    }
    if (ok) {
        sops_temp_forget(path);
    } else {
        sops_temp_remove(path);
    }
    return ok;
}

/* Appends the steps of `path` to the absolute path in `out`, by text. */
static bool add_steps(struct sops_buf *out, struct sops_slice path, struct sops_err *e)
{
    struct sops_slice step;
    while (sops_slice_next(&path, '/', &step)) {
        if (step.len == 0 || sops_slice_eq(step, SOPS_LIT("."))) {
            continue;
        }
        if (sops_slice_eq(step, SOPS_LIT(".."))) {
            size_t end = out->len;
            while (end != 0 && out->ptr[end - 1] != '/') {
                end--;
            }
            sops_buf_cut(out, end != 0 ? end - 1 : 0);
        } else if (!sops_buf_addc(out, '/', e) || !sops_buf_add(out, step, e)) {
            return false;
        }
    }
    return true;
}

/* $PWD when it names the current folder, as it shows the way by links that the user went. */
static const char *here(char room[PATH_MAX])
{
    struct stat named, real;
    const char *pwd = getenv("PWD");
    if (pwd != NULL && pwd[0] == '/' && stat(pwd, &named) == 0 && stat(".", &real) == 0 &&
        named.st_dev == real.st_dev && named.st_ino == real.st_ino) {
        return pwd;
    }
    return getcwd(room, PATH_MAX);
}

bool sops_path_absolute(const char *path, struct sops_buf *out, struct sops_err *e)
{
    char room[PATH_MAX];
    sops_buf_cut(out, 0);
    if (path[0] != '/') {
        const char *folder = here(room);
        if (folder == NULL) {
            return sops_fail(e, SOPS_E_GENERIC, "the current folder cannot be found: %s", sops_os_error(errno));
        }
        if (!add_steps(out, sops_str(folder), e)) {
            return false;
        }
    }
    return add_steps(out, sops_str(path), e) && (out->len != 0 || sops_buf_addc(out, '/', e)) &&
           sops_buf_cstr(out, e) != NULL;
}
