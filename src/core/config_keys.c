/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a creation rule, flat or in groups: two forms that differ in nearly everything but their order
 * (docs/spec/40-config.md#keys-of-a-rule; docs/spec/60-keysources.md#keys-in-sopsyaml). */
#include "core/config_internal.h"

#include "base/table.h"
#include "base/text.h"

static bool bad_list(const struct sops_node *n, const char *name, const char *wanted, struct sops_err *e)
{
    return sops_fail_at(e, n->line, 0, "invalid %s key configuration: expected %s", name, wanted);
}

/* A comma list in a rule: parts trimmed, empty ones dropped. */
static bool join_text(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice piece;
    while (sops_slice_next(&text, ',', &piece)) {
        piece = sops_text_trim(piece);
        if (piece.len != 0 && ((out->len != 0 && !sops_buf_addc(out, ',', e)) || !sops_buf_add(out, piece, e))) {
            return false;
        }
    }
    return true;
}

/* A list in a rule: items as they are. */
static bool join_list(const struct sops_node *list, const char *name, bool any_scalar, struct sops_buf *out,
                      struct sops_err *e)
{
    bool first = true;
    for (const struct sops_node *n = list->child; n != NULL; n = n->next) {
        if (any_scalar && n->kind == SOPS_NULL) {
            continue;
        }
        if (!(any_scalar ? n->kind == SOPS_STR : sops_conf_is_text(n))) {
            return bad_list(n, name, "a text in the list (put it in quotes)", e);
        }
        if ((!first && !sops_buf_addc(out, ',', e)) || !sops_buf_add(out, n->text, e)) {
            return false;
        }
        first = false;
    }
    return true;
}

/* Settings beside the list that hold for each of its keys (aws_profile). */
static bool set_rule_fields(const struct sops_node *rule, const struct sops_keysource *source, struct sops_arena *a,
                            struct sops_key *keys, struct sops_err *e)
{
    for (size_t i = 0; source->fields[i].meta != NULL; i++) {
        struct sops_slice text = {0};
        if (source->fields[i].rule == NULL) {
            continue;
        }
        if (!sops_conf_text(rule, source->fields[i].rule, &text, e) ||
            (text.len != 0 && !sops_arena_copy(a, text, &text, e))) {
            return false;
        }
        for (struct sops_key *k = keys; text.len != 0 && k != NULL; k = k->next) {
            k->field[i] = text;
        }
    }
    return true;
}

static bool flat_keys(const struct sops_node *rule, const struct sops_keysource *source, struct sops_world *w,
                      struct sops_arena *a, struct sops_key **list, struct sops_err *e)
{
    const struct sops_node *n;
    const char *name = source->rule_key;
    struct sops_buf joined = {0};
    struct sops_key *keys = NULL;
    bool ok = sops_conf_any(rule, name, &n, e);
    if (ok && n != NULL) {
        if (n->kind == SOPS_LIST) {
            ok = join_list(n, name, (source->flags & SOPS_SRC_RULE_LIST) != 0, &joined, e);
        } else {
            ok = sops_conf_is_text(n) ? join_text(n->text, &joined, e) : bad_list(n, name, "a text or a list", e);
        }
    }
    ok = ok && (joined.len == 0 || sops_keys_parse(w, a, source, sops_buf_view(&joined), &keys, e) ||
                sops_within(e, "'%s'", name));
    ok = ok && set_rule_fields(rule, source, a, keys, e);
    sops_buf_free(&joined);
    sops_keys_append(list, keys);
    return ok;
}

static bool read_pairs(const struct sops_node *map, struct sops_arena *a, struct sops_key *k, struct sops_err *e)
{
    size_t count = 0, n = 0;
    for (const struct sops_node *x = map->child; x != NULL; x = x->next) {
        count++;
    }
    struct sops_pair *pair = count != 0 ? sops_arena_alloc(a, count * sizeof *pair, e) : NULL;
    for (const struct sops_node *x = pair != NULL ? map->child : NULL; x != NULL; x = x->next, n++) {
        if (!sops_arena_copy(a, x->key, &pair[n].key, e) || !sops_arena_copy(a, x->text, &pair[n].value, e)) {
            return false;
        }
    }
    k->map = sops_pairs_link(pair, n);
    return n == count;
}

static bool item_fields(const struct sops_node *item, struct sops_arena *a, struct sops_key *k, struct sops_err *e)
{
    const struct sops_keyfield *f = k->source->fields;
    for (size_t i = 0; f[i].meta != NULL; i++) {
        const char *name = f[i].config != NULL ? f[i].config : f[i].meta;
        const struct sops_node *map;
        if ((f[i].flags & SOPS_FIELD_MAP) != 0) {
            if (!sops_conf_map(item, name, &map, e) || (map != NULL && !read_pairs(map, a, k, e))) {
                return false;
            }
        } else if (!sops_conf_text(item, name, &k->field[i], e) || !sops_arena_copy(a, k->field[i], &k->field[i], e)) {
            return false;
        }
    }
    return true;
}

/* Puts the key of an item (or those of its comma list) at `end`. */
static bool item_key(const struct sops_node *item, const struct sops_keysource *source, struct sops_world *w,
                     struct sops_arena *a, struct sops_key **end, struct sops_err *e)
{
    struct sops_key *k = NULL;
    if ((source->flags & SOPS_SRC_GROUP_COMMAS) != 0) {
        return item->text.len == 0 || sops_keys_parse(w, a, source, item->text, end, e);
    }
    if ((source->flags & SOPS_SRC_GROUP_TEXT) != 0) {
        k = sops_key_parse(w, a, source, item->text, e);
    } else {
        k = sops_arena_alloc(a, sizeof *k, e);
        if (k == NULL) {
            return false;
        }
        k->source = source;
        if (!item_fields(item, a, k, e) || (source->check != NULL && !source->check(k, e)) ||
            !sops_key_finish(w, a, k, e)) {
            return false;
        }
    }
    *end = k;
    return k != NULL;
}

/* One group, without those merged into it. */
static bool own_keys(const struct sops_node *group, struct sops_world *w, struct sops_arena *a, struct sops_key **list,
                     struct sops_err *e)
{
    const struct sops_keysource *source[SOPS_MAX_SOURCES];
    sops_keysources_by(SOPS_BY_RULE, source);
    for (size_t i = 0; source[i] != NULL; i++) {
        const struct sops_node *items;
        struct sops_key *keys = NULL, **end = &keys;
        if (!sops_conf_list(group, source[i]->group_key, &items, e)) {
            return false;
        }
        for (const struct sops_node *n = NULL; items != NULL && (n = sops_config_item(items, n)) != NULL;) {
            if (!item_key(n, source[i], w, a, end, e)) {
                return sops_within(e, "'%s' (line %u)", source[i]->group_key, (unsigned)n->line);
            }
            while (*end != NULL) {
                end = &(*end)->next;
            }
        }
        sops_keys_append(list, keys);
    }
    return true;
}

/* Drops keys that show as an earlier one of the same source does. */
static bool drop_repeats(struct sops_key **list, struct sops_arena *a, struct sops_err *e)
{
    struct sops_table seen = {0};
    struct sops_buf text = {0};
    bool ok = true, is_new = true;
    while (ok && *list != NULL) {
        struct sops_slice name;
        sops_buf_cut(&text, 0);
        ok = sops_key_name(*list, &text, e) && sops_arena_copy(a, sops_buf_view(&text), &name, e) &&
             sops_table_put(&seen, name, &is_new, e) != NULL;
        if (ok && !is_new) {
            *list = (*list)->next;
        } else if (ok) {
            list = &(*list)->next;
        }
    }
    sops_buf_free(&text);
    sops_table_free(&seen);
    return ok;
}

/* A new group at `*end`, which then is its `next`. NULL without memory. */
static struct sops_group *add_group(struct sops_arena *a, struct sops_group ***end, struct sops_err *e)
{
    struct sops_group *g = sops_arena_alloc(a, sizeof *g, e);
    if (g != NULL) {
        **end = g;
        *end = &g->next;
    }
    return g;
}

bool sops_config_groups(const struct sops_node *rule, struct sops_world *w, struct sops_arena *a,
                        struct sops_group **groups, bool *flat, struct sops_err *e)
{
    const struct sops_node *list;
    struct sops_group **end = groups;
    if (!sops_conf_list(rule, "key_groups", &list, e)) {
        return false;
    }
    for (const struct sops_node *top = NULL; list != NULL && (top = sops_config_item(list, top)) != NULL;) {
        struct sops_group *g = add_group(a, &end, e);
        if (g == NULL) {
            return false;
        }
        for (const struct sops_node *at = NULL; (at = sops_config_next_group(top, at)) != NULL;) {
            if (!own_keys(at, w, a, &g->keys, e)) {
                return false;
            }
        }
        if (!drop_repeats(&g->keys, a, e)) {
            return false;
        }
    }
    *flat = *groups == NULL;
    if (!*flat) {
        return true;
    }
    struct sops_group *g = add_group(a, &end, e);
    const struct sops_keysource *source[SOPS_MAX_SOURCES];
    sops_keysources_by(SOPS_BY_RULE, source);
    for (size_t i = 0; g != NULL && source[i] != NULL; i++) {
        if (!flat_keys(rule, source[i], w, a, &g->keys, e)) {
            return false;
        }
    }
    return g != NULL;
}
