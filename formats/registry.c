/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, made of list.h. */
#include "core/format.h"

const struct sops_format *const sops_formats[] = {
#define X(name) &sops_format_##name,
#include "formats/list.h"
#undef X
    NULL,
};
