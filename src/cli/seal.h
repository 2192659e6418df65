/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - what seal, unseal, reseal and the name kubeseal share: clear documents of files that may be encrypted,
 * certificates and keys that are loaded once, and lines for people and programs.
 */
#ifndef SOPS_CLI_SEAL_H
#define SOPS_CLI_SEAL_H

#include "cli/steps.h"
#include "seal/cert.h"
#include "seal/sealing.h"

/* ---- seal_source.c: clear documents ---------------------------------------------------------------------------- */

/* A file's clear document. Set the first four; sops_source_close in any case. */
struct sops_source {
    const struct sops_job *common; /* world, options, services, configuration, order */
    const char *path;              /* NULL: stdin */
    const char *name;              /* what gives the format; NULL: the text does */
    bool by_text;                  /* the format is that of the text, whatever the name says */
    struct sops_job job;
    struct sops_doc own;        /* of a plain file */
    const struct sops_doc *doc; /* clear */
    const struct sops_format *format;
    bool encrypted;
    struct sops_slice data_key; /* of an encrypted one */
    struct sops_buf text;       /* of a plain one, as it was read */
};
/* Reads it: 100 for no file, 2, 23 for what is no object; an encrypted one as `decrypt` would, the MAC always
 * compared. `plain_only`: one that is encrypted is not looked into. */
bool sops_source_open(struct sops_source *s, struct sops_err *e) SOPS_CHECKED;
void sops_source_close(struct sops_source *s);
/* The same with a text that is at hand. */
bool sops_source_parse(struct sops_source *s, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* yaml or json, by the first character: what starts with `{` and parses as JSON is that. */
bool sops_format_of_text(struct sops_slice text, const struct sops_format **out, struct sops_err *e) SOPS_CHECKED;
/* yaml, json. */
const struct sops_format *sops_seal_yaml(void);
const struct sops_format *sops_seal_json(void);
/* The word of -o: yaml, json in any case; NULL word: NULL. Code 8. */
bool sops_seal_format(const char *word, const struct sops_format **out, struct sops_err *e) SOPS_CHECKED;

/* ---- seal_certs.c ------------------------------------------------------------------------------------------------ */

/* Certificates of a run, each read once. */
struct sops_cert_store {
    struct sops_world *world;
    struct sops_arena arena;
    struct sops_loaded_cert *first;
    bool any_http; /* http is let through, with a warning (kubeseal) */
};
/* The certificate at a path or URL (docs/spec/72-sealed-secrets.md#certificates); lives as long as the store. Code 1.
 */
bool sops_cert_load(struct sops_cert_store *s, const struct sops_seal_cluster *c, const struct sops_seal_cert **out,
                    struct sops_err *e) SOPS_CHECKED;
void sops_cert_store_free(struct sops_cert_store *s);
/* Reads the private keys of a file, clear or encrypted. Code 128, or that of a sops file. */
bool sops_seal_keys_load(struct sops_seal_keys *keys, const struct sops_job *common, const char *path,
                         struct sops_err *e) SOPS_CHECKED;
/* [NAME=]CERT of the option --cert as a cluster, in `a`. */
bool sops_cert_option(struct sops_arena *a, const char *text, struct sops_seal_cluster *c,
                      struct sops_err *e) SOPS_CHECKED;

/* ---- what several commands say ---------------------------------------------------------------------------------- */

/* `path` as seen from the current folder, in `a`. */
bool sops_path_shown(struct sops_arena *a, const char *path, const char **out, struct sops_err *e) SOPS_CHECKED;
/* Appends "NAMESPACE/NAME", or the name alone. */
bool sops_object_name(struct sops_buf *out, struct sops_slice space, struct sops_slice name,
                      struct sops_err *e) SOPS_CHECKED;
/* Makes the missing folders above `path`. Code 3. */
bool sops_make_folders(const char *path, struct sops_err *e) SOPS_CHECKED;

#endif
