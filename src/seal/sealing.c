/* SPDX-License-Identifier: Apache-2.0 */
/* Strict about all it does not know: a misspelt `scope` would leave a SealedSecret that opens elsewhere, too. */
#include "seal/sealing.h"

#include "base/ascii.h"

bool sops_is_cluster_name(struct sops_slice s) { return s.len != 0 && sops_only_alnum(s, "._-"); }

static bool check_names(const struct sops_node *map, const char *what, const char *const *known, struct sops_err *e)
{
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (!sops_slice_is_any(n->key, known)) {
            return sops_fail_at(e, n->line, 0, "unknown key '%.*s' in %s", SOPS_ARG(n->key), what);
        }
    }
    return true;
}

static bool wrong(const struct sops_node *n, const char *name, const char *wanted, struct sops_err *e)
{
    return sops_fail_at(e, n->line, 0, "'%s' must be %s", name, wanted);
}

/* A text with a NUL behind it; NULL when there is none. */
static bool take_text(struct sops_sealing *s, const struct sops_node *map, const char *name, const char **out,
                      struct sops_err *e)
{
    struct sops_slice text = {0};
    if (!sops_conf_text(map, name, &text, e)) {
        return false;
    }
    if (text.len != 0) {
        if (!sops_arena_copy(&s->arena, text, &text, e)) {
            return false;
        }
        *out = (const char *)text.ptr;
    }
    return true;
}

static bool is_url(const char *text) { return strstr(text, "://") != NULL; }

/* A path from the folder of .sops.yaml; absolute ones and URLs as they are. */
static bool take_path(struct sops_sealing *s, const char *text, const char **out, struct sops_err *e)
{
    struct sops_slice path;
    if (text[0] == '/' || is_url(text)) {
        *out = text;
        return true;
    }
    if (!sops_arena_printf(&s->arena, &path, e, "%s%s", s->folder, text)) {
        return false;
    }
    *out = (const char *)path.ptr;
    return true;
}

/* A text or a list of texts, into an array of slices. */
static bool take_texts(struct sops_sealing *s, const struct sops_node *map, const char *name, struct sops_slice **out,
                       size_t *count, struct sops_err *e)
{
    const struct sops_node *n;
    if (!sops_conf_any(map, name, &n, e) || n == NULL) {
        return e->code == SOPS_OK;
    }
    size_t all = 1;
    for (const struct sops_node *i = n->kind == SOPS_LIST ? n->child : NULL; i != NULL; i = i->next) {
        all++;
    }
    *out = sops_arena_alloc(&s->arena, all * sizeof **out, e);
    if (*out == NULL) {
        return false;
    }
    const struct sops_node *i = n->kind == SOPS_LIST ? n->child : n;
    for (; i != NULL; i = n->kind == SOPS_LIST ? i->next : NULL) {
        if (i->kind != SOPS_STR) {
            return wrong(i, name, "a text or a list of texts", e);
        }
        if (!sops_arena_copy(&s->arena, i->text, &(*out)[(*count)++], e)) {
            return false;
        }
    }
    return true;
}

static bool take_keys(struct sops_sealing *s, const struct sops_node *map, struct sops_seal_cluster *c,
                      struct sops_err *e)
{
    struct sops_slice *text = NULL;
    size_t count = 0;
    if (!take_texts(s, map, "keys", &text, &count, e)) {
        return false;
    }
    c->keys = sops_arena_alloc(&s->arena, (count + 1) * sizeof *c->keys, e);
    for (size_t i = 0; c->keys != NULL && i < count; i++) {
        if (!take_path(s, (const char *)text[i].ptr, &c->keys[i], e)) {
            return false;
        }
    }
    return c->keys != NULL;
}

static bool take_controller(const struct sops_node *map, struct sops_seal_cluster *c, struct sops_err *e)
{
    struct sops_slice text = SOPS_LIT("kube-system/sealed-secrets-controller");
    const struct sops_node *n = sops_node_find(map, SOPS_LIT("controller"));
    if (!sops_conf_text(map, "controller", &text, e)) {
        return false;
    }
    size_t slash = sops_slice_find(text, '/');
    c->controller_space = sops_slice_first(text, slash);
    c->controller_name = sops_slice_skip(text, slash + 1);
    return (sops_is_dns_label(c->controller_space) && sops_is_dns_name(c->controller_name)) ||
           wrong(n != NULL ? n : map, "controller", "NAMESPACE/NAME", e);
}

static bool read_cluster(struct sops_sealing *s, const struct sops_node *n, struct sops_seal_cluster *c,
                         struct sops_err *e)
{
    static const char *const known[] = {"cert", "fingerprint", "namespace", "keys", "context", "controller", NULL};
    struct sops_slice name;
    const char *cert = NULL;
    if (!sops_is_cluster_name(n->key) || n->key.ptr[0] == '.') {
        return sops_fail_at(e, n->line, 0, "'%.*s' is no name for a cluster: letters, digits, '.', '_', '-'",
                            SOPS_ARG(n->key));
    }
    if (n->kind != SOPS_MAP) {
        return sops_fail_at(e, n->line, 0, "the cluster '%.*s' must be a mapping", SOPS_ARG(n->key));
    }
    if (!sops_arena_copy(&s->arena, n->key, &name, e) || !check_names(n, "a cluster", known, e) ||
        !take_text(s, n, "cert", &cert, e)) {
        return false;
    }
    if (cert == NULL) {
        return sops_fail_at(e, n->line, 0, "the cluster '%.*s' has no 'cert'", SOPS_ARG(n->key));
    }
    c->name = (const char *)name.ptr;
    return take_path(s, cert, &c->cert, e) && take_texts(s, n, "fingerprint", &c->pin, &c->pins, e) &&
           sops_conf_text(n, "namespace", &c->space, e) && take_keys(s, n, c, e) &&
           take_text(s, n, "context", &c->context, e) && take_controller(n, c, e);
}

static size_t members(const struct sops_node *n)
{
    size_t count = 0;
    for (n = n != NULL ? n->child : NULL; n != NULL; n = n->next) {
        count++;
    }
    return count;
}

static bool take_clusters(struct sops_sealing *s, const struct sops_node *map, struct sops_seal_rule *r,
                          struct sops_err *e)
{
    struct sops_slice *name = NULL;
    const struct sops_node *n = sops_node_find(map, SOPS_LIT("clusters"));
    size_t count = 0, to = 0;
    if (n != NULL && n->kind != SOPS_LIST && n->kind != SOPS_NULL) {
        return wrong(n, "clusters", "a list of names of clusters", e);
    }
    if (!take_texts(s, map, "clusters", &name, &count, e)) {
        return false;
    }
    r->cluster = sops_arena_alloc(&s->arena, (s->clusters + count + 1) * sizeof(void *), e);
    if (r->cluster == NULL) {
        return false;
    }
    for (size_t i = 0; name == NULL && i < s->clusters; i++) {
        r->cluster[to++] = &s->cluster[i];
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < s->clusters && !sops_slice_eq(name[i], sops_str(s->cluster[k].name))) {
            k++;
        }
        if (k == s->clusters) {
            return sops_fail_at(e, n->line, 0, "there is no cluster '%.*s'", SOPS_ARG(name[i]));
        }
        r->cluster[to++] = &s->cluster[k];
    }
    return true;
}

static bool read_rule(struct sops_sealing *s, const struct sops_node *n, struct sops_seal_rule *r, struct sops_err *e)
{
    static const char *const known[] = {"path_regex", "clusters", "output", "scope", "name", "namespace", "type", NULL};
    struct sops_slice scope = {0}, ignored = {0};
    r->node = n;
    if (n->kind != SOPS_MAP) {
        return wrong(n, "rules", "a list of mappings", e);
    }
    if (!check_names(n, "a rule of sealing", known, e) || !sops_conf_text(n, "path_regex", &ignored, e) ||
        !take_clusters(s, n, r, e) || !take_text(s, n, "output", &r->output, e) ||
        !sops_conf_text(n, "scope", &scope, e) || !sops_conf_text(n, "name", &r->name, e) ||
        !sops_conf_text(n, "namespace", &r->space, e) || !sops_conf_text(n, "type", &r->type, e)) {
        return false;
    }
    r->has_scope = scope.len != 0;
    return !r->has_scope || sops_scope_named(scope, &r->scope) ||
           sops_fail_at(e, n->line, 0, "'scope' must be strict, namespace-wide or cluster-wide");
}

static bool read_all(struct sops_sealing *s, const struct sops_node *sealing, struct sops_err *e)
{
    static const char *const known[] = {"clusters", "rules", NULL};
    const struct sops_node *clusters;
    if (!check_names(sealing, "'sealing'", known, e) || !sops_conf_map(sealing, "clusters", &clusters, e) ||
        !sops_conf_list(sealing, "rules", &s->list, e)) {
        return false;
    }
    s->cluster = sops_arena_alloc(&s->arena, (members(clusters) + 1) * sizeof *s->cluster, e);
    s->rule = sops_arena_alloc(&s->arena, (members(s->list) + 1) * sizeof *s->rule, e);
    if (s->cluster == NULL || s->rule == NULL) {
        return false;
    }
    for (const struct sops_node *n = clusters != NULL ? clusters->child : NULL; n != NULL; n = n->next) {
        if (!read_cluster(s, n, &s->cluster[s->clusters++], e)) {
            return false;
        }
    }
    for (const struct sops_node *n = s->list != NULL ? s->list->child : NULL; n != NULL; n = n->next) {
        if (n->kind != SOPS_NULL && !read_rule(s, n, &s->rule[s->rules++], e)) {
            return false;
        }
    }
    return true;
}

bool sops_sealing_read(struct sops_sealing *s, const struct sops_config *c, struct sops_err *e)
{
    const struct sops_node *sealing = NULL;
    struct sops_slice folder = sops_buf_view(&c->path);
    s->config = c;
    if (c->doc.parts == NULL) {
        return true;
    }
    while (folder.len != 0 && folder.ptr[folder.len - 1] != '/') {
        folder.len--;
    }
    if (!sops_arena_copy(&s->arena, folder, &folder, e)) {
        return false;
    }
    s->folder = (const char *)folder.ptr;
    return (sops_conf_map(c->doc.parts, "sealing", &sealing, e) && (sealing == NULL || read_all(s, sealing, e))) ||
           sops_config_fail(c, e);
}

bool sops_sealing_cluster(const struct sops_sealing *s, const char *name, const struct sops_seal_cluster **out,
                          struct sops_err *e)
{
    struct sops_buf known = {0};
    for (size_t i = 0; i < s->clusters; i++) {
        if (strcmp(s->cluster[i].name, name) == 0) {
            *out = &s->cluster[i];
            return true;
        }
    }
    bool ok = true;
    for (size_t i = 0; ok && i < s->clusters; i++) {
        ok = sops_buf_addf(&known, e, "%s%s", i != 0 ? ", " : "", s->cluster[i].name);
    }
    if (ok) {
        sops_fail(e, SOPS_E_GENERIC, "there is no cluster '%s' under `sealing` in .sops.yaml", name);
        sops_hint(e, "known are: %.*s", SOPS_ARG(sops_slice_first(sops_buf_view(&known), 200)));
    }
    sops_buf_free(&known);
    return false;
}

bool sops_sealing_rule(const struct sops_sealing *s, const char *file, const struct sops_seal_rule **out,
                       struct sops_err *e)
{
    const struct sops_node *node = NULL;
    *out = NULL;
    if (s->list != NULL && !sops_config_rule(s->config, s->list, file, &node, e)) {
        return false;
    }
    for (size_t i = 0; node != NULL && i < s->rules; i++) {
        *out = s->rule[i].node == node ? &s->rule[i] : *out;
    }
    return true;
}

void sops_sealing_free(struct sops_sealing *s)
{
    sops_arena_free(&s->arena);
    *s = (struct sops_sealing){0};
}
