/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stanzas X25519 and scrypt, and what all kinds of stanza share (docs/spec/61-age.md#the-x25519-stanza,
 * #the-scrypt-stanza). The order of the checks in each unwrap decides between "not mine" and an error that ends the
 * entry, so it is fixed.
 */
#include "keysources/age_internal.h"

#include "base/digest.h"
#include "base/encode.h"

#include <sodium.h>

#define X25519_INFO "age-encryption.org/v1/X25519"
#define SCRYPT_SALT "age-encryption.org/v1/scrypt"
#define SCRYPT_MAX_LOG_N 22
#define SHARE 32

const uint8_t sops_age_zero_nonce[12];

enum sops_age_match sops_age_broken(struct sops_err *e, const char *type, const char *why)
{
    sops_fail(e, SOPS_E_GENERIC, "bad %s stanza: %s", type, why);
    return SOPS_AGE_BROKEN;
}

void sops_age_key_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t file_key[SOPS_AGE_FILE_KEY],
                       uint8_t body[SOPS_AGE_WRAPPED])
{
    (void)crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, SOPS_AGE_FILE_KEY, NULL, 0, NULL, nonce, key);
}

bool sops_age_key_open(const uint8_t key[32], const uint8_t nonce[12], struct sops_slice body,
                       uint8_t file_key[SOPS_AGE_FILE_KEY])
{
    return body.len == SOPS_AGE_WRAPPED && crypto_aead_chacha20poly1305_ietf_decrypt(
                                               file_key, NULL, NULL, body.ptr, body.len, NULL, 0, nonce, key) == 0;
}

struct sops_age_stanza *sops_age_stanza_new(struct sops_arena *a, const char *type, struct sops_slice first,
                                            struct sops_slice second, struct sops_slice body, struct sops_err *e)
{
    struct sops_age_stanza *s = sops_arena_alloc(a, sizeof *s, e);
    struct sops_slice *arg = sops_arena_alloc(a, 3 * sizeof *arg, e);
    if (s == NULL || arg == NULL || !sops_arena_copy(a, sops_str(type), &arg[0], e) ||
        !sops_arena_copy(a, first, &arg[1], e) || !sops_arena_copy(a, second, &arg[2], e) ||
        !sops_arena_copy(a, body, &s->body, e)) {
        return NULL;
    }
    s->arg = arg;
    s->args = 1U + (first.len != 0) + (second.len != 0);
    return s;
}

bool sops_age_bytes_take(struct sops_slice text, uint8_t *out, size_t size)
{
    struct sops_buf bytes = {.ptr = out, .cap = size}; /* lent: by the length of the text it never grows */
    return text.len == (size * 4 + 2) / 3 && sops_base64_take(&bytes, SOPS_B64_RAW, text, NULL);
}

bool sops_age_bytes_text(struct sops_arena *a, const uint8_t *bytes, size_t size, struct sops_slice *out,
                         struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_base64_add(&text, SOPS_B64_RAW, sops_slice_of(bytes, size), e) &&
              sops_arena_copy(a, sops_buf_view(&text), out, e);
    sops_buf_free(&text);
    return ok;
}

/* ---- X25519 -------------------------------------------------------------------------------------------------- */

static void x25519_key(const uint8_t shared[32], const uint8_t share[32], const uint8_t recipient[32], uint8_t key[32])
{
    uint8_t salt[64];
    memcpy(salt, share, 32);
    memcpy(salt + 32, recipient, 32);
    sops_hkdf(sops_slice_of(shared, 32), sops_slice_of(salt, sizeof salt), SOPS_LIT(X25519_INFO), key);
}

bool sops_age_x25519_wrap(struct sops_world *w, const struct sops_age_recipient *r,
                          const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                          struct sops_err *e)
{
    uint8_t ephemeral[32] = {0}, share[32], shared[32], key[32], body[SOPS_AGE_WRAPPED];
    bool ok = w->random(w, ephemeral, sizeof ephemeral, e);
    if (ok &&
        (crypto_scalarmult_base(share, ephemeral) != 0 || crypto_scalarmult(shared, ephemeral, r->key.ptr) != 0)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the age recipient is a point of low order");
    }
    if (ok) {
        x25519_key(shared, share, r->key.ptr, key);
        sops_age_key_seal(key, sops_age_zero_nonce, file_key, body);
        struct sops_slice text;
        ok = sops_age_bytes_text(a, share, sizeof share, &text, e);
        *out = ok ? sops_age_stanza_new(a, "X25519", text, (struct sops_slice){0}, sops_slice_of(body, sizeof body), e)
                  : NULL;
        ok = *out != NULL;
    }
    sops_wipe(ephemeral, sizeof ephemeral);
    sops_wipe(shared, sizeof shared);
    sops_wipe(key, sizeof key);
    return ok;
}

static enum sops_age_match x25519_open(const uint8_t secret[32], const uint8_t public[32],
                                       const struct sops_age_stanza *s, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                       struct sops_err *e)
{
    uint8_t share[SHARE], shared[32], key[32];
    if (s->args != 2) {
        return sops_age_broken(e, "X25519", "it must have one argument");
    }
    if (!sops_age_bytes_take(s->arg[1], share, sizeof share)) {
        return sops_age_broken(e, "X25519", "its share is malformed");
    }
    if (crypto_scalarmult(shared, secret, share) != 0) {
        return sops_age_broken(e, "X25519", "its share is a point of low order");
    }
    bool mine = s->body.len == SOPS_AGE_WRAPPED;
    if (mine) {
        x25519_key(shared, share, public, key);
        mine = sops_age_key_open(key, sops_age_zero_nonce, s->body, file_key);
        sops_wipe(key, sizeof key);
    }
    sops_wipe(shared, sizeof shared);
    if (s->body.len != SOPS_AGE_WRAPPED) {
        return sops_age_broken(e, "X25519", "its body has the wrong length");
    }
    return mine ? SOPS_AGE_MINE : SOPS_AGE_NOT_MINE;
}

/* The public key of an identity, worked out for the first stanza that needs it; by one of several threads. */
static const uint8_t *public_of(struct sops_age_identity *id, struct sops_err *e)
{
    sops_age_set_hold();
    if (id->more == NULL) {
        uint8_t *public = sops_arena_bytes(&id->set->arena, 32, e);
        if (public != NULL) {
            (void)crypto_scalarmult_base(public, id->secret.ptr);
            id->more = public;
        }
    }
    const uint8_t *found = id->more;
    sops_age_set_release();
    return found;
}

enum sops_age_match sops_age_x25519_unwrap(struct sops_world *w, struct sops_age_identity *id,
                                           const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                           struct sops_err *e)
{
    (void)w;
    enum sops_age_match match = SOPS_AGE_NOT_MINE;
    for (const struct sops_age_stanza *s = h->stanzas; s != NULL && match == SOPS_AGE_NOT_MINE; s = s->next) {
        if (sops_age_stanza_is(s, "X25519")) {
            const uint8_t *public = public_of(id, e);
            match = public != NULL ? x25519_open(id->secret.ptr, public, s, file_key, e) : SOPS_AGE_BROKEN;
        }
    }
    return match;
}

/* ---- scrypt -------------------------------------------------------------------------------------------------- */

/* `[1-9][0-9]*` up to the limit, else 0: refused before anything is computed. */
static unsigned parse_log_n(struct sops_slice text)
{
    unsigned n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < '0' || c > '9' || (i == 0 && c == '0')) {
            return 0;
        }
        n = n * 10 + c - (unsigned)'0';
        if (n > SCRYPT_MAX_LOG_N) {
            return 0;
        }
    }
    return n;
}

static enum sops_age_match scrypt_open(struct sops_slice passphrase, const struct sops_age_stanza *s,
                                       uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    uint8_t salt[sizeof SCRYPT_SALT - 1 + 16] = SCRYPT_SALT, key[32];
    if (s->args != 3) {
        return sops_age_broken(e, "scrypt", "it must have two arguments");
    }
    if (!sops_age_bytes_take(s->arg[1], salt + sizeof SCRYPT_SALT - 1, 16)) {
        return sops_age_broken(e, "scrypt", "its salt is malformed");
    }
    unsigned log_n = parse_log_n(s->arg[2]);
    if (log_n == 0) {
        return sops_age_broken(e, "scrypt", "its work factor is malformed or too large");
    }
    if (s->body.len != SOPS_AGE_WRAPPED) {
        return sops_age_broken(e, "scrypt", "its body has the wrong length");
    }
    if (passphrase.len == 0) {
        return sops_age_broken(e, "scrypt", "the passphrase is empty");
    }
    if (crypto_pwhash_scryptsalsa208sha256_ll(passphrase.ptr, passphrase.len, salt, sizeof salt, (uint64_t)1 << log_n,
                                              8, 1, key, sizeof key) != 0) {
        return sops_age_broken(e, "scrypt", "not enough memory for its work factor");
    }
    bool mine = sops_age_key_open(key, sops_age_zero_nonce, s->body, file_key);
    sops_wipe(key, sizeof key);
    return mine ? SOPS_AGE_MINE : SOPS_AGE_NOT_MINE;
}

enum sops_age_match sops_age_scrypt_unwrap(struct sops_slice passphrase, const struct sops_age_header *h,
                                           uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    for (const struct sops_age_stanza *s = h->stanzas; s != NULL; s = s->next) {
        if (!sops_age_stanza_is(s, "scrypt")) {
            continue;
        }
        /* Somebody who knows the file key of another stanza could otherwise pretend to know the passphrase. */
        return h->count != 1 ? sops_age_broken(e, "scrypt", "it must be the only one")
                             : scrypt_open(passphrase, s, file_key, e);
    }
    return SOPS_AGE_NOT_MINE;
}

bool sops_age_native_recipient(const struct sops_age_identity *id, struct sops_buf *out, struct sops_err *e)
{
    uint8_t public[32];
    if (id->unwrap == sops_age_hybrid_unwrap) {
        return sops_age_hybrid_recipient(id->secret, out, e);
    }
    (void)crypto_scalarmult_base(public, id->secret.ptr);
    return sops_bech32_add(out, SOPS_LIT("age"), sops_slice_of(public, sizeof public), e);
}
