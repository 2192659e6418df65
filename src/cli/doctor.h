/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h - what the files of `sops doctor` share: a list of checks, and the patient
 * (docs/spec/71-check.md#doctor). No value of the document and no private key is ever in one. */
#ifndef SOPS_CLI_DOCTOR_H
#define SOPS_CLI_DOCTOR_H

#include "cli/check.h"
#include "cli/own_keys.h"

enum doctor_result { DOCTOR_OK, DOCTOR_FAIL, DOCTOR_NOT_TRIED };

struct doctor_check {
    const char *id, *what, *where, *error, *next_step; /* all but id and what may be NULL */
    enum doctor_result result;
    int group;  /* -1: none */
    int64_t ms; /* -1: none */
    struct doctor_check *next;
};

struct doctor {
    struct sops_job *job;
    bool json, all;
    const char *file; /* NULL: the environment */
    const char *word; /* as it is typed in a command */
    int status;       /* as decrypt would end; the first failure counts */
    struct doctor_check *first, **end;
    struct sops_configs configs;
    struct sops_judge *judge; /* of the file; NULL: none */
    struct own_keys own;
    struct sops_world quiet;
    struct sops_envelope *env;
    const struct sops_format *format;
    struct sops_buf text;
    struct sops_secrets *secrets;
    struct sops_arena arena;
};
/* Adds a check; `what` and the others must live in the arena or be literals. NULL without memory. */
struct doctor_check *doctor_add(struct doctor *d, const char *id, enum doctor_result result, const char *what,
                                struct sops_err *e);
/* A failure, with its cause and what to do; `status` counts when it is the first. */
bool doctor_fail(struct doctor *d, const char *id, const char *what, const char *error, const char *next_step,
                 int status, struct sops_err *e) SOPS_CHECKED;
/* A copy in the arena; NULL without memory. */
const char *doctor_copy(struct doctor *d, const char *text, struct sops_err *e);

/* doctor_keys.c: the eight places; each group and key, in the order of decryption. `*have` : the envelope has its data
 * key. */
bool doctor_places(struct doctor *d, struct sops_err *e) SOPS_CHECKED;
bool doctor_keys(struct doctor *d, bool *have, struct sops_err *e) SOPS_CHECKED;
/* doctor_values.c: values and MAC. Without a data key they are not tried. */
bool doctor_values(struct doctor *d, bool have, struct sops_err *e) SOPS_CHECKED;
/* doctor_world.c: without a file. */
bool doctor_environment(struct doctor *d, struct sops_err *e) SOPS_CHECKED;

#endif
