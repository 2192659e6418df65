/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars in their slots (docs/spec/76-text-as-written.md#41-the-slots-of-values, #42-blocks). */
#include "formats/yaml_written.h"

/* ---- what a text may be ------------------------------------------------------------------------------------------ */

/* May the string stand in single quotes, on one line? */
static bool is_single_line(struct sops_slice s)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t n = sops_utf8_next(sops_slice_skip(s, i), &c);
        if (n == 0 || !sops_yaml_printable(c) || sops_yaml_break_at(s, i) != 0) {
            return false;
        }
        i += n;
    }
    return true;
}

/* What plain text cannot hold in brackets. */
static bool has_bracket(struct sops_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr(",[]{}", s.ptr[i]) != NULL && s.ptr[i] != '\0') {
            return true;
        }
    }
    return false;
}

static bool add_single(struct sops_slice s, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '\'', e);
    for (size_t i = 0; ok && i < s.len; i++) {
        ok = sops_buf_addc(out, s.ptr[i], e) && (s.ptr[i] != '\'' || sops_buf_addc(out, '\'', e));
    }
    return ok && sops_buf_addc(out, '\'', e);
}

/* In double quotes; characters beyond U+FFFF stay as they are, as people write them. */
static bool add_double(struct sops_slice s, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf all = {0};
    bool ok = sops_yaml_double(s, &all, e);
    for (size_t i = 0; ok && i < all.len;) {
        if (all.ptr[i] == '\\' && i + 9 < all.len && all.ptr[i + 1] == 'U') {
            uint32_t c = 0;
            for (size_t k = 2; k < 10; k++) {
                c = c * 16 + sops_hex_digit(all.ptr[i + k]);
            }
            ok = sops_utf8_add(out, c, e);
            i += 10;
        } else {
            size_t n = all.ptr[i] == '\\' && i + 1 < all.len ? 2 : 1;
            ok = sops_buf_add(out, sops_slice_of(all.ptr + i, n), e);
            i += n;
        }
    }
    sops_buf_free(&all);
    return ok;
}

/* Appends `text` with each LF as the text's own line break. */
static bool add_with_breaks(const struct sops_written *w, struct sops_slice text, struct sops_buf *out,
                            struct sops_err *e)
{
    struct sops_slice nl = sops_written_break(w);
    bool ok = true;
    while (ok && text.len != 0) {
        size_t n = sops_slice_find(text, '\n');
        ok = sops_buf_add(out, sops_slice_first(text, n), e) && (n == text.len || sops_buf_add(out, nl, e));
        text = sops_slice_skip(text, n + 1);
    }
    return ok;
}

/* As the writer does; the last line break is the layout's. */
static bool add_usual(const struct sops_written *w, const struct sops_node *n, size_t column, size_t digit,
                      struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_yaml_write_scalar(n, column, digit, &text, e);
    struct sops_slice all = sops_buf_view(&text);
    bool block = all.len != 0 && (all.ptr[0] == '|' || sops_slice_starts(all, SOPS_LIT("!!binary |")));
    if (ok && block && sops_slice_ends(all, SOPS_LIT("\n"))) {
        all.len--;
    }
    ok = ok && add_with_breaks(w, all, out, e);
    sops_buf_free(&text);
    return ok;
}

/* Which style the writer would take for a string. */
static bool style_of(struct sops_slice s, enum sops_yaml_style *style, struct sops_err *e)
{
    struct sops_buf scratch = {0};
    bool ok = sops_yaml_style(s, &scratch, style, NULL, e);
    sops_buf_free(&scratch);
    return ok;
}

static bool lay_string(const struct sops_written *w, const struct sops_node *n, bool in_flow, bool tagged,
                       size_t column, size_t digit, struct sops_buf *out, struct sops_err *e)
{
    enum sops_yaml_style style;
    if (!style_of(n->text, &style, e)) {
        return false;
    }
    bool plain = style == SOPS_YAML_PLAIN || (tagged && sops_yaml_may_be_plain(n->text));
    if (plain && (!in_flow || !has_bracket(n->text))) {
        return sops_buf_add(out, n->text, e);
    }
    if (style == SOPS_YAML_BASE64 || !in_flow) {
        return add_usual(w, n, column, digit, out, e);
    }
    return is_single_line(n->text) ? add_single(n->text, out, e) : add_double(n->text, out, e);
}

bool sops_yaml_lay_scalar(const struct sops_written *w, const struct sops_node *n, bool in_flow, size_t column,
                          size_t digit, struct sops_buf *out, struct sops_err *e)
{
    return n->kind == SOPS_STR ? lay_string(w, n, in_flow, false, column, digit, out, e)
                               : add_usual(w, n, column, digit, out, e);
}

/* ---- opened ------------------------------------------------------------------------------------------------------ */

/* Where a text with lines of its own begins, in the place of a scalar: at the key's column and a step more, or two
 * behind the dash. `*digit` is what it is more. */
static size_t text_column(const struct sops_written *w, const struct sops_slot *s, size_t *digit)
{
    const struct sops_node *in = s->node->up;
    *digit = in != NULL && in->kind == SOPS_LIST ? 2 : w->own[SOPS_YAML_STEP];
    bool placed = in != NULL && !s->in_flow && !sops_span_none(in->span);
    return *digit + (placed ? sops_yaml_column(w, in) : 0);
}

/* A comment that the writer has made an item of a list: from its dash on. */
static bool open_item(const struct sops_written *w, const struct sops_slot *s, struct sops_slice comment,
                      struct sops_laid *to, struct sops_err *e)
{
    uint32_t at = s->span.begin;
    while (at > 0 && w->text.ptr[at - 1] == ' ') {
        at--;
    }
    if (at > 0 && w->text.ptr[at - 1] == '-') {
        to->from = at - 1;
    }
    to->joined = true;
    return sops_buf_addc(&to->head, '#', e) && sops_buf_add(&to->head, comment, e);
}

/* Can a block hold the string? Else it stands in double quotes. */
static bool fits_block(struct sops_slice s)
{
    bool text = false;
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t n = sops_utf8_next(sops_slice_skip(s, i), &c);
        if (n == 0 || (!sops_yaml_printable(c) && c != '\t') || (n > 1 && sops_yaml_break_at(s, i) != 0)) {
            return false;
        }
        text = text || (c != '\n' && c != ' ');
        i += n;
    }
    return text;
}

static bool stays_folded(struct sops_slice s)
{
    while (s.len != 0 && s.ptr[s.len - 1] == '\n') {
        s.len--;
    }
    return s.len != 0 && s.ptr[0] != ' ' && s.ptr[0] != '\t' && sops_slice_find(s, '\n') == s.len;
}

/* `|` or `>`, the digit, the mark. False when the digit would be too large. */
static bool block_head(const struct sops_written *w, const struct sops_slot *s, struct sops_slice v, bool *fits,
                       struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice was = sops_slice_at(w->text, s->head);
    uint8_t digit = 0, mark = 0;
    size_t digit_at = 0, mark_at = 0;
    for (size_t i = 1; i < was.len; i++) {
        if (was.ptr[i] == '+' || was.ptr[i] == '-') {
            mark_at = i;
            mark = was.ptr[i];
        } else {
            digit_at = i;
            digit = was.ptr[i];
        }
    }
    *fits = true;
    if (digit == 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t' || v.ptr[0] == '\n')) {
        size_t parent =
            s->node->up != NULL && !sops_span_none(s->node->up->span) ? sops_yaml_column(w, s->node->up) : 0;
        *fits = s->column > parent && s->column - parent <= 9;
        digit = (uint8_t)('0' + (*fits ? s->column - parent : 0));
    }
    bool ends = v.ptr[v.len - 1] == '\n', twice = v.len > 1 && ends && v.ptr[v.len - 2] == '\n';
    mark = !ends ? '-' : twice ? '+' : mark == '+' ? '+' : 0;
    bool mark_first = mark_at != 0 && mark_at < digit_at;
    bool ok = sops_buf_addc(out, was.ptr[0] == '>' && stays_folded(v) ? '>' : '|', e);
    ok = ok && (!mark_first || mark == 0 || sops_buf_addc(out, mark, e));
    ok = ok && (digit == 0 || sops_buf_addc(out, digit, e));
    return ok && (mark_first || mark == 0 || sops_buf_addc(out, mark, e));
}

/* The lines of a block; the last break is the layout's. */
static bool block_lines(const struct sops_written *w, const struct sops_slot *s, struct sops_slice v,
                        struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice nl = sops_written_break(w), line;
    bool ok = true;
    if (v.ptr[v.len - 1] == '\n') {
        v.len--;
    }
    for (bool first = true; ok && sops_slice_next(&v, '\n', &line); first = false) {
        ok = (first || sops_buf_add(out, nl, e)) && (line.len == 0 || sops_buf_addn(out, ' ', s->column, e)) &&
             sops_buf_add(out, line, e);
    }
    return ok;
}

static bool open_block(const struct sops_written *w, const struct sops_slot *s, struct sops_slice v,
                       struct sops_laid *to, struct sops_err *e)
{
    bool fits = fits_block(v);
    if (fits && !block_head(w, s, v, &fits, &to->head, e)) {
        return false;
    }
    if (fits) {
        return block_lines(w, s, v, &to->text, e);
    }
    sops_buf_cut(&to->head, 0);
    to->joined = true;
    return add_double(v, &to->head, e);
}

/* What stands behind the value on its line, a comment or blanks, stays there: lines of the value go below it. */
static bool put_below(const struct sops_written *w, const struct sops_slot *s, struct sops_laid *to, struct sops_err *e)
{
    struct sops_buf *line = to->joined ? &to->head : &to->text;
    struct sops_slice all = sops_buf_view(line);
    uint32_t end = sops_line_end(all, 0);
    if (end == all.len || (!to->joined && sops_line_end(w->text, s->span.end) == s->span.end)) {
        return true;
    }
    bool ok = sops_buf_add(&to->below, sops_slice_skip(all, end), e);
    sops_buf_cut(line, end);
    return ok;
}

bool sops_yaml_open_slot(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                         struct sops_laid *to, struct sops_err *e)
{
    struct sops_slice v = value->text;
    if (s->role == SOPS_SLOT_COMMENT) {
        return sops_buf_add(&to->text, v, e);
    }
    if (value->kind == SOPS_COMMENT) {
        return open_item(w, s, v, to, e);
    }
    bool block = s->style == SOPS_YAML_SLOT_BLOCK;
    struct sops_buf *out = block ? &to->head : &to->text;
    bool text = value->kind == SOPS_STR && sops_utf8_valid(v);
    if (s->style == SOPS_YAML_SLOT_NOTHING && value->kind != SOPS_NULL && s->span.begin > 0 &&
        w->text.ptr[s->span.begin - 1] != ' ' && !sops_buf_addc(out, ' ', e)) {
        return false;
    }
    if (text && block && v.len != 0) {
        return open_block(w, s, v, to, e);
    }
    to->joined = block;
    if (text && s->style == SOPS_YAML_SLOT_SINGLE && !s->in_flow) {
        return is_single_line(v) ? add_single(v, out, e) : add_double(v, out, e);
    }
    if (text && (s->style == SOPS_YAML_SLOT_DOUBLE || s->style == SOPS_YAML_SLOT_LINES)) {
        return add_double(v, out, e);
    }
    size_t digit, column = text_column(w, s, &digit);
    bool ok = value->kind == SOPS_STR ? lay_string(w, value, s->in_flow, s->tagged, column, digit, out, e)
                                      : sops_yaml_lay_scalar(w, value, s->in_flow, column, digit, out, e);
    return ok && put_below(w, s, to, e);
}

/* ---- sealed ------------------------------------------------------------------------------------------------------ */

static bool add_quoted(struct sops_buf *out, const char *quote, struct sops_slice text, struct sops_err *e)
{
    return sops_buf_adds(out, quote, e) && sops_buf_add(out, text, e) && sops_buf_adds(out, quote, e);
}

/* An alias is written out, with the tag that says so. */
static bool seal_alias(const struct sops_written *w, const struct sops_slot *s, struct sops_laid *to,
                       struct sops_err *e)
{
    const struct sops_node *in = s->node->up;
    bool placed = in != NULL && !sops_span_none(in->span);
    struct sops_yaml_place p = {.column = placed && !s->in_flow ? sops_yaml_column(w, in) : 0,
                                .item = placed && in->kind == SOPS_LIST,
                                .in_flow = s->in_flow,
                                .tagged = true,
                                .mark = s->column};
    return sops_buf_addc(&to->text, '!', e) && sops_buf_add(&to->text, sops_slice_at(w->text, s->span), e) &&
           sops_yaml_lay(w, s->node, p, &to->text, e);
}

bool sops_yaml_seal_slot(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                         const struct sops_node *clear, struct sops_laid *to, struct sops_err *e)
{
    (void)clear;
    if (s->role == SOPS_SLOT_COMMENT) {
        return sops_buf_add(&to->text, text, e);
    }
    if (s->role == SOPS_SLOT_ALIAS) {
        return seal_alias(w, s, to, e);
    }
    switch ((enum sops_yaml_slot)s->style) {
    case SOPS_YAML_SLOT_BLOCK:
        return sops_buf_add(&to->head, sops_slice_at(w->text, s->head), e) &&
               sops_buf_addn(&to->text, ' ', s->column, e) && sops_buf_add(&to->text, text, e);
    case SOPS_YAML_SLOT_LINES:
    case SOPS_YAML_SLOT_DOUBLE:
        return add_quoted(&to->text, "\"", text, e);
    case SOPS_YAML_SLOT_SINGLE:
        return add_quoted(&to->text, "'", text, e);
    case SOPS_YAML_SLOT_NOTHING:
        if (s->span.begin > 0 && w->text.ptr[s->span.begin - 1] != ' ' && !sops_buf_addc(&to->text, ' ', e)) {
            return false;
        }
        return add_quoted(&to->text, s->in_flow ? "'" : "", text, e);
    case SOPS_YAML_SLOT_PLAIN:
    default:
        return add_quoted(&to->text, s->in_flow ? "'" : "", text, e);
    }
}
