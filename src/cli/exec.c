/* SPDX-License-Identifier: Apache-2.0 */
/* Another user is this process's user for good, before anything of it is made or run: so what is made belongs to that
 * user, and nothing of ours can be had back. */
#include "cli/exec.h"

#include "base/proc.h"
#include "cli/harden.h"
#include "cli/redact.h"
#include "cli/relay.h"
#include "cli/signals.h"
#include "cli/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#define BY_SIGNAL 255

static const struct sops_option options[] = {
    {.name = "background",
     SOPS_FLAG_TO(struct sops_exec_options, background),
     .help = "do not wait for the command (deprecated)"},
    {.name = "user",
     SOPS_TEXT_TO(struct sops_exec_options, user),
     .value = "NAME",
     .help = "run the command as this user"},
    {.name = "no-shell",
     SOPS_FLAG_TO(struct sops_exec_options, no_shell),
     .help = "what stands behind -- is a program, also when it is one word"},
    {.name = "redact",
     SOPS_FLAG_TO(struct sops_exec_options, redact),
     .help = "take the encrypted values out of what the command prints; a help against accidents, no boundary"},
    {.name = "redact-min",
     SOPS_INT_TO(struct sops_exec_options, redact_min),
     .value = "N",
     .help = "leave texts that are shorter than N bytes (4 to 4096, default: 6)"},
    {.name = NULL},
};
const struct sops_opt_table sops_opts_exec = {"COMMAND", options};

/* ---- words ------------------------------------------------------------------------------------------------------ */

/* Files and command, in both forms; false when there is no such thing. */
static bool take_words(struct sops_exec *x, const struct sops_options *o)
{
    bool no_shell = sops_exec_said(o)->no_shell;
    x->files = o->args;
    if (o->behind != NULL) {
        x->count = o->argc;
        x->words = o->behind;
        x->shell = !no_shell && x->words[0] != NULL && x->words[1] == NULL;
    } else if (o->argc == 2 && !no_shell) {
        x->count = 1;
        x->words = o->args + 1;
        x->shell = true;
    } else {
        return false;
    }
    x->two_words = x->shell && x->count == 1;
    return x->words[0] != NULL;
}

static bool conflict(const struct sops_exec_options *o, struct sops_err *e)
{
    if (o->same_process && o->background) {
        return sops_fail(e, SOPS_E_CONFLICT, "--same-process cannot be used with --background");
    }
    if (o->redact && (o->background || o->same_process)) {
        return sops_fail(e, SOPS_E_CONFLICT, "--redact cannot be used with --%s",
                         o->background ? "background" : "same-process");
    }
    if (o->redact_min.given && !o->redact) {
        return sops_fail(e, SOPS_E_CONFLICT, "--redact-min says nothing without --redact");
    }
    if (o->redact_min.given && (o->redact_min.value < SOPS_REDACT_LEAST || o->redact_min.value > SOPS_REDACT_MOST)) {
        return sops_fail(e, SOPS_E_GENERIC, "--redact-min takes a number from %d to %d", SOPS_REDACT_LEAST,
                         SOPS_REDACT_MOST);
    }
    return true;
}

bool sops_exec_arguments(struct sops_job *j, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    const struct sops_exec_options *said = sops_exec_said(j->opt);
    if (!take_words(x, j->opt)) {
        (void)sops_fail(e, SOPS_E_GENERIC, "missing file to decrypt: FILE and COMMAND are wanted");
        return sops_hint(e, said->no_shell ? "FILE… -- PROG ARG…, with -- behind the files"
                                           : "a command of several words is one argument; or put -- before it");
    }
    if (!conflict(said, e)) {
        return false;
    }
    if (said->background) {
        sops_ui_warn("the option --background is deprecated");
    }
    return true;
}

bool sops_exec_open(struct sops_job *j, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    return sops_inputs_load(&x->inputs, j, x->files, x->count, SOPS_STATUSES_USUAL, e);
}

bool sops_exec_job(struct sops_world *w, const struct sops_options *o, sops_step *const steps[], struct sops_err *e)
{
    struct sops_exec x = {0};
    struct sops_job j = {.world = w, .opt = o, .own = &x};
    bool ok = sops_job_steps(&j, steps, e);
    sops_inputs_free(&x.inputs);
    sops_arena_free(&x.arena);
    sops_job_free(&j);
    return ok;
}

/* ---- another user ----------------------------------------------------------------------------------------------- */

static bool become(const struct passwd *user, struct sops_err *e)
{
    uid_t uid[3];
    gid_t gid[3];
    if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot become the user '%s': %s", user->pw_name, sops_os_error(errno));
    }
    bool real = getresuid(&uid[0], &uid[1], &uid[2]) == 0 && getresgid(&gid[0], &gid[1], &gid[2]) == 0;
    for (int i = 0; real && i < 3; i++) {
        real = uid[i] == user->pw_uid && gid[i] == user->pw_gid;
    }
    if (!real || (user->pw_uid != 0 && setuid(0) == 0)) {
        return sops_fail(e, SOPS_E_GENERIC, "becoming the user '%s' did not last", user->pw_name);
    }
    sops_harden_resume();
    return true;
}

static bool add_variable(struct sops_arena *a, const char **to, const char *name, const char *value, struct sops_err *e)
{
    struct sops_slice text;
    bool ok = sops_arena_printf(a, &text, e, "%s=%s", name, value);
    *to = ok ? (const char *)text.ptr : NULL;
    return ok;
}

bool sops_exec_user(const struct sops_options *o, struct sops_arena *a, const char *env[4], struct sops_err *e)
{
    const char *name = sops_exec_said(o)->user;
    env[0] = NULL;
    if (name == NULL) {
        return true;
    }
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "unknown user '%s'%s%s", name, errno != 0 ? ": " : "",
                         errno != 0 ? sops_os_error(errno) : "");
    }
    env[3] = NULL;
    return add_variable(a, &env[0], "HOME", user->pw_dir, e) && add_variable(a, &env[1], "USER", user->pw_name, e) &&
           add_variable(a, &env[2], "LOGNAME", user->pw_name, e) && become(user, e);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

/* argv, and the path of its program. */
static bool find_program(struct sops_job *j, const char *const *words, const char *const **argv, struct sops_buf *path,
                         struct sops_err *e)
{
    struct sops_exec *x = j->own;
    if (x->shell) {
        const char **shell = sops_arena_alloc(&x->arena, 4 * sizeof *shell, e);
        if (shell == NULL) {
            return false;
        }
        shell[0] = "/bin/sh";
        shell[1] = "-c";
        shell[2] = words[0];
        words = shell;
    }
    *argv = words;
    return sops_proc_locate(words[0], j->world->env(j->world, "PATH"), path, e);
}

static bool start(const char *path, const char *const *argv, char *const *env, const struct sops_relay *r,
                  const int fd[3], pid_t *pid, struct sops_err *e)
{
    const struct sops_start s = {
        .path = path,
        .argv = (char *const *)(uintptr_t)argv,
        .env = env,
        .fd = {fd[0], fd[1], fd[2]},
        .usual = sops_signals_usual(),
        .mask = r != NULL ? &r->before : NULL,
        .group = r != NULL && r->own,
    };
    sops_harden_pause();
    bool ok = sops_proc_start(&s, pid, e) || sops_recode(e, SOPS_E_NOT_RUNNABLE);
    sops_harden_resume();
    return ok;
}

static bool run_in_background(const char *path, const char *const *argv, char *const *env, struct sops_err *e)
{
    pid_t pid;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot open '/dev/null': %s", sops_os_error(errno));
    }
    const int fd[3] = {nothing, nothing, nothing};
    bool ok = start(path, argv, env, NULL, fd, &pid, e);
    (void)close(nothing);
    return ok;
}

/* What the status of the command is for us. */
static bool tell_status(const struct sops_exec *x, int status, struct sops_err *e)
{
    int number = status - SOPS_PROC_SIGNAL;
    int code = number < 0 ? status : x->two_words ? BY_SIGNAL : 128 + number;
    return code == 0 || sops_fail(e, code, "%s", "");
}

static bool run_to_its_end(struct sops_exec *x, const char *path, const char *const *argv, char *const *env,
                           struct sops_redaction *redaction, struct sops_err *e)
{
    static const int ours[3] = {-1, -1, -1};
    struct sops_relay relay;
    pid_t pid;
    int status = 0;
    sops_relay_begin(&relay, SOPS_RELAY_COMMAND);
    bool ok = (redaction == NULL || sops_redaction_begin(redaction, &relay, e)) &&
              start(path, argv, env, &relay, redaction != NULL ? sops_redaction_fds(redaction) : ours, &pid, e);
    if (!ok) {
        sops_redaction_free(redaction);
        sops_relay_end(&relay);
        return false;
    }
    ok = redaction == NULL || sops_redaction_started(redaction, e);
    /* Signals stay blocked: there is only to clean up, and the status is the command's. What the command says of itself
     * is on stderr already. */
    ok = sops_relay_wait(&relay, pid, &status, e) && ok;
    ok = ok && (redaction == NULL || status != 0 || sops_redaction_done(redaction, e));
    sops_redaction_free(redaction);
    return ok && tell_status(x, status, e);
}

bool sops_exec_run(struct sops_job *j, const char *const *words, char *const *env, struct sops_err *e)
{
    struct sops_exec *x = j->own;
    struct sops_buf path = {0};
    const char *const *argv = NULL;
    struct sops_redaction *redaction = NULL;
    const struct sops_exec_options *said = sops_exec_said(j->opt);
    bool ok = find_program(j, words, &argv, &path, e);
    if (ok && said->redact) {
        redaction = sops_redaction_new(&x->inputs, said->redact_min, e);
        ok = redaction != NULL;
    }
    if (ok && said->background) {
        ok = run_in_background((const char *)path.ptr, argv, env, e);
    } else if (ok) {
        ok = run_to_its_end(x, (const char *)path.ptr, argv, env, redaction, e);
    }
    sops_buf_free(&path);
    return ok;
}

bool sops_exec_become(const char *path, const char *const *argv, char *const *env, struct sops_err *e)
{
    sops_signals_restore();
    sops_harden_pause();
    (void)execve(path, (char *const *)(uintptr_t)argv, env);
    (void)sops_fail(e, SOPS_E_NOT_RUNNABLE, "cannot run '%s': %s", path, sops_os_error(errno));
    sops_harden_resume();
    sops_signals_catch();
    return false;
}

bool sops_exec_replace(struct sops_job *j, const char *const *words, char *const *env, struct sops_err *e)
{
    struct sops_buf path = {0};
    const char *const *argv = NULL;
    bool ok = find_program(j, words, &argv, &path, e) && sops_exec_become((const char *)path.ptr, argv, env, e);
    sops_buf_free(&path);
    return ok;
}
