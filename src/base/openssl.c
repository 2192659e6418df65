/* SPDX-License-Identifier: Apache-2.0 */
/* Before the first algorithm is fetched, OpenSSL collects the names of all it knows; 3.6 of 11 million instructions of
 * a small decrypt. It can be told not to, once and for all, so who needs names adds them here. And the first fetch of a
 * cipher makes an object of each of the default provider's 150, for which there is no switch: so a provider of our own
 * passes on the one that we need, in a library context where the default provider is not. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, which has no successor short of a provider */
#include "base/openssl.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

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
}

static bool as_configured;

void sops_openssl_start(bool configured)
{
    as_configured = configured;
    /* Nothing is cleaned up at exit: our contexts are freed, and so wiped, when they are done with. */
    uint64_t how = OPENSSL_INIT_NO_ATEXIT;
    if (!configured) {
        how |= OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS;
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

/* ---- one cipher ---------------------------------------------------------------------------------------------- */

#define GCM "AES-256-GCM"

static OSSL_PROVIDER *whole; /* the default provider, in a context of its own */
static OSSL_ALGORITHM ciphers[2];
static EVP_CIPHER *gcm;

static const OSSL_ALGORITHM *our_query(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    return operation == OSSL_OP_CIPHER ? ciphers : NULL;
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

/* Is `name` the first of the names "NAME:ALIAS:…"? */
static bool named(const OSSL_ALGORITHM *a, const char *name)
{
    size_t n = strlen(name);
    return strncmp(a->algorithm_names, name, n) == 0 && (a->algorithm_names[n] == ':' || a->algorithm_names[n] == '\0');
}

static void pick_gcm(void)
{
    OSSL_LIB_CTX *theirs = OSSL_LIB_CTX_new(), *ours = OSSL_LIB_CTX_new();
    whole = theirs != NULL && ours != NULL ? OSSL_PROVIDER_load(theirs, "default") : NULL;
    int no_cache = 0;
    const OSSL_ALGORITHM *a = whole != NULL ? OSSL_PROVIDER_query_operation(whole, OSSL_OP_CIPHER, &no_cache) : NULL;
    while (a != NULL && a->algorithm_names != NULL && !named(a, GCM)) {
        a++;
    }
    if (a != NULL && a->algorithm_names != NULL) {
        ciphers[0] = *a;
        ciphers[0].algorithm_names = GCM;
        if (OSSL_PROVIDER_add_builtin(ours, "sops", our_provider) == 1 && OSSL_PROVIDER_load(ours, "sops") != NULL) {
            gcm = EVP_CIPHER_fetch(ours, GCM, NULL);
        }
    }
}

EVP_CIPHER *sops_openssl_gcm(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!as_configured) {
        (void)pthread_once(&once, pick_gcm);
    }
    return !as_configured && gcm != NULL && EVP_CIPHER_up_ref(gcm) == 1 ? gcm : EVP_CIPHER_fetch(NULL, GCM, NULL);
}
