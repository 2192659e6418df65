/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a run with -r, and of the checks before it: usage, no PATH (100), options in conflict (8), the order of
 * keys (112), values of options (1). Nothing has been read by then. */
#include "cli/many.h"

#include "base/ascii.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/signals.h"
#include "cli/ui.h"

/* ---- options ---------------------------------------------------------------------------------------------------- */

/* Without -r. */
static bool check_alone(const struct sops_options *o, struct sops_err *e)
{
    const struct sops_many_options *n = &o->shared.many;
    const struct {
        bool given;
        const char *name;
    } list[] = {
        {n->output_dir != NULL, "output-dir"}, {n->dry_run, "dry-run"},         {n->all_or_nothing, "all-or-nothing"},
        {n->include != NULL, "include"},       {n->exclude != NULL, "exclude"}, {n->no_ignore, "no-ignore"},
        {n->older_than != NULL, "older-than"}, {n->jobs.given, "jobs"},         {n->json, "json"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (list[i].given) {
            sops_fail(e, SOPS_E_CONFLICT, "--%s is for many files, and needs -r", list[i].name);
            return sops_hint(e, "sops %s -r takes files and folders", o->command);
        }
    }
    return true;
}

static bool check_conflicts(const struct sops_many *m, struct sops_err *e)
{
    const struct sops_shared *s = &m->opt->shared;
    const char *single = s->output != NULL              ? "output"
                         : s->output_type != NULL       ? "output-type"
                         : s->filename_override != NULL ? "filename-override"
                         : s->extract != NULL           ? "extract"
                                                        : NULL;
    if (single != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--%s is for one file, and does not go with -r", single);
    }
    bool dir = s->many.output_dir != NULL;
    if (s->in_place && dir) {
        return sops_fail(e, SOPS_E_CONFLICT, "--in-place and --output-dir do not go together");
    }
    if (!s->in_place && !dir && !s->many.dry_run && !m->action->needs_config) {
        bool may = m->common.statuses == SOPS_STATUSES_NEED_FILE;
        return sops_fail(e, SOPS_E_CONFLICT, "with -r it has to be said where results go: -i (--in-place)%s",
                         may ? " or --output-dir DIR" : "");
    }
    return true;
}

/* "90d". */
static bool take_age(struct sops_many *m, struct sops_err *e)
{
    struct sops_slice text = sops_str(m->opt->shared.many.older_than);
    size_t digits = text.len != 0 ? text.len - 1 : 0;
    m->older_than = -1;
    if (text.ptr == NULL) {
        return true;
    }
    bool good = digits != 0 && digits < 8 && text.ptr[digits] == 'd' &&
                strspn((const char *)text.ptr, "0123456789") == digits &&
                sops_int_parse(sops_slice_first(text, digits), &m->older_than);
    return good || sops_fail(e, SOPS_E_GENERIC, "'%.*s' in --older-than is no age", SOPS_ARG(text)) ||
           sops_hint(e, "write a whole number of days, like 90d");
}

static bool take_values(struct sops_many *m, struct sops_err *e)
{
    const struct sops_many_options *n = &m->opt->shared.many;
    if (!sops_threads_wanted(&n->jobs, &m->run.threads, e)) {
        return false;
    }
    m->world->jobs = (unsigned)m->run.threads;
    return take_age(m, e) && sops_name_filter_make(&m->filter, n->include, n->exclude, e);
}

static bool check_usage(struct sops_many *m, struct sops_err *e)
{
    if (m->opt->argc == 0) {
        sops_fail(e, SOPS_E_NO_FILE, "no file specified");
        return sops_hint(e, "name files or folders; . is the current one");
    }
    if (!check_conflicts(m, e)) {
        return false;
    }
    bool order = m->action->needs_key && !m->action->needs_config;
    return (!order || sops_step_order(&m->common, e)) && take_values(m, e);
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

void sops_many_drop(struct sops_many_file *f)
{
    if (f->unlocking != NULL) {
        sops_unlocking_done(f->unlocking);
    }
    if (f->meta != NULL) {
        sops_meta_free(f->meta);
    }
    sops_wrapped_free(f->made);
    sops_update_free(&f->update);
}

static void free_many(struct sops_many *m)
{
    for (size_t i = 0; i < m->run.count; i++) {
        sops_many_drop(sops_many_at(m, i));
    }
    sops_run_free(&m->run);
    sops_secret_free(&m->keys);
    sops_selection_free(&m->selection);
    sops_configs_free(&m->configs);
    sops_name_filter_free(&m->filter);
    sops_git_close(&m->git);
    sops_job_free(&m->common);
    (void)pthread_mutex_destroy(&m->large);
}

/* With --all-or-nothing a failure of the plan ends it before anything is asked. */
static bool may_go_on(struct sops_many *m, struct sops_err *e)
{
    if (!m->opt->shared.many.all_or_nothing) {
        return true;
    }
    for (size_t i = 0; i < m->run.count; i++) {
        struct sops_err why = {0};
        struct sops_many_file *f = sops_many_at(m, i);
        if (f->run.outcome == SOPS_RUN_NOT_DONE && f->target == NULL && !sops_file_exchangeable(f->run.name, &why)) {
            (void)sops_many_fail(m, f, &why);
        }
    }
    return sops_run_count(&m->run, SOPS_RUN_FAILED) == 0 && sops_many_may_open(m, e);
}

static bool end_dry(struct sops_many *m, struct sops_err *e)
{
    if (!sops_many_report_dry(m, e)) {
        return false;
    }
    int status = sops_run_count(&m->run, SOPS_RUN_FAILED) != 0    ? SOPS_E_READ
                 : sops_run_count(&m->run, SOPS_RUN_CHANGED) != 0 ? SOPS_E_GENERIC
                                                                  : SOPS_OK;
    return status == SOPS_OK || sops_fail(e, status, "%s", "");
}

/* No memory for the lines after the work is no failure of the work; whoever reads JSON waits for its last line. */
static bool may_go_unreported(const struct sops_many *m, struct sops_err *e)
{
    bool may = e->memory && !m->opt->shared.many.json;
    if (may) {
        sops_err_clear(e);
    }
    return may;
}

static bool run_all(struct sops_many *m, struct sops_err *e)
{
    int number = 0;
    if (!check_usage(m, e) || !sops_many_plan(m, e)) {
        return false;
    }
    if (m->opt->shared.many.dry_run) {
        return end_dry(m, e);
    }
    if (may_go_on(m, e)) {
        if ((m->action->needs_config && !sops_many_ask(m, e)) || !sops_job_services(&m->common, e) ||
            !sops_many_unlock(m, e)) {
            return false;
        }
        number = sops_many_work(m);
    }
    if (e->code != SOPS_OK || !(sops_many_report(m, false, e) || may_go_unreported(m, e))) {
        return false;
    }
    bool failed = sops_run_count(&m->run, SOPS_RUN_FAILED) != 0;
    int status = number != 0 ? 128 + number : failed ? SOPS_E_GENERIC : SOPS_OK;
    return status == SOPS_OK || sops_fail(e, status, "%s", "");
}

bool sops_many_or_one(struct sops_job *j, const struct sops_many_action *action, sops_step *const steps[],
                      struct sops_err *e)
{
    struct sops_world *w = j->world;
    const struct sops_options *o = j->opt;
    if (!o->shared.recursive) {
        return check_alone(o, e) && sops_job_run(j, steps, e);
    }
    struct sops_many m = {
        .world = w, .opt = o, .action = action, .common = {.world = w, .opt = o, .statuses = j->statuses}};
    m.run = (struct sops_run){
        .world = w,
        .opt = o,
        .size = sizeof(struct sops_many_file),
        .failures = SOPS_RUN_KEEPS,
        .ctx = &m,
        .words = {[SOPS_RUN_CHANGED] = "changed",
                  [SOPS_RUN_UNCHANGED] = "unchanged",
                  [SOPS_RUN_FAILED] = "failed",
                  [SOPS_RUN_NOT_DONE] = "not done"},
    };
    sops_run_open(&m.run);
    (void)pthread_mutex_init(&m.large, NULL);
    bool ok = run_all(&m, e);
    free_many(&m);
    return ok;
}
