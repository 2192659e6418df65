/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: order of words, values, the environment (docs/spec/50-cli.md#parsing). */
#include "testing.h"

#include "base/suggest.h"
#include "cli/command.h"

static const struct sops_opt_table *const tables[] = {&sops_opts_place, &sops_opts_types,    &sops_opts_threshold,
                                                      &sops_opts_order, &sops_opts_services, NULL};
static const struct sops_verb verb = {
    .name = "try", .summary = "", .args = "", .about = "", .example = "", .tables = tables, .keys = SOPS_OPT_KEYS};

/* Words as one text, blanks between them; "~" stands for an empty word. */
static const char *const *split(const char *text)
{
    static char words[512];
    static const char *list[32];
    size_t n = 0;
    assert_true(strlen(text) < sizeof words);
    strcpy(words, text);
    for (char *at = words; *at != '\0';) {
        char *end = at + strcspn(at, " ");
        bool last = *end == '\0';
        *end = '\0';
        list[n++] = strcmp(at, "~") == 0 ? "" : at;
        at = last ? end : end + 1;
    }
    list[n] = NULL;
    return list;
}

static const char *joined_args(const struct sops_options *o)
{
    static char text[512];
    text[0] = '\0';
    for (size_t i = 0; i < o->argc; i++) {
        strcat(text, i != 0 ? " " : "");
        strcat(text, o->args[i]);
    }
    return text;
}

struct words {
    const char *line;
    bool reorder;
    const char *args;           /* NULL: wrong usage */
    const char *option, *value; /* of args NULL: part of the message */
};

static const struct words words[] = {
    {"f", true, "f", "output", NULL},
    {"--output o f", true, "f", "output", "o"},
    {"f --output o", true, "f", "output", "o"},
    {"f --output o", false, "f --output o", "output", NULL},
    {"-output=o f", false, "f", "output", "o"},
    {"f g --output=o h", true, "f g h", "output", "o"},
    {"--output -i f", true, "f", "output", "-i"},
    {"--output --nothing f", true, "f", "output", "--nothing"},
    {"f p -i 1", true, "1 f p", "in-place", "on"},
    {"f p -i=true 1", true, "f p 1", "in-place", "on"},
    {"-i=false f", true, "f", "in-place", NULL},
    {"f --nothing", true, "f --nothing", "output", NULL},
    {"f -- -i", true, "f -i", "in-place", NULL},
    {"f --output o -- -i", true, "f -i", "output", "o"},
    {"-- --output", false, "--output", "output", NULL},
    {"-", false, "-", "output", NULL},
    {"--a x --age y f", true, NULL, "two forms", NULL},
    {"--a=x -a y f", true, "f", "age", "y"},
    {"--output ~ f", true, "f", "output", NULL},
    {"--nothing f", true, NULL, "flag provided but not defined: -nothing", NULL},
    {"-in f", true, NULL, "flag provided but not defined: -in", NULL},
    {"f --output", true, "", "output", "f"},
    {"--output", true, NULL, "flag needs an argument: -output", NULL},
    {"---output o f", true, NULL, "bad flag syntax: ---output", NULL},
    {"-=o f", true, NULL, "bad flag syntax: -=o", NULL},
    {"-i= f", true, NULL, "invalid boolean", NULL},
    {"-i=yes f", true, NULL, "invalid boolean", NULL},
};

static void words_are_put_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct words *c = &words[i];
        struct sops_options o = {0};
        struct sops_err e = {0};
        bool usage = false;
        print_message("%s\n", c->line);
        assert_ok(sops_options_open(&o, &verb, &e), &e);
        bool ok = sops_options_parse(&o, split(c->line), c->reorder, &usage, &e);
        assert_int_equal(ok, c->args != NULL);
        assert_int_equal(usage, !ok);
        if (ok) {
            assert_string_equal(joined_args(&o), c->args);
            const char *value = sops_opt(&o, c->option);
            if (strcmp(c->option, "in-place") == 0) {
                assert_int_equal(o.shared.in_place, c->value != NULL);
            } else if (c->value == NULL) {
                assert_null(value);
            } else {
                assert_string_equal(value, c->value);
            }
        } else {
            assert_int_equal(e.code, SOPS_E_GENERIC);
            assert_non_null(strstr(e.msg, c->option));
        }
        sops_err_clear(&e);
        sops_options_free(&o);
    }
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } cases[] = {
        {"0", true, 0},
        {"8", true, 8},
        {"-1", true, -1},
        {"+3", true, 3},
        {"010", true, 8},
        {"08", false, 0},
        {"0x1F", true, 31},
        {"0b11", true, 3},
        {"0o17", true, 15},
        {"-0x2", true, -2},
        {"", false, 0},
        {"-", false, 0},
        {"x", false, 0},
        {"1.5", false, 0},
        {"0x", false, 0},
        {"1_000", true, 1000}, /* as in the language of the reference */
        {"1__0", false, 0},
        {"1 ", false, 0},
        {"2a", false, 0},
        {"0b2", false, 0},
        {"--1", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *line[] = {"--shamir-secret-sharing-threshold", cases[i].text, NULL};
        struct sops_options o = {0};
        struct sops_err e = {0};
        bool usage = false;
        int64_t number = 77;
        print_message("'%s'\n", cases[i].text);
        assert_ok(sops_options_open(&o, &verb, &e), &e);
        assert_int_equal(sops_options_parse(&o, line, true, &usage, &e), cases[i].good);
        if (cases[i].good) {
            assert_true(o.shared.threshold.given);
            number = o.shared.threshold.value;
            assert_true(number == cases[i].number);
        }
        sops_err_clear(&e);
        sops_options_free(&o);
    }
}

static const char *some_env(struct sops_world *w, const char *name)
{
    static const char *const vars[][2] = {{"SOPS_AGE_RECIPIENTS", "env-age"},
                                          {"SOPS_PGP_FP", ""},
                                          {"SOPS_KEYSERVICE", "tcp://a:1 , tcp://b:2,"},
                                          {"SOPS_ENABLE_LOCAL_KEYSERVICE", ""}};
    (void)w;
    for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++) {
        if (strcmp(name, vars[i][0]) == 0) {
            return vars[i][1];
        }
    }
    return NULL;
}

static void variables_stand_for_options(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    w.env = some_env;
    struct sops_options o = {0};
    struct sops_err e = {0};
    bool usage;
    assert_ok(sops_options_open(&o, &verb, &e), &e);
    assert_true(o.shared.local_keyservice);
    assert_ok(sops_options_parse(&o, split("f"), true, &usage, &e) && sops_options_env(&o, &w, &e), &e);
    assert_string_equal(sops_opt(&o, "age"), "env-age");
    assert_null(sops_opt(&o, "pgp"));
    assert_null(o.shared.config); /* no option of this command */
    assert_false(o.shared.local_keyservice);
    const char *const *urls = o.shared.keyservice;
    assert_string_equal(urls[0], "tcp://a:1");
    assert_string_equal(urls[1], "tcp://b:2");
    assert_null(urls[2]);
    sops_options_free(&o);

    assert_ok(sops_options_open(&o, &verb, &e), &e);
    const char *const line = "--age own --keyservice x --keyservice y --enable-local-keyservice f";
    assert_ok(sops_options_parse(&o, split(line), true, &usage, &e) && sops_options_env(&o, &w, &e), &e);
    assert_string_equal(sops_opt(&o, "age"), "own");
    assert_true(o.shared.local_keyservice);
    urls = o.shared.keyservice;
    assert_string_equal(urls[0], "x");
    assert_string_equal(urls[1], "y");
    assert_null(urls[2]);
    sops_options_free(&o);
}

/* An option before the command counts only when it is a global one. */
static void before_a_command(void **state)
{
    (void)state;
    struct sops_options before = {0}, o = {0};
    struct sops_err e = {0};
    bool usage;
    int64_t indent = 4;
    assert_ok(sops_options_open(&before, &sops_verb_root, &e), &e);
    assert_ok(sops_options_parse(&before, split("--age b --indent 2 --output x --extract y --mac-only-encrypted try"),
                                 false, &usage, &e),
              &e);
    assert_ok(sops_options_open(&o, &verb, &e), &e);
    o.global = &before;
    assert_ok(sops_options_parse(&o, before.args + 1, true, &usage, &e), &e);
    assert_null(sops_opt(&o, "age"));
    assert_null(o.shared.output);
    assert_null(o.shared.extract);
    assert_true(o.shared.mac_only_encrypted);
    assert_true(o.shared.indent.given);
    indent = o.shared.indent.value;
    assert_int_equal(indent, 2);
    sops_options_free(&o);
    sops_options_free(&before);
}

static const char *bad_boolean(struct sops_world *w, const char *name)
{
    (void)w;
    return strcmp(name, "SOPS_DISABLE_VERSION_CHECK") == 0 ? "maybe" : NULL;
}

static void booleans_of_the_environment(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    assert_ok(sops_options_check_env(&w, &e), &e);
    w.env = some_env;
    assert_ok(sops_options_check_env(&w, &e), &e);
    w.env = bad_boolean;
    assert_fails(sops_options_check_env(&w, &e), &e, SOPS_E_GENERIC);
}

static void slips(void **state)
{
    (void)state;
    assert_int_equal(sops_word_distance("encrypt", "encrypt"), 0);
    assert_int_equal(sops_word_distance("encyrpt", "encrypt"), 1);
    assert_int_equal(sops_word_distance("edit", "edt"), 1);
    assert_int_equal(sops_word_distance("", "abc"), 3);
    assert_true(sops_word_near("decript", "decrypt"));
    assert_false(sops_word_near("set", "groups"));
    struct sops_options o = {0};
    struct sops_err e = {0};
    bool usage;
    assert_ok(sops_options_open(&o, &verb, &e), &e);
    assert_false(sops_options_parse(&o, split("--ouptut x f"), true, &usage, &e));
    assert_string_equal(e.hint, "did you mean --output?");
    sops_err_clear(&e);
    sops_options_free(&o);
}

static void hints_fit_the_command(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"take another name", "take another name"},
        {"it is none; --nothing says otherwise", "it is none"},
        {"--nothing says otherwise; it is none", "it is none"},
        {"--nothing says otherwise", ""},
        {"a; --nothing or --output; b; --output c", "a; b; --output c"},
        {"a smaller --indent makes it less", "a smaller --indent makes it less"}, /* before any command */
        {"make one with sops keygen --age", "make one with sops keygen --age"},
        {"put -- before it", "put -- before it"},
    };
    struct sops_options o = {0};
    struct sops_err e = {0};
    assert_ok(sops_options_open(&o, &verb, &e), &e);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sops_hint(&e, "%s", cases[i][0]);
        sops_options_fit_hint(&o, &e);
        assert_string_equal(e.hint, cases[i][1]);
        sops_err_clear(&e);
    }
    sops_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_put_in_order),      cmocka_unit_test(whole_numbers),
        cmocka_unit_test(variables_stand_for_options), cmocka_unit_test(before_a_command),
        cmocka_unit_test(booleans_of_the_environment), cmocka_unit_test(slips),
        cmocka_unit_test(hints_fit_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
