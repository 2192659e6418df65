/* SPDX-License-Identifier: Apache-2.0 */
/* usage.h - help texts, the man page and completion, all made from the tables of commands and options. */
#ifndef SOPS_CLI_USAGE_H
#define SOPS_CLI_USAGE_H

#include "cli/command.h"

/* Appends the help of a command; `o` holds its options, as sops_options_open made them. */
bool sops_usage_text(const struct sops_options *o, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Prints it. */
bool sops_usage_show(const struct sops_options *o, struct sops_err *e) SOPS_CHECKED;
/* The same for a command that is not at hand; `command` is its name with that of the one above, "groups add". */
bool sops_usage_of(const struct sops_verb *verb, const char *command, struct sops_buf *out,
                   struct sops_err *e) SOPS_CHECKED;
/* Appends sops.1 (man.c). */
bool sops_usage_man(struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Prints what may follow `words`, one a line (complete.c); the last of them may be the beginning of an option. */
bool sops_complete(const char *const *words, size_t count, struct sops_err *e) SOPS_CHECKED;

#endif
