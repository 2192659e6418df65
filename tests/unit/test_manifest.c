/* SPDX-License-Identifier: Apache-2.0 */
/* Streams taken apart and put together, groups, notes, resource lists, generators, and what becomes of Secrets; each
 * also with every allocation failing once. */
#include "manifest/change.h"
#include "manifest/list.h"

#include "testing.h"

#define MAC(m) "sops:\n    mac: " m "\n"

/* Runs `work` with allocation 1, 2, … failing, until it goes through. */
static void sweep(bool (*work)(struct sops_err *e))
{
    bool done = false;
    for (uint64_t k = 1; !done && k < 10000; k++) {
        struct sops_err e = {0};
        sops_mem_fail_at(k);
        uint64_t before = sops_mem_count();
        bool ok = work(&e);
        done = sops_mem_count() - before < k;
        sops_mem_fail_at(0);
        assert_true(ok || e.memory || e.code != SOPS_OK);
        assert_true(ok || !done);
        sops_err_clear(&e);
    }
    assert_true(done);
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

static void check_split(const char *stream, size_t count, size_t sealed)
{
    struct sops_manifests m = {0};
    struct sops_buf whole = {0};
    struct sops_err e = {0};
    size_t found = 0;
    assert_ok(sops_manifests_split(&m, NULL, sops_str(stream), &e), &e);
    assert_int_equal(m.count, count);
    for (size_t i = 0; i < m.count; i++) {
        found += m.all[i].sealed != NULL;
        assert_ok(sops_buf_add(&whole, sops_manifest_marker(&m.all[i]), &e) &&
                      sops_buf_add(&whole, sops_manifest_text(&m.all[i]), &e),
                  &e);
    }
    assert_int_equal(found, sealed);
    assert_slice(sops_buf_view(&whole), stream);
    sops_buf_free(&whole);
    sops_manifests_free(&m);
}

static void streams_are_taken_apart(void **state)
{
    (void)state;
    check_split("", 0, 0);
    check_split("\n\n", 1, 0);
    check_split("a: 1", 1, 0);
    check_split("---\na: 1\n", 1, 0);
    check_split("a: 1\n---\nb: 2\n---\n", 3, 0);
    check_split("---\n---\n# c\n--- # d\na: 1\n--- {b: 2}\n---\t\r\nc: 3", 5, 0);
    check_split("a: |\n  --- x\n ---\n----\n---x\n", 1, 0);
    check_split("---", 1, 0);
    check_split("\xef\xbb\xbf", 1, 0);
    check_split("\xef\xbb\xbf"
                "a: 1\n---\nb: 2\n",
                2, 0);
    check_split("\xef\xbb\xbf---\na: 1\n" MAC("x") "---\nb: 2\n", 2, 1);
    check_split("a: 1\n" MAC("x") "---\nb: 2\n" MAC("y"), 2, 2);
    check_split("a: {sops: {mac: x}}\n---\nsops: {no: m}\n---\nsops: mac\n---\n- sops: {mac: x}\n", 4, 0);
    check_split("sops: {mac: [\n---\nsops: {mac: x}\n--- {sops: {mac: z}}\n", 3, 2);
    check_split("apiVersion: isindir.github.com/v1\nkind: SopsSecret\n" MAC(
                    "x") "---\napiVersion: x/v1\nkind: SopsSecret\n" MAC("y"),
                2, 1);
    struct sops_manifests m = {0};
    struct sops_err e = {0};
    assert_ok(sops_manifests_split(&m, NULL, SOPS_LIT("a: 1\n---\0b: 2\n"), &e), &e);
    assert_int_equal(m.count, 1);
    sops_manifests_free(&m);
}

static void groups_are_those_of_one_mac(void **state)
{
    (void)state;
    struct sops_manifests m = {0};
    struct sops_err e = {0};
    assert_ok(sops_manifests_split(&m, NULL,
                                   SOPS_LIT("a: 1\n" MAC("x") "---\nplain: 1\n---\nb: 2\n" MAC("y") "---\nc: 3\n" MAC(
                                       "x") "---\nd: 4\n" MAC("x")),
                                   &e),
              &e);
    assert_ok(sops_manifests_group(&m, &e), &e);
    assert_int_equal(m.all[0].sealed->next, 3);
    assert_int_equal(m.all[3].sealed->next, 4);
    assert_int_equal(m.all[4].sealed->next, 0);
    assert_int_equal(m.all[2].sealed->next, 0);
    assert_null(m.all[1].sealed);
    assert_false(m.all[0].sealed->follows || m.all[2].sealed->follows);
    assert_true(m.all[3].sealed->follows && m.all[4].sealed->follows);
    sops_manifests_free(&m);
}

static void labels_are_clear_and_tame(void **state)
{
    (void)state;
    struct sops_arena a = {0};
    struct sops_err e = {0};
    const char *label;
    struct sops_object_name name = {.kind = SOPS_LIT("Secret"), .name = SOPS_LIT("d\x1b[b"), .space = SOPS_LIT("shop")};
    assert_ok(sops_object_label(&a, "f.yaml", &name, 3, &label, &e), &e);
    assert_string_equal(label, "f.yaml: Secret shop/d?[b");
    name.kind = SOPS_LIT("ENC[AES256_GCM,data:x]");
    assert_ok(sops_object_label(&a, NULL, &name, 3, &label, &e), &e);
    assert_string_equal(label, "document 3");
    sops_arena_free(&a);
}

static bool split_and_group(struct sops_err *e)
{
    struct sops_manifests m = {0};
    bool ok =
        sops_manifests_split(
            &m, "f", SOPS_LIT("kind: Secret\nmetadata: {name: n}\n" MAC("x") "---\nb: 2\n---\nc: 1\n" MAC("x")), e) &&
        sops_manifests_group(&m, e);
    assert_true(!ok || (m.all[0].sealed != NULL && m.all[0].sealed->next == 2));
    sops_manifests_free(&m);
    return ok;
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static void read_yaml(struct sops_doc *d, const char *text)
{
    struct sops_err e = {0};
    assert_ok(sops_doc_parse(d, sops_manifest_format(), sops_str(text), &e), &e);
}

static void check_yaml(const struct sops_doc *d, const char *want)
{
    static const struct sops_style style = {.indent = 2, .indent_set = true};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(sops_doc_emit(d, sops_manifest_format(), &style, &out, &e), &e);
    assert_slice(sops_buf_view(&out), want);
    sops_buf_free(&out);
}

static void notes_go_and_come_back(void **state)
{
    (void)state;
    static const char text[] =
        "metadata:\n  annotations:\n    internal.config.kubernetes.io/x: \"1\"\n    config.kubernetes.io/path: a\n"
        "    own: b\n    postrenderer.helm.sh/postrender-filename: c\n";
    struct sops_doc d = {0};
    struct sops_notes n = {0};
    struct sops_arena a = {0};
    struct sops_err e = {0};
    read_yaml(&d, text);
    assert_ok(sops_notes_take(&n, &a, d.parts, &e), &e);
    assert_int_equal(n.count, 3);
    check_yaml(&d, "metadata:\n  annotations:\n    own: b\n");
    sops_notes_put(&n);
    check_yaml(&d, text);
    sops_arena_free(&a);
    sops_doc_free(&d);
}

static void what_is_no_note_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a: 1\n", "metadata: x\n", "metadata:\n  annotations: x\n",
        ("metadata:\n  annotations:\n    config.kubernetes.io/local-config: \"true\"\n"
         "    kustomize.config.k8s.io/needs-hash: \"true\"\n    xinternal.config.kubernetes.io/: val\n")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sops_doc d = {0};
        struct sops_notes n = {0};
        struct sops_arena a = {0};
        struct sops_err e = {0};
        read_yaml(&d, texts[i]);
        assert_ok(sops_notes_take(&n, &a, d.parts, &e), &e);
        assert_int_equal(n.count, 0);
        check_yaml(&d, texts[i]);
        sops_arena_free(&a);
        sops_doc_free(&d);
    }
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

#define HEAD "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"

static bool copy_list(const char *text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_resource_list l = {0};
    bool ok = sops_list_read(&l, sops_str(text), e) && sops_list_begin(out, l.api, l.items.count == 0, e);
    for (size_t i = 0; ok && i < l.items.count; i++) {
        ok = sops_list_item(out, sops_manifest_text(&l.items.all[i]), e);
    }
    ok = ok && (l.config_node == NULL || sops_list_config(out, l.config, e)) &&
         sops_list_check(sops_buf_view(out), sops_str(text), l.items.count, e);
    sops_list_free(&l);
    return ok;
}

static void check_list(const char *text, const char *want)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(copy_list(text, &out, &e), &e);
    assert_slice(sops_buf_view(&out), want);
    sops_buf_free(&out);
}

static void items_keep_their_bytes(void **state)
{
    (void)state;
    check_list(
        HEAD
        "items:\n- a: 0x1F\n  b: |\n    x\n\n     y\n- {c: 1.10,\n   d: 'e'}\nfunctionConfig:\n  kind: X\n  v: 012\n",
        HEAD
        "items:\n- a: 0x1F\n  b: |\n    x\n\n     y\n- {c: 1.10,\n   d: 'e'}\nfunctionConfig:\n  kind: X\n  v: 012\n");
    check_list(HEAD "items:\n    - a:\n          b: c\n      d: e\n    # gone\n    - f\n",
               HEAD "items:\n- a:\n      b: c\n  d: e\n- f\n");
    check_list(
        "{\"kind\": \"ResourceList\", \"apiVersion\": \"config.kubernetes.io/v1beta1\",\n \"items\": [{\"a\": 1}, {\n  "
        "\"b\": 2\n}]}",
        "apiVersion: config.kubernetes.io/v1beta1\nkind: ResourceList\nitems:\n- {\"a\": 1}\n- {\n  \"b\": 2\n  }\n");
    check_list(HEAD "items: [a: b\n c, {d: e}, \"f\": [g]]\n",
               HEAD "items:\n- {a: b\n  c}\n- {d: e}\n- {\"f\": [g]}\n");
    check_list(HEAD, HEAD "items: []\n");
    check_list(HEAD "items: null\nfunctionConfig: null\n", HEAD "items: []\n");
}

static void aliases_need_their_anchors(void **state)
{
    (void)state;
    check_list(HEAD "items:\n- a: &x {b: 1.10}\n- c: *x\nfunctionConfig:\n  *x\n",
               HEAD "items:\n- a: &x {b: 1.10}\n- c: *x\nfunctionConfig:\n  *x\n");
    static const char *const without[] = {
        HEAD "x: &x 1.10\nitems:\n- a: *x\n",
        HEAD "functionConfig: {v: &x 1}\nitems:\n- a: *x\n",
        HEAD "items:\n- a\r- - x\n   ? b\n",
    };
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_false(copy_list(without[i], &out, &e));
        assert_int_equal(e.code, SOPS_E_READ);
        sops_err_clear(&e);
        sops_buf_free(&out);
    }
}

static void what_is_no_list(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } cases[] = {{"a: [", 2},
                 {"", 1},
                 {"a: 1\n", 1},
                 {"- a\n", 1},
                 {"apiVersion: config.kubernetes.io/v2\nkind: ResourceList\n", 1},
                 {"apiVersion: x/v1\nkind: ResourceList\n", 1},
                 {HEAD "items: {}\n", 1},
                 {HEAD "---\na: 1\n", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sops_buf out = {0};
        struct sops_err e = {0};
        assert_false(copy_list(cases[i].text, &out, &e));
        assert_int_equal(e.code, cases[i].code);
        sops_err_clear(&e);
        sops_buf_free(&out);
    }
}

static bool read_and_write(struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = copy_list(HEAD "items:\n- a: 1\n  sops: {mac: x}\n- b: 2\nfunctionConfig: {c: 3}\n", &out, e);
    sops_buf_free(&out);
    return ok;
}

/* ---- generators -------------------------------------------------------------------------------------------------- */

static bool read_generator(const char *text, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_generator g = {0};
    bool ok = sops_doc_parse(&d, sops_manifest_format(), sops_str(text), e) && sops_generator_read(&g, d.parts, e);
    sops_generator_free(&g);
    sops_doc_free(&d);
    return ok;
}

#define OURS "apiVersion: sops/v1\nkind: SopsSecrets\nmetadata: {name: g, x: y}\n"
#define KSOPS "apiVersion: viaduct.ai/v1\nkind: ksops\n"

static void generators_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {
        OURS "files: [a, ./b]\n",
        OURS "secretFrom: [{metadata: {}, type: t, files: [a, k=b], binaryFiles: [], envs: [x=y]}]\n",
        KSOPS "files: []\nmore: 1\n", KSOPS "secretFrom: [{metadata: {a: b}, more: 1}]\n"};
    static const char *const bad[] = {OURS,
                                      OURS "files: a\n",
                                      OURS "files: [1]\n",
                                      OURS "files: ['']\n",
                                      OURS "files: [a]\nmore: 1\n",
                                      OURS "secretFrom: {}\n",
                                      OURS "secretFrom: [a]\n",
                                      OURS "secretFrom: [{files: [a]}]\n",
                                      OURS "secretFrom: [{metadata: {}, files: [a=b=c]}]\n",
                                      OURS "secretFrom: [{metadata: {}, files: [=c]}]\n",
                                      OURS "secretFrom: [{metadata: {}, type: [t]}]\n",
                                      OURS "secretFrom: [{metadata: {}, file: [a]}]\n",
                                      KSOPS "secretFrom: [{metadata: {}, envs: {}}]\n",
                                      "apiVersion: sops/v2\nkind: SopsSecrets\nfiles: [a]\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct sops_err e = {0};
        assert_ok(read_generator(good[i], &e), &e);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sops_err e = {0};
        assert_fails(read_generator(bad[i], &e), &e, SOPS_E_GENERIC);
    }
}

static bool make_secret(struct sops_buf *out, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_generator g = {0};
    struct sops_new_secret s = {0};
    bool ok = sops_doc_parse(&d, sops_manifest_format(),
                             SOPS_LIT(OURS "secretFrom: [{metadata: {name: made}, type: Opaque}]\n"), e) &&
              sops_generator_read(&g, d.parts, e) && sops_new_secret_begin(&s, &g.secret[0], e) &&
              sops_new_secret_add(&s, SOPS_LIT("text"), SOPS_LIT("a\tb"), false, e) &&
              sops_new_secret_add(&s, SOPS_LIT("bytes"), SOPS_LIT("\x01"), false, e) &&
              sops_new_secret_add(&s, SOPS_LIT("asked"), SOPS_LIT("x"), true, e) &&
              sops_new_secret_env(
                  &s, SOPS_LIT("# c\n\nA=$x # y\nexport B='q\\n'\r\nC=\"a\\n\\\"\\\\\\x\"\ntext=over\nD=\"half"), e) &&
              sops_new_secret_end(&s, out, e);
    sops_new_secret_free(&s);
    sops_generator_free(&g);
    sops_doc_free(&d);
    return ok;
}

static void secrets_are_made(void **state)
{
    (void)state;
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(make_secret(&out, &e), &e);
    assert_slice(
        sops_buf_view(&out),
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: made\ntype: Opaque\nstringData:\n  text: over\n"
        "  A: '$x # y'\n  B: q\\n\n  C: |-\n    a\n    \"\\\\x\n  D: '\"half'\ndata:\n  bytes: AQ==\n  asked: eA==\n");
    sops_buf_free(&out);
    struct sops_new_secret s = {0};
    assert_fails(sops_new_secret_env(&s, SOPS_LIT("# c\n\ncanary\n"), &e), &e, SOPS_E_GENERIC);
}

static bool make_and_drop(struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok =
        make_secret(&out, e) && read_generator(OURS "files: [a]\nsecretFrom: [{metadata: {}, files: [k=b]}]\n", e);
    sops_buf_free(&out);
    return ok;
}

/* ---- what a cluster gets ----------------------------------------------------------------------------------------- */

static void check_data(const char *text, const char *want)
{
    struct sops_doc d = {0};
    struct sops_err e = {0};
    read_yaml(&d, text);
    assert_ok(sops_object_data(&d, d.parts, &e), &e);
    check_yaml(&d, want);
    sops_doc_free(&d);
}

#define SECRET "apiVersion: v1\nkind: Secret\n"

static void string_data_becomes_data(void **state)
{
    (void)state;
    check_data(SECRET "data:\n  a: eA==\n  b: eA==\nstringData:\n  b: new\n  c: \"\"\n",
               SECRET "data:\n  a: eA==\n  b: bmV3\n  c: \"\"\n");
    check_data(SECRET "stringData: {a: x}\ntype: T\n", SECRET "type: T\ndata:\n  a: eA==\n");
    check_data("apiVersion: v1\nkind: Other\nstringData:\n  a: x\n",
               "apiVersion: v1\nkind: Other\nstringData:\n  a: x\n");
    check_data(
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    stringData:\n      a: x\n  - "
        "b\n",
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    data:\n      a: eA==\n  - b\n");
    static const char *const bad[] = {SECRET "stringData: {a: 1}\n", SECRET "stringData: {a: null}\n",
                                      SECRET "stringData: [a]\n", SECRET "data: [a]\nstringData: {a: b}\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        read_yaml(&d, bad[i]);
        assert_fails(sops_object_data(&d, d.parts, &e), &e, SOPS_E_GENERIC);
        sops_doc_free(&d);
    }
}

static void only_names_are_left(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    read_yaml(&d, SECRET "metadata: {name: db}\ndata: {a: b}\ntype: T\n");
    sops_object_strip(d.parts);
    check_yaml(&d, SECRET "metadata:\n  name: db\n");
    sops_doc_free(&d);
    read_yaml(&d,
              "apiVersion: v1\nitems:\n  - apiVersion: v1\n    data: {a: b}\n    kind: ConfigMap\nkind: List\nx: y\n");
    sops_object_strip(d.parts);
    check_yaml(&d, "apiVersion: v1\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\nkind: List\n");
    sops_doc_free(&d);
}

static void only_secrets_are_hidden(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool hidden;
    } cases[] = {{SECRET, true},
                 {"apiVersion: v1\nkind: ConfigMap\n", false},
                 {"apiVersion: x/v1\nkind: Secret\n", false},
                 {"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret}]\n", true},
                 {"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret}, {kind: X}]\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sops_doc d = {0};
        const struct sops_node *other;
        read_yaml(&d, cases[i].text);
        assert_int_equal(sops_object_is_hidden(d.parts, &other), cases[i].hidden);
        sops_doc_free(&d);
    }
}

static bool change_and_drop(struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_notes n = {0};
    struct sops_arena a = {0};
    bool ok =
        sops_doc_parse(
            &d, sops_manifest_format(),
            SOPS_LIT(SECRET "metadata: {annotations: {config.kubernetes.io/id: \"1\"}}\nstringData: {a: x, b: y}\n"),
            e) &&
        sops_notes_take(&n, &a, d.parts, e) && sops_object_data(&d, d.parts, e);
    sops_arena_free(&a);
    sops_doc_free(&d);
    return ok;
}

static void no_memory(void **state)
{
    (void)state;
    sweep(split_and_group);
    sweep(read_and_write);
    sweep(make_and_drop);
    sweep(change_and_drop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_taken_apart),    cmocka_unit_test(groups_are_those_of_one_mac),
        cmocka_unit_test(labels_are_clear_and_tame),  cmocka_unit_test(notes_go_and_come_back),
        cmocka_unit_test(what_is_no_note_stays),      cmocka_unit_test(items_keep_their_bytes),
        cmocka_unit_test(aliases_need_their_anchors), cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(generators_are_checked),     cmocka_unit_test(secrets_are_made),
        cmocka_unit_test(string_data_becomes_data),   cmocka_unit_test(only_names_are_left),
        cmocka_unit_test(only_secrets_are_hidden),    cmocka_unit_test(no_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
