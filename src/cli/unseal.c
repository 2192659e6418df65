/* SPDX-License-Identifier: Apache-2.0 */
/* RSA is all the work, so the items of an object are shared out among the processors; results keep their order. The
 * label comes from the outer metadata only: whoever changed a template would else choose it. */
#include "cli/unseal.h"

#include "base/encode.h"
#include "base/text.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAX_THREADS 16

/* ---- opening ---------------------------------------------------------------------------------------------------- */

struct crew {
    const struct sops_seal_keys *keys;
    struct sops_slice label;
    struct opened_object *object;
    atomic_size_t next;
    atomic_bool failed;
};

static void *open_items(void *arg)
{
    struct crew *c = arg;
    for (size_t i; (i = atomic_fetch_add(&c->next, 1)) < c->object->items;) {
        struct opened_item *item = &c->object->item[i];
        struct sops_err e = {0};
        item->outcome = item->node->kind != SOPS_STR ? SOPS_ITEM_MALFORMED
                                                     : sops_item_open(c->keys->key, c->keys->count, c->label,
                                                                      item->node->text, &item->value, &item->which, &e);
        if (item->outcome == SOPS_ITEM_FAILED) {
            atomic_store(&c->failed, true);
        }
        sops_err_clear(&e);
    }
    return NULL;
}

static bool share_out(struct crew *c, struct sops_err *e)
{
    pthread_t thread[MAX_THREADS];
    size_t wanted = sops_processors(), started = 0;
    wanted = wanted < c->object->items ? wanted : c->object->items;
    while (started + 1 < wanted && started < MAX_THREADS && sops_thread_start(&thread[started], open_items, c)) {
        started++;
    }
    (void)open_items(c);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    return !atomic_load(&c->failed) || sops_fail_memory(e);
}

static size_t count_members(const struct sops_node *map)
{
    size_t n = 0;
    for (const struct sops_node *m = map != NULL ? map->child : NULL; m != NULL; m = m->next) {
        n += m->kind != SOPS_COMMENT;
    }
    return n;
}

bool sops_object_open(const struct sops_seal_keys *keys, const struct sops_sealed_object *sealed,
                      struct sops_slice space, struct sops_arena *a, struct opened_object *out, struct sops_err *e)
{
    struct sops_buf label = {0};
    *out = (struct opened_object){.sealed = sealed, .space = sealed->space.len != 0 ? sealed->space : space};
    out->item = sops_arena_alloc(a, (count_members(sealed->items) + 1) * sizeof *out->item, e);
    if (out->item == NULL || !sops_scope_label(sealed->scope, out->space, sealed->name, &label, e)) {
        return false;
    }
    for (const struct sops_node *n = sealed->items != NULL ? sealed->items->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT) {
            out->item[out->items++].node = n;
        }
    }
    struct crew crew = {.keys = keys, .label = sops_buf_view(&label), .object = out};
    bool ok = share_out(&crew, e);
    for (size_t i = 0; i < out->items; i++) {
        out->failures += out->item[i].outcome != SOPS_ITEM_OPENED;
        out->malformed += out->item[i].outcome == SOPS_ITEM_MALFORMED;
    }
    sops_buf_free(&label);
    return ok;
}

bool sops_object_judge(const struct opened_object *o, struct sops_err *e)
{
    const struct sops_sealed_object *s = o->sealed;
    struct sops_buf name = {0}, items = {0};
    bool ok = sops_object_name(&name, o->space, s->name, e);
    if (ok && s->old_data != NULL) {
        ok = sops_fail(e, SOPS_E_DECRYPT, "'%.*s': spec.data is the form of before 2018, which is not opened",
                       SOPS_ARG(sops_buf_view(&name)));
    }
    for (size_t i = 0; ok && i < o->items; i++) {
        if (o->item[i].outcome != SOPS_ITEM_OPENED) {
            ok = (items.len == 0 || sops_buf_adds(&items, ", ", e)) && sops_buf_add(&items, o->item[i].node->key, e);
        }
    }
    if (ok && o->failures != 0) {
        bool all = o->failures == o->items && o->malformed == 0;
        sops_fail(e, all ? SOPS_E_NO_KEY : SOPS_E_DECRYPT, "'%.*s', tried as %s: %.*s: does not open",
                  SOPS_ARG(sops_buf_view(&name)), sops_scope_names[s->scope],
                  SOPS_ARG(sops_slice_first(sops_buf_view(&items), 600)));
        ok = sops_hint(e, "the key is not among these, or name, namespace or scope changed after sealing");
    }
    sops_buf_free(&name);
    sops_buf_free(&items);
    return ok;
}

void sops_object_close(struct opened_object *o)
{
    for (size_t i = 0; i < o->items; i++) {
        sops_buf_free(&o->item[i].value);
    }
    *o = (struct opened_object){0};
}

/* ---- the Secret ------------------------------------------------------------------------------------------------- */

/* UTF-8 without control characters but tab, LF and CR. */
static bool is_text(struct sops_slice s)
{
    uint32_t c;
    for (size_t n; s.len != 0; s = sops_slice_skip(s, n)) {
        n = sops_utf8_next(s, &c);
        if (n == 0 || (c < ' ' && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7f && c < 0xa0)) {
            return false;
        }
    }
    return true;
}

static bool put_copy(struct sops_doc *d, struct sops_node *to, const struct sops_node *from, const char *key,
                     enum sops_kind kind, struct sops_err *e)
{
    const struct sops_node *n = from != NULL ? sops_node_find(from, sops_str(key)) : NULL;
    if (n == NULL || n->kind != kind || (kind == SOPS_MAP && sops_map_is_empty(n)) ||
        (kind == SOPS_LIST && n->child == NULL)) {
        return true;
    }
    struct sops_node *copy = sops_node_copy(d, n, e);
    if (copy == NULL || (kind == SOPS_MAP && !sops_map_sort(copy, e))) {
        return false;
    }
    sops_node_link(to, to->last, copy);
    return true;
}

static bool put_metadata(struct sops_doc *d, struct sops_node *root, const struct opened_object *o, struct sops_err *e)
{
    const struct sops_node *from = sops_map_map(o->sealed->pattern, "metadata");
    const char *scope = sops_scope_annotation(o->sealed->scope);
    struct sops_node *meta = sops_put_map(d, root, "metadata", e);
    if (meta == NULL || !sops_put_text(d, meta, SOPS_LIT("name"), o->sealed->name, e) ||
        !put_copy(d, meta, from, "generateName", SOPS_STR, e) ||
        !sops_put_text(d, meta, SOPS_LIT("namespace"), o->space, e) ||
        !put_copy(d, meta, from, "labels", SOPS_MAP, e) || !put_copy(d, meta, from, "annotations", SOPS_MAP, e)) {
        return false;
    }
    if (scope != NULL && sops_scope_of(sops_map_map(meta, "annotations")) != o->sealed->scope) {
        struct sops_node *map = sops_node_find(meta, SOPS_LIT("annotations"));
        map = map != NULL ? map : sops_put_map(d, meta, "annotations", e);
        struct sops_node *old = map != NULL ? sops_node_find(map, sops_str(scope)) : NULL;
        if (old != NULL) {
            sops_node_unlink(d, old);
        }
        if (map == NULL || !sops_put_text(d, map, sops_str(scope), SOPS_LIT("true"), e) || !sops_map_sort(map, e)) {
            return false;
        }
    }
    return put_copy(d, meta, from, "finalizers", SOPS_LIST, e);
}

static bool put_value(struct sops_doc *d, struct sops_node *root, bool string_data, struct sops_slice key,
                      struct sops_slice value, struct sops_err *e)
{
    bool text = string_data && is_text(value);
    const char *name = text ? "stringData" : "data";
    struct sops_node *map = sops_node_find(root, sops_str(name));
    struct sops_buf base64 = {0};
    map = map != NULL ? map : sops_put_map(d, root, name, e);
    bool ok = map != NULL && (text || sops_base64_add(&base64, SOPS_B64_STD, value, e)) &&
              sops_node_add(d, map, SOPS_STR, key, text ? value : sops_buf_view(&base64), e) != NULL;
    sops_buf_free(&base64);
    return ok;
}

static const struct sops_node *pattern_data(const struct opened_object *o)
{
    return sops_map_map(o->sealed->pattern, "data");
}

static bool is_plain_text(const struct sops_node *n)
{
    return n->kind == SOPS_STR && memmem(n->text.ptr, n->text.len, "{{", 2) == NULL;
}

/* Templates that only the controller evaluates. */
static bool check_patterns(const struct opened_object *o, const struct unseal_how *how, struct sops_err *e)
{
    const struct sops_node *data = pattern_data(o);
    struct sops_buf names = {0};
    bool ok = true;
    for (const struct sops_node *n = data != NULL ? data->child : NULL; ok && n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && n->kind != SOPS_NULL && !is_plain_text(n)) {
            ok = (names.len == 0 || sops_buf_adds(&names, ", ", e)) && sops_buf_add(&names, n->key, e);
        }
    }
    if (ok && names.len != 0 && how->skip_template) {
        sops_world_warn(how->world, "'%s': templates that only the controller evaluates are left out: %.*s", how->shown,
                        SOPS_ARG(sops_slice_first(sops_buf_view(&names), 600)));
    } else if (ok && names.len != 0) {
        sops_fail(e, SOPS_E_DUMP, "templates that only the controller evaluates: %.*s",
                  SOPS_ARG(sops_slice_first(sops_buf_view(&names), 600)));
        ok = sops_hint(e, "--skip-template leaves them out");
    }
    sops_buf_free(&names);
    return ok;
}

static bool put_values(struct sops_doc *d, struct sops_node *root, const struct opened_object *o,
                       const struct unseal_how *how, struct sops_err *e)
{
    const struct sops_node *data = pattern_data(o);
    for (size_t i = 0; i < o->items; i++) {
        const struct sops_node *said = data != NULL ? sops_node_find(data, o->item[i].node->key) : NULL;
        if ((said == NULL || said->kind != SOPS_NULL) &&
            !put_value(d, root, how->string_data, o->item[i].node->key, sops_buf_view(&o->item[i].value), e)) {
            return false;
        }
    }
    for (const struct sops_node *n = data != NULL ? data->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && is_plain_text(n) &&
            (o->sealed->items == NULL || sops_node_find(o->sealed->items, n->key) == NULL) &&
            !put_value(d, root, how->string_data, n->key, n->text, e)) {
            return false;
        }
    }
    struct sops_node *values = sops_node_find(root, SOPS_LIT("data"));
    struct sops_node *texts = sops_node_find(root, SOPS_LIT("stringData"));
    return (values == NULL || sops_map_sort(values, e)) && (texts == NULL || sops_map_sort(texts, e));
}

bool sops_object_secret(struct sops_doc *d, const struct opened_object *o, const struct unseal_how *how,
                        struct sops_err *e)
{
    if (!check_patterns(o, how, e)) {
        return false;
    }
    struct sops_node *root = sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    return root != NULL && sops_put_text(d, root, SOPS_LIT("kind"), SOPS_LIT("Secret"), e) &&
           sops_put_text(d, root, SOPS_LIT("apiVersion"), SOPS_LIT("v1"), e) && put_metadata(d, root, o, e) &&
           put_values(d, root, o, how, e) && put_copy(d, root, o->sealed->pattern, "immutable", SOPS_BOOL, e) &&
           put_copy(d, root, o->sealed->pattern, "type", SOPS_STR, e);
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static bool keys_of_cluster(struct sops_seal_keys *keys, const struct sops_job *j, const struct sops_seal_cluster *c,
                            struct sops_err *e)
{
    for (const char **file = c->keys; file != NULL && *file != NULL; file++) {
        if (!sops_seal_keys_load(keys, j, *file, e)) {
            return false;
        }
    }
    return true;
}

bool sops_unseal_keys(struct sops_seal_keys *keys, const struct sops_job *j, const struct sops_sealing *s,
                      const char *const *files, const char *const *clusters, struct sops_err *e)
{
    bool named = files != NULL || clusters != NULL;
    for (; files != NULL && *files != NULL; files++) {
        if (!sops_seal_keys_load(keys, j, *files, e)) {
            return false;
        }
    }
    for (; clusters != NULL && *clusters != NULL; clusters++) {
        const struct sops_seal_cluster *c;
        if (!sops_sealing_cluster(s, *clusters, &c, e) || !keys_of_cluster(keys, j, c, e)) {
            return false;
        }
    }
    for (size_t i = 0; !named && i < s->clusters; i++) {
        if (!keys_of_cluster(keys, j, &s->cluster[i], e)) {
            return false;
        }
    }
    if (keys->count == 0) {
        sops_fail(e, SOPS_E_NO_KEY, "no private key");
        return sops_hint(e, "--key names one, or the backup of a controller's keys");
    }
    return true;
}

/* ---- the files -------------------------------------------------------------------------------------------------- */

/* Is it YAML or JSON by its name, with the word SealedSecret in it? */
static bool is_sealed_file(void *ctx, const char *path)
{
    static const char *const endings[] = {".yaml", ".yml", ".json", NULL};
    struct sops_buf text = {0};
    struct sops_err ignored = {0};
    const char *dot = strrchr(path, '.');
    (void)ctx;
    bool is = dot != NULL && sops_slice_is_any(sops_str(dot), endings) &&
              sops_file_read(path, SOPS_FILE_MAX, &text, &ignored) && text.len != 0 &&
              memmem(text.ptr, text.len, "SealedSecret", 12) != NULL;
    sops_err_clear(&ignored);
    sops_buf_free(&text);
    return is;
}

bool sops_sealed_exists(struct sops_job *j, struct sops_err *e)
{
    struct stat st;
    return j->opt->argc != 1 || stat(j->opt->args[0], &st) == 0 ||
           sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", j->opt->args[0]);
}

bool sops_each_sealed(struct sops_run *r, struct sops_job *j, struct sops_err *e)
{
    r->world = j->world;
    r->opt = j->opt;
    r->prefixed = true;
    return sops_run_arguments(r, is_sealed_file, NULL, e) && sops_run_each(r, e);
}
