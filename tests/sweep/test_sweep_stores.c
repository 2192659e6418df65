/* SPDX-License-Identifier: Apache-2.0 */
/* The secret stores with memory that runs out: allocation k fails for k = 1…last. A result is right or there is none, a
 * failure has words, and nothing is left behind. */
#include "tests/unit/stores_world.h"

#include "sync/pull.h"
#include "core/format.h"

/* True when the work got done without the k-th allocation having been asked for. */
static bool try_reading(const struct store_bench *b, uint64_t k)
{
    struct cloud_world c;
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_slice value = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/read", b->folder);
    stores_furnish(&c);
    c.quiet = true;
    cloud_load(&c, path);
    size_t before = sops_mem_live();
    uint64_t count = sops_mem_count();
    sops_mem_fail_at(k);
    enum sops_store_result result = stores_read(b, &c, &a, &value, &e);
    sops_mem_fail_at(0);
    bool whole = sops_mem_count() - count < k;
    assert_int_equal(result == SOPS_STORE_OK, e.code == SOPS_OK);
    assert_true(!whole || result == SOPS_STORE_OK);
    sops_err_clear(&e);
    sops_arena_free(&a);
    assert_int_equal(sops_mem_live(), before);
    cloud_free(&c);
    return whole;
}

static bool try_writing(const struct store_bench *b, uint64_t k)
{
    struct cloud_world c;
    struct sops_err e = {0};
    char path[128], names[256];
    (void)snprintf(path, sizeof path, "%s/create", b->folder);
    stores_furnish(&c);
    c.quiet = true;
    cloud_load(&c, path);
    size_t before = sops_mem_live();
    uint64_t count = sops_mem_count();
    sops_mem_fail_at(k);
    bool ok = stores_publish(b, &c, 'w', names, &e);
    sops_mem_fail_at(0);
    bool whole = sops_mem_count() - count < k;
    assert_int_equal(ok, e.code == SOPS_OK);
    assert_true(!whole || ok);
    sops_err_clear(&e);
    assert_int_equal(sops_mem_live(), before);
    cloud_free(&c);
    return whole;
}

static void stores(void **state)
{
    (void)state;
    for (size_t i = 0; i < BENCHES; i++) {
        for (uint64_t k = 1; !try_reading(&benches[i], k); k++) {
            assert_true(k < 5000);
        }
        for (uint64_t k = 1; benches[i].item != NULL && !try_writing(&benches[i], k); k++) {
            assert_true(k < 5000);
        }
    }
}

#define MANIFESTS                                                                                                      \
    "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: st}\n"                                    \
    "spec: {provider: {fake: {data: [{key: a, value: '{\"x\":\"1\",\"y\":{\"z\":2}}'}, {key: b, value: eA==}]}}}\n"    \
    "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: es, labels: {l: m}}\n"            \
    "spec:\n  secretStoreRef: {name: st}\n  target: {template: {mergePolicy: Merge, data: {t: '{{ .v | upper }}'}}}\n" \
    "  data: [{secretKey: v, remoteRef: {key: a, property: x}}, {secretKey: w, remoteRef: {key: b, decodingStrategy: " \
    "Base64}}]\n"                                                                                                      \
    "  dataFrom: [{extract: {key: a}, rewrite: [{regexp: {source: '^(.)', target: 'p_$1'}}]}, {find: {name: {regexp: " \
    "'^b'}}}]\n"

static bool try_pulling(uint64_t k)
{
    struct cloud_world c;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_objects objects = {0};
    struct sops_pull pull = {0};
    cloud_new(&c);
    size_t before = sops_mem_live();
    uint64_t count = sops_mem_count();
    objects.world = pull.world = &c.world;
    pull.manifests = &objects;
    sops_mem_fail_at(k);
    bool ok = sops_doc_parse(&d, sops_format_named(SOPS_LIT("yaml")), SOPS_LIT(MANIFESTS), &e);
    for (const struct sops_node *part = d.parts; ok && part != NULL; part = part->next) {
        ok = sops_objects_add(&objects, part, "m.yaml", 1, &e);
    }
    ok = ok && sops_pull_read(&pull, NULL, &e);
    if (ok) {
        sops_pull_plan(&pull);
        sops_pull_resolve(&pull);
        ok = !pull.secret[0].failed;
    }
    sops_mem_fail_at(0);
    bool whole = sops_mem_count() - count < k;
    assert_true(!whole || ok);
    assert_true(ok || e.code != SOPS_OK || pull.secret[0].why.code != SOPS_OK);
    if (ok) {
        struct sops_slice value = {0};
        assert_int_equal(pull.secret[0].data.count, 6);
        assert_true(sops_keys_get(&pull.secret[0].data, SOPS_LIT("w"), &value));
        assert_slice(value, "x");
    }
    sops_pull_free(&pull);
    sops_objects_free(&objects);
    sops_doc_free(&d);
    sops_err_clear(&e);
    sops_world_forget(&c.world);
    assert_int_equal(sops_mem_live(), before);
    cloud_free(&c);
    return whole;
}

static void pulling(void **state)
{
    (void)state;
    for (uint64_t k = 1; !try_pulling(k); k++) {
        assert_true(k < 20000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stores), cmocka_unit_test(pulling)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
