/* SPDX-License-Identifier: Apache-2.0 */
#include "check/revision.h"

#define SHOWN 5

/* ---- reading
 * ---------------------------------------------------------------------------------------------------------- */

static bool counts(const struct sops_node *n, bool only_marked)
{
    bool item_comment = n->up != NULL && n->up->kind == SOPS_LIST && n->kind == SOPS_STR &&
                        sops_slice_ends(n->text, SOPS_LIT(",type:comment]"));
    return n->kind != SOPS_COMMENT && n->kind != SOPS_NULL && !item_comment &&
           (!only_marked || (n->flags & SOPS_MARKED) != 0);
}

/* The values in document order. A tree that cannot be walked has none to compare. */
static bool list_leaves(struct sops_revision *v, bool *good, struct sops_err *e)
{
    struct sops_walk walk = {.doc = v->doc};
    struct sops_err why = {0};
    size_t room = 0;
    bool ok = sops_rules_mark(&v->meta->rules, v->doc, e);
    while (ok && sops_walk_next(&walk, &why)) {
        if (!counts(walk.at, v->meta->rules.mac_only_encrypted)) {
            continue;
        }
        struct sops_revision_leaf *grown = sops_arena_grow(&v->arena, v->leaf, v->count, &room, sizeof *grown, e);
        ok = grown != NULL;
        if (!ok) {
            break;
        }
        v->leaf = grown;
        struct sops_revision_leaf leaf = {walk.at, {0}, walk.at->text, (walk.at->flags & SOPS_MARKED) != 0};
        ok = sops_arena_copy(&v->arena, sops_buf_view(&walk.aad), &leaf.aad, e);
        v->leaf[v->count] = leaf;
        v->count += ok;
    }
    *good = why.code == SOPS_OK;
    ok = ok && (!why.memory || sops_fail_memory(e));
    sops_err_clear(&why);
    sops_walk_free(&walk);
    return ok;
}

bool sops_revision_read(struct sops_revision *v, struct sops_slice text, const struct sops_format *format, bool *good,
                        struct sops_err *e)
{
    struct sops_err why = {0};
    *good = false;
    if (!sops_look(&v->read.look, text, format, false, e)) {
        return false;
    }
    if (v->read.look.kind != SOPS_LOOK_ENCRYPTED) {
        return true;
    }
    bool read = sops_meta_detach(&v->read.look.doc, v->read.look.format->meta, &v->read.meta, &why) &&
                sops_rules_compile(&v->read.meta.rules, &why);
    bool ok = !why.memory || sops_fail_memory(e);
    sops_err_clear(&why);
    v->doc = &v->read.look.doc;
    v->meta = &v->read.meta;
    return ok && (!read || list_leaves(v, good, e));
}

bool sops_revision_take(struct sops_revision *v, struct sops_checked *c, bool *good, struct sops_err *e)
{
    v->doc = &c->look.doc;
    v->meta = &c->meta;
    v->liner = c->liner;
    return list_leaves(v, good, e);
}

void sops_revision_free(struct sops_revision *v)
{
    sops_checked_free(&v->read);
    sops_arena_free(&v->arena);
    *v = (struct sops_revision){0};
}

/* ---- comparing
 * --------------------------------------------------------------------------------------------------------- */

static bool is_same_leaf(const struct sops_revision_leaf *a, const struct sops_revision_leaf *b)
{
    return sops_slice_eq(a->text, b->text) && sops_slice_eq(a->aad, b->aad);
}

bool sops_revision_agrees(const struct sops_revision *a, const struct sops_revision *b)
{
    if (a->count != b->count || a->meta->rules.mac_only_encrypted != b->meta->rules.mac_only_encrypted ||
        !sops_slice_eq(a->meta->last_modified, b->meta->last_modified)) {
        return false;
    }
    size_t i = 0;
    while (i < a->count && is_same_leaf(&a->leaf[i], &b->leaf[i])) {
        i++;
    }
    return i == a->count;
}

/* What a comparison needs while it goes on. */
struct comparing {
    struct sops_revision_change *c;
    struct sops_pather pather;
    struct sops_liner liner;
    size_t shown;
};

/* A path that tells documents apart, too: its number in front. */
static bool path_key(struct comparing *w, const struct sops_revision *v, const struct sops_revision_leaf *leaf,
                     struct sops_slice *key, struct sops_err *e)
{
    struct sops_buf path = {0};
    size_t part = 0;
    const struct sops_node *top = leaf->node;
    while (top->up != NULL) {
        top = top->up;
    }
    for (const struct sops_node *p = v->doc->parts; p != NULL && p != top; p = p->next) {
        part++;
    }
    bool ok = sops_buf_addf(&path, e, "%zu ", part) && sops_pather_add(&w->pather, leaf->node, &path, e) &&
              sops_arena_copy(&w->c->arena, sops_buf_view(&path), key, e);
    sops_buf_free(&path);
    return ok;
}

static struct sops_slice shown_path(struct sops_slice key)
{
    return sops_slice_skip(key, sops_slice_find(key, ' ') + 1);
}

static bool tell(struct comparing *w, const char *what, struct sops_slice key, const struct sops_revision_leaf *was,
                 const struct sops_revision_leaf *now, struct sops_err *e)
{
    struct sops_revision_change *c = w->c;
    struct sops_slice path = shown_path(key);
    c->clear_only = c->clear_only && (was == NULL || !was->marked) && (now == NULL || !now->marked);
    c->path = c->path.len == 0 ? path : c->path;
    c->line = c->line == 0 && now != NULL ? sops_liner_of(&w->liner, now->node) : c->line;
    if (w->shown++ >= SHOWN) {
        return w->shown != SHOWN + 1 || sops_buf_adds(&c->text, " and more", e);
    }
    return sops_buf_addf(&c->text, e, "%s%s %.*s", c->text.len != 0 ? ", " : "", what, SOPS_ARG(path));
}

/* What `now` has, in its order, and then what is gone. */
static bool compare_leaves(struct comparing *w, const struct sops_revision *was, const struct sops_revision *now,
                           struct sops_err *e)
{
    struct sops_table before = {0}, after = {0};
    struct sops_slice key;
    bool ok = true;
    for (size_t i = 0; ok && i < was->count; i++) {
        void **place = path_key(w, was, &was->leaf[i], &key, e) ? sops_table_put(&before, key, NULL, e) : NULL;
        ok = place != NULL;
        if (ok) {
            *place = &was->leaf[i];
        }
    }
    for (size_t i = 0; ok && i < now->count; i++) {
        void **place = path_key(w, now, &now->leaf[i], &key, e) ? sops_table_put(&after, key, NULL, e) : NULL;
        ok = place != NULL;
        if (ok) {
            const struct sops_revision_leaf *old = sops_table_get(&before, key);
            *place = &now->leaf[i];
            ok = (old != NULL && sops_slice_eq(old->text, now->leaf[i].text)) ||
                 tell(w, old != NULL ? "changed" : "added", key, old, &now->leaf[i], e);
        }
    }
    for (size_t i = 0; ok && i < was->count; i++) {
        ok = path_key(w, was, &was->leaf[i], &key, e);
        ok = ok && (sops_table_get(&after, key) != NULL || tell(w, "removed", key, &was->leaf[i], NULL, e));
    }
    sops_table_free(&before);
    sops_table_free(&after);
    return ok;
}

/* The same values in another order: the first that stands elsewhere. */
static bool find_moved(struct comparing *w, const struct sops_revision *was, const struct sops_revision *now,
                       struct sops_err *e)
{
    size_t i = 0;
    struct sops_slice key;
    while (i < was->count && i < now->count && is_same_leaf(&was->leaf[i], &now->leaf[i])) {
        i++;
    }
    return i >= was->count || i >= now->count ||
           (path_key(w, now, &now->leaf[i], &key, e) && tell(w, "moved", key, &was->leaf[i], &now->leaf[i], e));
}

static bool compare_settings(struct comparing *w, const struct sops_revision *was, const struct sops_revision *now,
                             struct sops_err *e)
{
    struct sops_buf *text = &w->c->text;
    bool ok = true;
    if (!sops_slice_eq(was->meta->last_modified, now->meta->last_modified)) {
        w->c->entry = "lastmodified";
        ok = sops_buf_addf(text, e, "%schanged lastmodified", text->len != 0 ? ", " : "");
    }
    if (ok && was->meta->rules.mac_only_encrypted != now->meta->rules.mac_only_encrypted) {
        w->c->entry = "mac_only_encrypted";
        ok = sops_buf_addf(text, e, "%schanged mac_only_encrypted", text->len != 0 ? ", " : "");
    }
    return ok;
}

bool sops_revision_compare_texts(const struct sops_revision *was, const struct sops_revision *now,
                                 struct sops_secrets *secrets, struct sops_revision_change *c, struct sops_err *e)
{
    struct comparing w = {.c = c, .pather = {.secrets = secrets}, .liner = now->liner};
    bool switched = was->meta->rules.mac_only_encrypted != now->meta->rules.mac_only_encrypted;
    c->clear_only = true;
    /* With the setting switched other values count, which says nothing about them. */
    bool ok = switched || compare_leaves(&w, was, now, e);
    ok = ok && (switched || w.shown != 0 || find_moved(&w, was, now, e));
    c->clear_only = c->clear_only && w.shown != 0;
    return ok && compare_settings(&w, was, now, e);
}

void sops_revision_change_free(struct sops_revision_change *c)
{
    sops_buf_free(&c->text);
    sops_arena_free(&c->arena);
    *c = (struct sops_revision_change){0};
}
