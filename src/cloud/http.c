/* SPDX-License-Identifier: Apache-2.0 */
/* Messages about an answer never show its text: a server that sends back what it was sent would have us print a data
 * key. Only the fields that a provider documents for its errors are shown, by the files that know them. */
#include "cloud/http.h"

#include "base/file.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <pwd.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define FILE_LIMIT ((size_t)1 << 20)

/* ---- tries ----------------------------------------------------------------------------------------------------- */

static bool usual_again(const struct sops_http_res *res)
{
    return res->status == 429 || (res->status >= 500 && res->status != 501);
}

bool sops_again_undone(const struct sops_http_res *res) { return res->status == 429 || res->status == 503; }

static unsigned pause_before(struct sops_world *w, const struct sops_retry *r, unsigned tried,
                             const struct sops_http_res *res)
{
    uint64_t ms = r->base_ms;
    uint32_t dice = 0;
    int64_t asked;
    struct sops_err ignored = {0};
    for (unsigned i = 1; i < tried && ms < r->cap_ms; i++) {
        ms *= 2;
    }
    if (sops_int_parse(sops_http_header(res, "retry-after"), &asked) && asked > 0 && asked * 1000 <= r->cap_ms) {
        return (unsigned)(asked * 1000);
    }
    ms = ms < r->cap_ms ? ms : r->cap_ms;
    if (r->spread > 0 && w->random(w, &dice, sizeof dice, &ignored)) {
        uint64_t part = ms * r->spread / 100;
        ms = ms - part + (part == 0 ? 0 : dice % (part + 1));
    }
    sops_err_clear(&ignored);
    return (unsigned)ms;
}

/* ---- servers that are down -------------------------------------------------------------------------------------- */

#define SILENT_MOST 3

/* Exchanges in a row that got no answer from one server. */
struct server {
    unsigned silent;
    char why[1024], hint[256]; /* of the last of them */
};

static pthread_mutex_t servers = PTHREAD_MUTEX_INITIALIZER;

static bool make_server(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    (void)w;
    (void)arg;
    *made = sops_arena_alloc(a, sizeof(struct server), e);
    return *made != NULL;
}

/* What is known of the server; NULL where one is asked for one file only, and where nothing can be kept. */
static struct server *server_of(struct sops_world *w, const struct sops_http_req *req)
{
    static const char owner;
    struct sops_url url;
    struct sops_err none = {0};
    void *made = NULL;
    bool ok = w->jobs != 0 && sops_url_parse(sops_str(req->url), &url) &&
              sops_world_once(w, &owner, req->unix_path != NULL ? sops_str(req->unix_path) : url.authority, make_server,
                              NULL, &made, &none);
    sops_err_clear(&none);
    return ok ? made : NULL;
}

/* Hundreds of files must not wait for hundreds of time-outs. */
static bool is_down(const struct server *s, struct sops_err *e)
{
    (void)pthread_mutex_lock(&servers);
    bool down = s != NULL && s->silent >= SILENT_MOST;
    if (down) {
        (void)sops_fail(e, SOPS_E_GENERIC, "%s", s->why);
        (void)(s->hint[0] != '\0' && sops_hint(e, "%s", s->hint));
    }
    (void)pthread_mutex_unlock(&servers);
    return down;
}

static void note_answer(struct server *s, const struct sops_err *failure)
{
    if (s == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&servers);
    s->silent = failure == NULL ? 0 : s->silent + 1;
    if (failure != NULL) {
        (void)snprintf(s->why, sizeof s->why, "%s", failure->msg);
        (void)snprintf(s->hint, sizeof s->hint, "%s", failure->hint);
    }
    (void)pthread_mutex_unlock(&servers);
}

bool sops_call(struct sops_world *w, const struct sops_http_req *req, const struct sops_retry *retry,
               struct sops_http_res *res, struct sops_err *e)
{
    struct server *server = server_of(w, req);
    if (is_down(server, e)) {
        return false;
    }
    bool (*again)(const struct sops_http_res *) = retry->again != NULL ? retry->again : usual_again;
    for (unsigned tried = 1;; tried++) {
        struct sops_err failure = {0};
        bool answered = w->http(w, req, res, &failure);
        bool lost = !answered && req->once && !res->unsent;
        bool last = tried >= retry->tries || lost || (answered ? !again(res) : failure.hint[0] != '\0');

        if (retry->tried != NULL) {
            *retry->tried = tried;
        }
        if (answered && last) {
            note_answer(server, NULL);
            return true;
        }
        if (last) {
            note_answer(server, &failure);
            sops_http_res_free(res);
            (void)sops_fail(e, failure.code, "%s", failure.msg);
            if (failure.hint[0] != '\0') {
                (void)sops_hint(e, "%s", failure.hint);
            }
            sops_err_clear(&failure);
            return false;
        }
        sops_err_clear(&failure);
        w->pause(w, pause_before(w, retry, tried, res));
        sops_http_res_free(res);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* jansson's scanner contradicts itself and aborts when it cannot get memory. So all that it may need for a text is
 * asked for and given back before it starts, and what was just there is asked for a second time. */
static void *steady_malloc(size_t n)
{
    void *p = sops_mem_malloc(n);
    return p != NULL ? p : sops_mem_malloc(n);
}

static void use_our_heap(void) { json_set_alloc_funcs(steady_malloc, sops_mem_free); }

static bool enough_memory(struct sops_slice text, struct sops_err *e)
{
    void *room = text.len <= SIZE_MAX / 32 ? sops_alloc(text.len * 16 + 16384, e) : NULL;
    sops_free(room);
    return room != NULL || sops_fail_memory(e);
}

static json_t *parse(struct sops_slice text, json_error_t *why, struct sops_err *e)
{
    (void)pthread_once(&once, use_our_heap);
    why->line = why->column = 0;
    return enough_memory(text, e) ? json_loadb((const char *)text.ptr, text.len, JSON_ALLOW_NUL, why) : NULL;
}

json_t *sops_json_try(struct sops_slice text)
{
    struct sops_err ignored = {0};
    json_error_t why;
    json_t *found = text.len == 0 ? NULL : parse(text, &why, &ignored);

    sops_err_clear(&ignored);
    return found;
}

bool sops_json_load(struct sops_slice text, json_t **out, struct sops_err *e)
{
    json_error_t why;

    if (text.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "unexpected end of JSON input");
    }
    *out = parse(text, &why, e);
    return *out != NULL || sops_fail(e, SOPS_E_GENERIC, "not JSON (line %d, column %d)", why.line, why.column);
}

struct sops_slice sops_json_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? sops_slice_of(json_string_value(value), json_string_length(value))
                                 : (struct sops_slice){0};
}

int64_t sops_json_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    int64_t n = 0;
    if (json_is_integer(value)) {
        return (int64_t)json_integer_value(value);
    }
    return sops_int_parse(sops_json_text(object, name), &n) ? n : 0;
}

bool sops_machine_ask(struct sops_world *w, const char *method, const char *url, const char *line, unsigned connect_ms,
                      unsigned total_ms, struct sops_http_res *res, struct sops_err *e)
{
    const char *const headers[] = {line, NULL};
    struct sops_http_req req = {.method = method,
                                .url = url,
                                .headers = headers,
                                .no_proxy = true,
                                .connect_ms = connect_ms,
                                .total_ms = total_ms};
    return w->http(w, &req, res, e);
}

/* ---- forms and URLs -------------------------------------------------------------------------------------------- */

bool sops_form_add(struct sops_buf *out, const char *name, struct sops_slice value, struct sops_err *e)
{
    return (out->len == 0 || sops_buf_addc(out, '&', e)) && sops_percent_add(out, sops_str(name), "", e) &&
           sops_buf_addc(out, '=', e) && sops_percent_add(out, value, "", e);
}

static int by_bytes(const void *a, const void *b)
{
    const struct sops_slice *x = a, *y = b;
    return sops_slice_cmp(*x, *y);
}

bool sops_query_sorted(struct sops_buf *out, struct sops_slice query, struct sops_err *e)
{
    struct sops_slice piece[32], rest = query;
    size_t n = 0;
    while (query.len > 0 && sops_slice_next(&rest, '&', &piece[n])) {
        if (++n == sizeof piece / sizeof piece[0]) {
            return sops_fail(e, SOPS_E_GENERIC, "too many parameters to sign");
        }
    }
    qsort(piece, n, sizeof piece[0], by_bytes);
    for (size_t i = 0; i < n; i++) {
        if ((i > 0 && !sops_buf_addc(out, '&', e)) || !sops_buf_add(out, piece[i], e) ||
            (sops_slice_find(piece[i], '=') == piece[i].len && !sops_buf_addc(out, '=', e))) {
            return false;
        }
    }
    return true;
}

bool sops_base64_text(struct sops_buf *out, enum sops_base64 kind, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf clean = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        if (text.ptr[i] != '\r' && text.ptr[i] != '\n') {
            ok = sops_buf_addc(&clean, text.ptr[i], e);
        }
    }
    while (kind == SOPS_B64_URL && clean.len > 0 && clean.ptr[clean.len - 1] == '=') {
        clean.len--;
    }
    ok = ok && sops_base64_take(out, kind, sops_buf_view(&clean), e);
    sops_buf_free(&clean);
    return ok;
}

/* ---- surroundings ---------------------------------------------------------------------------------------------- */

bool sops_small_file(const char *path, struct sops_buf *out, struct sops_err *e)
{
    return sops_file_read(path, FILE_LIMIT, out, e) || sops_recode(e, SOPS_E_GENERIC);
}

static bool passwd_home(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    struct passwd entry, *found = NULL;
    char text[4096];
    struct sops_slice home = {0};
    (void)w;
    (void)arg;
    if (getpwuid_r(getuid(), &entry, text, sizeof text, &found) == 0 && found != NULL) {
        home = sops_str(found->pw_dir);
    }
    if (!sops_arena_copy(a, home, &home, e)) {
        return false;
    }
    *made = (void *)(uintptr_t)home.ptr;
    return true;
}

const char *sops_home(struct sops_world *w)
{
    static const char owner;
    const char *home = sops_world_env_set(w, "HOME");
    struct sops_err ignored = {0};
    void *made;
    if (home != NULL) {
        return home;
    }
    if (!sops_world_once(w, &owner, SOPS_LIT("home"), passwd_home, NULL, &made, &ignored)) {
        sops_err_clear(&ignored);
        return "";
    }
    return made;
}

bool sops_env_true(struct sops_world *w, const char *name)
{
    const char *value = sops_world_env_set(w, name);
    return value != NULL && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}
