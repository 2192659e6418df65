/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of the age plugin protocol (docs/spec/61-age.md#plugin-protocol-client-side). The plugin chooses the
 * names of commands and all texts, so nothing it says reaches the terminal unfiltered, and what it sends is limited.
 */
#include "keysources/age_internal.h"

#include "base/encode.h"
#include "base/text.h"

#include <stdio.h>

#define STANZA_MAX ((size_t)4 << 20) /* of what a plugin sends in one message */
#define SILENCE_MS 5000              /* without a word from the plugin, until the user is told */

/* ---- names --------------------------------------------------------------------------------------------------- */

/* A '/' would run any program (GHSA-32gq-x56h-299c). */
static bool is_name(struct sops_slice s) { return s.len != 0 && sops_only_alnum(s, "+-._"); }

struct sops_slice sops_age_plugin_name(struct sops_slice hrp, bool identity)
{
    struct sops_slice front = identity ? SOPS_LIT("AGE-PLUGIN-") : SOPS_LIT("age1"), name = {0};
    if (sops_slice_starts(hrp, front)) {
        name = sops_slice_skip(hrp, front.len);
    }
    if (identity && !sops_slice_ends(name, SOPS_LIT("-"))) {
        return (struct sops_slice){0};
    }
    name.len -= identity;
    return is_name(name) ? name : (struct sops_slice){0};
}

/* ---- one conversation ---------------------------------------------------------------------------------------- */

struct talk {
    struct sops_world *w;
    struct sops_buf name; /* of the plugin, in lower case */
    struct sops_stream stream;
    bool open, shown; /* AGEDEBUG=plugin: all that is said goes to stderr, too, file keys included */
    struct sops_buf in, out;
};
/* File keys go both ways, and what the user types. */
static const struct talk new_talk = {.in = {.locked = true}, .out = {.locked = true}};

static bool start(struct talk *t, struct sops_world *w, struct sops_slice name, const char *machine, struct sops_err *e)
{
    struct sops_buf program = {0}, option = {0};
    t->w = w;
    bool ok = true;
    for (size_t i = 0; ok && i < name.len; i++) {
        uint8_t c = name.ptr[i];
        ok = sops_buf_addc(&t->name, c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c, e);
    }
    ok = ok && sops_buf_cstr(&t->name, e) != NULL && sops_buf_addf(&program, e, "age-plugin-%s", (char *)t->name.ptr) &&
         sops_buf_addf(&option, e, "--age-plugin=%s", machine);
    if (ok) {
        const char *argv[] = {sops_buf_cstr(&program, e), sops_buf_cstr(&option, e), NULL};
        const char *folder = sops_world_env_set(w, "TMPDIR"), *debug = w->env(w, "AGEDEBUG");
        t->shown = debug != NULL && strcmp(debug, "plugin") == 0;
        struct sops_peer peer = {
            .argv = argv, .folder = folder != NULL ? folder : "/tmp", .quiet = !t->shown, .echo = t->shown};
        ok = argv[0] != NULL && argv[1] != NULL && w->open(w, &peer, &t->stream, e);
        t->open = ok;
        if (!ok) {
            sops_within(e, "the plugin \"%s\" cannot be started", (char *)t->name.ptr);
            sops_hint(e, "install '%s' in a folder of PATH", (char *)program.ptr);
        }
    }
    sops_buf_free(&program);
    sops_buf_free(&option);
    return ok;
}

static void end(struct talk *t)
{
    if (t->open) {
        t->stream.close(&t->stream);
    }
    sops_buf_free(&t->name);
    sops_buf_free(&t->in);
    sops_buf_free(&t->out);
}

/* Adds a stanza to what is to be sent. `first` may be empty. */
static bool put(struct talk *t, const char *type, struct sops_slice first, struct sops_slice body, struct sops_err *e)
{
    struct sops_slice arg[] = {sops_str(type), first};
    struct sops_age_stanza s = {arg, first.len != 0 ? 2 : 1, body, NULL};
    return sops_age_stanza_emit(&s, &t->out, e);
}

static bool flush(struct talk *t, struct sops_err *e)
{
    bool ok = t->stream.write(&t->stream, sops_buf_view(&t->out), e);
    sops_buf_cut(&t->out, 0);
    return ok;
}

static bool answer(struct talk *t, const char *type, struct sops_slice word, struct sops_slice body, struct sops_err *e)
{
    return put(t, type, word, body, e) && flush(t, e);
}

static bool answer_ok(struct talk *t, struct sops_err *e)
{
    return answer(t, "ok", (struct sops_slice){0}, (struct sops_slice){0}, e);
}

/* Reads until a whole stanza is there. */
static bool fill(struct talk *t, size_t *size, struct sops_err *e)
{
    int timeout = SILENCE_MS;
    while ((*size = sops_age_stanza_size(sops_buf_view(&t->in))) == 0) {
        if (t->in.len > STANZA_MAX) {
            return sops_fail(e, SOPS_E_GENERIC, "a message is too long");
        }
        if (!sops_buf_reserve(&t->in, 4096, e)) {
            return false;
        }
        ptrdiff_t n = t->stream.read(&t->stream, t->in.ptr + t->in.len, 4096, timeout, e);
        if (n == -2) {
            char text[128];
            (void)snprintf(text, sizeof text, "waiting for the %s plugin...", (const char *)t->name.ptr);
            t->w->say(t->w, SOPS_SAY_NOTE, text);
            timeout = -1;
        } else if (n == 0) {
            sops_fail(e, SOPS_E_GENERIC, "it ended before it was done");
            return t->shown ? false : sops_hint(e, "AGEDEBUG=plugin shows what it says on stderr (and file keys)");
        } else if (n < 0) {
            return false;
        } else {
            t->in.len += (size_t)n;
        }
    }
    return true;
}

static bool receive(struct talk *t, struct sops_arena *a, struct sops_age_stanza *out, struct sops_err *e)
{
    size_t size;
    if (!fill(t, &size, e)) {
        return false;
    }
    struct sops_slice rest = sops_slice_of(t->in.ptr, size);
    if (!sops_age_stanza_parse(&rest, a, out, e)) {
        return false;
    }
    size_t left = t->in.len - size;
    memmove(t->in.ptr, t->in.ptr + size, left);
    sops_buf_cut(&t->in, left);
    return true;
}

/* ---- talking to the user (both machines) --------------------------------------------------------------------- */

/* A text of the plugin for the terminal, in `a`: without control characters, which could draw anything there, and
 * without what is not UTF-8. */
static const char *shown(struct sops_arena *a, struct sops_slice text, struct sops_err *e)
{
    uint8_t *copy = sops_arena_bytes(a, text.len + 1, e);
    if (copy == NULL) {
        return NULL;
    }
    copy[0] = '\0';
    for (uint8_t *to = copy; text.len != 0;) {
        uint32_t cp;
        size_t n = sops_utf8_next(text, &cp);
        bool bad = n == 0 || cp < 0x20 || (cp >= 0x7f && cp <= 0x9f);
        n = n != 0 ? n : 1;
        memcpy(to, text.ptr, n);
        memset(to, ' ', bad ? n : 0);
        to += n;
        text = sops_slice_skip(text, n);
        *to = '\0';
    }
    return (const char *)copy;
}

/* An argument of `confirm`; NULL with `e` set when it is malformed. */
static const char *button(struct sops_arena *a, struct sops_slice arg, struct sops_err *e)
{
    struct sops_buf text = {0};
    const char *out = NULL;
    if (sops_base64_take(&text, SOPS_B64_RAW, arg, e)) {
        out = shown(a, sops_buf_view(&text), e);
    }
    sops_buf_free(&text);
    return out;
}

/* Asks; a user who cannot or will not answer is told to the plugin as `fail`, and is no error of ours. */
static bool ask(struct talk *t, const struct sops_question *q, struct sops_err *e)
{
    struct sops_buf text = {.locked = true};
    struct sops_err why = {0};
    const struct sops_slice none = {0};
    bool ok;
    if (!t->w->ask(t->w, q, &text, &why)) {
        ok = answer(t, "fail", none, none, e);
    } else if (q->kind == SOPS_ASK_CONFIRM) {
        ok = answer(t, "ok", sops_slice_eq(sops_buf_view(&text), SOPS_LIT("1")) ? SOPS_LIT("yes") : SOPS_LIT("no"),
                    none, e);
    } else {
        ok = answer(t, "ok", none, sops_buf_view(&text), e);
    }
    sops_buf_free(&text);
    sops_err_clear(&why);
    return ok;
}

static bool confirm(struct talk *t, struct sops_arena *a, const struct sops_age_stanza *s, struct sops_err *e)
{
    if (s->args != 2 && s->args != 3) {
        return sops_fail(e, SOPS_E_GENERIC, "a malformed question");
    }
    struct sops_question q = {.kind = SOPS_ASK_CONFIRM, .prompt = shown(a, s->body, e)};
    q.yes = button(a, s->arg[1], e);
    q.no = s->args == 3 ? button(a, s->arg[2], e) : NULL;
    return q.prompt != NULL && q.yes != NULL && (s->args == 2 || q.no != NULL) && ask(t, &q, e);
}

/* Commands that both machines have, and those that nobody knows. */
static bool serve(struct talk *t, struct sops_arena *a, const struct sops_age_stanza *s, struct sops_err *e)
{
    if (sops_age_stanza_is(s, "msg")) {
        const char *text = shown(a, s->body, e);
        if (text == NULL) {
            return false;
        }
        t->w->say(t->w, SOPS_SAY_NOTE, text);
        return answer_ok(t, e);
    }
    if (sops_age_stanza_is(s, "request-public") || sops_age_stanza_is(s, "request-secret")) {
        bool secret = sops_age_stanza_is(s, "request-secret");
        struct sops_question q = {.kind = secret ? SOPS_ASK_SECRET : SOPS_ASK_LINE, .prompt = shown(a, s->body, e)};
        return q.prompt != NULL && ask(t, &q, e);
    }
    if (sops_age_stanza_is(s, "confirm")) {
        return confirm(t, a, s, e);
    }
    return answer(t, "unsupported", (struct sops_slice){0}, (struct sops_slice){0}, e);
}

/* The plugin's own error. Always false. */
static bool refuse(struct talk *t, struct sops_arena *a, const struct sops_age_stanza *s, struct sops_err *e)
{
    const char *text = shown(a, s->body, e);
    struct sops_err ignored = {0};
    (void)answer_ok(t, &ignored);
    return text != NULL && sops_fail(e, SOPS_E_GENERIC, "%s", text);
}

/* ---- recipient-v1 -------------------------------------------------------------------------------------------- */

struct wrapping {
    struct sops_age_stanza **end;
    bool labels, done;
};

/* One command of the plugin while it wraps. */
static bool take_wrapping(struct talk *t, struct wrapping *x, struct sops_arena *a, const struct sops_age_stanza *s,
                          struct sops_err *e)
{
    if (sops_age_stanza_is(s, "done")) {
        x->done = true;
        return true;
    }
    if (sops_age_stanza_is(s, "error")) {
        return refuse(t, a, s, e);
    }
    if (sops_age_stanza_is(s, "labels")) { /* they forbid mixing recipients in one file; ours has one */
        if (x->labels) {
            return sops_fail(e, SOPS_E_GENERIC, "labels were given twice");
        }
        x->labels = true;
        return answer_ok(t, e);
    }
    if (!sops_age_stanza_is(s, "recipient-stanza")) {
        return serve(t, a, s, e);
    }
    if (s->args < 3 || !sops_slice_eq(s->arg[1], SOPS_LIT("0"))) {
        return sops_fail(e, SOPS_E_GENERIC, "a malformed recipient stanza");
    }
    struct sops_age_stanza *kept = sops_arena_alloc(a, sizeof *kept, e);
    if (kept == NULL) {
        return false;
    }
    *kept = (struct sops_age_stanza){s->arg + 2, s->args - 2, s->body, NULL};
    *x->end = kept;
    x->end = &kept->next;
    return answer_ok(t, e);
}

bool sops_age_plugin_wrap(struct sops_world *w, const struct sops_age_recipient *r,
                          const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                          struct sops_err *e)
{
    struct talk t = new_talk;
    struct wrapping x = {.end = out};
    const struct sops_slice none = {0};
    *out = NULL;
    bool ok = start(&t, w, r->name, "recipient-v1", e) && put(&t, "add-recipient", r->text, none, e) &&
              put(&t, "wrap-file-key", none, sops_slice_of(file_key, SOPS_AGE_FILE_KEY), e) &&
              put(&t, "extension-labels", none, none, e) && put(&t, "done", none, none, e) && flush(&t, e);
    while (ok && !x.done) {
        struct sops_age_stanza s = {0};
        ok = receive(&t, a, &s, e) && take_wrapping(&t, &x, a, &s, e);
    }
    if (ok && *out == NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "it gave no stanza");
    }
    if (!ok) {
        sops_within(e, "%.*s plugin", SOPS_ARG(r->name));
    }
    end(&t);
    return ok;
}

/* ---- identity-v1 --------------------------------------------------------------------------------------------- */

struct unwrapping {
    uint8_t *file_key;
    bool found, done;
};

/* One command of the plugin while it unwraps. */
static bool take_unwrapping(struct talk *t, struct unwrapping *x, struct sops_arena *a, const struct sops_age_stanza *s,
                            struct sops_err *e)
{
    if (sops_age_stanza_is(s, "done")) {
        x->done = true;
        return true;
    }
    if (sops_age_stanza_is(s, "error")) {
        return refuse(t, a, s, e);
    }
    if (!sops_age_stanza_is(s, "file-key")) {
        return serve(t, a, s, e);
    }
    if (s->args != 2 || !sops_slice_eq(s->arg[1], SOPS_LIT("0")) || x->found || s->body.len != SOPS_AGE_FILE_KEY) {
        return sops_fail(e, SOPS_E_GENERIC, "a malformed or second file key");
    }
    memcpy(x->file_key, s->body.ptr, SOPS_AGE_FILE_KEY);
    x->found = true;
    return answer_ok(t, e);
}

/* All stanzas of the header, of whatever type, for file 0. */
static bool put_stanzas(struct talk *t, const struct sops_age_header *h, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_age_stanza *s = h->stanzas; ok && s != NULL; s = s->next) {
        struct sops_slice *arg = sops_alloc((s->args + 2) * sizeof *arg, e);
        if (arg == NULL) {
            return false;
        }
        arg[0] = SOPS_LIT("recipient-stanza");
        arg[1] = SOPS_LIT("0");
        memcpy(arg + 2, s->arg, s->args * sizeof *arg);
        struct sops_age_stanza told = {arg, s->args + 2, s->body, NULL};
        ok = sops_age_stanza_emit(&told, &t->out, e);
        sops_free(arg);
    }
    return ok;
}

enum sops_age_match sops_age_plugin_unwrap(struct sops_world *w, struct sops_age_identity *id,
                                           const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                           struct sops_err *e)
{
    struct talk t = new_talk;
    struct unwrapping x = {.file_key = file_key};
    const struct sops_slice none = {0};
    size_t split = id->secret.len;
    while (split > 1 && id->secret.ptr[split - 1] != '1') {
        split--;
    }
    struct sops_slice name = sops_age_plugin_name(sops_slice_first(id->secret, split - 1), true);
    bool ok = start(&t, w, name, "identity-v1", e) && put(&t, "add-identity", id->secret, none, e) &&
              put_stanzas(&t, h, e) && put(&t, "done", none, none, e) && flush(&t, e);
    while (ok && !x.done) {
        struct sops_age_stanza s = {0};
        struct sops_arena a = {0};
        ok = receive(&t, &a, &s, e) && take_unwrapping(&t, &x, &a, &s, e);
        sops_arena_free(&a);
    }
    if (!ok) {
        sops_within(e, "%s plugin", t.name.len != 0 ? (const char *)t.name.ptr : "age");
    }
    end(&t);
    if (!ok) {
        return SOPS_AGE_BROKEN;
    }
    return x.found ? SOPS_AGE_MINE : SOPS_AGE_NOT_MINE;
}
