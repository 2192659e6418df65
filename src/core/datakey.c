/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of servers are wrapped side by side, at most THREADS at a time, as the time goes into waiting for answers; those
 * that only compute take as many threads as there are processors; all that may prompt goes in order. Results and errors
 * keep the order of the keys either way (docs/spec/60-keysources.md#the-data-key). */
#include "core/datakey.h"

#include "base/thread.h"
#include "core/log.h"
#include "core/shamir.h"

#include <stdatomic.h>
#include <stdio.h>

#define THREADS 16
#define FAILURES_SHOWN 100
#define WORTH 12 /* keys that compute, from which on a second thread saves more time than waking a processor takes */

bool sops_datakey_new(struct sops_world *w, struct sops_secret *out, struct sops_err *e)
{
    return sops_secret_new(out, 32, e) && w->random(w, out->ptr, out->len, e);
}

enum lane { IN_ORDER, REMOTE, COMPUTE, LANES };

/* One key to wrap. */
struct job {
    struct sops_key *key;
    struct sops_slice plain;
    struct sops_buf enc;
    struct sops_buf why, hint; /* of a failure: texts, as a whole error would be large for a million keys */
    struct sops_service *by;   /* the one that wrapped it, or was asked last */
    enum lane lane;
    bool ok;
};
struct jobs {
    struct sops_world *world;
    struct sops_service *services;
    struct job *job;
    size_t count;
};
struct worker {
    struct jobs *all;
    enum lane lane;
    atomic_size_t next;
};

static void wrap_one(struct jobs *all, struct job *j)
{
    struct sops_err no_memory = {0}; /* then the list of failures is shorter */
    struct sops_buf causes = {0};
    for (struct sops_service *s = all->services; s != NULL && !j->ok; s = s->next) {
        struct sops_err e = {0};
        sops_buf_cut(&j->enc, 0);
        j->ok = s->wrap(s, all->world, j->key, j->plain, &j->enc, &e) && j->enc.len != 0;
        j->by = s;
        if (!j->ok) {
            const char *msg = e.code != SOPS_OK ? e.msg : "the result is empty";
            (void)!sops_buf_addf(&causes, &no_memory, "%s%s", causes.len != 0 ? "; " : "", msg);
            (void)!(j->hint.len != 0 || sops_buf_adds(&j->hint, e.hint, &no_memory));
        }
        sops_err_clear(&e);
    }
    if (!j->ok) {
        (void)!(sops_buf_adds(&j->why, "failed to encrypt new data key with master key \"", &no_memory) &&
                sops_key_show(j->key, &j->why, &no_memory) && sops_buf_adds(&j->why, "\": ", &no_memory) &&
                sops_buf_add(&j->why, sops_buf_view(&causes), &no_memory));
    }
    sops_err_clear(&no_memory);
    sops_buf_free(&causes);
}

/* Takes jobs of a lane until none is left; several threads may do so. */
static void *work(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        size_t mine = atomic_fetch_add(&w->next, 1);
        if (mine >= w->all->count) {
            return NULL;
        }
        if (w->all->job[mine].lane == w->lane) {
            wrap_one(w->all, &w->all->job[mine]);
        }
    }
}

static size_t start_threads(struct worker *w, size_t wanted, pthread_t thread[THREADS])
{
    size_t started = 0;
    while (started < THREADS && started < wanted && sops_thread_start(&thread[started], started + 1, work, w)) {
        started++;
    }
    return started;
}

static enum lane lane_of(const struct sops_key *k)
{
    if ((k->source->flags & SOPS_SRC_REMOTE) != 0) {
        return REMOTE;
    }
    return k->source->computes != NULL && k->source->computes(k) ? COMPUTE : IN_ORDER;
}

/* How many threads are started for a lane of `jobs` keys; this thread takes part in all but REMOTE. */
static size_t helpers(enum lane lane, size_t jobs)
{
    if (lane == REMOTE) {
        return jobs > 1 ? jobs : 0;
    }
    size_t most = lane == COMPUTE && jobs >= WORTH ? sops_processors() - 1 : 0;
    return most < jobs ? most : jobs;
}

static void wrap_jobs(struct jobs *all)
{
    pthread_t thread[LANES][THREADS];
    size_t jobs[LANES] = {0}, started[LANES] = {0};
    struct worker worker[LANES];
    bool only_local = all->services->next == NULL && strcmp(all->services->name, sops_service_local.name) == 0;
    for (size_t i = 0; i < all->count; i++) {
        all->job[i].lane = only_local ? lane_of(all->job[i].key) : IN_ORDER;
        jobs[all->job[i].lane]++;
    }
    for (enum lane l = REMOTE; l < LANES; l++) {
        worker[l] = (struct worker){.all = all, .lane = l};
        started[l] = start_threads(&worker[l], helpers(l, jobs[l]), thread[l]);
    }
    worker[IN_ORDER] = (struct worker){.all = all, .lane = IN_ORDER};
    for (enum lane l = IN_ORDER; l < LANES; l++) {
        if (l != REMOTE || started[l] == 0) {
            (void)work(&worker[l]);
        }
    }
    for (enum lane l = REMOTE; l < LANES; l++) {
        for (size_t i = 0; i < started[l]; i++) {
            pthread_join(thread[l][i], NULL);
        }
    }
}

/* Lays out one job for each key; `parts` holds what each group's keys wrap. */
static bool make_jobs(struct jobs *all, const struct sops_meta *m, struct sops_slice parts, size_t width,
                      struct sops_err *e)
{
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        if (g->keys == NULL) {
            return sops_fail(e, SOPS_E_GENERIC, "[empty key group provided]");
        }
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            all->count++;
        }
    }
    all->job = sops_alloc(all->count * sizeof *all->job, e);
    if (all->job == NULL) {
        return false;
    }
    size_t at = 0, group = 0;
    for (struct sops_group *g = m->groups; g != NULL; g = g->next, group++) {
        for (struct sops_key *k = g->keys; k != NULL; k = k->next) {
            all->job[at].key = k;
            all->job[at++].plain = sops_slice_of(parts.ptr + group * width, width);
        }
    }
    return true;
}

static void log_jobs(const struct jobs *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct job *j = &all->job[i];
        sops_log_key(all->world, j->key, true, sops_service_shown(j->by), sops_buf_view(&j->why));
    }
}

/* "[e1 e2]": the failures of the first keys in one message, and the first hint of them; the whole list in the detail
 * when the message has no room for it. */
static bool collect_failures(const struct jobs *all, struct sops_err *e)
{
    struct sops_buf list = {0};
    size_t failed = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < all->count; i++) {
        struct job *j = &all->job[i];
        if (!j->ok && failed++ < FAILURES_SHOWN) {
            ok = (failed == 1 || sops_buf_addc(&list, ' ', e)) && sops_buf_add(&list, sops_buf_view(&j->why), e);
            (void)sops_hint(e, "%.*s", SOPS_ARG(j->hint));
        }
    }
    if (failed > FAILURES_SHOWN) {
        ok = ok && sops_buf_addf(&list, e, " and %zu more", failed - FAILURES_SHOWN);
    }
    if (ok && failed != 0) {
        if (list.len + 64 > sizeof e->msg && !sops_buf_add(&e->detail, sops_buf_view(&list), e)) {
            sops_buf_cut(&e->detail, 0);
        }
        ok = sops_fail(e, SOPS_E_GENERIC, "[%.*s]", SOPS_ARG(list));
    }
    sops_buf_free(&list);
    return ok;
}

static bool store_results(const struct jobs *all, struct sops_meta *m, struct sops_err *e)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!sops_arena_copy(&m->arena, sops_buf_view(&all->job[i].enc), &all->job[i].key->enc, e)) {
            return false;
        }
    }
    return true;
}

static size_t group_count(const struct sops_meta *m)
{
    size_t n = 0;
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        n++;
    }
    return n;
}

static void log_split(struct sops_world *w, unsigned parts, unsigned quorum)
{
    char text[2][16];
    (void)snprintf(text[0], sizeof text[0], "%u", parts);
    (void)snprintf(text[1], sizeof text[1], "%u", quorum);
    const struct sops_log_field fields[] = {{"parts", sops_str(text[0])}, {"quorum", sops_str(text[1])}, {NULL, {0}}};
    sops_log(w, "SOPS", SOPS_LOG_INFO, fields, "Splitting data key with Shamir Secret Sharing");
}

/* What each group wraps: the data key itself, or its share. */
static bool make_parts(struct sops_world *w, struct sops_meta *m, const struct sops_secret *key, size_t groups,
                       struct sops_buf *parts, size_t *width, struct sops_err *e)
{
    *width = key->len + (groups > 1);
    if (groups == 1) {
        return sops_buf_add(parts, sops_secret_view(key), e);
    }
    int64_t threshold = m->threshold != 0 ? m->threshold : (int64_t)groups;
    /* A negative threshold is too small; one beyond int has to be above the number of groups. */
    unsigned wanted = threshold < 0 ? 0 : threshold > 1000 ? 1000 : (unsigned)threshold;
    unsigned count = groups > 1000 ? 1000 : (unsigned)groups;
    struct sops_err why = {0};
    bool ok = sops_shamir_split(w, sops_secret_view(key), count, wanted, parts, &why) ||
              sops_fail(e, why.code, "[could not split data key into parts for Shamir: %s]", why.msg);
    sops_err_clear(&why);
    m->threshold = ok ? threshold : m->threshold;
    if (ok) {
        log_split(w, count, wanted);
    }
    return ok;
}

bool sops_datakey_wrap(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                       const struct sops_secret *key, struct sops_err *e)
{
    size_t groups = group_count(m), width = 0;
    struct sops_buf parts = {.locked = true};
    struct jobs all = {.world = w, .services = services};
    if (groups == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "[no key groups provided]");
    }
    if (services == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "[no key services provided, cannot update master keys]");
    }
    bool ok = make_parts(w, m, key, groups, &parts, &width, e) && make_jobs(&all, m, sops_buf_view(&parts), width, e);
    if (ok) {
        wrap_jobs(&all);
        log_jobs(&all);
        ok = collect_failures(&all, e) && store_results(&all, m, e);
    }
    for (size_t i = 0; all.job != NULL && i < all.count; i++) {
        sops_buf_free(&all.job[i].enc);
        sops_buf_free(&all.job[i].why);
        sops_buf_free(&all.job[i].hint);
    }
    sops_free(all.job);
    sops_buf_free(&parts);
    return ok;
}

static bool all_have_enc(const struct sops_group *g)
{
    for (; g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (k->enc.len == 0) {
                return false;
            }
        }
    }
    return true;
}

bool sops_datakey_wrap_missing(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                               const struct sops_secret *key, struct sops_err *e)
{
    if (all_have_enc(m->groups)) {
        return true;
    }
    if (m->groups->next != NULL) {
        return sops_datakey_wrap(w, services, m, key, e);
    }
    /* Copies of those that lack it stand in a file of their own for as long as they are wrapped. */
    struct sops_group lacking = {0};
    struct sops_meta alone = {.groups = &lacking, .threshold = m->threshold};
    struct sops_key **end = &lacking.keys;
    for (const struct sops_key *k = m->groups->keys; k != NULL; k = k->next) {
        struct sops_key *copy = k->enc.len == 0 ? sops_arena_alloc(&m->arena, sizeof *copy, e) : NULL;
        if (copy != NULL) {
            *copy = *k;
            copy->next = NULL;
            *end = copy;
            end = &copy->next;
        }
    }
    if (e->code != SOPS_OK || !sops_datakey_wrap(w, services, &alone, key, e)) {
        sops_arena_free(&alone.arena);
        return false;
    }
    sops_arena_join(&m->arena, &alone.arena);
    const struct sops_key *wrapped = lacking.keys;
    for (struct sops_key *k = m->groups->keys; k != NULL; k = k->next) {
        if (k->enc.len == 0) {
            k->enc = wrapped->enc;
            wrapped = wrapped->next;
        }
    }
    return true;
}
