/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher that is fetched in a short way is the one that OpenSSL gives in the long one. */
#include "testing.h"

#include "base/openssl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* Seals 100 bytes under a nonce of `size` bytes; the tag comes behind them. */
static void seal(EVP_CIPHER *cipher, int size, uint8_t out[116])
{
    uint8_t key[32], nonce[64], text[100];
    int n = 0, more = 0;
    memset(key, 1, sizeof key);
    memset(nonce, 2, sizeof nonce);
    memset(text, 3, sizeof text);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_non_null(ctx);
    assert_int_equal(EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, size, NULL), 1);
    assert_int_equal(EVP_EncryptInit_ex2(ctx, NULL, key, nonce, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, text, 7), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, text, sizeof text), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, out + n, &more), 1);
    assert_int_equal(n + more, 100);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 100), 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void same_cipher(void **state)
{
    (void)state;
    static const int sizes[] = {12, 16, 32, 64};
    EVP_CIPHER *ours = sops_openssl_gcm(), *again = sops_openssl_gcm();
    EVP_CIPHER *theirs = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    assert_non_null(ours);
    assert_non_null(theirs);
    assert_ptr_equal(ours, again);
    assert_ptr_not_equal(ours, theirs);
    assert_int_equal(EVP_CIPHER_get_key_length(ours), 32);
    assert_true(EVP_CIPHER_is_a(ours, "AES-256-GCM"));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t a[116], b[116];
        seal(ours, sizes[i], a);
        seal(theirs, sizes[i], b);
        assert_memory_equal(a, b, sizeof a);
    }
    EVP_CIPHER_free(ours);
    EVP_CIPHER_free(again);
    EVP_CIPHER_free(theirs);
    ours = sops_openssl_gcm(); /* it stays, whoever was done with it */
    assert_ptr_equal(ours, again);
    EVP_CIPHER_free(ours);
}

static void same_digests(void **state)
{
    (void)state;
    const EVP_MD *const known[] = {EVP_sha3_256(), EVP_sha3_512(), EVP_shake128(), EVP_shake256(), EVP_sha256()};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t a[64] = {0}, b[64] = {0};
        const EVP_MD *ours = sops_openssl_digest(known[i]);
        assert_int_equal(ours == known[i], i == 4);
        assert_int_equal(EVP_Digest("abc", 3, a, NULL, ours, NULL), 1);
        assert_int_equal(EVP_Digest("abc", 3, b, NULL, known[i], NULL), 1);
        assert_memory_equal(a, b, sizeof a);
        assert_int_equal(EVP_MD_get_flags(ours) & EVP_MD_FLAG_XOF, EVP_MD_get_flags(known[i]) & EVP_MD_FLAG_XOF);
    }
}

static void random_bytes(void **state)
{
    (void)state;
    uint8_t a[64] = {0}, b[64] = {0};
    sops_openssl_kernel_random();
    sops_openssl_kernel_random();
    assert_int_equal(RAND_bytes(a, sizeof a), 1);
    assert_int_equal(RAND_priv_bytes(b, sizeof b), 1);
    assert_memory_not_equal(a, b, sizeof a);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof a; i++) {
        zeros += (a[i] == 0 ? 1U : 0U) + (b[i] == 0 ? 1U : 0U);
    }
    assert_true(zeros < 20);
    assert_int_equal(RAND_status(), 1);
}

/* A key from a certificate encrypts what the private half opens in OpenSSL's own context; no other key is known. */
static void rsa_context(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"), *pair[] = {rsa, ec};
    assert_non_null(sops_openssl_rsa());
    for (int i = 0; i < 2; i++) {
        uint8_t *der = NULL, sealed[256], clear[256] = {0};
        size_t size = sizeof sealed, back = sizeof clear;
        int n = i2d_PUBKEY(pair[i], &der);
        assert_true(n > 0);
        const uint8_t *at = der;
        EVP_PKEY *key = d2i_PUBKEY_ex(NULL, &at, n, sops_openssl_rsa(), NULL);
        OPENSSL_free(der);
        if (i == 1) {
            assert_null(key);
            continue;
        }
        assert_int_equal(EVP_PKEY_get_bits(key), 2048);
        EVP_PKEY_CTX *to = EVP_PKEY_CTX_new_from_pkey(sops_openssl_rsa(), key, NULL),
                     *from = EVP_PKEY_CTX_new(rsa, NULL);
        assert_true(EVP_PKEY_encrypt_init(to) == 1 && EVP_PKEY_CTX_set_rsa_padding(to, RSA_PKCS1_OAEP_PADDING) == 1);
        assert_int_equal(EVP_PKEY_encrypt(to, sealed, &size, (const uint8_t *)"abc", 3), 1);
        assert_true(EVP_PKEY_decrypt_init(from) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(from, RSA_PKCS1_OAEP_PADDING) == 1);
        assert_int_equal(EVP_PKEY_decrypt(from, clear, &back, sealed, size), 1);
        assert_int_equal(back, 3);
        assert_memory_equal(clear, "abc", 3);
        EVP_PKEY_CTX_free(to);
        EVP_PKEY_CTX_free(from);
        EVP_PKEY_free(key);
    }
    ERR_clear_error();
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

/* The first test, as OpenSSL does it with the first error: not by itself, and then for those who show them. */
static void words_of_errors(void **state)
{
    (void)state;
    const unsigned long no_start = ERR_PACK(ERR_LIB_PEM, 0, PEM_R_NO_START_LINE), ssl = ERR_PACK(ERR_LIB_SSL, 0, 1);
    sops_openssl_start(false);
    ERR_clear_error();
    assert_null(ERR_reason_error_string(no_start));
    sops_openssl_names();
    assert_string_equal(ERR_reason_error_string(no_start), "no start line");
    assert_string_equal(ERR_lib_error_string(ssl), "SSL routines");
}

/* With a configuration of the user's it is what that configuration makes of it. */
static void as_configured(void **state)
{
    (void)state;
    sops_openssl_start(true);
    EVP_CIPHER *c = sops_openssl_gcm();
    assert_non_null(c);
    EVP_CIPHER_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_of_errors), cmocka_unit_test(same_cipher),
                                       cmocka_unit_test(same_digests),    cmocka_unit_test(rsa_context),
                                       cmocka_unit_test(random_bytes),    cmocka_unit_test(as_configured)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
