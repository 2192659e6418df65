/* SPDX-License-Identifier: Apache-2.0 */
/* A service that cannot be reached is asked once, and its failure repeated for every other key: a file with twenty keys
 * must not wait twenty times for a machine that is off. */
#include "services/client.h"

#include "base/ascii.h"
#include "base/url.h"
#include "core/log.h"
#include "services/grpc.h"
#include "services/wire.h"

/* A person may have to say yes to each request of a service with --prompt. */
static const struct sops_grpc_wait wait = {.greeting_ms = 20000, .answer_ms = 300000};

struct remote {
    char *url, *scheme, *host, *port, *path; /* the texts that parts of the URL lead to; NULL when they are not there */
    struct sops_grpc_client *client;
    struct sops_err down; /* why it cannot be reached */
};

/* ---- addresses ------------------------------------------------------------------------------------------------- */

static bool is_scheme(struct sops_slice s)
{
    return s.len != 0 && sops_is_letter(s.ptr[0]) && sops_only_alnum(s, "+-.");
}

/* Does the text parse as a URI? Only "SCHEME:REST" and texts whose first segment has no colon do (RFC 3986 4.2). */
static bool is_uri(struct sops_slice url)
{
    size_t colon = sops_slice_find(url, ':'), slash = sops_slice_find(url, '/');
    return !sops_has_control(url) && (colon >= slash || is_scheme(sops_slice_first(url, colon)));
}

/* "host:port", "[v6]:port", "host": the port is 443 when there is none. */
static bool split_host(struct remote *r, struct sops_slice at, struct sops_err *e)
{
    struct sops_slice host, port;
    if (!sops_url_split_host(at, &host, &port) || host.len == 0) {
        return true;
    }
    r->host = sops_strdup(host, e);
    r->port = sops_strdup(port.len != 0 ? port : SOPS_LIT("443"), e);
    return r->host != NULL && r->port != NULL;
}

static bool split(struct remote *r, struct sops_err *e)
{
    struct sops_slice url = sops_str(r->url), rest;
    size_t colon = sops_slice_find(url, ':');
    if (colon == url.len) {
        return true;
    }
    r->scheme = sops_strdup(sops_slice_first(url, colon), e);
    rest = sops_slice_skip(url, colon + 1);
    if (r->scheme == NULL || !sops_slice_starts(rest, SOPS_LIT("//"))) {
        return r->scheme != NULL;
    }
    rest = sops_slice_skip(rest, 2);
    size_t slash = sops_slice_find(rest, '/');
    if (strcmp(r->scheme, "unix") == 0) {
        bool absolute = slash == 0 && rest.len != 0;
        r->path = absolute ? sops_strdup(rest, e) : NULL;
        return !absolute || r->path != NULL;
    }
    bool known = strcmp(r->scheme, "tcp") == 0 || strcmp(r->scheme, "tcp4") == 0 || strcmp(r->scheme, "tcp6") == 0;
    return !known || split_host(r, sops_slice_first(rest, slash), e);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

/* Takes over the stream. */
static bool greet(struct remote *r, struct sops_world *w, struct sops_stream *stream, struct sops_err *e)
{
    struct sops_buf authority = {0};
    bool v6 = r->host != NULL && strchr(r->host, ':') != NULL;
    const char *text = NULL;
    bool ok = r->host == NULL
                  ? sops_buf_adds(&authority, "localhost", e)
                  : sops_buf_addf(&authority, e, "%s%s%s:%s", v6 ? "[" : "", r->host, v6 ? "]" : "", r->port);
    ok = ok && (text = sops_buf_cstr(&authority, e)) != NULL;
    if (!ok) {
        stream->close(stream);
    }
    ok = ok && sops_grpc_open(&r->client, w, stream, text, &wait, e);
    sops_buf_free(&authority);
    return ok;
}

static bool dial(struct remote *r, struct sops_world *w, struct sops_err *e)
{
    struct sops_peer peer = {.unix_path = r->path, .host = r->host, .port = r->port};
    struct sops_stream stream = {0};
    struct sops_err why = {0};
    if (r->path == NULL && r->host == NULL) {
        (void)sops_grpc_fail(&r->down, SOPS_GRPC_UNAVAILABLE,
                             "connection error: '%s' is no address of a key service (tcp://HOST:PORT or unix:///PATH)",
                             r->url);
    } else if (w->open(w, &peer, &stream, &why)) {
        return greet(r, w, &stream, e);
    } else if (why.memory) {
        sops_err_clear(&why);
        return sops_fail_memory(e);
    } else {
        (void)sops_grpc_fail(&r->down, SOPS_GRPC_UNAVAILABLE, "connection error: %s", why.msg);
        sops_err_clear(&why);
    }
    return sops_fail(e, r->down.code, "%s", r->down.msg);
}

/* A service may close a connection that was idle for long: then there is a new one. */
static bool connected(struct remote *r, struct sops_world *w, struct sops_err *e)
{
    if (r->down.code != SOPS_OK) {
        return sops_fail(e, r->down.code, "%s", r->down.msg);
    }
    if (r->client != NULL && !sops_grpc_alive(r->client)) {
        sops_grpc_close(r->client);
        r->client = NULL;
    }
    return r->client != NULL || dial(r, w, e);
}

/* A connection that was open already may be given up by the service just when the call is on its way: it goes out again
 * on a new one. */
static bool call(struct remote *r, struct sops_world *w, const char *path, struct sops_slice request,
                 struct sops_buf *reply, struct sops_err *e)
{
    bool used = r->client != NULL;
    if (!connected(r, w, e)) {
        return false;
    }
    bool ok = sops_grpc_call(r->client, path, request, reply, e);
    if (!ok && used && sops_grpc_refused(r->client)) {
        sops_err_clear(e);
        sops_grpc_close(r->client);
        r->client = NULL;
        ok = dial(r, w, e) && sops_grpc_call(r->client, path, request, reply, e);
    }
    if (!ok && r->client != NULL && sops_grpc_mute(r->client) && r->down.code == SOPS_OK && !e->memory) {
        (void)sops_fail(&r->down, e->code, "%s", e->msg);
    }
    return ok;
}

static bool ask(struct sops_service *s, struct sops_world *w, const char *path, const struct sops_key *k,
                struct sops_slice bytes, struct sops_buf *out, struct sops_err *e)
{
    struct remote *r = s->ctx;
    struct sops_buf request = {0}, reply = {0};
    struct sops_slice got;
    bool ok = sops_wire_put_request(&request, k, bytes, e) && call(r, w, path, sops_buf_view(&request), &reply, e);
    if (ok && !sops_wire_take_reply(sops_buf_view(&reply), &got, e)) {
        ok = sops_within(e, "rpc error: code = Internal desc = the answer");
    }
    ok = ok && sops_buf_add(out, got, e);
    sops_buf_free(&reply);
    sops_buf_free(&request);
    return ok;
}

static bool remote_wrap(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_slice plain,
                        struct sops_buf *enc, struct sops_err *e)
{
    return ask(s, w, "/KeyService/Encrypt", k, plain, enc, e);
}

static bool remote_unwrap(struct sops_service *s, struct sops_world *w, const struct sops_key *k,
                          struct sops_buf *plain, struct sops_err *e)
{
    return ask(s, w, "/KeyService/Decrypt", k, k->enc, plain, e);
}

static void remote_close(struct sops_service *s)
{
    struct remote *r = s->ctx;
    if (r == NULL) {
        return;
    }
    sops_grpc_close(r->client);
    sops_err_clear(&r->down);
    char *const texts[] = {r->url, r->scheme, r->host, r->port, r->path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sops_free(texts[i]);
    }
    sops_free(r);
    s->ctx = NULL;
}

bool sops_service_remote_open(struct sops_service *out, struct sops_world *w, const char *url, struct sops_err *e)
{
    struct remote *r = sops_alloc(sizeof *r, e);
    if (r == NULL) {
        return false;
    }
    *out = (struct sops_service){.wrap = remote_wrap, .unwrap = remote_unwrap, .close = remote_close, .ctx = r};
    r->url = sops_strdup(sops_str(url), e);
    out->name = r->url;
    if (r->url == NULL || !split(r, e)) {
        remote_close(out);
        return false;
    }
    const struct sops_log_field address[] = {{"address", sops_str(url)}, {NULL, {0}}};
    sops_log(w, "CMD", SOPS_LOG_INFO, address, "Connecting to key service");
    if (!is_uri(sops_str(url))) {
        sops_world_warn(w, "cannot parse the address '%s' of a key service, which is left out", url);
    }
    return true;
}
