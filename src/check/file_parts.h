/* SPDX-License-Identifier: Apache-2.0 */
/* file_parts.h - the parts of the check of one file, in the order in which file.c calls them. All return false only
 * when memory is out. */
#ifndef SOPS_CHECK_FILE_PARTS_H
#define SOPS_CHECK_FILE_PARTS_H

#include "check/file.h"

/* metadata.c: takes the metadata out of the tree, and finds what is wrong with them. */
bool sops_part_metadata(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e) SOPS_CHECKED;
/* leaves.c: what is clear, sealed or damaged where it should not be. The rule is known. */
bool sops_part_leaves(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e) SOPS_CHECKED;
/* drift.c: keys, settings and age against the configuration. */
bool sops_part_drift(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e) SOPS_CHECKED;
/* clear_text.c: secrets in the clear parts of an encrypted file, or in a plain text. */
bool sops_part_clear(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e) SOPS_CHECKED;
bool sops_part_plain(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e) SOPS_CHECKED;

/* "encrypted_regex '^pw'", as messages name a crypt rule; in the arena. NULL without memory. */
const char *sops_part_rule(struct sops_arena *a, const struct sops_rules *r, struct sops_err *e);
/* The file's name as a word of a command. */
const char *sops_part_word(struct sops_arena *a, const char *name, struct sops_err *e);

#endif
