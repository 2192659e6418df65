/* SPDX-License-Identifier: Apache-2.0 */
/* own_keys.h - which keys are the user's own? Read from files and variables: no command is run, no passphrase asked
 * (docs/spec/71-check.md#names-mine). */
#ifndef SOPS_CLI_OWN_KEYS_H
#define SOPS_CLI_OWN_KEYS_H

#include "core/key.h"

enum own_answer { OWN_NO, OWN_YES, OWN_UNKNOWN };

/* The places of all sources that have some; read when the first key of a source is asked about. Starts all-zero but for
 * the world. */
struct own_keys {
    struct sops_world *world;
    struct sops_place *place[SOPS_MAX_SOURCES];
    bool read[SOPS_MAX_SOURCES];
    struct sops_arena arena;
};
/* The places of a source, read once; `*out` is NULL for one without any. */
bool own_keys_places(struct own_keys *o, const struct sops_keysource *source, const struct sops_place **out,
                     struct sops_err *e) SOPS_CHECKED;
/* Is the secret half of `k` there? `place` and `own` (each may be NULL) get where, when it is. */
bool own_keys_ask(struct own_keys *o, const struct sops_key *k, enum own_answer *answer,
                  const struct sops_place **place, const struct sops_own **own, struct sops_err *e) SOPS_CHECKED;
void own_keys_free(struct own_keys *o);

#endif
