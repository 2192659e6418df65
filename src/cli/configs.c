/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest configuration of each file: its folder and those above are looked into once each
 * (docs/spec/71-check.md#which-files-which-configuration). */
#include "cli/select.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

static struct sops_judge *add_judge(struct sops_configs *c, struct sops_slice absolute, struct sops_slice text,
                                    struct sops_err *e)
{
    struct sops_buf name = {0};
    struct sops_slice shown, path;
    struct sops_slice from = c->show_from.len != 0 ? c->show_from : sops_buf_view(&c->here);
    struct sops_judge **grown = sops_grow(c->judge, c->count, &c->room, sizeof(struct sops_judge *), e);
    if (grown == NULL) {
        return NULL;
    }
    c->judge = grown;
    struct sops_judge *j = sops_alloc(sizeof *j, e);
    if (j == NULL) {
        return NULL;
    }
    c->judge[c->count++] = j;
    bool ok = sops_name_from(from, absolute, c->show_from.len == 0, &name, e) &&
              sops_arena_copy(&c->arena, sops_buf_view(&name), &shown, e) &&
              sops_arena_copy(&c->arena, absolute, &path, e) &&
              sops_judge_make(j, c->world, (const char *)path.ptr, (const char *)shown.ptr, text, e);
    sops_buf_free(&name);
    return ok ? j : NULL;
}

bool sops_configs_open(struct sops_configs *c, struct sops_err *e)
{
    struct sops_buf text = {0}, absolute = {0};
    bool ok = sops_path_absolute(".", &c->here, e);
    if (!ok || c->named == NULL || c->named[0] == '\0') {
        return ok;
    }
    ok = sops_file_read(c->named, SOPS_CONFIG_MAX, &text, e) && sops_path_absolute(c->named, &absolute, e);
    if (ok) {
        c->only = add_judge(c, sops_buf_view(&absolute), sops_buf_view(&text), e);
        ok = c->only != NULL;
    }
    sops_buf_free(&text);
    sops_buf_free(&absolute);
    return ok || sops_recode(e, SOPS_E_READ);
}

static bool add_unread(struct sops_configs *c, struct sops_slice absolute, const char *why, struct sops_err *e)
{
    struct sops_unread *grown = sops_arena_grow(&c->arena, c->unread, c->unreads, &c->unread_room, sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    c->unread = grown;
    struct sops_unread made = {sops_arena_text(&c->arena, e, "%.*s", SOPS_ARG(absolute)), NULL};
    made.why = made.name != NULL ? sops_arena_text(&c->arena, e, "%s", why) : NULL;
    if (made.why == NULL) {
        return false;
    }
    c->unread[c->unreads++] = made;
    return true;
}

/* The text of the configuration of this folder. One on the disk that cannot be read is told, and counts as one that
 * says nothing. */
static bool read_config(struct sops_configs *c, struct sops_slice folder, struct sops_slice absolute,
                        struct sops_buf *text, bool *there, struct sops_err *e)
{
    struct stat st;
    struct sops_err why = {0};
    bool other = c->get != NULL && sops_slice_starts(folder, c->get_top) &&
                 (folder.len == c->get_top.len || c->get_top.len == 1 || folder.ptr[c->get_top.len] == '/');
    *there = false;
    if (other) {
        return c->get(c->get_ctx, absolute, text, there, e);
    }
    if (stat((const char *)absolute.ptr, &st) != 0) {
        return true;
    }
    *there = sops_file_read((const char *)absolute.ptr, SOPS_CONFIG_MAX, text, &why);
    bool ok = *there || (why.memory ? sops_fail_memory(e) : add_unread(c, absolute, why.msg, e));
    sops_err_clear(&why);
    return ok;
}

static struct sops_judge *look_in(struct sops_configs *c, struct sops_slice folder, struct sops_err *e)
{
    struct sops_buf text = {0}, path = {0};
    struct sops_judge *found = NULL;
    bool there = false, root = sops_slice_eq(folder, SOPS_LIT("/"));
    bool ok = sops_buf_add(&path, root ? SOPS_LIT("") : folder, e) && sops_buf_adds(&path, "/" SOPS_CONFIG_NAME, e) &&
              sops_buf_cstr(&path, e) != NULL && read_config(c, folder, sops_buf_view(&path), &text, &there, e);
    if (ok && there) {
        found = add_judge(c, sops_buf_view(&path), sops_buf_view(&text), e);
        if (found != NULL) {
            found->commit = c->get != NULL ? c->commit : NULL;
        }
    }
    sops_buf_free(&text);
    sops_buf_free(&path);
    return found;
}

/* The folder above; false in the root. */
static bool go_up(struct sops_slice *folder)
{
    if (folder->len <= 1) {
        return false;
    }
    while (folder->len > 1 && folder->ptr[folder->len - 1] != '/') {
        folder->len--;
    }
    folder->len -= folder->len > 1;
    return true;
}

/* `found` holds for the folder and those above it whose path is not shorter than `least`. */
static bool remember(struct sops_configs *c, struct sops_slice folder, size_t least, struct sops_judge *found,
                     struct sops_err *e)
{
    bool is_new = true;
    do {
        struct sops_slice key;
        void **place = folder.len >= least && sops_arena_copy(&c->arena, folder, &key, e)
                           ? sops_table_put(&c->folders, key, &is_new, e)
                           : NULL;
        if (place == NULL || !is_new) {
            break;
        }
        *place = found;
    } while (go_up(&folder));
    return e->code == SOPS_OK;
}

struct sops_judge *sops_configs_for(struct sops_configs *c, struct sops_slice absolute, struct sops_err *e)
{
    struct sops_slice folder = absolute, first;
    struct sops_judge *found = NULL;
    if (c->only != NULL) {
        return c->only;
    }
    if (!go_up(&folder)) {
        return &c->none;
    }
    first = folder;
    do {
        found = sops_table_get(&c->folders, folder);
        found = found != NULL ? found : look_in(c, folder, e);
        if (e->code != SOPS_OK) {
            return NULL;
        }
    } while (found == NULL && go_up(&folder));
    found = found != NULL ? found : &c->none;
    return remember(c, first, folder.len, found, e) ? found : NULL;
}

struct sops_names *sops_configs_names(struct sops_configs *c, struct sops_judge *j, struct sops_err *e)
{
    if (j->names == NULL) {
        j->names = sops_alloc(sizeof *j->names, e);
        if (j->names != NULL && j->there &&
            !sops_names_read(j->names, c->world, j->config.doc.parts, sops_buf_view(&j->source), e)) {
            return NULL;
        }
    }
    return j->names;
}

static void free_names(struct sops_judge *j)
{
    if (j->names != NULL) {
        sops_names_free(j->names);
        sops_free(j->names);
        j->names = NULL;
    }
}

void sops_configs_free(struct sops_configs *c)
{
    free_names(&c->none);
    for (size_t i = 0; i < c->count; i++) {
        free_names(c->judge[i]);
        sops_judge_free(c->judge[i]);
        sops_free(c->judge[i]);
    }
    sops_free(c->judge);
    sops_table_free(&c->folders);
    sops_buf_free(&c->here);
    sops_arena_free(&c->arena);
    *c = (struct sops_configs){0};
}
