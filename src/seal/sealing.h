/* SPDX-License-Identifier: Apache-2.0 */
/* sealing.h - the part `sealing` of .sops.yaml: clusters and rules (docs/spec/72-sealed-secrets.md#sopsyaml), and the
 * paths that rules make. */
#ifndef SOPS_SEAL_SEALING_H
#define SOPS_SEAL_SEALING_H

#include "core/config.h"
#include "seal/object.h"

struct sops_seal_cluster {
    const char *name;       /* of --cert without a name: "" */
    const char *cert;       /* an absolute path, as typed with --cert, or a URL */
    struct sops_slice *pin; /* fingerprints */
    size_t pins;
    struct sops_slice space;
    const char **keys; /* absolute paths, NULL-terminated; or NULL */
    const char *context;
    struct sops_slice controller_space, controller_name;
};
struct sops_seal_rule {
    const struct sops_node *node;
    const struct sops_seal_cluster **cluster; /* NULL-terminated */
    const char *output;
    bool has_scope;
    enum sops_seal_scope scope;
    struct sops_slice name, space, type;
};
/* All-zero: nothing was read. */
struct sops_sealing {
    struct sops_arena arena;
    const struct sops_config *config;
    const char *folder; /* of .sops.yaml, with a slash at the end */
    struct sops_seal_cluster *cluster;
    size_t clusters;
    const struct sops_node *list;
    struct sops_seal_rule *rule;
    size_t rules;
};
/* Reads it strictly: what is not known or of a wrong type is code 1 with line and name. No configuration, or none of
 * it, is no error. The texts are the configuration's, which must outlive it. */
bool sops_sealing_read(struct sops_sealing *s, const struct sops_config *c, struct sops_err *e) SOPS_CHECKED;
/* The cluster with this name. Code 1 with the known ones. */
bool sops_sealing_cluster(const struct sops_sealing *s, const char *name, const struct sops_seal_cluster **out,
                          struct sops_err *e) SOPS_CHECKED;
/* The first rule for a file; NULL when there is none. */
bool sops_sealing_rule(const struct sops_sealing *s, const char *file, const struct sops_seal_rule **out,
                       struct sops_err *e) SOPS_CHECKED;
void sops_sealing_free(struct sops_sealing *s);
/* Is it a name that a cluster may have: letters, digits, `.`, `_`, `-`? */
bool sops_is_cluster_name(struct sops_slice s);

/* What stands for the braces of a path; NULL ptr: it has no value here. */
struct sops_path_values {
    struct sops_slice cluster, space, name, dir, stem;
};
/* Appends `pattern` with its braces filled in. Code 8 for braces that are not known or have no value. */
bool sops_path_fill(const char *pattern, const struct sops_path_values *v, struct sops_buf *out,
                    struct sops_err *e) SOPS_CHECKED;
/* Does the pattern hold these braces ("{name}")? */
static inline bool sops_path_has(const char *pattern, const char *braces) { return strstr(pattern, braces) != NULL; }
/* The folder and the stem of a file name, which they point into; the folder of "f" is ".". */
void sops_path_parts(const char *file, struct sops_slice *dir, struct sops_slice *stem);
/* Replaces `out` by `path` (absolute) as seen from the absolute folder `from`: "../x". A NUL stands behind it. */
bool sops_path_relative(const char *path, const char *from, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Is `path` (absolute, by its text) below `folder` (with a slash at its end), also when links are followed? Code 1. */
bool sops_path_stays(const char *path, const char *folder, struct sops_err *e) SOPS_CHECKED;

#endif
