/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two commands of gpg-agent's Assuan protocol (docs/spec/61-age.md#passphrase-protected-identities). GNUPGHOME does not
 * count for where its socket is: the reference looks below the home folder only.
 */
#include "keysources/age_internal.h"

#include "base/encode.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN ((size_t)16384)
#define CONNECT_MS 2000

struct agent {
    struct sops_stream stream;
    bool open;
    struct sops_buf in, line;
};

static bool is_socket(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The path of the socket; false when there is none. */
static bool find_socket(struct sops_world *w, char *path, size_t size)
{
    const char *given = w->env(w, "GPG_AGENT_INFO");
    if (given != NULL) {
        size_t n = strcspn(given, ":");
        return n != 0 && n < size && snprintf(path, size, "%.*s", (int)n, given) > 0;
    }
    struct passwd entry, *found = NULL;
    char text[4096];
    const char *home = getpwuid_r(getuid(), &entry, text, sizeof text, &found) == 0 && found != NULL
                           ? found->pw_dir
                           : sops_world_env_set(w, "HOME");
    const char *run = w->env(w, "XDG_RUNTIME_DIR");
    if (home != NULL && (size_t)snprintf(path, size, "%s/.gnupg/S.gpg-agent", home) < size && is_socket(path)) {
        return true;
    }
    return run != NULL && (size_t)snprintf(path, size, "%s/gnupg/S.gpg-agent", run) < size && is_socket(path);
}

/* The next line, without LF, in a->line. */
static bool read_line(struct agent *a, struct sops_err *e)
{
    size_t n;
    while ((n = sops_slice_find(sops_buf_view(&a->in), '\n')) == a->in.len) {
        if (a->in.len > LINE_MAX_LEN) {
            return sops_fail(e, SOPS_E_GENERIC, "gpg-agent's answer is too long");
        }
        if (!sops_buf_reserve(&a->in, 1024, e)) {
            return false;
        }
        ptrdiff_t got = a->stream.read(&a->stream, a->in.ptr + a->in.len, 1024, -1, e);
        if (got <= 0) {
            return got < 0 ? false : sops_fail(e, SOPS_E_GENERIC, "gpg-agent closed the connection");
        }
        a->in.len += (size_t)got;
    }
    sops_buf_cut(&a->line, 0);
    if (!sops_buf_add(&a->line, sops_slice_of(a->in.ptr, n), e) || sops_buf_cstr(&a->line, e) == NULL) {
        return false;
    }
    memmove(a->in.ptr, a->in.ptr + n + 1, a->in.len - n - 1);
    sops_buf_cut(&a->in, a->in.len - n - 1);
    return true;
}

/* The answer to a command in a->line: the line that begins with OK or ERR. */
static bool read_answer(struct agent *a, struct sops_err *e)
{
    for (;;) {
        if (!read_line(a, e)) {
            return false;
        }
        struct sops_slice line = sops_buf_view(&a->line);
        if (sops_slice_starts(line, SOPS_LIT("INQUIRE"))) {
            if (!a->stream.write(&a->stream, SOPS_LIT("END\n"), e)) {
                return false;
            }
        } else if (!sops_slice_starts(line, SOPS_LIT("S ")) && !sops_slice_starts(line, SOPS_LIT("#"))) {
            return true;
        }
    }
}

static bool is_ok(const struct agent *a)
{
    struct sops_slice line = sops_buf_view(&a->line);
    return sops_slice_eq(line, SOPS_LIT("OK")) || sops_slice_starts(line, SOPS_LIT("OK "));
}

/* What an answer that is not OK means; the text of an ERR line is gpg-agent's own. */
static bool bad_answer(const struct agent *a, struct sops_err *e)
{
    struct sops_slice line = sops_buf_view(&a->line);
    if (sops_slice_starts(line, SOPS_LIT("ERR 83886179"))) {
        return sops_fail(e, SOPS_E_GENERIC, "the question for the passphrase was cancelled");
    }
    if (sops_slice_starts(line, SOPS_LIT("ERR 67108922"))) {
        return sops_fail(e, SOPS_E_GENERIC, "gpg-agent has no passphrase");
    }
    if (sops_slice_starts(line, SOPS_LIT("ERR "))) {
        return sops_fail(e, SOPS_E_GENERIC, "gpg-agent: %.*s", SOPS_ARG(sops_slice_first(line, 200)));
    }
    return sops_fail(e, SOPS_E_GENERIC, "gpg-agent gave an answer that is not understood");
}

/* One option; that the agent does not take it is no error (docs/spec/61-age.md#passphrase-protected-identities, a
 * departure). */
static bool option(struct agent *a, const char *name, const char *value, struct sops_err *e)
{
    char text[512];
    int n = snprintf(text, sizeof text, "OPTION %s=%s\n", name, value);
    if (n < 0 || (size_t)n >= sizeof text || strchr(value, '\n') != NULL) {
        return true;
    }
    return a->stream.write(&a->stream, sops_str(text), e) && read_answer(a, e);
}

/* Connects and says which terminal to ask on. Whether it can be reached at all is in a->open. */
static bool start(struct agent *a, struct sops_world *w, struct sops_err *e)
{
    char path[256], tty[256];
    struct sops_err why = {0};
    if (find_socket(w, path, sizeof path)) {
        struct sops_peer peer = {.unix_path = path, .connect_ms = CONNECT_MS};
        a->open = w->open(w, &peer, &a->stream, &why);
        sops_err_clear(&why);
    }
    if (!a->open) {
        return false;
    }
    if (!read_answer(a, e)) {
        return false;
    }
    if (!is_ok(a)) {
        return bad_answer(a, e);
    }
    const char *display = sops_world_env_set(w, "DISPLAY"), *term = sops_world_env_set(w, "TERM");
    ssize_t n = readlink("/proc/self/fd/0", tty, sizeof tty - 1);
    tty[n > 0 ? n : 0] = '\0';
    return (display == NULL || option(a, "display", display, e)) && (n <= 0 || option(a, "ttyname", tty, e)) &&
           (term == NULL || option(a, "ttytype", term, e));
}

static void end(struct agent *a)
{
    if (a->open) {
        a->stream.close(&a->stream);
    }
    sops_buf_free(&a->in);
    sops_buf_free(&a->line);
}

/* Appends `text` as in the query of a URL. */
static bool add_escaped(struct sops_buf *out, const char *text, struct sops_err *e)
{
    bool ok = true;
    for (const char *p = text; ok && *p != '\0'; p++) {
        uint8_t c = (uint8_t)*p;
        ok = c == ' ' ? sops_buf_addc(out, '+', e) : sops_percent_add(out, sops_slice_of(&c, 1), "", e);
    }
    return ok;
}

static bool get_passphrase(struct agent *a, const char *cache_id, const char *prompt, struct sops_buf *passphrase,
                           struct sops_err *e)
{
    struct sops_buf command = {0};
    bool ok = sops_buf_adds(&command, "GET_PASSPHRASE ", e) && add_escaped(&command, cache_id, e) &&
              sops_buf_adds(&command, " X Passphrase ", e) && add_escaped(&command, prompt, e) &&
              sops_buf_addc(&command, '\n', e) && a->stream.write(&a->stream, sops_buf_view(&command), e) &&
              read_answer(a, e);
    sops_buf_free(&command);
    if (!ok) {
        return false;
    }
    if (!is_ok(a)) {
        return bad_answer(a, e);
    }
    return sops_hex_take(passphrase, sops_slice_trim(sops_slice_skip(sops_buf_view(&a->line), 2)), e);
}

enum sops_age_agent sops_age_agent_ask(struct sops_world *w, const char *cache_id, const char *prompt,
                                       struct sops_buf *passphrase, struct sops_err *e)
{
    struct agent a = {.in = {.locked = true}, .line = {.locked = true}}; /* the passphrase comes through both */
    bool ok = start(&a, w, e) && get_passphrase(&a, cache_id, prompt, passphrase, e);
    enum sops_age_agent result = !a.open ? SOPS_AGE_AGENT_NONE : ok ? SOPS_AGE_AGENT_GAVE : SOPS_AGE_AGENT_FAILED;
    end(&a);
    return result;
}

void sops_age_agent_forget(struct sops_world *w, const char *cache_id)
{
    struct agent a = {0};
    struct sops_err e = {0};
    char command[128];
    (void)snprintf(command, sizeof command, "CLEAR_PASSPHRASE %s\n", cache_id);
    bool ok = start(&a, w, &e) && a.stream.write(&a.stream, sops_str(command), &e) && read_answer(&a, &e) &&
              (is_ok(&a) || bad_answer(&a, &e));
    if (a.open && !ok) {
        sops_world_warn(w, "the wrong passphrase could not be removed from gpg-agent: %s", e.msg);
    }
    end(&a);
    sops_err_clear(&e);
}
