/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.h - calls with one request and one answer, by gRPC over plain HTTP/2, as client and as server
 * (docs/spec/60-keysources.md#key-service-grpc-over-http2). HTTP/2 itself is nghttp2's, loaded on first use.
 */
#ifndef SOPS_SERVICES_GRPC_H
#define SOPS_SERVICES_GRPC_H

#include "core/world.h"

#define SOPS_GRPC_MAX ((size_t)4 << 20) /* bytes of one message */

enum sops_grpc_code {
    SOPS_GRPC_OK = 0,
    SOPS_GRPC_CANCELED = 1,
    SOPS_GRPC_UNKNOWN = 2,
    SOPS_GRPC_NOT_FOUND = 5,
    SOPS_GRPC_PERMISSION_DENIED = 7,
    SOPS_GRPC_EXHAUSTED = 8,
    SOPS_GRPC_UNIMPLEMENTED = 12,
    SOPS_GRPC_INTERNAL = 13,
    SOPS_GRPC_UNAVAILABLE = 14,
    SOPS_GRPC_UNAUTHENTICATED = 16,
};
/* "NotFound"; numbers beyond the list give "Code". */
const char *sops_grpc_code_name(unsigned code);
/* Sets "rpc error: code = NotFound desc = …". */
bool sops_grpc_fail(struct sops_err *e, unsigned code, const char *fmt, ...) SOPS_PRINTF(3, 4);

/* Percent-encoding of grpc-message: appends. (Back: sops_percent_take.) */
bool sops_grpc_escape(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;

/* Loads nghttp2 ahead of time: before a process forks. */
bool sops_grpc_load(struct sops_world *w, struct sops_err *e) SOPS_CHECKED;

/* ---- client ------------------------------------------------------------------------------------------------- */

struct sops_grpc_client;
struct sops_grpc_wait {
    unsigned greeting_ms, answer_ms; /* for the first SETTINGS of the server, and for each answer */
};

/* Takes over `*stream` (also on failure), which leads to a server; nothing is sent yet. */
bool sops_grpc_open(struct sops_grpc_client **out, struct sops_world *w, struct sops_stream *stream,
                    const char *authority, const struct sops_grpc_wait *wait, struct sops_err *e) SOPS_CHECKED;
/* Can it still be used? Looks whether the server has said goodbye meanwhile. */
bool sops_grpc_alive(struct sops_grpc_client *c);
/* Calls "/Service/Method" and appends the answer's message. Fails with "rpc error: …". */
bool sops_grpc_call(struct sops_grpc_client *c, const char *path, struct sops_slice request, struct sops_buf *reply,
                    struct sops_err *e) SOPS_CHECKED;
/* Did the last call fail because the server said nothing, or nothing of HTTP/2? Then the next one would wait in vain.
 */
bool sops_grpc_mute(const struct sops_grpc_client *c);
/* Did the server say that it has not looked at the last call? Then it may be made again, on another connection. */
bool sops_grpc_refused(const struct sops_grpc_client *c);
/* NULL is fine. */
void sops_grpc_close(struct sops_grpc_client *c);

/* ---- server ------------------------------------------------------------------------------------------------- */

/* What a call ends with: a message, or a code and words. The server frees both. */
struct sops_grpc_answer {
    unsigned code;
    struct sops_buf words, message;
};
struct sops_grpc_service {
    const char *name;           /* "KeyService" */
    const char *const *methods; /* NULL-terminated */
    /* Handles method number `method`. */
    void (*call)(void *ctx, unsigned method, struct sops_slice message, struct sops_grpc_answer *answer);
    void *ctx;
    unsigned greeting_ms, request_ms, idle_ms; /* for the client's first bytes, a whole request, the next request */
};
/* Serves one connection, one call after the other, until the client or a time limit ends it. False only when the
 * connection broke or its peer did not speak HTTP/2. */
bool sops_grpc_serve(struct sops_world *w, struct sops_stream *stream, const struct sops_grpc_service *service,
                     struct sops_err *e) SOPS_CHECKED;

#endif
