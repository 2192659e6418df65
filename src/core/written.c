/* SPDX-License-Identifier: Apache-2.0 */
/* What all formats need to keep a text: slots in order, comments and their nodes, edits that may lie within others. */
#include "core/written.h"

#include <stdlib.h>

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static bool is_break(uint8_t c) { return c == '\n' || c == '\r'; }

struct sops_slice sops_written_break(const struct sops_written *w)
{
    for (size_t i = 0; i < w->text.len; i++) {
        if (is_break(w->text.ptr[i])) {
            bool both = w->text.ptr[i] == '\r' && i + 1 < w->text.len && w->text.ptr[i + 1] == '\n';
            return both ? SOPS_LIT("\r\n") : w->text.ptr[i] == '\r' ? SOPS_LIT("\r") : SOPS_LIT("\n");
        }
    }
    return SOPS_LIT("\n");
}

uint32_t sops_line_begin(struct sops_slice text, size_t at)
{
    while (at > 0 && !is_break(text.ptr[at - 1])) {
        at--;
    }
    return (uint32_t)at;
}

uint32_t sops_line_end(struct sops_slice text, size_t at)
{
    while (at < text.len && !is_break(text.ptr[at])) {
        at++;
    }
    return (uint32_t)at;
}

uint32_t sops_line_next(struct sops_slice text, size_t at)
{
    at = sops_line_end(text, at);
    if (at < text.len) {
        at += text.ptr[at] == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n' ? 2 : 1;
    }
    return (uint32_t)at;
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

struct sops_slot *sops_written_add(struct sops_written *w, struct sops_err *e)
{
    struct sops_slot *grown = sops_grow(w->slot, w->count, &w->cap, sizeof *grown, e);
    if (grown == NULL) {
        return NULL;
    }
    w->slot = grown;
    w->slot[w->count] = (struct sops_slot){0};
    return &w->slot[w->count++];
}

void sops_written_free(struct sops_written *w)
{
    sops_free(w->slot);
    sops_free(w->meta);
    *w = (struct sops_written){0};
}

void sops_written_neighbours(const struct sops_written *w, const struct sops_node *n, const struct sops_node *in,
                             const struct sops_node **before, const struct sops_node **next)
{
    for (size_t i = 0; i < w->metas; i++) {
        const struct sops_node *meta = w->meta[i].node;
        if (w->meta[i].part != in) {
            continue;
        }
        bool behind = meta->span.begin > n->span.begin;
        if (behind && (*next == NULL || meta->span.begin < (*next)->span.begin)) {
            *next = meta;
        } else if (!behind && (*before == NULL || meta->span.begin > (*before)->span.begin)) {
            *before = meta;
        }
    }
}

bool sops_written_lose(struct sops_written *w, unsigned line, const char *why)
{
    if (w->lost == NULL) {
        w->lost = why;
        w->lost_line = line;
    }
    return true;
}

void sops_laid_clear(struct sops_laid *l)
{
    sops_buf_cut(&l->head, 0);
    sops_buf_cut(&l->text, 0);
    sops_buf_cut(&l->below, 0);
    l->joined = false;
    l->from = 0;
}

void sops_laid_free(struct sops_laid *l)
{
    sops_buf_free(&l->head);
    sops_buf_free(&l->text);
    sops_buf_free(&l->below);
    *l = (struct sops_laid){0};
}

static int slot_order(const void *a, const void *b)
{
    const struct sops_slot *x = a, *y = b;
    if (x->head.begin != y->head.begin) {
        return x->head.begin < y->head.begin ? -1 : 1;
    }
    return x->span.end != y->span.end ? (x->span.end > y->span.end ? -1 : 1) : (int)y->role - (int)x->role;
}

/* What is made in the order of a text is in order already, most of the time. */
static void sort_unless_sorted(void *all, size_t count, size_t size, int (*order)(const void *, const void *))
{
    for (size_t i = 1; i < count; i++) {
        if (order((uint8_t *)all + (i - 1) * size, (uint8_t *)all + i * size) > 0) {
            qsort(all, count, size, order);
            return;
        }
    }
}

/* A node by where it begins. */
struct placed {
    uint32_t begin;
    struct sops_node *node;
};

static int placed_order(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return x->node->span.end != y->node->span.end ? (x->node->span.end > y->node->span.end ? -1 : 1) : 0;
}

/* Nodes with a place, sorted: comments, or maps and lists. */
static struct placed *collect_placed(const struct sops_doc *d, bool comments, size_t *count, struct sops_err *e)
{
    size_t most = 0;
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            most++;
        }
    }
    struct placed *all = sops_alloc(most * sizeof *all, e);
    *count = 0;
    for (struct sops_node *p = d->parts; all != NULL && p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            bool wanted = comments ? n->kind == SOPS_COMMENT : !sops_node_is_leaf(n);
            if (wanted && (!sops_span_none(n->span) || n->up == NULL)) {
                all[(*count)++] = (struct placed){n->span.begin, n};
            }
        }
    }
    if (all != NULL) {
        sort_unless_sorted(all, *count, sizeof *all, placed_order);
    }
    return all;
}

/* The part whose text the byte `at` belongs to: the last that begins before it, else the first. */
static struct sops_node *part_at(const struct sops_doc *d, uint32_t at)
{
    struct sops_node *found = d->parts;
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        found = p->span.begin <= at ? p : found;
    }
    return found;
}

/* What the comments without a node stand in: both are in order, so the open ones are a stack, linked by `up`. */
static bool find_around(struct sops_written *w, struct sops_err *e)
{
    size_t count, next = 0;
    struct placed *maps = collect_placed(w->doc, false, &count, e);
    struct sops_node *open = NULL;
    for (size_t i = 0; maps != NULL && i < w->count; i++) {
        struct sops_slot *s = &w->slot[i];
        if (s->role != SOPS_SLOT_COMMENT || s->node != NULL || s->no_node) {
            continue;
        }
        for (; next < count && maps[next].begin <= s->span.begin; next++) {
            open = maps[next].node;
        }
        while (open != NULL && (open->span.end <= s->span.begin || sops_span_none(open->span))) {
            open = open->up;
        }
        s->in = open != NULL ? open : part_at(w->doc, s->span.begin);
    }
    sops_free(maps);
    return maps != NULL;
}

bool sops_written_finish(struct sops_written *w, struct sops_err *e)
{
    size_t count, next = 0;
    bool lost = false;
    sort_unless_sorted(w->slot, w->count, sizeof *w->slot, slot_order);
    struct placed *comments = collect_placed(w->doc, true, &count, e);
    for (size_t i = 0; comments != NULL && i < w->count; i++) {
        struct sops_slot *s = &w->slot[i];
        if (s->role != SOPS_SLOT_COMMENT || s->node != NULL || s->no_node) {
            continue;
        }
        while (next < count && comments[next].node->span.end < s->span.end) {
            next++;
        }
        if (next < count && comments[next].begin <= s->span.begin && comments[next].node->span.end >= s->span.end) {
            s->node = comments[next].node;
        } else {
            lost = true;
        }
    }
    sops_free(comments);
    return comments != NULL && (!lost || find_around(w, e));
}

/* ---- edits ------------------------------------------------------------------------------------------------------- */

bool sops_edits_add(struct sops_edits *to, struct sops_span span, struct sops_slice bytes, struct sops_err *e)
{
    struct sops_splice *grown = sops_grow(to->at, to->count, &to->cap, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    to->at = grown;
    if (!sops_arena_copy(&to->bytes, bytes, &bytes, e)) {
        return false;
    }
    to->at[to->count++] = (struct sops_splice){span, bytes};
    return true;
}

void sops_edits_free(struct sops_edits *edits)
{
    sops_free(edits->at);
    sops_arena_free(&edits->bytes);
    *edits = (struct sops_edits){0};
}

/* Does `a` come before `b`? Of those that begin together what is put in comes first, then the larger one. */
static bool is_before(const struct sops_splice *a, const struct sops_splice *b)
{
    if (a->span.begin != b->span.begin) {
        return a->span.begin < b->span.begin;
    }
    bool a_in = a->span.end == a->span.begin, b_in = b->span.end == b->span.begin;
    return a_in || b_in ? a_in && !b_in : a->span.end > b->span.end;
}

/* Merges two sorted runs, the first of which wins where neither comes before the other. */
static void merge_runs(const struct sops_splice *from, size_t begin, size_t middle, size_t end, struct sops_splice *to)
{
    size_t i = begin, k = middle;
    for (size_t at = begin; at < end; at++) {
        bool first = i < middle && (k >= end || !is_before(&from[k], &from[i]));
        to[at] = first ? from[i++] : from[k++];
    }
}

/* Sorts without changing the order of equal ones. */
static bool sort_edits(struct sops_edits *s, struct sops_err *e)
{
    size_t sorted = 1;
    while (sorted < s->count && !is_before(&s->at[sorted], &s->at[sorted - 1])) {
        sorted++;
    }
    if (sorted >= s->count) {
        return true;
    }
    struct sops_splice *from = s->at, *to = sops_alloc(s->cap * sizeof *to, e);
    if (to == NULL) {
        return false;
    }
    for (size_t width = 1; width < s->count; width *= 2) {
        for (size_t i = 0; i < s->count; i += 2 * width) {
            size_t middle = i + width < s->count ? i + width : s->count;
            size_t end = i + 2 * width < s->count ? i + 2 * width : s->count;
            merge_runs(from, i, middle, end, to);
        }
        struct sops_splice *swap = from;
        from = to;
        to = swap;
    }
    s->at = from;
    sops_free(to);
    return true;
}

bool sops_edits_apply(struct sops_edits *edits, struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    size_t kept = 0, end = 0;
    if (edits->count > 1 && !sort_edits(edits, e)) {
        return false;
    }
    for (size_t i = 0; i < edits->count; i++) {
        struct sops_span s = edits->at[i].span;
        if (s.begin >= end || (kept == 0 && s.begin == 0)) {
            edits->at[kept++] = edits->at[i];
            end = s.end > end ? s.end : end;
        }
    }
    edits->count = kept;
    return sops_splice(text, edits->at, kept, out, e);
}
