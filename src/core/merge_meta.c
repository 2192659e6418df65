/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are copied, as their order and what is wrapped for them change; their texts are not. */
#include "core/merge_meta.h"

#include "base/table.h"
#include "core/reuse.h"

static size_t count_groups(const struct sops_group *g)
{
    size_t n = 0;
    for (; g != NULL; g = g->next) {
        n++;
    }
    return n;
}

const struct sops_key *sops_group_find(const struct sops_group *g, const struct sops_key *k, struct sops_err *e)
{
    for (const struct sops_key *x = g != NULL ? g->keys : NULL; x != NULL; x = x->next) {
        if (sops_key_same(x, k, e)) {
            return x;
        }
    }
    return NULL;
}

/* Does each of `a` stand in `b`, and the reverse? */
static bool same_members(const struct sops_group *a, const struct sops_group *b, struct sops_err *e)
{
    for (const struct sops_key *k = a->keys; k != NULL; k = k->next) {
        if (sops_group_find(b, k, e) == NULL) {
            return false;
        }
    }
    for (const struct sops_key *k = b->keys; k != NULL; k = k->next) {
        if (sops_group_find(a, k, e) == NULL) {
            return false;
        }
    }
    return true;
}

static bool same_groups(const struct sops_group *a, const struct sops_group *b, struct sops_err *e)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (!same_members(a, b, e)) {
            return false;
        }
    }
    return a == NULL && b == NULL;
}

static bool same_rule(const struct sops_rules *a, const struct sops_rules *b)
{
    for (int i = 0; i < SOPS_RULES; i++) {
        if (!sops_slice_eq(a->text[i], b->text[i])) {
            return false;
        }
    }
    return true;
}

bool sops_meta_same_settings(const struct sops_meta *a, const struct sops_meta *b, struct sops_err *e)
{
    return same_rule(&a->rules, &b->rules) && a->rules.mac_only_encrypted == b->rules.mac_only_encrypted &&
           a->threshold == b->threshold && same_groups(a->groups, b->groups, e);
}

/* ---- settings --------------------------------------------------------------------------------------------------- */

/* Which side's setting counts, when `a_b`, `o_b`, `o_a` tell who agrees with whom: 0 ours, 1 theirs, -1 neither. */
static int side_of(bool a_b, bool o_b, bool o_a) { return a_b || o_b ? 0 : o_a ? 1 : -1; }

static bool clash(struct sops_buf *why, bool *fits, const char *what, struct sops_err *e)
{
    *fits = false;
    return sops_buf_addf(why, e, "%s: ours and theirs have changed it differently", what);
}

static bool merge_settings(const struct sops_meta *o, const struct sops_meta *a, const struct sops_meta *b,
                           struct sops_meta *out, bool *fits, struct sops_buf *why, struct sops_err *e)
{
    bool base = o != NULL;
    int rule = side_of(same_rule(&a->rules, &b->rules), base && same_rule(&o->rules, &b->rules),
                       base && same_rule(&o->rules, &a->rules));
    int only = side_of(a->rules.mac_only_encrypted == b->rules.mac_only_encrypted,
                       base && o->rules.mac_only_encrypted == b->rules.mac_only_encrypted,
                       base && o->rules.mac_only_encrypted == a->rules.mac_only_encrypted);
    int threshold = side_of(a->threshold == b->threshold, base && o->threshold == b->threshold,
                            base && o->threshold == a->threshold);
    if (rule < 0 || only < 0 || threshold < 0) {
        return clash(why, fits, rule < 0 ? "rule" : only < 0 ? "mac_only_encrypted" : "threshold", e);
    }
    memcpy(out->rules.text, (rule == 0 ? a : b)->rules.text, sizeof out->rules.text);
    out->rules.mac_only_encrypted = (only == 0 ? a : b)->rules.mac_only_encrypted;
    out->threshold = (threshold == 0 ? a : b)->threshold;
    int order = 0;
    out->version = sops_version_compare(a->version, b->version, &order) && order < 0 ? b->version : a->version;
    return true;
}

/* ---- recipients ------------------------------------------------------------------------------------------------- */

static bool add_key(struct sops_meta *out, struct sops_key ***end, const struct sops_key *k, struct sops_err *e)
{
    struct sops_key *copy = sops_arena_alloc(&out->arena, sizeof *copy, e);
    if (copy == NULL) {
        return false;
    }
    *copy = *k;
    copy->enc = (struct sops_slice){0};
    copy->next = NULL;
    **end = copy;
    *end = &copy->next;
    return true;
}

/* A set of both sides: what both have, or one side added. `base` NULL: everything is added. */
static bool merge_group(struct sops_meta *out, struct sops_group *to, const struct sops_group *base,
                        const struct sops_group *ours, const struct sops_group *theirs, struct sops_err *e)
{
    struct sops_key **end = &to->keys;
    for (const struct sops_key *k = ours->keys; k != NULL; k = k->next) {
        bool stays = sops_group_find(theirs, k, e) != NULL || sops_group_find(base, k, e) == NULL;
        if (e->code != SOPS_OK || (stays && !add_key(out, &end, k, e))) {
            return false;
        }
    }
    for (const struct sops_key *k = theirs->keys; k != NULL; k = k->next) {
        bool added = sops_group_find(ours, k, e) == NULL && sops_group_find(base, k, e) == NULL;
        if (e->code != SOPS_OK || (added && !add_key(out, &end, k, e))) {
            return false;
        }
    }
    return true;
}

/* The groups of one side, as they are. */
static bool copy_groups(struct sops_meta *out, const struct sops_group *from, struct sops_err *e)
{
    struct sops_group **end = &out->groups;
    for (; from != NULL; from = from->next) {
        struct sops_group *g = sops_arena_alloc(&out->arena, sizeof *g, e);
        if (g == NULL) {
            return false;
        }
        struct sops_key **keys = &g->keys;
        for (const struct sops_key *k = from->keys; k != NULL; k = k->next) {
            if (!add_key(out, &keys, k, e)) {
                return false;
            }
        }
        *end = g;
        end = &g->next;
    }
    return true;
}

static bool merge_each_group(const struct sops_group *o, const struct sops_group *a, const struct sops_group *b,
                             struct sops_meta *out, struct sops_err *e)
{
    struct sops_group **end = &out->groups;
    for (; a != NULL && b != NULL; a = a->next, b = b->next, o = o != NULL ? o->next : NULL) {
        struct sops_group *g = sops_arena_alloc(&out->arena, sizeof *g, e);
        if (g == NULL || !merge_group(out, g, o, a, b, e)) {
            return false;
        }
        *end = g;
        end = &g->next;
    }
    return true;
}

/* No group may be left without a recipient. */
static bool check_groups(const struct sops_meta *out, bool *fits, struct sops_buf *why, struct sops_err *e)
{
    size_t number = 1;
    for (const struct sops_group *g = out->groups; g != NULL; g = g->next, number++) {
        if (g->keys == NULL) {
            *fits = false;
            return out->groups->next != NULL
                       ? sops_buf_addf(why, e, "groups: no recipient is left in group %zu", number)
                       : sops_buf_adds(why, "no recipient is left: each side has removed those that the other kept", e);
        }
    }
    return true;
}

static bool merge_recipients(const struct sops_meta *o, const struct sops_meta *a, const struct sops_meta *b,
                             struct sops_meta *out, bool *fits, struct sops_buf *why, struct sops_err *e)
{
    size_t ours = count_groups(a->groups), theirs = count_groups(b->groups);
    bool ok;
    if (ours == theirs && (o == NULL || count_groups(o->groups) == ours)) {
        ok = merge_each_group(o != NULL ? o->groups : NULL, a->groups, b->groups, out, e);
    } else {
        int side = side_of(same_groups(a->groups, b->groups, e), o != NULL && same_groups(o->groups, b->groups, e),
                           o != NULL && same_groups(o->groups, a->groups, e));
        if (e->code != SOPS_OK) {
            return false;
        }
        if (side < 0) {
            return clash(why, fits, "groups", e);
        }
        ok = copy_groups(out, (side == 0 ? a : b)->groups, e);
    }
    return ok && check_groups(out, fits, why, e);
}

bool sops_meta_merge(const struct sops_meta *base, const struct sops_meta *ours, const struct sops_meta *theirs,
                     struct sops_meta *out, bool *fits, struct sops_buf *why, struct sops_err *e)
{
    *fits = true;
    return merge_settings(base, ours, theirs, out, fits, why, e) &&
           (!*fits || merge_recipients(base, ours, theirs, out, fits, why, e));
}

/* ---- the data key ----------------------------------------------------------------------------------------------- */

/* Is every recipient of `m` among the merged ones? Who was taken out must not keep a key that opens the result. */
static bool all_are_merged(const struct sops_meta *m, const struct sops_meta *merged, struct sops_err *e)
{
    const struct sops_group *g = m->groups, *to = merged->groups;
    for (; g != NULL && to != NULL; g = g->next, to = to->next) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (sops_group_find(to, k, e) == NULL) {
                return false;
            }
        }
    }
    return g == NULL;
}

#define KNOWN_BYTES 8 /* shorter texts may be guessed */

/* How often each text of `d` stands at its place. */
static bool count_texts(const struct sops_doc *d, struct sops_table *t, struct sops_arena *a, struct sops_err *e)
{
    struct sops_walk walk = {.doc = d};
    bool ok = true;
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_slice both;
        if (walk.at->kind != SOPS_STR || walk.at->text.len < KNOWN_BYTES) {
            continue;
        }
        ok = sops_walk_print(&walk, a, &both, e);
        void **count = ok ? sops_table_put(t, both, NULL, e) : NULL;
        ok = count != NULL;
        if (ok) {
            *count = (void *)((uintptr_t)*count + 1);
        }
    }
    sops_walk_free(&walk);
    return ok && e->code == SOPS_OK;
}

/* Has whoever wrote `side` read the base? More than half of its encrypted texts stand there at the same places. */
static bool has_read(const struct sops_doc *base, const struct sops_doc *side, bool *yes, struct sops_err *e)
{
    struct sops_table t = {0};
    struct sops_arena a = {0};
    size_t all = 0, known = 0;
    bool ok = count_texts(side, &t, &a, e);
    struct sops_walk walk = {.doc = base};
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_slice both;
        if (walk.at->kind != SOPS_STR || walk.at->sealed == NULL || walk.at->text.len < KNOWN_BYTES) {
            continue;
        }
        all++;
        ok = sops_walk_print(&walk, &a, &both, e);
        uintptr_t left = ok ? (uintptr_t)sops_table_get(&t, both) : 0;
        if (left != 0) {
            void **count = sops_table_put(&t, both, NULL, e);
            ok = count != NULL;
            if (ok) {
                *count = (void *)(left - 1);
            }
            known++;
        }
    }
    sops_walk_free(&walk);
    sops_table_free(&t);
    sops_arena_free(&a);
    *yes = known != 0 && 2 * known > all;
    return ok && e->code == SOPS_OK;
}

static bool is_good(const struct sops_key_choice *c, unsigned side, bool *good, struct sops_err *e)
{
    *good = all_are_merged(c->meta[side], c->merged, e);
    return e->code == SOPS_OK && (!*good || has_read(c->base, c->doc[side], good, e));
}

bool sops_key_choose(const struct sops_key_choice *c, enum sops_kept *kept, struct sops_err *e)
{
    bool good = false;
    *kept = SOPS_KEEP_OURS;
    if (sops_slice_eq(c->key[0], c->key[1])) {
        return true;
    }
    *kept = SOPS_KEEP_NONE;
    if (c->base == NULL || c->base_key.len == 0) {
        return true;
    }
    for (unsigned side = 0; side < 2; side++) {
        bool rotated = !sops_slice_eq(c->key[side], c->base_key);
        if (rotated && !is_good(c, side, &good, e)) {
            return false;
        }
        if (rotated && good) {
            *kept = side == 0 ? SOPS_KEEP_OURS : SOPS_KEEP_THEIRS;
            return true;
        }
    }
    return true;
}

/* ---- wrapped data keys ------------------------------------------------------------------------------------------ */

/* One group: each recipient keeps what stands on a side under the kept key. */
static void hand_over_one(const struct sops_key_choice *c, struct sops_meta *merged, const bool has[2],
                          struct sops_slice now, struct sops_err *e)
{
    for (struct sops_key *k = merged->groups->keys; k != NULL; k = k->next) {
        const struct sops_key *from = NULL;
        for (unsigned side = 0; side < 2 && from == NULL; side++) {
            const struct sops_group *g = c->meta[side]->groups;
            from = has[side] && g->next == NULL ? sops_group_find(g, k, e) : NULL;
            from = from != NULL && from->enc.len != 0 ? from : NULL;
        }
        if (from != NULL) {
            struct sops_key *next = k->next;
            *k = *from;
            k->next = next;
        } else {
            k->enc = (struct sops_slice){0};
            k->created_at = now;
        }
    }
}

bool sops_key_hand_over(const struct sops_key_choice *c, struct sops_meta *merged, enum sops_kept kept,
                        struct sops_slice now, struct sops_err *e)
{
    bool same = sops_slice_eq(c->key[0], c->key[1]);
    const bool has[2] = {kept == SOPS_KEEP_OURS, kept == SOPS_KEEP_THEIRS || (kept == SOPS_KEEP_OURS && same)};
    if (merged->groups->next == NULL) {
        hand_over_one(c, merged, has, now, e);
        return e->code == SOPS_OK;
    }
    for (unsigned side = 0; side < 2; side++) {
        const struct sops_meta *m = c->meta[side];
        if (has[side] && m->threshold == merged->threshold && same_groups(m->groups, merged->groups, e)) {
            merged->groups = m->groups; /* shares of two divisions do not fit together */
            return true;
        }
    }
    for (struct sops_group *g = merged->groups; g != NULL; g = g->next) {
        for (struct sops_key *k = g->keys; k != NULL; k = k->next) {
            k->enc = (struct sops_slice){0};
            k->created_at = now;
        }
    }
    return e->code == SOPS_OK;
}
