/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h - what happens when a signal ends the program: the terminal is put right, what must not stay is removed. */
#ifndef SOPS_CLI_SIGNALS_H
#define SOPS_CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* Catches SIGINT, SIGTERM, SIGHUP and SIGQUIT, those that were ignored excepted; writing to a closed pipe and beyond
 * the limit of file sizes become errors of write(). */
void sops_signals_catch(void);
/* Ended by one of them, the program gives this status; negative: it ends as the signal would have ended it. */
void sops_signals_status(int status);
/* Nobody reads stdout any more: ends as SIGPIPE would have, unless whoever started us ignores it. */
void sops_signals_closed_pipe(void);
/* This program is told of SIGTERM and SIGHUP, too; 0: none. (A SIGINT of the terminal reaches it anyway.) */
void sops_signals_child(pid_t pid);
/* The signals that are ignored here only: programs that we start must not inherit that. */
const sigset_t *sops_signals_usual(void);
/* All as it was at the start, for an exec. */
void sops_signals_restore(void);

#endif
