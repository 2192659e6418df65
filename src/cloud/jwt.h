/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.h - signed statements (RFC 7519), with RSA keys that OpenSSL reads. */
#ifndef SOPS_CLOUD_JWT_H
#define SOPS_CLOUD_JWT_H

#include "base/base.h"

#include <openssl/evp.h>

/* A PEM private key (PKCS #8 or #1) without a passphrase; to be freed with EVP_PKEY_free. NULL with `e` set, code 1. */
EVP_PKEY *sops_pem_key(struct sops_slice pem, struct sops_err *e) SOPS_CHECKED;
/* For OpenSSL's readers of PEM: no passphrase, and nobody is asked for one. */
int sops_pem_no_passphrase(char *buf, int size, int writing, void *arg);
/* Appends base64url(header).base64url(claims).signature: RS256. */
bool sops_jwt_add(struct sops_buf *out, struct sops_slice header, struct sops_slice claims, EVP_PKEY *key,
                  struct sops_err *e) SOPS_CHECKED;

#endif
