/* SPDX-License-Identifier: Apache-2.0 */
/* git as a peer: a real one, in a folder of its own, and one that lies. */
#include "cli/git.h"
#include "cli/world_real.h"

#include "folder.h"

static struct sops_world world;

/* A repository with one commit: a.txt, and `b c.bin` with a NUL in it. */
static void make_repository(void)
{
    assert_int_equal(setenv("GIT_CONFIG_NOSYSTEM", "1", 1), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    put("a.txt", "text of a\n");
    assert_int_equal(system("git init -q -b main . && git config user.name n && git config user.email e@e.example && "
                            "printf 'x\\0y' > 'b c.bin' && head -c 100000 /dev/zero > zeros && "
                            "git add -A && git commit -q -m one"),
                     0);
}

static void looks(void **state)
{
    (void)state;
    struct sops_git g = {.world = &world};
    struct sops_err e = {0};
    struct sops_buf want = {0};
    sops_world_real(&world);
    assert_int_equal(sops_git_look(&g, &e), SOPS_GIT_NONE);
    make_repository();
    assert_int_equal(mkdir("sub", 0700), 0);
    g.folder = "sub";
    assert_int_equal(sops_git_look(&g, &e), SOPS_GIT_TREE);
    assert_true(sops_path_absolute(".", &want, &e));
    assert_string_equal((const char *)g.top.ptr, (const char *)want.ptr);
    g.folder = ".git";
    assert_int_equal(sops_git_look(&g, &e), SOPS_GIT_BARE);
    g.folder = NULL;
    assert_int_equal(setenv("GIT_DIR", "/nowhere/at/all", 1), 0);
    assert_int_equal(sops_git_look(&g, &e), SOPS_GIT_FAILED);
    assert_int_equal(e.code, SOPS_E_READ);
    assert_int_equal(unsetenv("GIT_DIR"), 0);
    sops_err_clear(&e);
    sops_buf_free(&want);
    sops_git_close(&g);
}

static void gives_objects(void **state)
{
    (void)state;
    struct sops_git g = {.world = &world};
    struct sops_err e = {0};
    struct sops_git_object o;
    char id[SOPS_GIT_ID];
    sops_world_real(&world);
    make_repository();
    assert_true(sops_git_commit(&g, SOPS_LIT("HEAD"), id, &e));
    assert_int_equal(strlen(id), 40);
    for (int twice = 0; twice < 2; twice++) {
        assert_true(sops_git_read(&g, SOPS_LIT("HEAD:a.txt"), 100, true, &o, &e));
        assert_true(o.there && o.blob && !o.cut && sops_slice_eq(sops_buf_view(&o.bytes), SOPS_LIT("text of a\n")));
        sops_git_object_free(&o);
        assert_true(sops_git_read(&g, SOPS_LIT("HEAD:no\trow such"), 100, true, &o, &e));
        assert_false(o.there);
        assert_true(sops_git_read(&g, SOPS_LIT("HEAD:b c.bin"), 2, false, &o, &e));
        assert_true(o.cut && o.bytes.len == 2 && o.size == 3);
        sops_git_object_free(&o);
        assert_true(sops_git_read(&g, SOPS_LIT("HEAD:zeros"), SIZE_MAX, true, &o, &e));
        assert_true(o.cut && o.bytes.len < 100000 && o.size == 100000);
        sops_git_object_free(&o);
        assert_true(sops_git_read(&g, SOPS_LIT("HEAD:zeros"), SIZE_MAX, false, &o, &e));
        assert_true(!o.cut && o.bytes.len == 100000);
        sops_git_object_free(&o);
        assert_true(sops_git_read(&g, SOPS_LIT("HEAD"), 0, false, &o, &e));
        assert_true(o.there && !o.blob && strcmp(o.id, id) == 0);
        sops_git_object_free(&o);
    }
    assert_false(sops_git_read(&g, SOPS_LIT("HEAD:a\nHEAD:a.txt"), 100, true, &o, &e));
    assert_int_equal(e.code, SOPS_E_READ);
    sops_err_clear(&e);
    sops_git_close(&g);
}

/* The index and a commit, with names that the batch cannot be asked for. */
static void reads_any_name(void **state)
{
    (void)state;
    static const char name[] = "new\nline";
    struct sops_git g = {.world = &world};
    struct sops_err e = {0};
    struct sops_git_object o;
    sops_world_real(&world);
    make_repository();
    assert_int_equal(sops_git_look(&g, &e), SOPS_GIT_TREE);
    assert_int_equal(
        system("printf one >'new\nline' && git add . && git -c user.name=n -c user.email=e@e.example commit -qm x && "
               "printf two >'new\nline' && git add ."),
        0);
    assert_true(sops_git_read_path(&g, "HEAD", sops_str(name), 100, true, &o, &e));
    assert_true(o.blob && sops_slice_eq(sops_buf_view(&o.bytes), SOPS_LIT("one")));
    sops_git_object_free(&o);
    assert_true(sops_git_read_path(&g, ":0", sops_str(name), 100, true, &o, &e));
    assert_true(o.blob && sops_slice_eq(sops_buf_view(&o.bytes), SOPS_LIT("two")));
    sops_git_object_free(&o);
    assert_true(sops_git_read_path(&g, "HEAD", SOPS_LIT("no\nsuch"), 100, true, &o, &e));
    assert_false(o.there);
    assert_true(sops_git_read_path(&g, ":0", SOPS_LIT("a.txt"), 100, true, &o, &e));
    assert_true(o.blob && sops_slice_eq(sops_buf_view(&o.bytes), SOPS_LIT("text of a\n")));
    sops_git_object_free(&o);
    sops_git_close(&g);
}

/* What git hash-object prints; of SHA-256 with `git init --object-format=sha256`. */
static void makes_ids(void **state)
{
    (void)state;
    static const char sha256[] = "0000000000000000000000000000000000000000000000000000000000000000";
    char id[SOPS_GIT_ID];
    assert_true(sops_git_blob_id(SOPS_LIT(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", id));
    assert_string_equal(id, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_true(sops_git_blob_id(SOPS_LIT("text of a\n"), id, id));
    assert_string_equal(id, "43d905c853981f7d3ee75421102150d6abea9251");
    assert_true(sops_git_blob_id(SOPS_LIT("text of a\n"), sha256, id));
    assert_string_equal(id, "6d9b5f3f01bc46dfe51ea5f6e809ff610f03adef4107dbceab0e12c41b0ef71a");
}

static void names_are_no_options(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "--all", "--help", "nothing", "HEAD..HEAD", "-h"};
    struct sops_git g = {.world = &world};
    char id[SOPS_GIT_ID];
    sops_world_real(&world);
    make_repository();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sops_err e = {0};
        assert_false(sops_git_commit(&g, sops_str(bad[i]), id, &e));
        assert_int_equal(e.code, SOPS_E_READ);
        sops_err_clear(&e);
    }
    sops_git_close(&g);
}

static void runs_and_fails(void **state)
{
    (void)state;
    static const char *const list[] = {"ls-files", "-z", "--", "*.txt", "a.txt", NULL}, *const bad[] = {"no-such",
                                                                                                        NULL};
    struct sops_git g = {.world = &world};
    struct sops_err e = {0};
    struct sops_buf out = {0};
    int status = 0;
    sops_world_real(&world);
    make_repository();
    assert_true(sops_git_run(&g, list, SOPS_LIT(""), &out, NULL, &e));
    assert_true(sops_slice_eq(sops_buf_view(&out), sops_slice_of("a.txt", 6))); /* and `*` is no pattern */
    assert_false(sops_git_run(&g, bad, SOPS_LIT(""), NULL, NULL, &e));
    assert_int_equal(e.code, SOPS_E_READ);
    sops_err_clear(&e);
    assert_true(sops_git_run(&g, bad, SOPS_LIT(""), NULL, &status, &e));
    assert_int_not_equal(status, 0);
    sops_buf_free(&out);
    sops_git_close(&g);
}

/* ---- one that lies ---------------------------------------------------------------------------------------------- */

static const char *lie;
static size_t told;

static ptrdiff_t lie_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    (void)s;
    (void)timeout_ms;
    (void)e;
    size_t left = strlen(lie) - told, give = left < n ? left : n;
    give = give > 3 ? 3 : give; /* in small pieces */
    memcpy(to, lie + told, give);
    told += give;
    return (ptrdiff_t)give;
}

static bool lie_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    (void)s;
    (void)bytes;
    (void)e;
    return true;
}

static void lie_close(struct sops_stream *s) { (void)s; }

static bool lie_open(struct sops_world *w, const struct sops_peer *p, struct sops_stream *s, struct sops_err *e)
{
    (void)w;
    (void)p;
    (void)e;
    *s = (struct sops_stream){lie_read, lie_write, lie_close, NULL};
    return true;
}

static void takes_no_lies(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        bool ok, there;
    } rows[] = {
        {"0123456789012345678901234567890123456789 blob 3\nabc\n", true, true},
        {"0123456789012345678901234567890123456789 blob 3\nabc", false, false},
        {"0123456789012345678901234567890123456789 blob 30\nabc\n", false, false},
        {"0123456789012345678901234567890123456789 blob -1\nabc\n", true, false},
        {"x missing\n", true, false},
        {"", false, false},
        {"0123456789 blob 3\nabc\n", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_world lying = {.open = lie_open};
        struct sops_git g = {.world = &lying};
        struct sops_git_object o;
        struct sops_err e = {0};
        lie = rows[i].answer;
        told = 0;
        assert_int_equal(sops_git_read(&g, SOPS_LIT("x"), 100, false, &o, &e), rows[i].ok);
        assert_int_equal(o.there, rows[i].there);
        sops_git_object_free(&o);
        sops_err_clear(&e);
        sops_git_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(looks),          TEST(gives_objects), TEST(makes_ids), TEST(reads_any_name), TEST(names_are_no_options),
        TEST(runs_and_fails), TEST(takes_no_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
