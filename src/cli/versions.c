/* SPDX-License-Identifier: Apache-2.0 */
/* A text with the markers of a conflict is never parsed, and whatever is wrong with a version is kept beside it: who
 * asks decides whether that ends the command. */
#include "cli/versions.h"

#include "base/file.h"
#include "cli/ui.h"
#include "core/conflict.h"
#include "core/log.h"

#include <errno.h>
#include <sys/stat.h>

void sops_version_free(struct sops_version *v)
{
    sops_envelope_free(v->env);
    sops_buf_free(&v->text);
    sops_err_clear(&v->why);
    *v = (struct sops_version){0};
}

/* ---- formats ---------------------------------------------------------------------------------------------------- */

/* Is it a file of its own kind: one text under "data", and the metadata? */
static bool holds_one_text(const struct sops_envelope *env)
{
    const struct sops_node *top = sops_envelope_look(env)->parts;
    size_t others = 0;
    bool data = false;
    for (const struct sops_node *n = top->child; n != NULL; n = n->next) {
        bool is_data = sops_slice_eq(n->key, SOPS_LIT("data")) && n->kind == SOPS_STR;
        data = data || is_data;
        others += !is_data && !sops_slice_eq(n->key, SOPS_LIT("sops"));
    }
    return data && others == 0;
}

/* Does `text` parse as `f`, with metadata? What a guess has to remark is nothing to tell. */
static bool fits(struct sops_world *w, const struct sops_format *f, struct sops_slice text, bool *one_text)
{
    struct sops_err why = {0};
    struct sops_world quiet = *w;
    quiet.say = sops_ui_say_nothing;
    struct sops_envelope *env = sops_envelope_new(&quiet, "", &why);
    bool good = env != NULL && sops_envelope_parse_tree(env, f, text, &why) && sops_envelope_has_meta(env, f);
    *one_text = good && holds_one_text(env);
    sops_envelope_free(env);
    sops_err_clear(&why);
    return good;
}

const struct sops_format *sops_version_format(struct sops_world *w, const struct sops_config *config, const char *type,
                                              const char *name, struct sops_slice text)
{
    const struct sops_format *f = sops_format_named(sops_str(type));
    if (f != NULL) {
        return f;
    }
    f = sops_config_format_of(config, sops_str(name), text);
    if (f->sealed == NULL || !sops_holds_ciphertext(text)) {
        return f;
    }
    for (const struct sops_format *guess = sops_format_to_try(NULL); guess != NULL; guess = sops_format_to_try(guess)) {
        bool one_text = false;
        if (fits(w, guess, text, &one_text)) {
            return guess == f->sealed && one_text ? f : guess;
        }
    }
    return f;
}

/* ---- what it is -------------------------------------------------------------------------------------------------- */

static bool make_plain(struct sops_version *v, const char *plain, bool parses)
{
    v->state = SOPS_VERSION_PLAIN;
    v->plain = plain;
    v->parses = parses;
    return true;
}

static bool begin_reading(struct sops_version *v, struct sops_world *w, const struct sops_format *f, struct sops_err *e)
{
    sops_envelope_free(v->env);
    v->env = sops_envelope_new(w, v->name, e);
    if (v->env == NULL || v->style == NULL) {
        return v->env != NULL;
    }
    sops_envelope_turn_into(v->env, f, v->style, false);
    return sops_envelope_style(v->env, f, v->style, e);
}

/* Clear text of a format whose encrypted form is another one is a document when it is read as what it is. */
static bool look_at_plain(struct sops_version *v, struct sops_world *w, const struct sops_format *f, struct sops_err *e)
{
    struct sops_err why = {0};
    if (!begin_reading(v, w, f, e)) {
        return false;
    }
    bool parses = sops_envelope_parse_clear(v->env, f, sops_buf_view(&v->text), &why);
    bool memory = why.memory;
    sops_err_clear(&v->why);
    v->why = why;
    return memory ? sops_fail_memory(e) : make_plain(v, parses ? "is not encrypted" : "does not parse", parses);
}

bool sops_version_look(struct sops_version *v, struct sops_world *w, const struct sops_format *f, struct sops_err *e)
{
    struct sops_slice text = sops_buf_view(&v->text);
    struct sops_err why = {0};
    if (text.len == 0) {
        v->state = SOPS_VERSION_ABSENT;
        return true;
    }
    if (sops_holds_markers(text)) {
        return make_plain(v, "holds conflict markers", false);
    }
    if (!begin_reading(v, w, f, e)) {
        return false;
    }
    if (!sops_envelope_parse_tree(v->env, f, text, &why) || !sops_envelope_has_meta(v->env, f)) {
        bool memory = why.memory;
        sops_err_clear(&why);
        return memory ? sops_fail_memory(e) : look_at_plain(v, w, f, e);
    }
    bool good = sops_envelope_detach(v->env, f, &why) && sops_envelope_check_version(v->env, &why);
    v->state = good ? SOPS_VERSION_SEALED : SOPS_VERSION_BROKEN;
    v->why = why;
    return !why.memory || sops_fail_memory(e);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static bool find_key(struct sops_version *v, struct sops_job *j, struct sops_version *const *others, struct sops_err *e)
{
    bool taken = false;
    for (; others != NULL && *others != NULL && !taken; others++) {
        if ((*others)->env != NULL && *others != v && !sops_envelope_share_key(v->env, (*others)->env, &taken, e)) {
            return false;
        }
    }
    return taken || (sops_job_services(j, e) && sops_envelope_unwrap(v->env, j->services, j->order, e));
}

bool sops_version_hint(const struct sops_version *v, struct sops_err *e)
{
    return sops_holds_markers(sops_buf_view(&v->text)) && sops_hint(e, SOPS_UNFINISHED_HINT, v->name, v->name, v->name);
}

bool sops_version_open(struct sops_version *v, struct sops_job *j, struct sops_version *const *others, bool verify,
                       struct sops_err *e)
{
    if (v->state != SOPS_VERSION_SEALED) {
        const char *what = v->state == SOPS_VERSION_BROKEN ? v->why.msg : v->plain;
        (void)sops_fail(e, SOPS_E_GENERIC, "'%s' %s", v->name, what != NULL ? what : "is empty");
        return sops_version_hint(v, e);
    }
    const char *path = j->path;
    j->path = v->name;
    bool ok = find_key(v, j, others, e) || (sops_within(e, "'%s'", v->name) && false);
    ok = ok && sops_job_audit(j, "decrypt", e) && sops_envelope_open(v->env, e) &&
         (!verify || sops_envelope_verify(v->env, e));
    j->path = path;
    v->opened = ok;
    return ok;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

/* What `cat-file blob` gives for REV:PATH; the path decides the format. */
static bool fetch_blob(struct sops_version *v, struct sops_world *w, const char *word, struct sops_err *e)
{
    struct sops_git git = {.world = w};
    struct sops_git_object o = {0};
    enum sops_git_place place = sops_git_look(&git, e);
    bool ok = place != SOPS_GIT_FAILED &&
              (place == SOPS_GIT_NONE || sops_git_read(&git, sops_str(word), SOPS_FILE_MAX, false, &o, e));
    if (ok && o.there && o.blob) {
        v->text = o.bytes;
        o.bytes = (struct sops_buf){0};
        ok = !o.cut || sops_fail(e, SOPS_E_READ, "'%s' is longer than %zu MiB", word, SOPS_FILE_MAX >> 20);
    } else if (ok) {
        ok = sops_fail(e, SOPS_E_NO_FILE, "'%s' is no file, and git knows no such version of one", word);
    }
    sops_git_object_free(&o);
    sops_git_close(&git);
    return ok;
}

bool sops_version_fetch(struct sops_version *v, struct sops_world *w, const char *word, const char **name,
                        struct sops_err *e)
{
    struct stat st;
    const char *colon = strchr(word, ':');
    v->name = word;
    *name = word;
    if (stat(word, &st) == 0 || (errno != ENOENT && errno != ENOTDIR)) {
        return sops_file_read(word, SOPS_FILE_MAX, &v->text, e);
    }
    if (word[0] == '-') {
        return sops_fail(e, SOPS_E_READ, "'%s' is no file, and no option here", word);
    }
    if (colon == NULL) {
        return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", word);
    }
    if (word[0] == ':' && word[1] >= '0' && word[1] <= '3' && word[2] == ':') {
        colon = word + 2; /* :2:FILE, a version of the index */
    }
    *name = colon + 1;
    return fetch_blob(v, w, word, e);
}
