/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading metadata is lenient about types, as flat formats only have texts and hands have edited these files for years:
 * a wrong type is looked for only where the table of docs/spec/30-metadata.md wants a value. Which lists and fields
 * there are, the key sources say.
 */
#include "core/meta.h"

#include "base/text.h"

#include <math.h>

#define FLAT_PREFIX "sops_"

/* What the reading functions share: where texts go, and where in the metadata they are, for messages. */
struct reading {
    struct sops_arena *arena;
    const char *list; /* "age", or NULL at the top */
};

static bool wrong(const struct reading *r, const char *name, const char *wanted, struct sops_err *e)
{
    return r->list != NULL ? sops_fail(e, SOPS_E_GENERIC, "metadata: '%s' in '%s' must be %s", name, r->list, wanted)
                           : sops_fail(e, SOPS_E_GENERIC, "metadata: '%s' must be %s", name, wanted);
}

/* The two characters beyond ASCII that fold to letters of ours: U+017F (s) and U+212A (k). */
static uint8_t take_folded(struct sops_slice *s)
{
    uint8_t c = s->ptr[0];
    size_t n = 1;
    if (sops_slice_starts(*s, SOPS_LIT("\xC5\xBF"))) {
        c = 's', n = 2;
    } else if (sops_slice_starts(*s, SOPS_LIT("\xE2\x84\xAA"))) {
        c = 'k', n = 3;
    } else if (c >= 'A' && c <= 'Z') {
        c |= 0x20;
    }
    *s = sops_slice_skip(*s, n);
    return c;
}

static bool same_but_case(struct sops_slice a, struct sops_slice b)
{
    while (a.len != 0 && b.len != 0) {
        if (take_folded(&a) != take_folded(&b)) {
            return false;
        }
    }
    return a.len == b.len;
}

/* The entry called `name` exactly, else but for case; of several the last (JSON). NULL for none and for null. */
static const struct sops_node *find(const struct sops_node *map, const char *name)
{
    const struct sops_node *found = NULL, *alike = NULL;
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind == SOPS_COMMENT || n->key_kind != SOPS_STR) {
            continue;
        }
        if (sops_slice_eq(n->key, sops_str(name))) {
            found = n;
        } else if (same_but_case(n->key, sops_str(name))) {
            alike = n;
        }
    }
    found = found != NULL ? found : alike;
    return found != NULL && found->kind != SOPS_NULL ? found : NULL;
}

static bool is_true(const struct sops_node *n) { return sops_slice_eq(n->text, SOPS_LIT("True")); }

static bool node_text(const struct reading *r, const struct sops_node *n, const char *name, struct sops_slice *out,
                      struct sops_err *e)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        *out = SOPS_LIT("");
        return true;
    case SOPS_BOOL:
        *out = is_true(n) ? SOPS_LIT("1") : SOPS_LIT("0");
        return true;
    case SOPS_INT:
    case SOPS_FLOAT:
    case SOPS_STR:
        return sops_arena_copy(r->arena, n->text, out, e);
    case SOPS_TIME:
        wrong(r, name, "a text, not a date", e);
        return sops_hint(e, "put it in quotes");
    case SOPS_COMMENT:
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_ODD:
        break;
    }
    return wrong(r, name, "a text", e);
}

static bool read_text(const struct reading *r, const struct sops_node *map, const char *name, struct sops_slice *out,
                      struct sops_err *e)
{
    const struct sops_node *n = find(map, name);
    return n == NULL || node_text(r, n, name, out, e);
}

static bool read_int(const struct reading *r, const struct sops_node *map, const char *name, int64_t *out,
                     struct sops_err *e)
{
    const struct sops_node *n = find(map, name);
    double d;
    if (n == NULL) {
        return true;
    }
    if (n->kind == SOPS_INT && sops_int_parse(n->text, out)) {
        return true;
    }
    if (n->kind == SOPS_BOOL) {
        *out = is_true(n);
        return true;
    }
    if (n->kind == SOPS_STR && (n->text.len == 0 || sops_int_parse_literal(n->text, out))) {
        *out = n->text.len == 0 ? 0 : *out;
        return true;
    }
    if (n->kind == SOPS_FLOAT && sops_float_parse(n->text, &d, NULL)) {
        *out = fabs(d) < 0x1p63 ? (int64_t)d : INT64_MIN; /* what the reference's processor makes of it */
        return true;
    }
    return wrong(r, name, "a whole number", e);
}

static bool read_bool(const struct reading *r, const struct sops_node *map, const char *name, bool *out,
                      struct sops_err *e)
{
    const struct sops_node *n = find(map, name);
    if (n == NULL) {
        return true;
    }
    if (n->kind == SOPS_BOOL) {
        *out = is_true(n);
        return true;
    }
    if (n->kind == SOPS_INT || n->kind == SOPS_FLOAT) {
        *out = !sops_slice_eq(n->text, SOPS_LIT("0")) && !sops_slice_eq(n->text, SOPS_LIT("-0"));
        return true;
    }
    if (n->kind == SOPS_STR && n->text.len == 0) {
        *out = false;
        return true;
    }
    if (n->kind == SOPS_STR && sops_bool_word(n->text, out)) {
        return true;
    }
    return wrong(r, name, "true or false", e);
}

/* The items of a list, as a chain: of a lone mapping, it. */
struct items {
    const struct sops_node *at;
    bool lone;
};

static bool read_list(const struct reading *r, const struct sops_node *map, const char *name, struct items *out,
                      struct sops_err *e)
{
    const struct sops_node *n = find(map, name);
    *out = (struct items){0};
    if (n == NULL) {
        return true;
    }
    if (n->kind != SOPS_LIST && n->kind != SOPS_MAP) {
        return wrong(r, name, "a list", e);
    }
    out->lone = n->kind == SOPS_MAP;
    out->at = out->lone && n->child != NULL ? n : n->child;
    for (const struct sops_node *i = out->at; i != NULL && !out->lone; i = i->next) {
        if (i->kind != SOPS_MAP && i->kind != SOPS_NULL && i->kind != SOPS_COMMENT) {
            return wrong(r, name, "a list of mappings", e);
        }
    }
    return true;
}

static const struct sops_node *next_item(struct items *i)
{
    while (i->at != NULL && i->at->kind == SOPS_COMMENT) {
        i->at = i->at->next;
    }
    const struct sops_node *n = i->at;
    i->at = n != NULL && !i->lone ? n->next : NULL;
    return n;
}

static bool read_pairs(const struct reading *r, const struct sops_node *map, struct sops_key *k, struct sops_err *e)
{
    size_t count = 0, n = 0;
    for (const struct sops_node *x = map->child; x != NULL; x = x->next) {
        count += x->kind != SOPS_COMMENT;
    }
    if (count == 0) {
        return true;
    }
    struct sops_pair *pair = sops_arena_alloc(r->arena, count * sizeof *pair, e);
    if (pair == NULL) {
        return false;
    }
    for (const struct sops_node *x = map->child; x != NULL; x = x->next) {
        if (x->kind == SOPS_COMMENT) {
            continue;
        }
        if (!sops_arena_copy(r->arena, x->key, &pair[n].key, e) || !node_text(r, x, "context", &pair[n].value, e)) {
            return false;
        }
        n++;
    }
    k->map = sops_pairs_link(pair, n);
    return true;
}

static bool read_map(const struct reading *r, const struct sops_node *item, const char *name, struct sops_key *k,
                     struct sops_err *e)
{
    const struct sops_node *n = find(item, name);
    if (n == NULL || (n->kind == SOPS_LIST && n->child == NULL)) {
        return true;
    }
    return n->kind == SOPS_MAP ? read_pairs(r, n, k, e) : wrong(r, name, "a mapping of texts", e);
}

static bool read_key(const struct reading *r, const struct sops_keysource *source, const struct sops_node *item,
                     struct sops_key **list, struct sops_err *e)
{
    struct sops_key *k = sops_arena_alloc(r->arena, sizeof *k, e);
    if (k == NULL) {
        return false;
    }
    k->source = source;
    for (size_t i = 0; source->fields[i].meta != NULL; i++) {
        const struct sops_keyfield *f = &source->fields[i];
        if (!((f->flags & SOPS_FIELD_MAP) != 0 ? read_map(r, item, f->meta, k, e)
                                               : read_text(r, item, f->meta, &k->field[i], e))) {
            return false;
        }
    }
    *list = k;
    return read_text(r, item, "enc", &k->enc, e) &&
           ((source->flags & SOPS_SRC_DATED) == 0 || read_text(r, item, "created_at", &k->created_at, e));
}

/* The lists of all sources that stand in `map`, in held order. */
static bool read_keys(struct sops_arena *a, const struct sops_node *map, struct sops_key **keys, struct sops_err *e)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        struct reading r = {a, NULL};
        struct items items;
        if (!read_list(&r, map, sops_keysources[i]->id, &items, e)) {
            return false;
        }
        r.list = sops_keysources[i]->id;
        for (const struct sops_node *n = next_item(&items); n != NULL; n = next_item(&items)) {
            if (!read_key(&r, sops_keysources[i], n, keys, e)) {
                return false;
            }
            keys = &(*keys)->next;
        }
    }
    return true;
}

static bool add_group(struct sops_arena *a, struct sops_key *keys, struct sops_group ***end, struct sops_err *e)
{
    struct sops_group *g = sops_arena_alloc(a, sizeof *g, e);
    if (g != NULL) {
        g->keys = keys;
        **end = g;
        *end = &g->next;
    }
    return g != NULL;
}

static bool read_groups(struct sops_arena *a, const struct sops_node *map, struct sops_group **groups,
                        struct sops_err *e)
{
    struct reading r = {a, NULL};
    struct items items;
    struct sops_key *direct = NULL;
    struct sops_group *nested = NULL, **end = &nested;
    if (!read_keys(a, map, &direct, e) || !read_list(&r, map, "key_groups", &items, e)) {
        return false;
    }
    for (const struct sops_node *n = next_item(&items); n != NULL; n = next_item(&items)) {
        struct sops_key *keys = NULL;
        if (!read_keys(a, n, &keys, e) || !add_group(a, keys, &end, e)) {
            return false;
        }
    }
    end = groups;
    *groups = nested;
    return direct == NULL || add_group(a, direct, &end, e);
}

/* A date as the metadata has it, written again without its fraction (docs/spec/30-metadata.md#reading). */
static bool normalise(struct sops_arena *a, struct sops_slice *date, struct sops_err *e)
{
    struct sops_time t;
    if (!sops_time_parse(*date, &t)) {
        return sops_fail(e, SOPS_E_GENERIC, "it is %s",
                         date->len == 0 ? "missing or empty" : "no date like 2026-04-01T10:00:00Z");
    }
    t.nanos = 0;
    struct sops_buf text = {0};
    bool ok = sops_time_text(&text, &t, e) && sops_arena_copy(a, sops_buf_view(&text), date, e);
    sops_buf_free(&text);
    return ok;
}

static bool check_keys(struct sops_meta *m, struct sops_err *e)
{
    if (m->groups == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "No keys found in file: the metadata hold no key");
    }
    for (struct sops_group *g = m->groups; g != NULL; g = g->next) {
        for (struct sops_key *k = g->keys; k != NULL; k = k->next) {
            const char *id = k->source->id;
            if ((k->source->flags & SOPS_SRC_DATED) != 0 && !normalise(&m->arena, &k->created_at, e)) {
                return sops_within(e, "metadata: 'created_at' in '%s'", id);
            }
            if (k->source->check != NULL && !k->source->check(k, e)) {
                return sops_within(e, "metadata: '%s'", id);
            }
        }
    }
    return true;
}

static bool check_rules(struct sops_rules *r, struct sops_err *e)
{
    enum sops_rule first = sops_rules_which(r);
    for (int i = (int)first + 1; i < SOPS_RULES; i++) {
        if (r->text[i].len != 0) {
            return sops_fail(e, SOPS_E_GENERIC, "metadata: there must not be more than one of '%s' and '%s'",
                             sops_rule_names[first], sops_rule_names[i]);
        }
    }
    if (first == SOPS_RULES) {
        r->text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    }
    return true;
}

static bool read_all(struct sops_meta *m, const struct sops_node *map, struct sops_err *e)
{
    struct reading r = {&m->arena, NULL};
    bool ok = read_text(&r, map, "mac", &m->mac, e) && read_text(&r, map, "lastmodified", &m->last_modified, e) &&
              read_text(&r, map, "version", &m->version, e) &&
              read_int(&r, map, "shamir_threshold", &m->threshold, e) &&
              read_bool(&r, map, "mac_only_encrypted", &m->rules.mac_only_encrypted, e);
    for (int i = 0; ok && i < SOPS_RULES; i++) {
        ok = read_text(&r, map, sops_rule_names[i], &m->rules.text[i], e);
    }
    m->unresolved = find(map, "unresolved") != NULL;
    if (!ok || !read_groups(&m->arena, map, &m->groups, e)) {
        return false;
    }
    if (!normalise(&m->arena, &m->last_modified, e)) {
        return sops_within(e, "metadata: 'lastmodified'");
    }
    return check_keys(m, e) && check_rules(&m->rules, e);
}

static bool has_prefix(const struct sops_node *n)
{
    return n->kind != SOPS_COMMENT && n->key_kind == SOPS_STR && sops_slice_starts(n->key, SOPS_LIT(FLAT_PREFIX));
}

bool sops_meta_present(const struct sops_doc *d, enum sops_layout l)
{
    if (d->parts == NULL || l != SOPS_META_PREFIX) {
        return d->parts != NULL && sops_node_find(d->parts, SOPS_LIT("sops")) != NULL;
    }
    const struct sops_node *n = d->parts->child;
    while (n != NULL && !has_prefix(n)) {
        n = n->next;
    }
    return n != NULL;
}

/* Takes the entries of the prefix layout out of the first part, into a flat map without the prefix. */
static bool take_prefixed(struct sops_doc *d, struct sops_node **flat, struct sops_err *e)
{
    *flat = sops_arena_alloc(&d->arena, sizeof **flat, e);
    if (*flat == NULL) {
        return false;
    }
    (*flat)->kind = SOPS_MAP;
    struct sops_node *part = d->parts, *n = part->child;
    part->child = part->last = NULL;
    while (n != NULL) {
        struct sops_node *next = n->next;
        struct sops_node *to = has_prefix(n) ? *flat : part;
        n->key = to == *flat ? sops_slice_skip(n->key, sizeof FLAT_PREFIX - 1) : n->key;
        sops_node_link(to, to->last, n);
        n = next;
    }
    return true;
}

/* INI writes the newlines of a value as the two characters `\n`; nothing else is escaped. */
static bool unescape(struct sops_doc *d, struct sops_node *flat, struct sops_err *e)
{
    for (struct sops_node *n = flat->child; n != NULL; n = n->next) {
        struct sops_slice copy;
        size_t len = 0;
        if (!sops_arena_copy(&d->arena, n->text, &copy, e)) {
            return false;
        }
        uint8_t *to = (uint8_t *)(uintptr_t)copy.ptr;
        for (size_t i = 0; i < copy.len; i++) {
            bool newline = to[i] == '\\' && i + 1 < copy.len && to[i + 1] == 'n';
            to[len++] = newline ? '\n' : to[i];
            i += newline;
        }
        n->text = (struct sops_slice){copy.ptr, len};
    }
    return true;
}

/* Takes every entry `sops` out: the first part must have exactly one; what others hold does not matter, but `*second`
 * is the line of the first that is something else. */
static bool take_entry(struct sops_doc *d, struct sops_node **entry, unsigned *second, struct sops_err *e)
{
    *entry = NULL;
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        struct sops_node *n = sops_node_find(part, SOPS_LIT("sops"));
        for (; n != NULL; n = sops_node_find(part, SOPS_LIT("sops"))) {
            if (part == d->parts && *entry != NULL) {
                return sops_meta_fail_twice(n->line, e);
            }
            if (part != d->parts && *second == 0 && *entry != NULL && !sops_node_same(*entry, n)) {
                *second = n->line;
            }
            sops_node_unlink(d, n);
            *entry = part == d->parts ? n : *entry;
        }
    }
    if (*entry != NULL && (*entry)->kind != SOPS_MAP) {
        return sops_fail(e, SOPS_E_GENERIC, "the entry 'sops' is not a mapping");
    }
    return true;
}

static bool not_found(struct sops_err *e)
{
    sops_fail(e, SOPS_E_GENERIC, "sops metadata not found");
    return sops_hint(
        e, "the file is not encrypted, or is of another format than its name says; --input-type names the format");
}

bool sops_meta_detach(struct sops_doc *d, enum sops_layout l, struct sops_meta *out, struct sops_err *e)
{
    struct sops_node *found = NULL;
    if (!sops_meta_present(d, l)) {
        return not_found(e);
    }
    if (!(l == SOPS_META_PREFIX ? take_prefixed(d, &found, e) : take_entry(d, &found, &out->second_line, e))) {
        return false;
    }
    if (l == SOPS_META_SECTION && !unescape(d, found, e)) {
        return false;
    }
    if (l != SOPS_META_NESTED && l != SOPS_META_TABLES && !sops_meta_unflatten(d, found, &found, e)) {
        return false;
    }
    bool ok = read_all(out, found, e);
    if (ok && l == SOPS_META_TABLES && out->version.len == 0) {
        out->version = SOPS_LIT(SOPS_VERSION); /* rops writes none */
    }
    return ok;
}

void sops_meta_refer(struct sops_meta *to, const struct sops_meta *from)
{
    *to = *from;
    to->arena = (struct sops_arena){0};
    to->rules.regex = NULL;
}

void sops_meta_free(struct sops_meta *m)
{
    sops_rules_free(&m->rules);
    sops_arena_free(&m->arena);
    *m = (struct sops_meta){0};
}
