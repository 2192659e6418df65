/* SPDX-License-Identifier: Apache-2.0 */
/* The versions are opened once more, as they are written: the merge itself compares values as the sealed text has them.
 * That the merged text says what the texts' documents merge to is not believed but read. */
#include "cli/merge_written.h"

#include "cli/reuse_old.h"
#include "core/match.h"

struct as_written {
    struct sops_style style;
    struct sops_version v[3]; /* as in struct sops_merge_run */
    struct sops_buf clear[3];
    struct sops_envelope *read[3]; /* of the clear texts, which show comments in spellings, too */
};

/* `text` as a document. NULL when it is none, or without memory. */
static struct sops_envelope *read_clear(const struct as_written *w, const struct sops_merge_run *r,
                                        struct sops_slice text, struct sops_err *e)
{
    struct sops_err why = {0};
    struct sops_envelope *env = sops_envelope_new(r->j->world, r->name, e);
    bool good = false;
    if (env != NULL) {
        sops_envelope_turn_into(env, r->f, &w->style, false);
        good = sops_envelope_style(env, r->f, &w->style, e) && sops_envelope_parse_clear(env, r->f, text, &why);
    }
    if (why.memory) {
        (void)sops_fail_memory(e);
    }
    sops_err_clear(&why);
    if (!good) {
        sops_envelope_free(env);
        env = NULL;
    }
    return env;
}

/* One version opened with the data key that is there, and its clear text; neither where that cannot be, as with a base
 * whose MAC is another. */
static bool open_as_written(struct as_written *w, const struct sops_merge_run *r, size_t i, struct sops_err *e)
{
    struct sops_version *v = &w->v[i];
    struct sops_err why = {0};
    v->name = r->v[i].name;
    v->style = &w->style;
    if (!sops_buf_add(&v->text, sops_buf_view(&r->v[i].text), e) || !sops_version_look(v, r->j->world, r->f, e)) {
        return false;
    }
    bool opened = v->state == SOPS_VERSION_SEALED &&
                  sops_envelope_take_key(v->env, sops_envelope_key(r->v[i].env), &why) &&
                  sops_envelope_open(v->env, &why) && sops_envelope_verify(v->env, &why) &&
                  sops_envelope_emit_clear(v->env, r->f, &w->style, &w->clear[i], &why);
    if (opened) {
        w->read[i] = read_clear(w, r, sops_buf_view(&w->clear[i]), e);
    } else if (why.memory) {
        (void)sops_fail_memory(e);
    }
    sops_err_clear(&why);
    return e->code == SOPS_OK;
}

/* Does `fresh` say what the documents of the three texts merge to? */
static bool says_merged(const struct as_written *w, const struct sops_merge_run *r, const struct sops_envelope *fresh,
                        struct sops_err *e)
{
    const struct sops_merge_in in = {.base = sops_envelope_look(w->read[SOPS_MERGE_BASE]),
                                     .ours = sops_envelope_look(w->read[SOPS_MERGE_OURS]),
                                     .theirs = sops_envelope_look(w->read[SOPS_MERGE_THEIRS]),
                                     .comments_behind = r->in.comments_behind};
    struct sops_merge m = {0};
    struct sops_envelope *merged = NULL;
    bool says = false;
    if (sops_merge_values(&in, &m, e) && !m.documents && m.conflicts == 0) {
        merged = sops_envelope_new(r->j->world, r->name, e);
        struct sops_doc *d = merged != NULL ? sops_envelope_clear(merged, e) : NULL;
        says = d != NULL && sops_merge_pick(&m, &in, sops_pick_ours, NULL, false, d, e) &&
               sops_same_documents(fresh, merged);
    }
    sops_envelope_free(merged);
    sops_merge_free(&m);
    return says;
}

/* Ours gets the merged text, and becomes the result. */
static bool take_text(struct as_written *w, struct sops_merge_run *r, struct sops_slice text, bool *taken,
                      struct sops_err *e)
{
    struct sops_envelope *fresh = read_clear(w, r, text, e), **ours = &w->v[SOPS_MERGE_OURS].env;
    if (fresh != NULL && says_merged(w, r, fresh, e) && sops_envelope_take_clear(*ours, fresh, e)) {
        sops_envelope_free(r->result);
        r->result = *ours;
        *ours = NULL;
        *taken = true;
        for (size_t side = 0; side < 2; side++) {
            r->other_text[side] = !sops_slice_eq(text, sops_buf_view(&w->clear[SOPS_MERGE_OURS + side]));
        }
    }
    sops_envelope_free(fresh);
    return e->code == SOPS_OK;
}

static bool merge_texts(struct as_written *w, struct sops_merge_run *r, bool *taken, struct sops_err *e)
{
    uint8_t key[SOPS_PRINT_KEY];
    struct sops_slice text[3];
    struct sops_buf merged = {0};
    bool fits = true, ok = r->j->world->random(r->j->world, key, sizeof key, e);
    for (size_t i = 0; ok && i < 3; i++) {
        ok = open_as_written(w, r, i, e);
        fits = fits && ok && w->read[i] != NULL;
        text[i] = sops_buf_view(&w->clear[i]);
    }
    ok = ok && (!fits || sops_lines_merge(text, key, SOPS_MATCH_TOUCHING, &merged, &fits, e)) &&
         (!fits || take_text(w, r, sops_buf_view(&merged), taken, e));
    sops_buf_free(&merged);
    return ok;
}

bool sops_merge_as_written(struct sops_merge_run *r, struct sops_err *e)
{
    struct as_written w = {.style = r->style};
    bool taken = false, ok = true;
    if (r->style.keep == SOPS_KEEP_OFF || r->f->textual == NULL) {
        return true;
    }
    w.style.keep = SOPS_KEEP_ON; /* a merge that is refused for its layout would help nobody */
    if (r->v[SOPS_MERGE_BASE].opened && r->merge.conflicts == 0) {
        ok = merge_texts(&w, r, &taken, e);
    }
    if (ok && !taken) {
        sops_world_warn(r->j->world,
                        "'%s': the style cannot be kept (the lines do not merge as the values do), it is "
                        "written anew",
                        r->name);
    }
    for (size_t i = 0; i < 3; i++) {
        sops_envelope_free(w.read[i]);
        sops_buf_free(&w.clear[i]);
        sops_version_free(&w.v[i]);
    }
    return ok;
}
