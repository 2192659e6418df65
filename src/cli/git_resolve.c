/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git resolve (docs/spec/70-git.md#git-resolve). The merge is made again from the versions of the index; the file of
 * the work tree answers which side each conflict goes to, and says nothing else.
 */
#include "base/file.h"
#include "cli/git_verbs.h"
#include "cli/merge_index.h"
#include "cli/ui.h"

#include <errno.h>
#include <sys/stat.h>

struct resolve_options {
    bool ours, theirs, add;
    const char *const *ours_path, *const *theirs_path;
};

/* One file. */
struct resolve {
    const struct resolve_options *o;
    struct sops_job *j;
    struct sops_merge_run run;
    struct sops_in_index index;
    struct sops_buf work; /* what the work tree holds */
    struct sops_file_was was;
    unsigned char *pick;
    bool done; /* it was finished another way: it stays as it is */
};
enum { UNDECIDED = 2 };

static unsigned picked(const void *ctx, size_t index) { return ((const struct resolve *)ctx)->pick[index]; }

/* ---- decided by options ----------------------------------------------------------------------------------------- */

static bool any_option(const struct resolve_options *o)
{
    return o->ours || o->theirs || o->ours_path != NULL || o->theirs_path != NULL;
}

/* In every document that has it. */
static bool decide_path(struct resolve *x, const char *path, unsigned char side, struct sops_err *e)
{
    const struct sops_merge *m = &x->run.merge;
    bool found = false;
    for (size_t i = 0; i < m->conflicts; i++) {
        if (sops_slice_eq(m->conflict[i].path, sops_str(path))) {
            x->pick[i] = side;
            found = true;
        }
    }
    return found || sops_fail(e, SOPS_FOUND, "%s: %s is no conflict", x->run.name, path);
}

static bool decide_paths(struct resolve *x, const char *const *paths, unsigned char side, struct sops_err *e)
{
    for (; paths != NULL && *paths != NULL; paths++) {
        if (!decide_path(x, *paths, side, e)) {
            return false;
        }
    }
    return true;
}

/* Conflicts without an answer are named; `what` is in front. Returns false when there are some. */
static bool fail_undecided(struct resolve *x, const char *what, struct sops_err *e)
{
    struct sops_buf names = {0};
    bool ok = true, some = false;
    for (size_t i = 0; ok && i < x->run.merge.conflicts; i++) {
        if (x->pick[i] == UNDECIDED && names.len < 600) {
            ok = (names.len == 0 || sops_buf_adds(&names, ", ", e)) && sops_merge_conflict_name(&x->run, i, &names, e);
        }
        some = some || x->pick[i] == UNDECIDED;
    }
    if (ok && some) {
        ok = sops_fail(e, SOPS_FOUND, "%s: %s: %.*s", x->run.name, what, SOPS_ARG(names));
        sops_hint(e, "--ours, --theirs, --ours-path and --theirs-path decide; or choose a section of each pair");
    }
    sops_buf_free(&names);
    return ok;
}

static bool decide_by_options(struct resolve *x, struct sops_err *e)
{
    const struct resolve_options *o = x->o;
    unsigned char rest = o->ours ? 0 : o->theirs ? 1 : UNDECIDED;
    memset(x->pick, rest, x->run.merge.conflicts);
    return decide_paths(x, o->ours_path, 0, e) && decide_paths(x, o->theirs_path, 1, e) &&
           fail_undecided(x, "no side is chosen for", e);
}

/* ---- decided by the work tree ----------------------------------------------------------------------------------- */

/* The lines of the markers, in `out`. */
static bool list_markers(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice line = {0};
    size_t number = 0, shown = 0;
    bool ok = true;
    while (ok && text.ptr != NULL && shown < 20 && sops_slice_next(&text, '\n', &line)) {
        number++;
        bool marker = sops_slice_starts(line, SOPS_LIT("<<<<<<<")) || sops_slice_starts(line, SOPS_LIT(">>>>>>>"));
        if (marker) {
            ok = sops_buf_addf(out, e, "%s%zu", shown == 0 ? "" : ", ", number);
            shown++;
        }
    }
    return ok;
}

static bool fail_markers(struct resolve *x, struct sops_err *e)
{
    struct sops_buf what = {0};
    bool ok = sops_buf_adds(&what, "conflict markers are left in lines ", e) &&
              list_markers(sops_buf_view(&x->work), &what, e) && sops_buf_cstr(&what, e) != NULL;
    ok = ok && fail_undecided(x, (const char *)what.ptr, e);
    sops_buf_free(&what);
    return ok;
}

/* Was the file finished another way: no conflict is noted in it, it opens, and its MAC is right? */
static bool look_if_finished(struct resolve *x, struct sops_err *e)
{
    struct sops_version v = {.name = x->run.name};
    struct sops_version *const others[] = {&x->run.v[SOPS_MERGE_OURS], &x->run.v[SOPS_MERGE_THEIRS], NULL};
    struct sops_err why = {0};
    bool ok = sops_buf_add(&v.text, sops_buf_view(&x->work), e) && sops_version_look(&v, x->j->world, x->run.f, e);
    if (ok && v.state == SOPS_VERSION_SEALED && !sops_envelope_meta(v.env)->unresolved) {
        x->done = sops_version_open(&v, x->j, others, true, &why);
        ok = !why.memory || sops_fail_memory(e);
    }
    sops_err_clear(&why);
    sops_version_free(&v);
    return ok;
}

static bool decide_by_text(struct resolve *x, struct sops_err *e)
{
    struct sops_merge_run *r = &x->run;
    struct sops_envelope *work = sops_envelope_new(x->j->world, r->name, e);
    struct sops_err why = {0};
    struct sops_buf path = {0};
    bool fits = false;
    bool ok = work != NULL &&
              (sops_envelope_parse_tree(work, r->f, sops_buf_view(&x->work), e) || sops_recode(e, SOPS_E_READ));
    /* What its metadata say does not matter; they are only taken out of the way. */
    if (ok && sops_envelope_has_meta(work, r->f) && !sops_envelope_detach(work, r->f, &why) && why.memory) {
        ok = sops_fail_memory(e);
    }
    ok = ok && sops_answer_read(r, work, x->pick, &fits, &path, e);
    if (ok && !fits) {
        ok = sops_fail(e, SOPS_FOUND, "%s: %.*s is neither ours nor theirs; use sops edit", r->name, SOPS_ARG(path));
    }
    sops_err_clear(&why);
    sops_buf_free(&path);
    sops_envelope_free(work);
    return ok;
}

static bool decide_by_work_tree(struct resolve *x, struct sops_err *e)
{
    struct sops_merge_run *r = &x->run;
    struct sops_slice work = sops_buf_view(&x->work);
    memset(x->pick, UNDECIDED, r->merge.conflicts);
    if (sops_holds_markers(work)) {
        return fail_markers(x, e);
    }
    for (int i = SOPS_MERGE_OURS; i <= SOPS_MERGE_THEIRS; i++) {
        if (sops_slice_eq(work, sops_buf_view(&r->v[i].text))) {
            return fail_undecided(x,
                                  i == SOPS_MERGE_OURS
                                      ? "the file is ours, untouched, which --ours would say; in conflict"
                                      : "the file is theirs, untouched, which --theirs would say; in conflict",
                                  e);
        }
    }
    return look_if_finished(x, e) && (x->done || decide_by_text(x, e));
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

static bool check_sides(const struct resolve *x, struct sops_err *e)
{
    for (int i = SOPS_MERGE_OURS; i <= SOPS_MERGE_THEIRS; i++) {
        const struct sops_version *v = &x->run.v[i];
        if (v->state != SOPS_VERSION_SEALED && v->state != SOPS_VERSION_BROKEN) {
            return sops_fail(e, SOPS_FOUND, "%s: %s %s", x->run.name, i == SOPS_MERGE_OURS ? "ours" : "theirs",
                             v->plain != NULL ? v->plain : "is empty");
        }
    }
    return true;
}

static bool fail_whole(const struct resolve *x, struct sops_err *e)
{
    sops_fail(e, SOPS_FOUND, "%s: not merged: %.*s", x->run.name, SOPS_ARG(x->run.reason));
    return sops_hint(e, "git checkout --ours or --theirs, then make the other side's change with sops");
}

/* A failure before the file is written leaves it and the index as they were. */
static bool write_file(struct resolve *x, struct sops_err *e)
{
    const struct sops_replace how = {.was = &x->was};
    if (!sops_merge_finish(&x->run, picked, x, e)) {
        return false;
    }
    if (x->run.reason.len != 0) {
        return fail_whole(x, e);
    }
    if (!sops_file_replace(x->run.name, sops_buf_view(&x->run.text), 0666, &how, e)) {
        return false;
    }
    sops_ui_note("%s: resolved", x->run.name);
    sops_merge_tell_recipients(&x->run);
    return true;
}

static bool resolve(struct resolve *x, struct sops_err *e)
{
    struct stat st;
    if (stat(x->run.name, &st) != 0 && errno == ENOENT) {
        return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", x->run.name);
    }
    if (!sops_in_index_find(&x->index, x->j->world, x->run.name, e) || !sops_in_index_read(&x->index, &x->run, e) ||
        !sops_file_read_was(x->run.name, SOPS_FILE_MAX, &x->work, &x->was, e) || !check_sides(x, e) ||
        !sops_merge_open(&x->run, e) || !sops_merge_plan(&x->run, e)) {
        return false;
    }
    if (x->run.reason.len != 0) {
        return fail_whole(x, e);
    }
    x->pick = sops_alloc(x->run.merge.conflicts, e);
    if (x->pick == NULL || !(any_option(x->o) ? decide_by_options(x, e) : decide_by_work_tree(x, e))) {
        return false;
    }
    return (x->done || write_file(x, e)) && (!x->o->add || sops_in_index_add(&x->index, e));
}

static bool resolve_file(struct sops_job *j, const struct resolve_options *o, const char *path, struct sops_err *e)
{
    struct resolve x = {.o = o, .j = j, .run = {.j = j, .name = path}};
    bool ok = resolve(&x, e);
    sops_merge_run_free(&x.run);
    sops_in_index_free(&x.index);
    sops_buf_free(&x.work);
    sops_free(x.pick);
    return ok;
}

/* Of several files each is done, and what fails is told. */
static bool resolve_files(struct sops_job *j, const struct sops_options *o, struct sops_err *e)
{
    bool failed = false;
    if (o->argc == 1) {
        return resolve_file(j, o->own, o->args[0], e);
    }
    for (size_t i = 0; i < o->argc; i++) {
        struct sops_err why = {0};
        if (!resolve_file(j, o->own, o->args[i], &why)) {
            sops_ui_error(j->world, &why);
            failed = true;
        }
        sops_err_clear(&why);
    }
    e->code = failed ? SOPS_FOUND : SOPS_OK;
    return !failed;
}

static bool run_resolve(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct resolve_options *own = o->own;
    struct sops_job j = {.world = w, .opt = o};
    bool ok;
    if (own->ours && own->theirs) {
        ok = sops_fail(e, SOPS_E_CONFLICT, "cannot operate on both --ours and --theirs");
    } else if (o->argc == 0) {
        ok = sops_fail(e, SOPS_E_NO_FILE, "no file specified");
    } else {
        ok = sops_step_config(&j, e) && sops_step_order(&j, e) && resolve_files(&j, o, e);
    }
    sops_job_free(&j);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "ours",
     SOPS_FLAG_TO(struct resolve_options, ours),
     .flags = SOPS_OPT_OURS,
     .help = "take ours where both sides changed an entry"},
    {.name = "theirs",
     SOPS_FLAG_TO(struct resolve_options, theirs),
     .flags = SOPS_OPT_OURS,
     .help = "take theirs (in a rebase: the branch that is moved)"},
    {.name = "ours-path",
     SOPS_MANY_TO(struct resolve_options, ours_path),
     .value = "PATH",
     .flags = SOPS_OPT_OURS,
     .help = "take ours for this conflict, as it was printed; may be given again"},
    {.name = "theirs-path",
     SOPS_MANY_TO(struct resolve_options, theirs_path),
     .value = "PATH",
     .flags = SOPS_OPT_OURS,
     .help = "take theirs for this conflict; may be given again"},
    {.name = "add",
     SOPS_FLAG_TO(struct resolve_options, add),
     .flags = SOPS_OPT_OURS,
     .help = "git add the file when it is resolved"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"CHOICE", options};
static const struct sops_opt_table *const tables[] = {&table, &sops_opts_order, &sops_opts_services, NULL};

const struct sops_verb sops_verb_git_resolve = {
    .name = "resolve",
    .summary = "finish the merge of a file by choosing sides",
    .args = "FILE…",
    .about = "The merge is made again from the versions in git's index. Which side each conflict\n"
             "goes to is said by the options, or by FILE, when one section of each pair was kept.\n"
             "To write something that is neither, `sops edit FILE`.\n",
    .example = "sops git resolve --theirs --add secrets.yaml",
    .tables = tables,
    .own_size = sizeof(struct resolve_options),
    .ours = true,
    .finds = true,
    .run = run_resolve,
};
