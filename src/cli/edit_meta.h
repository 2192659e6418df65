/* SPDX-License-Identifier: Apache-2.0 */
/* edit_meta.h - the edited text of `edit --show-master-keys`: a document with its metadata in clear. */
#ifndef SOPS_CLI_EDIT_META_H
#define SOPS_CLI_EDIT_META_H

#include "cli/steps.h"

/* j->raw becomes j->doc and j->meta. The metadata must be valid and hold a key. Keys whose wrapped data key is not the
 * one that they had in the file are given a new one, all of them when the groups have changed. `old` gets the metadata
 * of the file at the first call. */
bool sops_edit_take_meta(struct sops_job *j, struct sops_meta *old, struct sops_err *e) SOPS_CHECKED;

#endif
