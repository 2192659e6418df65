/* SPDX-License-Identifier: Apache-2.0 */
/* regex.h - RE2 behind three functions (docs/spec/10-document-and-cipher.md#regular-expressions): linear time, bounded
 * memory. */
#ifndef SOPS_CORE_REGEX_H
#define SOPS_CORE_REGEX_H

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NULL with code 1 and the reason when `pattern` does not compile. The message quotes the pattern. */
struct sops_regex *sops_regex_new(struct sops_slice pattern, struct sops_err *e) SOPS_CHECKED;
/* Search, not full match. Bytes that are not UTF-8 count as U+FFFD. */
bool sops_regex_match(const struct sops_regex *r, struct sops_slice text);
void sops_regex_free(struct sops_regex *r);

#ifdef __cplusplus
}
#endif
#endif
