/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets as `kubectl apply` takes them: keys in one order, entries sorted (docs/spec/73-stores.md#the-secret). */
#include "cli/pull_run.h"

#include "base/encode.h"
#include "base/file.h"
#include "cli/ui.h"

static const struct sops_slice nothing = {(const uint8_t *)"", 0};

static bool add_text(struct sops_doc *d, struct sops_node *to, struct sops_slice key, struct sops_slice text,
                     struct sops_err *e)
{
    return to != NULL && sops_node_add(d, to, SOPS_STR, key, text, e) != NULL;
}

static bool add_texts(struct sops_doc *d, struct sops_node *to, const char *name, const struct sops_keys *keys,
                      struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_key_value **sorted;
    if (keys->count == 0) {
        return true;
    }
    struct sops_node *map = sops_node_add(d, to, SOPS_MAP, sops_str(name), nothing, e);
    bool ok = map != NULL && sops_keys_sorted(keys, &a, &sorted, e);
    for (size_t i = 0; ok && i < keys->count; i++) {
        ok = add_text(d, map, sorted[i]->key, sorted[i]->value, e);
    }
    sops_arena_free(&a);
    return ok;
}

static bool add_metadata(struct sops_doc *d, struct sops_node *top, const struct sops_pull_secret *s,
                         struct sops_err *e)
{
    const struct sops_external_secret *x = &s->read;
    struct sops_node *meta = sops_node_add(d, top, SOPS_MAP, SOPS_LIT("metadata"), nothing, e);
    bool ok = add_text(d, meta, SOPS_LIT("name"), x->target, e) &&
              (x->object->space.len == 0 || add_text(d, meta, SOPS_LIT("namespace"), x->object->space, e)) &&
              add_texts(d, meta, "labels", &s->labels, e) && add_texts(d, meta, "annotations", &s->annotations, e);
    if (!ok || x->finalizers == NULL || x->finalizers->child == NULL) {
        return ok;
    }
    struct sops_node *list = sops_node_add(d, meta, SOPS_LIST, SOPS_LIT("finalizers"), nothing, e);
    for (const struct sops_node *n = x->finalizers->child; list != NULL && n != NULL; n = n->next) {
        if (n->kind == SOPS_STR && !add_text(d, list, nothing, n->text, e)) {
            return false;
        }
    }
    return list != NULL;
}

static bool add_value(struct sops_doc *d, struct sops_node *map, const struct sops_key_value *kv, bool text,
                      struct sops_err *e)
{
    struct sops_buf base64 = {0};
    bool ok = (text || sops_base64_add(&base64, SOPS_B64_STD, kv->value, e)) &&
              add_text(d, map, kv->key, text ? kv->value : sops_buf_view(&base64), e);
    sops_buf_free(&base64);
    return ok;
}

static bool add_data(struct sops_doc *d, struct sops_node *top, const struct sops_pull_secret *s, bool string_data,
                     struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_key_value **sorted;
    struct sops_node *map[2] = {NULL, NULL};
    bool ok = sops_keys_sorted(&s->data, &a, &sorted, e);
    for (int texts = 0; ok && texts < (string_data ? 2 : 1); texts++) {
        for (size_t i = 0; ok && i < s->data.count; i++) {
            bool text = string_data && sops_pull_is_text(sorted[i]->value);
            if (text != (texts == 1)) {
                continue;
            }
            if (map[texts] == NULL) {
                map[texts] =
                    sops_node_add(d, top, SOPS_MAP, texts == 1 ? SOPS_LIT("stringData") : SOPS_LIT("data"), nothing, e);
            }
            ok = map[texts] != NULL && add_value(d, map[texts], sorted[i], text, e);
        }
    }
    if (ok && s->data.count == 0) {
        ok = sops_node_add(d, top, SOPS_MAP, SOPS_LIT("data"), nothing, e) != NULL;
    }
    sops_arena_free(&a);
    return ok;
}

bool sops_pull_build(struct sops_doc *d, struct sops_node *to, const struct sops_pull_secret *s, bool string_data,
                     struct sops_err *e)
{
    struct sops_node *top = sops_node_add(d, to, SOPS_MAP, nothing, nothing, e);
    return add_text(d, top, SOPS_LIT("apiVersion"), SOPS_LIT("v1"), e) &&
           add_text(d, top, SOPS_LIT("kind"), SOPS_LIT("Secret"), e) && add_metadata(d, top, s, e) &&
           add_text(d, top, SOPS_LIT("type"), sops_pull_type(s), e) &&
           (!s->read.immutable ||
            sops_node_add(d, top, SOPS_BOOL, SOPS_LIT("immutable"), SOPS_LIT("True"), e) != NULL) &&
           add_data(d, top, s, string_data, e);
}

/* The list of JSON; NULL for YAML, whose documents stand side by side. */
static bool begin_list(struct sops_doc *d, struct sops_node **list, struct sops_err *e)
{
    struct sops_node *top = sops_node_add(d, NULL, SOPS_MAP, nothing, nothing, e);
    bool ok = add_text(d, top, SOPS_LIT("apiVersion"), SOPS_LIT("v1"), e) &&
              add_text(d, top, SOPS_LIT("kind"), SOPS_LIT("List"), e);
    *list = ok ? sops_node_add(d, top, SOPS_LIST, SOPS_LIT("items"), nothing, e) : NULL;
    return *list != NULL;
}

bool sops_pull_print(struct sops_pull_run *r, struct sops_err *e)
{
    static const struct sops_style style = {.indent = 2, .indent_set = true};
    const char *output = r->job.opt->shared.output;
    bool json = r->own.output_type != NULL && strcmp(r->own.output_type, "json") == 0;
    struct sops_doc d = {0};
    struct sops_node *list = NULL;
    struct sops_buf text = {0};
    size_t count = 0;
    bool ok = !json || begin_list(&d, &list, e);
    for (size_t i = 0; ok && i < r->pull.secrets; i++) {
        const struct sops_pull_secret *s = &r->pull.secret[i];
        if (s->chosen && !s->failed && !s->none) {
            ok = sops_pull_build(&d, list, s, false, e);
            count++;
        }
    }
    ok = ok && ((count == 0 && !json) ||
                sops_doc_emit(&d, sops_format_named(json ? SOPS_LIT("json") : SOPS_LIT("yaml")), &style, &text, e));
    if (ok && output != NULL) {
        ok = sops_file_replace(output, sops_buf_view(&text), 0600, NULL, e);
    } else if (ok && text.len != 0) {
        ok = sops_ui_out(sops_buf_view(&text), e);
    }
    sops_buf_free(&text);
    sops_doc_free(&d);
    return ok;
}
