/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin protocol against scripts, word by word, and against a real program (testdata/age/kat/age-plugin-testecho).
 */
#include "age_world.h"

#include "cli/world_real.h"
#include "keysources/age_internal.h"

#define RECIPIENT "age1testecho10qxlqkzu"
#define IDENTITY "AGE-PLUGIN-TESTECHO-10QN6L2YT"
#define KEY_BODY "AAECAwQFBgcICQoLDA0ODw" /* the file key 00..0f */

static const uint8_t file_key[SOPS_AGE_FILE_KEY] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct exchange {
    const char *script, *heard; /* `heard`: what comes after the first phase; NULL: not looked at */
    const char *words;          /* of the failure; NULL: success */
    const char *said;           /* what the user is told; NULL: nothing */
};

static void check(const struct age_world *a, const struct age_peer *p, const struct exchange *x, const char *first,
                  size_t number, bool ok, struct sops_err *e)
{
    if (ok != (x->words == NULL) || (x->words != NULL && strstr(e->msg, x->words) == NULL)) {
        fail_msg("%zu: ok %d, %s", number, ok, e->msg);
    }
    if (x->words != NULL && strncmp(e->msg, "testecho plugin: ", 17) != 0) {
        fail_msg("%zu: %s", number, e->msg);
    }
    assert_int_equal(strncmp(p->heard, first, strlen(first)), 0);
    if (x->heard != NULL) {
        assert_string_equal(p->heard + strlen(first), x->heard);
    }
    assert_string_equal(a->said, x->said != NULL ? x->said : "");
    assert_int_equal(p->opened, 1);
    assert_int_equal(p->closed, 1);
    sops_err_clear(e);
}

#define OK "-> ok\n\n"
#define DONE "-> done\n\n"
#define STANZA "-> recipient-stanza 0 testecho arg1\n" KEY_BODY "\n"

static void wrapping(void **state)
{
    (void)state;
    static const struct exchange cases[] = {
        {STANZA DONE, OK, NULL, NULL},
        {"-> msg\naGVsbG8bWzFt\n" STANZA DONE, OK OK, NULL, "hello [1m\n"},
        {"-> msg\nacKbMW1iw7xy/w\n" STANZA DONE, OK OK, NULL,
         "i  1mb\xc3\xbcr \n"}, /* CSI in one character, bad UTF-8 */
        {"-> msg\n\n" STANZA DONE, OK OK, NULL, "\n"},
        {"-> grease-x 1 2 3\n\n" STANZA DONE, "-> unsupported\n\n" OK, NULL, NULL},
        {"-> labels postquantum x\n\n" STANZA DONE, OK OK, NULL, NULL},
        {"-> labels\n\n-> labels\n\n" STANZA DONE, NULL, "labels were given twice", NULL},
        {DONE, "", "it gave no stanza", NULL},
        {STANZA, OK, "ended before it was done", NULL},
        {"", "", "ended before it was done", NULL},
        {"-> recipient-stanza 1 testecho\n\n" DONE, "", "malformed recipient stanza", NULL},
        {"-> recipient-stanza 0\n\n" DONE, "", "malformed recipient stanza", NULL},
        {"-> error internal\nYm9vbQ\n" DONE, OK, "boom", NULL},
        {"nonsense\n\n", "", "bad age header", NULL},
        {"-> msg \n\n", "", "bad age header", NULL},
        {"-> msg\nYm9vbQ==\n", "", "base64", NULL},
        {"-> request-public\nbmFtZT8\n-> request-secret\ncGluPw\n" STANZA DONE, "-> ok\nYm9i\n-> ok\nMTIz\n" OK, NULL,
         NULL},
        {"-> request-public\nbmFtZT8\n-> request-public\nbmFtZT8\n-> request-public\nbmFtZT8\n" STANZA DONE,
         "-> ok\nYm9i\n-> ok\nMTIz\n-> fail\n\n" OK, NULL, NULL},
        {"-> confirm WWVz Tm8\nc3VyZT8\n" STANZA DONE, "-> ok no\n\n" OK, NULL, NULL},
        {"-> confirm\nc3VyZT8\n", "", "malformed question", NULL},
        {"-> confirm a b c\nc3VyZT8\n", "", "malformed question", NULL},
        {"-> confirm W\nc3VyZT8\n", "", "bad base64", NULL},
    };
    static const char *const answers[] = {"bob", "123", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct age_world a;
        struct age_peer p = {.script = cases[i].script};
        struct sops_arena arena = {0};
        struct sops_age_stanza *out = NULL;
        struct sops_err e = {0};
        struct sops_age_recipient r = {.text = SOPS_LIT(RECIPIENT), .name = SOPS_LIT("testecho")};
        age_world_new(&a);
        a.peer = &p;
        a.answers = answers;
        bool ok = sops_age_plugin_wrap(&a.world, &r, file_key, &arena, &out, &e);
        check(&a, &p, &cases[i],
              "-> add-recipient " RECIPIENT "\n\n-> wrap-file-key\n" KEY_BODY "\n-> extension-labels\n\n" DONE, i, ok,
              &e);
        assert_string_equal(p.name, "[age-plugin-testecho][--age-plugin=recipient-v1]");
        if (ok) {
            assert_int_equal(out->args, 2);
            assert_slice(out->arg[0], "testecho");
            assert_slice(out->arg[1], "arg1");
            assert_true(sops_slice_eq(out->body, sops_slice_of(file_key, sizeof file_key)));
            assert_null(out->next);
        }
        sops_arena_free(&arena);
        age_world_end(&a);
    }
}

static void unwrapping(void **state)
{
    (void)state;
#define FOUND "-> file-key 0\n" KEY_BODY "\n"
    static const struct exchange cases[] = {
        {FOUND DONE, OK, NULL, NULL},
        {DONE, "", NULL, NULL},
        {"-> confirm WWVz\ncHJlc3M\n" FOUND DONE, "-> ok yes\n\n" OK, NULL, NULL},
        {"-> msg\nVG91Y2g\n" FOUND DONE, OK OK, NULL, "Touch\n"},
        {FOUND FOUND DONE, OK, "malformed or second file key", NULL},
        {"-> file-key 1\n" KEY_BODY "\n" DONE, "", "malformed or second file key", NULL},
        {"-> file-key\n" KEY_BODY "\n" DONE, "", "malformed or second file key", NULL},
        {"-> file-key 0\nAAEC\n" DONE, "", "malformed or second file key", NULL},
        {"-> error stanza 0 0\nYm9vbQ\n", OK, "boom", NULL},
        {FOUND, OK, "ended before it was done", NULL},
    };
    static const char *const answers[] = {"1", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct age_world a;
        struct age_peer p = {.script = cases[i].script};
        struct sops_age_set set = {0};
        struct sops_err e = {0};
        struct sops_slice arg[] = {SOPS_LIT("testecho"), SOPS_LIT("arg1")}, other[] = {SOPS_LIT("X25519")};
        struct sops_age_stanza second = {other, 1, SOPS_LIT("x"), NULL}, first = {arg, 2, SOPS_LIT(""), &second};
        struct sops_age_header h = {.stanzas = &first, .count = 2};
        uint8_t key[SOPS_AGE_FILE_KEY] = {0};
        age_world_new(&a);
        a.peer = &p;
        a.answers = answers;
        assert_ok(sops_age_set_parse(&set, SOPS_LIT(IDENTITY), SOPS_AGE_TEXT_LINES, &e), &e);
        enum sops_age_match match = sops_age_plugin_unwrap(&a.world, set.first, &h, key, &e);
        check(&a, &p, &cases[i],
              "-> add-identity " IDENTITY "\n\n-> recipient-stanza 0 testecho arg1\n\n"
              "-> recipient-stanza 0 X25519\neA\n" DONE,
              i, match != SOPS_AGE_BROKEN, &e);
        assert_string_equal(p.name, "[age-plugin-testecho][--age-plugin=identity-v1]");
        if (match == SOPS_AGE_MINE) {
            assert_memory_equal(key, file_key, sizeof key);
        }
        assert_int_equal(match == SOPS_AGE_NOT_MINE, i == 1);
        sops_age_set_free(&set);
        age_world_end(&a);
    }
}

/* Several files in one process: keys in any order, a failure of one file alone, and one of the run, before which what
 * came counts. */
static void several_files(void **state)
{
    (void)state;
    static const struct {
        const char *script, *matches,
            *words; /* `matches`: what each file got; `words`: of the run's failure, or NULL */
    } cases[] = {
        {"-> file-key 2\n" KEY_BODY "\n-> file-key 0\n" KEY_BODY "\n" DONE, "+-+", NULL},
        {"-> file-key 0\n" KEY_BODY "\n-> error stanza 1 0\nYm9vbQ\n-> file-key 2\n" KEY_BODY "\n" DONE, "+!+", NULL},
        {"-> file-key 1\n" KEY_BODY "\n-> error identity 0\nYm9vbQ\n" DONE, "-+-", "boom"},
        {"-> error internal\nYm9vbQ\n-> error internal\nc2Vjb25k\n" DONE, "---", "boom"},
        {"-> file-key 0\n" KEY_BODY "\n", "+--", "ended before it was done"},
        {"-> file-key 0\n" KEY_BODY "\n-> file-key 0\n" KEY_BODY "\n" DONE, "+--", "malformed or second file key"},
        {"-> file-key 3\n" KEY_BODY "\n" DONE, "---", "malformed or second file key"},
        {"-> file-key -1\n" KEY_BODY "\n" DONE, "---", "malformed or second file key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct age_world a;
        struct age_peer p = {.script = cases[i].script};
        struct sops_age_set set = {0};
        struct sops_err e = {0};
        struct sops_slice arg[] = {SOPS_LIT("testecho"), SOPS_LIT("arg1")};
        struct sops_age_stanza stanza = {arg, 2, SOPS_LIT(""), NULL};
        const struct sops_age_header h = {.stanzas = &stanza, .count = 1};
        struct sops_age_plugin_file file[] = {{.h = &h}, {.h = &h}, {.h = &h}};
        char got[4] = "";
        age_world_new(&a);
        a.peer = &p;
        assert_ok(sops_age_set_parse(&set, SOPS_LIT(IDENTITY), SOPS_AGE_TEXT_LINES, &e), &e);
        bool ok = sops_age_plugin_run(&a.world, set.first, file, 3, &e);
        for (size_t k = 0; k < 3; k++) {
            got[k] = "-+!"[file[k].match];
            sops_buf_free(&file[k].why);
        }
        assert_string_equal(got, cases[i].matches);
        assert_int_equal(ok, cases[i].words == NULL);
        assert_true(ok || strstr(e.msg, cases[i].words) != NULL);
        assert_non_null(strstr(p.heard, "-> recipient-stanza 2 testecho arg1"));
        assert_int_equal(p.opened, 1);
        sops_err_clear(&e);
        sops_age_set_free(&set);
        age_world_end(&a);
    }
}

/* A type alone is a stanza; several are kept in order. */
static void several_stanzas(void **state)
{
    (void)state;
    struct age_world a;
    struct age_peer p = {.script = "-> recipient-stanza 0 alone\n\n" STANZA DONE};
    struct sops_arena arena = {0};
    struct sops_age_stanza *out = NULL;
    struct sops_err e = {0};
    struct sops_age_recipient r = {.text = SOPS_LIT(RECIPIENT), .name = SOPS_LIT("testecho")};
    age_world_new(&a);
    a.peer = &p;
    assert_ok(sops_age_plugin_wrap(&a.world, &r, file_key, &arena, &out, &e), &e);
    assert_int_equal(out->args, 1);
    assert_slice(out->arg[0], "alone");
    assert_int_equal(out->next->args, 2);
    assert_slice(out->next->arg[1], "arg1");
    assert_null(out->next->next);
    sops_arena_free(&arena);
    age_world_end(&a);
}

/* After five seconds without a word the user is told, once for each message waited for. */
static void silence(void **state)
{
    (void)state;
    struct age_world a;
    struct age_peer p = {.script = STANZA DONE, .silent = 2};
    struct sops_arena arena = {0};
    struct sops_age_stanza *out = NULL;
    struct sops_err e = {0};
    struct sops_age_recipient r = {.text = SOPS_LIT(RECIPIENT), .name = SOPS_LIT("testecho")};
    age_world_new(&a);
    a.peer = &p;
    assert_ok(sops_age_plugin_wrap(&a.world, &r, file_key, &arena, &out, &e), &e);
    assert_string_equal(a.said, "waiting for the testecho plugin...\nwaiting for the testecho plugin...\n");
    sops_arena_free(&arena);
    age_world_end(&a);
}

/* Its stderr is dropped and it runs in the folder for temporary files, unless somebody looks for a fault. */
static void surroundings(void **state)
{
    (void)state;
    static const struct {
        const char *temp, *debug, *folder;
        bool shown;
    } cases[] = {
        {NULL, NULL, "/tmp", false},
        {"/var/tmp", "", "/var/tmp", false},
        {"", "plugin", "/tmp", true},
        {NULL, "plugins", "/tmp", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct age_world a;
        struct age_peer p = {.script = ""};
        struct sops_arena arena = {0};
        struct sops_age_stanza *out = NULL;
        struct sops_err e = {0};
        struct sops_age_recipient r = {.text = SOPS_LIT(RECIPIENT), .name = SOPS_LIT("testecho")};
        age_world_new(&a);
        a.peer = &p;
        age_world_set(&a, "TMPDIR", cases[i].temp);
        age_world_set(&a, "AGEDEBUG", cases[i].debug);
        assert_false(sops_age_plugin_wrap(&a.world, &r, file_key, &arena, &out, &e));
        assert_string_equal(p.folder, cases[i].folder);
        assert_int_equal(p.quiet, !cases[i].shown);
        assert_int_equal(p.echo, cases[i].shown);
        assert_int_equal(strstr(e.hint, "AGEDEBUG=plugin") == NULL, cases[i].shown);
        sops_err_clear(&e);
        sops_arena_free(&arena);
        age_world_end(&a);
    }
}

static void missing(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0};
    struct sops_err e = {0};
    age_world_new(&a);
    assert_false(age_try_wrap(&a, RECIPIENT, &enc, &e));
    assert_string_equal(
        e.msg, "testecho plugin: the plugin \"testecho\" cannot be started: 'age-plugin-testecho' is not on PATH");
    assert_non_null(strstr(e.hint, "age-plugin-testecho"));
    sops_err_clear(&e);
    age_world_end(&a);
}

static void names(void **state)
{
    (void)state;
    assert_slice(sops_age_plugin_name(SOPS_LIT("age1x"), false), "x");
    assert_slice(sops_age_plugin_name(SOPS_LIT("age1foo1bar"), false), "foo1bar");
    assert_slice(sops_age_plugin_name(SOPS_LIT("age1a+b-c._9"), false), "a+b-c._9");
    assert_slice(sops_age_plugin_name(SOPS_LIT("AGE-PLUGIN-YUBIKEY-"), true), "YUBIKEY");
    assert_slice(sops_age_plugin_name(SOPS_LIT("age1"), false), "");
    assert_slice(sops_age_plugin_name(SOPS_LIT("age1a/b"), false), "");
    assert_slice(sops_age_plugin_name(SOPS_LIT("age1a b"), false), "");
    assert_slice(sops_age_plugin_name(SOPS_LIT("AGE-PLUGIN-X"), true), "");
    assert_slice(sops_age_plugin_name(SOPS_LIT("AGE-PLUGIN-"), true), "");
    assert_slice(sops_age_plugin_name(SOPS_LIT("AGE-PLUGIN--"), true), "");
    assert_slice(sops_age_plugin_name(SOPS_LIT("AGE-PLUGIN-A/B-"), true), "");
}

/* The program itself, when there is a Python to run it. */
static void real_program(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf enc = {0}, path = {0};
    struct sops_err e = {0};
    if (system("python3 -c '' 2>/dev/null") != 0) {
        skip();
    }
    age_world_new(&a);
    assert_true(sops_buf_addf(&path, &e, "%s:%s", KAT, getenv("PATH")));
    age_world_set(&a, "PATH", sops_buf_cstr(&path, &e));
    age_world_set(&a, "SOPS_AGE_KEY", IDENTITY);
    a.world.open = sops_world_open;
    assert_ok(age_try_wrap(&a, RECIPIENT, &enc, &e), &e);
    age_assert_opens(&a, sops_buf_view(&enc));
    assert_non_null(strstr(a.said, "hello from plugin"));
    (void)setenv("PLUG", "err", 1);
    age_assert_shut(&a, sops_buf_view(&enc), "testecho plugin: boom");
    (void)setenv("PLUG", "silent", 1);
    age_assert_shut(&a, sops_buf_view(&enc), "testecho plugin: it ended before it was done");
    (void)unsetenv("PLUG");
    sops_buf_free(&enc);
    sops_buf_free(&path);
    age_world_end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapping), cmocka_unit_test(unwrapping),      cmocka_unit_test(several_files),
        cmocka_unit_test(silence),  cmocka_unit_test(several_stanzas), cmocka_unit_test(surroundings),
        cmocka_unit_test(missing),  cmocka_unit_test(names),           cmocka_unit_test(real_program),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
