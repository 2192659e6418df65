/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml.h - TOML 1.0.0 (docs/spec/76-text-as-written.md#8-toml): toml_read.c has the grammar, toml_value.c the scalars,
 * toml_write.c lays documents out, toml_written.c keeps texts as they are.
 */
#ifndef SOPS_FORMATS_TOML_H
#define SOPS_FORMATS_TOML_H

#include "core/written.h"

/* How the ciphertext of an empty text begins; only rops makes some. */
#define SOPS_TOML_EMPTY SOPS_LIT("ENC[AES256_GCM,data:,")

bool sops_toml_parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e);
bool sops_toml_emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e);
extern const struct sops_textual sops_toml_textual;

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

/* A scalar that was read: its kind and canonical text. */
struct sops_toml_scalar {
    enum sops_kind kind;
    bool bare; /* a date or time */
};
/* The string at the start of `s`, which begins with a quote: its value is appended, `*len` gets its length and `*lines`
 * the number of line breaks in it. NULL, or what is wrong with it. `key`: of one line only. */
const char *sops_toml_string(struct sops_slice s, bool key, size_t *len, unsigned *lines, struct sops_buf *out,
                             struct sops_err *e) SOPS_CHECKED;
/* The number, bool or date that is all of `s`: its canonical text is appended. NULL, or what is wrong with it. */
const char *sops_toml_bare(struct sops_slice s, struct sops_toml_scalar *v, struct sops_buf *out,
                           struct sops_err *e) SOPS_CHECKED;
/* Is it the text of a date or time? */
bool sops_toml_is_date(struct sops_slice s);
bool sops_toml_is_bare_key(struct sops_slice key);

enum sops_toml_quote { SOPS_TOML_BASIC, SOPS_TOML_LITERAL, SOPS_TOML_LONG, SOPS_TOML_LONG_LITERAL, SOPS_TOML_BARE };
/* Which quotes a value stands in, by its text. */
enum sops_toml_quote sops_toml_quote_of(struct sops_slice raw);
/* Appends a string in these quotes, or in others where they cannot hold it. */
bool sops_toml_add_string(struct sops_slice s, enum sops_toml_quote quote, struct sops_buf *out,
                          struct sops_err *e) SOPS_CHECKED;
/* Appends a scalar; a string in `quote`. Code 4 for null, naming the path. */
bool sops_toml_add_scalar(const struct sops_node *n, enum sops_toml_quote quote, struct sops_buf *out,
                          struct sops_err *e) SOPS_CHECKED;
bool sops_toml_add_key(struct sops_slice key, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends a value on one line, maps and lists too. */
bool sops_toml_add_inline(const struct sops_node *n, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Code 4: a null. Returns false. */
bool sops_toml_fail_null(const struct sops_node *n, struct sops_err *e);

#endif
