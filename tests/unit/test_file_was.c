/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody else has put into a file since it was read is noticed, by its bytes alone, and nothing is overwritten.
 */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static bool replace(const char *path, const struct sops_file_was *was, const char *text, struct sops_err *e)
{
    const struct sops_replace how = {.was = was};
    return sops_file_replace(path, sops_str(text), 0644, &how, e);
}

static void read_it(const char *path, struct sops_file_was *was)
{
    struct sops_buf text = {0};
    struct sops_err e = {0};
    assert_true(sops_file_read_was(path, 1 << 20, &text, was, &e));
    sops_buf_free(&text);
}

static void assert_changed(const char *path, const struct sops_file_was *was)
{
    struct sops_err e = {0};
    assert_false(replace(path, was, "mine", &e));
    assert_int_equal(e.code, SOPS_E_CHANGED);
    assert_non_null(strstr(e.msg, path));
}

static void other_bytes(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_err e = {0};
    put("a", "old");
    read_it("a", &was);
    assert_int_equal(was.how, SOPS_WAS_HELD);
    put("a", "theirs");
    assert_changed("a", &was);
    assert_holds("a", "theirs");
    assert_int_equal(entries("."), 1);
    read_it("a", &was);
    assert_true(replace("a", &was, "mine", &e));
    assert_holds("a", "mine");
}

static void same_bytes(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_err e = {0};
    put("a", "old");
    read_it("a", &was);
    put("b", "old");
    assert_int_equal(chmod("b", 0600), 0);
    assert_int_equal(rename("b", "a"), 0);
    assert_true(replace("a", &was, "mine", &e));
    assert_holds("a", "mine");
}

static void several_links(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_err e = {0};
    put("a", "old");
    assert_int_equal(link("a", "b"), 0);
    read_it("a", &was);
    put("b", "theirs");
    assert_changed("a", &was);
    assert_holds("a", "theirs");
    assert_int_equal(entries("."), 2);
    read_it("a", &was);
    assert_true(replace("a", &was, "mine", &e));
    assert_holds("b", "mine");
}

static void gone(void **state)
{
    (void)state;
    struct sops_file_was was;
    put("a", "old");
    read_it("a", &was);
    assert_int_equal(unlink("a"), 0);
    assert_changed("a", &was);
    assert_int_equal(entries("."), 0);
    assert_int_equal(mkfifo("a", 0600), 0); /* would wait for ever when it is opened */
    assert_changed("a", &was);
    assert_int_equal(unlink("a"), 0);
    assert_int_equal(symlink("nowhere", "a"), 0);
    assert_changed("a", &was);
    assert_int_equal(entries("."), 1);
}

static void made_meanwhile(void **state)
{
    (void)state;
    const struct sops_file_was absent = {.how = SOPS_WAS_ABSENT};
    struct sops_err e = {0};
    assert_true(replace("a", &absent, "mine", &e));
    assert_holds("a", "mine");
    assert_changed("a", &absent);
}

/* What is read once cannot be compared with what is there later. */
static void pipes_are_not_replaced(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_buf text = {0};
    struct sops_err e = {0};
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_false(sops_file_read_was("pipe", 1 << 20, &text, &was, &e));
    assert_int_equal(e.code, SOPS_E_READ);
    assert_non_null(strstr(e.msg, "it is a pipe"));
}

static void new_mode(void **state)
{
    (void)state;
    const struct sops_replace how = {.mode_counts = true};
    struct sops_err e = {0};
    put("a", "old");
    assert_int_equal(chmod("a", 0644), 0);
    assert_true(sops_file_replace("a", SOPS_LIT("new"), 0600, &how, &e));
    assert_int_equal(mode_of("a"), S_IFREG | 0600);
    assert_int_equal(symlink("a", "b"), 0);
    assert_false(sops_file_replace("b", SOPS_LIT("new"), 0600, &how, &e));
    assert_int_equal(e.code, SOPS_E_WRITE);
}

/* One process holds the lock: another one waits, but not for ever. */
static void lock_of_another(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_err e = {0};
    int ends[2];
    char byte;
    put("a", "old");
    read_it("a", &was);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open("a", O_RDWR);
        _exit(fcntl(fd, F_OFD_SETLK, &whole) != 0 || write(ends[1], "x", 1) != 1 || pause());
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_true(replace("a", &was, "mine", &e));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_holds("a", "mine");
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

/* ---- many files at once ----------------------------------------------------------------------------------------- */

static struct sops_staged *stage(const char *path, const struct sops_replace *how, const char *text)
{
    struct sops_err e = {0};
    struct sops_staged *s = NULL;
    if (!sops_file_stage(path, sops_str(text), 0644, how, &s, &e)) {
        fail_msg("%s", e.msg);
    }
    return s;
}

static void swapped_and_back(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_err e = {0};
    put("a", "old");
    assert_int_equal(chmod("a", 0604), 0);
    read_it("a", &was);
    const struct sops_replace how = {.was = &was};
    struct sops_staged *s = stage("a", &how, "new"), *made = stage("b", &(struct sops_replace){.was = NULL}, "new");
    assert_int_equal(entries("."), 1); /* nothing has a name yet */
    assert_holds("a", "old");
    assert_true(sops_staged_check(s, &e) && sops_staged_swap(s, &e) && sops_staged_swap(made, &e));
    assert_holds("a", "new");
    assert_holds("b", "new");
    sops_staged_undo(s);
    sops_staged_undo(made);
    assert_holds("a", "old");
    assert_int_equal(entries("."), 1);
    sops_staged_free(s);
    sops_staged_free(made);
    s = stage("a", &how, "newer");
    assert_true(sops_staged_check(s, &e) && sops_staged_swap(s, &e));
    sops_staged_finish(s);
    sops_staged_free(s);
    assert_holds("a", "newer");
    assert_int_equal(mode_of("a"), S_IFREG | 0604);
    assert_int_equal(entries("."), 1);
}

static void staged_for_nothing(void **state)
{
    (void)state;
    struct sops_file_was was;
    struct sops_err e = {0};
    put("a", "old");
    read_it("a", &was);
    const struct sops_replace how = {.was = &was};
    struct sops_staged *s = stage("a", &how, "new");
    put("a", "theirs");
    assert_false(sops_staged_check(s, &e));
    assert_int_equal(e.code, SOPS_E_CHANGED);
    sops_staged_free(s);
    assert_holds("a", "theirs");
    assert_int_equal(link("a", "b"), 0);
    sops_err_clear(&e);
    assert_false(sops_file_exchangeable("a", &e));
    assert_int_equal(e.code, SOPS_E_WRITE);
    assert_int_equal(entries("."), 2);
}

/* More temporary files than the list had places for; in a process of its own, as places are never given back. */
static void many_temporary_files(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct sops_err e = {0};
        char name[16];
        for (int i = 0; i < 40; i++) {
            (void)snprintf(name, sizeof name, "t%d", i);
            if (sops_temp_open(name, 0600, &e) < 0) {
                _exit(1);
            }
        }
        sops_temp_remove_all();
        _exit(entries(".") != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(entries("."), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(other_bytes),
                                       TEST(same_bytes),
                                       TEST(several_links),
                                       TEST(gone),
                                       TEST(made_meanwhile),
                                       TEST(pipes_are_not_replaced),
                                       TEST(new_mode),
                                       TEST(lock_of_another),
                                       TEST(swapped_and_back),
                                       TEST(staged_for_nothing),
                                       TEST(many_temporary_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
