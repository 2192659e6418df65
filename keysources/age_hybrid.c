/* SPDX-License-Identifier: Apache-2.0 */
/* The stanza mlkem768x25519: the file key is the one message of an HPKE exchange
 * (docs/spec/61-age.md#the-mlkem768x25519-stanza). Expanding an identity takes longer than opening a stanza, so it is
 * done once, when the first stanza of the type is met. */
#include "keysources/age_internal.h"

#include "base/encode.h"
#include "keysources/hpke.h"

#define TYPE "mlkem768x25519"
#define INFO "age-encryption.org/mlkem768x25519"

bool sops_age_hybrid_recipient(struct sops_slice seed, struct sops_buf *out, struct sops_err *e)
{
    struct sops_hpke_private k;
    uint8_t recipient[SOPS_HPKE_PUBLIC];
    bool ok = sops_hpke_expand(seed.ptr, &k, e);
    if (ok) {
        sops_hpke_public(&k, recipient);
        ok = sops_bech32_add(out, SOPS_LIT("age1pq"), sops_slice_of(recipient, sizeof recipient), e);
    }
    sops_wipe(&k, sizeof k);
    return ok;
}

/* What both directions derive. */
struct secrets {
    uint8_t random[64]; /* m || the ephemeral scalar */
    uint8_t shared[32], key[32], nonce[12];
};

bool sops_age_hybrid_wrap(struct sops_world *w, const struct sops_age_recipient *r,
                          const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                          struct sops_err *e)
{
    uint8_t enc[SOPS_HPKE_ENC], body[SOPS_AGE_WRAPPED];
    struct secrets x = {0};
    struct sops_slice text;
    bool ok = w->random(w, x.random, sizeof x.random, e) && sops_hpke_encaps(r->key.ptr, x.random, enc, x.shared, e);
    if (ok) {
        sops_hpke_schedule(x.shared, SOPS_LIT(INFO), x.key, x.nonce);
        sops_age_key_seal(x.key, x.nonce, file_key, body);
        ok = sops_age_bytes_text(a, enc, sizeof enc, &text, e);
    }
    *out = ok ? sops_age_stanza_new(a, TYPE, text, (struct sops_slice){0}, sops_slice_of(body, sizeof body), e) : NULL;
    sops_wipe(&x, sizeof x);
    return *out != NULL;
}

/* What the identity expands to; kept in its locked pages. */
static const struct sops_hpke_private *expanded(struct sops_age_identity *id, struct sops_err *e)
{
    sops_age_set_hold();
    if (id->more == NULL) {
        struct sops_hpke_private *k = (struct sops_hpke_private *)sops_age_set_lock(id->set, sizeof *k, e);
        if (k != NULL && sops_hpke_expand(id->secret.ptr, k, e)) {
            id->more = k;
        }
    }
    const struct sops_hpke_private *found = id->more;
    sops_age_set_release();
    return found;
}

static enum sops_age_match open_stanza(struct sops_age_identity *id, const struct sops_age_stanza *s,
                                       uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    uint8_t enc[SOPS_HPKE_ENC];
    struct secrets x;
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
    const struct sops_hpke_private *k = expanded(id, e);
    if (k != NULL && sops_hpke_decaps(k, enc, x.shared, e)) {
        sops_hpke_schedule(x.shared, SOPS_LIT(INFO), x.key, x.nonce);
        match = sops_age_key_open(x.key, x.nonce, s->body, file_key) ? SOPS_AGE_MINE : SOPS_AGE_NOT_MINE;
    } else {
        (void)sops_within(e, "bad " TYPE " stanza");
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
