/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - JSON that we write: bodies of requests and lines of results. (Documents have their own reader and writer.)
 */
#ifndef SOPS_BASE_JSON_H
#define SOPS_BASE_JSON_H

#include "base/encode.h"

/* Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, as each reader of JSON would
 * make of them. */
bool sops_json_quote(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* Appends `text` as it stands inside a JSON string, with \" \\ \b \f \n \r \t and \u00xx; bytes that are not UTF-8
 * stay. HTML: also <, >, &, U+2028 and U+2029 as \uxxxx; ASCII: also all but ASCII. */
enum sops_json_escape { SOPS_JSON_SHORTEST, SOPS_JSON_HTML, SOPS_JSON_ASCII };
bool sops_json_escape(struct sops_buf *out, struct sops_slice text, enum sops_json_escape kind,
                      struct sops_err *e) SOPS_CHECKED;

/* One member of the object or list that was begun last; a comma stands before it unless it is the first. `name` is NULL
 * in a list. The brackets of the whole and those that close are added with sops_buf_addc. */
bool sops_json_begin(struct sops_buf *out, const char *name, char bracket, struct sops_err *e) SOPS_CHECKED;
bool sops_json_add(struct sops_buf *out, const char *name, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
bool sops_json_add_base64(struct sops_buf *out, const char *name, enum sops_base64 kind, struct sops_slice bytes,
                          struct sops_err *e) SOPS_CHECKED;
bool sops_json_add_int(struct sops_buf *out, const char *name, int64_t number, struct sops_err *e) SOPS_CHECKED;
/* `json`: a value as it is to stand there. */
bool sops_json_add_value(struct sops_buf *out, const char *name, struct sops_slice json,
                         struct sops_err *e) SOPS_CHECKED;

#endif
