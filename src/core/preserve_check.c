/* SPDX-License-Identifier: Apache-2.0 */
/* What is about to be written is read again (docs/spec/76-text-as-written.md#35-the-check-and-when-it-fails). */
#include "core/preserve_internal.h"

/* ---- the same values --------------------------------------------------------------------------------------------- */

static const struct sops_node *skip_comments(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

static bool is_number(const struct sops_node *n) { return n->kind == SOPS_INT || n->kind == SOPS_FLOAT; }

/* Formats of texts alone have one kind of value. */
static bool same_plain(const struct sops_node *a, const struct sops_node *b)
{
    struct sops_buf x = {0}, y = {0};
    struct sops_err why = {0};
    bool same = sops_node_plain(a, &x, &why) && sops_node_plain(b, &y, &why) &&
                sops_slice_eq(sops_buf_view(&x), sops_buf_view(&y));
    sops_err_clear(&why);
    sops_buf_free(&x);
    sops_buf_free(&y);
    return same;
}

/* A float that the writer shows like a whole number is read as that. */
static bool same_leaf(const struct sops_format *f, const struct sops_node *a, const struct sops_node *b)
{
    if (!sops_node_is_leaf(a) || !sops_node_is_leaf(b)) {
        return a->kind == b->kind;
    }
    bool kinds = a->kind == b->kind || (is_number(a) && is_number(b)) || (f->flags & SOPS_FMT_TABLES) != 0;
    bool (*same_text)(struct sops_slice, struct sops_slice) = f->textual->same_text;
    return (kinds && sops_slice_eq(a->text, b->text)) || ((f->flags & SOPS_FMT_LOSSY) != 0 && same_plain(a, b)) ||
           (same_text != NULL && same_text(a->text, b->text));
}

static size_t count_entries(const struct sops_node *in)
{
    size_t count = 0;
    for (const struct sops_node *n = skip_comments(in->child); n != NULL; n = skip_comments(n->next)) {
        count++;
    }
    return count;
}

/* The node that stands for `x` beside `y`: `y`, or where entries may stand in any order the one with its key. */
static const struct sops_node *counterpart(const struct sops_format *f, const struct sops_node *x,
                                           const struct sops_node *y, const struct sops_node *in)
{
    bool fits = y != NULL && sops_slice_eq(x->key, y->key);
    bool any_order = (f->flags & SOPS_FMT_TABLES) != 0 && in->kind == SOPS_MAP;
    return fits || !any_order ? y : sops_node_find(in, x->key);
}

bool sops_same_value(const struct sops_format *f, const struct sops_node *a, const struct sops_node *b)
{
    const struct sops_node *x = a, *y = b;
    for (;;) {
        const struct sops_node *in_x = skip_comments(x->child), *in_y = skip_comments(y->child);
        if (!same_leaf(f, x, y) || (in_x == NULL) != (in_y == NULL) ||
            (x != a && (x->key_kind != y->key_kind || !sops_slice_eq(x->key, y->key))) ||
            (in_x != NULL && count_entries(x) != count_entries(y))) {
            return false;
        }
        if (in_x != NULL) {
            x = in_x;
            y = counterpart(f, in_x, in_y, y);
        } else {
            while (x != a && skip_comments(x->next) == NULL) {
                x = x->up;
                y = y->up;
            }
            if (x == a) {
                return true;
            }
            x = skip_comments(x->next);
            y = counterpart(f, x, skip_comments(y->next), y->up);
        }
        if (y == NULL) {
            return false;
        }
    }
}

bool sops_same_values(const struct sops_format *f, const struct sops_doc *a, const struct sops_doc *b)
{
    const struct sops_node *x = a->parts, *y = b->parts;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!sops_same_value(f, x, y)) {
            return false;
        }
    }
    return x == NULL && y == NULL;
}

/* ---- the sealed text --------------------------------------------------------------------------------------------- */

struct again {
    struct sops_doc doc;
    struct sops_meta meta;
    struct sops_crypt crypt;
    struct sops_kept kept;
    struct sops_buf mac;
};

static void again_free(struct again *a)
{
    sops_crypt_free(&a->crypt);
    sops_kept_free(&a->kept);
    sops_meta_free(&a->meta);
    sops_doc_free(&a->doc);
    sops_buf_free(&a->mac);
}

/* Each ciphertext that was written is found where it was written, and opens there; no other value is one. */
static bool all_opened(const struct sops_doc *made, const struct sops_doc *read, struct sops_loss *loss)
{
    struct sops_node *x = made->parts, *y = read->parts;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        struct sops_node *n = x, *m = y;
        for (; n != NULL && m != NULL; n = sops_node_after(x, n), m = sops_node_after(y, m)) {
            bool sealed = sops_node_is_leaf(n) && (n->flags & SOPS_MARKED) != 0 && n->text.len != 0;
            if (!sealed && n->kind == SOPS_COMMENT && m->kind == SOPS_COMMENT) {
                continue; /* a comment that was put together of several is not one of ours */
            }
            if (sealed ? m->sealed == NULL || !sops_slice_eq(m->sealed->enc, n->text)
                       : m->sealed != NULL ||
                             (sops_node_is_leaf(n) && n->kind != SOPS_COMMENT && (m->flags & SOPS_MARKED) != 0 &&
                              m->kind != SOPS_NULL && m->text.len != 0)) {
                return sops_lose(loss, m->line, "a value that would not open where it stands");
            }
        }
        if (n != NULL || m != NULL) {
            break;
        }
    }
    return (x == NULL && y == NULL) || sops_lose(loss, 0, "the sealed text is not read as it should");
}

static bool adjust(const struct sops_format *f, struct sops_doc *d)
{
    if (f->before_open != NULL) {
        f->before_open(d);
    }
    return true;
}

static bool open_again(struct again *a, struct sops_preserve *p, struct sops_crypt *c, struct sops_slice text,
                       struct sops_err *e)
{
    struct sops_err why = {0};
    a->doc.reading = p->doc->reading;
    a->doc.reading.sealed = a->doc.reading.marks = true;
    a->crypt = (struct sops_crypt){.world = c->world, .rules = &a->meta.rules, .data_key = c->data_key};
    bool ok = sops_doc_parse(&a->doc, p->format, text, e) &&
              sops_kept_slots(&a->kept.w, p->format, &p->style, text, &a->doc, e) &&
              sops_meta_detach(&a->doc, p->format->meta, &a->meta, e);
    a->meta.rules.whole = p->meta->rules.whole;
    ok = ok && (sops_rules_compile(&a->meta.rules, &why) || !why.memory) &&
         sops_rules_mark(&a->meta.rules, &a->doc, e) && adjust(p->format, &a->doc) &&
         sops_doc_open(&a->doc, &a->crypt, NULL, NULL, &a->mac, e) &&
         sops_doc_verify(&a->doc, &a->crypt, sops_buf_view(&a->mac), a->meta.mac, a->meta.last_modified, e);
    sops_err_clear(&why);
    return ok;
}

/* The whole text, opened in memory, is what it was made from. */
static bool opens_to(struct again *a, struct sops_preserve *p, struct sops_slice clear, bool all,
                     struct sops_loss *loss, struct sops_err *e)
{
    struct sops_buf open = {0};
    bool ok = sops_kept_opened(&a->kept, &a->doc, &a->crypt, e) && sops_kept_open(&a->kept, all, &open, e);
    struct sops_slice got = sops_buf_view(&open);
    bool (*same)(struct sops_slice, struct sops_slice) = p->format->textual->same;
    if (ok && !all && !sops_slice_eq(got, clear) && !(same != NULL && same(got, clear))) {
        ok = sops_lose(loss, 0, "a construct that would not come back as it is");
    }
    sops_buf_free(&open);
    return ok;
}

bool sops_preserve_check(struct sops_preserve *p, struct sops_crypt *c, struct sops_slice text,
                         const struct sops_doc *made, struct sops_slice clear, struct sops_loss *loss,
                         struct sops_err *e)
{
    struct again a = {0};
    bool ok = open_again(&a, p, c, text, e) && all_opened(made, &a.doc, loss) &&
              (sops_same_values(p->format, p->doc, &a.doc) ||
               sops_lose(loss, 0, "the sealed text would not be the same document")) &&
              (clear.ptr == NULL || opens_to(&a, p, clear, p->now.w.metas != 0, loss, e));
    again_free(&a);
    return ok;
}
