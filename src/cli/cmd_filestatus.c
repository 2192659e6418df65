/* SPDX-License-Identifier: Apache-2.0 */
/* "Encrypted" means no more than that there are metadata with a version and a MAC; no key is needed to say so. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/run.h"
#include "cli/steps.h"
#include "cli/ui.h"

static const char *shown(const struct sops_job *j) { return j->path != NULL ? j->path : "stdin"; }

/* Did the reader stop at the end of a text that is not blank? A JSON file that was cut off is no more than not
 * encrypted: nobody wrote metadata to it (docs/spec/50-cli.md#the-other-commands; what is no JSON at all is an error).
 */
static bool is_cut_off(struct sops_slice raw, const struct sops_err *e)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < raw.len; i++) {
        column = raw.ptr[i] == '\n' ? 1 : column + 1;
        line += raw.ptr[i] == '\n';
    }
    return sops_slice_trim(raw).len != 0 && e->line == line && e->column == column;
}

/* An empty mapping counts as none in JSON (docs/spec/30-metadata.md#reading, 1); what else is there must be good
 * metadata. */
static bool has_metadata(const struct sops_job *j)
{
    size_t entries = 0;
    bool empty = j->in->meta == SOPS_META_NESTED && (j->in->flags & SOPS_FMT_PARTS) == 0;
    const struct sops_node *part = sops_envelope_look(j->env)->parts;
    for (const struct sops_node *n = empty && part != NULL ? part->child : NULL; n != NULL; n = n->next) {
        bool is = sops_slice_eq(n->key, SOPS_LIT("sops"));
        empty = empty && (!is || (n->kind == SOPS_MAP && n->child == NULL));
        entries += is;
    }
    return sops_envelope_has_meta(j->env, j->in) && !(empty && entries == 1);
}

/* What did not parse: is it a file that sops did not write? One of no known format is, unless it holds a ciphertext:
 * then its format is only not told. */
static bool is_plain(const struct sops_job *j, const struct sops_err *e)
{
    struct sops_slice raw = sops_buf_view(&j->raw);
    return is_cut_off(raw, e) || (j->in->sealed != NULL && !sops_holds_ciphertext(raw));
}

/* The answer; with the file's name when there are several. */
static bool print_status(const struct sops_job *j, bool encrypted, struct sops_err *e)
{
    struct sops_buf line = {0};
    bool ok = sops_buf_addc(&line, '{', e);
    ok = ok && (j->opt->argc == 1 || sops_json_add(&line, "file", sops_str(shown(j)), e)) &&
         sops_json_add_value(&line, "encrypted", sops_str(encrypted ? "true" : "false"), e) &&
         sops_buf_adds(&line, "}\n", e) && sops_ui_out(sops_buf_view(&line), e);
    sops_buf_free(&line);
    return ok;
}

static bool own_status(struct sops_job *j, struct sops_err *e)
{
    if (!sops_step_format_by_text(j, e)) {
        return false;
    }
    if (!sops_envelope_parse_tree(j->env, j->in, sops_buf_view(&j->raw), e)) {
        if (is_plain(j, e)) {
            sops_err_clear(e);
            return print_status(j, false, e);
        }
        return sops_job_hint_type(j, e);
    }
    if (!has_metadata(j)) {
        return print_status(j, false, e);
    }
    const struct sops_meta *m = sops_envelope_meta(j->env);
    return sops_envelope_detach(j->env, j->in, e) && print_status(j, m->mac.len != 0 && m->version.len != 0, e);
}

static bool tell_file(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_own_format, sops_step_read, own_status, NULL};
    struct sops_job *common = ctx;
    const char *path = sops_job_is_stdin(common, f->name) ? NULL : f->name[0] != '\0' ? f->name : ".";
    struct sops_job j = {
        .world = common->world,
        .opt = common->opt,
        .config = common->config,
        .path = path,
        .name = path,
        .statuses = SOPS_STATUSES_CONFIGURED,
    };
    f->outcome = SOPS_RUN_UNCHANGED;
    return sops_job_run(&j, steps, e);
}

static bool own_arguments(struct sops_job *j, struct sops_err *e)
{
    return j->opt->argc != 0 || sops_fail(e, SOPS_E_NO_FILE, "no file specified") ||
           sops_hint(e, "sops help filestatus");
}

/* One that cannot be told does not keep the others from being told. */
static bool tell_files(struct sops_job *common, struct sops_err *e)
{
    const struct sops_options *o = common->opt;
    struct sops_run r = {.world = common->world,
                         .opt = o,
                         .failures = o->argc == 1 ? SOPS_RUN_ENDS : SOPS_RUN_TELLS,
                         .one = tell_file,
                         .ctx = common};
    bool ok = true;
    sops_run_open(&r);
    for (size_t i = 0; ok && i < o->argc; i++) {
        ok = sops_run_add(&r, o->args[i], e) != NULL;
    }
    ok = ok && sops_run_each(&r, e);
    size_t failed = sops_run_count(&r, SOPS_RUN_FAILED);
    sops_run_free(&r);
    return ok && (failed == 0 || sops_fail(e, SOPS_E_GENERIC, "%zu of %zu files cannot be told", failed, o->argc));
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_arguments, sops_step_config, tell_files, NULL};
    struct sops_job common = {.world = w, .opt = o};
    return sops_job_run(&common, steps, e);
}

static const struct sops_opt_table *const tables[] = {&sops_opts_input_type, NULL};

const struct sops_verb sops_verb_filestatus = {
    .name = "filestatus",
    .summary = "say whether files are encrypted",
    .args = "FILE…",
    .about = "Prints {\"encrypted\":true} or {\"encrypted\":false}, for several files a line each, with the\n"
             "name in front: {\"file\":\"a.yaml\",\"encrypted\":true}. \"-\" is stdin. No key is needed.\n",
    .example = "sops filestatus secrets.yaml",
    .tables = tables,
    .run = run,
};
