/* SPDX-License-Identifier: Apache-2.0 */
/* JSON kept as it is written (docs/spec/76-text-as-written.md#5-json). All that is laid out anew goes through the
 * writer, which indents with tabs; they become what the text has. */
#include "formats/json_written.h"

#include "base/text.h"
#include "formats/json.h"

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* ---- slots ------------------------------------------------------------------------------------------------------- */

static bool slots(struct sops_written *w, struct sops_err *e)
{
    for (struct sops_node *p = w->doc->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            struct sops_slot *s = sops_node_is_leaf(n) ? sops_written_add(w, e) : NULL;
            if (s == NULL && sops_node_is_leaf(n)) {
                return false;
            }
            if (s != NULL) {
                *s = (struct sops_slot){.span = n->span,
                                        .head = {n->span.begin, n->span.begin},
                                        .node = n,
                                        .line = n->line,
                                        .role = SOPS_SLOT_VALUE};
            }
        }
    }
    return sops_written_finish(w, e);
}

static bool seal_slot(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                      const struct sops_node *clear, struct sops_laid *to, struct sops_err *e)
{
    (void)clear;
    (void)w;
    (void)s;
    return sops_buf_addc(&to->text, '"', e) && sops_buf_add(&to->text, text, e) && sops_buf_addc(&to->text, '"', e);
}

/* A string with no more escapes than it needs. */
static bool add_string(struct sops_slice v, struct sops_buf *out, struct sops_err *e)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    bool ok = sops_buf_addc(out, '"', e);
    for (size_t i = 0; ok && i < v.len; i++) {
        const char *known = v.ptr[i] != 0 ? strchr(from, v.ptr[i]) : NULL;
        if (known != NULL) {
            ok = sops_buf_addc(out, '\\', e) && sops_buf_addc(out, (uint8_t)to[known - from], e);
        } else {
            ok = v.ptr[i] < 0x20 ? sops_buf_addf(out, e, "\\u%04x", v.ptr[i]) : sops_buf_addc(out, v.ptr[i], e);
        }
    }
    return ok && sops_buf_addc(out, '"', e);
}

static bool open_slot(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                      struct sops_laid *to, struct sops_err *e)
{
    (void)w;
    (void)s;
    if (value->kind == SOPS_STR && sops_utf8_valid(value->text)) {
        return add_string(value->text, &to->text, e);
    }
    return sops_json_write_compact(value, &to->text, e);
}

/* ---- layout ------------------------------------------------------------------------------------------------------ */

static uint32_t begin_of(const struct sops_node *n) { return n->key_span.end != 0 ? n->key_span.begin : n->span.begin; }

/* The blanks in front of what begins at `at`, when it is the first thing on its line. */
static bool indentation(const struct sops_written *w, uint32_t at, struct sops_slice *blanks)
{
    uint32_t line = sops_line_begin(w->text, at);
    *blanks = sops_slice_of(w->text.ptr + line, at - line);
    for (size_t i = 0; i < blanks->len; i++) {
        if (!is_blank(blanks->ptr[i])) {
            return false;
        }
    }
    return line > 0;
}

static const struct sops_node *last_placed(const struct sops_node *in)
{
    const struct sops_node *last = NULL;
    for (const struct sops_node *n = in->child; n != NULL; n = n->next) {
        last = !sops_span_none(n->span) ? n : last;
    }
    return last;
}

/* What each level of the metadata is indented by: the blanks in front of the last entry at the top, or a tab. */
static struct sops_slice unit_of(const struct sops_written *w)
{
    struct sops_slice blanks;
    const struct sops_node *root = w->doc->parts, *last = root != NULL ? last_placed(root) : NULL;
    if (w->metas != 0 && indentation(w, w->meta[0].node->key_span.begin, &blanks)) {
        return blanks;
    }
    return last != NULL && indentation(w, begin_of(last), &blanks) ? blanks : SOPS_LIT("\t");
}

/* Lines of the writer: each break becomes that of the text, and `base`, and `unit` for each tab. */
static bool add_lines(const struct sops_written *w, struct sops_slice made, struct sops_slice base,
                      struct sops_slice unit, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice nl = sops_written_break(w), line;
    bool ok = true;
    for (bool first = true; ok && sops_slice_next(&made, '\n', &line); first = false) {
        ok = first || (sops_buf_add(out, nl, e) && sops_buf_add(out, base, e));
        for (; ok && line.len != 0 && line.ptr[0] == '\t'; line = sops_slice_skip(line, 1)) {
            ok = sops_buf_add(out, unit, e);
        }
        ok = ok && sops_buf_add(out, line, e);
    }
    return ok;
}

static bool holds_spaced_colon(const struct sops_written *w)
{
    return memmem(w->text.ptr, w->text.len, "\": ", 3) != NULL;
}

/* A value: on lines of its own below `base`, or on one line. */
static bool add_value(const struct sops_written *w, const struct sops_node *n, bool lines, struct sops_slice base,
                      struct sops_buf *out, struct sops_err *e)
{
    const struct sops_style tabs = {0};
    struct sops_buf made = {0};
    bool ok;
    if (!lines) {
        return holds_spaced_colon(w) ? sops_json_write_line(n, out, e) : sops_json_write_compact(n, out, e);
    }
    ok = sops_json_write(n, &tabs, &made, e) && add_lines(w, sops_buf_view(&made), base, unit_of(w), out, e);
    sops_buf_free(&made);
    return ok;
}

static bool add_member(const struct sops_written *w, const struct sops_node *n, bool lines, struct sops_slice base,
                       struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node key = {.kind = SOPS_STR, .key_kind = SOPS_STR, .text = n->key};
    if (n->up->kind == SOPS_MAP &&
        (!sops_json_write_compact(&key, out, e) || !sops_buf_adds(out, holds_spaced_colon(w) ? ": " : ":", e))) {
        return false;
    }
    return add_value(w, n, lines, base, out, e);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

/* `"sops": {…}`, with lines or on one. */
static bool add_entry(const struct sops_written *w, const struct sops_meta_text *m, bool lines, struct sops_slice base,
                      struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *value = m->doc->parts->child;
    if (m->as_was.len != 0 && m->was_inline == !lines) {
        return sops_buf_add(out, m->as_was, e);
    }
    if (!lines) {
        return sops_buf_adds(out, "\"sops\":", e) && sops_json_write_compact(value, out, e);
    }
    const struct sops_style tabs = {0};
    struct sops_buf made = {0};
    bool ok = sops_buf_adds(out, "\"sops\": ", e) && sops_json_write(value, &tabs, &made, e) &&
              add_lines(w, sops_buf_view(&made), base, base.len != 0 ? base : unit_of(w), out, e);
    sops_buf_free(&made);
    return ok;
}

static bool add_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                     struct sops_err *e)
{
    const struct sops_node *root = w->doc->parts, *last = root != NULL ? last_placed(root) : NULL;
    struct sops_slice blanks = SOPS_LIT("\t");
    struct sops_buf bytes = {0};
    if (root == NULL) {
        return true;
    }
    uint32_t at = last != NULL ? last->span.end : root->span.begin + 1, close = root->span.end - 1;
    bool lines = last != NULL && sops_line_end(w->text, at) < close;
    if (lines && !indentation(w, begin_of(last), &blanks)) {
        blanks = SOPS_LIT("\t");
    }
    bool ok = last == NULL || sops_buf_addc(&bytes, ',', e);
    if (lines) {
        ok = ok && sops_buf_add(&bytes, sops_written_break(w), e) && sops_buf_add(&bytes, blanks, e);
    }
    ok = ok && add_entry(w, m, lines, blanks, &bytes, e) &&
         sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

static bool has_break(const struct sops_written *w, struct sops_span s)
{
    return sops_line_end(w->text, s.begin) < s.end;
}

static bool swap_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                      struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->metas; i++) {
        const struct sops_node *n = w->meta[i].node;
        struct sops_span all = {n->key_span.begin, n->span.end};
        struct sops_slice blanks;
        struct sops_buf bytes = {0};
        blanks = indentation(w, all.begin, &blanks) ? blanks : SOPS_LIT("\t");
        ok = add_entry(w, m, has_break(w, all), blanks, &bytes, e) && sops_edits_add(to, all, sops_buf_view(&bytes), e);
        sops_buf_free(&bytes);
    }
    return ok;
}

static bool drop_meta(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->metas; i++) {
        const struct sops_node *entry = w->meta[i].node, *before = NULL, *next = NULL;
        for (const struct sops_node *n = w->meta[i].part->child; n != NULL; n = n->next) {
            if (n != entry && n->key_span.begin < entry->key_span.begin) {
                before = n;
            } else if (n != entry && next == NULL && n->key_span.begin > entry->key_span.begin) {
                next = n;
            }
        }
        struct sops_span gone = {before != NULL ? before->span.end : entry->key_span.begin,
                                 before == NULL && next != NULL ? next->key_span.begin : entry->span.end};
        ok = sops_edits_add(to, gone, SOPS_LIT(""), e);
    }
    return ok;
}

static struct sops_span entry_at(const struct sops_written *w, bool *is_inline)
{
    if (w->metas == 0) {
        return (struct sops_span){0};
    }
    struct sops_span all = {w->meta[0].node->key_span.begin, w->meta[0].node->span.end};
    *is_inline = !has_break(w, all);
    return all;
}

/* ---- new text ---------------------------------------------------------------------------------------------------- */

static bool replace(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                    struct sops_edits *to, struct sops_err *e)
{
    struct sops_slice blanks;
    struct sops_buf bytes = {0};
    (void)from;
    bool lines = indentation(w, begin_of(n), &blanks);
    bool ok = add_value(w, n, lines, blanks, &bytes, e) &&
              sops_edits_add(to, (struct sops_span){n->span.begin, was.end}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

/* What stands between the last two members that are on one line. */
static struct sops_slice between(const struct sops_written *w, const struct sops_node *in, const struct sops_node *last)
{
    const struct sops_node *before = NULL;
    for (const struct sops_node *n = in->child; n != last; n = n->next) {
        before = !sops_span_none(n->span) ? n : before;
    }
    if (before == NULL) {
        return holds_spaced_colon(w) ? SOPS_LIT(", ") : SOPS_LIT(",");
    }
    return sops_slice_at(w->text, (struct sops_span){before->span.end, begin_of(last)});
}

static bool insert(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_node *in = n->up, *last = last_placed(in);
    struct sops_slice blanks = SOPS_LIT("");
    struct sops_buf bytes = {0};
    bool lines = last != NULL && indentation(w, begin_of(last), &blanks), ok = true;
    uint32_t at = last != NULL ? last->span.end : in->span.begin + 1;
    if (lines) {
        ok = sops_buf_addc(&bytes, ',', e) && sops_buf_add(&bytes, sops_written_break(w), e) &&
             sops_buf_add(&bytes, blanks, e);
    } else if (last != NULL) {
        ok = sops_buf_add(&bytes, between(w, in, last), e);
    } else if (in->child != n) { /* the second of several new ones */
        ok = sops_buf_adds(&bytes, holds_spaced_colon(w) ? ", " : ",", e);
    }
    ok = ok && add_member(w, n, lines, blanks, &bytes, e);
    if (last == NULL && in->up == NULL && w->metas != 0) {
        ok = ok && sops_buf_addc(&bytes, ',', e); /* the metadata follow */
    }
    ok = ok && sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

static bool take_out(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                     const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                     struct sops_edits *to, struct sops_err *e)
{
    struct sops_span gone = {begin_of(n), was.end};
    sops_written_neighbours(w, n, in, &before, &next);
    if (next != NULL) {
        gone.end = begin_of(next);
    } else if (before != NULL) {
        gone.begin = before->span.end;
    } else {
        gone = (struct sops_span){in->span.begin + 1, in->span.end - 1};
    }
    return sops_edits_add(to, gone, SOPS_LIT(""), e);
}

const struct sops_textual sops_json_textual = {
    .slots = slots,
    .seal = seal_slot,
    .open = open_slot,
    .add_meta = add_meta,
    .swap_meta = swap_meta,
    .drop_meta = drop_meta,
    .entry = entry_at,
    .replace = replace,
    .insert = insert,
    .remove = take_out,
};
