/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/edit_merge.h"

void sops_edit_merge_free(struct sops_edit_merge *m)
{
    sops_merge_run_free(&m->run);
    sops_buf_free(&m->base);
    m->marked = false;
}

/* Base, the edited text, and what is in the file now. */
static bool set_versions(struct sops_job *j, struct sops_edit_merge *m, struct sops_slice theirs, struct sops_err *e)
{
    struct sops_merge_run *r = &m->run;
    const struct sops_slice text[] = {
        [SOPS_MERGE_BASE] = sops_buf_view(&m->base),
        [SOPS_MERGE_OURS] = sops_buf_view(&j->bytes),
        [SOPS_MERGE_THEIRS] = theirs,
    };
    sops_merge_run_free(r);
    *r = (struct sops_merge_run){.j = j, .name = j->path, .f = j->out, .style = j->style};
    for (int i = 0; i < 3; i++) {
        r->v[i].name = j->path;
        if (!sops_buf_add(&r->v[i].text, text[i], e) || !sops_version_look(&r->v[i], j->world, j->out, e)) {
            return false;
        }
    }
    return true;
}

static bool merge(struct sops_job *j, struct sops_edit_merge *m, struct sops_slice theirs, bool *clean,
                  struct sops_err *e)
{
    struct sops_merge_run *r = &m->run;
    if (!set_versions(j, m, theirs, e) || !sops_merge_open(r, e) || !sops_merge_plan(r, e)) {
        return false;
    }
    *clean = r->merge.conflicts == 0;
    if (r->reason.len == 0 && !(*clean ? sops_merge_finish(r, sops_pick_ours, NULL, e) : sops_merge_clear(r, e))) {
        return false;
    }
    return r->reason.len == 0 ||
           sops_fail(e, SOPS_E_GENERIC, "'%s' cannot be merged: %.*s", j->path, SOPS_ARG(r->reason));
}

bool sops_edit_merge(struct sops_job *j, struct sops_edit_merge *m, bool *clean, struct sops_err *e)
{
    struct sops_buf theirs = {0};
    struct sops_file_was was;
    bool ok =
        sops_file_read_was(j->path, SOPS_FILE_MAX, &theirs, &was, e) && merge(j, m, sops_buf_view(&theirs), clean, e);
    if (ok) {
        j->was = was;
        sops_buf_free(&m->base);
        m->base = theirs;
        theirs = (struct sops_buf){0};
        m->marked = !*clean;
    }
    if (ok && *clean) {
        sops_buf_cut(&j->bytes, 0);
        ok = sops_buf_add(&j->bytes, sops_buf_view(&m->run.text), e);
    }
    sops_buf_free(&theirs);
    return ok;
}

bool sops_edit_merge_finish(struct sops_job *j, struct sops_edit_merge *m, struct sops_slice text, struct sops_err *e)
{
    sops_buf_cut(&j->bytes, 0);
    return sops_merge_finish_text(&m->run, text, e) &&
           (m->run.reason.len == 0 ||
            sops_fail(e, SOPS_E_GENERIC, "'%s' cannot be merged: %.*s", j->path, SOPS_ARG(m->run.reason))) &&
           sops_buf_add(&j->bytes, sops_buf_view(&m->run.text), e);
}
