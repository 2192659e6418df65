/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal_run.h - one run of `sops seal`: files, for which clusters, into which targets. First all is planned (and nothing
 * written), then each file's targets are made, and written when all of them went well.
 */
#ifndef SOPS_CLI_SEAL_RUN_H
#define SOPS_CLI_SEAL_RUN_H

#include "cli/folders.h"
#include "cli/run.h"
#include "cli/seal.h"

struct sops_seal_options {
    const char *const *cert, *const *cluster, *const *from_file;
    const char *scope, *space, *name, *type, *format, *merge_into;
    bool raw, allow_empty, force, check, json, fetch_certs;
};

enum seal_state { SEAL_NEW, SEAL_CHANGED, SEAL_UNCHANGED, SEAL_STATES };

/* One SealedSecret that is to be made. */
struct seal_object {
    const struct sops_secret_object *secret;
    const struct sops_seal_cluster *cluster;
    const struct sops_seal_cert *cert;
    enum sops_seal_scope scope;
    bool scope_given;
    struct sops_slice name, space;
    struct seal_target *target;
    struct sops_seal_item *item; /* sealed */
    size_t items;
    struct sops_slice *removed; /* keys that were there and are no more */
    size_t removals;
    enum seal_state state;
    struct seal_object *next; /* of the file: Secrets, in each of them clusters */
};

/* Where SealedSecrets of one file go. */
struct seal_target {
    const char *path; /* absolute; NULL: stdout */
    const char *shown;
    const struct sops_format *format;
    struct sops_buf text;
    bool write;               /* it differs from what is there */
    struct sops_file_was was; /* what is there, as it was read */
    struct seal_file *file;
    struct seal_target *next;
};

/* One that is made, and will be written beside others. */
#define SEAL_WAITING 16
struct seal_waiting {
    struct seal_target *target;
    struct sops_err why; /* of its failure */
};

struct seal_file {
    struct sops_run_file run;
    size_t number;           /* among the files */
    const char *path, *name; /* NULL: stdin; no name */
    const char *shown;
    const struct sops_seal_rule *rule;
    const struct sops_seal_cluster **cluster; /* NULL-terminated */
    const struct sops_seal_cert **cert;       /* of each of them */
    struct sops_secret_list secrets;
    uint8_t tag_key[SOPS_SEAL_TAG_KEY];
    bool has_key;
    struct seal_object *object, **object_end;
    struct seal_target *target, **target_end;
};

struct seal_run {
    struct sops_job job; /* world, options, services, configuration, order */
    const struct sops_seal_options *own;
    const struct sops_format *format; /* of -o, or NULL */
    bool has_scope;
    enum sops_seal_scope scope;
    struct sops_sealing sealing;
    struct sops_cert_store certs;
    const struct sops_seal_cert *preset; /* instead of that of the options */
    bool plain;                          /* no tags, no report (kubeseal) */
    struct sops_arena arena;
    struct sops_run files; /* of struct seal_file */
    size_t count[SEAL_STATES];
    struct sops_buf out; /* for stdout */
    struct seal_waiting waiting[SEAL_WAITING];
    size_t waitings, waiting_bytes;
    struct sops_folders folders;
};

static inline struct seal_file *seal_file_at(const struct seal_run *r, size_t i)
{
    return (struct seal_file *)(void *)r->files.file[i];
}

/* seal_plan.c: clusters and certificates of all files, then their Secrets and targets. */
bool sops_seal_plan(struct seal_run *r, struct sops_err *e) SOPS_CHECKED;
/* The namespace and scope of one Secret for one cluster. Code 8, 23. */
bool sops_seal_place(struct seal_run *r, struct seal_object *o, const struct seal_file *f, const char *pattern,
                     struct sops_err *e) SOPS_CHECKED;
/* Reads the Secrets of a file. */
bool sops_seal_read(struct seal_run *r, struct seal_file *f, struct sops_err *e) SOPS_CHECKED;

/* seal_make.c: the items of an object, those of `old` (may be NULL) that fit stay. */
bool sops_seal_items(struct seal_run *r, const struct seal_file *f, struct seal_object *o,
                     const struct sops_sealed_object *old, struct sops_err *e) SOPS_CHECKED;
/* The tags of the items, as JSON in the arena; empty when the file has no data key. */
bool sops_seal_tags(struct seal_run *r, const struct seal_file *f, const struct seal_object *o, struct sops_slice *tags,
                    struct sops_err *e) SOPS_CHECKED;
/* Texts of all targets of a file. Code 1 for what is there and is not ours. */
bool sops_seal_make(struct seal_run *r, struct seal_file *f, struct sops_err *e) SOPS_CHECKED;

/* seal_write.c: takes over the targets of a file that was made, and writes them when there are some; not with
 * --check. */
bool sops_seal_write(struct seal_run *r, struct seal_file *f, struct sops_err *e) SOPS_CHECKED;
/* Writes those that wait. A failure is the file's, as sops_run_failed has it. */
bool sops_seal_flush(struct seal_run *r, struct sops_err *e) SOPS_CHECKED;
/* Frees the texts of all targets of a file that could not be made. */
void sops_seal_drop(struct seal_file *f);

/* seal_report.c: the lines of a file's results, into r->out; and counts. */
bool sops_seal_report(struct seal_run *r, const struct seal_file *f, struct sops_err *e) SOPS_CHECKED;

/* seal_merge.c and seal_fetch.c: the two other ways of the command. */
bool sops_seal_merge(struct seal_run *r, struct seal_file *f, struct sops_err *e) SOPS_CHECKED;
bool sops_seal_fetch(struct seal_run *r, struct sops_err *e) SOPS_CHECKED;
bool sops_seal_raw(struct seal_run *r, struct sops_err *e) SOPS_CHECKED;

#endif
