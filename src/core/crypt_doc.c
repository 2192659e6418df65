/* SPDX-License-Identifier: Apache-2.0 */
/* A document sealed: which leaves go through the cipher, which count for the MAC, and what becomes of comments (spec
 * 10). The MAC is made while other threads seal, as the clear texts stay where they are until all is done. */
#include "core/crypt_engine.h"

/* "the value at ["a"]" in front of the message. */
bool sops_crypt_at(const struct sops_node *n, struct sops_err *e)
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

static void seal_leaf(struct sops_crypt *c, struct sops_lane *lane, struct sops_leaf *leaf)
{
    leaf->why = sops_lane_seal(c, lane, leaf->kind, leaf->node->text, leaf->aad, leaf->nonce, leaf->to);
}

/* Null and empty texts are never sealed; true for the rest of what is marked. */
static bool is_sealed(const struct sops_node *n)
{
    return (n->flags & SOPS_MARKED) != 0 && n->kind != SOPS_NULL &&
           (n->text.len != 0 || (n->kind != SOPS_STR && n->kind != SOPS_COMMENT));
}

static bool collect(struct sops_doc *d, struct sops_crew *crew, struct sops_err *e)
{
    struct sops_walk walk = {.doc = d};
    bool ok = sops_crew_open(crew, d, e);
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_node *n = walk.at;
        if (!is_sealed(n)) {
            continue;
        }
        struct sops_leaf *leaf = sops_crew_add(crew, n, sops_buf_view(&walk.aad), e);
        ok = leaf != NULL && sops_engine_nonce(crew->c, (enum sops_kind)n->kind, n->text, leaf->aad, leaf->nonce, e);
        if (ok) {
            leaf->kind = (enum sops_kind)n->kind;
            leaf->len = sops_sealed_size(leaf->kind, n->text.len);
            leaf->to = sops_arena_bytes(&d->arena, leaf->len, e);
            ok = leaf->to != NULL;
        }
    }
    sops_walk_free(&walk);
    return ok && e->code == SOPS_OK;
}

struct counting {
    const struct sops_doc *d;
    struct sops_mac mac;
};

static void count_leaves(void *arg)
{
    struct counting *k = arg;
    for (struct sops_node *part = k->d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            if (sops_node_is_leaf(n) && n->kind != SOPS_COMMENT) {
                sops_mac_add(&k->mac, n, n->text);
            }
        }
    }
}

/* The ciphertext takes the place of the text. */
static bool settle(const struct sops_crypt *c, struct sops_leaf *leaf, struct sops_err *e)
{
    struct sops_node *n = leaf->node;
    if (leaf->why != NULL) {
        return sops_fail(e, SOPS_E_ENCRYPT, "%s", leaf->why);
    }
    n->text = sops_slice_of(leaf->to, leaf->len);
    if (n->kind != SOPS_COMMENT) {
        n->kind = SOPS_STR;
        return true;
    }
    if (sops_rules_which(c->rules) == SOPS_UNENCRYPTED_COMMENT_REGEX && c->rules->regex != NULL &&
        sops_regex_match(c->rules->regex, n->text)) {
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
    struct sops_engine *g;
    struct sops_crew crew = {.c = c, .work = seal_leaf};
    struct counting counting = {.d = d};
    bool ok = sops_engine_get(c, &g, e) && sops_mac_start(&counting.mac, c->rules, e) && collect(d, &crew, e);
    if (ok) {
        sops_crew_run(&crew, count_leaves, &counting);
    }
    for (size_t i = 0; ok && i < crew.count; i++) {
        ok = settle(c, &crew.leaf[i], e) || sops_crypt_at(crew.leaf[i].node, e);
    }
    ok = ok && sops_mac_end(&counting.mac, mac, e);
    sops_mac_free(&counting.mac);
    sops_crew_free(&crew);
    d->state = SOPS_DOC_SEALED;
    return ok;
}
