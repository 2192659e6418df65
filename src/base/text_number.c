/* SPDX-License-Identifier: Apache-2.0 */
/* Digits are double.cc's; here is how the texts of a number are laid out with them. */
#include "base/text.h"

#include "base/double.h"

#include <math.h>

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

/* ---- doubles ----------------------------------------------------------------------------------------------------- */

bool sops_float_parse(struct sops_slice s, double *v, bool *overflow)
{
    bool minus = s.len != 0 && s.ptr[0] == '-';
    bool good = sops_double_read(sops_slice_skip(s, minus || (s.len != 0 && s.ptr[0] == '+')), v);
    bool over = good && isinf(*v) != 0;
    *v = good && minus ? -*v : *v;
    if (overflow != NULL) {
        *overflow = over;
    }
    return good && !over;
}

static bool add_digits(struct sops_buf *out, const struct sops_decimal *d, struct sops_err *e)
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
    struct sops_decimal d;
    sops_double_digits(v, &d);
    bool done = add_digits(out, &d, e);
    sops_wipe(&d, sizeof d);
    return done;
}

/* ---- the other texts, from the canonical one --------------------------------------------------------------------- */

static bool is_finite(struct sops_slice canonical)
{
    return canonical.len != 0 && sops_is_digit(canonical.ptr[canonical.len - 1]);
}

static bool has_point(struct sops_slice s) { return sops_slice_find(s, '.') != s.len; }

/* D.DDDe+XX with at least `least` digits in the exponent. */
static bool add_scientific(struct sops_buf *out, const struct sops_decimal *d, char mark, int least, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_of(d->digit + 1, d->count - 1);
    int exponent = d->point - 1;
    return sops_buf_addc(out, (uint8_t)d->digit[0], e) &&
           (rest.len == 0 || (sops_buf_addc(out, '.', e) && sops_buf_add(out, rest, e))) &&
           sops_buf_addf(out, e, "%c%c%0*d", mark, exponent < 0 ? '-' : '+', least,
                         exponent < 0 ? -exponent : exponent);
}

struct notation {
    int low, high; /* plain when the exponent of the first digit is in low..high-1 */
    char mark;
    int least;
    bool always_point;
};

static bool add_notation(struct sops_buf *out, struct sops_slice canonical, const struct notation *n,
                         struct sops_err *e)
{
    /* The int 0 has no sign: minus zero needs its point to come back as a float. */
    bool point = n->always_point || sops_slice_eq(canonical, SOPS_LIT("-0"));
    struct sops_decimal d = {.point = 1};
    double v = 0;
    if (sops_float_parse(canonical, &v, NULL) && v != 0) {
        sops_double_digits(fabs(v), &d);
    }
    bool done = d.point - 1 < n->low || d.point - 1 >= n->high
                    ? (v > 0 || sops_buf_addc(out, '-', e)) && add_scientific(out, &d, n->mark, n->least, e)
                    : sops_buf_add(out, canonical, e) &&
                          (!point || !is_finite(canonical) || has_point(canonical) || sops_buf_adds(out, ".0", e));
    sops_wipe(&d, sizeof d);
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
