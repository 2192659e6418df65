/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing in a value or a key moves a terminal: texts are JSON strings in which the control characters beyond ASCII are
 * escaped, too. */
#include "cli/diff_print.h"

#include "base/json.h"
#include "base/text.h"
#include "core/merge_meta.h"

#include <stdio.h>

/* ---- parts of a line ------------------------------------------------------------------------------------------------
 */

const char *sops_kind_word(const struct sops_node *n)
{
    static const char *const words[] = {
        [SOPS_NULL] = "null", [SOPS_BOOL] = "bool", [SOPS_INT] = "int",         [SOPS_FLOAT] = "float",
        [SOPS_STR] = "str",   [SOPS_TIME] = "time", [SOPS_COMMENT] = "comment", [SOPS_MAP] = "map",
        [SOPS_LIST] = "list", [SOPS_ODD] = "int",
    };
    static const char *const types[] = {"str", "int", "float", "bool", "time", "comment"};
    if ((n->flags & SOPS_MARKED) != 0 && sops_is_ciphertext(n->text)) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            char end[24];
            (void)snprintf(end, sizeof end, ",type:%s]", types[i]);
            if (sops_slice_ends(n->text, sops_str(end))) {
                return types[i];
            }
        }
    }
    return words[n->kind];
}

/* As a JSON string. */
static bool add_string(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf quoted = {0};
    bool ok = sops_json_quote(&quoted, text, e);
    struct sops_slice rest = sops_buf_view(&quoted);
    while (ok && rest.len != 0) {
        uint32_t c = 0;
        size_t n = sops_utf8_next(rest, &c);
        bool control = n != 0 && c >= 0x7f && c < 0xa0;
        n = n == 0 ? 1 : n;
        ok = control ? sops_buf_addf(out, e, "\\u%04x", (unsigned)c) : sops_buf_add(out, sops_slice_first(rest, n), e);
        rest = sops_slice_skip(rest, n);
    }
    sops_buf_free(&quoted);
    return ok;
}

/* Without its quotes: for what stands in a line as it is. */
static bool add_bare(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf quoted = {0};
    bool ok = add_string(&quoted, text, e) && sops_buf_add(out, sops_slice_of(quoted.ptr + 1, quoted.len - 2), e);
    sops_buf_free(&quoted);
    return ok;
}

/* A number as it stands, as far as JSON has such a thing. */
static bool is_json_number(const struct sops_node *n)
{
    return n->kind == SOPS_INT || (n->kind == SOPS_FLOAT && n->text.len != 0 &&
                                   (n->text.ptr[n->text.len - 1] >= '0' && n->text.ptr[n->text.len - 1] <= '9'));
}

static bool add_value(struct sops_buf *out, const struct sops_node *n, bool json, struct sops_err *e)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        return sops_buf_adds(out, "null", e);
    case SOPS_BOOL:
        return sops_buf_adds(out, sops_slice_eq(n->text, SOPS_LIT("True")) ? "true" : "false", e);
    case SOPS_MAP:
        return sops_buf_adds(out, "{}", e);
    case SOPS_LIST:
        return sops_buf_adds(out, "[]", e);
    case SOPS_INT:
    case SOPS_FLOAT:
        return json && !is_json_number(n) ? add_string(out, n->text, e) : sops_buf_add(out, n->text, e);
    case SOPS_TIME:
        return json ? add_string(out, n->text, e) : sops_buf_add(out, n->text, e);
    case SOPS_COMMENT:
        return json ? add_string(out, n->text, e) : sops_buf_addc(out, '#', e) && add_bare(out, n->text, e);
    case SOPS_STR:
    case SOPS_ODD:
        break;
    }
    return add_string(out, n->text, e);
}

static bool is_comment(const struct sops_change *c) { return sops_reads_as_comment(c->b != NULL ? c->b : c->a); }

/* The path: of a comment that of its map or list. */
static bool add_path(struct sops_buf *out, const struct sops_change *c, struct sops_err *e)
{
    const struct sops_node *n = c->b != NULL ? c->b : c->a;
    return sops_node_path(is_comment(c) ? n->up : n, out, e);
}

/* ---- lines for people
 * ------------------------------------------------------------------------------------------------- */

static bool holds_lines(const struct sops_node *n)
{
    return n->kind == SOPS_STR && sops_slice_find(n->text, '\n') < n->text.len && sops_utf8_valid(n->text);
}

static bool add_changed_line(struct sops_buf *out, char sign, struct sops_slice text, const struct sops_lines *l,
                             size_t i, struct sops_err *e)
{
    struct sops_slice line = sops_slice_of(text.ptr + l->begin[i], l->begin[i + 1] - l->begin[i]);
    return sops_buf_addf(out, e, "    %c ", sign) && add_string(out, sops_slice_trim_end(line, '\n'), e) &&
           sops_buf_addc(out, '\n', e);
}

/* The lines that changed of two texts. */
static bool add_lines(struct sops_buf *out, const struct sops_node *a, const struct sops_node *b, struct sops_err *e)
{
    static const uint8_t key[SOPS_PRINT_KEY] = {0};
    struct sops_lines x = {0}, y = {0};
    bool far = false;
    bool ok = sops_lines_split(a->text, key, &x, e) && sops_lines_split(b->text, key, &y, e);
    uint32_t *to = ok ? sops_alloc(x.count * sizeof *to, e) : NULL;
    ok =
        to != NULL && sops_match((struct sops_row){x.print, x.count}, (struct sops_row){y.print, y.count}, to, &far, e);
    size_t k = 0;
    for (size_t i = 0; ok && i <= x.count; i++) {
        bool matched = i < x.count && !far && to[i] != SOPS_NO_MATCH;
        if (i < x.count && !matched) {
            ok = add_changed_line(out, '-', a->text, &x, i, e);
            continue;
        }
        for (size_t end = matched ? to[i] : y.count; ok && k < end; k++) {
            ok = add_changed_line(out, '+', b->text, &y, k, e);
        }
        k += matched;
    }
    sops_free(to);
    sops_lines_free(&x);
    sops_lines_free(&y);
    return ok;
}

static bool add_kinds(struct sops_buf *out, const struct sops_change *c, struct sops_err *e)
{
    const char *a = c->a != NULL ? sops_kind_word(c->a) : NULL, *b = c->b != NULL ? sops_kind_word(c->b) : NULL;
    if (a != NULL && b != NULL && strcmp(a, b) != 0) {
        return sops_buf_addf(out, e, "(%s -> %s)\n", a, b);
    }
    return sops_buf_addf(out, e, "(%s)\n", a != NULL ? a : b);
}

static bool add_change_line(const struct sops_difference *d, const struct sops_change *c, struct sops_buf *out,
                            struct sops_err *e)
{
    static const char signs[] = {[SOPS_CHANGE] = '~', [SOPS_ADD] = '+', [SOPS_REMOVE] = '-'};
    bool ok = sops_buf_addf(out, e, "%c ", signs[c->op]) &&
              (!d->several || sops_buf_addf(out, e, "document %u ", c->document));
    size_t before = out->len;
    ok = ok && add_path(out, c, e) && (out->len == before || sops_buf_addc(out, ' ', e));
    if (!ok || !d->show) {
        return ok && add_kinds(out, c, e);
    }
    if (c->op == SOPS_CHANGE && holds_lines(c->a) && holds_lines(c->b)) {
        sops_buf_cut(out, out->len - 1);
        return sops_buf_addc(out, '\n', e) && add_lines(out, c->a, c->b, e);
    }
    ok = c->a == NULL || add_value(out, c->a, false, e);
    ok = ok && (c->op != SOPS_CHANGE || sops_buf_adds(out, " -> ", e));
    return ok && (c->b == NULL || add_value(out, c->b, false, e)) && sops_buf_addc(out, '\n', e);
}

/* ---- recipients and settings
 * --------------------------------------------------------------------------------------------- */

typedef bool recipient_fn(void *ctx, enum sops_change_op op, size_t group, const struct sops_key *k,
                          struct sops_err *e);

/* The recipients of `from` that the same group of `other` does not have. */
static bool each_missing(const struct sops_meta *from, const struct sops_meta *other, enum sops_change_op op,
                         recipient_fn *tell, void *ctx, struct sops_err *e)
{
    const struct sops_group *h = other->groups;
    size_t number = 1;
    for (const struct sops_group *g = from->groups; g != NULL; g = g->next, number++) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (sops_group_find(h, k, e) == NULL && (e->code != SOPS_OK || !tell(ctx, op, number, k, e))) {
                return false;
            }
        }
        h = h != NULL ? h->next : NULL;
    }
    return true;
}

struct setting {
    const char *name;
    struct sops_buf text[2];
};

static bool setting_text(const struct sops_meta *m, int which, struct sops_buf *out, struct sops_err *e)
{
    enum sops_rule rule = sops_rules_which(&m->rules);
    if (which == 0 && rule == SOPS_RULES) {
        return sops_buf_adds(out, "unencrypted_suffix " SOPS_DEFAULT_SUFFIX, e);
    }
    return which == 0   ? sops_buf_addf(out, e, "%s %.*s", sops_rule_names[rule], SOPS_ARG(m->rules.text[rule]))
           : which == 1 ? sops_buf_addf(out, e, "%lld", (long long)m->threshold)
                        : sops_buf_adds(out, m->rules.mac_only_encrypted ? "true" : "false", e);
}

/* The setting `which` of both, where they differ; else its texts stay empty. */
static bool compare_setting(const struct sops_difference *d, int which, struct setting *s, struct sops_err *e)
{
    static const char *const names[] = {"rule", "threshold", "mac_only_encrypted"};
    *s = (struct setting){.name = names[which]};
    bool ok = setting_text(d->meta[0], which, &s->text[0], e) && setting_text(d->meta[1], which, &s->text[1], e);
    if (ok && sops_slice_eq(sops_buf_view(&s->text[0]), sops_buf_view(&s->text[1]))) {
        sops_buf_cut(&s->text[0], 0);
    }
    return ok;
}

static void setting_free(struct setting *s)
{
    sops_buf_free(&s->text[0]);
    sops_buf_free(&s->text[1]);
}
#define SETTINGS 3

/* ---- the whole text
 * -------------------------------------------------------------------------------------------------------- */

struct printing {
    struct sops_difference *d;
    struct sops_buf *out;
    size_t count; /* of what stands in the list at hand */
};

static bool add_recipient_line(void *ctx, enum sops_change_op op, size_t group, const struct sops_key *k,
                               struct sops_err *e)
{
    const struct printing *p = ctx;
    struct sops_buf name = {0};
    bool several = p->d->meta[0]->groups->next != NULL || p->d->meta[1]->groups->next != NULL;
    bool ok = sops_buf_addf(p->out, e, "%c ", op == SOPS_ADD ? '+' : '-') &&
              (!several || sops_buf_addf(p->out, e, "group %zu ", group)) && sops_buf_adds(p->out, "recipient ", e) &&
              sops_key_name(k, &name, e) && add_bare(p->out, sops_buf_view(&name), e) && sops_buf_addc(p->out, '\n', e);
    sops_buf_free(&name);
    return ok;
}

bool sops_difference_text(struct sops_difference *d, struct sops_buf *out, struct sops_err *e)
{
    struct printing p = {.d = d, .out = out};
    bool ok = true;
    for (size_t i = 0; ok && i < d->changes->count; i++) {
        ok = add_change_line(d, &d->changes->change[i], out, e);
    }
    if (ok && d->meta[0] != NULL) {
        ok = each_missing(d->meta[0], d->meta[1], SOPS_REMOVE, add_recipient_line, &p, e) &&
             each_missing(d->meta[1], d->meta[0], SOPS_ADD, add_recipient_line, &p, e);
        for (int i = 0; ok && i < SETTINGS; i++) {
            struct setting s;
            ok = compare_setting(d, i, &s, e);
            if (ok && s.text[0].len != 0) {
                ok = sops_buf_addf(out, e, "~ %s ", s.name) && add_bare(out, sops_buf_view(&s.text[0]), e) &&
                     sops_buf_adds(out, " -> ", e) && add_bare(out, sops_buf_view(&s.text[1]), e) &&
                     sops_buf_addc(out, '\n', e);
            }
            setting_free(&s);
        }
    }
    d->equal = out->len == 0;
    return ok;
}

/* ---- JSON
 * ----------------------------------------------------------------------------------------------------------------------
 */

static bool add_change_object(const struct sops_difference *d, const struct sops_change *c, struct sops_buf *out,
                              struct sops_err *e)
{
    static const char *const ops[] = {[SOPS_CHANGE] = "change", [SOPS_ADD] = "add", [SOPS_REMOVE] = "remove"};
    struct sops_buf path = {0};
    bool ok = sops_buf_addf(out, e, "{\"op\":\"%s\",\"document\":%u,\"path\":", ops[c->op], c->document) &&
              add_path(&path, c, e) && add_string(out, sops_buf_view(&path), e);
    sops_buf_free(&path);
    ok = ok && (c->a == NULL || sops_buf_addf(out, e, ",\"kind_a\":\"%s\"", sops_kind_word(c->a)));
    ok = ok && (c->b == NULL || sops_buf_addf(out, e, ",\"kind_b\":\"%s\"", sops_kind_word(c->b)));
    if (ok && d->show) {
        ok = (c->a == NULL || (sops_buf_adds(out, ",\"a\":", e) && add_value(out, c->a, true, e))) &&
             (c->b == NULL || (sops_buf_adds(out, ",\"b\":", e) && add_value(out, c->b, true, e)));
    }
    return ok && sops_buf_addc(out, '}', e);
}

static bool add_recipient_object(void *ctx, enum sops_change_op op, size_t group, const struct sops_key *k,
                                 struct sops_err *e)
{
    struct printing *p = ctx;
    struct sops_buf id = {0};
    bool ok = (p->count++ == 0 || sops_buf_addc(p->out, ',', e)) &&
              sops_buf_addf(p->out, e,
                            "{\"op\":\"%s\",\"group\":%zu,\"type\":\"%s\",\"id\":", op == SOPS_ADD ? "add" : "remove",
                            group, k->source->id) &&
              sops_key_show(k, &id, e) && add_string(p->out, sops_buf_view(&id), e) && sops_buf_addc(p->out, '}', e);
    sops_buf_free(&id);
    return ok;
}

static bool add_settings(struct printing *p, struct sops_err *e)
{
    bool ok = true;
    p->count = 0;
    for (int i = 0; ok && i < SETTINGS; i++) {
        struct setting s;
        ok = compare_setting(p->d, i, &s, e);
        if (ok && s.text[0].len != 0) {
            ok = (p->count++ == 0 || sops_buf_addc(p->out, ',', e)) &&
                 sops_buf_addf(p->out, e, "{\"name\":\"%s\",\"a\":", s.name) &&
                 add_string(p->out, sops_buf_view(&s.text[0]), e) && sops_buf_adds(p->out, ",\"b\":", e) &&
                 add_string(p->out, sops_buf_view(&s.text[1]), e) && sops_buf_addc(p->out, '}', e);
        }
        setting_free(&s);
    }
    return ok;
}

bool sops_difference_json(struct sops_difference *d, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf rest = {0};
    struct printing p = {.d = d, .out = &rest};
    size_t differences = d->changes->count;
    bool ok = sops_buf_adds(&rest, ",\"changes\":[", e);
    for (size_t i = 0; ok && i < d->changes->count; i++) {
        ok = (i == 0 || sops_buf_addc(&rest, ',', e)) && add_change_object(d, &d->changes->change[i], &rest, e);
    }
    ok = ok && sops_buf_adds(&rest, "],\"recipients\":[", e);
    if (ok && d->meta[0] != NULL) {
        ok = each_missing(d->meta[0], d->meta[1], SOPS_REMOVE, add_recipient_object, &p, e) &&
             each_missing(d->meta[1], d->meta[0], SOPS_ADD, add_recipient_object, &p, e);
    }
    differences += p.count;
    ok = ok && sops_buf_adds(&rest, "],\"settings\":[", e);
    p.count = 0;
    ok = ok && (d->meta[0] == NULL || add_settings(&p, e)) && sops_buf_adds(&rest, "]}\n", e);
    d->equal = differences + p.count == 0;
    ok = ok && sops_buf_adds(out, "{\"schema\":1,\"a\":", e) && add_string(out, sops_str(d->name[0]), e) &&
         sops_buf_adds(out, ",\"b\":", e) && add_string(out, sops_str(d->name[1]), e) &&
         sops_buf_addf(out, e, ",\"equal\":%s", d->equal ? "true" : "false") &&
         sops_buf_add(out, sops_buf_view(&rest), e);
    sops_buf_free(&rest);
    return ok;
}
