/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of configurations: merging, aliases, texts as written, what each type takes (docs/spec/40-config.md#form).
 */
#include "testing.h"

#include "core/conf.h"

static bool parse(struct sops_doc *d, const char *text, struct sops_err *e)
{
    return sops_conf_parse(d, sops_str(text), e);
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"2", true, 2},
        {"0x10", true, 16},
        {"010", true, 8},
        {"08", true, 8},
        {"0o17", true, 15},
        {"-0b11", true, -3},
        {"1__0_", true, 10},
        {"2.9", true, 2},
        {"-2.9", true, -2},
        {"1e1", true, 10},
        {".5", true, 0},
        {"5.", true, 5},
        {"+7", true, 7},
        {"~", true, -99},
        {"", true, -99},
        {"!!int '2'", true, 2},
        {"1e400", false, 0},
        {"1e19", false, 0},
        {".inf", false, 0},
        {".nan", false, 0},
        {"'2'", false, 0},
        {"!!str 2", false, 0},
        {"true", false, 0},
        {"1:30", false, 0},
        {"2001-01-01", false, 0},
        {"[]", false, 0},
        {"x", false, 0},
        {"0x", false, 0},
        {"9223372036854775808", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"1e18", true, 1000000000000000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_buf text = {0};
        int64_t v = -99;
        bool given;
        assert_true(sops_buf_addf(&text, &e, "k: %s\n", rows[i].text));
        assert_ok(sops_conf_parse(&d, sops_buf_view(&text), &e), &e);
        if (sops_conf_int(d.parts, "k", &v, &given, &e) != rows[i].ok || (rows[i].ok && v != rows[i].value)) {
            print_error("%s: %lld\n", rows[i].text, (long long)v);
            fail();
        }
        sops_err_clear(&e);
        sops_buf_free(&text);
        sops_doc_free(&d);
    }
}

static void texts_and_booleans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int boolean; /* 1, 0; -1: none */
        bool is_text;
    } rows[] = {
        {"true", 1, false},
        {"TRUE", 1, false},
        {"False", 0, false},
        {"yes", 1, true},
        {"'Yes'", 1, true},
        {"ON", 1, true},
        {"y", 1, true},
        {"n", 0, true},
        {"off", 0, true},
        {"'true'", -1, true},
        {"tRue", -1, true},
        {"1", -1, false},
        {"''", -1, true},
        {"1.0", -1, false},
        {"!!bool 'true'", 1, false},
        {"!!str true", -1, true},
        {"2001-1-2", -1, false},
        {"2001-01-02T10:00:00Z", -1, false},
        {"2001-01-02x", -1, true},
        {"0x10", -1, false},
        {"1e400", -1, true},
        {".inf", -1, false},
        {"'1'", -1, true},
        {"|\n  12", -1, true},
        {"0xB59DAF469E8C948138901A649732075EA221A7EA", -1, true},
        {"18446744073709551615", -1, false},
        {"!foo 1", -1, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_buf text = {0};
        bool v = false;
        assert_true(sops_buf_addf(&text, &e, "k: %s\n", rows[i].text));
        assert_ok(sops_conf_parse(&d, sops_buf_view(&text), &e), &e);
        bool ok = sops_conf_bool(d.parts, "k", &v, &e);
        if (ok != (rows[i].boolean >= 0) || (ok && v != (rows[i].boolean == 1)) ||
            sops_conf_is_text(d.parts->child) != rows[i].is_text) {
            print_error("%s: %d %d\n", rows[i].text, ok, v);
            fail();
        }
        sops_err_clear(&e);
        sops_buf_free(&text);
        sops_doc_free(&d);
    }
}

static void merging(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_slice text = {0};
    const struct sops_node *map;
    assert_ok(parse(&d,
                    "\xEF\xBB\xBF"
                    "a: &a {x: 1, y: 2, ~: t}\r\n"
                    "b: &b {<<: *a, x: 3, z: &name key}\r\n"
                    "c: {y: ~, <<: [*b, {x: 9, w: 0x1}], *name : v}\r\n"
                    "d: {\"<<\": 5}\r\n"
                    "e: {!!binary Xg==: !!binary Xg==}\r\n"
                    "---\r\n]",
                    &e),
              &e);
    assert_ok(sops_conf_map(d.parts, "c", &map, &e), &e);
    assert_ok(sops_conf_text(map, "x", &text, &e), &e);
    assert_slice(text, "3");
    assert_ok(sops_conf_text(map, "w", &text, &e), &e);
    assert_slice(text, "0x1");
    assert_ok(sops_conf_text(map, "key", &text, &e), &e);
    assert_slice(text, "v");
    assert_ok(sops_conf_text(map, "y", &text, &e), &e); /* null here: as if absent, but not merged over */
    assert_slice(text, "v");
    assert_ok(sops_conf_map(d.parts, "d", &map, &e), &e);
    assert_ok(sops_conf_text(map, "<<", &text, &e), &e);
    assert_ok(sops_conf_map(d.parts, "e", &map, &e), &e);
    assert_ok(sops_conf_text(map, "^", &text, &e), &e);
    assert_slice(text, "^");
    assert_ok(sops_conf_map(d.parts, "nothing", &map, &e), &e);
    assert_null(map);
    assert_fails(sops_conf_list(d.parts, "c", &map, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_conf_text(d.parts, "c", &text, &e), &e, SOPS_E_GENERIC);
    sops_doc_free(&d);
}

static void empty_documents(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# only\n", "---\n", "~", "null\n", "--- \n...\n", "%YAML 1.1\n---\n{}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        assert_ok(parse(&d, texts[i], &e), &e);
        assert_non_null(d.parts);
        assert_null(d.parts->child);
        sops_doc_free(&d);
    }
}

static void malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
    } rows[] = {
        {"a: 1\n\tb: 2\n", 2},
        {"a: 'x\n", 2},
        {"text", 1},
        {"\n- a\n", 2},
        {"a: *no\n", 1},
        {"a:\n  [x]: 1\n", 2},
        {"%YAML 1.2\n---\n{}\n", 1},
        {"a: &x [1]\n*x : 2\n", 2},
        {"a: \x01", 1},
        {"a: !!binary x", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        assert_false(parse(&d, rows[i].text, &e));
        if (e.line != rows[i].line && rows[i].line != 0) {
            print_error("%s: line %u, %s\n", rows[i].text, e.line, e.msg);
            fail();
        }
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
}

/* Faults below keys that nobody looks at do no harm; those in a map that is used do. */
static void faulty_maps(void **state)
{
    (void)state;
    static const char *const texts[] = {"m: {a: 1, a: 2}",    "m: {a: 1, 'a': 2}", "m: {<<: 1}",
                                        "m: {<<: [1]}",       "m: {<<: ~}",        "x: &x {b: 1, b: 2}\nm: {<<: *x}",
                                        "m: {<<: {}, <<: {}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_slice text = {0};
        const struct sops_node *map;
        assert_ok(parse(&d, texts[i], &e), &e);
        assert_ok(sops_conf_map(d.parts, "m", &map, &e), &e);
        assert_fails(sops_conf_text(map, "z", &text, &e), &e, SOPS_E_GENERIC);
        sops_doc_free(&d);
    }
    struct sops_err e = {0};
    struct sops_doc d = {0};
    const struct sops_node *list;
    assert_ok(parse(&d, "a: &a [*a]\nb: 1\n", &e), &e);
    assert_ok(sops_conf_list(d.parts, "a", &list, &e), &e);
    assert_int_equal(list->child->kind, SOPS_ODD);
    sops_doc_free(&d);
}

static void bomb(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_buf text = {0};
    assert_true(sops_buf_adds(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n", &e));
    for (int i = 1; i < 12; i++) {
        assert_true(sops_buf_addf(&text, &e, "a%d: &a%d [", i, i));
        for (int k = 0; k < 10; k++) {
            assert_true(sops_buf_addf(&text, &e, "*a%d,", i - 1));
        }
        assert_true(sops_buf_adds(&text, "]\n", &e));
    }
    assert_fails(sops_conf_parse(&d, sops_buf_view(&text), &e), &e, SOPS_E_GENERIC);
    sops_buf_free(&text);
    sops_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers), cmocka_unit_test(texts_and_booleans),
        cmocka_unit_test(merging),       cmocka_unit_test(empty_documents),
        cmocka_unit_test(malformed),     cmocka_unit_test(faulty_maps),
        cmocka_unit_test(bomb),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
