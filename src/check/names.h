/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - how people call keys, as a configuration has it (docs/spec/71-check.md#names-mine). */
#ifndef SOPS_CHECK_NAMES_H
#define SOPS_CHECK_NAMES_H

#include "base/table.h"
#include "core/config.h"

/* Starts all-zero; sops_names_free. */
struct sops_names {
    struct sops_table table; /* what identifies a key, to its name */
    struct sops_arena arena;
};
/* Reads the names out of a configuration (`root`, and its text): its map `recipients` first, then anchors, then
 * comments behind keys. `w` is not asked for anything. */
bool sops_names_read(struct sops_names *n, struct sops_world *w, const struct sops_node *root, struct sops_slice source,
                     struct sops_err *e) SOPS_CHECKED;
/* The name of a key; NULL: it has none. The last resort is the comment of an SSH key, which is copied into `a`; other
 * names live as long as `n`. */
const char *sops_names_get(const struct sops_names *n, const struct sops_key *k, struct sops_arena *a,
                           struct sops_err *e);
void sops_names_free(struct sops_names *n);

#endif
