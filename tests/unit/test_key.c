/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of keys: what stands between commas, equality, copies; the orders of the sources
 * (docs/spec/60-keysources.md#common-model, #how-keys-are-given). */
#include "testing.h"

#include "core/key.h"

static struct sops_world world = TEST_WORLD;

/* How many keys come out of `text`; -1 when it fails. */
static int count(const char *id, const char *text)
{
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_key *keys = NULL;
    int n = 0;
    bool ok = sops_keys_parse(&world, &a, sops_keysource_named(sops_str(id)), sops_str(text), &keys, &e);
    for (struct sops_key *k = keys; k != NULL; k = k->next) {
        n++;
    }
    assert_int_equal(ok, e.code == SOPS_OK);
    assert_true(ok || keys == NULL);
    sops_err_clear(&e);
    sops_arena_free(&a);
    return ok ? n : -1;
}

static void lists(void **state)
{
    (void)state;
    assert_int_equal(count("kms", "a,b"), 2);
    assert_int_equal(count("kms", "a,"), 2); /* an empty key, which fails later */
    assert_int_equal(count("hckms", "r:1, ,,r:2,"), 2);
    assert_int_equal(count("hckms", "r:1,x"), -1);
    assert_int_equal(count("hc_vault", "https://v/v1/t/keys/k,,"), 1);
    assert_int_equal(count("hc_vault", "https://v/v1/t/keys/k, "), -1);
    assert_int_equal(count("age", "age14uetxqhhh4s2znn0epmhpye9x4hdth8ehgxpsuktd7u2r0j4f9sq3kgeny,"), -1);
    assert_null(sops_keysource_named(SOPS_LIT("azure_keyvault")));
    assert_null(sops_keysource_named(SOPS_LIT("")));
}

static void which_are_the_same(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_key *keys = NULL;
    assert_ok(
        sops_keys_parse(&world, &a, sops_keysource_named(SOPS_LIT("kms")), SOPS_LIT("x+arn:r,x,x+arn:r"), &keys, &e),
        &e);
    assert_false(sops_key_same(keys, keys->next, &e));
    assert_true(sops_key_same(keys, keys->next->next, &e));
    assert_slice(keys->created_at, "2026-04-01T10:00:00Z");
    struct sops_pair pair = {.key = SOPS_LIT("k"), .value = SOPS_LIT("v")};
    keys->map = &pair;
    keys->enc = SOPS_LIT("E");
    assert_false(sops_key_same(keys, keys->next->next, &e));
    sops_arena_free(&a);
    assert_int_equal(e.code, SOPS_OK);
}

static void pairs_are_sorted(void **state)
{
    (void)state;
    struct sops_pair p[] = {{.key = SOPS_LIT("b"), .value = SOPS_LIT("1")},
                            {.key = SOPS_LIT("a"), .value = SOPS_LIT("2")},
                            {.key = SOPS_LIT("b"), .value = SOPS_LIT("3")},
                            {.key = SOPS_LIT(""), .value = SOPS_LIT("4")}};
    const struct sops_pair *first = sops_pairs_link(p, 4);
    assert_slice(first->value, "4");
    assert_slice(first->next->value, "2");
    assert_slice(first->next->next->value, "3");
    assert_null(first->next->next->next);
    assert_null(sops_pairs_link(p, 0));
}

static void orders(void **state)
{
    (void)state;
    static const char *const want[SOPS_ORDERS] = {
        [SOPS_BY_FLAGS] = "kms gcp_kms hckms azure_kv pgp hc_vault age ",
        [SOPS_BY_RULE] = "age pgp kms gcp_kms hckms azure_kv hc_vault ",
        [SOPS_BY_META] = "kms gcp_kms hckms azure_kv hc_vault pgp age ",
        [SOPS_BY_ROTATE] = "kms pgp gcp_kms hckms azure_kv hc_vault age ",
        [SOPS_BY_GROUPS] = "pgp kms gcp_kms hc_vault azure_kv age hckms ",
    };
    struct sops_err e = {0};
    for (int order = 0; order < SOPS_ORDERS; order++) {
        const struct sops_keysource *source[SOPS_MAX_SOURCES];
        struct sops_buf got = {0};
        sops_keysources_by((enum sops_order)order, source);
        for (size_t i = 0; source[i] != NULL; i++) {
            assert_true(sops_buf_addf(&got, &e, "%s ", source[i]->id));
        }
        assert_slice(sops_buf_view(&got), want[order]);
        sops_buf_free(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(which_are_the_same),
        cmocka_unit_test(pairs_are_sorted),
        cmocka_unit_test(orders),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
