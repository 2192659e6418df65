/* SPDX-License-Identifier: Apache-2.0 */
/* A text that nobody could open is noticed before it replaces a file: each damage to what was made is told. */
#include "testing.h"

#include "cli/steps.h"

static const uint8_t key_bytes[32] = "0123456789abcdef0123456789abcdef";
static struct sops_world world = TEST_WORLD;

#define WRAPPED "wrapped for the recipient"

/* A job whose `bytes` are {"a": "one", "b": [2]}, sealed for one key that gave `enc`. */
static void make(struct sops_job *j, struct sops_group *group, struct sops_key *key, const char *enc)
{
    struct sops_err e = {0};
    *j = (struct sops_job){.world = &world, .path = "f.json", .name = "f.json"};
    j->in = j->out = sops_format_named(SOPS_LIT("json"));
    *key = (struct sops_key){
        .source = sops_keysource_named(SOPS_LIT("age")), .field = {SOPS_LIT("age1recipient")}, .enc = sops_str(enc)};
    *group = (struct sops_group){.keys = key};
    j->meta.groups = group;
    j->meta.version = SOPS_LIT(SOPS_VERSION);
    j->meta.rules.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    assert_ok(sops_secret_copy(&j->key, sops_slice_of(key_bytes, sizeof key_bytes), &e), &e);
    assert_ok(j->in->parse(&j->doc, SOPS_LIT("{\"a\": \"one\", \"b\": [2]}"), &e), &e);
    assert_ok(sops_step_seal(j, &e), &e);
}

static void check(sops_step *step, const char *from, const char *to, const char *says)
{
    struct sops_job j;
    struct sops_group group;
    struct sops_key key;
    struct sops_err e = {0};
    make(&j, &group, &key, WRAPPED);
    if (from != NULL) {
        const char *text = sops_buf_cstr(&j.bytes, &e);
        char *at = strstr(text, from) != NULL ? (char *)j.bytes.ptr + (strstr(text, from) - text) : NULL;
        assert_non_null(at);
        assert_int_equal(strlen(from), strlen(to));
        memcpy(at, to, strlen(to));
    }
    if (says == NULL) {
        assert_ok(step(&j, &e), &e);
    } else {
        assert_false(step(&j, &e));
        assert_non_null(strstr(e.msg, "'f.json' is left as it was"));
        if (strstr(e.msg, says) == NULL) {
            print_error("'%s' does not say '%s'\n", e.msg, says);
            fail();
        }
    }
    sops_err_clear(&e);
    sops_job_free(&j);
}

static void what_was_made_passes(void **state)
{
    (void)state;
    check(sops_step_check_opens, NULL, NULL, NULL);
    check(sops_step_check_keys, NULL, NULL, NULL);
}

static void damage_is_told(void **state)
{
    (void)state;
    sops_step *const steps[] = {sops_step_check_opens, sops_step_check_keys};
    for (size_t i = 0; i < 2; i++) {
        check(steps[i], "\"sops\"", "\"spos\"", "sops metadata not found");
        check(steps[i], "wrapped for", "dropped for", "the keys that were written");
        check(steps[i], "\"mac\": \"ENC[AES256", "\"mac\": \"ENC[AES255", "the keys that were written");
        check(steps[i], "{", "[", "");
    }
    check(sops_step_check_opens, "\"a\"", "\"x\"", "[\"x\"]");
    check(sops_step_check_opens, "T10:00:00Z", "T10:00:01Z", "MAC");
    check(sops_step_check_keys, "\"a\"", "\"x\"", "the values that were written");
}

/* A key that wrapped nothing opens nothing, although the text has just what was written. */
static void nothing_wrapped(void **state)
{
    (void)state;
    sops_step *const steps[] = {sops_step_check_opens, sops_step_check_keys};
    for (size_t i = 0; i < 2; i++) {
        struct sops_job j;
        struct sops_group group;
        struct sops_key key;
        struct sops_err e = {0};
        make(&j, &group, &key, "");
        assert_false(steps[i](&j, &e));
        assert_non_null(strstr(e.msg, "the keys that were written"));
        sops_err_clear(&e);
        sops_job_free(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_made_passes), cmocka_unit_test(damage_is_told),
                                       cmocka_unit_test(nothing_wrapped)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
