/* SPDX-License-Identifier: Apache-2.0 */
/* On libsodium rather than OpenSSL: its first EVP fetch costs a millisecond that opening an age file need not pay. */
#include "base/digest.h"

#include <sodium.h>

void sops_sha256(struct sops_slice in, uint8_t out[32]) { crypto_hash_sha256(out, in.ptr, in.len); }

/* The HMAC of two slices one after the other, so that HKDF needs no copy. */
static void hmac_two(struct sops_slice key, struct sops_slice first, struct sops_slice second, uint8_t out[32])
{
    static const uint8_t none[1];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.len != 0 ? key.ptr : none, key.len);
    if (first.len != 0) {
        crypto_auth_hmacsha256_update(&state, first.ptr, first.len);
    }
    if (second.len != 0) {
        crypto_auth_hmacsha256_update(&state, second.ptr, second.len);
    }
    crypto_auth_hmacsha256_final(&state, out);
    sops_wipe(&state, sizeof state);
}

void sops_hmac_sha256(struct sops_slice key, struct sops_slice in, uint8_t out[32])
{
    hmac_two(key, in, SOPS_LIT(""), out);
}

void sops_hkdf_extract(struct sops_slice salt, struct sops_slice ikm, uint8_t prk[32])
{
    /* HMAC pads its key with zeros, so an empty salt is the 32 zero bytes that RFC 5869 wants. */
    hmac_two(salt, ikm, SOPS_LIT(""), prk);
}

void sops_hkdf_expand(const uint8_t prk[32], struct sops_slice info, uint8_t *out, size_t len)
{
    uint8_t block[32];
    hmac_two(sops_slice_of(prk, 32), info, SOPS_LIT("\x01"), block);
    memcpy(out, block, len < sizeof block ? len : sizeof block);
    sops_wipe(block, sizeof block);
}

void sops_hkdf(struct sops_slice ikm, struct sops_slice salt, struct sops_slice info, uint8_t out[32])
{
    uint8_t prk[32];
    sops_hkdf_extract(salt, ikm, prk);
    sops_hkdf_expand(prk, info, out, 32);
    sops_wipe(prk, sizeof prk);
}
