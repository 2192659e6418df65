/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of docs/spec/72-sealed-secrets.md#cipher-and-object and #what-stays, both ways, and what does not open. */
#include "base/encode.h"
#include "seal/cipher.h"

#include "testing.h"

#include <openssl/evp.h>

static const char key_text[] =
    "MIICXgIBAAKBgQDATCmWfICQ4NpsSwtBjdbWoXW5GermQM8424M620vjT/EOxFd7Gf7SzW6t8rrGJwp89An/23NcMVNm65ccuGjM"
    "Cx3/56J1vLqrHnF2dg/MTefZhsJbCAw+qK9TZqnkf27hc6ECjRIekM1J5oxVuop2aXlhlBI+WjMOGnqcPm4I5QIDAQABAoGAYvkQ"
    "Up8EAQ1p/mDlizj4wYFauQmI6DelMEtzEKD8PyPPG12c9QQdLtyDQc5zqTdA460rVF/b0TCmD4vkO+kCLlaJJTRPGbfEv/kDODkq"
    "vROpwXwmf+10+K4T2/05Xhlj3HNcuwKR9aAwMVNoljz3xxnWZaj5/q12Y9CaYUAclaECQQDekNznsFIFn1PLXrz7oojbwuESx0SU"
    "nLIOzfAKcdgnJyVA046mfl7MOeD/SfimtljfQX1I/3stXFbkBjsEdlx9AkEA3S9HpVVAAn82dsXCDxjUMlF/Kqi/w7PeVONeU+nS"
    "O/TnrzFAU/q6nQ8Terz9N+ijAtOCg/OIzwpEzTuejZjSiQJBAMmldA+SJ24ioXfDePN/mgGJugQaeF8w7P4OxWmhJZarl8v5IOhl"
    "3BuqYNjLOzZIRZLYsdseZYp+e9cScgwj9L0CQQC6oAcCwJCWysGoq6nW1StOHad/1gyf0ud4lrPjd7nUrwrBrnvJoBfPJ4ZXHJlH"
    "kDniy5YnQdggYVi2FmTsspKJAkEAxh+rMQ/WjaqO6bgS7N/RQnC3ZwYvdFpArVi+H2tmB1Q1xFHqTtWo0DLFBpjRWFYStrH93NLs"
    "nph3O+lMVyxy+A==";
static const char item[] =
    "AIAeIg2WhJvUsVvlwH9n7g1Sas20Qq6WL84iNc5X8Ch5OXyvq7Mmb7XslxOfRNLr2HGaqx0Fj+CDjCot3J3z3h1JzgXdLmA0arVF"
    "w181n0Lcj9joXDF1MjDcrjfG2Bp1rVbBrYSMhjQ4om7nvPMu1hwO3/qRDBsAwRMl+4Z/c+4QnibidmvVFLAkUbS4zPTMvgY+eQ==";

static EVP_PKEY *vector_key(void)
{
    struct sops_buf der = {0};
    struct sops_err e = {0};
    assert_ok(sops_base64_take(&der, SOPS_B64_STD, sops_str(key_text), &e), &e);
    const uint8_t *at = der.ptr;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
    assert_non_null(key);
    sops_buf_free(&der);
    return key;
}

static enum sops_item_outcome open_with(EVP_PKEY *key, const char *label, struct sops_slice text, struct sops_buf *out)
{
    struct sops_err e = {0};
    size_t which = 7;
    enum sops_item_outcome got = sops_item_open(&key, 1, sops_str(label), text, out, &which, &e);
    assert_int_equal(e.code, SOPS_OK);
    assert_int_equal(which, got == SOPS_ITEM_OPENED ? 0 : 7);
    return got;
}

static void vector_opens(void **state)
{
    (void)state;
    EVP_PKEY *key = vector_key();
    struct sops_buf out = {0};
    assert_int_equal(open_with(key, "prod/app", sops_str(item), &out), SOPS_ITEM_OPENED);
    assert_slice(sops_buf_view(&out), "hi");
    assert_int_equal(open_with(key, "prod", sops_str(item), &out), SOPS_ITEM_NO_KEY);
    assert_int_equal(open_with(key, "", sops_str(item), &out), SOPS_ITEM_NO_KEY);
    assert_slice(sops_buf_view(&out), "hi");
    sops_buf_free(&out);
    EVP_PKEY_free(key);
}

static void sealed_opens(void **state)
{
    (void)state;
    struct sops_world w = {.random = test_random};
    struct sops_err e = {0};
    EVP_PKEY *key = vector_key();
    for (size_t size = 0; size < 40; size++) {
        uint8_t value[40];
        randombytes_buf(value, sizeof value);
        struct sops_buf text = {0}, out = {0};
        const char *label = size % 2 == 0 ? "" : "n/a";
        assert_ok(sops_item_seal(&w, key, sops_str(label), sops_slice_of(value, size), &text, &e), &e);
        assert_int_equal(text.len, sops_base64_size(2 + 128 + size + 16));
        assert_int_equal(open_with(key, label, sops_buf_view(&text), &out), SOPS_ITEM_OPENED);
        assert_true(sops_slice_eq(sops_buf_view(&out), sops_slice_of(value, size)));
        assert_int_equal(open_with(key, "n/b", sops_buf_view(&text), &out), SOPS_ITEM_NO_KEY);
        sops_buf_free(&text);
        sops_buf_free(&out);
    }
    EVP_PKEY_free(key);
}

static void malformed_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "!!!", "AAA=", "AIAe", "//8A", "AA==", "AIAe Ig2W"};
    EVP_PKEY *key = vector_key();
    struct sops_buf out = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_with(key, "prod/app", sops_str(bad[i]), &out), SOPS_ITEM_MALFORMED);
    }
    char lines[sizeof item + 4];
    memcpy(lines, item, 40);
    memcpy(lines + 40, "\r\n", 2);
    memcpy(lines + 42, item + 40, sizeof item - 40);
    assert_int_equal(open_with(key, "prod/app", sops_str(lines), &out), SOPS_ITEM_OPENED);
    sops_buf_free(&out);
    EVP_PKEY_free(key);
}

static void tag_is_the_vector(void **state)
{
    (void)state;
    struct sops_err e = {0};
    uint8_t data_key[32], fingerprint[SOPS_SEAL_FINGERPRINT], tag_key[SOPS_SEAL_TAG_KEY];
    for (size_t i = 0; i < sizeof data_key; i++) {
        data_key[i] = (uint8_t)i;
    }
    memset(fingerprint, 0xff, sizeof fingerprint);
    struct sops_tag_parts p = {fingerprint, SOPS_LIT("prod/app"), SOPS_LIT("k"), SOPS_LIT("v"), SOPS_LIT("\1\2\3")};
    struct sops_buf tag = {0};
    sops_tag_key(sops_slice_of(data_key, sizeof data_key), tag_key);
    assert_ok(sops_tag_add(tag_key, &p, &tag, &e), &e);
    assert_slice(sops_buf_view(&tag), "PGw922HQlL1nc-akBdSxVA");
    sops_buf_free(&tag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_opens),
        cmocka_unit_test(sealed_opens),
        cmocka_unit_test(malformed_is_told),
        cmocka_unit_test(tag_is_the_vector),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
