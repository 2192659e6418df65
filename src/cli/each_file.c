/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/each_file.h"

#include "cli/ui.h"

#include <stdio.h>

static bool is_named(const struct sops_err *why, const char *name)
{
    const char *at = strstr(why->msg, name);
    size_t len = strlen(name);
    while (at != NULL && !(at != why->msg && at[-1] == '\'' && at[len] == '\'')) {
        at = strstr(at + 1, name);
    }
    return at != NULL;
}

bool sops_each_file_failed(struct sops_each_file *r, const char *name, struct sops_err *why, struct sops_err *e)
{
    r->failed++;
    name = name != NULL ? name : "stdin";
    if (r->prefixed && !is_named(why, name)) {
        (void)sops_within(why, "'%s'", name);
    }
    if (r->only) {
        *e = *why;
        return false;
    }
    sops_options_fit_hint(r->opt, why);
    sops_ui_error(r->world, why);
    sops_err_clear(why);
    return true;
}

bool sops_each_file(struct sops_each_file *r, const char *const *path, size_t count, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct sops_err why = {0};
        const char *at = path[i];
        char text[1200];
        at = at != NULL && strncmp(at, "./", 2) == 0 ? at + 2 : at;
        if (count > 1) {
            (void)snprintf(text, sizeof text, "[%zu/%zu] %s", i + 1, count, at);
            sops_ui_progress(text);
        }
        ok = r->one(r->ctx, at, &why) || sops_each_file_failed(r, at, &why, e);
    }
    sops_ui_progress(NULL);
    return ok;
}
