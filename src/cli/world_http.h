/* SPDX-License-Identifier: Apache-2.0 */
/* world_http.h - sops_world.http on libcurl, which is loaded on first use. */
#ifndef SOPS_CLI_WORLD_HTTP_H
#define SOPS_CLI_WORLD_HTTP_H

#include "base/url.h"
#include "core/world.h"

/* As struct sops_world says. May be called from several threads. A failure that another try cannot mend (a certificate
 * that is not trusted, a library that is not there) has a hint, others have none. */
bool sops_world_http(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res,
                     struct sops_err *e) SOPS_CHECKED;

/* world_proxy.c: the proxy for a URL, from HTTPS_PROXY or HTTP_PROXY (lower case too) and NO_PROXY; "" for none. */
const char *sops_proxy_for(struct sops_world *w, struct sops_slice url);

/* world_trust.c: the certificates of those of `folders` (a list with ':') that have no names by which OpenSSL finds
 * them, and then those of `file` (may be NULL), too, as PEM; empty when OpenSSL needs no help. Lives as long as the
 * world. */
bool sops_trust_folders(struct sops_world *w, const char *folders, const char *file, struct sops_slice *pem,
                        struct sops_err *e) SOPS_CHECKED;

#endif
