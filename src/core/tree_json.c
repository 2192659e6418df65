/* SPDX-License-Identifier: Apache-2.0 */
/* Infinity and not-a-number have no JSON; sending a text or null in their place would change a secret in silence. */
#include "core/tree_json.h"

#include "base/table.h"
#include "base/text.h"
#include "base/json.h"

/* As the original writes it: large and small ones with an exponent. */
static bool add_float(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    uint8_t last = n->text.len != 0 ? n->text.ptr[n->text.len - 1] : 0;
    if (last < '0' || last > '9') {
        return sops_fail(e, SOPS_E_GENERIC, "the value of '%.*s' is a number that JSON does not have",
                         SOPS_ARG(n->key));
    }
    return sops_slice_eq(n->text, SOPS_LIT("-0")) ? sops_buf_add(out, n->text, e) : sops_float_json(out, n->text, e);
}

static bool add_scalar(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        return sops_buf_adds(out, "null", e);
    case SOPS_BOOL:
        return sops_buf_adds(out, sops_slice_eq(n->text, SOPS_LIT("True")) ? "true" : "false", e);
    case SOPS_INT:
        return sops_buf_add(out, n->text, e);
    case SOPS_FLOAT:
        return add_float(n, out, e);
    case SOPS_STR:
    case SOPS_TIME:
        return sops_json_quote(out, n->text, e);
    case SOPS_COMMENT:
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_ODD:
        break;
    }
    return sops_fail(e, SOPS_E_GENERIC, "the value of '%.*s' has no JSON", SOPS_ARG(n->key));
}

static const struct sops_node *skip_comments(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

static bool is_container(const struct sops_node *n) { return n->kind == SOPS_MAP || n->kind == SOPS_LIST; }

bool sops_node_json(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *at = n;
    for (;;) {
        bool named = at != n && at->up->kind == SOPS_MAP;
        if (named && !(sops_json_quote(out, at->key, e) && sops_buf_addc(out, ':', e))) {
            return false;
        }
        if (!(is_container(at) ? sops_buf_addc(out, at->kind == SOPS_MAP ? '{' : '[', e) : add_scalar(at, out, e))) {
            return false;
        }
        const struct sops_node *next = is_container(at) ? skip_comments(at->child) : NULL;
        if (next != NULL) {
            at = next;
            continue;
        }
        bool open = is_container(at); /* an empty one is still to be closed */
        for (;;) {
            if (open && !sops_buf_addc(out, at->kind == SOPS_MAP ? '}' : ']', e)) {
                return false;
            }
            if (at == n) {
                return true;
            }
            next = skip_comments(at->next);
            if (next != NULL) {
                break;
            }
            at = at->up;
            open = true;
        }
        if (!sops_buf_addc(out, ',', e)) {
            return false;
        }
        at = next;
    }
}

bool sops_tree_top(const struct sops_doc *d, struct sops_arena *a, const struct sops_node *const **entry, size_t *count,
                   struct sops_err *e)
{
    struct sops_table last = {0};
    size_t all = 0;
    bool ok = true;
    *count = 0;
    for (struct sops_node *part = d->parts; ok && part != NULL; part = part->next) {
        for (struct sops_node *n = part->child; ok && n != NULL; n = n->next) {
            void **place = n->kind == SOPS_COMMENT ? NULL : sops_table_put(&last, n->key, NULL, e);
            ok = place != NULL || n->kind == SOPS_COMMENT;
            all++;
            if (place != NULL) {
                *place = n;
            }
        }
    }
    const struct sops_node **found = ok ? sops_arena_alloc(a, (all + 1) * sizeof *found, e) : NULL;
    for (const struct sops_node *part = d->parts; found != NULL && part != NULL; part = part->next) {
        for (const struct sops_node *n = part->child; n != NULL; n = n->next) {
            if (n->kind != SOPS_COMMENT && sops_table_get(&last, n->key) == n) {
                found[(*count)++] = n;
            }
        }
    }
    *entry = found;
    sops_table_free(&last);
    return found != NULL;
}

bool sops_tree_json(const struct sops_doc *d, struct sops_buf *out, struct sops_err *e)
{
    struct sops_arena a = {0};
    const struct sops_node *const *entry;
    size_t count;
    if (d->state != SOPS_DOC_PLAIN) {
        return sops_fail(e, SOPS_E_GENERIC, "the document was not verified");
    }
    bool ok = sops_tree_top(d, &a, &entry, &count, e) && sops_buf_addc(out, '{', e);
    for (size_t i = 0; ok && i < count; i++) {
        ok = (i == 0 || sops_buf_addc(out, ',', e)) && sops_json_quote(out, entry[i]->key, e) &&
             sops_buf_addc(out, ':', e) && sops_node_json(entry[i], out, e);
    }
    sops_arena_free(&a);
    return ok && sops_buf_addc(out, '}', e);
}

static bool is_rounded(struct sops_slice number, bool *rounded, struct sops_err *e)
{
    struct sops_buf text = {0};
    double v = 0;
    bool read = sops_float_parse(number, &v, NULL);
    bool ok = !read || sops_float_canonical(&text, v, e);
    *rounded = ok && !sops_slice_eq(sops_buf_view(&text), number);
    sops_buf_free(&text);
    return ok;
}

bool sops_tree_fits_doubles(const struct sops_doc *d, struct sops_err *e)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part->child; n != NULL; n = sops_node_after(part, n)) {
            bool rounded = false;
            struct sops_buf path = {0};
            if (n->kind == SOPS_INT && !is_rounded(n->text, &rounded, e)) {
                return false;
            }
            if (rounded && sops_node_path(n, &path, e)) {
                sops_fail(e, SOPS_E_GENERIC, "the whole number at %.*s has more digits than the store keeps of one",
                          SOPS_ARG(sops_buf_view(&path)));
            }
            sops_buf_free(&path);
            if (rounded) {
                return sops_hint(e, "put the number in quotes, so that it is sent as a text");
            }
        }
    }
    return true;
}
