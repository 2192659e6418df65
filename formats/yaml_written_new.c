/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New maps and lists in the layout of the file, and copies in the place of aliases
 * (docs/spec/76-text-as-written.md#46-new-text, #44-anchors-and-aliases). Without recursion: each open map or list has
 * its column on a stack.
 */
#include "formats/yaml_written.h"

struct layer {
    const struct sops_node *n;
    size_t column;
    bool started;
};

struct layout {
    const struct sops_written *w;
    struct sops_buf *out;
    struct layer *layer;
    size_t depth, cap;
    size_t mark; /* the next one that may tell where a node was copied from */
    bool in_flow;
    size_t blanks;
};

static bool push(struct layout *l, const struct sops_node *n, size_t column, struct sops_err *e)
{
    struct layer *grown = sops_yaml_grow(l->layer, l->depth, &l->cap, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    l->layer = grown;
    grown[l->depth++] = (struct layer){.n = n, .column = column};
    return true;
}

static const struct sops_node *skip_comments(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

/* Where the node was copied from; none when it is new. Nodes are asked for in the order of the text, as marks are. */
static bool find_original(struct layout *l, const struct sops_node *n, struct sops_span *span)
{
    const struct sops_doc *d = l->w->doc;
    for (size_t i = l->mark; i < d->marks && d->mark[i].kind == SOPS_MARK_COPY; i++) {
        if (d->mark[i].node == n) {
            *span = d->mark[i].span;
            l->mark = i + 1;
            return true;
        }
    }
    return false;
}

/* A veiled scalar: in the quotes of the one that it was copied from. */
static bool lay_veiled(struct layout *l, const struct sops_node *n, uint8_t first, struct sops_err *e)
{
    const char *quote = first == '"' ? "\"" : first == '\'' || l->in_flow ? "'" : "";
    return sops_buf_adds(l->out, quote, e) && sops_buf_add(l->out, n->text, e) && sops_buf_adds(l->out, quote, e);
}

static bool lay_leaf(struct layout *l, const struct sops_node *n, size_t column, size_t digit, struct sops_err *e)
{
    struct sops_span span = {0};
    bool copy = find_original(l, n, &span);
    struct sops_slice text = l->w->text, raw = {0};
    struct sops_yaml_front front = {.behind = span.begin};
    if (copy) {
        front = sops_yaml_front(text, span);
        raw = sops_slice_at(text, (struct sops_span){front.behind, span.end});
    }
    if ((n->flags & SOPS_VEILED) != 0) {
        return lay_veiled(l, n, raw.len != 0 ? raw.ptr[0] : 0, e);
    }
    bool one_line = copy && front.tag.len == 0 && (n->flags & SOPS_ALTERED) == 0;
    for (size_t i = 0; one_line && i < raw.len; i++) {
        one_line = sops_yaml_break_at(raw, i) == 0 && (!l->in_flow || strchr(",[]{}", raw.ptr[i]) == NULL);
    }
    return one_line ? sops_buf_add(l->out, raw, e)
                    : sops_yaml_lay_scalar(l->w, n, l->in_flow, column, digit, l->out, e);
}

bool sops_yaml_lay_key(const struct sops_written *w, const struct sops_node *n, struct sops_buf *out,
                       struct sops_err *e)
{
    const struct sops_node key = {.kind = SOPS_STR, .key_kind = SOPS_STR, .text = n->key};
    bool merges = sops_slice_eq(n->key, SOPS_LIT("<<"));
    bool lines = false;
    for (size_t i = 0; i < n->key.len; i++) {
        lines = lines || sops_yaml_break_at(n->key, i) != 0;
    }
    if (merges || lines) {
        return merges && !sops_node_is_leaf(n) ? sops_buf_adds(out, "<<", e) : sops_yaml_double(n->key, out, e);
    }
    return sops_yaml_lay_scalar(w, &key, false, 0, 0, out, e);
}

static bool break_line(struct layout *l, size_t column, struct sops_err *e)
{
    l->blanks += column;
    if (l->blanks > SOPS_BLANKS_MAX) {
        return sops_blanks_fail(e);
    }
    return sops_buf_add(l->out, sops_written_break(l->w), e) && sops_buf_addn(l->out, ' ', column, e);
}

/* A value behind its colon or dash: `column` is that of the key or dash. A map or list becomes a layer. */
static bool lay_value(struct layout *l, const struct sops_node *n, size_t column, bool item, struct sops_err *e)
{
    size_t step = item ? 2 : n->kind == SOPS_LIST ? l->w->own[SOPS_YAML_LIST_STEP] : l->w->own[SOPS_YAML_STEP];
    if (sops_node_is_leaf(n)) {
        size_t lines = item ? 2 : l->w->own[SOPS_YAML_STEP];
        size_t before = l->out->len;
        if (!sops_buf_addc(l->out, ' ', e) || !lay_leaf(l, n, column + lines, lines, e)) {
            return false;
        }
        if (l->out->len == before + 1) { /* a null that nobody wrote */
            sops_buf_cut(l->out, before);
        }
        return true;
    }
    struct sops_span ignored;
    (void)find_original(l, n, &ignored);
    if (skip_comments(n->child) == NULL) {
        return sops_buf_adds(l->out, n->kind == SOPS_MAP ? " {}" : " []", e);
    }
    if (l->in_flow) {
        return sops_buf_adds(l->out, n->kind == SOPS_MAP ? " {" : " [", e) && push(l, n, 0, e);
    }
    return push(l, n, column + step, e) && (!item || sops_buf_addc(l->out, ' ', e));
}

/* One entry or item, with what separates it from what stands before. `inline_first`: behind a dash. */
static bool lay_member(struct layout *l, const struct sops_node *n, bool first, bool inline_first, struct sops_err *e)
{
    struct layer *at = &l->layer[l->depth - 1];
    size_t column = at->column;
    bool map = at->n->kind == SOPS_MAP;
    if (l->in_flow) {
        if (!first && !sops_buf_adds(l->out, ",", e)) {
            return false;
        }
        size_t before = l->out->len;
        if (map && ((!first && !sops_buf_addc(l->out, ' ', e)) || !sops_yaml_lay_key(l->w, n, l->out, e) ||
                    !sops_buf_addc(l->out, ':', e))) {
            return false;
        }
        before = map ? l->out->len : before;
        if (!lay_value(l, n, 0, false, e)) {
            return false;
        }
        if (!map && first && l->out->len > before) { /* no blank behind the bracket */
            memmove(l->out->ptr + before, l->out->ptr + before + 1, l->out->len - before - 1);
            l->out->len--;
        }
        return true;
    }
    if (!(first && inline_first) && !break_line(l, column, e)) {
        return false;
    }
    if (map) {
        return sops_yaml_lay_key(l->w, n, l->out, e) && sops_buf_addc(l->out, ':', e) &&
               lay_value(l, n, column, false, e);
    }
    return sops_buf_addc(l->out, '-', e) && lay_value(l, n, column, true, e);
}

static bool lay_all(struct layout *l, bool inline_first, struct sops_err *e)
{
    const struct sops_node *next[2] = {NULL, NULL};
    bool fresh_inline = inline_first;
    size_t base = 0;
    while (l->depth > base) {
        struct layer *at = &l->layer[l->depth - 1];
        if (next[0] == NULL) {
            next[0] = at->started ? NULL : skip_comments(at->n->child);
        }
        bool first = !at->started;
        at->started = true;
        if (next[0] != NULL) {
            const struct sops_node *n = next[0];
            size_t depth = l->depth;
            if (!lay_member(l, n, first, fresh_inline, e)) {
                return false;
            }
            bool inner = l->depth > depth;
            fresh_inline = inner && l->layer[depth - 1].n->kind == SOPS_LIST;
            next[0] = inner ? NULL : skip_comments(n->next);
            next[1] = n;
            if (inner || next[0] != NULL) {
                continue;
            }
        }
        /* The end of this layer, and of those that end with it. */
        do {
            const struct sops_node *done = l->layer[l->depth - 1].n;
            if (l->in_flow && !sops_buf_adds(l->out, done->kind == SOPS_MAP ? "}" : "]", e)) {
                return false;
            }
            l->depth--;
            next[0] = l->depth > base ? skip_comments(done->next) : NULL;
        } while (l->depth > base && next[0] == NULL);
        fresh_inline = false;
    }
    return true;
}

bool sops_yaml_lay(const struct sops_written *w, const struct sops_node *n, struct sops_yaml_place p,
                   struct sops_buf *out, struct sops_err *e)
{
    struct layout l = {.w = w, .out = out, .in_flow = p.in_flow, .mark = w->doc->marks};
    for (size_t i = p.mark; i < w->doc->marks; i++) {
        if (w->doc->mark[i].kind == SOPS_MARK_COPY && w->doc->mark[i].node == n) {
            l.mark = i;
            break;
        }
    }
    /* Behind a tag stands the first line of a list in a list, too. */
    bool ok = lay_value(&l, n, p.column, p.item, e);
    if (ok && l.depth != 0 && p.item && !p.in_flow) {
        ok = p.tagged ? (sops_buf_cut(out, out->len - 1), true) : true;
    }
    ok = ok && lay_all(&l, p.item && !p.tagged, e);
    sops_free(l.layer);
    return ok;
}
