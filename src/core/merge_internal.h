/* SPDX-License-Identifier: Apache-2.0 */
/* merge_internal.h - what merge.c and merge_entries.c share, and nobody else includes. */
#ifndef SOPS_CORE_MERGE_INTERNAL_H
#define SOPS_CORE_MERGE_INTERNAL_H

#include "base/table.h"
#include "core/merge.h"
#include "core/shape.h"

enum { BASE, OURS, THEIRS, VERSIONS };

/* Comments that stand one behind the other: the first, and how many. */
struct notes {
    uint32_t first;
    uint32_t count;
};
/* An entry of a map, or an item of a list that is told apart by name. */
struct entry {
    uint32_t at; /* its shape; SOPS_NO_SHAPE: that version does not have it */
    struct notes notes;
};
struct entries {
    struct entry *entry;
    struct sops_slice *id; /* what tells each apart: its key, or the text of its name */
    size_t count;
    struct notes loose;      /* comments that belong to the map itself */
    struct sops_table by_id; /* place in `entry`, counted from 1 */
    bool good;               /* every entry has an id that is a text, each another one */
};
/* One entry in all versions. */
struct slot {
    struct entry in[VERSIONS];
    uint32_t next; /* while they are brought in order */
};

struct merging {
    const struct sops_merge_in *in;
    struct sops_merge *m;
    struct sops_shapes shapes[VERSIONS];
    struct sops_shapes by_cipher[VERSIONS]; /* of ours and theirs, when the base is closed */
    uint8_t key[SOPS_PRINT_KEY];
    struct frame *frames; /* the innermost map first */
    unsigned document;
};

/* What tells the items of a list apart: "name", "key" or "id" where all versions that have it (SOPS_NO_SHAPE: has not)
 * have a text or whole number under it in each item, and neither side is empty. NULL: nothing does. */
const char *sops_list_identity(const struct merging *g, const uint32_t at[VERSIONS]);
/* The entries of the map (or list, with `identity`) at `at` of one version. */
bool sops_entries_make(const struct merging *g, unsigned version, uint32_t at, const char *identity,
                       struct entries *out, struct sops_err *e) SOPS_CHECKED;
void sops_entries_free(struct entries *x);
/* The slots of the merged map in their order, without those that are gone. `list` is allocated. */
bool sops_slots_make(struct merging *g, const struct entries x[VERSIONS], struct slot **list, size_t *count,
                     struct sops_err *e) SOPS_CHECKED;

/* Are the two equal? Of a version that is BASE the ciphertexts count where it is closed. */
bool sops_merge_equal(const struct merging *g, unsigned v, uint32_t a, unsigned w, uint32_t b);
/* The same for rows of comments. */
bool sops_notes_equal(const struct merging *g, unsigned v, struct notes a, unsigned w, struct notes b);

static inline const struct sops_shape *shape_of(const struct merging *g, unsigned version, uint32_t at)
{
    return &g->shapes[version].shape[at];
}

#endif
