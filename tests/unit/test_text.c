/* SPDX-License-Identifier: Apache-2.0 */
/* The expected texts of floats are those of docs/spec/20-formats.md and of other programs that print shortest digits.
 */
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static void utf8_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len, want;
        uint32_t cp;
    } cases[] = {
        {"A", 1, 1, 'A'},
        {"\xC3\xA9", 2, 2, 0xE9},
        {"\xE2\x82\xAC", 3, 3, 0x20AC},
        {"\xF0\x9F\x98\x80", 4, 4, 0x1F600},
        {"\xEF\xBF\xBF", 3, 3, 0xFFFF},
        {"\xF4\x8F\xBF\xBF", 4, 4, 0x10FFFF},
        {"\xC0\x80", 2, 0, 0},         /* overlong */
        {"\xC1\xBF", 2, 0, 0},         /* overlong */
        {"\xE0\x9F\xBF", 3, 0, 0},     /* overlong */
        {"\xF0\x8F\xBF\xBF", 4, 0, 0}, /* overlong */
        {"\xED\xA0\x80", 3, 0, 0},     /* surrogate */
        {"\xF4\x90\x80\x80", 4, 0, 0}, /* beyond the last */
        {"\xE2\x82", 2, 0, 0},         /* cut */
        {"\x80", 1, 0, 0},
        {"\xFF", 1, 0, 0},
        {"\xE2\x28\xA1", 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t cp = 0;
        struct sops_slice s = sops_slice_of(cases[i].text, cases[i].len);
        assert_int_equal(sops_utf8_next(s, &cp), cases[i].want);
        assert_int_equal(sops_utf8_valid(s), cases[i].want != 0);
        if (cases[i].want != 0) {
            assert_int_equal(cp, cases[i].cp);
            struct sops_buf out = {0};
            struct sops_err e = {0};
            assert_true(sops_utf8_add(&out, cp, &e));
            assert_true(sops_slice_eq(sops_buf_view(&out), s));
            sops_buf_free(&out);
        }
    }
    assert_true(sops_utf8_valid(SOPS_LIT("ten ASCII bytes, then \xC3\xA9 and ten more of them")));
    assert_false(sops_utf8_valid(SOPS_LIT("ten ASCII bytes, then \xC3 and ten more of them")));
}

static void unicode_space_is_trimmed(void **state)
{
    (void)state;
    struct sops_slice s = SOPS_LIT(" \t\xC2\x85\xE3\x80\x80\xE2\x80\x8Ax y\xC2\xA0\xE1\x9A\x80\r\n");
    assert_true(sops_slice_eq(sops_text_trim(s), SOPS_LIT("x y")));
    assert_true(sops_slice_eq(sops_text_trim_left(SOPS_LIT("\v\fx ")), SOPS_LIT("x ")));
    assert_true(sops_slice_eq(sops_text_trim_right(SOPS_LIT(" x\xE2\x80\xA9")), SOPS_LIT(" x")));
    assert_int_equal(sops_text_trim(SOPS_LIT(" \n\xE2\x81\x9F")).len, 0);
    /* A lone tail byte, and a zero width space, are no space. */
    assert_int_equal(sops_text_trim(SOPS_LIT("\x85")).len, 1);
    assert_int_equal(sops_text_trim(SOPS_LIT("\x80\x80\x80\x80\x80")).len, 5);
    assert_int_equal(sops_text_trim(SOPS_LIT("\xE2\x80\x8B")).len, 3);
}

static void ints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* want NULL: no int */
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"+17", "17"},
        {"007", "7"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", NULL},
        {"-9223372036854775809", NULL},
        {"", NULL},
        {"-", NULL},
        {"1 ", NULL},
        {"0x1", NULL},
        {"1_0", NULL},
        {"+-1", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 0;
        assert_int_equal(sops_int_parse(sops_str(cases[i].text), &v), cases[i].want != NULL);
        if (cases[i].want != NULL) {
            char text[24];
            assert_true(sops_slice_eq(sops_slice_of(text, sops_int_text(v, text)), sops_str(cases[i].want)));
        }
    }
}

static void check(struct sops_buf *out, const char *want)
{
    assert_int_equal(out->len, strlen(want));
    assert_memory_equal(out->ptr, want, out->len);
    sops_buf_cut(out, 0);
}

static void floats_have_four_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical, *json, *yaml, *plain;
    } cases[] = {
        {"1.0", "1", "1", "1", "1.0"},
        {"0.1", "0.1", "0.1", "0.1", "0.1"},
        {"-0.0", "-0", "-0.0", "-0.0", "-0.0"},
        {"0e5", "0", "0", "0", "0.0"},
        {".5", "0.5", "0.5", "0.5", "0.5"},
        {"5.", "5", "5", "5", "5.0"},
        {"1e5", "100000", "100000", "100000", "100000.0"},
        {"1e6", "1000000", "1000000", "1e+06", "1E+06"},
        {"21000000.0", "21000000", "21000000", "2.1e+07", "2.1E+07"},
        {"999999.5", "999999.5", "999999.5", "999999.5", "999999.5"},
        {"1234567.5", "1234567.5", "1234567.5", "1.2345675e+06", "1.2345675E+06"},
        {"123456789.5", "123456789.5", "123456789.5", "1.234567895e+08", "1.234567895E+08"},
        {"1e20", "100000000000000000000", "100000000000000000000", "1e+20", "1E+20"},
        {"1e21", "1000000000000000000000", "1e+21", "1e+21", "1E+21"},
        {"0.0001", "0.0001", "0.0001", "0.0001", "0.0001"},
        {"0.00001", "0.00001", "0.00001", "1e-05", "1E-05"},
        {"0.000001", "0.000001", "0.000001", "1e-06", "1E-06"},
        {"1e-7", "0.0000001", "1e-7", "1e-07", "1E-07"},
        {"-1.5e-7", "-0.00000015", "-1.5e-7", "-1.5e-07", "-1.5E-07"},
        {"1.5e-10", "0.00000000015", "1.5e-10", "1.5e-10", "1.5E-10"},
        {"9223372036854775808", "9223372036854776000", "9223372036854776000", "9.223372036854776e+18",
         "9.223372036854776E+18"},
        {"0.30000000000000004", "0.30000000000000004", "0.30000000000000004", "0.30000000000000004",
         "0.30000000000000004"},
    };
    struct sops_buf c = {0}, out = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v;
        assert_true(sops_float_parse(sops_str(cases[i].text), &v, NULL));
        assert_true(sops_float_canonical(&c, v, &e));
        assert_true(sops_float_json(&out, sops_buf_view(&c), &e));
        check(&out, cases[i].json);
        assert_true(sops_float_yaml(&out, sops_buf_view(&c), &e));
        check(&out, cases[i].yaml);
        assert_true(sops_float_plain(&out, sops_buf_view(&c), &e));
        check(&out, cases[i].plain);
        check(&c, cases[i].canonical);
    }
    sops_buf_free(&c);
    sops_buf_free(&out);
}

static void digits_are_the_shortest(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* scientific notation */
    } cases[] = {
        {"5e-324", "5e-324"},
        {"4.9406564584124654e-324", "5e-324"},
        {"1.5e-323", "1.5e-323"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"2.2250738585072011e-308", "2.225073858507201e-308"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"5.684341886080801486968994140625e-14", "5.684341886080802e-14"}, /* 2^-44: the neighbour above */
        {"9.5367431640625e-7", "9.5367431640625e-7"},
        {"1e23", "1e+23"},
        {"8.41e21", "8.41e+21"},
        {"9.223372036854775807e30", "9.223372036854776e+30"},
    };
    struct sops_buf c = {0}, out = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v;
        assert_true(sops_float_parse(sops_str(cases[i].text), &v, NULL));
        assert_true(sops_float_canonical(&c, v, &e));
        assert_true(sops_float_json(&out, sops_buf_view(&c), &e));
        double again;
        assert_true(sops_float_parse(sops_buf_view(&c), &again, NULL));
        assert_true(v == again);
        check(&out, cases[i].want);
        sops_buf_cut(&c, 0);
    }
    sops_buf_free(&c);
    sops_buf_free(&out);
}

static void floats_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      ".",     "-",   "+.",  "e5",  "1e", "1e+",
                                      "1.2.3", "0x1p3", "inf", "nan", "1_0", " 1", "1 "};
    double v;
    bool over;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(sops_float_parse(sops_str(bad[i]), &v, &over));
        assert_false(over);
    }
    assert_false(sops_float_parse(SOPS_LIT("1e400"), &v, &over));
    assert_true(over);
    assert_false(sops_float_parse(SOPS_LIT("-1e99999999999999999999"), &v, &over));
    assert_true(over);
    assert_true(sops_float_parse(SOPS_LIT("1e-400"), &v, &over));
    assert_true(v == 0 && !over);
    assert_true(sops_float_parse(SOPS_LIT("0e99999999999"), &v, &over));
    assert_true(v == 0 && !over);
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_true(sops_float_canonical(&out, HUGE_VAL, &e));
    assert_false(sops_float_json(&out, SOPS_LIT("+Inf"), &e));
    assert_int_equal(e.code, SOPS_E_DUMP);
    check(&out, "+Inf");
    sops_err_clear(&e);
    assert_true(sops_float_canonical(&out, -HUGE_VAL, &e) && sops_float_canonical(&out, (double)NAN, &e));
    check(&out, "-InfNaN");
    assert_true(sops_float_yaml(&out, SOPS_LIT("+Inf"), &e) && sops_float_yaml(&out, SOPS_LIT("-Inf"), &e) &&
                sops_float_yaml(&out, SOPS_LIT("NaN"), &e));
    check(&out, ".inf-.inf.nan");
    assert_true(sops_float_plain(&out, SOPS_LIT("+Inf"), &e) && sops_float_plain(&out, SOPS_LIT("NaN"), &e));
    check(&out, "+InfNaN");
    sops_buf_free(&out);
}

/* Halfway between two doubles the digits far behind decide, and thousands of them cost no more than they are long. */
static void long_digits_round_correctly(void **state)
{
    (void)state;
    struct sops_buf text = {0};
    struct sops_err e = {0};
    double v;
    assert_true(sops_buf_adds(&text, "9007199254740993.", &e) && sops_buf_addn(&text, '0', 5000, &e));
    assert_true(sops_float_parse(sops_buf_view(&text), &v, NULL));
    assert_true(v == 9007199254740992.0);
    assert_true(sops_buf_addc(&text, '1', &e));
    assert_true(sops_float_parse(sops_buf_view(&text), &v, NULL));
    assert_true(v == 9007199254740994.0);
    sops_buf_free(&text);
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want, *plain; /* want NULL: no time */
    } cases[] = {
        {"2026-04-01T10:00:00Z", "2026-04-01T10:00:00Z", "2026-04-01T10:00:00Z"},
        {"2026-04-01T9:00:00Z", "2026-04-01T09:00:00Z", "2026-04-01T09:00:00Z"},
        {"2026-04-01T10:00:00.5+02:00", "2026-04-01T10:00:00.5+02:00", "2026-04-01T10:00:00+02:00"},
        {"2026-04-01T10:00:00,120Z", "2026-04-01T10:00:00.12Z", "2026-04-01T10:00:00Z"},
        {"2026-04-01T10:00:00.1234567899-00:30", "2026-04-01T10:00:00.123456789-00:30", "2026-04-01T10:00:00-00:30"},
        {"2026-04-01T10:00:00-00:00", "2026-04-01T10:00:00Z", "2026-04-01T10:00:00Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
        {"0000-01-01T00:00:00+24:60", "0000-01-01T00:00:00+25:00", "0000-01-01T00:00:00+25:00"},
        {"9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59-12:00"},
        {"2023-02-29T00:00:00Z", NULL, NULL},
        {"2026-13-01T00:00:00Z", NULL, NULL},
        {"2026-00-01T00:00:00Z", NULL, NULL},
        {"2026-04-00T00:00:00Z", NULL, NULL},
        {"2026-04-01T24:00:00Z", NULL, NULL},
        {"2026-04-01T10:60:00Z", NULL, NULL},
        {"2026-04-01T10:00:60Z", NULL, NULL},
        {"2026-04-01T10:00:00.Z", NULL, NULL},
        {"2026-04-01T10:00:00", NULL, NULL},
        {"2026-04-01T10:00:00z", NULL, NULL},
        {"2026-04-01t10:00:00Z", NULL, NULL},
        {"2026-04-01T10:00:00Z\r", NULL, NULL},
        {"2026-04-01T10:00:00+25:00", NULL, NULL},
        {"2026-04-01T10:00:00+01:61", NULL, NULL},
        {"2026-4-01T10:00:00Z", NULL, NULL},
        {"2026-04-01T10:0:00Z", NULL, NULL},
        {"", NULL, NULL},
    };
    struct sops_buf out = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_time t;
        assert_int_equal(sops_time_parse(sops_str(cases[i].text), &t), cases[i].want != NULL);
        if (cases[i].want != NULL) {
            assert_true(sops_time_text(&out, &t, &e));
            check(&out, cases[i].want);
            assert_true(sops_time_plain(&out, sops_str(cases[i].want), &e));
            check(&out, cases[i].plain);
        }
    }
    assert_true(sops_time_utc(&out, 1775037600, &e));
    check(&out, "2026-04-01T10:00:00Z");
    assert_true(sops_time_utc(&out, -1, &e));
    check(&out, "1969-12-31T23:59:59Z");
    sops_buf_free(&out);
}

static void days_count_both_ways(void **state)
{
    (void)state;
    assert_int_equal(sops_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(sops_days_from_civil(2000, 3, 1), 11017);
    int64_t before = sops_days_from_civil(-1, 12, 31);
    for (int64_t year = 0; year <= 2400; year += 7) {
        for (unsigned month = 1; month <= 12; month++) {
            int64_t days = sops_days_from_civil(year, month, 28);
            int64_t y;
            unsigned m, d;
            sops_civil_from_days(days, &y, &m, &d);
            assert_true(days > before && y == year && m == month && d == 28);
            before = days;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_read_strictly),
        cmocka_unit_test(unicode_space_is_trimmed),
        cmocka_unit_test(ints),
        cmocka_unit_test(floats_have_four_texts),
        cmocka_unit_test(digits_are_the_shortest),
        cmocka_unit_test(floats_that_are_none),
        cmocka_unit_test(long_digits_round_correctly),
        cmocka_unit_test(times),
        cmocka_unit_test(days_count_both_ways),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
