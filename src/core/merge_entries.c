/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a map in three versions: brought together by their keys, and in an order that respects both sides. */
#include "core/merge_internal.h"

/* The prints that `v` is compared by with `w`. */
static const struct sops_shapes *prints_for(const struct merging *g, unsigned v, unsigned w)
{
    bool by_cipher = g->in->base_closed && (v == BASE || w == BASE) && v != BASE;
    return by_cipher ? &g->by_cipher[v] : &g->shapes[v];
}

bool sops_merge_equal(const struct merging *g, unsigned v, uint32_t a, unsigned w, uint32_t b)
{
    return a != SOPS_NO_SHAPE && b != SOPS_NO_SHAPE &&
           sops_print_eq(&prints_for(g, v, w)->shape[a].value, &prints_for(g, w, v)->shape[b].value);
}

bool sops_notes_equal(const struct merging *g, unsigned v, struct notes a, unsigned w, struct notes b)
{
    const struct sops_shapes *x = prints_for(g, v, w), *y = prints_for(g, w, v);
    uint32_t i = a.first, k = b.first;
    for (uint32_t left = a.count; a.count == b.count && left != 0; left--) {
        if (!sops_print_eq(&x->shape[i].value, &y->shape[k].value)) {
            return false;
        }
        i = x->shape[i].next;
        k = y->shape[k].next;
    }
    return a.count == b.count;
}

/* ---- what tells items apart ------------------------------------------------------------------------------------- */

/* The text under `identity` in the map `item`: a text or whole number that is clear. NULL: there is none. */
static const struct sops_node *name_of(const struct merging *g, unsigned version, const struct sops_node *item,
                                       const char *identity)
{
    const struct sops_node *n = item->kind == SOPS_MAP ? sops_node_find(item, sops_str(identity)) : NULL;
    bool fits = n != NULL && (n->kind == SOPS_STR || n->kind == SOPS_INT);
    bool closed = fits && version == BASE && g->in->base_closed && (n->flags & SOPS_MARKED) != 0;
    return fits && !closed ? n : NULL;
}

static bool all_have(const struct merging *g, unsigned version, uint32_t at, const char *identity, size_t *items)
{
    *items = 0;
    for (uint32_t i = shape_of(g, version, at)->child; i != SOPS_NO_SHAPE; i = shape_of(g, version, i)->next) {
        const struct sops_shape *item = shape_of(g, version, i);
        if (!item->comment && name_of(g, version, item->node, identity) == NULL) {
            return false;
        }
        *items += !item->comment;
    }
    return true;
}

const char *sops_list_identity(const struct merging *g, const uint32_t at[VERSIONS])
{
    static const char *const names[] = {"name", "key", "id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t items[VERSIONS] = {0};
        bool fits = true;
        for (unsigned v = BASE; fits && v < VERSIONS; v++) {
            fits = at[v] == SOPS_NO_SHAPE || all_have(g, v, at[v], names[i], &items[v]);
        }
        if (fits && items[OURS] != 0 && items[THEIRS] != 0) {
            return names[i];
        }
    }
    return NULL;
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

/* Notes what tells the last entry apart. */
static bool add_identity(const struct merging *g, unsigned version, const char *identity, struct entries *x,
                         struct sops_err *e)
{
    const struct sops_node *n = shape_of(g, version, x->entry[x->count - 1].at)->node;
    struct sops_slice *id = &x->id[x->count - 1];
    bool fresh = false;
    *id = identity != NULL ? name_of(g, version, n, identity)->text : n->key;
    x->good = x->good && (identity != NULL || n->key_kind == SOPS_STR);
    void **place = sops_table_put(&x->by_id, *id, &fresh, e);
    if (place != NULL) {
        *place = (void *)(uintptr_t)x->count;
        x->good = x->good && fresh;
    }
    return place != NULL;
}

bool sops_entries_make(const struct merging *g, unsigned version, uint32_t at, const char *identity,
                       struct entries *out, struct sops_err *e)
{
    const struct sops_shape *shape = g->shapes[version].shape;
    struct notes run = {.first = SOPS_NO_SHAPE};
    size_t most = 0;
    out->good = true;
    for (uint32_t i = shape[at].child; i != SOPS_NO_SHAPE; i = shape[i].next) {
        most += !shape[i].comment;
    }
    out->entry = sops_alloc(most * sizeof *out->entry, e);
    out->id = out->entry != NULL ? sops_alloc(most * sizeof *out->id, e) : NULL;
    if (out->id == NULL) {
        return false;
    }
    for (uint32_t i = shape[at].child; i != SOPS_NO_SHAPE; i = shape[i].next) {
        if (shape[i].comment) {
            run.first = run.count++ == 0 ? i : run.first;
            continue;
        }
        if (g->in->comments_behind) {
            *(out->count != 0 ? &out->entry[out->count - 1].notes : &out->loose) = run;
        }
        out->entry[out->count++] = (struct entry){i, g->in->comments_behind ? (struct notes){0} : run};
        run = (struct notes){.first = SOPS_NO_SHAPE};
        if (!add_identity(g, version, identity, out, e)) {
            return false;
        }
    }
    *(g->in->comments_behind && out->count != 0 ? &out->entry[out->count - 1].notes : &out->loose) = run;
    return true;
}

void sops_entries_free(struct entries *x)
{
    sops_free(x->entry);
    sops_free(x->id);
    sops_table_free(&x->by_id);
    *x = (struct entries){0};
}

/* ---- slots ------------------------------------------------------------------------------------------------------ */

/* The place in `x`, counted from 1, of what `id` tells apart; 0: it is not there. */
static size_t place_in(const struct entries *x, struct sops_slice id)
{
    return (size_t)(uintptr_t)sops_table_get(&x->by_id, id);
}

/* Does the side stand in the base's order, as far as all three have the entries? */
static bool keeps_order(const struct entries *side, const struct entries *base, const struct entries *other)
{
    size_t last = 0;
    for (size_t i = 0; i < side->count; i++) {
        size_t place = place_in(other, side->id[i]) != 0 ? place_in(base, side->id[i]) : 0;
        if (place != 0 && place < last) {
            return false;
        }
        last = place != 0 ? place : last;
    }
    return true;
}

/* One side does not have it any more, and the other left it alone: it is gone. */
static bool is_gone(struct merging *g, const struct slot *s)
{
    uint32_t o = s->in[BASE].at, a = s->in[OURS].at, b = s->in[THEIRS].at;
    if (a == SOPS_NO_SHAPE && sops_merge_equal(g, BASE, o, THEIRS, b)) {
        g->m->from_ours++;
        return true;
    }
    if (b == SOPS_NO_SHAPE && sops_merge_equal(g, BASE, o, OURS, a)) {
        g->m->from_theirs++;
        return true;
    }
    return false;
}

/* The slots as a chain that begins and ends at slot[0], which is none itself. */
struct chain {
    struct slot *slot;
    size_t count;
    uint32_t *of; /* the slot of each entry of the side that gives the order */
};
enum { CHAIN_START = 0, CHAIN_END = 0 };
#define NO_SLOT UINT32_MAX

static struct slot slot_of(const struct entries x[VERSIONS], struct sops_slice id)
{
    struct slot s;
    for (unsigned v = BASE; v < VERSIONS; v++) {
        size_t place = place_in(&x[v], id);
        s.in[v] = place != 0 ? x[v].entry[place - 1] : (struct entry){.at = SOPS_NO_SHAPE};
    }
    s.next = CHAIN_END;
    return s;
}

/* Adds a slot behind `after`; NO_SLOT: it is gone. */
static uint32_t add_slot(struct merging *g, struct chain *c, uint32_t after, const struct slot *s)
{
    if (is_gone(g, s)) {
        return NO_SLOT;
    }
    uint32_t at = (uint32_t)c->count++;
    c->slot[at] = *s;
    c->slot[at].next = c->slot[after].next;
    c->slot[after].next = at;
    return at;
}

/* Behind `at` and what follows there that only the side `first` has added. */
static uint32_t behind_added(const struct chain *c, uint32_t at, unsigned first)
{
    for (;;) {
        const struct slot *next = &c->slot[c->slot[at].next];
        unsigned other = first == OURS ? THEIRS : OURS;
        if (c->slot[at].next == CHAIN_END || next->in[other].at != SOPS_NO_SHAPE ||
            next->in[BASE].at != SOPS_NO_SHAPE) {
            return at;
        }
        at = c->slot[at].next;
    }
}

static void fill_chain(struct merging *g, struct chain *c, const struct entries x[VERSIONS], unsigned first)
{
    unsigned second = first == OURS ? THEIRS : OURS;
    uint32_t last = CHAIN_START;
    for (size_t i = 0; i < x[first].count; i++) {
        struct slot s = slot_of(x, x[first].id[i]);
        c->of[i] = add_slot(g, c, last, &s);
        last = c->of[i] != NO_SLOT ? c->of[i] : last;
    }
    last = CHAIN_START;
    for (size_t i = 0; i < x[second].count; i++) {
        size_t place = place_in(&x[first], x[second].id[i]);
        uint32_t at = place != 0 ? c->of[place - 1] : NO_SLOT;
        if (place == 0) {
            struct slot s = slot_of(x, x[second].id[i]);
            at = add_slot(g, c, behind_added(c, last, first), &s);
        }
        last = at != NO_SLOT ? at : last;
    }
}

bool sops_slots_make(struct merging *g, const struct entries x[VERSIONS], struct slot **list, size_t *count,
                     struct sops_err *e)
{
    bool reordered = keeps_order(&x[OURS], &x[BASE], &x[THEIRS]) && !keeps_order(&x[THEIRS], &x[BASE], &x[OURS]);
    unsigned first = reordered ? THEIRS : OURS;
    struct chain c = {.count = 1};
    size_t most = x[OURS].count + x[THEIRS].count + 1;
    if (most >= NO_SLOT) {
        return sops_fail_memory(e);
    }
    c.slot = sops_alloc(most * sizeof *c.slot, e);
    c.of = c.slot != NULL ? sops_alloc(x[first].count * sizeof *c.of, e) : NULL;
    *list = c.of != NULL ? sops_alloc(most * sizeof **list, e) : NULL;
    if (*list != NULL) {
        fill_chain(g, &c, x, first);
        for (uint32_t at = c.slot[CHAIN_START].next; at != CHAIN_END; at = c.slot[at].next) {
            (*list)[(*count)++] = c.slot[at];
        }
    }
    sops_free(c.slot);
    sops_free(c.of);
    return *list != NULL;
}
