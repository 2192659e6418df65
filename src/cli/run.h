/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - several files in one run. Every command that takes several goes through them with this: what became of each,
 * how many so far, what is told of a failure and of the whole.
 *
 *     sops_run_add     each file that is found
 *     sops_run_each    the work, in order or on several threads; on a terminal a line says which file is at hand
 *     sops_run_errors, sops_run_summary, sops_run_json    the report
 */
#ifndef SOPS_CLI_RUN_H
#define SOPS_CLI_RUN_H

#include "cli/options.h"

#include <pthread.h>
#include <stdatomic.h>

/* What became of a file. */
enum sops_run_outcome {
    SOPS_RUN_NOT_DONE,
    SOPS_RUN_CHANGED,
    SOPS_RUN_UNCHANGED,
    SOPS_RUN_DECLINED, /* answered `n` */
    SOPS_RUN_FAILED,
    SOPS_RUN_OUTCOMES,
};

/* One of the files. What a command knows of it besides stands in a struct of its own that begins with this. */
struct sops_run_file {
    const char *name; /* as told; NULL: stdin */
    enum sops_run_outcome outcome;
    bool also;            /* UNCHANGED, and to be worked on all the same */
    const char *reason;   /* why it is UNCHANGED, for --json; or NULL */
    struct sops_err *why; /* of the failure; NULL without memory */
};

/* What becomes of a failure. */
enum sops_run_failures {
    SOPS_RUN_ENDS,  /* it ends the run and is the command's, as where there is but one file */
    SOPS_RUN_TELLS, /* it is told, and the others go on */
    SOPS_RUN_KEEPS, /* the others go on, and the report tells it */
};

/* All-zero but for what comes first; sops_run_open. */
struct sops_run {
    struct sops_world *world;
    const struct sops_options *opt;
    size_t size; /* of a file's struct; 0: a struct sops_run_file */
    enum sops_run_failures failures;
    bool prefixed;  /* the file's name is put before failures that do not hold it */
    size_t threads; /* 0: one file after the other */
    /* The work on one file, which says in its outcome what became of it; false: it failed. */
    bool (*one)(void *ctx, struct sops_run_file *f, struct sops_err *e);
    void *ctx;
    const char *words[SOPS_RUN_OUTCOMES]; /* in the summary; an outcome without a word is not in it */
    const char *ended;                    /* behind the summary when a failure ended the run; or NULL */
    struct sops_run_file **file;
    size_t count, room;
    struct sops_arena arena;
    pthread_mutex_t lock; /* what threads do alone */
    size_t done, todo;
    atomic_bool stop; /* no further file is begun */
};

void sops_run_open(struct sops_run *r);
void sops_run_free(struct sops_run *r);
/* A new one at the end, zero but for the name; it stays where it is. NULL without memory. */
void *sops_run_add(struct sops_run *r, const char *name, struct sops_err *e);
/* Is a file that was found in a folder one for this run? */
typedef bool sops_run_wants_fn(void *ctx, const char *path);
/* The files that the arguments of the command name, without a "./" in front; none: stdin. With --recursive, of folders
 * (none: the current one) all files below that `wants` wants, in the order of their names; links in them are not
 * followed, and folders of git are left out. Says what becomes of failures: the only file's ends the run, others are
 * told. */
bool sops_run_arguments(struct sops_run *r, sops_run_wants_fn *wants, void *ctx, struct sops_err *e) SOPS_CHECKED;
/* Calls `one` for each file that is NOT_DONE, or `also`. Failures stand with their files; false when one ended the run.
 * A signal that is noted (cli/signals.h) ends it, too: files are left NOT_DONE then. */
bool sops_run_each(struct sops_run *r, struct sops_err *e) SOPS_CHECKED;
/* What becomes of a file's failure by the rule of the run; `why` is emptied. False: it is the command's, in `e`. */
bool sops_run_failed(struct sops_run *r, struct sops_run_file *f, struct sops_err *why, struct sops_err *e);
size_t sops_run_count(const struct sops_run *r, enum sops_run_outcome outcome);

/* ---- runs in which nothing is written when anything fails ----------------------------------------------------------
 */

/* Failures from many places: one alone is the command's, of several each is told. Set the world. */
struct sops_failures {
    struct sops_world *world;
    bool at_once; /* each is told */
    size_t count;
    int code; /* of the first */
    struct sops_err first;
};
/* Takes it down; `why` is emptied. */
void sops_failures_note(struct sops_failures *f, struct sops_err *why);
/* True when there was none. Else the only one, or "COUNT WORDS" with the status of the first. */
bool sops_failures_none(struct sops_failures *f, const char *words, struct sops_err *e) SOPS_CHECKED;

/* ---- run_report.c ----------------------------------------------------------------------------------------------- */

/* Appends a line of counts: "3 updated, 0 up to date, 1 failed". */
bool sops_run_summary(const struct sops_run *r, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* The same, to stderr. */
void sops_run_tell(const struct sops_run *r);
/* Appends the failures, in order; one that several files have once, with their names below it. */
bool sops_run_errors(struct sops_run *r, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Adds to the object of a file that did not fail what the command knows of it. */
typedef bool sops_run_add_fn(void *ctx, const struct sops_run_file *f, struct sops_buf *out, struct sops_err *e);
/* --json: an object a file, and one of counts behind them (docs/spec/75-many-files.md#what-is-printed), on stdout. With
 * `dry`, what is CHANGED would be changed. */
bool sops_run_json(struct sops_run *r, bool dry, sops_run_add_fn *add, struct sops_err *e) SOPS_CHECKED;

#endif
