/* SPDX-License-Identifier: Apache-2.0 */
/* What a scalar of a configuration means is settled by who asks, as texts are kept as written: `0x10` is 16 or "0x10".
 */
#include "core/conf.h"

#include "base/text.h"

static struct sops_slice skip_digits(struct sops_slice s) { return sops_slice_skip(s, sops_digits(s)); }

/* YYYY-M-D, alone or with a time. */
static bool is_date(struct sops_slice s)
{
    if (sops_digits(s) != 4 || s.len < 5 || s.ptr[4] != '-') {
        return false;
    }
    s = sops_slice_skip(s, 5);
    size_t n = sops_digits(s);
    if (n < 1 || n > 2 || n == s.len || s.ptr[n] != '-') {
        return false;
    }
    s = sops_slice_skip(s, n + 1);
    n = sops_digits(s);
    if (n < 1 || n > 2) {
        return false;
    }
    s = sops_slice_skip(s, n);
    return s.len == 0 ||
           (s.len > 1 && (s.ptr[0] == 'T' || s.ptr[0] == 't' || s.ptr[0] == ' ') && sops_is_digit(s.ptr[1]));
}

/* Optional sign, digits with or without a point, optional exponent. */
static bool is_decimal(struct sops_slice s)
{
    if (s.len != 0 && (s.ptr[0] == '+' || s.ptr[0] == '-')) {
        s = sops_slice_skip(s, 1);
    }
    size_t whole = sops_digits(s), part = 0;
    s = sops_slice_skip(s, whole);
    if (s.len != 0 && s.ptr[0] == '.') {
        s = sops_slice_skip(s, 1);
        part = sops_digits(s);
        s = sops_slice_skip(s, part);
    }
    if (whole + part == 0) {
        return false;
    }
    if (s.len != 0 && (s.ptr[0] | 0x20) == 'e') {
        s = sops_slice_skip(s, 1);
        if (s.len != 0 && (s.ptr[0] == '+' || s.ptr[0] == '-')) {
            s = sops_slice_skip(s, 1);
        }
        return s.len != 0 && skip_digits(s).len == 0;
    }
    return s.len == 0;
}

/* A number of YAML 1.1 with its underscores; `*v` is it as a whole number, `*fits` whether it is one of 64 bits. */
static bool read_number(struct sops_slice s, int64_t *v, bool *fits)
{
    char text[400];
    size_t n = 0;
    *fits = false;
    if (s.len == 0 || s.len > sizeof text || (!sops_is_digit(s.ptr[0]) && memchr("+-.", s.ptr[0], 3) == NULL)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_' || s.ptr[0] == '.') {
            text[n++] = (char)s.ptr[i];
        }
    }
    struct sops_slice plain = sops_slice_of(text, n);
    uint64_t big;
    *fits = sops_int_parse_literal(plain, v);
    if (*fits || sops_uint_parse_literal(plain, &big)) {
        return true;
    }
    double d;
    bool overflow = false;
    if (!is_decimal(plain) || !sops_float_parse(plain, &d, &overflow) || overflow) {
        return false;
    }
    *fits = d >= -0x1p63 && d < 0x1p63;
    *v = *fits ? (int64_t)d : 0;
    return true;
}

static bool is_special(struct sops_slice s)
{
    static const char *const words[] = {"true",  "True",  "TRUE",  "false", "False", "FALSE", ".nan",
                                        ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                        "+.INF", "-.inf", "-.Inf", "-.INF", NULL};
    return sops_slice_is_any(s, words);
}

bool sops_conf_is_text(const struct sops_node *n)
{
    int64_t v;
    bool fits;
    return n->kind == SOPS_STR && ((n->flags & SOPS_QUOTED) != 0 ||
                                   (!is_special(n->text) && !is_date(n->text) && !read_number(n->text, &v, &fits)));
}

static bool wrong(const struct sops_node *n, const char *name, const char *wanted, struct sops_err *e)
{
    return sops_fail_at(e, n->line, 0, "'%s' must be %s", name, wanted);
}

bool sops_conf_any(const struct sops_node *map, const char *name, const struct sops_node **out, struct sops_err *e)
{
    *out = NULL;
    if ((map->flags & SOPS_FAULTY) != 0) {
        return sops_fail_at(e, map->line, 0, "%.*s", SOPS_ARG(map->text));
    }
    const struct sops_node *n = sops_node_find(map, sops_str(name));
    *out = n != NULL && n->kind != SOPS_NULL ? n : NULL;
    return true;
}

bool sops_conf_text(const struct sops_node *map, const char *name, struct sops_slice *out, struct sops_err *e)
{
    const struct sops_node *n;
    if (!sops_conf_any(map, name, &n, e)) {
        return false;
    }
    if (n == NULL) {
        return true;
    }
    if (n->kind != SOPS_STR) {
        return wrong(n, name, "a text", e);
    }
    *out = n->text;
    return true;
}

bool sops_conf_int(const struct sops_node *map, const char *name, int64_t *out, bool *given, struct sops_err *e)
{
    const struct sops_node *n;
    bool fits;
    if (!sops_conf_any(map, name, &n, e)) {
        return false;
    }
    if (given != NULL) {
        *given = n != NULL;
    }
    if (n == NULL) {
        return true;
    }
    int64_t v;
    if (n->kind != SOPS_STR || (n->flags & SOPS_QUOTED) != 0 || is_date(n->text) || !read_number(n->text, &v, &fits) ||
        !fits) {
        return wrong(n, name, "a whole number", e);
    }
    *out = v;
    return true;
}

bool sops_conf_bool(const struct sops_node *map, const char *name, bool *out, struct sops_err *e)
{
    /* Those of YAML 1.1 are taken quoted, too: they are texts of today's YAML. */
    static const char *const yes[] = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", NULL};
    static const char *const no[] = {"n", "N", "no", "No", "NO", "off", "Off", "OFF", NULL};
    static const char *const plain_yes[] = {"true", "True", "TRUE", NULL};
    static const char *const plain_no[] = {"false", "False", "FALSE", NULL};
    const struct sops_node *n;
    if (!sops_conf_any(map, name, &n, e)) {
        return false;
    }
    if (n == NULL) {
        return true;
    }
    bool plain = (n->flags & SOPS_QUOTED) == 0;
    if (n->kind == SOPS_STR && (sops_slice_is_any(n->text, yes) || (plain && sops_slice_is_any(n->text, plain_yes)))) {
        *out = true;
    } else if (n->kind == SOPS_STR &&
               (sops_slice_is_any(n->text, no) || (plain && sops_slice_is_any(n->text, plain_no)))) {
        *out = false;
    } else {
        return wrong(n, name, "true or false, without quotes", e);
    }
    return true;
}

bool sops_conf_map(const struct sops_node *map, const char *name, const struct sops_node **out, struct sops_err *e)
{
    return sops_conf_any(map, name, out, e) &&
           (*out == NULL || (*out)->kind == SOPS_MAP || wrong(*out, name, "a mapping", e));
}

bool sops_conf_list(const struct sops_node *map, const char *name, const struct sops_node **out, struct sops_err *e)
{
    return sops_conf_any(map, name, out, e) &&
           (*out == NULL || (*out)->kind == SOPS_LIST || wrong(*out, name, "a list", e));
}
