/* SPDX-License-Identifier: Apache-2.0 */
/* exec.h - what exec-env and exec-file share: their words, another user, running the command
 * (docs/spec/50-cli.md#exec-env-and-exec-file). */
#ifndef SOPS_CLI_EXEC_H
#define SOPS_CLI_EXEC_H

#include "cli/steps.h"

/* The options of the two commands. */
struct sops_exec_options {
    const char *user, *filename;
    bool background, pristine, same_process, no_fifo;
};
static inline const struct sops_exec_options *sops_exec_said(const struct sops_options *o) { return o->own; }
extern const struct sops_opt_table sops_opts_exec; /* --background, --user */

/* Step: FILE and one COMMAND for the shell, or FILE -- and a program with its arguments, which is run without a shell;
 * else 1. Sets j->path. Warns about --background. */
bool sops_exec_arguments(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* --user: this process becomes that user for good; `env` gets its HOME, USER and LOGNAME (NULL-terminated). Without the
 * option: nothing, and `env` is empty. */
bool sops_exec_user(const struct sops_options *o, struct sops_arena *a, const char *env[4],
                    struct sops_err *e) SOPS_CHECKED;
/* The argv to run, each "{}" replaced by `place` (NULL: none is). */
bool sops_exec_words(const struct sops_options *o, struct sops_arena *a, const char *place, const char *const **argv,
                     struct sops_err *e) SOPS_CHECKED;
/* Runs it in this environment. With --background: without waiting, and without our stdin, stdout and stderr. Else its
 * status is the code of `e`, without a message: 255 when a signal ended it. */
bool sops_exec_run(struct sops_job *j, const char *const *argv, char *const *env, struct sops_err *e) SOPS_CHECKED;
/* In place of this process; returns only when that fails. */
bool sops_exec_replace(struct sops_job *j, const char *const *argv, char *const *env, struct sops_err *e) SOPS_CHECKED;

#endif
