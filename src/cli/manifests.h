/* SPDX-License-Identifier: Apache-2.0 */
/* manifests.h - sealed objects opened: for streams, resource lists and kubectl
 * (docs/spec/74-kubernetes-and-exec.md#manifest-streams). */
#ifndef SOPS_CLI_MANIFESTS_H
#define SOPS_CLI_MANIFESTS_H

#include "cli/inputs.h"
#include "manifest/manifest.h"

/* Changes the opened object `root`, a part of `d`, before it is written. */
typedef bool sops_manifest_change(void *arg, struct sops_doc *d, struct sops_node *root, const struct sops_manifest *m,
                                  struct sops_err *e);
struct sops_manifest_how {
    struct sops_job *common;      /* as for sops_inputs_load */
    const char *path;             /* of the file, for the audit; NULL: stdin */
    sops_manifest_change *change; /* or NULL */
    void *arg;
    const struct sops_manifest *blamed; /* set on failure: the object that it is about */
};
/* Opens all sealed ones: `clear` of each gets its text. */
bool sops_manifests_open(struct sops_manifests *m, struct sops_manifest_how *how, struct sops_err *e) SOPS_CHECKED;

#endif
