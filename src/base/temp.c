/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must not stay behind: temp folders, FIFOs, half-written files.
 *
 * A signal handler walks the list: no memory is asked for there, and folders are emptied with system calls alone.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES 16
#define DEPTH 16 /* of folders in a temp folder that are looked into */
#define TRIES 8  /* passes over a folder into which somebody still writes */

enum { PLACE_FREE, PLACE_BEING_FILLED, PLACE_KEPT };

/* Places are never taken away again, as a handler may walk them at any time: more are put behind them. */
struct row {
    struct {
        atomic_int state;
        char path[PATH_MAX];
    } place[PLACES];
    _Atomic(struct row *) next;
};
static struct row first;
static atomic_int owner; /* the process that made them: a child must not remove its parent's */

/* One folder on the way down: open, and known to its parent as `name`. */
struct level {
    int fd, tries;
    char name[NAME_MAX + 1];
};

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Removes the entries of `l`; stops at the first folder that is not empty and opens it as `inner`. */
static bool remove_entries(struct level *l, struct level *inner)
{
    uint64_t room[512];
    ssize_t n;
    inner->fd = -1;
    if (lseek(l->fd, 0, SEEK_SET) < 0) {
        return false;
    }
    while ((n = getdents64(l->fd, room, sizeof room)) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)((const char *)room + at);
            at += entry->d_reclen;
            if (is_dots(entry->d_name) || unlinkat(l->fd, entry->d_name, 0) == 0 ||
                unlinkat(l->fd, entry->d_name, AT_REMOVEDIR) == 0) {
                continue;
            }
            inner->fd = openat(l->fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (inner->fd >= 0) {
                inner->tries = 0;
                memcpy(inner->name, entry->d_name, strlen(entry->d_name) + 1);
                return true;
            }
        }
    }
    return n == 0;
}

/* Async-signal-safe. */
static void remove_tree(const char *path)
{
    struct level level[DEPTH];
    size_t depth = 0;
    if (unlink(path) == 0 || (errno != EISDIR && errno != EPERM)) {
        return;
    }
    level[0].tries = 0;
    level[0].fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    while (level[0].fd >= 0) {
        struct level deepest;
        struct level *inner = depth + 1 < DEPTH ? &level[depth + 1] : &deepest;
        bool emptied = remove_entries(&level[depth], inner) && inner->fd < 0;
        if (inner->fd >= 0 && inner == &deepest) {
            close(inner->fd);
        } else if (inner->fd >= 0) {
            depth++;
            continue;
        }
        const char *name = depth != 0 ? level[depth].name : path;
        int parent = depth != 0 ? level[depth - 1].fd : AT_FDCWD;
        bool gone = unlinkat(parent, name, AT_REMOVEDIR) == 0;
        if (!gone && emptied && ++level[depth].tries < TRIES) {
            continue; /* somebody has put something into it in the meantime */
        }
        close(level[depth].fd);
        if (depth == 0 || !gone) {
            while (depth != 0) {
                close(level[--depth].fd);
            }
            return;
        }
        depth--;
    }
}

void sops_temp_remove_all(void)
{
    if (atomic_load(&owner) != getpid()) {
        return;
    }
    for (struct row *r = &first; r != NULL; r = atomic_load(&r->next)) {
        for (size_t i = 0; i < PLACES; i++) {
            if (atomic_load(&r->place[i].state) == PLACE_KEPT) {
                remove_tree(r->place[i].path);
                atomic_store(&r->place[i].state, PLACE_FREE);
            }
        }
    }
}

/* The state of the place that holds `path`, or NULL. */
static atomic_int *find(const char *path)
{
    for (struct row *r = &first; r != NULL; r = atomic_load(&r->next)) {
        for (size_t i = 0; i < PLACES; i++) {
            if (atomic_load(&r->place[i].state) == PLACE_KEPT && strcmp(r->place[i].path, path) == 0) {
                return &r->place[i].state;
            }
        }
    }
    return NULL;
}

/* The row behind `r`, made when there is none. NULL without memory. */
static struct row *next_row(struct row *r, struct sops_err *e)
{
    struct row *next = atomic_load(&r->next), *made = NULL;
    if (next == NULL) {
        made = sops_alloc(sizeof *made, e);
        if (made != NULL && !atomic_compare_exchange_strong(&r->next, &next, made)) {
            sops_free(made); /* another thread was faster: `next` is its row */
        } else {
            next = made;
        }
    }
    return next;
}

bool sops_temp_remember(const char *path, struct sops_err *e)
{
    size_t length = strlen(path);
    if (length >= PATH_MAX) {
        return sops_fail(e, SOPS_E_GENERIC, "the path of a temporary file is too long: '%s'", path);
    }
    if (atomic_exchange(&owner, getpid()) == 0 && atexit(sops_temp_remove_all) != 0) {
        return sops_fail_memory(e);
    }
    for (struct row *r = &first; r != NULL; r = next_row(r, e)) {
        for (size_t i = 0; i < PLACES; i++) {
            int expected = PLACE_FREE;
            if (atomic_compare_exchange_strong(&r->place[i].state, &expected, PLACE_BEING_FILLED)) {
                memcpy(r->place[i].path, path, length + 1);
                atomic_store(&r->place[i].state, PLACE_KEPT);
                return true;
            }
        }
    }
    return false;
}

void sops_temp_forget(const char *path)
{
    atomic_int *state = find(path);
    if (state != NULL) {
        atomic_store(state, PLACE_FREE);
    }
}

void sops_temp_remove(const char *path)
{
    remove_tree(path);
    sops_temp_forget(path);
}

bool sops_temp_name(const char *folder, const char *prefix, struct sops_buf *out, struct sops_err *e)
{
    uint8_t random[8];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return sops_fail(e, SOPS_E_GENERIC, "no random bytes from the system: %s", sops_os_error(errno));
    }
    sops_buf_cut(out, 0);
    if (!sops_buf_addf(out, e, "%s%s%s", folder, sops_slice_ends(sops_str(folder), SOPS_LIT("/")) ? "" : "/", prefix)) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        if (!sops_buf_addf(out, e, "%03u", random[i])) {
            return false;
        }
    }
    return sops_buf_cstr(out, e) != NULL;
}

bool sops_temp_make(const char *parent, const char *prefix, struct sops_buf *out, struct sops_err *e)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    if (!sops_temp_name(parent, prefix, out, e)) {
        return false;
    }
    const char *path = (const char *)out->ptr;
    /* No signal between making and remembering; and what was not made by us is never remembered. */
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = mkdir(path, 0700) == 0 ||
              sops_fail(e, SOPS_E_GENERIC, "cannot make the temporary folder '%s': %s", path, sops_os_error(errno));
    if (ok && !sops_temp_remember(path, e)) {
        (void)rmdir(path);
        ok = false;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

int sops_temp_open(const char *path, mode_t mode, struct sops_err *e)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    int cause = errno;
    if (fd >= 0 && !sops_temp_remember(path, e)) {
        (void)close(fd);
        (void)unlink(path);
        fd = -1;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = cause;
    return fd;
}
