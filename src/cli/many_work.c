/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of all files first, in one thread, as that may ask; then each file on one of several threads: most of the time
 * is the disk's. */
#include "cli/many.h"

#include "base/file.h"
#include "cli/signals.h"

#define LARGE ((off_t)8 << 20) /* longer files are worked on one at a time */
#define NEW_FILE_MODE 0666     /* less the umask */

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static bool open_all(struct sops_many *m, struct sops_err *e)
{
    size_t n = 0;
    struct sops_unlocking *list = sops_arena_alloc(&m->run.arena, (m->run.count + 1) * sizeof *list, e);
    for (size_t i = 0; list != NULL && i < m->run.count; i++) {
        struct sops_many_file *f = sops_many_at(m, i);
        if (f->run.outcome == SOPS_RUN_NOT_DONE && f->meta != NULL) {
            f->unlocking = &list[n];
            list[n++].meta = f->meta;
        }
    }
    return list != NULL && sops_datakey_unwrap_all(m->world, m->common.services, list, n, m->common.order, e);
}

/* What wraps data keys for many files at once: files whose keys ask somebody. */
struct batch {
    struct sops_many_file **file;
    struct sops_wrapping *wrapping;
    struct sops_secret *old, *key; /* data keys that stay; all */
    size_t count;
};

static bool make_new_keys(struct sops_many *m, struct batch *b, struct sops_err *e)
{
    if (!sops_secret_new(&m->keys, 32 * (b->count + 1), e) ||
        !m->world->random(m->world, m->keys.ptr, 32 * b->count, e)) {
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (m->action->renews == NULL || m->action->renews(b->file[i])) {
            b->file[i]->new_key = sops_slice_of(m->keys.ptr + 32 * i, 32);
        }
    }
    return true;
}

/* The data key that the file's keys are to wrap; one that cannot be had is told about when the file is worked on. */
static bool find_key(struct sops_many *m, struct batch *b, size_t i)
{
    struct sops_many_file *f = b->file[i];
    struct sops_err why = {0};
    bool ok = true;
    if (f->new_key.len != 0) {
        b->key[i] = (struct sops_secret){m->keys.ptr + 32 * i, 32};
    } else {
        ok = sops_datakey_unwrap(m->world, m->common.services, f->meta, m->common.order, &b->old[i], &why);
        b->key[i] = b->old[i];
    }
    sops_err_clear(&why);
    return ok;
}

static bool wrap_batch(struct sops_many *m, struct batch *b, struct sops_err *e)
{
    size_t n = 0;
    if (!make_new_keys(m, b, e)) {
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (find_key(m, b, i)) {
            b->wrapping[n] = (struct sops_wrapping){.meta = b->file[i]->wanted, .key = &b->key[i]};
            b->file[n++] = b->file[i];
        }
    }
    bool ok = sops_datakey_wrap_all(m->world, m->common.services, b->wrapping, n, e);
    for (size_t i = 0; ok && i < n; i++) {
        b->file[i]->made = b->wrapping[i].made;
    }
    return ok;
}

/* A file that nothing opens is not wrapped for. */
static bool is_open(const struct sops_many_file *f)
{
    for (size_t i = 0; f->unlocking != NULL && i < f->unlocking->count; i++) {
        if (f->unlocking->entry[i] != NULL) {
            return true;
        }
    }
    return f->unlocking == NULL;
}

static bool wrap_all(struct sops_many *m, struct sops_err *e)
{
    struct batch b = {.count = 0};
    size_t room = m->run.count + 1;
    b.file = sops_arena_alloc(&m->run.arena, room * sizeof *b.file, e);
    b.wrapping = b.file != NULL ? sops_arena_alloc(&m->run.arena, room * sizeof *b.wrapping, e) : NULL;
    b.old = b.wrapping != NULL ? sops_arena_alloc(&m->run.arena, room * sizeof *b.old, e) : NULL;
    b.key = b.old != NULL ? sops_arena_alloc(&m->run.arena, room * sizeof *b.key, e) : NULL;
    for (size_t i = 0; b.key != NULL && i < m->run.count; i++) {
        struct sops_many_file *f = sops_many_at(m, i);
        if (f->run.outcome == SOPS_RUN_NOT_DONE && f->wanted != NULL && is_open(f) &&
            sops_datakey_asks(m->common.services, f->wanted)) {
            b.file[b.count++] = f;
        }
    }
    size_t n = b.count;
    bool ok = b.key != NULL && (n == 0 || wrap_batch(m, &b, e));
    for (size_t i = 0; b.old != NULL && i < n; i++) {
        sops_secret_free(&b.old[i]);
    }
    return ok;
}

bool sops_many_unlock(struct sops_many *m, struct sops_err *e)
{
    return (!m->action->needs_key || open_all(m, e)) && wrap_all(m, e);
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

static bool own_formats(struct sops_job *j, struct sops_err *e)
{
    return sops_step_read(j, e) && sops_many_formats((struct sops_many_work *)(void *)j, e);
}

static bool own_work(struct sops_job *j, struct sops_err *e)
{
    j->read_before = true;
    return ((struct sops_many_work *)(void *)j)->many->action->work(j, e);
}

/* Unchanged, for a folder of results that is complete. */
static bool own_copy(struct sops_job *j, struct sops_err *e)
{
    return sops_step_read(j, e) && sops_buf_add(&j->bytes, sops_buf_view(&j->raw), e);
}

static bool own_write(struct sops_job *j, struct sops_err *e)
{
    struct sops_many_work *k = (struct sops_many_work *)(void *)j;
    struct sops_many *m = k->many;
    struct sops_many_file *f = k->file;
    struct sops_slice bytes = sops_buf_view(&j->bytes);
    f->was = j->was;
    const struct sops_replace how = {
        .was = f->target == NULL ? &f->was : NULL,
        .mode_counts = f->target != NULL,
        .later = sops_folders_later,
        .ctx = &m->folders,
    };
    mode_t mode = f->target == NULL || m->action->required ? NEW_FILE_MODE : 0600;
    const char *path = f->target != NULL ? f->target : j->path;
    bool ok = (f->target == NULL || sops_many_make_folders(m, f, e)) &&
              (m->opt->shared.many.all_or_nothing
                   ? sops_file_stage(path, bytes, f->target != NULL ? sops_file_mode(mode) : mode, &how, &f->staged, e)
                   : sops_file_replace(path, bytes, f->target != NULL ? sops_file_mode(mode) : mode, &how, e));
    return ok || (e->code == SOPS_E_WRITE && sops_recode(e, sops_status_rows[j->statuses].output));
}

static bool work_on(struct sops_many *m, struct sops_many_file *f, struct sops_err *e)
{
    static sops_step *const steps[] = {own_formats, own_work, own_write, NULL};
    static sops_step *const copy[] = {own_copy, own_write, NULL};
    bool unchanged = f->run.outcome == SOPS_RUN_UNCHANGED;
    struct sops_many_work k = {.job = sops_many_job(m, f), .many = m, .file = f};
    k.job.new_key = f->new_key;
    k.job.made = f->made;
    bool ok = sops_job_run(&k.job, unchanged ? copy : steps, e);
    if (ok && !unchanged) {
        f->run.outcome = f->run.reason != NULL ? SOPS_RUN_UNCHANGED : SOPS_RUN_CHANGED;
    }
    sops_update_free(&k.update);
    return ok;
}

static void forget(struct sops_many_file *f)
{
    if (f->unlocking != NULL) {
        sops_unlocking_done(f->unlocking);
        f->unlocking = NULL;
    }
    if (f->new_key.len != 0) {
        sops_wipe((void *)(uintptr_t)f->new_key.ptr, f->new_key.len);
    }
    sops_wrapped_free(f->made);
    f->made = NULL;
    f->new_key = (struct sops_slice){0};
}

static bool work_one(void *ctx, struct sops_run_file *file, struct sops_err *e)
{
    struct sops_many *m = ctx;
    struct sops_many_file *f = sops_many_of(file);
    bool large = f->size > LARGE;
    if (large) {
        (void)pthread_mutex_lock(&m->large);
    }
    bool ok = work_on(m, f, e);
    if (large) {
        (void)pthread_mutex_unlock(&m->large);
    }
    if (!ok && m->opt->shared.many.all_or_nothing) {
        atomic_store(&m->run.stop, true);
    }
    forget(f);
    return ok;
}

/* ---- all files -------------------------------------------------------------------------------------------------- */

int sops_many_work(struct sops_many *m)
{
    bool all = m->opt->shared.many.all_or_nothing;
    struct sops_err none = {0};
    for (size_t i = 0; i < m->run.count; i++) {
        m->run.file[i]->also = m->run.file[i]->outcome == SOPS_RUN_UNCHANGED && sops_many_at(m, i)->target != NULL;
    }
    (void)sops_file_mode(0);
    sops_folders_open(&m->folders);
    if (!all) {
        sops_signals_note(true);
    }
    m->run.one = work_one;
    (void)!sops_run_each(&m->run, &none);
    if (all) {
        sops_many_commit(m);
    }
    sops_folders_close(&m->folders);
    int number = sops_signals_noted();
    sops_signals_note(false);
    return number;
}
