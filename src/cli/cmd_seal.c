/* SPDX-License-Identifier: Apache-2.0 */
/* seal: Secrets, as a rule of sops files, into SealedSecrets (docs/spec/72-sealed-secrets.md#seal). Flags are checked
 * here, and the four ways of the command begin here. */
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/seal_run.h"
#include "cli/ui.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- flags ------------------------------------------------------------------------------------------------------ */

/* The first of the flags that was given, of those that do not go with another one. */
static bool check_pairs(const struct seal_run *r, struct sops_err *e)
{
    const struct sops_seal_options *o = r->own;
    const struct sops_shared *s = &r->job.opt->shared;
    bool files = r->job.opt->argc != 0;
    const struct {
        bool both;
        const char *a, *b;
    } pairs[] = {
        {o->cert != NULL && o->cluster != NULL, "--cluster", "--cert"},
        {s->recursive && o->cert != NULL, "--recursive", "--cert: the rules of .sops.yaml say it"},
        {s->recursive && s->output != NULL, "--recursive", "--output: the rules of .sops.yaml say it"},
        {o->merge_into != NULL && s->output != NULL, "--merge-into", "--output"},
        {o->merge_into != NULL && s->recursive, "--merge-into", "--recursive"},
        {o->from_file != NULL && !o->raw, "--from-file", "anything but --raw"},
        {o->raw && o->from_file != NULL && o->from_file[1] != NULL, "--from-file", "another --from-file"},
        {o->raw && files, "--raw", "a FILE: name it with --from-file"},
        {o->raw && o->merge_into != NULL, "--raw", "--merge-into"},
        {o->raw && s->recursive, "--raw", "--recursive"},
        {o->raw && o->check, "--raw", "--check"},
        {o->raw && o->json, "--raw", "--json"},
        {o->fetch_certs && files, "--fetch-certs", "a FILE"},
        {o->fetch_certs &&
             (o->cert != NULL || o->scope != NULL || o->space != NULL || o->name != NULL || o->type != NULL ||
              o->format != NULL || o->merge_into != NULL || o->raw || o->from_file != NULL || o->allow_empty ||
              o->force || o->check || s->recursive || s->output != NULL),
         "--fetch-certs", "other flags but --cluster and --json"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].both) {
            return sops_options_clash(pairs[i].a, pairs[i].b, e);
        }
    }
    return true;
}

static bool own_flags(struct sops_job *j, struct sops_err *e)
{
    struct seal_run *r = j->own;
    const struct sops_seal_options *o = r->own;
    if (!check_pairs(r, e) || !sops_seal_format(o->format, &r->format, e)) {
        return false;
    }
    r->has_scope = o->scope != NULL;
    if (r->has_scope && !sops_scope_named(sops_str(o->scope), &r->scope)) {
        return sops_fail(e, SOPS_E_CONFLICT, "'%s' is no scope: strict, namespace-wide or cluster-wide", o->scope);
    }
    bool writes = j->opt->shared.output != NULL || o->merge_into != NULL;
    if (o->cert != NULL && !writes && (o->check || (o->json && !o->raw))) {
        return sops_options_clash(o->check ? "--check" : "--json", "stdout as the target", e);
    }
    return true;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* In folders: encrypted files for which there is a rule; of plain Secrets it is said that they are not encrypted. */
static bool is_source(void *ctx, const char *path)
{
    struct seal_run *r = ctx;
    struct sops_job *j = &r->job;
    const struct sops_seal_rule *rule = NULL;
    struct sops_err ignored = {0};
    bool wanted = sops_sealing_rule(&r->sealing, path, &rule, &ignored) && rule != NULL;
    bool encrypted = wanted && sops_is_encrypted_file(j, path);
    if (wanted && !encrypted) {
        struct sops_doc doc = {0};
        struct sops_buf text = {0};
        const struct sops_format *f = sops_format_for(sops_str(path));
        if ((f->flags & SOPS_FMT_WHOLE) == 0 && sops_file_read(path, SOPS_FILE_MAX, &text, &ignored) &&
            sops_doc_parse(&doc, f, sops_buf_view(&text), &ignored) && doc.parts != NULL &&
            sops_slice_eq(sops_map_text(doc.parts, "kind"), SOPS_LIT("Secret"))) {
            sops_world_warn(j->world, "'%s' is a Secret that is not encrypted: it is passed over", path);
        }
        sops_doc_free(&doc);
        sops_buf_free(&text);
    }
    sops_err_clear(&ignored);
    return encrypted;
}

static bool own_files(struct sops_job *j, struct sops_err *e)
{
    struct seal_run *r = j->own;
    const char *override = j->opt->shared.filename_override;
    struct stat st;
    r->files = (struct sops_run){
        .world = j->world, .opt = j->opt, .size = sizeof(struct seal_file), .prefixed = true, .ctx = r};
    sops_run_open(&r->files);
    bool ok = sops_run_arguments(&r->files, is_source, r, e);
    for (size_t i = 0; ok && i < r->files.count; i++) {
        struct seal_file *f = seal_file_at(r, i);
        f->number = i;
        f->path = f->run.name;
        f->name = override != NULL ? override : f->path;
        f->shown = f->path != NULL ? f->path : "stdin";
        f->run.name = f->shown;
    }
    const char *only = ok && r->files.count == 1 ? seal_file_at(r, 0)->path : NULL;
    if (only != NULL && stat(only, &st) != 0 && errno == ENOENT) {
        return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", only);
    }
    return ok;
}

static bool own_sealing(struct sops_job *j, struct sops_err *e)
{
    struct seal_run *r = j->own;
    return r->own->cert != NULL || sops_sealing_read(&r->sealing, j->config, e);
}

/* With several, one that is not there is that one's failure. */
static bool own_clusters(struct sops_job *j, struct sops_err *e)
{
    struct seal_run *r = j->own;
    const struct sops_seal_cluster *c;
    for (const char *const *word = r->own->cluster; word != NULL && *word != NULL; word++) {
        if (!sops_sealing_cluster(&r->sealing, *word, &c, e)) {
            return false;
        }
    }
    return true;
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static void tell_counts(const struct seal_run *r)
{
    bool files = false;
    for (size_t i = 0; i < r->files.count; i++) {
        const struct seal_target *t = seal_file_at(r, i)->target;
        files = files || (t != NULL && t->path != NULL);
    }
    if (r->files.count == 0) {
        sops_ui_note("no encrypted file was found for which a rule of `sealing` matches, so nothing was sealed");
    } else if (files && !r->own->check) {
        sops_ui_note("%zu new, %zu changed, %zu unchanged", r->count[SEAL_NEW], r->count[SEAL_CHANGED],
                     r->count[SEAL_UNCHANGED]);
    }
}

static bool seal_file(void *ctx, struct sops_run_file *file, struct sops_err *e)
{
    struct seal_run *r = ctx;
    struct seal_file *f = (struct seal_file *)(void *)file;
    if (!sops_seal_make(r, f, e)) {
        sops_seal_drop(f);
        return false;
    }
    return sops_seal_write(r, f, e);
}

static bool seal_files(struct seal_run *r, struct sops_err *e)
{
    bool ok = sops_seal_plan(r, e);
    r->files.one = seal_file;
    ok = ok && sops_run_each(&r->files, e) && sops_seal_flush(r, e);
    for (size_t i = 0; ok && i < r->files.count; i++) {
        ok = sops_seal_report(r, seal_file_at(r, i), e);
    }
    if (!ok || !sops_ui_out(sops_buf_view(&r->out), e)) {
        return false;
    }
    tell_counts(r);
    size_t failed = sops_run_count(&r->files, SOPS_RUN_FAILED);
    if (failed != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "failed sealing %zu of %zu files", failed, r->files.count);
    }
    size_t changes = r->count[SEAL_NEW] + r->count[SEAL_CHANGED];
    return !r->own->check || changes == 0 ||
           sops_fail(e, SOPS_E_GENERIC, "%zu SealedSecret%s missing, or would change", changes,
                     changes == 1 ? " is" : "s are");
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    struct seal_run *r = j->own;
    if (r->own->merge_into == NULL) {
        return seal_files(r, e);
    }
    return r->files.count == 1 ? sops_seal_merge(r, seal_file_at(r, 0), e)
                               : sops_fail(e, SOPS_E_CONFLICT, "--merge-into takes one FILE");
}

static bool run_seal(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_flags, sops_step_config, sops_step_order, own_sealing, own_clusters, NULL};
    static sops_step *const of_files[] = {own_files, sops_job_services, own_run, NULL};
    struct seal_run r = {.own = o->own, .certs = {.world = w}};
    r.job = (struct sops_job){.world = w, .opt = o, .own = &r, .needs_rule = true};
    sops_folders_open(&r.folders);
    bool ok = sops_job_steps(&r.job, steps, e);
    ok = ok && (r.own->raw           ? sops_seal_raw(&r, e)
                : r.own->fetch_certs ? sops_seal_fetch(&r, e)
                                     : sops_job_steps(&r.job, of_files, e));
    bool told = e->code == SOPS_E_GENERIC && sops_run_count(&r.files, SOPS_RUN_FAILED) == 0 &&
                r.count[SEAL_NEW] + r.count[SEAL_CHANGED] != 0;
    if (!ok && r.own->check && e->code != SOPS_E_CONFLICT && !told) {
        sops_recode(e, SOPS_E_READ); /* with --check 1 says that something would change, and nothing else */
    }
    sops_folders_close(&r.folders);
    sops_run_free(&r.files);
    sops_cert_store_free(&r.certs);
    sops_sealing_free(&r.sealing);
    sops_buf_free(&r.out);
    sops_job_free(&r.job);
    sops_arena_free(&r.arena);
    return ok;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

#define OWN struct sops_seal_options
static const struct sops_option options[] = {
    {.name = "cert",
     SOPS_MANY_TO(OWN, cert),
     .value = "[NAME=]CERT",
     .help = "certificate to seal for; may be repeated"},
    {.name = "cluster", SOPS_MANY_TO(OWN, cluster), .value = "NAME", .help = "only these clusters of .sops.yaml"},
    {.name = "scope", SOPS_TEXT_TO(OWN, scope), .value = "SCOPE", .help = "strict, namespace-wide or cluster-wide"},
    {.name = "namespace",
     SOPS_TEXT_TO(OWN, space),
     .short_name = "n",
     .value = "NAMESPACE",
     .help = "the namespace of Secrets without one"},
    {.name = "name", SOPS_TEXT_TO(OWN, name), .value = "NAME", .help = "the name of the Secret"},
    {.name = "type", SOPS_TEXT_TO(OWN, type), .value = "TYPE", .help = "the type of the Secret of a flat file"},
    {.name = "format", SOPS_TEXT_TO(OWN, format), .short_name = "o", .value = "FORMAT", .help = "yaml or json"},
    {.name = "output",
     SOPS_TEXT_TO(struct sops_shared, output),
     .value = "PATH",
     .help = "write there; {cluster}, {namespace}, {name}, {dir}, {stem} are filled in"},
    {.name = "merge-into",
     SOPS_TEXT_TO(OWN, merge_into),
     .value = "SEALED",
     .help = "add the items to a SealedSecret that is there"},
    {.name = "raw", SOPS_FLAG_TO(OWN, raw), .help = "seal one value, of --from-file or stdin"},
    {.name = "from-file", SOPS_MANY_TO(OWN, from_file), .value = "[KEY=]FILE", .help = "the value for --raw"},
    {.name = "allow-empty-data", SOPS_FLAG_TO(OWN, allow_empty), .help = "a Secret without items is fine"},
    {.name = "force", SOPS_FLAG_TO(OWN, force), .help = "seal all anew, and replace what is there"},
    {.name = "check", SOPS_FLAG_TO(OWN, check), .help = "write nothing: would anything change?"},
    {.name = "json", SOPS_FLAG_TO(OWN, json), .help = "results as lines of JSON"},
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .help = "go through folders, and seal each encrypted file that a rule is for"},
    {.name = "fetch-certs", SOPS_FLAG_TO(OWN, fetch_certs), .help = "renew the certificates of the clusters"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"SEALING", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_our_input_type, &sops_opts_name, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_seal = {
    .name = "seal",
    .summary = "make SealedSecrets of Secrets",
    .args = "[FILE…]",
    .about = "Seals Kubernetes Secrets, as a rule of encrypted files, for the Sealed Secrets\n"
             "controllers of one or many clusters. What did not change stays as it is, byte for\n"
             "byte. Clusters and rules stand under `sealing` in .sops.yaml, or name a\n"
             "certificate with --cert.\n",
    .example = "sops seal --cert prod.pem --output sealed/db.yaml secrets/db.yaml",
    .tables = tables,
    .own_size = sizeof(struct sops_seal_options),
    .ours = true,
    .yields = true,
    .run = run_seal,
};
