/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648 vectors, every length against a slow encoder, and what a strict decoder must refuse. */
#include "base/encode.h"

#include "testing.h"

static const struct {
    enum sops_base64 kind;
    const char *bytes, *text;
} good[] = {
    {SOPS_B64_STD, "", ""},
    {SOPS_B64_STD, "f", "Zg=="},
    {SOPS_B64_STD, "fo", "Zm8="},
    {SOPS_B64_STD, "foo", "Zm9v"},
    {SOPS_B64_STD, "foob", "Zm9vYg=="},
    {SOPS_B64_STD, "fooba", "Zm9vYmE="},
    {SOPS_B64_STD, "foobar", "Zm9vYmFy"},
    {SOPS_B64_STD, "\xfb\xff\xbf~?>", "+/+/fj8+"},
    {SOPS_B64_URL, "\xfb\xff\xbf~?>", "-_-_fj8-"},
    {SOPS_B64_URL, "f", "Zg"},
    {SOPS_B64_RAW, "", ""},
    {SOPS_B64_RAW, "f", "Zg"},
    {SOPS_B64_RAW, "fo", "Zm8"},
    {SOPS_B64_RAW, "foobar", "Zm9vYmFy"},
    {SOPS_B64_RAW, "\xfb\xff\xbf", "+/+/"},
};

static void test_base64_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct sops_buf text = {0}, back = {0};
        assert_true(sops_base64_add(&text, good[i].kind, sops_str(good[i].bytes), NULL));
        assert_string_equal(sops_buf_cstr(&text, NULL), good[i].text);
        assert_true(sops_base64_take(&back, good[i].kind, sops_buf_view(&text), NULL));
        assert_true(sops_slice_eq(sops_buf_view(&back), sops_str(good[i].bytes)));
        sops_buf_free(&text);
        sops_buf_free(&back);
    }
}

static const struct {
    enum sops_base64 kind;
    const char *text;
} refused[] = {
    {SOPS_B64_STD, "Z"},
    {SOPS_B64_STD, "Zg"},
    {SOPS_B64_STD, "Zg="},
    {SOPS_B64_STD, "Zg==="},
    {SOPS_B64_STD, "Zh=="},
    {SOPS_B64_STD, "Zm9="},
    {SOPS_B64_STD, "="},
    {SOPS_B64_STD, "===="},
    {SOPS_B64_STD, "Z==="},
    {SOPS_B64_STD, "Zg==Zg=="},
    {SOPS_B64_STD, "Zm9v\n"},
    {SOPS_B64_STD, " Zm9v"},
    {SOPS_B64_STD, "Zm\r9v"},
    {SOPS_B64_STD, "Zm-_"},
    {SOPS_B64_STD, "Zm9\x80"},
    {SOPS_B64_STD, "Zm9vZm9vZm9vZm9vZm9vZm9vZm=vZm9v"},
    {SOPS_B64_STD, "Zm9vZm9vZ*9vZm9vZm9vZm9vZm9vZm9v"},
    {SOPS_B64_RAW, "Zg=="},
    {SOPS_B64_RAW, "Zh"},
    {SOPS_B64_RAW, "Z"},
    {SOPS_B64_RAW, "Zm9vZ"},
    {SOPS_B64_RAW, "Zm-_"},
    {SOPS_B64_URL, "Zm+/"},
    {SOPS_B64_URL, "Zg=="},
    {SOPS_B64_CR, "Zg"},
    {SOPS_B64_CR, "Z\ng=="},
    {SOPS_B64_CR, "Zg\r="},
};

static void test_base64_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct sops_buf back = {0};
        struct sops_err e = {0};
        assert_true(sops_buf_adds(&back, "kept", NULL));
        assert_false(sops_base64_take(&back, refused[i].kind, sops_str(refused[i].text), &e));
        assert_int_equal(e.code, SOPS_E_GENERIC);
        assert_string_equal(e.msg, "bad base64");
        assert_string_equal(sops_buf_cstr(&back, NULL), "kept");
        sops_buf_free(&back);
    }
}

static void test_base64_lenient(void **state)
{
    (void)state;
    static const char *const texts[] = {"Zm\r8=", "Zm8\r=\r", "\r\rZm9=", "Zm8="};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sops_buf back = {0};
        assert_true(sops_base64_take(&back, SOPS_B64_CR, sops_str(texts[i]), NULL));
        assert_string_equal(sops_buf_cstr(&back, NULL), "fo");
        sops_buf_free(&back);
    }
}

/* One bit at a time: nothing in common with the encoder under test. */
static void slow_base64(const uint8_t *from, size_t n, char *to)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < sops_base64_size(n); i++) {
        unsigned v = 0;
        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            v = v << 1 | (bit / 8 < n ? (unsigned)from[bit / 8] >> (7 - bit % 8) & 1U : 0U);
        }
        to[i] = i * 6 < n * 8 ? alphabet[v] : '=';
    }
}

static void test_base64_every_length(void **state)
{
    (void)state;
    uint8_t bytes[200];
    char fast[272], slow[272];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 167 + (i >> 3) * 91 + 3);
    }
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct sops_buf back = {0};
        size_t size = sops_base64_size(n);
        sops_base64_write(fast, bytes, n);
        slow_base64(bytes, n, slow);
        if (size != 0) {
            assert_memory_equal(fast, slow, size);
        }
        assert_true(sops_base64_take(&back, SOPS_B64_STD, sops_slice_of(fast, size), NULL));
        assert_true(sops_slice_eq(sops_buf_view(&back), sops_slice_of(bytes, n)));
        sops_buf_free(&back);
    }
}

/* Every byte at every place of two steps: only the 64 characters pass. */
static void test_base64_every_byte(void **state)
{
    (void)state;
    for (size_t at = 0; at < 32; at++) {
        unsigned passed = 0;
        for (unsigned c = 0; c < 256; c++) {
            uint8_t text[32];
            struct sops_buf back = {0};
            memset(text, 'A', sizeof text);
            text[at] = (uint8_t)c;
            if (sops_base64_take(&back, SOPS_B64_STD, sops_slice_of(text, 32), NULL)) {
                passed++;
                assert_true(c != '=' || at == 31);
            }
            sops_buf_free(&back);
        }
        assert_int_equal(passed, at == 31 ? 65 : 64);
    }
}

static void test_hex(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "0g", "g0", " 0", "0x", "012"};
    struct sops_buf text = {0}, back = {0};
    assert_true(sops_hex_add(&text, SOPS_LIT("\x00\x7f\xab\xff"), false, NULL));
    assert_string_equal(sops_buf_cstr(&text, NULL), "007fabff");
    sops_buf_cut(&text, 0);
    assert_true(sops_hex_add(&text, SOPS_LIT("\x00\x7f\xab\xff"), true, NULL));
    assert_string_equal(sops_buf_cstr(&text, NULL), "007FABFF");
    assert_true(sops_hex_take(&back, SOPS_LIT("007fAbFF"), NULL));
    assert_true(sops_slice_eq(sops_buf_view(&back), SOPS_LIT("\x00\x7f\xab\xff")));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sops_err e = {0};
        assert_false(sops_hex_take(&back, sops_str(bad[i]), &e));
        assert_string_equal(e.msg, "bad hex");
        assert_int_equal(back.len, 4);
    }
    sops_buf_free(&text);
    sops_buf_free(&back);
}

static void test_bech32_valid(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hrp, *hex;
    } valid[] = {
        {"A12UEL5L", "A", ""},
        {"a12uel5l", "a", ""},
        {"split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "split",
         "c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d"},
        {"a1qy089ch6", "a", "01"},
        {"age1x1f68a30", "age1x", ""},
        {"age1foo1bar12q5m43", "age1foo1bar", ""},
        {"AGE-PLUGIN-TESTECHO-10QN6L2YT", "AGE-PLUGIN-TESTECHO-", "78"},
    };
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        struct sops_slice hrp;
        struct sops_buf bytes = {0}, hex = {0}, again = {0};
        struct sops_err e = {0};
        if (!sops_bech32_take(sops_str(valid[i].text), &hrp, &bytes, &e)) {
            fail_msg("%s: %s", valid[i].text, e.msg);
        }
        assert_true(sops_slice_eq(hrp, sops_str(valid[i].hrp)));
        assert_true(sops_hex_add(&hex, sops_buf_view(&bytes), false, NULL));
        assert_string_equal(sops_buf_cstr(&hex, NULL), valid[i].hex);
        assert_true(sops_bech32_add(&again, hrp, sops_buf_view(&bytes), NULL));
        assert_string_equal(sops_buf_cstr(&again, NULL), valid[i].text);
        sops_buf_free(&bytes);
        sops_buf_free(&hex);
        sops_buf_free(&again);
    }
}

static void test_bech32_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1",
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "a12UEL5L",
        "A12uEL5L",
        "\x20"
        "1nwldj5",
        "\x7f"
        "1axkwrx",
        "\x80"
        "1eym55h",
        "de1lg7wt\xff",
        "split1cheo2y9e2w",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e2w",
        "split1a2y9w",
        /* good checksums, but bits are left over: 5 of them, or some that are not zero */
        "a1q3g6mn3",
        "a1qpamnt9j",
        "a1qqqpkq7t3x",
        "a1qqqd87cpp",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sops_slice hrp;
        struct sops_buf bytes = {0};
        struct sops_err e = {0};
        assert_false(sops_bech32_take(sops_str(bad[i]), &hrp, &bytes, &e));
        assert_int_equal(e.code, SOPS_E_GENERIC);
        assert_int_equal(bytes.len, 0);
        sops_buf_free(&bytes);
    }
}

static void test_bech32_round(void **state)
{
    (void)state;
    uint8_t payload[70];
    for (size_t n = 0; n < sizeof payload; n++) {
        struct sops_buf text = {0}, back = {0};
        struct sops_slice hrp;
        payload[n] = (uint8_t)(n * 37 + 200);
        assert_true(sops_bech32_add(&text, SOPS_LIT("AGE-SECRET-KEY-"), sops_slice_of(payload, n), NULL));
        assert_true(sops_bech32_take(sops_buf_view(&text), &hrp, &back, NULL));
        assert_true(sops_slice_eq(hrp, SOPS_LIT("AGE-SECRET-KEY-")));
        assert_true(sops_slice_eq(sops_buf_view(&back), sops_slice_of(payload, n)));
        sops_buf_free(&back);
        /* any other last character spoils the checksum */
        text.ptr[text.len - 1] = text.ptr[text.len - 1] == 'Q' ? 'P' : 'Q';
        assert_false(sops_bech32_take(sops_buf_view(&text), &hrp, &back, NULL));
        sops_buf_free(&back);
        sops_buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_known),      cmocka_unit_test(test_base64_refused),
        cmocka_unit_test(test_base64_lenient),    cmocka_unit_test(test_base64_every_length),
        cmocka_unit_test(test_base64_every_byte), cmocka_unit_test(test_hex),
        cmocka_unit_test(test_bech32_valid),      cmocka_unit_test(test_bech32_refused),
        cmocka_unit_test(test_bech32_round),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
