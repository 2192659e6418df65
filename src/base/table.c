/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. The hash key is made once a process: asking the kernel for one costs more than
 * filling a small table. */
#include "base/table.h"

#include <pthread.h>
#include <sodium.h>

struct sops_table_slot {
    struct sops_slice key; /* ptr NULL: free */
    uint64_t hash;
    void *value;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint8_t hash_key[crypto_shorthash_KEYBYTES];

static void make_key(void) { randombytes_buf(hash_key, sizeof hash_key); }

static uint64_t hash_of(const struct sops_table *t, struct sops_slice key)
{
    uint64_t h;
    crypto_shorthash((unsigned char *)&h, key.ptr, key.len, t->key);
    return h;
}

static struct sops_table_slot *seek(const struct sops_table *t, struct sops_slice key, uint64_t hash)
{
    size_t at = (size_t)hash & (t->size - 1);
    while (t->slots[at].key.ptr != NULL && (t->slots[at].hash != hash || !sops_slice_eq(t->slots[at].key, key))) {
        at = (at + 1) & (t->size - 1);
    }
    return &t->slots[at];
}

static bool grow(struct sops_table *t, struct sops_err *e)
{
    struct sops_table bigger = *t;
    bigger.size = t->size != 0 ? t->size * 2 : 16;
    bigger.slots = sops_alloc(bigger.size * sizeof *bigger.slots, e);
    if (bigger.slots == NULL) {
        return false;
    }
    if (t->size == 0) {
        (void)pthread_once(&once, make_key);
        memcpy(bigger.key, hash_key, sizeof bigger.key);
    }
    for (size_t i = 0; i < t->size; i++) {
        if (t->slots[i].key.ptr != NULL) {
            *seek(&bigger, t->slots[i].key, t->slots[i].hash) = t->slots[i];
        }
    }
    sops_free(t->slots);
    *t = bigger;
    return true;
}

void **sops_table_put(struct sops_table *t, struct sops_slice key, bool *is_new, struct sops_err *e)
{
    static const uint8_t nothing[1];
    if ((t->count + 1) * 2 > t->size && !grow(t, e)) {
        return NULL;
    }
    if (key.ptr == NULL) {
        key.ptr = nothing;
    }
    uint64_t hash = hash_of(t, key);
    struct sops_table_slot *s = seek(t, key, hash);
    bool fresh = s->key.ptr == NULL;
    if (fresh) {
        *s = (struct sops_table_slot){key, hash, NULL};
        t->count++;
    }
    if (is_new != NULL) {
        *is_new = fresh;
    }
    return &s->value;
}

void *sops_table_get(const struct sops_table *t, struct sops_slice key)
{
    return t->size != 0 ? seek(t, key, hash_of(t, key))->value : NULL;
}

bool sops_table_each(const struct sops_table *t, size_t *at, void **value)
{
    while (*at < t->size && t->slots[*at].key.ptr == NULL) {
        (*at)++;
    }
    if (*at >= t->size) {
        return false;
    }
    *value = t->slots[(*at)++].value;
    return true;
}

void sops_table_free(struct sops_table *t)
{
    sops_free(t->slots);
    *t = (struct sops_table){0};
}
