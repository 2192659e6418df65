/* SPDX-License-Identifier: Apache-2.0 */
/* diff.h - what differs between two documents, leaf by leaf (docs/spec/70-git.md#sops-diff). */
#ifndef SOPS_CORE_DIFF_H
#define SOPS_CORE_DIFF_H

#include "core/shape.h"

enum sops_change_op { SOPS_CHANGE, SOPS_ADD, SOPS_REMOVE };
/* Nodes are those of the documents. An empty map or list counts as a leaf. */
struct sops_change {
    enum sops_change_op op;
    unsigned document;             /* counted from 1 */
    const struct sops_node *a, *b; /* NULL for ADD; for REMOVE */
};
struct sops_changes {
    struct sops_change *change;
    size_t count, cap;
};
/* Appends what differs. Order of entries is no difference; `by` is SOPS_SHAPE_OPEN for opened or clear documents, and
 * SOPS_SHAPE_CLOSED for marked ones whose ciphertexts are compared. False only when memory is out. */
bool sops_diff(const struct sops_doc *a, const struct sops_doc *b, enum sops_shape_by by, struct sops_changes *out,
               struct sops_err *e) SOPS_CHECKED;
void sops_changes_free(struct sops_changes *c);

#endif
