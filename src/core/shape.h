/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.h - a document prepared for comparing: a print of each node, with and without comments, in one pass.
 *
 * Equal values are those of the same kind and text, maps and lists entry by entry in order; whether a leaf is encrypted
 * does not count (docs/spec/70-git.md#the-merge-values). A document that could not be opened is compared by its
 * ciphertexts.
 */
#ifndef SOPS_CORE_SHAPE_H
#define SOPS_CORE_SHAPE_H

#include "core/match.h"
#include "core/tree.h"

#define SOPS_NO_SHAPE UINT32_MAX

struct sops_shape {
    struct sops_node *node;
    struct sops_print value; /* without the comments in it */
    struct sops_print whole; /* with them */
    uint32_t child, next;    /* places in sops_shapes.shape, or SOPS_NO_SHAPE */
    uint32_t up;             /* the same of the map or list around it */
    bool comment;            /* a comment, or what is one when it is opened */
};
struct sops_shapes {
    struct sops_shape *shape; /* in document order */
    size_t count;
};

/* What the prints of leaves are made of. */
enum sops_shape_by {
    SOPS_SHAPE_OPEN,   /* kind and text */
    SOPS_SHAPE_OPENED, /* of an opened document: the ciphertext of what was encrypted, else kind and text */
    SOPS_SHAPE_CLOSED, /* the same of one that was not opened, but marked */
};

/* Looks at all of `d`, which must outlive it and stay as it is. `key` is the same for all that is compared. */
bool sops_shapes_make(struct sops_shapes *s, const struct sops_doc *d, const uint8_t key[SOPS_PRINT_KEY],
                      enum sops_shape_by by, struct sops_err *e) SOPS_CHECKED;
void sops_shapes_free(struct sops_shapes *s);

/* How many values (no comments) are in it, itself counted when it is one; an empty map or list is one. */
size_t sops_shape_values(const struct sops_shapes *s, uint32_t at);
/* Is it a ciphertext by its spelling: ENC[AES256_GCM,…]? */
bool sops_is_ciphertext(struct sops_slice text);
/* Is it a comment of a text that was not opened: one, or in a list the item that an encrypted one is? */
bool sops_reads_as_comment(const struct sops_node *n);

#endif
