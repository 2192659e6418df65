/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file in a folder counts when it is encrypted as its name says, as `sops check` judges it, or is a damaged one,
 * which is then reported (docs/spec/71-check.md#which-files-which-configuration).
 */
#include "cli/keys_files.h"

#include "base/file.h"
#include "check/look.h"
#include "cli/select.h"

#include <sys/stat.h>

/* The paths found so far, NULL behind them; the list lives in the arena as a whole, as arrays that grow by copies. */
struct found {
    struct sops_arena *arena;
    const char **path;
    size_t count, room;
};

static bool add(struct found *f, const char *path, struct sops_err *e)
{
    size_t used = f->path != NULL ? f->count + 1 : 0; /* with the NULL behind them */
    const char **grown = sops_arena_grow(f->arena, f->path, used, &f->room, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    f->path = grown;
    f->path[f->count++] = path;
    f->path[f->count] = NULL;
    return true;
}

bool sops_is_encrypted_file(struct sops_job *j, const char *path)
{
    struct sops_buf text = {0};
    struct sops_look look = {0};
    struct sops_err none = {0};
    const struct sops_format *f = sops_format_named(sops_str(j->opt->shared.input_type));
    f = f != NULL ? f : sops_config_format(j->config, sops_str(path));
    bool ours = sops_file_read(path, SOPS_FILE_MAX, &text, &none) &&
                sops_look(&look, sops_buf_view(&text), f, true, &none) && look.kind != SOPS_LOOK_PLAIN;
    sops_err_clear(&none);
    sops_look_free(&look);
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

static bool add_folder(struct sops_job *j, const char *folder, sops_wanted_fn *wanted, struct found *files,
                       struct sops_err *e)
{
    const char *const paths[] = {folder, NULL};
    struct sops_selection s = {0};
    bool ok = sops_select(&s, paths, e);
    if (ok && s.unreads != 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "cannot read '%s': %s", s.unread[0].name, s.unread[0].why);
    }
    for (size_t i = 0; ok && i < s.count; i++) {
        if (wanted(j, s.file[i].path)) {
            const char *copy = sops_arena_text(files->arena, e, "%s", s.file[i].path);
            ok = copy != NULL && add(files, copy, e);
        }
    }
    sops_selection_free(&s);
    return ok;
}

bool sops_keys_files(struct sops_job *j, const char *const *paths, sops_wanted_fn *wanted, struct sops_arena *a,
                     const char *const **files, size_t *count, struct sops_err *e)
{
    struct found found = {.arena = a};
    for (size_t i = 0; paths[i] != NULL; i++) {
        struct stat st;
        bool folder = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);
        if (!(folder ? add_folder(j, paths[i], wanted, &found, e) : add(&found, paths[i], e))) {
            return false;
        }
    }
    *files = found.path;
    *count = found.count;
    return true;
}
