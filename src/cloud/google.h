/* SPDX-License-Identifier: Apache-2.0 */
/* google.h - bearer tokens for Google's services (docs/spec/60-keysources.md#google-the-key,
 * #google-application-default-credentials). */
#ifndef SOPS_CLOUD_GOOGLE_H
#define SOPS_CLOUD_GOOGLE_H

#include "cloud/http.h"

struct sops_google_want {
    const char *scopes;   /* separated by one blank */
    bool sops_variables;  /* GOOGLE_CREDENTIALS and GOOGLE_OAUTH_ACCESS_TOKEN come first */
    bool self_signed;     /* a service account's own signed statement is the token, nothing is asked */
    const char *universe; /* refuse credentials of another domain; NULL: do not look */
};
struct sops_google_token {
    struct sops_slice bearer;
    struct sops_slice quota_project; /* to be sent as X-Goog-User-Project; may be empty */
    const char *from;                /* where the credentials were found, in words */
};
/* Found once a run for the same `want`; lives as long as the world. */
bool sops_google_token(struct sops_world *w, const struct sops_google_want *want, const struct sops_google_token **out,
                       struct sops_err *e) SOPS_CHECKED;
/* The same for the text of a credentials file that is at hand; `from` says in words where it is from. Only a
 * service_account or an authorized_user: the other types name files, programs and addresses. In `a`; not kept. */
bool sops_google_token_of(struct sops_world *w, struct sops_arena *a, const struct sops_google_want *want,
                          struct sops_slice file, const char *from, struct sops_google_token *out,
                          struct sops_err *e) SOPS_CHECKED;
/* The text of an error answer: "googleapi: Error 403: <message>" with the status word, and where the credentials came
 * from when they were refused. Sets `e`, returns false. */
bool sops_google_refused(const struct sops_http_res *res, const struct sops_google_token *token, struct sops_err *e);
/* Tries of 5.2: 429, 503 and 504 are worth another. */
bool sops_google_again(const struct sops_http_res *res);

/* The header lines that show who asks, NULL-terminated: at most two, in `a`. */
bool sops_google_lines(struct sops_arena *a, const struct sops_google_token *token, const char *lines[3],
                       struct sops_err *e) SOPS_CHECKED;

#endif
