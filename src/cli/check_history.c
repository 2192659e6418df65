/* SPDX-License-Identifier: Apache-2.0 */
/* Without a key nothing tells whether a MAC is right, but git has the version that sops wrote, and sops makes a new MAC
 * whenever it writes values (docs/spec/71-check.md#edited-by-hand). */
#include "cli/check.h"

#include "base/file.h"

#include <stdio.h>

#define COMMITS "--max-count=100" /* that are looked back */

static void add_start(struct check_starts *s, struct sops_slice id)
{
    if (id.len < SOPS_GIT_ID && s->count < CHECK_STARTS) {
        memcpy(s->id[s->count], id.ptr, id.len);
        s->id[s->count++][id.len] = '\0';
    }
}

bool check_history_starts(struct sops_git *g, struct check_starts *s, struct sops_err *e)
{
    static const char *const heads[] = {"HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"};
    *s = (struct check_starts){.read = true};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct sops_git_object o;
        char name[64];
        (void)snprintf(name, sizeof name, "%s^{commit}", heads[i]);
        if (!sops_git_read(g, sops_str(name), 0, false, &o, e)) {
            return false;
        }
        if (o.there) {
            add_start(s, sops_str(o.id));
        }
        sops_git_object_free(&o);
    }
    return true;
}

/* The parents of a commit, from its text. */
static bool read_parents(struct sops_git *g, const char *commit, struct check_starts *s, struct sops_err *e)
{
    struct sops_git_object o;
    *s = (struct check_starts){.read = true, .of = commit};
    if (!sops_git_read(g, sops_str(commit), 1 << 20, false, &o, e)) {
        return false;
    }
    struct sops_slice rest = sops_buf_view(&o.bytes), line;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line) && line.len != 0) {
        if (sops_slice_starts(line, SOPS_LIT("parent "))) {
            add_start(s, sops_slice_skip(line, 7));
        }
    }
    sops_git_object_free(&o);
    return true;
}

/* Where earlier versions of an item are looked for. Most items of a run have the same. */
static bool find_starts(struct check_run *r, const struct check_item *i, struct check_starts *s, struct sops_err *e)
{
    const char *of = i->commit != NULL ? i->commit : r->commit[0] != '\0' ? r->commit : NULL;
    bool ok = true;
    (void)pthread_mutex_lock(&r->lock);
    if (!r->starts.read || r->starts.of != of) {
        ok = of != NULL ? read_parents(&r->git, of, &r->starts, e) : check_history_starts(&r->git, &r->starts, e);
        r->starts.read = ok;
    }
    *s = r->starts;
    (void)pthread_mutex_unlock(&r->lock);
    return ok;
}

/* What stands at `tree_path` in a commit; `*there` is false when there is no file. */
static bool read_file_of(struct sops_git *g, const char *commit, const char *tree_path, struct sops_git_object *o,
                         bool *there, struct sops_err *e)
{
    struct sops_err why = {0};
    bool ok = sops_git_read_path(g, commit, sops_str(tree_path), SOPS_FILE_MAX, true, o, &why) || !why.memory ||
              sops_fail_memory(e);
    sops_err_clear(&why); /* one that was never fetched is as good as none */
    *there = ok && o->there && o->blob && !o->cut;
    return ok;
}

/* A version that a commit has, if it has this MAC. */
static bool read_version(struct sops_git *g, const char *commit, const char *tree_path, struct sops_slice mac,
                         const struct sops_format *format, struct sops_revision *v, bool *same, struct sops_err *e)
{
    struct sops_git_object o = {0};
    bool there = false, good = false;
    bool ok = read_file_of(g, commit, tree_path, &o, &there, e) &&
              (!there || sops_revision_read(v, sops_buf_view(&o.bytes), format, &good, e));
    *same = ok && good && sops_slice_eq(v->meta->mac, mac);
    sops_git_object_free(&o);
    return ok;
}

bool check_history_oldest(struct sops_git *g, const struct check_starts *start, const char *tree_path,
                          struct sops_slice mac, const struct sops_format *format, char commit[SOPS_GIT_ID],
                          struct sops_revision *v, struct sops_err *e)
{
    const char *words[CHECK_STARTS + 8] = {"rev-list", "--topo-order", COMMITS};
    struct sops_buf out = {0}, path = {0};
    size_t n = 3;
    bool bare = g->top.len == 0;
    for (size_t i = 0; i < start->count; i++) {
        words[n++] = start->id[i];
    }
    words[n++] = "--";
    bool ok = (bare || (sops_buf_add(&path, sops_buf_view(&g->top), e) && sops_buf_addc(&path, '/', e))) &&
              sops_buf_adds(&path, tree_path, e) && sops_buf_cstr(&path, e) != NULL;
    words[n] = ok ? (const char *)path.ptr : NULL;
    ok = ok && sops_git_run(g, words, (struct sops_slice){0}, &out, NULL, e);
    commit[0] = '\0';
    struct sops_slice rest = sops_buf_view(&out), line;
    while (ok && rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        struct sops_revision one = {0};
        char id[SOPS_GIT_ID];
        bool same = false;
        if (line.len == 0 || line.len >= SOPS_GIT_ID) {
            continue;
        }
        memcpy(id, line.ptr, line.len);
        id[line.len] = '\0';
        ok = read_version(g, id, tree_path, mac, format, &one, &same, e);
        if (same) {
            sops_revision_free(v);
            *v = one;
            v->doc = &v->read.look.doc;
            v->meta = &v->read.meta;
            memcpy(commit, id, SOPS_GIT_ID);
        } else {
            sops_revision_free(&one);
        }
    }
    sops_buf_free(&out);
    sops_buf_free(&path);
    return ok;
}

/* Does HEAD hold just this? One list of all that it holds is cheaper than a question for each of many files. */
static bool is_that_of_head(struct check_run *r, const struct check_starts *start, const char *tree_path,
                            struct sops_slice text, bool *same, struct sops_err *e)
{
    enum { MANY = 16 };
    char id[SOPS_GIT_ID];
    if (start->of != NULL || start->count == 0 || r->items < MANY) {
        return true;
    }
    (void)pthread_mutex_lock(&r->lock);
    bool ok = r->held_read || check_read_held(r, start->id[0], e);
    r->held_read = ok;
    (void)pthread_mutex_unlock(&r->lock);
    const char *held = ok ? sops_table_get(&r->held, sops_str(tree_path)) : NULL;
    *same = held != NULL && sops_git_blob_id(text, held, id) && strcmp(id, held) == 0;
    return ok;
}

/* Is the file one that a starting point holds, byte for byte? Most are. */
static bool is_as_it_was(struct check_run *r, const struct check_starts *start, const char *tree_path,
                         struct sops_slice text, bool *same, struct sops_err *e)
{
    *same = false;
    bool ok = is_that_of_head(r, start, tree_path, text, same, e);
    for (size_t i = 0; ok && !*same && i < start->count; i++) {
        struct sops_git_object o = {0};
        bool there = false;
        ok = read_file_of(&r->git, start->id[i], tree_path, &o, &there, e);
        *same = there && sops_slice_eq(sops_buf_view(&o.bytes), text);
        sops_git_object_free(&o);
    }
    return ok;
}

/* Does one of the starting points hold a version with this MAC (`*some`), and does one of these agree (`*agrees`)? */
static bool compare_with_starts(struct check_run *r, const struct check_starts *start, const char *tree_path,
                                const struct sops_revision *now, const struct sops_format *format, bool *some,
                                bool *agrees, struct sops_err *e)
{
    bool ok = true;
    *some = *agrees = false;
    for (size_t i = 0; ok && !*agrees && i < start->count; i++) {
        struct sops_revision before = {0};
        bool same = false;
        ok = read_version(&r->git, start->id[i], tree_path, now->meta->mac, format, &before, &same, e);
        *some = *some || same;
        *agrees = same && sops_revision_agrees(&before, now);
        sops_revision_free(&before);
    }
    return ok;
}

static bool add_finding(const struct check_item *i, struct sops_checked *c, const char *commit,
                        const struct sops_revision_change *change, struct sops_err *e)
{
    struct sops_buf word = {0};
    unsigned line = change->line;
    if (line == 0) {
        line = change->entry != NULL ? sops_checked_line(c, change->entry) : c->sops_line;
    }
    bool ok = sops_shell_word(&word, sops_str(i->name), e) && sops_buf_cstr(&word, e) != NULL &&
              sops_findings_add(&c->found, SOPS_FIND_HAND_EDITED, line, change->path, e,
                                "changed without sops, and mac was not, so decrypt will fail: %.*s",
                                SOPS_ARG(sops_buf_view(&change->text))) &&
              sops_findings_help(&c->found, e, "git checkout %.12s -- %s, then sops edit %s", commit,
                                 (const char *)word.ptr, (const char *)word.ptr);
    sops_buf_free(&word);
    return ok;
}

static bool compare(struct check_run *r, const struct check_item *i, const struct check_starts *start,
                    const char *tree_path, struct sops_checked *c, struct sops_err *e)
{
    struct sops_revision now = {0}, oldest = {0};
    struct sops_revision_change change = {0};
    const struct sops_format *format = c->look.format;
    char commit[SOPS_GIT_ID] = "";
    bool good = false, some = false, agrees = false;
    bool ok = sops_revision_take(&now, c, &good, e);
    ok = ok && (!good || compare_with_starts(r, start, tree_path, &now, format, &some, &agrees, e));
    if (ok && some && !agrees) {
        ok = check_history_oldest(&r->git, start, tree_path, now.meta->mac, format, commit, &oldest, e);
    }
    if (ok && commit[0] != '\0' && !sops_revision_agrees(&oldest, &now)) {
        ok =
            sops_revision_compare_texts(&oldest, &now, r->secrets, &change, e) && add_finding(i, c, commit, &change, e);
    }
    sops_revision_change_free(&change);
    sops_revision_free(&now);
    sops_revision_free(&oldest);
    return ok;
}

/* Is it in no repository, whatever the current folder is in? To see that needs no git. */
static bool is_loose(struct check_run *r, struct sops_slice absolute, struct sops_err *e)
{
    struct sops_slice folder = absolute;
    while (folder.len > 0 && folder.ptr[folder.len - 1] != '/') {
        folder.len--;
    }
    if (sops_slice_eq(folder, sops_buf_view(&r->loose))) {
        return true;
    }
    bool told = sops_world_env_set(r->job->world, "GIT_DIR") != NULL ||
                sops_world_env_set(r->job->world, "GIT_WORK_TREE") != NULL;
    if (told || check_repository_of(absolute, e) != 0) {
        return false;
    }
    sops_buf_cut(&r->loose, 0);
    return e->code == SOPS_OK && sops_buf_add(&r->loose, folder, e);
}

/* The path from the top of the work tree on; NULL: git has no earlier version. */
static bool find_tree_path(struct check_run *r, const struct check_item *i, const char **path, struct sops_err *e)
{
    *path = NULL;
    (void)pthread_mutex_lock(&r->lock);
    bool loose = !r->looked && is_loose(r, i->absolute, e);
    bool ok = e->code == SOPS_OK && (loose || check_look(r, false, e));
    if (ok && !loose && (r->place == SOPS_GIT_TREE || r->place == SOPS_GIT_BARE)) {
        *path = i->tree_path != NULL ? i->tree_path : check_tree_path(r, i->absolute);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return ok;
}

bool check_history(struct check_run *r, const struct check_item *i, struct sops_slice text, struct sops_checked *c,
                   struct sops_err *e)
{
    struct check_starts start;
    const char *path;
    bool same = false;
    if (c->meta.mac.len == 0) {
        return true;
    }
    if (!find_tree_path(r, i, &path, e) || path == NULL) {
        return e->code == SOPS_OK;
    }
    return find_starts(r, i, &start, e) && is_as_it_was(r, &start, path, text, &same, e) &&
           (same || compare(r, i, &start, path, c, e));
}

bool check_head_version(struct check_run *r, const struct check_item *i, struct sops_git_object *o, bool *there,
                        struct sops_err *e)
{
    const char *path;
    *there = false;
    if (!find_tree_path(r, i, &path, e) || path == NULL) {
        return e->code == SOPS_OK;
    }
    return read_file_of(&r->git, "HEAD", path, o, there, e);
}
