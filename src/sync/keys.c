/* SPDX-License-Identifier: Apache-2.0 */
/* Two keys that become one are an error: which value would win is chance, and the Secret would change from run to run.
 */
#include "sync/keys.h"

#include "base/json.h"
#include "base/json_tree.h"
#include "base/text.h"
#include "core/conf.h"
#include "core/regex.h"
#include "sync/property.h"
#include "sync/rules.h"
#include "sync/template.h"

#include <stdlib.h>

/* ---- the map ---------------------------------------------------------------------------------------------------- */

bool sops_keys_set(struct sops_keys *k, struct sops_slice key, struct sops_slice value, struct sops_err *e)
{
    struct sops_slice copy;
    if (!sops_arena_copy(&k->arena, value, &copy, e)) {
        return false;
    }
    struct sops_key_value *old = sops_table_get(&k->table, key);
    if (old != NULL) {
        old->value = copy;
        return true;
    }
    struct sops_key_value *new = sops_arena_alloc(&k->arena, sizeof *new, e);
    if (new == NULL || !sops_arena_copy(&k->arena, key, &new->key, e)) {
        return false;
    }
    void **place = sops_table_put(&k->table, new->key, NULL, e);
    if (place == NULL) {
        return false;
    }
    *place = new;
    new->value = copy;
    if (k->last != NULL) {
        k->last->next = new;
    } else {
        k->first = new;
    }
    k->last = new;
    k->count++;
    return true;
}

bool sops_keys_get(const struct sops_keys *k, struct sops_slice key, struct sops_slice *value)
{
    const struct sops_key_value *found = sops_table_get(&k->table, key);
    if (found != NULL) {
        *value = found->value;
    }
    return found != NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct sops_key_value *x = *(const struct sops_key_value *const *)a;
    const struct sops_key_value *y = *(const struct sops_key_value *const *)b;
    return sops_slice_cmp(x->key, y->key);
}

bool sops_keys_sorted(const struct sops_keys *k, struct sops_arena *a, const struct sops_key_value ***out,
                      struct sops_err *e)
{
    size_t n = 0;
    *out = sops_arena_alloc(a, (k->count + 1) * sizeof **out, e);
    for (const struct sops_key_value *kv = k->first; *out != NULL && kv != NULL; kv = kv->next) {
        (*out)[n++] = kv;
    }
    if (n != 0) {
        qsort(*out, n, sizeof **out, by_key);
    }
    return *out != NULL;
}

void sops_keys_free(struct sops_keys *k)
{
    sops_table_free(&k->table);
    sops_arena_free(&k->arena);
    *k = (struct sops_keys){0};
}

/* ---- fields ----------------------------------------------------------------------------------------------------- */

bool sops_fields_known(const struct sops_node *map, const char *const *known, struct sops_err *e)
{
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && !sops_slice_is_any(n->key, known)) {
            return sops_fail(e, SOPS_E_READ, "unknown field '%.*s'", SOPS_ARG(sops_slice_first(n->key, 80)));
        }
    }
    return true;
}

bool sops_field_word(const struct sops_node *map, const char *name, const char *const *words, const char *usual,
                     struct sops_slice *out, struct sops_err *e)
{
    *out = sops_str(usual);
    if (!sops_conf_text(map, name, out, e)) {
        return sops_recode(e, SOPS_E_READ);
    }
    if (out->len == 0) { /* as if it were not there */
        *out = sops_str(usual);
    }
    return sops_slice_is_any(*out, words) || (out->len == 0 && usual[0] == '\0') ||
           sops_fail(e, SOPS_E_READ, "'%s' has none of the words that are known for it", name);
}

/* ---- rewriting -------------------------------------------------------------------------------------------------- */

static const char *const strategies[] = {"Extract", "JSON", NULL};
static const char *const conflicts[] = {"Error", "Ignore", NULL};
static const char *const priorities[] = {"Strict", "IgnoreNotFound", NULL};

struct merging {
    struct sops_slice into, strategy, conflict, policy;
    const struct sops_node *priority;
};

static bool take_merge(const struct sops_node *map, struct merging *m, struct sops_err *e)
{
    static const char *const known[] = {"into", "strategy", "conflictPolicy", "priority", "priorityPolicy", NULL};
    *m = (struct merging){{0}, {0}, {0}, {0}, NULL};
    if (!sops_fields_known(map, known, e) || !sops_conf_text(map, "into", &m->into, e) ||
        !sops_field_word(map, "strategy", strategies, "Extract", &m->strategy, e) ||
        !sops_field_word(map, "conflictPolicy", conflicts, "Error", &m->conflict, e) ||
        !sops_field_word(map, "priorityPolicy", priorities, "Strict", &m->policy, e) ||
        !sops_conf_list(map, "priority", &m->priority, e)) {
        return false;
    }
    for (const struct sops_node *n = m->priority != NULL ? m->priority->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && n->kind != SOPS_STR) {
            return sops_fail(e, SOPS_E_READ, "'priority' must be a list of texts");
        }
    }
    return m->into.len != 0 || !sops_slice_eq(m->strategy, SOPS_LIT("JSON")) ||
           sops_fail(e, SOPS_E_READ, "'into' is missing");
}

static bool check_regexp(const struct sops_node *map, struct sops_err *e)
{
    static const char *const known[] = {"source", "target", NULL};
    struct sops_slice source = {0}, target = {0};
    if (!sops_fields_known(map, known, e) || !sops_conf_text(map, "source", &source, e) ||
        !sops_conf_text(map, "target", &target, e)) {
        return false;
    }
    struct sops_regex *r = sops_regex_capturing(source, e);
    sops_regex_free(r);
    return r != NULL;
}

static bool check_one(const struct sops_node *n, struct sops_err *e)
{
    static const char *const known[] = {"regexp", "transform", "merge", NULL}, *const of_transform[] = {"template",
                                                                                                        NULL};
    struct merging m;
    struct sops_slice text = {0};
    const struct sops_node *regexp, *transform, *merge;
    if (n->kind != SOPS_MAP) {
        return sops_fail(e, SOPS_E_READ, "it is no mapping");
    }
    if (!sops_fields_known(n, known, e) || !sops_conf_map(n, "regexp", &regexp, e) ||
        !sops_conf_map(n, "transform", &transform, e) || !sops_conf_map(n, "merge", &merge, e)) {
        return false;
    }
    if ((regexp != NULL) + (transform != NULL) + (merge != NULL) != 1) {
        return sops_fail(e, SOPS_E_READ, "it must have exactly one of regexp, transform and merge");
    }
    if (transform != NULL) {
        return sops_fields_known(transform, of_transform, e) && sops_conf_text(transform, "template", &text, e) &&
               (text.len != 0 || sops_fail(e, SOPS_E_READ, "'template' is missing"));
    }
    return regexp != NULL ? check_regexp(regexp, e) : take_merge(merge, &m, e);
}

bool sops_rewrite_check(const struct sops_node *list, struct sops_err *e)
{
    size_t i = 0;
    for (const struct sops_node *n = list != NULL ? list->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && !check_one(n, e)) {
            sops_recode(e, SOPS_E_READ);
            return sops_within(e, "rewrite[%zu]", i);
        }
        i += n->kind != SOPS_COMMENT;
    }
    return true;
}

/* Puts an entry under its new key, which must not be there yet; one without a key is left out. */
static bool put_new(struct sops_keys *to, struct sops_slice key, struct sops_slice value, struct sops_err *e)
{
    struct sops_slice other;
    if (key.len == 0) {
        return true;
    }
    return sops_keys_get(to, key, &other)
               ? sops_fail(e, SOPS_E_READ, "two keys become '%.*s'", SOPS_ARG(sops_slice_first(key, 200)))
               : sops_keys_set(to, key, value, e);
}

static bool apply_regexp(const struct sops_node *map, const struct sops_keys *from, struct sops_keys *to,
                         struct sops_err *e)
{
    struct sops_slice source = {0}, target = {0};
    if (!sops_conf_text(map, "source", &source, e) || !sops_conf_text(map, "target", &target, e)) {
        return false;
    }
    struct sops_regex *r = sops_regex_capturing(source, e);
    bool ok = r != NULL;
    for (const struct sops_key_value *kv = from->first; ok && kv != NULL; kv = kv->next) {
        struct sops_buf key = {0};
        ok = sops_regex_replace(r, kv->key, target, &key, e) && put_new(to, sops_buf_view(&key), kv->value, e);
        sops_buf_free(&key);
    }
    sops_regex_free(r);
    return ok;
}

static bool apply_transform(const struct sops_node *map, const struct sops_keys *from, struct sops_keys *to,
                            struct sops_err *e)
{
    struct sops_slice text = {0};
    bool ok = sops_conf_text(map, "template", &text, e);
    for (const struct sops_key_value *kv = from->first; ok && kv != NULL; kv = kv->next) {
        struct sops_keys value = {0};
        struct sops_buf key = {0};
        ok = sops_keys_set(&value, SOPS_LIT("value"), kv->key, e) && sops_template_run(text, &value, &key, e) &&
             put_new(to, sops_buf_view(&key), kv->value, e);
        sops_buf_free(&key);
        sops_keys_free(&value);
    }
    return ok;
}

/* The entries in the order of merging: by key, those of `priority` last in their order. */
static bool merge_order(const struct merging *m, const struct sops_keys *from, struct sops_arena *a,
                        const struct sops_key_value ***order, size_t *count, struct sops_err *e)
{
    const struct sops_key_value **sorted;
    struct sops_table last = {0};
    size_t wanted = 0;
    for (const struct sops_node *n = m->priority != NULL ? m->priority->child : NULL; n != NULL; n = n->next) {
        wanted++;
    }
    *count = 0;
    *order = sops_arena_alloc(a, (from->count + wanted + 1) * sizeof **order, e);
    bool ok = *order != NULL && sops_keys_sorted(from, a, &sorted, e);
    for (const struct sops_node *n = ok && m->priority != NULL ? m->priority->child : NULL; ok && n != NULL;
         n = n->next) {
        struct sops_slice value;
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        if (!sops_keys_get(from, n->text, &value)) {
            ok = sops_slice_eq(m->policy, SOPS_LIT("IgnoreNotFound")) ||
                 sops_fail(e, SOPS_E_READ, "merge: there is no key '%.*s', which 'priority' names",
                           SOPS_ARG(sops_slice_first(n->text, 200)));
            continue;
        }
        ok = sops_table_put(&last, n->text, NULL, e) != NULL;
        if (ok) {
            *sops_table_put(&last, n->text, NULL, e) = (void *)(uintptr_t)n;
        }
    }
    for (size_t i = 0; ok && i < from->count; i++) {
        if (sops_table_get(&last, sorted[i]->key) == NULL) {
            (*order)[(*count)++] = sorted[i];
        }
    }
    for (const struct sops_node *n = ok && m->priority != NULL ? m->priority->child : NULL; n != NULL; n = n->next) {
        const struct sops_key_value *kv = n->kind == SOPS_STR ? sops_table_get(&from->table, n->text) : NULL;
        if (kv != NULL && sops_table_get(&last, n->text) == n) {
            (*order)[(*count)++] = kv;
        }
    }
    sops_table_free(&last);
    return ok;
}

/* A value of a merged object as a text, or as JSON within another object. */
static bool merged_text(struct sops_json_value *v, bool as_json, struct sops_buf *out, struct sops_err *e)
{
    if (!as_json && v->kind == SOPS_JSON_STRING) {
        return sops_buf_add(out, v->text, e);
    }
    if (!as_json && v->kind == SOPS_JSON_NUMBER) {
        return sops_property_number(v->raw, out, e);
    }
    if (!as_json && v->kind == SOPS_JSON_NULL) {
        return true;
    }
    return sops_json_sort(v, NULL, e) && sops_json_print(out, v, as_json ? SOPS_JSON_GO_PLAIN : SOPS_JSON_GO, e);
}

static bool merge_one(const struct merging *m, const struct sops_key_value *kv, bool as_json, struct sops_keys *to,
                      struct sops_keys *seen, struct sops_err *e)
{
    struct sops_arena tree = {0};
    struct sops_json_value *root = NULL;
    struct sops_err why = {0};
    bool ok = sops_json_read(&tree, kv->value, &root, &why) && root->kind == SOPS_JSON_OBJECT &&
              sops_json_sort(root, NULL, &why);
    if (!ok) {
        ok = why.memory ? sops_fail_memory(e)
                        : sops_fail(e, SOPS_E_READ, "merge: the value of '%.*s' is no JSON object",
                                    SOPS_ARG(sops_slice_first(kv->key, 200)));
    }
    sops_err_clear(&why);
    for (struct sops_json_value *v = ok ? root->child : NULL; ok && v != NULL; v = v->next) {
        struct sops_slice other;
        struct sops_buf text = {0};
        if (sops_keys_get(seen, v->key, &other) && sops_slice_eq(m->conflict, SOPS_LIT("Error"))) {
            ok = sops_fail(e, SOPS_E_READ, "merge: the key '%.*s' is there twice",
                           SOPS_ARG(sops_slice_first(v->key, 200)));
            (void)sops_hint(e, "conflictPolicy: Ignore lets the later one win");
        }
        ok = ok && merged_text(v, as_json, &text, e) && sops_keys_set(to, v->key, sops_buf_view(&text), e) &&
             sops_keys_set(seen, v->key, SOPS_LIT(""), e);
        sops_buf_free(&text);
    }
    sops_arena_free(&tree);
    return ok;
}

static bool print_merged(const struct sops_keys *merged, struct sops_buf *out, struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_key_value **sorted;
    bool ok = sops_keys_sorted(merged, &a, &sorted, e) && sops_buf_addc(out, '{', e);
    for (size_t i = 0; ok && i < merged->count; i++) {
        ok = (i == 0 || sops_buf_addc(out, ',', e)) && sops_json_quote_go(out, sorted[i]->key, false, e) &&
             sops_buf_addc(out, ':', e) && sops_buf_add(out, sorted[i]->value, e);
    }
    sops_arena_free(&a);
    return ok && sops_buf_addc(out, '}', e);
}

static bool apply_merge(const struct sops_node *map, const struct sops_keys *from, struct sops_keys *to,
                        struct sops_err *e)
{
    struct merging m;
    struct sops_arena a = {0};
    struct sops_keys merged = {0}, seen = {0};
    struct sops_buf text = {0};
    const struct sops_key_value **order;
    size_t count;
    bool ok = take_merge(map, &m, e) && merge_order(&m, from, &a, &order, &count, e);
    bool as_json = ok && sops_slice_eq(m.strategy, SOPS_LIT("JSON"));
    for (size_t i = 0; ok && i < count; i++) {
        ok = merge_one(&m, order[i], as_json, as_json ? &merged : to, &seen, e);
    }
    for (const struct sops_key_value *kv = from->first; ok && as_json && kv != NULL; kv = kv->next) {
        ok = sops_keys_set(to, kv->key, kv->value, e);
    }
    if (ok && as_json) {
        ok = print_merged(&merged, &text, e) && sops_keys_set(to, m.into, sops_buf_view(&text), e);
    }
    sops_buf_free(&text);
    sops_keys_free(&merged);
    sops_keys_free(&seen);
    sops_arena_free(&a);
    return ok;
}

static bool apply_one(const struct sops_node *n, const struct sops_keys *from, struct sops_keys *to, struct sops_err *e)
{
    const struct sops_node *regexp, *transform, *merge;
    return sops_conf_map(n, "regexp", &regexp, e) && sops_conf_map(n, "transform", &transform, e) &&
           sops_conf_map(n, "merge", &merge, e) &&
           (regexp != NULL      ? apply_regexp(regexp, from, to, e)
            : transform != NULL ? apply_transform(transform, from, to, e)
                                : apply_merge(merge, from, to, e));
}

bool sops_rewrite_apply(const struct sops_node *list, struct sops_keys *k, struct sops_err *e)
{
    size_t i = 0;
    for (const struct sops_node *n = list != NULL ? list->child : NULL; n != NULL; n = n->next) {
        struct sops_keys next = {0};
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        if (!apply_one(n, k, &next, e)) {
            sops_keys_free(&next);
            sops_recode(e, SOPS_E_READ);
            return sops_within(e, "rewrite[%zu]", i);
        }
        sops_keys_free(k);
        *k = next;
        i++;
    }
    return true;
}

/* ---- conversion ------------------------------------------------------------------------------------------------- */

/* Letters and digits of all scripts stay: whether a Secret can have them is checked afterwards. */
static bool convert_key(const struct sops_regex *letter, struct sops_slice key, bool unicode, struct sops_buf *out,
                        struct sops_err *e)
{
    bool ok = true;
    while (ok && key.len != 0) {
        uint32_t c = 0xfffd;
        size_t n = sops_utf8_next(key, &c);
        struct sops_slice one = sops_slice_first(key, n != 0 ? n : 1);
        bool stays = n == 1 ? sops_only_alnum(one, "-._") : n > 1 && sops_regex_match(letter, one);
        ok = stays     ? sops_buf_add(out, one, e)
             : unicode ? sops_buf_addf(out, e, "_U%04x_", c)
                       : sops_buf_addc(out, '_', e);
        key = sops_slice_skip(key, one.len);
    }
    return ok;
}

bool sops_keys_convert(struct sops_keys *k, bool unicode, struct sops_err *e)
{
    struct sops_keys next = {0};
    struct sops_regex *letter = NULL; /* made for the first key that needs it */
    bool ok = true;
    for (const struct sops_key_value *kv = k->first; ok && kv != NULL; kv = kv->next) {
        struct sops_buf key = {0};
        if (letter == NULL && !sops_only_alnum(kv->key, "-._")) {
            letter = sops_regex_new(SOPS_LIT("^[\\p{L}\\p{N}]$"), e);
            ok = letter != NULL;
        }
        ok = ok && convert_key(letter, kv->key, unicode, &key, e) && put_new(&next, sops_buf_view(&key), kv->value, e);
        sops_buf_free(&key);
    }
    sops_regex_free(letter);
    if (!ok) {
        sops_keys_free(&next);
        return false;
    }
    sops_keys_free(k);
    *k = next;
    return true;
}

bool sops_keys_check(struct sops_keys *k, struct sops_err *e)
{
    for (const struct sops_key_value *kv = k->first; kv != NULL; kv = kv->next) {
        if (kv->key.len != 0 && !sops_is_secret_key(kv->key)) {
            (void)sops_fail(e, SOPS_E_READ, "a Secret cannot have the key '%.*s'",
                            SOPS_ARG(sops_slice_first(kv->key, 260)));
            return sops_hint(e, "`rewrite` or `conversionStrategy` can change it");
        }
    }
    return true;
}
