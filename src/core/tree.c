/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, and the walk. Everything goes along `up` and `next`, never by recursion: depth is the input's choice. */
#include "core/tree.h"

void sops_doc_free(struct sops_doc *d)
{
    sops_arena_free(&d->arena);
    sops_arena_free(&d->opened);
    sops_buf_free(&d->notes);
    sops_free(d->mark);
    *d = (struct sops_doc){0};
}

bool sops_doc_mark(struct sops_doc *d, struct sops_mark m, struct sops_err *e)
{
    if (!d->reading.marks) {
        return true;
    }
    struct sops_mark *grown = sops_grow(d->mark, d->marks, &d->marks_cap, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    d->mark = grown;
    d->mark[d->marks++] = m;
    return true;
}

struct sops_node *sops_node_add_ref(struct sops_doc *d, struct sops_node *to, enum sops_kind kind,
                                    struct sops_slice key, struct sops_slice text, struct sops_err *e)
{
    struct sops_node *n = sops_arena_alloc(&d->arena, sizeof *n, e);
    if (n == NULL) {
        return NULL;
    }
    n->kind = (uint8_t)kind;
    n->key_kind = SOPS_STR;
    n->key = key;
    n->text = text;
    n->up = to;
    struct sops_node **first = to != NULL ? &to->child : &d->parts;
    struct sops_node **last = to != NULL ? &to->last : &d->tail;
    if (*last != NULL) {
        (*last)->next = n;
    } else {
        *first = n;
    }
    *last = n;
    return n;
}

bool sops_doc_take(struct sops_doc *d, struct sops_slice from, struct sops_slice *to, struct sops_err *e)
{
    struct sops_slice lent = d->reading.lent;
    if (lent.len != 0 && from.ptr >= lent.ptr && from.ptr < lent.ptr + lent.len) {
        *to = from;
        return true;
    }
    return sops_arena_copy(&d->arena, from, to, e);
}

struct sops_node *sops_node_add(struct sops_doc *d, struct sops_node *to, enum sops_kind kind, struct sops_slice key,
                                struct sops_slice text, struct sops_err *e)
{
    if ((key.len != 0 && !sops_doc_take(d, key, &key, e)) || (text.len != 0 && !sops_doc_take(d, text, &text, e))) {
        return NULL;
    }
    return sops_node_add_ref(d, to, kind, key, text, e);
}

void sops_doc_join(struct sops_doc *to, struct sops_doc *from)
{
    if (to->tail != NULL) {
        to->tail->next = from->parts;
    } else {
        to->parts = from->parts;
    }
    to->tail = from->tail != NULL ? from->tail : to->tail;
    sops_arena_join(&to->arena, &from->arena);
    from->parts = from->tail = NULL;
    sops_doc_free(from);
}

void sops_node_link(struct sops_node *to, struct sops_node *after, struct sops_node *n)
{
    n->up = to;
    n->next = after != NULL ? after->next : to->child;
    if (after != NULL) {
        after->next = n;
    } else {
        to->child = n;
    }
    if (to->last == after) {
        to->last = n;
    }
}

void sops_node_unlink(struct sops_doc *d, struct sops_node *n)
{
    struct sops_node **first = n->up != NULL ? &n->up->child : &d->parts;
    struct sops_node **last = n->up != NULL ? &n->up->last : &d->tail;
    struct sops_node *before = NULL;
    for (struct sops_node *at = *first; at != n; at = at->next) {
        before = at;
    }
    if (before != NULL) {
        before->next = n->next;
    } else {
        *first = n->next;
    }
    if (*last == n) {
        *last = before;
    }
    n->up = n->next = NULL;
}

struct sops_node *sops_node_find(const struct sops_node *map, struct sops_slice key)
{
    for (struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && n->key_kind == SOPS_STR && sops_slice_eq(n->key, key)) {
            return n;
        }
    }
    return NULL;
}

struct sops_node *sops_node_after(const struct sops_node *root, struct sops_node *n)
{
    if (n->child != NULL) {
        return n->child;
    }
    while (n != root && n->next == NULL) {
        n = n->up;
    }
    return n != root ? n->next : NULL;
}

/* An unlinked node like `from`, without its children; `texts`: key and text are copied, too. */
static struct sops_node *copy_one(struct sops_doc *d, const struct sops_node *from, bool texts, struct sops_err *e)
{
    struct sops_node *n = sops_arena_alloc(&d->arena, sizeof *n, e);
    if (n == NULL) {
        return NULL;
    }
    *n = *from;
    n->up = n->next = n->child = n->last = NULL;
    n->span = n->key_span = (struct sops_span){0};
    if (texts && ((n->key.len != 0 && !sops_arena_copy(&d->arena, n->key, &n->key, e)) ||
                  (n->text.len != 0 && !sops_arena_copy(&d->arena, n->text, &n->text, e)))) {
        return NULL;
    }
    return n;
}

static struct sops_node *copy_all(struct sops_doc *d, const struct sops_node *root, bool texts, struct sops_err *e)
{
    struct sops_node *copy = copy_one(d, root, texts, e);
    struct sops_node *to = copy;
    const struct sops_node *from = root;
    while (to != NULL) {
        struct sops_node *parent;
        if (from->child != NULL) {
            from = from->child;
            parent = to;
        } else {
            while (from != root && from->next == NULL) {
                from = from->up;
                to = to->up;
            }
            if (from == root) {
                return copy;
            }
            from = from->next;
            parent = to->up;
        }
        to = copy_one(d, from, texts, e);
        if (to != NULL) {
            sops_node_link(parent, parent->last, to);
        }
    }
    return NULL;
}

struct sops_node *sops_node_copy(struct sops_doc *d, const struct sops_node *n, struct sops_err *e)
{
    return copy_all(d, n, true, e);
}

struct sops_node *sops_node_refer(struct sops_doc *d, const struct sops_node *n, struct sops_err *e)
{
    return copy_all(d, n, false, e);
}

bool sops_node_same(const struct sops_node *a, const struct sops_node *b)
{
    const struct sops_node *x = a, *y = b;
    for (;;) {
        if (x->kind != y->kind || !sops_slice_eq(x->text, y->text) || (x->child == NULL) != (y->child == NULL) ||
            (x != a && (x->key_kind != y->key_kind || !sops_slice_eq(x->key, y->key)))) {
            return false;
        }
        if (x->child != NULL) {
            x = x->child;
            y = y->child;
            continue;
        }
        while (x != a && x->next == NULL && y->next == NULL) {
            x = x->up;
            y = y->up;
        }
        if (x == a) {
            return true;
        }
        if (x->next == NULL || y->next == NULL) {
            return false;
        }
        x = x->next;
        y = y->next;
    }
}

/* One step of a path: ["key"] or [index], put in front of what `out` holds from `start` on. */
static bool add_step(const struct sops_node *n, struct sops_buf *out, size_t start, struct sops_err *e)
{
    struct sops_buf step = {0};
    bool ok;
    if (n->up != NULL && n->up->kind == SOPS_LIST) {
        size_t index = 0;
        for (const struct sops_node *at = n->up->child; at != n; at = at->next) {
            index++;
        }
        ok = sops_buf_addf(&step, e, "[%zu]", index);
    } else if (n->kind == SOPS_COMMENT) {
        ok = sops_buf_adds(&step, "[comment]", e);
    } else {
        ok = sops_buf_adds(&step, "[\"", e) && sops_buf_add(&step, n->key, e) && sops_buf_adds(&step, "\"]", e);
    }
    for (size_t i = 0; ok && i < step.len; i++) {
        if (step.ptr[i] < 0x20 || step.ptr[i] == 0x7f) {
            step.ptr[i] = '?';
        }
    }
    ok = ok && sops_buf_reserve(out, step.len, e);
    if (ok) {
        memmove(out->ptr + start + step.len, out->ptr + start, out->len - start);
        memcpy(out->ptr + start, step.ptr, step.len);
        out->len += step.len;
    }
    sops_buf_free(&step);
    return ok;
}

bool sops_node_path(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    enum { LONGEST = 40 }; /* steps: a message is no place for 10,000 of them */
    size_t start = out->len;
    for (unsigned steps = 0; n->up != NULL && steps < LONGEST; n = n->up, steps++) {
        if (!add_step(n, out, start, e)) {
            return false;
        }
    }
    return n->up == NULL || sops_buf_adds(out, " (the end of a longer path)", e);
}

bool sops_doc_note(struct sops_doc *d, const struct sops_node *n, unsigned line, const char *what, struct sops_err *e)
{
    struct sops_buf path = {0};
    bool ok = true;
    if (d->noted <= SOPS_NOTES_MAX && d->noted++ == SOPS_NOTES_MAX) {
        return sops_buf_adds(&d->notes, "there is more of the same, which is not shown\n", e);
    }
    if (d->noted > SOPS_NOTES_MAX) {
        return true;
    }
    if (line != 0) {
        ok = sops_buf_addf(&d->notes, e, "line %u: ", line);
    }
    if (ok && n != NULL) {
        ok = sops_node_path(n, &path, e) && sops_buf_addf(&d->notes, e, "%.*s: ", SOPS_ARG(path));
    }
    sops_buf_free(&path);
    return ok && sops_buf_addf(&d->notes, e, "%s\n", what);
}

/* Takes the step of `n`, which is handled, off the path. */
static void aad_pop(struct sops_walk *w, const struct sops_node *n)
{
    if (n->up != NULL && n->up->kind == SOPS_MAP && n->kind != SOPS_COMMENT) {
        w->aad.len -= n->key.len + 1;
    }
}

static bool bad_node(const struct sops_node *n, struct sops_err *e)
{
    static const char *const names[] = {
        [SOPS_NULL] = "<nil>",     [SOPS_BOOL] = "bool",   [SOPS_INT] = "int",   [SOPS_FLOAT] = "float64",
        [SOPS_TIME] = "time.Time", [SOPS_MAP] = "mapping", [SOPS_LIST] = "list", [SOPS_ODD] = "uint64"};
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, e)) {
        if (n->key_kind != SOPS_STR && n->up != NULL && n->up->kind == SOPS_MAP && n->kind != SOPS_COMMENT) {
            const char *type = n->key_kind <= SOPS_ODD && names[n->key_kind] != NULL ? names[n->key_kind] : "odd";
            sops_fail(e, SOPS_E_ENCRYPT, "the key at %.*s is of type %s, and keys must be strings", SOPS_ARG(path),
                      type);
            sops_hint(e, "put the key in quotes");
        } else {
            sops_fail(e, SOPS_E_ENCRYPT, "the value at %.*s has the unknown type: %.*s", SOPS_ARG(path),
                      SOPS_ARG(n->text));
            sops_hint(e, "put the number in quotes");
        }
        if (n->line != 0) {
            e->line = n->line;
        }
    }
    sops_buf_free(&path);
    return false;
}

/* Goes from `n`, which was handled, to the next node: behind it, or behind what it ends. NULL at the end. */
static struct sops_node *onward(struct sops_walk *w, struct sops_node *n)
{
    for (;;) {
        aad_pop(w, n);
        if (n->next != NULL) {
            w->part = n->up == NULL ? n->next : w->part;
            return n->next;
        }
        if (n->up == NULL) {
            return NULL;
        }
        n = n->up;
    }
}

bool sops_walk_next(struct sops_walk *w, struct sops_err *e)
{
    struct sops_node *n;
    if (w->at == NULL) {
        n = w->part == NULL ? w->doc->parts : NULL;
        w->part = n;
    } else {
        if (w->at->kind == SOPS_COMMENT && w->at->up != NULL && w->at->up->up == NULL && w->aad.len == 1) {
            w->aad.len = 0; /* the lone ":" of a top-level comment */
        }
        n = onward(w, w->at);
    }
    while (n != NULL) {
        bool keyed = n->up != NULL && n->up->kind == SOPS_MAP && n->kind != SOPS_COMMENT;
        if (n->kind == SOPS_ODD || (keyed && n->key_kind != SOPS_STR)) {
            return bad_node(n, e);
        }
        if (keyed && !(sops_buf_add(&w->aad, n->key, e) && sops_buf_addc(&w->aad, ':', e))) {
            return false;
        }
        if (sops_node_is_leaf(n)) {
            w->at = n;
            /* A comment at the top level has the empty path, which is written ":". */
            return w->aad.len != 0 || sops_buf_addc(&w->aad, ':', e);
        }
        n = n->child != NULL ? n->child : onward(w, n);
    }
    w->at = NULL;
    return false;
}

bool sops_walk_print(const struct sops_walk *w, struct sops_arena *a, struct sops_slice *out, struct sops_err *e)
{
    struct sops_slice text = w->at->text;
    uint8_t *to = sops_arena_bytes(a, w->aad.len + 1 + text.len, e);
    if (to == NULL) {
        return false;
    }
    memcpy(to, w->aad.ptr, w->aad.len);
    to[w->aad.len] = '\0';
    if (text.len != 0) {
        memcpy(to + w->aad.len + 1, text.ptr, text.len);
    }
    *out = sops_slice_of(to, w->aad.len + 1 + text.len);
    return true;
}

void sops_walk_free(struct sops_walk *w)
{
    sops_buf_free(&w->aad);
    w->at = NULL;
}
