/* SPDX-License-Identifier: Apache-2.0 */
/*
 * updatekeys: the same data key, wrapped for the keys that the creation rule names now
 * (docs/spec/50-cli.md#updatekeys). Values, MAC and time keep their bytes. What is to be written is read back before it
 * replaces the file.
 */
#include "cli/command.h"
#include "cli/groups_diff.h"
#include "cli/keys_files.h"
#include "cli/steps.h"
#include "cli/ui.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file's change, and what becomes of it. */
struct update {
    struct sops_creation rule;
    enum { FAILED, UPDATED, CURRENT, LEFT, OUTCOMES } outcome;
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

static bool own_rule(struct sops_job *j, struct sops_err *e)
{
    struct update *u = j->own;
    if (!sops_config_creation(j->config, j->world, &sops_envelope_meta(j->env)->arena, j->path, &u->rule, e)) {
        return sops_within(e, "'%s'", j->path);
    }
    j->rule_line = u->rule.line;
    return u->rule.from_rule || sops_fail(e, SOPS_E_GENERIC, "'%s': the config file has no creation rules", j->path);
}

/* What will change, on stdout; done when there is nothing. Somebody else may have changed the file after the question:
 * the same change is not shown again. */
static bool own_compare(struct sops_job *j, struct sops_err *e)
{
    struct update *u = j->own;
    struct sops_buf text = {0};
    bool differ = false;
    bool ok = sops_groups_diff(sops_envelope_meta(j->env), &u->rule, sops_ui_colour(j->world, STDOUT_FILENO), &differ,
                               &text, e);
    u->agreed = u->agreed && sops_slice_eq(sops_buf_view(&text), sops_buf_view(&u->shown));
    if (ok && differ) {
        ok = u->agreed || sops_ui_out(sops_buf_view(&text), e);
        sops_buf_free(&u->shown);
        u->shown = text;
        text = (struct sops_buf){0};
    } else if (ok) {
        sops_ui_note("'%s' is already up to date", j->path);
        u->outcome = CURRENT;
        j->done = true;
    }
    sops_buf_free(&text);
    return ok;
}

static bool own_ask(struct sops_job *j, struct sops_err *e)
{
    struct update *u = j->own;
    bool yes = j->opt->shared.yes || u->agreed;
    if (!yes && !sops_ui_confirm("Is this okay? (y/n):", &yes, e)) {
        return false;
    }
    if (!yes) {
        sops_ui_note("'%s' is left unchanged", j->path);
        u->outcome = LEFT;
        j->done = true;
    }
    u->agreed = yes;
    return true;
}

static bool own_groups(struct sops_job *j, struct sops_err *e)
{
    const struct update *u = j->own;
    struct sops_meta *m = sops_envelope_meta(j->env);
    (void)e;
    m->groups = u->rule.groups;
    m->threshold = sops_groups_threshold(m, &u->rule);
    return true;
}

static bool own_done(struct sops_job *j, struct sops_err *e)
{
    struct update *u = j->own;
    (void)e;
    sops_ui_note("'%s' is synced with the new keys", j->path);
    u->outcome = UPDATED;
    return true;
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

static bool update_file(struct sops_job *common, const char *path, struct update *u, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_file,
        sops_step_own_format,
        sops_step_read,
        sops_step_parse_sealed,
        own_rule,
        own_compare,
        own_ask,
        sops_step_unwrap,
        own_groups,
        sops_step_wrap,
        sops_step_emit_sealed,
        sops_step_check_keys,
        sops_step_write,
        own_done,
        NULL,
    };
    struct sops_job j = {
        .world = common->world,
        .opt = common->opt,
        .services = common->services,
        .services_lent = true,
        .config = common->config,
        .path = path,
        .name = path,
        .missing = SOPS_E_GENERIC,
        .bad_input = SOPS_E_GENERIC,
        .bad_output = SOPS_E_GENERIC,
        .in_place = true,
        .config_indent = true,
        .own = u,
    };
    *u = (struct update){0};
    bool ok = sops_job_run(&j, steps, e);
    sops_buf_free(&u->shown);
    return ok;
}

/* ---- several files ---------------------------------------------------------------------------------------------- */

static void progress(struct sops_job *common, size_t at, size_t all, const char *path)
{
    char text[1200];
    if (isatty(STDERR_FILENO) == 1) {
        (void)snprintf(text, sizeof text, "[%zu/%zu] %s", at + 1, all, path);
        common->world->say(common->world, SOPS_SAY_PROGRESS, text);
    }
}

static bool update_all(struct sops_job *common, const char *const *paths, size_t n, struct sops_err *e)
{
    size_t count[OUTCOMES] = {0};
    for (size_t i = 0; i < n; i++) {
        struct update u;
        struct sops_err why = {0};
        progress(common, i, n, paths[i]);
        if (!update_file(common, paths[i], &u, &why)) {
            u.outcome = FAILED;
            sops_options_fit_hint(common->opt, &why);
            sops_ui_error(common->world, &why);
        }
        count[u.outcome]++;
        sops_err_clear(&why);
    }
    sops_ui_note("%zu updated, %zu up to date, %zu left unchanged, %zu failed", count[UPDATED], count[CURRENT],
                 count[LEFT], count[FAILED]);
    return count[FAILED] == 0 || sops_fail(e, SOPS_E_GENERIC, "failed updating %zu key(s)", count[FAILED]);
}

static bool update_arguments(struct sops_job *common, struct sops_err *e)
{
    const struct sops_options *o = common->opt;
    struct sops_arena a = {0};
    const char *const *paths = (const char *const *)o->args;
    size_t n = o->argc;
    struct update u;
    bool recursive = o->shared.recursive;
    bool ok = !recursive || sops_keys_files(common, paths, sops_is_encrypted_file, &a, &paths, &n, e);
    if (ok) {
        ok = n == 1 && !recursive ? update_file(common, paths[0], &u, e) : update_all(common, paths, n, e);
    }
    sops_arena_free(&a);
    return ok;
}

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
    static sops_step *const steps[] = {own_arguments, own_config, sops_job_services, update_arguments, NULL};
    struct sops_job common = {.world = w, .opt = o, .needs_rule = true};
    return sops_job_run(&common, steps, e);
}

static const struct sops_option options[] = {
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .flags = SOPS_OPT_OURS,
     .help = "go through folders, and update each encrypted file in them"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"FILES", options};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style, &table, &sops_opts_yes, &sops_opts_input_type, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_updatekeys = {
    .name = "updatekeys",
    .summary = "give files the keys that .sops.yaml names now",
    .args = "FILE…",
    .about = "Compares the keys of each file with those of its creation rule, shows what will\n"
             "change and asks. The data key stays, and with it every value; to make a new one,\n"
             "too, rotate the file. Folders are gone through with the option -r.\n",
    .example = "sops updatekeys secrets.yaml",
    .tables = tables,
    .run = run,
};
