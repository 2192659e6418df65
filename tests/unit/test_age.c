/* SPDX-License-Identifier: Apache-2.0 */
/* Recipients, the eight places for identities, what is said when nothing fits (docs/spec/61-age.md#the-key-source). */
#include "age_world.h"

#include "base/encode.h"
#include "keysources/age_internal.h"

static char alice_key[128]; /* the identity of kat/x25519.age */
static char bob_key[128], bob[128];

static int start(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf text = {0}, recipient = {0};
    age_read_file(KAT "identity-x25519.txt", &text);
    (void)snprintf(alice_key, sizeof alice_key, "%.*s", SOPS_ARG(sops_slice_trim(sops_buf_view(&text))));
    sops_buf_free(&text);
    age_world_new(&a);
    assert_true(sops_keysource_age.generate(&a.world, SOPS_LIT(""), &text, &recipient, NULL));
    (void)snprintf(bob_key, sizeof bob_key, "%.*s", SOPS_ARG(sops_buf_view(&text)));
    (void)snprintf(bob, sizeof bob, "%.*s", SOPS_ARG(sops_buf_view(&recipient)));
    sops_buf_free(&text);
    sops_buf_free(&recipient);
    age_world_end(&a);
    return 0;
}

static void known_answer(void **state)
{
    (void)state;
    struct age_world a;
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY", alice_key);
    age_assert_kat(&a, "x25519.age");
    age_world_end(&a);
}

static void wrap_and_unwrap(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    assert_int_equal(enc.len, 385);
    assert_true(sops_slice_ends(sops_buf_view(&enc), SOPS_LIT("\n-----END AGE ENCRYPTED FILE-----\n")));
    age_world_set(&a, "SOPS_AGE_KEY", alice_key);
    age_assert_shut(&a, sops_buf_view(&enc), "identity did not match any of the recipients");
    age_world_end(&a);
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY", bob_key);
    age_assert_opens(&a, sops_buf_view(&enc));
    enc.ptr[200] ^= 1;
    age_assert_shut(&a, sops_buf_view(&enc), "failed to create reader");
    sops_buf_free(&enc);
    age_world_end(&a);
}

static void hybrid(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf identity = {0}, recipient = {0}, again = {0}, enc = {0}, file = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    age_read_file(KAT "identity-hybrid.txt", &file);
    age_world_set(&a, "SOPS_AGE_KEY", (const char *)file.ptr);
    age_assert_kat(&a, "hybrid.age");
    age_world_end(&a);
    age_world_new(&a);
    assert_ok(sops_keysource_age.generate(&a.world, SOPS_LIT("pq"), &identity, &recipient, &e), &e);
    assert_int_equal(identity.len, 77);
    assert_int_equal(recipient.len, 1959);
    assert_ok(sops_keysource_age.recipients(&a.world, sops_buf_view(&identity), &again, &e), &e);
    assert_int_equal(again.ptr[--again.len], '\n');
    assert_true(sops_slice_eq(sops_buf_view(&again), sops_buf_view(&recipient)));
    assert_ok(age_try_wrap(&a, sops_buf_cstr(&recipient, &e), &enc, &e), &e);
    assert_int_equal(enc.len, 2360);
    age_world_set(&a, "SOPS_AGE_KEY", (const char *)file.ptr);
    age_assert_shut(&a, sops_buf_view(&enc), "did not match");
    age_world_end(&a);
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY", sops_buf_cstr(&identity, &e));
    age_assert_opens(&a, sops_buf_view(&enc));
    age_world_end(&a);
    sops_buf_free(&identity);
    sops_buf_free(&recipient);
    sops_buf_free(&again);
    sops_buf_free(&enc);
    sops_buf_free(&file);
}

/* A file that another program made for a hybrid recipient: its `enc`, with the indentation of the YAML taken away. */
static void hybrid_of_another_program(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf yaml = {0}, enc = {0}, plain = {0};
    struct sops_err e = {0};
    struct sops_slice rest, line;
    bool within = false;
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY_FILE", SOPS_TESTDATA "/age/flux/age-pq.txt");
    age_read_file(SOPS_TESTDATA "/age/flux/age-pq.yaml", &yaml);
    rest = sops_buf_view(&yaml);
    while (sops_slice_next(&rest, '\n', &line)) {
        line = sops_slice_trim(line);
        within = within || sops_slice_eq(line, SOPS_LIT("-----BEGIN AGE ENCRYPTED FILE-----"));
        if (within) {
            assert_true(sops_buf_add(&enc, line, &e) && sops_buf_addc(&enc, '\n', &e));
        }
        within = within && !sops_slice_eq(line, SOPS_LIT("-----END AGE ENCRYPTED FILE-----"));
    }
    assert_ok(age_try_unwrap(&a, sops_buf_view(&enc), &plain, &e), &e);
    assert_int_equal(plain.len, 32);
    age_world_end(&a);
    sops_buf_free(&yaml);
    sops_buf_free(&enc);
    sops_buf_free(&plain);
}

/* Each place alone is enough. */
static void places(void **state)
{
    (void)state;
    static const char *const by[] = {"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", ".config",
                                     "XDG_CONFIG_HOME"};
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        struct age_world a;
        char path[128];
        age_world_new(&a);
        sops_buf_cut(&enc, 0);
        assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
        (void)snprintf(path, sizeof path, "%s/%s", a.home, i == 1 ? "id" : "x");
        if (i == 0) {
            age_world_set(&a, by[i], bob_key);
        } else if (i == 1) {
            age_world_file(&a, "id", sops_str(bob_key));
            age_world_set(&a, by[i], path);
        } else if (i == 2) {
            a.output = bob_key;
            age_world_set(&a, by[i], "get 'the key'");
        } else if (i == 3) {
            age_world_file(&a, ".config/sops/age/keys.txt", sops_str(bob_key));
        } else {
            age_world_file(&a, "x/sops/age/keys.txt", sops_str(bob_key));
            age_world_set(&a, by[i], path);
        }
        age_assert_opens(&a, sops_buf_view(&enc));
        if (i == 2) {
            assert_string_equal(a.ran, "[get][the key] SOPS_AGE_RECIPIENT=whoever");
            age_assert_opens(&a, sops_buf_view(&enc));
            assert_int_equal(a.runs, 1); /* once for each recipient */
        }
        age_world_end(&a);
    }
    sops_buf_free(&enc);
}

static void text_forms(void **state)
{
    (void)state;
    static const struct {
        const char *front, *back;
        bool lines, words; /* is it good in a file, in SOPS_AGE_KEY */
    } cases[] = {
        {"", "", true, true},
        {"", "\n", true, true},
        {"", "\r\n", true, true},
        {"# created: now\n# public key: x\n\n", "\n#\n", true, true},
        {"", " ", false, true},
        {" ", "", false, true},
        {"\t\xe2\x80\x89", "\xc2\xa0", false, true},
        {" \n", "", false, true},
        {"\xef\xbb\xbf", "", false, false},
        {" # comment\n", "", false, false},
        {"", " # comment", false, false},
        {"age1x\n", "", false, false},
        {"AGE-SECRET-KEY-1AAAA\n", "", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_buf text = {0};
        struct sops_err e = {0};
        assert_true(sops_buf_addf(&text, &e, "%s%s%s", cases[i].front, alice_key, cases[i].back));
        for (int words = 0; words < 2; words++) {
            struct sops_age_set set = {0};
            bool ok =
                sops_age_set_parse(&set, sops_buf_view(&text), words ? SOPS_AGE_TEXT_WORDS : SOPS_AGE_TEXT_LINES, &e);
            if (ok != (words ? cases[i].words : cases[i].lines)) {
                fail_msg("case %zu, words %d: %s", i, words, e.msg);
            }
            assert_null(strstr(e.msg, "AGE-SECRET"));
            assert_int_equal(set.first != NULL && ok, ok);
            sops_age_set_free(&set);
            sops_err_clear(&e);
        }
        sops_buf_free(&text);
    }
}

/* Several identities on a line are for the variable alone. */
static void forms_of_sources(void **state)
{
    (void)state;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    char both[300];
    (void)snprintf(both, sizeof both, "%s %s", alice_key, bob_key);
    for (int source = 0; source < 3; source++) {
        static const char *const names[] = {"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"};
        struct age_world a;
        char path[128];
        age_world_new(&a);
        sops_buf_cut(&enc, 0);
        assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
        age_world_file(&a, "keys", sops_str(both));
        (void)snprintf(path, sizeof path, "%s/keys", a.home);
        a.output = both;
        age_world_set(&a, names[source], source == 0 ? both : source == 1 ? path : "cmd");
        if (source == 0) {
            age_assert_opens(&a, sops_buf_view(&enc));
        } else {
            age_assert_shut(&a, sops_buf_view(&enc), names[source]);
        }
        age_world_end(&a);
    }
    sops_buf_free(&enc);
}

/* The right identity does not help a header that was changed. */
static void changed_header(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0}, file = {0}, again = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY", bob_key);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    assert_ok(sops_age_dearmor(sops_buf_view(&enc), &file, &e), &e);
    uint8_t *mac = memmem(file.ptr, file.len, "\n--- ", 5);
    assert_non_null(mac);
    mac[5] = mac[5] != 'A' ? 'A' : 'B';
    assert_ok(sops_age_armor(sops_buf_view(&file), &again, &e), &e);
    age_assert_shut(&a, sops_buf_view(&again), "its MAC is wrong");
    age_assert_opens(&a, sops_buf_view(&enc));
    sops_buf_free(&enc);
    sops_buf_free(&file);
    sops_buf_free(&again);
    age_world_end(&a);
}

static void refused_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"AGE1X", "unknown recipient type: 'AGE1X'"},
        {"", "unknown recipient type"},
        {"pgp", "unknown recipient type"},
        {"github:somebody", "unknown recipient type"},
        {"age-secret-key-", "private identity"},
        {"xage-plugin-", "private identity"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----", "private identity"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_age_recipient r = {0};
        struct sops_err e = {0};
        assert_false(sops_age_recipient_parse(sops_str(cases[i][0]), &r, &e));
        if (strstr(e.msg, cases[i][1]) == NULL) {
            fail_msg("%s: %s", cases[i][0], e.msg);
        }
        sops_err_clear(&e);
    }
}

static void broken_source_hinders_none(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    age_world_set(&a, "SOPS_AGE_KEY", "nonsense");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", "/nope/keys");
    age_world_set(&a, "SOPS_AGE_KEY_CMD", "  # nothing");
    age_world_file(&a, ".config/sops/age/keys.txt", sops_str(bob_key));
    age_assert_opens(&a, sops_buf_view(&enc));
    age_world_end(&a);
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY", "nonsense");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", "/nope/keys");
    age_world_set(&a, "SOPS_AGE_KEY_CMD", "");
    age_assert_shut(&a, sops_buf_view(&enc),
                    "failed to load age identities. Errors while loading age identities: SOPS_AGE_KEY: ");
    age_assert_shut(&a, sops_buf_view(&enc), "/nope/keys");
    age_assert_shut(&a, sops_buf_view(&enc), "SOPS_AGE_KEY_CMD: the command is empty");
    age_assert_shut(&a, sops_buf_view(&enc), "'SOPS_AGE_SSH_PRIVATE_KEY_FILE', 'SOPS_AGE_SSH_PRIVATE_KEY_CMD', '/");
    age_world_end(&a);
    sops_buf_free(&enc);
}

static void nowhere(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    age_assert_shut(&a, sops_buf_view(&enc), "failed to load age identities. Did not find keys in locations ");
    age_assert_shut(&a, sops_buf_view(&enc), ", and '/tmp/");
    age_assert_shut(&a, sops_buf_view(&enc), "/.config/sops/age/keys.txt'.");
    age_assert_shut(&a, SOPS_LIT(""), "bad age armor");
    age_world_set(&a, "HOME", NULL);
    age_assert_shut(&a, sops_buf_view(&enc), "HOME is not set");
    age_world_set(&a, "XDG_CONFIG_HOME", "relative");
    age_assert_shut(&a, sops_buf_view(&enc), "XDG_CONFIG_HOME is not an absolute path");
    age_world_end(&a);
    sops_buf_free(&enc);
}

static void command_failures(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    age_world_set(&a, "SOPS_AGE_KEY_CMD", "no-such -k");
    age_assert_shut(&a, sops_buf_view(&enc), "failed to execute command 'no-such -k': 'no-such' is not on PATH");
    sops_world_forget(&a.world); /* as the next command has */
    a.output = bob_key;
    a.status = 3;
    age_assert_shut(&a, sops_buf_view(&enc), "failed to execute command 'no-such -k': exit status 3");
    sops_world_forget(&a.world);
    a.status = 0;
    age_assert_opens(&a, sops_buf_view(&enc));
    sops_world_forget(&a.world);
    age_world_set(&a, "SOPS_AGE_KEY_CMD", "cat 'x");
    age_assert_shut(&a, sops_buf_view(&enc), "SOPS_AGE_KEY_CMD: ");
    sops_world_forget(&a.world);
    a.output = "";
    age_world_set(&a, "SOPS_AGE_KEY_CMD", "true");
    age_assert_shut(&a, sops_buf_view(&enc), "'SOPS_AGE_KEY_CMD'");
    age_world_end(&a);
    sops_buf_free(&enc);
}

static void recipients(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {ALICE, true},
        {" \t" ALICE "\r\n", true},
        {"age1x1f68a30", true},
        {"age1foo1bar12q5m43", true},
        {"age1testecho10qxlqkzu", true},
        {"", false},
        {" ", false},
        {"bob", false},
        {"age1", false},
        {"AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ", false},
        {"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwq", false},
        {"age1a/b146ds6w", false},
        {"age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqar9jk6", false},
        {"age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqsz3hjx6d", false},
        {"age1pq1qqqq", false},
        {"ssh-ed25519 AAAA", false},
        {"ssh-dss AAAAB3NzaC1kc3MAAAAA", false},
        {"ecdsa-sha2-nistp256 AAAA", false},
        {ALICE_KEY, false},
        {"AGE-PLUGIN-TESTECHO-10QN6L2YT", false},
        {"# created: now\n" ALICE_KEY, false},
        {"age-plugin-testecho-10qn6l2yt", false},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\n10QN6L2YT", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct age_world a;
        struct sops_arena arena = {0};
        struct sops_key k = {.source = &sops_keysource_age};
        struct sops_err e = {0};
        age_world_new(&a);
        bool ok = sops_keysource_age.parse(&a.world, &arena, sops_str(cases[i].text), &k, &e);
        if (ok != cases[i].ok) {
            fail_msg("'%s': %s", cases[i].text, e.msg);
        }
        if (ok) {
            assert_true(sops_slice_eq(k.field[0], sops_slice_trim(sops_str(cases[i].text))));
        } else {
            assert_int_equal(e.code, SOPS_E_GENERIC);
            assert_null(strstr(e.msg, "AGE-SECRET"));
            assert_null(strstr(e.msg, "10QN6L2YT"));
            assert_null(strstr(e.msg, "10qn6l2yt"));
        }
        sops_arena_free(&arena);
        age_world_end(&a);
    }
}

/* A hybrid recipient with one coefficient that is q or more. */
static void hybrid_not_reduced(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf identity = {0}, text = {0}, key = {0};
    struct sops_slice hrp;
    struct sops_err e = {0};
    age_world_new(&a);
    assert_ok(sops_keysource_age.generate(&a.world, SOPS_LIT("pq"), &identity, &text, &e), &e);
    assert_ok(sops_bech32_take(sops_buf_view(&text), &hrp, &key, &e), &e);
    for (int broken = 0; broken < 2; broken++) {
        struct sops_age_recipient r = {0};
        struct sops_buf changed = {0};
        memset(key.ptr + 600, broken ? 0xff : 0, 3);
        assert_ok(sops_bech32_add(&changed, SOPS_LIT("age1pq"), sops_buf_view(&key), &e), &e);
        assert_int_equal(sops_age_recipient_parse(sops_buf_view(&changed), &r, &e), !broken);
        assert_int_equal(broken, strstr(e.msg, "not reduced") != NULL);
        sops_age_recipient_free(&r);
        sops_buf_free(&changed);
        sops_err_clear(&e);
    }
    sops_buf_free(&identity);
    sops_buf_free(&text);
    sops_buf_free(&key);
    age_world_end(&a);
}

/* Identities that need nobody's help come first, whatever the order of their places; then an error is final. */
static void natives_first(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    char path[128];
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    (void)snprintf(path, sizeof path, "%s/id", a.home);
    age_world_file(&a, "id", sops_str(bob_key));
    age_world_set(&a, "SOPS_AGE_KEY", "AGE-PLUGIN-TESTECHO-10QN6L2YT");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", path);
    age_assert_opens(&a, sops_buf_view(&enc));
    age_world_file(&a, "id", sops_str(alice_key));
    sops_world_forget(&a.world);
    age_assert_shut(&a, sops_buf_view(&enc), "testecho plugin: ");
    age_world_end(&a);
    sops_buf_free(&enc);
}

/* One bad line and the whole source does not count; a line that is too long only ends the reading. */
static void bad_lines(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0}, text = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    assert_true(sops_buf_addf(&text, &e, "%s\nnonsense\n", bob_key));
    a.output = sops_buf_cstr(&text, &e);
    age_world_set(&a, "SOPS_AGE_KEY_CMD", "get");
    age_assert_shut(&a, sops_buf_view(&enc), "SOPS_AGE_KEY_CMD: line 2: unknown identity type");
    sops_buf_cut(&text, 0);
    assert_true(sops_buf_addf(&text, &e, "%s\n", bob_key) && sops_buf_addn(&text, 'x', 65536, &e) &&
                sops_buf_adds(&text, "\nnonsense\n", &e));
    sops_world_forget(&a.world); /* as the next command has */
    a.output = sops_buf_cstr(&text, &e);
    age_assert_opens(&a, sops_buf_view(&enc));
    age_world_end(&a);
    sops_buf_free(&enc);
    sops_buf_free(&text);
}

static void low_order_recipient(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf text = {0}, enc = {0};
    struct sops_err e = {0};
    uint8_t zero[32] = {0};
    age_world_new(&a);
    struct sops_age_recipient r = {.key = {.ptr = zero, .len = 32, .cap = 32}};
    struct sops_arena arena = {0};
    struct sops_age_stanza *s = NULL;
    assert_fails(sops_age_x25519_wrap(&a.world, &r, age_data_key, &arena, &s, &e), &e, SOPS_E_GENERIC);
    sops_arena_free(&arena);
    sops_buf_free(&text);
    sops_buf_free(&enc);
    age_world_end(&a);
}

static void generate(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf out = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_int_equal(strlen(bob_key), 74);
    assert_int_equal(strlen(bob), 62);
    assert_ok(sops_keysource_age.recipients(&a.world, sops_str(alice_key), &out, &e), &e);
    assert_slice(sops_buf_view(&out), ALICE "\n");
    assert_fails(sops_keysource_age.recipients(&a.world, SOPS_LIT("# nothing\n"), &out, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_keysource_age.recipients(&a.world, SOPS_LIT("AGE-PLUGIN-TESTECHO-10QN6L2YT"), &out, &e), &e,
                 SOPS_E_GENERIC);
    assert_fails(sops_keysource_age.generate(&a.world, SOPS_LIT("rsa"), &out, &out, &e), &e, SOPS_E_GENERIC);
    sops_buf_free(&out);
    age_world_end(&a);
}

/* A file is read once for a command. */
static void read_once(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    char path[128];
    age_world_new(&a);
    assert_ok(age_try_wrap(&a, bob, &enc, &e), &e);
    (void)snprintf(path, sizeof path, "%s/id", a.home);
    age_world_file(&a, "id", sops_str(alice_key));
    age_world_set(&a, "SOPS_AGE_KEY_FILE", path);
    age_assert_shut(&a, sops_buf_view(&enc), "did not match");
    age_world_file(&a, "id2", sops_str(bob_key));
    char other[128];
    (void)snprintf(other, sizeof other, "%s/id2", a.home);
    assert_int_equal(rename(other, path), 0);
    age_assert_shut(&a, sops_buf_view(&enc), "did not match");
    sops_world_forget(&a.world); /* a request to the key service looks again */
    age_assert_opens(&a, sops_buf_view(&enc));
    age_world_end(&a);
    sops_buf_free(&enc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hybrid_not_reduced),
        cmocka_unit_test(natives_first),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(known_answer),
        cmocka_unit_test(wrap_and_unwrap),
        cmocka_unit_test(places),
        cmocka_unit_test(text_forms),
        cmocka_unit_test(nowhere),
        cmocka_unit_test(broken_source_hinders_none),
        cmocka_unit_test(recipients),
        cmocka_unit_test(command_failures),
        cmocka_unit_test(generate),
        cmocka_unit_test(low_order_recipient),
        cmocka_unit_test(read_once),
        cmocka_unit_test(hybrid),
        cmocka_unit_test(forms_of_sources),
        cmocka_unit_test(changed_header),
        cmocka_unit_test(refused_words),
        cmocka_unit_test(hybrid_of_another_program),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, start, test_no_leaks);
}
