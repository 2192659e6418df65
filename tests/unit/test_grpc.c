/* SPDX-License-Identifier: Apache-2.0 */
/* Client and server on the two ends of a socket pair, and each alone with a peer that does not do what it should. */
#include "testing.h"

#include "base/proc.h"
#include "base/encode.h"
#include "services/grpc.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a stream on a descriptor ---------------------------------------------------------------------------------- */

static ptrdiff_t fd_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    int fd = *(int *)s->ctx;
    struct pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, timeout_ms) == 0) {
        return -2;
    }
    ptrdiff_t got = read(fd, to, n);
    if (got < 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "read: %s", strerror(errno));
    }
    return got;
}

static bool fd_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    while (bytes.len != 0) {
        ssize_t n = send(*(int *)s->ctx, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0) {
            return sops_fail(e, SOPS_E_GENERIC, "write: %s", strerror(errno));
        }
        bytes = sops_slice_skip(bytes, (size_t)n);
    }
    return true;
}

static void fd_close(struct sops_stream *s)
{
    int *fd = s->ctx;
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

/* ---- a server in a thread ---------------------------------------------------------------------------------------- */

static const char *const methods[] = {"Echo", "Fail", "Big", NULL};

static void answer(void *ctx, unsigned method, struct sops_slice message, struct sops_grpc_answer *a)
{
    struct sops_err e = {0};
    unsigned *calls = ctx;
    (*calls)++;
    if (method == 1) {
        a->code = SOPS_GRPC_PERMISSION_DENIED;
        assert_true(sops_buf_adds(&a->words, "no, 100% \"sch\xc3\xb6n\"\nnot", &e));
    } else if (method == 2) {
        assert_true(sops_buf_addn(&a->message, 'x', SOPS_GRPC_MAX + 1, &e));
    } else {
        assert_true(sops_buf_add(&a->message, message, &e));
    }
}

struct server {
    pthread_t thread;
    int fd;
    unsigned calls;
    unsigned limit_ms;
    bool ok;
};

static void *serve(void *arg)
{
    struct server *s = arg;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_stream stream = {fd_read, fd_write, fd_close, &s->fd};
    const struct sops_grpc_service service = {"Svc", methods, answer, &s->calls, s->limit_ms, s->limit_ms, s->limit_ms};
    s->ok = sops_grpc_serve(&w, &stream, &service, &e);
    stream.close(&stream);
    sops_err_clear(&e);
    sops_world_forget(&w);
    return NULL;
}

static int begin(struct server *s, unsigned limit_ms)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *s = (struct server){.fd = pair[1], .limit_ms = limit_ms};
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return pair[0];
}

static void end(struct server *s) { assert_int_equal(pthread_join(s->thread, NULL), 0); }

static const struct sops_grpc_wait patient = {5000, 5000}, hasty = {300, 300};

static struct sops_grpc_client *client_on(struct sops_world *w, int *fd, const struct sops_grpc_wait *wait)
{
    struct sops_err e = {0};
    struct sops_stream stream = {fd_read, fd_write, fd_close, fd};
    struct sops_grpc_client *c = NULL;
    assert_ok(sops_grpc_open(&c, w, &stream, "localhost", wait, &e), &e);
    return c;
}

/* ---- both ends --------------------------------------------------------------------------------------------------- */

static void test_calls(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf reply = {0};
    int fd = begin(&s, 5000);
    struct sops_grpc_client *c = client_on(&w, &fd, &patient);
    assert_ok(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("one"), &reply, &e), &e);
    assert_slice(sops_buf_view(&reply), "one");
    assert_true(sops_grpc_alive(c));
    assert_ok(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT(""), &reply, &e), &e);
    assert_slice(sops_buf_view(&reply), "one");
    static const struct {
        const char *path, *words;
    } rows[] = {
        {"/Svc/Fail", "rpc error: code = PermissionDenied desc = no, 100% \"sch\xc3\xb6n\"\nnot"},
        {"/Svc/Big", "rpc error: code = ResourceExhausted desc = the answer is longer than a message may be"},
        {"/Svc/Nope", "rpc error: code = Unimplemented desc = unknown method Nope for service Svc"},
        {"/Other/Echo", "rpc error: code = Unimplemented desc = unknown service Other"},
        {"/Svc", "rpc error: code = Unimplemented desc = malformed method name: \"/Svc\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(sops_grpc_call(c, rows[i].path, SOPS_LIT("x"), &reply, &e));
        assert_string_equal(e.msg, rows[i].words);
        sops_err_clear(&e);
    }
    sops_buf_free(&reply);
    sops_grpc_close(c);
    end(&s);
    assert_true(s.ok);
    assert_int_equal(s.calls, 4);
    sops_world_forget(&w);
}

static void test_large_messages(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf large = {0}, reply = {0};
    int fd = begin(&s, 20000);
    struct sops_grpc_client *c = client_on(&w, &fd, &(struct sops_grpc_wait){20000, 20000});
    assert_ok(sops_buf_addn(&large, 'x', SOPS_GRPC_MAX, &e), &e);
    assert_ok(sops_grpc_call(c, "/Svc/Echo", sops_buf_view(&large), &reply, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&reply), sops_buf_view(&large)));
    assert_ok(sops_buf_addc(&large, 'x', &e), &e);
    assert_false(sops_grpc_call(c, "/Svc/Echo", sops_buf_view(&large), &reply, &e));
    assert_non_null(strstr(e.msg, "code = ResourceExhausted desc = trying to send message larger than max"));
    sops_err_clear(&e);
    sops_buf_cut(&reply, 0);
    assert_ok(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("still there"), &reply, &e), &e);
    assert_slice(sops_buf_view(&reply), "still there");
    sops_buf_free(&reply);
    sops_buf_free(&large);
    sops_grpc_close(c);
    end(&s);
    sops_world_forget(&w);
}

static void test_many_calls_on_one_connection(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    int fd = begin(&s, 5000);
    struct sops_grpc_client *c = client_on(&w, &fd, &patient);
    size_t live = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct sops_buf reply = {0};
        assert_ok(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("again"), &reply, &e), &e);
        sops_buf_free(&reply);
        live = i == 200 ? sops_mem_live() : live;
    }
    assert_true(sops_mem_live() <= live + 20);
    sops_grpc_close(c);
    end(&s);
    assert_int_equal(s.calls, 1000);
    sops_world_forget(&w);
}

#define SETTINGS "\0\0\0\4\0\0\0\0\0"

/* ---- a client alone ------------------------------------------------------------------------------------------------
 */

static void test_peer_that_is_silent(void **state)
{
    (void)state;
    int pair[2];
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf reply = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct sops_grpc_client *c = client_on(&w, &pair[0], &hasty);
    assert_false(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("x"), &reply, &e));
    assert_non_null(strstr(e.msg, "code = Unavailable desc = no answer from the service within"));
    sops_err_clear(&e);
    assert_false(sops_grpc_alive(c));
    sops_grpc_close(c);
    (void)close(pair[1]);
    sops_world_forget(&w);
}

/* It greets, and is silent then: the other limit counts. */
static void test_peer_that_only_greets(void **state)
{
    (void)state;
    int pair[2];
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf reply = {0};
    const int64_t begin = sops_clock_ms();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct sops_grpc_client *c = client_on(&w, &pair[0], &(struct sops_grpc_wait){60000, 2000});
    assert_int_equal(write(pair[1], SETTINGS, sizeof SETTINGS - 1), sizeof SETTINGS - 1);
    assert_false(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("x"), &reply, &e));
    assert_non_null(strstr(e.msg, "code = Unavailable desc = no answer from the service within 2 seconds"));
    assert_true(sops_clock_ms() - begin < 20000);
    sops_err_clear(&e);
    sops_grpc_close(c);
    (void)close(pair[1]);
    sops_world_forget(&w);
}

/* What the peer sends whatever it was asked, after which it goes away. */
static void check_peer(const char *sent, size_t n, const char *words)
{
    int pair[2];
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf reply = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct sops_grpc_client *c = client_on(&w, &pair[0], &patient);
    assert_int_equal(write(pair[1], sent, n), n);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    assert_false(sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("x"), &reply, &e));
    if (strstr(e.msg, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, e.msg);
    }
    sops_err_clear(&e);
    assert_int_equal(reply.len, 0);
    sops_grpc_close(c);
    (void)close(pair[1]);
    sops_world_forget(&w);
}

#define CHECK_PEER(sent, words) check_peer("" sent, sizeof(sent) - 1, words)

static void test_peers_that_talk_nonsense(void **state)
{
    (void)state;
    CHECK_PEER("", "the service closed the connection");
    CHECK_PEER("HTTP/1.1 400 Bad Request\r\n\r\n", "code = Unavailable");
    CHECK_PEER(SETTINGS, "the service closed the connection");
    CHECK_PEER(SETTINGS "\xff\xff\xff\0\0\0\0\0\1", "code = Unavailable"); /* an oversized frame */
    CHECK_PEER(SETTINGS "\0\0\4\3\0\0\0\0\1\0\0\0\x7", "code = Unavailable desc = stream terminated");   /* refused */
    CHECK_PEER(SETTINGS "\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\0", "code = Unavailable");                    /* goodbye */
    CHECK_PEER(SETTINGS "\0\0\1\1\5\0\0\0\1\x8d", "code = Unimplemented desc = unexpected HTTP status"); /* 404 */
    CHECK_PEER(SETTINGS "\0\0\1\1\5\0\0\0\1\x88", "code = Unknown desc = the answer is none of gRPC");   /* bare 200 */
}

/* ---- a server alone ------------------------------------------------------------------------------------------------
 */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS

/* Sends bytes and reads until the server ends; the time limit of the server is short. */
static void raw(const char *sent, size_t n, struct sops_buf *got, unsigned *calls)
{
    struct server s;
    struct sops_err e = {0};
    int fd = begin(&s, 300);
    assert_int_equal(send(fd, sent, n, MSG_NOSIGNAL), n);
    uint8_t bytes[4096];
    ssize_t m;
    while ((m = read(fd, bytes, sizeof bytes)) > 0) {
        assert_true(sops_buf_add(got, sops_slice_of(bytes, (size_t)m), &e));
    }
    (void)close(fd);
    end(&s);
    *calls = s.calls;
}

#define RAW(sent)                                                                                                      \
    do {                                                                                                               \
        struct sops_buf got_ = {0};                                                                                    \
        unsigned calls_;                                                                                               \
        raw("" sent, sizeof(sent) - 1, &got_, &calls_);                                                                \
        assert_int_equal(calls_, 0);                                                                                   \
        assert_true(got_.len >= 9); /* its SETTINGS at least */                                                        \
        sops_buf_free(&got_);                                                                                          \
    } while (0)

static void test_clients_that_misbehave(void **state)
{
    (void)state;
    RAW("");
    RAW("P");
    RAW("GET / HTTP/1.1\r\n\r\n");
    RAW(PREFACE);
    RAW(PREFACE "\xff\xff\xff\0\0\0\0\0\1");
    RAW(PREFACE "\0\0\4\0\0\0\0\0\1abcd");             /* data of a stream that was never opened */
    RAW(PREFACE "\0\0\1\1\4\0\0\0\1\x83");             /* a request that never goes on */
    RAW(PREFACE "\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff"); /* header compression gone wrong */
    RAW(PREFACE "\0\0\4\x8\0\0\0\0\0\0\0\0\0");        /* window update of nothing */
}

/* Sends the start, then the same again and again: the limit of 300 ms is for all of it. */
static void check_drip(struct sops_slice start, struct sops_slice drop)
{
    struct server s;
    int fd = begin(&s, 300);
    const int64_t since = sops_clock_ms();
    assert_int_equal(send(fd, start.ptr, start.len, MSG_NOSIGNAL), start.len);
    while (send(fd, drop.ptr, drop.len, MSG_NOSIGNAL) > 0) {
        assert_true(sops_clock_ms() - since < 20000);
        (void)usleep(50000);
    }
    (void)close(fd);
    end(&s);
    assert_int_equal(s.calls, 0);
}

static void test_clients_that_only_drip(void **state)
{
    (void)state;
    check_drip(SOPS_LIT(""), SOPS_LIT("\0")); /* not even a greeting */
    check_drip(SOPS_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\xff\xff\4\0\0\0\0\0"), SOPS_LIT("x"));
    check_drip(SOPS_LIT(PREFACE), SOPS_LIT("\0\0\x8\6\0\0\0\0\0pingpong"));
    check_drip(SOPS_LIT(PREFACE), SOPS_LIT(SETTINGS));
    check_drip(SOPS_LIT(PREFACE "\xff\0\0"), SOPS_LIT("x")); /* a frame that never ends */
    check_drip(SOPS_LIT(PREFACE "\0\0\1\1\4\0\0\0\1\x83"), SOPS_LIT("\0\0\1\0\0\0\0\0\1x"));
}

static void test_escapes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},          {"plain text", "plain text"}, {"100%", "100%25"},
        {"a\nb", "a%0Ab"}, {"\xc3\xa9", "%C3%A9"},       {"\x7f", "%7F"},
    };
    struct sops_err e = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_buf there = {0}, back = {0};
        assert_ok(sops_grpc_escape(&there, sops_str(rows[i][0]), &e), &e);
        assert_slice(sops_buf_view(&there), rows[i][1]);
        assert_ok(sops_percent_take(&back, sops_buf_view(&there), &e), &e);
        assert_slice(sops_buf_view(&back), rows[i][0]);
        sops_buf_free(&there);
        sops_buf_free(&back);
    }
    struct sops_buf odd = {0};
    assert_ok(sops_percent_take(&odd, SOPS_LIT("%zz%4%41%"), &e), &e);
    assert_slice(sops_buf_view(&odd), "%zz%4A%");
    sops_buf_free(&odd);
}

/* ---- memory that runs out ------------------------------------------------------------------------------------------
 */

struct script {
    struct sops_slice left;
};

static ptrdiff_t script_read(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    struct script *from = s->ctx;
    (void)timeout_ms;
    (void)e;
    struct sops_slice part = sops_slice_first(from->left, n);
    if (part.len != 0) {
        memcpy(to, part.ptr, part.len);
    }
    from->left = sops_slice_skip(from->left, part.len);
    return (ptrdiff_t)part.len;
}

static bool script_write(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    (void)s;
    (void)bytes;
    (void)e;
    return true;
}

static void script_close(struct sops_stream *s) { (void)s; }

static void add_frame(struct sops_buf *out, uint8_t kind, uint8_t flags, struct sops_slice payload)
{
    struct sops_err e = {0};
    const uint8_t head[9] = {0, (uint8_t)(payload.len >> 8), (uint8_t)payload.len, kind, flags, 0, 0, 0, 1};
    assert_true(sops_buf_add(out, sops_slice_of(head, sizeof head), &e) && sops_buf_add(out, payload, &e));
}

static void add_field(struct sops_buf *out, const char *name, const char *value)
{
    struct sops_err e = {0};
    assert_true(sops_buf_addf(out, &e, "%c%c%s%c%s", 0, (int)strlen(name), name, (int)strlen(value), value));
}

static bool client_once(struct sops_world *w, struct sops_slice answer_bytes, struct sops_buf *reply,
                        struct sops_err *e)
{
    struct script from = {answer_bytes};
    struct sops_stream stream = {script_read, script_write, script_close, &from};
    struct sops_grpc_client *c = NULL;
    bool ok = sops_grpc_open(&c, w, &stream, "localhost", &patient, e) &&
              sops_grpc_call(c, "/Svc/Echo", SOPS_LIT("x"), reply, e);
    sops_grpc_close(c);
    return ok;
}

static void test_client_without_memory(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf bytes = {0}, fields = {0};
    assert_true(sops_buf_add(&bytes, SOPS_LIT(SETTINGS), &e));
    add_field(&fields, ":status", "200");
    add_field(&fields, "content-type", "application/grpc");
    add_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, sops_buf_view(&fields));
    add_frame(&bytes, NGHTTP2_DATA, 0, SOPS_LIT("\0\0\0\0\2hi"));
    sops_buf_cut(&fields, 0);
    add_field(&fields, "grpc-status", "0");
    add_field(&fields, "grpc-message", "a%20b");
    add_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, sops_buf_view(&fields));
    assert_ok(sops_grpc_load(&w, &e), &e);
    size_t live = sops_mem_live();
    bool ok = false;
    for (uint64_t k = 1; !ok; k++) {
        struct sops_buf reply = {0};
        sops_mem_fail_at(k);
        ok = client_once(&w, sops_buf_view(&bytes), &reply, &e);
        sops_mem_fail_at(0);
        assert_int_equal(ok, e.code == SOPS_OK);
        if (ok) {
            assert_slice(sops_buf_view(&reply), "hi");
        }
        sops_err_clear(&e);
        sops_buf_free(&reply);
        assert_int_equal(sops_mem_live(), live);
    }
    sops_buf_free(&fields);
    sops_buf_free(&bytes);
    sops_world_forget(&w);
}

static void test_server_without_memory(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_buf bytes = {0}, fields = {0};
    unsigned calls = 0;
    const struct sops_grpc_service service = {"Svc", methods, answer, &calls, 5000, 5000, 5000};
    assert_true(sops_buf_add(&bytes, SOPS_LIT(PREFACE), &e));
    add_field(&fields, ":method", "POST");
    add_field(&fields, ":scheme", "http");
    add_field(&fields, ":path", "/Svc/Nope");
    add_field(&fields, ":authority", "localhost");
    add_field(&fields, "content-type", "application/grpc");
    add_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, sops_buf_view(&fields));
    add_frame(&bytes, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, SOPS_LIT("\0\0\0\0\2hi"));
    assert_ok(sops_grpc_load(&w, &e), &e);
    size_t live = sops_mem_live();
    bool ok = false;
    for (uint64_t k = 1; !ok; k++) {
        struct script from = {sops_buf_view(&bytes)};
        struct sops_stream stream = {script_read, script_write, script_close, &from};
        sops_mem_fail_at(k);
        ok = sops_grpc_serve(&w, &stream, &service, &e);
        sops_mem_fail_at(0);
        assert_int_equal(ok, e.code == SOPS_OK);
        sops_err_clear(&e);
        assert_int_equal(sops_mem_live(), live);
    }
    assert_int_equal(calls, 0);
    sops_buf_free(&fields);
    sops_buf_free(&bytes);
    sops_world_forget(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_large_messages),
        cmocka_unit_test(test_many_calls_on_one_connection),
        cmocka_unit_test(test_peer_that_is_silent),
        cmocka_unit_test(test_peer_that_only_greets),
        cmocka_unit_test(test_peers_that_talk_nonsense),
        cmocka_unit_test(test_clients_that_misbehave),
        cmocka_unit_test(test_clients_that_only_drip),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_client_without_memory),
        cmocka_unit_test(test_server_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
