/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stanzas ssh-ed25519 and ssh-rsa (docs/spec/61-age.md#the-ssh-ed25519-stanza, #the-ssh-rsa-stanza). A stanza names
 * its key by a tag of four bytes, so once the tag fits, a failure is an error and not "not mine".
 */
#include "keysources/age_internal.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/file.h"
#include "keysources/age_rsa.h"
#include "keysources/age_ssh_key.h"

#include <sodium.h>

#define ED25519_INFO "age-encryption.org/v1/ssh-ed25519"
#define RECIPIENT_MODULUS 256 /* bytes, at least */
#define PUBLIC_MAX ((size_t)65536)
#define TAG 6

/* The first four bytes of the hash, in raw base64. */
static void tag_of(struct sops_slice wire, char out[8])
{
    uint8_t hash[32];
    sops_sha256(wire, hash);
    sops_base64_write(out, hash, 4); /* the last two characters are padding */
}

bool sops_age_ssh_public(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_ssh_public key;
    struct sops_buf wire = {0};
    bool ok = sops_ssh_authorized_parse(text, &wire, e) && sops_ssh_public_parse(sops_buf_view(&wire), &key, e);
    if (ok && key.rsa && key.n.len < RECIPIENT_MODULUS) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the RSA key is too small");
    }
    ok = ok && sops_buf_add(out, sops_buf_view(&wire), e);
    sops_buf_free(&wire);
    return ok;
}

/* ---- Ed25519 ------------------------------------------------------------------------------------------------- */

/* The shared point is multiplied by a scalar that depends on the SSH key, so that a key with the same X25519 half does
 * not open the stanza. */
static bool tweak(const uint8_t shared[32], struct sops_slice wire, uint8_t out[32])
{
    uint8_t scalar[32];
    sops_hkdf(SOPS_LIT(""), wire, SOPS_LIT(ED25519_INFO), scalar);
    return crypto_scalarmult(out, scalar, shared) == 0;
}

static void ed25519_key(const uint8_t shared[32], const uint8_t share[32], const uint8_t montgomery[32],
                        uint8_t key[32])
{
    uint8_t salt[64];
    memcpy(salt, share, 32);
    memcpy(salt + 32, montgomery, 32);
    sops_hkdf(sops_slice_of(shared, 32), sops_slice_of(salt, sizeof salt), SOPS_LIT(ED25519_INFO), key);
}

static bool ed25519_wrap(struct sops_world *w, struct sops_slice wire, const struct sops_ssh_public *to,
                         const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                         struct sops_err *e)
{
    uint8_t montgomery[32], share[32], body[SOPS_AGE_WRAPPED];
    struct {
        uint8_t ephemeral[32], point[32], shared[32], key[32];
    } x = {0};
    char tag[8];
    struct sops_slice text;
    bool ok = w->random(w, x.ephemeral, sizeof x.ephemeral, e);
    if (ok && (crypto_sign_ed25519_pk_to_curve25519(montgomery, to->point.ptr) != 0 ||
               crypto_scalarmult_base(share, x.ephemeral) != 0 ||
               crypto_scalarmult(x.point, x.ephemeral, montgomery) != 0 || !tweak(x.point, wire, x.shared))) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the SSH key is no good point");
    }
    if (ok) {
        ed25519_key(x.shared, share, montgomery, x.key);
        sops_age_key_seal(x.key, sops_age_zero_nonce, file_key, body);
        tag_of(wire, tag);
        ok = sops_age_bytes_text(a, share, sizeof share, &text, e);
    }
    *out = ok ? sops_age_stanza_new(a, SOPS_SSH_ED25519, sops_slice_of(tag, TAG), text,
                                    sops_slice_of(body, sizeof body), e)
              : NULL;
    sops_wipe(&x, sizeof x);
    return *out != NULL;
}

static bool ed25519_open(const struct sops_ssh_private *k, struct sops_slice wire, const uint8_t share[32],
                         struct sops_slice body, uint8_t file_key[SOPS_AGE_FILE_KEY])
{
    uint8_t montgomery[32];
    struct {
        uint8_t hash[64], point[32], shared[32], key[32];
    } x;
    (void)crypto_hash_sha512(x.hash, k->seed.ptr, 32);
    bool ok = crypto_scalarmult_base(montgomery, x.hash) == 0 && crypto_scalarmult(x.point, x.hash, share) == 0 &&
              tweak(x.point, wire, x.shared);
    if (ok) {
        ed25519_key(x.shared, share, montgomery, x.key);
        ok = sops_age_key_open(x.key, sops_age_zero_nonce, body, file_key);
    }
    sops_wipe(&x, sizeof x);
    return ok;
}

/* ---- recipients ---------------------------------------------------------------------------------------------- */

bool sops_age_ssh_wrap(struct sops_world *w, const struct sops_age_recipient *r,
                       const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a, struct sops_age_stanza **out,
                       struct sops_err *e)
{
    struct sops_ssh_public to;
    struct sops_slice wire = sops_buf_view(&r->key);
    struct sops_buf body = {0};
    char tag[8];
    *out = NULL;
    if (!sops_ssh_public_parse(wire, &to, e)) {
        return false;
    }
    if (!to.rsa) {
        return ed25519_wrap(w, wire, &to, file_key, a, out, e);
    }
    tag_of(wire, tag);
    if (sops_age_rsa_seal(&to, sops_slice_of(file_key, SOPS_AGE_FILE_KEY), &body, e)) {
        *out = sops_age_stanza_new(a, SOPS_SSH_RSA, sops_slice_of(tag, TAG), (struct sops_slice){0},
                                   sops_buf_view(&body), e);
    }
    sops_buf_free(&body);
    return *out != NULL;
}

/* ---- identities ---------------------------------------------------------------------------------------------- */

struct ssh {
    bool rsa, encrypted;
    struct sops_slice wire;       /* the public key */
    struct sops_slice passphrase; /* once it was right; locked */
    char tag[8];
};

/* The public key beside an encrypted private one that does not tell its own. */
static bool read_public(const char *path, struct sops_buf *wire, struct sops_err *e)
{
    struct sops_buf name = {0}, text = {0};
    bool ok = sops_buf_addf(&name, e, "%s.pub", path) && sops_buf_cstr(&name, e) != NULL &&
              sops_file_read((const char *)name.ptr, PUBLIC_MAX, &text, e) &&
              sops_ssh_authorized_parse(sops_buf_view(&text), wire, e);
    sops_buf_free(&name);
    sops_buf_free(&text);
    return ok ? true : sops_within(e, "its public key");
}

bool sops_age_ssh_add(struct sops_age_set *set, const char *path, struct sops_slice text, struct sops_err *e)
{
    struct sops_ssh_private k = {0};
    struct ssh *more = sops_arena_alloc(&set->arena, sizeof *more, e);
    bool ok = more != NULL && sops_ssh_private_parse(text, (struct sops_slice){0}, &k, e);
    if (ok && k.encrypted && path == NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the SSH key of a command must not be encrypted with a passphrase");
    }
    if (ok && k.wire.len == 0) {
        ok = read_public(path, &k.wire, e);
    }
    ok = ok && sops_arena_copy(&set->arena, sops_buf_view(&k.wire), &more->wire, e);
    struct sops_age_identity *id = ok ? sops_age_set_add(set, sops_age_ssh_unwrap, text, e) : NULL;
    ok = id != NULL;
    if (ok) {
        more->encrypted = k.encrypted;
        more->rsa = k.rsa;
        tag_of(more->wire, more->tag);
        id->more = more;
        id->rank = k.encrypted ? SOPS_AGE_ASKS : SOPS_AGE_COMPUTES;
        ok = path == NULL || sops_arena_copy(&set->arena, sops_str(path), &id->source, e);
    }
    sops_ssh_private_free(&k);
    bool named = path == NULL || sops_slice_eq(set->source, sops_str(path)); /* by who reads all sources */
    return ok || named ? ok : sops_within(e, "'%s'", path);
}

bool sops_age_ssh_recipient(const struct sops_age_identity *id, struct sops_buf *out, struct sops_err *e)
{
    const struct ssh *ssh = id->more;
    return sops_buf_addf(out, e, "%s ", ssh->rsa ? SOPS_SSH_RSA : SOPS_SSH_ED25519) &&
           sops_base64_add(out, SOPS_B64_STD, ssh->wire, e);
}

/* The private key, after asking for the passphrase that it needs; kept once it was right. */
static bool unlock(struct sops_world *w, struct sops_age_identity *id, struct sops_ssh_private *k, struct sops_err *e)
{
    struct ssh *ssh = id->more;
    struct sops_buf prompt = {0}, typed = {.locked = true};
    struct sops_slice passphrase = ssh->passphrase;
    bool ask = ssh->encrypted && passphrase.len == 0;
    bool ok = true;
    if (ask) {
        ok = sops_buf_addf(&prompt, e, "Enter passphrase for \"%.*s\":", SOPS_ARG(id->source)) &&
             sops_buf_cstr(&prompt, e) != NULL;
        struct sops_question q = {.kind = SOPS_ASK_SECRET, .prompt = (const char *)prompt.ptr};
        ok = ok && w->ask(w, &q, &typed, e);
        if (ok && typed.len == 0) {
            ok = sops_fail(e, SOPS_E_GENERIC, "the passphrase is empty");
        } else if (!ok) {
            sops_within(e, "no passphrase for '%.*s'", SOPS_ARG(id->source));
        }
        passphrase = sops_buf_view(&typed);
    }
    ok = ok && sops_ssh_private_parse(id->secret, passphrase, k, e);
    if (ok && !sops_slice_eq(sops_buf_view(&k->wire), ssh->wire)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "mismatched private and public SSH key");
    }
    if (ok && ask) {
        uint8_t *kept = sops_age_set_lock(id->set, passphrase.len, e);
        ok = kept != NULL;
        if (ok) {
            memcpy(kept, passphrase.ptr, passphrase.len);
            ssh->passphrase = sops_slice_of(kept, passphrase.len);
        }
    }
    sops_buf_free(&prompt);
    sops_buf_free(&typed);
    return ok;
}

/* A stanza whose tag is ours. */
static bool open_stanza(struct sops_world *w, struct sops_age_identity *id, const struct sops_age_stanza *s,
                        const uint8_t share[32], uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    const struct ssh *ssh = id->more;
    struct sops_ssh_private k = {0};
    struct sops_buf plain = {0};
    bool ok = !sops_age_given_up(id, e) && (unlock(w, id, &k, e) || sops_age_give_up(id, e));
    if (ok && ssh->rsa) {
        ok = sops_age_rsa_open(&k, s->body, &plain, e);
        if (ok && plain.len == SOPS_AGE_FILE_KEY) {
            memcpy(file_key, plain.ptr, SOPS_AGE_FILE_KEY);
        } else if (ok) {
            ok = sops_fail(e, SOPS_E_GENERIC, "the file key has the wrong length");
        }
    } else if (ok && !ed25519_open(&k, ssh->wire, share, s->body, file_key)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "it does not authenticate");
    }
    sops_buf_free(&plain);
    sops_ssh_private_free(&k);
    return ok ? true : sops_within(e, "the SSH key '%.*s'", SOPS_ARG(id->source));
}

enum sops_age_match sops_age_ssh_unwrap(struct sops_world *w, struct sops_age_identity *id,
                                        const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                        struct sops_err *e)
{
    const struct ssh *ssh = id->more;
    const char *type = ssh->rsa ? SOPS_SSH_RSA : SOPS_SSH_ED25519;
    for (const struct sops_age_stanza *s = h->stanzas; s != NULL; s = s->next) {
        uint8_t share[32];
        if (!sops_age_stanza_is(s, type)) {
            continue;
        }
        if (s->args != (ssh->rsa ? 2 : 3)) {
            return sops_age_broken(e, type, "it has the wrong number of arguments");
        }
        if (!ssh->rsa && !sops_age_bytes_take(s->arg[2], share, sizeof share)) {
            return sops_age_broken(e, type, "its share is malformed");
        }
        if (!sops_slice_eq(s->arg[1], sops_slice_of(ssh->tag, TAG))) {
            continue;
        }
        if (!ssh->rsa && s->body.len != SOPS_AGE_WRAPPED) {
            return sops_age_broken(e, type, "its body has the wrong length");
        }
        return open_stanza(w, id, s, share, file_key, e) ? SOPS_AGE_MINE : SOPS_AGE_BROKEN;
    }
    return SOPS_AGE_NOT_MINE;
}
