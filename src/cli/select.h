/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.h - which files do PATHs mean, and which configuration is for each? For every command that looks at many files
 * (docs/spec/71-check.md#which-files-which-configuration).
 */
#ifndef SOPS_CLI_SELECT_H
#define SOPS_CLI_SELECT_H

#include "check/names.h"
#include "check/judge.h"
#include "cli/git.h"

#include <sys/types.h>

/* ---- files --------------------------------------------------------------------------------------------------------
 */

struct sops_selected {
    const char *name;           /* as printed: PATH as given; below a folder FOLDER/rest, below "." just rest */
    const char *path;           /* to open it */
    struct sops_slice absolute; /* clean, by its text: for configurations */
    bool named;                 /* it was given as PATH, and not found in a folder */
    dev_t device;
    ino_t inode;
    off_t size;
};
struct sops_unread {
    const char *name, *why;
};

/* Regexes for names as printed: `include` (when there are any, one must match) and `exclude`. All-zero: every name is
 * wanted. */
struct sops_name_filter {
    struct sops_regex **include, **exclude;
    size_t includes, excludes;
};
/* Compiles the two lists (each ends with NULL, or is NULL). Code 1. */
bool sops_name_filter_make(struct sops_name_filter *f, const char *const *include, const char *const *exclude,
                           struct sops_err *e) SOPS_CHECKED;
bool sops_name_filter_wants(const struct sops_name_filter *f, struct sops_slice name);
void sops_name_filter_free(struct sops_name_filter *f);

/* Set what comes first; leave the rest zero. sops_selection_free. */
struct sops_selection {
    struct sops_git *git;                  /* looked at, or NULL: folders are what the disk holds */
    enum sops_git_place place;             /* what the current folder is to it; only for SOPS_GIT_TREE git is asked */
    bool by_inode;                         /* a file under two names (hard links) counts once, under the first */
    const struct sops_name_filter *filter; /* or NULL */
    struct sops_selected *file;            /* in byte order of the names */
    size_t count;
    struct sops_unread *unread; /* what could not be looked at, as it came up */
    size_t unreads;
    struct sops_arena arena;
    size_t rooms[2];
    struct sops_buf folder, absolute; /* the folder of the file that was added last, and its clean path */
};
/* Finds the files that `paths` (ends with NULL) mean: a file, whatever it is called and also by a link; a folder, with
 * all regular files below it. In the work tree of git these are the files that git lists: cached, and others that are
 * not ignored. Links below a folder are not followed, and what is neither file nor folder is passed over. False for
 * memory, and when git fails. */
bool sops_select(struct sops_selection *s, const char *const *paths, struct sops_err *e) SOPS_CHECKED;
/* The files of the work tree that git knows, named from its top; `paths` (none: all) are looked up from the current
 * folder and choose among them. */
bool sops_select_tracked(struct sops_selection *s, const char *const *paths, struct sops_err *e) SOPS_CHECKED;
void sops_selection_free(struct sops_selection *s);
/* Is it what a killed run left (docs/spec/75-many-files.md#files-without-a-name), and was not given by its name? Then
 * it is to be passed over, which is said. */
bool sops_selected_left_over(const struct sops_selected *f, struct sops_world *w);

/* Appends `absolute` as seen from the folder `from` (both clean): what is below it, or with "../" in front when `up`
 * and it stands above; else as it is. */
bool sops_name_from(struct sops_slice from, struct sops_slice absolute, bool up, struct sops_buf *out,
                    struct sops_err *e) SOPS_CHECKED;

/* ---- configurations -------------------------------------------------------------------------------------------------
 */

/* Gives another version of a file than the disk has, by its absolute path: appends its text. `*there` is false when
 * that version has no such file. */
typedef bool sops_config_get_fn(void *ctx, struct sops_slice absolute, struct sops_buf *text, bool *there,
                                struct sops_err *e);

/* The nearest configuration of each file, each read once. Set what comes first; leave the rest zero. */
struct sops_configs {
    struct sops_world *world;
    const char *named;       /* --config or SOPS_CONFIG: it stands for all files; or NULL */
    const char *commit;      /* that the others are from, or NULL */
    sops_config_get_fn *get; /* below `get_top` this is asked and not the disk; or NULL */
    void *get_ctx;
    struct sops_slice get_top, show_from; /* show_from: names are shown from here; empty: the current folder */
    struct sops_judge **judge;            /* all that were made, in the order of their making */
    size_t count, room;
    struct sops_judge none;     /* for files without one */
    struct sops_judge *only;    /* the one that was named */
    struct sops_table folders;  /* clean path of a folder to its judge */
    struct sops_buf here;       /* the current folder */
    struct sops_unread *unread; /* configurations that cannot be read */
    size_t unreads, unread_room;
    struct sops_arena arena;
};
/* Reads the named one, if any. Code 2 when it cannot be read. To be called before the others. */
bool sops_configs_open(struct sops_configs *c, struct sops_err *e) SOPS_CHECKED;
/* The judge for the file at `absolute`; never NULL but for memory: without a configuration one that is not `there`. */
struct sops_judge *sops_configs_for(struct sops_configs *c, struct sops_slice absolute,
                                    struct sops_err *e) SOPS_CHECKED;
/* The names that a judge's configuration gives to keys; read when they are wanted first. NULL without memory. */
struct sops_names *sops_configs_names(struct sops_configs *c, struct sops_judge *j, struct sops_err *e) SOPS_CHECKED;
void sops_configs_free(struct sops_configs *c);

#endif
