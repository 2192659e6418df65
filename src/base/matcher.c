/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Almost every place of almost every text is ruled out by one bit: nothing begins with those four bytes. What is left
 * is looked up among the sorted texts. The longest one that begins at a place is the last one that is not greater than
 * what stands there, or one that this begins with: each entry knows the longest other entry that it begins with.
 */
#include "base/matcher.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct sops_matcher_entry {
    uint64_t front; /* its first eight bytes, to be compared as a number */
    uint32_t at, len, id;
    uint32_t within; /* the longest other entry that it begins with, or NONE */
};
struct sops_matcher_slot {
    uint32_t key, begin, end; /* empty when begin == end */
};

static uint32_t four_bytes(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t mixed(uint32_t v) { return v * 0x9e3779b1U; }

static const uint8_t *text_of(const struct sops_matcher *m, const struct sops_matcher_entry *t)
{
    return m->text.ptr + t->at;
}

bool sops_matcher_add(struct sops_matcher *m, struct sops_slice text, uint32_t id, struct sops_err *e)
{
    if (text.len < SOPS_MATCHER_SHORTEST || text.len > SOPS_MATCHER_LONGEST || m->count >= NONE - 1 ||
        m->text.len > UINT32_MAX - text.len) {
        return sops_fail(e, SOPS_E_GENERIC, "too much to look for at once");
    }
    struct sops_matcher_entry *grown = sops_grow(m->all, m->count, &m->room, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    m->all = grown;
    struct sops_matcher_entry *t = &m->all[m->count];
    *t = (struct sops_matcher_entry){.at = (uint32_t)m->text.len, .len = (uint32_t)text.len, .id = id, .within = NONE};
    for (size_t i = 0; i < sizeof t->front; i++) {
        t->front = t->front << 8 | (i < text.len ? text.ptr[i] : 0);
    }
    m->first[text.ptr[0]] = true;
    m->count += sops_buf_add(&m->text, text, e);
    return e->code == SOPS_OK;
}

static int by_text(const void *a, const void *b, void *arg)
{
    const struct sops_matcher *m = arg;
    const struct sops_matcher_entry *x = a, *y = b;
    if (x->front != y->front) {
        return x->front < y->front ? -1 : 1;
    }
    int order = sops_slice_cmp(sops_slice_of(text_of(m, x), x->len), sops_slice_of(text_of(m, y), y->len));
    return order != 0 ? order : x->id < y->id ? -1 : x->id > y->id;
}

static bool begins_with(const struct sops_matcher *m, const struct sops_matcher_entry *t,
                        const struct sops_matcher_entry *with)
{
    return with->len <= t->len && memcmp(text_of(m, t), text_of(m, with), with->len) == 0;
}

/* Takes out what stands twice, and finds for each what it begins with: the entry before it, or one of that one's. */
static void link_entries(struct sops_matcher *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct sops_matcher_entry t = m->all[i];
        if (kept != 0 && m->all[kept - 1].len == t.len && begins_with(m, &t, &m->all[kept - 1])) {
            continue;
        }
        t.within = kept != 0 ? (uint32_t)kept - 1 : NONE;
        while (t.within != NONE && !begins_with(m, &t, &m->all[t.within])) {
            t.within = m->all[t.within].within;
        }
        m->all[kept++] = t;
    }
    m->count = kept;
}

/* The smallest power of two that is not below `n`. */
static size_t power_for(size_t n)
{
    size_t power = 1;
    while (power < n) {
        power *= 2;
    }
    return power;
}

static void add_slot(struct sops_matcher *m, uint32_t key, size_t begin, size_t end)
{
    size_t at = mixed(key) & m->slot_mask;
    while (m->slots[at].begin != m->slots[at].end) {
        at = (at + 1) & m->slot_mask;
    }
    m->slots[at] = (struct sops_matcher_slot){key, (uint32_t)begin, (uint32_t)end};
    uint32_t bit = mixed(key) >> (32 - m->filter_bits);
    m->filter[bit / 64] |= (uint64_t)1 << bit % 64;
}

bool sops_matcher_build(struct sops_matcher *m, struct sops_err *e)
{
    if (m->count > 1) {
        qsort_r(m->all, m->count, sizeof *m->all, by_text, m);
    }
    link_entries(m);
    size_t keys = power_for(2 * m->count + 1);
    for (m->filter_bits = 15; m->filter_bits < 23 && (size_t)1 << m->filter_bits < 8 * keys; m->filter_bits++) {
    }
    m->slot_mask = keys - 1;
    m->slots = sops_alloc(keys * sizeof *m->slots, e);
    m->filter = sops_alloc(((size_t)1 << m->filter_bits) / 8, e);
    if (m->slots == NULL || m->filter == NULL) {
        return false;
    }
    for (size_t begin = 0, end; begin < m->count; begin = end) {
        uint32_t key = four_bytes(text_of(m, &m->all[begin]));
        for (end = begin + 1; end < m->count && four_bytes(text_of(m, &m->all[end])) == key; end++) {
        }
        add_slot(m, key, begin, end);
    }
    return true;
}

/* How many bytes of the entry stand at the start of `in`. */
static size_t common(const struct sops_matcher *m, const struct sops_matcher_entry *t, struct sops_slice in)
{
    const uint8_t *text = text_of(m, t);
    size_t n = t->len < in.len ? t->len : in.len, i = 0;
    for (; i + 64 <= n && memcmp(text + i, in.ptr + i, 64) == 0; i += 64) {
    }
    while (i < n && text[i] == in.ptr[i]) {
        i++;
    }
    return i;
}

/* What begins at the start of `in`, among the entries from `begin` to `end`. */
static void look_up(const struct sops_matcher *m, size_t begin, size_t end, struct sops_slice in,
                    struct sops_found *found)
{
    size_t low = begin, high = end; /* high: the first entry that is greater than `in` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sops_matcher_entry *t = &m->all[middle];
        size_t n = t->len < in.len ? t->len : in.len;
        int order = memcmp(text_of(m, t), in.ptr, n);
        if (order < 0 || (order == 0 && t->len <= in.len)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = (struct sops_found){0};
    found->open = high < end && m->all[high].len > in.len && memcmp(text_of(m, &m->all[high]), in.ptr, in.len) == 0;
    if (high == begin) {
        return;
    }
    size_t same = common(m, &m->all[high - 1], in);
    uint32_t at = (uint32_t)high - 1;
    while (at != NONE && m->all[at].len > same) {
        at = m->all[at].within;
    }
    if (at != NONE) {
        found->len = m->all[at].len;
        found->id = m->all[at].id;
    }
}

/* At the end less than four bytes stand: they may be the beginning of any entry. */
static size_t next_at_end(const struct sops_matcher *m, struct sops_slice in, size_t from, struct sops_found *found)
{
    for (; from < in.len; from++) {
        if (m->first[in.ptr[from]]) {
            look_up(m, 0, m->count, sops_slice_skip(in, from), found);
            if (found->open) {
                return from;
            }
        }
    }
    *found = (struct sops_found){0};
    return in.len;
}

size_t sops_matcher_next(const struct sops_matcher *m, struct sops_slice in, size_t from, struct sops_found *found)
{
    const unsigned shift = 32 - m->filter_bits;
    for (; from + 4 <= in.len; from++) {
        uint32_t key = four_bytes(in.ptr + from), hash = mixed(key), bit = hash >> shift;
        if ((m->filter[bit / 64] >> bit % 64 & 1) == 0) {
            continue;
        }
        size_t at = hash & m->slot_mask;
        while (m->slots[at].begin != m->slots[at].end && m->slots[at].key != key) {
            at = (at + 1) & m->slot_mask;
        }
        if (m->slots[at].begin != m->slots[at].end) {
            look_up(m, m->slots[at].begin, m->slots[at].end, sops_slice_skip(in, from), found);
            if (found->len != 0 || found->open) {
                return from;
            }
        }
    }
    return next_at_end(m, in, from, found);
}

void sops_matcher_free(struct sops_matcher *m)
{
    sops_buf_free(&m->text);
    sops_free(m->all);
    sops_free(m->slots);
    sops_free(m->filter);
    *m = (struct sops_matcher){0};
}
