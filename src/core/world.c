/* SPDX-License-Identifier: Apache-2.0 */
/* What key sources keep for the whole command: a list of slots behind one lock each world. The lock is not held while a
 * slot is made, as making one may need another; a second thread that wants the same slot waits for the first, and takes
 * its failure, too: ten keys whose credentials are not to be had must not wait for ten time-outs. */
#include "core/world.h"

#include "base/ascii.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

struct sops_slot {
    struct sops_slot *next;
    const void *owner;
    struct sops_slice name;
    struct sops_arena arena;
    void *thing;
    void (*drop)(void *thing); /* NULL, or the slot is there for this alone */
    bool making, made;
    unsigned failures;
    struct sops_err why; /* of the last failure */
    pthread_t maker;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Called with the lock held. */
static struct sops_slot *find(struct sops_world *w, const void *owner, struct sops_slice name, struct sops_err *e)
{
    for (struct sops_slot *s = w->slots; s != NULL; s = s->next) {
        if (s->owner == owner && sops_slice_eq(s->name, name)) {
            return s;
        }
    }
    struct sops_slot *s = sops_alloc(sizeof *s, e);
    char *copy = s != NULL ? sops_strdup(name, e) : NULL;
    if (copy == NULL) {
        sops_free(s);
        return NULL;
    }
    s->owner = owner;
    s->name = sops_slice_of(copy, name.len);
    s->next = w->slots;
    w->slots = s;
    return s;
}

static bool copy_failure(struct sops_err *to, const struct sops_err *from)
{
    (void)sops_fail(to, from->code, "%s", from->msg);
    return sops_hint(to, "%s", from->hint);
}

bool sops_world_once(struct sops_world *w, const void *owner, struct sops_slice name, sops_make_fn *make, void *arg,
                     void **thing, struct sops_err *e)
{
    pthread_mutex_lock(&lock);
    struct sops_slot *s = find(w, owner, name, e);
    unsigned failures = s != NULL ? s->failures : 0;
    while (s != NULL && s->making && !s->made) {
        if (pthread_equal(s->maker, pthread_self())) {
            pthread_mutex_unlock(&lock);
            return sops_fail(e, SOPS_E_GENERIC, "'%.*s' needs itself", SOPS_ARG(name));
        }
        pthread_cond_wait(&changed, &lock);
    }
    bool ok = s != NULL;
    if (ok && !s->made && s->failures != failures) {
        ok = copy_failure(e, &s->why);
    } else if (ok && !s->made) {
        s->making = true;
        s->maker = pthread_self();
        pthread_mutex_unlock(&lock);
        ok = make(w, &s->arena, arg, &s->thing, e);
        pthread_mutex_lock(&lock);
        s->making = false;
        s->made = ok;
        if (!ok) {
            sops_arena_free(&s->arena);
            sops_err_clear(&s->why);
            (void)copy_failure(&s->why, e);
            s->failures++;
        }
        pthread_cond_broadcast(&changed);
    }
    if (ok) {
        *thing = s->thing;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

bool sops_world_at_end(struct sops_world *w, void (*drop)(void *thing), void *thing, struct sops_err *e)
{
    struct sops_slot *s = sops_alloc(sizeof *s, e);
    if (s == NULL) {
        return false;
    }
    s->drop = drop;
    s->thing = thing;
    pthread_mutex_lock(&lock);
    s->next = w->slots;
    w->slots = s;
    pthread_mutex_unlock(&lock);
    return true;
}

void sops_world_forget(struct sops_world *w)
{
    while (w->slots != NULL) {
        struct sops_slot *s = w->slots;
        w->slots = s->next;
        if (s->drop != NULL) {
            s->drop(s->thing);
        }
        sops_arena_free(&s->arena);
        sops_err_clear(&s->why);
        sops_free((void *)(uintptr_t)s->name.ptr);
        sops_free(s);
    }
}

const char *sops_world_env_set(struct sops_world *w, const char *name)
{
    const char *value = w->env(w, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

void sops_world_warn(struct sops_world *w, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    w->say(w, SOPS_SAY_WARN, text);
}

void sops_outcome_free(struct sops_outcome *o)
{
    sops_buf_free(&o->out);
    sops_buf_free(&o->err);
    *o = (struct sops_outcome){0};
}

void sops_http_res_free(struct sops_http_res *r)
{
    sops_buf_free(&r->head);
    sops_buf_free(&r->body);
    *r = (struct sops_http_res){0};
}

struct sops_slice sops_http_header(const struct sops_http_res *r, const char *name)
{
    struct sops_slice rest = sops_buf_view(&r->head), line;
    while (sops_slice_next(&rest, '\n', &line)) {
        size_t colon = sops_slice_find(line, ':');
        if (colon < line.len && sops_same_word(sops_slice_first(line, colon), sops_str(name))) {
            return sops_slice_trim(sops_slice_skip(line, colon + 1));
        }
    }
    return (struct sops_slice){0};
}
