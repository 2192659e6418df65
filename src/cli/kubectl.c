/* SPDX-License-Identifier: Apache-2.0 */
/* The port of the service is looked up by its name, as kubeseal does. */
#include "cli/kubectl.h"

#include "base/ascii.h"

#include <jansson.h>
#include <stdio.h>

#define MAX_WORDS 96
#define LIMIT ((size_t)16 << 20)

/* The first line of what it complains of. */
static bool complain(const struct sops_outcome *o, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_trim(sops_buf_view(&o->err)), line = {0};
    if (rest.len == 0 || !sops_slice_next(&rest, '\n', &line)) {
        return sops_fail(e, SOPS_E_GENERIC, "kubectl failed with status %d", o->status);
    }
    return sops_fail(e, SOPS_E_GENERIC, "kubectl: %.*s", SOPS_ARG(sops_slice_first(line, 400)));
}

bool sops_kubectl_run(const struct sops_controller *c, const char *const *words, struct sops_slice input,
                      struct sops_buf *out, struct sops_err *e)
{
    const char *argv[MAX_WORDS] = {"kubectl"};
    size_t n = 1;
    for (const char *const *w = c->flags; w != NULL && *w != NULL && n < MAX_WORDS - 1; w++) {
        argv[n++] = *w;
    }
    for (; *words != NULL && n < MAX_WORDS - 1; words++) {
        argv[n++] = *words;
    }
    struct sops_command command = {.argv = argv, .input = input, .limit = LIMIT};
    struct sops_outcome outcome = {0};
    if (!c->world->run(c->world, &command, &outcome, e)) {
        sops_hint(e, "install kubectl, or name a certificate with --cert");
        return sops_within(e, "kubectl cannot be run");
    }
    bool ok = outcome.status == 0 ? sops_buf_add(out, sops_buf_view(&outcome.out), e) : complain(&outcome, e);
    sops_outcome_free(&outcome);
    return ok;
}

/* The name of the first port of the service. */
static bool find_port(struct sops_controller *c, struct sops_err *e)
{
    char path[600];
    struct sops_buf out = {0};
    if (c->port[0] != '\0') {
        return true;
    }
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%.*s/services/%.*s", SOPS_ARG(c->space), SOPS_ARG(c->name));
    const char *const words[] = {"get", "--raw", path, NULL};
    bool ok = sops_kubectl_run(c, words, (struct sops_slice){0}, &out, e);
    if (ok) {
        json_t *root = json_loadb((const char *)out.ptr, out.len, 0, NULL);
        const json_t *ports = json_object_get(json_object_get(root, "spec"), "ports");
        const char *name = json_string_value(json_object_get(json_array_get(ports, 0), "name"));
        ok = json_array_size(ports) != 0 && (name == NULL || sops_only_alnum(sops_str(name), "-"));
        if (ok) {
            (void)snprintf(c->port, sizeof c->port, "%.79s", name != NULL ? name : "");
        } else {
            sops_fail(e, SOPS_E_GENERIC, "the service '%.*s' has no port", SOPS_ARG(c->name));
        }
        json_decref(root);
    }
    sops_buf_free(&out);
    return ok;
}

bool sops_kubectl_cert(struct sops_controller *c, struct sops_buf *out, struct sops_err *e)
{
    char path[700];
    if (!find_port(c, e)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%.*s/services/http:%.*s:%s/proxy/v1/cert.pem",
                   SOPS_ARG(c->space), SOPS_ARG(c->name), c->port);
    const char *const words[] = {"get", "--raw", path, NULL};
    return sops_kubectl_run(c, words, (struct sops_slice){0}, out, e);
}

bool sops_kubectl_post(struct sops_controller *c, const char *what, struct sops_slice json, struct sops_buf *out,
                       struct sops_err *e)
{
    char path[700];
    if (!find_port(c, e)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%.*s/services/http:%.*s:%s/proxy%s", SOPS_ARG(c->space),
                   SOPS_ARG(c->name), c->port, what);
    const char *const words[] = {"create", "--raw", path, "-f", "-", NULL};
    return sops_kubectl_run(c, words, json, out, e);
}
