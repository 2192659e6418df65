/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/select.h"

#include "base/file.h"
#include "base/table.h"
#include "cli/options.h"
#include "cli/walk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- filters --------------------------------------------------------------------------------------------------------
 */

static bool compile_all(const char *const *words, const char *option, struct sops_regex ***list, size_t *count,
                        struct sops_err *e)
{
    size_t n = sops_words(words);
    *list = n != 0 ? sops_alloc(n * sizeof **list, e) : NULL;
    for (size_t i = 0; n != 0 && *list != NULL && i < n; i++) {
        (*list)[i] = sops_regex_new(sops_str(words[i]), e);
        if ((*list)[i] == NULL) {
            return sops_within(e, "--%s", option);
        }
        *count = i + 1;
    }
    return n == 0 || *list != NULL;
}

bool sops_name_filter_make(struct sops_name_filter *f, const char *const *include, const char *const *exclude,
                           struct sops_err *e)
{
    return compile_all(include, "include", &f->include, &f->includes, e) &&
           compile_all(exclude, "exclude", &f->exclude, &f->excludes, e);
}

static bool one_matches(struct sops_regex *const *list, size_t count, struct sops_slice name)
{
    size_t i = 0;
    while (i < count && !sops_regex_match(list[i], name)) {
        i++;
    }
    return i < count;
}

bool sops_name_filter_wants(const struct sops_name_filter *f, struct sops_slice name)
{
    return f == NULL || ((f->includes == 0 || one_matches(f->include, f->includes, name)) &&
                         !one_matches(f->exclude, f->excludes, name));
}

static void free_all(struct sops_regex **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sops_regex_free(list[i]);
    }
    sops_free(list);
}

void sops_name_filter_free(struct sops_name_filter *f)
{
    free_all(f->include, f->includes);
    free_all(f->exclude, f->excludes);
    *f = (struct sops_name_filter){0};
}

/* ---- the list
 * -------------------------------------------------------------------------------------------------------- */

static bool add_unread(struct sops_selection *s, const char *name, const char *why, struct sops_err *e)
{
    struct sops_unread made;
    struct sops_slice copy[2];
    struct sops_unread *list = sops_arena_grow(&s->arena, s->unread, s->unreads, &s->rooms[1], sizeof *list, e);
    if (list == NULL || !sops_arena_copy(&s->arena, sops_str(name), &copy[0], e) ||
        !sops_arena_copy(&s->arena, sops_str(why), &copy[1], e)) {
        return false;
    }
    made = (struct sops_unread){(const char *)copy[0].ptr, (const char *)copy[1].ptr};
    s->unread = list;
    s->unread[s->unreads++] = made;
    return true;
}

/* The clean path of a file. Most files stand in the folder of the one before: only another folder is looked at. */
static bool make_absolute(struct sops_selection *s, const char *path, struct sops_slice *out, struct sops_err *e)
{
    const char *slash = strrchr(path, '/'), *last = slash != NULL ? slash + 1 : path;
    struct sops_slice folder = sops_slice_of(path, (size_t)(last - path));
    if (strcmp(last, "..") == 0 || strcmp(last, ".") == 0 || *last == '\0') {
        struct sops_buf whole = {0};
        bool ok = sops_path_absolute(path, &whole, e) && sops_arena_copy(&s->arena, sops_buf_view(&whole), out, e);
        sops_buf_free(&whole);
        return ok;
    }
    if (s->absolute.len == 0 || !sops_slice_eq(sops_buf_view(&s->folder), folder)) {
        sops_buf_cut(&s->folder, 0);
        if (!sops_buf_add(&s->folder, folder, e) || sops_buf_cstr(&s->folder, e) == NULL ||
            !sops_path_absolute(folder.len != 0 ? (const char *)s->folder.ptr : ".", &s->absolute, e)) {
            return false;
        }
    }
    bool root = s->absolute.len == 1;
    return sops_arena_printf(&s->arena, out, e, "%s/%s", root ? "" : (const char *)s->absolute.ptr, last);
}

/* `name` and `path` are copied. */
static bool add_file(struct sops_selection *s, const char *name, const char *path, bool named, const struct stat *st,
                     struct sops_err *e)
{
    struct sops_slice copy[2] = {{0}};
    struct sops_selected f = {.named = named, .device = st->st_dev, .inode = st->st_ino, .size = st->st_size};
    if (!sops_name_filter_wants(s->filter, sops_str(name))) {
        return true;
    }
    struct sops_selected *list = sops_arena_grow(&s->arena, s->file, s->count, &s->rooms[0], sizeof *list, e);
    bool ok = list != NULL && sops_arena_copy(&s->arena, sops_str(name), &copy[0], e) &&
              make_absolute(s, path, &f.absolute, e);
    copy[1] = copy[0];
    ok = ok && (strcmp(name, path) == 0 || sops_arena_copy(&s->arena, sops_str(path), &copy[1], e));
    if (ok) {
        f.name = (const char *)copy[0].ptr;
        f.path = (const char *)copy[1].ptr;
        s->file = list;
        s->file[s->count++] = f;
    }
    return ok;
}

static int by_name(const void *a, const void *b)
{
    const struct sops_selected *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : y->named - x->named;
}

/* Each once: by its path, or by what it is. */
static bool drop_repeats(struct sops_selection *s, struct sops_err *e)
{
    struct sops_table seen = {0};
    size_t kept = 0;
    bool ok = true, is_new = true;
    if (s->count > 1) {
        qsort(s->file, s->count, sizeof *s->file, by_name);
    }
    for (size_t i = 0; ok && i < s->count; i++) {
        struct sops_slice key = s->file[i].absolute;
        if (s->by_inode) {
            ok = sops_arena_printf(&s->arena, &key, e, "%llx:%llx", (unsigned long long)s->file[i].device,
                                   (unsigned long long)s->file[i].inode);
        }
        void **place = ok ? sops_table_put(&seen, key, &is_new, e) : NULL;
        ok = place != NULL;
        if (ok && is_new) {
            *place = &s->file[i];
            s->file[kept++] = s->file[i];
        }
    }
    s->count = ok ? kept : s->count;
    sops_table_free(&seen);
    return ok;
}

/* ---- folders on the disk
 * ---------------------------------------------------------------------------------------------- */

/* A folder that is gone through, and what its entries' names begin with. */
struct below {
    struct sops_selection *s;
    const char *prefix;
    size_t skip; /* bytes of a path that stand for the folder */
    struct sops_buf name;
};

static bool make_name(struct below *b, struct sops_slice rest, struct sops_err *e)
{
    sops_buf_cut(&b->name, 0);
    return sops_buf_adds(&b->name, b->prefix, e) && sops_buf_add(&b->name, rest, e) &&
           sops_buf_cstr(&b->name, e) != NULL;
}

static bool on_entry(void *ctx, const char *path, struct sops_slice name, const struct stat *st, struct sops_err *e)
{
    struct below *b = ctx;
    return !S_ISREG(st->st_mode) ||
           (make_name(b, name, e) && add_file(b->s, (const char *)b->name.ptr, path, false, st, e));
}

static bool on_unread(void *ctx, const char *path, int number, struct sops_err *e)
{
    struct below *b = ctx;
    struct sops_slice rest = sops_slice_skip(sops_str(path), b->skip);
    return make_name(b, rest, e) &&
           add_unread(b->s, b->name.len != 0 ? (const char *)b->name.ptr : ".", sops_os_error(number), e);
}

/* "FOLDER/", "" for ".". */
static const char *prefix_of(struct sops_selection *s, const char *folder, struct sops_err *e)
{
    struct sops_slice text = sops_slice_trim_end(sops_str(folder), '/');
    if (sops_slice_eq(text, SOPS_LIT("."))) {
        return "";
    }
    return sops_arena_text(&s->arena, e, "%.*s/", SOPS_ARG(text));
}

static bool go_through(struct sops_selection *s, const char *folder, struct sops_err *e)
{
    struct below b = {.s = s, .prefix = prefix_of(s, folder, e)};
    size_t len = sops_slice_trim_end(sops_str(folder), '/').len;
    b.skip = len + 1;
    const struct sops_walker k = {.visit = on_entry, .unread = on_unread, .ctx = &b};
    bool ok = b.prefix != NULL && sops_walk_folder(folder, &k, e);
    sops_buf_free(&b.name);
    return ok;
}

/* ---- folders in git's work tree
 * --------------------------------------------------------------------------------------- */

/* Takes the names that git gave, from the top of the work tree on, into the list. `root` is what they begin with that
 * the prefix stands for; `path` what they are opened with. */
static bool take_names(struct sops_selection *s, struct sops_slice names, struct sops_slice root, const char *prefix,
                       const char *path_prefix, struct sops_err *e)
{
    struct sops_buf name = {0}, path = {0};
    struct sops_slice one, before = {0};
    bool ok = true;
    while (ok && names.len != 0 && sops_slice_next(&names, 0, &one)) {
        struct stat st;
        if (sops_slice_eq(one, before) || !sops_slice_starts(one, root)) {
            continue; /* an unmerged entry comes three times */
        }
        before = one;
        struct sops_slice rest = sops_slice_skip(one, root.len);
        sops_buf_cut(&name, 0);
        sops_buf_cut(&path, 0);
        ok = sops_buf_adds(&name, prefix, e) && sops_buf_add(&name, rest, e) && sops_buf_cstr(&name, e) != NULL &&
             sops_buf_adds(&path, path_prefix, e) && sops_buf_add(&path, rest, e) && sops_buf_cstr(&path, e) != NULL;
        if (ok && lstat((const char *)path.ptr, &st) == 0 && S_ISREG(st.st_mode)) {
            ok = add_file(s, (const char *)name.ptr, (const char *)path.ptr, false, &st, e);
        }
    }
    sops_buf_free(&name);
    sops_buf_free(&path);
    return ok;
}

/* Does a folder from `real` up to, and without, the top of the work tree hold a repository of its own? */
static bool is_nested(const char *real, size_t top)
{
    char path[PATH_MAX + 8];
    struct stat st;
    size_t len = strlen(real);
    memcpy(path, real, len + 1);
    while (len > top) {
        memcpy(path + len, "/.git", 6);
        if (lstat(path, &st) == 0) {
            return true;
        }
        while (len > top && path[len - 1] != '/') {
            len--;
        }
        len -= len > top;
        path[len] = '\0';
    }
    return false;
}

/* Is the folder in the work tree? `real` gets its path without links. */
static bool is_in_tree(const struct sops_selection *s, const char *folder, char real[PATH_MAX])
{
    struct sops_slice top = s->git != NULL ? sops_buf_view(&s->git->top) : (struct sops_slice){0};
    if (s->git == NULL || s->place != SOPS_GIT_TREE || realpath(folder, real) == NULL) {
        return false;
    }
    struct sops_slice path = sops_str(real);
    bool root = sops_slice_eq(top, SOPS_LIT("/"));
    return sops_slice_starts(path, top) && (root || path.len == top.len || path.ptr[top.len] == '/') &&
           !is_nested(real, root ? 0 : top.len);
}

/* What git could not look into is not read: it says so on stderr and goes on. */
static bool take_complaints(struct sops_selection *s, struct sops_err *e)
{
    struct sops_slice rest = sops_buf_view(&s->git->complaints), line;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        struct sops_slice text = sops_slice_trim(line);
        const char *copy = text.len != 0 ? sops_arena_text(&s->arena, e, "%.*s", SOPS_ARG(text)) : "";
        if (copy == NULL || (text.len != 0 && !add_unread(s, "git", copy, e))) {
            return false;
        }
    }
    sops_buf_free(&s->git->complaints);
    return true;
}

/* The names that git lists below `real`. */
static bool list_names(struct sops_selection *s, const char *real, bool others, struct sops_buf *out,
                       struct sops_err *e)
{
    const char *words[] = {"ls-files",           "-z", "--full-name", "--cached", "--others",
                           "--exclude-standard", "--", real,          NULL};
    const char *tracked[] = {"ls-files", "-z", "--full-name", "--cached", "--", real, NULL};
    return sops_git_run(s->git, others ? words : tracked, (struct sops_slice){0}, out, NULL, e) &&
           take_complaints(s, e);
}

static bool ask_git(struct sops_selection *s, const char *folder, const char *real, struct sops_err *e)
{
    struct sops_buf out = {0}, root = {0};
    struct sops_slice text = sops_slice_trim_end(sops_str(folder), '/');
    size_t top = s->git->top.len == 1 ? 0 : s->git->top.len;
    const char *prefix = prefix_of(s, folder, e);
    const char *path = sops_arena_text(&s->arena, e, "%.*s/", SOPS_ARG(text));
    bool ok = prefix != NULL && path != NULL && list_names(s, real, true, &out, e);
    ok = ok && (strlen(real) <= top + 1 || (sops_buf_adds(&root, real + top + 1, e) && sops_buf_addc(&root, '/', e)));
    ok = ok && take_names(s, sops_buf_view(&out), sops_buf_view(&root), prefix, prefix[0] != '\0' ? path : "", e);
    sops_buf_free(&out);
    sops_buf_free(&root);
    return ok;
}

/* ---- the whole
 * --------------------------------------------------------------------------------------------------------- */

static bool select_path(struct sops_selection *s, const char *path, struct sops_err *e)
{
    char real[PATH_MAX];
    struct stat st;
    if (stat(path, &st) != 0) {
        return add_unread(s, path, sops_os_error(errno), e);
    }
    if (!S_ISDIR(st.st_mode)) {
        return add_file(s, path, path, true, &st, e);
    }
    return is_in_tree(s, path, real) ? ask_git(s, path, real, e) : go_through(s, path, e);
}

bool sops_select(struct sops_selection *s, const char *const *paths, struct sops_err *e)
{
    for (size_t i = 0; paths[i] != NULL; i++) {
        if (!select_path(s, paths[i][0] != '\0' ? paths[i] : ".", e)) {
            return false;
        }
    }
    return drop_repeats(s, e);
}

bool sops_select_tracked(struct sops_selection *s, const char *const *paths, struct sops_err *e)
{
    static const char *const here[] = {NULL};
    struct sops_buf out = {0};
    const char *top = sops_buf_cstr(&s->git->top, e);
    const char *path = top != NULL ? sops_arena_text(&s->arena, e, "%s/", top[1] == '\0' ? "" : top) : NULL;
    const char *const *chosen = paths[0] != NULL ? paths : here;
    bool ok = path != NULL;
    for (size_t i = 0; ok && (i == 0 || chosen[i] != NULL); i++) {
        struct sops_buf absolute = {0};
        char real[PATH_MAX];
        const char *wanted = chosen[i] == NULL ? top : realpath(chosen[i], real);
        if (wanted == NULL) { /* gone, or a link to nowhere: git may know it yet */
            ok = sops_path_absolute(chosen[i], &absolute, e);
            wanted = (const char *)absolute.ptr;
        }
        struct sops_slice in = sops_str(wanted);
        bool inside = ok && sops_slice_starts(in, sops_buf_view(&s->git->top));
        if (inside) {
            sops_buf_cut(&out, 0);
            ok = list_names(s, wanted, false, &out, e) &&
                 take_names(s, sops_buf_view(&out), (struct sops_slice){0}, "", path, e);
        }
        sops_buf_free(&absolute);
        if (chosen[i] == NULL) {
            break;
        }
    }
    sops_buf_free(&out);
    return ok && drop_repeats(s, e);
}

void sops_selection_free(struct sops_selection *s)
{
    sops_arena_free(&s->arena);
    sops_buf_free(&s->folder);
    sops_buf_free(&s->absolute);
    *s = (struct sops_selection){0};
}

/* ".sops-" or ".sops-old-" and 24 digits: what a killed run leaves. */
static bool is_left_over(const char *name)
{
    enum { DIGITS = 24 };
    const char *slash = strrchr(name, '/');
    struct sops_slice base = sops_str(slash != NULL ? slash + 1 : name);
    static const char *const fronts[] = {".sops-old-", ".sops-"};
    for (size_t i = 0; i < 2; i++) {
        struct sops_slice rest = sops_slice_skip(base, strlen(fronts[i]));
        if (sops_slice_starts(base, sops_str(fronts[i])) && rest.len == DIGITS &&
            strspn((const char *)rest.ptr, "0123456789") == DIGITS) {
            return true;
        }
    }
    return false;
}

bool sops_selected_left_over(const struct sops_selected *f, struct sops_world *w)
{
    if (f->named || !is_left_over(f->name)) {
        return false;
    }
    sops_world_warn(w,
                    "'%s' was left by a run that was killed, and may hold clear text or the old content of a "
                    "file: it is passed over; compare it with its neighbours, and remove it",
                    f->name);
    return true;
}

bool sops_name_from(struct sops_slice from, struct sops_slice absolute, bool up, struct sops_buf *out,
                    struct sops_err *e)
{
    struct sops_slice root = sops_slice_trim_end(from, '/');
    size_t ups = 0;
    for (;;) {
        if (sops_slice_starts(absolute, root) && absolute.len > root.len && absolute.ptr[root.len] == '/') {
            bool ok = true;
            for (; ok && ups > 0; ups--) {
                ok = sops_buf_adds(out, "../", e);
            }
            return ok && sops_buf_add(out, sops_slice_skip(absolute, root.len + 1), e);
        }
        if (!up || root.len == 0) {
            return sops_buf_add(out, absolute, e);
        }
        while (root.len > 0 && root.ptr[root.len - 1] != '/') {
            root.len--;
        }
        root = sops_slice_trim_end(root, '/');
        ups++;
    }
}
