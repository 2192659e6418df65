/* SPDX-License-Identifier: Apache-2.0 */
/* aws_cred.h - who we are to AWS, where its services are, and calls to them
 * (docs/spec/60-keysources.md#aws-kms-on-the-wire to 4.7). */
#ifndef SOPS_CLOUD_AWS_CRED_H
#define SOPS_CLOUD_AWS_CRED_H

#include "cloud/aws_sign.h"
#include "cloud/http.h"
#include "cloud/profile.h"

/* One profile's settings, read once a run. */
struct sops_aws {
    struct sops_slice profile; /* its name */
    bool explicit_profile;     /* the caller named it: it beats the credentials of the environment */
    struct sops_ini files;     /* the config file with the credentials file laid over it */
    struct sops_slice region;  /* AWS_REGION, AWS_DEFAULT_REGION or the profile's; may be empty */
    const char *ca_file;       /* AWS_CA_BUNDLE, ca_bundle; or NULL */
    unsigned tries;            /* AWS_MAX_ATTEMPTS, max_attempts; 3 */
};
/* `profile` empty: AWS_PROFILE, else AWS_DEFAULT_PROFILE, else "default". Lives as long as the world. A profile that
 * was asked for and is in no file: code 1. */
bool sops_aws_setup(struct sops_world *w, struct sops_slice profile, const struct sops_aws **out,
                    struct sops_err *e) SOPS_CHECKED;
/* The setting `name` of a profile; empty when it has none. */
struct sops_slice sops_aws_setting(const struct sops_aws *aws, struct sops_slice profile, const char *name);
/* Appends the URL of a service ("kms", "sts", "s3") in a region, without a slash at the end. `custom` (may be NULL)
 * says whether it was configured and not made from the region. */
bool sops_aws_endpoint(struct sops_world *w, const struct sops_aws *aws, const char *service, struct sops_slice region,
                       struct sops_buf *url, bool *custom, struct sops_err *e) SOPS_CHECKED;

/* The URL for a service whose requests all go to one path (KMS, STS): the endpoint's own path, else "/"; with a NUL. */
bool sops_aws_service_url(struct sops_world *w, const struct sops_aws *aws, const char *service,
                          struct sops_slice region, struct sops_buf *url, struct sops_err *e) SOPS_CHECKED;

/* The credentials by the search order (docs/spec/60-keysources.md#aws-credential-search-order), found once a run for
 * each profile and region (that of the STS to ask). */
bool sops_aws_find(struct sops_world *w, const struct sops_aws *aws, struct sops_slice region,
                   const struct sops_aws_creds **out, struct sops_err *e) SOPS_CHECKED;

/* Those of a role, which `from` may assume, in `a`. */
struct sops_aws_role {
    struct sops_slice arn, session, external_id;
    int64_t seconds; /* 0: not sent */
};
bool sops_aws_assume(struct sops_world *w, struct sops_arena *a, const struct sops_aws *aws, struct sops_slice region,
                     const struct sops_aws_role *role, const struct sops_aws_creds *from, struct sops_aws_creds *out,
                     struct sops_err *e) SOPS_CHECKED;
/* The same for whoever presents the web identity `token`; not signed. */
bool sops_aws_assume_web(struct sops_world *w, struct sops_arena *a, const struct sops_aws *aws,
                         struct sops_slice region, const struct sops_aws_role *role, struct sops_slice token,
                         struct sops_aws_creds *out, struct sops_err *e) SOPS_CHECKED;

/* What the service's errors are called in messages: "operation error KMS: Encrypt, …". */
struct sops_aws_operation {
    const char *service, *name; /* "KMS", "Encrypt" */
    /* Is it one of the service's own codes? "api error" does not stand before those. NULL: none is. */
    bool (*own)(struct sops_slice code);
};
/* Signs (unless `creds` is NULL), sends, tries again. False for a status other than 2xx, too, with code and message of
 * the service and where refused credentials came from. */
bool sops_aws_call(struct sops_world *w, const struct sops_aws *aws, const struct sops_aws_creds *creds,
                   const struct sops_aws_request *r, const struct sops_aws_operation *op, struct sops_http_res *res,
                   struct sops_err *e) SOPS_CHECKED;
/* The same, for who goes on by the service's code ("ResourceNotFoundException"), which `code` gets after a refusal; it
 * is empty when no answer came, or one that cannot be read. */
#define SOPS_AWS_CODE_MAX 64
bool sops_aws_call_coded(struct sops_world *w, const struct sops_aws *aws, const struct sops_aws_creds *creds,
                         const struct sops_aws_request *r, const struct sops_aws_operation *op,
                         struct sops_http_res *res, char code[SOPS_AWS_CODE_MAX], struct sops_err *e) SOPS_CHECKED;
/* The text between <name> and </name> where it first stands in an XML answer, its entities replaced; empty when it does
 * not. In `a`. */
bool sops_xml_text(struct sops_arena *a, struct sops_slice xml, const char *name, struct sops_slice *text,
                   struct sops_err *e) SOPS_CHECKED;

#endif
