/* SPDX-License-Identifier: Apache-2.0 */
/* What the sides have in clear is collected when the first suspect is found: mostly there is none. */
#include "core/merge_cover.h"

#include "base/table.h"

struct clear_texts {
    struct sops_table at; /* place and text */
    struct sops_arena arena;
    bool known;
};

static bool collect_clear(struct clear_texts *c, const struct sops_doc *d, struct sops_err *e)
{
    struct sops_walk walk = {.doc = d};
    bool ok = true;
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_slice both;
        void **there = NULL;
        if (walk.at->sealed == NULL && walk.at->text.len != 0) {
            ok = sops_walk_print(&walk, &c->arena, &both, e) && (there = sops_table_put(&c->at, both, NULL, e)) != NULL;
            if (ok) {
                *there = c;
            }
        }
    }
    sops_walk_free(&walk);
    return ok && e->code == SOPS_OK;
}

bool sops_merge_covered(const struct sops_rules *rules, struct sops_doc *d, const struct sops_doc *ours,
                        const struct sops_doc *theirs, bool *covered, struct sops_buf *path, struct sops_err *e)
{
    struct clear_texts c = {.known = false};
    struct sops_walk walk = {.doc = d};
    bool ok = sops_rules_mark(rules, d, e);
    *covered = true;
    while (ok && *covered && sops_walk_next(&walk, e)) {
        const struct sops_node *n = walk.at;
        struct sops_slice both;
        if (n->sealed == NULL || (n->flags & SOPS_MARKED) != 0 || n->text.len == 0) {
            continue;
        }
        ok = c.known || (collect_clear(&c, ours, e) && collect_clear(&c, theirs, e));
        c.known = true;
        ok = ok && sops_walk_print(&walk, &c.arena, &both, e);
        *covered = ok && sops_table_get(&c.at, both) != NULL;
        ok = ok && (*covered || sops_node_path(n, path, e));
    }
    ok = ok && e->code == SOPS_OK;
    sops_walk_free(&walk);
    sops_table_free(&c.at);
    sops_arena_free(&c.arena);
    return ok;
}
