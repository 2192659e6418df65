/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run to their end: input, outputs, limits, time. */
#include "testing.h"

#include "cli/world_real.h"

#include <time.h>

static const char *path_only(struct sops_world *w, const char *name)
{
    (void)w;
    return strcmp(name, "PATH") == 0 ? "/bin:/usr/bin" : NULL;
}

struct run {
    const char *script;
    const char *input;
    size_t limit;
    unsigned timeout_ms;
    const char *out; /* NULL: it cannot be run */
    int status;
    const char *words; /* of the failure */
};

static void runs(void **state)
{
    (void)state;
    static const struct run cases[] = {
        {"echo hello", NULL, 0, 0, "hello\n", 0, NULL},
        {"cat", "some input", 0, 5000, "some input", 0, NULL},
        {"cat; exit 3", NULL, 0, 0, "", 3, NULL},
        {"exit 0", "nobody reads this", 0, 0, "", 0, NULL},
        {"echo $ADDED", NULL, 0, 0, "more\n", 0, NULL},
        {"kill -9 $$", NULL, 0, 0, "", 137, NULL},
        {"echo abc", NULL, 4, 0, "abc\n", 0, NULL},
        {"echo abcd", NULL, 4, 0, NULL, 0, "wrote more than 4 bytes"},
        {"echo canary; exec sleep 20", NULL, 0, 200, NULL, 0, "did not end within"},
    };
    static const char *const added[] = {"ADDED=more", NULL};
    struct sops_world w = TEST_WORLD;
    w.env = path_only;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const argv[] = {"sh", "-c", cases[i].script, NULL};
        struct sops_command c = {.argv = argv,
                                 .env = added,
                                 .input = sops_str(cases[i].input),
                                 .limit = cases[i].limit,
                                 .timeout_ms = cases[i].timeout_ms};
        struct sops_outcome o = {0};
        struct sops_err e = {0};
        time_t before = time(NULL);
        bool ok = sops_world_run(&w, &c, &o, &e);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok) {
            assert_slice(sops_buf_view(&o.out), cases[i].out);
            assert_int_equal(o.status, cases[i].status);
        } else {
            assert_non_null(strstr(e.msg, cases[i].words));
            assert_null(strstr(e.msg, "canary"));
            assert_int_equal(o.out.len, 0);
        }
        assert_true(time(NULL) - before < 10);
        sops_outcome_free(&o);
        sops_err_clear(&e);
    }
}

static void not_found(void **state)
{
    (void)state;
    const char *const argv[] = {"no-such-program-anywhere", NULL};
    struct sops_command c = {.argv = argv};
    struct sops_outcome o = {0};
    struct sops_err e = {0};
    struct sops_world w = TEST_WORLD;
    w.env = path_only;
    assert_fails(sops_world_run(&w, &c, &o, &e), &e, SOPS_E_GENERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(runs), cmocka_unit_test(not_found)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
