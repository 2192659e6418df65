/* SPDX-License-Identifier: Apache-2.0 */
/* kube.h - the parts of `sops kubectl` (docs/spec/74-kubernetes-and-exec.md#kubectl). */
#ifndef SOPS_CLI_KUBE_H
#define SOPS_CLI_KUBE_H

#include "cli/manifests.h"

enum kube_verb { KUBE_APPLY, KUBE_CREATE, KUBE_REPLACE, KUBE_DIFF, KUBE_DELETE };
extern const char *const sops_kube_verbs[]; /* their words; NULL-terminated */

/* What the words say. */
struct kube_words {
    enum kube_verb verb;
    const char *const *files; /* the parts of each -f, in order; URLs too */
    size_t file_count;
    const char *folder; /* -k */
    const char *const *rest;
    size_t rest_count;
    bool recursive, show;
    bool add_server_side, add_manager; /* flags that kubectl gets besides */
    bool keeps_values;                 /* the annotation of last-applied will hold them */
};
/* kube_words.c: `o` gets the options of sops among them. Code 1, 8. */
bool sops_kube_words(struct kube_words *w, struct sops_options *o, const char *const *words,
                     struct sops_err *e) SOPS_CHECKED;
bool sops_kube_is_url(const char *name);

/* kube_files.c: the files that the words name (NULL: stdin), in `a`. Code 1, 2, 8, 100. */
struct kube_files {
    const char **path;
    size_t count, room;
};
bool sops_kube_files(struct kube_files *f, const struct kube_words *w, struct sops_arena *a,
                     struct sops_err *e) SOPS_CHECKED;

/* kube_read.c: appends the documents of a file, opened, to `stream`, each behind a line `---`. `path` NULL: stdin, or
 * `text` where it is not empty, which is freed. `*opened`: whether something was sealed. */
struct kube_read {
    struct sops_job *common;
    const struct kube_words *words;
    struct sops_buf stream;
    bool opened;
};
bool sops_kube_read(struct kube_read *r, const char *path, struct sops_buf *text, struct sops_err *e) SOPS_CHECKED;

#endif
