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

/* An application whose secret is at hand, and where it signs in. */
struct sops_azure_app {
    struct sops_slice tenant, id, secret;
    const char *authority; /* unless AZURE_AUTHORITY_HOST is set; "https://login.microsoftonline.com" */
    const char *from;      /* where they are from, in words */
};
struct sops_azure_request {
    const char *method, *url;
    struct sops_slice body;
    bool write;   /* it must not arrive twice */
    size_t limit; /* most bytes of the answer; 0: 1 MiB */
};
/* Sends it with a token for the vault, which is asked for once a run: as `app`, or (NULL) as the usual search finds it.
 * An answer of any status is one; `*from` says where the credentials are from, NULL when none were asked for. False
 * when there is no answer, or no token. */
bool sops_azure_send(struct sops_world *w, const struct sops_azure_app *app, const struct sops_azure_request *r,
                     struct sops_http_res *res, const char **from, struct sops_err *e) SOPS_CHECKED;
/* Sets `e` to what a refusal says: status, the service's code and message, and who was refused. Returns false. */
bool sops_azure_refused(const struct sops_azure_request *r, const struct sops_http_res *res, const char *from,
                        struct sops_err *e);

/* What a vault asks for. */
struct sops_azure_challenge {
    struct sops_slice tenant, scope; /* "https://vault.azure.net/.default" */
};
/* Reads `WWW-Authenticate: Bearer authorization="https://login…/TENANT", resource="…"` of the answer to a request to
 * `url`, whose host must lie below the resource's. Texts live in `a`. */
bool sops_azure_challenge_read(struct sops_arena *a, const struct sops_http_res *res, const char *url,
                               struct sops_azure_challenge *out, struct sops_err *e) SOPS_CHECKED;

#endif
