/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - YAML as configuration files use it: YAML 1.1 booleans, anchors, aliases, merge keys, texts as written
 * (docs/spec/40-config.md#form, docs/spec/60-keysources.md#audit). Its own small reader, as documents need comments and
 * styles, and configurations need merging. */
#ifndef SOPS_CORE_CONF_H
#define SOPS_CORE_CONF_H

#include "core/tree.h"

/* The first document of `in`. d->parts is a map (empty for null or no document). Scalars are STR with the text as
 * written, or NULL; quoted ones have SOPS_QUOTED; `line` is set on every node. Code 1 with the line for malformed YAML,
 * a key twice in a mapping, or a top level that is neither a mapping nor null. */
bool sops_conf_parse(struct sops_doc *d, struct sops_slice in, struct sops_err *e) SOPS_CHECKED;
/* How people name a scalar: by its anchor, and by a comment behind it on its line. Tells of each scalar of `in` that
 * has one of them; what is not there is empty. Ends where the YAML is broken. False when `tell` is. */
typedef bool sops_conf_label_fn(void *ctx, struct sops_slice text, struct sops_slice anchor, struct sops_slice comment,
                                struct sops_err *e);
bool sops_conf_labels(struct sops_slice in, sops_conf_label_fn *tell, void *ctx, struct sops_err *e) SOPS_CHECKED;
/* Is the scalar a text, and not a number, boolean or date that is not quoted? */
bool sops_conf_is_text(const struct sops_node *n);
/* Typed look-ups in a map; a missing or null entry leaves `*out` as it is. Code 1 with line and name for a wrong type.
 */
bool sops_conf_text(const struct sops_node *map, const char *name, struct sops_slice *out,
                    struct sops_err *e) SOPS_CHECKED;
bool sops_conf_int(const struct sops_node *map, const char *name, int64_t *out, bool *given,
                   struct sops_err *e) SOPS_CHECKED;
bool sops_conf_bool(const struct sops_node *map, const char *name, bool *out, struct sops_err *e) SOPS_CHECKED;
/* `*out` is NULL when missing or null. */
bool sops_conf_map(const struct sops_node *map, const char *name, const struct sops_node **out,
                   struct sops_err *e) SOPS_CHECKED;
/* Any kind of value. */
bool sops_conf_any(const struct sops_node *map, const char *name, const struct sops_node **out,
                   struct sops_err *e) SOPS_CHECKED;
bool sops_conf_list(const struct sops_node *map, const char *name, const struct sops_node **out,
                    struct sops_err *e) SOPS_CHECKED;

#endif
