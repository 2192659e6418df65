/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - `sops keyservice`: this machine's keys for others (docs/spec/60-keysources.md#key-service-server). */
#ifndef SOPS_SERVICES_SERVER_H
#define SOPS_SERVICES_SERVER_H

#include "core/world.h"

struct sops_server {
    const char *network; /* "tcp", "tcp4", "tcp6", "unix" */
    const char *address; /* "HOST:PORT"; for unix a path */
    /* Asked before each answer, one at a time; NULL: all are given. Code 1 when there was no answer. */
    bool (*confirm)(const char *prompt, bool *yes, struct sops_err *e);
};
/* Listens and serves until SIGINT or SIGTERM, then removes its socket. False, code 1, only when it cannot listen. Must
 * be called while there is no other thread. */
bool sops_server_run(struct sops_world *w, const struct sops_server *s, struct sops_err *e) SOPS_CHECKED;

/* listen.c: a listening socket, close-on-exec; -1 with `e` set (code 1). One of unix is for this user only, and is
 * removed on every way out. */
int sops_listen(struct sops_world *w, const char *network, const char *address, struct sops_err *e);

#endif
