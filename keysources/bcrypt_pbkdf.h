/* SPDX-License-Identifier: Apache-2.0 */
/* bcrypt_pbkdf.h - the key derivation that OpenSSH uses for its own private key format
 * (docs/spec/61-age.md#bcrypt_pbkdf). */
#ifndef SOPS_KEYSOURCES_BCRYPT_PBKDF_H
#define SOPS_KEYSOURCES_BCRYPT_PBKDF_H

#include "base/base.h"

#define SOPS_BCRYPT_MAX_KEY 256

/* Fills `key` with 1 to SOPS_BCRYPT_MAX_KEY bytes; rounds >= 1. Fails for an empty passphrase or salt, and without
 * memory. */
bool sops_bcrypt_pbkdf(struct sops_slice passphrase, struct sops_slice salt, unsigned rounds, uint8_t *key, size_t len,
                       struct sops_err *e) SOPS_CHECKED;

#endif
