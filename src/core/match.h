/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - what two rows of things have in common, and what becomes of two changed copies of a third. Knows the things
 * by their prints only: items of a list, lines of a text, documents of a file.
 *
 * Bounded: rows that are further apart than SOPS_MATCH_STEPS lets find out are said to be so, and nothing is guessed.
 */
#ifndef SOPS_CORE_MATCH_H
#define SOPS_CORE_MATCH_H

#include "base/base.h"

/* A keyed hash that stands for a thing: equal things have equal ones, and nobody without the key makes two others
 * equal. */
struct sops_print {
    uint64_t word[2];
};
#define SOPS_PRINT_KEY 16 /* bytes of the key, new in each run */
/* The print of `bytes` that are of the kind `tag`. */
struct sops_print sops_print_of(const uint8_t key[SOPS_PRINT_KEY], uint64_t tag, struct sops_slice bytes);

static inline bool sops_print_eq(const struct sops_print *a, const struct sops_print *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

struct sops_row {
    const struct sops_print *print;
    size_t count;
};

#define SOPS_MATCH_STEPS ((size_t)10000000) /* of edit distance, for one pair of rows */
#define SOPS_NO_MATCH UINT32_MAX

/* A longest common subsequence: `to[i]` gets the place in `b` of the thing `i` of `a`, or SOPS_NO_MATCH. `*far` (and
 * then `to` says nothing): the rows are too far apart. False only when memory is out. */
bool sops_match(struct sops_row a, struct sops_row b, uint32_t *to, bool *far, struct sops_err *e) SOPS_CHECKED;

/* A stretch of the merged row, and where it is taken from. */
enum sops_piece_from { SOPS_PIECE_BOTH, SOPS_PIECE_OURS, SOPS_PIECE_THEIRS };
struct sops_piece {
    enum sops_piece_from from; /* BOTH: the same on both sides, taken from ours */
    size_t begin, end;         /* in the row of theirs for THEIRS, else in that of ours */
};
struct sops_pieces {
    struct sops_piece *piece;
    size_t count, cap;
};
/* May changes of the two sides touch? */
enum sops_match_how {
    SOPS_MATCH_APART,    /* no: it does not fit then */
    SOPS_MATCH_TOUCHING, /* yes, and what both add at one place stands there, ours first */
};
/* Three-way: what both sides have of `base` stays; between two such things a side that left the base as it is gives way
 * to the other, and sides that are the same are taken once. `*fits` is false where both changed something in between,
 * or the rows are too far apart. False only when memory is out. */
bool sops_match_three(struct sops_row base, struct sops_row ours, struct sops_row theirs, enum sops_match_how how,
                      struct sops_pieces *out, bool *fits, struct sops_err *e) SOPS_CHECKED;
void sops_pieces_free(struct sops_pieces *p);

/* The prints of the lines of `text`, each with its LF, and where each begins (one more than there are lines: the end).
 * Both are freed by the caller. */
struct sops_lines {
    struct sops_print *print;
    size_t *begin;
    size_t count;
};
bool sops_lines_split(struct sops_slice text, const uint8_t key[SOPS_PRINT_KEY], struct sops_lines *out,
                      struct sops_err *e) SOPS_CHECKED;
void sops_lines_free(struct sops_lines *l);
/* Appends the merged text of base, ours and theirs (in this order) by their lines; `*fits` and failure as above. */
bool sops_lines_merge(const struct sops_slice text[3], const uint8_t key[SOPS_PRINT_KEY], enum sops_match_how how,
                      struct sops_buf *out, bool *fits, struct sops_err *e) SOPS_CHECKED;

#endif
