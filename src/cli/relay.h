/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - signals while a program of the user's runs (the command of exec-env and exec-file, the editor).
 *
 *     sops_relay_begin(&r, kind);
 *     ok = sops_proc_start(…, .mask = &r.before, .group = r.own) && sops_relay_wait(&r, pid, &status, e);
 *     sops_relay_end(&r);
 */
#ifndef SOPS_CLI_RELAY_H
#define SOPS_CLI_RELAY_H

#include "base/base.h"

#include <signal.h>
#include <sys/types.h>

enum sops_relay_kind {
    SOPS_RELAY_COMMAND, /* signals are the command's; this process waits until it has ended */
    SOPS_RELAY_EDITOR,  /* signals end this process, and the editor is told; but Ctrl-C at the terminal is the editor's
                         */
};

struct sops_relay {
    enum sops_relay_kind kind;
    sigset_t waited, before; /* what is waited for; what was blocked before */
    sigset_t came;
    bool own; /* the program is to lead a process group of its own */
    /* Called with `arg`, when they are set between begin and wait: the program has ended, and this process may be about
     * to; the terminal has another size, which the program is told of afterwards. */
    void (*on_end)(void *arg);
    void (*on_resize)(void *arg);
    void *arg;
};

/* From here on signals wait for sops_relay_wait; other threads must not take them. A command gets a process group of
 * its own where there is no terminal. On a terminal it stays in ours, so that pipes and job control work: the terminal
 * sends its signals to the whole group then, and they are not sent again. */
void sops_relay_begin(struct sops_relay *r, enum sops_relay_kind kind);
/* Waits for the end of the program, and takes the status of whatever else ends (the first process of a container gets
 * orphans as children). Signals go to the command with all that it started in its group, each process once. `status` as
 * from sops_proc_wait. When a signal that was for both ended the command, it waits for those that the command started
 * and that do not ignore the signal, too, and the status is that of the last one: a shell dies while its program still
 * shuts down. Does not return when that one was ended by such a signal as well: this process ends by it. */
bool sops_relay_wait(struct sops_relay *r, pid_t pid, int *status, struct sops_err *e) SOPS_CHECKED;
/* Signals are this process's again. Not needed where it has only to end. */
void sops_relay_end(const struct sops_relay *r);

#endif
