/* SPDX-License-Identifier: Apache-2.0 */
/* spans.h - what holds for the spans of every document, whatever text it was read from (core/tree.h). */
#ifndef SOPS_TESTS_SPANS_H
#define SOPS_TESTS_SPANS_H

#include "core/format.h"

#include <stdlib.h>

static inline bool span_is_none(struct sops_span s) { return s.begin == 0 && s.end == 0; }

static inline bool span_fits(struct sops_span s, size_t len) { return s.begin <= s.end && s.end <= len; }

static inline int span_order(const void *a, const void *b)
{
    const struct sops_span *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin) : (x->end > y->end) - (x->end < y->end);
}

/* Spans of the leaves, values or comments, in document order. */
struct spans {
    struct sops_span *at;
    size_t count;
};

static inline bool spans_are_apart(const struct spans *s)
{
    for (size_t i = 1; i < s->count; i++) {
        if (s->at[i].begin < s->at[i - 1].end) {
            return false;
        }
    }
    return true;
}

/* Both are sorted: a comment is beside every value, or within one (behind the header of a block, or a tag). */
static inline bool comments_are_apart(const struct spans *comments, const struct spans *values)
{
    size_t v = 0;
    for (size_t i = 0; i < comments->count; i++) {
        struct sops_span c = comments->at[i];
        while (v < values->count && values->at[v].end <= c.begin) {
            v++;
        }
        if (v < values->count && c.end > values->at[v].begin &&
            !(values->at[v].begin < c.begin && c.end <= values->at[v].end)) {
            return false;
        }
    }
    return true;
}

/* What is wrong with the spans of one node, or NULL. */
static inline const char *node_span_problem(const struct sops_node *n, size_t len)
{
    if (!span_fits(n->span, len) || !span_fits(n->key_span, len)) {
        return "a span lies outside of the text";
    }
    bool header = n->span.begin < n->key_span.begin && n->key_span.end < n->span.end; /* of a section of INI */
    if (!span_is_none(n->key_span) && n->key_span.end > n->span.begin && !header) {
        return "a key stands behind its value";
    }
    bool inside = n->up == NULL || n->kind == SOPS_COMMENT || span_is_none(n->span) || span_is_none(n->up->span) ||
                  (n->up->span.begin <= n->span.begin && n->span.end <= n->up->span.end);
    return inside ? NULL : "a value lies outside of its mapping or list";
}

/* What is wrong with the spans of a document that was read from a text of `len` bytes, or NULL. */
static inline const char *spans_problem(const struct sops_doc *d, const struct sops_format *f, size_t len)
{
    size_t nodes = 0;
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            nodes++;
        }
    }
    struct sops_err e = {0};
    struct spans values = {.at = sops_alloc(nodes * sizeof(struct sops_span), &e)};
    struct spans comments = {.at = sops_alloc(nodes * sizeof(struct sops_span), &e)};
    const char *problem = values.at == NULL || comments.at == NULL ? "no memory" : NULL;
    for (struct sops_node *p = d->parts; p != NULL && problem == NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL && problem == NULL; n = sops_node_after(p, n)) {
            problem = node_span_problem(n, len);
            if (sops_node_is_leaf(n) && !span_is_none(n->span)) {
                struct spans *to = n->kind == SOPS_COMMENT ? &comments : &values;
                to->at[to->count++] = n->span;
            }
        }
    }
    /* A key of INI that stands twice keeps its first place and has its last value; comments go where they belong. */
    if (problem == NULL && f != &sops_format_ini && !spans_are_apart(&values)) {
        problem = "values are not in order, or overlap";
    }
    if (problem == NULL) {
        qsort(values.at, values.count, sizeof *values.at, span_order);
        qsort(comments.at, comments.count, sizeof *comments.at, span_order);
        problem = !spans_are_apart(&values) || !spans_are_apart(&comments) || !comments_are_apart(&comments, &values)
                      ? "leaves overlap"
                      : NULL;
    }
    sops_free(values.at);
    sops_free(comments.at);
    sops_err_clear(&e);
    return problem;
}

#endif
