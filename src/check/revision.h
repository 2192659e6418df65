/* SPDX-License-Identifier: Apache-2.0 */
/* revision.h - one version of an encrypted file beside another: did sops make the one of the other, or a hand
 * (docs/spec/71-check.md#edited-by-hand)? Without a key. */
#ifndef SOPS_CHECK_REVISION_H
#define SOPS_CHECK_REVISION_H

#include "check/file.h"

struct sops_revision_leaf {
    const struct sops_node *node;
    struct sops_slice aad, text; /* text: ENC[…], or the canonical clear text */
    bool marked;                 /* by the rule of the version */
};

/* What the MAC of a version counts. Starts all-zero; sops_revision_free. */
struct sops_revision {
    struct sops_checked read; /* of its own: from a text; empty when it was taken from a check */
    struct sops_doc *doc;
    const struct sops_meta *meta;
    struct sops_revision_leaf *leaf;
    size_t count;
    struct sops_liner liner; /* of a version that was taken from a check */
    struct sops_arena arena;
};
/* Reads another version of a file of `format`. `*good` is false when it is not encrypted, or cannot be compared. False
 * only when memory is out. */
bool sops_revision_read(struct sops_revision *v, struct sops_slice text, const struct sops_format *format, bool *good,
                        struct sops_err *e) SOPS_CHECKED;
/* The version that is checked; `c` (readable and marked) must outlive it. */
bool sops_revision_take(struct sops_revision *v, struct sops_checked *c, bool *good, struct sops_err *e) SOPS_CHECKED;
void sops_revision_free(struct sops_revision *v);

/* Do the two hold what one MAC can stand for? */
bool sops_revision_agrees(const struct sops_revision *a, const struct sops_revision *b);

/* How `now` differs from `was`. */
struct sops_revision_change {
    struct sops_buf text;   /* `changed ["a"], added ["b"]`, at most five; of `lastmodified` or the setting its name */
    struct sops_slice path; /* of the first that differs, in `arena` */
    unsigned line;          /* of the first that differs and is still there, or 0 */
    const char *entry;      /* what differs is this entry of the metadata (the line is its); or NULL */
    bool clear_only;        /* all values that differ are clear in both */
    struct sops_arena arena;
};
bool sops_revision_compare_texts(const struct sops_revision *was, const struct sops_revision *now,
                                 struct sops_secrets *secrets, struct sops_revision_change *c,
                                 struct sops_err *e) SOPS_CHECKED;
void sops_revision_change_free(struct sops_revision_change *c);

#endif
