/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h - what happens when a signal ends the program: the terminal is put right, what must not stay is removed.
 * While a program of the user's runs, relay.h has the word. */
#ifndef SOPS_CLI_SIGNALS_H
#define SOPS_CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* SIGINT, SIGTERM, SIGHUP and SIGQUIT end the program, and so do the signals of a crash; others that would end it do
 * nothing; those that were ignored stay so. Writing to a closed pipe and beyond the limit of file sizes become errors
 * of write(). */
void sops_signals_catch(void);
/* Ended by SIGINT, SIGTERM, SIGHUP or SIGQUIT, the program gives this status; negative: it ends as by the signal. */
void sops_signals_status(int status);
/* From now on the first SIGINT, SIGTERM or SIGHUP is only noted, and a second one ends the program; or no longer so. */
void sops_signals_note(bool on);
/* The one that was noted, or 0. */
int sops_signals_noted(void);
/* Ends as the signal `number` would have ended it. */
_Noreturn void sops_signals_end(int number);
/* Nobody reads stdout any more: ends as SIGPIPE would have, unless whoever started us ignores it. */
void sops_signals_closed_pipe(void);
/* The signals that are ignored here only: programs that we start must not inherit that. */
const sigset_t *sops_signals_usual(void);
/* All as it was at the start, for an exec. */
void sops_signals_restore(void);

#endif
