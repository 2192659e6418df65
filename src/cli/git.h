/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git.h - git as a peer (docs/spec/71-check.md#git): asked by its own program, in the current folder, with the caller's
 * variables.
 *
 * A repository is foreign input. Every call is made so that looking at one runs no program that its configuration names
 * and fetches nothing, that an object which refs/replace hides is seen as it will be pushed, and that no name is a
 * pattern. What git answers is trusted no more than a file.
 */
#ifndef SOPS_CLI_GIT_H
#define SOPS_CLI_GIT_H

#include "core/world.h"

#include <pthread.h>

/* What the folder is to git. */
enum sops_git_place {
    SOPS_GIT_NONE,   /* in no repository, or there is no git */
    SOPS_GIT_TREE,   /* in a work tree */
    SOPS_GIT_BARE,   /* in a repository, and in no work tree of it */
    SOPS_GIT_FAILED, /* git refuses to say (a foreign owner, a broken repository) */
};

#define SOPS_GIT_ID 65 /* a name of an object in hex digits, with its NUL: SHA-1 or SHA-256 */

/* Set world (and folder, lock); leave the rest zero. sops_git_close when done. For one thread, or with a lock for
 * several; sops_git_look is always for one. */
struct sops_git {
    struct sops_world *world;
    const char *folder;         /* where git is asked; NULL: the current folder */
    pthread_mutex_t *lock;      /* of the caller, held while git is asked; or NULL */
    struct sops_buf top;        /* of the work tree: its absolute path, links resolved, with a NUL behind it */
    struct sops_buf complaints; /* lines that git wrote on stderr while it succeeded: what it could not look into */
    struct sops_buf answer;     /* read from the one `cat-file --batch`, and not used yet from `at` on */
    size_t at;
    struct sops_stream batch; /* that one; all-zero: not started */
};

/* Looks where the folder is; fills in `top` for SOPS_GIT_TREE. SOPS_GIT_FAILED comes with `e` set, to be told or
 * cleared. Runs nothing where nothing above the folder looks like a repository. */
enum sops_git_place sops_git_look(struct sops_git *g, struct sops_err *e);

/* Runs `git WORDS` and appends what it prints on stdout to `out` (NULL: it is dropped). `words` ends with NULL; names
 * and paths must stand behind `--` or `--end-of-options`, or come by `input`, with `-z`. A status that is not 0 is code
 * 2 with git's last words; with `status` it is no failure, and what git says is dropped. */
bool sops_git_run(struct sops_git *g, const char *const *words, struct sops_slice input, struct sops_buf *out,
                  int *status, struct sops_err *e) SOPS_CHECKED;

/* The commit that the user's `text` means, as an id; never taken for an option. Code 2 when there is none. */
bool sops_git_commit(struct sops_git *g, struct sops_slice text, char id[SOPS_GIT_ID], struct sops_err *e) SOPS_CHECKED;

/* An object as `cat-file --batch` gives it. */
struct sops_git_object {
    char id[SOPS_GIT_ID];
    bool there;            /* false: there is no such object (or it was never fetched), and the rest is empty */
    bool blob;             /* the content of a file, or of a link */
    bool cut;              /* longer than was wanted: `bytes` holds only its beginning */
    size_t size;           /* of the whole */
    struct sops_buf bytes; /* the caller's */
};
#define SOPS_GIT_HEAD ((size_t)8000) /* bytes in which a NUL makes a content binary, as git has it */
/* The object `name`: an id, COMMIT:PATH, or :N:PATH, without a line feed (code 2). At most `limit` bytes are kept; with
 * `text_only` no more than the first piece of what holds a NUL in its first SOPS_GIT_HEAD bytes. */
bool sops_git_read(struct sops_git *g, struct sops_slice name, size_t limit, bool text_only, struct sops_git_object *o,
                   struct sops_err *e) SOPS_CHECKED;
/* The file at `path` (from the top on) of a commit, or of the index: `of` is its id or ":0". As sops_git_read, and for
 * any name. */
bool sops_git_read_path(struct sops_git *g, const char *of, struct sops_slice path, size_t limit, bool text_only,
                        struct sops_git_object *o, struct sops_err *e) SOPS_CHECKED;
void sops_git_object_free(struct sops_git_object *o);
/* The id of a file with this content, as git makes it: SHA-1, or SHA-256 where `like`, an id of the repository, has 64
 * digits. False when it cannot be made. Good to see that nothing has changed, and for nothing else. */
bool sops_git_blob_id(struct sops_slice text, const char *like, char id[SOPS_GIT_ID]);

/* Ends the process that gives objects, and frees what `g` holds. */
void sops_git_close(struct sops_git *g);

#endif
