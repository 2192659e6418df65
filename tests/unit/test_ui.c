/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches the terminal: no control characters of others, the whole report, answers of y/n questions. */
#include "testing.h"

#include "cli/ui.h"

#include <stdlib.h>
#include <unistd.h>

static struct sops_world world = TEST_WORLD;

/* Redirects `fd` into a file until released; what was written stands in `text`. */
struct capture {
    int fd, saved, file;
    char text[4096];
};

static void capture(struct capture *c, int fd)
{
    char name[] = "/tmp/sops-test-XXXXXX";
    *c = (struct capture){.fd = fd, .saved = dup(fd), .file = mkstemp(name)};
    assert_true(c->saved >= 0 && c->file >= 0);
    unlink(name);
    assert_int_equal(dup2(c->file, fd), fd);
}

static const char *release(struct capture *c)
{
    assert_int_equal(dup2(c->saved, c->fd), c->fd);
    close(c->saved);
    ssize_t n = pread(c->file, c->text, sizeof c->text - 1, 0);
    assert_true(n >= 0);
    c->text[n] = '\0';
    close(c->file);
    return c->text;
}

static void unsafe_characters(void **state)
{
    (void)state;
    static const struct {
        const char *said, *shown;
    } cases[] = {
        {"plain", "warning: plain\n"},
        {"a\033[31mb", "warning: a?[31mb\n"},
        {"a\nb\tc", "warning: a b c\n"},
        {"caf\xc3\xa9 \xe2\x80\xa6", "warning: caf\xc3\xa9 \xe2\x80\xa6\n"},
        {"bad \xff\xc3 utf-8", "warning: bad ?? utf-8\n"},
        {"c1 \xc2\x9b", "warning: c1 ?\n"},
        {"turned \xe2\x80\xae around", "warning: turned ? around\n"},
        {"\x7f\x01", "warning: ??\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct capture c;
        capture(&c, STDERR_FILENO);
        sops_ui_say(SOPS_SAY_WARN, cases[i].said);
        assert_string_equal(release(&c), cases[i].shown);
    }
    struct capture c;
    capture(&c, STDERR_FILENO);
    sops_ui_say(SOPS_SAY_NOTE, "a note");
    sops_ui_notes("f", SOPS_LIT("one\ntwo\n"));
    assert_string_equal(release(&c), "a note\nwarning: 'f': one\nwarning: 'f': two\n");
}

static void failures(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct capture c;
    sops_fail_at(&e, 3, 7, "cannot parse 'a\033b'");
    sops_hint(&e, "look again");
    capture(&c, STDERR_FILENO);
    sops_ui_error(&world, &e);
    assert_string_equal(release(&c), "cannot parse 'a?b' (line 3, column 7)\nhint: look again\n");
    sops_err_clear(&e);

    sops_fail(&e, SOPS_E_NO_KEY, "no key");
    struct sops_err ignored = {0};
    assert_ok(sops_buf_adds(&e.detail, "Group 0: FAILED\n  key: FAILED\n    - | caused\n      | by \033x\n\nThe end.\n",
                            &ignored),
              &ignored);
    capture(&c, STDERR_FILENO);
    sops_ui_error(&world, &e);
    assert_string_equal(release(&c),
                        "no key\n\nGroup 0: FAILED\n  key: FAILED\n    - | caused\n      | by ?x\n\nThe end.\n");
    sops_err_clear(&e);

    e.code = 7; /* the status of a program that was run: nothing to say */
    capture(&c, STDERR_FILENO);
    sops_ui_error(&world, &e);
    assert_string_equal(release(&c), "");
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        bool good, yes;
        int asked;
    } cases[] = {
        {"y\n", true, true, 1},       {"n\n", true, false, 1},        {"y", true, true, 1},
        {"  n \r\n", true, false, 1}, {"Y\nyes\ny\n", true, true, 3}, {"\n", false, false, 1},
        {"", false, false, 1},        {"y n\n", false, false, 1},     {"no\n", false, false, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct capture out;
        int pipe_fd[2], saved = dup(STDIN_FILENO);
        bool yes = false;
        assert_int_equal(pipe(pipe_fd), 0);
        assert_int_equal(write(pipe_fd[1], cases[i].said, strlen(cases[i].said)), strlen(cases[i].said));
        close(pipe_fd[1]);
        dup2(pipe_fd[0], STDIN_FILENO);
        close(pipe_fd[0]);
        capture(&out, STDOUT_FILENO);
        bool ok = sops_ui_confirm("?", &yes, &e);
        assert_int_equal(strlen(release(&out)), cases[i].asked);
        dup2(saved, STDIN_FILENO);
        close(saved);
        assert_int_equal(ok, cases[i].good);
        assert_int_equal(e.code, ok ? SOPS_OK : SOPS_E_GENERIC);
        assert_true(!ok || yes == cases[i].yes);
        sops_err_clear(&e);
    }
}

static void colours_need_a_terminal(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    assert_false(sops_ui_colour(&world, fd[1]));
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unsafe_characters), cmocka_unit_test(failures),
                                       cmocka_unit_test(answers), cmocka_unit_test(colours_need_a_terminal)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
