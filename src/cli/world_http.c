/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on libcurl. Handles that are not in use wait in a pool of the world, each with its open connections, so that a
 * second request to a host finds one: the handle that talked to this host last is taken first. A handle serves one
 * thread at a time. Nothing is left to libcurl's own reading of the environment. */
#include "cli/world_http.h"

#include "base/openssl.h"
#include "base/dl.h"
#include "base/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define USUAL_LIMIT ((size_t)1 << 20)
#define HEAD_LIMIT ((size_t)128 << 10)
#define MAX_IDLE 16
#define PEER_NAME 256

struct idle {
    CURL *h;
    char peer[PEER_NAME]; /* scheme, host and port it talked to last */
};

struct pool {
    CURLcode (*global_init)(long flags, curl_malloc_callback m, curl_free_callback f, curl_realloc_callback r,
                            curl_strdup_callback s, curl_calloc_callback c);
    void (*global_cleanup)(void);
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *h, CURLoption option, ...);
    CURLcode (*perform)(CURL *h);
    CURLcode (*getinfo)(CURL *h, CURLINFO info, ...);
    void (*reset)(CURL *h);
    void (*cleanup)(CURL *h);
    const char *(*words)(CURLcode code);
    struct curl_slist *(*append)(struct curl_slist *list, const char *text);
    void (*free_list)(struct curl_slist *list);
    pthread_mutex_t lock;
    struct idle idle[MAX_IDLE]; /* the one used last is the last */
    size_t count;
};

/* ---- the pool -------------------------------------------------------------------------------------------------- */

static void drop_pool(void *thing)
{
    struct pool *p = thing;
    for (size_t i = 0; i < p->count; i++) {
        p->cleanup(p->idle[i].h);
    }
    p->global_cleanup();
    (void)pthread_mutex_destroy(&p->lock);
}

static bool make_pool(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    (void)arg;
    struct pool *p = sops_arena_alloc(a, sizeof *p, e);
    if (p == NULL) {
        return false;
    }
    const struct sops_dl_symbol symbols[] = {
        {"curl_global_init_mem", &p->global_init},
        {"curl_global_cleanup", &p->global_cleanup},
        {"curl_easy_init", &p->init},
        {"curl_easy_setopt", &p->setopt},
        {"curl_easy_perform", &p->perform},
        {"curl_easy_getinfo", &p->getinfo},
        {"curl_easy_reset", &p->reset},
        {"curl_easy_cleanup", &p->cleanup},
        {"curl_easy_strerror", &p->words},
        {"curl_slist_append", &p->append},
        {"curl_slist_free_all", &p->free_list},
        {NULL, NULL},
    };
    sops_openssl_names(); /* for its TLS */
    if (!sops_dl_load("libcurl.so.4", "libcurl4", symbols, e)) {
        return false;
    }
    CURLcode code = p->global_init(CURL_GLOBAL_DEFAULT, sops_mem_malloc, sops_mem_free, sops_mem_realloc,
                                   sops_mem_strdup, sops_mem_calloc);
    if (code != CURLE_OK) {
        return sops_fail(e, SOPS_E_GENERIC, "libcurl cannot be used: %s", p->words(code));
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    if (!sops_world_at_end(w, drop_pool, p, e)) {
        drop_pool(p);
        return false;
    }
    *made = p;
    return true;
}

static void name_peer(const struct sops_url *url, char name[PEER_NAME])
{
    (void)snprintf(name, PEER_NAME, "%.*s://%.*s:%.*s", SOPS_ARG(url->scheme), SOPS_ARG(url->host),
                   SOPS_ARG(url->port));
}

static CURL *take_handle(struct pool *p, const struct sops_url *url, struct sops_err *e)
{
    char peer[PEER_NAME];
    CURL *h = NULL;
    name_peer(url, peer);
    pthread_mutex_lock(&p->lock);
    if (p->count > 0) {
        size_t at = p->count - 1;
        for (size_t i = p->count; i-- > 0;) {
            if (strcmp(p->idle[i].peer, peer) == 0) {
                at = i;
                break;
            }
        }
        h = p->idle[at].h;
        p->count--;
        memmove(&p->idle[at], &p->idle[at + 1], (p->count - at) * sizeof p->idle[0]);
    }
    pthread_mutex_unlock(&p->lock);
    if (h == NULL && (h = p->init()) == NULL) {
        (void)sops_fail_memory(e);
    }
    return h;
}

static void give_handle_back(struct pool *p, const struct sops_url *url, CURL *h)
{
    p->reset(h);
    pthread_mutex_lock(&p->lock);
    if (p->count < MAX_IDLE) {
        name_peer(url, p->idle[p->count].peer);
        p->idle[p->count++].h = h;
        h = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    if (h != NULL) {
        p->cleanup(h);
    }
}

/* ---- one exchange ---------------------------------------------------------------------------------------------- */

struct exchange {
    struct pool *pool;
    CURL *h;
    const struct sops_http_req *req;
    const char *url; /* of this try */
    struct sops_http_res *res;
    struct sops_err *e;
    struct curl_slist *headers, *connect_to;
    struct sops_buf renamed; /* URL with the host by which the certificate goes */
    size_t limit;
    bool ok; /* all options were taken */
    bool too_long;
    char words[CURL_ERROR_SIZE];
};

static void set_long(struct exchange *x, CURLoption option, long value)
{
    x->ok = x->ok && x->pool->setopt(x->h, option, value) == CURLE_OK;
}

static void set_pointer(struct exchange *x, CURLoption option, const void *value)
{
    x->ok = x->ok && x->pool->setopt(x->h, option, value) == CURLE_OK;
}

static void set_text(struct exchange *x, CURLoption option, const char *value)
{
    if (value != NULL) {
        set_pointer(x, option, value);
    }
}

static size_t take_body(char *from, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t n = size * count;
    if (n > x->limit - x->res->body.len) {
        x->too_long = true;
        return 0;
    }
    return sops_buf_add(&x->res->body, sops_slice_of(from, n), x->e) ? n : 0;
}

/* Called once a line. A new status line means that what came before was not the answer ("100 Continue"). */
static size_t take_head(char *from, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    struct sops_slice line = sops_slice_of(from, size * count);
    if (sops_slice_starts(line, SOPS_LIT("HTTP/"))) {
        sops_buf_cut(&x->res->head, 0);
    }
    if (line.len > HEAD_LIMIT - x->res->head.len) {
        x->too_long = true;
        return 0;
    }
    return sops_buf_add(&x->res->head, line, x->e) ? line.len : 0;
}

static void add_header(struct exchange *x, const char *line)
{
    struct curl_slist *more = x->pool->append(x->headers, line);
    if (more == NULL) {
        x->ok = false;
        return;
    }
    x->headers = more;
}

/* What libcurl would add by itself is taken away first: a header that the caller gives comes later and wins. */
static void set_headers(struct exchange *x)
{
    bool typed = false;
    for (const char *const *line = x->req->headers; line != NULL && *line != NULL; line++) {
        typed = typed || strncasecmp(*line, "content-type:", 13) == 0;
        add_header(x, *line);
    }
    add_header(x, "Expect:");
    if (!typed) {
        add_header(x, "Content-Type:");
    }
}

static void set_method(struct exchange *x)
{
    const struct sops_http_req *r = x->req;
    set_text(x, CURLOPT_USERAGENT, "sops");
    if (strcmp(r->method, "GET") == 0) {
        set_long(x, CURLOPT_HTTPGET, 1);
    } else {
        set_long(x, CURLOPT_POST, 1);
        set_pointer(x, CURLOPT_POSTFIELDS, r->body.len > 0 ? (const void *)r->body.ptr : "");
        x->ok = x->ok && x->pool->setopt(x->h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len) == CURLE_OK;
        set_text(x, CURLOPT_CUSTOMREQUEST, r->method);
    }
    set_headers(x);
    set_pointer(x, CURLOPT_HTTPHEADER, x->headers);
}

/* SSL_CERT_FILE and SSL_CERT_DIR stand in place of the system's; what the request names, in place of both. A file of
 * SSL_CERT_FILE that is not there leaves the folders. */
static bool set_trust(struct exchange *x, struct sops_world *w)
{
    const struct sops_http_req *r = x->req;
    bool own = r->ca_file != NULL || r->ca_dir != NULL || r->ca_pem.len > 0;
    const char *file = own ? r->ca_file : sops_world_env_set(w, "SSL_CERT_FILE");
    const char *folders = own ? r->ca_dir : sops_world_env_set(w, "SSL_CERT_DIR");
    struct sops_slice pem = r->ca_pem;
    char *usual = NULL;
    set_long(x, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (!own && file == NULL) {
        (void)x->pool->getinfo(x->h, CURLINFO_CAINFO, &usual);
    } else {
        set_pointer(x, CURLOPT_CAINFO, own || access(file, R_OK) == 0 ? file : NULL);
    }
    if (own || folders != NULL) {
        set_pointer(x, CURLOPT_CAPATH, folders);
    }
    if (folders != NULL && !sops_trust_folders(w, folders, file != NULL ? file : usual, &pem, x->e)) {
        return false;
    }
    if (pem.len > 0) {
        struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
        set_pointer(x, CURLOPT_CAINFO_BLOB, &blob);
    }
    set_text(x, CURLOPT_SSLCERT, r->client_cert);
    set_text(x, CURLOPT_SSLKEY, r->client_key);
    if (r->insecure) {
        set_long(x, CURLOPT_SSL_VERIFYPEER, 0);
        set_long(x, CURLOPT_SSL_VERIFYHOST, 0);
    }
    return true;
}

static long milliseconds(struct sops_world *w, unsigned asked, unsigned usual, const char *name)
{
    int64_t seconds;
    const char *text = name != NULL ? sops_world_env_set(w, name) : NULL;
    if (asked != 0) {
        return (long)asked;
    }
    if (text != NULL && sops_int_parse(sops_str(text), &seconds) && seconds > 0 && seconds <= 86400) {
        return (long)seconds * 1000;
    }
    return (long)usual;
}

/* libcurl takes the name for the certificate from the URL, so the URL gets that name and the connection the old one. */
static bool rename_host(struct exchange *x, const struct sops_url *url)
{
    struct sops_buf text = {0};
    bool ok = sops_buf_addf(&x->renamed, x->e, "%.*s://%s:%.*s%.*s", SOPS_ARG(url->scheme), x->req->server_name,
                            SOPS_ARG(url->port), SOPS_ARG(url->rest)) &&
              sops_buf_cstr(&x->renamed, x->e) != NULL &&
              sops_buf_addf(&text, x->e, "::%.*s:%.*s", SOPS_ARG(url->host), SOPS_ARG(url->port)) &&
              sops_buf_cstr(&text, x->e) != NULL;
    if (ok) {
        x->connect_to = x->pool->append(NULL, (const char *)text.ptr);
        x->ok = x->ok && x->connect_to != NULL;
        set_pointer(x, CURLOPT_CONNECT_TO, x->connect_to);
        set_text(x, CURLOPT_URL, (const char *)x->renamed.ptr);
        sops_buf_cut(&text, 0);
        ok = sops_buf_addf(&text, x->e, "Host: %.*s:%.*s", SOPS_ARG(url->host), SOPS_ARG(url->port)) &&
             sops_buf_cstr(&text, x->e) != NULL;
    }
    if (ok) {
        add_header(x, (const char *)text.ptr);
    }
    sops_buf_free(&text);
    return ok;
}

/* A value out of the environment or an answer must not bring a header of its own with it. */
static bool check_headers(const struct sops_http_req *r, struct sops_err *e)
{
    for (const char *const *line = r->headers; line != NULL && *line != NULL; line++) {
        if (strpbrk(*line, "\r\n") != NULL) {
            int name = (int)strcspn(*line, ":\r\n");
            (void)sops_fail(e, SOPS_E_GENERIC, "the value of the header %.*s holds a line break", name < 64 ? name : 64,
                            *line);
            return sops_hint(e, "look at the variable or file that it comes from");
        }
    }
    return true;
}

static bool set_options(struct exchange *x, struct sops_world *w, const struct sops_url *url)
{
    const struct sops_http_req *r = x->req;
    set_long(x, CURLOPT_NOSIGNAL, 1);
    set_long(x, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(x, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    set_long(x, CURLOPT_FRESH_CONNECT, r->once ? 1 : 0); /* on an old one libcurl would send it again by itself */
    set_long(x, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(w, r->connect_ms, 10000, NULL));
    set_long(x, CURLOPT_TIMEOUT_MS, milliseconds(w, r->total_ms, 30000, "SOPS_HTTP_TIMEOUT"));
    set_pointer(x, CURLOPT_ERRORBUFFER, x->words);
    x->ok = x->ok && x->pool->setopt(x->h, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
            x->pool->setopt(x->h, CURLOPT_HEADERFUNCTION, take_head) == CURLE_OK;
    set_pointer(x, CURLOPT_WRITEDATA, x);
    set_pointer(x, CURLOPT_HEADERDATA, x);
    set_text(x, CURLOPT_PROXY,
             r->no_proxy || r->unix_path != NULL ? ""
             : r->proxy != NULL                  ? r->proxy
                                                 : sops_proxy_for(w, sops_str(x->url)));
    set_text(x, CURLOPT_NOPROXY, "");
    set_text(x, CURLOPT_UNIX_SOCKET_PATH, r->unix_path);
    set_text(x, CURLOPT_URL, x->url);
    if (!set_trust(x, w) || (r->server_name != NULL && !rename_host(x, url))) {
        return false;
    }
    set_method(x);
    return x->ok || sops_fail_memory(x->e);
}

/* The URL in a message: without a user's name and password, and without the query. */
static bool fail_exchange(struct exchange *x, const struct sops_url *url, CURLcode code)
{
    size_t end = 0;
    while (end < url->rest.len && url->rest.ptr[end] != '?' && url->rest.ptr[end] != '#') {
        end++;
    }
    long system_error = 0;
    const char *why = x->words[0] != '\0' ? x->words : x->pool->words(code);
    (void)x->pool->getinfo(x->h, CURLINFO_OS_ERRNO, &system_error);
    char limit[64];
    if (x->too_long) {
        (void)snprintf(limit, sizeof limit, "the answer is longer than %zu bytes", x->limit);
        why = limit;
    } else if (code == CURLE_COULDNT_CONNECT && system_error == ECONNREFUSED) {
        why = "connection refused";
    } else if (code == CURLE_GOT_NOTHING) {
        why = "EOF, the connection was closed without an answer";
    }
    (void)sops_fail(x->e, SOPS_E_GENERIC, "%s \"%.*s://%.*s%.*s\": %s", x->req->method, SOPS_ARG(url->scheme),
                    SOPS_ARG(url->authority), SOPS_ARG(sops_slice_first(url->rest, end)), why);
    if (x->too_long) {
        return sops_hint(x->e, "is this the server that was meant?");
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        if (x->req->ca_file != NULL || x->req->ca_dir != NULL || x->req->ca_pem.len > 0) {
            return sops_hint(x->e, "look at the certificate authorities that are named for this server");
        }
        return sops_hint(x->e, "SSL_CERT_FILE may name a PEM file with the certificate authorities to trust");
    }
    return code == CURLE_SSL_CERTPROBLEM ? sops_hint(x->e, "look at the client certificate and its key") : false;
}

/* Did it fail before anything of the request was sent? */
static bool is_unsent(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_SSL_CONNECT_ERROR;
}

static bool one_exchange(struct sops_world *w, struct pool *p, const struct sops_http_req *req, const char *url,
                         struct sops_http_res *res, bool *unsent, struct sops_err *e)
{
    struct sops_url parts;
    struct exchange x = {.pool = p, .req = req, .url = url, .res = res, .e = e, .ok = true};
    x.limit = req->limit != 0 ? req->limit : USUAL_LIMIT;
    if (!sops_url_parse(sops_str(url), &parts)) {
        return sops_fail(e, SOPS_E_GENERIC, "not an http or https URL");
    }
    if (!check_headers(req, e)) {
        return false;
    }
    x.h = take_handle(p, &parts, e);
    if (x.h == NULL) {
        return false;
    }
    bool ok = set_options(&x, w, &parts);
    if (ok) {
        CURLcode code = p->perform(x.h);
        long status = 0;
        (void)p->getinfo(x.h, CURLINFO_RESPONSE_CODE, &status);
        res->status = (int)status;
        ok = code == CURLE_OK || fail_exchange(&x, &parts, code);
        *unsent = is_unsent(code);
    }
    give_handle_back(p, &parts, x.h);
    p->free_list(x.headers);
    p->free_list(x.connect_to);
    sops_buf_free(&x.renamed);
    return ok;
}

/* ---- redirects ------------------------------------------------------------------------------------------------- */

/* Where a redirect leads: only to the same scheme, host and port, so that a token never goes elsewhere. */
static bool redirect_target(const char *url, const struct sops_http_res *res, struct sops_buf *target,
                            struct sops_err *e)
{
    struct sops_slice to = sops_http_header(res, "location");
    struct sops_url from, there;
    bool wanted = res->status == 301 || res->status == 302 || res->status == 307 || res->status == 308;
    if (!wanted || to.len == 0 || !sops_url_parse(sops_str(url), &from)) {
        return true;
    }
    if (to.ptr[0] == '/' && !sops_slice_starts(to, SOPS_LIT("//"))) {
        size_t base = (size_t)(from.rest.ptr - (const uint8_t *)url);
        return sops_buf_add(target, sops_slice_of(url, base), e) && sops_buf_add(target, to, e);
    }
    if (sops_url_parse(to, &there) && sops_slice_eq(from.scheme, there.scheme) &&
        sops_slice_eq(from.host, there.host) && sops_slice_eq(from.port, there.port)) {
        return sops_buf_add(target, to, e);
    }
    return true;
}

bool sops_world_http(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res,
                     struct sops_err *e)
{
    static const char owner;
    struct sops_buf target = {0};
    void *pool;
    bool ok = false, unsent = false;
    if (!sops_world_once(w, &owner, SOPS_LIT("libcurl"), make_pool, NULL, &pool, e)) {
        return false;
    }
    if (!one_exchange(w, pool, req, req->url, res, &unsent, e)) {
        goto out;
    }
    if (req->one_redirect && !redirect_target(req->url, res, &target, e)) {
        goto out;
    }
    if (target.len > 0) {
        sops_http_res_free(res);
        if (sops_buf_cstr(&target, e) == NULL ||
            !one_exchange(w, pool, req, (const char *)target.ptr, res, &unsent, e)) {
            goto out;
        }
    }
    ok = true;
out:
    if (!ok) {
        sops_http_res_free(res);
        res->unsent = unsent;
    }
    sops_buf_free(&target);
    return ok;
}
