/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles against the C library: what is read is what strtod reads, and no shorter digits than ours would do. */
#include "testing.h"

#include "base/double.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"1.", 1},
        {".5", 0.5},
        {"1.50", 1.5},
        {"1e3", 1000},
        {"1E+3", 1000},
        {"25e-1", 2.5},
        {"1e-400", 0},
        {"0.0e999", 0},
        {"1e400", HUGE_VAL},
        {"0.001e399", HUGE_VAL},
        {"1e-99999999999999999999", 0},
        {"1e99999999999999999999", HUGE_VAL},
        {"4.9e-324", 4.9e-324},
        {"2.4e-324", 0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"179769313486231580793e289", HUGE_VAL},
        {"0000000000000000000000000000000000000000000000000000001e300", 1e300},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double v = -1;
        assert_true(sops_double_read(sops_str(good[i].text), &v));
        assert_true(v == good[i].value);
    }
    static const char *const bad[] = {"",    "-1",    "+1",   "inf", "nan", "e5",  ".",    "1e",
                                      "1e+", "1.2.3", "0x10", " 1",  "1 ",  "1,5", "1e5x", "infinity"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double v;
        assert_false(sops_double_read(sops_str(bad[i]), &v));
    }
}

/* Many doubles of all sizes, from a generator of our own, so that each run sees the same. */
static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void check(double v)
{
    struct sops_decimal d;
    char text[64], fewer[64];
    double back = 0;
    sops_double_digits(v, &d);
    assert_true(d.count >= 1 && d.count <= 17 && d.digit[0] != '0');
    assert_true(d.count == 1 || d.digit[d.count - 1] != '0');
    (void)snprintf(text, sizeof text, "0.%.*se%d", (int)d.count, d.digit, d.point);
    assert_true(strtod(text, NULL) == v);
    assert_true(sops_double_read(sops_str(text), &back) && back == v);
    if (d.count > 1) { /* rounded to one digit less it is another number */
        (void)snprintf(fewer, sizeof fewer, "%.*e", (int)d.count - 2, v);
        assert_true(strtod(fewer, NULL) != v);
    }
}

static void digits(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252U;
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = next(&x) & ~(UINT64_C(1) << 63);
        double v;
        bits = i % 8 == 0 ? bits & (UINT64_C(0x7ff) << 52) : i % 8 == 1 ? bits & 0xfffff : bits;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v) && v != 0) {
            check(v);
        }
    }
    struct sops_decimal d;
    sops_double_digits(9007199254740993.0, &d);
    assert_int_equal(d.point, 16);
    assert_memory_equal(d.digit, "9007199254740992", 16);
    sops_double_digits(5e-324, &d);
    assert_true(d.count == 1 && d.digit[0] == '5' && d.point == -323);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(digits)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
