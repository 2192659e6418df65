/* SPDX-License-Identifier: Apache-2.0 */
/* The first file that has a current context names it, the first that has the context counts, as for kubectl. */
#include "cli/kubeseal.h"

#include "base/file.h"
#include "core/conf.h"
#include "seal/object.h"

#define MAX_FILES 32
#define LIMIT ((size_t)16 << 20)

struct contexts {
    struct sops_doc doc[MAX_FILES];
    size_t count;
};

static bool add_file(struct contexts *c, const char *path, bool needed, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_err why = {0};
    bool ok = true;
    if (!sops_file_read(path, LIMIT, &text, &why)) {
        ok = !needed || sops_fail(e, SOPS_E_GENERIC, "%s", why.msg);
    } else if (c->count < MAX_FILES) {
        ok = sops_conf_parse(&c->doc[c->count++], sops_buf_view(&text), e) || sops_within(e, "'%s'", path);
    }
    sops_err_clear(&why);
    sops_buf_free(&text);
    return ok;
}

static bool read_files(struct contexts *c, const struct kubeseal_flags *f, struct sops_world *w, struct sops_arena *a,
                       struct sops_err *e)
{
    const char *listed = sops_world_env_set(w, "KUBECONFIG"), *home = sops_world_env_set(w, "HOME");
    struct sops_slice rest = sops_str(listed), piece;
    if (f->kubeconfig != NULL) {
        return add_file(c, f->kubeconfig, true, e);
    }
    if (listed == NULL) {
        return home == NULL || (sops_arena_printf(a, &piece, e, "%s/.kube/config", home) &&
                                add_file(c, (const char *)piece.ptr, false, e));
    }
    while (sops_slice_next(&rest, ':', &piece)) {
        if (piece.len != 0 &&
            (!sops_arena_copy(a, piece, &piece, e) || !add_file(c, (const char *)piece.ptr, false, e))) {
            return false;
        }
    }
    return true;
}

/* The context with this name in one file, or NULL. */
static const struct sops_node *find_context(const struct sops_doc *d, struct sops_slice name)
{
    const struct sops_node *list = d->parts != NULL ? sops_node_find(d->parts, SOPS_LIT("contexts")) : NULL;
    for (const struct sops_node *n = list != NULL && list->kind == SOPS_LIST ? list->child : NULL; n != NULL;
         n = n->next) {
        if (n->kind == SOPS_MAP && sops_slice_eq(sops_map_text(n, "name"), name)) {
            return n;
        }
    }
    return NULL;
}

bool sops_kubeseal_space(const struct kubeseal_flags *f, struct sops_world *w, struct sops_arena *a,
                         struct sops_slice *space, struct sops_err *e)
{
    struct contexts *c = sops_arena_alloc(a, sizeof *c, e);
    struct sops_slice name = sops_str(f->context);
    const struct sops_node *context = NULL;
    bool ok = c != NULL && read_files(c, f, w, a, e);
    for (size_t i = 0; ok && name.len == 0 && i < c->count; i++) {
        name = sops_map_text(c->doc[i].parts, "current-context");
    }
    for (size_t i = 0; ok && name.len != 0 && context == NULL && i < c->count; i++) {
        context = find_context(&c->doc[i], name);
    }
    if (ok && context == NULL) {
        sops_fail(e, SOPS_E_GENERIC,
                  "must declare a namespace: the Secret has none, and no context of kubectl says one");
        ok = sops_hint(e, "name it with -n");
    }
    struct sops_slice said = ok ? sops_map_text(sops_map_map(context, "context"), "namespace") : name;
    ok = ok && sops_arena_copy(a, said.len != 0 ? said : SOPS_LIT("default"), space, e);
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        sops_doc_free(&c->doc[i]);
    }
    return ok;
}
