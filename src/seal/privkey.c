/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL keeps the numbers of private keys in its secure heap when there is one: so it is made before the first. */
#include "seal/cert.h"
#include "seal/object.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define SECURE_HEAP ((size_t)2 << 20)
#define SECURE_MIN 64

bool sops_is_pem(struct sops_slice text)
{
    return memmem(text.ptr != NULL ? (const void *)text.ptr : "", text.len, "-----BEGIN ", 11) != NULL;
}

static bool add_key(struct sops_seal_keys *keys, EVP_PKEY *key, struct sops_err *e)
{
    EVP_PKEY **grown = sops_grow(keys->key, keys->count, &keys->room, sizeof(EVP_PKEY *), e);
    if (grown == NULL) {
        return false;
    }
    keys->key = grown;
    keys->key[keys->count++] = key;
    return true;
}

/* One block: an RSA key, or why it is none. */
static bool take_block(struct sops_seal_keys *keys, const char *where, const char *name, bool encrypted,
                       const uint8_t *data, long size, struct sops_err *e)
{
    if (strstr(name, "PRIVATE KEY") == NULL) {
        return true;
    }
    if (encrypted || strcmp(name, "ENCRYPTED PRIVATE KEY") == 0) {
        sops_fail(e, SOPS_E_NO_KEY, "the private key in '%s' is encrypted with a passphrase", where);
        return sops_hint(e, "take the passphrase away, and keep it as a sops file: it is read as such");
    }
    EVP_PKEY *key = NULL;
    if (strcmp(name, "RSA PRIVATE KEY") == 0 || strcmp(name, "PRIVATE KEY") == 0) {
        const uint8_t *at = data;
        key = d2i_AutoPrivateKey(NULL, &at, size);
    }
    ERR_clear_error();
    if (key == NULL || EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        return sops_fail(e, SOPS_E_NO_KEY, "a private key in '%s' is no RSA key, or does not parse", where);
    }
    if (!add_key(keys, key, e)) {
        EVP_PKEY_free(key);
        return false;
    }
    return true;
}

bool sops_keys_add_pem(struct sops_seal_keys *keys, const char *where, struct sops_slice text, struct sops_err *e)
{
    size_t before = keys->count;
    bool ok = true, more = true;
    if (text.len > SOPS_KEYS_MAX) {
        return sops_fail(e, SOPS_E_NO_KEY, "'%s' is longer than 16 MiB", where);
    }
    if (CRYPTO_secure_malloc_initialized() == 0) {
        (void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN);
    }
    BIO *bio = BIO_new_mem_buf(text.len != 0 ? (const void *)text.ptr : "", (int)text.len);
    while (ok && more && bio != NULL) {
        char *name = NULL, *header = NULL;
        uint8_t *data = NULL;
        long size = 0;
        ERR_clear_error();
        more = PEM_read_bio(bio, &name, &header, &data, &size) == 1;
        if (more) {
            ok = take_block(keys, where, name, strstr(header, "ENCRYPTED") != NULL, data, size, e);
            OPENSSL_clear_free(data, (size_t)size);
        } else if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
            ok = sops_fail(e, SOPS_E_NO_KEY, "'%s' holds a PEM block that does not parse", where);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
    }
    ERR_clear_error();
    BIO_free(bio);
    return ok && (keys->count > before || sops_fail(e, SOPS_E_NO_KEY, "there is no RSA private key in '%s'", where));
}

/* The key of one Secret. */
static bool take_secret(struct sops_seal_keys *keys, struct sops_world *w, const char *where, const struct sops_node *n,
                        struct sops_err *e)
{
    struct sops_slice text = sops_map_text(sops_map_map(n, "data"), "tls.key");
    struct sops_buf pem = {.locked = true};
    if (text.len == 0) {
        sops_world_warn(w, "'%s': a Secret without `tls.key` is passed over", where);
        return true;
    }
    struct sops_err bad = {0};
    bool ok = sops_seal_base64(text, &pem, &bad);
    if (!ok && sops_may_fail(&bad, e)) {
        sops_fail(e, SOPS_E_NO_KEY, "'%s': a `tls.key` is no base64", where);
    }
    ok = ok && sops_keys_add_pem(keys, where, sops_buf_view(&pem), e);
    sops_buf_free(&pem);
    return ok;
}

bool sops_keys_add_backup(struct sops_seal_keys *keys, struct sops_world *w, const char *where,
                          const struct sops_doc *d, struct sops_err *e)
{
    static const char *const lists[] = {"List", "SecretList", NULL};
    size_t before = keys->count;
    for (const struct sops_node *part = d->parts; part != NULL; part = part->next) {
        bool list = sops_slice_is_any(sops_map_text(part, "kind"), lists);
        const struct sops_node *items = list ? sops_node_find(part, SOPS_LIT("items")) : NULL;
        const struct sops_node *n = list ? (items != NULL && items->kind == SOPS_LIST ? items->child : NULL) : part;
        for (; n != NULL; n = list ? n->next : NULL) {
            if (sops_slice_eq(sops_map_text(n, "kind"), SOPS_LIT("Secret")) && !take_secret(keys, w, where, n, e)) {
                return false;
            }
        }
    }
    return keys->count > before || sops_fail(e, SOPS_E_NO_KEY, "there is no RSA private key in '%s'", where);
}

bool sops_key_fits(struct evp_pkey_st *key, const struct sops_seal_cert *c) { return EVP_PKEY_eq(key, c->key) == 1; }

void sops_seal_keys_free(struct sops_seal_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->key[i]);
    }
    sops_free(keys->key);
    *keys = (struct sops_seal_keys){0};
}
