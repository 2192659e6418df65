/* SPDX-License-Identifier: Apache-2.0 */
/* Integers as source code has them: in metadata that arrive as text (docs/spec/30-metadata.md), in configurations and
 * options. */
#include "base/text.h"

/* The base that the front of `*s` tells, and moves behind it. */
static unsigned take_base(struct sops_slice *s)
{
    unsigned base = 10;
    if (s->len > 1 && s->ptr[0] == '0') {
        switch (s->ptr[1] | 0x20) {
        case 'x':
            base = 16;
            break;
        case 'o':
            base = 8;
            break;
        case 'b':
            base = 2;
            break;
        default:
            *s = sops_slice_skip(*s, 1);
            return 8;
        }
        *s = sops_slice_skip(*s, 2);
    }
    return base;
}

bool sops_uint_parse_literal(struct sops_slice s, uint64_t *v)
{
    size_t whole = s.len;
    unsigned base = take_base(&s);
    bool digit_before = s.len != whole; /* a `_` may follow the prefix */
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_') {
            if (!digit_before || i + 1 == s.len) {
                return false;
            }
            digit_before = false;
            continue;
        }
        unsigned d = sops_hex_digit(s.ptr[i]);
        if (d >= base || __builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, d, &n)) {
            return false;
        }
        digit_before = true;
    }
    *v = n;
    return s.len != 0;
}

bool sops_int_parse_literal(struct sops_slice s, int64_t *v)
{
    bool negative = s.len != 0 && s.ptr[0] == '-';
    if (s.len != 0 && (negative || s.ptr[0] == '+')) {
        s = sops_slice_skip(s, 1);
    }
    uint64_t n;
    if (!sops_uint_parse_literal(s, &n) || n > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *v = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}
