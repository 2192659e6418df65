/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_run.h - one file's three versions merged, and the result as text: what `merge`, `git merge-driver`, `git
 * resolve` and `edit` of a conflict share (docs/spec/70-git.md).
 *
 *     open · plan · then one of: clean (no conflict, or each decided), conflict text, clear text for the editor
 */
#ifndef SOPS_CLI_MERGE_RUN_H
#define SOPS_CLI_MERGE_RUN_H

#include "cli/versions.h"
#include "core/conflict.h"
#include "core/merge_meta.h"

enum { SOPS_MERGE_BASE, SOPS_MERGE_OURS, SOPS_MERGE_THEIRS };

/* Set the first five; sops_merge_run_free when done. */
struct sops_merge_run {
    struct sops_job *j;          /* world, options, services, order */
    const char *name;            /* the file, in messages */
    const struct sops_format *f; /* of ours */
    struct sops_style style;
    struct sops_version v[3]; /* looked at */
    struct sops_merge_in in;
    struct sops_merge merge;
    struct sops_envelope *result; /* with the merged settings and recipients, and later the merged document */
    bool other_text[2];           /* a text is kept as it is written, and the result's is not that of ours, of theirs */
    struct sops_meta merged;      /* the same metadata, as they were before anything was wrapped */
    struct sops_buf reason;       /* why the file as a whole conflicts; empty: it does not */
    struct sops_buf text;         /* what was written last */
    const char *like;             /* the result is byte for byte "ours" or "theirs"; NULL: it is not */
};

/* Ours and theirs are opened and compared with their MACs, the base as far as it goes. Both must be SEALED. */
bool sops_merge_open(struct sops_merge_run *r, struct sops_err *e) SOPS_CHECKED;
/* Merges settings, recipients and values. `reason` is filled in when the file as a whole conflicts. */
bool sops_merge_plan(struct sops_merge_run *r, struct sops_err *e) SOPS_CHECKED;
/* The finished file into `text`, each conflict decided by `pick`. May fill in `reason`, too: a recipient that cannot be
 * wrapped. */
bool sops_merge_finish(struct sops_merge_run *r, sops_pick_fn *pick, const void *ctx, struct sops_err *e) SOPS_CHECKED;
/* The same with `clear`, a new clear text, in place of the merged document (edit of a conflict). */
bool sops_merge_finish_text(struct sops_merge_run *r, struct sops_slice clear, struct sops_err *e) SOPS_CHECKED;
/* The text with markers around ciphertexts. */
bool sops_merge_conflict(struct sops_merge_run *r, const struct sops_marker_style *style,
                         struct sops_err *e) SOPS_CHECKED;
/* The same around clear text, without metadata: for the editor. */
bool sops_merge_clear(struct sops_merge_run *r, struct sops_err *e) SOPS_CHECKED;
void sops_merge_run_free(struct sops_merge_run *r);

/* On stderr: what became of the file. */
void sops_merge_tell_done(const struct sops_merge_run *r);
void sops_merge_tell_recipients(const struct sops_merge_run *r);
void sops_merge_tell_conflicts(const struct sops_merge_run *r);
void sops_merge_tell_reason(const struct sops_merge_run *r);
/* `["db"]["password"]`, with `document N ` in front in a file of several; in `out`. */
bool sops_merge_conflict_name(const struct sops_merge_run *r, size_t i, struct sops_buf *out,
                              struct sops_err *e) SOPS_CHECKED;

#endif
