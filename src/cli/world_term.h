/* SPDX-License-Identifier: Apache-2.0 */
/* world_term.h - questions on the terminal, never on stdin and stdout of a pipeline
 * (docs/spec/61-age.md#terminal-and-plugin-messages). */
#ifndef SOPS_CLI_WORLD_TERM_H
#define SOPS_CLI_WORLD_TERM_H

#include "core/world.h"

/* sops_world.ask */
bool sops_world_ask(struct sops_world *w, const struct sops_question *q, struct sops_buf *answer,
                    struct sops_err *e) SOPS_CHECKED;
/* Has this process a controlling terminal? */
bool sops_term_is_there(void);
/* Gives the terminal back as it was before a question; async-signal-safe; does nothing when none is asked. */
void sops_term_restore(void);

#endif
