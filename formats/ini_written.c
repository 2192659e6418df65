/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI kept as it is written (docs/spec/76-text-as-written.md#7-ini). The reader puts the comments above a key and the
 * one behind its value together, so comments are found in the text, line by line, and belong to their section.
 */
#include "formats/ini_written.h"

#include "base/text.h"
#include "formats/ini.h"

enum { BEHIND_NAME = 1 }; /* a comment that cannot be sealed: the name would run on to the ciphertext's bracket */

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static bool is_white(uint8_t c) { return is_blank(c) || c == '\r' || c == '\n'; }

static uint32_t trimmed_end(struct sops_slice text, uint32_t begin, uint32_t end)
{
    while (end > begin && is_white(text.ptr[end - 1])) {
        end--;
    }
    return end;
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

/* Goes along the lines of the text. */
struct scan {
    struct sops_written *w;
    struct sops_node *section; /* that of the line at hand */
    struct sops_node *key;     /* the next one to come */
    uint32_t at;
    uint32_t comment, comment_end; /* the comment lines that wait for what they stand in front of; 0, 0: none */
    unsigned line, comment_line;
};

/* The text of a comment as the reader has it: without empty lines, and blanks in front of lines. */
static bool comment_text(struct sops_written *w, struct sops_span span, struct sops_slice *to, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_at(w->text, span), line;
    struct sops_buf text = {0};
    bool ok = true;
    for (bool first = true; ok && sops_slice_next(&rest, '\n', &line);) {
        struct sops_slice bare = first ? line : sops_text_trim_left(line);
        if (bare.len != 0 && sops_text_trim(bare).len != 0) {
            ok = (first || sops_buf_addc(&text, '\n', e)) && sops_buf_add(&text, bare, e);
            first = false;
        }
    }
    ok = ok && sops_arena_copy(&w->doc->arena, sops_buf_view(&text), to, e);
    sops_buf_free(&text);
    return ok;
}

/* A slot for the comment from the sign at `sign` to `end`. */
static bool add_comment(struct scan *s, uint32_t sign, uint32_t end, struct sops_node *in, uint8_t style,
                        struct sops_err *e)
{
    struct sops_slice text = s->w->text;
    uint8_t c = text.ptr[sign];
    uint32_t begin = sign;
    while (begin < end && (text.ptr[begin] == c || text.ptr[begin] == ' ')) {
        begin++;
    }
    end = trimmed_end(text, begin, end);
    struct sops_slot *slot = sops_written_add(s->w, e);
    if (slot == NULL) {
        return false;
    }
    *slot = (struct sops_slot){.span = {begin, end},
                               .head = {begin, begin},
                               .in = in,
                               .line = s->line,
                               .role = SOPS_SLOT_COMMENT,
                               .style = style,
                               .no_node = true};
    struct sops_slice comment;
    if (!comment_text(s->w, slot->span, &comment, e)) {
        return false;
    }
    s->w->slot[s->w->count - 1].comment = comment;
    return true;
}

static bool place_waiting(struct scan *s, struct sops_node *in, struct sops_err *e)
{
    bool any = s->comment_end != 0;
    uint32_t begin = s->comment, end = s->comment_end;
    s->comment = s->comment_end = 0;
    return !any || add_comment(s, begin, end, in, 0, e);
}

static const struct sops_node *skip_comments(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

/* The key whose line begins at or behind `from`. Keys are in the order of the text, as one that stands twice is lost.
 */
static struct sops_node *key_from(const struct sops_node *section, uint32_t from)
{
    for (; section != NULL; section = section->next) {
        if (section->kind != SOPS_MAP) {
            continue;
        }
        for (const struct sops_node *n = skip_comments(section->child); n != NULL; n = skip_comments(n->next)) {
            if (n->key_span.end != 0 && n->key_span.begin >= from) {
                return (struct sops_node *)(uintptr_t)n;
            }
        }
    }
    return NULL;
}

static struct sops_node *key_after(const struct sops_node *n)
{
    const struct sops_node *next = skip_comments(n->next);
    return next != NULL ? (struct sops_node *)(uintptr_t)next : key_from(n->up->next, n->key_span.end);
}

static bool take_header(struct scan *s, uint32_t end, struct sops_err *e)
{
    struct sops_node *next = s->section;
    do {
        next = next->next;
    } while (next != NULL && (next->kind != SOPS_MAP || next->key_span.end == 0));
    if (next == NULL || next->key_span.begin < s->at || next->key_span.end > end) {
        return sops_written_lose(s->w, s->line, "a section that is not where it should be");
    }
    s->section = next;
    uint32_t behind = next->key_span.end + 1, sign = behind;
    if (!place_waiting(s, next, e)) {
        return false;
    }
    while (sign < end && s->w->text.ptr[sign] != '#' && s->w->text.ptr[sign] != ';') {
        sign++;
    }
    return sign == end || add_comment(s, sign, end, next, BEHIND_NAME, e);
}

/* The value of the key at hand, and the comment behind it. `*next`: where the next line begins. */
static bool take_key(struct scan *s, uint32_t *next, struct sops_err *e)
{
    struct sops_node *n = s->key;
    struct sops_slice text = s->w->text;
    uint32_t end = sops_line_end(text, n->span.end), sign = n->span.end;
    struct sops_slot *slot;
    if (!place_waiting(s, n->up, e) || (slot = sops_written_add(s->w, e)) == NULL) {
        return false;
    }
    *slot = (struct sops_slot){.span = {n->span.begin, trimmed_end(text, n->span.end, end)},
                               .head = {n->span.begin, n->span.begin},
                               .node = n,
                               .line = n->line,
                               .role = SOPS_SLOT_VALUE};
    while (sign < end && text.ptr[sign] != '#' && text.ptr[sign] != ';') {
        sign++;
    }
    *next = sops_line_next(text, n->span.end);
    for (uint32_t i = s->at; i < *next; i++) {
        s->line += text.ptr[i] == '\n';
    }
    s->key = key_after(n);
    return sign == end || add_comment(s, sign, end, n->up, 0, e);
}

static bool scan_line(struct scan *s, struct sops_err *e)
{
    struct sops_slice text = s->w->text;
    uint32_t end = sops_line_end(text, s->at), next = sops_line_next(text, s->at), first = s->at;
    while (first < end && is_white(text.ptr[first])) {
        first++;
    }
    bool ok = true;
    if (first < end && (text.ptr[first] == '#' || text.ptr[first] == ';')) {
        if (s->comment_end == 0) {
            s->comment = first;
            s->comment_line = s->line;
        }
        s->comment_end = end;
        s->line++;
    } else if (first < end && text.ptr[first] == '[') {
        ok = take_header(s, end, e);
        s->line++;
    } else if (first < end && s->key != NULL && s->key->key_span.begin >= first && s->key->key_span.begin < next) {
        ok = take_key(s, &next, e);
    } else {
        s->line++;
        ok = first == end || sops_written_lose(s->w, s->line, "a line that is not read");
    }
    s->at = next;
    return ok;
}

static bool slots(struct sops_written *w, struct sops_err *e)
{
    struct sops_node *root = w->doc->parts, *first = root != NULL ? root->child : NULL;
    struct scan s = {.w = w, .section = first, .line = 1};
    if (first == NULL) {
        return true;
    }
    s.key = key_from(first, 0);
    s.at = (uint32_t)(w->text.len - sops_text_without_mark(w->text).len);
    while (s.at < w->text.len) {
        if (!scan_line(&s, e)) {
            return false;
        }
    }
    return place_waiting(&s, s.section, e) && sops_written_finish(w, e);
}

static bool seal_slot(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                      const struct sops_node *clear, struct sops_laid *to, struct sops_err *e)
{
    (void)w;
    (void)clear;
    if (s->role == SOPS_SLOT_COMMENT && s->style == BEHIND_NAME) {
        return sops_fail(e, SOPS_E_DUMP, "a comment behind the name of a section");
    }
    return sops_buf_add(&to->text, text, e);
}

/* Each line of a comment but the first has a sign of its own. */
static bool add_lines(const struct sops_written *w, struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice nl = sops_written_break(w), line;
    bool ok = true;
    for (bool first = true; ok && sops_slice_next(&text, '\n', &line); first = false) {
        uint8_t sign = line.len != 0 && (line.ptr[0] == '#' || line.ptr[0] == ';') ? line.ptr[0] : 0;
        struct sops_slice bare = sops_text_trim(sops_slice_skip(line, !first && sign != 0));
        ok = first ? sops_buf_add(out, sops_text_trim_right(line), e)
                   : sops_buf_add(out, nl, e) && sops_buf_addc(out, sign != 0 ? sign : ';', e) &&
                         sops_buf_addc(out, ' ', e) && sops_buf_add(out, bare, e);
    }
    return ok;
}

static bool open_slot(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                      struct sops_laid *to, struct sops_err *e)
{
    struct sops_buf text = {0};
    if (s->role == SOPS_SLOT_COMMENT) {
        return add_lines(w, value->text, &to->text, e);
    }
    bool ok = sops_node_plain(value, &text, e) && sops_ini_add_value(sops_buf_view(&text), &to->text, e);
    sops_buf_free(&text);
    return ok;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

/* From the line of a section's header to that of the next, without the comments that belong to that. */
static struct sops_span lines_of(const struct sops_written *w, const struct sops_node *section)
{
    struct sops_span all = {sops_line_begin(w->text, section->key_span.begin), (uint32_t)w->text.len};
    uint32_t at = sops_line_next(w->text, section->key_span.end), comments = 0;
    for (const struct sops_node *n = section->child; n != NULL; n = n->next) {
        at = n->kind != SOPS_COMMENT && n->span.end >= at ? sops_line_next(w->text, n->span.end) : at;
    }
    while (at < w->text.len) {
        uint32_t first = at;
        while (first < w->text.len && is_white(w->text.ptr[first])) {
            first++;
        }
        uint8_t c = first < w->text.len ? w->text.ptr[first] : 0;
        if (c == '[') {
            all.end = comments != 0 ? comments : sops_line_begin(w->text, first);
            break;
        }
        comments = comments == 0 && (c == '#' || c == ';') ? sops_line_begin(w->text, first) : comments;
        at = sops_line_next(w->text, first < w->text.len ? first : at);
    }
    return all;
}

static bool section_text(const struct sops_written *w, const struct sops_meta_text *m, struct sops_buf *out,
                         struct sops_err *e)
{
    struct sops_buf made = {0};
    struct sops_slice nl = sops_written_break(w), rest, line;
    bool ok = m->as_was.len != 0 || sops_ini_emit(m->doc, w->style, &made, e);
    rest = m->as_was.len != 0 ? m->as_was : sops_buf_view(&made);
    rest = sops_slice_first(rest, trimmed_end(rest, 0, (uint32_t)rest.len));
    while (ok && sops_slice_next(&rest, '\n', &line)) {
        ok = sops_buf_add(out, sops_slice_trim_end(line, '\r'), e) && sops_buf_add(out, nl, e);
    }
    sops_buf_free(&made);
    return ok;
}

static bool add_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                     struct sops_err *e)
{
    struct sops_buf text = {0}, bytes = {0};
    struct sops_slice nl = sops_written_break(w);
    uint32_t at = (uint32_t)w->text.len;
    bool bare = sops_text_without_mark(w->text).len == 0, open = !bare && w->text.ptr[at - 1] != '\n';
    bool ok = section_text(w, m, &text, e) && (!open || sops_buf_add(&bytes, nl, e)) &&
              (bare || sops_buf_add(&bytes, nl, e)) && sops_buf_add(&bytes, sops_buf_view(&text), e);
    if (ok && open) {
        sops_buf_cut(&bytes, bytes.len - nl.len);
    }
    ok = ok && sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&text);
    sops_buf_free(&bytes);
    return ok;
}

static bool swap_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                      struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice nl = sops_written_break(w);
    bool open = w->text.len != 0 && w->text.ptr[w->text.len - 1] != '\n';
    bool ok = w->metas == 1 && section_text(w, m, &text, e);
    if (ok) {
        struct sops_span all = lines_of(w, w->meta[0].node);
        if (open && all.end == w->text.len) {
            sops_buf_cut(&text, text.len - nl.len);
        } else if (all.end != w->text.len) {
            ok = sops_buf_add(&text, nl, e); /* an empty line in front of what follows */
        }
        ok = ok && sops_edits_add(to, all, sops_buf_view(&text), e);
    }
    sops_buf_free(&text);
    return ok || (e->code == SOPS_OK && sops_fail(e, SOPS_E_DUMP, "metadata that stand twice"));
}

static bool drop_meta(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->metas; i++) {
        struct sops_span all = lines_of(w, w->meta[i].node);
        bool open = all.end == w->text.len && w->text.ptr[w->text.len - 1] != '\n';
        for (int lines = 0; lines < 1 + open && all.begin > 0 && w->text.ptr[all.begin - 1] == '\n'; lines++) {
            uint32_t above = all.begin - 1;
            above -= above > 0 && w->text.ptr[above - 1] == '\r';
            bool empty = above == 0 || w->text.ptr[above - 1] == '\n';
            all.begin = empty || lines == open ? (empty || open ? above : all.begin) : all.begin;
        }
        ok = sops_edits_add(to, all, SOPS_LIT(""), e);
    }
    return ok;
}

static struct sops_span entry_at(const struct sops_written *w, bool *is_inline)
{
    *is_inline = false;
    return w->metas == 1 ? lines_of(w, w->meta[0].node) : (struct sops_span){0};
}

/* ---- new text ---------------------------------------------------------------------------------------------------- */

static bool refuse(struct sops_err *e) { return sops_fail(e, SOPS_E_DUMP, "INI holds single values in sections only"); }

static bool replace(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                    struct sops_edits *to, struct sops_err *e)
{
    (void)w;
    (void)n;
    (void)was;
    (void)from;
    (void)to;
    return refuse(e);
}

static bool add_pair(const struct sops_written *w, const struct sops_node *n, struct sops_slice around,
                     struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_node_is_leaf(n) ? sops_node_plain(n, &text, e) : refuse(e);
    ok = ok && sops_ini_add_key(n->key, out, e) && sops_buf_add(out, around, e);
    if (ok) {
        ok = (n->flags & SOPS_VEILED) != 0 ? sops_buf_add(out, sops_buf_view(&text), e)
                                           : sops_ini_add_value(sops_buf_view(&text), out, e);
    }
    ok = ok && sops_buf_add(out, sops_written_break(w), e);
    sops_buf_free(&text);
    return ok;
}

/* What stands around the delimiter of a key, padding aside. */
static bool add_delimiter(const struct sops_written *w, const struct sops_node *key, struct sops_buf *out,
                          struct sops_err *e)
{
    if (key == NULL) {
        return sops_buf_adds(out, " = ", e);
    }
    uint32_t from = key->key_span.end, to = key->span.begin, at = from;
    while (at < to && w->text.ptr[at] != '=' && w->text.ptr[at] != ':') {
        at++;
    }
    return (at == from || sops_buf_addc(out, ' ', e)) && sops_buf_addc(out, at < to ? w->text.ptr[at] : '=', e) &&
           (at + 1 >= to || sops_buf_addc(out, ' ', e));
}

static bool insert_section(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                           struct sops_err *e)
{
    struct sops_slice nl = sops_written_break(w);
    struct sops_buf bytes = {0};
    uint32_t at = w->metas != 0 ? lines_of(w, w->meta[0].node).begin : (uint32_t)w->text.len;
    bool ok = n->kind == SOPS_MAP ? sops_buf_addc(&bytes, '[', e) && sops_buf_add(&bytes, n->key, e) &&
                                        sops_buf_addc(&bytes, ']', e) && sops_buf_add(&bytes, nl, e)
                                  : refuse(e);
    for (const struct sops_node *c = skip_comments(n->child); ok && c != NULL; c = skip_comments(c->next)) {
        ok = add_pair(w, c, SOPS_LIT(" = "), &bytes, e);
    }
    ok = ok && sops_buf_add(&bytes, nl, e) && sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

static bool insert(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_node *in = n->up, *last = NULL;
    if (in->up == NULL) {
        return insert_section(w, n, to, e);
    }
    for (const struct sops_node *x = skip_comments(in->child); x != NULL; x = skip_comments(x->next)) {
        last = x->key_span.end != 0 ? x : last;
    }
    uint32_t at = last != NULL            ? sops_line_next(w->text, last->span.end)
                  : in->key_span.end != 0 ? sops_line_next(w->text, in->key_span.end)
                                          : (uint32_t)(w->text.len - sops_text_without_mark(w->text).len);
    struct sops_buf around = {0}, line = {0};
    struct sops_slice nl = sops_written_break(w);
    bool open = at > 0 && at == w->text.len && w->text.ptr[at - 1] != '\n';
    bool ok = add_delimiter(w, last, &around, e) && (!open || sops_buf_add(&line, nl, e)) &&
              add_pair(w, n, sops_buf_view(&around), &line, e);
    if (ok && open) {
        sops_buf_cut(&line, line.len - nl.len);
    }
    ok = ok && sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&line), e);
    sops_buf_free(&around);
    sops_buf_free(&line);
    return ok;
}

static bool take_out(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                     const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                     struct sops_edits *to, struct sops_err *e)
{
    (void)was;
    (void)before;
    (void)next;
    struct sops_span gone = {sops_line_begin(w->text, n->key_span.begin), sops_line_next(w->text, n->span.end)};
    if (in->up == NULL) {
        if (n->key_span.end == 0) {
            return sops_fail(e, SOPS_E_DUMP, "the section without a name");
        }
        gone = lines_of(w, n);
    }
    return sops_edits_add(to, gone, SOPS_LIT(""), e);
}

const struct sops_textual sops_ini_textual = {
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
    .spelled_comments = true,
};
