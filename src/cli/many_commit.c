/* SPDX-License-Identifier: Apache-2.0 */
/* --all-or-nothing: when every new version is on the disk, all take their places; else none does. */
#include "cli/many.h"

#include "base/file.h"

#include <signal.h>
#include <sys/resource.h>

#define OTHER_FILES 64 /* that the program has open besides */

bool sops_many_may_open(struct sops_many *m, struct sops_err *e)
{
    struct rlimit limit;
    size_t files = 0;
    for (size_t i = 0; i < m->run.count; i++) {
        files += sops_many_at(m, i)->run.outcome == SOPS_RUN_NOT_DONE || sops_many_at(m, i)->target != NULL;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return true;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return 2 * files + OTHER_FILES <= limit.rlim_cur ||
           sops_fail(e, SOPS_E_GENERIC,
                     "--all-or-nothing of %zu files needs %zu open files, and the system allows %llu", files,
                     2 * files + OTHER_FILES, (unsigned long long)limit.rlim_cur);
}

/* Each target is compared with what was read before the first one is exchanged. */
static bool check_all(struct sops_many *m)
{
    bool ok = true;
    for (size_t i = 0; i < m->run.count; i++) {
        struct sops_many_file *f = sops_many_at(m, i);
        struct sops_err why = {0};
        if (f->staged != NULL && !sops_staged_check(f->staged, &why)) {
            ok = sops_many_fail(m, f, &why);
        }
    }
    return ok;
}

/* True: all are exchanged; else none is. */
static bool swap_all(struct sops_many *m)
{
    for (size_t i = 0; i < m->run.count; i++) {
        struct sops_many_file *f = sops_many_at(m, i);
        struct sops_err why = {0};
        if (f->staged == NULL || sops_staged_swap(f->staged, &why)) {
            continue;
        }
        for (size_t k = i; k > 0; k--) {
            f = sops_many_at(m, k - 1);
            if (f->staged != NULL) {
                sops_staged_undo(f->staged);
            }
        }
        return sops_many_fail(m, sops_many_at(m, i), &why);
    }
    return true;
}

/* What came in the meantime came too late. */
static void discard_signals(void)
{
    const struct timespec now = {0};
    sigset_t late;
    (void)sigemptyset(&late);
    (void)sigaddset(&late, SIGINT);
    (void)sigaddset(&late, SIGTERM);
    (void)sigaddset(&late, SIGHUP);
    while (sigtimedwait(&late, NULL, &now) > 0) {
    }
}

void sops_many_commit(struct sops_many *m)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool done =
        sops_run_count(&m->run, SOPS_RUN_FAILED) == 0 && !atomic_load(&m->run.stop) && check_all(m) && swap_all(m);
    for (size_t i = 0; i < m->run.count; i++) {
        struct sops_many_file *f = sops_many_at(m, i);
        if (done && f->staged != NULL) {
            sops_staged_finish(f->staged);
        }
        sops_staged_free(f->staged);
        f->staged = NULL;
        if (!done && f->run.outcome == SOPS_RUN_CHANGED) {
            f->run.outcome = SOPS_RUN_NOT_DONE;
        }
    }
    discard_signals();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
