/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - the parts of an http or https URL.
 *
 * Credentials, tokens and signatures go to `host`, and libcurl is given the same text: so whatever the two could read
 * differently is refused, and nobody else takes a URL apart.
 */
#ifndef SOPS_BASE_URL_H
#define SOPS_BASE_URL_H

#include "base/base.h"

struct sops_url {
    bool tls;
    struct sops_slice scheme;     /* "https" */
    struct sops_slice authority;  /* host and port as they stand there, without a user's name and password */
    struct sops_slice host, port; /* without brackets; "443" or "80" when not given */
    struct sops_slice path;       /* from its '/' on; empty when there is none */
    struct sops_slice query;      /* behind the '?' */
    struct sops_slice rest;       /* path, query and fragment as they stand there */
};

/* The parts of `url`, which they point into. False for any other scheme, no host, more than one '@' in front of the
 * host, brackets that are not closed, and an authority with a character that no host has ('\\', blanks, quotes …). */
bool sops_url_parse(struct sops_slice url, struct sops_url *out) SOPS_CHECKED;
/* The authority as the header Host has it: without the port that is usual for the scheme. */
struct sops_slice sops_url_host_line(const struct sops_url *u);
/* Appends `given`, which is a URL or a host with or without a port, as a URL without slashes at its end; `scheme`
 * ("https://") stands in front when it has none. */
bool sops_url_base(struct sops_buf *out, const char *scheme, struct sops_slice given, struct sops_err *e) SOPS_CHECKED;
/* "host", "host:port", "[v6]:port" in two; the port is empty when there is none. The brackets go. */
bool sops_url_split_host(struct sops_slice authority, struct sops_slice *host, struct sops_slice *port) SOPS_CHECKED;

#endif
