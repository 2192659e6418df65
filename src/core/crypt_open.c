/* SPDX-License-Identifier: Apache-2.0 */
/* A document opened (spec 10): values are opened in their own memory, which their ciphertext always outsizes, and then
 * handled in document order: types, comments, the MAC, and the first failure. */
#include "core/crypt_engine.h"

#include "base/text.h"

#include <math.h>
#include <openssl/crypto.h>
#include <strings.h>

struct pass {
    struct sops_doc *d;
    struct sops_crypt *c;
    struct sops_crew crew;
    struct sops_mac mac;
    struct sops_strays strays;
    size_t kept_comments; /* that could not be opened */
};

static bool canonical_float(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    double v;
    struct sops_slice word = text;
    if (word.len != 0 && (word.ptr[0] == '+' || word.ptr[0] == '-')) {
        word = sops_slice_skip(word, 1);
    }
    if ((word.len == 3 && strncasecmp((const char *)word.ptr, "inf", 3) == 0) ||
        (word.len == 8 && strncasecmp((const char *)word.ptr, "infinity", 8) == 0)) {
        v = text.ptr[0] == '-' ? -INFINITY : INFINITY;
    } else if (text.len == 3 && strncasecmp((const char *)text.ptr, "nan", 3) == 0) {
        v = NAN;
    } else if (!sops_float_parse(text, &v, NULL)) {
        return sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is no number");
    }
    return sops_float_canonical(out, v, e);
}

static bool canonical_bool(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (sops_slice_eq(text, sops_str(yes[i]))) {
            return sops_buf_adds(out, "True", e);
        }
        if (sops_slice_eq(text, sops_str(no[i]))) {
            return sops_buf_adds(out, "False", e);
        }
    }
    return sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is neither true nor false");
}

/* The canonical text of what was decrypted as `kind`; texts and comments are that already. */
static bool canonical(enum sops_kind kind, struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    if (kind == SOPS_FLOAT) {
        return canonical_float(text, out, e);
    }
    if (kind == SOPS_BOOL) {
        return canonical_bool(text, out, e);
    }
    if (kind == SOPS_INT) {
        int64_t v;
        char digits[24];
        bool plus = text.len > 1 && text.ptr[0] == '+' && text.ptr[1] != '-' && text.ptr[1] != '+';
        if (!sops_int_parse(plus ? sops_slice_skip(text, 1) : text, &v)) {
            return sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is no whole number of 64 bits");
        }
        return sops_buf_add(out, sops_slice_of(digits, sops_int_text(v, digits)), e);
    }
    struct sops_time t;
    return sops_time_parse(text, &t) ? sops_time_text(out, &t, e)
                                     : sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is no time");
}

/* Puts the decrypted text, made canonical, into the node. */
static bool settle(struct sops_doc *d, struct sops_node *n, enum sops_kind kind, struct sops_slice text,
                   struct sops_err *e)
{
    if (kind == SOPS_STR || kind == SOPS_COMMENT) {
        n->text = text;
        return true;
    }
    struct sops_buf out = {0};
    bool ok = canonical(kind, text, &out, e);
    if (ok && sops_slice_eq(text, sops_buf_view(&out))) {
        n->text = text;
    } else {
        ok = ok && sops_arena_copy(&d->arena, sops_buf_view(&out), &n->text, e);
    }
    sops_buf_free(&out);
    n->kind = (uint8_t)kind;
    return ok;
}

static void open_leaf(struct sops_crypt *c, struct sops_lane *lane, struct sops_leaf *leaf)
{
    struct sops_slice nonce;
    leaf->why = sops_lane_open(c, lane, leaf->node->text, leaf->aad, &leaf->kind, leaf->to, &nonce, &leaf->len);
    if (leaf->why == NULL) {
        leaf->long_nonce = nonce.len != SOPS_NONCE;
        memcpy(leaf->nonce, nonce.ptr, leaf->long_nonce ? 0 : SOPS_NONCE);
    }
}

static bool collect(struct pass *p, struct sops_err *e)
{
    struct sops_walk walk = {.doc = p->d};
    bool ok = sops_crew_open(&p->crew, p->d, e);
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_node *n = walk.at;
        if ((n->flags & SOPS_MARKED) == 0 || n->text.len == 0 || (n->kind != SOPS_STR && n->kind != SOPS_COMMENT)) {
            continue;
        }
        struct sops_leaf *leaf = sops_crew_add(&p->crew, n, sops_buf_view(&walk.aad), e);
        ok = leaf != NULL;
        if (ok) {
            /* A value's own memory, in the arena: readers always put texts there. A comment may have to stay as it is.
             */
            leaf->to = n->kind == SOPS_COMMENT ? sops_arena_bytes(&p->d->arena, n->text.len, e)
                                               : (uint8_t *)(uintptr_t)n->text.ptr;
            ok = leaf->to != NULL;
        }
    }
    sops_walk_free(&walk);
    return ok && e->code == SOPS_OK;
}

static bool keep_nonce(struct pass *p, const struct sops_leaf *leaf, enum sops_kind kind, struct sops_err *e)
{
    return !p->c->keep_nonces || leaf->long_nonce ||
           sops_engine_keep(p->c->engine, kind, leaf->node->text, leaf->aad, sops_slice_of(leaf->nonce, SOPS_NONCE), e);
}

/* A comment whose type somebody changed: refused when its text is of that type, and otherwise one that does not open.
 */
static bool odd_comment(struct pass *p, enum sops_kind kind, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf out = {0};
    struct sops_err why = {0};
    bool fits = canonical(kind, text, &out, &why);
    bool no_memory = !fits && why.code != SOPS_E_DECRYPT;
    sops_err_clear(&why);
    sops_buf_free(&out);
    if (no_memory) {
        return sops_fail_memory(e);
    }
    p->kept_comments += !fits;
    return !fits || sops_fail(e, SOPS_E_DECRYPT, "an encrypted comment has the type of a value");
}

/* A comment that opens nowhere stays as it is: old files have clear ones. `previous`: what stands before it. */
static bool take_comment(struct pass *p, struct sops_leaf *leaf, struct sops_node *previous, struct sops_err *e)
{
    struct sops_node *n = leaf->node;
    if (leaf->why == sops_no_memory) {
        return sops_fail_memory(e);
    }
    if (leaf->why != NULL && !sops_strays_try(&p->strays, p->d, p->c, leaf, previous, e)) {
        return false;
    }
    if (leaf->why != NULL) {
        p->kept_comments++;
        return true;
    }
    struct sops_slice text = sops_slice_of(leaf->to, leaf->len);
    if (leaf->kind != SOPS_COMMENT && leaf->kind != SOPS_STR) {
        return odd_comment(p, leaf->kind, text, e);
    }
    n->text = text;
    n->flags &= (uint16_t)~SOPS_INLINE;
    if (leaf->kind == SOPS_STR) {
        sops_mac_add(&p->mac, n, n->text);
    }
    return keep_nonce(p, leaf, SOPS_COMMENT, e);
}

static bool take_value(struct pass *p, const struct sops_leaf *leaf, struct sops_err *e)
{
    struct sops_node *n = leaf->node;
    if (leaf->why != NULL) {
        return leaf->why == sops_no_memory ? sops_fail_memory(e) : sops_fail(e, SOPS_E_DECRYPT, "%s", leaf->why);
    }
    if (!settle(p->d, n, leaf->kind, sops_slice_of(n->text.ptr, leaf->len), e)) {
        return false;
    }
    /* A value of type comment does not count for the MAC, so that it is noticed (51); in a list it is a comment again.
     */
    if (leaf->kind != SOPS_COMMENT) {
        sops_mac_add(&p->mac, n, n->text);
    } else if (n->up->kind == SOPS_LIST) {
        n->kind = SOPS_COMMENT;
    }
    return keep_nonce(p, leaf, leaf->kind, e);
}

/* A marked leaf without ciphertext: empty, or clear where a ciphertext belongs. */
static bool take_clear(const struct sops_node *n, struct sops_err *e)
{
    if (n->kind == SOPS_STR || n->kind == SOPS_COMMENT || n->kind == SOPS_NULL) {
        return true;
    }
    sops_fail(e, SOPS_E_DECRYPT, "it should be encrypted, but is a clear number, bool or time");
    return sops_hint(e, "was it added by hand? use 'sops edit' or 'sops set' to change an encrypted file");
}

static bool take_all(struct pass *p, struct sops_err *e)
{
    size_t next = 0;
    bool ok = true;
    for (struct sops_node *part = p->d->parts; ok && part != NULL; part = part->next) {
        struct sops_node *previous = part;
        for (struct sops_node *n = part; ok && n != NULL; previous = n, n = sops_node_after(part, n)) {
            if (next < p->crew.count && p->crew.leaf[next].node == n) {
                struct sops_leaf *leaf = &p->crew.leaf[next++];
                ok = n->kind == SOPS_COMMENT ? take_comment(p, leaf, previous, e) : take_value(p, leaf, e);
            } else if ((n->flags & SOPS_MARKED) != 0) {
                ok = take_clear(n, e);
            } else if (sops_node_is_leaf(n) && n->kind != SOPS_COMMENT) {
                sops_mac_add(&p->mac, n, n->text);
            }
            ok = ok || sops_crypt_at(n, e);
        }
    }
    sops_strays_home(&p->strays);
    return ok;
}

bool sops_doc_open(struct sops_doc *d, struct sops_crypt *c, struct sops_buf *mac, struct sops_err *e)
{
    struct pass p = {.d = d, .c = c, .crew = {.c = c, .work = open_leaf}};
    struct sops_engine *g;
    d->state = SOPS_DOC_UNVERIFIED;
    bool ok = sops_engine_get(c, &g, e) && sops_mac_start(&p.mac, c->rules, e) && collect(&p, e);
    if (ok) {
        sops_crew_run(&p.crew, NULL, NULL);
        ok = take_all(&p, e) && sops_mac_end(&p.mac, mac, e);
    }
    if (ok && p.kept_comments != 0) {
        ok = sops_buf_addf(&d->notes, e, "%zu comment(s) could not be decrypted and are kept as they are in the file\n",
                           p.kept_comments);
    }
    if (e->code == SOPS_E_ENCRYPT) {
        e->code = SOPS_E_DECRYPT; /* the walk does not know its direction */
    }
    sops_mac_free(&p.mac);
    sops_crew_free(&p.crew);
    return ok;
}

bool sops_doc_verify(struct sops_doc *d, struct sops_crypt *c, struct sops_slice computed, struct sops_slice stored,
                     struct sops_slice last_modified, struct sops_err *e)
{
    struct sops_buf text = {0};
    enum sops_kind kind = SOPS_STR;
    bool ok = stored.len == 0 || sops_text_open(c, stored, last_modified, &kind, &text, e);
    if (!ok) {
        sops_within(e, "Cannot decrypt MAC");
        sops_recode(e, SOPS_E_MAC);
    } else if (stored.len == 0 || kind != SOPS_STR || text.len != computed.len ||
               CRYPTO_memcmp(text.ptr, computed.ptr, computed.len) != 0) {
        ok = sops_fail(e, SOPS_E_MAC, "MAC mismatch. File has %.*s, computed %.*s",
                       SOPS_ARG(text.len != 0 ? sops_buf_view(&text) : SOPS_LIT("no MAC")), SOPS_ARG(computed));
    } else {
        d->state = SOPS_DOC_PLAIN;
    }
    if (!ok) {
        sops_hint(e,
                  "the file was changed after it was encrypted; if you know why, --ignore-mac reads it all the same");
    }
    sops_buf_free(&text);
    return ok;
}

void sops_doc_trust(struct sops_doc *d) { d->state = SOPS_DOC_PLAIN; }
