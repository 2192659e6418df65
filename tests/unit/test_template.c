/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what is an expression and what is text, where mistakes are, which value a path leads to, what filters
 * make. */
#include "core/template.h"

#include "testing.h"

/* Fills in `text` from a YAML document; passes over it as often as render does. */
static bool fill_in(const char *text, const char *yaml, struct sops_buf *out, struct sops_err *e)
{
    static const struct sops_style style = {.indent = 4, .indent_set = true};
    struct sops_template_places places = {0};
    struct sops_doc d = {0};
    bool ok = sops_doc_parse(&d, sops_format_named(SOPS_LIT("yaml")), sops_str(yaml), e);
    for (int pass = 0; ok && pass < 3; pass++) {
        struct sops_template t = {.places = &places, .name = "t", .text = sops_str(text)};
        while (ok && sops_template_next(&t, e)) {
            const struct sops_node *n = NULL;
            ok = pass == 0 || t.bare || sops_template_find(&t, d.parts, &n, e);
            ok = ok && (pass != 2 ||
                        (sops_buf_add(out, t.literal, e) && (t.bare || sops_template_value(&t, n, &style, out, e))));
        }
        ok = ok && e->code == SOPS_OK;
        sops_template_free(&t);
    }
    sops_doc_free(&d);
    sops_buf_free(&places.at);
    return ok;
}

#define YAML                                                                                                           \
    "a: text\n\"b c\": q'\"\nn: 5\nf: 2.5\nt: true\nz: null\nl: [one, {k: v}]\nm: {x: {w: 1}}\n\"7\": seven\nlines: "  \
    "\"a\\n\\nb\\n\"\n"                                                                                                \
    "e: {}\nd: 2024-01-02\n"

static void check_filled(const char *text, const char *want)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(fill_in(text, YAML, &out, &e), &e);
    assert_slice(sops_buf_view(&out), want);
    sops_buf_free(&out);
}

static void expressions_and_text(void **state)
{
    (void)state;
    check_filled("", "");
    check_filled("no braces { } }} {", "no braces { } }} {");
    check_filled("{{a}}", "text");
    check_filled("<{{ a\t}}{{a}}>{", "<texttext>{");
    check_filled("{{{{ a }} {{{{{{a}} {{{{", "{{ a }} {{text {{");
    check_filled("{{ [\"b c\"] }}{{ l . 1 . k }}{{ l[1].k }}{{ ['m'].x[\"w\"] }}{{ 7 }}", "q'\"vv1seven");
    check_filled("{{ n }} {{ f }} {{ t }} {{ z }} {{ d }}", "5 2.5 true null 2024-01-02T00:00:00Z");
}

static void braces_far_apart(void **state)
{
    (void)state;
    char text[300], want[300];
    for (size_t before = 0; before < 200; before++) {
        memset(text, '{', before);
        for (size_t i = 1; i < before; i += 2) {
            text[i] = '.';
        }
        if (before != 0) {
            text[before - 1] = '.';
        }
        memcpy(want, text, before);
        memcpy(text + before, "{{a}}{", 7);
        memcpy(want + before, "text{", 6);
        check_filled(text, want);
    }
}

static void filters(void **state)
{
    (void)state;
    check_filled("{{ [\"b c\"] | shell }} {{ [\"b c\"] | json }} {{ [\"b c\"] | url }} {{ a | base64 }}",
                 "'q'\\''\"' \"q'\\\"\" q%27%22 dGV4dA==");
    check_filled("{{ l | json }} {{ e | yaml }} {{ z | json }} {{ d | json }} {{ f | yaml }}",
                 "[\"one\",{\"k\":\"v\"}] {} null \"2024-01-02T00:00:00Z\" 2.5");
    check_filled("{{ m | yaml }}|{{ l | yaml | indent 2 }}", "x:\n    w: 1|- one\n  - k: v");
    check_filled("{{ lines | indent 1 }}.", "a\n\n b\n.");
    check_filled("{{ a | json | shell | base64 }}", "JyJ0ZXh0Iic=");
}

static void check_refused(const char *text, int code, const char *begin)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_false(fill_in(text, YAML, &out, &e));
    assert_int_equal(e.code, code);
    assert_int_equal(strncmp(e.msg, begin, strlen(begin)), 0);
    sops_err_clear(&e);
    sops_buf_free(&out);
}

static void mistakes_have_their_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"{{",
                                      "{{ }}",
                                      "{{ a",
                                      "{{ a }",
                                      "{{ a | }}",
                                      "{{ a | up }}",
                                      "{{ a a }}",
                                      "{{ .a }}",
                                      "{{ a. }}",
                                      "{{ a..b }}",
                                      "{{ [\"x }}",
                                      "{{ [x] }}",
                                      "{{ [-1] }}",
                                      "{{ [\"x\"\n] }}",
                                      "{{ a\n}}",
                                      "{{ a:b:c }}",
                                      "{{ :a }}",
                                      "{{ $x }}",
                                      "{{- a }}",
                                      "{{ a | json yaml }}",
                                      "{{ a | indent }}",
                                      "{{{ a }}}",
                                      "{{ 1a:b }}",
                                      "{{ [\"a\"]b }}",
                                      "{{ a | indent 0 }}",
                                      "{{ a | indent 65 }}",
                                      "{{ a | indent 065 }}",
                                      "{{ a | indent 2 3 }}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100] = "x\nab";
        memcpy(text + 4, bad[i], strlen(bad[i]) + 1);
        check_refused(text, SOPS_E_READ, "t:2:3: ");
    }
}

static void what_a_value_cannot_be(void **state)
{
    (void)state;
    check_refused("\n{{ nope }}", SOPS_E_GENERIC, "t:2:1: ");
    check_refused("{{ a.b }}", SOPS_E_GENERIC, "t:1:1: ");
    check_refused("{{ l.9 }}", SOPS_E_GENERIC, "t:1:1: ");
    check_refused("{{ l[99999999999999999999] }}", SOPS_E_GENERIC, "t:1:1: ");
    check_refused("{{ l['0'] }}", SOPS_E_GENERIC, "t:1:1: ");
    check_refused("{{ [7] }}", SOPS_E_GENERIC, "t:1:1: ");
    check_refused("{{ m }}", SOPS_E_DUMP, "t:1:1: ");
    check_refused("{{ l | shell }}", SOPS_E_DUMP, "t:1:1: ");
}

/* Filters can multiply a text; a number of them cannot be asked for that would not fit. */
static void growth_has_an_end(void **state)
{
    (void)state;
    char text[2000] = "{{ [\"b c\"]";
    for (int i = 0; i < 40; i++) {
        (void)strcat(text, " | shell");
    }
    (void)strcat(text, " }}");
    check_refused(text, SOPS_E_DUMP, "t:1:1: ");
}

static void no_memory(void **state)
{
    (void)state;
    for (uint64_t k = 1;; k++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        uint64_t before = sops_mem_count();
        sops_mem_fail_at(k);
        bool ok =
            fill_in("{{ a | json }} {{ m | yaml | indent 2 }} {{ l | json | shell | base64 }}{{{{", YAML, &out, &e);
        bool done = sops_mem_count() - before < k;
        sops_mem_fail_at(0);
        sops_buf_free(&out);
        assert_true(ok == (e.code == SOPS_OK));
        sops_err_clear(&e);
        if (done) {
            assert_true(ok);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_and_text),
        cmocka_unit_test(braces_far_apart),
        cmocka_unit_test(filters),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(what_a_value_cannot_be),
        cmocka_unit_test(growth_has_an_end),
        cmocka_unit_test(no_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
