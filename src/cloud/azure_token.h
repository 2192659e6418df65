/* SPDX-License-Identifier: Apache-2.0 */
/* azure_token.h - the credentials that are tried one after the other for a token
 * (docs/spec/60-keysources.md#azure-defaultazurecredential). */
#ifndef SOPS_CLOUD_AZURE_TOKEN_H
#define SOPS_CLOUD_AZURE_TOKEN_H

#include "cloud/azure.h"

struct sops_azure_token {
    struct sops_slice bearer;
    const char *from; /* in words */
};
/* What became of one credential: unavailable ones are passed over, a refusal ends the search. */
enum sops_azure_try { SOPS_AZURE_GOT, SOPS_AZURE_UNAVAILABLE, SOPS_AZURE_REFUSED };
struct sops_azure_search {
    struct sops_world *w;
    struct sops_arena *a;
    struct sops_slice tenant, scope;  /* as the challenge has them */
    struct sops_slice resource;       /* the scope without "/.default" */
    struct sops_slice bearer;         /* the token, when one was got */
    const struct sops_azure_app *app; /* whose token is asked for; NULL: whoever is found */
    const char *from;
};
/* Each sets `e` unless it got the token. */
enum sops_azure_try sops_azure_application(struct sops_azure_search *s, struct sops_err *e); /* s->app */
enum sops_azure_try sops_azure_environment(struct sops_azure_search *s, struct sops_err *e);
enum sops_azure_try sops_azure_workload(struct sops_azure_search *s, struct sops_err *e);
enum sops_azure_try sops_azure_managed(struct sops_azure_search *s, struct sops_err *e);
enum sops_azure_try sops_azure_cli(struct sops_azure_search *s, struct sops_err *e);
enum sops_azure_try sops_azure_developer_cli(struct sops_azure_search *s, struct sops_err *e);

/* Sets `e` to why a credential is not there. */
enum sops_azure_try sops_azure_unavailable(const char *why, struct sops_err *e);
/* Sends a request for a token; the answer's access_token becomes s->bearer. */
enum sops_azure_try sops_azure_ask(struct sops_azure_search *s, const struct sops_http_req *req, struct sops_err *e);
/* Keeps the field `name` of `answer` as the token. */
enum sops_azure_try sops_azure_keep(struct sops_azure_search *s, const json_t *answer, const char *name,
                                    struct sops_err *e);

#endif
