/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - SHA-256, HMAC-SHA-256 and HKDF-SHA-256 over slices (OpenSSL; FIPS 180-4, RFC 2104, RFC 5869). */
#ifndef SOPS_BASE_DIGEST_H
#define SOPS_BASE_DIGEST_H

#include "base/base.h"

void sops_sha256(struct sops_slice in, uint8_t out[32]);
/* Of all that is left to read from `fd`; false with errno when it cannot be read. */
bool sops_sha256_rest(int fd, uint8_t out[32]);
/* Of any key length. */
void sops_hmac_sha256(struct sops_slice key, struct sops_slice in, uint8_t out[32]);
void sops_hkdf_extract(struct sops_slice salt, struct sops_slice ikm, uint8_t prk[32]);
/* At most 32 bytes of output. */
void sops_hkdf_expand(const uint8_t prk[32], struct sops_slice info, uint8_t *out, size_t len);
/* Extract and expand: 32 bytes. An empty salt is 32 zero bytes. */
void sops_hkdf(struct sops_slice ikm, struct sops_slice salt, struct sops_slice info, uint8_t out[32]);

#endif
