/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed in a tree since its text was read, as edits of that text. Nodes are compared with a record of what
 * they were, so that whoever changes the tree need not say what was done. */
#include "core/preserve_internal.h"

bool sops_kept_records(struct sops_kept *k, const struct sops_doc *d, struct sops_err *e)
{
    size_t count = 0, at = 0;
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            count++;
        }
    }
    k->record = sops_alloc(count * sizeof *k->record, e);
    if (k->record == NULL) {
        return false;
    }
    for (size_t i = 0; i < d->marks; i++) {
        if (d->mark[i].kind == SOPS_MARK_ALIAS) {
            d->mark[i].node->flags |= SOPS_ALIAS;
        }
    }
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            n->flags |= SOPS_READ;
            k->record[at++] = (struct sops_record){
                .node = n, .text = n->text, .child = n->child, .kind = n->kind, .line_end = n->span.end};
        }
    }
    k->records = count;
    for (size_t i = 0; i < count; i++) {
        k->record[i].alias = (k->record[i].node->flags & SOPS_ALIAS) != 0;
    }
    /* From the last to the first: where each ends, and how far its comments reach. */
    for (size_t i = count; i-- > 0;) {
        struct sops_record *r = &k->record[i];
        size_t next = i + 1;
        while (next < count && k->record[next].node->up == r->node) {
            r->line_end = k->record[next].line_end > r->line_end ? k->record[next].line_end : r->line_end;
            next = k->record[next].end;
        }
        r->end = (uint32_t)next;
    }
    return true;
}

void sops_kept_compare(struct sops_kept *k, const struct sops_doc *d)
{
    const uint16_t ours = SOPS_LINKED | SOPS_ALTERED;
    for (size_t i = 0; i < k->records; i++) {
        const struct sops_record *r = &k->record[i];
        bool same = r->node->kind == r->kind && sops_slice_eq(r->node->text, r->text);
        r->node->flags &= (uint16_t)~ours;
        r->node->flags |= same ? SOPS_READ : SOPS_READ | SOPS_ALTERED; /* another value has flags of its own */
    }
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            n->flags |= SOPS_LINKED;
        }
    }
}

struct changing {
    struct sops_kept *k;
    const struct sops_textual *t;
    struct sops_edits *to;
    struct sops_loss *loss;
};

static bool is_from_text(const struct sops_node *n) { return (n->flags & SOPS_READ) != 0 || !sops_span_none(n->span); }

static struct sops_span span_of_record(const struct sops_record *r)
{
    return (struct sops_span){r->node->span.begin, r->line_end};
}

/* Has it become another thing, a map or list being either of the two? */
static bool is_replaced(const struct sops_format *f, const struct sops_record *r)
{
    const struct sops_node *n = r->node;
    bool was_leaf = r->kind != SOPS_MAP && r->kind != SOPS_LIST, nested = (f->flags & SOPS_FMT_LOSSY) == 0;
    if (sops_node_is_leaf(n) != was_leaf || (!was_leaf && n->kind != r->kind)) {
        return true;
    }
    if (was_leaf || r->child == NULL || n->child == r->child) {
        return false;
    }
    bool any = false;
    for (const struct sops_node *c = n->child; c != NULL; c = c->next) {
        if (is_from_text(c)) {
            return false;
        }
        any = true;
    }
    bool several = n->up != NULL && nested && r[1].end < r->end; /* which are not taken out one by one */
    return (any || several) && (r->child->flags & SOPS_LINKED) == 0;
}

static bool insert_new(struct changing *c, const struct sops_node *in, struct sops_err *e)
{
    bool new_before = false, ok = true;
    for (const struct sops_node *n = in->child; ok && n != NULL; n = n->next) {
        if (is_from_text(n)) {
            if (new_before && n->kind != SOPS_COMMENT) {
                return sops_lose(c->loss, n->line, "an entry that is put between others");
            }
        } else {
            new_before = true;
            ok = c->t->insert(&c->k->w, n, c->to, e);
        }
    }
    return ok;
}

/* The entries of `r` that are gone. */
static bool remove_old(struct changing *c, const struct sops_record *r, struct sops_err *e)
{
    const struct sops_record *all = c->k->record;
    const struct sops_node *before = NULL;
    bool left = false, ok = true;
    for (size_t i = (size_t)(r - all) + 1; i < r->end; i = all[i].end) {
        left = left || ((all[i].node->flags & SOPS_LINKED) != 0 && all[i].kind != SOPS_COMMENT);
    }
    for (size_t i = (size_t)(r - all) + 1; ok && i < r->end; i = all[i].end) {
        const struct sops_node *n = all[i].node, *next = NULL;
        if (all[i].kind == SOPS_COMMENT) {
            continue; /* comments stay where they are, whatever becomes of what they are about */
        }
        if ((n->flags & SOPS_LINKED) != 0) {
            before = n;
            continue;
        }
        for (size_t x = all[i].end; next == NULL && x < r->end; x = all[x].end) {
            next = (all[x].node->flags & SOPS_LINKED) != 0 && all[x].kind != SOPS_COMMENT ? all[x].node : NULL;
        }
        ok = c->t->remove(&c->k->w, n, span_of_record(&all[i]), r->node, left ? before : NULL, next, c->to, e);
    }
    return ok;
}

static bool has_changed_below(const struct sops_record *all, const struct sops_record *r)
{
    for (size_t i = (size_t)(r - all); i < r->end; i++) {
        const struct sops_node *n = all[i].node;
        if ((n->flags & SOPS_LINKED) == 0 || (n->flags & SOPS_ALTERED) != 0) {
            return true;
        }
        for (const struct sops_node *c = n->child; c != NULL; c = c->next) {
            if (!is_from_text(c)) {
                return true;
            }
        }
    }
    return false;
}

/* One record whose node is in the tree still. `*next`: the record to go on with. */
static bool handle_record(struct changing *c, const struct sops_record *r, size_t *next, struct sops_err *e)
{
    const struct sops_node *n = r->node;
    if (r->alias) { /* what is changed below it is written out */
        *next = r->end;
        return !has_changed_below(c->k->record, r) || c->t->replace(&c->k->w, n, n->span, true, c->to, e);
    }
    bool table = (c->k->w.format->flags & SOPS_FMT_TABLES) != 0 && (r->kind == SOPS_MAP || r->kind == SOPS_LIST);
    if (sops_span_none(n->span) && r->kind != SOPS_COMMENT && n->up != NULL && sops_node_is_leaf(n) && !table) {
        return sops_lose(c->loss, r->node->line, "a value without a place in the text");
    }
    if (is_replaced(c->k->w.format, r)) {
        *next = r->end;
        return c->t->replace(&c->k->w, n, span_of_record(r), r->kind == SOPS_MAP || r->kind == SOPS_LIST, c->to, e);
    }
    return sops_node_is_leaf(n) || (remove_old(c, r, e) && insert_new(c, n, e));
}

bool sops_kept_changes(struct sops_kept *k, struct sops_edits *to, struct sops_loss *loss, struct sops_err *e)
{
    struct changing c = {k, k->w.format->textual, to, loss};
    bool ok = true;
    for (size_t i = 0; ok && i < k->records;) {
        const struct sops_record *r = &k->record[i];
        size_t next = i + 1;
        if ((r->node->flags & SOPS_LINKED) == 0) {
            next = r->end; /* told by what it was in */
        } else {
            ok = handle_record(&c, r, &next, e);
        }
        i = next;
    }
    return ok;
}
