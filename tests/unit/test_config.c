/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations: where they are found, which rule holds, what keys and settings come of it (docs/spec/40-config.md,
 * docs/spec/60-keysources.md#keys-in-sopsyaml).
 */
#include "testing.h"

#include "base/file.h"
#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALICE "age14uetxqhhh4s2znn0epmhpye9x4hdth8ehgxpsuktd7u2r0j4f9sq3kgeny"
#define BOB "age1zj9jl2z4ac5u96yvcxdfp9etrjkmptke9956hywfm007zvug4vpqyy3ejf"

static char folder[] = "/tmp/sops-config-XXXXXX";
static int warnings;

static void count_say(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    warnings += strstr(text, ".sops.yml") != NULL;
}

static struct sops_world world = TEST_WORLD;

static void put(const char *path, const char *text)
{
    struct sops_err e = {0};
    assert_ok(sops_file_replace(path, sops_str(text), 0600, NULL, &e), &e);
}

/* What the rule in `yaml` says for `file`: "1: age age / kms" and so on, one group after the other; NULL when it fails.
 */
static const char *keys_of(const char *yaml, const char *file, struct sops_creation *out, struct sops_err *e)
{
    static char shown[2048];
    struct sops_config c = {0};
    struct sops_arena a = {0};
    struct sops_creation creation;
    struct sops_buf text = {0};
    put(".sops.yaml", yaml);
    bool ok = sops_config_load(&c, &world, NULL, e) && sops_config_creation(&c, &world, &a, file, &creation, e);
    for (struct sops_group *g = ok ? creation.groups : NULL; g != NULL; g = g->next) {
        for (struct sops_key *k = g->keys; k != NULL; k = k->next) {
            assert_true(sops_buf_addf(&text, e, "%s:", k->source->id) && sops_key_show(k, &text, e));
            assert_true(sops_buf_addc(&text, k->next != NULL ? ' ' : ';', e));
            assert_int_equal(k->created_at.len != 0, (k->source->flags & SOPS_SRC_DATED) != 0);
        }
        assert_true(g->keys != NULL || sops_buf_adds(&text, "empty;", e));
    }
    (void)snprintf(shown, sizeof shown, "%.*s", SOPS_ARG(sops_buf_view(&text)));
    for (char *at; (at = strstr(shown, ALICE)) != NULL;) {
        memmove(at + 1, at + strlen(ALICE), strlen(at + strlen(ALICE)) + 1);
        *at = 'A';
    }
    for (char *at; (at = strstr(shown, BOB)) != NULL;) {
        memmove(at + 1, at + strlen(BOB), strlen(at + strlen(BOB)) + 1);
        *at = 'B';
    }
    if (ok && out != NULL) {
        *out = creation;
        out->groups = NULL;
        memset(out->rule, 0, sizeof out->rule);
    }
    sops_buf_free(&text);
    sops_arena_free(&a);
    sops_config_free(&c);
    return ok ? shown : NULL;
}

static void flat_keys(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *want; /* NULL: an error */
    } rows[] = {
        {"age: ' " ALICE " , ," BOB ", '", "age:A age:B;"},
        {"age: [" ALICE ", '" BOB "," ALICE "']", "age:A age:B age:A;"},
        {"age: ['" ALICE ",']", NULL},
        {"age: ['']", "empty;"},
        {"age: ~", "empty;"},
        {"age: []", "empty;"},
        {"{}", "empty;"},
        {"age: 5", NULL},
        {"age: [5]", NULL},
        {"age: [~]", NULL},
        {"age: [[" ALICE "]]", NULL},
        {"age: {a: b}", NULL},
        {"age: nobody", NULL},
        {"kms: 'arn:x+arn:y, z'\n    aws_profile: p\n    age: " ALICE, "age:A kms:arn:x+arn:y||p kms:z||p;"},
        {"hckms: ['r:1,r:2', ' ', r:3]", "hckms:r:1 hckms:r:2 hckms:r:3;"},
        {"hckms: 'r:1'", NULL},
        {"hckms: [5]", NULL},
        {"gcp_kms: ['a', '']", "gcp_kms:a gcp_kms:;"},
        {"key_groups: []\n    age: " ALICE, "age:A;"},
        {"key_groups: [~]\n    age: " ALICE, "age:A;"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        char yaml[1024];
        (void)snprintf(yaml, sizeof yaml, "creation_rules:\n  - x: y\n    %s\n", rows[i].rule);
        if (rows[i].rule[0] == '{') {
            (void)snprintf(yaml, sizeof yaml, "creation_rules: [{}]\n");
        }
        const char *got = keys_of(yaml, "a.yaml", NULL, &e);
        if ((got == NULL) != (rows[i].want == NULL) || (got != NULL && strcmp(got, rows[i].want) != 0) ||
            (got == NULL && e.code != SOPS_E_GENERIC)) {
            print_error("%s\ngot  %s %s\nwant %s\n", rows[i].rule, got, e.msg, rows[i].want);
            fail();
        }
        sops_err_clear(&e);
    }
}

static void groups(void **state)
{
    (void)state;
    static const struct {
        const char *groups, *want;
    } rows[] = {
        {"[{age: [" ALICE "]}, {age: ['" BOB ", " ALICE "', " BOB "]}]", "age:A;age:B age:A;"},
        {"[{age: [" ALICE "]}, {}, ~, {age: []}]", "age:A;empty;empty;"},
        {"[{merge: [{age: [" BOB "]}, ~, {merge: [{kms: [{arn: x}]}], age: [" ALICE "]}], age: [" BOB
         "], kms: [{arn: y}]}]",
         "age:B kms:x age:A kms:y;"},
        {"[{kms: [{arn: ' a+arn:b ', role: r, context: {k: v, b: 1}, aws_profile: p}, {arn: x, context: {}}]}]",
         "kms: a+arn:b +r|b:1,k:v|p kms:x;"},
        {"[{azure_keyvault: [{vaultUrl: 'https://v', key: k, version: w}]}]", "azure_kv:https://v/keys/k/w;"},
        {"[{hckms: [{key_id: 'r:1,r:2'}, ~]}]", "hckms:r:1,r:2;"},
        {"[{age: ['']}]", "empty;"},
        {"[{pgp: ['A,B', 12]}]", "pgp:A,B pgp:12;"},
        {"[{hckms: [{}]}]", NULL},
        {"[{hc_vault: ['']}]", NULL},
        {"[{kms: [{arn: x, context: {a: ~}}]}]", NULL},
        {"[{age: " ALICE "}]", NULL},
        {"[{age: [[]]}]", NULL},
        {"[{age: [12]}]", NULL},
        {"[{kms: [x]}]", NULL},
        {"[{kms: {arn: x}}]", NULL},
        {"[{kms: [{arn: [1]}]}]", NULL},
        {"[{kms: [{arn: x, context: []}]}]", NULL},
        {"[{kms: [{arn: x, context: {a: {}}}]}]", NULL},
        {"[{merge: {age: [" BOB "]}}]", NULL},
        {"[{merge: [{merge: [{age: 5}]}]}]", NULL},
        {"[{merge: [x]}]", NULL},
        {"[x]", NULL},
        {"{}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        char yaml[1024];
        (void)snprintf(yaml, sizeof yaml, "creation_rules:\n  - age: " BOB "\n    key_groups: %s\n", rows[i].groups);
        const char *got = keys_of(yaml, "a.yaml", NULL, &e);
        if ((got == NULL) != (rows[i].want == NULL) || (got != NULL && strcmp(got, rows[i].want) != 0)) {
            print_error("%s\ngot  %s %s\nwant %s\n", rows[i].groups, got, e.msg, rows[i].want);
            fail();
        }
        sops_err_clear(&e);
    }
}

static void which_rule(void **state)
{
    (void)state;
    const char *yaml =
        "creation_rules:\n"
        "  - ~\n"
        "  - {path_regex: '^sub/.*[.]yaml$', age: " ALICE ", shamir_threshold: 0x2, mac_only_encrypted: on}\n"
        "  - {path_regex: '^/', age: " BOB ", encrypted_regex: 5}\n"
        "  - {path_regex: '^bad', encrypted_regex: a, encrypted_suffix: b}\n"
        "  - {path_regex: '(', age: 5}\n";
    struct sops_err e = {0};
    struct sops_creation c;
    assert_string_equal(keys_of(yaml, "x/../sub//a.yaml", &c, &e), "age:A;");
    assert_int_equal(c.threshold, 2);
    assert_true(c.mac_only_encrypted && c.from_rule);
    assert_string_equal(keys_of(yaml, "/elsewhere/a.yaml", &c, &e), "age:B;");
    assert_int_equal(c.threshold, 0);
    assert_fails(keys_of(yaml, "bad", NULL, &e) != NULL, &e, SOPS_E_GENERIC);
    assert_null(keys_of(yaml, "other", NULL, &e));
    assert_non_null(strstr(e.msg, "path_regex"));
    sops_err_clear(&e);
    assert_null(keys_of("creation_rules: []\n", "a", NULL, &e));
    assert_non_null(strstr(e.msg, "no matching creation rules found"));
    sops_err_clear(&e);
    assert_string_equal(keys_of("creation_rules: ~\n", "a", &c, &e), "");
    assert_false(c.from_rule);
    assert_fails(keys_of("creation_rules: [{age: [5]}, {path_regex: [1]}]\n", "a", NULL, &e) != NULL, &e,
                 SOPS_E_GENERIC);
}

static void wrong_types_anywhere(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "creation_rules: {}",
        "creation_rules: [x]",
        "creation_rules: [{shamir_threshold: '2'}]",
        "creation_rules: [{mac_only_encrypted: 'true'}]",
        "creation_rules: [{encrypted_regex: []}]",
        "creation_rules: [{aws_profile: []}]",
        "creation_rules: [{a: 1, a: 2}]",
        "destination_rules: x",
        "destination_rules: [{path_regex: []}]",
        "destination_rules: [{omit_extensions: 5}]",
        "destination_rules: [{recreation_rule: []}]",
        "destination_rules: [{vault_kv_version: '2'}]",
        "destination_rules: [{recreation_rule: {shamir_threshold: x}}]",
        "stores: []",
        "stores: {json: 5}",
        "stores: {json: {indent: x}}",
        "- x",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sops_err e = {0};
        struct sops_config c = {0};
        put(".sops.yaml", texts[i]);
        if (sops_config_load(&c, &world, NULL, &e) || e.code != SOPS_E_GENERIC || e.line != 1 ||
            strstr(e.msg, ".sops.yaml") == NULL) {
            print_error("%s: line %u, %s\n", texts[i], e.line, e.msg);
            fail();
        }
        sops_err_clear(&e);
        sops_config_free(&c);
    }
}

static void styles(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_config c = {0};
    put(".sops.yaml", "stores: {json: {indent: -1}, json_binary: {indent: 2.5}, unknown: 5}\n");
    assert_ok(sops_config_load(&c, &world, NULL, &e), &e);
    struct sops_style s = sops_config_style(&c, &sops_format_json);
    assert_true(s.indent_set && s.indent == -1);
    s = sops_config_style(&c, &sops_format_binary);
    assert_true(s.indent_set && s.indent == 2);
    sops_config_free(&c);
    s = sops_config_style(&c, &sops_format_json);
    assert_false(s.indent_set);
}

/* The format that a file's name has under `stores`. */
static const char *format_of(const char *stores, const char *file)
{
    char yaml[512];
    struct sops_config c = {0};
    struct sops_err e = {0};
    (void)snprintf(yaml, sizeof yaml, "stores: %s\n", stores);
    put(".sops.yaml", yaml);
    assert_ok(sops_config_load(&c, &world, NULL, &e), &e);
    const char *name = sops_config_format(&c, sops_str(file))->name;
    sops_config_free(&c);
    return name;
}

static void formats_by_name(void **state)
{
    (void)state;
    const char *dotenv = "{dotenv: {names: ['.env.*', '*.env.?"
                         "?', null, .envrc]}}";
    static const char *const are[] = {".env.production", "a/b/.env.x", ".env.", "a.env.de", "/x/.envrc", "x.env", NULL};
    static const char *const are_not[] = {".env",  ".env.x/y", "a.env.deu", "a.env.d",
                                          "envrc", ".envrc2",  "x.env.",    NULL};
    for (size_t i = 0; are[i] != NULL; i++) {
        assert_string_equal(format_of(dotenv, are[i]), "dotenv");
    }
    for (size_t i = 1; are_not[i] != NULL; i++) {
        assert_string_equal(format_of(dotenv, are_not[i]), "binary");
    }
    assert_string_equal(format_of("{}", ".env.production"), "binary");
    assert_string_equal(format_of("{yaml: {names: ['*.json']}}", "a.json"), "yaml");
    assert_string_equal(format_of("{json_binary: {names: ['*']}}", "a.json"), "binary");
    assert_string_equal(format_of("{yaml: {names: ['a*b*c']}}", "aXbXbXc"), "yaml");
    assert_string_equal(format_of("{yaml: {names: ['a*b*c']}}", "aXbXbXcd"), "binary");
    assert_string_equal(format_of("{yaml: {names: ['**']}}", "x/"), "yaml");
    assert_string_equal(sops_config_format(NULL, SOPS_LIT("x.ini"))->name, "ini");
}

static void where_it_is_found(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_config c = {0};
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(mkdir("sub/deep", 0700), 0);
    put(".sops.yaml", "creation_rules: []\n");
    put("sub/.sops.yml", "stores: {}\n");
    put(".sops.yml", "stores: {}\n");
    assert_int_equal(symlink("nowhere", "sub/deep/.sops.yaml"), 0); /* passed over */
    assert_int_equal(chdir("sub/deep"), 0);
    warnings = 0;
    assert_ok(sops_config_load(&c, &world, NULL, &e), &e);
    assert_int_equal(warnings, 1);
    assert_true(sops_slice_ends(sops_buf_view(&c.path), SOPS_LIT("/.sops.yaml")));
    sops_config_free(&c);
    assert_ok(sops_config_load(&c, &world, "../.sops.yml", &e), &e);
    sops_config_free(&c);
    assert_false(sops_config_load(&c, &world, "missing.yaml", &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    assert_non_null(strstr(e.msg, "missing.yaml"));
    sops_err_clear(&e);
    sops_config_free(&c);
    assert_int_equal(unlink(".sops.yaml") | mkdir(".sops.yaml", 0700), 0);
    assert_fails(sops_config_load(&c, &world, NULL, &e), &e, SOPS_E_GENERIC);
    sops_config_free(&c);
    assert_int_equal(rmdir(".sops.yaml") | chdir("../..") | unlink(".sops.yaml") | unlink(".sops.yml"), 0);
    assert_ok(sops_config_load(&c, &world, NULL, &e), &e);
    assert_int_equal(c.path.len, 0);
    struct sops_arena a = {0};
    struct sops_creation creation;
    assert_ok(sops_config_creation(&c, &world, &a, "a", &creation, &e), &e);
    assert_false(creation.from_rule);
    sops_config_free(&c);
}

static void destinations(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_config c = {0};
    struct sops_arena a = {0};
    struct sops_publication p;
    put(".sops.yaml",
        "destination_rules:\n"
        "  - {path_regex: '(', s3_bucket: never}\n"
        "  - {path_regex: ^two, s3_bucket: b, gcs_bucket: c}\n"
        "  - {path_regex: ^none}\n"
        "  - {path_regex: ^s3, s3_bucket: b, s3_prefix: p/, omit_extensions: true,\n"
        "     recreation_rule: {age: " ALICE ", encrypted_regex: x, mac_only_encrypted: true}}\n"
        "  - {path_regex: ^bad, s3_bucket: b, recreation_rule: {encrypted_regex: x, encrypted_suffix: y}}\n"
        "  - {path_regex: ^vault, vault_path: p, vault_kv_version: 0x1}\n"
        "  - {path_regex: ^keyless, s3_bucket: b, recreation_rule: {encrypted_suffix: y}}\n");
    assert_ok(sops_config_load(&c, &world, NULL, &e), &e);
    static const char *const bad[] = {"other", "none", "two"};
    for (size_t i = 0; i < 3; i++) {
        assert_fails(sops_config_destination(&c, &world, &a, bad[i], &p, &e), &e, SOPS_E_GENERIC);
    }
    assert_ok(sops_config_destination(&c, &world, &a, "vault", &p, &e), &e);
    assert_slice(p.value[0], "p");
    assert_slice(p.value[3], "1");
    assert_ok(sops_config_destination(&c, &world, &a, "s3/x", &p, &e), &e);
    assert_string_equal(p.destination->rule_key, "s3_bucket");
    assert_slice(p.value[0], "b");
    assert_slice(p.value[1], "p/");
    assert_true(p.omit_extensions && p.recreate && !p.creation.mac_only_encrypted);
    assert_int_equal(p.creation.rule[SOPS_ENCRYPTED_REGEX].len, 0);
    assert_fails(sops_config_destination(&c, &world, &a, "bad", &p, &e), &e, SOPS_E_GENERIC);
    assert_ok(sops_config_destination(&c, &world, &a, "keyless", &p, &e), &e);
    assert_false(p.recreate);
    sops_arena_free(&a);
    sops_config_free(&c);
}

static int enter(void **state)
{
    (void)state;
    world.say = count_say;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave(void **state)
{
    char command[80];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir("/") != 0 || system(command) != 0 || test_no_leaks(state) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_keys),
        cmocka_unit_test(groups),
        cmocka_unit_test(which_rule),
        cmocka_unit_test(wrong_types_anywhere),
        cmocka_unit_test(styles),
        cmocka_unit_test(formats_by_name),
        cmocka_unit_test(where_it_is_found),
        cmocka_unit_test(destinations),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
