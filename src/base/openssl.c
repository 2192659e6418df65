/* SPDX-License-Identifier: Apache-2.0 */
/* Before the first algorithm is fetched, OpenSSL collects the names of all it knows; 3.6 of 11 million instructions of
 * a small decrypt. It can be told not to, once and for all, so who needs names adds them here. */
#include "base/openssl.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

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

void sops_openssl_start(bool configured)
{
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
