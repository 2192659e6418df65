/* SPDX-License-Identifier: Apache-2.0 */
/* age_ssh_key.h - SSH keys in all the files that ssh-keygen writes, as far as age takes them
 * (docs/spec/61-age.md#ssh-keys). */
#ifndef SOPS_KEYSOURCES_AGE_SSH_KEY_H
#define SOPS_KEYSOURCES_AGE_SSH_KEY_H

#include "base/base.h"

#define SOPS_SSH_ED25519 "ssh-ed25519"
#define SOPS_SSH_RSA "ssh-rsa"

/* The fields of a public key. */
struct sops_ssh_public {
    bool rsa;
    struct sops_slice point; /* 32 bytes of Ed25519 */
    struct sops_slice n, e;  /* of RSA, without leading zeros */
};

enum { SOPS_SSH_N, SOPS_SSH_E, SOPS_SSH_D, SOPS_SSH_P, SOPS_SSH_Q, SOPS_SSH_INVERSE, SOPS_SSH_NUMBERS };

/* A private key file. */
struct sops_ssh_private {
    bool encrypted; /* and no passphrase was given: only `wire` is there, if the file tells */
    bool rsa;
    struct sops_buf wire;   /* the public key as it goes over the wire; empty when the file does not tell */
    struct sops_buf secret; /* what the slices below point into */
    struct sops_slice seed; /* 32 bytes of Ed25519 */
    struct sops_slice number[SOPS_SSH_NUMBERS]; /* of RSA; INVERSE is 1/q mod p, as the file says */
};

/* Reads a public key from the wire form; the slices of `out` point into `wire`. Nothing may follow it. */
bool sops_ssh_public_parse(struct sops_slice wire, struct sops_ssh_public *out, struct sops_err *e) SOPS_CHECKED;
/* The wire form, appended. */
bool sops_ssh_public_emit(const struct sops_ssh_public *k, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends the wire form of the first key in a text like authorized_keys: lines that hold no key are passed over,
 * options may stand in front of the type, and the type must be that in the key itself. */
bool sops_ssh_authorized_parse(struct sops_slice text, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* Reads a private key file. An empty `passphrase`: none is known, encrypted files are only recognised. Code 1,
 * "incorrect passphrase", when it is wrong. */
bool sops_ssh_private_parse(struct sops_slice text, struct sops_slice passphrase, struct sops_ssh_private *out,
                            struct sops_err *e) SOPS_CHECKED;
void sops_ssh_private_free(struct sops_ssh_private *k);

#endif
