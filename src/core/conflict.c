/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each text is read again to find the lines of the entries in conflict. The lines around them are the same in both but
 * for what follows from a choice (a comma, a padding, `{}`), so they are matched, and what does not match becomes part
 * of the conflict that it touches. Whatever this finds out, all first sections together are the text of ours, and all
 * second ones that of theirs.
 */
#include "core/conflict.h"

#include "base/text.h"

#include <sodium.h>

#include "core/match.h"
#include "core/shape.h"

/* ---- markers and labels ----------------------------------------------------------------------------------------- */

static bool begins_with_marker(struct sops_slice line, uint8_t c)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == c) {
        n++;
    }
    return n >= SOPS_MARKER_SIZE && n < line.len && line.ptr[n] == ' ';
}

bool sops_holds_markers(struct sops_slice text)
{
    bool begins = false, ends = false;
    for (size_t at = 0; at < text.len && !(begins && ends);) {
        struct sops_slice line = sops_slice_skip(text, at);
        begins = begins || begins_with_marker(line, '<');
        ends = ends || begins_with_marker(line, '>');
        const uint8_t *end = memchr(line.ptr, '\n', line.len);
        at = end != NULL ? (size_t)(end - text.ptr) + 1 : text.len;
    }
    return begins && ends;
}

bool sops_marker_label(const char *label, const char *otherwise, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice rest = sops_str(label);
    size_t start = out->len;
    if (rest.len == 0 || (rest.len == 2 && rest.ptr[0] == '%')) {
        rest = sops_str(otherwise);
    }
    while (rest.len != 0) {
        uint32_t c = 0;
        size_t n = sops_utf8_next(rest, &c);
        bool control = n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0);
        n = n == 0 ? 1 : n;
        if (out->len - start + n > SOPS_LABEL_MAX) {
            return true;
        }
        if (!(control ? sops_buf_addc(out, '?', e) : sops_buf_add(out, sops_slice_first(rest, n), e))) {
            return false;
        }
        rest = sops_slice_skip(rest, n);
    }
    return true;
}

/* ---- the lines of each conflict --------------------------------------------------------------------------------- */

#define COMMON 0 /* tag of a line that is in no conflict; else the number of the conflict, from 1 */

/* One of the two texts. */
struct text {
    struct sops_slice bytes;
    struct sops_lines lines;
    uint32_t *tag;            /* of each line */
    struct sops_print *print; /* of the lines that are common … */
    uint32_t *line;           /* … and which lines they are */
    size_t common;
    uint32_t *place; /* how many common lines stand before each conflict; NOWHERE: it has no line here */
    size_t at;       /* while it is gone through: the line, which begins at or before the byte sought */
};
#define NOWHERE UINT32_MAX

/* The line that holds the byte at `offset`; asked for in order, mostly. */
static size_t line_of(struct text *t, size_t offset)
{
    while (t->at != 0 && t->lines.begin[t->at] > offset) {
        t->at--;
    }
    while (t->at + 1 < t->lines.count && t->lines.begin[t->at + 1] <= offset) {
        t->at++;
    }
    return t->at;
}

static void tag_lines(struct text *t, struct sops_span s, uint32_t tag)
{
    if (s.end == 0 || t->lines.count == 0) {
        return;
    }
    size_t from = line_of(t, s.begin), to = line_of(t, s.end > s.begin ? s.end - 1 : s.begin);
    for (; from <= to; from++) {
        t->tag[from] = t->tag[from] == COMMON ? tag : t->tag[from];
    }
}

static void widen(struct sops_span *s, struct sops_span by)
{
    if (by.end != 0) {
        s->begin = s->end == 0 || by.begin < s->begin ? by.begin : s->begin;
        s->end = by.end > s->end ? by.end : s->end;
    }
}

/* All of an entry as it was read: its key, and all that is in it. */
static struct sops_span span_of_entry(const struct sops_node *n)
{
    struct sops_span s = {0};
    for (struct sops_node *x = (struct sops_node *)(uintptr_t)n; x != NULL; x = sops_node_after(n, x)) {
        widen(&s, x->key_span);
        widen(&s, x->span);
    }
    return s;
}

/* Where a format has headers of tables, a table begins at its own. */
static void place_tables(struct sops_doc *d)
{
    for (size_t i = 0; i < d->marks; i++) {
        if (d->mark[i].kind == SOPS_MARK_TABLE) {
            widen(&d->mark[i].node->span, d->mark[i].span);
        }
    }
}

static struct sops_node *skip_comments(struct sops_node *n)
{
    while (n != NULL && sops_reads_as_comment(n)) {
        n = n->next;
    }
    return n;
}

/* Tags the entry `read` with the comments that are its own: `from` is the first node behind the entry before it. */
static void tag_entry(struct text *t, const struct sops_conflict *c, bool behind, struct sops_node *from,
                      struct sops_node *read, uint32_t tag)
{
    size_t notes = 0;
    for (const struct sops_node *n = from; !behind && n != NULL && n != read; n = n->next) {
        notes++;
    }
    const struct sops_node *note = behind ? read->next : from;
    for (; notes > c->notes; notes--) {
        note = note->next;
    }
    for (size_t left = behind ? c->notes : notes; left != 0 && note != NULL && sops_reads_as_comment(note); left--) {
        tag_lines(t, note->span, tag);
        note = note->next;
    }
    tag_lines(t, span_of_entry(read), tag);
}

/* Goes through the merge and what was read side by side. Where the two do not fit, the rest has no tags. */
static void tag_part(struct text *t, const struct sops_merge *m, unsigned side, bool behind, struct sops_node *merged,
                     struct sops_node *read)
{
    const struct sops_node *top = merged;
    struct sops_node *from = read->child, *x = merged->child, *y;
    while (true) {
        x = skip_comments(x);
        if (x == NULL) {
            if (merged == top) {
                return;
            }
            x = merged->next;
            from = read->next;
            merged = merged->up;
            read = read->up;
            continue;
        }
        bool open = (x->flags & SOPS_OPEN_ENTRY) != 0;
        if (open && m->conflict[x->line].side[side] == NULL) {
            x = x->next;
            continue;
        }
        y = skip_comments(from);
        if (y == NULL || (merged->kind == SOPS_MAP && !sops_slice_eq(x->key, y->key))) {
            return;
        }
        if (open) {
            tag_entry(t, &m->conflict[x->line], behind, from, y, x->line + 1);
        } else if (x->child != NULL && y->child != NULL) {
            merged = x;
            read = y;
            x = x->child;
            from = y->child;
            continue;
        }
        x = x->next;
        from = y->next;
    }
}

static bool tag_text(struct text *t, const struct sops_merge *m, const struct sops_format *f, unsigned side,
                     struct sops_err *e)
{
    struct sops_doc d = {.reading.marks = true};
    struct sops_err why = {0};
    bool ok = sops_doc_parse(&d, f, t->bytes, &why) || !why.memory || sops_fail_memory(e);
    place_tables(&d);
    struct sops_node *read = d.parts;
    for (struct sops_node *part = m->doc.parts; ok && part != NULL && read != NULL; part = part->next) {
        tag_part(t, m, side, (f->flags & SOPS_FMT_BEHIND) != 0, part, read);
        read = read->next;
    }
    sops_err_clear(&why);
    sops_doc_free(&d);
    return ok;
}

static void text_free(struct text *t)
{
    sops_lines_free(&t->lines);
    sops_free(t->tag);
    sops_free(t->print);
    sops_free(t->line);
    sops_free(t->place);
}

static bool text_make(struct text *t, struct sops_slice bytes, const struct sops_merge *m, const struct sops_format *f,
                      unsigned side, const uint8_t key[SOPS_PRINT_KEY], struct sops_err *e)
{
    t->bytes = bytes;
    if (!sops_lines_split(bytes, key, &t->lines, e)) {
        return false;
    }
    t->tag = sops_alloc(t->lines.count * sizeof *t->tag, e);
    t->print = t->tag != NULL ? sops_alloc(t->lines.count * sizeof *t->print, e) : NULL;
    t->line = t->print != NULL ? sops_alloc((t->lines.count + 1) * sizeof *t->line, e) : NULL;
    t->place = t->line != NULL ? sops_alloc(m->conflicts * sizeof *t->place, e) : NULL;
    if (t->place == NULL || !tag_text(t, m, f, side, e)) {
        return false;
    }
    for (size_t i = 0; i < m->conflicts; i++) {
        t->place[i] = NOWHERE;
    }
    for (size_t i = 0; i < t->lines.count; i++) {
        if (t->tag[i] == COMMON) {
            t->line[t->common] = (uint32_t)i;
            t->print[t->common++] = t->lines.print[i];
        } else if (t->place[t->tag[i] - 1] == NOWHERE) {
            t->place[t->tag[i] - 1] = (uint32_t)t->common;
        }
    }
    t->line[t->common] = (uint32_t)t->lines.count;
    return true;
}

/* ---- regions ---------------------------------------------------------------------------------------------------- */

/* A pair of sections: stretches of common lines that are not common after all, and conflicts, from `first` to before
 * `end`. */
struct region {
    size_t from[2], to[2];
    size_t first, end;
    bool sure; /* it must be one pair: entries are missing on a side */
};
struct regions {
    struct region *region;
    size_t count;
};

static bool touches(const struct region *a, const struct region *b)
{
    return b->from[0] <= a->to[0] || b->from[1] <= a->to[1];
}

/* Has the one a line that stands behind the other's? */
static bool overlaps(const struct region *a, const struct region *b)
{
    return b->from[0] < a->to[0] || b->from[1] < a->to[1];
}

static void join(struct region *a, const struct region *b)
{
    for (int s = 0; s < 2; s++) {
        a->to[s] = b->to[s] > a->to[s] ? b->to[s] : a->to[s];
    }
    if (b->first != b->end) {
        a->first = a->first == a->end ? b->first : a->first;
        a->end = b->end;
    }
    a->sure = a->sure || b->sure;
}

/* Adds a region behind the others; joins it with the last one where the two cannot be chosen apart: lines that follow
 * from a choice (a comma behind what is the last entry of one side) may stand behind several conflicts. */
static void add_region(struct regions *r, struct region x)
{
    struct region *last = r->count != 0 ? &r->region[r->count - 1] : NULL;
    bool plain = last != NULL && last->first != last->end && x.first != x.end; /* both hold conflicts */
    if (last != NULL && touches(last, &x) && (!plain || overlaps(last, &x) || last->sure || x.sure)) {
        join(last, &x);
    } else {
        r->region[r->count++] = x;
    }
}

/* Lines that differ and touch no conflict go with the nearest one. */
static void adopt_strays(struct regions *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        struct region *x = &r->region[i], *last = kept != 0 ? &r->region[kept - 1] : NULL;
        struct region *next = i + 1 < r->count ? &r->region[i + 1] : NULL;
        bool stray = x->first == x->end;
        if (stray && last != NULL && (next == NULL || x->from[0] - last->to[0] <= next->from[0] - x->to[0])) {
            join(last, x);
        } else if (stray && next != NULL) {
            struct region both = *x;
            join(&both, next);
            *next = both;
        } else {
            r->region[kept++] = *x;
        }
    }
    r->count = kept;
}

/* Where conflict `i` stands among the common lines of both: where it has no line, as far as the other text tells. `a`
 * and `b` are how far the lines match before it. */
static struct region region_of(const struct text t[2], const struct sops_merge *m, size_t i, size_t a, size_t b)
{
    struct region x = {.first = i, .end = i + 1};
    const struct sops_conflict *c = &m->conflict[i];
    x.from[0] = t[0].place[i] != NOWHERE ? t[0].place[i] : a;
    x.from[1] = t[1].place[i] != NOWHERE ? t[1].place[i] : b;
    x.to[0] = x.from[0];
    x.to[1] = x.from[1];
    x.sure = c->side[0] == NULL || c->side[1] == NULL || t[0].place[i] == NOWHERE || t[1].place[i] == NOWHERE;
    return x;
}

/* Is conflict `i` in front of what follows the common lines `a` and `b`? */
static bool comes_before(const struct text t[2], size_t i, size_t a, size_t b)
{
    return (t[0].place[i] != NOWHERE && t[0].place[i] <= a) || (t[1].place[i] != NOWHERE && t[1].place[i] <= b) ||
           (t[0].place[i] == NOWHERE && t[1].place[i] == NOWHERE);
}

/* The regions in their order: conflicts, and stretches between matching lines. */
static void find_regions(const struct text t[2], const struct sops_merge *m, const uint32_t *to, struct regions *r)
{
    size_t conflict = 0, a = 0, b = 0; /* what was gone through */
    while (true) {
        size_t next = a;
        while (next < t[0].common && to[next] == SOPS_NO_MATCH) {
            next++;
        }
        size_t match = next < t[0].common ? to[next] : t[1].common;
        if (next != a || match != b) {
            add_region(r, (struct region){.from = {a, b}, .to = {next, match}, .first = conflict, .end = conflict});
        }
        while (conflict < m->conflicts && comes_before(t, conflict, next, match)) {
            struct region x = region_of(t, m, conflict++, next, match);
            for (int s = 0; s < 2; s++) { /* never in front of what comes before it */
                size_t least = r->count != 0 ? r->region[r->count - 1].from[s] : 0;
                x.from[s] = x.from[s] < least ? least : x.from[s];
                x.to[s] = x.to[s] < x.from[s] ? x.from[s] : x.to[s];
            }
            add_region(r, x);
        }
        if (next == t[0].common) {
            return;
        }
        a = next + 1;
        b = match + 1;
    }
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static bool add_marker(struct sops_buf *out, uint8_t c, size_t size, const char *label, const char *otherwise,
                       struct sops_err *e)
{
    return sops_buf_addn(out, c, size, e) &&
           (otherwise == NULL || (sops_buf_addc(out, ' ', e) && sops_marker_label(label, otherwise, out, e))) &&
           sops_buf_addc(out, '\n', e);
}

static bool add_line(const struct text *t, size_t line, bool whole, struct sops_buf *out, struct sops_err *e)
{
    size_t from = t->lines.begin[line], to = t->lines.begin[line + 1];
    return sops_buf_add(out, sops_slice_of(t->bytes.ptr + from, to - from), e) &&
           (!whole || t->bytes.ptr[to - 1] == '\n' || sops_buf_addc(out, '\n', e));
}

/* The lines of a region in one text: its conflicts', and common ones in between. */
static bool add_section(const struct text *t, const struct region *r, int side, struct sops_buf *out,
                        struct sops_err *e)
{
    size_t from = r->from[side] != 0 ? t->line[r->from[side] - 1] + (size_t)1 : 0;
    for (size_t i = from; i < t->line[r->to[side]]; i++) {
        bool mine = t->tag[i] == COMMON || (t->tag[i] > r->first && t->tag[i] <= r->end);
        if (mine && !add_line(t, i, true, out, e)) {
            return false;
        }
    }
    return true;
}

static bool write_regions(const struct text t[2], const struct regions *r, const struct sops_marker_style *style,
                          struct sops_buf *out, struct sops_err *e)
{
    size_t at = 0;
    for (size_t i = 0; i <= r->count; i++) {
        const struct region *x = i < r->count ? &r->region[i] : NULL;
        for (size_t end = x != NULL ? x->from[0] : t[0].common; at < end; at++) {
            if (!add_line(&t[0], t[0].line[at], x != NULL, out, e)) {
                return false;
            }
        }
        if (x != NULL &&
            !(add_marker(out, '<', style->size, style->ours, "ours", e) && add_section(&t[0], x, 0, out, e) &&
              add_marker(out, '=', style->size, NULL, NULL, e) && add_section(&t[1], x, 1, out, e) &&
              add_marker(out, '>', style->size, style->theirs, "theirs", e))) {
            return false;
        }
        at = x != NULL ? x->to[0] : at;
    }
    return true;
}

bool sops_conflict_text(const struct sops_merge *m, const struct sops_format *f, struct sops_slice ours,
                        struct sops_slice theirs, const struct sops_marker_style *style, struct sops_buf *out,
                        struct sops_err *e)
{
    struct text t[2] = {{.common = 0}};
    struct regions r = {0};
    uint8_t key[SOPS_PRINT_KEY];
    bool far = false;
    randombytes_buf(key, sizeof key);
    bool ok = text_make(&t[0], ours, m, f, 0, key, e) && text_make(&t[1], theirs, m, f, 1, key, e);
    uint32_t *to = ok ? sops_alloc(t[0].common * sizeof *to, e) : NULL;
    /* Between two matching lines there is one stretch at most. */
    r.region = to != NULL ? sops_alloc((t[0].common + 1 + m->conflicts) * sizeof *r.region, e) : NULL;
    ok = r.region != NULL && sops_match((struct sops_row){t[0].print, t[0].common},
                                        (struct sops_row){t[1].print, t[1].common}, to, &far, e);
    if (ok && far) {
        for (size_t i = 0; i < t[0].common; i++) {
            to[i] = SOPS_NO_MATCH;
        }
    }
    if (ok) {
        find_regions(t, m, to, &r);
        adopt_strays(&r);
        ok = write_regions(t, &r, style, out, e);
    }
    sops_free(to);
    sops_free(r.region);
    text_free(&t[0]);
    text_free(&t[1]);
    return ok;
}
