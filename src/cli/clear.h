/* SPDX-License-Identifier: Apache-2.0 */
/* clear.h - leaves that stay in clear text although somebody may have wanted them encrypted: no byte of the file
 * changes for it, but it is told. */
#ifndef SOPS_CLI_CLEAR_H
#define SOPS_CLI_CLEAR_H

#include "base/table.h"
#include "cli/steps.h"

/* The document was sealed: has the rule left every leaf clear? A warning that names the rule, or
 * an error (code 1) with --strict, SOPS_STRICT or `strict: true` in the configuration. */
bool sops_clear_check(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

/* The leaves of a file that its own rule leaves clear, while the creation rule for it would have them encrypted. Start
 * all-zero. */
struct sops_clear {
    struct sops_creation rule;
    struct sops_rules wanted;
    struct sops_table before; /* place and text of each such leaf that was there before the change */
    struct sops_arena arena;
    bool differs; /* the two rules do; else there is nothing to look for */
};
/* Takes down what is clear already, before the change. The document is in clear text. */
bool sops_clear_before(struct sops_job *j, struct sops_clear *c, struct sops_err *e) SOPS_CHECKED;
/* Warns of the leaves that the change has added or altered. */
bool sops_clear_after(struct sops_job *j, struct sops_clear *c, struct sops_err *e) SOPS_CHECKED;
void sops_clear_free(struct sops_clear *c);

#endif
