/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what a command line says: option tables, and the parser for both of its forms
 * (docs/spec/50-cli.md#parsing).
 *
 * A command names the tables that it takes its options from; the flags of keys come from the table of key sources. An
 * option that is not in the command's tables is as if not given, whatever stands before the command, but for the global
 * ones (SOPS_OPT_GLOBAL).
 */
#ifndef SOPS_CLI_OPTIONS_H
#define SOPS_CLI_OPTIONS_H

#include "core/world.h"

#include <stddef.h>

struct sops_verb;

enum sops_opt_kind {
    SOPS_OPT_FLAG,
    SOPS_OPT_TEXT,
    SOPS_OPT_INT,
    SOPS_OPT_MANY,
    SOPS_OPT_WORD, /* a boolean or one other word, behind a '=' only; alone it is "true" */
};

/* How many words a list (NULL-terminated, or NULL) has. */
static inline size_t sops_words(const char *const *list)
{
    size_t n = 0;
    while (list != NULL && list[n] != NULL) {
        n++;
    }
    return n;
}

/* What an INT option says. */
struct sops_opt_number {
    int64_t value;
    bool given;
};

/* What --jobs says: threads for many files, by default 8, or as many as there are processors, up to 32. Code 1. */
bool sops_threads_wanted(const struct sops_opt_number *jobs, size_t *threads, struct sops_err *e) SOPS_CHECKED;

/* What the options for many files say (-r). */
struct sops_many_options {
    bool dry_run, all_or_nothing, json, no_ignore;
    const char *output_dir, *older_than;
    const char *const *include, *const *exclude;
    struct sops_opt_number jobs;
};

/* What the options that several commands share say, and the structs of commands likewise. A text that was not given, or
 * is empty, is NULL, and so is a list that was not given; everything is empty or false where a command does not have
 * the option. */
struct sops_shared {
    const char *preserve_style; /* a boolean word, or "strict" */
    const char *config, *input_type, *output_type, *filename_override, *output, *extract, *decryption_order;
    const char *const *keyservice;
    struct sops_opt_number indent, threshold;
    bool compact_array_indent, document_start_marker;
    struct sops_many_options many;
    bool local_keyservice, in_place, recursive, yes, ignore_mac, mac_only_encrypted, show_master_keys, strict, verbose,
        disable_version_check, check_for_updates, help, version;
};

enum {
    SOPS_OPT_ON = 1,        /* a FLAG that is on unless turned off */
    SOPS_OPT_GLOBAL = 2,    /* counts before a command, too */
    SOPS_OPT_TYPE = 8,      /* the name of a format: any other word is refused */
    SOPS_OPT_TYPE_LAX = 16, /* the same, but only warned of */
    SOPS_OPT_FILLED = 32,   /* of a TEXT: an empty value is refused, and does not count as none */
    SOPS_OPT_OURS = 4,      /* the reference has none: not in the lists that scripts read (completion; in the help it is
                               told without dashes) */
};

struct sops_option {
    const char *name, *short_name; /* without dashes; short_name may be NULL */
    enum sops_opt_kind kind;
    unsigned flags;
    const char *env;   /* the variable that stands for it, or NULL */
    const char *other; /* of a WORD: the word that is no boolean */
    const char *value; /* what the help calls the value: "FILE"; NULL for a FLAG */
    const char *help;  /* one line */
    /* Where its value goes: kind, shared and at come from one of the macros below. `at` is 0 for an option whose name
     * is made from a table (keys, their fields, crypt rules), which is asked for with sops_opt. */
    bool shared;
    uint16_t at;
};
/* The option's value is the member `field` of `type`: struct sops_shared, or the struct of the command's own options
 * (sops_verb.own_size). A member of another type than the option's does not compile. */
#define SOPS_OPT_AT(type, field, want)                                                                                 \
    .shared = _Generic((type *)0, struct sops_shared *                                                                 \
                       : true, default                                                                                 \
                       : false),                                                                                       \
    .at = _Generic(((type *)0)->field, want                                                                            \
                   : offsetof(type, field) + 1)
#define SOPS_FLAG_TO(type, field) .kind = SOPS_OPT_FLAG, SOPS_OPT_AT(type, field, bool)
#define SOPS_TEXT_TO(type, field) .kind = SOPS_OPT_TEXT, SOPS_OPT_AT(type, field, const char *)
#define SOPS_WORD_TO(type, field) .kind = SOPS_OPT_WORD, SOPS_OPT_AT(type, field, const char *)
#define SOPS_INT_TO(type, field) .kind = SOPS_OPT_INT, SOPS_OPT_AT(type, field, struct sops_opt_number)
#define SOPS_MANY_TO(type, field) .kind = SOPS_OPT_MANY, SOPS_OPT_AT(type, field, const char *const *)
/* Ends with an option whose name is NULL. `title` heads it in the help. */
struct sops_opt_table {
    const char *title;
    const struct sops_option *options;
};

/* Tables that several commands share. */
extern const struct sops_opt_table sops_opts_place;          /* -i --in-place, --output */
extern const struct sops_opt_table sops_opts_in_place;       /* -i --in-place */
extern const struct sops_opt_table sops_opts_types;          /* --input-type, --output-type */
extern const struct sops_opt_table sops_opts_input_type;     /* --input-type */
extern const struct sops_opt_table sops_opts_our_input_type; /* the same where the reference has none */
extern const struct sops_opt_table sops_opts_name;           /* --filename-override */
extern const struct sops_opt_table sops_opts_strict;         /* --strict */
extern const struct sops_opt_table sops_opts_mac;            /* --ignore-mac */
extern const struct sops_opt_table sops_opts_crypt;          /* --unencrypted-suffix … --encrypted-regex */
extern const struct sops_opt_table sops_opts_comments;     /* --unencrypted-comment-regex, --encrypted-comment-regex */
extern const struct sops_opt_table sops_opts_our_comments; /* the same where the reference has none */
extern const struct sops_opt_table sops_opts_threshold;    /* --shamir-secret-sharing-threshold */
extern const struct sops_opt_table sops_opts_order;        /* --decryption-order */
extern const struct sops_opt_table sops_opts_services;     /* --enable-local-keyservice, --keyservice */
extern const struct sops_opt_table sops_opts_yes;          /* -y --yes */
extern const struct sops_opt_table sops_opts_style;        /* --preserve-style */
extern const struct sops_opt_table sops_opts_many;         /* -r --recursive, --dry-run, --include, --jobs, … */
extern const struct sops_opt_table sops_opts_output_dir;   /* --output-dir */
extern const struct sops_opt_table sops_opts_global; /* --config, --indent, --mac-only-encrypted, --verbose, … */

#define SOPS_MAX_OPTIONS 96 /* of one command */

/* Flags made from the table of key sources (struct sops_verb.keys). */
enum {
    SOPS_OPT_KEYS = 1,      /* --age, --kms, … with their variables; --aws-profile, --encryption-context */
    SOPS_OPT_KEYS_MANY = 2, /* the same, each may be given several times; no variables (groups add) */
    SOPS_OPT_ADD_RM = 4,    /* --add-age, --rm-age, …; --encryption-context */
};

/* One option of the command at hand, and what was said for it. */
struct sops_opt_slot {
    struct sops_option def;
    bool given;        /* on the command line */
    bool as_short;     /* by its other name */
    const char *text;  /* as given, or the variable's; may be "" */
    const char **many; /* MANY: all values, NULL-terminated */
    size_t count;
    bool on;
    int64_t number;
    const char *title; /* of its table, for the help */
};
struct sops_options {
    const struct sops_verb *verb;
    const char *command; /* as in messages: "groups add" */
    struct sops_opt_slot *slot;
    size_t slots;
    const char *const *args; /* the words that are no options, NULL-terminated */
    size_t argc;
    bool ended;                        /* "--" stood before them */
    const char *const *behind;         /* sops_verb.takes_command: the words behind "--", when arguments stand before
                                          it; else NULL */
    const struct sops_options *global; /* what stood before the command; NULL for that itself and for the old form */
    struct sops_shared shared;         /* what was said, by words and variables */
    void *own;                         /* the same of the command's own options: a struct of its own; see sops_own */
    struct sops_arena arena;
};

/* ---- options whose names a table makes: --age, --add-kms, --encryption-context, --encrypted-regex --------------- */

/* The value, or NULL when not given, empty, or not an option here. */
const char *sops_opt(const struct sops_options *o, const char *name);
/* The same as a slice; empty when there is none. */
struct sops_slice sops_opt_slice(const struct sops_options *o, const char *name);
/* All values of a MANY option, NULL-terminated; never NULL. */
const char *const *sops_opt_many(const struct sops_options *o, const char *name);
/* Was any option whose name begins with `prefix` ("add-") given with a value? */
bool sops_opt_any(const struct sops_options *o, const char *prefix);
/* Argument `i`, or NULL when there are not so many. */
const char *sops_arg(const struct sops_options *o, size_t i);

/* Makes the slots of `verb`, all as if nothing was said. */
bool sops_options_open(struct sops_options *o, const struct sops_verb *verb, struct sops_err *e) SOPS_CHECKED;
/* Reads `words`. `reorder`: options may stand behind arguments (the form with commands). Wrong usage: code 1, a message
 * of "flag provided but not defined: -NAME" and its like, and `*usage` is set. */
bool sops_options_parse(struct sops_options *o, const char *const *words, bool reorder, bool *usage,
                        struct sops_err *e) SOPS_CHECKED;
/* For a command that reads its words itself: when the first of `words` is one of its options, reads it; `*used` gets
 * the number of words that it took, else 0. Code 1. sops_options_env is called behind the last. */
bool sops_options_take(struct sops_options *o, const char *const *words, size_t *used, struct sops_err *e) SOPS_CHECKED;
/* Lets the environment stand for what was not given. */
bool sops_options_env(struct sops_options *o, struct sops_world *w, struct sops_err *e) SOPS_CHECKED;
/* Do the words that name a format name one? Else code 1 with the words that do, or a warning. */
bool sops_options_check(const struct sops_options *o, struct sops_world *w, struct sops_err *e) SOPS_CHECKED;
/* The variables of booleans hold booleans? Checked before all else. */
bool sops_options_check_env(struct sops_world *w, struct sops_err *e) SOPS_CHECKED;
/* Takes out of the hint of `e` each part ("…; …") that names an option which this command does not have. Whoever prints
 * an error of a command calls it before. */
void sops_options_fit_hint(const struct sops_options *o, struct sops_err *e);
/* Fails, code 8, as the two do not go together. */
bool sops_options_clash(const char *a, const char *b, struct sops_err *e);
void sops_options_free(struct sops_options *o);

#endif
