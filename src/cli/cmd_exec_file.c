/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec-file: the clear text as a file for a command (docs/spec/50-cli.md#exec-env-and-exec-file).
 *
 * Usually the file is a FIFO, so that nothing is written anywhere. A thread waits for somebody to open it, and writes
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

/* The file in its folder, and who writes into it when it is a FIFO. */
struct place {
    struct sops_buf folder, path;
    struct sops_slice text;
    pthread_t writer;
    bool writing;
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

static bool make_place(struct sops_job *j, struct place *p, struct sops_err *e)
{
    const struct sops_exec_options *o = sops_exec_said(j->opt);
    const char *name = o->filename;
    bool plain = o->no_fifo;
    if (!sops_scratch_make(j->world, &p->folder, e)) {
        return false;
    }
    const char *folder = (const char *)p->folder.ptr;
    bool ok = name == NULL && plain ? sops_temp_name(folder, NAME, &p->path, e)
                                    : sops_buf_addf(&p->path, e, "%s/%s", folder, name != NULL ? name : NAME) &&
                                          sops_buf_cstr(&p->path, e) != NULL;
    if (!ok) {
        return false;
    }
    if (plain) {
        return sops_file_create((const char *)p->path.ptr, p->text, 0600, e) || sops_recode(e, SOPS_E_GENERIC);
    }
    return make_fifo(p, e);
}

static void remove_place(struct place *p)
{
    if (p->writing) {
        (void)pthread_cancel(p->writer);
        (void)pthread_join(p->writer, NULL);
    }
    if (p->folder.len != 0) {
        sops_temp_remove((const char *)p->folder.ptr);
    }
    sops_buf_free(&p->path);
    sops_buf_free(&p->folder);
}

static bool own_run(struct sops_job *j, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct place place = {.text = sops_buf_view(&j->bytes)};
    const char *user[4];
    const char *const *argv;
    char **env;
    bool ok = sops_exec_user(j->opt, &a, user, e) && make_place(j, &place, e) &&
              sops_exec_words(j->opt, &a, (const char *)place.path.ptr, &argv, e) &&
              sops_proc_environment(&a, (const char *const *)environ, user, &env, e) && sops_exec_run(j, argv, env, e);
    remove_place(&place);
    sops_arena_free(&a);
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_exec_arguments, sops_step_config, sops_step_order, sops_step_unlock,
        sops_step_emit,      own_name,         own_run,         NULL,
    };
    struct sops_job j = {.world = w, .opt = o};
    return sops_job_run(&j, steps, e);
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
    &table, &sops_opts_exec, &sops_opts_types, &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_exec_file = {
    .name = "exec-file",
    .summary = "run a command with the decrypted file in a place of its own",
    .args = "FILE COMMAND",
    .about = "Runs COMMAND by /bin/sh; each {} in it is replaced by the path of a FIFO that gives\n"
             "the decrypted text once. It is gone when the command has ended. COMMAND is one\n"
             "argument; behind -- a program and its arguments may stand, which is run without a\n"
             "shell. The status is the command's.\n",
    .example = "sops exec-file secrets.json './deploy {}'",
    .tables = tables,
    .own_size = sizeof(struct sops_exec_options),
    .run = run,
};
