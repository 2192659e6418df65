/* SPDX-License-Identifier: Apache-2.0 */
/* Which files PATHs mean, on the disk and in git's work tree, and which configuration is nearest. */
#include "cli/select.h"
#include "cli/world_real.h"

#include "folder.h"

static struct sops_world world;

static void tree(void)
{
    assert_int_equal(setenv("GIT_CONFIG_NOSYSTEM", "1", 1), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    sops_world_real(&world);
    assert_int_equal(
        system("mkdir -p s/.git s/deep x && touch s/b s/a s/deep/c s/.git/no x/y .hidden && mkfifo s/pipe && "
               "ln -s ../x s/dir && ln -s ../x/y s/link && ln x/y s/hard"),
        0);
}

/* The names of `s`, a blank behind each. */
static void assert_names(const struct sops_selection *s, const char *want)
{
    struct sops_buf got = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < s->count; i++) {
        assert_true(sops_buf_adds(&got, s->file[i].name, &e) && sops_buf_addc(&got, ' ', &e));
    }
    assert_string_equal(sops_buf_cstr(&got, &e), want);
    sops_buf_free(&got);
}

static void on_the_disk(void **state)
{
    (void)state;
    static const struct {
        const char *const paths[4], *want;
        size_t unread;
        bool by_inode;
    } rows[] = {
        {{"."}, ".hidden s/a s/b s/deep/c s/hard x/y ", 0, false},
        {{"s"}, "s/a s/b s/deep/c s/hard ", 0, false},
        {{"s/"}, "s/a s/b s/deep/c s/hard ", 0, false},
        {{"s", "s/a", "./s/b"}, "./s/b s/a s/deep/c s/hard ", 0, false},
        {{"s/link", "s/pipe"}, "s/link s/pipe ", 0, false},
        {{"gone", "x"}, "x/y ", 1, false},
        {{"."}, ".hidden s/a s/b s/deep/c s/hard ", 0, true},
        {{"s/dir"}, "s/dir/y ", 0, false},
    };
    tree();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_selection s = {.by_inode = rows[i].by_inode};
        struct sops_err e = {0};
        assert_true(sops_select(&s, rows[i].paths, &e));
        assert_names(&s, rows[i].want);
        assert_int_equal(s.unreads, rows[i].unread);
        sops_selection_free(&s);
    }
}

static void filters(void **state)
{
    (void)state;
    static const char *const include[] = {"^s/", NULL}, *const exclude[] = {"b$", "deep", NULL},
                             *const bad[] = {"(", NULL}, *const paths[] = {".", "s/b", NULL};
    struct sops_name_filter f = {0};
    struct sops_err e = {0};
    tree();
    assert_true(sops_name_filter_make(&f, include, exclude, &e));
    struct sops_selection s = {.filter = &f};
    assert_true(sops_select(&s, paths, &e));
    assert_names(&s, "s/a s/hard ");
    sops_selection_free(&s);
    sops_name_filter_free(&f);
    assert_false(sops_name_filter_make(&f, bad, NULL, &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    sops_err_clear(&e);
    sops_name_filter_free(&f);
}

static void in_git(void **state)
{
    (void)state;
    static const struct {
        const char *const paths[3], *want;
    } rows[] = {
        {{"."}, ".gitignore .hidden s/a s/deep/c s/hard x/y "},
        {{"s"}, "s/a s/deep/c s/hard "},
        {{"./s"}, "./s/a ./s/deep/c ./s/hard "},
        {{"s/b"}, "s/b "},       /* named: whatever git ignores */
        {{"s/dir"}, "s/dir/y "}, /* a link that is named is followed */
        {{"own"}, "own/z "},     /* a repository within is one of its own: the disk */
    };
    tree();
    assert_int_equal(system("rm -r s/.git && git init -q -b main . && printf 'b\\nold\\n' > .gitignore && mkdir own && "
                            "git init -q own && touch own/z && touch s/gone && git add s/gone && rm s/gone"),
                     0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_git g = {.world = &world};
        struct sops_err e = {0};
        struct sops_selection s = {.git = &g, .place = sops_git_look(&g, &e)};
        assert_int_equal(s.place, SOPS_GIT_TREE);
        assert_true(sops_select(&s, rows[i].paths, &e));
        assert_names(&s, rows[i].want);
        assert_int_equal(s.unreads, 0);
        sops_selection_free(&s);
        sops_git_close(&g);
    }
    static const char *const all[] = {NULL}, *const some[] = {"s", "*", "gone", NULL};
    struct sops_git g = {.world = &world};
    struct sops_err e = {0};
    assert_int_equal(sops_git_look(&g, &e), SOPS_GIT_TREE);
    assert_int_equal(system("git add .gitignore s/a x"), 0);
    struct sops_selection s = {.git = &g, .place = SOPS_GIT_TREE};
    assert_true(sops_select_tracked(&s, all, &e));
    assert_names(&s, ".gitignore s/a x/y ");
    sops_selection_free(&s);
    s = (struct sops_selection){.git = &g, .place = SOPS_GIT_TREE};
    assert_true(sops_select_tracked(&s, some, &e));
    assert_names(&s, "s/a ");
    sops_selection_free(&s);
    sops_git_close(&g);
}

static void nearest(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf path = {0};
    tree();
    put(".sops.yaml", "creation_rules: []\n");
    put("s/deep/.sops.yaml", "creation_rules: [\n");
    assert_int_equal(mkdir("x/.sops.yaml", 0700), 0);
    struct sops_configs c = {.world = &world};
    assert_true(sops_configs_open(&c, &e));
    static const struct {
        const char *file, *shown;
        bool there;
    } rows[] = {
        {"s/a", ".sops.yaml", true}, {"s/deep/c", "s/deep/.sops.yaml", false}, /* it is nearer, and does not load */
        {"x/y", ".sops.yaml", true},                                           /* what cannot be read is told */
        {"s/b", ".sops.yaml", true}, {"s/no/where/yet", ".sops.yaml", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(sops_path_absolute(rows[i].file, &path, &e));
        const struct sops_judge *j = sops_configs_for(&c, sops_buf_view(&path), &e);
        assert_non_null(j);
        assert_string_equal(j->shown, rows[i].shown);
        assert_int_equal(j->there, rows[i].there);
    }
    assert_int_equal(c.count, 2);
    assert_int_equal(c.unreads, 1);
    sops_configs_free(&c);
    c = (struct sops_configs){.world = &world, .named = "s/deep/.sops.yaml"};
    assert_true(sops_configs_open(&c, &e));
    assert_true(sops_path_absolute("s/a", &path, &e));
    assert_true(sops_configs_for(&c, sops_buf_view(&path), &e)->broken);
    sops_configs_free(&c);
    c = (struct sops_configs){.world = &world, .named = "gone.yaml"};
    assert_false(sops_configs_open(&c, &e));
    assert_int_equal(e.code, SOPS_E_READ);
    sops_err_clear(&e);
    sops_configs_free(&c);
    sops_buf_free(&path);
}

static void names_from(void **state)
{
    (void)state;
    static const struct {
        const char *from, *absolute, *want, *down;
    } rows[] = {
        {"/a/b", "/a/b/c/d", "c/d", "c/d"},  {"/a/b", "/a/c", "../c", "/a/c"},
        {"/a/b", "/c", "../../c", "/c"},     {"/", "/c", "c", "c"},
        {"/a/b", "/a/bc", "../bc", "/a/bc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_name_from(sops_str(rows[i].from), sops_str(rows[i].absolute), true, &out, &e));
        assert_string_equal(sops_buf_cstr(&out, &e), rows[i].want);
        sops_buf_cut(&out, 0);
        assert_true(sops_name_from(sops_str(rows[i].from), sops_str(rows[i].absolute), false, &out, &e));
        assert_string_equal(sops_buf_cstr(&out, &e), rows[i].down);
        sops_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(on_the_disk), TEST(filters), TEST(in_git), TEST(nearest), TEST(names_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
