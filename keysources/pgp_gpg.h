/* SPDX-License-Identifier: Apache-2.0 */
/* pgp_gpg.h - the gpg program, run by gpgme: one message out of bytes, and back
 * (docs/spec/60-keysources.md#pgp-the-gpg-program). */
#ifndef SOPS_KEYSOURCES_PGP_GPG_H
#define SOPS_KEYSOURCES_PGP_GPG_H

#include "core/keysource.h"

/* Appends the armored message of `plain` for the key `fingerprint` (spaces taken out), without white space around it.
 * Code 1, with gpg's own words and what is wrong with the key. */
bool sops_gpg_encrypt(struct sops_world *w, struct sops_slice fingerprint, struct sops_slice plain,
                      struct sops_buf *armor, struct sops_err *e) SOPS_CHECKED;
/* Appends what the armored message holds. */
bool sops_gpg_decrypt(struct sops_world *w, struct sops_slice armor, struct sops_buf *plain,
                      struct sops_err *e) SOPS_CHECKED;

/* The secret keys of the keyring (struct sops_keysource): gpg lists its keys, and no agent is started. */
bool sops_pgp_places(struct sops_world *w, struct sops_arena *a, struct sops_place **out, struct sops_err *e);

#endif
