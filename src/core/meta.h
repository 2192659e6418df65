/* SPDX-License-Identifier: Apache-2.0 */
/* meta.h - the metadata of an encrypted file: tree to struct and back (docs/spec/30-metadata.md). */
#ifndef SOPS_CORE_META_H
#define SOPS_CORE_META_H

#include "core/format.h"
#include "core/key.h"
#include "core/rules.h"

#define SOPS_VERSION "3.13.3" /* level of compatibility; written by encrypt. A release changes this line only */

struct sops_meta {
    struct sops_arena arena; /* owns all texts and keys */
    struct sops_rules rules;
    struct sops_group *groups; /* one: it holds the data key; more: Shamir shares */
    int64_t threshold;
    struct sops_slice mac;           /* ENC[...]; empty: none */
    struct sops_slice last_modified; /* normalised: the MAC's additional data */
    struct sops_slice version;
    bool unresolved;      /* read: what a merge left, which is not finished (docs/spec/70-git.md#a-conflict) */
    int64_t conflicts;    /* written as `unresolved`, and never taken over from what was read; 0: not at all */
    unsigned second_line; /* where a later document has metadata of its own, which do not count; 0: nowhere */
};

/* Is there metadata in the first part, by this layout? (filestatus; "already encrypted".) */
bool sops_meta_present(const struct sops_doc *d, enum sops_layout l);
/* Takes the metadata out of the first part (and drops it in others). Code 1; "sops metadata not found" when there is
 * none. Leaves rules.regex to sops_rules_compile. docs/spec/30-metadata.md#reading, steps 1 to 6. */
bool sops_meta_detach(struct sops_doc *d, enum sops_layout l, struct sops_meta *out, struct sops_err *e) SOPS_CHECKED;
/* Puts it into every part, as last entry. */
bool sops_meta_attach(struct sops_doc *d, enum sops_layout l, const struct sops_meta *m,
                      struct sops_err *e) SOPS_CHECKED;
/* Makes the empty `to` say what `from` says; it refers to its texts and keys, which must outlive it. */
void sops_meta_refer(struct sops_meta *to, const struct sops_meta *from);
/* Step 7: is `version` one that sops can have written? Code 1. */
bool sops_meta_check_version(const struct sops_meta *m, struct sops_err *e) SOPS_CHECKED;
/* Compares two semantic versions: *order <0, 0, >0. False (no e) when one is none. */
bool sops_version_compare(struct sops_slice a, struct sops_slice b, int *order);
void sops_meta_free(struct sops_meta *m);

/* meta_flat.c: the flat form of dotenv and INI. `nested` is a map; entries are appended to the map `to`, names
 * prefixed. */
bool sops_meta_flatten(struct sops_doc *d, const struct sops_node *nested, struct sops_node *to, const char *prefix,
                       struct sops_err *e) SOPS_CHECKED;
/* Says that the metadata are there twice, the second time at `line`: somebody put two encrypted files into one. Returns
 * false. */
bool sops_meta_fail_twice(unsigned line, struct sops_err *e);
/* `flat` is a map of texts whose keys have no prefix any more; `*nested` is a new unlinked map. */
bool sops_meta_unflatten(struct sops_doc *d, const struct sops_node *flat, struct sops_node **nested,
                         struct sops_err *e) SOPS_CHECKED;

#endif
