/* SPDX-License-Identifier: Apache-2.0 */
/* --output-dir: a file below a folder PATH goes to DIR and its path below that PATH, one that was named to DIR and its
 * last name. Nothing below DIR is reached by a link. */
#include "cli/many.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

/* What of a name stands below the first folder PATH that it begins with. */
static struct sops_slice below_path(const struct sops_many *m, const struct sops_many_file *f)
{
    struct sops_slice name = sops_str(f->run.name);
    for (const char *const *path = m->opt->args; *path != NULL && !f->named; path++) {
        struct sops_slice front = sops_slice_trim_end(sops_str(*path), '/');
        if (sops_slice_eq(front, SOPS_LIT("."))) {
            return name;
        }
        if (sops_slice_starts(name, front) && name.len > front.len && name.ptr[front.len] == '/') {
            return sops_slice_skip(name, front.len + 1);
        }
    }
    const char *slash = strrchr(f->run.name, '/');
    return slash != NULL ? sops_str(slash + 1) : name;
}

bool sops_many_is_below_output(const struct sops_many *m, struct sops_slice absolute)
{
    struct sops_buf dir = {0};
    struct sops_err none = {0};
    bool is =
        m->opt->shared.many.output_dir != NULL && sops_path_absolute(m->opt->shared.many.output_dir, &dir, &none) &&
        sops_slice_starts(absolute, sops_buf_view(&dir)) && absolute.len > dir.len && absolute.ptr[dir.len] == '/';
    for (const char *const *path = m->opt->args; is && *path != NULL;
         path++) { /* DIR itself as PATH is another matter */
        struct sops_buf given = {0};
        is = !(sops_path_absolute(*path, &given, &none) && sops_slice_eq(sops_buf_view(&given), sops_buf_view(&dir)));
        sops_buf_free(&given);
    }
    sops_err_clear(&none);
    sops_buf_free(&dir);
    return is;
}

static bool clash(const struct sops_many_file *a, const struct sops_many_file *b, struct sops_err *e)
{
    sops_fail(e, SOPS_E_CONFLICT, "'%s' and '%s' would both go to '%s'", a->run.name, b->run.name, b->target);
    return sops_hint(e, "name the folder that holds both, or run it for each");
}

/* Two for one place, or a place that is one of the files read. */
static bool check_place(struct sops_many *m, struct sops_table *places, struct sops_many_file *f, struct sops_err *e)
{
    struct sops_buf absolute = {0};
    struct sops_slice key;
    struct stat st;
    bool is_new = false;
    void **place =
        sops_path_absolute(f->target, &absolute, e) && sops_arena_copy(&m->run.arena, sops_buf_view(&absolute), &key, e)
            ? sops_table_put(places, key, &is_new, e)
            : NULL;
    sops_buf_free(&absolute);
    if (place == NULL) {
        return false;
    }
    if (!is_new) {
        return clash(*place, f, e);
    }
    *place = f;
    if (stat(f->target, &st) != 0) {
        return true;
    }
    for (size_t i = 0; i < m->selection.count; i++) {
        const struct sops_selected *s = &m->selection.file[i];
        if (s->device == st.st_dev && s->inode == st.st_ino &&
            (s->named || !sops_many_is_below_output(m, s->absolute))) {
            sops_fail(e, SOPS_E_CONFLICT, "'%s' would go to '%s', which is '%s', one of the files read", f->run.name,
                      f->target, s->name);
            return sops_hint(e, "name another folder with --output-dir, or use --in-place");
        }
    }
    return true;
}

bool sops_many_targets(struct sops_many *m, struct sops_err *e)
{
    struct sops_table places = {0};
    struct sops_slice dir = sops_slice_trim_end(sops_str(m->opt->shared.many.output_dir), '/');
    bool ok = true;
    for (size_t i = 0; ok && i < m->run.count; i++) {
        struct sops_many_file *f = sops_many_at(m, i);
        if (f->absolute.len != 0) {
            f->target = sops_arena_text(&m->run.arena, e, "%.*s/%.*s", SOPS_ARG(dir), SOPS_ARG(below_path(m, f)));
            ok = f->target != NULL && check_place(m, &places, f, e);
        }
    }
    sops_table_free(&places);
    return ok;
}

/* One folder on the way, made where there is none. DIR itself may be a link. */
static bool make_folder(const char *path, mode_t mode, bool may_be_link, struct sops_err *e)
{
    struct stat st;
    bool made = mkdir(path, mode) == 0 || errno == EEXIST;
    bool ok = made && (may_be_link ? stat(path, &st) : lstat(path, &st)) == 0;
    if (ok && S_ISDIR(st.st_mode)) {
        return true;
    }
    int cause = !ok ? errno : S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
    return sops_fail(e, SOPS_E_WRITE, "cannot make the folder '%s': %s", path, sops_os_error(cause));
}

bool sops_many_make_folders(struct sops_many *m, const struct sops_many_file *f, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct sops_slice dir = sops_slice_trim_end(sops_str(m->opt->shared.many.output_dir), '/');
    mode_t mode = m->action->required ? 0777 : 0700;
    bool ok = sops_buf_adds(&path, f->target, e) && sops_buf_cstr(&path, e) != NULL;
    for (size_t i = 1; ok && i < path.len; i++) {
        if (path.ptr[i] == '/') {
            path.ptr[i] = '\0';
            ok = make_folder((const char *)path.ptr, mode, i <= dir.len, e);
            path.ptr[i] = '/';
        }
    }
    sops_buf_free(&path);
    return ok;
}
