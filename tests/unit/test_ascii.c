/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of ASCII characters, for each byte there is, against <ctype.h> in the locale "C"; and words of them. */
#include "testing.h"

#include "base/ascii.h"
#include "base/encode.h"

#include <ctype.h>

static void classes(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        uint8_t b = (uint8_t)c;
        assert_int_equal(sops_is_digit(b), isdigit(c) != 0);
        assert_int_equal(sops_is_lower(b), islower(c) != 0);
        assert_int_equal(sops_is_upper(b), isupper(c) != 0);
        assert_int_equal(sops_is_letter(b), isalpha(c) != 0);
        assert_int_equal(sops_is_alnum(b), isalnum(c) != 0);
        assert_int_equal(sops_is_white(b), isspace(c) != 0);
        assert_int_equal(sops_to_lower(b), tolower(c));
        assert_int_equal(sops_to_upper(b), toupper(c));
        assert_int_equal(sops_hex_digit(b) < 16, isxdigit(c) != 0);
    }
    static const char digits[] = "0123456789abcdefABCDEF";
    for (unsigned i = 0; i < 22; i++) {
        assert_int_equal(sops_hex_digit((uint8_t)digits[i]), i < 16 ? i : i - 6);
    }
}

static void words(void **state)
{
    (void)state;
    bool value = true;
    assert_int_equal(sops_digits(SOPS_LIT("")), 0);
    assert_int_equal(sops_digits(SOPS_LIT("12a3")), 2);
    assert_int_equal(sops_digits(SOPS_LIT("123")), 3);
    assert_true(sops_only_alnum(SOPS_LIT("aZ9-."), ".-"));
    assert_true(sops_only_alnum(SOPS_LIT(""), ""));
    assert_false(sops_only_alnum(SOPS_LIT("a/b"), ".-"));
    assert_false(sops_only_alnum(SOPS_LIT("a\0b"), ".-"));
    assert_false(sops_only_alnum(SOPS_LIT("\xc3\xa4"), ".-"));
    assert_true(sops_has_control(SOPS_LIT("a\nb")) && sops_has_control(SOPS_LIT("\x7f")));
    assert_false(sops_has_control(SOPS_LIT("a b\xc3\xa4")) || sops_has_control(SOPS_LIT("")));
    assert_true(sops_has_unseen(SOPS_LIT("a b")) && sops_has_unseen(SOPS_LIT("\t")));
    assert_false(sops_has_unseen(SOPS_LIT("!~\xc3\xa4")));
    assert_true(sops_same_word(SOPS_LIT("LocalHost"), SOPS_LIT("localhost")));
    assert_false(sops_same_word(SOPS_LIT("localhost."), SOPS_LIT("localhost")));
    assert_false(sops_same_word(SOPS_LIT("a localhost"), SOPS_LIT("localhost")));
    assert_true(sops_ends_word(SOPS_LIT("x.Example.COM"), SOPS_LIT(".example.com")));
    assert_false(sops_ends_word(SOPS_LIT("com"), SOPS_LIT(".com")));
    assert_false(sops_ends_word(SOPS_LIT("{"), SOPS_LIT("["))); /* 0x20 apart, and no letters */
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < 6; i++) {
        assert_true(sops_bool_word(sops_str(no[i]), &value));
        assert_false(value);
        assert_true(sops_bool_word(sops_str(yes[i]), &value));
        assert_true(value);
    }
    static const char *const none[] = {"", "yes", "tRUE", "2", "01"};
    for (size_t i = 0; i < 5; i++) {
        assert_false(sops_bool_word(sops_str(none[i]), &value));
        assert_true(value);
    }
}

static void percent(void **state)
{
    (void)state;
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(sops_percent_add(&out, SOPS_LIT("aZ9-_.~/ %\0\xff"), "/", &e), &e);
    assert_slice(sops_buf_view(&out), "aZ9-_.~/%20%25%00%FF");
    struct sops_buf back = {0};
    assert_ok(sops_percent_take(&back, sops_buf_view(&out), &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&back), SOPS_LIT("aZ9-_.~/ %\0\xff")));
    sops_buf_cut(&back, 0);
    assert_ok(sops_percent_take(&back, SOPS_LIT("%zz%4%41%aF%"), &e), &e);
    assert_slice(sops_buf_view(&back), "%zz%4A\xaf%");
    sops_buf_free(&back);
    sops_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classes), cmocka_unit_test(words), cmocka_unit_test(percent)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
