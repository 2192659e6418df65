/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing walks both trees at a time, members in the order of their names, so that changes come out sorted. */
#include "sync/value.h"

#include "base/ascii.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"

#include <stdio.h>

/* ---- comparing -------------------------------------------------------------------------------------------------- */

struct pair {
    const struct sops_json_value *ours, *theirs; /* the next ones to compare, in a list or object */
    bool list;
    size_t index;
    const struct sops_change_step *up;
    struct pair *below;
};
struct comparison {
    struct sops_arena *a;
    struct sops_changes *out;
    struct pair *top;
};

static bool add_change(struct comparison *c, enum sops_change_kind kind, const struct sops_change_step *path,
                       struct sops_err *e)
{
    struct sops_change *change = sops_arena_alloc(c->a, sizeof *change, e);
    if (change == NULL) {
        return false;
    }
    *change = (struct sops_change){kind, path, NULL};
    if (c->out->last != NULL) {
        c->out->last->next = change;
    } else {
        c->out->first = change;
    }
    c->out->last = change;
    c->out->count++;
    return true;
}

static const struct sops_change_step *new_step(struct comparison *c, const struct pair *p, struct sops_slice key,
                                               struct sops_err *e)
{
    struct sops_change_step *step = sops_arena_alloc(c->a, sizeof *step, e);
    if (step != NULL) {
        *step = (struct sops_change_step){p->up, key, p->index, p->list};
        if (!p->list && !sops_arena_copy(c->a, key, &step->key, e)) {
            return NULL;
        }
    }
    return step;
}

static bool same_number(struct sops_slice a, struct sops_slice b, bool *same, struct sops_err *e)
{
    struct sops_buf x = {0}, y = {0};
    bool ok = sops_json_number_canon(&x, a, e) && sops_json_number_canon(&y, b, e);
    *same = sops_slice_eq(sops_buf_view(&x), sops_buf_view(&y));
    sops_buf_free(&x);
    sops_buf_free(&y);
    return ok;
}

/* Two values at one place: lists and objects are put on the stack, to be gone through. */
static bool compare_values(struct comparison *c, const struct sops_json_value *ours,
                           const struct sops_json_value *theirs, const struct sops_change_step *path,
                           struct sops_err *e)
{
    bool same = ours->kind == theirs->kind;
    if (same && ours->kind >= SOPS_JSON_LIST) {
        struct pair *p = sops_arena_alloc(c->a, sizeof *p, e);
        if (p == NULL) {
            return false;
        }
        *p = (struct pair){ours->child, theirs->child, ours->kind == SOPS_JSON_LIST, 0, path, c->top};
        c->top = p;
        return true;
    }
    if (same && ours->kind == SOPS_JSON_NUMBER) {
        if (!same_number(ours->raw, theirs->raw, &same, e)) {
            return false;
        }
    } else if (same && ours->kind == SOPS_JSON_STRING) {
        same = sops_slice_eq(ours->text, theirs->text);
    }
    return same || add_change(c, SOPS_CHANGED, path, e);
}

/* The next members or items of the topmost pair. */
static bool compare_next(struct comparison *c, struct sops_err *e)
{
    struct pair *p = c->top;
    const struct sops_json_value *ours = p->ours, *theirs = p->theirs;
    if (ours == NULL && theirs == NULL) {
        c->top = p->below;
        return true;
    }
    int order = ours == NULL ? 1 : theirs == NULL ? -1 : p->list ? 0 : sops_slice_cmp(ours->key, theirs->key);
    const struct sops_change_step *step = new_step(c, p, order <= 0 ? ours->key : theirs->key, e);
    if (step == NULL) {
        return false;
    }
    p->index++;
    p->ours = order <= 0 ? ours->next : ours;
    p->theirs = order >= 0 ? theirs->next : theirs;
    return order < 0   ? add_change(c, SOPS_ADDED, step, e)
           : order > 0 ? add_change(c, SOPS_REMOVED, step, e)
                       : compare_values(c, ours, theirs, step, e);
}

/* The object of a text, sorted; NULL when it is none. Failing to get memory is the only failure. */
static bool read_object(struct sops_arena *a, struct sops_slice text, struct sops_json_value **out, bool *repeated,
                        struct sops_err *e)
{
    struct sops_err none = {0};
    *out = NULL;
    *repeated = false;
    if (text.len == 0 || !sops_json_read(a, text, out, &none)) {
        bool memory = none.memory;
        sops_err_clear(&none);
        return !memory || sops_fail_memory(e);
    }
    if ((*out)->kind != SOPS_JSON_OBJECT) {
        *out = NULL;
        return true;
    }
    return sops_json_sort(*out, repeated, e);
}

bool sops_value_compare(struct sops_arena *a, struct sops_slice ours, struct sops_slice theirs,
                        struct sops_changes *out, struct sops_err *e)
{
    struct sops_arena trees = {0};
    struct sops_json_value *x, *y;
    struct comparison c = {.a = a, .out = out};
    bool once, twice;
    *out = (struct sops_changes){0};
    bool ok = read_object(&trees, ours, &x, &once, e) && read_object(&trees, theirs, &y, &twice, e);
    if (ok && (x == NULL || y == NULL)) {
        ok = sops_slice_eq(ours, theirs) || add_change(&c, SOPS_CHANGED, NULL, e);
    } else if (ok) {
        ok = compare_values(&c, x, y, NULL, e);
        while (ok && c.top != NULL) {
            ok = compare_next(&c, e);
        }
        if (ok && twice && out->count == 0) { /* of a repeated key nobody knows which one a reader takes */
            ok = add_change(&c, SOPS_CHANGED, NULL, e);
        }
    }
    sops_arena_free(&trees);
    return ok;
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

/* The steps from the first to the last. False when memory is out. */
static bool steps_of(const struct sops_change_step *path, const struct sops_change_step ***out, size_t *count,
                     struct sops_err *e)
{
    *count = 0;
    for (const struct sops_change_step *s = path; s != NULL; s = s->up) {
        (*count)++;
    }
    *out = sops_alloc((*count + 1) * sizeof **out, e);
    size_t i = *count;
    for (const struct sops_change_step *s = path; *out != NULL && s != NULL; s = s->up) {
        (*out)[--i] = s;
    }
    return *out != NULL;
}

bool sops_change_path(const struct sops_change_step *path, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_change_step **step;
    size_t count;
    if (path == NULL) {
        return sops_buf_adds(out, "(the value)", e);
    }
    bool ok = steps_of(path, &step, &count, e);
    for (size_t i = 0; ok && i < count; i++) {
        if (step[i]->is_index) {
            ok = sops_buf_addf(out, e, "[%zu]", step[i]->index);
        } else if (step[i]->key.len != 0 && sops_only_alnum(step[i]->key, "_-")) {
            ok = (i == 0 || sops_buf_addc(out, '.', e)) && sops_buf_add(out, step[i]->key, e);
        } else {
            ok = sops_buf_addc(out, '[', e) && sops_json_quote(out, step[i]->key, e) && sops_buf_addc(out, ']', e);
        }
    }
    sops_free(step);
    return ok;
}

bool sops_change_json(const struct sops_change_step *path, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_change_step **step;
    size_t count;
    bool ok = steps_of(path, &step, &count, e) && sops_buf_addc(out, '[', e);
    for (size_t i = 0; ok && i < count; i++) {
        ok = (i == 0 || sops_buf_addc(out, ',', e)) &&
             (step[i]->is_index ? sops_buf_addf(out, e, "%zu", step[i]->index) : sops_json_quote(out, step[i]->key, e));
    }
    sops_free(step);
    return ok && sops_buf_addc(out, ']', e);
}

bool sops_changes_json(const struct sops_changes *c, struct sops_buf *out, struct sops_err *e)
{
    static const char *const words[] = {"changed", "added", "removed"};
    bool ok = sops_json_begin(out, "changes", '[', e);
    for (const struct sops_change *change = c->first; ok && change != NULL; change = change->next) {
        ok = sops_json_begin(out, NULL, '{', e) && sops_json_add(out, "change", sops_str(words[change->kind]), e) &&
             sops_buf_adds(out, ",\"path\":", e) && sops_change_json(change->path, out, e) &&
             sops_buf_addc(out, '}', e);
    }
    return ok && sops_buf_addc(out, ']', e);
}

/* ---- digests ---------------------------------------------------------------------------------------------------- */

bool sops_value_canon(struct sops_arena *a, struct sops_slice value, struct sops_slice *canon, struct sops_err *e)
{
    struct sops_arena tree = {0};
    struct sops_json_value *root;
    struct sops_buf text = {0};
    bool repeated;
    *canon = value;
    bool ok = read_object(&tree, value, &root, &repeated, e);
    if (ok && root != NULL) {
        ok = sops_json_print(&text, root, SOPS_JSON_CANON, e) && sops_arena_copy(a, sops_buf_view(&text), canon, e);
    }
    sops_buf_free(&text);
    sops_arena_free(&tree);
    return ok;
}

void sops_digest_key(struct sops_slice data_key, uint8_t key[32])
{
    sops_hkdf(data_key, (struct sops_slice){0}, SOPS_LIT("sops publish v1"), key);
}

bool sops_digest_text(const uint8_t key[32], const char *store, struct sops_slice place, struct sops_slice name,
                      struct sops_slice value, char out[SOPS_DIGEST_TEXT], struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_buf text = {0}, encoded = {0};
    struct sops_slice canon;
    uint8_t mac[32];
    bool ok = sops_value_canon(&a, value, &canon, e) && sops_buf_adds(&text, store, e) && sops_buf_addc(&text, 0, e) &&
              sops_buf_add(&text, place, e) && sops_buf_addc(&text, 0, e) && sops_buf_add(&text, name, e) &&
              sops_buf_addc(&text, 0, e) && sops_buf_add(&text, canon, e);
    if (ok) {
        sops_hmac_sha256(sops_slice_of(key, 32), sops_buf_view(&text), mac);
        ok = sops_base64_add(&encoded, SOPS_B64_URL, sops_slice_of(mac, 16), e);
        (void)snprintf(out, SOPS_DIGEST_TEXT, "%.*s", ok ? (int)encoded.len : 0, ok ? (const char *)encoded.ptr : "");
        sops_wipe(mac, sizeof mac);
    }
    sops_buf_free(&encoded);
    sops_buf_free(&text);
    sops_arena_free(&a);
    return ok;
}

void sops_token_text(struct sops_slice version, const char *digest, char out[37])
{
    char text[600];
    uint8_t hash[32];
    struct sops_slice short_version = sops_slice_first(version, 512);
    memcpy(text, short_version.ptr != NULL ? (const char *)short_version.ptr : "", short_version.len);
    text[short_version.len] = '\0';
    memcpy(text + short_version.len + 1, digest, strlen(digest));
    sops_sha256(sops_slice_of(text, short_version.len + 1 + strlen(digest)), hash);
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[n++] = '-';
        }
        (void)snprintf(out + n, 3, "%02x", hash[i]);
        n += 2;
    }
}

/* ---- numbers that a store would round --------------------------------------------------------------------------- */

/* Would a reader that makes doubles of numbers have another whole number? */
static bool is_rounded(struct sops_slice number, bool *rounded, struct sops_err *e)
{
    struct sops_buf text = {0};
    double v = 0;
    bool whole = sops_slice_find(number, '.') == number.len && sops_slice_find(number, 'e') == number.len &&
                 sops_slice_find(number, 'E') == number.len;
    bool read = whole && sops_float_parse(number, &v, NULL);
    bool ok = !read || sops_float_canonical(&text, v, e);
    *rounded = ok && read && !sops_slice_eq(sops_buf_view(&text), number);
    sops_buf_free(&text);
    return ok;
}

/* The steps to a value, from the tree itself. */
static bool tree_path(struct sops_arena *a, const struct sops_json_value *v, const struct sops_change_step **out,
                      struct sops_err *e)
{
    struct sops_change_step *below = NULL;
    *out = NULL;
    for (; v->up != NULL; v = v->up) {
        struct sops_change_step *step = sops_arena_alloc(a, sizeof *step, e);
        if (step == NULL) {
            return false;
        }
        step->is_index = v->up->kind == SOPS_JSON_LIST;
        step->key = v->key;
        for (const struct sops_json_value *item = v->up->child; step->is_index && item != v; item = item->next) {
            step->index++;
        }
        if (below != NULL) {
            below->up = step;
        } else {
            *out = step;
        }
        below = step;
    }
    return true;
}

bool sops_value_rounded(struct sops_slice json, struct sops_buf *out, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_json_value *root;
    const struct sops_change_step *path;
    bool rounded = false;
    bool ok = sops_json_read(&a, json, &root, e);
    const struct sops_json_value *v = ok ? root : NULL;
    while (ok && v != NULL && !rounded) {
        ok = v->kind != SOPS_JSON_NUMBER || is_rounded(v->raw, &rounded, e);
        if (ok && rounded) {
            ok = tree_path(&a, v, &path, e) && sops_change_path(path, out, e);
        }
        v = sops_json_after(root, v);
    }
    sops_arena_free(&a);
    return ok;
}
