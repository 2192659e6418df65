/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish: files to where the destination rules send them (docs/spec/60-keysources.md#publish). What goes there is the
 * file as it is, the file encrypted anew for the keys of a recreation rule, or its decrypted values, by the kind of
 * destination. Nothing here writes to the file itself.
 */
#include "base/file.h"
#include "cli/command.h"
#include "cli/groups_diff.h"
#include "cli/inputs.h"
#include "cli/publish_stores.h"
#include "cli/walk.h"
#include "cli/steps.h"
#include "cli/ui.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file's way. */
struct publishing {
    struct sops_run_file run;
    struct sops_arena arena;
    struct sops_publication rule;
    struct sops_slice name; /* at the destination, behind its prefix */
    const char *absolute;   /* as shown */
    struct sops_buf where;
};

/* ---- one file ---------------------------------------------------------------------------------------------------- */

/* Without the last ending, unless nothing else is left of the name. */
static struct sops_slice without_ending(struct sops_slice name)
{
    for (size_t i = name.len; i > 1 && name.ptr[i - 1] != '/'; i--) {
        if (name.ptr[i - 1] == '.' && name.ptr[i - 2] != '/') {
            return sops_slice_first(name, i - 1);
        }
    }
    return name;
}

static bool own_rule(struct sops_job *j, struct sops_err *e)
{
    struct publishing *p = j->own;
    struct sops_buf path = {0};
    struct sops_slice copy;
    bool ok = sops_config_destination(j->config, j->world, &p->arena, j->path, &p->rule, e) &&
              sops_path_absolute(j->path, &path, e) && sops_arena_copy(&p->arena, sops_buf_view(&path), &copy, e);
    sops_buf_free(&path);
    if (!ok) {
        return false;
    }
    p->absolute = (const char *)copy.ptr;
    if (p->rule.omit_extensions || ((const struct sops_publish_options *)j->opt->own)->omit_extensions) {
        p->name = without_ending(p->name);
    }
    return p->rule.destination->where(j->world, p->rule.value, p->name, &p->where, e);
}

/* The file's bytes as they are; that it is one of sops is checked all the same. */
static bool load_bytes(struct sops_job *j, struct sops_err *e)
{
    return sops_step_read(j, e) && sops_buf_add(&j->bytes, sops_buf_view(&j->raw), e) && sops_step_parse_sealed(j, e);
}

/* What will be other than in the file, on stdout. */
static bool show_changes(struct sops_job *j, const struct sops_creation *rule, struct sops_err *e)
{
    const struct sops_meta *m = sops_envelope_meta(j->env);
    struct sops_groups_diff d = {.file = m,
                                 .rule = rule,
                                 .threshold = sops_groups_threshold(m, rule),
                                 .colour = sops_ui_colour(j->world, STDOUT_FILENO)};
    bool ok = sops_groups_show(&d, e);
    if (ok && d.differ) {
        ok = sops_ui_outf(e, "The following changes will be made to the file's key groups:\n") &&
             sops_ui_out(sops_buf_view(&d.text), e);
    }
    sops_buf_free(&d.text);
    return ok;
}

/* Does any key end with the default suffix? */
static bool has_clear_key(const struct sops_doc *d)
{
    for (const struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (const struct sops_node *n = part->child; n != NULL;) {
            if (sops_slice_ends(n->key, SOPS_LIT(SOPS_DEFAULT_SUFFIX))) {
                return true;
            }
            const struct sops_node *next = n->child;
            while (next == NULL && n != part) {
                next = n->next;
                n = n->up;
            }
            n = next;
        }
    }
    return false;
}

/* The metadata of a new file, by the rule alone. Readers of a file without a rule assume the default suffix: where that
 * makes a difference it is followed and recorded. */
static bool renew_meta(struct sops_job *j, const struct sops_creation *rule, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    struct sops_rules *r = &m->rules;
    sops_rules_free(r);
    *r = (struct sops_rules){.whole = (j->in->flags & SOPS_FMT_WHOLE) != 0};
    for (int i = 0; !r->whole && i < SOPS_RULES; i++) {
        r->text[i] = rule->rule[i];
    }
    if (!r->whole && sops_rules_which(r) == SOPS_RULES && has_clear_key(sops_envelope_look(j->env))) {
        r->text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    }
    m->groups = rule->groups;
    m->threshold = rule->threshold;
    return sops_arena_copy(&m->arena, SOPS_LIT(SOPS_VERSION), &m->version, e);
}

/* Is more wanted of the file than its bytes? */
static bool is_opened(const struct sops_publication *rule) { return rule->destination->wants_tree || rule->recreate; }

static bool own_load(struct sops_job *j, struct sops_err *e)
{
    const struct publishing *p = j->own;
    if (!is_opened(&p->rule)) {
        return load_bytes(j, e);
    }
    if (p->rule.destination->wants_tree) {
        return sops_step_unlock(j, e);
    }
    return sops_step_unlock(j, e) && show_changes(j, &p->rule.creation, e) && renew_meta(j, &p->rule.creation, e) &&
           sops_step_new_key(j, e) && sops_step_seal(j, e);
}

static bool own_ask(struct sops_job *j, struct sops_err *e)
{
    struct publishing *p = j->own;
    struct sops_buf prompt = {0};
    const char *text = NULL;
    bool yes = j->opt->shared.yes;
    if (yes) {
        return true;
    }
    bool ok = sops_buf_addf(&prompt, e, "uploading %s to %.*s ? (y/n): ", p->absolute, SOPS_ARG(p->where)) &&
              (text = sops_buf_cstr(&prompt, e)) != NULL && sops_ui_confirm(text, &yes, e);
    sops_buf_free(&prompt);
    if (!ok || yes) {
        return ok;
    }
    j->done = true;
    p->run.outcome = SOPS_RUN_DECLINED;
    return j->opt->shared.recursive ? sops_ui_outf(e, "Publication of %s canceled\n", p->absolute)
                                    : sops_fail(e, SOPS_E_GENERIC, "Publication of %s canceled", p->absolute);
}

static bool own_put(struct sops_job *j, struct sops_err *e)
{
    struct publishing *p = j->own;
    const struct sops_destination *to = p->rule.destination;
    const struct sops_doc *tree = to->wants_tree ? sops_envelope_clear(j->env, e) : NULL;
    bool unchanged = false;
    if (to->wants_tree && tree == NULL) {
        return false;
    }
    if (!to->put(j->world, p->rule.value, p->name, sops_buf_view(&j->bytes), tree, &unchanged, e)) {
        return sops_within(e, "failed to upload '%s' to %.*s", j->path, SOPS_ARG(p->where));
    }
    p->run.outcome = unchanged ? SOPS_RUN_UNCHANGED : SOPS_RUN_CHANGED;
    sops_ui_note(unchanged ? "'%s': %.*s is up to date already" : "'%s' is published to %.*s", j->path,
                 SOPS_ARG(p->where));
    return true;
}

static bool publish_file(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_own_format, own_rule, sops_step_order, own_load, own_ask, own_put, NULL};
    struct publishing *p = (struct publishing *)(void *)f;
    struct sops_job j = sops_job_beside(ctx, f->name);
    j.statuses = SOPS_STATUSES_CONFIGURED;
    j.config_indent = true;
    j.own = p;
    bool ok = sops_job_run(&j, steps, e);
    sops_buf_free(&p->where);
    sops_arena_free(&p->arena);
    return ok;
}

/* ---- a file or a folder ------------------------------------------------------------------------------------------ */

static bool own_config(struct sops_job *j, struct sops_err *e)
{
    return sops_step_config(j, e) &&
           (j->config->path.len != 0 ||
            sops_fail(e, SOPS_E_GENERIC, "config file not found: its destination rules say where files go") ||
            sops_hint(e, "make a .sops.yaml, or name one with --config"));
}

static bool add_entry(void *ctx, const char *path, struct sops_slice name, const struct stat *st, struct sops_err *e)
{
    struct sops_run *r = ctx;
    struct sops_slice copy;
    struct publishing *p =
        sops_arena_copy(&r->arena, sops_str(path), &copy, e) ? sops_run_add(r, (const char *)copy.ptr, e) : NULL;
    (void)st;
    if (p != NULL) {
        p->name = sops_slice_skip(copy, copy.len - name.len);
    }
    return p != NULL;
}

/* Asks for the data keys of what will be opened (docs/spec/75-many-files.md#unlocking). */
static bool ask_ahead(struct sops_job *j, struct sops_run *r, struct sops_ahead *asked, struct sops_err *e)
{
    struct sops_err why = {0};
    size_t count = 0;
    const char **path = sops_arena_alloc(&r->arena, (r->count + 1) * sizeof *path, e);
    bool ok = path != NULL, order = sops_step_order(j, &why); /* a wrong one is the first file's failure */
    for (size_t i = 0; ok && order && i < r->count; i++) {
        struct sops_publication rule = {.recreate = false};
        const char *name = r->file[i]->name;
        if (sops_config_destination(j->config, j->world, &r->arena, name, &rule, &why) && is_opened(&rule)) {
            path[count++] = name;
        }
        sops_err_clear(&why);
    }
    sops_err_clear(&why);
    return ok && sops_ahead_ask(asked, j, path, count, e);
}

/* What cannot be looked at ends the run where it stands, behind what comes before it. */
static bool publish_folder(struct sops_job *j, struct sops_run *r, struct sops_err *e)
{
    const struct sops_walker walker = {.into_git = true, .visit = add_entry, .ctx = r};
    struct sops_err unread = {0};
    bool found = sops_walk_folder(j->path, &walker, &unread);
    struct sops_ahead asked = {.count = 0};
    bool ok = ask_ahead(j, r, &asked, e) && sops_run_each(r, e);
    sops_ahead_free(&asked);
    if (ok && !found) {
        atomic_store(&r->stop, true);
        *e = unread;
    } else {
        sops_err_clear(&unread);
    }
    sops_run_tell(r);
    return ok && found;
}

static bool publish_path(struct sops_job *j, struct sops_run *r, struct sops_err *e)
{
    struct stat st;
    if (stat(j->path, &st) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot read '%s': %s", j->path, sops_os_error(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return j->opt->shared.recursive
                   ? publish_folder(j, r, e)
                   : sops_fail(e, SOPS_E_GENERIC, "can't operate on a directory without --recursive flag.");
    }
    const char *slash = strrchr(j->path, '/');
    return add_entry(r, j->path, sops_str(slash != NULL ? slash + 1 : j->path), &st, e) && sops_run_each(r, e);
}

static bool publish_all(struct sops_job *j, struct sops_err *e)
{
    struct sops_run r = {
        .world = j->world,
        .opt = j->opt,
        .size = sizeof(struct publishing),
        .one = publish_file,
        .ctx = j,
        .words =
            {[SOPS_RUN_CHANGED] = "published", [SOPS_RUN_UNCHANGED] = "up to date", [SOPS_RUN_DECLINED] = "canceled"},
        .ended = "; the rest was not looked at",
    };
    sops_run_open(&r);
    bool ok = publish_path(j, &r, e);
    sops_run_free(&r);
    return ok;
}

/* Secret stores have a run of their own; with anything else all is as it ever was. */
static bool own_stores(struct sops_job *j, struct sops_err *e)
{
    if (!sops_publish_is_for_stores(j)) {
        return true;
    }
    j->done = true;
    return sops_publish_stores(j, e);
}

static bool own_start(struct sops_job *j, struct sops_err *e)
{
    const struct sops_publish_options *own = j->opt->own;
    struct sops_err none = {0};
    if (j->opt->argc == 0) {
        return sops_step_file_as_typed(j, e);
    }
    if (own_config(j, e)) {
        return true;
    }
    if (own->plan || own->prune || own->adopt || own->keep_going || own->json || own->manifests != NULL) {
        return sops_recode(e, SOPS_E_READ);
    }
    (void)!sops_step_file_as_typed(j, &none); /* for its warnings */
    return false;
}

static bool run_publish(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_start,         own_stores,  sops_step_file_as_typed,
                                       sops_job_services, publish_all, NULL};
    struct sops_job common = {.world = w, .opt = o, .needs_rule = true};
    return sops_job_run(&common, steps, e);
}

#define OWN struct sops_publish_options
static const struct sops_option options[] = {
    {.name = "omit-extensions",
     SOPS_FLAG_TO(OWN, omit_extensions),
     .help = "leave the ending of the file's name out at the destination"},
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .help = "publish all files of a folder and of those in it"},
    {.name = "verbose",
     SOPS_FLAG_TO(struct sops_shared, verbose),
     .flags = SOPS_OPT_GLOBAL,
     .help = "say what is done"},
    {.name = NULL},
};
static const struct sops_option store_options[] = {
    {.name = "plan",
     SOPS_FLAG_TO(OWN, plan),
     .help = "show what would change, change nothing; status 1 when there is something"},
    {.name = "prune", SOPS_FLAG_TO(OWN, prune), .help = "also delete items of ours below the PATHs whose file is gone"},
    {.name = "adopt", SOPS_FLAG_TO(OWN, adopt), .help = "also take items over that nobody manages"},
    {.name = "manifests",
     SOPS_TEXT_TO(OWN, manifests),
     .value = "DIR",
     .help = "also write an ExternalSecret for each file whose rule has a manifest"},
    {.name = "keep-going",
     SOPS_FLAG_TO(OWN, keep_going),
     .help = "go on with the next item when one fails or is somebody else's"},
    {.name = "json", SOPS_FLAG_TO(OWN, json), .help = "JSON Lines instead of text"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"FILES", options};
static const struct sops_opt_table store_table = {"SECRET STORES", store_options};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style,          &table,           &store_table,        &sops_opts_yes,
    &sops_opts_our_input_type, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_publish = {
    .name = "publish",
    .summary = "send files to S3, Google Cloud Storage, Vault, or secret stores",
    .args = "PATH...",
    .about = "Sends a file to where the destination_rules of .sops.yaml say. S3 and Google Cloud\n"
             "Storage get the file as it is, or encrypted anew for the keys of the rule's\n"
             "recreation_rule; Vault gets the decrypted values.\n"
             "\n"
             "Rules may name a secret store (AWS Secrets Manager, Google Secret Manager, Azure\n"
             "Key Vault, Vault KV): then a plan is shown first, only what changed is sent, and\n"
             "nothing that belongs to somebody else is touched.\n",
    .example = "sops publish --recursive --plan secrets",
    .tables = tables,
    .own_size = sizeof(OWN),
    .run = run_publish,
};
