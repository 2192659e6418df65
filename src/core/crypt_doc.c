/* SPDX-License-Identifier: Apache-2.0 */
/* A document sealed and opened: which leaves go through the cipher, which count for the MAC, and what becomes of
 * comments (spec 10). A leaf is opened in its own memory, which its ciphertext always outsizes. */
/* SHA512_Update and its like are called directly: the generic interface looks all digests up before the first, which
 * costs a small file as much as all of its own work. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypt_engine.h"

#include "base/encode.h"
#include "base/text.h"

#include <math.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <strings.h>

/* The MAC of a file with mac_only_encrypted begins with SHA-256("sops"). */
static const uint8_t only_encrypted_start[32] = {0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34,
                                                 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f,
                                                 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69};

struct pass {
    struct sops_doc *d;
    struct sops_crypt *c;
    struct sops_engine *engine;
    struct sops_walk walk;
    SHA512_CTX mac;
    size_t kept_comments; /* that could not be opened */
};

static bool mac_start(struct pass *p, struct sops_err *e)
{
    bool ok =
        SHA512_Init(&p->mac) == 1 && (!p->c->rules->mac_only_encrypted ||
                                      SHA512_Update(&p->mac, only_encrypted_start, sizeof only_encrypted_start) == 1);
    return ok || sops_fail(e, SOPS_E_GENERIC, "SHA-512 failed");
}

/* Counts the clear text of a leaf that is no comment. */
static bool mac_add(struct pass *p, const struct sops_node *n, struct sops_slice text, struct sops_err *e)
{
    if (n->kind == SOPS_NULL || (p->c->rules->mac_only_encrypted && (n->flags & SOPS_MARKED) == 0)) {
        return true;
    }
    return SHA512_Update(&p->mac, text.ptr, text.len) == 1 || sops_fail(e, SOPS_E_GENERIC, "SHA-512 failed");
}

static bool mac_end(struct pass *p, struct sops_buf *mac, struct sops_err *e)
{
    uint8_t digest[64];
    bool ok = SHA512_Final(digest, &p->mac) == 1 || sops_fail(e, SOPS_E_GENERIC, "SHA-512 failed");
    ok = ok && sops_hex_add(mac, sops_slice_of(digest, sizeof digest), true, e);
    sops_wipe(digest, sizeof digest);
    return ok;
}

static void pass_free(struct pass *p)
{
    sops_walk_free(&p->walk);
    sops_wipe(&p->mac, sizeof p->mac);
}

/* "the value at ["a"]" in front of the message. */
static bool at_node(const struct sops_node *n, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct sops_err other = {0};
    if (sops_node_path(n, &path, &other)) {
        sops_within(e, "the value at %.*s", SOPS_ARG(path));
        if (n->line != 0 && e->line == 0) {
            e->line = n->line;
        }
    }
    sops_err_clear(&other);
    sops_buf_free(&path);
    return false;
}

/* ---- sealing ------------------------------------------------------------------------------------------------- */

static bool seal_leaf(struct pass *p, struct sops_node *n, struct sops_err *e)
{
    size_t size = sops_sealed_size((enum sops_kind)n->kind, n->text.len);
    uint8_t *enc = sops_arena_bytes(&p->d->arena, size, e);
    if (enc == NULL || !sops_seal_into(p->c, (enum sops_kind)n->kind, n->text, sops_buf_view(&p->walk.aad), enc, e)) {
        return false;
    }
    n->text = sops_slice_of(enc, size);
    if (n->kind != SOPS_COMMENT) {
        n->kind = SOPS_STR;
        return true;
    }
    if (sops_rules_which(p->c->rules) == SOPS_UNENCRYPTED_COMMENT_REGEX && p->c->rules->regex != NULL &&
        sops_regex_match(p->c->rules->regex, n->text)) {
        return sops_fail(e, SOPS_E_ENCRYPT,
                         "the encrypted form of a comment matches unencrypted_comment_regex, so the file could not be "
                         "decrypted again");
    }
    if (n->up->kind == SOPS_LIST) {
        n->kind = SOPS_STR; /* an encrypted comment in a list is an ordinary item */
        n->flags &= (uint16_t)~SOPS_INLINE;
    }
    return true;
}

bool sops_doc_seal(struct sops_doc *d, struct sops_crypt *c, struct sops_buf *mac, struct sops_err *e)
{
    struct pass p = {.d = d, .c = c, .walk = {.doc = d}};
    bool ok = sops_engine_get(c, &p.engine, e) && mac_start(&p, e);
    while (ok && sops_walk_next(&p.walk, e)) {
        struct sops_node *n = p.walk.at;
        ok = n->kind == SOPS_COMMENT || mac_add(&p, n, n->text, e);
        bool sealed = (n->flags & SOPS_MARKED) != 0 && n->kind != SOPS_NULL &&
                      (n->text.len != 0 || (n->kind != SOPS_STR && n->kind != SOPS_COMMENT));
        if (ok && sealed) {
            ok = seal_leaf(&p, n, e) || at_node(n, e);
        }
    }
    ok = ok && e->code == SOPS_OK && mac_end(&p, mac, e);
    pass_free(&p);
    d->state = SOPS_DOC_SEALED;
    return ok;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

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
static bool settle(struct pass *p, struct sops_node *n, enum sops_kind kind, struct sops_slice text, struct sops_err *e)
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
        ok = ok && sops_arena_copy(&p->d->arena, sops_buf_view(&out), &n->text, e);
    }
    sops_buf_free(&out);
    n->kind = (uint8_t)kind;
    return ok;
}

static bool keep_nonce(struct pass *p, const struct sops_node *n, struct sops_slice nonce, struct sops_err *e)
{
    return !p->c->keep_nonces ||
           sops_engine_keep(p->engine, (enum sops_kind)n->kind, n->text, sops_buf_view(&p->walk.aad), nonce, e);
}

/* The decrypted text takes the place of the ciphertext in the arena; readers always put texts there. */
static uint8_t *own_memory(const struct sops_node *n) { return (uint8_t *)(uintptr_t)n->text.ptr; }

/* A comment that does not open stays as it is: old files have clear ones. */
static bool open_comment(struct pass *p, struct sops_node *n, struct sops_err *e)
{
    struct sops_err why = {0};
    enum sops_kind kind;
    struct sops_slice nonce;
    size_t len;
    if (!sops_open_into(p->c, n->text, sops_buf_view(&p->walk.aad), &kind, own_memory(n), &nonce, &len, &why)) {
        bool ours = why.code == SOPS_E_DECRYPT;
        sops_err_clear(&why);
        p->kept_comments += ours;
        return ours || sops_fail(e, SOPS_E_GENERIC, "a comment could not be decrypted");
    }
    if (kind != SOPS_COMMENT && kind != SOPS_STR) {
        return sops_fail(e, SOPS_E_DECRYPT, "an encrypted comment has the type of a value");
    }
    n->text.len = len;
    n->flags &= (uint16_t)~SOPS_INLINE;
    return keep_nonce(p, n, nonce, e) && (kind == SOPS_COMMENT || mac_add(p, n, n->text, e));
}

static bool open_value(struct pass *p, struct sops_node *n, struct sops_err *e)
{
    enum sops_kind kind;
    struct sops_slice nonce;
    size_t len;
    if (n->kind != SOPS_STR) {
        sops_fail(e, SOPS_E_DECRYPT, "it should be encrypted, but is a clear number, bool or time");
        return sops_hint(e, "was it added by hand? use 'sops edit' or 'sops set' to change an encrypted file");
    }
    if (n->text.len == 0) {
        return true;
    }
    if (!sops_open_into(p->c, n->text, sops_buf_view(&p->walk.aad), &kind, own_memory(n), &nonce, &len, e)) {
        return false;
    }
    if (!settle(p, n, kind, sops_slice_of(n->text.ptr, len), e)) {
        return false;
    }
    if (kind == SOPS_COMMENT) {
        struct sops_node as_comment = *n;
        as_comment.kind = SOPS_COMMENT;
        if (n->up->kind == SOPS_LIST) {
            *n = as_comment;
        }
        /* A value of type comment does not count for the MAC, so that it is noticed (51). */
        return keep_nonce(p, &as_comment, nonce, e);
    }
    return keep_nonce(p, n, nonce, e) && mac_add(p, n, n->text, e);
}

bool sops_doc_open(struct sops_doc *d, struct sops_crypt *c, struct sops_buf *mac, struct sops_err *e)
{
    struct pass p = {.d = d, .c = c, .walk = {.doc = d}};
    bool ok = sops_engine_get(c, &p.engine, e) && mac_start(&p, e);
    d->state = SOPS_DOC_UNVERIFIED;
    while (ok && sops_walk_next(&p.walk, e)) {
        struct sops_node *n = p.walk.at;
        if ((n->flags & SOPS_MARKED) == 0 || n->kind == SOPS_NULL) {
            ok = n->kind == SOPS_COMMENT || mac_add(&p, n, n->text, e);
        } else if (n->kind == SOPS_COMMENT) {
            ok = n->text.len == 0 || open_comment(&p, n, e) || at_node(n, e);
        } else {
            ok = open_value(&p, n, e) || at_node(n, e);
        }
    }
    ok = ok && e->code == SOPS_OK && mac_end(&p, mac, e);
    if (ok && p.kept_comments != 0) {
        ok = sops_buf_addf(&d->notes, e, "%zu comment(s) could not be decrypted and are kept as they are in the file\n",
                           p.kept_comments);
    }
    if (e->code == SOPS_E_ENCRYPT) {
        e->code = SOPS_E_DECRYPT; /* the walk does not know its direction */
    }
    pass_free(&p);
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
