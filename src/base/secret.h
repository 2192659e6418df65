/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h - locked, guarded pages for the data key and for private identities (libsodium's sodium_malloc). */
#ifndef SOPS_BASE_SECRET_H
#define SOPS_BASE_SECRET_H

#include "base/base.h"

struct sops_secret {
    uint8_t *ptr;
    size_t len;
};

/* `len` bytes of zeros in guarded, locked pages (locking is best effort); `out` must be empty. */
bool sops_secret_new(struct sops_secret *out, size_t len, struct sops_err *e) SOPS_CHECKED;
/* The same with a copy of `from`. */
bool sops_secret_copy(struct sops_secret *out, struct sops_slice from, struct sops_err *e) SOPS_CHECKED;
/* Wipes, unlocks, frees; leaves an empty one. */
void sops_secret_free(struct sops_secret *s);

static inline struct sops_slice sops_secret_view(const struct sops_secret *s)
{
    return (struct sops_slice){s->ptr, s->len};
}

#endif
