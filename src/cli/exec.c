/* SPDX-License-Identifier: Apache-2.0 */
/* Another user is this process's user for good, before anything of it is made or run: so what is made belongs to that
 * user, and nothing of ours can be had back. */
#include "cli/exec.h"

#include "base/proc.h"
#include "cli/harden.h"
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
    {.name = NULL},
};
const struct sops_opt_table sops_opts_exec = {"COMMAND", options};

/* Where the command begins; 0: there is none, or too many words without "--". An option before FILE takes FILE along
 * when the words are put in order, and "--" is then left among the arguments. */
static size_t command_at(const struct sops_options *o)
{
    if (o->argc > 2 && strcmp(o->args[1], "--") == 0) {
        return 2;
    }
    return o->argc == 2 || (o->argc > 2 && o->ended) ? 1 : 0;
}

bool sops_exec_arguments(struct sops_job *j, struct sops_err *e)
{
    const struct sops_options *o = j->opt;
    if (command_at(o) == 0) {
        (void)sops_fail(e, SOPS_E_GENERIC, "missing file to decrypt: FILE and COMMAND are wanted");
        return sops_hint(e, "a command of several words is one argument; or put -- before it");
    }
    j->path = j->name = sops_arg(o, 0);
    if (sops_exec_said(o)->background) {
        sops_ui_warn("the option --background is deprecated");
    }
    return true;
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

/* `text` with every "{}" replaced. */
static bool fill_in(struct sops_arena *a, const char *text, const char *place, const char **out, struct sops_err *e)
{
    struct sops_buf filled = {0};
    struct sops_slice copy;
    const char *found;
    bool ok = true;
    while (ok && place != NULL && (found = strstr(text, "{}")) != NULL) {
        ok = sops_buf_add(&filled, sops_slice_of(text, (size_t)(found - text)), e) && sops_buf_adds(&filled, place, e);
        text = found + 2;
    }
    ok = ok && sops_buf_adds(&filled, text, e) && sops_arena_copy(a, sops_buf_view(&filled), &copy, e);
    *out = ok ? (const char *)copy.ptr : NULL;
    sops_buf_free(&filled);
    return ok;
}

bool sops_exec_words(const struct sops_options *o, struct sops_arena *a, const char *place, const char *const **argv,
                     struct sops_err *e)
{
    size_t begin = command_at(o);
    bool shell = o->argc - begin == 1;
    size_t first = shell ? 2 : 0;
    const char **words = sops_arena_alloc(a, (o->argc - begin + first + 1) * sizeof *words, e);
    if (words == NULL) {
        return false;
    }
    if (shell) {
        words[0] = "/bin/sh";
        words[1] = "-c";
    }
    for (size_t i = begin; i < o->argc; i++) {
        if (!fill_in(a, o->args[i], place, &words[first + i - begin], e)) {
            return false;
        }
    }
    *argv = words;
    return true;
}

static bool find_program(struct sops_job *j, const char *name, struct sops_buf *path, struct sops_err *e)
{
    return sops_proc_find(name, j->world->env(j->world, "PATH"), path, e) && sops_buf_cstr(path, e) != NULL;
}

static bool start(const char *path, const char *const *argv, char *const *env, const struct sops_relay *r,
                  int descriptor, pid_t *pid, struct sops_err *e)
{
    const struct sops_start s = {
        .path = path,
        .argv = (char *const *)(uintptr_t)argv,
        .env = env,
        .fd = {descriptor, descriptor, descriptor},
        .usual = sops_signals_usual(),
        .mask = r != NULL ? &r->before : NULL,
        .group = r != NULL && r->own,
    };
    sops_harden_pause();
    bool ok = sops_proc_start(&s, pid, e);
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
    bool ok = start(path, argv, env, NULL, nothing, &pid, e);
    (void)close(nothing);
    return ok;
}

static bool run_to_its_end(const char *path, const char *const *argv, char *const *env, struct sops_err *e)
{
    struct sops_relay relay;
    pid_t pid;
    int status = 0;
    sops_relay_begin(&relay, SOPS_RELAY_COMMAND);
    if (!start(path, argv, env, &relay, -1, &pid, e)) {
        sops_relay_end(&relay);
        return false;
    }
    /* Signals stay blocked: there is only to clean up, and the status is the command's. What the command says of itself
     * is on stderr already. */
    return sops_relay_wait(&relay, pid, &status, e) &&
           (status == 0 || sops_fail(e, status >= SOPS_PROC_SIGNAL ? BY_SIGNAL : status, "%s", ""));
}

bool sops_exec_run(struct sops_job *j, const char *const *argv, char *const *env, struct sops_err *e)
{
    struct sops_buf path = {0};
    bool ok = find_program(j, argv[0], &path, e);
    if (ok && sops_exec_said(j->opt)->background) {
        ok = run_in_background((const char *)path.ptr, argv, env, e);
    } else if (ok) {
        ok = run_to_its_end((const char *)path.ptr, argv, env, e);
    }
    sops_buf_free(&path);
    return ok;
}

bool sops_exec_replace(struct sops_job *j, const char *const *argv, char *const *env, struct sops_err *e)
{
    struct sops_buf path = {0};
    if (find_program(j, argv[0], &path, e)) {
        sops_signals_restore();
        sops_harden_pause();
        (void)execve((const char *)path.ptr, (char *const *)(uintptr_t)argv, env);
        (void)sops_fail(e, SOPS_E_GENERIC, "cannot run '%s': %s", argv[0], sops_os_error(errno));
        sops_harden_resume();
        sops_signals_catch();
    }
    sops_buf_free(&path);
    return false;
}
