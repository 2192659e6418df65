/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run to their end. Input and both outputs are served at the same time, so that neither side can wait
 * for the other for ever, whatever the program does first. */
#include "cli/world_real.h"

#include "base/proc.h"
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define USUAL_LIMIT ((size_t)1 << 20)

bool sops_world_start(struct sops_world *w, const char *const *argv, const char *const *env, const char *folder,
                      const int fd[3], pid_t *pid, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct sops_arena arena = {0};
    char **merged = NULL;
    bool ok = sops_proc_find(argv[0], w->env(w, "PATH"), &path, e) && sops_buf_cstr(&path, e) != NULL &&
              sops_proc_environment(&arena, (const char *const *)environ, env, &merged, e);
    if (ok) {
        struct sops_start s = {
            .path = (const char *)path.ptr,
            .folder = folder,
            .argv = (char *const *)(uintptr_t)argv,
            .env = merged,
            .fd = {fd[0], fd[1], fd[2]},
            .usual = sops_signals_usual(),
        };
        ok = sops_proc_start(&s, pid, e);
    }
    sops_arena_free(&arena);
    sops_buf_free(&path);
    return ok;
}

/* The three pipes of a running program: its end of each, then ours; -1: none. */
struct pipes {
    int theirs[3], ours[3];
    const char *name;
    size_t limit;
    unsigned timeout_ms;
};

static void close_all(int fd[3])
{
    for (int i = 0; i < 3; i++) {
        if (fd[i] >= 0) {
            (void)close(fd[i]);
        }
        fd[i] = -1;
    }
}

static bool make_pipes(struct pipes *p, const struct sops_command *c, struct sops_err *e)
{
    const bool wanted[3] = {c->input.len != 0, true, !c->show_stderr};
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (!wanted[i]) {
            continue;
        }
        if (!sops_proc_pipe(ends, e)) {
            return false;
        }
        p->theirs[i] = ends[i == 0 ? 0 : 1];
        p->ours[i] = ends[i == 0 ? 1 : 0];
        (void)fcntl(p->ours[i], F_SETFL, O_NONBLOCK);
    }
    if (!wanted[0]) {
        p->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return p->theirs[0] >= 0 || sops_fail(e, SOPS_E_GENERIC, "cannot open '/dev/null': %s", sops_os_error(errno));
    }
    return true;
}

static void shut(int *fd)
{
    (void)close(*fd);
    *fd = -1;
}

/* A program need not read its input: a closed pipe is no failure. */
static void feed(struct pipes *p, struct sops_slice *input)
{
    ssize_t n = write(p->ours[0], input->ptr, input->len);
    if (n > 0) {
        *input = sops_slice_skip(*input, (size_t)n);
    }
    if (input->len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        shut(&p->ours[0]);
    }
}

/* Of stdout everything is wanted, or it is a failure; of stderr what is over the limit is dropped. */
static bool drain(struct pipes *p, int i, struct sops_buf *out, struct sops_err *e)
{
    uint8_t room[16384];
    ssize_t n = read(p->ours[i], room, sizeof room);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        shut(&p->ours[i]);
    }
    bool ok = true;
    if (n > 0) {
        size_t left = p->limit - out->len, more = (size_t)n;
        if (more > left && i == 1) {
            ok = sops_fail(e, SOPS_E_GENERIC, "'%s' wrote more than %zu bytes", p->name, p->limit);
        } else {
            ok = sops_buf_add(out, sops_slice_of(room, more < left ? more : left), e);
        }
    }
    sops_wipe(room, sizeof room);
    return ok;
}

/* How long to wait for the next event: -1 for ever, 0 when the time is over. */
static int time_left(int64_t end)
{
    int64_t left = end - sops_clock_ms();
    return end == 0 ? -1 : left > 0 ? (int)(left < 3600000 ? left : 3600000) : 0;
}

static bool serve(struct pipes *p, struct sops_slice input, struct sops_outcome *o, struct sops_err *e)
{
    int64_t end = p->timeout_ms == 0 ? 0 : sops_clock_ms() + p->timeout_ms;
    while (p->ours[0] >= 0 || p->ours[1] >= 0 || p->ours[2] >= 0) {
        struct pollfd wait[3] = {{p->ours[0], POLLOUT, 0}, {p->ours[1], POLLIN, 0}, {p->ours[2], POLLIN, 0}};
        int left = time_left(end);
        if (left == 0) {
            return sops_fail(e, SOPS_E_GENERIC, "'%s' did not end within %u seconds", p->name, p->timeout_ms / 1000);
        }
        if (poll(wait, 3, left) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return sops_fail(e, SOPS_E_GENERIC, "cannot wait for '%s': %s", p->name, sops_os_error(errno));
        }
        if (wait[0].revents != 0) {
            feed(p, &input);
        }
        if ((wait[1].revents != 0 && !drain(p, 1, &o->out, e)) || (wait[2].revents != 0 && !drain(p, 2, &o->err, e))) {
            return false;
        }
    }
    return true;
}

bool sops_world_run(struct sops_world *w, const struct sops_command *c, struct sops_outcome *o, struct sops_err *e)
{
    struct pipes p = {{-1, -1, -1}, {-1, -1, -1}, c->argv[0], c->limit != 0 ? c->limit : USUAL_LIMIT, c->timeout_ms};
    pid_t pid = 0;
    bool started = make_pipes(&p, c, e) && sops_world_start(w, c->argv, c->env, NULL, p.theirs, &pid, e);
    close_all(p.theirs);
    bool ok = started && serve(&p, c->input, o, e);
    close_all(p.ours);
    if (started && !ok) {
        (void)kill(pid, SIGKILL);
    }
    ok = (!started || sops_proc_wait(pid, &o->status, e)) && ok;
    if (o->status >= SOPS_PROC_SIGNAL) {
        o->status += 128 - SOPS_PROC_SIGNAL;
    }
    if (!ok) {
        sops_outcome_free(o);
    }
    return ok;
}
