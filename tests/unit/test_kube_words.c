/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `sops kubectl`: all spellings of -f, -k and -R, what stays for kubectl, what it gets besides. And the
 * words of exec-env and exec-file behind "--". */
#include "cli/command.h"
#include "cli/kube.h"

#include "testing.h"

/* Puts a list of words together as "a|b|c". */
static void join_words(const char *const *words, size_t count, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i != 0 ? "|" : "", words[i]);
    }
}

/* Splits at blanks, in place. */
static size_t split_words(char *text, const char **words)
{
    size_t n = 0;
    for (char *at = text; at != NULL && *at != '\0'; n++) {
        words[n] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    words[n] = NULL;
    return n;
}

struct expected {
    const char *words, *files, *rest;
    bool recursive, server_side, manager, keeps;
    int code; /* 0: all is well */
};

static void check_words(const struct expected *want)
{
    struct sops_options o = {0};
    struct kube_words w = {0};
    struct sops_err e = {0};
    char text[300], shown[300];
    const char *words[40];
    (void)snprintf(text, sizeof text, "%s", want->words);
    (void)split_words(text, words);
    assert_ok(sops_options_open(&o, &sops_verb_kubectl, &e), &e);
    bool ok = sops_kube_words(&w, &o, words, &e);
    if (want->code != 0) {
        assert_fails(ok, &e, want->code);
    } else {
        assert_ok(ok, &e);
        join_words(w.files, w.file_count, shown, sizeof shown);
        assert_string_equal(shown, want->files);
        join_words(w.rest, w.rest_count, shown, sizeof shown);
        assert_string_equal(shown, want->rest);
        assert_int_equal(w.recursive, want->recursive);
        assert_int_equal(w.add_server_side, want->server_side);
        assert_int_equal(w.add_manager, want->manager);
        assert_int_equal(w.keeps_values, want->keeps);
    }
    sops_options_free(&o);
}

static void words_of_kubectl(void **state)
{
    (void)state;
    static const struct expected all[] = {
        {"apply -f a -n x", "a", "-n|x", false, true, true, false, 0},
        {"apply -fa -f=b --filename c --filename=d,e", "a|b|c|d|e", "", false, true, true, false, 0},
        {"create -Rf a", "a", "", true, false, false, false, 0},
        {"create -Rfa -R=false", "a", "", false, false, false, false, 0},
        {"replace --recursive -f a --save-config", "a", "--save-config", true, false, false, true, 0},
        {"replace -f a --save-config=false", "a", "--save-config=false", false, false, false, false, 0},
        {"diff -f a --field-manager me", "a", "--field-manager|me", false, true, false, false, 0},
        {"apply -f a --server-side", "a", "--server-side", false, false, false, false, 0},
        {"apply -f a --server-side=false", "a", "--server-side=false", false, false, false, true, 0},
        {"diff -f a --server-side=false", "a", "--server-side=false", false, false, false, false, 0},
        {"apply -f a --dry-run=client", "a", "--dry-run=client", false, false, false, false, 0},
        {"apply -f a --dry-run", "a", "--dry-run", false, false, false, false, 0},
        {"apply -f a --dry-run=server", "a", "--dry-run=server", false, true, true, false, 0},
        {"delete -f a -- -f b --show", "a", "--|-f|b|--show", false, false, false, false, 0},
        {"apply -f a --ignore-mac --keyservice x --decryption-order=age --show -l -x", "a", "-l|-x", false, true, true,
         false, 0},
        {"apply -f - -v=6 -", "-", "-v=6|-", false, true, true, false, 0},
        {"apply -f a --filenames b -Rx", "a", "--filenames|b|-Rx", false, true, true, false, 0},
        {"apply -k a", "", "", false, true, true, false, 0},
        {"apply -k=a", "", "", false, true, true, false, 0},
        {"apply --kustomize=a", "", "", false, true, true, false, 0},
        {"apply -k a -f b", "", "", false, false, false, false, SOPS_E_CONFLICT},
        {"apply -k a -kb", "", "", false, false, false, false, SOPS_E_CONFLICT},
        {"apply -f", "", "", false, false, false, false, SOPS_E_GENERIC},
        {"apply x", "", "", false, false, false, false, SOPS_E_GENERIC},
        {"get -f a", "", "", false, false, false, false, SOPS_E_GENERIC},
        {"apply -f a --enable-local-keyservice=maybe", "", "", false, false, false, false, SOPS_E_GENERIC},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        check_words(&all[i]);
    }
}

/* ---- exec-env ---------------------------------------------------------------------------------------------------- */

static void check_exec(const char *line, const char *files, const char *behind)
{
    struct sops_options o = {0};
    struct sops_err e = {0};
    char text[300], shown[300];
    const char *words[40];
    bool usage;
    size_t n = 0;
    (void)snprintf(text, sizeof text, "%s", line);
    (void)split_words(text, words);
    assert_ok(sops_options_open(&o, &sops_verb_exec_env, &e), &e);
    assert_ok(sops_options_parse(&o, words, true, &usage, &e), &e);
    join_words(o.args, o.argc, shown, sizeof shown);
    assert_string_equal(shown, files);
    while (o.behind != NULL && o.behind[n] != NULL) {
        n++;
    }
    join_words(o.behind, n, shown, sizeof shown);
    assert_string_equal(shown, behind != NULL ? behind : "");
    assert_int_equal(o.behind != NULL, behind != NULL);
    sops_options_free(&o);
}

static void words_before_a_command(void **state)
{
    (void)state;
    check_exec("a b", "a|b", NULL);
    check_exec("-- a b", "a|b", NULL);
    check_exec("--pristine -- a b", "a|b", NULL);
    check_exec("a -- b c --pristine --", "a", "b|c|--pristine|--");
    check_exec("--pristine b --decryption-order age a -- x", "b|a", "x");
    check_exec("a --prefix -- b -- x", "a|b", "x");
    check_exec("a --user=x - -- y", "a|-", "y");
    check_exec("a --", "a", "");
}

static void unknown_options_before_a_command(void **state)
{
    (void)state;
    struct sops_options o = {0};
    struct sops_err e = {0};
    const char *const words[] = {"a", "--nonesuch", "--", "x", NULL};
    bool usage;
    assert_ok(sops_options_open(&o, &sops_verb_exec_file, &e), &e);
    assert_fails(sops_options_parse(&o, words, true, &usage, &e), &e, SOPS_E_GENERIC);
    assert_true(usage);
    sops_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_kubectl),
        cmocka_unit_test(words_before_a_command),
        cmocka_unit_test(unknown_options_before_a_command),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
