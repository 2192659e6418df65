/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata: found, read leniently, written sorted; versions (docs/spec/30-metadata.md). Documents are written as JSON.
 */
#include "testing.h"

#include "core/meta.h"

#include <stdio.h>

#define DATE "\"lastmodified\": \"2026-04-01T10:00:00Z\""
#define AGE "\"age\": [{\"recipient\": \"age1x\", \"enc\": \"E\"}]"

static void parse(struct sops_doc *d, const char *json)
{
    struct sops_err e = {0};
    assert_ok(sops_format_json.parse(d, sops_str(json), &e), &e);
}

/* Reads `{"a": 1, "sops": {FIELDS}}`. */
static bool detach(struct sops_meta *m, const char *fields, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_buf text = {0};
    assert_true(sops_buf_addf(&text, e, "{\"a\": 1, \"sops\": {%s}}", fields));
    assert_ok(sops_format_json.parse(&d, sops_buf_view(&text), e), e);
    sops_buf_free(&text);
    bool ok = sops_meta_detach(&d, SOPS_META_NESTED, m, e);
    if (ok) {
        assert_null(sops_node_find(d.parts, SOPS_LIT("sops")));
        assert_non_null(sops_node_find(d.parts, SOPS_LIT("a")));
    }
    sops_doc_free(&d);
    return ok;
}

static void types_are_lenient(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        bool ok;
    } rows[] = {
        {"\"mac_only_encrypted\": \"F\"", true},
        {"\"mac_only_encrypted\": \"no\"", false},
        {"\"mac_only_encrypted\": 0.0", true},
        {"\"mac_only_encrypted\": []", false},
        {"\"mac_only_encrypted\": null", true},
        {"\"shamir_threshold\": \"0x1_0\"", true},
        {"\"shamir_threshold\": \"1.0\"", false},
        {"\"shamir_threshold\": 1.9", true},
        {"\"shamir_threshold\": \"\"", true},
        {"\"shamir_threshold\": 1e300", true},
        {"\"shamir_threshold\": {}", false},
        {"\"unencrypted_suffix\": 5", true},
        {"\"unencrypted_suffix\": [\"x\"]", false},
        {"\"pgp\": {}", true},
        {"\"pgp\": \"\"", false},
        {"\"pgp\": 0", false},
        {"\"pgp\": null", true},
        {"\"pgp\": [5]", false},
        {"\"pgp\": [[]]", false},
        {"\"pgp\": [{}]", false},
        {"\"pgp\": [null]", false},
        {"\"key_groups\": \"x\"", false},
        {"\"key_groups\": [{\"pgp\": \"x\"}]", false},
        {"\"key_groups\": [{\"pgp\": [{}]}]", true},
        {"\"mac\": {}", false},
        {"\"unknown\": {\"x\": [1]}", true},
        {"\"\": 1", true},
        {"\"AGE\": 5", true},
        {"\"pgp\": [{\"created_at\": \"2020-01-01T00:00:00Z\", \"fp\": 5}]", true},
        {"\"pgp\": {\"created_at\": \"2020-01-01T00:00:00Z\"}", true},
        {"\"pgp\": [{\"created_at\": \"nonsense\"}]", false},
        {"\"kms\": [{\"created_at\": \"2020-01-01T00:00:00Z\", \"context\": []}]", true},
        {"\"kms\": [{\"created_at\": \"2020-01-01T00:00:00Z\", \"context\": {\"a\": {}}}]", false},
        {"\"hckms\": [{\"created_at\": \"2020-01-01T00:00:00Z\", \"key_id\": \"none\"}]", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_meta m = {0};
        char text[512];
        (void)snprintf(text, sizeof text, AGE ", " DATE ", %s", rows[i].field);
        if (detach(&m, text, &e) != rows[i].ok || (e.code == SOPS_E_GENERIC) == rows[i].ok) {
            print_error("%s: %s\n", rows[i].field, e.msg);
            fail();
        }
        sops_err_clear(&e);
        sops_meta_free(&m);
    }
}

static void values(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_meta m = {0};
    assert_ok(
        detach(&m,
               "\"Mac\": 5, \"\xC5\xBFHAMIR_THRE\xC5\xBFHOLD\": true, \"version\": 3.5, \"mac_only_encrypted\": 1, "
               "\"lastmodified\": \"2026-04-01T9:00:00.5+00:00\", \"encrypted_regex\": \"^x\", "
               "\"kms\": [{\"CREATED_AT\": \"x\", \"arn\": true, \"enc\": \"K\", "
               "\"context\": {\"b\": 1, \"a\": \"x\", \"b\": 2}, "
               "\"created_at\": \"2020-01-01T00:00:00,25+01:00\"}], " AGE,
               &e),
        &e);
    assert_slice(m.mac, "5");
    assert_slice(m.version, "3.5");
    assert_int_equal(m.threshold, 1);
    assert_true(m.rules.mac_only_encrypted);
    assert_int_equal(sops_rules_which(&m.rules), SOPS_ENCRYPTED_REGEX);
    assert_slice(m.last_modified, "2026-04-01T09:00:00Z");
    assert_null(m.groups->next);
    const struct sops_key *k = m.groups->keys;
    assert_string_equal(k->source->id, "kms"); /* held order, whatever the file's */
    assert_slice(k->field[0], "1");
    assert_slice(k->enc, "K");
    assert_slice(k->created_at, "2020-01-01T00:00:00+01:00");
    assert_slice(k->map->key, "a");
    assert_slice(k->map->next->value, "2");
    assert_null(k->map->next->next);
    assert_string_equal(k->next->source->id, "age");
    assert_slice(k->next->field[0], "age1x");
    sops_meta_free(&m);
}

static void groups_and_rules(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_meta m = {0};
    assert_ok(detach(&m, DATE ", \"key_groups\": [{" AGE "}, {}, null]", &e), &e);
    assert_non_null(m.groups->next->next);
    assert_null(m.groups->next->keys);
    assert_slice(m.rules.text[SOPS_UNENCRYPTED_SUFFIX], "_unencrypted");
    sops_meta_free(&m);
    assert_ok(detach(&m, DATE ", " AGE ", \"key_groups\": [{}, {}]", &e), &e);
    assert_null(m.groups->next);
    sops_meta_free(&m);
    assert_fails(detach(&m, DATE, &e), &e, SOPS_E_GENERIC);
    sops_meta_free(&m);
    assert_fails(detach(&m, AGE, &e), &e, SOPS_E_GENERIC);
    sops_meta_free(&m);
    assert_fails(detach(&m, DATE ", " AGE ", \"encrypted_suffix\": \"a\", \"encrypted_regex\": \"b\"", &e), &e,
                 SOPS_E_GENERIC);
    sops_meta_free(&m);
}

static void where_it_stands(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}",
                                      "{\"SOPS\": {}}",
                                      "{\"sops\": null}",
                                      "{\"sops\": []}",
                                      "{\"sops\": \"x\"}",
                                      "{\"sops\": {" AGE ", " DATE "}, \"sops\": {}}"};
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sops_doc d = {0};
        struct sops_meta m = {0};
        parse(&d, bad[i]);
        assert_fails(sops_meta_detach(&d, SOPS_META_NESTED, &m, &e), &e, SOPS_E_GENERIC);
        sops_meta_free(&m);
        sops_doc_free(&d);
    }
    struct sops_doc d = {0};
    struct sops_meta m = {0};
    parse(&d, bad[4]);
    assert_false(sops_meta_detach(&d, SOPS_META_NESTED, &m, &e));
    assert_non_null(strstr(e.msg, "not a mapping")); /* and not that something is missing in it */
    sops_err_clear(&e);
    sops_meta_free(&m);
    sops_doc_free(&d);
    parse(&d, "{\"sops\": {" AGE ", " DATE "}, \"a\": 1}");
    struct sops_node *other = sops_node_add(&d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e); /* another document */
    assert_non_null(sops_node_add(&d, other, SOPS_NULL, SOPS_LIT("sops"), SOPS_LIT(""), &e));
    assert_non_null(sops_node_add(&d, other, SOPS_STR, SOPS_LIT("sops"), SOPS_LIT(""), &e));
    assert_true(sops_meta_present(&d, SOPS_META_NESTED));
    assert_false(sops_meta_present(&d, SOPS_META_PREFIX));
    assert_ok(sops_meta_detach(&d, SOPS_META_NESTED, &m, &e), &e);
    assert_null(sops_node_find(d.parts, SOPS_LIT("sops")));
    assert_null(other->child);
    sops_meta_free(&m);
    sops_doc_free(&d);
}

/* Everything that can be written, in order; reading it again gives the same. */
static void written_sorted(void **state)
{
    (void)state;
    const char *want =
        "{\n\"a\": 1,\n\"sops\": {\n\"encrypted_suffix\": \"_x\",\n\"key_groups\": [\n{\n\"age\": [\n{\n\"enc\": "
        "\"E\",\n"
        "\"recipient\": \"age1x\"\n}\n],\n\"hc_vault\": [],\n\"kms\": [\n{\n\"arn\": \"A\",\n\"aws_profile\": \"\",\n"
        "\"context\": {\n\"a\": \"1\",\n\"b\": \"2\"\n},\n\"created_at\": \"2020-01-01T00:00:00Z\",\n\"enc\": "
        "\"K\"\n}\n]\n},\n{\n"
        "\"age\": [],\n\"hc_vault\": []\n}\n],\n\"lastmodified\": \"2026-04-01T10:00:00Z\",\n\"mac\": \"M\",\n"
        "\"mac_only_encrypted\": true,\n\"shamir_threshold\": -2,\n\"version\": \"3.13.2\"\n}\n}\n";
    struct sops_err e = {0};
    struct sops_meta m = {0};
    struct sops_style style = {.indent = 0, .indent_set = true};
    assert_ok(
        detach(&m,
               "\"version\": \"3.13.2\", \"mac\": \"M\", " DATE
               ", \"shamir_threshold\": -2, \"mac_only_encrypted\": true, \"encrypted_suffix\": \"_x\", "
               "\"key_groups\": [{\"kms\": [{\"created_at\": \"2020-01-01T00:00:00Z\", \"enc\": \"K\", \"arn\": \"A\", "
               "\"context\": {\"b\": \"2\", \"a\": \"1\"}}], " AGE "}, {}]",
               &e),
        &e);
    for (int twice = 0; twice < 2; twice++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        parse(&d, "{\"a\": 1}");
        assert_ok(sops_meta_attach(&d, SOPS_META_NESTED, &m, &e), &e);
        assert_ok(sops_doc_emit(&d, &sops_format_json, &style, &out, &e), &e);
        assert_slice(sops_buf_view(&out), want);
        sops_buf_free(&out);
        sops_meta_free(&m);
        assert_ok(sops_meta_detach(&d, SOPS_META_NESTED, &m, &e), &e);
        sops_doc_free(&d);
    }
    sops_meta_free(&m);
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool ok;
    } rows[] = {
        {"3.13.2", true},
        {"v3.13.2", true},
        {"1.x", true},
        {"99.0.0", true},
        {"3.9.0-rc.1+b.01", true},
        {"99.0", false},
        {"3", false},
        {"03.9.0", false},
        {"3.9.0 ", false},
        {"", false},
        {"text", false},
        {"vv3.9.0", false},
        {"3.9.0-", false},
        {"3.9.0-01", false},
        {"3.9.0+", false},
        {"3.9.0.1", false},
        {"3.9.0.", false},
        {"3.9.0.-rc.1", false},
        {".3.9.0", false},
        {"3..0", false},
        {"3.9.0-a_b", false},
        {"18446744073709551616.0.0", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_meta m = {.version = sops_str(rows[i].version)};
        if (sops_meta_check_version(&m, &e) != rows[i].ok) {
            print_error("%s\n", rows[i].version);
            fail();
        }
    }
    /* Each is older than the next. */
    static const char *const ordered[] = {"1.0.0-1",       "1.0.0-2",      "1.0.0-alpha",   "1.0.0-alpha.1",
                                          "1.0.0-alpha.b", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0",
                                          "1.9.0",         "1.10.0"};
    for (size_t i = 0; i + 1 < sizeof ordered / sizeof *ordered; i++) {
        int order = 0;
        assert_true(sops_version_compare(sops_str(ordered[i]), sops_str(ordered[i + 1]), &order));
        assert_true(order < 0);
        assert_true(sops_version_compare(sops_str(ordered[i + 1]), sops_str(ordered[i]), &order));
        assert_true(order > 0);
    }
    int order = 1;
    assert_true(sops_version_compare(SOPS_LIT("3.1.0+a"), SOPS_LIT("3.1.0+b"), &order));
    assert_int_equal(order, 0);
    assert_false(sops_version_compare(SOPS_LIT("v3.1.0"), SOPS_LIT("3.1.0"), &order));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_lenient), cmocka_unit_test(values),         cmocka_unit_test(groups_and_rules),
        cmocka_unit_test(where_it_stands),   cmocka_unit_test(written_sorted), cmocka_unit_test(versions),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
