/* SPDX-License-Identifier: Apache-2.0 */
/* Entries and items put into a YAML text, changed to another thing, and taken out
 * (docs/spec/76-text-as-written.md#46-new-text). */
#include "formats/yaml_written.h"

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* Where what belongs to a node begins: its key or value, with anchor, tag, and `?` in front. */
static uint32_t node_begin(const struct sops_written *w, const struct sops_node *n)
{
    struct sops_slice text = w->text;
    bool keyed = n->key_span.end != 0;
    uint32_t begin = keyed ? n->key_span.begin : n->span.begin, at = begin;
    for (;;) { /* over words that begin with & or !, and a lone ? */
        uint32_t end = at;
        while (end > 0 && is_blank(text.ptr[end - 1])) {
            end--;
        }
        uint32_t word = end;
        while (word > 0 && !is_blank(text.ptr[word - 1]) && text.ptr[word - 1] != '\n' && text.ptr[word - 1] != '\r' &&
               strchr(",[]{}", text.ptr[word - 1]) == NULL) {
            word--;
        }
        bool property = word < end && (text.ptr[word] == '&' || text.ptr[word] == '!');
        if (!property && !(keyed && word + 1 == end && text.ptr[word] == '?')) {
            return begin;
        }
        begin = at = word;
    }
}

/* Behind the colon of a key, or the dash of an item. */
static uint32_t behind_mark(const struct sops_written *w, const struct sops_node *n)
{
    struct sops_slice text = w->text;
    if (n->key_span.end != 0) {
        uint32_t at = n->key_span.end;
        while (at < n->span.begin && text.ptr[at] != ':') {
            at++;
        }
        return at < text.len && text.ptr[at] == ':' ? at + 1 : at;
    }
    uint32_t at = node_begin(w, n);
    while (at > 0 && text.ptr[at - 1] != '-') {
        at--;
    }
    return at;
}

/* The last entry of `in` that stands in the text, metadata aside. */
static const struct sops_node *last_entry(const struct sops_node *in)
{
    const struct sops_node *last = NULL;
    for (const struct sops_node *n = in->child; n != NULL; n = n->next) {
        bool placed = n->kind != SOPS_COMMENT && !sops_span_none(n->span) && !sops_yaml_is_meta(n);
        last = placed && (last == NULL || n->span.end > last->span.end) ? n : last;
    }
    return last;
}

static const struct sops_node *meta_of(const struct sops_written *w, const struct sops_node *part)
{
    for (size_t i = 0; i < w->metas; i++) {
        if (w->meta[i].part == part) {
            return w->meta[i].node;
        }
    }
    return NULL;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

/* `key: value` or the value alone, in brackets, without a blank in front. */
static bool lay_in_flow(const struct sops_written *w, const struct sops_node *n, struct sops_buf *out,
                        struct sops_err *e)
{
    struct sops_buf value = {0};
    bool ok = sops_yaml_lay(w, n, (struct sops_yaml_place){.in_flow = true}, &value, e);
    bool map = n->up->kind == SOPS_MAP;
    ok = ok && (!map || (sops_yaml_lay_key(w, n, out, e) && sops_buf_addc(out, ':', e)));
    struct sops_slice v = sops_buf_view(&value);
    ok = ok && sops_buf_add(out, map ? v : sops_slice_skip(v, 1), e);
    sops_buf_free(&value);
    return ok;
}

static bool insert_in_flow(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                           struct sops_err *e)
{
    const struct sops_node *last = last_entry(n->up);
    struct sops_buf bytes = {0};
    uint32_t at = last != NULL ? last->span.end : sops_yaml_front(w->text, n->up->span).behind + 1;
    bool first = last == NULL;
    for (const struct sops_node *x = n->up->child; first && x != n; x = x->next) {
        first = x->kind == SOPS_COMMENT || !sops_span_none(x->span);
    }
    const struct sops_node *meta = first && n->up->up == NULL ? meta_of(w, n->up) : NULL;
    bool ok = (first || sops_buf_adds(&bytes, ", ", e)) && lay_in_flow(w, n, &bytes, e) &&
              (meta == NULL || sops_buf_adds(&bytes, ", ", e)) &&
              sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

bool sops_yaml_insert(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                      struct sops_err *e)
{
    const struct sops_node *in = n->up;
    if (!sops_span_none(in->span) && sops_yaml_is_flow(w, in)) {
        return insert_in_flow(w, n, to, e);
    }
    const struct sops_node *last = last_entry(in), *meta = in->up == NULL ? meta_of(w, in) : NULL;
    struct sops_slice nl = sops_written_break(w);
    struct sops_buf line = {0};
    size_t column = in->kind == SOPS_MAP || last != NULL ? sops_yaml_column(w, in) : 0;
    uint32_t at = last != NULL   ? sops_line_next(w->text, last->span.end)
                  : meta != NULL ? sops_line_begin(w->text, meta->key_span.begin)
                                 : (uint32_t)w->text.len;
    column = last == NULL && meta != NULL ? sops_yaml_column_at(w->text, meta->key_span.begin) : column;
    bool open = at > 0 && at == w->text.len && sops_line_begin(w->text, at) != at;
    bool ok = (!open || sops_buf_add(&line, nl, e)) && sops_buf_addn(&line, ' ', column, e);
    if (in->kind == SOPS_MAP) {
        ok = ok && sops_yaml_lay_key(w, n, &line, e) && sops_buf_addc(&line, ':', e);
    } else {
        ok = ok && sops_buf_addc(&line, '-', e);
    }
    ok = ok && sops_yaml_lay(w, n, (struct sops_yaml_place){.column = column, .item = in->kind == SOPS_LIST}, &line, e);
    ok = ok && (open || sops_buf_add(&line, nl, e)) &&
         sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&line), e);
    sops_buf_free(&line);
    return ok;
}

/* ---- another thing ----------------------------------------------------------------------------------------------- */

/* Where a comment, with the blanks in front of it, begins on the line of the key or dash, behind `from`; or the end of
 * the line. */
static uint32_t comment_on_line(const struct sops_written *w, uint32_t from, uint32_t line_end)
{
    for (uint32_t i = from; i < line_end; i++) {
        if (w->text.ptr[i] == '#' && i > 0 && is_blank(w->text.ptr[i - 1])) {
            while (i > from && is_blank(w->text.ptr[i - 1])) {
                i--;
            }
            return i;
        }
    }
    return line_end;
}

/* In block: what stands on the line goes behind the mark, further lines below the line. */
static bool replace_in_block(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                             struct sops_edits *to, struct sops_err *e)
{
    const struct sops_node *in = n->up;
    struct sops_buf text = {0};
    bool item = in->kind == SOPS_LIST;
    bool laid =
        sops_yaml_lay(w, n, (struct sops_yaml_place){.column = sops_yaml_column(w, in), .item = item}, &text, e);
    struct sops_slice all = sops_buf_view(&text), first = all;
    first.len = sops_line_end(all, 0);
    uint32_t mark = behind_mark(w, n), line_end = sops_line_end(w->text, mark);
    bool below = was.begin > line_end || was.end > line_end;
    /* An old value on one line, or in brackets over several, ends where it ends; a comment of the line is behind it. */
    bool flow = was.begin < w->text.len && was.begin <= line_end &&
                (w->text.ptr[was.begin] == '[' || w->text.ptr[was.begin] == '{' || w->text.ptr[was.begin] == '"' ||
                 w->text.ptr[was.begin] == '\'');
    uint32_t value_end = !below || flow ? was.end : comment_on_line(w, mark, line_end);
    value_end = value_end < mark ? mark : value_end;
    bool ok = laid && sops_edits_add(to, (struct sops_span){mark, value_end}, first, e);
    if (ok && below && !flow && was.end > line_end) {
        ok = sops_edits_add(to, (struct sops_span){line_end, was.end}, sops_slice_skip(all, first.len), e);
    } else if (ok && all.len != first.len) {
        uint32_t at = sops_line_end(w->text, value_end);
        ok = sops_edits_add(to, (struct sops_span){at, at}, sops_slice_skip(all, first.len), e);
    }
    sops_buf_free(&text);
    return ok;
}

bool sops_yaml_replace(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                       struct sops_edits *to, struct sops_err *e)
{
    (void)from;
    if (n->up == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "a document that is replaced as a whole");
    }
    if (!sops_yaml_is_flow(w, n->up)) {
        return replace_in_block(w, n, was, to, e);
    }
    struct sops_buf text = {0};
    bool ok = sops_yaml_lay(w, n, (struct sops_yaml_place){.in_flow = true}, &text, e);
    uint32_t begin = was.begin;
    if (n->key_span.end != 0) {
        begin = behind_mark(w, n);
    } else {
        begin = node_begin(w, n);
    }
    struct sops_slice all = sops_buf_view(&text);
    ok = ok && sops_edits_add(to, (struct sops_span){begin, was.end},
                              n->key_span.end != 0 ? all : sops_slice_skip(all, 1), e);
    sops_buf_free(&text);
    return ok;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

static bool remove_in_flow(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                           const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                           struct sops_edits *to, struct sops_err *e)
{
    struct sops_span gone = {node_begin(w, n), was.end};
    sops_written_neighbours(w, n, in, &before, &next);
    if (next != NULL) {
        gone.end = node_begin(w, next);
    } else if (before != NULL) {
        gone.begin = before->span.end;
    } else {
        uint32_t open = sops_yaml_front(w->text, in->span).behind + 1, close = in->span.end - 1;
        bool bare = true;
        for (uint32_t i = open; i < close; i++) {
            bare = bare && ((i >= gone.begin && i < gone.end) || is_blank(w->text.ptr[i]) || w->text.ptr[i] == ',');
        }
        gone = bare ? (struct sops_span){open, close} : gone;
    }
    return sops_edits_add(to, gone, SOPS_LIT(""), e);
}

/* The last entry of a block map or list is gone: `{}` or `[]` stands behind the key or dash. */
static bool leave_empty(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                        const struct sops_node *in, struct sops_edits *to, struct sops_err *e)
{
    struct sops_slice empty = in->kind == SOPS_MAP ? SOPS_LIT(" {}") : SOPS_LIT(" []");
    uint32_t mark = behind_mark(w, in), begin = node_begin(w, n);
    if (in->kind == SOPS_LIST) {
        begin = behind_mark(w, n) - 1;
    }
    if (sops_line_begin(w->text, begin) <= mark && begin >= mark) { /* on the line of the dash */
        return sops_edits_add(to, (struct sops_span){begin, was.end}, sops_slice_skip(empty, 1), e);
    }
    return sops_edits_add(to, (struct sops_span){mark, mark}, empty, e) &&
           sops_edits_add(to, (struct sops_span){sops_line_begin(w->text, begin), sops_line_next(w->text, was.end)},
                          SOPS_LIT(""), e);
}

bool sops_yaml_remove(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                      const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                      struct sops_edits *to, struct sops_err *e)
{
    if (sops_yaml_is_flow(w, in)) {
        return remove_in_flow(w, n, was, in, before, next, to, e);
    }
    if (next == NULL && before == NULL && in->up != NULL) {
        return leave_empty(w, n, was, in, to, e);
    }
    uint32_t begin = in->kind == SOPS_LIST ? behind_mark(w, n) - 1 : node_begin(w, n);
    uint32_t line = sops_line_begin(w->text, begin);
    bool alone = true;
    for (uint32_t i = line; i < begin; i++) {
        alone = alone && (is_blank(w->text.ptr[i]) || w->text.ptr[i] >= 0x80); /* a byte order mark stays */
        line = w->text.ptr[i] >= 0x80 ? i + 1 : line;
    }
    if (!alone && next != NULL) {
        uint32_t to_next = in->kind == SOPS_LIST ? behind_mark(w, next) - 1 : node_begin(w, next);
        return sops_edits_add(to, (struct sops_span){begin, to_next}, SOPS_LIT(""), e);
    }
    struct sops_span lines = {line, sops_line_next(w->text, was.end)};
    if (lines.end == w->text.len && sops_line_begin(w->text, lines.end) != lines.end && lines.begin > 0) {
        lines.begin -= (uint32_t)sops_yaml_break_before(w->text, lines.begin); /* the text ended without a break */
    }
    return sops_edits_add(to, lines, SOPS_LIT(""), e);
}
