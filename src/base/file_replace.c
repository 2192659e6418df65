/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file replaced so that its old or its new content is there whole, whenever the process or the machine stops.
 *
 * The usual way is a new file beside the old one and a rename. Where a rename would lose something (other hard links,
 * owner, extended attributes) or cannot be, the file is overwritten; what it held is kept beside it until that is on
 * the disk, and is put back when it fails.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS 40 /* as many as the system follows */
#define XATTR_MAX_BYTES 65536

struct target {
    const char *name;    /* as the caller named it, for messages */
    char path[PATH_MAX]; /* where the links lead */
    char folder[PATH_MAX];
    bool exists, regular, reached; /* reached: `path` is the same file as `name` */
    struct stat st;
    int fd; /* of what exists, open for writing; or -1 */
};

/* Like the write of a full disk: what has been opened, but does not take the bytes. */
static bool cannot_write(const struct target *t, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_GENERIC, "cannot write '%s': %s", t->name, sops_os_error(errno));
}

static bool cannot_open(const struct target *t, int cause, struct sops_err *e)
{
    bool full = cause == ENOSPC || cause == EDQUOT;
    return sops_fail(e, full ? SOPS_E_GENERIC : SOPS_E_WRITE, "cannot write '%s': %s", t->name, sops_os_error(cause));
}

static bool put(char *to, const char *text, size_t n)
{
    if (n >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memmove(to, text, n);
    to[n] = '\0';
    return true;
}

static bool set_folder(struct target *t)
{
    const char *slash = strrchr(t->path, '/');
    if (slash == NULL) {
        return put(t->folder, ".", 1);
    }
    return put(t->folder, t->path, slash != t->path ? (size_t)(slash - t->path) : 1);
}

/* Follows the links of the last step of the path by their text, so that the target of a dangling one is known, too. */
static bool follow(struct target *t)
{
    char link[PATH_MAX];
    if (!put(t->path, t->name, strlen(t->name))) {
        return false;
    }
    for (int i = 0; i < LINKS; i++) {
        if (!set_folder(t)) {
            return false;
        }
        ssize_t n = readlink(t->path, link, sizeof link - 1);
        if (n < 0) {
            return true; /* no link, or nothing at all */
        }
        link[n] = '\0';
        char joined[2 * PATH_MAX];
        int length = snprintf(joined, sizeof joined, "%s/%s", t->folder, link);
        if (!(link[0] == '/' ? put(t->path, link, (size_t)n) : length > 0 && put(t->path, joined, (size_t)length))) {
            return false;
        }
    }
    errno = ELOOP;
    return false;
}

static bool open_target(struct target *t, struct sops_err *e)
{
    struct stat there;
    t->fd = -1;
    if (!follow(t)) {
        return cannot_open(t, errno, e);
    }
    t->exists = stat(t->name, &t->st) == 0;
    if (!t->exists) {
        return errno == ENOENT || cannot_open(t, errno, e);
    }
    if (S_ISDIR(t->st.st_mode)) {
        return cannot_open(t, EISDIR, e);
    }
    t->regular = S_ISREG(t->st.st_mode);
    /* The links below /proc do not lead where their text says. */
    t->reached = lstat(t->path, &there) == 0 && there.st_dev == t->st.st_dev && there.st_ino == t->st.st_ino;
    t->fd = open(t->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return t->fd >= 0 || cannot_open(t, errno, e);
}

static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems cannot; the rename is there whole all the same */
        (void)close(fd);
    }
}

/* All extended attributes (access lists, labels) of `from`, onto `to`. */
static bool copy_attributes(int from, int to)
{
    char names[XATTR_MAX_BYTES / 16], value[XATTR_MAX_BYTES];
    ssize_t all = flistxattr(from, names, sizeof names);
    if (all < 0) {
        return errno == ENOTSUP;
    }
    for (ssize_t at = 0; at < all; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t n = fgetxattr(from, names + at, value, sizeof value);
        if (n < 0 || fsetxattr(to, names + at, value, (size_t)n, 0) != 0) {
            return false;
        }
    }
    return true;
}

/* Old owner, attributes and mode for the new file; the mode last, as changing the owner takes bits from it. */
static bool dress(const struct target *t, int fd)
{
    return !t->exists || (fchown(fd, t->st.st_uid, t->st.st_gid) == 0 && copy_attributes(t->fd, fd) &&
                          fchmod(fd, t->st.st_mode & 07777) == 0);
}

enum outcome { DONE, FAILED, NOT_THIS_WAY };

/* Beside it and renamed. NOT_THIS_WAY: nothing has changed, and the file can only be overwritten. */
static enum outcome replace_beside(const struct target *t, struct sops_slice bytes, mode_t mode, struct sops_err *e)
{
    struct sops_buf beside = {0};
    enum outcome outcome = FAILED;
    if (!sops_temp_name(t->folder, ".sops-", &beside, e)) {
        sops_buf_free(&beside);
        return FAILED;
    }
    const char *path = (const char *)beside.ptr;
    int fd = sops_temp_open(path, t->exists ? 0600 : mode, e);
    if (fd < 0) {
        bool full = errno == ENOSPC || errno == EDQUOT;
        outcome = t->exists && !full && e->code == SOPS_OK ? NOT_THIS_WAY : FAILED;
        if (outcome == FAILED) {
            cannot_open(t, errno, e);
        }
        sops_buf_free(&beside);
        return outcome;
    }
    bool written = sops_fd_write(fd, t->name, bytes, e);
    bool dressed = written && dress(t, fd);
    if (dressed && fsync(fd) != 0) {
        written = cannot_write(t, e);
    }
    if (close(fd) != 0 && written) {
        written = cannot_write(t, e);
    }
    if (written && dressed && rename(path, t->path) == 0) {
        sops_temp_forget(path);
        sync_folder(t->folder);
        outcome = DONE;
    } else if (written) {
        outcome = t->exists ? NOT_THIS_WAY : FAILED;
        if (!t->exists) {
            cannot_write(t, e);
        }
    }
    if (outcome != DONE) {
        sops_temp_remove(path);
    }
    sops_buf_free(&beside);
    return outcome;
}

/* All of `bytes` and nothing else in the regular file `fd`, on the disk. */
static bool overwrite(const struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    if (lseek(t->fd, 0, SEEK_SET) != 0) {
        return cannot_write(t, e);
    }
    return sops_fd_write(t->fd, t->name, bytes, e) &&
           ((ftruncate(t->fd, (off_t)bytes.len) == 0 && fsync(t->fd) == 0) || cannot_write(t, e));
}

/* The old content, in memory and, where a file can be made there, beside the target; `kept` is its path, or empty. */
static bool keep_old(const struct target *t, struct sops_buf *old, struct sops_buf *kept, struct sops_err *e)
{
    struct sops_err why = {0};
    if (!sops_file_read(t->name, SOPS_FILE_MAX, old, &why)) {
        /* May be written, but not read. There is nothing that could be put back. */
        sops_err_clear(&why);
        return true;
    }
    if (!t->reached || !sops_temp_name(t->folder, ".sops-old-", kept, e)) {
        return !t->reached;
    }
    if (!sops_file_create((const char *)kept->ptr, sops_buf_view(old), 0600, &why)) {
        bool impossible = why.code == SOPS_E_WRITE;
        if (!impossible) { /* a full disk: before anything has been harmed */
            (void)sops_fail(e, SOPS_E_GENERIC, "cannot keep what '%s' holds: %s", t->name, why.msg);
        }
        sops_err_clear(&why);
        sops_buf_free(kept);
        return impossible;
    }
    sync_folder(t->folder);
    return true;
}

static bool replace_in_place(const struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    struct sops_buf old = {0}, kept = {0};
    struct sops_err second = {0};
    sigset_t all, before;
    /* No signal may end the process between the first byte and the last, nor leave the old content beside the file. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = keep_old(t, &old, &kept, e);
    if (ok) {
        ok = overwrite(t, bytes, e);
        bool whole = ok || (old.ptr != NULL && overwrite(t, sops_buf_view(&old), &second));
        if (kept.len != 0 && whole) {
            (void)unlink((const char *)kept.ptr);
            sync_folder(t->folder);
        } else if (kept.len != 0) {
            sops_hint(e, "what the file held stands in '%.*s'", SOPS_ARG(kept));
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    sops_err_clear(&second);
    sops_buf_free(&kept);
    sops_buf_free(&old);
    return ok;
}

bool sops_file_replace(const char *path, struct sops_slice bytes, mode_t mode, struct sops_err *e)
{
    struct target t = {.name = path};
    bool ok = open_target(&t, e);
    if (ok && t.exists && !t.regular) {
        ok = sops_fd_write(t.fd, t.name, bytes, e);
    } else if (ok) {
        enum outcome outcome = NOT_THIS_WAY;
        if (!t.exists || (t.reached && t.st.st_nlink == 1)) {
            outcome = replace_beside(&t, bytes, mode, e);
        }
        ok = outcome == DONE || (outcome == NOT_THIS_WAY && replace_in_place(&t, bytes, e));
    }
    if (t.fd >= 0) {
        (void)close(t.fd);
    }
    return ok;
}
