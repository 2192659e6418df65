/* SPDX-License-Identifier: Apache-2.0 */
/* The published vectors of FIPS 180-4, RFC 4231 and RFC 5869. */
#include "base/digest.h"
#include "base/encode.h"

#include "testing.h"

static void assert_hex(const uint8_t *bytes, size_t n, const char *hex)
{
    struct sops_buf text = {0};
    assert_true(sops_hex_add(&text, sops_slice_of(bytes, n), false, NULL));
    assert_string_equal(sops_buf_cstr(&text, NULL), hex);
    sops_buf_free(&text);
}

static void test_sha256(void **state)
{
    (void)state;
    uint8_t out[32];
    sops_sha256(SOPS_LIT("abc"), out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sops_sha256((struct sops_slice){0}, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hmac(void **state)
{
    (void)state;
    uint8_t out[32], key[131];
    sops_hmac_sha256(SOPS_LIT("Jefe"), SOPS_LIT("what do ya want for nothing?"), out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    sops_hmac_sha256(sops_slice_of(key, sizeof key), SOPS_LIT("Test Using Larger Than Block-Size Key - Hash Key First"),
                     out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    sops_hmac_sha256((struct sops_slice){0}, (struct sops_slice){0}, out);
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hkdf(void **state)
{
    (void)state;
    uint8_t ikm[22], salt[13], info[10], prk[32], okm[32];
    memset(ikm, 0x0b, sizeof ikm);
    for (uint8_t i = 0; i < sizeof salt; i++) {
        salt[i] = i;
    }
    for (uint8_t i = 0; i < sizeof info; i++) {
        info[i] = (uint8_t)(0xf0 + i);
    }
    sops_hkdf_extract(sops_slice_of(salt, sizeof salt), sops_slice_of(ikm, sizeof ikm), prk);
    assert_hex(prk, 32, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    sops_hkdf_expand(prk, sops_slice_of(info, sizeof info), okm, 32);
    assert_hex(okm, 32, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    sops_hkdf_expand(prk, sops_slice_of(info, sizeof info), okm, 12);
    assert_hex(okm, 12, "3cb25f25faacd57a90434f64");
    sops_hkdf(sops_slice_of(ikm, sizeof ikm), (struct sops_slice){0}, (struct sops_slice){0}, okm);
    assert_hex(okm, 32, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_hkdf),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
