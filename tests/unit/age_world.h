/* SPDX-License-Identifier: Apache-2.0 */
/* age_world.h - a world for tests of the age key source: its own environment, an empty home, commands that answer from
 * a table, a terminal that types from a list. */
#ifndef SOPS_TESTS_AGE_WORLD_H
#define SOPS_TESTS_AGE_WORLD_H

#include "testing.h"

#include "base/file.h"
#include "core/keysource.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of testdata/age/kat. */
#define ALICE "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
#define ALICE_KEY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"

#define KAT SOPS_TESTDATA "/age/kat/"

struct age_peer;
struct age_world {
    struct sops_world world;
    const char *env[32]; /* name, value, ... */
    size_t envs;
    const char *output; /* of every command */
    int status;
    char ran[256]; /* the words of the last command, then what was added to its environment */
    unsigned runs;
    const char *const *answers; /* to questions, in turn; NULL: there is no terminal */
    char asked[256];            /* the last prompt */
    unsigned questions;
    char said[512]; /* all that was said */
    char home[64];
    struct age_peer *peer; /* what `open` gives; NULL: nothing can be opened */
};

static inline const char *age_world_env(struct sops_world *w, const char *name)
{
    const struct age_world *a = w->ctx;
    for (size_t i = 0; i < a->envs; i += 2) {
        if (strcmp(a->env[i], name) == 0) {
            return a->env[i + 1];
        }
    }
    return NULL;
}

/* Sets a variable; NULL removes it. */
static inline void age_world_set(struct age_world *a, const char *name, const char *value)
{
    size_t i = 0;
    sops_world_forget(&a->world); /* as the next command has */
    while (i < a->envs && strcmp(a->env[i], name) != 0) {
        i += 2;
    }
    assert_true(i + 2 <= sizeof a->env / sizeof a->env[0]);
    a->env[i] = name;
    a->env[i + 1] = value;
    a->envs = i == a->envs ? i + 2 : a->envs;
}

static inline bool age_world_run(struct sops_world *w, const struct sops_command *c, struct sops_outcome *o,
                                 struct sops_err *e)
{
    struct age_world *a = w->ctx;
    size_t at = 0;
    a->runs++;
    for (size_t i = 0; c->argv[i] != NULL && at < sizeof a->ran; i++) {
        at += (size_t)snprintf(a->ran + at, sizeof a->ran - at, "[%s]", c->argv[i]);
    }
    for (size_t i = 0; c->env != NULL && c->env[i] != NULL && at < sizeof a->ran; i++) {
        at += (size_t)snprintf(a->ran + at, sizeof a->ran - at, " %s", c->env[i]);
    }
    if (a->output == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' is not on PATH", c->argv[0]);
    }
    o->status = a->status;
    return sops_buf_adds(&o->out, a->output, e);
}

static inline bool age_world_ask(struct sops_world *w, const struct sops_question *q, struct sops_buf *answer,
                                 struct sops_err *e)
{
    struct age_world *a = w->ctx;
    assert_true(q->kind != SOPS_ASK_SECRET || answer->locked);
    (void)snprintf(a->asked, sizeof a->asked, "%s", q->prompt);
    if (a->answers == NULL || a->answers[a->questions] == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "standard input is not a terminal, and /dev/tty is not available");
    }
    return sops_buf_adds(answer, a->answers[a->questions++], e);
}

static inline void age_world_say(struct sops_world *w, enum sops_say level, const char *text)
{
    struct age_world *a = w->ctx;
    (void)level;
    size_t at = strlen(a->said);
    (void)snprintf(a->said + at, sizeof a->said - at, "%s\n", text);
}

/* A peer that says what a script holds, whatever it hears. */
struct age_peer {
    const char *script; /* all that it will say */
    size_t at;
    unsigned silent; /* times that a read with a timeout ends in silence first */
    unsigned opened, closed;
    char heard[8192];
    char name[256]; /* the words of the program, or the path of the socket */
    char folder[64];
    bool quiet, echo; /* as wanted for the program */
};

static inline ptrdiff_t age_peer_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    struct age_peer *p = s->ctx;
    (void)e;
    if (p->silent != 0 && timeout_ms >= 0) {
        p->silent--;
        return -2;
    }
    size_t left = strlen(p->script + p->at);
    size_t take = left < n ? left : n;
    take = take < 7 ? take : 7; /* in small pieces */
    memcpy(to, p->script + p->at, take);
    p->at += take;
    return (ptrdiff_t)take;
}

static inline bool age_peer_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    struct age_peer *p = s->ctx;
    (void)e;
    size_t at = strlen(p->heard);
    assert_true(at + bytes.len < sizeof p->heard);
    memcpy(p->heard + at, bytes.ptr, bytes.len);
    p->heard[at + bytes.len] = '\0';
    return true;
}

static inline void age_peer_close(struct sops_stream *s)
{
    struct age_peer *p = s->ctx;
    p->closed++;
}

static inline bool age_world_open(struct sops_world *w, const struct sops_peer *peer, struct sops_stream *s,
                                  struct sops_err *e)
{
    struct age_world *a = w->ctx;
    struct age_peer *p = a->peer;
    size_t at = 0;
    if (p == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' is not on PATH",
                         peer->argv != NULL ? peer->argv[0] : peer->unix_path);
    }
    for (size_t i = 0; peer->argv != NULL && peer->argv[i] != NULL; i++) {
        at += (size_t)snprintf(p->name + at, sizeof p->name - at, "[%s]", peer->argv[i]);
    }
    if (peer->unix_path != NULL) {
        (void)snprintf(p->name, sizeof p->name, "%s", peer->unix_path);
    }
    (void)snprintf(p->folder, sizeof p->folder, "%s", peer->folder != NULL ? peer->folder : "");
    p->quiet = peer->quiet;
    p->echo = peer->echo;
    p->at = 0;
    p->opened++;
    *s = (struct sops_stream){age_peer_read, age_peer_write, age_peer_close, p};
    return true;
}

/* A world whose HOME is a new empty folder. */
static inline void age_world_new(struct age_world *a)
{
    memset(a, 0, sizeof *a);
    a->world = (struct sops_world)TEST_WORLD;
    a->world.env = age_world_env;
    a->world.run = age_world_run;
    a->world.ask = age_world_ask;
    a->world.say = age_world_say;
    a->world.open = age_world_open;
    a->world.ctx = a;
    (void)snprintf(a->home, sizeof a->home, "/tmp/sops-test-age-XXXXXX");
    assert_non_null(mkdtemp(a->home));
    age_world_set(a, "HOME", a->home);
    age_world_set(a, "GPG_AGENT_INFO", "");
}

static inline void age_world_end(struct age_world *a)
{
    char command[128];
    sops_world_forget(&a->world);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", a->home);
    assert_int_equal(system(command), 0);
}

/* Writes a file below HOME, whose folders are made. */
static inline void age_world_file(const struct age_world *a, const char *name, struct sops_slice text)
{
    char path[256];
    struct sops_err e = {0};
    (void)snprintf(path, sizeof path, "%s/%s", a->home, name);
    for (char *p = path + strlen(a->home) + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0700);
            *p = '/';
        }
    }
    (void)unlink(path);
    assert_ok(sops_file_create(path, text, 0600, &e), &e);
}

static inline void age_read_file(const char *path, struct sops_buf *out)
{
    struct sops_err e = {0};
    assert_ok(sops_file_read(path, 1 << 24, out, &e), &e);
    assert_non_null(sops_buf_cstr(out, &e));
}

static const uint8_t age_data_key[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* Wraps age_data_key for `recipient`. */
static inline bool age_try_wrap(struct age_world *a, const char *recipient, struct sops_buf *enc, struct sops_err *e)
{
    struct sops_key k = {.source = &sops_keysource_age, .field = {sops_str(recipient)}};
    return sops_keysource_age.wrap(&a->world, &k, sops_slice_of(age_data_key, sizeof age_data_key), enc, e);
}

static inline bool age_try_unwrap(struct age_world *a, struct sops_slice enc, struct sops_buf *plain,
                                  struct sops_err *e)
{
    struct sops_key k = {.source = &sops_keysource_age, .field = {SOPS_LIT("whoever")}, .enc = enc};
    return sops_keysource_age.unwrap(&a->world, &k, plain, e);
}

/* What stands in `enc` is age_data_key for the identities of this world. */
static inline void age_assert_opens(struct age_world *a, struct sops_slice enc)
{
    struct sops_buf plain = {0};
    struct sops_err e = {0};
    assert_ok(age_try_unwrap(a, enc, &plain, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&plain), sops_slice_of(age_data_key, sizeof age_data_key)));
    sops_buf_free(&plain);
}

/* It does not open, and `words` stand in the message. */
static inline void age_assert_shut(struct age_world *a, struct sops_slice enc, const char *words)
{
    struct sops_buf plain = {0};
    struct sops_err e = {0};
    assert_false(age_try_unwrap(a, enc, &plain, &e));
    assert_int_not_equal(e.code, SOPS_OK);
    if (strstr(e.msg, words) == NULL) {
        fail_msg("'%s' does not stand in: %s", words, e.msg);
    }
    assert_int_equal(plain.len, 0);
    sops_buf_free(&plain);
    sops_err_clear(&e);
}

/* A file of testdata/age/kat, whose data key is 80 81 .. 9f. */
static inline void age_assert_kat(struct age_world *a, const char *name)
{
    char path[256];
    struct sops_buf enc = {0}, plain = {0};
    struct sops_err e = {0};
    (void)snprintf(path, sizeof path, "%s%s", KAT, name);
    age_read_file(path, &enc);
    assert_ok(age_try_unwrap(a, sops_buf_view(&enc), &plain, &e), &e);
    assert_int_equal(plain.len, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(plain.ptr[i], 0x80 + i);
    }
    sops_buf_free(&enc);
    sops_buf_free(&plain);
}

#endif
