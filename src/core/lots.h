/* SPDX-License-Identifier: Apache-2.0 */
/* lots.h - entries asked of their source or of key services, many at a time
 * (docs/spec/75-many-files.md#unlocking). */
#ifndef SOPS_CORE_LOTS_H
#define SOPS_CORE_LOTS_H

#include "core/entry.h"
#include "core/service.h"

/* How many requests there are at a time in a whole run. */
#define SOPS_REQUESTS 8

/* Settles all lots, whose entries are of this source. Between sops_answers_lock and unlock. False only when it cannot
 * go on (memory). */
/* Marks each entry with the first lot that holds it (entry->lot). */
void sops_lots_own(const struct sops_lot *lot, size_t lots);
bool sops_lots_ask(struct sops_world *w, struct sops_service *services, const struct sops_keysource *source,
                   const struct sops_lot *lot, size_t lots, struct sops_err *e) SOPS_CHECKED;

#endif
