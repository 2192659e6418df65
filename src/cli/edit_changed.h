/* SPDX-License-Identifier: Apache-2.0 */
/* edit_changed.h - somebody else has changed the file while its text was edited: what becomes of the text
 * (docs/spec/75-many-files.md#changes-of-others). */
#ifndef SOPS_CLI_EDIT_CHANGED_H
#define SOPS_CLI_EDIT_CHANGED_H

#include "cli/steps.h"

enum sops_edit_choice { SOPS_EDIT_AGAIN, SOPS_EDIT_SAVE, SOPS_EDIT_MERGE };

/* Asks on the terminal that stdin is; where it is none, where it ends, and when a signal comes meanwhile, it is SAVE.
 */
enum sops_edit_choice sops_edit_ask(struct sops_job *j, bool merge, const struct sops_err *why);
/* Keeps j->bytes, the encrypted text, in a new file of mode `mode` beside the job's file, or else in a folder for
 * temporary files. Always false: with SOPS_E_CHANGED and the name of the new file, or with code 1 when it could not be
 * made anywhere. */
bool sops_edit_save(struct sops_job *j, mode_t mode, struct sops_err *e);

#endif
