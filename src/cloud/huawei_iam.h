/* SPDX-License-Identifier: Apache-2.0 */
/* huawei_iam.h - what only Huawei's own files ask of IAM. */
#ifndef SOPS_CLOUD_HUAWEI_IAM_H
#define SOPS_CLOUD_HUAWEI_IAM_H

#include "cloud/huawei.h"

/* Appends IAM's URL for the region: `own` (of the credentials file), the environment's, or the known host. */
bool sops_huawei_iam(struct sops_world *w, struct sops_slice region, struct sops_slice own, struct sops_buf *url,
                     struct sops_err *e) SOPS_CHECKED;
/* Sets `e` from an answer that is not 2xx: code, message, request id, and (401, 403) where the credentials came `from`.
 * Returns false. */
bool sops_huawei_refused(const struct sops_http_res *res, const char *from, struct sops_err *e);

#endif
