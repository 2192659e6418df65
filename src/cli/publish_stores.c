/* SPDX-License-Identifier: Apache-2.0 */
/* All files are opened, and everything is checked, before anything is sent; and every file's failure is told, not only
 * the first. */
#include "cli/publish_stores.h"

#include "base/file.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/inputs.h"
#include "cli/ui.h"
#include "cli/walk.h"
#include "core/tree_json.h"
#include "sync/external.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- which mode ------------------------------------------------------------------------------------------------- */

static bool ends_at_store(void *ctx, const char *path, struct sops_slice name, const struct stat *st,
                          struct sops_err *e)
{
    (void)name;
    (void)e;
    return !S_ISREG(st->st_mode) || !sops_store_rule_holds(ctx, path);
}

bool sops_publish_is_for_stores(const struct sops_job *j)
{
    const struct sops_publish_options *own = j->opt->own;
    bool found = own->plan || own->prune || own->adopt || own->keep_going || own->json || own->manifests != NULL;
    for (size_t i = 0; !found && i < j->opt->argc; i++) {
        const char *path = j->opt->args[i];
        struct stat st;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && j->opt->shared.recursive) {
            const struct sops_walker walker = {.visit = ends_at_store, .ctx = (void *)(uintptr_t)j->config};
            struct sops_err ended = {0};
            found = !sops_walk_folder(path, &walker, &ended) && ended.code == SOPS_OK;
            sops_err_clear(&ended);
        } else {
            found = sops_store_rule_holds(j->config, path);
        }
    }
    return found;
}

/* ---- failures --------------------------------------------------------------------------------------------------- */

static void note_failure(struct sops_publish_run *r, struct sops_err *why)
{
    if (why->code == SOPS_E_GENERIC) {
        why->code = SOPS_E_READ;
    }
    sops_failures_note(&r->failures, why);
}

/* Were there failures? Then they are the run's. */
static bool no_failures(struct sops_publish_run *r, struct sops_err *e)
{
    return sops_failures_none(&r->failures, "failures: nothing was written", e);
}

/* ---- which files ------------------------------------------------------------------------------------------------ */

struct published_file {
    struct sops_run_file run;
    struct sops_slice source;
    const struct sops_store_rule *rule;
};
struct gathering {
    struct sops_publish_run *r;
    struct sops_table seen; /* absolute paths */
    bool named;
};

static bool check_kind(const char *path, const struct sops_store_rule *rule, struct sops_err *e)
{
    if (!rule->file_destination) {
        return true;
    }
    (void)sops_fail(e, SOPS_E_READ, "'%s' goes to a file destination, or to none", path);
    return sops_hint(e, "s3, gcs and vault_path, and secret stores, need two runs");
}

/* Is it there already? */
static bool is_known(struct gathering *g, const char *path, bool *known, struct sops_err *e)
{
    struct sops_buf absolute = {0};
    struct sops_slice copy;
    bool is_new = false;
    bool ok = sops_path_absolute(path, &absolute, e) &&
              sops_arena_copy(&g->r->arena, sops_buf_view(&absolute), &copy, e) &&
              sops_table_put(&g->seen, copy, &is_new, e) != NULL;
    sops_buf_free(&absolute);
    *known = !is_new;
    return ok;
}

static bool take_file(struct gathering *g, const char *path, struct sops_err *e)
{
    const struct sops_store_rule *rule;
    struct sops_slice copy;
    bool known;
    path += strncmp(path, "./", 2) == 0 && path[2] != '\0' ? 2 : 0;
    if (!is_known(g, path, &known, e) || known || !sops_store_rule_for(&g->r->rules, path, &rule, e)) {
        return e->code == SOPS_OK;
    }
    if (rule == NULL) {
        return !g->named || sops_fail(e, SOPS_E_READ, "no destination rule holds for '%s'", path);
    }
    struct sops_slice source;
    if (!check_kind(path, rule, e) || !sops_store_source(g->r->rules.config, path, &g->r->arena, &source, e)) {
        return false;
    }
    if (!sops_is_encrypted_file(g->r->job, path)) {
        if (g->named) {
            return sops_fail(e, SOPS_E_READ, "'%s' is not encrypted", path);
        }
        sops_world_warn(g->r->job->world, "'%s' is not encrypted: it is passed over", path);
        return true;
    }
    struct published_file *f = sops_arena_copy(&g->r->arena, sops_str(path), &copy, e)
                                   ? sops_run_add(&g->r->files, (const char *)copy.ptr, e)
                                   : NULL;
    if (f != NULL) {
        f->source = source;
        f->rule = rule;
    }
    return f != NULL;
}

static bool visit_entry(void *ctx, const char *path, struct sops_slice name, const struct stat *st, struct sops_err *e)
{
    struct gathering *g = ctx;
    struct sops_err why = {0};
    (void)name;
    (void)e;
    if (S_ISREG(st->st_mode) && !take_file(g, path, &why)) {
        note_failure(g->r, &why);
    }
    return true;
}

static bool take_path(struct gathering *g, const char *path, struct sops_err *e)
{
    const struct sops_walker walker = {.visit = visit_entry, .ctx = g};
    struct stat st;
    if (stat(path, &st) != 0) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", path, sops_os_error(errno));
    }
    g->named = !S_ISDIR(st.st_mode);
    if (g->named) {
        return take_file(g, path, e);
    }
    return g->r->job->opt->shared.recursive ? sops_walk_folder(path, &walker, e)
                                            : sops_fail(e, SOPS_E_READ, "'%s' is a folder: it needs --recursive", path);
}

/* ---- from files to items ---------------------------------------------------------------------------------------- */

/* The value of a whole file: its bytes, or its tree as JSON in which no key is repeated. */
static bool document_value(struct sops_publish_run *r, const struct sops_store *store, const struct sops_doc *doc,
                           bool whole, struct sops_slice *out, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_buf text = {0};
    struct sops_json_value *root;
    bool repeated = false;
    if (whole && !store->objects_only) {
        const struct sops_node *data = doc->parts != NULL ? doc->parts->child : NULL;
        return sops_arena_copy(&r->arena, data != NULL ? data->text : (struct sops_slice){0}, out, e);
    }
    if (whole && doc->parts != NULL && doc->parts->child != NULL && !sops_utf8_valid(doc->parts->child->text)) {
        return sops_fail(e, SOPS_E_READ, "the file is not UTF-8, and %s takes text only", store->rule);
    }
    bool ok = sops_tree_json(doc, &text, e);
    struct sops_slice json = sops_buf_view(&text);
    if (ok && sops_json_read(&a, json, &root, e) && sops_json_sort(root, &repeated, e) && repeated) {
        ok = sops_arena_copy(&a, json, &json, e);
        sops_buf_cut(&text, 0);
        ok = ok && sops_json_print(&text, root, SOPS_JSON_GO_PLAIN, e);
    }
    ok = ok && e->code == SOPS_OK && sops_arena_copy(&r->arena, sops_buf_view(&text), out, e);
    sops_arena_free(&a);
    sops_buf_free(&text);
    return ok;
}

static bool entry_value(struct sops_publish_run *r, const struct sops_node *n, struct sops_slice *out,
                        struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = n->kind == SOPS_STR ? sops_buf_add(&text, n->text, e) : sops_node_json(n, &text, e);
    ok = ok && sops_arena_copy(&r->arena, sops_buf_view(&text), out, e);
    sops_buf_free(&text);
    return ok;
}

static struct sops_plan_item *new_item(struct sops_publish_run *r, const struct published_file *f,
                                       struct sops_slice data_key, struct sops_err *e)
{
    struct sops_plan_item *i = sops_plan_add(&r->plan, e);
    if (i != NULL) {
        i->rule = f->rule;
        i->site = &f->rule->site;
        i->file = f->run.name;
        i->source = f->source;
        sops_digest_key(data_key, i->digest_key);
    }
    return i;
}

static bool items_of_keys(struct sops_publish_run *r, const struct published_file *f, struct sops_slice base,
                          const struct sops_doc *doc, struct sops_slice data_key, struct sops_err *e)
{
    const struct sops_node *const *entry;
    size_t count;
    bool ok = sops_tree_top(doc, &r->arena, &entry, &count, e);
    for (size_t n = 0; ok && n < count; n++) {
        struct sops_plan_item *i = new_item(r, f, data_key, e);
        struct sops_err why = {0};
        ok = i != NULL && sops_arena_copy(&r->arena, entry[n]->key, &i->key, e) &&
             sops_arena_printf(&r->arena, &i->name, e, "%.*s%.*s%.*s", SOPS_ARG(base), SOPS_ARG(f->rule->join),
                               SOPS_ARG(i->key)) &&
             entry_value(r, entry[n], &i->value, e);
        if (ok && !sops_plan_check(i, &why)) {
            note_failure(r, &why);
        }
    }
    return ok;
}

/* PREFIX and the name that the rule makes of the source. */
static bool base_name(struct sops_publish_run *r, const struct published_file *f, struct sops_slice *out,
                      struct sops_err *e)
{
    struct sops_buf name = {0};
    bool ok = sops_buf_add(&name, f->rule->prefix, e) && sops_store_name(f->rule->name, f->source, &name, e) &&
              sops_arena_copy(&r->arena, sops_buf_view(&name), out, e);
    sops_buf_free(&name);
    return ok;
}

static bool add_manifest(struct sops_publish_run *r, const struct published_file *f, struct sops_slice item,
                         const struct sops_doc *doc, bool whole, struct sops_err *e)
{
    const struct sops_external x = {f->rule, f->source, item, doc, whole};
    struct sops_publish_manifest *m = sops_arena_alloc(&r->arena, sizeof *m, e);
    struct sops_buf text = {0};
    struct sops_slice name, file, dir = sops_slice_trim_end(sops_str(r->own->manifests), '/');
    dir = dir.len != 0 ? dir : sops_slice_first(sops_str(r->own->manifests), 1);
    bool ok = m != NULL && sops_external_make(&x, &r->arena, &name, &text, e) &&
              sops_arena_copy(&r->arena, sops_buf_view(&text), &m->text, e) &&
              sops_arena_printf(&r->arena, &file, e, "%.*s/%.*s.yaml", SOPS_ARG(dir), SOPS_ARG(name));
    sops_buf_free(&text);
    if (!ok) {
        return false;
    }
    m->file = (const char *)file.ptr;
    m->source = f->run.name;
    for (const struct sops_publish_manifest *other = r->manifest; other != NULL; other = other->next) {
        if (strcmp(other->file, m->file) == 0) {
            return sops_fail(e, SOPS_E_READ, "the manifest of '%s' would be '%s', too", other->source, m->file);
        }
    }
    *r->manifest_end = m;
    r->manifest_end = &m->next;
    return true;
}

static bool make_items(struct sops_publish_run *r, const struct published_file *f, struct sops_job *j,
                       struct sops_err *e)
{
    const struct sops_doc *doc = sops_envelope_clear(j->env, e);
    const struct sops_store *store = f->rule->site.store;
    struct sops_slice name, key = sops_envelope_key(j->env);
    bool whole = (j->in->flags & SOPS_FMT_WHOLE) != 0;
    if (doc == NULL || !base_name(r, f, &name, e)) {
        return false;
    }
    if (f->rule->per_key) {
        if (whole) {
            return sops_fail(e, SOPS_E_READ, "a binary file has no keys, as layout per_key needs");
        }
        if (!items_of_keys(r, f, name, doc, key, e)) {
            return false;
        }
    } else {
        struct sops_plan_item *i = new_item(r, f, key, e);
        struct sops_err why = {0};
        if (i == NULL || !document_value(r, store, doc, whole, &i->value, e)) {
            return false;
        }
        i->name = name;
        i->document = !whole || store->objects_only;
        if (!sops_plan_check(i, &why)) {
            note_failure(r, &why);
        }
    }
    return r->own->manifests == NULL || !f->rule->manifest.given || add_manifest(r, f, name, doc, whole, e);
}

/* Every failure is noted, so none is the file's. */
static bool open_file(void *ctx, struct sops_run_file *file, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_own_format, sops_step_order, sops_step_unlock, NULL};
    struct sops_publish_run *r = ctx;
    const struct published_file *f = (const struct published_file *)(const void *)file;
    struct sops_job j = sops_job_beside(r->job, file->name);
    struct sops_err why = {0};
    (void)e;
    j.config_indent = true;
    file->outcome = SOPS_RUN_UNCHANGED;
    bool opened = sops_job_steps(&j, steps, &why);
    if (!(opened && make_items(r, f, &j, &why))) {
        if (opened || strstr(why.msg, file->name) == NULL) {
            (void)sops_within(&why, "'%s'", file->name);
        }
        note_failure(r, &why);
    }
    sops_job_free(&j);
    return true;
}

/* ---- manifests that are there already ---------------------------------------------------------------------------- */

static bool compare_manifests(struct sops_publish_run *r, struct sops_err *e)
{
    if (r->own->manifests != NULL && r->manifest == NULL) {
        (void)sops_fail(e, SOPS_E_READ, "--manifests: no rule of these files has a 'manifest'");
        return sops_hint(e, "write `manifest: {store: NAME}` beside the store");
    }
    for (struct sops_publish_manifest *m = r->manifest; m != NULL; m = m->next) {
        struct sops_buf text = {0};
        struct stat st;
        m->is_new = stat(m->file, &st) != 0 && errno == ENOENT;
        bool ok = m->is_new || sops_file_read(m->file, SOPS_FILE_MAX, &text, e);
        m->same = ok && !m->is_new && sops_slice_eq(sops_buf_view(&text), m->text);
        sops_buf_free(&text);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static bool ask_ahead(struct sops_publish_run *r, struct sops_ahead *asked, struct sops_err *e)
{
    const char **path = sops_arena_alloc(&r->arena, (r->files.count + 1) * sizeof *path, e);
    for (size_t i = 0; path != NULL && i < r->files.count; i++) {
        path[i] = r->files.file[i]->name;
    }
    return path != NULL && sops_ahead_ask(asked, r->job, path, r->files.count, e);
}

static bool open_files(struct sops_publish_run *r, struct sops_err *e)
{
    struct sops_ahead asked = {.count = 0};
    bool ok = ask_ahead(r, &asked, e) && sops_run_each(&r->files, e);
    sops_ahead_free(&asked);
    return ok && no_failures(r, e) && sops_plan_check_twice(&r->plan, e) && compare_manifests(r, e);
}

/* PATHs as --prune wants them: absolute, without a slash at the end. */
static bool prune_scope(struct sops_publish_run *r, struct sops_plan_scope *scope, struct sops_err *e)
{
    const struct sops_options *o = r->job->opt;
    const char **path = sops_arena_alloc(&r->arena, (o->argc + 1) * sizeof *path, e);
    bool ok = path != NULL;
    for (size_t i = 0; ok && i < o->argc; i++) {
        struct sops_buf absolute = {0};
        struct sops_slice copy;
        ok = sops_path_absolute(o->args[i], &absolute, e) &&
             sops_arena_copy(&r->arena, sops_buf_view(&absolute), &copy, e);
        path[i] = ok ? (const char *)copy.ptr : NULL;
        sops_buf_free(&absolute);
    }
    scope->path = path;
    return ok;
}

static bool make_plan(struct sops_publish_run *r, struct sops_err *e)
{
    struct sops_plan_scope scope;
    r->plan.adopt = r->own->adopt;
    if (r->own->prune) {
        if (!prune_scope(r, &scope, e)) {
            return false;
        }
        r->plan.prune = &scope;
    }
    bool ok = sops_plan_make(&r->plan, e);
    for (size_t n = 0; !ok && e->code == SOPS_OK && n < r->plan.count; n++) {
        if (r->plan.item[n]->failed) {
            note_failure(r, &r->plan.item[n]->why);
        }
    }
    r->plan.prune = NULL;
    return e->code == SOPS_OK && no_failures(r, e);
}

static bool gather_files(struct sops_publish_run *r, struct sops_err *e)
{
    struct gathering g = {.r = r, .named = false};
    for (size_t i = 0; i < r->job->opt->argc; i++) {
        struct sops_err why = {0};
        if (!take_path(&g, r->job->opt->args[i], &why)) {
            note_failure(r, &why);
        }
    }
    sops_table_free(&g.seen);
    return no_failures(r, e);
}

bool sops_publish_stores(struct sops_job *j, struct sops_err *e)
{
    struct sops_publish_run r = {.job = j, .own = j->opt->own, .failures = {.world = j->world}};
    r.files = (struct sops_run){
        .world = j->world, .opt = j->opt, .size = sizeof(struct published_file), .one = open_file, .ctx = &r};
    sops_run_open(&r.files);
    r.manifest_end = &r.manifest;
    r.plan.world = j->world;
    r.plan.rules = &r.rules;
    bool ok = sops_step_order(j, e) && sops_store_rules_read(&r.rules, j->config, j->world, e) && gather_files(&r, e) &&
              sops_job_services(j, e) && open_files(&r, e) && make_plan(&r, e) && sops_publish_execute(&r, e);
    sops_plan_free(&r.plan);
    sops_run_free(&r.files);
    sops_store_rules_free(&r.rules);
    sops_err_clear(&r.failures.first);
    sops_arena_free(&r.arena);
    return ok;
}
