/* SPDX-License-Identifier: Apache-2.0 */
#include "core/groups.h"

#include "base/table.h"

/* The names of a group's keys, to look them up. */
struct names {
    struct sops_table table;
    struct sops_arena arena;
};

static void names_free(struct names *n)
{
    sops_table_free(&n->table);
    sops_arena_free(&n->arena);
}

static bool add_names(struct names *to, const struct sops_group *g, struct sops_buf *scratch, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_key *k = g != NULL ? g->keys : NULL; ok && k != NULL; k = k->next) {
        struct sops_slice name;
        sops_buf_cut(scratch, 0);
        void **slot = sops_key_name(k, scratch, e) && sops_arena_copy(&to->arena, sops_buf_view(scratch), &name, e)
                          ? sops_table_put(&to->table, name, NULL, e)
                          : NULL;
        ok = slot != NULL;
        if (ok) {
            *slot = to;
        }
    }
    return ok;
}

/* Does the key lack what its server would add at the end of its name? */
static bool is_incomplete(const struct sops_key *k, struct sops_slice name)
{
    return k->source->complete != NULL && sops_slice_ends(name, SOPS_LIT("/"));
}

/* Does a key of `g` begin with this name, or (`reverse`) an incomplete one of `g` begin it? */
static bool fits_loosely(const struct sops_group *g, struct sops_slice name, bool reverse, bool *fits,
                         struct sops_err *e)
{
    struct sops_buf other = {0};
    bool ok = true;
    *fits = false;
    for (const struct sops_key *k = g != NULL ? g->keys : NULL; ok && !*fits && k != NULL; k = k->next) {
        if (k->source->complete == NULL) {
            continue;
        }
        sops_buf_cut(&other, 0);
        ok = sops_key_name(k, &other, e);
        struct sops_slice text = sops_buf_view(&other);
        *fits =
            ok && (reverse ? is_incomplete(k, text) && sops_slice_starts(name, text) : sops_slice_starts(text, name));
    }
    sops_buf_free(&other);
    return ok;
}

/* The two sides of one place. `mine` are those that are gone over. */
struct side {
    const struct sops_group *mine, *other;
    const struct names *names; /* of the other */
    bool is_rule;
};

static bool visit_keys(const struct side *s, bool in_other, enum sops_key_fate fate,
                       const struct sops_groups_visitor *v, struct sops_err *e)
{
    struct sops_buf name = {0};
    bool ok = true;
    for (const struct sops_key *k = s->mine != NULL ? s->mine->keys : NULL; ok && k != NULL; k = k->next) {
        sops_buf_cut(&name, 0);
        ok = sops_key_name(k, &name, e);
        struct sops_slice text = sops_buf_view(&name);
        bool is = ok && sops_table_get(&s->names->table, text) != NULL;
        if (ok && !is && k->source->complete != NULL && (!s->is_rule || is_incomplete(k, text))) {
            ok = fits_loosely(s->other, text, !s->is_rule, &is, e);
        }
        ok = ok && (is != in_other || v->key(v->ctx, k, fate, e));
    }
    sops_buf_free(&name);
    return ok;
}

static bool compare_group(const struct sops_group *old, const struct sops_group *new, size_t number,
                          const struct sops_groups_visitor *v, struct sops_err *e)
{
    struct names had = {0}, gets = {0};
    struct sops_buf scratch = {0};
    const struct side rule = {new, old, &had, true}, file = {old, new, &gets, false};
    bool ok = (v->group == NULL || v->group(v->ctx, number, e)) && add_names(&had, old, &scratch, e) &&
              add_names(&gets, new, &scratch, e) && visit_keys(&rule, true, SOPS_KEY_STAYS, v, e) &&
              visit_keys(&rule, false, SOPS_KEY_COMES, v, e) && visit_keys(&file, false, SOPS_KEY_GOES, v, e);
    sops_buf_free(&scratch);
    names_free(&had);
    names_free(&gets);
    return ok;
}

bool sops_groups_compare(const struct sops_group *file, const struct sops_group *rule,
                         const struct sops_groups_visitor *v, struct sops_err *e)
{
    bool ok = true;
    for (size_t number = 1; ok && (file != NULL || rule != NULL); number++) {
        ok = compare_group(file, rule, number, v, e);
        file = file != NULL ? file->next : NULL;
        rule = rule != NULL ? rule->next : NULL;
    }
    return ok;
}

int64_t sops_groups_threshold(const struct sops_meta *file, const struct sops_creation *rule)
{
    int64_t groups = 0;
    for (const struct sops_group *g = rule->groups; g != NULL; g = g->next) {
        groups++;
    }
    return file->threshold < groups ? file->threshold : groups;
}
