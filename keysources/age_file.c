/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar is canonical, so the MAC is taken over the bytes as they stand in the input; nothing is laid out anew. */
#include "keysources/age_file.h"

#include "base/digest.h"
#include "base/encode.h"
#include "keysources/age_internal.h"

#include <sodium.h>

#define INTRO "age-encryption.org/v1\n"
#define NONCE 16
#define CHUNK ((size_t)65536)
#define TAG ((size_t)crypto_aead_chacha20poly1305_ietf_ABYTES)
#define COLUMNS 64 /* of a full line, in a stanza's body and in armor */
#define ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define ARMOR_END "-----END AGE ENCRYPTED FILE-----"
#define ARMOR_SPACE 1024 /* most bytes of white space around armor */

static bool bad_header(struct sops_err *e, const char *why)
{
    return sops_fail(e, SOPS_E_GENERIC, "bad age header: %s", why);
}

/* ---- stanzas ------------------------------------------------------------------------------------------------- */

/* Takes the next line, which must end in LF. */
static bool take_line(struct sops_slice *rest, struct sops_slice *line)
{
    size_t n = sops_slice_find(*rest, '\n');
    if (n == rest->len) {
        return false;
    }
    *line = sops_slice_first(*rest, n);
    *rest = sops_slice_skip(*rest, n + 1);
    return true;
}

size_t sops_age_stanza_size(struct sops_slice text)
{
    struct sops_slice rest = text, line;
    if (!take_line(&rest, &line)) {
        return 0;
    }
    do {
        if (!take_line(&rest, &line)) {
            return 0;
        }
    } while (line.len == COLUMNS);
    return text.len - rest.len;
}

bool sops_age_stanza_is(const struct sops_age_stanza *s, const char *type)
{
    return sops_slice_eq(s->arg[0], sops_str(type));
}

/* Splits what stands behind "->": one blank before each argument. */
static bool parse_args(struct sops_slice line, struct sops_arena *a, struct sops_age_stanza *out, struct sops_err *e)
{
    size_t count = 0;
    for (size_t i = 0; i < line.len; i++) {
        count += line.ptr[i] == ' ';
    }
    if (count == 0 || line.ptr[0] != ' ') {
        return bad_header(e, "a stanza has no type");
    }
    struct sops_slice *arg = sops_arena_alloc(a, count * sizeof *arg, e);
    if (arg == NULL) {
        return false;
    }
    struct sops_slice rest = sops_slice_skip(line, 1), piece;
    for (size_t i = 0; i < count && sops_slice_next(&rest, ' ', &piece); i++) {
        if (piece.len == 0) {
            return bad_header(e, "an argument of a stanza is empty");
        }
        for (size_t k = 0; k < piece.len; k++) {
            if (piece.ptr[k] < 33 || piece.ptr[k] > 126) {
                return bad_header(e, "an argument of a stanza has a character that is not allowed");
            }
        }
        if (!sops_arena_copy(a, piece, &arg[i], e)) {
            return false;
        }
    }
    out->arg = arg;
    out->args = count;
    return true;
}

static bool parse_body(struct sops_slice *rest, struct sops_buf *body, struct sops_err *e)
{
    struct sops_slice line;
    do {
        if (!take_line(rest, &line)) {
            return bad_header(e, "it ends within a stanza");
        }
        if (line.len > COLUMNS) {
            return bad_header(e, "a line of a stanza's body is too long");
        }
        struct sops_err bad = {0};
        if (!sops_base64_take(body, SOPS_B64_RAW, line, &bad)) {
            return bad.memory ? sops_fail_memory(e) : bad_header(e, "a stanza's body is not canonical base64");
        }
    } while (line.len == COLUMNS);
    return true;
}

bool sops_age_stanza_parse(struct sops_slice *rest, struct sops_arena *a, struct sops_age_stanza *out,
                           struct sops_err *e)
{
    struct sops_slice line;
    struct sops_buf body = {0};
    if (!take_line(rest, &line)) {
        return bad_header(e, "it ends within a stanza");
    }
    if (!sops_slice_starts(line, SOPS_LIT("->"))) {
        return bad_header(e, "a stanza does not begin with \"->\"");
    }
    bool ok = parse_args(sops_slice_skip(line, 2), a, out, e) && parse_body(rest, &body, e) &&
              sops_arena_copy(a, sops_buf_view(&body), &out->body, e);
    sops_buf_free(&body);
    return ok;
}

bool sops_age_stanza_emit(const struct sops_age_stanza *s, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_adds(out, "->", e);
    for (size_t i = 0; ok && i < s->args; i++) {
        ok = sops_buf_addc(out, ' ', e) && sops_buf_add(out, s->arg[i], e);
    }
    ok = ok && sops_buf_addc(out, '\n', e);
    const size_t step = COLUMNS / 4 * 3;
    for (size_t at = 0; ok && at <= s->body.len; at += step) { /* a whole number of lines is followed by an empty one */
        ok = sops_base64_add(out, SOPS_B64_RAW, sops_slice_first(sops_slice_skip(s->body, at), step), e) &&
             sops_buf_addc(out, '\n', e);
    }
    return ok;
}

/* ---- header -------------------------------------------------------------------------------------------------- */

static bool parse_mac(struct sops_slice line, struct sops_age_header *out, struct sops_err *e)
{
    bool ok = sops_slice_starts(line, SOPS_LIT("--- ")) &&
              sops_age_bytes_take(sops_slice_skip(line, 4), out->mac, sizeof out->mac);
    return ok ? true : bad_header(e, "its MAC is malformed");
}

static bool parse_stanzas(struct sops_slice *rest, struct sops_age_header *out, struct sops_err *e)
{
    struct sops_age_stanza **end = &out->stanzas;
    while (!sops_slice_starts(*rest, SOPS_LIT("---"))) {
        struct sops_age_stanza *s = sops_arena_alloc(&out->arena, sizeof *s, e);
        if (s == NULL || !sops_age_stanza_parse(rest, &out->arena, s, e)) {
            return false;
        }
        *end = s;
        end = &s->next;
        out->count++;
    }
    return true;
}

bool sops_age_header_parse(struct sops_slice file, struct sops_age_header *out, struct sops_err *e)
{
    struct sops_slice rest = file, line;
    if (!sops_slice_starts(file, SOPS_LIT(INTRO))) {
        return bad_header(e, "not an age v1 file");
    }
    rest = sops_slice_skip(rest, sizeof INTRO - 1);
    if (!parse_stanzas(&rest, out, e)) {
        return false;
    }
    out->hashed = sops_slice_first(file, file.len - rest.len + 3);
    if (!take_line(&rest, &line)) {
        return bad_header(e, "it ends within the MAC");
    }
    if (!parse_mac(line, out, e)) {
        return false;
    }
    if (rest.len < NONCE) {
        return bad_header(e, "the nonce of the payload is missing");
    }
    out->nonce = sops_slice_first(rest, NONCE);
    out->payload = sops_slice_skip(rest, NONCE);
    return true;
}

void sops_age_header_free(struct sops_age_header *h)
{
    sops_arena_free(&h->arena);
    *h = (struct sops_age_header){0};
}

static void header_mac(struct sops_slice hashed, const uint8_t key[SOPS_AGE_FILE_KEY], uint8_t mac[32])
{
    uint8_t mac_key[32];
    sops_hkdf(sops_slice_of(key, SOPS_AGE_FILE_KEY), SOPS_LIT(""), SOPS_LIT("header"), mac_key);
    sops_hmac_sha256(sops_slice_of(mac_key, sizeof mac_key), hashed, mac);
    sops_wipe(mac_key, sizeof mac_key);
}

bool sops_age_header_check(const struct sops_age_header *h, const uint8_t key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    uint8_t mac[32];
    header_mac(h->hashed, key, mac);
    bool ok = sodium_memcmp(mac, h->mac, sizeof mac) == 0;
    sops_wipe(mac, sizeof mac);
    return ok ? true : bad_header(e, "its MAC is wrong");
}

/* ---- payload ------------------------------------------------------------------------------------------------- */

/* 11 bytes of big-endian counter, and whether this is the final chunk. */
static void chunk_nonce(uint64_t counter, bool final, uint8_t nonce[12])
{
    memset(nonce, 0, 12);
    for (int i = 0; i < 8; i++) {
        nonce[10 - i] = (uint8_t)(counter >> 8 * i);
    }
    nonce[11] = final;
}

bool sops_age_stream_seal(const uint8_t key[32], struct sops_slice plain, struct sops_buf *out, struct sops_err *e)
{
    size_t size, chunks = plain.len / CHUNK + 1;
    if (__builtin_add_overflow(plain.len, chunks * TAG, &size) || !sops_buf_reserve(out, size, e)) {
        return sops_fail_memory(e);
    }
    uint64_t counter = 0;
    bool final;
    do {
        struct sops_slice chunk = sops_slice_first(plain, CHUNK);
        uint8_t nonce[12];
        plain = sops_slice_skip(plain, CHUNK);
        final = plain.len == 0;
        chunk_nonce(counter++, final, nonce);
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(out->ptr + out->len, NULL, chunk.ptr, chunk.len, NULL, 0, NULL,
                                                        nonce, key);
        out->len += chunk.len + TAG;
    } while (!final);
    return true;
}

static bool open_chunk(const uint8_t key[32], struct sops_slice chunk, uint64_t counter, bool final,
                       struct sops_buf *out)
{
    uint8_t nonce[12];
    chunk_nonce(counter, final, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out->ptr + out->len, NULL, NULL, chunk.ptr, chunk.len, NULL, 0, nonce,
                                                  key) != 0) {
        return false;
    }
    out->len += chunk.len - TAG;
    return true;
}

static bool open_chunks(const uint8_t key[32], struct sops_slice in, struct sops_buf *out, struct sops_err *e)
{
    bool final = false;
    for (uint64_t counter = 0; !final; counter++) {
        struct sops_slice chunk = sops_slice_first(in, CHUNK + TAG);
        in = sops_slice_skip(in, CHUNK + TAG);
        if (chunk.len == 0) {
            return sops_fail(e, SOPS_E_GENERIC, "the age payload is truncated");
        }
        if (chunk.len < TAG || (chunk.len == TAG && counter != 0)) {
            return sops_fail(e, SOPS_E_GENERIC, "the age payload ends in a chunk that is too short");
        }
        final = chunk.len < CHUNK + TAG || !open_chunk(key, chunk, counter, false, out);
        if (final && !open_chunk(key, chunk, counter, true, out)) {
            return sops_fail(e, SOPS_E_GENERIC, "the age payload does not authenticate");
        }
    }
    return in.len == 0 ? true : sops_fail(e, SOPS_E_GENERIC, "bytes follow the end of the age payload");
}

bool sops_age_stream_open(const uint8_t key[32], struct sops_slice in, struct sops_buf *out, struct sops_err *e)
{
    size_t before = out->len;
    if (!sops_buf_reserve(out, in.len, e)) {
        return false;
    }
    if (!open_chunks(key, in, out, e)) {
        sops_wipe(out->ptr + before, out->cap - before); /* a chunk that failed leaves nothing either */
        out->len = before;
        return false;
    }
    return true;
}

static void payload_key(const uint8_t key[SOPS_AGE_FILE_KEY], struct sops_slice nonce, uint8_t out[32])
{
    sops_hkdf(sops_slice_of(key, SOPS_AGE_FILE_KEY), nonce, SOPS_LIT("payload"), out);
}

bool sops_age_payload_open(const struct sops_age_header *h, const uint8_t key[SOPS_AGE_FILE_KEY], struct sops_buf *out,
                           struct sops_err *e)
{
    uint8_t stream_key[32];
    payload_key(key, h->nonce, stream_key);
    bool ok = sops_age_stream_open(stream_key, h->payload, out, e);
    sops_wipe(stream_key, sizeof stream_key);
    return ok;
}

bool sops_age_file_seal(struct sops_world *w, const struct sops_age_stanza *stanzas,
                        const uint8_t key[SOPS_AGE_FILE_KEY], struct sops_slice plain, struct sops_buf *out,
                        struct sops_err *e)
{
    uint8_t mac[32], nonce[NONCE], stream_key[32];
    size_t start = out->len;
    bool ok = w->random(w, nonce, sizeof nonce, e) && sops_buf_adds(out, INTRO, e);
    for (const struct sops_age_stanza *s = stanzas; ok && s != NULL; s = s->next) {
        ok = sops_age_stanza_emit(s, out, e);
    }
    ok = ok && sops_buf_adds(out, "---", e);
    if (ok) {
        header_mac(sops_slice_skip(sops_buf_view(out), start), key, mac);
        payload_key(key, sops_slice_of(nonce, NONCE), stream_key);
        ok = sops_buf_addc(out, ' ', e) && sops_base64_add(out, SOPS_B64_RAW, sops_slice_of(mac, sizeof mac), e) &&
             sops_buf_addc(out, '\n', e) && sops_buf_add(out, sops_slice_of(nonce, NONCE), e) &&
             sops_age_stream_seal(stream_key, plain, out, e);
    }
    sops_wipe(stream_key, sizeof stream_key);
    return ok;
}

/* ---- armor --------------------------------------------------------------------------------------------------- */

bool sops_age_armor(struct sops_slice bytes, struct sops_buf *out, struct sops_err *e)
{
    const size_t step = COLUMNS / 4 * 3;
    bool ok = sops_buf_adds(out, ARMOR_BEGIN "\n", e);
    for (; ok && bytes.len != 0; bytes = sops_slice_skip(bytes, step)) {
        ok = sops_base64_add(out, SOPS_B64_STD, sops_slice_first(bytes, step), e) && sops_buf_addc(out, '\n', e);
    }
    return ok && sops_buf_adds(out, ARMOR_END "\n", e);
}

static bool bad_armor(struct sops_err *e, const char *why)
{
    return sops_fail(e, SOPS_E_GENERIC, "bad age armor: %s", why);
}

/* Takes a line that may end in LF, in CR LF or, as the last one, in nothing. */
static bool take_armor_line(struct sops_slice *rest, struct sops_slice *line)
{
    if (rest->len == 0) {
        return false;
    }
    size_t n = sops_slice_find(*rest, '\n');
    *line = sops_slice_first(*rest, n);
    *rest = sops_slice_skip(*rest, n + 1);
    if (line->len != 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

static bool skip_to_begin(struct sops_slice *rest, struct sops_err *e)
{
    struct sops_slice line;
    size_t blank = 0;
    while (take_armor_line(rest, &line)) {
        if (sops_slice_trim(line).len != 0) {
            return sops_slice_eq(line, SOPS_LIT(ARMOR_BEGIN)) ? true
                                                              : bad_armor(e, "it does not start with its BEGIN line");
        }
        blank += line.len + 1;
        if (blank > ARMOR_SPACE) {
            return bad_armor(e, "too much white space in front of it");
        }
    }
    return bad_armor(e, "no BEGIN line");
}

bool sops_age_dearmor(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice line;
    bool last = false;
    if (!skip_to_begin(&text, e)) {
        return false;
    }
    while (take_armor_line(&text, &line)) {
        if (sops_slice_eq(line, SOPS_LIT(ARMOR_END))) {
            return text.len < ARMOR_SPACE && sops_slice_trim(text).len == 0
                       ? true
                       : bad_armor(e, "something follows its END line");
        }
        if (last) {
            return bad_armor(e, "a line follows the short last one");
        }
        if (line.len == 0 || line.len > COLUMNS) {
            return bad_armor(e, "a line is empty or too long");
        }
        size_t before = out->len;
        struct sops_err bad = {0};
        if (!sops_base64_take(out, SOPS_B64_STD, line, &bad)) {
            return bad.memory ? sops_fail_memory(e) : bad_armor(e, "a line is not canonical base64");
        }
        last = out->len - before < COLUMNS / 4 * 3;
    }
    return bad_armor(e, "no END line");
}
