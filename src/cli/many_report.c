/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands with -r tell besides the runner (docs/spec/75-many-files.md#what-is-printed). */
#include "cli/many.h"

#include "base/json.h"
#include "cli/groups_diff.h"
#include "cli/ui.h"

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* The groups as they come, each told when the next one begins. */
struct groups {
    struct sops_buf *out;
    struct sops_buf added, removed;
    size_t number;
};

/* The group at hand; one without a difference is left out. */
static bool end_group(struct groups *g, struct sops_err *e)
{
    bool ok = true;
    if (g->added.len > 1 || g->removed.len > 1) {
        ok = sops_buf_addc(&g->added, ']', e) && sops_buf_addc(&g->removed, ']', e) &&
             sops_json_begin(g->out, NULL, '{', e) && sops_json_add_int(g->out, "group", (int64_t)g->number, e) &&
             sops_json_add_value(g->out, "added", sops_buf_view(&g->added), e) &&
             sops_json_add_value(g->out, "removed", sops_buf_view(&g->removed), e) && sops_buf_addc(g->out, '}', e);
    }
    sops_buf_cut(&g->added, 0);
    sops_buf_cut(&g->removed, 0);
    return ok;
}

static bool begin_group(void *ctx, size_t number, struct sops_err *e)
{
    struct groups *g = ctx;
    bool ok = end_group(g, e);
    g->number = number;
    return ok && sops_buf_addc(&g->added, '[', e) && sops_buf_addc(&g->removed, '[', e);
}

static bool add_key(void *ctx, const struct sops_key *k, enum sops_key_fate fate, struct sops_err *e)
{
    struct groups *g = ctx;
    struct sops_buf text = {0};
    bool ok = fate == SOPS_KEY_STAYS ||
              (sops_key_show(k, &text, e) &&
               sops_json_add(fate == SOPS_KEY_COMES ? &g->added : &g->removed, NULL, sops_buf_view(&text), e));
    sops_buf_free(&text);
    return ok;
}

/* What updatekeys changes in the file. */
static bool add_change(struct sops_buf *out, const struct sops_many_file *f, struct sops_err *e)
{
    struct sops_buf groups = {0};
    struct groups g = {.out = &groups};
    const struct sops_groups_visitor v = {begin_group, add_key, &g};
    bool ok = sops_buf_addc(&groups, '[', e) && sops_groups_compare(f->meta->groups, f->update.rule.groups, &v, e) &&
              end_group(&g, e) && sops_buf_addc(&groups, ']', e) &&
              (groups.len == 2 || sops_json_add_value(out, "groups", sops_buf_view(&groups), e));
    if (ok && f->update.threshold != f->meta->threshold) {
        ok = sops_json_begin(out, "threshold", '{', e) && sops_json_add_int(out, "old", f->meta->threshold, e) &&
             sops_json_add_int(out, "new", f->update.threshold, e) && sops_buf_addc(out, '}', e);
    }
    sops_buf_free(&groups);
    sops_buf_free(&g.added);
    sops_buf_free(&g.removed);
    return ok && (!f->update.new_key || sops_json_add_value(out, "new_data_key", SOPS_LIT("true"), e));
}

static bool add_known(void *ctx, const struct sops_run_file *file, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_many *m = ctx;
    const struct sops_many_file *f = sops_many_of(file);
    return (f->format == NULL || sops_json_add(out, "format", sops_str(f->format->name), e)) &&
           (f->target == NULL || sops_json_add(out, "output", sops_str(f->target), e)) &&
           (!m->action->needs_config || f->meta == NULL || !f->update.differ || add_change(out, f, e));
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Why nothing was found. */
static bool note_nothing(const struct sops_many *m, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_adds(out,
                            m->action->required ? "no creation rule requires a file to be encrypted in"
                                                : "no encrypted file was found in",
                            e);
    for (const char *const *path = m->opt->args; ok && *path != NULL; path++) {
        ok = sops_buf_adds(out, " '", e) && sops_ui_safe(out, sops_str(*path), e) && sops_buf_addc(out, '\'', e);
    }
    return ok &&
           sops_buf_adds(
               out, m->action->required ? "; --include REGEX says which files a general rule is meant for\n" : "\n", e);
}

/* Those who went, when data keys were renewed: history holds what they can open. */
static bool note_gone(const struct sops_many *m, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf names = {0};
    bool ok = true;
    for (const struct sops_many_change *c = m->change; ok && c != NULL; c = c->next) {
        bool done = false;
        for (size_t i = 0; i < c->count; i++) {
            done = done || c->file[i]->run.outcome == SOPS_RUN_CHANGED;
        }
        struct sops_slice gone = sops_buf_view(&c->update->gone);
        if (done && c->update->new_key && gone.len != 0 &&
            (names.len < gone.len || memmem(names.ptr, names.len, gone.ptr, gone.len) == NULL)) {
            ok = (names.len == 0 || sops_buf_adds(&names, ", ", e)) && sops_buf_add(&names, gone, e);
        }
    }
    ok = ok && (names.len == 0 ||
                (sops_buf_adds(out, "who went (", e) && sops_ui_safe(out, sops_buf_view(&names), e) &&
                 sops_buf_adds(out, ") can still open what git's history holds: change the secrets themselves\n", e)));
    sops_buf_free(&names);
    return ok;
}

static bool print_lines(struct sops_many *m, bool dry, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = m->run.count != 0 || note_nothing(m, &out, e);
    for (size_t i = 0; ok && !dry && i < m->run.count; i++) {
        if (m->run.file[i]->outcome == SOPS_RUN_CHANGED) {
            ok = sops_ui_safe(&out, sops_str(m->run.file[i]->name), e) &&
                 sops_buf_addf(&out, e, ": %s\n", m->action->done);
        }
    }
    ok =
        ok && sops_run_errors(&m->run, &out, e) && (dry || note_gone(m, &out, e)) && sops_run_summary(&m->run, &out, e);
    if (ok) {
        sops_ui_lines(sops_buf_view(&out));
    }
    sops_buf_free(&out);
    return ok;
}

bool sops_many_report(struct sops_many *m, bool dry, struct sops_err *e)
{
    return print_lines(m, dry, e) && (!m->opt->shared.many.json || sops_run_json(&m->run, dry, add_known, e));
}

/* The plan, a line a file. */
static bool print_plan(struct sops_many *m, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < m->run.count; i++) {
        const struct sops_many_file *f = sops_many_at(m, i);
        if (f->run.outcome == SOPS_RUN_NOT_DONE) {
            ok =
                sops_buf_addf(&out, e, "would %s ", m->action->would) && sops_ui_safe(&out, sops_str(f->run.name), e) &&
                (f->target == NULL || (sops_buf_adds(&out, " -> ", e) && sops_ui_safe(&out, sops_str(f->target), e))) &&
                sops_buf_addc(&out, '\n', e);
        }
    }
    ok = ok && sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}

bool sops_many_report_dry(struct sops_many *m, struct sops_err *e)
{
    bool ok =
        m->action->needs_config ? sops_many_show_changes(m, true, e) : m->opt->shared.many.json || print_plan(m, e);
    for (size_t i = 0; i < m->run.count; i++) {
        struct sops_run_file *f = m->run.file[i];
        f->outcome = f->outcome == SOPS_RUN_NOT_DONE ? SOPS_RUN_CHANGED : f->outcome;
    }
    m->run.words[SOPS_RUN_CHANGED] = "would change";
    return ok && sops_many_report(m, true, e);
}
