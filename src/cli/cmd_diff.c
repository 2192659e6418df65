/* SPDX-License-Identifier: Apache-2.0 */
/* diff (docs/spec/70-git.md#sops-diff). */
#include "cli/command.h"
#include "cli/diff_print.h"
#include "cli/merge_index.h"
#include "cli/ui.h"

#include <stdio.h>
#include <unistd.h>

struct diff_options {
    bool show, redact, json, no_key;
};

struct diff {
    const struct diff_options *o;
    struct sops_job *j;
    struct sops_version v[2];
    struct sops_style style[2]; /* how each is read */
    struct sops_buf head;       /* HEAD:./NAME */
    struct sops_changes changes;
};

static bool check_words(const struct sops_options *o, struct sops_err *e)
{
    const struct diff_options *own = o->own;
    if ((own->show && own->redact) || (own->show && own->no_key)) {
        return sops_fail(e, SOPS_E_CONFLICT, "cannot operate on both --show and %s",
                         own->redact ? "--redact" : "--no-key");
    }
    if (o->argc == 0) {
        return sops_fail(e, SOPS_E_NO_FILE, "no file specified");
    }
    return o->argc <= 2 || (sops_fail(e, SOPS_E_READ, "two files or versions are compared, not %zu", o->argc) ||
                            sops_hint(e, "sops help diff"));
}

/* The version of the last commit. */
static bool fetch_head(struct diff *d, const char *path, struct sops_err *e)
{
    struct sops_in_index x = {.name = NULL};
    struct sops_git_object o = {0};
    bool ok = sops_in_index_find(&x, d->j->world, path, e) && sops_buf_addf(&d->head, e, "HEAD:./%s", x.name) &&
              sops_buf_cstr(&d->head, e) != NULL &&
              sops_git_read(&x.git, sops_buf_view(&d->head), SOPS_FILE_MAX, false, &o, e);
    if (ok && !(o.there && o.blob && !o.cut)) {
        ok = sops_fail(e, SOPS_E_NO_FILE, "the last commit has no file '%s'", path);
    }
    if (ok) {
        d->v[0].name = (const char *)d->head.ptr;
        d->v[0].text = o.bytes;
        o.bytes = (struct sops_buf){0};
    }
    sops_git_object_free(&o);
    sops_in_index_free(&x);
    return ok;
}

/* Reads both, and says what they are. */
static bool fetch_both(struct diff *d, const struct sops_options *o, struct sops_err *e)
{
    const char *name[2] = {NULL, NULL};
    bool ok = sops_version_fetch(&d->v[1], d->j->world, o->args[o->argc - 1], &name[1], e);
    if (ok && o->argc == 1) {
        name[0] = o->args[0];
        ok = fetch_head(d, o->args[0], e);
    } else {
        ok = ok && sops_version_fetch(&d->v[0], d->j->world, o->args[0], &name[0], e);
    }
    for (int i = 0; ok && i < 2; i++) {
        struct sops_version *v = &d->v[i];
        const struct sops_format *f =
            sops_version_format(d->j->world, d->j->config, o->shared.input_type, name[i], sops_buf_view(&v->text));
        d->style[i] = sops_config_style(d->j->config, f);
        d->style[i].keep = SOPS_KEEP_OFF;
        v->style = &d->style[i];
        ok = sops_version_look(v, d->j->world, f, e);
        if (ok && v->state == SOPS_VERSION_PLAIN && !v->parses) {
            (void)sops_fail(e, SOPS_E_READ, "'%s' %s%s%s", v->name, v->plain, v->why.code != SOPS_OK ? ": " : "",
                            v->why.msg);
            ok = sops_version_hint(v, e);
        } else if (ok && v->state == SOPS_VERSION_BROKEN) {
            ok = sops_fail(e, SOPS_E_READ, "%s", v->why.msg);
        }
    }
    return ok;
}

static bool open_both(struct diff *d, struct sops_err *e)
{
    struct sops_version *const others[] = {&d->v[0], NULL};
    for (int i = 0; i < 2; i++) {
        struct sops_version *v = &d->v[i];
        if (v->state == SOPS_VERSION_SEALED &&
            !(d->o->no_key ? sops_envelope_mark(v->env, e) : sops_version_open(v, d->j, others, true, e))) {
            return false;
        }
    }
    return true;
}

static bool several_documents(const struct sops_doc *d) { return d->parts != NULL && d->parts->next != NULL; }

static bool print_difference(struct diff *d, struct sops_err *e)
{
    static const struct sops_doc nothing = {.state = SOPS_DOC_PLAIN};
    const struct sops_doc *doc[2];
    struct sops_buf out = {0};
    for (int i = 0; i < 2; i++) {
        doc[i] = d->v[i].env != NULL ? sops_envelope_look(d->v[i].env) : &nothing;
    }
    struct sops_difference x = {
        .name = {d->v[0].name, d->v[1].name},
        .changes = &d->changes,
        .several = several_documents(doc[0]) || several_documents(doc[1]),
        .show = d->o->show || (!d->o->redact && !d->o->json && !d->o->no_key && isatty(STDOUT_FILENO) == 1),
    };
    if (d->v[0].state == SOPS_VERSION_SEALED && d->v[1].state == SOPS_VERSION_SEALED) {
        x.meta[0] = sops_envelope_meta(d->v[0].env);
        x.meta[1] = sops_envelope_meta(d->v[1].env);
    }
    bool ok = sops_diff(doc[0], doc[1], d->o->no_key ? SOPS_SHAPE_CLOSED : SOPS_SHAPE_OPEN, &d->changes, e) &&
              (d->o->json ? sops_difference_json(&x, &out, e) : sops_difference_text(&x, &out, e)) &&
              sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    if (ok && !x.equal) {
        e->code = SOPS_FOUND;
    }
    return ok && x.equal;
}

static bool run_diff(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_job j = {.world = w, .opt = o};
    struct diff d = {.o = o->own, .j = &j};
    bool ok = check_words(o, e) && sops_step_config(&j, e) && sops_step_order(&j, e) && fetch_both(&d, o, e) &&
              open_both(&d, e) && print_difference(&d, e);
    sops_changes_free(&d.changes);
    sops_version_free(&d.v[0]);
    sops_version_free(&d.v[1]);
    sops_buf_free(&d.head);
    sops_job_free(&j);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "show",
     SOPS_FLAG_TO(struct diff_options, show),
     .flags = SOPS_OPT_OURS,
     .help = "with values (default: when stdout is a terminal)"},
    {.name = "redact", SOPS_FLAG_TO(struct diff_options, redact), .flags = SOPS_OPT_OURS, .help = "without values"},
    {.name = "json",
     SOPS_FLAG_TO(struct diff_options, json),
     .flags = SOPS_OPT_OURS,
     .help = "one object, for scripts; without values unless they are asked for"},
    {.name = "no-key",
     SOPS_FLAG_TO(struct diff_options, no_key),
     .flags = SOPS_OPT_OURS,
     .help = "open nothing: compare ciphertexts (after rotate all have changed)"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"OUTPUT", options};
static const struct sops_opt_table *const tables[] = {&table, &sops_opts_our_input_type, &sops_opts_order,
                                                      &sops_opts_services, NULL};

const struct sops_verb sops_verb_diff = {
    .name = "diff",
    .summary = "show which values, recipients and rules differ between two versions",
    .args = "[A] B",
    .about = "Each is a file, or a version as git names it (HEAD~1:FILE, :2:FILE). With one FILE: the\n"
             "last commit against FILE. Exit status 1: they differ.\n",
    .example = "sops diff main:secrets.yaml secrets.yaml",
    .tables = tables,
    .own_size = sizeof(struct diff_options),
    .ours = true,
    .yields = true,
    .finds = true,
    .run = run_diff,
};
