/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes stand before what is in them, so going backwards finds the prints of all children made. */
#include "core/shape.h"

#include "core/reuse.h"

bool sops_is_ciphertext(struct sops_slice text)
{
    return sops_slice_starts(text, SOPS_LIT("ENC[AES256_GCM,")) && sops_slice_ends(text, SOPS_LIT("]"));
}

bool sops_reads_as_comment(const struct sops_node *n)
{
    return n->kind == SOPS_COMMENT ||
           (n->kind == SOPS_STR && sops_is_ciphertext(n->text) && sops_slice_ends(n->text, SOPS_LIT(",type:comment]")));
}

/* The ciphertext of a leaf that is encrypted in its file, else the empty slice. */
static struct sops_slice ciphertext_of(const struct sops_node *n, enum sops_shape_by by)
{
    if (by == SOPS_SHAPE_OPENED && n->sealed != NULL) {
        return n->sealed->enc;
    }
    bool closed = by == SOPS_SHAPE_CLOSED && (n->flags & SOPS_MARKED) != 0 && sops_is_ciphertext(n->text);
    return closed ? n->text : (struct sops_slice){0};
}

/* In a list an encrypted comment is an item until it is opened. */
static bool is_comment(const struct sops_node *n, struct sops_slice enc)
{
    return n->kind == SOPS_COMMENT || sops_slice_ends(enc, SOPS_LIT(",type:comment]"));
}

static size_t count_nodes(const struct sops_doc *d)
{
    size_t count = 0;
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            count++;
        }
    }
    return count;
}

enum { TAG_ENTRY = 1000, TAG_ENC, TAG_KEY }; /* above all kinds */

/* What a map or list holds, one entry behind the other. */
static void print_entries(struct sops_shapes *s, struct sops_shape *of, const uint8_t key[SOPS_PRINT_KEY])
{
    struct sops_print both[3];
    of->value = of->whole = sops_print_of(key, of->node->kind, (struct sops_slice){0});
    for (uint32_t at = of->child; at != SOPS_NO_SHAPE; at = s->shape[at].next) {
        const struct sops_shape *c = &s->shape[at];
        uint64_t tag = TAG_KEY + (of->node->kind == SOPS_MAP && !c->comment ? 1 + (uint64_t)c->node->key_kind : 0);
        both[1] = sops_print_of(key, tag, c->node->key);
        both[0] = of->whole;
        both[2] = c->whole;
        of->whole = sops_print_of(key, TAG_ENTRY, sops_slice_of(both, sizeof both));
        if (!c->comment) {
            both[0] = of->value;
            both[2] = c->value;
            of->value = sops_print_of(key, TAG_ENTRY, sops_slice_of(both, sizeof both));
        }
    }
}

/* One shape for each node, linked as they are. */
static void link_shapes(struct sops_shapes *s, const struct sops_doc *d)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        uint32_t before = SOPS_NO_SHAPE;
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            uint32_t at = (uint32_t)s->count++, up = SOPS_NO_SHAPE;
            struct sops_shape *shape = &s->shape[at];
            if (n != part && n == s->shape[before].node->child) {
                up = before;
                s->shape[up].child = at;
            } else if (n != part) {
                while (s->shape[before].node->next != n) {
                    before = s->shape[before].up;
                }
                up = s->shape[before].up;
                s->shape[before].next = at;
            }
            *shape = (struct sops_shape){.node = n, .child = SOPS_NO_SHAPE, .next = SOPS_NO_SHAPE, .up = up};
            before = at;
        }
        uint32_t first = (uint32_t)(s->count - 1);
        while (s->shape[first].up != SOPS_NO_SHAPE) {
            first = s->shape[first].up;
        }
        s->shape[first].next = part->next != NULL ? (uint32_t)s->count : SOPS_NO_SHAPE;
    }
}

bool sops_shapes_make(struct sops_shapes *s, const struct sops_doc *d, const uint8_t key[SOPS_PRINT_KEY],
                      enum sops_shape_by by, struct sops_err *e)
{
    size_t count = count_nodes(d);
    if (count >= SOPS_NO_SHAPE) {
        return sops_fail_memory(e);
    }
    s->shape = sops_alloc(count * sizeof *s->shape, e);
    if (s->shape == NULL) {
        return false;
    }
    link_shapes(s, d);
    for (size_t i = s->count; i-- > 0;) {
        struct sops_shape *shape = &s->shape[i];
        struct sops_slice enc = ciphertext_of(shape->node, by);
        shape->comment = is_comment(shape->node, enc);
        if (!sops_node_is_leaf(shape->node)) {
            print_entries(s, shape, key);
        } else {
            shape->value = enc.len != 0 ? sops_print_of(key, TAG_ENC, enc)
                                        : sops_print_of(key, shape->node->kind, shape->node->text);
            shape->whole = shape->value;
        }
    }
    return true;
}

void sops_shapes_free(struct sops_shapes *s)
{
    sops_free(s->shape);
    *s = (struct sops_shapes){0};
}

size_t sops_shape_values(const struct sops_shapes *s, uint32_t at)
{
    const struct sops_node *root = s->shape[at].node;
    size_t count = 0;
    for (uint32_t i = at;; i++) {
        const struct sops_shape *shape = &s->shape[i];
        count += !shape->comment && shape->child == SOPS_NO_SHAPE;
        if (sops_node_after(root, (struct sops_node *)(uintptr_t)shape->node) == NULL) {
            return count;
        }
    }
}
