/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a run looks at, and in which order; which configurations are in force for them
 * (docs/spec/71-check.md#which-files-which-configuration). */
#include "cli/check.h"

#include "base/file.h"
#include "cli/ui.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The top of the work tree by the text of the current folder, which may lead there through links. */
static bool set_top(struct check_run *r, struct sops_err *e)
{
    char room[4096];
    struct sops_slice top = sops_buf_view(&r->git.top), here = sops_buf_view(&r->configs.here), below = {0};
    const char *real = getcwd(room, sizeof room);
    if (real != NULL && sops_slice_starts(sops_str(real), top)) {
        below = sops_slice_skip(sops_str(real), top.len);
        if (sops_slice_ends(here, below)) {
            top = sops_slice_first(here, here.len - below.len);
        }
    }
    sops_buf_cut(&r->top, 0);
    return sops_buf_add(&r->top, top.len != 0 ? top : SOPS_LIT("/"), e) && sops_buf_cstr(&r->top, e) != NULL;
}

bool check_look(struct check_run *r, bool needed, struct sops_err *e)
{
    struct sops_err why = {0};
    if (!r->looked) {
        r->looked = true;
        r->place = sops_git_look(&r->git, &why);
        if (r->place == SOPS_GIT_FAILED && !needed && !why.memory) {
            sops_ui_warn("what needs git is left out: %s", why.msg);
        }
        if (r->place == SOPS_GIT_TREE && !set_top(r, e)) {
            return false;
        }
    }
    bool ok = !why.memory || sops_fail_memory(e);
    if (ok && needed && r->place != SOPS_GIT_TREE && r->place != SOPS_GIT_BARE) {
        ok = sops_fail(e, SOPS_E_READ, "%s",
                       why.msg[0] != '\0' ? why.msg : "this is no git repository, or git is missing");
    }
    sops_err_clear(&why);
    return ok;
}

struct check_item *check_add_item(struct check_run *r, const struct check_item *i, struct sops_err *e)
{
    struct check_item *grown = sops_grow(r->item, r->items, &r->room, sizeof *grown, e);
    if (grown == NULL) {
        return NULL;
    }
    r->item = grown;
    r->item[r->items] = *i;
    return &r->item[r->items++];
}

const char *check_tree_path(const struct check_run *r, struct sops_slice absolute)
{
    struct sops_slice top = sops_slice_trim_end(sops_buf_view(&r->top), '/');
    bool in = r->place == SOPS_GIT_TREE && sops_slice_starts(absolute, top) && absolute.len > top.len + 1 &&
              absolute.ptr[top.len] == '/';
    return in ? (const char *)absolute.ptr + top.len + 1 : NULL;
}

/* ---- on the disk
 * -------------------------------------------------------------------------------------------------------- */

static bool any_folder(const char *const *paths)
{
    struct stat st;
    while (*paths != NULL && !(stat((*paths)[0] != '\0' ? *paths : ".", &st) == 0 && S_ISDIR(st.st_mode))) {
        paths++;
    }
    return *paths != NULL;
}

static bool take_selection(struct check_run *r, const struct sops_selection *s, struct sops_err *e)
{
    for (size_t i = 0; i < s->unreads; i++) {
        if (!check_report_unread(&r->report, s->unread[i].name, s->unread[i].why, e)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct sops_selected *f = &s->file[i];
        struct check_item made = {0};
        struct sops_slice name, path;
        if (!r->own->tracked && sops_selected_left_over(f, r->job->world)) {
            continue; /* what git knows is judged, whatever it is called */
        }
        bool ok = sops_arena_copy(&r->arena, sops_str(f->name), &name, e) &&
                  sops_arena_copy(&r->arena, sops_str(f->path), &path, e) &&
                  sops_arena_copy(&r->arena, f->absolute, &made.absolute, e);
        made.name = (const char *)name.ptr;
        made.path = (const char *)path.ptr;
        if (!ok || check_add_item(r, &made, e) == NULL) {
            return false;
        }
    }
    return true;
}

static bool items_on_disk(struct check_run *r, const char *const *paths, struct sops_err *e)
{
    static const char *const here[] = {".", NULL};
    struct sops_selection s = {.git = &r->git, .filter = &r->filter};
    bool tracked = r->own->tracked;
    paths = *paths != NULL || tracked ? paths : here;
    bool folders = !r->own->no_ignore && any_folder(paths);
    bool ok = (!tracked && !folders) || check_look(r, tracked, e);
    s.place = folders || tracked ? r->place : SOPS_GIT_NONE;
    if (ok && tracked && r->place != SOPS_GIT_TREE) {
        ok = sops_fail(e, SOPS_E_READ, "--tracked needs a work tree of git");
    }
    ok = ok && (tracked ? sops_select_tracked(&s, paths, e) : sops_select(&s, paths, e)) && take_selection(r, &s, e);
    sops_selection_free(&s);
    return ok;
}

/* ---- configurations
 * ------------------------------------------------------------------------------------------------------ */

/* With a configuration that stands for all files, one that is selected is still judged by itself. */
static bool find_judge(struct check_run *r, struct check_item *i, struct sops_err *e)
{
    i->judge = sops_configs_for(&r->configs, i->absolute, e);
    if (i->judge == NULL) {
        return false;
    }
    bool itself = sops_slice_eq(sops_buf_view(&i->judge->config.path), i->absolute);
    if (itself) {
        i->judge->owner_item = true;
    }
    return true;
}

static bool add_in_force(struct check_run *r, struct sops_err *e)
{
    for (size_t i = 0; i < r->configs.count; i++) {
        struct sops_judge *j = r->configs.judge[i];
        struct check_item made = {
            .name = j->shown, .absolute = sops_buf_view(&j->config.path), .judge = j, .in_force = true};
        made.path = made.name;
        made.commit = r->range && j->commit != NULL ? j->commit : NULL;
        if (!j->owner_item && check_add_item(r, &made, e) == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < r->configs.unreads; i++) {
        if (!check_report_unread(&r->report, r->configs.unread[i].name, r->configs.unread[i].why, e)) {
            return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct check_item *)a)->name, ((const struct check_item *)b)->name);
}

bool check_items(struct check_run *r, const char *const *paths, struct sops_err *e)
{
    bool rev = r->own->rev != NULL;
    bool ok = r->own->staged ? check_items_staged(r, paths, e)
              : rev          ? check_items_rev(r, paths, e)
                             : items_on_disk(r, paths, e);
    size_t files = r->items;
    for (size_t i = 0; ok && i < files; i++) {
        ok = find_judge(r, &r->item[i], e);
    }
    ok = ok && add_in_force(r, e);
    if (ok && !r->range && r->items > files) { /* in a range the order is that of the commits */
        qsort(r->item, r->items, sizeof *r->item, by_name);
    }
    for (size_t i = 0; ok && i < r->items; i++) {
        r->report.files += !r->item[i].in_force;
    }
    return ok;
}
