/* SPDX-License-Identifier: Apache-2.0 */
/* updatekeys -r: each distinct change once, with the files that it is for, and one question for all. */
#include "cli/many.h"

#include "cli/ui.h"

#include <unistd.h>

#define NAMES_SHOWN 10

/* The change with this text, made when it is new. */
static struct sops_many_change *find_change(struct sops_many *m, struct sops_many_file *f, struct sops_table *seen,
                                            struct sops_many_change **last, struct sops_err *e)
{
    bool is_new = false;
    void **place = sops_table_put(seen, sops_buf_view(&f->update.text), &is_new, e);
    if (place != NULL && is_new) {
        struct sops_many_change *c = sops_arena_alloc(&m->run.arena, sizeof *c, e);
        if (c == NULL) {
            return NULL;
        }
        c->update = &f->update;
        *place = c;
        if (*last == NULL) {
            m->change = c;
        } else {
            (*last)->next = c;
        }
        *last = c;
    }
    return place != NULL ? *place : NULL;
}

static bool sort_changes(struct sops_many *m, struct sops_err *e)
{
    struct sops_table seen = {0};
    struct sops_many_change *last = NULL;
    bool ok = true;
    for (int pass = 0; ok && pass < 2; pass++) {
        for (size_t i = 0; ok && i < m->run.count; i++) {
            struct sops_many_file *f = sops_many_at(m, i);
            if (f->run.outcome != SOPS_RUN_NOT_DONE) {
                continue;
            }
            struct sops_many_change *c = find_change(m, f, &seen, &last, e);
            ok = c != NULL;
            if (ok && pass == 1) {
                c->file[c->count++] = f;
            } else if (ok) {
                c->count++;
            }
        }
        for (struct sops_many_change *c = m->change; ok && pass == 0 && c != NULL; c = c->next) {
            c->file = sops_arena_alloc(&m->run.arena, c->count * sizeof *c->file, e);
            ok = c->file != NULL;
            c->count = 0;
        }
    }
    sops_table_free(&seen);
    return ok;
}

bool sops_many_was_shown(const struct sops_many *m, const struct sops_update *u)
{
    for (const struct sops_many_change *c = m->change; c != NULL; c = c->next) {
        if (sops_slice_eq(sops_buf_view(&c->update->text), sops_buf_view(&u->text))) {
            return true;
        }
    }
    return false;
}

static bool show_change(const struct sops_many_change *c, bool all_names, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_adds(out, "The following changes will be made to the groups of ", e) &&
              (c->count == 1 ? sops_buf_adds(out, "1 file:\n", e) : sops_buf_addf(out, e, "%zu files:\n", c->count)) &&
              sops_buf_add(out, sops_buf_view(&c->update->text), e);
    size_t shown = all_names || c->count <= NAMES_SHOWN ? c->count : NAMES_SHOWN;
    for (size_t i = 0; ok && i < shown; i++) {
        ok = sops_buf_adds(out, "  ", e) && sops_ui_safe(out, sops_str(c->file[i]->run.name), e) &&
             sops_buf_addc(out, '\n', e);
    }
    return ok && (shown == c->count || sops_buf_addf(out, e, "  … and %zu more\n", c->count - shown));
}

bool sops_many_show_changes(struct sops_many *m, bool all_names, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = sort_changes(m, e);
    for (const struct sops_many_change *c = m->change; ok && c != NULL; c = c->next) {
        ok = (c == m->change || sops_buf_addc(&out, '\n', e)) && show_change(c, all_names, &out, e);
    }
    ok = ok && (m->opt->shared.many.json || sops_ui_out(sops_buf_view(&out), e));
    sops_buf_free(&out);
    return ok;
}

bool sops_many_ask(struct sops_many *m, struct sops_err *e)
{
    static const char question[] = "Is this okay? (y/n):";
    bool yes = m->opt->shared.yes;
    if (!sops_many_show_changes(m, false, e)) {
        return false;
    }
    for (const struct sops_many_change *c = m->change; c != NULL; c = c->next) {
        sops_update_warn(m->world, c->update);
    }
    if (m->change == NULL || yes) {
        return true;
    }
    bool ok = m->opt->shared.many.json ? sops_ui_confirm_aside(question, &yes, e) : sops_ui_confirm(question, &yes, e);
    for (size_t i = 0; ok && !yes && i < m->run.count; i++) {
        struct sops_run_file *f = m->run.file[i];
        f->outcome = f->outcome == SOPS_RUN_NOT_DONE ? SOPS_RUN_DECLINED : f->outcome;
    }
    return ok;
}
