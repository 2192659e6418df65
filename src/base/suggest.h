/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.h - what a misspelt word may have been meant to be. */
#ifndef SOPS_BASE_SUGGEST_H
#define SOPS_BASE_SUGGEST_H

#include <stddef.h>

/* The number of letters to change, add, take away or swap with the next to make `b` of `a`; words longer than 63
 * letters are as far apart as can be. */
size_t sops_word_distance(const char *a, const char *b);
/* Is that few enough for a slip? */
int sops_word_near(const char *a, const char *b);

#endif
