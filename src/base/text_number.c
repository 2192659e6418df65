/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers are exchanged with the C library as digits and an exponent, never with a decimal point: so nothing here
 * depends on the locale, and all rounding is the library's, which is exact.
 */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* More significant digits than any halfway point between two doubles has (767); what follows only counts as "more". */
#define DIGITS_MAX 800
/* Far beyond the exponents of a double, and far from where sums of two overflow. */
#define EXPONENT_MAX 1000000

size_t sops_int_text(int64_t v, char *out)
{
    char reversed[24];
    size_t n = 0;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        reversed[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    size_t len = 0;
    if (v < 0) {
        out[len++] = '-';
    }
    while (n != 0) {
        out[len++] = reversed[--n];
    }
    return len;
}

bool sops_int_parse(struct sops_slice s, int64_t *v)
{
    bool minus = s.len != 0 && s.ptr[0] == '-';
    if (s.len != 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = sops_slice_skip(s, 1);
    }
    if (s.len == 0) {
        return false;
    }
    int64_t sum = 0; /* kept negative, as there is one more negative number */
    for (size_t i = 0; i < s.len; i++) {
        if (!sops_is_digit(s.ptr[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, s.ptr[i] - '0', &sum)) {
            return false;
        }
    }
    if (!minus && sum == INT64_MIN) {
        return false;
    }
    *v = minus ? sum : -sum;
    return true;
}

/* ---- text to double ------------------------------------------------------------------------------------------- */

/* The value is 0.DIGITS times 10 to the `point`. */
struct decimal {
    bool minus;
    int64_t point;
    size_t count; /* no leading zeros; 0: the number zero */
    char digit[DIGITS_MAX + 1];
};

static void take_digit(struct decimal *d, uint8_t c)
{
    if (d->count == 0 && c == '0') {
        return;
    }
    if (d->count < DIGITS_MAX) {
        d->digit[d->count++] = (char)c;
    } else if (c != '0') {
        d->digit[DIGITS_MAX - 1] = d->digit[DIGITS_MAX - 1] == '0' ? '1' : d->digit[DIGITS_MAX - 1];
    }
}

/* Digits with at most one point among them; false without any digit. */
static bool take_mantissa(struct sops_slice *s, struct decimal *d)
{
    bool any = false;
    bool behind_point = false;
    size_t i = 0;
    for (; i < s->len; i++) {
        uint8_t c = s->ptr[i];
        if (c == '.' && !behind_point) {
            behind_point = true;
            continue;
        }
        if (!sops_is_digit(c)) {
            break;
        }
        any = true;
        take_digit(d, c);
        if (!behind_point && d->count != 0) {
            d->point++;
        } else if (behind_point && d->count == 0) {
            d->point--;
        }
    }
    *s = sops_slice_skip(*s, i);
    return any;
}

/* Sign and digits, all that is left of `s`; saturates. */
static bool take_exponent(struct sops_slice s, int64_t *exponent)
{
    bool minus = s.len != 0 && s.ptr[0] == '-';
    if (s.len != 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = sops_slice_skip(s, 1);
    }
    int64_t sum = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!sops_is_digit(s.ptr[i])) {
            return false;
        }
        sum = sum < EXPONENT_MAX ? sum * 10 + (s.ptr[i] - '0') : sum;
    }
    *exponent = minus ? -sum : sum;
    return s.len != 0;
}

static bool decimal_parse(struct sops_slice s, struct decimal *d)
{
    d->minus = s.len != 0 && s.ptr[0] == '-';
    d->point = 0;
    d->count = 0;
    if (s.len != 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = sops_slice_skip(s, 1);
    }
    if (!take_mantissa(&s, d)) {
        return false;
    }
    if (s.len != 0) {
        int64_t exponent;
        if ((s.ptr[0] != 'e' && s.ptr[0] != 'E') || !take_exponent(sops_slice_skip(s, 1), &exponent)) {
            return false;
        }
        d->point += exponent;
    }
    return true;
}

/* Both factors are exact, so that the one operation rounds correctly. */
static bool decimal_small(const struct decimal *d, double *v)
{
    static const double ten_to[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t scale = d->point - (int64_t)d->count;
    if (d->count > 15 || scale < -22 || scale > 22) {
        return false;
    }
    int64_t digits = 0;
    for (size_t i = 0; i < d->count; i++) {
        digits = digits * 10 + (d->digit[i] - '0');
    }
    *v = scale < 0 ? (double)digits / ten_to[-scale] : (double)digits * ten_to[scale];
    return true;
}

static double decimal_value(const struct decimal *d)
{
    double v = 0;
    if (d->count != 0 && !decimal_small(d, &v)) {
        char text[DIGITS_MAX + 32];
        int64_t scale = d->point - (int64_t)d->count;
        scale = scale > EXPONENT_MAX ? EXPONENT_MAX : scale < -EXPONENT_MAX ? -EXPONENT_MAX : scale;
        (void)snprintf(text, sizeof text, "%.*se%lld", (int)d->count, d->digit, (long long)scale);
        v = strtod(text, NULL);
        sops_wipe(text, sizeof text);
    }
    return d->minus ? -v : v;
}

bool sops_float_parse(struct sops_slice s, double *v, bool *overflow)
{
    struct decimal d;
    bool over = false;
    bool good = decimal_parse(s, &d);
    if (good) {
        *v = decimal_value(&d);
        over = isinf(*v) != 0;
    }
    sops_wipe(d.digit, sizeof d.digit);
    if (overflow != NULL) {
        *overflow = over;
    }
    return good && !over;
}

/* ---- double to its shortest digits ----------------------------------------------------------------------------- */

/* `count` digits of the positive `v`, correctly rounded; trailing zeros are dropped. */
static void round_to(double v, int count, struct decimal *d)
{
    char text[48];
    int len = snprintf(text, sizeof text, "%.*e", count - 1, v);
    const char *mark = memchr(text, 'e', (size_t)len);
    d->minus = false;
    d->count = 0;
    for (const char *c = text; c < mark; c++) {
        if (sops_is_digit((uint8_t)*c)) { /* all but the point, whatever the locale has for one */
            d->digit[d->count++] = *c;
        }
    }
    while (d->count > 1 && d->digit[d->count - 1] == '0') {
        d->count--;
    }
    d->point = strtol(mark + 1, NULL, 10) + 1;
    sops_wipe(text, sizeof text);
}

/* The next larger number with as many digits. */
static void step_up(struct decimal *d, size_t count)
{
    while (d->count < count) {
        d->digit[d->count++] = '0';
    }
    size_t i = count;
    while (i != 0 && d->digit[i - 1] == '9') {
        i--;
    }
    if (i == 0) {
        d->digit[0] = '1';
        d->count = 1;
        d->point++;
        return;
    }
    d->digit[i - 1]++;
    d->count = i;
}

#define FRACTION ((UINT64_C(1) << 52) - 1) /* of a double */

/*
 * The shortest digits that read back as the positive, finite `v`, the closest when there are several. Rounding to n
 * digits finds them but for powers of two: there the upper neighbour is twice as far away as the lower one, so that the
 * number above may do where the closer one below does not.
 */
static void shortest(double v, struct decimal *d)
{
    /* 15 digits always survive, but for numbers so small that they have fewer bits. */
    int n = v < DBL_MIN ? 1 : DBL_DIG;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    /* One bit of the fraction, and of a number that is not denormal none: no frexp, for which libm would be loaded. */
    bool power = (bits & FRACTION) == 0 || (v < DBL_MIN && (bits & (bits - 1)) == 0);
    for (; n < DBL_DECIMAL_DIG; n++) {
        round_to(v, n, d);
        if (decimal_value(d) == v) {
            return;
        }
        if (power) {
            step_up(d, (size_t)n);
            if (decimal_value(d) == v) {
                return;
            }
        }
    }
    round_to(v, n, d);
}

static bool add_digits(struct sops_buf *out, const struct decimal *d, struct sops_err *e)
{
    struct sops_slice all = sops_slice_of(d->digit, d->count);
    if (d->point <= 0) {
        return sops_buf_adds(out, "0.", e) && sops_buf_addn(out, '0', (size_t)-d->point, e) &&
               sops_buf_add(out, all, e);
    }
    size_t whole = (size_t)d->point;
    if (whole >= d->count) {
        return sops_buf_add(out, all, e) && sops_buf_addn(out, '0', whole - d->count, e);
    }
    return sops_buf_add(out, sops_slice_first(all, whole), e) && sops_buf_addc(out, '.', e) &&
           sops_buf_add(out, sops_slice_skip(all, whole), e);
}

bool sops_float_canonical(struct sops_buf *out, double v, struct sops_err *e)
{
    if (isnan(v)) {
        return sops_buf_adds(out, "NaN", e);
    }
    if (isinf(v)) {
        return sops_buf_adds(out, v < 0 ? "-Inf" : "+Inf", e);
    }
    if (signbit(v) && !sops_buf_addc(out, '-', e)) {
        return false;
    }
    v = fabs(v);
    if (v < 1e15 && v == floor(v)) {
        char text[24];
        return sops_buf_add(out, sops_slice_of(text, sops_int_text((int64_t)v, text)), e);
    }
    struct decimal d;
    shortest(v, &d);
    bool done = add_digits(out, &d, e);
    sops_wipe(d.digit, sizeof d.digit);
    return done;
}

/* ---- the other texts, from the canonical one --------------------------------------------------------------------- */

static bool is_finite(struct sops_slice canonical)
{
    return canonical.len != 0 && sops_is_digit(canonical.ptr[canonical.len - 1]);
}

static bool has_point(struct sops_slice s) { return sops_slice_find(s, '.') != s.len; }

/* D.DDDe+XX with at least `least` digits in the exponent. */
static bool add_scientific(struct sops_buf *out, const struct decimal *d, char mark, int least, struct sops_err *e)
{
    size_t count = d->count;
    while (count > 1 && d->digit[count - 1] == '0') {
        count--;
    }
    int64_t exponent = d->point - 1;
    struct sops_slice rest = sops_slice_of(d->digit + 1, count - 1);
    if ((d->minus && !sops_buf_addc(out, '-', e)) || !sops_buf_addc(out, (uint8_t)d->digit[0], e) ||
        (rest.len != 0 && (!sops_buf_addc(out, '.', e) || !sops_buf_add(out, rest, e)))) {
        return false;
    }
    return sops_buf_addf(out, e, "%c%c%0*lld", mark, exponent < 0 ? '-' : '+', least,
                         (long long)(exponent < 0 ? -exponent : exponent));
}

struct notation {
    int64_t low, high; /* plain when the exponent of the first digit is in low..high-1 */
    char mark;
    int least;
    bool always_point;
};

static bool add_notation(struct sops_buf *out, struct sops_slice canonical, const struct notation *n,
                         struct sops_err *e)
{
    /* The int 0 has no sign: minus zero needs its point to come back as a float. */
    bool point = n->always_point || sops_slice_eq(canonical, SOPS_LIT("-0"));
    struct decimal d;
    bool done = decimal_parse(canonical, &d);
    if (!done) {
        done = sops_buf_add(out, canonical, e);
    } else if (d.count == 0 || (d.point - 1 >= n->low && d.point - 1 < n->high)) {
        done = sops_buf_add(out, canonical, e) && (!point || has_point(canonical) || sops_buf_adds(out, ".0", e));
    } else {
        done = add_scientific(out, &d, n->mark, n->least, e);
    }
    sops_wipe(d.digit, sizeof d.digit);
    return done;
}

bool sops_float_json(struct sops_buf *out, struct sops_slice canonical, struct sops_err *e)
{
    static const struct notation json = {.low = -6, .high = 21, .mark = 'e', .least = 1};
    if (!is_finite(canonical)) {
        return sops_fail(e, SOPS_E_DUMP, "JSON has no infinity and no NaN");
    }
    return add_notation(out, canonical, &json, e);
}

bool sops_float_yaml(struct sops_buf *out, struct sops_slice canonical, struct sops_err *e)
{
    static const struct notation yaml = {.low = -4, .high = 6, .mark = 'e', .least = 2};
    if (is_finite(canonical)) {
        return add_notation(out, canonical, &yaml, e);
    }
    if (sops_slice_eq(canonical, SOPS_LIT("NaN"))) {
        return sops_buf_adds(out, ".nan", e);
    }
    return sops_buf_adds(out, sops_slice_starts(canonical, SOPS_LIT("-")) ? "-.inf" : ".inf", e);
}

bool sops_float_plain(struct sops_buf *out, struct sops_slice canonical, struct sops_err *e)
{
    static const struct notation plain = {.low = -4, .high = 6, .mark = 'E', .least = 2, .always_point = true};
    return add_notation(out, canonical, &plain, e);
}
