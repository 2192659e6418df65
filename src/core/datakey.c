/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of servers are wrapped side by side, at most THREADS at a time, as the time goes into waiting for answers; those
 * that only compute take as many threads as there are processors; all that may prompt goes in order. Results and errors
 * keep the order of the keys either way (docs/spec/60-keysources.md#the-data-key). */
#include "core/datakey.h"

#include "base/digest.h"
#include "base/thread.h"
#include "core/entry.h"
#include "core/log.h"
#include "core/lots.h"
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

/* One key to wrap for. */
struct job {
    struct sops_wrap wrap;
    struct sops_key *key;    /* of the metadata */
    struct sops_service *by; /* the one that wrapped it, or was asked last */
    enum lane lane;
    bool done;
};

/* The keys of a file, in order. */
struct sops_wrapped {
    struct sops_buf parts; /* what each group's keys wrap, one behind the other; locked */
    size_t width;          /* of each */
    uint8_t of[32];        /* SHA-256 of the data key */
    struct job *job;
    size_t count;
};

/* Keys of one or many files on their way. */
struct jobs {
    struct sops_world *world;
    struct sops_service *services;
    struct job **job;
    size_t count;
};
struct worker {
    struct jobs *all;
    enum lane lane;
    atomic_size_t next;
};

/* The words of a failure; where there is no memory for them they are shorter. */
static void explain_failure(struct sops_wrap *x, struct sops_slice causes)
{
    struct sops_err no_memory = {0};
    sops_buf_cut(&x->why, 0);
    (void)!(sops_buf_adds(&x->why, "failed to encrypt new data key with master key \"", &no_memory) &&
            sops_key_show(x->key, &x->why, &no_memory) && sops_buf_adds(&x->why, "\": ", &no_memory) &&
            sops_buf_add(&x->why, causes, &no_memory));
    sops_err_clear(&no_memory);
}

static void wrap_one(struct jobs *all, struct job *j)
{
    struct sops_err no_memory = {0};
    struct sops_buf causes = {0};
    struct sops_wrap *x = &j->wrap;
    for (struct sops_service *s = all->services; s != NULL && !x->ok; s = s->next) {
        struct sops_err e = {0};
        sops_buf_cut(&x->enc, 0);
        x->ok = s->wrap(s, all->world, x->key, x->plain, &x->enc, &e) && x->enc.len != 0;
        j->by = s;
        if (!x->ok) {
            const char *msg = e.code != SOPS_OK ? e.msg : "the result is empty";
            x->memory = x->memory || e.memory;
            (void)!sops_buf_addf(&causes, &no_memory, "%s%s", causes.len != 0 ? "; " : "", msg);
            (void)!(x->hint.len != 0 || sops_buf_adds(&x->hint, e.hint, &no_memory));
        }
        sops_err_clear(&e);
    }
    if (!x->ok) {
        explain_failure(x, sops_buf_view(&causes));
    }
    j->done = true;
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
        if (w->all->job[mine]->lane == w->lane && !w->all->job[mine]->done) {
            wrap_one(w->all, w->all->job[mine]);
        }
    }
}

static size_t start_threads(struct worker *w, size_t wanted, pthread_t thread[THREADS])
{
    size_t started = 0;
    while (started < THREADS && started < wanted && sops_thread_start(&thread[started], work, w)) {
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
static size_t helpers(const struct sops_world *w, enum lane lane, size_t jobs)
{
    if (lane == REMOTE) {
        size_t most = w->jobs != 0 && jobs > SOPS_REQUESTS ? SOPS_REQUESTS : jobs;
        return jobs > 1 ? most : 0;
    }
    size_t most = lane == COMPUTE && jobs >= WORTH && w->jobs == 0 ? sops_processors() - 1 : 0;
    return most < jobs ? most : jobs;
}

static bool is_local(const struct sops_service *s)
{
    return s->next == NULL && strcmp(s->name, sops_service_local.name) == 0;
}

/* In one file no server's key stands twice: there, all of all servers side by side are quicker than what one source
 * could put into a request. */
static bool goes_together(const struct jobs *all, const struct job *j)
{
    bool alone = j->lane == REMOTE && all->world->jobs == 0;
    return !j->done && j->lane != COMPUTE && !alone && j->key->source->wrap_many != NULL;
}

/* Sources that wrap many at once get all of theirs. */
static bool wrap_together(struct jobs *all, struct sops_err *e)
{
    struct sops_wrap **row = sops_alloc((all->count + 1) * sizeof *row, e);
    bool ok = row != NULL;
    for (size_t i = 0; ok && i < all->count; i++) {
        const struct sops_keysource *source = all->job[i]->key->source;
        size_t n = 0;
        if (!goes_together(all, all->job[i])) {
            continue;
        }
        for (size_t k = i; k < all->count; k++) {
            struct job *j = all->job[k];
            if (j->key->source == source && goes_together(all, j)) {
                j->done = true;
                j->by = all->services;
                row[n++] = &j->wrap;
            }
        }
        ok = source->wrap_many(all->world, row, n, e);
        for (size_t k = 0; k < n; k++) {
            if (!row[k]->ok) {
                struct sops_buf cause = row[k]->why;
                row[k]->why = (struct sops_buf){0};
                explain_failure(row[k], sops_buf_view(&cause));
                sops_buf_free(&cause);
            }
        }
    }
    sops_free(row);
    return ok;
}

static bool wrap_jobs(struct jobs *all, bool computing, struct sops_err *e)
{
    pthread_t thread[LANES][THREADS];
    size_t jobs[LANES] = {0}, started[LANES] = {0};
    struct worker worker[LANES];
    bool local = is_local(all->services);
    for (size_t i = 0; i < all->count; i++) {
        all->job[i]->lane = local ? lane_of(all->job[i]->key) : IN_ORDER;
    }
    if (local && !wrap_together(all, e)) {
        return false;
    }
    for (size_t i = 0; i < all->count; i++) {
        jobs[all->job[i]->lane] += !all->job[i]->done;
    }
    for (enum lane l = REMOTE; l < (computing ? LANES : COMPUTE); l++) {
        worker[l] = (struct worker){.all = all, .lane = l};
        started[l] = start_threads(&worker[l], helpers(all->world, l, jobs[l]), thread[l]);
    }
    worker[IN_ORDER] = (struct worker){.all = all, .lane = IN_ORDER};
    for (enum lane l = IN_ORDER; l < (computing ? LANES : COMPUTE); l++) {
        if (l != REMOTE || started[l] == 0) {
            (void)work(&worker[l]);
        }
    }
    for (enum lane l = REMOTE; l < LANES; l++) {
        for (size_t i = 0; i < started[l]; i++) {
            pthread_join(thread[l][i], NULL);
        }
    }
    return true;
}

/* Lays out one job for each key of the file, whose groups' parts are there. */
static bool make_jobs(struct sops_wrapped *file, const struct sops_meta *m, struct sops_err *e)
{
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        if (g->keys == NULL) {
            return sops_fail(e, SOPS_E_GENERIC, "[empty key group provided]");
        }
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            file->count++;
        }
    }
    file->job = sops_alloc(file->count * sizeof *file->job, e);
    if (file->job == NULL) {
        return false;
    }
    size_t at = 0, group = 0;
    for (struct sops_group *g = m->groups; g != NULL; g = g->next, group++) {
        for (struct sops_key *k = g->keys; k != NULL; k = k->next) {
            struct job *j = &file->job[at++];
            j->key = k;
            j->wrap.key = k;
            j->wrap.plain = sops_slice_of(file->parts.ptr + group * file->width, file->width);
        }
    }
    return true;
}

static void log_jobs(struct sops_world *w, const struct sops_wrapped *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct job *j = &file->job[i];
        sops_log_key(w, j->key, true, sops_service_shown(j->by), sops_buf_view(&j->wrap.why));
    }
}

/* "[e1 e2]": the failures of the first keys in one message, and the first hint of them; the whole list in the detail
 * when the message has no room for it. */
static bool collect_failures(const struct sops_wrapped *file, struct sops_err *e)
{
    struct sops_buf list = {0};
    size_t failed = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < file->count; i++) {
        const struct sops_wrap *x = &file->job[i].wrap;
        ok = x->ok || !x->memory || sops_fail_memory(e);
        if (ok && !x->ok && failed++ < FAILURES_SHOWN) {
            ok = (failed == 1 || sops_buf_addc(&list, ' ', e)) && sops_buf_add(&list, sops_buf_view(&x->why), e);
            (void)sops_hint(e, "%.*s", SOPS_ARG(x->hint));
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

static bool store_results(const struct sops_wrapped *file, struct sops_meta *m, struct sops_err *e)
{
    for (size_t i = 0; i < file->count; i++) {
        if (!sops_arena_copy(&m->arena, sops_buf_view(&file->job[i].wrap.enc), &file->job[i].key->enc, e)) {
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
              (why.memory ? sops_fail_memory(e)
                          : sops_fail(e, why.code, "[could not split data key into parts for Shamir: %s]", why.msg));
    sops_err_clear(&why);
    m->threshold = ok ? threshold : m->threshold;
    if (ok) {
        log_split(w, count, wanted);
    }
    return ok;
}

/* Parts and jobs of a file. */
static bool begin_file(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                       const struct sops_secret *key, struct sops_wrapped *file, struct sops_err *e)
{
    size_t groups = group_count(m);
    file->parts.locked = true;
    sops_sha256(sops_secret_view(key), file->of);
    if (groups == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "[no key groups provided]");
    }
    if (services == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "[no key services provided, cannot update master keys]");
    }
    return make_parts(w, m, key, groups, &file->parts, &file->width, e) && make_jobs(file, m, e);
}

static void end_file(struct sops_wrapped *file)
{
    for (size_t i = 0; file->job != NULL && i < file->count; i++) {
        sops_buf_free(&file->job[i].wrap.enc);
        sops_buf_free(&file->job[i].wrap.why);
        sops_buf_free(&file->job[i].wrap.hint);
    }
    sops_free(file->job);
    sops_buf_free(&file->parts);
}

void sops_wrapped_free(struct sops_wrapped *made)
{
    if (made != NULL) {
        end_file(made);
        sops_free(made);
    }
}

/* The jobs of several files in one row. */
static bool wrap_files(struct sops_world *w, struct sops_service *services, struct sops_wrapped *const *file, size_t n,
                       bool computing, struct sops_err *e)
{
    struct jobs all = {.world = w, .services = services};
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += file[i] != NULL ? file[i]->count : 0;
    }
    all.job = sops_alloc((count + 1) * sizeof *all.job, e);
    for (size_t i = 0; all.job != NULL && i < n; i++) {
        for (size_t k = 0; file[i] != NULL && k < file[i]->count; k++) {
            all.job[all.count++] = &file[i]->job[k];
        }
    }
    bool ok = all.job != NULL && wrap_jobs(&all, computing, e);
    sops_free(all.job);
    return ok;
}

/* What was wrapped before for the same keys in the same groups is taken over; its parts, too, as the others must fit to
 * them. */
static bool take_over(struct sops_wrapped *file, struct sops_wrapped *before, struct sops_err *e)
{
    bool same = before != NULL && before->count == file->count && before->width == file->width &&
                before->parts.len == file->parts.len && memcmp(before->of, file->of, sizeof file->of) == 0;
    for (size_t i = 0; same && i < file->count; i++) {
        const struct job *x = &file->job[i], *y = &before->job[i];
        same = x->wrap.plain.ptr - file->parts.ptr == y->wrap.plain.ptr - before->parts.ptr &&
               sops_key_same(x->key, y->key, e);
    }
    if (e->code != SOPS_OK || !same) {
        return e->code == SOPS_OK;
    }
    memcpy(file->parts.ptr, before->parts.ptr, file->parts.len);
    for (size_t i = 0; i < file->count; i++) {
        if (before->job[i].done) {
            struct sops_wrap *x = &file->job[i].wrap, *y = &before->job[i].wrap;
            x->enc = y->enc;
            x->why = y->why;
            x->hint = y->hint;
            x->memory = y->memory;
            x->ok = y->ok;
            y->enc = y->why = y->hint = (struct sops_buf){0};
            file->job[i].by = before->job[i].by;
            file->job[i].done = true;
            before->job[i].done = false;
        }
    }
    return true;
}

static bool may_ask(const struct sops_service *services, const struct sops_wrapped *file)
{
    for (size_t i = 0; i < file->count; i++) {
        if (!file->job[i].done && (!is_local(services) || lane_of(file->job[i].key) != COMPUTE)) {
            return true;
        }
    }
    return false;
}

bool sops_datakey_wrap(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                       const struct sops_secret *key, struct sops_wrapped *before, struct sops_err *e)
{
    struct sops_wrapped file = {.count = 0}, *one = &file;
    struct sops_answers *a = sops_answers_of(w, e);
    bool ok = a != NULL && begin_file(w, services, m, key, &file, e) && take_over(&file, before, e);
    if (ok && may_ask(services, &file)) { /* one at a time, as several files may be worked on */
        sops_answers_lock(a);
        ok = wrap_files(w, services, &one, 1, true, e);
        sops_answers_unlock(a);
    } else {
        ok = ok && wrap_files(w, services, &one, 1, true, e);
    }
    if (ok) {
        log_jobs(w, &file);
        ok = collect_failures(&file, e) && store_results(&file, m, e);
    }
    end_file(&file);
    return ok;
}

bool sops_datakey_asks(const struct sops_service *services, const struct sops_meta *m)
{
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (services == NULL || !is_local(services) || lane_of(k) != COMPUTE) {
                return services != NULL;
            }
        }
    }
    return false;
}

bool sops_datakey_wrap_all(struct sops_world *w, struct sops_service *services, struct sops_wrapping *file, size_t n,
                           struct sops_err *e)
{
    struct sops_wrapped **made = sops_alloc((n + 1) * sizeof *made, e);
    bool ok = made != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        struct sops_err why = {0};
        made[i] = sops_alloc(sizeof *made[i], e);
        ok = made[i] != NULL;
        if (ok && !begin_file(w, services, file[i].meta, file[i].key, made[i], &why)) {
            sops_wrapped_free(made[i]); /* it is told when the file is worked on */
            made[i] = NULL;
        }
        sops_err_clear(&why);
    }
    ok = ok && services != NULL && wrap_files(w, services, made, n, false, e);
    for (size_t i = 0; made != NULL && i < n; i++) {
        file[i].made = ok ? made[i] : NULL;
        if (!ok) {
            sops_wrapped_free(made[i]);
        }
    }
    sops_free(made);
    return ok || services == NULL;
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
        return sops_datakey_wrap(w, services, m, key, NULL, e);
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
    if (e->code != SOPS_OK || !sops_datakey_wrap(w, services, &alone, key, NULL, e)) {
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
