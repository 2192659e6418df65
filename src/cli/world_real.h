/* SPDX-License-Identifier: Apache-2.0 */
/* world_real.h - the real world: the one that main gives to every command. */
#ifndef SOPS_CLI_WORLD_REAL_H
#define SOPS_CLI_WORLD_REAL_H

#include "core/world.h"

#include <sys/types.h>

/* Fills the table (audit excepted) and catches signals. To be freed with sops_world_forget. */
void sops_world_real(struct sops_world *w);

/* world_run.c and world_open.c */
bool sops_world_run(struct sops_world *w, const struct sops_command *c, struct sops_outcome *o,
                    struct sops_err *e) SOPS_CHECKED;
bool sops_world_open(struct sops_world *w, const struct sops_peer *p, struct sops_stream *s,
                     struct sops_err *e) SOPS_CHECKED;

/* Finds and starts the program argv[0] with `env` added to the environment; fd as for sops_proc_start. */
bool sops_world_start(struct sops_world *w, const char *const *argv, const char *const *env, const char *folder,
                      const int fd[3], pid_t *pid, struct sops_err *e) SOPS_CHECKED;

#endif
