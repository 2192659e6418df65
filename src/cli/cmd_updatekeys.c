/* SPDX-License-Identifier: Apache-2.0 */
/*
 * updatekeys: the same data key, wrapped for the keys that the creation rule names now
 * (docs/spec/50-cli.md#updatekeys). Values, MAC and time keep their bytes. What is to be written is read back before it
 * replaces the file.
 */
#include "cli/command.h"
#include "cli/many.h"
#include "cli/steps.h"
#include "cli/ui.h"
#include "cli/update.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file's change, and what becomes of it. */
struct single {
    struct sops_update update;
    enum sops_run_outcome outcome;
    struct sops_buf shown; /* the change that the user has seen and agreed to */
    bool agreed;
};

static bool own_file(struct sops_job *j, struct sops_err *e)
{
    struct stat st;
    if (!sops_job_clean_path(j, e)) {
        return false;
    }
    if (stat(j->path, &st) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot read '%s': %s", j->path, sops_os_error(errno));
    }
    return S_ISREG(st.st_mode) || !S_ISDIR(st.st_mode) ||
           sops_fail(e, SOPS_E_GENERIC, "cannot read '%s': it is a folder", j->path) ||
           sops_hint(e, "--recursive goes through folders");
}

/* What will change, on stdout; done when there is nothing. Somebody else may have changed the file after the question:
 * the same change is not shown again. */
static bool own_compare(struct sops_job *j, struct sops_err *e)
{
    struct single *s = j->own;
    struct sops_update *u = &s->update;
    sops_update_free(u);
    if (!sops_update_look(j, u, sops_ui_colour(j->world, STDOUT_FILENO), e)) {
        return false;
    }
    if (!u->differ) {
        sops_ui_note("'%s' is already up to date", j->path);
        s->outcome = SOPS_RUN_UNCHANGED;
        j->done = true;
        return true;
    }
    s->agreed = s->agreed && sops_slice_eq(sops_buf_view(&u->text), sops_buf_view(&s->shown));
    if (s->agreed) {
        return true;
    }
    sops_update_warn(j->world, u);
    sops_buf_cut(&s->shown, 0);
    return sops_buf_add(&s->shown, sops_buf_view(&u->text), e) &&
           sops_ui_out(SOPS_LIT("The following changes will be made to the file's groups:\n"), e) &&
           sops_ui_out(sops_buf_view(&u->text), e);
}

static bool own_ask(struct sops_job *j, struct sops_err *e)
{
    struct single *u = j->own;
    bool yes = j->opt->shared.yes || u->agreed;
    if (!yes && !sops_ui_confirm("Is this okay? (y/n):", &yes, e)) {
        return false;
    }
    if (!yes) {
        sops_ui_note("'%s' is left unchanged", j->path);
        u->outcome = SOPS_RUN_DECLINED;
        j->done = true;
    }
    u->agreed = yes;
    return true;
}

static bool own_update(struct sops_job *j, struct sops_err *e)
{
    struct single *s = j->own;
    j->own = &s->update;
    bool ok = sops_step_update(j, e);
    j->own = s;
    return ok;
}

static bool own_done(struct sops_job *j, struct sops_err *e)
{
    struct single *u = j->own;
    (void)e;
    sops_ui_note("'%s' is synced with the new keys", j->path);
    u->outcome = SOPS_RUN_CHANGED;
    return true;
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

static bool update_file(struct sops_job *common, const char *path, struct single *u, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_file,       sops_step_own_format,
        sops_step_read, sops_step_parse_sealed,
        own_compare,    own_ask,
        own_update,     sops_step_write,
        own_done,       NULL,
    };
    struct sops_job j = {
        .world = common->world,
        .opt = common->opt,
        .services = common->services,
        .services_lent = true,
        .config = common->config,
        .path = path,
        .name = path,
        .statuses = SOPS_STATUSES_CONFIGURED,
        .in_place = true,
        .config_indent = true,
        .own = u,
    };
    *u = (struct single){.agreed = false};
    bool ok = sops_job_run(&j, steps, e);
    sops_buf_free(&u->shown);
    sops_update_free(&u->update);
    return ok;
}

/* ---- several files, one question for each ------------------------------------------------------------------------ */

static bool update_one(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    struct single u;
    bool ok = update_file(ctx, f->name, &u, e);
    f->outcome = u.outcome;
    return ok;
}

static bool update_each(struct sops_job *common, struct sops_err *e)
{
    const struct sops_options *o = common->opt;
    struct sops_run r = {
        .world = common->world,
        .opt = o,
        .one = update_one,
        .ctx = common,
        .words = {[SOPS_RUN_CHANGED] = "updated",
                  [SOPS_RUN_UNCHANGED] = "up to date",
                  [SOPS_RUN_DECLINED] = "left unchanged",
                  [SOPS_RUN_FAILED] = "failed"},
    };
    sops_run_open(&r);
    bool ok = sops_run_arguments(&r, NULL, NULL, e) && sops_run_each(&r, e);
    size_t failed = sops_run_count(&r, SOPS_RUN_FAILED);
    if (ok && o->argc > 1) {
        sops_run_tell(&r);
        ok = failed == 0 || sops_fail(e, SOPS_E_GENERIC, "failed updating %zu key(s)", failed);
    }
    sops_run_free(&r);
    return ok;
}

/* ---- many files, one question for all ---------------------------------------------------------------------------- */

static bool many_plan(struct sops_many *m, struct sops_many_file *f, struct sops_job *j, struct sops_err *e)
{
    if (!sops_update_look(j, &f->update, !m->opt->shared.many.json && sops_ui_colour(m->world, STDOUT_FILENO), e)) {
        return false;
    }
    if (!f->update.differ) {
        f->run.outcome = SOPS_RUN_UNCHANGED;
        f->run.reason = "up_to_date";
        return true;
    }
    f->wanted = sops_arena_alloc(&m->run.arena, sizeof *f->wanted, e);
    if (f->wanted != NULL) {
        f->wanted->groups = f->update.rule.groups;
        f->wanted->threshold = f->update.threshold;
    }
    return f->wanted != NULL;
}

static bool many_renews(const struct sops_many_file *f) { return f->update.new_key; }

/* The change as it is now: when somebody else has changed the file since the question, one that was not shown is not
 * made. */
static bool many_work(struct sops_job *j, struct sops_err *e)
{
    struct sops_many_work *k = (struct sops_many_work *)(void *)j;
    struct sops_many *m = k->many;
    sops_update_free(&k->update);
    if (!sops_step_read(j, e) || !sops_step_parse_sealed(j, e) ||
        !sops_update_look(j, &k->update, !m->opt->shared.many.json && sops_ui_colour(m->world, STDOUT_FILENO), e)) {
        return false;
    }
    if (!k->update.differ) {
        k->file->run.reason = "up_to_date";
        j->done = true;
        return true;
    }
    if (!j->opt->shared.yes && !sops_many_was_shown(m, &k->update)) {
        j->once = true;
        return sops_file_fail_changed(j->path, e);
    }
    j->own = &k->update;
    return sops_step_update(j, e);
}

static const struct sops_many_action many = {
    .would = "update",
    .done = "updated",
    .needs_key = true,
    .needs_config = true,
    .plan = many_plan,
    .renews = many_renews,
    .work = many_work,
};

static bool no_config(struct sops_err *e)
{
    sops_fail(e, SOPS_E_GENERIC, "config file not found: its creation rules say which keys files should have");
    return sops_hint(e, "make a .sops.yaml, or name one with --config");
}

/* No configuration at all is told before a missing argument, one that cannot be read behind it. */
static bool own_arguments(struct sops_job *j, struct sops_err *e)
{
    if (j->opt->argc != 0) {
        return true;
    }
    struct sops_err why = {0};
    bool none = sops_config_load(&j->own_config, j->world, j->opt->shared.config, &why) && j->own_config.path.len == 0;
    sops_err_clear(&why);
    return none ? no_config(e) : sops_fail(e, SOPS_E_NO_FILE, "no file specified");
}

static bool own_config(struct sops_job *j, struct sops_err *e)
{
    return sops_step_config(j, e) && (j->config->path.len != 0 || no_config(e));
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_arguments, own_config, sops_job_services, update_each, NULL};
    struct sops_job common = {.world = w, .opt = o, .needs_rule = true, .statuses = SOPS_STATUSES_CONFIGURED};
    return sops_many_or_one(&common, &many, steps, e);
}

static const struct sops_option options[] = {
    {.name = "rotate",
     SOPS_FLAG_TO(struct sops_update_options, rotate),
     .help = "when somebody goes, make the data key new, too: who has seen it opens the file else"},
    {.name = "sync-threshold",
     SOPS_FLAG_TO(struct sops_update_options, sync_threshold),
     .help = "give files the rule's shamir_threshold, too"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"CHANGE", options};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style, &table, &sops_opts_many, &sops_opts_yes, &sops_opts_input_type, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_updatekeys = {
    .name = "updatekeys",
    .summary = "give files the keys that .sops.yaml names now",
    .args = "FILE…",
    .about = "Compares the keys of each file with those of its creation rule, shows what will\n"
             "change and asks. The data key stays, and with it every value; --rotate makes a new one\n"
             "where somebody goes. With -r, files and folders are taken, each file with the nearest\n"
             ".sops.yaml, and there is one question and one unlocking for all.\n",
    .example = "sops updatekeys secrets.yaml",
    .tables = tables,
    .own_size = sizeof(struct sops_update_options),
    .many = true,
    .run = run,
};
