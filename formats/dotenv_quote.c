/* SPDX-License-Identifier: Apache-2.0 */
/* What sh, docker compose, python-dotenv and npm's dotenv agree on. */
#include "formats/dotenv_quote.h"

#include "base/text.h"

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static bool fail_at(unsigned line, const char *what, struct sops_err *e)
{
    sops_fail_at(e, line, 0, "%s", what);
    return sops_recode(e, SOPS_E_READ);
}

/* `digits` hex digits at `at`, as a character; false when they are none. */
static bool take_hex(struct sops_slice s, size_t at, size_t digits, uint32_t *c)
{
    *c = 0;
    for (size_t i = 0; i < digits; i++) {
        unsigned d = at + i < s.len ? sops_hex_digit(s.ptr[at + i]) : 16;
        if (d > 15) {
            return false;
        }
        *c = *c * 16 + d;
    }
    return *c <= 0x10FFFF && (*c < 0xD800 || *c > 0xDFFF);
}

/* The escape whose backslash is at `at`; `*used`: its length, 1 when the backslash stands for itself. */
static bool add_escape(struct sops_slice s, size_t at, size_t *used, struct sops_buf *out, struct sops_err *e)
{
    static const char from[] = "nrtabfv\"\\$`", to[] = "\n\r\t\a\b\f\v\"\\$`";
    uint8_t c = at + 1 < s.len ? s.ptr[at + 1] : 0;
    const char *known = c != 0 ? strchr(from, c) : NULL;
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t cp;
    *used = 1;
    if (known != NULL) {
        *used = 2;
        return sops_buf_addc(out, (uint8_t)to[known - from], e);
    }
    if (digits != 0 && take_hex(s, at + 2, digits, &cp)) {
        *used = 2 + digits;
        return sops_utf8_add(out, cp, e);
    }
    return sops_buf_addc(out, '\\', e);
}

/* What stands in quotes from `at` on, behind the opening one; `*end` gets the place behind the closing one. */
static bool scan_quoted(struct sops_slice text, size_t at, uint8_t quote, unsigned line, size_t *end,
                        struct sops_buf *out, struct sops_err *e)
{
    while (at < text.len && text.ptr[at] != quote) {
        size_t used = 1;
        if (quote == '"' && text.ptr[at] == '\\' ? !add_escape(text, at, &used, out, e)
                                                 : !sops_buf_addc(out, text.ptr[at], e)) {
            return false;
        }
        at += used;
    }
    *end = at + 1;
    return at < text.len || fail_at(line, "a quote that is not closed", e);
}

static bool scan_bare(struct sops_slice text, size_t at, struct sops_dotenv_value *v, struct sops_buf *out,
                      struct sops_err *e)
{
    size_t end = at, stop = at + sops_slice_find(sops_slice_skip(text, at), '\n');
    while (end < stop && !(text.ptr[end] == '#' && (end == at || is_blank(text.ptr[end - 1])))) {
        end++;
    }
    if (end < stop) {
        v->comment = sops_slice_of(text.ptr + end + 1, stop - end - 1);
    }
    v->len = stop;
    while (end > at && is_blank(text.ptr[end - 1])) {
        end--;
    }
    return sops_buf_add(out, sops_slice_of(text.ptr + at, end - at), e);
}

bool sops_dotenv_scan(struct sops_slice text, unsigned line, struct sops_dotenv_value *v, struct sops_buf *out,
                      struct sops_err *e)
{
    size_t at = 0, end;
    *v = (struct sops_dotenv_value){0};
    while (at < text.len && is_blank(text.ptr[at])) {
        at++;
    }
    if (at >= text.len || (text.ptr[at] != '"' && text.ptr[at] != '\'')) {
        return scan_bare(text, at, v, out, e);
    }
    if (!scan_quoted(text, at + 1, text.ptr[at], line, &end, out, e)) {
        return false;
    }
    for (size_t i = at; i < end; i++) {
        v->breaks += text.ptr[i] == '\n';
    }
    while (end < text.len && is_blank(text.ptr[end])) {
        end++;
    }
    size_t stop = end + sops_slice_find(sops_slice_skip(text, end), '\n');
    if (end < stop && text.ptr[end] != '#') {
        return fail_at(line + v->breaks, "text after the closing quote", e);
    }
    if (end < stop) {
        v->comment = sops_slice_of(text.ptr + end + 1, stop - end - 1);
    }
    v->len = stop;
    return true;
}

/* A line of a sealed text, whose reader has made line breaks of each `\n`, as it was. */
static bool add_line_again(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        ok = text.ptr[i] == '\n' ? sops_buf_adds(out, "\\n", e) : sops_buf_addc(out, text.ptr[i], e);
    }
    return ok;
}

bool sops_dotenv_line_meaning(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf line = {0};
    bool ok = add_line_again(text, &line, e) && sops_dotenv_meaning(sops_buf_view(&line), out, e);
    sops_buf_free(&line);
    return ok;
}

bool sops_dotenv_meaning(struct sops_slice line, struct sops_buf *out, struct sops_err *e)
{
    struct sops_dotenv_value v;
    struct sops_err why = {0};
    size_t before = out->len;
    bool ok = sops_dotenv_scan(line, 1, &v, out, &why);
    if (ok && v.len == line.len) {
        return true;
    }
    bool memory = why.memory;
    sops_err_clear(&why);
    sops_buf_cut(out, before);
    return memory ? sops_fail_memory(e) : sops_buf_add(out, line, e);
}

/* What decides about the quotes. */
struct look {
    bool special; /* what double quotes do not take as it is */
    bool single, cr, lf;
};

static struct look look_at(struct sops_slice s)
{
    struct look l = {0};
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        l.special = l.special || c < ' ' || c == 0x7F || c == '"' || c == '$' || c == '\\' || c == '`';
        l.single = l.single || c == '\'';
        l.cr = l.cr || c == '\r';
        l.lf = l.lf || c == '\n';
    }
    return l;
}

bool sops_dotenv_quote(struct sops_slice s, bool one_line, struct sops_buf *out, struct sops_err *e)
{
    struct look l = look_at(s);
    bool single = l.special && !l.single && !l.cr && s.ptr[s.len - 1] != '\\' && !(one_line && l.lf);
    bool ok = sops_buf_addc(out, single ? '\'' : '"', e);
    for (size_t i = 0; ok && i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!single && (c == '"' || c == '$' || c == '\\' || c == '`')) {
            ok = sops_buf_addc(out, '\\', e) && sops_buf_addc(out, c, e);
        } else if (!single && (c == '\r' || (c == '\n' && one_line))) {
            ok = sops_buf_adds(out, c == '\r' ? "\\r" : "\\n", e);
        } else {
            ok = sops_buf_addc(out, c, e);
        }
    }
    return ok && sops_buf_addc(out, single ? '\'' : '"', e);
}

struct sops_slice sops_dotenv_name(struct sops_slice key)
{
    struct sops_slice word = SOPS_LIT("export");
    key = sops_slice_trim(key);
    if (sops_slice_starts(key, word) && key.len > word.len && is_blank(key.ptr[word.len])) {
        key = sops_slice_trim(sops_slice_skip(key, word.len));
    }
    return key;
}

bool sops_dotenv_is_crlf(struct sops_slice text)
{
    size_t breaks = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            breaks++;
            if (i == 0 || text.ptr[i - 1] != '\r') {
                return false;
            }
        }
    }
    return breaks != 0;
}

bool sops_dotenv_to_lf(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_reserve(out, text.len, e);
    while (ok && text.len != 0) {
        size_t n = sops_slice_find(text, '\n');
        struct sops_slice line = sops_slice_first(text, n);
        line.len -= n < text.len && line.len != 0 && line.ptr[line.len - 1] == '\r';
        ok = sops_buf_add(out, line, e) && (n == text.len || sops_buf_addc(out, '\n', e));
        text = sops_slice_skip(text, n + 1);
    }
    return ok;
}
