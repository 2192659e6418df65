/* SPDX-License-Identifier: Apache-2.0 */
/* age_locked.h - files locked with a passphrase that take so little work that a test can open them a hundred times. */
#ifndef SOPS_TESTS_AGE_LOCKED_H
#define SOPS_TESTS_AGE_LOCKED_H

#include "testing.h"

#include "keysources/age_internal.h"

/* Appends the armored file. */
static inline bool age_lock(struct sops_world *w, struct sops_slice plain, const char *passphrase, struct sops_buf *out,
                            struct sops_err *e)
{
    struct sops_buf file = {0};
    struct sops_arena arena = {0};
    uint8_t salt[28 + 16] = "age-encryption.org/v1/scrypt", key[32], body[SOPS_AGE_WRAPPED];
    static const uint8_t file_key[SOPS_AGE_FILE_KEY] = {1}, nonce[12];
    assert_int_equal(crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)passphrase, strlen(passphrase), salt,
                                                           sizeof salt, 4, 8, 1, key, sizeof key),
                     0);
    sops_age_key_seal(key, nonce, file_key, body);
    struct sops_age_stanza *s = sops_age_stanza_new(&arena, "scrypt", SOPS_LIT("AAAAAAAAAAAAAAAAAAAAAA"), SOPS_LIT("2"),
                                                    sops_slice_of(body, sizeof body), e);
    bool ok = s != NULL && sops_age_file_seal(w, s, file_key, plain, &file, e) &&
              sops_age_armor(sops_buf_view(&file), out, e);
    sops_buf_free(&file);
    sops_arena_free(&arena);
    return ok;
}

#endif
