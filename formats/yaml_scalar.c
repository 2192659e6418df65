/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types are neither YAML 1.1's nor 1.2's but the reference's: `yes` is a string, 0777 is octal, 08 is a float.
 * Where a rule here looks odd, it is because files that hold such texts exist.
 */
#include "formats/yaml_scalar.h"

#include "base/encode.h"

static uint8_t at(struct sops_slice s, size_t i) { return i < s.len ? s.ptr[i] : 0; }

/* ---- timestamps ------------------------------------------------------------------------------------------------- */

/* One or two digits (exactly two when `two`) and, unless it is 0, the character `behind`. */
static bool part(struct sops_slice s, size_t *i, bool two, char behind, int *v)
{
    if (!sops_is_digit(at(s, *i)) || (two && !sops_is_digit(at(s, *i + 1)))) {
        return false;
    }
    *v = s.ptr[(*i)++] - '0';
    if (sops_is_digit(at(s, *i))) {
        *v = *v * 10 + (s.ptr[(*i)++] - '0');
    }
    if (behind == 0) {
        return true;
    }
    return at(s, (*i)++) == (uint8_t)behind;
}

static void fraction(struct sops_slice s, size_t *i, int32_t *nanos)
{
    if ((at(s, *i) != '.' && at(s, *i) != ',') || !sops_is_digit(at(s, *i + 1))) {
        return;
    }
    int32_t unit = 100000000;
    for (++*i; sops_is_digit(at(s, *i)); ++*i) {
        *nanos += unit * (s.ptr[*i] - '0');
        unit /= 10;
    }
}

static bool zone(struct sops_slice s, size_t *i, int32_t *offset)
{
    uint8_t c = at(s, (*i)++);
    int hours, minutes;
    if (c == 'Z') {
        return true;
    }
    if ((c != '+' && c != '-') || !part(s, i, true, ':', &hours) || !part(s, i, true, 0, &minutes) || hours > 24 ||
        minutes > 60) {
        return false;
    }
    *offset = (hours * 60 + minutes) * 60 * (c == '-' ? -1 : 1);
    return true;
}

static bool timestamp(struct sops_slice s, struct sops_time *t)
{
    size_t i = 5;
    int year = 0, month, day, hour, minute, second;
    *t = (struct sops_time){0};
    for (size_t k = 0; k < 4; k++) {
        if (!sops_is_digit(at(s, k))) {
            return false;
        }
        year = year * 10 + (s.ptr[k] - '0');
    }
    if (at(s, 4) != '-' || !part(s, &i, false, '-', &month) || !part(s, &i, false, 0, &day) ||
        !sops_date_exists(year, (unsigned)month, (unsigned)day)) {
        return false;
    }
    t->seconds = sops_days_from_civil(year, (unsigned)month, (unsigned)day) * 86400;
    if (i == s.len) {
        return true;
    }
    uint8_t mark = at(s, i++);
    while (mark == ' ' && at(s, i) == ' ') {
        i++;
    }
    if ((mark != 'T' && mark != 't' && mark != ' ') || !part(s, &i, false, ':', &hour) ||
        !part(s, &i, false, ':', &minute) || !part(s, &i, false, 0, &second) || hour > 23 || minute > 59 ||
        second > 59) {
        return false;
    }
    fraction(s, &i, &t->nanos);
    if (mark != ' ' && !zone(s, &i, &t->offset)) {
        return false;
    }
    t->seconds += hour * 3600 + minute * 60 + second - t->offset;
    return i == s.len;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

/* Digits of `base`, nothing else, at least `least` of them; false also when they do not fit 64 bits. */
static bool digits(struct sops_slice s, unsigned base, size_t least, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = sops_hex_digit(s.ptr[i]);
        if (d >= base || __builtin_mul_overflow(*v, base, v) || __builtin_add_overflow(*v, d, v)) {
            return false;
        }
    }
    return s.len >= least;
}

static bool with_sign(uint64_t size, bool minus, int64_t *v)
{
    if (size > (uint64_t)INT64_MAX + minus) {
        return false;
    }
    *v = minus ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

/* An integer with its prefix. *odd: it is beyond int64, but an unsigned 64-bit one. */
static bool integer(struct sops_slice s, int64_t *v, bool *odd)
{
    bool sign = at(s, 0) == '-' || at(s, 0) == '+';
    struct sops_slice body = sops_slice_skip(s, sign);
    unsigned base = 10;
    size_t skip = 0;
    if (at(body, 0) == '0') {
        uint8_t letter = at(body, 1) | 0x20;
        base = body.len < 3 ? 8 : letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        skip = body.len >= 3 && (letter == 'x' || letter == 'b' || letter == 'o') ? 2 : 0;
    }
    uint64_t size;
    if (!digits(sops_slice_skip(body, skip), base, 1, &size)) {
        return false;
    }
    if (with_sign(size, at(s, 0) == '-', v)) {
        return true;
    }
    *odd = !sign;
    return *odd;
}

/* `0b-1`, `0o+7`. */
static bool integer_sign_inside(struct sops_slice s, int64_t *v)
{
    uint64_t size;
    uint8_t sign = at(s, 2);
    return (sops_slice_starts(s, SOPS_LIT("0b")) || sops_slice_starts(s, SOPS_LIT("0o"))) &&
           (sign == '-' || sign == '+') && digits(sops_slice_skip(s, 3), at(s, 1) == 'b' ? 2 : 8, 1, &size) &&
           with_sign(size, sign == '-', v);
}

static size_t run_of_digits(struct sops_slice s, size_t i)
{
    while (sops_is_digit(at(s, i))) {
        i++;
    }
    return i;
}

/* [-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)? */
static bool looks_like_float(struct sops_slice s)
{
    size_t i = at(s, 0) == '-' || at(s, 0) == '+';
    size_t whole = run_of_digits(s, i);
    size_t end = at(s, whole) == '.' ? run_of_digits(s, whole + 1) : whole;
    if (whole == i && end < whole + 2) {
        return false;
    }
    if (at(s, end) == 'e' || at(s, end) == 'E') {
        size_t from = end + 1 + (at(s, end + 1) == '-' || at(s, end + 1) == '+');
        end = run_of_digits(s, from);
        if (end == from) {
            return false;
        }
    }
    return end == s.len;
}

static bool without_underscores(struct sops_slice *s, struct sops_buf *scratch, struct sops_err *e)
{
    if (sops_slice_find(*s, '_') == s->len) {
        return true;
    }
    scratch->len = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->ptr[i] != '_' && !sops_buf_addc(scratch, s->ptr[i], e)) {
            return false;
        }
    }
    *s = sops_buf_view(scratch);
    return true;
}

/* Each `_` stands between two digits. */
static bool underscores_between(struct sops_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_' && (i == 0 || !sops_is_digit(at(s, i - 1)) || !sops_is_digit(at(s, i + 1)))) {
            return false;
        }
    }
    return true;
}

static bool number(struct sops_slice s, struct sops_buf *scratch, struct sops_yaml_value *v, struct sops_err *e)
{
    bool dot = s.ptr[0] == '.', odd = false;
    if (dot ? !underscores_between(s) : timestamp(s, &v->time)) {
        v->kind = dot ? SOPS_STR : SOPS_TIME;
        return true;
    }
    if (!without_underscores(&s, scratch, e)) {
        return false;
    }
    if (!dot && integer(s, &v->integer, &odd)) {
        v->kind = odd ? SOPS_ODD : SOPS_INT;
    } else if (looks_like_float(s) && sops_float_parse(s, &v->number, NULL)) {
        v->kind = SOPS_FLOAT;
    } else if (!dot && integer_sign_inside(s, &v->integer)) {
        v->kind = SOPS_INT;
    }
    return true;
}

/* ---- the type of a text ----------------------------------------------------------------------------------------- */

bool sops_yaml_resolve(struct sops_slice s, struct sops_buf *scratch, struct sops_yaml_value *v, struct sops_err *e)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const infs[] = {".inf", ".Inf", ".INF", NULL};
    *v = (struct sops_yaml_value){.kind = SOPS_STR};
    uint8_t c = at(s, 0);
    bool sign = c == '+' || c == '-';
    if (s.len <= 5 && (s.len == 0 || strchr("~nNtTfF.+-", c) != NULL)) {
        if (sops_slice_is_any(s, nulls)) {
            v->kind = SOPS_NULL;
            return true;
        }
        v->truth = sops_slice_is_any(s, trues);
        if (v->truth || sops_slice_is_any(s, falses)) {
            v->kind = SOPS_BOOL;
            return true;
        }
        if (sops_slice_is_any(s, nans) || sops_slice_is_any(sops_slice_skip(s, sign), infs)) {
            v->kind = SOPS_FLOAT;
            v->number = at(s, 1) == 'n' || at(s, 1) == 'N' ? __builtin_nan("") : __builtin_inf();
            v->number = c == '-' ? -v->number : v->number;
            return true;
        }
    }
    return (c != '.' && !sign && !sops_is_digit(c)) || number(s, scratch, v, e);
}

enum sops_yaml_tag sops_yaml_tag_class(struct sops_slice prefix, struct sops_slice suffix)
{
    static const struct {
        const char *name;
        enum sops_yaml_tag tag;
    } known[] = {
        {"str", SOPS_YAML_STR},       {"int", SOPS_YAML_INT},     {"float", SOPS_YAML_FLOAT},
        {"bool", SOPS_YAML_BOOL},     {"null", SOPS_YAML_NULL},   {"timestamp", SOPS_YAML_TIME},
        {"binary", SOPS_YAML_BINARY}, {"merge", SOPS_YAML_MERGE},
    };
    static const char standard[] = "tag:yaml.org,2002:";
    char whole[64];
    size_t n = prefix.len + suffix.len;
    if (n >= sizeof whole) {
        return SOPS_YAML_OTHER_TAG;
    }
    if (prefix.len != 0) {
        memcpy(whole, prefix.ptr, prefix.len);
    }
    if (suffix.len != 0) {
        memcpy(whole + prefix.len, suffix.ptr, suffix.len);
    }
    struct sops_slice tag = sops_slice_of(whole, n);
    if (sops_slice_eq(tag, SOPS_LIT("!"))) {
        return SOPS_YAML_BANG;
    }
    bool brief = sops_slice_starts(tag, SOPS_LIT("!!"));
    if (!brief && !sops_slice_starts(tag, sops_str(standard))) {
        return SOPS_YAML_OTHER_TAG;
    }
    tag = sops_slice_skip(tag, brief ? 2 : sizeof standard - 1);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (sops_slice_eq(tag, sops_str(known[i].name))) {
            return known[i].tag;
        }
    }
    return SOPS_YAML_OTHER_TAG;
}

static bool binary(const struct sops_yaml_raw *n, struct sops_arena *a, struct sops_buf *scratch,
                   struct sops_slice *text, struct sops_err *e)
{
    struct sops_buf bytes = {0};
    scratch->len = 0;
    for (size_t i = 0; i < n->text.len; i++) {
        if (n->text.ptr[i] != '\n' && n->text.ptr[i] != '\r' && !sops_buf_addc(scratch, n->text.ptr[i], e)) {
            return false;
        }
    }
    /* The decoder's own failure says no more than this, and has no line. */
    struct sops_err why = {0};
    bool fine = sops_base64_take(&bytes, SOPS_B64_CR, sops_buf_view(scratch), &why)
                    ? sops_arena_copy(a, sops_buf_view(&bytes), text, e)
                    : sops_yaml_fail(e, n->line - 1, "a value tagged !!binary that is no base64");
    sops_err_clear(&why);
    sops_buf_free(&bytes);
    return fine;
}

/* Does the text have the type that its tag names? A whole number may stand for a float. */
static bool fits(const struct sops_yaml_raw *n, struct sops_yaml_value *v)
{
    static const enum sops_kind wanted[] = {[SOPS_YAML_INT] = SOPS_INT,
                                            [SOPS_YAML_FLOAT] = SOPS_FLOAT,
                                            [SOPS_YAML_BOOL] = SOPS_BOOL,
                                            [SOPS_YAML_NULL] = SOPS_NULL,
                                            [SOPS_YAML_TIME] = SOPS_TIME};
    if (n->tag == SOPS_YAML_FLOAT && v->kind == SOPS_INT) {
        v->kind = SOPS_FLOAT;
        v->number = (double)v->integer;
    }
    return wanted[n->tag] == v->kind || (n->tag == SOPS_YAML_INT && v->kind == SOPS_ODD);
}

bool sops_yaml_scalar(const struct sops_yaml_raw *n, struct sops_arena *a, struct sops_buf *scratch,
                      enum sops_kind *kind, struct sops_slice *text, struct sops_err *e)
{
    struct sops_yaml_value v;
    bool typed = n->tag >= SOPS_YAML_INT && n->tag <= SOPS_YAML_TIME;
    *kind = SOPS_STR;
    *text = n->text;
    if (n->tag == SOPS_YAML_BINARY) {
        return binary(n, a, scratch, text, e);
    }
    if (!typed && (!n->plain || n->tag > SOPS_YAML_BANG)) {
        return true;
    }
    if (!sops_yaml_resolve(n->text, scratch, &v, e)) {
        return false;
    }
    if (typed && !fits(n, &v)) {
        return sops_yaml_fail(e, n->line - 1, "a value that does not fit its tag");
    }
    if (v.kind == SOPS_TIME && (v.time.offset >= 86400 || v.time.offset <= -86400)) {
        /* RFC 3339 has no text for it. */
        *kind = SOPS_ODD;
        *text = SOPS_LIT("time zone of a day or more");
        return true;
    }
    *kind = v.kind;
    char digits_of[24];
    scratch->len = 0;
    switch (v.kind) {
    case SOPS_STR:
        return true;
    case SOPS_NULL:
        *text = (struct sops_slice){0};
        return true;
    case SOPS_BOOL:
        *text = v.truth ? SOPS_LIT("True") : SOPS_LIT("False");
        return true;
    case SOPS_ODD:
        *text = SOPS_LIT("uint64");
        return true;
    case SOPS_INT:
        return sops_arena_copy(a, sops_slice_of(digits_of, sops_int_text(v.integer, digits_of)), text, e);
    case SOPS_FLOAT:
        return sops_float_canonical(scratch, v.number, e) && sops_arena_copy(a, sops_buf_view(scratch), text, e);
    case SOPS_TIME:
    case SOPS_COMMENT:
    case SOPS_MAP:
    case SOPS_LIST:
    default:
        return sops_time_text(scratch, &v.time, e) && sops_arena_copy(a, sops_buf_view(scratch), text, e);
    }
}
