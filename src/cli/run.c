/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include "base/thread.h"
#include "cli/select.h"
#include "cli/signals.h"
#include "cli/ui.h"

#include <stdio.h>
#include <sys/stat.h>

void sops_run_open(struct sops_run *r)
{
    r->size = r->size != 0 ? r->size : sizeof(struct sops_run_file);
    (void)pthread_mutex_init(&r->lock, NULL);
}

void sops_run_free(struct sops_run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->file[i]->why != NULL) {
            sops_err_clear(r->file[i]->why);
            sops_free(r->file[i]->why);
        }
    }
    sops_arena_free(&r->arena);
    if (r->size != 0) {
        (void)pthread_mutex_destroy(&r->lock);
    }
    *r = (struct sops_run){.size = 0};
}

void *sops_run_add(struct sops_run *r, const char *name, struct sops_err *e)
{
    struct sops_run_file **grown = sops_arena_grow(&r->arena, r->file, r->count, &r->room, sizeof(void *), e);
    r->file = grown != NULL ? grown : r->file;
    struct sops_run_file *f = grown != NULL ? sops_arena_alloc(&r->arena, r->size, e) : NULL;
    if (f != NULL) {
        f->name = name;
        r->file[r->count++] = f;
    }
    return f;
}

/* ---- the arguments ----------------------------------------------------------------------------------------------- */

static bool add_path(struct sops_run *r, const char *path, struct sops_err *e)
{
    bool here = path != NULL && strncmp(path, "./", 2) == 0 && path[2] != '\0';
    return sops_run_add(r, here ? path + 2 : path, e) != NULL;
}

static bool add_folder(struct sops_run *r, const char *folder, sops_run_wants_fn *wants, void *ctx, struct sops_err *e)
{
    const char *const paths[] = {folder, NULL};
    struct sops_selection s = {0};
    bool ok = sops_select(&s, paths, e);
    if (ok && s.unreads != 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "cannot read '%s': %s", s.unread[0].name, s.unread[0].why);
    }
    for (size_t i = 0; ok && i < s.count; i++) {
        if (wants(ctx, s.file[i].path)) {
            const char *copy = sops_arena_text(&r->arena, e, "%s", s.file[i].path);
            ok = copy != NULL && add_path(r, copy, e);
        }
    }
    sops_selection_free(&s);
    return ok;
}

bool sops_run_arguments(struct sops_run *r, sops_run_wants_fn *wants, void *ctx, struct sops_err *e)
{
    bool recursive = r->opt->shared.recursive, ok = true;
    for (size_t i = 0; ok && i < r->opt->argc; i++) {
        const char *path = r->opt->args[i];
        struct stat st;
        bool folder = recursive && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        ok = folder ? add_folder(r, path, wants, ctx, e) : add_path(r, path, e);
    }
    if (r->opt->argc == 0) {
        ok = recursive ? add_folder(r, ".", wants, ctx, e) : add_path(r, NULL, e);
    }
    r->failures = r->count == 1 && !recursive ? SOPS_RUN_ENDS : SOPS_RUN_TELLS;
    return ok;
}

size_t sops_run_count(const struct sops_run *r, enum sops_run_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        count += r->file[i]->outcome == outcome;
    }
    return count;
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* Does the message hold the name, in quotes? */
static bool is_named(const struct sops_err *why, const char *name)
{
    const char *at = strstr(why->msg, name);
    size_t len = strlen(name);
    while (at != NULL && !(at != why->msg && at[-1] == '\'' && at[len] == '\'')) {
        at = strstr(at + 1, name);
    }
    return at != NULL;
}

/* The failure as it is told. */
static struct sops_err told(const struct sops_run *r, const struct sops_run_file *f, const struct sops_err *why)
{
    struct sops_err named = *why;
    const char *name = f->name != NULL ? f->name : "stdin";
    if (r->prefixed && !is_named(why, name)) {
        (void)sops_within(&named, "'%s'", name);
    }
    return named;
}

bool sops_run_failed(struct sops_run *r, struct sops_run_file *f, struct sops_err *why, struct sops_err *e)
{
    struct sops_err none = {0};
    f->outcome = SOPS_RUN_FAILED;
    if (r->failures == SOPS_RUN_ENDS) {
        atomic_store(&r->stop, true);
        *e = told(r, f, why);
        *why = (struct sops_err){0};
        return false;
    }
    sops_options_fit_hint(r->opt, why);
    if (r->failures == SOPS_RUN_TELLS) {
        struct sops_err named = told(r, f, why);
        sops_ui_error(r->world, &named);
    }
    f->why = sops_alloc(sizeof *f->why, &none);
    if (f->why != NULL) {
        *f->why = *why;
        why->detail = (struct sops_buf){0};
    }
    sops_err_clear(why);
    sops_err_clear(&none);
    return true;
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

static bool is_todo(const struct sops_run_file *f) { return f->outcome == SOPS_RUN_NOT_DONE || f->also; }

static void show_progress(struct sops_run *r, const struct sops_run_file *f)
{
    char text[1200];
    (void)pthread_mutex_lock(&r->lock);
    (void)snprintf(text, sizeof text, "[%zu/%zu] %s", ++r->done, r->todo, f->name);
    if (r->failures != SOPS_RUN_ENDS || r->todo > 1) {
        sops_ui_progress(text);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

static bool work_on(struct sops_run *r, struct sops_run_file *f, struct sops_err *e)
{
    struct sops_err why = {0};
    if (!is_todo(f) || atomic_load(&r->stop) || sops_signals_noted() != 0) {
        return true;
    }
    show_progress(r, f);
    return r->one(r->ctx, f, &why) || sops_run_failed(r, f, &why, e);
}

/* On threads no failure ends a run: `e` is not for them. */
static void work_beside(void *ctx, size_t number)
{
    struct sops_run *r = ctx;
    struct sops_err none = {0};
    (void)work_on(r, r->file[number], &none);
    sops_err_clear(&none);
}

bool sops_run_each(struct sops_run *r, struct sops_err *e)
{
    bool ok = true;
    r->done = r->todo = 0;
    for (size_t i = 0; i < r->count; i++) {
        r->todo += is_todo(r->file[i]);
    }
    if (r->threads != 0) {
        sops_together(r->count, r->threads, work_beside, r);
    } else {
        for (size_t i = 0; ok && i < r->count; i++) {
            ok = work_on(r, r->file[i], e);
        }
    }
    sops_ui_progress(NULL);
    return ok;
}

/* ---- nothing is written when anything fails ---------------------------------------------------------------------- */

void sops_failures_note(struct sops_failures *f, struct sops_err *why)
{
    f->code = f->count == 0 ? why->code : f->code;
    f->count++;
    if (f->count == 1 && !f->at_once) {
        f->first = *why;
    } else {
        if (f->first.code != SOPS_OK) {
            sops_ui_error(f->world, &f->first);
            sops_err_clear(&f->first);
        }
        sops_ui_error(f->world, why);
        sops_err_clear(why);
    }
    *why = (struct sops_err){0};
}

bool sops_failures_none(struct sops_failures *f, const char *words, struct sops_err *e)
{
    if (f->first.code != SOPS_OK) {
        *e = f->first;
        f->first = (struct sops_err){0};
        return false;
    }
    return f->count == 0 || sops_fail(e, f->code, "%zu %s", f->count, words);
}
