/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reuse.h - which ciphertexts are written again (docs/spec/10-document-and-cipher.md#the-leaf-cipher).
 *
 * The rule: a leaf is written with an old ciphertext when data key, additional data, kind and text are all the same.
 * That is what a second encryption with the same nonce would give, so nothing is revealed but that it did not change.
 * Every other leaf gets a fresh nonce. There is no other way to use a nonce twice.
 */
#ifndef SOPS_CORE_REUSE_H
#define SOPS_CORE_REUSE_H

#include "core/tree.h"

/* Tells data keys apart without giving them away: equal keys have equal ones. */
struct sops_key_id {
    uint8_t bytes[16];
};

/* A ciphertext and what it stands for. A node's `sealed` points to the one that it was opened from; whether the two
 * still agree is found out by comparing. Lives as long as the doc that was opened, its texts too; a copy of the node
 * in another doc points to it as well. */
struct sops_sealed {
    struct sops_slice enc;  /* ENC[…] as it stands in the file */
    struct sops_slice aad;  /* the additional data that it was opened with */
    struct sops_slice text; /* what it was opened to */
    const struct sops_opening *of;
    uint8_t kind;   /* enum sops_kind */
    bool reusable;  /* spelt as ours are */
    bool unequal;   /* a NaN, which does not equal itself */
    bool odd_nonce; /* of another length than ours */
    bool more;      /* text stood behind it in the file */
};
/* All of a doc, in document order, and by which key. */
struct sops_opening {
    struct sops_key_id key;
    struct sops_sealed *leaf;
    size_t count;
};

/* Which of several ciphertexts that stand for the same is taken for a leaf. */
enum sops_reuse_which {
    SOPS_REUSE_IN_ORDER, /* the one that it was opened from; else the first that no leaf has taken yet */
    SOPS_REUSE_IN_PLACE, /* the same, also of a NaN, and of one with text behind it: a spelling, which is the
                            preserver's business */
    SOPS_REUSE_LAST,     /* the last one: what the reference's edit, set and unset write */
};

/* Old ciphertexts by what they stand for. Set the first three, leave the rest zero. */
struct sops_reuse {
    const struct sops_doc *const *old; /* ends with NULL; one that was opened with another key counts for nothing */
    const struct sops_key_id *key;     /* of the data key that is sealed with */
    enum sops_reuse_which which;
    struct sops_reuse_entry *entry; /* those of the first doc, in its order, then those of the next */
    uint32_t *slot;                 /* the first entry of several equal ones */
    size_t size;                    /* of slot; 0: there is nothing to be reused */
    uint8_t hash_key[16];
};
bool sops_reuse_make(struct sops_reuse *r, struct sops_err *e) SOPS_CHECKED;
/* Is `n` still what it was opened from? Then n->sealed becomes the ciphertext that is to be written. To be asked of all
 * leaves before the first sops_reuse_find. */
bool sops_reuse_own(struct sops_reuse *r, struct sops_node *n, struct sops_slice aad);
/* An old ciphertext for any other leaf; NULL: it needs a fresh nonce. */
const struct sops_sealed *sops_reuse_find(struct sops_reuse *r, const struct sops_node *n, struct sops_slice aad);
void sops_reuse_free(struct sops_reuse *r);

#endif
