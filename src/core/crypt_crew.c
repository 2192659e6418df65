/* SPDX-License-Identifier: Apache-2.0 */
/* Threads are started only when there is more to do than starting them costs (some 50 microseconds each). */
#include "core/crypt_engine.h"

#include "base/thread.h"

#define BATCH 128                     /* leaves that a thread takes at a time */
#define WORTH_LEAVES 2048             /* from here on threads pay */
#define WORTH_BYTES ((size_t)1 << 20) /* or from here */

bool sops_crew_open(struct sops_crew *crew, const struct sops_doc *d, struct sops_err *e)
{
    size_t most = 0;
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            most += (n->flags & SOPS_MARKED) != 0;
        }
    }
    crew->leaf = sops_alloc(most * sizeof *crew->leaf, e);
    return crew->leaf != NULL;
}

struct sops_leaf *sops_crew_add(struct sops_crew *crew, struct sops_node *n, struct sops_slice aad, struct sops_err *e)
{
    struct sops_leaf *leaf = &crew->leaf[crew->count];
    leaf->node = n;
    if (crew->count != 0 && sops_slice_eq(leaf[-1].aad, aad)) {
        leaf->aad = leaf[-1].aad; /* items of a list share theirs */
    } else if (!sops_arena_copy(&crew->aads, aad, &leaf->aad, e)) {
        return NULL;
    }
    crew->count++;
    return leaf;
}

struct worker {
    struct sops_crew *crew;
    struct sops_lane *lane;
};

static void *work(void *arg)
{
    const struct worker *w = arg;
    for (;;) {
        size_t from = atomic_fetch_add(&w->crew->next, BATCH);
        if (from >= w->crew->count) {
            return NULL;
        }
        size_t end = w->crew->count - from < BATCH ? w->crew->count : from + BATCH;
        for (size_t i = from; i < end; i++) {
            w->crew->work(w->crew->c, w->lane, &w->crew->leaf[i]);
        }
    }
}

static size_t helpers_worth(const struct sops_crew *crew)
{
    size_t bytes = 0;
    for (size_t i = 0; i < crew->count && bytes < WORTH_BYTES; i++) {
        bytes += crew->leaf[i].node->text.len;
    }
    if (crew->count < WORTH_LEAVES && bytes < WORTH_BYTES) {
        return 0;
    }
    size_t processors = sops_processors();
    return (processors < SOPS_LANES ? processors : SOPS_LANES) - 1;
}

void sops_crew_run(struct sops_crew *crew, void (*meanwhile)(void *arg), void *arg)
{
    pthread_t thread[SOPS_LANES];
    struct worker worker[SOPS_LANES];
    size_t started = 0;
    for (size_t helpers = helpers_worth(crew); started < helpers; started++) {
        worker[started + 1] = (struct worker){crew, &crew->c->engine->lane[started + 1]};
        if (!sops_thread_start(&thread[started], started + 1, work, &worker[started + 1])) {
            break;
        }
    }
    if (meanwhile != NULL) {
        meanwhile(arg);
    }
    worker[0] = (struct worker){crew, &crew->c->engine->lane[0]};
    (void)work(&worker[0]);
    for (size_t i = 0; i < started; i++) {
        pthread_join(thread[i], NULL);
    }
}

void sops_crew_free(struct sops_crew *crew)
{
    sops_free(crew->leaf);
    sops_arena_free(&crew->aads);
    crew->leaf = NULL;
}
