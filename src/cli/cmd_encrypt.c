/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the checks is part of the interface: a missing file is told before a broken configuration, and that
 * before a conflict of rules (docs/spec/50-cli.md#encrypt). */
#include "cli/command.h"
#include "cli/steps.h"

static bool own_stdin(struct sops_job *j, struct sops_err *e)
{
    if (j->path != NULL || j->name != NULL) {
        return true;
    }
    sops_fail(e, SOPS_E_CONFLICT, "cannot encrypt from stdin without --filename-override");
    return sops_hint(e, "name a file, or say with --filename-override what it would be called");
}

bool sops_step_encrypt(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_read,
                                       sops_step_parse_plain,
                                       sops_step_parts,
                                       sops_step_not_sealed,
                                       sops_step_new_key,
                                       sops_step_seal,
                                       NULL};
    return sops_job_steps(j, steps, e);
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_file_or_stdin, sops_step_conflict, own_stdin, sops_step_exists, sops_step_config, sops_step_creation,
        sops_step_encrypt,       sops_step_write,    NULL,
    };
    struct sops_job j = {.world = w, .opt = o, .missing = SOPS_E_NO_FILE, .needs_rule = true};
    return sops_job_run(&j, steps, e);
}

static const struct sops_opt_table *const tables[] = {
    &sops_opts_place,     &sops_opts_types,    &sops_opts_name,
    &sops_opts_crypt,     &sops_opts_strict,   &sops_opts_our_comments,
    &sops_opts_threshold, &sops_opts_services, NULL};

const struct sops_verb sops_verb_encrypt = {
    .name = "encrypt",
    .summary = "encrypt a file to stdout",
    .args = "[FILE]",
    .about = "The keys are those of the options, else of the creation rule for FILE in .sops.yaml.\n"
             "Without FILE, or with -, stdin is read.\n",
    .example = "sops encrypt --age age1… secrets.yaml > secrets.enc.yaml",
    .tables = tables,
    .keys = SOPS_OPT_KEYS,
    .run = run,
};
