/* SPDX-License-Identifier: Apache-2.0 */
/* hc_vault_uri.h - the parts of a Vault transit key's URI (docs/spec/60-keysources.md#parsing-of-each-value). */
#ifndef SOPS_KEYSOURCES_HC_VAULT_URI_H
#define SOPS_KEYSOURCES_HC_VAULT_URI_H

#include "base/base.h"

struct sops_vault_uri {
    struct sops_slice address; /* the URI with its path emptied */
    struct sops_slice engine, name;
};
/* Takes `uri` apart; the texts live in `a`. Code 1. */
bool sops_vault_uri_parse(struct sops_arena *a, struct sops_slice uri, struct sops_vault_uri *out,
                          struct sops_err *e) SOPS_CHECKED;

#endif
