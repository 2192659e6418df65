/* SPDX-License-Identifier: Apache-2.0 */
/* A field that is not known is an error here, as a misspelt `owner` or `prefix` must not go unnoticed; elsewhere in the
 * configuration it is only warned of. */
#include "sync/rules.h"

#include "base/ascii.h"
#include "base/file.h"

/* ---- names of Kubernetes ---------------------------------------------------------------------------------------- */

bool sops_is_name_space(struct sops_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!sops_is_lower(c) && !sops_is_digit(c) && (c != '-' || i == 0 || i + 1 == s.len)) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 63;
}

bool sops_is_object_name(struct sops_slice s)
{
    struct sops_slice rest = s, part;
    if (s.len < 1 || s.len > 253) {
        return false;
    }
    while (rest.ptr != NULL && sops_slice_next(&rest, '.', &part)) {
        struct sops_slice first = sops_slice_first(part, 1), last = sops_slice_skip(part, part.len - (part.len != 0));
        for (size_t i = 0; i < part.len; i++) {
            if (!sops_is_lower(part.ptr[i]) && !sops_is_digit(part.ptr[i]) && part.ptr[i] != '-') {
                return false;
            }
        }
        if (part.len == 0 || first.ptr[0] == '-' || last.ptr[0] == '-') {
            return false;
        }
    }
    return true;
}

bool sops_is_secret_key(struct sops_slice s) { return s.len >= 1 && s.len <= 253 && sops_only_alnum(s, "-._"); }

/* ---- names of items --------------------------------------------------------------------------------------------- */

struct parts {
    struct sops_slice path, dir, stem; /* of the source, without its ending */
};

/* The ending begins at the first dot of the base name that is not its first character. */
static struct parts parts_of(struct sops_slice source)
{
    size_t base = source.len, dot;
    while (base > 0 && source.ptr[base - 1] != '/') {
        base--;
    }
    for (dot = base + 1; dot < source.len && source.ptr[dot] != '.'; dot++) {
    }
    struct parts p = {.path = sops_slice_first(source, dot)};
    p.stem = sops_slice_skip(p.path, base);
    p.dir = sops_slice_first(source, base != 0 ? base - 1 : 0);
    return p;
}

static bool bad_pattern(struct sops_err *e)
{
    (void)sops_fail(e, SOPS_E_READ, "'name' has braces that are no placeholder");
    return sops_hint(e, "{path}, {dir} and {stem} are known, and {path:X} with another text for each slash");
}

/* One placeholder without its braces. */
static bool add_placeholder(const struct parts *p, struct sops_slice word, struct sops_buf *out, struct sops_err *e)
{
    size_t colon = sops_slice_find(word, ':');
    struct sops_slice name = sops_slice_first(word, colon), slash = sops_slice_skip(word, colon + 1), value;
    if (sops_slice_eq(name, SOPS_LIT("path"))) {
        value = p->path;
    } else if (sops_slice_eq(name, SOPS_LIT("dir"))) {
        value = p->dir;
    } else if (sops_slice_eq(name, SOPS_LIT("stem"))) {
        value = p->stem;
    } else {
        return bad_pattern(e);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < value.len; i++) {
        ok =
            value.ptr[i] == '/' && colon < word.len ? sops_buf_add(out, slash, e) : sops_buf_addc(out, value.ptr[i], e);
    }
    return ok;
}

bool sops_store_name(struct sops_slice pattern, struct sops_slice source, struct sops_buf *out, struct sops_err *e)
{
    const struct parts p = parts_of(source);
    bool ok = true;
    for (size_t i = 0; ok && i < pattern.len; i++) {
        if (pattern.ptr[i] == '}') {
            return bad_pattern(e);
        }
        if (pattern.ptr[i] != '{') {
            ok = sops_buf_addc(out, pattern.ptr[i], e);
            continue;
        }
        struct sops_slice rest = sops_slice_skip(pattern, i + 1);
        size_t end = sops_slice_find(rest, '}');
        struct sops_slice word = sops_slice_first(rest, end);
        if (end == rest.len || sops_slice_find(word, '{') != word.len) {
            return bad_pattern(e);
        }
        ok = add_placeholder(&p, word, out, e);
        i += end + 1;
    }
    return ok;
}

static bool check_pattern(struct sops_slice pattern, struct sops_err *e)
{
    struct sops_buf scratch = {0};
    bool ok = sops_store_name(pattern, SOPS_LIT("a/b.c"), &scratch, e);
    sops_buf_free(&scratch);
    return ok;
}

bool sops_store_source(const struct sops_config *c, const char *path, struct sops_arena *a, struct sops_slice *source,
                       struct sops_err *e)
{
    struct sops_buf absolute = {0};
    struct sops_slice text;
    bool ok = sops_config_text(c, path, &absolute, &text, e);
    if (ok && text.len != 0 && text.ptr[0] == '/') {
        ok = sops_fail(e, SOPS_E_READ, "'%s' is outside of the folder of '%.*s'", path,
                       SOPS_ARG(sops_buf_view(&c->file)));
    }
    ok = ok && sops_arena_copy(a, text, source, e);
    sops_buf_free(&absolute);
    return ok;
}

/* ---- one rule --------------------------------------------------------------------------------------------------- */

static bool bad_field(const struct sops_node *map, const char *name, const char *why, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(map, sops_str(name));
    return sops_fail_at(e, n != NULL ? n->line : map->line, 0, "'%s' %s", name, why);
}

static bool check_fields(const struct sops_node *map, const char *const *usual, const char *const *own,
                         struct sops_err *e)
{
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && !sops_slice_is_any(n->key, usual) &&
            (own == NULL || !sops_slice_is_any(n->key, own))) {
            return sops_fail_at(e, n->line, 0, "unknown field '%.*s' of '%.*s'", SOPS_ARG(sops_slice_first(n->key, 80)),
                                SOPS_ARG(map->key));
        }
    }
    return true;
}

static bool check_owner(const struct sops_node *map, struct sops_slice owner, struct sops_err *e)
{
    bool good = owner.len >= 1 && owner.len <= 63;
    for (size_t i = 0; good && i < owner.len; i++) {
        uint8_t c = owner.ptr[i];
        good = sops_is_lower(c) || sops_is_digit(c) || (i != 0 && (c == '_' || c == '-'));
    }
    return good || bad_field(map, "owner",
                             owner.len == 0 ? "is missing"
                                            : "must be 1 to 63 of a-z 0-9 _ -, a letter "
                                              "or digit first",
                             e);
}

static bool read_store(struct sops_store_rules *all, struct sops_store_rule *r, struct sops_world *w,
                       const struct sops_store *store, const struct sops_node *map, struct sops_err *e)
{
    static const char *const usual[] = {"owner", "prefix", "name", "layout", "join", NULL};
    struct sops_slice layout = SOPS_LIT("document");
    r->site.store = store;
    r->name = sops_str(store->pattern);
    r->join = sops_str(store->join);
    if ((map->flags & SOPS_FAULTY) != 0) {
        return sops_fail_at(e, map->line, 0, "%.*s", SOPS_ARG(map->text));
    }
    if (!check_fields(map, usual, store->rule_fields, e) || !sops_conf_text(map, "owner", &r->owner, e) ||
        !check_owner(map, r->owner, e) || !sops_conf_text(map, "prefix", &r->prefix, e) ||
        !sops_conf_text(map, "name", &r->name, e) || !sops_conf_text(map, "join", &r->join, e) ||
        !sops_conf_text(map, "layout", &layout, e)) {
        return false;
    }
    r->per_key = sops_slice_eq(layout, SOPS_LIT("per_key"));
    if (!r->per_key && !sops_slice_eq(layout, SOPS_LIT("document"))) {
        return bad_field(map, "layout", "must be document or per_key", e);
    }
    if (r->per_key && store->no_keys) {
        return bad_field(map, "layout", "cannot be per_key in this store", e);
    }
    if (!check_pattern(r->name, e)) {
        const struct sops_node *n = sops_node_find(map, SOPS_LIT("name"));
        e->line = n != NULL ? n->line : map->line;
        return false;
    }
    return store->from_rule(&r->site, w, &all->arena, map, e);
}

static bool read_manifest(struct sops_store_rule *r, const struct sops_node *rule, struct sops_err *e)
{
    static const char *const known[] = {"store", "kind", "namespace", "refresh", "name", NULL};
    struct sops_manifest_rule *m = &r->manifest;
    const struct sops_node *map;
    *m = (struct sops_manifest_rule){
        .kind = SOPS_LIT("SecretStore"), .refresh = SOPS_LIT("1h0m0s"), .name = SOPS_LIT("{stem}")};
    if (!sops_conf_map(rule, "manifest", &map, e) || map == NULL) {
        return map == NULL && e->code == SOPS_OK;
    }
    m->given = true;
    if (!check_fields(map, known, NULL, e) || !sops_conf_text(map, "store", &m->store, e) ||
        !sops_conf_text(map, "kind", &m->kind, e) || !sops_conf_text(map, "namespace", &m->space, e) ||
        !sops_conf_text(map, "refresh", &m->refresh, e) || !sops_conf_text(map, "name", &m->name, e)) {
        return false;
    }
    if (!sops_is_object_name(m->store)) {
        return bad_field(map, "store", "is missing, or no name of Kubernetes", e);
    }
    if (!sops_slice_eq(m->kind, SOPS_LIT("SecretStore")) && !sops_slice_eq(m->kind, SOPS_LIT("ClusterSecretStore"))) {
        return bad_field(map, "kind", "must be SecretStore or ClusterSecretStore", e);
    }
    if (m->space.len != 0 && !sops_is_name_space(m->space)) {
        return bad_field(map, "namespace", "is no name of Kubernetes", e);
    }
    return check_pattern(m->name, e) || bad_field(map, "name", "has braces that are no placeholder", e);
}

/* How many file destinations the rule names. */
static size_t file_destinations(const struct sops_node *rule)
{
    size_t n = 0;
    for (size_t i = 0; sops_destinations[i] != NULL; i++) {
        struct sops_slice text = {0};
        struct sops_err ignored = {0};
        n += sops_conf_text(rule, sops_destinations[i]->rule_key, &text, &ignored) && text.len != 0;
        sops_err_clear(&ignored);
    }
    return n;
}

static bool read_rule(struct sops_store_rules *all, struct sops_store_rule *r, struct sops_world *w, struct sops_err *e)
{
    static const char *const alien[] = {"recreation_rule", "omit_extensions"};
    const struct sops_node *rule = r->node, *found, *map = NULL;
    const struct sops_store *store = NULL;
    size_t count = file_destinations(rule);
    r->file_destination = count != 0;
    for (size_t i = 0; sops_stores[i] != NULL; i++) {
        if (sops_stores[i]->rule == NULL) {
            continue;
        }
        if (!sops_conf_map(rule, sops_stores[i]->rule, &found, e)) {
            return false;
        }
        count += found != NULL;
        store = found != NULL ? sops_stores[i] : store;
        map = found != NULL ? found : map;
    }
    if (store == NULL) {
        r->file_destination = true;
        return true;
    }
    if (count > 1) {
        return sops_fail_at(e, rule->line, 0, "a rule has exactly one destination, this one has %zu", count);
    }
    for (size_t i = 0; i < sizeof alien / sizeof alien[0]; i++) {
        if (sops_node_find(rule, sops_str(alien[i])) != NULL) {
            return bad_field(rule, alien[i], "does not go with a secret store", e);
        }
    }
    return read_store(all, r, w, store, map, e) && read_manifest(r, rule, e);
}

/* ---- all rules -------------------------------------------------------------------------------------------------- */

bool sops_store_rules_read(struct sops_store_rules *r, const struct sops_config *c, struct sops_world *w,
                           struct sops_err *e)
{
    const struct sops_node *list = sops_config_list(c, "destination_rules");
    size_t n = 0;
    r->config = c;
    for (const struct sops_node *node = list != NULL ? list->child : NULL; node != NULL; node = node->next) {
        n++;
    }
    r->rule = sops_arena_alloc(&r->arena, (n + 1) * sizeof *r->rule, e);
    bool ok = r->rule != NULL;
    for (const struct sops_node *node = list != NULL ? list->child : NULL; ok && node != NULL; node = node->next) {
        if (node->kind == SOPS_MAP) {
            r->rule[r->count].node = node;
            ok = read_rule(r, &r->rule[r->count++], w, e);
        }
    }
    if (!ok) {
        sops_recode(e, SOPS_E_READ);
        (void)sops_config_fail(c, e);
    }
    return ok;
}

void sops_store_rules_free(struct sops_store_rules *r)
{
    sops_arena_free(&r->arena);
    *r = (struct sops_store_rules){0};
}

/* Does the rule, as it stands in the file, name a secret store? */
static bool names_store(const struct sops_node *rule)
{
    for (size_t i = 0; sops_stores[i] != NULL; i++) {
        if (sops_stores[i]->rule != NULL && sops_node_find(rule, sops_str(sops_stores[i]->rule)) != NULL) {
            return true;
        }
    }
    return false;
}

/* The first rule that holds for a path as typed, or NULL. Rules of files are searched in the path itself, and one of
 * theirs that does not compile matches nothing. */
static bool first_rule(const struct sops_config *c, const char *path, const struct sops_node **rule, struct sops_err *e)
{
    const struct sops_node *list = sops_config_list(c, "destination_rules");
    struct sops_buf absolute = {0};
    struct sops_slice text;
    bool ok = sops_config_text(c, path, &absolute, &text, e), fits = false;
    *rule = NULL;
    for (const struct sops_node *n = ok && list != NULL ? list->child : NULL; n != NULL && !fits; n = n->next) {
        struct sops_err bad = {0};
        bool store = n->kind == SOPS_MAP && names_store(n);
        bool good = n->kind == SOPS_MAP && sops_config_fits(n, store ? text : sops_str(path), &fits, &bad);
        if (!good && store) {
            *e = bad;
            sops_recode(e, SOPS_E_READ);
            ok = sops_config_fail(c, e);
            break;
        }
        sops_err_clear(&bad);
        *rule = good && fits ? n : NULL;
    }
    sops_buf_free(&absolute);
    return ok;
}

bool sops_store_rule_holds(const struct sops_config *c, const char *path)
{
    const struct sops_node *rule;
    struct sops_err bad = {0};
    bool holds = first_rule(c, path, &rule, &bad) ? rule != NULL && names_store(rule) : true;
    sops_err_clear(&bad);
    return holds;
}

bool sops_store_rule_for(const struct sops_store_rules *r, const char *path, const struct sops_store_rule **rule,
                         struct sops_err *e)
{
    const struct sops_node *found;
    *rule = NULL;
    if (!first_rule(r->config, path, &found, e)) {
        return false;
    }
    for (size_t i = 0; found != NULL && i < r->count; i++) {
        *rule = r->rule[i].node == found ? &r->rule[i] : *rule;
    }
    return true;
}
