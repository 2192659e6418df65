/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - the keys and values that become a Secret, and how they are rewritten on the way
 * (docs/spec/73-stores.md#rewrite-and-keys). */
#ifndef SOPS_SYNC_KEYS_H
#define SOPS_SYNC_KEYS_H

#include "base/table.h"
#include "core/tree.h"

struct sops_key_value {
    struct sops_slice key, value;
    struct sops_key_value *next;
};
/* In the order in which they came. Start all-zero, free in any case. */
struct sops_keys {
    struct sops_arena arena; /* owns keys and values */
    struct sops_table table;
    struct sops_key_value *first, *last;
    size_t count;
};
/* Puts a copy of `value` in the place of what `key` had. */
bool sops_keys_set(struct sops_keys *k, struct sops_slice key, struct sops_slice value,
                   struct sops_err *e) SOPS_CHECKED;
/* The value of a key; false when it is not there. */
bool sops_keys_get(const struct sops_keys *k, struct sops_slice key, struct sops_slice *value);
/* All entries sorted by the bytes of their keys: an array in `a`. */
bool sops_keys_sorted(const struct sops_keys *k, struct sops_arena *a, const struct sops_key_value ***out,
                      struct sops_err *e) SOPS_CHECKED;
void sops_keys_free(struct sops_keys *k);

/* Checks a list of rewrites (may be NULL) without keys: fields, words, regular expressions. `where`: what messages call
 * it. Code 2. */
bool sops_rewrite_check(const struct sops_node *list, struct sops_err *e) SOPS_CHECKED;
/* Applies it: `k` then holds the result. Code 2, also for two keys that become one. */
bool sops_rewrite_apply(const struct sops_node *list, struct sops_keys *k, struct sops_err *e) SOPS_CHECKED;
/* Replaces characters that a Secret's key cannot have. Code 2 for two keys that become one. */
bool sops_keys_convert(struct sops_keys *k, bool unicode, struct sops_err *e) SOPS_CHECKED;
/* Leaves empty keys out, and refuses those that a Secret cannot have. Code 2. */
bool sops_keys_check(struct sops_keys *k, struct sops_err *e) SOPS_CHECKED;

/* Are all members of `map` named in `known`? Code 2 with the first that is not. */
bool sops_fields_known(const struct sops_node *map, const char *const *known, struct sops_err *e) SOPS_CHECKED;
/* Is the text of the member `name`, when it is there, one of `words`? Code 2. `*out`: it, or else `usual`. */
bool sops_field_word(const struct sops_node *map, const char *name, const char *const *words, const char *usual,
                     struct sops_slice *out, struct sops_err *e) SOPS_CHECKED;

#endif
