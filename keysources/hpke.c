/* SPDX-License-Identifier: Apache-2.0 */
/* Only the X25519 share and key go into the combiner of the two secrets; ML-KEM's own values are bound by ML-KEM. */
#include "keysources/hpke.h"

#include "base/digest.h"
#include "base/openssl.h"

#include <openssl/evp.h>
#include <sodium.h>

/* "HPKE", then KEM, KDF and AEAD; with the version in front, as every label has it. */
#define SUITE "HPKE-v1HPKE\x64\x7a\x00\x01\x00\x03"
#define SUITE_LEN (sizeof SUITE - 1)
#define CONTEXT 65

/* A digest of the parts one after the other. */
static bool keccak(const EVP_MD *md, const struct sops_slice *part, size_t parts, uint8_t *out, size_t len,
                   struct sops_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex2(ctx, sops_openssl_digest(md), NULL) == 1;
    for (size_t i = 0; ok && i < parts; i++) {
        ok = EVP_DigestUpdate(ctx, part[i].ptr, part[i].len) == 1;
    }
    ok = ok && ((EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0 ? EVP_DigestFinalXOF(ctx, out, len)
                                                              : EVP_DigestFinal_ex(ctx, out, NULL)) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? true : sops_fail(e, SOPS_E_GENERIC, "OpenSSL has no SHA-3");
}

bool sops_hpke_expand(const uint8_t seed[SOPS_HPKE_SEED], struct sops_hpke_private *out, struct sops_err *e)
{
    const struct sops_slice part = sops_slice_of(seed, SOPS_HPKE_SEED);
    if (!keccak(EVP_shake256(), &part, 1, (uint8_t *)&out->seed, sizeof out->seed, e) ||
        !sops_mlkem768_keygen(out->seed.mlkem, out->dk, e)) {
        return false;
    }
    (void)crypto_scalarmult_base(out->share, out->seed.x25519);
    return true;
}

void sops_hpke_public(const struct sops_hpke_private *k, uint8_t out[SOPS_HPKE_PUBLIC])
{
    memcpy(out, k->dk + SOPS_MLKEM768_EK_AT, SOPS_MLKEM768_EK);
    memcpy(out + SOPS_MLKEM768_EK, k->share, 32);
}

/* The shared secret of the KEM from those of its halves. */
static bool combine(const uint8_t mlkem[32], const uint8_t x25519[32], const uint8_t share[32],
                    const uint8_t public[32], uint8_t out[32], struct sops_err *e)
{
    const struct sops_slice part[] = {sops_slice_of(mlkem, 32), sops_slice_of(x25519, 32), sops_slice_of(share, 32),
                                      sops_slice_of(public, 32), SOPS_LIT("\\.//^\\")};
    return keccak(EVP_sha3_256(), part, sizeof part / sizeof part[0], out, 32, e);
}

struct halves {
    uint8_t mlkem[32], x25519[32];
};

bool sops_hpke_encaps(const uint8_t to[SOPS_HPKE_PUBLIC], const uint8_t random[64], uint8_t enc[SOPS_HPKE_ENC],
                      uint8_t shared[32], struct sops_err *e)
{
    const uint8_t *public = to + SOPS_MLKEM768_EK;
    uint8_t *share = enc + SOPS_MLKEM768_CT;
    struct halves x;
    bool ok = sops_mlkem768_encaps(to, random, enc, x.mlkem, e);
    if (ok &&
        (crypto_scalarmult_base(share, random + 32) != 0 || crypto_scalarmult(x.x25519, random + 32, public) != 0)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the X25519 part of the age recipient is a point of low order");
    }
    ok = ok && combine(x.mlkem, x.x25519, share, public, shared, e);
    sops_wipe(&x, sizeof x);
    return ok;
}

bool sops_hpke_decaps(const struct sops_hpke_private *k, const uint8_t enc[SOPS_HPKE_ENC], uint8_t shared[32],
                      struct sops_err *e)
{
    const uint8_t *share = enc + SOPS_MLKEM768_CT;
    struct halves x;
    bool ok = sops_mlkem768_decaps(k->dk, enc, x.mlkem, e);
    if (ok && crypto_scalarmult(x.x25519, k->seed.x25519, share) != 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "its share is a point of low order");
    }
    ok = ok && combine(x.mlkem, x.x25519, share, k->share, shared, e);
    sops_wipe(&x, sizeof x);
    return ok;
}

/* LabeledExtract of RFC 9180 section 4 without a salt, for labels and texts that are short. */
static void extract_label(const char *label, struct sops_slice text, uint8_t out[32])
{
    uint8_t all[SUITE_LEN + 16 + 64];
    size_t n = strlen(label), room = sizeof all - SUITE_LEN - n, take = text.len < room ? text.len : room;
    memcpy(all, SUITE, SUITE_LEN);
    memcpy(all + SUITE_LEN, label, n);
    memcpy(all + SUITE_LEN + n, text.ptr, take);
    sops_hkdf_extract((struct sops_slice){0}, sops_slice_of(all, SUITE_LEN + n + take), out);
}

/* LabeledExpand of RFC 9180 section 4, for at most 32 bytes. */
static void expand_label(const uint8_t prk[32], const char *label, const uint8_t context[CONTEXT], uint8_t *out,
                         uint8_t len)
{
    uint8_t text[2 + SUITE_LEN + 16 + CONTEXT] = {0, len};
    size_t n = strlen(label);
    memcpy(text + 2, SUITE, SUITE_LEN);
    memcpy(text + 2 + SUITE_LEN, label, n);
    memcpy(text + 2 + SUITE_LEN + n, context, CONTEXT);
    sops_hkdf_expand(prk, sops_slice_of(text, 2 + SUITE_LEN + n + CONTEXT), out, len);
}

void sops_hpke_schedule(const uint8_t shared[32], struct sops_slice info, uint8_t key[32], uint8_t nonce[12])
{
    uint8_t context[CONTEXT] = {0}; /* mode 0, the hash of no PSK id, the hash of `info` */
    uint8_t secret[32];
    extract_label("psk_id_hash", SOPS_LIT(""), context + 1);
    extract_label("info_hash", info, context + 33);
    sops_hkdf_extract(sops_slice_of(shared, 32), SOPS_LIT(SUITE "secret"), secret);
    expand_label(secret, "key", context, key, 32);
    expand_label(secret, "base_nonce", context, nonce, 12);
    sops_wipe(secret, sizeof secret);
}
