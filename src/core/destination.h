/* SPDX-License-Identifier: Apache-2.0 */
/* destination.h - where `sops publish` sends a file (docs/spec/60-keysources.md#publish). */
#ifndef SOPS_CORE_DESTINATION_H
#define SOPS_CORE_DESTINATION_H

#include "core/tree.h"
#include "core/world.h"

#define SOPS_MAX_DESTINATION_VALUES 4

struct sops_destination {
    const char *name, *rule_key;   /* "gcs", "gcs_bucket": the key that must not be empty */
    const char *const *other_keys; /* "gcs_prefix": `value` after the first; NULL-terminated */
    const char *number_key;        /* the one of other_keys that takes a whole number (given in decimal), or NULL */
    bool wants_tree;               /* vault: the decrypted document, not the file's bytes */
    /* Appends the text that shows where it goes. */
    bool (*where)(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_buf *shown,
                  struct sops_err *e);
    /* `*unchanged` is set when the same content is there already and nothing was written. */
    bool (*put)(struct sops_world *w, const struct sops_slice value[], struct sops_slice name, struct sops_slice bytes,
                const struct sops_doc *tree, bool *unchanged, struct sops_err *e);
};

#define X(name) extern const struct sops_destination sops_destination_##name;
#include "destinations/list.h"
#undef X

extern const struct sops_destination *const sops_destinations[]; /* NULL-terminated */

#endif
