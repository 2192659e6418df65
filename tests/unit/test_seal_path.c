/* SPDX-License-Identifier: Apache-2.0 */
/* Paths made from patterns (docs/spec/72-sealed-secrets.md#seal): what fills the braces, what may not be left. */
#include "seal/sealing.h"

#include "testing.h"

#include "folder.h"

static struct sops_path_values values(void)
{
    return (struct sops_path_values){.cluster = SOPS_LIT("prod"),
                                     .space = SOPS_LIT("app"),
                                     .name = SOPS_LIT("db"),
                                     .dir = SOPS_LIT("secrets/a"),
                                     .stem = SOPS_LIT("x")};
}

static void braces_are_filled(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
    } rows[] = {
        {"out.yaml", "out.yaml"},
        {"{cluster}", "prod"},
        {"s/{cluster}/{namespace}-{name}.yaml", "s/prod/app-db.yaml"},
        {"{dir}/{stem}{stem}}.json", "secrets/a/xx}.json"},
        {"", ""},
    };
    const struct sops_path_values v = values();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_ok(sops_path_fill(rows[i].pattern, &v, &out, &e), &e);
        assert_slice(sops_buf_view(&out), rows[i].path);
        sops_buf_free(&out);
    }
}

static void bad_braces_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"{Cluster}", "{}", "{", "a{name", "{name{name}}", "{ name }", "{names}"};
    struct sops_path_values v = values();
    struct sops_buf out = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(sops_path_fill(bad[i], &v, &out, &e), &e, SOPS_E_CONFLICT);
    }
    v.cluster = (struct sops_slice){0}; /* with --cert there is none */
    assert_fails(sops_path_fill("x/{cluster}", &v, &out, &e), &e, SOPS_E_CONFLICT);
    sops_buf_free(&out);
}

static void parts_of_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *file, *dir, *stem;
    } rows[] = {
        {"f", ".", "f"},         {"f.env", ".", "f"},       {"a/b/f.enc.yaml", "a/b", "f"}, {"/f.yaml", "/", "f"},
        {"a/.env", "a", ".env"}, {"a/.env.x", "a", ".env"}, {"a.b/f", "a.b", "f"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_slice dir, stem;
        sops_path_parts(rows[i].file, &dir, &stem);
        assert_slice(dir, rows[i].dir);
        assert_slice(stem, rows[i].stem);
    }
}

static void seen_from_a_folder(void **state)
{
    (void)state;
    static const struct {
        const char *path, *from, *seen;
    } rows[] = {
        {"/a/b/c", "/a/b", "c"},     {"/a/b", "/a/b", "."},          {"/a/c", "/a/b", "../c"},
        {"/x", "/a/b", "../../x"},   {"/a/bc/d", "/a/b", "../bc/d"}, {"/a/b/c", "/a/b/", "c"},
        {"/a/b/c/d", "/a", "b/c/d"},
    };
    struct sops_buf out = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(sops_path_relative(rows[i].path, rows[i].from, &out, &e), &e);
        assert_slice(sops_str((const char *)out.ptr), rows[i].seen);
    }
    sops_buf_free(&out);
}

static void outputs_stay_in_their_folder(void **state)
{
    (void)state;
    char home[200], path[300];
    static const struct {
        const char *tail;
        bool inside;
    } rows[] =
        {
            {"new.yaml", true},     {"in/new.yaml", true},    {"in/new/deep/x.yaml", true},
            {"to-in/x.yaml", true}, {"to-out/x.yaml", false}, {"to-out/new/x.yaml", false},
            {"to-file", false}, /* an existing link that leads out */
        };
    struct sops_err e = {0};
    assert_int_equal(mkdir("home", 0700), 0);
    assert_int_equal(mkdir("home/in", 0700), 0);
    assert_int_equal(mkdir("home2", 0700), 0);
    put("secret", "x");
    assert_int_equal(symlink("in", "home/to-in"), 0);
    assert_int_equal(symlink("../home2", "home/to-out"), 0);
    assert_int_equal(symlink("../secret", "home/to-file"), 0);
    (void)snprintf(home, sizeof home, "%s/home/", folder);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", home, rows[i].tail);
        if (rows[i].inside) {
            assert_ok(sops_path_stays(path, home, &e), &e);
        } else {
            assert_fails(sops_path_stays(path, home, &e), &e, SOPS_E_GENERIC);
        }
    }
    (void)snprintf(path, sizeof path, "%s/home2/x.yaml", folder);
    assert_fails(sops_path_stays(path, home, &e), &e, SOPS_E_GENERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(braces_are_filled), cmocka_unit_test(bad_braces_are_refused),
                                       cmocka_unit_test(parts_of_a_name), cmocka_unit_test(seen_from_a_folder),
                                       cmocka_unit_test_setup_teardown(outputs_stay_in_their_folder, enter, leave)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
