/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull_run.h - one run of `sops pull`: manifests in, Secrets out (docs/spec/73-stores.md#pull).
 */
#ifndef SOPS_CLI_PULL_RUN_H
#define SOPS_CLI_PULL_RUN_H

#include "cli/run.h"
#include "cli/steps.h"
#include "sync/pull.h"

struct sops_pull_options {
    const char *space, *output_type, *to_sops;
    const char *const *only;
    bool string_data, plan, json, keep_going;
};

struct sops_pull_run {
    struct sops_job job; /* world, options, services, configuration, order */
    struct sops_pull_options own;
    struct sops_arena arena;
    struct sops_pull_input *input; /* what was read; trees live here */
    struct sops_objects manifests;
    struct sops_pull pull;
    struct sops_pull_target *target; /* --to-sops */
    struct sops_failures failures;
};

/* pull_input.c: all FILEs, folders or stdin. Code 2, and that of a file that does not open. */
bool sops_pull_inputs(struct sops_pull_run *r, struct sops_err *e) SOPS_CHECKED;
void sops_pull_inputs_free(struct sops_pull_run *r);

/* pull_output.c: a Secret as a mapping: a part of `d`, or an item of the list `to`. With `string_data` texts go to
 * stringData. */
bool sops_pull_build(struct sops_doc *d, struct sops_node *to, const struct sops_pull_secret *s, bool string_data,
                     struct sops_err *e) SOPS_CHECKED;
/* All Secrets that there are to be, to stdout or --output. */
bool sops_pull_print(struct sops_pull_run *r, struct sops_err *e) SOPS_CHECKED;

/* pull_sops.c: paths and creation rules, before anything is asked; then files, made or refreshed. */
bool sops_pull_targets(struct sops_pull_run *r, struct sops_err *e) SOPS_CHECKED;
bool sops_pull_write(struct sops_pull_run *r, struct sops_err *e) SOPS_CHECKED;
void sops_pull_targets_free(struct sops_pull_run *r);

#endif
