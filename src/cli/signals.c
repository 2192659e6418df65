/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the handler does is async-signal-safe: it walks fixed lists and makes system calls. */
#include "cli/signals.h"

#include "base/file.h"
#include "cli/world_term.h"

#include <stdatomic.h>
#include <unistd.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int ignored[] = {SIGPIPE, SIGXFSZ};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static atomic_int end_status = -1;
static atomic_int child;
static sigset_t usual, caught;

static void end(int number)
{
    pid_t pid = atomic_load(&child);
    int status = atomic_load(&end_status);
    if (pid > 0 && (number == SIGTERM || number == SIGHUP)) {
        (void)kill(pid, number);
    }
    sops_term_restore();
    sops_temp_remove_all();
    if (status >= 0) {
        _exit(status);
    }
    sigset_t one;
    (void)signal(number, SIG_DFL);
    (void)sigemptyset(&one);
    (void)sigaddset(&one, number);
    (void)raise(number);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
    _exit(128 + number);
}

void sops_signals_catch(void)
{
    struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART}, before;
    (void)sigfillset(&action.sa_mask);
    (void)sigemptyset(&usual);
    (void)sigemptyset(&caught);
    for (size_t i = 0; i < COUNT(ending); i++) {
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            (void)sigaction(ending[i], &action, NULL);
            (void)sigaddset(&caught, ending[i]);
        }
    }
    for (size_t i = 0; i < COUNT(ignored); i++) {
        if (signal(ignored[i], SIG_IGN) != SIG_IGN) {
            (void)sigaddset(&usual, ignored[i]);
        }
    }
}

void sops_signals_closed_pipe(void)
{
    if (sigismember(&usual, SIGPIPE) == 1) {
        atomic_store(&end_status, -1);
        end(SIGPIPE);
    }
}

void sops_signals_status(int status) { atomic_store(&end_status, status); }

void sops_signals_child(pid_t pid) { atomic_store(&child, pid); }

const sigset_t *sops_signals_usual(void) { return &usual; }

void sops_signals_restore(void)
{
    for (size_t i = 0; i < COUNT(ending); i++) {
        if (sigismember(&caught, ending[i]) == 1) {
            (void)signal(ending[i], SIG_DFL);
        }
    }
    for (size_t i = 0; i < COUNT(ignored); i++) {
        if (sigismember(&usual, ignored[i]) == 1) {
            (void)signal(ignored[i], SIG_DFL);
        }
    }
}
