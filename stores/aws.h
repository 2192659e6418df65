/* SPDX-License-Identifier: Apache-2.0 */
/* aws.h - what AWS Secrets Manager and Parameter Store share: place, credentials, JSON 1.1 calls. */
#ifndef SOPS_STORES_AWS_H
#define SOPS_STORES_AWS_H

#include "cloud/aws_cred.h"
#include "stores/common.h"

#define SOPS_AWS_ROLES_MAX 16

struct sops_aws_site {
    const char *service, *target, *title; /* "secretsmanager", "secretsmanager", "Secrets Manager" */
    struct sops_slice region, kms_key;
    struct sops_slice role[SOPS_AWS_ROLES_MAX]; /* assumed in turn */
    size_t roles;
    struct sops_slice external_id;
    struct sops_aws_creds given; /* from the input; id empty: those of this machine */
};

/* `service` and its names are set by the caller, in a struct of its own. */
bool sops_aws_site_of_rule(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                           const struct sops_node *map, struct sops_err *e) SOPS_CHECKED;
bool sops_aws_site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                               const struct sops_node *map, const struct sops_store_input *in,
                               struct sops_err *e) SOPS_CHECKED;
/* Calls the operation; `*answer` is its object, in `a`. A refusal's code is in `code`. */
bool sops_aws_store_call(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a, const char *op,
                         struct sops_slice body, const struct sops_json_value **answer, char code[SOPS_AWS_CODE_MAX],
                         struct sops_err *e) SOPS_CHECKED;
/* A list in pages: what each is asked with (an object that is not closed yet), and what is taken out of each. */
struct sops_aws_list {
    const char *op;
    bool (*ask)(const void *ctx, struct sops_buf *body, struct sops_err *e);
    bool (*take)(const void *ctx, struct sops_arena *page, const struct sops_json_value *answer, size_t *count,
                 struct sops_err *e);
    const void *ctx;
};
bool sops_aws_store_pages(const struct sops_store_site *s, struct sops_world *w, const struct sops_aws_list *l,
                          struct sops_err *e) SOPS_CHECKED;
/* What a failed look at a value means, by the service's code. */
enum sops_store_result sops_aws_result(const char *code);

#endif
