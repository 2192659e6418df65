/* SPDX-License-Identifier: Apache-2.0 */
/* Each connection has a process of its own: its memory ends with it, a key source that asks somebody holds up nobody
 * else, and what goes wrong in one is not felt by the others. */
#include "services/server.h"

#include "base/file.h"
#include "core/key.h"
#include "core/log.h"
#include "services/grpc.h"
#include "services/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CLIENTS 128 /* further ones wait in the queue of the kernel */
#define GREETING_MS 20000
#define REQUEST_MS 60000
#define IDLE_MS 600000
#define WRITE_SECONDS 30 /* for a client to take some of an answer */
#define MAX_SHOWN 1024   /* bytes of a key's name in the prompt */
#define GOODBYE_MS 1000  /* for clients' processes to end */

struct server {
    struct sops_world *world;
    const struct sops_server *said;
    int listener, signals;
    sigset_t mask;           /* as it was */
    pthread_mutex_t *asking; /* shared by all processes: one question at a time */
    pid_t client[MAX_CLIENTS];
    size_t clients;
};

/* ---- one request ------------------------------------------------------------------------------------------------- */

static void give_up(struct sops_grpc_answer *a, unsigned code, const struct sops_err *e)
{
    struct sops_err ignored = {0};
    struct sops_slice words = e->detail.len != 0 ? sops_buf_view(&e->detail) : sops_str(e->msg);
    a->code = code;
    (void)!sops_buf_add(&a->words, words, &ignored);
}

static void refuse(struct sops_grpc_answer *a, unsigned code, const char *words)
{
    struct sops_err ignored = {0};
    a->code = code;
    (void)!sops_buf_adds(&a->words, words, &ignored);
}

/* Control characters of a client, those of UTF-8 too, do not reach the terminal; nor does a text without end. */
static void make_harmless(struct sops_buf *text)
{
    if (text->len > MAX_SHOWN) {
        sops_buf_cut(text, MAX_SHOWN);
    }
    for (size_t i = 0; i < text->len; i++) {
        uint8_t *c = &text->ptr[i];
        if (*c == 0xc2 && i + 1 < text->len && c[1] < 0xa0) {
            c[0] = c[1] = '?';
        }
        *c = *c < 0x20 || *c == 0x7f ? '?' : *c;
    }
}

/* How the prompt names a key: what has a context is named without it. */
static bool describe(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    if (k->source->title == NULL) {
        return sops_buf_adds(out, "Unknown key type", e);
    }
    bool plain = k->source->show == NULL;
    for (const struct sops_keyfield *f = k->source->fields; f->meta != NULL; f++) {
        plain = plain || (f->flags & SOPS_FIELD_MAP) != 0;
    }
    bool ok = sops_buf_addf(out, e, "%s ", k->source->title) &&
              (plain ? sops_buf_add(out, k->field[0], e) : k->source->show(k, out, e));
    make_harmless(out);
    return ok;
}

static bool ask(const struct server *s, bool encrypt, const struct sops_key *k, bool *yes, struct sops_err *e)
{
    struct sops_buf name = {0}, prompt = {0};
    const char *text = NULL;
    bool ok = describe(k, &name, e) &&
              sops_buf_addf(&prompt, e, "\nReceived %s request using %.*s. Respond to request? (y/n): ",
                            encrypt ? "encrypt" : "decrypt", SOPS_ARG(name)) &&
              (text = sops_buf_cstr(&prompt, e)) != NULL;
    if (ok) {
        if (pthread_mutex_lock(s->asking) == EOWNERDEAD) {
            (void)pthread_mutex_consistent(s->asking);
        }
        ok = s->said->confirm(text, yes, e);
        (void)pthread_mutex_unlock(s->asking);
    }
    sops_buf_free(&prompt);
    sops_buf_free(&name);
    return ok;
}

/* Wraps or unwraps with the credentials of this machine. The memory of the world is new for each request, as tokens
 * expire and keyrings change while the service runs. */
static bool use_key(const struct server *s, bool encrypt, struct sops_key *k, struct sops_slice bytes,
                    struct sops_buf *out, struct sops_err *e)
{
    struct sops_world w = *s->world;
    w.slots = NULL;
    k->enc = encrypt ? (struct sops_slice){0} : bytes;
    bool ok = (k->source->check == NULL || k->source->check(k, e)) &&
              (encrypt ? k->source->wrap(&w, k, bytes, out, e) : k->source->unwrap(&w, k, out, e));
    sops_world_forget(&w);
    return ok;
}

/* Who runs the service may follow what its keys are used for. */
static void log_answer(const struct server *s, bool encrypt, const struct sops_key *k, bool refused,
                       const struct sops_err *why)
{
    struct sops_buf name = {0};
    struct sops_err ignored = {0};
    if (!refused) {
        sops_log_key(s->world, k, encrypt, NULL, sops_str(why->msg));
    } else if (sops_key_show(k, &name, &ignored)) {
        const struct sops_log_field fields[] = {
            {"request", sops_str(encrypt ? "encrypt" : "decrypt")}, {"key", sops_buf_view(&name)}, {NULL, {0}}};
        sops_log(s->world, "KEYSERVICE", SOPS_LOG_INFO, fields, "Request rejected by user");
    }
    sops_err_clear(&ignored);
    sops_buf_free(&name);
}

static void answer(const struct server *s, bool encrypt, struct sops_key *k, struct sops_slice bytes,
                   struct sops_grpc_answer *a)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    bool yes = true;
    bool ok = use_key(s, encrypt, k, bytes, &out, &e) && (s->said->confirm == NULL || ask(s, encrypt, k, &yes, &e)) &&
              (!yes || sops_wire_put_reply(&a->message, sops_buf_view(&out), &e));
    if (!ok) {
        give_up(a, SOPS_GRPC_UNKNOWN, &e);
    } else if (!yes) {
        refuse(a, SOPS_GRPC_PERMISSION_DENIED, "Request rejected by user");
    }
    log_answer(s, encrypt, k, ok && !yes, &e);
    sops_err_clear(&e);
    sops_buf_free(&out);
}

static const char *const methods[] = {"Encrypt", "Decrypt", NULL};

static void call(void *ctx, unsigned method, struct sops_slice message, struct sops_grpc_answer *a)
{
    struct sops_arena arena = {0};
    struct sops_key k;
    struct sops_slice bytes;
    enum sops_wire_key what;
    struct sops_err e = {0};
    if (!sops_wire_take_request(message, &arena, &what, &k, &bytes, &e)) {
        (void)sops_within(&e, "grpc: error unmarshalling request");
        give_up(a, SOPS_GRPC_INTERNAL, &e);
    } else if (what == SOPS_WIRE_KEY) {
        answer(ctx, method == 0, &k, bytes, a);
    } else {
        refuse(a, SOPS_GRPC_NOT_FOUND, what == SOPS_WIRE_NO_KEY ? "Must provide a key" : "Unknown key type");
    }
    sops_err_clear(&e);
    sops_arena_free(&arena);
}

/* ---- one connection -------------------------------------------------------------------------------------------- */

static ptrdiff_t client_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    int fd = *(const int *)s->ctx;
    for (;;) {
        struct pollfd wait = {fd, POLLIN, 0};
        int ready = poll(&wait, 1, timeout_ms);
        if (ready == 0) {
            return -2;
        }
        ssize_t got = ready > 0 ? read(fd, to, n) : -1;
        if (got >= 0) {
            return got;
        }
        if (errno != EINTR) {
            (void)sops_fail(e, SOPS_E_GENERIC, "cannot read from a client: %s", sops_os_error(errno));
            return -1;
        }
    }
}

static bool client_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    while (bytes.len != 0) {
        ssize_t n = send(*(const int *)s->ctx, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return sops_fail(e, SOPS_E_GENERIC, "cannot write to a client: %s", sops_os_error(errno));
        }
        bytes = sops_slice_skip(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* In a process of its own. */
static void serve(struct server *s, int fd)
{
    const struct timeval limit = {.tv_sec = WRITE_SECONDS};
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sops_stream stream = {.read = client_read, .write = client_write, .ctx = &fd};
    const struct sops_grpc_service service = {"KeyService", methods, call, s, GREETING_MS, REQUEST_MS, IDLE_MS};
    struct sops_err e = {0};
    if (!sops_grpc_serve(s->world, &stream, &service, &e)) {
        const struct sops_log_field why[] = {{"error", sops_str(e.msg)}, {NULL, {0}}};
        sops_log(s->world, "KEYSERVICE", SOPS_LOG_INFO, why, "Connection ended");
    }
    sops_err_clear(&e);
}

static void take_client(struct server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) {
            sops_world_warn(s->world, "cannot take a client: %s", sops_os_error(errno));
            s->world->pause(s->world, 100);
        }
        return;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)close(s->listener);
        (void)close(s->signals);
        (void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
        if (getppid() == parent) {
            serve(s, fd);
        }
        _exit(0); /* what is to be done at exit is the parent's */
    }
    (void)close(fd);
    if (pid < 0) {
        sops_world_warn(s->world, "cannot serve a client: %s", sops_os_error(errno));
        s->world->pause(s->world, 100);
        return;
    }
    s->client[s->clients++] = pid;
}

/* ---- the service ------------------------------------------------------------------------------------------------- */

static void reap(struct server *s)
{
    for (size_t i = 0; i < s->clients;) {
        if (waitpid(s->client[i], NULL, WNOHANG) == s->client[i]) {
            s->client[i] = s->client[--s->clients];
        } else {
            i++;
        }
    }
}

static void loop(struct server *s)
{
    for (;;) {
        struct pollfd wait[] = {{s->signals, POLLIN, 0}, {s->clients < MAX_CLIENTS ? s->listener : -1, POLLIN, 0}};
        if (poll(wait, 2, -1) < 0) {
            continue;
        }
        struct signalfd_siginfo what;
        if (wait[0].revents != 0 && read(s->signals, &what, sizeof what) == (ssize_t)sizeof what) {
            if (what.ssi_signo != SIGCHLD) {
                return;
            }
            reap(s);
        }
        if (wait[1].revents != 0) {
            take_client(s);
        }
    }
}

static void dismiss(struct server *s)
{
    for (unsigned passed = 0; s->clients != 0 && passed <= GOODBYE_MS; passed += 10) {
        for (size_t i = 0; i < s->clients; i++) {
            (void)kill(s->client[i], passed < GOODBYE_MS ? SIGTERM : SIGKILL);
        }
        s->world->pause(s->world, 10);
        reap(s);
    }
}

static bool make_lock(struct server *s, struct sops_err *e)
{
    pthread_mutexattr_t kind;
    void *shared = mmap(NULL, sizeof *s->asking, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return sops_fail_memory(e);
    }
    s->asking = shared;
    (void)pthread_mutexattr_init(&kind);
    (void)pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    (void)pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    int made = pthread_mutex_init(s->asking, &kind);
    (void)pthread_mutexattr_destroy(&kind);
    return made == 0 || sops_fail(e, SOPS_E_GENERIC, "cannot make a lock: %s", sops_os_error(made));
}

/* SIGINT, SIGTERM and the ends of clients' processes are read like bytes. */
static bool take_signals(struct server *s, struct sops_err *e)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGCHLD);
    s->signals = signalfd(-1, &wanted, SFD_CLOEXEC);
    return (s->signals >= 0 && sigprocmask(SIG_BLOCK, &wanted, &s->mask) == 0) ||
           sops_fail(e, SOPS_E_GENERIC, "cannot wait for signals: %s", sops_os_error(errno));
}

bool sops_server_run(struct sops_world *w, const struct sops_server *said, struct sops_err *e)
{
    struct server s = {.world = w, .said = said, .listener = -1, .signals = -1};
    bool ok = sops_grpc_load(w, e) && make_lock(&s, e) && take_signals(&s, e) &&
              (s.listener = sops_listen(w, said->network, said->address, e)) >= 0;
    if (ok) {
        sops_log(w, "KEYSERVICE", SOPS_LOG_INFO, NULL, "Listening on %s://%s", said->network, said->address);
        loop(&s);
        (void)close(s.listener);
        dismiss(&s);
    }
    if (s.signals >= 0) {
        (void)close(s.signals);
        (void)sigprocmask(SIG_SETMASK, &s.mask, NULL);
    }
    if (s.asking != NULL) {
        (void)munmap(s.asking, sizeof *s.asking);
    }
    return ok;
}
