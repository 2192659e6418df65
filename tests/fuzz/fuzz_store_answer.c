/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of secret stores, which are not trusted: whatever bytes come, with whatever status, each call gives a result
 * or a code, and a list ends. */
#include "core/conf.h"
#include "core/store.h"

#include <stdlib.h>
#include <string.h>

/* The answer to every request. */
static const uint8_t *answer;
static size_t answer_size;
static int status;

static void say_nothing(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)text;
}

static const char *some_env(struct sops_world *w, const char *name)
{
    static const char *const env[][2] = {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "s"},
                                         {"AWS_MAX_ATTEMPTS", "1"},  {"GOOGLE_OAUTH_ACCESS_TOKEN", "t"},
                                         {"VAULT_TOKEN", "t"},       {"VAULT_MAX_RETRIES", "0"},
                                         {"HOME", "/nonexistent"},   {"AWS_CONFIG_FILE", "/nonexistent"}};
    (void)w;
    for (size_t i = 0; i < sizeof env / sizeof env[0]; i++) {
        if (strcmp(env[i][0], name) == 0) {
            return env[i][1];
        }
    }
    return NULL;
}

static bool give_answer(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res,
                        struct sops_err *e)
{
    (void)w;
    (void)req;
    res->status = status;
    return sops_buf_add(&res->body, sops_slice_of(answer, answer_size), e);
}

static void no_pause(struct sops_world *w, unsigned ms)
{
    (void)w;
    (void)ms;
}

static bool no_chance(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    memset(out, 0, n);
    return true;
}

static int64_t some_day(struct sops_world *w)
{
    (void)w;
    return 1775037600;
}

static void expect_code(bool ok, struct sops_err *e)
{
    if (ok != (e->code == SOPS_OK)) {
        abort();
    }
    sops_err_clear(e);
}

static void ask(struct sops_world *w, const struct sops_store_site *s)
{
    struct sops_arena a = {0};
    struct sops_err e = {0};
    struct sops_slice value;
    struct sops_store_item item;
    struct sops_store_list list = {0}, found = {0};
    const struct sops_store_ref ref = {.key = SOPS_LIT("k")};
    const struct sops_store_find find = {.has_name = true};
    struct sops_store_ref resolved = {{0}, {0}};
    bool ok = s->store->resolve(s, &a, &ref, &resolved, &e);
    ok = ok && s->store->read(s, w, &a, &resolved, &value, &e) == SOPS_STORE_OK;
    expect_code(ok, &e);
    ok = s->store->describe(s, w, &a, SOPS_LIT("k"), &item, &e);
    expect_code(ok, &e);
    ok = s->store->list(s, w, &a, SOPS_LIT(""), SOPS_LIT("shop"), &list, &e);
    expect_code(ok, &e);
    ok = s->store->find(s, w, &a, &find, &found, &e) == SOPS_STORE_OK;
    expect_code(ok, &e);
    sops_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 404, 403, 400, 500, 302};
    static const struct {
        const struct sops_store *store;
        const char *site;
    } sites[] = {{&sops_store_aws_secretsmanager, "region: eu-west-1\n"},
                 {&sops_store_gcp_secretmanager, "project: p\n"},
                 {&sops_store_azure_keyvault, "vault_url: https://v.vault.azure.net\n"},
                 {&sops_store_vault_kv2, "address: https://v.example\n"}};
    struct sops_world w = {.say = say_nothing,
                           .env = some_env,
                           .http = give_answer,
                           .pause = no_pause,
                           .random = no_chance,
                           .now = some_day};
    if (size < 2 || size > 5000) {
        return 0;
    }
    status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
    size_t which = data[1] % (sizeof sites / sizeof sites[0]);
    answer = data + 2;
    answer_size = size - 2;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_arena a = {0};
    struct sops_store_site s = {.store = sites[which].store};
    if (!sops_conf_parse(&d, sops_str(sites[which].site), &e) || !s.store->from_rule(&s, &w, &a, d.parts, &e)) {
        abort();
    }
    ask(&w, &s);
    sops_world_forget(&w);
    sops_doc_free(&d);
    sops_arena_free(&a);
    return 0;
}
