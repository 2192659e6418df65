/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on their way into a Secret: rewritten, merged, converted, checked. */
#include "testing.h"

#include "core/format.h"
#include "core/regex.h"
#include "sync/keys.h"
#include "sync/rules.h"

/* "a=1 b=2" sorted by key. */
static void show(const struct sops_keys *k, struct sops_buf *out)
{
    struct sops_err e = {0};
    struct sops_arena a = {0};
    const struct sops_key_value **sorted;
    assert_ok(sops_keys_sorted(k, &a, &sorted, &e), &e);
    for (size_t i = 0; i < k->count; i++) {
        assert_ok(sops_buf_addf(out, &e, "%s%.*s=%.*s", i == 0 ? "" : " ", SOPS_ARG(sorted[i]->key),
                                SOPS_ARG(sorted[i]->value)),
                  &e);
    }
    sops_arena_free(&a);
}

static void fill(struct sops_keys *k, const char *pairs)
{
    struct sops_err e = {0};
    struct sops_slice rest = sops_str(pairs), pair;
    while (rest.ptr != NULL && sops_slice_next(&rest, ' ', &pair)) {
        size_t equals = sops_slice_find(pair, '=');
        assert_ok(sops_keys_set(k, sops_slice_first(pair, equals), sops_slice_skip(pair, equals + 1), &e), &e);
    }
}

static void rewrites(void **state)
{
    static const struct {
        const char *list, *from, *want; /* want NULL: refused */
        const char *words;
    } rows[] = {
        {"- regexp: {source: '^db_', target: ''}", "db_a=1 b=2", "a=1 b=2", NULL},
        {"- regexp: {source: '(.*)', target: 'p_$1'}", "db=1", "p_db=1", NULL},
        {"- regexp: {source: 'x*', target: '-'}", "axb=1", "-a-b-=1", NULL},
        {"- regexp: {source: '(?P<p>db)_(?P<r>.*)', target: '${r}_${p}$$'}", "db_x=1", "x_db$=1", NULL},
        {"- regexp: {source: '(a)', target: '$1x'}", "ab=1", "b=1", NULL},
        {"- regexp: {source: '.*', target: ''}", "a=1", "", NULL},
        {"- regexp: {source: '[ab]', target: 'x'}", "a=1 b=2", NULL, "two keys become 'x'"},
        {"- regexp: {source: '(', target: 'x'}", "a=1", NULL, "rewrite[0]"},
        {"- transform: {template: '{{ .value | upper }}'}", "a=1 b=2", "A=1 B=2", NULL},
        {"- transform: {template: same}", "a=1 b=2", NULL, "two keys"},
        {"- transform: {template: '{{ .key }}'}", "a=1", NULL, "no key"},
        {"- {regexp: {source: a, target: b}, merge: {}}", "a=1", NULL, "exactly one"},
        {"- {}", "a=1", NULL, "exactly one"},
        {"- {replace: {}}", "a=1", NULL, "unknown field 'replace'"},
        {"- merge: {}", "a={\"x\":1.50} b={\"y\":\"t\",\"z\":{\"b\":1,\"a\":2}}", "x=1.5 y=t z={\"a\":2,\"b\":1}",
         NULL},
        {"- merge: {}", "a={\"x\":1} b={\"x\":2}", NULL, "there twice"},
        {"- merge: {conflictPolicy: Ignore}", "a={\"x\":1} b={\"x\":2}", "x=2", NULL},
        {"- merge: {conflictPolicy: Ignore, priority: [a]}", "a={\"x\":1} b={\"x\":2}", "x=1", NULL},
        {"- merge: {priority: [c]}", "a={\"x\":1}", NULL, "no key 'c'"},
        {"- merge: {priority: [c], priorityPolicy: IgnoreNotFound}", "a={\"x\":1}", "x=1", NULL},
        {"- merge: {strategy: JSON, into: m}", "a={\"x\":\"<&>\"} b={\"w\":1.50}",
         "a={\"x\":\"<&>\"} b={\"w\":1.50} m={\"w\":1.50,\"x\":\"<&>\"}", NULL},
        {"- merge: {strategy: JSON}", "a={}", NULL, "'into' is missing"},
        {"- merge: {strategy: Both}", "a={}", NULL, "'strategy'"},
        {"- merge: {}", "a=CANARY", NULL, "no JSON object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        struct sops_keys k = {0};
        struct sops_buf text = {0}, shown = {0};
        assert_ok(sops_buf_adds(&text, "list:\n", &e) && sops_buf_adds(&text, rows[i].list, &e) &&
                      sops_buf_addc(&text, '\n', &e) &&
                      sops_doc_parse(&d, sops_format_named(SOPS_LIT("yaml")), sops_buf_view(&text), &e),
                  &e);
        fill(&k, rows[i].from);
        const struct sops_node *list = d.parts->child;
        bool ok = sops_rewrite_check(list, &e) && sops_rewrite_apply(list, &k, &e);
        if (ok != (rows[i].want != NULL) ||
            (!ok && (strstr(e.msg, rows[i].words) == NULL || strstr(e.msg, "CANARY")))) {
            fail_msg("%s: %s", rows[i].list, e.msg);
        }
        if (ok) {
            show(&k, &shown);
            assert_slice(sops_buf_view(&shown), rows[i].want);
        }
        sops_err_clear(&e);
        sops_buf_free(&shown);
        sops_buf_free(&text);
        sops_keys_free(&k);
        sops_doc_free(&d);
    }
}

static void conversion(void **state)
{
    static const struct {
        const char *from, *want;
        bool unicode;
    } rows[] = {
        {"a/b=1 c.d-e_f=2", "a_b=1 c.d-e_f=2", false},
        {"a/b=1", "a_U002f_b=1", true},
        {"a/b=1 a:b=2", NULL, false},
        {"\xf0\x9f\x98\x80=1", "_U1f600_=1", true},
        {"\xc3\xa9=1", "\xc3\xa9=1", false}, /* a letter stays, and is refused afterwards */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_keys k = {0};
        struct sops_buf shown = {0};
        fill(&k, rows[i].from);
        assert_int_equal(sops_keys_convert(&k, rows[i].unicode, &e), rows[i].want != NULL);
        if (rows[i].want != NULL) {
            show(&k, &shown);
            assert_slice(sops_buf_view(&shown), rows[i].want);
        }
        sops_err_clear(&e);
        sops_buf_free(&shown);
        sops_keys_free(&k);
    }
}

static void checks(void **state)
{
    struct sops_err e = {0};
    struct sops_keys k = {0};
    (void)state;
    fill(&k, "a.b-c_9=1 =2");
    assert_ok(sops_keys_check(&k, &e), &e);
    fill(&k, "\xc3\xa9=1");
    assert_fails(sops_keys_check(&k, &e), &e, SOPS_E_READ);
    sops_keys_free(&k);
}

static void names(void **state)
{
    static const struct {
        const char *pattern, *source, *want;
    } rows[] = {
        {"{path}", "secrets/prod/db.enc.yaml", "secrets/prod/db"},
        {"{stem}", "secrets/prod/db.enc.yaml", "db"},
        {"{dir}.{stem}", "secrets/prod/db.yaml", "secrets/prod.db"},
        {"{path:-}", "secrets/prod/db.yaml", "secrets-prod-db"},
        {"x/{dir:__}/{stem:+}", "secrets/prod/db.yaml", "x/secrets__prod/db"},
        {"{path:}", "a/b.c", "ab"},
        {"{stem}", "secrets/.env", ".env"},
        {"{stem}", ".env.enc", ".env"},
        {"{dir}|{path}", "db.yaml", "|db"},
        {"fixed", "a.json", "fixed"},
        {"{paht}", "a", NULL},
        {"{", "a", NULL},
        {"}", "a", NULL},
        {"{path", "a", NULL},
        {"{{path}}", "a", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        bool ok = sops_store_name(sops_str(rows[i].pattern), sops_str(rows[i].source), &out, &e);
        assert_int_equal(ok, rows[i].want != NULL);
        if (ok) {
            assert_slice(sops_buf_view(&out), rows[i].want);
        }
        sops_err_clear(&e);
        sops_buf_free(&out);
    }
    assert_true(sops_is_object_name(SOPS_LIT("a.b-c.9")) && sops_is_name_space(SOPS_LIT("a-b")));
    assert_false(sops_is_object_name(SOPS_LIT("")) || sops_is_object_name(SOPS_LIT("a..b")) ||
                 sops_is_object_name(SOPS_LIT("-a")) || sops_is_object_name(SOPS_LIT("a-")) ||
                 sops_is_object_name(SOPS_LIT("A")) || sops_is_object_name(SOPS_LIT("../x")));
    assert_false(sops_is_name_space(SOPS_LIT("a.b")) || sops_is_name_space(SOPS_LIT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rewrites), cmocka_unit_test(conversion),
                                       cmocka_unit_test(checks), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
