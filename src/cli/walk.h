/* SPDX-License-Identifier: Apache-2.0 */
/* walk.h - all that is below a folder: the one walk of the program. */
#ifndef SOPS_CLI_WALK_H
#define SOPS_CLI_WALK_H

#include "base/base.h"

#include <sys/stat.h>

/* Who walks. Entries come in depth, each folder's in the order of their names; links are entries, and not followed. */
struct sops_walker {
    bool into_git; /* folders called .git, too */
    /* Of each entry that is no folder: its path, its name from the folder on, and what it is. Ends the walk when false.
     */
    bool (*visit)(void *ctx, const char *path, struct sops_slice name, const struct stat *st, struct sops_err *e);
    /* Of a folder or entry that cannot be looked at: `number` is the errno. NULL: that is a failure, code 1. */
    bool (*unread)(void *ctx, const char *path, int number, struct sops_err *e);
    void *ctx;
};
bool sops_walk_folder(const char *folder, const struct sops_walker *k, struct sops_err *e) SOPS_CHECKED;

#endif
