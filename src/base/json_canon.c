/* SPDX-License-Identifier: Apache-2.0 */
/* A tree sorted and written again. Numbers are compared and written by their decimal value, never as doubles: two that
 * are one apart beyond 2^53 are not the same. */
#include "base/json_tree.h"

#include "base/json.h"
#include "base/text.h"

#include <stdlib.h>

/* ---- order ------------------------------------------------------------------------------------------------------ */

struct entry {
    struct sops_json_value *v;
    size_t place;
};

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = sops_slice_cmp(x->v->key, y->v->key);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static bool sort_members(struct sops_json_value *object, bool *repeated, struct sops_err *e)
{
    size_t n = 0, kept = 0;
    for (struct sops_json_value *v = object->child; v != NULL; v = v->next) {
        n++;
    }
    struct entry *all = sops_alloc((n + 1) * sizeof *all, e);
    if (all == NULL) {
        return false;
    }
    for (struct sops_json_value *v = object->child; v != NULL; v = v->next) {
        all[kept] = (struct entry){v, kept};
        kept++;
    }
    qsort(all, n, sizeof *all, by_key);
    object->child = object->last = NULL;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && sops_slice_eq(all[i].v->key, all[i + 1].v->key)) {
            *repeated = true;
            continue;
        }
        all[i].v->next = NULL;
        if (object->last == NULL) {
            object->child = all[i].v;
        } else {
            object->last->next = all[i].v;
        }
        object->last = all[i].v;
    }
    sops_free(all);
    return true;
}

bool sops_json_sort(struct sops_json_value *root, bool *repeated, struct sops_err *e)
{
    bool ok = true, twice = false;
    for (struct sops_json_value *v = root; ok && v != NULL;) {
        ok = v->kind != SOPS_JSON_OBJECT || sort_members(v, &twice, e);
        if (v->child != NULL) {
            v = v->child;
            continue;
        }
        while (v != root && v->next == NULL) {
            v = v->up;
        }
        v = v == root ? NULL : v->next;
    }
    if (repeated != NULL) {
        *repeated = twice;
    }
    return ok;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

/* Sign, digits and exponent of a well-formed number; the point is taken out. False when the exponent is too long to be
 * counted with. */
static bool take_apart(struct sops_slice number, bool *negative, struct sops_buf *digits, int64_t *exponent,
                       struct sops_err *e)
{
    size_t i = 0;
    bool point = false;
    *negative = number.len != 0 && number.ptr[0] == '-';
    *exponent = 0;
    for (i = *negative ? 1 : 0; i < number.len && (number.ptr[i] | 0x20) != 'e'; i++) {
        if (number.ptr[i] == '.') {
            point = true;
        } else {
            *exponent -= point;
            if (!sops_buf_addc(digits, number.ptr[i], e)) {
                return false;
            }
        }
    }
    int64_t given = 0;
    struct sops_slice text = sops_slice_skip(number, i + 1);
    text = text.len != 0 && text.ptr[0] == '+' ? sops_slice_skip(text, 1) : text;
    if (i < number.len && (text.len > 16 || !sops_int_parse(text, &given))) {
        return false;
    }
    *exponent += given;
    return true;
}

bool sops_json_number_canon(struct sops_buf *out, struct sops_slice number, struct sops_err *e)
{
    struct sops_buf digits = {0};
    bool negative, ok;
    int64_t exponent;
    struct sops_err none = {0};
    if (!take_apart(number, &negative, &digits, &exponent, &none)) {
        ok = none.memory ? sops_fail_memory(e) : sops_buf_add(out, number, e);
        sops_buf_free(&digits);
        sops_err_clear(&none);
        return ok;
    }
    struct sops_slice rest = sops_buf_view(&digits);
    while (rest.len != 0 && rest.ptr[0] == '0') {
        rest = sops_slice_skip(rest, 1);
    }
    while (rest.len != 0 && rest.ptr[rest.len - 1] == '0') {
        rest.len--;
        exponent++;
    }
    if (rest.len == 0) {
        ok = sops_buf_addc(out, '0', e);
    } else {
        ok = (!negative || sops_buf_addc(out, '-', e)) && sops_buf_add(out, rest, e) &&
             sops_buf_addf(out, e, "e%lld", (long long)exponent);
    }
    sops_buf_free(&digits);
    return ok;
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static bool add_character(struct sops_buf *out, struct sops_slice bytes, uint32_t c, bool html, struct sops_err *e)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c != 0 && c < 0x80 ? strchr(from, (int)c) : NULL;
    if (found != NULL) {
        return sops_buf_addc(out, '\\', e) && sops_buf_addc(out, (uint8_t)to[found - from], e);
    }
    if (c < ' ' || (html && (c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029))) {
        return sops_buf_addf(out, e, "\\u%04x", c);
    }
    return sops_buf_add(out, bytes, e);
}

bool sops_json_quote_go(struct sops_buf *out, struct sops_slice text, bool html, struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '"', e);
    while (ok && text.len != 0) {
        uint32_t c = 0;
        size_t n = sops_utf8_next(text, &c);
        ok = n != 0 ? add_character(out, sops_slice_first(text, n), c, html, e) : sops_buf_adds(out, "\\ufffd", e);
        text = sops_slice_skip(text, n != 0 ? n : 1);
    }
    return ok && sops_buf_addc(out, '"', e);
}

static bool add_string(struct sops_buf *out, struct sops_slice text, enum sops_json_style style, struct sops_err *e)
{
    return style == SOPS_JSON_CANON ? sops_json_quote(out, text, e)
                                    : sops_json_quote_go(out, text, style == SOPS_JSON_GO, e);
}

static bool add_scalar(struct sops_buf *out, const struct sops_json_value *v, enum sops_json_style style,
                       struct sops_err *e)
{
    if (v->kind == SOPS_JSON_STRING) {
        return add_string(out, v->text, style, e);
    }
    if (v->kind == SOPS_JSON_NUMBER && style == SOPS_JSON_CANON) {
        return sops_json_number_canon(out, v->raw, e);
    }
    return sops_buf_add(out, v->raw, e);
}

static bool is_open(const struct sops_json_value *v) { return v->kind >= SOPS_JSON_LIST; }

static bool add_close(struct sops_buf *out, const struct sops_json_value *v, struct sops_err *e)
{
    return sops_buf_addc(out, v->kind == SOPS_JSON_OBJECT ? '}' : ']', e);
}

/* The name, and the value or what opens it. */
static bool add_start(struct sops_buf *out, const struct sops_json_value *root, const struct sops_json_value *v,
                      enum sops_json_style style, struct sops_err *e)
{
    if (v != root && v->up->kind == SOPS_JSON_OBJECT &&
        !(add_string(out, v->key, style, e) && sops_buf_addc(out, ':', e))) {
        return false;
    }
    if (!is_open(v)) {
        return add_scalar(out, v, style, e);
    }
    return sops_buf_addc(out, v->kind == SOPS_JSON_OBJECT ? '{' : '[', e) && (v->child != NULL || add_close(out, v, e));
}

bool sops_json_print(struct sops_buf *out, const struct sops_json_value *root, enum sops_json_style style,
                     struct sops_err *e)
{
    const struct sops_json_value *v = root;
    bool ok = true;
    while (ok) {
        ok = add_start(out, root, v, style, e);
        if (v->child != NULL) {
            v = v->child;
            continue;
        }
        while (ok && v != root && v->next == NULL) {
            v = v->up;
            ok = add_close(out, v, e);
        }
        if (v == root) {
            break;
        }
        v = v->next;
        ok = ok && sops_buf_addc(out, ',', e);
    }
    return ok;
}
