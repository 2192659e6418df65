/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h - the sealed files of one run: all opened, and their MACs checked, before anything is written or started
 * (docs/spec/74-kubernetes-and-exec.md#rules-for-all-parts). */
#ifndef SOPS_CLI_INPUTS_H
#define SOPS_CLI_INPUTS_H

#include "cli/steps.h"

#define SOPS_INPUTS_MAX 10000 /* files of one run */

/* Start all-zero. Each job has the document in its envelope, and what messages call the file. */
struct sops_inputs {
    struct sops_job *file;
    size_t count;
    size_t blamed; /* when it failed: the file that it is about */
};
/* Opens `count` files in order. `common` has read configuration and order, and owns the key services, which are made
 * when the first file needs them. A message names the file that it is about. `statuses`: what a
 * file that is not there is to them. */
bool sops_inputs_load(struct sops_inputs *o, struct sops_job *common, const char *const *paths, size_t count,
                      enum sops_statuses statuses, struct sops_err *e) SOPS_CHECKED;
void sops_inputs_free(struct sops_inputs *o);
/* The second half of it, for a job whose sealed text was parsed already: unlocks it with the services of `common`. */
bool sops_input_unlock(struct sops_job *j, struct sops_job *common, struct sops_err *e) SOPS_CHECKED;
/* The data keys of files that are opened one after the other: asked for together, before the first is
 * (docs/spec/75-many-files.md#unlocking). sops_ahead_free when the last was opened. */
struct sops_ahead {
    struct sops_unlocking *file;
    struct sops_meta *meta; /* of those that were read here */
    size_t count;
};
/* Reads the metadata of the files and asks; `common` as for sops_inputs_load. What cannot be read is told when it is
 * opened, and so is what cannot be had. */
bool sops_ahead_ask(struct sops_ahead *a, struct sops_job *common, const char *const *paths, size_t count,
                    struct sops_err *e) SOPS_CHECKED;
void sops_ahead_free(struct sops_ahead *a);
/* Reads the plain text of `path` (NULL: stdin), at most `limit` bytes: code 100 when there is no such file, 1 when it
 * is longer, else 2. */
bool sops_input_read(const char *path, size_t limit, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Is the file encrypted as its name says, as `sops check` judges it, or a damaged one, which is then reported
 * (docs/spec/71-check.md#which-files-which-configuration)? */
bool sops_is_encrypted_file(struct sops_job *j, const char *path);
/* Puts `name` in front of the message, unless it names it already. Returns false. */
bool sops_name_file(struct sops_err *e, const char *name);

#endif
