/* SPDX-License-Identifier: Apache-2.0 */
/* The table of secret stores, made of list.h. */
#include "core/store.h"

const struct sops_store *const sops_stores[] = {
#define X(name) &sops_store_##name,
#include "stores/list.h"
#undef X
    NULL,
};
