/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - JSON that we write: bodies of requests and lines of results. (Documents have their own reader and writer.)
 */
#ifndef SOPS_BASE_JSON_H
#define SOPS_BASE_JSON_H

#include "base/base.h"

/* Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, as each reader of JSON would
 * make of them. */
bool sops_json_quote(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;

#endif
