/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull.h - ExternalSecrets resolved as External Secrets Operator would, without a cluster
 * (docs/spec/73-stores.md#pull): each distinct key of a store is asked for once, and nothing is printed here.
 */
#ifndef SOPS_SYNC_PULL_H
#define SOPS_SYNC_PULL_H

#include "sync/manifest.h"

#define SOPS_SECRET_MAX ((size_t)1 << 20) /* bytes of values that a Secret may hold */

struct sops_pull_fetch;
struct sops_pull_find;

struct sops_pull_secret {
    struct sops_external_secret read;
    bool chosen;
    const struct sops_store_site **site; /* of each entry */
    struct sops_pull_fetch **fetch;      /* of each entry that is no find */
    struct sops_pull_find **find;
    /* what came of it */
    bool failed, none; /* none: there is to be no Secret */
    struct sops_err why;
    struct sops_keys data;
    struct sops_keys labels, annotations;
};

struct sops_pull {
    struct sops_world *world;
    const struct sops_objects *manifests;
    struct sops_arena arena;
    struct sops_pull_secret *secret; /* in the order of the input */
    size_t secrets;
    struct sops_table sites, fetches, noted;
    struct sops_pull_fetch *first_fetch, *last_fetch;
    struct sops_pull_find *first_find, *last_find;
};

/* Reads and checks all ExternalSecrets; what is wrong with one stands in it. `only` ([NS/]NAME, ends with NULL; or
 * NULL: all) chooses; one that is not there is code 2. */
bool sops_pull_read(struct sops_pull *p, const char *const *only, struct sops_err *e) SOPS_CHECKED;
/* Finds the stores of those that are chosen, and what is to be asked. Asks nobody. What failed stands in the secret. */
void sops_pull_plan(struct sops_pull *p);
/* Asks, and makes the Secrets. What failed stands in the secret. */
void sops_pull_resolve(struct sops_pull *p);
void sops_pull_free(struct sops_pull *p);

/* Has the value only characters of a text: UTF-8 without control characters but tab, LF and CR? */
bool sops_pull_is_text(struct sops_slice value);
/* The type of the Secret. */
struct sops_slice sops_pull_type(const struct sops_pull_secret *s);

#endif
