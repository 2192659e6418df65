/* SPDX-License-Identifier: Apache-2.0 */
/* unseal.h - SealedSecrets opened with the private keys of their controllers
 * (docs/spec/72-sealed-secrets.md#unseal): what unseal, reseal and kubeseal's recovery share. */
#ifndef SOPS_CLI_UNSEAL_H
#define SOPS_CLI_UNSEAL_H

#include "cli/run.h"
#include "cli/seal.h"

/* One item of a SealedSecret, tried. */
struct opened_item {
    const struct sops_node *node;
    struct sops_buf value;
    enum sops_item_outcome outcome;
    size_t which; /* of the keys */
};
/* A SealedSecret, all its items tried. */
struct opened_object {
    const struct sops_sealed_object *sealed;
    struct sops_slice space; /* with --namespace for one without */
    struct opened_item *item;
    size_t items, failures, malformed;
};
/* Tries all items, on all processors. Wrong forms (spec.data, a value that is no text) are failures of items. */
bool sops_object_open(const struct sops_seal_keys *keys, const struct sops_sealed_object *sealed,
                      struct sops_slice space, struct sops_arena *a, struct opened_object *out,
                      struct sops_err *e) SOPS_CHECKED;
/* Code 25 or 128, naming the object and every item that does not open; true when all do. */
bool sops_object_judge(const struct opened_object *o, struct sops_err *e) SOPS_CHECKED;
void sops_object_close(struct opened_object *o);

/* How a Secret is made of it. */
struct unseal_how {
    bool string_data, skip_template;
    const char *shown; /* the file, for warnings */
    struct sops_world *world;
};
/* Adds the Secret to `d` as a part. Code 4 for a template that is not evaluated. */
bool sops_object_secret(struct sops_doc *d, const struct opened_object *o, const struct unseal_how *how,
                        struct sops_err *e) SOPS_CHECKED;

/* The keys of the options --key and --cluster, else of all clusters. Code 128 when there are none. */
bool sops_unseal_keys(struct sops_seal_keys *keys, const struct sops_job *j, const struct sops_sealing *s,
                      const char *const *files, const char *const *clusters, struct sops_err *e) SOPS_CHECKED;

/* The only file that the arguments name is there: 100. */
bool sops_sealed_exists(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Does the work of `r` (its `one` and `ctx` are set, and it is open) on each file of SealedSecrets that the arguments
 * name: files, with --recursive those of folders ("." without any), else stdin (a name of NULL). */
bool sops_each_sealed(struct sops_run *r, struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

#endif
