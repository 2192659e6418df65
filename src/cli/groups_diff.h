/* SPDX-License-Identifier: Apache-2.0 */
/* groups_diff.h - how the key groups of a file and of its rule differ, as updatekeys shows it
 * (docs/spec/50-cli.md#updatekeys). */
#ifndef SOPS_CLI_GROUPS_DIFF_H
#define SOPS_CLI_GROUPS_DIFF_H

#include "core/groups.h"

/* Groups are compared by their places, keys by what shows them. `text` gets what will be changed. */
bool sops_groups_diff(const struct sops_meta *file, const struct sops_creation *rule, bool colour, bool *differ,
                      struct sops_buf *text, struct sops_err *e) SOPS_CHECKED;

#endif
