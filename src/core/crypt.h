/* SPDX-License-Identifier: Apache-2.0 */
/* crypt.h - the leaf cipher ENC[…], the MAC, and a document sealed and opened with them (spec 10). */
#ifndef SOPS_CORE_CRYPT_H
#define SOPS_CORE_CRYPT_H

#include "core/rules.h"
#include "core/world.h"

/* One file's key, and what is needed to use it. Zero it, set the first four, free with sops_crypt_free. */
struct sops_crypt {
    struct sops_world *world;
    const struct sops_rules *rules;
    struct sops_slice data_key; /* 32 bytes, else code 25 */
    bool keep_nonces;           /* edit, set, unset: a value that did not change keeps its bytes */
    struct sops_engine *engine; /* one cipher context each way, one MAC, nonce pool, kept nonces */
};

/* Does `text` hold the beginning of a ciphertext anywhere? Every file of sops does, as its MAC is one. */
bool sops_holds_ciphertext(struct sops_slice text);
/* One text to ENC[...] (appended) and back (`text` appended): values, and the MAC in the metadata. */
bool sops_text_seal(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                    struct sops_buf *enc, struct sops_err *e) SOPS_CHECKED;
bool sops_text_open(struct sops_crypt *c, struct sops_slice enc, struct sops_slice aad, enum sops_kind *kind,
                    struct sops_buf *text, struct sops_err *e) SOPS_CHECKED;
/* The marked leaves, in place; `mac` gets the 128 hex digits of the MAC of the plaintext. Code 23. */
bool sops_doc_seal(struct sops_doc *d, struct sops_crypt *c, struct sops_buf *mac, struct sops_err *e) SOPS_CHECKED;
/* Leaves d UNVERIFIED. Code 25. */
bool sops_doc_open(struct sops_doc *d, struct sops_crypt *c, struct sops_buf *mac, struct sops_err *e) SOPS_CHECKED;
/* Opens `stored` (ENC[…] of the MAC, additional data `last_modified`) and compares in constant time; code 51. Only
 * this, and sops_doc_trust, make `d` PLAIN again. */
bool sops_doc_verify(struct sops_doc *d, struct sops_crypt *c, struct sops_slice computed, struct sops_slice stored,
                     struct sops_slice last_modified, struct sops_err *e) SOPS_CHECKED;
void sops_doc_trust(struct sops_doc *d); /* --ignore-mac, and nothing else */
void sops_crypt_free(struct sops_crypt *c);

#endif
