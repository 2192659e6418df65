/* SPDX-License-Identifier: Apache-2.0 */
/* service.h - one way to have a key wrapped or unwrapped: in this process, or by a key service elsewhere. */
#ifndef SOPS_CORE_SERVICE_H
#define SOPS_CORE_SERVICE_H

#include "core/keysource.h"

/* datakey.c never calls a key source itself: it asks each service of the chain in turn. */
struct sops_service {
    const char *name; /* "local", "tcp://10.0.0.2:5000" */
    bool (*wrap)(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_slice plain,
                 struct sops_buf *enc, struct sops_err *e);
    bool (*unwrap)(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_buf *plain,
                   struct sops_err *e);
    void (*close)(struct sops_service *s); /* NULL: nothing to close */
    void *ctx;
    struct sops_service *next;
};
/* Its address, or NULL for the local one. */
const char *sops_service_shown(const struct sops_service *s);
extern const struct sops_service sops_service_local; /* k->source->wrap and unwrap, nothing else; copy it to link it */

#endif
