/* SPDX-License-Identifier: Apache-2.0 */
/* A text says which key it is only to a source that takes it, so each is asked; the first name of a key counts. */
#include "check/names.h"

static bool add_as(struct sops_names *n, struct sops_world *w, const struct sops_keysource *source,
                   struct sops_slice text, struct sops_slice name, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_buf id = {0};
    struct sops_err none = {0};
    struct sops_slice key, value;
    bool ok = true;
    const struct sops_key *k = sops_key_parse(w, &a, source, text, &none);
    if (k != NULL && sops_key_name(k, &id, &none)) {
        void **place = NULL;
        bool is_new = true;
        ok = sops_arena_copy(&n->arena, sops_buf_view(&id), &key, e) && sops_arena_copy(&n->arena, name, &value, e);
        place = ok ? sops_table_put(&n->table, key, &is_new, e) : NULL;
        ok = place != NULL;
        if (ok && is_new) {
            *place = (void *)(uintptr_t)value.ptr;
        }
    }
    ok = ok && (!none.memory || sops_fail_memory(e));
    sops_err_clear(&none);
    sops_buf_free(&id);
    sops_arena_free(&a);
    return ok;
}

static bool add_name(struct sops_names *n, struct sops_world *w, struct sops_slice text, struct sops_slice name,
                     struct sops_err *e)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        if (!add_as(n, w, sops_keysources[i], text, name, e)) {
            return false;
        }
    }
    return true;
}

struct telling {
    struct sops_names *names;
    struct sops_world *world;
    bool anchors; /* else comments */
};

static bool on_label(void *ctx, struct sops_slice text, struct sops_slice anchor, struct sops_slice comment,
                     struct sops_err *e)
{
    struct telling *t = ctx;
    struct sops_slice name = t->anchors ? anchor : comment;
    return name.len == 0 || text.len == 0 || add_name(t->names, t->world, text, name, e);
}

bool sops_names_read(struct sops_names *n, struct sops_world *w, const struct sops_node *root, struct sops_slice source,
                     struct sops_err *e)
{
    struct sops_world quiet = *w;
    const struct sops_node *map = root != NULL ? sops_node_find(root, SOPS_LIT("recipients")) : NULL;
    quiet.offline = true;
    for (const struct sops_node *i = map != NULL && map->kind == SOPS_MAP ? map->child : NULL; i != NULL; i = i->next) {
        if (i->kind == SOPS_STR && !add_name(n, &quiet, i->text, i->key, e)) {
            return false;
        }
    }
    struct telling t = {n, &quiet, true};
    if (!sops_conf_labels(source, on_label, &t, e)) {
        return false;
    }
    t.anchors = false;
    return sops_conf_labels(source, on_label, &t, e);
}

/* What stands behind the type and the key of an SSH recipient. */
static struct sops_slice ssh_comment(const struct sops_key *k)
{
    struct sops_slice rest = k->field[0], piece = {0};
    if (!sops_slice_starts(rest, SOPS_LIT("ssh-"))) {
        return piece;
    }
    (void)sops_slice_next(&rest, ' ', &piece);
    (void)sops_slice_next(&rest, ' ', &piece);
    return rest.ptr != NULL ? sops_slice_trim(rest) : (struct sops_slice){0};
}

const char *sops_names_get(const struct sops_names *n, const struct sops_key *k, struct sops_arena *a,
                           struct sops_err *e)
{
    struct sops_buf id = {0};
    const char *name = sops_key_name(k, &id, e) ? sops_table_get(&n->table, sops_buf_view(&id)) : NULL;
    struct sops_slice comment = ssh_comment(k);
    sops_buf_free(&id);
    if (name == NULL && comment.len != 0 && e->code == SOPS_OK) {
        name = sops_arena_text(a, e, "%.*s", SOPS_ARG(comment));
    }
    return name;
}

void sops_names_free(struct sops_names *n)
{
    sops_table_free(&n->table);
    sops_arena_free(&n->arena);
    *n = (struct sops_names){0};
}
