/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document's own state is the envelope's, so that sops_doc_emit refuses what this file would refuse; an envelope
 * adds only whether the ciphertexts were made here, and whether all values opened.
 */
#include "core/envelope.h"

#include "base/text.h"
#include "core/conflict.h"
#include "core/datakey.h"
#include "core/preserve.h"
#include "core/readback.h"

#include <stdio.h>

struct sops_envelope {
    struct sops_world *world;
    const char *name;
    struct sops_doc doc;
    struct sops_doc was; /* the ciphertexts that were opened, when `doc` was read from a new clear text */
    struct sops_meta meta;
    struct sops_meta was_meta; /* the metadata that were read, when `meta` came with a new text */
    struct sops_secret key;
    struct sops_crypt crypt;
    struct sops_buf mac; /* of what was opened */
    const struct sops_envelope *lender[SOPS_ENVELOPE_LENDERS];
    struct sops_preserve *preserve; /* NULL: the text is not kept */
    struct sops_reading reading;
    struct sops_loss loss;               /* why it could not be, the last time that it was to be sealed */
    const struct sops_format *form;      /* that its text was read in */
    const struct sops_format *from, *to; /* whose clear values are lines with a meaning of their own; or NULL */
    bool elsewhere;                      /* names are used, too */
    bool strict;                         /* a text that cannot be kept is an error */
    bool told_style;                     /* that it cannot was told */
    bool edited;                         /* `was_meta` is what was read */
    bool made;                           /* SEALED here, so that nobody has read it yet */
    bool faulty;                         /* some value did not open */
};

struct sops_envelope *sops_envelope_new(struct sops_world *w, const char *name, struct sops_err *e)
{
    struct sops_envelope *v = sops_alloc(sizeof *v, e);
    if (v != NULL) {
        v->world = w;
        v->name = name;
    }
    return v;
}

void sops_envelope_free(struct sops_envelope *v)
{
    if (v == NULL) {
        return;
    }
    sops_preserve_free(v->preserve);
    sops_crypt_free(&v->crypt);
    sops_secret_free(&v->key);
    sops_meta_free(&v->meta);
    sops_meta_free(&v->was_meta);
    sops_doc_free(&v->doc);
    sops_doc_free(&v->was);
    sops_buf_free(&v->mac);
    sops_free(v);
}

/* ---- from text --------------------------------------------------------------------------------------------------- */

static void tell_notes(struct sops_envelope *v)
{
    struct sops_slice rest = sops_buf_view(&v->doc.notes), line;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        sops_world_warn(v->world, "'%s': %.*s", v->name, SOPS_ARG(line));
    }
    sops_buf_free(&v->doc.notes);
}

/* What was opened is kept for its ciphertexts. */
static bool keep_opened(struct sops_envelope *v, struct sops_err *e)
{
    if (v->doc.opening == NULL) {
        return true;
    }
    if (v->preserve != NULL && !sops_preserve_leave(v->preserve, e)) {
        return false;
    }
    sops_doc_free(&v->was);
    return sops_doc_keep(&v->was, &v->doc, e);
}

/* What is to be done about a text with the markers of a conflict. Returns false. */
static bool hint_markers(const struct sops_envelope *v, struct sops_slice text, struct sops_err *e)
{
    if (sops_holds_markers(text)) {
        e->hint[0] = '\0';
        sops_hint(e, SOPS_UNFINISHED_HINT, v->name, v->name, v->name);
    }
    return false;
}

/* `text` becomes the tree, and all of the old one but its ciphertexts is freed. */
static bool parse_text(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text, bool sealed,
                       struct sops_err *e)
{
    if (!keep_opened(v, e)) {
        return false;
    }
    sops_doc_free(&v->doc);
    v->form = f;
    v->doc.reading = v->reading;
    v->doc.reading.sealed = sealed;
    v->doc.reading.marks = v->preserve != NULL;
    if (v->preserve != NULL && !sops_preserve_undress(v->preserve, text, sealed, &text, e)) {
        return sops_within(e, "cannot parse '%s' as %s", v->name, f->name);
    }
    if (!sops_doc_parse(&v->doc, f, text, e)) {
        (void)hint_markers(v, text, e);
        return sops_within(e, "cannot parse '%s' as %s", v->name, f->name);
    }
    tell_notes(v);
    return v->preserve == NULL || sops_preserve_take(v->preserve, text, sealed, e);
}

bool sops_envelope_style(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                         struct sops_err *e)
{
    v->reading = (struct sops_reading){.quotes = s->quote, .inline_comments = s->inline_comments};
    sops_preserve_free(v->preserve);
    v->preserve = NULL;
    v->strict = s->keep == SOPS_KEEP_STRICT;
    v->from = s->quote && f->take_meaning != NULL ? f : NULL;
    if (s->keep != SOPS_KEEP_OFF && f->textual != NULL) {
        v->preserve = sops_preserve_new(f, s, &v->doc, &v->meta, e);
        return v->preserve != NULL;
    }
    return true;
}

void sops_envelope_turn_into(struct sops_envelope *v, const struct sops_format *to, const struct sops_style *s,
                             bool elsewhere)
{
    v->to = s->quote && to->as_lines != NULL ? to : NULL;
    v->elsewhere = elsewhere;
}

/* What was read, and verified or clear, becomes what it means to those who use it. */
static bool take_meaning(struct sops_envelope *v, bool names, struct sops_err *e)
{
    return v->from == NULL || v->from->take_meaning(&v->doc, names, e);
}

void sops_envelope_lay_out(struct sops_envelope *v)
{
    sops_preserve_free(v->preserve);
    v->preserve = NULL;
}

/* The style is lost: told once, or an error. */
static bool tell_loss(struct sops_envelope *v, const struct sops_loss *loss, struct sops_err *e)
{
    char line[32] = "";
    if (loss->line != 0) {
        (void)snprintf(line, sizeof line, "line %u: ", loss->line);
    }
    if (v->strict) {
        sops_fail(e, SOPS_E_DUMP, "cannot keep the style of '%s': %s%s", v->name, line, loss->why);
        return sops_hint(e, "--preserve-style=false writes it anew");
    }
    if (!v->told_style) {
        sops_world_warn(v->world, "'%s': the style cannot be kept (%s%s), it is written anew", v->name, line,
                        loss->why);
    }
    v->told_style = true;
    return true;
}

bool sops_envelope_parse_tree(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                              struct sops_err *e)
{
    bool ok = parse_text(v, sops_format_sealed(f), text, true, e) || sops_recode(e, SOPS_E_GENERIC);
    v->doc.state = SOPS_DOC_SEALED;
    return ok;
}

void sops_envelope_take_tree(struct sops_envelope *v, struct sops_doc *d)
{
    sops_doc_free(&v->doc);
    v->doc = *d;
    *d = (struct sops_doc){0};
    v->doc.state = SOPS_DOC_SEALED;
    tell_notes(v);
}

bool sops_envelope_detach(struct sops_envelope *v, const struct sops_format *f, struct sops_err *e)
{
    if (!sops_meta_detach(&v->doc, f->meta, &v->meta, e)) {
        sops_within(e, "'%s'", v->name);
        sops_hint(e, "was the file cut off, or changed by hand? An older version of it may be whole");
        return sops_recode(e, SOPS_E_GENERIC);
    }
    return true;
}

bool sops_envelope_parse(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                         struct sops_err *e)
{
    return sops_envelope_parse_tree(v, f, text, e) && sops_envelope_detach(v, f, e);
}

bool sops_envelope_parse_clear(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                               struct sops_err *e)
{
    return (parse_text(v, f, text, false, e) &&
            (!v->elsewhere || v->from == NULL || v->from->take_meaning(&v->doc, true, e))) ||
           sops_recode(e, SOPS_E_READ);
}

bool sops_envelope_take_clear(struct sops_envelope *v, struct sops_envelope *from, struct sops_err *e)
{
    if (sops_envelope_clear(from, e) == NULL || !keep_opened(v, e)) {
        return false;
    }
    sops_doc_free(&v->doc);
    v->doc = from->doc;
    from->doc = (struct sops_doc){0};
    if (v->preserve != NULL && (from->preserve == NULL || !sops_preserve_take_over(v->preserve, from->preserve))) {
        sops_envelope_lay_out(v);
    }
    return true;
}

bool sops_envelope_not_empty(const struct sops_envelope *v, struct sops_err *e)
{
    return v->doc.parts != NULL ||
           sops_fail(e, SOPS_E_EMPTY, "'%s' has no document: there is nothing to encrypt", v->name);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static bool has_key(const struct sops_meta *m)
{
    const struct sops_group *g = m->groups;
    while (g != NULL && g->keys == NULL) {
        g = g->next;
    }
    return g != NULL;
}

bool sops_envelope_parse_all(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                             bool *same_shares, struct sops_err *e)
{
    struct sops_meta *m = &v->meta;
    const struct sops_meta *was = &v->was_meta;
    if (!v->edited) {
        v->was_meta = *m;
        *m = (struct sops_meta){0};
        v->edited = true;
    }
    sops_meta_free(m);
    if (!parse_text(v, sops_format_sealed(f), text, false, e) || !sops_envelope_not_empty(v, e) ||
        !sops_meta_detach(&v->doc, f->meta, m, e)) {
        return false;
    }
    if (!has_key(m)) {
        return sops_fail(e, SOPS_E_GENERIC, "no key is left that could open the file");
    }
    m->rules.whole = was->rules.whole;
    if (!sops_rules_compile(&m->rules, e)) {
        return false;
    }
    *same_shares = m->threshold == was->threshold && sops_groups_within(m->groups, was->groups, e);
    return e->code == SOPS_OK;
}

struct sops_meta *sops_envelope_meta(struct sops_envelope *v) { return &v->meta; }

bool sops_envelope_check_version(const struct sops_envelope *v, struct sops_err *e)
{
    return sops_meta_check_version(&v->meta, e) || sops_within(e, "'%s'", v->name);
}

/* ---- the data key ------------------------------------------------------------------------------------------------ */

/* What was made with another key is forgotten. */
static void drop_key(struct sops_envelope *v)
{
    sops_crypt_free(&v->crypt);
    sops_secret_free(&v->key);
}

bool sops_envelope_unwrap(struct sops_envelope *v, struct sops_service *services, struct sops_slice order,
                          struct sops_err *e)
{
    drop_key(v);
    return sops_datakey_unwrap(v->world, services, &v->meta, order, &v->key, e) ||
           sops_datakey_repair(v->world, services, &v->meta, order, v->name, &v->key, e);
}

bool sops_envelope_take_key(struct sops_envelope *v, struct sops_slice key, struct sops_err *e)
{
    drop_key(v);
    return sops_secret_copy(&v->key, key, e);
}

/* Is some wrapped data key of `a`, which has one group, also in `b`, for the same key and as the same text? */
static bool shares_enc(const struct sops_meta *a, const struct sops_meta *b, struct sops_err *e)
{
    if (a->groups == NULL || b->groups == NULL || a->groups->next != NULL || b->groups->next != NULL) {
        return false;
    }
    for (const struct sops_key *k = a->groups->keys; k != NULL; k = k->next) {
        for (const struct sops_key *x = b->groups->keys; x != NULL; x = x->next) {
            if (k->enc.len != 0 && sops_slice_eq(k->enc, x->enc) && sops_key_same(k, x, e)) {
                return true;
            }
        }
    }
    return false;
}

bool sops_envelope_share_key(struct sops_envelope *v, const struct sops_envelope *other, bool *taken,
                             struct sops_err *e)
{
    *taken = sops_secret_view(&other->key).len != 0 && shares_enc(&v->meta, &other->meta, e);
    return e->code == SOPS_OK && (!*taken || sops_envelope_take_key(v, sops_secret_view(&other->key), e));
}

struct sops_slice sops_envelope_key(const struct sops_envelope *v) { return sops_secret_view(&v->key); }

bool sops_envelope_new_key(struct sops_envelope *v, struct sops_slice made, struct sops_err *e)
{
    drop_key(v);
    sops_doc_forget(&v->doc);
    sops_doc_free(&v->was);
    sops_envelope_renew(v);
    return made.len != 0 ? sops_secret_copy(&v->key, made, e) : sops_datakey_new(v->world, &v->key, e);
}

void sops_envelope_renew(struct sops_envelope *v)
{
    if (v->preserve != NULL) {
        sops_preserve_new_keys(v->preserve);
    }
}

bool sops_envelope_wrap(struct sops_envelope *v, struct sops_service *services, struct sops_wrapped *before,
                        struct sops_err *e)
{
    sops_envelope_renew(v);
    return sops_datakey_wrap(v->world, services, &v->meta, &v->key, before, e) ||
           sops_within(e, "Could not generate data key");
}

bool sops_envelope_wrap_missing(struct sops_envelope *v, struct sops_service *services, struct sops_err *e)
{
    return sops_datakey_wrap_missing(v->world, services, &v->meta, &v->key, e);
}

/* The cipher with the key and the rules that the envelope has now. */
static struct sops_crypt *crypt_of(struct sops_envelope *v)
{
    v->crypt.world = v->world;
    v->crypt.rules = &v->meta.rules;
    v->crypt.data_key = sops_secret_view(&v->key);
    return &v->crypt;
}

/* ---- to clear values --------------------------------------------------------------------------------------------- */

static bool mark_as_read(struct sops_envelope *v, struct sops_err *e)
{
    struct sops_err why = {0};
    if (!sops_rules_compile(&v->meta.rules, &why)) {
        sops_world_warn(v->world, "'%s': the file's regular expression is taken as matching nothing: %s", v->name,
                        why.msg);
    }
    sops_err_clear(&why);
    return sops_rules_mark(&v->meta.rules, &v->doc, e);
}

/* The file is what a merge left, which is not finished: that is what to tell. Returns false. */
static bool hint_unresolved(const struct sops_envelope *v, struct sops_err *e)
{
    if (v->meta.unresolved) {
        e->hint[0] = '\0';
        sops_hint(e, SOPS_UNFINISHED_HINT, v->name, v->name, v->name);
    }
    return false;
}

/* Two encrypted files as two documents of one: what the second's metadata say is not looked at, and that is what to
 * tell first. Returns false. */
static bool hint_two_files(const struct sops_envelope *v, struct sops_err *e)
{
    unsigned line = v->meta.second_line;
    e->hint[0] = line != 0 ? '\0' : e->hint[0];
    return line != 0 && sops_hint(e, "a second block of metadata begins in line %u: " SOPS_TWO_FILES_HINT, line);
}

bool sops_envelope_mark(struct sops_envelope *v, struct sops_err *e) { return mark_as_read(v, e); }

bool sops_envelope_opens_to(struct sops_envelope *v, struct sops_slice enc, struct sops_slice aad, enum sops_kind kind,
                            struct sops_slice text, bool *yes, struct sops_err *e)
{
    struct sops_buf opened = {0};
    struct sops_err why = {0};
    enum sops_kind is = SOPS_STR;
    bool ok = sops_text_open(crypt_of(v), enc, aad, &is, &opened, &why);
    bool memory = why.memory;
    *yes = ok && is == kind && sops_slice_eq(sops_buf_view(&opened), text);
    sops_err_clear(&why);
    sops_buf_free(&opened);
    return !memory || sops_fail_memory(e);
}

static bool open_values(struct sops_envelope *v, sops_fault_fn *fault, void *ctx, struct sops_err *e)
{
    sops_buf_cut(&v->mac, 0);
    bool ok = mark_as_read(v, e);
    if (ok && v->form != NULL && v->form->before_open != NULL) {
        v->form->before_open(&v->doc);
    }
    ok = ok && (sops_doc_open(&v->doc, crypt_of(v), fault, ctx, &v->mac, e) ||
                sops_within(e, "cannot decrypt '%s'", v->name));
    if (!ok && e->code == SOPS_E_DECRYPT) {
        (void)hint_two_files(v, e);
        (void)hint_unresolved(v, e);
        sops_hint(e,
                  "put back what stood there; entries are renamed and values written with `sops edit` or `sops set`");
    }
    tell_notes(v);
    v->faulty = v->faulty || !ok;
    return ok && take_meaning(v, v->elsewhere, e) &&
           (v->preserve == NULL || sops_preserve_opened(v->preserve, &v->crypt, e));
}

bool sops_envelope_open(struct sops_envelope *v, struct sops_err *e) { return open_values(v, NULL, NULL, e); }

/* Who is told, and that there was something to tell. */
struct listener {
    struct sops_envelope *v;
    sops_fault_fn *fault;
    void *ctx;
};

static void pass_on(void *ctx, const struct sops_node *leaf, const char *why)
{
    const struct listener *to = ctx;
    to->v->faulty = true;
    to->fault(to->ctx, leaf, why);
}

bool sops_envelope_open_each(struct sops_envelope *v, sops_fault_fn *fault, void *ctx, struct sops_err *e)
{
    struct listener to = {v, fault, ctx};
    return open_values(v, pass_on, &to, e);
}

bool sops_envelope_verify(struct sops_envelope *v, struct sops_err *e)
{
    if (v->faulty) {
        return sops_fail(e, SOPS_E_DECRYPT, "'%s' has values that do not open", v->name);
    }
    if (sops_doc_verify(&v->doc, crypt_of(v), sops_buf_view(&v->mac), v->meta.mac, v->meta.last_modified, e)) {
        return true;
    }
    if (e->memory) {
        return false;
    }
    sops_within(e, "'%s'", v->name);
    (void)hint_two_files(v, e);
    (void)hint_unresolved(v, e);
    return sops_hint(e, "the file was changed without sops, or its metadata belong to another one");
}

void sops_envelope_trust(struct sops_envelope *v)
{
    if (!v->faulty && v->doc.state == SOPS_DOC_UNVERIFIED) {
        sops_doc_trust(&v->doc);
    }
}

struct sops_doc *sops_envelope_clear(struct sops_envelope *v, struct sops_err *e)
{
    if (v->doc.state == SOPS_DOC_PLAIN) {
        return &v->doc;
    }
    sops_fail(e, SOPS_E_MAC, "the values of '%s' were not verified against their MAC, so they are not given out",
              v->name);
    return NULL;
}

const struct sops_doc *sops_envelope_look(const struct sops_envelope *v) { return &v->doc; }

bool sops_envelope_has_meta(const struct sops_envelope *v, const struct sops_format *f)
{
    return sops_meta_present(&v->doc, f->meta);
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

void sops_envelope_reuse(struct sops_envelope *v, const struct sops_envelope *other)
{
    size_t i = 0;
    while (i < SOPS_ENVELOPE_LENDERS && v->lender[i] != NULL) {
        i++;
    }
    if (i < SOPS_ENVELOPE_LENDERS) {
        v->lender[i] = other;
    }
}

bool sops_envelope_ready(struct sops_envelope *v, const struct sops_format *f, struct sops_err *e)
{
    if (v->doc.parts != NULL && v->doc.parts->next != NULL && (f->flags & SOPS_FMT_PARTS) == 0) {
        return sops_fail(e, SOPS_E_DUMP, "'%s' has several documents, and %s files hold one", v->name, f->name);
    }
    /* One of the file's own that did not compile was only warned of when it was read. */
    return sops_rules_compile(&v->meta.rules, e) || sops_within(e, "'%s' cannot be written", v->name);
}

/* The text of "now", and the MAC sealed with it. */
static bool seal_mac(struct sops_envelope *v, struct sops_slice mac, struct sops_err *e)
{
    struct sops_buf time = {0}, enc = {0};
    struct sops_meta *m = &v->meta;
    bool ok = sops_time_utc(&time, v->world->now(v->world), e) &&
              sops_arena_copy(&m->arena, sops_buf_view(&time), &m->last_modified, e) &&
              sops_text_seal(&v->crypt, SOPS_STR, mac, m->last_modified, &enc, e) &&
              sops_arena_copy(&m->arena, sops_buf_view(&enc), &m->mac, e);
    sops_buf_free(&time);
    sops_buf_free(&enc);
    return ok;
}

bool sops_envelope_seal(struct sops_envelope *v, enum sops_reuse_which which, struct sops_err *e)
{
    const struct sops_doc *old[SOPS_ENVELOPE_LENDERS + 3] = {&v->doc, &v->was};
    struct sops_buf mac = {0};
    for (size_t i = 0; i < SOPS_ENVELOPE_LENDERS && v->lender[i] != NULL; i++) {
        old[2 + i] = &v->lender[i]->doc;
    }
    bool ok = sops_envelope_clear(v, e) != NULL && sops_rules_compile(&v->meta.rules, e) &&
              sops_rules_mark(&v->meta.rules, &v->doc, e);
    v->made = ok;
    ok = ok && (v->to == NULL || v->to->as_lines(&v->doc, e));
    ok = ok && sops_doc_seal(&v->doc, crypt_of(v), old, which, &mac, e) && seal_mac(v, sops_buf_view(&mac), e);
    sops_buf_free(&mac);
    return ok || sops_within(e, "cannot encrypt '%s'", v->name);
}

/* Back to the ciphertext, which is an ordinary item where it is that of a comment in a list. */
static void close_leaf(struct sops_node *n)
{
    n->text = n->sealed->enc;
    if (n->kind != SOPS_COMMENT || n->up->kind == SOPS_LIST) {
        n->kind = SOPS_STR;
        n->flags &= (uint16_t)~SOPS_INLINE;
    }
}

bool sops_envelope_close(struct sops_envelope *v, struct sops_err *e)
{
    if (sops_envelope_clear(v, e) == NULL) {
        return false;
    }
    for (struct sops_node *part = v->doc.parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            if (n->sealed != NULL && sops_node_is_leaf(n)) {
                close_leaf(n);
            }
        }
    }
    v->doc.state = SOPS_DOC_SEALED;
    return true;
}

bool sops_envelope_seal_kept(struct sops_envelope *v, struct sops_buf *out, bool *done, struct sops_err *e)
{
    const struct sops_doc *old[SOPS_ENVELOPE_LENDERS + 3] = {&v->doc, &v->was};
    struct sops_loss loss = {0};
    *done = false;
    if (v->preserve == NULL) {
        return true;
    }
    for (size_t i = 0; i < SOPS_ENVELOPE_LENDERS && v->lender[i] != NULL; i++) {
        old[2 + i] = &v->lender[i]->doc;
    }
    bool ok = sops_envelope_clear(v, e) != NULL && sops_rules_compile(&v->meta.rules, e) &&
              sops_rules_mark(&v->meta.rules, &v->doc, e) &&
              sops_preserve_seal(v->preserve, crypt_of(v), old, out, &loss, e);
    *done = ok && loss.why[0] == '\0';
    v->loss = loss;
    return ok;
}

/* ---- to text ----------------------------------------------------------------------------------------------------- */

static bool fail_to_write(const struct sops_envelope *v, const struct sops_format *f, struct sops_err *e)
{
    return sops_within(e, "cannot write '%s' as %s", v->name, f->name);
}

static bool emit_text(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                      struct sops_buf *out, struct sops_err *e)
{
    return sops_doc_emit(&v->doc, f, s, out, e) || fail_to_write(v, f, e);
}

/* Takes the metadata out again: whatever a part has behind the entry that was its last. */
static void take_out(struct sops_doc *d, struct sops_node **last)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next, last++) {
        part->last = *last;
        if (*last != NULL) {
            (*last)->next = NULL;
        } else {
            part->child = NULL;
        }
    }
}

/* The metadata attached to the tree for as long as it is written. */
static bool emit_with_meta(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                           struct sops_buf *out, struct sops_err *e)
{
    const struct sops_format *sealed = sops_format_sealed(f);
    struct sops_doc *d = &v->doc;
    size_t parts = 0, before = out->len;
    if (d->parts == NULL && sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e) == NULL) {
        return false;
    }
    for (const struct sops_node *part = d->parts; part != NULL; part = part->next) {
        parts++;
    }
    struct sops_node **last = sops_alloc(parts * sizeof *last, e);
    if (last == NULL) {
        return false;
    }
    parts = 0;
    for (const struct sops_node *part = d->parts; part != NULL; part = part->next) {
        last[parts++] = part->last;
    }
    bool ok = sops_meta_attach(d, f->meta, &v->meta, e) && emit_text(v, sealed, s, out, e);
    if (ok && v->made && d->state == SOPS_DOC_SEALED) {
        struct sops_slice text = sops_slice_skip(sops_buf_view(out), before);
        ok = sops_readback(d, sealed, &v->meta.rules, text, e) || fail_to_write(v, f, e);
    }
    take_out(d, last);
    sops_free(last);
    if (!ok) {
        sops_buf_cut(out, before);
    }
    return ok;
}

bool sops_envelope_emit(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                        struct sops_buf *out, struct sops_err *e)
{
    if (v->doc.state != SOPS_DOC_SEALED) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the values of '%s' are not encrypted", v->name);
    }
    if (v->preserve != NULL && !v->made) {
        size_t before = out->len;
        struct sops_loss loss = {0};
        if (!sops_preserve_swap(v->preserve, out, &loss, e)) {
            return false;
        }
        if (out->len != before) {
            return true;
        }
        v->loss = loss;
    }
    return emit_with_meta(v, f, s, out, e) && (v->preserve == NULL || tell_loss(v, &v->loss, e));
}

/* The opened text of a file that is kept as it is written, with its metadata or without. */
static bool emit_kept(struct sops_envelope *v, bool all, struct sops_buf *out, bool *done, struct sops_err *e)
{
    struct sops_loss loss = {0};
    if (v->preserve == NULL) {
        return true;
    }
    if (!sops_preserve_open(v->preserve, crypt_of(v), all, out, &loss, e)) {
        return false;
    }
    *done = loss.why[0] == '\0';
    return *done || tell_loss(v, &loss, e);
}

bool sops_envelope_emit_clear(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                              struct sops_buf *out, struct sops_err *e)
{
    bool done = false;
    return sops_envelope_clear(v, e) != NULL && emit_kept(v, false, out, &done, e) &&
           (done || emit_text(v, f, s, out, e));
}

bool sops_envelope_same_text(const struct sops_envelope *v, const struct sops_envelope *clear, bool *same,
                             struct sops_err *e)
{
    *same = v->preserve == NULL || clear->preserve == NULL;
    return *same || sops_preserve_same_text(v->preserve, clear->preserve, same, e);
}

bool sops_envelope_emit_all(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                            struct sops_buf *out, struct sops_err *e)
{
    bool done = false;
    return sops_envelope_clear(v, e) != NULL && emit_kept(v, true, out, &done, e) &&
           (done || emit_with_meta(v, f, s, out, e));
}

/* ---- is what is about to be written good? ------------------------------------------------------------------------ */

static bool all_wrapped(const struct sops_group *g)
{
    for (; g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (k->enc.len == 0) {
                return false;
            }
        }
    }
    return true;
}

/* The text in an envelope of its own; it must have the keys of `v`, each with its wrapped data key. */
static bool parse_again(const struct sops_envelope *v, struct sops_envelope *again, const struct sops_format *f,
                        struct sops_slice text, struct sops_err *e)
{
    const struct sops_meta *a = &v->meta, *b = &again->meta;
    if (!sops_envelope_parse(again, f, text, e)) {
        return false;
    }
    return (all_wrapped(a->groups) && sops_groups_within(a->groups, b->groups, e) && a->threshold == b->threshold &&
            sops_slice_eq(a->mac, b->mac)) ||
           sops_fail(e, SOPS_E_GENERIC, "the new text does not have the keys that were written");
}

/* The values of the two. Both have been read from text of the same format. */
static bool same_values(const struct sops_doc *a, const struct sops_doc *b)
{
    const struct sops_node *x = a->parts, *y = b->parts;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!sops_node_same(x, y)) {
            return false;
        }
    }
    return x == NULL && y == NULL;
}

static bool left_alone(const struct sops_envelope *v, struct sops_err *e)
{
    return sops_within(e, "'%s' is left as it was", v->name);
}

bool sops_envelope_keeps(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                         struct sops_err *e)
{
    struct sops_envelope *again = sops_envelope_new(v->world, v->name, e);
    bool ok = again != NULL && parse_again(v, again, f, text, e) &&
              (same_values(&v->doc, &again->doc) ||
               sops_fail(e, SOPS_E_GENERIC, "the new text does not have the values that were written"));
    sops_envelope_free(again);
    return ok || left_alone(v, e);
}

bool sops_envelope_opens_again(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                               struct sops_err *e)
{
    struct sops_envelope *again = sops_envelope_new(v->world, v->name, e);
    sops_doc_free(&v->doc);
    bool ok = again != NULL && parse_again(v, again, f, text, e) &&
              sops_envelope_take_key(again, sops_secret_view(&v->key), e) &&
              sops_rules_compile(&again->meta.rules, e) && sops_envelope_open(again, e) &&
              sops_envelope_verify(again, e);
    sops_envelope_free(again);
    return ok || left_alone(v, e);
}
