/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - whole files: read with a limit, replaced so that the old or the new content is there whole, temp folders. */
#ifndef SOPS_BASE_FILE_H
#define SOPS_BASE_FILE_H

#include "base/base.h"

#include <sys/types.h>

#define SOPS_FILE_MAX ((size_t)2048 << 20) /* no input is longer than this, in bytes */

/* Appends the whole of `path` ("-" is a file name like others), or of a descriptor. Longer than `limit` bytes, missing,
 * a folder, unreadable: code 2 with the path and the cause. */
bool sops_file_read(const char *path, size_t limit, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
bool sops_fd_read(int fd, const char *name, size_t limit, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Writes all bytes, going on after EINTR and short writes, and waiting where the descriptor does not. */
bool sops_fd_write(int fd, const char *name, struct sops_slice bytes, struct sops_err *e) SOPS_CHECKED;

/* What a file held when it was read, so that what somebody else has put there since is not written over
 * (docs/spec/75-many-files.md#changes-of-others). All-zero: nobody has read it. */
struct sops_file_was {
    enum { SOPS_WAS_UNREAD, SOPS_WAS_ABSENT, SOPS_WAS_HELD } how;
    uint8_t digest[32]; /* HELD: SHA-256 of the bytes */
};
void sops_file_was_held(struct sops_file_was *was, struct sops_slice bytes);
/* sops_file_read, and what it was: HELD for a regular file. What was read of anything else is not there a second time:
 * UNREAD. */
bool sops_file_read_was(const char *path, size_t limit, struct sops_buf *out, struct sops_file_was *was,
                        struct sops_err *e) SOPS_CHECKED;
/* Sets SOPS_E_CHANGED. Returns false. */
bool sops_file_fail_changed(const char *path, struct sops_err *e);
/* Is the file `path` what it was? Else SOPS_E_CHANGED. For HELD, `*fd` gets the descriptor that the file is locked by,
 * among programs like this one, until it is closed; -1 where there is none. The lock is waited for 1 s at most; then,
 * and where there are no locks, it goes without. */
bool sops_file_is_as_it_was(const char *path, const struct sops_file_was *was, int *fd,
                            struct sops_err *e) SOPS_CHECKED;

/* How a file is replaced; all-zero is the usual way. */
struct sops_replace {
    const struct sops_file_was *was; /* it is replaced only when it is as it was: else SOPS_E_CHANGED */
    bool mode_counts;                /* a file that is there gets `mode`, too, and may not be a link */
    /* Is given the folder, and syncs it later (sops_folder_sync); NULL: it is synced now. */
    void (*later)(void *ctx, const char *folder);
    void *ctx;
};

/* Puts `bytes` in place of what `path` holds: written to a file without a name in the folder of the file that links
 * lead to (where there is no such thing, to one beside it of mode 0600), synced, old mode and owner kept, put over it,
 * folder synced. With several hard links, or in a folder that cannot be written: in place, with a synced copy of the
 * old content beside it until the overwriting has been synced. A new file gets `mode` less the umask. What is no
 * regular file by its own name (a device, a pipe, /dev/stdout, /proc/self/fd/N) is written to, from where it stands.
 * Cannot be opened: code 3; failing writes: code 1; the old content is whole after either. `how` may be NULL. */
bool sops_file_replace(const char *path, struct sops_slice bytes, mode_t mode, const struct sops_replace *how,
                       struct sops_err *e) SOPS_CHECKED;
/* The same in steps, so that many files change together (docs/spec/75-many-files.md#all-or-nothing). The new version is
 * put on the disk without a name; `how->was` must outlive it. Code 3 for what can only be overwritten in place. */
struct sops_staged;
bool sops_file_stage(const char *path, struct sops_slice bytes, mode_t mode, const struct sops_replace *how,
                     struct sops_staged **out, struct sops_err *e) SOPS_CHECKED;
/* Is the old file as it was? It is held by its lock from then on. */
bool sops_staged_check(struct sops_staged *s, struct sops_err *e) SOPS_CHECKED;
/* Exchanges the two in one step; after a failure nothing has changed. */
bool sops_staged_swap(struct sops_staged *s, struct sops_err *e) SOPS_CHECKED;
/* Puts the old one back; takes the old one away. */
void sops_staged_undo(struct sops_staged *s);
void sops_staged_finish(struct sops_staged *s);
/* Nothing is left of what was not swapped. NULL is fine. */
void sops_staged_free(struct sops_staged *s);
/* Could the file be exchanged? Code 3 when it can only be overwritten in place. */
bool sops_file_exchangeable(const char *path, struct sops_err *e) SOPS_CHECKED;
/* `mode` less the umask. Where there will be threads it is called before they are. */
mode_t sops_file_mode(mode_t mode);
/* What was renamed in this folder stays so when the machine stops; where a file system cannot do that, it is whole all
 * the same. */
void sops_folder_sync(const char *folder);
/* Would sops_file_replace be allowed to? The same failure when not; nothing is changed. */
bool sops_file_replaceable(const char *path, struct sops_err *e) SOPS_CHECKED;
/* A new file with exactly `mode`; fails when there is one already. */
bool sops_file_create(const char *path, struct sops_slice bytes, mode_t mode, struct sops_err *e) SOPS_CHECKED;

/* Makes a folder PARENT/PREFIXrandom of mode 0700 and remembers it: it is removed with all that is in it by
 * sops_temp_remove, at exit, and by whoever catches the signals that end the process (sops_temp_remove_all). `out` gets
 * the path. */
bool sops_temp_make(const char *parent, const char *prefix, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* A path FOLDER/PREFIXdigits that nobody can guess. Nothing is made. */
bool sops_temp_name(const char *folder, const char *prefix, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Makes the file `path` (mode less the umask), opens it for writing and remembers it. -1 with errno when it cannot be
 * made (there is one already, too), and `e` is then set only when it could not be remembered. */
int sops_temp_open(const char *path, mode_t mode, struct sops_err *e);
/* Remembers one more path (a file, FIFO or socket) to be removed on every way out. */
bool sops_temp_remember(const char *path, struct sops_err *e) SOPS_CHECKED;
/* It may stay, or is gone already. */
void sops_temp_forget(const char *path);
void sops_temp_remove(const char *path);
/* Removes everything that is remembered; async-signal-safe. Does nothing in a child of the process that remembered it.
 */
void sops_temp_remove_all(void);

/* Absolute path by text from $PWD (when that is right, else getcwd), cleaned of "." and ".."; links are not resolved.
 * What `out` held is replaced; a NUL stands behind it. */
bool sops_path_absolute(const char *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
