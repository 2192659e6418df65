/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that depends on the configuration alone is done once: the regexes of 10,000 files are those of one. */
#include "check/judge.h"

#include "check/lint.h"
#include "core/regex.h"

/* Endings that most files have: who names only such a one asks for nothing (docs/spec/71-check.md#required). */
static const char *const endings[] = {".yaml", ".yml", ".json", ".ini", ".toml",      ".txt",
                                      ".md",   ".xml", ".conf", ".cfg", ".properties"};
#define ENDINGS (sizeof endings / sizeof endings[0])

/* ---- rules ---------------------------------------------------------------------------------------------------------
 */

/* The index of the file's ending; ENDINGS for another one or none. */
static size_t ending_of(struct sops_slice path)
{
    size_t i = 0;
    while (i < ENDINGS && !sops_slice_ends(path, sops_str(endings[i]))) {
        i++;
    }
    return i;
}

/* Does it match one of q, q/q, q/q/q with this ending? */
static bool is_broad(const struct sops_regex *regex, const char *ending, bool all)
{
    static const char *const names[] = {"q", "q/q", "q/q/q"};
    size_t hits = 0;
    for (size_t i = 0; i < 3; i++) {
        char text[32];
        size_t n = strlen(names[i]), m = strlen(ending);
        memcpy(text, names[i], n);
        memcpy(text + n, ending, m);
        hits += sops_regex_match(regex, sops_slice_of(text, n + m));
    }
    return all ? hits == 3 : hits != 0;
}

static bool copy_fault(struct sops_judge *j, const struct sops_err *why, const char **text, struct sops_err *e)
{
    struct sops_slice copy;
    bool ok = sops_arena_copy(&j->arena, sops_str(why->msg), &copy, e);
    *text = ok ? (const char *)copy.ptr : NULL;
    return ok;
}

static bool compile_path(struct sops_judge *j, struct sops_judge_rule *r, struct sops_err *e)
{
    struct sops_err why = {0};
    bool ok = sops_conf_text(r->node, "path_regex", &r->pattern, e);
    if (!ok || r->pattern.len == 0) {
        r->matches_all = true;
        r->broad = ~0U;
        return ok;
    }
    r->regex = sops_regex_new(r->pattern, &why);
    if (r->regex == NULL) {
        ok = !why.memory ? copy_fault(j, &why, &r->fault, e) : sops_fail_memory(e);
        sops_err_clear(&why);
        return ok;
    }
    for (size_t i = 0; i <= ENDINGS; i++) {
        r->broad |= is_broad(r->regex, i < ENDINGS ? endings[i] : "", false) ? 1U << i : 0;
    }
    r->matches_all = is_broad(r->regex, "", true) && is_broad(r->regex, ".yaml", true);
    return true;
}

static bool read_rule(struct sops_judge *j, struct sops_world *w, struct sops_judge_rule *r, struct sops_err *e)
{
    struct sops_err why = {0};
    const struct sops_node *n;
    bool ok = compile_path(j, r, e) && sops_conf_any(r->node, "required", &n, e);
    if (ok && n != NULL && sops_conf_bool(r->node, "required", &r->required, &why)) {
        r->says = true;
    }
    if (ok && why.code == SOPS_OK && !sops_config_read_rule(r->node, w, &j->arena, true, &r->made, &why)) {
        r->made.groups = NULL;
    }
    if (ok && why.code != SOPS_OK) {
        r->keys_line = why.line != 0 ? why.line : r->line;
        ok = !why.memory ? copy_fault(j, &why, &r->keys_fault, e) : sops_fail_memory(e);
    }
    sops_err_clear(&why);
    return ok;
}

static bool read_rules(struct sops_judge *j, struct sops_world *w, struct sops_err *e)
{
    const struct sops_node *list = sops_config_creation_rules(&j->config);
    size_t count = 0;
    j->has_rules = list != NULL;
    for (const struct sops_node *n = NULL; list != NULL && (n = sops_config_item(list, n)) != NULL;) {
        count++;
    }
    j->rule = count != 0 ? sops_arena_alloc(&j->arena, count * sizeof *j->rule, e) : NULL;
    if (count != 0 && j->rule == NULL) {
        return false;
    }
    for (const struct sops_node *n = NULL; count != 0 && (n = sops_config_item(list, n)) != NULL;) {
        struct sops_judge_rule *r = &j->rule[j->rules];
        *r = (struct sops_judge_rule){.node = n, .line = n->line, .index = j->rules++};
        if (!read_rule(j, w, r, e)) {
            return false;
        }
    }
    return true;
}

/* Which rules can never be reached? The first reason counts: one that matches everything before the same regex. */
static bool find_shadows(struct sops_judge *j, struct sops_err *e)
{
    struct sops_table seen = {0};
    const struct sops_judge_rule *all = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < j->rules; i++) {
        struct sops_judge_rule *r = &j->rule[i];
        void **first = sops_table_put(&seen, r->pattern, NULL, e);
        ok = first != NULL;
        if (ok) {
            r->shadow = *first != NULL ? *first : all;
            r->shadow = all != NULL && (r->shadow == NULL || all->index < r->shadow->index) ? all : r->shadow;
            *first = *first != NULL ? *first : r;
            all = all == NULL && r->matches_all && r->fault == NULL ? r : all;
        }
    }
    sops_table_free(&seen);
    return ok;
}

bool sops_judge_make(struct sops_judge *j, struct sops_world *w, const char *path, const char *shown,
                     struct sops_slice text, struct sops_err *e)
{
    struct sops_world quiet = *w;
    struct sops_err why = {0};
    quiet.offline = true;
    quiet.verbose = false;
    j->shown = shown;
    j->entropy = SOPS_ENTROPY;
    if (!sops_buf_adds(&j->config.path, path, e) || !sops_buf_adds(&j->config.file, shown, e) ||
        !sops_buf_add(&j->source, text, e)) {
        return false;
    }
    j->there = sops_config_parse(&j->config, text, &why);
    j->broken = !j->there;
    bool ok = !why.memory || sops_fail_memory(e);
    if (ok && j->there) {
        ok = read_rules(j, &quiet, e) && find_shadows(j, e) && sops_lint_section(j, e) && sops_lint_rules(j, e);
    } else if (ok) {
        ok = sops_lint_broken(j, &why, e);
        sops_doc_free(&j->config.doc); /* what was read of it counts for nothing */
    }
    sops_findings_sort(&j->found);
    sops_err_clear(&why);
    return ok;
}

void sops_judge_free(struct sops_judge *j)
{
    for (size_t i = 0; i < j->rules; i++) {
        sops_regex_free(j->rule[i].regex);
    }
    for (size_t i = 0; i < j->requires; i++) {
        sops_regex_free(j->require[i]);
    }
    for (size_t i = 0; i < j->ignores; i++) {
        sops_regex_free(j->ignore[i]);
    }
    for (size_t i = 0; i < j->allows; i++) {
        sops_regex_free(j->allow[i].path);
        sops_regex_free(j->allow[i].key);
    }
    sops_config_free(&j->config);
    sops_buf_free(&j->source);
    sops_findings_free(&j->found);
    sops_arena_free(&j->arena);
    *j = (struct sops_judge){0};
}

/* ---- one file ------------------------------------------------------------------------------------------------------
 */

static bool any_matches(struct sops_regex *const *list, size_t count, struct sops_slice text)
{
    size_t i = 0;
    while (i < count && !sops_regex_match(list[i], text)) {
        i++;
    }
    return i < count;
}

/* The first rule that matches. One whose regex does not compile ends the search, as it does for `encrypt`. */
static void find_rule(const struct sops_judge *j, struct sops_verdict *v)
{
    for (size_t i = 0; i < j->rules; i++) {
        const struct sops_judge_rule *r = &j->rule[i];
        if (r->fault != NULL) {
            return;
        }
        if (r->regex == NULL || sops_regex_match(r->regex, v->text)) {
            v->rule = r;
            return;
        }
    }
    v->unmatched = j->has_rules;
}

void sops_judge_file(const struct sops_judge *j, struct sops_slice absolute, struct sops_verdict *v)
{
    *v = (struct sops_verdict){.text = absolute};
    if (!j->there) {
        return;
    }
    v->text = sops_config_matched(&j->config, absolute);
    find_rule(j, v);
    v->ignored = any_matches(j->ignore, j->ignores, v->text);
    bool asked = any_matches(j->require, j->requires, v->text);
    const struct sops_judge_rule *r = v->rule;
    if (r != NULL) {
        bool specific = r->pattern.len != 0 && (r->broad & (1U << ending_of(absolute))) == 0;
        v->by_rule = r->says ? r->required : specific;
    }
    v->wanted = asked || v->by_rule;
    v->config_maps = asked || (v->by_rule && r->says);
}

void sops_judge_crypt(const struct sops_judge_rule *r, struct sops_rules *rules)
{
    *rules = (struct sops_rules){.mac_only_encrypted = r->made.mac_only_encrypted};
    for (int i = 0; i < SOPS_RULES; i++) {
        rules->text[i] = r->made.rule[i];
    }
    if (sops_rules_which(rules) == SOPS_RULES) {
        rules->text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    }
}

bool sops_judge_allows(const struct sops_judge *j, struct sops_slice text, const struct sops_finding *f)
{
    for (size_t i = 0; i < j->allows; i++) {
        const struct sops_judge_allow *a = &j->allow[i];
        if ((a->id < 0 || a->id == (int)f->id) && (a->path == NULL || sops_regex_match(a->path, text)) &&
            (a->key == NULL || sops_regex_match(a->key, f->path))) {
            return true;
        }
    }
    return false;
}

/* ---- required ------------------------------------------------------------------------------------------------------
 */

bool sops_judge_exempt(struct sops_slice absolute)
{
    static const char *const names[] = {".sops.yaml", ".gitignore", ".gitattributes", ".gitmodules", ".gitkeep",
                                        ".keep",      NULL};
    size_t from = absolute.len;
    while (from > 0 && absolute.ptr[from - 1] != '/') {
        from--;
    }
    return sops_slice_is_any(sops_slice_skip(absolute, from), names);
}

static bool entry_is(const struct sops_node *part, const char *key, const char *text)
{
    const struct sops_node *n = sops_node_find(part, sops_str(key));
    return n != NULL && n->kind == SOPS_STR && sops_slice_eq(n->text, sops_str(text));
}

/* Is there a value that would be encrypted, in a document that counts? */
static bool has_value(const struct sops_doc *d, bool marked, bool config_maps)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        if (!config_maps && entry_is(part, "kind", "ConfigMap") && entry_is(part, "apiVersion", "v1")) {
            continue;
        }
        for (const struct sops_node *n = part; n != NULL; n = sops_node_after(part, (struct sops_node *)(uintptr_t)n)) {
            bool value = sops_node_is_leaf(n) && n->kind != SOPS_NULL && n->kind != SOPS_COMMENT;
            if (value && n->text.len != 0 && (!marked || (n->flags & SOPS_MARKED) != 0)) {
                return true;
            }
        }
    }
    return false;
}

static bool would_encrypt(const struct sops_verdict *v, const struct sops_format *format, struct sops_slice text,
                          bool *required, struct sops_err *why, struct sops_err *e)
{
    struct sops_doc doc = {0};
    struct sops_rules rules = {0};
    bool ok = true, marked = v->by_rule && v->rule != NULL;
    if (!sops_doc_parse(&doc, format, text, why)) {
        ok = !why->memory || sops_fail_memory(e);
        *required = ok;
    } else {
        if (marked) {
            struct sops_err bad = {0};
            sops_judge_crypt(v->rule, &rules);
            ok = sops_rules_compile(&rules, &bad) || !bad.memory || sops_fail_memory(e);
            sops_err_clear(&bad);
            ok = ok && sops_rules_mark(&rules, &doc, e);
        }
        *required = ok && has_value(&doc, marked, v->config_maps);
    }
    sops_rules_free(&rules);
    sops_doc_free(&doc);
    return ok;
}

bool sops_judge_required(const struct sops_verdict *v, struct sops_slice absolute, const struct sops_format *format,
                         struct sops_slice text, bool *required, struct sops_err *why, struct sops_err *e)
{
    *required = false;
    if (!v->wanted || v->ignored || text.len == 0 || sops_judge_exempt(absolute)) {
        return true;
    }
    if ((format->flags & SOPS_FMT_WHOLE) != 0) {
        *required = true;
        return true;
    }
    return would_encrypt(v, format, text, required, why, e);
}
