/* SPDX-License-Identifier: Apache-2.0 */
/* age_rsa.h - RSA-OAEP as the ssh-rsa stanza uses it: SHA-256 twice, age's label
 * (docs/spec/61-age.md#the-ssh-rsa-stanza). */
#ifndef SOPS_KEYSOURCES_AGE_RSA_H
#define SOPS_KEYSOURCES_AGE_RSA_H

#include "keysources/age_ssh_key.h"

/* Appends the ciphertext of `plain`. */
bool sops_age_rsa_seal(const struct sops_ssh_public *to, struct sops_slice plain, struct sops_buf *out,
                       struct sops_err *e) SOPS_CHECKED;
/* Appends the plaintext. The key's numbers are checked for consistency first. */
bool sops_age_rsa_open(const struct sops_ssh_private *k, struct sops_slice body, struct sops_buf *out,
                       struct sops_err *e) SOPS_CHECKED;

#endif
