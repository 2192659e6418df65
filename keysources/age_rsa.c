/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's own check of an RSA key tests its factors for being prime, which takes longer than all the rest of a
 * decryption. The numbers are only checked to belong together: a file that lies about primes could only hurt its owner.
 */
#include "keysources/age_rsa.h"

#include "base/openssl.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define LABEL "age-encryption.org/v1/ssh-rsa"
enum { N, E, D, P, Q, DP, DQ, INVERSE, NUMBERS };

static bool failed(struct sops_err *e, const char *what) { return sops_fail(e, SOPS_E_GENERIC, "%s", what); }

/* A key of the first `count` numbers. */
static EVP_PKEY *make_key(BIGNUM *const number[NUMBERS], int count)
{
    static const char *const names[NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    };
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool ok = builder != NULL && ctx != NULL;
    for (int i = 0; ok && i < count; i++) {
        ok = number[i] != NULL && OSSL_PARAM_BLD_push_BN(builder, names[i], number[i]) == 1;
    }
    params = ok ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, count > E + 1 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static BIGNUM *to_number(struct sops_slice s)
{
    BIGNUM *n = BN_secure_new();
    if (n != NULL && BN_bin2bn(s.ptr, (int)s.len, n) == NULL) {
        BN_free(n);
        return NULL;
    }
    return n;
}

/* Works out the numbers that the key file need not hold, and checks those it holds: n = pq, ed = 1 mod p-1 and q-1. */
static bool complete(BIGNUM *number[NUMBERS], BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *less = BN_CTX_get(ctx), *t = BN_CTX_get(ctx);
    bool ok = t != NULL && BN_mul(t, number[P], number[Q], ctx) == 1 && BN_cmp(t, number[N]) == 0 &&
              !BN_is_one(number[P]) && !BN_is_one(number[Q]);
    for (int i = 0; ok && i < 2; i++) {
        BIGNUM *exponent = number[DP + i];
        BN_set_flags(number[P + i], BN_FLG_CONSTTIME);
        ok = BN_copy(less, number[P + i]) != NULL && BN_sub_word(less, 1) == 1 &&
             BN_mod(exponent, number[D], less, ctx) == 1 && BN_mod_mul(t, exponent, number[E], less, ctx) == 1 &&
             BN_is_one(t);
    }
    /* An inverse that is right is kept: to make one takes a tenth of the time of a decryption. */
    ok = ok && BN_mod_mul(t, number[INVERSE], number[Q], number[P], ctx) == 1 &&
         (BN_is_one(t) || BN_mod_inverse(number[INVERSE], number[Q], number[P], ctx) != NULL);
    BN_CTX_end(ctx);
    return ok;
}

static EVP_PKEY *private_key(const struct sops_ssh_private *k)
{
    BIGNUM *number[NUMBERS] = {NULL};
    BN_CTX *ctx = BN_CTX_secure_new();
    bool ok = ctx != NULL;
    for (int i = 0; ok && i < NUMBERS; i++) {
        number[i] = i == DP || i == DQ ? BN_secure_new() : to_number(k->number[i == INVERSE ? SOPS_SSH_INVERSE : i]);
        ok = number[i] != NULL;
    }
    EVP_PKEY *key = ok && complete(number, ctx) ? make_key(number, NUMBERS) : NULL;
    for (int i = 0; i < NUMBERS; i++) {
        BN_clear_free(number[i]);
    }
    BN_CTX_free(ctx);
    return key;
}

/* Padding, digests and label for a context that was just set up. */
static bool set_oaep(EVP_PKEY_CTX *ctx)
{
    void *label = OPENSSL_memdup(LABEL, sizeof LABEL - 1);
    bool ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
    if (!ok || label == NULL || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, sizeof LABEL - 1) != 1) {
        OPENSSL_free(label);
        return false;
    }
    return true;
}

bool sops_age_rsa_seal(const struct sops_ssh_public *to, struct sops_slice plain, struct sops_buf *out,
                       struct sops_err *e)
{
    sops_openssl_kernel_random();
    BIGNUM *number[NUMBERS] = {to_number(to->n), to_number(to->e)};
    EVP_PKEY *key = make_key(number, E + 1);
    EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t n = to->n.len;
    bool ok = sops_buf_reserve(out, n, e);
    if (ok && (ctx == NULL || EVP_PKEY_encrypt_init(ctx) != 1 || !set_oaep(ctx) ||
               EVP_PKEY_encrypt(ctx, out->ptr + out->len, &n, plain.ptr, plain.len) != 1)) {
        ok = failed(e, "OpenSSL cannot encrypt to the RSA key");
    }
    out->len += ok ? n : 0;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    BN_free(number[N]);
    BN_free(number[E]);
    return ok;
}

bool sops_age_rsa_open(const struct sops_ssh_private *k, struct sops_slice body, struct sops_buf *out,
                       struct sops_err *e)
{
    sops_openssl_kernel_random();
    EVP_PKEY *key = private_key(k);
    if (key == NULL) {
        return failed(e, "the numbers of the RSA key do not belong together");
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t n = k->number[SOPS_SSH_N].len;
    bool ok = sops_buf_reserve(out, n, e);
    if (ok && (ctx == NULL || EVP_PKEY_decrypt_init(ctx) != 1 || !set_oaep(ctx) ||
               EVP_PKEY_decrypt(ctx, out->ptr + out->len, &n, body.ptr, body.len) != 1)) {
        ok = failed(e, "it does not decrypt");
    }
    out->len += ok ? n : 0;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}
