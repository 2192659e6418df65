/* SPDX-License-Identifier: Apache-2.0 */
/* The local service: the key source itself. */
#include "core/service.h"

static bool local_wrap(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_slice plain,
                       struct sops_buf *enc, struct sops_err *e)
{
    (void)s;
    return k->source->wrap(w, k, plain, enc, e);
}

static bool local_unwrap(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_buf *plain,
                         struct sops_err *e)
{
    (void)s;
    return k->source->unwrap(w, k, plain, e);
}

const char *sops_service_shown(const struct sops_service *s)
{
    return s != NULL && s->name != NULL && strcmp(s->name, sops_service_local.name) != 0 ? s->name : NULL;
}

const struct sops_service sops_service_local = {.name = "local", .wrap = local_wrap, .unwrap = local_unwrap};
