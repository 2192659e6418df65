/* SPDX-License-Identifier: Apache-2.0 */
/* aws_find.h - the single places where aws_cred.c looks for credentials. */
#ifndef SOPS_CLOUD_AWS_FIND_H
#define SOPS_CLOUD_AWS_FIND_H

#include "cloud/aws_cred.h"

/* A search under way; all that it finds lives in `a`. */
struct sops_aws_search {
    struct sops_world *w;
    struct sops_arena *a;
    const struct sops_aws *aws;
    struct sops_slice region;
};

/* aws_machine.c: AWS_CONTAINER_CREDENTIALS_*; the EC2 instance's own role. */
bool sops_aws_container_given(struct sops_world *w);
bool sops_aws_container(struct sops_aws_search *s, struct sops_aws_creds *out, struct sops_err *e) SOPS_CHECKED;
bool sops_aws_instance(struct sops_aws_search *s, struct sops_aws_creds *out, struct sops_err *e) SOPS_CHECKED;
/* aws_sso.c: does the profile have sso_… settings? Credentials for the token of `aws sso login`. */
bool sops_aws_sso_given(const struct sops_aws *aws, struct sops_slice profile);
bool sops_aws_sso(struct sops_aws_search *s, struct sops_slice profile, struct sops_aws_creds *out,
                  struct sops_err *e) SOPS_CHECKED;

/* Takes id, secret and token out of an object by these names. Missing id or secret: code 1. */
bool sops_aws_creds_from(struct sops_arena *a, const json_t *object, const char *const names[3],
                         struct sops_aws_creds *out, struct sops_err *e) SOPS_CHECKED;

#endif
