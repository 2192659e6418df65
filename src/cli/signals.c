/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the handlers do is async-signal-safe: they walk fixed lists and make system calls. */
#include "cli/signals.h"

#include "base/file.h"
#include "cli/world_term.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int crashing[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
/* What nobody sends to end us; so are the real-time signals. */
static const int meaningless[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXCPU};
static const int ignored[] = {SIGPIPE, SIGXFSZ};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static atomic_int end_status = -1, noted;
static atomic_bool noting;
static sigset_t usual, caught;
static unsigned char crash_stack[65536]; /* when the usual one is what is at its end */

static _Noreturn void die(int number)
{
    sigset_t one;
    sops_term_restore();
    sops_temp_remove_all();
    (void)signal(number, SIG_DFL);
    (void)sigemptyset(&one);
    (void)sigaddset(&one, number);
    (void)raise(number);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
    _exit(128 + number); /* the first process of a container is not ended by the usual treatment */
}

void sops_signals_end(int number)
{
    int status = atomic_load(&end_status);
    if (status >= 0) {
        sops_term_restore();
        sops_temp_remove_all();
        _exit(status);
    }
    die(number);
}

static void end(int number)
{
    int none = 0;
    if (atomic_load(&noting) && number != SIGQUIT && atomic_compare_exchange_strong(&noted, &none, number)) {
        return;
    }
    sops_signals_end(number);
}

void sops_signals_note(bool on) { atomic_store(&noting, on); }

int sops_signals_noted(void) { return atomic_load(&noted); }

static void crash(int number) { die(number); }

/* Not ignored: programs that we or a library start would inherit that. */
static void do_nothing(int number) { (void)number; }

/* `usual_only`: not where somebody else (a sanitizer) has a handler already. */
static void handle(int number, void (*handler)(int), int flags, bool usual_only)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | flags}, before;
    (void)sigfillset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN &&
        (!usual_only || before.sa_handler == SIG_DFL)) {
        (void)sigaction(number, &action, NULL);
        (void)sigaddset(&caught, number);
    }
}

static void catch_crashes(void)
{
    stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof crash_stack}, before;
    if (sigaltstack(NULL, &before) == 0 && (before.ss_flags & SS_DISABLE) != 0) {
        (void)sigaltstack(&stack, NULL);
    }
    for (size_t i = 0; i < COUNT(crashing); i++) {
        handle(crashing[i], crash, SA_ONSTACK, true);
    }
}

void sops_signals_catch(void)
{
    (void)sigemptyset(&usual);
    (void)sigemptyset(&caught);
    for (size_t i = 0; i < COUNT(ending); i++) {
        handle(ending[i], end, 0, false);
    }
    for (size_t i = 0; i < COUNT(meaningless); i++) {
        handle(meaningless[i], do_nothing, 0, true);
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
        handle(number, do_nothing, 0, true);
    }
    catch_crashes();
    for (size_t i = 0; i < COUNT(ignored); i++) {
        if (signal(ignored[i], SIG_IGN) != SIG_IGN) {
            (void)sigaddset(&usual, ignored[i]);
        }
    }
    (void)signal(SIGCHLD, SIG_DFL); /* where it is ignored, nobody can wait for a program */
}

void sops_signals_closed_pipe(void)
{
    if (sigismember(&usual, SIGPIPE) == 1) {
        die(SIGPIPE);
    }
}

void sops_signals_status(int status) { atomic_store(&end_status, status); }

const sigset_t *sops_signals_usual(void) { return &usual; }

void sops_signals_restore(void)
{
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(&caught, number) == 1 || sigismember(&usual, number) == 1) {
            (void)signal(number, SIG_DFL);
        }
    }
}
