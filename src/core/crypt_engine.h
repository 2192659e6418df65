/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypt_engine.h - what crypt.c (one text), crypt_crew.c (many leaves at once), crypt_doc.c (a document sealed),
 * crypt_open.c (a document opened) and crypt_comment.c (comments out of place) share; nobody else includes it.
 *
 * A document's leaves are collected first, then go through the cipher in any order and on several threads, and are put
 * back in document order. What a thread needs is its lane; failures are constant texts, so that a leaf needs no err.
 */
#ifndef SOPS_CORE_CRYPT_ENGINE_H
#define SOPS_CORE_CRYPT_ENGINE_H

#include "base/table.h"
#include "core/crypt.h"

#include <stdatomic.h>

#define SOPS_NONCE 32
#define SOPS_TAG 16
#define SOPS_LANES 4

/* What one thread needs: its cipher contexts with the key set, and room for the leaf at hand. */
struct sops_lane {
    struct evp_cipher_ctx_st *seal, *open;
    size_t open_iv_len;
    struct sops_buf scratch; /* nonce, ciphertext and tag */
    struct sops_err err;     /* of scratch; empty between calls */
};

struct sops_engine {
    struct evp_cipher_st *cipher;
    struct sops_lane lane[SOPS_LANES]; /* the first is the caller's own thread */
    uint8_t pool[4096];                /* random bytes for nonces; the first pool_left are unused */
    size_t pool_left;
    uint8_t kept_key[32];   /* of the hash that finds kept nonces */
    struct sops_table kept; /* keyed hash of (additional data, type, text) to the nonce */
    struct sops_arena kept_arena;
};

/* The engine of `c`, made on first use. */
bool sops_engine_get(struct sops_crypt *c, struct sops_engine **engine, struct sops_err *e) SOPS_CHECKED;
/* The nonce for a leaf: the one it had, or a fresh one. */
bool sops_engine_nonce(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                       uint8_t nonce[SOPS_NONCE], struct sops_err *e) SOPS_CHECKED;
/* Remembers that a leaf had this nonce. */
bool sops_engine_keep(struct sops_engine *g, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                      struct sops_slice nonce, struct sops_err *e) SOPS_CHECKED;

/* Length of ENC[…] for `len` bytes of text. */
size_t sops_sealed_size(enum sops_kind kind, size_t len);
/* ENC[…] written to `to`. NULL, or why not. */
const char *sops_lane_seal(const struct sops_crypt *c, struct sops_lane *lane, enum sops_kind kind,
                           struct sops_slice text, struct sops_slice aad, const uint8_t nonce[SOPS_NONCE],
                           uint8_t *to) SOPS_CHECKED;
/* The text of ENC[…] to `to`, which has room for enc.len bytes and may be enc's own memory: nothing is written there
 * before the tag was right. `nonce` points into the lane until the next call. NULL, or why not. */
const char *sops_lane_open(const struct sops_crypt *c, struct sops_lane *lane, struct sops_slice enc,
                           struct sops_slice aad, enum sops_kind *kind, uint8_t *to, struct sops_slice *nonce,
                           size_t *len) SOPS_CHECKED;
/* The reason for which an error is not about the leaf. */
extern const char sops_no_memory[];

/* One leaf on its way through the cipher. */
struct sops_leaf {
    struct sops_node *node;
    struct sops_slice aad;
    uint8_t *to;     /* where the result goes */
    size_t len;      /* of the result */
    const char *why; /* it failed; NULL when it did not */
    enum sops_kind kind;
    bool long_nonce; /* not of SOPS_NONCE bytes: not to be kept */
    uint8_t nonce[SOPS_NONCE];
};
struct sops_crew {
    struct sops_crypt *c;
    struct sops_leaf *leaf;
    size_t count;
    void (*work)(struct sops_crypt *c, struct sops_lane *lane, struct sops_leaf *leaf);
    struct sops_arena aads; /* owns what leaf[].aad points to */
    atomic_size_t next;
};
/* Room for a leaf for every marked node that has a cipher text, or needs one; the walk fills it by sops_crew_add. */
bool sops_crew_open(struct sops_crew *crew, const struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;
/* The next leaf, with node and additional data set; NULL with `e` set on failure. */
struct sops_leaf *sops_crew_add(struct sops_crew *crew, struct sops_node *n, struct sops_slice aad,
                                struct sops_err *e) SOPS_CHECKED;
/* All leaves through `work`, on as many threads as there are processors when there is enough to do. `meanwhile` (may be
 * NULL) runs on the caller's thread first. */
void sops_crew_run(struct sops_crew *crew, void (*meanwhile)(void *arg), void *arg);
void sops_crew_free(struct sops_crew *crew);

/* Comments that were read below the mapping that they were sealed for. Start all-zero; memory is the doc's arena's. */
struct sops_strays {
    struct sops_stray *newest;
};
/* Tries the mappings above the comment of `leaf`, which did not open where it was read; when one opens it, `leaf` is as
 * if it had opened at once (why is NULL), and the comment is remembered for sops_strays_home. `previous` is the node
 * before it in document order. False with `e` set when memory ran out. */
bool sops_strays_try(struct sops_strays *s, struct sops_doc *d, struct sops_crypt *c, struct sops_leaf *leaf,
                     struct sops_node *previous, struct sops_err *e) SOPS_CHECKED;
/* Moves each of them to the mapping that it was sealed for, behind the entry that it was read in. */
void sops_strays_home(struct sops_strays *s);

/* SHA-512 over the leaves that count (spec 10, "the MAC"). */
struct sops_mac {
    const struct sops_rules *rules;
    struct SHA512state_st *state;
};
bool sops_mac_start(struct sops_mac *m, const struct sops_rules *rules, struct sops_err *e) SOPS_CHECKED;
/* Counts the clear text of a leaf that is no comment. */
void sops_mac_add(struct sops_mac *m, const struct sops_node *n, struct sops_slice text);
/* Appends the 128 hex digits. */
bool sops_mac_end(struct sops_mac *m, struct sops_buf *mac, struct sops_err *e) SOPS_CHECKED;
void sops_mac_free(struct sops_mac *m);

/* "the value at ["a"]" in front of the message. Returns false. */
bool sops_crypt_at(const struct sops_node *n, struct sops_err *e);

#endif
