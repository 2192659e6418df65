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
/* The same for replacing: its groups are kept. */
struct sops_regex *sops_regex_capturing(struct sops_slice pattern, struct sops_err *e) SOPS_CHECKED;
/* Appends `text` with every match replaced by `target`, in which $1, $name and ${name} stand for groups and $$ for a
 * dollar; a name is the longest run of letters, digits and '_'. An empty match right behind another one is none. */
bool sops_regex_replace(const struct sops_regex *r, struct sops_slice text, struct sops_slice target,
                        struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
void sops_regex_free(struct sops_regex *r);

/*
 * Patterns of our own, for text that may hold anything: bytes, not characters. They are not rewritten as those of users
 * are, and do not fail but for memory.
 */
/* One with groups. */
struct sops_regex *sops_regex_new_bytes(const char *pattern, struct sops_err *e) SOPS_CHECKED;
/* The first place from `from` on where it matches: group 0 is the whole, at most 4 are given. Groups that take no part
 * are empty. */
bool sops_regex_find(const struct sops_regex *r, struct sops_slice text, size_t from, struct sops_slice *group,
                     size_t count);
/* Up to 32 patterns that are run once over a text. */
struct sops_regex_set *sops_regex_set_new(const char *const *pattern, size_t count, struct sops_err *e) SOPS_CHECKED;
/* Bit i: pattern i matches somewhere. Bits that cannot be told for want of memory are set. */
uint32_t sops_regex_set_match(const struct sops_regex_set *s, struct sops_slice text);
void sops_regex_set_free(struct sops_regex_set *s);

#ifdef __cplusplus
}
#endif
#endif
