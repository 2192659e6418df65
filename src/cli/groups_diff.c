/* SPDX-License-Identifier: Apache-2.0 */
/* In a group: what stays and what comes in the order of the rule, then what goes in the order of the file. */
#include "cli/groups_diff.h"

#include "base/table.h"

#define GREEN "\x1b[32m"
#define RED "\x1b[31m"
#define UNDERLINED "\x1b[4m"
#define PLAIN "\x1b[0m"

/* What is written, and in what manner. */
struct shower {
    struct sops_buf *text;
    bool colour, differ;
};

static bool begin(struct shower *s, const char *manner, struct sops_err *e)
{
    return !s->colour || sops_buf_adds(s->text, manner, e);
}

static bool end(struct shower *s, struct sops_err *e)
{
    return (!s->colour || sops_buf_adds(s->text, PLAIN, e)) && sops_buf_addc(s->text, '\n', e);
}

static bool show_key(struct shower *s, const struct sops_key *k, const char *mark, const char *manner,
                     struct sops_err *e)
{
    if (manner == NULL) {
        return sops_buf_adds(s->text, mark, e) && sops_key_show(k, s->text, e) && sops_buf_addc(s->text, '\n', e);
    }
    s->differ = true;
    return begin(s, manner, e) && sops_buf_adds(s->text, mark, e) && sops_key_show(k, s->text, e) && end(s, e);
}

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

/* The keys of `g` that stand in `other`, or that do not. */
static bool show_keys(struct shower *s, const struct sops_group *g, const struct names *other, bool in_other,
                      const char *mark, const char *manner, struct sops_err *e)
{
    struct sops_buf name = {0};
    bool ok = true;
    for (const struct sops_key *k = g != NULL ? g->keys : NULL; ok && k != NULL; k = k->next) {
        sops_buf_cut(&name, 0);
        ok = sops_key_name(k, &name, e);
        bool is = ok && sops_table_get(&other->table, sops_buf_view(&name)) != NULL;
        ok = ok && (is != in_other || show_key(s, k, mark, manner, e));
    }
    sops_buf_free(&name);
    return ok;
}

static bool show_group(struct shower *s, const struct sops_group *old, const struct sops_group *new, size_t number,
                       struct sops_err *e)
{
    struct names had = {0}, gets = {0};
    struct sops_buf scratch = {0};
    bool ok = begin(s, UNDERLINED, e) && sops_buf_addf(s->text, e, "Group %zu", number) && end(s, e) &&
              add_names(&had, old, &scratch, e) && add_names(&gets, new, &scratch, e) &&
              show_keys(s, new, &had, true, "    ", NULL, e) && show_keys(s, new, &had, false, "+++ ", GREEN, e) &&
              show_keys(s, old, &gets, false, "--- ", RED, e);
    sops_buf_free(&scratch);
    names_free(&had);
    names_free(&gets);
    return ok;
}

static bool show_threshold(struct shower *s, int64_t now, int64_t then, struct sops_err *e)
{
    if (now == 0) {
        return true;
    }
    if (now == then) {
        return sops_buf_addf(s->text, e, "shamir_threshold: %lld\n", (long long)now);
    }
    s->differ = true;
    bool ok = then == 0 || (begin(s, GREEN, e) &&
                            sops_buf_addf(s->text, e, "+++ shamir_threshold: %lld", (long long)then) && end(s, e));
    return ok && begin(s, RED, e) && sops_buf_addf(s->text, e, "--- shamir_threshold: %lld", (long long)now) &&
           end(s, e);
}

int64_t sops_groups_threshold(const struct sops_meta *file, const struct sops_creation *rule)
{
    int64_t groups = 0;
    for (const struct sops_group *g = rule->groups; g != NULL; g = g->next) {
        groups++;
    }
    return file->threshold < groups ? file->threshold : groups;
}

bool sops_groups_diff(const struct sops_meta *file, const struct sops_creation *rule, bool colour, bool *differ,
                      struct sops_buf *text, struct sops_err *e)
{
    struct shower s = {.text = text, .colour = colour};
    const struct sops_group *old = file->groups, *new = rule->groups;
    bool ok = sops_buf_adds(text, "The following changes will be made to the file's groups:\n", e) &&
              show_threshold(&s, file->threshold, sops_groups_threshold(file, rule), e);
    for (size_t number = 1; ok && (old != NULL || new != NULL); number++) {
        ok = show_group(&s, old, new, number, e);
        old = old != NULL ? old->next : NULL;
        new = new != NULL ? new->next : NULL;
    }
    *differ = s.differ;
    return ok;
}
