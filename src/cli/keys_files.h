/* SPDX-License-Identifier: Apache-2.0 */
/* keys_files.h - updatekeys: which files of a folder are ours, and is what is about to be written still what it was? */
#ifndef SOPS_CLI_KEYS_FILES_H
#define SOPS_CLI_KEYS_FILES_H

#include "cli/steps.h"

/* The files that `paths` (NULL-terminated) name, and of the folders among them all encrypted files below, sorted. Links
 * in folders are not followed, and folders of git are left out. */
bool sops_keys_files(struct sops_job *j, const char *const *paths, struct sops_arena *a, const char *const **files,
                     size_t *count, struct sops_err *e) SOPS_CHECKED;
/* Reads j->bytes as it will be read, and compares: the same values, and for every group the keys of j->meta, each with
 * its wrapped data key. */
bool sops_keys_check(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

#endif
