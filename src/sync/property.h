/* SPDX-License-Identifier: Apache-2.0 */
/* property.h - one part of a value, found by the path of a remoteRef, and a value taken apart into keys
 * (docs/spec/73-stores.md#reading-a-value). */
#ifndef SOPS_SYNC_PROPERTY_H
#define SOPS_SYNC_PROPERTY_H

#include "core/store.h"
#include "sync/keys.h"

/* Does the language know all that `property` holds? Code 2 when not. */
bool sops_property_check(struct sops_slice property, struct sops_err *e) SOPS_CHECKED;
/* Looks `property` up in the JSON text `value`. `*found` is false when it is not there; what is, is in `a`. Code 2 for
 * a value that is no JSON. */
bool sops_property_find(struct sops_arena *a, struct sops_slice value, enum sops_store_property order,
                        struct sops_slice property, struct sops_slice *out, bool *found,
                        struct sops_err *e) SOPS_CHECKED;
/* The entries of the JSON object `value`, numbers as they stand, but those of a store that makes JSON anew (KEY_FIRST);
 * of a repeated key the last. Code 2 when it is none. */
bool sops_property_extract(struct sops_slice value, enum sops_store_property order, struct sops_keys *out,
                           struct sops_err *e) SOPS_CHECKED;
/* Appends a number as the operator's library writes it: a whole one as it stands, another one as the shortest text of
 * its double. */
bool sops_property_number(struct sops_slice number, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* Undoes the encoding that `strategy` names: None, Base64, Base64URL, Auto. Code 2. */
bool sops_decode_value(struct sops_arena *a, struct sops_slice strategy, struct sops_slice value,
                       struct sops_slice *out, struct sops_err *e) SOPS_CHECKED;

#endif
