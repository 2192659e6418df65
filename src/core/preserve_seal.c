/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing in place (docs/spec/76-text-as-written.md#32-sealing-encrypt-edit-set). Nodes are veiled twice: with tokens,
 * to learn how the new text is read, and with ciphertexts and spellings, to write it.
 */
#include "core/preserve_internal.h"

#include "base/encode.h"
#include "base/text.h"

#include <sodium.h>

#define TOKEN_ID 16    /* hex digits that no text can guess */
#define TOKEN_NUMBER 8 /* … and those of a leaf's number */
#define TOKEN_LEN (4 + TOKEN_ID + TOKEN_NUMBER + 1)
#define NO_LEAF UINT32_MAX

/* One value or comment that is to stand encrypted. */
struct leaf {
    struct sops_node *node;        /* in the clear document; NULL: a comment that no node has */
    struct sops_slice text;        /* what it is when it is open */
    const struct sops_sealed *was; /* what the node was opened from */
    struct sops_node *made;        /* in the new text */
    struct sops_slice enc, spelling, veil;
    uint32_t slot;    /* in the text at hand, or NO_SLOT */
    uint32_t made_at; /* the slot in the new text, or NO_SLOT */
    uint8_t kind;
    bool keep;  /* the slot stays as it is */
    bool whole; /* … or becomes the one that an old text had */
};

struct sealing {
    struct sops_preserve *p;
    struct sops_kept *k; /* the text at hand: a clear one, or the sealed one that was opened */
    struct sops_crypt *c;
    const struct sops_doc *const *old;
    struct sops_loss *loss;
    struct leaf *leaf;
    size_t count, cap;
    uint32_t *leaf_of; /* for each slot without a node */
    char id[TOKEN_ID + 1];
    struct sops_arena arena;
    struct sops_buf text; /* with tokens */
    struct sops_doc doc;  /* read from it */
    struct sops_written w;
    struct sops_meta meta;
    struct sops_buf mac;
    struct sops_laid laid; /* of the slot at hand */
};

/* ---- what is to be sealed ---------------------------------------------------------------------------------------- */

static bool is_to_seal(const struct sops_node *n)
{
    return sops_node_is_leaf(n) && (n->flags & SOPS_MARKED) != 0 && n->kind != SOPS_NULL && n->kind != SOPS_ODD &&
           (n->text.len != 0 || (n->kind != SOPS_STR && n->kind != SOPS_COMMENT));
}

static struct leaf *add_leaf(struct sealing *s, struct sops_err *e)
{
    struct leaf *grown = sops_grow(s->leaf, s->count, &s->cap, sizeof *grown, e);
    if (grown == NULL) {
        return NULL;
    }
    s->leaf = grown;
    s->leaf[s->count] = (struct leaf){.slot = NO_SLOT, .made_at = NO_SLOT};
    return &s->leaf[s->count++];
}

/* Comments that the reader lost: sealed with the path of what is around them, by what the rules say of that. */
static bool collect_lost_comments(struct sealing *s, struct sops_err *e)
{
    struct sops_kept *k = s->k;
    for (size_t i = 0; i < k->w.count; i++) {
        const struct sops_slot *slot = &k->w.slot[i];
        if (slot->role != SOPS_SLOT_COMMENT || slot->node != NULL || sops_slot_is_meta(&k->w, slot)) {
            continue;
        }
        struct sops_slice text = slot->comment.ptr != NULL ? slot->comment : sops_slice_at(k->w.text, slot->span);
        const struct sops_opened_slot *o = k->slot != NULL ? &k->slot[i] : NULL;
        bool opened = o != NULL && o->comment.ptr != NULL;
        text = opened ? o->comment : text;
        if (text.len == 0 || (k->is_sealed && !opened) ||
            !sops_rules_mark_comment(&s->p->meta->rules, slot->in, text)) {
            continue;
        }
        struct leaf *l = add_leaf(s, e);
        if (l == NULL) {
            return false;
        }
        l->kind = SOPS_COMMENT;
        l->text = text;
        l->slot = (uint32_t)i;
        l->enc = opened ? o->enc : l->enc;
        s->leaf_of[i] = (uint32_t)(s->count - 1);
    }
    return true;
}

static bool collect_leaves(struct sealing *s, struct sops_err *e)
{
    s->leaf_of = sops_alloc(s->k->w.count * sizeof *s->leaf_of, e);
    if (s->leaf_of == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->k->w.count; i++) {
        s->leaf_of[i] = NO_LEAF;
    }
    for (struct sops_node *part = s->p->doc->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            /* A comment that stands clear in a sealed text stays so. */
            bool foreign = s->k->is_sealed && n->kind == SOPS_COMMENT && n->sealed == NULL && !s->p->new_keys;
            if (!is_to_seal(n) || foreign) {
                continue;
            }
            struct leaf *l = add_leaf(s, e);
            if (l == NULL) {
                return false;
            }
            l->node = n;
            l->kind = n->kind;
            l->text = n->text;
            l->was = n->sealed;
        }
    }
    return collect_lost_comments(s, e);
}

/* ---- veils ------------------------------------------------------------------------------------------------------- */

static void veil_all(struct sealing *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct leaf *l = &s->leaf[i];
        if (l->node != NULL) {
            l->node->text = l->veil;
            l->node->kind = l->kind == SOPS_COMMENT ? SOPS_COMMENT : SOPS_STR;
            l->node->flags |= SOPS_VEILED;
        }
    }
}

static void unveil_all(struct sealing *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct leaf *l = &s->leaf[i];
        if (l->node != NULL) {
            l->node->text = l->text;
            l->node->kind = l->kind;
            l->node->flags &= (uint16_t)~SOPS_VEILED;
        }
    }
}

/* "ENC[", what no text can guess, the number in 8 hex digits, "]". */
static bool make_token(struct sealing *s, size_t i, struct sops_slice *to, struct sops_err *e)
{
    uint8_t *token = sops_arena_bytes(&s->arena, TOKEN_LEN, e);
    if (token == NULL) {
        return false;
    }
    memcpy(token, "ENC[", 4);
    memcpy(token + 4, s->id, TOKEN_ID);
    for (size_t digit = 0; digit < TOKEN_NUMBER; digit++) {
        token[4 + TOKEN_ID + digit] = (uint8_t) "0123456789abcdef"[i >> 4 * (TOKEN_NUMBER - 1 - digit) & 15];
    }
    token[TOKEN_LEN - 1] = ']';
    *to = sops_slice_of(token, TOKEN_LEN);
    return true;
}

static bool make_tokens(struct sealing *s, struct sops_err *e)
{
    uint8_t bytes[TOKEN_ID / 2];
    if (!s->c->world->random(s->c->world, bytes, sizeof bytes, e)) {
        return false;
    }
    (void)sodium_bin2hex(s->id, sizeof s->id, bytes, sizeof bytes);
    for (size_t i = 0; i < s->count; i++) {
        if (!make_token(s, i, &s->leaf[i].veil, e)) {
            return false;
        }
    }
    return true;
}

/* The leaf whose token `text` is. */
static struct leaf *leaf_of_token(struct sealing *s, struct sops_slice text)
{
    size_t i = 0;
    struct sops_slice start = SOPS_LIT("ENC[");
    text = sops_slice_trim_end(text, '\n'); /* that of a block has some */
    if (text.len != TOKEN_LEN || !sops_slice_starts(text, start) ||
        memcmp(text.ptr + start.len, s->id, TOKEN_ID) != 0) {
        return NULL;
    }
    for (size_t k = start.len + TOKEN_ID; k < text.len - 1; k++) {
        i = i * 16 + sops_hex_digit(text.ptr[k]);
    }
    return i < s->count ? &s->leaf[i] : NULL;
}

/* ---- the new text ------------------------------------------------------------------------------------------------ */

static bool put_laid(struct sealing *s, const struct sops_slot *slot, struct sops_slice text, bool seal,
                     struct sops_edits *to, struct sops_err *e)
{
    const struct sops_textual *t = s->p->format->textual;
    struct sops_laid *l = &s->laid;
    size_t at = (size_t)(slot - s->k->w.slot);
    struct sops_node clear = {.key_kind = SOPS_STR};
    bool known = s->leaf_of[at] != NO_LEAF;
    if (known) {
        clear.kind = s->leaf[s->leaf_of[at]].kind;
        clear.text = s->leaf[s->leaf_of[at]].text;
        clear.flags = slot->node != NULL ? slot->node->flags : 0;
    }
    sops_laid_clear(l);
    return (seal ? t->seal(&s->k->w, slot, text, known ? &clear : NULL, l, e)
                 : t->open(&s->k->w, slot, slot->node, l, e)) &&
           sops_laid_edit(&s->k->w, slot, l, to, e);
}

static bool has_veiled(struct sops_node *root)
{
    for (struct sops_node *n = root; n != NULL; n = sops_node_after(root, n)) {
        if ((n->flags & SOPS_VEILED) != 0) {
            return true;
        }
    }
    return false;
}

/* Does a veiled value stand there in the text? */
static bool is_veiled_at(const struct sops_written *w, struct sops_span span)
{
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->slot[middle].head.begin < span.begin) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < w->count && w->slot[low].role != SOPS_SLOT_VALUE) {
        low++; /* a comment in front of the value */
    }
    return low < w->count && w->slot[low].head.begin < span.end && (w->slot[low].node->flags & SOPS_VEILED) != 0;
}

/* Is anything veiled of what the alias stands for a copy of? A copy under a path that stays clear has no veil itself.
 */
static bool copies_veiled(const struct sops_written *w, const struct sops_slot *alias)
{
    const struct sops_doc *d = w->doc;
    for (size_t i = alias->column + 1U; i < d->marks && d->mark[i].kind == SOPS_MARK_COPY; i++) {
        if (sops_node_is_leaf(d->mark[i].node) && is_veiled_at(w, d->mark[i].span)) {
            return true;
        }
    }
    return false;
}

/* A slot of what is not veiled, in a tree that was changed: a new value, or what other rules leave clear. */
static bool put_clear(struct sealing *s, const struct sops_slot *slot, size_t i, struct sops_edits *to,
                      struct sops_err *e)
{
    const struct sops_kept *k = s->k;
    const struct sops_node *n = slot->node;
    if (!k->is_sealed || (n->flags & SOPS_LINKED) == 0 || !sops_node_is_leaf(n)) {
        return true;
    }
    if ((n->flags & SOPS_ALTERED) == 0) {
        return sops_kept_open_slot(k, i, &s->laid, to, e);
    }
    return slot->role != SOPS_SLOT_VALUE || put_laid(s, slot, (struct sops_slice){0}, false, to, e);
}

/* The old slot that the leaf's value was opened from. */
static const struct sops_slot *old_slot(const struct sealing *s, const struct leaf *l)
{
    const struct sops_kept *was = &s->p->was;
    return &was->w.slot[was->slot_of[l->made->sealed - was->opening->leaf]];
}

/* The old slot takes the place of the new one; the layout in it is the new one's. */
static bool put_whole(struct sealing *s, const struct sops_slot *slot, const struct leaf *l, struct sops_edits *to,
                      struct sops_err *e)
{
    const struct sops_slot *old = old_slot(s, l);
    struct sops_slice text = s->p->was.w.text;
    struct sops_laid *laid = &s->laid;
    sops_laid_clear(laid);
    laid->joined = sops_slot_has_head(slot) && !sops_slot_has_head(old);
    return sops_buf_add(&laid->head, sops_slice_at(text, laid->joined ? old->span : old->head), e) &&
           sops_buf_add(&laid->text, sops_slice_at(text, old->span), e) && sops_laid_edit(&s->k->w, slot, laid, to, e);
}

static bool edit_slot(struct sealing *s, size_t i, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_slot *slot = &s->k->w.slot[i];
    if (slot->role == SOPS_SLOT_COPY || sops_slot_is_meta(&s->k->w, slot)) {
        return true;
    }
    if (slot->node == NULL) {
        struct leaf *l = s->leaf_of[i] != NO_LEAF ? &s->leaf[s->leaf_of[i]] : NULL;
        if (l == NULL) {
            return !s->k->is_sealed || sops_kept_open_slot(s->k, i, &s->laid, to, e);
        }
        return l->keep || put_laid(s, slot, l->veil, true, to, e);
    }
    if (slot->role == SOPS_SLOT_ALIAS) {
        if (s->k->is_sealed || (!has_veiled(slot->node) && !copies_veiled(&s->k->w, slot))) {
            return true;
        }
        return sops_rules_by_comment(&s->p->meta->rules)
                   ? sops_lose(s->loss, slot->line, "an alias to something encrypted, by a rule for comments")
                   : put_laid(s, slot, (struct sops_slice){0}, true, to, e);
    }
    if ((slot->node->flags & SOPS_VEILED) == 0) {
        if (s->p->format->textual->blanks_empty && slot->role == SOPS_SLOT_VALUE && !s->k->is_sealed &&
            (slot->node->flags & SOPS_MARKED) != 0 && slot->node->kind == SOPS_STR && slot->node->text.len == 0) {
            return sops_edits_add(to, slot->span, SOPS_LIT(""), e);
        }
        return put_clear(s, slot, i, to, e);
    }
    struct leaf *l = s->leaf_of[i] != NO_LEAF ? &s->leaf[s->leaf_of[i]] : NULL;
    if (l != NULL && l->keep) {
        return true;
    }
    if (l != NULL && l->whole) {
        return put_whole(s, slot, l, to, e);
    }
    return put_laid(s, slot, slot->node->text, true, to, e);
}

/* All edits of slots, and of what has changed in the tree. Metadata are the caller's. */
static bool edit_all(struct sealing *s, struct sops_edits *to, struct sops_err *e)
{
    bool ok = !s->k->is_sealed || sops_kept_changes(s->k, to, s->loss, e);
    for (size_t i = 0; ok && i < s->k->w.count; i++) {
        ok = edit_slot(s, i, to, e);
    }
    return ok;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

/* Time, MAC and version in the place where they stand. */
static bool edit_settings(struct sealing *s, const struct sops_kept *k, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_meta *m = s->p->meta;
    const struct sops_slice text[] = {m->mac, m->last_modified, m->version};
    bool ok = true, found[SOPS_SETTINGS_KEPT] = {false, false, m->version.len == 0};
    for (size_t i = 0; ok && i < k->settings; i++) {
        uint8_t which = k->setting[i].which;
        found[which] = true;
        ok = text[which].len == 0 || sops_edits_add(to, k->setting[i].span, text[which], e);
    }
    return ok && ((found[0] && found[1] && found[2]) || sops_lose(s->loss, 0, "metadata that lack an entry"));
}

/* A document of nothing but the metadata. */
static bool meta_doc(struct sealing *s, struct sops_doc *d, struct sops_err *e)
{
    const char *key = s->p->format->textual->style_key;
    const struct sops_written *w = &s->k->w;
    struct sops_slice said = sops_buf_view(&s->k->said);
    if (sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e) == NULL ||
        !sops_meta_attach(d, s->p->format->meta, s->p->meta, e)) {
        return false;
    }
    for (size_t i = 0; key != NULL && said.len == 0 && i < w->metas; i++) { /* of the text that there was */
        const struct sops_node *n = w->meta[i].node;
        struct sops_slice written = sops_slice_at(w->text, n->key_span);
        said = sops_slice_eq(written, sops_str(key)) ? n->text : said;
    }
    return key == NULL || said.len == 0 || sops_node_add(d, d->parts, SOPS_STR, sops_str(key), said, e) != NULL;
}

/* The metadata of the text that was opened, with time and MAC as they are now. */
static bool old_entry(struct sealing *s, struct sops_meta_text *m, struct sops_buf *bytes, struct sops_err *e)
{
    const struct sops_kept *was = &s->p->was;
    struct sops_span span = was->entry;
    struct sops_edits edits = {0};
    if (sops_span_none(span) || was->w.lost != NULL) {
        return true;
    }
    bool ok = edit_settings(s, was, &edits, e);
    size_t kept = 0;
    for (size_t i = 0; ok && i < edits.count; i++) {
        struct sops_span at = edits.at[i].span;
        if (at.begin >= span.begin && at.end <= span.end) {
            edits.at[kept] = edits.at[i];
            edits.at[kept].span = (struct sops_span){at.begin - span.begin, at.end - span.begin};
            kept++;
        }
    }
    edits.count = kept;
    ok = ok && sops_edits_apply(&edits, sops_slice_at(was->w.text, span), bytes, e);
    sops_edits_free(&edits);
    m->as_was = sops_buf_view(bytes);
    m->was_inline = was->entry_inline;
    return ok;
}

/* Metadata of another program may lack a version, which is written from then on. */
static bool has_version(const struct sops_kept *k)
{
    bool found = false;
    for (size_t i = 0; i < k->settings; i++) {
        found = found || k->setting[i].which == SOPS_SETTING_VERSION;
    }
    return found;
}

static bool edit_meta(struct sealing *s, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_textual *t = s->p->format->textual;
    struct sops_doc d = {0};
    struct sops_meta_text m = {.doc = &d};
    struct sops_buf bytes = {0};
    bool ok;
    if (s->k->w.metas != 0 && !s->p->new_keys && has_version(s->k)) {
        return edit_settings(s, s->k, to, e);
    }
    ok = meta_doc(s, &d, e);
    if (ok && s->k->w.metas != 0) {
        ok = t->swap_meta(&s->k->w, &m, to, e);
    } else if (ok) {
        if (s->p->has_was && s->p->left && !s->p->new_keys && s->k->said.len == 0) {
            ok = old_entry(s, &m, &bytes, e);
        }
        ok = ok && t->add_meta(&s->k->w, &m, to, e);
    }
    sops_buf_free(&bytes);
    sops_doc_free(&d);
    return ok;
}

/* The text with the veils in their places. */
static bool write_text(struct sealing *s, struct sops_buf *out, struct sops_err *e)
{
    struct sops_edits edits = {0};
    veil_all(s);
    bool ok = edit_all(s, &edits, e) && edit_meta(s, &edits, e);
    unveil_all(s);
    ok = ok && sops_edits_apply(&edits, s->k->w.text, out, e);
    sops_edits_free(&edits);
    return ok;
}

/* ---- how it is read ---------------------------------------------------------------------------------------------- */

static bool read_tokens(struct sealing *s, struct sops_err *e)
{
    const struct sops_format *f = s->p->format;
    s->doc.reading = s->p->doc->reading;
    s->doc.reading.sealed = s->doc.reading.marks = true;
    if (!sops_doc_parse(&s->doc, f, sops_buf_view(&s->text), e) ||
        !sops_kept_slots(&s->w, f, &s->p->style, sops_buf_view(&s->text), &s->doc, e) || sops_loss_of(&s->w, s->loss) ||
        !sops_meta_detach(&s->doc, f->meta, &s->meta, e)) {
        return false;
    }
    if (f->before_open != NULL) {
        if (!sops_rules_mark(&s->p->meta->rules, &s->doc, e)) {
            return false;
        }
        f->before_open(&s->doc);
    }
    return true;
}

/* What the tokens stand for takes their place; the rest is not encrypted. */
static bool fill_in(struct sealing *s)
{
    for (size_t i = 0; i < s->w.count; i++) {
        const struct sops_slot *slot = &s->w.slot[i];
        if (slot->role != SOPS_SLOT_VALUE && slot->role != SOPS_SLOT_COMMENT) {
            continue;
        }
        struct sops_slice text = slot->node != NULL ? slot->node->text : sops_slice_at(s->w.text, slot->span);
        struct leaf *l = leaf_of_token(s, text);
        if (l != NULL) {
            l->made_at = (uint32_t)i;
        }
    }
    for (struct sops_node *part = s->doc.parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            n->flags &= (uint16_t)~SOPS_MARKED;
            struct leaf *l = sops_node_is_leaf(n) ? leaf_of_token(s, n->text) : NULL;
            if (l == NULL) {
                continue;
            }
            if (l->made != NULL) {
                return sops_lose(s->loss, n->line, "a value that would stand there twice");
            }
            l->made = n;
            n->text = l->text;
            n->kind = l->kind;
            n->sealed = l->was;
            n->flags |= SOPS_MARKED;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct leaf *l = &s->leaf[i];
        if (l->made == NULL && l->kind != SOPS_COMMENT) {
            return sops_lose(s->loss, l->node->line, "a value without a place of its own");
        }
    }
    return true;
}

/* ---- ciphertexts and spellings ----------------------------------------------------------------------------------- */

/* Which slot of the text at hand a leaf has. */
static void find_slots(struct sealing *s)
{
    for (size_t i = 0; i < s->k->w.count; i++) {
        const struct sops_slot *slot = &s->k->w.slot[i];
        if (slot->node == NULL || (slot->role != SOPS_SLOT_VALUE && slot->role != SOPS_SLOT_COMMENT) ||
            (slot->node->flags & SOPS_VEILED) == 0) {
            continue;
        }
        struct leaf *l = leaf_of_token(s, slot->node->text);
        if (l != NULL) {
            l->slot = (uint32_t)i;
            s->leaf_of[i] = (uint32_t)(l - s->leaf);
        }
    }
}

/* What stands in a clear text, and opening the new slot would not give, is its spelling. */
static bool find_spelling(struct sealing *s, struct leaf *l, struct sops_err *e)
{
    const struct sops_slot *slot = &s->k->w.slot[l->slot];
    if (s->k->is_sealed) { /* a value that did not change keeps the one that it has */
        const struct sops_opened_slot *o = &s->k->slot[l->slot];
        bool same = l->node == NULL || (o->sealed != NULL && o->sealed == l->was && o->sealed->kind == l->kind &&
                                        sops_slice_eq(o->sealed->text, l->text));
        bool renewed = s->p->new_keys && o->sealed != NULL && l->was == NULL;
        l->spelling = same || renewed ? o->spelling : l->spelling;
        return true;
    }
    bool never = slot->role == SOPS_SLOT_COMMENT && !s->p->format->textual->spelled_comments;
    if (l->made_at == NO_SLOT || never) {
        return true;
    }
    const struct sops_slot *made = &s->w.slot[l->made_at];
    struct sops_node value = {.kind = l->kind, .key_kind = SOPS_STR, .text = l->text};
    value.flags = l->made != NULL ? l->made->flags : 0;
    sops_laid_clear(&s->laid);
    bool ok = s->p->format->textual->open(&s->w, made, &value, &s->laid, e);
    if (ok && !sops_laid_same(&s->k->w, slot, made, &s->laid)) {
        l->spelling = sops_slice_at(s->k->w.text, slot->span);
    }
    return ok;
}

static bool find_spellings(struct sealing *s, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->count; i++) {
        struct leaf *l = &s->leaf[i];
        if (l->slot != NO_SLOT && (l->kind != SOPS_COMMENT || s->p->format->textual->spelled_comments)) {
            ok = find_spelling(s, l, e);
        }
    }
    return ok;
}

/* Is what the old slot was opened to just what stands in the new one, the layout in it aside? */
static bool opens_to_slot(const struct sealing *s, const struct sops_opened_slot *o, const struct sops_slot *old,
                          const struct sops_slot *slot)
{
    struct sops_slice text = s->k->w.text;
    if (o->outer_apart) {
        return sops_slot_has_head(slot) && sops_slice_eq(o->outer_head, sops_slice_at(text, slot->head)) &&
               sops_slice_eq(o->outer, sops_slice_at(text, slot->span));
    }
    struct sops_span all = {slot->head.begin, slot->span.end};
    return !sops_slot_has_head(old) && sops_slice_eq(o->outer, sops_slice_at(text, all));
}

/* The old slot that a value was opened from, when it may be taken as a whole: it was opened to just these bytes. */
static bool is_whole(const struct sealing *s, const struct leaf *l)
{
    const struct sops_kept *was = &s->p->was;
    const struct sops_sealed *of = l->made->sealed;
    if (s->k->is_sealed || !s->p->left || of == NULL || of->of != was->opening || l->slot == NO_SLOT) {
        return false;
    }
    uint32_t at = was->slot_of[of - was->opening->leaf];
    const struct sops_slot *slot = &s->k->w.slot[l->slot], *old = at != NO_SLOT ? &was->w.slot[at] : NULL;
    const struct sops_opened_slot *o = at != NO_SLOT ? &was->slot[at] : NULL;
    return old != NULL && old->role == SOPS_SLOT_VALUE && slot->role == SOPS_SLOT_VALUE &&
           old->in_flow == slot->in_flow && o->outer.ptr != NULL && opens_to_slot(s, o, old, slot);
}

/* Comments without a node have a ciphertext of their own each; an old one is taken again where it may. */
static bool seal_lost_comment(struct sealing *s, struct leaf *l, struct sops_err *e)
{
    struct sops_buf aad = {0}, enc = {0};
    const struct sops_node *in = l->made_at != NO_SLOT ? s->w.slot[l->made_at].in : NULL;
    const struct sops_kept *was = &s->p->was;
    bool ok = in != NULL && sops_comment_aad(in, &aad, e);
    if (!ok) {
        return e->code != SOPS_OK ? false : sops_lose(s->loss, 0, "a comment without a place of its own");
    }
    l->enc = s->p->new_keys ? (struct sops_slice){0} : l->enc;
    for (size_t i = 0; ok && s->p->left && l->enc.ptr == NULL && i < was->w.count && was->slot != NULL; i++) {
        struct sops_opened_slot *o = &was->slot[i];
        if (o->comment.ptr != NULL && o->enc.ptr != NULL && sops_slice_eq(o->comment, l->text)) {
            struct sops_buf again = {0};
            struct sops_err why = {0};
            enum sops_kind kind;
            if (sops_text_open(s->c, o->enc, sops_buf_view(&aad), &kind, &again, &why)) {
                l->enc = o->enc;
                o->enc = (struct sops_slice){0};
            }
            ok = sops_may_fail(&why, e);
            sops_buf_free(&again);
        }
    }
    if (ok && l->enc.ptr == NULL) {
        ok = sops_text_seal(s->c, SOPS_COMMENT, l->text, sops_buf_view(&aad), &enc, e) &&
             sops_arena_copy(&s->arena, sops_buf_view(&enc), &l->enc, e);
    } else {
        l->keep = s->k->is_sealed;
    }
    sops_buf_free(&aad);
    sops_buf_free(&enc);
    return ok;
}

/* Does the comment's slot lie within the value's before it, so that it goes where that goes? */
static bool is_within(const struct sealing *s, uint32_t at)
{
    const struct sops_slot *slot = s->k->w.slot;
    return at > 0 && slot[at - 1].role == SOPS_SLOT_VALUE && slot[at - 1].span.end >= slot[at].span.end;
}

static bool take_ciphertext(struct sealing *s, struct leaf *l, struct sops_err *e)
{
    if (l->made == NULL) {
        /* One that the reader loses only now, or that lies within another slot. */
        if (l->made_at == NO_SLOT && (l->node != NULL || is_within(s, l->slot))) {
            l->veil = SOPS_LIT("");
            return true;
        }
        if (!seal_lost_comment(s, l, e)) {
            return false;
        }
    } else {
        l->enc = l->made->text;
        l->whole = is_whole(s, l);
    }
    l->veil = l->enc;
    if (s->k->is_sealed && l->slot != NO_SLOT && l->node != NULL) {
        const struct sops_opened_slot *o = &s->k->slot[l->slot];
        l->keep = o->sealed != NULL && o->sealed == l->was && sops_slice_eq(o->sealed->enc, l->enc);
    } else if (s->k->is_sealed && l->slot != NO_SLOT) {
        l->keep = sops_slice_eq(s->k->slot[l->slot].enc, l->enc);
    }
    if (l->spelling.ptr == NULL || l->whole || l->keep) {
        return true;
    }
    struct sops_buf both = {0};
    bool ok = sops_buf_add(&both, l->enc, e) && sops_spelling_seal(s->c, l->spelling, l->enc, &both, e) &&
              sops_arena_copy(&s->arena, sops_buf_view(&both), &l->veil, e);
    sops_buf_free(&both);
    return ok;
}

static bool seal_mac(struct sealing *s, struct sops_err *e)
{
    struct sops_buf time = {0}, enc = {0};
    struct sops_meta *m = s->p->meta;
    bool ok = sops_time_utc(&time, s->c->world->now(s->c->world), e) &&
              sops_arena_copy(&m->arena, sops_buf_view(&time), &m->last_modified, e) &&
              sops_text_seal(s->c, SOPS_STR, sops_buf_view(&s->mac), m->last_modified, &enc, e) &&
              sops_arena_copy(&m->arena, sops_buf_view(&enc), &m->mac, e);
    sops_buf_free(&time);
    sops_buf_free(&enc);
    return ok;
}

static bool seal_values(struct sealing *s, struct sops_err *e)
{
    bool ok =
        find_spellings(s, e) && sops_doc_seal(&s->doc, s->c, s->old, SOPS_REUSE_IN_PLACE, &s->mac, e) && seal_mac(s, e);
    for (size_t i = 0; ok && i < s->count; i++) {
        ok = take_ciphertext(s, &s->leaf[i], e);
    }
    return ok;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool make_text(struct sealing *s, struct sops_err *e)
{
    if (!collect_leaves(s, e) || !make_tokens(s, e)) {
        return false;
    }
    if (s->k->is_sealed) {
        sops_kept_compare(s->k, s->p->doc);
    }
    veil_all(s);
    find_slots(s);
    unveil_all(s);
    if (s->p->meta->last_modified.len == 0) { /* a new file: any time will do to read it */
        s->p->meta->last_modified = SOPS_LIT("1970-01-01T00:00:00Z");
    }
    return write_text(s, &s->text, e) && read_tokens(s, e) && fill_in(s) &&
           (sops_same_values(s->p->format, s->p->doc, &s->doc) ||
            sops_lose(s->loss, 0, "the sealed text would not be the same document")) &&
           seal_values(s, e);
}

/* What is not needed any more when the new text is there: a large document would be held once more. */
static void drop_workings(struct sealing *s)
{
    sops_free(s->leaf);
    sops_free(s->leaf_of);
    s->leaf = NULL;
    s->leaf_of = NULL;
    sops_buf_free(&s->text);
    sops_arena_free(&s->arena);
    sops_written_free(&s->w);
    sops_free(s->doc.mark);
    s->doc.mark = NULL;
    s->doc.marks = s->doc.marks_cap = 0;
}

static void sealing_free(struct sealing *s)
{
    drop_workings(s);
    sops_laid_free(&s->laid);
    sops_buf_free(&s->mac);
    sops_meta_free(&s->meta);
    sops_doc_free(&s->doc);
}

bool sops_preserve_seal(struct sops_preserve *p, struct sops_crypt *c, const struct sops_doc *const *old,
                        struct sops_buf *out, struct sops_loss *loss, struct sops_err *e)
{
    struct sealing s = {.p = p, .k = p->has_now ? &p->now : &p->was, .c = c, .old = old, .loss = loss};
    size_t before = out->len;
    struct sops_slice mac = p->meta->mac, time = p->meta->last_modified;
    if (sops_loss_of(&s.k->w, loss)) {
        return true;
    }
    bool ok = make_text(&s, e) && write_text(&s, out, e);
    if (ok) {
        drop_workings(&s);
        struct sops_slice text = sops_slice_skip(sops_buf_view(out), before);
        struct sops_slice clear = s.k->is_sealed ? (struct sops_slice){0} : sops_buf_view(&s.k->text);
        ok = sops_preserve_check(p, c, text, &s.doc, clear, loss, e);
    }
    sealing_free(&s);
    if (!ok) {
        p->meta->mac = mac;
        p->meta->last_modified = time;
        sops_buf_cut(out, before);
        return e->code == SOPS_OK || sops_lose_by(loss, e) || e->code == SOPS_OK;
    }
    return true;
}

bool sops_preserve_swap(struct sops_preserve *p, struct sops_buf *out, struct sops_loss *loss, struct sops_err *e)
{
    struct sealing s = {.p = p, .k = &p->was};
    struct sops_doc d = {0};
    struct sops_meta_text m = {.doc = &d};
    struct sops_edits edits = {0};
    if (!p->has_was || sops_loss_of(&p->was.w, loss)) {
        return true;
    }
    bool ok = meta_doc(&s, &d, e) && p->format->textual->swap_meta(&p->was.w, &m, &edits, e) &&
              sops_edits_apply(&edits, p->was.w.text, out, e);
    sops_edits_free(&edits);
    sops_doc_free(&d);
    return ok;
}
