/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many.h - encrypt, decrypt, rotate and updatekeys with -r: one run over many files (docs/spec/75-many-files.md).
 *
 *     plan     all files are found, read and parsed, their configurations applied; kept are metadata and a hash
 *     ask      (updatekeys) the changes, once for all
 *     unlock   data keys, and the wrappings that ask somebody, in batches (core/datakey.h)
 *     work     on several threads, each file as by a run of the command on it alone
 *     report   what became of each, in order
 *
 * A command says what is its own in a struct sops_many_action.
 */
#ifndef SOPS_CLI_MANY_H
#define SOPS_CLI_MANY_H

#include "cli/folders.h"
#include "cli/run.h"
#include "cli/select.h"
#include "cli/steps.h"
#include "cli/update.h"

struct sops_many_file {
    struct sops_run_file run;   /* its name is also how it is opened */
    struct sops_slice absolute; /* clean */
    bool named;                 /* given as PATH */
    off_t size;
    const struct sops_config *config;
    const struct sops_format *format; /* that was found, or NULL */
    struct sops_file_was was;         /* as it was in the plan */
    struct sops_meta *meta;           /* with the keys that it has; NULL: failed, or not needed any more */
    struct sops_meta *wanted;         /* with the keys that it is to get, when those are others; or NULL */
    struct sops_update update;        /* updatekeys: its change */
    const char *target;               /* --output-dir: where the result goes; NULL: in place */
    struct sops_unlocking *unlocking;
    struct sops_slice new_key; /* made for it, in the run's locked memory; empty: none is needed */
    struct sops_wrapped *made;
    struct sops_staged *staged; /* --all-or-nothing: the result on the disk, without a name */
};

/* A change of updatekeys, and the files that it is for. */
struct sops_many_change {
    const struct sops_update *update; /* of the first of them */
    struct sops_many_file **file;
    size_t count;
    struct sops_many_change *next;
};

struct sops_many;
/* One file being worked on; the steps get its job. */
struct sops_many_work {
    struct sops_job job; /* the first member */
    struct sops_many *many;
    struct sops_many_file *file;
    struct sops_update update; /* updatekeys: the change, as it is now */
};

struct sops_many_action {
    const char *would, *done; /* "rotate", "rotated" */
    bool required;            /* takes what must be encrypted, and else what is */
    bool needs_key;           /* a data key is had; else a new file gets one */
    bool needs_config;
    /* The rest of the plan of a file that was parsed into the job (its metadata are those of j->env); it may say that
     * nothing is to be done (outcome and reason), and sets f->wanted when keys are to be wrapped. Also of one that
     * turned out to be another when it was worked on: then `f` is only a copy. NULL: nothing. */
    bool (*plan)(struct sops_many *m, struct sops_many_file *f, struct sops_job *j, struct sops_err *e);
    /* Does the file, whose keys are to be wrapped, get a new data key? NULL: each does. */
    bool (*renews)(const struct sops_many_file *f);
    /* The work on a job whose file is read and whose formats are set, up to the bytes. */
    sops_step *work;
};

struct sops_many {
    struct sops_world *world;
    const struct sops_options *opt;
    const struct sops_many_action *action;
    struct sops_job common; /* services, order; lent to each file's job */
    struct sops_git git;
    struct sops_name_filter filter;
    struct sops_selection selection;
    struct sops_configs configs;
    struct sops_run run;             /* of struct sops_many_file */
    int64_t older_than;              /* days; -1: not given */
    struct sops_secret keys;         /* the new data keys, one behind the other */
    struct sops_many_change *change; /* updatekeys: the distinct changes, in the order of their first files */
    pthread_mutex_t large;           /* one large file at a time */
    struct sops_folders folders;
};

static inline struct sops_many_file *sops_many_of(const struct sops_run_file *f)
{
    return (struct sops_many_file *)(uintptr_t)f;
}
static inline struct sops_many_file *sops_many_at(const struct sops_many *m, size_t i)
{
    return sops_many_of(m->run.file[i]);
}

/* A command that takes -r: the whole of `command -r`, whose status is 1 when a file failed and 128 + number for a
 * signal; or else the steps of `j`, when none of the options is for many files (code 8). */
bool sops_many_or_one(struct sops_job *j, const struct sops_many_action *action, sops_step *const steps[],
                      struct sops_err *e) SOPS_CHECKED;

/* ---- between the files of this module --------------------------------------------------------------------------- */

/* many_plan.c: finds the files and plans each; code 8 for --output-dir. */
bool sops_many_plan(struct sops_many *m, struct sops_err *e) SOPS_CHECKED;
/* The formats of a job whose file is read (j->raw): those of the plan, or, when the file is not what it was then, what
 * is found now. */
bool sops_many_formats(struct sops_many_work *k, struct sops_err *e) SOPS_CHECKED;
/* Frees what the file holds, but for its failure. */
void sops_many_drop(struct sops_many_file *f);
/* Marks it as failed, and keeps `why`. Returns false. */
bool sops_many_fail(struct sops_many *m, struct sops_many_file *f, struct sops_err *why);
/* A job on this file. */
struct sops_job sops_many_job(struct sops_many *m, const struct sops_many_file *f);

/* many_work.c */
bool sops_many_unlock(struct sops_many *m, struct sops_err *e) SOPS_CHECKED;
/* Gives 0, or the number of the signal that stopped it. */
int sops_many_work(struct sops_many *m);

/* many_commit.c: with --all-or-nothing, all results to their places, or none. */
void sops_many_commit(struct sops_many *m);
/* May as many files be open at a time? Code 1 with both numbers. */
bool sops_many_may_open(struct sops_many *m, struct sops_err *e) SOPS_CHECKED;

/* many_target.c: where results go with --output-dir. */
bool sops_many_targets(struct sops_many *m, struct sops_err *e) SOPS_CHECKED;
/* Folders on the way to the file's target; code 3 when there is a link. */
bool sops_many_make_folders(struct sops_many *m, const struct sops_many_file *f, struct sops_err *e) SOPS_CHECKED;
bool sops_many_is_below_output(const struct sops_many *m, struct sops_slice absolute);

/* many_report.c: what became of each file; `dry`: what would. */
bool sops_many_report(struct sops_many *m, bool dry, struct sops_err *e) SOPS_CHECKED;
/* --dry-run: what would be done, on stdout. */
bool sops_many_report_dry(struct sops_many *m, struct sops_err *e) SOPS_CHECKED;
/* many_ask.c: finds the distinct changes of updatekeys, shows them and asks; answered `n`, nothing is left to do. */
bool sops_many_ask(struct sops_many *m, struct sops_err *e) SOPS_CHECKED;
/* Is it one of those that were shown? */
bool sops_many_was_shown(const struct sops_many *m, const struct sops_update *u);
/* The changes alone, with all names. */
bool sops_many_show_changes(struct sops_many *m, bool all_names, struct sops_err *e) SOPS_CHECKED;

#endif
