/* SPDX-License-Identifier: Apache-2.0 */
/* tree_json.h - a decrypted document as one JSON object. */
#ifndef SOPS_CORE_TREE_JSON_H
#define SOPS_CORE_TREE_JSON_H

#include "core/tree.h"

/* Appends all documents of `d` as one object, of keys that stand in several the last one, without comments. Code 1 for
 * a number that JSON does not have. */
bool sops_tree_json(const struct sops_doc *d, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* The entries at the top of all documents of `d`, of keys that stand in several the last one, without comments: an
 * array in `a`. */
bool sops_tree_top(const struct sops_doc *d, struct sops_arena *a, const struct sops_node *const **entry, size_t *count,
                   struct sops_err *e) SOPS_CHECKED;
/* Appends one value and all below it, without its key. */
bool sops_node_json(const struct sops_node *n, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* Would each whole number of `d` come back with the same digits from a reader that makes doubles of numbers? Code 1,
 * naming the first that would not. */
bool sops_tree_fits_doubles(const struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;

#endif
