/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that says any bytes: the first chooses the machine, and how many files it is asked for. Whatever it says
 * ends in a result or an error, and no control character of it reaches the user. */
#include "base/text.h"
#include "keysources/age_internal.h"

#include <sodium.h>
#include <stdlib.h>

struct script {
    struct sops_slice left;
};

static ptrdiff_t script_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    struct script *x = s->ctx;
    (void)timeout_ms;
    (void)e;
    size_t take = x->left.len < n ? x->left.len : n;
    if (take != 0) {
        memcpy(to, x->left.ptr, take);
    }
    x->left = sops_slice_skip(x->left, take);
    return (ptrdiff_t)take;
}

static bool script_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    (void)s;
    (void)bytes;
    (void)e;
    return true;
}

static void script_close(struct sops_stream *s) { (void)s; }

static bool open_script(struct sops_world *w, const struct sops_peer *p, struct sops_stream *s, struct sops_err *e)
{
    (void)p;
    (void)e;
    *s = (struct sops_stream){script_read, script_write, script_close, w->ctx};
    return true;
}

static const char *no_env(struct sops_world *w, const char *name)
{
    (void)w;
    (void)name;
    return NULL;
}

static void check_text(const char *text)
{
    struct sops_slice left = sops_str(text);
    while (left.len != 0) {
        uint32_t cp;
        size_t n = sops_utf8_next(left, &cp);
        if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp <= 0x9f)) {
            abort();
        }
        left = sops_slice_skip(left, n);
    }
}

static bool ask(struct sops_world *w, const struct sops_question *q, struct sops_buf *answer, struct sops_err *e)
{
    (void)w;
    check_text(q->prompt);
    if (q->kind == SOPS_ASK_CONFIRM) {
        check_text(q->yes);
        check_text(q->no != NULL ? q->no : "");
    }
    return sops_buf_addc(answer, '1', e);
}

static void say(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    check_text(text);
}

#define FILES 5

static void check_why(const struct sops_buf *why)
{
    struct sops_err e = {0};
    char *text = sops_strdup(sops_buf_view(why), &e);
    check_text(text);
    sops_free(text);
}

/* Several files in one process: each has a key of the plugin's, a failure of its own, or nothing. */
static void unwrap_several(struct sops_world *w, const struct sops_age_identity *id, struct sops_err *e)
{
    static const struct sops_slice arg[] = {{(const uint8_t *)"x", 1}};
    struct sops_age_stanza stanza = {arg, 1, SOPS_LIT("y"), NULL};
    const struct sops_age_header h = {.stanzas = &stanza, .count = 1};
    struct sops_age_plugin_file file[FILES] = {{.h = &h}, {.h = &h}, {.h = &h}, {.h = &h}, {.h = &h}};
    if (sops_age_plugin_run(w, id, file, FILES, e) != (e->code == SOPS_OK)) {
        abort();
    }
    for (size_t i = 0; i < FILES; i++) {
        if ((file[i].match == SOPS_AGE_BROKEN) && file[i].why.len == 0) {
            abort();
        }
        check_why(&file[i].why);
        sops_buf_free(&file[i].why);
    }
}

static void wrap_several(struct sops_world *w, const struct sops_age_recipient *r, struct sops_err *e)
{
    uint8_t keys[FILES * SOPS_AGE_FILE_KEY] = {0};
    struct sops_age_plugin_key key[FILES] = {{.file_key = keys}};
    struct sops_arena a = {0};
    for (size_t i = 0; i < FILES; i++) {
        key[i].file_key = keys + i * SOPS_AGE_FILE_KEY;
    }
    bool ok = sops_age_plugin_wrap_run(w, r, key, FILES, &a, e);
    for (size_t i = 0; i < FILES; i++) {
        if (ok && key[i].stanzas == NULL) {
            abort();
        }
    }
    sops_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || sodium_init() < 0) {
        return 0;
    }
    struct script x = {sops_slice_of(data + 1, size - 1)};
    struct sops_world w = {.env = no_env, .open = open_script, .ask = ask, .say = say, .ctx = &x};
    struct sops_err e = {0};
    uint8_t key[SOPS_AGE_FILE_KEY] = {0};
    struct sops_age_recipient r = {.text = SOPS_LIT("age1x1f68a30"), .name = SOPS_LIT("x")};
    struct sops_age_identity id = {.secret = SOPS_LIT("AGE-PLUGIN-TESTECHO-10QN6L2YT"),
                                   .unwrap = sops_age_plugin_unwrap};
    if (data[0] % 4 == 2) {
        wrap_several(&w, &r, &e);
    } else if (data[0] % 4 == 3) {
        unwrap_several(&w, &id, &e);
    } else if (data[0] % 2 == 0) {
        struct sops_arena a = {0};
        struct sops_age_stanza *out = NULL;
        bool ok = sops_age_plugin_wrap(&w, &r, key, &a, &out, &e);
        if (ok != (e.code == SOPS_OK) || (ok && out == NULL)) {
            abort();
        }
        sops_arena_free(&a);
    } else {
        struct sops_age_header h = {0};
        if ((sops_age_plugin_unwrap(&w, &id, &h, key, &e) == SOPS_AGE_BROKEN) != (e.code != SOPS_OK)) {
            abort();
        }
    }
    sops_err_clear(&e);
    sops_world_forget(&w);
    return 0;
}
