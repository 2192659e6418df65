/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings, and the file that names them; a database that answers is met by the conformance cases. */
#include "testing.h"

#include "base/proc.h"
#include "services/audit.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

/* ---- a database that hangs ------------------------------------------------------------------------------------------
 */

/* Accepts one client, says `sent`, and is silent until the client goes. */
struct hanging {
    int listener;
    struct sops_slice sent;
};

static void *hang(void *arg)
{
    const struct hanging *h = arg;
    uint8_t bytes[1024];
    int fd = accept(h->listener, NULL, NULL);
    if (fd >= 0) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        n = n > 0 && h->sent.len != 0 ? write(fd, h->sent.ptr, h->sent.len) : n;
        while (n > 0) {
            n = read(fd, bytes, sizeof bytes);
        }
        (void)close(fd);
    }
    return NULL;
}

static void test_database_that_hangs(void **state)
{
    (void)state;
    static const struct {
        struct sops_slice sent;
        const char *mode, *words;
    } rows[] = {
        {{(const uint8_t *)"N", 1}, "", "SSL was required"}, /* TLS is asked for when nothing is said */
        {{(const uint8_t *)"", 0}, "sslmode=disable", "timeout expired"},
        {{(const uint8_t *)"R\0\0\0\x8\0\0\0\0Z\0\0\0\5I", 15}, "sslmode=disable", "no answer within 6 seconds"},
    };
    if (dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL) == NULL) {
        skip();
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof at;
        struct hanging h = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rows[i].sent};
        pthread_t thread;
        assert_int_equal(bind(h.listener, (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(h.listener, 1), 0);
        assert_int_equal(getsockname(h.listener, (struct sockaddr *)&at, &size), 0);
        assert_int_equal(pthread_create(&thread, NULL, hang, &h), 0);
        char text[256];
        (void)snprintf(text, sizeof text,
                       "backends:\n  postgres:\n  - connection_string: host=127.0.0.1 port=%d user=me password=canary "
                       "dbname=db connect_timeout=2 %s\n",
                       ntohs(at.sin_port), rows[i].mode);
        struct sops_world w = TEST_WORLD;
        struct sops_err e = {0};
        const int64_t begin = sops_clock_ms();
        assert_false(load_text(&w, text, &e));
        assert_true(sops_clock_ms() - begin < 20000);
        if (strstr(e.msg, rows[i].words) == NULL || strstr(e.msg, "canary") != NULL) {
            fail_msg("%s", e.msg);
        }
        assert_true(w.audit == NULL);
        sops_err_clear(&e);
        sops_world_forget(&w);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(close(h.listener), 0);
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
        cmocka_unit_test(test_database_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
