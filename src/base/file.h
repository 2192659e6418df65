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

/* Puts `bytes` in place of what `path` holds: written to a file without a name in the folder of the file that links
 * lead to (where there is no such thing, to one beside it of mode 0600), synced, old mode and owner kept, put over it,
 * folder synced. With several hard links, or in a folder that cannot be written: in place, with a synced copy of the
 * old content beside it until the overwriting has been synced. A new file gets `mode` less the umask. What is no
 * regular file by its own name (a device, a pipe, /dev/stdout, /proc/self/fd/N) is written to, from where it stands.
 * Cannot be opened: code 3; failing writes: code 1; the old content is whole after either. */
bool sops_file_replace(const char *path, struct sops_slice bytes, mode_t mode, struct sops_err *e) SOPS_CHECKED;
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
