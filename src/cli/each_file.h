/* SPDX-License-Identifier: Apache-2.0 */
/* each_file.h - several files, one after the other: what fails is told, and the others go on. (-r of the commands that
 * change encrypted files has a run of its own: many.h.) */
#ifndef SOPS_CLI_EACH_FILE_H
#define SOPS_CLI_EACH_FILE_H

#include "cli/options.h"

struct sops_each_file {
    struct sops_world *world;
    const struct sops_options *opt;
    bool only;     /* there is but one, and its failure is the command's */
    bool prefixed; /* the file's name is put before messages that do not hold it */
    bool (*one)(void *ctx, const char *path, struct sops_err *e);
    void *ctx;
    size_t failed; /* so far */
};

/* Calls `one` for each path (NULL: stdin), without a "./" before it. On a terminal a line says which is at hand. False
 * only when it was the only one, and failed. */
bool sops_each_file(struct sops_each_file *r, const char *const *path, size_t count, struct sops_err *e) SOPS_CHECKED;
/* What becomes of a failure: told and forgotten, or (false) the command's. */
bool sops_each_file_failed(struct sops_each_file *r, const char *name, struct sops_err *why, struct sops_err *e);

#endif
