/* SPDX-License-Identifier: Apache-2.0 */
/* keys_files.h - commands that go through folders: which files are theirs? */
#ifndef SOPS_CLI_KEYS_FILES_H
#define SOPS_CLI_KEYS_FILES_H

#include "cli/steps.h"

/* Is a file that was found in a folder wanted? */
typedef bool sops_wanted_fn(struct sops_job *j, const char *path);
/* The files that `paths` (NULL-terminated) name, and of the folders among them all that are wanted below, sorted. Links
 * in folders are not followed, and folders of git are left out. */
bool sops_keys_files(struct sops_job *j, const char *const *paths, sops_wanted_fn *wanted, struct sops_arena *a,
                     const char *const **files, size_t *count, struct sops_err *e) SOPS_CHECKED;
/* Is it an encrypted file? One that holds a value that sops encrypted, and whose metadata can be found or that does not
 * parse. */
bool sops_is_encrypted_file(struct sops_job *j, const char *path);

/* Is it YAML or JSON by its name, with the word SealedSecret in it? */
bool sops_is_sealed_file(struct sops_job *j, const char *path);

#endif
