/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over the values. What is compared across the file (equal ciphertexts, equal additional data) is looked up by
 * hash, so a file of many is no slower than it is long. */
#include "check/file_parts.h"

#include "core/cipher.h"

#define START SOPS_LIT("ENC[AES256_GCM,")

/* Where a ciphertext or additional data was met first. */
struct seen {
    const struct sops_node *node;
    struct sops_slice aad;
};

struct leaves {
    const struct sops_subject *s;
    struct sops_checked *c;
    struct sops_pather pather;
    struct sops_buf path, scratch;
    struct sops_table ciphers; /* ENC[…] to where it stands */
    struct sops_table data;    /* additional data, in one document */
    const struct sops_node *part;
    const char *rule, *creation, *word;
    bool values, sealed, plain;
};

static bool path_of(struct leaves *l, const struct sops_node *n, struct sops_err *e)
{
    sops_buf_cut(&l->path, 0);
    return sops_pather_add(&l->pather, n, &l->path, e);
}

static bool add(struct leaves *l, enum sops_finding_id id, const struct sops_node *n, const char *message,
                const char *help, struct sops_err *e)
{
    return path_of(l, n, e) &&
           sops_findings_add(&l->c->found, id, sops_liner_of(&l->c->liner, n), sops_buf_view(&l->path), e, "%s",
                             message) &&
           sops_findings_help(&l->c->found, e, "%s", help);
}

static const char *text(struct leaves *l, struct sops_err *e, const char *fmt, const char *a, const char *b)
{
    sops_buf_cut(&l->scratch, 0);
    bool ok = true;
    for (const char *at = fmt; ok && *at != '\0'; at++) {
        if (*at != '%') {
            ok = sops_buf_addc(&l->scratch, (uint8_t)*at, e);
            continue;
        }
        ok = sops_buf_adds(&l->scratch, a, e);
        a = b;
    }
    return ok ? sops_buf_cstr(&l->scratch, e) : NULL;
}

/* ---- ciphertexts ----------------------------------------------------------------------------------------------------
 */

/* The ciphertext without what stands behind its last `]`, which does not count. */
static struct sops_slice core_of(struct sops_slice enc)
{
    const uint8_t *end = enc.len != 0 ? memrchr(enc.ptr, ']', enc.len) : NULL;
    return end != NULL ? sops_slice_first(enc, (size_t)(end - enc.ptr) + 1) : enc;
}

static struct seen *remember(struct leaves *l, struct sops_table *table, struct sops_slice key,
                             const struct sops_node *n, struct sops_slice aad, bool *is_new, struct sops_err *e)
{
    void **place = sops_table_put(table, key, is_new, e);
    if (place == NULL || !*is_new) {
        return place != NULL ? *place : NULL;
    }
    struct seen *s = sops_arena_alloc(&l->c->arena, sizeof *s, e);
    if (s != NULL && sops_arena_copy(&l->c->arena, aad, &s->aad, e)) {
        s->node = n;
        *place = s;
        return s;
    }
    return NULL;
}

static bool check_copy(struct leaves *l, const struct sops_node *n, struct sops_slice aad, struct sops_err *e)
{
    bool is_new = false;
    const struct seen *first = remember(l, &l->ciphers, core_of(n->text), n, aad, &is_new, e);
    if (first == NULL || is_new || sops_slice_eq(first->aad, aad)) {
        return first != NULL;
    }
    struct sops_buf where = {0};
    bool ok = sops_pather_add(&l->pather, first->node, &where, e) && sops_buf_cstr(&where, e) != NULL;
    const char *message = ok ? text(l, e, "the same ciphertext stands at %: at most one of the two can be opened",
                                    (const char *)where.ptr, "")
                             : NULL;
    sops_buf_free(&where);
    return message != NULL &&
           add(l, SOPS_FIND_COPIED_CIPHER, n, message, "write the value with sops set or sops edit, not by copying", e);
}

/* Do the keys above the two differ? Items of lists have the path of their list. */
static bool same_keys(const struct sops_node *a, const struct sops_node *b)
{
    for (;;) {
        while (a->up != NULL && (a->up->kind == SOPS_LIST || a->kind == SOPS_COMMENT)) {
            a = a->up;
        }
        while (b->up != NULL && (b->up->kind == SOPS_LIST || b->kind == SOPS_COMMENT)) {
            b = b->up;
        }
        if (a->up == NULL || b->up == NULL) {
            return a->up == b->up;
        }
        if (a == b) {
            return true;
        }
        if (!sops_slice_eq(a->key, b->key)) {
            return false;
        }
        a = a->up;
        b = b->up;
    }
}

static bool check_ambiguous(struct leaves *l, const struct sops_node *n, struct sops_slice aad, struct sops_err *e)
{
    bool is_new = false;
    struct sops_slice key = sops_slice_first(aad, aad.len); /* the walk's: copied only when it is new */
    struct seen *first = sops_table_get(&l->data, key);
    if (first == NULL) {
        return sops_arena_copy(&l->c->arena, aad, &key, e) && remember(l, &l->data, key, n, key, &is_new, e) != NULL;
    }
    if (same_keys(first->node, n)) {
        return true;
    }
    struct sops_buf where = {0};
    bool ok = sops_pather_add(&l->pather, first->node, &where, e) && sops_buf_cstr(&where, e) != NULL;
    const char *message =
        ok ? text(l, e, "has the same additional data as %, as a key holds a colon: the two can be exchanged unnoticed",
                  (const char *)where.ptr, "")
           : NULL;
    sops_buf_free(&where);
    return message != NULL && add(l, SOPS_FIND_AAD_AMBIGUOUS, n, message, "give the keys names without a colon", e);
}

static bool check_cipher(struct leaves *l, const struct sops_node *n, struct sops_slice aad, struct sops_err *e)
{
    enum sops_kind kind = SOPS_STR;
    const char *why = sops_cipher_look(n->text, &kind);
    bool in_map = n->up != NULL && n->up->kind == SOPS_MAP && n->kind != SOPS_COMMENT;
    why = why == NULL && kind == SOPS_COMMENT && in_map ? "a value has the type comment" : why;
    if (why == sops_no_memory) {
        return sops_fail_memory(e);
    }
    if (why != NULL) {
        const char *message = text(l, e, "no key can open it: %", why, "");
        return message != NULL && add(l, SOPS_FIND_BAD_CIPHER, n, message,
                                      "put back what stood there, or write the value with sops set", e);
    }
    return check_copy(l, n, aad, e) &&
           (n->kind == SOPS_COMMENT || kind == SOPS_COMMENT || check_ambiguous(l, n, aad, e));
}

/* ---- one leaf
 * -------------------------------------------------------------------------------------------------------- */

static bool check_comment(struct leaves *l, const struct sops_node *n, struct sops_slice aad, struct sops_err *e)
{
    if ((n->flags & SOPS_MARKED) == 0 || n->text.len == 0) {
        return true;
    }
    if (sops_slice_starts(n->text, SOPS_LIT("ENC["))) {
        return check_cipher(l, n, aad, e);
    }
    const char *message = text(l, e, "a clear comment, and % of the file says encrypted", l->rule, "");
    const char *help = message != NULL ? sops_arena_text(&l->c->arena, e, "sops edit %s, and save it", l->word) : NULL;
    return help != NULL && add(l, SOPS_FIND_PLAIN_COMMENT, n, message, help, e);
}

static bool check_marked(struct leaves *l, const struct sops_node *n, struct sops_slice aad, struct sops_err *e)
{
    if (n->kind == SOPS_STR && n->text.len == 0) {
        return true;
    }
    if (n->kind == SOPS_STR && sops_slice_starts(n->text, SOPS_LIT("ENC["))) {
        return check_cipher(l, n, aad, e);
    }
    const char *message = text(l, e, "a clear value, and % of the file says encrypted", l->rule, "");
    l->plain = true;
    return message != NULL &&
           add(l, SOPS_FIND_PLAIN_LEAF, n, message, "take it out, and write it with sops set or sops edit", e);
}

static bool check_clear(struct leaves *l, const struct sops_node *n, struct sops_err *e)
{
    if (n->kind == SOPS_STR && sops_slice_starts(n->text, START)) {
        const char *message = text(l, e, "a ciphertext, and % of the file leaves it as it is", l->rule, "");
        return message != NULL && add(l, SOPS_FIND_SEALED_WHERE_CLEAR, n, message, "write the value with sops set", e);
    }
    if ((n->flags & SOPS_WANTED) == 0 || n->text.len == 0) {
        return true;
    }
    const char *message =
        text(l, e, "clear by % of the file, and the creation rule has %, which would encrypt it", l->rule, l->creation);
    const char *help = message == NULL ? NULL
                                       : sops_arena_text(&l->c->arena, e,
                                                         "sops decrypt -i %s && %s encrypt -i %s: it then has the rule",
                                                         l->word, l->s->command, l->word);
    return help != NULL && add(l, SOPS_FIND_CLEAR_BY_CONFIG, n, message, help, e);
}

static bool check_leaf(struct leaves *l, const struct sops_walk *at, struct sops_err *e)
{
    const struct sops_node *n = at->at;
    struct sops_slice aad = sops_buf_view(&at->aad);
    if (at->part != l->part) {
        l->part = at->part;
        sops_table_free(&l->data);
    }
    if (n->kind == SOPS_COMMENT) {
        return check_comment(l, n, aad, e);
    }
    if (n->kind == SOPS_NULL) {
        return true;
    }
    bool item_comment = sops_slice_ends(n->text, SOPS_LIT(",type:comment]"));
    l->values = l->values || (n->text.len != 0 && !item_comment);
    l->sealed = l->sealed || (n->kind == SOPS_STR && sops_slice_starts(n->text, SOPS_LIT("ENC[")) && !item_comment);
    return (n->flags & SOPS_MARKED) != 0 ? check_marked(l, n, aad, e) : check_clear(l, n, e);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------------------- */

/* Marks what the creation rule would encrypt, where that is another rule. */
static bool mark_wanted(struct leaves *l, struct sops_err *e)
{
    struct sops_doc *d = &l->c->look.doc;
    const struct sops_judge_rule *r = l->c->verdict.rule;
    struct sops_rules rules = {0};
    struct sops_err why = {0};
    bool whole = (l->c->look.format->flags & SOPS_FMT_WHOLE) != 0;
    if (!l->s->drift || r == NULL || r->keys_fault != NULL || whole) {
        return true;
    }
    sops_judge_crypt(r, &rules);
    bool good = sops_rules_compile(&rules, &why), ok = !why.memory || sops_fail_memory(e);
    if (ok && good) {
        l->creation = sops_part_rule(&l->c->arena, &rules, e);
        ok = l->creation != NULL && sops_rules_mark(&rules, d, e);
        for (struct sops_node *part = ok ? d->parts : NULL; part != NULL; part = part->next) {
            for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
                n->flags |= (n->flags & SOPS_MARKED) != 0 ? SOPS_WANTED : 0;
            }
        }
    }
    sops_err_clear(&why);
    sops_rules_free(&rules);
    return ok;
}

static bool add_nothing(struct leaves *l, struct sops_err *e)
{
    return sops_findings_add(&l->c->found, SOPS_FIND_NOTHING_ENCRYPTED, l->c->sops_line, (struct sops_slice){0}, e,
                             "no value is encrypted: %s of the file leaves all of them clear", l->rule) &&
           sops_findings_help(&l->c->found, e, "correct the creation rule, then sops decrypt -i %s && %s encrypt -i %s",
                              l->word, l->s->command, l->word);
}

/* A tree that cannot be walked: a key that is no text, a number that nothing can hold. */
static bool add_unwalkable(struct leaves *l, const struct sops_err *why, struct sops_err *e)
{
    return sops_findings_add(&l->c->found, SOPS_FIND_SYNTAX, why->line, (struct sops_slice){0}, e, "%s", why->msg) &&
           sops_findings_help(&l->c->found, e, "git checkout HEAD -- %s", l->word);
}

bool sops_part_leaves(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct leaves l = {.s = s, .c = c, .pather = {.secrets = s->secrets}, .creation = ""};
    struct sops_walk walk = {.doc = &c->look.doc};
    struct sops_err why = {0};
    l.rule = sops_part_rule(&c->arena, &c->meta.rules, e);
    l.word = l.rule != NULL ? sops_part_word(&c->arena, s->name, e) : NULL;
    bool ok = l.word != NULL && mark_wanted(&l, e) && sops_rules_mark(&c->meta.rules, &c->look.doc, e);
    while (ok && sops_walk_next(&walk, &why)) {
        ok = check_leaf(&l, &walk, e);
    }
    if (ok && why.code != SOPS_OK) {
        ok = why.memory ? sops_fail_memory(e) : add_unwalkable(&l, &why, e);
    } else if (ok && l.values && !l.sealed && !l.plain) {
        ok = add_nothing(&l, e);
    }
    sops_err_clear(&why);
    sops_walk_free(&walk);
    sops_table_free(&l.ciphers);
    sops_table_free(&l.data);
    sops_buf_free(&l.path);
    sops_buf_free(&l.scratch);
    return ok;
}
