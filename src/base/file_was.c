/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has somebody else changed the file since it was read? Only its bytes count: a rename over it with the same ones (git
 * checking out what was there), another mode or time are no change.
 *
 * Programs like this one compare and replace while they hold a write lock of the open file. Who gets the lock later
 * finds another file under the name, and begins anew with that one.
 */
#include "base/file.h"

#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 500 /* of LOCK_PAUSE_NS each: 1 s */
#define LOCK_PAUSE_NS 2000000
#define RENAMES 100 /* so often somebody may rename over the file while it is being locked */

void sops_file_was_held(struct sops_file_was *was, struct sops_slice bytes)
{
    was->how = SOPS_WAS_HELD;
    sops_sha256(bytes, was->digest);
}

bool sops_file_read_was(const char *path, size_t limit, struct sops_buf *out, struct sops_file_was *was,
                        struct sops_err *e)
{
    struct stat st;
    size_t start = out->len;
    *was = (struct sops_file_was){0};
    if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': it is a pipe, which is no file to be replaced", path);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", path, sops_os_error(errno));
    }
    bool ok = sops_fd_read(fd, path, limit, out, e);
    if (ok && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        sops_file_was_held(was, sops_slice_skip(sops_buf_view(out), start));
    }
    (void)close(fd);
    return ok;
}

bool sops_file_fail_changed(const char *path, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_CHANGED, "'%s' was changed by somebody else in the meantime: nothing is overwritten",
                     path);
}

/* A lock that belongs to the open file, and so also keeps other threads of this process out. Gone with the descriptor.
 * Not to be had in time, or not at all: without it. */
static void lock(int fd, unsigned *tries)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    while (fcntl(fd, F_OFD_SETLK, &whole) != 0 && (errno == EAGAIN || errno == EACCES || errno == EINTR) &&
           *tries < LOCK_TRIES) {
        (*tries)++;
        (void)nanosleep(&pause, NULL);
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The regular file that `path` leads to, open and locked; -1 with `e` set when there is none any more. What is no file
 * (a pipe, a folder) is not opened. */
static int open_locked(const char *path, struct sops_err *e)
{
    unsigned waited = 0;
    for (unsigned i = 0; i < RENAMES; i++) {
        struct stat named, held;
        if (stat(path, &named) != 0 || !S_ISREG(named.st_mode)) {
            break;
        }
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        fd = fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* then there is no lock */
        if (fd < 0 && errno != ENOENT) {
            sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", path, sops_os_error(errno));
            return -1;
        }
        if (fd < 0) {
            continue;
        }
        lock(fd, &waited);
        if (fstat(fd, &held) == 0 && S_ISREG(held.st_mode) && stat(path, &named) == 0 && same_file(&named, &held)) {
            return fd;
        }
        (void)close(fd);
    }
    sops_file_fail_changed(path, e);
    return -1;
}

bool sops_file_is_as_it_was(const char *path, const struct sops_file_was *was, int *fd, struct sops_err *e)
{
    uint8_t now[32];
    struct stat st;
    *fd = -1;
    if (was->how == SOPS_WAS_UNREAD) {
        return true;
    }
    if (was->how == SOPS_WAS_ABSENT) {
        return (lstat(path, &st) != 0 && errno == ENOENT) || sops_file_fail_changed(path, e);
    }
    *fd = open_locked(path, e);
    if (*fd < 0) {
        return false;
    }
    bool ok =
        sops_sha256_rest(*fd, now) || sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", path, sops_os_error(errno));
    return ok && (memcmp(now, was->digest, sizeof now) == 0 || sops_file_fail_changed(path, e));
}
