/* SPDX-License-Identifier: Apache-2.0 */
/* A path is taken apart once, into parts of characters that stand for themselves or match others. `#` with something
 * behind it goes over all items of a list; how often it may do so within itself is limited, so that the depth of calls
 * is, too. */
#include "sync/property.h"

#include "base/encode.h"
#include "base/json_tree.h"
#include "base/text.h"

#define PARTS_MAX 64
#define EACH_MAX 8 /* `#` within `#` */

/* ---- the language ----------------------------------------------------------------------------------------------- */

/* A part as it stands in the path, with its backslashes. */
struct path {
    struct sops_slice part[PARTS_MAX];
    size_t count;
};

static bool unsupported(struct sops_err *e)
{
    (void)sops_fail(e, SOPS_E_READ, "property: this kind of path is not supported here");
    return sops_hint(e, "parts are separated by dots; a backslash makes the next character literal");
}

static bool check_part(struct sops_slice part, struct sops_err *e)
{
    size_t i = 0;
    if (part.len != 0 && (strchr("@!{[", part.ptr[0]) != NULL || sops_slice_starts(part, SOPS_LIT("#(")))) {
        return unsupported(e);
    }
    for (; i < part.len && part.ptr[i] != '|'; i++) {
        i += part.ptr[i] == '\\' && i + 1 < part.len;
    }
    return i >= part.len || unsupported(e);
}

static bool take_path(struct sops_slice property, struct path *p, struct sops_err *e)
{
    size_t start = 0, each = 0;
    p->count = 0;
    for (size_t i = 0; i <= property.len; i++) {
        if (i < property.len && property.ptr[i] != '.') {
            i += property.ptr[i] == '\\' && i + 1 < property.len;
            continue;
        }
        struct sops_slice part = sops_slice_of(property.ptr + start, i - start);
        each += sops_slice_eq(part, SOPS_LIT("#"));
        if (p->count == PARTS_MAX || each > EACH_MAX) {
            return sops_fail(e, SOPS_E_READ, "property: the path has too many parts");
        }
        if (!check_part(part, e)) {
            return false;
        }
        p->part[p->count++] = part;
        start = i + 1;
    }
    return true;
}

bool sops_property_check(struct sops_slice property, struct sops_err *e)
{
    struct path p;
    return property.len == 0 || take_path(property, &p, e);
}

/* ---- matching --------------------------------------------------------------------------------------------------- */

static size_t character(struct sops_slice s)
{
    uint32_t c;
    size_t n = s.len != 0 ? sops_utf8_next(s, &c) : 0;
    return n != 0 ? n : 1;
}

/* `*` is any text, `?` any character, a backslash makes the next character literal. The last star that was passed is
 * where a mismatch goes back to: never further, so it takes at most the product of the two lengths. */
static bool matches(struct sops_slice pattern, struct sops_slice key)
{
    size_t p = 0, k = 0, star = SIZE_MAX, mark = 0;
    while (k < key.len) {
        bool escaped = p < pattern.len && pattern.ptr[p] == '\\' && p + 1 < pattern.len;
        if (p < pattern.len && !escaped && pattern.ptr[p] == '*') {
            star = ++p;
            mark = k;
        } else if (p < pattern.len && !escaped && pattern.ptr[p] == '?') {
            p++;
            k += character(sops_slice_skip(key, k));
        } else if (p < pattern.len && pattern.ptr[p + (escaped ? 1 : 0)] == key.ptr[k]) {
            p += escaped ? 2 : 1;
            k++;
        } else if (star != SIZE_MAX) {
            p = star;
            mark += character(sops_slice_skip(key, mark));
            k = mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* What one part leads to: a member, or an item. NULL when there is nothing. */
static const struct sops_json_value *follow(const struct sops_json_value *at, struct sops_slice part)
{
    const struct sops_json_value *v = at->child;
    if (at->kind == SOPS_JSON_OBJECT) {
        while (v != NULL && !matches(part, v->key)) {
            v = v->next;
        }
        return v;
    }
    int64_t index = 0;
    if (at->kind != SOPS_JSON_LIST || part.len == 0 || sops_digits(part) != part.len || !sops_int_parse(part, &index)) {
        return NULL;
    }
    for (; v != NULL && index > 0; index--) {
        v = v->next;
    }
    return v;
}

/* ---- what is found ---------------------------------------------------------------------------------------------- */

static bool is_whole(struct sops_slice number)
{
    struct sops_slice digits = number.len != 0 && number.ptr[0] == '-' ? sops_slice_skip(number, 1) : number;
    return sops_digits(digits) == digits.len;
}

bool sops_property_number(struct sops_slice number, struct sops_buf *out, struct sops_err *e)
{
    double v;
    bool overflow = false;
    if (is_whole(number) || !sops_float_parse(number, &v, &overflow) || overflow) {
        return sops_buf_add(out, number, e);
    }
    return sops_float_canonical(out, v, e);
}

static bool add_found(const struct sops_json_value *v, bool as_written, struct sops_buf *out, struct sops_err *e)
{
    switch (v->kind) {
    case SOPS_JSON_NULL:
        return true;
    case SOPS_JSON_STRING:
        return sops_buf_add(out, v->text, e);
    case SOPS_JSON_NUMBER:
        return as_written ? sops_buf_add(out, v->raw, e) : sops_property_number(v->raw, out, e);
    case SOPS_JSON_FALSE:
    case SOPS_JSON_TRUE:
    case SOPS_JSON_LIST:
    case SOPS_JSON_OBJECT:
        break;
    }
    return sops_buf_add(out, v->raw, e);
}

/* The rest of a path behind `#`, in each item of a list: what is found there, as JSON. Called for each `#` of a path
 * within the one before, so at most EACH_MAX deep. */
static bool add_raw(const struct sops_json_value *at, const struct path *p, size_t from, struct sops_buf *out,
                    bool *found, struct sops_err *e);

static bool add_each(const struct sops_json_value *list, const struct path *p, size_t from, struct sops_buf *out,
                     struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '[', e), first = true;
    for (const struct sops_json_value *v = list->child; ok && v != NULL; v = v->next) {
        size_t start = out->len;
        bool found = false;
        ok = (first || sops_buf_addc(out, ',', e)) && add_raw(v, p, from, out, &found, e);
        if (ok && !found) {
            sops_buf_cut(out, start);
        }
        first = first && !found;
    }
    return ok && sops_buf_addc(out, ']', e);
}

static bool is_each(const struct sops_json_value *at, const struct path *p, size_t i)
{
    return at->kind == SOPS_JSON_LIST && sops_slice_eq(p->part[i], SOPS_LIT("#"));
}

static size_t length_of(const struct sops_json_value *list)
{
    size_t n = 0;
    for (const struct sops_json_value *v = list->child; v != NULL; v = v->next) {
        n++;
    }
    return n;
}

static bool add_raw(const struct sops_json_value *at, const struct path *p, size_t from, struct sops_buf *out,
                    bool *found, struct sops_err *e)
{
    for (size_t i = from; at != NULL && i < p->count; i++) {
        if (is_each(at, p, i)) {
            *found = true;
            return i + 1 == p->count ? sops_buf_addf(out, e, "%zu", length_of(at)) : add_each(at, p, i + 1, out, e);
        }
        at = follow(at, p->part[i]);
    }
    *found = at != NULL;
    return at == NULL || sops_buf_add(out, at->raw, e);
}

static bool by_path(const struct sops_json_value *root, const struct path *p, struct sops_buf *out, bool *found,
                    struct sops_err *e)
{
    const struct sops_json_value *at = root;
    for (size_t i = 0; at != NULL && i < p->count; i++) {
        if (is_each(at, p, i)) {
            return add_raw(at, p, i, out, found, e);
        }
        at = follow(at, p->part[i]);
    }
    *found = at != NULL;
    return at == NULL || add_found(at, false, out, e);
}

/* The whole property as one key, in which dots are literal. */
static bool by_key(const struct sops_json_value *root, struct sops_slice property, struct sops_buf *out, bool *found,
                   struct sops_err *e)
{
    const struct sops_json_value *v = root->kind == SOPS_JSON_OBJECT ? follow(root, property) : NULL;
    *found = v != NULL;
    return v == NULL || add_found(v, false, out, e);
}

static bool look_up(const struct sops_json_value *root, enum sops_store_property order, struct sops_slice property,
                    struct sops_buf *out, bool *found, struct sops_err *e)
{
    struct path p;
    size_t dot = sops_slice_find(property, '.');
    bool dotted = dot < property.len;
    *found = false;
    if (order == SOPS_PROPERTY_KEY_FIRST) {
        const struct sops_json_value *exact = sops_json_last_member(root, property);
        if (exact != NULL) {
            *found = true;
            return add_found(exact, true, out, e);
        }
    }
    if (!take_path(property, &p, e)) {
        return false;
    }
    bool key_first =
        dotted && (order == SOPS_PROPERTY_DOTTED_FIRST || (order == SOPS_PROPERTY_DOT_LATER_FIRST && dot != 0));
    if (key_first && (!by_key(root, property, out, found, e) || *found)) {
        return *found;
    }
    if (!by_path(root, &p, out, found, e)) {
        return false;
    }
    return *found || order != SOPS_PROPERTY_PATH_FIRST || by_key(root, property, out, found, e);
}

static bool no_json(struct sops_err *why, struct sops_err *e)
{
    bool memory = why->memory;
    sops_err_clear(why);
    return memory ? sops_fail_memory(e) : sops_fail(e, SOPS_E_READ, "the value is not JSON");
}

bool sops_property_find(struct sops_arena *a, struct sops_slice value, enum sops_store_property order,
                        struct sops_slice property, struct sops_slice *out, bool *found, struct sops_err *e)
{
    struct sops_arena tree = {0};
    struct sops_json_value *root;
    struct sops_buf text = {0};
    struct sops_err why = {0};
    bool ok = sops_json_read(&tree, value, &root, &why);
    if (!ok) {
        (void)no_json(&why, e);
        (void)sops_within(e, "property");
    }
    ok = ok && look_up(root, order, property, &text, found, e) && sops_arena_copy(a, sops_buf_view(&text), out, e);
    sops_buf_free(&text);
    sops_arena_free(&tree);
    return ok;
}

bool sops_property_extract(struct sops_slice value, enum sops_store_property order, struct sops_keys *out,
                           struct sops_err *e)
{
    struct sops_arena tree = {0};
    struct sops_json_value *root = NULL;
    struct sops_err why = {0};
    bool ok = sops_json_read(&tree, value, &root, &why) || no_json(&why, e);
    ok = ok && (root->kind == SOPS_JSON_OBJECT || sops_fail(e, SOPS_E_READ, "the value is no JSON object"));
    for (const struct sops_json_value *v = ok ? root->child : NULL; ok && v != NULL; v = v->next) {
        struct sops_buf text = {0};
        ok = add_found(v, order != SOPS_PROPERTY_KEY_FIRST, &text, e) &&
             sops_keys_set(out, v->key, sops_buf_view(&text), e);
        sops_buf_free(&text);
    }
    sops_arena_free(&tree);
    return ok;
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

/* Base64 with its padding, CR and LF passed over. */
static bool take_base64(struct sops_slice text, bool url, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf clean = {0};
    bool ok = true, alien = false;
    for (size_t i = 0; ok && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        alien = alien || (url && (c == '+' || c == '/'));
        c = url && c == '-' ? '+' : url && c == '_' ? '/' : c;
        ok = c == '\r' || c == '\n' || sops_buf_addc(&clean, c, e);
    }
    ok = ok && !alien && sops_base64_take(out, SOPS_B64_STD, sops_buf_view(&clean), e);
    sops_buf_free(&clean);
    return ok;
}

bool sops_decode_value(struct sops_arena *a, struct sops_slice strategy, struct sops_slice value,
                       struct sops_slice *out, struct sops_err *e)
{
    bool automatic = sops_slice_eq(strategy, SOPS_LIT("Auto"));
    bool plain = automatic || sops_slice_eq(strategy, SOPS_LIT("Base64"));
    bool url = automatic || sops_slice_eq(strategy, SOPS_LIT("Base64URL"));
    struct sops_buf bytes = {0};
    struct sops_err why = {0};
    *out = value;
    if (!plain && !url) {
        return true;
    }
    bool decoded = plain && take_base64(value, false, &bytes, &why);
    if (!decoded && url && !why.memory) {
        sops_err_clear(&why);
        sops_buf_cut(&bytes, 0);
        decoded = take_base64(value, true, &bytes, &why);
    }
    bool memory = why.memory;
    sops_err_clear(&why);
    bool ok = memory    ? sops_fail_memory(e)
              : decoded ? sops_arena_copy(a, sops_buf_view(&bytes), out, e)
                        : automatic || sops_fail(e, SOPS_E_READ, "the value is no %.*s", SOPS_ARG(strategy));
    sops_buf_free(&bytes);
    return ok;
}
