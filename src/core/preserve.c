/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with their slots, and opening in place (docs/spec/76-text-as-written.md#34-opening-decrypt-edit-exec-file). */
#include "core/preserve_internal.h"

#include "base/encode.h"
#include "base/text.h"

#define ENC_START SOPS_LIT("ENC[")

void sops_kept_free(struct sops_kept *k)
{
    sops_buf_free(&k->text);
    sops_buf_free(&k->said);
    sops_written_free(&k->w);
    sops_free(k->slot);
    sops_free(k->slot_of);
    sops_free(k->record);
    sops_free(k->setting);
    sops_arena_free(&k->arena);
    *k = (struct sops_kept){0};
}

struct sops_preserve *sops_preserve_new(const struct sops_format *f, const struct sops_style *s, struct sops_doc *doc,
                                        struct sops_meta *meta, struct sops_err *e)
{
    struct sops_preserve *p = sops_alloc(sizeof *p, e);
    if (p != NULL) {
        p->format = f;
        p->style = *s;
        p->doc = doc;
        p->meta = meta;
    }
    return p;
}

void sops_preserve_free(struct sops_preserve *p)
{
    if (p != NULL) {
        sops_kept_free(&p->was);
        sops_kept_free(&p->now);
        sops_buf_free(&p->undressed);
        sops_buf_free(&p->said);
        sops_free(p);
    }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

bool sops_lose(struct sops_loss *loss, unsigned line, const char *why)
{
    if (loss->why[0] == '\0') {
        loss->line = line;
        size_t n = strlen(why);
        n = n < sizeof loss->why - 1 ? n : sizeof loss->why - 1;
        memcpy(loss->why, why, n);
        loss->why[n] = '\0';
    }
    return false;
}

bool sops_loss_of(const struct sops_written *w, struct sops_loss *loss)
{
    return w->lost != NULL && !sops_lose(loss, w->lost_line, w->lost);
}

bool sops_lose_by(struct sops_loss *loss, struct sops_err *e)
{
    if (!e->memory) {
        if (e->code == SOPS_E_MAC) {
            (void)sops_lose(loss, 0, "the sealed text would not fit its MAC");
        }
        (void)sops_lose(loss, e->line, e->msg[0] != '\0' ? e->msg : "the text is not read as it should");
        sops_err_clear(e);
    }
    return false;
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

/* Is `n`, an entry at the top, metadata? */
static bool holds_meta(const struct sops_format *f, const struct sops_node *n)
{
    if (n->kind == SOPS_COMMENT || n->key_kind != SOPS_STR) {
        return false;
    }
    return f->meta == SOPS_META_PREFIX ? sops_slice_starts(n->key, SOPS_LIT("sops_"))
                                       : sops_slice_eq(n->key, SOPS_LIT("sops"));
}

static bool collect_meta(struct sops_written *w, struct sops_err *e)
{
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (const struct sops_node *part = w->doc->parts; part != NULL; part = part->next) {
            for (const struct sops_node *n = part->child; n != NULL; n = n->next) {
                if (!holds_meta(w->format, n)) {
                    continue;
                }
                if (pass == 0) {
                    count++;
                } else {
                    w->meta[w->metas++] = (struct sops_meta_entry){part, n};
                }
            }
        }
        if (pass == 0) {
            w->meta = sops_alloc(count * sizeof *w->meta, e);
            if (w->meta == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* Room for a slot for each leaf: growing would copy a long list again and again. */
static bool make_room(struct sops_written *w, struct sops_err *e)
{
    size_t leaves = 1;
    for (struct sops_node *part = w->doc->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            leaves += sops_node_is_leaf(n);
        }
    }
    w->slot = sops_alloc(leaves * sizeof *w->slot, e);
    w->cap = w->slot != NULL ? leaves : 0;
    return w->slot != NULL;
}

bool sops_kept_slots(struct sops_written *w, const struct sops_format *f, const struct sops_style *s,
                     struct sops_slice text, struct sops_doc *d, struct sops_err *e)
{
    *w = (struct sops_written){.format = f, .style = s, .text = text, .doc = d};
    for (size_t i = 0; i < d->marks; i++) {
        if (d->mark[i].kind == SOPS_MARK_LOST) {
            (void)sops_written_lose(w, d->mark[i].line, d->mark[i].why);
        }
    }
    return make_room(w, e) && collect_meta(w, e) && f->textual->slots(w, e);
}

bool sops_slot_is_meta(const struct sops_written *w, const struct sops_slot *s)
{
    for (size_t i = 0; i < w->metas; i++) {
        const struct sops_node *m = w->meta[i].node;
        uint32_t begin = m->key_span.end != 0 && m->key_span.begin < m->span.begin ? m->key_span.begin : m->span.begin;
        if (s->span.begin >= begin && s->span.begin < (m->span.end > begin ? m->span.end : begin + 1)) {
            return true;
        }
    }
    return false;
}

/* The node of a setting in an entry of the metadata. */
static const struct sops_node *find_setting(const struct sops_written *w, const struct sops_node *entry,
                                            struct sops_slice name)
{
    if (w->format->meta == SOPS_META_PREFIX) {
        return sops_slice_eq(sops_slice_skip(entry->key, 5), name) ? entry : NULL;
    }
    return sops_node_is_leaf(entry) ? NULL : sops_node_find(entry, name);
}

bool sops_kept_settings(struct sops_kept *k, struct sops_err *e)
{
    static const char *const names[] = {"mac", "lastmodified", "version"};
    const struct sops_written *w = &k->w;
    k->setting = sops_alloc(w->metas * SOPS_SETTINGS_KEPT * sizeof *k->setting, e);
    for (size_t i = 0; k->setting != NULL && i < w->metas; i++) {
        for (uint8_t which = 0; which < SOPS_SETTINGS_KEPT; which++) {
            const struct sops_node *n = find_setting(w, w->meta[i].node, sops_str(names[which]));
            struct sops_slice raw = n != NULL ? sops_slice_at(w->text, n->span) : (struct sops_slice){0};
            const uint8_t *at = n != NULL && n->text.len != 0 && raw.len >= n->text.len
                                    ? memmem(raw.ptr, raw.len, n->text.ptr, n->text.len)
                                    : NULL;
            if (at != NULL) {
                k->setting[k->settings++] =
                    (struct sops_kept_setting){sops_span_of(w->text.ptr, at, at + n->text.len), which};
            }
        }
    }
    k->entry = w->format->textual->entry(w, &k->entry_inline);
    return k->setting != NULL;
}

bool sops_preserve_undress(struct sops_preserve *p, struct sops_slice text, bool sealed, struct sops_slice *to,
                           struct sops_err *e)
{
    const struct sops_textual *t = p->format->textual;
    *to = text;
    sops_buf_cut(&p->undressed, 0);
    sops_buf_cut(&p->said, 0);
    if (t->undress == NULL) {
        return true;
    }
    bool ok = t->undress(&p->style, text, sealed, &p->undressed, &p->said, e);
    *to = p->undressed.len != 0 ? sops_buf_view(&p->undressed) : text;
    return ok;
}

bool sops_preserve_take(struct sops_preserve *p, struct sops_slice text, bool sealed, struct sops_err *e)
{
    struct sops_kept *k = sealed ? &p->was : &p->now;
    sops_kept_free(k);
    *(sealed ? &p->has_was : &p->has_now) = true;
    k->is_sealed = sealed;
    return sops_buf_add(&k->text, text, e) && sops_buf_add(&k->said, sops_buf_view(&p->said), e) &&
           sops_kept_slots(&k->w, p->format, &p->style, sops_buf_view(&k->text), p->doc, e) && sops_kept_settings(k, e);
}

bool sops_preserve_take_over(struct sops_preserve *p, struct sops_preserve *from)
{
    if (!from->has_now || from->format != p->format) {
        return false;
    }
    sops_kept_free(&p->now);
    p->now = from->now;
    p->now.w.doc = p->doc;
    p->now.w.style = &p->style;
    p->has_now = true;
    from->now = (struct sops_kept){0};
    from->has_now = false;
    return true;
}

void sops_preserve_new_keys(struct sops_preserve *p) { p->new_keys = true; }

/* ---- spellings --------------------------------------------------------------------------------------------------- */

/* The field of an ENC[…] that stands between two marks. */
static struct sops_slice field_of(struct sops_slice enc, const char *from, const char *to)
{
    const uint8_t *begin = memmem(enc.ptr, enc.len, from, strlen(from));
    if (begin == NULL) {
        return (struct sops_slice){0};
    }
    begin += strlen(from);
    size_t left = enc.len - (size_t)(begin - enc.ptr);
    const uint8_t *end = memmem(begin, left, to, strlen(to));
    return end != NULL ? sops_slice_of(begin, (size_t)(end - begin)) : (struct sops_slice){0};
}

/* A spelling is what the leaf cipher makes of its bytes, in another frame: nonce, ciphertext and tag in one piece. */
bool sops_spelling_seal(struct sops_crypt *c, struct sops_slice spelling, struct sops_slice enc, struct sops_buf *out,
                        struct sops_err *e)
{
    struct sops_buf leaf = {0}, bytes = {0};
    bool ok = sops_text_seal(c, SOPS_STR, spelling, enc, &leaf, e);
    struct sops_slice made = sops_buf_view(&leaf);
    ok = ok && sops_base64_take(&bytes, SOPS_B64_STD, field_of(made, ",iv:", ",tag:"), e) &&
         sops_base64_take(&bytes, SOPS_B64_STD, field_of(made, "data:", ",iv:"), e) &&
         sops_base64_take(&bytes, SOPS_B64_STD, field_of(made, ",tag:", ",type:"), e) && sops_buf_addc(out, '~', e) &&
         sops_base64_add(out, SOPS_B64_STD, sops_buf_view(&bytes), e);
    sops_buf_free(&leaf);
    sops_buf_free(&bytes);
    return ok;
}

static bool is_base64(uint8_t c) { return sops_is_alnum(c) || c == '+' || c == '/' || c == '='; }

/* Nonce, ciphertext and tag as an ENC[…]. */
static bool frame_again(struct sops_slice bytes, struct sops_buf *leaf, struct sops_err *e)
{
    size_t tag = bytes.len - 16;
    return sops_buf_adds(leaf, "ENC[AES256_GCM,data:", e) &&
           sops_base64_add(leaf, SOPS_B64_STD, sops_slice_of(bytes.ptr + SOPS_NONCE, tag - SOPS_NONCE), e) &&
           sops_buf_adds(leaf, ",iv:", e) &&
           sops_base64_add(leaf, SOPS_B64_STD, sops_slice_first(bytes, SOPS_NONCE), e) &&
           sops_buf_adds(leaf, ",tag:", e) && sops_base64_add(leaf, SOPS_B64_STD, sops_slice_skip(bytes, tag), e) &&
           sops_buf_adds(leaf, ",type:str]", e);
}

bool sops_spelling_open(struct sops_crypt *c, struct sops_slice raw, struct sops_slice enc, struct sops_arena *a,
                        struct sops_slice *to, struct sops_err *e)
{
    const uint8_t *at = raw.len != 0 ? memrchr(raw.ptr, ']', raw.len) : NULL;
    struct sops_slice rest = at != NULL ? sops_slice_skip(raw, (size_t)(at - raw.ptr) + 1) : (struct sops_slice){0};
    struct sops_buf bytes = {0}, leaf = {0}, text = {0};
    struct sops_err why = {0};
    size_t n = 1;
    if (rest.len < 2 || rest.ptr[0] != '~') {
        return true;
    }
    while (n < rest.len && is_base64(rest.ptr[n])) {
        n++;
    }
    enum sops_kind kind = SOPS_STR;
    bool ok = sops_base64_take(&bytes, SOPS_B64_STD, sops_slice_of(rest.ptr + 1, n - 1), &why) &&
              bytes.len > SOPS_NONCE + 16 && frame_again(sops_buf_view(&bytes), &leaf, &why) &&
              sops_text_open(c, sops_buf_view(&leaf), enc, &kind, &text, &why);
    if (ok) {
        ok = sops_arena_copy(a, sops_buf_view(&text), to, e);
    } else {
        ok = !why.memory || sops_fail_memory(e);
    }
    sops_err_clear(&why);
    sops_buf_free(&bytes);
    sops_buf_free(&leaf);
    sops_buf_free(&text);
    return ok;
}

/* ---- what was opened --------------------------------------------------------------------------------------------- */

bool sops_comment_aad(const struct sops_node *in, struct sops_buf *aad, struct sops_err *e)
{
    const struct sops_node *at = in;
    bool ok = true;
    while (ok && at->up != NULL) { /* from the inside to the outside, so each step is put in front */
        if (at->up->kind == SOPS_MAP) {
            ok = sops_buf_reserve(aad, at->key.len + 1, e);
            if (ok) {
                if (aad->len != 0) {
                    memmove(aad->ptr + at->key.len + 1, aad->ptr, aad->len);
                }
                if (at->key.len != 0) {
                    memcpy(aad->ptr, at->key.ptr, at->key.len);
                }
                aad->ptr[at->key.len] = ':';
                aad->len += at->key.len + 1;
            }
        }
        at = at->up;
    }
    return ok && (aad->len != 0 || sops_buf_addc(aad, ':', e));
}

/* A comment without a node is opened with the path of what is around it. */
static bool open_lost_comment(const struct sops_kept *k, const struct sops_slot *s, struct sops_opened_slot *to,
                              struct sops_crypt *c, struct sops_arena *a, struct sops_err *e)
{
    struct sops_slice raw = sops_slice_at(k->w.text, s->span);
    struct sops_buf aad = {0}, text = {0};
    struct sops_err why = {0};
    enum sops_kind kind = SOPS_STR;
    if (s->in == NULL || !sops_slice_starts(raw, ENC_START)) {
        return true;
    }
    bool ok = sops_comment_aad(s->in, &aad, e);
    if (ok && sops_text_open(c, raw, sops_buf_view(&aad), &kind, &text, &why) && kind == SOPS_COMMENT) {
        struct sops_slice enc = sops_slice_first(raw, sops_slice_find(raw, ']') + 1);
        ok = sops_arena_copy(a, sops_buf_view(&text), &to->comment, e) &&
             sops_spelling_open(c, raw, enc, a, &to->spelling, e);
        to->enc = enc;
    }
    ok = ok && (!why.memory || sops_fail_memory(e));
    sops_err_clear(&why);
    sops_buf_free(&aad);
    sops_buf_free(&text);
    return ok;
}

bool sops_kept_opened(struct sops_kept *k, const struct sops_doc *d, struct sops_crypt *c, struct sops_err *e)
{
    size_t count = k->w.count;
    bool ok = true;
    sops_free(k->slot);
    sops_free(k->slot_of);
    k->opening = d->opening;
    k->sealed_count = d->opening != NULL ? d->opening->count : 0;
    k->slot = sops_alloc(count * sizeof *k->slot, e);
    k->slot_of = k->slot != NULL ? sops_alloc(k->sealed_count * sizeof *k->slot_of, e) : NULL;
    for (size_t i = 0; k->slot_of != NULL && i < k->sealed_count; i++) {
        k->slot_of[i] = NO_SLOT;
    }
    for (size_t i = 0; ok && k->slot_of != NULL && i < count; i++) {
        const struct sops_slot *s = &k->w.slot[i];
        struct sops_opened_slot *to = &k->slot[i];
        if (sops_slot_is_meta(&k->w, s)) {
            continue;
        }
        if (s->role == SOPS_SLOT_COMMENT && s->node == NULL) {
            ok = open_lost_comment(k, s, to, c, &k->arena, e);
        } else if ((s->role == SOPS_SLOT_VALUE || s->role == SOPS_SLOT_COMMENT) && s->node->sealed != NULL) {
            to->sealed = s->node->sealed;
            if (to->sealed->of == k->opening) {
                k->slot_of[to->sealed - k->opening->leaf] = (uint32_t)i;
            }
            ok = sops_spelling_open(c, sops_slice_at(k->w.text, s->span), to->sealed->enc, &k->arena, &to->spelling, e);
        }
    }
    return ok && k->slot_of != NULL;
}

bool sops_preserve_opened(struct sops_preserve *p, struct sops_crypt *c, struct sops_err *e)
{
    return !p->has_was || p->was.w.lost != NULL ||
           (sops_kept_opened(&p->was, p->doc, c, e) && sops_kept_records(&p->was, p->doc, e));
}

/* ---- laid out ---------------------------------------------------------------------------------------------------- */

bool sops_laid_edit(const struct sops_written *w, const struct sops_slot *s, const struct sops_laid *l,
                    struct sops_edits *to, struct sops_err *e)
{
    struct sops_slice head = sops_buf_view(&l->head), text = sops_buf_view(&l->text);
    bool apart = sops_slot_has_head(s);
    if (!apart) {
        struct sops_span all = {l->from != 0 ? l->from : s->span.begin, s->span.end};
        uint32_t end = l->below.len != 0 ? sops_line_end(w->text, s->span.end) : 0;
        return sops_edits_add(to, all, l->joined ? head : text, e) &&
               (end == 0 || sops_edits_add(to, (struct sops_span){end, end}, sops_buf_view(&l->below), e));
    }
    if (l->joined) {
        struct sops_span rest = {s->head_line_end, s->span.end};
        return sops_edits_add(to, s->head, head, e) && sops_edits_add(to, rest, sops_buf_view(&l->below), e);
    }
    return (sops_slice_eq(head, sops_slice_at(w->text, s->head)) || sops_edits_add(to, s->head, head, e)) &&
           sops_edits_add(to, s->span, text, e);
}

bool sops_laid_same(const struct sops_written *w, const struct sops_slot *s, const struct sops_slot *from,
                    const struct sops_laid *l)
{
    bool apart = sops_slot_has_head(s), made_apart = sops_slot_has_head(from) && !l->joined;
    struct sops_slice head = sops_buf_view(&l->head), text = sops_buf_view(&l->text);
    if (l->from != 0 || l->below.len != 0 || apart != made_apart) {
        return false;
    }
    if (!apart) {
        return sops_slice_eq(sops_slice_at(w->text, s->span), l->joined ? head : text);
    }
    return sops_slice_eq(sops_slice_at(w->text, s->head), head) && sops_slice_eq(sops_slice_at(w->text, s->span), text);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

bool sops_kept_open_slot(const struct sops_kept *k, size_t i, struct sops_laid *l, struct sops_edits *to,
                         struct sops_err *e)
{
    const struct sops_slot *s = &k->w.slot[i];
    const struct sops_opened_slot *o = &k->slot[i];
    struct sops_node comment = {.kind = SOPS_COMMENT, .key_kind = SOPS_STR, .text = o->comment};
    if (o->comment.ptr == NULL && o->sealed == NULL) {
        return true;
    }
    if (o->spelling.ptr != NULL) {
        return sops_edits_add(to, s->span, o->spelling, e);
    }
    sops_laid_clear(l);
    return k->w.format->textual->open(&k->w, s, o->comment.ptr != NULL ? &comment : s->node, l, e) &&
           sops_laid_edit(&k->w, s, l, to, e);
}

bool sops_kept_open(const struct sops_kept *k, bool all, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_textual *t = k->w.format->textual;
    struct sops_edits edits = {0};
    struct sops_laid laid = {0};
    uint32_t skip = 0;
    bool ok = all || t->drop_meta(&k->w, &edits, e);
    for (size_t i = 0; ok && i < k->w.count; i++) {
        const struct sops_slot *s = &k->w.slot[i];
        if (s->span.begin < skip || sops_slot_is_meta(&k->w, s)) {
            continue;
        }
        if (s->role == SOPS_SLOT_COPY) {
            bool same = s->of != NULL && sops_same_value(k->w.format, s->of, s->node);
            skip = same ? s->span.end : skip;
            ok = same ? sops_edits_add(&edits, s->span, sops_slice_at(k->w.text, s->name), e)
                      : sops_edits_add(&edits, s->drop, SOPS_LIT(""), e);
        } else if (s->role != SOPS_SLOT_ALIAS) {
            ok = sops_kept_open_slot(k, i, &laid, &edits, e);
        }
    }
    ok = ok && sops_edits_apply(&edits, k->w.text, out, e);
    sops_laid_free(&laid);
    sops_edits_free(&edits);
    return ok;
}

/* Reads the opened text again: it must be the same document. */
static bool check_opened(struct sops_preserve *p, struct sops_slice text, struct sops_loss *loss, struct sops_err *e)
{
    struct sops_doc again = {.reading = p->doc->reading};
    again.reading.sealed = false;
    again.reading.marks = true;
    bool ok = sops_doc_parse(&again, p->format, text, e);
    ok = ok ? sops_same_values(p->format, p->doc, &again) ||
                  sops_lose(loss, 0, "the opened text would not be the same document")
            : sops_lose_by(loss, e);
    sops_doc_free(&again);
    return ok;
}

bool sops_preserve_open(struct sops_preserve *p, struct sops_crypt *c, bool all, struct sops_buf *out,
                        struct sops_loss *loss, struct sops_err *e)
{
    size_t before = out->len;
    (void)c;
    if (p->has_now && !p->has_was) { /* a new file: what is there is clear */
        return sops_buf_add(out, sops_buf_view(&p->now.text), e);
    }
    if (!p->has_was || sops_loss_of(&p->was.w, loss)) {
        return true;
    }
    bool ok = sops_kept_open(&p->was, all, out, e) || sops_lose_by(loss, e);
    ok = ok && (all || check_opened(p, sops_slice_skip(sops_buf_view(out), before), loss, e));
    ok =
        ok && (all || before != 0 || p->format->textual->dress == NULL || p->format->textual->dress(&p->was.w, out, e));
    if (!ok) {
        sops_buf_cut(out, before);
    }
    return ok || e->code == SOPS_OK;
}

bool sops_preserve_same_text(const struct sops_preserve *sealed, const struct sops_preserve *clear, bool *same,
                             struct sops_err *e)
{
    const struct sops_kept *was = &sealed->was, *now = &clear->now;
    struct sops_buf text = {0};
    *same = !sealed->has_was || !clear->has_now;
    if (*same || was->w.lost != NULL) {
        return true;
    }
    bool ok = sops_kept_open(was, false, &text, e);
    *same = ok && sops_slice_eq(sops_buf_view(&text), sops_buf_view(&now->text)) &&
            sops_slice_eq(sops_buf_view(&was->said), sops_buf_view(&now->said));
    sops_buf_free(&text);
    return ok;
}

/* ---- before an edited text is read ------------------------------------------------------------------------------- */

/* What stands in the open slot, the layout in it aside. */
static bool keep_outer(const struct sops_kept *k, size_t i, struct sops_arena *a, struct sops_err *e)
{
    const struct sops_slot *s = &k->w.slot[i];
    struct sops_opened_slot *o = &k->slot[i];
    struct sops_laid l = {0};
    bool apart = sops_slot_has_head(s), ok;
    if (o->spelling.ptr != NULL) {
        ok = sops_buf_add(&l.text, o->spelling, e) &&
             (!apart || sops_buf_add(&l.head, sops_slice_at(k->w.text, s->head), e));
    } else {
        ok = k->w.format->textual->open(&k->w, s, s->node, &l, e);
    }
    if (ok && l.from == 0) {
        struct sops_slice line = sops_buf_view(apart || l.joined ? &l.head : &l.text), text = sops_buf_view(&l.text);
        if (l.below.len != 0) {
            text = sops_slice_skip(sops_buf_view(&l.below), sops_line_next(sops_buf_view(&l.below), 0));
        } else if (l.joined) {
            text = line;
        }
        o->outer_apart = (apart && !l.joined) || l.below.len != 0;
        ok = (!o->outer_apart || sops_arena_copy(a, line, &o->outer_head, e)) && sops_arena_copy(a, text, &o->outer, e);
    }
    sops_laid_free(&l);
    return ok;
}

bool sops_preserve_leave(struct sops_preserve *p, struct sops_err *e)
{
    struct sops_kept *k = &p->was;
    bool ok = true;
    if (!p->has_was || p->left || k->slot == NULL || k->w.lost != NULL) {
        return true;
    }
    for (size_t i = 0; ok && i < k->w.count; i++) {
        if (k->w.slot[i].role == SOPS_SLOT_VALUE && k->slot[i].sealed != NULL) {
            ok = keep_outer(k, i, &k->arena, e);
        }
    }
    p->left = true;
    return ok;
}
