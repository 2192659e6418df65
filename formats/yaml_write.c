/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout, and where comments come out (docs/spec/21-yaml.md#writing-layout, #writing-comments). A comment waits as
 * a pending text until the writer passes a place for its kind; a text that waits is replaced by the next one. That
 * loses or moves comments in rare documents, as in the reference, whose output must be met to the byte.
 */
#include "base/encode.h"
#include "formats/yaml_scalar.h"

#define NO_GAP SIZE_MAX
#define LINE_OF_BASE64 70
#define LONGEST_SIMPLE_KEY 128

/* Comments that follow each other in a collection; which of them: */
enum { WHOLE = 1, AT_END = 2 };
struct range {
    const struct sops_node *from; /* NULL: none */
    unsigned what;                /* with both, the whole-line ones come first */
};

/* A text: up to two ranges, joined. */
struct text {
    struct range part[2];
};

struct frame {
    const struct sops_node *n, *next; /* next: the member at hand, or comments before it */
    size_t column;
    bool started;                 /* a member was written */
    struct text line, foot;       /* its own, which wait from its end on */
    struct text foot_of_last_key; /* of a map */
};

struct writer {
    struct sops_buf *out;
    size_t line_start;
    bool content; /* the line holds more than blanks and dashes */
    unsigned indent;
    bool flush_lists, compact_lists;
    size_t blanks; /* of indentation, so far */
    size_t gap;
    struct text head, line, foot, tail, kept;
    struct frame *frames;
    size_t depth, cap;
    struct sops_buf scratch;
};

static bool is_comment(const struct sops_node *n) { return n != NULL && n->kind == SOPS_COMMENT; }

static unsigned kind_of(const struct sops_node *comment)
{
    return (comment->flags & SOPS_INLINE) != 0 ? AT_END : WHOLE;
}

/* The comments from `from` on that are `what`; none when there are no such. */
static struct range range_of(const struct sops_node *from, unsigned what)
{
    for (const struct sops_node *n = from; is_comment(n); n = n->next) {
        if ((kind_of(n) & what) != 0) {
            return (struct range){from, what};
        }
    }
    return (struct range){0};
}

static bool waits(const struct text *t) { return t->part[0].from != NULL || t->part[1].from != NULL; }

/* A text becomes pending; an empty one replaces nothing. */
static void pend(struct text *pending, struct text t)
{
    if (waits(&t)) {
        *pending = t;
    }
}

static const struct sops_node *behind_comments(const struct sops_node *n)
{
    while (is_comment(n)) {
        n = n->next;
    }
    return n;
}

/* The text that stands above the first member of a collection, behind what stands above the collection itself. */
static struct text head_of(const struct sops_node *n, struct range above)
{
    bool empty = behind_comments(n->child) == NULL;
    return (struct text){{above, range_of(n->child, empty ? WHOLE | AT_END : WHOLE)}};
}

/* What follows the member `n`, if nothing but comments does. */
static struct text foot_behind(const struct sops_node *n)
{
    if (behind_comments(n->next) != NULL) {
        return (struct text){0};
    }
    return (struct text){{range_of(n->next, WHOLE | AT_END), {0}}};
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static bool add(struct writer *w, struct sops_slice s, struct sops_err *e)
{
    w->content = true;
    return sops_buf_add(w->out, s, e);
}

static bool new_line(struct writer *w, struct sops_err *e)
{
    w->content = false;
    w->line_start = w->out->len + 1;
    return sops_buf_addc(w->out, '\n', e);
}

static size_t column_of(const struct writer *w) { return w->out->len - w->line_start; }

/* To column `c` of a line that holds nothing but blanks and dashes before it. */
static bool indent(struct writer *w, size_t c, struct sops_err *e)
{
    if ((w->content || column_of(w) > c) && !new_line(w, e)) {
        return false;
    }
    if (w->gap == c && !new_line(w, e)) {
        return false;
    }
    w->gap = NO_GAP;
    size_t at = column_of(w);
    if (at >= c) {
        return true;
    }
    w->blanks += c - at;
    return w->blanks > SOPS_BLANKS_MAX ? sops_blanks_fail(e) : sops_buf_addn(w->out, ' ', c - at, e);
}

/* A comment of several lines comes from another format: each further line gets a sign of its own. */
static bool write_comment(struct writer *w, struct sops_slice s, size_t c, struct sops_err *e)
{
    if (!sops_utf8_valid(s)) {
        /* No reader of YAML would take the whole file. */
        return sops_fail(e, SOPS_E_DUMP, "a comment that is not UTF-8 cannot be written as YAML");
    }
    bool good = add(w, SOPS_LIT("#"), e);
    while (good && s.len != 0) {
        size_t n = sops_yaml_break_at(s, 0);
        if (n != 0) {
            good = add(w, sops_slice_first(s, n), e);
            w->content = false;
            w->line_start = w->out->len;
        } else {
            bool starts = !w->content;
            while (n < s.len && sops_yaml_break_at(s, n) == 0) {
                n++;
            }
            good = (!starts || (indent(w, c, e) && (s.ptr[0] == '#' || add(w, SOPS_LIT("# "), e)))) &&
                   add(w, sops_slice_first(s, n), e);
        }
        s = sops_slice_skip(s, n);
    }
    return good;
}

/* The lines of a text; further ones at column `c`, the second one below an empty line when `spaced`; and a break. */
static bool write_text(struct writer *w, const struct text *t, size_t c, bool spaced, struct sops_err *e)
{
    static const unsigned passes[] = {WHOLE, AT_END};
    size_t lines = 0;
    for (size_t i = 0; i < 4; i++) {
        const struct range *r = &t->part[i / 2];
        unsigned what = r->what & passes[i % 2];
        for (const struct sops_node *n = r->from; what != 0 && is_comment(n); n = n->next) {
            if (kind_of(n) != what) {
                continue;
            }
            if (lines != 0) {
                if (!new_line(w, e)) {
                    return false;
                }
                w->gap = lines == 1 && spaced ? c : w->gap;
                if (!indent(w, c, e)) {
                    return false;
                }
            }
            lines++;
            if (!write_comment(w, n->text, c, e)) {
                return false;
            }
        }
    }
    return !w->content || new_line(w, e);
}

static bool flush(struct writer *w, struct text *pending, size_t c, bool spaced, struct sops_err *e)
{
    struct text t = *pending;
    *pending = (struct text){0};
    return write_text(w, &t, c, spaced, e);
}

static bool heads(struct writer *w, size_t c, struct sops_err *e)
{
    if (waits(&w->tail)) {
        if (!indent(w, c, e) || !flush(w, &w->tail, c, false, e)) {
            return false;
        }
        w->gap = c;
    }
    return !waits(&w->head) || (indent(w, c, e) && flush(w, &w->head, c, false, e));
}

static bool line_of(struct writer *w, struct text *pending, size_t c, struct sops_err *e)
{
    if (!waits(pending)) {
        return true;
    }
    return (column_of(w) == 0 || sops_buf_addc(w->out, ' ', e)) && flush(w, pending, c, c == 0, e);
}

static bool foot(struct writer *w, size_t c, struct sops_err *e)
{
    if (!waits(&w->foot)) {
        return true;
    }
    if (!indent(w, c, e) || !flush(w, &w->foot, c, false, e)) {
        return false;
    }
    w->gap = c;
    return true;
}

static bool line_and_foot(struct writer *w, size_t c, struct sops_err *e)
{
    return line_of(w, &w->line, c, e) && foot(w, c, e);
}

/* ---- scalars ---------------------------------------------------------------------------------------------------- */

/* Lines of a text at column `c`; empty ones stay empty. Each break but LF is part of the text, too. */
static bool lines_at(struct writer *w, struct sops_slice s, size_t c, bool first_placed, struct sops_err *e)
{
    for (size_t from = 0; from < s.len;) {
        size_t end = from, n = 0;
        while (end < s.len && (n = sops_yaml_break_at(s, end)) == 0) {
            end++;
        }
        if (end != from && ((!(first_placed && from == 0) && !indent(w, c, e)) ||
                            !add(w, (struct sops_slice){s.ptr + from, end - from}, e))) {
            return false;
        }
        if (n != 0) {
            w->content = false;
            w->line_start = w->out->len + n;
            if (!sops_buf_add(w->out, (struct sops_slice){s.ptr + end, n}, e)) {
                return false;
            }
        }
        from = end + n;
    }
    return true;
}

static bool literal(struct writer *w, struct sops_slice s, size_t c, size_t digit, struct sops_err *e)
{
    size_t last = sops_yaml_break_before(s, s.len);
    bool two = last != 0 && sops_yaml_break_before(s, s.len - last) != 0;
    if (!add(w, SOPS_LIT("|"), e) ||
        ((s.ptr[0] == ' ' || sops_yaml_break_at(s, 0) != 0) && !sops_buf_addf(w->out, e, "%zu", digit)) ||
        (last == 0 && !sops_buf_addc(w->out, '-', e)) ||
        (last != 0 && (last == s.len || two) && !sops_buf_addc(w->out, '+', e))) {
        return false;
    }
    return (waits(&w->line) ? line_of(w, &w->line, c, e) : new_line(w, e)) && lines_at(w, s, c, false, e);
}

static bool single(struct writer *w, struct sops_slice s, size_t c, struct sops_err *e)
{
    w->scratch.len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!sops_buf_addc(&w->scratch, s.ptr[i], e) || (s.ptr[i] == '\'' && !sops_buf_addc(&w->scratch, '\'', e))) {
            return false;
        }
    }
    return add(w, SOPS_LIT("'"), e) && lines_at(w, sops_buf_view(&w->scratch), c, true, e) && add(w, SOPS_LIT("'"), e);
}

static bool base64(struct writer *w, struct sops_slice s, size_t c, size_t digit, struct sops_err *e)
{
    struct sops_buf text = {0}, lines = {0};
    bool fine = sops_base64_add(&text, SOPS_B64_STD, s, e) && add(w, SOPS_LIT("!!binary "), e);
    if (fine && text.len < LINE_OF_BASE64) {
        fine = add(w, sops_buf_view(&text), e);
    } else {
        for (size_t i = 0; fine && i < text.len; i += LINE_OF_BASE64) {
            struct sops_slice rest = sops_slice_skip(sops_buf_view(&text), i);
            fine = sops_buf_add(&lines, sops_slice_first(rest, LINE_OF_BASE64), e) && sops_buf_addc(&lines, '\n', e);
        }
        fine = fine && literal(w, sops_buf_view(&lines), c, digit, e);
    }
    sops_buf_free(&text);
    sops_buf_free(&lines);
    return fine;
}

/* A string whose style is known. `c`: the column of its text when it has lines of its own. */
static bool string(struct writer *w, struct sops_slice s, enum sops_yaml_style style, size_t c, size_t digit,
                   struct sops_err *e)
{
    switch (style) {
    case SOPS_YAML_SINGLE:
        return single(w, s, c, e);
    case SOPS_YAML_DOUBLE:
        w->content = true;
        return sops_yaml_double(s, w->out, e);
    case SOPS_YAML_LITERAL:
        return literal(w, s, c, digit, e);
    case SOPS_YAML_BASE64:
        return base64(w, s, c, digit, e);
    case SOPS_YAML_MERGE_PLAIN:
        return add(w, SOPS_LIT("!!merge <<"), e);
    case SOPS_YAML_PLAIN:
    default:
        return add(w, s, e);
    }
}

static bool scalar(struct writer *w, const struct sops_node *n, size_t c, size_t digit, struct sops_err *e)
{
    enum sops_yaml_style style;
    w->content = true;
    switch (n->kind) {
    case SOPS_NULL:
        return add(w, SOPS_LIT("null"), e);
    case SOPS_BOOL:
        return add(w, n->text.len == 4 ? SOPS_LIT("true") : SOPS_LIT("false"), e);
    case SOPS_INT:
    case SOPS_TIME:
        return add(w, n->text, e);
    case SOPS_FLOAT:
        return sops_float_yaml(w->out, n->text, e);
    case SOPS_STR:
        return sops_yaml_style(n->text, &w->scratch, &style, NULL, e) && string(w, n->text, style, c, digit, e);
    default:
        return sops_fail(e, SOPS_E_DUMP, "a value of type %.*s cannot be written as YAML", SOPS_ARG(n->text));
    }
}

/* ---- collections ------------------------------------------------------------------------------------------------ */

static struct frame *top(struct writer *w) { return &w->frames[w->depth - 1]; }

/* The column of what stands inside a member of the collection `f`. */
static size_t column_in(const struct writer *w, const struct frame *f)
{
    return f->n->kind == SOPS_LIST ? f->column + 2 : (f->column / w->indent + 1) * w->indent;
}

static bool push(struct writer *w, struct frame f, struct sops_err *e)
{
    struct frame *frames = sops_yaml_grow(w->frames, w->depth, &w->cap, sizeof *frames, e);
    if (frames == NULL) {
        return false;
    }
    w->frames = frames;
    f.next = f.n->child;
    w->frames[w->depth++] = f;
    return true;
}

/* `[]`, or `{}` with the comments that stand in it. `c`: the column of the collection around; `inner`: of the content.
 */
static bool empty(struct writer *w, const struct frame *f, size_t c, size_t inner, struct sops_err *e)
{
    bool map = f->n->kind == SOPS_MAP;
    /* After a comment it begins a line of its own, which must be indented to be read back. */
    size_t blanks = column_of(w) == 0 ? inner : w->depth != 0;
    if (!sops_buf_addn(w->out, ' ', blanks, e)) {
        return false;
    }
    if (!add(w, map ? SOPS_LIT("{") : SOPS_LIT("["), e) || (map && !heads(w, inner, e)) ||
        !add(w, map ? SOPS_LIT("}") : SOPS_LIT("]"), e)) {
        return false;
    }
    pend(&w->line, f->line);
    pend(&w->foot, f->foot);
    return line_and_foot(w, c, e);
}

/* The content of a collection as a member of the one at hand. */
static bool collection(struct writer *w, struct frame f, size_t c, struct sops_err *e)
{
    return line_and_foot(w, c, e) &&
           (behind_comments(f.n->child) != NULL ? push(w, f, e) : empty(w, &f, c, f.column, e));
}

/* Departure 4: `<<` merges only what is a map or a list of maps. */
static bool is_merge(const struct sops_node *n)
{
    bool fine = n->kind == SOPS_MAP || n->kind == SOPS_LIST;
    for (const struct sops_node *i = n->kind == SOPS_LIST ? n->child : NULL; fine && i != NULL; i = i->next) {
        fine = i->kind == SOPS_MAP || is_comment(i);
    }
    return fine;
}

/* The key and its colon. *apart: the colon stands on a line of its own. */
static bool key(struct writer *w, const struct sops_node *n, size_t c, size_t inner, bool *apart, struct sops_err *e)
{
    enum sops_yaml_style style;
    bool lines;
    if (!sops_yaml_style(n->key, &w->scratch, &style, &lines, e)) {
        return false;
    }
    if (style == SOPS_YAML_MERGE_PLAIN && !is_merge(n)) {
        style = SOPS_YAML_DOUBLE;
    }
    *apart = lines || n->key.len > LONGEST_SIMPLE_KEY ||
             (style == SOPS_YAML_BASE64 && sops_base64_size(n->key.len) >= LINE_OF_BASE64);
    if (!*apart) {
        return string(w, n->key, style, inner, inner - c, e) && sops_buf_addc(w->out, ':', e);
    }
    if (!sops_buf_adds(w->out, "? ", e) || !string(w, n->key, style, inner, inner - c, e) || !indent(w, c, e) ||
        !sops_buf_addc(w->out, ':', e)) {
        return false;
    }
    w->content = false;
    return true;
}

static bool pair(struct writer *w, const struct frame *f, const struct sops_node *n, struct text head, struct text line,
                 struct sops_err *e)
{
    size_t c = f->column, inner = column_in(w, f);
    bool apart;
    pend(&w->head, head);
    if (!heads(w, c, e) || !indent(w, c, e)) {
        return false;
    }
    if (waits(&w->line)) {
        w->kept = w->line;
        w->line = (struct text){0};
    }
    if (!key(w, n, c, inner, &apart, e)) {
        return false;
    }
    if (sops_node_is_leaf(n)) {
        if (waits(&line)) {
            w->line = line;
        } else if (waits(&w->kept)) {
            w->line = w->kept;
            w->kept = (struct text){0};
        }
        return sops_buf_addc(w->out, ' ', e) && scalar(w, n, inner, inner - c, e) && line_and_foot(w, c, e);
    }
    pend(&w->head, head_of(n, (struct range){0}));
    size_t column = inner;
    if (n->kind == SOPS_LIST) {
        column = w->flush_lists ? c : w->compact_lists ? inner - 2 : inner;
    }
    return line_of(w, &w->kept, c, e) && collection(w, (struct frame){.n = n, .column = column, .line = line}, c, e);
}

static bool item(struct writer *w, const struct frame *f, const struct sops_node *n, struct text head, struct text line,
                 struct sops_err *e)
{
    size_t c = f->column;
    bool leaf = sops_node_is_leaf(n);
    pend(&w->head, leaf ? head : head_of(n, head.part[0]));
    if (!heads(w, c, e) || !indent(w, c, e) || !sops_buf_addc(w->out, '-', e)) {
        return false;
    }
    if (!leaf) {
        struct frame inner = {.n = n, .column = c + 2, .line = line, .foot = foot_behind(n)};
        return collection(w, inner, c, e);
    }
    pend(&w->line, line);
    pend(&w->foot, foot_behind(n));
    return sops_buf_addc(w->out, ' ', e) && scalar(w, n, c + 2, 2, e) && line_and_foot(w, c, e);
}

/* The next member of the collection at hand, or its end. */
static bool step(struct writer *w, struct sops_err *e)
{
    struct frame *f = top(w);
    const struct sops_node *comments = f->next, *n = behind_comments(comments);
    bool map = f->n->kind == SOPS_MAP;
    if (n == NULL) {
        struct frame done = *f;
        w->depth--;
        pend(&w->tail, done.foot_of_last_key);
        if (map && !heads(w, done.column, e)) {
            return false;
        }
        pend(&w->line, done.line);
        pend(&w->foot, done.foot);
        return true;
    }
    struct text head = {{f->started ? range_of(comments, WHOLE) : (struct range){0}, {0}}};
    struct text line = {{range_of(comments, AT_END), {0}}};
    f->started = true;
    f->next = n->next;
    if (map) {
        f->foot_of_last_key = foot_behind(n);
    }
    struct frame at = *f;
    return map ? pair(w, &at, n, head, line, e) : item(w, &at, n, head, line, e);
}

static bool end_line(struct writer *w, struct sops_err *e) { return column_of(w) == 0 || new_line(w, e); }

/* A collection at the root. A LINE that found no value at the end of the document before stands at the start. */
static bool root(struct writer *w, const struct sops_node *n, struct sops_err *e)
{
    struct frame f = {.n = n};
    pend(&w->head, head_of(n, (struct range){0}));
    if (!heads(w, 0, e) || !line_of(w, &w->line, 0, e)) {
        return false;
    }
    if (behind_comments(n->child) == NULL ? !empty(w, &f, 0, 0, e) : !push(w, f, e)) {
        return false;
    }
    while (w->depth != 0) {
        if (!step(w, e)) {
            return false;
        }
    }
    w->gap = 0;
    if (!foot(w, 0, e)) {
        return false;
    }
    w->gap = NO_GAP;
    return end_line(w, e);
}

static void finish(struct writer *w)
{
    sops_free(w->frames);
    sops_buf_free(&w->scratch);
}

/* Room for about what the document takes, so that a large one is not copied again and again while it grows. */
static bool make_room(const struct sops_doc *d, struct sops_buf *out, struct sops_err *e)
{
    size_t size = 256;
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            size += n->key.len + n->text.len + 16;
        }
    }
    return sops_buf_reserve(out, size, e);
}

bool sops_yaml_write(const struct sops_doc *d, unsigned indent, const struct sops_style *s, struct sops_buf *out,
                     struct sops_err *e)
{
    struct writer w = {.out = out,
                       .line_start = out->len,
                       .indent = indent,
                       .flush_lists = s->flush_lists,
                       .compact_lists = s->compact_lists,
                       .gap = NO_GAP};
    bool fine = make_room(d, out, e);
    if (fine && s->start_marker && d->parts != NULL) {
        fine = add(&w, SOPS_LIT("---"), e) && new_line(&w, e);
    }
    for (const struct sops_node *n = d->parts; fine && n != NULL; n = n->next) {
        fine = (n == d->parts || (add(&w, SOPS_LIT("---"), e) && new_line(&w, e))) && root(&w, n, e);
    }
    finish(&w);
    return fine;
}

bool sops_yaml_write_value(const struct sops_node *n, unsigned indent, struct sops_buf *out, struct sops_err *e)
{
    struct writer w = {.out = out, .line_start = out->len, .indent = indent, .gap = NO_GAP};
    bool fine = sops_node_is_leaf(n) ? scalar(&w, n, 0, 0, e) && end_line(&w, e) : root(&w, n, e);
    finish(&w);
    return fine;
}

bool sops_yaml_write_scalar(const struct sops_node *n, size_t column, size_t digit, struct sops_buf *out,
                            struct sops_err *e)
{
    struct writer w = {.out = out, .line_start = out->len, .gap = NO_GAP};
    bool fine = scalar(&w, n, column, digit, e);
    finish(&w);
    return fine;
}
