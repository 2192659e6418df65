/* SPDX-License-Identifier: Apache-2.0 */
/* The INI files of AWS and Huawei. */
#include "testing.h"

#include "cloud/profile.h"

static bool without_x(struct sops_slice name, struct sops_slice *kept)
{
    *kept = name;
    return !sops_slice_eq(name, SOPS_LIT("x"));
}

static void settings(void **state)
{
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf# comment\n; another\nstray = 1\n[ a ]\r\nKey = value \r\nhash = a#b # gone\n"
        "colon : x=y\nfirst=b:c\ntwice=1\nno equals\n = no key\nempty =\n  nested = n\n[x]\nkey = dropped\n[b]\ns3 =\n"
        "  endpoint_url = one\n\tother=two\nkms =\n  endpoint_url = three\nplain = 4\n  odd = 5\n"
        "[a]\ntwice=2\n[broken\nkey = lost\n";
    static const struct {
        const char *section, *key, *value; /* NULL: none */
    } cases[] = {
        {"a", "key", "value"},
        {"a", "hash", "a#b"},
        {"a", "twice", "2"},
        {"a", "colon", "x=y"},
        {"a", "first", "b:c"},
        {"a", "empty", NULL},
        {"a", "nested", NULL},
        {"a", "empty.nested", "n"},
        {"b", "s3.endpoint_url", "one"},
        {"b", "s3.other", "two"},
        {"b", "kms.endpoint_url", "three"},
        {"b", "plain", "4"},
        {"b", "odd", "5"},
        {"x", "key", NULL},
        {"", "stray", NULL},
        {"broken", "key", NULL},
    };
    struct sops_arena a = {0};
    struct sops_ini ini = {0};
    struct sops_err e = {0};
    assert_ok(sops_ini_read(&ini, &a, sops_str(text), without_x, &e), &e);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sops_setting *s = sops_ini_find(&ini, sops_str(cases[i].section), sops_str(cases[i].key));
        if ((s != NULL) != (cases[i].value != NULL)) {
            print_error("[%s] %s\n", cases[i].section, cases[i].key);
            fail();
        }
        if (s != NULL) {
            assert_slice(s->value, cases[i].value);
        }
    }
    assert_true(sops_ini_has(&ini, SOPS_LIT("a")));
    assert_false(sops_ini_has(&ini, SOPS_LIT("x")));
    sops_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(settings)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
