/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars of TOML, read and written (docs/spec/76-text-as-written.md#82-reading, #83-slots). */
#include "formats/toml.h"

#include "base/text.h"

#include <math.h>

static uint8_t at(struct sops_slice s, size_t i) { return i < s.len ? s.ptr[i] : 0; }

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static const char bad_escape[] = "a string has an escape that TOML does not know";
static const char bad_control[] = "a string holds a control character";
static const char not_closed[] = "a string is not closed";
static const char no_memory[] = "out of memory";

static bool is_forbidden(uint8_t c) { return (c < ' ' && c != '\t') || c == 0x7F; }

static const char *take_unicode(struct sops_slice s, size_t i, size_t digits, struct sops_buf *out, struct sops_err *e)
{
    uint32_t c = 0;
    for (size_t k = 0; k < digits; k++) {
        unsigned d = i + k < s.len ? sops_hex_digit(s.ptr[i + k]) : 16;
        if (d > 15) {
            return bad_escape;
        }
        c = c * 16 + d;
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        return bad_escape;
    }
    return sops_utf8_add(out, c, e) ? NULL : no_memory;
}

/* A backslash at the end of a line: over all white space that follows. `*i` is behind the backslash. */
static bool skip_continuation(struct sops_slice s, size_t *i, unsigned *lines)
{
    size_t k = *i;
    while (at(s, k) == ' ' || at(s, k) == '\t') {
        k++;
    }
    if (at(s, k) != '\n' && !(at(s, k) == '\r' && at(s, k + 1) == '\n')) {
        return false;
    }
    while (k < s.len &&
           (at(s, k) == ' ' || at(s, k) == '\t' || at(s, k) == '\n' || (at(s, k) == '\r' && at(s, k + 1) == '\n'))) {
        *lines += at(s, k) == '\n';
        k++;
    }
    *i = k;
    return true;
}

/* The escape behind the backslash at `*i`, which is moved behind it. */
static const char *take_escape(struct sops_slice s, size_t *i, bool is_long, unsigned *lines, struct sops_buf *out,
                               struct sops_err *e)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    uint8_t c = at(s, *i + 1);
    const char *known = c != 0 ? strchr(from, c) : NULL;
    size_t behind = *i + 1;
    if (known != NULL) {
        *i += 2;
        return sops_buf_addc(out, (uint8_t)to[known - from], e) ? NULL : no_memory;
    }
    if (c == 'u' || c == 'U') {
        const char *why = take_unicode(s, *i + 2, c == 'u' ? 4 : 8, out, e);
        *i += c == 'u' ? 6 : 10;
        return why;
    }
    if (is_long && skip_continuation(s, &behind, lines)) {
        *i = behind;
        return NULL;
    }
    return bad_escape;
}

/* How many bytes from `i` on stand for themselves in each kind of string, but for `quote`. */
static size_t ordinary_at(struct sops_slice s, size_t i, uint8_t quote)
{
    size_t from = i;
    while (i < s.len && s.ptr[i] != quote && s.ptr[i] != '\\' && !is_forbidden(s.ptr[i])) {
        i++;
    }
    return i - from;
}

/* Quotes in a row from `i` on. */
static size_t quotes_at(struct sops_slice s, size_t i, uint8_t quote)
{
    size_t n = 0;
    while (at(s, i + n) == quote) {
        n++;
    }
    return n;
}

static const char *take_long(struct sops_slice s, uint8_t quote, size_t *len, unsigned *lines, struct sops_buf *out,
                             struct sops_err *e)
{
    size_t i = 3;
    i += at(s, i) == '\n' ? 1 : at(s, i) == '\r' && at(s, i + 1) == '\n' ? 2 : 0;
    *lines += i != 3;
    while (i < s.len) {
        size_t n = ordinary_at(s, i, quote);
        if (n != 0 && !sops_buf_add(out, sops_slice_of(s.ptr + i, n), e)) {
            return no_memory;
        }
        i += n;
        n = quotes_at(s, i, quote);
        if (n >= 3) { /* up to two of them are the string's */
            size_t own = n - 3 < 2 ? n - 3 : 2;
            *len = i + own + 3;
            return n > 5                               ? "too many quotes at the end of a string"
                   : sops_buf_addn(out, quote, own, e) ? NULL
                                                       : no_memory;
        }
        if (i == s.len) {
            break;
        }
        const char *why = NULL;
        if (quote == '"' && s.ptr[i] == '\\') {
            why = take_escape(s, &i, true, lines, out, e);
        } else if (s.ptr[i] == '\r' && at(s, i + 1) == '\n') {
            i++;
        } else if (is_forbidden(s.ptr[i]) && s.ptr[i] != '\n') {
            why = bad_control;
        } else {
            *lines += s.ptr[i] == '\n';
            why = sops_buf_addc(out, s.ptr[i++], e) ? NULL : no_memory;
        }
        if (why != NULL) {
            return why;
        }
    }
    return not_closed;
}

const char *sops_toml_string(struct sops_slice s, bool key, size_t *len, unsigned *lines, struct sops_buf *out,
                             struct sops_err *e)
{
    uint8_t quote = s.ptr[0];
    *lines = 0;
    if (!key && quotes_at(s, 0, quote) >= 3) {
        return take_long(s, quote, len, lines, out, e);
    }
    for (size_t i = 1; i < s.len;) {
        const char *why = NULL;
        size_t n = ordinary_at(s, i, quote);
        if (n != 0 && !sops_buf_add(out, sops_slice_of(s.ptr + i, n), e)) {
            return no_memory;
        }
        i += n;
        if (at(s, i) == quote) {
            *len = i + 1;
            return NULL;
        }
        if (i == s.len) {
            break;
        }
        if (quote == '"' && s.ptr[i] == '\\') {
            why = take_escape(s, &i, false, lines, out, e);
        } else if (s.ptr[i] == '\n' || (s.ptr[i] == '\r' && at(s, i + 1) == '\n')) {
            return not_closed;
        } else if (is_forbidden(s.ptr[i])) {
            why = bad_control;
        } else {
            why = sops_buf_addc(out, s.ptr[i++], e) ? NULL : no_memory;
        }
        if (why != NULL) {
            return why;
        }
    }
    return not_closed;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static const char bad_value[] = "a value is expected here: a string, number, bool, date, array or inline table";

/* Digits of `base` with `_` between them only; the plain digits are put into `out`. */
static bool plain_digits(struct sops_slice s, unsigned base, struct sops_buf *out, struct sops_err *e)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_') {
            if (i == 0 || i + 1 == s.len || s.ptr[i - 1] == '_') {
                return false;
            }
        } else if (sops_hex_digit(s.ptr[i]) >= base || !sops_buf_addc(out, s.ptr[i], e)) {
            return false;
        }
    }
    return s.len != 0;
}

static const char *take_prefixed(struct sops_slice s, struct sops_buf *out, struct sops_err *e)
{
    unsigned base = s.ptr[1] == 'x' ? 16 : s.ptr[1] == 'o' ? 8 : 2;
    struct sops_buf digits = {0};
    int64_t v = 0;
    char text[24];
    bool ok = plain_digits(sops_slice_skip(s, 2), base, &digits, e), fits = true;
    for (size_t i = 0; ok && i < digits.len; i++) {
        fits = fits && !__builtin_mul_overflow(v, (int64_t)base, &v) &&
               !__builtin_add_overflow(v, (int64_t)sops_hex_digit(digits.ptr[i]), &v);
    }
    sops_buf_free(&digits);
    if (!ok) {
        return bad_value;
    }
    return !fits                                                               ? "a whole number of more than 64 bits"
           : sops_buf_add(out, sops_slice_of(text, sops_int_text(v, text)), e) ? NULL
                                                                               : no_memory;
}

/* Sign, whole part, fraction, exponent, without `_`; false when it is no number of TOML. */
static bool plain_number(struct sops_slice s, bool *whole, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice rest = s;
    if (at(rest, 0) == '-' && !sops_buf_addc(out, '-', e)) {
        return false;
    }
    rest = sops_slice_skip(rest, at(rest, 0) == '-' || at(rest, 0) == '+');
    size_t n = 0;
    while (sops_is_digit(at(rest, n)) || at(rest, n) == '_') {
        n++;
    }
    struct sops_slice digits = sops_slice_first(rest, n);
    if (!plain_digits(digits, 10, out, e) || (digits.len > 1 && digits.ptr[0] == '0')) {
        return false;
    }
    rest = sops_slice_skip(rest, n);
    *whole = rest.len == 0;
    if (at(rest, 0) == '.') {
        for (n = 1; sops_is_digit(at(rest, n)) || at(rest, n) == '_'; n++) {
        }
        if (!sops_buf_addc(out, '.', e) || !plain_digits(sops_slice_skip(sops_slice_first(rest, n), 1), 10, out, e)) {
            return false;
        }
        rest = sops_slice_skip(rest, n);
    }
    if (at(rest, 0) == 'e' || at(rest, 0) == 'E') {
        size_t sign = at(rest, 1) == '-' || at(rest, 1) == '+';
        return sops_buf_addc(out, 'e', e) && (at(rest, 1) != '-' || sops_buf_addc(out, '-', e)) &&
               plain_digits(sops_slice_skip(rest, 1 + sign), 10, out, e);
    }
    return rest.len == 0;
}

static const char *take_number(struct sops_slice s, struct sops_toml_scalar *v, struct sops_buf *out,
                               struct sops_err *e)
{
    struct sops_buf plain = {0};
    bool whole = false;
    const char *why = NULL;
    int64_t integer;
    double number;
    char text[24];
    if (!plain_number(s, &whole, &plain, e)) {
        why = bad_value;
    } else if (whole) {
        v->kind = SOPS_INT;
        if (!sops_int_parse(sops_buf_view(&plain), &integer)) {
            why = "a whole number of more than 64 bits";
        } else if (!sops_buf_add(out, sops_slice_of(text, sops_int_text(integer, text)), e)) {
            why = no_memory;
        }
    } else {
        v->kind = SOPS_FLOAT;
        bool overflow = false;
        if (!sops_float_parse(sops_buf_view(&plain), &number, &overflow)) {
            if (!overflow) {
                why = bad_value;
            }
            number = at(s, 0) == '-' ? -INFINITY : INFINITY;
        }
        why = why != NULL ? why : sops_float_canonical(out, number, e) ? NULL : no_memory;
    }
    sops_buf_free(&plain);
    return why;
}

/* ---- dates ------------------------------------------------------------------------------------------------------- */

/* Two digits at `i`, or 100. */
static unsigned two(struct sops_slice s, size_t i)
{
    return sops_is_digit(at(s, i)) && sops_is_digit(at(s, i + 1)) ? (at(s, i) - 48U) * 10 + at(s, i + 1) - 48U : 100;
}

static bool is_day(struct sops_slice s)
{
    unsigned a = two(s, 0), b = two(s, 2), month = two(s, 5), day = two(s, 8);
    return s.len >= 10 && a < 100 && b < 100 && at(s, 4) == '-' && at(s, 7) == '-' && month < 100 && day < 100 &&
           sops_date_exists(a * 100 + b, month, day);
}

/* HH:MM:SS with a fraction; `*len`: how long it is. */
static bool is_clock(struct sops_slice s, size_t *len)
{
    if (two(s, 0) > 23 || at(s, 2) != ':' || two(s, 3) > 59 || at(s, 5) != ':' || two(s, 6) > 60) {
        return false;
    }
    *len = 8;
    if (at(s, 8) == '.') {
        size_t n = 9;
        while (sops_is_digit(at(s, n))) {
            n++;
        }
        *len = n;
        return n > 9;
    }
    return true;
}

/* The fraction of a clock is cut to nine digits, without zeros at its end. */
static bool add_clock(struct sops_slice s, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice fraction = sops_slice_first(sops_slice_skip(s, 9), 9);
    fraction = sops_slice_trim_end(fraction, '0');
    return sops_buf_add(out, sops_slice_first(s, 8), e) &&
           (fraction.len == 0 || (sops_buf_addc(out, '.', e) && sops_buf_add(out, fraction, e)));
}

/* A date or time of any of the four kinds; its canonical text is appended. */
static bool take_date(struct sops_slice s, struct sops_buf *out, struct sops_err *e)
{
    size_t len = 0;
    if (is_clock(s, &len)) {
        return len == s.len && add_clock(s, out, e);
    }
    if (!is_day(s)) {
        return false;
    }
    struct sops_slice clock = sops_slice_skip(s, 11);
    if (s.len == 10) {
        return sops_buf_add(out, s, e);
    }
    if (memchr("Tt ", at(s, 10), 3) == NULL || !is_clock(clock, &len)) {
        return false;
    }
    struct sops_slice zone = sops_slice_skip(clock, len);
    bool utc = zone.len == 1 && (zone.ptr[0] == 'Z' || zone.ptr[0] == 'z');
    bool offset = zone.len == 6 && (zone.ptr[0] == '+' || zone.ptr[0] == '-') && two(zone, 1) < 24 &&
                  zone.ptr[3] == ':' && two(zone, 4) < 60;
    if (zone.len != 0 && !utc && !offset) {
        return false;
    }
    return sops_buf_add(out, sops_slice_first(s, 10), e) && sops_buf_addc(out, 'T', e) &&
           add_clock(sops_slice_first(clock, len), out, e) &&
           (utc ? sops_buf_addc(out, 'Z', e) : sops_buf_add(out, zone, e));
}

bool sops_toml_is_date(struct sops_slice s)
{
    struct sops_buf ignored = {0};
    struct sops_err why = {0};
    bool is = s.len >= 8 && s.len < 64 && sops_is_digit(s.ptr[0]) && take_date(s, &ignored, &why);
    sops_err_clear(&why);
    sops_buf_free(&ignored);
    return is;
}

const char *sops_toml_bare(struct sops_slice s, struct sops_toml_scalar *v, struct sops_buf *out, struct sops_err *e)
{
    bool sign = at(s, 0) == '+' || at(s, 0) == '-';
    struct sops_slice word = sops_slice_skip(s, sign);
    *v = (struct sops_toml_scalar){.kind = SOPS_BOOL};
    if (sops_slice_eq(s, SOPS_LIT("true")) || sops_slice_eq(s, SOPS_LIT("false"))) {
        return sops_buf_adds(out, s.len == 4 ? "True" : "False", e) ? NULL : no_memory;
    }
    if (sops_slice_eq(word, SOPS_LIT("inf")) || sops_slice_eq(word, SOPS_LIT("nan"))) {
        v->kind = SOPS_FLOAT;
        bool nan = word.ptr[0] == 'n';
        return sops_buf_adds(out, nan ? "NaN" : at(s, 0) == '-' ? "-Inf" : "+Inf", e) ? NULL : no_memory;
    }
    if (s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] == 'x' || s.ptr[1] == 'o' || s.ptr[1] == 'b')) {
        v->kind = SOPS_INT;
        return take_prefixed(s, out, e);
    }
    if (s.len >= 8 && (s.ptr[2] == ':' || s.ptr[4] == '-')) {
        v->kind = SOPS_STR;
        v->bare = true;
        return take_date(s, out, e) ? NULL : "a date or time that does not exist, or is not written as TOML wants it";
    }
    return take_number(s, v, out, e);
}

/* ---- written ----------------------------------------------------------------------------------------------------- */

bool sops_toml_is_bare_key(struct sops_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!sops_is_alnum(key.ptr[i]) && key.ptr[i] != '_' && key.ptr[i] != '-') {
            return false;
        }
    }
    return key.len != 0;
}

enum sops_toml_quote sops_toml_quote_of(struct sops_slice raw)
{
    bool is_long = raw.len >= 6 && raw.ptr[1] == raw.ptr[0] && raw.ptr[2] == raw.ptr[0];
    switch (at(raw, 0)) {
    case '"':
        return is_long ? SOPS_TOML_LONG : SOPS_TOML_BASIC;
    case '\'':
        return is_long ? SOPS_TOML_LONG_LITERAL : SOPS_TOML_LITERAL;
    default:
        return SOPS_TOML_BARE;
    }
}

static bool add_escaped(struct sops_slice s, bool is_long, struct sops_buf *out, struct sops_err *e)
{
    static const char from[] = "\b\t\f\r\"\\", to[] = "btfr\"\\";
    bool ok = true;
    size_t quotes = 0;
    for (size_t i = 0; ok && i < s.len; i++) {
        size_t n = ordinary_at(s, i, '"');
        n = sops_slice_find(sops_slice_of(s.ptr + i, n), '\t');
        if (n != 0) {
            ok = sops_buf_add(out, sops_slice_of(s.ptr + i, n), e);
            quotes = 0;
            i += n - 1;
            continue;
        }
        uint8_t c = s.ptr[i];
        const char *known = c != 0 ? strchr(from, c) : NULL;
        quotes = c == '"' ? quotes + 1 : 0;
        if (is_long && (c == '\n' || (c == '"' && quotes < 3 && i + 1 < s.len))) {
            ok = sops_buf_addc(out, c, e);
        } else if (known != NULL) {
            quotes = 0;
            ok = sops_buf_addc(out, '\\', e) && sops_buf_addc(out, (uint8_t)to[known - from], e);
        } else if (c == '\n') {
            ok = sops_buf_adds(out, "\\n", e);
        } else {
            ok = is_forbidden(c) ? sops_buf_addf(out, e, "\\u%04X", c) : sops_buf_addc(out, c, e);
        }
    }
    return ok;
}

/* Can a literal string hold it? */
static bool fits_literal(struct sops_slice s, bool is_long)
{
    size_t quotes = 0;
    for (size_t i = 0; i < s.len; i++) {
        quotes = s.ptr[i] == '\'' ? quotes + 1 : 0;
        if ((is_forbidden(s.ptr[i]) && !(is_long && s.ptr[i] == '\n')) || (quotes != 0 && !is_long) || quotes > 2) {
            return false;
        }
    }
    return quotes == 0;
}

bool sops_toml_add_string(struct sops_slice s, enum sops_toml_quote quote, struct sops_buf *out, struct sops_err *e)
{
    bool lines = sops_slice_find(s, '\n') != s.len;
    const char *first = lines ? "\n" : "";
    bool date = sops_toml_is_date(s);
    if (quote == SOPS_TOML_LONG && sops_utf8_valid(s)) {
        return sops_buf_addf(out, e, "\"\"\"%s", first) && add_escaped(s, true, out, e) &&
               sops_buf_adds(out, "\"\"\"", e);
    }
    bool is_long = quote == SOPS_TOML_LONG_LITERAL;
    if ((is_long || (quote == SOPS_TOML_LITERAL && !date)) && fits_literal(s, is_long)) {
        const char *quotes = is_long ? "'''" : "'";
        return sops_buf_addf(out, e, "%s%s", quotes, is_long ? first : "") && sops_buf_add(out, s, e) &&
               sops_buf_adds(out, quotes, e);
    }
    if (!sops_utf8_valid(s)) {
        return sops_fail(e, SOPS_E_DUMP, "a text that is not UTF-8 cannot be written as TOML");
    }
    return sops_buf_addc(out, '"', e) && add_escaped(s, false, out, e) && sops_buf_addc(out, '"', e);
}

bool sops_toml_add_key(struct sops_slice key, struct sops_buf *out, struct sops_err *e)
{
    return sops_toml_is_bare_key(key) ? sops_buf_add(out, key, e) : sops_toml_add_string(key, SOPS_TOML_BASIC, out, e);
}

bool sops_toml_fail_null(const struct sops_node *n, struct sops_err *e)
{
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, e)) {
        sops_fail(e, SOPS_E_DUMP, "TOML has no null, and there is one at %.*s", SOPS_ARG(path));
    }
    sops_buf_free(&path);
    return sops_hint(e, "leave the entry out, or give it an empty text");
}

/* The shortest digits: with a point or an exponent, so that it stays a float. */
static bool add_float(struct sops_slice canonical, struct sops_buf *out, struct sops_err *e)
{
    double v = 0;
    if (sops_slice_eq(canonical, SOPS_LIT("NaN"))) {
        return sops_buf_adds(out, "nan", e);
    }
    if (sops_slice_ends(canonical, SOPS_LIT("Inf"))) {
        return sops_buf_adds(out, canonical.ptr[0] == '-' ? "-inf" : "inf", e);
    }
    bool minus = canonical.len != 0 && canonical.ptr[0] == '-';
    struct sops_slice digits = sops_slice_skip(canonical, minus);
    (void)sops_float_parse(canonical, &v, NULL);
    double size = v < 0 ? -v : v;
    if (size == 0 || (size >= 1e-5 && size < 1e16)) {
        return sops_buf_add(out, canonical, e) &&
               (sops_slice_find(canonical, '.') != canonical.len || sops_buf_adds(out, ".0", e));
    }
    /* Digits without zeros at either end, the first of them before the point. */
    size_t point = sops_slice_find(digits, '.'), first = 0, exponent_at = 0;
    struct sops_buf all = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < digits.len; i++) {
        ok = digits.ptr[i] == '.' || sops_buf_addc(&all, digits.ptr[i], e);
    }
    while (first < all.len && all.ptr[first] == '0') {
        first++;
    }
    struct sops_slice rest = sops_slice_trim_end(sops_slice_skip(sops_buf_view(&all), first), '0');
    exponent_at = point;
    long exponent = (long)exponent_at - (long)first - 1;
    ok = ok && (!minus || sops_buf_addc(out, '-', e)) && sops_buf_add(out, sops_slice_first(rest, 1), e) &&
         (rest.len == 1 || (sops_buf_addc(out, '.', e) && sops_buf_add(out, sops_slice_skip(rest, 1), e))) &&
         sops_buf_addf(out, e, "e%ld", exponent);
    sops_buf_free(&all);
    return ok;
}

bool sops_toml_add_scalar(const struct sops_node *n, enum sops_toml_quote quote, struct sops_buf *out,
                          struct sops_err *e)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_BOOL:
        return sops_buf_adds(out, n->text.len == 4 ? "true" : "false", e);
    case SOPS_INT:
        return sops_buf_add(out, n->text, e);
    case SOPS_FLOAT:
        return add_float(n->text, out, e);
    case SOPS_TIME:
        return sops_buf_add(out, n->text, e);
    case SOPS_STR:
        return (n->flags & SOPS_BARE) != 0 && sops_toml_is_date(n->text) ? sops_buf_add(out, n->text, e)
                                                                         : sops_toml_add_string(n->text, quote, out, e);
    case SOPS_NULL:
        return sops_toml_fail_null(n, e);
    case SOPS_COMMENT:
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_ODD:
        break;
    }
    return sops_fail(e, SOPS_E_DUMP, "TOML cannot hold such a value");
}
