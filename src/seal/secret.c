/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is guessed: what kubectl and kubeseal would read as another text than stands in the file (a fraction, a date)
 * is refused. */
#include "seal/cipher.h"
#include "seal/object.h"

#include "base/ascii.h"

#include <stdlib.h>

static bool is_content(const struct sops_node *n) { return n->kind != SOPS_COMMENT; }

static size_t members(const struct sops_node *map)
{
    size_t count = 0;
    for (const struct sops_node *n = map != NULL ? map->child : NULL; n != NULL; n = n->next) {
        count += is_content(n);
    }
    return count;
}

/* A member that must be a map when it is there; `*out` is NULL for none and for null. */
static bool take_map(const struct sops_node *from, const char *key, const struct sops_node **out, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(from, sops_str(key));
    *out = n != NULL && n->kind == SOPS_MAP ? n : NULL;
    if (n != NULL && n->kind != SOPS_MAP && n->kind != SOPS_NULL) {
        return sops_fail(e, SOPS_E_ENCRYPT, "'%s' is no mapping", key);
    }
    return *out == NULL || sops_map_no_twice(*out, key, e);
}

/* An integer above those of our documents that kubectl and kubeseal still read as it stands there: up to 2^64 - 1. */
static bool is_unsigned(const struct sops_node *n, struct sops_slice source, struct sops_slice *digits)
{
    static const char most[] = "18446744073709551615";
    if (n->span.end > source.len || n->span.end <= n->span.begin) {
        return false;
    }
    *digits = sops_slice_of(source.ptr + n->span.begin, n->span.end - n->span.begin);
    size_t i = 0;
    while (i < digits->len && sops_is_digit(digits->ptr[i])) {
        i++;
    }
    return i == digits->len && digits->ptr[0] != '0' &&
           (i < sizeof most - 1 || (i == sizeof most - 1 && sops_slice_cmp(*digits, sops_str(most)) <= 0));
}

/* A text, integer or boolean as a text; null is the empty one. `where`: the map's name. */
static bool scalar_text(struct sops_arena *a, const struct sops_node *n, const struct sops_secret_how *how,
                        const char *where, struct sops_slice *out, struct sops_err *e)
{
    struct sops_slice digits;
    if ((n->kind == SOPS_FLOAT || n->kind == SOPS_ODD) && is_unsigned(n, how->source, &digits)) {
        return sops_arena_copy(a, digits, out, e);
    }
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        return sops_arena_copy(a, SOPS_LIT(""), out, e);
    case SOPS_BOOL:
        return sops_arena_copy(a, n->text.len == 4 ? SOPS_LIT("true") : SOPS_LIT("false"), out, e);
    case SOPS_INT:
    case SOPS_STR:
        return sops_arena_copy(a, n->text, out, e);
    case SOPS_FLOAT:
    case SOPS_ODD:
    case SOPS_TIME:
        sops_fail(e, SOPS_E_ENCRYPT, "'%.*s' in '%s' is a %s that would be sealed as another text than stands there",
                  SOPS_ARG(n->key), where, n->kind == SOPS_TIME ? "date" : "number");
        return sops_hint(e, "put it in quotes");
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_COMMENT:
        break;
    }
    return sops_fail(e, SOPS_E_ENCRYPT, "'%.*s' in '%s' is a %s and no text", SOPS_ARG(n->key), where,
                     n->kind == SOPS_MAP ? "mapping" : "list");
}

/* Is the text of a key that is an integer or a boolean what other readers make of it, too? 007, 0x1f and True are not.
 */
static bool stays_as_written(struct sops_slice key, unsigned kind)
{
    size_t sign = sops_slice_starts(key, SOPS_LIT("-"));
    for (size_t i = sign; kind == SOPS_INT && i < key.len; i++) {
        if (!sops_is_digit(key.ptr[i]) || (key.ptr[i] == '0' && i == sign && key.len > 1)) {
            return false;
        }
    }
    return kind == SOPS_INT || sops_slice_eq(key, SOPS_LIT("true")) || sops_slice_eq(key, SOPS_LIT("false"));
}

static bool take_key(struct sops_arena *a, const struct sops_node *n, const char *where, struct sops_slice *key,
                     struct sops_err *e)
{
    if (n->key_kind != SOPS_STR && n->key_kind != SOPS_INT && n->key_kind != SOPS_BOOL) {
        sops_fail(e, SOPS_E_ENCRYPT, "line %u: a key in '%s' is no text", (unsigned)n->line, where);
        return sops_hint(e, "put it in quotes");
    }
    if (n->key_kind != SOPS_STR && !stays_as_written(n->key, n->key_kind)) {
        sops_fail(e, SOPS_E_ENCRYPT, "line %u: a key in '%s' would become another text than stands there",
                  (unsigned)n->line, where);
        return sops_hint(e, "put it in quotes");
    }
    return sops_arena_copy(a, n->key, key, e);
}

/* A name, namespace or type; as lenient as with labels, since what has digits only is read as a number. */
static bool take_text(struct sops_arena *a, const struct sops_node *from, const struct sops_secret_how *how,
                      const char *key, struct sops_slice *out, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(from, sops_str(key));
    return n == NULL || scalar_text(a, n, how, "the Secret", out, e);
}

static int by_key(const void *a, const void *b)
{
    return sops_slice_cmp(((const struct sops_seal_pair *)a)->key, ((const struct sops_seal_pair *)b)->key);
}

static bool take_pairs(struct sops_arena *a, const struct sops_node *meta, const struct sops_secret_how *how,
                       const char *name, struct sops_seal_pair **out, size_t *count, struct sops_err *e)
{
    const struct sops_node *map;
    if (!take_map(meta, name, &map, e) || map == NULL) {
        return e->code == SOPS_OK;
    }
    struct sops_seal_pair *pair = sops_arena_alloc(a, (members(map) + 1) * sizeof *pair, e);
    size_t n = 0;
    for (const struct sops_node *m = map->child; pair != NULL && m != NULL; m = m->next) {
        if (!is_content(m)) {
            continue;
        }
        if (!take_key(a, m, name, &pair[n].key, e) || !scalar_text(a, m, how, name, &pair[n].value, e)) {
            return false;
        }
        pair[n++].exposed = m->sealed != NULL;
    }
    if (n > 1) {
        qsort(pair, n, sizeof *pair, by_key);
    }
    *out = pair;
    *count = n;
    return pair != NULL;
}

static bool take_finalizers(struct sops_arena *a, const struct sops_node *meta, struct sops_secret_object *s,
                            struct sops_err *e)
{
    const struct sops_node *list = sops_node_find(meta, SOPS_LIT("finalizers"));
    if (list == NULL || list->kind == SOPS_NULL) {
        return true;
    }
    if (list->kind != SOPS_LIST) {
        return sops_fail(e, SOPS_E_ENCRYPT, "'finalizers' is no list");
    }
    s->finalizers = sops_arena_alloc(a, (members(list) + 1) * sizeof *s->finalizers, e);
    for (const struct sops_node *n = list->child; s->finalizers != NULL && n != NULL; n = n->next) {
        if (!is_content(n)) {
            continue;
        }
        if (n->kind != SOPS_STR) {
            return sops_fail(e, SOPS_E_ENCRYPT, "'finalizers' is no list of texts");
        }
        if (!sops_arena_copy(a, n->text, &s->finalizers[s->finalizer_count++].value, e)) {
            return false;
        }
    }
    return s->finalizers != NULL;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

static bool data_value(struct sops_arena *a, const struct sops_node *n, struct sops_slice *value, struct sops_err *e)
{
    if (n->kind == SOPS_NULL) {
        return sops_arena_copy(a, SOPS_LIT(""), value, e);
    }
    if (n->kind != SOPS_STR) {
        sops_fail(e, SOPS_E_ENCRYPT, "'%.*s' in 'data' is no text", SOPS_ARG(n->key));
        return sops_hint(e, "texts that are not base64 belong to 'stringData'");
    }
    struct sops_buf bytes = {0};
    struct sops_err bad = {0};
    bool ok = sops_seal_base64(n->text, &bytes, &bad);
    if (!ok && sops_may_fail(&bad, e)) {
        sops_fail(e, SOPS_E_ENCRYPT, "'%.*s' in 'data' is no base64", SOPS_ARG(n->key));
        sops_hint(e, "texts that are not base64 belong to 'stringData'");
    }
    ok = ok && sops_arena_copy(a, sops_buf_view(&bytes), value, e);
    sops_buf_free(&bytes);
    return ok;
}

static int by_item(const void *a, const void *b)
{
    return sops_slice_cmp(((const struct sops_seal_item *)a)->key, ((const struct sops_seal_item *)b)->key);
}

/* Of two items with one key the later one (of stringData, marked `kept` while it is read) stays. */
static void settle_items(struct sops_secret_object *s)
{
    size_t to = 0;
    if (s->items > 1) {
        qsort(s->item, s->items, sizeof *s->item, by_item);
    }
    for (size_t i = 0; i < s->items; i++) {
        if (to != 0 && sops_slice_eq(s->item[to - 1].key, s->item[i].key)) {
            if (s->item[i].kept) {
                s->item[to - 1] = s->item[i];
            }
        } else {
            s->item[to++] = s->item[i];
        }
    }
    s->items = to;
    for (size_t i = 0; i < s->items; i++) {
        s->item[i].kept = false;
    }
}

static bool take_items(struct sops_arena *a, const struct sops_node *root, const struct sops_secret_how *how,
                       struct sops_secret_object *s, struct sops_err *e)
{
    static const char *const names[] = {"data", "stringData"};
    const struct sops_node *map[2];
    if (!take_map(root, names[0], &map[0], e) || !take_map(root, names[1], &map[1], e)) {
        return false;
    }
    s->item = sops_arena_alloc(a, (members(map[0]) + members(map[1]) + 1) * sizeof *s->item, e);
    if (s->item == NULL) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        for (const struct sops_node *n = map[i] != NULL ? map[i]->child : NULL; n != NULL; n = n->next) {
            struct sops_seal_item *item = &s->item[s->items];
            if (!is_content(n)) {
                continue;
            }
            if (!take_key(a, n, names[i], &item->key, e) ||
                !(i == 0 ? data_value(a, n, &item->value, e) : scalar_text(a, n, how, names[i], &item->value, e))) {
                return false;
            }
            item->kept = i == 1;
            s->items++;
        }
    }
    settle_items(s);
    return true;
}

/* ---- objects ---------------------------------------------------------------------------------------------------- */

static bool take_immutable(const struct sops_node *root, struct sops_secret_object *s, struct sops_err *e)
{
    const struct sops_node *n = sops_node_find(root, SOPS_LIT("immutable"));
    if (n == NULL || n->kind == SOPS_NULL) {
        return true;
    }
    if (n->kind != SOPS_BOOL) {
        sops_fail(e, SOPS_E_ENCRYPT, "'immutable' is neither true nor false");
        return sops_hint(e, "write it without quotes");
    }
    s->immutable = n->text.len == 4 ? SOPS_IMMUTABLE_TRUE : SOPS_IMMUTABLE_FALSE;
    return true;
}

static bool read_secret(struct sops_arena *a, const struct sops_node *root, const struct sops_secret_how *how,
                        struct sops_secret_object *s, struct sops_err *e)
{
    static const struct sops_node none = {.kind = SOPS_MAP};
    const struct sops_node *meta;
    if (!sops_map_no_twice(root, "the Secret", e) || !take_map(root, "metadata", &meta, e)) {
        return false;
    }
    meta = meta != NULL ? meta : &none;
    s->has_type = sops_node_find(root, SOPS_LIT("type")) != NULL;
    bool ok = take_text(a, meta, how, "name", &s->name, e) && take_text(a, meta, how, "namespace", &s->space, e) &&
              take_text(a, meta, how, "generateName", &s->generate_name, e) &&
              take_pairs(a, meta, how, "labels", &s->labels, &s->label_count, e) &&
              take_pairs(a, meta, how, "annotations", &s->annotations, &s->annotation_count, e) &&
              take_finalizers(a, meta, s, e) && take_text(a, root, how, "type", &s->type, e) &&
              take_immutable(root, s, e) && take_items(a, root, how, s, e);
    s->has_type = s->has_type && s->type.len != 0;
    return ok;
}

static bool read_flat(struct sops_arena *a, const struct sops_node *root, struct sops_slice only,
                      struct sops_secret_object *s, struct sops_err *e)
{
    s->item = sops_arena_alloc(a, (members(root) + 1) * sizeof *s->item, e);
    bool ok = s->item != NULL && sops_map_no_twice(root, "the file", e);
    for (const struct sops_node *n = root->child; ok && n != NULL; n = n->next) {
        struct sops_seal_item *item = &s->item[s->items];
        struct sops_buf text = {0};
        if (!is_content(n)) {
            continue;
        }
        if (n->kind == SOPS_MAP || n->kind == SOPS_LIST || n->kind == SOPS_NULL || n->kind == SOPS_ODD) {
            return sops_fail(e, SOPS_E_ENCRYPT, "'%.*s' is no single value, so it cannot become an item",
                             SOPS_ARG(n->key));
        }
        ok = (only.len != 0 ? sops_arena_copy(a, only, &item->key, e) : take_key(a, n, "the file", &item->key, e)) &&
             sops_node_plain(n, &text, e) && sops_arena_copy(a, sops_buf_view(&text), &item->value, e);
        sops_buf_free(&text);
        s->items++;
    }
    if (ok) {
        settle_items(s);
    }
    return ok;
}

static bool add_room(struct sops_secret_list *l, struct sops_err *e)
{
    struct sops_secret_object *grown = sops_arena_grow(l->arena, l->secret, l->count, &l->room, sizeof *grown, e);
    if (grown != NULL) {
        l->secret = grown;
    }
    return grown != NULL;
}

/* What the document is: its kind when it is not to be sealed, else NULL. */
static bool refuse_kind(const struct sops_node *n, struct sops_err *e)
{
    struct sops_slice kind = sops_map_text(n, "kind"), version = sops_map_text(n, "apiVersion");
    if (kind.len == 0) {
        sops_fail(e, SOPS_E_ENCRYPT, "an object without a kind");
        return sops_hint(e, "a flat file needs a name for its Secret: --name, or `name` of its rule");
    }
    if (!sops_slice_eq(kind, SOPS_LIT("Secret"))) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the kind '%.*s' is no Secret", SOPS_ARG(kind));
    }
    return sops_fail(e, SOPS_E_ENCRYPT, "the apiVersion '%.*s' of a Secret is not v1", SOPS_ARG(version));
}

static bool is_secret(const struct sops_node *n, bool any_kind)
{
    struct sops_slice kind = sops_map_text(n, "kind");
    const struct sops_node *version = sops_node_find(n, SOPS_LIT("apiVersion"));
    return (sops_slice_eq(kind, SOPS_LIT("Secret")) ||
            (any_kind && kind.len == 0 && sops_node_find(n, SOPS_LIT("metadata")) != NULL)) &&
           (version == NULL || version->kind == SOPS_NULL ||
            (version->kind == SOPS_STR && (version->text.len == 0 || sops_slice_eq(version->text, SOPS_LIT("v1")))));
}

static bool is_list(const struct sops_node *n)
{
    static const char *const kinds[] = {"List", "SecretList", NULL};
    return sops_slice_is_any(sops_map_text(n, "kind"), kinds);
}

static bool add_secret(struct sops_secret_list *l, const struct sops_node *n, const struct sops_secret_how *how,
                       unsigned document, struct sops_err *e)
{
    if (!add_room(l, e)) {
        return false;
    }
    struct sops_secret_object *s = &l->secret[l->count];
    *s = (struct sops_secret_object){.document = document};
    bool flat = n->kind == SOPS_MAP && how->flat && sops_node_find(n, SOPS_LIT("kind")) == NULL;
    bool secret = n->kind == SOPS_MAP && is_secret(n, how->any_kind);
    bool ok = n->kind != SOPS_MAP ? sops_fail(e, SOPS_E_ENCRYPT, "what is no object cannot be sealed")
              : flat              ? read_flat(l->arena, n, how->flat_key, s, e)
              : secret            ? read_secret(l->arena, n, how, s, e)
                                  : refuse_kind(n, e);
    l->count += ok;
    return ok;
}

static bool add_list(struct sops_secret_list *l, const struct sops_node *list, const struct sops_secret_how *how,
                     unsigned document, struct sops_err *e)
{
    const struct sops_node *items = sops_node_find(list, SOPS_LIT("items"));
    struct sops_secret_how in_list = {.any_kind = how->any_kind, .source = how->source};
    size_t number = 0;
    if (items != NULL && items->kind != SOPS_LIST && items->kind != SOPS_NULL) {
        return sops_fail(e, SOPS_E_ENCRYPT, "'items' is no list");
    }
    for (const struct sops_node *n = items != NULL ? items->child : NULL; n != NULL; n = n->next) {
        if (is_content(n)) {
            number++;
            if (!add_secret(l, n, &in_list, document, e)) {
                return sops_within(e, "item %zu", number);
            }
        }
    }
    return true;
}

bool sops_secrets_read(const struct sops_doc *d, const struct sops_secret_how *how, struct sops_secret_list *out,
                       struct sops_err *e)
{
    unsigned number = 0;
    bool flat = false;
    for (const struct sops_node *n = d->parts; n != NULL; n = n->next) {
        number++;
        if (sops_map_is_empty(n)) {
            continue;
        }
        if (flat) {
            return sops_fail(e, SOPS_E_ENCRYPT, "document %u: a flat file has one document only", number);
        }
        flat = how->flat && sops_node_find(n, SOPS_LIT("kind")) == NULL;
        if (!(is_list(n) ? add_list(out, n, how, number, e) : add_secret(out, n, how, number, e))) {
            return sops_within(e, "document %u", number);
        }
    }
    return out->count != 0 || sops_fail(e, SOPS_E_EMPTY, "there is no document in it, or an empty list");
}

enum sops_seal_scope sops_secret_scope(const struct sops_secret_object *s, bool *said)
{
    enum sops_seal_scope scope = SOPS_SCOPE_STRICT;
    for (size_t i = 0; i < s->annotation_count; i++) {
        for (int k = SOPS_SCOPE_NAMESPACE; k <= SOPS_SCOPE_CLUSTER; k++) {
            if (sops_slice_eq(s->annotations[i].key, sops_str(sops_scope_annotation((enum sops_seal_scope)k))) &&
                sops_slice_eq(s->annotations[i].value, SOPS_LIT("true")) && k > (int)scope) {
                scope = (enum sops_seal_scope)k;
            }
        }
    }
    *said = scope != SOPS_SCOPE_STRICT;
    return scope;
}

/* ---- checks ----------------------------------------------------------------------------------------------------- */

bool sops_is_dns_label(struct sops_slice s)
{
    bool ok = s.len != 0 && s.len <= 63 && s.ptr[0] != '-' && s.ptr[s.len - 1] != '-';
    for (size_t i = 0; ok && i < s.len; i++) {
        ok = sops_is_lower(s.ptr[i]) || sops_is_digit(s.ptr[i]) || s.ptr[i] == '-';
    }
    return ok;
}

bool sops_is_dns_name(struct sops_slice s)
{
    struct sops_slice piece;
    bool ok = s.len != 0 && s.len <= 253;
    while (ok && sops_slice_next(&s, '.', &piece)) {
        ok = piece.len != 0 && piece.ptr[0] != '-' && piece.ptr[piece.len - 1] != '-';
        for (size_t i = 0; ok && i < piece.len; i++) {
            ok = sops_is_lower(piece.ptr[i]) || sops_is_digit(piece.ptr[i]) || piece.ptr[i] == '-';
        }
    }
    return ok;
}

static bool is_item_key(struct sops_slice key)
{
    return key.len != 0 && key.len <= 253 && sops_only_alnum(key, "-_.") && !sops_slice_eq(key, SOPS_LIT(".")) &&
           !sops_slice_starts(key, SOPS_LIT(".."));
}

static bool check_names(const struct sops_secret_place *p, struct sops_err *e)
{
    if (!sops_is_dns_name(p->name) && (p->name_in_path || (!p->lax && p->scope == SOPS_SCOPE_STRICT))) {
        sops_fail(e, SOPS_E_ENCRYPT, "the name '%.*s' is no DNS name", SOPS_ARG(p->name));
        return sops_hint(e, "small letters, digits and `-`, in pieces joined by `.`, at most 253 characters");
    }
    if (!sops_is_dns_label(p->space) && (p->space_in_path || (!p->lax && p->scope != SOPS_SCOPE_CLUSTER))) {
        sops_fail(e, SOPS_E_ENCRYPT, "the namespace '%.*s' is no DNS label", SOPS_ARG(p->space));
        return sops_hint(e, "small letters, digits and `-`, at most 63 characters");
    }
    return true;
}

bool sops_secret_check(const struct sops_secret_object *s, const struct sops_secret_place *p, struct sops_err *e)
{
    size_t all = 0;
    if (p->name.len == 0) {
        return sops_fail(e, SOPS_E_ENCRYPT, "the Secret has no name") || sops_hint(e, "--name gives it one");
    }
    if (p->space.len == 0 && p->scope != SOPS_SCOPE_CLUSTER) {
        sops_fail(e, SOPS_E_ENCRYPT, "the Secret '%.*s' has no namespace: must declare a namespace", SOPS_ARG(p->name));
        return sops_hint(e, "--namespace gives it one");
    }
    if (s->items == 0 && !p->allow_empty) {
        sops_fail(e, SOPS_E_ENCRYPT, "the Secret '%.*s' has no items", SOPS_ARG(p->name));
        return sops_hint(e, "--allow-empty-data takes it as it is");
    }
    if (!check_names(p, e)) {
        return false;
    }
    for (size_t i = 0; i < s->items; i++) {
        if (!p->lax && !is_item_key(s->item[i].key)) {
            sops_fail(e, SOPS_E_ENCRYPT, "the key '%.*s' cannot stand in a Secret", SOPS_ARG(s->item[i].key));
            return sops_hint(e, "letters, digits, `-`, `_` and `.`, at most 253; neither `.` nor a start of `..`");
        }
        all += s->item[i].value.len;
    }
    return p->lax || all <= SOPS_SEAL_VALUES_MAX ||
           sops_fail(e, SOPS_E_ENCRYPT, "the values of the Secret '%.*s' have %zu bytes, and %zu is the most",
                     SOPS_ARG(p->name), all, SOPS_SEAL_VALUES_MAX);
}
