/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: a dry decrypt that goes on after failures, and says of each what to do (docs/spec/71-check.md#doctor). */
#include "cli/doctor.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/ui.h"
#include "core/conflict.h"

#include <errno.h>
#include <sys/stat.h>

struct doctor_options {
    bool json, all;
};

/* ---- checks
 * ----------------------------------------------------------------------------------------------------------- */

const char *doctor_copy(struct doctor *d, const char *text, struct sops_err *e)
{
    return sops_arena_text(&d->arena, e, "%s", text);
}

struct doctor_check *doctor_add(struct doctor *d, const char *id, enum doctor_result result, const char *what,
                                struct sops_err *e)
{
    struct doctor_check *c = sops_arena_alloc(&d->arena, sizeof *c, e);
    if (c != NULL) {
        *c = (struct doctor_check){.id = id, .what = what, .result = result, .group = -1, .ms = -1};
        *d->end = c;
        d->end = &c->next;
    }
    return c;
}

bool doctor_fail(struct doctor *d, const char *id, const char *what, const char *error, const char *next_step,
                 int status, struct sops_err *e)
{
    struct doctor_check *c = doctor_add(d, id, DOCTOR_FAIL, what, e);
    if (c != NULL) {
        c->error = error;
        c->next_step = next_step;
        d->status = d->status == 0 ? status : d->status;
    }
    return c != NULL;
}

/* ---- the first steps
 * ---------------------------------------------------------------------------------------------------- */

/* Into d->text; `*there` is false when that fails, which is told. */
static bool read_file(struct doctor *d, bool *there, struct sops_err *e)
{
    struct sops_err why = {0};
    struct stat st;
    bool missing = stat(d->file, &st) != 0 && errno == ENOENT;
    *there = sops_file_read(d->file, SOPS_FILE_MAX, &d->text, &why);
    bool ok = !why.memory || sops_fail_memory(e);
    if (ok && !*there) {
        const char *error = doctor_copy(d, why.msg, e);
        ok = error != NULL && doctor_fail(d, "file", d->file, error,
                                          missing ? "look for the name: ls" : "let the user who runs sops read it",
                                          missing ? SOPS_E_NO_FILE : SOPS_E_READ, e);
    }
    sops_err_clear(&why);
    return ok;
}

static bool tell_format(struct doctor *d, struct sops_err *e)
{
    const char *typed = d->job->opt->shared.input_type;
    const struct sops_config *c = d->judge != NULL && d->judge->there ? &d->judge->config : NULL;
    d->format = sops_format_named(sops_str(typed));
    d->format = d->format != NULL ? d->format : sops_config_format_of(c, sops_str(d->file), sops_buf_view(&d->text));
    const char *what = sops_arena_text(&d->arena, e, "%s: %s, by %s", d->file, d->format->name,
                                       typed != NULL ? "--input-type" : "its name");
    return what != NULL && doctor_add(d, "file", DOCTOR_OK, what, e) != NULL;
}

static bool tell_config(struct doctor *d, struct sops_err *e)
{
    if (d->judge == NULL) {
        return doctor_add(d, "config", DOCTOR_NOT_TRIED, "no configuration was found", e) != NULL;
    }
    if (d->judge->there) {
        return doctor_add(d, "config", DOCTOR_OK, d->judge->shown, e) != NULL;
    }
    const char *error = d->judge->found.count != 0 ? d->judge->found.list[0].message : "it does not load";
    return doctor_fail(d, "config", d->judge->shown, error, "sops config check", SOPS_E_GENERIC, e);
}

/* Is it of another format than its name says? */
static const struct sops_format *other_format(struct doctor *d, struct sops_err *e)
{
    struct sops_look look;
    const struct sops_format *found = NULL;
    if (sops_look(&look, sops_buf_view(&d->text), d->format, false, e)) {
        found = look.kind == SOPS_LOOK_ENCRYPTED && look.other ? look.format : NULL;
        sops_look_free(&look);
    }
    return found;
}

static bool tell_metadata(struct doctor *d, bool *good, struct sops_err *e)
{
    struct sops_err why = {0};
    *good = sops_envelope_parse(d->env, d->format, sops_buf_view(&d->text), &why) &&
            sops_envelope_check_version(d->env, &why);
    bool ok = !why.memory || sops_fail_memory(e);
    const struct sops_meta *m = sops_envelope_meta(d->env);
    if (ok && *good) {
        size_t groups = 0, keys = 0;
        enum sops_rule which = sops_rules_which(&m->rules);
        for (const struct sops_group *g = m->groups; g != NULL; g = g->next, groups++) {
            for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
                keys++;
            }
        }
        const char *what =
            sops_arena_text(&d->arena, e, "version %.*s, %s %.*s, %zu group%s, %zu key%s", SOPS_ARG(m->version),
                            which < SOPS_RULES ? sops_rule_names[which] : "no rule",
                            SOPS_ARG(which < SOPS_RULES ? m->rules.text[which] : (struct sops_slice){0}), groups,
                            groups == 1 ? "" : "s", keys, keys == 1 ? "" : "s");
        ok = what != NULL && doctor_add(d, "metadata", DOCTOR_OK, what, e) != NULL;
    } else if (ok) {
        const struct sops_format *other = other_format(d, e);
        const char *error = e->code == SOPS_OK ? doctor_copy(d, why.msg, e) : NULL;
        const char *next =
            error == NULL ? NULL
            : sops_holds_markers(sops_buf_view(&d->text))
                ? sops_arena_text(&d->arena, e, "sops edit %s, or sops git resolve %s: a merge is not finished",
                                  d->word, d->word)
            : other != NULL ? sops_arena_text(&d->arena, e, "sops decrypt --input-type %s %s", other->name, d->word)
                            : sops_arena_text(&d->arena, e,
                                              "git checkout HEAD -- %s, or sops encrypt -i %s "
                                              "when it is plain",
                                              d->word, d->word);
        ok = next != NULL && doctor_fail(d, "metadata", "the metadata", error, next,
                                         why.code != SOPS_OK ? why.code : SOPS_E_GENERIC, e);
    }
    sops_err_clear(&why);
    return ok;
}

static bool examine(struct doctor *d, struct sops_err *e)
{
    bool there = false, good = false, have = false;
    d->env = sops_envelope_new(&d->quiet, d->file, e);
    bool ok = d->env != NULL && read_file(d, &there, e);
    if (!ok || !there) {
        return ok;
    }
    ok = tell_format(d, e) && tell_config(d, e) && tell_metadata(d, &good, e);
    if (!ok || !good) {
        return ok;
    }
    return doctor_places(d, e) && doctor_keys(d, &have, e) && doctor_values(d, have, e);
}

/* ---- what is printed
 * ------------------------------------------------------------------------------------------------------ */

static bool add_member(struct sops_buf *o, const char *name, const char *text, struct sops_err *e)
{
    return text == NULL || sops_json_add(o, name, sops_str(text), e);
}

static bool print_json(const struct doctor *d, struct sops_err *e)
{
    struct sops_buf o = {0};
    bool ok = sops_buf_adds(&o, "{\"schema\":1", e) && add_member(&o, "file", d->file, e) &&
              sops_json_add_int(&o, "status", d->status, e) && sops_json_begin(&o, "checks", '[', e);
    for (const struct doctor_check *c = d->first; ok && c != NULL; c = c->next) {
        struct sops_slice word = c->result == DOCTOR_OK     ? SOPS_LIT("true")
                                 : c->result == DOCTOR_FAIL ? SOPS_LIT("false")
                                                            : SOPS_LIT("null");
        ok = sops_json_begin(&o, NULL, '{', e) && sops_json_add(&o, "id", sops_str(c->id), e) &&
             sops_json_add_value(&o, "ok", word, e) && sops_json_add(&o, "what", sops_str(c->what), e) &&
             add_member(&o, "where", c->where, e) && (c->group < 0 || sops_json_add_int(&o, "group", c->group, e)) &&
             (c->ms < 0 || sops_json_add_int(&o, "ms", c->ms, e)) && add_member(&o, "error", c->error, e) &&
             add_member(&o, "next", c->next_step, e) && sops_buf_addc(&o, '}', e);
    }
    ok = ok && sops_buf_adds(&o, "]}\n", e) && sops_ui_out(sops_buf_view(&o), e);
    sops_buf_free(&o);
    return ok;
}

static bool print_human(const struct doctor *d, struct sops_err *e)
{
    struct sops_buf o = {0};
    bool ok = true;
    for (const struct doctor_check *c = d->first; ok && c != NULL; c = c->next) {
        const char *word = c->result == DOCTOR_OK ? "ok" : c->result == DOCTOR_FAIL ? "FAIL" : "--";
        ok = sops_buf_addf(&o, e, "%-5s %-9s ", word, c->id) &&
             (c->group < 0 || sops_buf_addf(&o, e, "group %d ", c->group)) && sops_buf_adds(&o, c->what, e) &&
             (c->where == NULL || (sops_buf_adds(&o, "  ", e) && sops_buf_adds(&o, c->where, e))) &&
             (c->ms < 0 || sops_buf_addf(&o, e, "  %lld ms", (long long)c->ms)) && sops_buf_addc(&o, '\n', e) &&
             (c->error == NULL ||
              (sops_buf_adds(&o, "      ", e) && sops_buf_adds(&o, c->error, e) && sops_buf_addc(&o, '\n', e))) &&
             (c->next_step == NULL || (sops_buf_adds(&o, "      next: ", e) && sops_buf_adds(&o, c->next_step, e) &&
                                       sops_buf_addc(&o, '\n', e)));
    }
    ok = ok && sops_ui_plain(sops_buf_view(&o), e);
    sops_buf_free(&o);
    return ok;
}

/* ---- the run
 * -------------------------------------------------------------------------------------------------------------- */

/* The configuration that decrypt would read here; one that cannot be read counts as broken. */
static bool find_config(struct doctor *d, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct sops_judge *j = NULL;
    bool ok = sops_configs_open(&d->configs, e) && sops_buf_add(&path, sops_buf_view(&d->configs.here), e) &&
              sops_buf_adds(&path, "/x", e);
    j = ok ? sops_configs_for(&d->configs, sops_buf_view(&path), e) : NULL;
    d->judge = j != &d->configs.none ? j : NULL;
    sops_buf_free(&path);
    return j != NULL || sops_recode(e, SOPS_E_GENERIC);
}

static bool set_word(struct doctor *d, struct sops_err *e)
{
    struct sops_buf word = {0};
    bool ok = sops_shell_word(&word, sops_str(d->file), e);
    d->word = ok ? sops_arena_text(&d->arena, e, "%.*s", SOPS_ARG(sops_buf_view(&word))) : NULL;
    sops_buf_free(&word);
    return d->word != NULL;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct doctor_options *own = o->own;
    struct sops_job job = {.world = w, .opt = o};
    struct doctor d = {.job = &job, .json = own->json, .all = own->all, .quiet = *w, .own = {.world = w}};
    d.configs.world = w;
    d.configs.named = o->shared.config;
    d.quiet.say = sops_ui_say_no_warning;
    d.end = &d.first;
    d.file = sops_arg(o, 0);
    d.secrets = sops_secrets_new(e);
    bool ok = d.secrets != NULL && sops_step_order(&job, e) && find_config(&d, e);
    ok = ok && (d.file != NULL ? set_word(&d, e) && examine(&d, e) : doctor_environment(&d, e));
    ok = ok && (d.json ? print_json(&d, e) : print_human(&d, e));
    if (ok) {
        e->code = d.status;
    }
    sops_envelope_free(d.env);
    sops_configs_free(&d.configs);
    own_keys_free(&d.own);
    sops_secrets_free(d.secrets);
    sops_buf_free(&d.text);
    sops_arena_free(&d.arena);
    sops_job_free(&job);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "json", SOPS_FLAG_TO(struct doctor_options, json), .help = "all of it as one object of JSON"},
    {.name = "all", SOPS_FLAG_TO(struct doctor_options, all), .help = "try all keys, also of a group that is open"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"RESULT", options};
static const struct sops_opt_table *const tables[] = {&table, &sops_opts_our_input_type, &sops_opts_order,
                                                      &sops_opts_services, NULL};

const struct sops_verb sops_verb_doctor = {
    .name = "doctor",
    .summary = "say why a file cannot be decrypted, and what to do",
    .args = "[FILE]",
    .about = "Decrypts without showing a value, and goes on after each failure: configuration, places\n"
             "of identities, keys, values, MAC. Ends as decrypt would. Without FILE it tells what of\n"
             "the environment would be used.\n",
    .example = "sops doctor secrets.yaml",
    .tables = tables,
    .own_size = sizeof(struct doctor_options),
    .ours = true,
    .yields = true,
    .run = run,
};
