/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_meta.h - three versions of a file's metadata to one, and which data key the merged file has
 * (docs/spec/70-git.md#the-merge-metadata-and-data-key).
 *
 * Recipients are sets: who was added on one side is in, who was removed on one side is out. Wrapped data keys are taken
 * over only with the data key that they hold, and shares of two divisions are never mixed.
 */
#ifndef SOPS_CORE_MERGE_META_H
#define SOPS_CORE_MERGE_META_H

#include "core/meta.h"

/* Merges into the empty `out`, which refers to the texts of the sides: they must outlive it. Wrapped data keys, MAC and
 * time are left empty. `base` may be NULL. Where the two do not fit together `*fits` is false, and `why` says what:
 * "rule", "groups", … with the cause. False only when memory is out. */
bool sops_meta_merge(const struct sops_meta *base, const struct sops_meta *ours, const struct sops_meta *theirs,
                     struct sops_meta *out, bool *fits, struct sops_buf *why, struct sops_err *e) SOPS_CHECKED;
/* Have the two the same recipients in each group (whatever their order), threshold and rules? */
bool sops_meta_same_settings(const struct sops_meta *a, const struct sops_meta *b, struct sops_err *e);

enum sops_kept { SOPS_KEEP_OURS, SOPS_KEEP_THEIRS, SOPS_KEEP_NONE };
/* What the choice of the data key depends on. */
struct sops_key_choice {
    const struct sops_meta *merged, *meta[2]; /* of ours and theirs */
    const struct sops_doc *base, *doc[2];     /* opened; base NULL: it was not */
    struct sops_slice base_key, key[2];
};
/* Whose data key the merged file keeps; NONE: it gets a new one. A key that a side brought in is kept only when whoever
 * chose it has read the old values, and nobody has it who is not among the recipients. */
bool sops_key_choose(const struct sops_key_choice *c, enum sops_kept *kept, struct sops_err *e) SOPS_CHECKED;
/* Gives the recipients of c->merged the wrapped data keys of the sides that have the kept one. What is left empty must
 * be wrapped by sops_datakey_wrap_missing, at the time `now`. */
bool sops_key_hand_over(const struct sops_key_choice *c, struct sops_meta *merged, enum sops_kept kept,
                        struct sops_slice now, struct sops_err *e) SOPS_CHECKED;

/* Is there a key in a group of `m` that has another one's identity? NULL: none. */
const struct sops_key *sops_group_find(const struct sops_group *g, const struct sops_key *k, struct sops_err *e);

#endif
