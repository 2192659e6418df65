/* SPDX-License-Identifier: Apache-2.0 */
/* folders.h - the folders of the files that a run replaces, each brought to the disk once, at the end: until then a
 * machine that stops may show an old file, but never a part of one. */
#ifndef SOPS_CLI_FOLDERS_H
#define SOPS_CLI_FOLDERS_H

#include "base/table.h"

#include <pthread.h>

struct sops_folders {
    struct sops_table known;
    struct sops_arena arena;
    pthread_mutex_t lock;
};

void sops_folders_open(struct sops_folders *f);
/* For struct sops_replace (base/file.h), on any thread; `ctx` is a struct sops_folders. */
void sops_folders_later(void *ctx, const char *folder);
/* Syncs them all, and frees. */
void sops_folders_close(struct sops_folders *f);

#endif
