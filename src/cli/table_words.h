/* SPDX-License-Identifier: Apache-2.0 */
/* table_words.h - texts that name what is in the tables: a new format, key source or command is in them by itself. */
#ifndef SOPS_CLI_TABLE_WORDS_H
#define SOPS_CLI_TABLE_WORDS_H

#include "base/base.h"

/* Appends `text` with these words replaced: FILE_TYPES by the names of the formats, KEY_TYPES by the ids of the key
 * sources, OWN_COMMANDS by the commands that the reference has not. `between` stands between two names. */
bool sops_table_words(const char *text, const char *between, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
