/* SPDX-License-Identifier: Apache-2.0 */
/* nghttp2_lib.h - the functions of nghttp2 that client and server share, and what both do with a session. */
#ifndef SOPS_SERVICES_NGHTTP2_LIB_H
#define SOPS_SERVICES_NGHTTP2_LIB_H

#include "core/world.h"

#include <nghttp2/nghttp2.h>

struct sops_nghttp2 {
    __typeof__(nghttp2_session_callbacks_new) *callbacks_new;
    __typeof__(nghttp2_session_callbacks_del) *callbacks_del;
    __typeof__(nghttp2_session_callbacks_set_on_begin_headers_callback) *set_on_begin_headers;
    __typeof__(nghttp2_session_callbacks_set_on_header_callback) *set_on_header;
    __typeof__(nghttp2_session_callbacks_set_on_data_chunk_recv_callback) *set_on_data;
    __typeof__(nghttp2_session_callbacks_set_on_frame_recv_callback) *set_on_frame;
    __typeof__(nghttp2_session_callbacks_set_on_stream_close_callback) *set_on_close;
    __typeof__(nghttp2_session_client_new3) *client_new;
    __typeof__(nghttp2_session_server_new3) *server_new;
    __typeof__(nghttp2_session_del) *del;
    __typeof__(nghttp2_session_mem_send) *mem_send;
    __typeof__(nghttp2_session_mem_recv) *mem_recv;
    __typeof__(nghttp2_session_want_read) *want_read;
    __typeof__(nghttp2_session_want_write) *want_write;
    __typeof__(nghttp2_session_terminate_session) *terminate;
    __typeof__(nghttp2_submit_settings) *submit_settings;
    __typeof__(nghttp2_submit_request) *submit_request;
    __typeof__(nghttp2_submit_response) *submit_response;
    __typeof__(nghttp2_submit_trailer) *submit_trailer;
    __typeof__(nghttp2_submit_rst_stream) *submit_rst_stream;
    __typeof__(nghttp2_strerror) *strerror;
};

/* Loaded once for a world. */
bool sops_nghttp2_load(struct sops_world *w, const struct sops_nghttp2 **lib, struct sops_err *e) SOPS_CHECKED;
/* Our heap, so that what nghttp2 frees is wiped. */
nghttp2_mem sops_nghttp2_mem(void);
/* A header field of two texts that outlive the call. */
nghttp2_nv sops_nghttp2_field(const char *name, struct sops_slice value);
/* Fails for what the library answered. */
bool sops_nghttp2_fail(const struct sops_nghttp2 *lib, ptrdiff_t code, struct sops_err *e);
/* Writes all that the session wants to send. */
bool sops_nghttp2_flush(const struct sops_nghttp2 *lib, nghttp2_session *session, struct sops_stream *stream,
                        struct sops_err *e) SOPS_CHECKED;
/* Hands received bytes to the session. */
bool sops_nghttp2_feed(const struct sops_nghttp2 *lib, nghttp2_session *session, struct sops_slice bytes,
                       struct sops_err *e) SOPS_CHECKED;
/* Copies the next part of a text into a DATA frame; `*at` moves on. */
size_t sops_nghttp2_part(struct sops_slice text, size_t *at, uint8_t *to, size_t room);
/* Puts the prefix of a gRPC message in front of it: appends both. */
bool sops_grpc_frame(struct sops_buf *out, struct sops_slice message, struct sops_err *e) SOPS_CHECKED;

#endif
