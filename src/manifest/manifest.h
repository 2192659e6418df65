/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - Kubernetes' objects as texts: a stream taken apart, the sealed ones found and grouped, what tools have
 * added to them (docs/spec/74-kubernetes-and-exec.md#manifest-streams). Opens nothing.
 */
#ifndef SOPS_MANIFEST_MANIFEST_H
#define SOPS_MANIFEST_MANIFEST_H

#include "core/format.h"

#define SOPS_MANIFEST_MAX ((size_t)256 << 20) /* a stream, a list */

/* The format that manifests are written in. */
const struct sops_format *sops_manifest_format(void);

/* What an object says of itself; as in the text, which may be a ciphertext. */
struct sops_object_name {
    struct sops_slice api, kind, name, space;
};
/* A sealed one. */
struct sops_sealed_manifest {
    struct sops_slice mac; /* of its group */
    struct sops_object_name of;
    const char *label;     /* the same for messages: "web.yaml: Secret shop/db" */
    size_t next;           /* of its group; 0: it is the last */
    bool follows;          /* it is not the first of its group */
    struct sops_buf clear; /* what takes its place once it was opened */
};
/* One document of a stream, or item of a list. Streams have very many that are plain, so these are small. */
struct sops_manifest {
    const uint8_t *at;
    uint32_t marker_len, text_len;       /* the marker that begins it, if any, and what stands behind it */
    struct sops_sealed_manifest *sealed; /* in the arena; NULL: plain */
};
static inline struct sops_slice sops_manifest_marker(const struct sops_manifest *m)
{
    return sops_slice_of(m->at, m->marker_len);
}
static inline struct sops_slice sops_manifest_text(const struct sops_manifest *m)
{
    return sops_slice_of(m->at + m->marker_len, m->text_len);
}
struct sops_manifests {
    struct sops_manifest *all;
    size_t count, room;
    struct sops_arena arena;
};
/* Adds the documents of a stream; `file` names it in labels, or is NULL. The text must outlive them. Code 2 for UTF-16.
 */
bool sops_manifests_split(struct sops_manifests *m, const char *file, struct sops_slice stream,
                          struct sops_err *e) SOPS_CHECKED;
/* Adds one item of a list, which was read as `root`. */
bool sops_manifests_add(struct sops_manifests *m, struct sops_slice text, const struct sops_node *root,
                        struct sops_err *e) SOPS_CHECKED;
/* Links those that were sealed together. Behind the last of them. */
bool sops_manifests_group(struct sops_manifests *m, struct sops_err *e) SOPS_CHECKED;
void sops_manifests_free(struct sops_manifests *m);

/* Is the text nothing but blanks, comments and directives? */
bool sops_manifest_is_empty(struct sops_slice text);
/* What the object `root` says of itself; empty where it says nothing, or no text. */
struct sops_object_name sops_object_name_of(const struct sops_node *root);
/* "KIND SPACE/NAME" in `a`, tamed for messages; "document N" for what has no clear name. */
bool sops_object_label(struct sops_arena *a, const char *file, const struct sops_object_name *name, size_t number,
                       const char **out, struct sops_err *e) SOPS_CHECKED;

/* ---- notes.c: annotations that tools add after sealing ----------------------------------------------------------- */

struct sops_note {
    struct sops_node *annotations, *after, *note;
};
struct sops_notes {
    struct sops_note *note;
    size_t count;
};
/* Takes them out of the object `root`; what is remembered of them is in `a`. */
bool sops_notes_take(struct sops_notes *n, struct sops_arena *a, struct sops_node *root,
                     struct sops_err *e) SOPS_CHECKED;
/* Puts them back where they stood. */
void sops_notes_put(const struct sops_notes *n);

#endif
