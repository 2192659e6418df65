/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - the parts of the JSON format, and what other formats borrow from it (INI writes extracted lists as JSON). */
#ifndef SOPS_FORMATS_JSON_H
#define SOPS_FORMATS_JSON_H

#include "core/format.h"

/* docs/spec/20-formats.md#reading-json */
bool sops_json_parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e);
/* The same of objects in a row: each is a part. */
bool sops_json_parse_row(struct sops_doc *out, struct sops_slice in, struct sops_err *e);
/* Appends `root` and what is in it, without a newline at the end. Code 4: nested too deeply, no JSON for it. */
bool sops_json_write(const struct sops_node *root, const struct sops_style *s, struct sops_buf *out,
                     struct sops_err *e) SOPS_CHECKED;
/* The same on one line, without any blanks. */
bool sops_json_write_compact(const struct sops_node *root, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* … with a blank behind each comma and colon. */
bool sops_json_write_line(const struct sops_node *root, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* Both sides look for rare bytes eight at a time. */
#define SOPS_EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))
/* A mark in the top bit, if one of the eight bytes is zero. */
static inline uint64_t sops_zero_byte(uint64_t v) { return (v - SOPS_EACH_BYTE(1)) & ~v & SOPS_EACH_BYTE(0x80); }
/* A mark in the top bit, if one of the eight bytes is below a blank or beyond ASCII. */
static inline uint64_t sops_odd_byte(uint64_t v)
{
    return (((v - SOPS_EACH_BYTE(0x20)) & ~v) | v) & SOPS_EACH_BYTE(0x80);
}

#endif
