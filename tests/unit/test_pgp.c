/* SPDX-License-Identifier: Apache-2.0 */
/* PGP keys in a keyring of the test's own, made by gpg itself: what is skipped without gpg is said. */
#include "testing.h"

#include "core/keysource.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char home[64];
static char full[64], expired[64], sign_only[64], revoked[64], subkey[64], old_part[64], gone_part[64];
static const char *program;

static const char *ring_env(struct sops_world *w, const char *name)
{
    (void)w;
    if (strcmp(name, "SOPS_GPG_EXEC") == 0) {
        return program;
    }
    return getenv(name);
}

static void shell(const char *command, char *line, size_t room)
{
    FILE *f = popen(command, "r");
    assert_non_null(f);
    if (line != NULL) {
        assert_non_null(fgets(line, (int)room, f));
        line[strcspn(line, "\n")] = '\0';
    }
    while (fgetc(f) != EOF) {
    }
    assert_int_equal(pclose(f), 0);
}

#define GPG "gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "

/* Makes a primary key for `name` and gives its fingerprint. */
static void make_key(const char *name, const char *options, const char *how, char *fingerprint)
{
    char command[512];
    (void)snprintf(command, sizeof command, GPG "%s --quick-gen-key %s@example.org %s 2>/dev/null", options, name, how);
    shell(command, NULL, 0);
    (void)snprintf(
        command, sizeof command,
        "gpg --batch --with-colons --list-keys %s@example.org 2>/dev/null | sed -n 's/^fpr:*\\(.*\\):/\\1/p'", name);
    shell(command, fingerprint, 64);
}

static int set_up(void **state)
{
    (void)state;
    char command[512];
    if (system("gpg --version >/dev/null 2>&1") != 0) {
        print_message("no gpg here: skipped\n");
        return 0;
    }
    (void)snprintf(home, sizeof home, "/tmp/sops-test-pgp-XXXXXX");
    assert_non_null(mkdtemp(home));
    assert_int_equal(setenv("GNUPGHOME", home, 1) | unsetenv("GPG_TTY"), 0);
    make_key("full", "", "ed25519 sign never", full);
    (void)snprintf(command, sizeof command, GPG "--quick-add-key %s cv25519 encr never 2>/dev/null", full);
    shell(command, NULL, 0);
    (void)snprintf(command, sizeof command,
                   "gpg --batch --with-colons --list-keys %s | grep '^fpr' | sed -n '2s/^fpr:*\\(.*\\):/\\1/p'", full);
    shell(command, subkey, sizeof subkey);
    make_key("signer", "", "ed25519 sign never", sign_only);
    make_key("old", "--faked-system-time 20200101T000000", "rsa2048 encr,sign 2020-02-02", expired);
    make_key("oldpart", "--faked-system-time 20200101T000000", "ed25519 sign never", old_part);
    (void)snprintf(command, sizeof command,
                   GPG "--faked-system-time 20200101T000000 --quick-add-key %s cv25519 encr 2020-03-04 2>/dev/null",
                   old_part);
    shell(command, NULL, 0);
    make_key("gonepart", "", "ed25519 sign never", gone_part);
    (void)snprintf(
        command, sizeof command,
        GPG "--quick-add-key %s cv25519 encr never 2>/dev/null; printf 'key 1\\nrevkey\\ny\\n0\\n\\ny\\nsave\\n' | "
            "gpg --no-tty --quiet --pinentry-mode loopback --passphrase '' --command-fd 0 --edit-key %s "
            ">/dev/null 2>&1",
        gone_part, gone_part);
    shell(command, NULL, 0);
    make_key("gone", "", "rsa2048 encr,sign never", revoked);
    (void)snprintf(command, sizeof command,
                   "sed 's/^:---/---/' '%s/openpgp-revocs.d/%s.rev' | " GPG "--import 2>/dev/null", home, revoked);
    shell(command, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    char command[256];
    (void)snprintf(command, sizeof command, "gpgconf --kill all; rm -rf '%s'", home);
    if (home[0] != '\0' && system(command) != 0) {
        return 1;
    }
    return test_no_leaks(state);
}

static struct sops_key parsed(struct sops_world *w, struct sops_arena *a, const char *piece)
{
    struct sops_err e = {0};
    struct sops_key k = {.source = &sops_keysource_pgp};
    assert_ok(sops_keysource_pgp.parse(w, a, sops_str(piece), &k, &e), &e);
    return k;
}

static void test_spaces_are_dropped(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""}, {" ", ""}, {" 0xab CD ", "0xabCD"}, {"\tA\n", "\tA\n"}, {"A B!", "AB!"},
    };
    struct sops_world w = TEST_WORLD;
    struct sops_arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_slice(parsed(&w, &a, rows[i][0]).field[0], rows[i][1]);
    }
    sops_arena_free(&a);
}

static void round_trip(const char *name)
{
    struct sops_world w = TEST_WORLD;
    w.env = ring_env;
    struct sops_arena a = {0};
    struct sops_err e = {0};
    struct sops_buf enc = {0}, plain = {0};
    struct sops_key k = parsed(&w, &a, name);
    const uint8_t key[32] = {0, 1, 2, '\n', '\r', 0xff};
    assert_ok(k.source->wrap(&w, &k, sops_slice_of(key, sizeof key), &enc, &e), &e);
    assert_true(sops_slice_starts(sops_buf_view(&enc), SOPS_LIT("-----BEGIN PGP MESSAGE-----\n")));
    assert_true(sops_slice_ends(sops_buf_view(&enc), SOPS_LIT("-----END PGP MESSAGE-----")));
    k.enc = sops_buf_view(&enc);
    assert_ok(k.source->unwrap(&w, &k, &plain, &e), &e);
    assert_int_equal(plain.len, sizeof key);
    assert_memory_equal(plain.ptr, key, sizeof key);
    assert_null(getenv("GPG_TTY")); /* programs of the user shall not see what gpg was told */
    sops_buf_free(&enc);
    sops_buf_free(&plain);
    sops_arena_free(&a);
    sops_world_forget(&w);
}

static void test_forms_of_a_fingerprint(void **state)
{
    (void)state;
    if (home[0] == '\0') {
        skip();
    }
    char text[128];
    round_trip(full);
    round_trip(full + strlen(full) - 16);
    round_trip(subkey);
    (void)snprintf(text, sizeof text, "%s!", subkey);
    round_trip(text);
    (void)snprintf(text, sizeof text, "0x%.4s %s", full, full + 4);
    round_trip(text);
    for (char *c = text; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'F' ? *c + 32 : *c);
    }
    round_trip(text);
}

static void wrap_fails(const char *name, const char *words)
{
    struct sops_world w = TEST_WORLD;
    w.env = ring_env;
    struct sops_arena a = {0};
    struct sops_err e = {0};
    struct sops_buf enc = {0};
    struct sops_key k = parsed(&w, &a, name);
    assert_false(k.source->wrap(&w, &k, SOPS_LIT("canary-key"), &enc, &e));
    if (strstr(e.msg, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, e.msg);
    }
    assert_null(strstr(e.msg, "canary"));
    assert_int_equal(enc.len, 0);
    sops_err_clear(&e);
    sops_arena_free(&a);
    sops_world_forget(&w);
}

static void test_keys_that_cannot_be_used(void **state)
{
    (void)state;
    if (home[0] == '\0') {
        skip();
    }
    char forced[80];
    (void)snprintf(forced, sizeof forced, "%s!", full);
    const char *rows[][2] = {
        {"", "the fingerprint is empty"},
        {"89ABCDEF", "not a valid long key id"},
        {"full@example.org", "not a valid long key id"},
        {"00112233445566778899AABBCCDDEEFF00112233", "not in the keyring"},
        {"00112233445566778899AABBCCDDEEFF00112233", "No public key"},
        {expired, "the key expired on 2020-02-02"},
        {expired, "Unusable public key"},
        {revoked, "the key is revoked"},
        {sign_only, "no subkey for encryption"},
        {forced, "leave the '!' away"},
        {old_part, "its subkey for encryption expired on 2020-03-04"},
        {gone_part, "its subkey for encryption is revoked"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wrap_fails(rows[i][0], rows[i][1]);
    }
}

static void unwrap_fails(const char *armor, const char *words)
{
    struct sops_world w = TEST_WORLD;
    w.env = ring_env;
    struct sops_err e = {0};
    struct sops_buf plain = {0};
    struct sops_key k = {.source = &sops_keysource_pgp, .enc = sops_str(armor)};
    assert_false(k.source->unwrap(&w, &k, &plain, &e));
    if (strstr(e.msg, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, e.msg);
    }
    sops_err_clear(&e);
    sops_buf_free(&plain);
    sops_world_forget(&w);
}

static void test_messages_that_do_not_open(void **state)
{
    (void)state;
    if (home[0] == '\0') {
        skip();
    }
    unwrap_fails("", "no valid OpenPGP data found");
    unwrap_fails("-----BEGIN PGP MESSAGE-----\n", "gpg: ");
    unwrap_fails("hello", "no valid OpenPGP data found");
}

static void test_program(void **state)
{
    (void)state;
    if (home[0] == '\0') {
        skip();
    }
    program = "/nowhere/gpg";
    wrap_fails(full, "/nowhere/gpg");
    unwrap_fails("-----BEGIN PGP MESSAGE-----\n", "/nowhere/gpg");
    program = "true";
    wrap_fails(full, "zero bytes");
    program = "gpg";
    round_trip(full);
    program = "";
    round_trip(full);
    program = NULL;
}

/* A key with a passphrase, and no terminal to ask on: an error at once. */
static void test_no_terminal(void **state)
{
    (void)state;
    if (home[0] == '\0') {
        skip();
    }
    char locked[64], command[512], armor[4096] = "";
    shell("gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase canary-word "
          "--quick-gen-key locked@example.org rsa2048 encr,sign never 2>/dev/null; gpgconf --kill gpg-agent",
          NULL, 0);
    shell("gpg --batch --with-colons --list-keys locked@example.org 2>/dev/null | sed -n 's/^fpr:*\\(.*\\):/\\1/p'",
          locked, sizeof locked);
    (void)snprintf(command, sizeof command, "echo x | gpg --batch --quiet -a --always-trust -e -r %s", locked);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    armor[fread(armor, 1, sizeof armor - 1, f)] = '\0';
    assert_int_equal(pclose(f), 0);
    (void)alarm(20);
    unwrap_fails(armor, "no terminal to ask");
    (void)alarm(0);
}

/* Each allocation fails once, while wrapping, while unwrapping, and while a failure is explained. */
static void test_without_memory(void **state)
{
    (void)state;
    if (home[0] == '\0') {
        skip();
    }
    const char *const names[] = {full, sign_only, NULL}; /* NULL: unwraps what was wrapped */
    struct sops_buf enc = {0};
    for (size_t i = 0; i < 3; i++) {
        bool more = true;
        for (uint64_t k = 1; more; k++) {
            struct sops_world w = TEST_WORLD;
            w.env = ring_env;
            struct sops_arena a = {0};
            struct sops_err e = {0};
            struct sops_buf out = {0};
            struct sops_key key = parsed(&w, &a, names[i] != NULL ? names[i] : full);
            key.enc = sops_buf_view(&enc);
            size_t live = sops_mem_live();
            uint64_t before = sops_mem_count();
            sops_mem_fail_at(k);
            bool ok = names[i] != NULL ? key.source->wrap(&w, &key, SOPS_LIT("key"), &out, &e)
                                       : key.source->unwrap(&w, &key, &out, &e);
            more = sops_mem_count() - before >= k;
            sops_mem_fail_at(0);
            assert_int_equal(ok, e.code == SOPS_OK);
            assert_true(more || ok == (i != 1));
            if (i == 0 && ok) {
                sops_buf_free(&enc);
                enc = out;
                out = (struct sops_buf){0};
            }
            sops_buf_free(&out);
            sops_err_clear(&e);
            sops_arena_free(&a);
            sops_world_forget(&w);
            assert_true(sops_mem_live() <= live);
        }
    }
    sops_buf_free(&enc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spaces_are_dropped),
        cmocka_unit_test(test_forms_of_a_fingerprint),
        cmocka_unit_test(test_keys_that_cannot_be_used),
        cmocka_unit_test(test_messages_that_do_not_open),
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_no_terminal),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
