/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys are taken apart with own readers, not with OpenSSL's decoders: those cost a millisecond at their first use, and
 * ~/.ssh/id_rsa is looked at for every decryption. OpenSSL serves only for ciphers.
 */
#include "keysources/age_ssh_key.h"

#include "base/openssl.h"
#include "base/encode.h"
#include "keysources/bcrypt_pbkdf.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>

#define MAX_ROUNDS 2048
#define MAX_MODULUS 1024 /* bytes: 8192 bits */
#define MAX_FACTOR 512
#define INCORRECT "incorrect passphrase"

static bool malformed(struct sops_err *e, const char *what)
{
    return sops_fail(e, SOPS_E_GENERIC, "malformed SSH key: %s", what);
}

/* ---- the wire form (RFC 4251 section 5) ---------------------------------------------------------------------- */

static bool take_u32(struct sops_slice *rest, uint32_t *out)
{
    if (rest->len < 4) {
        return false;
    }
    *out = (uint32_t)rest->ptr[0] << 24 | (uint32_t)rest->ptr[1] << 16 | (uint32_t)rest->ptr[2] << 8 | rest->ptr[3];
    *rest = sops_slice_skip(*rest, 4);
    return true;
}

static bool take_string(struct sops_slice *rest, struct sops_slice *out)
{
    uint32_t n;
    if (!take_u32(rest, &n) || rest->len < n) {
        return false;
    }
    *out = sops_slice_first(*rest, n);
    *rest = sops_slice_skip(*rest, n);
    return true;
}

static struct sops_slice without_zeros(struct sops_slice s)
{
    while (s.len != 0 && s.ptr[0] == 0) {
        s = sops_slice_skip(s, 1);
    }
    return s;
}

/* A number above zero, without leading zeros. */
static bool take_number(struct sops_slice *rest, struct sops_slice *out)
{
    if (!take_string(rest, out) || out->len == 0 || (out->ptr[0] & 0x80) != 0) {
        return false;
    }
    *out = without_zeros(*out);
    return out->len != 0;
}

static bool add_string(struct sops_buf *out, struct sops_slice s, bool number, struct sops_err *e)
{
    bool zero = number && s.len != 0 && (s.ptr[0] & 0x80) != 0;
    size_t n = s.len + zero;
    const uint8_t size[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return sops_buf_add(out, sops_slice_of(size, 4), e) && (!zero || sops_buf_addc(out, 0, e)) &&
           sops_buf_add(out, s, e);
}

/* What age allows of an RSA public key, but for the least size of a recipient. */
static bool rsa_limits(struct sops_slice n, struct sops_slice e)
{
    uint32_t value = 0;
    for (size_t i = 0; i < e.len && e.len <= 3; i++) {
        value = value << 8 | e.ptr[i];
    }
    return n.len <= MAX_MODULUS && n.len >= 128 && value >= 3 && (value & 1) == 1;
}

bool sops_ssh_public_parse(struct sops_slice wire, struct sops_ssh_public *out, struct sops_err *e)
{
    struct sops_slice type;
    *out = (struct sops_ssh_public){0};
    if (!take_string(&wire, &type)) {
        return malformed(e, "it ends too early");
    }
    if (sops_slice_eq(type, SOPS_LIT(SOPS_SSH_ED25519))) {
        return take_string(&wire, &out->point) && out->point.len == 32 && wire.len == 0
                   ? true
                   : malformed(e, "a bad Ed25519 key");
    }
    if (!sops_slice_eq(type, SOPS_LIT(SOPS_SSH_RSA))) {
        return sops_fail(e, SOPS_E_GENERIC, "this type of SSH key is not supported");
    }
    out->rsa = true;
    if (!take_number(&wire, &out->e) || !take_number(&wire, &out->n) || wire.len != 0) {
        return malformed(e, "a bad RSA key");
    }
    return rsa_limits(out->n, out->e) ? true : sops_fail(e, SOPS_E_GENERIC, "the RSA key is too large or too small");
}

bool sops_ssh_public_emit(const struct sops_ssh_public *k, struct sops_buf *out, struct sops_err *e)
{
    if (!k->rsa) {
        return add_string(out, SOPS_LIT(SOPS_SSH_ED25519), false, e) && add_string(out, k->point, false, e);
    }
    return add_string(out, SOPS_LIT(SOPS_SSH_RSA), false, e) && add_string(out, k->e, true, e) &&
           add_string(out, k->n, true, e);
}

/* ---- authorized_keys ----------------------------------------------------------------------------------------- */

/* Skips blanks and tabs, and takes what comes before the next ones. Where the word may be a field of options, those
 * between double quotes do not count. */
static struct sops_slice take_word(struct sops_slice *rest, bool options)
{
    while (rest->len != 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t')) {
        *rest = sops_slice_skip(*rest, 1);
    }
    bool quoted = false;
    size_t n = 0;
    for (; n < rest->len && (quoted || (rest->ptr[n] != ' ' && rest->ptr[n] != '\t')); n++) {
        bool quote = options && rest->ptr[n] == '"' && (n == 0 || rest->ptr[n - 1] != '\\');
        quoted = quoted != quote;
    }
    struct sops_slice word = sops_slice_first(*rest, n);
    *rest = sops_slice_skip(*rest, n);
    return word;
}

enum line_holds { A_KEY, ANOTHER_KEY, NO_KEY };

/* A key that OpenSSH has and age has not: it is the line's key, and refused. */
static bool is_foreign(struct sops_slice type)
{
    return sops_slice_eq(type, SOPS_LIT("ssh-dss")) || sops_slice_starts(type, SOPS_LIT("ecdsa-sha2-")) ||
           sops_slice_starts(type, SOPS_LIT("sk-")) || sops_slice_ends(type, SOPS_LIT("@openssh.com"));
}

/* Reads "TYPE BASE64 COMMENT". A blob whose own type is another is no key: else an option would pass for the type, and
 * what it asks for would be lost. */
static enum line_holds parse_typed_key(struct sops_slice line, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf wire = {0};
    struct sops_ssh_public key;
    struct sops_slice type = take_word(&line, false), inner;
    enum line_holds holds = NO_KEY;
    sops_err_clear(e);
    if (sops_base64_take(&wire, SOPS_B64_CR, take_word(&line, false), e)) {
        struct sops_slice rest = sops_buf_view(&wire);
        if (!take_string(&rest, &inner) || !sops_slice_eq(inner, type)) {
            (void)malformed(e, "its first word is not the type of the key");
        } else if (sops_ssh_public_parse(sops_buf_view(&wire), &key, e)) {
            holds = sops_ssh_public_emit(&key, out, e) ? A_KEY : ANOTHER_KEY;
        } else if (is_foreign(type)) {
            holds = ANOTHER_KEY;
        }
    }
    sops_buf_free(&wire);
    return holds;
}

bool sops_ssh_authorized_parse(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice line;
    (void)malformed(e, "there is no key in it");
    while (text.ptr != NULL && sops_slice_next(&text, '\n', &line)) {
        line = sops_slice_trim(sops_slice_first(line, sops_slice_find(line, '\r')));
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        enum line_holds holds = parse_typed_key(line, out, e);
        if (holds == NO_KEY) {
            struct sops_slice behind = line;
            struct sops_err why = {0};
            (void)take_word(&behind, true);
            holds = behind.len != 0 ? parse_typed_key(behind, out, &why) : NO_KEY;
            if (holds != NO_KEY) {
                sops_err_clear(e);
                *e = why;
            } else {
                sops_err_clear(&why);
            }
        }
        if (holds != NO_KEY) {
            return holds == A_KEY;
        }
    }
    return false;
}

/* ---- PEM ----------------------------------------------------------------------------------------------------- */

struct pem {
    struct sops_slice label;
    struct sops_buf headers; /* lines, each with its LF */
    struct sops_buf body;
};

static bool take_line(struct sops_slice *rest, struct sops_slice *line)
{
    if (!sops_slice_next(rest, '\n', line)) {
        return false;
    }
    if (line->len != 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

/* The label of a "-----BEGIN LABEL-----" or END line. */
static bool is_fence(struct sops_slice line, struct sops_slice front, struct sops_slice *label)
{
    if (!sops_slice_starts(line, front) || !sops_slice_ends(line, SOPS_LIT("-----")) || line.len < front.len + 5) {
        return false;
    }
    *label = sops_slice_first(sops_slice_skip(line, front.len), line.len - front.len - 5);
    return true;
}

static void pem_free(struct pem *p)
{
    sops_buf_free(&p->headers);
    sops_buf_free(&p->body);
}

/* The lines between the fences: headers up to an empty line, if the first has a colon, then base64. */
static bool pem_lines(struct sops_slice *text, struct pem *out, struct sops_buf *base64, struct sops_err *e)
{
    struct sops_slice line, label;
    bool first = true, headers = false;
    while (take_line(text, &line)) {
        if (is_fence(line, SOPS_LIT("-----END "), &label)) {
            return sops_slice_eq(label, out->label) ? true : malformed(e, "the END line is another key's");
        }
        headers = headers || (first && sops_slice_find(line, ':') != line.len);
        first = false;
        if (headers && line.len == 0) {
            headers = false;
        } else if (headers) {
            if (!sops_buf_add(&out->headers, line, e) || !sops_buf_addc(&out->headers, '\n', e)) {
                return false;
            }
        } else if (!sops_buf_add(base64, sops_slice_trim(line), e)) {
            return false;
        }
    }
    return malformed(e, "no END line");
}

static bool pem_parse(struct sops_slice text, struct pem *out, struct sops_err *e)
{
    struct sops_slice line;
    struct sops_buf base64 = {.locked = true};
    bool found = false;
    while (!found && take_line(&text, &line)) {
        found = is_fence(line, SOPS_LIT("-----BEGIN "), &out->label);
    }
    if (!found) {
        return malformed(e, "no PEM block");
    }
    bool ok =
        pem_lines(&text, out, &base64, e) && sops_base64_take(&out->body, SOPS_B64_STD, sops_buf_view(&base64), e);
    sops_buf_free(&base64);
    return ok;
}

/* ---- DER ----------------------------------------------------------------------------------------------------- */

enum { DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30 };

/* Takes one element with this tag. */
static bool take_der(struct sops_slice *rest, uint8_t tag, struct sops_slice *out)
{
    if (rest->len < 2 || rest->ptr[0] != tag) {
        return false;
    }
    size_t n = rest->ptr[1], front = 2;
    if (n >= 0x80) {
        size_t count = n & 0x7f;
        if (count == 0 || count > 3 || rest->len < 2 + count) {
            return false;
        }
        n = 0;
        for (size_t i = 0; i < count; i++) {
            n = n << 8 | rest->ptr[2 + i];
        }
        front += count;
    }
    if (rest->len - front < n) {
        return false;
    }
    *out = sops_slice_of(rest->ptr + front, n);
    *rest = sops_slice_skip(*rest, front + n);
    return true;
}

static bool take_der_number(struct sops_slice *rest, struct sops_slice *out)
{
    if (!take_der(rest, DER_INTEGER, out) || out->len == 0 || (out->ptr[0] & 0x80) != 0) {
        return false;
    }
    *out = without_zeros(*out);
    return true;
}

/* ---- what private keys hold ---------------------------------------------------------------------------------- */

static bool set_ed25519(struct sops_ssh_private *out, struct sops_slice seed, struct sops_err *e)
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    if (seed.len != 32) {
        return malformed(e, "a bad Ed25519 key");
    }
    (void)crypto_sign_seed_keypair(public, secret, seed.ptr);
    sops_wipe(secret, sizeof secret);
    struct sops_ssh_public k = {.point = sops_slice_of(public, sizeof public)};
    out->seed = seed;
    sops_buf_cut(&out->wire, 0);
    return sops_ssh_public_emit(&k, &out->wire, e);
}

static bool set_rsa(struct sops_ssh_private *out, struct sops_err *e)
{
    const struct sops_slice *n = out->number;
    if (!rsa_limits(n[SOPS_SSH_N], n[SOPS_SSH_E]) || n[SOPS_SSH_P].len > MAX_FACTOR || n[SOPS_SSH_Q].len > MAX_FACTOR ||
        n[SOPS_SSH_INVERSE].len > MAX_FACTOR || n[SOPS_SSH_D].len > MAX_MODULUS || n[SOPS_SSH_P].len == 0 ||
        n[SOPS_SSH_Q].len == 0) {
        return malformed(e, "the RSA key is too large or too small");
    }
    struct sops_ssh_public k = {.rsa = true, .n = n[SOPS_SSH_N], .e = n[SOPS_SSH_E]};
    out->rsa = true;
    sops_buf_cut(&out->wire, 0);
    return sops_ssh_public_emit(&k, &out->wire, e);
}

static bool parse_pkcs1(struct sops_slice der, struct sops_ssh_private *out, struct sops_err *e)
{
    struct sops_slice all, version;
    bool ok = take_der(&der, DER_SEQUENCE, &all) && take_der_number(&all, &version) && version.len == 0;
    for (int i = 0; ok && i < SOPS_SSH_INVERSE; i++) {
        ok = take_der_number(&all, &out->number[i]);
    }
    struct sops_slice exponent; /* d mod p-1 and d mod q-1 are worked out, as in a file of OpenSSH */
    ok = ok && take_der_number(&all, &exponent) && take_der_number(&all, &exponent) &&
         take_der_number(&all, &out->number[SOPS_SSH_INVERSE]);
    return ok ? set_rsa(out, e) : malformed(e, "a bad RSA key");
}

static bool parse_pkcs8(struct sops_slice der, struct sops_ssh_private *out, struct sops_err *e)
{
    struct sops_slice all, version, algorithm, oid, key, seed;
    if (!take_der(&der, DER_SEQUENCE, &all) || !take_der(&all, DER_INTEGER, &version) ||
        !take_der(&all, DER_SEQUENCE, &algorithm) || !take_der(&algorithm, DER_OID, &oid) ||
        !take_der(&all, DER_OCTETS, &key)) {
        return malformed(e, "bad PKCS#8");
    }
    if (sops_slice_eq(oid, SOPS_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))) {
        return parse_pkcs1(key, out, e);
    }
    if (sops_slice_eq(oid, SOPS_LIT("\x2b\x65\x70"))) {
        return take_der(&key, DER_OCTETS, &seed) ? set_ed25519(out, seed, e) : malformed(e, "a bad Ed25519 key");
    }
    return sops_fail(e, SOPS_E_GENERIC, "this type of SSH key is not supported");
}

/* ---- the OpenSSH container ----------------------------------------------------------------------------------- */

struct container {
    struct sops_slice cipher, kdf, options, wire, block;
};

/* Decrypts the private block into `out`. */
static bool open_block(const struct container *c, struct sops_slice passphrase, struct sops_buf *out,
                       struct sops_err *e)
{
    struct sops_slice options = c->options, salt;
    uint32_t rounds;
    uint8_t key[48];
    bool ctr = sops_slice_eq(c->cipher, SOPS_LIT("aes256-ctr"));
    if (!sops_slice_eq(c->kdf, SOPS_LIT("bcrypt")) || (!ctr && !sops_slice_eq(c->cipher, SOPS_LIT("aes256-cbc")))) {
        return sops_fail(e, SOPS_E_GENERIC, "the SSH key is encrypted in a way that is not supported");
    }
    if (!take_string(&options, &salt) || !take_u32(&options, &rounds) || rounds == 0 || rounds > MAX_ROUNDS) {
        return malformed(e, "bad options of its encryption");
    }
    if (c->block.len % 16 != 0 || c->block.len > INT_MAX) {
        return malformed(e, "its encrypted part has a wrong length");
    }
    if (!sops_buf_reserve(out, c->block.len + 16, e) ||
        !sops_bcrypt_pbkdf(passphrase, salt, rounds, key, sizeof key, e)) {
        return false;
    }
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL &&
              EVP_DecryptInit_ex(ctx, ctr ? EVP_aes_256_ctr() : EVP_aes_256_cbc(), NULL, key, key + 32) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
              EVP_DecryptUpdate(ctx, out->ptr, &n, c->block.ptr, (int)c->block.len) == 1 && (size_t)n == c->block.len;
    EVP_CIPHER_CTX_free(ctx);
    sops_wipe(key, sizeof key);
    out->len = ok ? c->block.len : 0;
    return ok ? true : sops_fail(e, SOPS_E_GENERIC, "OpenSSL cannot decrypt the SSH key");
}

/* The fields behind the type, and what may follow them. */
static bool parse_fields(struct sops_slice rest, struct sops_ssh_private *out, struct sops_err *e)
{
    struct sops_slice type, public, private, comment;
    bool ok = take_string(&rest, &type);
    if (ok && sops_slice_eq(type, SOPS_LIT(SOPS_SSH_ED25519))) {
        ok = take_string(&rest, &public) && take_string(&rest, &private) && private.len == 64 &&
             sops_slice_eq(public, sops_slice_skip(private, 32)) && set_ed25519(out, sops_slice_first(private, 32), e);
    } else if (ok && sops_slice_eq(type, SOPS_LIT(SOPS_SSH_RSA))) {
        struct sops_slice *n = out->number;
        ok = take_number(&rest, &n[SOPS_SSH_N]) && take_number(&rest, &n[SOPS_SSH_E]) &&
             take_number(&rest, &n[SOPS_SSH_D]) && take_number(&rest, &n[SOPS_SSH_INVERSE]) &&
             take_number(&rest, &n[SOPS_SSH_P]) && take_number(&rest, &n[SOPS_SSH_Q]) && set_rsa(out, e);
    } else if (ok) {
        return sops_fail(e, SOPS_E_GENERIC, "this type of SSH key is not supported");
    }
    ok = ok && take_string(&rest, &comment);
    for (size_t i = 0; ok && i < rest.len; i++) {
        ok = rest.ptr[i] == (uint8_t)(i + 1);
    }
    return ok ? true : malformed(e, "bad fields");
}

static bool parse_container(struct sops_slice body, struct sops_slice passphrase, struct sops_ssh_private *out,
                            struct sops_err *e)
{
    struct container c;
    uint32_t count, check1, check2;
    if (!sops_slice_starts(body, SOPS_LIT("openssh-key-v1\0"))) {
        return malformed(e, "not an OpenSSH key");
    }
    body = sops_slice_skip(body, sizeof "openssh-key-v1");
    if (!take_string(&body, &c.cipher) || !take_string(&body, &c.kdf) || !take_string(&body, &c.options) ||
        !take_u32(&body, &count) || count != 1 || !take_string(&body, &c.wire) || !take_string(&body, &c.block)) {
        return malformed(e, "bad container");
    }
    struct sops_ssh_public public;
    if (!sops_ssh_public_parse(c.wire, &public, e) || !sops_ssh_public_emit(&public, &out->wire, e)) {
        return false;
    }
    out->rsa = public.rsa;
    bool plain = sops_slice_eq(c.cipher, SOPS_LIT("none")) && sops_slice_eq(c.kdf, SOPS_LIT("none"));
    if (!plain && passphrase.len == 0) {
        out->encrypted = true;
        return true;
    }
    if (!(plain ? sops_buf_add(&out->secret, c.block, e) : open_block(&c, passphrase, &out->secret, e))) {
        return false;
    }
    struct sops_slice rest = sops_buf_view(&out->secret);
    if (!take_u32(&rest, &check1) || !take_u32(&rest, &check2) || check1 != check2) {
        return plain ? malformed(e, "its check numbers differ") : sops_fail(e, SOPS_E_GENERIC, INCORRECT);
    }
    return parse_fields(rest, out, e);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static int give_passphrase(char *to, int size, int writing, void *passphrase)
{
    (void)writing;
    const struct sops_slice *p = passphrase;
    if (p->len > (size_t)size) {
        return -1;
    }
    memcpy(to, p->ptr, p->len);
    return (int)p->len;
}

/* Decrypts the body of a PKCS#1 file with Proc-Type and DEK-Info headers. */
static bool open_legacy(struct pem *p, struct sops_slice passphrase, struct sops_err *e)
{
    EVP_CIPHER_INFO info;
    long n = (long)p->body.len;
    sops_openssl_names();
    if (sops_buf_cstr(&p->headers, e) == NULL) {
        return false;
    }
    if (p->body.len > INT_MAX || PEM_get_EVP_CIPHER_INFO((char *)p->headers.ptr, &info) != 1) {
        return sops_fail(e, SOPS_E_GENERIC, "the SSH key is encrypted in a way that is not supported");
    }
    if (PEM_do_header(&info, p->body.ptr, &n, give_passphrase, &passphrase) != 1 || n < 0) {
        return sops_fail(e, SOPS_E_GENERIC, INCORRECT);
    }
    sops_buf_cut(&p->body, (size_t)n);
    return true;
}

static bool parse_pem(struct pem *p, struct sops_slice passphrase, struct sops_ssh_private *out, struct sops_err *e)
{
    if (sops_slice_eq(p->label, SOPS_LIT("OPENSSH PRIVATE KEY"))) {
        return parse_container(sops_buf_view(&p->body), passphrase, out, e);
    }
    bool pkcs1 = sops_slice_eq(p->label, SOPS_LIT("RSA PRIVATE KEY"));
    bool encrypted = sops_slice_starts(sops_buf_view(&p->headers), SOPS_LIT("Proc-Type: 4,ENCRYPTED"));
    if (!pkcs1 && !sops_slice_eq(p->label, SOPS_LIT("PRIVATE KEY"))) {
        return sops_fail(e, SOPS_E_GENERIC, "a file with '%.*s' is not supported",
                         SOPS_ARG(sops_slice_first(p->label, 40)));
    }
    if (encrypted && pkcs1 && passphrase.len == 0) {
        out->encrypted = out->rsa = true;
        return true;
    }
    if (encrypted && pkcs1 && !open_legacy(p, passphrase, e)) {
        return false;
    }
    if (!sops_buf_add(&out->secret, sops_buf_view(&p->body), e)) {
        return false;
    }
    struct sops_slice der = sops_buf_view(&out->secret);
    bool ok = pkcs1 ? parse_pkcs1(der, out, e) : parse_pkcs8(der, out, e);
    if (!ok && encrypted) { /* the padding of a block decrypted with a wrong key is right once in 256 times */
        sops_err_clear(e);
        return sops_fail(e, SOPS_E_GENERIC, INCORRECT);
    }
    return ok;
}

bool sops_ssh_private_parse(struct sops_slice text, struct sops_slice passphrase, struct sops_ssh_private *out,
                            struct sops_err *e)
{
    struct pem p = {.body = {.locked = true}};
    out->secret.locked = true;
    bool ok = pem_parse(text, &p, e) && parse_pem(&p, passphrase, out, e);
    pem_free(&p);
    if (!ok) {
        sops_ssh_private_free(out);
    }
    return ok;
}

void sops_ssh_private_free(struct sops_ssh_private *k)
{
    sops_buf_free(&k->wire);
    sops_buf_free(&k->secret);
    *k = (struct sops_ssh_private){0};
}
