/* SPDX-License-Identifier: Apache-2.0 */
/* kubectl.h - what is asked of a cluster, by kubectl (docs/spec/72-sealed-secrets.md#many-files---check---fetch-certs).
 * It is given paths and SealedSecrets, never a value. */
#ifndef SOPS_CLI_KUBECTL_H
#define SOPS_CLI_KUBECTL_H

#include "core/world.h"

/* A controller, and how to reach its cluster. */
struct sops_controller {
    struct sops_world *world;
    const char *const *flags; /* for kubectl, NULL-terminated; or NULL */
    struct sops_slice space, name;
    char port[80]; /* of its service; looked up once */
};
/* Runs `kubectl FLAGS WORDS` (NULL-terminated) with `input`; appends its stdout. Code 1 with kubectl's first line. */
bool sops_kubectl_run(const struct sops_controller *c, const char *const *words, struct sops_slice input,
                      struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* The certificate of the controller, as PEM text. */
bool sops_kubectl_cert(struct sops_controller *c, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Posts `json` to "/v1/verify" or its like; appends the answer. */
bool sops_kubectl_post(struct sops_controller *c, const char *path, struct sops_slice json, struct sops_buf *out,
                       struct sops_err *e) SOPS_CHECKED;

#endif
