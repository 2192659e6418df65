/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - what --verbose says: a line for each step, on stderr, with the messages and in the shape of the original's
 * logs: `[AGE]<tab> time="2026-04-01T10:00:00Z" level=info msg="Decryption succeeded" recipient=age1…`. Never a secret,
 * nor any text of the document. */
#ifndef SOPS_CORE_LOG_H
#define SOPS_CORE_LOG_H

#include "core/keysource.h"

enum sops_log_level { SOPS_LOG_DEBUG, SOPS_LOG_INFO };

/* One line of `who` ("SOPS", "AGE", "CONFIG"); does nothing without w->verbose. `fields` ends with a name of NULL, or
 * is NULL; empty values are left out. What cannot be said for want of memory is not said. */
void sops_log(struct sops_world *w, const char *who, enum sops_log_level level, const struct sops_log_field *fields,
              const char *fmt, ...) SOPS_PRINTF(5, 6);
/* That `k` wrapped or unwrapped a data key, or why it did not (empty: it did), in the words of its source. `service`:
 * the address of the key service that was asked; NULL: this process. */
void sops_log_key(struct sops_world *w, const struct sops_key *k, bool wrapping, const char *service,
                  struct sops_slice why);

#endif
