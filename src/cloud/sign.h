/* SPDX-License-Identifier: Apache-2.0 */
/* sign.h - what AWS and Huawei Cloud have in common: a canonical form of the request, its hash, and an HMAC of that. */
#ifndef SOPS_CLOUD_SIGN_H
#define SOPS_CLOUD_SIGN_H

#include "base/url.h"

#define SOPS_SIGN_HEADERS 16

struct sops_header {
    const char *name; /* lower case where it is signed */
    struct sops_slice value;
};
/* One request on its way to a signature. Free with sops_signing_free. */
struct sops_signing {
    const char *method;
    struct sops_url url;
    char date[17];      /* "20150830T123600Z" */
    char body_hash[65]; /* hex */
    /* What becomes of the path: encoded once more (AWS), as it is (S3), with a slash at its end (Huawei). */
    enum { SOPS_PATH_ENCODED, SOPS_PATH_PLAIN, SOPS_PATH_SLASH } path;
    struct sops_header header[SOPS_SIGN_HEADERS]; /* all of them are sent and signed */
    size_t count;
    struct sops_buf names; /* of the headers, as they are signed: "host;x-amz-date" */
};

/* Takes the URL apart, hashes the body, and writes the date. `now`: seconds since 1970. */
bool sops_signing_open(struct sops_signing *s, const char *url, struct sops_slice body, int64_t now,
                       struct sops_err *e) SOPS_CHECKED;
/* One more header; none when the value is empty. */
bool sops_signing_add(struct sops_signing *s, const char *name, struct sops_slice value,
                      struct sops_err *e) SOPS_CHECKED;
/* Signs with `key`, and gives the lines to send in `a`, NULL-terminated, with room for one more: the headers, and `who`
 * ("Authorization: ALGORITHM Credential=…") with the names and the signature behind it. `scope` stands in what is
 * signed behind the date, a line of its own; or it is empty. */
bool sops_signing_lines(struct sops_signing *s, struct sops_arena *a, const char *algorithm, struct sops_slice scope,
                        struct sops_slice key, struct sops_slice who, const char ***lines,
                        struct sops_err *e) SOPS_CHECKED;
void sops_signing_free(struct sops_signing *s);

#endif
