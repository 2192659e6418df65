/* SPDX-License-Identifier: Apache-2.0 */
/* vault.h - calls to HashiCorp Vault and OpenBao, set up by the VAULT_* variables (spec 60 section 7.2). */
#ifndef SOPS_CLOUD_VAULT_H
#define SOPS_CLOUD_VAULT_H

#include "cloud/http.h"

struct sops_vault {
    const char *address;      /* without a slash at the end; VAULT_AGENT_ADDR has been applied where it is asked for */
    const char *unix_path;    /* of an address unix://… */
    const char *token;        /* "" for none */
    const char *token_from;   /* where it was found, in words */
    const char *const *lines; /* the header lines of every request */
    struct sops_http_req tls; /* what the variables say about TLS and times */
    unsigned tries;
    const char *name_space; /* VAULT_NAMESPACE, or NULL */
};
/* Everything lives in `a`. `address` is the key's or the rule's. `agent`: VAULT_AGENT_ADDR replaces it. `token_file`:
 * without VAULT_TOKEN, ~/.vault-token is read. */
bool sops_vault_setup(struct sops_world *w, struct sops_arena *a, struct sops_slice address, bool agent,
                      bool token_file, struct sops_vault *out, struct sops_err *e) SOPS_CHECKED;
/* Sends `body` to <address>/v1/<path>; `path` may hold anything, it is cleaned and encoded here. `*out` (json_decref)
 * is the answer's object, NULL when it has none. An answer of 404 that has data or warnings counts; other statuses from
 * 400 on fail with Vault's errors. */
bool sops_vault_call(struct sops_world *w, const struct sops_vault *v, const char *method, struct sops_slice path,
                     struct sops_slice body, json_t **out, struct sops_err *e) SOPS_CHECKED;
/* The key of section 7.1's allow-list: may `address` be talked to? Code 1 when not, or when the list is no list. */
bool sops_vault_allowed(struct sops_world *w, struct sops_slice address, struct sops_err *e) SOPS_CHECKED;

#endif
