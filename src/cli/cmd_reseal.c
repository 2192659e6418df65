/* SPDX-License-Identifier: Apache-2.0 */
/* reseal: SealedSecrets for another certificate, in the text itself (docs/spec/72-sealed-secrets.md#reseal). Only the
 * ciphertexts change; the new text is read back before it takes the place of the old one. */
#include "cli/anew.h"
#include "cli/command.h"
#include "cli/ui.h"
#include "cli/unseal.h"

#include "base/file.h"
#include "base/json.h"
#include "core/splice.h"
#include "core/written.h"

#include <stdlib.h>
#include <sys/stat.h>

struct reseal_options {
    const char *const *key, *const *cert, *const *cluster;
    const char *space;
    bool check, json;
};

struct reseal_run {
    struct sops_job job;
    struct reseal_options own;
    struct sops_sealing sealing;
    struct sops_seal_keys keys;
    struct sops_cert_store certs;
    const struct sops_seal_cert *cert;
    struct sops_arena arena;
    struct sops_buf out;
    size_t changed, failures;
};

/* The file at hand. */
struct reseal_file {
    const char *path, *shown;
    struct sops_source source;
    struct sops_splice *edit;
    size_t edits, room;
    struct sops_buf lines; /* of the report */
    size_t changed;
};

/* ---- one object ------------------------------------------------------------------------------------------------- */

/* The template may say less than the outer metadata, and nothing else. */
static bool check_pattern(const struct opened_object *o, struct sops_err *e)
{
    const struct sops_node *meta = sops_map_map(o->sealed->pattern, "metadata");
    struct sops_slice name = sops_map_text(meta, "name"), space = sops_map_text(meta, "namespace");
    enum sops_seal_scope scope = sops_scope_of(sops_map_map(meta, "annotations"));
    if (name.len != 0 && !sops_slice_eq(name, o->sealed->name)) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the template of '%.*s' has the name '%.*s'", SOPS_ARG(o->sealed->name),
                         SOPS_ARG(name));
    }
    if (space.len != 0 && !sops_slice_eq(space, o->space)) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the template of '%.*s' has the namespace '%.*s'",
                         SOPS_ARG(o->sealed->name), SOPS_ARG(space));
    }
    if (scope > o->sealed->scope) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the template of '%.*s' has the wider scope %s", SOPS_ARG(o->sealed->name),
                         sops_scope_names[scope]);
    }
    return true;
}

/* The comment behind the indicator of a block of lines, with the blanks before it: it stays, behind the new value. */
static struct sops_slice block_comment(struct sops_slice old)
{
    struct sops_slice head;
    if (old.len == 0 || !sops_slice_next(&old, '\n', &head) || (head.ptr[0] != '|' && head.ptr[0] != '>')) {
        return (struct sops_slice){0};
    }
    size_t at = sops_slice_find(head, '#');
    head = sops_slice_trim_end(head, '\r');
    while (at < head.len && (head.ptr[at - 1] == ' ' || head.ptr[at - 1] == '\t')) {
        at--;
    }
    return at < head.len ? sops_slice_skip(head, at) : (struct sops_slice){0};
}

static bool add_edit(struct reseal_run *r, struct reseal_file *f, const struct sops_node *n, struct sops_slice text,
                     struct sops_err *e)
{
    bool alias = n->span.begin < f->source.text.len && f->source.text.ptr[n->span.begin] == '*';
    if (n->span.end <= n->span.begin || alias) {
        return sops_fail(e, SOPS_E_DECRYPT, "the item '%.*s' has no text of its own that could be replaced",
                         SOPS_ARG(n->key));
    }
    struct sops_splice *grown = sops_arena_grow(&r->arena, f->edit, f->edits, &f->room, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    f->edit = grown;
    f->edit[f->edits++] = (struct sops_splice){.span = n->span, .bytes = text};
    return true;
}

static bool seal_again(struct reseal_run *r, struct reseal_file *f, const struct opened_object *o,
                       const struct opened_item *item, struct sops_err *e)
{
    bool json = (f->source.format->flags & SOPS_FMT_PARTS) == 0;
    struct sops_buf label = {0}, text = {0};
    struct sops_slice copy, old = sops_slice_at(sops_buf_view(&f->source.text), item->node->span);
    bool ok =
        sops_scope_label(o->sealed->scope, o->space, o->sealed->name, &label, e) &&
        (!json || sops_buf_addc(&text, '"', e)) &&
        sops_item_seal(r->job.world, r->cert->key, sops_buf_view(&label), sops_buf_view(&item->value), &text, e) &&
        (json ? sops_buf_addc(&text, '"', e) : sops_buf_add(&text, block_comment(old), e)) &&
        sops_arena_copy(&r->arena, sops_buf_view(&text), &copy, e) && add_edit(r, f, item->node, copy, e);
    sops_buf_free(&label);
    sops_buf_free(&text);
    return ok;
}

static bool stays_sealed(const struct reseal_run *r, const struct opened_item *item)
{
    return sops_key_fits(r->keys.key[item->which], r->cert);
}

static bool add_keys(struct reseal_run *r, struct reseal_file *f, const struct opened_object *o, bool kept,
                     struct sops_err *e)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && i < o->items; i++) {
        if (stays_sealed(r, &o->item[i]) == kept) {
            ok = r->own.json ? sops_json_add(&f->lines, NULL, o->item[i].node->key, e)
                             : sops_buf_adds(&f->lines, first ? "" : ", ", e) &&
                                   sops_buf_add(&f->lines, o->item[i].node->key, e);
            first = false;
        }
    }
    return ok;
}

static bool report_object(struct reseal_run *r, struct reseal_file *f, const struct opened_object *o, size_t kept,
                          struct sops_err *e)
{
    struct sops_buf *out = &f->lines;
    bool same = kept == o->items;
    if (r->own.json) {
        return sops_buf_addc(out, '{', e) && sops_json_add_int(out, "schema", 1, e) &&
               sops_json_add(out, "file", sops_str(f->shown), e) && sops_json_add(out, "namespace", o->space, e) &&
               sops_json_add(out, "name", o->sealed->name, e) &&
               sops_json_add(out, "state", same ? SOPS_LIT("unchanged") : SOPS_LIT("changed"), e) &&
               sops_json_begin(out, "sealed", '[', e) && add_keys(r, f, o, false, e) && sops_buf_addc(out, ']', e) &&
               sops_json_begin(out, "kept", '[', e) && add_keys(r, f, o, true, e) && sops_buf_adds(out, "]}\n", e);
    }
    return same || (sops_buf_addf(out, e, "%s: ", f->shown) && sops_object_name(out, o->space, o->sealed->name, e) &&
                    sops_buf_adds(out, ": sealed ", e) && add_keys(r, f, o, false, e) &&
                    sops_buf_addf(out, e, "; kept %zu\n", kept));
}

static bool check_keys_once(const struct sops_sealed_object *s, struct sops_err *e)
{
    return s->items == NULL || sops_map_no_twice(s->items, "encryptedData", e) || sops_recode(e, SOPS_E_DECRYPT);
}

static bool reseal_object(struct reseal_run *r, struct reseal_file *f, const struct sops_sealed_object *s,
                          struct sops_arena *a, struct sops_err *e)
{
    struct opened_object o = {0};
    size_t kept = 0;
    bool ok = check_keys_once(s, e) && sops_object_open(&r->keys, s, sops_str(r->own.space), a, &o, e) &&
              check_pattern(&o, e);
    if (ok && !sops_object_judge(&o, e)) {
        e->hint[0] = '\0';
        ok = sops_hint(e, "the key is not among these, name, namespace or scope changed after sealing, or it is sealed "
                          "for the new certificate already: then give its key, too");
    }
    for (size_t i = 0; ok && i < o.items; i++) {
        bool stays = stays_sealed(r, &o.item[i]);
        kept += stays;
        ok = stays || seal_again(r, f, &o, &o.item[i], e);
    }
    f->changed += ok && kept != o.items;
    ok = ok && report_object(r, f, &o, kept, e);
    sops_object_close(&o);
    return ok || sops_within(e, "document %u", s->document);
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    uint32_t x = ((const struct sops_splice *)a)->span.begin, y = ((const struct sops_splice *)b)->span.begin;
    return (x > y) - (x < y);
}

/* What a reader finds in what seal_again wrote: base64, in JSON's quotes or with a comment behind it. */
static struct sops_slice value_of_edit(struct sops_slice bytes, bool json)
{
    struct sops_slice tabs = sops_slice_first(bytes, sops_slice_find(bytes, '\t'));
    return json ? sops_slice_of(bytes.ptr + 1, bytes.len - 2) : sops_slice_first(tabs, sops_slice_find(tabs, ' '));
}

/* Is the new text the old one but for the values that were replaced? */
static bool read_back(const struct reseal_file *f, struct sops_slice text, struct sops_err *e)
{
    struct sops_doc doc = {0};
    struct sops_err why = {0};
    bool json = (f->source.format->flags & SOPS_FMT_PARTS) == 0;
    size_t at = 0;
    bool same = sops_doc_parse_row(&doc, f->source.format, text, &why);
    const struct sops_node *a = f->source.doc->parts, *b = doc.parts;
    for (; same && a != NULL && b != NULL; a = a->next, b = b->next) {
        struct sops_node *x = (struct sops_node *)(uintptr_t)a, *y = (struct sops_node *)(uintptr_t)b;
        while (same && x != NULL && y != NULL) {
            bool edited = at < f->edits && x->span.begin == f->edit[at].span.begin && sops_node_is_leaf(x) &&
                          x->kind == SOPS_STR && x->span.end == f->edit[at].span.end;
            struct sops_slice want = edited ? value_of_edit(f->edit[at++].bytes, json) : x->text;
            same = x->kind == y->kind && sops_slice_eq(x->key, y->key) && sops_slice_eq(want, y->text);
            x = sops_node_after(a, x);
            y = sops_node_after(b, y);
        }
        same = same && x == NULL && y == NULL;
    }
    same = same && a == NULL && b == NULL && at == f->edits;
    same = sops_may_fail(&why, e) && same;
    sops_doc_free(&doc);
    return same || sops_fail(e, SOPS_E_DECRYPT,
                             "the values of '%s' cannot be replaced in its text: it is left as it is", f->shown);
}

static bool write_file(struct reseal_run *r, struct reseal_file *f, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice old = sops_buf_view(&f->source.text);
    if (f->edits > 1) {
        qsort(f->edit, f->edits, sizeof *f->edit, by_place);
    }
    bool ok = sops_splice(old, f->edit, f->edits, &text, e) && (f->edits == 0 || read_back(f, sops_buf_view(&text), e));
    if (ok && f->path == NULL) {
        ok = r->own.check || sops_buf_add(&r->out, sops_buf_view(&text), e);
    } else if (ok && f->edits != 0 && !r->own.check) {
        struct sops_file_was was = {0};
        const struct sops_replace how = {.was = &was};
        sops_file_was_held(&was, old);
        ok = sops_file_replace(f->path, sops_buf_view(&text), 0666, &how, e);
    }
    sops_buf_free(&text);
    return ok && (f->path == NULL || sops_buf_add(&r->out, sops_buf_view(&f->lines), e));
}

static bool reseal_source(struct reseal_run *r, struct reseal_file *f, struct sops_err *e)
{
    struct sops_sealed_object *all;
    size_t count, others;
    struct sops_arena a = {0};
    bool ok = sops_sealed_all(f->source.doc, &a, &all, &count, &others, e);
    if (ok && f->source.encrypted) {
        ok = sops_fail(e, SOPS_E_GENERIC, "'%s' is encrypted: a SealedSecret is not", f->shown);
    }
    if (ok && count == 0) {
        ok = sops_fail(e, SOPS_E_EMPTY, "there is no SealedSecret in '%s'", f->shown);
    }
    for (size_t i = 0; ok && i < count; i++) {
        ok = reseal_object(r, f, &all[i], &a, e);
    }
    ok = ok && write_file(r, f, e);
    r->changed += ok ? f->changed : 0;
    sops_arena_free(&a);
    return ok;
}

static bool reseal_file(struct reseal_run *r, const char *path, struct sops_err *e)
{
    struct reseal_file f = {.path = path, .shown = path != NULL ? path : "stdin"};
    f.source = (struct sops_source){.common = &r->job, .path = path, .name = path, .by_text = true};
    bool ok = sops_source_open(&f.source, e);
    if (!ok && r->job.opt->shared.recursive && e->code == SOPS_E_READ && f.source.text.len != 0) {
        sops_world_warn(r->job.world, "'%s' is passed over: %s", path, e->msg);
        sops_err_clear(e);
        ok = true;
    } else {
        ok = ok && reseal_source(r, &f, e);
    }
    sops_source_close(&f.source);
    sops_buf_free(&f.lines);
    return ok;
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static bool own_flags(struct sops_job *j, struct sops_err *e)
{
    struct reseal_run *r = j->own;
    const struct reseal_options *o = &r->own;
    bool by_cert = o->cert != NULL;
    if (by_cert && o->cluster != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--cluster does not go with --cert");
    }
    const char *const *one = by_cert ? o->cert : o->cluster;
    if (one == NULL || one[1] != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "exactly one certificate is needed: --cert, or one --cluster");
    }
    return true;
}

static bool own_sealing(struct sops_job *j, struct sops_err *e)
{
    struct reseal_run *r = j->own;
    return (r->own.cluster == NULL && r->own.key != NULL) || sops_sealing_read(&r->sealing, j->config, e);
}

static bool own_cert(struct sops_job *j, struct sops_err *e)
{
    struct reseal_run *r = j->own;
    struct sops_seal_cluster by_option;
    const struct sops_seal_cluster *c = &by_option;
    return (r->own.cert != NULL ? sops_cert_option(&r->arena, r->own.cert[0], &by_option, e)
                                : sops_sealing_cluster(&r->sealing, r->own.cluster[0], &c, e)) &&
           sops_cert_load(&r->certs, c, &r->cert, e);
}

static bool own_keys(struct sops_job *j, struct sops_err *e)
{
    struct reseal_run *r = j->own;
    return sops_unseal_keys(&r->keys, j, &r->sealing, r->own.key, r->own.cluster, e);
}

/* Begun anew when somebody else has changed the file meanwhile. */
static bool reseal_one(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    struct reseal_run *r = ctx;
    struct sops_anew anew = {.world = r->job.world};
    bool ok = reseal_file(r, f->name, e);
    while (!ok && sops_anew(&anew, f->name, e)) {
        ok = reseal_file(r, f->name, e);
    }
    return ok;
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    struct reseal_run *r = j->own;
    struct sops_run run = {.one = reseal_one, .ctx = r};
    sops_run_open(&run);
    bool ok = sops_each_sealed(&run, j, e);
    size_t count = run.count;
    r->failures = sops_run_count(&run, SOPS_RUN_FAILED);
    sops_run_free(&run);
    if (!ok || !sops_ui_out(sops_buf_view(&r->out), e)) {
        return false;
    }
    if (r->failures != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "failed resealing %zu of %zu files", r->failures, count);
    }
    return !r->own.check || r->changed == 0 ||
           sops_fail(e, SOPS_E_GENERIC, "%zu SealedSecret%s would change", r->changed, r->changed == 1 ? "" : "s");
}

static bool run_reseal(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_flags, sops_sealed_exists, sops_step_config, sops_step_order, own_sealing,
                                       own_cert,  sops_job_services,  own_keys,         own_run,         NULL};
    struct reseal_run r = {.own = *(const struct reseal_options *)o->own, .certs = {.world = w}};
    r.job = (struct sops_job){.world = w, .opt = o, .own = &r, .needs_rule = true};
    bool ok = sops_job_steps(&r.job, steps, e);
    if (!ok && r.own.check && e->code != SOPS_E_CONFLICT && (r.changed == 0 || r.failures != 0)) {
        sops_recode(e, SOPS_E_READ);
    }
    sops_cert_store_free(&r.certs);
    sops_sealing_free(&r.sealing);
    sops_seal_keys_free(&r.keys);
    sops_buf_free(&r.out);
    sops_job_free(&r.job);
    sops_arena_free(&r.arena);
    return ok;
}

#define OWN struct reseal_options
static const struct sops_option options[] = {
    {.name = "key",
     SOPS_MANY_TO(OWN, key),
     .value = "FILE",
     .help = "private key, or a backup of them; may be repeated"},
    {.name = "cert", SOPS_MANY_TO(OWN, cert), .value = "CERT", .help = "the certificate to seal for"},
    {.name = "cluster", SOPS_MANY_TO(OWN, cluster), .value = "NAME", .help = "certificate and keys of this cluster"},
    {.name = "namespace",
     SOPS_TEXT_TO(OWN, space),
     .short_name = "n",
     .value = "NAMESPACE",
     .help = "the namespace of objects without one"},
    {.name = "check", SOPS_FLAG_TO(OWN, check), .help = "write nothing: would anything change?"},
    {.name = "json", SOPS_FLAG_TO(OWN, json), .help = "results as lines of JSON"},
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .help = "go through folders, and take each file with a SealedSecret"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"RESEALING", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_our_input_type, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_reseal = {
    .name = "reseal",
    .summary = "seal SealedSecrets for another certificate",
    .args = "[FILE…]",
    .about = "Opens each item and seals it for the certificate, in the file itself: nothing but\n"
             "ciphertexts changes. Where the Secrets are encrypted files, rather seal them again:\n"
             "that needs no private key.\n",
    .example = "sops reseal --key old.keys.enc.yaml --cert new.pem -r sealed/prod",
    .tables = tables,
    .own_size = sizeof(struct reseal_options),
    .ours = true,
    .yields = true,
    .run = run_reseal,
};
