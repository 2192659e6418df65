/* SPDX-License-Identifier: Apache-2.0 */
/* huawei.h - signed requests to Huawei Cloud, credentials, project ids (docs/spec/60-keysources.md#huawei-credentials
 * to 8.4). */
#ifndef SOPS_CLOUD_HUAWEI_H
#define SOPS_CLOUD_HUAWEI_H

#include "cloud/http.h"

struct sops_huawei_creds {
    struct sops_slice id, secret, token; /* token: empty for permanent credentials */
    struct sops_slice project;           /* when given; else empty */
    struct sops_slice iam;               /* the iam_endpoint of the credentials file; or empty */
    const char *from;                    /* where they were found, in words */
};
struct sops_huawei_request {
    const char *method, *url;  /* path and query encoded */
    struct sops_slice project; /* sent as X-Project-Id unless empty */
    struct sops_slice body;    /* JSON; or empty */
};

/* The region's own hosts are known ("tr-west-1"). `*domain` (may be NULL): "myhuaweicloud.com". */
bool sops_huawei_known(struct sops_slice region, const char **domain);
/* All known regions in words, for messages. */
bool sops_huawei_regions(struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* SDK-HMAC-SHA256: the header lines to send, NULL-terminated, in `a`. */
bool sops_huawei_sign(struct sops_arena *a, const struct sops_huawei_request *r, const struct sops_huawei_creds *creds,
                      int64_t now, const char *const **lines, struct sops_err *e) SOPS_CHECKED;
/* Environment, file, ECS; found once a run and region (whose IAM may be asked). */
bool sops_huawei_find(struct sops_world *w, struct sops_slice region, const struct sops_huawei_creds **out,
                      struct sops_err *e) SOPS_CHECKED;
/* The project of the region: the credentials', else asked of IAM, once a run. Lives as long as the world. */
bool sops_huawei_project(struct sops_world *w, struct sops_slice region, const struct sops_huawei_creds *creds,
                         struct sops_slice *out, struct sops_err *e) SOPS_CHECKED;
/* Signs and sends. `*answer` (json_decref) is the object of a 2xx answer; any other status fails with the service's
 * code and message. `reached` (may be NULL) tells whether any answer came. */
bool sops_huawei_call(struct sops_world *w, const struct sops_huawei_creds *creds, const struct sops_huawei_request *r,
                      json_t **answer, bool *reached, struct sops_err *e) SOPS_CHECKED;

#endif
