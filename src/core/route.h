/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - paths like ["db"][0]['x'] of --extract, set and unset: parse, find, set, unset
 * (docs/spec/50-cli.md#decrypt, #set-and-unset).
 */
#ifndef SOPS_CORE_ROUTE_H
#define SOPS_CORE_ROUTE_H

#include "core/tree.h"

struct sops_route_step {
    bool is_index;
    int64_t index;
    struct sops_slice key;
};
struct sops_route {
    struct sops_route_step *step;
    size_t count;
    struct sops_arena arena;
};
/* Code `code` for a text that is no path. An empty text gives no steps. */
bool sops_route_parse(struct sops_route *r, struct sops_slice text, int code, struct sops_err *e) SOPS_CHECKED;
void sops_route_free(struct sops_route *r);
/* The node at the end of the path from `root` (a map), code 1 when there is none. */
bool sops_route_find(const struct sops_route *r, struct sops_node *root, struct sops_node **found,
                     struct sops_err *e) SOPS_CHECKED;
/* Puts `value` (unlinked, of d's arena; its key is set here) at the path. */
bool sops_route_set(const struct sops_route *r, struct sops_doc *d, struct sops_node *root, struct sops_node *value,
                    struct sops_err *e) SOPS_CHECKED;
/* Removes what is at the path; `*found` false when there is nothing (no error); a step through a scalar is code 1. */
bool sops_route_unset(const struct sops_route *r, struct sops_doc *d, struct sops_node *root, bool *found,
                      struct sops_err *e) SOPS_CHECKED;

#endif
