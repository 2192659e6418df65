/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a comment belongs depends on columns, empty lines and the tokens around it. The reference's result must come
 * out to the byte, so these are its rules with their oddities; section numbers are those of docs/spec/21-yaml.md.
 */
#include "formats/yaml_comments.h"

/* The reference looks so far ahead and no farther. */
#define WINDOW 512

struct sops_yaml_record {
    enum sops_yaml_comment kind;
    uint32_t column;
    struct sops_yaml_lines text;
    size_t attach, start, from, end;
};

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

size_t sops_yaml_break_at(struct sops_slice in, size_t at)
{
    size_t left = in.len - at;
    const uint8_t *p = in.ptr + at;
    if (left == 0 || (p[0] > '\r' && p[0] < 0xC2)) {
        return 0;
    }
    if (p[0] == '\r') {
        return left > 1 && p[1] == '\n' ? 2 : 1;
    }
    if (p[0] == '\n') {
        return 1;
    }
    if (p[0] == 0xC2) {
        return left > 1 && p[1] == 0x85 ? 2 : 0;
    }
    return p[0] == 0xE2 && left > 2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9) ? 3 : 0;
}

size_t sops_yaml_break_before(struct sops_slice in, size_t at)
{
    const uint8_t *p = in.ptr + at;
    if (at == 0) {
        return 0;
    }
    if (p[-1] == '\n') {
        return at > 1 && p[-2] == '\r' ? 2 : 1;
    }
    if (p[-1] == '\r') {
        return 1;
    }
    if (at > 1 && p[-2] == 0xC2 && p[-1] == 0x85) {
        return 2;
    }
    return at > 2 && p[-3] == 0xE2 && p[-2] == 0x80 && (p[-1] == 0xA8 || p[-1] == 0xA9) ? 3 : 0;
}

/* 5.1, breaks(i). */
static size_t breaks_before(struct sops_slice in, size_t at)
{
    size_t count = 0;
    while (at > 0) {
        size_t n = sops_yaml_break_before(in, at);
        if (n == 0 && !is_blank(in.ptr[at - 1])) {
            break;
        }
        count += n != 0;
        at -= n != 0 ? n : 1;
    }
    return count;
}

/* Moves over a break of n bytes. */
static void pass_break(struct sops_yaml_place *p, struct sops_slice in, size_t n)
{
    p->index += n == 2 && in.ptr[p->byte] == '\r' ? 2 : 1;
    p->byte += n;
    p->line++;
    p->column = 0;
}

static void pass_character(struct sops_yaml_place *p)
{
    p->index++;
    p->byte++;
    p->column++;
}

/* Moves over blanks, and over breaks when `lines`. Returns the number of characters that were passed on this line. */
static size_t pass_space(struct sops_yaml_place *p, struct sops_slice in, bool lines)
{
    size_t count = 0;
    while (p->byte < in.len) {
        size_t n = lines ? sops_yaml_break_at(in, p->byte) : 0;
        if (n != 0) {
            pass_break(p, in, n);
        } else if (is_blank(in.ptr[p->byte])) {
            pass_character(p);
            count++;
        } else {
            break;
        }
    }
    return count;
}

/* Moves to the end of the line. */
static void pass_line(struct sops_yaml_place *p, struct sops_slice in)
{
    while (p->byte < in.len && sops_yaml_break_at(in, p->byte) == 0) {
        bool lead = (in.ptr[p->byte] & 0xC0) != 0x80;
        p->index += lead;
        p->column += lead;
        p->byte++;
    }
}

/* ---- lines of comments ----------------------------------------------------------------------------------------- */

/* The comment that stands from `p` to the end of the line. Moves there. */
static struct sops_yaml_line take_line(const struct sops_yaml_source *s, struct sops_yaml_place *p)
{
    size_t from = p->byte;
    uint32_t line = (uint32_t)p->line + 1;
    pass_line(p, s->in);
    return (struct sops_yaml_line){.text = {s->in.ptr + from, p->byte - from},
                                   .span = {s->origin + (uint32_t)from, s->origin + (uint32_t)p->byte},
                                   .line = line};
}

static bool add_lines(struct sops_yaml_run *to, const struct sops_yaml_line *lines, size_t count, struct sops_err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct sops_yaml_line *at = sops_yaml_grow(to->at, to->count, &to->cap, sizeof *at, e);
        if (at == NULL) {
            return false;
        }
        to->at = at;
        at[to->count++] = lines[i];
    }
    return true;
}

/* A copy of at least one line, which stays. */
static bool keep_lines(struct sops_yaml_source *s, const struct sops_yaml_line *lines, size_t count,
                       struct sops_yaml_lines *to, struct sops_err *e)
{
    struct sops_yaml_line *copy = sops_arena_alloc(&s->scratch, count * sizeof *copy, e);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, lines, count * sizeof *copy);
    *to = (struct sops_yaml_lines){copy, count};
    return true;
}

static struct sops_yaml_record *add_record(struct sops_yaml_source *s, struct sops_err *e)
{
    struct sops_yaml_record *records = sops_yaml_grow(s->records, s->record_count, &s->record_cap, sizeof *records, e);
    if (records == NULL) {
        return NULL;
    }
    s->records = records;
    return &s->records[s->record_count++];
}

/* ---- 5.3: whole-line comments ---------------------------------------------------------------------------------- */

/* One run of the procedure. `start` is good while s->run is not empty; `line` is the line as the reference counts it:
 * the break that ends a comment is not counted. */
struct walk {
    struct sops_yaml_source *s;
    struct sops_yaml_place at, start;
    size_t attach, from, base, line, since;
    int64_t foot;
    bool near, empty, after_value;
};

/* 5.4. */
static bool finish(struct walk *w, enum sops_yaml_comment kind, size_t attach, struct sops_err *e)
{
    struct sops_yaml_record *r = add_record(w->s, e);
    if (r == NULL) {
        return false;
    }
    *r = (struct sops_yaml_record){.kind = kind,
                                   .column = (uint32_t)w->start.column,
                                   .attach = attach,
                                   .start = w->start.index,
                                   .from = w->from,
                                   .end = w->at.index - (kind == SOPS_YAML_HEAD)};
    if (!keep_lines(w->s, w->s->run.at, w->s->run.count, &r->text, e)) {
        return false;
    }
    w->s->run.count = 0;
    w->from = w->attach = w->at.index;
    return true;
}

static size_t foot_place(const struct walk *w) { return w->start.column < w->base ? w->start.index : w->attach; }

/* Passes over the break at hand. Of NEL, LS and PS the reference sees the first byte only: what is left counts as a
 * character in column 0 that is no '#' and so, by rules 4 and 5, ends the walk. */
static bool over_break(struct walk *w, size_t n, bool *more, struct sops_err *e)
{
    bool wide = w->s->in.ptr[w->at.byte] >= 0x80;
    pass_break(&w->at, w->s->in, n);
    if (!wide) {
        return true;
    }
    *more = false;
    bool ends = w->s->run.count != 0 && w->start.column != 0 && w->base > 0;
    return !ends || finish(w, SOPS_YAML_FOOT, w->attach, e);
}

/* Rule 3, at a break of n bytes or (n = 0) the end of the text. */
static bool line_end(struct walk *w, size_t n, bool *more, struct sops_err *e)
{
    if (!w->empty && w->s->run.count != 0) {
        bool below = (int64_t)w->start.line == w->foot && !w->after_value;
        if (w->near && (w->start.column < w->base || below)) {
            if (!finish(w, SOPS_YAML_FOOT, foot_place(w), e)) {
                return false;
            }
        } else if (n != 0 && !add_lines(&w->s->run, &(struct sops_yaml_line){0}, 1, e)) {
            return false;
        }
    }
    *more = n != 0;
    if (n == 0) {
        return true;
    }
    w->near = false;
    w->empty = true;
    w->line++;
    w->since += n;
    return over_break(w, n, more, e);
}

/* Rule 6, at a '#'. */
static bool comment_line(struct walk *w, bool *more, struct sops_err *e)
{
    struct sops_yaml_source *s = w->s;
    if (s->run.count == 0) {
        w->start = w->at;
        w->start.line = w->line;
    }
    struct sops_yaml_line line = take_line(s, &w->at);
    if (!add_lines(&s->run, &line, 1, e)) {
        return false;
    }
    w->empty = false;
    w->since = 1;
    w->line = w->at.line;
    size_t n = sops_yaml_break_at(s->in, w->at.byte);
    /* Of CR LF the LF is still to come. */
    return n == 0 || over_break(w, n == 2 && s->in.ptr[w->at.byte] == '\r' ? 1 : n, more, e);
}

static bool walk(struct walk *w, struct sops_err *e)
{
    struct sops_yaml_source *s = w->s;
    bool more = true;
    while (more && w->since < WINDOW) {
        bool end = w->at.byte >= s->in.len;
        uint8_t c = end ? 0 : s->in.ptr[w->at.byte];
        size_t n = end ? 0 : sops_yaml_break_at(s->in, w->at.byte);
        if (is_blank(c)) {
            pass_character(&w->at);
            w->since++;
        } else if (s->flow != 0 && (c == ']' || c == '}')) {
            if (s->run.count != 0 && !finish(w, SOPS_YAML_FOOT, foot_place(w), e)) {
                return false;
            }
            more = false;
        } else if (end || n != 0) {
            if (!line_end(w, n, &more, e)) {
                return false;
            }
        } else {
            if (s->run.count != 0 && w->at.column < w->base && w->at.column != w->start.column &&
                !finish(w, SOPS_YAML_FOOT, w->attach, e)) {
                return false;
            }
            more = c == '#';
            if (more && !comment_line(w, &more, e)) {
                return false;
            }
        }
    }
    return s->run.count == 0 || finish(w, SOPS_YAML_HEAD, w->start.index, e);
}

bool sops_yaml_gap(struct sops_yaml_source *s, size_t end, struct sops_err *e)
{
    struct sops_yaml_place p = s->rest;
    if (end <= p.byte || memchr(s->in.ptr + p.byte, '#', end - p.byte) == NULL) {
        return true;
    }
    bool comma = s->last_type == YAML_FLOW_ENTRY_TOKEN;
    size_t base = s->depth != 0 ? s->columns[s->depth - 1] : 0;
    for (;;) {
        pass_space(&p, s->in, true);
        if (p.byte >= s->in.len || s->in.ptr[p.byte] != '#') {
            return true;
        }
        size_t breaks = breaks_before(s->in, p.byte);
        struct walk w = {.s = s,
                         .at = p,
                         .attach = comma ? s->before_index : s->last_index,
                         .from = s->rest.index,
                         .base = base,
                         .line = p.line,
                         .foot = -1,
                         .near = breaks <= 1,
                         .after_value = (comma ? s->before_type : s->last_type) == YAML_VALUE_TOKEN};
        if (s->rest.line != 0) {
            w.foot = (int64_t)p.line - (int64_t)breaks + 1 + (breaks == 0 && p.column > 1);
        }
        if (!walk(&w, e)) {
            return false;
        }
        p = w.at;
    }
}

/* ---- 5.5 -------------------------------------------------------------------------------------------------------- */

void sops_yaml_place_ends(struct sops_yaml_source *s, struct sops_yaml_token *ends, size_t count,
                          const struct sops_yaml_token *next)
{
    bool last = next->type == YAML_STREAM_END_TOKEN || next->type == YAML_DOCUMENT_START_TOKEN ||
                next->type == YAML_DOCUMENT_END_TOKEN || next->type == YAML_VERSION_DIRECTIVE_TOKEN ||
                next->type == YAML_TAG_DIRECTIVE_TOKEN;
    bool rest = false;
    size_t place = s->rest.index != 0 ? s->rest.index - 1 : 0;
    for (size_t i = 0; i < count && s->depth != 0; i++) {
        uint32_t column = s->columns[--s->depth];
        if (last && !rest && column <= next->column) {
            rest = true;
            place = next->index != 0 ? next->index - 1 : 0;
        }
        size_t stop = place;
        for (size_t k = s->record_count; k > 0 && s->records[k - 1].end >= stop; k--) {
            if (s->records[k - 1].column == column) {
                place = s->records[k - 1].start;
            }
            stop = s->records[k - 1].from;
        }
        ends[i].index = place;
    }
}

/* ---- 5.1, 5.2 --------------------------------------------------------------------------------------------------- */

/* The column of a block scalar's text, for which the header and the lines below it are read again. */
static size_t block_column(const struct sops_yaml_source *s, struct sops_yaml_place p, unsigned digit)
{
    size_t base = s->depth != 0 ? s->columns[s->depth - 1] : 0;
    if (digit != 0) {
        return base + digit;
    }
    size_t widest = s->depth != 0 ? base + 1 : 1;
    pass_line(&p, s->in);
    for (;;) {
        size_t n = sops_yaml_break_at(s->in, p.byte);
        if (n == 0) {
            return widest;
        }
        pass_break(&p, s->in, n);
        while (p.byte < s->in.len && s->in.ptr[p.byte] == ' ') {
            pass_character(&p);
        }
        widest = p.column > widest ? p.column : widest;
        pass_space(&p, s->in, false);
    }
}

static bool line_comment(struct sops_yaml_source *s, struct sops_yaml_place *p, size_t attach, struct sops_err *e)
{
    struct sops_yaml_record *r = add_record(s, e);
    if (r == NULL) {
        return false;
    }
    *r = (struct sops_yaml_record){
        .kind = SOPS_YAML_LINE, .column = (uint32_t)p->column, .attach = attach, .start = p->index, .from = p->index};
    struct sops_yaml_line line = take_line(s, p);
    return keep_lines(s, &line, 1, &r->text, e);
}

/* Where the text of a block scalar ends: before the break of its last line. Lines of nothing but `column` spaces belong
 * to it only when the header says so (+). */
static size_t block_end(const struct sops_yaml_source *s, size_t end, size_t column, bool keep)
{
    size_t at = end - sops_yaml_break_before(s->in, end);
    while (!keep) {
        size_t start = at;
        while (start > 0 && s->in.ptr[start - 1] == ' ') {
            start--;
        }
        size_t n = sops_yaml_break_before(s->in, start);
        if (n == 0 || at - start > column) {
            break;
        }
        at = start - n;
    }
    return at;
}

/* Behind `|` or `>`: the comment of the header line, and the spaces that the scanner has read beyond the text. */
static bool block_rest(struct sops_yaml_source *s, struct sops_yaml_token *t, size_t start, struct sops_err *e)
{
    struct sops_yaml_place p = {t->index + 1, start + 1, t->line, t->column + 1};
    unsigned digit = 0;
    bool keep = false;
    for (; p.byte < s->in.len && strchr("+-123456789", s->in.ptr[p.byte]) != NULL && s->in.ptr[p.byte] != '\0';
         pass_character(&p)) {
        digit = s->in.ptr[p.byte] >= '1' ? s->in.ptr[p.byte] - (unsigned)'0' : digit;
        keep = keep || s->in.ptr[p.byte] == '+';
    }
    pass_space(&p, s->in, false);
    struct sops_yaml_place header = p;
    if (p.byte < s->in.len && s->in.ptr[p.byte] == '#' && !line_comment(s, &p, t->index, e)) {
        return false;
    }
    size_t column = block_column(s, header, digit);
    t->span.end = s->origin + (uint32_t)block_end(s, s->rest.byte, column, keep);
    if (s->rest.byte < s->in.len && s->in.ptr[s->rest.byte] == ' ') {
        while (s->rest.byte < s->in.len && s->in.ptr[s->rest.byte] == ' ' && s->rest.column < column) {
            pass_character(&s->rest);
        }
    }
    return true;
}

bool sops_yaml_rest(struct sops_yaml_source *s, struct sops_yaml_token *t, size_t start, bool block, struct sops_err *e)
{
    if (block && !block_rest(s, t, start, e)) {
        return false;
    }
    if (t->type == YAML_SCALAR_TOKEN && t->plain) {
        pass_space(&s->rest, s->in, true);
    }
    if (t->type == YAML_VERSION_DIRECTIVE_TOKEN || t->type == YAML_TAG_DIRECTIVE_TOKEN) {
        /* The scanner reads a directive's whole line, so that a comment in it is lost. */
        pass_line(&s->rest, s->in);
        if (s->rest.byte < s->in.len) {
            pass_break(&s->rest, s->in, sops_yaml_break_at(s->in, s->rest.byte));
        }
        return true;
    }
    if (t->type == YAML_BLOCK_ENTRY_TOKEN || t->type == YAML_DOCUMENT_START_TOKEN ||
        t->type == YAML_DOCUMENT_END_TOKEN || t->type == YAML_STREAM_START_TOKEN) {
        return true;
    }
    struct sops_yaml_place p = s->rest;
    size_t blanks = pass_space(&p, s->in, false);
    if (p.byte >= s->in.len || s->in.ptr[p.byte] != '#' || blanks >= WINDOW ||
        breaks_before(s->in, s->rest.byte) != 0) {
        return true;
    }
    bool outside = t->type == YAML_VALUE_TOKEN && s->flow == 0;
    bool comma = t->type == YAML_FLOW_ENTRY_TOKEN && s->flow != 0;
    if (!line_comment(s, &p, outside || comma ? s->before_index : t->index, e)) {
        return false;
    }
    s->rest = p;
    return true;
}

/* ---- 5.6 -------------------------------------------------------------------------------------------------------- */

bool sops_yaml_hand_out(struct sops_yaml_source *s, const struct sops_yaml_token *t, struct sops_err *e)
{
    for (; s->handed < s->record_count && s->records[s->handed].attach <= t->index; s->handed++) {
        const struct sops_yaml_record *r = &s->records[s->handed];
        if (r->kind == SOPS_YAML_HEAD && t->type == YAML_BLOCK_END_TOKEN) {
            return true;
        }
        if (!add_lines(&s->pending[r->kind], r->text.at, r->text.count, e)) {
            return false;
        }
    }
    return true;
}

bool sops_yaml_take(struct sops_yaml_source *s, struct sops_yaml_texts **to, struct sops_err *e)
{
    if (s->pending[0].count + s->pending[1].count + s->pending[2].count == 0) {
        return true;
    }
    if (*to == NULL) {
        *to = sops_arena_alloc(&s->scratch, sizeof **to, e);
        if (*to == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        struct sops_yaml_run *from = &s->pending[i];
        if (from->count != 0 && !keep_lines(s, from->at, from->count, &(*to)->kind[i], e)) {
            return false;
        }
        from->count = 0;
    }
    return true;
}

bool sops_yaml_split_head(struct sops_yaml_source *s, size_t count, size_t drop, struct sops_yaml_lines *front,
                          struct sops_err *e)
{
    struct sops_yaml_run *head = &s->pending[SOPS_YAML_HEAD];
    if (!keep_lines(s, head->at, count, front, e)) {
        return false;
    }
    head->count -= count + drop;
    memmove(head->at, head->at + count + drop, head->count * sizeof *head->at);
    return true;
}
