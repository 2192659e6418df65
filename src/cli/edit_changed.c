/* SPDX-License-Identifier: Apache-2.0 */
/* The text that was typed is worth more than a second try: there is no way that loses it, and none that writes over the
 * file. It is kept encrypted. */
#include "cli/edit_changed.h"

#include "cli/ui.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SAVED 99
#define LONGEST_ANSWER 1024

/* ---- the text kept ---------------------------------------------------------------------------------------------- */

/* FOLDER/NAME with ".edited", or ".edited-N", before the last ending. */
static const char *saved_name(const char *folder, const char *name, unsigned n, struct sops_buf *out,
                              struct sops_err *e)
{
    const char *dot = strrchr(name, '.');
    size_t stem = dot != NULL ? (size_t)(dot - name) : strlen(name);
    char number[16] = "";
    if (n > 1) {
        (void)snprintf(number, sizeof number, "-%u", n);
    }
    sops_buf_cut(out, 0);
    return sops_buf_addf(out, e, "%s%.*s.edited%s%s", folder, (int)stem, name, number, dot != NULL ? dot : "")
               ? sops_buf_cstr(out, e)
               : NULL;
}

/* In `folder` ("" or with a slash at its end), under the first name that nothing has. */
static bool save_in(struct sops_job *j, const char *folder, const char *name, mode_t mode, struct sops_buf *path)
{
    bool saved = false;
    for (unsigned n = 1; n <= MOST_SAVED && !saved; n++) {
        struct sops_err why = {0};
        struct stat st;
        const char *at = saved_name(folder, name, n, path, &why);
        saved = at != NULL && lstat(at, &st) != 0 && sops_file_create(at, sops_buf_view(&j->bytes), mode, &why);
        bool taken = !saved && at != NULL && lstat(at, &st) == 0; /* by somebody else, meanwhile */
        sops_err_clear(&why);
        if (!saved && !taken) {
            break;
        }
    }
    return saved;
}

/* The folder of the job's file ("" or with a slash at its end) and the file's name in it. */
static const char *split(const struct sops_job *j, struct sops_buf *folder, struct sops_err *e)
{
    const char *slash = strrchr(j->path, '/');
    const char *name = slash != NULL ? slash + 1 : j->path;
    bool ok = sops_buf_addf(folder, e, "%.*s", (int)(name - j->path), j->path) && sops_buf_cstr(folder, e) != NULL;
    return ok ? name : NULL;
}

bool sops_edit_save(struct sops_job *j, mode_t mode, struct sops_err *e)
{
    struct sops_buf path = {0}, folder = {0};
    struct sops_err none = {0};
    const char *temp = sops_world_env_set(j->world, "TMPDIR");
    const char *name = split(j, &folder, &none);
    bool ok = name != NULL && save_in(j, (const char *)folder.ptr, name, mode, &path);
    if (!ok && name != NULL) {
        sops_buf_cut(&folder, 0);
        ok = sops_buf_addf(&folder, &none, "%s/", temp != NULL ? temp : "/tmp") &&
             sops_buf_cstr(&folder, &none) != NULL && save_in(j, (const char *)folder.ptr, name, 0600, &path);
    }
    sops_err_clear(e);
    if (ok) {
        sops_fail(e, SOPS_E_CHANGED,
                  "'%s' was changed by somebody else in the meantime: nothing is overwritten, and your text is kept, "
                  "encrypted, in '%.*s'",
                  j->path, SOPS_ARG(path));
        sops_hint(e, "go on with `sops edit %s` and what `sops decrypt %.*s` shows", j->path, SOPS_ARG(path));
    } else {
        sops_fail(e, SOPS_E_GENERIC,
                  "'%s' was changed by somebody else in the meantime, and your text could be kept nowhere: it is lost",
                  j->path);
    }
    sops_err_clear(&none);
    sops_buf_free(&folder);
    sops_buf_free(&path);
    return false;
}

/* ---- the question ----------------------------------------------------------------------------------------------- */

/* One byte of stdin. False at its end, and when one of `signals` came first. */
static bool read_byte(int signals, char *byte)
{
    struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (poll(wait, 2, -1) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    struct signalfd_siginfo came;
    if (wait[1].revents != 0) {
        (void)!read(signals, &came, sizeof came); /* it has been answered, and must not end the program later */
        return false;
    }
    ssize_t n;
    while ((n = read(STDIN_FILENO, byte, 1)) < 0 && errno == EINTR) {
    }
    return n == 1;
}

/* The first letter of a line that holds nothing else, '\0' for another line. False at the end. */
static bool read_letter(int signals, char *letter)
{
    char byte = '\0';
    size_t length = 0;
    *letter = '\0';
    while (length < LONGEST_ANSWER) {
        if (!read_byte(signals, &byte)) {
            *letter = '\0';
            return false;
        }
        if (byte == '\n') {
            *letter = length == 1 ? *letter : '\0';
            return true;
        }
        *letter = byte;
        length++;
    }
    *letter = '\0';
    return false;
}

/* What can be chosen. */
static void show_choices(const struct sops_job *j, bool merge, const struct sops_err *why)
{
    struct sops_buf folder = {0}, path = {0};
    struct sops_err none = {0};
    struct stat st;
    const char *name = split(j, &folder, &none), *at = j->path;
    for (unsigned n = 1; name != NULL && at != NULL && n <= MOST_SAVED; n++) {
        at = saved_name((const char *)folder.ptr, name, n, &path, &none);
        if (at != NULL && lstat(at, &st) != 0) {
            break;
        }
    }
    sops_ui_note("%s", why->msg);
    if (merge) {
        sops_ui_note("  m  merge what changed there into your text");
    }
    sops_ui_note("  e  back to the editor, with your text");
    sops_ui_note("  s  save your text, encrypted, as '%s', and end", at != NULL ? at : j->path);
    sops_err_clear(&none);
    sops_buf_free(&folder);
    sops_buf_free(&path);
}

enum sops_edit_choice sops_edit_ask(struct sops_job *j, bool merge, const struct sops_err *why)
{
    sigset_t ending, before;
    enum sops_edit_choice choice = SOPS_EDIT_SAVE;
    bool answered = false;
    if (isatty(STDIN_FILENO) != 1) {
        return SOPS_EDIT_SAVE;
    }
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGINT);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &ending, &before);
    int signals = signalfd(-1, &ending, SFD_CLOEXEC);
    show_choices(j, merge, why);
    while (!answered) {
        char letter;
        sops_ui_prompt(merge ? "Choose (m/e/s): " : "Choose (e/s): ");
        answered = !read_letter(signals, &letter) || letter == 's' || letter == 'e' || (merge && letter == 'm');
        choice = letter == 'e' ? SOPS_EDIT_AGAIN : letter == 'm' ? SOPS_EDIT_MERGE : SOPS_EDIT_SAVE;
    }
    if (signals >= 0) {
        (void)close(signals);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return choice;
}
