/* SPDX-License-Identifier: Apache-2.0 */
/* An empty path is the whole document, and a path to a mapping a document too; only what is neither goes through the
 * format's writer of single values (docs/spec/50-cli.md#decrypt). */
#include "cli/command.h"
#include "cli/many.h"
#include "cli/steps.h"
#include "core/log.h"
#include "core/route.h"

struct extract {
    struct sops_route route;
    bool any; /* a path was given, and it has steps */
};

static bool own_path(struct sops_job *j, struct sops_err *e)
{
    struct extract *x = j->own;
    const char *text = j->opt->shared.extract;
    if (text == NULL) {
        return true;
    }
    if (!sops_route_parse(&x->route, sops_str(text), SOPS_E_EXTRACT_PATH, e)) {
        return sops_within(e, "error parsing --extract path");
    }
    x->any = x->route.count != 0;
    return true;
}

/* The mapping `from` takes the place of the first document; the others follow whole. */
static bool narrow(struct sops_doc *d, const struct sops_node *from)
{
    struct sops_node *root = d->parts;
    root->child = from->child;
    root->last = from->last;
    for (struct sops_node *n = root->child; n != NULL; n = n->next) {
        n->up = root;
    }
    return true;
}

/* Is the step the place of an entry in `map`, counted as in a list? */
static bool is_entry(const struct sops_node *map, const struct sops_route_step *step)
{
    const struct sops_node *n = map->child;
    for (int64_t i = 0; n != NULL && i < step->index; i++) {
        n = n->next;
    }
    return step->is_index && step->index >= 0 && n != NULL;
}

/* `path="[db 0 user]"` */
static void log_path(struct sops_world *w, const struct sops_route *route)
{
    struct sops_buf path = {0};
    struct sops_err ignored = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < route->count; i++) {
        const struct sops_route_step *step = &route->step[i];
        ok = sops_buf_addc(&path, i == 0 ? '[' : ' ', &ignored) &&
             (step->is_index ? sops_buf_addf(&path, &ignored, "%lld", (long long)step->index)
                             : sops_buf_add(&path, step->key, &ignored));
    }
    if (ok && sops_buf_addc(&path, ']', &ignored)) {
        const struct sops_log_field field[] = {{"path", sops_buf_view(&path)}, {NULL, {0}}};
        sops_log(w, "SOPS", SOPS_LOG_INFO, field, "Truncating tree");
    }
    sops_err_clear(&ignored);
    sops_buf_free(&path);
}

static bool own_extract(struct sops_job *j, struct sops_err *e)
{
    struct extract *x = j->own;
    struct sops_node *found = NULL;
    struct sops_doc *d = sops_envelope_clear(j->env, e);
    if (d == NULL) {
        return false;
    }
    if (!x->any) {
        return sops_step_emit(j, e);
    }
    sops_envelope_lay_out(j->env);
    log_path(j->world, &x->route);
    if (!sops_route_find(&x->route, d->parts, &found, e)) {
        sops_within(e, "error extracting %s from '%s'", j->opt->shared.extract, sops_job_input(j));
        /* a binary file is one text, and what a number leads to is not it (docs/spec/20-formats.md#binary) */
        bool unfit =
            (j->out->flags & SOPS_FMT_WHOLE) != 0 && x->route.count == 1 && is_entry(d->parts, &x->route.step[0]);
        return sops_recode(e, unfit ? SOPS_E_DUMP : SOPS_E_GENERIC);
    }
    if (found->kind == SOPS_MAP) {
        return narrow(d, found) && sops_step_emit(j, e);
    }
    if (found->kind == SOPS_STR) {
        return sops_buf_add(&j->bytes, found->text, e);
    }
    if (!sops_doc_emit_value(d, found, j->out, &j->style, &j->bytes, e)) {
        sops_within(e, "cannot write what is at %s as %s", j->opt->shared.extract, j->out->name);
        return sops_recode(e, SOPS_E_DUMP);
    }
    return true;
}

static bool no_document(struct sops_job *j, struct sops_err *e)
{
    struct extract *x = j->own;
    if (!x->any || sops_envelope_look(j->env)->parts != NULL) {
        return true;
    }
    return sops_fail(e, SOPS_E_GENERIC, "'%s' has no document", sops_job_input(j));
}

bool sops_step_decrypt(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {own_path, sops_step_unlock, no_document, own_extract, NULL};
    struct extract x = {0};
    j->own = &x;
    bool ok = sops_job_steps(j, steps, e);
    j->own = NULL;
    sops_route_free(&x.route);
    return ok;
}

static const struct sops_many_action many = {
    .would = "decrypt",
    .done = "decrypted",
    .needs_key = true,
    .work = sops_step_decrypt,
};

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_file_or_stdin, sops_step_conflict, sops_step_exists, sops_step_config,
        sops_step_order,         sops_step_decrypt,  sops_step_write,  NULL,
    };
    struct sops_job j = {.world = w, .opt = o, .statuses = SOPS_STATUSES_NEED_FILE};
    return sops_many_or_one(&j, &many, steps, e);
}

static const struct sops_option own_list[] = {{.name = "extract",
                                               SOPS_TEXT_TO(struct sops_shared, extract),
                                               .value = "PATH",
                                               .help = "only what is there: [\"database\"][0][\"user\"]"},
                                              {.name = NULL}};
static const struct sops_opt_table own_table = {"RESULT", own_list};
static const struct sops_opt_table *const tables[] = {&sops_opts_style,
                                                      &sops_opts_place,
                                                      &own_table,
                                                      &sops_opts_many,
                                                      &sops_opts_output_dir,
                                                      &sops_opts_types,
                                                      &sops_opts_name,
                                                      &sops_opts_order,
                                                      &sops_opts_mac,
                                                      &sops_opts_services,
                                                      NULL};

const struct sops_verb sops_verb_decrypt = {
    .name = "decrypt",
    .summary = "decrypt a file to stdout",
    .args = "[FILE | -r PATH…]",
    .about = "Without FILE, or with -, stdin is read. Nothing is written before the whole file was found to be\n"
             "unchanged since it was encrypted.\n"
             "With -r, files and folders are taken: each encrypted file, with one unlocking for all.\n",
    .example = "sops decrypt --extract '[\"database\"][\"password\"]' secrets.yaml",
    .tables = tables,
    .many = true,
    .run = run,
};
