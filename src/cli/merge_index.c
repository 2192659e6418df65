/* SPDX-License-Identifier: Apache-2.0 */
/* git is asked in the file's own folder, for its base name: so the file may be given from anywhere. */
#include "cli/merge_index.h"

#include "base/file.h"
#include "base/table.h"
#include "core/shape.h"

#include <stdio.h>

bool sops_in_index_find(struct sops_in_index *x, struct sops_world *w, const char *path, struct sops_err *e)
{
    const char *slash = strrchr(path, '/');
    x->git.world = w;
    x->name = slash != NULL ? slash + 1 : path;
    if (slash != NULL) {
        if (!sops_buf_add(&x->folder, sops_slice_of(path, slash == path ? 1 : (size_t)(slash - path)), e) ||
            sops_buf_cstr(&x->folder, e) == NULL) {
            return false;
        }
        x->git.folder = (const char *)x->folder.ptr;
    }
    enum sops_git_place place = sops_git_look(&x->git, e);
    return place == SOPS_GIT_TREE ||
           (place != SOPS_GIT_FAILED && sops_fail(e, SOPS_E_READ, "'%s' is in no work tree of a git repository", path));
}

void sops_in_index_free(struct sops_in_index *x)
{
    sops_git_close(&x->git);
    sops_buf_free(&x->folder);
    *x = (struct sops_in_index){0};
}

/* "MODE ID STAGE\tNAME": the id of each stage. */
static void take_stages(struct sops_slice list, char id[3][SOPS_GIT_ID])
{
    struct sops_slice line = {0}, word = {0};
    while (list.len != 0 && sops_slice_next(&list, '\0', &line)) {
        struct sops_slice rest = sops_slice_first(line, sops_slice_find(line, '\t')), object = {0};
        if (!sops_slice_next(&rest, ' ', &word) || !sops_slice_next(&rest, ' ', &object) || rest.len != 1 ||
            object.len >= SOPS_GIT_ID || rest.ptr[0] < '1' || rest.ptr[0] > '3') {
            continue;
        }
        (void)snprintf(id[rest.ptr[0] - '1'], SOPS_GIT_ID, "%.*s", SOPS_ARG(object));
    }
}

static bool read_stages(struct sops_in_index *x, const char *file, char id[3][SOPS_GIT_ID], struct sops_err *e)
{
    const char *const words[] = {"ls-files", "-u", "-z", "--", x->name, NULL};
    struct sops_buf list = {0};
    if (!sops_git_run(&x->git, words, (struct sops_slice){0}, &list, NULL, e)) {
        return false;
    }
    take_stages(sops_buf_view(&list), id);
    sops_buf_free(&list);
    if (id[0][0] == '\0' && id[1][0] == '\0' && id[2][0] == '\0') {
        return sops_fail(e, SOPS_E_READ, "'%s' has no conflict in git's index", file);
    }
    if (id[1][0] == '\0' || id[2][0] == '\0') {
        sops_fail(e, SOPS_E_READ, "'%s' was deleted by %s", file, id[1][0] == '\0' ? "ours" : "theirs");
        return sops_hint(e, "git add keeps it, git rm takes it away");
    }
    return true;
}

bool sops_in_index_read(struct sops_in_index *x, struct sops_merge_run *r, struct sops_err *e)
{
    char id[3][SOPS_GIT_ID] = {{0}};
    struct sops_world *w = r->j->world;
    if (!read_stages(x, r->name, id, e)) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        struct sops_git_object o = {0};
        r->v[i].name = r->name;
        if (id[i][0] == '\0') {
            continue;
        }
        if (!sops_git_read(&x->git, sops_str(id[i]), SOPS_FILE_MAX, false, &o, e)) {
            return false;
        }
        if (!o.there || !o.blob || o.cut) {
            sops_git_object_free(&o);
            return sops_fail(e, SOPS_E_READ, "git does not give the versions of '%s'", r->name);
        }
        r->v[i].text = o.bytes;
    }
    r->f = sops_version_format(w, r->j->config, r->j->opt->shared.input_type, r->name,
                               sops_buf_view(&r->v[SOPS_MERGE_OURS].text));
    r->style = sops_config_style(r->j->config, r->f);
    for (int i = 0; i < 3; i++) {
        if (!sops_version_look(&r->v[i], w, r->f, e)) {
            return false;
        }
    }
    return true;
}

bool sops_in_index_add(struct sops_in_index *x, struct sops_err *e)
{
    const char *const words[] = {"add", "--", x->name, NULL};
    return sops_git_run(&x->git, words, (struct sops_slice){0}, NULL, NULL, e);
}

/* ---- the work tree as an answer --------------------------------------------------------------------------------- */

/* What is left to compare: a node of the work tree, and what should stand there. */
struct pair {
    struct sops_node *work;
    const struct sops_node *want;
};
struct answer {
    struct sops_merge_run *r;
    unsigned char *pick;
    struct sops_buf *path; /* of what does not fit */
    struct pair *pair;
    size_t count, cap;
};

static bool push_pair(struct answer *a, struct sops_node *work, const struct sops_node *want, struct sops_err *e)
{
    if (a->count == a->cap) {
        size_t cap = a->cap != 0 ? 2 * a->cap : 64;
        struct pair *more = sops_alloc(cap * sizeof *more, e);
        if (more == NULL) {
            return false;
        }
        if (a->count != 0) {
            memcpy(more, a->pair, a->count * sizeof *more);
        }
        sops_free(a->pair);
        a->pair = more;
        a->cap = cap;
    }
    a->pair[a->count++] = (struct pair){work, want};
    return true;
}

/* The first thing that does not fit is told. */
static bool unfit(struct answer *a, const struct sops_node *n, bool *fits, struct sops_err *e)
{
    bool first = *fits;
    *fits = false;
    return !first || a->path == NULL || a->path->len != 0 || sops_node_path(n, a->path, e);
}

/* The additional data of a leaf. */
static bool place_of(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *chain[256];
    size_t depth = 0;
    for (; n->up != NULL && depth < sizeof chain / sizeof chain[0]; n = n->up) {
        if (n->up->kind == SOPS_MAP) {
            chain[depth++] = n;
        }
    }
    bool ok = true;
    while (ok && depth-- != 0) {
        ok = sops_buf_add(out, chain[depth]->key, e) && sops_buf_addc(out, ':', e);
    }
    return ok;
}

/* Clear where it is clear on its side, else a ciphertext that opens there to the same. */
static bool same_leaf(struct answer *a, const struct sops_node *work, const struct sops_node *want, bool *same,
                      struct sops_err *e)
{
    *same = false;
    if (want->sealed == NULL) {
        *same = work->kind == want->kind && sops_slice_eq(work->text, want->text);
        return true;
    }
    if (work->kind != SOPS_STR || !sops_is_ciphertext(work->text)) {
        return true;
    }
    *same = sops_slice_eq(work->text, want->sealed->enc);
    struct sops_buf place = {0};
    bool ok = *same || place_of(work, &place, e);
    for (int i = SOPS_MERGE_OURS; ok && !*same && i <= SOPS_MERGE_THEIRS; i++) {
        ok = sops_envelope_opens_to(a->r->v[i].env, work->text, sops_buf_view(&place), (enum sops_kind)want->kind,
                                    want->text, same, e);
    }
    sops_buf_free(&place);
    return ok;
}

static struct sops_node *entry_from(struct sops_node *n)
{
    while (n != NULL && sops_reads_as_comment(n)) {
        n = n->next;
    }
    return n;
}

static bool match_all(struct answer *a, bool *fits, struct sops_err *e);

/* Which side the entry of the work tree is; NULL: it is not there. */
static bool match_conflict(struct answer *a, struct sops_node *work, size_t index, bool *fits, struct sops_err *e)
{
    const struct sops_conflict *c = &a->r->merge.conflict[index];
    for (unsigned side = 0; side < 2; side++) {
        struct answer one = {.r = a->r};
        bool same = (work == NULL) == (c->side[side] == NULL), ok = true;
        if (same && work != NULL) {
            ok = push_pair(&one, work, c->side[side], e) && match_all(&one, &same, e);
        }
        sops_free(one.pair);
        if (!ok) {
            return false;
        }
        if (same) {
            a->pick[index] = (unsigned char)side;
            return true;
        }
    }
    bool first = *fits;
    *fits = false;
    return !first || sops_buf_add(a->path, c->path, e);
}

/* Items by place. */
static bool match_items(struct answer *a, struct sops_node *work, const struct sops_node *want, bool *fits,
                        struct sops_err *e)
{
    struct sops_node *x = entry_from(work->child), *y = entry_from(want->child);
    for (; *fits && x != NULL && y != NULL; x = entry_from(x->next), y = entry_from(y->next)) {
        if (!push_pair(a, x, y, e)) {
            return false;
        }
    }
    return !*fits || (x == NULL && y == NULL) || unfit(a, x != NULL ? x : y, fits, e);
}

/* The entries of the map `work` by their keys; NULL in `*twice` when each has another one. */
static bool index_entries(struct sops_node *work, struct sops_table *t, const struct sops_node **twice,
                          struct sops_err *e)
{
    for (struct sops_node *n = entry_from(work->child); n != NULL; n = entry_from(n->next)) {
        bool fresh = false;
        void **place = sops_table_put(t, n->key, &fresh, e);
        if (place == NULL) {
            return false;
        }
        *twice = fresh ? *twice : n;
        *place = n;
    }
    return true;
}

/* Entries by their keys, in whatever order; a map in which a key stands twice by place. */
static bool match_entries(struct answer *a, struct sops_node *work, const struct sops_node *want, bool *fits,
                          struct sops_err *e)
{
    struct sops_table t = {0};
    const struct sops_node *twice = NULL;
    size_t found = 0;
    bool ok = index_entries(work, &t, &twice, e);
    if (ok && twice != NULL) {
        sops_table_free(&t);
        return match_items(a, work, want, fits, e);
    }
    for (const struct sops_node *y = entry_from(want->child); ok && *fits && y != NULL; y = entry_from(y->next)) {
        struct sops_node *x = sops_table_get(&t, y->key);
        found += x != NULL;
        if ((y->flags & SOPS_OPEN_ENTRY) != 0) {
            ok = match_conflict(a, x, y->line, fits, e);
        } else {
            ok = x != NULL ? push_pair(a, x, y, e) : unfit(a, y, fits, e);
        }
    }
    for (const struct sops_node *x = entry_from(work->child); ok && *fits && found < t.count && x != NULL;
         x = entry_from(x->next)) {
        if (sops_node_find(want, x->key) == NULL) {
            ok = unfit(a, x, fits, e);
        }
    }
    sops_table_free(&t);
    return ok;
}

static bool match_all(struct answer *a, bool *fits, struct sops_err *e)
{
    while (*fits && a->count != 0) {
        const struct pair p = a->pair[--a->count];
        const struct sops_node *want =
            (p.want->flags & SOPS_BY_LINES) != 0 ? a->r->merge.by_lines[p.want->line] : p.want;
        bool same = sops_node_is_leaf(want) ? sops_node_is_leaf(p.work) : p.work->kind == want->kind;
        bool ok = true;
        if (same && sops_node_is_leaf(want)) {
            ok = same_leaf(a, p.work, want, &same, e);
        } else if (same) {
            ok = want->kind == SOPS_MAP ? match_entries(a, p.work, want, fits, e)
                                        : match_items(a, p.work, want, fits, e);
        }
        if (!ok || (!same && !unfit(a, p.work, fits, e))) {
            return false;
        }
    }
    return true;
}

bool sops_answer_read(struct sops_merge_run *r, struct sops_envelope *work, unsigned char *pick, bool *fits,
                      struct sops_buf *path, struct sops_err *e)
{
    struct answer a = {.r = r, .pick = pick, .path = path};
    struct sops_node *x = sops_envelope_look(work)->parts, *y = r->merge.doc.parts;
    bool ok = true;
    *fits = true;
    for (; ok && x != NULL && y != NULL; x = x->next, y = y->next) {
        ok = push_pair(&a, x, y, e);
    }
    *fits = x == NULL && y == NULL;
    ok = ok && (*fits || sops_buf_adds(path, "the number of documents", e)) && match_all(&a, fits, e);
    sops_free(a.pair);
    return ok;
}
