/* SPDX-License-Identifier: Apache-2.0 */
/* cloud_world.h - a world for tests of the clouds: its own environment, an empty home, and a network that replays
 * testdata/http/SOURCE/CASE.
 *
 * `request` holds what must be sent: a line "METHOD URL", lines of headers that must be among those sent, a blank line,
 * the body. A body that ends in "..." gives its beginning only. `reply` holds the answers: a line with the
 * status, headers, a blank line, the body; or "no answer: WORDS"; or "no answer, for good: WORDS"; or "bytes: N", a
 * body of that length. Several exchanges are separated by lines of "----". */
#ifndef SOPS_TESTS_CLOUD_WORLD_H
#define SOPS_TESTS_CLOUD_WORLD_H

#include "testing.h"

#include "base/file.h"
#include "core/keysource.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct cloud_world {
    struct sops_world world;
    const char *env[64]; /* name, value, ... */
    size_t envs;
    char home[64];
    struct sops_buf requests, replies;
    struct sops_slice next_request, next_reply;
    unsigned asked, paused;
    bool wrong; /* something else was sent than what stands there */
    bool quiet; /* without words about it */
    const char *output;
    int status; /* of programs that are run */
    char ran[512];
    int64_t now;
};

static inline const char *cloud_env(struct sops_world *w, const char *name)
{
    const struct cloud_world *c = w->ctx;
    for (size_t i = 0; i < c->envs; i += 2) {
        if (strcmp(c->env[i], name) == 0) {
            return c->env[i + 1];
        }
    }
    return NULL;
}

/* Sets a variable; NULL removes it. */
static inline void cloud_set(struct cloud_world *c, const char *name, const char *value)
{
    size_t i = 0;
    while (i < c->envs && strcmp(c->env[i], name) != 0) {
        i += 2;
    }
    assert_true(i < sizeof c->env / sizeof c->env[0]);
    c->env[i] = name;
    c->env[i + 1] = value;
    c->envs = i == c->envs ? i + 2 : c->envs;
}

/* The part before the next line "----". */
static inline bool cloud_message(struct sops_slice *rest, struct sops_slice *message)
{
    if (rest->len == 0) {
        return false;
    }
    const uint8_t *mark = memmem(rest->ptr, rest->len, "\n----\n", 6);
    size_t n = mark != NULL ? (size_t)(mark - rest->ptr) : rest->len;
    *message = sops_slice_first(*rest, n);
    *rest = sops_slice_skip(*rest, n + 6);
    if (mark == NULL && message->len > 0 && message->ptr[message->len - 1] == '\n') {
        message->len--;
    }
    return true;
}

/* Head lines and body. */
static inline void cloud_split(struct sops_slice message, struct sops_slice *head, struct sops_slice *body)
{
    const uint8_t *mark = message.len > 0 ? memmem(message.ptr, message.len, "\n\n", 2) : NULL;
    size_t n = mark != NULL ? (size_t)(mark - message.ptr) : message.len;
    *head = sops_slice_first(message, n);
    *body = sops_slice_skip(message, n + 2);
}

static inline bool cloud_sent(const struct sops_http_req *req, struct sops_slice line)
{
    for (const char *const *h = req->headers; h != NULL && *h != NULL; h++) {
        size_t colon = sops_slice_find(line, ':');
        struct sops_slice sent = sops_str(*h);
        if (sent.len == line.len && strncasecmp(*h, (const char *)line.ptr, colon) == 0 &&
            sops_slice_eq(sops_slice_skip(sent, colon), sops_slice_skip(line, colon))) {
            return true;
        }
    }
    return false;
}

static inline bool cloud_matches(const struct sops_http_req *req, struct sops_slice message, bool quiet)
{
    struct sops_slice head, body, line;
    char first[2048];
    cloud_split(message, &head, &body);
    (void)snprintf(first, sizeof first, "%s %s", req->method, req->url);
    if (!sops_slice_next(&head, '\n', &line) || !sops_slice_eq(line, sops_str(first))) {
        if (!quiet) {
            print_error("sent '%s'\nwant '%.*s'\n", first, SOPS_ARG(line));
        }
        return false;
    }
    while (head.ptr != NULL && sops_slice_next(&head, '\n', &line)) {
        if (!cloud_sent(req, line)) {
            print_error("not sent: '%.*s'\n", SOPS_ARG(line));
            return false;
        }
    }
    bool open = sops_slice_ends(body, SOPS_LIT("..."));
    struct sops_slice want = open ? sops_slice_first(body, body.len - 3) : body;
    if (!(open ? sops_slice_starts(req->body, want) : sops_slice_eq(req->body, want))) {
        print_error("sent '%.*s'\nwant '%.*s'\n", SOPS_ARG(req->body), SOPS_ARG(body));
        return false;
    }
    return true;
}

static inline bool cloud_reply(struct sops_slice message, struct sops_http_res *res, struct sops_err *e)
{
    const struct sops_slice many = SOPS_LIT("bytes: ");
    const struct sops_slice none = SOPS_LIT("no answer: "), ever = SOPS_LIT("no answer, for good: ");
    struct sops_slice head, body, line;
    if (sops_slice_starts(message, none)) {
        struct sops_slice words = sops_slice_skip(message, none.len);
        return sops_fail(e, SOPS_E_GENERIC, "%.*s", SOPS_ARG(words));
    }
    if (sops_slice_starts(message, ever)) {
        struct sops_slice words = sops_slice_skip(message, ever.len);
        sops_fail(e, SOPS_E_GENERIC, "%.*s", SOPS_ARG(words));
        return sops_hint(e, "do something about it");
    }
    if (sops_slice_starts(message, many)) {
        res->status = 200;
        return sops_buf_addn(&res->body, ' ', (size_t)atol((const char *)message.ptr + many.len), e);
    }
    cloud_split(message, &head, &body);
    assert_true(sops_slice_next(&head, '\n', &line));
    res->status = atoi((const char *)line.ptr);
    return (head.ptr == NULL || sops_buf_add(&res->head, head, e)) && sops_buf_add(&res->body, body, e);
}

static inline bool cloud_http(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res,
                              struct sops_err *e)
{
    struct cloud_world *c = w->ctx;
    struct sops_slice request, reply, before_request = c->next_request, before_reply = c->next_reply;
    c->asked++;
    if (!cloud_message(&c->next_request, &request) || !cloud_message(&c->next_reply, &reply)) {
        if (!c->quiet) {
            print_error("one request too many: %s %s\n", req->method, req->url);
        }
        c->wrong = true;
        return sops_fail(e, SOPS_E_GENERIC, "nobody is there");
    }
    c->wrong = c->wrong || !cloud_matches(req, request, c->quiet);
    if (cloud_reply(reply, res, e)) {
        if (res->body.len <= (req->limit != 0 ? req->limit : (size_t)1 << 20)) {
            return true;
        }
        sops_http_res_free(res);
        sops_fail(e, SOPS_E_GENERIC, "the answer is too long");
        return sops_hint(e, "is this the server that was meant?");
    }
    if (!sops_slice_starts(reply, SOPS_LIT("no answer"))) {
        /* Memory was out: the answer is still to come. */
        c->next_request = before_request;
        c->next_reply = before_reply;
    }
    return false;
}

static inline bool cloud_run(struct sops_world *w, const struct sops_command *command, struct sops_outcome *o,
                             struct sops_err *e)
{
    struct cloud_world *c = w->ctx;
    size_t n = 0;
    for (const char *const *word = command->argv; *word != NULL; word++) {
        n += (size_t)snprintf(c->ran + n, sizeof c->ran - n, "%s%s", n > 0 ? " " : "", *word);
    }
    o->status = c->status;
    return sops_buf_adds(&o->out, c->output != NULL ? c->output : "", e);
}

static inline void cloud_pause(struct sops_world *w, unsigned ms)
{
    struct cloud_world *c = w->ctx;
    (void)ms;
    c->paused++;
}

static inline int64_t cloud_now(struct sops_world *w)
{
    const struct cloud_world *c = w->ctx;
    return c->now;
}

static inline void cloud_new(struct cloud_world *c)
{
    *c = (struct cloud_world){.world = TEST_WORLD, .home = "/tmp/sops-cloud-XXXXXX", .now = 1440938160};
    c->world.env = cloud_env;
    c->world.http = cloud_http;
    c->world.run = cloud_run;
    c->world.pause = cloud_pause;
    c->world.now = cloud_now;
    c->world.ctx = c;
    assert_non_null(mkdtemp(c->home));
    cloud_set(c, "HOME", c->home);
}

/* The exchanges of testdata/http/<name>. */
static inline void cloud_load(struct cloud_world *c, const char *name)
{
    struct sops_err e = {0};
    char path[512];
    sops_buf_free(&c->requests);
    sops_buf_free(&c->replies);
    (void)snprintf(path, sizeof path, SOPS_TESTDATA "/http/%s/request", name);
    assert_ok(sops_file_read(path, 1 << 20, &c->requests, &e), &e);
    (void)snprintf(path, sizeof path, SOPS_TESTDATA "/http/%s/reply", name);
    assert_ok(sops_file_read(path, 1 << 20, &c->replies, &e), &e);
    c->next_request = sops_buf_view(&c->requests);
    c->next_reply = sops_buf_view(&c->replies);
    c->asked = c->paused = 0;
}

/* Was exactly what stands there sent? Forgets what the sources kept. */
static inline void cloud_done(struct cloud_world *c)
{
    assert_false(c->wrong);
    assert_int_equal(c->next_request.len, 0);
    sops_world_forget(&c->world);
}

/* Writes $HOME/<name> (folders are made) and returns its path, which lives until the next call. */
static inline const char *cloud_write(struct cloud_world *c, const char *name, const char *text)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", c->home, name);
    for (char *slash = path + strlen(c->home) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static inline void cloud_free(struct cloud_world *c)
{
    sops_world_forget(&c->world);
    sops_buf_free(&c->requests);
    sops_buf_free(&c->replies);
    const char *const argv[] = {"/bin/rm", "-rf", c->home, NULL};
    pid_t child = fork();
    if (child == 0) {
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(1);
    }
    (void)waitpid(child, NULL, 0);
}

/* ---- tables of cases ------------------------------------------------------------------------------------------- */

#define CLOUD_PLAIN "0123456789abcdef0123456789abcdef"

struct cloud_case {
    const char *name;   /* folder below the source's */
    bool unwrap;        /* else wrap */
    const char *result; /* enc, or CLOUD_PLAIN; NULL: it fails */
    const char *words;  /* that the message must hold */
};

/* Runs a case with the key `k`, whose enc is set for unwrapping. */
static inline void cloud_run_case(struct cloud_world *c, const char *source, const struct cloud_case *t,
                                  const struct sops_key *k)
{
    struct sops_err e = {0};
    struct sops_buf out = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", source, t->name);
    cloud_load(c, path);
    bool ok = t->unwrap ? k->source->unwrap(&c->world, k, &out, &e)
                        : k->source->wrap(&c->world, k, SOPS_LIT(CLOUD_PLAIN), &out, &e);
    if (ok != (t->result != NULL) || (!ok && strstr(e.msg, t->words) == NULL)) {
        print_error("%s: %s\n", path, ok ? "did not fail" : e.msg);
        fail();
    }
    assert_int_equal(ok, e.code == SOPS_OK);
    if (ok) {
        assert_slice(sops_buf_view(&out), t->result);
    } else {
        /* The data key and secrets never turn up in messages, whatever the server sends back. */
        assert_null(strstr(e.msg, CLOUD_PLAIN));
        assert_null(strstr(e.msg, "canary"));
        assert_int_equal(out.len, 0);
    }
    cloud_done(c);
    sops_buf_free(&out);
    sops_err_clear(&e);
}

#endif
