/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file in a folder counts when it holds a value that sops encrypted (every file of sops has its MAC) and its metadata
 * can be found. One that holds such a value and does not parse counts, too: it may be one that got damaged, and
 * is reported. Texts about sops, of no format that has names, do not.
 */
#include "cli/keys_files.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The paths found so far; the list lives in the arena as a whole, as arrays that grow by copies. */
struct found {
    struct sops_arena *arena;
    sops_wanted_fn *wanted;
    const char **path;
    size_t count, room;
};

static bool add(struct found *f, const char *path, struct sops_err *e)
{
    if (f->count + 1 >= f->room) {
        size_t room = f->room != 0 ? 2 * f->room : 64;
        const char **grown = sops_arena_alloc(f->arena, room * sizeof *grown, e);
        if (grown == NULL) {
            return false;
        }
        if (f->count != 0) {
            memcpy(grown, f->path, f->count * sizeof *grown);
        }
        f->path = grown;
        f->room = room;
    }
    f->path[f->count++] = path;
    f->path[f->count] = NULL;
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static const char *join(struct sops_arena *a, const char *folder, const char *name, struct sops_err *e)
{
    struct sops_slice path;
    bool slash = sops_slice_ends(sops_str(folder), SOPS_LIT("/"));
    return sops_arena_printf(a, &path, e, "%s%s%s", folder, slash ? "" : "/", name) ? (const char *)path.ptr : NULL;
}

bool sops_is_encrypted_file(struct sops_job *j, const char *path)
{
    struct sops_buf text = {0};
    struct sops_doc doc = {0};
    struct sops_err none = {0};
    const struct sops_format *f = sops_format_named(sops_str(j->opt->shared.input_type));
    f = f != NULL ? f : sops_config_format(j->config, sops_str(path));
    bool ours = sops_file_read(path, SOPS_FILE_MAX, &text, &none) && sops_holds_ciphertext(sops_buf_view(&text));
    if (ours) {
        bool parsed = sops_doc_parse(&doc, sops_format_sealed(f), sops_buf_view(&text), &none);
        ours = parsed ? sops_meta_present(&doc, f->meta) : f->suffixes != NULL && f->suffixes[0] != NULL;
    }
    sops_err_clear(&none);
    sops_doc_free(&doc);
    sops_buf_free(&text);
    return ours;
}

bool sops_is_sealed_file(struct sops_job *j, const char *path)
{
    static const char *const endings[] = {".yaml", ".yml", ".json", NULL};
    struct sops_buf text = {0};
    struct sops_err ignored = {0};
    const char *dot = strrchr(path, '.');
    (void)j;
    bool is = dot != NULL && sops_slice_is_any(sops_str(dot), endings) &&
              sops_file_read(path, SOPS_FILE_MAX, &text, &ignored) && text.len != 0 &&
              memmem(text.ptr, text.len, "SealedSecret", 12) != NULL;
    sops_err_clear(&ignored);
    sops_buf_free(&text);
    return is;
}

/* Sorts the entries of one folder into files that are wanted and folders to look into. */
static bool read_folder(struct sops_job *j, const char *folder, struct found *files, struct found *folders,
                        struct sops_err *e)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot read the folder '%s': %s", folder, sops_os_error(errno));
    }
    bool ok = true;
    const struct dirent *entry;
    while (ok && (entry = readdir(d)) != NULL) {
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0) {
            continue;
        }
        const char *path = join(files->arena, folder, name, e);
        ok = path != NULL;
        if (!ok || lstat(path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            ok = add(folders, path, e);
        } else if (S_ISREG(st.st_mode) && files->wanted(j, path)) {
            ok = add(files, path, e);
        }
    }
    (void)closedir(d);
    return ok;
}

static bool walk(struct sops_job *j, const char *folder, struct found *files, struct sops_err *e)
{
    struct found folders = {.arena = files->arena};
    size_t first = files->count;
    bool ok = add(&folders, folder, e);
    for (size_t i = 0; ok && i < folders.count; i++) {
        ok = read_folder(j, folders.path[i], files, &folders, e);
    }
    if (ok && files->count > first) {
        qsort(files->path + first, files->count - first, sizeof *files->path, by_name);
    }
    return ok;
}

bool sops_keys_files(struct sops_job *j, const char *const *paths, sops_wanted_fn *wanted, struct sops_arena *a,
                     const char *const **files, size_t *count, struct sops_err *e)
{
    struct found found = {.arena = a, .wanted = wanted};
    for (size_t i = 0; paths[i] != NULL; i++) {
        struct stat st;
        bool folder = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);
        if (!(folder ? walk(j, paths[i], &found, e) : add(&found, paths[i], e))) {
            return false;
        }
    }
    *files = found.path;
    *count = found.count;
    return true;
}
