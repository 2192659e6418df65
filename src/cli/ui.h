/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui.h - the only writer to stdout and stderr.
 *
 * stdout carries results only. What others say (programs, servers, names of files and keys) is freed of control
 * characters here, so that a message cannot move the cursor or change a title.
 */
#ifndef SOPS_CLI_UI_H
#define SOPS_CLI_UI_H

#include "core/world.h"

/* All of `bytes` to stdout, at once; code 1 when it cannot be written. */
bool sops_ui_out(struct sops_slice bytes, struct sops_err *e) SOPS_CHECKED;
/* The same for a text of many pieces, once all of it is known: small ones are gathered in `gathered`, large ones go out
 * from where they are. Behind the last, what is gathered is for sops_ui_out. */
bool sops_ui_piece(struct sops_buf *gathered, struct sops_slice piece, struct sops_err *e) SOPS_CHECKED;
/* The same for people: lines whose names and texts may be foreign are freed of control characters. */
bool sops_ui_plain(struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
bool sops_ui_outf(struct sops_err *e, const char *fmt, ...) SOPS_PRINTF(2, 3) SOPS_CHECKED;
/* One line on stderr, "warning: " in front or nothing. */
void sops_ui_warn(const char *fmt, ...) SOPS_PRINTF(1, 2);
void sops_ui_note(const char *fmt, ...) SOPS_PRINTF(1, 2);
/* The same without an end of line: what is typed follows. */
void sops_ui_prompt(const char *text);
/* sops_world.say */
void sops_ui_say(enum sops_say level, const char *text);
/* The same for what is tried: nothing is told, or no warnings. */
void sops_ui_say_nothing(struct sops_world *w, enum sops_say level, const char *text);
void sops_ui_say_no_warning(struct sops_world *w, enum sops_say level, const char *text);
/* Each line of `notes` as a warning about `file`. */
void sops_ui_notes(const char *file, struct sops_slice notes);
/* The whole failure on stderr: position, message, detail (FAILED red, SUCCESS green on a terminal), hint. */
void sops_ui_error(struct sops_world *w, const struct sops_err *e);
/* The same, appended to a text. */
bool sops_ui_error_text(struct sops_world *w, const struct sops_err *e, struct sops_buf *text,
                        struct sops_err *why) SOPS_CHECKED;
/* Lines as they are, but for what is unsafe, to stderr at once. */
void sops_ui_lines(struct sops_slice lines);
/* A line that is drawn over the one before, until something else is written to stderr; NULL: it is taken away. Only
 * where stderr is a terminal. */
void sops_ui_progress(const char *text);
/* Appends `text` with what is unsafe as '?', line breaks too. */
bool sops_ui_safe(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* May `fd` get colours? Only a terminal, and never with NO_COLOR. */
bool sops_ui_colour(struct sops_world *w, int fd);
/* Prints `prompt` on stdout and reads lines from stdin until one is "y" or "n" (docs/spec/50-cli.md#updatekeys). An
 * empty line, the end of stdin, or more than one word: code 1. */
bool sops_ui_confirm(const char *prompt, bool *yes, struct sops_err *e) SOPS_CHECKED;
/* The same with the prompt on stderr. */
bool sops_ui_confirm_aside(const char *prompt, bool *yes, struct sops_err *e) SOPS_CHECKED;

#endif
