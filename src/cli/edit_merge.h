/* SPDX-License-Identifier: Apache-2.0 */
/* edit_merge.h - what somebody else wrote while a text was edited, merged into it value by value
 * (docs/spec/75-many-files.md#changes-of-others). */
#ifndef SOPS_CLI_EDIT_MERGE_H
#define SOPS_CLI_EDIT_MERGE_H

#include "cli/merge_run.h"

/* sops_edit_merge_free when done. */
struct sops_edit_merge {
    struct sops_buf base; /* the file that the edited text goes back to */
    struct sops_merge_run run;
    bool marked; /* the editor shows the merged text with its conflicts */
};

/* Merges the file of the job into j->bytes, the edited text as it would be written; j->was is then that file. `*clean`:
 * the result is in j->bytes; else the clear text with its conflicts is in `m->run.text`, and m->marked. False when they
 * cannot be merged: the cause in `e`, nothing else has changed. */
bool sops_edit_merge(struct sops_job *j, struct sops_edit_merge *m, bool *clean, struct sops_err *e) SOPS_CHECKED;
/* The text without conflicts that came back from the editor, with the merged settings and recipients: j->bytes. */
bool sops_edit_merge_finish(struct sops_job *j, struct sops_edit_merge *m, struct sops_slice text,
                            struct sops_err *e) SOPS_CHECKED;
void sops_edit_merge_free(struct sops_edit_merge *m);

#endif
