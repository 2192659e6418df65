/* SPDX-License-Identifier: Apache-2.0 */
/* Items into a SealedSecret that is there, whose other items nobody needs to open
 * (docs/spec/72-sealed-secrets.md#--merge-into); and one value alone (#--raw). */
#include "cli/seal_run.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/ui.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- --raw ------------------------------------------------------------------------------------------------------ */

static bool raw_cert(struct seal_run *r, const struct sops_seal_cert **cert, struct sops_err *e)
{
    struct sops_seal_cluster *c = sops_arena_alloc(&r->arena, sizeof *c, e);
    const char *const *cluster = r->own->cluster;
    const struct sops_seal_cluster *named = c;
    if (r->preset != NULL) {
        *cert = r->preset;
        return true;
    }
    if (c == NULL) {
        return false;
    }
    bool one = r->own->cert != NULL ? r->own->cert[1] == NULL : cluster != NULL && cluster[1] == NULL;
    if (!one) {
        return sops_fail(e, SOPS_E_CONFLICT, "exactly one certificate is needed: --cert, or one --cluster");
    }
    return (r->own->cert != NULL ? sops_cert_option(&r->arena, r->own->cert[0], c, e)
                                 : sops_sealing_cluster(&r->sealing, cluster[0], &named, e)) &&
           sops_cert_load(&r->certs, named, cert, e);
}

static bool raw_value(const struct seal_run *r, struct sops_buf *value, struct sops_err *e)
{
    const char *file = r->own->from_file != NULL ? r->own->from_file[0] : NULL;
    struct stat st;
    if (file == NULL) {
        return sops_fd_read(STDIN_FILENO, "stdin", SOPS_FILE_MAX, value, e);
    }
    const char *equal = strchr(file, '=');
    file = equal != NULL ? equal + 1 : file;
    if (stat(file, &st) != 0 && errno == ENOENT) {
        return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", file);
    }
    return sops_file_read(file, SOPS_FILE_MAX, value, e);
}

bool sops_seal_raw(struct seal_run *r, struct sops_err *e)
{
    struct sops_buf value = {0}, label = {0};
    const struct sops_seal_cert *cert = NULL;
    const char *output = r->job.opt->shared.output;
    if (r->scope == SOPS_SCOPE_STRICT && r->own->name == NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--raw in the scope strict needs --name");
    }
    if (r->scope != SOPS_SCOPE_CLUSTER && r->own->space == NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--raw in the scope %s needs --namespace", sops_scope_names[r->scope]);
    }
    bool ok = raw_cert(r, &cert, e) && raw_value(r, &value, e) &&
              sops_scope_label(r->scope, sops_str(r->own->space), sops_str(r->own->name), &label, e) &&
              sops_item_seal(r->job.world, cert->key, sops_buf_view(&label), sops_buf_view(&value), &r->out, e) &&
              (output != NULL ? sops_file_replace(output, sops_buf_view(&r->out), 0666, NULL, e)
                              : sops_ui_out(sops_buf_view(&r->out), e));
    sops_buf_free(&value);
    sops_buf_free(&label);
    return ok;
}

/* ---- --merge-into ----------------------------------------------------------------------------------------------- */

struct merging {
    struct sops_file_was was;
    struct sops_doc old, out;
    struct sops_arena arena;
    const struct sops_format *format;
    struct sops_sealed_object *all, *target;
    size_t count;
    bool comments;
};

static bool has_comments(const struct sops_doc *d)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            if (n->kind == SOPS_COMMENT) {
                return true;
            }
        }
    }
    return false;
}

static bool read_sealed(const struct seal_run *r, struct merging *m, struct sops_err *e)
{
    struct sops_buf text = {0};
    size_t others = 0;
    bool ok = sops_file_read_was(r->own->merge_into, SOPS_FILE_MAX, &text, &m->was, e) &&
              sops_format_of_text(sops_buf_view(&text), &m->format, e) &&
              sops_doc_parse_row(&m->old, m->format, sops_buf_view(&text), e) &&
              sops_sealed_all(&m->old, &m->arena, &m->all, &m->count, &others, e);
    sops_buf_free(&text);
    m->comments = has_comments(&m->old);
    if (!ok) {
        sops_recode(e, SOPS_E_GENERIC);
        return sops_within(e, "'%s'", r->own->merge_into);
    }
    return (m->count != 0 && others == 0) ||
           sops_fail(e, SOPS_E_GENERIC, "'%s' holds something else than SealedSecrets", r->own->merge_into);
}

/* Which of them it is: the only one, or the one with the input's namespace and name. */
static bool find_sealed(struct seal_run *r, struct merging *m, const struct sops_secret_object *s, struct sops_err *e)
{
    struct sops_slice name = r->own->name != NULL ? sops_str(r->own->name) : s->name;
    struct sops_slice space = s->space.len != 0 ? s->space : sops_str(r->own->space);
    m->target = m->count == 1 ? m->all : NULL;
    for (size_t i = 0; m->target == NULL && i < m->count; i++) {
        m->target = sops_slice_eq(m->all[i].name, name) && sops_slice_eq(m->all[i].space, space) ? &m->all[i] : NULL;
    }
    return m->target != NULL || sops_fail(e, SOPS_E_GENERIC, "'%s' holds no SealedSecret '%.*s/%.*s'",
                                          r->own->merge_into, SOPS_ARG(space), SOPS_ARG(name));
}

static bool check_scope(struct seal_run *r, const struct merging *m, const struct sops_secret_object *s,
                        struct sops_err *e)
{
    bool said;
    enum sops_seal_scope scope = sops_secret_scope(s, &said);
    scope = r->has_scope ? r->scope : scope;
    if ((said || r->has_scope) && scope != m->target->scope) {
        sops_fail(e, SOPS_E_CONFLICT, "'%s' has the scope %s, and the input %s", r->own->merge_into,
                  sops_scope_names[m->target->scope], sops_scope_names[scope]);
        return sops_hint(e, "items of two scopes cannot be opened together");
    }
    return true;
}

/* A map of a map, made when it is not there. */
static struct sops_node *need_map(struct sops_doc *d, struct sops_node *map, const char *key, struct sops_err *e)
{
    struct sops_node *n = map != NULL ? sops_node_find(map, sops_str(key)) : NULL;
    if (n != NULL && n->kind != SOPS_MAP) {
        sops_node_unlink(d, n);
        n = NULL;
    }
    return n != NULL ? n : map != NULL ? sops_put_map(d, map, key, e) : NULL;
}

static bool put(struct sops_doc *d, struct sops_node *map, struct sops_slice key, struct sops_slice text,
                struct sops_err *e)
{
    struct sops_node *n = sops_node_find(map, key);
    if (n != NULL) {
        sops_node_unlink(d, n);
    }
    return sops_node_add(d, map, SOPS_STR, key, text, e) != NULL;
}

static bool merge_pairs(struct sops_doc *d, struct sops_node *meta, const char *name, const struct sops_seal_pair *pair,
                        size_t count, struct sops_err *e)
{
    static const char *const apart[] = {
        "sealedsecrets.bitnami.com/namespace-wide", "sealedsecrets.bitnami.com/cluster-wide",
        "kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration", NULL};
    struct sops_node *map = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sops_slice_is_any(pair[i].key, apart)) {
            continue;
        }
        map = map != NULL ? map : need_map(d, meta, name, e);
        if (map == NULL || !put(d, map, pair[i].key, pair[i].value, e)) {
            return false;
        }
    }
    return map == NULL || sops_map_sort(map, e);
}

/* The tags of the new items beside those of the others. */
static bool merge_tags(struct seal_run *r, const struct seal_object *o, struct sops_doc *d, struct sops_node *meta,
                       struct sops_slice added, struct sops_err *e)
{
    struct sops_doc old = {0}, new_tags = {0};
    struct sops_err tried = {0};
    struct sops_node *annotations = sops_node_find(meta, SOPS_LIT("annotations"));
    struct sops_buf json = {0};
    (void)r;
    bool had = sops_doc_parse(&old, sops_seal_json(), sops_map_text(annotations, SOPS_SEAL_TAGS), &tried);
    struct sops_node *map = !sops_may_fail(&tried, e) ? NULL
                            : had && old.parts != NULL
                                ? old.parts
                                : sops_node_add(&old, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    bool ok = map != NULL;
    for (size_t i = 0; ok && i < o->items; i++) {
        struct sops_node *n = sops_node_find(map, o->item[i].key);
        if (n != NULL) {
            sops_node_unlink(&old, n);
        }
    }
    if (ok && added.len != 0) {
        ok = sops_doc_parse(&new_tags, sops_seal_json(), added, e);
        for (const struct sops_node *n = ok ? new_tags.parts->child : NULL; ok && n != NULL; n = n->next) {
            ok = sops_node_add(&old, map, SOPS_STR, n->key, n->text, e) != NULL;
        }
    }
    ok = ok && sops_map_sort(map, e) && sops_buf_addc(&json, '{', e);
    for (const struct sops_node *n = ok ? map->child : NULL; ok && n != NULL; n = n->next) {
        struct sops_buf key = {0};
        ok = n->kind != SOPS_STR || (sops_buf_add(&key, n->key, e) && sops_buf_cstr(&key, e) != NULL &&
                                     sops_json_add(&json, (const char *)key.ptr, n->text, e));
        sops_buf_free(&key);
    }
    ok = ok && sops_buf_addc(&json, '}', e);
    if (ok && (json.len > 2 || had)) {
        annotations = need_map(d, meta, "annotations", e);
        ok = annotations != NULL && put(d, annotations, SOPS_LIT(SOPS_SEAL_TAGS), sops_buf_view(&json), e) &&
             sops_map_sort(annotations, e);
    }
    sops_doc_free(&old);
    sops_doc_free(&new_tags);
    sops_buf_free(&json);
    return ok;
}

static bool merge_object(struct seal_run *r, struct seal_file *f, struct merging *m, struct seal_object *o,
                         struct sops_node *part, struct sops_err *e)
{
    const struct sops_secret_object *s = o->secret;
    struct sops_slice tags = {0};
    struct sops_doc *d = &m->out;
    struct sops_node *spec = need_map(d, part, "spec", e), *meta = need_map(d, part, "metadata", e);
    struct sops_node *items = need_map(d, spec, "encryptedData", e);
    struct sops_node *inner = need_map(d, need_map(d, spec, "template", e), "metadata", e);
    if (meta == NULL || items == NULL || inner == NULL || !sops_seal_items(r, f, o, m->target, e) ||
        !sops_seal_tags(r, f, o, &tags, e)) {
        return false;
    }
    o->removals = 0;
    bool ok = merge_pairs(d, inner, "labels", s->labels, s->label_count, e) &&
              merge_pairs(d, inner, "annotations", s->annotations, s->annotation_count, e);
    for (size_t i = 0; ok && i < o->items; i++) {
        ok = put(d, items, o->item[i].key, o->item[i].sealed, e);
    }
    return ok && sops_map_sort(items, e) && merge_tags(r, o, d, meta, tags, e);
}

static bool make_merged(struct seal_run *r, struct seal_file *f, struct merging *m, struct seal_object *o,
                        struct sops_err *e)
{
    bool same = false;
    for (size_t i = 0; i < m->count; i++) {
        struct sops_node *part;
        if (!sops_part_copy(&m->out, m->all[i].root, &part, e)) {
            return false;
        }
        if (&m->all[i] == m->target &&
            (!merge_object(r, f, m, o, part, e) || !sops_object_same(m->target->root, part, &same, e))) {
            return false;
        }
    }
    o->state = same ? SEAL_UNCHANGED : SEAL_CHANGED;
    o->target->write = !same;
    if (!same && m->comments) {
        sops_world_warn(r->job.world, "'%s' had comments, which are lost", r->own->merge_into);
    }
    return sops_objects_emit(&m->out, m->format, &o->target->text, e);
}

static bool merge_file(struct seal_run *r, struct seal_file *f, struct merging *m, struct sops_err *e)
{
    struct seal_target *t = sops_arena_alloc(&r->arena, sizeof *t, e);
    struct seal_object *o = sops_arena_alloc(&r->arena, sizeof *o, e);
    struct sops_seal_cluster *c = sops_arena_alloc(&r->arena, sizeof *c, e);
    if (t == NULL || o == NULL || c == NULL || !raw_cert(r, &o->cert, e) || !read_sealed(r, m, e) ||
        !sops_seal_read(r, f, e)) {
        return false;
    }
    if (f->secrets.count != 1) {
        return sops_fail(e, SOPS_E_CONFLICT, "--merge-into takes one Secret, and '%s' holds %zu", f->shown,
                         f->secrets.count);
    }
    o->secret = f->secrets.secret;
    o->cluster = c;
    c->name = "";
    if (!find_sealed(r, m, o->secret, e) || !check_scope(r, m, o->secret, e)) {
        return false;
    }
    *t = (struct seal_target){.path = r->own->merge_into, .shown = r->own->merge_into, .file = f, .was = m->was};
    o->target = f->target = t;
    f->object = o;
    o->scope = m->target->scope;
    o->name = m->target->name;
    o->space = m->target->space;
    struct sops_secret_place place = {
        .scope = o->scope, .name = o->name, .space = o->space, .allow_empty = r->own->allow_empty, .lax = r->plain};
    return sops_secret_check(o->secret, &place, e) && make_merged(r, f, m, o, e) && sops_seal_write(r, f, e) &&
           sops_seal_flush(r, e);
}

bool sops_seal_merge(struct seal_run *r, struct seal_file *f, struct sops_err *e)
{
    struct merging m = {0};
    bool ok =
        merge_file(r, f, &m, e) && (r->plain || sops_seal_report(r, f, e)) && sops_ui_out(sops_buf_view(&r->out), e);
    sops_seal_drop(f);
    sops_doc_free(&m.old);
    sops_doc_free(&m.out);
    sops_arena_free(&m.arena);
    return ok && (!r->own->check || r->count[SEAL_UNCHANGED] != 0 ||
                  sops_fail(e, SOPS_E_GENERIC, "'%s' would change", r->own->merge_into));
}
