/* SPDX-License-Identifier: Apache-2.0 */
/* proc_group.h - the processes of a command: the program that was started, and what it started itself. */
#ifndef SOPS_BASE_PROC_GROUP_H
#define SOPS_BASE_PROC_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* `own`: the command is a process group of its own, whose number is `leader`. Else it shares ours, with programs that
 * are no business of ours (the other side of a pipe, the script that called us): of these only `leader`, and our
 * descendants that did not leave the group, belong to it. */
struct sops_group {
    pid_t leader;
    bool own;
};
/* Sends the signal `number` to all of them, to each once. Where /proc cannot be read, a shared group is `leader` alone.
 */
void sops_group_signal(const struct sops_group *g, int number);
/* Does one of them still run that `number` reaches, i.e. that does not ignore it? */
bool sops_group_remains(const struct sops_group *g, int number);

#endif
