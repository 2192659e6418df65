/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlkem768.h - ML-KEM-768 (FIPS 203). No branch, no address and no division depends on a secret.
 *
 * The private form is the seed d || z: it is expanded anew each time, as age stores no other form.
 */
#ifndef SOPS_KEYSOURCES_MLKEM768_H
#define SOPS_KEYSOURCES_MLKEM768_H

#include "base/base.h"

#define SOPS_MLKEM768_EK 1184 /* encapsulation key */
#define SOPS_MLKEM768_CT 1088 /* ciphertext */
#define SOPS_MLKEM768_SS 32   /* shared secret */
#define SOPS_MLKEM768_SEED 64 /* d || z */

/* Are all coefficients of the key reduced (FIPS 203 section 7.2)? The key is public. */
bool sops_mlkem768_check(const uint8_t ek[SOPS_MLKEM768_EK]);
/* The encapsulation key of a seed. False only when OpenSSL's Keccak fails. */
bool sops_mlkem768_public(const uint8_t seed[SOPS_MLKEM768_SEED], uint8_t ek[SOPS_MLKEM768_EK],
                          struct sops_err *e) SOPS_CHECKED;
/* Encapsulates with the randomness `m`. Code 1 for a key that sops_mlkem768_check refuses. */
bool sops_mlkem768_encaps(const uint8_t ek[SOPS_MLKEM768_EK], const uint8_t m[32], uint8_t ct[SOPS_MLKEM768_CT],
                          uint8_t ss[SOPS_MLKEM768_SS], struct sops_err *e) SOPS_CHECKED;
/* A ciphertext that was not made for this key gives a secret that is nobody's (implicit rejection), not a failure. */
bool sops_mlkem768_decaps(const uint8_t seed[SOPS_MLKEM768_SEED], const uint8_t ct[SOPS_MLKEM768_CT],
                          uint8_t ss[SOPS_MLKEM768_SS], struct sops_err *e) SOPS_CHECKED;

#endif
