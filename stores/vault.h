/* SPDX-License-Identifier: Apache-2.0 */
/* vault.h - what both versions of Vault's key-value engine share: the place, who signs in, calls, listing. */
#ifndef SOPS_STORES_VAULT_H
#define SOPS_STORES_VAULT_H

#include "cloud/vault.h"
#include "stores/common.h"

struct sops_vault_site {
    int version; /* of the engine */
    struct sops_slice address, name_space;
    struct sops_slice mount; /* without slashes at its ends; empty: each key names its own */
    struct sops_slice ca_pem;
    struct sops_slice token, role_path, role_id, secret_id; /* from the input; all empty: this machine's token */
    bool from_rule;                                         /* names are names, and VAULT_AGENT_ADDR counts */
};

bool sops_vault_site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                 const struct sops_node *map, const struct sops_store_input *in, int version,
                                 struct sops_err *e) SOPS_CHECKED;
/* The client, which has signed in; made once a run. */
bool sops_vault_client(const struct sops_store_site *s, struct sops_world *w, const struct sops_vault **out,
                       struct sops_err *e) SOPS_CHECKED;

/* One call below /v1/; set the first four. */
struct sops_vault_call_of {
    const char *method;
    struct sops_slice path;
    const char *query;
    struct sops_slice body;
    bool write;
    int status;                           /* of the answer */
    const struct sops_json_value *answer; /* an object, also of a 404 that has one; or NULL */
};
/* False for an answer that is none of success, too. */
bool sops_vault_store_call(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                           struct sops_vault_call_of *c, struct sops_err *e) SOPS_CHECKED;
/* What a failed look at a value means. */
enum sops_store_result sops_vault_result(const struct sops_vault_call_of *c);

/* Has the path no empty, "." or ".." part and no control character, and is it short enough? Code 2. */
bool sops_vault_check_path(struct sops_slice path, struct sops_err *e) SOPS_CHECKED;
/* All names below `folder` (empty: the mount), in depth, for which `wanted` (may be NULL) holds. `engine`: "metadata/",
 * or "" of version 1. `*there` is false when the folder is not. */
struct sops_vault_walk {
    const char *engine;
    struct sops_slice folder, prefix;
    bool (*wanted)(void *ctx, struct sops_slice key);
    void *ctx;
};
bool sops_vault_list(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     const struct sops_vault_walk *walk, struct sops_store_list *out, bool *there,
                     struct sops_err *e) SOPS_CHECKED;
/* The JSON text of a value, as the operator's encoder has it: compact, keys sorted, numbers as they stand. */
bool sops_vault_text(struct sops_arena *a, const struct sops_json_value *v, struct sops_slice *out,
                     struct sops_err *e) SOPS_CHECKED;

#endif
