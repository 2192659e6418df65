/* SPDX-License-Identifier: Apache-2.0 */
/* openssl.h - OpenSSL started with little: what a small file needs is a third of what it does by itself at a start. */
#ifndef SOPS_BASE_OPENSSL_H
#define SOPS_BASE_OPENSSL_H

#include <stdbool.h>

struct evp_cipher_st;
struct evp_md_st;
struct ossl_lib_ctx_st;

/* Once, before any use of OpenSSL. `configured`: somebody chose a configuration (OPENSSL_CONF), so all is done as
 * OpenSSL does it by itself. Otherwise no configuration is read, and neither the names of algorithms nor the words of
 * errors are collected. */
void sops_openssl_start(bool configured);
/* Makes the common algorithms known by name again, for those who look them up by it: encrypted PEM files, and TLS with
 * its certificates (libcurl, libpq); and the words of errors. May be called often, and by several threads. */
void sops_openssl_names(void);
/* From now on OpenSSL takes random bytes from the kernel, as we do; a generator of its own takes half a millisecond to
 * set up. Does nothing when somebody chose a configuration. May be called often, and by several threads. */
void sops_openssl_kernel_random(void);
/* AES-256-GCM, for EVP_CIPHER_free when done with; NULL when OpenSSL has none. */
struct evp_cipher_st *sops_openssl_gcm(void);
/* A library context that reads the RSA keys of certificates and encrypts with them, and knows no other key; NULL, the
 * default context, when somebody chose a configuration or OpenSSL has no such. */
struct ossl_lib_ctx_st *sops_openssl_rsa(void);
/* What EVP_sha3_256 and its like give, in a form that need not be looked up for each use; others as they are. */
const struct evp_md_st *sops_openssl_digest(const struct evp_md_st *known);

#endif
