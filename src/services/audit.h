/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - who opened what is told to databases before it happens (docs/spec/60-keysources.md#audit). */
#ifndef SOPS_SERVICES_AUDIT_H
#define SOPS_SERVICES_AUDIT_H

#include "core/world.h"

#define SOPS_AUDIT_FILE "/etc/sops/audit.yaml"

/* Reads SOPS_AUDIT_FILE, connects to the databases that it names and sets w->audit. No such file, one that cannot be
 * read, or no databases in it: no audit. Code 1 for malformed YAML and for a database that cannot be reached;
 * connections live as long as the world's slots. */
bool sops_audit_load(struct sops_world *w, struct sops_err *e) SOPS_CHECKED;
/* The same with another file, for tests. */
bool sops_audit_load_from(struct sops_world *w, const char *path, struct sops_err *e) SOPS_CHECKED;

/* audit_dsn.c: a connection string as libpq takes it. Its defaults and what it does with unknown names differ from
 * those of the program whose configuration files these are: `text` gets what libpq knows, `options` the rest as the
 * value of its `options` ("-c search_path=x"). `known` tells which names libpq has. */
bool sops_audit_dsn(struct sops_slice dsn, bool (*known)(void *ctx, struct sops_slice name), void *ctx,
                    struct sops_buf *text, struct sops_buf *options, struct sops_err *e) SOPS_CHECKED;

#endif
