/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was written is read by the format's own reader, so that no second list of "what a format cannot hold" has to
 * agree with it. Values are compared as the MAC will see them: in a lossy format everything comes back as a string.
 */
#include "core/readback.h"

#include "base/table.h"

/* ---- keys and texts ------------------------------------------------------------------------------------------- */

static const struct sops_node *entry(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

static bool is_marked(const struct sops_node *n) { return (n->flags & SOPS_MARKED) != 0; }

/* A clear text has to come back as it is only when the MAC counts it. (Null is never marked, but what it is read back
 * as may be, and that is no ciphertext.) */
static bool same_leaf(const struct sops_node *n, const struct sops_node *read, const struct sops_rules *rules)
{
    if (read == NULL || read->kind != SOPS_STR || !sops_slice_eq(n->key, read->key)) {
        return false;
    }
    bool counts = !rules->mac_only_encrypted || is_marked(n) || is_marked(read);
    return !counts || sops_slice_eq(n->text, read->text);
}

/* The first leaf of `map` that is not the same in `read`, or `map` when that has more; NULL when all is well. */
static const struct sops_node *changed_in(const struct sops_node *map, const struct sops_node *read,
                                          const struct sops_rules *rules)
{
    const struct sops_node *r = entry(read->child);
    for (const struct sops_node *n = entry(map->child); n != NULL; n = entry(n->next)) {
        if (!same_leaf(n, r, rules)) {
            return n;
        }
        r = entry(r->next);
    }
    return r != NULL ? map : NULL;
}

/* A reader may see an empty mapping that nobody wrote (INI always has its first section): it has no bytes for the MAC.
 */
static const struct sops_node *without_empty(const struct sops_node *r, struct sops_slice key)
{
    while (r != NULL && r->kind == SOPS_MAP && entry(r->child) == NULL && !sops_slice_eq(r->key, key)) {
        r = entry(r->next);
    }
    return r;
}

/* Lossy formats hold leaves, or mappings of leaves; the writer has refused all else. */
static const struct sops_node *changed(const struct sops_node *part, const struct sops_node *read,
                                       const struct sops_rules *rules)
{
    const struct sops_node *r = read != NULL ? entry(read->child) : NULL;
    for (const struct sops_node *n = entry(part->child); n != NULL; n = entry(n->next)) {
        const struct sops_node *inside = NULL;
        r = without_empty(r, n->key);
        if (n->kind != SOPS_MAP) {
            inside = same_leaf(n, r, rules) ? NULL : n;
        } else if (r == NULL || r->kind != SOPS_MAP || !sops_slice_eq(n->key, r->key)) {
            inside = n;
        } else {
            inside = changed_in(n, r, rules);
        }
        if (inside != NULL) {
            return inside;
        }
        r = entry(r->next);
    }
    return without_empty(r, SOPS_LIT("")) != NULL ? part->last : NULL;
}

/* ---- the answers of a comment rule ------------------------------------------------------------------------------- */

/* Leaf by leaf, without the metadata: values only, or comments only. */
struct cursor {
    struct sops_node *part, *top, *at;
    enum sops_layout layout;
    bool comments;
};

static bool is_metadata(const struct cursor *c, const struct sops_node *top)
{
    return c->layout == SOPS_META_PREFIX ? sops_slice_starts(top->key, SOPS_LIT("sops_"))
                                         : sops_slice_eq(top->key, SOPS_LIT("sops"));
}

/* The next entry of the top level, in this part or a later one; false at the end. */
static bool next_top(struct cursor *c)
{
    do {
        if (c->top != NULL) {
            c->top = c->top->next;
        } else if (c->part != NULL) {
            c->top = c->part->child;
        }
        while (c->top == NULL && c->part != NULL) {
            c->part = c->part->next;
            c->top = c->part != NULL ? c->part->child : NULL;
        }
    } while (c->top != NULL && is_metadata(c, c->top));
    c->at = c->top;
    return c->at != NULL;
}

/* The next leaf, or NULL. */
static const struct sops_node *next_leaf(struct cursor *c)
{
    do {
        c->at = c->at != NULL ? sops_node_after(c->top, c->at) : NULL;
        if (c->at == NULL && !next_top(c)) {
            return NULL;
        }
    } while (!sops_node_is_leaf(c->at) || (c->at->kind == SOPS_COMMENT) != c->comments);
    return c->at;
}

/* The first value whose mark is another one in `read`, or NULL. */
static const struct sops_node *remarked(const struct sops_doc *d, const struct sops_doc *read, enum sops_layout layout)
{
    struct cursor was = {.part = d->parts, .layout = layout};
    struct cursor is = {.part = read->parts, .layout = layout};
    for (;;) {
        const struct sops_node *n = next_leaf(&was);
        const struct sops_node *r = next_leaf(&is);
        if (n == NULL || r == NULL || is_marked(n) != is_marked(r)) {
            return n;
        }
    }
}

/* The first encrypted comment that would be taken for a clear one. Comments may move among the values or be dropped,
 * but a ciphertext is known again by its text; one that is clear here does no harm whatever is made of it. */
static bool find_lost_comment(const struct sops_doc *d, const struct sops_doc *read, enum sops_layout layout,
                              const struct sops_node **lost, struct sops_err *e)
{
    struct cursor was = {.part = d->parts, .layout = layout, .comments = true};
    struct cursor is = {.part = read->parts, .layout = layout, .comments = true};
    struct sops_table marks = {0};
    const struct sops_node *n = NULL;
    bool ok = true;
    while (ok && (n = next_leaf(&is)) != NULL) {
        void **place = sops_table_put(&marks, n->text, NULL, e);
        ok = place != NULL;
        if (ok) {
            *place = is.at;
        }
    }
    *lost = NULL;
    while (ok && *lost == NULL && (n = next_leaf(&was)) != NULL) {
        const struct sops_node *r = is_marked(n) && n->text.len != 0 ? sops_table_get(&marks, n->text) : NULL;
        *lost = r != NULL && !is_marked(r) ? n : NULL;
    }
    sops_table_free(&marks);
    return ok;
}

/* ---- both ------------------------------------------------------------------------------------------------------ */

static bool refuse(const struct sops_node *n, int code, const char *why, struct sops_err *e)
{
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, e)) {
        sops_fail(e, code, "%.*s %s", SOPS_ARG(sops_buf_view(&path)), why);
    }
    sops_buf_free(&path);
    return false;
}

static bool check_texts(const struct sops_doc *d, const struct sops_doc *read, const struct sops_format *f,
                        const struct sops_rules *rules, struct sops_err *e)
{
    const struct sops_node *n = changed(d->parts, read->parts, rules);
    if (n == NULL) {
        return true;
    }
    refuse(n, SOPS_E_DUMP, "would be read back as something else, so that the file could not be decrypted", e);
    sops_within(e, "%s cannot hold this document", f->name);
    return sops_hint(e, "encrypt the value or rename the key; --output-type selects another type");
}

static bool check_marks(const struct sops_doc *d, const struct sops_doc *read, const struct sops_format *f,
                        struct sops_err *e)
{
    const struct sops_node *n = remarked(d, read, f->meta);
    if (n == NULL && !find_lost_comment(d, read, f->meta, &n, e)) {
        return false;
    }
    if (n == NULL) {
        return true;
    }
    refuse(n, SOPS_E_ENCRYPT, "would fall under the comment rule otherwise when it is read again", e);
    return sops_hint(e, "a comment near it ends up at another place in the encrypted file; put it above the key");
}

bool sops_readback(const struct sops_doc *d, const struct sops_format *f, const struct sops_rules *rules,
                   struct sops_slice bytes, struct sops_err *e)
{
    enum sops_rule which = sops_rules_which(rules);
    bool by_comment = which == SOPS_UNENCRYPTED_COMMENT_REGEX || which == SOPS_ENCRYPTED_COMMENT_REGEX;
    bool lossy = (f->flags & SOPS_FMT_LOSSY) != 0;
    if (d->parts == NULL || (!lossy && !(by_comment && (f->flags & SOPS_FMT_COMMENTS) != 0))) {
        return true;
    }
    struct sops_doc read = {.reading = {.lent = bytes}};
    struct sops_err unread = {0};
    bool good = sops_doc_parse(&read, f, bytes, &unread);
    if (!good && unread.code != SOPS_E_READ) {
        sops_fail(e, unread.code, "%s", unread.msg);
    } else if (!good && !lossy) {
        sops_fail(e, SOPS_E_ENCRYPT, "the encrypted file could not be read again: %s", unread.msg);
    } else if (!(by_comment || rules->mac_only_encrypted) || sops_rules_mark(rules, &read, e)) {
        /* When a lossy format cannot be read at all, the first entry that is missing tells why. */
        bool whole = good;
        good = (!lossy || check_texts(d, &read, f, rules, e)) && (!by_comment || check_marks(d, &read, f, e)) &&
               (whole || sops_fail(e, SOPS_E_DUMP, "%s cannot hold this document", f->name));
    } else {
        good = false;
    }
    sops_err_clear(&unread);
    sops_doc_free(&read);
    return good;
}
