/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are encrypted files, which plain ones must be, and what is wrong with a configuration. */
#include "check/judge.h"
#include "check/look.h"

#include "testing.h"

#define AGE "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"
#define MAC "mac: 'ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]'"

static void looks(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text, *found;
        enum sops_look_kind kind;
        bool other;
    } rows[] = {
        {"yaml", "a: 1\n", "yaml", SOPS_LOOK_PLAIN, false},
        {"yaml", "a: 1\nsops: {enabled: true}\n", "yaml", SOPS_LOOK_PLAIN, false},
        {"yaml", "a: 1\nsops: {" MAC "}\n", "yaml", SOPS_LOOK_ENCRYPTED, false},
        {"yaml", "a: 1\nsops: {lastmodified: x}\n", "yaml", SOPS_LOOK_ENCRYPTED, false},
        {"yaml", "a: 1\nsops: {age: []}\n", "yaml", SOPS_LOOK_PLAIN, false},
        {"yaml", "a: 1\nsops: {age: [{}]}\n", "yaml", SOPS_LOOK_ENCRYPTED, false},
        {"yaml", "a: 1\nsops: {mac: }\n", "yaml", SOPS_LOOK_PLAIN, false},
        {"yaml", "a: 1\n---\nsops: {" MAC "}\n", "yaml", SOPS_LOOK_ENCRYPTED, false},
        {"yaml", "a: [\nsops: {" MAC "}\n", "yaml", SOPS_LOOK_DAMAGED, false},
        {"yaml", "a: [\nnosops: {" MAC "}\n", "yaml", SOPS_LOOK_PLAIN, false},
        {"yaml", "a: [\nsops: {mac: x}\n", "yaml", SOPS_LOOK_PLAIN, false},
        {"yaml", "A=x\nsops_mac=ENC[AES256_GCM,x\n", "dotenv", SOPS_LOOK_ENCRYPTED, true},
        {"binary", "A=x\nsops_mac=ENC[AES256_GCM,x\n", "dotenv", SOPS_LOOK_ENCRYPTED, true},
        {"binary", "{\"data\": \"x\", \"sops\": {\"mac\": \"x\"}}", "binary", SOPS_LOOK_ENCRYPTED, false},
        {"binary", "{\"a\": \"ENC[AES256_GCM,\", \"sops\": {\"mac\": \"x\"}}", "json", SOPS_LOOK_ENCRYPTED, true},
        {"binary", "text\n  sops: ENC[AES256_GCM,\n", "binary", SOPS_LOOK_PLAIN, false},
        {"binary", "{ \"sops\": ENC[AES256_GCM,\n", "binary", SOPS_LOOK_DAMAGED, false},
        {"ini", "[s]\na = 1\n[sops]\nversion = 3\n", "ini", SOPS_LOOK_PLAIN, false},
        {"ini", "[s]\na = 1\n[sops]\nmac = 3\n", "ini", SOPS_LOOK_ENCRYPTED, false},
        {"dotenv", "A=1\nsops_age__list_0__map_enc=x\n", "dotenv", SOPS_LOOK_ENCRYPTED, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_look l;
        struct sops_err e = {0};
        assert_ok(sops_look(&l, sops_str(rows[i].text), sops_format_named(sops_str(rows[i].format)), false, &e), &e);
        if (l.kind != rows[i].kind || strcmp(l.format->name, rows[i].found) != 0 || l.other != rows[i].other) {
            print_error("row %zu: kind %d, format %s\n", i, (int)l.kind, l.format->name);
            fail();
        }
        sops_look_free(&l);
    }
}

static void conflicts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
    } rows[] = {
        {"a\n<<<<<<< x\nb\n=======\nc\n>>>>>>> y\n", 2}, {"<<<<<<<\n=======\n>>>>>>>\n", 1},
        {"<<<<<<< x\n>>>>>>> y\n=======\n", 0},          {"<<<<<<<x\n=======\n>>>>>>> y\n", 0},
        {"<<<<<<<< x\n=======\n>>>>>>> y\n", 0},         {" <<<<<<< x\n=======\n>>>>>>> y\n", 0},
        {"<<<<<<< x\r\n=======\r\n>>>>>>> y\r\n", 1},    {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(sops_look_conflict(sops_str(rows[i].text)), rows[i].line);
    }
}

static void make(struct sops_judge *j, const char *text)
{
    static struct sops_world world = TEST_WORLD;
    struct sops_err e = {0};
    assert_ok(sops_judge_make(j, &world, "/w/.sops.yaml", ".sops.yaml", sops_str(text), &e), &e);
}

static bool is_required(const struct sops_judge *j, const char *path, const char *text)
{
    struct sops_verdict v;
    struct sops_err e = {0}, why = {0};
    bool required = false;
    sops_judge_file(j, sops_str(path), &v);
    assert_ok(
        sops_judge_required(&v, sops_str(path), sops_format_for(sops_str(path)), sops_str(text), &required, &why, &e),
        &e);
    sops_err_clear(&why);
    return required;
}

static void requires(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *path, *text;
        bool required;
    } rows[] = {
        {"creation_rules: [{path_regex: ^s/, age: " AGE "}]", "/w/s/a.yaml", "a: 1", true},
        {"creation_rules: [{path_regex: ^s/, age: " AGE "}]", "/w/t/a.yaml", "a: 1", false},
        {"creation_rules: [{path_regex: '\\.yaml$', age: " AGE "}]", "/w/s/a.yaml", "a: 1", false},
        {"creation_rules: [{path_regex: '\\.(yaml|env)$', age: " AGE "}]", "/w/s/a.env", "A=1", true},
        {"creation_rules: [{path_regex: '.*/.*\\.yml$', age: " AGE "}]", "/w/s/a.yml", "a: 1", false},
        {"creation_rules: [{age: " AGE "}]", "/w/s/a.env", "A=1", false},
        {"creation_rules: [{required: true, age: " AGE "}]", "/w/a.yaml", "a: 1", true},
        {"creation_rules: [{path_regex: ^s/, required: false}]", "/w/s/a.yaml", "a: 1", false},
        {"creation_rules: [{path_regex: ^s/}]", "/w/s/a.yaml", "", false},
        {"creation_rules: [{path_regex: ^s/}]", "/w/s/a.yaml", "a: \nb: ''\nc: {}\n", false},
        {"creation_rules: [{path_regex: ^s/}]", "/w/s/a.yaml", "a_unencrypted: 1\n", false},
        {"creation_rules: [{path_regex: ^s/}]", "/w/s/a.yaml", "a: [\n", true},
        {"creation_rules: [{path_regex: ^s/}]", "/w/s/.gitkeep", "x", false},
        {"creation_rules: [{path_regex: ^s/}]", "/w/s/a.bin", "x", true},
        {"creation_rules: [{path_regex: ^s/, encrypted_regex: ^data$}]", "/w/s/a.yaml",
         "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", false},
        {"creation_rules: [{path_regex: ^s/, encrypted_regex: ^data$, required: true}]", "/w/s/a.yaml",
         "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", true},
        {"creation_rules: [{path_regex: ^s/, encrypted_regex: ^data$}]", "/w/s/a.yaml",
         "apiVersion: v2\nkind: ConfigMap\ndata: {a: b}\n", true},
        {"creation_rules: [{encrypted_regex: ^q$}]\ncheck: {require: [^s/]}", "/w/s/a.yaml", "a: b\n", true},
        {"creation_rules: []\ncheck: {require: [^s/], ignore: [a]}", "/w/s/a.yaml", "a: b\n", false},
        {"creation_rules: [{path_regex: ^s/p/, required: false}, {path_regex: ^s/}]", "/w/s/p/a.yaml", "a: b\n", false},
        {"creation_rules: [{path_regex: '('}, {path_regex: ^s/}]", "/w/s/p/a.yaml", "a: b\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_judge j = {0};
        make(&j, rows[i].rules);
        if (is_required(&j, rows[i].path, rows[i].text) != rows[i].required) {
            print_error("row %zu\n", i);
            fail();
        }
        sops_judge_free(&j);
    }
}

static void lints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *found;
    } rows[] = {
        {"creation_rules:\n  - age: " AGE "\n", ""},
        {"creation_rules: [", "config:2 "},
        {"creation_rules:\n  - path_regex: '('\n", "config:2 "},
        {"creation_rules:\n  - encrypted_regex: '('\n", "config:2 "},
        {"creation_rules:\n  - age: age1x\n", "config:2 "},
        {"creation_rules:\n  - azure_keyvault: https://v.vault.azure.net/keys/k\n", ""},
        {"creation_rules:\n  - key_groups:\n    - {}\n", "config:2 "},
        {"creation_rules:\n  - shamir_threshold: -1\n", "config:2 "},
        {"creation_rules:\n  - path_regx: a\n", "unknown-key:2 "},
        {"creation_rules:\n  - {}\n  - path_regex: a\n", "shadowed-rule:3 "},
        {"creation_rules:\n  - path_regex: a\n  - path_regex: b\n  - path_regex: a\n", "shadowed-rule:4 "},
        {"creation_rulez: []\nwhatever: 1\nkeys: []\nx-a: 1\n", "unknown-key:1 "},
        {"check: {require: x}\n", "config:1 "},
        {"check: {allow: [{id: no}]}\n", "config:1 "},
        {"check: {allow: [{}]}\n", "config:1 "},
        {"check:\n  max_age: 3\n  entropy: x\n  ignroe: []\n", "config:2 config:3 unknown-key:4 "},
        {"check: {allow: [{id: leaf, path: a, key: b}], max_age: 3d, entropy: off}\n", ""},
        {"recipients: [a]\n", "config:1 "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_judge j = {0};
        struct sops_buf got = {0};
        struct sops_err e = {0};
        make(&j, rows[i].text);
        for (size_t k = 0; k < j.found.count; k++) {
            const struct sops_finding *f = &j.found.list[k];
            assert_true(sops_buf_addf(&got, &e, "%s:%u ", sops_finding_kinds[f->id].id, f->line));
            assert_non_null(f->help);
        }
        assert_slice(sops_buf_view(&got), rows[i].found);
        sops_buf_free(&got);
        sops_judge_free(&j);
    }
}

static void allows(void **state)
{
    (void)state;
    struct sops_judge j = {0};
    make(&j, "check: {allow: [{id: leaf, path: ^s}, {key: '\"k\"'}]}\n");
    struct sops_finding f = {.id = SOPS_FIND_LEAF};
    assert_true(sops_judge_allows(&j, SOPS_LIT("s/a"), &f));
    assert_false(sops_judge_allows(&j, SOPS_LIT("t/a"), &f));
    f.id = SOPS_FIND_MAC;
    assert_false(sops_judge_allows(&j, SOPS_LIT("s/a"), &f));
    f.path = SOPS_LIT("[\"k\"]");
    assert_true(sops_judge_allows(&j, SOPS_LIT("t/a"), &f));
    sops_judge_free(&j);
}

static void words(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a/b.yaml", "a/b.yaml"}, {"a b", "'a b'"}, {"-x", "./-x"},
        {"it's", "'it'\\''s'"},   {"", "''"},       {"a;b", "'a;b'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_true(sops_shell_word(&out, sops_str(rows[i][0]), &e));
        assert_slice(sops_buf_view(&out), rows[i][1]);
        sops_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks), cmocka_unit_test(conflicts), cmocka_unit_test(requires),
        cmocka_unit_test(lints), cmocka_unit_test(allows),    cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
