/* SPDX-License-Identifier: Apache-2.0 */
/* encode.h - base64 in its variants, hex, bech32: bytes to text and back. Decoders are strict. */
#ifndef SOPS_BASE_ENCODE_H
#define SOPS_BASE_ENCODE_H

#include "base/ascii.h"

enum sops_base64 {
    SOPS_B64_STD, /* RFC 4648 section 4, padded */
    SOPS_B64_RAW, /* the same without padding, canonical (C2SP age) */
    SOPS_B64_URL, /* RFC 4648 section 5, without padding */
    SOPS_B64_CR,  /* decoding only: STD, but CR anywhere is skipped and unused trailing bits are not looked at
                     (docs/spec/30-metadata.md: "CR inside the base64: accepted") */
};

/* Appends the text of `in`. */
bool sops_base64_add(struct sops_buf *out, enum sops_base64 kind, struct sops_slice in,
                     struct sops_err *e) SOPS_CHECKED;
/* Appends the bytes of the text `in`; false with code 1, "bad base64", when it is none. */
bool sops_base64_take(struct sops_buf *out, enum sops_base64 kind, struct sops_slice in,
                      struct sops_err *e) SOPS_CHECKED;
/* Number of characters of the padded text of n bytes. */
static inline size_t sops_base64_size(size_t n) { return (n + 2) / 3 * 4; }
/* Writes the padded text of n bytes to `to` (sops_base64_size(n) characters, no NUL). */
void sops_base64_write(char *to, const uint8_t *from, size_t n);
/* Lower- or upper-case hex. */
bool sops_hex_add(struct sops_buf *out, struct sops_slice in, bool upper, struct sops_err *e) SOPS_CHECKED;
bool sops_hex_take(struct sops_buf *out, struct sops_slice in, struct sops_err *e) SOPS_CHECKED;
/* Percent-encoded bytes of a URL: letters, digits, "-_.~" and those of `keep` stay. */
bool sops_percent_add(struct sops_buf *out, struct sops_slice text, const char *keep, struct sops_err *e) SOPS_CHECKED;
/* The bytes of percent-encoded text; a '%' without two hex digits behind it stays as it is. */
bool sops_percent_take(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* Bech32 (BIP 173, checksum constant 1, no length limit). Encodes in lower case, or in upper case when `hrp` is.
 * The messages never show the text. */
bool sops_bech32_add(struct sops_buf *out, struct sops_slice hrp, struct sops_slice in,
                     struct sops_err *e) SOPS_CHECKED;
/* `hrp` points into `text`, in its case. */
bool sops_bech32_take(struct sops_slice text, struct sops_slice *hrp, struct sops_buf *out,
                      struct sops_err *e) SOPS_CHECKED;

#endif
