/* SPDX-License-Identifier: Apache-2.0 */
/* The drop-in: kubeseal's flags and statuses on what `sops seal` is made of. No tags are made, and nothing is printed
 * before all of it went well (docs/spec/72-sealed-secrets.md#the-name-kubeseal). */
#include "cli/kubeseal.h"

#include "base/file.h"
#include "base/openssl.h"
#include "cli/command.h"
#include "cli/kubectl.h"
#include "cli/seal_run.h"
#include "cli/ui.h"
#include "cli/unseal.h"

#include <stdio.h>
#include <unistd.h>

struct kubeseal {
    struct kubeseal_flags f;
    struct sops_options options;
    struct sops_seal_options own;
    struct seal_run run;
    struct sops_controller controller;
    struct sops_seal_cert fetched;
    struct sops_source source;
    const struct sops_format *format;
};

/* ---- what is needed --------------------------------------------------------------------------------------------- */

static bool ends_in_yaml(const char *name)
{
    return name != NULL &&
           (sops_slice_ends(sops_str(name), SOPS_LIT(".yaml")) || sops_slice_ends(sops_str(name), SOPS_LIT(".yml")));
}

static bool take_format(struct kubeseal *k, struct sops_err *e)
{
    if (!sops_seal_format(k->f.format != NULL ? k->f.format : "json", &k->format, e)) {
        return false;
    }
    k->format = ends_in_yaml(k->f.output) ? sops_seal_yaml() : k->format;
    return true;
}

static bool take_cert(struct kubeseal *k, const struct sops_seal_cert **cert, struct sops_err *e)
{
    struct sops_seal_cluster c = {.name = "", .cert = k->f.cert};
    struct sops_buf text = {0};
    if (k->f.cert != NULL) {
        return sops_cert_load(&k->run.certs, &c, cert, e);
    }
    bool ok = sops_kubectl_cert(&k->controller, &text, e) &&
              sops_cert_read(&k->fetched, k->run.job.world, "the controller's answer", sops_buf_view(&text), e);
    *cert = &k->fetched;
    sops_buf_free(&text);
    return ok;
}

static bool open_input(struct kubeseal *k, struct sops_err *e)
{
    k->source = (struct sops_source){.common = &k->run.job, .path = k->f.file, .name = k->f.file, .by_text = true};
    return sops_source_open(&k->source, e);
}

static bool give_out(const char *path, struct sops_slice bytes, struct sops_err *e)
{
    return path != NULL ? sops_file_replace(path, bytes, 0666, NULL, e) : sops_ui_out(bytes, e);
}

static bool default_space(struct kubeseal *k, struct sops_slice *space, struct sops_err *e)
{
    if (k->f.space != NULL) {
        *space = sops_str(k->f.space);
        return true;
    }
    return sops_kubeseal_space(&k->f, k->run.job.world, &k->run.arena, space, e);
}

/* ---- sealing ---------------------------------------------------------------------------------------------------- */

static bool place_object(struct kubeseal *k, struct seal_object *o, struct sops_err *e)
{
    bool said;
    struct sops_slice asked = sops_str(k->f.space);
    o->name = k->f.name != NULL ? sops_str(k->f.name) : o->secret->name;
    o->space = o->secret->space;
    o->scope = k->run.has_scope ? k->run.scope : sops_secret_scope(o->secret, &said);
    o->scope_given = k->run.has_scope;
    if (o->scope != SOPS_SCOPE_CLUSTER) {
        if (o->space.len != 0 && asked.len != 0 && !sops_slice_eq(asked, o->space)) {
            return sops_fail(e, SOPS_E_GENERIC, "the Secret is of the namespace '%.*s', and --namespace says '%s'",
                             SOPS_ARG(o->space), k->f.space);
        }
        if (o->space.len == 0 && !default_space(k, &o->space, e)) {
            return false;
        }
    }
    struct sops_secret_place p = {
        .scope = o->scope, .name = o->name, .space = o->space, .allow_empty = k->f.allow_empty, .lax = true};
    return sops_secret_check(o->secret, &p, e);
}

static bool seal_one(struct kubeseal *k, struct sops_doc *out, const struct sops_secret_object *s,
                     const struct sops_seal_cert *cert, struct sops_err *e)
{
    static const struct seal_file none = {0};
    struct seal_object o = {.secret = s, .cert = cert};
    if (!place_object(k, &o, e) || !sops_seal_items(&k->run, &none, &o, NULL, e)) {
        return sops_within(e, "document %u", s->document);
    }
    struct sops_sealed_recipe recipe = {.secret = s,
                                        .scope = o.scope,
                                        .scope_given = o.scope_given,
                                        .name = o.name,
                                        .space = o.space,
                                        .item = o.item,
                                        .items = o.items};
    return sops_sealed_build(out, &recipe, e);
}

static bool seal_input(struct kubeseal *k, struct sops_err *e)
{
    struct sops_secret_how how = {.any_kind = true};
    struct sops_secret_list list = {.arena = &k->run.arena};
    const struct sops_seal_cert *cert = NULL;
    struct sops_doc out = {0};
    struct sops_buf bytes = {0};
    bool ok = take_format(k, e) && take_cert(k, &cert, e) && open_input(k, e);
    how.source = sops_buf_view(&k->source.text);
    ok = ok && sops_secrets_read(k->source.doc, &how, &list, e);
    for (size_t i = 0; ok && i < list.count; i++) {
        ok = seal_one(k, &out, &list.secret[i], cert, e);
    }
    ok = ok && sops_objects_emit(&out, k->format, &bytes, e) && give_out(k->f.output, sops_buf_view(&bytes), e);
    sops_doc_free(&out);
    sops_buf_free(&bytes);
    return ok;
}

static bool seal_raw(struct kubeseal *k, struct sops_err *e)
{
    const struct sops_seal_cert *cert = NULL;
    struct sops_slice space = {0};
    struct sops_buf value = {0}, label = {0}, out = {0};
    const char *file = k->f.from_file[0];
    if (k->f.file != NULL || k->f.from_file[1] != NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "--raw takes the value of one --from-file, or of stdin");
    }
    if (k->run.scope == SOPS_SCOPE_STRICT && k->f.name == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "must provide the --name flag with --raw and --scope strict");
    }
    file = file != NULL && strchr(file, '=') != NULL ? strchr(file, '=') + 1 : file;
    bool ok = (k->run.scope == SOPS_SCOPE_CLUSTER || default_space(k, &space, e)) && take_cert(k, &cert, e) &&
              (file != NULL ? sops_file_read(file, SOPS_FILE_MAX, &value, e)
                            : sops_fd_read(STDIN_FILENO, "stdin", SOPS_FILE_MAX, &value, e)) &&
              sops_scope_label(k->run.scope, space, sops_str(k->f.name), &label, e) &&
              sops_item_seal(k->run.job.world, cert->key, sops_buf_view(&label), sops_buf_view(&value), &out, e) &&
              give_out(k->f.output, sops_buf_view(&out), e);
    sops_buf_free(&value);
    sops_buf_free(&label);
    sops_buf_free(&out);
    return ok;
}

static bool merge_input(struct kubeseal *k, struct sops_err *e)
{
    struct seal_file file = {.path = k->f.file, .name = k->f.file, .shown = k->f.file != NULL ? k->f.file : "stdin"};
    k->run.plain = true;
    k->own.merge_into = k->f.merge_into;
    return take_cert(k, &k->run.preset, e) && sops_seal_merge(&k->run, &file, e);
}

/* ---- the others ------------------------------------------------------------------------------------------------- */

static bool recover_secrets(struct kubeseal *k, struct sops_err *e)
{
    struct sops_seal_keys keys = {0};
    struct sops_sealed_object *all = NULL;
    size_t count = 0, others;
    struct sops_doc out = {0};
    struct sops_buf bytes = {0};
    struct unseal_how how = {.shown = "the input", .world = k->run.job.world};
    bool ok = take_format(k, e) &&
              sops_unseal_keys(&keys, &k->run.job, &k->run.sealing,
                               k->f.recovery_key[0] != NULL ? k->f.recovery_key : NULL, NULL, e) &&
              open_input(k, e) && sops_sealed_all(k->source.doc, &k->run.arena, &all, &count, &others, e);
    ok = ok && (count != 0 || sops_fail(e, SOPS_E_GENERIC, "there is no SealedSecret in the input"));
    for (size_t i = 0; ok && i < count; i++) {
        struct opened_object o;
        ok = sops_object_open(&keys, &all[i], sops_str(k->f.space), &k->run.arena, &o, e) && sops_object_judge(&o, e) &&
             sops_object_secret(&out, &o, &how, e);
        sops_object_close(&o);
    }
    ok = ok && sops_objects_emit(&out, k->format, &bytes, e) && give_out(k->f.output, sops_buf_view(&bytes), e);
    sops_doc_free(&out);
    sops_buf_free(&bytes);
    sops_seal_keys_free(&keys);
    return ok;
}

static bool fetch_cert(struct kubeseal *k, struct sops_err *e)
{
    const struct sops_seal_cert *cert;
    return take_cert(k, &cert, e) && give_out(k->f.output, sops_buf_view(&cert->pem), e);
}

/* A document on one line: in JSON every line break is layout. */
static bool one_line(const struct sops_doc *d, const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_style style = {.indent = 0, .indent_set = true};
    struct sops_slice line;
    bool ok = sops_doc_emit_value(d, n, sops_seal_json(), &style, &text, e);
    struct sops_slice rest = sops_buf_view(&text);
    while (ok && rest.ptr != NULL && sops_slice_next(&rest, '\n', &line)) {
        ok = sops_buf_add(out, sops_slice_trim(line), e);
    }
    sops_buf_free(&text);
    return ok;
}

/* Each document of the input to the controller; `answers` (may be NULL) gets what it answers. */
static bool ask_each(struct kubeseal *k, const char *path, struct sops_doc *answers, struct sops_err *e)
{
    bool ok = open_input(k, e);
    for (const struct sops_node *n = ok ? k->source.doc->parts : NULL; ok && n != NULL; n = n->next) {
        struct sops_buf json = {0}, answer = {0};
        struct sops_sealed_object s = {0};
        if (sops_map_is_empty(n)) {
            continue;
        }
        sops_sealed_read(n, &s);
        ok = one_line(k->source.doc, n, &json, e) &&
             sops_kubectl_post(&k->controller, path, sops_buf_view(&json), &answer, e);
        if (!ok && strcasestr(e->msg, "conflict") != NULL) {
            sops_err_clear(e);
            sops_fail(e, SOPS_E_GENERIC, "unable to decrypt sealed secret: %.*s", SOPS_ARG(s.name));
        }
        ok = ok && (answers == NULL || sops_doc_parse_row(answers, sops_seal_json(), sops_buf_view(&answer), e));
        sops_buf_free(&json);
        sops_buf_free(&answer);
    }
    return ok;
}

static bool re_encrypt(struct kubeseal *k, struct sops_err *e)
{
    struct sops_doc out = {0};
    struct sops_buf bytes = {0};
    const char *path = k->f.output != NULL ? k->f.output : k->f.file;
    k->f.output = path;
    bool ok = take_format(k, e) && ask_each(k, "/v1/rotate", &out, e) &&
              sops_objects_emit(&out, k->format, &bytes, e) && give_out(path, sops_buf_view(&bytes), e);
    sops_doc_free(&out);
    sops_buf_free(&bytes);
    return ok;
}

/* ---- the program ------------------------------------------------------------------------------------------------ */

static bool prepare_kubeseal(struct kubeseal *k, struct sops_world *w, struct sops_err *e)
{
    struct kubeseal_flags *f = &k->f;
    struct seal_run *r = &k->run;
    sops_openssl_start(sops_world_env_set(w, "OPENSSL_CONF") != NULL);
    k->options.verb = &sops_verb_seal;
    k->options.command = "seal";
    k->options.shared.local_keyservice = true;
    k->own.name = f->name;
    k->own.space = f->space;
    k->own.allow_empty = f->allow_empty;
    r->own = &k->own;
    r->job.world = w;
    r->job.opt = &k->options;
    r->certs.world = w;
    r->certs.any_http = true;
    r->has_scope = f->scope != NULL && strcmp(f->scope, "strict") != 0;
    if (r->has_scope) {
        (void)sops_scope_named(sops_str(f->scope), &r->scope);
    }
    k->controller = (struct sops_controller){
        .world = w,
        .flags = f->kubectl,
        .space = sops_str(f->controller_space != NULL ? f->controller_space : "kube-system"),
        .name = sops_str(f->controller_name != NULL ? f->controller_name : "sealed-secrets-controller")};
    if (f->from_file[0] != NULL && !f->raw) {
        return sops_fail(e, SOPS_E_GENERIC, "--from-file goes with --raw only");
    }
    return sops_step_order(&r->job, e) && sops_step_config(&r->job, e) && sops_job_services(&r->job, e);
}

static bool run_kubeseal(struct kubeseal *k, struct sops_world *w, struct sops_err *e)
{
    struct kubeseal_flags *f = &k->f;
    if (!prepare_kubeseal(k, w, e)) {
        return false;
    }
    return f->raw                  ? seal_raw(k, e)
           : f->recovery           ? recover_secrets(k, e)
           : f->fetch_cert         ? fetch_cert(k, e)
           : f->validate           ? ask_each(k, "/v1/verify", NULL, e)
           : f->re_encrypt         ? re_encrypt(k, e)
           : f->merge_into != NULL ? merge_input(k, e)
                                   : seal_input(k, e);
}

static void tell_error(struct sops_world *w, struct sops_err *e)
{
    (void)sops_within(e, "error");
    sops_ui_error(w, e);
}

int sops_kubeseal_main(struct sops_world *w, const char *const *words)
{
    struct kubeseal k = {0};
    struct sops_err e = {0};
    struct sops_buf usage = {0};
    int status = 0;
    sops_folders_open(&k.run.folders);
    bool ok = sops_kubeseal_flags(&k.f, w, &k.run.arena, words, &e);
    if (ok && k.f.help) {
        ok = sops_kubeseal_usage(&usage, &e) && sops_ui_out(sops_buf_view(&usage), &e);
    } else if (ok && k.f.version) {
        ok = sops_ui_outf(&e, "kubeseal version: 0.36.6+sops-%s\n", SOPS_VERSION);
    } else if (ok) {
        ok = run_kubeseal(&k, w, &e);
    }
    if (!ok) {
        status = e.code == 2 && k.run.own == NULL ? 2 : 1;
        tell_error(w, &e);
        if (status == 2) {
            struct sops_err ignored = {0};
            if (sops_kubeseal_usage(&usage, &ignored)) {
                sops_ui_note("%.*s", SOPS_ARG(sops_buf_view(&usage)));
            }
            sops_err_clear(&ignored);
        }
    }
    sops_folders_close(&k.run.folders);
    sops_source_close(&k.source);
    sops_cert_store_free(&k.run.certs);
    sops_cert_free(&k.fetched);
    sops_buf_free(&k.run.out);
    sops_job_free(&k.run.job);
    sops_arena_free(&k.run.arena);
    sops_buf_free(&usage);
    sops_err_clear(&e);
    return status;
}
