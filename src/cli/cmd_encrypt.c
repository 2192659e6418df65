/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the checks is part of the interface: a missing file is told before a broken configuration, and that
 * before a conflict of rules (docs/spec/50-cli.md#encrypt). */
#include "base/file.h"
#include "cli/command.h"
#include "cli/many.h"
#include "cli/reuse_old.h"

#include <errno.h>
#include <sys/stat.h>

struct encrypt_options {
    const char *reuse;
};

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

/* ---- --reuse: ciphertexts of an older version -----------------------------------------------------------------------
 */

static bool warn_anew(struct sops_job *j, const char *path, struct sops_err *why)
{
    sops_world_warn(j->world, "'%s' cannot be reused (%s): everything is encrypted anew", path, why->msg);
    sops_err_clear(why);
    return true;
}

/* Takes data key and ciphertexts of the old file, or all of it, when it is such that the new one could be it. */
static bool take_old(struct sops_job *j, const char *path, struct sops_version *old, struct sops_err *e)
{
    struct sops_err why = {0};
    enum sops_old how = SOPS_OLD_UNFIT;
    if (!sops_file_read(path, SOPS_FILE_MAX, &old->text, &why)) {
        return !why.memory ? warn_anew(j, path, &why) : sops_fail_memory(e);
    }
    if (!sops_version_look(old, j->world, j->out, e) || !sops_job_take_old(j, old, &how, &why, e)) {
        sops_err_clear(&why);
        return false;
    }
    if (how == SOPS_OLD_UNFIT) {
        return warn_anew(j, path, &why);
    }
    j->in_order = true;
    if (how == SOPS_OLD_TAKEN) {
        return j->style.keep == SOPS_KEEP_OFF ? sops_step_seal(j, e) : sops_job_seal_in(j, old->env, e);
    }
    j->bytes = old->text;
    old->text = (struct sops_buf){0};
    return true;
}

static bool own_reuse(struct sops_job *j, struct sops_err *e)
{
    const char *path = ((const struct encrypt_options *)j->opt->own)->reuse;
    struct sops_version old = {.name = path, .style = &j->style};
    struct stat st;
    bool ok = true;
    if (path != NULL && (stat(path, &st) == 0 || errno != ENOENT)) {
        ok = take_old(j, path, &old, e);
    }
    if (ok && j->bytes.len == 0) {
        ok = sops_step_new_key(j, e) && sops_step_seal(j, e);
    }
    sops_version_free(&old);
    return ok;
}

static bool many_work(struct sops_job *j, struct sops_err *e)
{
    return sops_step_creation(j, e) && sops_step_encrypt(j, e);
}

static const struct sops_many_action many = {
    .would = "encrypt",
    .done = "encrypted",
    .required = true,
    .work = many_work,
};

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_file_or_stdin,
        sops_step_conflict,
        own_stdin,
        sops_step_exists,
        sops_step_config,
        sops_step_creation,
        sops_step_read,
        sops_step_parse_plain,
        sops_step_parts,
        sops_step_not_sealed,
        own_reuse,
        sops_step_write,
        NULL,
    };
    struct sops_job j = {.world = w, .opt = o, .statuses = SOPS_STATUSES_NEED_FILE, .needs_rule = true};
    return sops_many_or_one(&j, &many, steps, e);
}

static const struct sops_option reuse_options[] = {
    {.name = "reuse",
     SOPS_TEXT_TO(struct encrypt_options, reuse),
     .value = "OLD",
     .help = "keep the data key and ciphertexts of this older version, where it is for the same keys"},
    {.name = NULL},
};
static const struct sops_opt_table reuse_table = {"RESULT", reuse_options};
static const struct sops_option no_ignore[] = {
    {.name = "no-ignore",
     SOPS_FLAG_TO(struct sops_shared, many.no_ignore),
     .help = "in folders, also files that git ignores"},
    {.name = NULL},
};
static const struct sops_opt_table no_ignore_table = {"MANY FILES", no_ignore};
static const struct sops_opt_table *const tables[] = {&reuse_table,
                                                      &sops_opts_style,
                                                      &sops_opts_place,
                                                      &sops_opts_many,
                                                      &sops_opts_output_dir,
                                                      &no_ignore_table,
                                                      &sops_opts_types,
                                                      &sops_opts_name,
                                                      &sops_opts_crypt,
                                                      &sops_opts_strict,
                                                      &sops_opts_our_comments,
                                                      &sops_opts_threshold,
                                                      &sops_opts_services,
                                                      NULL};

const struct sops_verb sops_verb_encrypt = {
    .name = "encrypt",
    .summary = "encrypt a file to stdout",
    .args = "[FILE | -r PATH…]",
    .about = "The keys are those of the options, else of the creation rule for FILE in .sops.yaml.\n"
             "Without FILE, or with -, stdin is read. --reuse OLD keeps the ciphertexts of an older\n"
             "version for what did not change; where nothing did, the result is OLD.\n"
             "With -r, files and folders are taken: of folders what must be encrypted by the rules,\n"
             "as `sops check` has it, each with the nearest .sops.yaml.\n",
    .example = "sops encrypt --age age1… secrets.yaml > secrets.enc.yaml",
    .tables = tables,
    .keys = SOPS_OPT_KEYS,
    .many = true,
    .own_size = sizeof(struct encrypt_options),
    .run = run,
};
