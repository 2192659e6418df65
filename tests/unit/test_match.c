/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of letters: what two have in common, and what becomes of three. */
#include "testing.h"

#include "core/match.h"

static const uint8_t key[SOPS_PRINT_KEY] = "0123456789abcde";

struct row {
    struct sops_print print[512];
    struct sops_row row;
};

static struct sops_row row_of(struct row *r, const char *letters)
{
    size_t n = strlen(letters);
    for (size_t i = 0; i < n; i++) {
        r->print[i] = sops_print_of(key, 0, sops_slice_of(letters + i, 1));
    }
    r->row = (struct sops_row){r->print, n};
    return r->row;
}

/* The length of a longest common subsequence, the slow way. */
static size_t lcs(const char *a, const char *b)
{
    static size_t len[128][128];
    size_t n = strlen(a), m = strlen(b);
    for (size_t i = 0; i <= n; i++) {
        for (size_t k = 0; k <= m; k++) {
            len[i][k] = i == 0 || k == 0                ? 0
                        : a[i - 1] == b[k - 1]          ? len[i - 1][k - 1] + 1
                        : len[i - 1][k] > len[i][k - 1] ? len[i - 1][k]
                                                        : len[i][k - 1];
        }
    }
    return len[n][m];
}

static void assert_matched(const char *a, const char *b)
{
    struct row x, y;
    struct sops_err e = {0};
    uint32_t to[512];
    bool far = true;
    assert_ok(sops_match(row_of(&x, a), row_of(&y, b), to, &far, &e), &e);
    assert_false(far);
    size_t matched = 0, next = 0;
    for (size_t i = 0; i < strlen(a); i++) {
        if (to[i] != SOPS_NO_MATCH) {
            assert_true(to[i] >= next && to[i] < strlen(b) && a[i] == b[to[i]]);
            next = to[i] + 1;
            matched++;
        }
    }
    assert_int_equal(matched, lcs(a, b));
}

static void test_two(void **state)
{
    (void)state;
    static const char *const rows[] = {"",     "a",      "ab",     "ba",      "abcabba", "cbabac",
                                       "xaxb", "aaaaaa", "aaabaa", "abcdefg", "gfedcba", "xyabcdzz"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            assert_matched(rows[i], rows[k]);
        }
    }
    uint32_t seed = 1;
    for (int round = 0; round < 300; round++) {
        char a[64] = {0}, b[64] = {0};
        for (size_t i = 0; i < 60; i++) {
            seed = seed * 1664525U + 1013904223U;
            a[i] = (char)('a' + (seed >> 16) % 4);
            b[i] = (char)('a' + (seed >> 20) % 4);
        }
        a[(seed >> 8) % 60] = '\0';
        assert_matched(a, b);
    }
}

/* Rows of 30,000 things without anything in common are told so at once; those that are too far apart are not guessed.
 */
static void test_bounds(void **state)
{
    (void)state;
    enum { MANY = 30000 };
    struct sops_err e = {0};
    struct sops_print *a = sops_alloc(MANY * sizeof *a, &e), *b = sops_alloc(MANY * sizeof *b, &e);
    uint32_t *to = sops_alloc(MANY * sizeof *to, &e);
    bool far = true;
    for (uint64_t i = 0; i < MANY; i++) {
        a[i] = (struct sops_print){{i, 0}};
        b[i] = (struct sops_print){{i, 1}};
    }
    assert_ok(sops_match((struct sops_row){a, MANY}, (struct sops_row){b, MANY}, to, &far, &e), &e);
    assert_false(far);
    assert_int_equal(to[7], SOPS_NO_MATCH);
    for (uint64_t i = 0; i < MANY; i++) {
        b[i] = (struct sops_print){{MANY - 1 - i, 0}};
    }
    assert_ok(sops_match((struct sops_row){a, MANY}, (struct sops_row){b, MANY}, to, &far, &e), &e);
    assert_true(far);
    sops_free(a);
    sops_free(b);
    sops_free(to);
}

struct three_rows {
    const char *base, *ours, *theirs, *want;
};

static void assert_three(const struct three_rows *c, enum sops_match_how how)
{
    struct row o, a, b;
    struct sops_err e = {0};
    struct sops_pieces p = {0};
    bool fits = false;
    char got[64] = {0};
    assert_ok(sops_match_three(row_of(&o, c->base), row_of(&a, c->ours), row_of(&b, c->theirs), how, &p, &fits, &e),
              &e);
    for (size_t k = 0; fits && k < p.count; k++) {
        const char *from = p.piece[k].from == SOPS_PIECE_THEIRS ? c->theirs : c->ours;
        strncat(got, from + p.piece[k].begin, p.piece[k].end - p.piece[k].begin);
    }
    if (fits != (c->want != NULL) || (fits && strcmp(got, c->want) != 0)) {
        fail_msg("base '%s', ours '%s', theirs '%s': %s'%s'", c->base, c->ours, c->theirs, fits ? "" : "no merge, ",
                 got);
    }
    sops_pieces_free(&p);
}

static void test_three(void **state)
{
    (void)state;
    /* want NULL: they do not fit */
    static const struct three_rows cases[] = {
        {"abc", "abc", "abc", "abc"},
        {"abc", "xbc", "abc", "xbc"},
        {"abc", "abc", "abx", "abx"},
        {"abcde", "xbcde", "abcdy", "xbcdy"},
        {"abc", "abc", "ac", "ac"},
        {"abc", "bc", "ab", "b"},
        {"abc", "axbc", "axbc", "axbc"},
        {"abc", "axbc", "aybc", NULL},
        {"ab", "xb", "ax", NULL},
        {"", "x", "", "x"},
        {"", "", "y", "y"},
        {"", "x", "y", NULL},
        {"", "xy", "xy", "xy"},
        {"abcd", "ad", "abcd", "ad"},
        {"abcd", "ad", "abxd", NULL},
        {"abc", "", "abc", ""},
        {"abc", "", "", ""},
        {"abc", "", "abx", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_three(&cases[i], SOPS_MATCH_APART);
    }
}

/* A thing that one side still has was changed by the other; what both add stands there, ours first. */
static void test_touching(void **state)
{
    (void)state;
    static const struct three_rows cases[] = {
        {"ab", "xb", "ay", "xy"},     {"ab", "ay", "xb", "xy"},         {"", "x", "y", "xy"},
        {"a", "ax", "ay", "axy"},     {"ab", "xyb", "az", "xyz"},       {"abc", "xbc", "abyc", "xbyc"},
        {"ab", "b", "ay", "y"},       {"ab", "a", "yb", "y"},           {"a", "x", "y", NULL},
        {"abc", "xbz", "ayc", "xyz"}, {"abc", "ab", "xbcd", "xbd"},     {"a", "x", "ay", "xy"},
        {"ab", "xb", "ya", "yx"},     {"abc", "axbc", "aybc", "axybc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_three(&cases[i], SOPS_MATCH_TOUCHING);
    }
}

/* One side takes out all of a long text, the other puts something behind it: as long as the text is, no longer. */
static void test_touching_is_linear(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    struct sops_err e = {0};
    struct sops_pieces p = {0};
    bool fits = false;
    struct sops_print *base = sops_alloc((MANY + 1) * sizeof *base, &e);
    for (uint64_t i = 0; i <= MANY; i++) {
        base[i] = (struct sops_print){{i, 0}};
    }
    assert_ok(sops_match_three((struct sops_row){base, MANY}, (struct sops_row){base, MANY + 1},
                               (struct sops_row){base, 0}, SOPS_MATCH_TOUCHING, &p, &fits, &e),
              &e);
    assert_true(fits);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.piece[0].begin, MANY);
    sops_pieces_free(&p);
    sops_free(base);
}

static void test_lines(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_lines l = {0};
    assert_ok(sops_lines_split(SOPS_LIT("a\nb\n\na\nend"), key, &l, &e), &e);
    assert_int_equal(l.count, 5);
    assert_true(sops_print_eq(&l.print[0], &l.print[3]));
    assert_false(sops_print_eq(&l.print[0], &l.print[1]));
    assert_int_equal(l.begin[2], 4);
    assert_int_equal(l.begin[5], 10);
    sops_lines_free(&l);
    assert_ok(sops_lines_split(SOPS_LIT(""), key, &l, &e), &e);
    assert_int_equal(l.count, 0);
    sops_lines_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_three),
        cmocka_unit_test(test_touching),
        cmocka_unit_test(test_touching_is_linear),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
