/* SPDX-License-Identifier: Apache-2.0 */
/* Each finding of one file without a key, good and bad, and two versions of a file beside each other. */
#include "check/revision.h"

#include "testing.h"

#include <stdio.h>

#define AGE "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"
#define C1 "ENC[AES256_GCM,data:AAAA,iv:AAAAAAAAAAAAAAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]"
#define C2 "ENC[AES256_GCM,data:BBBB,iv:AAAAAAAAAAAAAAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]"
#define ENC "-----BEGIN AGE ENCRYPTED FILE-----\\nx\\n-----END AGE ENCRYPTED FILE-----"
#define KEYS "  age: [{recipient: " AGE ", enc: \"" ENC "\"}]\n"
#define META(more) "sops:\n" KEYS "  lastmodified: '2026-01-01T00:00:00Z'\n  mac: '" C1 "'\n  version: 3.9.0\n" more

static struct sops_secrets *forms;

static int make(void **state)
{
    struct sops_err e = {0};
    (void)state;
    forms = sops_secrets_new(&e);
    return forms == NULL;
}

static int drop(void **state)
{
    sops_secrets_free(forms);
    return test_no_leaks(state);
}

/* Ids and lines of what is found, a blank behind each, into `got`. */
static void check(const char *config, const char *name, const char *text, struct sops_buf *got)
{
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_judge j = {0};
    struct sops_names n = {0};
    struct sops_checked c = {0};
    char path[64];
    (void)snprintf(path, sizeof path, "/w/%s", name);
    assert_ok(sops_judge_make(&j, &w, "/w/.sops.yaml", ".sops.yaml", sops_str(config), &e), &e);
    struct sops_subject s = {.name = name,
                             .absolute = sops_str(path),
                             .text = sops_str(text),
                             .judge = &j,
                             .names = &n,
                             .secrets = forms,
                             .command = "sops",
                             .now = w.now(&w),
                             .scan = true,
                             .drift = true};
    assert_ok(sops_check_file(&s, &c, &e), &e);
    sops_findings_sort(&c.found);
    for (size_t i = 0; i < c.found.count; i++) {
        const struct sops_finding *f = &c.found.list[i];
        assert_non_null(f->help);
        assert_null(strstr(f->message, "canary"));
        assert_true(sops_buf_addf(got, &e, "%s:%u ", sops_finding_kinds[f->id].id, f->line));
    }
    sops_checked_free(&c);
    sops_names_free(&n);
    sops_judge_free(&j);
}

static void each_finding(void **state)
{
    (void)state;
    static const char rules[] = "creation_rules: [{path_regex: ^s, age: " AGE "}]\n";
    static const struct {
        const char *config, *name, *text, *found;
    } rows[] = {
        {rules, "s.yaml", "a: '" C1 "'\n" META(""), ""},
        {rules, "s.yaml", "a: canary\n", "not-encrypted:1 "},
        {rules, "s.yaml", "a: [canary\n", "syntax:2 "},
        {rules, "t.yaml", "a: canary\n", ""},
        {rules, "t.yaml", "a: '" C1 "'\n" META(""), "no-rule:2 "},
        {rules, "s.yaml", "a: canary\n" META(""), "plain-leaf:1 "},
        {rules, "s.yaml", "a: 1\nb: true\nc:\nd: ''\n" META(""), "plain-leaf:1 plain-leaf:2 "},
        {rules, "s.yaml", "a_unencrypted: canary\n" META(""), "nothing-encrypted:2 "},
        {rules, "s.yaml", "a: ENC[canary\n" META(""), "bad-cipher:1 "},
        {rules, "s.yaml", "a: '" C1 "'\nb: '" C1 "'\n" META(""), "copied-cipher:2 "},
        {rules, "s.yaml", "l: ['" C1 "', '" C1 "']\n" META(""), ""},
        {rules, "s.yaml", "a: {b: '" C1 "'}\n'a:b': '" C2 "'\n" META(""), "aad-ambiguous:2 "},
        {rules, "s.yaml", "# canary\na: '" C1 "'\n" META(""), "plain-comment:1 "},
        {rules, "s.yaml", "a: '" C1 "'\nb_unencrypted: '" C2 "'\n" META(""), "sealed-where-clear:2 "},
        {rules, "s.yaml", "a: '" C1 "'\n" META("  unresolved: 1\n"), "unresolved-merge:7 "},
        {rules, "s.yaml", "<<<<<<< a\na: '" C1 "'\n=======\n>>>>>>> b\n" META(""), "unresolved-merge:1 "},
        {rules, "s.yaml", "a: '" C1 "'\n" META("  encrypted_regex: ''\n  shamir_threshold: -1\n"), "metadata:8 "},
        {rules, "s.yaml", "a: '" C1 "'\nsops:\n" KEYS "  lastmodified: '2026-01-01T00:00:00Z'\n  version: 3.9.0\n",
         "metadata:2 "},
        {rules, "s.yaml", "a: '" C1 "'\nsops:\n" KEYS "  lastmodified: x\n  mac: '" C1 "'\n  version: 3.9.0\n",
         "metadata:4 "},
        {rules, "s.yaml", "a: 1\n---\n" META(""), "metadata:3 "},
        {"creation_rules: [{path_regex: ^s, age: " AGE ", encrypted_regex: ^a}]\n", "s.yaml", "a: '" C1 "'\n" META(""),
         "rule:2 "},
        {"creation_rules: [{path_regex: ^s, pgp: D867D7285BF285ADBA45E0E5C3933DD51026D412}]\n", "s.yaml",
         "a: '" C1 "'\n" META(""), "recipients:2 "},
        {"creation_rules: [{path_regex: ^s, age: " AGE "}]\ncheck: {max_age: 30d}\n", "s.yaml",
         "a: '" C1 "'\n" META(""), "stale:4 "},
        {"creation_rules: [{path_regex: ^s, age: " AGE "}]\ncheck: {ignore: [s]}\n", "s.yaml", "a: canary\n", ""},
        {rules, "s.yaml",
         "a: '" C1 "'\nx_unencrypted: AKIA"
         "Q3EGTZ4PWM6RKX2J\n" META(""),
         "secret:2 "},
        {rules, "s.yaml", "a: '" C1 "'\npassword_unencrypted: x\n" META(""), ""},
        {rules, "t.txt", "password: Canary-1canary\n", "secret-like:1 "},
        {rules, "t.txt", "password: Canary-1canary # sops:allow\n", ""},
        {rules, "s.env",
         "A=" C1 "\nsops_lastmodified=2026-01-01T00:00:00Z\nsops_mac=" C1
         "\nsops_version=\nsops_age__list_0__map_enc=" ENC "\nsops_age__list_0__map_recipient=" AGE "\n",
         "metadata:4 "},
        {rules, "s.txt",
         "A=" C1 "\nsops_lastmodified=2026-01-01T00:00:00Z\nsops_mac=" C1
         "\nsops_version=3.9.0\nsops_age__list_0__map_enc=" ENC "\nsops_age__list_0__map_recipient=" AGE "\n",
         "other-format:0 "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_buf got = {0};
        check(rows[i].config, rows[i].name, rows[i].text, &got);
        if (!sops_slice_eq(sops_buf_view(&got), sops_str(rows[i].found))) {
            print_error("row %zu: %s\n", i, rows[i].text);
        }
        assert_slice(sops_buf_view(&got), rows[i].found);
        sops_buf_free(&got);
    }
}

static void revisions(void **state)
{
    (void)state;
    static const char base[] = "a: '" C1 "'\nb_unencrypted: canary\n" META("");
    static const struct {
        const char *text, *change;
        bool agrees, clear_only;
    } rows[] = {
        {base, "", true, false},
        {"a:   '" C1 "'\n# canary\nb_unencrypted: \"canary\"\nn_unencrypted:\n" META(""), "", true, false},
        {"a: '" C1 "'\nb_unencrypted: other\n" META(""), "changed [\"b_unencrypted\"]", false, true},
        {"a: '" C2 "'\nb_unencrypted: canary\n" META(""), "changed [\"a\"]", false, false},
        {"b_unencrypted: canary\n" META(""), "removed [\"a\"]", false, false},
        {"a: '" C1 "'\nb_unencrypted: canary\nc_unencrypted: canary\n" META(""), "added [\"c_unencrypted\"]", false,
         true},
        {"b_unencrypted: canary\na: '" C1 "'\n" META(""), "moved [\"b_unencrypted\"]", false, false},
        {"a: '" C1 "'\nb_unencrypted: canary\n" META("  mac_only_encrypted: true\n"), "changed mac_only_encrypted",
         false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_revision was = {0}, now = {0};
        struct sops_revision_change c = {0};
        struct sops_err e = {0};
        const struct sops_format *yaml = sops_format_named(SOPS_LIT("yaml"));
        bool good = false;
        assert_ok(sops_revision_read(&was, sops_str(base), yaml, &good, &e), &e);
        assert_true(good);
        assert_ok(sops_revision_read(&now, sops_str(rows[i].text), yaml, &good, &e), &e);
        assert_true(good);
        assert_int_equal(sops_revision_agrees(&was, &now), rows[i].agrees);
        assert_ok(sops_revision_compare_texts(&was, &now, forms, &c, &e), &e);
        assert_slice(sops_buf_view(&c.text), rows[i].change);
        assert_int_equal(c.clear_only, rows[i].clear_only);
        sops_revision_change_free(&c);
        sops_revision_free(&was);
        sops_revision_free(&now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_finding), cmocka_unit_test(revisions)};
    return cmocka_run_group_tests(tests, make, drop);
}
