/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comment at the end of a nested block may be read one or more levels below the mapping that it was sealed for: in
 * the encrypted file an entry follows it (`sops:` at the latest), and YAML's reader then takes it for the end of the
 * deepest block. So the mappings above the place where it was read are tried, nearest first, and the comment goes back
 * to the one that opens it, behind the entry that it was read in. docs/COMPATIBILITY.md, "YAML".
 */
#include "core/crypt_engine.h"

#define LEVELS_MAX 64 /* mappings tried for one comment: each is a decryption, and a file may be hostile */

/* One comment that goes back to `home`. They are moved in reverse order, so that `before` stays where it is. */
struct sops_stray {
    struct sops_node *comment, *before, *home; /* before: the sibling in front of it, or NULL */
    struct sops_stray *older;
};

/* What is left of `path`, which leads to `n`, for the map or list around it. */
static struct sops_slice path_around(const struct sops_node *n, struct sops_slice path)
{
    return n->up->kind == SOPS_MAP ? sops_slice_first(path, path.len - n->key.len - 1) : path;
}

static bool add_stray(struct sops_doc *d, struct sops_strays *s, struct sops_node *n, struct sops_node *previous,
                      struct sops_node *home, struct sops_err *e)
{
    struct sops_stray *stray = sops_arena_alloc(&d->arena, sizeof *stray, e);
    if (stray == NULL) {
        return false;
    }
    *stray = (struct sops_stray){.comment = n, .home = home, .older = s->newest};
    if (n->up->child != n) {
        for (stray->before = previous; stray->before->up != n->up;) {
            stray->before = stray->before->up;
        }
    }
    s->newest = stray;
    return true;
}

bool sops_strays_try(struct sops_strays *s, struct sops_doc *d, struct sops_crypt *c, struct sops_leaf *leaf,
                     struct sops_node *previous, struct sops_err *e)
{
    struct sops_node *n = leaf->node, *at = n->up;
    struct sops_slice path = at->up != NULL ? leaf->aad : SOPS_LIT("");
    for (unsigned level = 0; at->up != NULL && level < LEVELS_MAX;) {
        path = path_around(at, path);
        at = at->up;
        if (at->kind != SOPS_MAP) {
            continue; /* a comment that is sealed in a list becomes an item, which is never out of place */
        }
        level++;
        struct sops_slice nonce;
        enum sops_kind kind;
        const char *why = sops_lane_open(c, &c->engine->lane[0], n->text, path.len != 0 ? path : SOPS_LIT(":"), &kind,
                                         leaf->to, &nonce, &leaf->len);
        if (why == sops_no_memory) {
            return sops_fail_memory(e);
        }
        if (why == NULL && kind == SOPS_COMMENT) {
            leaf->why = NULL;
            leaf->kind = kind;
            leaf->aad = path.len != 0 ? path : SOPS_LIT(":");
            leaf->long_nonce = nonce.len != SOPS_NONCE;
            memcpy(leaf->nonce, nonce.ptr, leaf->long_nonce ? 0 : SOPS_NONCE);
            return add_stray(d, s, n, previous, at, e);
        }
    }
    return true;
}

void sops_strays_home(struct sops_strays *s)
{
    for (struct sops_stray *stray = s->newest; stray != NULL; stray = stray->older) {
        struct sops_node *n = stray->comment, *around = n->up, *entry = around;
        while (entry->up != stray->home) {
            entry = entry->up;
        }
        *(stray->before != NULL ? &stray->before->next : &around->child) = n->next;
        if (around->last == n) {
            around->last = stray->before;
        }
        n->up = n->next = NULL;
        sops_node_link(stray->home, entry, n);
    }
}
