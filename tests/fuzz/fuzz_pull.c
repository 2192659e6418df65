/* SPDX-License-Identifier: Apache-2.0 */
/* What pull reads of strangers: any text is manifests, a property path with a value, or a template. Each gives a result
 * or a code, and nobody is asked: only the fake store can be reached. */
#include "core/format.h"
#include "sync/property.h"
#include "sync/pull.h"
#include "sync/template.h"

#include <stdlib.h>

static void say_nothing(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)text;
}

static const char *no_env(struct sops_world *w, const char *name)
{
    (void)w;
    (void)name;
    return NULL;
}

static bool nobody(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res, struct sops_err *e)
{
    (void)w;
    (void)req;
    (void)res;
    return sops_fail(e, SOPS_E_GENERIC, "nobody is there");
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

static void read_manifests(struct sops_world *w, struct sops_slice text)
{
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_objects objects = {.world = w};
    struct sops_pull pull = {.world = w, .manifests = &objects};
    bool ok = sops_doc_parse_row(&d, sops_format_named(SOPS_LIT("yaml")), text, &e);
    for (const struct sops_node *part = d.parts; ok && part != NULL; part = part->next) {
        ok = sops_objects_add(&objects, part, "fuzz", 1, &e);
    }
    ok = ok && sops_pull_read(&pull, NULL, &e);
    if (ok) {
        sops_pull_plan(&pull);
        sops_pull_resolve(&pull);
    }
    for (size_t i = 0; ok && i < pull.secrets; i++) {
        if (pull.secret[i].failed != (pull.secret[i].why.code != SOPS_OK)) {
            abort();
        }
    }
    expect_code(ok, &e);
    sops_pull_free(&pull);
    sops_objects_free(&objects);
    sops_doc_free(&d);
    sops_world_forget(w);
}

/* The first line is a path, the rest a value. */
static void read_property(struct sops_slice text)
{
    size_t line = sops_slice_find(text, '\n');
    for (int order = SOPS_PROPERTY_DOTTED_FIRST; order <= SOPS_PROPERTY_PATH; order++) {
        struct sops_err e = {0};
        struct sops_arena a = {0};
        struct sops_slice out;
        struct sops_keys keys = {0};
        bool found = false;
        bool ok = sops_property_find(&a, sops_slice_skip(text, line + 1), (enum sops_store_property)order,
                                     sops_slice_first(text, line), &out, &found, &e);
        expect_code(ok, &e);
        ok = sops_property_extract(sops_slice_skip(text, line + 1), (enum sops_store_property)order, &keys, &e);
        expect_code(ok, &e);
        sops_keys_free(&keys);
        sops_arena_free(&a);
    }
}

static void run_template(struct sops_slice text)
{
    struct sops_err e = {0};
    struct sops_keys keys = {0};
    struct sops_buf out = {0};
    bool ok =
        sops_keys_set(&keys, SOPS_LIT("v"), SOPS_LIT("a value\n"), &e) && sops_template_run(text, &keys, &out, &e);
    if (out.len > SOPS_TEMPLATE_MAX) {
        abort();
    }
    expect_code(ok, &e);
    sops_buf_free(&out);
    sops_keys_free(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_world w = {
        .say = say_nothing, .env = no_env, .http = nobody, .pause = no_pause, .random = no_chance, .now = some_day};
    struct sops_slice text = sops_slice_of(data, size);
    if (size == 0 || size > 20000) {
        return 0;
    }
    struct sops_slice rest = sops_slice_skip(text, 1);
    switch (data[0] % 3) {
    case 0:
        read_property(rest);
        break;
    case 1:
        run_template(rest);
        break;
    default:
        read_manifests(&w, rest);
        break;
    }
    return 0;
}
