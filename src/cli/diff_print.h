/* SPDX-License-Identifier: Apache-2.0 */
/* diff_print.h - a difference as lines for people, and as one object of JSON (docs/spec/70-git.md#sops-diff). */
#ifndef SOPS_CLI_DIFF_PRINT_H
#define SOPS_CLI_DIFF_PRINT_H

#include "core/diff.h"
#include "core/meta.h"

struct sops_difference {
    const char *name[2];
    const struct sops_meta *meta[2]; /* both, or NULL: keys and rules are not compared */
    const struct sops_changes *changes;
    bool several; /* documents */
    bool show;    /* values */
    bool equal;   /* set by printing */
};
bool sops_difference_text(struct sops_difference *d, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
bool sops_difference_json(struct sops_difference *d, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* "str", "int", …: also of a leaf that is still a ciphertext. */
const char *sops_kind_word(const struct sops_node *n);

#endif
