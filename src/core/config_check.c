/* SPDX-License-Identifier: Apache-2.0 */
/* Types are checked when the file is read, also in rules that do not come into play: a rule's value that is wrong only
 * in what it says (a bad regex, a bad recipient) is an error when the rule is used, a value of the wrong kind always is
 * (docs/spec/40-config.md#form). */
#include "core/config_internal.h"

const struct sops_node *sops_config_item(const struct sops_node *list, const struct sops_node *n)
{
    n = n != NULL ? n->next : list->child;
    while (n != NULL && n->kind == SOPS_NULL) {
        n = n->next;
    }
    return n;
}

/* The list under `merge` in a group; NULL for none, a wrong type or an unusable map, which the check has refused
 * before. */
static const struct sops_node *merge_list(const struct sops_node *group)
{
    const struct sops_node *list = group->kind == SOPS_MAP ? sops_node_find(group, SOPS_LIT("merge")) : NULL;
    return list != NULL && list->kind == SOPS_LIST ? list : NULL;
}

static const struct sops_node *deepest(const struct sops_node *group)
{
    const struct sops_node *list = merge_list(group), *first;
    while (list != NULL && (first = sops_config_item(list, NULL)) != NULL) {
        group = first;
        list = merge_list(group);
    }
    return group;
}

const struct sops_node *sops_config_next_group(const struct sops_node *top, const struct sops_node *at)
{
    if (at == NULL) {
        return deepest(top);
    }
    if (at == top) {
        return NULL;
    }
    const struct sops_node *next = sops_config_item(at->up, at);
    return next != NULL ? deepest(next) : at->up->up;
}

static bool wrong(const struct sops_node *n, const char *name, const char *wanted, struct sops_err *e)
{
    return sops_fail_at(e, n->line, 0, "'%s' must be %s", name, wanted);
}

static bool check_text(const struct sops_node *map, const char *name, struct sops_err *e)
{
    struct sops_slice ignored;
    return sops_conf_text(map, name, &ignored, e);
}

static bool check_int(const struct sops_node *map, const char *name, struct sops_err *e)
{
    int64_t ignored;
    return sops_conf_int(map, name, &ignored, NULL, e);
}

bool sops_config_is_number(const struct sops_destination *d, const char *key)
{
    return d->number_key != NULL && strcmp(d->number_key, key) == 0;
}

static bool check_texts(const struct sops_node *map, const char *name, struct sops_err *e)
{
    const struct sops_node *list;
    if (!sops_conf_list(map, name, &list, e)) {
        return false;
    }
    for (const struct sops_node *n = NULL; list != NULL && (n = sops_config_item(list, n)) != NULL;) {
        if (n->kind != SOPS_STR) {
            return wrong(n, name, "a list of texts", e);
        }
    }
    return true;
}

/* A list of mappings. */
static bool check_maps(const struct sops_node *map, const char *name, const struct sops_node **list, struct sops_err *e)
{
    if (!sops_conf_list(map, name, list, e)) {
        return false;
    }
    for (const struct sops_node *n = NULL; *list != NULL && (n = sops_config_item(*list, n)) != NULL;) {
        if (n->kind != SOPS_MAP) {
            return wrong(n, name, "a list of mappings", e);
        }
    }
    return true;
}

static bool check_text_map(const struct sops_node *item, const char *name, struct sops_err *e)
{
    const struct sops_node *map, *ignored;
    if (!sops_conf_map(item, name, &map, e) || (map != NULL && !sops_conf_any(map, "", &ignored, e))) {
        return false;
    }
    for (const struct sops_node *n = map != NULL ? map->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_STR) {
            return wrong(n, name, "a mapping of texts", e);
        }
    }
    return true;
}

/* The items of a source whose keys are given as mappings in key_groups. */
static bool check_items(const struct sops_node *group, const struct sops_keysource *source, struct sops_err *e)
{
    const struct sops_node *list;
    if (!check_maps(group, source->group_key, &list, e)) {
        return false;
    }
    for (const struct sops_node *n = NULL; list != NULL && (n = sops_config_item(list, n)) != NULL;) {
        for (const struct sops_keyfield *f = source->fields; f->meta != NULL; f++) {
            const char *name = f->config != NULL ? f->config : f->meta;
            if (!((f->flags & SOPS_FIELD_MAP) != 0 ? check_text_map(n, name, e) : check_text(n, name, e))) {
                return false;
            }
        }
    }
    return true;
}

static bool check_group(const struct sops_node *group, struct sops_err *e)
{
    const struct sops_node *merged;
    if (!check_maps(group, "merge", &merged, e)) {
        return false;
    }
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const struct sops_keysource *source = sops_keysources[i];
        if (!((source->flags & SOPS_SRC_GROUP_TEXT) != 0 ? check_texts(group, source->group_key, e)
                                                         : check_items(group, source, e))) {
            return false;
        }
    }
    return true;
}

static bool check_groups(const struct sops_node *rule, struct sops_err *e)
{
    const struct sops_node *list;
    if (!check_maps(rule, "key_groups", &list, e)) {
        return false;
    }
    for (const struct sops_node *top = NULL; list != NULL && (top = sops_config_item(list, top)) != NULL;) {
        for (const struct sops_node *g = NULL; (g = sops_config_next_group(top, g)) != NULL;) {
            if (g->kind != SOPS_MAP ? !wrong(g, "merge", "a list of mappings", e) : !check_group(g, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_creation(const struct sops_node *rule, struct sops_err *e)
{
    bool flag;
    if (!check_text(rule, "path_regex", e) || !check_int(rule, "shamir_threshold", e) ||
        !sops_conf_bool(rule, "mac_only_encrypted", &flag, e) || !check_groups(rule, e)) {
        return false;
    }
    for (int i = 0; i < SOPS_RULES; i++) {
        if (!check_text(rule, sops_rule_names[i], e)) {
            return false;
        }
    }
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const struct sops_keysource *source = sops_keysources[i];
        if ((source->flags & SOPS_SRC_RULE_LIST) != 0 && !check_texts(rule, source->rule_key, e)) {
            return false;
        }
        for (const struct sops_keyfield *f = source->fields; f->meta != NULL; f++) {
            if (f->rule != NULL && !check_text(rule, f->rule, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_destination(const struct sops_node *rule, struct sops_err *e)
{
    const struct sops_node *recreation;
    bool flag;
    if (!check_text(rule, "path_regex", e) || !sops_conf_bool(rule, "omit_extensions", &flag, e) ||
        !sops_conf_map(rule, "recreation_rule", &recreation, e)) {
        return false;
    }
    for (size_t i = 0; sops_destinations[i] != NULL; i++) {
        const struct sops_destination *d = sops_destinations[i];
        if (!check_text(rule, d->rule_key, e)) {
            return false;
        }
        for (size_t k = 0; d->other_keys != NULL && d->other_keys[k] != NULL; k++) {
            if (sops_config_is_number(d, d->other_keys[k]) ? !check_int(rule, d->other_keys[k], e)
                                                           : !check_text(rule, d->other_keys[k], e)) {
                return false;
            }
        }
    }
    return recreation == NULL || check_creation(recreation, e);
}

static bool check_stores(const struct sops_node *root, struct sops_err *e)
{
    const struct sops_node *stores, *store;
    if (!sops_conf_map(root, "stores", &stores, e)) {
        return false;
    }
    for (size_t i = 0; stores != NULL && sops_formats[i] != NULL; i++) {
        const char *name = sops_config_store(sops_formats[i]);
        if (!sops_conf_map(stores, name, &store, e) ||
            (store != NULL && sops_formats[i]->store != NULL && !check_int(store, "indent", e)) ||
            (store != NULL && !check_texts(store, "names", e)) ||
            (store != NULL && !sops_config_check_settings(sops_formats[i], store, e))) {
            return false;
        }
    }
    return true;
}

static bool check_rules(const struct sops_node *root, const char *name,
                        bool (*check)(const struct sops_node *rule, struct sops_err *e), struct sops_err *e)
{
    const struct sops_node *list;
    if (!check_maps(root, name, &list, e)) {
        return false;
    }
    for (const struct sops_node *n = NULL; list != NULL && (n = sops_config_item(list, n)) != NULL;) {
        if (!check(n, e)) {
            return false;
        }
    }
    return true;
}

bool sops_config_check(const struct sops_node *root, struct sops_err *e)
{
    return check_rules(root, "creation_rules", check_creation, e) &&
           check_rules(root, "destination_rules", check_destination, e) && check_stores(root, e);
}
