/* SPDX-License-Identifier: Apache-2.0 */
/* Tags are looked at first, and a value only when the item is ours or about to be: what belongs to somebody else is
 * neither read nor written (docs/spec/73-stores.md#ownership-adopt-prune). */
#include "sync/plan.h"

#include "base/ascii.h"
#include "base/table.h"
#include "base/text.h"
#include "base/thread.h"

#include <stdlib.h>
#include <sys/stat.h>

#define SOURCE_MAX 256

const char *const sops_action_names[SOPS_ACTIONS] = {"create", "update", "tag",  "restore",
                                                     "adopt",  "delete", "same", "foreign"};
const char sops_action_signs[SOPS_ACTIONS] = {'+', '~', '~', '+', '^', '-', '=', '!'};

struct sops_plan_item *sops_plan_add(struct sops_plan *p, struct sops_err *e)
{
    struct sops_plan_item **more = sops_arena_grow(&p->arena, p->item, p->count, &p->room, sizeof *more, e);
    if (more == NULL) {
        return NULL;
    }
    p->item = more;
    struct sops_plan_item *i = sops_arena_alloc(&p->arena, sizeof *i, e);
    if (i != NULL) {
        p->item[p->count++] = i;
    }
    return i;
}

void sops_plan_free(struct sops_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        sops_arena_free(&p->item[i]->arena);
        sops_err_clear(&p->item[i]->why);
    }
    sops_arena_free(&p->arena);
    *p = (struct sops_plan){0};
}

bool sops_plan_pending(const struct sops_plan_item *i) { return i->action != SOPS_SAME && i->action != SOPS_FOREIGN; }

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static bool check_value(const struct sops_plan_item *i, struct sops_err *e)
{
    const struct sops_store *store = i->site->store;
    struct sops_buf path = {0};
    bool ok = true;
    if (i->value.len < store->value_min) {
        return sops_fail(e, SOPS_E_READ, "the value is empty, which %s does not take", store->rule);
    }
    if (i->value.len > store->value_max) {
        (void)sops_fail(e, SOPS_E_READ, "the value has %zu bytes, and %s takes %zu", i->value.len, store->rule,
                        store->value_max);
        return i->key.ptr == NULL && !store->no_keys
                   ? sops_hint(e, "`layout: per_key` of its rule makes an item of each key")
                   : false;
    }
    if (store->text_only && !sops_utf8_valid(i->value)) {
        return sops_fail(e, SOPS_E_READ, "the value is not UTF-8, and %s takes text only", store->rule);
    }
    if (store->doubles) {
        ok = sops_value_rounded(i->value, &path, e);
        if (ok && path.len != 0) {
            ok = sops_fail(e, SOPS_E_READ, "the whole number at %.*s has more digits than the store keeps of one",
                           SOPS_ARG(sops_buf_view(&path)));
            (void)sops_hint(e, "put the number in quotes, so that it is sent as a text");
        }
    }
    sops_buf_free(&path);
    return ok;
}

static bool check_source(struct sops_slice source, struct sops_err *e)
{
    return (source.len <= SOURCE_MAX && sops_only_alnum(source, " _.:/=+@-")) ||
           sops_fail(e, SOPS_E_READ, "the path does not fit into a tag: at most %d of A-Z a-z 0-9 and _ . : / = + @ -",
                     SOURCE_MAX);
}

bool sops_plan_check(struct sops_plan_item *i, struct sops_err *e)
{
    const struct sops_store *store = i->site->store;
    const bool note = store->notes_marks;
    bool ok = check_source(i->source, e);
    if (ok && !store->check_name(i->name, e)) {
        (void)sops_within(e, "%s: the name '%.*s'", store->rule, SOPS_ARG(sops_slice_first(i->name, 300)));
        ok = sops_hint(e, "`prefix`, `name` and `join` of its rule make the name");
    }
    ok = ok && check_value(i, e) &&
         sops_digest_text(i->digest_key, store->rule, i->site->place, i->name, i->value, i->digest, e);
    if (!ok) {
        sops_recode(e, SOPS_E_READ);
        return i->key.ptr != NULL ? sops_within(e, "'%s', key '%.*s'", i->file, SOPS_ARG(sops_slice_first(i->key, 100)))
                                  : sops_within(e, "'%s'", i->file);
    }
    i->tag[0] = (struct sops_store_tag){SOPS_LIT("managed-by"), SOPS_LIT("sops"), false};
    i->tag[1] = (struct sops_store_tag){SOPS_LIT("sops-owner"), i->rule->owner, false};
    i->tag[2] = (struct sops_store_tag){SOPS_LIT("sops-source"), i->source, note};
    i->tag[3] = (struct sops_store_tag){SOPS_LIT("sops-digest"), sops_str(i->digest), note};
    return true;
}

static bool same_place(const struct sops_store_site *a, const struct sops_store_site *b)
{
    return a->store == b->store && sops_slice_eq(a->place, b->place);
}

/* "STORE\0PLACE\0NAME": what makes an item one. */
static bool item_id(struct sops_arena *a, const struct sops_store_site *site, struct sops_slice name,
                    struct sops_slice *id, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_buf_adds(&text, site->store->rule, e) && sops_buf_addc(&text, 0, e) &&
              sops_buf_add(&text, site->place, e) && sops_buf_addc(&text, 0, e) && sops_buf_add(&text, name, e) &&
              sops_arena_copy(a, sops_buf_view(&text), id, e);
    sops_buf_free(&text);
    return ok;
}

static bool put_items(const struct sops_plan *p, struct sops_arena *a, struct sops_table *table, struct sops_err *e)
{
    for (size_t n = 0; n < p->count; n++) {
        const struct sops_plan_item *i = p->item[n];
        struct sops_slice id;
        void **place = item_id(a, i->site, i->name, &id, e) ? sops_table_put(table, id, NULL, e) : NULL;
        if (place == NULL) {
            return false;
        }
        const struct sops_plan_item *other = *place;
        if (other != NULL) {
            return sops_fail(e, SOPS_E_READ, "'%s' and '%s' would both be '%.*s' of %s %.*s", other->file, i->file,
                             SOPS_ARG(sops_slice_first(i->name, 200)), i->site->store->rule,
                             SOPS_ARG(sops_slice_first(i->site->place, 100)));
        }
        *place = (void *)(uintptr_t)i;
    }
    return true;
}

bool sops_plan_check_twice(const struct sops_plan *p, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_table table = {0};
    bool ok = put_items(p, &a, &table, e);
    sops_table_free(&table);
    sops_arena_free(&a);
    return ok;
}

/* ---- whose it is ------------------------------------------------------------------------------------------------ */

static const struct sops_store_tag *find_tag(const struct sops_store_item *old, const char *key)
{
    for (size_t i = 0; i < old->tags; i++) {
        if (sops_slice_eq(old->tag[i].key, sops_str(key))) {
            return &old->tag[i];
        }
    }
    return NULL;
}

static struct sops_slice tag_value(const struct sops_store_item *old, const char *key)
{
    const struct sops_store_tag *t = find_tag(old, key);
    return t != NULL ? t->value : (struct sops_slice){0};
}

static bool is_owned(const struct sops_store_item *old, struct sops_slice owner)
{
    return sops_slice_eq(tag_value(old, "managed-by"), SOPS_LIT("sops")) &&
           sops_slice_eq(tag_value(old, "sops-owner"), owner);
}

/* The folder of the configuration, with its slash. */
static struct sops_slice home_of(const struct sops_plan *p)
{
    struct sops_slice path = sops_buf_view(&p->rules->config->path);
    while (path.len != 0 && path.ptr[path.len - 1] != '/') {
        path.len--;
    }
    return path;
}

/* Sources come out of tags, so they may say anything. */
static bool is_plain_source(struct sops_slice source)
{
    struct sops_slice rest = source, part;
    bool plain = source.len != 0 && source.len <= SOURCE_MAX && sops_only_alnum(source, " _.:/=+@-");
    while (plain && rest.ptr != NULL && sops_slice_next(&rest, '/', &part)) {
        plain = part.len != 0 && !sops_slice_eq(part, SOPS_LIT("..")) && !sops_slice_eq(part, SOPS_LIT("."));
    }
    return plain;
}

static bool source_exists(const struct sops_plan *p, struct sops_slice source, bool *exists, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct stat st;
    *exists = false;
    if (!is_plain_source(source)) {
        return true;
    }
    bool ok = sops_buf_add(&path, home_of(p), e) && sops_buf_add(&path, source, e) && sops_buf_cstr(&path, e) != NULL;
    *exists = ok && lstat((const char *)path.ptr, &st) == 0;
    sops_buf_free(&path);
    return ok;
}

static bool set_foreign(struct sops_plan_item *i, struct sops_err *e, const char *what, struct sops_slice who)
{
    i->action = SOPS_FOREIGN;
    return sops_arena_printf(&i->arena, &i->reason, e, "%s%.*s", what, SOPS_ARG(sops_slice_first(who, 200)));
}

/* Is it somebody else's? Then the item says why. */
static bool decide_owner(const struct sops_plan *p, struct sops_plan_item *i, bool *ours, struct sops_err *e)
{
    struct sops_slice manager = tag_value(&i->old, "managed-by"), source = tag_value(&i->old, "sops-source");
    bool exists = false;
    *ours = is_owned(&i->old, i->rule->owner);
    if (*ours) {
        if (sops_slice_eq(source, i->source) || !source_exists(p, source, &exists, e)) {
            return e->code == SOPS_OK;
        }
        *ours = !exists;
        return !exists || set_foreign(i, e, "source: ", source);
    }
    if (find_tag(&i->old, "managed-by") != NULL) {
        return sops_slice_eq(manager, SOPS_LIT("sops"))
                   ? set_foreign(i, e, "sops-owner: ", tag_value(&i->old, "sops-owner"))
                   : set_foreign(i, e, "managed-by: ", manager);
    }
    if (i->old.state == SOPS_ITEM_DELETED) {
        return set_foreign(i, e, "deleted, and not managed by sops", SOPS_LIT(""));
    }
    return p->adopt || set_foreign(i, e, "not managed by sops", SOPS_LIT(""));
}

/* ---- what is there ---------------------------------------------------------------------------------------------- */

static bool tags_current(const struct sops_plan_item *i)
{
    for (size_t n = 0; n < SOPS_STORE_TAGS; n++) {
        bool has = false;
        for (size_t k = 0; k < i->old.tags; k++) {
            const struct sops_store_tag *t = &i->old.tag[k];
            has = has || (t->note == i->tag[n].note && sops_slice_eq(t->key, i->tag[n].key) &&
                          sops_slice_eq(t->value, i->tag[n].value));
        }
        if (!has) {
            return false;
        }
    }
    return true;
}

static bool check_tag_count(const struct sops_plan_item *i, struct sops_err *e)
{
    size_t n = SOPS_STORE_TAGS, most = i->site->store->tags_max;
    for (size_t k = 0; k < i->old.tags; k++) {
        bool is_ours = false;
        for (size_t m = 0; m < SOPS_STORE_TAGS; m++) {
            is_ours = is_ours || sops_slice_eq(i->old.tag[k].key, i->tag[m].key);
        }
        n += !is_ours;
    }
    return most == 0 || n <= most ||
           sops_fail(e, SOPS_E_READ, "the item has too many tags: with ours there would be %zu, of at most %zu", n,
                     most);
}

static enum sops_store_result read_old(const struct sops_plan *p, struct sops_plan_item *i, struct sops_slice *value,
                                       struct sops_err *e)
{
    const struct sops_store *store = i->site->store;
    struct sops_store_ref ref = {.key = i->name}, found = {{0}, {0}};
    if (i->old.has_value) {
        *value = i->old.value;
        return SOPS_STORE_OK;
    }
    return store->resolve(i->site, &i->arena, &ref, &found, e)
               ? store->read(i->site, p->world, &i->arena, &found, value, e)
               : SOPS_STORE_FAILED;
}

/* For an item that is ours, or is to be. */
static bool decide_value(const struct sops_plan *p, struct sops_plan_item *i, bool ours, struct sops_err *e)
{
    struct sops_slice value = {0};
    struct sops_err why = {0};
    bool same = false;
    if (i->old.state == SOPS_ITEM_DELETED) {
        i->action = SOPS_RESTORE;
        return true;
    }
    enum sops_store_result result = read_old(p, i, &value, &why);
    if (result == SOPS_STORE_ABSENT || result == SOPS_STORE_DISABLED) {
        i->action = SOPS_RESTORE;
    } else if (result == SOPS_STORE_DENIED) {
        i->by_digest = true;
        same = sops_slice_eq(tag_value(&i->old, "sops-digest"), sops_str(i->digest));
    } else if (result == SOPS_STORE_OK) {
        if (!sops_value_compare(&i->arena, i->value, value, &i->changes, e)) {
            return false;
        }
        same = i->changes.first == NULL;
    } else {
        *e = why;
        return false;
    }
    sops_err_clear(&why);
    if (i->action != SOPS_RESTORE) {
        i->action = !ours ? SOPS_ADOPT : !same ? SOPS_UPDATE : tags_current(i) ? SOPS_SAME : SOPS_TAG;
        i->by_digest = i->by_digest && !same;
    }
    return true;
}

static bool look_at(const struct sops_plan *p, struct sops_plan_item *i, struct sops_err *e)
{
    bool ours = false;
    if (!i->site->store->describe(i->site, p->world, &i->arena, i->name, &i->old, e)) {
        return false;
    }
    if (i->old.state == SOPS_ITEM_NONE) {
        i->action = SOPS_CREATE;
        return true;
    }
    i->action = SOPS_SAME;
    if (!decide_owner(p, i, &ours, e) || i->action == SOPS_FOREIGN) {
        return i->action == SOPS_FOREIGN && e->code == SOPS_OK;
    }
    return check_tag_count(i, e) && decide_value(p, i, ours, e);
}

/* ---- prune ------------------------------------------------------------------------------------------------------ */

static bool is_below(const struct sops_plan *p, struct sops_slice source, bool *below, struct sops_err *e)
{
    struct sops_buf path = {0};
    *below = false;
    bool ok = sops_buf_add(&path, home_of(p), e) && sops_buf_add(&path, source, e);
    struct sops_slice whole = sops_buf_view(&path);
    for (const char *const *at = p->prune->path; ok && !*below && *at != NULL; at++) {
        struct sops_slice folder = sops_str(*at);
        *below = sops_slice_eq(folder, SOPS_LIT("/")) ||
                 (sops_slice_starts(whole, folder) && (whole.len == folder.len || whole.ptr[folder.len] == '/'));
    }
    sops_buf_free(&path);
    return ok;
}

static bool is_published(const struct sops_plan *p, struct sops_slice source)
{
    for (size_t n = 0; n < p->count; n++) {
        if (!p->item[n]->left_over && sops_slice_eq(p->item[n]->source, source)) {
            return true;
        }
    }
    return false;
}

/* A candidate: does all hold that lets it be deleted? */
static bool look_at_left_over(const struct sops_plan *p, struct sops_plan_item *i, struct sops_err *e)
{
    const struct sops_store *store = i->site->store;
    bool below = false, exists = false, has_value = true;
    if (!store->describe(i->site, p->world, &i->arena, i->name, &i->old, e)) {
        return false;
    }
    struct sops_slice source = tag_value(&i->old, "sops-source");
    if (i->old.state != SOPS_ITEM_LIVE || !is_owned(&i->old, i->rule->owner) || !is_plain_source(source)) {
        return true;
    }
    i->source = source;
    if (!is_below(p, source, &below, e) || !source_exists(p, source, &exists, e)) {
        return false;
    }
    if (!below || (exists && !is_published(p, source))) {
        return true;
    }
    if (store->has_value != NULL && !store->has_value(i->site, p->world, &i->old, &has_value, e)) {
        return false;
    }
    i->action = SOPS_DELETE;
    i->wanted = has_value;
    return true;
}

/* Was a rule of the same place, prefix and owner listed before? */
static bool is_listed(const struct sops_store_rules *r, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const struct sops_store_rule *a = &r->rule[k], *b = &r->rule[n];
        if (!a->file_destination && same_place(&a->site, &b->site) && sops_slice_eq(a->prefix, b->prefix) &&
            sops_slice_eq(a->owner, b->owner)) {
            return true;
        }
    }
    return false;
}

static bool add_candidates(struct sops_plan *p, const struct sops_store_rule *rule, struct sops_table *known,
                           struct sops_err *e)
{
    struct sops_store_list list = {0};
    if (!rule->site.store->list(&rule->site, p->world, &p->arena, rule->prefix, rule->owner, &list, e)) {
        return sops_within(e, "%s %.*s: the list of items", rule->site.store->rule, SOPS_ARG(rule->site.place));
    }
    for (const struct sops_store_found *f = list.first; f != NULL; f = f->next) {
        struct sops_slice id;
        bool is_new = false;
        if (!item_id(&p->arena, &rule->site, f->key, &id, e)) {
            return false;
        }
        void **place = sops_table_put(known, id, &is_new, e);
        struct sops_plan_item *i = place != NULL && is_new ? sops_plan_add(p, e) : NULL;
        if (place == NULL || (is_new && i == NULL)) {
            return false;
        }
        if (i != NULL) {
            i->rule = rule;
            i->site = &rule->site;
            i->name = f->key;
            i->left_over = true;
            *place = i;
        }
    }
    return true;
}

static bool list_left_overs(struct sops_plan *p, struct sops_err *e)
{
    struct sops_table known = {0};
    bool ok = put_items(p, &p->arena, &known, e);
    for (size_t n = 0; ok && n < p->rules->count; n++) {
        const struct sops_store_rule *rule = &p->rules->rule[n];
        ok = rule->file_destination || is_listed(p->rules, n) || add_candidates(p, rule, &known, e);
    }
    sops_table_free(&known);
    return ok;
}

/* ---- the whole plan --------------------------------------------------------------------------------------------- */

struct looking {
    const struct sops_plan *plan;
    size_t first;
};

static void look_job(void *ctx, size_t n)
{
    const struct looking *l = ctx;
    struct sops_plan_item *i = l->plan->item[l->first + n];
    bool ok = i->left_over ? look_at_left_over(l->plan, i, &i->why) : look_at(l->plan, i, &i->why);
    if (!ok) {
        i->failed = true;
        sops_recode(&i->why, SOPS_E_READ);
        (void)sops_within(&i->why, "%s%s%s%s %.*s '%.*s'", i->file != NULL ? "'" : "", i->file != NULL ? i->file : "",
                          i->file != NULL ? "': " : "", i->site->store->rule,
                          SOPS_ARG(sops_slice_first(i->site->place, 200)), SOPS_ARG(sops_slice_first(i->name, 300)));
    }
}

static bool look_at_all(const struct sops_plan *p, size_t first)
{
    struct looking l = {p, first};
    sops_together(p->count - first, SOPS_STORE_TOGETHER, look_job, &l);
    for (size_t n = first; n < p->count; n++) {
        if (p->item[n]->failed) {
            return false;
        }
    }
    return true;
}

static int by_source(const void *a, const void *b)
{
    const struct sops_plan_item *x = *(struct sops_plan_item *const *)a, *y = *(struct sops_plan_item *const *)b;
    int order = (x->action == SOPS_DELETE) - (y->action == SOPS_DELETE);
    order = order != 0 ? order : sops_slice_cmp(x->source, y->source);
    return order != 0 ? order : sops_slice_cmp(x->name, y->name);
}

/* Takes out candidates that stay, and sorts. */
static void put_in_order(struct sops_plan *p)
{
    size_t kept = 0;
    for (size_t n = 0; n < p->count; n++) {
        struct sops_plan_item *i = p->item[n];
        if (i->left_over && !i->wanted) {
            sops_arena_free(&i->arena);
            sops_err_clear(&i->why);
        } else {
            p->item[kept++] = i;
        }
    }
    p->count = kept;
    if (kept != 0) {
        qsort(p->item, kept, sizeof(void *), by_source);
    }
}

bool sops_plan_make(struct sops_plan *p, struct sops_err *e)
{
    size_t files = p->count;
    bool ok = look_at_all(p, 0);
    if (ok && p->prune != NULL) {
        ok = list_left_overs(p, e) && look_at_all(p, files);
    }
    if (e->code != SOPS_OK) {
        sops_recode(e, SOPS_E_READ);
    }
    if (ok) {
        put_in_order(p);
    }
    return ok;
}

bool sops_plan_apply(const struct sops_plan *p, struct sops_plan_item *i, struct sops_err *e)
{
    const struct sops_store *store = i->site->store;
    char token[37];
    bool ok = true;
    sops_token_text(i->old.version, i->digest, token);
    const struct sops_store_write what = {
        .old = &i->old, .value = i->value, .document = i->document, .tag = i->tag, .token = token};
    bool same = i->action == SOPS_ADOPT && i->changes.first == NULL && !i->by_digest;
    if (i->action == SOPS_DELETE) {
        ok = store->remove(i->site, p->world, &i->old, e);
    } else if (i->action == SOPS_TAG || same) {
        ok = store->tag(i->site, p->world, &what, e);
    } else if (sops_plan_pending(i)) {
        ok = (i->action != SOPS_RESTORE || store->restore == NULL || store->restore(i->site, p->world, &i->old, e)) &&
             store->write(i->site, p->world, &what, e);
    }
    if (!ok) {
        sops_recode(e, SOPS_E_READ);
        (void)sops_within(e, "%s %.*s '%.*s'", store->rule, SOPS_ARG(sops_slice_first(i->site->place, 200)),
                          SOPS_ARG(sops_slice_first(i->name, 300)));
    }
    return ok;
}
