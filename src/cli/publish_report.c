/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as text and as JSON Lines, the question, and the work itself, one item after the other. No value and no part
 * of one is ever in a line. */
#include "cli/publish_stores.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/seal.h"
#include "cli/ui.h"

#include <unistd.h>

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static bool add_changes(const struct sops_changes *c, struct sops_buf *out, struct sops_err *e)
{
    static const char *const signs[] = {"", "+", "-"};
    bool ok = true;
    for (const struct sops_change *change = c->first; ok && change != NULL; change = change->next) {
        ok = sops_buf_adds(out, change == c->first ? ": " : ", ", e) && sops_buf_adds(out, signs[change->kind], e) &&
             sops_change_path(change->path, out, e);
    }
    return ok;
}

static bool shows_changes(const struct sops_plan_item *i)
{
    return i->changes.first != NULL &&
           (i->action == SOPS_UPDATE || i->action == SOPS_RESTORE || i->action == SOPS_ADOPT);
}

static bool text_line(const struct sops_plan_item *i, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_addf(out, e, "%c %-8s %s %.*s %.*s  (%.*s)", sops_action_signs[i->action],
                            sops_action_names[i->action], i->site->store->rule, SOPS_ARG(i->site->place),
                            SOPS_ARG(i->name), SOPS_ARG(i->source));
    if (ok && i->by_digest) {
        ok = sops_buf_adds(out, ": (not readable)", e);
    } else if (ok && shows_changes(i)) {
        ok = add_changes(&i->changes, out, e);
    } else if (ok && i->action == SOPS_FOREIGN) {
        ok = sops_buf_addf(out, e, ": %.*s", SOPS_ARG(i->reason));
    }
    return ok && sops_buf_addc(out, '\n', e);
}

static const char *result_word(enum sops_publish_result result)
{
    static const char *const words[] = {NULL, "done", "failed", "skipped"};
    return words[result];
}

static bool add_result(enum sops_publish_result result, const struct sops_err *why, struct sops_buf *out,
                       struct sops_err *e)
{
    const char *word = result_word(result);
    return (word == NULL || sops_json_add(out, "result", sops_str(word), e)) &&
           (result != SOPS_PUBLISH_FAILED || sops_json_add(out, "error", sops_str(why->msg), e));
}

static bool json_line(const struct sops_plan_item *i, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_adds(out, "{\"schema\":1", e) &&
           sops_json_add(out, "action", sops_str(sops_action_names[i->action]), e) &&
           sops_json_add(out, "source", i->source, e) &&
           sops_json_add(out, "store", sops_str(i->site->store->rule), e) &&
           sops_json_add(out, "place", i->site->place, e) && sops_json_add(out, "name", i->name, e) &&
           (i->key.ptr == NULL || sops_json_add(out, "key", i->key, e)) &&
           (!shows_changes(i) || sops_changes_json(&i->changes, out, e)) &&
           (!i->by_digest || sops_json_add(out, "compared", SOPS_LIT("digest"), e)) &&
           (i->action != SOPS_FOREIGN || sops_json_add(out, "reason", i->reason, e)) &&
           add_result(i->result, &i->why, out, e) && sops_buf_adds(out, "}\n", e);
}

static bool manifest_line(const struct sops_publish_run *r, const struct sops_publish_manifest *m, struct sops_buf *out,
                          struct sops_err *e)
{
    const char *action = m->is_new ? "manifest-create" : "manifest-update";
    const struct sops_err none = {0};
    if (!r->own->json) {
        return sops_buf_addf(out, e, "%c %s %s\n", m->is_new ? '+' : '~', action, m->file);
    }
    return sops_buf_adds(out, "{\"schema\":1", e) && sops_json_add(out, "action", sops_str(action), e) &&
           sops_json_add(out, "file", sops_str(m->file), e) && add_result(m->result, &none, out, e) &&
           sops_buf_adds(out, "}\n", e);
}

static bool count_line(const struct sops_publish_run *r, struct sops_buf *out, struct sops_err *e)
{
    size_t count[SOPS_ACTIONS] = {0};
    for (size_t n = 0; n < r->plan.count; n++) {
        count[r->plan.item[n]->action]++;
    }
    bool ok = sops_buf_adds(out, "Plan:", e);
    for (int a = 0; ok && a < SOPS_ACTIONS; a++) {
        ok = sops_buf_addf(out, e, "%s %zu %s", a == 0 ? "" : ",", count[a], sops_action_names[a]);
    }
    return ok && sops_buf_addc(out, '\n', e);
}

static bool show_plan(const struct sops_publish_run *r, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = true;
    for (size_t n = 0; ok && n < r->plan.count; n++) {
        ok = r->own->json ? json_line(r->plan.item[n], &out, e) : text_line(r->plan.item[n], &out, e);
    }
    for (const struct sops_publish_manifest *m = r->manifest; ok && m != NULL; m = m->next) {
        ok = m->same || manifest_line(r, m, &out, e);
    }
    ok = ok && (r->own->json || count_line(r, &out, e)) && sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}

/* ---- the work --------------------------------------------------------------------------------------------------- */

struct progress {
    struct sops_publish_run *r;
    size_t done, failed, all;
    bool ended;
};

static bool show_line(const struct sops_publish_run *r, const struct sops_plan_item *i, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = !r->own->json || (json_line(i, &out, e) && sops_ui_out(sops_buf_view(&out), e));
    sops_buf_free(&out);
    return ok;
}

/* A write that fails ends the run, unless it is told to go on. */
static void fail_one(struct progress *p, const struct sops_err *why)
{
    sops_ui_error(p->r->job->world, why);
    p->failed++;
    p->ended = !p->r->own->keep_going;
}

static bool apply_item(struct progress *p, struct sops_plan_item *i, struct sops_err *e)
{
    if (sops_plan_pending(i) && p->ended) {
        i->result = SOPS_PUBLISH_SKIPPED;
    } else if (sops_plan_pending(i)) {
        bool ok = sops_plan_apply(&p->r->plan, i, &i->why);
        i->result = ok ? SOPS_PUBLISH_DONE : SOPS_PUBLISH_FAILED;
        p->done += ok;
        if (!ok) {
            fail_one(p, &i->why);
        }
    }
    return show_line(p->r, i, e);
}

static bool apply_manifest(struct progress *p, struct sops_publish_manifest *m, struct sops_err *e)
{
    struct sops_buf out = {0};
    struct sops_err why = {0};
    if (p->ended) {
        m->result = SOPS_PUBLISH_SKIPPED;
    } else {
        bool ok = sops_make_folders(m->file, &why) && sops_file_replace(m->file, m->text, 0666, NULL, &why);
        m->result = ok ? SOPS_PUBLISH_DONE : SOPS_PUBLISH_FAILED;
        p->done += ok;
        if (!ok) {
            fail_one(p, &why);
        }
    }
    bool ok = !p->r->own->json || (manifest_line(p->r, m, &out, e) && sops_ui_out(sops_buf_view(&out), e));
    sops_buf_free(&out);
    sops_err_clear(&why);
    return ok;
}

static size_t foreign_items(const struct sops_publish_run *r)
{
    size_t count = 0;
    for (size_t n = 0; n < r->plan.count; n++) {
        count += r->plan.item[n]->action == SOPS_FOREIGN;
    }
    return count;
}

static size_t pending_items(const struct sops_publish_run *r)
{
    size_t count = 0;
    for (size_t n = 0; n < r->plan.count; n++) {
        count += sops_plan_pending(r->plan.item[n]);
    }
    for (const struct sops_publish_manifest *m = r->manifest; m != NULL; m = m->next) {
        count += !m->same;
    }
    return count;
}

static bool fail_foreign(const struct sops_publish_run *r, size_t count, bool written, struct sops_err *e)
{
    bool managed = false;
    for (size_t n = 0; n < r->plan.count; n++) {
        const struct sops_plan_item *i = r->plan.item[n];
        managed = managed || (i->action == SOPS_FOREIGN && sops_slice_find(i->reason, ':') < i->reason.len);
    }
    (void)sops_fail(e, SOPS_E_READ, "%zu item%s of the plan %s to somebody else%s", count, count == 1 ? "" : "s",
                    count == 1 ? "belongs" : "belong", written ? "" : ": nothing is written");
    return sops_hint(e, managed ? "take the tag off first that says who manages it, or give the file another name"
                                : "--adopt takes over what nobody manages");
}

static bool apply_all(struct sops_publish_run *r, size_t foreign, struct sops_err *e)
{
    struct progress p = {.r = r, .all = pending_items(r)};
    bool ok = true;
    for (size_t n = 0; ok && n < r->plan.count; n++) {
        ok = apply_item(&p, r->plan.item[n], e);
    }
    for (struct sops_publish_manifest *m = r->manifest; ok && m != NULL; m = m->next) {
        ok = m->same || apply_manifest(&p, m, e);
    }
    if (ok && p.failed != 0) {
        return sops_fail(e, SOPS_E_READ, "%zu of %zu changes done", p.done, p.all);
    }
    return ok && (foreign == 0 || fail_foreign(r, foreign, true, e));
}

bool sops_publish_execute(struct sops_publish_run *r, struct sops_err *e)
{
    size_t foreign = foreign_items(r), pending = pending_items(r);
    bool asks = !r->own->plan && !r->job->opt->shared.yes && pending != 0, yes = r->job->opt->shared.yes;
    bool blocked = foreign != 0 && !r->own->keep_going;
    bool terminal = isatty(STDIN_FILENO) == 1;
    bool shown = !r->own->json || r->own->plan || blocked || asks;
    if (shown && !show_plan(r, e)) {
        return false;
    }
    if (blocked) {
        return fail_foreign(r, foreign, false, e);
    }
    if (asks && terminal && !sops_ui_confirm("Apply these changes? (y/n): ", &yes, e)) {
        return false;
    }
    if (asks && !terminal) {
        sops_ui_note("hint: nothing was changed; --yes goes on without asking");
    }
    if (!r->own->plan && (yes || pending == 0)) {
        if (shown && r->own->json && pending == 0) {
            return true;
        }
        return apply_all(r, foreign, e);
    }
    if (foreign != 0) {
        return fail_foreign(r, foreign, false, e);
    }
    if (pending != 0) {
        e->code = SOPS_E_GENERIC; /* something would change: a status, and no failure */
    }
    return true;
}
