/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a key service elsewhere, as a service of the chain (docs/spec/60-keysources.md#key-service-client). */
#ifndef SOPS_SERVICES_CLIENT_H
#define SOPS_SERVICES_CLIENT_H

#include "core/service.h"

/* A service for `url` ("tcp://host:port", "unix:///path"), to be closed with out->close. Nothing is connected before
 * the first key; an address that cannot be dialled is a service that answers Unavailable to everything. What is no URI
 * at all
 * ("127.0.0.1:5000") is such a one, too, after a warning. */
bool sops_service_remote_open(struct sops_service *out, struct sops_world *w, const char *url,
                              struct sops_err *e) SOPS_CHECKED;

#endif
