/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - everything outside the process that is not a plain file, as ten function pointers.
 *
 * Key sources, destinations and services reach the environment, other programs, servers and the terminal only through
 * this, so that tests can put a small world in its place.
 */
#ifndef SOPS_CORE_WORLD_H
#define SOPS_CORE_WORLD_H

#include "base/base.h"

struct sops_world;

/* A program to run: argv, never a shell. */
struct sops_command {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up on PATH unless it holds a '/' */
    const char *const *env;  /* "NAME=value" to add, NULL-terminated; or NULL */
    struct sops_slice input; /* its stdin; empty: /dev/null */
    size_t limit;            /* most bytes of stdout (and of stderr) to take; 0: 1 MiB */
    bool show_stderr;        /* its stderr is ours; else it is captured */
    unsigned timeout_ms;     /* it is ended when it has not closed its outputs by then, and the run fails; 0: never */
};
struct sops_outcome {
    struct sops_buf out, err;
    int status; /* exit status; 128 + number of the signal that ended it */
};
void sops_outcome_free(struct sops_outcome *o);

struct sops_http_req {
    const char *method, *url;
    const char *const *headers;                                            /* "Name: value", NULL-terminated; or NULL */
    struct sops_slice body;                                                /* sent when method is not GET */
    const char *ca_file, *ca_dir, *client_cert, *client_key, *server_name; /* NULL: default */
    struct sops_slice ca_pem;      /* instead of ca_file: the certificates themselves; or empty */
    const char *unix_path;         /* connect here instead of to the URL's host; or NULL */
    const char *proxy;             /* go through this one, whatever HTTP(S)_PROXY says; or NULL */
    bool insecure;                 /* do not check the server's certificate */
    bool no_proxy;                 /* no HTTP(S)_PROXY for this request */
    bool one_redirect;             /* follow one redirect to the same host */
    bool once;                     /* it must not arrive twice: sent on a connection of its own */
    unsigned connect_ms, total_ms; /* 0: 10 s and 30 s (SOPS_HTTP_TIMEOUT, in seconds, for the whole) */
    size_t limit;                  /* most bytes of reply body; 0: 1 MiB */
};
struct sops_http_res {
    int status;
    bool unsent;          /* after a failure: no connection was made, so nothing of the request has arrived */
    struct sops_buf head; /* header lines as received, of the last response */
    struct sops_buf body;
};
void sops_http_res_free(struct sops_http_res *r);
/* The value of a header by its name without case; empty when there is none. */
struct sops_slice sops_http_header(const struct sops_http_res *r, const char *name);

/* A peer to talk with for long: exactly one of unix_path, host and argv is set. */
struct sops_peer {
    const char *unix_path;
    const char *host, *port;
    const char *const *argv; /* a program; its stdin and stdout */
    const char *const *env;  /* added for the program */
    const char *folder;      /* where the program runs; NULL: here */
    bool quiet;              /* what the program says on stderr is dropped; else it is ours */
    bool echo;               /* what goes either way is copied to stderr */
    unsigned connect_ms;     /* 0: 10 s */
};
struct sops_stream {
    /* Up to `n` bytes into `to`, at least one unless the end was reached (0). -1 with `e` set on failure, -2 without
     * `e` when `timeout_ms` (negative: none) passed. */
    ptrdiff_t (*read)(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e);
    bool (*write)(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e);
    void (*close)(struct sops_stream *s); /* ends the program, too, after closing its stdin: SIGINT */
    void *ctx;
};

enum sops_ask { SOPS_ASK_SECRET, SOPS_ASK_LINE, SOPS_ASK_CONFIRM };
struct sops_question {
    enum sops_ask kind;
    const char *prompt, *yes, *no; /* CONFIRM: the words; no is NULL when there is only one answer */
};
enum sops_say { SOPS_SAY_WARN, SOPS_SAY_NOTE, SOPS_SAY_PROGRESS, SOPS_SAY_LOG };

struct sops_world {
    /* NULL when not set. Lives as long as the world. */
    const char *(*env)(struct sops_world *w, const char *name);
    /* False only when it could not be run; a status that is not 0 is an outcome. */
    bool (*run)(struct sops_world *w, const struct sops_command *c, struct sops_outcome *o, struct sops_err *e);
    /* False only when no HTTP answer came; a status of 500 is an answer. May be called from several threads. */
    bool (*http)(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res, struct sops_err *e);
    bool (*open)(struct sops_world *w, const struct sops_peer *p, struct sops_stream *s, struct sops_err *e);
    /* On the terminal (docs/spec/61-age.md#terminal-and-plugin-messages). CONFIRM: the answer is "1" (yes) or "0". */
    bool (*ask)(struct sops_world *w, const struct sops_question *q, struct sops_buf *answer, struct sops_err *e);
    void (*say)(struct sops_world *w, enum sops_say level, const char *text);
    bool (*random)(struct sops_world *w, void *out, size_t n, struct sops_err *e);
    int64_t (*now)(struct sops_world *w);             /* seconds since 1970 */
    void (*pause)(struct sops_world *w, unsigned ms); /* between tries */
    bool (*audit)(struct sops_world *w, const char *action, const char *file, struct sops_err *e); /* NULL: no audit */
    bool offline;            /* keys are only looked at and compared: what only a server could add to one is left out */
    unsigned jobs;           /* threads for what is done to many files; 0: no more than one at a time */
    bool never_asks;         /* nor has others ask (gpg's agent): what a question would open is closed */
    bool verbose;            /* sops_log says what is done (core/log.h) */
    void *ctx;               /* for whoever made this world */
    struct sops_slot *slots; /* what sources keep for the whole command, behind a lock */
};

/* What `owner` (any address of the caller's own) keeps under `name` for the whole command (a profile, an identity file,
 * a token): made on first use by one thread, then never changed. A failure is told to those who waited for the same
 * thing, and not kept. */
typedef bool sops_make_fn(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e);
bool sops_world_once(struct sops_world *w, const void *owner, struct sops_slice name, sops_make_fn *make, void *arg,
                     void **thing, struct sops_err *e) SOPS_CHECKED;
/* For a thing that holds more than memory of its arena (locked pages): sops_world_forget calls `drop(thing)` before it
 * frees the slots made so far. The last act of a `make`, as it stays when the making fails later. */
bool sops_world_at_end(struct sops_world *w, void (*drop)(void *thing), void *thing, struct sops_err *e) SOPS_CHECKED;
/* Frees all slots. */
void sops_world_forget(struct sops_world *w);

/* Convenience: w->env, with "" as NULL. */
const char *sops_world_env_set(struct sops_world *w, const char *name);
void sops_world_warn(struct sops_world *w, const char *fmt, ...) SOPS_PRINTF(2, 3);

#endif
