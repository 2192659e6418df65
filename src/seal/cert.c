/* SPDX-License-Identifier: Apache-2.0 */
/* Who is named here reads all that is sealed next, so a certificate that is not just right is refused. */
#include "seal/cert.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/openssl.h"
#include "base/text.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

#define DAY 86400
#define SOON (14 * DAY)
#define BITS_MIN 2048

static bool with_hint(struct sops_err *e)
{
    return sops_hint(e, "`sops seal --fetch-certs` gets the controller's certificate");
}

/* The next block of a PEM text; `*bad` when there is one that cannot be read. */
static bool next_block(BIO *bio, char **name, uint8_t **data, long *size, bool *bad)
{
    char *header = NULL;
    ERR_clear_error();
    bool got = PEM_read_bio(bio, name, &header, data, size) == 1;
    OPENSSL_free(header);
    *bad = !got && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    return got;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(t, &tm) != 1) {
        return 0;
    }
    return sops_days_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday) * DAY +
           tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

/* The day of a time, for messages. */
static void day_text(int64_t seconds, char out[40])
{
    int64_t year;
    unsigned month, day;
    int64_t days = seconds >= 0 ? seconds / DAY : -((-seconds + DAY - 1) / DAY);
    sops_civil_from_days(days, &year, &month, &day);
    (void)snprintf(out, 40, "%04lld-%02u-%02u", (long long)year, month, day);
}

static const char *type_name(int id)
{
    switch (id) {
    case EVP_PKEY_EC:
        return "an EC";
    case EVP_PKEY_ED25519:
        return "an Ed25519";
    case EVP_PKEY_RSA_PSS:
        return "an RSA-PSS";
    default:
        return "another";
    }
}

static bool take_fingerprint(struct sops_seal_cert *c, X509 *x, struct sops_err *e)
{
    uint8_t *der = NULL;
    struct sops_buf hex = {0};
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    if (size <= 0) {
        return sops_fail_memory(e);
    }
    sops_sha256(sops_slice_of(der, (size_t)size), c->fingerprint);
    OPENSSL_free(der);
    bool ok = sops_hex_add(&hex, sops_slice_of(c->fingerprint, sizeof c->fingerprint), false, e);
    if (ok) {
        (void)snprintf(c->name, sizeof c->name, "sha256:%.*s", SOPS_ARG(sops_buf_view(&hex)));
    }
    sops_buf_free(&hex);
    return ok;
}

static bool take_pem(struct sops_seal_cert *c, const uint8_t *der, long size, struct sops_err *e)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = bio != NULL && PEM_write_bio(bio, "CERTIFICATE", "", der, size) > 0;
    long n = ok ? BIO_get_mem_data(bio, &text) : 0;
    ok = ok ? sops_buf_add(&c->pem, sops_slice_of(text, (size_t)n), e) : sops_fail_memory(e);
    BIO_free(bio);
    return ok;
}

/* Read in a context that knows RSA only, and again in OpenSSL's own when the key is another, to say what it is. */
static X509 *parse_certificate(const uint8_t *der, long size, EVP_PKEY **key)
{
    OSSL_LIB_CTX *tried[] = {sops_openssl_rsa(), NULL};
    X509 *x = NULL;
    *key = NULL;
    for (size_t i = 0; *key == NULL && i < sizeof tried / sizeof tried[0]; i++) {
        const uint8_t *at = der;
        X509_free(x);
        x = X509_new_ex(tried[i], NULL);
        if (x != NULL && d2i_X509(&x, &at, size) != NULL && at == der + size) {
            *key = X509_get0_pubkey(x);
        }
    }
    return x;
}

static bool take_certificate(struct sops_seal_cert *c, const char *where, const uint8_t *der, long size,
                             struct sops_err *e)
{
    EVP_PKEY *key;
    X509 *x = parse_certificate(der, size, &key);
    bool ok = true;
    if (key == NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the certificate in '%s' does not parse", where) || with_hint(e);
    } else if (EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the certificate in '%s' has %s key: only RSA can be sealed for", where,
                       type_name(EVP_PKEY_base_id(key))) ||
             with_hint(e);
    } else if (EVP_PKEY_bits(key) < BITS_MIN) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the key of the certificate in '%s' has %d bits: less than %d are not safe",
                       where, EVP_PKEY_bits(key), BITS_MIN) ||
             with_hint(e);
    } else {
        c->key = key;
        ok = EVP_PKEY_up_ref(key) == 1 && take_fingerprint(c, x, e) && take_pem(c, der, size, e);
        c->not_before = seconds_of(X509_get0_notBefore(x));
        c->not_after = seconds_of(X509_get0_notAfter(x));
    }
    X509_free(x);
    ERR_clear_error();
    return ok;
}

static bool check_dates(const struct sops_seal_cert *c, struct sops_world *w, const char *where, struct sops_err *e)
{
    char day[40];
    int64_t now = w->now(w);
    day_text(c->not_after, day);
    if (c->not_after < now) {
        sops_fail(e, SOPS_E_GENERIC, "the certificate in '%s' expired on %s", where, day);
        return sops_hint(e, "fetch the new one (`sops seal --fetch-certs`): the controller renews its key every 30 "
                            "days");
    }
    if (c->not_after < now + SOON) {
        sops_world_warn(w, "the certificate in '%s' ends on %s: fetch the new one", where, day);
    }
    day_text(c->not_before, day);
    if (c->not_before > now) {
        sops_world_warn(w, "the certificate in '%s' is valid from %s on only", where, day);
    }
    return true;
}

/* What stands behind the first certificate. */
static void look_at_rest(const struct sops_seal_cert *c, struct sops_world *w, const char *where, const char *name,
                         const uint8_t *der, long size, bool *warned)
{
    X509 *x = strcmp(name, "CERTIFICATE") == 0 ? d2i_X509(NULL, &der, size) : NULL;
    if (x != NULL && !*warned && seconds_of(X509_get0_notBefore(x)) > c->not_before) {
        *warned = true;
        sops_world_warn(w, "'%s' holds a newer certificate behind the first one, which is used", where);
    }
    X509_free(x);
    ERR_clear_error();
}

/* Takes the first certificate; `w` (NULL: nobody) is told what is odd about it. */
static bool read_blocks(struct sops_seal_cert *c, struct sops_world *w, const char *where, struct sops_slice text,
                        bool *private_key, struct sops_err *e)
{
    BIO *bio =
        text.len <= SOPS_CERT_MAX ? BIO_new_mem_buf(text.len != 0 ? (const void *)text.ptr : "", (int)text.len) : NULL;
    char *name = NULL;
    uint8_t *data = NULL;
    long size = 0;
    bool found = false, bad = false, warned = w == NULL, ok = true;
    while (ok && bio != NULL && next_block(bio, &name, &data, &size, &bad)) {
        *private_key = *private_key || strstr(name, "PRIVATE KEY") != NULL;
        if (strcmp(name, "CERTIFICATE") == 0 && !found) {
            found = true;
            ok = take_certificate(c, where, data, size, e);
        } else if (found) {
            look_at_rest(c, w, where, name, data, size, &warned);
        }
        OPENSSL_free(name);
        OPENSSL_clear_free(data, (size_t)size);
    }
    BIO_free(bio);
    if (ok && !found) {
        sops_fail(e, SOPS_E_GENERIC, bad ? "the certificate in '%s' does not parse" : "there is no certificate in '%s'",
                  where);
        ok = with_hint(e);
    }
    return ok;
}

bool sops_cert_present(struct sops_seal_cert *c, struct sops_slice text, struct sops_err *e)
{
    bool private_key = false;
    return read_blocks(c, NULL, "", text, &private_key, e);
}

bool sops_cert_read(struct sops_seal_cert *c, struct sops_world *w, const char *where, struct sops_slice text,
                    struct sops_err *e)
{
    bool private_key = false;
    bool ok = read_blocks(c, w, where, text, &private_key, e) && check_dates(c, w, where, e);
    if (ok && private_key) {
        sops_world_warn(w, "'%s' holds a private key, which belongs to the controller alone", where);
    }
    return ok;
}

bool sops_cert_pinned(const struct sops_seal_cert *c, const char *where, const struct sops_slice *pin, size_t count,
                      struct sops_err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (sops_slice_eq(pin[i], sops_str(c->name))) {
            return true;
        }
    }
    if (count == 0) {
        return true;
    }
    sops_fail(e, SOPS_E_GENERIC, "the certificate in '%s' has the fingerprint %s, which is not pinned", where, c->name);
    return sops_hint(e, "if the controller has a new key, `fingerprint` in .sops.yaml must name it");
}

void sops_cert_free(struct sops_seal_cert *c)
{
    EVP_PKEY_free(c->key);
    sops_buf_free(&c->pem);
    *c = (struct sops_seal_cert){0};
}
