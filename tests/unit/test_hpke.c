/* SPDX-License-Identifier: Apache-2.0 */
/* The one published vector of HPKE with this KEM, KDF and AEAD (testdata/age/kat). */
#include "testing.h"

#include "base/encode.h"
#include "base/file.h"
#include "keysources/hpke.h"

#include <jansson.h>

#define PATH SOPS_TESTDATA "/age/kat/hpke-647a-0001-0003.json"

static json_t *root, *vector;

static int load(void **state)
{
    (void)state;
    struct sops_buf text = {0};
    struct sops_err e = {0};
    if (!sops_file_read(PATH, 1 << 20, &text, &e)) {
        return 1;
    }
    root = json_loadb((const char *)text.ptr, text.len, 0, NULL);
    vector = json_object_get(root, "vector");
    sops_buf_free(&text);
    return vector == NULL;
}

static int unload(void **state)
{
    json_decref(root);
    return test_no_leaks(state);
}

/* The `n` bytes under `name`. */
static void bytes_of(json_t *from, const char *name, uint8_t *out, size_t n)
{
    struct sops_buf buf = {0};
    const char *hex = json_string_value(json_object_get(from, name));
    assert_non_null(hex);
    assert_true(sops_hex_take(&buf, sops_str(hex), NULL));
    assert_int_equal(buf.len, n);
    memcpy(out, buf.ptr, n);
    sops_buf_free(&buf);
}

static void keys(void **state)
{
    (void)state;
    struct sops_hpke_private k;
    struct sops_err e = {0};
    uint8_t seed[SOPS_HPKE_SEED], public[SOPS_HPKE_PUBLIC], want[SOPS_HPKE_PUBLIC];
    bytes_of(vector, "skRm", seed, sizeof seed);
    bytes_of(vector, "pkRm", want, sizeof want);
    assert_ok(sops_hpke_expand(seed, &k, &e), &e);
    sops_hpke_public(&k, public);
    assert_memory_equal(public, want, sizeof want);
}

static void encapsulation(void **state)
{
    (void)state;
    struct sops_hpke_private k;
    struct sops_err e = {0};
    uint8_t seed[SOPS_HPKE_SEED], public[SOPS_HPKE_PUBLIC], random[64], enc[SOPS_HPKE_ENC], want[SOPS_HPKE_ENC];
    uint8_t shared[32], want_shared[32];
    bytes_of(vector, "skRm", seed, sizeof seed);
    bytes_of(vector, "pkRm", public, sizeof public);
    bytes_of(vector, "ikmE", random, sizeof random);
    bytes_of(vector, "enc", want, sizeof want);
    bytes_of(vector, "shared_secret", want_shared, sizeof want_shared);
    assert_ok(sops_hpke_encaps(public, random, enc, shared, &e), &e);
    assert_memory_equal(enc, want, sizeof want);
    assert_memory_equal(shared, want_shared, sizeof shared);
    assert_ok(sops_hpke_expand(seed, &k, &e), &e);
    memset(shared, 0, sizeof shared);
    assert_ok(sops_hpke_decaps(&k, want, shared, &e), &e);
    assert_memory_equal(shared, want_shared, sizeof shared);
    enc[0] ^= 1; /* another ciphertext: another secret, no failure */
    assert_ok(sops_hpke_decaps(&k, enc, shared, &e), &e);
    assert_memory_not_equal(shared, want_shared, sizeof shared);
}

static void low_order(void **state)
{
    (void)state;
    struct sops_hpke_private k;
    struct sops_err e = {0};
    uint8_t seed[SOPS_HPKE_SEED], public[SOPS_HPKE_PUBLIC], enc[SOPS_HPKE_ENC], shared[32];
    static const uint8_t random[64] = {1};
    bytes_of(vector, "skRm", seed, sizeof seed);
    bytes_of(vector, "pkRm", public, sizeof public);
    bytes_of(vector, "enc", enc, sizeof enc);
    assert_ok(sops_hpke_expand(seed, &k, &e), &e);
    memset(enc + SOPS_HPKE_ENC - 32, 0, 32);
    assert_fails(sops_hpke_decaps(&k, enc, shared, &e), &e, SOPS_E_GENERIC);
    memset(public + SOPS_HPKE_PUBLIC - 32, 0, 32);
    assert_fails(sops_hpke_encaps(public, random, enc, shared, &e), &e, SOPS_E_GENERIC);
}

/* Each message of the vector has the nonce that its number is XORed into. */
static void messages(void **state)
{
    (void)state;
    uint8_t shared[32], info[40], key[32], nonce[12], want_key[32], want_nonce[12], suite[10];
    bytes_of(vector, "suite_id", suite, sizeof suite);
    bytes_of(vector, "shared_secret", shared, sizeof shared);
    bytes_of(vector, "info", info, sizeof info);
    bytes_of(vector, "key", want_key, sizeof want_key);
    bytes_of(vector, "base_nonce", want_nonce, sizeof want_nonce);
    sops_hpke_schedule(shared, sops_slice_of(info, sizeof info), key, nonce);
    assert_memory_equal(key, want_key, sizeof key);
    assert_memory_equal(nonce, want_nonce, sizeof nonce);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(vector, "encryptions"), i, one)
    {
        uint8_t used[12], ct[74], plain[58], want[58];
        struct sops_buf aad = {0};
        bytes_of(one, "nonce", used, sizeof used);
        bytes_of(one, "ct", ct, sizeof ct);
        bytes_of(one, "pt", want, sizeof want);
        assert_true(sops_hex_take(&aad, sops_str(json_string_value(json_object_get(one, "aad"))), NULL));
        if (i == 0) {
            assert_memory_equal(used, nonce, sizeof used);
        }
        assert_int_equal(
            crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, ct, sizeof ct, aad.ptr, aad.len, used, key),
            0);
        assert_memory_equal(plain, want, sizeof want);
        sops_buf_free(&aad);
    }
    assert_int_equal(i, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(encapsulation),
        cmocka_unit_test(low_order),
        cmocka_unit_test(messages),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, load, unload);
}
