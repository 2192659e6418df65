/* SPDX-License-Identifier: Apache-2.0 */
/* merge_cover.h - would a merge write in clear what was encrypted?
 * (docs/spec/70-git.md#the-merge-metadata-and-data-key, "never uncovered") */
#ifndef SOPS_CORE_MERGE_COVER_H
#define SOPS_CORE_MERGE_COVER_H

#include "core/rules.h"

/* Marks `d`, a merged document, by `rules` (compiled), and looks for a text that was encrypted where it comes from and
 * is now not: unless ours or theirs has that very text at that place in clear, `*covered` is false, and `path` gets
 * where it is. */
bool sops_merge_covered(const struct sops_rules *rules, struct sops_doc *d, const struct sops_doc *ours,
                        const struct sops_doc *theirs, bool *covered, struct sops_buf *path,
                        struct sops_err *e) SOPS_CHECKED;

#endif
