/* SPDX-License-Identifier: Apache-2.0 */
/* The authority ends at the first of "/?#", whatever stands behind: "https://evil.example#.vault.azure.net/" leads to
 * evil.example. */
#include "base/url.h"

#include "base/ascii.h"

bool sops_url_split_host(struct sops_slice authority, struct sops_slice *host, struct sops_slice *port)
{
    size_t end = sops_slice_find(authority, ':');
    *host = sops_slice_first(authority, end);
    if (sops_slice_starts(authority, SOPS_LIT("["))) {
        end = sops_slice_find(authority, ']');
        if (end == authority.len) {
            return false;
        }
        *host = sops_slice_of(authority.ptr + 1, end - 1);
        end++;
    }
    *port = sops_slice_skip(authority, end + 1);
    return end >= authority.len || authority.ptr[end] == ':';
}

/* Up to the last '@' is a user's name and password; there may be but one. */
static bool take_authority(struct sops_slice whole, struct sops_url *out)
{
    size_t at = sops_slice_find(whole, '@');
    out->authority = at < whole.len ? sops_slice_skip(whole, at + 1) : whole;
    for (size_t i = 0; i < whole.len; i++) {
        uint8_t c = whole.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\\^{}|`<>\"", c) != NULL || (c == '@' && i != at)) {
            return false;
        }
    }
    return sops_url_split_host(out->authority, &out->host, &out->port) && out->host.len != 0 &&
           sops_digits(out->port) == out->port.len;
}

bool sops_url_parse(struct sops_slice url, struct sops_url *out)
{
    *out = (struct sops_url){.tls = sops_slice_starts(url, SOPS_LIT("https://"))};
    if (!out->tls && !sops_slice_starts(url, SOPS_LIT("http://"))) {
        return false;
    }
    out->scheme = sops_slice_first(url, out->tls ? 5 : 4);
    struct sops_slice rest = sops_slice_skip(url, out->scheme.len + 3);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL) {
        end++;
    }
    if (!take_authority(sops_slice_first(rest, end), out)) {
        return false;
    }
    if (out->port.len == 0) {
        out->port = out->tls ? SOPS_LIT("443") : SOPS_LIT("80");
    }
    out->rest = sops_slice_skip(rest, end);
    rest = sops_slice_first(out->rest, sops_slice_find(out->rest, '#'));
    out->path = sops_slice_first(rest, sops_slice_find(rest, '?'));
    out->query = sops_slice_skip(rest, out->path.len + 1);
    return true;
}

struct sops_slice sops_url_host_line(const struct sops_url *u)
{
    struct sops_slice usual = u->tls ? SOPS_LIT(":443") : SOPS_LIT(":80");
    return sops_slice_first(u->authority, u->authority.len - (sops_slice_ends(u->authority, usual) ? usual.len : 0));
}

bool sops_url_base(struct sops_buf *out, const char *scheme, struct sops_slice given, struct sops_err *e)
{
    bool whole = sops_slice_starts(given, SOPS_LIT("http://")) || sops_slice_starts(given, SOPS_LIT("https://"));
    return (whole || sops_buf_adds(out, scheme, e)) && sops_buf_add(out, sops_slice_trim_end(given, '/'), e);
}
