/* SPDX-License-Identifier: Apache-2.0 */
/* The table of destinations, made of list.h. */
#include "core/destination.h"

const struct sops_destination *const sops_destinations[] = {
#define X(name) &sops_destination_##name,
#include "destinations/list.h"
#undef X
    NULL,
};
