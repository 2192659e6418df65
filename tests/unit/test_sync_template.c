/* SPDX-License-Identifier: Apache-2.0 */
/* The part of Go's templates that is understood, and what is refused: with the line and the word, and no more. */
#include "testing.h"

#include "sync/template.h"

static const char *const values[][2] = {
    {"user", "shop"},          {"password", "p@ss w<o>rd&"},
    {"a-b", "dash"},           {"b64", "aGVsbG8="},
    {"pad", "  x \n"},         {"empty", ""},
    {"u", "\xc3\xbc"},         {"ml", "l1\nl2"},
    {"ctl", "\x01\x7f\t\xff"},
};

static void fill(struct sops_keys *keys)
{
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_ok(sops_keys_set(keys, sops_str(values[i][0]), sops_str(values[i][1]), &e), &e);
    }
}

static void results(void **state)
{
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"a {{ .user }} b", "a shop b"},
        {"a {{- .user -}} b", "ashopb"},
        {"a \n\t{{- /* c */ -}}\n b", "ab"},
        {"{{/* c */}}x", "x"},
        {"{{\"a\\\"\\\\\\n\"}}", "a\"\\\n"},
        {"{{ `raw\\n` }}", "raw\\n"},
        {"{{ 5 }}{{ -7 }}", "5-7"},
        {"{{ .user | upper | quote }}", "\"SHOP\""},
        {"{{ (.user | upper) }}", "SHOP"},
        {"{{ printf \"%s:%v=%d%%\" .user (.b64 | b64dec) 5 }}", "shop:hello=5%"},
        {"{{ printf \"%s-%s\" .user .b64 | b64enc }}", "c2hvcC1hR1ZzYkc4PQ=="},
        {"{{ index . \"a-b\" }}{{ index . \"nope\" }}", "dash"},
        {"{{ .pad | trim }}", "x"},
        {"{{ trimPrefix \"sh\" .user }}{{ .user | trimSuffix \"op\" }}", "opsh"},
        {"{{ .user | replace \"o\" \"00\" }}", "sh00p"},
        {"{{ .ctl | quote }}", "\"\\x01\\x7f\\t\\xff\""},
        {"{{ squote .user }}", "'shop'"},
        {"{{ .ml | indent 2 }}|{{ nindent 1 .ml }}", "  l1\n  l2|\n l1\n l2"},
        {"{{ .password | toJson }}", "\"p@ss w\\u003co\\u003erd\\u0026\""},
        {"{{ .empty | default \"d\" }}{{ .user | default \"d\" }}", "dshop"},
        {"{{ sha256sum .empty }}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"{{ urlquery .password }}", "p%40ss+w%3Co%3Erd%26"},
        {"{{ .u | quote }}", "\"\xc3\xbc\""},
        {"}} { {{ .user }}", "}} { shop"},
    };
    struct sops_keys keys = {0};
    (void)state;
    fill(&keys);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        if (!sops_template_run(sops_str(rows[i][0]), &keys, &out, &e)) {
            fail_msg("%s: %s", rows[i][0], e.msg);
        }
        assert_slice(sops_buf_view(&out), rows[i][1]);
        sops_buf_free(&out);
    }
    sops_keys_free(&keys);
}

static void refusals(void **state)
{
    static const char *const rows[][2] = {
        {"a\nb\n{{ range . }}CANARY", "line 3: \"range\" is not supported"},
        {"{{ .nope }}", "\"nope\" is no key"},
        {"{{ .a.b }}", "\".a.b\" is not supported"},
        {"{{ $x }}", "\"$x\" is not supported"},
        {"{{ .user", "has no end"},
        {"{{ \"CANARY }}", "not closed"},
        {"{{ `CANARY }}", "not closed"},
        {"{{/* CANARY }}", "comment"},
        {"{{/* c */ .user }}", "comment"},
        {"{{ }}", "missing"},
        {"{{ . }}", "no function"},
        {"{{ .user .user }}", "no function"},
        {"{{ .user | .user }}", "no function"},
        {"{{ (.user }}", "not closed"},
        {"{{ .user) }}", "not opened"},
        {"{{ upper }}", "\"upper\" has other arguments"},
        {"{{ upper .user .user }}", "\"upper\" has other arguments"},
        {"{{ upper 5 }}", "\"upper\" has other arguments"},
        {"{{ indent .user .user }}", "\"indent\" has other arguments"},
        {"{{ .user | indent 1001 }}", "indentation"},
        {"{{ .u | upper }}", "ASCII"},
        {"{{ .password | b64dec }}", "base64"},
        {"{{ replace \"\" \"x\" .user }}", "empty"},
        {"{{ printf \"%s\" }}", "arguments"},
        {"{{ printf \"%x\" .user }}", "arguments"},
        {"{{ printf \"%d\" .user }}", "arguments"},
        {"{{ printf \"%s\" 5 }}", "arguments"},
        {"{{ printf \"x\" .user }}", "more arguments"},
        {"{{ \"\\q\" }}", "escape"},
        {"{{ 5x }}", "whole number"},
        {"{{ if .user }}", "\"if\" is not supported"},
        {"{{ # }}", "\"?\" is not supported"},
    };
    struct sops_keys keys = {0};
    (void)state;
    fill(&keys);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        bool ok = sops_template_run(sops_str(rows[i][0]), &keys, &out, &e);
        if (ok || e.code != SOPS_E_READ || strstr(e.msg, rows[i][1]) == NULL || strstr(e.msg, "CANARY") != NULL ||
            out.len != 0) {
            fail_msg("%s: %s", rows[i][0], e.msg);
        }
        sops_err_clear(&e);
        sops_buf_free(&out);
    }
    sops_keys_free(&keys);
}

/* Little must not become much. */
static void sizes(void **state)
{
    static const char *const texts[] = {"{{ .lines | indent 1000 }}", "{{ .big }}{{ .big }}",
                                        "{{ .lines | replace \"\\n\" .big }}", "{{ printf \"%s%s\" .big .big }}"};
    struct sops_err e = {0};
    struct sops_keys keys = {0};
    struct sops_buf lines = {0}, big = {0}, deep = {0}, out = {0};
    (void)state;
    assert_ok(sops_buf_addn(&lines, '\n', 5000, &e) && sops_buf_addn(&big, 'x', 600000, &e) &&
                  sops_keys_set(&keys, SOPS_LIT("lines"), sops_buf_view(&lines), &e) &&
                  sops_keys_set(&keys, SOPS_LIT("big"), sops_buf_view(&big), &e),
              &e);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_fails(sops_template_run(sops_str(texts[i]), &keys, &out, &e), &e, SOPS_E_READ);
    }
    assert_ok(sops_buf_adds(&deep, "{{ ", &e) && sops_buf_addn(&deep, '(', 100000, &e) &&
                  sops_buf_adds(&deep, " }}", &e),
              &e);
    assert_fails(sops_template_run(sops_buf_view(&deep), &keys, &out, &e), &e, SOPS_E_READ);
    sops_buf_free(&out);
    sops_buf_free(&deep);
    sops_buf_free(&lines);
    sops_buf_free(&big);
    sops_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(results), cmocka_unit_test(refusals), cmocka_unit_test(sizes)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
