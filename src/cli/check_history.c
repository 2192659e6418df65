/* SPDX-License-Identifier: Apache-2.0 */
/* Without a key nothing tells whether a MAC is right, but git has the version that sops wrote, and sops makes a new MAC
 * whenever it writes values (docs/spec/71-check.md#edited-by-hand). */
#include "cli/check.h"

#include "base/file.h"

#include <stdio.h>

#define COMMITS "--max-count=100" /* that are looked back */

bool check_history_starts(struct sops_git *g, char id[CHECK_STARTS][SOPS_GIT_ID], const char *start[CHECK_STARTS + 1],
                          struct sops_err *e)
{
    static const char *const heads[] = {"HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct sops_git_object o;
        char name[64];
        (void)snprintf(name, sizeof name, "%s^{commit}", heads[i]);
        if (!sops_git_read(g, sops_str(name), 0, false, &o, e)) {
            return false;
        }
        if (o.there) {
            memcpy(id[n], o.id, SOPS_GIT_ID);
            start[n] = id[n];
            n++;
        }
        sops_git_object_free(&o);
    }
    start[n] = NULL;
    return true;
}

/* The parents of a commit, from its text. */
static bool parents_of(struct sops_git *g, const char *commit, char id[CHECK_STARTS][SOPS_GIT_ID],
                       const char *start[CHECK_STARTS + 1], struct sops_err *e)
{
    struct sops_git_object o;
    size_t n = 0;
    if (!sops_git_read(g, sops_str(commit), 1 << 20, false, &o, e)) {
        return false;
    }
    struct sops_slice rest = sops_buf_view(&o.bytes), line;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line) && line.len != 0) {
        struct sops_slice parent = sops_slice_skip(line, 7);
        if (sops_slice_starts(line, SOPS_LIT("parent ")) && parent.len < SOPS_GIT_ID && n < CHECK_STARTS) {
            memcpy(id[n], parent.ptr, parent.len);
            id[n][parent.len] = '\0';
            start[n] = id[n];
            n++;
        }
    }
    start[n] = NULL;
    sops_git_object_free(&o);
    return true;
}

/* The version of `tree_path` in a commit; `*good` is false when there is none that can be compared. */
static bool read_version(struct sops_git *g, const char *commit, const char *tree_path,
                         const struct sops_format *format, struct sops_revision *v, bool *good, struct sops_err *e)
{
    struct sops_git_object o = {0};
    struct sops_buf name = {0};
    struct sops_err why = {0};
    bool ok =
        sops_buf_addf(&name, e, "%s:%s", commit, tree_path) &&
        (sops_git_read(g, sops_buf_view(&name), SOPS_FILE_MAX, true, &o, &why) || !why.memory || sops_fail_memory(e));
    sops_err_clear(&why); /* one that was never fetched is as good as none */
    *good = false;
    if (ok && o.there && o.blob && !o.cut) {
        ok = sops_revision_read(v, sops_buf_view(&o.bytes), format, good, e);
    }
    sops_git_object_free(&o);
    sops_buf_free(&name);
    return ok;
}

bool check_history_oldest(struct sops_git *g, const char *const *start, const char *tree_path, struct sops_slice mac,
                          const struct sops_format *format, char commit[SOPS_GIT_ID], struct sops_revision *v,
                          struct sops_err *e)
{
    const char *words[CHECK_STARTS + 8] = {"rev-list", "--topo-order", COMMITS};
    struct sops_buf out = {0}, path = {0};
    size_t n = 3;
    bool bare = g->top.len == 0;
    for (; *start != NULL && n < CHECK_STARTS + 3; start++) {
        words[n++] = *start;
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
        bool good = false;
        if (line.len == 0 || line.len >= SOPS_GIT_ID) {
            continue;
        }
        memcpy(id, line.ptr, line.len);
        id[line.len] = '\0';
        ok = read_version(g, id, tree_path, format, &one, &good, e);
        if (ok && good && sops_slice_eq(one.meta->mac, mac)) {
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

/* Does one of the starting points hold a version with this MAC (`*some`), and does one of these agree (`*agrees`)? */
static bool compare_with_starts(struct check_run *r, const char *const *start, const char *tree_path,
                                const struct sops_revision *now, const struct sops_format *format, bool *some,
                                bool *agrees, struct sops_err *e)
{
    bool ok = true;
    *some = *agrees = false;
    for (; ok && !*agrees && *start != NULL; start++) {
        struct sops_revision before = {0};
        bool good = false;
        ok = read_version(&r->git, *start, tree_path, format, &before, &good, e);
        if (ok && good && sops_slice_eq(before.meta->mac, now->meta->mac)) {
            *some = true;
            *agrees = sops_revision_agrees(&before, now);
        }
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

static bool compare(struct check_run *r, const struct check_item *i, const char *const *start, const char *tree_path,
                    struct sops_checked *c, struct sops_err *e)
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

bool check_history(struct check_run *r, const struct check_item *i, struct sops_checked *c, struct sops_err *e)
{
    char id[CHECK_STARTS][SOPS_GIT_ID];
    const char *start[CHECK_STARTS + 1] = {NULL};
    if (!check_look(r, false, e)) {
        return false;
    }
    const char *tree_path = i->tree_path != NULL ? i->tree_path : check_tree_path(r, i->absolute);
    if (tree_path == NULL || (r->place != SOPS_GIT_TREE && r->place != SOPS_GIT_BARE) || c->meta.mac.len == 0 ||
        strchr(tree_path, '\n') != NULL) {
        return true;
    }
    const char *of = i->commit != NULL ? i->commit : r->commit[0] != '\0' ? r->commit : NULL;
    bool ok = of != NULL ? parents_of(&r->git, of, id, start, e) : check_history_starts(&r->git, id, start, e);
    return ok && compare(r, i, start, tree_path, c, e);
}
