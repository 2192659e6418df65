/* SPDX-License-Identifier: Apache-2.0 */
/* Git's packets: what is taken, what is refused, and that no answer is longer than a packet may be. */
#include "testing.h"

#include "cli/pkt.h"

#include <stdio.h>

/* Gives a text in pieces of three bytes, as a pipe may. */
static ptrdiff_t read_some(void *ctx, void *to, size_t n, struct sops_err *e)
{
    (void)e;
    struct sops_slice *rest = ctx;
    size_t some = n < 3 ? n : 3;
    some = some < rest->len ? some : rest->len;
    if (some != 0) {
        memcpy(to, rest->ptr, some);
    }
    *rest = sops_slice_skip(*rest, some);
    return (ptrdiff_t)some;
}

static void reading(void **state)
{
    (void)state;
    static const struct {
        const char *given, *taken; /* NULL: it is refused, */
        enum sops_pkt what;
        const char *why; /* with these words in it */
    } rows[] = {
        {"0008abcd", "abcd", SOPS_PKT_DATA, NULL},
        {"0008ab\ncXX", "ab\nc", SOPS_PKT_DATA, NULL},
        {"0004", "", SOPS_PKT_DATA, NULL},
        {"000Aabcdef", "abcdef", SOPS_PKT_DATA, NULL},
        {"0000more", "", SOPS_PKT_FLUSH, NULL},
        {"", "", SOPS_PKT_END, NULL},
        {"0001", NULL, SOPS_PKT_DATA, "a length that no packet has"},
        {"0003", NULL, SOPS_PKT_DATA, "a length that no packet has"},
        {"fff1", NULL, SOPS_PKT_DATA, "a length that no packet has"},
        {"00x8abcd", NULL, SOPS_PKT_DATA, "a length is no number"},
        {"00", NULL, SOPS_PKT_DATA, "end within a length"},
        {"0009abcd", NULL, SOPS_PKT_DATA, "end within a packet"},
        {"0020abcd", NULL, SOPS_PKT_DATA, "more than 10 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_slice rest = sops_str(rows[i].given);
        struct sops_pkt_source s = {read_some, &rest};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        enum sops_pkt what = SOPS_PKT_DATA;
        bool ok = sops_pkt_read(&s, &out, 10, &what, &e);
        if (rows[i].taken != NULL) {
            assert_ok(ok, &e);
            assert_slice(sops_buf_view(&out), rows[i].taken);
            assert_int_equal(what, rows[i].what);
        } else {
            assert_false(ok);
            assert_int_equal(e.code, SOPS_E_READ);
            assert_non_null(strstr(e.msg, rows[i].why));
        }
        sops_buf_free(&out);
        sops_err_clear(&e);
    }
}

/* The limit is that of all that is collected, not of one packet. */
static void reading_with_a_limit(void **state)
{
    (void)state;
    struct sops_slice rest = SOPS_LIT("000aabcdef000aghijkl");
    struct sops_pkt_source s = {read_some, &rest};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    enum sops_pkt what;
    assert_ok(sops_pkt_read(&s, &out, 10, &what, &e), &e);
    assert_false(sops_pkt_read(&s, &out, 10, &what, &e));
    assert_slice(sops_buf_view(&out), "abcdef");
    sops_buf_free(&out);
    sops_err_clear(&e);
}

static void writing(void **state)
{
    (void)state;
    struct sops_buf bytes = {0}, out = {0}, back = {0};
    struct sops_err e = {0};
    enum sops_pkt what = SOPS_PKT_DATA;
    size_t packets = 0;
    assert_ok(sops_buf_addn(&bytes, 'x', 150000, &e), &e);
    assert_ok(sops_pkt_add(&out, sops_buf_view(&bytes), &e) && sops_pkt_add(&out, SOPS_LIT(""), &e) &&
                  sops_pkt_flush(&out, &e),
              &e);
    assert_slice(sops_slice_first(sops_buf_view(&out), 4), "fff0");
    struct sops_slice rest = sops_buf_view(&out);
    struct sops_pkt_source s = {read_some, &rest};
    for (; what == SOPS_PKT_DATA; packets++) {
        assert_ok(sops_pkt_read(&s, &back, 200000, &what, &e), &e);
    }
    assert_int_equal(packets, 4);
    assert_int_equal(what, SOPS_PKT_FLUSH);
    assert_true(sops_slice_eq(sops_buf_view(&back), sops_buf_view(&bytes)));
    sops_buf_free(&bytes);
    sops_buf_free(&out);
    sops_buf_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(reading_with_a_limit),
        cmocka_unit_test(writing),
    };
    return cmocka_run_group_tests_name("pkt", tests, NULL, test_no_leaks);
}
