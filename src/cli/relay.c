/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are not caught here but waited for, together with the one that tells of a child's end: so all of this is
 * ordinary code, and nothing can come in between. */
#include "cli/relay.h"

#include "base/proc.h"
#include "base/proc_group.h"
#include "cli/signals.h"
#include "cli/world_term.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const int relayed[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void sops_relay_begin(struct sops_relay *r, enum sops_relay_kind kind)
{
    *r = (struct sops_relay){.kind = kind, .own = kind == SOPS_RELAY_COMMAND && !sops_term_is_there()};
    (void)sigemptyset(&r->came);
    (void)sigemptyset(&r->waited);
    (void)sigaddset(&r->waited, SIGCHLD);
    for (size_t i = 0; i < sizeof relayed / sizeof *relayed; i++) {
        if (!is_ignored(relayed[i])) {
            (void)sigaddset(&r->waited, relayed[i]);
        }
    }
    if (kind == SOPS_RELAY_COMMAND) {
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* so that what the command leaves behind can be waited for */
    }
    (void)pthread_sigmask(SIG_BLOCK, &r->waited, &r->before);
}

void sops_relay_end(const struct sops_relay *r) { (void)pthread_sigmask(SIG_SETMASK, &r->before, NULL); }

/* Did the terminal send it, and to the program as well? When a line hangs up only the first process of the session is
 * told. */
static bool is_the_terminals(const siginfo_t *what)
{
    return what->si_code > 0 && (what->si_signo != SIGHUP || getsid(0) != getpid());
}

static void tell_editor(pid_t editor, const siginfo_t *what)
{
    switch (what->si_signo) {
    case SIGINT:
    case SIGQUIT:
        if (!is_the_terminals(what)) {
            sops_signals_end(what->si_signo);
        }
        break;
    case SIGTERM:
    case SIGHUP:
        (void)kill(editor, what->si_signo);
        sops_signals_end(what->si_signo);
    default:
        break;
    }
}

/* What is known of the end of a program. */
struct outcome {
    bool ended;
    int status; /* its own */
    int left;   /* of what it left behind and ended last, after a signal had come; or -1 */
};

/* Takes the status of all that has ended. False: there is no child any more. */
static bool reap(const struct sops_relay *r, pid_t pid, struct outcome *o)
{
    int how;
    pid_t one;
    while ((one = waitpid(-1, &how, WNOHANG)) > 0) {
        if (one == pid) {
            o->ended = true;
            o->status = sops_proc_status(how);
        } else if (sigisemptyset(&r->came) == 0) {
            o->left = sops_proc_status(how);
        }
    }
    return one == 0;
}

/* The signal that has ended the program, when it was for both; or 0. */
static int common_end(const struct sops_relay *r, int status)
{
    int number = status >= SOPS_PROC_SIGNAL ? status - SOPS_PROC_SIGNAL : 0;
    return number != 0 && sigismember(&r->came, number) == 1 ? number : 0;
}

/* Is all over? A shell dies of the signal before the program that it waits for has shut down: then it is not, and the
 * status is that program's. */
static bool is_over(const struct sops_relay *r, const struct sops_group *g, bool children, struct outcome *o)
{
    int number = o->ended ? common_end(r, o->status) : 0;
    if (r->kind == SOPS_RELAY_EDITOR || number == 0) {
        return o->ended;
    }
    if (children && sops_group_remains(g, number)) {
        return false;
    }
    if (o->left >= 0) {
        o->status = o->left;
    }
    return true;
}

static void pass_on(struct sops_relay *r, const struct sops_group *g, const siginfo_t *what)
{
    (void)sigaddset(&r->came, what->si_signo);
    if (r->kind == SOPS_RELAY_EDITOR) {
        tell_editor(g->leader, what);
        return;
    }
    bool resized = what->si_signo == SIGWINCH && r->on_resize != NULL;
    if (resized) {
        r->on_resize(r->arg);
    }
    if (resized || r->own || !is_the_terminals(what)) {
        sops_group_signal(g, what->si_signo);
    }
}

bool sops_relay_wait(struct sops_relay *r, pid_t pid, int *status, struct sops_err *e)
{
    const struct sops_group group = {.leader = pid, .own = r->own};
    struct outcome o = {.left = -1};
    bool over = false;
    while (!over) {
        siginfo_t what;
        int number = sigwaitinfo(&r->waited, &what);
        if (number == SIGCHLD) {
            bool children = reap(r, pid, &o);
            over = is_over(r, &group, children, &o);
            if (!over && !children) {
                return sops_fail(e, SOPS_E_GENERIC, "the end of a program was not told");
            }
        } else if (number > 0) {
            pass_on(r, &group, &what);
        } else if (errno != EINTR) {
            return sops_fail(e, SOPS_E_GENERIC, "cannot wait for a program: %s", sops_os_error(errno));
        }
    }
    if (r->on_end != NULL) {
        r->on_end(r->arg);
    }
    int end = common_end(r, o.status);
    if (end != 0) {
        sops_signals_end(end);
    }
    *status = o.status;
    return true;
}
