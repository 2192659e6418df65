/* SPDX-License-Identifier: Apache-2.0 */
/* Maps sorted and compared, and the two layouts (docs/spec/72-sealed-secrets.md#cipher-and-object). */
#include "seal/object.h"

#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
    const struct sops_node *x = *(const struct sops_node *const *)a, *y = *(const struct sops_node *const *)b;
    return sops_slice_cmp(x->key, y->key);
}

/* The members of a map without comments, sorted; to be freed with sops_free. */
static struct sops_node **sorted_members(const struct sops_node *map, size_t *count, struct sops_err *e)
{
    size_t n = 0;
    for (struct sops_node *m = map->child; m != NULL; m = m->next) {
        n += m->kind != SOPS_COMMENT;
    }
    struct sops_node **member = sops_alloc((n + 1) * sizeof(struct sops_node *), e);
    *count = 0;
    for (struct sops_node *m = map->child; member != NULL && m != NULL; m = m->next) {
        if (m->kind != SOPS_COMMENT) {
            member[(*count)++] = m;
        }
    }
    if (*count > 1) {
        qsort(member, *count, sizeof(struct sops_node *), by_key);
    }
    return member;
}

bool sops_map_sort(struct sops_node *map, struct sops_err *e)
{
    size_t count;
    struct sops_node **member = sorted_members(map, &count, e);
    if (member == NULL) {
        return false;
    }
    map->child = map->last = NULL;
    for (size_t i = 0; i < count; i++) {
        member[i]->next = NULL;
        member[i]->up = NULL;
        sops_node_link(map, map->last, member[i]);
    }
    sops_free(member);
    return true;
}

bool sops_map_no_twice(const struct sops_node *map, const char *what, struct sops_err *e)
{
    size_t count;
    struct sops_node **member = sorted_members(map, &count, e);
    bool ok = member != NULL;
    for (size_t i = 1; ok && i < count; i++) {
        if (sops_slice_eq(member[i - 1]->key, member[i]->key)) {
            ok = sops_fail(e, SOPS_E_ENCRYPT, "the key '%.*s' stands twice in '%s'", SOPS_ARG(member[i]->key), what);
        }
    }
    sops_free(member);
    return ok;
}

/* All maps of a part. */
static bool sort_all(struct sops_node *part, struct sops_err *e)
{
    bool ok = true;
    for (struct sops_node *n = part; ok && n != NULL; n = sops_node_after(part, n)) {
        ok = n->kind != SOPS_MAP || sops_map_sort(n, e);
    }
    return ok;
}

/* The comments of lists, too. */
static void drop_comments(struct sops_doc *d, struct sops_node *part)
{
    struct sops_node *n = part;
    while (n != NULL) {
        struct sops_node *next = sops_node_after(part, n);
        if (n->kind == SOPS_COMMENT) {
            sops_node_unlink(d, n);
        }
        n = next;
    }
}

bool sops_object_same(const struct sops_node *a, const struct sops_node *b, bool *same, struct sops_err *e)
{
    struct sops_doc scratch = {0};
    struct sops_node *x = NULL, *y = NULL;
    bool ok = sops_part_copy(&scratch, a, &x, e) && sops_part_copy(&scratch, b, &y, e);
    if (ok) {
        drop_comments(&scratch, x);
        drop_comments(&scratch, y);
        ok = sort_all(x, e) && sort_all(y, e);
    }
    *same = ok && sops_node_same(x, y);
    sops_doc_free(&scratch);
    return ok;
}

bool sops_objects_emit(struct sops_doc *d, const struct sops_format *f, struct sops_buf *out, struct sops_err *e)
{
    struct sops_style style = {.indent = 2, .indent_set = true, .flush_lists = true};
    bool parts = (f->flags & SOPS_FMT_PARTS) != 0;
    for (struct sops_node *n = d->parts; n != NULL; n = n->next) {
        if (parts ? !sort_all(n, e) : !sops_doc_emit_value(d, n, f, &style, out, e) || !sops_buf_addc(out, '\n', e)) {
            return false;
        }
    }
    return !parts || d->parts == NULL || (sops_buf_adds(out, "---\n", e) && sops_doc_emit(d, f, &style, out, e));
}
