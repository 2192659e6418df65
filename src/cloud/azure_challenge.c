/* SPDX-License-Identifier: Apache-2.0 */
/* The resource that a server names must be its own domain: otherwise any host could have a token for the real vaults
 * sent to it. */
#include "cloud/azure.h"

/* The parts are separated by blanks; each is name="value" with a comma behind it or not. */
static struct sops_slice parameter(struct sops_slice header, const char *name)
{
    struct sops_slice rest = header, part, want = sops_str(name);

    while (rest.ptr != NULL && sops_slice_next(&rest, ' ', &part)) {
        size_t equals = sops_slice_find(part, '=');
        if (!sops_slice_eq(sops_slice_first(part, equals), want)) {
            continue;
        }
        part = sops_slice_skip(part, equals + 1);
        if (part.len > 0 && part.ptr[part.len - 1] == ',') {
            part.len--;
        }
        if (part.len >= 2 && part.ptr[0] == '"' && part.ptr[part.len - 1] == '"') {
            part = sops_slice_of(part.ptr + 1, part.len - 2);
        }
        return part;
    }
    return (struct sops_slice){0};
}

/* Host and port of an https URL; empty for any other. */
static struct sops_slice host_of(struct sops_slice url)
{
    struct sops_url u;
    return sops_url_parse(url, &u) && u.tls ? u.authority : (struct sops_slice){0};
}

static bool is_below(struct sops_slice host, struct sops_slice domain)
{
    return domain.len > 0 && host.len > domain.len && host.ptr[host.len - domain.len - 1] == '.' &&
           sops_ends_word(host, domain);
}

/* The first part of the path of the authorization URL; the second behind "dstsv2". */
static struct sops_slice tenant_of(struct sops_slice authorization)
{
    struct sops_slice rest, part;
    struct sops_url u;
    if (!sops_url_parse(authorization, &u) || !u.tls) {
        return (struct sops_slice){0};
    }
    rest = sops_slice_skip(u.rest, 1);
    part = sops_slice_first(rest, sops_slice_find(rest, '/'));
    if (sops_same_word(part, SOPS_LIT("dstsv2"))) {
        rest = sops_slice_skip(rest, part.len + 1);
        part = sops_slice_first(rest, sops_slice_find(rest, '/'));
    }
    return part;
}

/* Tenant and scope go into URLs and to other programs. */
static bool is_plain(struct sops_slice s, const char *more)
{
    return s.len > 0 && s.ptr[0] != '-' && sops_only_alnum(s, more);
}

bool sops_azure_challenge_read(struct sops_arena *a, const struct sops_http_res *res, const char *url,
                               struct sops_azure_challenge *out, struct sops_err *e)
{
    struct sops_slice header = sops_http_header(res, "www-authenticate");
    struct sops_slice scope = parameter(header, "scope"), tenant = tenant_of(parameter(header, "authorization"));

    if (header.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "response has no WWW-Authenticate header for challenge authentication");
    }
    scope = scope.len > 0 ? scope : parameter(header, "resource");
    if (!is_plain(tenant, "-.") || !is_plain(scope, "-.:/_")) {
        return sops_fail(e, SOPS_E_GENERIC, "the challenge of the vault names no tenant or no resource");
    }
    if (!is_below(host_of(sops_str(url)), host_of(scope))) {
        return sops_fail(e, SOPS_E_GENERIC, "the challenge resource '%.*s' doesn't match the requested domain of %s",
                         SOPS_ARG(sops_slice_first(scope, 200)), url);
    }
    return sops_arena_copy(a, tenant, &out->tenant, e) &&
           sops_arena_printf(a, &out->scope, e, "%.*s%s", SOPS_ARG(scope),
                             sops_slice_ends(scope, SOPS_LIT("/.default")) ? "" : "/.default");
}
