/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nonce is 32 bytes long, so GCM hashes it; one context each way keeps the key schedule, and a leaf costs one
 * re-initialisation with its nonce. Long texts go through in pieces, so that a 50 MiB value needs no second copy of
 * itself.
 */
#include "core/cipher.h"

#include "base/encode.h"
#include "base/openssl.h"

#include <openssl/evp.h>

#define TAG 16
#define PIECE ((size_t)3 << 12) /* bytes sealed at a time; a multiple of 3, so that base64 needs no padding between */

static const char *const type_names[] = {[SOPS_BOOL] = "bool", [SOPS_INT] = "int",   [SOPS_FLOAT] = "float",
                                         [SOPS_STR] = "str",   [SOPS_TIME] = "time", [SOPS_COMMENT] = "comment"};

const char sops_no_memory[] = "out of memory";
static const char broken[] = "AES-GCM failed";
static const char no_frame[] = "it does not match sops' data format (ENC[AES256_GCM,…])";
static const char odd_type[] = "the type of the encrypted value is unknown";
static const char no_base64[] = "its nonce, ciphertext or tag is no base64";

void sops_cipher_free(struct sops_cipher *c)
{
    EVP_CIPHER_CTX_free(c->seal);
    EVP_CIPHER_CTX_free(c->open);
    sops_buf_free(&c->nonce);
    *c = (struct sops_cipher){0};
}

/* The context for one direction, made with the key on first use; NULL on failure. */
static EVP_CIPHER_CTX *context(struct sops_cipher *c, bool sealing)
{
    EVP_CIPHER_CTX **place = sealing ? &c->seal : &c->open;
    if (*place == NULL) {
        EVP_CIPHER *gcm = sops_openssl_gcm();
        EVP_CIPHER_CTX *made = gcm != NULL ? EVP_CIPHER_CTX_new() : NULL;
        bool ok = made != NULL && EVP_CipherInit_ex2(made, gcm, NULL, NULL, sealing, NULL) == 1 &&
                  EVP_CIPHER_CTX_ctrl(made, EVP_CTRL_AEAD_SET_IVLEN, SOPS_NONCE, NULL) == 1 &&
                  EVP_CipherInit_ex2(made, NULL, c->key, NULL, sealing, NULL) == 1;
        EVP_CIPHER_free(gcm);
        if (!ok) {
            EVP_CIPHER_CTX_free(made);
            return NULL;
        }
        *place = made;
        c->open_nonce_len = sealing ? c->open_nonce_len : SOPS_NONCE;
    }
    return *place;
}

/* ---- sealing ------------------------------------------------------------------------------------------------- */

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
    return SEALED_FRAME + sops_base64_size(len) + sops_base64_size(SOPS_NONCE) + sops_base64_size(TAG) +
           strlen(type_names[kind]);
}

const char *sops_cipher_seal(struct sops_cipher *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                             const uint8_t nonce[SOPS_NONCE], uint8_t *to)
{
    EVP_CIPHER_CTX *ctx = context(c, true);
    uint8_t tag[TAG], none[16];
    int n;
    if (ctx == NULL || aad.len > INT32_MAX || EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, 1, NULL) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1) {
        return broken;
    }
    to = put(to, "ENC[AES256_GCM,data:");
    to = seal_data(ctx, text, to);
    if (to == NULL || EVP_CipherFinal_ex(ctx, none, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) != 1) {
        return broken;
    }
    to = put(to, ",iv:");
    sops_base64_write((char *)to, nonce, SOPS_NONCE);
    to = put(to + sops_base64_size(SOPS_NONCE), ",tag:");
    sops_base64_write((char *)to, tag, TAG);
    to = put(to + sops_base64_size(TAG), ",type:");
    to = put(to, type_names[kind]);
    *to = ']';
    return NULL;
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

/* docs/spec/30-metadata.md#what-a-changed-file-does: greedy fields, none with a newline, and text behind the last ']'
 * does not count.
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

/* Deciphers `len` bytes, behind which the tag stands, in place. */
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
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, sealed + len) == 1 &&
           EVP_CipherFinal_ex(ctx, none, &n) == 1;
}

static bool set_nonce(EVP_CIPHER_CTX *ctx, struct sops_cipher *c, struct sops_slice nonce)
{
    if (nonce.len != c->open_nonce_len) {
        if (nonce.len > 0xffff || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce.len, NULL) != 1) {
            return false;
        }
        c->open_nonce_len = nonce.len;
    }
    return EVP_CipherInit_ex2(ctx, NULL, NULL, nonce.ptr, 0, NULL) == 1;
}

/* Is `field` just what `n` bytes are written as? It was decoded already, so only what the decoder lets pass is left to
 * be looked for: breaks between the digits, and bits in the last one that do not count. */
static bool is_usual_base64(struct sops_slice field, const uint8_t *bytes, size_t n)
{
    char last[4];
    size_t whole = n / 3 * 3;
    if (field.len != sops_base64_size(n) || whole == n) {
        return field.len == sops_base64_size(n);
    }
    sops_base64_write(last, bytes + whole, n - whole);
    return memcmp(field.ptr + field.len - 4, last, 4) == 0;
}

/* `sealed`: the ciphertext and behind it the tag, as they were decoded. */
static bool is_as_ours(const struct frame *f, struct sops_slice nonce, struct sops_slice sealed, enum sops_kind kind)
{
    size_t len = sealed.len - TAG;
    return is_usual_base64(f->iv, nonce.ptr, nonce.len) && is_usual_base64(f->data, sealed.ptr, len) &&
           is_usual_base64(f->tag, sealed.ptr + len, TAG) && sops_slice_eq(f->type, sops_str(type_names[kind]));
}

/* The nonce into c->nonce, ciphertext and tag into `sealed`, which has room for them. NULL, or why not: where a CR is
 * to be skipped, a copy needs memory. */
static const char *decode(struct sops_cipher *c, const struct frame *f, struct sops_buf *sealed)
{
    struct sops_err e = {0};
    sops_buf_cut(&c->nonce, 0);
    bool ok = sops_base64_take(&c->nonce, SOPS_B64_CR, f->iv, &e) &&
              sops_base64_take(sealed, SOPS_B64_CR, f->data, &e) && sops_base64_take(sealed, SOPS_B64_CR, f->tag, &e);
    const char *why = ok ? NULL : e.memory ? sops_no_memory : no_base64;
    sops_err_clear(&e);
    return why;
}

const char *sops_cipher_look(struct sops_slice enc, enum sops_kind *kind)
{
    struct frame f = {{0}, {0}, {0}, {0}};
    struct sops_cipher c = {0};
    struct sops_buf sealed = {0};
    const char *why = NULL;
    if (!split_frame(enc, &f)) {
        why = no_frame;
    } else if (!kind_of(f.type, kind)) {
        why = odd_type;
    } else if (!sops_buf_reserve(&c.nonce, f.iv.len, NULL) ||
               !sops_buf_reserve(&sealed, f.data.len + f.tag.len, NULL)) {
        why = sops_no_memory;
    } else {
        why = decode(&c, &f, &sealed);
    }
    if (why == NULL && (c.nonce.len == 0 || sealed.len < TAG)) {
        why = "its ciphertext and tag are shorter than a tag";
    }
    sops_buf_free(&c.nonce);
    sops_buf_free(&sealed);
    return why;
}

const char *sops_cipher_open(struct sops_cipher *c, struct sops_slice enc, struct sops_slice aad, struct sops_arena *to,
                             struct sops_opened *out)
{
    EVP_CIPHER_CTX *ctx = context(c, false);
    struct frame f = {{0}, {0}, {0}, {0}};
    enum sops_kind kind;
    int n;
    if (ctx == NULL) {
        return broken;
    }
    if (sops_slice_starts(enc, SOPS_LIT("\"ENC[")) || sops_slice_starts(enc, SOPS_LIT("'ENC["))) {
        return "it stands in quotes, which a program has put around it: take them away";
    }
    if (!split_frame(enc, &f)) {
        return no_frame;
    }
    if (!kind_of(f.type, &kind)) {
        return odd_type;
    }
    /* The arena's memory lent to a buf, which never grows: it is deciphered where it will stay. */
    struct sops_buf sealed = {.cap = f.data.len / 4 * 3 + f.tag.len / 4 * 3};
    sealed.ptr = sops_arena_bytes(to, sealed.cap, NULL);
    if (sealed.ptr == NULL || !sops_buf_reserve(&c->nonce, SOPS_NONCE, NULL)) {
        return sops_no_memory;
    }
    const char *why = decode(c, &f, &sealed);
    if (why != NULL) {
        return why;
    }
    struct sops_slice nonce = sops_buf_view(&c->nonce);
    bool as_ours = sealed.len >= TAG && is_as_ours(&f, nonce, sops_buf_view(&sealed), kind);
    if (nonce.len == 0 || sealed.len < TAG || aad.len > INT32_MAX || !set_nonce(ctx, c, nonce) ||
        EVP_CipherUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1 || !decipher(ctx, sealed.ptr, sealed.len - TAG)) {
        sops_wipe(sealed.ptr, sealed.len); /* what does not authenticate goes nowhere */
        return "authentication failed: it was changed, moved to another key, or encrypted with another data key";
    }
    *out = (struct sops_opened){.kind = kind,
                                .text = {sealed.ptr, sealed.len - TAG},
                                .enc = {enc.ptr, (size_t)(f.type.ptr + f.type.len + 1 - enc.ptr)},
                                .nonce_len = nonce.len,
                                .more = f.type.ptr + f.type.len + 1 != enc.ptr + enc.len,
                                .as_ours = as_ours};
    return NULL;
}
