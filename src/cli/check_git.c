/* SPDX-License-Identifier: Apache-2.0 */
/* What the index, a commit or the commits of a range hold. Names come with -z, contents by the ids of their objects. */
#include "cli/check.h"

#include "base/file.h"
#include "cli/ui.h"

#include <stdlib.h>
#include <sys/stat.h>

/* PATHs as prefixes of names from the top on; "" means all. */
struct chosen {
    const char **prefix; /* NULL: all */
    size_t count;
};

static bool read_chosen(struct check_run *r, const char *const *paths, struct chosen *c, struct sops_err *e)
{
    struct sops_buf absolute = {0};
    struct sops_slice top = sops_slice_trim_end(sops_buf_view(&r->top), '/');
    size_t n = 0;
    bool ok = true;
    while (paths[n] != NULL) {
        n++;
    }
    if (n == 0) {
        return true;
    }
    c->prefix = sops_arena_alloc(&r->arena, n * sizeof *c->prefix, e);
    for (size_t i = 0; ok && c->prefix != NULL && i < n; i++) {
        ok = sops_path_absolute(paths[i][0] != '\0' ? paths[i] : ".", &absolute, e);
        struct sops_slice path = sops_buf_view(&absolute);
        if (!ok || !sops_slice_starts(path, top) || (path.len > top.len && path.ptr[top.len] != '/')) {
            continue; /* nothing of the repository */
        }
        c->prefix[c->count] = sops_arena_text(&r->arena, e, "%.*s", SOPS_ARG(sops_slice_skip(path, top.len + 1)));
        ok = c->prefix[c->count] != NULL;
        c->count += ok;
    }
    sops_buf_free(&absolute);
    return ok && c->prefix != NULL;
}

static bool is_chosen(const struct chosen *c, struct sops_slice name)
{
    for (size_t i = 0; i < c->count; i++) {
        struct sops_slice p = sops_str(c->prefix[i]);
        if (p.len == 0 || (sops_slice_starts(name, p) && (name.len == p.len || name.ptr[p.len] == '/'))) {
            return true;
        }
    }
    return c->prefix == NULL;
}

/* One entry of the index or a tree. `line` is what git says of it, without the path. */
struct entry {
    struct sops_slice mode, id, path;
    bool unmerged;
};

static bool is_regular(struct sops_slice mode) { return sops_slice_starts(mode, SOPS_LIT("100")); }

static bool is_config(struct sops_slice path)
{
    return sops_slice_eq(path, SOPS_LIT(SOPS_CONFIG_NAME)) || sops_slice_ends(path, SOPS_LIT("/" SOPS_CONFIG_NAME));
}

static bool add_entry(struct check_run *r, const struct entry *x, const char *commit, bool past, struct sops_err *e)
{
    struct check_item made = {.commit = commit, .unmerged = x->unmerged, .past = past};
    struct sops_slice name, absolute;
    bool root = r->top.len == 1;
    if (!sops_name_filter_wants(&r->filter, x->path)) {
        return true;
    }
    bool ok =
        sops_arena_copy(&r->arena, x->path, &name, e) &&
        sops_arena_printf(&r->arena, &absolute, e, "%s/%.*s", root ? "" : (const char *)r->top.ptr, SOPS_ARG(x->path));
    if (!ok) {
        return false;
    }
    made.name = made.tree_path = (const char *)name.ptr;
    made.absolute = absolute;
    made.object = sops_arena_text(&r->arena, e, "%.*s", SOPS_ARG(x->id));
    return made.object != NULL && check_add_item(r, &made, e) != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct check_item *)a)->name, ((const struct check_item *)b)->name);
}

/* In order, each path once. (An unmerged entry comes several times.) */
static void sort_items(struct check_run *r, size_t from)
{
    size_t kept = from;
    if (r->items > from + 1) {
        qsort(r->item + from, r->items - from, sizeof *r->item, by_name);
    }
    for (size_t i = from; i < r->items; i++) {
        if (kept > from && strcmp(r->item[kept - 1].name, r->item[i].name) == 0) {
            r->item[kept - 1].unmerged |= r->item[i].unmerged;
        } else {
            r->item[kept++] = r->item[i];
        }
    }
    r->items = kept;
}

/* ---- the index
 * --------------------------------------------------------------------------------------------------------- */

/* "MODE ID STAGE<tab>PATH" of ls-files -s, or "MODE TYPE ID<tab>PATH" of ls-tree. */
static bool read_listed(struct sops_slice line, bool tree, struct entry *x)
{
    struct sops_slice rest = line, word[3], head = {0};
    *x = (struct entry){0};
    if (!sops_slice_next(&rest, '\t', &head) || rest.ptr == NULL) {
        return false;
    }
    x->path = rest;
    for (size_t i = 0; i < 3; i++) {
        if (!sops_slice_next(&head, ' ', &word[i])) {
            return false;
        }
    }
    x->mode = word[0];
    x->id = word[tree ? 2 : 1];
    x->unmerged = !tree && !sops_slice_eq(word[2], SOPS_LIT("0"));
    return true;
}

static bool add_listed(struct check_run *r, struct sops_slice list, bool tree, const struct chosen *c,
                       struct sops_err *e)
{
    struct sops_slice line;
    struct entry x;
    bool ok = true;
    while (ok && list.len != 0 && sops_slice_next(&list, 0, &line)) {
        bool good = read_listed(line, tree, &x) && is_regular(x.mode) && is_chosen(c, x.path);
        ok = !good || add_entry(r, &x, NULL, false, e);
    }
    return ok;
}

/* ":OLDMODE NEWMODE OLDID NEWID STATUS" and, behind a NUL, the path. */
static bool read_changed(struct sops_slice *list, struct entry *x)
{
    struct sops_slice head = {0}, word[5];
    *x = (struct entry){0};
    if (!sops_slice_next(list, 0, &head) || !sops_slice_next(list, 0, &x->path) || head.len == 0) {
        return false;
    }
    head = sops_slice_skip(head, 1);
    for (size_t i = 0; i < 5; i++) {
        if (!sops_slice_next(&head, ' ', &word[i])) {
            return false;
        }
    }
    x->mode = word[1];
    x->id = word[3];
    x->unmerged = sops_slice_starts(word[4], SOPS_LIT("U"));
    return true;
}

static bool add_all(struct check_run *r, const struct chosen *c, struct sops_err *e)
{
    static const char *const words[] = {"ls-files", "-s", "-z", "--full-name", NULL};
    const char *top = (const char *)r->git.top.ptr;
    const char *const of_top[] = {"ls-files", "-s", "-z", "--full-name", "--", top, NULL};
    struct sops_buf out = {0};
    bool ok =
        sops_git_run(&r->git, r->place == SOPS_GIT_TREE ? of_top : words, (struct sops_slice){0}, &out, NULL, e) &&
        add_listed(r, sops_buf_view(&out), false, c, e);
    sops_buf_free(&out);
    return ok;
}

/* `*config`: a configuration is among what changed, so that all must be judged anew. */
static bool add_changed(struct check_run *r, const char *head, const struct chosen *c, bool *config, struct sops_err *e)
{
    const char *const words[] = {"diff-index",  "--cached", "--raw", "-z", "--no-renames",
                                 "--no-abbrev", head,       "--",    NULL};
    struct sops_buf out = {0};
    struct entry x;
    bool ok = sops_git_run(&r->git, words, (struct sops_slice){0}, &out, NULL, e);
    struct sops_slice list = sops_buf_view(&out);
    while (ok && list.len != 0 && read_changed(&list, &x)) {
        *config = *config || (is_regular(x.mode) && is_config(x.path));
        bool good = (is_regular(x.mode) || x.unmerged) && is_chosen(c, x.path);
        ok = !good || add_entry(r, &x, NULL, false, e);
    }
    sops_buf_free(&out);
    return ok;
}

static bool set_get(struct check_run *r, struct sops_err *e)
{
    if (r->place != SOPS_GIT_TREE) { /* names need a place, though there is none on the disk */
        sops_buf_cut(&r->top, 0);
        if (!sops_buf_add(&r->top, sops_buf_view(&r->configs.here), e) || sops_buf_cstr(&r->top, e) == NULL) {
            return false;
        }
    }
    r->configs.get = check_config_get;
    r->configs.get_ctx = r;
    r->configs.get_top = sops_buf_view(&r->top);
    r->configs.show_from = r->configs.get_top;
    return true;
}

bool check_items_staged(struct check_run *r, const char *const *paths, struct sops_err *e)
{
    struct sops_git_object head;
    struct chosen c = {0};
    bool config = false;
    if (!check_look(r, true, e) || !set_get(r, e) || !read_chosen(r, paths, &c, e) ||
        !sops_git_read(&r->git, SOPS_LIT("HEAD^{commit}"), 0, false, &head, e)) {
        return false;
    }
    bool ok = head.there ? add_changed(r, head.id, &c, &config, e) : add_all(r, &c, e);
    sops_git_object_free(&head);
    ok = ok && (!config || add_all(r, &c, e));
    sort_items(r, 0);
    return ok;
}

bool check_config_get(void *ctx, struct sops_slice absolute, struct sops_buf *text, bool *there, struct sops_err *e)
{
    struct check_run *r = ctx;
    struct sops_slice top = sops_slice_trim_end(sops_buf_view(&r->top), '/');
    struct sops_slice path = sops_slice_skip(absolute, top.len + 1);
    struct sops_git_object o = {0};
    struct sops_err why = {0};
    struct stat st;
    const char *of = r->commit[0] != '\0' ? r->commit : ":0";
    bool ok =
        sops_git_read_path(&r->git, of, path, SOPS_CONFIG_MAX, false, &o, &why) ||
        (why.memory ? sops_fail_memory(e) : check_report_unread(&r->report, (const char *)absolute.ptr, why.msg, e));
    sops_err_clear(&why);
    *there = ok && o.there && o.blob && !o.cut;
    if (*there) {
        sops_buf_free(text);
        *text = o.bytes;
        o.bytes = (struct sops_buf){0};
    } else if (ok && r->place == SOPS_GIT_TREE && stat((const char *)absolute.ptr, &st) == 0 && S_ISREG(st.st_mode)) {
        sops_ui_warn("'%.*s' is not in %s, so it is not used", SOPS_ARG(path),
                     r->commit[0] != '\0' ? "the commit" : "the index");
    }
    sops_git_object_free(&o);
    return ok;
}

/* ---- commits
 * ------------------------------------------------------------------------------------------------------------ */

static bool list_tree(struct check_run *r, const char *commit, struct sops_buf *out, struct sops_err *e)
{
    const char *const words[] = {"ls-tree", "-r", "-z", "--full-tree", commit, NULL};
    return sops_git_run(&r->git, words, (struct sops_slice){0}, out, NULL, e);
}

bool check_read_held(struct check_run *r, const char *commit, struct sops_err *e)
{
    struct sops_buf out = {0};
    struct sops_slice line, path;
    struct entry x;
    bool ok = list_tree(r, commit, &out, e);
    struct sops_slice list = sops_buf_view(&out);
    while (ok && list.len != 0 && sops_slice_next(&list, 0, &line)) {
        if (!read_listed(line, true, &x)) {
            continue;
        }
        const char *id = sops_arena_text(&r->arena, e, "%.*s", SOPS_ARG(x.id));
        void **place =
            id != NULL && sops_arena_copy(&r->arena, x.path, &path, e) ? sops_table_put(&r->held, path, NULL, e) : NULL;
        ok = place != NULL;
        if (ok) {
            *place = (void *)(uintptr_t)id;
        }
    }
    sops_buf_free(&out);
    return ok;
}

/* "::MODE MODE MODE ID ID ID STATUS" of a merge: modes and ids of the parents, each row with the result's behind them,
 * as many colons as parents; of other commits there is one. git leaves out what a merge took from one parent as it is.
 * False for what is gone, and what is no file. */
static bool read_combined(struct sops_slice head, struct entry *x)
{
    size_t parents = 0;
    struct sops_slice word, status = {0};
    while (parents < head.len && head.ptr[parents] == ':') {
        parents++;
    }
    head = sops_slice_skip(head, parents);
    for (size_t i = 0; sops_slice_next(&head, ' ', &word); i++) {
        x->mode = i == parents ? word : x->mode;
        x->id = i == 2 * parents + 1 ? word : x->id;
        status = i == 2 * parents + 2 ? word : status;
    }
    return parents != 0 && status.len != 0 && sops_slice_find(status, 'D') == status.len && is_regular(x->mode);
}

/* All that the commits of the range bring in: an id of a commit, then its entries, and so on. */
static bool add_range(struct check_run *r, struct sops_slice list, const struct chosen *c, struct sops_err *e)
{
    struct sops_table seen = {0};
    struct sops_slice piece, key;
    const char *commit = NULL;
    size_t from = 0;
    bool ok = true;
    while (ok && list.len != 0 && sops_slice_next(&list, 0, &piece)) {
        struct entry x = {0};
        bool is_new = true;
        if (piece.len != 0 && piece.ptr[0] != ':') {
            sort_items(r, from);
            from = r->items;
            commit = sops_arena_text(&r->arena, e, "%.*s", SOPS_ARG(sops_slice_trim(piece)));
            ok = commit != NULL;
            continue;
        }
        if (!sops_slice_next(&list, 0, &x.path) || !read_combined(piece, &x) || !is_chosen(c, x.path)) {
            continue;
        }
        ok = sops_arena_printf(&r->arena, &key, e, "%.*s %.*s", SOPS_ARG(x.id), SOPS_ARG(x.path)) &&
             sops_table_put(&seen, key, &is_new, e) != NULL;
        if (ok && is_new) {
            const char *held = sops_table_get(&r->held, x.path);
            ok = add_entry(r, &x, commit, held == NULL || !sops_slice_eq(sops_str(held), x.id), e);
        }
    }
    sort_items(r, from);
    sops_table_free(&seen);
    return ok;
}

static bool items_of_range(struct check_run *r, const char *from, const struct chosen *c, struct sops_err *e)
{
    const char *without = sops_arena_text(&r->arena, e, "^%s", from);
    const char *const list[] = {"rev-list", "--reverse", "--topo-order", r->commit, without, NULL};
    static const char *const trees[] = {"diff-tree",   "--stdin",       "-r",    "-c",
                                        "-z",          "--root",        "--raw", "--no-renames",
                                        "--no-abbrev", "--no-ext-diff", NULL};
    struct sops_buf commits = {0}, out = {0};
    bool ok = without != NULL && sops_git_run(&r->git, list, (struct sops_slice){0}, &commits, NULL, e) &&
              check_read_held(r, r->commit, e);
    if (ok && commits.len != 0) {
        ok = sops_git_run(&r->git, trees, sops_buf_view(&commits), &out, NULL, e) &&
             add_range(r, sops_buf_view(&out), c, e);
    }
    sops_buf_free(&commits);
    sops_buf_free(&out);
    return ok;
}

bool check_items_rev(struct check_run *r, const char *const *paths, struct sops_err *e)
{
    struct sops_slice rev = sops_str(r->own->rev);
    struct chosen c = {0};
    char from[SOPS_GIT_ID];
    const uint8_t *dots = rev.len != 0 ? memmem(rev.ptr, rev.len, "..", 2) : NULL;
    if (!check_look(r, true, e) || !set_get(r, e) || !read_chosen(r, paths, &c, e)) {
        return false;
    }
    if (dots == NULL) {
        struct sops_buf out = {0};
        bool ok = sops_git_commit(&r->git, rev, r->commit, e) && list_tree(r, r->commit, &out, e) &&
                  add_listed(r, sops_buf_view(&out), true, &c, e);
        sops_buf_free(&out);
        sort_items(r, 0);
        return ok;
    }
    struct sops_slice a = sops_slice_first(rev, (size_t)(dots - rev.ptr)), b = sops_slice_skip(rev, a.len + 2);
    if (a.len == 0 || b.len == 0 || b.ptr[0] == '.') {
        return sops_fail(e, SOPS_E_READ, "'%s' is no REV and no A..B with both ends", r->own->rev);
    }
    r->range = true;
    bool ok = sops_git_commit(&r->git, a, from, e) && sops_git_commit(&r->git, b, r->commit, e);
    r->configs.commit = r->commit;
    return ok && items_of_range(r, from, &c, e);
}
