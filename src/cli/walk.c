/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of paths, the next one on top: a folder is replaced by its entries, so that all of them come before its
 * brothers and no recursion is needed. */
#include "cli/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

struct pending {
    struct pending *below;
    const char *path;
};

struct walk {
    struct sops_arena arena;
    struct pending *top;
    const struct sops_walker *who;
    size_t root; /* length of the folder's path with its slash */
};

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool push(struct walk *k, const char *folder, const char *name, struct sops_err *e)
{
    struct pending *p = sops_arena_alloc(&k->arena, sizeof *p, e);
    struct sops_slice path;
    bool slash = sops_slice_ends(sops_str(folder), SOPS_LIT("/"));
    if (p == NULL || !sops_arena_printf(&k->arena, &path, e, "%s%s%s", folder, slash ? "" : "/", name)) {
        return false;
    }
    *p = (struct pending){k->top, (const char *)path.ptr};
    k->top = p;
    return true;
}

static bool pass_over(struct walk *k, const char *what, const char *path, int number, struct sops_err *e)
{
    if (k->who->unread != NULL) {
        return k->who->unread(k->who->ctx, path, number, e);
    }
    return sops_fail(e, SOPS_E_GENERIC, "cannot read %s'%s': %s", what, path, sops_os_error(number));
}

static bool push_entries(struct walk *k, const char *folder, struct sops_err *e)
{
    struct dirent **list = NULL;
    int n = scandir(folder, &list, is_entry, by_name);
    if (n < 0) {
        return pass_over(k, "the folder ", folder, errno, e);
    }
    bool ok = true;
    while (n-- > 0) {
        bool git = strcmp(list[n]->d_name, ".git") == 0 && !k->who->into_git;
        ok = ok && (git || push(k, folder, list[n]->d_name, e));
        (free)(list[n]); /* scandir's own memory */
    }
    (free)(list);
    return ok;
}

static bool visit_top(struct walk *k, struct sops_err *e)
{
    const char *path = k->top->path;
    struct stat st;
    k->top = k->top->below;
    if (lstat(path, &st) != 0) {
        return pass_over(k, "", path, errno, e);
    }
    return S_ISDIR(st.st_mode) ? push_entries(k, path, e)
                               : k->who->visit(k->who->ctx, path, sops_str(path + k->root), &st, e);
}

bool sops_walk_folder(const char *folder, const struct sops_walker *who, struct sops_err *e)
{
    struct walk k = {.who = who};
    struct sops_slice root = sops_slice_trim_end(sops_str(folder), '/');
    root = root.len != 0 ? root : SOPS_LIT("/");
    k.root = root.len + (sops_slice_ends(root, SOPS_LIT("/")) ? 0 : 1);
    bool ok = sops_arena_copy(&k.arena, root, &root, e) && push_entries(&k, (const char *)root.ptr, e);
    while (ok && k.top != NULL) {
        ok = visit_top(&k, e);
    }
    sops_arena_free(&k.arena);
    return ok;
}
