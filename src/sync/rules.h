/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - rules of .sops.yaml that send files to a secret store (docs/spec/73-stores.md#store-rules). */
#ifndef SOPS_SYNC_RULES_H
#define SOPS_SYNC_RULES_H

#include "core/config.h"
#include "core/store.h"

/* What a rule says of the ExternalSecret for each of its files. */
struct sops_manifest_rule {
    bool given;
    struct sops_slice store, kind, space, refresh, name; /* name: a pattern */
};

struct sops_store_rule {
    const struct sops_node *node;
    bool file_destination; /* … and then nothing else is set */
    struct sops_store_site site;
    struct sops_slice owner, prefix, name, join;
    bool per_key;
    struct sops_manifest_rule manifest;
};

struct sops_store_rules {
    const struct sops_config *config;
    struct sops_arena arena; /* owns texts and sites */
    struct sops_store_rule *rule;
    size_t count;
};

/* Is the first rule for a path as typed one of a store? Also when that cannot be found out. */
bool sops_store_rule_holds(const struct sops_config *c, const char *path);
/* Reads and checks all destination rules, used or not. Code 2 with file and line. */
bool sops_store_rules_read(struct sops_store_rules *r, const struct sops_config *c, struct sops_world *w,
                           struct sops_err *e) SOPS_CHECKED;
void sops_store_rules_free(struct sops_store_rules *r);
/* The first rule for a path as typed, or NULL. */
bool sops_store_rule_for(const struct sops_store_rules *r, const char *path, const struct sops_store_rule **rule,
                         struct sops_err *e) SOPS_CHECKED;

/* Appends `pattern` with its placeholders filled in for `source` ("secrets/prod/db.enc.yaml"). Code 2 for unknown
 * ones. */
bool sops_store_name(struct sops_slice pattern, struct sops_slice source, struct sops_buf *out,
                     struct sops_err *e) SOPS_CHECKED;
/* The source of an absolute path: relative to the configuration's folder. Code 2 when it is outside. */
bool sops_store_source(const struct sops_config *c, const char *path, struct sops_arena *a, struct sops_slice *source,
                       struct sops_err *e) SOPS_CHECKED;

/* Is it a name that Kubernetes takes: RFC 1123, up to 253 characters; a label of up to 63? */
bool sops_is_object_name(struct sops_slice s);
bool sops_is_name_space(struct sops_slice s);
/* May a Secret have this key? */
bool sops_is_secret_key(struct sops_slice s);

#endif
