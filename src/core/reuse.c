/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. The clear texts are where they are anyway, so they are compared, and the hash
 * needs only to keep hostile ones apart. */
#include "core/reuse.h"

#include <sodium.h>

#define NO_ENTRY 0x7fffffffU

/* One ciphertext of an old document. */
struct sops_reuse_entry {
    const struct sops_sealed *sealed;
    uint32_t hash;
    uint32_t next : 31, taken : 1; /* next: one that stands for the same and comes later; NO_ENTRY: none */
};

void sops_reuse_free(struct sops_reuse *r)
{
    sops_free(r->entry);
    sops_free(r->slot);
    r->entry = NULL;
    r->slot = NULL;
    r->size = 0;
}

/* The one rule of reuse; that the data key is the same is asked once for each document, and the index has no others. */
static bool stands_for(const struct sops_sealed *s, enum sops_kind kind, struct sops_slice text, struct sops_slice aad)
{
    return s->kind == kind && sops_slice_eq(s->aad, aad) && sops_slice_eq(s->text, text);
}

static uint32_t hash_of(const struct sops_reuse *r, enum sops_kind kind, struct sops_slice text, struct sops_slice aad)
{
    uint64_t a, b;
    crypto_shorthash((uint8_t *)&a, aad.ptr, aad.len, r->hash_key);
    crypto_shorthash((uint8_t *)&b, text.ptr, text.len, r->hash_key);
    return (uint32_t)((a + (uint64_t)kind * 0x9e3779b97f4a7c15U) ^ (b << 1 | b >> 63));
}

/* The slot of what stands for this, or the free one where it would be. */
static uint32_t *seek(const struct sops_reuse *r, uint32_t hash, enum sops_kind kind, struct sops_slice text,
                      struct sops_slice aad)
{
    size_t at = hash & (r->size - 1);
    for (; r->slot[at] != NO_ENTRY; at = (at + 1) & (r->size - 1)) {
        const struct sops_reuse_entry *here = &r->entry[r->slot[at]];
        if (here->hash == hash && stands_for(here->sealed, kind, text, aad)) {
            break;
        }
    }
    return &r->slot[at];
}

/* How many ciphertexts `old` has under our key. */
static size_t count_of(const struct sops_reuse *r, const struct sops_doc *old)
{
    bool same = old->opening != NULL && memcmp(&old->opening->key, r->key, sizeof *r->key) == 0;
    return same ? old->opening->count : 0;
}

/* Room for `count` entries; none: the empty index. */
static bool make_room(struct sops_reuse *r, size_t count, struct sops_err *e)
{
    if (count == 0) {
        return true;
    }
    if (count >= NO_ENTRY / 2) {
        return sops_fail_memory(e);
    }
    for (r->size = 16; r->size < 2 * count;) {
        r->size *= 2;
    }
    r->entry = sops_alloc(count * sizeof *r->entry, e);
    r->slot = r->entry != NULL ? sops_alloc(r->size * sizeof *r->slot, e) : NULL;
    for (size_t i = 0; r->slot != NULL && i < r->size; i++) {
        r->slot[i] = NO_ENTRY;
    }
    randombytes_buf(r->hash_key, sizeof r->hash_key);
    return r->slot != NULL;
}

static bool may_reuse(const struct sops_reuse *r, const struct sops_sealed *s)
{
    bool refused = r->which == SOPS_REUSE_LAST ? s->odd_nonce : r->which == SOPS_REUSE_IN_ORDER && s->more;
    return s->reusable && !refused && (!s->unequal || r->which == SOPS_REUSE_IN_PLACE);
}

/* From the last to the first, so that of equal ones the first stands in front (or, with LAST, the last alone). */
bool sops_reuse_make(struct sops_reuse *r, struct sops_err *e)
{
    size_t docs = 0, at = 0;
    for (; r->old[docs] != NULL; docs++) {
        at += count_of(r, r->old[docs]);
    }
    if (!make_room(r, at, e)) {
        return false;
    }
    while (docs-- > 0) {
        for (size_t i = count_of(r, r->old[docs]); i-- > 0;) {
            const struct sops_sealed *s = &r->old[docs]->opening->leaf[i];
            struct sops_reuse_entry *entry = &r->entry[--at];
            *entry = (struct sops_reuse_entry){.sealed = s, .next = NO_ENTRY};
            if (!may_reuse(r, s)) {
                continue;
            }
            entry->hash = hash_of(r, s->kind, s->text, s->aad);
            uint32_t *slot = seek(r, entry->hash, s->kind, s->text, s->aad);
            if (*slot == NO_ENTRY || r->which != SOPS_REUSE_LAST) {
                entry->next = *slot & NO_ENTRY;
                *slot = (uint32_t)at;
            }
        }
    }
    return true;
}

/* The entry of what `n` was opened from, when that is one of ours. */
static struct sops_reuse_entry *entry_of(const struct sops_reuse *r, const struct sops_sealed *s)
{
    size_t at = 0;
    for (size_t i = 0; r->old[i] != NULL; i++) {
        size_t count = count_of(r, r->old[i]);
        if (count != 0 && r->old[i]->opening == s->of) {
            return &r->entry[at + (size_t)(s - s->of->leaf)];
        }
        at += count;
    }
    return NULL;
}

/* The ciphertext for such a leaf, `hash` being its hash. */
static const struct sops_sealed *take(struct sops_reuse *r, uint32_t hash, const struct sops_node *n,
                                      struct sops_slice aad)
{
    uint32_t *slot = seek(r, hash, (enum sops_kind)n->kind, n->text, aad);
    if (*slot == NO_ENTRY) {
        return NULL;
    }
    while (r->entry[*slot].taken && r->entry[*slot].next != NO_ENTRY) {
        *slot = r->entry[*slot].next;
    }
    struct sops_reuse_entry *entry = &r->entry[*slot];
    const struct sops_sealed *found = entry->taken ? NULL : entry->sealed;
    entry->taken = r->which != SOPS_REUSE_LAST;
    return found;
}

bool sops_reuse_own(struct sops_reuse *r, struct sops_node *n, struct sops_slice aad)
{
    const struct sops_sealed *s = n->sealed;
    if (r->size == 0 || s == NULL || !may_reuse(r, s) || !stands_for(s, (enum sops_kind)n->kind, n->text, aad)) {
        return false;
    }
    struct sops_reuse_entry *own = entry_of(r, s);
    if (own == NULL) {
        return false;
    }
    if (r->which != SOPS_REUSE_LAST) {
        own->taken = true;
    } else {
        n->sealed = take(r, own->hash, n, aad);
    }
    return true;
}

const struct sops_sealed *sops_reuse_find(struct sops_reuse *r, const struct sops_node *n, struct sops_slice aad)
{
    return r->size != 0 ? take(r, hash_of(r, (enum sops_kind)n->kind, n->text, aad), n, aad) : NULL;
}
