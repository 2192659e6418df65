/* SPDX-License-Identifier: Apache-2.0 */
/* crypt_engine.h - what crypt.c (one text) and crypt_doc.c (a whole document) share; nobody else includes it. */
#ifndef SOPS_CORE_CRYPT_ENGINE_H
#define SOPS_CORE_CRYPT_ENGINE_H

#include "base/table.h"
#include "core/crypt.h"

#define SOPS_NONCE 32
#define SOPS_TAG 16

struct sops_engine {
    struct evp_cipher_st *cipher;
    struct evp_cipher_ctx_st *seal, *open;
    size_t open_iv_len;
    struct sops_buf scratch; /* nonce, ciphertext and tag of the leaf at hand */
    uint8_t pool[4096];      /* random bytes for nonces; the first pool_left are unused */
    size_t pool_left;
    uint8_t kept_key[32];   /* of the hash that finds kept nonces */
    struct sops_table kept; /* keyed hash of (additional data, type, text) to the nonce */
    struct sops_arena kept_arena;
};

/* The engine of `c`, made on first use. */
bool sops_engine_get(struct sops_crypt *c, struct sops_engine **engine, struct sops_err *e) SOPS_CHECKED;
/* Remembers that a leaf had this nonce. */
bool sops_engine_keep(struct sops_engine *g, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                      struct sops_slice nonce, struct sops_err *e) SOPS_CHECKED;
/* Length of ENC[…] for `len` bytes of text, and that text written to `to`. */
size_t sops_sealed_size(enum sops_kind kind, size_t len);
bool sops_seal_into(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                    uint8_t *to, struct sops_err *e) SOPS_CHECKED;
/* The text of ENC[…] to `to`, which has room for enc.len bytes and may be enc's own memory. `nonce` points into the
 * engine until the next call. Code 25. */
bool sops_open_into(struct sops_crypt *c, struct sops_slice enc, struct sops_slice aad, enum sops_kind *kind,
                    uint8_t *to, struct sops_slice *nonce, size_t *len, struct sops_err *e) SOPS_CHECKED;

#endif
