/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors on which three other implementations agree (testdata/age/kat/README.md). */
#include "testing.h"

#include "base/encode.h"
#include "keysources/bcrypt_pbkdf.h"

#include <jansson.h>

static void vectors(void **state)
{
    (void)state;
    json_t *root = json_load_file(SOPS_TESTDATA "/age/kat/kat.json", 0, NULL), *test;
    size_t i;
    assert_non_null(root);
    assert_true(json_array_size(json_object_get(root, "bcrypt_pbkdf")) > 0);
    json_array_foreach(json_object_get(root, "bcrypt_pbkdf"), i, test)
    {
        struct sops_buf salt = {0}, hex = {0};
        struct sops_err e = {0};
        uint8_t key[SOPS_BCRYPT_MAX_KEY];
        size_t len = (size_t)json_integer_value(json_object_get(test, "keylen"));
        const char *password = json_string_value(json_object_get(test, "password"));
        assert_true(sops_hex_take(&salt, sops_str(json_string_value(json_object_get(test, "salt"))), &e));
        assert_true(len <= sizeof key);
        assert_ok(sops_bcrypt_pbkdf(sops_str(password), sops_buf_view(&salt),
                                    (unsigned)json_integer_value(json_object_get(test, "rounds")), key, len, &e),
                  &e);
        assert_true(sops_hex_add(&hex, sops_slice_of(key, len), false, &e));
        assert_slice(sops_buf_view(&hex), json_string_value(json_object_get(test, "key")));
        sops_buf_free(&salt);
        sops_buf_free(&hex);
    }
    json_decref(root);
}

static void refused(void **state)
{
    (void)state;
    struct sops_err e = {0};
    uint8_t key[SOPS_BCRYPT_MAX_KEY + 1];
    assert_fails(sops_bcrypt_pbkdf(SOPS_LIT(""), SOPS_LIT("salt"), 1, key, 32, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_bcrypt_pbkdf(SOPS_LIT("pass"), SOPS_LIT(""), 1, key, 32, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_bcrypt_pbkdf(SOPS_LIT("pass"), SOPS_LIT("salt"), 0, key, 32, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_bcrypt_pbkdf(SOPS_LIT("pass"), SOPS_LIT("salt"), 1, key, 0, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_bcrypt_pbkdf(SOPS_LIT("pass"), SOPS_LIT("salt"), 1, key, sizeof key, &e), &e, SOPS_E_GENERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
