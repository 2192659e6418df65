/* SPDX-License-Identifier: Apache-2.0 */
/* azure.h - requests to Azure Key Vault, with the token that its challenge asks for
 * (docs/spec/60-keysources.md#azure-rest-api to 6.4). */
#ifndef SOPS_CLOUD_AZURE_H
#define SOPS_CLOUD_AZURE_H

#include "cloud/http.h"

/* Sends `body` (POST) or asks (`body` empty: GET). `*answer` (json_decref) is the object of a 2xx answer; any other
 * status fails with the service's code and message, and with where refused credentials came from. */
bool sops_azure_call(struct sops_world *w, const char *url, struct sops_slice body, json_t **answer,
                     struct sops_err *e) SOPS_CHECKED;

/* What a vault asks for. */
struct sops_azure_challenge {
    struct sops_slice tenant, scope; /* "https://vault.azure.net/.default" */
};
/* Reads `WWW-Authenticate: Bearer authorization="https://login…/TENANT", resource="…"` of the answer to a request to
 * `url`, whose host must lie below the resource's. Texts live in `a`. */
bool sops_azure_challenge_read(struct sops_arena *a, const struct sops_http_res *res, const char *url,
                               struct sops_azure_challenge *out, struct sops_err *e) SOPS_CHECKED;

#endif
