/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec-file: clear texts as files for a command (docs/spec/74-kubernetes-and-exec.md#exec-file).
 *
 * Usually a file is a FIFO, so that nothing is written anywhere. A thread waits for somebody to open it, and writes
 * once; the command may read all of it, a part, or not open it at all, so the thread is cancelled when it has ended.
 */
#include "base/file.h"
#include "base/proc.h"
#include "cli/command.h"
#include "cli/exec.h"
#include "cli/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "tmp-file"

/* A file in its folder, and who writes into it when it is a FIFO. */
struct place {
    struct sops_buf path;
    struct sops_slice text;
    pthread_t writer;
    bool writing;
};
/* All of them, in a folder of their own. */
struct places {
    struct sops_buf folder;
    struct place *place;
    size_t count;
};

/* `--filename`: one name, nothing that leads elsewhere. */
static bool own_name(struct sops_job *j, struct sops_err *e)
{
    const char *name = sops_exec_said(j->opt)->filename;
    if (name != NULL && (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)) {
        return sops_fail(e, SOPS_E_GENERIC, "--filename '%s' would not be a file in the temporary folder", name);
    }
    return true;
}

/* What needs no key is looked at before one is asked for. */
static bool own_places(struct sops_job *j, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    const char *const *words;
    if (x->count > 1 && sops_exec_said(j->opt)->filename != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "--filename cannot be the name of several files");
    }
    return sops_exec_places(x, NULL, &words, e);
}

static bool own_emit(struct sops_job *j, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    bool ok = true;
    for (size_t i = 0; ok && i < x->inputs.count; i++) {
        ok = sops_step_emit(&x->inputs.file[i], e) || sops_name_file(e, x->files[i]);
    }
    return ok;
}

/* Writes until all is written or nobody reads any more; the two calls are where it can be cancelled. */
static void *write_once(void *arg)
{
    const struct place *p = arg;
    struct sops_slice left = p->text;
    int fd = open((const char *)p->path.ptr, O_WRONLY | O_CLOEXEC);
    while (fd >= 0 && left.len != 0) {
        ssize_t n = write(fd, left.ptr, left.len);
        if (n < 0 && errno != EINTR) {
            break;
        }
        left = sops_slice_skip(left, n > 0 ? (size_t)n : 0);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return NULL;
}

static bool make_fifo(struct place *p, struct sops_err *e)
{
    const char *path = (const char *)p->path.ptr;
    if (mkfifo(path, 0600) != 0 || chmod(path, 0600) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot make the FIFO '%s': %s", path, sops_os_error(errno));
    }
    sigset_t all, before;
    (void)sigfillset(&all); /* signals are for the thread that waits for the command */
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    p->writing = pthread_create(&p->writer, NULL, write_once, p) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p->writing || sops_fail(e, SOPS_E_GENERIC, "cannot start a thread that writes to '%s'", path);
}

/* FOLDER/N/BASENAME, in a folder of its own. */
static bool name_numbered(struct place *p, const char *folder, size_t number, const char *file, struct sops_err *e)
{
    const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file;
    if (!sops_buf_addf(&p->path, e, "%s/%zu", folder, number) || sops_buf_cstr(&p->path, e) == NULL) {
        return false;
    }
    if (mkdir((const char *)p->path.ptr, 0700) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot make the folder '%s': %s", (const char *)p->path.ptr,
                         sops_os_error(errno));
    }
    return sops_buf_addc(&p->path, '/', e) && sops_buf_adds(&p->path, name, e);
}

static bool name_only(struct place *p, const char *folder, const struct sops_exec_options *o, struct sops_err *e)
{
    return o->filename == NULL && o->no_fifo
               ? sops_temp_name(folder, NAME, &p->path, e)
               : sops_buf_addf(&p->path, e, "%s/%s", folder, o->filename != NULL ? o->filename : NAME);
}

static bool make_place(const struct sops_exec *x, const struct sops_exec_options *o, const char *folder, size_t which,
                       struct place *p, struct sops_err *e)
{
    bool ok = x->count == 1 ? name_only(p, folder, o, e) : name_numbered(p, folder, which + 1, x->files[which], e);
    if (!ok || sops_buf_cstr(&p->path, e) == NULL) {
        return false;
    }
    p->text = sops_buf_view(&x->inputs.file[which].bytes);
    return o->no_fifo ? sops_file_create((const char *)p->path.ptr, p->text, 0600, e) || sops_recode(e, SOPS_E_GENERIC)
                      : make_fifo(p, e);
}

/* `paths`: of the files, in the run's arena. */
static bool make_places(struct sops_job *j, struct places *all, const char *const **paths, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    const char **made = sops_arena_alloc(&x->arena, (x->count + 1) * sizeof *made, e);
    all->place = sops_alloc(x->count * sizeof *all->place, e);
    bool ok = made != NULL && all->place != NULL && sops_scratch_make(j->world, &all->folder, e);
    for (size_t i = 0; ok && i < x->count; i++) {
        all->count = i + 1;
        ok = make_place(x, sops_exec_said(j->opt), (const char *)all->folder.ptr, i, &all->place[i], e);
        made[i] = ok ? (const char *)all->place[i].path.ptr : NULL;
    }
    *paths = made;
    return ok;
}

static void remove_places(struct places *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->place[i].writing) {
            (void)pthread_cancel(all->place[i].writer);
            (void)pthread_join(all->place[i].writer, NULL);
        }
        sops_buf_free(&all->place[i].path);
    }
    if (all->folder.len != 0) {
        sops_temp_remove((const char *)all->folder.ptr);
    }
    sops_free(all->place);
    sops_buf_free(&all->folder);
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    struct places all = {0};
    const char *user[4];
    const char *const *paths, *const *words;
    char **env;
    bool ok = sops_exec_user(j->opt, &x->arena, user, e) && make_places(j, &all, &paths, e) &&
              sops_exec_places(x, paths, &words, e) &&
              sops_proc_environment(&x->arena, (const char *const *)environ, user, &env, e) &&
              sops_exec_run(j, words, env, e);
    remove_places(&all);
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_exec_arguments,
        own_places,
        sops_step_config,
        sops_step_order,
        sops_exec_open,
        own_emit,
        own_name,
        own_run,
        NULL,
    };
    return sops_exec_job(w, o, steps, e);
}

static const struct sops_option options[] = {
    {.name = "no-fifo",
     SOPS_FLAG_TO(struct sops_exec_options, no_fifo),
     .help = "a plain file instead of a FIFO, for programs that read it more than once"},
    {.name = "filename",
     SOPS_TEXT_TO(struct sops_exec_options, filename),
     .value = "NAME",
     .help = "the name of the file (default: tmp-file)"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"COMMAND", options};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style, &table, &sops_opts_exec, &sops_opts_types, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_exec_file = {
    .name = "exec-file",
    .summary = "run a command with decrypted files in a place of their own",
    .args = "FILE… -- COMMAND [ARG…]",
    .about = "Runs COMMAND; each {} in it is replaced by the path of a FIFO that gives the decrypted\n"
             "text once. With several files {} stands for the first, the second and so on, {1} and\n"
             "{NAME} for one of them. All is gone when the command has ended. With several words\n"
             "behind -- COMMAND is a program. One word is for /bin/sh, and the form FILE COMMAND\n"
             "is, too. The status is the command's; 127 when it is not there, 126 when it cannot\n"
             "be run.\n",
    .example = "sops exec-file tls.key tls.crt -- ./server {1} {2}",
    .tables = tables,
    .own_size = sizeof(struct sops_exec_options),
    .takes_command = true,
    .run = run,
};
