/* SPDX-License-Identifier: Apache-2.0 */
/* reuse_old.h - a new clear text beside an older encrypted version of the file: what did not change keeps its
 * ciphertext (docs/spec/70-git.md#replace-encrypt---reuse). */
#ifndef SOPS_CLI_REUSE_OLD_H
#define SOPS_CLI_REUSE_OLD_H

#include "cli/versions.h"

/* Do the two hold the same kinds, keys, texts, comments and order? */
bool sops_same_documents(const struct sops_envelope *a, const struct sops_envelope *b);
/* Would the sealed text of `clear` be what `old` was opened from? Where both are kept as they are written, the layout
 * counts, too. */
bool sops_same_file(const struct sops_envelope *old, const struct sops_envelope *clear, bool *same,
                    struct sops_err *e) SOPS_CHECKED;

enum sops_old {
    SOPS_OLD_EQUAL, /* the file is that version, byte for byte: nothing changed */
    SOPS_OLD_TAKEN, /* its data key, keys and ciphertexts are lent to the job's envelope; the rest is to be sealed */
    SOPS_OLD_UNFIT, /* it cannot be used; `why` says so */
};
/* `old` was looked at in the job's output format; the job's envelope holds the new text, its keys and its rules. False
 * only when memory is out. `old` must outlive the sealing. */
bool sops_job_take_old(struct sops_job *j, struct sops_version *old, enum sops_old *how, struct sops_err *why,
                       struct sops_err *e) SOPS_CHECKED;
/* Seals the job's clear text in the place of that of `old`, which is open, with the keys and slots of that. */
bool sops_job_seal_in(struct sops_job *j, struct sops_envelope *old, struct sops_err *e) SOPS_CHECKED;

#endif
