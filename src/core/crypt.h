/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypt.h - a document opened and sealed: its leaves and its MAC (docs/spec/10-document-and-cipher.md). Opening keeps
 * every ciphertext beside the text that it stands for; sealing writes it again where that is the same (reuse.h).
 */
#ifndef SOPS_CORE_CRYPT_H
#define SOPS_CORE_CRYPT_H

#include "core/cipher.h"
#include "core/reuse.h"
#include "core/rules.h"
#include "core/world.h"

/* One data key at work. Set the first three, leave the rest zero; sops_crypt_free when done. Not for several threads at
 * once (it starts its own). */
struct sops_crypt {
    struct sops_world *world;
    const struct sops_rules *rules;
    struct sops_slice data_key;       /* SOPS_DATA_KEY bytes, else code 25 */
    struct sops_crypt_engine *engine; /* a cipher for each thread, and random bytes for nonces */
};
void sops_crypt_free(struct sops_crypt *c);

/* One text to ENC[...] (appended; always with a fresh nonce) and back (`text` appended): the MAC in the metadata. */
bool sops_text_seal(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                    struct sops_buf *enc, struct sops_err *e) SOPS_CHECKED;
bool sops_text_open(struct sops_crypt *c, struct sops_slice enc, struct sops_slice aad, enum sops_kind *kind,
                    struct sops_buf *text, struct sops_err *e) SOPS_CHECKED;

/* Seals the marked leaves: their text is then the ciphertext. `old` (ends with NULL) are docs whose ciphertexts may be
 * written again, as far as they were opened with the same data key; `d` may be one of them. `mac` gets the 128 hex
 * digits of the MAC of the plaintext. Code 23. */
bool sops_doc_seal(struct sops_doc *d, struct sops_crypt *c, const struct sops_doc *const *old,
                   enum sops_reuse_which which, struct sops_buf *mac, struct sops_err *e) SOPS_CHECKED;

/* Told of a leaf that does not open; it stays as it is in the file. `why` lives until it returns. */
typedef void sops_fault_fn(void *ctx, const struct sops_node *leaf, const char *why);
/* Opens the marked leaves and leaves d UNVERIFIED; `mac` gets the MAC of what was opened. Without `fault` (NULL), the
 * first leaf that does not open is code 25; else all are tried, and whoever was told of one must take the document for
 * damaged. */
bool sops_doc_open(struct sops_doc *d, struct sops_crypt *c, sops_fault_fn *fault, void *ctx, struct sops_buf *mac,
                   struct sops_err *e) SOPS_CHECKED;
/* Forgets which ciphertexts `d` was opened from: they will not be written again, as with a new data key. */
void sops_doc_forget(struct sops_doc *d);
/* Moves into `to`, an empty doc, what is needed to write the ciphertexts of `from` again, and frees the rest of it: the
 * tree is gone, in failure, too. */
bool sops_doc_keep(struct sops_doc *to, struct sops_doc *from, struct sops_err *e) SOPS_CHECKED;
/* Opens `stored` (ENC[…] of the MAC, additional data `last_modified`) and compares in constant time; code 51. Only
 * this, and sops_doc_trust, make `d` PLAIN again. */
bool sops_doc_verify(struct sops_doc *d, struct sops_crypt *c, struct sops_slice computed, struct sops_slice stored,
                     struct sops_slice last_modified, struct sops_err *e) SOPS_CHECKED;
void sops_doc_trust(struct sops_doc *d); /* --ignore-mac, and nothing else */

#endif
