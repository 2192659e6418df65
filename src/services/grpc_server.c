/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of one connection are handled in the order in which they became whole, while others wait in memory: so what may
 * wait is limited for the connection as a whole, not only for each message. */
#include "services/grpc.h"

#include "base/proc.h"
#include "services/nghttp2_lib.h"

#include <stdio.h>

#define MAX_STREAMS 100
#define MAX_HELD (4 * SOPS_GRPC_MAX) /* bytes of all messages that wait */
#define MAX_TEXT 256                 /* of a header that is looked at */

struct call {
    struct call *next;
    int32_t id;
    bool whole, answered; /* all of the request is there; an answer was given */
    bool refused;         /* its stream is to be ended as soon as the answer is out */
    bool is_post, is_grpc;
    struct sops_buf path, encoding;
    struct sops_buf body;
    struct sops_grpc_answer answer;
    struct sops_buf framed; /* the answer's message as it is sent */
    size_t sent;
};

struct connection {
    const struct sops_nghttp2 *lib;
    nghttp2_session *session;
    struct sops_stream *stream;
    const struct sops_grpc_service *service;
    struct call *calls; /* in the order of their beginning */
    size_t held;
    bool greeted;            /* its first SETTINGS came */
    int64_t since;           /* when it came, or became idle, or the oldest request began, or one was answered */
    uint64_t answers;        /* given so far */
    struct sops_err trouble; /* in a callback */
};

static void call_free(struct call *c)
{
    sops_buf_free(&c->path);
    sops_buf_free(&c->encoding);
    sops_buf_free(&c->body);
    sops_buf_free(&c->answer.words);
    sops_buf_free(&c->answer.message);
    sops_buf_free(&c->framed);
    sops_free(c);
}

static struct call *find(struct connection *k, int32_t id)
{
    struct call *c = k->calls;
    while (c != NULL && c->id != id) {
        c = c->next;
    }
    return c;
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                           nghttp2_data_source *source, void *user)
{
    struct connection *k = user;
    struct call *c = source->ptr;
    size_t n = sops_nghttp2_part(sops_buf_view(&c->framed), &c->sent, to, room);
    if (c->sent == c->framed.len) {
        const nghttp2_nv end = sops_nghttp2_field("grpc-status", SOPS_LIT("0"));
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (k->lib->submit_trailer(session, id, &end, 1) != 0) {
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    return (ssize_t)n;
}

/* Words and code alone: one frame of headers. */
static bool answer_code(struct connection *k, struct call *c, unsigned code, struct sops_slice words)
{
    struct sops_buf number = {0}, escaped = {0};
    bool ok = sops_buf_addf(&number, &k->trouble, "%u", code) &&
              sops_grpc_escape(&escaped, sops_slice_first(words, 8192), &k->trouble);
    if (ok) {
        const nghttp2_nv fields[] = {
            sops_nghttp2_field(":status", SOPS_LIT("200")),
            sops_nghttp2_field("content-type", SOPS_LIT("application/grpc")),
            sops_nghttp2_field("grpc-status", sops_buf_view(&number)),
            sops_nghttp2_field("grpc-message", sops_buf_view(&escaped)),
        };
        c->answered = true;
        ok = k->lib->submit_response(k->session, c->id, fields, sizeof fields / sizeof *fields, NULL) == 0;
    }
    sops_buf_free(&escaped);
    sops_buf_free(&number);
    return ok;
}

static bool answer_text(struct connection *k, struct call *c, unsigned code, const char *words)
{
    return answer_code(k, c, code, sops_str(words));
}

static bool answer_http(struct connection *k, struct call *c, const char *status)
{
    const nghttp2_nv field = sops_nghttp2_field(":status", sops_str(status));
    c->answered = true;
    return k->lib->submit_response(k->session, c->id, &field, 1, NULL) == 0;
}

static bool answer_message(struct connection *k, struct call *c)
{
    const nghttp2_nv fields[] = {
        sops_nghttp2_field(":status", SOPS_LIT("200")),
        sops_nghttp2_field("content-type", SOPS_LIT("application/grpc")),
    };
    const nghttp2_data_provider body = {.source = {.ptr = c}, .read_callback = read_answer};
    c->answered = true;
    return sops_grpc_frame(&c->framed, sops_buf_view(&c->answer.message), &k->trouble) &&
           k->lib->submit_response(k->session, c->id, fields, 2, &body) == 0;
}

/* No more of the request is wanted: what still comes of it is thrown away. */
static bool refuse(struct connection *k, struct call *c, const char *words)
{
    k->held -= c->body.len;
    sops_buf_free(&c->body);
    c->refused = true;
    return answer_text(k, c, SOPS_GRPC_EXHAUSTED, words);
}

/* ---- what nghttp2 tells ---------------------------------------------------------------------------------------- */

static int result(bool ok) { return ok ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE; }

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct connection *k = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    struct call *c = sops_alloc(sizeof *c, &k->trouble);
    if (c == NULL) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    c->id = frame->hd.stream_id;
    k->since = k->calls == NULL ? sops_clock_ms() : k->since;
    struct call **end = &k->calls;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = c;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)flags;
    struct connection *k = user;
    struct call *c = find(k, frame->hd.stream_id);
    struct sops_slice field = {name, name_len},
                      text = sops_slice_first((struct sops_slice){value, value_len}, MAX_TEXT);
    if (c == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    if (sops_slice_eq(field, SOPS_LIT(":path"))) {
        return result(sops_buf_add(&c->path, text, &k->trouble));
    }
    if (sops_slice_eq(field, SOPS_LIT("grpc-encoding")) && c->encoding.len == 0) {
        return result(sops_buf_add(&c->encoding, text, &k->trouble));
    }
    if (sops_slice_eq(field, SOPS_LIT(":method"))) {
        c->is_post = sops_slice_eq(text, SOPS_LIT("POST"));
    } else if (sops_slice_eq(field, SOPS_LIT("content-type"))) {
        c->is_grpc = sops_slice_starts(text, SOPS_LIT("application/grpc"));
    }
    return 0;
}

/* How long the message is to be, or 0 as long as that is not known. */
static size_t announced(const struct call *c)
{
    const uint8_t *b = c->body.ptr;
    return c->body.len < 5 ? 0 : (size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | b[4];
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *user)
{
    (void)session;
    (void)flags;
    struct connection *k = user;
    struct call *c = find(k, id);
    if (c == NULL || c->answered) {
        return 0;
    }
    if (!sops_buf_add(&c->body, sops_slice_of(bytes, n), &k->trouble)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    k->held += n;
    size_t len = announced(c);
    if (len > SOPS_GRPC_MAX || c->body.len > SOPS_GRPC_MAX + 5) {
        char words[96];
        (void)snprintf(words, sizeof words, "grpc: received message larger than max (%zu vs. %zu)",
                       len > SOPS_GRPC_MAX ? len : c->body.len, SOPS_GRPC_MAX);
        return result(refuse(k, c, words));
    }
    return result(k->held <= MAX_HELD || refuse(k, c, "too much is waiting on this connection"));
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct connection *k = user;
    if (!k->greeted && frame->hd.type == NGHTTP2_SETTINGS) {
        k->greeted = true;
        k->since = sops_clock_ms();
    }
    bool end = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
               (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct call *c = end ? find(k, frame->hd.stream_id) : NULL;
    if (c != NULL) {
        c->whole = true;
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    (void)session;
    (void)code;
    struct connection *k = user;
    for (struct call **at = &k->calls; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            struct call *gone = *at;
            *at = gone->next;
            k->held -= gone->body.len;
            call_free(gone);
            return 0;
        }
    }
    return 0;
}

/* ---- a call ------------------------------------------------------------------------------------------------------ */

/* The number of the method that the path names; else answers, and false. */
static bool find_method(struct connection *k, struct call *c, unsigned *method, bool *ok)
{
    struct sops_slice path = sops_buf_view(&c->path), name;
    struct sops_buf words = {0};
    path = sops_slice_starts(path, SOPS_LIT("/")) ? sops_slice_skip(path, 1) : path;
    size_t slash = sops_slice_find(path, '/');
    struct sops_slice service = sops_slice_first(path, slash);
    name = sops_slice_skip(path, slash + 1);
    if (slash == path.len) {
        *ok = sops_buf_addf(&words, &k->trouble, "malformed method name: \"%.*s\"", SOPS_ARG(c->path));
    } else if (!sops_slice_eq(service, sops_str(k->service->name))) {
        *ok = sops_buf_addf(&words, &k->trouble, "unknown service %.*s", SOPS_ARG(service));
    } else {
        for (unsigned i = 0; k->service->methods[i] != NULL; i++) {
            if (sops_slice_eq(name, sops_str(k->service->methods[i]))) {
                *method = i;
                return true;
            }
        }
        *ok =
            sops_buf_addf(&words, &k->trouble, "unknown method %.*s for service %s", SOPS_ARG(name), k->service->name);
    }
    *ok = *ok && answer_code(k, c, SOPS_GRPC_UNIMPLEMENTED, sops_buf_view(&words));
    sops_buf_free(&words);
    return false;
}

static bool handle(struct connection *k, struct call *c)
{
    unsigned method = 0;
    bool ok = true;
    if (!c->is_post) {
        return answer_http(k, c, "405");
    }
    if (!c->is_grpc) {
        return answer_http(k, c, "415");
    }
    if (!find_method(k, c, &method, &ok)) {
        return ok;
    }
    if (c->body.len < 5 || c->body.len - 5 < announced(c)) {
        return answer_text(k, c, SOPS_GRPC_UNKNOWN, c->body.len == 0 ? "EOF" : "unexpected EOF");
    }
    if (c->body.ptr[0] != 0) {
        bool none = c->encoding.len == 0 || sops_slice_eq(sops_buf_view(&c->encoding), SOPS_LIT("identity"));
        return none ? answer_text(k, c, SOPS_GRPC_INTERNAL, "grpc: compressed flag set with identity or empty encoding")
                    : answer_text(k, c, SOPS_GRPC_UNIMPLEMENTED, "grpc: compressed messages are not supported");
    }
    struct sops_slice message = sops_slice_first(sops_slice_skip(sops_buf_view(&c->body), 5), announced(c));
    k->service->call(k->service->ctx, method, message, &c->answer);
    if (c->answer.code == SOPS_GRPC_OK && c->answer.message.len > SOPS_GRPC_MAX) {
        return answer_text(k, c, SOPS_GRPC_EXHAUSTED, "the answer is longer than a message may be");
    }
    return c->answer.code == SOPS_GRPC_OK ? answer_message(k, c)
                                          : answer_code(k, c, c->answer.code, sops_buf_view(&c->answer.words));
}

/* Ends streams whose requests nobody wants to have whole. Not before the answer was written: nghttp2 would drop it. */
static bool end_refused(struct connection *k, struct sops_err *e)
{
    for (struct call *c = k->calls; c != NULL; c = c->next) {
        if (c->refused && !c->whole &&
            k->lib->submit_rst_stream(k->session, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_NO_ERROR) != 0) {
            return sops_fail_memory(e);
        }
        c->refused = false;
    }
    return sops_nghttp2_flush(k->lib, k->session, k->stream, e);
}

/* Handles whole calls one by one; each answer is on its way before the next call is handled. */
static bool handle_all(struct connection *k, struct sops_err *e)
{
    for (;;) {
        if (!sops_nghttp2_flush(k->lib, k->session, k->stream, e) || !end_refused(k, e)) {
            return false;
        }
        struct call *c = k->calls; /* the list may have changed, as sent answers close their streams */
        while (c != NULL && (!c->whole || c->answered)) {
            c = c->next;
        }
        if (c == NULL) {
            return true;
        }
        k->answers++;
        if (!handle(k, c)) {
            return sops_fail(e, SOPS_E_GENERIC, "%s", k->trouble.code != 0 ? k->trouble.msg : "HTTP/2: cannot answer");
        }
    }
}

/* ---- a connection ------------------------------------------------------------------------------------------------ */

static bool start(struct connection *k, struct sops_err *e)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16384},
    };
    nghttp2_session_callbacks *calls = NULL;
    nghttp2_mem mem = sops_nghttp2_mem();
    if (k->lib->callbacks_new(&calls) != 0) {
        return sops_fail_memory(e);
    }
    k->lib->set_on_begin_headers(calls, on_begin_headers);
    k->lib->set_on_header(calls, on_header);
    k->lib->set_on_data(calls, on_data);
    k->lib->set_on_frame(calls, on_frame);
    k->lib->set_on_close(calls, on_close);
    int made = k->lib->server_new(&k->session, calls, k, NULL, &mem);
    k->lib->callbacks_del(calls);
    return (made == 0 && k->lib->submit_settings(k->session, NGHTTP2_FLAG_NONE, settings, 2) == 0) ||
           sops_fail_memory(e);
}

/* What came by the time limit, or false: the limit has passed, the peer is gone, or it talks nonsense. Only whole
 * requests and their answers move the limit: a client that sends a byte or a PING now and then does not hold on for
 * ever. */
static bool receive(struct connection *k, struct sops_err *e)
{
    unsigned limit = !k->greeted        ? k->service->greeting_ms
                     : k->calls != NULL ? k->service->request_ms
                                        : k->service->idle_ms;
    int64_t left = k->since + limit - sops_clock_ms();
    uint8_t bytes[16384];
    ptrdiff_t n = left > 0 ? k->stream->read(k->stream, bytes, sizeof bytes, (int)left, e) : -2;
    bool ok = n != -2 || (k->lib->terminate(k->session, NGHTTP2_NO_ERROR) == 0 &&
                          sops_nghttp2_flush(k->lib, k->session, k->stream, e));
    ok = ok && n > 0 && sops_nghttp2_feed(k->lib, k->session, sops_slice_of(bytes, (size_t)n), e);
    sops_wipe(bytes, sizeof bytes);
    return ok;
}

/* Until the session is over. */
static bool converse(struct connection *k, struct sops_err *e)
{
    k->since = sops_clock_ms();
    do {
        uint64_t before = k->answers;
        if (!handle_all(k, e)) {
            return false;
        }
        k->since = k->answers != before ? sops_clock_ms() : k->since;
        if (k->lib->want_read(k->session) == 0 && k->lib->want_write(k->session) == 0) {
            return true;
        }
    } while (receive(k, e));
    return e->code == SOPS_OK;
}

bool sops_grpc_serve(struct sops_world *w, struct sops_stream *stream, const struct sops_grpc_service *service,
                     struct sops_err *e)
{
    struct connection k = {.stream = stream, .service = service};
    bool ok = sops_nghttp2_load(w, &k.lib, e) && start(&k, e) && converse(&k, e);
    if (k.session != NULL) {
        k.lib->del(k.session);
    }
    while (k.calls != NULL) {
        struct call *next = k.calls->next;
        call_free(k.calls);
        k.calls = next;
    }
    sops_err_clear(&k.trouble);
    return ok;
}
