/* SPDX-License-Identifier: Apache-2.0 */
/* Which proxy (docs/spec/60-keysources.md#rules-for-all-requests). The rules are Go's, not libcurl's: HTTP_PROXY counts
 * in upper case, too, and loopback addresses are never proxied, which is what lets a cloud's emulator and a proxy stand
 * side by side. */
#include "cli/world_http.h"

#include "base/ascii.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* An address as 16 bytes, IPv4 mapped into IPv6. */
static bool address_of(struct sops_slice host, uint8_t out[16])
{
    char text[INET6_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof text) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    memset(out, 0, 16);
    if (inet_pton(AF_INET, text, out + 12) == 1) {
        out[10] = out[11] = 0xff;
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool is_loopback(struct sops_slice host)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff}, v6[16] = {[15] = 1};
    uint8_t a[16];
    if (sops_same_word(host, SOPS_LIT("localhost"))) {
        return true;
    }
    return address_of(host, a) && ((memcmp(a, v4, 12) == 0 && a[12] == 127) || memcmp(a, v6, 16) == 0);
}

/* "10.0.0.0/8" */
static bool in_network(struct sops_slice host, struct sops_slice network)
{
    size_t slash = sops_slice_find(network, '/');
    uint8_t a[16], b[16];
    if (slash == network.len || !address_of(host, a) || !address_of(sops_slice_first(network, slash), b)) {
        return false;
    }
    unsigned bits = 0;
    for (size_t i = slash + 1; i < network.len; i++) {
        if (!sops_is_digit(network.ptr[i]) || bits > 128) {
            return false;
        }
        bits = bits * 10 + (unsigned)(network.ptr[i] - '0');
    }
    if (sops_slice_find(network, ':') == network.len) {
        bits += 96;
    }
    if (bits > 128) {
        return false;
    }
    unsigned left = bits % 8;
    uint8_t mask = (uint8_t)(0xff00U >> left);
    return memcmp(a, b, bits / 8) == 0 && (left == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

/* One entry of NO_PROXY: "*", an address, a network, a domain with all below it, ".domain" for those below it only;
 * each but "*" and networks may end in ":port". */
static bool entry_matches(struct sops_slice entry, const struct sops_url *url)
{
    uint8_t a[16], b[16];
    entry = sops_slice_trim(entry);
    if (entry.len == 0) {
        return false;
    }
    if (sops_slice_eq(entry, SOPS_LIT("*")) || in_network(url->host, entry)) {
        return true;
    }
    if (!address_of(entry, b)) {
        size_t colon = entry.len;
        while (colon > 0 && sops_is_digit(entry.ptr[colon - 1])) {
            colon--;
        }
        if (colon > 0 && colon < entry.len && entry.ptr[colon - 1] == ':') {
            if (!sops_slice_eq(sops_slice_skip(entry, colon), url->port)) {
                return false;
            }
            entry = sops_slice_first(entry, colon - 1);
        }
        if (entry.len > 2 && entry.ptr[0] == '[' && entry.ptr[entry.len - 1] == ']') {
            entry = sops_slice_of(entry.ptr + 1, entry.len - 2);
        }
    }
    if (address_of(entry, b)) {
        return address_of(url->host, a) && memcmp(a, b, 16) == 0;
    }
    if (sops_slice_starts(entry, SOPS_LIT("*."))) {
        entry = sops_slice_skip(entry, 1);
    }
    if (!sops_ends_word(url->host, entry)) {
        return false;
    }
    return entry.ptr[0] == '.' || url->host.len == entry.len || url->host.ptr[url->host.len - entry.len - 1] == '.';
}

static const char *either(struct sops_world *w, const char *upper, const char *lower)
{
    const char *value = sops_world_env_set(w, upper);
    return value != NULL ? value : sops_world_env_set(w, lower);
}

const char *sops_proxy_for(struct sops_world *w, struct sops_slice text)
{
    struct sops_url url;
    if (!sops_url_parse(text, &url) || is_loopback(url.host)) {
        return "";
    }
    const char *proxy = url.tls ? either(w, "HTTPS_PROXY", "https_proxy") : either(w, "HTTP_PROXY", "http_proxy");
    if (proxy == NULL) {
        return "";
    }
    struct sops_slice rest = sops_str(either(w, "NO_PROXY", "no_proxy")), entry;
    while (rest.ptr != NULL && sops_slice_next(&rest, ',', &entry)) {
        if (entry_matches(entry, &url)) {
            return "";
        }
    }
    return proxy;
}
