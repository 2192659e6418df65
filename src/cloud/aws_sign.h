/* SPDX-License-Identifier: Apache-2.0 */
/* aws_sign.h - AWS Signature Version 4 (docs/spec/60-keysources.md#aws-sigv4). */
#ifndef SOPS_CLOUD_AWS_SIGN_H
#define SOPS_CLOUD_AWS_SIGN_H

#include "cloud/sign.h"

struct sops_aws_creds {
    struct sops_slice id, secret, token; /* token: empty for permanent credentials */
    const char *from;                    /* where they were found, in words */
};
struct sops_aws_request {
    const char *method, *url; /* the URL as it is sent: path and query encoded */
    const char *service;      /* "kms" */
    struct sops_slice region;
    const struct sops_header *headers; /* ended by a name of NULL; all of them are sent and signed; may be NULL */
    struct sops_slice body;
    bool content_hash; /* S3: send the body's hash as x-amz-content-sha256; the path is encoded once, not twice */
    size_t limit;      /* most bytes of the answer; 0: 1 MiB */
};
/* The header lines to send, NULL-terminated, in `a`: the request's, x-amz-date, x-amz-security-token if there is a
 * token, and authorization. `now`: seconds since 1970. */
bool sops_aws_sign(struct sops_arena *a, const struct sops_aws_request *r, const struct sops_aws_creds *creds,
                   int64_t now, const char *const **lines, struct sops_err *e) SOPS_CHECKED;

#endif
