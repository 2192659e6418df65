/* SPDX-License-Identifier: Apache-2.0 */
/* While a secret is typed the terminal does not echo: how it was before is kept where the signal handler finds it. */
#include "cli/world_term.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <termios.h>
#include <unistd.h>

#define LONGEST ((size_t)65536)
#define KEY_CTRL_C 3
#define ERASE_LINE "\r\n\x1b[F\x1b[K" /* to the next line, back up, and away with the prompt */

static struct termios before;
static atomic_int changed_fd = -1;

void sops_term_restore(void)
{
    int fd = atomic_exchange(&changed_fd, -1);
    if (fd >= 0) {
        (void)tcsetattr(fd, TCSAFLUSH, &before);
    }
}

bool sops_term_is_there(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        (void)close(fd);
        return true;
    }
    for (fd = 0; fd < 3; fd++) { /* a container need not have /dev/tty */
        if (tcgetpgrp(fd) >= 0) {
            return true;
        }
    }
    return false;
}

static bool change(int fd, tcflag_t on, tcflag_t off, struct sops_err *e)
{
    if (tcgetattr(fd, &before) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot read the terminal's mode: %s", sops_os_error(errno));
    }
    struct termios mode = before;
    mode.c_lflag = (mode.c_lflag | on) & ~off;
    mode.c_iflag |= ICRNL;
    atomic_store(&changed_fd, fd);
    return tcsetattr(fd, TCSAFLUSH, &mode) == 0 ||
           sops_fail(e, SOPS_E_GENERIC, "cannot change the terminal's mode: %s", sops_os_error(errno));
}

static bool read_byte(int fd, uint8_t *byte, bool *end, struct sops_err *e)
{
    ssize_t n;
    while ((n = read(fd, byte, 1)) < 0 && errno == EINTR) {
    }
    *end = n == 0;
    return n >= 0 || sops_fail(e, SOPS_E_GENERIC, "cannot read from the terminal: %s", sops_os_error(errno));
}

/* One line without its end. The end of input counts as the end of a line, but not before its first byte. */
static bool read_line(int fd, struct sops_buf *answer, struct sops_err *e)
{
    size_t start = answer->len;
    uint8_t byte;
    bool end = false;
    while (answer->len - start < LONGEST) {
        if (!read_byte(fd, &byte, &end, e)) {
            return false;
        }
        if (end && answer->len == start) {
            return sops_fail(e, SOPS_E_GENERIC, "the terminal gave no answer");
        }
        if (end || byte == '\n') {
            while (answer->len > start && answer->ptr[answer->len - 1] == '\r') {
                sops_buf_cut(answer, answer->len - 1);
            }
            return true;
        }
        if (!sops_buf_addc(answer, byte, e)) {
            return false;
        }
    }
    return sops_fail(e, SOPS_E_GENERIC, "the answer is too long");
}

static bool read_key(int fd, struct sops_buf *answer, struct sops_err *e)
{
    uint8_t byte = 0;
    bool end = false;
    while (byte != '1' && byte != '2') {
        if (!read_byte(fd, &byte, &end, e)) {
            return false;
        }
        if (end || byte == KEY_CTRL_C) {
            return sops_fail(e, SOPS_E_GENERIC, "the question was cancelled");
        }
    }
    return sops_buf_addc(answer, byte == '1' ? '1' : '0', e);
}

static bool show_prompt(int fd, const struct sops_question *q, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_buf_adds(&text, q->prompt, e);
    if (ok && q->kind == SOPS_ASK_CONFIRM) {
        ok = q->no != NULL ? sops_buf_addf(&text, e, "\n[1] %s  [2] %s:", q->yes, q->no)
                           : sops_buf_addf(&text, e, "\nPress enter for \"%s\":", q->yes);
    }
    ok = ok && sops_buf_addc(&text, ' ', e) && sops_fd_write(fd, "the terminal", sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}

static bool ask_on(int fd, const struct sops_question *q, struct sops_buf *answer, struct sops_err *e)
{
    struct sops_buf line = {0};
    bool key = q->kind == SOPS_ASK_CONFIRM && q->no != NULL;
    /* The mode first: what is typed as soon as the prompt can be seen must not be shown. */
    bool ok = (q->kind != SOPS_ASK_SECRET || change(fd, ICANON | ISIG, ECHO | ECHONL, e)) &&
              (!key || change(fd, 0, ECHO | ICANON | ISIG, e)) && show_prompt(fd, q, e);
    if (ok && key) {
        ok = read_key(fd, answer, e);
    } else if (ok && q->kind == SOPS_ASK_CONFIRM) {
        ok = read_line(fd, &line, e) && sops_buf_addc(answer, '1', e);
    } else if (ok) {
        ok = read_line(fd, answer, e);
    }
    sops_term_restore();
    sops_buf_free(&line);
    return ok && sops_fd_write(fd, "the terminal", SOPS_LIT(ERASE_LINE), e);
}

bool sops_world_ask(struct sops_world *w, const struct sops_question *q, struct sops_buf *answer, struct sops_err *e)
{
    (void)w;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 && isatty(STDIN_FILENO) == 1) {
        return ask_on(STDIN_FILENO, q, answer, e);
    }
    if (fd < 0) {
        return sops_fail(e, SOPS_E_GENERIC, "standard input is not a terminal, and /dev/tty is not available");
    }
    bool ok = ask_on(fd, q, answer, e);
    (void)close(fd);
    return ok;
}
