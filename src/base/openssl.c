/* SPDX-License-Identifier: Apache-2.0 */
/* Before the first algorithm is fetched, OpenSSL collects the names of all it knows; 3.6 of 11 million instructions of
 * a small decrypt. It can be told not to, once and for all, so who needs names adds them here; the same with the words
 * of its errors before the first error, which we never show, but TLS does. And the first fetch of a
 * cipher makes an object of each of the default provider's 150, for which there is no switch, and the first certificate
 * one of each of its 400 ways to decode a key: so a provider of our own passes on the few that we need, in a library
 * context where the default provider is not. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, which has no successor short of a provider */
#include "base/openssl.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

static bool as_configured;

static void add_names(void)
{
    const EVP_MD *const digests[] = {EVP_md5(),    EVP_sha1(),     EVP_sha224(),   EVP_sha256(),   EVP_sha384(),
                                     EVP_sha512(), EVP_sha3_256(), EVP_sha3_384(), EVP_sha3_512(), EVP_md5_sha1()};
    const EVP_CIPHER *const ciphers[] = {
        EVP_des_cbc(),     EVP_des_ede3_cbc(), EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(),
        EVP_aes_128_gcm(), EVP_aes_192_gcm(),  EVP_aes_256_gcm(), EVP_aes_256_ctr(), EVP_chacha20_poly1305(),
    };
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        (void)EVP_add_digest(digests[i]);
    }
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        (void)EVP_add_cipher(ciphers[i]);
    }
    if (!as_configured) {
        int (*const words[])(void) = {ERR_load_ERR_strings,    ERR_load_ASN1_strings,   ERR_load_BIO_strings,
                                      ERR_load_BN_strings,     ERR_load_CRYPTO_strings, ERR_load_DH_strings,
                                      ERR_load_EC_strings,     ERR_load_EVP_strings,    ERR_load_PEM_strings,
                                      ERR_load_PKCS12_strings, ERR_load_RSA_strings,    ERR_load_X509_strings,
                                      ERR_load_X509V3_strings};
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            (void)words[i]();
        }
    }
}

void sops_openssl_start(bool configured)
{
    as_configured = configured;
    /* Nothing is cleaned up at exit: our contexts are freed, and so wiped, when they are done with. */
    uint64_t how = OPENSSL_INIT_NO_ATEXIT;
    if (!configured) {
        how |= OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
               OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
    }
    (void)OPENSSL_init_crypto(how, NULL);
}

void sops_openssl_names(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, add_names);
}

/* ---- random bytes -------------------------------------------------------------------------------------------- */

static int kernel_bytes(unsigned char *out, int n)
{
    if (n < 0) {
        return 0;
    }
    randombytes_buf(out, (size_t)n);
    return 1;
}

static int is_seeded(void) { return 1; }

static void set_kernel_random(void)
{
    static const RAND_METHOD from_kernel = {.bytes = kernel_bytes, .pseudorand = kernel_bytes, .status = is_seeded};
    (void)RAND_set_rand_method(&from_kernel);
}

void sops_openssl_kernel_random(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!as_configured) {
        (void)pthread_once(&once, set_kernel_random);
    }
}

/* ---- a few algorithms ---------------------------------------------------------------------------------------- */

#define GCM "AES-256-GCM"

static const struct {
    const char *name;
    const EVP_MD *(*known)(void);
} digests[] = {
    {"SHA3-256", EVP_sha3_256},
    {"SHA3-512", EVP_sha3_512},
    {"SHAKE-128", EVP_shake128},
    {"SHAKE-256", EVP_shake256},
};
#define DIGESTS (sizeof digests / sizeof digests[0])

static OSSL_PROVIDER *whole; /* the default provider, in a context of its own */
static OSSL_LIB_CTX *ours;   /* a context that has only what is picked; NULL: OpenSSL would not */
static OSSL_ALGORITHM picked_cipher[2], picked_digests[DIGESTS + 1], picked_keys[2], picked_wrap[2], picked_decoder[2];
static EVP_CIPHER *gcm;
static EVP_MD *fetched[DIGESTS];

static const OSSL_ALGORITHM *our_query(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_CIPHER:
        return picked_cipher;
    case OSSL_OP_DIGEST:
        return picked_digests;
    case OSSL_OP_KEYMGMT:
        return picked_keys;
    case OSSL_OP_ASYM_CIPHER:
        return picked_wrap;
    case OSSL_OP_DECODER:
        return picked_decoder;
    default:
        return NULL;
    }
}

/* The functions are the default provider's, and so is the context that they are given. */
static int our_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                        void **context)
{
    static const OSSL_DISPATCH functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))our_query},
                                              {0, NULL}};
    (void)handle;
    (void)in;
    *out = functions;
    *context = OSSL_PROVIDER_get0_provider_ctx(whole);
    return 1;
}

/* The algorithm whose first name is `name`, behind those that are in `to`, which ends with an empty one. Several have
 * the same name where they differ in `property`. */
static void pick(int operation, const char *name, const char *property, OSSL_ALGORITHM *to)
{
    int no_cache = 0;
    size_t n = strlen(name);
    const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(whole, operation, &no_cache);
    while (to->algorithm_names != NULL) {
        to++;
    }
    for (; a != NULL && a->algorithm_names != NULL && to->algorithm_names == NULL; a++) {
        if (strncmp(a->algorithm_names, name, n) == 0 && strchr(":", a->algorithm_names[n]) != NULL &&
            strstr(a->property_definition, property) != NULL) {
            *to = *a;
        }
    }
}

static void open_ours(void)
{
    OSSL_LIB_CTX *theirs = OSSL_LIB_CTX_new(), *made = OSSL_LIB_CTX_new();
    whole = theirs != NULL && made != NULL ? OSSL_PROVIDER_load(theirs, "default") : NULL;
    if (whole != NULL) {
        pick(OSSL_OP_CIPHER, GCM, "", picked_cipher);
        for (size_t i = 0; i < DIGESTS; i++) {
            pick(OSSL_OP_DIGEST, digests[i].name, "", picked_digests);
        }
        pick(OSSL_OP_KEYMGMT, "RSA", "", picked_keys);
        pick(OSSL_OP_ASYM_CIPHER, "RSA", "", picked_wrap);
        pick(OSSL_OP_DECODER, "RSA", "input=der,structure=SubjectPublicKeyInfo", picked_decoder);
        if (OSSL_PROVIDER_add_builtin(made, "sops", our_provider) == 1 && OSSL_PROVIDER_load(made, "sops") != NULL) {
            ours = made;
            gcm = EVP_CIPHER_fetch(ours, GCM, NULL);
        }
    }
}

static bool has_ours(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!as_configured) {
        (void)pthread_once(&once, open_ours);
    }
    return !as_configured && ours != NULL;
}

EVP_CIPHER *sops_openssl_gcm(void)
{
    return has_ours() && gcm != NULL && EVP_CIPHER_up_ref(gcm) == 1 ? gcm : EVP_CIPHER_fetch(NULL, GCM, NULL);
}

OSSL_LIB_CTX *sops_openssl_rsa(void) { return has_ours() && picked_decoder[0].algorithm_names != NULL ? ours : NULL; }

static void fetch_digests(void)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        fetched[i] = EVP_MD_fetch(ours, digests[i].name, NULL);
    }
}

const EVP_MD *sops_openssl_digest(const EVP_MD *known)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!has_ours()) {
        return known;
    }
    (void)pthread_once(&once, fetch_digests);
    for (size_t i = 0; i < DIGESTS; i++) {
        if (digests[i].known() == known && fetched[i] != NULL) {
            return fetched[i];
        }
    }
    return known;
}
