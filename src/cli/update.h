/* SPDX-License-Identifier: Apache-2.0 */
/* update.h - the change that updatekeys makes to a file: how its keys differ from those of its creation rule, and what
 * is done about it (docs/spec/50-cli.md#updatekeys, docs/spec/75-many-files.md#updatekeys-and-rotate). */
#ifndef SOPS_CLI_UPDATE_H
#define SOPS_CLI_UPDATE_H

#include "cli/steps.h"

struct sops_update_options {
    bool rotate, sync_threshold;
};

/* One file's change. sops_update_free. */
struct sops_update {
    struct sops_creation rule; /* its keys live with the file's metadata */
    int64_t threshold;
    bool differ;
    bool new_key;         /* somebody goes, and the data key is to be new */
    bool goes;            /* somebody goes, or the threshold falls */
    struct sops_buf text; /* the change, as lines */
    struct sops_buf gone; /* display texts of those who go, with ", " between */
};
/* What the creation rule for the job's path wants to be other than in the metadata of its envelope. Code 1 when there
 * is no rule. */
bool sops_update_look(struct sops_job *j, struct sops_update *u, bool colour, struct sops_err *e) SOPS_CHECKED;
void sops_update_free(struct sops_update *u);
/* Those who go can open the file still: a line that says so, and what helps; nothing when nobody goes, or the data key
 * is new. */
void sops_update_warn(struct sops_world *w, const struct sops_update *u);

/* The keys of `j->own`, a struct sops_update, for the file that is parsed: `bytes`. Code 128, 1; with a new data key
 * all that rotate has, too. */
bool sops_step_update(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

#endif
