/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's SHA-256 uses the processor's own instructions, five times as fast as libsodium's; but only by its old
 * calls, as the first EVP fetch costs a millisecond that opening an age file need not pay. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <errno.h>
#include <openssl/sha.h>
#include <unistd.h>

#define BLOCK SHA256_CBLOCK

void sops_sha256(struct sops_slice in, uint8_t out[32])
{
    SHA256_CTX state;
    (void)SHA256_Init(&state);
    (void)SHA256_Update(&state, in.ptr, in.len);
    (void)SHA256_Final(out, &state);
    sops_wipe(&state, sizeof state);
}

bool sops_sha256_rest(int fd, uint8_t out[32])
{
    SHA256_CTX state;
    uint8_t piece[65536];
    ssize_t n;
    (void)SHA256_Init(&state);
    while ((n = read(fd, piece, sizeof piece)) != 0) {
        if (n < 0 && errno != EINTR) {
            break;
        }
        (void)SHA256_Update(&state, piece, n > 0 ? (size_t)n : 0);
    }
    int cause = errno;
    (void)SHA256_Final(out, &state);
    sops_wipe(piece, sizeof piece);
    sops_wipe(&state, sizeof state);
    errno = cause;
    return n == 0;
}

/* One of the two passes of HMAC: the key, every byte changed by `pad`, and then the parts. */
static void pass(const uint8_t key[BLOCK], uint8_t pad, struct sops_slice first, struct sops_slice second,
                 uint8_t out[32])
{
    SHA256_CTX state;
    uint8_t block[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) {
        block[i] = key[i] ^ pad;
    }
    (void)SHA256_Init(&state);
    (void)SHA256_Update(&state, block, BLOCK);
    (void)SHA256_Update(&state, first.ptr, first.len);
    (void)SHA256_Update(&state, second.ptr, second.len);
    (void)SHA256_Final(out, &state);
    sops_wipe(block, BLOCK);
    sops_wipe(&state, sizeof state);
}

/* The HMAC of two slices one after the other, so that HKDF needs no copy. */
static void hmac_two(struct sops_slice key, struct sops_slice first, struct sops_slice second, uint8_t out[32])
{
    uint8_t padded[BLOCK] = {0}, inner[32];
    if (key.len > BLOCK) {
        sops_sha256(key, padded);
    } else if (key.len != 0) {
        memcpy(padded, key.ptr, key.len);
    }
    pass(padded, 0x36, first, second, inner);
    pass(padded, 0x5c, sops_slice_of(inner, sizeof inner), (struct sops_slice){0}, out);
    sops_wipe(padded, BLOCK);
    sops_wipe(inner, sizeof inner);
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
