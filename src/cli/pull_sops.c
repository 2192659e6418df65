/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets into files that sops encrypts (docs/spec/73-stores.md#--to-sops). A file that is there is opened and changed
 * where it differs: all else keeps its ciphertext, so that a rotated password is one changed line. Every file is made
 * in memory before the first is written, and no value reaches one that its rule would leave clear.
 */
#include "cli/pull_run.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/seal.h"
#include "cli/ui.h"
#include "seal/object.h"
#include "sync/value.h"

#include <errno.h>
#include <sys/stat.h>

#define CRYPT_RULE "^(data|stringData)$"

enum target_action { TARGET_CREATE, TARGET_UPDATE, TARGET_SAME, TARGET_ACTIONS };
static const char *const action_names[TARGET_ACTIONS] = {"create", "update", "same"};
static const char action_signs[TARGET_ACTIONS] = {'+', '~', '='};

/* The file of one Secret. */
struct sops_pull_target {
    const struct sops_pull_secret *secret;
    const char *path;
    struct sops_job job; /* opened, or made by the creation rule */
    enum target_action action;
    struct sops_changes changes;
    struct sops_arena arena;
    struct sops_pull_target *next;
};

void sops_pull_targets_free(struct sops_pull_run *r)
{
    for (struct sops_pull_target *t = r->target; t != NULL; t = t->next) {
        sops_job_free(&t->job);
        sops_arena_free(&t->arena);
    }
    r->target = NULL;
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

/* PATTERN with {name} and {namespace}; one without {name} is a folder. */
static bool fill_pattern(const char *pattern, const struct sops_external_secret *x, struct sops_buf *out,
                         struct sops_err *e)
{
    bool folder = strstr(pattern, "{name}") == NULL;
    struct sops_slice rest = sops_str(pattern);
    rest = folder && rest.len > 1 ? sops_slice_trim_end(rest, '/') : rest;
    bool ok = true;
    while (ok && rest.len != 0) {
        if (sops_slice_starts(rest, SOPS_LIT("{name}"))) {
            ok = sops_buf_add(out, x->target, e);
            rest = sops_slice_skip(rest, strlen("{name}"));
        } else if (sops_slice_starts(rest, SOPS_LIT("{namespace}"))) {
            ok = sops_buf_add(out, x->object->space, e);
            rest = sops_slice_skip(rest, strlen("{namespace}"));
        } else if (rest.ptr[0] == '{' || rest.ptr[0] == '}') {
            (void)sops_fail(e, SOPS_E_READ, "--to-sops: unknown braces in '%s'", pattern);
            return sops_hint(e, "{name} and {namespace} are known");
        } else {
            ok = sops_buf_addc(out, rest.ptr[0], e);
            rest = sops_slice_skip(rest, 1);
        }
    }
    return ok && (!folder ||
                  (sops_buf_addc(out, '/', e) && sops_buf_add(out, x->target, e) && sops_buf_adds(out, ".yaml", e)));
}

static bool check_ending(struct sops_slice path, struct sops_err *e)
{
    return sops_slice_ends(path, SOPS_LIT(".yaml")) || sops_slice_ends(path, SOPS_LIT(".yml")) ||
           sops_slice_ends(path, SOPS_LIT(".json")) ||
           sops_fail(e, SOPS_E_READ, "--to-sops writes YAML or JSON: '%.*s' ends as neither", SOPS_ARG(path));
}

/* ---- before anything is asked ----------------------------------------------------------------------------------- */

/* Would an entry of data or stringData stay clear under the rules of the envelope? Code 2. */
static bool check_marks(const struct sops_pull_target *t, struct sops_doc *d, struct sops_err *e)
{
    static const char *const maps[] = {"data", "stringData"};
    const struct sops_rules *rules = &sops_envelope_meta(t->job.env)->rules;
    if (!sops_rules_mark(rules, d, e)) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct sops_node *map = d->parts != NULL ? sops_map_map(d->parts, maps[i]) : NULL;
        for (const struct sops_node *n = map != NULL ? map->child : NULL; n != NULL; n = n->next) {
            if (n->kind == SOPS_COMMENT || n->kind == SOPS_NULL || (n->flags & SOPS_MARKED) != 0) {
                continue;
            }
            enum sops_rule which = sops_rules_which(rules);
            (void)sops_fail(e, SOPS_E_READ, "'%s': '%.*s' of '%s' would stay clear under %s%s%.*s", t->path,
                            SOPS_ARG(sops_slice_first(n->key, 200)), maps[i],
                            which != SOPS_RULES ? sops_rule_names[which] : "the rule", which != SOPS_RULES ? " " : "",
                            SOPS_ARG(which != SOPS_RULES ? sops_slice_first(rules->text[which], 200) : SOPS_LIT("")));
            return sops_hint(e, "a rule for Secrets is encrypted_regex: " CRYPT_RULE);
        }
    }
    return true;
}

/* The rule tried on a Secret with the keys that are known before anything is asked. */
static bool try_rule(const struct sops_pull_target *t, struct sops_err *e)
{
    struct sops_pull_secret probe = {.read = t->secret->read};
    struct sops_doc d = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < probe.read.entries; i++) {
        const struct sops_external_entry *entry = &probe.read.entry[i];
        ok = !entry->is_data || sops_keys_set(&probe.data, entry->secret_key, SOPS_LIT("x"), e);
    }
    ok = ok && (probe.data.count == 0 || (sops_pull_build(&d, NULL, &probe, false, e) && check_marks(t, &d, e)));
    sops_keys_free(&probe.data);
    sops_doc_free(&d);
    return ok;
}

static bool look_up_rule(struct sops_pull_run *r, struct sops_pull_target *t, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_job_formats, sops_step_creation, NULL};
    t->job = sops_job_beside(&r->job, t->path);
    t->job.in_place = t->job.needs_rule = true;
    t->job.encrypted_regex = CRYPT_RULE;
    return sops_job_steps(&t->job, steps, e) && try_rule(t, e);
}

static bool add_target(struct sops_pull_run *r, struct sops_pull_secret *s, struct sops_pull_target ***end,
                       struct sops_err *e)
{
    struct sops_pull_target *t = sops_arena_alloc(&r->arena, sizeof *t, e);
    struct sops_buf path = {0};
    struct sops_slice copy = {0};
    bool ok = t != NULL && fill_pattern(r->own.to_sops, &s->read, &path, e) &&
              sops_arena_copy(&r->arena, sops_buf_view(&path), &copy, e) && check_ending(copy, e);
    sops_buf_free(&path);
    for (const struct sops_pull_target *other = r->target; ok && other != NULL; other = other->next) {
        if (strcmp(other->path, (const char *)copy.ptr) == 0) {
            ok = sops_fail(e, SOPS_E_READ, "two Secrets would be the file '%s'", other->path);
        }
    }
    if (ok) {
        t->secret = s;
        t->path = (const char *)copy.ptr;
        **end = t;
        *end = &t->next;
        ok = look_up_rule(r, t, e);
    }
    return ok || sops_object_blame(s->read.object, e);
}

bool sops_pull_targets(struct sops_pull_run *r, struct sops_err *e)
{
    struct sops_pull_target **end = &r->target;
    bool ok = true;
    for (size_t i = 0; ok && i < r->pull.secrets; i++) {
        struct sops_pull_secret *s = &r->pull.secret[i];
        ok = !s->chosen || s->failed || add_target(r, s, &end, e);
    }
    return ok;
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

/* Takes down a change at `first`/`second` (second empty: at `first` itself). */
static bool note_change(struct sops_pull_target *t, enum sops_change_kind kind, const char *first,
                        struct sops_slice second, struct sops_err *e)
{
    struct sops_change_step *up = sops_arena_alloc(&t->arena, sizeof *up, e);
    struct sops_change_step *step = sops_arena_alloc(&t->arena, sizeof *step, e);
    struct sops_change *change = sops_arena_alloc(&t->arena, sizeof *change, e);
    if (up == NULL || step == NULL || change == NULL || !sops_arena_copy(&t->arena, second, &step->key, e)) {
        return false;
    }
    up->key = sops_str(first);
    step->up = up;
    *change = (struct sops_change){kind, second.len != 0 ? step : up, NULL};
    /* Sorted by path: data before metadata before type, and in each by key. */
    struct sops_change **at = &t->changes.first;
    while (*at != NULL) {
        const struct sops_change_step *p = (*at)->path;
        const struct sops_change_step *top = p->up != NULL ? p->up : p;
        int order = sops_slice_cmp(top->key, up->key);
        order = order != 0 ? order : sops_slice_cmp(p->up != NULL ? p->key : SOPS_LIT(""), second);
        if (order > 0) {
            break;
        }
        at = &(*at)->next;
    }
    change->next = *at;
    *at = change;
    t->changes.count++;
    return true;
}

/* A member's text, made when it is not there. */
static bool set_text(struct sops_doc *d, struct sops_node *map, const char *name, struct sops_slice text,
                     struct sops_err *e)
{
    struct sops_node *n = sops_node_find(map, sops_str(name));
    if (n == NULL) {
        return sops_node_add(d, map, SOPS_STR, sops_str(name), text, e) != NULL;
    }
    n->kind = SOPS_STR;
    n->child = n->last = NULL;
    return sops_arena_copy(&d->arena, text, &n->text, e);
}

static bool change_type(struct sops_pull_target *t, struct sops_doc *d, struct sops_err *e)
{
    struct sops_slice wanted = sops_pull_type(t->secret), has = sops_map_text(d->parts, "type");
    bool absent = sops_node_find(d->parts, SOPS_LIT("type")) == NULL;
    has = absent ? SOPS_LIT("Opaque") : has;
    if (sops_slice_eq(has, wanted)) {
        return true;
    }
    return set_text(d, d->parts, "type", wanted, e) &&
           note_change(t, absent ? SOPS_ADDED : SOPS_CHANGED, "type", (struct sops_slice){0}, e);
}

static bool change_immutable(struct sops_pull_target *t, struct sops_doc *d, struct sops_err *e)
{
    struct sops_node *n = sops_node_find(d->parts, SOPS_LIT("immutable"));
    bool has = n != NULL && n->kind == SOPS_BOOL && sops_slice_eq(n->text, SOPS_LIT("True"));
    if (has == t->secret->read.immutable) {
        return true;
    }
    if (n != NULL && has) {
        sops_node_unlink(d, n);
        return note_change(t, SOPS_REMOVED, "immutable", (struct sops_slice){0}, e);
    }
    if (n != NULL) {
        sops_node_unlink(d, n);
    }
    return sops_node_add(d, d->parts, SOPS_BOOL, SOPS_LIT("immutable"), SOPS_LIT("True"), e) != NULL &&
           note_change(t, n != NULL ? SOPS_CHANGED : SOPS_ADDED, "immutable", (struct sops_slice){0}, e);
}

static bool holds_exactly(const struct sops_node *map, const struct sops_keys *wanted)
{
    size_t n = 0;
    for (const struct sops_node *c = map != NULL && map->kind == SOPS_MAP ? map->child : NULL; c != NULL; c = c->next) {
        struct sops_slice value;
        if (c->kind == SOPS_COMMENT) {
            continue;
        }
        if (c->kind != SOPS_STR || !sops_keys_get(wanted, c->key, &value) || !sops_slice_eq(c->text, value)) {
            return false;
        }
        n++;
    }
    return n == wanted->count;
}

/* labels or annotations. */
static bool change_texts(struct sops_pull_target *t, struct sops_doc *d, struct sops_node *meta, const char *name,
                         const struct sops_keys *wanted, struct sops_err *e)
{
    struct sops_node *map = sops_node_find(meta, sops_str(name));
    enum sops_change_kind kind = map == NULL ? SOPS_ADDED : wanted->count == 0 ? SOPS_REMOVED : SOPS_CHANGED;
    if (holds_exactly(map, wanted)) {
        return true;
    }
    if (map != NULL && (wanted->count == 0 || map->kind != SOPS_MAP)) {
        sops_node_unlink(d, map);
        map = NULL;
    }
    for (struct sops_node *n = map != NULL ? map->child : NULL, *next; n != NULL; n = next) {
        struct sops_slice value;
        next = n->next;
        if (n->kind != SOPS_COMMENT && !sops_keys_get(wanted, n->key, &value)) {
            sops_node_unlink(d, n);
        }
    }
    if (map == NULL && wanted->count != 0) {
        map = sops_put_map(d, meta, name, e);
    }
    bool ok = wanted->count == 0 || map != NULL;
    for (const struct sops_key_value *kv = wanted->first; ok && kv != NULL; kv = kv->next) {
        struct sops_node *n = sops_node_find(map, kv->key);
        ok = n != NULL ? sops_arena_copy(&d->arena, kv->value, &n->text, e)
                       : sops_node_add(d, map, SOPS_STR, kv->key, kv->value, e) != NULL;
        if (ok && n != NULL) {
            n->kind = SOPS_STR;
            n->child = n->last = NULL;
        }
    }
    return ok && note_change(t, kind, "metadata", sops_str(name), e);
}

static bool same_list(const struct sops_node *a, const struct sops_node *b)
{
    const struct sops_node *x = a != NULL ? a->child : NULL, *y = b != NULL ? b->child : NULL;
    for (;; x = x->next, y = y->next) {
        while (x != NULL && x->kind == SOPS_COMMENT) {
            x = x->next;
        }
        while (y != NULL && y->kind == SOPS_COMMENT) {
            y = y->next;
        }
        if (x == NULL || y == NULL) {
            return x == y;
        }
        if (!sops_slice_eq(x->text, y->text)) {
            return false;
        }
    }
}

static bool change_finalizers(struct sops_pull_target *t, struct sops_doc *d, struct sops_node *meta,
                              struct sops_err *e)
{
    const struct sops_node *wanted = t->secret->read.finalizers;
    struct sops_node *has = sops_node_find(meta, SOPS_LIT("finalizers"));
    bool any = wanted != NULL && wanted->child != NULL;
    if (same_list(has, wanted)) {
        return true;
    }
    enum sops_change_kind kind = has == NULL ? SOPS_ADDED : any ? SOPS_CHANGED : SOPS_REMOVED;
    if (has != NULL) {
        sops_node_unlink(d, has);
    }
    struct sops_node *list = any ? sops_node_add(d, meta, SOPS_LIST, SOPS_LIT("finalizers"), SOPS_LIT(""), e) : NULL;
    for (const struct sops_node *n = any ? wanted->child : NULL; list != NULL && n != NULL; n = n->next) {
        if (n->kind == SOPS_STR && sops_node_add(d, list, SOPS_STR, SOPS_LIT(""), n->text, e) == NULL) {
            return false;
        }
    }
    return (!any || list != NULL) && note_change(t, kind, "metadata", SOPS_LIT("finalizers"), e);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* Is this what the node of `data` stands for, whatever line breaks are in its base64? */
static bool holds_bytes(const struct sops_node *n, struct sops_slice value)
{
    struct sops_buf clean = {0}, bytes = {0};
    struct sops_err none = {0};
    bool ok = n->kind != SOPS_MAP && n->kind != SOPS_LIST;
    for (size_t i = 0; ok && i < n->text.len; i++) {
        ok = sops_is_white(n->text.ptr[i]) || sops_buf_addc(&clean, n->text.ptr[i], &none);
    }
    ok = ok && sops_base64_take(&bytes, SOPS_B64_STD, sops_buf_view(&clean), &none) &&
         sops_slice_eq(sops_buf_view(&bytes), value);
    sops_err_clear(&none);
    sops_buf_free(&clean);
    sops_buf_free(&bytes);
    return ok;
}

static bool put_leaf(struct sops_doc *d, const char *map_name, struct sops_slice key, struct sops_slice value,
                     struct sops_err *e)
{
    struct sops_node *map = sops_node_find(d->parts, sops_str(map_name));
    struct sops_buf base64 = {0};
    bool text = strcmp(map_name, "stringData") == 0;
    if (map != NULL && map->kind != SOPS_MAP) {
        sops_node_unlink(d, map);
        map = NULL;
    }
    map = map != NULL ? map : sops_put_map(d, d->parts, map_name, e);
    bool ok = map != NULL && (text || sops_base64_add(&base64, SOPS_B64_STD, value, e));
    struct sops_slice written = text ? value : sops_buf_view(&base64);
    struct sops_node *n = ok ? sops_node_find(map, key) : NULL;
    if (n != NULL) {
        n->kind = SOPS_STR;
        n->child = n->last = NULL;
        ok = sops_arena_copy(&d->arena, written, &n->text, e);
    } else {
        ok = ok && sops_node_add(d, map, SOPS_STR, key, written, e) != NULL;
    }
    sops_buf_free(&base64);
    return ok;
}

/* A wanted value stays in the map where it is, unless it is no text any more. */
static bool change_value(struct sops_pull_run *r, struct sops_pull_target *t, struct sops_doc *d,
                         const struct sops_key_value *kv, struct sops_err *e)
{
    const struct sops_node *texts = sops_map_map(d->parts, "stringData"), *data = sops_map_map(d->parts, "data");
    struct sops_node *text = texts != NULL ? sops_node_find(texts, kv->key) : NULL;
    struct sops_node *bytes = data != NULL ? sops_node_find(data, kv->key) : NULL;
    bool is_text = sops_pull_is_text(kv->value);
    if (text != NULL && is_text) {
        bool same = text->kind != SOPS_MAP && text->kind != SOPS_LIST && sops_slice_eq(text->text, kv->value);
        return same ||
               (put_leaf(d, "stringData", kv->key, kv->value, e) && note_change(t, SOPS_CHANGED, "data", kv->key, e));
    }
    if (text != NULL) {
        sops_node_unlink(d, text);
        return put_leaf(d, "data", kv->key, kv->value, e) && note_change(t, SOPS_CHANGED, "data", kv->key, e);
    }
    if (bytes != NULL) {
        return holds_bytes(bytes, kv->value) ||
               (put_leaf(d, "data", kv->key, kv->value, e) && note_change(t, SOPS_CHANGED, "data", kv->key, e));
    }
    return put_leaf(d, r->own.string_data && is_text ? "stringData" : "data", kv->key, kv->value, e) &&
           note_change(t, SOPS_ADDED, "data", kv->key, e);
}

/* Takes out what is not wanted any more, unless the Secret is shared with others. */
static bool remove_values(struct sops_pull_target *t, struct sops_doc *d, struct sops_err *e)
{
    static const char *const maps[] = {"data", "stringData"};
    static const char *const shared[] = {"Merge", "CreateOrMerge", NULL};
    if (sops_slice_is_any(t->secret->read.creation, shared)) {
        return true;
    }
    for (size_t i = 0; i < 2; i++) {
        struct sops_node *map = sops_node_find(d->parts, sops_str(maps[i]));
        for (struct sops_node *n = map != NULL ? map->child : NULL, *next; n != NULL; n = next) {
            struct sops_slice value;
            next = n->next;
            if (n->kind == SOPS_COMMENT || sops_keys_get(&t->secret->data, n->key, &value)) {
                continue;
            }
            sops_node_unlink(d, n);
            if (!note_change(t, SOPS_REMOVED, "data", n->key, e)) {
                return false;
            }
        }
        if (map != NULL && map->child == NULL && i == 1) {
            sops_node_unlink(d, map);
        }
    }
    return true;
}

static bool change_document(struct sops_pull_run *r, struct sops_pull_target *t, struct sops_doc *d, struct sops_err *e)
{
    const struct sops_pull_secret *s = t->secret;
    struct sops_node *meta = sops_node_find(d->parts, SOPS_LIT("metadata"));
    bool ok = change_type(t, d, e) && change_immutable(t, d, e) && change_texts(t, d, meta, "labels", &s->labels, e) &&
              change_texts(t, d, meta, "annotations", &s->annotations, e) && change_finalizers(t, d, meta, e);
    for (const struct sops_key_value *kv = s->data.first; ok && kv != NULL; kv = kv->next) {
        ok = kv->key.len == 0 || change_value(r, t, d, kv, e);
    }
    return ok && remove_values(t, d, e);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* Is it the Secret that it is to become? */
static bool check_document(const struct sops_pull_target *t, const struct sops_doc *d, struct sops_err *e)
{
    const struct sops_external_secret *x = &t->secret->read;
    const struct sops_node *top = d->parts, *meta = top != NULL ? sops_map_map(top, "metadata") : NULL;
    bool is = top != NULL && top->next == NULL && meta != NULL &&
              sops_slice_eq(sops_map_text(top, "kind"), SOPS_LIT("Secret")) &&
              sops_slice_eq(sops_map_text(meta, "name"), x->target) &&
              sops_slice_eq(sops_map_text(meta, "namespace"), x->object->space);
    return is || sops_fail(e, SOPS_E_READ, "'%s' is not the Secret of this name and namespace", t->path);
}

static bool refresh_file(struct sops_pull_run *r, struct sops_pull_target *t, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_own_format, sops_step_order, sops_step_unlock, NULL};
    sops_job_free(&t->job);
    t->job = sops_job_beside(&r->job, t->path);
    t->job.in_place = t->job.config_indent = true;
    if (!sops_job_steps(&t->job, steps, e)) {
        sops_recode(e, e->code == SOPS_E_GENERIC ? SOPS_E_READ : e->code);
        return strstr(e->msg, t->path) != NULL ? false : sops_within(e, "'%s'", t->path);
    }
    struct sops_doc *d = sops_envelope_clear(t->job.env, e);
    bool ok = d != NULL && check_document(t, d, e) && change_document(r, t, d, e);
    t->action = t->changes.first != NULL ? TARGET_UPDATE : TARGET_SAME;
    return ok && (t->action == TARGET_SAME || (check_marks(t, d, e) && (r->own.plan || sops_step_seal(&t->job, e))));
}

static bool create_file(struct sops_pull_run *r, struct sops_pull_target *t, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_parts, sops_step_new_key, sops_step_seal, NULL};
    struct sops_doc d = {0};
    struct sops_buf text = {0};
    struct sops_job *j = &t->job;
    t->action = TARGET_CREATE;
    j->services = r->job.services;
    j->out = j->in = sops_format_for(sops_str(t->path));
    bool ok = sops_pull_build(&d, NULL, t->secret, r->own.string_data, e) && check_marks(t, &d, e);
    ok = ok && (r->own.plan ||
                (sops_doc_emit(&d, j->in, &j->style, &text, e) &&
                 sops_envelope_parse_clear(j->env, j->in, sops_buf_view(&text), e) && sops_job_steps(j, steps, e)));
    sops_buf_free(&text);
    sops_doc_free(&d);
    return ok;
}

static bool make_target(struct sops_pull_run *r, struct sops_pull_target *t, struct sops_err *e)
{
    struct stat st;
    bool there = lstat(t->path, &st) == 0;
    if (!there && errno != ENOENT) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", t->path, sops_os_error(errno));
    }
    return there ? refresh_file(r, t, e) : create_file(r, t, e);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static bool text_line(const struct sops_pull_target *t, struct sops_buf *out, struct sops_err *e)
{
    static const char *const signs[] = {"", "+", "-"};
    bool ok = sops_buf_addf(out, e, "%c %-8s %s", action_signs[t->action], action_names[t->action], t->path);
    for (const struct sops_change *c = t->changes.first; ok && c != NULL; c = c->next) {
        struct sops_change_step below = *c->path;
        bool data = c->path->up != NULL && sops_slice_eq(c->path->up->key, SOPS_LIT("data"));
        below.up = data ? NULL : below.up;
        ok = sops_buf_adds(out, c == t->changes.first ? ": " : ", ", e) && sops_buf_adds(out, signs[c->kind], e) &&
             sops_change_path(&below, out, e);
    }
    return ok;
}

static bool json_line(const struct sops_pull_target *t, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_external_secret *x = &t->secret->read;
    return sops_buf_adds(out, "{\"schema\":1", e) &&
           sops_json_add(out, "action", sops_str(action_names[t->action]), e) &&
           sops_json_add(out, "file", sops_str(t->path), e) &&
           (x->object->space.len == 0 || sops_json_add(out, "namespace", x->object->space, e)) &&
           sops_json_add(out, "name", x->target, e) &&
           (t->changes.first == NULL || sops_changes_json(&t->changes, out, e)) && sops_buf_addc(out, '}', e);
}

static bool show_plan(struct sops_pull_run *r, struct sops_err *e)
{
    size_t count[TARGET_ACTIONS] = {0};
    struct sops_buf out = {0};
    bool ok = true;
    for (const struct sops_pull_target *t = r->target; ok && t != NULL; t = t->next) {
        if (t->secret->failed || t->secret->none) {
            continue;
        }
        count[t->action]++;
        ok = (r->own.json ? json_line(t, &out, e) : text_line(t, &out, e)) && sops_buf_addc(&out, '\n', e);
    }
    ok = ok &&
         (r->own.json || sops_buf_addf(&out, e, "Plan: %zu create, %zu update, %zu same\n", count[TARGET_CREATE],
                                       count[TARGET_UPDATE], count[TARGET_SAME])) &&
         sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    if (ok && count[TARGET_CREATE] + count[TARGET_UPDATE] != 0) {
        e->code = SOPS_E_GENERIC; /* something would change: a status, and no failure */
    }
    return ok;
}

static bool write_target(struct sops_pull_target *t, struct sops_err *e)
{
    struct sops_replace how = {.was = t->action == TARGET_UPDATE ? &t->job.was : NULL};
    struct sops_buf line = {0};
    bool ok = sops_make_folders(t->path, e) &&
              sops_file_replace(t->path, sops_buf_view(&t->job.bytes), 0666, &how, e) && text_line(t, &line, e) &&
              sops_buf_cstr(&line, e) != NULL;
    if (ok) {
        sops_ui_note("%s", (const char *)line.ptr);
    }
    sops_buf_free(&line);
    return ok || sops_recode(e, SOPS_E_READ);
}

bool sops_pull_write(struct sops_pull_run *r, struct sops_err *e)
{
    bool ok = sops_job_services(&r->job, e);
    for (struct sops_pull_target *t = r->target; ok && t != NULL; t = t->next) {
        struct sops_err why = {0};
        if (t->secret->failed || t->secret->none || make_target(r, t, &why)) {
            continue;
        }
        if (!r->own.keep_going) {
            *e = why;
            return false;
        }
        ((struct sops_pull_secret *)(uintptr_t)t->secret)->failed = true;
        sops_failures_note(&r->failures, &why);
    }
    if (!ok || r->own.plan) {
        return ok && show_plan(r, e);
    }
    for (struct sops_pull_target *t = r->target; t != NULL; t = t->next) {
        struct sops_err why = {0};
        if (t->secret->failed || t->secret->none || t->action == TARGET_SAME || write_target(t, &why)) {
            continue;
        }
        if (!r->own.keep_going) {
            *e = why;
            return false;
        }
        sops_failures_note(&r->failures, &why);
    }
    return true;
}
