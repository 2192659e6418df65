/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlkem768.h - ML-KEM-768 (FIPS 203, final). No branch, address or division depends on a secret.
 *
 * Each function fails only when OpenSSL's Keccak does, or as said.
 */
#ifndef SOPS_KEYSOURCES_MLKEM768_H
#define SOPS_KEYSOURCES_MLKEM768_H

#include "base/base.h"

#define SOPS_MLKEM768_SEED 64    /* d || z: the private form that is kept */
#define SOPS_MLKEM768_EK 1184    /* encapsulation key */
#define SOPS_MLKEM768_DK 2400    /* decapsulation key: s || ek || H(ek) || z */
#define SOPS_MLKEM768_EK_AT 1152 /* where the encapsulation key stands in it */
#define SOPS_MLKEM768_CT 1088    /* ciphertext */
#define SOPS_MLKEM768_SS 32      /* shared secret */

/* Are all coefficients of the key reduced (FIPS 203, 7.2)? The key is public. */
bool sops_mlkem768_check(const uint8_t ek[SOPS_MLKEM768_EK]);
/* The decapsulation key of a seed. */
bool sops_mlkem768_keygen(const uint8_t seed[SOPS_MLKEM768_SEED], uint8_t dk[SOPS_MLKEM768_DK],
                          struct sops_err *e) SOPS_CHECKED;
/* Encapsulates with the 32 random bytes `m`. Fails for a key that sops_mlkem768_check refuses. */
bool sops_mlkem768_encaps(const uint8_t ek[SOPS_MLKEM768_EK], const uint8_t m[32], uint8_t ct[SOPS_MLKEM768_CT],
                          uint8_t ss[SOPS_MLKEM768_SS], struct sops_err *e) SOPS_CHECKED;
/* A ciphertext that was not made for this key gives a secret that nobody knows (implicit rejection), not a failure. */
bool sops_mlkem768_decaps(const uint8_t dk[SOPS_MLKEM768_DK], const uint8_t ct[SOPS_MLKEM768_CT],
                          uint8_t ss[SOPS_MLKEM768_SS], struct sops_err *e) SOPS_CHECKED;

#endif
