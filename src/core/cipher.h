/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher.h - the leaf cipher: one text to ENC[…] and back, under one data key, for one thread
 * (docs/spec/10-document-and-cipher.md#the-leaf-cipher). Failures are constant texts, so that a leaf among 50,000 needs
 * no err; crypt.h has the ones with words.
 */
#ifndef SOPS_CORE_CIPHER_H
#define SOPS_CORE_CIPHER_H

#include "core/tree.h"

#define SOPS_NONCE 32
#define SOPS_DATA_KEY 32

/* Set `key`, and leave the rest zero; sops_cipher_free when done. */
struct sops_cipher {
    const uint8_t *key; /* SOPS_DATA_KEY bytes, the owner's */
    struct evp_cipher_ctx_st *seal, *open;
    size_t open_nonce_len;
    struct sops_buf nonce; /* of what is being opened */
};

/* What was opened. */
struct sops_opened {
    enum sops_kind kind;
    struct sops_slice text;
    struct sops_slice enc; /* the caller's, without what stands behind its last ']', which does not count */
    size_t nonce_len;
    bool more;    /* text stands behind it, which does not count */
    bool as_ours; /* `enc` is spelt as we would spell it, so it may be written again for this kind and text */
};

/* The reason for which a failure is not about the leaf. */
extern const char sops_no_memory[];

/* Does `text` hold the beginning of a ciphertext anywhere? Every file of sops does, as its MAC is one. */
bool sops_holds_ciphertext(struct sops_slice text);
/* Length of ENC[…] for `len` bytes of text. */
size_t sops_sealed_size(enum sops_kind kind, size_t len);
/* ENC[…] written to `to`, which has room for sops_sealed_size. A nonce must never be used for two texts. NULL, or why
 * not. */
const char *sops_cipher_seal(struct sops_cipher *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                             const uint8_t nonce[SOPS_NONCE], uint8_t *to) SOPS_CHECKED;
/* Opens ENC[…]; the text goes to memory of `to`. NULL, or why not: `out` is then as it was. */
const char *sops_cipher_open(struct sops_cipher *c, struct sops_slice enc, struct sops_slice aad, struct sops_arena *to,
                             struct sops_opened *out) SOPS_CHECKED;
void sops_cipher_free(struct sops_cipher *c);
/* Could it be opened with the right key, by its form alone? `kind` is what its type says. NULL, or why not. */
const char *sops_cipher_look(struct sops_slice enc, enum sops_kind *kind) SOPS_CHECKED;

#endif
