/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP against a server of our own in a thread: limits, times, redirects, proxies, broken answers. What asks no
 * server is in test_http_rules.c. */
#include "cloud/http.h"
#include "http_world.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- the server ------------------------------------------------------------------------------------------------ */

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    _Atomic unsigned connections;
    _Atomic bool stop;
};

static void put(int fd, const char *text) { (void)send(fd, text, strlen(text), MSG_NOSIGNAL); }

static void put_echo(int fd, const char *request)
{
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
    put(fd, head);
    put(fd, request);
}

static void put_many(int fd, const char *start, size_t chunks)
{
    char chunk[65536];
    memset(chunk, 'x', sizeof chunk);
    put(fd, start);
    for (size_t i = 0; i < chunks && send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) > 0; i++) {
    }
}

/* Answers by the path; false: the connection is to be closed. */
static bool answer(struct server *s, int fd, const char *request)
{
    const char *path = strchr(request, '/');
    char text[256];
    if (strstr(request, "http://example.test") != NULL || strncmp(path, "/echo", 5) == 0) {
        put_echo(fd, request);
        return true;
    }
    if (strncmp(path, "/ok", 3) == 0) {
        put(fd, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Test: one\r\nContent-Length: "
                "5\r\n\r\nhello");
        return true;
    }
    if (strncmp(path, "/slow", 5) == 0) {
        (void)usleep(60000);
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return true;
    }
    if (strncmp(path, "/to-ok", 6) == 0 || strncmp(path, "/away", 5) == 0) {
        (void)snprintf(text, sizeof text, "HTTP/1.1 307 Go\r\nLocation: %s%u%s\r\nContent-Length: 0\r\n\r\n",
                       path[1] == 't' ? "http://127.0.0.1:" : "http://127.0.0.2:", s->port, "/ok");
        put(fd, text);
        return true;
    }
    if (strncmp(path, "/loop", 5) == 0) {
        put(fd, "HTTP/1.1 302 Go\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/cut", 4) == 0) {
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    } else if (strncmp(path, "/garbage", 8) == 0) {
        put(fd, "\x01\x02garbage\r\n\r\n");
    } else if (strncmp(path, "/big", 4) == 0) {
        put_many(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n", 32);
    } else if (strncmp(path, "/head", 5) == 0) {
        put_many(fd, "HTTP/1.1 200 OK\r\nX-Long: ", 8);
    } else if (strncmp(path, "/hang", 5) == 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)poll(&p, 1, 5000);
    }
    return false;
}

static void serve_connection(struct server *s, int fd)
{
    char request[4096];
    for (;;) {
        ssize_t n = 0, got;
        do {
            got = recv(fd, request + n, sizeof request - 1 - (size_t)n, 0);
            n += got > 0 ? got : 0;
            request[n] = '\0';
        } while (got > 0 && strstr(request, "\r\n\r\n") == NULL);
        if (got <= 0 || !answer(s, fd, request)) {
            break;
        }
    }
    (void)close(fd);
}

struct guest {
    struct server *server;
    int fd;
};

static void *guest_main(void *arg)
{
    struct guest g = *(struct guest *)arg;
    sops_free(arg);
    serve_connection(g.server, g.fd);
    return NULL;
}

static void *server_main(void *arg)
{
    struct server *s = arg;
    struct sops_err e = {0};
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (s->stop || fd < 0) {
            (void)close(fd);
            return NULL;
        }
        s->connections++;
        struct guest *g = sops_alloc(sizeof *g, &e);
        pthread_t thread;
        *g = (struct guest){s, fd};
        if (pthread_create(&thread, NULL, guest_main, g) == 0) {
            (void)pthread_detach(thread);
        }
    }
}

static void start(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    *s = (struct server){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

static void stop(struct server *s)
{
    s->stop = true;
    (void)shutdown(s->fd, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->fd);
}

static bool get(struct sops_world *w, const struct server *s, const char *path, struct sops_http_req req,
                struct sops_http_res *res, struct sops_err *e)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", s->port, path);
    req.method = req.method != NULL ? req.method : "GET";
    req.url = url;
    return w->http(w, &req, res, e);
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void exchange(void **state)
{
    (void)state;
    static const char *const lines[] = {"X-Mine: yes", NULL};
    struct server s;
    struct sops_world w;
    struct sops_err e = {0};
    struct sops_http_res res = {0};
    start(&s);
    new_world(&w);
    assert_ok(get(&w, &s, "/ok", (struct sops_http_req){0}, &res, &e), &e);
    assert_int_equal(res.status, 200);
    assert_slice(sops_buf_view(&res.body), "hello");
    assert_slice(sops_http_header(&res, "x-test"), "one");
    assert_slice(sops_http_header(&res, "X-Early"), "");
    sops_http_res_free(&res);
    struct sops_http_req post = {.method = "PUT", .body = SOPS_LIT("body"), .headers = lines};
    assert_ok(get(&w, &s, "/echo?a=b", post, &res, &e), &e);
    const char *text = sops_buf_cstr(&res.body, &e);
    assert_int_equal(strncmp(text, "PUT /echo?a=b HTTP/1.1\r\n", 24), 0);
    assert_non_null(strstr(text, "X-Mine: yes\r\n"));
    assert_null(strstr(text, "Expect:"));
    assert_null(strstr(text, "Content-Type:"));
    sops_http_res_free(&res);
    /* One connection served both. */
    assert_int_equal(s.connections, 1);
    sops_world_forget(&w);
    stop(&s);
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        struct sops_http_req req;
        const char *words;
        bool for_good;
    } cases[] = {
        {"/cut", {.limit = 0}, "/cut\": ", false},
        {"/garbage", {.limit = 0}, "/garbage\": ", false},
        {"/close", {.limit = 0}, "EOF", false},
        {"/big", {.limit = 0}, "the answer is longer than 1048576 bytes", true},
        {"/ok", {.limit = 3}, "the answer is longer than 3 bytes", true},
        {"/head", {.limit = 0}, "/head\": ", false},
        {"/hang?secret=canary", {.total_ms = 300}, "/hang\": ", false},
    };
    struct server s;
    struct sops_world w;
    start(&s);
    new_world(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_http_res res = {0};
        assert_false(get(&w, &s, cases[i].path, cases[i].req, &res, &e));
        if (strstr(e.msg, cases[i].words) == NULL || strstr(e.msg, "canary") != NULL) {
            print_error("%s: %s\n", cases[i].path, e.msg);
            fail();
        }
        assert_int_equal(res.body.len + res.head.len, 0);
        assert_int_equal(e.hint[0] != '\0', cases[i].for_good);
        sops_err_clear(&e);
    }
    sops_world_forget(&w);
    stop(&s);
}

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/* SOPS_HTTP_TIMEOUT counts where the request names no limit of its own, and only when it is a number of seconds. */
static void time_limit(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned own_ms;
        double least, most;
    } cases[] = {{"1", 0, 0.9, 3}, {"20", 300, 0.2, 3}, {"1", 1800, 1.7, 4}};
    struct server s;
    struct sops_world w;
    start(&s);
    new_world(&w);
    variables[0] = "SOPS_HTTP_TIMEOUT";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_http_res res = {0};
        struct timespec begin;
        variables[1] = cases[i].value;
        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        assert_false(get(&w, &s, "/hang", (struct sops_http_req){.total_ms = cases[i].own_ms}, &res, &e));
        double took = seconds_since(&begin);
        assert_true(took >= cases[i].least && took <= cases[i].most);
        sops_err_clear(&e);
    }
    sops_world_forget(&w);
    stop(&s);
}

/* A listener whose queue is full lets further connections wait. */
static void connect_limit(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listening = socket(AF_INET, SOCK_STREAM, 0), queued[8];
    assert_int_equal(bind(listening, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listening, 0), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&a, &len), 0);
    for (size_t i = 0; i < 8; i++) {
        queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(queued[i], (struct sockaddr *)&a, sizeof a);
    }
    struct server s = {.port = ntohs(a.sin_port)};
    struct sops_world w;
    struct sops_err e = {0};
    struct sops_http_res res = {0};
    struct timespec begin;
    new_world(&w);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_false(get(&w, &s, "/ok", (struct sops_http_req){.connect_ms = 400}, &res, &e));
    double took = seconds_since(&begin);
    assert_true(took >= 0.3 && took <= 5);
    sops_err_clear(&e);
    for (size_t i = 0; i < 8; i++) {
        (void)close(queued[i]);
    }
    (void)close(listening);
    sops_world_forget(&w);
}

/* Two hosts by turns: each has one connection in the end. */
static void connections_of_two_hosts(void **state)
{
    (void)state;
    struct server s[2];
    struct sops_world w;
    start(&s[0]);
    start(&s[1]);
    new_world(&w);
    for (int i = 0; i < 20; i++) {
        struct sops_err e = {0};
        struct sops_http_res res = {0};
        assert_ok(get(&w, &s[i % 3 == 0], "/ok", (struct sops_http_req){0}, &res, &e), &e);
        sops_http_res_free(&res);
    }
    assert_int_equal(s[0].connections, 1);
    assert_int_equal(s[1].connections, 1);
    sops_world_forget(&w);
    stop(&s[0]);
    stop(&s[1]);
}

static void no_server(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w;
    struct sops_err e = {0};
    struct sops_http_res res = {0};
    char url[128], want[128];
    start(&s);
    stop(&s);
    new_world(&w);
    (void)snprintf(url, sizeof url, "http://user:canary@127.0.0.1:%u/a/b?c=canary", s.port);
    (void)snprintf(want, sizeof want, "POST \"http://127.0.0.1:%u/a/b\": connection refused", s.port);
    struct sops_http_req req = {.method = "POST", .url = url};
    assert_false(w.http(&w, &req, &res, &e));
    assert_string_equal(e.msg, want);
    sops_err_clear(&e);
    static const char *const injected[] = {"X-Token: canary\r\nX-Other: 1", NULL};
    req.headers = injected;
    assert_false(w.http(&w, &req, &res, &e));
    assert_string_equal(e.msg, "the value of the header X-Token holds a line break");
    sops_err_clear(&e);
    req.headers = NULL;
    req.url = "file:///etc/passwd";
    assert_false(w.http(&w, &req, &res, &e));
    assert_string_equal(e.msg, "not an http or https URL");
    sops_err_clear(&e);
    sops_world_forget(&w);
}

static void redirects(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool follow;
        int status;
    } cases[] = {{"/to-ok", true, 200}, {"/to-ok", false, 307}, {"/away", true, 307}, {"/loop", true, 302}};
    struct server s;
    struct sops_world w;
    start(&s);
    new_world(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_http_res res = {0};
        assert_ok(get(&w, &s, cases[i].path, (struct sops_http_req){.one_redirect = cases[i].follow}, &res, &e), &e);
        assert_int_equal(res.status, cases[i].status);
        sops_http_res_free(&res);
    }
    sops_world_forget(&w);
    stop(&s);
}

/* A proxy of the environment, one of the request, none. */
static void through_proxy(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w;
    struct sops_err e = {0};
    struct sops_http_res res = {0};
    char proxy[64];
    start(&s);
    new_world(&w);
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", s.port);
    struct sops_http_req req = {.method = "GET", .url = "http://example.test/x", .proxy = proxy};
    assert_ok(w.http(&w, &req, &res, &e), &e);
    assert_true(sops_slice_starts(sops_buf_view(&res.body), SOPS_LIT("GET http://example.test/x HTTP/1.1\r\n")));
    sops_http_res_free(&res);
    variables[0] = "HTTP_PROXY";
    variables[1] = proxy;
    req.proxy = NULL;
    assert_ok(w.http(&w, &req, &res, &e), &e);
    sops_http_res_free(&res);
    req.no_proxy = true;
    req.connect_ms = 500;
    assert_false(w.http(&w, &req, &res, &e));
    sops_err_clear(&e);
    sops_world_forget(&w);
    stop(&s);
}

struct crowd {
    struct sops_world *w;
    struct server *s;
    unsigned good;
};

static void *ask_often(void *arg)
{
    struct crowd *c = arg;
    for (int i = 0; i < 10; i++) {
        struct sops_err e = {0};
        struct sops_http_res res = {0};
        c->good += get(c->w, c->s, "/ok", (struct sops_http_req){0}, &res, &e) && res.status == 200 ? 1 : 0;
        sops_http_res_free(&res);
        sops_err_clear(&e);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w;
    pthread_t thread[6];
    struct crowd crowd[6];
    start(&s);
    new_world(&w);
    for (size_t i = 0; i < 6; i++) {
        crowd[i] = (struct crowd){.w = &w, .s = &s};
        assert_int_equal(pthread_create(&thread[i], NULL, ask_often, &crowd[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        (void)pthread_join(thread[i], NULL);
        assert_int_equal(crowd[i].good, 10);
    }
    assert_true(s.connections <= 6);
    sops_world_forget(&w);
    stop(&s);
}

static void *ask_once(void *arg)
{
    struct crowd *c = arg;
    struct sops_err e = {0};
    struct sops_http_res res = {0};
    /* All are on their way before the first is answered. */
    c->good = get(c->w, c->s, "/slow", (struct sops_http_req){0}, &res, &e) ? 1 : 0;
    sops_http_res_free(&res);
    sops_err_clear(&e);
    return NULL;
}

/* Six requests at a time to two hosts, many times: the handles keep to their hosts. */
static void crowds_of_two_hosts(void **state)
{
    (void)state;
    struct server s[2];
    struct sops_world w;
    pthread_t thread[6];
    struct crowd crowd[6];
    start(&s[0]);
    start(&s[1]);
    new_world(&w);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 6; i++) {
            crowd[i] = (struct crowd){.w = &w, .s = &s[(i + round) % 2]};
            assert_int_equal(pthread_create(&thread[i], NULL, ask_once, &crowd[i]), 0);
        }
        for (int i = 0; i < 6; i++) {
            (void)pthread_join(thread[i], NULL);
            assert_int_equal(crowd[i].good, 1);
        }
    }
    /* Three each, or a few more when a busy machine starts a thread late; twelve if any handle were taken. */
    assert_true(s[0].connections + s[1].connections <= 9);
    sops_world_forget(&w);
    stop(&s[0]);
    stop(&s[1]);
}

/* What may have arrived is not sent again when it must not arrive twice. */
static void sent_once(void **state)
{
    (void)state;
    struct server s;
    struct sops_world w;
    char url[128];
    unsigned tried = 0;
    const struct sops_retry retry = {.tries = 3, .base_ms = 1, .cap_ms = 1, .tried = &tried};
    new_world(&w);
    for (int i = 0; i < 3; i++) {
        struct sops_err e = {0};
        struct sops_http_res res = {0};
        start(&s);
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/close", s.port);
        if (i == 2) {
            stop(&s);
        }
        const struct sops_http_req req = {.method = "PUT", .url = url, .once = i != 0};
        assert_false(sops_call(&w, &req, &retry, &res, &e));
        assert_int_equal(tried, i == 1 ? 1 : 3);
        sops_err_clear(&e);
        if (i != 2) {
            stop(&s);
        }
    }
    sops_world_forget(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange),
        cmocka_unit_test(failures),
        cmocka_unit_test(no_server),
        cmocka_unit_test(redirects),
        cmocka_unit_test(through_proxy),
        cmocka_unit_test(threads),
        cmocka_unit_test(time_limit),
        cmocka_unit_test(connect_limit),
        cmocka_unit_test(connections_of_two_hosts),
        cmocka_unit_test(crowds_of_two_hosts),
        cmocka_unit_test(sent_once),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
