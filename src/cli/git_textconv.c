/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git textconv (docs/spec/70-git.md#git-textconv): what git diff, log -p, show and blame show. git's pager owns the
 * terminal, so nothing is asked and nothing is said. A file that does not open is shown as its structure, from a second
 * reading: no value that was decrypted is in it.
 */
#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"
#include "cli/diff_print.h"
#include "cli/git_verbs.h"
#include "cli/ui.h"
#include "cli/versions.h"

#include <stdlib.h>

#define DIGEST_SHOWN 3 /* bytes: enough to show a change */

static bool never_ask(struct sops_world *w, const struct sops_question *q, struct sops_buf *answer, struct sops_err *e)
{
    (void)w;
    (void)q;
    (void)answer;
    return sops_fail(e, SOPS_E_GENERIC, "nobody is asked here");
}

/* ---- the structure of a file that does not open ----------------------------------------------------------------- */

/* How long the text is that the ciphertext stands for. */
static size_t text_length(struct sops_slice enc)
{
    struct sops_slice data = sops_slice_skip(enc, sizeof "ENC[AES256_GCM,data:" - 1);
    data = sops_slice_first(data, sops_slice_find(data, ','));
    size_t padding = data.len - sops_slice_trim_end(data, '=').len;
    size_t bytes = data.len / 4 * 3;
    return bytes >= padding ? bytes - padding : 0;
}

static bool add_digest(struct sops_buf *out, struct sops_slice of, struct sops_err *e)
{
    uint8_t digest[32];
    sops_sha256(of, digest);
    return sops_hex_add(out, sops_slice_of(digest, DIGEST_SHOWN), false, e);
}

/* The ciphertext of `n` becomes what may be known of it. */
static bool describe(struct sops_doc *d, struct sops_node *n, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool comment = sops_reads_as_comment(n);
    bool ok = sops_buf_addf(&text, e, "%sencrypted %s %zu bytes ", comment ? " " : "", sops_kind_word(n),
                            text_length(n->text)) &&
              add_digest(&text, n->text, e) && sops_arena_copy(&d->arena, sops_buf_view(&text), &n->text, e);
    n->kind = comment ? SOPS_COMMENT : SOPS_STR;
    n->flags &= (uint16_t)~SOPS_MARKED;
    sops_buf_free(&text);
    return ok;
}

/* All of the closed document `from` into the empty `to`, with its ciphertexts described. */
static bool copy_described(const struct sops_doc *from, struct sops_doc *to, struct sops_err *e)
{
    for (const struct sops_node *part = from->parts; part != NULL; part = part->next) {
        struct sops_node *copy = sops_node_copy(to, part, e);
        if (copy == NULL) {
            return false;
        }
        *(to->tail != NULL ? &to->tail->next : &to->parts) = copy;
        to->tail = copy;
        for (struct sops_node *n = copy; n != NULL; n = sops_node_after(copy, n)) {
            bool sealed = (n->flags & SOPS_MARKED) != 0 && sops_is_ciphertext(n->text);
            if (sealed && !describe(to, n, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_structure(struct sops_world *w, const struct sops_format *f, struct sops_slice text,
                          struct sops_buf *out, struct sops_err *e)
{
    static const struct sops_style style = {0};
    struct sops_envelope *closed = sops_envelope_new(w, "", e), *shown = sops_envelope_new(w, "", e);
    struct sops_doc *d = shown != NULL ? sops_envelope_clear(shown, e) : NULL;
    bool ok = closed != NULL && d != NULL && sops_envelope_parse(closed, f, text, e) && sops_envelope_mark(closed, e) &&
              copy_described(sops_envelope_look(closed), d, e) && sops_envelope_emit_clear(shown, f, &style, out, e);
    sops_envelope_free(closed);
    sops_envelope_free(shown);
    return ok;
}

/* ---- the tail --------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return sops_slice_cmp(*(const struct sops_slice *)a, *(const struct sops_slice *)b);
}

/* What somebody may have put into a file to move a terminal or to look like a line of ours. */
static void make_safe(struct sops_slice text)
{
    uint8_t *at = (uint8_t *)(uintptr_t)text.ptr;
    for (size_t i = 0; i < text.len; i++) {
        at[i] = at[i] < 0x20 || at[i] == 0x7f ? '?' : at[i];
    }
}

/* The recipients of one group, sorted. */
static bool add_group(const struct sops_group *g, size_t number, struct sops_arena *a, struct sops_buf *out,
                      struct sops_err *e)
{
    size_t count = 0, n = 0;
    struct sops_buf name = {0};
    for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
        count++;
    }
    struct sops_slice *list = sops_arena_alloc(a, (count + 1) * sizeof *list, e);
    bool ok = list != NULL;
    for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
        sops_buf_cut(&name, 0);
        ok = sops_key_name(k, &name, e) && sops_arena_copy(a, sops_buf_view(&name), &list[n], e);
        if (ok) {
            make_safe(list[n++]);
        }
    }
    if (ok && n > 1) {
        qsort(list, n, sizeof *list, by_text);
    }
    for (size_t i = 0; ok && i < n; i++) {
        ok = sops_buf_adds(out, "# sops ", e) && (number == 0 || sops_buf_addf(out, e, "group %zu ", number)) &&
             sops_buf_add(out, list[i], e) && sops_buf_addc(out, '\n', e);
    }
    sops_buf_free(&name);
    return ok;
}

static bool add_tail(const struct sops_meta *m, const struct sops_format *f, const char *reason, struct sops_buf *out,
                     struct sops_err *e)
{
    struct sops_arena a = {0};
    enum sops_rule rule = sops_rules_which(&m->rules);
    bool several = m->groups != NULL && m->groups->next != NULL, ok = true;
    size_t number = several ? 1 : 0;
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next, number++) {
        ok = add_group(g, several ? number : 0, &a, out, e);
    }
    if (ok && (f->flags & SOPS_FMT_WHOLE) == 0 && rule != SOPS_RULES) {
        struct sops_slice text;
        ok = sops_arena_copy(&a, m->rules.text[rule], &text, e);
        if (ok) {
            make_safe(text);
            ok = sops_buf_addf(out, e, "# sops rule %s ", sops_rule_names[rule]) && sops_buf_add(out, text, e) &&
                 sops_buf_addc(out, '\n', e);
        }
    }
    ok = ok && (!m->rules.mac_only_encrypted || sops_buf_adds(out, "# sops mac_only_encrypted\n", e)) &&
         (m->threshold == 0 || sops_buf_addf(out, e, "# sops threshold %lld\n", (long long)m->threshold)) &&
         (reason == NULL || sops_buf_addf(out, e, "# sops not opened: %s\n", reason));
    sops_arena_free(&a);
    return ok;
}

/* ---- the text --------------------------------------------------------------------------------------------------- */

/* A document ends with a newline; what is no text is not shown. */
static bool finish_text(const struct sops_format *f, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice text = sops_buf_view(out);
    bool bytes = (f->flags & SOPS_FMT_WHOLE) != 0 && (!sops_utf8_valid(text) || sops_slice_find(text, '\0') < text.len);
    if (bytes) {
        struct sops_buf line = {0};
        bool ok = sops_buf_addf(&line, e, "binary %zu bytes ", text.len) && add_digest(&line, text, e);
        sops_buf_free(out);
        *out = line;
        return ok && sops_buf_addc(out, '\n', e);
    }
    return out->len == 0 || out->ptr[out->len - 1] == '\n' || sops_buf_addc(out, '\n', e);
}

static const char *reason_of(int code)
{
    return code == SOPS_E_NO_KEY    ? "no key"
           : code == SOPS_E_MAC     ? "wrong MAC"
           : code == SOPS_E_DECRYPT ? "a value is damaged"
                                    : "it cannot be read";
}

/* The text of a sealed file. Nothing can be shown of it where this fails. */
static bool convert(struct sops_job *j, struct sops_version *v, const struct sops_format *f, struct sops_buf *out,
                    struct sops_err *e)
{
    static const struct sops_style style = {0};
    struct sops_err why = {0};
    const char *reason = NULL;
    bool ok = true;
    if (!sops_version_open(v, j, NULL, true, &why) || !sops_envelope_emit_clear(v->env, f, &style, out, &why)) {
        reason = reason_of(why.code);
        sops_buf_cut(out, 0);
        ok = why.memory ? sops_fail_memory(e) : add_structure(j->world, f, sops_buf_view(&v->text), out, e);
    }
    sops_err_clear(&why);
    return ok && finish_text(f, out, e) && add_tail(sops_envelope_meta(v->env), f, reason, out, e);
}

static bool run_textconv(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_job j = {.world = w, .opt = o};
    struct sops_version v = {.name = o->argc == 1 ? o->args[0] : NULL};
    struct sops_buf out = {0};
    struct sops_err why = {0};
    w->ask = never_ask;
    w->say = sops_ui_say_nothing;
    w->never_asks = true;
    if (o->argc != 1) {
        return sops_fail(e, SOPS_E_READ, "git starts this with one file");
    }
    if (!sops_step_order(&j, &why)) {
        sops_err_clear(&why);
        j.order = SOPS_LIT(SOPS_DEFAULT_ORDER);
    }
    bool ok = sops_file_read(v.name, SOPS_FILE_MAX, &v.text, e);
    if (ok) {
        const struct sops_format *f = sops_version_format(w, NULL, NULL, v.name, sops_buf_view(&v.text));
        bool sealed = sops_version_look(&v, w, f, &why) && v.state == SOPS_VERSION_SEALED;
        bool shown = sealed && convert(&j, &v, f, &out, &why);
        ok = (!why.memory || sops_fail_memory(e)) && sops_ui_out(sops_buf_view(shown ? &out : &v.text), e);
    }
    sops_err_clear(&why);
    sops_buf_free(&out);
    sops_version_free(&v);
    sops_job_free(&j);
    return ok;
}

static const struct sops_opt_table *const tables[] = {&sops_opts_order, &sops_opts_services, NULL};

const struct sops_verb sops_verb_git_textconv = {
    .name = "textconv",
    .summary = "show a file in clear text for git diff and git log (git calls this)",
    .args = "FILE",
    .about = "Without a key: its structure. Nothing is asked, and nothing is said on stderr.\n",
    .example = "sops git textconv secrets.yaml",
    .tables = tables,
    .ours = true,
    .finds = true,
    .words = true,
    .run = run_textconv,
};
