/* SPDX-License-Identifier: Apache-2.0 */
/* Almost nothing is interpreted: a line is a comment or a pair, and only `\n` is more than it seems
 * (docs/spec/20-formats.md#dotenv). What other programs make of such a file is noticed, to say so. */
#include "formats/dotenv_written.h"

#include "base/text.h"
#include "formats/dotenv_quote.h"

#define ESCAPED_BREAK SOPS_LIT("\\n")

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* `from` for a node, with each `\n` as a newline. */
static bool copy_value(struct sops_doc *d, struct sops_slice from, struct sops_slice *to, struct sops_err *e)
{
    if (sops_slice_find(from, '\\') == from.len) {
        return sops_doc_take(d, from, to, e);
    }
    uint8_t *bytes = sops_arena_bytes(&d->arena, from.len, e);
    if (bytes == NULL) {
        return false;
    }
    size_t len = 0;
    while (from.len != 0) {
        size_t n = sops_slice_find(from, '\\');
        memcpy(bytes + len, from.ptr, n);
        len += n;
        from = sops_slice_skip(from, n);
        if (from.len != 0) {
            bool is_break = sops_slice_starts(from, ESCAPED_BREAK);
            bytes[len++] = is_break ? '\n' : '\\';
            from = sops_slice_skip(from, is_break ? 2 : 1);
        }
    }
    *to = sops_slice_of(bytes, len);
    return true;
}

/* What a Go string says; its escapes are among those that quotes of dotenv have. */
static bool copy_go(struct sops_doc *d, struct sops_slice from, struct sops_slice *to, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_dotenv_meaning(from, &text, e) && sops_arena_copy(&d->arena, sops_buf_view(&text), to, e);
    sops_buf_free(&text);
    return ok;
}

static struct sops_node *add_pair(struct sops_doc *d, struct sops_slice line, size_t equals, bool go,
                                  struct sops_err *e)
{
    struct sops_slice key = sops_slice_first(line, equals);
    struct sops_slice value = sops_slice_skip(line, equals + 1);
    if (!sops_doc_take(d, key, &key, e) || !(go ? copy_go(d, value, &value, e) : copy_value(d, value, &value, e))) {
        return NULL;
    }
    return sops_node_add_ref(d, d->parts, SOPS_STR, key, value, e);
}

/* What a line without '=' most likely is. */
struct fault {
    const char *what, *hint;
};

static bool is_yaml_pair(struct sops_slice line)
{
    size_t colon = sops_slice_find(line, ':');
    return colon != 0 && colon < line.len && (colon + 1 == line.len || line.ptr[colon + 1] == ' ') &&
           sops_slice_find(sops_slice_first(line, colon), ' ') == colon;
}

/* Does a value begin with a quote that does not end in its line? */
static bool is_open_quote(const struct sops_node *n)
{
    return n != NULL && n->kind == SOPS_STR && n->text.len != 0 && (n->text.ptr[0] == '"' || n->text.ptr[0] == '\'') &&
           sops_slice_find(sops_slice_skip(n->text, 1), n->text.ptr[0]) == n->text.len - 1;
}

/* `before`: the last line that was read, or NULL. */
static struct fault fault_of(struct sops_slice line, const struct sops_node *before)
{
    struct sops_slice text = sops_slice_trim(line);
    if (text.len == 0) {
        return memchr(line.ptr, '\r', line.len) == NULL
                   ? (struct fault){"a line of a dotenv file holds nothing but blanks", "make it empty"}
                   : (struct fault){
                         "a line of a dotenv file holds nothing but a carriage return: the line ends are CR LF",
                         "make them LF, with `sed -i 's/\\r$//'`; git leaves them alone with '*.env text eol=lf' "
                         "in .gitattributes, or core.autocrlf=input"};
    }
    if (text.ptr[0] == '#') {
        return (struct fault){"a comment of a dotenv file is indented", "take away the blanks in front of the #"};
    }
    if (sops_slice_starts(text, SOPS_LIT("export "))) {
        return (struct fault){"a line of a dotenv file exports a name without a value",
                              "there is no 'export': write NAME=value, or take the line out"};
    }
    if (is_open_quote(before)) {
        return (struct fault){
            "a line of a dotenv file has no '=', and the value before it begins with a quote that does not end",
            "there are no quotes and no values of several lines: a line break is written as the two "
            "characters \\n"};
    }
    if (is_yaml_pair(text) || text.ptr[0] == '{') {
        return (struct fault){"a line of a dotenv file has no '=': this looks like YAML or JSON",
                              "a line is NAME=value; --input-type says what the file is"};
    }
    return (struct fault){"a line of a dotenv file has no '='",
                          "a line break in a value is written as the two characters \\n"};
}

/* Code 2 at a line. Returns false. */
static bool fail_line(unsigned line, const char *what, const char *hint, struct sops_err *e)
{
    sops_fail_at(e, line, 0, "%s", what);
    sops_hint(e, "%s", hint);
    return sops_recode(e, SOPS_E_READ);
}

/* The line (without LF) that holds the MAC of an encrypted file, which no other has; empty when there is none. */
static struct sops_slice mac_line(struct sops_slice in)
{
    const struct sops_slice name = SOPS_LIT("\nsops_mac=");
    const uint8_t *at = in.len > name.len ? memmem(in.ptr, in.len, name.ptr, name.len) : NULL;
    struct sops_slice line = SOPS_LIT("");
    if (sops_slice_starts(in, sops_slice_skip(name, 1))) {
        at = in.ptr;
    }
    if (at != NULL) {
        line = sops_slice_skip(in, (size_t)(at - in.ptr) + (*at == '\n'));
        line.len = sops_slice_find(line, '\n');
    }
    return line;
}

struct reader {
    struct sops_doc *doc;
    bool go;             /* each value is a Go string, as a proposal to the original has it */
    const uint8_t *text; /* where spans count from */
    bool crlf;           /* an encrypted file whose line ends became CR LF: the CRs are none of the values' */
    bool sealed;
    size_t lines, with_cr; /* that are not empty */
};

/* What somebody did to the whole text: a byte order mark, UTF-16, CR LF, quotes. `in` is cut to what is to be read. */
static bool look_at_text(struct reader *r, struct sops_slice *in, struct sops_err *e)
{
    if (sops_text_is_utf16(*in)) {
        return fail_line(0, "this is UTF-16, and dotenv is UTF-8", SOPS_UTF16_HINT, e);
    }
    struct sops_slice mac = mac_line(*in), bare = sops_text_without_mark(*in);
    r->sealed = mac.len != 0;
    r->crlf = sops_slice_ends(mac, SOPS_LIT("\r"));
    mac = sops_slice_skip(mac, sops_slice_find(mac, '=') + 1);
    r->go =
        sops_slice_starts(mac, SOPS_LIT("\"ENC[")) && sops_slice_ends(sops_slice_trim_end(mac, '\r'), SOPS_LIT("\""));
    if (sops_slice_starts(mac, SOPS_LIT("'ENC["))) {
        return fail_line(0, "the values of this encrypted file stand in quotes, which sops does not write",
                         "a program has rewritten the file: take it from git again, or take the quotes away", e);
    }
    /* In an encrypted file the mark may belong to the first key, as the original seals it so: sops_doc_open sees. */
    if (!r->sealed || sops_slice_starts(bare, SOPS_LIT("#ENC[")) || sops_slice_starts(bare, SOPS_LIT("sops_"))) {
        *in = bare;
    }
    return true;
}

static struct sops_node *read_line(struct reader *r, struct sops_slice line, unsigned number, struct sops_err *e)
{
    struct sops_node *root = r->doc->parts, *n;
    const uint8_t *end = line.ptr + line.len;
    size_t equals = sops_slice_find(line, '=');
    if (line.ptr[0] == '#') {
        n = sops_node_add(r->doc, root, SOPS_COMMENT, SOPS_LIT(""), sops_slice_skip(line, 1), e);
        if (n != NULL) {
            n->span = sops_span_of(r->text, line.ptr, end);
        }
        return n;
    }
    if (equals == line.len) {
        struct fault f = fault_of(line, root->last);
        fail_line(number, f.what, f.hint, e);
        return NULL;
    }
    n = add_pair(r->doc, line, equals, r->go, e);
    if (n != NULL) {
        n->key_span = sops_span_of(r->text, line.ptr, line.ptr + equals);
        n->span = sops_span_of(r->text, line.ptr + equals + 1, end);
    }
    return n;
}

/* An entry as others read it, with the comment behind its value as one above it. `*rest` is moved. */
static bool read_quoted(struct reader *r, struct sops_slice *rest, unsigned *number, struct sops_err *e)
{
    struct sops_slice line = sops_slice_first(*rest, sops_slice_find(*rest, '\n')), text;
    size_t equals = sops_slice_find(line, '=');
    if (equals >= line.len) {
        struct fault f = fault_of(line, NULL);
        return fail_line(*number, f.what, f.hint, e);
    }
    struct sops_dotenv_value v;
    struct sops_buf value = {0};
    struct sops_node *root = r->doc->parts, *n = NULL;
    struct sops_slice key = sops_slice_first(line, equals);
    bool ok = sops_dotenv_scan(sops_slice_skip(*rest, equals + 1), *number, &v, &value, e) &&
              sops_arena_copy(&r->doc->arena, sops_buf_view(&value), &text, e);
    if (ok && v.comment.ptr != NULL) {
        struct sops_node *comment = sops_node_add(r->doc, root, SOPS_COMMENT, SOPS_LIT(""), v.comment, e);
        ok = comment != NULL;
        if (ok) {
            comment->line = *number;
            if (value.len == 0) { /* there will be no ciphertext that it could be kept in */
                comment->span = sops_span_of(r->text, v.comment.ptr - 1, v.comment.ptr + v.comment.len);
            }
        }
    }
    ok = ok && sops_arena_copy(&r->doc->arena, key, &key, e) &&
         (n = sops_node_add_ref(r->doc, root, SOPS_STR, key, text, e)) != NULL;
    sops_buf_free(&value);
    if (ok) {
        n->line = *number;
        n->key_span = sops_span_of(r->text, line.ptr, line.ptr + equals);
        n->span = sops_span_of(r->text, line.ptr + equals + 1, line.ptr + equals + 1 + v.len);
        *number += v.breaks + 1;
        *rest = sops_slice_skip(*rest, equals + 1 + v.len + 1);
    }
    return ok;
}

/* A clear text as others read it. */
static bool parse_quoted(struct reader *r, struct sops_slice rest, struct sops_err *e)
{
    for (unsigned number = 1; rest.len != 0;) {
        struct sops_slice line = sops_slice_first(rest, sops_slice_find(rest, '\n')), bare = line;
        while (bare.len != 0 && (bare.ptr[0] == ' ' || bare.ptr[0] == '\t')) {
            bare = sops_slice_skip(bare, 1);
        }
        bool meta = sops_slice_starts(line, SOPS_LIT("sops_"));
        if (bare.len != 0 && bare.ptr[0] != '#' && !meta) {
            if (!read_quoted(r, &rest, &number, e)) {
                return false;
            }
            continue;
        }
        struct sops_node *n = bare.len != 0 ? read_line(r, meta ? line : bare, number, e) : NULL;
        if (bare.len != 0 && n == NULL) {
            return false;
        }
        if (n != NULL) {
            n->line = number;
        }
        number++;
        rest = sops_slice_skip(rest, line.len + 1);
    }
    return true;
}

static bool parse_text(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    const struct sops_slice none = SOPS_LIT("");
    struct sops_slice rest = in.ptr != NULL ? in : none, line;
    struct reader r = {.doc = out, .text = rest.ptr};
    struct sops_node *root = sops_node_add_ref(out, NULL, SOPS_MAP, none, none, e);
    if (root == NULL || !look_at_text(&r, &rest, e)) {
        return false;
    }
    root->line = 1;
    root->span = sops_span_of(r.text, rest.ptr, rest.ptr + rest.len);
    if (r.go && !sops_doc_mark(out, (struct sops_mark){.kind = SOPS_MARK_LOST, .why = "a text of quoted values"}, e)) {
        return false;
    }
    if (out->reading.quotes && !out->reading.sealed) {
        return parse_quoted(&r, rest, e);
    }
    for (unsigned number = 1; sops_slice_next(&rest, '\n', &line); number++) {
        bool with_cr = sops_slice_ends(line, SOPS_LIT("\r"));
        line.len -= r.crlf && with_cr;
        if (line.len == 0) {
            continue;
        }
        r.lines++;
        r.with_cr += with_cr;
        struct sops_node *n = read_line(&r, line, number, e);
        if (n == NULL) {
            return false;
        }
        n->line = number;
    }
    return r.sealed || r.lines == 0 || r.with_cr != r.lines ||
           sops_buf_adds(&out->notes,
                         "the line ends are CR LF, and the CR belongs to each value: make them LF if it should not\n",
                         e);
}

/* A clear text whose lines end with CR LF, where quotes are read; a text that is kept has become one of LF before. */
static bool parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct sops_buf lf = {0};
    if (!out->reading.quotes || out->reading.sealed || !sops_dotenv_is_crlf(in)) {
        return parse_text(out, in, e);
    }
    bool ok = sops_dotenv_to_lf(in, &lf, e) && parse_text(out, sops_buf_view(&lf), e);
    sops_buf_free(&lf);
    return ok;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static size_t count_breaks(struct sops_slice s)
{
    size_t count = 0;
    for (size_t n = sops_slice_find(s, '\n'); n < s.len; n = sops_slice_find(s, '\n')) {
        s = sops_slice_skip(s, n + 1);
        count++;
    }
    return count;
}

/* Room for all of it at once; plain texts are at most a few characters longer than canonical ones. */
static bool make_room(const struct sops_node *map, struct sops_buf *out, struct sops_err *e)
{
    size_t size = 0;
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        size += n->key.len + n->text.len + count_breaks(n->text) + sizeof "=<nil>\n";
    }
    return sops_buf_reserve(out, size, e);
}

static bool add_escaped(struct sops_buf *out, struct sops_slice s, struct sops_err *e)
{
    for (;;) {
        size_t n = sops_slice_find(s, '\n');
        if (!sops_buf_add(out, sops_slice_first(s, n), e)) {
            return false;
        }
        if (n == s.len) {
            return true;
        }
        if (!sops_buf_add(out, ESCAPED_BREAK, e)) {
            return false;
        }
        s = sops_slice_skip(s, n + 1);
    }
}

static bool add_entry(struct sops_buf *out, const struct sops_node *n, bool quote, struct sops_err *e)
{
    if (n->kind == SOPS_COMMENT) {
        return sops_buf_addc(out, '#', e) && sops_buf_add(out, n->text, e) && sops_buf_addc(out, '\n', e);
    }
    if (!sops_buf_add(out, n->key, e) || !sops_buf_addc(out, '=', e)) {
        return false;
    }
    if (quote && !sops_slice_starts(n->key, SOPS_LIT("sops_"))) {
        struct sops_buf plain = {0};
        bool ok = sops_node_plain(n, &plain, e) && sops_dotenv_quote(sops_buf_view(&plain), false, out, e) &&
                  sops_buf_addc(out, '\n', e);
        sops_buf_free(&plain);
        return ok;
    }
    bool good = n->kind == SOPS_STR ? add_escaped(out, n->text, e) : sops_node_plain(n, out, e);
    return good && sops_buf_addc(out, '\n', e);
}

static bool refuse(const struct sops_node *n, struct sops_err *e)
{
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, e)) {
        sops_fail(e, SOPS_E_DUMP, "dotenv holds single values only, and %.*s is a mapping or list",
                  SOPS_ARG(sops_buf_view(&path)));
    }
    sops_buf_free(&path);
    return sops_hint(e, "--output-type selects another type");
}

static bool emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    bool quote = s->quote && d->state == SOPS_DOC_PLAIN;
    if (d->parts == NULL) {
        return true;
    }
    if (!make_room(d->parts, out, e)) {
        return false;
    }
    for (const struct sops_node *n = d->parts->child; n != NULL; n = n->next) {
        if (!sops_node_is_leaf(n) ? !refuse(n, e) : !add_entry(out, n, quote, e)) {
            return false;
        }
    }
    return true;
}

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    (void)s;
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e)
                               : sops_fail(e, SOPS_E_DUMP, "a single value of dotenv must be a string");
}

/* Clear leaves of a document. */
static bool is_clear(const struct sops_node *n)
{
    return sops_node_is_leaf(n) && n->kind != SOPS_COMMENT && n->kind != SOPS_NULL && (n->flags & SOPS_MARKED) == 0;
}

static bool change_clear(struct sops_doc *d, struct sops_node *n, bool to_line, struct sops_err *e)
{
    struct sops_buf text = {0}, plain = {0};
    bool ok = to_line ? sops_node_plain(n, &plain, e) && sops_dotenv_quote(sops_buf_view(&plain), true, &text, e)
                      : sops_dotenv_line_meaning(n->text, &text, e);
    ok = ok && (to_line ? copy_value(d, sops_buf_view(&text), &n->text, e)
                        : sops_arena_copy(&d->arena, sops_buf_view(&text), &n->text, e));
    n->kind = SOPS_STR;
    sops_buf_free(&text);
    sops_buf_free(&plain);
    return ok;
}

static bool take_meaning(struct sops_doc *d, bool names, struct sops_err *e)
{
    bool ok = true;
    for (struct sops_node *n = d->parts != NULL ? d->parts->child : NULL; ok && n != NULL; n = n->next) {
        ok = !is_clear(n) || d->state == SOPS_DOC_PLAIN || change_clear(d, n, false, e);
        n->key = names ? sops_dotenv_name(n->key) : n->key;
    }
    return ok;
}

static bool as_lines(struct sops_doc *d, struct sops_err *e)
{
    bool ok = true;
    for (struct sops_node *n = d->parts != NULL ? d->parts->child : NULL; ok && n != NULL; n = n->next) {
        ok = !is_clear(n) || change_clear(d, n, true, e);
    }
    return ok;
}

static const struct sops_setting_key settings[] = {
    SOPS_SETTING_KEEP, {"quote", SOPS_SET_QUOTE, sops_words_bool}, SOPS_SETTING_END};

const struct sops_format sops_format_dotenv = {
    .name = "dotenv",
    .turn = 3,
    .settings = settings,
    .take_meaning = take_meaning,
    .as_lines = as_lines,
    .textual = &sops_dotenv_textual,
    .suffixes = (const char *const[]){".env", NULL},
    .example = "# This is an example file.\n"
               "hello=Welcome to SOPS! Edit this file as you please!\n"
               "example_key=example_value\n"
               "example_multiline=foo\\nbar\\nbaz\n",
    .meta = SOPS_META_PREFIX,
    .flags = SOPS_FMT_LOSSY,
    .parse = parse,
    .emit = emit,
    .emit_value = emit_value,
};
