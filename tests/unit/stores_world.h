/* SPDX-License-Identifier: Apache-2.0 */
/* stores_world.h - the secret stores against recorded exchanges (testdata/http/STORE/CASE): reading one value, and what
 * publish does to one item. */
#ifndef SOPS_TESTS_STORES_WORLD_H
#define SOPS_TESTS_STORES_WORLD_H

#include "cloud_world.h"

#include "core/conf.h"
#include "core/store.h"

/* A store as a test knows it: its folder of exchanges, and the site that they are for. */
struct store_bench {
    const char *folder;
    const struct sops_store *store;
    bool manifest;
    const char *site; /* YAML */
    const char *key;
    const char *item, *value; /* of what is published */
};
static const struct store_bench benches[] = {
    {"aws-secrets", &sops_store_aws_secretsmanager, false, "region: eu-west-1\n", "app/k", "app/k", "the value"},
    {"aws-parameters", &sops_store_aws_parameterstore, true, "region: eu-west-1\n", "/k", NULL, NULL},
    {"gcp-secrets", &sops_store_gcp_secretmanager, false, "project: p\n", "app-k", "app-k", "the value"},
    {"azure-secrets", &sops_store_azure_keyvault, false, "vault_url: https://v.vault.azure.net\n", "app-k", "app-k",
     "the value"},
    {"vault-kv", &sops_store_vault_kv2, false, "address: https://vault.example:8200\n", "app/k", "app/k",
     "{\"v\":\"the value\"}"},
};
#define BENCHES (sizeof benches / sizeof benches[0])

static inline void stores_furnish(struct cloud_world *c)
{
    static const char *const env[] = {"AWS_ACCESS_KEY_ID",
                                      "AKID",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "canary-secret",
                                      "GOOGLE_OAUTH_ACCESS_TOKEN",
                                      "canary-token",
                                      "AZURE_TENANT_ID",
                                      "t",
                                      "AZURE_CLIENT_ID",
                                      "c",
                                      "AZURE_CLIENT_SECRET",
                                      "canary-secret",
                                      "VAULT_TOKEN",
                                      "canary-token"};
    cloud_new(c);
    for (size_t i = 0; i < sizeof env / sizeof env[0]; i += 2) {
        cloud_set(c, env[i], env[i + 1]);
    }
}

static inline bool stores_lookup(void *ctx, const struct sops_node *ref, bool config_map, struct sops_slice *value,
                                 bool *found, struct sops_err *e)
{
    (void)ctx;
    (void)ref;
    (void)config_map;
    (void)value;
    (void)e;
    *found = false;
    return true;
}

static inline void stores_note(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

/* Makes the site of a bench; `d` holds its mapping. */
static inline bool stores_site(const struct store_bench *b, struct cloud_world *c, struct sops_arena *a,
                               struct sops_doc *d, struct sops_store_site *s, struct sops_err *e)
{
    static const struct sops_store_input in = {NULL, stores_lookup, stores_note};
    *s = (struct sops_store_site){.store = b->store};
    return sops_conf_parse(d, sops_str(b->site), e) &&
           (b->manifest ? b->store->from_manifest(s, &c->world, a, d->parts, &in, e)
                        : b->store->from_rule(s, &c->world, a, d->parts, e));
}

static inline enum sops_store_result stores_read(const struct store_bench *b, struct cloud_world *c,
                                                 struct sops_arena *a, struct sops_slice *value, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_store_site s;
    const struct sops_store_ref ref = {.key = sops_str(b->key)};
    struct sops_store_ref found = {{0}, {0}};
    enum sops_store_result result = SOPS_STORE_FAILED;
    if (stores_site(b, c, a, &d, &s, e) && b->store->resolve(&s, a, &ref, &found, e)) {
        result = b->store->read(&s, &c->world, a, &found, value, e);
    }
    sops_world_forget(&c->world); /* what it keeps belongs to the site */
    sops_doc_free(&d);
    return result;
}

/* Describes the item, and does to it what `how` says: (w)rite, with a restore before, (x) remove, (l)ist. */
static inline bool stores_publish(const struct store_bench *b, struct cloud_world *c, char how, char names[256],
                                  struct sops_err *e)
{
    static const struct sops_store_tag marks[] = {
        {.key = {(const uint8_t *)"managed-by", 10}, .value = {(const uint8_t *)"sops", 4}},
        {.key = {(const uint8_t *)"sops-owner", 10}, .value = {(const uint8_t *)"shop", 4}},
        {.key = {(const uint8_t *)"sops-source", 11}, .value = {(const uint8_t *)"k.yaml", 6}},
        {.key = {(const uint8_t *)"sops-digest", 11}, .value = {(const uint8_t *)"digest", 6}}};
    struct sops_store_tag tag[SOPS_STORE_TAGS];
    struct sops_doc d = {0};
    struct sops_arena a = {0};
    struct sops_store_site s;
    struct sops_store_item old;
    struct sops_store_list list = {0};
    memcpy(tag, marks, sizeof tag);
    tag[2].note = tag[3].note = b->store->notes_marks;
    const struct sops_store_write what = {
        .old = &old, .value = sops_str(b->value), .tag = tag, .token = "00000000-0000-0000-0000-000000000001"};
    names[0] = '\0';
    bool ok = stores_site(b, c, &a, &d, &s, e);
    if (ok && how == 'l') {
        struct sops_slice prefix = strchr(b->item, '/') != NULL ? SOPS_LIT("app/") : SOPS_LIT("app-");
        ok = b->store->list(&s, &c->world, &a, prefix, SOPS_LIT("shop"), &list, e);
        for (const struct sops_store_found *f = ok ? list.first : NULL; f != NULL; f = f->next) {
            (void)snprintf(names + strlen(names), 256 - strlen(names), "%.*s ", SOPS_ARG(f->key));
        }
    } else if (ok) {
        ok = b->store->describe(&s, &c->world, &a, sops_str(b->item), &old, e);
        if (ok && how == 'x') {
            ok = b->store->remove(&s, &c->world, &old, e);
        } else if (ok) {
            ok = (b->store->restore == NULL || b->store->restore(&s, &c->world, &old, e)) &&
                 b->store->write(&s, &c->world, &what, e);
        }
    }
    sops_world_forget(&c->world);
    sops_doc_free(&d);
    sops_arena_free(&a);
    return ok;
}

#endif
