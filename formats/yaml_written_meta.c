/* SPDX-License-Identifier: Apache-2.0 */
/* The entry `sops` in each document of a YAML text (docs/spec/76-text-as-written.md#45-documents-metadata). */
#include "formats/json.h"
#include "formats/yaml_written.h"

static bool has_braces(const struct sops_written *w, const struct sops_node *part)
{
    uint32_t at = sops_yaml_front(w->text, part->span).behind;
    return at < part->span.end && w->text.ptr[at] == '{';
}

static struct sops_span lines_of(const struct sops_written *w, const struct sops_node *entry)
{
    uint32_t begin = sops_line_begin(w->text, entry->key_span.begin);
    struct sops_slice bom = SOPS_LIT("\xEF\xBB\xBF");
    begin += begin == 0 && sops_slice_starts(w->text, bom) ? (uint32_t)bom.len : 0;
    return (struct sops_span){begin, sops_line_next(w->text, entry->span.end)};
}

/* ---- text of the entry ------------------------------------------------------------------------------------------- */

/* As the writer lays it out, or as it was; each line at `column`; without the last break. */
static bool add_lines(const struct sops_written *w, const struct sops_meta_text *m, size_t column, struct sops_buf *out,
                      struct sops_err *e)
{
    struct sops_buf made = {0};
    struct sops_slice nl = sops_written_break(w), rest = m->as_was;
    bool ok = true;
    if (m->as_was.len == 0 || m->was_inline) {
        struct sops_style style = *w->style;
        style.start_marker = false;
        ok = sops_doc_emit(m->doc, &sops_format_yaml, &style, &made, e);
        rest = sops_buf_view(&made);
    }
    size_t old_column = 0;
    while (old_column < rest.len && rest.ptr[old_column] == ' ') {
        old_column++;
    }
    for (size_t at = 0; ok && at < rest.len; at = sops_line_next(rest, at)) {
        struct sops_slice line = sops_slice_of(rest.ptr + at, sops_line_end(rest, at) - at);
        line = sops_slice_skip(line, old_column < line.len ? old_column : line.len);
        ok = (at == 0 || sops_buf_add(out, nl, e)) && (line.len == 0 || sops_buf_addn(out, ' ', column, e)) &&
             sops_buf_add(out, line, e);
    }
    sops_buf_free(&made);
    return ok;
}

/* `"sops": {…}` on one line. */
static bool add_inline(const struct sops_meta_text *m, struct sops_buf *out, struct sops_err *e)
{
    if (m->as_was.len != 0 && m->was_inline) {
        return sops_buf_add(out, m->as_was, e);
    }
    return sops_buf_adds(out, "\"sops\": ", e) && sops_json_write_line(m->doc->parts->child, out, e);
}

/* ---- in, out ----------------------------------------------------------------------------------------------------- */

/* Where the documents end: in front of the next marker, or at the end of the text. `*at` is moved over the marks. */
static uint32_t document_end(const struct sops_written *w, size_t *at, bool *open)
{
    const struct sops_doc *d = w->doc;
    for (; *at < d->marks; ++*at) {
        const struct sops_mark *m = &d->mark[*at];
        bool start = m->kind == SOPS_MARK_START;
        if (!start && m->kind != SOPS_MARK_END && m->kind != SOPS_MARK_DIRECTIVE) {
            continue;
        }
        if (*open) {
            *open = start;
            ++*at;
            return m->span.begin;
        }
        *open = start;
    }
    return (uint32_t)w->text.len;
}

static bool add_to_block(const struct sops_written *w, const struct sops_node *part, uint32_t at,
                         const struct sops_meta_text *m, struct sops_edits *to, struct sops_err *e)
{
    struct sops_slice nl = sops_written_break(w);
    struct sops_buf lines = {0};
    const struct sops_node *n = part->child;
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    size_t column = n != NULL ? sops_yaml_column(w, part) : 0;
    bool open = at == w->text.len && at > 0 && sops_line_begin(w->text, at) != at;
    bool bom = open && at == 3 && sops_slice_starts(w->text, SOPS_LIT("\xEF\xBB\xBF"));
    open = open && !bom;
    bool ok = (!open || sops_buf_add(&lines, nl, e)) && add_lines(w, m, column, &lines, e) &&
              (open || sops_buf_add(&lines, nl, e)) &&
              sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&lines), e);
    sops_buf_free(&lines);
    return ok;
}

static bool add_to_braces(const struct sops_written *w, const struct sops_node *part, const struct sops_meta_text *m,
                          struct sops_edits *to, struct sops_err *e)
{
    uint32_t at = sops_yaml_front(w->text, part->span).behind + 1;
    struct sops_buf bytes = {0};
    const struct sops_node *last = NULL;
    for (const struct sops_node *n = part->child; n != NULL; n = n->next) {
        last = n->kind != SOPS_COMMENT ? n : last;
    }
    at = last != NULL ? last->span.end : at;
    bool ok = (last == NULL || sops_buf_adds(&bytes, ", ", e)) && add_inline(m, &bytes, e) &&
              sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

bool sops_yaml_add_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                        struct sops_err *e)
{
    size_t mark = 0;
    const struct sops_node *first = w->doc->parts;
    bool open = first != NULL, ok = true;
    for (size_t i = 0; i < w->doc->marks && open; i++) {
        const struct sops_mark *k = &w->doc->mark[i];
        bool marker = k->kind == SOPS_MARK_START || k->kind == SOPS_MARK_DIRECTIVE;
        if (marker) {
            open = first->span.begin < k->span.begin; /* the first one has no marker of its own */
            break;
        }
    }
    for (const struct sops_node *part = first; ok && part != NULL; part = part->next) {
        uint32_t end = document_end(w, &mark, &open);
        if (end == 0 || (part == first && end <= part->span.begin && !open)) {
            end = document_end(w, &mark, &open);
        }
        ok = has_braces(w, part) ? add_to_braces(w, part, m, to, e) : add_to_block(w, part, end, m, to, e);
    }
    return ok;
}

bool sops_yaml_swap_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                         struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->metas; i++) {
        const struct sops_node *part = w->meta[i].part, *entry = w->meta[i].node;
        struct sops_buf bytes = {0};
        if (has_braces(w, part)) {
            ok = add_inline(m, &bytes, e) &&
                 sops_edits_add(to, (struct sops_span){entry->key_span.begin, entry->span.end}, sops_buf_view(&bytes),
                                e);
        } else {
            struct sops_span lines = lines_of(w, entry);
            bool open = sops_line_begin(w->text, lines.end) != lines.end;
            ok = add_lines(w, m, sops_yaml_column_at(w->text, entry->key_span.begin), &bytes, e) &&
                 (open || sops_buf_add(&bytes, sops_written_break(w), e)) &&
                 sops_edits_add(to, lines, sops_buf_view(&bytes), e);
        }
        sops_buf_free(&bytes);
    }
    return ok;
}

static struct sops_span gone_from_braces(const struct sops_node *part, const struct sops_node *entry)
{
    const struct sops_node *before = NULL, *next = NULL;
    for (const struct sops_node *n = part->child; n != NULL; n = n->next) {
        if (n->kind == SOPS_COMMENT || n == entry) {
            continue;
        }
        if (n->key_span.begin < entry->key_span.begin) {
            before = n;
        } else if (next == NULL) {
            next = n;
        }
    }
    if (before != NULL) {
        return (struct sops_span){before->span.end, entry->span.end};
    }
    return (struct sops_span){entry->key_span.begin, next != NULL ? next->key_span.begin : entry->span.end};
}

/* Would nothing tell that there is a document, without this entry `sops`? */
static bool is_all_there_is(const struct sops_written *w, const struct sops_node *part, const struct sops_node *entry)
{
    for (size_t i = 0; i < w->doc->marks; i++) {
        const struct sops_mark *m = &w->doc->mark[i];
        if (m->kind == SOPS_MARK_START && m->span.begin < entry->span.begin) {
            return false;
        }
    }
    const struct sops_node *n = part->child;
    while (n != NULL && (n->kind == SOPS_COMMENT || n == entry)) {
        n = n->next;
    }
    return n == NULL;
}

bool sops_yaml_drop_meta(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->metas; i++) {
        const struct sops_node *part = w->meta[i].part, *entry = w->meta[i].node;
        struct sops_span gone;
        struct sops_slice left = SOPS_LIT("");
        if (has_braces(w, part)) {
            gone = gone_from_braces(part, entry);
        } else {
            gone = lines_of(w, entry);
            if (is_all_there_is(w, part, entry)) {
                gone.end = sops_line_end(w->text, entry->span.end);
                left = SOPS_LIT("{}");
            } else if (gone.end == w->text.len && sops_line_begin(w->text, gone.end) != gone.end) {
                gone.begin -= (uint32_t)sops_yaml_break_before(w->text, gone.begin);
            }
        }
        ok = sops_edits_add(to, gone, left, e);
    }
    return ok;
}

struct sops_span sops_yaml_entry(const struct sops_written *w, bool *is_inline)
{
    if (w->metas == 0) {
        return (struct sops_span){0};
    }
    const struct sops_node *entry = w->meta[0].node;
    *is_inline = has_braces(w, w->meta[0].part);
    return *is_inline ? (struct sops_span){entry->key_span.begin, entry->span.end} : lines_of(w, entry);
}
