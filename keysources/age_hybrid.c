/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stanza mlkem768x25519: HPKE in base mode over the hybrid KEM 0x647a, which is X-Wing (spec 61 section 2.9). Only
 * the X25519 share and key go into the combiner; ML-KEM's own values are bound by ML-KEM itself.
 */
#include "keysources/age_internal.h"

#include "base/digest.h"
#include "base/encode.h"
#include "keysources/mlkem768.h"

#include <openssl/evp.h>
#include <sodium.h>

#define TYPE "mlkem768x25519"
#define ENC (SOPS_MLKEM768_CT + 32)
/* "HPKE", then KEM, KDF and AEAD; with the version in front, as every label has it. */
#define SUITE "HPKE-v1HPKE\x64\x7a\x00\x01\x00\x03"
#define SUITE_LEN (sizeof SUITE - 1)

/* What a seed expands to. */
struct expanded {
    uint8_t mlkem_seed[SOPS_MLKEM768_SEED];
    uint8_t x25519[32];
};

/* A digest of the parts one after the other. */
static bool keccak(const EVP_MD *md, const struct sops_slice *part, size_t parts, uint8_t *out, size_t len,
                   struct sops_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
    for (size_t i = 0; ok && i < parts; i++) {
        ok = EVP_DigestUpdate(ctx, part[i].ptr, part[i].len) == 1;
    }
    ok = ok && ((EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0 ? EVP_DigestFinalXOF(ctx, out, len)
                                                              : EVP_DigestFinal_ex(ctx, out, NULL)) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? true : sops_fail(e, SOPS_E_GENERIC, "OpenSSL has no SHA-3");
}

static bool expand(struct sops_slice seed, struct expanded *out, struct sops_err *e)
{
    return keccak(EVP_shake256(), &seed, 1, (uint8_t *)out, sizeof *out, e);
}

/* The shared secret of the KEM from those of its halves. */
static bool combine(const uint8_t mlkem[32], const uint8_t x25519[32], const uint8_t share[32],
                    const uint8_t public[32], uint8_t out[32], struct sops_err *e)
{
    const struct sops_slice part[] = {sops_slice_of(mlkem, 32), sops_slice_of(x25519, 32), sops_slice_of(share, 32),
                                      sops_slice_of(public, 32), SOPS_LIT("\\.//^\\")};
    return keccak(EVP_sha3_256(), part, sizeof part / sizeof part[0], out, 32, e);
}

/* LabeledExpand of RFC 9180 section 4, for at most 32 bytes. */
static void expand_label(const uint8_t prk[32], const char *label, const uint8_t context[65], uint8_t *out, uint8_t len)
{
    uint8_t text[2 + SUITE_LEN + 16 + 65] = {0, len};
    size_t n = strlen(label);
    memcpy(text + 2, SUITE, SUITE_LEN);
    memcpy(text + 2 + SUITE_LEN, label, n);
    memcpy(text + 2 + SUITE_LEN + n, context, 65);
    sops_hkdf_expand(prk, sops_slice_of(text, 2 + SUITE_LEN + n + 65), out, len);
}

/* Key and nonce of the one message that HPKE seals. */
static void key_schedule(const uint8_t shared[32], uint8_t key[32], uint8_t nonce[12])
{
    /* mode 0, then LabeledExtract of an empty PSK id and of "age-encryption.org/mlkem768x25519": constants */
    static const uint8_t context[65] = {0x00, 0x36, 0xb5, 0xff, 0x55, 0x87, 0xa0, 0x30, 0x0f, 0xc5, 0x55, 0x73, 0x47,
                                        0xee, 0x59, 0x90, 0x66, 0xaf, 0x3e, 0xd8, 0x97, 0x74, 0x5f, 0x8c, 0xa8, 0xca,
                                        0x19, 0xb4, 0x5f, 0x13, 0xab, 0xd9, 0x77, 0x99, 0xab, 0x4c, 0xae, 0x8d, 0xd1,
                                        0x10, 0x8e, 0x0f, 0xe7, 0x2c, 0x89, 0x82, 0x40, 0xbc, 0x16, 0xf1, 0x32, 0x36,
                                        0xe8, 0x12, 0x1d, 0x92, 0x0a, 0x6b, 0xd8, 0xd5, 0xb6, 0x78, 0x32, 0x0a, 0x81};
    uint8_t secret[32];
    sops_hkdf_extract(sops_slice_of(shared, 32), SOPS_LIT(SUITE "secret"), secret);
    expand_label(secret, "key", context, key, 32);
    expand_label(secret, "base_nonce", context, nonce, 12);
    sops_wipe(secret, sizeof secret);
}

bool sops_age_hybrid_recipient(struct sops_slice seed, struct sops_buf *out, struct sops_err *e)
{
    struct expanded x;
    uint8_t dk[SOPS_MLKEM768_DK], recipient[SOPS_MLKEM768_EK + 32];
    bool ok = expand(seed, &x, e) && sops_mlkem768_keygen(x.mlkem_seed, dk, e);
    if (ok) {
        memcpy(recipient, dk + SOPS_MLKEM768_EK_AT, SOPS_MLKEM768_EK);
        (void)crypto_scalarmult_base(recipient + SOPS_MLKEM768_EK, x.x25519);
        ok = sops_bech32_add(out, SOPS_LIT("age1pq"), sops_slice_of(recipient, sizeof recipient), e);
    }
    sops_wipe(&x, sizeof x);
    sops_wipe(dk, sizeof dk);
    return ok;
}

bool sops_age_hybrid_wrap(struct sops_world *w, const struct sops_age_recipient *r,
                          const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                          struct sops_err *e)
{
    const uint8_t *public = r->key.ptr + SOPS_MLKEM768_EK;
    uint8_t enc[ENC], body[SOPS_AGE_WRAPPED];
    uint8_t *share = enc + SOPS_MLKEM768_CT;
    struct {
        uint8_t random[64]; /* m || the ephemeral scalar */
        uint8_t mlkem[32], x25519[32], shared[32], key[32], nonce[12];
    } x = {0};
    struct sops_slice text;
    bool ok = w->random(w, x.random, sizeof x.random, e) && sops_mlkem768_encaps(r->key.ptr, x.random, enc, x.mlkem, e);
    if (ok && (crypto_scalarmult_base(share, x.random + 32) != 0 ||
               crypto_scalarmult(x.x25519, x.random + 32, public) != 0)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the X25519 part of the age recipient is a point of low order");
    }
    ok = ok && combine(x.mlkem, x.x25519, share, public, x.shared, e);
    if (ok) {
        key_schedule(x.shared, x.key, x.nonce);
        sops_age_key_seal(x.key, x.nonce, file_key, body);
        ok = sops_age_bytes_text(a, enc, sizeof enc, &text, e);
    }
    *out = ok ? sops_age_stanza_new(a, TYPE, text, (struct sops_slice){0}, sops_slice_of(body, sizeof body), e) : NULL;
    sops_wipe(&x, sizeof x);
    return *out != NULL;
}

/* What an identity expands to; kept in its locked pages. */
struct opener {
    struct expanded x;
    uint8_t dk[SOPS_MLKEM768_DK];
    uint8_t public[32];
};

/* Expands the identity for the first stanza that needs it. */
static const struct opener *opener_of(struct sops_age_identity *id, struct sops_err *e)
{
    if (id->more == NULL) {
        struct opener *o = (struct opener *)sops_age_set_lock(id->set, sizeof *o, e);
        if (o == NULL || !expand(id->secret, &o->x, e) || !sops_mlkem768_keygen(o->x.mlkem_seed, o->dk, e)) {
            return NULL;
        }
        (void)crypto_scalarmult_base(o->public, o->x.x25519);
        id->more = o;
    }
    return id->more;
}

static enum sops_age_match open_stanza(struct sops_age_identity *id, const struct sops_age_stanza *s,
                                       uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    uint8_t enc[ENC];
    const uint8_t *share = enc + SOPS_MLKEM768_CT;
    struct {
        uint8_t mlkem[32], x25519[32], shared[32], key[32], nonce[12];
    } x;
    if (s->args != 2) {
        return sops_age_broken(e, TYPE, "it must have one argument");
    }
    if (s->body.len != SOPS_AGE_WRAPPED) {
        return sops_age_broken(e, TYPE, "its body has the wrong length");
    }
    if (!sops_age_bytes_take(s->arg[1], enc, sizeof enc)) {
        return sops_age_broken(e, TYPE, "its encapsulated key is malformed");
    }
    enum sops_age_match match = SOPS_AGE_BROKEN;
    const struct opener *o = opener_of(id, e);
    if (o != NULL && sops_mlkem768_decaps(o->dk, enc, x.mlkem, e)) {
        if (crypto_scalarmult(x.x25519, o->x.x25519, share) != 0) {
            match = sops_age_broken(e, TYPE, "its share is a point of low order");
        } else if (combine(x.mlkem, x.x25519, share, o->public, x.shared, e)) {
            key_schedule(x.shared, x.key, x.nonce);
            match = sops_age_key_open(x.key, x.nonce, s->body, file_key) ? SOPS_AGE_MINE : SOPS_AGE_NOT_MINE;
        }
    }
    sops_wipe(&x, sizeof x);
    return match;
}

enum sops_age_match sops_age_hybrid_unwrap(struct sops_world *w, struct sops_age_identity *id,
                                           const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                           struct sops_err *e)
{
    (void)w;
    enum sops_age_match match = SOPS_AGE_NOT_MINE;
    for (const struct sops_age_stanza *s = h->stanzas; s != NULL && match == SOPS_AGE_NOT_MINE; s = s->next) {
        if (sops_age_stanza_is(s, TYPE)) {
            match = open_stanza(id, s, file_key, e);
        }
    }
    return match;
}
