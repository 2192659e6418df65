/* SPDX-License-Identifier: Apache-2.0 */
/* A source that can open many at once is given all of them. Else each entry is asked of each service in turn: of
 * servers several at a time, of what may ask the user one after the other. */
#include "core/lots.h"

#include "base/thread.h"
#include "core/log.h"

#include <stdatomic.h>

static void log_entry(struct sops_world *w, const struct sops_entry *n, const struct sops_service *by)
{
    struct sops_slice rest = n->cause, message = {0};
    if (n->state == SOPS_ENTRY_REFUSED) {
        (void)sops_slice_next(&rest, '\0', &message);
    }
    sops_log_key(w, n->key, false, sops_service_shown(by), message);
}

/* Each service for one entry. */
static bool ask_entry(struct sops_world *w, struct sops_service *services, struct sops_entry *n, struct sops_err *e)
{
    struct sops_buf plain = {.locked = true}, cause = {0};
    bool opened = false, ok = true;
    for (struct sops_service *s = services; ok && s != NULL && !opened; s = s->next) {
        struct sops_err why = {0};
        sops_buf_cut(&plain, 0);
        opened = s->unwrap(s, w, n->key, &plain, &why);
        struct sops_slice text = why.detail.len != 0 ? sops_buf_view(&why.detail) : sops_str(why.msg);
        sops_log_key(w, n->key, false, sops_service_shown(s), opened ? (struct sops_slice){0} : text);
        ok = opened || sops_cause_add(&cause, &why, e);
        sops_err_clear(&why);
    }
    ok = ok &&
         (opened ? sops_entry_open(n, sops_buf_view(&plain), e) : sops_entry_refuse_for(n, sops_buf_view(&cause), e));
    sops_buf_free(&plain);
    sops_buf_free(&cause);
    return ok;
}

struct asking {
    struct sops_world *world;
    struct sops_service *services;
    const struct sops_lot *lot;
    bool own_only; /* several threads: each asks only entries that its lot holds as the first */
    atomic_bool failed;
};

static bool ask_lot(struct asking *a, size_t number, struct sops_err *e)
{
    const struct sops_lot *l = &a->lot[number];
    bool ok = true;
    for (size_t i = 0; ok && i < l->count; i++) {
        struct sops_entry *n = l->entry[i];
        if (a->own_only && n->lot != number + 1) {
            continue; /* another thread may be at it */
        }
        if (n->state == SOPS_ENTRY_UNASKED) {
            ok = ask_entry(a->world, a->services, n, e);
        }
        if (n->state == SOPS_ENTRY_OPENED) {
            break;
        }
    }
    return ok;
}

static void ask_one(void *arg, size_t number)
{
    struct asking *a = arg;
    struct sops_err e = {0};
    if (!atomic_load(&a->failed) && !ask_lot(a, number, &e)) {
        atomic_store(&a->failed, true);
    }
    sops_err_clear(&e);
}

static bool is_local(const struct sops_service *services)
{
    return services != NULL && services->next == NULL && strcmp(services->name, sops_service_local.name) == 0;
}

void sops_lots_own(const struct sops_lot *lot, size_t lots)
{
    for (size_t i = 0; i < lots; i++) {
        for (size_t k = 0; k < lot[i].count; k++) {
            struct sops_entry *n = lot[i].entry[k];
            n->lot = n->lot != 0 ? n->lot : (uint32_t)i + 1;
        }
    }
}

/* Servers: what is shared by several lots is left to the second round, which is this thread's alone. */
static bool ask_servers(struct asking *a, size_t lots, struct sops_err *e)
{
    size_t threads = a->world->jobs < SOPS_REQUESTS ? a->world->jobs : SOPS_REQUESTS;
    sops_lots_own(a->lot, lots);
    a->own_only = true;
    sops_together(lots, threads, ask_one, a);
    a->own_only = false;
    return !atomic_load(&a->failed) || sops_fail_memory(e);
}

bool sops_lots_ask(struct sops_world *w, struct sops_service *services, const struct sops_keysource *source,
                   const struct sops_lot *lot, size_t lots, struct sops_err *e)
{
    struct asking a = {.world = w, .services = services, .lot = lot};
    bool local = is_local(services), ok = true;
    if (local && source->unwrap_many != NULL) {
        sops_lots_own(lot, lots);
        ok = source->unwrap_many(w, lot, lots, e);
        for (size_t i = 0; w->verbose && i < lots; i++) {
            for (size_t k = 0; k < lot[i].count; k++) {
                if (lot[i].entry[k]->lot == i + 1 && lot[i].entry[k]->state != SOPS_ENTRY_UNASKED) {
                    log_entry(w, lot[i].entry[k], services);
                }
            }
        }
        return ok;
    }
    if (local && lots > 1 && w->jobs > 1 && (source->flags & SOPS_SRC_REMOTE) != 0) {
        ok = ask_servers(&a, lots, e);
    }
    for (size_t i = 0; ok && i < lots; i++) {
        ok = ask_lot(&a, i, e);
    }
    return ok;
}
