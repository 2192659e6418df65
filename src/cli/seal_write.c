/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the disk is nearly all of the time that writing takes, so what several files make is written side by
 * side: the disk takes them together. Each new version is on it before it gets the old one's name. */
#include "cli/seal_run.h"

#include "base/file.h"
#include "base/thread.h"

#define NEW_FILE_MODE 0666              /* less the umask */
#define WAITING_BYTES ((size_t)1 << 20) /* so much may wait in memory */

static void write_target(void *ctx, size_t i)
{
    struct seal_run *r = ctx;
    struct seal_target *t = r->waiting[i].target;
    struct sops_err *why = &r->waiting[i].why;
    const struct sops_replace how = {.was = &t->was, .later = sops_folders_later, .ctx = &r->folders};
    if (sops_make_folders(t->path, why)) {
        (void)!sops_file_replace(t->path, sops_buf_view(&t->text), NEW_FILE_MODE, &how, why);
    }
    sops_buf_free(&t->text);
}

bool sops_seal_flush(struct seal_run *r, struct sops_err *e)
{
    bool ok = true;
    (void)sops_file_mode(0); /* looks at the mask, which it must not do beside what makes files */
    sops_together(r->waitings, r->waitings, write_target, r);
    for (size_t i = 0; i < r->waitings; i++) {
        struct sops_run_file *f = &r->waiting[i].target->file->run;
        struct sops_err *why = &r->waiting[i].why;
        if (why->code != SOPS_OK && f->outcome != SOPS_RUN_FAILED) {
            ok = sops_run_failed(&r->files, f, why, e);
        }
        sops_err_clear(why);
    }
    r->waitings = r->waiting_bytes = 0;
    return ok;
}

static bool let_wait(struct seal_run *r, struct seal_target *t, struct sops_err *e)
{
    r->waiting[r->waitings++] = (struct seal_waiting){.target = t};
    r->waiting_bytes += t->text.len;
    return (r->waitings < SEAL_WAITING && r->waiting_bytes < WAITING_BYTES) || sops_seal_flush(r, e);
}

bool sops_seal_write(struct seal_run *r, struct seal_file *f, struct sops_err *e)
{
    bool ok = true;
    for (struct seal_target *t = f->target; ok && t != NULL; t = t->next) {
        if (t->path != NULL && t->write && !r->own->check) {
            ok = let_wait(r, t, e);
        } else {
            ok = t->path != NULL || sops_buf_add(&r->out, sops_buf_view(&t->text), e);
            sops_buf_free(&t->text);
        }
    }
    return ok;
}

void sops_seal_drop(struct seal_file *f)
{
    for (struct seal_target *t = f->target; t != NULL; t = t->next) {
        sops_buf_free(&t->text);
    }
}
