/* SPDX-License-Identifier: Apache-2.0 */
/* redact.h - what a program prints goes through us, and the encrypted values stay here
 * (docs/spec/74-kubernetes-and-exec.md#--redact). */
#ifndef SOPS_CLI_REDACT_H
#define SOPS_CLI_REDACT_H

#include "cli/inputs.h"
#include "cli/relay.h"
#include "core/redactor.h"

struct sops_redaction;
/* For the values of all files; says on stderr how many are too short. `least`: --redact-min. NULL with `e` set (1). */
struct sops_redaction *sops_redaction_new(const struct sops_inputs *files, struct sops_opt_number least,
                                          struct sops_err *e) SOPS_CHECKED;
/* Makes a pipe for each output, or a pseudo-terminal where ours is a terminal, and tells the relay what to do about
 * its size and at the end of the program. */
bool sops_redaction_begin(struct sops_redaction *r, struct sops_relay *relay, struct sops_err *e) SOPS_CHECKED;
/* The program's stdin (-1: ours), stdout and stderr. */
const int *sops_redaction_fds(const struct sops_redaction *r);
/* The program has them: from now on what comes is passed on. */
bool sops_redaction_started(struct sops_redaction *r, struct sops_err *e) SOPS_CHECKED;
/* The program has ended: did all that it printed come out? Code 1; that nobody read it is no failure. */
bool sops_redaction_done(struct sops_redaction *r, struct sops_err *e) SOPS_CHECKED;
/* Lets out what is left (see sops_relay.ended), closes and frees all; NULL is fine. */
void sops_redaction_free(struct sops_redaction *r);

#endif
