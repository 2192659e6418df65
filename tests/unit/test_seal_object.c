/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets read and SealedSecrets laid out (docs/spec/72-sealed-secrets.md#input, #cipher-and-object). */
#include "seal/object.h"

#include "testing.h"

extern const struct sops_format sops_format_yaml, sops_format_json;

/* The value of the one item `a` that stands in stringData, as it would be sealed; or the code of the refusal. */
static int value_of(const struct sops_format *f, const char *written, struct sops_buf *value)
{
    char text[400];
    struct sops_doc d = {0};
    struct sops_arena arena = {0};
    struct sops_secret_list list = {.arena = &arena};
    struct sops_err e = {0};
    (void)snprintf(text, sizeof text,
                   "{\"kind\": \"Secret\", \"metadata\": {\"name\": \"n\"}, \"stringData\": {\"a\": %s}}\n", written);
    assert_ok(sops_doc_parse(&d, f, sops_str(text), &e), &e);
    struct sops_secret_how how = {.source = sops_str(text)};
    sops_buf_cut(value, 0);
    if (sops_secrets_read(&d, &how, &list, &e)) {
        assert_int_equal(list.count, 1);
        assert_int_equal(list.secret[0].items, 1);
        assert_ok(sops_buf_add(value, list.secret[0].item[0].value, &e), &e);
    }
    int code = e.code;
    sops_err_clear(&e);
    sops_doc_free(&d);
    sops_arena_free(&arena);
    return code;
}

/* As kubectl reads them; what it would change is refused. */
static void numbers_are_their_digits(void **state)
{
    (void)state;
    static const struct {
        const char *written, *value;
    } rows[] = {
        {"0", "0"},
        {"-12", "-12"},
        {"9223372036854775807", "9223372036854775807"},
        {"9223372036854775808", "9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", NULL},
        {"123456789012345678901234567890", NULL},
        {"-9223372036854775809", NULL},
        {"1.50", NULL},
        {"true", "true"},
        {"null", ""},
        {"[]", NULL},
        {"{}", NULL},
    };
    struct sops_buf value = {0};
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
        const char *want = rows[i / 2].value;
        int code = value_of(i % 2 == 0 ? &sops_format_yaml : &sops_format_json, rows[i / 2].written, &value);
        assert_int_equal(code, want != NULL ? SOPS_OK : SOPS_E_ENCRYPT);
        assert_slice(sops_buf_view(&value), want != NULL ? want : "");
    }
    sops_buf_free(&value);
}

static void emits(const struct sops_format *f, const char *in, const char *want)
{
    struct sops_doc d = {0}, out = {0};
    struct sops_buf text = {0};
    struct sops_node *part;
    struct sops_err e = {0};
    assert_ok(sops_doc_parse(&d, &sops_format_yaml, sops_str(in), &e), &e);
    for (const struct sops_node *n = d.parts; n != NULL; n = n->next) {
        assert_ok(sops_part_copy(&out, n, &part, &e), &e);
    }
    assert_ok(sops_objects_emit(&out, f, &text, &e), &e);
    assert_slice(sops_buf_view(&text), want);
    sops_buf_free(&text);
    sops_doc_free(&out);
    sops_doc_free(&d);
}

/* YAML: sorted at every level, two blanks, lists at the key's column. JSON: in the order that they were made in. */
static void two_layouts(void **state)
{
    (void)state;
    emits(&sops_format_yaml, "kind: K\n# c\nb: {z: 1, a: [x, {q: 1, p: 2}]}\n",
          "---\nb:\n  a:\n  - x\n  - p: 2\n    q: 1\n  z: 1\nkind: K\n");
    emits(&sops_format_yaml, "b: 1\na: 2\n---\nc: 3\n", "---\na: 2\nb: 1\n---\nc: 3\n");
    emits(&sops_format_json, "kind: K\nb: {z: 1, a: []}\n",
          "{\n  \"kind\": \"K\",\n  \"b\": {\n    \"z\": 1,\n    \"a\": []\n  }\n}\n");
    emits(&sops_format_yaml, "", "");
}

static bool are_same(const char *a, const char *b)
{
    struct sops_doc x = {0}, y = {0};
    struct sops_err e = {0};
    bool same = false;
    assert_ok(sops_doc_parse(&x, &sops_format_yaml, sops_str(a), &e), &e);
    assert_ok(sops_doc_parse(&y, &sops_format_yaml, sops_str(b), &e), &e);
    assert_ok(sops_object_same(x.parts, y.parts, &same, &e), &e);
    sops_doc_free(&x);
    sops_doc_free(&y);
    return same;
}

static void order_and_comments_do_not_count(void **state)
{
    (void)state;
    assert_true(are_same("a: {x: 1, y: [1, 2]}\nb: t\n",
                         "# c\nb: t\na:\n    y:\n        - 1\n        # c\n        - 2\n    x: 1\n"));
    assert_false(are_same("a: [1, 2]\n", "a: [2, 1]\n"));
    assert_false(are_same("a: 1\n", "a: '1'\n"));
    assert_false(are_same("a: 1\n", "a: 1\nb: 1\n"));
}

static void a_key_twice_is_refused(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    assert_ok(sops_doc_parse(&d, &sops_format_json, SOPS_LIT("{\"b\": 1, \"a\": 2, \"b\": 3}"), &e), &e);
    assert_fails(sops_map_no_twice(d.parts, "data", &e), &e, SOPS_E_ENCRYPT);
    sops_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_their_digits), cmocka_unit_test(two_layouts),
                                       cmocka_unit_test(order_and_comments_do_not_count),
                                       cmocka_unit_test(a_key_twice_is_refused)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
