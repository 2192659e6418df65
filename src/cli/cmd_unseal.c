/* SPDX-License-Identifier: Apache-2.0 */
/* unseal: SealedSecrets back to Secrets, with a backup of the controller's keys
 * (docs/spec/72-sealed-secrets.md#unseal). Nothing is given out before every item of a file opened. */
#include "cli/command.h"
#include "cli/ui.h"
#include "cli/unseal.h"

#include "base/file.h"
#include "base/json.h"

#include <stdio.h>
#include <sys/stat.h>

struct unseal_options {
    const char *const *key, *const *cluster;
    const char *space, *format, *to_sops;
    bool string_data, skip_template, force, check, json;
};

/* What goes to one path. */
struct unseal_target {
    const char *path, *shown;
    struct sops_doc doc;
    struct sops_buf bytes;
    struct unseal_target *next;
    bool written;
};

struct unseal_run {
    struct sops_job job;
    struct unseal_options own;
    const struct sops_format *format;
    struct sops_sealing sealing;
    struct sops_seal_keys keys;
    struct sops_arena arena;
    struct sops_buf out;
    struct unseal_target *target; /* of the file at hand */
    struct unseal_target *done;   /* what was written for files before it; only the paths */
    size_t closed, failures, skipped;
};

/* ---- flags ------------------------------------------------------------------------------------------------------ */

static bool own_flags(struct sops_job *j, struct sops_err *e)
{
    struct unseal_run *r = j->own;
    const struct unseal_options *o = &r->own;
    const struct sops_shared *s = &j->opt->shared;
    if (s->output != NULL && o->to_sops != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--to-sops does not go with --output");
    }
    if (o->check && (s->output != NULL || o->to_sops != NULL)) {
        return sops_fail(e, SOPS_E_CONFLICT, "--check does not go with a target: it writes nothing");
    }
    if (o->json && !o->check) {
        return sops_fail(e, SOPS_E_CONFLICT, "--json goes with --check only");
    }
    if (s->recursive && !o->check && o->to_sops == NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--recursive goes with --check and --to-sops only");
    }
    if (o->to_sops != NULL && !sops_slice_ends(sops_str(o->to_sops), SOPS_LIT(".yaml")) &&
        !sops_slice_ends(sops_str(o->to_sops), SOPS_LIT(".yml")) &&
        !sops_slice_ends(sops_str(o->to_sops), SOPS_LIT(".json"))) {
        return sops_fail(e, SOPS_E_CONFLICT, "--to-sops writes YAML or JSON: '%s' ends as neither", o->to_sops);
    }
    return sops_seal_format(o->format, &r->format, e);
}

static bool own_sealing(struct sops_job *j, struct sops_err *e)
{
    struct unseal_run *r = j->own;
    return (r->own.key != NULL && r->own.cluster == NULL) || sops_sealing_read(&r->sealing, j->config, e);
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

static bool path_for(const char *pattern, const char *file, const struct opened_object *o, struct sops_buf *path,
                     struct sops_err *e)
{
    struct sops_path_values v = {.space = o->space, .name = o->sealed->name};
    if ((sops_path_has(pattern, "{name}") && !sops_is_dns_name(v.name)) ||
        (sops_path_has(pattern, "{namespace}") && v.space.len != 0 && !sops_is_dns_label(v.space))) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the name of a SealedSecret is no DNS name, so it cannot stand in a path");
    }
    if (file != NULL) {
        sops_path_parts(file, &v.dir, &v.stem);
    }
    return sops_path_fill(pattern, &v, path, e);
}

static struct unseal_target *target_for(struct unseal_run *r, const char *file, const struct opened_object *o,
                                        struct sops_err *e)
{
    const char *pattern = r->own.to_sops != NULL ? r->own.to_sops : r->job.opt->shared.output;
    struct sops_buf path = {0};
    struct sops_slice copy = SOPS_LIT("");
    struct stat st;
    bool ok = pattern == NULL ||
              (path_for(pattern, file, o, &path, e) && sops_arena_copy(&r->arena, sops_buf_view(&path), &copy, e));
    sops_buf_free(&path);
    struct unseal_target **end = &r->target;
    while (ok && *end != NULL && !sops_slice_eq(sops_str((*end)->path), copy)) {
        end = &(*end)->next;
    }
    if (!ok || *end != NULL) {
        return ok ? *end : NULL;
    }
    for (const struct unseal_target *t = pattern != NULL ? r->done : NULL; t != NULL; t = t->next) {
        if (sops_slice_eq(sops_str(t->path), copy)) {
            sops_fail(e, SOPS_E_GENERIC, "'%s' was written for another file of this run already", t->path);
            sops_hint(e, "`{stem}`, `{namespace}` or `{name}` in the path keeps them apart");
            return NULL;
        }
    }
    if (pattern != NULL && !r->own.force && lstat((const char *)copy.ptr, &st) == 0) {
        sops_fail(e, SOPS_E_GENERIC, "'%s' is there already", (const char *)copy.ptr);
        sops_hint(e, "--force replaces it");
        return NULL;
    }
    *end = sops_arena_alloc(&r->arena, sizeof **end, e);
    if (*end != NULL) {
        (*end)->path = pattern != NULL ? (const char *)copy.ptr : NULL;
    }
    return *end;
}

static void free_targets(struct unseal_run *r)
{
    for (struct unseal_target *next, *t = r->target; t != NULL; t = next) {
        next = t->next;
        sops_doc_free(&t->doc);
        sops_buf_free(&t->bytes);
        if (t->written && t->path != NULL) {
            t->next = r->done;
            r->done = t;
        }
    }
    r->target = NULL;
}

/* The clear document as an encrypted file in memory. */
static bool make_sops(struct unseal_run *r, struct unseal_target *t, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_job_formats, sops_step_creation, NULL};
    static sops_step *const seal[] = {sops_step_parts, sops_step_new_key, sops_step_seal, NULL};
    struct sops_job j = {.world = r->job.world,
                         .opt = r->job.opt,
                         .services = r->job.services,
                         .services_lent = true,
                         .config = r->job.config,
                         .path = t->path,
                         .name = t->path,
                         .in_place = true,
                         .needs_rule = true,
                         .encrypted_regex = "^(data|stringData)$"};
    bool ok = sops_job_steps(&j, steps, e);
    if (ok) {
        j.out = j.in = sops_format_for(sops_str(t->path));
        ok = sops_objects_emit(&t->doc, j.in, &t->bytes, e) &&
             sops_envelope_parse_clear(j.env, j.in, sops_buf_view(&t->bytes), e) && sops_job_steps(&j, seal, e);
    }
    if (ok) {
        sops_buf_free(&t->bytes);
        t->bytes = j.bytes;
        j.bytes = (struct sops_buf){0};
    }
    sops_job_free(&j);
    return ok;
}

static bool make_targets(struct unseal_run *r, struct sops_err *e)
{
    for (struct unseal_target *t = r->target; t != NULL; t = t->next) {
        bool json = t->path != NULL && sops_slice_ends(sops_str(t->path), SOPS_LIT(".json"));
        const struct sops_format *f = r->format != NULL ? r->format : json ? sops_seal_json() : sops_seal_yaml();
        if (!(r->own.to_sops != NULL ? make_sops(r, t, e) : sops_objects_emit(&t->doc, f, &t->bytes, e))) {
            return false;
        }
    }
    return true;
}

static bool write_targets(struct unseal_run *r, struct sops_err *e)
{
    for (struct unseal_target *t = r->target; t != NULL; t = t->next) {
        bool clear = r->own.to_sops == NULL;
        if (t->path == NULL ? !sops_buf_add(&r->out, sops_buf_view(&t->bytes), e)
                            : !sops_make_folders(t->path, e) ||
                                  !sops_file_replace(t->path, sops_buf_view(&t->bytes), clear ? 0600 : 0666, NULL, e)) {
            return false;
        }
        t->written = true;
        if (t->path != NULL && !sops_buf_addf(&r->out, e, "%s: written\n", t->path)) {
            return false;
        }
    }
    return true;
}

/* ---- --check ---------------------------------------------------------------------------------------------------- */

static bool add_failed(struct unseal_run *r, const struct opened_object *o, struct sops_err *e)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && i < o->items; i++) {
        if (o->item[i].outcome != SOPS_ITEM_OPENED) {
            ok = r->own.json
                     ? sops_json_add(&r->out, NULL, o->item[i].node->key, e)
                     : sops_buf_adds(&r->out, first ? "" : ", ", e) && sops_buf_add(&r->out, o->item[i].node->key, e);
            first = false;
        }
    }
    return ok;
}

static bool report_object(struct unseal_run *r, const char *file, const struct opened_object *o, struct sops_err *e)
{
    bool good = o->failures == 0 && o->sealed->old_data == NULL;
    struct sops_buf *out = &r->out;
    r->closed += !good;
    if (r->own.json) {
        return sops_buf_addc(out, '{', e) && sops_json_add_int(out, "schema", 1, e) &&
               sops_json_add(out, "file", sops_str(file), e) && sops_json_add(out, "namespace", o->space, e) &&
               sops_json_add(out, "name", o->sealed->name, e) &&
               sops_json_add(out, "scope", sops_str(sops_scope_names[o->sealed->scope]), e) &&
               sops_json_add(out, "state", good ? SOPS_LIT("ok") : SOPS_LIT("failed"), e) &&
               sops_json_add_int(out, "items", (int64_t)o->items, e) && sops_json_begin(out, "failed", '[', e) &&
               add_failed(r, o, e) && sops_buf_adds(out, "]}\n", e);
    }
    return sops_buf_addf(out, e, "%s: ", file) && sops_object_name(out, o->space, o->sealed->name, e) &&
           (good               ? sops_buf_addf(out, e, ": ok, %zu item%s\n", o->items, o->items == 1 ? "" : "s")
            : o->failures == 0 ? sops_buf_adds(out, ": spec.data is the form of before 2018\n", e)
                               : sops_buf_adds(out, ": item ", e) && add_failed(r, o, e) &&
                                     sops_buf_adds(out, ": does not open\n", e));
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static bool take_object(struct unseal_run *r, const char *path, const struct opened_object *o, struct sops_err *e)
{
    struct unseal_how how = {.string_data = r->own.string_data || r->own.to_sops != NULL,
                             .skip_template = r->own.skip_template,
                             .shown = path != NULL ? path : "stdin",
                             .world = r->job.world};
    if (r->own.check) {
        return report_object(r, how.shown, o, e);
    }
    if (!sops_object_judge(o, e)) {
        return false;
    }
    struct unseal_target *t = target_for(r, path, o, e);
    return t != NULL && sops_object_secret(&t->doc, o, &how, e);
}

static bool unseal_source(struct unseal_run *r, const struct sops_source *s, struct sops_err *e)
{
    const char *shown = s->path != NULL ? s->path : "stdin";
    struct sops_sealed_object *all;
    size_t count, others;
    struct sops_arena a = {0};
    bool ok = sops_sealed_all(s->doc, &a, &all, &count, &others, e);
    if (ok && count == 0) {
        ok = sops_fail(e, SOPS_E_EMPTY, "there is no SealedSecret in '%s'", shown);
    } else if (ok && others != 0) {
        sops_world_warn(r->job.world, "'%s' holds %zu document%s that %s no SealedSecret: passed over", shown, others,
                        others == 1 ? "" : "s", others == 1 ? "is" : "are");
    }
    for (size_t i = 0; ok && i < count; i++) {
        struct opened_object o;
        ok = sops_object_open(&r->keys, &all[i], sops_str(r->own.space), &a, &o, e) && take_object(r, s->path, &o, e);
        sops_object_close(&o);
        if (!ok) {
            sops_within(e, "document %u", all[i].document);
        }
    }
    ok = ok && make_targets(r, e) && write_targets(r, e);
    free_targets(r);
    sops_arena_free(&a);
    return ok;
}

static bool unseal_one(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    struct unseal_run *r = ctx;
    const char *path = f->name;
    struct sops_source s = {.common = &r->job, .path = path, .name = path, .by_text = true};
    bool ok = sops_source_open(&s, e);
    if (!ok && r->job.opt->shared.recursive && e->code == SOPS_E_READ && s.text.len != 0) {
        sops_world_warn(r->job.world, "'%s' is passed over: %s", path, e->msg);
        sops_err_clear(e);
        r->skipped++;
        ok = true;
    } else {
        ok = ok && unseal_source(r, &s, e);
    }
    sops_source_close(&s);
    return ok;
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    struct unseal_run *r = j->own;
    struct sops_run run = {.one = unseal_one, .ctx = r};
    sops_run_open(&run);
    bool ok = sops_each_sealed(&run, j, e);
    size_t count = run.count;
    r->failures = sops_run_count(&run, SOPS_RUN_FAILED);
    sops_run_free(&run);
    if (!ok || !sops_ui_out(sops_buf_view(&r->out), e)) {
        return false;
    }
    if (r->skipped != 0) {
        sops_ui_note("%zu file%s skipped", r->skipped, r->skipped == 1 ? "" : "s");
    }
    if (r->failures != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "failed unsealing %zu of %zu files", r->failures, count);
    }
    return r->closed == 0 ||
           sops_fail(e, SOPS_E_GENERIC, "%zu SealedSecret%s not open", r->closed, r->closed == 1 ? " does" : "s do");
}

static bool own_keys(struct sops_job *j, struct sops_err *e)
{
    struct unseal_run *r = j->own;
    return sops_unseal_keys(&r->keys, j, &r->sealing, r->own.key, r->own.cluster, e);
}

static bool run_unseal(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_flags,   sops_sealed_exists, sops_step_config, sops_step_order,
                                       own_sealing, sops_job_services,  own_keys,         own_run,
                                       NULL};
    struct unseal_run r = {.own = *(const struct unseal_options *)o->own};
    r.job = (struct sops_job){.world = w, .opt = o, .own = &r, .needs_rule = true};
    bool ok = sops_job_steps(&r.job, steps, e);
    if (!ok && r.own.check && e->code != SOPS_E_CONFLICT && (r.closed == 0 || r.failures != 0)) {
        sops_recode(e, SOPS_E_READ);
    }
    free_targets(&r);
    sops_sealing_free(&r.sealing);
    sops_seal_keys_free(&r.keys);
    sops_buf_free(&r.out);
    sops_job_free(&r.job);
    sops_arena_free(&r.arena);
    return ok;
}

#define OWN struct unseal_options
static const struct sops_option options[] = {
    {.name = "key",
     SOPS_MANY_TO(OWN, key),
     .value = "FILE",
     .help = "private key, or a backup of them; may be repeated"},
    {.name = "cluster",
     SOPS_MANY_TO(OWN, cluster),
     .value = "NAME",
     .help = "the keys of these clusters of .sops.yaml"},
    {.name = "namespace",
     SOPS_TEXT_TO(OWN, space),
     .short_name = "n",
     .value = "NAMESPACE",
     .help = "the namespace of objects without one"},
    {.name = "format", SOPS_TEXT_TO(OWN, format), .short_name = "o", .value = "FORMAT", .help = "yaml or json"},
    {.name = "output",
     SOPS_TEXT_TO(struct sops_shared, output),
     .value = "PATH",
     .help = "write there; {namespace}, {name}, {dir}, {stem} are filled in"},
    {.name = "string-data", SOPS_FLAG_TO(OWN, string_data), .help = "texts readable, under stringData"},
    {.name = "to-sops", SOPS_TEXT_TO(OWN, to_sops), .value = "PATH", .help = "write encrypted files instead"},
    {.name = "skip-template", SOPS_FLAG_TO(OWN, skip_template), .help = "leave out what templates would make"},
    {.name = "force", SOPS_FLAG_TO(OWN, force), .help = "replace what is there"},
    {.name = "check", SOPS_FLAG_TO(OWN, check), .help = "only try whether all opens"},
    {.name = "json", SOPS_FLAG_TO(OWN, json), .help = "with --check: results as lines of JSON"},
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .help = "go through folders, and take each file with a SealedSecret"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"UNSEALING", options};
static const struct sops_opt_table *const tables[] = {
    &table,
    &sops_opts_our_input_type,
    &sops_opts_crypt,
    &sops_opts_our_comments,
    &sops_opts_threshold,
    &sops_opts_order,
    &sops_opts_services,
    NULL,
};

const struct sops_verb sops_verb_unseal = {
    .name = "unseal",
    .summary = "open SealedSecrets with their controller's keys",
    .args = "[FILE…]",
    .about = "Opens SealedSecrets offline with the private keys of their controller: PEM, or a\n"
             "backup of the controller's Secrets, which may be an encrypted file. With --check it\n"
             "only tries: this is how a backup is proved.\n",
    .example = "sops unseal --check --key backup/prod.keys.enc.yaml -r sealed/prod",
    .tables = tables,
    .keys = SOPS_OPT_KEYS,
    .own_size = sizeof(struct unseal_options),
    .ours = true,
    .yields = true,
    .run = run_unseal,
};
