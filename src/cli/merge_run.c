/* SPDX-License-Identifier: Apache-2.0 */
/* Three envelopes, and a fourth for the result, which refers to the texts of the others. */
#include "cli/merge_run.h"

#include "base/text.h"
#include "cli/merge_written.h"
#include "cli/reuse_old.h"
#include "cli/ui.h"
#include "core/merge_cover.h"

#include <stdio.h>

#define SHOWN_MAX 50 /* conflicts in a message */

static struct sops_envelope *env_of(const struct sops_merge_run *r, int version) { return r->v[version].env; }

void sops_merge_run_free(struct sops_merge_run *r)
{
    sops_envelope_free(r->result);
    sops_meta_free(&r->merged);
    sops_merge_free(&r->merge);
    for (int i = 0; i < 3; i++) {
        sops_version_free(&r->v[i]);
    }
    sops_buf_free(&r->reason);
    sops_buf_free(&r->text);
    *r = (struct sops_merge_run){0};
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* The base gives no value to the result, so its MAC does not matter; and where it does not open, it is read again, to
 * be compared by its ciphertexts. */
static bool open_base(struct sops_merge_run *r, struct sops_version *const *others, struct sops_err *e)
{
    struct sops_version *base = &r->v[SOPS_MERGE_BASE];
    struct sops_err why = {0};
    if (base->state != SOPS_VERSION_SEALED || sops_version_open(base, r->j, others, false, &why)) {
        return true;
    }
    bool memory = why.memory;
    sops_err_clear(&why);
    sops_envelope_free(base->env);
    base->env = NULL;
    if (memory) {
        return sops_fail_memory(e);
    }
    base->opened = false;
    return sops_version_look(base, r->j->world, r->f, e);
}

bool sops_merge_open(struct sops_merge_run *r, struct sops_err *e)
{
    struct sops_version *const others[] = {&r->v[SOPS_MERGE_OURS], &r->v[SOPS_MERGE_THEIRS], NULL};
    struct sops_version *const none[] = {NULL};
    return sops_version_open(&r->v[SOPS_MERGE_OURS], r->j, none, true, e) &&
           sops_version_open(&r->v[SOPS_MERGE_THEIRS], r->j, others, true, e) && open_base(r, others, e);
}

/* ---- the plan --------------------------------------------------------------------------------------------------- */

static bool set_reason(struct sops_merge_run *r, const char *text, struct sops_err *e)
{
    return sops_buf_adds(&r->reason, text, e);
}

/* What the merge is made of. A base that is not opened has its leaves marked, so that they can be told from clear
 * ones. */
static bool prepare(struct sops_merge_run *r, struct sops_err *e)
{
    struct sops_version *base = &r->v[SOPS_MERGE_BASE];
    r->in.ours = sops_envelope_look(env_of(r, SOPS_MERGE_OURS));
    r->in.theirs = sops_envelope_look(env_of(r, SOPS_MERGE_THEIRS));
    r->in.comments_behind = (r->f->flags & SOPS_FMT_BEHIND) != 0;
    if (base->state == SOPS_VERSION_SEALED) {
        r->in.base = sops_envelope_look(base->env);
        r->in.base_closed = !base->opened;
    }
    return base->state != SOPS_VERSION_SEALED || base->opened || sops_envelope_mark(base->env, e);
}

static bool plan_metadata(struct sops_merge_run *r, struct sops_err *e)
{
    const struct sops_version *base = &r->v[SOPS_MERGE_BASE];
    bool fits = true;
    return sops_meta_merge(base->state == SOPS_VERSION_SEALED ? sops_envelope_meta(base->env) : NULL,
                           sops_envelope_meta(env_of(r, SOPS_MERGE_OURS)),
                           sops_envelope_meta(env_of(r, SOPS_MERGE_THEIRS)), &r->merged, &fits, &r->reason, e);
}

/* Nothing that was encrypted may be written in clear, whatever is chosen. */
static bool check_cover(struct sops_merge_run *r, sops_pick_fn *pick, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_buf path = {0};
    struct sops_err why = {0};
    bool covered = true;
    if (r->reason.len != 0) {
        return true;
    }
    if (!sops_rules_compile(&r->merged.rules, &why)) {
        bool memory = why.memory;
        bool told = sops_buf_addf(&r->reason, e, "rule: %s", why.msg);
        sops_err_clear(&why);
        return memory ? sops_fail_memory(e) : told;
    }
    bool ok = sops_merge_pick(&r->merge, &r->in, pick, NULL, false, &d, e) &&
              sops_merge_covered(&r->merged.rules, &d, r->in.ours, r->in.theirs, &covered, &path, e);
    if (ok && !covered) {
        ok = sops_buf_addf(&r->reason, e, "%.*s was encrypted, and the merged rule would write it in clear text",
                           SOPS_ARG(path));
    }
    sops_buf_free(&path);
    sops_doc_free(&d);
    return ok;
}

bool sops_merge_plan(struct sops_merge_run *r, struct sops_err *e)
{
    if (!prepare(r, e) || !plan_metadata(r, e)) {
        return false;
    }
    if (r->reason.len != 0) {
        return true;
    }
    if (!sops_merge_values(&r->in, &r->merge, e)) {
        return false;
    }
    if (r->merge.documents) {
        return set_reason(r, "documents: ours and theirs have changed them differently", e);
    }
    return check_cover(r, sops_pick_ours, e) && (r->merge.conflicts == 0 || check_cover(r, sops_pick_theirs, e));
}

/* ---- the finished file ------------------------------------------------------------------------------------------ */

static struct sops_slice key_of(const struct sops_merge_run *r, int version)
{
    return r->v[version].opened ? sops_envelope_key(env_of(r, version)) : (struct sops_slice){0};
}

static struct sops_key_choice choice_of(const struct sops_merge_run *r, const struct sops_meta *merged)
{
    bool base = r->v[SOPS_MERGE_BASE].opened;
    return (struct sops_key_choice){
        .merged = merged,
        .meta = {sops_envelope_meta(env_of(r, SOPS_MERGE_OURS)), sops_envelope_meta(env_of(r, SOPS_MERGE_THEIRS))},
        .base = base ? r->in.base : NULL,
        .doc = {r->in.ours, r->in.theirs},
        .base_key = key_of(r, SOPS_MERGE_BASE),
        .key = {key_of(r, SOPS_MERGE_OURS), key_of(r, SOPS_MERGE_THEIRS)},
    };
}

/* Is the result all that one side is? Then it is its bytes. `values`: it has the values of ours, of theirs. */
static bool take_bytes(struct sops_merge_run *r, const struct sops_key_choice *c, enum sops_kept kept,
                       const bool values[2], bool *taken, struct sops_err *e)
{
    bool equal = sops_slice_eq(c->key[0], c->key[1]);
    *taken = false;
    for (int side = 0; side < 2 && !*taken; side++) {
        bool key = kept == (side == 0 ? SOPS_KEEP_OURS : SOPS_KEEP_THEIRS) || (equal && kept == SOPS_KEEP_OURS);
        *taken = key && values[side] && !r->other_text[side] && sops_meta_same_settings(c->merged, c->meta[side], e);
        if (*taken) {
            r->like = side == 0 ? "ours" : "theirs";
            return sops_buf_add(&r->text, sops_buf_view(&r->v[SOPS_MERGE_OURS + side].text), e);
        }
    }
    return e->code == SOPS_OK;
}

/* Wraps for those who lack it. A recipient for whom that cannot be done is a conflict of the whole file. */
static bool wrap_key(struct sops_merge_run *r, struct sops_err *e)
{
    struct sops_err why = {0};
    bool ok = sops_job_services(r->j, e);
    if (ok && !sops_envelope_wrap_missing(r->result, r->j->services, &why)) {
        ok = why.memory ? sops_fail_memory(e)
                        : sops_buf_addf(&r->reason, e, "a recipient cannot be wrapped: %s", why.msg);
    }
    sops_err_clear(&why);
    return ok;
}

/* The data key, and what is wrapped of it, into the result. */
static bool give_key(struct sops_merge_run *r, const struct sops_key_choice *c, enum sops_kept kept, struct sops_err *e)
{
    struct sops_world *w = r->j->world;
    struct sops_meta *m = sops_envelope_meta(r->result);
    struct sops_buf time = {0};
    struct sops_slice now;
    bool ok = kept == SOPS_KEEP_NONE ? sops_envelope_new_key(r->result, (struct sops_slice){0}, e)
                                     : sops_envelope_take_key(r->result, c->key[kept == SOPS_KEEP_OURS ? 0 : 1], e);
    ok = ok && sops_time_utc(&time, w->now(w), e) && sops_arena_copy(&m->arena, sops_buf_view(&time), &now, e) &&
         sops_key_hand_over(c, m, kept, now, e) && wrap_key(r, e);
    if (kept != SOPS_KEEP_OURS || !sops_meta_same_settings(m, c->meta[0], e)) {
        sops_envelope_renew(r->result);
    }
    sops_buf_free(&time);
    return ok;
}

/* The result holds the document; `by_lines`: its text may be merged by lines, too. */
static bool seal_result(struct sops_merge_run *r, bool by_lines, struct sops_err *e)
{
    const bool values[2] = {sops_same_documents(r->result, env_of(r, SOPS_MERGE_OURS)),
                            sops_same_documents(r->result, env_of(r, SOPS_MERGE_THEIRS))};
    enum sops_kept kept;
    bool taken = false, done = false;
    sops_buf_cut(&r->text, 0);
    r->like = NULL;
    r->other_text[0] = r->other_text[1] = false;
    if (by_lines && !sops_merge_as_written(r, e)) {
        return false;
    }
    struct sops_meta *m = sops_envelope_meta(r->result);
    struct sops_key_choice c = choice_of(r, m);
    sops_meta_free(m);
    sops_meta_refer(m, &r->merged);
    if (!sops_key_choose(&c, &kept, e) || !take_bytes(r, &c, kept, values, &taken, e) || taken) {
        return taken && e->code == SOPS_OK;
    }
    if (!give_key(r, &c, kept, e) || r->reason.len != 0) {
        return e->code == SOPS_OK;
    }
    sops_envelope_reuse(r->result, env_of(r, SOPS_MERGE_OURS));
    sops_envelope_reuse(r->result, env_of(r, SOPS_MERGE_THEIRS));
    const char *path = r->j->path;
    r->j->path = r->name;
    bool ok = sops_envelope_ready(r->result, r->f, e) && sops_job_audit(r->j, "encrypt", e) &&
              sops_envelope_seal_kept(r->result, &r->text, &done, e) &&
              (done || (sops_envelope_seal(r->result, SOPS_REUSE_IN_ORDER, e) &&
                        sops_envelope_emit(r->result, r->f, &r->style, &r->text, e)));
    r->j->path = path;
    return ok;
}

/* An empty envelope for the result. */
static bool begin_result(struct sops_merge_run *r, struct sops_err *e)
{
    sops_envelope_free(r->result);
    r->result = sops_envelope_new(r->j->world, r->name, e);
    return r->result != NULL;
}

bool sops_merge_finish(struct sops_merge_run *r, sops_pick_fn *pick, const void *ctx, struct sops_err *e)
{
    struct sops_doc *d = begin_result(r, e) ? sops_envelope_clear(r->result, e) : NULL;
    return d != NULL && sops_merge_pick(&r->merge, &r->in, pick, ctx, false, d, e) && seal_result(r, true, e);
}

bool sops_merge_finish_text(struct sops_merge_run *r, struct sops_slice clear, struct sops_err *e)
{
    struct sops_style style = r->style;
    style.keep = SOPS_KEEP_OFF;
    return begin_result(r, e) && sops_envelope_style(r->result, r->f, &style, e) &&
           sops_envelope_parse_clear(r->result, r->f, clear, e) && sops_envelope_not_empty(r->result, e) &&
           (!sops_envelope_has_meta(r->result, r->f) || (r->f->flags & SOPS_FMT_WHOLE) != 0 ||
            sops_fail(e, SOPS_E_ALREADY, "the text has a top-level entry where its metadata would have their place")) &&
           seal_result(r, false, e);
}

/* ---- conflicts -------------------------------------------------------------------------------------------------- */

/* The whole file with all conflicts decided for one side: ciphertexts of the sides under the metadata of ours. */
static bool write_side(struct sops_merge_run *r, sops_pick_fn *pick, bool clear, struct sops_buf *out,
                       struct sops_err *e)
{
    struct sops_envelope *env = sops_envelope_new(r->j->world, r->name, e);
    struct sops_doc *d = env != NULL ? sops_envelope_clear(env, e) : NULL;
    bool ok = d != NULL && sops_merge_pick(&r->merge, &r->in, pick, NULL, !clear, d, e);
    if (ok && clear) {
        ok = sops_envelope_emit_clear(env, r->f, &r->style, out, e);
    } else if (ok) {
        struct sops_meta *m = sops_envelope_meta(env);
        sops_meta_refer(m, sops_envelope_meta(env_of(r, SOPS_MERGE_OURS)));
        m->conflicts = (int64_t)r->merge.conflicts;
        ok = sops_envelope_close(env, e) && sops_envelope_emit(env, r->f, &r->style, out, e);
    }
    sops_envelope_free(env);
    return ok;
}

static bool write_both(struct sops_merge_run *r, const struct sops_marker_style *style, bool clear, struct sops_err *e)
{
    struct sops_buf ours = {0}, theirs = {0};
    const struct sops_format *f = clear ? r->f : sops_format_sealed(r->f);
    sops_buf_cut(&r->text, 0);
    bool ok = write_side(r, sops_pick_ours, clear, &ours, e) && write_side(r, sops_pick_theirs, clear, &theirs, e) &&
              sops_conflict_text(&r->merge, f, sops_buf_view(&ours), sops_buf_view(&theirs), style, &r->text, e);
    sops_buf_free(&ours);
    sops_buf_free(&theirs);
    return ok;
}

bool sops_merge_conflict(struct sops_merge_run *r, const struct sops_marker_style *style, struct sops_err *e)
{
    return write_both(r, style, false, e);
}

bool sops_merge_clear(struct sops_merge_run *r, struct sops_err *e)
{
    const struct sops_marker_style style = {.size = SOPS_MARKER_SIZE};
    return write_both(r, &style, true, e);
}

/* ---- what is told ----------------------------------------------------------------------------------------------- */

bool sops_merge_conflict_name(const struct sops_merge_run *r, size_t i, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_conflict *c = &r->merge.conflict[i];
    bool several = r->in.ours->parts != NULL && r->in.ours->parts->next != NULL;
    return (!several || sops_buf_addf(out, e, "document %u ", c->document)) && sops_buf_add(out, c->path, e);
}

static void tell_recipient(const struct sops_merge_run *r, const char *what, bool several, size_t group,
                           const struct sops_key *k)
{
    struct sops_buf name = {0};
    struct sops_err none = {0};
    char of[32] = "";
    if (several) {
        (void)snprintf(of, sizeof of, "group %zu ", group);
    }
    if (sops_key_name(k, &name, &none)) {
        sops_ui_note("%s: recipient %s by theirs: %s%.*s", r->name, what, of, SOPS_ARG(name));
    }
    sops_err_clear(&none);
    sops_buf_free(&name);
}

/* The recipients of `a` that `b` does not have. */
static void tell_difference(const struct sops_merge_run *r, const char *what, const struct sops_meta *a,
                            const struct sops_meta *b)
{
    const struct sops_group *g = a->groups, *other = b->groups;
    struct sops_err none = {0};
    bool several = g != NULL && g->next != NULL;
    for (size_t n = 1; g != NULL; g = g->next, other = other != NULL ? other->next : NULL, n++) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (sops_group_find(other, k, &none) == NULL) {
                tell_recipient(r, what, several, n, k);
            }
        }
    }
    sops_err_clear(&none);
}

void sops_merge_tell_recipients(const struct sops_merge_run *r)
{
    const struct sops_meta *ours = sops_envelope_meta(env_of(r, SOPS_MERGE_OURS));
    tell_difference(r, "added", &r->merged, ours);
    tell_difference(r, "removed", ours, &r->merged);
}

void sops_merge_tell_done(const struct sops_merge_run *r)
{
    const struct sops_merge *m = &r->merge;
    if (m->from_ours + m->from_theirs == 0) {
        sops_ui_note("%s: merged (metadata)", r->name);
    } else {
        sops_ui_note("%s: merged (%zu from ours, %zu from theirs)", r->name, m->from_ours, m->from_theirs);
    }
    sops_merge_tell_recipients(r);
}

void sops_merge_tell_conflicts(const struct sops_merge_run *r)
{
    size_t count = r->merge.conflicts;
    sops_ui_note("%s: %zu conflict%s", r->name, count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count && i < SHOWN_MAX; i++) {
        struct sops_buf name = {0};
        struct sops_err none = {0};
        if (sops_merge_conflict_name(r, i, &name, &none)) {
            sops_ui_note("  %.*s  %s", SOPS_ARG(name), sops_conflict_words[r->merge.conflict[i].kind]);
        }
        sops_err_clear(&none);
        sops_buf_free(&name);
    }
    if (count > SHOWN_MAX) {
        sops_ui_note("  and %zu more", count - SHOWN_MAX);
    }
}

void sops_merge_tell_reason(const struct sops_merge_run *r)
{
    sops_ui_note("%s: not merged: %.*s", r->name, SOPS_ARG(r->reason));
}
