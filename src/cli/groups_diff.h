/* SPDX-License-Identifier: Apache-2.0 */
/* groups_diff.h - how the key groups of a file and of its rule differ, as updatekeys shows it
 * (docs/spec/50-cli.md#updatekeys). */
#ifndef SOPS_CLI_GROUPS_DIFF_H
#define SOPS_CLI_GROUPS_DIFF_H

#include "core/groups.h"

/* What is compared, and how it differs. Free `text` with sops_buf_free. */
struct sops_groups_diff {
    const struct sops_meta *file;
    const struct sops_creation *rule;
    int64_t threshold; /* that the file will have: sops_groups_threshold, or the rule's */
    bool colour;
    bool rotate; /* a new data key is wanted where somebody goes */
    /* found: */
    bool differ;
    bool goes;            /* a key or a group goes, or the threshold falls */
    struct sops_buf text; /* what will be changed, as lines */
};

/* The rule's: none there is none, with several groups their number. Code 1 when there are several, and it is below 1 or
 * above their number. */
bool sops_groups_rule_threshold(const struct sops_creation *rule, int64_t *threshold, struct sops_err *e) SOPS_CHECKED;
/* Groups are compared by their places, keys by what shows them. */
bool sops_groups_show(struct sops_groups_diff *d, struct sops_err *e) SOPS_CHECKED;

#endif
