/* SPDX-License-Identifier: Apache-2.0 */
/* Myers' greedy algorithm over what is left when common ends and things that only one row has are put aside. The
 * furthest points of each round are kept whole, as the number of rounds is bounded. */
#include "core/match.h"

#include <sodium.h>

struct sops_print sops_print_of(const uint8_t key[SOPS_PRINT_KEY], uint64_t tag, struct sops_slice bytes)
{
    struct sops_print p;
    uint8_t tagged[SOPS_PRINT_KEY];
    memcpy(tagged, key, sizeof tagged);
    for (size_t i = 0; i < 8; i++) {
        tagged[i] ^= (uint8_t)(tag >> (8 * i));
    }
    (void)crypto_shorthash_siphashx24((unsigned char *)p.word, bytes.ptr, bytes.len, tagged);
    return p;
}

/* ---- things by number ------------------------------------------------------------------------------------------ */

/* A row of what is in both, each thing by a number, and its place in the whole row. */
struct thin {
    uint32_t *number, *place;
    size_t count;
};
struct slot {
    const struct sops_print *print;
    uint32_t number;
    bool in_a, in_b;
};
struct numbers {
    struct slot *slot;
    size_t size;
    uint32_t next;
};

static struct slot *seek(const struct numbers *n, const struct sops_print *p)
{
    size_t at = (size_t)p->word[0] & (n->size - 1);
    while (n->slot[at].print != NULL && !sops_print_eq(n->slot[at].print, p)) {
        at = (at + 1) & (n->size - 1);
    }
    return &n->slot[at];
}

static bool number_rows(struct numbers *n, struct sops_row a, struct sops_row b, struct sops_err *e)
{
    for (n->size = 16; n->size < 2 * (a.count + b.count);) {
        n->size *= 2;
    }
    n->slot = sops_alloc(n->size * sizeof *n->slot, e);
    if (n->slot == NULL) {
        return false;
    }
    for (size_t i = 0; i < a.count + b.count; i++) {
        const struct sops_print *p = i < a.count ? &a.print[i] : &b.print[i - a.count];
        struct slot *s = seek(n, p);
        if (s->print == NULL) {
            *s = (struct slot){.print = p, .number = n->next++};
        }
        s->in_a = s->in_a || i < a.count;
        s->in_b = s->in_b || i >= a.count;
    }
    return true;
}

static bool thin_out(const struct numbers *n, struct sops_row row, struct thin *t, struct sops_err *e)
{
    t->number = sops_alloc(row.count * sizeof *t->number, e);
    t->place = t->number != NULL ? sops_alloc(row.count * sizeof *t->place, e) : NULL;
    for (size_t i = 0; t->place != NULL && i < row.count; i++) {
        const struct slot *s = seek(n, &row.print[i]);
        if (s->in_a && s->in_b) {
            t->number[t->count] = s->number;
            t->place[t->count++] = (uint32_t)i;
        }
    }
    return t->place != NULL;
}

static void thin_free(struct thin *t)
{
    sops_free(t->number);
    sops_free(t->place);
}

/* ---- the rounds ------------------------------------------------------------------------------------------------- */

/* Round `d` has d + 1 furthest points, those of the diagonals -d, -d + 2 … d; they stand one round behind the other. */
struct rounds {
    const struct thin *a, *b;
    uint32_t *x;
    size_t used, cap;
    size_t snakes; /* steps along diagonals */
};

#define SNAKES_MAX (16 * SOPS_MATCH_STEPS) /* they are that much cheaper */

static size_t begin_of(size_t d) { return d * (d + 1) / 2; }

static bool make_room(struct rounds *r, size_t more, struct sops_err *e)
{
    if (r->used + more <= r->cap) {
        return true;
    }
    size_t cap = r->cap != 0 ? 2 * r->cap : 1024;
    while (cap < r->used + more) {
        cap *= 2;
    }
    uint32_t *x = sops_alloc(cap * sizeof *x, e);
    if (x == NULL) {
        return false;
    }
    if (r->used != 0) {
        memcpy(x, r->x, r->used * sizeof *x);
    }
    sops_free(r->x);
    r->x = x;
    r->cap = cap;
    return true;
}

/* Does the path to point `i` of round `d` come by a thing of `b` (from the diagonal above)? `*from` gets the point of
 * the round before. */
static bool comes_down(const struct rounds *r, size_t d, size_t i, uint32_t *from)
{
    const uint32_t *before = &r->x[begin_of(d - 1)];
    bool down = i == 0 || (i != d && before[i - 1] < before[i]);
    *from = down ? before[i] : before[i - 1];
    return down;
}

/* One round; true when it reached the end, with the place of its last point in `*end`. */
static bool play_round(struct rounds *r, size_t d, size_t *end)
{
    uint32_t n = (uint32_t)r->a->count, m = (uint32_t)r->b->count;
    for (size_t i = 0; i <= d; i++) {
        uint32_t x = 0;
        if (d != 0 && !comes_down(r, d, i, &x)) {
            x++;
        }
        int64_t y = (int64_t)x - (2 * (int64_t)i - (int64_t)d);
        while (x < n && y < (int64_t)m && r->a->number[x] == r->b->number[y]) {
            x++;
            y++;
            r->snakes++;
        }
        r->x[begin_of(d) + i] = x;
        if (x == n && y == (int64_t)m) {
            *end = i;
            return true;
        }
    }
    return false;
}

/* Goes back from the end and notes the matches. */
static void trace_back(const struct rounds *r, size_t d, size_t i, size_t skip, uint32_t *to)
{
    for (;; d--) {
        uint32_t x = r->x[begin_of(d) + i], from = 0;
        int64_t k = 2 * (int64_t)i - (int64_t)d;
        bool down = d != 0 && comes_down(r, d, i, &from);
        uint32_t start = d == 0 ? 0 : from + !down;
        for (; x > start; x--) {
            to[skip + r->a->place[x - 1]] = (uint32_t)(skip + r->b->place[(int64_t)x - 1 - k]);
        }
        if (d == 0) {
            return;
        }
        i = down ? i : i - 1;
    }
}

static bool match_thin(const struct thin *a, const struct thin *b, size_t skip, uint32_t *to, bool *far,
                       struct sops_err *e)
{
    struct rounds r = {.a = a, .b = b};
    size_t end = 0, d = 0;
    bool ok = true, done = false;
    for (; ok && !done && !*far; d++) {
        ok = make_room(&r, d + 1, e);
        r.used += d + 1;
        done = ok && play_round(&r, d, &end);
        *far = !done && (r.used > SOPS_MATCH_STEPS || r.snakes > SNAKES_MAX);
    }
    if (done) {
        trace_back(&r, d - 1, end, skip, to);
    }
    sops_free(r.x);
    return ok;
}

bool sops_match(struct sops_row a, struct sops_row b, uint32_t *to, bool *far, struct sops_err *e)
{
    size_t skip = 0;
    *far = a.count >= SOPS_NO_MATCH || b.count >= SOPS_NO_MATCH;
    if (*far) {
        return true;
    }
    while (skip < a.count && skip < b.count && sops_print_eq(&a.print[skip], &b.print[skip])) {
        to[skip] = (uint32_t)skip;
        skip++;
    }
    while (a.count > skip && b.count > skip && sops_print_eq(&a.print[a.count - 1], &b.print[b.count - 1])) {
        to[--a.count] = (uint32_t)--b.count;
    }
    for (size_t i = skip; i < a.count; i++) {
        to[i] = SOPS_NO_MATCH;
    }
    if (a.count == skip || b.count == skip) {
        return true;
    }
    struct numbers n = {0};
    struct thin x = {0}, y = {0};
    struct sops_row left = {a.print + skip, a.count - skip}, right = {b.print + skip, b.count - skip};
    bool ok = number_rows(&n, left, right, e) && thin_out(&n, left, &x, e) && thin_out(&n, right, &y, e) &&
              match_thin(&x, &y, skip, to, far, e);
    sops_free(n.slot);
    thin_free(&x);
    thin_free(&y);
    return ok;
}

/* ---- three rows ------------------------------------------------------------------------------------------------- */

static bool add_piece(struct sops_pieces *p, enum sops_piece_from from, size_t begin, size_t end, struct sops_err *e)
{
    struct sops_piece *last = p->count != 0 ? &p->piece[p->count - 1] : NULL;
    if (begin == end) {
        return true;
    }
    if (last != NULL && last->from == from && last->end == begin) {
        last->end = end;
        return true;
    }
    struct sops_piece *more = sops_grow(p->piece, p->count, &p->cap, sizeof *more, e);
    if (more == NULL) {
        return false;
    }
    p->piece = more;
    p->piece[p->count++] = (struct sops_piece){from, begin, end};
    return true;
}

static bool same_stretch(struct sops_row a, size_t a_from, size_t a_to, struct sops_row b, size_t b_from, size_t b_to)
{
    if (a_to - a_from != b_to - b_from) {
        return false;
    }
    while (a_from < a_to && sops_print_eq(&a.print[a_from], &b.print[b_from])) {
        a_from++;
        b_from++;
    }
    return a_from == a_to;
}

/* How far each row has been worked off. */
struct three {
    struct sops_row base, ours, theirs;
    const uint32_t *to_a, *to_b; /* what each side has of the base */
    enum sops_match_how how;
    size_t o, a, b;
};

/* Where the next thing of the base that a side has stands in it, from `i` on and before `end`; else `otherwise`. `*at`
 * is how far was looked, as a stretch may be the whole text. */
static size_t next_kept(const uint32_t *to, size_t *at, size_t i, size_t end, size_t otherwise)
{
    *at = *at < i ? i : *at;
    while (*at < end && to[*at] == SOPS_NO_MATCH) {
        ++*at;
    }
    return *at < end ? to[*at] : otherwise;
}

/* Both changed the stretch, and none of its things is in both. One that a side still has was changed by the other. */
static bool merge_touching(struct three *t, size_t o, size_t a, size_t b, struct sops_pieces *out, bool *fits,
                           struct sops_err *e)
{
    size_t at_a = t->o, at_b = t->o;
    bool ok = true;
    for (size_t i = t->o; ok && *fits && i < o; i++) {
        size_t to_a = next_kept(t->to_a, &at_a, i, o, a), to_b = next_kept(t->to_b, &at_b, i, o, b);
        bool ours_has = t->to_a[i] != SOPS_NO_MATCH;
        *fits = ours_has || t->to_b[i] != SOPS_NO_MATCH;
        if (!*fits) {
            break;
        }
        ok = ours_has
                 ? add_piece(out, SOPS_PIECE_OURS, t->a, to_a, e) && add_piece(out, SOPS_PIECE_THEIRS, t->b, to_b, e)
                 : add_piece(out, SOPS_PIECE_THEIRS, t->b, to_b, e) && add_piece(out, SOPS_PIECE_OURS, t->a, to_a, e);
        t->a = to_a + ours_has;
        t->b = to_b + !ours_has;
    }
    return ok &&
           (!*fits || (add_piece(out, SOPS_PIECE_OURS, t->a, a, e) && add_piece(out, SOPS_PIECE_THEIRS, t->b, b, e)));
}

/* What stands before the next thing that both sides have. */
static bool merge_stretch(struct three *t, size_t o, size_t a, size_t b, struct sops_pieces *out, bool *fits,
                          struct sops_err *e)
{
    if (same_stretch(t->ours, t->a, a, t->theirs, t->b, b)) {
        return add_piece(out, SOPS_PIECE_BOTH, t->a, a, e);
    }
    if (same_stretch(t->theirs, t->b, b, t->base, t->o, o)) {
        return add_piece(out, SOPS_PIECE_OURS, t->a, a, e);
    }
    bool theirs_alone = same_stretch(t->ours, t->a, a, t->base, t->o, o);
    if (!theirs_alone && t->how == SOPS_MATCH_TOUCHING) {
        return merge_touching(t, o, a, b, out, fits, e);
    }
    *fits = theirs_alone;
    return !*fits || add_piece(out, SOPS_PIECE_THEIRS, t->b, b, e);
}

static bool merge_rows(struct three *t, struct sops_pieces *out, bool *fits, struct sops_err *e)
{
    const uint32_t *to_a = t->to_a, *to_b = t->to_b;
    for (size_t i = 0; *fits && i < t->base.count; i++) {
        if (to_a[i] == SOPS_NO_MATCH || to_b[i] == SOPS_NO_MATCH) {
            continue;
        }
        if (!merge_stretch(t, i, to_a[i], to_b[i], out, fits, e) ||
            (*fits && !add_piece(out, SOPS_PIECE_BOTH, to_a[i], (size_t)to_a[i] + 1, e))) {
            return false;
        }
        t->o = i + 1;
        t->a = (size_t)to_a[i] + 1;
        t->b = (size_t)to_b[i] + 1;
    }
    return !*fits || merge_stretch(t, t->base.count, t->ours.count, t->theirs.count, out, fits, e);
}

bool sops_match_three(struct sops_row base, struct sops_row ours, struct sops_row theirs, enum sops_match_how how,
                      struct sops_pieces *out, bool *fits, struct sops_err *e)
{
    struct three t = {.base = base, .ours = ours, .theirs = theirs, .how = how};
    bool far = false;
    *fits = true;
    uint32_t *to_a = sops_alloc(base.count * sizeof *to_a, e);
    uint32_t *to_b = to_a != NULL ? sops_alloc(base.count * sizeof *to_b, e) : NULL;
    bool ok = to_b != NULL && sops_match(base, ours, to_a, &far, e) && (far || sops_match(base, theirs, to_b, &far, e));
    if (ok && far) {
        *fits = false;
    } else if (ok) {
        t.to_a = to_a;
        t.to_b = to_b;
        ok = merge_rows(&t, out, fits, e);
    }
    sops_free(to_a);
    sops_free(to_b);
    return ok;
}

void sops_pieces_free(struct sops_pieces *p)
{
    sops_free(p->piece);
    *p = (struct sops_pieces){0};
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

bool sops_lines_split(struct sops_slice text, const uint8_t key[SOPS_PRINT_KEY], struct sops_lines *out,
                      struct sops_err *e)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n' || i + 1 == text.len;
    }
    out->print = sops_alloc(count * sizeof *out->print, e);
    out->begin = out->print != NULL ? sops_alloc((count + 1) * sizeof *out->begin, e) : NULL;
    if (out->begin == NULL) {
        return false;
    }
    size_t at = 0;
    for (; out->count < count; out->count++) {
        struct sops_slice rest = sops_slice_skip(text, at);
        size_t len = sops_slice_find(rest, '\n');
        len += len < rest.len;
        out->print[out->count] = sops_print_of(key, 0, sops_slice_first(rest, len));
        out->begin[out->count] = at;
        at += len;
    }
    out->begin[count] = at;
    return true;
}

void sops_lines_free(struct sops_lines *l)
{
    sops_free(l->print);
    sops_free(l->begin);
    *l = (struct sops_lines){0};
}

bool sops_lines_merge(const struct sops_slice text[3], const uint8_t key[SOPS_PRINT_KEY], enum sops_match_how how,
                      struct sops_buf *out, bool *fits, struct sops_err *e)
{
    struct sops_lines l[3] = {{0}};
    struct sops_pieces p = {0};
    bool ok = true;
    for (size_t v = 0; ok && v < 3; v++) {
        ok = sops_lines_split(text[v], key, &l[v], e);
    }
    const struct sops_row row[3] = {{l[0].print, l[0].count}, {l[1].print, l[1].count}, {l[2].print, l[2].count}};
    ok = ok && sops_match_three(row[0], row[1], row[2], how, &p, fits, e);
    for (size_t i = 0; ok && *fits && i < p.count; i++) {
        size_t v = p.piece[i].from == SOPS_PIECE_THEIRS ? 2 : 1;
        size_t from = l[v].begin[p.piece[i].begin], to = l[v].begin[p.piece[i].end];
        ok = sops_buf_add(out, sops_slice_of(text[v].ptr + from, to - from), e);
    }
    sops_pieces_free(&p);
    for (size_t v = 0; v < 3; v++) {
        sops_lines_free(&l[v]);
    }
    return ok;
}
