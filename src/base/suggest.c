/* SPDX-License-Identifier: Apache-2.0 */
/* Swapped neighbours count as one slip, as they are the most frequent one: "encyrpt". */
#include "base/suggest.h"

#include <stdint.h>
#include <string.h>

#define LONGEST 63

static size_t min(size_t a, size_t b) { return a < b ? a : b; }

size_t sops_word_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    if (n > LONGEST || m > LONGEST) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= m; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = min(min(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = min(row[j], before[j - 2] + 1);
            }
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m];
}

int sops_word_near(const char *a, const char *b)
{
    size_t shorter = min(strlen(a), strlen(b));
    return sops_word_distance(a, b) <= (shorter < 4 ? 1 : shorter < 8 ? 2 : 3);
}
