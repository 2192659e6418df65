/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - what the files of `sops check` and `sops config check` share: a run, its items, its report. */
#ifndef SOPS_CLI_CHECK_H
#define SOPS_CLI_CHECK_H

#include "check/revision.h"
#include "cli/select.h"
#include "cli/steps.h"

#include <pthread.h>
#include <stdatomic.h>

/* Longer files are worked on one at a time: a tree takes several times its text. */
#define CHECK_LARGE ((off_t)128 << 10)

struct check_options {
    bool staged, tracked, key, no_key, scan, strict, no_ignore, quiet;
    const char *rev, *format;
    const char *const *include, *const *exclude;
    struct sops_opt_number jobs;
};

/* ---- report.c: the four forms of the output (docs/spec/71-check.md#output) ------------------------------------------
 */

enum check_format { CHECK_HUMAN, CHECK_JSON, CHECK_SARIF, CHECK_GITHUB };

/* One file, or a configuration, that findings are about. */
struct check_item {
    const char *name;           /* as printed */
    const char *path;           /* on the disk; NULL: its content is an object of git's */
    struct sops_slice absolute; /* clean, by its text */
    const char *object;         /* id of that object */
    const char *commit;         /* of a range: which commit has it; else NULL */
    const char *tree_path;      /* from the top of git's repository on; NULL: not known */
    struct sops_judge *judge;   /* its configuration; of a configuration, itself */
    bool in_force;              /* it is a configuration that was not selected, but is in force */
    bool unmerged;              /* an entry of the index that is not resolved */
    bool past;                  /* the end of the range does not hold it any more */
};

struct check_report {
    struct sops_world *world;
    enum check_format format;
    bool quiet, colour;
    size_t files, encrypted, allowed, unread;
    size_t level[3];
    struct sops_slice top;    /* of git's work tree, by its text; empty: none */
    struct sops_slice here;   /* the current folder */
    struct sops_buf out;      /* not yet written */
    struct sops_buf results;  /* sarif: what was found so far */
    struct sops_buf notices;  /* sarif: what was not read */
    struct sops_table prints; /* sarif: how often the same was found */
    struct sops_arena arena;
};
/* The word of --format; false for another one. */
bool check_report_format(const char *word, enum check_format *format);
/* The nearest folder above a file that has a repository's mark in it: the length of its path, or 0. */
size_t check_repository_of(struct sops_slice absolute, struct sops_err *e);
/* The findings of one item, in order. */
bool check_report_item(struct check_report *r, const struct check_item *i, const struct sops_findings *f,
                       struct sops_err *e) SOPS_CHECKED;
/* Something that was not read: told on stderr, and counted. */
bool check_report_unread(struct check_report *r, const char *name, const char *why, struct sops_err *e) SOPS_CHECKED;
/* The end: summary, and all that was kept back. Code 2 when it cannot be written. */
bool check_report_end(struct check_report *r, struct sops_err *e) SOPS_CHECKED;
/* The code that the run ends with: SOPS_FOUND where something was. */
int check_report_status(const struct check_report *r, bool strict);
void check_report_free(struct check_report *r);

/* ---- the run
 * ---------------------------------------------------------------------------------------------------------- */

/* Commits in which earlier versions are looked for. */
#define CHECK_STARTS 8
struct check_starts {
    bool read;
    const char *of; /* the parents of this commit; NULL: see check_history_starts */
    char id[CHECK_STARTS][SOPS_GIT_ID];
    size_t count;
};

struct check_run {
    struct sops_job *job;
    const struct check_options *own;
    struct sops_git git;
    enum sops_git_place place;
    bool looked;         /* … is known */
    struct sops_buf top; /* of the work tree as absolute paths have it: by text, not without links */
    struct sops_name_filter filter;
    struct sops_configs configs;
    struct check_report report;
    struct sops_secrets *secrets;
    const struct sops_judge *near; /* what `encrypt` would find from here */
    struct check_item *item;
    size_t items, room;
    char commit[SOPS_GIT_ID]; /* --rev: of the end; empty: none */
    bool range;
    struct sops_table held;     /* a range: what its end holds, PATH to its object's id; on the disk: what HEAD holds */
    bool held_read;             /* … it is known */
    struct check_keys *keys;    /* --key */
    struct check_starts starts; /* of the item that asked last */
    struct sops_buf loose;      /* the folder of the last file that turned out to be in no repository */
    size_t threads;
    pthread_mutex_t lock;    /* git's place, starts, names, keys */
    pthread_mutex_t asked;   /* of `git` */
    pthread_mutex_t large;   /* one large file at a time */
    struct sops_err failure; /* of the run; nothing is told after it */
    atomic_bool stop;        /* … and nothing is begun */
    struct sops_arena arena;
};
/* What became of one item. */
struct check_result {
    struct sops_findings found; /* in order */
    size_t allowed;             /* findings that the configuration left out */
    bool encrypted;
    char *unread;            /* why it was not read; NULL: it was */
    struct sops_err failure; /* of the run, and not the item's; SOPS_OK: none */
};
/* Looks where the current folder is to git, once; from one thread, or holding `lock`. A failure is a warning, or
 * (`needed`) code 2. */
bool check_look(struct check_run *r, bool needed, struct sops_err *e) SOPS_CHECKED;
struct check_item *check_add_item(struct check_run *r, const struct check_item *i, struct sops_err *e) SOPS_CHECKED;
/* The path from the top of the work tree on; NULL: the file is not in it. */
const char *check_tree_path(const struct check_run *r, struct sops_slice absolute);
/* check_items.c: which files; sorted, with the configurations in force. */
bool check_items(struct check_run *r, const char *const *paths, struct sops_err *e) SOPS_CHECKED;
/* check_git.c: of the index, of a commit, of a range. */
bool check_items_staged(struct check_run *r, const char *const *paths, struct sops_err *e) SOPS_CHECKED;
bool check_items_rev(struct check_run *r, const char *const *paths, struct sops_err *e) SOPS_CHECKED;
/* Fills r->held with what a commit holds. */
bool check_read_held(struct check_run *r, const char *commit, struct sops_err *e) SOPS_CHECKED;
bool check_config_get(void *ctx, struct sops_slice absolute, struct sops_buf *text, bool *there, struct sops_err *e);
/* check_one.c: reads one item and judges it; on any thread. */
void check_one(struct check_run *r, const struct check_item *i, struct check_result *out);
void check_result_free(struct check_result *x);
/* The metadata of an item, whose keys are to be asked for; `*there` is false when it has none that can be read. */
bool check_one_meta(struct check_run *r, const struct check_item *i, struct sops_meta *m, bool *there,
                    struct sops_err *e) SOPS_CHECKED;
/* check_history.c: `hand-edited`; `text` is the file's. */
bool check_history(struct check_run *r, const struct check_item *i, struct sops_slice text, struct sops_checked *c,
                   struct sops_err *e) SOPS_CHECKED;
/* The version of the file that HEAD holds; `*there` is false when it holds none. sops_git_object_free. */
bool check_head_version(struct check_run *r, const struct check_item *i, struct sops_git_object *o, bool *there,
                        struct sops_err *e) SOPS_CHECKED;
/* The version that sops wrote: the oldest of the last 100 commits that touch the path (from `start` on) with this
 * `mac`. `commit` is empty when there is none. */
bool check_history_oldest(struct sops_git *g, const struct check_starts *start, const char *tree_path,
                          struct sops_slice mac, const struct sops_format *format, char commit[SOPS_GIT_ID],
                          struct sops_revision *v, struct sops_err *e) SOPS_CHECKED;
/* HEAD and what a merge and its like left. */
bool check_history_starts(struct sops_git *g, struct check_starts *s, struct sops_err *e) SOPS_CHECKED;
/* check_key.c: the data keys of all items, had together as with -r. Then for each what they show. */
bool check_keys_open(struct check_run *r, struct sops_err *e) SOPS_CHECKED;
bool check_key(struct check_run *r, const struct check_item *i, const struct sops_subject *s, struct sops_checked *c,
               struct sops_err *e) SOPS_CHECKED;
void check_keys_free(struct check_run *r);

#endif
