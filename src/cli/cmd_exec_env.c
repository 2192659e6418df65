/* SPDX-License-Identifier: Apache-2.0 */
/* exec-env: the values of files as variables of a command (docs/spec/74-kubernetes-and-exec.md#exec-env). They win over
 * inherited ones and over what --user sets. */
#include "base/ascii.h"
#include "base/proc.h"
#include "cli/command.h"
#include "cli/exec.h"

#include <unistd.h>

static bool own_separator(struct sops_job *j, struct sops_err *e)
{
    const char *separator = sops_exec_said(j->opt)->flatten;
    return separator == NULL || sops_only_alnum(sops_str(separator), "_.-") ||
           sops_fail(e, SOPS_E_GENERIC, "--flatten takes letters, digits, '_', '.' and '-'");
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    const struct sops_exec_options *o = sops_exec_said(j->opt);
    const char *user[4], *none[4] = {NULL};
    const char *const *variables;
    char **env;
    /* Everything that may be wrong with the files is, before this process becomes somebody else. */
    bool ok = sops_exec_variables(j, none, &variables, e) && sops_exec_user(j->opt, &x->arena, user, e) &&
              (user[0] == NULL || sops_exec_variables(j, user, &variables, e)) &&
              sops_proc_environment(&x->arena, o->pristine ? NULL : (const char *const *)environ, variables, &env, e);
    bool replace = o->same_process || (!x->two_words && !o->redact && !o->background);
    return ok && (replace ? sops_exec_replace(j, x->words, env, e) : sops_exec_run(j, x->words, env, e));
}

/* Values are handed on, one by one. */
static bool own_use(struct sops_job *j, struct sops_err *e)
{
    (void)e;
    j->no_text = true;
    return true;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_use, sops_exec_arguments, own_separator, sops_step_config, sops_step_order, sops_exec_open, own_run, NULL,
    };
    return sops_exec_job(w, o, steps, e);
}

static const struct sops_option options[] = {
    {.name = "pristine",
     SOPS_FLAG_TO(struct sops_exec_options, pristine),
     .help = "only the file's values: nothing of the environment is passed on"},
    {.name = "same-process",
     SOPS_FLAG_TO(struct sops_exec_options, same_process),
     .help = "replace sops by the command instead of waiting for it"},
    {.name = "flatten",
     SOPS_TEXT_TO(struct sops_exec_options, flatten),
     .flags = SOPS_OPT_FILLED,
     .value = "SEP",
     .help = "variables for what is in mappings and lists: the keys on the way, joined with SEP"},
    {.name = "only",
     SOPS_MANY_TO(struct sops_exec_options, only),
     .value = "NAME,…",
     .help = "only these, by their names in the file (flattened); may be given again"},
    {.name = "upper", SOPS_FLAG_TO(struct sops_exec_options, upper), .help = "capitals instead of a-z in names"},
    {.name = "prefix",
     SOPS_TEXT_TO(struct sops_exec_options, prefix),
     .value = "TEXT",
     .help = "put this before every name"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"COMMAND", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_exec, &sops_opts_our_input_type, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_exec_env = {
    .name = "exec-env",
    .summary = "run a command with the values of files in its environment",
    .args = "FILE… -- COMMAND [ARG…]",
    .about = "Runs COMMAND with each top-level value of the files as a variable; of a name that two\n"
             "files have the later one counts. With several words behind -- COMMAND is a program,\n"
             "which takes the place of sops. One word is for /bin/sh, and the form FILE COMMAND\n"
             "is, too. The status is the command's; 127 when it is not there, 126 when it cannot\n"
             "be run.\n",
    .example = "sops exec-env db.env app.env -- ./server 8080",
    .tables = tables,
    .own_size = sizeof(struct sops_exec_options),
    .takes_command = true,
    .run = run,
};
