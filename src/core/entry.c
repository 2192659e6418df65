/* SPDX-License-Identifier: Apache-2.0 */
/* Data keys of a run lie side by side in few locked pages: a page of its own for each of thousands would use up what a
 * process may lock. */
#include "core/entry.h"

#include "base/digest.h"
#include "base/secret.h"
#include "base/table.h"
#include "core/service.h"

#include <pthread.h>

#define MOST 30000 /* entries of one file that are remembered: a hostile one may hold a million */
#define CELL ((size_t)48)
#define PAGE ((size_t)4080) /* with the canary of sodium_malloc one page */

struct cells {
    struct sops_secret secret;
    size_t used;
    struct cells *next;
};
struct cell {
    struct cell *next;
    uint8_t *at;
};

struct sops_answers {
    struct sops_arena arena;
    pthread_mutex_t asking, filling;
    struct sops_table table;
    struct cells *cells;
    struct cell *spare;           /* wiped, to be used again */
    struct sops_slice last_cause; /* the next one is often equal */
    struct sops_buf scratch;
};

static void drop_answers(void *thing)
{
    struct sops_answers *a = thing;
    for (struct cells *c = a->cells; c != NULL; c = c->next) {
        sops_secret_free(&c->secret);
    }
    sops_table_free(&a->table);
    sops_buf_free(&a->scratch);
    (void)pthread_mutex_destroy(&a->asking);
    (void)pthread_mutex_destroy(&a->filling);
    sops_arena_free(&a->arena);
}

static bool make_answers(struct sops_world *w, struct sops_arena *arena, void *arg, void **made, struct sops_err *e)
{
    (void)arg;
    struct sops_answers *a = sops_arena_alloc(arena, sizeof *a, e);
    if (a == NULL || !sops_world_at_end(w, drop_answers, a, e)) {
        return false;
    }
    (void)pthread_mutex_init(&a->asking, NULL);
    (void)pthread_mutex_init(&a->filling, NULL);
    *made = a;
    return true;
}

struct sops_answers *sops_answers_of(struct sops_world *w, struct sops_err *e)
{
    static const char owner;
    void *made = NULL;
    return sops_world_once(w, &owner, SOPS_LIT(""), make_answers, NULL, &made, e) ? made : NULL;
}

void sops_answers_lock(struct sops_answers *a) { (void)pthread_mutex_lock(&a->asking); }

void sops_answers_unlock(struct sops_answers *a) { (void)pthread_mutex_unlock(&a->asking); }

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* A text with its length before it, so that no two rows of texts are the same bytes. */
static bool add_text(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    uint64_t length = text.len;
    return sops_buf_add(out, sops_slice_of(&length, sizeof length), e) && sops_buf_add(out, text, e);
}

static bool make_id(struct sops_buf *out, const struct sops_service *services, const struct sops_key *k, uint8_t id[32],
                    struct sops_err *e)
{
    bool ok = true;
    sops_buf_cut(out, 0);
    for (const struct sops_service *s = services; ok && s != NULL; s = s->next) {
        ok = add_text(out, sops_str(s->name), e);
    }
    ok = ok && add_text(out, sops_str(k->source->id), e) && add_text(out, k->enc, e);
    for (size_t i = 0; ok && i < SOPS_MAX_FIELDS; i++) {
        ok = add_text(out, k->field[i], e);
    }
    for (const struct sops_pair *p = k->map; ok && p != NULL; p = p->next) {
        ok = add_text(out, p->key, e) && add_text(out, p->value, e);
    }
    if (ok) {
        sops_sha256(sops_buf_view(out), id);
    }
    return ok;
}

struct sops_entry *sops_answers_entry(struct sops_answers *a, const struct sops_service *services,
                                      const struct sops_key *key, size_t number, struct sops_err *e)
{
    struct remembered {
        struct sops_entry entry;
        uint8_t id[32]; /* equal for equal keys, services and wrapped data keys */
    } *r = NULL;
    uint8_t id[32];
    struct sops_entry *n = NULL;
    void **slot = NULL;
    if (number >= MOST) {
        n = sops_arena_alloc(&a->arena, sizeof *n, e);
    } else if (make_id(&a->scratch, services, key, id, e)) {
        n = sops_table_get(&a->table, sops_slice_of(id, sizeof id));
        r = n == NULL ? sops_arena_alloc(&a->arena, sizeof *r, e) : NULL;
    }
    if (r != NULL) {
        memcpy(r->id, id, sizeof id);
        slot = sops_table_put(&a->table, sops_slice_of(r->id, sizeof r->id), NULL, e);
        if (slot != NULL) {
            *slot = n = &r->entry;
        }
    }
    if (n != NULL && n->answers == NULL) {
        n->answers = a; /* once: others may look at it, who are done with theirs */
    }
    if (n != NULL) {
        n->key = key;
        n->lot = 0;
    }
    return n;
}

/* ---- what became of them ----------------------------------------------------------------------------------------- */

/* Locked memory for one data key. What is longer than any (a strange file's) gets pages of its own. */
static uint8_t *take_cell(struct sops_answers *a, size_t size, struct sops_err *e)
{
    struct cell *spare = a->spare;
    if (size <= CELL && spare != NULL) {
        a->spare = spare->next;
        return spare->at;
    }
    if (size > CELL || a->cells == NULL || a->cells->secret.len - a->cells->used < CELL) {
        struct cells *more = sops_arena_alloc(&a->arena, sizeof *more, e);
        if (more == NULL || !sops_secret_new(&more->secret, size > PAGE ? size : PAGE, e)) {
            return NULL;
        }
        more->next = a->cells;
        a->cells = more;
    }
    uint8_t *at = a->cells->secret.ptr + a->cells->used;
    a->cells->used += size > CELL ? a->cells->secret.len : CELL;
    return at;
}

bool sops_entry_open(struct sops_entry *n, struct sops_slice plain, struct sops_err *e)
{
    struct sops_answers *a = n->answers;
    (void)pthread_mutex_lock(&a->filling);
    uint8_t *at = take_cell(a, plain.len, e);
    (void)pthread_mutex_unlock(&a->filling);
    if (at == NULL) {
        return false;
    }
    if (plain.len != 0) {
        memcpy(at, plain.ptr, plain.len);
    }
    n->plain = sops_slice_of(at, plain.len);
    n->state = SOPS_ENTRY_OPENED;
    return true;
}

bool sops_entry_refuse_for(struct sops_entry *n, struct sops_slice cause, struct sops_err *e)
{
    struct sops_answers *a = n->answers;
    (void)pthread_mutex_lock(&a->filling);
    bool ok = sops_slice_eq(a->last_cause, cause) || sops_arena_copy(&a->arena, cause, &a->last_cause, e);
    n->cause = a->last_cause;
    n->state = ok ? SOPS_ENTRY_REFUSED : n->state;
    (void)pthread_mutex_unlock(&a->filling);
    return ok;
}

bool sops_cause_add(struct sops_buf *cause, const struct sops_err *why, struct sops_err *e)
{
    if (why->memory) {
        return sops_fail_memory(e);
    }
    struct sops_slice text = why->detail.len != 0 ? sops_buf_view(&why->detail) : sops_str(why->msg);
    return sops_buf_add(cause, sops_slice_trim(text), e) && sops_buf_addc(cause, 0, e) &&
           sops_buf_adds(cause, why->hint, e) && sops_buf_addc(cause, 0, e);
}

bool sops_entry_refuse(struct sops_entry *n, const struct sops_err *why, struct sops_err *e)
{
    struct sops_buf cause = {0};
    bool ok = sops_cause_add(&cause, why, e) && sops_entry_refuse_for(n, sops_buf_view(&cause), e);
    sops_buf_free(&cause);
    return ok;
}

void sops_entry_done(struct sops_entry *n)
{
    struct sops_answers *a = n->answers;
    (void)pthread_mutex_lock(&a->asking);
    if (n->users != 0 && --n->users == 0 && n->state == SOPS_ENTRY_OPENED) {
        struct sops_err none = {0};
        struct cell *spare = n->plain.len <= CELL ? sops_arena_alloc(&a->arena, sizeof *spare, &none) : NULL;
        uint8_t *at = (uint8_t *)(uintptr_t)n->plain.ptr;
        sops_wipe(at, n->plain.len);
        if (spare != NULL) {
            *spare = (struct cell){a->spare, at};
            a->spare = spare;
        }
        n->plain = (struct sops_slice){0};
        n->state = SOPS_ENTRY_UNASKED;
        sops_err_clear(&none);
    }
    (void)pthread_mutex_unlock(&a->asking);
}

struct sops_entry *sops_lot_opened(const struct sops_lot *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->entry[i]->state == SOPS_ENTRY_OPENED) {
            return l->entry[i];
        }
    }
    return NULL;
}

bool sops_lot_settled(const struct sops_lot *l)
{
    size_t refused = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->entry[i]->state == SOPS_ENTRY_OPENED) {
            return true;
        }
        refused += l->entry[i]->state == SOPS_ENTRY_REFUSED;
    }
    return refused == l->count;
}
