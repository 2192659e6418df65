/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax that is taken and refused (docs/spec/10-document-and-cipher.md#regular-expressions), and what is matched.
 */
#include "testing.h"

#include "core/regex.h"

struct row {
    const char *pattern, *yes, *no; /* a text that it matches, one that it does not; NULL: none such */
};

static void taken(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "", NULL},
        {"a.c", "xabcx", "a\nc"},
        {"(?s)a.c", "a\nc", "ac"},
        {"^abc$", "abc", "abc\n"},
        {"(?m)^b$", "a\nb\nc", "ab"},
        {"\\Aabc\\z", "abc", "abcd"},
        {"\\bone\\b", "key one", "keyone"},
        {"\\Bne", "one", "ne"},
        {"^(?:a|b)(?P<n>c)(?<m>d)$", "acd", "cd"},
        {"(?<a>a)(?P<a>b)", "ab", "ba"},
        {"(?i)abc", "ABC", "AB"},
        {"(?i-s)a.c", "AxC", "a\nc"},
        {"(?i:a)b", "Ab", "aB"},
        {"(?U)a+b", "aab", "b"},
        {"^a*?b+?c??$", "aabc", "ac"},
        {"^a{2}b{1,}c{1,2}d{0,1}?$", "aabbcc", "abc"},
        {"^\\d\\w\\s\\D\\W\\S$", "1a x-y",
         "\xD9\xA3"
         "a x-y"},
        {"^[[:alpha:]]+$", "abc", "na\xC3\xAFve"},
        {"[[:^alnum:]]", "a-b", "ab"},
        {"^\\pL+$", "na\xC3\xAFve", "a1"},
        {"^\\p{Lu}", "Ab", "ab"},
        {"\\p{Greek}", "\xCE\xA9mega", "omega"},
        {"^\\P{L}+$", "12", "1a"},
        {"^\\x61\\x{3a9}\\142\\t\\n$",
         "a\xCE\xA9"
         "b\t\n",
         "a"},
        {"^\\Q(a|b)\\E$", "(a|b)", "a"},
        {"\\Qa.b", "a.b", "axb"},
        {"\\_\\-\\/\\$", "_-/$", "$"},
        {"x{", "x{", "x"},
        {"^}{$", "}{", "}"},
        {"a{,2}", "a{,2}", "aa"},
        {"^[]a]$", "]", "b"},
        {"^[^]a]$", "b", "]"},
        {"^[[a]$", "[", "b"},
        {"[\\d_]", "x_", "x"},
        {"(?i)k", "\xE2\x84\xAA", "x"},
        {"(?i)s", "\xC5\xBF", "x"},
        {"^(|x)abc$", "xabc", "yabc"},
        {"a||b", "", NULL},
        {"a{1000}", NULL, "a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_regex *r = sops_regex_new(sops_str(rows[i].pattern), &e);
        if (r == NULL) {
            print_error("%s: %s\n", rows[i].pattern, e.msg);
        }
        assert_non_null(r);
        bool yes = rows[i].yes == NULL || sops_regex_match(r, sops_str(rows[i].yes));
        bool no = rows[i].no == NULL || !sops_regex_match(r, sops_str(rows[i].no));
        if (!yes || !no) {
            print_error("%s: matches %d, else %d\n", rows[i].pattern, yes, !no);
        }
        assert_true(yes && no);
        sops_regex_free(r);
    }
}

/* Names of \p{...}: long ones, in any case, with blanks; those that RE2 does not have. */
static void names_of_classes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"\\p{Letter}", "a", "1"},
        {"\\p{ lower-case_LETTER }", "a", "A"},
        {"\\ps", "+", "a"},
        {"\\p{gr eek}", "\xCE\xA9", "a"},
        {"\\p{^Greek}", "a", "\xCE\xA9"},
        {"\\P{^greek}", "\xCE\xA9", "a"},
        {"\\p{any}", "a", ""},
        {"\\p{ASCII}", "a", "\xCE\xA9"},
        {"\\P{ASCII}", "\xCE\xA9", "a"},
        {"[\\P{ascii}b]", "b", "a"},
        {"\\p{Cn}", "\xCD\xB8", "a"},
        {"\\P{Cn}", "a", "\xCD\xB8"},
        {"[\\p{Cn}b]", "\xCD\xB8", "a"},
        {"[^\\p{Cn}b]", "a", "\xCD\xB8"},
        {"\\p{Assigned}", "a", "\xCD\xB8"},
        {"\\pC", "\xCD\xB8", "a"},
        {"\\p{other}", "\x7f", "a"},
        {"^[\\pC]$", "\x01", "a"},
        {"\\PC", "a", "\x01"},
        {"\\p{LC}", "a", "1"},
        {"[\\P{LC}]", "1", "a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_regex *r = sops_regex_new(sops_str(rows[i].pattern), &e);
        if (r == NULL || !sops_regex_match(r, sops_str(rows[i].yes)) || sops_regex_match(r, sops_str(rows[i].no))) {
            print_error("%s: %s\n", rows[i].pattern, e.msg);
            fail();
        }
        sops_regex_free(r);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        "(?<!a)b",
        "(?>a)",
        "(a)\\1",
        "\\k<n>",
        "a++",
        "a**",
        "a{2}{3}",
        "*x",
        "a{1001}",
        "a{2,1}",
        "(",
        ")",
        "[a",
        "[z-a]",
        "\\Z",
        "\\h",
        "\\e",
        "[[:foo:]]",
        "(a{1000}){1000}",
        "\\p{Nope}",
        "\\u0041",
        "\\y",
        "\\8",
        "(?x) a",
        "(?#c)a",
        "(?P<n-x>a)",
        "a\\",
        "\\C",
        "[\\C]",
        "(?<\xC3\xA9>a)",
        "(?<>a)",
        "(?P<a",
        "\\p{",
        "\\p",
        "\\p{Script=Greek}",
        "\\p{L&}",
        "\xff",
        "\\pL{1000}",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct sops_err e = {0};
        struct sops_regex *r = sops_regex_new(sops_str(patterns[i]), &e);
        if (r != NULL || e.code != SOPS_E_GENERIC || strstr(e.msg, patterns[i]) == NULL) {
            print_error("%s: %s\n", patterns[i], e.msg);
            fail();
        }
    }
}

/* Each byte that is not UTF-8 counts as one U+FFFD. */
static void bytes_that_are_no_text(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_regex *r = sops_regex_new(SOPS_LIT("^a\\x{FFFD}{3}b$"), &e);
    assert_non_null(r);
    assert_true(sops_regex_match(r, SOPS_LIT("a\xED\xA0\x80"
                                             "b")));
    assert_false(sops_regex_match(r, SOPS_LIT("a\xED\xA0"
                                              "b")));
    sops_regex_free(r);
    r = sops_regex_new(SOPS_LIT("^a.b$"), &e);
    assert_non_null(r);
    assert_true(sops_regex_match(r, sops_slice_of("a\0b", 3)));
    sops_regex_free(r);
    sops_regex_free(NULL);
}

/* A pattern that makes backtracking engines hang. */
static void time_is_linear(void **state)
{
    (void)state;
    static uint8_t text[100000];
    struct sops_err e = {0};
    struct sops_regex *r = sops_regex_new(SOPS_LIT("^(a|aa)+$"), &e);
    assert_non_null(r);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    assert_false(sops_regex_match(r, sops_slice_of(text, sizeof text)));
    sops_regex_free(r);
}

/* As Go's ReplaceAllString. */
static void replaced(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text, *target, *want;
    } row[] = {
        {"([a-z]+)-(?P<x>[0-9]+)", "a-1, b-22!", "${x}/$1$$", "1/a$, 22/b$!"},
        {"([a-z]+)", "ab c", "$1x-${1}x-$x", "-abx- -cx-"},
        {"x*", "axb", "-", "-a-b-"},
        {"a*", "baaac", "x", "xbxcx"},
        {"^k(.)?$", "k", "[$1]", "[]"},
        {"nothing", "text", "$0", "text"},
        {".",
         "\xC3\xA9"
         "e",
         "<$0>", "<\xC3\xA9><e>"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        struct sops_regex *r = sops_regex_capturing(sops_str(row[i].pattern), &e);
        assert_non_null(r);
        assert_true(sops_regex_replace(r, sops_str(row[i].text), sops_str(row[i].target), &out, &e));
        assert_string_equal(sops_buf_cstr(&out, &e), row[i].want);
        sops_buf_free(&out);
        sops_regex_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),          cmocka_unit_test(names_of_classes),
        cmocka_unit_test(refused),        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(time_is_linear), cmocka_unit_test(replaced),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
