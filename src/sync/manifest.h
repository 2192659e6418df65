/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - objects of Kubernetes as `pull` reads them: ExternalSecrets, the stores that they name, and Secrets with
 * credentials (docs/spec/73-stores.md#manifests-that-are-read). They are not trusted: everything that they say is
 * checked here, before anybody is asked.
 */
#ifndef SOPS_SYNC_MANIFEST_H
#define SOPS_SYNC_MANIFEST_H

#include "core/store.h"
#include "sync/keys.h"

enum sops_object_kind {
    SOPS_EXTERNAL_SECRET,
    SOPS_SECRET_STORE,
    SOPS_CLUSTER_STORE,
    SOPS_SECRET,
    SOPS_CONFIG_MAP,
    SOPS_OBJECT_KINDS
};

/* An object of the input. */
struct sops_object {
    const struct sops_node *node;
    const char *file; /* as messages name it */
    unsigned document;
    enum sops_object_kind kind;
    struct sops_slice name, space; /* space: the namespace; may be empty */
    struct sops_object *next;      /* of its kind, in the order of the input */
};

struct sops_objects {
    struct sops_world *world;
    struct sops_slice space; /* of objects that name none */
    struct sops_arena arena;
    struct sops_object *first[SOPS_OBJECT_KINDS], *last[SOPS_OBJECT_KINDS];
    struct sops_table by_id;
};

/* Takes the objects of one document, also those of lists; the tree must outlive the manifests. Code 2. */
bool sops_objects_add(struct sops_objects *m, const struct sops_node *part, const char *file, unsigned document,
                      struct sops_err *e) SOPS_CHECKED;
/* The object with this name and namespace; NULL when there is none. */
const struct sops_object *sops_objects_find(const struct sops_objects *m, enum sops_object_kind kind,
                                            struct sops_slice space, struct sops_slice name);
void sops_objects_free(struct sops_objects *m);
/* "ExternalSecret shop/db", in `out`, cut where it is too long. */
const char *sops_object_shown(const struct sops_object *o, char out[600]);
/* Puts file, document, kind and name in front of the message. Returns false. */
bool sops_object_blame(const struct sops_object *o, struct sops_err *e);

/* One entry of `data` or `dataFrom`. */
struct sops_external_entry {
    bool is_data, is_find;
    size_t number;
    struct sops_slice secret_key;             /* of data */
    struct sops_slice key, version, property; /* of data and extract */
    struct sops_slice decoding, conversion;   /* words */
    bool null_fails;                          /* nullBytePolicy: Fail */
    struct sops_slice find_path, find_name;   /* of find; find_name: a regular expression */
    struct sops_store_tag *tag;
    size_t tags;
    bool has_path, has_name, has_tags;
    const struct sops_node *rewrite; /* a list, or NULL */
    const struct sops_node *store;   /* {name, kind} */
};
struct sops_external_secret {
    const struct sops_object *object;
    struct sops_external_entry *entry; /* dataFrom in order, then data */
    size_t entries;
    struct sops_slice target, creation, deletion, type;
    bool immutable, has_template, merges;                             /* merges: mergePolicy Merge */
    const struct sops_node *data, *labels, *annotations, *finalizers; /* of the template; or NULL */
};
/* Reads and checks one; texts are those of the input. Code 2. */
bool sops_external_read(const struct sops_object *o, struct sops_arena *a, struct sops_external_secret *out,
                        struct sops_err *e) SOPS_CHECKED;
/* "data[0]" */
const char *sops_entry_shown(const struct sops_external_entry *entry, char out[32]);

#endif
