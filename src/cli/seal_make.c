/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing is random, so whether a ciphertext is still the right one is told by its tag
 * (docs/spec/72-sealed-secrets.md#what-stays). */
#include "cli/seal_run.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/ui.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

/* ---- items and tags --------------------------------------------------------------------------------------------- */

static bool tag_of(const struct seal_file *f, const struct seal_object *o, const struct sops_seal_item *item,
                   struct sops_slice sealed, struct sops_buf *tag, struct sops_err *e)
{
    struct sops_buf label = {0}, bytes = {0};
    bool ok = sops_scope_label(o->scope, o->space, o->name, &label, e) && sops_seal_base64(sealed, &bytes, e);
    if (ok) {
        struct sops_tag_parts p = {o->cert->fingerprint, sops_buf_view(&label), item->key, item->value,
                                   sops_buf_view(&bytes)};
        ok = sops_tag_add(f->tag_key, &p, tag, e);
    }
    sops_buf_free(&label);
    sops_buf_free(&bytes);
    return ok;
}

/* Is what stands there the item as it would be sealed now (`*fits`)? Whatever is wrong with it means no. */
static bool still_fits(const struct seal_file *f, const struct seal_object *o, const struct sops_seal_item *item,
                       const struct sops_sealed_object *old, const struct sops_doc *tags, bool *fits,
                       struct sops_err *e)
{
    struct sops_buf tag = {0};
    struct sops_err tried = {0};
    const struct sops_node *text = old->items != NULL ? sops_node_find(old->items, item->key) : NULL;
    const struct sops_node *said = tags->parts != NULL ? sops_node_find(tags->parts, item->key) : NULL;
    *fits = text != NULL && text->kind == SOPS_STR && said != NULL && said->kind == SOPS_STR &&
            tag_of(f, o, item, text->text, &tag, &tried) && tag.len == said->text.len &&
            CRYPTO_memcmp(tag.ptr, said->text.ptr, tag.len) == 0;
    sops_buf_free(&tag);
    return sops_may_fail(&tried, e);
}

static bool seal_item(struct seal_run *r, const struct seal_object *o, struct sops_seal_item *item, struct sops_err *e)
{
    struct sops_buf label = {0}, text = {0};
    bool ok = sops_scope_label(o->scope, o->space, o->name, &label, e) &&
              sops_item_seal(r->job.world, o->cert->key, sops_buf_view(&label), item->value, &text, e) &&
              sops_arena_copy(&r->arena, sops_buf_view(&text), &item->sealed, e);
    sops_buf_free(&label);
    sops_buf_free(&text);
    return ok;
}

static bool find_removed(struct seal_run *r, struct seal_object *o, const struct sops_sealed_object *old,
                         struct sops_err *e)
{
    size_t count = 0, at = 0;
    for (const struct sops_node *n = old->items != NULL ? old->items->child : NULL; n != NULL; n = n->next) {
        count++;
    }
    o->removed = sops_arena_alloc(&r->arena, (count + 1) * sizeof *o->removed, e);
    for (const struct sops_node *n = o->removed != NULL && old->items != NULL ? old->items->child : NULL; n != NULL;
         n = n->next) {
        for (at = 0; at < o->items && !sops_slice_eq(o->item[at].key, n->key); at++) {
        }
        if (at == o->items && n->kind != SOPS_COMMENT &&
            !sops_arena_copy(&r->arena, n->key, &o->removed[o->removals++], e)) {
            return false;
        }
    }
    return o->removed != NULL;
}

bool sops_seal_items(struct seal_run *r, const struct seal_file *f, struct seal_object *o,
                     const struct sops_sealed_object *old, struct sops_err *e)
{
    struct sops_doc tags = {0};
    struct sops_err tried = {0};
    bool compare = old != NULL && f->has_key && !r->own->force;
    if (compare && !sops_doc_parse(&tags, sops_seal_json(), sops_map_text(old->annotations, SOPS_SEAL_TAGS), &tried)) {
        compare = false;
    }
    o->items = o->secret->items;
    o->item = sops_arena_alloc(&r->arena, (o->items + 1) * sizeof *o->item, e);
    bool ok = sops_may_fail(&tried, e) && o->item != NULL;
    for (size_t i = 0; ok && i < o->items; i++) {
        struct sops_seal_item *item = &o->item[i];
        *item = o->secret->item[i];
        ok = !compare || still_fits(f, o, item, old, &tags, &item->kept, e);
        if (ok && item->kept) {
            ok = sops_arena_copy(&r->arena, sops_node_find(old->items, item->key)->text, &item->sealed, e);
        } else if (ok) {
            ok = seal_item(r, o, item, e);
        }
    }
    ok = ok && (old == NULL || find_removed(r, o, old, e));
    sops_doc_free(&tags);
    return ok;
}

bool sops_seal_tags(struct seal_run *r, const struct seal_file *f, const struct seal_object *o, struct sops_slice *tags,
                    struct sops_err *e)
{
    struct sops_buf json = {0};
    bool ok = true;
    *tags = (struct sops_slice){0};
    if (!f->has_key || o->items == 0) {
        return true;
    }
    ok = sops_buf_addc(&json, '{', e);
    for (size_t i = 0; ok && i < o->items; i++) {
        struct sops_buf tag = {0}, key = {0};
        ok = tag_of(f, o, &o->item[i], o->item[i].sealed, &tag, e) && sops_buf_add(&key, o->item[i].key, e) &&
             sops_buf_cstr(&key, e) != NULL && sops_json_add(&json, (const char *)key.ptr, sops_buf_view(&tag), e);
        sops_buf_free(&tag);
        sops_buf_free(&key);
    }
    ok = ok && sops_buf_addc(&json, '}', e) && sops_arena_copy(&r->arena, sops_buf_view(&json), tags, e);
    sops_buf_free(&json);
    return ok;
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

/* What is there already. */
struct standing {
    struct sops_doc doc;
    struct sops_arena arena;
    struct sops_sealed_object *object;
    size_t count;
    bool there;
};

static bool refuse_standing(const struct seal_target *t, const char *why, struct sops_err *e)
{
    sops_fail(e, SOPS_E_GENERIC, "'%s' %s: it is left as it is", t->shown, why);
    return sops_hint(e, "--force replaces it");
}

/* Does the file make the SealedSecret that is there? */
static bool is_made(const struct seal_file *f, const struct seal_target *t, const struct sops_sealed_object *old)
{
    for (const struct seal_object *o = f->object; o != NULL; o = o->next) {
        if (o->target == t && sops_slice_eq(o->name, old->name) && sops_slice_eq(o->space, old->space)) {
            return true;
        }
    }
    return false;
}

static bool check_standing(const struct seal_file *f, const struct seal_target *t, const struct standing *s,
                           size_t others, struct sops_err *e)
{
    if (s->count == 0 || others != 0) {
        return refuse_standing(t, "holds something else than SealedSecrets", e);
    }
    for (size_t i = 0; i < s->count; i++) {
        if (!is_made(f, t, &s->object[i])) {
            char why[200];
            (void)snprintf(why, sizeof why, "holds the SealedSecret '%.*s', which '%.60s' does not make",
                           SOPS_ARG(sops_slice_first(s->object[i].name, 80)), f->shown);
            return refuse_standing(t, why, e);
        }
    }
    return true;
}

static bool read_standing(struct seal_run *r, const struct seal_file *f, struct seal_target *t, struct standing *s,
                          struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_err tried = {0};
    const struct sops_format *format;
    struct stat st = {0};
    size_t others = 0;
    bool there = t->path != NULL && (stat(t->path, &st) == 0 || errno != ENOENT);
    if (!there || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
        t->was.how = there ? SOPS_WAS_UNREAD : SOPS_WAS_ABSENT; /* a pipe or device holds nothing to compare with */
        return true;
    }
    s->there = true;
    bool parsed = sops_file_read_was(t->path, SOPS_FILE_MAX, &text, &t->was, &tried) &&
                  sops_format_of_text(sops_buf_view(&text), &format, &tried) &&
                  sops_doc_parse_row(&s->doc, format, sops_buf_view(&text), &tried);
    bool ok =
        sops_may_fail(&tried, e) && (!parsed || sops_sealed_all(&s->doc, &s->arena, &s->object, &s->count, &others, e));
    sops_buf_free(&text);
    if (ok && !r->own->force) {
        ok = parsed ? check_standing(f, t, s, others, e) : refuse_standing(t, "cannot be read as SealedSecrets", e);
    }
    return ok;
}

static const struct sops_sealed_object *old_of(const struct standing *s, const struct seal_object *o)
{
    for (size_t i = 0; i < s->count; i++) {
        if (sops_slice_eq(s->object[i].name, o->name) && sops_slice_eq(s->object[i].space, o->space)) {
            return &s->object[i];
        }
    }
    return NULL;
}

static bool make_object(struct seal_run *r, const struct seal_file *f, struct seal_object *o, const struct standing *s,
                        struct sops_doc *out, struct sops_err *e)
{
    const struct sops_sealed_object *old = old_of(s, o);
    struct sops_sealed_recipe recipe = {.secret = o->secret,
                                        .scope = o->scope,
                                        .scope_given = o->scope_given,
                                        .name = o->name,
                                        .space = o->space,
                                        .old = old};
    bool same = false;
    if (!sops_seal_items(r, f, o, old, e) || !sops_seal_tags(r, f, o, &recipe.tags, e)) {
        return false;
    }
    recipe.item = o->item;
    recipe.items = o->items;
    if (!sops_sealed_build(out, &recipe, e) || (old != NULL && !sops_object_same(old->root, out->tail, &same, e))) {
        return false;
    }
    o->state = old == NULL ? SEAL_NEW : same ? SEAL_UNCHANGED : SEAL_CHANGED;
    o->target->write = o->target->write || !same;
    return true;
}

static bool make_target(struct seal_run *r, struct seal_file *f, struct seal_target *t, struct sops_err *e)
{
    struct standing s = {0};
    struct sops_doc out = {0};
    bool ok = read_standing(r, f, t, &s, e);
    for (struct seal_object *o = f->object; ok && o != NULL; o = o->next) {
        ok = o->target != t || make_object(r, f, o, &s, &out, e);
    }
    ok = ok && sops_objects_emit(&out, t->format, &t->text, e);
    sops_doc_free(&out);
    sops_doc_free(&s.doc);
    sops_arena_free(&s.arena);
    return ok;
}

bool sops_seal_make(struct seal_run *r, struct seal_file *f, struct sops_err *e)
{
    for (struct seal_target *t = f->target; t != NULL; t = t->next) {
        if (!make_target(r, f, t, e)) {
            return false;
        }
    }
    return true;
}
