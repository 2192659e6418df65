/* SPDX-License-Identifier: Apache-2.0 */
/* keys_files.h - updatekeys: which files of a folder are ours? */
#ifndef SOPS_CLI_KEYS_FILES_H
#define SOPS_CLI_KEYS_FILES_H

#include "cli/steps.h"

/* The files that `paths` (NULL-terminated) name, and of the folders among them all encrypted files below, sorted. Links
 * in folders are not followed, and folders of git are left out. */
bool sops_keys_files(struct sops_job *j, const char *const *paths, struct sops_arena *a, const char *const **files,
                     size_t *count, struct sops_err *e) SOPS_CHECKED;

#endif
