/* SPDX-License-Identifier: Apache-2.0 */
/* dotenv_quote.h - dotenv as others read it (docs/spec/76-text-as-written.md#62-quote-true-as-others-read-it): the
 * value of one entry, in quotes or not. */
#ifndef SOPS_FORMATS_DOTENV_QUOTE_H
#define SOPS_FORMATS_DOTENV_QUOTE_H

#include "core/format.h"

/* What stands behind the '=' of an entry. */
struct sops_dotenv_value {
    size_t len;                /* of all of it, without the last line break */
    unsigned breaks;           /* line breaks in it */
    struct sops_slice comment; /* behind its '#'; ptr is NULL when there is none */
};

/* Reads the value at the start of `text`, which begins in line `line`; what it means is appended to `out`. Code 2 with
 * the line: a quote that is not closed, or text behind a closing one. */
bool sops_dotenv_scan(struct sops_slice text, unsigned line, struct sops_dotenv_value *v, struct sops_buf *out,
                      struct sops_err *e) SOPS_CHECKED;
/* Appends the text in quotes. `one_line`: also when it has line breaks. */
bool sops_dotenv_quote(struct sops_slice text, bool one_line, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends what the value of a line means; one that cannot be read as it is. */
bool sops_dotenv_meaning(struct sops_slice line, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* The same for what the reader of sealed texts made of a line. */
bool sops_dotenv_line_meaning(struct sops_slice text, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* The name in a key: without `export` and blanks. */
struct sops_slice sops_dotenv_name(struct sops_slice key);
/* Is every line break CR LF, and is there one? */
bool sops_dotenv_is_crlf(struct sops_slice text);
/* Appends the text with LF in the place of CR LF. */
bool sops_dotenv_to_lf(struct sops_slice text, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
