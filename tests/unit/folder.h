/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - what tests of files share: each works in a new folder and looks at all that is left in it afterwards. */
#ifndef SOPS_TESTS_FOLDER_H
#define SOPS_TESTS_FOLDER_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"

static char folder[] = "/tmp/test_sops.XXXXXX";

static inline int enter(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static inline int leave(void **state)
{
    (void)state;
    char command[100];
    (void)snprintf(command, sizeof command, "chmod -R u+rwx %s && rm -rf %s", folder, folder);
    return chdir("/") != 0 || system(command) != 0 || sops_mem_live() != 0;
}

static inline void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline void assert_holds(const char *path, const char *text)
{
    struct sops_buf b = {0};
    struct sops_err e = {0};
    assert_true(sops_file_read(path, 1 << 20, &b, &e));
    assert_string_equal(sops_buf_cstr(&b, &e), text);
    sops_buf_free(&b);
}

static inline mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode;
}

static inline size_t entries(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    assert_int_equal(closedir(d), 0);
    return n - 2;
}

/* A test with a folder of its own, which is the current one. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

#endif
