/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors with fixed coefficients (docs/spec/60-keysources.md#shamir-secret-sharing), and all subsets of random splits.
 */
#include "testing.h"

#include "base/encode.h"
#include "core/shamir.h"

static void combine_hex(const char *const *hex, size_t n, const char *want)
{
    struct sops_err e = {0};
    struct sops_buf bytes[8] = {{0}}, secret = {0};
    struct sops_slice share[8];
    for (size_t i = 0; i < n; i++) {
        assert_ok(sops_hex_take(&bytes[i], sops_str(hex[i]), &e), &e);
        share[i] = sops_buf_view(&bytes[i]);
    }
    assert_ok(sops_shamir_combine(share, n, &secret, &e), &e);
    assert_slice(sops_buf_view(&secret), want);
    for (size_t i = 0; i < n; i++) {
        sops_buf_free(&bytes[i]);
    }
    sops_buf_free(&secret);
}

static void vectors(void **state)
{
    (void)state;
    const char *shares[] = {"c5e6e29301", "e093ab4602", "51103aa103", "de1371a104", "6f90e04605"};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            for (size_t k = 0; k < 5; k++) {
                if (i != j && j != k && i != k) {
                    combine_hex((const char *[]){shares[i], shares[j], shares[k]}, 3, "test");
                }
            }
        }
    }
}

static void long_vector(void **state)
{
    (void)state;
    struct sops_err e = {0};
    const char *hex[] = {"01090d1519212d3531494d4559516d6561696d9599818db5b1a9ada5d9d1cdc501",
                         "0319133923697b5143c9c3d9f3e9abb18399938298b2a0eaf8d2d8c24852706a03"};
    struct sops_buf bytes[2] = {{0}}, secret = {0};
    assert_ok(sops_hex_take(&bytes[0], sops_str(hex[0]), &e) && sops_hex_take(&bytes[1], sops_str(hex[1]), &e), &e);
    assert_ok(
        sops_shamir_combine((struct sops_slice[]){sops_buf_view(&bytes[0]), sops_buf_view(&bytes[1])}, 2, &secret, &e),
        &e);
    assert_int_equal(secret.len, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(secret.ptr[i], i);
    }
    sops_buf_free(&bytes[0]);
    sops_buf_free(&bytes[1]);
    sops_buf_free(&secret);
}

static void split_and_combine(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_world w = TEST_WORLD;
    struct sops_buf shares = {0};
    assert_ok(sops_shamir_split(&w, SOPS_LIT("thirty-two bytes of some secret!"), 5, 3, &shares, &e), &e);
    assert_int_equal(shares.len, 5 * 33);
    for (unsigned set = 0; set < 32; set++) {
        struct sops_slice part[5];
        size_t n = 0;
        for (unsigned i = 0; i < 5; i++) {
            if ((set >> i & 1U) != 0) {
                part[n++] = sops_slice_of(shares.ptr + i * 33, 33);
            }
        }
        struct sops_buf secret = {0};
        if (n >= 2) {
            assert_ok(sops_shamir_combine(part, n, &secret, &e), &e);
            assert_true(sops_slice_eq(sops_buf_view(&secret), SOPS_LIT("thirty-two bytes of some secret!")) ==
                        (n >= 3));
        } else {
            assert_fails(sops_shamir_combine(part, n, &secret, &e), &e, SOPS_E_GENERIC);
        }
        sops_buf_free(&secret);
    }
    sops_buf_free(&shares);
}

static void limits(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_world w = TEST_WORLD;
    struct sops_buf b = {0};
    assert_fails(sops_shamir_split(&w, SOPS_LIT("x"), 2, 3, &b, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_shamir_split(&w, SOPS_LIT("x"), 256, 2, &b, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_shamir_split(&w, SOPS_LIT("x"), 2, 1, &b, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_shamir_split(&w, SOPS_LIT(""), 2, 2, &b, &e), &e, SOPS_E_GENERIC);
    struct sops_slice twice[] = {SOPS_LIT("ab\001"), SOPS_LIT("cd\001")};
    assert_fails(sops_shamir_combine(twice, 2, &b, &e), &e, SOPS_E_GENERIC);
    struct sops_slice uneven[] = {SOPS_LIT("ab\001"), SOPS_LIT("c\002")};
    assert_fails(sops_shamir_combine(uneven, 2, &b, &e), &e, SOPS_E_GENERIC);
    assert_int_equal(b.len, 0);
    sops_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(long_vector),
        cmocka_unit_test(split_and_combine),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
