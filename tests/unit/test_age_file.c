/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 143 files of the age testkit (testdata/age/cctv), each to the class of result that it names, and STREAM at the
 * edges of its chunks.
 */
#include "testing.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/file.h"
#include "keysources/age_internal.h"

#include <dirent.h>
#include <sys/resource.h>
#include <stdio.h>
#include <zlib.h>

#define CCTV SOPS_TESTDATA "/age/cctv/"

/* One file of the testkit. */
struct vector {
    struct sops_slice expect, payload, body;
    bool armored, compressed;
    struct sops_age_set identities;
    struct sops_slice passphrase[4];
    size_t passphrases;
};

static void read_vector(struct sops_slice text, struct vector *v)
{
    struct sops_slice line;
    struct sops_err e = {0};
    while (sops_slice_next(&text, '\n', &line) && line.len != 0) {
        size_t colon = sops_slice_find(line, ':');
        struct sops_slice key = sops_slice_first(line, colon), value = sops_slice_skip(line, colon + 2);
        if (sops_slice_eq(key, SOPS_LIT("expect"))) {
            v->expect = value;
        } else if (sops_slice_eq(key, SOPS_LIT("payload"))) {
            v->payload = value;
        } else if (sops_slice_eq(key, SOPS_LIT("identity"))) {
            assert_ok(sops_age_set_parse(&v->identities, value, SOPS_AGE_TEXT_NATIVE, &e), &e);
        } else if (sops_slice_eq(key, SOPS_LIT("passphrase"))) {
            v->passphrase[v->passphrases++] = value;
        } else if (sops_slice_eq(key, SOPS_LIT("armored"))) {
            v->armored = true;
        } else if (sops_slice_eq(key, SOPS_LIT("compressed"))) {
            assert_slice(value, "zlib");
            v->compressed = true;
        } else if (!sops_slice_eq(key, SOPS_LIT("comment")) && !sops_slice_eq(key, SOPS_LIT("file key"))) {
            fail_msg("unknown key %.*s", SOPS_ARG(key));
        }
    }
    v->body = text;
}

static void inflate_all(struct sops_slice in, struct sops_buf *out)
{
    uLongf size = 20U << 20;
    assert_true(sops_buf_reserve(out, size, NULL));
    assert_int_equal(uncompress(out->ptr, &size, in.ptr, in.len), Z_OK);
    out->len = size;
}

/* The class of result that our reader gives, as the testkit names it; *plain gets what was released. */
static const char *classify(const struct vector *v, struct sops_slice body, struct sops_buf *file,
                            struct sops_buf *plain)
{
    struct sops_world w = TEST_WORLD;
    struct sops_age_header h = {0};
    struct sops_err e = {0};
    uint8_t key[SOPS_AGE_FILE_KEY];
    enum sops_age_match match = SOPS_AGE_NOT_MINE;
    const char *class = "success";
    if (v->armored) {
        if (!sops_age_dearmor(body, file, &e)) {
            class = "armor failure";
            goto out;
        }
        body = sops_buf_view(file);
    }
    if (!sops_age_header_parse(body, &h, &e)) {
        class = "header failure";
        goto out;
    }
    for (size_t i = 0; i < v->passphrases && match == SOPS_AGE_NOT_MINE; i++) {
        match = sops_age_scrypt_unwrap(v->passphrase[i], &h, key, &e);
    }
    for (struct sops_age_identity *id = v->identities.first; id != NULL && match == SOPS_AGE_NOT_MINE; id = id->next) {
        match = id->unwrap(&w, id, &h, key, &e);
    }
    if (match != SOPS_AGE_MINE) {
        class = match == SOPS_AGE_BROKEN ? "header failure" : "no match";
    } else if (!sops_age_header_check(&h, key, &e)) {
        class = "HMAC failure";
    } else if (!sops_age_payload_open(&h, key, plain, &e)) {
        class = "payload failure";
    }
    assert_true((e.code == SOPS_OK) == (strcmp(class, "success") == 0 || strcmp(class, "no match") == 0));
out:
    assert_true(strcmp(class, "success") == 0 || plain->len == 0);
    sops_age_header_free(&h);
    sops_err_clear(&e);
    return class;
}

static bool run_vector(const char *name)
{
    struct sops_buf path = {0}, text = {0}, body = {0}, file = {0}, plain = {0}, hex = {0};
    struct sops_err e = {0};
    struct vector v = {0};
    assert_true(sops_buf_addf(&path, &e, "%s%s", CCTV, name));
    assert_ok(sops_file_read(sops_buf_cstr(&path, NULL), 1 << 20, &text, &e), &e);
    read_vector(sops_buf_view(&text), &v);
    if (v.compressed) {
        inflate_all(v.body, &body);
        v.body = sops_buf_view(&body);
    }
    const char *class = classify(&v, v.body, &file, &plain);
    bool ok = sops_slice_eq(sops_str(class), v.expect);
    if (!ok) {
        print_error("%s: got '%s', want '%.*s'\n", name, class, SOPS_ARG(v.expect));
    } else if (strcmp(class, "success") == 0 && v.payload.len != 0) {
        uint8_t hash[32];
        sops_sha256(sops_buf_view(&plain), hash);
        assert_true(sops_hex_add(&hex, sops_slice_of(hash, sizeof hash), false, NULL));
        ok = sops_slice_eq(sops_buf_view(&hex), v.payload);
        if (!ok) {
            print_error("%s: another payload\n", name);
        }
    }
    sops_age_set_free(&v.identities);
    sops_buf_free(&path);
    sops_buf_free(&text);
    sops_buf_free(&body);
    sops_buf_free(&file);
    sops_buf_free(&plain);
    sops_buf_free(&hex);
    return ok;
}

static void testkit(void **state)
{
    (void)state;
    unsigned count = 0, bad = 0;
    DIR *folder = opendir(CCTV);
    assert_non_null(folder);
    for (struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
        if (d->d_name[0] != '.' && strcmp(d->d_name, "README.md") != 0) {
            count++;
            bad += !run_vector(d->d_name);
        }
    }
    closedir(folder);
    assert_int_equal(count, 143);
    assert_int_equal(bad, 0);
}

static void stream(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *sha256; /* of the ciphertext; byte i of the plaintext is (7 * i + 3) mod 256 */
    } cases[] = {
        {0, "3346ce95dfd95819a00ff7ae43236bf0e2625e2357fd627a29ac0a6346116c49"},
        {1, "aa185f1f5e3ed60d55e06cc2fc783a1bbc80556272c693d241c53346d485552a"},
        {65535, "de15690d84880c054debcd6112b34fbd2c7d8c768064a274841f5f0c466e5e51"},
        {65536, "56bc59ba2a8fc37d314bacb5165b4410e27b9e8d0cdb68ed838c8d767902a83e"},
        {65537, "4769480ddefeaeef4c6da6b1abdbfd58f7d6e93f683647551b15f449c1085bb8"},
        {131072, "0b59c3a4c9555afee45076dab6679d09cf14c4b619b9ce1a70a7602da139db2c"},
        {131073, "af488d7ee00508cf56d21d988bba1ad232148c6223b46223eb64a42ee4a92d08"},
    };
    struct sops_buf key = {0}, plain = {0};
    struct sops_err e = {0};
    assert_true(sops_hex_take(&key, SOPS_LIT("355cc9b133c5eac96f6a11da85e3c178420960d18ea8a6e0b23c6bf0f8b3d578"), &e));
    assert_true(sops_buf_reserve(&plain, 131073, &e));
    for (size_t i = 0; i < 131073; i++) {
        plain.ptr[i] = (uint8_t)(7 * i + 3);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf sealed = {0}, opened = {0}, hex = {0};
        struct sops_slice text = sops_slice_of(plain.ptr, cases[i].size);
        uint8_t hash[32];
        assert_ok(sops_age_stream_seal(key.ptr, text, &sealed, &e), &e);
        sops_sha256(sops_buf_view(&sealed), hash);
        assert_true(sops_hex_add(&hex, sops_slice_of(hash, sizeof hash), false, &e));
        assert_slice(sops_buf_view(&hex), cases[i].sha256);
        assert_ok(sops_age_stream_open(key.ptr, sops_buf_view(&sealed), &opened, &e), &e);
        assert_true(sops_slice_eq(sops_buf_view(&opened), text));
        sops_buf_cut(&opened, 0);
        /* one byte less, one byte more, one bit changed */
        assert_fails(sops_age_stream_open(key.ptr, sops_slice_of(sealed.ptr, sealed.len - 1), &opened, &e), &e, 1);
        sealed.ptr[sealed.len - 1] ^= 1;
        assert_fails(sops_age_stream_open(key.ptr, sops_buf_view(&sealed), &opened, &e), &e, 1);
        sealed.ptr[sealed.len - 1] ^= 1;
        assert_true(sops_buf_addc(&sealed, 0, &e));
        assert_fails(sops_age_stream_open(key.ptr, sops_buf_view(&sealed), &opened, &e), &e, 1);
        assert_int_equal(opened.len, 0);
        sops_buf_free(&sealed);
        sops_buf_free(&opened);
        sops_buf_free(&hex);
    }
    sops_buf_free(&key);
    sops_buf_free(&plain);
}

/* Stanzas whose bodies end before, at and behind the end of a line are read back the same, and their size is told. */
static void stanzas(void **state)
{
    (void)state;
    uint8_t body[200];
    memset(body, 0x5a, sizeof body);
    for (size_t n = 0; n <= sizeof body; n++) {
        struct sops_arena a = {0};
        struct sops_buf text = {0};
        struct sops_err e = {0};
        struct sops_slice arg[2] = {SOPS_LIT("type"), SOPS_LIT("!~argument")};
        struct sops_age_stanza s = {arg, 2, sops_slice_of(body, n), NULL}, back = {0};
        assert_ok(sops_age_stanza_emit(&s, &text, &e), &e);
        for (size_t part = 0; part < text.len; part++) {
            assert_int_equal(sops_age_stanza_size(sops_slice_of(text.ptr, part)), 0);
        }
        size_t size = text.len;
        assert_true(sops_buf_adds(&text, "-> more\n", &e));
        assert_int_equal(sops_age_stanza_size(sops_buf_view(&text)), size);
        struct sops_slice rest = sops_buf_view(&text);
        assert_ok(sops_age_stanza_parse(&rest, &a, &back, &e), &e);
        assert_slice(rest, "-> more\n");
        assert_int_equal(back.args, 2);
        assert_slice(back.arg[1], "!~argument");
        assert_true(sops_slice_eq(back.body, s.body));
        sops_buf_free(&text);
        sops_arena_free(&a);
    }
}

static void stanzas_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "->type a\n\n", "->\n\n", "-> \n\n", "->  type\n\n", "-> type \n\n", "-> type a\tb\n\n", "- type\n\n",
        "-> type\n",    "->",     "",        "-> t\nA\n",    "-> t\nAA==\n", "-> t\r\n\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sops_arena a = {0};
        struct sops_err e = {0};
        struct sops_age_stanza s = {0};
        struct sops_slice rest = sops_str(texts[i]);
        assert_fails(sops_age_stanza_parse(&rest, &a, &s, &e), &e, SOPS_E_GENERIC);
        sops_arena_free(&a);
    }
}

static void armor(void **state)
{
    (void)state;
    uint8_t bytes[150];
    memset(bytes, 0xa5, sizeof bytes);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct sops_buf text = {0}, back = {0};
        struct sops_err e = {0};
        assert_ok(sops_age_armor(sops_slice_of(bytes, n), &text, &e), &e);
        assert_ok(sops_age_dearmor(sops_buf_view(&text), &back, &e), &e);
        assert_true(sops_slice_eq(sops_buf_view(&back), sops_slice_of(bytes, n)));
        sops_buf_free(&text);
        sops_buf_free(&back);
    }
}

/* What the testkit does not show. */
static void armor_refused(void **state)
{
    (void)state;
#define BEGIN "-----BEGIN AGE ENCRYPTED FILE-----\n"
#define END "-----END AGE ENCRYPTED FILE-----"
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {BEGIN "YWJj\n" END, true},
        {"\n \t\r\n" BEGIN "YWJj\r\n" END "\r\n \n", true},
        {BEGIN END, true},
        {BEGIN "YWJj" END, false},
        {BEGIN "YW\rJj\n" END, false},
        {BEGIN "YWJj\r\r\n" END, false},
        {BEGIN "YWJj \n" END, false},
        {BEGIN "YWJj\nYWJj\n" END, false},
        {BEGIN "YWI\n" END, false},
        {BEGIN "YWJ=\n" END, false},
        {BEGIN "YWJj\n" END "x", false},
        {BEGIN "YWJj\n", false},
        {"", false},
        {"x" BEGIN "YWJj\n" END, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        bool ok = sops_age_dearmor(sops_str(cases[i].text), &out, &e);
        if (ok != cases[i].ok || ok != (e.code == SOPS_OK)) {
            fail_msg("%zu: %s", i, e.msg);
        }
        sops_buf_free(&out);
    }
}

static enum sops_age_match with_factor(const char *factor, struct sops_slice passphrase, struct sops_err *e)
{
    static const uint8_t body[SOPS_AGE_WRAPPED];
    uint8_t key[SOPS_AGE_FILE_KEY];
    struct sops_slice arg[] = {SOPS_LIT("scrypt"), SOPS_LIT("AAAAAAAAAAAAAAAAAAAAAA"), sops_str(factor)};
    struct sops_age_stanza s = {arg, 3, sops_slice_of(body, sizeof body), NULL};
    struct sops_age_header h = {.stanzas = &s, .count = 1};
    return sops_age_scrypt_unwrap(passphrase, &h, key, e);
}

/* The work factor is a small number in its one form; what it asks for in memory may not be there. */
static void work_factors(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "0",  "01", "+1", "-1", "1 ",         " 1",
                                      "1/", "1:", "1a", "23", "99", "4294967298", "18446744073709551618"};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(with_factor(bad[i], SOPS_LIT("word"), &e), SOPS_AGE_BROKEN);
        assert_non_null(strstr(e.msg, "work factor is malformed or too large"));
        sops_err_clear(&e);
    }
    assert_int_equal(with_factor("1", SOPS_LIT("word"), &e), SOPS_AGE_NOT_MINE);
    assert_int_equal(with_factor("10", SOPS_LIT("word"), &e), SOPS_AGE_NOT_MINE);
    assert_int_equal(e.code, SOPS_OK);
    assert_int_equal(with_factor("10", SOPS_LIT(""), &e), SOPS_AGE_BROKEN);
    assert_non_null(strstr(e.msg, "the passphrase is empty"));
    sops_err_clear(&e);
#ifndef __SANITIZE_ADDRESS__ /* which has taken all addresses */
    struct rlimit before, little;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    little = before;
    little.rlim_cur = (rlim_t)1 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    enum sops_age_match match = with_factor("22", SOPS_LIT("word"), &e);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(match, SOPS_AGE_BROKEN);
    assert_non_null(strstr(e.msg, "not enough memory"));
    sops_err_clear(&e);
#endif
}

/* White space around armor is bounded: `n` line ends in front of it or behind its END line. */
static void armor_space(void **state)
{
    (void)state;
    static const struct {
        size_t before, after;
        bool ok;
    } cases[] = {{1024, 0, true}, {1025, 0, false}, {0, 1023, true}, {0, 1024, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf text = {0}, out = {0};
        struct sops_err e = {0};
        assert_true(sops_buf_addn(&text, '\n', cases[i].before, &e) &&
                    sops_buf_adds(&text, BEGIN "YWJj\n" END "\n", &e) &&
                    sops_buf_addn(&text, '\n', cases[i].after, &e));
        assert_int_equal(sops_age_dearmor(sops_buf_view(&text), &out, &e), cases[i].ok);
        sops_err_clear(&e);
        sops_buf_free(&text);
        sops_buf_free(&out);
    }
}

static void other_versions(void **state)
{
    (void)state;
    static const char *const texts[] = {"age-encryption.org/v2\n", "age-encryption.org/v1\r", "Age-encryption.org/v1\n",
                                        ""};
#define REST "-> X25519 a\n\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n0123456789abcdef"
    for (size_t i = 0; i <= sizeof texts / sizeof texts[0]; i++) {
        struct sops_buf text = {0};
        struct sops_age_header h = {0};
        struct sops_err e = {0};
        bool right = i == sizeof texts / sizeof texts[0];
        assert_true(sops_buf_addf(&text, &e, "%s" REST, right ? "age-encryption.org/v1\n" : texts[i]));
        assert_int_equal(sops_age_header_parse(sops_buf_view(&text), &h, &e), right);
        assert_true(right || strstr(e.msg, "not an age v1 file") != NULL);
        sops_err_clear(&e);
        sops_age_header_free(&h);
        sops_buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(testkit),      cmocka_unit_test(stream),          cmocka_unit_test(stanzas),
        cmocka_unit_test(armor),        cmocka_unit_test(armor_refused),   cmocka_unit_test(armor_space),
        cmocka_unit_test(work_factors), cmocka_unit_test(stanzas_refused), cmocka_unit_test(other_versions),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
