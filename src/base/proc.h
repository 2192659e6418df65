/* SPDX-License-Identifier: Apache-2.0 */
/* proc.h - other programs: splitting a command into words, finding it on PATH, running it with pipes. */
#ifndef SOPS_BASE_PROC_H
#define SOPS_BASE_PROC_H

#include "base/base.h"

#include <sys/types.h>

struct sops_words {
    char **word; /* NULL-terminated */
    size_t count;
    struct sops_arena arena;
};
/* Splits as a POSIX shell would split words, without expansion: blanks separate, '…' literal, "…" and \ as in spec 50
 * section 5 and spec 61 section 1.10; `#` at the start of a word begins a comment to the end of the line. Fails (code 1)
 * for an open quote or a trailing backslash. */
bool sops_words_split(struct sops_words *w, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
void sops_words_free(struct sops_words *w);

/* The path of the program `name`: itself when it holds a '/', else the first executable on `path` (the value of PATH).
 * A match through a relative entry is refused. Code 1 when there is none. */
bool sops_proc_find(const char *name, const char *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
