/* SPDX-License-Identifier: Apache-2.0 */
/* keys: what private keys are mine, and where from? Nothing is asked or run but gpg's list
 * (docs/spec/71-check.md#keys). */
#include "cli/command.h"
#include "cli/own_keys.h"
#include "cli/select.h"
#include "cli/ui.h"

#include "base/json.h"
#include "base/proc.h"

#include <sys/stat.h>

struct keys_options {
    bool json;
};

/* Where a cloud's own library would look first. `variable` is set, or the file below HOME is there. */
static const struct cloud {
    const char *type, *variable, *file, *what;
} clouds[] = {
    {"kms", "AWS_ACCESS_KEY_ID", NULL, "AWS keys in AWS_ACCESS_KEY_ID"},
    {"kms", "AWS_WEB_IDENTITY_TOKEN_FILE", NULL, "AWS web identity in AWS_WEB_IDENTITY_TOKEN_FILE"},
    {"kms", NULL, "/.aws/credentials", "AWS profile"},
    {"kms", NULL, "/.aws/config", "AWS profile"},
    {"gcp_kms", "GOOGLE_CREDENTIALS", NULL, "Google credentials in GOOGLE_CREDENTIALS"},
    {"gcp_kms", "GOOGLE_APPLICATION_CREDENTIALS", NULL, "Google credentials of GOOGLE_APPLICATION_CREDENTIALS"},
    {"gcp_kms", NULL, "/.config/gcloud/application_default_credentials.json", "Google application default credentials"},
    {"azure_kv", "AZURE_CLIENT_SECRET", NULL, "Azure application of AZURE_CLIENT_SECRET"},
    {"azure_kv", "AZURE_FEDERATED_TOKEN_FILE", NULL, "Azure workload identity of AZURE_FEDERATED_TOKEN_FILE"},
    {"azure_kv", NULL, "/.azure/azureProfile.json", "Azure CLI"},
    {"hc_vault", "VAULT_TOKEN", NULL, "Vault token in VAULT_TOKEN"},
    {"hc_vault", NULL, "/.vault-token", "Vault token"},
    {"hckms", "HUAWEICLOUD_SDK_AK", NULL, "Huawei Cloud keys in HUAWEICLOUD_SDK_AK"},
};

struct listing {
    struct sops_world *world;
    bool json;
    struct sops_configs configs;
    struct sops_names *names;
    struct own_keys keys;
    struct sops_buf out;
    struct sops_arena arena;
};

/* One line of the list. */
struct row {
    const char *type, *name, *source, *path, *error, *note;
    struct sops_slice id;
    unsigned line;
    bool ok;
};

static bool add_row(struct listing *l, const struct row *r, struct sops_err *e)
{
    struct sops_buf *o = &l->out;
    if (l->json) {
        return sops_buf_adds(o, "{\"schema\":1", e) && sops_json_add(o, "type", sops_str(r->type), e) &&
               (r->id.len == 0 || sops_json_add(o, "id", r->id, e)) &&
               (r->name == NULL || sops_json_add(o, "name", sops_str(r->name), e)) &&
               sops_json_add(o, "source", sops_str(r->source), e) &&
               (r->path == NULL || sops_json_add(o, "path", sops_str(r->path), e)) &&
               (r->line == 0 || sops_json_add_int(o, "line", r->line, e)) &&
               sops_json_add_value(o, "ok", r->ok ? SOPS_LIT("true") : SOPS_LIT("false"), e) &&
               (r->error == NULL || sops_json_add(o, "error", sops_str(r->error), e)) && sops_buf_adds(o, "}\n", e);
    }
    bool ok = sops_buf_addf(o, e, "%s  ", r->type) &&
              (r->id.len == 0 || (sops_buf_add(o, r->id, e) && sops_buf_adds(o, "  ", e))) &&
              (r->name == NULL || sops_buf_addf(o, e, "%s  ", r->name)) &&
              (r->note == NULL || sops_buf_addf(o, e, "%s  ", r->note)) && sops_buf_adds(o, r->source, e) &&
              (r->path == NULL ||
               (sops_buf_addf(o, e, " %s", r->path) && (r->line == 0 || sops_buf_addf(o, e, ":%u", r->line))));
    return ok && (r->error == NULL || sops_buf_addf(o, e, "  %s", r->error)) && sops_buf_addc(o, '\n', e);
}

/* The name of an own key: of the configuration, else the owner's. */
static bool name_of(struct listing *l, const struct sops_keysource *source, const struct sops_own *own,
                    const char **name, struct sops_err *e)
{
    *name = own->name.len != 0 ? sops_arena_text(&l->arena, e, "%.*s", SOPS_ARG(own->name)) : NULL;
    if (own->id.len != 0 && e->code == SOPS_OK) {
        const struct sops_key k = {.source = source, .field = {own->id}};
        const char *given = sops_names_get(l->names, &k, &l->arena, e);
        *name = given != NULL ? given : *name;
    }
    return e->code == SOPS_OK;
}

static bool list_own(struct listing *l, const struct sops_keysource *source, const struct sops_place *p,
                     const struct sops_own *own, struct sops_err *e)
{
    struct row r = {.type = strcmp(source->id, "age") == 0 && own->id.len != 0 ? own->kind : source->id,
                    .source = p->source,
                    .path = p->path,
                    .id = own->id,
                    .line = own->line,
                    .ok = true};
    if (own->id.len == 0) {
        r.note = own->kind;
    }
    if (own->plugin != NULL) {
        struct sops_buf found = {0};
        struct sops_err why = {0};
        const char *path = l->world->env(l->world, "PATH");
        r.ok = sops_proc_find(own->plugin, path != NULL ? path : "", &found, &why);
        r.error = r.ok ? NULL : sops_arena_text(&l->arena, e, "%s is not on PATH", own->plugin);
        sops_buf_free(&found);
        sops_err_clear(&why);
    }
    return name_of(l, source, own, &r.name, e) && add_row(l, &r, e);
}

static bool list_source(struct listing *l, const struct sops_keysource *source, struct sops_err *e)
{
    const struct sops_place *p;
    bool ok = own_keys_places(&l->keys, source, &p, e);
    for (; ok && p != NULL; p = p->next) {
        for (const struct sops_own *own = p->own; ok && own != NULL; own = own->next) {
            ok = list_own(l, source, p, own, e);
        }
        struct row r = {.type = source->id, .source = p->source, .path = p->path, .error = p->error};
        bool keyring = strcmp(p->source, "keyring") == 0;
        if (ok && p->state == SOPS_PLACE_COMMAND) {
            r.ok = true;
            r.note = "a command, which is not run here";
            ok = add_row(l, &r, e);
        } else if (ok && (p->state == SOPS_PLACE_FAULTY || p->state == SOPS_PLACE_EMPTY) && !keyring) {
            ok = add_row(l, &r, e);
        }
    }
    return ok;
}

static bool list_clouds(struct listing *l, struct sops_err *e)
{
    const char *home = sops_world_env_set(l->world, "HOME"), *told = NULL;
    const char *profile = sops_world_env_set(l->world, "AWS_PROFILE");
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof clouds / sizeof clouds[0]; i++) {
        const struct cloud *c = &clouds[i];
        struct stat st;
        if (told != NULL && strcmp(told, c->type) == 0) {
            continue; /* only the first that there is */
        }
        const char *path =
            c->file != NULL && home != NULL ? sops_arena_text(&l->arena, e, "%s%s", home, c->file) : NULL;
        bool there = c->variable != NULL ? sops_world_env_set(l->world, c->variable) != NULL
                                         : path != NULL && stat(path, &st) == 0;
        if (there) {
            struct row r = {
                .type = c->type, .source = c->variable != NULL ? c->variable : "file", .path = path, .ok = true};
            r.name = strcmp(c->what, "AWS profile") != 0
                         ? c->what
                         : sops_arena_text(&l->arena, e, "AWS profile %s", profile != NULL ? profile : "default");
            told = c->type;
            ok = r.name != NULL && add_row(l, &r, e);
        }
        ok = ok && e->code == SOPS_OK;
    }
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct listing l = {.world = w,
                        .json = ((const struct keys_options *)o->own)->json,
                        .configs = {.world = w, .named = o->shared.config},
                        .keys = {.world = w}};
    struct sops_buf path = {0};
    bool ok = sops_configs_open(&l.configs, e) && sops_buf_add(&path, sops_buf_view(&l.configs.here), e) &&
              sops_buf_adds(&path, "/x", e);
    struct sops_judge *j = ok ? sops_configs_for(&l.configs, sops_buf_view(&path), e) : NULL;
    l.names = j != NULL ? sops_configs_names(&l.configs, j, e) : NULL;
    ok = l.names != NULL;
    for (size_t i = 0; ok && sops_keysources[i] != NULL; i++) {
        ok = list_source(&l, sops_keysources[i], e);
    }
    ok = ok && list_clouds(&l, e) &&
         (l.json ? sops_ui_out(sops_buf_view(&l.out), e) : sops_ui_plain(sops_buf_view(&l.out), e));
    sops_buf_free(&path);
    sops_configs_free(&l.configs);
    own_keys_free(&l.keys);
    sops_buf_free(&l.out);
    sops_arena_free(&l.arena);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "json", SOPS_FLAG_TO(struct keys_options, json), .help = "an object of JSON a line"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"RESULT", options};
static const struct sops_opt_table *const tables[] = {&table, NULL};

const struct sops_verb sops_verb_keys = {
    .name = "keys",
    .summary = "list your own keys, as far as they can be told without asking",
    .args = "",
    .about = "Type, public half, name and place of each. No command is run but gpg's list, and no\n"
             "passphrase is asked; private halves are never shown.\n",
    .example = "sops keys",
    .tables = tables,
    .own_size = sizeof(struct keys_options),
    .ours = true,
    .yields = true,
    .run = run,
};
