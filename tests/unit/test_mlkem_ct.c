/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant time, in two ways. All formulas that stand for a division are checked for all inputs. And this program runs
 * itself under valgrind with its secrets marked as undefined: a branch or an address that depends on one is then
 * reported as the use of an uninitialised value (the "ctgrind" trick). Only the sampling of the public matrix is
 * exempt, as its seed is public, but made from the secret one.
 */
#include "testing.h"

#include "ctgrind.h"

#include "keysources/mlkem768.c" /* for its static functions; its short macros bear no header behind it */

static void formulas(void **state)
{
    (void)state;
    for (uint32_t x = 0; x <= 2 * (Q - 1) * (Q - 1); x++) {
        if (reduce(x) != x % Q) {
            fail_msg("reduce(%u)", x);
        }
    }
    for (uint32_t x = 0; x < 2 * Q; x++) {
        assert_int_equal(subtract_once(x), x % Q);
    }
    for (uint16_t x = 0; x < Q; x++) { /* round(2^d x / q) mod 2^d */
        assert_int_equal(compress_1(x), ((x * 2U * 2 + Q) / (2 * Q)) % 2);
        assert_int_equal(compress_4(x), ((x * 16U * 2 + Q) / (2 * Q)) % 16);
        assert_int_equal(compress_10(x), ((x * 1024U * 2 + Q) / (2 * Q)) % 1024);
    }
}

static void tables(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 128; i++) {
        unsigned reversed = 0, zeta = 1, gamma = 17;
        for (unsigned bit = 0; bit < 7; bit++) {
            reversed |= (i >> bit & 1) << (6 - bit);
        }
        for (unsigned k = 0; k < reversed; k++) {
            zeta = zeta * 17 % Q;
            gamma = gamma * 17 * 17 % Q;
        }
        assert_int_equal(zetas[i], zeta);
        assert_int_equal(gammas[i], gamma);
    }
}

#ifdef HAVE_VALGRIND
/* Under valgrind: everything secret undefined, everything public defined. */
static int run_marked(void)
{
    static uint8_t seed[SOPS_MLKEM768_SEED], m[32], dk[SOPS_MLKEM768_DK], other[SOPS_MLKEM768_DK];
    static uint8_t ct[SOPS_MLKEM768_CT], ss[SOPS_MLKEM768_SS], back[SOPS_MLKEM768_SS];
    struct sops_err e = {0};
    memset(seed, 7, sizeof seed);
    memset(m, 9, sizeof m);
    if (!sops_mlkem768_keygen(seed, dk, &e)) {
        return 1;
    }
    VALGRIND_MAKE_MEM_UNDEFINED(m, sizeof m);
    if (!sops_mlkem768_encaps(dk + SOPS_MLKEM768_EK_AT, m, ct, ss, &e)) {
        return 1;
    }
    VALGRIND_MAKE_MEM_DEFINED(ct, sizeof ct);
    VALGRIND_MAKE_MEM_UNDEFINED(dk, K * POLY_12);
    VALGRIND_MAKE_MEM_UNDEFINED(dk + SOPS_MLKEM768_DK - 32, 32);
    for (int broken = 0; broken < 2; broken++) { /* and with a ciphertext that is rejected */
        ct[500] ^= (uint8_t)broken;
        if (!sops_mlkem768_decaps(dk, ct, back, &e)) {
            return 1;
        }
        VALGRIND_MAKE_MEM_DEFINED(ss, sizeof ss);
        VALGRIND_MAKE_MEM_DEFINED(back, sizeof back);
        if ((memcmp(ss, back, sizeof ss) == 0) != (broken == 0)) {
            return 1;
        }
    }
    VALGRIND_MAKE_MEM_UNDEFINED(seed, sizeof seed);
    return sops_mlkem768_keygen(seed, other, &e) ? 0 : 1;
}

/* The one function whose branches are on public values that valgrind takes for secret. */
static void write_exemption(char *path)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    ctgrind_exempt(f, "sample_ntt");
    ctgrind_exempt(f, "sample_row");
    assert_int_equal(fclose(f), 0);
}
#endif

static void no_branch_on_secrets(void **state)
{
    (void)state;
#ifndef HAVE_VALGRIND
    skip();
#else
    char path[] = "/tmp/sops-test-ct-XXXXXX";
    write_exemption(path);
    int marked = ctgrind_run(path);
    (void)unlink(path);
    if (marked == CTGRIND_NONE) {
        skip();
    }
    assert_int_equal(marked, 0);
#endif
}

int main(int argc, char **argv)
{
    ctgrind_self = argv[0];
#ifdef HAVE_VALGRIND
    if (argc == 2) {
        return strcmp(argv[1], "marked") == 0 ? run_marked() : 0;
    }
#endif
    (void)argc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas),
        cmocka_unit_test(tables),
        cmocka_unit_test(no_branch_on_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
