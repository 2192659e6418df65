/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.h - Secrets and SealedSecrets as trees: read, checked, made, compared and laid out
 * (docs/spec/72-sealed-secrets.md#cipher-and-object, #input).
 */
#ifndef SOPS_SEAL_OBJECT_H
#define SOPS_SEAL_OBJECT_H

#include "core/format.h"

enum sops_seal_scope { SOPS_SCOPE_STRICT, SOPS_SCOPE_NAMESPACE, SOPS_SCOPE_CLUSTER };
#define SOPS_SEAL_SCOPES 3

#define SOPS_SEAL_TAGS "sops-seal-tags" /* the annotation that holds the tags */
#define SOPS_SEAL_VALUES_MAX ((size_t)1 << 20)

/* "strict", "namespace-wide", "cluster-wide". */
extern const char *const sops_scope_names[SOPS_SEAL_SCOPES];
/* The scope with this name; false when there is none. */
bool sops_scope_named(struct sops_slice word, enum sops_seal_scope *scope);
/* The annotation of a scope; NULL for strict. */
const char *sops_scope_annotation(enum sops_seal_scope scope);
/* What ties an item to its place: appended. */
bool sops_scope_label(enum sops_seal_scope scope, struct sops_slice space, struct sops_slice name, struct sops_buf *out,
                      struct sops_err *e) SOPS_CHECKED;

struct sops_seal_pair {
    struct sops_slice key, value;
    bool exposed; /* it was encrypted in the source, and will be readable in the result */
};
struct sops_seal_item {
    struct sops_slice key, value; /* clear */
    struct sops_slice sealed;     /* base64, when known */
    bool kept;                    /* it is the ciphertext that was there */
};
/* A Secret as far as it is copied. Texts live in the arena that it was read into; labels, annotations and items are
 * sorted by key. */
struct sops_secret_object {
    struct sops_slice name, space, generate_name, type; /* space: the namespace */
    bool has_type;
    enum { SOPS_IMMUTABLE_UNSAID, SOPS_IMMUTABLE_FALSE, SOPS_IMMUTABLE_TRUE } immutable;
    struct sops_seal_pair *labels, *annotations, *finalizers; /* of finalizers only the values */
    size_t label_count, annotation_count, finalizer_count;
    struct sops_seal_item *item;
    size_t items;
    unsigned document; /* its number in the file */
};

/* Where secret.c puts what it reads. */
struct sops_secret_list {
    struct sops_arena *arena;
    struct sops_secret_object *secret;
    size_t count, room;
};
/* Reads all Secrets of `d`, also of lists. A map without a kind is a flat file when `flat` is set; `flat_key` is then
 * the key of the one value of a format that holds one. Code 23 with the document's number, 92 when there is none. */
struct sops_secret_how {
    bool flat;
    struct sops_slice flat_key;
    bool any_kind;            /* without a kind it is a Secret (kubeseal) */
    struct sops_slice source; /* the text that `d` was read from, or empty */
};
bool sops_secrets_read(const struct sops_doc *d, const struct sops_secret_how *how, struct sops_secret_list *out,
                       struct sops_err *e) SOPS_CHECKED;
/* The scope that its annotations say; `*said`: they say one (else it is strict). */
enum sops_seal_scope sops_secret_scope(const struct sops_secret_object *s, bool *said);

/* What sops_secret_check looks at beside the Secret. */
struct sops_secret_place {
    enum sops_seal_scope scope;
    struct sops_slice name, space;
    bool allow_empty;
    bool name_in_path, space_in_path;
    bool lax; /* names, keys and sizes that can never become a Secret are let through (kubeseal) */
};
/* Could it be sealed so? Code 23. */
bool sops_secret_check(const struct sops_secret_object *s, const struct sops_secret_place *place,
                       struct sops_err *e) SOPS_CHECKED;
/* Is it a DNS name of at most 253 characters; one without dots of at most 63? */
bool sops_is_dns_name(struct sops_slice s);
bool sops_is_dns_label(struct sops_slice s);

/* A SealedSecret as it stands in a tree; what is absent or of another kind is NULL or empty. */
struct sops_sealed_object {
    const struct sops_node *root, *meta, *annotations, *spec, *items, *pattern; /* pattern: spec.template */
    const struct sops_node *old_data;                                           /* spec.data, of before 2018 */
    struct sops_slice name, space;
    enum sops_seal_scope scope;
    unsigned document;
};
/* Is `n` a SealedSecret, by kind and apiVersion? */
bool sops_is_sealed_object(const struct sops_node *n);
void sops_sealed_read(const struct sops_node *n, struct sops_sealed_object *out);
/* All SealedSecrets of `d`, also those in lists, into an array of `a`. `*others`: documents with content that are
 * none. */
bool sops_sealed_all(const struct sops_doc *d, struct sops_arena *a, struct sops_sealed_object **out, size_t *count,
                     size_t *others, struct sops_err *e) SOPS_CHECKED;
/* Does the map have no members but comments? */
bool sops_map_is_empty(const struct sops_node *map);
/* A member that is a map, or NULL; a member that is a text, or empty. `map` may be NULL. */
const struct sops_node *sops_map_map(const struct sops_node *map, const char *key);
struct sops_slice sops_map_text(const struct sops_node *map, const char *key);
/* The scope of a map of annotations (NULL: none). */
enum sops_seal_scope sops_scope_of(const struct sops_node *annotations);

/* What a SealedSecret is made of. */
struct sops_sealed_recipe {
    const struct sops_secret_object *secret;
    enum sops_seal_scope scope;
    bool scope_given; /* it takes the place of what the Secret's annotations say */
    struct sops_slice name, space;
    const struct sops_seal_item *item; /* sealed */
    size_t items;
    struct sops_slice tags;               /* JSON; or empty */
    const struct sops_sealed_object *old; /* outer metadata and template data stay; or NULL */
};
/* Adds it to `d` as a part. */
bool sops_sealed_build(struct sops_doc *d, const struct sops_sealed_recipe *r, struct sops_err *e) SOPS_CHECKED;
/* Adds a part with a copy of all of `n`. */
bool sops_part_copy(struct sops_doc *d, const struct sops_node *n, struct sops_node **part,
                    struct sops_err *e) SOPS_CHECKED;
/* Adds a map or a text to a map. An empty text is not added. */
struct sops_node *sops_put_map(struct sops_doc *d, struct sops_node *to, const char *key,
                               struct sops_err *e) SOPS_CHECKED;
bool sops_put_text(struct sops_doc *d, struct sops_node *to, struct sops_slice key, struct sops_slice text,
                   struct sops_err *e) SOPS_CHECKED;
/* Sorts the members of a map by their keys, and takes comments out. */
bool sops_map_sort(struct sops_node *map, struct sops_err *e) SOPS_CHECKED;
/* Is every key in the map once? Code 23, with `what` (the map's name) and the key. */
bool sops_map_no_twice(const struct sops_node *map, const char *what, struct sops_err *e) SOPS_CHECKED;

/* Do they hold the same values, whatever the order of keys and the comments? */
bool sops_object_same(const struct sops_node *a, const struct sops_node *b, bool *same,
                      struct sops_err *e) SOPS_CHECKED;
/* Appends all parts in the layout of format `f`: one that has parts (yaml) sorted, each behind `---`; else in the order
 * that they were made in. */
bool sops_objects_emit(struct sops_doc *d, const struct sops_format *f, struct sops_buf *out,
                       struct sops_err *e) SOPS_CHECKED;

#endif
