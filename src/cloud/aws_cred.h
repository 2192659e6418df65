/* SPDX-License-Identifier: Apache-2.0 */
/* aws_cred.h - who we are to AWS, where its services are, and calls to them (spec 60 sections 4.2 to 4.7). */
#ifndef SOPS_CLOUD_AWS_CRED_H
#define SOPS_CLOUD_AWS_CRED_H

#include "cloud/aws_sign.h"
#include "cloud/http.h"
#include "cloud/profile.h"

/* One profile's settings, read once a run. */
struct sops_aws {
    struct sops_slice profile;    /* its name */
    bool asked;                   /* the name was given by the caller or by AWS_PROFILE */
    const struct sops_ini *files; /* the config file with the credentials file laid over it */
    struct sops_slice region;     /* AWS_REGION, AWS_DEFAULT_REGION or the profile's; may be empty */
    const char *ca_file;          /* AWS_CA_BUNDLE, ca_bundle; or NULL */
    unsigned tries;               /* AWS_MAX_ATTEMPTS, max_attempts; 3 */
    bool fips, dualstack;         /* hosts of their own for these */
    bool no_endpoints;            /* ignore_configured_endpoint_urls */
    bool explicit_profile;        /* the caller's: it beats the credentials of the environment */
};
/* `profile` empty: AWS_PROFILE, else AWS_DEFAULT_PROFILE, else "default". Lives as long as the world. */
bool sops_aws_setup(struct sops_world *w, struct sops_slice profile, const struct sops_aws **out,
                    struct sops_err *e) SOPS_CHECKED;
/* The setting `name` of the profile; empty when it has none. */
struct sops_slice sops_aws_setting(const struct sops_aws *aws, const char *name);
/* Appends the URL of a service ("kms", "sts", "s3") in a region, without a slash at the end. `custom` (may be NULL)
 * says whether it was configured and not made from the region. */
bool sops_aws_endpoint(struct sops_world *w, const struct sops_aws *aws, const char *service, struct sops_slice region,
                       struct sops_buf *url, bool *custom, struct sops_err *e) SOPS_CHECKED;

/* The credentials by the search order of section 4.6, found once a run and region (which is that of the STS to ask). */
bool sops_aws_creds(struct sops_world *w, const struct sops_aws *aws, struct sops_slice region,
                    const struct sops_aws_creds **out, struct sops_err *e) SOPS_CHECKED;
/* Those of `role`, which `from` may assume, once a run. Code 1, "failed to assume role '…'". */
bool sops_aws_assume(struct sops_world *w, const struct sops_aws *aws, struct sops_slice region, struct sops_slice role,
                     struct sops_slice session, const struct sops_aws_creds *from, const struct sops_aws_creds **out,
                     struct sops_err *e) SOPS_CHECKED;

/* What the service's errors are called in messages: "operation error KMS: Encrypt, …". */
struct sops_aws_operation {
    const char *service, *name;          /* "KMS", "Encrypt" */
    bool (*own)(struct sops_slice code); /* is it one of the service's own codes ("api error" does not stand before
                                            those)? NULL: none is */
};
/* Signs (unless `creds` is NULL), sends, tries again. False for a status other than 2xx, too, with code and message of
 * the service and where the credentials came from. */
bool sops_aws_call(struct sops_world *w, const struct sops_aws *aws, const struct sops_aws_creds *creds,
                   const struct sops_aws_request *r, const struct sops_aws_operation *op, struct sops_http_res *res,
                   struct sops_err *e) SOPS_CHECKED;

#endif
