/* SPDX-License-Identifier: Apache-2.0 */
/* vault.h - calls to HashiCorp Vault and OpenBao, set up by the VAULT_* variables
 * (docs/spec/60-keysources.md#vault-http-behaviour). */
#ifndef SOPS_CLOUD_VAULT_H
#define SOPS_CLOUD_VAULT_H

#include "cloud/http.h"

struct sops_vault {
    struct sops_slice address;  /* without a slash at the end */
    const char *token_from;     /* where the token was found, in words; "" for no token */
    const char *const *lines;   /* the header lines of every request */
    struct sops_http_req usual; /* what the variables say about TLS, proxy, redirects and times */
    unsigned tries;
    const char *name_space; /* VAULT_NAMESPACE, or NULL */
};
enum {
    SOPS_VAULT_AGENT = 1,      /* VAULT_AGENT_ADDR replaces the address */
    SOPS_VAULT_TOKEN_FILE = 2, /* without VAULT_TOKEN, ~/.vault-token is read */
};
/* Everything lives in `a`. `address` is the key's or the rule's. */
bool sops_vault_setup(struct sops_world *w, struct sops_arena *a, struct sops_slice address, unsigned flags,
                      struct sops_vault *out, struct sops_err *e) SOPS_CHECKED;
/* Who asks, when the variables do not say it. */
struct sops_vault_who {
    struct sops_slice token;      /* empty: none */
    const char *from;             /* where it is from, in words */
    struct sops_slice name_space; /* empty: none */
    struct sops_slice ca_pem;     /* the authorities to trust instead of those of the variables; or empty */
};
/* The same for `who`: neither VAULT_TOKEN nor VAULT_NAMESPACE counts. */
bool sops_vault_setup_as(struct sops_world *w, struct sops_arena *a, struct sops_slice address,
                         const struct sops_vault_who *who, struct sops_vault *out, struct sops_err *e) SOPS_CHECKED;
/* The token of this machine: VAULT_TOKEN, else ~/.vault-token. `who->token` is empty when there is none. In `a`. */
bool sops_vault_own_token(struct sops_world *w, struct sops_arena *a, struct sops_vault_who *who,
                          struct sops_err *e) SOPS_CHECKED;
/* May anything be sent to `address` (SOPS_HC_VAULT_ALLOWLIST)? Code 1. */
bool sops_vault_allowed(struct sops_world *w, struct sops_slice address, struct sops_err *e) SOPS_CHECKED;

struct sops_vault_request {
    const char *method;
    struct sops_slice path; /* it is encoded, not cleaned */
    const char *query;      /* without the '?', encoded; or NULL */
    struct sops_slice body;
    bool write;   /* it must not arrive twice */
    size_t limit; /* most bytes of the answer; 0: 1 MiB */
};
/* Sends it to <address>/v1/<path>. An answer of any status but a redirect is one. */
bool sops_vault_send(struct sops_world *w, const struct sops_vault *v, const struct sops_vault_request *r,
                     struct sops_http_res *res, struct sops_err *e) SOPS_CHECKED;
/* Sets `e` to what a refusal says: the URL, status and Vault's errors. Returns false. */
bool sops_vault_refused(const struct sops_vault *v, const struct sops_vault_request *r, const struct sops_http_res *res,
                        struct sops_err *e);
/* Sends `body` to <address>/v1/<path>; `path` may hold anything, it is cleaned and encoded here. `*out` (json_decref)
 * is the answer's object, NULL when it has none. An answer of 404 that has data or warnings counts; other statuses from
 * 400 on fail with Vault's errors. */
bool sops_vault_call(struct sops_world *w, const struct sops_vault *v, const char *method, struct sops_slice path,
                     struct sops_slice body, json_t **out, struct sops_err *e) SOPS_CHECKED;
/* Appends `path` without empty parts, "." and ".."; never with a slash at an end. */
bool sops_vault_clean(struct sops_buf *out, struct sops_slice path, struct sops_err *e) SOPS_CHECKED;

#endif
