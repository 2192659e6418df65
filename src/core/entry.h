/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - the entries of files: one key each with the data key (or share) that it wraps, and what became of opening
 * it.
 *
 * An entry is asked once in a run. Files that were copied share theirs, and so does a file that is read again because
 * somebody else has changed it: no PIN is asked twice, and no failure is repeated
 * (docs/spec/75-many-files.md#unlocking).
 */
#ifndef SOPS_CORE_ENTRY_H
#define SOPS_CORE_ENTRY_H

#include "core/keysource.h"

struct sops_answers;
struct sops_service;

enum sops_entry_state { SOPS_ENTRY_UNASKED, SOPS_ENTRY_OPENED, SOPS_ENTRY_REFUSED };

struct sops_entry {
    const struct sops_key *key; /* of the file that has it; while it is asked */
    struct sops_answers *answers;
    union {
        struct sops_slice plain; /* OPENED: the data key or share, in locked memory */
        struct sops_slice cause; /* REFUSED: of each service its message and its hint, a NUL behind each */
    };
    const void *tried_by; /* for the source: what was tried on it last */
    uint32_t users;       /* files that will want `plain` again */
    uint32_t lot;         /* for whoever asks: the first of the lots that hold it, + 1 */
    enum sops_entry_state state;
};

/* Entries of one source that stand next to each other in a group, in the order in which they are tried: any one of them
 * opens it. */
struct sops_lot {
    struct sops_entry **entry;
    size_t count;
};

/* All that was answered in this run; lives as long as the world. */
struct sops_answers *sops_answers_of(struct sops_world *w, struct sops_err *e) SOPS_CHECKED;
/* One asking at a time: what may ask the user does so in order, and what has been answered is not asked again. */
void sops_answers_lock(struct sops_answers *a);
void sops_answers_unlock(struct sops_answers *a);
/* The entry for `key`, number `number` of its group, by these services, made when it is new. Of very many only the
 * first are remembered. Between lock and unlock. */
struct sops_entry *sops_answers_entry(struct sops_answers *a, const struct sops_service *services,
                                      const struct sops_key *key, size_t number, struct sops_err *e) SOPS_CHECKED;

/* What became of it; any thread may say so of an entry that it was given to ask. `plain` is copied. Where memory was
 * out the key has said nothing: that fails, and the entry stays unasked. */
bool sops_entry_open(struct sops_entry *n, struct sops_slice plain, struct sops_err *e) SOPS_CHECKED;
bool sops_entry_refuse(struct sops_entry *n, const struct sops_err *why, struct sops_err *e) SOPS_CHECKED;
bool sops_entry_refuse_for(struct sops_entry *n, struct sops_slice cause, struct sops_err *e) SOPS_CHECKED;
/* Appends one service's failure to a cause; fails when it was want of memory. */
bool sops_cause_add(struct sops_buf *cause, const struct sops_err *why, struct sops_err *e) SOPS_CHECKED;
/* One file less wants it: the last one's end wipes it, and it may be asked again. */
void sops_entry_done(struct sops_entry *n);

/* The one of the lot that is open, or NULL. */
struct sops_entry *sops_lot_opened(const struct sops_lot *l);
/* Is one open, or are all refused? */
bool sops_lot_settled(const struct sops_lot *l);

#endif
