/* SPDX-License-Identifier: Apache-2.0 */
/* dotenv kept as it is written (docs/spec/76-text-as-written.md#6-dotenv). A sealed text is always one of LF and
 * without a byte order mark: the entry sops_style says what to put back. */
#include "formats/dotenv_written.h"

#include "base/text.h"
#include "formats/dotenv_quote.h"

#define MARK SOPS_LIT("\xEF\xBB\xBF")

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static bool add_slot(struct sops_written *w, struct sops_node *n, struct sops_span span, uint8_t role,
                     struct sops_err *e)
{
    struct sops_slot *s = sops_written_add(w, e);
    if (s != NULL) {
        *s = (struct sops_slot){
            .span = span, .head = {span.begin, span.begin}, .node = n, .line = n->line, .role = role};
    }
    return s != NULL;
}

static bool slots(struct sops_written *w, struct sops_err *e)
{
    bool ok = true;
    struct sops_node *n = w->doc->parts != NULL ? w->doc->parts->child : NULL;
    for (; ok && n != NULL; n = n->next) {
        if (sops_span_none(n->span) || !sops_node_is_leaf(n)) {
            continue;
        }
        bool comment = n->kind == SOPS_COMMENT;
        ok = add_slot(w, n, (struct sops_span){n->span.begin + comment, n->span.end},
                      comment ? SOPS_SLOT_COMMENT : SOPS_SLOT_VALUE, e);
    }
    return ok && sops_written_finish(w, e);
}

static bool seal_slot(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                      const struct sops_node *clear, struct sops_laid *to, struct sops_err *e)
{
    (void)clear;
    (void)w;
    (void)s;
    return sops_buf_add(&to->text, text, e);
}

static bool add_escaped(struct sops_slice v, struct sops_buf *out, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < v.len; i++) {
        ok = v.ptr[i] == '\n' ? sops_buf_adds(out, "\\n", e) : sops_buf_addc(out, v.ptr[i], e);
    }
    return ok;
}

/* A value as it stands behind the '='. */
static bool add_value(const struct sops_written *w, const struct sops_node *n, bool one_line, struct sops_buf *out,
                      struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_node_plain(n, &text, e);
    struct sops_slice v = sops_buf_view(&text);
    if (ok && (n->flags & SOPS_VEILED) != 0) {
        ok = sops_buf_add(out, v, e);
    } else if (ok &&
               (v.len != 0 || (n->flags & SOPS_MARKED) == 0)) { /* an empty one that is not sealed has no quotes */
        ok = w->style->quote ? sops_dotenv_quote(v, one_line, out, e) : add_escaped(v, out, e);
    }
    sops_buf_free(&text);
    return ok;
}

static bool open_slot(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                      struct sops_laid *to, struct sops_err *e)
{
    if (s->role == SOPS_SLOT_COMMENT) {
        return sops_buf_add(&to->text, value->text, e);
    }
    /* A clear value of a sealed text stays on its line, as the original reads it. */
    bool one_line = !sops_slice_starts(sops_slice_at(w->text, s->span), SOPS_LIT("ENC["));
    return add_value(w, value, one_line, &to->text, e);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static struct sops_span line_of(const struct sops_written *w, const struct sops_node *n)
{
    return (struct sops_span){sops_line_begin(w->text, n->key_span.begin), sops_line_next(w->text, n->span.end)};
}

static bool add_lines(const struct sops_written *w, const struct sops_meta_text *m, struct sops_buf *out,
                      struct sops_err *e)
{
    (void)w;
    if (m->as_was.len != 0) {
        return sops_buf_add(out, m->as_was, e);
    }
    bool ok = true;
    for (const struct sops_node *n = m->doc->parts->child; ok && n != NULL; n = n->next) {
        struct sops_buf text = {0};
        ok = sops_buf_add(out, n->key, e) && sops_buf_addc(out, '=', e) && sops_node_plain(n, &text, e) &&
             add_escaped(sops_buf_view(&text), out, e) && sops_buf_addc(out, '\n', e);
        sops_buf_free(&text);
    }
    return ok;
}

static bool add_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                     struct sops_err *e)
{
    struct sops_buf lines = {0};
    uint32_t at = (uint32_t)w->text.len;
    bool open = at > 0 && w->text.ptr[at - 1] != '\n';
    bool ok = (!open || sops_buf_addc(&lines, '\n', e)) && add_lines(w, m, &lines, e);
    if (ok && open && lines.len != 0 && lines.ptr[lines.len - 1] == '\n') {
        sops_buf_cut(&lines, lines.len - 1);
    } else if (ok && !open && lines.len != 0 && lines.ptr[lines.len - 1] != '\n') {
        ok = sops_buf_addc(&lines, '\n', e);
    }
    ok = ok && sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&lines), e);
    sops_buf_free(&lines);
    return ok;
}

static bool drop_lines(const struct sops_written *w, size_t from, struct sops_edits *to, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = from; ok && i < w->metas; i++) {
        ok = sops_edits_add(to, line_of(w, w->meta[i].node), SOPS_LIT(""), e);
    }
    return ok;
}

static bool swap_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                      struct sops_err *e)
{
    struct sops_buf lines = {0};
    struct sops_span first = w->metas != 0 ? line_of(w, w->meta[0].node) : (struct sops_span){0};
    bool open = w->text.len != 0 && w->text.ptr[w->text.len - 1] != '\n';
    bool ok = add_lines(w, m, &lines, e);
    /* In a text that ends without a line break it is the metadata that do. */
    if (ok && open && w->metas != 0 && line_of(w, w->meta[w->metas - 1].node).end == w->text.len && lines.len != 0) {
        sops_buf_cut(&lines, lines.len - 1);
    }
    ok = ok && sops_edits_add(to, first, sops_buf_view(&lines), e) && drop_lines(w, 1, to, e);
    sops_buf_free(&lines);
    return ok;
}

/* The lines go, and where the text ends without a line break with them, the break in front. */
static bool drop_meta(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    bool open = w->text.len != 0 && w->text.ptr[w->text.len - 1] != '\n';
    uint32_t begin = (uint32_t)w->text.len;
    for (size_t i = w->metas; open && i-- > 0;) { /* how far the metadata reach back from the end */
        struct sops_span line = line_of(w, w->meta[i].node);
        begin = line.end == begin ? line.begin : begin;
    }
    bool ok = drop_lines(w, 0, to, e);
    if (open && begin < w->text.len && begin > 0) {
        ok = ok && sops_edits_add(to, (struct sops_span){begin - 1, (uint32_t)w->text.len}, SOPS_LIT(""), e);
    }
    return ok;
}

/* In one piece, when no other lines stand between. */
static struct sops_span entry_at(const struct sops_written *w, bool *is_inline)
{
    *is_inline = false;
    struct sops_span all = {0};
    for (size_t i = 0; i < w->metas; i++) {
        const struct sops_node *n = w->meta[i].node;
        struct sops_span line = line_of(w, n);
        if ((i != 0 && line.begin != all.end) || sops_slice_ends(n->key, SOPS_LIT("sops_style"))) {
            return (struct sops_span){0};
        }
        all = (struct sops_span){i == 0 ? line.begin : all.begin, line.end};
    }
    return all;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static bool replace(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                    struct sops_edits *to, struct sops_err *e)
{
    (void)w;
    (void)n;
    (void)was;
    (void)from;
    (void)to;
    return sops_fail(e, SOPS_E_DUMP, "dotenv holds single values only");
}

static bool insert(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_node *last = NULL;
    for (const struct sops_node *x = n->up->child; x != NULL; x = x->next) {
        last = x->kind != SOPS_COMMENT && !sops_span_none(x->span) ? x : last;
    }
    if (!sops_node_is_leaf(n)) {
        return replace(w, n, n->span, false, to, e);
    }
    uint32_t at = last != NULL    ? sops_line_next(w->text, last->span.end)
                  : w->metas != 0 ? line_of(w, w->meta[0].node).begin
                                  : (uint32_t)w->text.len;
    struct sops_buf line = {0};
    bool open = at > 0 && w->text.ptr[at - 1] != '\n';
    bool ok = (!open || sops_buf_addc(&line, '\n', e)) && sops_buf_add(&line, n->key, e) &&
              sops_buf_addc(&line, '=', e) && add_value(w, n, true, &line, e) &&
              (open || sops_buf_addc(&line, '\n', e)) &&
              sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&line), e);
    sops_buf_free(&line);
    return ok;
}

static bool take_out(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                     const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                     struct sops_edits *to, struct sops_err *e)
{
    (void)was;
    (void)in;
    (void)before;
    (void)next;
    return sops_edits_add(to, line_of(w, n), SOPS_LIT(""), e);
}

/* ---- what the original refuses ----------------------------------------------------------------------------------- */

/* Blanks that the original does not take, in front of comments and on lines of nothing else, are dropped. */
static bool drop_blanks(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    bool ok = true;
    for (unsigned line = 1; ok && text.len != 0;) {
        size_t end = sops_slice_find(text, '\n'), blanks = 0, len = end;
        while (blanks < end && is_blank(text.ptr[blanks])) {
            blanks++;
        }
        size_t equals = sops_slice_find(sops_slice_first(text, end), '=');
        if (blanks == end || text.ptr[blanks] == '#') {
            ok = sops_buf_add(out, sops_slice_first(sops_slice_skip(text, blanks), end - blanks), e);
        } else {
            struct sops_dotenv_value v = {.len = end};
            struct sops_buf ignored = {0};
            struct sops_err why = {0};
            bool scanned =
                equals < end && sops_dotenv_scan(sops_slice_skip(text, equals + 1), line, &v, &ignored, &why);
            len = scanned ? equals + 1 + v.len : end;
            line += scanned ? v.breaks : 0;
            ok = (!why.memory || sops_fail_memory(e)) && sops_buf_add(out, sops_slice_first(text, len), e);
            sops_err_clear(&why);
            sops_buf_free(&ignored);
        }
        ok = ok && (len >= text.len || sops_buf_addc(out, '\n', e));
        line++;
        text = sops_slice_skip(text, len + 1);
    }
    return ok;
}

static bool undress(const struct sops_style *s, struct sops_slice text, bool sealed, struct sops_buf *out,
                    struct sops_buf *said, struct sops_err *e)
{
    bool bom = sops_slice_starts(text, MARK) && !sealed, crlf = sops_dotenv_is_crlf(text), ok = true;
    struct sops_buf lf = {0};
    if (!bom && !crlf && (sealed || !s->quote)) {
        return true;
    }
    text = bom ? sops_slice_skip(text, MARK.len) : text;
    ok = ((!bom && !crlf) || sealed ||
          sops_buf_adds(said,
                        bom && crlf ? "bom,crlf"
                        : bom       ? "bom"
                                    : "crlf",
                        e)) &&
         (!crlf || sops_dotenv_to_lf(text, &lf, e));
    text = crlf ? sops_buf_view(&lf) : text;
    ok = ok && (s->quote && !sealed ? drop_blanks(text, out, e) : sops_buf_add(out, text, e));
    sops_buf_free(&lf);
    return ok;
}

static bool dress(const struct sops_written *sealed, struct sops_buf *text, struct sops_err *e)
{
    bool bom = false, crlf = false, ok = true;
    for (size_t i = 0; i < sealed->metas; i++) {
        const struct sops_node *n = sealed->meta[i].node;
        if (sops_slice_eq(n->key, SOPS_LIT("sops_style")) || sops_slice_eq(n->key, SOPS_LIT("style"))) {
            bool both = sops_slice_eq(n->text, SOPS_LIT("bom,crlf"));
            bom = both || sops_slice_eq(n->text, SOPS_LIT("bom"));
            crlf = both || sops_slice_eq(n->text, SOPS_LIT("crlf"));
        }
    }
    if (!bom && !crlf) {
        return true;
    }
    struct sops_buf made = {0};
    ok = !bom || sops_buf_add(&made, MARK, e);
    for (size_t i = 0; ok && i < text->len; i++) {
        ok = (!crlf || text->ptr[i] != '\n' || sops_buf_addc(&made, '\r', e)) && sops_buf_addc(&made, text->ptr[i], e);
    }
    if (ok) {
        sops_buf_free(text);
        *text = made;
    } else {
        sops_buf_free(&made);
    }
    return ok;
}

/* An empty value has no ciphertext, so that its quotes do not come back. */
static bool same(struct sops_slice opened, struct sops_slice clear)
{
    size_t i = 0, k = 0;
    while (i < opened.len && k < clear.len) {
        if (opened.ptr[i] == clear.ptr[k] && !(opened.ptr[i] == '\n' && i > 0 && opened.ptr[i - 1] == '=')) {
            i++;
            k++;
            continue;
        }
        if (i == 0 || opened.ptr[i - 1] != '=' || opened.ptr[i] != '\n') {
            return false;
        }
        while (k < clear.len && clear.ptr[k] != '\n') {
            if (!is_blank(clear.ptr[k]) && clear.ptr[k] != '"' && clear.ptr[k] != '\'') {
                return false;
            }
            k++;
        }
        i++;
        k++;
    }
    for (; k < clear.len && i == opened.len; k++) {
        if (!is_blank(clear.ptr[k]) && clear.ptr[k] != '"' && clear.ptr[k] != '\'') {
            return false;
        }
    }
    return i == opened.len;
}

/* A clear value of a sealed text is a line to the original; what it means counts here. */
static bool same_text(struct sops_slice clear, struct sops_slice line)
{
    struct sops_buf text = {0};
    struct sops_err why = {0};
    bool ok = sops_dotenv_line_meaning(line, &text, &why) && sops_slice_eq(clear, sops_buf_view(&text));
    sops_err_clear(&why);
    sops_buf_free(&text);
    return ok;
}

const struct sops_textual sops_dotenv_textual = {
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
    .dress = dress,
    .undress = undress,
    .same = same,
    .same_text = same_text,
    .blanks_empty = true,
    .style_key = "sops_style",
};
