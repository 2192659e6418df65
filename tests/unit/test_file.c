/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void reads(void **state)
{
    (void)state;
    struct sops_buf b = {0};
    struct sops_err e = {0};
    put("a", "12345");
    put("-", "");
    assert_true(sops_file_read("a", 5, &b, &e));
    assert_true(sops_slice_eq(sops_buf_view(&b), SOPS_LIT("12345")));
    assert_true(sops_file_read("-", 5, &b, &e)); /* appends nothing */
    assert_int_equal(b.len, 5);
    sops_buf_free(&b);
    const struct {
        const char *path;
        size_t limit;
        const char *says;
    } bad[] = {{"a", 4, "longer than 4 bytes"},
               {"none", 4, "no such file"},
               {".", 4, "directory"},
               {"/dev/zero", 100000, "longer"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sops_file_read(bad[i].path, bad[i].limit, &b, &e));
        assert_int_equal(e.code, SOPS_E_READ);
        assert_non_null(strstr(e.msg, bad[i].path));
        assert_non_null(strstr(e.msg, bad[i].says));
        sops_err_clear(&e);
        sops_buf_free(&b);
    }
}

/* 3 MB are read into one block of that size. */
static void reads_at_size(void **state)
{
    (void)state;
    struct sops_buf b = {0};
    struct sops_err e = {0};
    put("a", "x");
    assert_int_equal(truncate("a", 3000000), 0);
    uint64_t before = sops_mem_count();
    assert_true(sops_file_read("a", SOPS_FILE_MAX, &b, &e));
    assert_int_equal(b.len, 3000000);
    assert_int_equal(b.cap, 3000001);
    assert_int_equal(sops_mem_count(), before + 1);
    sops_buf_free(&b);
}

static void creates(void **state)
{
    (void)state;
    struct sops_err e = {0};
    mode_t before = umask(077);
    assert_true(sops_file_create("a", SOPS_LIT("x"), 0644, &e));
    (void)umask(before);
    assert_int_equal(mode_of("a"), S_IFREG | 0644);
    assert_false(sops_file_create("a", SOPS_LIT("y"), 0644, &e));
    assert_int_equal(e.code, SOPS_E_WRITE);
    assert_holds("a", "x");
}

static void temp_folders(void **state)
{
    (void)state;
    struct sops_buf path = {0}, second = {0};
    struct sops_err e = {0};
    assert_true(sops_temp_name(".", "x", &path, &e));
    assert_true(sops_temp_name(".", "x", &second, &e));
    assert_string_not_equal(path.ptr, second.ptr);
    assert_true(sops_temp_make(".", ".sops", &path, &e));
    assert_int_equal(mode_of((const char *)path.ptr), S_IFDIR | 0700);
    assert_true(sops_temp_make(folder, "x", &second, &e));
    assert_int_equal(chdir((const char *)path.ptr), 0);
    put("file", "secret");
    assert_int_equal(mkdir("a", 0700) | mkdir("a/b", 0700) | mkdir("a/b/c", 0700) | symlink("/etc", "a/link"), 0);
    for (int i = 0; i < 300; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "a/b/file%d", i);
        put(name, "x");
        (void)snprintf(name, sizeof name, "a/b/c/folder%d", i);
        assert_int_equal(mkdir(name, 0700), 0);
    }
    assert_int_equal(chdir(folder), 0);
    sops_temp_remove((const char *)path.ptr);
    assert_int_equal(entries("."), 1);
    assert_true(access("/etc/passwd", F_OK) == 0);
    put("kept", "");
    assert_true(sops_temp_remember("kept", &e));
    sops_temp_forget("kept");
    put("away", "");
    assert_true(sops_temp_remember("away", &e));
    if (fork() == 0) {
        sops_temp_remove_all();
        _exit(0);
    }
    (void)wait(NULL);
    assert_int_equal(entries("."), 3); /* the child removes nothing of its parent */
    sops_temp_remove_all();
    assert_int_equal(entries("."), 1);
    assert_int_equal(access("kept", F_OK), 0);
    assert_false(sops_temp_make("none", "x", &path, &e));
    sops_err_clear(&e);
    /* Any number of them; in a process of its own, as the list of places is kept until the end. */
    pid_t child = fork();
    if (child == 0) {
        bool ok = true;
        for (int i = 0; ok && i < 40; i++) {
            sops_buf_cut(&path, 0);
            ok = sops_temp_make(".", "x", &path, &e);
        }
        ok = ok && entries(".") == 41;
        sops_temp_remove_all();
        _exit(ok && entries(".") == 1 ? 0 : 1);
    }
    int how = -1;
    assert_true(child > 0 && waitpid(child, &how, 0) == child);
    assert_int_equal(how, 0);
    assert_int_equal(entries("."), 1);
    sops_buf_free(&path);
    sops_buf_free(&second);
}

static void absolute_paths(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/", "/"},      {"//a//b/", "/a/b"}, {"/a/./b", "/a/b"},  {"/a/../b", "/b"},
        {"/../..", "/"}, {"/a/b/..", "/a"},   {"/a/b/../..", "/"}, {"/a/..b/.c", "/a/..b/.c"},
    };
    struct sops_buf b = {0};
    struct sops_err e = {0};
    char want[100];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(sops_path_absolute(rows[i][0], &b, &e));
        assert_string_equal((const char *)b.ptr, rows[i][1]);
    }
    assert_int_equal(mkdir("real", 0700) | symlink("real", "link"), 0);
    assert_int_equal(chdir("link"), 0);
    (void)snprintf(want, sizeof want, "%s/link", folder);
    assert_int_equal(setenv("PWD", want, 1), 0);
    assert_true(sops_path_absolute("x/../y", &b, &e));
    (void)snprintf(want, sizeof want, "%s/link/y", folder);
    assert_string_equal((const char *)b.ptr, want);
    assert_int_equal(setenv("PWD", "/nonsense", 1), 0);
    assert_true(sops_path_absolute("", &b, &e));
    (void)snprintf(want, sizeof want, "%s/real", folder);
    assert_string_equal((const char *)b.ptr, want);
    assert_int_equal(unsetenv("PWD"), 0);
    sops_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads), TEST(reads_at_size), TEST(creates), TEST(temp_folders), TEST(absolute_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
