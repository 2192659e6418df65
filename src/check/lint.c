/* SPDX-License-Identifier: Apache-2.0 */
/* What `encrypt` would stumble over only when a rule is used is found here at once, for all rules. */
#include "check/lint.h"

#include "base/text.h"

static const struct sops_slice no_path;

static bool add_config(struct sops_judge *j, unsigned line, const char *message, const char *help, struct sops_err *e)
{
    return sops_findings_add(&j->found, SOPS_FIND_CONFIG, line, no_path, e, "%s", message) &&
           sops_findings_help(&j->found, e, "%s", help);
}

bool sops_lint_broken(struct sops_judge *j, const struct sops_err *why, struct sops_err *e)
{
    return add_config(j, why->line, why->msg,
                      why->hint[0] != '\0' ? why->hint : "correct it: until then no rule of it counts", e);
}

/* ---- check: -------------------------------------------------------------------------------------------------------
 */

/* A wrong value under `check`; the line is that of `n`. */
static bool bad_setting(struct sops_judge *j, const struct sops_node *n, const char *name, const char *wanted,
                        struct sops_err *e)
{
    return sops_findings_add(&j->found, SOPS_FIND_CONFIG, n->line, no_path, e, "'%s' of 'check' must be %s", name,
                             wanted) &&
           sops_findings_help(&j->found, e, "see `check:` in .sops.yaml.example; until then it counts for nothing");
}

/* NULL when it does not compile, which is told, or when memory is out. */
static struct sops_regex *compile(struct sops_judge *j, const struct sops_node *n, const char *name, struct sops_err *e)
{
    struct sops_err why = {0};
    struct sops_regex *r = sops_regex_new(n->text, &why);
    if (why.memory) {
        (void)sops_fail_memory(e);
    } else if (r == NULL) {
        bool ok =
            sops_findings_add(&j->found, SOPS_FIND_CONFIG, n->line, no_path, e, "'%s' of 'check': %s", name, why.msg) &&
            sops_findings_help(&j->found, e, "%s", why.hint);
        (void)ok;
    }
    sops_err_clear(&why);
    return r;
}

static size_t count_items(const struct sops_node *list)
{
    size_t n = 0;
    for (const struct sops_node *i = list->child; i != NULL; i = i->next) {
        n++;
    }
    return n;
}

static bool read_regexes(struct sops_judge *j, const struct sops_node *section, const char *name,
                         struct sops_regex ***list, size_t *count, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(section, sops_str(name));
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    if (n->kind != SOPS_LIST) {
        return bad_setting(j, n, name, "a list of regular expressions", e);
    }
    *list = sops_arena_alloc(&j->arena, (count_items(n) + 1) * sizeof **list, e);
    if (*list == NULL) {
        return false;
    }
    for (const struct sops_node *i = n->child; i != NULL && e->code == SOPS_OK; i = i->next) {
        if (i->kind != SOPS_STR) {
            if (!bad_setting(j, i, name, "a list of regular expressions", e)) {
                return false;
            }
            continue;
        }
        struct sops_regex *r = compile(j, i, name, e);
        if (r != NULL) {
            (*list)[(*count)++] = r;
        }
    }
    return e->code == SOPS_OK;
}

/* One part of an item of `allow`; `*good` is false when it is wrong. */
static bool allow_part(struct sops_judge *j, const struct sops_node *item, const char *name, struct sops_regex **r,
                       bool *given, bool *good, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(item, sops_str(name));
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    *given = true;
    if (n->kind != SOPS_STR) {
        *good = false;
        return bad_setting(j, n, "allow", "a list of mappings of texts", e);
    }
    *r = compile(j, n, "allow", e);
    *good = *good && *r != NULL;
    return e->code == SOPS_OK;
}

static bool allow_id(struct sops_judge *j, const struct sops_node *item, struct sops_judge_allow *a, bool *given,
                     bool *good, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(item, SOPS_LIT("id"));
    a->id = -1;
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    *given = true;
    enum sops_finding_id id = n->kind == SOPS_STR ? sops_finding_named(n->text) : SOPS_FINDINGS_COUNT;
    a->id = (int)id;
    *good = *good && id != SOPS_FINDINGS_COUNT;
    return id != SOPS_FINDINGS_COUNT || bad_setting(j, n, "allow", "a list whose 'id' is one of a finding", e);
}

static bool read_allow(struct sops_judge *j, const struct sops_node *section, struct sops_err *e)
{
    const struct sops_node *list = sops_node_find(section, SOPS_LIT("allow"));
    if (list == NULL || list->kind == SOPS_NULL) {
        return true;
    }
    if (list->kind != SOPS_LIST) {
        return bad_setting(j, list, "allow", "a list of mappings", e);
    }
    j->allow = sops_arena_alloc(&j->arena, (count_items(list) + 1) * sizeof *j->allow, e);
    for (const struct sops_node *i = j->allow != NULL ? list->child : NULL; i != NULL; i = i->next) {
        struct sops_judge_allow a = {.id = -1};
        bool given = false, good = true;
        if (i->kind != SOPS_MAP) {
            if (!bad_setting(j, i, "allow", "a list of mappings", e)) {
                return false;
            }
            continue;
        }
        bool ok = allow_id(j, i, &a, &given, &good, e) && allow_part(j, i, "path", &a.path, &given, &good, e) &&
                  allow_part(j, i, "key", &a.key, &given, &good, e);
        if (ok && !given) {
            ok = bad_setting(j, i, "allow", "a list of mappings with an 'id', a 'path' or a 'key'", e);
        }
        if (ok && given && good) {
            j->allow[j->allows++] = a;
        } else {
            sops_regex_free(a.path);
            sops_regex_free(a.key);
        }
        if (!ok) {
            return false;
        }
    }
    return j->allow != NULL;
}

static bool read_age(struct sops_judge *j, const struct sops_node *section, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(section, SOPS_LIT("max_age"));
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    size_t digits = n->kind == SOPS_STR ? sops_digits(n->text) : 0;
    bool good = digits != 0 && digits + 1 == n->text.len && n->text.ptr[digits] == 'd' &&
                sops_int_parse(sops_slice_first(n->text, digits), &j->max_age) && j->max_age > 0 &&
                j->max_age < 10000000;
    if (!good) {
        j->max_age = 0;
    }
    return good || bad_setting(j, n, "max_age", "a number of days like 180d", e);
}

static bool read_entropy(struct sops_judge *j, const struct sops_node *section, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(section, SOPS_LIT("entropy"));
    double value;
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    if (n->kind == SOPS_STR && sops_slice_eq(n->text, SOPS_LIT("off"))) {
        j->entropy = 0;
        return true;
    }
    if (n->kind == SOPS_STR && sops_float_parse(n->text, &value, NULL) && value > 0 && value <= 8) {
        j->entropy = value;
        return true;
    }
    return bad_setting(j, n, "entropy", "a number of bits above 0 and up to 8, or off", e);
}

/* Names are texts, keys of recipients; a wrong one only has no name, but whoever wrote it should know. */
static bool check_recipients(struct sops_judge *j, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(j->config.doc.parts, SOPS_LIT("recipients"));
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    bool good = n->kind == SOPS_MAP && (n->flags & SOPS_FAULTY) == 0;
    for (const struct sops_node *i = good ? n->child : NULL; i != NULL; i = i->next) {
        good = good && i->kind == SOPS_STR;
    }
    return good || add_config(j, n->line, "'recipients' must be a mapping of names to keys",
                              "write `recipients: {alice: age1…}`", e);
}

bool sops_lint_section(struct sops_judge *j, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(j->config.doc.parts, SOPS_LIT("check"));
    if (!check_recipients(j, e)) {
        return false;
    }
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    if (n->kind != SOPS_MAP || (n->flags & SOPS_FAULTY) != 0) {
        return add_config(j, n->line, "'check' must be a mapping", "see `check:` in .sops.yaml.example", e);
    }
    return read_regexes(j, n, "require", &j->require, &j->requires, e) &&
           read_regexes(j, n, "ignore", &j->ignore, &j->ignores, e) && read_allow(j, n, e) && read_age(j, n, e) &&
           read_entropy(j, n, e);
}

/* ---- rules --------------------------------------------------------------------------------------------------------
 */

static size_t count_groups(const struct sops_group *g)
{
    size_t n = 0;
    for (; g != NULL; g = g->next) {
        n++;
    }
    return n;
}

static bool has_empty_group(const struct sops_group *g)
{
    while (g != NULL && g->keys != NULL) {
        g = g->next;
    }
    return g != NULL;
}

/* The line of an entry of the rule, else of the rule. */
static unsigned line_in(const struct sops_judge_rule *r, const char *name)
{
    const struct sops_node *n = sops_node_find(r->node, sops_str(name));
    return n != NULL ? n->line : r->line;
}

static bool lint_groups(struct sops_judge *j, const struct sops_judge_rule *r, struct sops_err *e)
{
    const struct sops_node *list = sops_node_find(r->node, SOPS_LIT("key_groups"));
    size_t groups = count_groups(r->made.groups);
    int64_t threshold = r->made.threshold;
    bool nested = list != NULL && list->kind == SOPS_LIST;
    if (nested && (r->made.flat || has_empty_group(r->made.groups)) &&
        !add_config(j, line_in(r, "key_groups"),
                    r->made.flat || groups == 1 ? "the rule has 'key_groups' and no key in them"
                                                : "a group of 'key_groups' has no key, so its share is lost",
                    "give each group a key, or take it out", e)) {
        return false;
    }
    bool wrong = threshold < 0 || (groups > 1 && threshold != 0 && (threshold == 1 || (uint64_t)threshold > groups));
    if (!wrong) {
        return true;
    }
    return sops_findings_add(&j->found, SOPS_FIND_CONFIG, line_in(r, "shamir_threshold"), no_path, e,
                             "'shamir_threshold' is %lld, and the rule has %zu group%s", (long long)threshold, groups,
                             groups == 1 ? "" : "s") &&
           sops_findings_help(&j->found, e, "write a number from 2 to that of the groups, or leave it out");
}

/* The regex of its crypt rule. */
static bool lint_crypt(struct sops_judge *j, const struct sops_judge_rule *r, struct sops_err *e)
{
    struct sops_rules rules;
    struct sops_err why = {0};
    sops_judge_crypt(r, &rules);
    bool good = sops_rules_compile(&rules, &why), ok = !why.memory || sops_fail_memory(e);
    if (ok && !good) {
        ok = add_config(j, line_in(r, sops_rule_names[sops_rules_which(&rules)]), why.msg, why.hint, e);
    }
    sops_err_clear(&why);
    sops_rules_free(&rules);
    return ok;
}

static bool lint_rule(struct sops_judge *j, const struct sops_judge_rule *r, struct sops_err *e)
{
    if (r->fault != NULL &&
        (!sops_findings_add(&j->found, SOPS_FIND_CONFIG, line_in(r, "path_regex"), no_path, e, "'path_regex': %s",
                            r->fault) ||
         !sops_findings_help(&j->found, e, "the syntax is that of RE2, without look-around and backreferences"))) {
        return false;
    }
    if (r->keys_fault != NULL) {
        return add_config(j, r->keys_line, r->keys_fault, "correct the creation rule: encrypt fails with it", e);
    }
    if (!lint_groups(j, r, e) || !lint_crypt(j, r, e)) {
        return false;
    }
    if (r->shadow == NULL) {
        return true;
    }
    bool same = sops_slice_eq(r->pattern, r->shadow->pattern);
    return sops_findings_add(&j->found, SOPS_FIND_SHADOWED_RULE, r->line, no_path, e,
                             "the creation rule is never reached: the one in line %u %s", r->shadow->line,
                             same ? "has the same path_regex" : "matches everything") &&
           sops_findings_help(&j->found, e, "put it before line %u, or take it out", r->shadow->line);
}

struct telling {
    struct sops_judge *judge;
    struct sops_err *e;
};

static void add_unknown(void *ctx, const struct sops_unknown_key *u)
{
    const struct telling *to = ctx;
    if (to->e->code != SOPS_OK || u->kept || (u->place == SOPS_AT_TOP && (u->meant == NULL || u->home != NULL))) {
        return;
    }
    bool ok;
    if (u->meant != NULL) {
        bool home = u->home != NULL;
        ok = sops_findings_add(&to->judge->found, SOPS_FIND_UNKNOWN_KEY, u->line, no_path, to->e,
                               "the key '%s' is read by nothing: did you mean '%s'%s%s?", u->word, u->meant,
                               home ? ", which stands in " : "", home ? u->home : "") &&
             sops_findings_help(&to->judge->found, to->e, "write '%s' %s%s, or begin the key with x-", u->meant,
                                home ? "in " : "instead", home ? u->home : "");
    } else {
        ok = sops_findings_add(&to->judge->found, SOPS_FIND_UNKNOWN_KEY, u->line, no_path, to->e,
                               "the key '%s' is read by nothing", u->word) &&
             sops_findings_help(&to->judge->found, to->e, "take it out, or begin it with x- to keep it");
    }
    (void)ok;
}

bool sops_lint_rules(struct sops_judge *j, struct sops_err *e)
{
    for (size_t i = 0; i < j->rules; i++) {
        if (!lint_rule(j, &j->rule[i], e)) {
            return false;
        }
    }
    struct telling to = {j, e};
    sops_config_unknown(&j->config, add_unknown, &to);
    return e->code == SOPS_OK;
}
