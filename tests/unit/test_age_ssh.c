/* SPDX-License-Identifier: Apache-2.0 */
/* SSH keys in every shape that ssh-keygen writes, plain and encrypted, both directions; and those that are refused. */
#include "age_world.h"

#include "base/encode.h"
#include "keysources/age_internal.h"
#include "keysources/age_rsa.h"
#include "keysources/age_ssh_key.h"

#define KEYS KAT "ssh-keys/"

static const struct {
    const char *name;
    bool encrypted;
} keys[] = {
    {"ed25519_plain", false},        {"ed25519_plain_pkcs8", false},   {"ed25519_enc_aes256ctr", true},
    {"ed25519_enc_aes256cbc", true}, {"rsa2048_plain_openssh", false}, {"rsa2048_plain_pkcs8", false},
    {"rsa3072_plain_pem", false},    {"rsa2048_enc_pem", true},        {"rsa2048_enc_openssh", true},
};
static const char *const right[] = {"kat passphrase", NULL};

static void path_of(char *out, size_t size, const char *name, const char *ending)
{
    (void)snprintf(out, size, "%s%s%s", KEYS, name, ending);
}

/* What others encrypted to the key opens, by its file; and what we encrypt to it. */
static void from_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct age_world a;
        struct sops_buf recipient = {0}, enc = {0};
        struct sops_err e = {0};
        char path[256], file[256];
        age_world_new(&a);
        path_of(path, sizeof path, keys[i].name, "");
        age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
        a.answers = keys[i].encrypted ? right : NULL;
        (void)snprintf(file, sizeof file, "ssh-%s.age", keys[i].name);
        age_assert_kat(&a, file);
        assert_int_equal(a.questions, keys[i].encrypted);
        path_of(file, sizeof file, keys[i].name, ".pub");
        age_read_file(file, &recipient);
        assert_ok(age_try_wrap(&a, (const char *)recipient.ptr, &enc, &e), &e);
        age_assert_opens(&a, sops_buf_view(&enc));
        assert_int_equal(a.questions, keys[i].encrypted); /* the passphrase is asked for once */
        if (keys[i].encrypted) {
            assert_non_null(strstr(a.asked, "Enter passphrase for \"/"));
        }
        sops_buf_free(&recipient);
        sops_buf_free(&enc);
        age_world_end(&a);
    }
}

static void from_command(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf text = {0}, enc = {0};
    char path[256];
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_CMD", "pass show key");
    path_of(path, sizeof path, "ed25519_plain", "");
    age_read_file(path, &text);
    a.output = (const char *)text.ptr;
    age_assert_kat(&a, "ssh-ed25519_plain.age");
    sops_buf_free(&text);
    path_of(path, sizeof path, "ed25519_enc_aes256ctr", "");
    age_read_file(path, &text);
    sops_world_forget(&a.world); /* as the next command has */
    a.output = (const char *)text.ptr;
    age_read_file(KAT "ssh-ed25519_enc_aes256ctr.age", &enc);
    age_assert_shut(&a, sops_buf_view(&enc), "SOPS_AGE_SSH_PRIVATE_KEY_CMD: ");
    age_assert_shut(&a, sops_buf_view(&enc), "must not be encrypted");
    sops_buf_free(&text);
    sops_buf_free(&enc);
    age_world_end(&a);
}

static void from_home(void **state)
{
    (void)state;
    static const struct {
        const char *place, *key, *file;
    } cases[] = {
        {".ssh/id_ed25519", "ed25519_plain", "ssh-ed25519_plain.age"},
        {".ssh/id_rsa", "rsa2048_plain_openssh", "ssh-rsa2048_plain_openssh.age"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct age_world a;
        struct sops_buf text = {0};
        char path[256];
        age_world_new(&a);
        path_of(path, sizeof path, cases[i].key, "");
        age_read_file(path, &text);
        age_world_file(&a, cases[i].place, sops_buf_view(&text));
        age_assert_kat(&a, cases[i].file);
        sops_buf_free(&text);
        age_world_end(&a);
    }
}

static void passphrases(void **state)
{
    (void)state;
    static const char *const wrong[] = {"wrong", NULL}, *const empty[] = {"", NULL};
    static const char *const names[] = {"ed25519_enc_aes256ctr", "ed25519_enc_aes256cbc", "rsa2048_enc_pem"};
    for (size_t i = 0; i < 3; i++) {
        struct age_world a;
        struct sops_buf enc = {0};
        char path[256], file[256];
        age_world_new(&a);
        path_of(path, sizeof path, names[i], "");
        age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
        (void)snprintf(file, sizeof file, "%sssh-%s.age", KAT, names[i]);
        age_read_file(file, &enc);
        a.answers = wrong;
        age_assert_shut(&a, sops_buf_view(&enc), "incorrect passphrase");
        a.questions = 0;
        a.answers = empty;
        age_assert_shut(&a, sops_buf_view(&enc), "the passphrase is empty");
        a.answers = NULL;
        age_assert_shut(&a, sops_buf_view(&enc), "not a terminal");
        a.questions = 0;
        a.answers = right;
        age_assert_kat(&a, file + strlen(KAT));
        sops_buf_free(&enc);
        age_world_end(&a);
    }
}

/* Another key's stanza asks for no passphrase. */
static void lazy(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    char path[256];
    age_world_new(&a);
    path_of(path, sizeof path, "ed25519_enc_aes256ctr", "");
    age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
    age_read_file(KAT "ssh-ed25519_plain.age", &enc);
    age_assert_shut(&a, sops_buf_view(&enc), "did not match");
    assert_string_equal(a.asked, "");
    sops_buf_free(&enc);
    age_world_end(&a);
}

/* An encrypted PEM file does not tell its public key: it must stand beside it, and must be its own. */
static void public_beside(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf text = {0}, other = {0}, enc = {0};
    char path[256];
    age_world_new(&a);
    path_of(path, sizeof path, "rsa2048_enc_pem", "");
    age_read_file(path, &text);
    age_world_file(&a, "key", sops_buf_view(&text));
    path_of(path, sizeof path, "rsa2048_plain_pkcs8", ".pub");
    age_read_file(path, &other);
    age_read_file(KAT "ssh-rsa2048_plain_pkcs8.age", &enc);
    (void)snprintf(path, sizeof path, "%s/key", a.home);
    age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
    a.answers = right;
    age_assert_shut(&a, sops_buf_view(&enc), "key.pub");
    age_world_end(&a);
    age_world_new(&a);
    age_world_file(&a, "key", sops_buf_view(&text));
    age_world_file(&a, "key.pub", sops_buf_view(&other));
    (void)snprintf(path, sizeof path, "%s/key", a.home);
    age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
    a.answers = right;
    age_assert_shut(&a, sops_buf_view(&enc), "mismatched private and public SSH key");
    sops_buf_free(&text);
    sops_buf_free(&other);
    sops_buf_free(&enc);
    age_world_end(&a);
}

static void refused_keys(void **state)
{
    (void)state;
    static const char *const names[] = {"ed25519_enc_aes256gcm_unsupported", "ed25519_enc_rounds2049_unsupported",
                                        "rsa2048_enc_pkcs8_unsupported", "ecdsa_unsupported_type"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sops_buf text = {0};
        struct sops_ssh_private k = {0};
        struct sops_err e = {0};
        char path[256];
        path_of(path, sizeof path, names[i], "");
        age_read_file(path, &text);
        assert_fails(sops_ssh_private_parse(sops_buf_view(&text), sops_str(right[0]), &k, &e), &e, SOPS_E_GENERIC);
        sops_buf_free(&text);
    }
}

static void refused_recipients(void **state)
{
    (void)state;
    static const char *const names[] = {"rsa1024_too_small", "ecdsa_unsupported_type"};
    struct sops_buf wire = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < 2; i++) {
        struct sops_buf text = {0};
        char path[256];
        path_of(path, sizeof path, names[i], ".pub");
        age_read_file(path, &text);
        assert_fails(sops_age_ssh_public(sops_slice_trim(sops_buf_view(&text)), &wire, &e), &e, SOPS_E_GENERIC);
        sops_buf_free(&text);
    }
    static const char *const lines[] = {"",
                                        "ssh-ed25519",
                                        "ssh-ed25519 ",
                                        "ssh-ed25519 !!!!",
                                        "ssh-ed25519 AAAA",
                                        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIKWRlhWSmhpRwkWPfC+5e0whF9ArnADtz1"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_fails(sops_age_ssh_public(sops_str(lines[i]), &wire, &e), &e, SOPS_E_GENERIC);
    }
    assert_int_equal(wire.len, 0);
    sops_buf_free(&wire);
}

/* Every file cut anywhere is refused, or still the same key where only its end is missing; nothing is read beyond. */
static void cut_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct sops_buf text = {0};
        char path[256];
        path_of(path, sizeof path, keys[i].name, "");
        age_read_file(path, &text);
        for (size_t n = 0; n + 2 < text.len; n += 3) {
            struct sops_ssh_private k = {0};
            struct sops_err e = {0};
            assert_fails(sops_ssh_private_parse(sops_slice_of(text.ptr, n), (struct sops_slice){0}, &k, &e), &e,
                         SOPS_E_GENERIC);
        }
        sops_buf_free(&text);
    }
}

/* The last byte of the private block is padding, which must count up. */
static void wrong_padding(void **state)
{
    (void)state;
    struct sops_buf text = {0}, body = {0}, again = {0};
    struct sops_err e = {0};
    struct sops_slice rest, line;
    char path[256];
    path_of(path, sizeof path, "ed25519_plain", "");
    age_read_file(path, &text);
    rest = sops_slice_trim(sops_buf_view(&text));
    while (sops_slice_next(&rest, '\n', &line)) {
        if (line.ptr[0] != '-') {
            assert_true(sops_buf_add(&again, line, &e));
        }
    }
    assert_ok(sops_base64_take(&body, SOPS_B64_STD, sops_buf_view(&again), &e), &e);
    for (uint8_t change = 0; change < 2; change++) {
        struct sops_ssh_private k = {0};
        body.ptr[body.len - 1] ^= change;
        sops_buf_cut(&again, 0);
        assert_true(sops_buf_adds(&again, "-----BEGIN OPENSSH PRIVATE KEY-----\n", &e) &&
                    sops_base64_add(&again, SOPS_B64_STD, sops_buf_view(&body), &e) &&
                    sops_buf_adds(&again, "\n-----END OPENSSH PRIVATE KEY-----\n", &e));
        assert_int_equal(sops_ssh_private_parse(sops_buf_view(&again), (struct sops_slice){0}, &k, &e), change == 0);
        sops_ssh_private_free(&k);
        sops_err_clear(&e);
    }
    sops_buf_free(&text);
    sops_buf_free(&body);
    sops_buf_free(&again);
}

/* A file may lie about the one number that can be worked out from others. */
static void wrong_inverse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct sops_buf text = {0}, sealed = {0}, out = {0};
        struct sops_ssh_private k = {0};
        struct sops_ssh_public to;
        struct sops_err e = {0};
        char path[256];
        path_of(path, sizeof path, keys[i].name, "");
        age_read_file(path, &text);
        assert_ok(sops_ssh_private_parse(sops_buf_view(&text), sops_str(right[0]), &k, &e), &e);
        if (k.rsa) {
            assert_ok(sops_ssh_public_parse(sops_buf_view(&k.wire), &to, &e), &e);
            assert_ok(sops_age_rsa_seal(&to, SOPS_LIT("sixteen letters!"), &sealed, &e), &e);
            for (int wrong = 0; wrong < 2; wrong++) {
                struct sops_slice *inverse = &k.number[SOPS_SSH_INVERSE];
                k.secret.ptr[(size_t)(inverse->ptr - k.secret.ptr) + inverse->len / 2] ^= (uint8_t)wrong;
                sops_buf_cut(&out, 0);
                assert_ok(sops_age_rsa_open(&k, sops_buf_view(&sealed), &out, &e), &e);
                assert_slice(sops_buf_view(&out), "sixteen letters!");
            }
        }
        sops_ssh_private_free(&k);
        sops_buf_free(&text);
        sops_buf_free(&sealed);
        sops_buf_free(&out);
    }
}

/* An RSA key whose numbers do not belong together is not used. */
static void inconsistent_rsa(void **state)
{
    (void)state;
    struct sops_buf text = {0}, out = {0};
    struct sops_ssh_private k = {0};
    struct sops_err e = {0};
    char path[256];
    path_of(path, sizeof path, "rsa2048_plain_pkcs8", "");
    age_read_file(path, &text);
    assert_ok(sops_ssh_private_parse(sops_buf_view(&text), (struct sops_slice){0}, &k, &e), &e);
    for (int i = 0; i < SOPS_SSH_INVERSE; i++) {
        size_t at = (size_t)(k.number[i].ptr - k.secret.ptr) + k.number[i].len / 2;
        k.secret.ptr[at] ^= 2;
        assert_false(sops_age_rsa_open(&k, SOPS_LIT("x"), &out, &e));
        assert_string_equal(e.msg, "the numbers of the RSA key do not belong together");
        sops_err_clear(&e);
        k.secret.ptr[at] ^= 2;
    }
    sops_ssh_private_free(&k);
    sops_buf_free(&text);
    sops_buf_free(&out);
}

/* Stanzas of other types, whatever they hold, are passed over. */
static void other_types_first(void **state)
{
    (void)state;
    static const char *const names[] = {"ed25519_plain", "rsa2048_plain_openssh"};
    for (size_t i = 0; i < 2; i++) {
        struct age_world a;
        struct sops_age_set set = {0};
        struct sops_buf text = {0}, armored = {0}, file = {0};
        struct sops_age_header h = {0};
        struct sops_err e = {0};
        uint8_t key[SOPS_AGE_FILE_KEY];
        char path[256], name[256];
        age_world_new(&a);
        path_of(path, sizeof path, names[i], "");
        (void)snprintf(name, sizeof name, "%sssh-%s.age", KAT, names[i]);
        age_read_file(path, &text);
        age_read_file(name, &armored);
        assert_ok(sops_age_ssh_add(&set, path, sops_buf_view(&text), &e), &e);
        assert_ok(sops_age_dearmor(sops_buf_view(&armored), &file, &e), &e);
        assert_ok(sops_age_header_parse(sops_buf_view(&file), &h, &e), &e);
        struct sops_slice arg[] = {SOPS_LIT("X25519"), SOPS_LIT("!"), SOPS_LIT("!"), SOPS_LIT("!")};
        struct sops_slice twin[] = {i == 0 ? SOPS_LIT(SOPS_SSH_RSA) : SOPS_LIT(SOPS_SSH_ED25519)};
        struct sops_age_stanza second = {twin, 1, {0}, h.stanzas}, first = {arg, 4, {0}, &second};
        h.stanzas = &first;
        assert_int_equal(sops_age_ssh_unwrap(&a.world, set.first, &h, key, &e), SOPS_AGE_MINE);
        h.stanzas = NULL;
        assert_int_equal(sops_age_ssh_unwrap(&a.world, set.first, &h, key, &e), SOPS_AGE_NOT_MINE);
        sops_age_header_free(&h);
        sops_age_set_free(&set);
        sops_buf_free(&text);
        sops_buf_free(&armored);
        sops_buf_free(&file);
        age_world_end(&a);
    }
}

/* Once the tag fits, a stanza that does not open ends the entry. */
static void broken_stanzas(void **state)
{
    (void)state;
    static const char *const names[] = {"ed25519_plain", "rsa2048_plain_openssh"};
    for (size_t i = 0; i < 2; i++) {
        struct age_world a;
        struct sops_buf armored = {0}, file = {0}, enc = {0};
        struct sops_err e = {0};
        char path[256], other[256];
        age_world_new(&a);
        path_of(path, sizeof path, names[i], "");
        age_world_set(&a, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
        (void)snprintf(other, sizeof other, "%sssh-%s.age", KAT, names[i]);
        age_read_file(other, &armored);
        assert_ok(sops_age_dearmor(sops_buf_view(&armored), &file, &e), &e);
        size_t body =
            sizeof "age-encryption.org/v1\n" + sops_slice_find(sops_slice_skip(sops_buf_view(&file), 22), '\n');
        file.ptr[body + 5] = file.ptr[body + 5] == 'A' ? 'B' : 'A';
        assert_ok(sops_age_armor(sops_buf_view(&file), &enc, &e), &e);
        age_assert_shut(&a, sops_buf_view(&enc), i == 0 ? "does not authenticate" : "does not decrypt");
        sops_buf_free(&armored);
        sops_buf_free(&file);
        sops_buf_free(&enc);
        age_world_end(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_padding),      cmocka_unit_test(from_files),       cmocka_unit_test(from_command),
        cmocka_unit_test(from_home),          cmocka_unit_test(passphrases),      cmocka_unit_test(lazy),
        cmocka_unit_test(public_beside),      cmocka_unit_test(refused_keys),     cmocka_unit_test(cut_files),
        cmocka_unit_test(refused_recipients), cmocka_unit_test(inconsistent_rsa), cmocka_unit_test(wrong_inverse),
        cmocka_unit_test(other_types_first),  cmocka_unit_test(broken_stanzas),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
