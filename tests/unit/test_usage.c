/* SPDX-License-Identifier: Apache-2.0 */
/* The help of every command: each of its options, no other, lines that fit, an example; the same for the manual page.
 */
#include "testing.h"

#include "cli/usage.h"

#include <ctype.h>
#include <stdio.h>

/* Is the word at `at` (behind its dashes) an option of `o`? */
static bool is_option(const struct sops_options *o, const char *at)
{
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
    for (size_t i = 0; i < o->slots; i++) {
        const struct sops_option *def = &o->slot[i].def;
        if ((strlen(def->name) == n && strncmp(def->name, at, n) == 0) ||
            (def->short_name != NULL && strlen(def->short_name) == n && strncmp(def->short_name, at, n) == 0)) {
            return true;
        }
    }
    return false;
}

/* What stands behind a pipe is given to another program, as in "sops krm --stream | kubectl apply --server-side". */
static bool is_for_another_program(const char *text, const char *at)
{
    while (at > text && *at != '\n' && *at != '|') {
        at--;
    }
    return *at == '|' && strncmp(at, "| sops ", 7) != 0;
}

static void check_text(const struct sops_options *o, const char *text)
{
    for (const char *at = strstr(text, "--"); at != NULL; at = strstr(at + 2, "--")) {
        if (islower((unsigned char)at[2]) && !is_option(o, at + 2) && !is_for_another_program(text, at)) {
            print_error("'%s' names %.30s\n", o->command, at);
            fail();
        }
    }
    for (size_t i = 0; i < o->slots; i++) {
        char name[80];
        const struct sops_opt_slot *s = &o->slot[i];
        (void)snprintf(name, sizeof name, "\n   --%s", s->def.name);
        bool listed = s->title != NULL && (s->def.flags & SOPS_OPT_OURS) == 0;
        assert_int_equal(strstr(text, name) != NULL, listed);
        (void)snprintf(name, sizeof name, "\n   %s", s->def.name);
        assert_true((s->def.flags & SOPS_OPT_OURS) == 0 || strstr(text, name) != NULL); /* without dashes */
        assert_true(!listed || s->def.help != NULL);
        assert_int_equal(listed && s->def.kind != SOPS_OPT_FLAG, listed && s->def.value != NULL);
    }
    struct sops_slice rest = sops_str(text), line;
    while (sops_slice_next(&rest, '\n', &line)) {
        assert_true(line.len <= 110);
    }
}

static void check_verb(const struct sops_verb *verb, const char *above, const char *man)
{
    struct sops_options o = {0};
    struct sops_err e = {0};
    struct sops_buf text = {0};
    char command[80];
    (void)snprintf(command, sizeof command, "%s%s", above, verb->name);
    print_message("%s\n", command);
    assert_true(verb->summary[0] != '\0' && (verb->run != NULL || verb->verbs != NULL));
    assert_true(verb->verbs != NULL || verb->example != NULL);
    assert_ok(sops_options_open(&o, verb, &e), &e);
    o.command = command;
    assert_ok(sops_usage_of(verb, command, &text, &e), &e);
    const char *whole = sops_buf_cstr(&text, &e);
    assert_non_null(whole);
    check_text(&o, whole);
    for (size_t i = 0; i < o.slots; i++) { /* no two of one name */
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(o.slot[i].def.name, o.slot[k].def.name);
        }
    }
    assert_non_null(strstr(man, verb->summary));
    sops_buf_free(&text);
    sops_options_free(&o);
    char prefix[90];
    (void)snprintf(prefix, sizeof prefix, "%s ", command);
    for (size_t i = 0; verb != &sops_verb_root && verb->verbs != NULL && verb->verbs[i] != NULL; i++) {
        check_verb(verb->verbs[i], prefix, man);
    }
}

static void every_command(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf man = {0};
    assert_ok(sops_usage_man(&man, &e), &e);
    const char *text = sops_buf_cstr(&man, &e);
    assert_non_null(text);
    check_verb(&sops_verb_root, "", text);
    for (size_t i = 0; sops_verbs[i] != NULL; i++) {
        check_verb(sops_verbs[i], "", text);
        assert_ptr_equal(sops_verb_find(sops_verbs, sops_verbs[i]->name), sops_verbs[i]);
    }
    assert_null(sops_verb_find(sops_verbs, "nonsense"));
    assert_ptr_equal(sops_verb_find(sops_verbs, "h"), &sops_verb_help);
    sops_buf_free(&man);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_command)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
