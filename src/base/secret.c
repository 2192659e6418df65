/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <sodium.h>

bool sops_secret_new(struct sops_secret *out, size_t len, struct sops_err *e)
{
    if (sodium_init() < 0) {
        return sops_fail(e, SOPS_E_GENERIC, "libsodium cannot be initialised");
    }
    out->ptr = sodium_malloc(len != 0 ? len : 1);
    if (out->ptr == NULL) {
        return sops_fail_memory(e);
    }
    sodium_memzero(out->ptr, len);
    out->len = len;
    return true;
}

bool sops_secret_copy(struct sops_secret *out, struct sops_slice from, struct sops_err *e)
{
    if (!sops_secret_new(out, from.len, e)) {
        return false;
    }
    if (from.len != 0) {
        memcpy(out->ptr, from.ptr, from.len);
    }
    return true;
}

void sops_secret_free(struct sops_secret *s)
{
    sodium_free(s->ptr); /* wipes first */
    *s = (struct sops_secret){0};
}
