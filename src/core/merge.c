/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps (and lists whose items have names) are merged entry by entry on a stack of frames of our own, as depth is the
 * input's choice; all else is decided at its place. A list that turns out not to merge by its names gives back what was
 * done for it and is decided as a whole.
 */
#include "core/merge_internal.h"

#include "base/text.h"

#include <sodium.h>

const char *const sops_conflict_words[] = {
    [SOPS_ADDED_TWICE] = "added on both sides",
    [SOPS_CHANGED_TWICE] = "changed on both sides",
    [SOPS_CHANGED_DELETED] = "changed by ours, deleted by theirs",
    [SOPS_DELETED_CHANGED] = "deleted by ours, changed by theirs",
};

/* A map that is being merged, or a list by the names of its items. */
struct frame {
    struct frame *outer;
    struct slot place;    /* of the map itself, to be decided otherwise if it does not merge */
    struct sops_node *to; /* linked where it belongs when it is done */
    struct slot *slot;
    size_t count, at;
    struct notes loose[VERSIONS];
    size_t conflicts, from_ours, from_theirs; /* as they were before */
    bool list;
};

enum outcome {
    DONE,    /* what becomes of the place stands in the result */
    OPENED,  /* a new frame works on it */
    UNFIT,   /* it cannot be merged like this */
    CLASHES, /* it is a conflict */
    NO_MEMORY,
};

/* ---- writing the result ----------------------------------------------------------------------------------------- */

static struct sops_node *side_node(const struct merging *g, unsigned v, uint32_t at)
{
    return shape_of(g, v, at)->node;
}

/* Links `n` (made here) into the map or list of the frame, or as the next document. */
static void put_node(struct merging *g, struct frame *f, struct sops_node *n)
{
    struct sops_doc *d = &g->m->doc;
    if (f != NULL) {
        sops_node_link(f->to, f->to->last, n);
        return;
    }
    *(d->tail != NULL ? &d->tail->next : &d->parts) = n;
    d->tail = n;
}

static bool put_copy(struct merging *g, struct frame *f, unsigned v, uint32_t at, struct sops_err *e)
{
    struct sops_node *n = sops_node_refer(&g->m->doc, side_node(g, v, at), e);
    if (n != NULL) {
        put_node(g, f, n);
    }
    return n != NULL;
}

/* Is the comment `i` of `v` among those? */
static bool has_note(const struct merging *g, unsigned v, uint32_t i, unsigned w, const struct notes *among)
{
    uint32_t k = among->first;
    for (uint32_t left = among->count; left != 0; left--, k = shape_of(g, w, k)->next) {
        if (sops_merge_equal(g, v, i, w, k)) {
            return true;
        }
    }
    return false;
}

/* Comments of `v`, but for those that ours or the base has, where these are given. */
static bool put_notes(struct merging *g, struct frame *f, unsigned v, struct notes notes, const struct notes *but_ours,
                      const struct notes *but_base, struct sops_err *e)
{
    uint32_t i = notes.first;
    for (uint32_t left = notes.count; left != 0; left--, i = shape_of(g, v, i)->next) {
        bool there = (but_ours != NULL && has_note(g, v, i, OURS, but_ours)) ||
                     (but_base != NULL && has_note(g, v, i, BASE, but_base));
        if (!there && !put_copy(g, f, v, i, e)) {
            return false;
        }
    }
    return true;
}

/* Is `line` one of the text's lines? */
static bool has_line(struct sops_slice text, struct sops_slice line)
{
    struct sops_slice one;
    while (text.len != 0 && sops_slice_next(&text, '\n', &one)) {
        if (sops_slice_eq(one, line)) {
            return true;
        }
    }
    return false;
}

/* A text that is new, made of those of both sides: `ours` with another text. At a conflict it stands there as ours has
 * it. */
static bool put_new_text(struct merging *g, struct frame *f, const struct sops_node *ours,
                         const struct sops_node *theirs, struct sops_slice text, struct sops_err *e)
{
    struct sops_merge *m = g->m;
    struct sops_node *n = sops_node_refer(&m->doc, ours, e);
    const struct sops_node **grown =
        m->lines < UINT32_MAX ? sops_grow(m->by_lines, m->lines, &m->lines_cap, sizeof *grown, e) : NULL;
    if (grown == NULL) {
        return false;
    }
    m->by_lines = grown;
    if (n == NULL || !sops_arena_copy(&m->doc.arena, text, &n->text, e)) {
        return false;
    }
    n->sealed = ours->sealed != NULL ? ours->sealed : theirs->sealed; /* it was encrypted on one side */
    n->flags |= SOPS_BY_LINES;
    n->line = (uint32_t)m->lines;
    m->by_lines[m->lines++] = ours;
    put_node(g, f, n);
    return true;
}

/* Where a comment belongs to the key before it a key has only one, of as many lines as you like. */
static bool put_joined_note(struct merging *g, struct frame *f, const struct notes in[VERSIONS], struct sops_err *e)
{
    const struct sops_node *ours = side_node(g, OURS, in[OURS].first), *theirs = side_node(g, THEIRS, in[THEIRS].first);
    struct sops_slice base = {0}, rest = theirs->text, line;
    struct sops_buf text = {0};
    if (in[BASE].count != 0 && !g->in->base_closed) {
        base = side_node(g, BASE, in[BASE].first)->text;
    }
    bool ok = sops_buf_add(&text, ours->text, e);
    while (ok && rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        ok = has_line(ours->text, line) || has_line(base, line) ||
             (sops_buf_addc(&text, '\n', e) && sops_buf_add(&text, line, e));
    }
    ok = ok && put_new_text(g, f, ours, theirs, sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}

/* Comments never conflict: a side that left them alone gives way, else those of ours, then what theirs adds. */
static bool put_merged_notes(struct merging *g, struct frame *f, const struct notes in[VERSIONS], struct sops_err *e)
{
    const struct notes *o = &in[BASE], *a = &in[OURS], *b = &in[THEIRS];
    if (sops_notes_equal(g, OURS, *a, THEIRS, *b) || sops_notes_equal(g, THEIRS, *b, BASE, *o)) {
        return put_notes(g, f, OURS, *a, NULL, NULL, e);
    }
    if (sops_notes_equal(g, OURS, *a, BASE, *o)) {
        return put_notes(g, f, THEIRS, *b, NULL, NULL, e);
    }
    if (g->in->comments_behind && a->count == 1 && b->count == 1) {
        return put_joined_note(g, f, in, e);
    }
    return put_notes(g, f, OURS, *a, NULL, NULL, e) && put_notes(g, f, THEIRS, *b, a, o, e);
}

static bool put_slot_notes(struct merging *g, struct frame *f, const struct slot *s, struct sops_err *e)
{
    const struct notes in[VERSIONS] = {s->in[BASE].notes, s->in[OURS].notes, s->in[THEIRS].notes};
    if (s->in[OURS].at == SOPS_NO_SHAPE) {
        return put_notes(g, f, THEIRS, in[THEIRS], NULL, NULL, e);
    }
    if (s->in[THEIRS].at == SOPS_NO_SHAPE) {
        return put_notes(g, f, OURS, in[OURS], NULL, NULL, e);
    }
    return put_merged_notes(g, f, in, e);
}

/* ---- conflicts -------------------------------------------------------------------------------------------------- */

static bool name_conflict(struct merging *g, struct frame *f, const struct slot *s, struct sops_conflict *c,
                          struct sops_err *e)
{
    struct sops_buf path = {0};
    const struct sops_node *ours = s->in[OURS].at != SOPS_NO_SHAPE ? side_node(g, OURS, s->in[OURS].at) : NULL;
    bool ok = true;
    if (ours != NULL) {
        ok = sops_node_path(ours, &path, e);
    } else {
        struct sops_node entry = *side_node(g, THEIRS, s->in[THEIRS].at);
        entry.up = side_node(g, OURS, f->place.in[OURS].at);
        ok = sops_node_path(&entry, &path, e);
    }
    ok = ok && sops_arena_copy(&g->m->doc.arena, sops_buf_view(&path), &c->path, e);
    sops_buf_free(&path);
    return ok;
}

/* Leaves the place open. Comments stand around it, but for those of an entry that only one side has. */
static bool put_conflict(struct merging *g, struct frame *f, const struct slot *s, struct sops_err *e)
{
    struct sops_merge *m = g->m;
    bool ours = s->in[OURS].at != SOPS_NO_SHAPE, theirs = s->in[THEIRS].at != SOPS_NO_SHAPE;
    struct sops_conflict *grown =
        m->conflicts < UINT32_MAX ? sops_grow(m->conflict, m->conflicts, &m->cap, sizeof *grown, e) : NULL;
    if (grown == NULL) {
        return false;
    }
    m->conflict = grown;
    struct sops_conflict *c = &m->conflict[m->conflicts];
    *c = (struct sops_conflict){.document = g->document};
    c->kind = !ours                             ? SOPS_DELETED_CHANGED
              : !theirs                         ? SOPS_CHANGED_DELETED
              : s->in[BASE].at == SOPS_NO_SHAPE ? SOPS_ADDED_TWICE
                                                : SOPS_CHANGED_TWICE;
    c->side[0] = ours ? side_node(g, OURS, s->in[OURS].at) : NULL;
    c->side[1] = theirs ? side_node(g, THEIRS, s->in[THEIRS].at) : NULL;
    if (!ours || !theirs) {
        unsigned v = ours ? OURS : THEIRS;
        c->notes = s->in[v].notes.count;
        c->note = c->notes != 0 ? side_node(g, v, s->in[v].notes.first) : NULL;
    }
    const struct sops_node *key = c->side[ours ? 0 : 1];
    struct sops_node *open = name_conflict(g, f, s, c, e) ? sops_arena_alloc(&m->doc.arena, sizeof *open, e) : NULL;
    if (open == NULL) {
        return false;
    }
    *open = (struct sops_node){.kind = SOPS_NULL, .key_kind = key->key_kind, .key = key->key, .flags = SOPS_OPEN_ENTRY};
    open->line = (uint32_t)m->conflicts++;
    put_node(g, f, open);
    return true;
}

/* ---- what is decided at its place ------------------------------------------------------------------------------- */

static void count_taken(struct merging *g, unsigned v, uint32_t at)
{
    *(v == OURS ? &g->m->from_ours : &g->m->from_theirs) += sops_shape_values(&g->shapes[v], at);
}

static enum outcome take_side(struct merging *g, struct frame *f, unsigned v, uint32_t at, bool counts,
                              struct sops_err *e)
{
    if (counts) {
        count_taken(g, v, at);
    }
    return put_copy(g, f, v, at, e) ? DONE : NO_MEMORY;
}

/* Has it two lines or more? */
static bool has_lines(struct sops_slice text) { return sops_slice_find(text, '\n') + 1 < text.len; }

/* The merged text of three texts by their lines. */
static enum outcome merge_lines(struct merging *g, struct frame *f, const struct slot *s, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice in[VERSIONS];
    bool fits = true;
    for (unsigned v = BASE; v < VERSIONS; v++) {
        in[v] = side_node(g, v, s->in[v].at)->text;
        fits = fits && has_lines(in[v]);
    }
    bool ok = !fits || sops_lines_merge(in, g->key, SOPS_MATCH_APART, &text, &fits, e);
    ok = ok && (!fits || put_new_text(g, f, side_node(g, OURS, s->in[OURS].at), side_node(g, THEIRS, s->in[THEIRS].at),
                                      sops_buf_view(&text), e));
    g->m->from_ours += ok && fits;
    g->m->from_theirs += ok && fits;
    sops_buf_free(&text);
    return !ok ? NO_MEMORY : fits ? DONE : UNFIT;
}

static bool are_texts(const struct merging *g, const struct slot *s)
{
    for (unsigned v = BASE; v < VERSIONS; v++) {
        if (s->in[v].at == SOPS_NO_SHAPE || (v == BASE && g->in->base_closed)) {
            return false;
        }
        const struct sops_node *n = side_node(g, v, s->in[v].at);
        if (n->kind != SOPS_STR || !sops_utf8_valid(n->text)) {
            return false;
        }
    }
    return true;
}

/* An entry that is no map or list on both sides, or one that cannot be merged as such. */
static enum outcome decide(struct merging *g, struct frame *f, const struct slot *s, struct sops_err *e)
{
    uint32_t o = s->in[BASE].at, a = s->in[OURS].at, b = s->in[THEIRS].at;
    if (a == SOPS_NO_SHAPE || b == SOPS_NO_SHAPE) { /* what is gone has no slot */
        unsigned v = a == SOPS_NO_SHAPE ? THEIRS : OURS;
        return o == SOPS_NO_SHAPE ? take_side(g, f, v, v == OURS ? a : b, true, e) : CLASHES;
    }
    if (sops_merge_equal(g, OURS, a, THEIRS, b)) {
        return take_side(g, f, OURS, a, false, e);
    }
    if (sops_merge_equal(g, BASE, o, THEIRS, b)) {
        return take_side(g, f, OURS, a, true, e);
    }
    if (sops_merge_equal(g, BASE, o, OURS, a)) {
        return take_side(g, f, THEIRS, b, true, e);
    }
    enum outcome by_lines = are_texts(g, s) ? merge_lines(g, f, s, e) : UNFIT;
    return by_lines == UNFIT ? CLASHES : by_lines;
}

/* ---- lists item by item ----------------------------------------------------------------------------------------- */

/* The prints of what is in the list `at`, and the shapes; both are freed by the caller. No list: an empty row. */
struct items {
    struct sops_print *print;
    uint32_t *at;
    size_t count;
};

static bool items_of(const struct merging *g, unsigned v, uint32_t at, struct items *out, struct sops_err *e)
{
    size_t count = 0;
    uint32_t first = at != SOPS_NO_SHAPE ? shape_of(g, v, at)->child : SOPS_NO_SHAPE;
    for (uint32_t i = first; i != SOPS_NO_SHAPE; i = shape_of(g, v, i)->next) {
        count++;
    }
    out->print = sops_alloc(count * sizeof *out->print, e);
    out->at = out->print != NULL ? sops_alloc(count * sizeof *out->at, e) : NULL;
    if (out->at == NULL) {
        return false;
    }
    for (uint32_t i = first; i != SOPS_NO_SHAPE; i = shape_of(g, v, i)->next) {
        out->print[out->count] = shape_of(g, v, i)->whole;
        out->at[out->count++] = i;
    }
    return true;
}

static void items_free(struct items *x)
{
    sops_free(x->print);
    sops_free(x->at);
}

/* Puts the pieces of three rows, whose items are at `x`, into `f`. */
static bool put_pieces(struct merging *g, struct frame *f, const struct items x[VERSIONS], const struct sops_pieces *p,
                       struct sops_err *e)
{
    for (size_t i = 0; i < p->count; i++) {
        unsigned v = p->piece[i].from == SOPS_PIECE_THEIRS ? THEIRS : OURS;
        for (size_t k = p->piece[i].begin; k < p->piece[i].end; k++) {
            if (take_side(g, f, v, x[v].at[k], p->piece[i].from != SOPS_PIECE_BOTH, e) != DONE) {
                return false;
            }
        }
    }
    return true;
}

static enum outcome merge_rows(struct merging *g, struct frame *f, struct items x[VERSIONS], bool known, bool into_list,
                               const struct slot *s, struct sops_err *e)
{
    struct sops_pieces p = {0};
    bool fits = known;
    const struct sops_row row[VERSIONS] = {
        {x[BASE].print, x[BASE].count}, {x[OURS].print, x[OURS].count}, {x[THEIRS].print, x[THEIRS].count}};
    bool ok = !known || sops_match_three(row[BASE], row[OURS], row[THEIRS], SOPS_MATCH_APART, &p, &fits, e);
    if (ok && fits && into_list) {
        const struct sops_node *ours = side_node(g, OURS, s->in[OURS].at);
        struct frame list = {.to = sops_arena_alloc(&g->m->doc.arena, sizeof *list.to, e)};
        ok = list.to != NULL;
        if (ok) {
            *list.to = (struct sops_node){.kind = SOPS_LIST, .key_kind = ours->key_kind, .key = ours->key};
            ok = put_pieces(g, &list, x, &p, e);
            put_node(g, f, list.to);
        }
    } else if (ok && fits) {
        ok = put_pieces(g, f, x, &p, e);
    }
    sops_pieces_free(&p);
    return !ok ? NO_MEMORY : fits ? DONE : UNFIT;
}

static enum outcome merge_items(struct merging *g, struct frame *f, const struct slot *s, struct sops_err *e)
{
    struct items x[VERSIONS] = {{0}};
    uint32_t o = s->in[BASE].at;
    bool list = o != SOPS_NO_SHAPE && side_node(g, BASE, o)->kind == SOPS_LIST;
    enum outcome out = NO_MEMORY;
    if (items_of(g, BASE, list ? o : SOPS_NO_SHAPE, &x[BASE], e) && items_of(g, OURS, s->in[OURS].at, &x[OURS], e) &&
        items_of(g, THEIRS, s->in[THEIRS].at, &x[THEIRS], e)) {
        out = merge_rows(g, f, x, !list || !g->in->base_closed, true, s, e);
    }
    for (unsigned v = BASE; v < VERSIONS; v++) {
        items_free(&x[v]);
    }
    return out;
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

static void pop_frame(struct merging *g)
{
    struct frame *f = g->frames;
    g->frames = f->outer;
    sops_free(f->slot);
    sops_free(f);
}

/* A frame for the place `s`, whose versions in `at` take part. UNFIT: their entries cannot be told apart. */
static enum outcome push_frame(struct merging *g, const struct slot *s, const uint32_t at[VERSIONS],
                               const char *identity, struct sops_err *e)
{
    struct entries x[VERSIONS] = {{0}};
    struct frame *f = sops_alloc(sizeof *f, e);
    bool ok = f != NULL, good = true;
    for (unsigned v = BASE; ok && v < VERSIONS; v++) {
        if (at[v] != SOPS_NO_SHAPE) {
            ok = sops_entries_make(g, v, at[v], identity, &x[v], e);
            good = good && x[v].good;
            f->loose[v] = x[v].loose;
        }
    }
    if (ok) {
        const struct sops_node *ours = side_node(g, OURS, at[OURS]);
        f->place = *s;
        f->list = identity != NULL;
        f->conflicts = g->m->conflicts;
        f->from_ours = g->m->from_ours;
        f->from_theirs = g->m->from_theirs;
        f->to = sops_arena_alloc(&g->m->doc.arena, sizeof *f->to, e);
        ok = f->to != NULL && (!good || sops_slots_make(g, x, &f->slot, &f->count, e));
        if (f->to != NULL) {
            *f->to = (struct sops_node){.kind = ours->kind, .key_kind = ours->key_kind, .key = ours->key};
        }
    }
    for (unsigned v = BASE; v < VERSIONS; v++) {
        sops_entries_free(&x[v]);
    }
    if (f != NULL) {
        f->outer = g->frames;
        g->frames = f;
        if (!ok || !good) {
            pop_frame(g);
        } else if (g->in->comments_behind) {
            ok = put_merged_notes(g, f, f->loose, e);
        }
    }
    return !ok ? NO_MEMORY : good ? OPENED : UNFIT;
}

/* Both sides have the entry. */
static enum outcome merge_place(struct merging *g, struct frame *f, const struct slot *s, struct sops_err *e)
{
    uint32_t at[VERSIONS] = {s->in[BASE].at, s->in[OURS].at, s->in[THEIRS].at};
    const struct sops_shape *a = shape_of(g, OURS, at[OURS]), *b = shape_of(g, THEIRS, at[THEIRS]);
    enum outcome out = UNFIT;
    if (sops_print_eq(&a->whole, &b->whole)) {
        return take_side(g, f, OURS, at[OURS], false, e);
    }
    if (sops_node_is_leaf(a->node) || a->node->kind != b->node->kind) {
        return decide(g, f, s, e);
    }
    if (at[BASE] != SOPS_NO_SHAPE && side_node(g, BASE, at[BASE])->kind != a->node->kind) {
        at[BASE] = SOPS_NO_SHAPE;
    }
    if (a->node->kind == SOPS_MAP) {
        out = push_frame(g, s, at, NULL, e);
    } else {
        const char *identity = sops_list_identity(g, at);
        out = identity != NULL ? push_frame(g, s, at, identity, e) : UNFIT;
        out = out == UNFIT ? merge_items(g, f, s, e) : out;
    }
    return out == UNFIT ? decide(g, f, s, e) : out;
}

/* Are there comments of the place itself? Those of an entry that only one side has belong to its conflict. */
static bool has_notes(const struct slot *s, enum outcome out)
{
    bool both = s->in[OURS].at != SOPS_NO_SHAPE && s->in[THEIRS].at != SOPS_NO_SHAPE;
    return s->in[BASE].notes.count + s->in[OURS].notes.count + s->in[THEIRS].notes.count != 0 &&
           (both || out != CLASHES);
}

/* The list of the innermost frame does not merge by names: all that was done for it is taken back. */
static enum outcome give_up_list(struct merging *g, struct sops_err *e)
{
    struct frame *f = g->frames;
    const struct slot place = f->place;
    g->m->conflicts = f->conflicts;
    g->m->from_ours = f->from_ours;
    g->m->from_theirs = f->from_theirs;
    pop_frame(g);
    enum outcome out = merge_items(g, g->frames, &place, e);
    return out == UNFIT ? decide(g, g->frames, &place, e) : out;
}

static bool finish_frame(struct merging *g, struct sops_err *e)
{
    struct frame *f = g->frames;
    if (!g->in->comments_behind && !put_merged_notes(g, f, f->loose, e)) {
        return false;
    }
    put_node(g, f->outer, f->to);
    if (f->outer != NULL && g->in->comments_behind && !put_slot_notes(g, f->outer, &f->place, e)) {
        return false;
    }
    pop_frame(g);
    return true;
}

/* What is left to do for a place of the innermost frame (NULL: a document). */
static bool settle(struct merging *g, struct slot s, enum outcome out, struct sops_err *e)
{
    if (out == CLASHES && g->frames != NULL && g->frames->list) {
        s = g->frames->place;
        out = give_up_list(g, e);
    }
    struct frame *f = g->frames;
    if (out == CLASHES && f == NULL) {
        g->m->documents = true;
        return true;
    }
    if (out == NO_MEMORY || (out == CLASHES && !put_conflict(g, f, &s, e))) {
        return false;
    }
    return out == OPENED || !g->in->comments_behind || !has_notes(&s, out) || put_slot_notes(g, f, &s, e);
}

/* One entry of the innermost frame. */
static bool step(struct merging *g, struct sops_err *e)
{
    struct frame *f = g->frames;
    const struct slot s = f->slot[f->at++];
    bool both = s.in[OURS].at != SOPS_NO_SHAPE && s.in[THEIRS].at != SOPS_NO_SHAPE;
    enum outcome likely = both || s.in[BASE].at == SOPS_NO_SHAPE ? DONE : CLASHES;
    if (!g->in->comments_behind && has_notes(&s, likely) && !put_slot_notes(g, f, &s, e)) {
        return false;
    }
    return settle(g, s, both ? merge_place(g, f, &s, e) : decide(g, f, &s, e), e);
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

static bool run_frames(struct merging *g, struct sops_err *e)
{
    while (g->frames != NULL) {
        if (!(g->frames->at == g->frames->count ? finish_frame(g, e) : step(g, e))) {
            return false;
        }
    }
    return true;
}

static uint32_t next_part(const struct merging *g, unsigned v, uint32_t at)
{
    return at != SOPS_NO_SHAPE ? shape_of(g, v, at)->next : SOPS_NO_SHAPE;
}

static bool merge_by_place(struct merging *g, const uint32_t first[VERSIONS], struct sops_err *e)
{
    struct slot s = {.in = {{.at = first[BASE]}, {.at = first[OURS]}, {.at = first[THEIRS]}}};
    for (; s.in[OURS].at != SOPS_NO_SHAPE && !g->m->documents; g->document++) {
        if (!settle(g, s, merge_place(g, NULL, &s, e), e) || !run_frames(g, e)) {
            return false;
        }
        for (unsigned v = BASE; v < VERSIONS; v++) {
            s.in[v].at = next_part(g, v, s.in[v].at);
        }
    }
    return true;
}

/* The documents of each version, as items. */
static bool parts_of(const struct merging *g, unsigned v, struct items *out, struct sops_err *e)
{
    size_t count = 0;
    uint32_t first = g->shapes[v].count != 0 ? 0 : SOPS_NO_SHAPE;
    for (uint32_t i = first; i != SOPS_NO_SHAPE; i = next_part(g, v, i)) {
        count++;
    }
    out->print = sops_alloc(count * sizeof *out->print, e);
    out->at = out->print != NULL ? sops_alloc(count * sizeof *out->at, e) : NULL;
    if (out->at == NULL) {
        return false;
    }
    for (uint32_t i = first; i != SOPS_NO_SHAPE; i = next_part(g, v, i)) {
        out->print[out->count] = shape_of(g, v, i)->whole;
        out->at[out->count++] = i;
    }
    return true;
}

static bool merge_documents(struct merging *g, struct sops_err *e)
{
    struct items x[VERSIONS] = {{0}};
    bool base = g->in->base != NULL;
    bool ok = parts_of(g, BASE, &x[BASE], e) && parts_of(g, OURS, &x[OURS], e) && parts_of(g, THEIRS, &x[THEIRS], e);
    if (ok && x[OURS].count == x[THEIRS].count && (!base || x[BASE].count == x[OURS].count)) {
        uint32_t first[VERSIONS];
        for (unsigned v = BASE; v < VERSIONS; v++) {
            first[v] = x[v].count != 0 ? x[v].at[0] : SOPS_NO_SHAPE;
        }
        ok = merge_by_place(g, first, e);
    } else if (ok) {
        enum outcome out = merge_rows(g, NULL, x, base && !g->in->base_closed, false, NULL, e);
        g->m->documents = out == UNFIT;
        ok = out != NO_MEMORY;
    }
    for (unsigned v = BASE; v < VERSIONS; v++) {
        items_free(&x[v]);
    }
    return ok;
}

bool sops_merge_values(const struct sops_merge_in *in, struct sops_merge *m, struct sops_err *e)
{
    static const struct sops_doc nothing = {.state = SOPS_DOC_PLAIN};
    struct merging g = {.in = in, .m = m, .document = 1};
    randombytes_buf(g.key, sizeof g.key);
    const struct sops_doc *base = in->base != NULL ? in->base : &nothing;
    bool ok =
        sops_shapes_make(&g.shapes[BASE], base, g.key, in->base_closed ? SOPS_SHAPE_CLOSED : SOPS_SHAPE_OPEN, e) &&
        sops_shapes_make(&g.shapes[OURS], in->ours, g.key, SOPS_SHAPE_OPEN, e) &&
        sops_shapes_make(&g.shapes[THEIRS], in->theirs, g.key, SOPS_SHAPE_OPEN, e);
    if (ok && in->base_closed) {
        ok = sops_shapes_make(&g.by_cipher[OURS], in->ours, g.key, SOPS_SHAPE_OPENED, e) &&
             sops_shapes_make(&g.by_cipher[THEIRS], in->theirs, g.key, SOPS_SHAPE_OPENED, e);
    }
    ok = ok && merge_documents(&g, e);
    while (g.frames != NULL) {
        pop_frame(&g);
    }
    for (unsigned v = BASE; v < VERSIONS; v++) {
        sops_shapes_free(&g.shapes[v]);
        sops_shapes_free(&g.by_cipher[v]);
    }
    return ok;
}

void sops_merge_free(struct sops_merge *m)
{
    sops_doc_free(&m->doc);
    sops_free(m->conflict);
    sops_free(m->by_lines);
    *m = (struct sops_merge){0};
}

/* ---- choices ---------------------------------------------------------------------------------------------------- */

unsigned sops_pick_ours(const void *ctx, size_t index)
{
    (void)ctx;
    (void)index;
    return 0;
}

unsigned sops_pick_theirs(const void *ctx, size_t index)
{
    (void)ctx;
    (void)index;
    return 1;
}

static bool add_referred(struct sops_doc *to, struct sops_node *into, const struct sops_node *n, struct sops_err *e)
{
    struct sops_node *copy = sops_node_refer(to, n, e);
    if (copy != NULL) {
        sops_node_link(into, into->last, copy);
    }
    return copy != NULL;
}

/* The chosen entry, with its comments when only one side has it. */
static bool add_picked(const struct sops_conflict *c, unsigned side, bool behind, struct sops_doc *to,
                       struct sops_node *into, struct sops_err *e)
{
    const struct sops_node *n = c->side[side], *note = c->note;
    if (n == NULL) {
        return true;
    }
    bool ok = !behind || add_referred(to, into, n, e);
    for (size_t left = c->notes; ok && left != 0; left--, note = note->next) {
        ok = add_referred(to, into, note, e);
    }
    return ok && (behind || add_referred(to, into, n, e));
}

/* A node of the merge that is no open entry, without what is in it. NULL with `e` set on failure. */
static struct sops_node *add_merged(const struct sops_merge *m, const struct sops_node *n, bool as_ours,
                                    struct sops_doc *to, struct sops_node *into, struct sops_err *e)
{
    struct sops_node *copy = sops_arena_alloc(&to->arena, sizeof *copy, e);
    if (copy == NULL) {
        return NULL;
    }
    *copy = (n->flags & SOPS_BY_LINES) != 0 && as_ours ? *m->by_lines[n->line] : *n;
    copy->up = copy->next = copy->child = copy->last = NULL;
    copy->span = copy->key_span = (struct sops_span){0};
    copy->flags &= (uint16_t)~SOPS_BY_LINES;
    if (into != NULL) {
        sops_node_link(into, into->last, copy);
    } else {
        *(to->tail != NULL ? &to->tail->next : &to->parts) = copy;
        to->tail = copy;
    }
    return copy;
}

bool sops_merge_pick(const struct sops_merge *m, const struct sops_merge_in *in, sops_pick_fn *pick, const void *ctx,
                     bool as_ours, struct sops_doc *to, struct sops_err *e)
{
    for (struct sops_node *part = m->doc.parts; part != NULL; part = part->next) {
        struct sops_node *into = NULL, *before = NULL;
        for (struct sops_node *n = part; n != NULL; before = n, n = sops_node_after(part, n)) {
            for (const struct sops_node *up = before; up != NULL && up != n->up; up = up->up) {
                into = up->child != NULL ? into->up : into; /* left a map or list, which `into` is the copy of */
            }
            if ((n->flags & SOPS_OPEN_ENTRY) != 0) {
                if (!add_picked(&m->conflict[n->line], pick(ctx, n->line), in->comments_behind, to, into, e)) {
                    return false;
                }
                continue;
            }
            struct sops_node *copy = add_merged(m, n, as_ours, to, into, e);
            if (copy == NULL) {
                return false;
            }
            into = n->child != NULL ? copy : into;
        }
    }
    return true;
}
