/* SPDX-License-Identifier: Apache-2.0 */
/* leaves.h - the leaves of a document by name: the keys on the way to each joined, items of lists as numbers from 0
 * (comments do not count). For variables and marks; the path that the cipher authenticates is sops_walk's. */
#ifndef SOPS_CORE_LEAVES_H
#define SOPS_CORE_LEAVES_H

#include "core/tree.h"

/* Start all-zero but for root (a map or list) and separator. */
struct sops_leaves {
    const struct sops_node *root;
    struct sops_slice separator;
    const struct sops_node *at; /* the leaf */
    struct sops_buf name;       /* of it */
    struct sops_buf levels;     /* what is taken off the name when a level ends */
};
/* Moves to the next leaf in document order, no comment. False at the end, or with `e` set when memory is out. */
bool sops_leaves_next(struct sops_leaves *l, struct sops_err *e) SOPS_CHECKED;
void sops_leaves_free(struct sops_leaves *l);

/* Appends the name of one node joined with dots, control characters as `?`, for messages. */
bool sops_node_dotted(const struct sops_node *n, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
