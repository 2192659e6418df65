/* SPDX-License-Identifier: Apache-2.0 */
/* Paths are split at every '[' before anything else, so a key cannot hold one; there is no escaping
 * (docs/spec/50-cli.md#decrypt). */
#include "core/route.h"

#include "base/text.h"

void sops_route_free(struct sops_route *r)
{
    sops_arena_free(&r->arena);
    *r = (struct sops_route){0};
}

static bool parse_step(struct sops_slice piece, struct sops_route_step *step, int code, struct sops_err *e)
{
    if (piece.ptr[piece.len - 1] != ']') {
        return sops_fail(e, code, "the path is not valid: a key or index does not end with ']'");
    }
    piece.len--;
    if (piece.len == 0) {
        return sops_fail(e, code, "the path is not valid: a part is empty");
    }
    if (piece.ptr[0] == '"' || piece.ptr[0] == '\'') {
        if (piece.len == 1) {
            return sops_fail(e, code, "the path is not valid: a quote is not closed");
        }
        *step = (struct sops_route_step){.key = {piece.ptr + 1, piece.len - 2}};
        return true;
    }
    struct sops_slice digits = piece.ptr[0] == '+' ? sops_slice_skip(piece, 1) : piece;
    bool sign_twice = digits.len != piece.len && digits.len != 0 && (digits.ptr[0] == '-' || digits.ptr[0] == '+');
    step->is_index = true;
    return (!sign_twice && sops_int_parse(digits, &step->index)) ||
           sops_fail(e, code, "the path is not valid: a part is neither a quoted key nor a number");
}

bool sops_route_parse(struct sops_route *r, struct sops_slice text, int code, struct sops_err *e)
{
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++) {
        most += text.ptr[i] == '[';
    }
    r->step = sops_arena_alloc(&r->arena, most * sizeof *r->step, e);
    if (r->step == NULL || !sops_arena_copy(&r->arena, text, &text, e)) {
        return false;
    }
    struct sops_slice piece;
    while (sops_slice_next(&text, '[', &piece)) {
        if (piece.len != 0 && !parse_step(piece, &r->step[r->count++], code, e)) {
            sops_hint(e, "a path looks like '[\"key\"][0][\"other\"]'");
            return false;
        }
    }
    return true;
}

/* The child of `list` at `index`; comments count as items. NULL when out of range. */
static struct sops_node *item_at(const struct sops_node *list, int64_t index)
{
    struct sops_node *n = index >= 0 ? list->child : NULL;
    for (; n != NULL && index > 0; index--) {
        n = n->next;
    }
    return n;
}

/* Where a step leads from `at`: NULL when there is nothing. Fails for a step of the wrong kind. */
static bool follow(const struct sops_route_step *s, const struct sops_node *at, size_t place, struct sops_node **to,
                   struct sops_err *e)
{
    *to = NULL;
    if (at->kind == SOPS_MAP && !s->is_index) {
        *to = sops_node_find(at, s->key);
        return true;
    }
    if (at->kind == SOPS_LIST && s->is_index) {
        if (s->index < 0) {
            return sops_fail(e, SOPS_E_GENERIC, "step %zu of the path is a negative index", place + 1);
        }
        *to = item_at(at, s->index);
        return true;
    }
    const char *what = at->kind == SOPS_MAP ? "a mapping" : at->kind == SOPS_LIST ? "a list" : "a single value";
    return sops_fail(e, SOPS_E_GENERIC, "step %zu of the path is %s, but what it goes into is %s", place + 1,
                     s->is_index ? "a number" : "a key", what);
}

bool sops_route_find(const struct sops_route *r, struct sops_node *root, struct sops_node **found, struct sops_err *e)
{
    struct sops_node *at = root;
    for (size_t i = 0; i < r->count; i++) {
        struct sops_node *next;
        if (!follow(&r->step[i], at, i, &next, e)) {
            return false;
        }
        if (next == NULL) {
            return r->step[i].is_index
                       ? sops_fail(e, SOPS_E_GENERIC, "step %zu of the path: the list has no index %lld", i + 1,
                                   (long long)r->step[i].index)
                       : sops_fail(e, SOPS_E_GENERIC, "step %zu of the path: there is no key '%.*s'", i + 1,
                                   SOPS_ARG(r->step[i].key));
        }
        at = next;
    }
    if (at->kind == SOPS_COMMENT) {
        return sops_fail(e, SOPS_E_GENERIC, "the path ends on a comment");
    }
    *found = at;
    return true;
}

/* Turns `n` in its place into what the steps from `i` on make, with `value` innermost. */
static bool become(const struct sops_route *r, size_t i, struct sops_doc *d, struct sops_node *n,
                   struct sops_node *value, struct sops_err *e)
{
    for (; i < r->count; i++) {
        n->kind = r->step[i].is_index ? SOPS_LIST : SOPS_MAP;
        n->text = (struct sops_slice){0};
        n->child = n->last = NULL;
        struct sops_slice key = r->step[i].is_index ? (struct sops_slice){0} : r->step[i].key;
        n = sops_node_add(d, n, SOPS_NULL, key, (struct sops_slice){0}, e);
        if (n == NULL) {
            return false;
        }
    }
    n->kind = value->kind;
    n->flags = value->flags;
    n->text = value->text;
    n->child = value->child;
    n->last = value->last;
    for (struct sops_node *c = n->child; c != NULL; c = c->next) {
        c->up = n;
    }
    return true;
}

bool sops_route_set(const struct sops_route *r, struct sops_doc *d, struct sops_node *root, struct sops_node *value,
                    struct sops_err *e)
{
    struct sops_node *at = root;
    for (size_t i = 0; i < r->count; i++) {
        struct sops_node *next;
        if (sops_node_is_leaf(at)) {
            return become(r, i, d, at, value, e);
        }
        if (!follow(&r->step[i], at, i, &next, e)) {
            return false;
        }
        if (next == NULL) {
            struct sops_slice key = at->kind == SOPS_MAP ? r->step[i].key : (struct sops_slice){0};
            next = sops_node_add(d, at, SOPS_NULL, key, (struct sops_slice){0}, e);
            return next != NULL && become(r, i + 1, d, next, value, e);
        }
        at = next;
    }
    return become(r, r->count, d, at, value, e);
}

bool sops_route_unset(const struct sops_route *r, struct sops_doc *d, struct sops_node *root, bool *found,
                      struct sops_err *e)
{
    struct sops_node *at = root;
    *found = false;
    for (size_t i = 0; i < r->count; i++) {
        if (at->kind == SOPS_MAP && r->step[i].is_index) {
            return true; /* a key that is not there: no key is a number */
        }
        if (!follow(&r->step[i], at, i, &at, e)) {
            return false;
        }
        if (at == NULL) {
            return true;
        }
    }
    if (at != root) {
        sops_node_unlink(d, at);
        *found = true;
    }
    return true;
}
