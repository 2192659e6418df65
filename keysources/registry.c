/* SPDX-License-Identifier: Apache-2.0 */
/* The table of key sources, made of list.h. */
#include "core/keysource.h"

const struct sops_keysource *const sops_keysources[] = {
#define X(name) &sops_keysource_##name,
#include "keysources/list.h"
#undef X
    NULL,
};
