/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant time of wrapping and unwrapping file keys: what is secret is the identity, the ephemeral scalar and the file
 * key; what is public is the share, the ciphertext, and whether a stanza fits. The functions that make something public
 * of something secret are replaced by ones that say so to valgrind.
 */
#include "testing.h"

#include "ctgrind.h"

#ifdef HAVE_VALGRIND
#include "base/digest.h"
#include "base/encode.h"
#include "base/file.h"
#include "keysources/age_internal.h"
#include "keysources/age_rsa.h"
#include "keysources/age_ssh_key.h"
#include "keysources/hpke.h"

#define PUBLIC(thing, size) VALGRIND_MAKE_MEM_DEFINED(thing, size)
#define SECRET(thing, size) VALGRIND_MAKE_MEM_UNDEFINED(thing, size)

/* That a share has low order is told; the product stays secret. */
static int told_scalarmult(uint8_t *q, const uint8_t *n, const uint8_t *p)
{
    int result = crypto_scalarmult(q, n, p);
    PUBLIC(&result, sizeof result);
    return result;
}

/* A public key or a share goes to everybody. */
static int told_scalarmult_base(uint8_t *q, const uint8_t *n)
{
    int result = crypto_scalarmult_base(q, n);
    PUBLIC(&result, sizeof result);
    PUBLIC(q, 32);
    return result;
}

/* Whether the tag fits is told. */
static int told_decrypt(uint8_t *m, unsigned long long *size, uint8_t *none, const uint8_t *c, unsigned long long n,
                        const uint8_t *ad, unsigned long long ad_size, const uint8_t *nonce, const uint8_t *key)
{
    int result = crypto_aead_chacha20poly1305_ietf_decrypt(m, size, none, c, n, ad, ad_size, nonce, key);
    PUBLIC(&result, sizeof result);
    return result;
}

/* The ciphertext goes to everybody. */
static bool told_encaps(const uint8_t *ek, const uint8_t *m, uint8_t *ct, uint8_t *ss, struct sops_err *e)
{
    bool ok = sops_mlkem768_encaps(ek, m, ct, ss, e);
    PUBLIC(ct, SOPS_MLKEM768_CT);
    return ok;
}

#undef crypto_scalarmult
#define crypto_scalarmult told_scalarmult
#define crypto_scalarmult_base told_scalarmult_base
#define crypto_aead_chacha20poly1305_ietf_decrypt told_decrypt
#define sops_mlkem768_encaps told_encaps
#include "keysources/age_native.c"
#include "keysources/hpke.c"
#define open_stanza open_hybrid
#include "keysources/age_hybrid.c"
#undef open_stanza
#define open_stanza open_ssh
#include "keysources/age_ssh.c"

static bool secret_random(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    memset(out, 0x42, n);
    SECRET(out, n);
    return true;
}

struct marked {
    struct sops_world world;
    struct sops_arena arena;
    struct sops_age_set set;
    struct sops_err e;
};

/* Wraps for the identity in `seed`, unwraps, and unwraps what was damaged. */
static bool there_and_back(struct marked *m, sops_age_unwrap_fn *unwrap, sops_age_wrap_fn *wrap, const char *recipient)
{
    uint8_t seed[32], file_key[SOPS_AGE_FILE_KEY], found[SOPS_AGE_FILE_KEY];
    struct sops_age_stanza *s = NULL;
    struct sops_age_recipient r = {.text = sops_str(recipient)};
    memset(seed, 7, sizeof seed);
    memset(file_key, 9, sizeof file_key);
    struct sops_age_identity *id = sops_age_set_add(&m->set, unwrap, sops_slice_of(seed, sizeof seed), &m->e);
    struct sops_buf text = {0};
    struct sops_slice hrp;
    bool ok = id != NULL && sops_age_native_recipient(id, &text, &m->e) &&
              sops_bech32_take(sops_buf_view(&text), &hrp, &r.key, &m->e);
    SECRET(file_key, sizeof file_key);
    ok = ok && wrap(&m->world, &r, file_key, &m->arena, &s, &m->e);
    if (ok) {
        struct sops_age_header h = {.stanzas = s, .count = 1};
        PUBLIC((void *)(uintptr_t)s->body.ptr, s->body.len);
        SECRET((void *)(uintptr_t)id->secret.ptr, id->secret.len);
        ok = unwrap(&m->world, id, &h, found, &m->e) == SOPS_AGE_MINE;
        PUBLIC(found, sizeof found);
        PUBLIC(file_key, sizeof file_key);
        ok = ok && memcmp(found, file_key, sizeof found) == 0;
        ((uint8_t *)(uintptr_t)s->body.ptr)[3] ^= 1;
        ok = ok && unwrap(&m->world, id, &h, found, &m->e) == SOPS_AGE_NOT_MINE;
    }
    sops_buf_free(&text);
    sops_buf_free(&r.key);
    return ok;
}

static bool ssh_there_and_back(struct marked *m)
{
    uint8_t seed[32], file_key[SOPS_AGE_FILE_KEY], found[SOPS_AGE_FILE_KEY], public[32], secret[64], share[32];
    memset(seed, 7, sizeof seed);
    memset(file_key, 9, sizeof file_key);
    (void)crypto_sign_seed_keypair(public, secret, seed);
    struct sops_ssh_public to = {.point = sops_slice_of(public, sizeof public)};
    struct sops_ssh_private k = {.seed = sops_slice_of(seed, sizeof seed)};
    struct sops_buf wire = {0};
    struct sops_age_stanza *s = NULL;
    SECRET(file_key, sizeof file_key);
    bool ok = sops_ssh_public_emit(&to, &wire, &m->e) &&
              ed25519_wrap(&m->world, sops_buf_view(&wire), &to, file_key, &m->arena, &s, &m->e) &&
              sops_age_bytes_take(s->arg[2], share, sizeof share);
    SECRET(seed, sizeof seed);
    ok = ok && ed25519_open(&k, sops_buf_view(&wire), share, s->body, found);
    PUBLIC(found, sizeof found);
    PUBLIC(file_key, sizeof file_key);
    ok = ok && memcmp(found, file_key, sizeof found) == 0;
    sops_buf_free(&wire);
    return ok;
}

static int run_marked(void)
{
    struct marked m = {.world = TEST_WORLD};
    m.world.random = secret_random;
    bool ok = sodium_init() >= 0 && there_and_back(&m, sops_age_x25519_unwrap, sops_age_x25519_wrap, "x") &&
              there_and_back(&m, sops_age_hybrid_unwrap, sops_age_hybrid_wrap, "y") && ssh_there_and_back(&m);
    sops_arena_free(&m.arena);
    sops_age_set_free(&m.set);
    sops_err_clear(&m.e);
    return ok ? 0 : 1;
}

/* libsodium itself branches on whether the tag fits; the sampling of the matrix on public bytes (test_mlkem_ct). */
static void write_exemptions(char *path)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    ctgrind_exempt(f, "crypto_aead_chacha20poly1305_ietf_decrypt_detached");
    ctgrind_exempt(f, "sample_ntt");
    ctgrind_exempt(f, "sample_row");
    assert_int_equal(fclose(f), 0);
}
#endif

static void no_branch_on_secrets(void **state)
{
    (void)state;
#ifndef HAVE_VALGRIND
    skip();
#else
    char path[] = "/tmp/sops-test-age-ct-XXXXXX";
    write_exemptions(path);
    int marked = ctgrind_run(path);
    (void)unlink(path);
    if (marked == CTGRIND_NONE) {
        skip();
    }
    assert_int_equal(marked, 0);
#endif
}

int main(int argc, char **argv)
{
    ctgrind_self = argv[0];
#ifdef HAVE_VALGRIND
    if (argc == 2) {
        return strcmp(argv[1], "marked") == 0 ? run_marked() : 0;
    }
#endif
    (void)argc;
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_branch_on_secrets)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
