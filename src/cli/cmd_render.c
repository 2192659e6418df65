/* SPDX-License-Identifier: Apache-2.0 */
/* render: a template with values of encrypted files in it (docs/spec/74-kubernetes-and-exec.md#render). What needs no
 * key is checked first; nothing is written before all of it is there. */
#include "base/ascii.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/ui.h"
#include "core/template.h"

#include <sys/stat.h>

struct render_options {
    const char *const *from;
};
/* --from [NAME=]FILE */
struct source {
    struct sops_slice name; /* empty: without */
    const char *path;
    const struct sops_node *root; /* its first document; NULL: none */
};
struct render {
    struct source *source;
    const char **path; /* of each */
    size_t count;
    struct sops_inputs inputs;
    struct sops_buf text;
    struct sops_template_places places;
    struct sops_buf ends; /* size_t for each expression: where its value ends */
    struct sops_arena arena;
};

/* ---- words ------------------------------------------------------------------------------------------------------- */

static struct source split_source(const char *word)
{
    struct sops_slice text = sops_str(word), name = sops_slice_first(text, sops_slice_find(text, '='));
    bool named = name.len != text.len && name.len != 0 && (sops_is_letter(name.ptr[0]) || name.ptr[0] == '_') &&
                 sops_only_alnum(name, "_-");
    return named ? (struct source){.name = name, .path = word + name.len + 1} : (struct source){.path = word};
}

static struct source *find_source(const struct render *r, struct sops_slice name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (sops_slice_eq(r->source[i].name, name)) {
            return &r->source[i];
        }
    }
    return NULL;
}

static bool own_sources(struct sops_job *j, struct sops_err *e)
{
    const struct render_options *o = j->opt->own;
    struct render *r = j->own;
    size_t n = sops_words(o->from);
    r->source = sops_arena_alloc(&r->arena, (n + 1) * sizeof *r->source, e);
    r->path = sops_arena_alloc(&r->arena, (n + 1) * sizeof *r->path, e);
    if (r->source == NULL || r->path == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct source s = split_source(o->from[i]);
        if (find_source(r, s.name) != NULL) {
            return s.name.len != 0
                       ? sops_fail(e, SOPS_E_CONFLICT, "two files are called '%.*s'", SOPS_ARG(s.name))
                       : sops_fail(e, SOPS_E_CONFLICT, "two files have no name: give one as in --from NAME=%s", s.path);
        }
        r->path[r->count] = s.path;
        r->source[r->count++] = s;
    }
    return true;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return strcmp(a, b) == 0 ||
           (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino && S_ISREG(x.st_mode));
}

static bool own_conflict(struct sops_job *j, struct sops_err *e)
{
    const struct render *r = j->own;
    const char *output = j->opt->shared.output;
    if (j->opt->argc > 1) {
        return sops_fail(e, SOPS_E_GENERIC, "one template is wanted, and %zu are given", j->opt->argc);
    }
    j->path = j->opt->argc == 1 && !sops_job_is_stdin(j, j->opt->args[0]) ? j->opt->args[0] : NULL;
    bool itself = output != NULL && j->path != NULL && same_file(output, j->path);
    for (size_t i = 0; output != NULL && !itself && i < r->count; i++) {
        itself = same_file(output, r->path[i]);
    }
    return !itself || sops_fail(e, SOPS_E_CONFLICT, "--output '%s' is one of the files that are read", output) ||
           sops_hint(e, "write into another file");
}

/* ---- the template ------------------------------------------------------------------------------------------------ */

static struct sops_template begin_template(const struct sops_job *j)
{
    struct render *r = j->own;
    return (struct sops_template){
        .places = &r->places, .name = j->path != NULL ? j->path : "-", .text = sops_buf_view(&r->text)};
}

static bool own_read(struct sops_job *j, struct sops_err *e)
{
    struct render *r = j->own;
    return sops_input_read(j->path, SOPS_TEMPLATE_MAX, &r->text, e) || sops_within(e, "the template");
}

static bool own_syntax(struct sops_job *j, struct sops_err *e)
{
    struct sops_template t = begin_template(j);
    while (sops_template_next(&t, e)) {
    }
    sops_template_free(&t);
    return e->code == SOPS_OK;
}

static bool known_source(const struct sops_template *t, const struct render *r, struct sops_err *e)
{
    if (find_source(r, t->source) != NULL) {
        return true;
    }
    if (t->source.len == 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "'%.*s' is of a file that is not named",
                        SOPS_ARG(sops_slice_first(t->path, 200)));
        sops_hint(e, "name it with --from FILE");
    } else {
        (void)sops_fail(e, SOPS_E_GENERIC, "'%.*s:%.*s' is of a file that is not named", SOPS_ARG(t->source),
                        SOPS_ARG(sops_slice_first(t->path, 200)));
        sops_hint(e, "name it with --from %.*s=FILE", SOPS_ARG(t->source));
    }
    return sops_template_blame(t, e);
}

static bool own_names(struct sops_job *j, struct sops_err *e)
{
    struct sops_template t = begin_template(j);
    while (sops_template_next(&t, e)) {
        if (!t.bare && !known_source(&t, j->own, e)) {
            break;
        }
    }
    sops_template_free(&t);
    return e->code == SOPS_OK;
}

static bool own_open(struct sops_job *j, struct sops_err *e)
{
    struct render *r = j->own;
    if (!sops_inputs_load(&r->inputs, j, r->path, r->count, SOPS_STATUSES_NEED_FILE, e)) {
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct sops_doc *d = sops_envelope_clear(r->inputs.file[i].env, e);
        if (d == NULL) {
            return false;
        }
        r->source[i].root = d->parts;
    }
    return true;
}

static const struct sops_node *root_of(const struct render *r, const struct sops_template *t)
{
    static const struct sops_node none = {.kind = SOPS_MAP};
    const struct source *s = find_source(r, t->source);
    return s != NULL && s->root != NULL ? s->root : &none;
}

static bool own_paths(struct sops_job *j, struct sops_err *e)
{
    const struct sops_node *found;
    struct sops_template t = begin_template(j);
    while (sops_template_next(&t, e)) {
        if (!t.bare && !sops_template_find(&t, root_of(j->own, &t), &found, e)) {
            break;
        }
    }
    sops_template_free(&t);
    return e->code == SOPS_OK;
}

/* All values, one behind the other, in the job's bytes; where each ends is remembered. */
static bool own_values(struct sops_job *j, struct sops_err *e)
{
    struct render *r = j->own;
    struct sops_template t = begin_template(j);
    j->out = sops_format_named(SOPS_LIT("yaml"));
    sops_job_style(j);
    bool ok = true;
    while (ok && sops_template_next(&t, e)) {
        const struct sops_node *found = NULL;
        if (t.bare) {
            continue;
        }
        ok = sops_template_find(&t, root_of(r, &t), &found, e) &&
             sops_template_value(&t, found, &j->style, &j->bytes, e) &&
             sops_buf_add(&r->ends, sops_slice_of(&j->bytes.len, sizeof j->bytes.len), e);
        if (ok && j->bytes.len > SOPS_FILE_MAX) {
            ok = sops_fail(e, SOPS_E_DUMP, "the values are longer than %zu MiB", SOPS_FILE_MAX >> 20);
        }
    }
    sops_template_free(&t);
    return ok && e->code == SOPS_OK;
}

static bool put_piece(struct sops_buf *out, struct sops_slice piece, bool whole, struct sops_err *e)
{
    return whole ? sops_buf_add(out, piece, e) : sops_ui_piece(out, piece, e);
}

/* Texts and values in turn; `whole`: into `out`, else what is left over is in it. */
static bool put_pieces(struct sops_job *j, bool whole, struct sops_buf *out, struct sops_err *e)
{
    const struct render *r = j->own;
    struct sops_template t = begin_template(j);
    size_t from = 0, to, at = 0;
    bool ok = true;
    while (ok && sops_template_next(&t, e)) {
        ok = put_piece(out, t.literal, whole, e);
        if (ok && !t.bare) {
            memcpy(&to, r->ends.ptr + at, sizeof to);
            ok = put_piece(out, sops_slice_of(j->bytes.ptr + from, to - from), whole, e);
            from = to;
            at += sizeof to;
        }
    }
    sops_template_free(&t);
    return ok && e->code == SOPS_OK;
}

static bool own_write(struct sops_job *j, struct sops_err *e)
{
    const char *output = j->opt->shared.output;
    struct sops_buf out = {0};
    bool ok = put_pieces(j, output != NULL, &out, e);
    if (ok) {
        ok = output != NULL ? sops_file_replace(output, sops_buf_view(&out), 0600, NULL, e)
                            : sops_ui_out(sops_buf_view(&out), e);
    }
    sops_buf_free(&out);
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_sources,     own_conflict, own_read,  own_syntax, own_names, sops_step_config,
        sops_step_order, own_open,     own_paths, own_values, own_write, NULL,
    };
    struct render r = {0};
    struct sops_job j = {.world = w, .opt = o, .own = &r};
    bool ok = sops_job_steps(&j, steps, e);
    sops_inputs_free(&r.inputs);
    sops_buf_free(&r.text);
    sops_buf_free(&r.ends);
    sops_buf_free(&r.places.at);
    sops_arena_free(&r.arena);
    sops_job_free(&j);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "from",
     SOPS_MANY_TO(struct render_options, from),
     .value = "[NAME=]FILE",
     .help = "an encrypted file to take values from; may be given again, with NAMEs"},
    {.name = "output",
     SOPS_TEXT_TO(struct sops_shared, output),
     .value = "FILE",
     .help = "write the result into a file (a new one is for its owner only) instead of to stdout"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"TEMPLATE", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_order, &sops_opts_mac, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_render = {
    .name = "render",
    .summary = "fill in a template with values of encrypted files",
    .args = "[TEMPLATE]",
    .about = "Writes TEMPLATE (stdin when it is not given) with each {{ path }} replaced by the value\n"
             "that is there in the file: {{ db.password }}, {{ hosts.0 }}, {{ [\"a key\"].x }}; of a\n"
             "file with a NAME {{ NAME:path }}. Filters follow: | json, | yaml, | shell, | url,\n"
             "| base64, | indent N. {{{{ stands for {{.\n",
    .example = "sops render --from secrets.yaml --output app.conf app.conf.tmpl",
    .tables = tables,
    .own_size = sizeof(struct render_options),
    .ours = true,
    .yields = true,
    .run = run,
};
