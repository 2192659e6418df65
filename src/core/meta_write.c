/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the metadata: keys sorted by bytes at every level (docs/spec/30-metadata.md). The lists and fields are those
 * of the key sources. */
#include "core/meta.h"

#include "base/text.h"

/* A new member of `map`, at its place by key. NULL with `e` set on failure. */
static struct sops_node *put(struct sops_doc *d, struct sops_node *map, enum sops_kind kind, const char *name,
                             struct sops_slice text, struct sops_err *e)
{
    struct sops_node *n = sops_node_add(d, map, kind, sops_str(name), text, e);
    struct sops_node *after = NULL;
    for (struct sops_node *x = map->child; n != NULL && x != n && sops_slice_cmp(x->key, n->key) <= 0; x = x->next) {
        after = x;
    }
    if (n != NULL && (after != NULL ? after->next : map->child) != n) {
        sops_node_unlink(d, n);
        sops_node_link(map, after, n);
    }
    return n;
}

static bool put_text(struct sops_doc *d, struct sops_node *map, const char *name, struct sops_slice text,
                     struct sops_err *e)
{
    return put(d, map, SOPS_STR, name, text, e) != NULL;
}

static bool put_pairs(struct sops_doc *d, struct sops_node *item, const char *name, const struct sops_pair *pair,
                      struct sops_err *e)
{
    if (pair == NULL) {
        return true;
    }
    struct sops_node *map = put(d, item, SOPS_MAP, name, SOPS_LIT(""), e);
    for (; map != NULL && pair != NULL; pair = pair->next) { /* sorted already */
        if (sops_node_add(d, map, SOPS_STR, pair->key, pair->value, e) == NULL) {
            return false;
        }
    }
    return map != NULL;
}

static bool put_key(struct sops_doc *d, struct sops_node *list, const struct sops_key *k, struct sops_err *e)
{
    const struct sops_keysource *source = k->source;
    struct sops_node *item = sops_node_add(d, list, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    bool ok = item != NULL && put_text(d, item, "enc", k->enc, e);
    if (ok && (source->flags & SOPS_SRC_DATED) != 0) {
        ok = put_text(d, item, "created_at", k->created_at, e);
    }
    for (size_t i = 0; ok && source->fields[i].meta != NULL; i++) {
        const struct sops_keyfield *f = &source->fields[i];
        if ((f->flags & SOPS_FIELD_MAP) != 0) {
            ok = put_pairs(d, item, f->meta, k->map, e);
        } else if ((f->flags & SOPS_FIELD_OPTIONAL) == 0 || k->field[i].len != 0) {
            ok = put_text(d, item, f->meta, k->field[i], e);
        }
    }
    return ok;
}

/* A list for each source that has keys here; inside of groups also the empty ones that are always written. */
static bool put_keys(struct sops_doc *d, struct sops_node *map, const struct sops_key *keys, bool in_groups,
                     struct sops_err *e)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const struct sops_keysource *source = sops_keysources[i];
        struct sops_node *list = NULL;
        if (in_groups && (source->flags & SOPS_SRC_ALWAYS) != 0) {
            list = put(d, map, SOPS_LIST, source->id, SOPS_LIT(""), e);
            if (list == NULL) {
                return false;
            }
        }
        for (const struct sops_key *k = keys; k != NULL; k = k->next) {
            if (k->source != source) {
                continue;
            }
            list = list != NULL ? list : put(d, map, SOPS_LIST, source->id, SOPS_LIT(""), e);
            if (list == NULL || !put_key(d, list, k, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool put_groups(struct sops_doc *d, struct sops_node *map, const struct sops_group *groups, struct sops_err *e)
{
    if (groups != NULL && groups->next == NULL) {
        return put_keys(d, map, groups->keys, false, e);
    }
    struct sops_node *list = put(d, map, SOPS_LIST, "key_groups", SOPS_LIT(""), e);
    for (const struct sops_group *g = groups; list != NULL && g != NULL; g = g->next) {
        struct sops_node *item = sops_node_add(d, list, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
        if (item == NULL || !put_keys(d, item, g->keys, true, e)) {
            return false;
        }
    }
    return list != NULL;
}

static bool build(struct sops_doc *d, const struct sops_meta *m, struct sops_node *map, struct sops_err *e)
{
    bool ok = put_groups(d, map, m->groups, e) && put_text(d, map, "lastmodified", m->last_modified, e) &&
              put_text(d, map, "mac", m->mac, e) && put_text(d, map, "version", m->version, e);
    if (ok && m->threshold != 0) {
        char digits[24];
        size_t n = sops_int_text(m->threshold, digits);
        ok = put(d, map, SOPS_INT, "shamir_threshold", sops_slice_of(digits, n), e) != NULL;
    }
    if (ok && m->rules.mac_only_encrypted) {
        ok = put(d, map, SOPS_BOOL, "mac_only_encrypted", SOPS_LIT("True"), e) != NULL;
    }
    if (ok && m->conflicts != 0) {
        char digits[24];
        size_t n = sops_int_text(m->conflicts, digits);
        ok = put(d, map, SOPS_INT, "unresolved", sops_slice_of(digits, n), e) != NULL;
    }
    for (int i = 0; ok && i < SOPS_RULES; i++) {
        ok = m->rules.text[i].len == 0 || put_text(d, map, sops_rule_names[i], m->rules.text[i], e);
    }
    return ok;
}

/* INI only: a newline becomes the two characters `\n`. */
static bool escape(struct sops_doc *d, struct sops_node *section, struct sops_err *e)
{
    for (struct sops_node *n = section->child; n != NULL; n = n->next) {
        size_t extra = 0, len = 0;
        for (size_t i = 0; i < n->text.len; i++) {
            extra += n->text.ptr[i] == '\n';
        }
        if (extra == 0) {
            continue;
        }
        uint8_t *to = sops_arena_bytes(&d->arena, n->text.len + extra, e);
        if (to == NULL) {
            return false;
        }
        for (size_t i = 0; i < n->text.len; i++) {
            bool newline = n->text.ptr[i] == '\n';
            to[len++] = newline ? '\\' : n->text.ptr[i];
            if (newline) {
                to[len++] = 'n';
            }
        }
        n->text = (struct sops_slice){to, len};
    }
    return true;
}

static bool is_nested(enum sops_layout l) { return l == SOPS_META_NESTED || l == SOPS_META_TABLES; }

/* Is it written on a line of its own, and not as tables? */
static bool is_plain(const struct sops_node *n) { return sops_node_is_leaf(n) || n->child == NULL; }

/* In each map what is no table comes first, without a change of the order otherwise. */
static void texts_first(struct sops_node *root)
{
    for (struct sops_node *map = root; map != NULL; map = sops_node_after(root, map)) {
        struct sops_node *plain = NULL, *tables = NULL, **plain_end = &plain, **tables_end = &tables;
        if (map->kind != SOPS_MAP) {
            continue;
        }
        for (struct sops_node *n = map->child, *next; n != NULL; n = next) {
            struct sops_node ***end = is_plain(n) ? &plain_end : &tables_end;
            next = n->next;
            n->next = NULL;
            **end = n;
            *end = &n->next;
            map->last = n;
        }
        *plain_end = tables;
        map->child = plain;
        for (struct sops_node *n = plain; n != NULL; n = n->next) {
            map->last = n;
        }
    }
}

bool sops_meta_attach(struct sops_doc *d, enum sops_layout l, const struct sops_meta *m, struct sops_err *e)
{
    struct sops_node *nested = sops_arena_alloc(&d->arena, sizeof *nested, e);
    if (nested == NULL) {
        return false;
    }
    nested->kind = SOPS_MAP;
    nested->key_kind = SOPS_STR;
    nested->key = SOPS_LIT("sops");
    if (!build(d, m, nested, e) ||
        (d->parts == NULL && sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e) == NULL)) {
        return false;
    }
    if (l == SOPS_META_TABLES) {
        texts_first(nested);
    }
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        struct sops_node *to = part;
        if (part != d->parts && sops_node_find(part, nested->key) != NULL && is_nested(l)) {
            return sops_fail(e, SOPS_E_DUMP, "a document behind the first has a top-level entry called 'sops'");
        }
        if (is_nested(l)) {
            to = part == d->parts ? nested : sops_node_copy(d, nested, e);
            if (to == NULL) {
                return false;
            }
            sops_node_link(part, part->last, to);
            continue;
        }
        if (l == SOPS_META_SECTION) {
            to = sops_node_add(d, part, SOPS_MAP, SOPS_LIT("sops"), SOPS_LIT(""), e);
        }
        if (to == NULL || !sops_meta_flatten(d, nested, to, l == SOPS_META_PREFIX ? "sops_" : "", e) ||
            (l == SOPS_META_SECTION && !escape(d, to, e))) {
            return false;
        }
    }
    return true;
}
