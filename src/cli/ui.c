/* SPDX-License-Identifier: Apache-2.0 */
/* Messages quote what others say: names of files, answers of servers, gpg's words. So all of stderr goes through one
 * filter that lets no control character, broken UTF-8 or change of direction reach the terminal. */
#include "cli/ui.h"

#include "cli/signals.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define RED "\033[31m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

/* Characters that act on a terminal or change the order of what is shown. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Appends `text`; what is unsafe becomes '?', tabs and (but for `lines`) line breaks become blanks. */
static bool add_safe(struct sops_buf *out, struct sops_slice text, bool lines, struct sops_err *e)
{
    while (text.len != 0) {
        uint32_t c = 0;
        size_t n = sops_utf8_next(text, &c);
        bool ok;
        if (n == 0) {
            n = 1;
            ok = sops_buf_addc(out, '?', e);
        } else if (c == '\n' && lines) {
            ok = sops_buf_addc(out, '\n', e);
        } else if (is_unsafe(c)) {
            ok = sops_buf_addc(out, c == '\n' || c == '\t' ? ' ' : '?', e);
        } else {
            ok = sops_buf_add(out, sops_slice_first(text, n), e);
        }
        if (!ok) {
            return false;
        }
        text = sops_slice_skip(text, n);
    }
    return true;
}

bool sops_ui_safe(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice line;
    bool ok = true, first = true;
    while (ok && text.len != 0 && sops_slice_next(&text, '\n', &line)) {
        ok = (first || sops_buf_addc(out, '?', e)) && add_safe(out, line, false, e);
        first = false;
    }
    return ok;
}

static atomic_bool progress_shown;

/* Nothing can be done when stderr is closed or memory is out. */
static void to_stderr(struct sops_buf *text)
{
    struct sops_err ignored = {0};
    if (atomic_exchange(&progress_shown, false)) {
        (void)!sops_fd_write(STDERR_FILENO, "stderr", SOPS_LIT("\r\033[K"), &ignored);
    }
    (void)!sops_fd_write(STDERR_FILENO, "stderr", sops_buf_view(text), &ignored);
    sops_err_clear(&ignored);
    sops_buf_free(text);
}

static void line_to_stderr(const char *lead, struct sops_slice text)
{
    struct sops_buf line = {0};
    struct sops_err ignored = {0};
    if (sops_buf_adds(&line, lead, &ignored) && add_safe(&line, text, false, &ignored) &&
        sops_buf_addc(&line, '\n', &ignored)) {
        to_stderr(&line);
    }
    sops_buf_free(&line);
    sops_err_clear(&ignored);
}

bool sops_ui_out(struct sops_slice bytes, struct sops_err *e)
{
    if (atomic_load(&progress_shown)) {
        sops_ui_progress(NULL); /* on a terminal both are on one line */
    }
    if (bytes.len == 0 || sops_fd_write(STDOUT_FILENO, "stdout", bytes, e)) {
        return true;
    }
    if (errno == EPIPE) {
        sops_signals_closed_pipe(); /* `| head` is no failure that one must read about */
    }
    return false;
}

bool sops_ui_piece(struct sops_buf *gathered, struct sops_slice piece, struct sops_err *e)
{
    enum { AT_ONCE = 64 << 10 };
    if (piece.len + gathered->len < AT_ONCE) {
        return sops_buf_add(gathered, piece, e);
    }
    bool ok = sops_ui_out(sops_buf_view(gathered), e) && sops_ui_out(piece, e);
    gathered->len = 0;
    return ok;
}

bool sops_ui_plain(struct sops_slice text, struct sops_err *e)
{
    struct sops_buf safe = {0};
    bool ok = add_safe(&safe, text, true, e) && sops_ui_out(sops_buf_view(&safe), e);
    sops_buf_free(&safe);
    return ok;
}

bool sops_ui_outf(struct sops_err *e, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        return sops_fail(e, SOPS_E_GENERIC, "a line for stdout is too long");
    }
    return sops_ui_out(sops_slice_of(text, (size_t)n), e);
}

void sops_ui_warn(const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    line_to_stderr("warning: ", sops_str(text));
}

void sops_ui_note(const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    line_to_stderr("", sops_str(text));
}

void sops_ui_prompt(const char *text)
{
    struct sops_buf line = {0};
    struct sops_err ignored = {0};
    if (add_safe(&line, sops_str(text), false, &ignored)) {
        to_stderr(&line);
    }
    sops_buf_free(&line);
    sops_err_clear(&ignored);
}

void sops_ui_say(enum sops_say level, const char *text)
{
    char who[32] = "";
    size_t n = level == SOPS_SAY_LOG ? strcspn(text, "\t") + 1 : 0; /* the one tab that is no accident */
    if (n != 0 && n < sizeof who && text[n - 1] == '\t') {
        memcpy(who, text, n);
        line_to_stderr(who, sops_str(text + n));
        return;
    }
    line_to_stderr(level == SOPS_SAY_WARN ? "warning: " : "", sops_str(text));
}

void sops_ui_say_nothing(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)text;
}

void sops_ui_say_no_warning(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    if (level != SOPS_SAY_WARN) {
        sops_ui_say(level, text);
    }
}

void sops_ui_notes(const char *file, struct sops_slice notes)
{
    struct sops_slice rest = notes, line;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        sops_ui_warn("'%s': %.*s", file, SOPS_ARG(line));
    }
}

bool sops_ui_colour(struct sops_world *w, int fd)
{
    return isatty(fd) == 1 && sops_world_env_set(w, "NO_COLOR") == NULL;
}

/* The report of groups and keys; the word at the end of a line says how it went. */
static bool add_report(struct sops_buf *out, struct sops_slice report, bool colour, struct sops_err *e)
{
    struct sops_slice rest = report, line;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        struct sops_slice bad = SOPS_LIT(": FAILED"), good = SOPS_LIT(": SUCCESS"), word = {0};
        if (colour && (sops_slice_ends(line, bad) || sops_slice_ends(line, good))) {
            word = sops_slice_ends(line, bad) ? bad : good;
            line.len -= word.len;
        }
        bool ok = add_safe(out, line, false, e);
        if (word.len != 0) {
            ok = ok && sops_buf_addf(out, e, ": %s%.*s" PLAIN, word.len == bad.len ? RED : GREEN,
                                     SOPS_ARG(sops_slice_skip(word, 2)));
        }
        if (!ok || !sops_buf_addc(out, '\n', e)) {
            return false;
        }
    }
    return true;
}

bool sops_ui_error_text(struct sops_world *w, const struct sops_err *e, struct sops_buf *text, struct sops_err *why)
{
    bool ok = add_safe(text, sops_str(e->msg), false, why);
    if (ok && e->line != 0) {
        ok = sops_buf_addf(text, why, " (line %u", e->line) &&
             (e->column == 0 || sops_buf_addf(text, why, ", column %u", e->column)) && sops_buf_addc(text, ')', why);
    }
    ok = ok && (e->msg[0] == '\0' || sops_buf_addc(text, '\n', why));
    if (ok && e->detail.len != 0) {
        ok = sops_buf_addc(text, '\n', why) &&
             add_report(text, sops_slice_trim(sops_buf_view(&e->detail)), sops_ui_colour(w, STDERR_FILENO), why);
    }
    return ok &&
           (e->hint[0] == '\0' || (sops_buf_adds(text, "hint: ", why) &&
                                   add_safe(text, sops_str(e->hint), false, why) && sops_buf_addc(text, '\n', why)));
}

void sops_ui_error(struct sops_world *w, const struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_err ignored = {0};
    if (!sops_ui_error_text(w, e, &text, &ignored)) {
        sops_buf_free(&text);
        line_to_stderr("", sops_str(e->msg));
    }
    to_stderr(&text);
    sops_err_clear(&ignored);
}

void sops_ui_lines(struct sops_slice lines)
{
    struct sops_buf text = {0};
    struct sops_err ignored = {0};
    if (sops_buf_add(&text, lines, &ignored)) {
        to_stderr(&text);
    }
    sops_buf_free(&text);
    sops_err_clear(&ignored);
}

void sops_ui_progress(const char *text)
{
    struct sops_buf line = {0};
    struct sops_err ignored = {0};
    if (isatty(STDERR_FILENO) != 1) {
        return;
    }
    if (text == NULL) {
        to_stderr(&line);
    } else if (sops_buf_adds(&line, "\r\033[K", &ignored) && add_safe(&line, sops_str(text), false, &ignored)) {
        (void)!sops_fd_write(STDERR_FILENO, "stderr", sops_buf_view(&line), &ignored);
        atomic_store(&progress_shown, true);
    }
    sops_buf_free(&line);
    sops_err_clear(&ignored);
}

/* One line of stdin without its LF. Byte by byte, as what follows is somebody else's. */
static bool read_line(struct sops_buf *line, bool *end, struct sops_err *e)
{
    uint8_t c = 0;
    *end = false;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            *end = true;
            return n == 0 || sops_fail(e, SOPS_E_GENERIC, "cannot read from stdin: %s", sops_os_error(errno));
        }
        if (c == '\n') {
            return true;
        }
        if (line->len == 1024) {
            return sops_fail(e, SOPS_E_GENERIC, "the answer is too long");
        }
        if (!sops_buf_addc(line, c, e)) {
            return false;
        }
    }
}

static bool confirm(const char *prompt, bool aside, bool *yes, struct sops_err *e)
{
    struct sops_buf line = {0};
    bool ok = true, answered = false, end = false;
    while (ok && !answered) {
        sops_buf_cut(&line, 0);
        if (aside) {
            sops_ui_prompt(prompt);
        }
        ok = (aside || sops_ui_out(sops_str(prompt), e)) && read_line(&line, &end, e);
        struct sops_slice word = sops_slice_trim(sops_buf_view(&line));
        if (ok && word.len == 0) {
            ok = sops_fail(e, SOPS_E_GENERIC, "%s", end ? "no answer: stdin ended" : "no answer: an empty line");
            sops_hint(e, "answer y or n");
        } else if (ok && sops_slice_find(word, ' ') != word.len) {
            ok = sops_fail(e, SOPS_E_GENERIC, "the answer is more than one word");
            sops_hint(e, "answer y or n");
        }
        *yes = sops_slice_eq(word, SOPS_LIT("y"));
        answered = ok && (*yes || sops_slice_eq(word, SOPS_LIT("n")));
    }
    sops_buf_free(&line);
    return ok;
}

bool sops_ui_confirm(const char *prompt, bool *yes, struct sops_err *e) { return confirm(prompt, false, yes, e); }

bool sops_ui_confirm_aside(const char *prompt, bool *yes, struct sops_err *e) { return confirm(prompt, true, yes, e); }
