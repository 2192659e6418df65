/* SPDX-License-Identifier: Apache-2.0 */
/* All certificates are checked before anything is decrypted, and all targets are known before anything is written
 * (docs/spec/72-sealed-secrets.md#seal). */
#include "cli/seal_run.h"

#include "base/file.h"
#include "cli/inputs.h"
#include "cli/ui.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- clusters --------------------------------------------------------------------------------------------------- */

static bool add_cluster(struct seal_run *r, struct seal_file *f, size_t *n, const struct sops_seal_cluster *c,
                        struct sops_err *e)
{
    f->cluster[(*n)++] = c;
    return sops_cert_load(&r->certs, c, &f->cert[*n - 1], e);
}

static bool is_wanted(const struct seal_run *r, const struct sops_seal_cluster *c)
{
    const char *const *word = r->own->cluster;
    for (; word != NULL && *word != NULL; word++) {
        if (strcmp(*word, c->name) == 0) {
            return true;
        }
    }
    return r->own->cluster == NULL;
}

static bool clusters_of_options(struct seal_run *r, struct seal_file *f, size_t *n, struct sops_err *e)
{
    for (const char *const *word = r->own->cert; word != NULL && *word != NULL; word++) {
        struct sops_seal_cluster *c = sops_arena_alloc(&r->arena, sizeof *c, e);
        if (c == NULL || !sops_cert_option(&r->arena, *word, c, e) || !add_cluster(r, f, n, c, e)) {
            return false;
        }
    }
    for (const char *const *word = f->rule == NULL ? r->own->cluster : NULL; word != NULL && *word != NULL; word++) {
        const struct sops_seal_cluster *c;
        if (!sops_sealing_cluster(&r->sealing, *word, &c, e) || !add_cluster(r, f, n, c, e)) {
            return false;
        }
    }
    return true;
}

static bool find_clusters(struct seal_run *r, struct seal_file *f, struct sops_err *e)
{
    size_t n = 0, room = sops_words(r->own->cert) + sops_words(r->own->cluster) + r->sealing.clusters + 1;
    if (r->own->cert == NULL && f->name != NULL && !sops_sealing_rule(&r->sealing, f->name, &f->rule, e)) {
        return false;
    }
    for (const struct sops_seal_cluster **c = f->rule != NULL ? f->rule->cluster : NULL; c != NULL && *c != NULL; c++) {
        room++;
    }
    f->cluster = sops_arena_alloc(&r->arena, room * sizeof(void *), e);
    f->cert = sops_arena_alloc(&r->arena, room * sizeof(void *), e);
    if (f->cluster == NULL || f->cert == NULL || !clusters_of_options(r, f, &n, e)) {
        return false;
    }
    for (const struct sops_seal_cluster **c = f->rule != NULL ? f->rule->cluster : NULL; c != NULL && *c != NULL; c++) {
        if (is_wanted(r, *c) && !add_cluster(r, f, &n, *c, e)) {
            return false;
        }
    }
    if (n == 0) {
        sops_fail(e, SOPS_E_GENERIC, "no certificate for '%s'", f->shown);
        return sops_hint(e, "name one with --cert, or write a rule under `sealing` in .sops.yaml");
    }
    return true;
}

/* ---- Secrets ---------------------------------------------------------------------------------------------------- */

/* The name for a flat file; empty: there is none, so it is not one. */
static bool flat_name(struct seal_run *r, const struct seal_file *f, struct sops_buf *out, struct sops_err *e)
{
    struct sops_path_values v = {0};
    if (r->own->name != NULL) {
        return sops_buf_adds(out, r->own->name, e);
    }
    if (f->rule == NULL || f->rule->name.len == 0) {
        return true;
    }
    if (f->name != NULL) {
        sops_path_parts(f->name, &v.dir, &v.stem);
    }
    char pattern[512];
    (void)snprintf(pattern, sizeof pattern, "%.*s", SOPS_ARG(f->rule->name));
    return sops_path_fill(pattern, &v, out, e);
}

/* What a flat Secret has that a file cannot say. */
static bool complete_flat(struct seal_run *r, struct seal_file *f, struct sops_slice name, struct sops_err *e)
{
    struct sops_slice type = r->own->type != NULL ? sops_str(r->own->type)
                             : f->rule != NULL    ? f->rule->type
                                                  : (struct sops_slice){0};
    for (size_t i = 0; i < f->secrets.count; i++) {
        struct sops_secret_object *s = &f->secrets.secret[i];
        s->has_type = type.len != 0;
        if (!sops_arena_copy(&r->arena, name, &s->name, e) || !sops_arena_copy(&r->arena, type, &s->type, e)) {
            return false;
        }
    }
    return true;
}

/* The key of the one item of a binary file: its base name without the ending of an encrypted one. */
static struct sops_slice item_key(const char *name)
{
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;
    struct sops_slice base = sops_str(slash != NULL ? slash + 1 : name);
    static const char *const endings[] = {".enc", ".sops"};
    for (size_t i = 0; i < 2; i++) {
        if (sops_slice_ends(base, sops_str(endings[i]))) {
            return sops_slice_first(base, base.len - strlen(endings[i]));
        }
    }
    return base;
}

static void warn_of_exposed(struct seal_run *r, const struct seal_file *f)
{
    for (size_t i = 0; i < f->secrets.count; i++) {
        const struct sops_secret_object *s = &f->secrets.secret[i];
        for (size_t k = 0; k < s->label_count + s->annotation_count; k++) {
            bool label = k < s->label_count;
            const struct sops_seal_pair *p = label ? &s->labels[k] : &s->annotations[k - s->label_count];
            if (p->exposed) {
                sops_world_warn(r->job.world,
                                "'%s': the %s '%.*s' is encrypted there, and stands readable in the "
                                "SealedSecret",
                                f->shown, label ? "label" : "annotation", SOPS_ARG(p->key));
            }
        }
    }
}

bool sops_seal_read(struct seal_run *r, struct seal_file *f, struct sops_err *e)
{
    struct sops_source s = {.common = &r->job, .path = f->path, .name = f->name, .by_text = r->plain};
    struct sops_buf name = {0};
    bool ok = flat_name(r, f, &name, e) && sops_source_open(&s, e);
    bool flat_file = ok && s.doc->parts != NULL && sops_node_find(s.doc->parts, SOPS_LIT("kind")) == NULL;
    struct sops_secret_how how = {.flat = name.len != 0, .source = sops_buf_view(&s.text)};
    if (ok && (s.format->flags & SOPS_FMT_WHOLE) != 0) {
        how.flat_key = item_key(f->name);
    }
    f->secrets.arena = &r->arena;
    ok = ok && sops_secrets_read(s.doc, &how, &f->secrets, e);
    if (ok && flat_file && how.flat) {
        ok = complete_flat(r, f, sops_buf_view(&name), e);
    }
    if (ok && s.encrypted && !r->plain) {
        f->has_key = true;
        sops_tag_key(s.data_key, f->tag_key);
    }
    if (ok && r->own->name != NULL && f->secrets.count > 1) {
        ok = sops_fail(e, SOPS_E_CONFLICT, "--name with %zu Secrets in '%s'", f->secrets.count, f->shown);
    }
    if (ok) {
        warn_of_exposed(r, f);
    }
    sops_source_close(&s);
    sops_buf_free(&name);
    return ok;
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

static void choose_scope(const struct seal_run *r, struct seal_object *o, const struct seal_file *f)
{
    bool said;
    o->scope = sops_secret_scope(o->secret, &said);
    if (r->has_scope) {
        o->scope = r->scope;
        o->scope_given = true;
    } else if (!said && f->rule != NULL && f->rule->has_scope) {
        o->scope = f->rule->scope;
        o->scope_given = true;
    }
}

static bool choose_space(const struct seal_run *r, struct seal_object *o, const struct seal_file *f, struct sops_err *e)
{
    struct sops_slice asked = sops_str(r->own->space);
    o->space = o->secret->space;
    if (o->scope == SOPS_SCOPE_CLUSTER) {
        return true;
    }
    if (o->space.len != 0 && asked.len != 0 && !sops_slice_eq(o->space, asked)) {
        return sops_fail(e, SOPS_E_CONFLICT, "the Secret '%.*s' is of the namespace '%.*s', and --namespace says '%s'",
                         SOPS_ARG(o->name), SOPS_ARG(o->space), r->own->space);
    }
    if (o->space.len == 0) {
        o->space = asked.len != 0                               ? asked
                   : f->rule != NULL && f->rule->space.len != 0 ? f->rule->space
                                                                : o->cluster->space;
    }
    return true;
}

bool sops_seal_place(struct seal_run *r, struct seal_object *o, const struct seal_file *f, const char *pattern,
                     struct sops_err *e)
{
    o->name = r->own->name != NULL ? sops_str(r->own->name) : o->secret->name;
    choose_scope(r, o, f);
    if (!choose_space(r, o, f, e)) {
        return false;
    }
    struct sops_secret_place place = {
        .scope = o->scope,
        .name = o->name,
        .space = o->space,
        .allow_empty = r->own->allow_empty,
        .name_in_path = pattern != NULL && sops_path_has(pattern, "{name}"),
        .space_in_path = pattern != NULL && o->space.len != 0 && sops_path_has(pattern, "{namespace}"),
    };
    return sops_secret_check(o->secret, &place, e) || sops_within(e, "document %u", o->secret->document);
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

static struct seal_target *target_at(struct seal_run *r, struct seal_file *f, struct sops_slice path,
                                     struct sops_err *e)
{
    struct seal_target *t = f->target;
    while (t != NULL && !sops_slice_eq(sops_str(t->path), path)) {
        t = t->next;
    }
    if (t != NULL) {
        return t;
    }
    struct sops_slice copy;
    t = sops_arena_alloc(&r->arena, sizeof *t, e);
    if (t == NULL || !sops_arena_copy(&r->arena, path, &copy, e)) {
        return NULL;
    }
    t->file = f;
    t->path = path.len != 0 ? (const char *)copy.ptr : NULL;
    t->format = r->format != NULL                                             ? r->format
                : t->path != NULL && sops_slice_ends(path, SOPS_LIT(".json")) ? sops_seal_json()
                                                                              : sops_seal_yaml();
    if (t->path != NULL && r->job.opt->shared.output == NULL && !sops_path_stays(t->path, r->sealing.folder, e)) {
        return NULL;
    }
    *f->target_end = t;
    f->target_end = &t->next;
    return t;
}

/* The path of an object: by --output from the current folder, by a rule from that of .sops.yaml. */
static bool path_of(struct seal_run *r, const struct seal_file *f, const struct seal_object *o, const char *pattern,
                    struct sops_buf *absolute, struct sops_err *e)
{
    struct sops_buf path = {0}, file = {0}, relative = {0};
    bool by_rule = r->job.opt->shared.output == NULL;
    struct sops_path_values v = {.cluster = sops_str(o->cluster->name), .space = o->space, .name = o->name};
    bool ok = true;
    if (f->name != NULL && by_rule) {
        ok = sops_path_absolute(f->name, &file, e) &&
             sops_path_relative((const char *)file.ptr, r->sealing.folder, &relative, e);
    }
    if (ok && f->name != NULL) {
        sops_path_parts(by_rule ? (const char *)relative.ptr : f->name, &v.dir, &v.stem);
    }
    if (ok && by_rule && pattern[0] != '/') {
        ok = sops_buf_adds(&path, r->sealing.folder, e);
    }
    ok = ok && sops_path_fill(pattern, &v, &path, e) && sops_buf_cstr(&path, e) != NULL &&
         sops_path_absolute((const char *)path.ptr, absolute, e);
    sops_buf_free(&path);
    sops_buf_free(&file);
    sops_buf_free(&relative);
    return ok;
}

static bool find_target(struct seal_run *r, struct seal_file *f, struct seal_object *o, const char *pattern,
                        struct sops_err *e)
{
    struct sops_buf absolute = {0};
    bool ok = pattern == NULL || path_of(r, f, o, pattern, &absolute, e);
    o->target = ok ? target_at(r, f, sops_buf_view(&absolute), e) : NULL;
    ok = o->target != NULL;
    sops_buf_free(&absolute);
    if (ok && o->target->path != NULL && o->target->shown == NULL) {
        o->target->shown = r->job.opt->shared.output != NULL && strchr(pattern, '{') == NULL ? pattern : NULL;
        ok = o->target->shown != NULL || sops_path_shown(&r->arena, o->target->path, &o->target->shown, e);
    }
    return ok;
}

/* Where the file's SealedSecrets go; NULL: stdout. Code 8 for what does not go together. */
static bool pattern_of(const struct seal_run *r, const struct seal_file *f, const char **pattern, struct sops_err *e)
{
    const char *output = r->job.opt->shared.output;
    *pattern = output != NULL ? output : f->rule != NULL ? f->rule->output : NULL;
    if (*pattern == NULL && r->job.opt->shared.recursive) {
        return sops_fail(e, SOPS_E_GENERIC, "the rule for '%s' has no output", f->shown);
    }
    if (f->cluster[1] != NULL && (*pattern == NULL || !sops_path_has(*pattern, "{cluster}"))) {
        sops_fail(e, SOPS_E_CONFLICT, "several clusters, and the output does not say which");
        return sops_hint(e, "--output with {cluster} in it, or `output` of the rule");
    }
    if (*pattern == NULL && (r->own->check || r->own->json)) {
        sops_fail(e, SOPS_E_CONFLICT, "--%s goes with files that are written, not with stdout",
                  r->own->check ? "check" : "json");
        return sops_hint(e, "name the target with --output, or with `output` of a rule");
    }
    return true;
}

static bool plan_file(struct seal_run *r, struct seal_file *f, struct sops_err *e)
{
    const char *pattern;
    f->object_end = &f->object;
    f->target_end = &f->target;
    if (!pattern_of(r, f, &pattern, e) || !sops_seal_read(r, f, e)) {
        return false;
    }
    for (size_t i = 0; i < f->secrets.count; i++) {
        for (size_t c = 0; f->cluster[c] != NULL; c++) {
            struct seal_object *o = sops_arena_alloc(&r->arena, sizeof *o, e);
            if (o == NULL) {
                return false;
            }
            *o = (struct seal_object){
                .secret = &f->secrets.secret[i], .cluster = f->cluster[c], .cert = f->cert[c], .state = SEAL_NEW};
            if (!sops_seal_place(r, o, f, pattern, e) || !find_target(r, f, o, pattern, e)) {
                return false;
            }
            *f->object_end = o;
            f->object_end = &o->next;
        }
    }
    return true;
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(const struct seal_target *const *)a)->path, (*(const struct seal_target *const *)b)->path);
}

/* What is there to write of a file, unless it failed. */
static struct seal_target *live_targets(const struct seal_run *r, size_t i)
{
    return r->files.file[i]->outcome != SOPS_RUN_FAILED ? seal_file_at(r, i)->target : NULL;
}

/* Two files with one path: whichever came last would win. */
static bool check_paths(struct seal_run *r, struct sops_err *e)
{
    size_t count = 0;
    for (size_t i = 0; i < r->files.count; i++) {
        for (struct seal_target *t = live_targets(r, i); t != NULL; t = t->next) {
            count++;
        }
    }
    struct seal_target **all = sops_alloc((count + 1) * sizeof(struct seal_target *), e);
    count = 0;
    for (size_t i = 0; all != NULL && i < r->files.count; i++) {
        for (struct seal_target *t = live_targets(r, i); t != NULL; t = t->next) {
            if (t->path != NULL) {
                all[count++] = t;
            }
        }
    }
    if (count > 1) {
        qsort(all, count, sizeof(struct seal_target *), by_path);
    }
    bool ok = all != NULL;
    for (size_t i = 1; ok && i < count; i++) {
        if (strcmp(all[i - 1]->path, all[i]->path) == 0) {
            bool turned = all[i - 1]->file->number > all[i]->file->number;
            ok = sops_fail(e, SOPS_E_GENERIC, "'%s' and '%s' would both be written to '%s'",
                           all[i - !turned]->file->shown, all[i - turned]->file->shown, all[i]->shown);
        }
    }
    sops_free(all);
    return ok;
}

static bool clusters_of(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    return find_clusters(ctx, (struct seal_file *)(void *)f, e);
}

static bool secrets_of(void *ctx, struct sops_run_file *f, struct sops_err *e)
{
    return plan_file(ctx, (struct seal_file *)(void *)f, e);
}

/* Who is asked for a key is asked for all files at once. */
static bool ask_ahead(struct seal_run *r, struct sops_ahead *asked, struct sops_err *e)
{
    size_t count = 0;
    const char **path = sops_arena_alloc(&r->arena, (r->files.count + 1) * sizeof *path, e);
    for (size_t i = 0; path != NULL && i < r->files.count; i++) {
        const struct seal_file *f = seal_file_at(r, i);
        if (f->run.outcome != SOPS_RUN_FAILED && f->path != NULL) {
            path[count++] = f->path;
        }
    }
    return path != NULL && sops_ahead_ask(asked, &r->job, path, count, e);
}

bool sops_seal_plan(struct seal_run *r, struct sops_err *e)
{
    r->files.one = clusters_of;
    bool ok = sops_run_each(&r->files, e);
    r->files.one = secrets_of;
    struct sops_ahead asked = {.count = 0};
    ok = ok && ask_ahead(r, &asked, e) && sops_run_each(&r->files, e) && check_paths(r, e);
    sops_ahead_free(&asked);
    return ok;
}
