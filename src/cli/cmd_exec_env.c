/* SPDX-License-Identifier: Apache-2.0 */
/* exec-env: the file's top-level values as variables of a command (docs/spec/50-cli.md#exec-env-and-exec-file). They
 * win over inherited ones and over what --user sets. */
#include "base/proc.h"
#include "cli/command.h"
#include "cli/exec.h"

#include <unistd.h>

static bool own_conflict(struct sops_job *j, struct sops_err *e)
{
    const struct sops_exec_options *o = sops_exec_said(j->opt);
    if (o->same_process && o->background) {
        return sops_fail(e, SOPS_E_CONFLICT, "--same-process cannot be used with --background");
    }
    return true;
}

static bool add_value(struct sops_buf *out, const struct sops_node *n, struct sops_err *e)
{
    if (!sops_node_is_leaf(n)) {
        return sops_fail(e, SOPS_E_GENERIC, "'%.*s' has a complex value, a mapping or a list: no variable can hold it",
                         SOPS_ARG(n->key));
    }
    return sops_node_plain(n, out, e);
}

static bool make_variable(struct sops_arena *a, const struct sops_node *n, const char **to, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice copy = {0};
    if (sops_slice_find(n->key, '=') != n->key.len) {
        return sops_fail(e, SOPS_E_GENERIC, "the key '%.*s' holds a '=': it cannot be the name of a variable",
                         SOPS_ARG(n->key));
    }
    bool ok = sops_buf_add(&text, n->key, e) && sops_buf_addc(&text, '=', e) && add_value(&text, n, e);
    if (ok && sops_slice_find(sops_buf_view(&text), '\0') != text.len) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the value of '%.*s' holds a NUL byte: no variable can hold it",
                       SOPS_ARG(n->key));
    }
    ok = ok && sops_arena_copy(a, sops_buf_view(&text), &copy, e);
    *to = (const char *)copy.ptr;
    sops_buf_free(&text);
    return ok;
}

/* "NAME=value" for every entry of the first document, behind what `list` holds already; NULL-terminated. */
static bool add_variables(struct sops_arena *a, const struct sops_doc *d, const char *const first[4],
                          const char *const **list, struct sops_err *e)
{
    const struct sops_node *child = d->parts != NULL ? d->parts->child : NULL;
    size_t n = 0, most = 4;
    for (const struct sops_node *at = child; at != NULL; at = at->next) {
        most++;
    }
    const char **made = sops_arena_alloc(a, (most + 1) * sizeof *made, e);
    if (made == NULL) {
        return false;
    }
    for (; first[n] != NULL; n++) {
        made[n] = first[n];
    }
    for (const struct sops_node *at = child; at != NULL; at = at->next) {
        if (at->kind != SOPS_COMMENT && !make_variable(a, at, &made[n++], e)) {
            return false;
        }
    }
    *list = made;
    return true;
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    const struct sops_exec_options *o = sops_exec_said(j->opt);
    struct sops_arena a = {0};
    const char *user[4], *none[4] = {NULL};
    const char *const *argv, *const *variables;
    char **env;
    const struct sops_doc *d = sops_envelope_clear(j->env, e);
    /* Everything that may be wrong with the file is, before this process becomes somebody else. */
    bool ok = d != NULL && add_variables(&a, d, none, &variables, e) && sops_exec_user(j->opt, &a, user, e) &&
              add_variables(&a, d, user, &variables, e) && sops_exec_words(j->opt, &a, NULL, &argv, e);
    ok = ok && sops_proc_environment(&a, o->pristine ? NULL : (const char *const *)environ, variables, &env, e);
    if (ok) {
        ok = o->same_process ? sops_exec_replace(j, argv, env, e) : sops_exec_run(j, argv, env, e);
    }
    sops_arena_free(&a);
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_exec_arguments, own_conflict, sops_step_config, sops_step_order, sops_step_unlock, own_run, NULL,
    };
    struct sops_job j = {.world = w, .opt = o};
    return sops_job_run(&j, steps, e);
}

static const struct sops_option options[] = {
    {.name = "pristine",
     SOPS_FLAG_TO(struct sops_exec_options, pristine),
     .help = "only the file's values: nothing of the environment is passed on"},
    {.name = "same-process",
     SOPS_FLAG_TO(struct sops_exec_options, same_process),
     .help = "replace sops by the command instead of waiting for it"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"COMMAND", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_exec, &sops_opts_our_input_type, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_exec_env = {
    .name = "exec-env",
    .summary = "run a command with the values of a file in its environment",
    .args = "FILE COMMAND",
    .about = "Runs COMMAND by /bin/sh with each top-level value of FILE as a variable. COMMAND is\n"
             "one argument; behind -- a program and its arguments may stand, which is run without\n"
             "a shell. The status is the command's.\n",
    .example = "sops exec-env secrets.env './deploy production'",
    .tables = tables,
    .own_size = sizeof(struct sops_exec_options),
    .run = run,
};
