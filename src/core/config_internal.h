/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h - what the files config*.c share: checking the whole tree, and the keys of one rule. */
#ifndef SOPS_CORE_CONFIG_INTERNAL_H
#define SOPS_CORE_CONFIG_INTERNAL_H

#include "core/config.h"

/* Checks names and types of all rules, destinations and stores, used or not. Code 1 with the line. */
bool sops_config_check(const struct sops_node *root, struct sops_err *e) SOPS_CHECKED;

/* Warns of each key that is not read, with its line and the nearest one that is. The types must have been checked. */
void sops_config_warn_unknown(const struct sops_config *c, struct sops_world *w);
/* The name of a format under `stores`. */
const char *sops_config_store(const struct sops_format *f);

/* Does this key of a destination rule take a whole number? */
bool sops_config_is_number(const struct sops_destination *d, const char *key);
/* Goes over a group and the groups merged into it, in depth, those before it: start with NULL, ends with NULL. */
const struct sops_node *sops_config_next_group(const struct sops_node *top, const struct sops_node *at);

/* The groups of a creation rule, texts and keys in `a`: one group or more, perhaps without keys. `*flat`: the keys are
 * not those of key_groups. */
bool sops_config_groups(const struct sops_node *rule, struct sops_world *w, struct sops_arena *a,
                        struct sops_group **groups, bool *flat, struct sops_err *e) SOPS_CHECKED;

/* Do the values under `store`, that of `f`, hold words that its settings take? Code 1 with the line. */
bool sops_config_check_settings(const struct sops_format *f, const struct sops_node *store,
                                struct sops_err *e) SOPS_CHECKED;

#endif
