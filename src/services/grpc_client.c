/* SPDX-License-Identifier: Apache-2.0 */
/* One call at a time on a connection that is kept: a command asks the same service once for each key. */
#include "services/grpc.h"
#include "base/encode.h"

#include "base/proc.h"
#include "services/nghttp2_lib.h"

struct sops_grpc_client {
    const struct sops_nghttp2 *lib;
    nghttp2_session *session;
    struct sops_stream stream;
    struct sops_grpc_wait wait;
    char *authority;
    bool greeted, leaving; /* the server's first SETTINGS came; it takes no further calls */
    bool mute, refused;    /* the last call found nobody who speaks; was not looked at */

    /* of the call at hand */
    int32_t id; /* 0: none */
    struct sops_buf request;
    size_t sent;
    bool ended, is_grpc;
    uint32_t reset; /* error code with which the stream was closed */
    unsigned http_status;
    int code; /* grpc-status; -1: none yet */
    struct sops_buf words, body;
    struct sops_err trouble; /* in a callback */
};

/* ---- what nghttp2 tells ---------------------------------------------------------------------------------------- */

static unsigned number(struct sops_slice text)
{
    unsigned v = 0;
    for (size_t i = 0; i < text.len && i < 6; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return 1000000;
        }
        v = v * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return v;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)flags;
    struct sops_grpc_client *c = user;
    struct sops_slice field = {name, name_len}, text = {value, value_len};
    if (frame->hd.stream_id != c->id) {
        return 0;
    }
    if (sops_slice_eq(field, SOPS_LIT(":status"))) {
        c->http_status = number(text);
    } else if (sops_slice_eq(field, SOPS_LIT("content-type"))) {
        c->is_grpc = sops_slice_starts(text, SOPS_LIT("application/grpc"));
    } else if (sops_slice_eq(field, SOPS_LIT("grpc-status"))) {
        c->code = (int)number(text);
    } else if (sops_slice_eq(field, SOPS_LIT("grpc-message"))) {
        sops_buf_cut(&c->words, 0);
        return sops_percent_take(&c->words, text, &c->trouble) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *user)
{
    (void)flags;
    struct sops_grpc_client *c = user;
    if (id != c->id || c->ended) {
        return 0;
    }
    if (n > SOPS_GRPC_MAX + 5 - c->body.len) {
        (void)sops_grpc_fail(&c->trouble, SOPS_GRPC_EXHAUSTED, "grpc: received message larger than max (%zu)",
                             SOPS_GRPC_MAX);
        c->ended = true;
        (void)c->lib->submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        return 0;
    }
    return sops_buf_add(&c->body, sops_slice_of(bytes, n), &c->trouble) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct sops_grpc_client *c = user;
    c->greeted = c->greeted || frame->hd.type == NGHTTP2_SETTINGS;
    c->leaving = c->leaving || frame->hd.type == NGHTTP2_GOAWAY;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    (void)session;
    struct sops_grpc_client *c = user;
    if (id == c->id) {
        c->ended = true;
        c->reset = code;
    }
    return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)id;
    (void)source;
    struct sops_grpc_client *c = user;
    size_t n = sops_nghttp2_part(sops_buf_view(&c->request), &c->sent, to, room);
    if (c->sent == c->request.len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

static bool start(struct sops_grpc_client *c, struct sops_err *e)
{
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    nghttp2_session_callbacks *calls = NULL;
    nghttp2_mem mem = sops_nghttp2_mem();
    if (c->lib->callbacks_new(&calls) != 0) {
        return sops_fail_memory(e);
    }
    c->lib->set_on_header(calls, on_header);
    c->lib->set_on_data(calls, on_data);
    c->lib->set_on_frame(calls, on_frame);
    c->lib->set_on_close(calls, on_close);
    int made = c->lib->client_new(&c->session, calls, c, NULL, &mem);
    c->lib->callbacks_del(calls);
    return (made == 0 && c->lib->submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 1) == 0) ||
           sops_fail_memory(e);
}

bool sops_grpc_open(struct sops_grpc_client **out, struct sops_world *w, struct sops_stream *stream,
                    const char *authority, const struct sops_grpc_wait *wait, struct sops_err *e)
{
    struct sops_grpc_client *c = sops_alloc(sizeof *c, e);
    if (c == NULL) {
        stream->close(stream);
        return false;
    }
    c->stream = *stream;
    c->wait = *wait;
    c->authority = sops_strdup(sops_str(authority), e);
    if (c->authority == NULL || !sops_nghttp2_load(w, &c->lib, e) || !start(c, e)) {
        sops_grpc_close(c);
        return false;
    }
    *out = c;
    return true;
}

static void forget_call(struct sops_grpc_client *c)
{
    sops_buf_free(&c->request);
    sops_buf_free(&c->words);
    sops_buf_free(&c->body);
    sops_err_clear(&c->trouble);
    c->id = 0;
    c->sent = 0;
    c->ended = c->is_grpc = false;
    c->http_status = c->reset = 0;
    c->code = -1;
}

void sops_grpc_close(struct sops_grpc_client *c)
{
    if (c == NULL) {
        return;
    }
    if (c->session != NULL) {
        struct sops_err ignored = {0};
        (void)c->lib->terminate(c->session, NGHTTP2_NO_ERROR);
        (void)(c->leaving || sops_nghttp2_flush(c->lib, c->session, &c->stream, &ignored));
        sops_err_clear(&ignored);
        c->lib->del(c->session);
    }
    c->stream.close(&c->stream);
    forget_call(c);
    sops_free(c->authority);
    sops_free(c);
}

/* ---- a call ------------------------------------------------------------------------------------------------------ */

/* `why` keeps anybody from talking to the service; want of memory is none of its failures. Clears `why`. */
static bool fail_unavailable(struct sops_err *e, const char *lead, struct sops_err *why)
{
    (void)(why->memory ? sops_fail_memory(e) : sops_grpc_fail(e, SOPS_GRPC_UNAVAILABLE, "%s%s", lead, why->msg));
    sops_err_clear(why);
    return false;
}

/* Waits at most until `until` for bytes and takes them; `*quiet` when none came. */
static bool receive(struct sops_grpc_client *c, int64_t until, bool *quiet, struct sops_err *e)
{
    uint8_t bytes[16384];
    int64_t left = until - sops_clock_ms();
    struct sops_err why = {0};
    ptrdiff_t n = c->stream.read(&c->stream, bytes, sizeof bytes, left > 0 ? (int)left : 0, &why);
    *quiet = n == -2;
    bool ok = n == -2 || n > 0;
    if (n == 0) {
        (void)sops_grpc_fail(e, SOPS_GRPC_UNAVAILABLE, "the service closed the connection");
    } else if (!ok) {
        (void)fail_unavailable(e, "", &why);
    } else if (n > 0 && !sops_nghttp2_feed(c->lib, c->session, sops_slice_of(bytes, (size_t)n), &why)) {
        ok = c->trouble.code != SOPS_OK ? sops_fail_like(e, &c->trouble)
                                        : fail_unavailable(e, "the service does not speak gRPC: ", &why);
    }
    sops_wipe(bytes, sizeof bytes);
    sops_err_clear(&why);
    return ok;
}

bool sops_grpc_alive(struct sops_grpc_client *c)
{
    struct sops_err ignored = {0};
    bool quiet = false;
    while (!c->leaving && !quiet) {
        c->leaving = !receive(c, sops_clock_ms(), &quiet, &ignored);
    }
    sops_err_clear(&ignored);
    return !c->leaving && c->lib->want_read(c->session) != 0;
}

static bool submit(struct sops_grpc_client *c, const char *path, struct sops_err *e)
{
    const nghttp2_nv fields[] = {
        sops_nghttp2_field(":method", SOPS_LIT("POST")),
        sops_nghttp2_field(":scheme", SOPS_LIT("http")),
        sops_nghttp2_field(":path", sops_str(path)),
        sops_nghttp2_field(":authority", sops_str(c->authority)),
        sops_nghttp2_field("content-type", SOPS_LIT("application/grpc")),
        sops_nghttp2_field("user-agent", SOPS_LIT("sops")),
        sops_nghttp2_field("te", SOPS_LIT("trailers")),
    };
    const nghttp2_data_provider body = {.read_callback = read_request};
    c->id = c->lib->submit_request(c->session, NULL, fields, sizeof fields / sizeof *fields, &body, NULL);
    struct sops_err why = {0};
    return c->id > 0 || sops_nghttp2_fail(c->lib, c->id, &why) || fail_unavailable(e, "", &why);
}

/* Sends and receives until the stream is closed. */
static bool converse(struct sops_grpc_client *c, struct sops_err *e)
{
    const int64_t begin = sops_clock_ms();
    struct sops_err why = {0};
    bool ok = true, quiet = false;
    while (ok && !c->ended) {
        if (!sops_nghttp2_flush(c->lib, c->session, &c->stream, &why)) {
            ok = fail_unavailable(e, "", &why);
        } else if (c->ended) {
            break;
        } else if (c->lib->want_read(c->session) == 0) {
            ok = sops_grpc_fail(e, SOPS_GRPC_UNAVAILABLE, "%s",
                                c->leaving ? "the service closed the connection"
                                           : "the service does not speak gRPC: it breaks the rules of HTTP/2");
        } else if (!receive(c, begin + (c->greeted ? c->wait.answer_ms : c->wait.greeting_ms), &quiet, e)) {
            ok = false;
        } else if (quiet) {
            ok = sops_grpc_fail(e, SOPS_GRPC_UNAVAILABLE, "no answer from the service within %u seconds",
                                (c->greeted ? c->wait.answer_ms : c->wait.greeting_ms) / 1000);
        }
    }
    c->leaving = c->leaving || !ok;
    c->mute = !ok && (quiet || !c->greeted);
    sops_err_clear(&why);
    return ok;
}

bool sops_grpc_mute(const struct sops_grpc_client *c) { return c->mute; }

bool sops_grpc_refused(const struct sops_grpc_client *c) { return c->refused; }

static unsigned code_of_http(unsigned status)
{
    switch (status) {
    case 400:
        return SOPS_GRPC_INTERNAL;
    case 401:
        return SOPS_GRPC_UNAUTHENTICATED;
    case 403:
        return SOPS_GRPC_PERMISSION_DENIED;
    case 404:
        return SOPS_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return SOPS_GRPC_UNAVAILABLE;
    default:
        return SOPS_GRPC_UNKNOWN;
    }
}

static unsigned code_of_reset(uint32_t reset)
{
    switch (reset) {
    case NGHTTP2_CANCEL:
        return SOPS_GRPC_CANCELED;
    case NGHTTP2_REFUSED_STREAM:
        return SOPS_GRPC_UNAVAILABLE;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return SOPS_GRPC_EXHAUSTED;
    default:
        return SOPS_GRPC_INTERNAL;
    }
}

/* What the closed stream amounts to. */
static bool judge(struct sops_grpc_client *c, struct sops_buf *reply, struct sops_err *e)
{
    if (c->trouble.code != SOPS_OK) {
        return sops_fail_like(e, &c->trouble);
    }
    if (c->code > 0) {
        return sops_grpc_fail(e, (unsigned)c->code, "%.*s", SOPS_ARG(c->words));
    }
    if (c->http_status != 0 && c->http_status != 200) {
        return sops_grpc_fail(e, code_of_http(c->http_status), "unexpected HTTP status code received from server: %u",
                              c->http_status);
    }
    if (c->code < 0 && c->http_status != 0 && !c->is_grpc && c->reset == NGHTTP2_NO_ERROR) {
        return sops_grpc_fail(e, SOPS_GRPC_UNKNOWN, "the answer is none of gRPC");
    }
    if (c->code < 0) {
        return sops_grpc_fail(e, code_of_reset(c->reset), "stream terminated by RST_STREAM with error code: %u",
                              c->reset);
    }
    const uint8_t *b = c->body.ptr;
    if (c->body.len < 5) {
        return sops_grpc_fail(e, SOPS_GRPC_INTERNAL, "the answer is cut short");
    }
    if (b[0] != 0) {
        return sops_grpc_fail(e, SOPS_GRPC_UNIMPLEMENTED, "the answer is compressed, which nobody asked for");
    }
    if (((size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | b[4]) != c->body.len - 5) {
        return sops_grpc_fail(e, SOPS_GRPC_INTERNAL, "the answer has not the length that it says");
    }
    return sops_buf_add(reply, sops_slice_skip(sops_buf_view(&c->body), 5), e);
}

bool sops_grpc_call(struct sops_grpc_client *c, const char *path, struct sops_slice request, struct sops_buf *reply,
                    struct sops_err *e)
{
    forget_call(c);
    if (request.len > SOPS_GRPC_MAX) {
        return sops_grpc_fail(e, SOPS_GRPC_EXHAUSTED, "trying to send message larger than max (%zu vs. %zu)",
                              request.len, SOPS_GRPC_MAX);
    }
    bool ok = sops_grpc_frame(&c->request, request, e) && submit(c, path, e) && converse(c, e) && judge(c, reply, e);
    c->refused = !ok && c->reset == NGHTTP2_REFUSED_STREAM;
    forget_call(c);
    return ok;
}
