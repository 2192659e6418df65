/* SPDX-License-Identifier: Apache-2.0 */
/* merge (docs/spec/70-git.md#sops-merge): what git's driver does, for versions that stand anywhere. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/merge_run.h"
#include "cli/ui.h"

#include <sys/stat.h>

static bool check_words(const struct sops_options *o, struct sops_err *e)
{
    struct stat st;
    if (o->argc != 3) {
        sops_fail(e, SOPS_E_READ, "three words are needed: BASE OURS THEIRS");
        return sops_hint(e, "sops help merge");
    }
    if (o->shared.in_place && o->shared.output != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "cannot operate on both --output and --in-place");
    }
    return !o->shared.in_place || (stat(o->args[1], &st) == 0 && S_ISREG(st.st_mode)) ||
           sops_fail(e, SOPS_E_CONFLICT, "cannot use --in-place: '%s' is no file", o->args[1]);
}

static bool fetch_versions(struct sops_merge_run *r, const struct sops_options *o, struct sops_err *e)
{
    const char *names[3];
    struct sops_world *w = r->j->world;
    for (int i = 0; i < 3; i++) {
        if (!sops_version_fetch(&r->v[i], w, o->args[i], &names[i], e)) {
            return false;
        }
    }
    r->f = sops_version_format(w, r->j->config, o->shared.input_type, names[SOPS_MERGE_OURS],
                               sops_buf_view(&r->v[SOPS_MERGE_OURS].text));
    r->style = sops_config_style(r->j->config, r->f);
    if (o->shared.indent.given) {
        r->style.indent = o->shared.indent.value;
        r->style.indent_set = true;
    }
    for (int i = 0; i < 3; i++) {
        if (!sops_version_look(&r->v[i], w, r->f, e)) {
            return false;
        }
    }
    return true;
}

/* Nobody else has written OURS since it was read. */
static bool write_text(const struct sops_merge_run *r, const struct sops_options *o, struct sops_err *e)
{
    struct sops_file_was was = {0};
    const struct sops_replace how = {.was = o->shared.in_place ? &was : NULL};
    const char *path = o->shared.in_place ? o->args[SOPS_MERGE_OURS] : o->shared.output;
    sops_file_was_held(&was, sops_buf_view(&r->v[SOPS_MERGE_OURS].text));
    return path != NULL ? sops_file_replace(path, sops_buf_view(&r->text), 0666, &how, e)
                        : sops_ui_out(sops_buf_view(&r->text), e);
}

static bool merge(struct sops_merge_run *r, const struct sops_options *o, struct sops_err *e)
{
    const struct sops_marker_style style = {.size = SOPS_MARKER_SIZE};
    if (!fetch_versions(r, o, e) || !sops_merge_open(r, e) || !sops_merge_plan(r, e)) {
        return false;
    }
    bool clean = r->merge.conflicts == 0;
    if (r->reason.len == 0 &&
        !(clean ? sops_merge_finish(r, sops_pick_ours, NULL, e) : sops_merge_conflict(r, &style, e))) {
        return false;
    }
    if (r->reason.len != 0) {
        sops_merge_tell_reason(r);
        e->code = SOPS_FOUND;
        return false;
    }
    if (!write_text(r, o, e)) {
        return false;
    }
    if (clean) {
        sops_merge_tell_done(r);
        return true;
    }
    sops_merge_tell_conflicts(r);
    sops_merge_tell_recipients(r);
    e->code = SOPS_FOUND;
    return false;
}

static bool run_merge(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_job j = {.world = w, .opt = o};
    struct sops_merge_run r = {.j = &j};
    bool ok = check_words(o, e) && sops_step_config(&j, e) && sops_step_order(&j, e);
    if (ok) {
        r.name = o->args[SOPS_MERGE_OURS];
        ok = merge(&r, o, e);
    }
    sops_merge_run_free(&r);
    sops_job_free(&j);
    return ok;
}

static const struct sops_opt_table *const tables[] = {&sops_opts_place, &sops_opts_our_input_type, &sops_opts_order,
                                                      &sops_opts_services, NULL};

const struct sops_verb sops_verb_merge = {
    .name = "merge",
    .summary = "merge three versions of an encrypted file value by value",
    .args = "BASE OURS THEIRS",
    .about = "Each is a file, or a version as git names it (HEAD~1:FILE, :2:FILE); BASE may be empty.\n"
             "Values that nobody changed keep their ciphertext. Exit status 1: both sides changed\n"
             "the same entry; the result has markers around it. Inside of git, see `sops git`.\n",
    .example = "sops merge --output secrets.yaml HEAD~1:secrets.yaml main:secrets.yaml topic:secrets.yaml",
    .tables = tables,
    .ours = true,
    .yields = true,
    .finds = true,
    .run = run_merge,
};
