/* SPDX-License-Identifier: Apache-2.0 */
/* Libc's calls are looked at, and made to fail, on their way to the system. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

/* The system calls that make a replacement safe, in the order in which they are made, as capitals where SIGTERM was
 * blocked: these stand before libc's. */
static char calls[64];
static mode_t written_mode; /* of the file that was written last, at that moment */

static void note(char call)
{
    size_t n = strlen(calls);
    sigset_t blocked;
    bool deaf = pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGTERM) == 1;
    if (n + 1 < sizeof calls) {
        calls[n] = (char)(deaf ? call - 'a' + 'A' : call);
        calls[n + 1] = '\0';
    }
}

ssize_t write(int fd, const void *from, size_t n)
{
    struct stat st;
    note('w');
    if (fstat(fd, &st) == 0) {
        written_mode = st.st_mode;
    }
    return syscall(SYS_write, fd, from, n);
}

int fsync(int fd)
{
    note('s');
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    note('r');
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int link_error; /* what linkat fails with, as where there is no /proc; 0: it does its work */

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    note('l');
    if (link_error != 0) {
        errno = link_error;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

static int nameless_error; /* what making a file without a name fails with */

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if ((flags & O_TMPFILE) == O_TMPFILE && nameless_error != 0) {
        errno = nameless_error;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int unlink(const char *path)
{
    note('u');
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static void replaces(void **state)
{
    (void)state;
    struct sops_err e = {0};
    mode_t umask_before = umask(027);
    assert_true(sops_file_replace("new", SOPS_LIT("one"), 0666, NULL, &e));
    (void)umask(umask_before);
    assert_holds("new", "one");
    assert_int_equal(mode_of("new"), S_IFREG | 0640);
    assert_int_equal(chmod("new", 0604), 0);
    assert_true(sops_file_replace("new", SOPS_LIT("longer"), 0666, NULL, &e));
    assert_holds("new", "longer");
    assert_int_equal(mode_of("new"), S_IFREG | 0604);
    assert_true(sops_file_replace("new", SOPS_LIT(""), 0666, NULL, &e));
    assert_holds("new", "");
    assert_int_equal(entries("."), 1);
}

static void follows_links(void **state)
{
    (void)state;
    struct sops_err e = {0};
    assert_int_equal(mkdir("d", 0700), 0);
    put("d/file", "old");
    assert_int_equal(symlink("d/second", "first"), 0);
    assert_int_equal(symlink("file", "d/second"), 0);
    assert_int_equal(symlink("d/none", "dangling"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_true(sops_file_replace("first", SOPS_LIT("new"), 0666, NULL, &e));
    assert_true(S_ISLNK(mode_of("first")) && S_ISLNK(mode_of("d/second")) && S_ISREG(mode_of("d/file")));
    assert_holds("d/file", "new");
    assert_true(sops_file_replace("dangling", SOPS_LIT("made"), 0600, NULL, &e));
    assert_true(S_ISLNK(mode_of("dangling")));
    assert_holds("d/none", "made");
    assert_false(sops_file_replace("loop", SOPS_LIT("x"), 0600, NULL, &e));
    assert_int_equal(e.code, SOPS_E_WRITE);
    assert_int_equal(entries("."), 4);
    assert_int_equal(entries("d"), 3);
}

static void keeps_hard_links(void **state)
{
    (void)state;
    struct sops_err e = {0};
    put("a", "old content");
    assert_int_equal(link("a", "b"), 0);
    assert_true(sops_file_replace("a", SOPS_LIT("new"), 0666, NULL, &e));
    assert_holds("b", "new");
    assert_int_equal(entries("."), 2);
}

/* At every moment the old or the new content is whole on the disk: that is what the order is for. */
static void in_the_safe_order(void **state)
{
    (void)state;
    struct sops_err e = {0};
    put("a", "old");
    calls[0] = '\0';
    assert_true(sops_file_replace("a", SOPS_LIT("new"), 0666, NULL, &e));
    /* The new file, its sync, a name and the rename, the folder's sync: no signal comes while the name is there. */
    assert_string_equal(calls, "wsLRs");
    calls[0] = '\0';
    assert_true(sops_file_replace("b", SOPS_LIT("new"), 0666, NULL, &e));
    assert_string_equal(calls, "wsls"); /* one that was not there gets its own name at once */
    assert_int_equal(remove("b"), 0);
    assert_int_equal(link("a", "b"), 0);
    calls[0] = '\0';
    assert_true(sops_file_replace("a", SOPS_LIT("newer"), 0666, NULL, &e));
    /* The copy and its sync, the folder's; the file and its sync; then the copy goes. No signal leaves this half done,
     * nor the copy behind. */
    assert_string_equal(calls, "WSSWSUS");
    sigset_t now;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
    assert_int_equal(sigismember(&now, SIGTERM), 0);
}

/* Where there are no files without a name, or they get none: a named one, which nobody else can open until it is whole.
 */
static void without_nameless_files(void **state)
{
    (void)state;
    static const int errors[] = {EOPNOTSUPP, EISDIR, EINVAL, ENOENT};
    struct sops_err e = {0};
    mode_t before = umask(027);
    put("a", "old");
    assert_int_equal(chmod("a", 0640), 0);
    for (size_t i = 0; i < 2 * sizeof errors / sizeof *errors; i++) {
        *(i % 2 == 0 ? &nameless_error : &link_error) = errors[i / 2];
        assert_true(sops_file_replace("a", SOPS_LIT("new"), 0666, NULL, &e));
        assert_holds("a", "new");
        assert_int_equal(mode_of("a"), S_IFREG | 0640);
        assert_true(sops_file_replace("b", SOPS_LIT("text"), 0666, NULL, &e));
        assert_int_equal(written_mode, S_IFREG | 0600);
        assert_holds("b", "text");
        assert_int_equal(mode_of("b"), S_IFREG | 0640);
        assert_int_equal(entries("."), 2);
        assert_int_equal(remove("b"), 0);
        nameless_error = link_error = 0;
    }
    assert_true(sops_file_replace("b", SOPS_LIT("text"), 0666, NULL, &e));
    assert_int_equal(mode_of("b"), S_IFREG | 0640);
    (void)umask(before);
}

/* Nobody else can open the new file before it has the mode of the old one. */
static void closed_until_whole(void **state)
{
    (void)state;
    struct sops_err e = {0};
    mode_t before = umask(0);
    put("a", "old");
    assert_int_equal(chmod("a", 0640), 0);
    assert_true(sops_file_replace("a", SOPS_LIT("new"), 0666, NULL, &e));
    (void)umask(before);
    assert_int_equal(written_mode, S_IFREG | 0600);
    assert_int_equal(mode_of("a"), S_IFREG | 0640);
}

/* Labels and access lists go over to the new file. */
static void keeps_attributes(void **state)
{
    (void)state;
    struct sops_err e = {0};
    char value[4] = "";
    put("a", "old");
    if (setxattr("a", "user.label", "abc", 3, 0) != 0) {
        skip(); /* not on this file system */
    }
    assert_true(sops_file_replace("a", SOPS_LIT("new"), 0666, NULL, &e));
    assert_holds("a", "new");
    assert_int_equal(getxattr("a", "user.label", value, sizeof value), 3);
    assert_string_equal(value, "abc");
    assert_int_equal(entries("."), 1);
}

static void others_than_files(void **state)
{
    (void)state;
    struct sops_err e = {0};
    assert_true(sops_file_replace("/dev/null", SOPS_LIT("x"), 0666, NULL, &e));
    assert_true(S_ISCHR(mode_of("/dev/null")));
    assert_false(sops_file_replace("/dev/full", SOPS_LIT("x"), 0666, NULL, &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    sops_err_clear(&e);
    int ends[2];
    char path[40], got[4] = "";
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    assert_true(sops_file_replace(path, SOPS_LIT("abc"), 0666, NULL, &e));
    assert_int_equal(read(ends[0], got, sizeof got), 3);
    assert_string_equal(got, "abc");
    (void)close(ends[0]);
    (void)close(ends[1]);
    put("a", "old");
    int fd = open("a", O_RDWR); /* an open file is written to from where it stands */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(lseek(fd, 0, SEEK_END), 3);
    assert_true(sops_file_replace(path, SOPS_LIT(" new"), 0666, NULL, &e));
    assert_true(sops_file_replace(path, SOPS_LIT(" newer"), 0666, NULL, &e));
    assert_holds("a", "old new newer");
    /* One of our own, as far as any program could know, is opened anew. */
    assert_int_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_true(sops_file_replace(path, SOPS_LIT("!"), 0666, NULL, &e));
    assert_holds("a", "old new newer!");
    (void)close(fd);
    const char *const bad[] = {".", "none/a", "a/b"};
    for (size_t i = 0; i < 3; i++) {
        assert_false(sops_file_replace(bad[i], SOPS_LIT("x"), 0666, NULL, &e));
        assert_int_equal(e.code, SOPS_E_WRITE);
        assert_non_null(strstr(e.msg, bad[i]));
        sops_err_clear(&e);
    }
    assert_int_equal(entries("."), 1);
}

static void replaceable(void **state)
{
    (void)state;
    struct sops_err e = {0};
    put("a", "old");
    assert_int_equal(symlink("none/x", "dangling"), 0);
    assert_true(sops_file_replaceable("a", &e) && sops_file_replaceable("new", &e));
    assert_true(sops_file_replaceable("/dev/stdout", &e) && sops_file_replaceable("/dev/null", &e));
    const char *const bad[] = {".", "none/a", "a/b", "dangling"};
    for (size_t i = 0; i < 4; i++) {
        assert_false(sops_file_replaceable(bad[i], &e));
        assert_int_equal(e.code, SOPS_E_WRITE);
        assert_non_null(strstr(e.msg, bad[i]));
        sops_err_clear(&e);
    }
    assert_holds("a", "old");
    assert_int_equal(entries("."), 2);
}

/* Runs `test` as a user without rights over everything; its result is the number of the check that failed. */
static void as_nobody(int (*test)(void))
{
    pid_t child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(99);
        }
        _exit(test());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool is_text(const char *path, const char *text)
{
    struct sops_buf b = {0};
    struct sops_err e = {0};
    bool same = sops_file_read(path, 1 << 20, &b, &e) && sops_slice_eq(sops_buf_view(&b), sops_str(text));
    sops_buf_free(&b);
    sops_err_clear(&e);
    return same;
}

static int in_closed_folder(void)
{
    struct sops_err e = {0};
    if (!sops_file_replace("closed/open", SOPS_LIT("new"), 0666, NULL, &e) || !is_text("closed/open", "new")) {
        return 1;
    }
    if (sops_file_replaceable("closed/none", &e) || e.code != SOPS_E_WRITE) {
        return 5;
    }
    sops_err_clear(&e);
    if (sops_file_replaceable("closed/readonly", &e) || e.code != SOPS_E_WRITE) {
        return 6;
    }
    sops_err_clear(&e);
    if (!sops_file_replaceable("closed/open", &e)) {
        return 7;
    }
    if (sops_file_replace("closed/none", SOPS_LIT("new"), 0666, NULL, &e) || e.code != SOPS_E_WRITE) {
        return 2;
    }
    sops_err_clear(&e);
    if (sops_file_replace("closed/readonly", SOPS_LIT("new"), 0666, NULL, &e) || e.code != SOPS_E_WRITE) {
        return 3;
    }
    sops_err_clear(&e);
    return is_text("closed/readonly", "old") && entries("closed") == 2 && sops_mem_live() == 0 ? 0 : 4;
}

/* The file of somebody else in a folder of everybody: only overwriting keeps the owner. */
static int of_another_owner(void)
{
    struct sops_err e = {0};
    struct stat st;
    if (!sops_file_replace("shared/file", SOPS_LIT("new"), 0666, NULL, &e) || !is_text("shared/file", "new")) {
        return 1;
    }
    return stat("shared/file", &st) == 0 && entries("shared") == 1 ? 0 : 2;
}

static void without_rights(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(chmod(".", 0755), 0);
    assert_int_equal(mkdir("closed", 0700), 0);
    put("closed/open", "old");
    put("closed/readonly", "old");
    assert_int_equal(chmod("closed/open", 0666), 0);
    assert_int_equal(chmod("closed/readonly", 0444), 0);
    assert_int_equal(chmod("closed", 0555), 0);
    as_nobody(in_closed_folder);
    assert_int_equal(mkdir("shared", 0700), 0);
    put("shared/file", "old");
    assert_int_equal(chmod("shared/file", 0666), 0);
    assert_int_equal(chmod("shared", 0777), 0);
    as_nobody(of_another_owner);
    assert_int_equal(stat("shared/file", &st), 0);
    assert_int_equal(st.st_uid, getuid());
}

/* Writes stop behind 1000 bytes, as on a full disk. */
static int with_little_room(void)
{
    char big[2000];
    memset(big, 'n', sizeof big);
    struct sops_slice text = sops_slice_of(big, sizeof big);
    struct rlimit limit = {1000, 1000};
    struct sops_err e = {0};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 1;
    }
    if (sops_file_replace("dir/a", text, 0666, NULL, &e) || e.code != SOPS_E_GENERIC ||
        !is_text("dir/a", "the old content")) {
        return 2;
    }
    sops_err_clear(&e);
    if (sops_file_replace("dir/linked", text, 0666, NULL, &e) || e.code != SOPS_E_GENERIC ||
        !is_text("dir/linked", "the old content")) {
        return 3;
    }
    sops_err_clear(&e);
    if (sops_file_replace("dir/none", text, 0666, NULL, &e) || e.code != SOPS_E_GENERIC || access("dir/none", F_OK) == 0) {
        return 4;
    }
    sops_err_clear(&e);
    if (sops_file_create("dir/none", text, 0600, &e) || e.code != SOPS_E_GENERIC) {
        return 5;
    }
    sops_err_clear(&e);
    return entries("dir") == 3 && sops_mem_live() == 0 ? 0 : 6;
}

static void full_disk(void **state)
{
    (void)state;
    assert_int_equal(chmod(".", 0777), 0);
    assert_int_equal(mkdir("dir", 0700), 0);
    assert_int_equal(chmod("dir", 0777), 0);
    put("dir/a", "the old content");
    put("dir/linked", "the old content");
    assert_int_equal(link("dir/linked", "dir/linked2"), 0);
    assert_int_equal(chmod("dir/a", 0666) | chmod("dir/linked", 0666), 0);
    as_nobody(with_little_room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_the_safe_order), TEST(without_nameless_files), TEST(closed_until_whole), TEST(keeps_attributes),
        TEST(replaces),          TEST(follows_links),          TEST(keeps_hard_links),   TEST(others_than_files),
        TEST(replaceable),       TEST(without_rights),         TEST(full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
