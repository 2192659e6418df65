/* SPDX-License-Identifier: Apache-2.0 */
/* shamir.h - Shamir's secret sharing over GF(2^8), polynomial x^8+x^4+x^3+x+1
 * (docs/spec/60-keysources.md#shamir-secret-sharing). Constant time. */
#ifndef SOPS_CORE_SHAMIR_H
#define SOPS_CORE_SHAMIR_H

#include "core/world.h"

/* Splits `secret` into `parts` shares of secret.len + 1 bytes each, one after the other in `shares`; any `threshold` of
 * them give it back. 2 <= threshold <= parts <= 255, else code 1. */
bool sops_shamir_split(struct sops_world *w, struct sops_slice secret, unsigned parts, unsigned threshold,
                       struct sops_buf *shares, struct sops_err *e) SOPS_CHECKED;
/* `share`: n slices of equal length. Appends the secret. */
bool sops_shamir_combine(const struct sops_slice *share, size_t n, struct sops_buf *secret,
                         struct sops_err *e) SOPS_CHECKED;

#endif
