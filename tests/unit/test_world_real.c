/* SPDX-License-Identifier: Apache-2.0 */
/* Programs and peers of the real world, with /bin/sh and sockets of our own. */
#include "cli/world_real.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/signals.h"

static struct sops_world world;

static int open_world(void **state)
{
    (void)state;
    sops_world_real(&world);
    return 0;
}

static int nothing_lives(void **state)
{
    (void)state;
    return sops_mem_live() != 0;
}

static bool shell(const char *script, struct sops_slice input, size_t limit, struct sops_outcome *o, struct sops_err *e)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const char *const env[] = {"ADDED=yes", NULL};
    const struct sops_command c = {.argv = argv, .env = env, .input = input, .limit = limit};
    return world.run(&world, &c, o, e);
}

static void runs(void **state)
{
    (void)state;
    static const struct {
        const char *script, *input, *out, *err;
        int status;
    } rows[] = {
        {"echo out; echo err >&2; exit 3", "", "out\n", "err\n", 3},
        {"cat; echo $ADDED", "text", "textyes\n", "", 0},
        {"kill -9 $$", "", "", "", 137},
        {"exit 137", "", "", "", 137},
        {"cat | wc -c", "", "0\n", "", 0}, /* stdin is there, and empty */
        {"exec <&-; sleep 0.05; echo done", "not read", "done\n", "", 0},
        {"yes | head -n 1", "", "y\n", "", 0}, /* dies of the closed pipe */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_outcome o = {0};
        struct sops_err e = {0};
        assert_true(shell(rows[i].script, sops_str(rows[i].input), 0, &o, &e));
        assert_true(sops_slice_eq(sops_buf_view(&o.out), sops_str(rows[i].out)));
        assert_true(sops_slice_eq(sops_buf_view(&o.err), sops_str(rows[i].err)));
        assert_int_equal(o.status, rows[i].status);
        sops_outcome_free(&o);
    }
}

/* Both ways at once, more than pipes hold. */
static void runs_with_much(void **state)
{
    (void)state;
    struct sops_buf in = {0};
    struct sops_outcome o = {0};
    struct sops_err e = {0};
    assert_true(sops_buf_addn(&in, 'x', 3000000, &e));
    assert_true(shell("tee /dev/stderr", sops_buf_view(&in), 4000000, &o, &e));
    assert_true(sops_slice_eq(sops_buf_view(&o.out), sops_buf_view(&in)));
    assert_int_equal(o.err.len, 3000000);
    sops_outcome_free(&o);
    assert_false(shell("cat", sops_buf_view(&in), 1000000, &o, &e));
    assert_non_null(strstr(e.msg, "1000000"));
    assert_int_equal(o.out.len, 0);
    sops_err_clear(&e);
    assert_true(shell("cat >&2", sops_buf_view(&in), 1000, &o, &e)); /* of stderr the start is enough */
    assert_int_equal(o.err.len, 1000);
    sops_outcome_free(&o);
    sops_buf_free(&in);
}

static void runs_too_long(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "echo canary; exec sleep 20", NULL};
    const struct sops_command c = {.argv = argv, .timeout_ms = 200};
    struct sops_outcome o = {0};
    struct sops_err e = {0};
    assert_false(world.run(&world, &c, &o, &e));
    assert_non_null(strstr(e.msg, "did not end within"));
    assert_null(strstr(e.msg, "canary"));
    assert_int_equal(o.out.len, 0);
    sops_err_clear(&e);
}

static void cannot_run(void **state)
{
    (void)state;
    const char *const argv[] = {"no-such-program-here", NULL};
    const struct sops_command c = {.argv = argv};
    struct sops_outcome o = {0};
    struct sops_err e = {0};
    assert_false(world.run(&world, &c, &o, &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    assert_non_null(strstr(e.msg, argv[0]));
}

static void talks_to_a_program(void **state)
{
    (void)state;
    const char *const argv[] = {"cat", NULL};
    const struct sops_peer p = {.argv = argv};
    struct sops_stream s = {0};
    struct sops_err e = {0};
    char got[8];
    assert_true(world.open(&world, &p, &s, &e));
    assert_int_equal(s.read(&s, got, sizeof got, 20, &e), -2);
    assert_true(s.write(&s, SOPS_LIT("abc"), &e));
    assert_int_equal(s.read(&s, got, sizeof got, 5000, &e), 3);
    assert_memory_equal(got, "abc", 3);
    s.close(&s);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it has been waited for */
    const char *const gone[] = {"true", NULL};
    const struct sops_peer q = {.argv = gone};
    assert_true(world.open(&world, &q, &s, &e));
    assert_int_equal(s.read(&s, got, sizeof got, -1, &e), 0);
    while (s.write(&s, SOPS_LIT("abc"), &e)) { /* until the pipe is known to be closed */
    }
    assert_int_equal(e.code, SOPS_E_GENERIC);
    s.close(&s);
}

/* Runs the script as a peer; what it and the echo say on our stderr is in `errors`, its answer in `said`. */
static void talk(const char *script, const char *folder, bool quiet, bool echo, char said[256], char errors[256])
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct sops_peer p = {.argv = argv, .folder = folder, .quiet = quiet, .echo = echo};
    struct sops_stream s = {0};
    struct sops_err e = {0};
    char name[] = "/tmp/sops-test-stderr-XXXXXX";
    int file = mkstemp(name), saved = dup(2);
    assert_true(file >= 0 && saved >= 0);
    (void)unlink(name);
    (void)fflush(stderr);
    assert_int_equal(dup2(file, 2), 2);
    bool ok = world.open(&world, &p, &s, &e) && s.write(&s, SOPS_LIT("question\n"), &e);
    size_t n = 0;
    for (ptrdiff_t got = 1; ok && got > 0; n += (size_t)(got > 0 ? got : 0)) {
        got = s.read(&s, said + n, 255 - n, -1, &e);
    }
    said[n] = '\0';
    if (ok) {
        s.close(&s);
    }
    assert_int_equal(dup2(saved, 2), 2);
    (void)close(saved);
    assert_true(ok);
    ssize_t size = pread(file, errors, 255, 0);
    errors[size > 0 ? size : 0] = '\0';
    (void)close(file);
}

static void stderr_of_a_program(void **state)
{
    (void)state;
    static const char script[] = "read x; pwd; echo \"got $x\"; echo trouble >&2";
    char said[256], errors[256];
    talk(script, "/", true, false, said, errors);
    assert_string_equal(said, "/\ngot question\n");
    assert_string_equal(errors, "");
    talk(script, "/dev", false, false, said, errors);
    assert_string_equal(said, "/dev\ngot question\n");
    assert_string_equal(errors, "trouble\n");
    talk(script, "/", true, true, said, errors);
    assert_string_equal(errors, "question\n/\ngot question\n");
    struct sops_stream s = {0};
    struct sops_err e = {0};
    const char *const argv[] = {"sh", NULL};
    const struct sops_peer p = {.argv = argv, .folder = "/no/such/folder"};
    assert_false(world.open(&world, &p, &s, &e));
    assert_non_null(strstr(e.msg, "in the folder /no/such/folder"));
    sops_err_clear(&e);
}

/* A program that is talked to is told to end by SIGINT, and made to when it will not. */
static void ends_a_program(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "trap 'echo INT >end; exit' INT; echo ready; while :; do sleep 0.02; done",
        "trap '' INT; trap 'echo TERM >end; exit' TERM; echo ready; while :; do sleep 0.02; done",
        "trap 'echo >end' INT; trap '' TERM; echo ready; while :; do sleep 0.02; done",
    };
    static const char *const ends[] = {"INT\n", "TERM\n", "\n"};
    char folder[] = "/tmp/sops-test-end-XXXXXX", path[64], text[16];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/end", folder);
    for (size_t i = 0; i < 3; i++) {
        const char *const argv[] = {"sh", "-c", scripts[i], NULL};
        const struct sops_peer p = {.argv = argv, .folder = folder, .quiet = true};
        struct sops_stream s = {0};
        struct sops_err e = {0};
        assert_true(world.open(&world, &p, &s, &e));
        assert_true(s.read(&s, text, sizeof text, -1, &e) > 0);
        s.close(&s);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left */
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        assert_non_null(fgets(text, sizeof text, f));
        assert_string_equal(text, ends[i]);
        (void)fclose(f);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

static void talks_to_a_socket(void **state)
{
    (void)state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "/tmp/test_world.%d", (int)getpid());
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listening, 1), 0);
    const struct sops_peer p = {.unix_path = a.sun_path};
    struct sops_stream s = {0};
    struct sops_err e = {0};
    char got[8];
    assert_true(world.open(&world, &p, &s, &e));
    int other = accept(listening, NULL, NULL);
    assert_true(s.write(&s, SOPS_LIT("hello"), &e));
    assert_int_equal(read(other, got, sizeof got), 5);
    assert_int_equal(write(other, "you", 3), 3);
    assert_int_equal(s.read(&s, got, sizeof got, -1, &e), 3);
    (void)close(other);
    assert_int_equal(s.read(&s, got, sizeof got, -1, &e), 0);
    s.close(&s);
    (void)close(listening);
    (void)unlink(a.sun_path);
    assert_false(world.open(&world, &p, &s, &e));
    assert_non_null(strstr(e.msg, a.sun_path));
    sops_err_clear(&e);
    const struct sops_peer closed = {.host = "127.0.0.1", .port = "1", .connect_ms = 500};
    assert_false(world.open(&world, &closed, &s, &e));
    assert_non_null(strstr(e.msg, "127.0.0.1"));
}

static void small_things(void **state)
{
    (void)state;
    uint8_t a[64] = {0}, b[64] = {0};
    struct sops_err e = {0};
    assert_true(world.random(&world, a, sizeof a, &e) && world.random(&world, b, sizeof b, &e));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(world.now(&world) > 1700000000);
    assert_int_equal(setenv("TEST_WORLD", "x", 1), 0);
    assert_string_equal(world.env(&world, "TEST_WORLD"), "x");
    assert_null(world.env(&world, "TEST_WORLD_NONE"));
    world.pause(&world, 1);
}

/* A signal ends the process with the status that was asked for, or as usual. */
static void ends_by_signals(void **state)
{
    (void)state;
    for (int wanted = -1; wanted < 2; wanted += 2) {
        pid_t child = fork();
        if (child == 0) {
            sops_signals_status(wanted);
            (void)raise(SIGTERM);
            _exit(77);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WIFEXITED(status), wanted == 1);
        assert_int_equal(wanted == 1 ? WEXITSTATUS(status) : WTERMSIG(status), wanted == 1 ? 1 : SIGTERM);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_lives)
    const struct CMUnitTest tests[] = {
        TEST(runs),           TEST(runs_with_much),     TEST(runs_too_long),
        TEST(cannot_run),     TEST(talks_to_a_program), TEST(talks_to_a_socket),
        TEST(small_things),   TEST(ends_by_signals),    TEST(stderr_of_a_program),
        TEST(ends_a_program),
    };
    return cmocka_run_group_tests(tests, open_world, NULL);
}
