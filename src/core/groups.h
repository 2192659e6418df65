/* SPDX-License-Identifier: Apache-2.0 */
/* groups.h - how the key groups of a file and of its rule differ (docs/spec/50-cli.md#updatekeys). Groups are compared
 * by their places, keys by what shows them. */
#ifndef SOPS_CORE_GROUPS_H
#define SOPS_CORE_GROUPS_H

#include "core/config.h"

enum sops_key_fate { SOPS_KEY_STAYS, SOPS_KEY_COMES, SOPS_KEY_GOES };
/* Is told of each group by its number, from 1 on, and then of its keys: those that stay and those that come in the
 * order of the rule, then those that go in the order of the file. Either function may end it by false. */
struct sops_groups_visitor {
    bool (*group)(void *ctx, size_t number, struct sops_err *e); /* or NULL */
    bool (*key)(void *ctx, const struct sops_key *k, enum sops_key_fate fate, struct sops_err *e);
    void *ctx;
};
/* A key of the rule that lacks what only its server knows (an Azure key without version) is the same as any key of the
 * file that differs in that alone. */
bool sops_groups_compare(const struct sops_group *file, const struct sops_group *rule,
                         const struct sops_groups_visitor *v, struct sops_err *e) SOPS_CHECKED;
/* The threshold that the file will have: its own, but not more than the rule has groups. */
int64_t sops_groups_threshold(const struct sops_meta *file, const struct sops_creation *rule);

#endif
