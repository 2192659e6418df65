/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference's URL parser makes of a URI decides: the query stays in the address and belongs to the path, too,
 * so "http://h/v1/a/b/c?x" is the key "c?x" at "http://h?x". */
#include "keysources/hc_vault_uri.h"

#include "base/ascii.h"

#define EXAMPLE "https://vault.example.com:8200/v1/transit/keys/keyName"

/* A URI may hold a password, so it is quoted only when it cannot. */
static bool refuse(struct sops_slice uri, const char *why, struct sops_err *e)
{
    if (sops_slice_find(uri, '@') < uri.len) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot parse the Vault URI (not shown, as it holds a user name): %s", why);
    }
    return sops_fail(e, SOPS_E_GENERIC, "cannot parse \"%.*s\": %s", SOPS_ARG(uri), why);
}

struct pieces {
    struct sops_slice scheme, host, path, query, fragment; /* query with its '?', fragment with its '#' */
    bool opaque;                                           /* no slash behind the scheme */
};

static struct sops_slice cut_from(struct sops_slice *s, uint8_t mark)
{
    size_t at = sops_slice_find(*s, mark);
    struct sops_slice tail = sops_slice_skip(*s, at);

    *s = sops_slice_first(*s, at);
    return tail;
}

static bool check_host(struct sops_slice uri, struct sops_slice host, struct sops_err *e)
{
    size_t user = sops_slice_find(host, '@');
    struct sops_slice rest = user < host.len ? sops_slice_skip(host, user + 1) : host;
    size_t colon;

    for (size_t i = 0; i < rest.len; i++) {
        if (strchr(" %\\^{}|`<>\"", rest.ptr[i]) != NULL) {
            return refuse(uri, "invalid character in host name", e);
        }
    }
    if (rest.len > 0 && rest.ptr[0] == '[') {
        colon = sops_slice_find(rest, ']') + 1;
        if (colon > rest.len || (colon < rest.len && rest.ptr[colon] != ':')) {
            return refuse(uri, "bad brackets in host", e);
        }
    } else {
        colon = sops_slice_find(rest, ':');
    }
    for (size_t i = colon + 1; i < rest.len; i++) {
        if (!sops_is_digit(rest.ptr[i])) {
            return refuse(uri, "invalid port after host", e);
        }
    }
    return true;
}

static bool check_path(struct sops_slice uri, struct sops_slice path, struct sops_err *e)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '%' &&
            (path.len - i < 3 || sops_hex_digit(path.ptr[i + 1]) > 15 || sops_hex_digit(path.ptr[i + 2]) > 15)) {
            return refuse(uri, "invalid URL escape", e);
        }
    }
    return true;
}

static bool take_scheme(struct sops_slice uri, struct sops_slice *rest, struct pieces *p, struct sops_err *e)
{
    for (size_t i = 0; i < rest->len; i++) {
        uint8_t c = rest->ptr[i];

        if (c == ':' && i == 0) {
            return refuse(uri, "missing protocol scheme", e);
        }
        if (c == ':') {
            p->scheme = sops_slice_first(*rest, i);
            *rest = sops_slice_skip(*rest, i + 1);
            return true;
        }
        if (!sops_is_letter(c) && (i == 0 || !(sops_is_digit(c) || c == '+' || c == '-' || c == '.'))) {
            break;
        }
    }
    if (sops_slice_find(*rest, ':') < sops_slice_find(*rest, '/')) {
        return refuse(uri, "first path segment in URL cannot contain colon", e);
    }
    return refuse(uri, "missing scheme in Vault URL (should be like this: " EXAMPLE ")", e);
}

static bool take_apart(struct sops_slice uri, struct pieces *p, struct sops_err *e)
{
    struct sops_slice rest = uri;

    if (sops_has_control(uri)) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot parse a Vault URI: it holds a control character");
    }
    p->fragment = cut_from(&rest, '#');
    if (!take_scheme(uri, &rest, p, e)) {
        return false;
    }
    p->query = cut_from(&rest, '?');
    p->opaque = rest.len == 0 || rest.ptr[0] != '/';
    if (sops_slice_starts(rest, SOPS_LIT("//"))) {
        rest = sops_slice_skip(rest, 2);
        p->path = cut_from(&rest, '/');
        p->host = rest;
    } else {
        p->path = rest;
    }
    return check_host(uri, p->host, e) && check_path(uri, p->path, e);
}

/* Does "/v<digits>/a/b/c" begin at `s`? */
static bool version_path(struct sops_slice s)
{
    size_t i = 2;

    if (!sops_slice_starts(s, SOPS_LIT("/v"))) {
        return false;
    }
    i += sops_digits(sops_slice_skip(s, i));
    if (i == 2) {
        return false;
    }
    for (int segment = 0; segment < 3; segment++) {
        size_t start = i + 1;

        if (i >= s.len || s.ptr[i] != '/') {
            return false;
        }
        for (i = start; i < s.len && s.ptr[i] != '/'; i++) {
        }
        if (i == start) {
            return false;
        }
    }
    return true;
}

static bool check_shape(struct sops_slice path, struct sops_err *e)
{
    bool found = false;

    for (size_t i = 0; i < path.len; i++) {
        if (!version_path(sops_slice_skip(path, i))) {
            continue;
        }
        if (i > 0 && path.ptr[i - 1] != '/') {
            return sops_fail(e, SOPS_E_GENERIC,
                             "running Vault with a prefixed URL is not supported! (Format has to be like " EXAMPLE ")");
        }
        found = true;
    }
    return found ||
           sops_fail(e, SOPS_E_GENERIC, "vault path does not seem to be formatted correctly: (eg. " EXAMPLE ")");
}

/* Path and query as they are sent: what must not stand in a path is percent-encoded. */
static bool escape(const struct pieces *p, struct sops_buf *out, struct sops_err *e)
{
    if (!p->opaque && p->path.len == 0 && !sops_buf_addc(out, '/', e)) {
        return false;
    }
    for (size_t i = 0; i < p->path.len; i++) {
        uint8_t c = p->path.ptr[i];
        bool plain = sops_is_alnum(c) || (c < 0x80 && strchr("-_.~!$&'()*+,;=:@[]/%", c) != NULL);

        if (!(plain ? sops_buf_addc(out, c, e) : sops_buf_addf(out, e, "%%%02X", c))) {
            return false;
        }
    }
    return sops_buf_add(out, p->query, e);
}

/* Drops the version and the last two segments; what is left between them is the engine. */
static bool split_path(struct sops_arena *a, struct sops_slice path, struct sops_vault_uri *out, struct sops_err *e)
{
    size_t end, start;

    while (path.len > 0 && path.ptr[0] == '/') {
        path = sops_slice_skip(path, 1);
    }
    path = sops_slice_trim_end(path, '/');
    for (start = path.len; start > 0 && path.ptr[start - 1] != '/'; start--) {
    }
    if (!sops_arena_copy(a, sops_slice_skip(path, start), &out->name, e)) {
        return false;
    }
    for (end = start - 1; end > 0 && path.ptr[end - 1] != '/'; end--) {
    }
    start = sops_slice_find(path, '/') + 1;
    return sops_arena_copy(a, sops_slice_of(path.ptr + start, end > start ? end - 1 - start : 0), &out->engine, e);
}

bool sops_vault_uri_parse(struct sops_arena *a, struct sops_slice uri, struct sops_vault_uri *out, struct sops_err *e)
{
    struct pieces p = {.opaque = false};
    struct sops_buf path = {0};
    bool ok = false;

    if (!take_apart(uri, &p, e) || !escape(&p, &path, e) || !check_shape(sops_buf_view(&path), e) ||
        !split_path(a, sops_buf_view(&path), out, e) ||
        !sops_arena_printf(a, &out->address, e, "%.*s:%s%.*s%.*s%.*s", SOPS_ARG(p.scheme), p.host.len > 0 ? "//" : "",
                           SOPS_ARG(p.host), SOPS_ARG(p.query), SOPS_ARG(p.fragment))) {
        goto out;
    }
    for (uint8_t *c = (uint8_t *)(uintptr_t)out->address.ptr; *c != ':'; c++) {
        *c = sops_to_lower(*c);
    }
    ok = true;
out:
    sops_buf_free(&path);
    return ok;
}
