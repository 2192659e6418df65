/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 stands on the way of every leaf and of values of 50 MiB: it goes 6 bytes (8 characters) a step, and the
 * decoder looks only once a step whether a character was bad.
 */
#include "base/encode.h"

#define BAD 0x80 /* in the reading tables: no character of the alphabet */

static const char std_alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#define X8 BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD
#define X32 X8, X8, X8, X8
#define UPPER 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25
#define LOWER 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51
#define DIGITS 52, 53, 54, 55, 56, 57, 58, 59, 60, 61
/* The values of the characters 0 to 255; the two alphabets differ in "+-/_" only. */
#define READING(plus, minus, slash, under)                                                                             \
    {                                                                                                                  \
        X32, X8, BAD, BAD, BAD, plus, BAD, minus, BAD, slash, DIGITS, BAD, BAD, BAD, BAD, BAD, BAD, BAD, UPPER, BAD,   \
            BAD, BAD, BAD, under, BAD, LOWER, BAD, BAD, BAD, BAD, BAD, X32, X32, X32, X32                              \
    }
static const uint8_t std_values[256] = READING(62, BAD, 63, BAD);
static const uint8_t url_values[256] = READING(BAD, 62, BAD, 63);

/* Writes whole groups and returns how many bytes were taken (a multiple of 3); each group of 3 makes 4 characters. */
static size_t write_groups(char *to, const uint8_t *from, size_t n, const char *alphabet)
{
    size_t i = 0;
    for (; n - i >= 8; i += 6, to += 8) { /* 8: the load goes two bytes beyond the six that count */
        uint64_t v;
        memcpy(&v, from + i, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        to[0] = alphabet[v >> 58];
        to[1] = alphabet[v >> 52 & 63];
        to[2] = alphabet[v >> 46 & 63];
        to[3] = alphabet[v >> 40 & 63];
        to[4] = alphabet[v >> 34 & 63];
        to[5] = alphabet[v >> 28 & 63];
        to[6] = alphabet[v >> 22 & 63];
        to[7] = alphabet[v >> 16 & 63];
    }
    for (; n - i >= 3; i += 3, to += 4) {
        unsigned v = (unsigned)from[i] << 16 | (unsigned)from[i + 1] << 8 | from[i + 2];
        to[0] = alphabet[v >> 18];
        to[1] = alphabet[v >> 12 & 63];
        to[2] = alphabet[v >> 6 & 63];
        to[3] = alphabet[v & 63];
    }
    return i;
}

/* Returns the number of characters. */
static size_t write_text(char *to, const uint8_t *from, size_t n, const char *alphabet, bool padded)
{
    size_t done = write_groups(to, from, n, alphabet);
    size_t at = done / 3 * 4;
    size_t left = n - done;
    if (left != 0) {
        unsigned v = (unsigned)from[done] << 16 | (left == 2 ? (unsigned)from[done + 1] << 8 : 0);
        to[at++] = alphabet[v >> 18];
        to[at++] = alphabet[v >> 12 & 63];
        if (left == 2) {
            to[at++] = alphabet[v >> 6 & 63];
        }
        for (size_t i = left; padded && i < 3; i++) {
            to[at++] = '=';
        }
    }
    return at;
}

void sops_base64_write(char *to, const uint8_t *from, size_t n) { (void)write_text(to, from, n, std_alphabet, true); }

bool sops_base64_add(struct sops_buf *out, enum sops_base64 kind, struct sops_slice in, struct sops_err *e)
{
    if (in.len > SIZE_MAX / 2) {
        return sops_fail_memory(e);
    }
    if (!sops_buf_reserve(out, sops_base64_size(in.len), e)) {
        return false;
    }
    const char *alphabet = kind == SOPS_B64_URL ? url_alphabet : std_alphabet;
    bool padded = kind == SOPS_B64_STD || kind == SOPS_B64_CR;
    out->len += write_text((char *)out->ptr + out->len, in.ptr, in.len, alphabet, padded);
    return true;
}

/* Reads `n` characters, a multiple of 4 without padding, to n / 4 * 3 bytes; false when one is bad. */
static bool read_groups(uint8_t *to, const uint8_t *from, size_t n, const uint8_t *values)
{
    size_t i = 0;
    for (; n - i >= 16; i += 8, to += 6) { /* 16: what follows gives room for the two bytes stored too many */
        const uint8_t *c = from + i;
        uint64_t a = values[c[0]], b = values[c[1]], d = values[c[2]], f = values[c[3]];
        uint64_t g = values[c[4]], h = values[c[5]], j = values[c[6]], k = values[c[7]];
        if (((a | b | d | f | g | h | j | k) & BAD) != 0) {
            return false;
        }
        uint64_t v = a << 58 | b << 52 | d << 46 | f << 40 | g << 34 | h << 28 | j << 22 | k << 16;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        memcpy(to, &v, 8);
    }
    for (; i < n; i += 4, to += 3) {
        const uint8_t *c = from + i;
        unsigned a = values[c[0]], b = values[c[1]], d = values[c[2]], f = values[c[3]];
        if (((a | b | d | f) & BAD) != 0) {
            return false;
        }
        unsigned v = a << 18 | b << 12 | d << 6 | f;
        to[0] = (uint8_t)(v >> 16);
        to[1] = (uint8_t)(v >> 8);
        to[2] = (uint8_t)v;
    }
    return true;
}

/* The last 2 or 3 characters; `strict`: unused bits must be zero. */
static bool read_rest(uint8_t *to, const uint8_t *from, size_t n, const uint8_t *values, bool strict)
{
    unsigned a = values[from[0]], b = values[from[1]], d = n == 3 ? values[from[2]] : 0;
    if (((a | b | d) & BAD) != 0) {
        return false;
    }
    unsigned v = a << 18 | b << 12 | d << 6;
    to[0] = (uint8_t)(v >> 16);
    if (n == 3) {
        to[1] = (uint8_t)(v >> 8);
    }
    return !strict || (v & (n == 3 ? 0xffU : 0xffffU)) == 0;
}

static bool bad_base64(struct sops_err *e) { return sops_fail(e, SOPS_E_GENERIC, "bad base64"); }

static bool take(struct sops_buf *out, enum sops_base64 kind, struct sops_slice in, struct sops_err *e)
{
    const uint8_t *values = kind == SOPS_B64_URL ? url_values : std_values;
    bool padded = kind == SOPS_B64_STD || kind == SOPS_B64_CR;
    if (padded) {
        if (in.len % 4 != 0) {
            return bad_base64(e);
        }
        for (int i = 0; i < 2 && in.len != 0 && in.ptr[in.len - 1] == '='; i++) {
            in.len--;
        }
    }
    size_t rest = in.len % 4;
    size_t whole = in.len - rest;
    if (rest == 1) {
        return bad_base64(e);
    }
    size_t size = whole / 4 * 3 + (rest != 0 ? rest - 1 : 0);
    if (!sops_buf_reserve(out, size, e)) {
        return false;
    }
    uint8_t *to = out->ptr + out->len;
    if (!read_groups(to, in.ptr, whole, values) ||
        (rest != 0 && !read_rest(to + whole / 4 * 3, in.ptr + whole, rest, values, kind != SOPS_B64_CR))) {
        sops_wipe(to, size);
        return bad_base64(e);
    }
    out->len += size;
    return true;
}

bool sops_base64_take(struct sops_buf *out, enum sops_base64 kind, struct sops_slice in, struct sops_err *e)
{
    if (kind != SOPS_B64_CR || sops_slice_find(in, '\r') == in.len) {
        return take(out, kind, in, e);
    }
    struct sops_buf clean = {0};
    struct sops_slice piece;
    bool ok = sops_buf_reserve(&clean, in.len, e);
    while (ok && sops_slice_next(&in, '\r', &piece)) {
        ok = sops_buf_add(&clean, piece, e);
    }
    ok = ok && take(out, kind, sops_buf_view(&clean), e);
    sops_buf_free(&clean);
    return ok;
}

bool sops_hex_add(struct sops_buf *out, struct sops_slice in, bool upper, struct sops_err *e)
{
    const char *digit = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    if (in.len > SIZE_MAX / 2) {
        return sops_fail_memory(e);
    }
    if (!sops_buf_reserve(out, in.len * 2, e)) {
        return false;
    }
    for (size_t i = 0; i < in.len; i++) {
        out->ptr[out->len++] = (uint8_t)digit[in.ptr[i] >> 4];
        out->ptr[out->len++] = (uint8_t)digit[in.ptr[i] & 15];
    }
    return true;
}

bool sops_hex_take(struct sops_buf *out, struct sops_slice in, struct sops_err *e)
{
    size_t before = out->len;
    if (in.len % 2 != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "bad hex");
    }
    if (!sops_buf_reserve(out, in.len / 2, e)) {
        return false;
    }
    for (size_t i = 0; i < in.len; i += 2) {
        unsigned high = sops_hex_digit(in.ptr[i]), low = sops_hex_digit(in.ptr[i + 1]);
        if (high > 15 || low > 15) {
            sops_buf_cut(out, before);
            return sops_fail(e, SOPS_E_GENERIC, "bad hex");
        }
        out->ptr[out->len++] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- percent encoding ------------------------------------------------------------------------------------------- */

bool sops_percent_add(struct sops_buf *out, struct sops_slice text, const char *keep, struct sops_err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = sops_is_alnum(c) || (c != '\0' && (strchr("-_.~", c) != NULL || strchr(keep, c) != NULL));
        if (!(plain ? sops_buf_addc(out, c, e) : sops_buf_addf(out, e, "%%%02X", c))) {
            return false;
        }
    }
    return true;
}

bool sops_percent_take(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        unsigned high = text.len - i > 2 ? sops_hex_digit(text.ptr[i + 1]) : 16;
        unsigned low = text.len - i > 2 ? sops_hex_digit(text.ptr[i + 2]) : 16;
        if (c == '%' && high < 16 && low < 16) {
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (!sops_buf_addc(out, c, e)) {
            return false;
        }
    }
    return true;
}

static const char bech32_alphabet[33] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
static const char bech32_upper[33] = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
/* The values of '0' to '9' and 'a' to 'z' (docs/spec/61-age.md#encodings). */
static const uint8_t bech32_digits[10] = {15, BAD, 10, 17, 21, 20, 26, 30, 7, 5};
static const uint8_t bech32_letters[26] = {29, BAD, 24, 13, 25, 9,  8,  23, BAD, 18, 22, 31, 27,
                                           19, BAD, 1,  0,  3,  16, 11, 28, 12,  14, 6,  4,  2};

/* One more 5-bit value into the checksum (BIP 173), without a branch on it. */
static uint32_t polymod(uint32_t c, uint8_t value)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = c >> 25;
    c = (c & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++) {
        c ^= generator[i] & (0 - (top >> i & 1));
    }
    return c;
}

static bool has_upper(struct sops_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (sops_is_upper(s.ptr[i])) {
            return true;
        }
    }
    return false;
}

static bool has_lower(struct sops_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (sops_is_lower(s.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* The checksum's state after the human-readable part. */
static uint32_t polymod_hrp(struct sops_slice hrp)
{
    uint32_t c = 1;
    for (size_t i = 0; i < hrp.len; i++) {
        c = polymod(c, sops_to_lower(hrp.ptr[i]) >> 5);
    }
    c = polymod(c, 0);
    for (size_t i = 0; i < hrp.len; i++) {
        c = polymod(c, sops_to_lower(hrp.ptr[i]) & 31);
    }
    return c;
}

bool sops_bech32_add(struct sops_buf *out, struct sops_slice hrp, struct sops_slice in, struct sops_err *e)
{
    const char *alphabet = has_upper(hrp) ? bech32_upper : bech32_alphabet;
    size_t size;
    if (hrp.len == 0 || (has_upper(hrp) && has_lower(hrp))) {
        return sops_fail(e, SOPS_E_GENERIC, "bad Bech32 prefix");
    }
    if (in.len > SIZE_MAX / 2 || __builtin_add_overflow(hrp.len, in.len * 8 / 5 + 8, &size)) {
        return sops_fail_memory(e);
    }
    if (!sops_buf_reserve(out, size, e)) {
        return false;
    }
    uint8_t *to = out->ptr + out->len;
    memcpy(to, hrp.ptr, hrp.len);
    to += hrp.len;
    *to++ = '1';
    uint32_t c = polymod_hrp(hrp);
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < in.len || held != 0;) {
        if (held < 5 && i < in.len) {
            bits = bits << 8 | in.ptr[i++];
            held += 8;
        }
        uint8_t v = (uint8_t)((held < 5 ? bits << (5 - held) : bits >> (held - 5)) & 31);
        held = held < 5 ? 0 : held - 5;
        c = polymod(c, v);
        *to++ = (uint8_t)alphabet[v];
    }
    for (int i = 0; i < 6; i++) {
        c = polymod(c, 0);
    }
    c ^= 1;
    for (int i = 0; i < 6; i++) {
        *to++ = (uint8_t)alphabet[c >> (25 - 5 * i) & 31];
    }
    out->len = (size_t)(to - out->ptr);
    return true;
}

static uint8_t bech32_value(uint8_t c)
{
    c = sops_to_lower(c);
    if (sops_is_digit(c)) {
        return bech32_digits[c - '0'];
    }
    return sops_is_lower(c) ? bech32_letters[c - 'a'] : BAD;
}

/* The values behind the separator into bytes, appended; checks characters, checksum and what is left over. */
static bool bech32_values(struct sops_slice text, uint32_t c, struct sops_buf *out, struct sops_err *e)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t v = bech32_value(text.ptr[i]);
        if (v == BAD) {
            return sops_fail(e, SOPS_E_GENERIC, "bad Bech32: invalid character");
        }
        c = polymod(c, v);
        if (i + 6 < text.len) {
            bits = bits << 5 | v;
            held += 5;
            if (held >= 8) {
                held -= 8;
                out->ptr[out->len++] = (uint8_t)(bits >> held);
            }
        }
    }
    if (c != 1) {
        return sops_fail(e, SOPS_E_GENERIC, "bad Bech32: the checksum is wrong");
    }
    if (held >= 5 || (bits & ((1U << held) - 1)) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "bad Bech32: bits are left over");
    }
    return true;
}

bool sops_bech32_take(struct sops_slice text, struct sops_slice *hrp, struct sops_buf *out, struct sops_err *e)
{
    size_t before = out->len;
    if (has_upper(text) && has_lower(text)) {
        return sops_fail(e, SOPS_E_GENERIC, "bad Bech32: mixed case");
    }
    size_t split = text.len;
    while (split != 0 && text.ptr[split - 1] != '1') {
        split--;
    }
    if (split < 2 || text.len - split < 6) {
        return sops_fail(e, SOPS_E_GENERIC, "bad Bech32: no prefix, or too short");
    }
    struct sops_slice front = sops_slice_first(text, split - 1);
    for (size_t i = 0; i < front.len; i++) {
        if (front.ptr[i] < 33 || front.ptr[i] > 126) {
            return sops_fail(e, SOPS_E_GENERIC, "bad Bech32: invalid character");
        }
    }
    if (!sops_buf_reserve(out, text.len - split, e)) {
        return false;
    }
    if (!bech32_values(sops_slice_skip(text, split), polymod_hrp(front), out, e)) {
        sops_buf_cut(out, before);
        return false;
    }
    *hrp = front;
    return true;
}
