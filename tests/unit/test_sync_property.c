/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of remoteRefs, what an extract gives, and decoding. (What the operator makes of hundreds of them is
 * recorded in tests/acceptance/stores/operator.json.) */
#include "testing.h"

#include "sync/property.h"

#define VALUE                                                                                                          \
    "{\"a\":{\"b\":1,\"c\":\"x\"},\"a.b\":\"dot\",\"n\":1.50,\"e\":1e3,\"z\":null,\"t\":true,"                         \
    "\"l\":[{\"n\":\"p\",\"v\":1},{\"n\":\"q\",\"v\":2.0},{\"v\":3}],\"we*rd\":\"star\",\"dup\":1,\"dup\":2,"          \
    "\"big\":12345678901234567890,\"o\":{ \"x\" : 1 },\".lead\":\"lead\",\"p|q\":\"pipe\",\"\xc3\xa9\":\"acc\","       \
    "\"ll\":[[1,2],[3]]}"

static void paths(void **state)
{
    static const struct {
        const char *property;
        enum sops_store_property order;
        const char *want; /* NULL: not there; "!": refused */
    } rows[] = {
        {"a", SOPS_PROPERTY_PATH, "{\"b\":1,\"c\":\"x\"}"},
        {"a.b", SOPS_PROPERTY_PATH, "1"},
        {"a.b", SOPS_PROPERTY_DOTTED_FIRST, "dot"},
        {"a.b", SOPS_PROPERTY_PATH_FIRST, "1"},
        {"a.b", SOPS_PROPERTY_KEY_FIRST, "dot"},
        {".lead", SOPS_PROPERTY_DOTTED_FIRST, "lead"},
        {".lead", SOPS_PROPERTY_DOT_LATER_FIRST, NULL},
        {"a\\.b", SOPS_PROPERTY_PATH, "dot"},
        {"n", SOPS_PROPERTY_PATH, "1.5"},
        {"n", SOPS_PROPERTY_KEY_FIRST, "1.50"},
        {"e", SOPS_PROPERTY_PATH, "1000"},
        {"z", SOPS_PROPERTY_PATH, ""},
        {"t", SOPS_PROPERTY_PATH, "true"},
        {"big", SOPS_PROPERTY_PATH, "12345678901234567890"},
        {"o", SOPS_PROPERTY_PATH, "{ \"x\" : 1 }"},
        {"dup", SOPS_PROPERTY_PATH, "1"},
        {"dup", SOPS_PROPERTY_KEY_FIRST, "2"},
        {"l.#", SOPS_PROPERTY_PATH, "3"},
        {"l.#.n", SOPS_PROPERTY_PATH, "[\"p\",\"q\"]"},
        {"l.#.v", SOPS_PROPERTY_PATH, "[1,2.0,3]"},
        {"l.#.nope", SOPS_PROPERTY_PATH, "[]"},
        {"ll.#.#", SOPS_PROPERTY_PATH, "[2,1]"},
        {"ll.#.0", SOPS_PROPERTY_PATH, "[1,3]"},
        {"l.1.v", SOPS_PROPERTY_PATH, "2"},
        {"l.9", SOPS_PROPERTY_PATH, NULL},
        {"l.n", SOPS_PROPERTY_PATH, NULL},
        {"l.01.v", SOPS_PROPERTY_PATH, "2"},
        {"we\\*rd", SOPS_PROPERTY_PATH, "star"},
        {"we*", SOPS_PROPERTY_PATH, "star"},
        {"w?*d", SOPS_PROPERTY_PATH, "star"},
        {"?", SOPS_PROPERTY_PATH, "{\"b\":1,\"c\":\"x\"}"},
        {"\xc3\xa9", SOPS_PROPERTY_PATH, "acc"},
        {"p\\|q", SOPS_PROPERTY_PATH, "pipe"},
        {"p|q", SOPS_PROPERTY_PATH, "!"},
        {"p|q", SOPS_PROPERTY_KEY_FIRST, "pipe"},
        {"a.@this", SOPS_PROPERTY_PATH, "!"},
        {"{a,b}", SOPS_PROPERTY_PATH, "!"},
        {"[0]", SOPS_PROPERTY_PATH, "!"},
        {"!a", SOPS_PROPERTY_PATH, "!"},
        {"l.#(v==1)", SOPS_PROPERTY_PATH, "!"},
        {"#.#.#.#.#.#.#.#.#", SOPS_PROPERTY_PATH, "!"},
        {"a.b.c", SOPS_PROPERTY_PATH, NULL},
        {"nope", SOPS_PROPERTY_KEY_FIRST, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_slice out = {0};
        bool found = false;
        bool ok = sops_property_find(&a, SOPS_LIT(VALUE), rows[i].order, sops_str(rows[i].property), &out, &found, &e);
        bool refused = rows[i].want != NULL && strcmp(rows[i].want, "!") == 0;
        if (ok == refused || (ok && found != (rows[i].want != NULL))) {
            fail_msg("%s: %s", rows[i].property, e.msg);
        }
        if (ok && found) {
            assert_slice(out, rows[i].want);
        }
        sops_err_clear(&e);
        sops_arena_free(&a);
    }
}

static void many_stars(void **state)
{
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_slice out;
    struct sops_buf value = {0};
    bool found;
    (void)state;
    assert_ok(sops_buf_adds(&value, "{\"", &e) && sops_buf_addn(&value, 'a', 20000, &e) &&
                  sops_buf_adds(&value, "\":1}", &e),
              &e);
    assert_ok(sops_property_find(&a, sops_buf_view(&value), SOPS_PROPERTY_PATH, SOPS_LIT("*a*a*a*a*a*a*a*a*b"), &out,
                                 &found, &e),
              &e);
    assert_false(found);
    sops_buf_free(&value);
    sops_arena_free(&a);
}

static void no_json(void **state)
{
    static const char *const values[] = {"", "text", "{\"a\":", "CANARY{"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_slice out;
        struct sops_keys keys = {0};
        bool found;
        assert_false(sops_property_find(&a, sops_str(values[i]), SOPS_PROPERTY_PATH, SOPS_LIT("a"), &out, &found, &e));
        assert_non_null(strstr(e.msg, "not JSON"));
        assert_null(strstr(e.msg, "CANARY"));
        sops_err_clear(&e);
        assert_fails(sops_property_extract(sops_str(values[i]), SOPS_PROPERTY_PATH, &keys, &e), &e, SOPS_E_READ);
        sops_keys_free(&keys);
        sops_arena_free(&a);
    }
}

static void extracts(void **state)
{
    static const struct {
        const char *value, *key, *want;
        enum sops_store_property order;
    } rows[] = {
        {"{\"a\":\"x\\n\",\"b\":null}", "a", "x\n", SOPS_PROPERTY_PATH},
        {"{\"a\":\"x\",\"b\":null}", "b", "", SOPS_PROPERTY_PATH},
        {"{\"n\":1.50}", "n", "1.50", SOPS_PROPERTY_PATH},
        {"{\"n\":1.50}", "n", "1.5", SOPS_PROPERTY_KEY_FIRST},
        {"{\"o\":{ \"x\": 1}}", "o", "{ \"x\": 1}", SOPS_PROPERTY_PATH},
        {"{\"d\":1,\"d\":2}", "d", "2", SOPS_PROPERTY_PATH},
    };
    struct sops_err e = {0};
    struct sops_keys keys = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_slice value = {0};
        assert_ok(sops_property_extract(sops_str(rows[i].value), rows[i].order, &keys, &e), &e);
        assert_true(sops_keys_get(&keys, sops_str(rows[i].key), &value));
        assert_slice(value, rows[i].want);
        sops_keys_free(&keys);
    }
    assert_fails(sops_property_extract(SOPS_LIT("[1]"), SOPS_PROPERTY_PATH, &keys, &e), &e, SOPS_E_READ);
    assert_fails(sops_property_extract(SOPS_LIT("null"), SOPS_PROPERTY_PATH, &keys, &e), &e, SOPS_E_READ);
    sops_keys_free(&keys);
}

static void decoding(void **state)
{
    static const char *const rows[][3] = {
        {"None", "aGk=", "aGk="},          {"Base64", "aG\nk=\r\n", "hi"},
        {"Base64", "aGk", NULL},           {"Base64", "-_8=", NULL},
        {"Base64URL", "-_8=", "\xfb\xff"}, {"Base64URL", "+/8=", NULL},
        {"Base64URL", "aGk", NULL},        {"Auto", "aGk=", "hi"},
        {"Auto", "-_8=", "\xfb\xff"},      {"Auto", "no base64", "no base64"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_slice out;
        bool ok = sops_decode_value(&a, sops_str(rows[i][0]), sops_str(rows[i][1]), &out, &e);
        assert_true(ok == (rows[i][2] != NULL));
        if (ok) {
            assert_slice(out, rows[i][2]);
        }
        sops_err_clear(&e);
        sops_arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),    cmocka_unit_test(many_stars), cmocka_unit_test(no_json),
        cmocka_unit_test(extracts), cmocka_unit_test(decoding),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
