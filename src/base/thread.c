/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel starts a thread on the processor of the one that made it and moves it away only after some milliseconds:
 * longer than most of our work takes. So each helper begins on another processor, and may go where it likes from then
 * on. */
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

/* The `nth` allowed processor behind the one that this thread is on, in a circle. */
static bool choose(size_t nth, const cpu_set_t *allowed, cpu_set_t *one)
{
    int here = sched_getcpu(), count = CPU_COUNT(allowed);
    if (here < 0 || count < 2) {
        return false;
    }
    size_t wanted = nth % (size_t)count, passed = 0;
    size_t at = (size_t)here;
    while (passed < wanted) {
        at = (at + 1) % CPU_SETSIZE;
        passed += CPU_ISSET(at, allowed) ? 1 : 0;
    }
    CPU_ZERO(one);
    CPU_SET(at, one);
    return wanted != 0;
}

bool sops_thread_start(pthread_t *thread, size_t nth, void *(*work)(void *arg), void *arg)
{
    pthread_attr_t attr;
    cpu_set_t allowed, one;
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    (void)pthread_attr_setstacksize(&attr, STACK);
    bool placed = sched_getaffinity(0, sizeof allowed, &allowed) == 0 && choose(nth, &allowed, &one) &&
                  pthread_attr_setaffinity_np(&attr, sizeof one, &one) == 0;
    bool ok = pthread_create(thread, &attr, work, arg) == 0;
    if (ok && placed) {
        (void)pthread_setaffinity_np(*thread, sizeof allowed, &allowed);
    }
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
    while (started < TOGETHER_MAX && started + 1 < wanted &&
           sops_thread_start(&thread[started], started + 1, take_jobs, &t)) {
        started++;
    }
    (void)take_jobs(&t);
    for (size_t i = 0; i < started; i++) {
        pthread_join(thread[i], NULL);
    }
}
