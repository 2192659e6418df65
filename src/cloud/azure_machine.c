/* SPDX-License-Identifier: Apache-2.0 */
/* Managed identities, each kind of host with a service of its own, and the developers' programs. None is asked through
 * a proxy: they are on the machine itself. */
#include "cloud/azure_token.h"

#include <unistd.h>

/* ---- managed identity ------------------------------------------------------------------------------------------ */

/* <base>?api-version=<version>&resource=<resource>[&<name>=$AZURE_CLIENT_ID] */
static const char *identity_url(struct sops_azure_search *s, const char *base, const char *version, const char *id_name,
                                struct sops_err *e)
{
    const char *client = sops_world_env_set(s->w, "AZURE_CLIENT_ID"), *url = NULL;
    bool usual =
        client == NULL && id_name != NULL && strcmp(id_name, "clientid") == 0; /* Azure ML has one of its own */
    struct sops_buf query = {0};
    client = usual ? sops_world_env_set(s->w, "DEFAULT_IDENTITY_CLIENT_ID") : client;
    if (sops_form_add(&query, "api-version", sops_str(version), e) &&
        sops_form_add(&query, "resource", s->resource, e) &&
        (client == NULL || id_name == NULL || sops_form_add(&query, id_name, sops_str(client), e))) {
        url = sops_arena_text(s->a, e, "%s?%.*s", base, SOPS_ARG(sops_buf_view(&query)));
    }
    sops_buf_free(&query);
    return url;
}

/* GET with one header line of the kind's own, and perhaps "Metadata: true". */
static enum sops_azure_try get(struct sops_azure_search *s, const char *base, const char *version, const char *id_name,
                               bool metadata, const char *header, const char *value, struct sops_err *e)
{
    const char *url = identity_url(s, base, version, id_name, e);
    const char *line = sops_arena_text(s->a, e, "%s: %s", header, value);
    const char *const headers[] = {line, metadata ? "Metadata: true" : NULL, NULL};
    struct sops_http_req req = {.method = "GET", .url = url, .headers = headers, .no_proxy = true};
    return url != NULL && line != NULL ? sops_azure_ask(s, &req, e) : SOPS_AZURE_REFUSED;
}

/* Azure Arc answers with the path of a file that only we may read; its content goes into the second request. */
static enum sops_azure_try arc(struct sops_azure_search *s, const char *endpoint, struct sops_err *e)
{
    const struct sops_slice start = SOPS_LIT("Basic realm="), folder = SOPS_LIT("/var/opt/azcmagent/tokens/");
    const char *url = identity_url(s, endpoint, "2020-06-01", "client_id", e), *path = NULL;
    struct sops_buf secret = {0};
    struct sops_http_res res = {0};
    enum sops_azure_try result = SOPS_AZURE_REFUSED;
    bool ok = url != NULL && sops_machine_ask(s->w, "GET", url, "Metadata: true", 0, 0, &res, e);
    if (ok) {
        struct sops_slice realm = sops_http_header(&res, "www-authenticate");
        ok = (res.status == 401 && sops_slice_starts(realm, start)) ||
             sops_fail(e, SOPS_E_GENERIC, "status %d without the realm of a key file", res.status);
        path = ok ? sops_arena_text(s->a, e, "%.*s", SOPS_ARG(sops_slice_skip(realm, start.len))) : NULL;
    }
    if (path != NULL && !(sops_slice_starts(sops_str(path), folder) &&
                          sops_slice_ends(sops_str(path), SOPS_LIT(".key")) && strstr(path, "..") == NULL)) {
        path = NULL;
        (void)sops_fail(e, SOPS_E_GENERIC, "the key file that the service names is not where such files are");
    }
    if (path != NULL && sops_small_file(path, &secret, e)) {
        const char *value = sops_arena_text(s->a, e, "Basic %.*s", SOPS_ARG(sops_buf_view(&secret)));
        result = value != NULL ? get(s, endpoint, "2020-06-01", "client_id", true, "Authorization", value, e) : result;
    }
    sops_http_res_free(&res);
    sops_buf_free(&secret);
    return result;
}

static enum sops_azure_try cloud_shell(struct sops_azure_search *s, const char *endpoint, struct sops_err *e)
{
    static const char *const headers[] = {"Metadata: true", "Content-Type: application/x-www-form-urlencoded", NULL};
    struct sops_buf form = {0};
    enum sops_azure_try result = SOPS_AZURE_REFUSED;
    if (sops_form_add(&form, "resource", s->resource, e)) {
        struct sops_http_req req = {
            .method = "POST", .url = endpoint, .headers = headers, .body = sops_buf_view(&form), .no_proxy = true};
        result = sops_azure_ask(s, &req, e);
    }
    sops_buf_free(&form);
    return result;
}

/* A virtual machine. Nothing answers within a second: we are not on one. */
static enum sops_azure_try virtual_machine(struct sops_azure_search *s, struct sops_err *e)
{
    const char *host = sops_world_env_set(s->w, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
    const char *base =
        sops_arena_text(s->a, e, "%s/metadata/identity/oauth2/token", host != NULL ? host : "http://169.254.169.254");
    const char *url = base != NULL ? identity_url(s, base, "2018-02-01", "client_id", e) : NULL;
    struct sops_http_res res = {0};
    json_t *answer = NULL;
    enum sops_azure_try result = SOPS_AZURE_UNAVAILABLE;
    bool ok = url != NULL && sops_machine_ask(s->w, "GET", url, "Metadata: true", 1000, 1000, &res, e);
    if (ok && res.status == 200) {
        result = sops_json_load(sops_buf_view(&res.body), &answer, e) ? sops_azure_keep(s, answer, "access_token", e)
                                                                      : SOPS_AZURE_REFUSED;
    } else if (ok) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the metadata service answered with status %d", res.status);
    }
    json_decref(answer);
    sops_http_res_free(&res);
    return result;
}

enum sops_azure_try sops_azure_managed(struct sops_azure_search *s, struct sops_err *e)
{
    struct sops_world *w = s->w;
    const char *endpoint = sops_world_env_set(w, "IDENTITY_ENDPOINT"),
               *header = sops_world_env_set(w, "IDENTITY_HEADER");
    const char *msi = sops_world_env_set(w, "MSI_ENDPOINT"), *secret = sops_world_env_set(w, "MSI_SECRET");
    if (endpoint != NULL && header != NULL) {
        if (sops_world_env_set(w, "IDENTITY_SERVER_THUMBPRINT") != NULL) {
            return sops_azure_unavailable("the identity service of Service Fabric is not supported", e);
        }
        s->from = "the managed identity of App Service";
        return get(s, endpoint, "2019-08-01", "client_id", false, "X-IDENTITY-HEADER", header, e);
    }
    if (endpoint != NULL && sops_world_env_set(w, "IMDS_ENDPOINT") != NULL) {
        s->from = "the managed identity of Azure Arc";
        return arc(s, endpoint, e);
    }
    if (msi != NULL && secret != NULL) {
        s->from = "the managed identity of Azure ML";
        return get(s, msi, "2017-09-01", "clientid", false, "secret", secret, e);
    }
    if (msi != NULL) {
        s->from = "the managed identity of Cloud Shell";
        return cloud_shell(s, msi, e);
    }
    s->from = "the managed identity of the virtual machine";
    return virtual_machine(s, e);
}

/* ---- programs -------------------------------------------------------------------------------------------------- */

/* In the folder /bin, as the reference does it, so that nothing in the current folder can change what runs. The words
 * come behind the shell's text, never in it. */
static enum sops_azure_try run(struct sops_azure_search *s, const char *const *words, const char *field,
                               struct sops_err *e)
{
    const char *argv[16] = {"/bin/sh", "-c", "cd /bin && exec \"$@\"", "sh"};
    struct sops_command c = {.argv = argv, .timeout_ms = 10000};
    struct sops_outcome o = {0};
    json_t *answer = NULL;
    enum sops_azure_try result = SOPS_AZURE_UNAVAILABLE;
    for (size_t i = 0; words[i] != NULL && i < 11; i++) {
        argv[4 + i] = words[i];
    }
    if (!s->w->run(s->w, &c, &o, e)) {
        result = SOPS_AZURE_UNAVAILABLE;
    } else if (o.status == 126 || o.status == 127) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the program %s was not found on PATH", words[0]);
    } else if (o.status != 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "the program %s failed with status %d; is it logged in?", words[0],
                        o.status);
    } else if (sops_json_load(sops_buf_view(&o.out), &answer, e)) {
        result = sops_azure_keep(s, answer, field, e);
    }
    json_decref(answer);
    sops_outcome_free(&o);
    return result;
}

enum sops_azure_try sops_azure_cli(struct sops_azure_search *s, struct sops_err *e)
{
    const char *resource = sops_arena_text(s->a, e, "%.*s", SOPS_ARG(s->resource));
    const char *tenant = sops_arena_text(s->a, e, "%.*s", SOPS_ARG(s->tenant));
    s->from = "the Azure CLI (az)";
    if (resource == NULL || tenant == NULL) {
        return SOPS_AZURE_REFUSED;
    }
    const char *const words[] = {"az",         "account", "get-access-token", "-o",   "json",
                                 "--resource", resource,  "--tenant",         tenant, NULL};
    return run(s, words, "accessToken", e);
}

enum sops_azure_try sops_azure_developer_cli(struct sops_azure_search *s, struct sops_err *e)
{
    const char *scope = sops_arena_text(s->a, e, "%.*s", SOPS_ARG(s->scope));
    const char *tenant = sops_arena_text(s->a, e, "%.*s", SOPS_ARG(s->tenant));
    s->from = "the Azure Developer CLI (azd)";
    if (scope == NULL || tenant == NULL) {
        return SOPS_AZURE_REFUSED;
    }
    const char *const words[] = {"azd",     "auth", "token",       "-o",   "json", "--no-prompt",
                                 "--scope", scope,  "--tenant-id", tenant, NULL};
    return run(s, words, "token", e);
}
