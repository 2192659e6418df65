/* SPDX-License-Identifier: Apache-2.0 */
/* merge_written.h - a clean merge of files whose text is kept as it is written (docs/spec/76-text-as-written.md):
 * values are merged as ever, and the clear texts by their lines. The merged text is taken where it reads as the merged
 * values. */
#ifndef SOPS_CLI_MERGE_WRITTEN_H
#define SOPS_CLI_MERGE_WRITTEN_H

#include "cli/merge_run.h"

/* r->result holds the merged document. Where a text that reads as it can be made, r->result becomes ours as it was
 * read, with that text in place of its own; else a warning says that the file is written anew, and r->result stays.
 * Does nothing where no style is kept. Nobody is asked for a key again. False only when memory is out. */
bool sops_merge_as_written(struct sops_merge_run *r, struct sops_err *e) SOPS_CHECKED;

#endif
