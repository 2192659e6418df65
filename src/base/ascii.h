/* SPDX-License-Identifier: Apache-2.0 */
/* ascii.h - classes of ASCII characters, whatever the locale, and words made of them. */
#ifndef SOPS_BASE_ASCII_H
#define SOPS_BASE_ASCII_H

#include "base/base.h"

static inline bool sops_is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static inline bool sops_is_lower(uint8_t c) { return c >= 'a' && c <= 'z'; }
static inline bool sops_is_upper(uint8_t c) { return c >= 'A' && c <= 'Z'; }
static inline bool sops_is_letter(uint8_t c) { return sops_is_lower(c) || sops_is_upper(c); }
static inline bool sops_is_alnum(uint8_t c) { return sops_is_letter(c) || sops_is_digit(c); }
/* White space: a blank, tab, LF, VT, FF or CR. */
static inline bool sops_is_white(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline uint8_t sops_to_lower(uint8_t c) { return sops_is_upper(c) ? c | 0x20 : c; }
static inline uint8_t sops_to_upper(uint8_t c) { return sops_is_lower(c) ? c & 0xdf : c; }

/* The value of a hex digit in either case, or 16. */
static inline unsigned sops_hex_digit(uint8_t c)
{
    uint8_t low = c | 0x20;
    return sops_is_digit(c) ? c - (unsigned)'0' : low >= 'a' && low <= 'f' ? low - 'a' + 10U : 16;
}

/* Does `s` hold a control character? Any byte that cannot be seen, a blank included? */
bool sops_has_control(struct sops_slice s);
bool sops_has_unseen(struct sops_slice s);
/* How many digits stand at the start of `s`. */
size_t sops_digits(struct sops_slice s);
/* Does `s` hold only letters, digits and characters of `more`? (The empty slice does.) */
bool sops_only_alnum(struct sops_slice s, const char *more);
/* Are they equal, is `end` the end of `s`, whatever the case of letters? */
bool sops_same_word(struct sops_slice s, struct sops_slice word);
bool sops_ends_word(struct sops_slice s, struct sops_slice end);
/* The words that Go takes for a bool: 1 t T TRUE true True, 0 f F FALSE false False. False when `s` is none of them. */
bool sops_bool_word(struct sops_slice s, bool *value);

#endif
