/* SPDX-License-Identifier: Apache-2.0 */
/* config explain, config check: which rule is taken and why, and what in a configuration cannot work
 * (docs/spec/71-check.md#config-explain-config-check). No server is asked. */
#include "cli/check.h"
#include "cli/command.h"
#include "cli/ui.h"

#include "base/file.h"
#include "base/json.h"

#include <sys/stat.h>

/* ---- check ----------------------------------------------------------------------------------------------------------
 */

struct config_check_options {
    const char *format;
    bool strict, quiet;
};

/* Which rules are the first match of a file below the configuration's folder? */
static bool find_used(struct sops_world *w, const struct sops_judge *j, bool *used, struct sops_err *e)
{
    struct sops_git git = {.world = w};
    struct sops_selection s = {.git = &git};
    struct sops_err why = {0};
    struct sops_slice folder = sops_buf_view(&j->config.path);
    folder.len -=
        sizeof "/" SOPS_CONFIG_NAME - 1 < folder.len && sops_slice_ends(folder, SOPS_LIT("/" SOPS_CONFIG_NAME))
            ? sizeof "/" SOPS_CONFIG_NAME - 1
            : 0;
    while (folder.len > 1 && !sops_slice_ends(sops_buf_view(&j->config.path), SOPS_LIT("/" SOPS_CONFIG_NAME)) &&
           folder.ptr[folder.len - 1] != '/') {
        folder.len--;
    }
    const char *path = sops_arena_text(&s.arena, e, "%.*s", SOPS_ARG(folder.len != 0 ? folder : SOPS_LIT("/")));
    const char *const paths[] = {path, NULL};
    git.folder = path;
    s.place = path != NULL ? sops_git_look(&git, &why) : SOPS_GIT_NONE;
    bool ok = path != NULL && (!why.memory || sops_fail_memory(e)) && sops_select(&s, paths, e);
    for (size_t i = 0; ok && i < s.count; i++) {
        struct sops_verdict v;
        if (!sops_slice_ends(s.file[i].absolute, SOPS_LIT("/" SOPS_CONFIG_NAME))) {
            sops_judge_file(j, s.file[i].absolute, &v);
            if (v.rule != NULL) {
                used[v.rule->index] = true;
            }
        }
    }
    sops_err_clear(&why);
    sops_selection_free(&s);
    sops_git_close(&git);
    return ok;
}

static bool add_unused(struct sops_world *w, struct sops_judge *j, struct sops_err *e)
{
    bool *used = sops_alloc(j->rules + 1, e), ok = used != NULL && find_used(w, j, used, e);
    for (size_t i = 0; ok && i < j->rules; i++) {
        const struct sops_judge_rule *r = &j->rule[i];
        if (r->fault != NULL) {
            break; /* nothing gets beyond it */
        }
        if (!used[i] && r->shadow == NULL) {
            ok = sops_findings_add(&j->found, SOPS_FIND_UNUSED_RULE, r->line, (struct sops_slice){0}, e,
                                   "no file below is the first match of this creation rule: %s%.*s%s",
                                   r->pattern.len != 0 ? "path_regex \"" : "any path",
                                   SOPS_ARG(sops_slice_first(r->pattern, 300)), r->pattern.len != 0 ? "\"" : "") &&
                 sops_findings_help(&j->found, e, "correct its path_regex, or take it out");
        }
    }
    sops_free(used);
    return ok;
}

static void drop_allowed(struct check_report *r, struct sops_judge *j)
{
    size_t kept = 0;
    struct sops_slice text = sops_config_matched(&j->config, sops_buf_view(&j->config.path));
    for (size_t n = 0; n < j->found.count; n++) {
        if (sops_judge_allows(j, text, &j->found.list[n])) {
            r->allowed++;
        } else {
            j->found.list[kept++] = j->found.list[n];
        }
    }
    sops_findings_cut(&j->found, kept);
}

/* The configuration that is meant: FILE, else the one that is found. */
static struct sops_judge *find_config(struct sops_configs *c, const char *file, struct sops_err *e)
{
    struct sops_buf path = {0};
    c->named = file != NULL ? file : c->named;
    bool ok =
        sops_configs_open(c, e) && sops_buf_add(&path, sops_buf_view(&c->here), e) && sops_buf_adds(&path, "/x", e);
    struct sops_judge *j = ok ? sops_configs_for(c, sops_buf_view(&path), e) : NULL;
    sops_buf_free(&path);
    if (j == &c->none) {
        if (c->unreads != 0) {
            (void)sops_fail(e, SOPS_E_READ, "%s", c->unread[0].why);
        } else {
            (void)sops_fail(e, SOPS_FOUND,
                            "there is no configuration: it would be '%.*s/" SOPS_CONFIG_NAME "', or "
                            "stand in a folder above",
                            SOPS_ARG(sops_buf_view(&c->here)));
        }
        return NULL;
    }
    return j;
}

static bool run_check(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct config_check_options *own = o->own;
    struct sops_configs c = {.world = w, .named = o->shared.config};
    struct check_report r = {.world = w, .quiet = own->quiet, .files = 1};
    if (!check_report_format(own->format, &r.format)) {
        return sops_fail(e, SOPS_E_READ, "'%s' is no format: human, json, sarif or github", own->format);
    }
    r.colour = !own->quiet && sops_ui_colour(w, 1);
    struct sops_judge *j = find_config(&c, sops_arg(o, 0), e);
    r.here = sops_buf_view(&c.here);
    bool ok = j != NULL && (!j->there || add_unused(w, j, e));
    if (ok) {
        struct check_item i = {.name = j->shown, .absolute = sops_buf_view(&j->config.path), .judge = j};
        drop_allowed(&r, j);
        sops_findings_sort(&j->found);
        ok = check_report_item(&r, &i, &j->found, e) && check_report_end(&r, e);
        e->code = ok ? check_report_status(&r, own->strict) : e->code;
    }
    sops_configs_free(&c);
    check_report_free(&r);
    return ok;
}

/* ---- explain --------------------------------------------------------------------------------------------------------
 */

struct explain_options {
    bool json;
};

/* How the configuration was found, and what was said on the way. */
struct explaining {
    struct sops_world *world, listening;
    struct sops_configs configs;
    struct sops_judge *judge;       /* NULL: there is none */
    const struct sops_group *given; /* the keys of variables, which encrypt takes instead of the rule's; NULL: none */
    const char *given_fault;        /* … why they cannot be read */
    const char *found_by;
    int up; /* folders up; -1: not searched */
    const char **warning;
    size_t warnings, room;
    struct sops_arena arena;
    struct sops_err *e;
};

static bool add_warning(struct explaining *x, const char *text, struct sops_err *e)
{
    struct sops_slice copy;
    if (x->warnings == x->room) {
        size_t room = x->room != 0 ? 2 * x->room : 8;
        const char **grown = sops_arena_alloc(&x->arena, room * sizeof *grown, e);
        if (grown == NULL) {
            return false;
        }
        if (x->warnings != 0) {
            memcpy(grown, x->warning, x->warnings * sizeof *grown);
        }
        x->warning = grown;
        x->room = room;
    }
    if (!sops_arena_copy(&x->arena, sops_str(text), &copy, e)) {
        return false;
    }
    x->warning[x->warnings++] = (const char *)copy.ptr;
    return true;
}

static void hear(struct sops_world *w, enum sops_say level, const char *text)
{
    struct explaining *x = w->ctx;
    if (level == SOPS_SAY_WARN && x->e->code == SOPS_OK) {
        (void)!add_warning(x, text, x->e);
    }
}

/* Was --config typed, before the command or behind it? */
static bool is_typed(const struct sops_options *o)
{
    for (; o != NULL; o = o->global) {
        for (size_t i = 0; i < o->slots; i++) {
            if (o->slot[i].given && strcmp(o->slot[i].def.name, "config") == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool find(struct explaining *x, const struct sops_options *o, struct sops_err *e)
{
    struct sops_buf near = {0};
    const char *named = o->shared.config;
    x->up = -1;
    x->found_by = named != NULL ? (is_typed(o) ? "flag" : "SOPS_CONFIG") : "none";
    bool ok = named != NULL || sops_config_search(&x->listening, &near, e);
    if (ok && named == NULL && near.len != 0) {
        named = sops_buf_cstr(&near, e);
        x->found_by = "search";
        for (x->up = 0; named != NULL && strncmp(named + 3 * x->up, "../", 3) == 0; x->up++) {
        }
        ok = named != NULL;
    }
    x->configs.named = named;
    ok = ok && sops_configs_open(&x->configs, e);
    x->judge = ok ? x->configs.only : NULL;
    sops_buf_free(&near);
    return ok || sops_recode(e, SOPS_E_GENERIC);
}

/* The rule whose lines hold `line`. */
static bool is_within(const struct sops_judge *j, const struct sops_judge_rule *r, unsigned line)
{
    bool last = r->index + 1 >= j->rules;
    return line >= r->line && (last || line < j->rule[r->index + 1].line);
}

/* A nearer configuration, which `encrypt` would take from the file's folder. */
static bool warn_of_nearer(struct explaining *x, struct sops_slice absolute, struct sops_err *e)
{
    struct sops_slice here = sops_buf_view(&x->configs.here), folder = absolute;
    struct sops_buf path = {0}, text = {0};
    bool ok = true, told = false;
    for (;;) {
        while (folder.len > 0 && folder.ptr[folder.len - 1] != '/') {
            folder.len--;
        }
        folder.len -= folder.len > 0;
        if (told || !ok || folder.len <= here.len || !sops_slice_starts(folder, here)) {
            break;
        }
        struct stat st;
        sops_buf_cut(&path, 0);
        sops_buf_cut(&text, 0);
        ok = sops_buf_add(&path, folder, e) && sops_buf_adds(&path, "/" SOPS_CONFIG_NAME, e) &&
             sops_buf_cstr(&path, e) != NULL;
        if (ok && stat((const char *)path.ptr, &st) == 0) {
            told = true;
            ok = sops_name_from(here, sops_buf_view(&path), false, &text, e) &&
                 sops_buf_adds(&text, " is nearer to the file: encrypt takes it when it is run there", e) &&
                 sops_buf_cstr(&text, e) != NULL && add_warning(x, (const char *)text.ptr, e);
        }
    }
    sops_buf_free(&path);
    sops_buf_free(&text);
    return ok;
}

static bool add_warnings(struct explaining *x, const struct sops_verdict *v, struct sops_slice absolute,
                         struct sops_err *e)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const char *name = sops_keysources[i]->env;
        if (name != NULL && sops_world_env_set(x->world, name) != NULL) {
            const char *text =
                sops_arena_text(&x->arena, e, "%s is set: encrypt takes its keys instead of the rule's", name);
            if (text == NULL || !add_warning(x, text, e)) {
                return false;
            }
        }
    }
    const struct sops_judge *j = x->judge;
    for (size_t i = 0; j != NULL && v->rule != NULL && i < j->found.count; i++) {
        const struct sops_finding *f = &j->found.list[i];
        if (f->id != SOPS_FIND_CONFIG && is_within(j, v->rule, f->line) && !add_warning(x, f->message, e)) {
            return false;
        }
    }
    return warn_of_nearer(x, absolute, e);
}

/* The keys that variables give. */
static bool read_given(struct explaining *x, struct sops_err *e)
{
    const struct sops_keysource *source[SOPS_MAX_SOURCES];
    struct sops_world offline = *x->world;
    struct sops_err why = {0};
    struct sops_group *g = sops_arena_alloc(&x->arena, sizeof *g, e);
    bool ok = g != NULL;
    offline.offline = true;
    sops_keysources_by(SOPS_BY_FLAGS, source);
    for (size_t i = 0; ok && source[i] != NULL; i++) {
        const char *text = source[i]->env != NULL ? sops_world_env_set(x->world, source[i]->env) : NULL;
        if (text != NULL) {
            x->given = g;
            ok = sops_keys_parse(&offline, &x->arena, source[i], sops_str(text), &g->keys, &why);
        }
        if (!ok) {
            x->given_fault = sops_arena_text(&x->arena, e, "%s: %s", source[i]->env, why.msg);
        }
    }
    ok = e->code == SOPS_OK && (!why.memory || sops_fail_memory(e));
    sops_err_clear(&why);
    return ok;
}

/* Of a file that no rule is for. */
static const char *failure_without_rule(struct explaining *x, const char *path, struct sops_err *e)
{
    const struct sops_judge *j = x->judge;
    for (size_t i = 0; j != NULL && i < j->rules; i++) {
        if (j->rule[i].fault != NULL) {
            return j->rule[i].fault;
        }
    }
    if (x->given != NULL) {
        return x->given_fault;
    }
    return j == NULL      ? "no configuration was found, so keys must be given as options"
           : j->has_rules ? sops_arena_text(&x->arena, e, "no matching creation rules found for '%s'", path)
                          : "the configuration has no creation rules, so keys must be given as options";
}

static const char *failure_of_keys(const struct explaining *x, const struct sops_judge_rule *r)
{
    size_t groups = 0;
    bool empty = false;
    if (r->keys_fault != NULL || x->given != NULL) {
        return r->keys_fault != NULL ? r->keys_fault : x->given_fault;
    }
    for (const struct sops_group *g = r->made.groups; g != NULL; g = g->next) {
        groups++;
        empty = empty || g->keys == NULL;
    }
    if (groups == 0 || empty) {
        return groups > 1 ? "a group of the creation rule has no key" : "the creation rule has no key";
    }
    int64_t t = r->made.threshold;
    bool fits = t >= 0 && (groups == 1 || (t != 1 && (uint64_t)t <= groups));
    return fits ? NULL : "'shamir_threshold' of the creation rule does not fit its groups";
}

/* Why `encrypt` would fail; NULL: it would not. */
static const char *failure_of(struct explaining *x, const char *path, const struct sops_verdict *v,
                              const struct sops_format *f, struct sops_err *e)
{
    const struct sops_judge *j = x->judge;
    const struct sops_judge_rule *r = v->rule;
    if (j != NULL && !j->there) {
        return j->found.count != 0 ? j->found.list[0].message : "the configuration does not load";
    }
    if (r == NULL) {
        return failure_without_rule(x, path, e);
    }
    const char *fault = failure_of_keys(x, r);
    if (fault != NULL) {
        return fault;
    }
    struct sops_rules rules;
    struct sops_err why = {0};
    sops_judge_crypt(r, &rules);
    bool good = (f->flags & SOPS_FMT_WHOLE) != 0 || sops_rules_compile(&rules, &why);
    const char *text = good ? NULL : sops_arena_text(&x->arena, e, "%s", why.msg);
    sops_rules_free(&rules);
    sops_err_clear(&why);
    return text;
}

static const char *result_of(const struct sops_judge *j, const struct sops_verdict *v, size_t i)
{
    size_t end = j->rules;
    for (size_t k = 0; k < j->rules; k++) {
        if (j->rule[k].fault != NULL || &j->rule[k] == v->rule) {
            end = k;
            break;
        }
    }
    return i > end ? "not looked at" : i < end ? "no match" : j->rule[i].fault != NULL ? "error" : "match";
}

/* Blanks a level, -1 for a tab; false where there are none. */
static bool indent_of(const struct sops_judge *j, const struct sops_format *f, int64_t *indent)
{
    struct sops_style style = j != NULL ? sops_config_style(&j->config, f) : (struct sops_style){0};
    bool tab = strcmp(sops_format_sealed(f)->name, "json") == 0;
    *indent = style.indent_set ? style.indent : tab ? -1 : 4;
    return f->meta == SOPS_META_NESTED;
}

static bool add_text(struct sops_buf *o, const char *name, struct sops_slice text, bool there, struct sops_err *e)
{
    return there ? sops_json_add(o, name, text, e) : sops_json_add_value(o, name, SOPS_LIT("null"), e);
}

static bool add_bool(struct sops_buf *o, const char *name, bool value, struct sops_err *e)
{
    return sops_json_add_value(o, name, value ? SOPS_LIT("true") : SOPS_LIT("false"), e);
}

static struct sops_names *names_of(struct explaining *x, struct sops_err *e)
{
    return sops_configs_names(&x->configs, x->judge != NULL ? x->judge : &x->configs.none, e);
}

/* What a file gets that no rule is for: the usual. */
static const struct sops_judge_rule *rule_of(const struct sops_verdict *v)
{
    static const struct sops_judge_rule usual;
    return v->rule != NULL ? v->rule : &usual;
}

static const struct sops_group *groups_of(const struct explaining *x, const struct sops_verdict *v)
{
    return x->given != NULL ? x->given : rule_of(v)->made.groups;
}

static bool add_groups(struct explaining *x, const struct sops_group *g, struct sops_buf *o, struct sops_err *e)
{
    struct sops_names *names = names_of(x, e);
    struct sops_buf id = {0};
    bool ok = names != NULL && sops_json_begin(o, "groups", '[', e);
    for (; ok && g != NULL; g = g->next) {
        ok = sops_json_begin(o, NULL, '{', e) && sops_json_begin(o, "keys", '[', e);
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            const char *name = sops_names_get(names, k, &names->arena, e);
            sops_buf_cut(&id, 0);
            ok = e->code == SOPS_OK && sops_key_show(k, &id, e) && sops_json_begin(o, NULL, '{', e) &&
                 sops_json_add(o, "type", sops_str(k->source->id), e) &&
                 sops_json_add(o, "id", sops_buf_view(&id), e) &&
                 add_text(o, "name", sops_str(name), name != NULL, e) && sops_buf_addc(o, '}', e);
        }
        ok = ok && sops_buf_adds(o, "]}", e);
    }
    sops_buf_free(&id);
    return ok && sops_buf_addc(o, ']', e);
}

static bool add_outcome(struct explaining *x, const struct sops_verdict *v, const struct sops_format *f,
                        struct sops_buf *o, struct sops_err *e)
{
    struct sops_rules rules;
    int64_t indent;
    bool indents = indent_of(x->judge, f, &indent), whole = (f->flags & SOPS_FMT_WHOLE) != 0;
    sops_judge_crypt(rule_of(v), &rules);
    enum sops_rule which = sops_rules_which(&rules);
    bool ok =
        sops_json_begin(o, "outcome", '{', e) &&
        (v->rule != NULL ? sops_json_add_int(o, "rule", (int64_t)v->rule->index + 1, e)
                         : sops_json_add_value(o, "rule", SOPS_LIT("null"), e)) &&
        sops_json_add(o, "format", sops_str(f->name), e) &&
        (indents ? sops_json_add_int(o, "indent", indent, e) : sops_json_add_value(o, "indent", SOPS_LIT("null"), e)) &&
        add_groups(x, groups_of(x, v), o, e) && sops_json_add_int(o, "threshold", rule_of(v)->made.threshold, e);
    if (ok && whole) {
        ok = sops_json_add_value(o, "crypt_rule", SOPS_LIT("null"), e);
    } else if (ok) {
        ok = sops_json_begin(o, "crypt_rule", '{', e) &&
             sops_json_add(o, "name", sops_str(sops_rule_names[which]), e) &&
             sops_json_add(o, "value", rules.text[which], e) && sops_buf_addc(o, '}', e);
    }
    return ok && add_bool(o, "mac_only_encrypted", rules.mac_only_encrypted, e) &&
           add_bool(o, "required", v->wanted, e) && sops_buf_addc(o, '}', e);
}

static bool add_rules(const struct explaining *x, const struct sops_verdict *v, struct sops_buf *o, struct sops_err *e)
{
    const struct sops_judge *j = x->judge;
    bool ok = sops_json_begin(o, "rules", '[', e);
    for (size_t i = 0; ok && j != NULL && i < j->rules; i++) {
        const struct sops_judge_rule *r = &j->rule[i];
        ok = sops_json_begin(o, NULL, '{', e) && sops_json_add_int(o, "rule", (int64_t)i + 1, e) &&
             sops_json_add_int(o, "line", r->line, e) &&
             add_text(o, "path_regex", r->pattern, r->pattern.len != 0, e) &&
             sops_json_add(o, "result", sops_str(result_of(j, v, i)), e) && sops_buf_addc(o, '}', e);
    }
    return ok && sops_buf_addc(o, ']', e);
}

static bool print_json(struct explaining *x, const char *path, const struct sops_verdict *v,
                       const struct sops_format *f, const char *error, struct sops_err *e)
{
    struct sops_buf o = {0};
    const struct sops_judge *j = x->judge;
    struct sops_slice config = j != NULL ? sops_buf_view(&j->config.path) : (struct sops_slice){0};
    bool ok = sops_buf_adds(&o, "{\"schema\":1", e) && sops_json_add(&o, "file", sops_str(path), e) &&
              add_text(&o, "config", config, j != NULL, e) && sops_json_add(&o, "found_by", sops_str(x->found_by), e) &&
              (x->up >= 0 ? sops_json_add_int(&o, "folders_up", x->up, e)
                          : sops_json_add_value(&o, "folders_up", SOPS_LIT("null"), e)) &&
              add_text(&o, "matched_text", v->text, j != NULL, e) && add_rules(x, v, &o, e);
    ok = ok &&
         (error == NULL ? add_outcome(x, v, f, &o, e) : sops_json_add_value(&o, "outcome", SOPS_LIT("null"), e)) &&
         add_text(&o, "error", sops_str(error), error != NULL, e) && sops_json_begin(&o, "warnings", '[', e);
    for (size_t i = 0; ok && i < x->warnings; i++) {
        ok = sops_json_add(&o, NULL, sops_str(x->warning[i]), e);
    }
    ok = ok && sops_buf_adds(&o, "]}\n", e) && sops_ui_out(sops_buf_view(&o), e);
    sops_buf_free(&o);
    return ok;
}

static bool add_human_outcome(struct explaining *x, const struct sops_verdict *v, const struct sops_format *f,
                              struct sops_buf *o, struct sops_err *e)
{
    struct sops_rules rules;
    struct sops_names *names = names_of(x, e);
    sops_judge_crypt(rule_of(v), &rules);
    enum sops_rule which = sops_rules_which(&rules);
    bool whole = (f->flags & SOPS_FMT_WHOLE) != 0, ok = names != NULL;
    ok = ok &&
         (v->rule != NULL ? sops_buf_addf(o, e, "  takes rule %zu: ", v->rule->index + 1)
                          : sops_buf_adds(o, "  takes no rule: ", e)) &&
         sops_buf_addf(o, e, "%s, %s%s%.*s%s%s\n", f->name, whole ? "the whole file" : sops_rule_names[which],
                       whole ? "" : " ", SOPS_ARG(whole ? (struct sops_slice){0} : rules.text[which]),
                       rules.mac_only_encrypted ? ", mac_only_encrypted" : "", v->wanted ? ", must be encrypted" : "");
    size_t number = 0;
    for (const struct sops_group *g = groups_of(x, v); ok && g != NULL; g = g->next) {
        ok = groups_of(x, v)->next == NULL || sops_buf_addf(o, e, "    group %zu\n", ++number);
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            const char *name = sops_names_get(names, k, &names->arena, e);
            ok = e->code == SOPS_OK && sops_buf_addf(o, e, "    %s  ", k->source->id) && sops_key_show(k, o, e) &&
                 (name == NULL || sops_buf_addf(o, e, "  %s", name)) && sops_buf_addc(o, '\n', e);
        }
    }
    return ok;
}

static bool print_human(struct explaining *x, const char *path, const struct sops_verdict *v,
                        const struct sops_format *f, const char *error, struct sops_err *e)
{
    struct sops_buf o = {0};
    const struct sops_judge *j = x->judge;
    bool ok = sops_buf_addf(&o, e, "%s\n", path);
    if (ok && j != NULL) {
        ok = sops_buf_addf(&o, e, "  configuration %.*s (%s)\n  matched on \"%.*s\"\n",
                           SOPS_ARG(sops_buf_view(&j->config.path)), x->found_by, SOPS_ARG(v->text));
    }
    for (size_t i = 0; ok && j != NULL && i < j->rules; i++) {
        const struct sops_judge_rule *r = &j->rule[i];
        ok =
            sops_buf_addf(&o, e, "  rule %zu, line %u  %s%.*s%s  %s\n", i + 1, r->line, r->pattern.len != 0 ? "\"" : "",
                          SOPS_ARG(r->pattern.len != 0 ? r->pattern : SOPS_LIT("any path")),
                          r->pattern.len != 0 ? "\"" : "", result_of(j, v, i));
    }
    ok = ok &&
         (error != NULL ? sops_buf_addf(&o, e, "  encrypt fails: %s\n", error) : add_human_outcome(x, v, f, &o, e));
    for (size_t i = 0; ok && i < x->warnings; i++) {
        ok = sops_buf_addf(&o, e, "  warning: %s\n", x->warning[i]);
    }
    ok = ok && sops_ui_plain(sops_buf_view(&o), e);
    sops_buf_free(&o);
    return ok;
}

static bool explain_path(struct explaining *x, const char *path, bool json, bool *failed, struct sops_err *e)
{
    struct sops_buf absolute = {0};
    struct sops_verdict v = {{0}, NULL, false, false, false, false, false};
    size_t before = x->warnings;
    bool ok = sops_path_absolute(path, &absolute, e);
    if (ok && x->judge != NULL) {
        sops_judge_file(x->judge, sops_buf_view(&absolute), &v);
    }
    const struct sops_format *f =
        sops_config_format(x->judge != NULL && x->judge->there ? &x->judge->config : NULL, sops_str(path));
    const char *error = ok ? failure_of(x, path, &v, f, e) : NULL;
    ok = ok && e->code == SOPS_OK && add_warnings(x, &v, sops_buf_view(&absolute), e);
    *failed = *failed || error != NULL;
    ok = ok && (json ? print_json(x, path, &v, f, error, e) : print_human(x, path, &v, f, error, e));
    x->warnings = before;
    sops_buf_free(&absolute);
    return ok;
}

static bool run_explain(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct explain_options *own = o->own;
    struct explaining x = {.world = w, .listening = *w, .configs = {.world = w}, .e = e};
    bool failed = false;
    if (o->argc == 0) {
        (void)sops_fail(e, SOPS_E_NO_FILE, "no file specified");
        return sops_hint(e, "sops help config explain");
    }
    x.listening.say = hear;
    x.listening.ctx = &x;
    bool ok = find(&x, o, e) && read_given(&x, e);
    for (size_t i = 0; ok && i < o->argc; i++) {
        ok = explain_path(&x, o->args[i], own->json, &failed, e);
    }
    if (ok && failed) {
        e->code = SOPS_E_GENERIC;
    }
    sops_configs_free(&x.configs);
    sops_arena_free(&x.arena);
    return ok;
}

/* ---- tables
 * ---------------------------------------------------------------------------------------------------------- */

#define CHECK struct config_check_options
static const struct sops_option check_options_list[] = {
    {.name = "format",
     SOPS_TEXT_TO(CHECK, format),
     .value = "FORMAT",
     .help = "human, json (lines), sarif (2.1.0) or github (workflow commands)"},
    {.name = "strict", SOPS_FLAG_TO(CHECK, strict), .help = "warnings count as errors for the exit status"},
    {.name = "quiet", SOPS_FLAG_TO(CHECK, quiet), .short_name = "q", .help = "nothing on stdout"},
    {.name = NULL},
};
static const struct sops_opt_table check_table = {"CHECKS", check_options_list};
static const struct sops_opt_table *const check_tables[] = {&check_table, NULL};

static const struct sops_verb check = {
    .name = "check",
    .summary = "say what in a configuration cannot work",
    .args = "[FILE]",
    .about = "Without FILE the configuration that encrypt would find here. Exit status: 0 nothing,\n"
             "1 errors were found, 2 it cannot be read.\n",
    .example = "sops config check",
    .tables = check_tables,
    .own_size = sizeof(struct config_check_options),
    .ours = true,
    .finds = true,
    .run = run_check,
};

static const struct sops_option explain_options_list[] = {
    {.name = "json", SOPS_FLAG_TO(struct explain_options, json), .help = "an object of JSON for each PATH"},
    {.name = NULL},
};
static const struct sops_opt_table explain_table = {"RESULT", explain_options_list};
static const struct sops_opt_table *const explain_tables[] = {&explain_table, NULL};

static const struct sops_verb explain = {
    .name = "explain",
    .summary = "say which creation rule encrypt would take for a file, and why",
    .args = "PATH…",
    .about = "Files need not exist. No server is asked, and no key is used.\n",
    .example = "sops config explain secrets/db.yaml",
    .tables = explain_tables,
    .own_size = sizeof(struct explain_options),
    .ours = true,
    .run = run_explain,
};

static const struct sops_verb *const verbs[] = {&explain, &check, NULL};

const struct sops_verb sops_verb_config = {
    .name = "config",
    .summary = "explain and check .sops.yaml",
    .args = "",
    .about = "Which rule is taken for a file, and what in the configuration cannot work.\n",
    .example = "sops config explain secrets/a.yaml",
    .verbs = verbs,
    .ours = true,
    .yields = true,
};
