/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matcher.h - many texts looked for at once, in a text that comes in pieces. Knows nothing of what they are.
 *
 *     sops_matcher_add(&m, text, id, e) …; sops_matcher_build(&m, e);
 *     while ((at = sops_matcher_next(&m, text, at, &found)) < text.len) … at++
 */
#ifndef SOPS_BASE_MATCHER_H
#define SOPS_BASE_MATCHER_H

#include "base/base.h"

enum { SOPS_MATCHER_SHORTEST = 4, SOPS_MATCHER_LONGEST = 4096 };

/* Start all-zero. */
struct sops_matcher {
    struct sops_buf text;           /* all texts, one behind the other */
    struct sops_matcher_entry *all; /* sorted by their texts, each of them once */
    size_t count, room;
    struct sops_matcher_slot *slots; /* by the first four bytes: where the entries with them are */
    size_t slot_mask;
    uint64_t *filter; /* a bit for each hash of first four bytes */
    unsigned filter_bits;
    bool first[256]; /* is it the first byte of a text? */
};
/* Adds a text of SOPS_MATCHER_SHORTEST to SOPS_MATCHER_LONGEST bytes; copied. */
bool sops_matcher_add(struct sops_matcher *m, struct sops_slice text, uint32_t id, struct sops_err *e) SOPS_CHECKED;
/* Behind the last of them. Of equal texts the one with the lowest id stays. */
bool sops_matcher_build(struct sops_matcher *m, struct sops_err *e) SOPS_CHECKED;

struct sops_found {
    size_t len;  /* of the longest text that begins there; 0: none does */
    uint32_t id; /* of that one */
    bool open;   /* what stands there up to the end is the beginning of a longer text: more is needed to know */
};
/* The first place in `in`, at or behind `from`, where a text begins or may begin; in.len when there is none. A place
 * costs no more than the longest text, whatever they are. */
size_t sops_matcher_next(const struct sops_matcher *m, struct sops_slice in, size_t from, struct sops_found *found);
void sops_matcher_free(struct sops_matcher *m);

#endif
