/* SPDX-License-Identifier: Apache-2.0 */
/* google_token.h - from one credentials file to a token; what google.c found is given to these. */
#ifndef SOPS_CLOUD_GOOGLE_TOKEN_H
#define SOPS_CLOUD_GOOGLE_TOKEN_H

#include "cloud/google.h"

#define SOPS_GOOGLE_UNIVERSE "googleapis.com"

/* The bearer token for the credentials `file` (an object with a `type`), appended. */
bool sops_google_exchange(struct sops_world *w, const struct sops_google_want *want, const json_t *file,
                          struct sops_buf *bearer, struct sops_err *e) SOPS_CHECKED;
/* A form to a token service; `*answer` (json_decref) is its object with status 200. `basic` (may be NULL) is a line
 * with the client's name and password. */
bool sops_google_post(struct sops_world *w, struct sops_slice url, const struct sops_buf *form, const char *basic,
                      json_t **answer, struct sops_err *e) SOPS_CHECKED;
/* google_external.c: the token of an external_account, for `scopes`; that of an external_account_authorized_user. */
bool sops_google_external(struct sops_world *w, const json_t *file, const char *scopes, struct sops_buf *bearer,
                          struct sops_err *e) SOPS_CHECKED;
bool sops_google_external_user(struct sops_world *w, const json_t *file, struct sops_buf *bearer,
                               struct sops_err *e) SOPS_CHECKED;
/* google_aws.c: the subject token of a workload on AWS. */
bool sops_google_aws(struct sops_world *w, const json_t *file, struct sops_buf *token, struct sops_err *e) SOPS_CHECKED;
/* google_program.c: the one that the executable of credential_source prints. */
bool sops_google_program(struct sops_world *w, const json_t *file, struct sops_buf *token,
                         struct sops_err *e) SOPS_CHECKED;

#endif
