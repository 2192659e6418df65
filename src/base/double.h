/* SPDX-License-Identifier: Apache-2.0 */
/* double.h - doubles and their digits, by the C++ library's <charconv>: exact, and whatever the locale. */
#ifndef SOPS_BASE_DOUBLE_H
#define SOPS_BASE_DOUBLE_H

#include "base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A positive number: 0.DIGITS times 10 to the `point`. */
struct sops_decimal {
    int point;
    size_t count;
    char digit[20];
};

/* The double nearest to a text of digits with at most one point among them, and an exponent or none. False when `s` is
 * anything else (a sign too), or holds more than that. Beyond the largest double it is infinite. */
bool sops_double_read(struct sops_slice s, double *v);
/* The shortest digits that read back as the positive, finite `v`, the closest when there are several. */
void sops_double_digits(double v, struct sops_decimal *out);

#ifdef __cplusplus
}
#endif

#endif
