/* SPDX-License-Identifier: Apache-2.0 */
/* Messages name fields of answers, never what stands in them: an answer may hold a secret anywhere. */
#include "stores/common.h"

#include "core/conf.h"

bool sops_store_object(struct sops_arena *a, const struct sops_http_res *res, const struct sops_json_value **out,
                       struct sops_err *e)
{
    struct sops_slice text;
    struct sops_json_value *root = NULL;
    *out = NULL;
    if (!sops_arena_copy(a, sops_buf_view(&res->body), &text, e) || !sops_json_read(a, text, &root, e)) {
        return sops_within(e, "the answer cannot be read");
    }
    *out = root;
    return (*out)->kind == SOPS_JSON_OBJECT || sops_fail(e, SOPS_E_READ, "the answer is no JSON object");
}

bool sops_store_no_field(const char *field, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_READ, "the answer has no '%s'", field);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

/* Tokens are few, and a page costs a request: looking through them all is cheap beside it. */
static bool remember(struct sops_store_pages *p, struct sops_slice token, struct sops_err *e)
{
    for (size_t i = 0; i < p->pages; i++) {
        if (sops_slice_eq(p->seen[i], token)) {
            return sops_fail(e, SOPS_E_READ, "the store names a page of the list twice: the list would never end");
        }
    }
    if (p->pages == p->room) {
        size_t room = p->room == 0 ? 16 : p->room * 2;
        struct sops_slice *more = sops_arena_alloc(&p->arena, room * sizeof *more, e);
        if (more == NULL) {
            return false;
        }
        if (p->pages != 0) {
            memcpy(more, p->seen, p->pages * sizeof *more);
        }
        p->seen = more;
        p->room = room;
    }
    return sops_arena_copy(&p->arena, token, &p->seen[p->pages++], e);
}

bool sops_store_page(struct sops_store_pages *p, size_t items, struct sops_slice token, struct sops_err *e)
{
    p->items += items;
    if (p->items > SOPS_STORE_ITEMS_MAX) {
        return sops_fail(e, SOPS_E_READ, "the list has more than %d items", SOPS_STORE_ITEMS_MAX);
    }
    if (token.len != 0 && p->pages + 1 > SOPS_STORE_PAGES_MAX) {
        return sops_fail(e, SOPS_E_READ, "the list has more than %d pages", SOPS_STORE_PAGES_MAX);
    }
    return token.len == 0 || remember(p, token, e);
}

void sops_store_pages_free(struct sops_store_pages *p)
{
    sops_arena_free(&p->arena);
    *p = (struct sops_store_pages){0};
}

struct sops_store_found *sops_store_add(struct sops_store_list *l, struct sops_arena *a, struct sops_slice key,
                                        struct sops_slice ref, struct sops_err *e)
{
    struct sops_store_found *f = sops_arena_alloc(a, sizeof *f, e);
    if (f == NULL || !sops_arena_copy(a, key, &f->key, e) || !sops_arena_copy(a, ref, &f->ref.key, e)) {
        return NULL;
    }
    if (l->last != NULL) {
        l->last->next = f;
    } else {
        l->first = f;
    }
    l->last = f;
    return f;
}

/* ---- tags ------------------------------------------------------------------------------------------------------- */

bool sops_store_take_tags(struct sops_arena *a, const struct sops_json_value *object, bool note,
                          struct sops_store_item *item, struct sops_err *e)
{
    size_t n = item->tags;
    const struct sops_json_value *v = object != NULL && object->kind == SOPS_JSON_OBJECT ? object->child : NULL,
                                 *first = v;
    for (; v != NULL; v = v->next) {
        n++;
    }
    struct sops_store_tag *all = sops_arena_alloc(a, (n + 1) * sizeof *all, e);
    if (all == NULL) {
        return false;
    }
    if (item->tags != 0) {
        memcpy(all, item->tag, item->tags * sizeof *all);
    }
    for (v = first; v != NULL; v = v->next) {
        if (v->kind == SOPS_JSON_STRING) {
            all[item->tags++] = (struct sops_store_tag){v->key, v->text, note};
        }
    }
    item->tag = all;
    return true;
}

struct sops_slice sops_store_tag_value(const struct sops_store_item *item, struct sops_slice key)
{
    for (size_t i = 0; i < item->tags; i++) {
        if (sops_slice_eq(item->tag[i].key, key)) {
            return item->tag[i].value;
        }
    }
    return (struct sops_slice){0};
}

bool sops_store_tags_fit(const struct sops_store_item *item, const struct sops_store_find *f)
{
    for (size_t i = 0; i < f->tags; i++) {
        bool has = false;
        for (size_t k = 0; k < item->tags; k++) {
            has = has || (sops_slice_eq(item->tag[k].key, f->tag[i].key) &&
                          sops_slice_eq(item->tag[k].value, f->tag[i].value));
        }
        if (!has) {
            return false;
        }
    }
    return true;
}

static bool is_ours(const struct sops_store_write *what, const struct sops_store_tag *t)
{
    for (size_t i = 0; i < SOPS_STORE_TAGS; i++) {
        if (sops_slice_eq(what->tag[i].key, t->key) && what->tag[i].note == t->note) {
            return true;
        }
    }
    return false;
}

static bool add_member(struct sops_buf *out, const struct sops_store_tag *t, struct sops_err *e)
{
    bool first = out->ptr[out->len - 1] == '{';
    return (first || sops_buf_addc(out, ',', e)) && sops_json_quote(out, t->key, e) && sops_buf_addc(out, ':', e) &&
           sops_json_quote(out, t->value, e);
}

bool sops_store_add_tags(struct sops_buf *out, const struct sops_store_write *what, bool note, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < what->old->tags; i++) {
        const struct sops_store_tag *t = &what->old->tag[i];
        ok = t->note != note || is_ours(what, t) || add_member(out, t, e);
    }
    for (size_t i = 0; ok && i < SOPS_STORE_TAGS; i++) {
        ok = what->tag[i].note != note || add_member(out, &what->tag[i], e);
    }
    return ok;
}

/* ---- what rules and manifests say ------------------------------------------------------------------------------- */

bool sops_store_bad(const struct sops_node *map, const char *name, const char *why, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(map, sops_str(name));
    return sops_fail_at(e, n != NULL ? n->line : map->line, 0, "'%s' %s", name, why);
}

bool sops_store_need(const struct sops_node *map, const char *name, struct sops_slice *out, struct sops_err *e)
{
    *out = (struct sops_slice){0};
    return sops_conf_text(map, name, out, e) && (out->len != 0 || sops_store_bad(map, name, "is missing", e));
}

bool sops_store_host_part(const struct sops_node *map, const char *name, struct sops_slice text, const char *more,
                          struct sops_err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (!sops_is_lower(c) && !sops_is_digit(c) && c != '-' && strchr(more, c) == NULL) {
            return sops_store_bad(map, name, "may hold small letters, digits and dashes only", e);
        }
    }
    return text.len <= 255 || sops_store_bad(map, name, "is too long", e);
}

void sops_store_note_auth(const struct sops_store_input *in, const struct sops_node *auth, const char *prefix)
{
    char text[160];
    const struct sops_node *first = auth != NULL && auth->kind == SOPS_MAP ? auth->child : NULL;
    while (first != NULL && first->kind == SOPS_COMMENT) {
        first = first->next;
    }
    if (auth == NULL || auth->kind == SOPS_NULL) {
        return;
    }
    struct sops_slice word = first != NULL ? sops_slice_first(first->key, 60) : (struct sops_slice){0};
    (void)snprintf(text, sizeof text, "%s%s%.*s needs a cluster; using the credentials of this machine", prefix,
                   word.len != 0 ? "." : "", SOPS_ARG(word));
    in->note(in->ctx, text);
}

bool sops_store_lookup(const struct sops_store_input *in, const struct sops_node *map,
                       const struct sops_store_want *want, size_t count, struct sops_slice *value, bool *all,
                       struct sops_err *e)
{
    *all = map != NULL;
    for (size_t i = 0; map != NULL && i < count; i++) {
        const struct sops_node *ref;
        bool found = false;
        value[i] = (struct sops_slice){0};
        if (!sops_conf_map(map, want[i].name, &ref, e)) {
            return false;
        }
        if (ref == NULL) {
            *all = *all && !want[i].needed;
            continue;
        }
        if (!in->lookup(in->ctx, ref, false, &value[i], &found, e)) {
            return sops_within(e, "%s", want[i].name);
        }
        *all = *all && found;
    }
    return true;
}
