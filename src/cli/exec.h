/* SPDX-License-Identifier: Apache-2.0 */
/* exec.h - what exec-env and exec-file share: their words, another user, running the command
 * (docs/spec/74-kubernetes-and-exec.md#exec-env-and-exec-file). */
#ifndef SOPS_CLI_EXEC_H
#define SOPS_CLI_EXEC_H

#include "cli/inputs.h"

/* The options of the two commands. */
struct sops_exec_options {
    const char *user, *filename, *flatten, *prefix;
    const char *const *only;
    struct sops_opt_number redact_min;
    bool background, pristine, same_process, no_fifo, no_shell, upper, redact;
};
static inline const struct sops_exec_options *sops_exec_said(const struct sops_options *o) { return o->own; }
extern const struct sops_opt_table sops_opts_exec; /* --background, --user, --no-shell, --redact, --redact-min */

/* A run of one of them: what its words say, and the files. */
struct sops_exec {
    const char *const *files, *const *words; /* NULL-terminated; words[0] is the program, or the shell's command */
    size_t count;                            /* of files */
    bool shell;                              /* words are one command for /bin/sh */
    bool two_words;                          /* the form of old, with its statuses */
    struct sops_inputs inputs;
    struct sops_arena arena;
};
/* All of it in the job's `own`. Frees the job and the run. `steps` as for sops_job_run. */
bool sops_exec_job(struct sops_world *w, const struct sops_options *o, sops_step *const steps[],
                   struct sops_err *e) SOPS_CHECKED;
/* Step: takes the words apart (1), and looks at options that exclude each other (8). Warns about --background. */
bool sops_exec_arguments(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Step: opens the files. */
bool sops_exec_open(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* --user: this process becomes that user for good; `env` gets its HOME, USER and LOGNAME (NULL-terminated). Without the
 * option: nothing, and `env` is empty. */
bool sops_exec_user(const struct sops_options *o, struct sops_arena *a, const char *env[4],
                    struct sops_err *e) SOPS_CHECKED;
/* Runs `words` (those of the run, filled in) in this environment. With --background: without waiting, and without our
 * stdin, stdout and stderr. Else its status is the code of `e`, without a message: 255 (two words) or 128 + its number
 * when a signal ended it; 126 and 127 when it cannot be run or is not there. With --redact what it prints is redacted.
 */
bool sops_exec_run(struct sops_job *j, const char *const *words, char *const *env, struct sops_err *e) SOPS_CHECKED;
/* The same in place of this process; returns only when that fails. */
bool sops_exec_replace(struct sops_job *j, const char *const *words, char *const *env, struct sops_err *e) SOPS_CHECKED;
/* This process becomes the program at `path`; returns only when that fails (126). */
bool sops_exec_become(const char *path, const char *const *argv, char *const *env, struct sops_err *e) SOPS_CHECKED;

/* exec_variables.c: "NAME=value" for the entries of all files, NULL-terminated, behind `first` (NULL-terminated). Code
 * 1 for what cannot be a variable. */
bool sops_exec_variables(struct sops_job *j, const char *const *first, const char *const **list,
                         struct sops_err *e) SOPS_CHECKED;
/* exec_places.c: `words` with each place of a file replaced by its path; `paths` NULL: only looks whether the places
 * are right (1). One file: each "{}"; several: "{}" in turn, "{N}", "{BASENAME}". */
bool sops_exec_places(struct sops_exec *x, const char *const *paths, const char *const **words,
                      struct sops_err *e) SOPS_CHECKED;

#endif
