/* SPDX-License-Identifier: Apache-2.0 */
/* What lies below us fails: the linker puts these in front of the system's and OpenSSL's functions (CMakeLists.txt
 * takes the names from the rows below), libcurl's are replaced when it is loaded, and call number k of all of them
 * together fails with an error that is not the file's fault. What is written to stderr is let through, as the message
 * is looked at. */
#include "faults.h"

#include "base/dl.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t count, due;
static const char *failed = "none";

void sops_fault_at(uint64_t k)
{
    atomic_store(&count, 0);
    atomic_store(&due, k);
}

uint64_t sops_fault_count(void) { return atomic_load(&count); }

const char *sops_fault_name(void) { return failed; }

static bool is_due(const char *name, int number)
{
    bool now = atomic_fetch_add(&count, 1) + 1 == atomic_load(&due);
    if (now) {
        failed = name;
        errno = number;
    }
    return now;
}

#define WRAP(type, failure, number, name, parameters, arguments)                                                       \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters { return is_due(#name, number) ? (failure) : __real_##name arguments; }

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* clang-format off */
WRAP(ssize_t, -1, EIO, read, (int fd, void *to, size_t n), (fd, to, n))
WRAP(int, -1, EIO, fsync, (int fd), (fd))
WRAP(int, -1, EIO, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, EIO, stat, (const char *path, struct stat *st), (path, st))
WRAP(int, -1, EIO, lstat, (const char *path, struct stat *st), (path, st))
WRAP(int, -1, EIO, rename, (const char *from, const char *to), (from, to))
WRAP(int, -1, EIO, linkat, (int from, const char *path, int to, const char *name, int flags), (from, path, to, name, flags))
WRAP(int, -1, EIO, unlink, (const char *path), (path))
WRAP(int, -1, EIO, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, EIO, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, -1, EPERM, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(DIR *, NULL, EIO, opendir, (const char *path), (path))
WRAP(ssize_t, -1, EIO, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags))
WRAP(int, -1, EMFILE, pipe2, (int fd[2], int flags), (fd, flags))
WRAP(int, EAGAIN, EAGAIN, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *arg), (t, a, f, arg))

/* ---- OpenSSL ---------------------------------------------------------------------------------------------------- */

WRAP(EVP_CIPHER_CTX *, NULL, ENOMEM, EVP_CIPHER_CTX_new, (void), ())
WRAP(int, 0, ENOMEM, EVP_EncryptInit_ex, (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, ENGINE *i, const unsigned char *k, const unsigned char *iv), (c, t, i, k, iv))
WRAP(int, 0, ENOMEM, EVP_DecryptInit_ex, (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, ENGINE *i, const unsigned char *k, const unsigned char *iv), (c, t, i, k, iv))
WRAP(int, 0, ENOMEM, EVP_CipherInit_ex2, (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k, const unsigned char *iv, int enc, const OSSL_PARAM p[]), (c, t, k, iv, enc, p))
WRAP(int, 0, ENOMEM, EVP_CipherUpdate, (EVP_CIPHER_CTX * c, unsigned char *out, int *n, const unsigned char *in, int len), (c, out, n, in, len))
WRAP(int, 0, ENOMEM, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *out, int *n), (c, out, n))
WRAP(int, 0, ENOMEM, EVP_EncryptUpdate, (EVP_CIPHER_CTX * c, unsigned char *out, int *n, const unsigned char *in, int len), (c, out, n, in, len))
WRAP(int, 0, ENOMEM, EVP_EncryptFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *out, int *n), (c, out, n))
WRAP(int, 0, ENOMEM, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * c, int type, int n, void *p), (c, type, n, p))
WRAP(EVP_CIPHER *, NULL, ENOMEM, EVP_CIPHER_fetch, (OSSL_LIB_CTX * l, const char *name, const char *what), (l, name, what))
WRAP(EVP_MD_CTX *, NULL, ENOMEM, EVP_MD_CTX_new, (void), ())
WRAP(int, 0, ENOMEM, EVP_DigestInit_ex2, (EVP_MD_CTX * c, const EVP_MD *t, const OSSL_PARAM p[]), (c, t, p))
WRAP(int, 0, ENOMEM, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *in, size_t n), (c, in, n))
WRAP(EVP_PKEY_CTX *, NULL, ENOMEM, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX * l, EVP_PKEY *k, const char *what), (l, k, what))
WRAP(EVP_PKEY_CTX *, NULL, ENOMEM, EVP_PKEY_CTX_new, (EVP_PKEY * k, ENGINE *i), (k, i))
WRAP(int, 0, ENOMEM, EVP_PKEY_encrypt, (EVP_PKEY_CTX * c, unsigned char *out, size_t *n, const unsigned char *in, size_t len), (c, out, n, in, len))
WRAP(X509 *, NULL, ENOMEM, X509_new_ex, (OSSL_LIB_CTX * l, const char *what), (l, what))
WRAP(BIO *, NULL, ENOMEM, BIO_new, (const BIO_METHOD *type), (type))
WRAP(BIO *, NULL, ENOMEM, BIO_new_mem_buf, (const void *text, int n), (text, n))
/* clang-format on */

/* ---- with more to look at --------------------------------------------------------------------------------------- */

ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n)
{
    return fd != STDERR_FILENO && is_due("write", ENOSPC) ? -1 : __real_write(fd, from, n);
}

/* What is tried again is tried again at once. */
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
    (void)wanted;
    (void)left;
    return 0;
}

static mode_t mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return is_due("open", EIO) ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return is_due("openat", EIO) ? -1 : __real_openat(at, path, flags, mode);
}

/* ---- libcurl ---------------------------------------------------------------------------------------------------- */

static CURL *(*real_init)(void);
static CURLcode (*real_setopt)(CURL *h, CURLoption option, ...);
static CURLcode (*real_perform)(CURL *h);
static CURLcode (*real_getinfo)(CURL *h, CURLINFO info, ...);
static struct curl_slist *(*real_append)(struct curl_slist *list, const char *line);

static CURL *faulty_init(void) { return is_due("curl_easy_init", ENOMEM) ? NULL : real_init(); }

/* Numbers and addresses are as wide as each other. */
static CURLcode faulty_setopt(CURL *h, CURLoption option, ...)
{
    va_list args;
    va_start(args, option);
    void *value = va_arg(args, void *);
    va_end(args);
    return is_due("curl_easy_setopt", ENOMEM) ? CURLE_OUT_OF_MEMORY : real_setopt(h, option, value);
}

static CURLcode faulty_perform(CURL *h)
{
    return is_due("curl_easy_perform", ECONNRESET) ? CURLE_RECV_ERROR : real_perform(h);
}

static CURLcode faulty_getinfo(CURL *h, CURLINFO info, ...)
{
    va_list args;
    va_start(args, info);
    void *to = va_arg(args, void *);
    va_end(args);
    return is_due("curl_easy_getinfo", ENOMEM) ? CURLE_BAD_FUNCTION_ARGUMENT : real_getinfo(h, info, to);
}

static struct curl_slist *faulty_append(struct curl_slist *list, const char *line)
{
    return is_due("curl_slist_append", ENOMEM) ? NULL : real_append(list, line);
}

#define STAND_IN(function, name)                                                                                       \
    {                                                                                                                  \
#function, (void (*)(void))faulty_##name, &real_##name                                                         \
    }
static const struct {
    const char *name;
    void (*faulty)(void);
    void *real;
} curl[] = {
    STAND_IN(curl_easy_init, init),       STAND_IN(curl_easy_setopt, setopt),  STAND_IN(curl_easy_perform, perform),
    STAND_IN(curl_easy_getinfo, getinfo), STAND_IN(curl_slist_append, append),
};

bool __real_sops_dl_load(const char *soname, const char *package, const struct sops_dl_symbol *symbols,
                         struct sops_err *e);
/* clang-format off */
bool __wrap_sops_dl_load(const char *soname, const char *package, const struct sops_dl_symbol *s, struct sops_err *e);
/* clang-format on */
bool __wrap_sops_dl_load(const char *soname, const char *package, const struct sops_dl_symbol *symbols,
                         struct sops_err *e)
{
    if (is_due("dlopen", ENOENT)) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot load the library %s", soname);
    }
    bool ok = __real_sops_dl_load(soname, package, symbols, e);
    for (const struct sops_dl_symbol *s = symbols; ok && s->name != NULL; s++) {
        for (size_t i = 0; i < sizeof curl / sizeof curl[0]; i++) {
            if (strcmp(s->name, curl[i].name) == 0) {
                memcpy(curl[i].real, s->place, sizeof curl[i].faulty);
                memcpy(s->place, &curl[i].faulty, sizeof curl[i].faulty);
            }
        }
    }
    return ok;
}
