/* SPDX-License-Identifier: Apache-2.0 */
/* Each output has a thread of its own that reads, redacts and writes. At the end of the program the other end of a pipe
 * is closed, which both wait for beside their output: whoever keeps an output open then has a second left. */
#include "cli/redact.h"

#include "base/file.h"
#include "base/proc.h"
#include "cli/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ROOM ((size_t)256 << 10)
#define PIPE_SIZE (1 << 20)
#define LAST_MS 1000

/* One of the two outputs. */
struct outlet {
    int ours, theirs; /* ends of the pipe or pseudo-terminal; -1: closed */
    int to;           /* where it goes: 1 or 2 */
    int stop;         /* hangs up at the end of the program */
    bool terminal, running;
    bool unread; /* nobody reads what we write: no failure */
    pthread_t thread;
    struct sops_redactor redactor;
    struct sops_buf ready;
    struct sops_err why;
};
struct sops_redaction {
    struct sops_redact what;
    struct outlet out[2];
    int stop[2];
    int fds[3];
};

static void warn_short(const struct sops_redact *what)
{
    if (what->left_out == 1) {
        sops_ui_warn("1 value is shorter than %zu bytes and is not redacted: %.*s", what->least,
                     SOPS_ARG(what->short_names));
    } else if (what->left_out != 0) {
        sops_ui_warn("%zu values are shorter than %zu bytes and are not redacted: %.*s", what->left_out, what->least,
                     SOPS_ARG(what->short_names));
    }
}

struct sops_redaction *sops_redaction_new(const struct sops_inputs *files, struct sops_opt_number least,
                                          struct sops_err *e)
{
    struct sops_redaction *r = sops_alloc(sizeof *r, e);
    if (r == NULL) {
        return NULL;
    }
    r->what.least = least.given ? (size_t)least.value : SOPS_REDACT_USUAL;
    r->stop[0] = r->stop[1] = -1;
    for (int i = 0; i < 2; i++) {
        r->out[i] = (struct outlet){.ours = -1, .theirs = -1, .to = STDOUT_FILENO + i, .redactor = {.what = &r->what}};
    }
    bool ok = true;
    for (size_t i = 0; ok && i < files->count; i++) {
        const struct sops_doc *d = sops_envelope_clear(files->file[i].env, e);
        ok = d != NULL && sops_redact_add(&r->what, d, e);
    }
    if (!ok || !sops_redact_build(&r->what, e)) {
        sops_redaction_free(r);
        return NULL;
    }
    warn_short(&r->what);
    return r;
}

/* ---- pipes and pseudo-terminals --------------------------------------------------------------------------------- */

/* The size of our terminal becomes that of the program's. */
static void copy_size(const struct outlet *o)
{
    struct winsize size;
    if (o->terminal && o->ours >= 0 && ioctl(o->to, TIOCGWINSZ, &size) == 0) {
        (void)ioctl(o->ours, TIOCSWINSZ, &size);
    }
}

/* As ours is set, but that it changes nothing of what is printed: ours does that. */
static bool set_modes(const struct outlet *o)
{
    struct termios modes;
    if (tcgetattr(o->to, &modes) != 0 && tcgetattr(o->theirs, &modes) != 0) {
        return false;
    }
    modes.c_oflag &= ~(tcflag_t)OPOST;
    modes.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(o->theirs, TCSANOW, &modes) == 0;
}

static bool make_terminal(struct outlet *o, struct sops_err *e)
{
    char name[64];
    o->ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool ok = o->ours >= 0 && grantpt(o->ours) == 0 && unlockpt(o->ours) == 0 &&
              ptsname_r(o->ours, name, sizeof name) == 0 &&
              (o->theirs = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0 && set_modes(o);
    o->terminal = true;
    copy_size(o);
    return ok || sops_fail(e, SOPS_E_GENERIC, "cannot make a pseudo-terminal: %s", sops_os_error(errno)) ||
           sops_hint(e, "without a terminal it is a pipe: send the output through cat");
}

static bool make_outlet(struct outlet *o, struct sops_err *e)
{
    int ends[2];
    if (isatty(o->to) == 1) {
        return make_terminal(o, e);
    }
    if (!sops_proc_pipe(ends, e)) {
        return false;
    }
    o->ours = ends[0];
    o->theirs = ends[1];
    (void)fcntl(o->ours, F_SETPIPE_SZ, PIPE_SIZE); /* less is as good, but slower */
    return true;
}

static void shut(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

/* ---- the threads ------------------------------------------------------------------------------------------------- */

/* Waits for more. False when there will be none: the time after the end of the program is over. */
static bool wait_for_more(const struct outlet *o, int *stop, int64_t *left)
{
    struct pollfd wait[2] = {{o->ours, POLLIN, 0}, {*stop, POLLIN, 0}};
    int64_t begin = sops_clock_ms();
    int n = poll(wait, *stop >= 0 ? 2 : 1, *stop >= 0 ? -1 : (int)*left);
    if (*stop < 0) {
        *left -= sops_clock_ms() - begin + (n > 0); /* who prints without end has no more time than others */
    } else if (n > 0 && wait[1].revents != 0) {
        *stop = -1;
    }
    return (n > 0 || (n < 0 && errno == EINTR)) && *left > 0;
}

/* One reading; false at the end. */
static bool read_more(struct outlet *o)
{
    struct sops_buf *held = &o->redactor.held;
    struct pollfd wait = {o->ours, POLLIN, 0};
    if (poll(&wait, 1, 0) == 0) {
        return true; /* it was the other one */
    }
    if (!sops_buf_reserve(held, ROOM, &o->why)) {
        return false;
    }
    ssize_t n = read(o->ours, held->ptr + held->len, ROOM);
    held->len += n > 0 ? (size_t)n : 0;
    bool interrupted = n < 0 && errno == EINTR;
    if (n < 0 && !interrupted && !(o->terminal && errno == EIO)) { /* so ends a terminal that nobody has open */
        (void)sops_fail(&o->why, SOPS_E_READ, "it cannot be read: %s", sops_os_error(errno));
    }
    return n > 0 || interrupted;
}

/* Redacts and writes; false when nobody reads, so that the program's next write fails, too. */
static bool pass_output(struct outlet *o, bool last)
{
    sops_buf_cut(&o->ready, 0);
    if (!sops_redactor_feed(&o->redactor, last, &o->ready, &o->why)) {
        return false;
    }
    bool ok = o->ready.len == 0 || sops_fd_write(o->to, "the output", sops_buf_view(&o->ready), &o->why);
    o->unread = !ok && errno == EPIPE;
    return ok;
}

static void *serve_output(void *arg)
{
    struct outlet *o = arg;
    int stop = o->stop;
    int64_t left = LAST_MS;
    bool open = true;
    while (open && wait_for_more(o, &stop, &left) && read_more(o)) {
        open = pass_output(o, false);
    }
    if (open) {
        (void)pass_output(o, true);
    }
    shut(&o->ours);
    return NULL;
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static void finish(struct sops_redaction *r)
{
    shut(&r->stop[1]);
    for (int i = 0; i < 2; i++) {
        shut(&r->out[i].theirs);
        if (r->out[i].running) {
            (void)pthread_join(r->out[i].thread, NULL);
        }
        r->out[i].running = false;
        shut(&r->out[i].ours);
    }
    shut(&r->stop[0]);
}

static void on_end(void *arg) { finish(arg); }

static void on_resize(void *arg)
{
    const struct sops_redaction *r = arg;
    copy_size(&r->out[0]);
    copy_size(&r->out[1]);
}

bool sops_redaction_begin(struct sops_redaction *r, struct sops_relay *relay, struct sops_err *e)
{
    relay->on_end = on_end;
    relay->on_resize = on_resize;
    relay->arg = r;
    if (!sops_proc_pipe(r->stop, e) || !make_outlet(&r->out[0], e) || !make_outlet(&r->out[1], e)) {
        return false;
    }
    r->fds[0] = -1;
    r->fds[1] = r->out[0].theirs;
    r->fds[2] = r->out[1].theirs;
    return true;
}

const int *sops_redaction_fds(const struct sops_redaction *r) { return r->fds; }

bool sops_redaction_started(struct sops_redaction *r, struct sops_err *e)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* signals are for the thread that waits for the program */
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    for (int i = 0; i < 2; i++) {
        struct outlet *o = &r->out[i];
        shut(&o->theirs);
        o->stop = r->stop[0];
        o->running = pthread_create(&o->thread, NULL, serve_output, o) == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return (r->out[0].running && r->out[1].running) ||
           sops_fail(e, SOPS_E_GENERIC, "cannot start a thread that redacts");
}

bool sops_redaction_done(struct sops_redaction *r, struct sops_err *e)
{
    finish(r);
    for (int i = 0; i < 2; i++) {
        const struct sops_err *why = &r->out[i].why;
        if (why->code != SOPS_OK && !r->out[i].unread) {
            return sops_fail(e, SOPS_E_GENERIC, "what the command printed is not complete: %s", why->msg);
        }
    }
    return true;
}

void sops_redaction_free(struct sops_redaction *r)
{
    if (r == NULL) {
        return;
    }
    finish(r);
    for (int i = 0; i < 2; i++) {
        sops_redactor_free(&r->out[i].redactor);
        sops_buf_free(&r->out[i].ready);
        sops_err_clear(&r->out[i].why);
    }
    sops_redact_free(&r->what);
    sops_free(r);
}
