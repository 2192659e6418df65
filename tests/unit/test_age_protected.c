/* SPDX-License-Identifier: Apache-2.0 */
/* Identities behind a passphrase: from the terminal, and from a gpg-agent that follows a script
 * (docs/spec/61-age.md#passphrase-protected-identities).
 */
#include "age_locked.h"
#include "age_world.h"

#include "keysources/age_internal.h"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SECRET "kat identity passphrase"
#define SECRET_HEX "6b6174206964656e746974792070617373706872617365"
#define CACHE_ID "SopsAge3QFTOD7Q3HSFCF3OJYW5KGOEFSFSFQQTOL5ETPW5" /* of encrypted-identity.age */

static const char *const right[] = {SECRET, NULL};

static void from_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *identity, *file;
    } cases[] = {
        {"encrypted-identity.age", "x25519.age"},
        {"encrypted-identity.asc", "x25519.age"},
        {"encrypted-identity-pq.age", "hybrid.age"},
        {"encrypted-identity-pq.asc", "hybrid.age"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct age_world a;
        char path[256];
        age_world_new(&a);
        (void)snprintf(path, sizeof path, "%s%s", KAT, cases[i].identity);
        age_world_set(&a, "SOPS_AGE_KEY_FILE", path);
        a.answers = right;
        age_assert_kat(&a, cases[i].file);
        assert_string_equal(a.asked, "Enter passphrase for identity 'SOPS_AGE_KEY_FILE':");
        age_assert_kat(&a, cases[i].file);
        assert_int_equal(a.questions, 1); /* what it held is kept */
        age_world_end(&a);
    }
}

/* In a variable only the armored form fits. */
static void from_variable(void **state)
{
    (void)state;
    struct age_world a;
    struct sops_buf text = {0};
    age_world_new(&a);
    age_read_file(KAT "encrypted-identity.asc", &text);
    age_world_set(&a, "SOPS_AGE_KEY", (const char *)text.ptr);
    a.answers = right;
    age_assert_kat(&a, "x25519.age");
    sops_buf_free(&text);
    age_world_end(&a);
}

static void failures(void **state)
{
    (void)state;
    static const char *const wrong[] = {"wrong", NULL}, *const empty[] = {"", NULL};
    struct age_world a;
    struct sops_buf enc = {0}, hybrid = {0};
    age_world_new(&a);
    age_read_file(KAT "x25519.age", &enc);
    age_read_file(KAT "hybrid.age", &hybrid);
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "encrypted-identity.age");
    age_assert_shut(&a, sops_buf_view(&enc),
                    "no passphrase for identity 'SOPS_AGE_KEY_FILE': standard input is not a terminal");
    a.answers = wrong;
    age_assert_shut(&a, sops_buf_view(&enc), "incorrect passphrase");
    a.questions = 0;
    a.answers = empty;
    age_assert_shut(&a, sops_buf_view(&enc), "the passphrase is empty");
    a.questions = 0;
    a.answers = right;
    age_assert_shut(&a, sops_buf_view(&hybrid), "did not match");
    assert_non_null(strstr(a.said, "none of the identities in 'SOPS_AGE_KEY_FILE' fits"));
    age_world_end(&a);
    /* a file that is locked otherwise is not asked about */
    age_world_new(&a);
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "x25519.age");
    age_assert_shut(&a, sops_buf_view(&enc), "incorrect passphrase");
    assert_string_equal(a.asked, "");
    age_world_end(&a);
    sops_buf_free(&enc);
    sops_buf_free(&hybrid);
}

/* One conversation with gpg-agent. */
static void agent(const char *script, const char *heard, const char *words)
{
    struct age_world a;
    struct age_peer p = {.script = script};
    struct sops_buf enc = {0};
    age_world_new(&a);
    a.peer = &p;
    a.answers = right; /* never asked, as there is an agent */
    age_world_set(&a, "GPG_AGENT_INFO", "/run/S.gpg-agent:0:1");
    age_world_set(&a, "TERM", "xterm");
    age_world_set(&a, "DISPLAY", ":1");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "encrypted-identity.age");
    age_read_file(KAT "x25519.age", &enc);
    if (words == NULL) {
        age_assert_kat(&a, "x25519.age");
    } else {
        age_assert_shut(&a, sops_buf_view(&enc), words);
    }
    assert_string_equal(p.name, "/run/S.gpg-agent");
    assert_int_equal(p.opened, p.closed);
    assert_int_equal(a.questions, 0);
    if (strstr(p.heard, heard) == NULL) {
        fail_msg("'%s' does not stand in: %s", heard, p.heard);
    }
    sops_buf_free(&enc);
    age_world_end(&a);
}

#define GREETING "OK Pleased to meet you\n"
#define OPTIONS "OK\nOK\nERR 67109139 Unknown option\n"
#define ASKED "GET_PASSPHRASE " CACHE_ID " X Passphrase Enter+passphrase+for+identity+%27SOPS_AGE_KEY_FILE%27%3A\n"

static void from_agent(void **state)
{
    (void)state;
    char tty[8];
    if (readlink("/proc/self/fd/0", tty, sizeof tty) <= 0) {
        skip(); /* one option less would be sent */
    }
    agent(GREETING OPTIONS "OK " SECRET_HEX "\n", ASKED, NULL);
    agent(GREETING OPTIONS "# a comment\nS PROGRESS 1\nINQUIRE PINENTRY_LAUNCHED 1\nOK " SECRET_HEX "\n", ASKED "END\n",
          NULL);
    agent(GREETING OPTIONS "ERR 83886179 cancelled\n", ASKED, "was cancelled");
    agent(GREETING OPTIONS "ERR 67108922 No data\n", ASKED, "no passphrase");
    agent(GREETING OPTIONS "ERR 1 What\n", ASKED, "ERR 1 What");
    agent(GREETING OPTIONS "OK zz\n", ASKED, "bad hex");
    agent(GREETING OPTIONS, ASKED, "closed the connection");
    agent("nonsense\n", "", "not understood");
    agent("", "", "closed the connection");
    agent(GREETING OPTIONS "OK 00\n", "CLEAR_PASSPHRASE " CACHE_ID "\n", "incorrect passphrase");
    agent(GREETING OPTIONS "OK\n", "CLEAR_PASSPHRASE " CACHE_ID "\n", "the passphrase is empty");
    agent(GREETING OPTIONS "OK 00\n", "OPTION display=:1\nOPTION ttyname=", "incorrect passphrase");
    agent(GREETING OPTIONS "OK 00\n", "OPTION ttytype=xterm\n", "incorrect passphrase");
}

/* What a locked file may hold: lines of native identities in UTF-8, one at least. */
static void contents(void **state)
{
    (void)state;
    static const char identity[] = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    static const struct {
        const char *front, *back, *words; /* around an identity that does not fit; NULL: there is none */
    } cases[] = {
        {"# comment\n", "\n", "did not match"},
        {"# b\xc3\xbcro\n", "\n", "did not match"},
        {"# b\xfc\n", "\n", "not valid UTF-8"},
        {"AGE-PLUGIN-TESTECHO-10QN6L2YT\n", "\n", "line 1"},
        {"ssh-ed25519 AAAA\n", "\n", "line 1"},
        {"\n \n", "\n", "line 2"},
        {"", " ", "line 1"},
        {"# nothing\n", NULL, "no identity found"},
        {"", NULL, "no identity found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const char *const word[] = {"word", NULL};
        struct age_world a;
        struct sops_buf text = {0}, locked = {0}, enc = {0};
        struct sops_err e = {0};
        age_world_new(&a);
        a.answers = word;
        assert_true(sops_buf_addf(&text, &e, "%s%s%s", cases[i].front, cases[i].back != NULL ? identity : "",
                                  cases[i].back != NULL ? cases[i].back : ""));
        assert_ok(age_lock(&a.world, sops_buf_view(&text), "word", &locked, &e), &e);
        age_world_set(&a, "SOPS_AGE_KEY", sops_buf_cstr(&locked, &e));
        age_read_file(KAT "hybrid.age", &enc);
        age_assert_shut(&a, sops_buf_view(&enc), cases[i].words);
        assert_int_equal(a.questions, 1);
        sops_buf_free(&text);
        sops_buf_free(&locked);
        sops_buf_free(&enc);
        age_world_end(&a);
    }
}

static void long_files(void **state)
{
    (void)state;
    struct sops_buf text = {0};
    struct sops_err e = {0};
    assert_true(sops_buf_adds(&text, "age-encryption", &e) && sops_buf_addn(&text, 'x', ((size_t)16 << 20) - 15, &e));
    for (int more = 0; more < 2; more++) {
        struct sops_age_set set = {0};
        assert_int_equal(sops_age_protected_add(&set, sops_buf_view(&text), &e), more == 0);
        assert_true(more == 0 || strstr(e.msg, "too long") != NULL);
        sops_age_set_free(&set);
        assert_true(sops_buf_addc(&text, 'x', NULL));
    }
    sops_err_clear(&e);
    sops_buf_free(&text);
}

/* An agent that talks and talks; one that will not forget a wrong passphrase. */
static void agent_misbehaves(void **state)
{
    (void)state;
    char *flood = malloc(40001);
    assert_non_null(flood);
    memset(flood, 'x', 40000);
    flood[40000] = '\0';
    agent(flood, "", "answer is too long");
    free(flood);
    struct age_world a;
    struct age_peer p = {.script = GREETING OPTIONS "OK 00\n"};
    char tty[8];
    if (readlink("/proc/self/fd/0", tty, sizeof tty) <= 0) {
        skip();
    }
    struct sops_buf enc = {0};
    age_world_new(&a);
    a.peer = &p;
    age_world_set(&a, "GPG_AGENT_INFO", "/run/S.gpg-agent:0:1");
    age_world_set(&a, "TERM", "xterm");
    age_world_set(&a, "DISPLAY", ":1");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "encrypted-identity.age");
    age_read_file(KAT "x25519.age", &enc);
    age_assert_shut(&a, sops_buf_view(&enc), "incorrect passphrase");
    assert_null(strstr(a.said, "could not be removed")); /* "OK 00" answers that, too */
    p.script = GREETING OPTIONS "ERR 1 no\n";
    sops_age_agent_forget(&a.world, "SopsAgeX");
    assert_non_null(strstr(a.said, "could not be removed from gpg-agent: gpg-agent: ERR 1 no"));
    sops_buf_free(&enc);
    age_world_end(&a);
}

/* Values that would not fit into a line, or be two of them, are not sent. */
static void odd_options(void **state)
{
    (void)state;
    char longest[600];
    struct age_world a;
    struct age_peer p = {.script = GREETING "OK\nOK " SECRET_HEX "\n"};
    char tty[8];
    if (readlink("/proc/self/fd/0", tty, sizeof tty) <= 0) {
        skip();
    }
    age_world_new(&a);
    a.peer = &p;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    age_world_set(&a, "GPG_AGENT_INFO", "/run/S.gpg-agent");
    age_world_set(&a, "TERM", longest);
    age_world_set(&a, "DISPLAY", ":0\nBYE");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "encrypted-identity.age");
    age_assert_kat(&a, "x25519.age");
    assert_null(strstr(p.heard, "display"));
    assert_null(strstr(p.heard, "BYE"));
    assert_null(strstr(p.heard, "ttytype"));
    age_world_end(&a);
}

/* Without GPG_AGENT_INFO the socket of the session counts. */
static void agent_of_the_session(void **state)
{
    (void)state;
    struct age_world a;
    struct age_peer p = {.script = GREETING "OK\nOK " SECRET_HEX "\n"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct passwd *me = getpwuid(getuid());
    char usual[256], tty[8];
    (void)snprintf(usual, sizeof usual, "%s/.gnupg/S.gpg-agent", me != NULL ? me->pw_dir : "");
    if (access(usual, F_OK) == 0 || readlink("/proc/self/fd/0", tty, sizeof tty) <= 0) {
        skip(); /* the one below the home folder would come first */
    }
    age_world_new(&a);
    a.peer = &p;
    age_world_file(&a, "gnupg/other", SOPS_LIT(""));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/gnupg/S.gpg-agent", a.home);
    a.answers = right;
    age_world_set(&a, "GPG_AGENT_INFO", NULL);
    age_world_set(&a, "XDG_RUNTIME_DIR", a.home);
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "encrypted-identity.age");
    age_assert_kat(&a, "x25519.age"); /* there is no socket yet: asked on the terminal */
    assert_int_equal(a.questions, 1);
    assert_int_equal(p.opened, 0);
    sops_world_forget(&a.world);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    age_assert_kat(&a, "x25519.age");
    assert_int_equal(a.questions, 1);
    assert_string_equal(p.name, address.sun_path);
    (void)close(fd);
    age_world_end(&a);
}

/* An agent that cannot be reached leaves the terminal. */
static void agent_gone(void **state)
{
    (void)state;
    struct age_world a;
    age_world_new(&a);
    age_world_set(&a, "GPG_AGENT_INFO", "/nope/S.gpg-agent:0:1");
    age_world_set(&a, "SOPS_AGE_KEY_FILE", KAT "encrypted-identity.age");
    a.answers = right;
    age_assert_kat(&a, "x25519.age");
    assert_int_equal(a.questions, 1);
    age_world_end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_terminal),        cmocka_unit_test(from_variable),    cmocka_unit_test(failures),
        cmocka_unit_test(from_agent),           cmocka_unit_test(agent_gone),       cmocka_unit_test(contents),
        cmocka_unit_test(long_files),           cmocka_unit_test(agent_misbehaves), cmocka_unit_test(odd_options),
        cmocka_unit_test(agent_of_the_session),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
