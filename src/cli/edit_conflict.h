/* SPDX-License-Identifier: Apache-2.0 */
/* edit_conflict.h - a file with the markers of a conflict in the editor: both sides in clear text, from the versions
 * that git's index holds (docs/spec/70-git.md#edit). */
#ifndef SOPS_CLI_EDIT_CONFLICT_H
#define SOPS_CLI_EDIT_CONFLICT_H

#include "cli/merge_index.h"

struct sops_edit_conflict {
    struct sops_merge_run run;
};
/* The clear merged text, with markers around clear sections, into j->bytes. Code 1 where there are no versions, and for
 * a conflict of the whole file. */
bool sops_edit_conflict_begin(struct sops_edit_conflict *c, struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The edited text j->raw becomes the finished file, in j->bytes. Fails while markers are left. */
bool sops_edit_conflict_take(struct sops_edit_conflict *c, struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
void sops_edit_conflict_free(struct sops_edit_conflict *c);

#endif
