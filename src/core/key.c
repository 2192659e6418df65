/* SPDX-License-Identifier: Apache-2.0 */
/* No provider is named here: what a comma list means, and what shows a key, is asked of its source. */
#include "core/key.h"

#include "base/text.h"

#include <stdlib.h>

const struct sops_keysource *sops_keysource_named(struct sops_slice id)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        if (sops_slice_eq(sops_str(sops_keysources[i]->id), id)) {
            return sops_keysources[i];
        }
    }
    return NULL;
}

void sops_keysources_by(enum sops_order order, const struct sops_keysource *out[SOPS_MAX_SOURCES])
{
    size_t n = 0;
    for (size_t i = 0; sops_keysources[i] != NULL && n + 1 < SOPS_MAX_SOURCES; i++) {
        size_t at = n++;
        while (at > 0 && out[at - 1]->rank[order] > sops_keysources[i]->rank[order]) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = sops_keysources[i];
    }
    out[n] = NULL;
}

bool sops_key_finish(struct sops_world *w, struct sops_arena *a, struct sops_key *k, struct sops_err *e)
{
    if (k->source->complete != NULL && !w->offline && !k->source->complete(w, a, k, e)) {
        return false;
    }
    if ((k->source->flags & SOPS_SRC_DATED) == 0) {
        return true;
    }
    struct sops_buf now = {0};
    bool ok = sops_time_utc(&now, w->now(w), e) && sops_arena_copy(a, sops_buf_view(&now), &k->created_at, e);
    sops_buf_free(&now);
    return ok;
}

struct sops_key *sops_key_parse(struct sops_world *w, struct sops_arena *a, const struct sops_keysource *source,
                                struct sops_slice piece, struct sops_err *e)
{
    struct sops_key *k = sops_arena_alloc(a, sizeof *k, e);
    if (k == NULL) {
        return NULL;
    }
    k->source = source;
    return source->parse(w, a, piece, k, e) && sops_key_finish(w, a, k, e) ? k : NULL;
}

bool sops_keys_parse(struct sops_world *w, struct sops_arena *a, const struct sops_keysource *source,
                     struct sops_slice text, struct sops_key **list, struct sops_err *e)
{
    struct sops_slice rest = text.ptr != NULL ? text : SOPS_LIT(""), piece;
    struct sops_key *made = NULL, **end = &made;
    while (sops_slice_next(&rest, ',', &piece)) {
        if (((source->flags & SOPS_SRC_SKIP_EMPTY) != 0 && piece.len == 0) ||
            ((source->flags & SOPS_SRC_SKIP_BLANK) != 0 && sops_text_trim(piece).len == 0)) {
            continue;
        }
        *end = sops_key_parse(w, a, source, piece, e);
        if (*end == NULL) {
            return false;
        }
        end = &(*end)->next;
    }
    sops_keys_append(list, made);
    return true;
}

void sops_keys_append(struct sops_key **list, struct sops_key *more)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = more;
}

void sops_groups_append(struct sops_group **list, struct sops_group *more)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = more;
}

/* Before they are linked, `next` tells where a pair stood, as qsort may turn equal ones round. */
static int by_key(const void *a, const void *b)
{
    const struct sops_pair *x = a, *y = b;
    int order = sops_slice_cmp(x->key, y->key);
    return order != 0 ? order : (x->next > y->next) - (x->next < y->next);
}

const struct sops_pair *sops_pairs_link(struct sops_pair *pair, size_t count)
{
    const struct sops_pair *first = NULL, **end = &first;
    for (size_t i = 0; i < count; i++) {
        pair[i].next = &pair[i];
    }
    if (count > 1) {
        qsort(pair, count, sizeof *pair, by_key);
    }
    for (size_t i = 0; i < count; i++) {
        pair[i].next = NULL;
        if (i + 1 == count || !sops_slice_eq(pair[i].key, pair[i + 1].key)) {
            *end = &pair[i];
            end = &pair[i].next;
        }
    }
    return first;
}

bool sops_key_show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    return k->source->show != NULL ? k->source->show(k, out, e) : sops_buf_add(out, k->field[0], e);
}

bool sops_key_name(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_addf(out, e, "%s ", k->source->id) && sops_key_show(k, out, e);
}

bool sops_key_same(const struct sops_key *a, const struct sops_key *b, struct sops_err *e)
{
    if (a->source != b->source) {
        return false;
    }
    struct sops_buf left = {0}, right = {0};
    bool same = sops_key_show(a, &left, e) && sops_key_show(b, &right, e) &&
                sops_slice_eq(sops_buf_view(&left), sops_buf_view(&right));
    sops_buf_free(&left);
    sops_buf_free(&right);
    return same;
}

/* Does every key of `a` stand in `b`? Each is looked for from where the one before it was found, as the order is mostly
 * the same. */
static bool keys_within(const struct sops_key *a, const struct sops_key *b, struct sops_err *e)
{
    const struct sops_key *other = b;
    for (; a != NULL; a = a->next) {
        const struct sops_key *from = other;
        while (other != NULL && !(sops_slice_eq(other->enc, a->enc) && sops_key_same(other, a, e))) {
            other = other->next != NULL ? other->next : b;
            other = other != from ? other : NULL;
        }
        if (other == NULL) {
            return false;
        }
    }
    return true;
}

bool sops_groups_within(const struct sops_group *a, const struct sops_group *b, struct sops_err *e)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (!keys_within(a->keys, b->keys, e)) {
            return false;
        }
    }
    return a == NULL && b == NULL;
}
