/* SPDX-License-Identifier: Apache-2.0 */
/* merge_index.h - the three versions of a file that git's index holds in a conflict, and what the work tree says about
 * them (docs/spec/70-git.md#git-resolve). */
#ifndef SOPS_CLI_MERGE_INDEX_H
#define SOPS_CLI_MERGE_INDEX_H

#include "cli/merge_run.h"

/* Where a file stands for git. All-zero; sops_indexed_free when done. */
struct sops_in_index {
    struct sops_git git; /* asked in the file's folder */
    struct sops_buf folder;
    const char *name; /* of the file in it */
};
/* Finds the folder of `path`, which must be in a work tree. Code 2. */
bool sops_in_index_find(struct sops_in_index *x, struct sops_world *w, const char *path,
                        struct sops_err *e) SOPS_CHECKED;
/* The versions of the index into r->v, looked at; format and style by them. Code 2: there are none, or one side has
 * deleted the file. */
bool sops_in_index_read(struct sops_in_index *x, struct sops_merge_run *r, struct sops_err *e) SOPS_CHECKED;
/* git add */
bool sops_in_index_add(struct sops_in_index *x, struct sops_err *e) SOPS_CHECKED;
void sops_in_index_free(struct sops_in_index *x);

/* What the file of the work tree, in which somebody has chosen a section of each pair, answers to each conflict of the
 * planned merge: pick[i] is set. `*fits` is false where it holds anything that is neither ours nor theirs at its place
 * or not the merged value elsewhere; `path` says where. It is only ever read as an answer. */
bool sops_answer_read(struct sops_merge_run *r, struct sops_envelope *work, unsigned char *pick, bool *fits,
                      struct sops_buf *path, struct sops_err *e) SOPS_CHECKED;

#endif
