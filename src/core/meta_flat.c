/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flat form of the metadata (docs/spec/30-metadata.md#flattening-dotenv-and-ini). When it is read, each place of
 * the tree is found through one table, by its parent and its last step, so that neither many names nor one long name
 * can make it slow.
 */
#include "core/format.h"
#include "core/meta.h"

#include "base/table.h"
#include "base/text.h"

#define MAP_MARK "__map_"
#define LIST_MARK "__list_"
#define MAX_DEPTH 16 /* ours has 7 levels */
#define FIRST_MEMBERS 8

/* ---- writing -------------------------------------------------------------------------------------------------- */

/* Where the walk is: the name so far, and for each level its length before the last step and the index of that step. */
struct naming {
    struct sops_buf name;
    size_t length[MAX_DEPTH], index[MAX_DEPTH], depth;
};

static bool add_step(struct naming *w, const struct sops_node *n, struct sops_err *e)
{
    w->length[w->depth] = w->name.len;
    if (n->up->kind == SOPS_LIST) {
        return sops_buf_addf(&w->name, e, LIST_MARK "%zu", w->index[w->depth]);
    }
    return (w->depth == 0 || sops_buf_adds(&w->name, MAP_MARK, e)) && sops_buf_add(&w->name, n->key, e);
}

/* The plain text of a scalar of the metadata, which holds texts, whole numbers and booleans only. */
static struct sops_slice plain(const struct sops_node *n)
{
    if (n->kind == SOPS_BOOL) {
        return sops_slice_eq(n->text, SOPS_LIT("True")) ? SOPS_LIT("true") : SOPS_LIT("false");
    }
    return n->text;
}

bool sops_meta_flatten(struct sops_doc *d, const struct sops_node *nested, struct sops_node *to, const char *prefix,
                       struct sops_err *e)
{
    struct naming w = {0};
    const struct sops_node *n = nested->child;
    bool ok = sops_buf_adds(&w.name, prefix, e);
    while (ok && n != NULL) {
        ok = add_step(&w, n, e);
        if (ok && sops_node_is_leaf(n)) {
            ok = sops_node_add(d, to, SOPS_STR, sops_buf_view(&w.name), plain(n), e) != NULL;
        }
        if (ok && n->child != NULL) {
            ok = w.depth + 1 < MAX_DEPTH || sops_fail(e, SOPS_E_GENERIC, "the metadata are too deep");
            w.depth += ok;
            w.index[w.depth] = 0;
            n = n->child;
            continue;
        }
        while (n->next == NULL && n->up != nested) {
            n = n->up;
            w.depth--;
        }
        sops_buf_cut(&w.name, w.length[w.depth]);
        w.index[w.depth]++;
        n = n->next;
    }
    sops_buf_free(&w.name);
    return ok;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

struct placing {
    struct sops_doc *d;
    struct sops_table places; /* (parent, step) to node */
    struct sops_arena keys;   /* of the table */
};

static size_t find_text(struct sops_slice s, struct sops_slice what)
{
    const uint8_t *at = s.len != 0 ? memmem(s.ptr, s.len, what.ptr, what.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

/* Takes the next step of a name: what stands before the next mark. The kind that the mark wants: STR at the end. */
static struct sops_slice take_step(struct sops_slice *rest, enum sops_kind *kind)
{
    size_t under = 0;
    *kind = SOPS_STR;
    for (; under < rest->len; under++) {
        under += find_text(sops_slice_skip(*rest, under), SOPS_LIT("__"));
        struct sops_slice at = sops_slice_skip(*rest, under);
        if (sops_slice_starts(at, SOPS_LIT(MAP_MARK)) || sops_slice_starts(at, SOPS_LIT(LIST_MARK))) {
            *kind = at.ptr[2] == 'm' ? SOPS_MAP : SOPS_LIST;
            break;
        }
    }
    struct sops_slice step = sops_slice_first(*rest, under);
    *rest = sops_slice_skip(*rest, *kind == SOPS_STR   ? rest->len
                                   : *kind == SOPS_MAP ? under + sizeof MAP_MARK - 1
                                                       : under + sizeof LIST_MARK - 1);
    return step;
}

/* Sign and digits, whatever their size. */
static bool is_integer(struct sops_slice s)
{
    s = sops_slice_skip(s, s.len != 0 && (s.ptr[0] == '+' || s.ptr[0] == '-') ? 1 : 0);
    return s.len != 0 && sops_digits(s) == s.len;
}

/* The number of an item; what is no number counts as 0. */
static bool index_of(struct sops_slice step, int64_t *index, struct sops_err *e)
{
    if (!sops_int_parse(step, index)) {
        *index = is_integer(step) ? -1 : 0;
    }
    return *index >= 0 && *index <= UINT32_MAX ? true
                                               : sops_fail(e, SOPS_E_GENERIC, "an index of a list is out of range");
}

static struct sops_node *add_place(struct placing *p, struct sops_node *parent, struct sops_slice name, int64_t index,
                                   enum sops_kind kind, struct sops_err *e)
{
    struct sops_node *n = sops_node_add_ref(p->d, parent, kind, name, SOPS_LIT(""), e);
    if (n != NULL) {
        n->line = (uint32_t)index; /* lists are put in order by it, below */
    }
    return n;
}

/* Looks among the first members of a map, which are not in the table. True when that settles it: `*found` is the
 * member, or NULL when the map has no other ones. */
static bool scan_first(const struct sops_node *map, struct sops_slice step, struct sops_node **found)
{
    *found = map->child;
    for (size_t i = 0; i < FIRST_MEMBERS; i++) {
        if (*found == NULL || sops_slice_eq((*found)->key, step)) {
            return true;
        }
        *found = (*found)->next;
    }
    return false;
}

/* The node at `step` of `parent`, made when it is new. Most names are like the one before, and most maps are small:
 * only the rest goes through the table. */
static struct sops_node *place(struct placing *p, struct sops_node *parent, struct sops_slice step, enum sops_kind kind,
                               bool *is_new, struct sops_err *e)
{
    int64_t index = 0;
    struct sops_slice name = step;
    struct sops_node *found = NULL;
    *is_new = false;
    if (parent->kind == SOPS_LIST) {
        if (!index_of(step, &index, e)) {
            return NULL;
        }
        if (parent->last != NULL && parent->last->line == index) {
            return parent->last;
        }
        step = sops_slice_of(&index, sizeof index);
        name = SOPS_LIT("");
    } else if (scan_first(parent, step, &found)) {
        *is_new = found == NULL;
        return *is_new ? add_place(p, parent, name, 0, kind, e) : found;
    }
    uint8_t *key = sops_arena_bytes(&p->keys, sizeof parent + step.len, e);
    if (key == NULL) {
        return NULL;
    }
    memcpy(key, &parent, sizeof parent);
    if (step.len != 0) {
        memcpy(key + sizeof parent, step.ptr, step.len);
    }
    void **slot = sops_table_put(&p->places, sops_slice_of(key, sizeof parent + step.len), is_new, e);
    if (slot != NULL && *is_new) {
        *slot = add_place(p, parent, name, index, kind, e);
    }
    return slot != NULL ? *slot : NULL;
}

static bool place_entry(struct placing *p, struct sops_node *root, const struct sops_node *entry, struct sops_err *e)
{
    struct sops_slice rest = entry->key;
    struct sops_node *at = root;
    enum sops_kind kind = SOPS_MAP;
    while (kind != SOPS_STR) {
        bool is_new;
        struct sops_slice step = take_step(&rest, &kind);
        at = place(p, at, step, kind, &is_new, e);
        if (at == NULL) {
            return false;
        }
        if (at->kind != kind) {
            return sops_fail(e, SOPS_E_GENERIC, "two entries make one place a value, a list and a mapping at once");
        }
        if (kind == SOPS_STR && !is_new) {
            return sops_fail(e, SOPS_E_GENERIC, "two entries mean the same place");
        }
    }
    at->text = entry->text;
    return true;
}

/* Puts the items of a list in order; their indices must be 0, 1, 2, … */
static bool order(struct sops_node *list, struct sops_err *e)
{
    size_t count = 0;
    for (struct sops_node *n = list->child; n != NULL; n = n->next) {
        count++;
    }
    struct sops_node **item = sops_alloc(count * sizeof(struct sops_node *), e);
    if (item == NULL) {
        return false;
    }
    bool ok = true;
    for (struct sops_node *n = list->child; ok && n != NULL; n = n->next) {
        ok = n->line < count || sops_fail(e, SOPS_E_GENERIC, "the indices of a list are not 0 to %zu", count - 1);
        if (ok) {
            item[n->line] = n; /* each once: equal ones are one place */
        }
    }
    if (ok) {
        list->child = list->last = NULL;
        for (size_t i = 0; i < count; i++) {
            item[i]->line = 0;
            sops_node_link(list, list->last, item[i]);
        }
    }
    sops_free(item);
    return ok;
}

bool sops_meta_fail_twice(unsigned line, struct sops_err *e)
{
    sops_fail_at(e, line, 0, "duplicate metadata: a second block of metadata begins here");
    return sops_hint(e, SOPS_TWO_FILES_HINT);
}

/* An entry that has no place: its key is text of the document, so it is named by its line. Where two files were put
 * into one, it is the first of the second's. Returns false. */
static bool fail_entry(const struct sops_node *flat, const struct sops_node *entry, struct sops_err *e)
{
    unsigned macs = 0;
    for (const struct sops_node *n = flat->child; n != NULL; n = n->next) {
        macs += sops_slice_eq(n->key, SOPS_LIT("mac"));
    }
    if (macs > 1) {
        sops_err_clear(e);
        return sops_meta_fail_twice(entry->line, e);
    }
    e->line = entry->line;
    return sops_within(e, "metadata");
}

bool sops_meta_unflatten(struct sops_doc *d, const struct sops_node *flat, struct sops_node **nested,
                         struct sops_err *e)
{
    struct placing p = {.d = d};
    struct sops_node *root = sops_arena_alloc(&d->arena, sizeof *root, e);
    bool ok = root != NULL;
    if (ok) {
        root->kind = SOPS_MAP;
    }
    for (const struct sops_node *n = ok ? flat->child : NULL; ok && n != NULL; n = n->next) {
        ok = n->kind == SOPS_COMMENT || place_entry(&p, root, n, e) || fail_entry(flat, n, e);
    }
    for (struct sops_node *n = root; ok && n != NULL; n = sops_node_after(root, n)) {
        ok = n->kind != SOPS_LIST || order(n, e) || sops_within(e, "metadata");
    }
    sops_table_free(&p.places);
    sops_arena_free(&p.keys);
    *nested = root;
    return ok;
}
