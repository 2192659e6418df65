/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a sops before 3.3.0: the data key was wrapped with one value for all names of a KMS context. */
#include "testing.h"

#include "core/datakey.h"

static const char *works_with; /* the value that all names must have for the key to open */
static bool may_wrap;
static size_t unwraps;

static bool fake_unwrap(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_buf *plain,
                        struct sops_err *e)
{
    (void)s;
    (void)w;
    unwraps++;
    for (const struct sops_pair *p = k->map; p != NULL; p = p->next) {
        if (!sops_slice_eq(p->value, sops_str(works_with))) {
            return sops_fail(e, SOPS_E_GENERIC, "the context does not fit");
        }
    }
    return sops_buf_adds(plain, "0123456789abcdef0123456789abcdef", e);
}

static bool fake_wrap(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_slice plain,
                      struct sops_buf *enc, struct sops_err *e)
{
    (void)s;
    (void)w;
    (void)plain;
    return may_wrap ? sops_buf_addf(enc, e, "with %.*s", SOPS_ARG(k->map->next->value))
                    : sops_fail(e, SOPS_E_GENERIC, "no right to wrap");
}

static const struct {
    const char *title, *version, *second, *works_with;
    bool may_wrap, opens;
    const char *context, *enc; /* of the second name, afterwards; the wrapped key */
} cases[] = {
    {"old, the second value was taken", "3.2.0", "prod", "prod", true, true, "prod", "with prod"},
    {"old, the first value was taken", "3.2.0", "prod", "web", true, true, "prod", "with prod"},
    {"older still", "1.13", "prod", "web", true, true, "prod", "with prod"},
    {"wrapping is refused: what works is recorded", "3.2.0", "prod", "web", false, true, "web", "old"},
    {"no value fits", "3.2.0", "prod", "other", true, false, "prod", "old"},
    {"not old", "3.3.0", "prod", "web", true, false, "prod", "old"},
    {"one value only", "3.2.0", "web", "other", true, false, "web", "old"},
};

static void contexts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].title);
        struct sops_world world = TEST_WORLD;
        struct sops_service service = {.name = "fake", .wrap = fake_wrap, .unwrap = fake_unwrap};
        struct sops_pair second = {.key = SOPS_LIT("stage"), .value = sops_str(cases[i].second)};
        struct sops_pair first = {.key = SOPS_LIT("app"), .value = SOPS_LIT("web"), .next = &second};
        struct sops_key key = {.source = &sops_keysource_kms, .map = &first, .enc = SOPS_LIT("old")};
        struct sops_group group = {.keys = &key};
        struct sops_meta m = {.groups = &group, .version = sops_str(cases[i].version)};
        struct sops_secret got = {0};
        struct sops_err e = {0};
        works_with = cases[i].works_with;
        may_wrap = cases[i].may_wrap;
        assert_false(sops_datakey_unwrap(&world, &service, &m, SOPS_LIT(""), &got, &e));
        assert_int_equal(e.code, SOPS_E_NO_KEY);
        assert_int_equal(sops_datakey_repair(&world, &service, &m, SOPS_LIT(""), "f.yaml", &got, &e), cases[i].opens);
        assert_int_equal(e.code, cases[i].opens ? SOPS_OK : SOPS_E_NO_KEY);
        assert_int_equal(got.len, cases[i].opens ? 32 : 0);
        assert_slice(key.map->next->value, cases[i].context);
        assert_slice(key.enc, cases[i].enc);
        sops_err_clear(&e);
        sops_secret_free(&got);
        sops_world_forget(&world);
        m.groups = NULL;
        sops_meta_free(&m);
    }
}

/* A hostile file may list any number of contexts, and each try asks every key. */
static void tries_have_a_limit(void **state)
{
    (void)state;
    enum { VALUES = 300 };
    struct sops_pair pairs[VALUES] = {{.key = SOPS_LIT("")}};
    char names[VALUES][8];
    struct sops_key keys[4] = {{.source = NULL}};
    struct sops_group group = {.keys = keys};
    struct sops_world world = TEST_WORLD;
    struct sops_service service = {.name = "fake", .wrap = fake_wrap, .unwrap = fake_unwrap};
    struct sops_meta m = {.groups = &group, .version = SOPS_LIT("3.2.0")};
    struct sops_secret got = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < VALUES; i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        pairs[i] = (struct sops_pair){sops_str(names[i]), sops_str(names[i]), i + 1 < VALUES ? &pairs[i + 1] : NULL};
    }
    for (size_t i = 0; i < 4; i++) {
        keys[i] = (struct sops_key){
            .source = &sops_keysource_kms, .map = pairs, .enc = SOPS_LIT("old"), .next = i < 3 ? &keys[i + 1] : NULL};
    }
    works_with = "nothing";
    unwraps = 0;
    sops_fail(&e, SOPS_E_NO_KEY, "no key");
    assert_false(sops_datakey_repair(&world, &service, &m, SOPS_LIT(""), "f.yaml", &got, &e));
    assert_int_equal(unwraps, 100 + 1); /* the others are equal, and not asked again */
    sops_world_forget(&world);
    sops_err_clear(&e);
    sops_meta_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(contexts), cmocka_unit_test(tries_have_a_limit)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
