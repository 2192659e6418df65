/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a string is written. One look over the bytes says what is in it; most texts hold nothing of interest, and
 * for them a table is all that is used.
 */
#include "formats/yaml_scalar.h"

/* What a text holds. */
struct look {
    bool lf, breaks, tab, unprintable;
    bool no_literal;  /* a character that is neither printable, a break that is LF, LS or PS, nor a tab */
    bool space_break; /* a space before a break */
    bool break_space; /* a space after a break */
    bool colon, hash; /* as plain text they would end a key or begin a comment */
    bool invalid;     /* it is not UTF-8 */
};

/* Bytes that may matter: all others are printable and harmless wherever they stand. */
static bool matters(uint8_t c) { return c < ' ' || c >= 0x7F || c == ':' || c == '#'; }

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

bool sops_yaml_printable(uint32_t c)
{
    return c == '\n' || (c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c <= 0xD7FF) ||
           (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF);
}

/* The character at `i`, which matters. Returns its length, 0 when the text is not UTF-8. */
static size_t inspect(struct sops_slice s, size_t i, struct look *l)
{
    uint8_t c = s.ptr[i];
    if (c == ':') {
        l->colon = l->colon || i + 1 == s.len || is_blank(s.ptr[i + 1]) || sops_yaml_break_at(s, i + 1) != 0;
        return 1;
    }
    if (c == '#') {
        l->hash = l->hash || (i > 0 && (is_blank(s.ptr[i - 1]) || sops_yaml_break_before(s, i) != 0));
        return 1;
    }
    uint32_t cp;
    size_t n = sops_utf8_next(sops_slice_skip(s, i), &cp);
    if (n == 0) {
        l->invalid = true;
        return 0;
    }
    bool printable = sops_yaml_printable(cp);
    if (sops_yaml_break_at(s, i) != 0) {
        l->breaks = true;
        l->lf = l->lf || c == '\n';
        l->space_break = l->space_break || (i > 0 && s.ptr[i - 1] == ' ');
        l->break_space = l->break_space || (i + n < s.len && s.ptr[i + n] == ' ');
    }
    if (cp == '\t') {
        l->tab = true;
    } else if (!printable) {
        l->unprintable = true;
        l->no_literal = true;
    }
    return n;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Does one of eight bytes equal `byte`? (A bit in the highest place of each.) */
static uint64_t equal(uint64_t eight, uint8_t byte)
{
    uint64_t zero = eight ^ EACH(byte);
    return (zero - EACH(1)) & ~zero & EACH(0x80);
}

/* Is there nothing that matters in the eight bytes at `p`? Encrypted texts are long, and nearly all of them is so. */
static bool eight_boring(const uint8_t *p)
{
    uint64_t eight;
    memcpy(&eight, p, sizeof eight);
    uint64_t low = (eight - EACH(' ')) & ~eight & EACH(0x80);
    return ((eight & EACH(0x80)) | low | equal(eight, 0x7F) | equal(eight, ':') | equal(eight, '#')) == 0;
}

static bool look_at(struct sops_slice s, struct look *l)
{
    for (size_t i = 0; i < s.len;) {
        if (s.len - i >= 8 && eight_boring(s.ptr + i)) {
            i += 8;
            continue;
        }
        if (!matters(s.ptr[i])) {
            i++;
            continue;
        }
        size_t n = inspect(s, i, l);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? */
static bool is_base60(struct sops_slice s)
{
    size_t i = s.ptr[0] == '-' || s.ptr[0] == '+';
    size_t start = i, groups = 0;
    while (i < s.len && (sops_is_digit(s.ptr[i]) || (s.ptr[i] == '_' && i > start))) {
        i++;
    }
    if (i == start) {
        return false;
    }
    while (i + 1 < s.len && s.ptr[i] == ':' && sops_is_digit(s.ptr[i + 1])) {
        bool two = i + 2 < s.len && sops_is_digit(s.ptr[i + 2]);
        if (two && s.ptr[i + 1] > '5') {
            return false;
        }
        i += two ? 3 : 2;
        groups++;
    }
    if (groups != 0 && i < s.len && s.ptr[i] == '.') {
        i++;
        while (i < s.len && (sops_is_digit(s.ptr[i]) || s.ptr[i] == '_')) {
            i++;
        }
    }
    return groups != 0 && i == s.len;
}

/* Would other readers take the plain text for something else than a string? */
static bool is_old_boolean(struct sops_slice s)
{
    static const char *const words[] = {"y", "Y", "yes", "Yes", "YES", "on",  "On",  "ON",
                                        "n", "N", "no",  "No",  "NO",  "off", "Off", "OFF"};
    for (size_t i = 0; s.len <= 3 && i < sizeof words / sizeof *words; i++) {
        if (sops_slice_eq(s, sops_str(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool must_quote(struct sops_slice s, struct sops_buf *scratch, bool *yes, struct sops_err *e)
{
    struct sops_yaml_value v;
    if (!sops_yaml_resolve(s, scratch, &v, e)) {
        return false;
    }
    *yes = v.kind != SOPS_STR || is_old_boolean(s) || is_base60(s);
    return true;
}

/* Rule 4: may the text stand plain? */
static bool plain_allowed(struct sops_slice s, const struct look *l)
{
    uint8_t c = s.ptr[0];
    if (l->breaks || l->tab || l->unprintable || l->colon || l->hash || c == ' ' || s.ptr[s.len - 1] == ' ') {
        return false;
    }
    if (sops_slice_starts(s, SOPS_LIT("---")) || sops_slice_starts(s, SOPS_LIT("...")) ||
        memchr("#,[]{}&*!|>'\"%@`", c, 16) != NULL) {
        return false;
    }
    return (c != '?' && c != ':' && c != '-') || (s.len > 1 && s.ptr[1] != ' ');
}

bool sops_yaml_style(struct sops_slice s, struct sops_buf *scratch, enum sops_yaml_style *style, bool *lines,
                     struct sops_err *e)
{
    struct look l = {0};
    bool quote = false;
    if (lines != NULL) {
        *lines = false;
    }
    if (s.len == 0) {
        *style = SOPS_YAML_DOUBLE;
        return true;
    }
    if (!look_at(s, &l)) {
        *style = SOPS_YAML_BASE64;
        return true;
    }
    if (lines != NULL) {
        *lines = l.breaks;
    }
    if (l.lf) {
        bool refused = s.ptr[s.len - 1] == ' ' || l.space_break || l.no_literal || s.ptr[0] == '\t';
        *style = refused ? SOPS_YAML_DOUBLE : SOPS_YAML_LITERAL;
        return true;
    }
    if (!must_quote(s, scratch, &quote, e)) {
        return false;
    }
    if (quote) {
        *style = SOPS_YAML_DOUBLE;
    } else if (sops_slice_eq(s, SOPS_LIT("<<"))) {
        *style = SOPS_YAML_MERGE_PLAIN;
    } else if (plain_allowed(s, &l)) {
        *style = SOPS_YAML_PLAIN;
    } else {
        *style = l.tab || l.unprintable || l.space_break || l.break_space ? SOPS_YAML_DOUBLE : SOPS_YAML_SINGLE;
    }
    return true;
}

/* The letter behind the backslash, or 0. */
static char escape_letter(uint32_t c)
{
    static const char low[] = "0\0\0\0\0\0\0abtnvfr";
    if (c < 14) {
        return low[c];
    }
    switch (c) {
    case 0x1B:
        return 'e';
    case '"':
        return '"';
    case '\\':
        return '\\';
    case 0x85:
        return 'N';
    case 0xA0: /* printable, so only in a text that has every character escaped */
        return '_';
    case 0x2028:
        return 'L';
    case 0x2029:
        return 'P';
    default:
        return 0;
    }
}

static bool escape(uint32_t c, struct sops_buf *out, struct sops_err *e)
{
    char letter = escape_letter(c);
    if (letter != 0) {
        return sops_buf_addc(out, '\\', e) && sops_buf_addc(out, (uint8_t)letter, e);
    }
    if (c <= 0xFF) {
        return sops_buf_addf(out, e, "\\x%02X", (unsigned)c);
    }
    return c <= 0xFFFF ? sops_buf_addf(out, e, "\\u%04X", (unsigned)c) : sops_buf_addf(out, e, "\\U%08X", (unsigned)c);
}

bool sops_yaml_double(struct sops_slice s, struct sops_buf *out, struct sops_err *e)
{
    /* A text that begins with a byte order mark has every character escaped. */
    bool all = sops_slice_starts(s, SOPS_LIT("\xEF\xBB\xBF"));
    if (!sops_buf_addc(out, '"', e)) {
        return false;
    }
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        struct sops_slice rest = sops_slice_skip(s, i);
        size_t n = sops_utf8_next(rest, &c);
        bool raw = n != 0 && !all && sops_yaml_printable(c) && c != '"' && c != '\\' && sops_yaml_break_at(s, i) == 0;
        if (!(raw ? sops_buf_add(out, sops_slice_first(rest, n), e) : escape(c, out, e))) {
            return false;
        }
        i += n != 0 ? n : 1;
    }
    return sops_buf_addc(out, '"', e);
}

bool sops_yaml_may_be_plain(struct sops_slice s)
{
    struct look l = {0};
    return s.len != 0 && look_at(s, &l) && plain_allowed(s, &l);
}
