/* SPDX-License-Identifier: Apache-2.0 */
/* Values as variables: flattened, chosen, in capitals, with a prefix, in this order
 * (docs/spec/74-kubernetes-and-exec.md#exec-env). */
#include "cli/exec.h"

#include "base/ascii.h"
#include "base/table.h"
#include "core/leaves.h"

/* What is gathered over all files. */
struct gathering {
    const struct sops_exec_options *said;
    struct sops_arena *arena;
    struct sops_buf list;     /* of pointers to "NAME=value" */
    bool two_words;           /* the form of old, which takes an empty name */
    struct sops_table wanted; /* of --only; each points to a bool: has a file had it? */
    struct sops_table taken;  /* names of the file at hand: the node of each */
};

/* Calls `each` for every name of --only. */
static bool each_wanted(struct gathering *g,
                        bool (*each)(struct gathering *g, struct sops_slice name, struct sops_err *e),
                        struct sops_err *e)
{
    for (const char *const *word = g->said->only; word != NULL && *word != NULL; word++) {
        struct sops_slice rest = sops_str(*word), name;
        while (sops_slice_next(&rest, ',', &name)) {
            if (name.len != 0 && !each(g, name, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_wanted(struct gathering *g, struct sops_slice name, struct sops_err *e)
{
    void **place = sops_table_put(&g->wanted, name, NULL, e);
    if (place == NULL) {
        return false;
    }
    *place = sops_arena_alloc(g->arena, sizeof(bool), e);
    return *place != NULL;
}

static bool was_seen(struct gathering *g, struct sops_slice name, struct sops_err *e)
{
    const bool *seen = sops_table_get(&g->wanted, name);
    if (seen != NULL && *seen) {
        return true;
    }
    sops_fail(e, SOPS_E_GENERIC, "no file has an entry '%.*s', which --only names", SOPS_ARG(name));
    return sops_hint(e, "names are as in the file%s", g->said->flatten != NULL ? ", flattened" : "");
}

/* Is it to be taken? */
static bool is_wanted(struct gathering *g, struct sops_slice name)
{
    bool *seen = g->wanted.count != 0 ? sops_table_get(&g->wanted, name) : NULL;
    if (seen != NULL) {
        *seen = true;
    }
    return seen != NULL || g->wanted.count == 0;
}

/* Code 1 about the node. */
static bool unfit(const struct sops_node *n, const char *why, struct sops_err *e)
{
    struct sops_buf path = {0};
    bool ok = sops_node_dotted(n, &path, e) &&
              sops_fail(e, SOPS_E_GENERIC, "'%.*s' cannot be a variable: %s", SOPS_ARG(path), why);
    sops_buf_free(&path);
    return ok;
}

static bool same_place(const struct sops_node *a, const struct sops_node *b, bool *same, struct sops_err *e)
{
    struct sops_buf x = {0}, y = {0};
    bool ok = sops_node_path(a, &x, e) && sops_node_path(b, &y, e);
    *same = sops_slice_eq(sops_buf_view(&x), sops_buf_view(&y));
    sops_buf_free(&x);
    sops_buf_free(&y);
    return ok;
}

/* Two entries of one file that come to the same name: only one that stands twice is its last. */
static bool check_name(struct gathering *g, const struct sops_node *n, struct sops_slice name, struct sops_err *e)
{
    struct sops_buf one = {0}, other = {0};
    bool is_new, same = true;
    void **place = sops_table_put(&g->taken, name, &is_new, e);
    bool ok = place != NULL && (is_new || same_place(*place, n, &same, e));
    if (ok && !same) {
        ok = sops_node_dotted(*place, &one, e) && sops_node_dotted(n, &other, e) &&
             sops_fail(e, SOPS_E_GENERIC, "'%.*s' and '%.*s' come to the same name '%.*s'", SOPS_ARG(one),
                       SOPS_ARG(other), SOPS_ARG(name));
        sops_hint(e, "choose with --only, or another separator");
    }
    if (ok) {
        *place = (void *)(uintptr_t)n; /* only read */
    }
    sops_buf_free(&one);
    sops_buf_free(&other);
    return ok;
}

/* "NAME=value" into the list. */
static bool add_variable(struct gathering *g, const struct sops_node *n, struct sops_slice name, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice made = {0};
    bool ok = (g->said->prefix == NULL || sops_buf_adds(&text, g->said->prefix, e));
    size_t begin = text.len;
    ok = ok && sops_buf_add(&text, name, e);
    for (size_t i = begin; ok && g->said->upper && i < text.len; i++) {
        text.ptr[i] = sops_to_upper(text.ptr[i]);
    }
    size_t end = text.len;
    if (ok && ((end == 0 && !g->two_words) || sops_slice_find(sops_buf_view(&text), '=') != end ||
               sops_slice_find(sops_buf_view(&text), '\0') != end)) {
        ok = unfit(n, end == 0 ? "its name is empty" : "its name holds '=' or NUL", e);
    }
    ok = ok && sops_buf_addc(&text, '=', e) && sops_node_plain(n, &text, e);
    if (ok && sops_slice_find(sops_buf_view(&text), '\0') != text.len) {
        ok = unfit(n, "its value holds a NUL byte", e);
    }
    ok = ok && sops_arena_copy(g->arena, sops_buf_view(&text), &made, e) &&
         check_name(g, n, sops_slice_first(made, end), e) &&
         sops_buf_add(&g->list, sops_slice_of(&made.ptr, sizeof made.ptr), e);
    sops_buf_free(&text);
    return ok;
}

static bool take_entries(struct gathering *g, const struct sops_node *root, struct sops_err *e)
{
    for (const struct sops_node *n = root->child; n != NULL; n = n->next) {
        if (n->kind == SOPS_COMMENT || !is_wanted(g, n->key)) {
            continue;
        }
        if (!sops_node_is_leaf(n)) {
            sops_fail(e, SOPS_E_GENERIC, "'%.*s' has a complex value, a mapping or a list: no variable can hold it",
                      SOPS_ARG(n->key));
            return sops_hint(e, "--flatten makes variables of what is in it");
        }
        if (!add_variable(g, n, n->key, e)) {
            return false;
        }
    }
    return e->code == SOPS_OK;
}

static bool take_leaves(struct gathering *g, const struct sops_node *root, struct sops_err *e)
{
    struct sops_leaves l = {.root = root, .separator = sops_str(g->said->flatten)};
    bool ok = true;
    while (ok && sops_leaves_next(&l, e)) {
        ok = !is_wanted(g, sops_buf_view(&l.name)) || add_variable(g, l.at, sops_buf_view(&l.name), e);
    }
    sops_leaves_free(&l);
    return ok && e->code == SOPS_OK;
}

static bool take_file(struct gathering *g, struct sops_job *file, struct sops_err *e)
{
    const struct sops_doc *d = sops_envelope_clear(file->env, e);
    if (d == NULL) {
        return false;
    }
    bool ok =
        d->parts == NULL || (g->said->flatten != NULL ? take_leaves(g, d->parts, e) : take_entries(g, d->parts, e));
    sops_table_free(&g->taken);
    return ok;
}

bool sops_exec_variables(struct sops_job *j, const char *const *first, const char *const **list, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    struct gathering g = {.said = sops_exec_said(j->opt), .arena = &x->arena, .two_words = x->two_words};
    const char *const end = NULL;
    bool ok = each_wanted(&g, add_wanted, e);
    if (ok && g.said->only != NULL && g.wanted.count == 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "--only names no entry: without it all are taken");
    }
    for (; ok && *first != NULL; first++) {
        ok = sops_buf_add(&g.list, sops_slice_of(first, sizeof *first), e);
    }
    for (size_t i = 0; ok && i < x->inputs.count; i++) {
        ok = take_file(&g, &x->inputs.file[i], e) || (x->count > 1 && sops_name_file(e, x->files[i]));
    }
    ok = ok && each_wanted(&g, was_seen, e) && sops_buf_add(&g.list, sops_slice_of(&end, sizeof end), e);
    void *room = ok ? sops_arena_alloc(&x->arena, g.list.len, e) : NULL;
    if (room != NULL) {
        memcpy(room, g.list.ptr, g.list.len);
        *list = room;
    }
    sops_buf_free(&g.list);
    sops_table_free(&g.wanted);
    sops_table_free(&g.taken);
    return room != NULL;
}
