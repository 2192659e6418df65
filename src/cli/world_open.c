/* SPDX-License-Identifier: Apache-2.0 */
/* Peers to talk with for long. Sockets and programs differ only in how they begin and end: in between there is one
 * descriptor to read from and one to write to. */
#include "cli/world_real.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define WRITE_SECONDS 20 /* for a peer to take some of what is written: it may be gone, or waiting for us to read */
#define PROBE_SECONDS                                                                                                  \
    20 /* of silence, until a peer is asked whether its machine is still there, then five seconds a time */
#define GRACE_MS 1000 /* for a program to end, before a stronger signal is sent */

struct line {
    int in, out;
    pid_t pid; /* of a program, or 0 */
    bool socket, echo;
};

/* For whoever looks for a fault; that stderr cannot be written is none of ours. */
static void copy_to_stderr(const struct line *l, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    ssize_t done = 1;
    while (l->echo && n != 0 && done > 0) {
        done = write(STDERR_FILENO, from, n);
        from += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

static ptrdiff_t line_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    struct line *l = s->ctx;
    for (;;) {
        struct pollfd wait = {l->in, POLLIN, 0};
        int ready = poll(&wait, 1, timeout_ms);
        if (ready == 0) {
            return -2;
        }
        ssize_t got = ready > 0 ? read(l->in, to, n) : -1;
        if (got >= 0) {
            copy_to_stderr(l, to, (size_t)got);
            return got;
        }
        if (errno != EINTR) {
            (void)sops_fail(e, SOPS_E_GENERIC, "cannot read from the peer: %s", sops_os_error(errno));
            return -1;
        }
    }
}

static bool line_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    struct line *l = s->ctx;
    copy_to_stderr(l, bytes.ptr, bytes.len);
    while (bytes.len != 0) {
        ssize_t n = l->socket ? send(l->out, bytes.ptr, bytes.len, MSG_NOSIGNAL) : write(l->out, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return sops_fail(e, SOPS_E_GENERIC, "cannot write to the peer: %s",
                             errno == EAGAIN ? "it does not read" : sops_os_error(errno));
        }
        bytes = sops_slice_skip(bytes, (size_t)n);
    }
    return true;
}

static bool ended_within(pid_t pid, unsigned ms)
{
    const struct timespec step = {0, 1000000};
    for (unsigned passed = 0; passed < ms; passed++) {
        pid_t ended = waitpid(pid, NULL, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR)) {
            return true;
        }
        (void)nanosleep(&step, NULL);
    }
    return false;
}

static void line_close(struct sops_stream *s)
{
    struct line *l = s->ctx;
    if (l == NULL) {
        return;
    }
    (void)close(l->out);
    if (l->in != l->out) {
        (void)close(l->in);
    }
    static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
    for (size_t i = 0; l->pid > 0 && i < 3; i++) {
        (void)kill(l->pid, signals[i]);
        l->pid = ended_within(l->pid, GRACE_MS) ? 0 : l->pid;
    }
    sops_free(l);
    *s = (struct sops_stream){0};
}

/* Connects a socket that blocks; the cause when it fails. Only such a one waits for room in the queue of a unix socket:
 * one that does not block fails with EAGAIN at once (unix(7)). */
static int connect_blocking(int fd, const struct sockaddr *address, socklen_t size, unsigned ms)
{
    const struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int cause;
    do {
        cause = connect(fd, address, size) == 0 ? 0 : errno;
    } while (cause == EINTR);
    return cause == EAGAIN ? ETIMEDOUT : cause;
}

/* Connects within the time; -1 with errno. The descriptor blocks afterwards. */
static int connect_within(int family, const struct sockaddr *address, socklen_t size, unsigned ms)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (family == AF_UNIX ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0) {
        return -1;
    }
    int cause;
    if (family == AF_UNIX) {
        cause = connect_blocking(fd, address, size, ms);
    } else {
        cause = connect(fd, address, size) == 0 ? 0 : errno;
    }
    if (cause == EINPROGRESS) {
        struct pollfd wait = {fd, POLLOUT, 0};
        socklen_t length = sizeof cause;
        int ready;
        while ((ready = poll(&wait, 1, (int)ms)) < 0 && errno == EINTR) {
        }
        cause = ready == 0 ? ETIMEDOUT : errno;
        if (ready > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &length) != 0) {
            cause = errno;
        }
    }
    if (cause == 0) {
        const struct timeval patience = {.tv_sec = WRITE_SECONDS};
        (void)fcntl(fd, F_SETFL, 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        return fd;
    }
    (void)close(fd);
    errno = cause;
    return -1;
}

static bool open_unix(struct line *l, const struct sops_peer *p, unsigned ms, struct sops_err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(p->unix_path) >= sizeof address.sun_path) {
        return sops_fail(e, SOPS_E_GENERIC, "the path of the socket '%s' is too long", p->unix_path);
    }
    memcpy(address.sun_path, p->unix_path, strlen(p->unix_path) + 1);
    l->in = l->out = connect_within(AF_UNIX, (const struct sockaddr *)&address, sizeof address, ms);
    l->socket = true;
    return l->in >= 0 || sops_fail(e, SOPS_E_GENERIC, "cannot connect to '%s': %s", p->unix_path, sops_os_error(errno));
}

/* A machine that is gone is noticed while its answer is waited for; a person there may take long to give it. */
static void set_probes(int fd)
{
    const int on = 1, idle = PROBE_SECONDS, step = 5, count = 4;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &step, sizeof step);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static bool open_tcp(struct line *l, const struct sops_peer *p, unsigned ms, struct sops_err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *list = NULL;
    int why = getaddrinfo(p->host, p->port, &hints, &list);
    if (why != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot find the host '%s': %s", p->host, gai_strerror(why));
    }
    l->in = -1;
    for (const struct addrinfo *a = list; a != NULL && l->in < 0; a = a->ai_next) {
        l->in = connect_within(a->ai_family, a->ai_addr, a->ai_addrlen, ms);
    }
    int cause = errno;
    freeaddrinfo(list);
    l->out = l->in;
    l->socket = true;
    if (l->in < 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot connect to '%s', port %s: %s", p->host, p->port,
                         sops_os_error(cause));
    }
    set_probes(l->in);
    return true;
}

static bool open_program(struct line *l, struct sops_world *w, const struct sops_peer *p, struct sops_err *e)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1}, nowhere = p->quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    bool ok = sops_proc_pipe(to, e) && sops_proc_pipe(from, e) &&
              sops_world_start(w, p->argv, p->env, p->folder, (const int[3]){to[0], from[1], nowhere}, &l->pid, e);
    l->out = to[1];
    l->in = from[0];
    const int gone[] = {to[0], from[1], nowhere, ok ? -1 : to[1], ok ? -1 : from[0]};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        if (gone[i] >= 0) {
            (void)close(gone[i]);
        }
    }
    return ok;
}

bool sops_world_open(struct sops_world *w, const struct sops_peer *p, struct sops_stream *s, struct sops_err *e)
{
    unsigned ms = p->connect_ms != 0 ? p->connect_ms : CONNECT_MS;
    struct line *l = sops_alloc(sizeof *l, e);
    bool ok = l != NULL && (p->argv != NULL        ? open_program(l, w, p, e)
                            : p->unix_path != NULL ? open_unix(l, p, ms, e)
                                                   : open_tcp(l, p, ms, e));
    if (!ok) {
        sops_free(l);
        return false;
    }
    l->echo = p->echo;
    *s = (struct sops_stream){line_read, line_write, line_close, l};
    return true;
}
