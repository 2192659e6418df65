/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 is read strictly: an overlong form, a surrogate or a cut sequence is no character, byte for byte. */
#include "base/text.h"

#define SURROGATE_FIRST 0xD800
#define SURROGATE_LAST 0xDFFF
#define CHAR_LAST 0x10FFFF

static bool is_tail(uint8_t c) { return (c & 0xC0) == 0x80; }

size_t sops_utf8_next(struct sops_slice s, uint32_t *cp)
{
    uint8_t c = s.ptr[0];
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    if (c >= 0xC2 && c <= 0xDF && s.len >= 2 && is_tail(s.ptr[1])) {
        *cp = (uint32_t)(c & 0x1F) << 6 | (s.ptr[1] & 0x3F);
        return 2;
    }
    if ((c & 0xF0) == 0xE0 && s.len >= 3 && is_tail(s.ptr[1]) && is_tail(s.ptr[2])) {
        *cp = (uint32_t)(c & 0x0F) << 12 | (uint32_t)(s.ptr[1] & 0x3F) << 6 | (s.ptr[2] & 0x3F);
        return *cp < 0x800 || (*cp >= SURROGATE_FIRST && *cp <= SURROGATE_LAST) ? 0 : 3;
    }
    if ((c & 0xF8) == 0xF0 && s.len >= 4 && is_tail(s.ptr[1]) && is_tail(s.ptr[2]) && is_tail(s.ptr[3])) {
        *cp = (uint32_t)(c & 0x07) << 18 | (uint32_t)(s.ptr[1] & 0x3F) << 12 | (uint32_t)(s.ptr[2] & 0x3F) << 6 |
              (s.ptr[3] & 0x3F);
        return *cp < 0x10000 || *cp > CHAR_LAST ? 0 : 4;
    }
    return 0;
}

bool sops_utf8_valid(struct sops_slice s)
{
    while (s.len != 0) {
        uint64_t eight;
        if (s.len >= sizeof eight) {
            memcpy(&eight, s.ptr, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                s = sops_slice_skip(s, sizeof eight);
                continue;
            }
        }
        uint32_t cp;
        size_t n = sops_utf8_next(s, &cp);
        if (n == 0) {
            return false;
        }
        s = sops_slice_skip(s, n);
    }
    return true;
}

struct sops_slice sops_text_without_mark(struct sops_slice s)
{
    return sops_slice_skip(s, sops_slice_starts(s, SOPS_LIT("\xEF\xBB\xBF")) ? 3 : 0);
}

bool sops_text_is_utf16(struct sops_slice s)
{
    if (sops_slice_starts(s, SOPS_LIT("\xFF\xFE")) || sops_slice_starts(s, SOPS_LIT("\xFE\xFF"))) {
        return true;
    }
    return s.len >= 4 && (s.ptr[0] == 0) == (s.ptr[2] == 0) && (s.ptr[1] == 0) == (s.ptr[3] == 0) &&
           (s.ptr[0] == 0) != (s.ptr[1] == 0);
}

bool sops_utf8_add(struct sops_buf *out, uint32_t cp, struct sops_err *e)
{
    uint8_t b[4];
    size_t n = 1;
    if (cp < 0x80) {
        b[0] = (uint8_t)cp;
    } else if (cp < 0x800) {
        b[0] = (uint8_t)(0xC0 | cp >> 6);
        n = 2;
    } else if (cp < 0x10000) {
        b[0] = (uint8_t)(0xE0 | cp >> 12);
        n = 3;
    } else {
        b[0] = (uint8_t)(0xF0 | (cp >> 18 & 0x07));
        n = 4;
    }
    for (size_t i = 1; i < n; i++) {
        b[i] = (uint8_t)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3F));
    }
    return sops_buf_add(out, sops_slice_of(b, n), e);
}

bool sops_is_space(uint32_t cp)
{
    if (cp < 0x80) {
        return cp == ' ' || (cp >= '\t' && cp <= '\r');
    }
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

/* Nearly every end of a text is one of these, which are no white space. */
static bool is_ink(uint8_t c) { return c > ' ' && c < 0x7f; }

struct sops_slice sops_text_trim_left(struct sops_slice s)
{
    while (s.len != 0 && !is_ink(s.ptr[0])) {
        uint32_t cp;
        size_t n = sops_utf8_next(s, &cp);
        if (n == 0 || !sops_is_space(cp)) {
            break;
        }
        s = sops_slice_skip(s, n);
    }
    return s;
}

struct sops_slice sops_text_trim_right(struct sops_slice s)
{
    while (s.len != 0 && !is_ink(s.ptr[s.len - 1])) {
        size_t n = 1;
        while (n < 4 && n < s.len && is_tail(s.ptr[s.len - n])) {
            n++;
        }
        uint32_t cp;
        if (sops_utf8_next(sops_slice_skip(s, s.len - n), &cp) != n || !sops_is_space(cp)) {
            break;
        }
        s.len -= n;
    }
    return s;
}

struct sops_slice sops_text_trim(struct sops_slice s) { return sops_text_trim_right(sops_text_trim_left(s)); }

void sops_text_tame(struct sops_buf *out, size_t from)
{
    for (size_t i = from; i < out->len; i++) {
        struct sops_slice rest = sops_slice_skip(sops_buf_view(out), i);
        uint32_t cp = rest.ptr[0];
        size_t len = sops_utf8_next(rest, &cp);
        bool two = len == 2 && cp < 0xa0; /* the control characters above ASCII */
        if (two) {
            memmove(out->ptr + i, out->ptr + i + 1, out->len - i - 1);
            out->len--;
        }
        if (two || cp < 0x20 || cp == 0x7f || len == 0) {
            out->ptr[i] = '?';
        } else {
            i += len - 1;
        }
    }
}
