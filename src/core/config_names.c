/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that nobody reads. A misspelt one is silently without effect, and may leave a file in clear text: so each is
 * warned of, with the key that was probably meant. What is kept at the top for others to refer to (anchors, as many
 * have their recipients under `keys:`, and `x-…`) is no mistake. */
#include "core/config_internal.h"
#include "core/store.h"

#include "base/suggest.h"

#include <stdio.h>

#define MAX_NAMES 64

/* The keys that are read in one kind of mapping. */
struct names {
    const char *name[MAX_NAMES];
    size_t count;
};

static void add(struct names *names, const char *name)
{
    if (name != NULL && names->count < MAX_NAMES) {
        names->name[names->count++] = name;
    }
}

static bool holds(const struct names *names, struct sops_slice key)
{
    for (size_t i = 0; i < names->count; i++) {
        if (sops_slice_eq(key, sops_str(names->name[i]))) {
            return true;
        }
    }
    return false;
}

static const struct names top_names = {
    {"creation_rules", "destination_rules", "stores", "strict", "sealing", "check", "recipients"}, 7};

static struct names rule_names(void)
{
    struct names names = {{"path_regex", "shamir_threshold", "mac_only_encrypted", "key_groups", "required"}, 5};
    for (size_t i = 0; i < SOPS_RULES; i++) {
        add(&names, sops_rule_names[i]);
    }
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        add(&names, sops_keysources[i]->rule_key);
        for (const struct sops_keyfield *f = sops_keysources[i]->fields; f->meta != NULL; f++) {
            add(&names, f->rule);
        }
    }
    return names;
}

static struct names group_names(void)
{
    struct names names = {{"merge"}, 1};
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        add(&names, sops_keysources[i]->group_key);
    }
    return names;
}

static struct names item_names(const struct sops_keysource *source)
{
    struct names names = {{NULL}, 0};
    for (const struct sops_keyfield *f = source->fields; f->meta != NULL; f++) {
        add(&names, f->config != NULL ? f->config : f->meta);
    }
    return names;
}

static struct names destination_names(void)
{
    struct names names = {{"path_regex", "omit_extensions", "recreation_rule", "manifest"}, 4};
    for (size_t i = 0; sops_destinations[i] != NULL; i++) {
        add(&names, sops_destinations[i]->rule_key);
        for (size_t k = 0; sops_destinations[i]->other_keys != NULL && sops_destinations[i]->other_keys[k] != NULL;
             k++) {
            add(&names, sops_destinations[i]->other_keys[k]);
        }
    }
    for (size_t i = 0; sops_stores[i] != NULL; i++) {
        if (sops_stores[i]->rule != NULL) {
            add(&names, sops_stores[i]->rule);
        }
    }
    return names;
}

/* ---- what was meant --------------------------------------------------------------------------------------------- */

/* Do the words mean the same source of keys: "azure_kv", "azure-kv" and "azure_keyvault"? */
static bool names_source(const struct sops_keysource *source, const char *word)
{
    const char *const all[] = {source->id, source->flag, source->rule_key, source->group_key};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* The name that a source of keys has in this kind of mapping, when `word` is one that it has elsewhere. */
static const char *other_name(const struct names *names, const char *word)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const struct sops_keysource *source = sops_keysources[i];
        if (!names_source(source, word)) {
            continue;
        }
        if (holds(names, sops_str(source->rule_key))) {
            return source->rule_key;
        }
        return holds(names, sops_str(source->group_key)) ? source->group_key : NULL;
    }
    return NULL;
}

static const char *nearest(const struct names *names, const char *word)
{
    const char *best = other_name(names, word);
    bool sure = best != NULL;
    for (size_t i = 0; !sure && i < names->count; i++) {
        const char *name = names->name[i];
        if (sops_word_near(word, name) &&
            (best == NULL || sops_word_distance(word, name) < sops_word_distance(word, best))) {
            best = name;
        }
    }
    return best;
}

/* The same for a key that is at home elsewhere: `encrypted_regex` at the top. `*where` says where. */
static const char *nearest_elsewhere(const char *word, const char **where)
{
    static const char *const homes[] = {"a creation rule", "an item of key_groups", "a destination rule", "the top"};
    const struct names all[] = {rule_names(), group_names(), destination_names(), top_names};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *name = nearest(&all[i], word);
        if (name != NULL) {
            *where = homes[i];
            return name;
        }
    }
    return NULL;
}

/* Keys of one recipient that people put beside the lists of a rule. `*where` says where they stand. */
static const char *misplaced(const char *word, const char **where)
{
    static const struct {
        const char *word, *meant, *home;
    } rows[] = {
        {"arn", "arn", "an item of 'kms' in key_groups"},
        {"role", "role", "an item of 'kms' in key_groups"},
        {"context", "context", "an item of 'kms' in key_groups"},
        {"recipient", "age", "the rule, or an item of key_groups"},
        {"vault_uri", "hc_vault_transit_uri", "the rule, or, as 'hc_vault', an item of key_groups"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(word, rows[i].word) == 0) {
            *where = rows[i].home;
            return rows[i].meant;
        }
    }
    return NULL;
}

/* Does the entry hold what an alias refers to? */
static bool is_for_reference(const struct sops_node *entry)
{
    for (const struct sops_node *n = entry; n != NULL; n = sops_node_after(entry, (struct sops_node *)(uintptr_t)n)) {
        if ((n->flags & SOPS_ANCHORED) != 0) {
            return true;
        }
    }
    return false;
}

/* Who is told of the keys that nobody reads. */
struct listener {
    sops_unknown_fn *tell;
    void *ctx;
};

/* A key that is kept out of the way by its name. */
static bool is_private(struct sops_slice key)
{
    return sops_slice_starts(key, SOPS_LIT("x-")) || sops_slice_starts(key, SOPS_LIT("_"));
}

static void tell_of(const struct listener *to, enum sops_config_place place, const struct names *names,
                    const struct sops_node *map)
{
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        struct sops_unknown_key u = {.line = n->line, .place = place};
        if (holds(names, n->key) || is_private(n->key)) {
            continue;
        }
        (void)snprintf(u.word, sizeof u.word, "%.*s", SOPS_ARG(sops_slice_first(n->key, sizeof u.word - 1)));
        u.meant = nearest(names, u.word);
        if (u.meant == NULL) {
            u.meant = place == SOPS_IN_RULE ? misplaced(u.word, &u.home) : NULL;
            u.meant = u.meant != NULL ? u.meant : nearest_elsewhere(u.word, &u.home);
        }
        u.kept = place == SOPS_AT_TOP && is_for_reference(n);
        to->tell(to->ctx, &u);
    }
}

/* ---- the whole file --------------------------------------------------------------------------------------------- */

/* The types were checked before, so that what is not as wanted here is not there. */
static const struct sops_node *entry(const struct sops_node *map, const char *name, enum sops_kind kind)
{
    const struct sops_node *n = map != NULL ? sops_node_find(map, sops_str(name)) : NULL;
    return n != NULL && n->kind == kind ? n : NULL;
}

static const struct sops_node *next_item(const struct sops_node *list, const struct sops_node *n)
{
    return list != NULL ? sops_config_item(list, n) : NULL;
}

static void tell_of_group(const struct listener *to, const struct sops_node *group)
{
    struct names names = group_names();
    tell_of(to, SOPS_IN_GROUP, &names, group);
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const struct sops_node *list = entry(group, sops_keysources[i]->group_key, SOPS_LIST);
        names = item_names(sops_keysources[i]);
        for (const struct sops_node *n = NULL; (n = next_item(list, n)) != NULL;) {
            if (n->kind == SOPS_MAP) {
                tell_of(to, SOPS_IN_GROUP, &names, n);
            }
        }
    }
}

static void tell_of_rule(const struct listener *to, const struct sops_node *rule)
{
    struct names names = rule_names();
    tell_of(to, SOPS_IN_RULE, &names, rule);
    const struct sops_node *list = entry(rule, "key_groups", SOPS_LIST);
    for (const struct sops_node *top = NULL; (top = next_item(list, top)) != NULL;) {
        for (const struct sops_node *g = NULL; (g = sops_config_next_group(top, g)) != NULL;) {
            tell_of_group(to, g);
        }
    }
}

static void tell_of_destination(const struct listener *to, const struct sops_node *rule)
{
    struct names names = destination_names();
    tell_of(to, SOPS_IN_DESTINATION, &names, rule);
    const struct sops_node *recreation = entry(rule, "recreation_rule", SOPS_MAP);
    if (recreation != NULL) {
        tell_of_rule(to, recreation);
    }
}

static void tell_of_stores(const struct listener *to, const struct sops_node *stores)
{
    struct names names = {{NULL}, 0};
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        add(&names, sops_config_store(sops_formats[i]));
    }
    tell_of(to, SOPS_IN_STORES, &names, stores);
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        const struct sops_node *store = entry(stores, sops_config_store(sops_formats[i]), SOPS_MAP);
        struct names own = {{"names", "indent"}, sops_formats[i]->store != NULL ? 2 : 1};
        const struct sops_setting_key *key = sops_formats[i]->settings;
        for (; key != NULL && key->name != NULL; key++) {
            add(&own, key->name);
        }
        if (store != NULL) {
            tell_of(to, SOPS_IN_STORES, &own, store);
        }
    }
}

static void tell_of_check(const struct listener *to, const struct sops_node *check)
{
    static const struct names names = {{"require", "ignore", "allow", "max_age", "entropy"}, 5},
                              parts = {{"id", "path", "key"}, 3};
    tell_of(to, SOPS_IN_CHECK, &names, check);
    const struct sops_node *list = entry(check, "allow", SOPS_LIST);
    for (const struct sops_node *n = NULL; (n = next_item(list, n)) != NULL;) {
        if (n->kind == SOPS_MAP) {
            tell_of(to, SOPS_IN_CHECK, &parts, n);
        }
    }
}

void sops_config_unknown(const struct sops_config *c, sops_unknown_fn *tell, void *ctx)
{
    const struct listener listener = {tell, ctx}, *to = &listener;
    const struct sops_node *root = c->doc.parts;
    const struct sops_node *list = entry(root, "creation_rules", SOPS_LIST);
    tell_of(to, SOPS_AT_TOP, &top_names, root);
    for (const struct sops_node *n = NULL; (n = next_item(list, n)) != NULL;) {
        tell_of_rule(to, n);
    }
    list = entry(root, "destination_rules", SOPS_LIST);
    for (const struct sops_node *n = NULL; (n = next_item(list, n)) != NULL;) {
        tell_of_destination(to, n);
    }
    const struct sops_node *stores = entry(root, "stores", SOPS_MAP), *check = entry(root, "check", SOPS_MAP);
    if (stores != NULL) {
        tell_of_stores(to, stores);
    }
    if (check != NULL) {
        tell_of_check(to, check);
    }
}

struct warning {
    const struct sops_config *config;
    struct sops_world *world;
};

static void warn_of(void *ctx, const struct sops_unknown_key *u)
{
    const struct warning *to = ctx;
    bool home = u->home != NULL;
    if (u->meant != NULL) {
        sops_world_warn(to->world, "'%.*s', line %u: the unknown key '%s' is ignored: did you mean '%s'%s%s?",
                        SOPS_ARG(sops_buf_view(&to->config->file)), u->line, u->word, u->meant,
                        home ? ", which stands in " : "", home ? u->home : "");
    } else if (!u->kept) {
        sops_world_warn(to->world, "'%.*s', line %u: the unknown key '%s' is ignored",
                        SOPS_ARG(sops_buf_view(&to->config->file)), u->line, u->word);
    }
}

void sops_config_warn_unknown(const struct sops_config *c, struct sops_world *w)
{
    struct warning to = {c, w};
    sops_config_unknown(c, warn_of, &to);
}
