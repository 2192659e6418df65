/* SPDX-License-Identifier: Apache-2.0 */
/* Server-side apply knows who owns each entry of `data`, but not those of `stringData`: entries that were removed from
 * the file would stay in the cluster. */
#include "manifest/change.h"

#include "base/encode.h"
#include "base/text.h"

static bool is_v1(const struct sops_node *n, struct sops_slice kind)
{
    if (n->kind != SOPS_MAP) {
        return false;
    }
    struct sops_object_name name = sops_object_name_of(n);
    return sops_slice_eq(name.api, SOPS_LIT("v1")) && sops_slice_eq(name.kind, kind);
}

/* The items of a List; NULL for another object. */
static struct sops_node *items_of(const struct sops_node *root)
{
    struct sops_node *items = is_v1(root, SOPS_LIT("List")) ? sops_node_find(root, SOPS_LIT("items")) : NULL;
    return items != NULL && items->kind == SOPS_LIST ? items : NULL;
}

static bool is_no_text(const struct sops_node *secret, const struct sops_node *entry, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_buf key = {0};
    struct sops_object_name name = sops_object_name_of(secret);
    const char *label = "";
    if (sops_object_label(&a, NULL, &name, 1, &label, e) && sops_buf_add(&key, sops_slice_first(entry->key, 100), e)) {
        sops_text_tame(&key, 0);
        sops_fail(e, SOPS_E_GENERIC, "'%s': the entry '%.*s' of stringData is no text", label, SOPS_ARG(key));
        sops_hint(e, "put it in quotes before it is encrypted");
    }
    sops_buf_free(&key);
    sops_arena_free(&a);
    return false;
}

static bool is_no_mapping(const struct sops_node *secret, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_object_name name = sops_object_name_of(secret);
    const char *label = "";
    if (sops_object_label(&a, NULL, &name, 1, &label, e)) {
        sops_fail(e, SOPS_E_GENERIC, "'%s': 'data' is no mapping, so stringData has no place in it", label);
        sops_hint(e, "make it a mapping, or take it out");
    }
    sops_arena_free(&a);
    return false;
}

static bool to_base64(struct sops_doc *d, struct sops_node *n, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_base64_add(&text, SOPS_B64_STD, n->text, e) &&
              sops_arena_copy(&d->arena, sops_buf_view(&text), &n->text, e);
    n->sealed = NULL;
    sops_buf_free(&text);
    return ok;
}

/* `data`, made when there is none; NULL when it is no mapping. */
static struct sops_node *data_of(struct sops_doc *d, struct sops_node *secret, struct sops_err *e)
{
    struct sops_node *data = sops_node_find(secret, SOPS_LIT("data"));
    if (data != NULL && data->kind == SOPS_NULL) {
        sops_node_unlink(d, data);
        data = NULL;
    }
    if (data == NULL) {
        data = sops_node_add(d, secret, SOPS_MAP, SOPS_LIT("data"), SOPS_LIT(""), e);
    }
    return data != NULL && data->kind != SOPS_MAP ? NULL : data;
}

static bool change_secret(struct sops_doc *d, struct sops_node *secret, struct sops_err *e)
{
    struct sops_node *strings = sops_node_find(secret, SOPS_LIT("stringData")), *next;
    if (strings == NULL) {
        return true;
    }
    if (strings->kind != SOPS_MAP && strings->kind != SOPS_NULL) {
        return is_no_text(secret, strings, e);
    }
    struct sops_node *data = data_of(d, secret, e);
    if (data == NULL) {
        return e->code == SOPS_OK && is_no_mapping(secret, e);
    }
    for (struct sops_node *n = strings->child; n != NULL; n = next) {
        next = n->next;
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        if (n->kind != SOPS_STR) {
            return is_no_text(secret, n, e);
        }
        struct sops_node *old = sops_node_find(data, n->key);
        if (!to_base64(d, n, e)) {
            return false;
        }
        if (old != NULL) {
            old->text = n->text;
            old->kind = SOPS_STR;
            old->child = NULL;
        } else {
            sops_node_link(data, data->last, n);
        }
    }
    sops_node_unlink(d, strings);
    return true;
}

bool sops_object_data(struct sops_doc *d, struct sops_node *root, struct sops_err *e)
{
    struct sops_node *items = items_of(root);
    bool ok = true;
    if (items == NULL) {
        return !is_v1(root, SOPS_LIT("Secret")) || change_secret(d, root, e);
    }
    for (struct sops_node *n = items->child; ok && n != NULL; n = n->next) {
        ok = !is_v1(n, SOPS_LIT("Secret")) || change_secret(d, n, e);
    }
    return ok;
}

static void strip_one(struct sops_node *object, const char *more)
{
    const char *const kept[] = {"apiVersion", "kind", "metadata", more, NULL};
    struct sops_node *last = NULL;
    for (struct sops_node **link = &object->child, *n = object->child; n != NULL; n = *link) {
        if (n->kind != SOPS_COMMENT && sops_slice_is_any(n->key, kept)) {
            last = n;
            link = &n->next;
        } else {
            *link = n->next;
        }
    }
    object->last = last;
}

void sops_object_strip(struct sops_node *root)
{
    struct sops_node *items = items_of(root);
    strip_one(root, items != NULL ? "items" : NULL);
    for (struct sops_node *n = items != NULL ? items->child : NULL; n != NULL; n = n->next) {
        if (n->kind == SOPS_MAP) {
            strip_one(n, NULL);
        }
    }
}

bool sops_object_is_hidden(const struct sops_node *root, const struct sops_node **other)
{
    const struct sops_node *items = items_of(root);
    *other = root;
    if (items == NULL) {
        return is_v1(root, SOPS_LIT("Secret"));
    }
    for (const struct sops_node *n = items->child; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && !is_v1(n, SOPS_LIT("Secret"))) {
            *other = n->kind == SOPS_MAP ? n : root;
            return false;
        }
    }
    return true;
}
