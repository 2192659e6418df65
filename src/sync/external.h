/* SPDX-License-Identifier: Apache-2.0 */
/* external.h - the ExternalSecret by which a cluster reads what was published
 * (docs/spec/73-stores.md#externalsecret-manifests). No value stands in it. */
#ifndef SOPS_SYNC_EXTERNAL_H
#define SOPS_SYNC_EXTERNAL_H

#include "core/format.h"
#include "sync/rules.h"

struct sops_external {
    const struct sops_store_rule *rule; /* with a manifest */
    struct sops_slice source;
    struct sops_slice item;     /* its name, or with layout per_key what its items' names begin with */
    const struct sops_doc *doc; /* clear */
    bool whole;                 /* a binary file */
};
/* Appends the manifest's text; `name` (in `a`) is what it and its file are called. Code 2 for a name that Kubernetes
 * does not take, a key that a Secret cannot have, and two leaves with one path. */
bool sops_external_make(const struct sops_external *x, struct sops_arena *a, struct sops_slice *name,
                        struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
