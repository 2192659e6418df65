/* SPDX-License-Identifier: Apache-2.0 */
/* TOML laid out anew (docs/spec/76-text-as-written.md#86-other-formats). The order of the tree stays, as the MAC counts
 * it: so a mapping is a table only when nothing but tables follows it, for what follows a header belongs to it. */
#include "formats/toml.h"

static const struct sops_node *skip_comments(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

/* ---- on one line ------------------------------------------------------------------------------------------------- */

static enum sops_toml_quote quote_for(const struct sops_node *n)
{
    bool lines = sops_slice_find(n->text, '\n') != n->text.len;
    /* A sealed date stands in the quotes that say what it is. */
    bool date = (n->flags & SOPS_BARE) != 0 && sops_slice_starts(n->text, SOPS_LIT("ENC["));
    return lines ? SOPS_TOML_LONG : date ? SOPS_TOML_LITERAL : SOPS_TOML_BASIC;
}

/* What stands in front of the value of `n`: its key, and what separates it. `first`: in its map or list. */
static bool add_start(const struct sops_node *n, bool first, struct sops_buf *out, struct sops_err *e)
{
    if (n->up->kind == SOPS_LIST) {
        return first || sops_buf_adds(out, ", ", e);
    }
    return sops_buf_adds(out, first ? " " : ", ", e) && sops_toml_add_key(n->key, out, e) &&
           sops_buf_adds(out, " = ", e);
}

bool sops_toml_add_inline(const struct sops_node *root, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *n = root;
    bool ok = true;
    while (ok) {
        const struct sops_node *inside = sops_node_is_leaf(n) ? NULL : skip_comments(n->child);
        if (sops_node_is_leaf(n)) {
            ok = sops_toml_add_scalar(n, quote_for(n), out, e);
        } else if (inside == NULL) {
            ok = sops_buf_adds(out, n->kind == SOPS_MAP ? "{}" : "[]", e);
        } else {
            ok = sops_buf_addc(out, n->kind == SOPS_MAP ? '{' : '[', e) && add_start(inside, true, out, e);
            n = inside;
            continue;
        }
        while (ok && n != root && skip_comments(n->next) == NULL) {
            n = n->up;
            ok = sops_buf_adds(out, n->kind == SOPS_MAP ? " }" : "]", e);
        }
        if (n == root) {
            return ok;
        }
        n = skip_comments(n->next);
        ok = ok && add_start(n, false, out, e);
    }
    return false;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* May it be a table, or an array of tables? */
static bool is_table(const struct sops_node *n)
{
    if (n->kind == SOPS_MAP) {
        return skip_comments(n->child) != NULL;
    }
    const struct sops_node *item = n->kind == SOPS_LIST ? n->child : NULL;
    bool any = item != NULL;
    for (; item != NULL; item = item->next) {
        any = any && item->kind == SOPS_MAP && skip_comments(item->child) != NULL;
    }
    return any;
}

/* The first entry of the map from which on all are tables; NULL: none is. */
static const struct sops_node *first_table(const struct sops_node *map)
{
    const struct sops_node *first = NULL;
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        bool table = is_table(n);
        first = !table ? NULL : first == NULL ? n : first;
    }
    return first;
}

struct layer {
    const struct sops_node *map, *next; /* next: the table to go on with */
};

struct writer {
    struct sops_buf *out;
    struct layer *layer;
    size_t depth, cap;
};

static bool add_comment(struct writer *w, const struct sops_node *n, struct sops_err *e)
{
    struct sops_slice rest = n->text, line;
    bool ok = true;
    if (rest.len == 0) {
        return sops_buf_adds(w->out, "#\n", e);
    }
    for (bool first = true; ok && sops_slice_next(&rest, '\n', &line); first = false) {
        ok = sops_buf_adds(w->out, first ? "#" : "# ", e) && sops_buf_add(w->out, line, e) &&
             sops_buf_addc(w->out, '\n', e);
    }
    return ok;
}

/* The entries of a map that are no tables, and the comments among them. */
static bool add_entries(struct writer *w, const struct sops_node *map, const struct sops_node *tables,
                        struct sops_err *e)
{
    const struct sops_node *stop = tables;
    for (const struct sops_node *n = map->child; n != NULL && n != tables; n = n->next) {
        stop = n->kind == SOPS_COMMENT ? stop : n; /* the last one that is written here */
    }
    bool ok = true, behind = tables != NULL && stop == tables;
    for (const struct sops_node *n = map->child; ok && n != NULL && n != tables && !behind; n = n->next) {
        if (n->kind == SOPS_COMMENT) {
            ok = add_comment(w, n, e);
        } else {
            ok = sops_toml_add_key(n->key, w->out, e) && sops_buf_adds(w->out, " = ", e) &&
                 sops_toml_add_inline(n, w->out, e) && sops_buf_addc(w->out, '\n', e);
        }
        behind = tables != NULL && n == stop; /* comments behind it stand above the table */
    }
    return ok;
}

static bool add_path(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *at[2];
    size_t depth = 0;
    bool ok = true;
    for (const struct sops_node *x = n; x->up != NULL; x = x->up) {
        depth += x->up->kind == SOPS_MAP;
    }
    for (size_t want = 1; ok && want <= depth; want++) {
        size_t left = depth;
        at[0] = n;
        for (at[1] = n; at[1]->up != NULL; at[1] = at[1]->up) {
            if (at[1]->up->kind == SOPS_MAP && left-- == want) {
                at[0] = at[1];
            }
        }
        ok = (want == 1 || sops_buf_addc(out, '.', e)) && sops_toml_add_key(at[0]->key, out, e);
    }
    return ok;
}

/* The header of a table, below an empty line and the comments that stand in front of it. */
static bool add_header(struct writer *w, const struct sops_node *table, bool array, struct sops_err *e)
{
    const struct sops_node *entry = array ? table->up : table;
    bool ok = w->out->len == 0 || sops_buf_addc(w->out, '\n', e);
    if (!array || entry->child == table) {
        const struct sops_node *from = NULL;
        for (const struct sops_node *n = entry->up->child; n != entry; n = n->next) {
            from = n->kind != SOPS_COMMENT ? NULL : from == NULL ? n : from;
        }
        for (; ok && from != NULL && from != entry; from = from->next) {
            ok = add_comment(w, from, e);
        }
    }
    return ok && sops_buf_adds(w->out, array ? "[[" : "[", e) && add_path(entry, w->out, e) &&
           sops_buf_adds(w->out, array ? "]]\n" : "]\n", e);
}

static bool open_map(struct writer *w, const struct sops_node *map, struct sops_err *e)
{
    if (w->depth == w->cap) {
        size_t more = w->cap != 0 ? 2 * w->cap : 16;
        struct layer *grown = sops_alloc(more * sizeof *grown, e);
        if (grown == NULL) {
            return false;
        }
        if (w->depth != 0) {
            memcpy(grown, w->layer, w->depth * sizeof *grown);
        }
        sops_free(w->layer);
        w->layer = grown;
        w->cap = more;
    }
    const struct sops_node *tables = first_table(map);
    w->layer[w->depth++] = (struct layer){map, tables};
    return add_entries(w, map, tables, e);
}

/* Comments behind the last entry of all. */
static bool add_rest(struct writer *w, const struct sops_node *map, struct sops_err *e)
{
    const struct sops_node *from = NULL;
    bool ok = true;
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        from = n->kind != SOPS_COMMENT ? NULL : from == NULL ? n : from;
    }
    for (; ok && from != NULL; from = from->next) {
        ok = add_comment(w, from, e);
    }
    return ok;
}

bool sops_toml_emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    struct writer w = {.out = out};
    (void)s;
    bool ok = d->parts == NULL || open_map(&w, d->parts, e);
    while (ok && w.depth != 0) {
        struct layer *at = &w.layer[w.depth - 1];
        const struct sops_node *n = at->next;
        if (n == NULL) {
            const struct sops_node *map = at->map;
            w.depth--;
            ok = first_table(map) == NULL || add_rest(&w, map, e);
            continue;
        }
        bool item = n->up->kind == SOPS_LIST;
        if (!item && n->kind == SOPS_LIST) { /* its items, one by one, then what follows it */
            at->next = n->child;
            continue;
        }
        at->next = n->next != NULL ? skip_comments(n->next) : item ? skip_comments(n->up->next) : NULL;
        ok = add_header(&w, n, item, e) && open_map(&w, n, e);
    }
    sops_free(w.layer);
    return ok;
}
