/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file replaced so that its old or its new content is there whole, whenever the process or the machine stops.
 *
 * The usual way is a new file without a name, which a kill leaves nothing of; when it is whole it gets a name beside
 * the old one and is renamed over it at once. File systems without such files get a named one. Where a rename would
 * lose something (other hard links, owner, extended attributes) or cannot be, the file is overwritten; what it held is
 * kept beside it until that is on the disk, and is put back when it fails.
 *
 * Somebody else's change is not written over: what was read is compared with what is there as the last thing before the
 * new file gets the name, under a lock (file_was.c).
 *
 * What is no regular file by its own name (a pipe, a device, a descriptor like /dev/stdout) is written to as it is.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS 40 /* as many as the system follows */
#define XATTR_MAX_BYTES 65536
#define TRIES 100         /* so often somebody else may make the new file before we can, and remove it again */
#define PROC_MAGIC 0x9fa0 /* PROC_SUPER_MAGIC */

struct target {
    const char *name;    /* as the caller named it, for messages */
    char path[PATH_MAX]; /* where the links lead */
    char folder[PATH_MAX];
    bool exists, regular, reached; /* reached: `path` is the same file as `name` */
    bool descriptor;               /* a link of /proc: it is the open file, whatever name its text gives */
    mode_t mode;                   /* for a new file */
    struct sops_replace how;
    struct stat st;
    int fd;     /* of what exists, open for writing; or -1 */
    int locked; /* the same while it is known to be as it was; or -1 */
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

static bool is_on_proc(const char *folder)
{
    struct statfs fs;
    return statfs(folder, &fs) == 0 && fs.f_type == PROC_MAGIC;
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
        if (is_on_proc(t->folder)) {
            t->descriptor = true;
            return true;
        }
        char joined[2 * PATH_MAX];
        int length = snprintf(joined, sizeof joined, "%s/%s", t->folder, link);
        if (!(link[0] == '/' ? put(t->path, link, (size_t)n) : length > 0 && put(t->path, joined, (size_t)length))) {
            return false;
        }
    }
    errno = ELOOP;
    return false;
}

/* The descriptor of ours that `path` (…/fd/N) names, or -1. One that a program of ours inherits is one that we have
 * inherited: our own are closed by an exec, and are nobody's to name. */
static int named_descriptor(const struct target *t)
{
    struct stat st;
    char *end;
    const char *slash = strrchr(t->path, '/');
    const char *step = slash != NULL ? slash + 1 : t->path;
    long number = *step >= '0' && *step <= '9' ? strtol(step, &end, 10) : -1;
    if (number < 0 || number > INT_MAX || *end != '\0' || fstat((int)number, &st) != 0 || st.st_dev != t->st.st_dev ||
        st.st_ino != t->st.st_ino) {
        return -1;
    }
    return (fcntl((int)number, F_GETFD) & FD_CLOEXEC) == 0 ? (int)number : -1;
}

/* Opened anew it would be written from its first byte on, over what others have written. */
static bool open_descriptor(struct target *t, struct sops_err *e)
{
    int own = named_descriptor(t);
    if (own >= 0 && (fcntl(own, F_GETFL) & O_ACCMODE) == O_RDONLY) {
        return cannot_open(t, EBADF, e);
    }
    t->fd = own >= 0 ? fcntl(own, F_DUPFD_CLOEXEC, 3) : open(t->name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    return t->fd >= 0 || cannot_open(t, errno, e);
}

static bool find_target(struct target *t, struct sops_err *e)
{
    struct stat there;
    t->fd = t->locked = -1;
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
    t->regular = S_ISREG(t->st.st_mode) && !t->descriptor;
    t->reached = lstat(t->path, &there) == 0 && there.st_dev == t->st.st_dev && there.st_ino == t->st.st_ino;
    return true;
}

static bool is_no_link(const struct target *t, struct sops_err *e)
{
    struct stat st;
    return lstat(t->name, &st) != 0 || !S_ISLNK(st.st_mode) || cannot_open(t, ELOOP, e);
}

/* A regular file was read: what is none any more is not opened, and nothing new is made in its place. */
static bool is_there_still(const struct target *t, struct sops_err *e)
{
    bool held = t->how.was != NULL && t->how.was->how == SOPS_WAS_HELD && !t->descriptor;
    bool absent = t->how.was != NULL && t->how.was->how == SOPS_WAS_ABSENT;
    if ((held && !t->regular) || (absent && t->exists)) {
        return sops_file_fail_changed(t->name, e);
    }
    return !t->how.mode_counts || is_no_link(t, e);
}

static bool open_target(struct target *t, struct sops_err *e)
{
    if (t->descriptor) {
        return open_descriptor(t, e);
    }
    t->fd = open(t->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return t->fd >= 0 || cannot_open(t, errno, e);
}

void sops_folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

static void sync_folder(const struct target *t)
{
    if (t->how.later != NULL) {
        t->how.later(t->how.ctx, t->folder);
    } else {
        sops_folder_sync(t->folder);
    }
}

/* What was read is there. Only a file whose name still leads to it can be held by a lock on that name. */
static bool is_as_it_was(struct target *t, struct sops_err *e)
{
    if (t->how.was == NULL || t->descriptor || t->locked >= 0) {
        return true;
    }
    return sops_file_is_as_it_was(t->name, t->how.was, &t->locked, e);
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
    return fchown(fd, t->st.st_uid, t->st.st_gid) == 0 && copy_attributes(t->fd, fd) &&
           fchmod(fd, t->how.mode_counts ? t->mode : t->st.st_mode & 07777) == 0;
}

enum outcome { DONE, FAILED, NOT_THIS_WAY, MADE_BY_ANOTHER };

/* The whole of the new file, on the disk. NOT_THIS_WAY: it cannot become like the old one. */
static enum outcome fill(const struct target *t, int fd, struct sops_slice bytes, struct sops_err *e)
{
    if (!sops_fd_write(fd, t->name, bytes, e)) {
        return FAILED;
    }
    if (t->exists && !dress(t, fd)) {
        return NOT_THIS_WAY;
    }
    return fsync(fd) == 0 || cannot_write(t, e) ? DONE : FAILED;
}

/* A name for the whole file: that of the target when it is new, else one beside it for as long as it takes to make the
 * next call. */
static enum outcome give_name(const struct target *t, int fd, struct sops_err *e)
{
    char link[64];
    struct sops_buf beside = {0};
    sigset_t all, before;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!t->exists) {
        bool made = linkat(AT_FDCWD, link, AT_FDCWD, t->path, AT_SYMLINK_FOLLOW) == 0;
        return made ? DONE : errno == EEXIST ? MADE_BY_ANOTHER : NOT_THIS_WAY;
    }
    if (!sops_temp_name(t->folder, ".sops-", &beside, e)) {
        sops_buf_free(&beside);
        return FAILED;
    }
    const char *path = (const char *)beside.ptr;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool linked = linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
    bool renamed = linked && rename(path, t->path) == 0;
    if (linked && !renamed) {
        (void)unlink(path);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    sops_buf_free(&beside);
    return renamed ? DONE : NOT_THIS_WAY;
}

/* NOT_THIS_WAY: nothing has changed; the file system may have no such files, or give them no names. */
static enum outcome replace_nameless(struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    int fd = open(t->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, t->exists ? 0600 : t->mode);
    if (fd < 0) {
        return NOT_THIS_WAY;
    }
    enum outcome outcome = fill(t, fd, bytes, e);
    if (outcome == DONE) {
        outcome = is_as_it_was(t, e) ? give_name(t, fd, e) : FAILED;
    }
    (void)close(fd);
    if (outcome == DONE) {
        sync_folder(t);
    }
    return outcome;
}

static mode_t process_mask;

static void look_at_mask(void)
{
    process_mask = umask(077);
    (void)umask(process_mask);
}

/* Nothing of this program changes the mask, and looking at it means changing it: once, for all threads. */
mode_t sops_file_mode(mode_t mode)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, look_at_mask);
    return mode & ~process_mask;
}

/* Beside it, for nobody else until it is whole, and renamed. NOT_THIS_WAY: nothing has changed, and the file can only
 * be overwritten. */
static enum outcome replace_beside(struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    struct sops_buf beside = {0};
    enum outcome outcome = FAILED;
    if (!sops_temp_name(t->folder, ".sops-", &beside, e)) {
        sops_buf_free(&beside);
        return FAILED;
    }
    const char *path = (const char *)beside.ptr;
    int fd = sops_temp_open(path, 0600, e);
    if (fd < 0) {
        bool full = errno == ENOSPC || errno == EDQUOT;
        outcome = t->exists && !full && e->code == SOPS_OK ? NOT_THIS_WAY : FAILED;
        if (outcome == FAILED) {
            cannot_open(t, errno, e);
        }
        sops_buf_free(&beside);
        return outcome;
    }
    outcome = fill(t, fd, bytes, e);
    if (outcome == DONE && !is_as_it_was(t, e)) {
        outcome = FAILED;
    }
    if (outcome == DONE && ((!t->exists && fchmod(fd, sops_file_mode(t->mode)) != 0) || rename(path, t->path) != 0)) {
        outcome = t->exists ? NOT_THIS_WAY : FAILED;
        if (outcome == FAILED) {
            cannot_write(t, e);
        }
    }
    (void)close(fd);
    if (outcome == DONE) {
        sops_temp_forget(path);
        sync_folder(t);
    } else {
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
    sync_folder(t);
    return true;
}

static bool replace_in_place(struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    struct sops_buf old = {0}, kept = {0};
    struct sops_err second = {0};
    sigset_t all, before;
    /* No signal may end the process between the first byte and the last, nor leave the old content beside the file. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = is_as_it_was(t, e) && keep_old(t, &old, &kept, e);
    if (ok) {
        ok = overwrite(t, bytes, e);
        bool whole = ok || (old.ptr != NULL && overwrite(t, sops_buf_view(&old), &second));
        if (kept.len != 0 && whole) {
            (void)unlink((const char *)kept.ptr);
            sync_folder(t);
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

static enum outcome replace_regular(struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    enum outcome outcome = NOT_THIS_WAY;
    if (!t->exists || (t->reached && t->st.st_nlink == 1)) {
        outcome = replace_nameless(t, bytes, e);
        if (outcome == NOT_THIS_WAY) {
            outcome = replace_beside(t, bytes, e);
        }
    }
    if (outcome == NOT_THIS_WAY) {
        outcome = replace_in_place(t, bytes, e) ? DONE : FAILED;
    }
    return outcome;
}

static enum outcome replace_found(struct target *t, struct sops_slice bytes, struct sops_err *e)
{
    if (!find_target(t, e) || !is_there_still(t, e) || (t->exists && !open_target(t, e))) {
        return FAILED;
    }
    if (t->exists && !t->regular) {
        return sops_fd_write(t->fd, t->name, bytes, e) ? DONE : FAILED;
    }
    return replace_regular(t, bytes, e);
}

static void close_target(const struct target *t)
{
    if (t->fd >= 0) {
        (void)close(t->fd);
    }
    if (t->locked >= 0) {
        (void)close(t->locked);
    }
}

bool sops_file_replace(const char *path, struct sops_slice bytes, mode_t mode, const struct sops_replace *how,
                       struct sops_err *e)
{
    enum outcome outcome = MADE_BY_ANOTHER;
    for (unsigned i = 0; i < TRIES && outcome == MADE_BY_ANOTHER; i++) {
        struct target t = {.name = path, .mode = mode};
        t.how = how != NULL ? *how : t.how;
        outcome = replace_found(&t, bytes, e);
        close_target(&t);
    }
    return outcome == DONE || (outcome == MADE_BY_ANOTHER &&
                               sops_fail(e, SOPS_E_WRITE, "cannot write '%s': %s", path, sops_os_error(EEXIST)));
}

bool sops_file_replaceable(const char *path, struct sops_err *e)
{
    struct target t = {.name = path};
    if (!find_target(&t, e) || (t.exists && !t.regular)) {
        return e->code == SOPS_OK; /* opening a pipe or a device may have an effect */
    }
    if (!t.exists && access(t.folder, F_OK) != 0 && errno == ENOENT) {
        return sops_fail(e, SOPS_E_WRITE, "cannot write '%s': there is no folder '%s'", path, t.folder);
    }
    if (!t.exists) {
        return faccessat(AT_FDCWD, t.folder, W_OK | X_OK, AT_EACCESS) == 0 || cannot_open(&t, errno, e);
    }
    bool ok = open_target(&t, e);
    if (ok) {
        (void)close(t.fd);
    }
    return ok;
}

/* ---- many files at once ----------------------------------------------------------------------------------------- */

/* A new version that is on the disk, and has not taken the place of the old one yet. */
struct sops_staged {
    struct target t;
    int fd;                 /* without a name; -1: it has `beside` from the beginning */
    struct sops_buf beside; /* the name of the new file, and of the old one after the exchange; empty: none yet */
    bool swapped;
};

bool sops_file_exchangeable(const char *path, struct sops_err *e)
{
    struct target t = {.name = path};
    if (!find_target(&t, e) || !t.exists || !t.regular) {
        return e->code == SOPS_OK && sops_file_fail_changed(path, e);
    }
    const char *why = !t.reached || t.st.st_nlink != 1                              ? "it has several names"
                      : faccessat(AT_FDCWD, t.folder, W_OK | X_OK, AT_EACCESS) != 0 ? "its folder cannot be written"
                      : geteuid() != 0 && t.st.st_uid != geteuid()                  ? "somebody else owns it"
                                                                                    : NULL;
    return why == NULL || sops_fail(e, SOPS_E_WRITE, "'%s' can only be overwritten in place, as %s", path, why);
}

void sops_staged_free(struct sops_staged *s)
{
    if (s == NULL) {
        return;
    }
    if (s->fd >= 0) {
        (void)close(s->fd);
    }
    if (s->beside.len != 0 && s->fd < 0 && !s->swapped) {
        sops_temp_remove((const char *)s->beside.ptr);
    }
    close_target(&s->t);
    sops_buf_free(&s->beside);
    sops_free(s);
}

/* The new file: without a name where that can be, else one for nobody else. */
static bool open_stage(struct sops_staged *s, struct sops_err *e)
{
    s->fd = open(s->t.folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (s->fd >= 0) {
        return true;
    }
    if (!sops_temp_name(s->t.folder, ".sops-", &s->beside, e)) {
        return false;
    }
    s->fd = sops_temp_open((const char *)s->beside.ptr, 0600, e);
    return s->fd >= 0 || (e->code == SOPS_OK && cannot_open(&s->t, errno, e));
}

bool sops_file_stage(const char *path, struct sops_slice bytes, mode_t mode, const struct sops_replace *how,
                     struct sops_staged **out, struct sops_err *e)
{
    struct sops_staged *s = sops_alloc(sizeof *s, e);
    if (s == NULL) {
        return false;
    }
    s->fd = -1;
    s->t = (struct target){.name = path, .mode = mode, .how = *how, .fd = -1, .locked = -1};
    bool ok = find_target(&s->t, e) && is_there_still(&s->t, e);
    if (ok && s->t.exists) {
        ok = sops_file_exchangeable(path, e) && open_target(&s->t, e);
    }
    ok = ok && open_stage(s, e);
    enum outcome outcome = ok ? fill(&s->t, s->fd, bytes, e) : FAILED;
    if (outcome == DONE && !s->t.exists && fchmod(s->fd, mode) != 0) {
        outcome = cannot_write(&s->t, e) ? DONE : FAILED;
    }
    if (outcome == NOT_THIS_WAY) {
        sops_fail(e, SOPS_E_WRITE, "'%s' can only be overwritten in place, as owner or attributes cannot be kept",
                  path);
    }
    if (s->t.fd >= 0) {
        (void)close(s->t.fd);
        s->t.fd = -1;
    }
    if (s->beside.len != 0 && s->fd >= 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
    if (outcome != DONE) {
        sops_staged_free(s);
        s = NULL;
    }
    *out = s;
    return outcome == DONE;
}

bool sops_staged_check(struct sops_staged *s, struct sops_err *e)
{
    return s->t.exists || s->t.how.was != NULL ? is_as_it_was(&s->t, e) : true;
}

/* A name for the new file beside the target. */
static bool name_stage(struct sops_staged *s, struct sops_err *e)
{
    char link[64];
    if (s->fd < 0) {
        return true;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", s->fd);
    sops_buf_cut(&s->beside, 0);
    if (!sops_temp_name(s->t.folder, ".sops-", &s->beside, e)) {
        return false;
    }
    if (linkat(AT_FDCWD, link, AT_FDCWD, (const char *)s->beside.ptr, AT_SYMLINK_FOLLOW) != 0) {
        sops_buf_cut(&s->beside, 0);
        return cannot_write(&s->t, e);
    }
    return true;
}

/* The old file gets a second name first, where a file system cannot exchange two. */
static bool swap_by_link(struct sops_staged *s)
{
    struct sops_buf old = {0};
    struct sops_err none = {0};
    bool ok = sops_temp_name(s->t.folder, ".sops-old-", &old, &none) && link(s->t.path, (const char *)old.ptr) == 0;
    if (ok && rename((const char *)s->beside.ptr, s->t.path) != 0) {
        int cause = errno;
        (void)unlink((const char *)old.ptr);
        errno = cause;
        ok = false;
    }
    if (ok) {
        sops_buf_free(&s->beside);
        s->beside = old;
        old = (struct sops_buf){0};
    }
    sops_err_clear(&none);
    sops_buf_free(&old);
    return ok;
}

static bool swap(struct sops_staged *s)
{
    const char *beside = (const char *)s->beside.ptr;
    if (!s->t.exists) {
        return renameat2(AT_FDCWD, beside, AT_FDCWD, s->t.path, RENAME_NOREPLACE) == 0 ||
               ((errno == EINVAL || errno == ENOSYS) && link(beside, s->t.path) == 0 && unlink(beside) == 0);
    }
    return renameat2(AT_FDCWD, beside, AT_FDCWD, s->t.path, RENAME_EXCHANGE) == 0 ||
           ((errno == EINVAL || errno == ENOSYS) && swap_by_link(s));
}

bool sops_staged_swap(struct sops_staged *s, struct sops_err *e)
{
    bool named = s->fd < 0;
    if (!name_stage(s, e)) {
        return false;
    }
    s->swapped = swap(s);
    if (!s->swapped) {
        cannot_write(&s->t, e);
        (void)unlink((const char *)s->beside.ptr);
    }
    if (named) {
        sops_temp_forget((const char *)s->beside.ptr);
    }
    return s->swapped;
}

void sops_staged_undo(struct sops_staged *s)
{
    if (s->swapped) {
        (void)(s->t.exists ? rename((const char *)s->beside.ptr, s->t.path) : unlink(s->t.path));
        sync_folder(&s->t);
    }
}

void sops_staged_finish(struct sops_staged *s)
{
    if (s->t.exists) {
        (void)unlink((const char *)s->beside.ptr);
    }
    sync_folder(&s->t);
}
