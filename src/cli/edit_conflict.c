/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/edit_conflict.h"

void sops_edit_conflict_free(struct sops_edit_conflict *c) { sops_merge_run_free(&c->run); }

static bool read_versions(struct sops_merge_run *r, struct sops_err *e)
{
    struct sops_in_index index = {.name = NULL};
    bool ok = sops_in_index_find(&index, r->j->world, r->name, e) && sops_in_index_read(&index, r, e);
    sops_in_index_free(&index);
    if (ok) {
        return true;
    }
    (void)sops_within(e, "'%s' holds conflict markers, and its versions cannot be had", r->name);
    e->hint[0] = '\0';
    sops_hint(e, "`sops merge` makes the merge again, from three files or from versions like REV:FILE");
    return sops_recode(e, SOPS_E_GENERIC);
}

static bool check_sides(const struct sops_merge_run *r, struct sops_err *e)
{
    for (int i = SOPS_MERGE_OURS; i <= SOPS_MERGE_THEIRS; i++) {
        if (r->v[i].state == SOPS_VERSION_PLAIN || r->v[i].state == SOPS_VERSION_ABSENT) {
            return sops_fail(e, SOPS_E_GENERIC, "'%s': %s %s", r->name, i == SOPS_MERGE_OURS ? "ours" : "theirs",
                             r->v[i].plain != NULL ? r->v[i].plain : "is empty");
        }
    }
    return true;
}

static bool fail_whole(const struct sops_merge_run *r, struct sops_err *e)
{
    sops_fail(e, SOPS_E_GENERIC, "'%s' cannot be merged: %.*s", r->name, SOPS_ARG(r->reason));
    return sops_hint(e, "take one side with git checkout, then make the other side's change with sops");
}

bool sops_edit_conflict_begin(struct sops_edit_conflict *c, struct sops_job *j, struct sops_err *e)
{
    struct sops_merge_run *r = &c->run;
    r->j = j;
    r->name = j->path;
    if (!read_versions(r, e) || !check_sides(r, e) || !sops_merge_open(r, e) || !sops_merge_plan(r, e)) {
        return false;
    }
    if (r->reason.len != 0) {
        return fail_whole(r, e);
    }
    sops_buf_cut(&j->bytes, 0);
    return sops_merge_clear(r, e) && sops_buf_add(&j->bytes, sops_buf_view(&r->text), e);
}

bool sops_edit_conflict_take(struct sops_edit_conflict *c, struct sops_job *j, struct sops_err *e)
{
    struct sops_merge_run *r = &c->run;
    if (sops_holds_markers(sops_buf_view(&j->raw))) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "the text still holds conflict markers: keep what is to stay, and take the "
                         "lines of markers out");
    }
    if (!sops_merge_finish_text(r, sops_buf_view(&j->raw), e)) {
        return false;
    }
    if (r->reason.len != 0) {
        return fail_whole(r, e);
    }
    sops_buf_cut(&j->bytes, 0);
    return sops_buf_add(&j->bytes, sops_buf_view(&r->text), e);
}
