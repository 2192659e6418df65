/* SPDX-License-Identifier: Apache-2.0 */
/* The namespace that kubectl's configuration says (docs/spec/72-sealed-secrets.md#the-name-kubeseal). */
#include "cli/kubeseal.h"

#include "testing.h"

#include "folder.h"

#define FIRST "contexts:\n- name: dev\n  context: {cluster: c, namespace: one}\n- name: bare\n  context: {cluster: c}\n"
#define SECOND                                                                                                         \
    "current-context: prod\ncontexts:\n- {name: prod, context: {namespace: two}}\n- {name: dev, context: {namespace: " \
    "three}}\n"

static const char *kubeconfig, *home;

static const char *env_of(struct sops_world *w, const char *name)
{
    (void)w;
    return strcmp(name, "KUBECONFIG") == 0 ? kubeconfig : strcmp(name, "HOME") == 0 ? home : NULL;
}

/* What is said with these flags; NULL: it fails with code 1. */
static void finds(struct kubeseal_flags f, const char *want)
{
    struct sops_world w = TEST_WORLD;
    struct sops_arena arena = {0};
    struct sops_slice space = {0};
    struct sops_err e = {0};
    w.env = env_of;
    if (want == NULL) {
        assert_fails(sops_kubeseal_space(&f, &w, &arena, &space, &e), &e, SOPS_E_GENERIC);
    } else {
        assert_ok(sops_kubeseal_space(&f, &w, &arena, &space, &e), &e);
        assert_slice(space, want);
    }
    sops_arena_free(&arena);
}

static void namespace_of_the_context(void **state)
{
    (void)state;
    const struct kubeseal_flags none = {0};
    put("first", FIRST);
    put("second", SECOND);
    put("broken", "contexts: [canary\n");
    kubeconfig = home = NULL;
    finds(none, NULL);
    finds((struct kubeseal_flags){.kubeconfig = "second"}, "two");
    finds((struct kubeseal_flags){.kubeconfig = "second", .context = "dev"}, "three");
    finds((struct kubeseal_flags){.kubeconfig = "first", .context = "bare"}, "default");
    finds((struct kubeseal_flags){.kubeconfig = "first"}, NULL); /* no current context */
    finds((struct kubeseal_flags){.kubeconfig = "second", .context = "none"}, NULL);
    finds((struct kubeseal_flags){.kubeconfig = "missing"}, NULL);
    finds((struct kubeseal_flags){.kubeconfig = "broken"}, NULL);
    kubeconfig = "missing::first:second";
    finds(none, "two");
    finds((struct kubeseal_flags){.context = "dev"}, "one"); /* the first file that has it */
    finds((struct kubeseal_flags){.kubeconfig = "second", .context = "dev"}, "three");
    kubeconfig = "second:broken";
    finds(none, NULL);
    kubeconfig = NULL;
    home = folder;
    finds(none, NULL);
    assert_int_equal(mkdir(".kube", 0700), 0);
    put(".kube/config", SECOND);
    finds(none, "two");
    kubeconfig = "first"; /* it stands for the file at home */
    finds(none, NULL);
}

/* Words behind the program's name, as pflag takes them. */
static void flags_of_pflag(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    struct sops_arena arena = {0};
    struct sops_err e = {0};
    struct kubeseal_flags f = {0};
    const char *const words[] = {"--cert=c.pem", "-n", "app",      "-ojson",    "--from-file", "a=x", "--from-file=y",
                                 "--raw",        "-w", "out.yaml", "--context", "prod",        NULL};
    const char *const unknown[] = {"--no-such", NULL}, *const lacking[] = {"--cert", NULL};
    assert_ok(sops_kubeseal_flags(&f, &w, &arena, words, &e), &e);
    assert_string_equal(f.cert, "c.pem");
    assert_string_equal(f.space, "app");
    assert_string_equal(f.format, "json");
    assert_string_equal(f.output, "out.yaml");
    assert_string_equal(f.context, "prod");
    assert_string_equal(f.from_file[0], "a=x");
    assert_string_equal(f.from_file[1], "y");
    assert_null(f.from_file[2]);
    assert_true(f.raw);
    f = (struct kubeseal_flags){0};
    assert_fails(sops_kubeseal_flags(&f, &w, &arena, unknown, &e), &e, 2);
    f = (struct kubeseal_flags){0};
    assert_fails(sops_kubeseal_flags(&f, &w, &arena, lacking, &e), &e, 2);
    sops_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(namespace_of_the_context, enter, leave),
                                       cmocka_unit_test(flags_of_pflag)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
