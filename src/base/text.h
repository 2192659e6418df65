/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - UTF-8, and the texts of numbers and times.
 *
 * The canonical text of a scalar (what the MAC hashes and AES encrypts, docs/spec/10-document-and-cipher.md) is made
 * once, by the reader; the three other texts are laid out anew from kind and canonical text, so no second number is
 * ever computed.
 */
#ifndef SOPS_BASE_TEXT_H
#define SOPS_BASE_TEXT_H

#include "base/ascii.h"

/* One character of UTF-8 at the start of `s` (s.len > 0): its length 1..4 and value, or length 0 when the first byte
 * does not begin a valid sequence (overlong, surrogate, > U+10FFFF, cut: all invalid). */
size_t sops_utf8_next(struct sops_slice s, uint32_t *cp);
bool sops_utf8_valid(struct sops_slice s);
/* Appends the character `cp` (a scalar value). */
bool sops_utf8_add(struct sops_buf *out, uint32_t cp, struct sops_err *e) SOPS_CHECKED;
/* Unicode White_Space. */
bool sops_is_space(uint32_t cp);
/* Without Unicode white space at both ends (bytes that are not UTF-8 are no space). */
struct sops_slice sops_text_trim(struct sops_slice s);
struct sops_slice sops_text_trim_left(struct sops_slice s);
struct sops_slice sops_text_trim_right(struct sops_slice s);
/* Without the byte order mark of UTF-8 that editors of Windows put in front. */
struct sops_slice sops_text_without_mark(struct sops_slice s);
/* Replaces control characters, and bytes that are no UTF-8, in `out` from `from` on by `?`: a name out of a file does
 * not write to a terminal. */
void sops_text_tame(struct sops_buf *out, size_t from);
/* Does it look like UTF-16 (its byte order mark, or ASCII with a NUL beside each character)? */
bool sops_text_is_utf16(struct sops_slice s);
/* What to do about that, for sops_hint. */
#define SOPS_UTF16_HINT                                                                                                \
    "convert it: `iconv -f UTF-16 -t UTF-8`, or in PowerShell `Set-Content -Encoding utf8`; its > and Out-File write " \
    "UTF-16 unless they are told -Encoding utf8"

/* Decimal digits of a signed 64-bit integer; `out` has room for 24 characters. Returns the length. */
size_t sops_int_text(int64_t v, char *out);
/* Optional sign and decimal digits in the signed 64-bit range, nothing else. */
bool sops_int_parse(struct sops_slice s, int64_t *v);
/* An integer as in source code: optional sign, then decimal, 0x, 0o, 0b, or octal behind a lone 0; `_` between digits.
 */
bool sops_int_parse_literal(struct sops_slice s, int64_t *v);
/* The same without a sign, in the unsigned range. */
bool sops_uint_parse_literal(struct sops_slice s, uint64_t *v);
/* A decimal floating-point text (digits, optional point, optional exponent, optional sign), correctly rounded whatever
 * the locale. False when the text is none; *overflow (may be NULL) tells when it is beyond a double. */
bool sops_float_parse(struct sops_slice s, double *v, bool *overflow);

/* Canonical text of a float: shortest digits that read back the same, never an exponent: "1", "0.1", "-0",
 * "1000000000000000000000", "+Inf" "-Inf" "NaN" (docs/spec/10-document-and-cipher.md). Appends. */
bool sops_float_canonical(struct sops_buf *out, double v, struct sops_err *e) SOPS_CHECKED;
/* From the canonical text of a float, appended: */
bool sops_float_json(struct sops_buf *out, struct sops_slice canonical,
                     struct sops_err *e) SOPS_CHECKED; /* 1e+21, 1e-7, -0.0; inf and nan: code 4 */
bool sops_float_yaml(struct sops_buf *out, struct sops_slice canonical,
                     struct sops_err *e) SOPS_CHECKED; /* 1e+06, 1e-05, .inf, .nan, -0.0 */
bool sops_float_plain(struct sops_buf *out, struct sops_slice canonical,
                      struct sops_err *e) SOPS_CHECKED; /* 1.0, 1E+06, +Inf */

/* A point in time with its zone, as YAML and RFC 3339 have it. */
struct sops_time {
    int64_t seconds; /* since 1970 UTC */
    int32_t nanos;
    int32_t offset; /* of the zone, in seconds east of UTC */
};
/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; the inverse. */
int64_t sops_days_from_civil(int64_t year, unsigned month, unsigned day);
void sops_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);
/* Is there such a day? */
bool sops_date_exists(int64_t year, unsigned month, unsigned day);
/* RFC 3339, fraction without trailing zeros up to 9 digits when not 0, "Z" for offset 0. Appends. The canonical text.
 */
bool sops_time_text(struct sops_buf *out, const struct sops_time *t, struct sops_err *e) SOPS_CHECKED;
/* The strict-but-odd RFC 3339 reader of the metadata (docs/spec/30-metadata.md#reading) which also serves `type:time`
 * leaves: YYYY-MM-DDThh:mm:ss[.,frac](Z|+hh:mm|-hh:mm), one-digit hour allowed. */
bool sops_time_parse(struct sops_slice s, struct sops_time *t);
/* From a canonical time text: the plain text of dotenv and INI, whole seconds only. Appends. */
bool sops_time_plain(struct sops_buf *out, struct sops_slice canonical, struct sops_err *e) SOPS_CHECKED;
/* Seconds since 1970 as "2026-04-01T10:00:00Z". Appends. */
bool sops_time_utc(struct sops_buf *out, int64_t seconds, struct sops_err *e) SOPS_CHECKED;

#endif
