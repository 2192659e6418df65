/* SPDX-License-Identifier: Apache-2.0 */
/* The form of ten years of scripts: sops [flags] FILE, a mode for each command. Several modes together are run one
 * after the other on the unchanged file, and the last one's result is written; an error of encrypting does not count
 * then (docs/spec/50-cli.md#the-old-form). */
#include "base/suggest.h"
#include "cli/command.h"
#include "cli/steps.h"

#include <sys/stat.h>

enum mode { ENCRYPT, DECRYPT, ROTATE, SET, MODES };

struct old {
    bool on[MODES];
    size_t count;
};

static bool is_on(const struct sops_job *j, enum mode m) { return ((const struct old *)j->own)->on[m]; }

static bool is_edit(const struct sops_job *j) { return ((const struct old *)j->own)->count == 0; }

static bool own_modes(struct sops_job *j, struct sops_err *e)
{
    (void)e;
    struct old *old = j->own;
    const struct sops_old_options *o = j->opt->own;
    old->count = 0;
    old->on[ENCRYPT] = o->encrypt;
    old->on[DECRYPT] = o->decrypt;
    old->on[ROTATE] = o->rotate;
    old->on[SET] = o->set != NULL;
    for (size_t m = 0; m < MODES; m++) {
        old->count += old->on[m];
    }
    if (old->count > 1) {
        sops_world_warn(j->world,
                        "More than one command (--encrypt, --decrypt, --rotate, --set) has been specified: only the "
                        "last result, in this order, is written");
    }
    j->in_place = is_edit(j) || is_on(j, SET);
    j->needs_rule = is_on(j, ENCRYPT);
    j->once = is_edit(j);
    return true;
}

/* A mistyped command is the name of a file to edit: say so when there is no such file. */
static void suggest_command(struct sops_job *j)
{
    struct stat st;
    const char *best = NULL;
    if (stat(j->path, &st) == 0 || j->opt->ended) {
        return;
    }
    for (size_t i = 0; sops_verbs[i] != NULL; i++) {
        const char *name = sops_verbs[i]->name;
        if (sops_word_near(j->path, name) &&
            (best == NULL || sops_word_distance(j->path, name) < sops_word_distance(j->path, best))) {
            best = name;
        }
    }
    if (best != NULL) {
        sops_world_warn(j->world, "'%s' is neither a command nor a file: did you mean `sops %s`?", j->path, best);
    }
}

static bool own_exists(struct sops_job *j, struct sops_err *e)
{
    if (sops_opt_any(j->opt, "add-") || sops_opt_any(j->opt, "rm-")) {
        j->statuses = SOPS_STATUSES_NEED_FILE_FOR_KEYS;
    } else if (is_edit(j)) {
        suggest_command(j);
        j->needs_rule = sops_job_is_new(j);
        return true;
    } else if (is_on(j, ENCRYPT) || is_on(j, DECRYPT) || is_on(j, ROTATE)) {
        j->statuses = SOPS_STATUSES_NEED_FILE;
    }
    return sops_step_exists(j, e);
}

/* One mode on a job of its own, which leaves its result in `result`. */
static bool run_mode(struct sops_job *all, sops_step *const steps[], struct sops_buf *result, struct sops_err *e)
{
    struct sops_job j = sops_job_beside(all, all->path);
    j.name = all->name;
    j.old_form = true;
    j.in_place = all->in_place;
    bool ok = sops_job_formats(&j, e) && sops_job_steps(&j, steps, e);
    all->was = j.was;
    all->onto_itself = j.onto_itself;
    sops_buf_free(result);
    *result = j.bytes;
    j.bytes = (struct sops_buf){0};
    sops_job_free(&j);
    return ok;
}

static bool own_work(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const encrypt[] = {sops_step_creation, sops_step_encrypt, NULL};
    static sops_step *const decrypt[] = {sops_step_decrypt, NULL};
    static sops_step *const rotate[] = {sops_step_rotate, NULL};
    static sops_step *const set[] = {sops_step_old_set, NULL};
    static sops_step *const edit[] = {sops_step_edit, NULL};
    static sops_step *const *const by_mode[] = {encrypt, decrypt, rotate, set};
    const struct old *old = j->own;
    if (!sops_job_services(j, e)) {
        return false;
    }
    if (is_edit(j)) {
        j->done = true;
        return run_mode(j, edit, &j->bytes, e);
    }
    for (size_t m = 0; m < MODES; m++) {
        if (old->on[m] && !run_mode(j, by_mode[m], &j->bytes, e)) {
            if (m != ENCRYPT || old->count == 1) {
                return false;
            }
            sops_world_warn(j->world, "encrypting '%s' failed: %s", j->path, e->msg);
            sops_err_clear(e);
        }
    }
    return true;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_modes,       sops_step_file, sops_step_conflict, own_exists, sops_step_config,
        sops_step_order, own_work,       sops_step_write,    NULL,
    };
    struct old old = {0};
    struct sops_job j = {.world = w, .opt = o, .own = &old};
    return sops_job_run(&j, steps, e);
}

static const struct sops_option mode_list[] = {{.name = "decrypt",
                                                SOPS_FLAG_TO(struct sops_old_options, decrypt),
                                                .short_name = "d",
                                                .help = "decrypt FILE to stdout"},
                                               {.name = "encrypt",
                                                SOPS_FLAG_TO(struct sops_old_options, encrypt),
                                                .short_name = "e",
                                                .help = "encrypt FILE to stdout"},
                                               {.name = "rotate",
                                                SOPS_FLAG_TO(struct sops_old_options, rotate),
                                                .short_name = "r",
                                                .help = "encrypt FILE anew with a new data key, to stdout"},
                                               {.name = "set",
                                                SOPS_TEXT_TO(struct sops_old_options, set),
                                                .value = "'PATH VALUE'",
                                                .help = "set what is at PATH in FILE to the JSON text VALUE"},
                                               {.name = "show-master-keys",
                                                SOPS_FLAG_TO(struct sops_shared, show_master_keys),
                                                .short_name = "s",
                                                .help = "show the metadata, too, while editing"},
                                               {.name = NULL}};
static const struct sops_opt_table mode_table = {"OLD FORM: WHAT TO DO WITH FILE (DEFAULT: EDIT)", mode_list};

static const struct sops_option more_list[] = {{.name = "extract",
                                                SOPS_TEXT_TO(struct sops_shared, extract),
                                                .value = "PATH",
                                                .help = "only what is there: [\"database\"][0][\"user\"]"},
                                               {.name = NULL}};
static const struct sops_opt_table more_table = {"RESULT", more_list};

static const struct sops_opt_table *const tables[] = {&sops_opts_global,
                                                      &mode_table,
                                                      &sops_opts_place,
                                                      &more_table,
                                                      &sops_opts_types,
                                                      &sops_opts_name,
                                                      &sops_opts_crypt,
                                                      &sops_opts_comments,
                                                      &sops_opts_threshold,
                                                      &sops_opts_order,
                                                      &sops_opts_mac,
                                                      &sops_opts_services,
                                                      NULL};

const struct sops_verb sops_verb_root = {
    .name = "",
    .summary = "encrypted files that stay readable and can be edited",
    .args = "FILE",
    .about = "Values are encrypted, keys and structure are not: YAML, JSON, dotenv and INI files stay\n"
             "files of their kind, and any other file is encrypted as a whole. Without a command,\n"
             "FILE is edited. `sops help COMMAND` tells more of a command.\n",
    .example = "sops encrypt --in-place secrets.yaml",
    .tables = tables,
    .keys = SOPS_OPT_KEYS | SOPS_OPT_ADD_RM,
    .verbs = sops_verbs,
    .own_size = sizeof(struct sops_old_options),
    .run = run,
};
