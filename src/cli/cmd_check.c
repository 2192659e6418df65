/* SPDX-License-Identifier: Apache-2.0 */
/* check: are the files that stand here, or are about to be committed, encrypted as .sops.yaml wants it, whole, and for
 * the right people? Nothing that a file holds ends the run early (docs/spec/71-check.md#check). */
#include "cli/check.h"

#include "base/thread.h"
#include "cli/command.h"
#include "cli/ui.h"

#include <unistd.h>

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static bool check_conflicts(const struct check_options *o, struct sops_err *e)
{
    int modes = o->staged + o->tracked + (o->rev != NULL);
    if (modes > 1) {
        return sops_fail(e, SOPS_E_CONFLICT, "at most one of --staged, --tracked and --rev");
    }
    return !(o->key && o->no_key) || sops_fail(e, SOPS_E_CONFLICT, "--key and --no-key contradict each other");
}

/* The configuration that `encrypt` would take here. */
static bool find_near(struct check_run *r, struct sops_err *e)
{
    struct sops_buf path = {0};
    bool ok = sops_buf_add(&path, sops_buf_view(&r->configs.here), e) && sops_buf_adds(&path, "/x", e);
    if (ok && (r->own->staged || r->own->rev != NULL)) {
        r->near = NULL;
    } else if (ok) {
        r->near = sops_configs_for(&r->configs, sops_buf_view(&path), e);
        ok = r->near != NULL;
    }
    sops_buf_free(&path);
    return ok;
}

static void *check_nth(void *ctx, size_t number)
{
    struct check_run *r = ctx;
    struct sops_err e = {0};
    struct check_result *x = atomic_load(&r->stop) ? NULL : sops_alloc(sizeof *x, &e);
    if (x != NULL) {
        check_one(r, &r->item[number], x);
    }
    sops_err_clear(&e);
    return x;
}

static bool tell(struct check_run *r, const struct check_item *i, struct check_result *x, struct sops_err *e)
{
    if (x->failure.code != SOPS_OK) {
        *e = x->failure;
        x->failure = (struct sops_err){0};
        return false;
    }
    r->report.allowed += x->allowed;
    r->report.encrypted += x->encrypted;
    return x->unread != NULL ? check_report_unread(&r->report, i->name, x->unread, e)
                             : check_report_item(&r->report, i, &x->found, e);
}

static void tell_nth(void *ctx, size_t number, void *result)
{
    struct check_run *r = ctx;
    struct check_result *x = result;
    struct sops_err *e = &r->failure;
    if (e->code == SOPS_OK) {
        bool ok = x != NULL ? tell(r, &r->item[number], x, e) : sops_fail_memory(e);
        atomic_store(&r->stop, !ok);
    }
    if (x != NULL) {
        check_result_free(x);
        sops_free(x);
    }
}

static bool check_all(struct check_run *r, struct sops_err *e)
{
    enum { FOR_A_THREAD = 4 }; /* items: for fewer it takes longer to be started */
    size_t useful = 1 + r->items / FOR_A_THREAD;
    sops_together_in_turn(r->items, r->threads < useful ? r->threads : useful, check_nth, tell_nth, r);
    *e = r->failure;
    r->failure = (struct sops_err){0};
    return e->code == SOPS_OK;
}

static bool run_check(struct check_run *r, const struct sops_options *o, struct sops_err *e)
{
    r->report.colour = !r->own->quiet && sops_ui_colour(r->job->world, STDOUT_FILENO);
    r->secrets = sops_secrets_new(e);
    bool ok = r->secrets != NULL && sops_name_filter_make(&r->filter, r->own->include, r->own->exclude, e) &&
              sops_configs_open(&r->configs, e);
    r->report.here = sops_buf_view(&r->configs.here);
    ok = ok && check_items(r, o->args, e) && find_near(r, e) && (!r->own->key || check_keys_open(r, e));
    return ok && check_all(r, e) && check_report_end(&r->report, e);
}

static void start_run(struct check_run *r, const struct sops_options *o)
{
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_mutex_init(&r->asked, NULL);
    (void)pthread_mutex_init(&r->large, NULL);
    r->git = (struct sops_git){.world = r->job->world, .lock = &r->asked};
    r->configs.world = r->report.world = r->job->world;
    r->configs.named = o->shared.config;
    r->report.quiet = r->own->quiet;
}

static void free_run(struct check_run *r)
{
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_mutex_destroy(&r->asked);
    (void)pthread_mutex_destroy(&r->large);
    check_keys_free(r);
    sops_configs_free(&r->configs);
    check_report_free(&r->report);
    sops_name_filter_free(&r->filter);
    sops_secrets_free(r->secrets);
    sops_git_close(&r->git);
    sops_table_free(&r->held);
    sops_buf_free(&r->top);
    sops_buf_free(&r->loose);
    sops_free(r->item);
    sops_arena_free(&r->arena);
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct check_options *own = o->own;
    struct sops_job job = {.world = w, .opt = o};
    struct check_run r = {.job = &job, .own = own};
    if (!check_conflicts(own, e)) {
        return false;
    }
    if (!check_report_format(own->format, &r.report.format)) {
        return sops_fail(e, SOPS_E_READ, "'%s' is no format: human, json, sarif or github", own->format);
    }
    start_run(&r, o);
    bool ok = sops_step_order(&job, e);
    if (ok && !sops_threads_wanted(&own->jobs, &r.threads, e)) {
        ok = sops_recode(e, SOPS_E_READ);
    }
    if (ok) {
        w->jobs = (unsigned)r.threads;
        ok = run_check(&r, o, e) || sops_recode(e, SOPS_E_READ);
        e->code = ok ? check_report_status(&r.report, own->strict) : e->code;
    }
    free_run(&r);
    sops_job_free(&job);
    return ok;
}

/* ---- the table
 * -------------------------------------------------------------------------------------------------------- */

#define OWN struct check_options
static const struct sops_option options[] = {
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .help = "accepted: folders are always gone through"},
    {.name = "staged", SOPS_FLAG_TO(OWN, staged), .help = "judge what the next commit would add or change"},
    {.name = "tracked", SOPS_FLAG_TO(OWN, tracked), .help = "judge the files of the work tree that git knows"},
    {.name = "rev",
     SOPS_TEXT_TO(OWN, rev),
     .value = "REV",
     .help = "judge the tree of a commit; A..B: what each commit of B that is not in A brings in"},
    {.name = "key",
     SOPS_FLAG_TO(OWN, key),
     .help = "also unlock each encrypted file, and check its values and its MAC"},
    {.name = "no-key", SOPS_FLAG_TO(OWN, no_key), .help = "no key is used: the default"},
    {.name = "scan", SOPS_FLAG_TO(OWN, scan), .help = "also look for secrets in text files that are not encrypted"},
    {.name = "strict", SOPS_FLAG_TO(OWN, strict), .help = "warnings count as errors for the exit status"},
    {.name = "no-ignore", SOPS_FLAG_TO(OWN, no_ignore), .help = "in folders also the files that git ignores"},
    {.name = "include",
     SOPS_MANY_TO(OWN, include),
     .value = "REGEX",
     .help = "only files whose name matches; may be repeated"},
    {.name = "exclude",
     SOPS_MANY_TO(OWN, exclude),
     .value = "REGEX",
     .help = "no files whose name matches; may be repeated"},
    {.name = "jobs",
     SOPS_INT_TO(OWN, jobs),
     .value = "N",
     .help = "files at a time, 1 to 64 (default: 8, or the number of processors, at most 32)"},
    {.name = "format",
     SOPS_TEXT_TO(OWN, format),
     .value = "FORMAT",
     .help = "human, json (lines), sarif (2.1.0) or github (workflow commands)"},
    {.name = "quiet",
     SOPS_FLAG_TO(OWN, quiet),
     .short_name = "q",
     .help = "nothing on stdout: the exit status says it"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"CHECKS", options};
static const struct sops_opt_table *const tables[] = {&table, &sops_opts_order, &sops_opts_services, NULL};

const struct sops_verb sops_verb_check = {
    .name = "check",
    .summary = "say whether files are encrypted as .sops.yaml wants it, whole, and for the right people",
    .args = "[PATH…]",
    .about = "Needs no key, and asks nobody: the answer is the same on every machine. PATHs are files\n"
             "and folders; in the work tree of git a folder means what git does not ignore.\n"
             "Exit status: 0 nothing, 1 errors were found, 2 something could not be read.\n"
             "As a hook of git: sops check --staged. See docs/CHECK.md for each finding.\n",
    .example = "sops check --staged",
    .tables = tables,
    .own_size = sizeof(struct check_options),
    .ours = true,
    .yields = true,
    .finds = true,
    .run = run,
};
