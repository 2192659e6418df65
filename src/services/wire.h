/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - the messages of the key service as protobuf (docs/spec/60-keysources.md#key-service-messages), laid out by
 * the table of key sources: a source's `wire` is its number in `Key`, a field's place + 1 its number in there.
 */
#ifndef SOPS_SERVICES_WIRE_H
#define SOPS_SERVICES_WIRE_H

#include "core/keysource.h"

/* Appends an EncryptRequest (`bytes` is the data key) or a DecryptRequest (`bytes` is the text of `enc`). */
bool sops_wire_put_request(struct sops_buf *out, const struct sops_key *k, struct sops_slice bytes,
                           struct sops_err *e) SOPS_CHECKED;
/* Appends an EncryptResponse or a DecryptResponse. */
bool sops_wire_put_reply(struct sops_buf *out, struct sops_slice bytes, struct sops_err *e) SOPS_CHECKED;

enum sops_wire_key {
    SOPS_WIRE_NO_KEY,      /* none, or one without a type */
    SOPS_WIRE_UNKNOWN_KEY, /* of a type that is not in the table */
    SOPS_WIRE_KEY,
};
/* Reads a request: `*bytes` points into `in`, texts of the key too, its map lives in `a` (sorted by key). Code 1 when
 * it is no protobuf. */
bool sops_wire_take_request(struct sops_slice in, struct sops_arena *a, enum sops_wire_key *what, struct sops_key *k,
                            struct sops_slice *bytes, struct sops_err *e) SOPS_CHECKED;
/* Reads a response: `*bytes` points into `in`. */
bool sops_wire_take_reply(struct sops_slice in, struct sops_slice *bytes, struct sops_err *e) SOPS_CHECKED;

#endif
