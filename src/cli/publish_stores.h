/* SPDX-License-Identifier: Apache-2.0 */
/* publish_stores.h - publish into secret stores: files to items, the plan, and its execution
 * (docs/spec/73-stores.md#publish). */
#ifndef SOPS_CLI_PUBLISH_STORES_H
#define SOPS_CLI_PUBLISH_STORES_H

#include "cli/run.h"
#include "cli/steps.h"
#include "sync/plan.h"

struct sops_publish_options {
    bool omit_extensions, plan, prune, adopt, keep_going, json;
    const char *manifests;
};

/* A manifest that would be made or changed. */
struct sops_publish_manifest {
    const char *file;   /* DIR/NAME.yaml */
    const char *source; /* the file that it describes */
    struct sops_slice text;
    bool is_new, same;
    enum sops_publish_result result;
    struct sops_publish_manifest *next;
};

struct sops_publish_run {
    struct sops_job *job; /* world, options, services, configuration, order */
    const struct sops_publish_options *own;
    struct sops_store_rules rules;
    struct sops_plan plan;
    struct sops_arena arena;
    struct sops_publish_manifest *manifest, **manifest_end;
    struct sops_run files; /* with an item or more of each in the plan */
    struct sops_failures failures;
};

/* Is this run one of secret stores: by its flags, or by the rule of a file below its PATHs? */
bool sops_publish_is_for_stores(const struct sops_job *j);
/* The whole run; the configuration is read. A status without a failure stands in `e`. */
bool sops_publish_stores(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

/* publish_report.c: shows the plan, asks, does it. */
bool sops_publish_execute(struct sops_publish_run *r, struct sops_err *e) SOPS_CHECKED;

#endif
