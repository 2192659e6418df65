/* SPDX-License-Identifier: Apache-2.0 */
/* look.h - is this text an encrypted file, and of which format? Nothing is opened and no key is needed
 * (docs/spec/71-check.md#which-files-which-configuration). */
#ifndef SOPS_CHECK_LOOK_H
#define SOPS_CHECK_LOOK_H

#include "core/format.h"

enum sops_look_kind {
    SOPS_LOOK_PLAIN,
    SOPS_LOOK_ENCRYPTED,
    SOPS_LOOK_DAMAGED, /* it holds ciphertext and metadata, and does not parse */
};

#define SOPS_BINARY_HEAD ((size_t)8000) /* a NUL in so many bytes makes a text binary, as git has it */

/* What was found. Starts all-zero; sops_look_free. */
struct sops_look {
    enum sops_look_kind kind;
    bool binary;                      /* a NUL in its head: never encrypted, and there is no text to look at */
    const struct sops_format *format; /* ENCRYPTED: the one found; else that of the name */
    bool other;                       /* it is not the one that the name says */
    unsigned conflict;                /* line of the first of three conflict markers, or 0 (not for `binary`) */
    struct sops_doc doc;              /* ENCRYPTED: the tree, metadata in it */
    struct sops_err why;              /* DAMAGED: line and cause */
};
/* Looks at `text`; `named` is the format of the file's name (its clear one: binary, not json). With `only` no other
 * format is tried. False only when memory is out. */
bool sops_look(struct sops_look *l, struct sops_slice text, const struct sops_format *named, bool only,
               struct sops_err *e) SOPS_CHECKED;
void sops_look_free(struct sops_look *l);

/* Are there metadata that make the document an encrypted one: a mapping that holds `mac`, `lastmodified`, or a list of
 * keys with something in it? */
bool sops_look_has_meta(const struct sops_doc *d, enum sops_layout l);
/* The line of the first `<<<<<<<` behind which a `=======` and a `>>>>>>>` follow; 0: none. */
unsigned sops_look_conflict(struct sops_slice text);

#endif
