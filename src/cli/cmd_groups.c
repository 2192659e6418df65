/* SPDX-License-Identifier: Apache-2.0 */
/* groups add, groups delete: the same data key, wrapped or split anew for other groups; values keep their bytes
 * (docs/spec/50-cli.md#groups). Every failure is noticed before the file is touched. */
#include "base/text.h"
#include "cli/command.h"
#include "cli/steps.h"

struct groups_options {
    const char *file;
};

static size_t count(const struct sops_group *g)
{
    size_t n = 0;
    for (; g != NULL; g = g->next) {
        n++;
    }
    return n;
}

static bool own_file(struct sops_job *j, struct sops_err *e)
{
    j->path = j->name = ((const struct groups_options *)j->opt->own)->file;
    return j->path != NULL || sops_fail(e, SOPS_E_READ, "no file given") || sops_hint(e, "name it with --file");
}

static bool own_threshold(struct sops_job *j, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    if (j->opt->shared.threshold.value != 0) {
        m->threshold = j->opt->shared.threshold.value;
    }
    if (m->threshold < 0) {
        return sops_fail(e, SOPS_E_GENERIC, "the threshold %lld is negative", (long long)m->threshold);
    }
    return true;
}

/* The threshold may be one that the file has had from the start, without any effect so far. */
static bool own_wrap(struct sops_job *j, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    size_t groups = count(m->groups);
    if (sops_step_wrap(j, e)) {
        return true;
    }
    if (groups > 1 && (m->threshold == 1 || (uint64_t)m->threshold > groups)) {
        sops_hint(e, "%zu groups want a threshold from 2 to %zu: --shamir-secret-sharing-threshold", groups, groups);
    }
    return false;
}

/* ---- add -------------------------------------------------------------------------------------------------------- */

static bool no_arguments(struct sops_job *j, struct sops_err *e)
{
    return j->opt->argc == 0 || sops_fail(e, SOPS_E_GENERIC, "'groups add': no positional arguments allowed");
}

static bool own_add(struct sops_job *j, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    struct sops_group *added = sops_arena_alloc(&m->arena, sizeof *added, e);
    if (added == NULL || !sops_job_keys(j, &m->arena, "", SOPS_BY_GROUPS, &added->keys, e)) {
        return false;
    }
    if (added->keys == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "no key given for the new group");
    }
    sops_groups_append(&m->groups, added);
    return true;
}

static bool run_add(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        no_arguments,          own_file,
        sops_step_config,      sops_step_own_format,
        sops_step_read,        sops_step_parse_sealed,
        sops_step_unwrap,      own_add,
        own_threshold,         own_wrap,
        sops_step_emit_sealed, sops_step_check_keys,
        sops_step_write,       NULL,
    };
    struct sops_job j = {.world = w, .opt = o, .statuses = SOPS_STATUSES_GROUPS};
    return sops_job_run(&j, steps, e);
}

/* ---- delete ----------------------------------------------------------------------------------------------------- */

static bool one_argument(struct sops_job *j, struct sops_err *e)
{
    int64_t number;
    if (j->opt->argc != 1) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "'groups delete': exactly one positional argument required, the number of the group");
    }
    return sops_int_parse(sops_str(sops_arg(j->opt, 0)), &number) ||
           sops_fail(e, SOPS_E_GENERIC, "'%s' is not the number of a group", sops_arg(j->opt, 0));
}

static bool own_delete(struct sops_job *j, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    int64_t number = -1;
    size_t groups = count(m->groups);
    if (!sops_int_parse(sops_str(sops_arg(j->opt, 0)), &number) || number < 0 || (uint64_t)number >= groups) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' has no group %lld: it has %zu, counted from 0", j->path,
                         (long long)number, groups);
    }
    if (groups == 1) {
        return sops_fail(e, SOPS_E_GENERIC, "the only group of '%s' cannot be deleted", j->path);
    }
    struct sops_group **g = &m->groups;
    for (; number > 0; number--) {
        g = &(*g)->next;
    }
    *g = (*g)->next;
    return true;
}

static bool own_enough(struct sops_job *j, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    size_t left = count(m->groups);
    if (m->threshold > 0 && left < (uint64_t)m->threshold) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the Shamir threshold is %lld, but we only have %zu group%s left",
                        (long long)m->threshold, left, left == 1 ? "" : "s");
        return sops_hint(e, "lower it with --shamir-secret-sharing-threshold");
    }
    return true;
}

static bool run_delete(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        one_argument,         own_file,        sops_step_config,
        sops_step_own_format, sops_step_read,  sops_step_parse_sealed,
        sops_step_unwrap,     own_threshold,   own_delete,
        own_enough,           own_wrap,        sops_step_emit_sealed,
        sops_step_check_keys, sops_step_write, NULL,
    };
    struct sops_job j = {.world = w, .opt = o, .statuses = SOPS_STATUSES_GROUPS};
    return sops_job_run(&j, steps, e);
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static const struct sops_option file[] = {
    {.name = "file",
     SOPS_TEXT_TO(struct groups_options, file),
     .short_name = "f",
     .value = "FILE",
     .help = "the encrypted file"},
    {.name = NULL},
};
static const struct sops_opt_table file_table = {"FILE", file};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style,    &file_table, &sops_opts_our_input_type, &sops_opts_in_place, &sops_opts_threshold,
    &sops_opts_services, NULL,
};

static const struct sops_verb add = {
    .name = "add",
    .summary = "add a group of keys",
    .args = "",
    .about = "Adds a group with the given keys behind the others. The data key is split anew: so\n"
             "many groups as the threshold says are needed to decrypt, all of them when none is set.\n",
    .example = "sops groups add -i --file secrets.yaml --age age1…",
    .tables = tables,
    .keys = SOPS_OPT_KEYS_MANY,
    .own_size = sizeof(struct groups_options),
    .run = run_add,
};

static const struct sops_verb delete = {
    .name = "delete",
    .summary = "delete a group of keys",
    .args = "N",
    .about = "Deletes group N, counted from 0, and splits the data key anew for the others.\n",
    .example = "sops groups delete -i --file secrets.yaml 1",
    .tables = tables,
    .own_size = sizeof(struct groups_options),
    .run = run_delete,
};

static const struct sops_verb *const verbs[] = {&add, &delete, NULL};

const struct sops_verb sops_verb_groups = {
    .name = "groups",
    .summary = "change the groups of keys of an encrypted file",
    .args = "",
    .about = "A file may have several groups of keys: so many of them as the threshold says are\n"
             "needed to decrypt it, one key each.\n",
    .verbs = verbs,
};
