/* SPDX-License-Identifier: Apache-2.0 */
/* hpke.h - HPKE (RFC 9180) in base mode with the hybrid KEM 0x647a (ML-KEM-768 and X25519, X-Wing), HKDF-SHA-256 and
 * ChaCha20-Poly1305, as far as one message is sealed (docs/spec/61-age.md#the-mlkem768x25519-stanza). */
#ifndef SOPS_KEYSOURCES_HPKE_H
#define SOPS_KEYSOURCES_HPKE_H

#include "keysources/mlkem768.h"

#define SOPS_HPKE_SEED 32
#define SOPS_HPKE_PUBLIC (SOPS_MLKEM768_EK + 32)
#define SOPS_HPKE_ENC (SOPS_MLKEM768_CT + 32)

/* What a seed expands to; secret. */
struct sops_hpke_private {
    struct {
        uint8_t mlkem[SOPS_MLKEM768_SEED], x25519[32];
    } seed;
    uint8_t dk[SOPS_MLKEM768_DK];
    uint8_t share[32]; /* the public X25519 half */
};

/* The private key that a seed stands for. The caller wipes it. */
bool sops_hpke_expand(const uint8_t seed[SOPS_HPKE_SEED], struct sops_hpke_private *out,
                      struct sops_err *e) SOPS_CHECKED;
/* The public key: the ML-KEM half, then the X25519 one. */
void sops_hpke_public(const struct sops_hpke_private *k, uint8_t out[SOPS_HPKE_PUBLIC]);

/* A new shared secret for `to`, from 64 random bytes, and what tells it to the other side. Fails for an X25519 half of
 * low order; whether the ML-KEM half is reduced was checked before (sops_mlkem768_check). */
bool sops_hpke_encaps(const uint8_t to[SOPS_HPKE_PUBLIC], const uint8_t random[64], uint8_t enc[SOPS_HPKE_ENC],
                      uint8_t shared[32], struct sops_err *e) SOPS_CHECKED;
/* For another's `enc` the secret is one that nobody knows. Fails for a share of low order. */
bool sops_hpke_decaps(const struct sops_hpke_private *k, const uint8_t enc[SOPS_HPKE_ENC], uint8_t shared[32],
                      struct sops_err *e) SOPS_CHECKED;
/* Key and nonce of the first message; `info` has at most 64 bytes. */
void sops_hpke_schedule(const uint8_t shared[32], struct sops_slice info, uint8_t key[32], uint8_t nonce[12]);

#endif
