/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line by line, with one buffer of comments that belongs to whatever comes next. A section's keys are kept aside until
 * it ends, as a repeated key replaces the value and the comment of the first.
 */
#include "formats/ini.h"

#include "base/table.h"
#include "base/text.h"

struct reader {
    struct sops_doc *doc;
    const uint8_t *text;
    struct sops_slice rest;
    unsigned line;
    struct sops_buf comment;
    struct sops_span comment_span; /* none when its lines do not follow each other */
    unsigned comment_line;
    struct sops_buf value;               /* of the key at hand, when it is not one piece of the input */
    const uint8_t *value_at, *value_end; /* where it stands, with its quotes and without an inline comment */
    struct sops_node *section, *at;      /* at: the key whose value is read */
    bool told;                           /* that a sign ends a value */
    unsigned counter;                    /* for the keys `-` */
    struct sops_table by_key;            /* the last node with that key, perhaps of another section */
    struct sops_err *e;
};

static bool bad(struct reader *r, unsigned line, const char *why)
{
    sops_fail_at(r->e, line, 0, "%s", why);
    return sops_recode(r->e, SOPS_E_READ);
}

/* The next line with its newline; false at the end. */
static bool next_line(struct reader *r, struct sops_slice *line)
{
    if (r->rest.len == 0) {
        return false;
    }
    size_t n = sops_slice_find(r->rest, '\n');
    *line = sops_slice_first(r->rest, n < r->rest.len ? n + 1 : n);
    r->rest = sops_slice_skip(r->rest, line->len);
    r->line++;
    return true;
}

/* Index of the first of two bytes, or s.len. */
static size_t find_either(struct sops_slice s, uint8_t a, uint8_t b)
{
    size_t first = sops_slice_find(s, a);
    size_t second = sops_slice_find(sops_slice_first(s, first), b);
    return second < first ? second : first;
}

/* … and what cannot be kept as it is written. */
static bool mark_lost(const struct reader *r, const char *why)
{
    return r->doc->reading.sealed ||
           sops_doc_mark(r->doc, (struct sops_mark){.kind = SOPS_MARK_LOST, .line = r->line, .why = why}, r->e);
}

/* Warns that text of the line at hand is lost, or is not what it looks like; `n`: the key that it belongs to. */
static bool note(const struct reader *r, const struct sops_node *n, const char *what)
{
    return sops_doc_note(r->doc, n, r->line, what, r->e);
}

/* Index of the first place of `part` in `s`, or s.len. */
static size_t find_part(struct sops_slice s, struct sops_slice part)
{
    const uint8_t *at = s.len >= part.len ? memmem(s.ptr, s.len, part.ptr, part.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

/* Index of the last place of `quote` in `s`, or s.len. */
static size_t find_last(struct sops_slice s, struct sops_slice quote)
{
    for (size_t i = s.len >= quote.len ? s.len - quote.len + 1 : 0; i != 0; i--) {
        if (memcmp(s.ptr + i - 1, quote.ptr, quote.len) == 0) {
            return i - 1;
        }
    }
    return s.len;
}

static struct sops_span span_of(const struct reader *r, struct sops_slice s)
{
    return sops_span_of(r->text, s.ptr, s.ptr + s.len);
}

/* Puts a line that is a comment into the comment buffer. */
static bool keep_line(struct reader *r, struct sops_slice line)
{
    struct sops_span span = span_of(r, sops_text_trim_right(line));
    if (r->comment.len == 0) {
        r->comment_span = span;
        r->comment_line = r->line;
    }
    r->comment_span.end = span.end;
    return sops_buf_add(&r->comment, line, r->e);
}

/* Puts what stands in `s` from the first comment sign on into the comment buffer. */
static bool keep_comment(struct reader *r, struct sops_slice s)
{
    s = sops_text_trim(sops_slice_skip(s, find_either(s, '#', ';')));
    if (r->comment.len == 0) {
        r->comment_line = r->line;
        r->comment_span = span_of(r, s);
    } else if (s.len != 0) {
        r->comment_span = (struct sops_span){0};
    }
    return sops_buf_add(&r->comment, s, r->e);
}

/* Takes the comment buffer's text, without the sign at its start, and empties it; `*comment` is NULL when it is empty.
 */
static bool take_comment(struct reader *r, struct sops_node **comment)
{
    struct sops_slice s = sops_text_trim(sops_buf_view(&r->comment));
    *comment = NULL;
    if (s.len == 0) {
        sops_buf_cut(&r->comment, 0);
        return true;
    }
    uint8_t sign = s.ptr[0];
    while (s.len != 0 && (sign == ';' || sign == '#') && (s.ptr[0] == sign || s.ptr[0] == ' ')) {
        s = sops_slice_skip(s, 1);
    }
    struct sops_node *n = sops_arena_alloc(&r->doc->arena, sizeof *n, r->e);
    if (n == NULL || !sops_doc_take(r->doc, s, &n->text, r->e)) {
        return false;
    }
    n->kind = SOPS_COMMENT;
    n->key_kind = SOPS_STR;
    n->key = SOPS_LIT("");
    n->line = r->comment_line;
    n->span = r->comment_span;
    *comment = n;
    sops_buf_cut(&r->comment, 0);
    return true;
}

/* ---- values (docs/spec/20-formats.md#reading-ini) ---- */

/* Does the text behind a closing quote say that the value goes on all the same? */
static bool goes_on(struct sops_slice behind)
{
    while (behind.len != 0 && (behind.ptr[behind.len - 1] == '\n' || behind.ptr[behind.len - 1] == '\r')) {
        behind.len--;
    }
    return sops_slice_ends(sops_text_trim(behind), SOPS_LIT("\\"));
}

/* Notes what stands behind the closing quote of a value, as it is dropped. */
static bool note_behind_quote(const struct reader *r, struct sops_slice behind)
{
    return sops_text_trim(behind).len == 0 || note(r, r->at, "what stands behind the closing quote is dropped");
}

/* A quoted value, from behind its opening quote. */
static bool take_quoted(struct reader *r, struct sops_slice s, struct sops_slice quote, struct sops_slice *value)
{
    unsigned start = r->line;
    size_t n = find_last(s, quote);
    if (n != s.len) {
        *value = sops_slice_first(s, n);
        r->value_end = s.ptr + n + quote.len;
        return note_behind_quote(r, sops_slice_skip(s, n + quote.len));
    }
    if (!sops_buf_add(&r->value, s, r->e)) {
        return false;
    }
    struct sops_slice line;
    while (next_line(r, &line)) {
        n = find_last(line, quote);
        bool closed = n != line.len && !goes_on(sops_slice_skip(line, n + quote.len));
        if (!sops_buf_add(&r->value, closed ? sops_slice_first(line, n) : line, r->e)) {
            return false;
        }
        if (closed) {
            *value = sops_buf_view(&r->value);
            struct sops_slice behind = sops_slice_skip(line, n + quote.len);
            r->value_end = behind.ptr;
            behind.len = find_either(behind, '#', ';');
            return keep_comment(r, sops_slice_skip(line, n)) && note_behind_quote(r, behind);
        }
    }
    return bad(r, start, "a quoted value is not closed");
}

/* A value that ended with a backslash, which is cut off already. */
static bool take_continued(struct reader *r, struct sops_slice s, struct sops_slice *value)
{
    r->value_end = s.ptr + s.len + 1;
    if (!sops_buf_add(&r->value, s, r->e)) {
        return false;
    }
    bool more = true;
    struct sops_slice line;
    while (more && next_line(r, &line)) {
        line = sops_text_trim(line);
        if (find_either(line, '=', ':') != line.len &&
            !note(r, r->at,
                  "a backslash at the end of the line before makes this line a part of its value; put the value "
                  "in backticks to keep the backslash")) {
            return false;
        }
        if (!sops_buf_add(&r->value, line, r->e)) {
            return false;
        }
        r->value_end = line.len != 0 ? line.ptr + line.len : r->value_end;
        more = line.len != 0 && line.ptr[line.len - 1] == '\\';
        if (more) {
            sops_buf_cut(&r->value, r->value.len - 1);
        }
    }
    *value = sops_buf_view(&r->value);
    return true;
}

static bool is_quoted(struct sops_slice s, uint8_t quote)
{
    return s.len >= 2 && s.ptr[0] == quote && sops_slice_find(sops_slice_skip(s, 1), quote) == s.len - 2;
}

/* A comment behind a value that somebody may have meant as a part of it: there is no blank on either side of its sign
 * (`a#b`, `a #b`), or the value before it is empty, or begins with a quote, which does not protect. */
static bool is_doubtful(struct sops_slice s, size_t sign)
{
    uint8_t c = s.ptr[sign];
    struct sops_slice value = sops_text_trim_right(sops_slice_first(s, sign));
    bool apart =
        value.len != sign && (sign + 1 == s.len || memchr(" \t", s.ptr[sign + 1], 2) != NULL || s.ptr[sign + 1] == c);
    return !apart || value.len == 0 ||
           ((value.ptr[0] == '"' || value.ptr[0] == '\'') && !is_quoted(value, value.ptr[0]));
}

/* Where a comment begins in a value: at any sign in an encrypted text, and else as the configuration says. */
static size_t find_sign(const struct reader *r, struct sops_slice s)
{
    size_t sign = find_either(s, '#', ';');
    uint8_t mode = r->doc->reading.sealed ? SOPS_COMMENTS_ANY : r->doc->reading.inline_comments;
    if (mode == SOPS_COMMENTS_NONE) {
        return s.len;
    }
    while (mode == SOPS_COMMENTS_SPACED && sign < s.len && sign != 0 && s.ptr[sign - 1] != ' ' &&
           s.ptr[sign - 1] != '\t') {
        sign += 1 + find_either(sops_slice_skip(s, sign + 1), '#', ';');
    }
    return sign;
}

/* Warns once of a sign without a blank in front that ends a value. */
static bool note_cut(struct reader *r, struct sops_slice s, size_t sign)
{
    bool cut = sign != s.len && sign != 0 && s.ptr[sign - 1] != ' ' && s.ptr[sign - 1] != '\t';
    if (!cut || r->told || r->doc->reading.sealed) {
        return true;
    }
    r->told = true;
    return sops_buf_addf(&r->doc->notes, r->e, "line %u: '%c' ends the value here (stores.ini.inline_comments)\n",
                         r->line, s.ptr[sign]);
}

/* `s` is what follows the delimiter, line end included. */
static bool take_value(struct reader *r, struct sops_slice s, struct sops_slice *value)
{
    *value = sops_slice_first(s, 0);
    struct sops_slice empty = s;
    s = sops_text_trim_left(s);
    if (s.len == 0) { /* it would stand behind the blanks, in this line */
        while (empty.len != 0 && (empty.ptr[0] == ' ' || empty.ptr[0] == '\t')) {
            empty = sops_slice_skip(empty, 1);
        }
        r->value_at = r->value_end = empty.ptr;
        return true;
    }
    r->value_at = s.ptr;
    if (s.len > 3 && sops_slice_starts(s, SOPS_LIT("\"\"\""))) {
        return take_quoted(r, sops_slice_skip(s, 3), SOPS_LIT("\"\"\""), value);
    }
    if (s.ptr[0] == '`') {
        return take_quoted(r, sops_slice_skip(s, 1), SOPS_LIT("`"), value);
    }
    s = sops_text_trim_right(s);
    if (sops_slice_ends(s, SOPS_LIT("\\"))) {
        return take_continued(r, sops_slice_first(s, s.len - 1), value);
    }
    size_t sign = find_sign(r, s);
    if (!keep_comment(r, sops_slice_skip(s, sign))) {
        return false;
    }
    if (sign != s.len && is_doubtful(s, sign) &&
        !note(r, r->at,
              s.ptr[sign] == '#' ? "what stands behind # is a comment; put the value in backticks to keep it"
                                 : "what stands behind ; is a comment; put the value in backticks to keep it")) {
        return false;
    }
    if (!note_cut(r, s, sign)) {
        return false;
    }
    s = sops_text_trim_right(sops_slice_first(s, sign));
    r->value_end = s.ptr + s.len;
    if (is_quoted(s, '"') || is_quoted(s, '\'')) {
        s = sops_slice_of(s.ptr + 1, s.len - 2);
    }
    *value = s;
    return true;
}

/* ---- keys and sections ------------------------------------------------------------------------------------------- */

/* Splits a line into the key and what follows the delimiter. `*span`: the key with its quotes. */
static bool take_key(struct reader *r, struct sops_slice line, struct sops_slice *key, struct sops_slice *behind,
                     struct sops_span *span)
{
    struct sops_slice quote = SOPS_LIT("");
    if (line.len > 6 && sops_slice_starts(line, SOPS_LIT("\"\"\""))) {
        quote = SOPS_LIT("\"\"\"");
    } else if (line.ptr[0] == '"' || line.ptr[0] == '`') {
        quote = sops_slice_first(line, 1);
    }
    struct sops_slice inside = sops_slice_skip(line, quote.len);
    size_t closing = quote.len != 0 ? find_part(inside, quote) : 0;
    if (quote.len != 0 && closing == inside.len) {
        return bad(r, r->line, "a quoted key is not closed");
    }
    struct sops_slice rest = quote.len != 0 ? sops_slice_skip(inside, closing + quote.len) : line;
    size_t delimiter = find_either(rest, '=', ':');
    if (delimiter == rest.len) {
        return bad(r, r->line, "a line of an INI file has neither '=' nor ':'");
    }
    *key = sops_text_trim(quote.len != 0 ? sops_slice_first(inside, closing) : sops_slice_first(rest, delimiter));
    *behind = sops_slice_skip(rest, delimiter + 1);
    if (quote.len != 0 && sops_text_trim(sops_slice_first(rest, delimiter)).len != 0 &&
        !mark_lost(r, "text behind a quoted key")) {
        return false;
    }
    *span = span_of(r, quote.len != 0 ? sops_slice_first(line, closing + 2 * quote.len) : *key);
    return key->len != 0 || bad(r, r->line, "a key is empty");
}

/* The node of `key` in this section, which is made when it is new. */
static struct sops_node *node_of(struct reader *r, struct sops_slice key)
{
    if (!sops_doc_take(r->doc, key, &key, r->e)) {
        return NULL;
    }
    void **place = sops_table_put(&r->by_key, key, NULL, r->e);
    if (place == NULL) {
        return NULL;
    }
    struct sops_node *known = *place;
    if (known != NULL && known->up == r->section) {
        return note(r, known, "the key stands twice in its section, and only the last value is kept") &&
                       mark_lost(r, "a key that stands twice in its section")
                   ? known
                   : NULL;
    }
    struct sops_node *n = sops_node_add_ref(r->doc, r->section, SOPS_STR, key, SOPS_LIT(""), r->e);
    if (n != NULL) {
        *place = n;
    }
    return n;
}

/* Makes `comment` (NULL for none) what stands behind `after`, or first in the section. */
static void set_comment(struct reader *r, struct sops_node *after, struct sops_node *comment)
{
    struct sops_node *old = after != NULL ? after->next : NULL;
    if (old != NULL && old->kind == SOPS_COMMENT) {
        after->next = old->next;
        r->section->last = r->section->last == old ? after : r->section->last;
    }
    if (comment != NULL) {
        sops_node_link(r->section, after, comment);
    }
}

static bool take_pair(struct reader *r, struct sops_slice line)
{
    struct sops_slice key, value;
    struct sops_span key_span;
    struct sops_node *comment;
    char numbered[25];
    if (!take_key(r, line, &key, &line, &key_span)) {
        return false;
    }
    if (sops_slice_eq(key, SOPS_LIT("-"))) {
        numbered[0] = '#';
        key = sops_slice_of(numbered, 1 + sops_int_text(r->counter++, numbered + 1));
    }
    struct sops_node *n = node_of(r, key);
    unsigned first = r->line;
    r->at = n;
    if (n == NULL || !take_value(r, line, &value) || !sops_doc_take(r->doc, value, &n->text, r->e) ||
        !take_comment(r, &comment)) {
        return false;
    }
    sops_buf_cut(&r->value, 0);
    set_comment(r, n, comment);
    n->line = first;
    n->key_span = key_span;
    n->span = sops_span_of(r->text, r->value_at, r->value_end);
    if (r->section->span.end == 0) { /* that of the keys above all headers begins with the first */
        r->section->span.begin = key_span.begin;
        r->section->line = first;
    }
    r->section->span.end = n->span.end;
    return true;
}

/* `header`: the name in its brackets, or nothing. */
static bool start_section(struct reader *r, struct sops_slice name, struct sops_slice header)
{
    r->counter = 1;
    r->section = sops_node_add(r->doc, r->doc->parts, SOPS_MAP, name, SOPS_LIT(""), r->e);
    if (r->section == NULL) {
        return false;
    }
    r->section->line = r->line;
    if (header.len != 0) {
        r->section->span = span_of(r, header);
        r->section->key_span = span_of(r, name);
    }
    struct sops_node *comment;
    if (!take_comment(r, &comment)) {
        return false;
    }
    set_comment(r, NULL, comment);
    return true;
}

static bool take_header(struct reader *r, struct sops_slice line)
{
    size_t end = find_last(line, SOPS_LIT("]"));
    if (end == line.len) {
        return bad(r, r->line, "the name of a section is not closed");
    }
    struct sops_slice name = sops_slice_skip(sops_slice_first(line, end), 1);
    if (name.len == 0) {
        return bad(r, r->line, "the name of a section is empty");
    }
    struct sops_slice behind = sops_slice_skip(line, end + 1);
    struct sops_slice lost = sops_text_trim(sops_slice_first(behind, find_either(behind, '#', ';')));
    return keep_comment(r, behind) && start_section(r, name, sops_slice_first(line, end + 1)) &&
           (lost.len == 0 || (note(r, r->section, "what stands behind the name of the section is dropped") &&
                              mark_lost(r, "text behind the name of a section")));
}

static bool take_line(struct reader *r, struct sops_slice line)
{
    line = sops_text_trim_left(line);
    if (line.len == 0) {
        return true;
    }
    switch (line.ptr[0]) {
    case '#':
    case ';':
        return keep_line(r, line);
    case '[':
        return take_header(r, line);
    default:
        return take_pair(r, line);
    }
}

static struct sops_slice without_mark(struct sops_slice in)
{
    bool mark16 = sops_slice_starts(in, SOPS_LIT("\xFE\xFF")) || sops_slice_starts(in, SOPS_LIT("\xFF\xFE"));
    return mark16 ? sops_slice_skip(in, 2) : sops_text_without_mark(in);
}

/* A comment at the end of the text belongs to nothing, and there is no place for it. */
static bool note_last_comment(const struct reader *r)
{
    return sops_text_trim(sops_buf_view(&r->comment)).len == 0 ||
           note(r, NULL, "a comment at the end of an INI file is dropped");
}

bool sops_ini_parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct reader r = {.doc = out, .text = in.ptr, .rest = without_mark(in), .e = e};
    struct sops_slice line;
    if (sops_text_is_utf16(r.rest)) {
        bad(&r, 0, "this is UTF-16, and INI is UTF-8");
        return sops_hint(e, SOPS_UTF16_HINT);
    }
    struct sops_node *root = sops_node_add_ref(out, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    bool good = root != NULL && start_section(&r, SOPS_INI_DEFAULT, SOPS_LIT(""));
    if (good) {
        root->line = r.section->line = 1;
        root->span = (struct sops_span){(uint32_t)(in.len - r.rest.len), (uint32_t)in.len};
    }
    while (good && next_line(&r, &line)) {
        good = take_line(&r, line);
    }
    good = good && note_last_comment(&r);
    sops_table_free(&r.by_key);
    sops_buf_free(&r.comment);
    sops_buf_free(&r.value);
    return good;
}
