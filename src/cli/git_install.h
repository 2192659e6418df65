/* SPDX-License-Identifier: Apache-2.0 */
/* git_install.h - the two places that `git install` writes: git's configuration (git_install.c) and the block of
 * .gitattributes (git_attributes.c). */
#ifndef SOPS_CLI_GIT_INSTALL_H
#define SOPS_CLI_GIT_INSTALL_H

#include "cli/git.h"

struct sops_install_options {
    bool merge, diff, filter, global, check, uninstall;
    const char *const *attributes;
};

/* The block of .gitattributes in the top folder of a work tree. All-zero; sops_attributes_free when done. */
struct sops_attributes {
    struct sops_buf path, text; /* as read; no file: empty */
    bool there;
    size_t begin, end; /* of the block in `text`; both 0: there is none */
};
void sops_attributes_free(struct sops_attributes *a);
/* Reads it. Code 2 for a link, and for a block without its end. */
bool sops_attributes_read(struct sops_attributes *a, struct sops_git *git, struct sops_err *e) SOPS_CHECKED;
/* Puts a block of these patterns (lines) with these attributes (" merge=sops …") in, or, `patterns` being empty, takes
 * it out. */
bool sops_attributes_write(const struct sops_attributes *a, struct sops_slice patterns, const char *attributes,
                           struct sops_err *e) SOPS_CHECKED;

/* A file of the index. */
struct sops_indexed {
    struct sops_slice path;
    struct sops_slice id; /* of its content; of the base's, where a merge is not finished */
    bool sealed;
};
struct sops_index {
    struct sops_indexed *file;
    size_t count;
    struct sops_buf list; /* what the paths and ids point into */
};
/* The regular files of the index, and which of them are encrypted. git.folder is the top. */
bool sops_index_read(struct sops_index *x, struct sops_git *git, struct sops_err *e) SOPS_CHECKED;
void sops_index_free(struct sops_index *x);
/* The patterns that cover the encrypted files and no other one, a line each, in order. Paths for which none can be
 * written are warned of. */
bool sops_index_patterns(const struct sops_index *x, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
