/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher.h - one item of a SealedSecret: its ciphertext, and the tag that says whether it is still ours.
 *
 * The format is that of the Sealed Secrets controller (docs/spec/72-sealed-secrets.md#cipher-and-object): a session key
 * for each item, wrapped by RSA-OAEP with a label that ties it to its place, and AES-256-GCM with that key.
 */
#ifndef SOPS_SEAL_CIPHER_H
#define SOPS_SEAL_CIPHER_H

#include "core/world.h"

struct evp_pkey_st;

#define SOPS_SEAL_FINGERPRINT 32
#define SOPS_SEAL_TAG_KEY 32

/* Appends the base64 text of `value`, sealed with the public key of `key` under `label`. The session key is new. */
bool sops_item_seal(struct sops_world *w, struct evp_pkey_st *key, struct sops_slice label, struct sops_slice value,
                    struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

enum sops_item_outcome {
    SOPS_ITEM_FAILED,    /* no memory: `e` says so */
    SOPS_ITEM_OPENED,    /* by the key number `which` */
    SOPS_ITEM_NO_KEY,    /* none of the keys opens it with this label */
    SOPS_ITEM_MALFORMED, /* it is no ciphertext at all */
};
/* Tries the `count` private keys in order; appends the value. Every way in which it does not open is the same to the
 * caller, so that nothing is learnt from trying. */
enum sops_item_outcome sops_item_open(struct evp_pkey_st *const *keys, size_t count, struct sops_slice label,
                                      struct sops_slice text, struct sops_buf *value, size_t *which,
                                      struct sops_err *e) SOPS_CHECKED;
/* Appends the bytes of base64 as the controller reads it: CR and LF do not count, padding is needed. Code 1. */
bool sops_seal_base64(struct sops_slice text, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* The key of all tags of one sops file, from its data key. */
void sops_tag_key(struct sops_slice data_key, uint8_t out[SOPS_SEAL_TAG_KEY]);
/* What an item was sealed from and into. */
struct sops_tag_parts {
    const uint8_t *fingerprint; /* SOPS_SEAL_FINGERPRINT bytes, of the certificate's key */
    struct sops_slice label, key, value;
    struct sops_slice ciphertext; /* decoded */
};
/* Appends the tag (docs/spec/72-sealed-secrets.md#what-stays). */
bool sops_tag_add(const uint8_t tag_key[SOPS_SEAL_TAG_KEY], const struct sops_tag_parts *p, struct sops_buf *out,
                  struct sops_err *e) SOPS_CHECKED;

#endif
