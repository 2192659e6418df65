/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs that are to be compared wait on a stack of our own; the last document is put there first, so that changes come
 * out in order. */
#include "core/diff.h"

#include "base/table.h"

#include <sodium.h>

struct pair {
    uint32_t a, b;
    unsigned document;
};
struct differ {
    struct sops_shapes a, b;
    struct sops_changes *out;
    struct pair *pair;
    size_t count, cap;
    unsigned document;
};

void sops_changes_free(struct sops_changes *c)
{
    sops_free(c->change);
    *c = (struct sops_changes){0};
}

static bool add_change(struct differ *d, enum sops_change_op op, const struct sops_node *a, const struct sops_node *b,
                       struct sops_err *e)
{
    struct sops_changes *c = d->out;
    struct sops_change *grown = sops_grow(c->change, c->count, &c->cap, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    c->change = grown;
    c->change[c->count++] = (struct sops_change){op, d->document, a, b};
    return true;
}

static bool push_pair(struct differ *d, uint32_t a, uint32_t b, struct sops_err *e)
{
    struct pair *grown = sops_grow(d->pair, d->count, &d->cap, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    d->pair = grown;
    d->pair[d->count++] = (struct pair){a, b, d->document};
    return true;
}

/* Every leaf of `n`, added or removed. */
static bool add_all(struct differ *d, enum sops_change_op op, struct sops_node *n, struct sops_err *e)
{
    for (struct sops_node *x = n; x != NULL; x = sops_node_after(n, x)) {
        if (x->child == NULL && !add_change(d, op, op == SOPS_REMOVE ? x : NULL, op == SOPS_ADD ? x : NULL, e)) {
            return false;
        }
    }
    return true;
}

/* ---- rows of children -------------------------------------------------------------------------------------------- */

/* The comments, or all but the comments, in the map or list `at`. */
struct row {
    uint32_t *at;
    struct sops_print *print;
    size_t count;
};

static bool row_of(const struct sops_shapes *s, uint32_t at, bool comments, struct row *r, struct sops_err *e)
{
    size_t count = 0;
    for (uint32_t i = s->shape[at].child; i != SOPS_NO_SHAPE; i = s->shape[i].next) {
        count += s->shape[i].comment == comments;
    }
    r->at = sops_alloc(count * sizeof *r->at, e);
    r->print = r->at != NULL ? sops_alloc(count * sizeof *r->print, e) : NULL;
    if (r->print == NULL) {
        return false;
    }
    for (uint32_t i = s->shape[at].child; i != SOPS_NO_SHAPE; i = s->shape[i].next) {
        if (s->shape[i].comment == comments) {
            r->print[r->count] = s->shape[i].value;
            r->at[r->count++] = i;
        }
    }
    return true;
}

static void row_free(struct row *r)
{
    sops_free(r->at);
    sops_free(r->print);
}

/* Two children that stand for each other. Comments that changed are taken away and added. */
static bool compare_pair(struct differ *d, uint32_t x, uint32_t y, struct sops_err *e)
{
    const struct sops_shape *a = &d->a.shape[x], *b = &d->b.shape[y];
    if (sops_print_eq(&a->whole, &b->whole)) {
        return true;
    }
    bool leaves = sops_node_is_leaf(a->node) && sops_node_is_leaf(b->node);
    if (leaves && !a->comment && !b->comment) {
        return add_change(d, SOPS_CHANGE, a->node, b->node, e);
    }
    if (!leaves && a->node->kind == b->node->kind) {
        return push_pair(d, x, y, e);
    }
    return add_all(d, SOPS_REMOVE, a->node, e) && add_all(d, SOPS_ADD, b->node, e);
}

/* What stands between two matches: the n-th of one against the n-th of the other (but for comments), the rest is added
 * or removed. */
static bool compare_stretch(struct differ *d, const struct row *a, size_t i, size_t i_end, const struct row *b,
                            size_t k, size_t k_end, bool comments, struct sops_err *e)
{
    for (; !comments && i < i_end && k < k_end; i++, k++) {
        if (!compare_pair(d, a->at[i], b->at[k], e)) {
            return false;
        }
    }
    for (; i < i_end; i++) {
        if (!add_all(d, SOPS_REMOVE, d->a.shape[a->at[i]].node, e)) {
            return false;
        }
    }
    for (; k < k_end; k++) {
        if (!add_all(d, SOPS_ADD, d->b.shape[b->at[k]].node, e)) {
            return false;
        }
    }
    return true;
}

static bool compare_rows(struct differ *d, const struct row *a, const struct row *b, bool comments, struct sops_err *e)
{
    uint32_t *to = sops_alloc(a->count * sizeof *to, e);
    bool far = false, ok = to != NULL && sops_match((struct sops_row){a->print, a->count},
                                                    (struct sops_row){b->print, b->count}, to, &far, e);
    size_t i = 0, k = 0;
    for (size_t n = 0; ok && !far && n < a->count; n++) {
        if (to[n] != SOPS_NO_MATCH) {
            ok = compare_stretch(d, a, i, n, b, k, to[n], comments, e) && compare_pair(d, a->at[n], b->at[to[n]], e);
            i = n + 1;
            k = (size_t)to[n] + 1;
        }
    }
    ok = ok && compare_stretch(d, a, i, a->count, b, k, b->count, comments, e);
    sops_free(to);
    return ok;
}

static bool compare_items(struct differ *d, uint32_t a, uint32_t b, bool comments, struct sops_err *e)
{
    struct row x = {0}, y = {0};
    bool ok =
        row_of(&d->a, a, comments, &x, e) && row_of(&d->b, b, comments, &y, e) && compare_rows(d, &x, &y, comments, e);
    row_free(&x);
    row_free(&y);
    return ok;
}

/* ---- maps ------------------------------------------------------------------------------------------------------- */

/* The entries by key; false in `*plain` when one stands twice, or is no text. */
static bool index_entries(const struct sops_shapes *s, uint32_t at, struct sops_table *t, bool *plain,
                          struct sops_err *e)
{
    for (uint32_t i = s->shape[at].child; i != SOPS_NO_SHAPE; i = s->shape[i].next) {
        bool fresh = true;
        if (s->shape[i].comment) {
            continue;
        }
        void **place = sops_table_put(t, s->shape[i].node->key, &fresh, e);
        if (place == NULL) {
            return false;
        }
        *place = (void *)((uintptr_t)i + 1);
        *plain = *plain && fresh && s->shape[i].node->key_kind == SOPS_STR;
    }
    return true;
}

static bool compare_entries(struct differ *d, uint32_t a, uint32_t b, const struct sops_table *of_a,
                            const struct sops_table *of_b, struct sops_err *e)
{
    for (uint32_t i = d->a.shape[a].child; i != SOPS_NO_SHAPE; i = d->a.shape[i].next) {
        uintptr_t k = d->a.shape[i].comment ? 0 : (uintptr_t)sops_table_get(of_b, d->a.shape[i].node->key);
        if (d->a.shape[i].comment) {
            continue;
        }
        if (!(k != 0 ? compare_pair(d, i, (uint32_t)(k - 1), e) : add_all(d, SOPS_REMOVE, d->a.shape[i].node, e))) {
            return false;
        }
    }
    for (uint32_t k = d->b.shape[b].child; k != SOPS_NO_SHAPE; k = d->b.shape[k].next) {
        bool added = !d->b.shape[k].comment && sops_table_get(of_a, d->b.shape[k].node->key) == NULL;
        if (added && !add_all(d, SOPS_ADD, d->b.shape[k].node, e)) {
            return false;
        }
    }
    return true;
}

static bool compare_maps(struct differ *d, uint32_t a, uint32_t b, struct sops_err *e)
{
    struct sops_table of_a = {0}, of_b = {0};
    bool plain = true;
    bool ok = index_entries(&d->a, a, &of_a, &plain, e) && index_entries(&d->b, b, &of_b, &plain, e);
    ok = ok && (plain ? compare_entries(d, a, b, &of_a, &of_b, e) : compare_items(d, a, b, false, e));
    sops_table_free(&of_a);
    sops_table_free(&of_b);
    return ok;
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

static bool work_off(struct differ *d, struct sops_err *e)
{
    while (d->count != 0) {
        const struct pair p = d->pair[--d->count];
        bool map = d->a.shape[p.a].node->kind == SOPS_MAP;
        d->document = p.document;
        if (!(map ? compare_maps(d, p.a, p.b, e) : compare_items(d, p.a, p.b, false, e)) ||
            !compare_items(d, p.a, p.b, true, e)) {
            return false;
        }
    }
    return true;
}

static uint32_t next_part(const struct sops_shapes *s, uint32_t at)
{
    return at != SOPS_NO_SHAPE ? s->shape[at].next : SOPS_NO_SHAPE;
}

static bool compare_parts(struct differ *d, struct sops_err *e)
{
    uint32_t x = d->a.count != 0 ? 0 : SOPS_NO_SHAPE, y = d->b.count != 0 ? 0 : SOPS_NO_SHAPE;
    for (d->document = 1; x != SOPS_NO_SHAPE || y != SOPS_NO_SHAPE; d->document++) {
        unsigned document = d->document;
        if (x != SOPS_NO_SHAPE && y != SOPS_NO_SHAPE) {
            if (!compare_pair(d, x, y, e) || !work_off(d, e)) {
                return false;
            }
        } else if (!(x != SOPS_NO_SHAPE ? add_all(d, SOPS_REMOVE, d->a.shape[x].node, e)
                                        : add_all(d, SOPS_ADD, d->b.shape[y].node, e))) {
            return false;
        }
        d->document = document;
        x = next_part(&d->a, x);
        y = next_part(&d->b, y);
    }
    return true;
}

bool sops_diff(const struct sops_doc *a, const struct sops_doc *b, enum sops_shape_by by, struct sops_changes *out,
               struct sops_err *e)
{
    struct differ d = {.out = out};
    uint8_t key[SOPS_PRINT_KEY];
    randombytes_buf(key, sizeof key);
    bool ok = sops_shapes_make(&d.a, a, key, by, e) && sops_shapes_make(&d.b, b, key, by, e) && compare_parts(&d, e);
    sops_shapes_free(&d.a);
    sops_shapes_free(&d.b);
    sops_free(d.pair);
    return ok;
}
