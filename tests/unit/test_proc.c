/* SPDX-License-Identifier: Apache-2.0 */
/* Words joined by '|' so that a table can show them. */
#include "base/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct {
    const char *text, *words; /* words NULL: refused */
} splits[] = {
    {"", ""},
    {" \t\r\n", ""},
    {"vim", "vim|"},
    {"  vim  -n\tx\ny\rz ", "vim|-n|x|y|z|"},
    {"'a b' \"c d\"", "a b|c d|"},
    {"a'b c'd\"e f\"g", "ab cde fg|"},
    {"'' \"\"", "||"},
    {"'a\\b'", "a\\b|"},
    {"\"a\\b\\\"\\\\\"", "ab\"\\|"},
    {"a\\ b\\\nc\\'", "a b\nc'|"},
    {"a #b c\nd", "a|d|"},
    {"#a", ""},
    {"a#b", "a#b|"},
    {"''#a", "#a|"},
    {"\"#a\" \\#b", "#a|#b|"},
    {"$HOME ~ *.c `x` a|b", "$HOME|~|*.c|`x`|a|b|"},
    {"'a", NULL},
    {"\"a", NULL},
    {"\"a\\", NULL},
    {"a\\", NULL},
    {"a '", NULL},
};

static void split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        struct sops_words w;
        struct sops_err e = {0};
        bool ok = sops_words_split(&w, sops_str(splits[i].text), &e);
        assert_int_equal(ok, splits[i].words != NULL);
        assert_int_equal(ok, e.code == SOPS_OK);
        if (!ok) {
            assert_int_equal(w.count, 0);
            continue;
        }
        struct sops_buf joined = {0};
        assert_null(w.word[w.count]);
        for (size_t k = 0; k < w.count; k++) {
            assert_true(sops_buf_addf(&joined, &e, "%s|", w.word[k]));
        }
        assert_string_equal(sops_buf_cstr(&joined, &e), splits[i].words);
        sops_buf_free(&joined);
        sops_words_free(&w);
    }
    struct sops_words w;
    struct sops_err e = {0};
    assert_false(sops_words_split(&w, SOPS_LIT("a\0b"), &e));
    assert_int_equal(sops_mem_live(), 0);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct sops_words w;
    struct sops_err e = {0};
    sops_mem_fail_at(1);
    assert_false(sops_words_split(&w, SOPS_LIT("a b"), &e));
    sops_mem_fail_at(0);
    assert_string_equal(e.msg, "out of memory");
    assert_int_equal(sops_mem_live(), 0);
}

static void put(const char *path, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void find(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_proc.XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("a", 0700) | mkdir("b", 0700) | mkdir("a/tool2", 0700), 0);
    put("a/tool", 0600);
    put("b/tool", 0700);
    put("b/tool2", 0700);
    char path[200], want[200];
    (void)snprintf(path, sizeof path, "%s/none:%s/a:%s/b:", dir, dir, dir);
    const char *const names[] = {"tool", "tool2"};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < 2; i++) { /* neither a file that cannot be run nor a folder counts */
        (void)snprintf(want, sizeof want, "%s/b/%s", dir, names[i]);
        assert_true(sops_proc_find(names[i], path, &out, &e));
        assert_string_equal(sops_buf_cstr(&out, &e), want);
        sops_buf_free(&out);
    }
    assert_true(sops_proc_find("b/tool", NULL, &out, &e));
    assert_string_equal(sops_buf_cstr(&out, &e), "b/tool");
    sops_buf_free(&out);
    const char *const bad[][2] = {{"none", path}, {"tool", "b"},  {"a/tool", path},
                                  {"", path},     {"tool", NULL}, {"a/tool2", path}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sops_proc_find(bad[i][0], bad[i][1], &out, &e));
        assert_int_equal(e.code, SOPS_E_GENERIC);
        sops_err_clear(&e);
    }
    assert_int_equal(chdir("/"), 0);
    (void)snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
    assert_int_equal(sops_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
