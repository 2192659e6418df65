/* SPDX-License-Identifier: Apache-2.0 */
/* A regex with a slip in it encrypts nothing, and a file keeps the rule that it was made with when .sops.yaml has got a
 * stricter one: both without a word, unless it is looked for here. */
#include "cli/clear.h"

#include "cli/ui.h"

static const struct sops_rules *rules_of(const struct sops_job *j) { return &sops_envelope_meta(j->env)->rules; }

static const char *shown(const struct sops_job *j) { return j->path != NULL ? j->path : "stdin"; }

/* Is there anything in the leaf to be encrypted? */
static bool holds_value(const struct sops_node *n)
{
    return sops_node_is_leaf(n) && n->kind != SOPS_COMMENT && n->kind != SOPS_NULL && n->text.len != 0;
}

/* ---- nothing at all ---------------------------------------------------------------------------------------------- */

/* A sealed comment is an ordinary item where it stands in a list. */
static bool is_comment(const struct sops_node *n)
{
    return n->kind == SOPS_COMMENT || sops_slice_ends(n->text, SOPS_LIT(",type:comment]"));
}

/* Are there values in the sealed document, and is none of them marked? */
static bool is_all_clear(const struct sops_doc *d)
{
    bool any = false;
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            if (sops_node_is_leaf(n) && (n->flags & SOPS_MARKED) != 0 && !is_comment(n)) {
                return false;
            }
            any = any || (holds_value(n) && !is_comment(n));
        }
    }
    return any;
}

/* "encrypted_regex '^pass$'" */
static bool add_rule(const struct sops_rules *r, struct sops_buf *out, struct sops_err *e)
{
    enum sops_rule which = sops_rules_which(r);
    return which == SOPS_RULES || sops_buf_addf(out, e, "%s '%.*s'", sops_rule_names[which], SOPS_ARG(r->text[which]));
}

bool sops_clear_check(struct sops_job *j, struct sops_err *e)
{
    if (!is_all_clear(sops_envelope_look(j->env))) {
        return true;
    }
    struct sops_buf rule = {0};
    if (!add_rule(rules_of(j), &rule, e)) {
        sops_buf_free(&rule);
        return false;
    }
    bool strict = j->opt->shared.strict || (j->config != NULL && j->config->strict);
    const char *of = j->rule_of != NULL ? j->rule_of : "of the file";
    if (strict) {
        sops_fail(e, SOPS_E_GENERIC, "nothing in '%s' would be encrypted: %.*s %s leaves every value in clear text",
                  shown(j), SOPS_ARG(rule), of);
        sops_hint(e, "mend the rule; or, if it is meant so, do without strict");
    } else {
        sops_world_warn(j->world, "nothing in '%s' is encrypted: %.*s %s leaves every value in clear text", shown(j),
                        SOPS_ARG(rule), of);
    }
    sops_buf_free(&rule);
    return !strict;
}

/* ---- what the creation rule would encrypt ------------------------------------------------------------------------ */

/* The crypt rule that a new file of this name would get; false when there is none, or it cannot be used. */
static bool find_wanted(struct sops_job *j, struct sops_clear *c, struct sops_err *e)
{
    struct sops_err why = {0};
    const char *name = j->name != NULL ? j->name : j->path;
    if (j->config == NULL || name == NULL || rules_of(j)->whole || (j->in->flags & SOPS_FMT_WHOLE) != 0) {
        return false;
    }
    bool ok = sops_config_rules(j->config, j->world, &c->arena, name, &c->rule, &why) && c->rule.from_rule;
    for (size_t i = 0; ok && i < SOPS_RULES; i++) {
        c->wanted.text[i] = c->rule.rule[i];
    }
    if (ok && sops_rules_which(&c->wanted) == SOPS_RULES) {
        c->wanted.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    }
    ok = ok && sops_rules_compile(&c->wanted, &why);
    if (why.memory) {
        (void)sops_fail_memory(e);
    }
    sops_err_clear(&why);
    return ok;
}

static bool is_same_rule(const struct sops_rules *a, const struct sops_rules *b)
{
    enum sops_rule which = sops_rules_which(a);
    return which == sops_rules_which(b) && (which == SOPS_RULES || sops_slice_eq(a->text[which], b->text[which]));
}

/* The leaves that `c->wanted` marks and the file's rule does not; calls `found` for each. */
static bool each_clear(struct sops_job *j, struct sops_clear *c,
                       bool (*found)(struct sops_clear *c, const struct sops_walk *at, void *arg, struct sops_err *e),
                       void *arg, struct sops_err *e)
{
    struct sops_doc *d = sops_envelope_clear(j->env, e);
    struct sops_walk walk = {.doc = d};
    struct sops_err why = {0};
    bool ok = d != NULL && sops_rules_mark(&c->wanted, d, e);
    for (struct sops_node *part = ok ? d->parts : NULL; ok && part != NULL; part = part->next) {
        for (struct sops_node *n = part; ok && n != NULL; n = sops_node_after(part, n)) {
            if (holds_value(n) && (n->flags & SOPS_MARKED) != 0) {
                n->flags |= SOPS_WANTED;
            }
        }
    }
    ok = ok && sops_rules_mark(rules_of(j), d, e);
    while (ok && sops_walk_next(&walk, &why)) {
        bool is = (walk.at->flags & (SOPS_WANTED | SOPS_MARKED)) == SOPS_WANTED;
        walk.at->flags &= (uint16_t)~SOPS_WANTED;
        ok = !is || found(c, &walk, arg, e);
    }
    sops_err_clear(&why); /* a key or value that cannot be sealed: whoever seals says so */
    sops_walk_free(&walk);
    return ok;
}

/* Place and text of a leaf in one. */
static bool identity(struct sops_clear *c, const struct sops_walk *at, struct sops_slice *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_buf_add(&text, sops_buf_view(&at->aad), e) && sops_buf_addc(&text, 0, e) &&
              sops_buf_addc(&text, at->at->kind, e) && sops_buf_add(&text, at->at->text, e) &&
              sops_arena_copy(&c->arena, sops_buf_view(&text), out, e);
    sops_buf_free(&text);
    return ok;
}

static bool take_down(struct sops_clear *c, const struct sops_walk *at, void *arg, struct sops_err *e)
{
    struct sops_slice id;
    (void)arg;
    return identity(c, at, &id, e) && sops_table_put(&c->before, id, NULL, e) != NULL;
}

struct news {
    const struct sops_node *first;
    size_t count;
};

static bool take_news(struct sops_clear *c, const struct sops_walk *at, void *arg, struct sops_err *e)
{
    struct news *news = arg;
    struct sops_slice id;
    bool is_new = false;
    if (!identity(c, at, &id, e) || sops_table_put(&c->before, id, &is_new, e) == NULL) {
        return false;
    }
    if (is_new) {
        news->first = news->count++ == 0 ? at->at : news->first;
    }
    return true;
}

bool sops_clear_before(struct sops_job *j, struct sops_clear *c, struct sops_err *e)
{
    c->differs = find_wanted(j, c, e) && !is_same_rule(&c->wanted, rules_of(j));
    return e->code == SOPS_OK && (!c->differs || each_clear(j, c, take_down, NULL, e));
}

bool sops_clear_after(struct sops_job *j, struct sops_clear *c, struct sops_err *e)
{
    struct news news = {0};
    struct sops_buf place = {0}, rule = {0}, more = {0};
    if (!c->differs) {
        return true;
    }
    bool ok = each_clear(j, c, take_news, &news, e);
    if (ok && news.count != 0) {
        ok = sops_node_path(news.first, &place, e) && add_rule(rules_of(j), &rule, e) &&
             (news.count == 1 || sops_buf_addf(&more, e, " and %zu more", news.count - 1));
    }
    if (ok && news.count != 0) {
        sops_world_warn(
            j->world,
            "'%s': the value at %.*s%.*s is written in clear text, by the file's %.*s; the creation rule in "
            "line %u of '%.*s' would encrypt it: decrypt the file and encrypt it again to have this rule",
            shown(j), SOPS_ARG(place), SOPS_ARG(more), SOPS_ARG(rule), c->rule.line,
            SOPS_ARG(sops_buf_view(&j->config->file)));
    }
    sops_buf_free(&place);
    sops_buf_free(&rule);
    sops_buf_free(&more);
    return ok;
}

void sops_clear_free(struct sops_clear *c)
{
    sops_table_free(&c->before);
    sops_rules_free(&c->wanted);
    sops_arena_free(&c->arena);
    *c = (struct sops_clear){0};
}
