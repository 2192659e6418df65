/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaf cipher (spec 10, "the leaf cipher"). The nonce is 32 bytes long, so GCM hashes it; one context each way
 * keeps the key schedule, and a leaf costs one re-initialisation with its nonce. Long texts go through in pieces, so
 * that a 50 MiB value needs no second copy of itself.
 */
#include "core/crypt_engine.h"

#include "base/encode.h"
#include "base/openssl.h"
#include "base/text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#define PIECE ((size_t)3 << 12) /* bytes sealed at a time; a multiple of 3, so that base64 needs no padding between */

static const char *const type_names[] = {[SOPS_BOOL] = "bool", [SOPS_INT] = "int",   [SOPS_FLOAT] = "float",
                                         [SOPS_STR] = "str",   [SOPS_TIME] = "time", [SOPS_COMMENT] = "comment"};

const char sops_no_memory[] = "out of memory";
static const char broken[] = "AES-GCM failed";

void sops_crypt_free(struct sops_crypt *c)
{
    struct sops_engine *g = c->engine;
    if (g != NULL) {
        for (size_t i = 0; i < SOPS_LANES; i++) {
            EVP_CIPHER_CTX_free(g->lane[i].seal);
            EVP_CIPHER_CTX_free(g->lane[i].open);
            sops_buf_free(&g->lane[i].scratch);
        }
        EVP_CIPHER_free(g->cipher);
        sops_table_free(&g->kept);
        sops_arena_free(&g->kept_arena);
        sops_free(g);
    }
    c->engine = NULL;
}

bool sops_engine_get(struct sops_crypt *c, struct sops_engine **engine, struct sops_err *e)
{
    if (c->engine == NULL) {
        if (c->data_key.len != 32) {
            return sops_fail(e, SOPS_E_DECRYPT, "the data key is %zu bytes long, not 32", c->data_key.len);
        }
        struct sops_engine *made = sops_alloc(sizeof *made, e);
        if (made == NULL) {
            return false;
        }
        made->cipher = sops_openssl_gcm();
        if (made->cipher == NULL) {
            sops_free(made);
            return sops_fail(e, SOPS_E_GENERIC, "AES-256-GCM is not available in OpenSSL");
        }
        randombytes_buf(made->kept_key, sizeof made->kept_key);
        c->engine = made;
    }
    *engine = c->engine;
    return true;
}

/* The context for one direction, made with the key on first use; NULL on failure. */
static EVP_CIPHER_CTX *context(const struct sops_crypt *c, struct sops_lane *lane, bool sealing)
{
    EVP_CIPHER_CTX **place = sealing ? &lane->seal : &lane->open;
    if (*place == NULL) {
        EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
        if (made == NULL || EVP_CipherInit_ex2(made, c->engine->cipher, NULL, NULL, sealing, NULL) != 1 ||
            EVP_CIPHER_CTX_ctrl(made, EVP_CTRL_AEAD_SET_IVLEN, SOPS_NONCE, NULL) != 1 ||
            EVP_CipherInit_ex2(made, NULL, c->data_key.ptr, NULL, sealing, NULL) != 1) {
            EVP_CIPHER_CTX_free(made);
            return NULL;
        }
        *place = made;
        lane->open_iv_len = sealing ? lane->open_iv_len : SOPS_NONCE;
    }
    return *place;
}

/* A fresh nonce from the pool, which is wiped behind it. */
static bool fresh_nonce(struct sops_crypt *c, struct sops_engine *g, uint8_t nonce[SOPS_NONCE], struct sops_err *e)
{
    if (g->pool_left == 0) {
        if (!c->world->random(c->world, g->pool, sizeof g->pool, e)) {
            return false;
        }
        g->pool_left = sizeof g->pool;
    }
    g->pool_left -= SOPS_NONCE;
    memcpy(nonce, g->pool + g->pool_left, SOPS_NONCE);
    sops_wipe(g->pool + g->pool_left, SOPS_NONCE);
    return true;
}

/* What a kept nonce is found by: no clear text is stored, and an attacker cannot make hashes collide. */
static void kept_name(const struct sops_engine *g, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                      uint8_t name[32])
{
    crypto_generichash_state state;
    uint64_t head[2] = {aad.len, (uint64_t)kind};
    crypto_generichash_init(&state, g->kept_key, sizeof g->kept_key, 32);
    crypto_generichash_update(&state, (const uint8_t *)head, sizeof head);
    crypto_generichash_update(&state, aad.ptr, aad.len);
    crypto_generichash_update(&state, text.ptr, text.len);
    crypto_generichash_final(&state, name, 32);
    sops_wipe(&state, sizeof state);
}

bool sops_engine_keep(struct sops_engine *g, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                      struct sops_slice nonce, struct sops_err *e)
{
    if (nonce.len != SOPS_NONCE || (kind == SOPS_FLOAT && sops_slice_eq(text, SOPS_LIT("NaN")))) {
        return true;
    }
    uint8_t *entry = sops_arena_bytes(&g->kept_arena, 32 + SOPS_NONCE, e);
    if (entry == NULL) {
        return false;
    }
    kept_name(g, kind, text, aad, entry);
    memcpy(entry + 32, nonce.ptr, SOPS_NONCE);
    void **place = sops_table_put(&g->kept, sops_slice_of(entry, 32), NULL, e);
    if (place == NULL) {
        return false;
    }
    *place = entry + 32; /* of several equal leaves the last one counts */
    return true;
}

bool sops_engine_nonce(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                       uint8_t nonce[SOPS_NONCE], struct sops_err *e)
{
    struct sops_engine *g = c->engine;
    if (c->keep_nonces && g->kept.count != 0) {
        uint8_t name[32];
        kept_name(g, kind, text, aad, name);
        const uint8_t *kept = sops_table_get(&g->kept, sops_slice_of(name, sizeof name));
        if (kept != NULL) {
            memcpy(nonce, kept, SOPS_NONCE);
            return true;
        }
    }
    return fresh_nonce(c, g, nonce, e);
}

static uint8_t *put(uint8_t *to, const char *s)
{
    size_t n = strlen(s);
    memcpy(to, s, n);
    return to + n;
}

/* The ciphertext of `text` as base64 at `to`; returns the place behind it, NULL on failure. */
static uint8_t *seal_data(EVP_CIPHER_CTX *ctx, struct sops_slice text, uint8_t *to)
{
    uint8_t piece[PIECE];
    while (text.len != 0) {
        size_t n = text.len < PIECE ? text.len : PIECE;
        int made;
        if (EVP_CipherUpdate(ctx, piece, &made, text.ptr, (int)n) != 1 || (size_t)made != n) {
            return NULL;
        }
        sops_base64_write((char *)to, piece, n);
        to += sops_base64_size(n);
        text = sops_slice_skip(text, n);
    }
    return to;
}

bool sops_holds_ciphertext(struct sops_slice text)
{
    static const char start[] = "ENC[AES256_GCM,";
    return text.len != 0 && memmem(text.ptr, text.len, start, sizeof start - 1) != NULL;
}

#define SEALED_FRAME (sizeof "ENC[AES256_GCM,data:,iv:,tag:,type:]" - 1)

size_t sops_sealed_size(enum sops_kind kind, size_t len)
{
    return SEALED_FRAME + sops_base64_size(len) + sops_base64_size(SOPS_NONCE) + sops_base64_size(SOPS_TAG) +
           strlen(type_names[kind]);
}

const char *sops_lane_seal(const struct sops_crypt *c, struct sops_lane *lane, enum sops_kind kind,
                           struct sops_slice text, struct sops_slice aad, const uint8_t nonce[SOPS_NONCE], uint8_t *to)
{
    EVP_CIPHER_CTX *ctx = context(c, lane, true);
    uint8_t tag[SOPS_TAG], none[16];
    int n;
    if (ctx == NULL || aad.len > INT32_MAX || EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, 1, NULL) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1) {
        return broken;
    }
    to = put(to, "ENC[AES256_GCM,data:");
    to = seal_data(ctx, text, to);
    if (to == NULL || EVP_CipherFinal_ex(ctx, none, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SOPS_TAG, tag) != 1) {
        return broken;
    }
    to = put(to, ",iv:");
    sops_base64_write((char *)to, nonce, SOPS_NONCE);
    to = put(to + sops_base64_size(SOPS_NONCE), ",tag:");
    sops_base64_write((char *)to, tag, SOPS_TAG);
    to = put(to + sops_base64_size(SOPS_TAG), ",type:");
    to = put(to, type_names[kind]);
    *to = ']';
    return NULL;
}

bool sops_text_seal(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                    struct sops_buf *enc, struct sops_err *e)
{
    struct sops_engine *g;
    uint8_t nonce[SOPS_NONCE];
    size_t size = sops_sealed_size(kind, text.len);
    if (!sops_engine_get(c, &g, e) || !sops_buf_reserve(enc, size, e) ||
        !sops_engine_nonce(c, kind, text, aad, nonce, e)) {
        return false;
    }
    const char *why = sops_lane_seal(c, &g->lane[0], kind, text, aad, nonce, enc->ptr + enc->len);
    if (why != NULL) {
        return sops_fail(e, SOPS_E_ENCRYPT, "%s", why);
    }
    enc->len += size;
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

struct frame {
    struct sops_slice data, iv, tag, type;
};

/* The last place of `mark` in s that leaves at least one byte behind it; false when there is none. */
static bool last_mark(struct sops_slice s, const char *mark, struct sops_slice *before, struct sops_slice *behind)
{
    size_t n = strlen(mark);
    for (size_t at = s.len > n ? s.len - n : 0; at-- > 0;) {
        if (s.ptr[at] == (uint8_t)mark[0] && memcmp(s.ptr + at, mark, n) == 0) {
            *before = (struct sops_slice){s.ptr, at};
            *behind = (struct sops_slice){s.ptr + at + n, s.len - at - n};
            return at != 0;
        }
    }
    return false;
}

/* Spec 30, "what a changed file does": greedy fields, none with a newline, and text behind the last ']' does not count.
 */
static bool split_frame(struct sops_slice s, struct frame *f)
{
    struct sops_slice start = SOPS_LIT("ENC[AES256_GCM,data:");
    if (!sops_slice_starts(s, start)) {
        return false;
    }
    s = sops_slice_skip(s, start.len);
    s.len = sops_slice_find(s, '\n');
    const uint8_t *end = s.len != 0 ? memrchr(s.ptr, ']', s.len) : NULL;
    if (end == NULL) {
        return false;
    }
    s.len = (size_t)(end - s.ptr);
    return last_mark(s, ",type:", &s, &f->type) && last_mark(s, ",tag:", &s, &f->tag) &&
           last_mark(s, ",iv:", &f->data, &f->iv);
}

static bool kind_of(struct sops_slice type, enum sops_kind *kind)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (type_names[i] != NULL && sops_slice_eq(type, sops_str(type_names[i]))) {
            *kind = (enum sops_kind)i;
            return true;
        }
    }
    *kind = SOPS_STR;
    return sops_slice_eq(type, SOPS_LIT("bytes"));
}

/* Deciphers `len` bytes, behind which the tag stands, in place: what does not authenticate goes nowhere else. */
static bool decipher(EVP_CIPHER_CTX *ctx, uint8_t *sealed, size_t len)
{
    uint8_t none[16];
    int n;
    for (size_t at = 0; at < len;) {
        size_t piece = len - at < ((size_t)1 << 20) ? len - at : (size_t)1 << 20;
        if (EVP_CipherUpdate(ctx, sealed + at, &n, sealed + at, (int)piece) != 1) {
            return false;
        }
        at += piece;
    }
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SOPS_TAG, sealed + len) == 1 &&
           EVP_CipherFinal_ex(ctx, none, &n) == 1;
}

static bool set_nonce(EVP_CIPHER_CTX *ctx, struct sops_lane *lane, struct sops_slice iv)
{
    if (iv.len != lane->open_iv_len) {
        if (iv.len > 0xffff || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.len, NULL) != 1) {
            return false;
        }
        lane->open_iv_len = iv.len;
    }
    return EVP_CipherInit_ex2(ctx, NULL, NULL, iv.ptr, 0, NULL) == 1;
}

/* Appends the bytes of a field to the scratch. */
static const char *decode(struct sops_lane *lane, struct sops_slice field)
{
    if (sops_base64_take(&lane->scratch, SOPS_B64_CR, field, &lane->err)) {
        return NULL;
    }
    sops_err_clear(&lane->err);
    return lane->scratch.ptr == NULL ? sops_no_memory : "its nonce, ciphertext or tag is no base64";
}

const char *sops_lane_open(const struct sops_crypt *c, struct sops_lane *lane, struct sops_slice enc,
                           struct sops_slice aad, enum sops_kind *kind, uint8_t *to, struct sops_slice *nonce,
                           size_t *len)
{
    EVP_CIPHER_CTX *ctx = context(c, lane, false);
    struct frame f = {{0}, {0}, {0}, {0}};
    struct sops_buf *scratch = &lane->scratch;
    int n;
    if (ctx == NULL) {
        return broken;
    }
    if (!split_frame(enc, &f)) {
        return "it does not match sops' data format (ENC[AES256_GCM,…])";
    }
    if (!kind_of(f.type, kind)) {
        return "the type of the encrypted value is unknown";
    }
    sops_buf_cut(scratch, 0);
    if (!sops_buf_reserve(scratch, enc.len, &lane->err)) {
        sops_err_clear(&lane->err);
        return sops_no_memory;
    }
    const char *why = decode(lane, f.iv);
    size_t iv_len = scratch->len;
    why = why != NULL ? why : decode(lane, f.data);
    why = why != NULL ? why : decode(lane, f.tag);
    if (why != NULL) {
        return why;
    }
    *nonce = sops_slice_of(scratch->ptr, iv_len);
    uint8_t *sealed = scratch->ptr + iv_len;
    size_t sealed_len = scratch->len - iv_len;
    if (iv_len == 0 || sealed_len < SOPS_TAG || aad.len > INT32_MAX || !set_nonce(ctx, lane, *nonce) ||
        EVP_CipherUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1 || !decipher(ctx, sealed, sealed_len - SOPS_TAG)) {
        return "authentication failed: it was changed, moved to another key, or encrypted with another data key";
    }
    *len = sealed_len - SOPS_TAG;
    memcpy(to, sealed, *len);
    return NULL;
}

bool sops_text_open(struct sops_crypt *c, struct sops_slice enc, struct sops_slice aad, enum sops_kind *kind,
                    struct sops_buf *text, struct sops_err *e)
{
    struct sops_engine *g;
    struct sops_slice nonce;
    size_t len;
    if (!sops_engine_get(c, &g, e) || !sops_buf_reserve(text, enc.len, e)) {
        return false;
    }
    const char *why = sops_lane_open(c, &g->lane[0], enc, aad, kind, text->ptr + text->len, &nonce, &len);
    if (why != NULL) {
        return sops_fail(e, SOPS_E_DECRYPT, "%s", why);
    }
    text->len += len;
    return true;
}
