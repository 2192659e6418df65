/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <sched.h>
#include <stdatomic.h>

#define STACK ((size_t)1 << 20) /* stacks of the usual 8 MiB would get huge pages on some machines */

size_t sops_processors(void)
{
    cpu_set_t allowed;
    int n = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return n > 1 ? (size_t)n : 1;
}

bool sops_thread_start(pthread_t *thread, void *(*work)(void *arg), void *arg)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    (void)pthread_attr_setstacksize(&attr, STACK);
    bool ok = pthread_create(thread, &attr, work, arg) == 0;
    (void)pthread_attr_destroy(&attr);
    return ok;
}

/* ---- many small jobs -------------------------------------------------------------------------------------------- */

#define TOGETHER_MAX 64

struct together {
    void (*job)(void *ctx, size_t i);
    void *ctx;
    size_t count;
    atomic_size_t next;
};

static void *take_jobs(void *arg)
{
    struct together *t = arg;
    for (size_t i = atomic_fetch_add(&t->next, 1); i < t->count; i = atomic_fetch_add(&t->next, 1)) {
        t->job(t->ctx, i);
    }
    return NULL;
}

void sops_together(size_t count, size_t most, void (*job)(void *ctx, size_t i), void *ctx)
{
    struct together t = {.job = job, .ctx = ctx, .count = count};
    pthread_t thread[TOGETHER_MAX];
    size_t started = 0, wanted = most < count ? most : count;
    while (started < TOGETHER_MAX && started + 1 < wanted && sops_thread_start(&thread[started], take_jobs, &t)) {
        started++;
    }
    (void)take_jobs(&t);
    for (size_t i = 0; i < started; i++) {
        pthread_join(thread[i], NULL);
    }
}

/* ---- results in order ------------------------------------------------------------------------------------------- */

#define AHEAD ((size_t)256) /* results that may wait for an earlier one */

struct in_turn {
    void *(*work)(void *ctx, size_t i);
    void (*tell)(void *ctx, size_t i, void *result);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t turn; /* the number that is told next */
    bool telling;
    void *result[AHEAD]; /* number i has place i % AHEAD */
    bool ready[AHEAD];
};

/* Called with the lock held; it is not held while a result is told. */
static void tell_ready(struct in_turn *t)
{
    t->telling = true;
    while (t->ready[t->turn % AHEAD]) {
        size_t i = t->turn;
        void *result = t->result[i % AHEAD];
        t->ready[i % AHEAD] = false;
        (void)pthread_mutex_unlock(&t->lock);
        t->tell(t->ctx, i, result);
        (void)pthread_mutex_lock(&t->lock);
        t->turn++;
    }
    t->telling = false;
    (void)pthread_cond_broadcast(&t->moved);
}

/* Numbers are handed out in order, so whoever has the least of them never waits. */
static void work_in_turn(void *ctx, size_t i)
{
    struct in_turn *t = ctx;
    (void)pthread_mutex_lock(&t->lock);
    while (i >= t->turn + AHEAD) {
        (void)pthread_cond_wait(&t->moved, &t->lock);
    }
    (void)pthread_mutex_unlock(&t->lock);
    void *result = t->work(t->ctx, i);
    (void)pthread_mutex_lock(&t->lock);
    t->result[i % AHEAD] = result;
    t->ready[i % AHEAD] = true;
    if (!t->telling) {
        tell_ready(t);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

void sops_together_in_turn(size_t count, size_t most, void *(*work)(void *ctx, size_t i),
                           void (*tell)(void *ctx, size_t i, void *result), void *ctx)
{
    struct in_turn t = {.work = work, .tell = tell, .ctx = ctx};
    (void)pthread_mutex_init(&t.lock, NULL);
    (void)pthread_cond_init(&t.moved, NULL);
    sops_together(count, most, work_in_turn, &t);
    (void)pthread_cond_destroy(&t.moved);
    (void)pthread_mutex_destroy(&t.lock);
}
