/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass: what holds for a map or list is kept in its flags (SOPS_COVERED) and handed down, so a key is matched once
 * and not once for each leaf below it. The comment stack of docs/spec/10-document-and-cipher.md needs no stack: a level
 * is always cleared when the walk comes back to it from below.
 */
#include "core/rules.h"

const char *const sops_rule_names[SOPS_RULES] = {
    [SOPS_UNENCRYPTED_SUFFIX] = "unencrypted_suffix",
    [SOPS_ENCRYPTED_SUFFIX] = "encrypted_suffix",
    [SOPS_UNENCRYPTED_REGEX] = "unencrypted_regex",
    [SOPS_ENCRYPTED_REGEX] = "encrypted_regex",
    [SOPS_UNENCRYPTED_COMMENT_REGEX] = "unencrypted_comment_regex",
    [SOPS_ENCRYPTED_COMMENT_REGEX] = "encrypted_comment_regex",
};

/* Some rule text, and how a walk applies it. */
struct marking {
    enum sops_rule which;
    struct sops_slice suffix;
    const struct sops_regex *regex;
    bool by_comment, marks; /* marks: what the rule hits is encrypted; else what it does not hit */
    bool seen;              /* a comment of the current level matched */
};

enum sops_rule sops_rules_which(const struct sops_rules *r)
{
    enum sops_rule which = SOPS_UNENCRYPTED_SUFFIX;
    while (which < SOPS_RULES && r->text[which].len == 0) {
        which++;
    }
    return which;
}

static bool is_regex(enum sops_rule which) { return which >= SOPS_UNENCRYPTED_REGEX && which < SOPS_RULES; }

bool sops_rules_compile(struct sops_rules *r, struct sops_err *e)
{
    enum sops_rule which = sops_rules_which(r);
    if (!is_regex(which) || r->regex != NULL) {
        return true;
    }
    r->regex = sops_regex_new(r->text[which], e);
    return r->regex != NULL || sops_within(e, "%s", sops_rule_names[which]);
}

static bool hits(const struct marking *m, struct sops_slice text)
{
    if (is_regex(m->which)) {
        return m->regex != NULL && sops_regex_match(m->regex, text);
    }
    return sops_slice_ends(text, m->suffix);
}

/* Does the rule hit `n` (not by what stands above it, which `covered` tells)? Takes note of comments. */
static bool covers(struct marking *m, const struct sops_node *n, bool covered)
{
    if (!m->by_comment) {
        bool named = n->up != NULL && n->up->kind == SOPS_MAP && n->kind != SOPS_COMMENT;
        return covered || (named && hits(m, n->key));
    }
    bool before = covered || m->seen;
    if (n->kind != SOPS_COMMENT) {
        m->seen = false;
        return before;
    }
    m->seen = m->seen || hits(m, n->text);
    /* Its own match does not encrypt a comment, but keeps it clear. */
    return before || (m->seen && !m->marks);
}

static void mark_part(const struct sops_rules *r, struct marking *m, struct sops_node *part)
{
    const uint16_t ours = SOPS_MARKED | SOPS_COVERED;
    part->flags &= (uint16_t)~ours;
    m->seen = false;
    struct sops_node *before = part;
    for (struct sops_node *n = part->child; n != NULL; before = n, n = sops_node_after(part, n)) {
        if (n != before->next && n != before->child) {
            m->seen = false; /* came back from below: the level's entry has been handled */
        }
        bool covered = r->whole || covers(m, n, (n->up->flags & SOPS_COVERED) != 0);
        n->flags &= (uint16_t)~ours;
        if (!sops_node_is_leaf(n)) {
            n->flags |= covered ? SOPS_COVERED : 0;
        } else if (n->kind != SOPS_NULL && (r->whole || covered == m->marks)) {
            n->flags |= SOPS_MARKED;
        }
    }
}

static struct marking marking_of(const struct sops_rules *r)
{
    enum sops_rule which = sops_rules_which(r);
    bool none = which == SOPS_RULES;
    which = none ? SOPS_UNENCRYPTED_SUFFIX : which;
    return (struct marking){
        .which = which,
        .suffix = none ? SOPS_LIT(SOPS_DEFAULT_SUFFIX) : r->text[which],
        .regex = r->regex,
        .by_comment = which == SOPS_UNENCRYPTED_COMMENT_REGEX || which == SOPS_ENCRYPTED_COMMENT_REGEX,
        .marks =
            which == SOPS_ENCRYPTED_SUFFIX || which == SOPS_ENCRYPTED_REGEX || which == SOPS_ENCRYPTED_COMMENT_REGEX,
    };
}

bool sops_rules_by_comment(const struct sops_rules *r) { return marking_of(r).by_comment; }

bool sops_rules_mark_comment(const struct sops_rules *r, const struct sops_node *in, struct sops_slice text)
{
    const struct marking m = marking_of(r);
    bool covered = in != NULL && (in->flags & SOPS_COVERED) != 0;
    covered = covered || (m.by_comment && !m.marks && hits(&m, text));
    return r->whole || covered == m.marks;
}

bool sops_rules_mark(const struct sops_rules *r, struct sops_doc *d, struct sops_err *e)
{
    (void)e;
    struct marking m = marking_of(r);
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        mark_part(r, &m, part);
    }
    return true;
}

void sops_rules_free(struct sops_rules *r)
{
    sops_regex_free(r->regex);
    r->regex = NULL;
}
