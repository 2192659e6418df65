/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl: manifests, encrypted or not, straight into kubectl (docs/spec/74-kubernetes-and-exec.md#kubectl). All of
 * them are in a file without a name, in memory, which is its stdin; then kubectl takes the place of this process, so
 * signals, output and status are its own.
 */
#include "base/file.h"
#include "base/proc.h"
#include "cli/command.h"
#include "cli/exec.h"
#include "cli/kube.h"
#include "cli/ui.h"
#include "cli/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct kubectl_options {
    bool show;
};

/* A run on its way. */
struct run {
    struct sops_job job;
    struct sops_options options; /* those of sops among the words */
    struct kube_words words;
    struct kube_files files;
    struct kube_read read;
    struct sops_buf program;
    struct sops_arena arena;
};

static bool is_help(const char *word)
{
    static const char *const words[] = {"--help", "-h", "help", NULL};
    return word == NULL || sops_slice_is_any(sops_str(word), words);
}

static bool find_kubectl(struct run *r, struct sops_err *e)
{
    const char *named = sops_world_env_set(r->job.world, "SOPS_KUBECTL");
    return sops_proc_locate(named != NULL ? named : "kubectl", r->job.world->env(r->job.world, "PATH"), &r->program,
                            e) ||
           sops_hint(e, "install kubectl, or name it in SOPS_KUBECTL");
}

/* -k: what kubectl's own kustomize builds. */
static bool read_built(struct run *r, struct sops_err *e)
{
    const char *argv[] = {(const char *)r->program.ptr, "kustomize", r->words.folder, NULL};
    struct sops_command command = {.argv = argv, .limit = SOPS_MANIFEST_MAX, .show_stderr = true};
    struct sops_outcome outcome = {0};
    if (!r->job.world->run(r->job.world, &command, &outcome, e)) {
        return false;
    }
    bool ok = outcome.status == 0 ? sops_kube_read(&r->read, NULL, &outcome.out, e)
                                  : sops_fail(e, outcome.status, "kubectl kustomize '%s' failed", r->words.folder);
    sops_outcome_free(&outcome);
    return ok;
}

static bool read_all(struct run *r, struct sops_err *e)
{
    bool ok = r->words.folder != NULL ? read_built(r, e) : sops_kube_files(&r->files, &r->words, &r->arena, e);
    for (size_t i = 0; ok && i < r->files.count; i++) {
        ok = sops_kube_read(&r->read, r->files.path[i], NULL, e);
    }
    return ok;
}

/* VERB [added flags] -f - [-f URL]… REST */
static const char *const *make_argv(struct run *r, struct sops_err *e)
{
    const struct kube_words *w = &r->words;
    size_t n = 0;
    const char **argv = sops_arena_alloc(&r->arena, (2 * w->file_count + w->rest_count + 8) * sizeof *argv, e);
    if (argv == NULL) {
        return NULL;
    }
    argv[n++] = "kubectl";
    argv[n++] = sops_kube_verbs[w->verb];
    if (w->add_server_side) {
        argv[n++] = "--server-side";
    }
    if (w->add_manager) {
        argv[n++] = "--field-manager=kubectl-sops";
    }
    argv[n++] = "-f";
    argv[n++] = "-";
    for (size_t i = 0; i < w->file_count; i++) {
        if (sops_kube_is_url(w->files[i])) {
            argv[n++] = "-f";
            argv[n++] = w->files[i];
        }
    }
    for (size_t i = 0; i < w->rest_count; i++) {
        argv[n++] = w->rest[i];
    }
    return argv;
}

/* `fd` becomes stdin; it is that already where there was none. */
static bool make_stdin(int fd, struct sops_err *e)
{
    bool ok = lseek(fd, 0, SEEK_SET) == 0 &&
              (fd == STDIN_FILENO ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    return ok || sops_fail(e, SOPS_E_GENERIC, "cannot make a file in memory stdin: %s", sops_os_error(errno));
}

/* The stream in a file without a name. */
static bool give_stream(struct sops_slice stream, struct sops_err *e)
{
    int fd = memfd_create("manifests", MFD_CLOEXEC);
    if (fd < 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot make a file in memory: %s", sops_os_error(errno));
    }
    bool ok = sops_fd_write(fd, "a file in memory", stream, e) && make_stdin(fd, e);
    if (fd != STDIN_FILENO) {
        (void)close(fd);
    }
    return ok;
}

static bool start_kubectl(struct run *r, struct sops_err *e)
{
    const char *const *argv = make_argv(r, e);
    if (argv == NULL || !give_stream(sops_buf_view(&r->read.stream), e)) {
        return false;
    }
    if (r->words.keeps_values && r->read.opened) {
        sops_ui_warn("the annotation kubectl.kubernetes.io/last-applied-configuration will hold all values in clear "
                     "text: leave out %s",
                     r->words.verb == KUBE_APPLY ? "--server-side=false" : "--save-config");
    }
    return sops_exec_become((const char *)r->program.ptr, argv, environ, e);
}

static bool carry_out(struct run *r, struct sops_err *e)
{
    struct sops_job *j = &r->job;
    r->read.common = j;
    r->read.words = &r->words;
    return find_kubectl(r, e) && sops_step_config(j, e) && sops_step_order(j, e) && read_all(r, e) &&
           start_kubectl(r, e);
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct run r = {0};
    if (is_help(o->args[0])) {
        return sops_usage_show(o, e);
    }
    bool ok = sops_options_open(&r.options, o->verb, e);
    r.options.global = o->global;
    r.options.command = o->command;
    ok = ok && sops_kube_words(&r.words, &r.options, o->args, e) && sops_options_env(&r.options, w, e);
    if (ok) {
        r.words.show = ((const struct kubectl_options *)r.options.own)->show;
        r.job = (struct sops_job){.world = w, .opt = &r.options};
        ok = carry_out(&r, e);
    }
    if (!ok && e->code == SOPS_E_GENERIC && r.words.verb == KUBE_DIFF) {
        sops_recode(e, SOPS_E_READ); /* 1 is kubectl's word for "differs" */
    }
    sops_buf_free(&r.read.stream);
    sops_buf_free(&r.program);
    sops_job_free(&r.job);
    sops_arena_free(&r.arena);
    sops_options_free(&r.options);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "show",
     SOPS_FLAG_TO(struct kubectl_options, show),
     .help = "let diff show values of encrypted objects that are no Secrets"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"MANIFESTS", options};
static const struct sops_opt_table *const tables[] = {
    &table, &sops_opts_order, &sops_opts_mac, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_kubectl = {
    .name = "kubectl",
    .summary = "apply, create, replace, diff or delete encrypted manifests",
    .args = "VERB -f FILE… [-R] [FLAGS OF KUBECTL]",
    .about = "VERB is apply, create, replace, diff or delete. Files, folders, patterns and stdin (-) may\n"
             "be encrypted or not, as may the objects in them; all are opened before kubectl starts,\n"
             "and go to it through memory. apply and diff are server-side unless you say otherwise:\n"
             "so no clear text stays in an annotation. With a link called kubectl-sops on PATH it is\n"
             "kubectl sops.\n",
    .example = "sops kubectl apply -f secret.yaml -n shop",
    .tables = tables,
    .own_size = sizeof(struct kubectl_options),
    .ours = true,
    .yields = true,
    .words = true,
    .run = run,
};
