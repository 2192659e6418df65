/* SPDX-License-Identifier: Apache-2.0 */
#include "check/file_parts.h"

#define SCAN_MAX ((size_t)10 << 20) /* longer plain files are not scanned for secrets */

static const struct sops_slice no_path;

const char *sops_part_word(struct sops_arena *a, const char *name, struct sops_err *e)
{
    struct sops_buf word = {0};
    struct sops_slice copy = {0};
    bool ok = sops_shell_word(&word, sops_str(name), e) && sops_arena_copy(a, sops_buf_view(&word), &copy, e);
    sops_buf_free(&word);
    return ok ? (const char *)copy.ptr : NULL;
}

const char *sops_part_rule(struct sops_arena *a, const struct sops_rules *r, struct sops_err *e)
{
    enum sops_rule which = sops_rules_which(r);
    if (which == SOPS_RULES) {
        return sops_arena_text(a, e, "%s \"%s\"", sops_rule_names[SOPS_UNENCRYPTED_SUFFIX], SOPS_DEFAULT_SUFFIX);
    }
    return sops_arena_text(a, e, "%s \"%.*s\"", sops_rule_names[which],
                           SOPS_ARG(sops_slice_first(r->text[which], 300)));
}

/* ---- plain files ----------------------------------------------------------------------------------------------------
 */

/* Who wants the file encrypted: "the creation rule in line 4 of .sops.yaml (path_regex "^secrets/")". */
static const char *wanted_by(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    const struct sops_judge_rule *r = c->verdict.rule;
    if (!c->verdict.by_rule || r == NULL) {
        return sops_arena_text(&c->arena, e, "check.require of %s", s->judge->shown);
    }
    return sops_arena_text(&c->arena, e, "the creation rule in line %u of %s (%s%.*s%s)", r->line, s->judge->shown,
                           r->pattern.len != 0 ? "path_regex \"" : "required: true",
                           SOPS_ARG(sops_slice_first(r->pattern, 300)), r->pattern.len != 0 ? "\"" : "");
}

static bool add_syntax(const struct sops_subject *s, struct sops_checked *c, const struct sops_err *why,
                       const char *what, struct sops_err *e)
{
    const char *word = sops_part_word(&c->arena, s->name, e);
    return word != NULL &&
           sops_findings_add(&c->found, SOPS_FIND_SYNTAX, why->line, no_path, e, "%s as %s: %s", what,
                             c->look.format->name, why->msg) &&
           sops_findings_help(&c->found, e,
                              c->look.kind == SOPS_LOOK_DAMAGED ? "git checkout HEAD -- %s"
                                                                : "correct it, then sops encrypt -i %s",
                              word);
}

static bool add_conflict(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    const char *word = sops_part_word(&c->arena, s->name, e);
    return word != NULL &&
           sops_findings_add(&c->found, SOPS_FIND_UNRESOLVED_MERGE, c->look.conflict, no_path, e,
                             "conflict markers of a merge that is not finished") &&
           sops_findings_help(&c->found, e,
                              "sops edit %s shows both sides in clear text; sops git resolve %s takes one", word, word);
}

static bool check_plain(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct sops_err why = {0};
    bool required = false;
    bool ok = sops_judge_required(&c->verdict, s->absolute, c->look.format, s->text, &required, &why, e);
    if (ok && required && c->look.conflict != 0) {
        ok = add_conflict(s, c, e);
    } else if (ok && required && why.code != SOPS_OK) {
        ok = add_syntax(s, c, &why, "it must be encrypted, and does not parse", e);
    } else if (ok && required) {
        const char *by = wanted_by(s, c, e), *word = sops_part_word(&c->arena, s->name, e);
        ok = by != NULL && word != NULL &&
             sops_findings_add(&c->found, SOPS_FIND_NOT_ENCRYPTED, 1, no_path, e, "plain, and %s wants it encrypted",
                               by) &&
             sops_findings_help(&c->found, e, "%s encrypt -i %s", s->command, word);
    }
    sops_err_clear(&why);
    bool text = !c->look.binary && s->text.len <= SCAN_MAX;
    return ok && (!s->scan || !text || sops_part_plain(s, c, e));
}

/* ---- encrypted files ------------------------------------------------------------------------------------------------
 */

static bool add_other_format(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    const struct sops_format *named = sops_config_format_of(&s->judge->config, s->absolute, s->text);
    const char *word = sops_part_word(&c->arena, s->name, e);
    return word != NULL &&
           sops_findings_add(&c->found, SOPS_FIND_OTHER_FORMAT, 0, no_path, e, "encrypted as %s, and its name says %s",
                             c->look.format->name, named->name) &&
           sops_findings_help(&c->found, e, "give it a name that says %s, or use --input-type %s with %s",
                              c->look.format->name, c->look.format->name, word);
}

static bool check_encrypted(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    c->encrypted = true;
    if (c->look.conflict != 0 && !add_conflict(s, c, e)) {
        return false;
    }
    if (c->look.other && !add_other_format(s, c, e)) {
        return false;
    }
    if (!sops_part_metadata(s, c, e)) {
        return false;
    }
    if (!c->readable) {
        return sops_part_clear(s, c, e);
    }
    return (!c->marked || sops_part_leaves(s, c, e)) && (!s->drift || sops_part_drift(s, c, e)) &&
           sops_part_clear(s, c, e);
}

/* ---- both -----------------------------------------------------------------------------------------------------------
 */

bool sops_check_file(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    const struct sops_judge *j = s->judge;
    c->liner.text = s->text;
    sops_judge_file(j, s->absolute, &c->verdict);
    if (c->verdict.ignored) {
        return true;
    }
    const struct sops_format *named = sops_config_format_of(j->there ? &j->config : NULL, s->absolute, s->text);
    if (!sops_look(&c->look, s->text, named, false, e)) {
        return false;
    }
    switch (c->look.kind) {
    case SOPS_LOOK_ENCRYPTED:
        return check_encrypted(s, c, e);
    case SOPS_LOOK_DAMAGED:
        c->encrypted = true;
        return c->look.conflict != 0 ? add_conflict(s, c, e)
                                     : add_syntax(s, c, &c->look.why, "encrypted, and it does not parse", e);
    case SOPS_LOOK_PLAIN:
        break;
    }
    return check_plain(s, c, e);
}

void sops_checked_free(struct sops_checked *c)
{
    sops_look_free(&c->look);
    sops_meta_free(&c->meta);
    sops_findings_free(&c->found);
    sops_table_free(&c->places);
    sops_arena_free(&c->arena);
    *c = (struct sops_checked){0};
}

unsigned sops_liner_of(struct sops_liner *l, const struct sops_node *n)
{
    bool keyed = n->up != NULL && n->up->kind == SOPS_MAP && n->kind != SOPS_COMMENT;
    if (!keyed || n->key_span.end == 0 || n->key_span.begin > l->text.len) {
        return n->line;
    }
    if (l->line == 0 || n->key_span.begin < l->at) {
        l->at = 0;
        l->line = 1;
    }
    for (; l->at < n->key_span.begin; l->at++) {
        l->line += l->text.ptr[l->at] == '\n';
    }
    return l->line;
}

/* ---- paths
 * ----------------------------------------------------------------------------------------------------------- */

#define LONGEST 40 /* steps that are shown, from the value upwards */

static size_t index_of(struct sops_pather *p, const struct sops_node *n)
{
    const struct sops_node *at = n->up->child;
    size_t index = 0;
    if (p->list == n->up) { /* it was counted up to `item`; what is asked for mostly stands behind it */
        const struct sops_node *next = p->item;
        size_t further = p->index;
        while (next != NULL && next != n) {
            next = next->next;
            further++;
        }
        at = next != NULL ? next : at;
        index = next != NULL ? further : 0;
    }
    for (; at != n; at = at->next) {
        index++;
    }
    p->list = n->up;
    p->item = n;
    p->index = index;
    return index;
}

static bool add_step(struct sops_pather *p, const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    if (n->up->kind == SOPS_LIST) {
        return sops_buf_addf(out, e, "[%zu]", index_of(p, n));
    }
    if (n->kind == SOPS_COMMENT) {
        return true; /* has no step: its path is that of what it stands in */
    }
    bool hidden = p->secrets != NULL && sops_secrets_is_form(p->secrets, n->key, e);
    return e->code == SOPS_OK && sops_buf_adds(out, "[\"", e) &&
           (hidden ? sops_buf_adds(out, "…", e) : sops_buf_add(out, n->key, e)) && sops_buf_adds(out, "\"]", e);
}

bool sops_pather_add(struct sops_pather *p, const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *step[LONGEST];
    size_t count = 0;
    for (; n->up != NULL && count < LONGEST; n = n->up) {
        step[count++] = n;
    }
    bool ok = n->up == NULL || sops_buf_adds(out, "…", e);
    while (ok && count > 0) {
        ok = add_step(p, step[--count], out, e);
    }
    return ok;
}
