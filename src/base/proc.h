/* SPDX-License-Identifier: Apache-2.0 */
/* proc.h - other programs: splitting a command into words, finding it on PATH, running it with pipes; a clock for
 * waiting. */
#ifndef SOPS_BASE_PROC_H
#define SOPS_BASE_PROC_H

#include "base/base.h"

#include <signal.h>
#include <sys/types.h>

struct sops_words {
    char **word; /* NULL-terminated */
    size_t count;
    struct sops_arena arena;
};
/* Splits as a POSIX shell would split words, without expansion: blanks separate, '…' literal, "…" and \ as in
 * docs/spec/50-cli.md#edit and docs/spec/61-age.md#running-the-two-commands; `#` at the start of a word begins a
 * comment to the end of the line. Fails (code 1) for an open quote or a trailing backslash. */
bool sops_words_split(struct sops_words *w, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
void sops_words_free(struct sops_words *w);

/* The path of the program `name`: itself when it holds a '/', else the first executable on `path` (the value of PATH).
 * A match through a relative entry is refused. Code 1 when there is none. */
bool sops_proc_find(const char *name, const char *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* The same for a program that the user named on our command line, with a shell's statuses: 127 when it is not there,
 * 126 when it cannot be run. Relative entries of PATH are passed over. */
bool sops_proc_locate(const char *name, const char *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* An environment in `a`: "NAME=value" of `base` and then of `more` (each NULL-terminated, or NULL); of a name that
 * stands there twice the last counts. The texts are not copied. */
bool sops_proc_environment(struct sops_arena *a, const char *const *base, const char *const *more, char ***out,
                           struct sops_err *e) SOPS_CHECKED;

/* Starts `path` in `folder` (NULL: here) with the descriptors in `fd` as its 0, 1 and 2 (-1: ours). Of the signals in
 * `usual` (may be NULL), which this process ignores, the program does not know; it blocks those in `mask` (NULL: those
 * that we block). `group`: it leads a process group of its own. The caller waits for it. */
struct sops_start {
    const char *path, *folder;
    char *const *argv, *const *env;
    int fd[3];
    const sigset_t *usual, *mask;
    bool group;
};
bool sops_proc_start(const struct sops_start *s, pid_t *pid, struct sops_err *e) SOPS_CHECKED;
/* Waits for its end: the exit status, or SOPS_PROC_SIGNAL + the number of the signal that ended it. */
#define SOPS_PROC_SIGNAL 256
int sops_proc_status(int how); /* the same of what waitpid gave */
bool sops_proc_wait(pid_t pid, int *status, struct sops_err *e) SOPS_CHECKED;
/* Two descriptors that no program inherits: [0] to read from, [1] to write to. */
bool sops_proc_pipe(int ends[2], struct sops_err *e) SOPS_CHECKED;

/* Milliseconds of a clock that nobody sets. */
int64_t sops_clock_ms(void);

#endif
