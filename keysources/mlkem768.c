/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coefficients are kept fully reduced, 0 <= x < q, after each operation: slower than lazy reduction, but every bound
 * can be seen where it stands. Reductions and compressions multiply by a constant and shift, as a compiler may turn `/`
 * and `%` into an instruction whose time depends on its operands; each formula is checked for all inputs by the unit
 * test.
 */
#include "keysources/mlkem768.h"

#include "base/openssl.h"

#include <openssl/evp.h>

#define Q 3329
#define N 256
#define K 3
#define POLY_12 384 /* bytes of a polynomial in 12 bits a coefficient */
#define POLY_10 320
#define POLY_4 128
#define XOF_BYTES 840 /* five blocks of SHAKE128: enough but once in 2^200 */

struct poly {
    uint16_t c[N];
};
struct vec {
    struct poly p[K];
};

/* 17^bitrev7(i) mod q */
static const uint16_t zetas[128] = {
    1,    1729, 2580, 3289, 2642, 630,  1897, 848,  1062, 1919, 193,  797,  2786, 3260, 569,  1746, 296,  2447, 1339,
    1476, 3046, 56,   2240, 1333, 1426, 2094, 535,  2882, 2393, 2879, 1974, 821,  289,  331,  3253, 1756, 1197, 2304,
    2277, 2055, 650,  1977, 2513, 632,  2865, 33,   1320, 1915, 2319, 1435, 807,  452,  1438, 2868, 1534, 2402, 2647,
    2617, 1481, 648,  2474, 3110, 1227, 910,  17,   2761, 583,  2649, 1637, 723,  2288, 1100, 1409, 2662, 3281, 233,
    756,  2156, 3015, 3050, 1703, 1651, 2789, 1789, 1847, 952,  1461, 2687, 939,  2308, 2437, 2388, 733,  2337, 268,
    641,  1584, 2298, 2037, 3220, 375,  2549, 2090, 1645, 1063, 319,  2773, 757,  2099, 561,  2466, 2594, 2804, 1092,
    403,  1026, 1143, 2150, 2775, 886,  1722, 1212, 1874, 1029, 2110, 2935, 885,  2154};
/* 17^(2 bitrev7(i) + 1) mod q */
static const uint16_t gammas[128] = {
    17,   3312, 2761, 568,  583,  2746, 2649, 680,  1637, 1692, 723,  2606, 2288, 1041, 1100, 2229, 1409, 1920, 2662,
    667,  3281, 48,   233,  3096, 756,  2573, 2156, 1173, 3015, 314,  3050, 279,  1703, 1626, 1651, 1678, 2789, 540,
    1789, 1540, 1847, 1482, 952,  2377, 1461, 1868, 2687, 642,  939,  2390, 2308, 1021, 2437, 892,  2388, 941,  733,
    2596, 2337, 992,  268,  3061, 641,  2688, 1584, 1745, 2298, 1031, 2037, 1292, 3220, 109,  375,  2954, 2549, 780,
    2090, 1239, 1645, 1684, 1063, 2266, 319,  3010, 2773, 556,  757,  2572, 2099, 1230, 561,  2768, 2466, 863,  2594,
    735,  2804, 525,  1092, 2237, 403,  2926, 1026, 2303, 1143, 2186, 2150, 1179, 2775, 554,  886,  2443, 1722, 1607,
    1212, 2117, 1874, 1455, 1029, 2300, 2110, 1219, 2935, 394,  885,  2444, 2154, 1175};

/* ---- Keccak --------------------------------------------------------------------------------------------------- */

/* `failed` stays set, so that it is looked at once at the end. */
struct keccak {
    EVP_MD_CTX *ctx;
    bool failed;
};

static void hash(struct keccak *k, const EVP_MD *md, struct sops_slice first, struct sops_slice second, uint8_t *out,
                 size_t len)
{
    bool xof = (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0;
    bool ok = EVP_DigestInit_ex2(k->ctx, sops_openssl_digest(md), NULL) == 1 &&
              EVP_DigestUpdate(k->ctx, first.ptr, first.len) == 1 &&
              (second.len == 0 || EVP_DigestUpdate(k->ctx, second.ptr, second.len) == 1) &&
              (xof ? EVP_DigestFinalXOF(k->ctx, out, len) : EVP_DigestFinal_ex(k->ctx, out, NULL)) == 1;
    if (!ok) {
        memset(out, 0, len);
        k->failed = true;
    }
}

static bool keccak_start(struct keccak *k, struct sops_err *e)
{
    k->failed = false;
    k->ctx = EVP_MD_CTX_new();
    return k->ctx != NULL ? true : sops_fail_memory(e);
}

static bool keccak_end(struct keccak *k, struct sops_err *e)
{
    EVP_MD_CTX_free(k->ctx);
    return !k->failed ? true : sops_fail(e, SOPS_E_GENERIC, "OpenSSL has no SHA-3");
}

/* ---- arithmetic modulo q --------------------------------------------------------------------------------------- */

/* Keeps the compiler from finding out that this is a 0 or a 1, and from branching on it. */
static uint32_t hidden(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

/* x < 2q to x < q */
static uint16_t subtract_once(uint32_t x)
{
    uint32_t less = x - Q;
    return (uint16_t)(less + (Q & (0 - (less >> 31))));
}

/* x <= 2 (q - 1)^2 */
static uint16_t reduce(uint32_t x) { return subtract_once(x - Q * (uint32_t)((uint64_t)x * 5039 >> 24)); }

static uint16_t plus(uint16_t a, uint16_t b) { return subtract_once((uint32_t)a + b); }

static uint16_t minus(uint16_t a, uint16_t b) { return subtract_once((uint32_t)a + Q - b); }

static uint16_t times(uint16_t a, uint16_t b) { return reduce((uint32_t)a * b); }

static void add(struct poly *to, const struct poly *a)
{
    for (int i = 0; i < N; i++) {
        to->c[i] = plus(to->c[i], a->c[i]);
    }
}

static void ntt(struct poly *f)
{
    int i = 1;
    for (int len = 128; len >= 2; len /= 2) {
        for (int start = 0; start < N; start += 2 * len) {
            uint16_t zeta = zetas[i++];
            for (int j = start; j < start + len; j++) {
                uint16_t t = times(zeta, f->c[j + len]);
                f->c[j + len] = minus(f->c[j], t);
                f->c[j] = plus(f->c[j], t);
            }
        }
    }
}

static void inverse_ntt(struct poly *f)
{
    int i = 127;
    for (int len = 2; len <= 128; len *= 2) {
        for (int start = 0; start < N; start += 2 * len) {
            uint16_t zeta = zetas[i--];
            for (int j = start; j < start + len; j++) {
                uint16_t t = f->c[j];
                f->c[j] = plus(t, f->c[j + len]);
                f->c[j + len] = times(zeta, minus(f->c[j + len], t));
            }
        }
    }
    for (int j = 0; j < N; j++) {
        f->c[j] = times(f->c[j], 3303); /* 128^-1 */
    }
}

/* to += a * b, all in the NTT domain */
static void multiply_add(struct poly *to, const struct poly *a, const struct poly *b)
{
    for (int i = 0; i < N / 2; i++) {
        uint32_t a0 = a->c[2 * i], a1 = a->c[2 * i + 1], b0 = b->c[2 * i], b1 = b->c[2 * i + 1];
        uint32_t high = times(reduce(a1 * b1), gammas[i]);
        to->c[2 * i] = plus(to->c[2 * i], plus(reduce(a0 * b0), (uint16_t)high));
        to->c[2 * i + 1] = plus(to->c[2 * i + 1], reduce(a0 * b1 + a1 * b0));
    }
}

static void dot(struct poly *to, const struct vec *a, const struct vec *b)
{
    memset(to, 0, sizeof *to);
    for (int i = 0; i < K; i++) {
        multiply_add(to, &a->p[i], &b->p[i]);
    }
}

/* ---- sampling -------------------------------------------------------------------------------------------------- */

/* An entry of the public matrix: SampleNTT(rho || j || i). Branches on public values only. */
static void sample_ntt(struct keccak *k, const uint8_t rho[32], uint8_t j, uint8_t i, struct poly *out)
{
    uint8_t bytes[4 * XOF_BYTES];
    size_t have = 0;
    for (size_t size = XOF_BYTES; have < N && size <= sizeof bytes && !k->failed; size *= 2) {
        hash(k, EVP_shake128(), sops_slice_of(rho, 32), sops_slice_of((uint8_t[]){j, i}, 2), bytes, size);
        have = 0;
        for (size_t at = 0; at < size && have < N; at += 3) {
            uint16_t d1 = (uint16_t)(bytes[at] | (bytes[at + 1] & 15) << 8);
            uint16_t d2 = (uint16_t)(bytes[at + 1] >> 4 | bytes[at + 2] << 4);
            if (d1 < Q) {
                out->c[have++] = d1;
            }
            if (d2 < Q && have < N) {
                out->c[have++] = d2;
            }
        }
    }
    k->failed = k->failed || have < N;
}

/* A row of the matrix, or with `transposed` a column. */
static void sample_row(struct keccak *k, const uint8_t rho[32], uint8_t i, bool transposed, struct vec *out)
{
    for (uint8_t j = 0; j < K; j++) {
        sample_ntt(k, rho, transposed ? i : j, transposed ? j : i, &out->p[j]);
    }
}

/* Noise: CBD2(PRF(seed, n)). */
static void sample_noise(struct keccak *k, const uint8_t seed[32], uint8_t n, struct poly *out)
{
    uint8_t bytes[N / 2];
    hash(k, EVP_shake256(), sops_slice_of(seed, 32), sops_slice_of(&n, 1), bytes, sizeof bytes);
    for (int i = 0; i < N; i++) {
        unsigned b = (unsigned)bytes[i / 2] >> 4 * (i & 1);
        out->c[i] = subtract_once((b & 1) + (b >> 1 & 1) + Q - (b >> 2 & 1) - (b >> 3 & 1));
    }
    sops_wipe(bytes, sizeof bytes);
}

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

static void encode_12(const struct poly *p, uint8_t out[POLY_12])
{
    for (int i = 0; i < N / 2; i++) {
        uint32_t v = p->c[2 * i] | (uint32_t)p->c[2 * i + 1] << 12;
        out[3 * i] = (uint8_t)v;
        out[3 * i + 1] = (uint8_t)(v >> 8);
        out[3 * i + 2] = (uint8_t)(v >> 16);
    }
}

static void decode_12(const uint8_t in[POLY_12], struct poly *p)
{
    for (int i = 0; i < N / 2; i++) {
        p->c[2 * i] = (uint16_t)(in[3 * i] | (in[3 * i + 1] & 15) << 8);
        p->c[2 * i + 1] = (uint16_t)(in[3 * i + 1] >> 4 | in[3 * i + 2] << 4);
    }
}

static uint16_t compress_1(uint16_t x) { return (uint16_t)((((uint32_t)x << 1) + Q / 2) * 315 >> 20 & 1); }

static uint16_t compress_4(uint16_t x) { return (uint16_t)((((uint32_t)x << 4) + Q / 2) * 315 >> 20 & 15); }

static uint16_t compress_10(uint16_t x) { return (uint16_t)((((uint64_t)x << 10) + Q / 2) * 161271 >> 29 & 1023); }

static void encode_10(const struct poly *p, uint8_t out[POLY_10])
{
    for (int i = 0; i < N / 4; i++) {
        uint64_t v = 0;
        for (int j = 3; j >= 0; j--) {
            v = v << 10 | compress_10(p->c[4 * i + j]);
        }
        for (int j = 0; j < 5; j++) {
            out[5 * i + j] = (uint8_t)(v >> 8 * j);
        }
    }
}

static void decode_10(const uint8_t in[POLY_10], struct poly *p)
{
    for (int i = 0; i < N / 4; i++) {
        uint64_t v = 0;
        for (int j = 4; j >= 0; j--) {
            v = v << 8 | in[5 * i + j];
        }
        for (int j = 0; j < 4; j++) {
            p->c[4 * i + j] = (uint16_t)(((uint32_t)(v >> 10 * j & 1023) * Q + 512) >> 10);
        }
    }
}

static void encode_4(const struct poly *p, uint8_t out[POLY_4])
{
    for (int i = 0; i < N / 2; i++) {
        out[i] = (uint8_t)(compress_4(p->c[2 * i]) | compress_4(p->c[2 * i + 1]) << 4);
    }
}

static void decode_4(const uint8_t in[POLY_4], struct poly *p)
{
    for (int i = 0; i < N; i++) {
        uint32_t v = (uint32_t)in[i / 2] >> 4 * (i & 1) & 15;
        p->c[i] = (uint16_t)((v * Q + 8) >> 4);
    }
}

/* to += the message, a bit a coefficient */
static void add_message(struct poly *to, const uint8_t m[32])
{
    for (int i = 0; i < N; i++) {
        uint32_t bit = (uint32_t)m[i / 8] >> (i & 7) & 1;
        to->c[i] = plus(to->c[i], (uint16_t)((0 - hidden(bit)) & ((Q + 1) / 2)));
    }
}

static void take_message(const struct poly *p, uint8_t m[32])
{
    memset(m, 0, 32);
    for (int i = 0; i < N; i++) {
        m[i / 8] = (uint8_t)(m[i / 8] | compress_1(p->c[i]) << (i & 7));
    }
}

bool sops_mlkem768_check(const uint8_t ek[SOPS_MLKEM768_EK])
{
    for (int k = 0; k < K; k++) {
        struct poly p;
        decode_12(ek + k * POLY_12, &p);
        for (int i = 0; i < N; i++) {
            if (p.c[i] >= Q) {
                return false;
            }
        }
    }
    return true;
}

/* ---- K-PKE (FIPS 203, 5.1 to 5.3) ------------------------------------------------------------------------------- */

/* `dk` gets the secret vector, `ek` the public key. */
static void pke_keygen(struct keccak *k, const uint8_t d[32], uint8_t dk[K * POLY_12], uint8_t ek[SOPS_MLKEM768_EK])
{
    struct {
        uint8_t seeds[64]; /* rho || sigma */
        struct vec s, row;
        struct poly e, t;
    } x;
    hash(k, EVP_sha3_512(), sops_slice_of(d, 32), sops_slice_of((uint8_t[]){K}, 1), x.seeds, sizeof x.seeds);
    for (uint8_t i = 0; i < K; i++) {
        sample_noise(k, x.seeds + 32, i, &x.s.p[i]);
        ntt(&x.s.p[i]);
        encode_12(&x.s.p[i], dk + i * POLY_12);
    }
    for (uint8_t i = 0; i < K; i++) {
        sample_row(k, x.seeds, i, false, &x.row);
        dot(&x.t, &x.row, &x.s);
        sample_noise(k, x.seeds + 32, K + i, &x.e);
        ntt(&x.e);
        add(&x.t, &x.e);
        encode_12(&x.t, ek + i * POLY_12);
    }
    memcpy(ek + K * POLY_12, x.seeds, 32);
    sops_wipe(&x, sizeof x);
}

static void pke_encrypt(struct keccak *k, const uint8_t ek[SOPS_MLKEM768_EK], const uint8_t m[32], const uint8_t r[32],
                        uint8_t ct[SOPS_MLKEM768_CT])
{
    struct {
        struct vec t, y, column;
        struct poly u, v, e;
    } x;
    const uint8_t *rho = ek + K * POLY_12;
    for (uint8_t i = 0; i < K; i++) {
        decode_12(ek + i * POLY_12, &x.t.p[i]);
        sample_noise(k, r, i, &x.y.p[i]);
        ntt(&x.y.p[i]);
    }
    for (uint8_t i = 0; i < K; i++) {
        sample_row(k, rho, i, true, &x.column);
        dot(&x.u, &x.column, &x.y);
        inverse_ntt(&x.u);
        sample_noise(k, r, K + i, &x.e);
        add(&x.u, &x.e);
        encode_10(&x.u, ct + i * POLY_10);
    }
    dot(&x.v, &x.t, &x.y);
    inverse_ntt(&x.v);
    sample_noise(k, r, 2 * K, &x.e);
    add(&x.v, &x.e);
    add_message(&x.v, m);
    encode_4(&x.v, ct + K * POLY_10);
    sops_wipe(&x, sizeof x);
}

static void pke_decrypt(const uint8_t dk[K * POLY_12], const uint8_t ct[SOPS_MLKEM768_CT], uint8_t m[32])
{
    struct {
        struct vec s, u;
        struct poly v, w;
    } x;
    for (int i = 0; i < K; i++) {
        decode_12(dk + i * POLY_12, &x.s.p[i]);
        decode_10(ct + i * POLY_10, &x.u.p[i]);
        ntt(&x.u.p[i]);
    }
    decode_4(ct + K * POLY_10, &x.v);
    dot(&x.w, &x.s, &x.u);
    inverse_ntt(&x.w);
    for (int i = 0; i < N; i++) {
        x.w.c[i] = minus(x.v.c[i], x.w.c[i]);
    }
    take_message(&x.w, m);
    sops_wipe(&x, sizeof x);
}

/* ---- ML-KEM (FIPS 203, 6 and 7) --------------------------------------------------------------------------------- */

bool sops_mlkem768_keygen(const uint8_t seed[SOPS_MLKEM768_SEED], uint8_t dk[SOPS_MLKEM768_DK], struct sops_err *e)
{
    struct keccak k;
    uint8_t *ek = dk + SOPS_MLKEM768_EK_AT;
    if (!keccak_start(&k, e)) {
        return false;
    }
    pke_keygen(&k, seed, dk, ek);
    hash(&k, EVP_sha3_256(), sops_slice_of(ek, SOPS_MLKEM768_EK), (struct sops_slice){0}, ek + SOPS_MLKEM768_EK, 32);
    memcpy(dk + SOPS_MLKEM768_DK - 32, seed + 32, 32);
    return keccak_end(&k, e);
}

bool sops_mlkem768_encaps(const uint8_t ek[SOPS_MLKEM768_EK], const uint8_t m[32], uint8_t ct[SOPS_MLKEM768_CT],
                          uint8_t ss[SOPS_MLKEM768_SS], struct sops_err *e)
{
    struct keccak k;
    uint8_t h[32], key[64];
    if (!sops_mlkem768_check(ek)) {
        return sops_fail(e, SOPS_E_GENERIC, "the ML-KEM-768 key is not reduced");
    }
    if (!keccak_start(&k, e)) {
        return false;
    }
    hash(&k, EVP_sha3_256(), sops_slice_of(ek, SOPS_MLKEM768_EK), (struct sops_slice){0}, h, sizeof h);
    hash(&k, EVP_sha3_512(), sops_slice_of(m, 32), sops_slice_of(h, 32), key, sizeof key);
    pke_encrypt(&k, ek, m, key + 32, ct);
    memcpy(ss, key, SOPS_MLKEM768_SS);
    sops_wipe(key, sizeof key);
    return keccak_end(&k, e);
}

bool sops_mlkem768_decaps(const uint8_t dk[SOPS_MLKEM768_DK], const uint8_t ct[SOPS_MLKEM768_CT],
                          uint8_t ss[SOPS_MLKEM768_SS], struct sops_err *e)
{
    struct keccak k;
    const uint8_t *ek = dk + SOPS_MLKEM768_EK_AT, *h = ek + SOPS_MLKEM768_EK, *z = h + 32;
    struct {
        uint8_t m[32], key[64], rejected[32], ct[SOPS_MLKEM768_CT];
    } x;
    if (!keccak_start(&k, e)) {
        return false;
    }
    pke_decrypt(dk, ct, x.m);
    hash(&k, EVP_sha3_512(), sops_slice_of(x.m, 32), sops_slice_of(h, 32), x.key, sizeof x.key);
    hash(&k, EVP_shake256(), sops_slice_of(z, 32), sops_slice_of(ct, SOPS_MLKEM768_CT), x.rejected, sizeof x.rejected);
    pke_encrypt(&k, ek, x.m, x.key + 32, x.ct);
    /* All bits set when the two differ. Whether they do is as secret as the key: no branch may depend on it. */
    uint32_t differ = 0;
    for (size_t i = 0; i < SOPS_MLKEM768_CT; i++) {
        differ |= (uint32_t)(x.ct[i] ^ ct[i]);
    }
    uint8_t mask = (uint8_t)(0 - hidden((0 - differ) >> 31));
    for (size_t i = 0; i < SOPS_MLKEM768_SS; i++) {
        ss[i] = (uint8_t)(x.key[i] ^ (mask & (x.key[i] ^ x.rejected[i])));
    }
    sops_wipe(&x, sizeof x);
    return keccak_end(&k, e);
}
