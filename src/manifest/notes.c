/* SPDX-License-Identifier: Apache-2.0 */
/* The MAC covers every value of a file, so what kustomize, kpt and Helm write into an object on its way is taken out
 * before it is opened. What an author may write stays: it is covered. */
#include "manifest/manifest.h"

static bool is_note(const struct sops_node *n)
{
    static const char *const keys[] = {"config.kubernetes.io/index",
                                       "config.kubernetes.io/path",
                                       "config.kubernetes.io/id",
                                       "config.kubernetes.io/origin",
                                       "config.k8s.io/id",
                                       "kustomize.config.k8s.io/id",
                                       "alpha.config.kubernetes.io/transformations",
                                       "postrenderer.helm.sh/postrender-filename",
                                       NULL};
    return n->kind != SOPS_COMMENT &&
           (sops_slice_starts(n->key, SOPS_LIT("internal.config.kubernetes.io/")) || sops_slice_is_any(n->key, keys));
}

bool sops_notes_take(struct sops_notes *n, struct sops_arena *a, struct sops_node *root, struct sops_err *e)
{
    struct sops_node *meta = sops_node_find(root, SOPS_LIT("metadata"));
    struct sops_node *map =
        meta != NULL && meta->kind == SOPS_MAP ? sops_node_find(meta, SOPS_LIT("annotations")) : NULL;
    struct sops_node *kept = NULL, *before = NULL;
    size_t count = 0;
    if (map == NULL || map->kind != SOPS_MAP) {
        return true;
    }
    for (const struct sops_node *at = map->child; at != NULL; at = at->next) {
        count += is_note(at);
    }
    n->note = sops_arena_alloc(a, count * sizeof *n->note, e);
    if (n->note == NULL) {
        return false;
    }
    for (struct sops_node **link = &map->child, *at = map->child; at != NULL; before = at, at = *link) {
        if (is_note(at)) {
            n->note[n->count++] = (struct sops_note){map, before, at};
            *link = at->next;
        } else {
            kept = at;
            link = &at->next;
        }
    }
    map->last = kept;
    return true;
}

void sops_notes_put(const struct sops_notes *n)
{
    for (size_t i = 0; i < n->count; i++) {
        sops_node_link(n->note[i].annotations, n->note[i].after, n->note[i].note);
    }
}
