/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every destination of `publish`: a new one is checked by being in the list. */
#include "../unit/testing.h"

#include "core/destination.h"

static size_t count_keys(const struct sops_destination *d)
{
    size_t n = 0;
    while (d->other_keys != NULL && d->other_keys[n] != NULL) {
        assert_string_not_equal(d->other_keys[n], d->rule_key);
        n++;
    }
    return n;
}

static void test_complete_and_unique(void **state)
{
    (void)state;
    assert_non_null(sops_destinations[0]);
    for (size_t i = 0; sops_destinations[i] != NULL; i++) {
        const struct sops_destination *a = sops_destinations[i];
        assert_true(a->name != NULL && a->rule_key != NULL && a->where != NULL && a->put != NULL);
        assert_true(1 + count_keys(a) <= SOPS_MAX_DESTINATION_VALUES);
        for (size_t k = i + 1; sops_destinations[k] != NULL; k++) {
            assert_string_not_equal(a->name, sops_destinations[k]->name);
            assert_string_not_equal(a->rule_key, sops_destinations[k]->rule_key);
        }
    }
}

/* Where a file goes names its last part, and no value of the rule is needed but the first. */
static void test_where_shows_the_name(void **state)
{
    (void)state;
    for (size_t i = 0; sops_destinations[i] != NULL; i++) {
        const struct sops_slice value[SOPS_MAX_DESTINATION_VALUES] = {SOPS_LIT("place")};
        struct sops_world w = TEST_WORLD;
        struct sops_buf shown = {0};
        struct sops_err e = {0};
        assert_ok(sops_destinations[i]->where(&w, value, SOPS_LIT("name.yaml"), &shown, &e), &e);
        assert_true(sops_slice_ends(sops_buf_view(&shown), SOPS_LIT("name.yaml")));
        assert_non_null(memmem(shown.ptr, shown.len, "place", 5));
        sops_buf_free(&shown);
        sops_world_forget(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_and_unique),
        cmocka_unit_test(test_where_shows_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
