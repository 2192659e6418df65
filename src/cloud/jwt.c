/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL asks on the terminal for the passphrase of an encrypted PEM key unless it is told not to. */
#include "cloud/jwt.h"

#include "base/openssl.h"
#include "base/encode.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

int sops_pem_no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

EVP_PKEY *sops_pem_key(struct sops_slice pem, struct sops_err *e)
{
    sops_openssl_names();
    BIO *bio = pem.len > 0 && pem.len < INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, sops_pem_no_passphrase, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL || EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        (void)sops_fail(e, SOPS_E_GENERIC, "the private key is not an RSA key in PEM form");
        return NULL;
    }
    return key;
}

static bool add_signature(struct sops_buf *out, size_t start, EVP_PKEY *key, struct sops_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct sops_buf sum = {0};
    size_t len = 0;
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, NULL, &len, out->ptr + start, out->len - start) == 1;
    if (ok && sops_buf_reserve(&sum, len, e)) {
        ok = EVP_DigestSign(ctx, sum.ptr, &len, out->ptr + start, out->len - start) == 1;
        sum.len = ok ? len : 0;
    }
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    ok = (ok || sops_fail(e, SOPS_E_GENERIC, "the private key cannot sign")) && sops_buf_addc(out, '.', e) &&
         sops_base64_add(out, SOPS_B64_URL, sops_buf_view(&sum), e);
    sops_buf_free(&sum);
    return ok;
}

bool sops_jwt_add(struct sops_buf *out, struct sops_slice header, struct sops_slice claims, EVP_PKEY *key,
                  struct sops_err *e)
{
    size_t start = out->len;
    return sops_base64_add(out, SOPS_B64_URL, header, e) && sops_buf_addc(out, '.', e) &&
           sops_base64_add(out, SOPS_B64_URL, claims, e) && add_signature(out, start, key, e);
}
