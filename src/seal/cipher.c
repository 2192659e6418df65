/* SPDX-License-Identifier: Apache-2.0 */
/* The nonce is twelve zero bytes: a session key seals one value and is forgotten. */
#include "seal/cipher.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/openssl.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define SESSION_KEY 32
#define GCM_TAG 16
#define LENGTH 2 /* of the wrapped key, big-endian, in front */

static const uint8_t nonce[12];

/* ---- the session key -------------------------------------------------------------------------------------------- */

static bool set_oaep(EVP_PKEY_CTX *ctx, struct sops_slice label)
{
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) != 1) {
        return false;
    }
    if (label.len == 0) {
        return true;
    }
    void *copy = OPENSSL_memdup(label.ptr, label.len); /* the context frees it */
    if (copy == NULL || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) != 1) {
        OPENSSL_free(copy);
        return false;
    }
    return true;
}

/* Appends the length and the wrapped key. */
static bool wrap_session(EVP_PKEY *key, struct sops_slice label, const uint8_t session[SESSION_KEY],
                         struct sops_buf *out, struct sops_err *e)
{
    size_t size = (size_t)EVP_PKEY_size(key);
    if (size > UINT16_MAX || !sops_buf_reserve(out, LENGTH + size, e)) {
        return sops_fail(e, SOPS_E_GENERIC, "the certificate's key is too long");
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(sops_openssl_rsa(), key, NULL);
    uint8_t *at = out->ptr + out->len;
    bool ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && set_oaep(ctx, label) &&
              EVP_PKEY_encrypt(ctx, at + LENGTH, &size, session, SESSION_KEY) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    if (!ok) {
        return sops_fail(e, SOPS_E_GENERIC, "the certificate's key cannot be used");
    }
    at[0] = (uint8_t)(size >> 8);
    at[1] = (uint8_t)size;
    out->len += LENGTH + size;
    return true;
}

static bool unwrap_session(EVP_PKEY *key, struct sops_slice label, struct sops_slice wrapped,
                           uint8_t session[SESSION_KEY])
{
    uint8_t room[2048]; /* RSA keys of OpenSSL have at most 16384 bits */
    size_t size = sizeof room;
    if ((size_t)EVP_PKEY_size(key) != wrapped.len || wrapped.len > sizeof room) {
        return false;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 && set_oaep(ctx, label) &&
              EVP_PKEY_decrypt(ctx, room, &size, wrapped.ptr, wrapped.len) == 1 && size == SESSION_KEY;
    if (ok) {
        memcpy(session, room, SESSION_KEY);
    }
    sops_wipe(room, sizeof room);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* ---- the value -------------------------------------------------------------------------------------------------- */

static bool encrypt(const uint8_t session[SESSION_KEY], struct sops_slice value, struct sops_buf *out,
                    struct sops_err *e)
{
    if (value.len > INT32_MAX - GCM_TAG || !sops_buf_reserve(out, value.len + GCM_TAG, e)) {
        return sops_fail(e, SOPS_E_ENCRYPT, "a value is too long");
    }
    EVP_CIPHER *gcm = sops_openssl_gcm();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *at = out->ptr + out->len;
    int n = 0;
    bool ok = gcm != NULL && ctx != NULL && EVP_EncryptInit_ex(ctx, gcm, NULL, session, nonce) == 1 &&
              (value.len == 0 || EVP_EncryptUpdate(ctx, at, &n, value.ptr, (int)value.len) == 1) &&
              EVP_EncryptFinal_ex(ctx, at + n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, at + value.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(gcm);
    out->len += ok ? value.len + GCM_TAG : 0;
    return ok || sops_fail_memory(e);
}

/* `sealed` is at least as long as a tag; the room for the value is there. */
static bool decrypt(const uint8_t session[SESSION_KEY], struct sops_slice sealed, struct sops_buf *out)
{
    size_t size = sealed.len - GCM_TAG;
    uint8_t tag[GCM_TAG];
    memcpy(tag, sealed.ptr + size, GCM_TAG);
    EVP_CIPHER *gcm = sops_openssl_gcm();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *at = out->ptr + out->len;
    int n = 0;
    bool ok = gcm != NULL && ctx != NULL && EVP_DecryptInit_ex(ctx, gcm, NULL, session, nonce) == 1 &&
              (size == 0 || EVP_DecryptUpdate(ctx, at, &n, sealed.ptr, (int)size) == 1) &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, at + n, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(gcm);
    if (ok) {
        out->len += size;
    } else {
        sops_wipe(at, size);
    }
    return ok;
}

/* ---- both ------------------------------------------------------------------------------------------------------- */

bool sops_item_seal(struct sops_world *w, struct evp_pkey_st *key, struct sops_slice label, struct sops_slice value,
                    struct sops_buf *out, struct sops_err *e)
{
    uint8_t session[SESSION_KEY];
    struct sops_buf bytes = {0};
    sops_openssl_kernel_random();
    bool ok = w->random(w, session, sizeof session, e) && wrap_session(key, label, session, &bytes, e) &&
              encrypt(session, value, &bytes, e) && sops_base64_add(out, SOPS_B64_STD, sops_buf_view(&bytes), e);
    sops_wipe(session, sizeof session);
    sops_buf_free(&bytes);
    return ok;
}

bool sops_seal_base64(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf line = {0};
    struct sops_slice piece;
    bool ok = true;
    if (memchr(text.ptr != NULL ? (const char *)text.ptr : "", '\n', text.len) != NULL) {
        while (ok && sops_slice_next(&text, '\n', &piece)) {
            ok = sops_buf_add(&line, piece, e);
        }
        text = sops_buf_view(&line);
    }
    ok = ok && sops_base64_take(out, SOPS_B64_CR, text, e);
    sops_buf_free(&line);
    return ok;
}

/* `bytes` are the decoded item. */
static enum sops_item_outcome open_bytes(struct evp_pkey_st *const *keys, size_t count, struct sops_slice label,
                                         struct sops_slice bytes, struct sops_buf *value, size_t *which,
                                         struct sops_err *e)
{
    size_t wrapped = bytes.len >= LENGTH ? (size_t)bytes.ptr[0] << 8 | bytes.ptr[1] : 0;
    if (wrapped == 0 || bytes.len < LENGTH + wrapped + GCM_TAG || bytes.len > INT32_MAX) {
        return SOPS_ITEM_MALFORMED;
    }
    struct sops_slice sealed = sops_slice_skip(bytes, LENGTH + wrapped);
    uint8_t session[SESSION_KEY];
    enum sops_item_outcome outcome = SOPS_ITEM_NO_KEY;
    if (!sops_buf_reserve(value, sealed.len, e)) {
        return SOPS_ITEM_FAILED;
    }
    for (size_t i = 0; i < count && outcome == SOPS_ITEM_NO_KEY; i++) {
        if (unwrap_session(keys[i], label, sops_slice_of(bytes.ptr + LENGTH, wrapped), session) &&
            decrypt(session, sealed, value)) {
            *which = i;
            outcome = SOPS_ITEM_OPENED;
        }
    }
    sops_wipe(session, sizeof session);
    return outcome;
}

enum sops_item_outcome sops_item_open(struct evp_pkey_st *const *keys, size_t count, struct sops_slice label,
                                      struct sops_slice text, struct sops_buf *value, size_t *which, struct sops_err *e)
{
    struct sops_buf bytes = {0};
    struct sops_err bad = {0};
    enum sops_item_outcome outcome = SOPS_ITEM_MALFORMED;
    sops_openssl_kernel_random(); /* for the blinding of private keys */
    if (sops_seal_base64(text, &bytes, &bad)) {
        outcome = open_bytes(keys, count, label, sops_buf_view(&bytes), value, which, e);
    } else if (bad.memory) {
        sops_fail_memory(e);
        outcome = SOPS_ITEM_FAILED;
    }
    sops_err_clear(&bad);
    sops_buf_free(&bytes);
    return outcome;
}

/* ---- tags ------------------------------------------------------------------------------------------------------- */

void sops_tag_key(struct sops_slice data_key, uint8_t out[SOPS_SEAL_TAG_KEY])
{
    sops_hkdf(data_key, (struct sops_slice){0}, SOPS_LIT("sops seal tags 1"), out);
}

bool sops_tag_add(const uint8_t tag_key[SOPS_SEAL_TAG_KEY], const struct sops_tag_parts *p, struct sops_buf *out,
                  struct sops_err *e)
{
    const struct sops_slice parts[] = {sops_slice_of(p->fingerprint, SOPS_SEAL_FINGERPRINT), p->label, p->key, p->value,
                                       p->ciphertext};
    struct sops_buf text = {0};
    uint8_t mac[32];
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof parts / sizeof parts[0]; i++) {
        uint8_t size[8];
        for (size_t k = 0; k < sizeof size; k++) {
            size[k] = (uint8_t)((uint64_t)parts[i].len >> (8 * (7 - k)));
        }
        ok = sops_buf_add(&text, sops_slice_of(size, sizeof size), e) && sops_buf_add(&text, parts[i], e);
    }
    if (ok) {
        sops_hmac_sha256(sops_slice_of(tag_key, SOPS_SEAL_TAG_KEY), sops_buf_view(&text), mac);
        ok = sops_base64_add(out, SOPS_B64_URL, sops_slice_of(mac, 16), e);
    }
    sops_buf_free(&text);
    return ok;
}
