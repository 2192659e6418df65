/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set and unset (docs/spec/50-cli.md#set-and-unset).
 *
 * VALUE is read by the reader of JSON documents, as the only member of an object: so its objects keep order, repeated
 * keys and whole numbers like any document. A number alone is another thing: a floating-point value, made from its
 * text.
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/clear.h"
#include "cli/command.h"
#include "cli/steps.h"
#include "core/route.h"

#include <unistd.h>

/* What is to be changed. */
struct change {
    struct sops_route route;
    struct sops_doc value; /* {"value": VALUE} */
    struct sops_buf text;  /* of VALUE */
    bool unset, idempotent;
};

struct set_options {
    bool idempotent, value_file, value_stdin;
};

static void change_free(struct change *c)
{
    sops_route_free(&c->route);
    sops_doc_free(&c->value);
    sops_buf_free(&c->text);
}

static bool take_path(struct change *c, struct sops_slice text, struct sops_err *e)
{
    return sops_route_parse(&c->route, text, SOPS_E_PATH, e) &&
           (c->route.count != 0 || sops_fail(e, SOPS_E_PATH, "the path is empty"));
}

/* ---- VALUE ------------------------------------------------------------------------------------------------------ */

static bool no_value(struct sops_err *e)
{
    if (e->memory) {
        return false;
    }
    sops_err_clear(e);
    (void)sops_fail(e, SOPS_E_PATH, "the value is not JSON");
    return sops_hint(e, "a text needs quotes of its own, as in '\"text\"'");
}

static bool take_value(struct change *c, struct sops_err *e)
{
    struct sops_buf object = {0};
    bool ok = sops_buf_adds(&object, "{\"value\":", e) && sops_buf_add(&object, sops_buf_view(&c->text), e) &&
              sops_buf_addc(&object, '}', e);
    if (ok && !sops_doc_parse(&c->value, sops_format_named(SOPS_LIT("json")), sops_buf_view(&object), e)) {
        ok = no_value(e);
    }
    sops_buf_free(&object);
    if (!ok) {
        return false;
    }
    struct sops_node *node = c->value.parts != NULL ? c->value.parts->child : NULL;
    /* VALUE may not close our object (then something follows it, which the reader refuses) or add a member to it. */
    if (node == NULL || node->next != NULL) {
        return no_value(e);
    }
    return node->kind != SOPS_LIST ||
           sops_fail(e, SOPS_E_PATH, "the value is an array: set its items one by one, or an object around it");
}

/* ---- the document ----------------------------------------------------------------------------------------------- */

/* With --idempotent: is the value there already? */
static bool holds(const struct change *c, struct sops_node *root)
{
    struct sops_err none = {0};
    struct sops_node *found = NULL;
    if (!sops_route_find(&c->route, root, &found, &none)) {
        sops_err_clear(&none);
        return false;
    }
    return sops_node_same(found, c->value.parts->child);
}

static bool set(struct sops_job *j, const struct change *c, struct sops_doc *d, struct sops_err *e)
{
    struct sops_node *root = d->parts;
    if (c->idempotent && holds(c, root)) {
        j->done = true;
        return sops_job_audit(j, "encrypt", e); /* the original compares only what it has encrypted */
    }
    if (c->value.noted != 0) {
        sops_world_warn(j->world, "VALUE has " SOPS_NOT_AS_WRITTEN);
    }
    struct sops_clear clear = {0};
    struct sops_node *value = sops_node_copy(d, c->value.parts->child, e);
    bool ok = value != NULL && sops_clear_before(j, &clear, e) && sops_route_set(&c->route, d, root, value, e) &&
              sops_clear_after(j, &clear, e);
    sops_clear_free(&clear);
    j->seeks_clear = true;
    return ok;
}

static bool unset(struct sops_job *j, const struct change *c, struct sops_doc *d, struct sops_err *e)
{
    bool found = false;
    if (!sops_route_unset(&c->route, d, d->parts, &found, e)) {
        return false;
    }
    if (!found && !c->idempotent) {
        return sops_fail(e, SOPS_E_GENERIC, "there is nothing at '%s' in '%s'", sops_arg(j->opt, 1), j->path);
    }
    j->done = !found;
    return true;
}

static bool own_change(struct sops_job *j, struct sops_err *e)
{
    const struct change *c = j->own;
    struct sops_doc *d = sops_envelope_clear(j->env, e);
    if (d == NULL) {
        return false;
    }
    if (d->parts == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' holds no document", j->path);
    }
    return c->unset ? unset(j, c, d, e) : set(j, c, d, e);
}

/* ---- set and unset ---------------------------------------------------------------------------------------------- */

static bool own_arguments(struct sops_job *j, struct sops_err *e)
{
    struct change *c = j->own;
    const struct set_options *own = j->opt->own;
    c->idempotent = own->idempotent;
    bool from_file = own->value_file, from_stdin = own->value_stdin;
    if (from_file && from_stdin) {
        return sops_fail(e, SOPS_E_GENERIC, "--value-file and --value-stdin cannot be given together");
    }
    if (j->opt->argc != (c->unset || from_stdin ? 2 : 3)) {
        (void)sops_fail(e, SOPS_E_NO_FILE, "wrong number of arguments: FILE %s",
                        c->unset || from_stdin ? "PATH is wanted" : "PATH VALUE are wanted");
        return sops_hint(e, "options may stand anywhere, but take the next word along");
    }
    j->path = j->name = sops_arg(j->opt, 0);
    return sops_job_clean_path(j, e);
}

/* Path and value are read once, also when all begins anew: stdin is at its end then. */
static bool own_path(struct sops_job *j, struct sops_err *e)
{
    struct change *c = j->own;
    return c->route.count != 0 || take_path(c, sops_str(sops_arg(j->opt, 1)), e);
}

static bool own_value(struct sops_job *j, struct sops_err *e)
{
    struct change *c = j->own;
    const struct set_options *own = j->opt->own;
    const char *word = sops_arg(j->opt, 2);
    bool ok;
    if (c->value.parts != NULL) {
        return true;
    }
    if (own->value_file) {
        ok = sops_file_read(word, SOPS_FILE_MAX, &c->text, e) || sops_recode(e, SOPS_E_GENERIC);
    } else if (own->value_stdin) {
        ok = sops_fd_read(STDIN_FILENO, "stdin", SOPS_FILE_MAX, &c->text, e) || sops_recode(e, SOPS_E_GENERIC);
    } else {
        ok = sops_buf_adds(&c->text, word, e);
    }
    return ok && take_value(c, e);
}

static bool run_set(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_arguments, sops_step_config,     own_path,       own_value, sops_step_order, sops_step_unlock,
        own_change,    sops_step_not_sealed, sops_step_lock, NULL,
    };
    struct change c = {0};
    struct sops_job j = {.world = w, .opt = o, .in_place = true, .own = &c};
    bool ok = sops_job_run(&j, steps, e);
    change_free(&c);
    return ok;
}

static bool run_unset(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        own_arguments, sops_step_config, own_path, sops_step_order, sops_step_unlock, own_change, sops_step_lock, NULL,
    };
    struct change c = {.unset = true};
    struct sops_job j = {.world = w, .opt = o, .in_place = true, .own = &c};
    bool ok = sops_job_run(&j, steps, e);
    change_free(&c);
    return ok;
}

bool sops_step_old_set(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_unlock, own_change, sops_step_not_sealed, sops_step_seal, NULL};
    struct change c = {0};
    struct sops_slice text = sops_str(((const struct sops_old_options *)j->opt->own)->set), value = text;
    while (value.len != 0 && !sops_slice_starts(value, SOPS_LIT("] "))) {
        value = sops_slice_skip(value, 1);
    }
    bool ok = value.len != 0 || sops_fail(e, SOPS_E_PATH, "--set wants a path, a blank and a value");
    ok = ok && take_path(&c, sops_slice_first(text, text.len - value.len + 1), e) &&
         sops_buf_add(&c.text, sops_slice_skip(value, 2), e) && take_value(&c, e);
    j->own = &c;
    ok = ok && sops_job_steps(j, steps, e);
    j->own = NULL;
    change_free(&c);
    return ok;
}

static const struct sops_option idempotent[] = {
    {.name = "idempotent",
     SOPS_FLAG_TO(struct set_options, idempotent),
     .help = "do nothing, and succeed, when it is so already"},
    {.name = NULL},
};
static const struct sops_opt_table idempotent_table = {"CHANGE", idempotent};

static const struct sops_option value_from[] = {
    {.name = "value-file",
     SOPS_FLAG_TO(struct set_options, value_file),
     .help = "VALUE is the name of a file that holds the value"},
    {.name = "value-stdin",
     SOPS_FLAG_TO(struct set_options, value_stdin),
     .help = "read the value from stdin; there is no VALUE then"},
    {.name = NULL},
};
static const struct sops_opt_table value_table = {"CHANGE", value_from};

static const struct sops_opt_table *const set_tables[] = {
    &sops_opts_style,  &value_table,     &idempotent_table,    &sops_opts_types,    &sops_opts_mac,
    &sops_opts_strict, &sops_opts_order, &sops_opts_threshold, &sops_opts_services, NULL,
};
static const struct sops_opt_table *const unset_tables[] = {
    &sops_opts_style, &idempotent_table,    &sops_opts_types,    &sops_opts_mac,
    &sops_opts_order, &sops_opts_threshold, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_set = {
    .name = "set",
    .summary = "set one value in an encrypted file",
    .args = "FILE PATH VALUE",
    .about = "Puts VALUE at PATH, making what is missing on the way. PATH looks like\n"
             "'[\"database\"][\"hosts\"][0]'; an index at the end of a list or beyond appends.\n"
             "VALUE is JSON: a text in double quotes, true, false, null, a number (which is\n"
             "kept as floating point) or an object. Other values keep their ciphertext.\n",
    .example = "sops set secrets.yaml '[\"database\"][\"password\"]' '\"hunter2\"'",
    .tables = set_tables,
    .own_size = sizeof(struct set_options),
    .run = run_set,
};

const struct sops_verb sops_verb_unset = {
    .name = "unset",
    .summary = "remove one value from an encrypted file",
    .args = "FILE PATH",
    .about = "Removes what is at PATH: an entry of a mapping or an item of a list. PATH looks\n"
             "like '[\"database\"][\"hosts\"][0]'. Other values keep their ciphertext.\n",
    .example = "sops unset secrets.yaml '[\"database\"][\"password\"]'",
    .tables = unset_tables,
    .own_size = sizeof(struct set_options),
    .run = run_unset,
};
