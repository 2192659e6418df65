/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conflict.h - the text of a file with the markers of a conflict around what both sides changed
 * (docs/spec/70-git.md#a-conflict). Knows nothing of formats: the text as ours would have it and the text as theirs
 * would have it are compared.
 */
#ifndef SOPS_CORE_CONFLICT_H
#define SOPS_CORE_CONFLICT_H

#include "core/format.h"
#include "core/merge.h"

/* Does a line begin with seven or more `<` and a blank, and one with seven or more `>` and a blank? Such a text is not
 * parsed. */
bool sops_holds_markers(struct sops_slice text);
/* What to do about a merge that is not finished; takes the file's name three times. */
#define SOPS_UNFINISHED_HINT "a merge of %s is not finished: `sops edit %s`, or `sops git resolve %s`"

struct sops_marker_style {
    size_t size;               /* how many characters a marker has */
    const char *ours, *theirs; /* labels */
};
#define SOPS_MARKER_SIZE 7
#define SOPS_MARKER_MAX 1000
#define SOPS_LABEL_MAX 80 /* bytes */
/* Appends `label` as it may stand behind a marker: control characters become `?`, at most SOPS_LABEL_MAX bytes. Of an
 * empty one, or one that git left as it stands in its configuration (%S), `otherwise`. */
bool sops_marker_label(const char *label, const char *otherwise, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* Appends the text. `ours` and `theirs` are the whole file, in the form that `f` reads, with all conflicts of `m`
 * decided for one side. Keeping either section of each pair gives a text that parses as the merge with these choices.
 */
bool sops_conflict_text(const struct sops_merge *m, const struct sops_format *f, struct sops_slice ours,
                        struct sops_slice theirs, const struct sops_marker_style *style, struct sops_buf *out,
                        struct sops_err *e) SOPS_CHECKED;

#endif
