/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git merge-driver (docs/spec/70-git.md#git-merge-driver). Whatever happens, the exit status is 0 or 1, as git takes
 * others for the end of the whole merge; and the file of ours holds either what it held or the whole result.
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/git_verbs.h"
#include "cli/merge_run.h"
#include "cli/ui.h"

#include <stdio.h>

enum { WORD_BASE, WORD_OURS, WORD_THEIRS, WORD_SIZE, WORD_NAME, WORD_LABEL_BASE, WORD_LABEL_OURS, WORD_LABEL_THEIRS };

struct driver {
    struct sops_merge_run run;
    const char *const *word;
    struct sops_marker_style style;
    struct sops_buf label[3]; /* base, ours, theirs */
    bool merged;              /* nothing is left for the user to do */
};

static bool write_ours(const struct driver *d, struct sops_slice bytes, struct sops_err *e)
{
    return sops_file_replace(d->word[WORD_OURS], bytes, 0666, NULL, e);
}

static bool read_versions(struct driver *d, struct sops_err *e)
{
    for (int i = 0; i < 3; i++) {
        d->run.v[i].name = d->word[WORD_NAME];
        if (!sops_file_read(d->word[WORD_BASE + i], SOPS_FILE_MAX, &d->run.v[i].text, e)) {
            return false;
        }
    }
    return true;
}

static bool make_labels(struct driver *d, size_t words, struct sops_err *e)
{
    static const char *const otherwise[] = {"base", "ours", "theirs"};
    for (size_t i = 0; i < 3; i++) {
        const char *given = WORD_LABEL_BASE + i < words ? d->word[WORD_LABEL_BASE + i] : "";
        if (!sops_marker_label(given, otherwise[i], &d->label[i], e) || sops_buf_cstr(&d->label[i], e) == NULL) {
            return false;
        }
    }
    d->style.ours = (const char *)d->label[1].ptr;
    d->style.theirs = (const char *)d->label[2].ptr;
    return true;
}

/* What git makes of the texts without us; `*clean`: without a conflict. What git cannot merge stays as it is. */
static bool merge_as_text(struct driver *d, bool *clean, struct sops_err *e)
{
    struct sops_git git = {.world = d->run.j->world};
    struct sops_buf out = {0};
    char size[40];
    int status = -1;
    (void)snprintf(size, sizeof size, "--marker-size=%zu", d->style.size);
    const char *const words[] = {"merge-file",
                                 "-p",
                                 "-q",
                                 size,
                                 "-L",
                                 d->style.ours,
                                 "-L",
                                 (const char *)d->label[0].ptr,
                                 "-L",
                                 d->style.theirs,
                                 "--",
                                 d->word[WORD_OURS],
                                 d->word[WORD_BASE],
                                 d->word[WORD_THEIRS],
                                 NULL};
    bool ok = sops_git_run(&git, words, (struct sops_slice){0}, &out, &status, e);
    *clean = status == 0;
    if (ok && status >= 0 && status < 128) {
        ok = write_ours(d, sops_buf_view(&out), e);
    }
    sops_buf_free(&out);
    sops_git_close(&git);
    return ok;
}

static bool is_sealed(const struct sops_version *v)
{
    return v->state == SOPS_VERSION_SEALED || v->state == SOPS_VERSION_BROKEN;
}

/* The format of ours; where that side cannot tell, of theirs. */
static bool look_at_versions(struct driver *d, struct sops_err *e)
{
    struct sops_merge_run *r = &d->run;
    struct sops_slice ours = sops_buf_view(&r->v[SOPS_MERGE_OURS].text);
    struct sops_slice theirs = sops_buf_view(&r->v[SOPS_MERGE_THEIRS].text);
    bool tells = sops_holds_ciphertext(ours) && !sops_holds_markers(ours);
    r->f = sops_version_format(r->j->world, r->j->config, NULL, d->word[WORD_NAME], tells ? ours : theirs);
    r->style = sops_config_style(r->j->config, r->f);
    for (int i = 0; i < 3; i++) {
        if (!sops_version_look(&r->v[i], r->j->world, r->f, e)) {
            return false;
        }
    }
    return true;
}

/* One side is encrypted, the other is not: clear text is copied nowhere. */
static void tell_plain(const struct driver *d)
{
    bool ours = !is_sealed(&d->run.v[SOPS_MERGE_OURS]);
    const struct sops_version *v = &d->run.v[ours ? SOPS_MERGE_OURS : SOPS_MERGE_THEIRS];
    sops_ui_note("%s: %s %s: nothing was merged, the file stays as ours has it", d->run.name, ours ? "ours" : "theirs",
                 v->plain != NULL ? v->plain : "is empty");
}

/* Ciphertexts that nobody here can read: git merges them as text, and somebody with a key has to look. */
static bool merge_closed(struct driver *d, struct sops_err *e)
{
    struct sops_err why = {0};
    bool clean = false;
    bool ours = d->run.v[SOPS_MERGE_OURS].opened;
    (void)sops_within(e, "%s: %s cannot be opened, so the ciphertexts were merged as text, unchecked", d->run.name,
                      ours ? "theirs" : "ours");
    e->hint[0] = '\0';
    sops_hint(e, "run `sops git resolve %s` where a key is at hand", d->run.name);
    sops_ui_error(d->run.j->world, e);
    sops_err_clear(e);
    bool ok = merge_as_text(d, &clean, &why);
    if (!ok) {
        sops_ui_error(d->run.j->world, &why);
    }
    sops_err_clear(&why);
    return true;
}

static bool write_result(struct driver *d, struct sops_err *e)
{
    struct sops_merge_run *r = &d->run;
    bool clean = r->merge.conflicts == 0;
    if (r->reason.len == 0 &&
        !(clean ? sops_merge_finish(r, sops_pick_ours, NULL, e) : sops_merge_conflict(r, &d->style, e))) {
        return false;
    }
    if (r->reason.len != 0) {
        sops_merge_tell_reason(r);
        sops_ui_note("hint: git checkout --ours %s, or --theirs; then make the other side's change with sops", r->name);
        return true;
    }
    if (!write_ours(d, sops_buf_view(&r->text), e)) {
        return false;
    }
    d->merged = clean;
    if (clean) {
        sops_merge_tell_done(r);
    } else {
        sops_merge_tell_conflicts(r);
        sops_ui_note("hint: `sops edit %s` shows both sides in clear text; `sops git resolve` takes one; then git add",
                     r->name);
        sops_merge_tell_recipients(r);
    }
    return true;
}

static bool merge_versions(struct driver *d, struct sops_err *e)
{
    struct sops_version *v = d->run.v;
    struct sops_slice o = sops_buf_view(&v[0].text), a = sops_buf_view(&v[1].text), b = sops_buf_view(&v[2].text);
    if (sops_slice_eq(a, b) || sops_slice_eq(o, b)) {
        d->merged = true;
        return true;
    }
    if (sops_slice_eq(o, a)) {
        d->merged = write_ours(d, b, e);
        return d->merged;
    }
    if (!look_at_versions(d, e)) {
        return false;
    }
    if (!is_sealed(&v[1]) && !is_sealed(&v[2])) {
        return merge_as_text(d, &d->merged, e);
    }
    if (!is_sealed(&v[1]) || !is_sealed(&v[2])) {
        tell_plain(d);
        return true;
    }
    if (!sops_merge_open(&d->run, e)) {
        return !e->memory && merge_closed(d, e);
    }
    return sops_merge_plan(&d->run, e) && write_result(d, e);
}

static bool merge(struct driver *d, const struct sops_options *o, struct sops_err *e)
{
    int64_t size = 0;
    if (o->argc < WORD_NAME + 1 || !sops_int_parse(sops_str(o->args[WORD_SIZE]), &size) || size < 1 ||
        size > SOPS_MARKER_MAX) {
        sops_fail(e, SOPS_E_GENERIC, "git starts this with three files, the length of markers, and the file's path");
        return sops_hint(e, "sops git install");
    }
    d->word = o->args;
    d->style.size = (size_t)size;
    d->run.name = o->args[WORD_NAME];
    return make_labels(d, o->argc, e) && read_versions(d, e) && sops_step_order(d->run.j, e) &&
           sops_step_config(d->run.j, e) && merge_versions(d, e);
}

static bool run_driver(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_job j = {.world = w, .opt = o};
    struct driver d = {.run = {.j = &j}};
    if (!merge(&d, o, e)) {
        sops_ui_error(w, e);
        sops_err_clear(e);
        d.merged = false;
    }
    bool merged = d.merged;
    sops_merge_run_free(&d.run);
    for (size_t i = 0; i < 3; i++) {
        sops_buf_free(&d.label[i]);
    }
    sops_job_free(&j);
    e->code = merged ? SOPS_OK : SOPS_FOUND;
    return merged;
}

static const struct sops_opt_table *const tables[] = {&sops_opts_order, &sops_opts_services, NULL};

const struct sops_verb sops_verb_git_driver = {
    .name = "merge-driver",
    .summary = "merge three versions of a file (git calls this)",
    .args = "BASE OURS THEIRS SIZE PATH [LABELS]",
    .about = "Writes the merge into OURS. The exit status is 0, or 1 when something is left to do.\n",
    .example = "sops git merge-driver %O %A %B %L %P %S %X %Y",
    .tables = tables,
    .ours = true,
    .finds = true,
    .words = true,
    .run = run_driver,
};
