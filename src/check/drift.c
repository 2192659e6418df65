/* SPDX-License-Identifier: Apache-2.0 */
/* What the file has, against what a new file of its name would get. */
#include "check/file_parts.h"

#include "base/text.h"
#include "core/groups.h"

static const struct sops_slice no_path;

/* ---- keys
 * ------------------------------------------------------------------------------------------------------------- */

struct listing {
    const struct sops_subject *s;
    struct sops_arena *room;
    struct sops_buf text;
    size_t listed;
    bool goes;
};

/* `+ bob (age1…)`. */
static bool list_key(void *ctx, const struct sops_key *k, enum sops_key_fate fate, struct sops_err *e)
{
    enum { MOST = 100 }; /* a message is no place for thousands */
    struct listing *l = ctx;
    if (fate == SOPS_KEY_STAYS) {
        return true;
    }
    l->goes = l->goes || fate == SOPS_KEY_GOES;
    if (l->listed++ >= MOST) {
        return true;
    }
    const char *name = l->s->names != NULL ? sops_names_get(l->s->names, k, l->room, e) : NULL;
    return e->code == SOPS_OK && (l->listed == 1 || sops_buf_adds(&l->text, ", ", e)) &&
           sops_buf_adds(&l->text, fate == SOPS_KEY_COMES ? "+ " : "- ", e) &&
           (name == NULL || (sops_buf_adds(&l->text, name, e) && sops_buf_adds(&l->text, " (", e))) &&
           sops_key_show(k, &l->text, e) && (name == NULL || sops_buf_addc(&l->text, ')', e));
}

static bool has_keys(const struct sops_creation *made)
{
    const struct sops_group *g = made->groups;
    while (g != NULL && g->keys == NULL) {
        g = g->next;
    }
    return g != NULL;
}

static bool add_recipients(const struct sops_subject *s, struct sops_checked *c, const struct listing *l,
                           struct sops_err *e)
{
    const char *word = sops_part_word(&c->arena, s->name, e);
    return word != NULL &&
           sops_findings_add(&c->found, SOPS_FIND_RECIPIENTS, c->sops_line, SOPS_LIT("[\"sops\"]"), e,
                             "the keys are not those of the creation rule in line %u of %s: %.*s",
                             c->verdict.rule->line, s->judge->shown, SOPS_ARG(sops_buf_view(&l->text))) &&
           sops_findings_help(&c->found, e,
                              l->goes ? "%s updatekeys %s, then sops rotate -i %s: the data key is made "
                                        "new, as whoever is removed may know it"
                                      : "%s updatekeys %s",
                              s->command, word, word);
}

static bool check_keys(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    const struct sops_creation *made = &c->verdict.rule->made;
    struct listing l = {.s = s, .room = &c->arena};
    const struct sops_groups_visitor v = {NULL, list_key, &l};
    if (!has_keys(made)) {
        return true; /* they come from options */
    }
    bool ok = sops_groups_compare(c->meta.groups, made->groups, &v, e);
    int64_t now = c->meta.threshold, then = sops_groups_threshold(&c->meta, made);
    if (ok && now != 0 && now != then) {
        ok = sops_buf_addf(&l.text, e, "%sshamir_threshold %lld instead of %lld", l.listed != 0 ? ", " : "",
                           (long long)then, (long long)now);
    }
    ok = ok && (l.text.len == 0 || add_recipients(s, c, &l, e));
    sops_buf_free(&l.text);
    return ok;
}

/* ---- settings
 * ---------------------------------------------------------------------------------------------------------- */

static bool is_same_rule(const struct sops_rules *a, const struct sops_rules *b)
{
    enum sops_rule which = sops_rules_which(a);
    return which == sops_rules_which(b) && (which == SOPS_RULES || sops_slice_eq(a->text[which], b->text[which]));
}

static int64_t count_groups(const struct sops_group *g)
{
    int64_t n = 0;
    for (; g != NULL; g = g->next) {
        n++;
    }
    return n;
}

/* What differs, in words. */
static bool add_differences(struct sops_checked *c, const struct sops_rules *wanted, struct sops_buf *out,
                            struct sops_err *e)
{
    const struct sops_creation *made = &c->verdict.rule->made;
    const struct sops_rules *rules = &c->meta.rules;
    int64_t groups = count_groups(made->groups), threshold = made->threshold != 0 ? made->threshold : groups;
    bool ok = true;
    if (!is_same_rule(rules, wanted)) {
        const char *now = sops_part_rule(&c->arena, rules, e), *then = sops_part_rule(&c->arena, wanted, e);
        ok = now != NULL && then != NULL && sops_buf_addf(out, e, "%s, and the creation rule has %s", now, then);
    }
    if (ok && rules->mac_only_encrypted != wanted->mac_only_encrypted) {
        ok = sops_buf_addf(out, e, "%smac_only_encrypted %s, and the creation rule has %s", out->len != 0 ? "; " : "",
                           rules->mac_only_encrypted ? "true" : "false", wanted->mac_only_encrypted ? "true" : "false");
    }
    if (ok && groups > 1 && c->meta.threshold != threshold) {
        ok = sops_buf_addf(out, e, "%sshamir_threshold %lld, and the creation rule has %lld", out->len != 0 ? "; " : "",
                           (long long)c->meta.threshold, (long long)threshold);
    }
    return ok;
}

static bool check_settings(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct sops_rules wanted;
    struct sops_buf text = {0};
    if ((c->look.format->flags & SOPS_FMT_WHOLE) != 0) {
        return true;
    }
    sops_judge_crypt(c->verdict.rule, &wanted);
    bool ok = add_differences(c, &wanted, &text, e);
    if (ok && text.len != 0) {
        const char *word = sops_part_word(&c->arena, s->name, e);
        enum sops_rule which = sops_rules_which(&c->meta.rules);
        unsigned line = sops_checked_line(c, which < SOPS_RULES ? sops_rule_names[which] : "sops");
        ok = word != NULL &&
             sops_findings_add(&c->found, SOPS_FIND_RULE, line, SOPS_LIT("[\"sops\"]"), e,
                               "the file has %.*s in line %u of %s", SOPS_ARG(sops_buf_view(&text)),
                               c->verdict.rule->line, s->judge->shown) &&
             sops_findings_help(&c->found, e, "sops decrypt -i %s && %s encrypt -i %s, or change the rule", word,
                                s->command, word);
    }
    sops_buf_free(&text);
    return ok;
}

/* ---- age
 * -------------------------------------------------------------------------------------------------------------- */

static void take_newer(struct sops_slice text, int64_t *newest)
{
    struct sops_time t;
    if (sops_time_parse(text, &t) && t.seconds > *newest) {
        *newest = t.seconds;
    }
}

static bool check_age(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    int64_t newest = INT64_MIN, year;
    unsigned month, day;
    if (s->judge->max_age == 0) {
        return true;
    }
    take_newer(c->meta.last_modified, &newest);
    for (const struct sops_group *g = c->meta.groups; g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            take_newer(k->created_at, &newest);
        }
    }
    if (newest == INT64_MIN || newest >= s->now - s->judge->max_age * 86400) {
        return true;
    }
    sops_civil_from_days(newest >= 0 ? newest / 86400 : (newest - 86399) / 86400, &year, &month, &day);
    const char *word = sops_part_word(&c->arena, s->name, e);
    return word != NULL &&
           sops_findings_add(&c->found, SOPS_FIND_STALE, sops_checked_line(c, "lastmodified"), no_path, e,
                             "last changed on %04lld-%02u-%02u, and check.max_age is %lldd", (long long)year, month,
                             day, (long long)s->judge->max_age) &&
           sops_findings_help(&c->found, e,
                              "give it new secrets with sops edit %s, or a new data key with sops rotate "
                              "-i %s",
                              word, word);
}

static bool add_no_rule(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    return sops_findings_add(&c->found, SOPS_FIND_NO_RULE, c->sops_line, no_path, e,
                             "no creation rule of %s matches it: they are matched on \"%.*s\"", s->judge->shown,
                             SOPS_ARG(sops_slice_first(c->verdict.text, 300))) &&
           sops_findings_help(&c->found, e, "add a creation rule for it to %s", s->judge->shown);
}

bool sops_part_drift(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    const struct sops_judge_rule *r = c->verdict.rule;
    if (c->verdict.unmatched && s->judge->rules != 0 && !add_no_rule(s, c, e)) {
        return false;
    }
    if (r != NULL && r->keys_fault == NULL && (!check_keys(s, c, e) || !check_settings(s, c, e))) {
        return false;
    }
    return check_age(s, c, e);
}
