/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and connections of a key service elsewhere, which is a script here: it answers to the first call of each
 * connection, in one way or another. */
#include "testing.h"

#include "core/key.h"
#include "services/client.h"
#include "services/grpc.h"

#include <nghttp2/nghttp2.h>

/* ---- a service that is a script ------------------------------------------------------------------------------------
 */

enum manner { ANSWERS, LEAVES, SAYS_GOODBYE, REFUSES, IS_SILENT, SPEAKS_HTTP1, IS_NOT_THERE };

struct elsewhere {
    enum manner manner;
    unsigned opened, closed, warned;
    char at[128]; /* what was asked for last */
    struct sops_buf bytes;
    struct sops_slice left;
    bool asked; /* a request has begun */
};

static ptrdiff_t take(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    struct elsewhere *there = s->ctx;
    (void)e;
    (void)timeout_ms;
    if (there->manner == IS_SILENT) {
        return -2;
    }
    if (!there->asked) {
        return there->manner == LEAVES ? 0 : -2;
    }
    struct sops_slice part = sops_slice_first(there->left, n);
    if (part.len != 0) {
        memcpy(to, part.ptr, part.len);
    }
    there->left = sops_slice_skip(there->left, part.len);
    /* Behind its answer: the end, or nothing more for now. */
    return part.len != 0 || there->manner == LEAVES || there->manner == SPEAKS_HTTP1 ? (ptrdiff_t)part.len : -2;
}

static bool give(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    struct elsewhere *there = s->ctx;
    (void)bytes;
    (void)e;
    there->asked = true;
    return true;
}

static void stop(struct sops_stream *s) { ((struct elsewhere *)s->ctx)->closed++; }

static bool open_there(struct sops_world *w, const struct sops_peer *p, struct sops_stream *s, struct sops_err *e)
{
    struct elsewhere *there = w->ctx;
    (void)snprintf(there->at, sizeof there->at, "%s%s%s%s", p->unix_path != NULL ? p->unix_path : "",
                   p->host != NULL ? p->host : "", p->port != NULL ? " " : "", p->port != NULL ? p->port : "");
    there->opened++;
    if (there->manner == IS_NOT_THERE) {
        return sops_fail(e, SOPS_E_GENERIC, "nobody is there");
    }
    there->left = sops_buf_view(&there->bytes);
    there->asked = false;
    *s = (struct sops_stream){take, give, stop, there};
    return true;
}

static void warn(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)text;
    ((struct elsewhere *)w->ctx)->warned += level == SOPS_SAY_WARN;
}

static void add_frame(struct sops_buf *out, uint8_t kind, uint8_t flags, uint8_t stream, struct sops_slice payload)
{
    struct sops_err e = {0};
    const uint8_t head[9] = {0, (uint8_t)(payload.len >> 8), (uint8_t)payload.len, kind, flags, 0, 0, 0, stream};
    assert_true(sops_buf_add(out, sops_slice_of(head, sizeof head), &e) && sops_buf_add(out, payload, &e));
}

static void add_fields(struct sops_buf *out, uint8_t flags, const char *const fields[][2], size_t n)
{
    struct sops_err e = {0};
    struct sops_buf block = {0};
    for (size_t i = 0; i < n; i++) {
        assert_true(sops_buf_addf(&block, &e, "%c%c%s%c%s", 0, (int)strlen(fields[i][0]), fields[i][0],
                                  (int)strlen(fields[i][1]), fields[i][1]));
    }
    add_frame(out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | flags, 1, sops_buf_view(&block));
    sops_buf_free(&block);
}

/* Answers to the call of stream 1 with the ciphertext "enc", or as the manner says. */
static void learn(struct elsewhere *there, enum manner manner)
{
    static const char *const begin[][2] = {{":status", "200"}, {"content-type", "application/grpc"}};
    static const char *const end[][2] = {{"grpc-status", "0"}};
    struct sops_err e = {0};
    *there = (struct elsewhere){.manner = manner};
    if (manner == SPEAKS_HTTP1) {
        assert_true(sops_buf_adds(&there->bytes, "HTTP/1.1 400 Bad Request\r\n\r\n", &e));
        return;
    }
    add_frame(&there->bytes, NGHTTP2_SETTINGS, 0, 0, (struct sops_slice){0});
    if (manner == REFUSES) {
        add_frame(&there->bytes, NGHTTP2_RST_STREAM, 0, 1, SOPS_LIT("\0\0\0\7"));
        return;
    }
    add_fields(&there->bytes, 0, begin, 2);
    add_frame(&there->bytes, NGHTTP2_DATA, 0, 1, SOPS_LIT("\0\0\0\0\5\x0a\3enc"));
    add_fields(&there->bytes, NGHTTP2_FLAG_END_STREAM, end, 1);
    if (manner == SAYS_GOODBYE) {
        add_frame(&there->bytes, NGHTTP2_GOAWAY, 0, 0, SOPS_LIT("\0\0\0\1\0\0\0\0"));
    }
}

static struct sops_world world_of(struct elsewhere *there)
{
    struct sops_world w = TEST_WORLD;
    w.open = open_there;
    w.say = warn;
    w.ctx = there;
    return w;
}

static bool wrap(struct sops_service *s, struct sops_world *w, struct sops_err *e)
{
    const struct sops_key k = {.source = sops_keysource_named(SOPS_LIT("age")), .field = {SOPS_LIT("age1x")}};
    struct sops_buf enc = {0};
    bool ok = s->wrap(s, w, &k, SOPS_LIT("0123456789abcdef0123456789abcdef"), &enc, e);
    if (ok) {
        assert_slice(sops_buf_view(&enc), "enc");
    } else {
        assert_int_equal(enc.len, 0);
    }
    sops_buf_free(&enc);
    return ok;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------
 */

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *url, *at; /* "": it cannot be dialled */
        unsigned warnings;
    } rows[] = {
        {"tcp://host:5000", "host 5000", 0},
        {"tcp://127.0.0.1:5000/path", "127.0.0.1 5000", 0},
        {"tcp://host", "host 443", 0},
        {"tcp://host:", "host 443", 0},
        {"tcp4://host:1", "host 1", 0},
        {"tcp6://[::1]:2", "::1 2", 0},
        {"tcp://[fe80::1]", "fe80::1 443", 0},
        {"unix:///run/ks.sock", "/run/ks.sock", 0},
        {"unix:///run//a b", "/run//a b", 0},
        {"unix://run/ks.sock", "", 0},
        {"unix:/run/ks.sock", "", 0},
        {"unix://", "", 0},
        {"tcp://", "", 0},
        {"tcp://:5000", "", 0},
        {"tcp:host:5000", "", 0},
        {"http://host:5000", "", 0},
        {"nonsense", "", 0},
        {"", "", 0},
        {"127.0.0.1:5000", "", 1},
        {":5000", "", 1},
        {"1tcp://host:5000", "", 1},
        {"tcp://host:5000\n", "host 5000\n", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct elsewhere there;
        learn(&there, ANSWERS);
        struct sops_world w = world_of(&there);
        struct sops_service s = {0};
        struct sops_err e = {0};
        assert_ok(sops_service_remote_open(&s, &w, rows[i].url, &e), &e);
        assert_string_equal(s.name, rows[i].url);
        assert_int_equal(there.warned, rows[i].warnings);
        assert_int_equal(there.opened, 0);
        bool ok = wrap(&s, &w, &e);
        if (strcmp(there.at, rows[i].at) != 0 || ok != (rows[i].at[0] != '\0')) {
            fail_msg("'%s' led to '%s'", rows[i].url, there.at);
        }
        assert_true(ok || strstr(e.msg, "code = Unavailable desc = connection error: '") != NULL);
        sops_err_clear(&e);
        s.close(&s);
        assert_int_equal(there.closed, there.opened);
        sops_buf_free(&there.bytes);
        sops_world_forget(&w);
    }
}

/* How often three keys make it dial, and how many of them are wrapped. */
static void test_connections(void **state)
{
    (void)state;
    static const struct {
        enum manner manner;
        unsigned wrapped, opened;
        const char *words; /* of the last failure */
    } rows[] = {
        {LEAVES, 3, 3, NULL},
        {SAYS_GOODBYE, 3, 3, NULL},
        {REFUSES, 0, 1, "code = Unavailable"},
        {IS_SILENT, 0, 1, "no answer from the service within 20 seconds"},
        {SPEAKS_HTTP1, 0, 1, "the service does not speak gRPC"},
        {IS_NOT_THERE, 0, 1, "nobody is there"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct elsewhere there;
        learn(&there, rows[i].manner);
        struct sops_world w = world_of(&there);
        struct sops_service s = {0};
        struct sops_err e = {0};
        unsigned wrapped = 0;
        assert_ok(sops_service_remote_open(&s, &w, "tcp://there:1", &e), &e);
        for (unsigned k = 0; k < 3; k++) {
            sops_err_clear(&e);
            bool ok = wrap(&s, &w, &e);
            wrapped += ok;
            if (!ok && (rows[i].words == NULL || strstr(e.msg, rows[i].words) == NULL)) {
                fail_msg("row %zu: %s", i, e.msg);
            }
        }
        assert_int_equal(wrapped, rows[i].wrapped);
        if (rows[i].manner != REFUSES) {
            assert_int_equal(there.opened, rows[i].opened);
        }
        sops_err_clear(&e);
        s.close(&s);
        sops_buf_free(&there.bytes);
        sops_world_forget(&w);
    }
}

static void test_without_memory(void **state)
{
    (void)state;
    struct elsewhere there;
    learn(&there, ANSWERS);
    struct sops_world w = world_of(&there);
    struct sops_err e = {0};
    assert_ok(sops_grpc_load(&w, &e), &e);
    const size_t live = sops_mem_live();
    bool ok = false;
    for (uint64_t k = 1; !ok; k++) {
        struct sops_service s = {0};
        sops_mem_fail_at(k);
        ok = sops_service_remote_open(&s, &w, "tcp://[::1]:1", &e) && wrap(&s, &w, &e);
        sops_mem_fail_at(0);
        assert_int_equal(ok, e.code == SOPS_OK);
        sops_err_clear(&e);
        if (s.close != NULL) {
            s.close(&s);
        }
        assert_int_equal(sops_mem_live(), live);
        assert_int_equal(there.closed, there.opened);
    }
    sops_buf_free(&there.bytes);
    sops_world_forget(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
