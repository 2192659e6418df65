/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - resource lists of KRM functions, and generators (docs/spec/74-kubernetes-and-exec.md#the-list).
 */
#ifndef SOPS_MANIFEST_LIST_H
#define SOPS_MANIFEST_LIST_H

#include "manifest/manifest.h"

/* A list that was read. Texts of items are without the indentation that they had in it. */
struct sops_resource_list {
    struct sops_doc doc;
    struct sops_slice api;               /* as written */
    struct sops_manifests items;         /* marker is empty */
    const struct sops_node **nodes;      /* of each item */
    const struct sops_node *config_node; /* functionConfig; NULL: none */
    struct sops_slice config;            /* its text */
    struct sops_arena arena;
};
/* Code 2 for what is no YAML, 1 for what is no such list. */
bool sops_list_read(struct sops_resource_list *l, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
void sops_list_free(struct sops_resource_list *l);
/* The functionConfig is an object that is not among the items. */
bool sops_list_config_is_apart(const struct sops_resource_list *l);

/* Writing: the head, `item` for each text, the end. */
bool sops_list_begin(struct sops_buf *out, struct sops_slice api, bool empty, struct sops_err *e) SOPS_CHECKED;
bool sops_list_item(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
bool sops_list_config(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* Items are copied: does `out`, made of the list `in`, still hold `count` of them? Code 2 when an item has an alias of
 * what stands outside of the items or behind it, or lines end with CR alone. */
bool sops_list_check(struct sops_slice out, struct sops_slice in, size_t count, struct sops_err *e) SOPS_CHECKED;
/* A whole list that holds nothing but the failure `e`; `file` (or NULL) or `object` (or NULL) is to blame. */
bool sops_list_failure(struct sops_buf *out, struct sops_slice api, const struct sops_err *why, const char *file,
                       const struct sops_object_name *object, struct sops_err *e) SOPS_CHECKED;

/* ---- generator.c ------------------------------------------------------------------------------------------------- */

/* Is it one, by kind and apiVersion? `*strict`: SopsSecrets, which takes no other fields and no files outside. */
bool sops_is_generator(const struct sops_node *root, bool *strict);

/* One file of a generator. */
struct sops_generator_file {
    const char *key, *path; /* key: "" in `files` at the top, and in `envs` */
};
struct sops_generator_files {
    struct sops_generator_file *file;
    size_t count;
};
/* One entry of secretFrom. */
struct sops_generator_secret {
    const struct sops_node *metadata;
    struct sops_slice type; /* or empty */
    struct sops_generator_files files, binary_files, envs;
};
struct sops_generator {
    bool strict;
    struct sops_generator_files files;
    struct sops_generator_secret *secret;
    size_t secrets;
    struct sops_arena arena;
};
/* Reads it; nodes of `root` must outlive it. Code 1, naming the field. */
bool sops_generator_read(struct sops_generator *g, const struct sops_node *root, struct sops_err *e) SOPS_CHECKED;
void sops_generator_free(struct sops_generator *g);

/* A Secret on its way. Start all-zero. */
struct sops_new_secret {
    struct sops_doc doc;
    struct sops_node *root, *strings, *data;
};
bool sops_new_secret_begin(struct sops_new_secret *s, const struct sops_generator_secret *from,
                           struct sops_err *e) SOPS_CHECKED;
/* Adds an entry, over one of the same name. `binary`, or no text: to `data`, in base64. */
bool sops_new_secret_add(struct sops_new_secret *s, struct sops_slice key, struct sops_slice bytes, bool binary,
                         struct sops_err *e) SOPS_CHECKED;
/* Adds all of a dotenv text; code 1 with the number of a line that is none. */
bool sops_new_secret_env(struct sops_new_secret *s, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* Appends its text. */
bool sops_new_secret_end(struct sops_new_secret *s, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
void sops_new_secret_free(struct sops_new_secret *s);

#endif
