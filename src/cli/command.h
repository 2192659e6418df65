/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - a command of the program: its name, options, help and function. main.c holds the table. */
#ifndef SOPS_CLI_COMMAND_H
#define SOPS_CLI_COMMAND_H

#include "cli/options.h"

struct sops_verb {
    const char *name;
    const char *summary; /* one line in the list of commands; begins with a small letter */
    const char *args;    /* "[FILE]", "FILE PATH VALUE", or "" */
    const char *about;   /* paragraphs for the help, lines of at most 90 columns, LF at the end of each; or NULL */
    const char *example; /* one line, as typed; or NULL */
    const struct sops_opt_table *const *tables; /* NULL-terminated; or NULL */
    unsigned keys;                              /* SOPS_OPT_KEYS, … */
    size_t own_size;                            /* of the struct that its own options are bound to, or 0 */
    const struct sops_verb *const *verbs;       /* the commands below this one (groups, completion), or NULL */
    bool ours;                                  /* the reference has none: not in the list for completion scripts */
    bool takes_command; /* what stands behind -- is a command of the user's, and none of its words an option here */
    bool finds;         /* exit status 1 is what it looks for (SOPS_FOUND): what else would be 1 is 2 */
    bool words;         /* all of the command line are words, as git gives names that may begin with a dash */
    bool many;          /* with -r, options count wherever they stand before "--" */
    bool yields;        /* as the only word, with a file of that name there, it is the file: the word is a new one */
    /* NULL when there are `verbs`. What it returns false with is printed by main, and its code is the exit status. */
    bool (*run)(struct sops_world *w, const struct sops_options *o, struct sops_err *e);
};

/* The code of what a command with `finds` looks for (a difference, a conflict): exit status 1. */
#define SOPS_FOUND 1001

/* What only the old form has: its modes. */
struct sops_old_options {
    bool encrypt, decrypt, rotate;
    const char *set;
};

/* All commands, in the order of cli/list.h; NULL-terminated. */
extern const struct sops_verb *const sops_verbs[];
/* The old form, and what stands before a command. */
extern const struct sops_verb sops_verb_root;
/* The one with this name in a list, or NULL. */
const struct sops_verb *sops_verb_find(const struct sops_verb *const *list, const char *name);

#define X(name) extern const struct sops_verb sops_verb_##name;
#include "cli/list.h"
#undef X
/* Only by the program's name. */
extern const struct sops_verb sops_verb_ksops;

#endif
