/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a secret in clear text. Tokens are put together here, so that no scanner finds this file. */
#include "check/secrets.h"

#include "testing.h"

static struct sops_secrets *forms;
static const struct sops_secret_wish all = {false, 4.5};

static int make(void **state)
{
    struct sops_err e = {0};
    (void)state;
    forms = sops_secrets_new(&e);
    return forms == NULL;
}

static int drop(void **state)
{
    sops_secrets_free(forms);
    return test_no_leaks(state);
}

static void known_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *kind;
    } rows[] = {
        {"-----BEGIN RSA PRIVATE"
         " KEY-----",
         "private key"},
        {"-----BEGIN PUBLIC KEY-----", NULL},
        {"x AKIA"
         "Q3EGTZ4PWM6RKX2J y",
         "AWS access key"},
        {"AKIA"
         "IOSFODNN7EXAMPLE",
         NULL},
        {"AKIA"
         "IOSFODNN7EXAMPLE AKIA"
         "Q3EGTZ4PWM6RKX2J",
         "AWS access key"},
        {"ghp_"
         "0123456789abcdefABCDEF0123456789abcd",
         "GitHub token"},
        {"hvs."
         "CAESIJ1abcdefghijklmnopqrstuv",
         "Vault token"},
        {"sk_live_"
         "4eC39HqLyjWDarjtT1zdp7dc",
         "Stripe key"},
        {"https://u:p4ss-word@h.internal/x", "password in a URL"},
        {"https://u:${PASSWORD}@h.internal/x", NULL},
        {"AGE-SECRET-KEY-"
         "PQ-1QQPQQPQQPQQPQQPQQPQQ",
         "age identity"},
        {"ASIA"
         "Q3EGTZ4PWM6RKX2J",
         "AWS access key"},
        {"github_pat_"
         "0123456789abcdefABCDEF0123456789abcd0123456789abcdefABCDEF0123456789",
         "GitHub token"},
        {"glpat-"
         "0123456789abcdefABCDEF",
         "GitLab token"},
        {"xoxp-"
         "0123456789abcdef",
         "Slack token"},
        {"AIza"
         "0123456789abcdefABCDEF0123456789abc",
         "Google API key"},
        {"npm_"
         "0123456789abcdefABCDEF0123456789abcd",
         "npm token"},
        {"hvb."
         "CAESIJ1abcdefghijklmnopqrstuv",
         "Vault token"},
        {"eyJ"
         "0123456789.eyJ0123456789.0123456789",
         "JWT"},
        {"\xff\xfe AKIA"
         "Q3EGTZ4PWM6RKX2J",
         "AWS access key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct sops_secrets *fresh = sops_secrets_new(&e); /* what compiles them is this text alone */
        assert_non_null(fresh);
        struct sops_secret_hit hit = sops_secrets_line(fresh, sops_str(rows[i].text), &all, &e);
        sops_secrets_free(fresh);
        assert_int_equal(e.code, SOPS_OK);
        assert_int_equal(hit.sort == SOPS_SECRET_FORM, rows[i].kind != NULL);
        if (rows[i].kind != NULL) {
            assert_string_equal(hit.kind, rows[i].kind);
        }
    }
}

static void names_and_entropy(void **state)
{
    (void)state;
    struct sops_err e = {0};
    static const struct {
        const char *line;
        enum sops_secret_sort sort;
    } rows[] = {
        {"password: hunter2-hunter2", SOPS_SECRET_NAMED},
        {"dbAPIKey = 'a1b2c3d4e5'", SOPS_SECRET_NAMED},
        {"secretName: app-tls-2024", SOPS_SECRET_NONE},
        {"password: changeme123", SOPS_SECRET_NONE},
        {"password: short1", SOPS_SECRET_NONE},
        {"password: onekindonly", SOPS_SECRET_NONE},
        {"x: kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", SOPS_SECRET_RANDOM},
        {"sha256: kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", SOPS_SECRET_NONE},
        {"x: 0123456789abcdef0123456789abcdef", SOPS_SECRET_NONE},
        {"x: 3f2504e0-4f89-11d3-9a0c-0305e82c3301", SOPS_SECRET_NONE},
        {"public_key: kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", SOPS_SECRET_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_secret_hit hit = sops_secrets_line(forms, sops_str(rows[i].line), &all, &e);
        if (hit.sort != rows[i].sort) {
            print_error("row %zu\n", i);
        }
        assert_int_equal(hit.sort, rows[i].sort);
    }
    static const struct sops_secret_wish only = {true, 4.5}, off = {false, 0};
    assert_int_equal(sops_secrets_line(forms, sops_str(rows[0].line), &only, &e).sort, SOPS_SECRET_NONE);
    assert_int_equal(sops_secrets_line(forms, sops_str(rows[6].line), &off, &e).sort, SOPS_SECRET_NONE);
    assert_int_equal(sops_secrets_value(forms, SOPS_LIT("token"), SOPS_LIT("Xy12345678"), &all, &e).sort,
                     SOPS_SECRET_NAMED);
}

static bool count_line(void *ctx, unsigned line, const struct sops_secret_hit *hit, struct sops_err *e)
{
    unsigned *sum = ctx;
    (void)hit;
    (void)e;
    *sum = *sum * 10 + line;
    return true;
}

static void whole_texts(void **state)
{
    (void)state;
    struct sops_err e = {0};
    unsigned sum = 0;
    assert_ok(sops_secrets_scan(forms,
                                SOPS_LIT("a\nxoxb-"
                                         "123456789012-abcdefABCDEF\nb\ntoken: Xy12345678"),
                                &all, count_line, &sum, &e),
              &e);
    assert_int_equal(sum, 24);
    assert_true(sops_secrets_is_lock(SOPS_LIT("/a/yarn.lock")) && sops_secrets_is_lock(SOPS_LIT("go.sum")));
    assert_false(sops_secrets_is_lock(SOPS_LIT("/a/lock")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_forms),
        cmocka_unit_test(names_and_entropy),
        cmocka_unit_test(whole_texts),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
