/* SPDX-License-Identifier: Apache-2.0 */
/* SSH keys put together by hand, each wrong in one thing (docs/spec/61-age.md#ssh-keys). */
#include "testing.h"

#include "base/encode.h"
#include "keysources/age_ssh_key.h"

/* Fields of the wire form, one after the other in a buffer. */
struct wire {
    struct sops_buf buf;
};

static void put_u32(struct wire *w, uint32_t n)
{
    const uint8_t bytes[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    assert_true(sops_buf_add(&w->buf, sops_slice_of(bytes, 4), NULL));
}

static void put(struct wire *w, struct sops_slice s)
{
    put_u32(w, (uint32_t)s.len);
    assert_true(sops_buf_add(&w->buf, s, NULL));
}

/* `n` bytes, of which the first and the last are given and the others are 0x55. */
static void put_filled(struct wire *w, size_t n, uint8_t first, uint8_t last)
{
    struct sops_buf bytes = {0};
    assert_true(sops_buf_addn(&bytes, 0x55, n, NULL));
    if (n != 0) {
        bytes.ptr[0] = first;
        bytes.ptr[n - 1] = last;
    }
    put(w, sops_buf_view(&bytes));
    sops_buf_free(&bytes);
}

static void check_public(struct wire *w, const char *words, size_t number)
{
    struct sops_ssh_public k;
    struct sops_err e = {0};
    bool ok = sops_ssh_public_parse(sops_buf_view(&w->buf), &k, &e);
    if (ok != (words == NULL) || (words != NULL && strstr(e.msg, words) == NULL)) {
        fail_msg("%zu: %d, %s", number, ok, e.msg);
    }
    sops_err_clear(&e);
    sops_buf_free(&w->buf);
}

static void ed25519_public(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        size_t point, behind;
        const char *words;
    } cases[] = {
        {"ssh-ed25519", 32, 0, NULL},
        {"ssh-ed25519", 31, 0, "a bad Ed25519 key"},
        {"ssh-ed25519", 33, 0, "a bad Ed25519 key"},
        {"ssh-ed25519", 0, 0, "a bad Ed25519 key"},
        {"ssh-ed25519", 32, 1, "a bad Ed25519 key"},
        {"ssh-dss", 32, 0, "not supported"},
        {"ssh-ed25519-cert-v01@openssh.com", 32, 0, "not supported"},
        {"", 32, 0, "not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = {0};
        put(&w, sops_str(cases[i].type));
        put_filled(&w, cases[i].point, 1, 1);
        assert_true(sops_buf_addn(&w.buf, 0, cases[i].behind, NULL));
        check_public(&w, cases[i].words, i);
    }
    struct wire w = {0};
    put(&w, SOPS_LIT("ssh-ed25519"));
    put_u32(&w, 32); /* and then nothing */
    check_public(&w, "a bad Ed25519 key", 100);
    check_public(&w, "it ends too early", 101);
}

static void rsa_public(void **state)
{
    (void)state;
    const struct {
        struct sops_slice exponent;
        size_t modulus;
        uint8_t first;
        size_t behind;
        const char *words;
    } cases[] = {
        {SOPS_LIT("\x01\x00\x01"), 256, 0x7f, 0, NULL},
        {SOPS_LIT("\x03"), 128, 0x7f, 0, NULL},
        {SOPS_LIT("\x00\xff\xff\xff"), 1024, 0x7f, 0, NULL},
        {SOPS_LIT("\x03"), 1025, 0x00, 0, NULL}, /* a zero in front makes it positive */
        {SOPS_LIT("\x03"), 127, 0x7f, 0, "too large or too small"},
        {SOPS_LIT("\x03"), 1025, 0x01, 0, "too large or too small"},
        {SOPS_LIT("\x01"), 256, 0x7f, 0, "too large or too small"},
        {SOPS_LIT("\x02"), 256, 0x7f, 0, "too large or too small"},
        {SOPS_LIT("\x01\x00\x00"), 256, 0x7f, 0, "too large or too small"},
        {SOPS_LIT("\x01\x00\x00\x01"), 256, 0x7f, 0, "too large or too small"},
        {SOPS_LIT(""), 256, 0x7f, 0, "a bad RSA key"},
        {SOPS_LIT("\x00"), 256, 0x7f, 0, "a bad RSA key"},
        {SOPS_LIT("\x83"), 256, 0x7f, 0, "a bad RSA key"}, /* negative */
        {SOPS_LIT("\x03"), 256, 0xff, 0, "a bad RSA key"},
        {SOPS_LIT("\x03"), 0, 0, 0, "a bad RSA key"},
        {SOPS_LIT("\x03"), 256, 0x7f, 1, "a bad RSA key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = {0};
        put(&w, SOPS_LIT("ssh-rsa"));
        put(&w, cases[i].exponent);
        put_filled(&w, cases[i].modulus, cases[i].first, 1);
        assert_true(sops_buf_addn(&w.buf, 0, cases[i].behind, NULL));
        check_public(&w, cases[i].words, i);
    }
}

/* ---- private keys -------------------------------------------------------------------------------------------- */

/* A container of OpenSSH with an Ed25519 key; each case changes one thing. */
struct container {
    const char *magic, *cipher, *kdf;
    uint32_t count, check, rounds;
    size_t private, behind;
    const char *comment_type; /* of the private part */
    bool other_half;          /* the public half in the private part is another's */
    const char *passphrase, *words;
};

static void build(const struct container *c, struct wire *w)
{
    struct wire public = {0}, block = {0}, options = {0};
    uint8_t half[32], secret[64], seed[32] = {7};
    (void)crypto_sign_seed_keypair(half, secret, seed);
    put(&public, SOPS_LIT("ssh-ed25519"));
    put(&public, sops_slice_of(half, 32));
    put_u32(&block, 1);
    put_u32(&block, c->check);
    put(&block, sops_str(c->comment_type));
    half[31] ^= c->other_half ? 1 : 0;
    put(&block, sops_slice_of(half, 32));
    put(&block, sops_slice_of(secret, c->private));
    put(&block, SOPS_LIT("comment"));
    for (uint8_t i = 1; block.buf.len % 8 != 0; i++) {
        assert_true(sops_buf_addc(&block.buf, i, NULL));
    }
    put(&options, SOPS_LIT("0123456789abcdef"));
    put_u32(&options, c->rounds);
    assert_true(sops_buf_adds(&w->buf, c->magic, NULL) && sops_buf_addc(&w->buf, 0, NULL));
    put(w, sops_str(c->cipher));
    put(w, sops_str(c->kdf));
    put(w, strcmp(c->kdf, "none") == 0 ? SOPS_LIT("") : sops_buf_view(&options.buf));
    put_u32(w, c->count);
    put(w, sops_buf_view(&public.buf));
    put(w, sops_buf_view(&block.buf));
    assert_true(sops_buf_addn(&w->buf, 'x', c->behind, NULL));
    sops_buf_free(&public.buf);
    sops_buf_free(&block.buf);
    sops_buf_free(&options.buf);
}

static void armored(struct sops_slice bytes, const char *label, struct sops_buf *out)
{
    assert_true(sops_buf_addf(out, NULL, "-----BEGIN %s-----\n", label) &&
                sops_base64_add(out, SOPS_B64_STD, bytes, NULL) &&
                sops_buf_addf(out, NULL, "\n-----END %s-----\n", label));
}

#define MAGIC "openssh-key-v1"
#define ED "ssh-ed25519"
#define NO_WAY "encrypted in a way that is not supported"

static void containers(void **state)
{
    (void)state;
    static const struct container cases[] = {
        {MAGIC, "none", "none", 1, 1, 0, 64, 0, ED, false, "", NULL},
        {MAGIC, "none", "none", 1, 1, 0, 64, 20, ED, false, "", NULL}, /* room for a tag */
        {"openssh-key-v2", "none", "none", 1, 1, 0, 64, 0, ED, false, "", "not an OpenSSH key"},
        {MAGIC, "none", "none", 0, 1, 0, 64, 0, ED, false, "", "bad container"},
        {MAGIC, "none", "none", 2, 1, 0, 64, 0, ED, false, "", "bad container"},
        {MAGIC, "none", "none", 1, 2, 0, 64, 0, ED, false, "", "check numbers differ"},
        {MAGIC, "none", "none", 1, 1, 0, 63, 0, ED, false, "", "bad fields"},
        {MAGIC, "none", "none", 1, 1, 0, 32, 0, ED, false, "", "bad fields"},
        {MAGIC, "none", "none", 1, 1, 0, 64, 0, "ssh-dss", false, "", "not supported"},
        {MAGIC, "none", "none", 1, 1, 0, 64, 0, "ssh-rsa", false, "", "bad fields"},
        {MAGIC, "none", "none", 1, 1, 0, 64, 0, ED, true, "", "bad fields"},
        {MAGIC, "none", "bcrypt", 1, 1, 1, 64, 0, ED, false, "word", NO_WAY},
        {MAGIC, "aes128-ctr", "bcrypt", 1, 1, 1, 64, 0, ED, false, "word", NO_WAY},
        {MAGIC, "aes256-gcm@openssh.com", "bcrypt", 1, 1, 1, 64, 0, ED, false, "word", NO_WAY},
        {MAGIC, "aes256-ctr", "none", 1, 1, 0, 64, 0, ED, false, "word", NO_WAY},
        {MAGIC, "aes256-ctr", "scrypt", 1, 1, 1, 64, 0, ED, false, "word", NO_WAY},
        {MAGIC, "aes256-ctr", "bcrypt", 1, 1, 0, 64, 0, ED, false, "word", "bad options"},
        {MAGIC, "aes256-ctr", "bcrypt", 1, 1, 2049, 64, 0, ED, false, "word", "bad options"},
        {MAGIC, "aes256-ctr", "bcrypt", 1, 1, 1, 64, 0, ED, false, "word", "incorrect passphrase"}, /* not encrypted */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = {0};
        struct sops_buf text = {0};
        struct sops_ssh_private k = {0};
        struct sops_err e = {0};
        build(&cases[i], &w);
        armored(sops_buf_view(&w.buf), "OPENSSH PRIVATE KEY", &text);
        bool ok = sops_ssh_private_parse(sops_buf_view(&text), sops_str(cases[i].passphrase), &k, &e);
        if (ok != (cases[i].words == NULL) || (!ok && strstr(e.msg, cases[i].words) == NULL)) {
            fail_msg("%zu: %d, %s", i, ok, e.msg);
        }
        if (ok) {
            assert_false(k.encrypted || k.rsa);
            assert_int_equal(k.seed.len, 32);
            assert_int_equal(k.seed.ptr[0], 7);
        }
        sops_err_clear(&e);
        sops_ssh_private_free(&k);
        sops_buf_free(&text);
        sops_buf_free(&w.buf);
    }
}

/* Which ones are recognised as locked, without a passphrase. */
static void locked_containers(void **state)
{
    (void)state;
    static const struct container cases[] = {
        {MAGIC, "aes256-ctr", "bcrypt", 1, 1, 1, 64, 0, ED, false, "", NULL},
        {MAGIC, "none", "bcrypt", 1, 1, 1, 64, 0, ED, false, "", NULL},
        {MAGIC, "aes256-ctr", "none", 1, 1, 1, 64, 0, ED, false, "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = {0};
        struct sops_buf text = {0};
        struct sops_ssh_private k = {0};
        struct sops_err e = {0};
        build(&cases[i], &w);
        armored(sops_buf_view(&w.buf), "OPENSSH PRIVATE KEY", &text);
        assert_ok(sops_ssh_private_parse(sops_buf_view(&text), (struct sops_slice){0}, &k, &e), &e);
        assert_true(k.encrypted);
        assert_int_equal(k.seed.len, 0);
        assert_int_not_equal(k.wire.len, 0);
        sops_ssh_private_free(&k);
        sops_buf_free(&text);
        sops_buf_free(&w.buf);
    }
}

static void labels(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ENCRYPTED PRIVATE KEY", "'ENCRYPTED PRIVATE KEY' is not supported"},
        {"EC PRIVATE KEY", "'EC PRIVATE KEY' is not supported"},
        {"DSA PRIVATE KEY", "'DSA PRIVATE KEY' is not supported"},
        {"PUBLIC KEY", "'PUBLIC KEY' is not supported"},
        {"PRIVATE KEY", "bad PKCS#8"},
        {"RSA PRIVATE KEY", "a bad RSA key"},
        {"OPENSSH PRIVATE KEY", "not an OpenSSH key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf text = {0};
        struct sops_ssh_private k = {0};
        struct sops_err e = {0};
        armored(SOPS_LIT("0123456789"), cases[i][0], &text);
        assert_false(sops_ssh_private_parse(sops_buf_view(&text), SOPS_LIT("word"), &k, &e));
        if (strstr(e.msg, cases[i][1]) == NULL) {
            fail_msg("%s: %s", cases[i][0], e.msg);
        }
        sops_err_clear(&e);
        sops_buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519_public),    cmocka_unit_test(rsa_public), cmocka_unit_test(containers),
        cmocka_unit_test(locked_containers), cmocka_unit_test(labels),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
