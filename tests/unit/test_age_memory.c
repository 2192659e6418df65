/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once, in every way to wrap and to unwrap: an error and no half result, and nothing is left. */
#include "age_locked.h"
#include "age_world.h"

#include "base/encode.h"
#include "keysources/age_internal.h"

#define SSH KAT "ssh-keys/"
#define PASSPHRASE "kat passphrase"
#define FILE_KEY "AAECAwQFBgcICQoLDA0ODw" /* 00..0f */

struct way {
    const char *name;
    const char *recipient;           /* its text, or the file that holds it; NULL: only unwrapped */
    const char *variable, *identity; /* where the identity is; a file, or the text for SOPS_AGE_KEY */
    const char *enc;                 /* to be unwrapped, a file; NULL: what was wrapped */
    const char *wraps, *unwraps;     /* what a plugin or an agent says; NULL: there is none */
    const char *typed;
};

static char locked_key[64], locked_identity[64];

static const struct way ways[] = {
    {.name = "hybrid", .variable = "SOPS_AGE_KEY_FILE", .identity = KAT "identity-hybrid.txt", .enc = KAT "hybrid.age"},
    {.name = "ed25519",
     .recipient = SSH "ed25519_plain.pub",
     .variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
     .identity = SSH "ed25519_plain"},
    {.name = "rsa of OpenSSH",
     .recipient = SSH "rsa2048_plain_openssh.pub",
     .variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
     .identity = SSH "rsa2048_plain_openssh"},
    {.name = "rsa of PKCS#8",
     .variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
     .identity = SSH "rsa2048_plain_pkcs8",
     .enc = KAT "ssh-rsa2048_plain_pkcs8.age"},
    {.name = "rsa behind a passphrase",
     .recipient = SSH "rsa2048_enc_pem.pub",
     .variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
     .identity = SSH "rsa2048_enc_pem",
     .typed = PASSPHRASE},
    {.name = "ed25519 behind a passphrase",
     .variable = "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
     .identity = locked_key,
     .typed = PASSPHRASE},
    {.name = "protected identity", .variable = "SOPS_AGE_KEY_FILE", .identity = locked_identity, .typed = PASSPHRASE},
    {.name = "protected identity and gpg-agent",
     .variable = "SOPS_AGE_KEY_FILE",
     .identity = locked_identity,
     .unwraps = "OK hello\nOK\nOK\nOK 6b61742070617373706872617365\n"},
    {.name = "plugin",
     .recipient = "age1testecho10qxlqkzu",
     .variable = "SOPS_AGE_KEY",
     .identity = "AGE-PLUGIN-TESTECHO-10QN6L2YT",
     .wraps = "-> msg\naGVsbG8\n-> request-secret\ncGluPw\n-> confirm WWVz\n\n"
              "-> recipient-stanza 0 testecho arg1\n" FILE_KEY "\n-> done\n\n",
     .unwraps = "-> msg\naGVsbG8\n-> request-secret\ncGluPw\n-> grease 1\n\n-> file-key 0\n" FILE_KEY "\n-> done\n\n",
     .typed = "1"},
};

static bool chance(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)out)[i] = (uint8_t)i; /* the plugin's file key is the one that its script says */
    }
    return true;
}

struct scene {
    struct age_world a;
    struct age_peer peer;
    const char *answers[4];
};

static void open_scene(struct scene *s, const struct way *way, const char *script)
{
    *s = (struct scene){.peer = {.script = script}};
    age_world_new(&s->a);
    s->a.world.random = chance;
    s->a.peer = script != NULL ? &s->peer : NULL;
    age_world_set(&s->a, way->variable, way->identity);
    if (script != NULL && way->recipient == NULL) {
        age_world_set(&s->a, "GPG_AGENT_INFO", "/nowhere/S.gpg-agent:0:1");
        age_world_set(&s->a, "TERM", "xterm");
    }
    for (size_t i = 0; i < 3 && way->typed != NULL; i++) {
        s->answers[i] = way->typed;
    }
    s->a.answers = s->answers;
}

/* Lets the k-th allocation of one call fail. Gives whether there was a k-th one. */
static bool one(const struct way *way, const char *recipient, struct sops_slice enc, uint64_t k, struct sops_buf *out)
{
    struct scene s;
    struct sops_err e = {0};
    open_scene(&s, way, recipient != NULL ? way->wraps : way->unwraps);
    sops_buf_free(out);
    size_t live = sops_mem_live();
    uint64_t before = sops_mem_count();
    sops_mem_fail_at(k);
    bool ok = recipient != NULL ? age_try_wrap(&s.a, recipient, out, &e) : age_try_unwrap(&s.a, enc, out, &e);
    uint64_t after = sops_mem_count();
    sops_mem_fail_at(0);
    if (ok != (e.code == SOPS_OK) || (k > after - before && !ok)) {
        fail_msg("%s, allocation %ju: %d, %s", way->name, (uintmax_t)k, ok, e.msg);
    }
    if (!ok) {
        assert_true(e.msg[0] != '\0');
        sops_buf_free(out);
    } else if (recipient == NULL && way->enc == NULL) {
        assert_true(sops_slice_eq(sops_buf_view(out), sops_slice_of(age_data_key, sizeof age_data_key)));
    }
    sops_err_clear(&e);
    sops_world_forget(&s.a.world);
    assert_int_equal(sops_mem_live(), live + (out->ptr != NULL));
    assert_int_equal(s.peer.opened, s.peer.closed);
    age_world_end(&s.a);
    return k <= after - before;
}

static void sweep(const struct way *way)
{
    struct sops_buf enc = {0}, plain = {0}, recipient = {0};
    struct sops_err e = {0};
    const char *to = way->recipient;
    if (to != NULL && to[0] == '/') {
        age_read_file(to, &recipient);
        to = (const char *)recipient.ptr;
    }
    if (way->enc != NULL) {
        age_read_file(way->enc, &enc);
    } else if (to == NULL) { /* to the key that was made here */
        char path[80];
        (void)snprintf(path, sizeof path, "%s.pub", way->identity);
        age_read_file(path, &recipient);
        struct scene s;
        open_scene(&s, way, NULL);
        assert_ok(age_try_wrap(&s.a, (const char *)recipient.ptr, &enc, &e), &e);
        age_world_end(&s.a);
    }
    uint64_t k = 1;
    while (to != NULL && one(way, to, (struct sops_slice){0}, k, &enc)) {
        k++;
    }
    assert_true(enc.len != 0);
    assert_true(to == NULL || k > 10);
    for (k = 1; one(way, NULL, sops_buf_view(&enc), k, &plain); k++) {
    }
    assert_true(k > 10);
    sops_buf_free(&enc);
    sops_buf_free(&plain);
    sops_buf_free(&recipient);
}

static void every_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (ways[i].identity[0] != '\0') {
            sweep(&ways[i]);
        }
    }
}

/* Files with so little work that a test can do it a hundred times. */
static char folder[] = "/tmp/sops-test-age-memory-XXXXXX";

static bool make_identity(struct sops_world *w)
{
    struct sops_buf identity = {0}, recipient = {0}, text = {0};
    struct sops_err e = {0};
    char path[80];
    (void)snprintf(locked_identity, sizeof locked_identity, "%s/identity", folder);
    (void)snprintf(path, sizeof path, "%s.pub", locked_identity);
    bool ok = sops_keysource_age.generate(w, SOPS_LIT(""), &identity, &recipient, &e) &&
              age_lock(w, sops_buf_view(&identity), PASSPHRASE, &text, &e) &&
              sops_file_create(locked_identity, sops_buf_view(&text), 0600, &e) &&
              sops_file_create(path, sops_buf_view(&recipient), 0600, &e);
    sops_buf_free(&identity);
    sops_buf_free(&recipient);
    sops_buf_free(&text);
    return ok;
}

static int set_up(void **state)
{
    (void)state;
    char command[256];
    struct sops_world w = TEST_WORLD;
    if (mkdtemp(folder) == NULL || !make_identity(&w)) {
        return 1;
    }
    (void)snprintf(locked_key, sizeof locked_key, "%s/key", folder);
    (void)snprintf(command, sizeof command, "ssh-keygen -q -t ed25519 -a 1 -N '" PASSPHRASE "' -C '' -f %s",
                   locked_key);
    if (system(command) != 0) {
        print_message("no ssh-keygen here: its kind of key is left out\n");
        locked_key[0] = '\0';
    }
    return 0;
}

/* Whichever allocation fails: wrap and unwrap say so, leave nothing behind, and work the next time. */
static void each_source(void **state)
{
    (void)state;
    static const char *const keys[] = {"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (uint64_t k = 1, done = 0; done < 2; k++) {
            struct age_world a;
            struct sops_buf enc = {0}, plain = {0};
            struct sops_err e = {0};
            age_world_new(&a);
            size_t live = sops_mem_live();
            sops_mem_fail_at(k);
            bool ok = age_try_wrap(&a, ALICE, &enc, &e);
            sops_mem_fail_at(0);
            assert_int_equal(ok, e.code == SOPS_OK);
            done = ok; /* 2 when neither has a k-th allocation */
            sops_err_clear(&e);
            sops_buf_free(&enc);
            assert_int_equal(sops_mem_live(), live);
            assert_ok(age_try_wrap(&a, ALICE, &enc, &e), &e);
            char path[128];
            (void)snprintf(path, sizeof path, "%s/id", a.home);
            age_world_file(&a, "id", sops_str(ALICE_KEY));
            age_world_set(&a, keys[i], i == 1 ? path : ALICE_KEY);
            a.output = ALICE_KEY;
            sops_mem_fail_at(k);
            ok = age_try_unwrap(&a, sops_buf_view(&enc), &plain, &e);
            sops_mem_fail_at(0);
            assert_int_equal(ok, e.code == SOPS_OK);
            done += ok;
            sops_err_clear(&e);
            sops_buf_free(&enc);
            sops_buf_free(&plain);
            age_world_end(&a);
            assert_int_equal(sops_mem_live(), 0);
        }
    }
}

static int tear_down(void **state)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || test_no_leaks(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_way), cmocka_unit_test(each_source)};
    return sodium_init() < 0 || cmocka_run_group_tests(tests, set_up, tear_down);
}
