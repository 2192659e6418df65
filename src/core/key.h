/* SPDX-License-Identifier: Apache-2.0 */
/* key.h - master keys in rows and groups: parsing lists, showing, equality, order
 * (docs/spec/40-config.md#keys-of-a-rule, docs/spec/60-keysources.md#how-keys-are-given). */
#ifndef SOPS_CORE_KEY_H
#define SOPS_CORE_KEY_H

#include "core/keysource.h"

struct sops_group {
    struct sops_key *keys; /* any one of them opens the group's share */
    struct sops_group *next;
};

/* The source with this id ("azure_kv"), or NULL. */
const struct sops_keysource *sops_keysource_named(struct sops_slice id);
/* All sources sorted by rank[order]: fills `out`, which has room for all and a NULL. */
#define SOPS_MAX_SOURCES 16
void sops_keysources_by(enum sops_order order, const struct sops_keysource *out[SOPS_MAX_SOURCES]);

/* Parses the comma list `text` with source->parse and appends the keys to `*list`; created_at is set to now for DATED
 * ones. */
bool sops_keys_parse(struct sops_world *w, struct sops_arena *a, const struct sops_keysource *source,
                     struct sops_slice text, struct sops_key **list, struct sops_err *e) SOPS_CHECKED;
/* One key from one piece of text, taken as it is. NULL with `e` set on failure. */
struct sops_key *sops_key_parse(struct sops_world *w, struct sops_arena *a, const struct sops_keysource *source,
                                struct sops_slice piece, struct sops_err *e) SOPS_CHECKED;
/* Completes a key whose fields are filled in: what its source looks up, and created_at. */
bool sops_key_finish(struct sops_world *w, struct sops_arena *a, struct sops_key *k, struct sops_err *e) SOPS_CHECKED;
void sops_keys_append(struct sops_key **list, struct sops_key *more);
void sops_groups_append(struct sops_group **list, struct sops_group *more);
/* Sorts the `count` pairs of an array by key and links them; of equal keys the last counts. The first, or NULL for
 * none. */
const struct sops_pair *sops_pairs_link(struct sops_pair *pair, size_t count);
/* Appends its display text (source->show, else field[0]). */
bool sops_key_show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends what two keys have in common when they are the same: the source and the display text. */
bool sops_key_name(const struct sops_key *k, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Same identity: same source and display text. False with `e` set when memory is out. */
bool sops_key_same(const struct sops_key *a, const struct sops_key *b, struct sops_err *e);
/* Have the two as many groups, and does every key of `a` stand, with the same wrapped data key, in the same group of
 * `b`? False with `e` set when memory is out. */
bool sops_groups_within(const struct sops_group *a, const struct sops_group *b, struct sops_err *e);

#endif
