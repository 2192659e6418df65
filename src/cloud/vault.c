/* SPDX-License-Identifier: Apache-2.0 */
/* The address is the key's, everything else comes from the environment. A redirect is followed once, and only on the
 * same host: a token must not be led elsewhere. */
#include "cloud/vault.h"

#include "base/text.h"

#include <strings.h>
#include <unistd.h>

#define MAX_LINES 20
#define USUAL_TIMEOUT_MS 60000

/* ---- variables ------------------------------------------------------------------------------------------------- */

static bool bad(const char *name, const char *why, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_GENERIC, "error encountered setting up default configuration: %s: %s", name, why);
}

/* The words that Go takes for a bool. */
static bool read_bool(struct sops_world *w, const char *name, bool *value, struct sops_err *e)
{
    const char *text = sops_world_env_set(w, name);
    *value = false;
    return text == NULL || sops_bool_word(sops_str(text), value) || bad(name, "not a boolean", e);
}

/* One number with its unit of a Go duration, or 0. */
static size_t take_duration_part(struct sops_slice s, double *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1},      {"us", 1e-3},  {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3}, {"ns", 1e-6},
                 {"d", 86400e3}, {"h", 3600e3}, {"m", 60e3},         {"s", 1e3}};
    size_t n = 0;
    double value;

    while (n < s.len && (sops_is_digit(s.ptr[n]) || s.ptr[n] == '.')) {
        n++;
    }
    if (n == 0 || !sops_float_parse(sops_slice_first(s, n), &value, NULL)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (sops_slice_starts(sops_slice_skip(s, n), sops_str(units[i].unit))) {
            *ms += value * units[i].ms;
            return n + strlen(units[i].unit);
        }
    }
    return 0;
}

/* "90", "1m30s", "1d"; one that is negative counts as none. */
static bool read_timeout(struct sops_world *w, unsigned *ms, struct sops_err *e)
{
    const char *name = "VAULT_CLIENT_TIMEOUT", *text = sops_world_env_set(w, name);
    struct sops_slice rest = sops_str(text);
    int64_t seconds;
    double sum = 0;
    bool negative = false;
    *ms = USUAL_TIMEOUT_MS;
    if (text == NULL) {
        return true;
    }
    if (sops_int_parse(rest, &seconds)) {
        sum = (double)seconds * 1000;
        rest.len = 0;
    }
    if (rest.len > 1 && (rest.ptr[0] == '-' || rest.ptr[0] == '+')) {
        negative = rest.ptr[0] == '-';
        rest = sops_slice_skip(rest, 1);
    }
    while (rest.len > 0) {
        size_t n = take_duration_part(rest, &sum);
        if (n == 0) {
            return bad(name, "not a duration", e);
        }
        rest = sops_slice_skip(rest, n);
    }
    *ms = sum < 1 || negative ? USUAL_TIMEOUT_MS : sum > 86400e3 ? 86400000 : (unsigned)sum;
    return true;
}

static bool read_tries(struct sops_world *w, unsigned *tries, struct sops_err *e)
{
    const char *name = "VAULT_MAX_RETRIES", *text = sops_world_env_set(w, name);
    int64_t n;
    *tries = 3;
    if (text == NULL) {
        return true;
    }
    if (text[0] == '+' || !sops_int_parse(sops_str(text), &n) || n < 0 || n > UINT32_MAX) {
        return bad(name, "not a number of tries", e);
    }
    *tries = n > 20 ? 21 : (unsigned)n + 1;
    return true;
}

/* "RATE" or "RATE:BURST". What it limits, the requests of one client, are never more than a few here. */
static bool check_rate(struct sops_world *w, struct sops_err *e)
{
    const char *name = "VAULT_RATE_LIMIT", *text = sops_world_env_set(w, name);
    struct sops_slice rate = sops_str(text), burst;
    size_t colon = sops_slice_find(rate, ':');
    double number;
    int64_t whole;
    burst = sops_slice_skip(rate, colon + 1);
    if (text == NULL || (sops_float_parse(sops_slice_first(rate, colon), &number, NULL) &&
                         (colon == rate.len || sops_int_parse(burst, &whole)))) {
        return true;
    }
    return bad(name, "was provided but incorrectly formatted", e);
}

/* VAULT_SRV_LOOKUP asks the DNS which hosts stand behind a name without a port. */
static bool check_lookup(struct sops_world *w, struct sops_slice address, struct sops_err *e)
{
    bool wanted;
    struct sops_url u;
    if (!read_bool(w, "VAULT_SRV_LOOKUP", &wanted, e)) {
        return false;
    }
    if (wanted && sops_url_parse(address, &u) && sops_slice_find(u.authority, ':') == u.authority.len) {
        sops_world_warn(w, "VAULT_SRV_LOOKUP is not supported, '%.*s' is used as it is", SOPS_ARG(address));
    }
    return true;
}

/* ---- TLS ------------------------------------------------------------------------------------------------------- */

static bool read_tls(struct sops_world *w, struct sops_vault *v, struct sops_err *e)
{
    struct sops_http_req *r = &v->usual;
    const char *proxy = sops_world_env_set(w, "VAULT_PROXY_ADDR");
    bool no_redirect;
    if (!read_bool(w, "VAULT_SKIP_VERIFY", &r->insecure, e) ||
        !read_bool(w, "VAULT_DISABLE_REDIRECTS", &no_redirect, e) || !read_timeout(w, &r->total_ms, e) ||
        !read_tries(w, &v->tries, e) || !check_rate(w, e) || !check_lookup(w, v->address, e)) {
        return false;
    }
    r->one_redirect = !no_redirect;
    r->proxy = proxy != NULL ? proxy : sops_world_env_set(w, "VAULT_HTTP_PROXY");
    r->server_name = sops_world_env_set(w, "VAULT_TLS_SERVER_NAME");
    r->client_cert = sops_world_env_set(w, "VAULT_CLIENT_CERT");
    r->client_key = sops_world_env_set(w, "VAULT_CLIENT_KEY");
    if ((r->client_cert == NULL) != (r->client_key == NULL)) {
        return bad("VAULT_CLIENT_CERT, VAULT_CLIENT_KEY", "both client cert and client key must be provided", e);
    }
    r->ca_file = sops_world_env_set(w, "VAULT_CACERT");
    if (r->ca_file == NULL) {
        r->ca_pem = sops_str(sops_world_env_set(w, "VAULT_CACERT_BYTES"));
    }
    if (r->ca_file == NULL && r->ca_pem.len == 0) {
        r->ca_dir = sops_world_env_set(w, "VAULT_CAPATH");
    }
    if (r->ca_file != NULL && access(r->ca_file, R_OK) != 0) {
        return bad("VAULT_CACERT", "the file cannot be read", e);
    }
    if (r->ca_dir != NULL && access(r->ca_dir, R_OK | X_OK) != 0) {
        return bad("VAULT_CAPATH", "the folder cannot be read", e);
    }
    return true;
}

/* ---- headers --------------------------------------------------------------------------------------------------- */

struct lines {
    struct sops_arena *a;
    const char **line;
    size_t count;
};

static bool add_line(struct lines *l, const char *name, struct sops_slice value, struct sops_err *e)
{
    if (l->count == MAX_LINES - 1) {
        return sops_fail(e, SOPS_E_GENERIC, "too many headers in VAULT_HEADERS");
    }
    if (sops_has_control(value)) {
        return sops_fail(e, SOPS_E_GENERIC, "the value of the header %.64s holds a control character", name);
    }
    l->line[l->count] = sops_arena_text(l->a, e, "%s: %.*s", name, SOPS_ARG(value));
    return l->line[l->count++] != NULL;
}

static bool is_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == ':') {
            return false;
        }
    }
    return name[0] != '\0';
}

/* VAULT_HEADERS: an object of texts. */
static bool add_own_headers(struct sops_world *w, struct lines *l, struct sops_err *e)
{
    const char *text = sops_world_env_set(w, "VAULT_HEADERS");
    json_t *headers = text != NULL ? sops_json_try(sops_str(text)) : NULL;
    const char *name;
    json_t *value;
    bool ok = text == NULL || json_is_object(headers) || bad("VAULT_HEADERS", "not a JSON object", e);
    json_object_foreach(headers, name, value)
    {
        if (!ok) {
            break;
        }
        if (!json_is_string(value) || !is_name(name) || strncasecmp(name, "x-vault-", 8) == 0) {
            ok = bad("VAULT_HEADERS", "names must not start with X-Vault-, and values must be texts", e);
        } else {
            ok = add_line(l, name, sops_slice_of(json_string_value(value), json_string_length(value)), e);
        }
    }
    json_decref(headers);
    return ok;
}

bool sops_vault_own_token(struct sops_world *w, struct sops_arena *a, struct sops_vault_who *who, struct sops_err *e)
{
    const char *given = sops_world_env_set(w, "VAULT_TOKEN");
    struct sops_buf path = {0}, text = {0};
    bool ok = true;
    who->from = given != NULL ? "VAULT_TOKEN" : "~/.vault-token";
    who->token = sops_str(given);
    if (given == NULL) {
        ok = sops_buf_addf(&path, e, "%s/.vault-token", sops_home(w)) && sops_buf_cstr(&path, e) != NULL &&
             (access((const char *)path.ptr, F_OK) != 0 || sops_small_file((const char *)path.ptr, &text, e)) &&
             sops_arena_copy(a, sops_text_trim(sops_buf_view(&text)), &who->token, e);
    }
    sops_buf_free(&text);
    sops_buf_free(&path);
    return ok || sops_within(e, "cannot get Vault token");
}

static bool add_token(struct sops_vault *v, const struct sops_vault_who *who, struct lines *l, struct sops_err *e)
{
    for (struct sops_slice rest = who->token; rest.len > 0;) {
        uint32_t c;
        size_t n = sops_utf8_next(rest, &c);
        if (n == 0 || c < ' ' || (c >= 0x7f && c < 0xa0) || (c > ' ' && sops_is_space(c))) {
            return sops_fail(e, SOPS_E_GENERIC,
                             "configured Vault token contains non-printable characters and cannot be used");
        }
        rest = sops_slice_skip(rest, n);
    }
    v->token_from = who->token.len != 0 ? who->from : "";
    return who->token.len == 0 || add_line(l, "X-Vault-Token", who->token, e);
}

/* ---- setting up ------------------------------------------------------------------------------------------------ */

static bool take_address(struct sops_arena *a, struct sops_slice address, struct sops_vault *v, struct sops_err *e)
{
    const struct sops_slice local = SOPS_LIT("unix://");
    struct sops_slice path;
    if (sops_slice_starts(address, local)) {
        v->address = SOPS_LIT("http://localhost");
        if (!sops_arena_copy(a, sops_slice_skip(address, local.len), &path, e)) {
            return false;
        }
        v->usual.unix_path = (const char *)path.ptr;
        return true;
    }
    return sops_arena_copy(a, sops_slice_trim_end(address, '/'), &v->address, e);
}

static bool set_up(struct sops_world *w, struct sops_arena *a, struct sops_slice address,
                   const struct sops_vault_who *who, struct sops_vault *out, struct sops_err *e)
{
    struct lines l = {.a = a, .line = sops_arena_alloc(a, MAX_LINES * sizeof *l.line, e)};
    if (l.line == NULL) {
        return false;
    }
    out->lines = l.line;
    if (!take_address(a, address, out, e) || !read_tls(w, out, e) || !add_own_headers(w, &l, e) ||
        (out->name_space != NULL && !add_line(&l, "X-Vault-Namespace", sops_str(out->name_space), e))) {
        return sops_within(e, "cannot create Vault client");
    }
    return add_line(&l, "X-Vault-Request", SOPS_LIT("true"), e) && add_token(out, who, &l, e);
}

bool sops_vault_setup(struct sops_world *w, struct sops_arena *a, struct sops_slice address, unsigned flags,
                      struct sops_vault *out, struct sops_err *e)
{
    const char *agent = (flags & SOPS_VAULT_AGENT) != 0 ? sops_world_env_set(w, "VAULT_AGENT_ADDR") : NULL;
    struct sops_vault_who who = {.from = "VAULT_TOKEN", .token = sops_str(sops_world_env_set(w, "VAULT_TOKEN"))};
    *out = (struct sops_vault){.name_space = sops_world_env_set(w, "VAULT_NAMESPACE")};
    return ((flags & SOPS_VAULT_TOKEN_FILE) == 0 || sops_vault_own_token(w, a, &who, e)) &&
           set_up(w, a, agent != NULL ? sops_str(agent) : address, &who, out, e);
}

bool sops_vault_setup_as(struct sops_world *w, struct sops_arena *a, struct sops_slice address,
                         const struct sops_vault_who *who, struct sops_vault *out, struct sops_err *e)
{
    struct sops_slice copy;
    *out = (struct sops_vault){0};
    if (!sops_arena_copy(a, who->name_space, &copy, e)) {
        return false;
    }
    out->name_space = copy.len != 0 ? (const char *)copy.ptr : NULL;
    if (!set_up(w, a, address, who, out, e)) {
        return false;
    }
    if (who->ca_pem.len != 0) {
        out->usual.ca_file = out->usual.ca_dir = NULL;
        return sops_arena_copy(a, who->ca_pem, &out->usual.ca_pem, e);
    }
    return true;
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

bool sops_vault_clean(struct sops_buf *out, struct sops_slice path, struct sops_err *e)
{
    struct sops_slice rest = path, part;
    size_t start = out->len;
    while (rest.ptr != NULL && sops_slice_next(&rest, '/', &part)) {
        if (part.len == 0 || sops_slice_eq(part, SOPS_LIT("."))) {
            continue;
        }
        if (sops_slice_eq(part, SOPS_LIT(".."))) {
            size_t end = out->len;
            while (end > start && out->ptr[end - 1] != '/') {
                end--;
            }
            sops_buf_cut(out, end > start ? end - 1 : start);
            continue;
        }
        if ((out->len > start && !sops_buf_addc(out, '/', e)) || !sops_buf_add(out, part, e)) {
            return false;
        }
    }
    return true;
}

static bool again(const struct sops_http_res *res)
{
    return res->status == 412 || res->status == 429 || (res->status >= 500 && res->status != 501);
}

/* "* permission denied", all on one line; a body that is not JSON is not shown, as it may be what we sent. */
static bool refused(const struct sops_vault *v, const char *method, const char *url, int status, const json_t *answer,
                    struct sops_err *e)
{
    struct sops_buf words = {0};
    size_t i;
    const json_t *item;
    const char *who = v->token_from[0] != '\0' ? v->token_from : "none";
    bool ok = true;
    json_array_foreach(json_object_get(answer, "errors"), i, item)
    {
        struct sops_slice text = sops_slice_of(json_string_value(item), json_string_length(item));
        ok = ok && sops_buf_addf(&words, e, " * %.*s", SOPS_ARG(sops_slice_first(sops_slice_trim(text), 300)));
    }
    for (i = 0; i < words.len; i++) {
        words.ptr[i] = words.ptr[i] < ' ' ? ' ' : words.ptr[i];
    }
    if (ok) {
        (void)sops_fail(e, SOPS_E_GENERIC, "Error making API request. %s%s%sURL: %s %s Code: %d. Errors:%.*s%s%s%s",
                        v->name_space != NULL ? "Namespace: " : "", v->name_space != NULL ? v->name_space : "",
                        v->name_space != NULL ? " " : "", method, url, status, SOPS_ARG(sops_buf_view(&words)),
                        status == 403 ? " (token used: " : "", status == 403 ? who : "", status == 403 ? ")" : "");
    }
    sops_buf_free(&words);
    return false;
}

static bool check_redirect(const struct sops_http_res *res, const char *method, const char *url, struct sops_err *e)
{
    if (res->status < 300 || res->status >= 400) {
        return true;
    }
    (void)sops_fail(e, SOPS_E_GENERIC, "%s %s: status %d leads elsewhere, where a token must not go", method, url,
                    res->status);
    return sops_hint(e, "give the address of the server that answers itself (of a cluster, its active node)");
}

static bool read_answer(const struct sops_vault *v, const char *method, const char *url, struct sops_http_res *res,
                        json_t **out, struct sops_err *e)
{
    bool good = res->status >= 200 && res->status < 300;
    if (good && res->body.len > 0) {
        return sops_json_load(sops_buf_view(&res->body), out, e) ||
               sops_within(e, "cannot read the answer to %s %s", method, url);
    }
    *out = sops_json_try(sops_buf_view(&res->body));
    if (good || (res->status == 404 && (json_is_object(json_object_get(*out, "data")) ||
                                        json_array_size(json_object_get(*out, "warnings")) > 0))) {
        return true;
    }
    (void)refused(v, method, url, res->status, *out, e);
    json_decref(*out);
    *out = NULL;
    return false;
}

static bool add_url(const struct sops_vault *v, struct sops_slice path, const char *query, struct sops_buf *url,
                    struct sops_err *e)
{
    return sops_buf_add(url, v->address, e) && sops_buf_adds(url, "/v1/", e) &&
           sops_percent_add(url, path, "$&+,/:;=@", e) &&
           (query == NULL || (sops_buf_addc(url, '?', e) && sops_buf_adds(url, query, e))) &&
           sops_buf_cstr(url, e) != NULL;
}

/* One exchange with its tries; `url` is the whole one. */
static bool exchange(struct sops_world *w, const struct sops_vault *v, const struct sops_vault_request *r,
                     const char *url, struct sops_http_res *res, struct sops_err *e)
{
    const struct sops_retry retry = {.tries = v->tries,
                                     .base_ms = 1500,
                                     .cap_ms = 1500,
                                     .spread = 33,
                                     .again = r->write ? sops_again_undone : again};
    struct sops_http_req req = v->usual;
    req.method = r->method;
    req.url = url;
    req.headers = v->lines;
    req.body = r->body;
    req.once = r->write;
    req.limit = r->limit;
    return sops_call(w, &req, &retry, res, e) && check_redirect(res, r->method, url, e);
}

bool sops_vault_send(struct sops_world *w, const struct sops_vault *v, const struct sops_vault_request *r,
                     struct sops_http_res *res, struct sops_err *e)
{
    struct sops_buf url = {0};
    bool ok = add_url(v, r->path, r->query, &url, e) && exchange(w, v, r, (const char *)url.ptr, res, e);
    sops_buf_free(&url);
    return ok;
}

bool sops_vault_refused(const struct sops_vault *v, const struct sops_vault_request *r, const struct sops_http_res *res,
                        struct sops_err *e)
{
    struct sops_buf url = {0};
    json_t *answer = sops_json_try(sops_buf_view(&res->body));
    if (add_url(v, r->path, r->query, &url, e)) {
        (void)refused(v, r->method, (const char *)url.ptr, res->status, answer, e);
    }
    json_decref(answer);
    sops_buf_free(&url);
    return false;
}

bool sops_vault_call(struct sops_world *w, const struct sops_vault *v, const char *method, struct sops_slice path,
                     struct sops_slice body, json_t **out, struct sops_err *e)
{
    struct sops_buf clean = {0}, url = {0};
    struct sops_http_res res = {0};
    bool ok = sops_vault_clean(&clean, path, e) && add_url(v, sops_buf_view(&clean), NULL, &url, e);
    const struct sops_vault_request r = {.method = method, .body = body};
    *out = NULL;
    ok = ok && exchange(w, v, &r, (const char *)url.ptr, &res, e) &&
         read_answer(v, method, (const char *)url.ptr, &res, out, e);
    sops_http_res_free(&res);
    sops_buf_free(&url);
    sops_buf_free(&clean);
    return ok;
}

/* ---- the allow-list -------------------------------------------------------------------------------------------- */

/* As if both ended in a slash, so that "http://a" does not allow "http://ab". */
static bool entry_allows(struct sops_slice entry, struct sops_slice address)
{
    struct sops_slice stem = entry.ptr[entry.len - 1] == '/' ? sops_slice_first(entry, entry.len - 1) : entry;

    if (!sops_slice_starts(address, stem)) {
        return false;
    }
    if (address.len > stem.len) {
        return address.ptr[stem.len] == '/';
    }
    return address.len == 0 || address.ptr[address.len - 1] != '/';
}

/* SOPS_HC_VAULT_ALLOWLIST: "all", "none" or prefixes of addresses (docs/spec/60-keysources.md#vault-the-key). The whole
 * list is read, so that a broken one is an error even when an earlier entry fits. */
bool sops_vault_allowed(struct sops_world *w, struct sops_slice address, struct sops_err *e)
{
    struct sops_slice list = sops_str(sops_world_env_set(w, "SOPS_HC_VAULT_ALLOWLIST")), rest = list, entry;
    bool allowed = list.len == 0 || sops_slice_eq(list, SOPS_LIT("all"));
    bool word = allowed || sops_slice_eq(list, SOPS_LIT("none"));

    for (unsigned n = 1; !word && sops_slice_next(&rest, ',', &entry); n++) {
        entry = sops_slice_trim(entry);
        if (entry.len == 0) {
            return sops_fail(e, SOPS_E_GENERIC, "SOPS_HC_VAULT_ALLOWLIST's entry %u is empty", n);
        }
        allowed = allowed || entry_allows(entry, address);
    }
    return allowed || sops_fail(e, SOPS_E_GENERIC, "Allowlist does not allow %.*s", SOPS_ARG(address));
}
