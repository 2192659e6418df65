/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - three versions of a document to one, value by value (docs/spec/70-git.md#the-merge-values).
 *
 * The versions are only read, and the result refers to their texts and ciphertexts, so they must outlive it. Where both
 * sides changed an entry, one place is left open, which sops_merge_pick fills in by choice.
 */
#ifndef SOPS_CORE_MERGE_H
#define SOPS_CORE_MERGE_H

#include "core/tree.h"

struct sops_merge_in {
    const struct sops_doc *base;          /* NULL: none that counts */
    const struct sops_doc *ours, *theirs; /* opened */
    bool base_closed;     /* it could not be opened: its leaves are marked, and compared as ciphertexts */
    bool comments_behind; /* a comment belongs to the entry before it (SOPS_FMT_BEHIND) */
};

enum sops_conflict_kind { SOPS_ADDED_TWICE, SOPS_CHANGED_TWICE, SOPS_CHANGED_DELETED, SOPS_DELETED_CHANGED };
extern const char *const sops_conflict_words[]; /* "changed by ours, deleted by theirs", … by kind */

/* An entry of a map that both sides changed. */
struct sops_conflict {
    enum sops_conflict_kind kind;
    unsigned document;               /* counted from 1 */
    struct sops_slice path;          /* as --extract has it; an index counts the items of ours */
    const struct sops_node *side[2]; /* the entry as ours and theirs have it; NULL: not at all */
    const struct sops_node *note;    /* the comments of an entry that one side does not have: the first … */
    size_t notes;                    /* … and how many follow one another */
};

struct sops_merge {
    struct sops_doc doc; /* what merges; a node with SOPS_OPEN_ENTRY stands for the conflict of its `line` */
    struct sops_conflict *conflict;
    size_t conflicts, cap;
    const struct sops_node **by_lines; /* of a text with SOPS_BY_LINES, by its `line`: that of ours */
    size_t lines, lines_cap;
    size_t from_ours, from_theirs; /* values that were taken from a side, as the other one left them alone */
    bool documents;                /* the file as a whole conflicts: its documents do not merge */
};

/* Fills in the empty `m`. False only when memory is out. */
bool sops_merge_values(const struct sops_merge_in *in, struct sops_merge *m, struct sops_err *e) SOPS_CHECKED;
/* What is filled in for the conflict `index` of `m`: 0 ours, 1 theirs. */
typedef unsigned sops_pick_fn(const void *ctx, size_t index);
/* The merged document with each conflict decided, into the empty `to`. `as_ours`: texts that were merged by lines stand
 * there as ours has them. */
bool sops_merge_pick(const struct sops_merge *m, const struct sops_merge_in *in, sops_pick_fn *pick, const void *ctx,
                     bool as_ours, struct sops_doc *to, struct sops_err *e) SOPS_CHECKED;
/* The two that always choose the same. */
sops_pick_fn sops_pick_ours, sops_pick_theirs;
void sops_merge_free(struct sops_merge *m);

#endif
