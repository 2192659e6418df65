/* SPDX-License-Identifier: Apache-2.0 */
/* Each level of the way keeps how long the name was above it, and how many items were counted in it, so that neither a
 * deep document nor a long list costs more than its size. */
#include "core/leaves.h"

#include "base/text.h"

struct level {
    size_t name; /* length of the name above */
    size_t index;
};

static struct level *top(const struct sops_leaves *l)
{
    return (struct level *)(void *)(l->levels.ptr + l->levels.len) - 1;
}

static bool push_level(struct sops_leaves *l, struct sops_err *e)
{
    const struct level level = {.name = l->name.len};
    return sops_buf_add(&l->levels, sops_slice_of(&level, sizeof level), e);
}

/* Puts the name of `n` behind that of its level. */
static bool add_step(struct sops_leaves *l, const struct sops_node *n, struct sops_err *e)
{
    struct level *level = top(l);
    if (l->levels.len > sizeof *level && !sops_buf_add(&l->name, l->separator, e)) {
        return false;
    }
    return n->up->kind == SOPS_LIST ? sops_buf_addf(&l->name, e, "%zu", level->index++)
                                    : sops_buf_add(&l->name, n->key, e);
}

/* What comes after `n`, which was handled with all that is in it. */
static const struct sops_node *leave(struct sops_leaves *l, const struct sops_node *n)
{
    while (n->next == NULL) {
        n = n->up;
        l->levels.len -= sizeof(struct level);
        if (n == l->root) {
            return NULL;
        }
    }
    return n->next;
}

bool sops_leaves_next(struct sops_leaves *l, struct sops_err *e)
{
    const struct sops_node *n = NULL;
    if (l->at != NULL) {
        n = leave(l, l->at);
    } else if (l->levels.cap == 0 && l->root->child != NULL) {
        n = push_level(l, e) ? l->root->child : NULL;
    }
    while (n != NULL) {
        l->name.len = top(l)->name;
        if (n->kind == SOPS_COMMENT) {
            n = leave(l, n);
            continue;
        }
        if (!add_step(l, n, e)) {
            return false;
        }
        if (sops_node_is_leaf(n)) {
            l->at = n;
            return true;
        }
        if (n->child == NULL) {
            n = leave(l, n);
        } else {
            n = push_level(l, e) ? n->child : NULL;
        }
    }
    l->at = NULL;
    return false;
}

void sops_leaves_free(struct sops_leaves *l)
{
    sops_buf_free(&l->name);
    sops_buf_free(&l->levels);
}

/* Its place in its list. */
static size_t item_index(const struct sops_node *n)
{
    size_t index = 0;
    for (const struct sops_node *at = n->up->child; at != n; at = at->next) {
        index += at->kind != SOPS_COMMENT;
    }
    return index;
}

bool sops_node_dotted(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    enum { LONGEST = 40 }; /* a message is no place for more */
    const struct sops_node *way[LONGEST];
    size_t steps = 0, from = out->len;
    for (; n->up != NULL && steps < LONGEST; n = n->up) {
        way[steps++] = n;
    }
    bool ok = true;
    for (size_t i = steps; ok && i-- > 0;) {
        ok = i + 1 == steps || sops_buf_addc(out, '.', e);
        ok = ok && (way[i]->up->kind == SOPS_LIST ? sops_buf_addf(out, e, "%zu", item_index(way[i]))
                                                  : sops_buf_add(out, way[i]->key, e));
    }
    sops_text_tame(out, from);
    return ok;
}
