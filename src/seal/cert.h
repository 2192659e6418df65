/* SPDX-License-Identifier: Apache-2.0 */
/* cert.h - certificates of controllers, read and checked (docs/spec/72-sealed-secrets.md#certificates), and the private
 * keys of a controller, alone or in its backups (#unseal). */
#ifndef SOPS_SEAL_CERT_H
#define SOPS_SEAL_CERT_H

#include "core/format.h"
#include "core/world.h"
#include "seal/cipher.h"

#define SOPS_CERT_MAX ((size_t)1 << 20)
#define SOPS_KEYS_MAX ((size_t)16 << 20)
#define SOPS_FINGERPRINT_TEXT (7 + 2 * SOPS_SEAL_FINGERPRINT + 1) /* "sha256:…" and a NUL */

struct sops_seal_cert {
    struct evp_pkey_st *key;
    uint8_t fingerprint[SOPS_SEAL_FINGERPRINT];
    char name[SOPS_FINGERPRINT_TEXT];
    int64_t not_before, not_after; /* seconds since 1970 */
    struct sops_buf pem;           /* its block alone */
};
/* Reads the first certificate of `text`, and warns of what is odd about it; `where` is what messages call it. Code 1
 * with a hint. */
bool sops_cert_read(struct sops_seal_cert *c, struct sops_world *w, const char *where, struct sops_slice text,
                    struct sops_err *e) SOPS_CHECKED;
/* The same without a look at its dates, and without a warning: for one that is about to be replaced. */
bool sops_cert_present(struct sops_seal_cert *c, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* Is the fingerprint one of the `count` that are pinned? (None are: yes.) Code 1. */
bool sops_cert_pinned(const struct sops_seal_cert *c, const char *where, const struct sops_slice *pin, size_t count,
                      struct sops_err *e) SOPS_CHECKED;
void sops_cert_free(struct sops_seal_cert *c);

/* Private keys, in the order in which they are tried. */
struct sops_seal_keys {
    struct evp_pkey_st **key;
    size_t count, room;
};
/* Adds the RSA keys of PEM text. Code 128 naming `where`. */
bool sops_keys_add_pem(struct sops_seal_keys *keys, const char *where, struct sops_slice text,
                       struct sops_err *e) SOPS_CHECKED;
/* Adds the keys of a controller's backup: all `tls.key` of the Secrets in `d`. One without is passed over with a
 * warning. */
bool sops_keys_add_backup(struct sops_seal_keys *keys, struct sops_world *w, const char *where,
                          const struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;
/* Does the text hold a PEM block? */
bool sops_is_pem(struct sops_slice text);
/* Is it the private key of this certificate? */
bool sops_key_fits(struct evp_pkey_st *key, const struct sops_seal_cert *c);
void sops_seal_keys_free(struct sops_seal_keys *keys);

#endif
