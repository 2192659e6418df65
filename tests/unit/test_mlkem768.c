/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wycheproof, CCTV and accumulated vectors. The CCTV files follow the draft's key generation, so they are used from the
 * expanded keys on (testdata/age/mlkem-cctv/README.md).
 */
#include "testing.h"

#include "base/encode.h"
#include "keysources/mlkem768.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <zlib.h>

#define CCTV SOPS_TESTDATA "/age/mlkem-cctv/"
#define WYCHEPROOF SOPS_TESTDATA "/age/mlkem-wycheproof/"
#define KAT SOPS_TESTDATA "/age/kat/kat.json"

static void read_gz(const char *path, struct sops_buf *out)
{
    gzFile f = gzopen(path, "rb");
    assert_non_null(f);
    int n;
    do {
        assert_true(sops_buf_reserve(out, 1 << 16, NULL));
        n = gzread(f, out->ptr + out->len, 1 << 16);
        assert_true(n >= 0);
        out->len += (size_t)n;
    } while (n > 0);
    gzclose(f);
}

static json_t *read_json(const char *path)
{
    struct sops_buf text = {0};
    read_gz(path, &text);
    json_t *root = json_loadb((const char *)text.ptr, text.len, 0, NULL);
    assert_non_null(root);
    sops_buf_free(&text);
    return root;
}

/* The bytes of the hex text under `key`; empty when it is not there. */
static void member(json_t *test, const char *key, struct sops_buf *out)
{
    const char *hex = json_string_value(json_object_get(test, key));
    sops_buf_cut(out, 0);
    assert_true(sops_hex_take(out, sops_str(hex), NULL));
}

typedef void check_fn(json_t *test, bool valid);

static unsigned each_test(const char *path, check_fn *check)
{
    json_t *root = read_json(path), *group, *test;
    unsigned count = 0;
    size_t i, j;
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            check(test, strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0);
            count++;
        }
    }
    assert_int_equal(count, json_integer_value(json_object_get(root, "numberOfTests")));
    json_decref(root);
    return count;
}

static void check_keygen(json_t *test, bool valid)
{
    struct sops_buf seed = {0}, ek = {0}, dk = {0};
    struct sops_err e = {0};
    uint8_t got[SOPS_MLKEM768_DK];
    assert_true(valid);
    member(test, "seed", &seed);
    member(test, "ek", &ek);
    member(test, "dk", &dk);
    assert_int_equal(seed.len, SOPS_MLKEM768_SEED);
    assert_ok(sops_mlkem768_keygen(seed.ptr, got, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&dk), sops_slice_of(got, sizeof got)));
    assert_true(sops_slice_eq(sops_buf_view(&ek), sops_slice_of(got + SOPS_MLKEM768_EK_AT, SOPS_MLKEM768_EK)));
    assert_true(sops_mlkem768_check(ek.ptr));
    sops_buf_free(&seed);
    sops_buf_free(&ek);
    sops_buf_free(&dk);
}

static void check_encaps(json_t *test, bool valid)
{
    struct sops_buf m = {0}, ek = {0}, c = {0}, k = {0};
    struct sops_err e = {0};
    uint8_t ct[SOPS_MLKEM768_CT], ss[SOPS_MLKEM768_SS];
    member(test, "m", &m);
    member(test, "ek", &ek);
    member(test, "c", &c);
    member(test, "K", &k);
    if (ek.len != SOPS_MLKEM768_EK) {
        assert_false(valid); /* our interface has no such key */
    } else if (valid) {
        assert_ok(sops_mlkem768_encaps(ek.ptr, m.ptr, ct, ss, &e), &e);
        assert_true(sops_slice_eq(sops_buf_view(&c), sops_slice_of(ct, sizeof ct)));
        assert_true(sops_slice_eq(sops_buf_view(&k), sops_slice_of(ss, sizeof ss)));
    } else {
        assert_fails(sops_mlkem768_encaps(ek.ptr, m.ptr, ct, ss, &e), &e, SOPS_E_GENERIC);
    }
    sops_buf_free(&m);
    sops_buf_free(&ek);
    sops_buf_free(&c);
    sops_buf_free(&k);
}

static void check_decaps(json_t *test, bool valid)
{
    struct sops_buf seed = {0}, ek = {0}, c = {0}, k = {0};
    struct sops_err e = {0};
    uint8_t dk[SOPS_MLKEM768_DK], ss[SOPS_MLKEM768_SS];
    member(test, "seed", &seed);
    member(test, "c", &c);
    member(test, "K", &k);
    if (seed.len == SOPS_MLKEM768_SEED && c.len == SOPS_MLKEM768_CT) {
        assert_ok(sops_mlkem768_keygen(seed.ptr, dk, &e), &e);
        assert_ok(sops_mlkem768_decaps(dk, c.ptr, ss, &e), &e);
        assert_int_equal(sops_slice_eq(sops_buf_view(&k), sops_slice_of(ss, sizeof ss)), valid);
    } else {
        assert_false(valid);
    }
    sops_buf_free(&seed);
    sops_buf_free(&ek);
    sops_buf_free(&c);
    sops_buf_free(&k);
}

static void check_expanded(json_t *test, bool valid)
{
    struct sops_buf dk = {0}, c = {0}, k = {0};
    struct sops_err e = {0};
    uint8_t ss[SOPS_MLKEM768_SS];
    member(test, "dk", &dk);
    member(test, "c", &c);
    member(test, "K", &k);
    /* Expanded keys never come from outside, so their hash is not checked; what is not valid here has a wrong length or
     * hash. */
    if (valid) {
        assert_ok(sops_mlkem768_decaps(dk.ptr, c.ptr, ss, &e), &e);
        assert_true(sops_slice_eq(sops_buf_view(&k), sops_slice_of(ss, sizeof ss)));
    }
    sops_buf_free(&dk);
    sops_buf_free(&c);
    sops_buf_free(&k);
}

static void wycheproof(void **state)
{
    (void)state;
    assert_int_equal(each_test(WYCHEPROOF "mlkem_768_keygen_seed_test.json.gz", check_keygen), 100);
    assert_int_equal(each_test(WYCHEPROOF "mlkem_768_encaps_test.json.gz", check_encaps), 265);
    assert_int_equal(each_test(WYCHEPROOF "mlkem_768_test.json.gz", check_decaps), 193);
    assert_int_equal(each_test(WYCHEPROOF "mlkem_768_semi_expanded_decaps_test.json.gz", check_expanded), 9);
}

/* The hex behind "NAME = " at the start of a line. */
static void value_of(struct sops_slice text, const char *name, struct sops_buf *out)
{
    struct sops_slice line;
    sops_buf_cut(out, 0);
    while (sops_slice_next(&text, '\n', &line)) {
        size_t n = strlen(name);
        if (sops_slice_starts(line, sops_str(name)) && sops_slice_starts(sops_slice_skip(line, n), SOPS_LIT(" = "))) {
            assert_true(sops_hex_take(out, sops_slice_trim(sops_slice_skip(line, n + 3)), NULL));
            return;
        }
    }
    fail_msg("no %s", name);
}

static void check_cctv(const char *path, bool encaps)
{
    struct sops_buf text = {0}, ek = {0}, dk = {0}, m = {0}, c = {0}, k = {0};
    struct sops_err e = {0};
    uint8_t ct[SOPS_MLKEM768_CT], ss[SOPS_MLKEM768_SS];
    read_gz(path, &text);
    value_of(sops_buf_view(&text), "dk", &dk);
    value_of(sops_buf_view(&text), "c", &c);
    value_of(sops_buf_view(&text), "K", &k);
    if (encaps) {
        value_of(sops_buf_view(&text), "ek", &ek);
        value_of(sops_buf_view(&text), "m", &m);
        assert_ok(sops_mlkem768_encaps(ek.ptr, m.ptr, ct, ss, &e), &e);
        assert_true(sops_slice_eq(sops_buf_view(&c), sops_slice_of(ct, sizeof ct)));
        assert_true(sops_slice_eq(sops_buf_view(&k), sops_slice_of(ss, sizeof ss)));
    }
    assert_int_equal(dk.len, SOPS_MLKEM768_DK);
    assert_int_equal(c.len, SOPS_MLKEM768_CT);
    assert_ok(sops_mlkem768_decaps(dk.ptr, c.ptr, ss, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&k), sops_slice_of(ss, sizeof ss)));
    sops_buf_free(&text);
    sops_buf_free(&ek);
    sops_buf_free(&dk);
    sops_buf_free(&m);
    sops_buf_free(&c);
    sops_buf_free(&k);
}

static void cctv(void **state)
{
    (void)state;
    check_cctv(CCTV "intermediate-768.txt.gz", true);
    check_cctv(CCTV "unluckysample-768.txt.gz", true);
    check_cctv(CCTV "strcmp-768.txt.gz", false);
}

static void modulus(void **state)
{
    (void)state;
    struct sops_buf text = {0}, ek = {0};
    struct sops_slice rest, line;
    unsigned count = 0;
    read_gz(CCTV "modulus-768.txt.gz", &text);
    rest = sops_slice_trim(sops_buf_view(&text));
    while (sops_slice_next(&rest, '\n', &line)) {
        sops_buf_cut(&ek, 0);
        assert_true(sops_hex_take(&ek, line, NULL));
        assert_int_equal(ek.len, SOPS_MLKEM768_EK);
        assert_false(sops_mlkem768_check(ek.ptr));
        count++;
    }
    assert_int_equal(count, 780);
    sops_buf_free(&text);
    sops_buf_free(&ek);
}

/* All randomness is SHAKE128(""); all results go into one hash. */
static void accumulate(size_t rounds, bool with_dk, const char *want)
{
    const size_t draw = 3 * 32 + SOPS_MLKEM768_CT;
    EVP_MD_CTX *source = EVP_MD_CTX_new(), *sum = EVP_MD_CTX_new();
    struct sops_buf random = {0}, hex = {0};
    struct sops_err e = {0};
    uint8_t dk[SOPS_MLKEM768_DK], ct[SOPS_MLKEM768_CT], ss[SOPS_MLKEM768_SS], back[SOPS_MLKEM768_SS], out[32];
    assert_true(sops_buf_reserve(&random, rounds * draw, &e));
    assert_int_equal(EVP_DigestInit_ex(source, EVP_shake128(), NULL), 1);
    assert_int_equal(EVP_DigestFinalXOF(source, random.ptr, rounds * draw), 1);
    assert_int_equal(EVP_DigestInit_ex(sum, EVP_shake128(), NULL), 1);
    for (size_t i = 0; i < rounds; i++) {
        const uint8_t *seed = random.ptr + i * draw, *m = seed + 64, *other = m + 32, *ek = dk + SOPS_MLKEM768_EK_AT;
        assert_ok(sops_mlkem768_keygen(seed, dk, &e), &e);
        assert_ok(sops_mlkem768_encaps(ek, m, ct, ss, &e), &e);
        assert_ok(sops_mlkem768_decaps(dk, ct, back, &e), &e);
        assert_memory_equal(ss, back, sizeof ss);
        EVP_DigestUpdate(sum, ek, SOPS_MLKEM768_EK);
        EVP_DigestUpdate(sum, dk, with_dk ? sizeof dk : 0);
        EVP_DigestUpdate(sum, ct, sizeof ct);
        EVP_DigestUpdate(sum, ss, sizeof ss);
        assert_ok(sops_mlkem768_decaps(dk, other, back, &e), &e);
        EVP_DigestUpdate(sum, back, sizeof back);
    }
    assert_int_equal(EVP_DigestFinalXOF(sum, out, sizeof out), 1);
    assert_true(sops_hex_add(&hex, sops_slice_of(out, sizeof out), false, &e));
    assert_slice(sops_buf_view(&hex), want);
    EVP_MD_CTX_free(source);
    EVP_MD_CTX_free(sum);
    sops_buf_free(&random);
    sops_buf_free(&hex);
}

static void accumulated(void **state)
{
    (void)state;
    json_t *root = read_json(KAT), *all = json_object_get(root, "mlkem768_accumulated");
    static const char *const layout[] = {"layout_ek_ct_K_Krej", "layout_ek_dk_ct_K_Krej"};
    for (int i = 0; i < 2; i++) {
        json_t *want = json_object_get(all, layout[i]);
        accumulate(100, i == 1, json_string_value(json_object_get(want, "100")));
    }
#ifdef __OPTIMIZE__ /* ten seconds without */
    accumulate(10000, false, json_string_value(json_object_get(json_object_get(all, layout[0]), "10000")));
#endif
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof),
        cmocka_unit_test(cctv),
        cmocka_unit_test(modulus),
        cmocka_unit_test(accumulated),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
