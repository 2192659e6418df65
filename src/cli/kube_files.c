/* SPDX-License-Identifier: Apache-2.0 */
/* Folders are walked with a list of what is left to do, the next name at its end: so a folder's content comes where its
 * name stands, without recursion. */
#include "cli/kube.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool add_path(struct kube_files *f, struct sops_arena *a, const char *path, struct sops_err *e)
{
    if (f->count == SOPS_INPUTS_MAX) {
        return sops_fail(e, SOPS_E_GENERIC, "there are more than the %d files that one run may open", SOPS_INPUTS_MAX);
    }
    const char **grown = sops_arena_grow(a, f->path, f->count, &f->room, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    f->path = grown;
    f->path[f->count++] = path;
    return true;
}

static bool is_manifest_name(const char *name)
{
    struct sops_slice s = sops_str(name);
    return sops_slice_ends(s, SOPS_LIT(".yaml")) || sops_slice_ends(s, SOPS_LIT(".yml")) ||
           sops_slice_ends(s, SOPS_LIT(".json"));
}

/* What is left of a walk: paths, the next one last. */
struct walk {
    struct sops_buf left; /* of const char * */
    struct sops_arena *arena;
    struct kube_files *to;
    bool recursive;
};

/* The greatest first, so that the smallest is taken first. */
static int by_name_backwards(const void *a, const void *b)
{
    return strcmp(*(const char *const *)b, *(const char *const *)a);
}

static bool push_folder(struct walk *w, const char *folder, struct sops_err *e)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        return sops_fail(e, SOPS_E_READ, "cannot read the folder '%s': %s", folder, sops_os_error(errno));
    }
    size_t from = w->left.len, n = strlen(folder);
    const char *between = n != 0 && folder[n - 1] == '/' ? "" : "/";
    bool ok = true;
    const struct dirent *entry;
    while (ok && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            const char *path = sops_arena_text(w->arena, e, "%s%s%s", folder, between, entry->d_name);
            ok = path != NULL && sops_buf_add(&w->left, sops_slice_of(&path, sizeof path), e);
        }
    }
    (void)closedir(d);
    size_t count = (w->left.len - from) / sizeof(const char *);
    if (ok && count > 1) {
        qsort(w->left.ptr + from, count, sizeof(const char *), by_name_backwards);
    }
    return ok;
}

static bool visit_entry(struct walk *w, const char *path, struct sops_err *e)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    bool there = lstat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) {
        return !w->recursive || push_folder(w, path, e);
    }
    if (!there || !is_manifest_name(slash != NULL ? slash + 1 : path)) {
        return true;
    }
    bool regular = S_ISLNK(st.st_mode) ? stat(path, &st) == 0 && S_ISREG(st.st_mode) : S_ISREG(st.st_mode);
    return !regular || add_path(w->to, w->arena, path, e);
}

static bool add_folder(struct kube_files *f, struct sops_arena *a, const char *folder, bool recursive,
                       struct sops_err *e)
{
    struct walk w = {.arena = a, .to = f, .recursive = recursive};
    size_t before = f->count;
    bool ok = push_folder(&w, folder, e);
    while (ok && w.left.len != 0) {
        const char *path;
        w.left.len -= sizeof path;
        memcpy(&path, w.left.ptr + w.left.len, sizeof path);
        ok = visit_entry(&w, path, e);
    }
    sops_buf_free(&w.left);
    if (ok && f->count == before) {
        sops_fail(e, SOPS_E_GENERIC, "no file in '%s' ends in .yaml, .yml or .json", folder);
        return sops_hint(e, recursive ? "links to folders are not followed" : "-R goes into the folders below it");
    }
    return ok;
}

static bool is_missing(const char *name, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", name) ||
           sops_hint(e, "-f takes files, folders, patterns in quotes, URLs, and - for stdin");
}

/* What is there by this name. */
static bool add_there(struct kube_files *f, struct sops_arena *a, const char *name, const struct stat *st,
                      bool recursive, struct sops_err *e)
{
    return S_ISDIR(st->st_mode) ? add_folder(f, a, name, recursive, e) : add_path(f, a, name, e);
}

static bool add_matching(struct kube_files *f, struct sops_arena *a, const char *pattern, bool recursive,
                         struct sops_err *e)
{
    glob_t found = {0};
    struct stat st;
    bool ok = glob(pattern, 0, NULL, &found) == 0 || is_missing(pattern, e);
    for (size_t i = 0; ok && i < found.gl_pathc; i++) {
        const char *path = sops_arena_text(a, e, "%s", found.gl_pathv[i]);
        ok = path != NULL && (stat(path, &st) == 0 || is_missing(path, e)) && add_there(f, a, path, &st, recursive, e);
    }
    globfree(&found);
    return ok;
}

static bool add_named(struct kube_files *f, struct sops_arena *a, const char *name, bool recursive, struct sops_err *e)
{
    struct stat st;
    if (strcmp(name, "-") == 0) {
        return add_path(f, a, NULL, e);
    }
    if (stat(name, &st) == 0) {
        return add_there(f, a, name, &st, recursive, e);
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", name, sops_os_error(errno));
    }
    return strpbrk(name, "*?[") != NULL ? add_matching(f, a, name, recursive, e) : is_missing(name, e);
}

bool sops_kube_files(struct kube_files *f, const struct kube_words *w, struct sops_arena *a, struct sops_err *e)
{
    size_t stdins = 0;
    for (size_t i = 0; i < w->file_count; i++) {
        stdins += strcmp(w->files[i], "-") == 0;
    }
    if (stdins > 1) {
        return sops_fail(e, SOPS_E_CONFLICT, "stdin is named twice: -f - can be given once");
    }
    bool ok = true;
    for (size_t i = 0; ok && i < w->file_count; i++) {
        ok = sops_kube_is_url(w->files[i]) || add_named(f, a, w->files[i], w->recursive, e);
    }
    return ok;
}
