/* SPDX-License-Identifier: Apache-2.0 */
/*
 * krm: a function of kustomize and kpt, and a filter for manifest streams; the same as ksops
 * (docs/spec/74-kubernetes-and-exec.md#krm-functions-kustomize-ksops-kpt). What goes wrong is told twice: on stderr for
 * people, and as a result on stdout for whoever called.
 */
#include "cli/command.h"
#include "cli/manifests.h"
#include "cli/ui.h"
#include "cli/usage.h"
#include "core/config.h"
#include "manifest/list.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct krm_options {
    bool stream;
};
struct krm {
    struct sops_job job;
    struct sops_buf in, out;
    struct sops_resource_list list;
    struct sops_buf made; /* texts of generators, each behind its length */
    size_t items;         /* written so far */
    /* what a failure is about: a file, or an object; or neither */
    struct sops_buf blamed_file;
    const struct sops_manifest *blamed;
};

/* ---- files of a generator ---------------------------------------------------------------------------------------- */

/* A kustomization is read from anywhere, so its files are below the current folder, wherever links lead. */
static bool check_inside(const char *path, struct sops_err *e)
{
    char file[PATH_MAX], here[PATH_MAX];
    bool inside = true;
    if (realpath(path, file) != NULL && realpath(".", here) != NULL) {
        size_t n = strcmp(here, "/") != 0 ? strlen(here) : 0;
        inside = strncmp(file, here, n) == 0 && file[n] == '/';
    }
    if (!inside) {
        sops_fail(e, SOPS_E_GENERIC, "'%s' lies outside of the folder of the kustomization", path);
        return sops_hint(e, "SopsSecrets takes files below it only, after links are followed");
    }
    struct stat st; /* a FIFO would be waited for */
    return stat(path, &st) != 0 || S_ISREG(st.st_mode) ||
           sops_fail(e, SOPS_E_GENERIC, "'%s' is no regular file", path) ||
           sops_hint(e, "SopsSecrets reads neither folders nor FIFOs");
}

/* From now on a failure is about this file (NULL: none). Without memory that is not told. */
static void blame(struct krm *k, const char *path)
{
    struct sops_err ignored = {0};
    sops_buf_cut(&k->blamed_file, 0);
    bool told = path == NULL ||
                (sops_buf_adds(&k->blamed_file, path, &ignored) && sops_buf_cstr(&k->blamed_file, &ignored) != NULL);
    if (!told) {
        sops_buf_free(&k->blamed_file);
    }
    sops_err_clear(&ignored);
}

static const char *blamed_file(const struct krm *k)
{
    return k->blamed_file.len != 0 ? (const char *)k->blamed_file.ptr : NULL;
}

/* Opens the files of a list, in order. */
static bool open_files(struct krm *k, const struct sops_generator *g, const struct sops_generator_files *files,
                       struct sops_inputs *in, struct sops_err *e)
{
    const char **paths = sops_alloc((files->count + 1) * sizeof *paths, e);
    bool ok = paths != NULL;
    for (size_t i = 0; ok && i < files->count; i++) {
        paths[i] = files->file[i].path;
        blame(k, paths[i]);
        ok = !g->strict || check_inside(paths[i], e);
    }
    if (ok) {
        ok = sops_inputs_load(in, &k->job, paths, files->count, SOPS_STATUSES_NEED_FILE, e);
        blame(k, in->count != 0 ? paths[in->blamed] : NULL);
    }
    sops_free(paths);
    return ok;
}

/* What decrypt prints for the file; JSON becomes YAML where it is to be an object. */
static bool print_file(struct krm *k, struct sops_job *j, bool object, struct sops_err *e)
{
    blame(k, j->path);
    if (object && j->out == sops_format_named(SOPS_LIT("json"))) {
        j->out = sops_manifest_format();
        sops_job_style(j);
    }
    return sops_step_emit(j, e) || sops_name_file(e, j->path);
}

/* ---- what generators make ---------------------------------------------------------------------------------------- */

/* `emit` gets each object. */
typedef bool emit_fn(struct krm *k, struct sops_slice text, struct sops_err *e);

/* A document of a YAML file is a mapping, or it could not have been sealed. */
static bool is_object(struct sops_slice text, struct sops_err *e)
{
    struct sops_doc d = {0};
    bool ok = sops_doc_parse(&d, sops_manifest_format(), text, e);
    if (!ok && !e->memory) {
        sops_recode(e, SOPS_E_GENERIC);
        e->line = 0; /* of a clear text that nobody has */
        sops_within(e, "what is in it is no mapping");
    }
    sops_doc_free(&d);
    return ok;
}

static bool emit_stream(struct krm *k, struct sops_job *j, emit_fn *emit, struct sops_err *e)
{
    struct sops_manifests m = {0};
    bool ok = sops_manifests_split(&m, j->path, sops_buf_view(&j->bytes), e);
    for (size_t i = 0; ok && i < m.count; i++) {
        if (!sops_manifest_is_empty(sops_manifest_text(&m.all[i]))) {
            ok = (j->out == sops_manifest_format() || is_object(sops_manifest_text(&m.all[i]), e) ||
                  sops_name_file(e, j->path)) &&
                 emit(k, sops_manifest_text(&m.all[i]), e);
        }
    }
    sops_manifests_free(&m);
    return ok;
}

static bool emit_files(struct krm *k, const struct sops_generator *g, emit_fn *emit, struct sops_err *e)
{
    struct sops_inputs in = {0};
    bool ok = open_files(k, g, &g->files, &in, e);
    for (size_t i = 0; ok && i < in.count; i++) {
        ok = print_file(k, &in.file[i], true, e) && emit_stream(k, &in.file[i], emit, e);
        sops_job_free(&in.file[i]);
    }
    sops_inputs_free(&in);
    return ok;
}

enum entry_kind { TEXTS, BINARIES, ENVS };

static bool add_entries(struct krm *k, const struct sops_generator *g, const struct sops_generator_files *files,
                        enum entry_kind kind, struct sops_new_secret *s, struct sops_err *e)
{
    struct sops_inputs in = {0};
    bool ok = open_files(k, g, files, &in, e);
    for (size_t i = 0; ok && i < in.count; i++) {
        struct sops_job *j = &in.file[i];
        ok = print_file(k, j, false, e) &&
             ((kind == ENVS ? sops_new_secret_env(s, sops_buf_view(&j->bytes), e)
                            : sops_new_secret_add(s, sops_str(files->file[i].key), sops_buf_view(&j->bytes),
                                                  kind == BINARIES, e)) ||
              sops_name_file(e, j->path));
        sops_job_free(j);
    }
    sops_inputs_free(&in);
    return ok;
}

static bool emit_secret(struct krm *k, const struct sops_generator *g, const struct sops_generator_secret *from,
                        emit_fn *emit, struct sops_err *e)
{
    struct sops_new_secret s = {0};
    struct sops_buf text = {0};
    bool ok = sops_new_secret_begin(&s, from, e) && add_entries(k, g, &from->files, TEXTS, &s, e) &&
              add_entries(k, g, &from->binary_files, BINARIES, &s, e) && add_entries(k, g, &from->envs, ENVS, &s, e) &&
              sops_new_secret_end(&s, &text, e) && emit(k, sops_buf_view(&text), e);
    sops_buf_free(&text);
    sops_new_secret_free(&s);
    return ok;
}

/* Which generator it is, of several in a list. */
static bool name_generator(const struct sops_node *root, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_err ignored = {0};
    struct sops_object_name name = sops_object_name_of(root);
    const char *label;
    if (name.name.len != 0 && !e->memory && sops_object_label(&a, NULL, &name, 1, &label, &ignored)) {
        sops_within(e, "'%s'", label);
    }
    sops_err_clear(&ignored);
    sops_arena_free(&a);
    return false;
}

static bool generate(struct krm *k, const struct sops_node *root, emit_fn *emit, struct sops_err *e)
{
    struct sops_generator g = {0};
    blame(k, NULL);
    bool ok = (sops_generator_read(&g, root, e) || name_generator(root, e)) && emit_files(k, &g, emit, e);
    for (size_t i = 0; ok && i < g.secrets; i++) {
        ok = emit_secret(k, &g, &g.secret[i], emit, e);
    }
    sops_generator_free(&g);
    if (ok) {
        blame(k, NULL);
    }
    return ok;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static bool emit_item(struct krm *k, struct sops_slice text, struct sops_err *e)
{
    k->items++;
    return sops_list_item(&k->made, text, e);
}

static bool run_items(struct krm *k, struct sops_err *e)
{
    struct sops_resource_list *l = &k->list;
    bool ok = true, strict;
    for (size_t i = 0; ok && i < l->items.count; i++) {
        const struct sops_manifest *m = &l->items.all[i];
        if (sops_is_generator(l->nodes[i], &strict)) {
            ok = generate(k, l->nodes[i], emit_item, e);
        } else {
            ok = emit_item(k, m->sealed != NULL ? sops_buf_view(&m->sealed->clear) : sops_manifest_text(m), e);
        }
    }
    if (ok && sops_list_config_is_apart(l) && sops_is_generator(l->config_node, &strict)) {
        ok = generate(k, l->config_node, emit_item, e);
    }
    return ok;
}

static bool run_list(struct krm *k, struct sops_err *e)
{
    struct sops_resource_list *l = &k->list;
    struct sops_manifest_how how = {.common = &k->job};
    if (!sops_list_read(l, sops_buf_view(&k->in), e)) {
        l->api = (struct sops_slice){0};
        return false;
    }
    if (!sops_manifests_open(&l->items, &how, e)) {
        k->blamed = how.blamed;
        return false;
    }
    return run_items(k, e) && sops_list_begin(&k->out, l->api, k->items == 0, e) &&
           sops_buf_add(&k->out, sops_buf_view(&k->made), e) &&
           (l->config_node == NULL || sops_list_config(&k->out, l->config, e)) &&
           sops_list_check(sops_buf_view(&k->out), sops_buf_view(&k->in), k->items, e);
}

/* The failure as a result. What stands in `e` stays. */
static void tell_result(struct krm *k, const struct sops_err *e)
{
    struct sops_buf out = {0};
    struct sops_err ignored = {0};
    bool told = k->list.api.len != 0 &&
                sops_list_failure(&out, k->list.api, e, blamed_file(k),
                                  k->blamed != NULL ? &k->blamed->sealed->of : NULL, &ignored) &&
                sops_ui_out(sops_buf_view(&out), &ignored);
    (void)told;
    sops_err_clear(&ignored);
    sops_buf_free(&out);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

/* Large pieces go out from where they stand; what is left over is in `out`. */
static bool put_document(struct krm *k, const struct sops_manifest *m, struct sops_err *e)
{
    bool on_marker = m->sealed != NULL && m->marker_len != 0 && m->at[m->marker_len - 1] != '\n';
    return sops_ui_piece(&k->out, sops_manifest_marker(m), e) && (!on_marker || sops_buf_addc(&k->out, '\n', e)) &&
           sops_ui_piece(&k->out, m->sealed != NULL ? sops_buf_view(&m->sealed->clear) : sops_manifest_text(m), e);
}

static bool run_stream(struct krm *k, struct sops_err *e)
{
    struct sops_manifests m = {0};
    struct sops_manifest_how how = {.common = &k->job};
    bool ok = sops_manifests_split(&m, NULL, sops_buf_view(&k->in), e) && sops_manifests_open(&m, &how, e);
    for (size_t i = 0; ok && i < m.count; i++) {
        ok = put_document(k, &m.all[i], e);
    }
    sops_manifests_free(&m);
    return ok;
}

/* ---- ksops FILE -------------------------------------------------------------------------------------------------- */

static bool emit_document(struct krm *k, struct sops_slice text, struct sops_err *e)
{
    return (k->items++ == 0 || sops_buf_adds(&k->out, "---\n", e)) && sops_buf_add(&k->out, text, e) &&
           (text.len == 0 || text.ptr[text.len - 1] == '\n' || sops_buf_addc(&k->out, '\n', e));
}

static bool run_manifest(struct krm *k, const char *path, struct sops_err *e)
{
    struct sops_doc d = {0};
    bool ok = sops_input_read(path, SOPS_MANIFEST_MAX, &k->in, e) &&
              (sops_doc_parse(&d, sops_manifest_format(), sops_buf_view(&k->in), e) ||
               sops_within(e, "cannot parse '%s' as yaml", path)) &&
              (generate(k, d.parts, emit_document, e) || (blamed_file(k) == NULL && sops_name_file(e, path)));
    sops_doc_free(&d);
    return ok;
}

/* ---- the commands ------------------------------------------------------------------------------------------------ */

static bool begin(struct krm *k, struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static const struct sops_config none = {0}; /* no file of creation rules is read */
    k->job = (struct sops_job){.world = w, .opt = o, .config = &none};
    return sops_step_order(&k->job, e);
}

static bool end(struct krm *k, bool ok, struct sops_err *e)
{
    ok = ok && sops_ui_out(sops_buf_view(&k->out), e);
    sops_list_free(&k->list);
    sops_buf_free(&k->in);
    sops_buf_free(&k->out);
    sops_buf_free(&k->made);
    sops_buf_free(&k->blamed_file);
    sops_job_free(&k->job);
    return ok;
}

static bool run_stdin(struct sops_world *w, const struct sops_options *o, bool stream, struct sops_err *e)
{
    struct krm k = {0};
    bool ok = begin(&k, w, o, e) && sops_input_read(NULL, SOPS_MANIFEST_MAX, &k.in, e);
    if (ok) {
        ok = stream ? run_stream(&k, e) : run_list(&k, e);
        if (!ok && !stream) {
            tell_result(&k, e);
        }
    }
    return end(&k, ok, e);
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct krm_options *said = o->own;
    if (o->argc != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "krm takes no arguments, and '%s' is one", o->args[0]) ||
               sops_hint(e, "it reads stdin: sops krm <FILE");
    }
    if (isatty(STDIN_FILENO) == 1) {
        sops_fail(e, SOPS_E_GENERIC, "stdin is a terminal");
        return sops_hint(e, said->stream ? "it opens what is piped in: kustomize build . | sops krm --stream"
                                         : "kustomize calls it: exec: {path: sops, args: [krm]}");
    }
    return run_stdin(w, o, said->stream, e);
}

static bool run_ksops(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    if (o->argc > 1) {
        return sops_fail(e, SOPS_E_GENERIC, "ksops takes one file, and %zu are given", o->argc);
    }
    if (o->argc == 1) {
        struct krm k = {0};
        return end(&k, begin(&k, w, o, e) && run_manifest(&k, o->args[0], e), e);
    }
    if (isatty(STDIN_FILENO) == 1) {
        return sops_usage_show(o, e) && sops_fail(e, SOPS_E_GENERIC, "stdin is a terminal, and no file is named");
    }
    return run_stdin(w, o, false, e);
}

static const struct sops_option options[] = {
    {.name = "stream",
     SOPS_FLAG_TO(struct krm_options, stream),
     .help = "stdin is a stream of manifests and not a ResourceList"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"MANIFESTS", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_order, &sops_opts_mac, &sops_opts_services, NULL,
};
static const struct sops_opt_table *const ksops_tables[] = {
    &sops_opts_order,
    &sops_opts_mac,
    &sops_opts_services,
    NULL,
};

const struct sops_verb sops_verb_krm = {
    .name = "krm",
    .summary = "open encrypted manifests for kustomize, kpt and Helm",
    .args = "",
    .about = "A KRM function: a ResourceList on stdin, the same with encrypted objects opened and\n"
             "generators (kind: SopsSecrets, apiVersion: sops/v1; ksops) carried out on stdout. As a\n"
             "filter of manifest streams it opens what was encrypted and copies all else.\n",
    .example = "helm template web ./chart | sops krm --stream | kubectl apply --server-side -f -",
    .tables = tables,
    .own_size = sizeof(struct krm_options),
    .ours = true,
    .run = run,
};

const struct sops_verb sops_verb_ksops = {
    .name = "ksops",
    .summary = "open encrypted manifests for kustomize",
    .args = "[GENERATOR]",
    .about = "The program by the name ksops: a KRM function with a ResourceList on stdin; with a\n"
             "generator manifest as its word it writes what that generates.\n",
    .tables = ksops_tables,
    .ours = true,
    .run = run_ksops,
};
