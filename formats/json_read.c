/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack of open mappings and lists is the tree itself (each node knows the one above), so depth costs nothing but
 * nodes. A string is looked over once to learn its size and then lands in the arena in one piece.
 */
#include "formats/json.h"

#include "base/text.h"

struct reader {
    struct sops_doc *doc;
    const uint8_t *text, *at, *end;
    const uint8_t *line_start;
    unsigned line;
    struct sops_node *here;    /* the mapping or list that is open */
    struct sops_span key_span; /* of the member at hand */
    struct sops_buf scratch;
    struct sops_err *e;
};

static bool bad(struct reader *r, const uint8_t *where, const char *why)
{
    size_t column = (size_t)(where - r->line_start) + 1;
    sops_fail_at(r->e, r->line, column < UINT32_MAX ? (unsigned)column : UINT32_MAX, "%s", why);
    return sops_recode(r->e, SOPS_E_READ);
}

static bool bad_end(struct reader *r) { return bad(r, r->end, "the JSON text ends too early"); }

static void skip_space(struct reader *r)
{
    for (; r->at < r->end; r->at++) {
        if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r') {
            return;
        }
    }
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

/* Is any of the eight bytes a quote, a backslash, below a blank or beyond ASCII? */
static bool needs_a_look(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (sops_odd_byte(v) | sops_zero_byte(v ^ SOPS_EACH_BYTE('"')) | sops_zero_byte(v ^ SOPS_EACH_BYTE('\\'))) != 0;
}

struct extent {
    const uint8_t *quote; /* the closing one */
    bool escapes;
    size_t broken; /* bytes that are not UTF-8 */
};

static bool measure(struct reader *r, struct extent *x)
{
    const uint8_t *p = r->at;
    *x = (struct extent){0};
    while (p < r->end) {
        if (r->end - p >= 8 && !needs_a_look(p)) {
            p += 8;
        } else if (*p == '"') {
            x->quote = p;
            return true;
        } else if (*p == '\\') {
            x->escapes = true;
            p += r->end - p >= 2 ? 2 : 1;
        } else if (*p < 0x20) {
            return bad(r, p, "a control character stands in a JSON string");
        } else {
            uint32_t cp;
            size_t n = sops_utf8_next(sops_slice_of(p, (size_t)(r->end - p)), &cp);
            if (n == 0 && r->doc->reading.marks && !r->doc->reading.sealed) {
                x->broken++; /* kept as it is written; its value has U+FFFD there */
                n = 1;
            }
            if (n == 0) {
                bad(r, p, "a JSON string is not UTF-8");
                return sops_hint(r->e, "convert the file (`iconv -f LATIN1 -t UTF-8`), or encrypt it as binary");
            }
            p += n;
        }
    }
    return bad_end(r);
}

/* Four hex digits at `p`, or -1. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 4) {
        return -1;
    }
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned digit = sops_hex_digit(p[i]);
        if (digit > 15) {
            return -1;
        }
        v = v * 16 + (int32_t)digit;
    }
    return v;
}

/* The character of a \u at `*p` (behind the u), which is moved; a surrogate without its other half is U+FFFD. */
static bool take_unicode(struct reader *r, const uint8_t **p, const uint8_t *end, uint32_t *cp)
{
    int32_t v = hex4(*p, end);
    if (v < 0) {
        return bad(r, *p, "\\u is not followed by four hex digits");
    }
    *p += 4;
    *cp = (uint32_t)v;
    if (v >= 0xD800 && v <= 0xDFFF) {
        *cp = 0xFFFD;
        int32_t low = v < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2, end) : -1;
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *cp = 0x10000 + ((uint32_t)(v - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            *p += 6;
        }
    }
    return true;
}

/* The escape at `*p` (behind the backslash), which is moved. */
static bool take_escape(struct reader *r, const uint8_t **p, const uint8_t *end, struct sops_buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    uint8_t c = **p;
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known == NULL && c != 'u') {
        return bad(r, *p, "JSON has no such escape");
    }
    ++*p;
    if (known != NULL) {
        return sops_buf_addc(out, (uint8_t)to[known - from], r->e);
    }
    uint32_t cp = 0;
    return take_unicode(r, p, end, &cp) && sops_utf8_add(out, cp, r->e);
}

/* Appends a piece without escapes. */
static bool add_piece(struct reader *r, struct sops_slice s, bool broken, struct sops_buf *out)
{
    if (!broken) {
        return sops_buf_add(out, s, r->e);
    }
    bool ok = true;
    while (ok && s.len != 0) {
        uint32_t cp;
        size_t n = sops_utf8_next(s, &cp);
        ok = n != 0 ? sops_buf_add(out, sops_slice_first(s, n), r->e) : sops_utf8_add(out, 0xFFFD, r->e);
        s = sops_slice_skip(s, n != 0 ? n : 1);
    }
    return ok;
}

/* `out` has room for all of it. */
static bool decode(struct reader *r, const uint8_t *quote, bool broken, struct sops_buf *out)
{
    for (const uint8_t *p = r->at; p < quote;) {
        const uint8_t *run = memchr(p, '\\', (size_t)(quote - p));
        run = run != NULL ? run : quote;
        if (!add_piece(r, sops_slice_of(p, (size_t)(run - p)), broken, out)) {
            return false;
        }
        p = run + 1;
        if (run < quote && !take_escape(r, &p, quote, out)) {
            return false;
        }
    }
    return true;
}

/* The string that begins behind the quote at `at`. */
static bool take_string(struct reader *r, struct sops_slice *text)
{
    struct extent x;
    r->at++;
    if (!measure(r, &x)) {
        return false;
    }
    size_t size = (size_t)(x.quote - r->at);
    if (!x.escapes && x.broken == 0) {
        if (!sops_arena_copy(&r->doc->arena, sops_slice_of(r->at, size), text, r->e)) {
            return false;
        }
    } else {
        struct sops_buf room = {.cap = size + 2 * x.broken}; /* an escape is never shorter than its character */
        room.ptr = sops_arena_bytes(&r->doc->arena, room.cap, r->e);
        if (room.ptr == NULL || !decode(r, x.quote, x.broken != 0, &room)) {
            return false;
        }
        *text = sops_buf_view(&room);
    }
    r->at = x.quote + 1;
    return true;
}

/* ---- other scalars ----------------------------------------------------------------------------------------------- */

/* Moves over the digits at `*p`; false when there are none. */
static bool skip_digits(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *start = *p;
    while (*p < end && sops_is_digit(**p)) {
        ++*p;
    }
    return *p != start;
}

/* Where the number at `at` ends, or NULL when it is none; `*whole`: neither fraction nor exponent. */
static const uint8_t *number_end(const struct reader *r, bool *whole)
{
    const uint8_t *p = r->at;
    *whole = true;
    if (*p == '-') {
        p++;
    }
    if (p < r->end && *p == '0') {
        p++;
    } else if (!skip_digits(&p, r->end)) {
        return NULL;
    }
    if (p < r->end && *p == '.') {
        p++;
        *whole = false;
        if (!skip_digits(&p, r->end)) {
            return NULL;
        }
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        p++;
        *whole = false;
        if (p < r->end && (*p == '+' || *p == '-')) {
            p++;
        }
        if (!skip_digits(&p, r->end)) {
            return NULL;
        }
    }
    return p;
}

/* Notes a number that will be written with another text than `written`, which it has here. */
static bool note_number(struct reader *r, const struct sops_node *n, struct sops_slice written)
{
    if (r->doc->noted > SOPS_NOTES_MAX || r->doc->reading.marks) { /* marks: it is kept as it is written */
        return true;
    }
    struct sops_slice text = n->text;
    if (n->kind == SOPS_FLOAT) {
        sops_buf_cut(&r->scratch, 0);
        if (!sops_float_json(&r->scratch, n->text, r->e)) {
            return false;
        }
        text = sops_buf_view(&r->scratch);
    }
    return sops_slice_eq(text, written) || sops_doc_note(r->doc, n, r->line, SOPS_NOT_AS_WRITTEN, r->e);
}

static bool add_number(struct reader *r, struct sops_slice key)
{
    bool whole;
    const uint8_t *end = number_end(r, &whole);
    if (end == NULL) {
        return bad(r, r->at, "this is not a JSON number");
    }
    const struct sops_slice written = sops_slice_of(r->at, (size_t)(end - r->at));
    struct sops_slice text = written;
    enum sops_kind kind = SOPS_INT;
    int64_t v;
    if (whole && sops_int_parse(text, &v)) {
        text = v == 0 ? SOPS_LIT("0") : text; /* the grammar left one other text for one number: -0 */
    } else {
        double f;
        kind = SOPS_FLOAT;
        if (!sops_float_parse(text, &f, NULL)) {
            return bad(r, r->at, "a number is out of range");
        }
        sops_buf_cut(&r->scratch, 0);
        if (!sops_float_canonical(&r->scratch, f, r->e)) {
            return false;
        }
        text = sops_buf_view(&r->scratch);
    }
    r->at = end;
    struct sops_node *n = NULL;
    if (sops_arena_copy(&r->doc->arena, text, &text, r->e)) {
        n = sops_node_add_ref(r->doc, r->here, kind, key, text, r->e);
    }
    return n != NULL && note_number(r, n, written);
}

static bool add_word(struct reader *r, struct sops_slice key)
{
    static const struct {
        struct sops_slice word, text;
        enum sops_kind kind;
    } words[] = {
        {{(const uint8_t *)"true", 4}, {(const uint8_t *)"True", 4}, SOPS_BOOL},
        {{(const uint8_t *)"false", 5}, {(const uint8_t *)"False", 5}, SOPS_BOOL},
        {{(const uint8_t *)"null", 4}, {(const uint8_t *)"", 0}, SOPS_NULL},
    };
    struct sops_slice rest = sops_slice_of(r->at, (size_t)(r->end - r->at));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (sops_slice_starts(rest, words[i].word)) {
            r->at += words[i].word.len;
            return sops_node_add_ref(r->doc, r->here, words[i].kind, key, words[i].text, r->e) != NULL;
        }
    }
    return bad(r, r->at, "a JSON value is expected here");
}

/* ---- structure --------------------------------------------------------------------------------------------------- */

static bool add_string(struct reader *r, struct sops_slice key)
{
    struct sops_slice text;
    return take_string(r, &text) && sops_node_add_ref(r->doc, r->here, SOPS_STR, key, text, r->e) != NULL;
}

static bool open_node(struct reader *r, struct sops_slice key)
{
    enum sops_kind kind = *r->at == '{' ? SOPS_MAP : SOPS_LIST;
    struct sops_node *n = sops_node_add_ref(r->doc, r->here, kind, key, SOPS_LIT(""), r->e);
    if (n == NULL) {
        return false;
    }
    n->line = r->line;
    n->span.begin = sops_span_of(r->text, r->at, r->at).begin;
    n->key_span = r->key_span;
    r->here = n;
    r->at++;
    return true;
}

static bool add_value(struct reader *r, struct sops_slice key)
{
    const uint8_t *from = r->at;
    bool good;
    if (r->at == r->end) {
        return bad_end(r);
    }
    switch (*r->at) {
    case '{':
    case '[':
        return open_node(r, key);
    case '"':
        good = add_string(r, key);
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        good = add_number(r, key);
        break;
    default:
        good = add_word(r, key);
    }
    if (good) {
        struct sops_node *n = r->here->last;
        n->line = r->line; /* no scalar of JSON goes over several lines */
        n->span = sops_span_of(r->text, from, r->at);
        n->key_span = r->key_span;
    }
    return good;
}

/* `"key" :` and the blanks around it. */
static bool take_key(struct reader *r, struct sops_slice *key)
{
    if (r->at == r->end) {
        return bad_end(r);
    }
    if (*r->at != '"') {
        return bad(r, r->at, "a key in double quotes is expected here");
    }
    const uint8_t *from = r->at;
    if (!take_string(r, key)) {
        return false;
    }
    r->key_span = sops_span_of(r->text, from, r->at);
    skip_space(r);
    if (r->at == r->end) {
        return bad_end(r);
    }
    if (*r->at != ':') {
        return bad(r, r->at, "a colon is expected behind the key");
    }
    r->at++;
    skip_space(r);
    return true;
}

/* One member of what is open, with the comma in front of it, or its end. */
static bool take_member(struct reader *r)
{
    bool map = r->here->kind == SOPS_MAP;
    struct sops_slice key = SOPS_LIT("");
    r->key_span = (struct sops_span){0};
    skip_space(r);
    if (r->at == r->end) {
        return bad_end(r);
    }
    if (*r->at == (map ? '}' : ']')) {
        r->at++;
        r->here->span.end = sops_span_of(r->text, r->at, r->at).end;
        r->here = r->here->up;
        return true;
    }
    if (r->here->child != NULL) {
        if (*r->at != ',') {
            return bad(r, r->at, map ? "a comma or } is expected here" : "a comma or ] is expected here");
        }
        r->at++;
        skip_space(r);
    }
    return (!map || take_key(r, &key)) && add_value(r, key);
}

/* What may not be the top level is told by its type only. */
static bool refuse_top(struct reader *r)
{
    const char *type = NULL;
    switch (r->at < r->end ? *r->at : 0) {
    case '[':
        type = "a list";
        break;
    case '"':
        type = "a string";
        break;
    case 't':
    case 'f':
        type = "a boolean";
        break;
    case 'n':
        type = "null";
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        type = "a number";
        break;
    default:
        return r->at == r->end ? bad(r, r->at, "there is no JSON text in it") : bad(r, r->at, "this is not JSON");
    }
    r->doc->odd_top = true;
    sops_fail_at(r->e, r->line, 0, "only JSON with a top-level object is supported, and this is %s", type);
    sops_hint(r->e, "wrap it in an object, e.g. {\"data\": [...]}");
    return sops_recode(r->e, SOPS_E_READ);
}

/* Nothing may follow the object: it would be lost. Two encrypted files in one are what people paste. */
static bool refuse_rest(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end) {
        return true;
    }
    size_t left = (size_t)(r->end - r->at);
    if (*r->at == '{' && memmem(r->at, left, "\"sops\"", 6) != NULL && memmem(r->at, left, "\"mac\"", 5) != NULL) {
        bad(r, r->at, "a second encrypted JSON object, with metadata of its own, stands behind the first");
        return sops_hint(r->e, SOPS_TWO_FILES_HINT);
    }
    if (r->doc->reading.marks && !r->doc->reading.sealed) { /* the style is lost, and that is told */
        return sops_doc_mark(r->doc,
                             (struct sops_mark){.kind = SOPS_MARK_LOST,
                                                .line = r->line,
                                                .why = "text behind the end of the JSON object, which is dropped"},
                             r->e);
    }
    bad(r, r->at, "something stands behind the end of the JSON object");
    return sops_hint(r->e, "several values are one document only in a list: {\"data\": [...]}");
}

static bool take_object(struct reader *r)
{
    skip_space(r);
    r->key_span = (struct sops_span){0};
    bool good = r->at < r->end && *r->at == '{' ? open_node(r, SOPS_LIT("")) : refuse_top(r);
    while (good && r->here != NULL) {
        good = take_member(r);
    }
    return good;
}

/* Puts `r` at the start of the text. */
static bool begin(struct reader *r, struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    const uint8_t *text = in.ptr;
    in = sops_text_without_mark(in.ptr != NULL ? in : SOPS_LIT(""));
    *r = (struct reader){
        .doc = out, .text = text, .at = in.ptr, .end = in.ptr + in.len, .line_start = in.ptr, .line = 1, .e = e};
    if (sops_text_is_utf16(in)) {
        bad(r, r->at, "this is UTF-16, and JSON is UTF-8");
        return sops_hint(e, SOPS_UTF16_HINT);
    }
    return true;
}

bool sops_json_parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct reader r;
    bool good = begin(&r, out, in, e) && take_object(&r) && refuse_rest(&r);
    sops_buf_free(&r.scratch);
    return good;
}

bool sops_json_parse_row(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct reader r;
    bool good = begin(&r, out, in, e);
    for (skip_space(&r); good && r.at < r.end; skip_space(&r)) {
        good = take_object(&r);
    }
    sops_buf_free(&r.scratch);
    return good;
}
