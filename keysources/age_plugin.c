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
    struct sops_buf told;   /* the last message, with a NUL: not shown a second time */
    struct given *unproven; /* what was answered, and no file key has come since */
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
    sops_buf_free(&t->told);
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

/* A secret that the user typed for a plugin: given again without asking when the same words come after a file key has
 * shown that it was right (docs/spec/75-many-files.md#unlocking). */
struct given {
    struct sops_buf answer; /* locked */
    bool right;
};

static void drop_given(void *thing) { sops_buf_free(&((struct given *)thing)->answer); }

static bool make_given(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    struct given *g = sops_arena_alloc(a, sizeof *g, e);
    (void)arg;
    if (g == NULL || !sops_world_at_end(w, drop_given, g, e)) {
        return false;
    }
    g->answer.locked = true;
    *made = g;
    return true;
}

/* What was answered to these words of this plugin; NULL without memory. */
static struct given *given_for(struct talk *t, const char *prompt)
{
    static const char owner;
    struct sops_err none = {0};
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok = sops_buf_addf(&name, &none, "%s\n%s", (const char *)t->name.ptr, prompt) &&
              sops_world_once(t->w, &owner, sops_buf_view(&name), make_given, NULL, &made, &none);
    sops_buf_free(&name);
    sops_err_clear(&none);
    return ok ? made : NULL;
}

/* The user's answer to a secret, or the one before when that was right. */
static bool ask_secret(struct talk *t, const struct sops_question *q, struct sops_buf *text, struct sops_err *e)
{
    struct given *g = given_for(t, q->prompt);
    if (g != NULL && g->right) {
        g->right = false;
        t->unproven = g;
        return sops_buf_add(text, sops_buf_view(&g->answer), e);
    }
    bool ok = t->w->ask(t->w, q, text, e);
    if (g != NULL) {
        struct sops_err none = {0};
        sops_buf_cut(&g->answer, 0);
        t->unproven = ok && sops_buf_add(&g->answer, sops_buf_view(text), &none) ? g : NULL;
        sops_err_clear(&none);
    }
    return ok;
}

/* Asks; a user who cannot or will not answer is told to the plugin as `fail`, and is no error of ours. */
static bool ask(struct talk *t, const struct sops_question *q, struct sops_err *e)
{
    struct sops_buf text = {.locked = true};
    struct sops_err why = {0};
    const struct sops_slice none = {0};
    bool ok;
    if (!(q->kind == SOPS_ASK_SECRET ? ask_secret(t, q, &text, &why) : t->w->ask(t->w, q, &text, &why))) {
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
        struct sops_slice whole = sops_slice_of(text, strlen(text) + 1);
        if (!sops_slice_eq(sops_buf_view(&t->told), whole)) {
            t->w->say(t->w, SOPS_SAY_NOTE, text);
            sops_buf_cut(&t->told, 0);
            if (!sops_buf_add(&t->told, whole, e)) {
                return false;
            }
        }
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

/* The number of a file, from 0 on and below `count`: decimal digits. False for all else. */
static bool take_number(struct sops_slice text, size_t count, size_t *number)
{
    int64_t n;
    bool ok = sops_only_alnum(text, "") && sops_int_parse(text, &n) && n >= 0 && (uint64_t)n < count;
    *number = ok ? (size_t)n : 0;
    return ok;
}

/* ---- recipient-v1 -------------------------------------------------------------------------------------------- */

struct wrapping {
    struct sops_age_plugin_key *key;
    size_t keys;
    bool labels, done;
};

/* One command of the plugin while it wraps. What is kept lives in `a`. */
static bool take_wrapping(struct talk *t, struct wrapping *x, struct sops_arena *a, const struct sops_age_stanza *s,
                          struct sops_err *e)
{
    size_t i;
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
        x->labels = x->keys == 1;
        return answer_ok(t, e);
    }
    if (!sops_age_stanza_is(s, "recipient-stanza")) {
        return serve(t, a, s, e);
    }
    if (s->args < 3 || !take_number(s->arg[1], x->keys, &i)) {
        return sops_fail(e, SOPS_E_GENERIC, "a malformed recipient stanza");
    }
    struct sops_age_stanza *kept = sops_arena_alloc(a, sizeof *kept, e);
    if (kept == NULL) {
        return false;
    }
    *kept = (struct sops_age_stanza){s->arg + 2, s->args - 2, s->body, NULL};
    struct sops_age_stanza **end = &x->key[i].stanzas;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = kept;
    return answer_ok(t, e);
}

bool sops_age_plugin_wrap_run(struct sops_world *w, const struct sops_age_recipient *r, struct sops_age_plugin_key *key,
                              size_t keys, struct sops_arena *a, struct sops_err *e)
{
    struct talk t = new_talk;
    struct wrapping x = {.key = key, .keys = keys};
    const struct sops_slice none = {0};
    bool ok = start(&t, w, r->name, "recipient-v1", e) && put(&t, "add-recipient", r->text, none, e);
    for (size_t i = 0; ok && i < keys; i++) {
        ok = put(&t, "wrap-file-key", none, sops_slice_of(key[i].file_key, SOPS_AGE_FILE_KEY), e);
    }
    ok = ok && put(&t, "extension-labels", none, none, e) && put(&t, "done", none, none, e) && flush(&t, e);
    while (ok && !x.done) {
        struct sops_age_stanza s = {0};
        ok = receive(&t, a, &s, e) && take_wrapping(&t, &x, a, &s, e);
    }
    for (size_t i = 0; ok && i < keys; i++) {
        ok = key[i].stanzas != NULL || sops_fail(e, SOPS_E_GENERIC, "it gave no stanza");
    }
    if (!ok) {
        sops_within(e, "%.*s plugin", SOPS_ARG(r->name));
    }
    end(&t);
    return ok;
}

bool sops_age_plugin_wrap(struct sops_world *w, const struct sops_age_recipient *r,
                          const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                          struct sops_err *e)
{
    struct sops_age_plugin_key one = {.file_key = file_key};
    bool ok = sops_age_plugin_wrap_run(w, r, &one, 1, a, e);
    *out = one.stanzas;
    return ok;
}

/* ---- identity-v1 --------------------------------------------------------------------------------------------- */

struct unwrapping {
    struct sops_age_plugin_file *file;
    size_t files;
    bool done;
    struct sops_err why; /* an error of the whole run; the plugin may have more to say behind it */
};

static bool take_file_key(struct talk *t, struct unwrapping *x, const struct sops_age_stanza *s, struct sops_err *e)
{
    size_t i;
    if (s->args != 2 || !take_number(s->arg[1], x->files, &i) || x->file[i].match == SOPS_AGE_MINE ||
        s->body.len != SOPS_AGE_FILE_KEY) {
        return sops_fail(e, SOPS_E_GENERIC, "a malformed or second file key");
    }
    memcpy(x->file[i].file_key, s->body.ptr, SOPS_AGE_FILE_KEY);
    x->file[i].match = SOPS_AGE_MINE;
    if (t->unproven != NULL) {
        t->unproven->right = true;
    }
    return answer_ok(t, e);
}

/* `error stanza F S` is one file's; all others end the run for those that have no key by then. */
static bool take_error(struct talk *t, struct unwrapping *x, struct sops_arena *a, const struct sops_age_stanza *s,
                       struct sops_err *e)
{
    size_t i;
    const char *text = shown(a, s->body, e);
    if (text == NULL) {
        return false;
    }
    bool of_file = s->args >= 3 && sops_slice_eq(s->arg[1], SOPS_LIT("stanza")) &&
                   take_number(s->arg[2], x->files, &i) && x->file[i].match != SOPS_AGE_MINE;
    if (of_file) {
        sops_buf_cut(&x->file[i].why, 0);
        x->file[i].match = SOPS_AGE_BROKEN;
        if (!sops_buf_addf(&x->file[i].why, e, "%s plugin: %s", (const char *)t->name.ptr, text)) {
            return false;
        }
    } else {
        (void)sops_fail(&x->why, SOPS_E_GENERIC, "%s", text);
    }
    return answer_ok(t, e);
}

/* One command of the plugin while it unwraps. */
static bool take_unwrapping(struct talk *t, struct unwrapping *x, struct sops_arena *a, const struct sops_age_stanza *s,
                            struct sops_err *e)
{
    if (sops_age_stanza_is(s, "done")) {
        x->done = true;
        return true;
    }
    if (sops_age_stanza_is(s, "error")) {
        return take_error(t, x, a, s, e);
    }
    return sops_age_stanza_is(s, "file-key") ? take_file_key(t, x, s, e) : serve(t, a, s, e);
}

/* All stanzas of a header, of whatever type, for file `number`. */
static bool put_stanzas(struct talk *t, const struct sops_age_header *h, size_t number, struct sops_err *e)
{
    bool ok = true;
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", number);
    for (const struct sops_age_stanza *s = h->stanzas; ok && s != NULL; s = s->next) {
        struct sops_slice *arg = sops_alloc((s->args + 2) * sizeof *arg, e);
        if (arg == NULL) {
            return false;
        }
        arg[0] = SOPS_LIT("recipient-stanza");
        arg[1] = sops_str(text);
        memcpy(arg + 2, s->arg, s->args * sizeof *arg);
        struct sops_age_stanza told = {arg, s->args + 2, s->body, NULL};
        ok = sops_age_stanza_emit(&told, &t->out, e);
        sops_free(arg);
    }
    return ok;
}

static bool put_file(struct talk *t, const struct sops_age_plugin_file *f, size_t number, struct sops_err *e)
{
    struct sops_age_header own = {0};
    struct sops_buf file = {0};
    bool ok = f->h != NULL ? put_stanzas(t, f->h, number, e)
                           : sops_age_entry_parse(f->enc, &file, &own, e) && put_stanzas(t, &own, number, e);
    sops_age_header_free(&own);
    sops_buf_free(&file);
    return ok;
}

struct sops_slice sops_age_plugin_of(const struct sops_age_identity *id)
{
    size_t split = id->secret.len;
    if (id->unwrap != sops_age_plugin_unwrap) {
        return (struct sops_slice){0};
    }
    while (split > 1 && id->secret.ptr[split - 1] != '1') {
        split--;
    }
    return sops_age_plugin_name(sops_slice_first(id->secret, split - 1), true);
}

bool sops_age_plugin_run(struct sops_world *w, const struct sops_age_identity *id, struct sops_age_plugin_file *file,
                         size_t files, struct sops_err *e)
{
    struct talk t = new_talk;
    struct unwrapping x = {.file = file, .files = files};
    const struct sops_slice none = {0};
    bool ok = start(&t, w, sops_age_plugin_of(id), "identity-v1", e) && put(&t, "add-identity", id->secret, none, e);
    for (size_t i = 0; ok && i < files; i++) {
        ok = put_file(&t, &file[i], i, e);
    }
    ok = ok && put(&t, "done", none, none, e) && flush(&t, e);
    while (ok && !x.done) {
        struct sops_age_stanza s = {0};
        struct sops_arena a = {0};
        ok = receive(&t, &a, &s, e) && take_unwrapping(&t, &x, &a, &s, e);
        sops_arena_free(&a);
    }
    if (x.why.code != SOPS_OK) { /* what went wrong first counts, however it ended then */
        sops_err_clear(e);
        ok = sops_fail(e, SOPS_E_GENERIC, "%s", x.why.msg);
    }
    if (!ok) {
        sops_within(e, "%s plugin", t.name.len != 0 ? (const char *)t.name.ptr : "age");
    }
    sops_err_clear(&x.why);
    end(&t);
    return ok;
}

enum sops_age_match sops_age_plugin_unwrap(struct sops_world *w, struct sops_age_identity *id,
                                           const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                           struct sops_err *e)
{
    struct sops_age_plugin_file f = {.h = h};
    bool ok = sops_age_plugin_run(w, id, &f, 1, e);
    if (f.match == SOPS_AGE_BROKEN) { /* its own error says more than how the run ended */
        sops_err_clear(e);
        (void)sops_fail(e, SOPS_E_GENERIC, "%.*s", SOPS_ARG(f.why));
    }
    memcpy(file_key, f.file_key, SOPS_AGE_FILE_KEY);
    sops_wipe(f.file_key, SOPS_AGE_FILE_KEY);
    sops_buf_free(&f.why);
    return ok ? f.match : SOPS_AGE_BROKEN;
}
