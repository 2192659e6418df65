/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings, and the file that names them; a database that answers is met by the conformance cases. */
#include "testing.h"

#include "services/audit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_known(void *ctx, struct sops_slice name)
{
    (void)ctx;
    static const char *const names[] = {"host", "user", "password", "dbname", "sslmode", "options"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (sops_slice_eq(name, sops_str(names[i]))) {
            return true;
        }
    }
    return false;
}

static void test_connection_strings(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *text, *options;
    } rows[] = {
        {"", "", ""},
        {"  ", "", ""},
        {"postgres://a:b@h/d", "postgres://a:b@h/d", ""},
        {"postgres://h/d?sslmode=disable", "postgres://h/d?sslmode=disable", ""},
        {"postgresql://h/d?search_path=x&sslmode=disable", "postgresql://h/d?sslmode=disable", "-c search_path=x"},
        {"postgres://h/d?a=%41%20b&c=d%5Ce", "postgres://h/d", "-c a=A\\ b -c c=d\\\\e"},
        {"postgres://h/d?binary_parameters=yes&ssl=true", "postgres://h/d?ssl=true", ""},
        {"host=h user=u", "host='h' user='u'", ""},
        {"host = h\tpassword='a b\\'c' dbname=d\\ e", "host='h' password='a b\\'c' dbname='d e'", ""},
        {"timezone=UTC host=h datestyle='ISO, MDY'", "host='h'", "-c timezone=UTC -c datestyle=ISO,\\ MDY"},
        {"host='' user=u", "host='' user='u'", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_buf text = {0}, options = {0};
        assert_ok(sops_audit_dsn(sops_str(rows[i].dsn), is_known, NULL, &text, &options, &e), &e);
        assert_slice(sops_buf_view(&text), rows[i].text);
        assert_slice(sops_buf_view(&options), rows[i].options);
        sops_buf_free(&options);
        sops_buf_free(&text);
    }
}

static void test_connection_strings_that_are_none(void **state)
{
    (void)state;
    static const char *const rows[] = {"canary", "host=h canary", "password='canary", "=canary"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_buf text = {0}, options = {0};
        assert_false(sops_audit_dsn(sops_str(rows[i]), is_known, NULL, &text, &options, &e));
        assert_null(strstr(e.msg, "canary"));
        sops_err_clear(&e);
        sops_buf_free(&options);
        sops_buf_free(&text);
    }
}

/* ---- the file ------------------------------------------------------------------------------------------------------
 */

static bool load_text(struct sops_world *w, const char *text, struct sops_err *e)
{
    char path[] = "/tmp/sops-test-audit-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    bool ok = sops_audit_load_from(w, path, e);
    assert_int_equal(unlink(path), 0);
    return ok;
}

static void test_no_audit(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "backends: {}\n", "backends:\n  other: []\nmore: 1\n", "backends:\n  postgres: []\n", "backends:\n",
    };
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ok(load_text(&w, texts[i], &e), &e);
        assert_true(w.audit == NULL);
    }
    assert_ok(sops_audit_load_from(&w, "/nowhere/audit.yaml", &e), &e);
    assert_ok(sops_audit_load_from(&w, "/tmp", &e), &e);
    assert_true(w.audit == NULL);
}

static void test_malformed_file(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "backends: [",
        "backends: text\n",
        "backends:\n  postgres: text\n",
        "- a\n",
    };
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(load_text(&w, texts[i], &e));
        assert_int_equal(e.code, SOPS_E_GENERIC);
        assert_non_null(strstr(e.msg, "/tmp/sops-test-audit-"));
        assert_true(w.audit == NULL);
        sops_err_clear(&e);
    }
}

static void test_database_that_cannot_be_reached(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "backends:\n  postgres:\n  - connection_string: postgres://me:canary@127.0.0.1:9/db?sslmode=disable\n",
        "backends:\n  postgres:\n  - connection_string: host=127.0.0.1 port=9 user=me password=canary dbname=db\n",
        "backends:\n  postgres:\n  - connection_string: postgres://me:canary@127.0.0.1:9/db?port=canary\n",
        "backends:\n  postgres:\n  - connection_string: 'postgres://me:can%ary@[127.0.0.1:9/db'\n",
        "backends:\n  postgres:\n  - text\n",
    };
    if (dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL) == NULL) {
        skip();
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sops_world w = TEST_WORLD;
        struct sops_err e = {0};
        assert_false(load_text(&w, texts[i], &e));
        assert_int_equal(e.code, SOPS_E_GENERIC);
        assert_null(strstr(e.msg, "canary@"));
        assert_null(strstr(e.msg, "password"));
        assert_true(w.audit == NULL);
        if (i < 2) {
            assert_non_null(strstr(e.msg, "host 127.0.0.1, port 9, database db, user me"));
            assert_non_null(strstr(e.msg, "connection refused"));
        }
        sops_err_clear(&e);
        sops_world_forget(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_strings),
        cmocka_unit_test(test_connection_strings_that_are_none),
        cmocka_unit_test(test_no_audit),
        cmocka_unit_test(test_malformed_file),
        cmocka_unit_test(test_database_that_cannot_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
