/* SPDX-License-Identifier: Apache-2.0 */
/* nghttp2 never touches a socket here: bytes go in and come out by memory, so that any sops_stream can carry them. */
#include "services/nghttp2_lib.h"

#include "base/dl.h"

static const char owner[] = "nghttp2"; /* of the loaded library among the world's slots */

static bool load(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    (void)w;
    (void)arg;
    struct sops_nghttp2 *n = sops_arena_alloc(a, sizeof *n, e);
    if (n == NULL) {
        return false;
    }
    const struct sops_dl_symbol symbols[] = {
        {"nghttp2_session_callbacks_new", &n->callbacks_new},
        {"nghttp2_session_callbacks_del", &n->callbacks_del},
        {"nghttp2_session_callbacks_set_on_begin_headers_callback", &n->set_on_begin_headers},
        {"nghttp2_session_callbacks_set_on_header_callback", &n->set_on_header},
        {"nghttp2_session_callbacks_set_on_data_chunk_recv_callback", &n->set_on_data},
        {"nghttp2_session_callbacks_set_on_frame_recv_callback", &n->set_on_frame},
        {"nghttp2_session_callbacks_set_on_stream_close_callback", &n->set_on_close},
        {"nghttp2_session_client_new3", &n->client_new},
        {"nghttp2_session_server_new3", &n->server_new},
        {"nghttp2_session_del", &n->del},
        {"nghttp2_session_mem_send", &n->mem_send},
        {"nghttp2_session_mem_recv", &n->mem_recv},
        {"nghttp2_session_want_read", &n->want_read},
        {"nghttp2_session_want_write", &n->want_write},
        {"nghttp2_session_terminate_session", &n->terminate},
        {"nghttp2_submit_settings", &n->submit_settings},
        {"nghttp2_submit_request", &n->submit_request},
        {"nghttp2_submit_response", &n->submit_response},
        {"nghttp2_submit_trailer", &n->submit_trailer},
        {"nghttp2_submit_rst_stream", &n->submit_rst_stream},
        {"nghttp2_strerror", &n->strerror},
        {NULL, NULL},
    };
    *made = n;
    return sops_dl_load("libnghttp2.so.14", "libnghttp2-14", symbols, e);
}

bool sops_nghttp2_load(struct sops_world *w, const struct sops_nghttp2 **lib, struct sops_err *e)
{
    void *loaded = NULL;
    bool ok = sops_world_once(w, owner, SOPS_LIT("library"), load, NULL, &loaded, e);
    *lib = loaded;
    return ok;
}

static void *take(size_t size, void *unused)
{
    (void)unused;
    return sops_mem_malloc(size);
}

static void give(void *p, void *unused)
{
    (void)unused;
    sops_mem_free(p);
}

static void *take_zeroed(size_t n, size_t size, void *unused)
{
    (void)unused;
    return sops_mem_calloc(n, size);
}

static void *take_again(void *p, size_t size, void *unused)
{
    (void)unused;
    return sops_mem_realloc(p, size);
}

nghttp2_mem sops_nghttp2_mem(void)
{
    return (nghttp2_mem){.malloc = take, .free = give, .calloc = take_zeroed, .realloc = take_again};
}

nghttp2_nv sops_nghttp2_field(const char *name, struct sops_slice value)
{
    /* nghttp2 copies both and writes to neither; its type lacks the const. */
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)(value.ptr != NULL ? (const char *)value.ptr : ""),
                        .valuelen = value.len};
}

bool sops_nghttp2_fail(const struct sops_nghttp2 *lib, ptrdiff_t code, struct sops_err *e)
{
    return code == NGHTTP2_ERR_NOMEM ? sops_fail_memory(e)
                                     : sops_fail(e, SOPS_E_GENERIC, "HTTP/2: %s", lib->strerror((int)code));
}

bool sops_nghttp2_flush(const struct sops_nghttp2 *lib, nghttp2_session *session, struct sops_stream *stream,
                        struct sops_err *e)
{
    const uint8_t *bytes;
    ssize_t n;
    while ((n = lib->mem_send(session, &bytes)) > 0) {
        if (!stream->write(stream, sops_slice_of(bytes, (size_t)n), e)) {
            return false;
        }
    }
    return n == 0 || sops_nghttp2_fail(lib, n, e);
}

bool sops_nghttp2_feed(const struct sops_nghttp2 *lib, nghttp2_session *session, struct sops_slice bytes,
                       struct sops_err *e)
{
    ssize_t n = lib->mem_recv(session, bytes.ptr, bytes.len);
    return n >= 0 || sops_nghttp2_fail(lib, n, e);
}

size_t sops_nghttp2_part(struct sops_slice text, size_t *at, uint8_t *to, size_t room)
{
    struct sops_slice part = sops_slice_first(sops_slice_skip(text, *at), room);
    if (part.len != 0) {
        memcpy(to, part.ptr, part.len);
    }
    *at += part.len;
    return part.len;
}

bool sops_grpc_frame(struct sops_buf *out, struct sops_slice message, struct sops_err *e)
{
    uint32_t n = (uint32_t)message.len;
    const uint8_t prefix[5] = {0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return sops_buf_add(out, sops_slice_of(prefix, sizeof prefix), e) && sops_buf_add(out, message, e);
}
