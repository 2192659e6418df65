/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc_group.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

static int tell, hear; /* a pipe: each process writes its letter when it is told */
static char letter;

static void told(int number)
{
    (void)number;
    (void)!write(tell, &letter, 1);
}

/* A process that says `name` when it is told by SIGUSR1. It has begun when it has said so once. */
static pid_t begin(char name, bool own_group, bool deaf)
{
    char got = 0;
    pid_t pid = fork();
    if (pid == 0) {
        letter = name;
        (void)alarm(20); /* a test that fails leaves nobody behind for long */
        (void)signal(SIGUSR1, deaf ? SIG_IGN : told);
        (void)setpgid(0, own_group ? 0 : getpgrp());
        told(0);
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(hear, &got, 1), 1);
    assert_int_equal(got, name);
    return pid;
}

/* Ends a child, or what has become one when its parent ended. */
static void finish(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Waits until as many letters came as are wanted, which a busy machine may take seconds for, and then a moment for
 * others; in order of the alphabet. */
static void assert_told(const char *want)
{
    char got[16] = "";
    struct pollfd wait = {.fd = hear, .events = POLLIN};
    while (poll(&wait, 1, strlen(got) < strlen(want) ? 10000 : 200) > 0 && strlen(got) < sizeof got - 1) {
        (void)!read(hear, got + strlen(got), 1);
    }
    for (size_t i = 0; i < strlen(got); i++) {
        for (size_t k = i + 1; k < strlen(got); k++) {
            char low = got[i] < got[k] ? got[i] : got[k], high = (char)(got[i] + got[k] - low);
            got[i] = low;
            got[k] = high;
        }
    }
    assert_string_equal(got, want);
}

static int open_pipe(void **state)
{
    (void)state;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        return 1;
    }
    hear = ends[0];
    tell = ends[1];
    return 0;
}

static void of_its_own(void **state)
{
    (void)state;
    pid_t leader = begin('a', true, false), other = begin('x', false, false);
    assert_int_equal(fcntl(hear, F_SETFL, O_NONBLOCK), 0);
    const struct sops_group g = {.leader = leader, .own = true};
    sops_group_signal(&g, SIGUSR1);
    assert_told("a");
    assert_true(sops_group_remains(&g, SIGUSR1));
    finish(leader);
    assert_false(sops_group_remains(&g, SIGUSR1));
    finish(other);
    assert_int_equal(fcntl(hear, F_SETFL, 0), 0);
}

/* In our group: the command and what descends from it, orphans too; nobody who is beside us. */
static void shared(void **state)
{
    (void)state;
    int pids[2];
    pid_t beside = begin('x', false, false), me = getpid();
    assert_int_equal(pipe(pids), 0);
    pid_t command = fork();
    if (command == 0) { /* as a shell: a program, and one that has left the group */
        pid_t below[2] = {begin('b', false, false), begin('y', true, false)};
        (void)!write(pids[1], below, sizeof below);
        (void)alarm(20);
        (void)pause();
        _exit(0);
    }
    pid_t below[2];
    assert_int_equal(read(pids[0], below, sizeof below), sizeof below);
    assert_int_equal(fcntl(hear, F_SETFL, O_NONBLOCK), 0);
    pid_t group_of_helper = fork(); /* asks as if the command were its own: it has none */
    if (group_of_helper == 0) {
        const struct sops_group strange = {.leader = me};
        sops_group_signal(&strange, SIGUSR1);
        _exit(sops_group_remains(&strange, SIGUSR1) ? 1 : 0);
    }
    int status = 1;
    assert_int_equal(waitpid(group_of_helper, &status, 0), group_of_helper);
    assert_int_equal(status, 0);
    assert_told("");
    const struct sops_group g = {.leader = command};
    finish(beside); /* a child of ours would be one of the command's: sops has no other */
    sops_group_signal(&g, SIGUSR1);
    assert_told("b");
    assert_int_equal(waitpid(command, NULL, 0), command); /* SIGUSR1 has ended it */
    assert_true(sops_group_remains(&g, SIGUSR1));
    sops_group_signal(&g, SIGUSR1);
    assert_told("b");
    finish(below[0]);
    assert_false(sops_group_remains(&g, SIGUSR1));
    finish(below[1]);
    assert_int_equal(fcntl(hear, F_SETFL, 0), 0);
    (void)close(pids[0]);
    (void)close(pids[1]);
    assert_int_equal(sops_mem_live(), 0);
}

static void deaf(void **state)
{
    (void)state;
    pid_t leader = begin('a', true, true);
    const struct sops_group g = {.leader = leader, .own = true};
    assert_false(sops_group_remains(&g, SIGUSR1));
    assert_true(sops_group_remains(&g, SIGTERM));
    finish(leader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_its_own),
        cmocka_unit_test(shared),
        cmocka_unit_test(deaf),
    };
    return cmocka_run_group_tests(tests, open_pipe, NULL);
}
